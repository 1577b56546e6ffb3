"""NumPy's ufuncs: one row each, from NumPy's ufunc to the primitive that serves tracers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..config import config
from ..core.finite import checked_call
from ..core.primitive import Primitive
from ..core.trace import Tracer
from ..errors import TracerArrayConversionError
from ..lax import elementwise as lax
from ..lax.shape import convert_element_type, dtype_of
from .dispatch import OPERATIONS, as_operand, call_traced, has_tracer, ndarray, serve, summary
from .slopes import NOTES
from .ufunc_options import prepared, refuse_mask

#: Primitives that keep a dtype weak if all operands' dtypes are: those that stand for Python's operators.
_WEAK = {
    lax.neg,
    lax.positive,
    lax.abs_,
    lax.conj_p,
    lax.add,
    lax.sub,
    lax.mul,
    lax.div,
    lax.floor_divide,
    lax.remainder,
    lax.pow_,
    lax.bitwise_and,
    lax.bitwise_or,
    lax.bitwise_xor,
    lax.bitwise_not,
    lax.shift_left,
    lax.shift_right,
}


def _strong(operation: Callable) -> Callable:
    """A ufunc's result is never weak, also where its operands are (np.add(1.0, 2.0) is a numpy.float64)."""
    if isinstance(operation, Primitive) and operation not in _WEAK:
        return operation

    def run(*operands: Any) -> Any:
        out = operation(*operands)
        if out.__class__ is tuple:
            return tuple([convert_element_type(part, dtype_of(part)) for part in out])
        if isinstance(out, Tracer) and not out.shape and out.weak_type:
            # to an operator of Python True is 1, to a ufunc it is not
            if any(dtype_of(x).kind == "b" for x in operands):
                return operation(*[convert_element_type(x, dtype_of(x)) for x in operands])
            return convert_element_type(out, out.dtype)
        return out

    return run


