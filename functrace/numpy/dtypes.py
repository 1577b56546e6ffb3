"""What NumPy says of dtypes and shapes, and its questions about arrays that have static answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS
from ..core.aval import result_dtype as result_dtype_of
from ..core.trace import Tracer
from ..lax import elementwise as lax
from ..lax.reduction import reduce_and
from ..lax.shape import canonical_axes, dtype_of, ndim_of, shape_of
from .dispatch import as_array, implements

# NumPy's own, so that `import functrace.numpy as np` is enough
True_ = np.True_
False_ = np.False_
bool = np.bool
bool_ = np.bool_
object_ = np.object_
str_ = np.str_
bytes_ = np.bytes_
void = np.void

int8 = np.int8
int16 = np.int16
int32 = np.int32
int64 = np.int64
int_ = np.int_
intp = np.intp
byte = np.byte
short = np.short
intc = np.intc
long = np.long
longlong = np.longlong

uint8 = np.uint8
uint16 = np.uint16
uint32 = np.uint32
uint64 = np.uint64
uint = np.uint
uintp = np.uintp
ubyte = np.ubyte
ushort = np.ushort
uintc = np.uintc
ulong = np.ulong
ulonglong = np.ulonglong

float16 = np.float16
float32 = np.float32
float64 = np.float64
half = np.half
single = np.single
double = np.double
longdouble = np.longdouble

complex64 = np.complex64
complex128 = np.complex128
csingle = np.csingle
cdouble = np.cdouble
clongdouble = np.clongdouble

generic = np.generic
number = np.number
integer = np.integer
signedinteger = np.signedinteger
unsignedinteger = np.unsignedinteger
inexact = np.inexact
floating = np.floating
complexfloating = np.complexfloating
flexible = np.flexible
character = np.character

dtype = np.dtype
finfo = np.finfo
iinfo = np.iinfo
dtypes = np.dtypes
ScalarType = np.ScalarType
sctypeDict = np.sctypeDict
typecodes = np.typecodes
little_endian = np.little_endian
ndarray = np.ndarray
ufunc = np.ufunc

pi = np.pi
e = np.e
euler_gamma = np.euler_gamma
inf = np.inf
nan = np.nan
newaxis = np.newaxis

issubdtype = np.issubdtype
isdtype = np.isdtype
promote_types = np.promote_types
min_scalar_type = np.min_scalar_type
mintypecode = np.mintypecode
typename = np.typename

broadcast_shapes = np.broadcast_shapes
isscalar = np.isscalar
iterable = np.iterable
ndindex = np.ndindex
ndenumerate = np.ndenumerate
nditer = np.nditer
nested_iters = np.nested_iters
broadcast = np.broadcast
flatiter = np.flatiter
mask_indices = np.mask_indices

isfortran = np.isfortran
may_share_memory = np.may_share_memory
shares_memory = np.shares_memory

errstate = np.errstate
geterr = np.geterr
seterr = np.seterr
geterrcall = np.geterrcall
seterrcall = np.seterrcall
getbufsize = np.getbufsize
setbufsize = np.setbufsize
exceptions = np.exceptions
get_include = np.get_include
info = np.info
show_config = np.show_config
show_runtime = np.show_runtime
printoptions = np.printoptions
get_printoptions = np.get_printoptions
set_printoptions = np.set_printoptions

array2string = np.array2string
array_repr = np.array_repr
array_str = np.array_str
base_repr = np.base_repr
binary_repr = np.binary_repr
format_float_positional = np.format_float_positional
format_float_scientific = np.format_float_scientific

load = np.load
loadtxt = np.loadtxt
genfromtxt = np.genfromtxt
save = np.save
savetxt = np.savetxt
savez = np.savez
savez_compressed = np.savez_compressed

frombuffer = np.frombuffer
from_dlpack = np.from_dlpack
fromfile = np.fromfile
fromiter = np.fromiter
fromstring = np.fromstring
fromregex = np.fromregex

mgrid = np.mgrid
ogrid = np.ogrid
r_ = np.r_
c_ = np.c_
s_ = np.s_
emath = np.emath
index_exp = np.index_exp


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
