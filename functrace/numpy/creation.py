"""NumPy's functions that make arrays. Inside `jit` they are recorded, so that no large constant is baked in.

`array` and `asarray` of what has values already give these values as they are: inside `jit` they are static.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype, canonical_shape, result_dtype
from ..core.trace import Tracer
from ..lax import creation as lax
from ..lax.cumulative import cumprod
from ..lax.elementwise import add, div, eq, floor, ge, log10, mul, sign, sub, where
from ..lax.elementwise import pow_ as power
from ..lax.indexing import getitem
from ..lax.shape import (
    broadcast_to,
    canonical_axis,
    concatenate,
    convert_element_type,
    dtype_of,
    expand_dims,
    move_axis,
    ndim_of,
    pad,
    reshape,
    rev,
    shape_of,
)
from .dispatch import as_array, as_operand, check_layout, implements, static, static_int
from .inspection import check_device

_REQUIREMENTS = {
    *("C", "C_CONTIGUOUS", "CONTIGUOUS", "F", "F_CONTIGUOUS", "FORTRAN", "A", "ALIGNED", "W", "WRITEABLE"),
    *("O", "OWNDATA", "E", "ENSUREARRAY"),
}
_FLOAT = np.dtype(np.float64)
_SIZE = "static_argnums for an argument of jit that gives a size"

# ---------------------------------------------------------------------------------------------------------------------
# one value everywhere
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.zeros, creates=True)
def zeros(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    check_layout(order)
    return _filled(shape, 0, dtype, device)


@implements(np.ones, creates=True)
def ones(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    check_layout(order)
    return _filled(shape, 1, dtype, device)


@implements(np.empty, creates=True)
def empty(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    """`numpy.empty`, which can be traced; traced, it gives zeros."""
    check_layout(order)
    return _filled(shape, 0, dtype, device)


@implements(np.full, creates=True)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    check_device(device)
    check_layout(order)
    return _repeated(canonical_shape(shape), fill_value, dtype)


@implements(np.zeros_like, creates=True)
def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    check_layout(order)
    return _filled_like(a, 0, dtype, shape, device)


@implements(np.ones_like, creates=True)
def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    check_layout(order)
    return _filled_like(a, 1, dtype, shape, device)


@implements(np.empty_like, creates=True)
def empty_like(
    prototype: Any, /, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    """`numpy.empty_like`, which can be traced; traced, it gives zeros."""
    check_layout(order)
    return _filled_like(prototype, 0, dtype, shape, device)


@implements(np.full_like, creates=True)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    check_device(device)
    check_layout(order)
    a = as_array(a)
    return _repeated(
        a.shape if shape is None else canonical_shape(shape), fill_value, a.dtype if dtype is None else dtype
    )


def _filled(shape: Any, value: int, dtype: Any, device: Any) -> Any:
    check_device(device)
    dtype = _FLOAT if dtype is None else canonical_dtype(dtype)
    return lax.full(canonical_shape(shape), dtype.type(value), dtype)


def _filled_like(a: Any, value: int, dtype: Any, shape: Any, device: Any) -> Any:
    a = as_array(a)
    return _filled(a.shape if shape is None else shape, value, a.dtype if dtype is None else dtype, device)


def _repeated(shape: tuple[int, ...], value: Any, dtype: Any) -> Any:
    value = as_operand(value)
    dtype = dtype_of(value) if dtype is None else canonical_dtype(dtype)
    if not ndim_of(value):
        return lax.full(shape, value, dtype)
    return broadcast_to(convert_element_type(value, dtype), shape)


# ---------------------------------------------------------------------------------------------------------------------
# numbers in a row
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.arange, creates=True)
def arange(start: Any = None, stop: Any = None, step: Any = None, dtype: Any = None, *, device: Any = None) -> Any:
    check_device(device)
    if stop is None:
        start, stop = None, start
    bounds = (0 if start is None else start, stop, 1 if step is None else step)
    known = [static(bound, "numpy.arange", "start, stop and step", _SIZE) for bound in bounds]
    example = np.arange(*known, dtype=dtype)  # NumPy knows the length, the dtype, and how start and step round
    kind = example.dtype
    if kind.kind == "b":  # at most two elements
        return example
    out = lax.iota(kind, len(example))
    if isinstance(step, Tracer):
        out = mul(out, convert_element_type(step, kind))
    elif len(example) > 1 and example[1] - example[0] != 1:
        out = mul(out, example[1] - example[0])
    if isinstance(start, Tracer):
        return add(out, convert_element_type(start, kind))
    return add(out, example[0]) if len(example) and example[0] != 0 else out


@implements(np.linspace, creates=True)
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: Any = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    check_device(device)
    start, stop = as_operand(start), as_operand(stop)
    num = static_int(num, "numpy.linspace", "num", _SIZE)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    kind = result_dtype(start, stop, 0.0)
    intervals = num - 1 if endpoint else num
    start, stop = convert_element_type(start, kind), convert_element_type(stop, kind)
    width = sub(stop, start)
    numbers = reshape(lax.iota(kind, num), (num, *[1] * ndim_of(width)))
    step: Any = np.nan
    if intervals > 0:
        step = div(width, kind.type(intervals))
        out = mul(numbers, step)
        vanished = eq(step, kind.type(0))  # a step too small for its dtype
        if isinstance(vanished, Tracer) or np.any(vanished):
            out = where(vanished, mul(div(numbers, kind.type(intervals)), width), out)
    else:
        out = mul(numbers, width)
    out = add(out, start)
    if endpoint and num > 1:
        last = broadcast_to(stop, shape_of(width))
        out = concatenate([getitem(out, slice(None, -1)), expand_dims(last, [0])], 0)
    if axis:
        out = move_axis(out, 0, canonical_axis(axis, ndim_of(out)))
    if dtype is not None:
        dtype = canonical_dtype(dtype)
        out = convert_element_type(floor(out) if dtype.kind in "iu" else out, dtype)
    return (out, step) if retstep else out


@implements(np.logspace, creates=True)
def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: Any = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop, base = as_operand(start), as_operand(stop), as_operand(base)
    if ndim_of(base):
        rank = max(ndim_of(start), ndim_of(stop), ndim_of(base))
        start, stop, base = [reshape(x, (*[1] * (rank - ndim_of(x)), *shape_of(x))) for x in (start, stop, base)]
        base = expand_dims(base, [axis])
    out = power(base, linspace(start, stop, num, endpoint, axis=axis))
    return out if dtype is None else convert_element_type(out, canonical_dtype(dtype))


@implements(np.geomspace, creates=True)
def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: Any = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = as_array(start), as_array(stop)
    num = static_int(num, "numpy.geomspace", "num", _SIZE)
    for end in (start, stop):
        if not isinstance(end, Tracer) and not np.all(end):
            raise ValueError("Geometric sequence cannot include zero")
    kind = result_dtype(start, stop, _FLOAT if dtype is None else canonical_dtype(dtype), 0.0)
    start, stop = convert_element_type(start, kind), convert_element_type(stop, kind)
    direction = sign(start)
    first, last = div(start, direction), div(stop, direction)
    out = power(10.0, linspace(log10(first), log10(last), num, endpoint))
    if num:  # the ends are those that were given, without what rounding does to them
        shape = shape_of(out)[1:]
        parts = [expand_dims(broadcast_to(first, shape), [0]), getitem(out, slice(1, None))]
        if endpoint and num > 1:
            parts[1:] = [getitem(out, slice(1, -1)), expand_dims(broadcast_to(last, shape), [0])]
        out = concatenate(parts, 0)
    out = mul(out, direction)
    if axis:
        out = move_axis(out, 0, canonical_axis(axis, ndim_of(out)))
    return convert_element_type(out, kind if dtype is None else canonical_dtype(dtype))


# ---------------------------------------------------------------------------------------------------------------------
# matrices
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.eye, creates=True)
def eye(N: Any, M: Any = None, k: Any = 0, dtype: Any = float, order: str = "C", *, device: Any = None) -> Any:
    check_device(device)
    check_layout(order)
    rows, columns, offset = _matrix_shape("numpy.eye", N, M, k)
    return convert_element_type(eq(rows, sub(columns, offset)), canonical_dtype(dtype))


@implements(np.identity, creates=True)
def identity(n: Any, dtype: Any = None) -> Any:
    return eye(n, dtype=_FLOAT if dtype is None else dtype)


@implements(np.tri, creates=True)
def tri(N: Any, M: Any = None, k: Any = 0, dtype: Any = float) -> Any:
    rows, columns, offset = _matrix_shape("numpy.tri", N, M, k)
    return convert_element_type(ge(rows, sub(columns, offset)), canonical_dtype(dtype))


def _matrix_shape(function: str, N: Any, M: Any, k: Any) -> tuple[Any, Any, int]:
    """The numbers of each element's row and column, and the offset of the diagonal."""
    shape = tuple([static_int(size, function, "the shape", _SIZE) for size in (N, N if M is None else M)])
    offset = static(k, function, "k", "functrace.numpy.where with numbers of rows and columns from arange")
    shape = canonical_shape(shape)
    return lax.broadcasted_iota(np.intp, shape, 0), lax.broadcasted_iota(np.intp, shape, 1), index(offset)