def _unary(ufunc: np.ufunc, operation: Callable) -> Callable:
    operation = OPERATIONS[ufunc] = _strong(operation)

    def traced(
        x: Any,
        /,
        out: None = None,
        *,
        where: Any = True,
        casting: Any = "same_kind",
        order: Any = "K",
        dtype: Any = None,
        subok: bool = True,
        signature: Any = None,
    ) -> Any:
        refuse_mask(ufunc, where)
        return operation(*prepared(ufunc, [as_operand(x)], casting, order, dtype, signature))

    def function(x: Any, /, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs or config.debugging:
            return _called(ufunc, traced, (x, *args), kwargs)
        if isinstance(x, Tracer):
            return operation(x)
        try:
            return ufunc(x)
        except TracerArrayConversionError:
            pass
        return _called(ufunc, traced, (x,), kwargs)

    return _register(ufunc, traced, function)


def _binary(ufunc: np.ufunc, operation: Callable) -> Callable:
    operation = OPERATIONS[ufunc] = _strong(operation)

    def traced(
        x1: Any,
        x2: Any,
        /,
        out: None = None,
        *,
        where: Any = True,
        casting: Any = "same_kind",
        order: Any = "K",
        dtype: Any = None,
        subok: bool = True,
        signature: Any = None,
    ) -> Any:
        refuse_mask(ufunc, where)
        return operation(*prepared(ufunc, [as_operand(x1), as_operand(x2)], casting, order, dtype, signature))

    def function(x1: Any, x2: Any, /, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs or config.debugging:
            return _called(ufunc, traced, (x1, x2, *args), kwargs)
        if x1.__class__ is ndarray and x2.__class__ is ndarray:
            return ufunc(x1, x2)
        if isinstance(x1, Tracer) or isinstance(x2, Tracer):
            return operation(as_operand(x1), as_operand(x2))
        try:
            return ufunc(x1, x2)
        except TracerArrayConversionError:
            pass
        return _called(ufunc, traced, (x1, x2), kwargs)

    return _register(ufunc, traced, function)


def _called(ufunc: np.ufunc, traced: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Any call: with keywords, while debugging, or of lists with tracers in them."""
    if has_tracer(args) or has_tracer(kwargs.values()):
        return call_traced(ufunc, traced, args, kwargs)
    return checked_call(ufunc, args, kwargs) if config.debugging else ufunc(*args, **kwargs)


def _register(ufunc: np.ufunc, traced: Callable, function: Callable) -> Callable:
    serve(ufunc, traced)
    name = ufunc.__name__
    function.__name__ = function.__qualname__ = name
    function.__module__ = "functrace.numpy"
    note = NOTES.get(ufunc)
    function.__doc__ = f"`numpy.{name}`, which can be traced.\n\n{summary(ufunc)}" + (f"\n\n{note}" if note else "")
    function.__wrapped__ = ufunc  # type: ignore[attr-defined]  # whose signature it has
    return function


def _on_floats(operation: Callable) -> Callable:
    """Rounding: integers are whole already."""
    return lambda x: x if dtype_of(x).kind in "iub" else operation(x)


def _as_floats(x: Any) -> Any:
    """Integers as floats, by NumPy's rule for a ufunc of floats."""
    dtype = dtype_of(x)
    return x if dtype.kind == "f" else convert_element_type(x, np.sqrt(np.zeros((), dtype)).dtype)


_UNARY: dict[np.ufunc, Callable] = {
    np.negative: lax.neg,
    np.positive: lax.positive,
    np.absolute: lax.abs_,
    np.fabs: lax.fabs,
    np.rint: lax.rint,
    np.sign: lax.sign,
    np.conjugate: lax.conj_p,
    np.exp: lax.exp,
    np.exp2: lax.exp2,
    np.expm1: lax.expm1,
    np.log: lax.log,
    np.log2: lax.log2,
    np.log10: lax.log10,
    np.log1p: lax.log1p,
    np.sqrt: lax.sqrt,
    np.square: lax.square,
    np.cbrt: lax.cbrt,
    np.reciprocal: lax.reciprocal,
    np.sin: lax.sin,
    np.cos: lax.cos,
    np.tan: lax.tan,
    np.arcsin: lax.asin,
    np.arccos: lax.acos,
    np.arctan: lax.atan,
    np.sinh: lax.sinh,
    np.cosh: lax.cosh,
    np.tanh: lax.tanh,
    np.arcsinh: lax.asinh,
    np.arccosh: lax.acosh,
    np.arctanh: lax.atanh,
    np.degrees: lax.degrees,
    np.radians: lax.radians,
    np.rad2deg: lax.degrees,
    np.deg2rad: lax.radians,
    np.invert: lax.bitwise_not,
    np.bitwise_count: lax.bitwise_count,
    np.logical_not: lax.logical_not,
    np.isfinite: lax.is_finite,
    np.isinf: lax.is_inf,
    np.isnan: lax.is_nan,
    np.signbit: lax.signbit,
    np.spacing: lax.spacing,
    np.floor: _on_floats(lax.floor),
    np.ceil: _on_floats(lax.ceil),
    np.trunc: _on_floats(lax.trunc),
    np.modf: lambda x: lax.modf(_as_floats(x)),
    np.frexp: lambda x: lax.frexp(_as_floats(x)),
}

_BINARY: dict[np.ufunc, Callable] = {
    np.add: lax.add,
    np.subtract: lax.sub,
    np.multiply: lax.mul,
    np.divide: lax.div,
    np.floor_divide: lax.floor_divide,
    np.remainder: lax.remainder,
    np.fmod: lax.rem,
    np.power: lax.pow_,
    np.float_power: lax.float_power,
    np.hypot: lax.hypot,
    np.arctan2: lax.atan2,
    np.logaddexp: lax.logaddexp,
    np.logaddexp2: lax.logaddexp2,
    np.heaviside: lax.heaviside,
    np.copysign: lax.copysign,
    np.nextafter: lax.nextafter,
    np.ldexp: lax.ldexp,
    np.gcd: lax.gcd,
    np.lcm: lax.lcm,
    np.maximum: lax.max_,
    np.minimum: lax.min_,
    np.fmax: lax.fmax,
    np.fmin: lax.fmin,
    np.equal: lax.eq,
    np.not_equal: lax.ne,
    np.less: lax.lt,
    np.less_equal: lax.le,
    np.greater: lax.gt,
    np.greater_equal: lax.ge,
    np.logical_and: lax.logical_and,
    np.logical_or: lax.logical_or,
    np.logical_xor: lax.logical_xor,
    np.bitwise_and: lax.bitwise_and,
    np.bitwise_or: lax.bitwise_or,
    np.bitwise_xor: lax.bitwise_xor,
    np.left_shift: lax.shift_left,
    np.right_shift: lax.shift_right,
    np.divmod: lax.divmod,
}

#: The public functions, by NumPy's names.
FUNCTIONS: dict[str, Callable] = {
    **{ufunc.__name__: _unary(ufunc, operation) for ufunc, operation in _UNARY.items()},
    **{ufunc.__name__: _binary(ufunc, operation) for ufunc, operation in _BINARY.items()},
}
FUNCTIONS.update(
    {
        alias: FUNCTIONS[name]
        for alias, name in {
            "abs": "absolute",
            "acos": "arccos",
            "acosh": "arccosh",
            "asin": "arcsin",
            "asinh": "arcsinh",
            "atan": "arctan",
            "atanh": "arctanh",
            "atan2": "arctan2",
            "true_divide": "divide",
            "mod": "remainder",
            "pow": "power",
            "conj": "conjugate",
            "bitwise_not": "invert",
            "bitwise_invert": "invert",
            "bitwise_left_shift": "left_shift",
            "bitwise_right_shift": "right_shift",
        }.items()
    }
)
