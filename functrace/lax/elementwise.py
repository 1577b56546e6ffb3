"""Operations on elements: one row a primitive, from which come value, aval, jvp, vjp, batching and source.

Operands broadcast and promote as NumPy's do. A derivative is written for `x` (and `y`) and the result (the last
argument), with operators and the primitives of this file; complex derivatives are holomorphic ones. An operand may be
a Python scalar: `div` and `pow_` stand for the operators where Python's own would raise.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import PYTHON_SCALARS, Aval, aval_of, broadcast_shapes, example, ufunc_dtype
from ..core.primitive import Primitive
from ..core.trace import Tracer
from ..errors import DtypeError
from .choosing import choose, is_chosen_by_bits
from .shape import (
    convert_element_type,
    dtype_of,
    match,
    move_axis,
    ndim_of,
    reshape,
    shape_of,
    unbroadcast,
    zeros_like,
)

Derivative = Callable[..., Any]

# ---------------------------------------------------------------------------------------------------------------------
# how a row becomes a primitive
# ---------------------------------------------------------------------------------------------------------------------


def unary(
    name: str,
    ufunc: np.ufunc,
    derivative: Derivative | None = None,
    *,
    transpose: Derivative | None = None,
    python: Callable | None = None,
    operator_text: str | None = None,
) -> Primitive:
    """A primitive of one operand. `derivative(x, out)` multiplies a tangent; `transpose(ct)` is for linear ones.

    `python` is the operator of Python that computes it, also between Python scalars; `operator_text` is how it is
    written.
    """
    primitive = Primitive(
        name,
        python or ufunc,
        _abstract(ufunc, python),
        ufunc=ufunc,
        source=_source(ufunc, operator_text, python),
    )
    if derivative is not None:

        def jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
            tangent = tangents[0]
            return None if tangent is None else tangent * derivative(primals[0], out)

        primitive.jvp = jvp
        primitive.vjp = (lambda ct, out, x: ct * derivative(x, out),)
    elif transpose is not None:
        primitive.jvp = primitive._jvp_of_linear
        primitive.vjp = (lambda ct, out, x: transpose(ct),)
    primitive.batch = lambda size, args, dims: (primitive(args[0]), dims[0])
    return primitive


def binary(
    name: str,
    ufunc: np.ufunc,
    derivatives: tuple[Derivative, Derivative] | None = None,
    *,
    partials: tuple[Derivative | None, Derivative | None] | None = None,
    python: Callable | None = None,
    operator_text: str | None = None,
) -> Primitive:
    """A primitive of two operands. `derivatives` are factors of a tangent, as functions of (x, y, out).

    `partials`, in their place, are functions of (tangent, x, y, out), for what is better not written as a product;
    None is zero. `python` and `operator_text` are those of `unary`.
    """
    primitive = Primitive(
        name,
        python or ufunc,
        _abstract(ufunc, python),
        ufunc=ufunc,
        source=_source(ufunc, operator_text, python),
    )
    if derivatives is not None:
        by_x, by_y = derivatives
        differentiate(
            primitive,
            (
                lambda tangent, x, y, out: tangent * by_x(x, y, out),
                lambda tangent, x, y, out: tangent * by_y(x, y, out),
            ),
        )
        primitive.vjp = (  # the same with one call less: these are the rules of every product
            lambda ct, out, x, y: unbroadcast(ct * by_x(x, y, out), x),
            lambda ct, out, x, y: unbroadcast(ct * by_y(x, y, out), y),
        )
    elif partials is not None:
        differentiate(primitive, partials)
    primitive.batch = batch_elementwise(primitive)
    return primitive


def differentiate(primitive: Primitive, partials: Sequence[Derivative | None]) -> None:
    """Give an elementwise primitive the rules that follow from its partial derivatives."""

    def jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
        total = None
        for partial, tangent in zip(partials, tangents, strict=True):
            if tangent is not None and partial is not None:
                term = partial(tangent, *primals, out)
                total = term if total is None else total + term
        return None if total is None else match(total, out)

    primitive.jvp = jvp
    primitive.vjp = tuple(
        [None if rule is None else _vjp_rule(index, rule, len(partials)) for index, rule in enumerate(partials)]
    )


def _vjp_rule(index: int, partial: Derivative, operands: int) -> Callable:
    if operands == 2 and index == 0:
        return lambda ct, out, x, y: unbroadcast(partial(ct, x, y, out), x)
    if operands == 2:
        return lambda ct, out, x, y: unbroadcast(partial(ct, x, y, out), y)
    return lambda ct, out, *args: unbroadcast(partial(ct, *args, out), args[index])


def _abstract(ufunc: np.ufunc, python: Callable | None) -> Callable:
    """The aval rule of a ufunc: NumPy's broadcasting, NumPy's promotion; between Python scalars an operator's own."""
    known: dict[tuple[Aval, ...], Aval] = {}

    def abstract(*avals: Aval) -> Aval:
        out = known.get(avals)
        if out is None:
            out = _of_python_scalars(python, avals) or Aval(
                broadcast_shapes(*[aval.shape for aval in avals]),
                ufunc_dtype(ufunc, tuple([(aval.dtype, aval.weak_type) for aval in avals]))[0],
            )
            if len(known) > 4096:
                known.clear()
            known[avals] = out
        return out

    return abstract


