"""ndarray's operators, methods and properties, given to tracers."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from ..core.aval import PYTHON_SCALARS, canonical_dtype, short_dtype
from ..core.primitive import Primitive
from ..core.trace import Tracer, set_methods
from ..errors import DtypeError, ImmutableError, OptionError, TracerArrayConversionError
from ..lax import elementwise as lax
from ..lax.dot import matmul
from ..lax.index_update import IndexUpdateHelper
from ..lax.indexing import getitem
from ..lax.shape import canonical_axis, convert_element_type
from ..lax.shape import transpose as lax_transpose
from .dispatch import TRACED, array_function, array_ufunc, as_operand, call_traced, is_operand
from .inspection import API_VERSION
from .manipulation import matrix_transpose, ravel, reshaped, reversed_axes, sizes_of
from .manipulation import reshape as numpy_reshape

_READY = PYTHON_SCALARS | {np.ndarray, np.float64, np.float32}

# ---------------------------------------------------------------------------------------------------------------------
# operators
# ---------------------------------------------------------------------------------------------------------------------


def _operator(primitive: Primitive | Callable) -> tuple[Callable, Callable]:
    """A binary operator and its reflection."""

    def forward(self: Tracer, other: Any) -> Any:
        if other.__class__ not in _READY and not isinstance(other, Tracer):
            if not is_operand(other):
                return NotImplemented
            other = as_operand(other)
        return primitive(self, other)

    def reflected(self: Tracer, other: Any) -> Any:
        if other.__class__ not in _READY and not isinstance(other, Tracer):
            if not is_operand(other):
                return NotImplemented
            other = as_operand(other)
        return primitive(other, self)

    return forward, reflected


def operators() -> dict[str, Any]:
    """Every Python operator. One that assigns (`x += y`) falls back on the binary one: a name for a new value."""
    table: dict[str, Any] = {}
    primitives: dict[str, Primitive | Callable] = {
        "add": lax.add,
        "sub": lax.sub,
        "mul": lax.mul,
        "truediv": lax.div,
        "floordiv": lax.floor_divide,
        "mod": lax.remainder,
        "pow": lax.pow_,
        "and": lax.bitwise_and,
        "or": lax.bitwise_or,
        "xor": lax.bitwise_xor,
        "lshift": lax.shift_left,
        "rshift": lax.shift_right,
        "matmul": matmul,
        "divmod": lambda x, y: (lax.floor_divide(x, y), lax.remainder(x, y)),
    }
    for name, primitive in primitives.items():
        table[f"__{name}__"], table[f"__r{name}__"] = _operator(primitive)
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        table[f"__{name}__"] = _operator(getattr(lax, name))[0]
    table["__neg__"] = lambda self: lax.neg(self)
    table["__pos__"] = lambda self: lax.positive(self)
    table["__abs__"] = lambda self: lax.abs_(self)
    table["__invert__"] = lambda self: lax.bitwise_not(self)
    table["__getitem__"] = getitem
    return table


# ---------------------------------------------------------------------------------------------------------------------
# methods that are functions with the array first
# ---------------------------------------------------------------------------------------------------------------------

_FUNCTIONS: dict[str, Callable] = {
    "all": np.all,
    "any": np.any,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "argpartition": np.argpartition,
    "argsort": np.argsort,
    "choose": np.choose,
    "clip": np.clip,
    "conj": np.conjugate,
    "conjugate": np.conjugate,
    "cumprod": np.cumprod,
    "cumsum": np.cumsum,
    "diagonal": np.diagonal,
    "dot": np.dot,
    "flatten": np.ravel,
    "max": np.max,
    "mean": np.mean,
    "min": np.min,
    "nonzero": np.nonzero,
    "prod": np.prod,
    "ravel": np.ravel,
    "repeat": np.repeat,
    "round": np.round,
    "searchsorted": np.searchsorted,
    "squeeze": np.squeeze,
    "std": np.std,
    "sum": np.sum,
    "swapaxes": np.swapaxes,
    "take": np.take,
    "trace": np.trace,
    "var": np.var,
}


def _method(name: str, original: Callable) -> Callable:
    traced = TRACED[original]

    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        return call_traced(original, traced, (self, *args), kwargs)

    return _named(method, name)


def _named(method: Callable, name: str) -> Callable:
    method.__name__, method.__qualname__ = name, f"Tracer.{name}"
    method.__doc__ = f"`numpy.ndarray.{name}`, which can be traced."
    return method


# ---------------------------------------------------------------------------------------------------------------------
# methods and properties with arguments of their own
# ---------------------------------------------------------------------------------------------------------------------


def _reshape(self: Tracer, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    sizes = shape[0] if len(shape) == 1 else shape
    return reshaped(self, sizes_of(sizes)) if order == "C" else numpy_reshape(self, sizes, order)


def _transpose(self: Tracer, *axes: Any) -> Any:
    if len(axes) == 1 and not hasattr(axes[0], "__index__"):
        axes = () if axes[0] is None else tuple(axes[0])
    if not axes:
        return reversed_axes(self)
    if len(axes) != self.ndim:
        raise ValueError("axes don't match array")
    return lax_transpose(self, [canonical_axis(axis, self.ndim) for axis in axes])


def _astype(
    self: Tracer, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    target = canonical_dtype(dtype)
    if casting != "unsafe" and not np.can_cast(self.dtype, target, casting):
        raise DtypeError(
            f"Cannot cast array data from {self.dtype} to {target} according to the rule {casting!r}",
            instead="x.astype(dtype) without casting",
        )
    return convert_element_type(self, target)


def _compress(self: Tracer, condition: Any, axis: Any = None, out: None = None) -> Any:
    return call_traced(np.compress, TRACED[np.compress], (condition, self, axis, out), {})


def _copy(self: Tracer, order: str = "C") -> Tracer:
    return self


def _view(self: Tracer, dtype: Any = None, type: Any = None) -> Tracer:
    if (dtype is None or dtype is np.ndarray or canonical_dtype(dtype) == self.dtype) and type in (None, np.ndarray):
        return self
    asked = short_dtype(canonical_dtype(dtype)) if dtype is not None else repr(type)
    raise DtypeError(
        f"the bytes of {self!r} cannot be viewed as {asked}: a traced value has no memory",
        instead="x.astype(dtype) for its values in another dtype; x.real and x.imag for the parts of complex numbers",
    )


def _to_device(self: Tracer, device: Any, /, *, stream: Any = None) -> Tracer:
    if device != "cpu" or stream is not None:
        raise OptionError(f"expected the device 'cpu' and no stream, got {device!r} and {stream!r}")
    return self


def _namespace(self: Tracer, *, api_version: str | None = None) -> ModuleType:
    from functrace import numpy

    if api_version not in (None, *_VERSIONS, API_VERSION):
        raise OptionError(f"expected a version of the array API standard up to {API_VERSION}, got {api_version!r}")
    return numpy


#: The versions of the array API standard that came before.
_VERSIONS = ("2021.12", "2022.12", "2023.12")

_METHODS: dict[str, Callable] = {
    "astype": _astype,
    "compress": _compress,
    "copy": _copy,
    "reshape": _reshape,
    "to_device": _to_device,
    "transpose": _transpose,
    "view": _view,
}

_PROPERTIES: dict[str, Callable[[Tracer], Any]] = {
    "T": reversed_axes,
    "mT": lambda self: matrix_transpose(self),
    "at": IndexUpdateHelper,
    "device": lambda self: "cpu",
    "flat": lambda self: ravel(self),
    "imag": lambda self: lax.imag(self),
    "real": lambda self: lax.real(self),
}

# ---------------------------------------------------------------------------------------------------------------------
# what a traced value cannot do
# ---------------------------------------------------------------------------------------------------------------------

_IN_PLACE = {
    "byteswap": "x.astype(dtype), which is in native byte order",
    "fill": "functrace.numpy.full_like(x, value)",
    "itemset": "x = x.at[index].set(value)",
    "partition": "x = functrace.numpy.partition(x, kth)",
    "put": "x = x.at[indices].set(values)",
    "resize": "x = functrace.numpy.resize(x, shape), which repeats, or functrace.numpy.pad(x, width)",
    "setfield": "x = x.at[index].set(value)",
    "setflags": "nothing: a traced value is never written into",
    "sort": "x = functrace.numpy.sort(x)",
}

_BYTES = ("__dlpack__", "__dlpack_device__", "dump", "dumps", "getfield", "tobytes", "tofile")
_MEMORY = ("base", "ctypes", "data", "flags", "strides")


def _refused_in_place(name: str, instead: str) -> Callable:
    def refuse(self: Tracer, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableError(
            f"x.{name}() would change {self!r} in place, and a traced value does not change", instead=instead
        )

    return _named(refuse, name)


def _refused_bytes(name: str) -> Callable:
    def refuse(self: Tracer, *args: Any, **kwargs: Any) -> NoReturn:
        raise TracerArrayConversionError(
            f"x.{name}() asks for the bytes of {self!r}, which has none while the function is traced",
            instead="return the array from the traced function, and write it out there",
        )

    return _named(refuse, name)


def _refused_memory(name: str) -> property:
    def refuse(self: Tracer) -> NoReturn:
        raise AttributeError(
            f"{self!r} has no {name}: it stands for a value while a function is traced, without memory"
        )

    return property(refuse)


def install() -> None:
    """Give tracers their operators, methods and properties."""
    set_methods(
        {
            **operators(),
            **{name: _method(name, original) for name, original in _FUNCTIONS.items() if original in TRACED},
            **{name: _named(method, name) for name, method in _METHODS.items()},
            **{name: property(getter) for name, getter in _PROPERTIES.items()},
            **{name: _refused_in_place(name, instead) for name, instead in _IN_PLACE.items()},
            **{name: _refused_bytes(name) for name in _BYTES},
            **{name: _refused_memory(name) for name in _MEMORY},
            "__array_namespace__": _namespace,
            "__array_ufunc__": array_ufunc,
            "__array_function__": array_function,
        }
    )