@implements(np.diag)
def diag(v: Any, k: Any = 0) -> Any:
    v = as_array(v)
    k = static_int(k, "numpy.diag", "k", "a Python int")
    if v.ndim == 2:
        from .indexing import diagonal

        return diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    size = len(v) + abs(k)
    if not len(v):
        return lax.full((size, size), 0, v.dtype)
    first = k if k >= 0 else -k * size  # in the flattened matrix; from there on each (size + 1)-th
    last = first + (len(v) - 1) * (size + 1)
    return reshape(pad(v, v.dtype.type(0), [(first, size * size - last - 1, size)]), (size, size))


@implements(np.diagflat)
def diagflat(v: Any, k: Any = 0) -> Any:
    return diag(reshape(as_array(v), (-1,)), k)


@implements(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    columns = len(x) if N is None else static_int(N, "numpy.vander", "N", _SIZE)
    kind = np.promote_types(x.dtype, int)
    powers = [lax.full((len(x), min(columns, 1)), 1, kind)]
    if columns > 1:
        repeated = broadcast_to(reshape(convert_element_type(x, kind), (-1, 1)), (len(x), columns - 1))
        powers.append(cumprod(repeated, 1))
    out = concatenate(powers, 1)
    return out if increasing else rev(out, [1])


# ---------------------------------------------------------------------------------------------------------------------
# grids
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    grid = []
    for position, x in enumerate(xi):
        shape = [1] * len(xi)
        shape[1 - position if indexing == "xy" and len(xi) > 1 and position < 2 else position] = -1
        grid.append(reshape(as_array(x), shape))
    if not sparse:
        full_shape = np.broadcast_shapes(*[shape_of(x) for x in grid])
        grid = [broadcast_to(x, full_shape) for x in grid]
    return tuple(grid)


@implements(np.indices, creates=True)
def indices(dimensions: Any, dtype: Any = int, sparse: bool = False) -> Any:
    shape, kind = canonical_shape(dimensions), canonical_dtype(dtype)
    if sparse:
        return tuple(
            [
                reshape(lax.iota(kind, extent), [extent if axis == other else 1 for other in range(len(shape))])
                for axis, extent in enumerate(shape)
            ]
        )
    if not shape:
        return lax.full((0,), 0, kind)
    return concatenate([expand_dims(lax.broadcasted_iota(kind, shape, axis), [0]) for axis in range(len(shape))], 0)


@implements(np.fromfunction, creates=True)
def fromfunction(function: Callable, shape: Any, *, dtype: Any = float, **kwargs: Any) -> Any:
    return function(*indices(shape, dtype=dtype), **kwargs)


# ---------------------------------------------------------------------------------------------------------------------
# arrays of what is given
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.array)
def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    ndmax: int = 0,
) -> Any:
    check_layout(order)
    return _converted(object, dtype, ndmin)