def _of_python_scalars(python: Callable | None, avals: Sequence[Aval]) -> Aval | None:
    """The aval of what an operator of Python gives between Python scalars, asked of Python; None for other operands."""
    if python is None or not all(aval.weak_type for aval in avals):
        return None
    try:
        return aval_of(python(*[_ONES[aval.dtype.kind] for aval in avals]))
    except TypeError:
        return None


_ONES = {"b": True, "i": 1, "f": 1.0, "c": 1 + 0j}


def _source(ufunc: np.ufunc, operator_text: str | None, python: Callable | None) -> Callable:
    called = f"np.{ufunc.__name__}"

    def source(args: Sequence[str], avals: Sequence[Aval]) -> str:
        call = f"{called}({', '.join(args)})"
        if operator_text is None:
            return call
        if all(aval.weak_type for aval in avals):
            refuses = python in _NUMPY_ANSWERS or (python is _absolute and avals[0].dtype.kind == "c")
            if refuses:  # NumPy's answer
                return f"{call}.item()"
            return operator_text.format(*args) if python is not None else call
        if any(aval.dtype.kind == "c" and not aval.shape and (aval.weak_type or python is None) for aval in avals):
            return call  # an operator between a complex scalar and another is not always NumPy's
        return operator_text.format(*args)

    return source


def _one_of_two(name: str, ufunc: np.ufunc, index: int) -> Primitive:
    """A primitive of one operand: one of the two results of a ufunc."""
    primitive = Primitive(
        name,
        lambda x: ufunc(x)[index],
        lambda x: Aval(x.shape, ufunc_dtype(ufunc, ((x.dtype, x.weak_type),))[index]),
        source=lambda args, avals: f"np.{ufunc.__name__}({args[0]})[{index}]",
        batch=lambda size, args, dims: (primitive(args[0]), dims[0]),
    )
    return primitive


def batch_elementwise(primitive: Primitive) -> Callable:
    """The batching rule of a primitive whose operands broadcast: the batch axis first, ranks aligned."""

    def batch(size: int, args: Sequence, dims: Sequence, **params: Any) -> tuple[Any, int]:
        rank = max([ndim_of(x) - (dim is not None) for x, dim in zip(args, dims, strict=True)])
        aligned = []
        for x, dim in zip(args, dims, strict=True):
            if dim is not None:
                x = move_axis(x, dim, 0)
                shape = shape_of(x)
                if len(shape) - 1 < rank:
                    x = reshape(x, (shape[0], *[1] * (rank - len(shape) + 1), *shape[1:]))
            aligned.append(x)
        return primitive(*aligned, **params), 0

    return batch


def _python_safe(operation: Callable, ufunc: np.ufunc) -> Callable:
    """Python's operator, but between Python scalars NumPy's answer where Python raises (1 / 0 is inf)."""

    def python(x: Any, y: Any) -> Any:
        try:
            return operation(x, y)
        except ZeroDivisionError:
            return ufunc(x, y).item()

    _NUMPY_ANSWERS.add(python)
    return python


#: Python's operators that differ from NumPy's between Python scalars: NumPy's answer is given.
_NUMPY_ANSWERS: set[Callable | None] = set()


def _power(x: Any, y: Any) -> Any:
    if x.__class__ in PYTHON_SCALARS and y.__class__ in PYTHON_SCALARS:
        return np.power(x, y).item()
    return x**y


