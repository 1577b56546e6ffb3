"""What is known of a value without its data: shape, dtype, and whether its dtype is weak.

Promotion is NumPy's own (NEP 50) and is asked of NumPy: of `numpy.result_type`, of `ufunc.resolve_dtypes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, TracerIntegerConversionError

Shape = tuple[int, ...]

#: As a first extent: one that is known only as the program runs (of a stack that a loop leaves).
DYNAMIC = -1

#: The dtype of the tangent of an integer or boolean value, as in JAX: it takes no room.
float0 = np.dtype([("float0", np.void, 0)])

_SHORT_KIND = {"f": "f", "c": "c", "i": "i", "u": "u"}
_PYTHON_SCALARS: dict[type, tuple[np.dtype, Any]] = {
    bool: (np.dtype(np.bool_), False),
    int: (np.dtype(np.int64), 0),
    float: (np.dtype(np.float64), 0.0),
    complex: (np.dtype(np.complex128), 0j),
}
PYTHON_SCALARS: frozenset[Any] = frozenset(_PYTHON_SCALARS)
_WEAK_BY_KIND = {"b": False, "i": 0, "u": 0, "f": 0.0, "c": 0j}
_NUMERIC = "biufc"


class Aval:
    """Shape and dtype of a value, and whether its dtype is weak (it came from a Python scalar).

    Examples
    --------
    >>> print(Aval((3, 4), np.dtype("float32")))
    f32[3,4]
    """

    __slots__ = ("_hash", "dtype", "shape", "weak_type")

    def __init__(self, shape: Shape, dtype: np.dtype, weak_type: bool = False) -> None:
        self.shape = shape
        self.dtype = dtype
        self.weak_type = weak_type
        self._hash = hash((shape, dtype, weak_type))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for extent in self.shape:
            size *= extent
        return size

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def strong(self) -> Aval:
        """The same, not weak."""
        return Aval(self.shape, self.dtype) if self.weak_type else self

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Aval)
            and self._hash == other._hash
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.weak_type == other.weak_type
        )

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        extents = ",".join(["?" if extent == DYNAMIC else str(extent) for extent in self.shape])
        return f"{'~' if self.weak_type else ''}{short_dtype(self.dtype)}[{extents}]"

    def __repr__(self) -> str:
        weak = ", weak_type=True" if self.weak_type else ""
        return f"Aval({self.shape}, {self.dtype.name}{weak})"


class ShapeDtypeStruct:
    """A shape and a dtype without data: what `eval_shape` gives and `lower` takes.

    Parameters
    ----------
    shape
        A tuple of ints.
    dtype
        Anything that `numpy.dtype` takes.
    weak_type
        Whether the dtype yields to others in promotion, as a Python scalar's does.

    Examples
    --------
    >>> ShapeDtypeStruct((2, 3), "float32")
    ShapeDtypeStruct(shape=(2, 3), dtype=float32)
    """

    __slots__ = ("dtype", "shape", "weak_type")

    def __init__(self, shape: Any, dtype: Any, *, weak_type: bool = False) -> None:
        self.shape: Shape = canonical_shape(shape)
        self.dtype = canonical_dtype(dtype)
        self.weak_type = weak_type

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return Aval(self.shape, self.dtype).size

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an unsized object")
        return self.shape[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShapeDtypeStruct) and (self.shape, self.dtype, self.weak_type) == (
            other.shape,
            other.dtype,
            other.weak_type,
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.weak_type))

    def __repr__(self) -> str:
        weak = ", weak_type=True" if self.weak_type else ""
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name}{weak})"


def aval_of(value: Any) -> Aval:
    """The aval of an array, a NumPy scalar, a Python scalar, a tracer or a `ShapeDtypeStruct`.

    Raises
    ------
    DtypeError
        The value is no array of numbers.
    """
    kind = value.__class__
    if kind is np.ndarray:
        return array_aval(value.shape, value.dtype)
    known = _SCALAR_AVALS.get(kind)
    if known is not None:
        return known
    aval = getattr(value, "aval", None)
    if isinstance(aval, Aval):
        return aval
    if isinstance(value, (np.ma.MaskedArray, np.matrix)):
        raise DtypeError(
            f"expected a plain array, got {describe(value)}, whose operators mean something else",
            instead="x.filled(value), or the data and the mask as two arrays"
            if isinstance(value, np.ma.MaskedArray)
            else "numpy.asarray(x), with x @ y for the product of matrices",
        )
    if isinstance(value, (np.ndarray, np.generic)):
        return array_aval(value.shape, value.dtype)
    if isinstance(value, ShapeDtypeStruct):
        return Aval(value.shape, value.dtype, value.weak_type)
    for scalar in (bool, int, float, complex):  # subclasses, such as an IntEnum's members
        if isinstance(value, scalar):
            return _SCALAR_AVALS[scalar]
    raise DtypeError(
        f"expected an array of numbers, got {describe(value)}",
        instead="pass a NumPy array or a number; convert lists with numpy.asarray",
    )


@lru_cache(maxsize=4096)
def array_aval(shape: Shape, dtype: np.dtype) -> Aval:
    """The aval of an array of this shape and dtype, in native byte order."""
    if dtype.kind not in _NUMERIC and dtype != float0:
        raise DtypeError(
            f"expected an array of booleans, integers, floats or complex numbers, got dtype {dtype}",
            instead="convert it first, for instance with x.astype(float)",
        )
    return Aval(shape, dtype if dtype.isnative else dtype.newbyteorder("="))


_SCALAR_AVALS: dict[type, Aval] = {
    scalar: Aval((), dtype, weak_type=True) for scalar, (dtype, _) in _PYTHON_SCALARS.items()
}
for _name in np.sctypeDict.values():
    if np.dtype(_name).kind in _NUMERIC:
        _SCALAR_AVALS[_name] = Aval((), np.dtype(_name))


def describe(value: Any) -> str:
    """A value in a few words, for an error."""
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "aval"):
        return f"{type(value).__name__} {value.dtype}[{','.join(map(str, value.shape))}]"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


@lru_cache(maxsize=1024)
def short_dtype(dtype: np.dtype) -> str:
    """A dtype as a jaxpr prints it: f64, i32, u8, c128, bool."""
    if dtype.kind in _SHORT_KIND:
        return f"{_SHORT_KIND[dtype.kind]}{8 * dtype.itemsize}"
    return "float0" if dtype == float0 else dtype.name


def canonical_dtype(dtype: Any) -> np.dtype:
    """The numeric NumPy dtype that `dtype` names, in native byte order; a clear error for any other."""
    try:
        result = np.dtype(dtype)
    except TypeError:
        raise DtypeError(f"expected a dtype, got {describe(dtype)}") from None
    return array_aval((), result).dtype


def canonical_shape(shape: Any) -> Shape:
    """A shape as a tuple of Python ints; an int means one axis."""
    if isinstance(shape, (int, np.integer)) or getattr(shape, "shape", None) == ():
        shape = (shape,)
    try:
        result = tuple([extent.__index__() for extent in shape])
    except TracerIntegerConversionError:
        raise
    except (TypeError, AttributeError):
        raise DtypeError(f"expected a shape (a tuple of ints), got {describe(shape)}") from None
    if any(extent < 0 for extent in result):
        raise ShapeError(f"negative dimensions are not allowed, got shape {result}")
    return result


def example(dtype: np.dtype, weak_type: bool) -> Any:
    """What stands for a value of this dtype when NumPy is asked about promotion: a Python scalar if it is weak."""
    return _WEAK_BY_KIND[dtype.kind] if weak_type else dtype


def result_dtype(*values: Any) -> np.dtype:
    """The dtype to which NumPy promotes these values (arrays, scalars, tracers, dtypes)."""
    examples = []
    for value in values:
        if isinstance(value, (np.dtype, type)):
            examples.append(value)
        else:
            aval = aval_of(value)
            examples.append(example(aval.dtype, aval.weak_type))
    return np.result_type(*examples)


@lru_cache(maxsize=16384)
def ufunc_dtype(ufunc: np.ufunc, operands: tuple[tuple[np.dtype, bool], ...]) -> tuple[np.dtype, ...]:
    """The dtypes of a ufunc's outputs for operands of these (dtype, weak_type)."""
    if all(weak for _, weak in operands):  # a ufunc of Python scalars alone takes them at their default dtypes
        asked: list[Any] = [dtype for dtype, _ in operands]
    else:
        asked = [
            {"i": int, "f": float, "c": complex}.get(dtype.kind, dtype) if weak else dtype for dtype, weak in operands
        ]
    try:
        resolved = ufunc.resolve_dtypes((*asked, *[None] * ufunc.nout))
    except TypeError as error:
        names = ", ".join(short_dtype(dtype) for dtype, _ in operands)
        raise DtypeError(f"{ufunc.__name__} is not defined for operands of dtype {names}: {error}") from None
    return resolved[ufunc.nin :]


@lru_cache(maxsize=16384)
def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape to which these broadcast by NumPy's rule."""
    if len(set(shapes)) == 1:
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        if any(DYNAMIC in shape for shape in shapes):
            return _broadcast_dynamic(shapes)
        listed = " ".join(str(shape) for shape in shapes)
        raise ShapeError(f"operands could not be broadcast together with shapes {listed}") from None


def _broadcast_dynamic(shapes: Sequence[Shape]) -> Shape:
    """The same where extents are known only as the program runs: such a one stays, unless another is known."""
    known = broadcast_shapes(*[tuple([1 if extent == DYNAMIC else extent for extent in shape]) for shape in shapes])
    dynamic = {axis - len(shape) for shape in shapes for axis, extent in enumerate(shape) if extent == DYNAMIC}
    return tuple([DYNAMIC if n == 1 and axis - len(known) in dynamic else n for axis, n in enumerate(known)])