@implements(np.asarray)
def asarray(a: Any, dtype: Any = None, order: Any = None, *, device: Any = None, copy: Any = None) -> Any:
    check_device(device)
    check_layout(order)
    return _converted(a, dtype)


@implements(np.asanyarray)
def asanyarray(a: Any, dtype: Any = None, order: Any = None, *, device: Any = None, copy: Any = None) -> Any:
    check_device(device)
    check_layout(order)
    return _converted(a, dtype)


@implements(np.ascontiguousarray)
def ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    return _converted(a, dtype, ndmin=1)


@implements(np.asfortranarray)
def asfortranarray(a: Any, dtype: Any = None) -> Any:
    return _converted(a, dtype, ndmin=1)


@implements(np.require)
def require(a: Any, dtype: Any = None, requirements: Any = None) -> Any:
    """`numpy.require`, which can be traced; a traced value has no memory, so it meets every requirement of that."""
    for requirement in requirements or ():
        if str(requirement).upper() not in _REQUIREMENTS:
            raise KeyError(requirement)
    return _converted(a, dtype)


@implements(np.asarray_chkfinite)
def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    """`numpy.asarray_chkfinite`, which can be traced where the values are known."""
    out = _converted(a, dtype)
    known = static(
        out,
        "numpy.asarray_chkfinite",
        "values that are all finite, and they have",
        "functrace.numpy.asarray, with functrace.config.debug_nans = True to look for NaN",
    )
    if out.dtype.kind in "fc" and not np.all(np.isfinite(known)):
        raise ValueError("array must not contain infs or NaNs")
    return out


@implements(np.copy)
def copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
    check_layout(order)
    return as_array(a)


def _converted(a: Any, dtype: Any, ndmin: int = 0) -> Any:
    out = as_array(a)
    if dtype is not None:
        out = convert_element_type(out, canonical_dtype(dtype))
    missing = ndmin - ndim_of(out)
    return reshape(out, (*[1] * missing, *shape_of(out))) if missing > 0 else out