def _absolute(x: Any) -> Any:
    return np.absolute(x).item() if x.__class__ is complex else abs(x)


_NUMPY_ANSWERS.add(_power)


def _conjugate(x: Any) -> Any:
    return x.conjugate() if x.__class__ in PYTHON_SCALARS else np.conjugate(x)


def _invert(x: Any) -> Any:
    return not x if x.__class__ is bool else ~x


# ---------------------------------------------------------------------------------------------------------------------
# arithmetic
# ---------------------------------------------------------------------------------------------------------------------

neg = unary("neg", np.negative, transpose=operator.neg, python=operator.neg, operator_text="-{0}")
add = binary(
    "add",
    np.add,
    partials=(lambda t, x, y, z: t, lambda t, x, y, z: t),
    python=operator.add,
    operator_text="{0} + {1}",
)
sub = binary(
    "sub",
    np.subtract,
    partials=(lambda t, x, y, z: t, lambda t, x, y, z: -t),
    python=operator.sub,
    operator_text="{0} - {1}",
)
mul = binary(
    "mul",
    np.multiply,
    derivatives=(lambda x, y, z: y, lambda x, y, z: x),
    python=operator.mul,
    operator_text="{0} * {1}",
)
div: Primitive = binary(
    "div",
    np.divide,
    partials=(lambda t, x, y, z: t / y, lambda t, x, y, z: -t * div(z, y)),
    python=_python_safe(operator.truediv, np.divide),
    operator_text="{0} / {1}",
)
floor_divide = binary(
    "floor_divide",
    np.floor_divide,
    python=_python_safe(operator.floordiv, np.floor_divide),
    operator_text="{0} // {1}",
)
remainder = binary(
    "remainder",
    np.remainder,
    partials=(lambda t, x, y, z: t, lambda t, x, y, z: -t * floor_divide(x, y)),
    python=_python_safe(operator.mod, np.remainder),
    operator_text="{0} % {1}",
)
rem = binary("rem", np.fmod, partials=(lambda t, x, y, z: t, lambda t, x, y, z: -t * trunc(div(x, y))))


def _power_by_base(x: Any, y: Any, z: Any) -> Any:
    if y.__class__ in PYTHON_SCALARS:  # a constant exponent: the ordinary case, and the cheap one
        return 2 * x if y == 2 else y * pow_(x, y - 1) if y != 0 else 0 * z
    one = dtype_of(z).type(1)
    # x ** 0 is 1 at 0 and at NaN too; elsewhere the slope must depend on y there
    return y * pow_(where((y == 0) & ((x == 0) | (x != x)), one, x), y - one)


def _power_by_exponent(x: Any, y: Any, z: Any) -> Any:
    if x.__class__ in PYTHON_SCALARS and x.__class__ is not complex and x > 0:
        return math.log(x) * z
    one = dtype_of(z).type(1)
    return where(x == 0, 0 * z, log(where(x == 0, one, x)) * z)


pow_ = binary(
    "pow",
    np.power,
    derivatives=(_power_by_base, _power_by_exponent),
    python=_power,
    operator_text="{0} ** {1}",
)
float_power = binary("float_power", np.float_power, derivatives=(_power_by_base, _power_by_exponent))
positive = unary("positive", np.positive, transpose=lambda ct: ct, python=operator.pos, operator_text="+{0}")
reciprocal = unary("reciprocal", np.reciprocal, derivative=lambda x, y: -y * y)
square = unary("square", np.square, derivative=lambda x, y: 2 * x)
sqrt = unary("sqrt", np.sqrt, derivative=lambda x, y: 0.5 / y)
cbrt = unary("cbrt", np.cbrt, derivative=lambda x, y: square(reciprocal(y)) / 3)
hypot = binary("hypot", np.hypot, derivatives=(lambda x, y, z: _ratio(x, z), lambda x, y, z: _ratio(y, z)))
heaviside = binary("heaviside", np.heaviside, partials=(None, lambda t, x, y, z: where(x == 0, t, dtype_of(t).type(0))))
copysign: Primitive = binary(
    "copysign",
    np.copysign,
    partials=(lambda t, x, y, z: t * sign_p(x) * copysign(dtype_of(t).type(1), y), None),
)
fabs = unary("fabs", np.fabs, derivative=lambda x, y: sign_p(x))
gcd = binary("gcd", np.gcd)
lcm = binary("lcm", np.lcm)


