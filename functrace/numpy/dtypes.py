"""What NumPy says of dtypes and shapes, and its questions about arrays that have static answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS, aval_of, canonical_shape
from ..core.aval import result_dtype as result_dtype_of
from ..core.trace import Tracer
from ..lax import elementwise as lax
from ..lax.reduction import reduce_and
from ..lax.shape import canonical_axes, dtype_of, ndim_of, shape_of
from .dispatch import as_array, implements

# NumPy's own, for `import functrace.numpy as np`
bool_ = np.bool_
bool = np.bool_
int8, int16, int32, int64, int_, intp = np.int8, np.int16, np.int32, np.int64, np.int_, np.intp
uint8, uint16, uint32, uint64, uint, uintp = np.uint8, np.uint16, np.uint32, np.uint64, np.uint, np.uintp
float16, float32, float64, double, single, half = (
    np.float16,
    np.float32,
    np.float64,
    np.double,
    np.single,
    np.half,
)
complex64, complex128, cdouble, csingle = np.complex64, np.complex128, np.cdouble, np.csingle
generic, number, integer, signedinteger, unsignedinteger = (
    np.generic,
    np.number,
    np.integer,
    np.signedinteger,
    np.unsignedinteger,
)
inexact, floating, complexfloating = np.inexact, np.floating, np.complexfloating
dtype, finfo, iinfo, ndarray, ufunc = np.dtype, np.finfo, np.iinfo, np.ndarray, np.ufunc
pi, e, euler_gamma, inf, nan, newaxis = np.pi, np.e, np.euler_gamma, np.inf, np.nan, np.newaxis
issubdtype, isdtype, promote_types, broadcast_shapes = np.issubdtype, np.isdtype, np.promote_types, np.broadcast_shapes
isscalar, iterable, ndindex, ndenumerate = np.isscalar, np.iterable, np.ndindex, np.ndenumerate
errstate, geterr, seterr = np.errstate, np.geterr, np.seterr
printoptions, get_printoptions, set_printoptions = np.printoptions, np.get_printoptions, np.set_printoptions
array_repr, array_str = np.array_repr, np.array_str
save, savez, savez_compressed, load, loadtxt, savetxt = np.save, np.savez, np.savez_compressed, np.load, np.loadtxt, np.savetxt
frombuffer, fromiter, fromstring, fromfile = np.frombuffer, np.fromiter, np.fromstring, np.fromfile
mgrid, ogrid, r_, c_, s_, index_exp = np.mgrid, np.ogrid, np.r_, np.c_, np.s_, np.index_exp


@implements(np.shape)
def shape(a: Any) -> tuple[int, ...]:
    return shape_of(as_array(a))


@implements(np.ndim)
def ndim(a: Any) -> int:
    return ndim_of(as_array(a))


@implements(np.size)
def size(a: Any, axis: Any = None) -> int:
    extents = shape_of(as_array(a))
    result = 1
    for position in canonical_axes(axis, len(extents)):
        result *= extents[position]
    return result


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    return result_dtype_of(*[x if _names_dtype(x) else as_value(x) for x in arrays_and_dtypes])


def _names_dtype(x: Any) -> Any:
    return isinstance(x, (np.dtype, type))


def as_value(x: Any) -> Any:
    """An array, tracer or scalar as it is; the dtype that a string names."""
    if isinstance(x, str):
        return np.dtype(x)
    return x if isinstance(x, Tracer) or x.__class__ in PYTHON_SCALARS else as_array(x)


@implements(np.can_cast)
def can_cast(from_: Any, to: Any, casting: str = "safe") -> Any:
    return np.can_cast(dtype_of(from_), to, casting)  # type: ignore[arg-type]


@implements(np.common_type)
def common_type(*arrays: Any) -> Any:
    return np.common_type(*[np.empty(0, dtype_of(as_array(a))) for a in arrays])


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> Any:
    return dtype_of(as_array(x)).kind == "c"


@implements(np.isrealobj)
def isrealobj(x: Any) -> Any:
    return dtype_of(as_array(x)).kind != "c"


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: Any = False) -> Any:
    a1, a2 = as_array(a1), as_array(a2)
    if a1.shape != a2.shape:
        return False
    same = lax.eq(a1, a2)
    if equal_nan:
        same = lax.logical_or(same, lax.logical_and(lax.ne(a1, a1), lax.ne(a2, a2)))
    return reduce_and(same, range(same.ndim))


@implements(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> Any:
    a1, a2 = as_array(a1), as_array(a2)
    try:
        np.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    same = lax.eq(a1, a2)
    return reduce_and(same, range(same.ndim))