def _ratio(x: Any, norm: Any) -> Any:
    """x / norm, and 0 where the norm is."""
    return x / where(norm == 0, dtype_of(norm).type(1), norm)


def _sign_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    """Of z / |z|, along t: what of t is across z, over |z|."""
    return None if tangents[0] is None else _ratio(out * imag(conj(out) * tangents[0]), abs_(primals[0])) * 1j


sign_p: Primitive = unary("sign", np.sign)
sign_complex_p = unary("sign", np.sign)
sign_complex_p.jvp = _sign_jvp
sign_complex_p.vjp = (lambda ct, out, x: _ratio(conj(out) * imag(ct * out), abs_(x)) * 1j,)


def sign(x: Any) -> Any:
    """-1, 0 or 1; of a complex number z, z / |z|."""
    return sign_complex_p(x) if dtype_of(x).kind == "c" else sign_p(x)


def _abs_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    (x,), (t,) = primals, tangents
    if t is None:
        return None
    return real(t * _ratio(conj(x), out)) if dtype_of(x).kind == "c" else t * sign_p(x)


abs_: Primitive = unary("abs", np.absolute, python=_absolute, operator_text="abs({0})")
abs_.jvp = _abs_jvp
abs_.vjp = (lambda ct, out, x: ct * (_ratio(conj(x), out) if dtype_of(x).kind == "c" else sign_p(x)),)

# ---------------------------------------------------------------------------------------------------------------------
# exponentials and logarithms
# ---------------------------------------------------------------------------------------------------------------------

exp = unary("exp", np.exp, derivative=lambda x, y: y)
exp2 = unary("exp2", np.exp2, derivative=lambda x, y: y * math.log(2))
expm1 = unary("expm1", np.expm1, derivative=lambda x, y: y + 1)
log = unary("log", np.log, derivative=lambda x, y: div(1, x))
log2 = unary("log2", np.log2, derivative=lambda x, y: div(1, x * math.log(2)))
log10 = unary("log10", np.log10, derivative=lambda x, y: div(1, x * math.log(10)))
log1p = unary("log1p", np.log1p, derivative=lambda x, y: div(1, 1 + x))
logaddexp = binary(
    "logaddexp",
    np.logaddexp,
    derivatives=(lambda x, y, z: exp(_gap(x, z)), lambda x, y, z: exp(_gap(y, z))),
)
logaddexp2 = binary(
    "logaddexp2",
    np.logaddexp2,
    derivatives=(lambda x, y, z: exp2(_gap(x, z)), lambda x, y, z: exp2(_gap(y, z))),
)


def _gap(x: Any, z: Any) -> Any:
    """x - z, and 0 where both are the same infinity."""
    return where(x == z, dtype_of(z).type(0), x - z)


# ---------------------------------------------------------------------------------------------------------------------
# trigonometric and hyperbolic functions
# ---------------------------------------------------------------------------------------------------------------------

sin = unary("sin", np.sin, derivative=lambda x, y: cos(x))
cos: Primitive = unary("cos", np.cos, derivative=lambda x, y: -sin(x))
tan = unary("tan", np.tan, derivative=lambda x, y: 1 + y * y)
asin = unary("asin", np.arcsin, derivative=lambda x, y: 1 / sqrt(1 - x * x))
acos = unary("acos", np.arccos, derivative=lambda x, y: -1 / sqrt(1 - x * x))
atan = unary("atan", np.arctan, derivative=lambda x, y: div(1, 1 + x * x))
sinh = unary("sinh", np.sinh, derivative=lambda x, y: cosh(x))
cosh: Primitive = unary("cosh", np.cosh, derivative=lambda x, y: sinh(x))
tanh = unary("tanh", np.tanh, derivative=lambda x, y: 1 - y * y)
asinh = unary("asinh", np.arcsinh, derivative=lambda x, y: 1 / sqrt(x * x + 1))
acosh = unary("acosh", np.arccosh, derivative=lambda x, y: 1 / (sqrt(x - 1) * sqrt(x + 1)))
atanh = unary("atanh", np.arctanh, derivative=lambda x, y: div(1, 1 - x * x))
atan2 = binary(
    "atan2",
    np.arctan2,
    derivatives=(lambda x, y, z: _over_square(y, x, y), lambda x, y, z: -_over_square(x, x, y)),
)


def _over_square(part: Any, x: Any, y: Any) -> Any:
    """part / (x² + y²), where the squares may overflow."""
    norm = hypot(x, y)
    return part / norm / norm


degrees = unary("degrees", np.degrees, transpose=lambda ct: ct * (180 / math.pi))
radians = unary("radians", np.radians, transpose=lambda ct: ct * (math.pi / 180))

# ---------------------------------------------------------------------------------------------------------------------
# rounding
# ---------------------------------------------------------------------------------------------------------------------

floor = unary("floor", np.floor)
ceil = unary("ceil", np.ceil)
trunc: Primitive = unary("trunc", np.trunc)
rint = unary("rint", np.rint)
spacing = unary("spacing", np.spacing)
nextafter = binary("nextafter", np.nextafter, partials=(lambda t, x, y, z: t, None))

ldexp: Primitive = binary("ldexp", np.ldexp, partials=(lambda t, x, y, z: ldexp(t, y), None))
exponent_p = _one_of_two("exponent", np.frexp, 1)
fraction_p = _one_of_two("fraction", np.modf, 0)
fraction_p.jvp = lambda primals, tangents, out: tangents[0]
fraction_p.vjp = (lambda ct, out, x: ct,)

# ---------------------------------------------------------------------------------------------------------------------
# comparison, logic, bits
# ---------------------------------------------------------------------------------------------------------------------

eq = binary("eq", np.equal, operator_text="{0} == {1}")
ne = binary("ne", np.not_equal, operator_text="{0} != {1}")
lt = binary("lt", np.less, operator_text="{0} < {1}")
le = binary("le", np.less_equal, operator_text="{0} <= {1}")
gt = binary("gt", np.greater, operator_text="{0} > {1}")
ge = binary("ge", np.greater_equal, operator_text="{0} >= {1}")
logical_and = binary("logical_and", np.logical_and)
logical_or = binary("logical_or", np.logical_or)
logical_xor = binary("logical_xor", np.logical_xor)
logical_not = unary("logical_not", np.logical_not)
bitwise_and = binary("and", np.bitwise_and, python=operator.and_, operator_text="{0} & {1}")
bitwise_or = binary("or", np.bitwise_or, python=operator.or_, operator_text="{0} | {1}")
bitwise_xor = binary("xor", np.bitwise_xor, python=operator.xor, operator_text="{0} ^ {1}")
bitwise_not = unary("not", np.invert, python=_invert, operator_text="~{0}")
bitwise_not.source = lambda args, avals: (
    f"not {args[0]}" if avals[0].weak_type and avals[0].dtype.kind == "b" else f"~{args[0]}"
)
shift_left = binary("shift_left", np.left_shift, python=operator.lshift, operator_text="{0} << {1}")
shift_right = binary("shift_right", np.right_shift, python=operator.rshift, operator_text="{0} >> {1}")
bitwise_count = unary("bitwise_count", np.bitwise_count)
is_finite = unary("is_finite", np.isfinite)
is_inf = unary("is_inf", np.isinf)
is_nan = unary("is_nan", np.isnan)
signbit = unary("signbit", np.signbit)


def _half_at_ties(chosen: Derivative) -> Derivative:
    """The share of a tangent: all where the operand was chosen, half where both are equal, else none."""

    def share(t: Any, x: Any, y: Any) -> Any:
        zero = dtype_of(t).type(0)
        return where(chosen(x, y), t, where(x == y, t * 0.5, zero))

    return share


_share_of_greater = _half_at_ties(lambda x, y: x > y)
_share_of_less = _half_at_ties(lambda x, y: x < y)
max_ = binary(
    "max",
    np.maximum,
    partials=(lambda t, x, y, z: _share_of_greater(t, x, y), lambda t, x, y, z: _share_of_greater(t, y, x)),
)
min_ = binary(
    "min",
    np.minimum,
    partials=(lambda t, x, y, z: _share_of_less(t, x, y), lambda t, x, y, z: _share_of_less(t, y, x)),
)
fmax = binary(
    "fmax",
    np.fmax,
    partials=(
        lambda t, x, y, z: where(is_nan(y), t, _share_of_greater(t, x, y)),
        lambda t, x, y, z: where(is_nan(x), t, _share_of_greater(t, y, x)),
    ),
)
fmin = binary(
    "fmin",
    np.fmin,
    partials=(
        lambda t, x, y, z: where(is_nan(y), t, _share_of_less(t, x, y)),
        lambda t, x, y, z: where(is_nan(x), t, _share_of_less(t, y, x)),
    ),
)

# ---------------------------------------------------------------------------------------------------------------------
# complex numbers
# ---------------------------------------------------------------------------------------------------------------------


def _to_complex(ct: Any, x: Any) -> Any:
    return convert_element_type(ct, dtype_of(x))


def _real_dtype(aval: Aval) -> Aval:
    return Aval(aval.shape, np.empty(0, aval.dtype).real.dtype, aval.weak_type)


def _part(name: str, select: Callable, transpose: Callable) -> Primitive:
    """The real or the imaginary part of a complex operand."""
    primitive = Primitive(
        name,
        select,
        _real_dtype,
        aliases=True,
        source=lambda args, avals: f"{args[0]}.{name}",
        batch=lambda size, args, dims: (primitive(args[0]), dims[0]),
    )
    primitive.jvp = primitive._jvp_of_linear
    primitive.vjp = (lambda ct, out, x: transpose(ct, x),)
    return primitive


real_p = _part("real", lambda x: x.real, lambda ct, x: _to_complex(ct, x))
imag_p = _part("imag", lambda x: x.imag, lambda ct, x: _to_complex(ct, x) * -1j)
conj_p: Primitive = unary("conj", np.conjugate, transpose=lambda ct: conj_p(ct), python=_conjugate)
conj_p.source = lambda args, avals: f"{args[0]}.conjugate()" if avals[0].weak_type else f"np.conjugate({args[0]})"


def real(x: Any) -> Any:
    """The real parts; of real numbers, the numbers themselves."""
    return real_p(x) if dtype_of(x).kind == "c" else x


def imag(x: Any) -> Any:
    """The imaginary parts; of real numbers, zeros."""
    return imag_p(x) if dtype_of(x).kind == "c" else zeros_like(x)


def conj(x: Any) -> Any:
    """The complex conjugates; of real numbers, the numbers themselves."""
    return conj_p(x) if dtype_of(x).kind == "c" else x


def _complex_impl(x: Any, y: Any) -> Any:
    out = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), np.result_type(x, y, np.complex64))
    out.real, out.imag = x, y
    return out if out.ndim else out[()]


complex_p = Primitive(
    "complex",
    _complex_impl,
    lambda x, y: Aval(
        broadcast_shapes(x.shape, y.shape),
        np.result_type(example(x.dtype, x.weak_type), example(y.dtype, y.weak_type), np.complex64),
    ),
)
differentiate(complex_p, (lambda t, x, y, z: t, lambda t, x, y, z: t * 1j))
complex_p.batch = batch_elementwise(complex_p)


def complex_(x: Any, y: Any) -> Any:
    """x + i y."""
    return complex_p(x, y)


# ---------------------------------------------------------------------------------------------------------------------
# choice
# ---------------------------------------------------------------------------------------------------------------------


def _where_abstract(condition: Aval, x: Aval, y: Aval) -> Aval:
    dtype = np.result_type(example(x.dtype, x.weak_type), example(y.dtype, y.weak_type))
    return Aval(broadcast_shapes(condition.shape, x.shape, y.shape), dtype)


def _where_source(args: Sequence[str], avals: Sequence[Aval]) -> str | None:
    out = _where_abstract(*avals)
    if is_chosen_by_bits(avals[0].shape, out.shape, out.size, out.dtype):
        return None  # by the function
    return f"np.where({', '.join(args)})"


where: Primitive = Primitive("select", choose, _where_abstract, source=_where_source)
differentiate(
    where,
    (
        None,
        lambda t, condition, x, y, z: where(condition, t, dtype_of(t).type(0)),
        lambda t, condition, x, y, z: where(condition, dtype_of(t).type(0), t),
    ),
)
where.batch = batch_elementwise(where)


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """Elements of `on_true` where `pred` is true, else of `on_false`.

    Raises
    ------
    DtypeError
        `pred` is not boolean.
    """
    if dtype_of(pred).kind != "b":
        raise DtypeError(f"select expected a boolean pred, got {aval_of(pred)}", instead="select(pred != 0, x, y)")
    return where(pred, on_true, on_false)


def select_n(which: Any, *cases: Any) -> Any:
    """For each element the case whose number `which` gives (a boolean `which` chooses between two cases)."""
    if not cases:
        raise TypeError("select_n expected at least one case")
    out = cases[-1]
    if dtype_of(which).kind == "b":
        return where(which, cases[1], cases[0]) if len(cases) == 2 else out
    for number in range(len(cases) - 2, -1, -1):
        out = where(which <= number, cases[number], out)
    return out


clamp_p = Primitive(
    "clamp",
    lambda low, x, high: np.minimum(np.maximum(x, low), high),
    lambda low, x, high: Aval(
        broadcast_shapes(low.shape, x.shape, high.shape),
        np.result_type(*[example(aval.dtype, aval.weak_type) for aval in (low, x, high)]),
    ),
    source=lambda args, avals: f"np.minimum(np.maximum({args[1]}, {args[0]}), {args[2]})",
)
differentiate(
    clamp_p,
    (
        lambda t, low, x, high, z: where((x < low) & (low < high), t, dtype_of(t).type(0)),
        lambda t, low, x, high, z: where((x > low) & (x < high), t, dtype_of(t).type(0)),
        lambda t, low, x, high, z: where(x > high, t, dtype_of(t).type(0)),
    ),
)
clamp_p.batch = batch_elementwise(clamp_p)


def clamp(min: Any, x: Any, max: Any) -> Any:
    """`x` with what is below `min` or above `max` set to it; the gradient at the bounds is zero."""
    return clamp_p(min, x, max)


# ---------------------------------------------------------------------------------------------------------------------
# made of the rows above
# ---------------------------------------------------------------------------------------------------------------------


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    return 1 / sqrt(x)


def integer_pow(x: Any, y: int) -> Any:
    """`x` to a static integer power."""
    return pow_(x, y)


def logistic_limit(dtype: np.dtype) -> Any:
    """The greatest exponent whose power is finite, as a number of this dtype."""
    limits = np.finfo(dtype)
    return np.nextafter(np.log(limits.max), dtype.type(0))


def logistic_power(x: Any) -> Any:
    """exp(-x), kept from overflow."""
    return exp(min_(-x, logistic_limit(dtype_of(x))))


def _logistic_impl(x: Any) -> Any:
    x = np.asarray(x)
    return 1 / (1 + np.exp(np.minimum(np.negative(x), logistic_limit(x.dtype))))


#: Of real floats. Its exponent is kept from overflow: what is lost is below the smallest normal number.
logistic_p: Primitive = Primitive(
    "logistic",
    _logistic_impl,
    lambda x: Aval(x.shape, x.dtype),
    batch=lambda size, args, dims: (logistic_p(args[0]), dims[0]),
)
differentiate(logistic_p, (lambda t, x, y: t * (y * (y * logistic_power(x))),))  # 1 - y would cancel


def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow and exact also where it is small."""
    dtype = dtype_of(x)
    if dtype.kind == "c":
        return 1 / (1 + exp(-x))
    return logistic_p(x if dtype.kind == "f" else convert_element_type(x, np.float64))


def divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """The quotient rounded down and the remainder."""
    return floor_divide(x, y), remainder(x, y)


def modf(x: Any) -> tuple[Any, Any]:
    """The fractional and the whole part of `x`, each with the sign of `x`."""
    return fraction_p(x), trunc(x)


def frexp(x: Any) -> tuple[Any, Any]:
    """The mantissa in [0.5, 1) and the exponent: `x` is mantissa · 2 ** exponent."""
    exponent = exponent_p(x)
    return ldexp(x, -exponent), exponent


# ---------------------------------------------------------------------------------------------------------------------
# identity for the value, nothing for the derivative
# ---------------------------------------------------------------------------------------------------------------------

stop_gradient_p: Primitive = Primitive(
    "stop_gradient",
    lambda x: x.view() if isinstance(x, np.ndarray) else x,
    lambda x: x,
    batch=lambda size, args, dims: (stop_gradient_p(args[0]), dims[0]),
    source=lambda args, avals: args[0],
    aliases=True,
)


def stop_gradient(x: Any) -> Any:
    """A pytree whose value is that of `x` and whose derivative is zero.

    Examples
    --------
    >>> import functrace
    >>> float(functrace.grad(lambda x: x * stop_gradient(x))(3.0))
    3.0
    """
    return tree.map(lambda leaf: stop_gradient_p(leaf) if isinstance(leaf, Tracer) else leaf, x)
