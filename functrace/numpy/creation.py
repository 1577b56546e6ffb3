"""NumPy's functions that make arrays. Inside `jit` they are recorded, so that no large constant is baked in.

`array` and `asarray` of what has values already give these values as they are: inside `jit` they are static.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS, canonical_dtype, canonical_shape, result_dtype
from ..core.trace import Tracer
from ..errors import ArgumentError, OptionError
from ..lax import creation as lax
from ..lax.cumulative import cumprod
from ..lax.elementwise import add, div, eq, floor, log10, mul, pow_, real, sign, sub, where
from ..lax.indexing import getitem
from ..lax.shape import (
    broadcast_in_dim_p,
    broadcast_to,
    concatenate,
    convert_element_type,
    dtype_of,
    expand_dims,
    move_axis,
    ndim_of,
    pad,
    reshape,
    shape_of,
    transpose,
)
from .dispatch import as_array, as_operand, implements, static

_FLOAT = np.dtype(np.float64)
_SIZE = "static_argnums for an argument of jit that gives a size"

# ---------------------------------------------------------------------------------------------------------------------
# one value everywhere
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.zeros, creates=True)
def zeros(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    return _filled(shape, 0, dtype, device)


@implements(np.ones, creates=True)
def ones(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    return _filled(shape, 1, dtype, device)


@implements(np.empty, creates=True)
def empty(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    """`numpy.empty`, which can be traced; traced, it gives zeros."""
    return _filled(shape, 0, dtype, device)


@implements(np.full, creates=True)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    _check_device(device)
    return _repeated(canonical_shape(shape), fill_value, dtype)


@implements(np.zeros_like)
def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    return _filled(a.shape if shape is None else shape, 0, a.dtype if dtype is None else dtype, device)


@implements(np.ones_like)
def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    return _filled(a.shape if shape is None else shape, 1, a.dtype if dtype is None else dtype, device)


@implements(np.empty_like)
def empty_like(
    prototype: Any, /, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    """`numpy.empty_like`, which can be traced; traced, it gives zeros."""
    return zeros_like(prototype, dtype, order, subok, shape, device=device)


@implements(np.full_like)
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
    _check_device(device)
    a = as_array(a)
    return _repeated(a.shape if shape is None else canonical_shape(shape), fill_value, a.dtype if dtype is None else dtype)


def _filled(shape: Any, value: int, dtype: Any, device: Any) -> Any:
    _check_device(device)
    dtype = _FLOAT if dtype is None else canonical_dtype(dtype)
    return lax.full(canonical_shape(shape), dtype.type(value), dtype)


def _repeated(shape: tuple[int, ...], value: Any, dtype: Any) -> Any:
    value = as_operand(value)
    dtype = dtype_of(value) if dtype is None else canonical_dtype(dtype)
    if not ndim_of(value):
        return lax.full(shape, value, dtype)
    return broadcast_to(convert_element_type(value, dtype), shape)


def _check_device(device: Any) -> None:
    if device not in (None, "cpu"):
        raise OptionError(f"expected the device 'cpu' or None, got {device!r}")


# ---------------------------------------------------------------------------------------------------------------------
# numbers in a row
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.arange, creates=True)
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None, *, device: Any = None) -> Any:
    _check_device(device)
    known = [static(bound, "numpy.arange", "start, stop and step", _SIZE) for bound in (start, stop, step)]
    example = _arange(*known, dtype)
    kind = example.dtype
    if kind.kind == "b":  # at most two elements
        return example
    numbers = lax.iota(kind, len(example))
    if stop is None:
        return numbers
    if len(example) > 1 and not isinstance(step, Tracer):
        step = example[1] - example[0]
        if step != 1:
            numbers = mul(numbers, step)
    elif isinstance(step, Tracer):
        numbers = mul(numbers, convert_element_type(step, kind))
    if isinstance(start, Tracer):
        return add(numbers, convert_element_type(start, kind))
    return add(numbers, example[0]) if len(example) and example[0] != 0 else numbers


def _arange(start: Any, stop: Any, step: Any, dtype: Any) -> np.ndarray:
    """NumPy's own, from which the traced one takes length, dtype, start and step."""
    if stop is None:
        start, stop = 0, start
    return np.arange(start, stop, 1 if step is None else step, dtype=dtype)


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
    _check_device(device)
    start, stop = as_operand(start), as_operand(stop)
    num = static(num, "numpy.linspace", "num", _SIZE).__index__()
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    kind = result_dtype(start, stop, np.dtype(float).type(0).item())
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
        out = move_axis(out, 0, _axis_of_result(axis, ndim_of(out)))
    if dtype is not None:
        dtype = canonical_dtype(dtype)
        out = convert_element_type(floor(out) if dtype.kind in "iu" else out, dtype)
    return (out, step) if retstep else out


def _axis_of_result(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


@implements(np.logspace, creates=True)
def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: Any = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop, base = as_operand(start), as_operand(stop), as_operand(base)
    if ndim_of(base):
        rank = max(ndim_of(start), ndim_of(stop), ndim_of(base))
        start, stop, base = [reshape(x, (*[1] * (rank - ndim_of(x)), *shape_of(x))) for x in (start, stop, base)]
        base = expand_dims(base, [axis])
    exponents = TRACED_LINSPACE(start, stop, num, endpoint, axis=axis)
    out = pow_(base, exponents)
    return out if dtype is None else convert_element_type(out, canonical_dtype(dtype))


@implements(np.geomspace, creates=True)
def geomspace(
    start: Any, stop: Any, num: Any = 50, endpoint: Any = True, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop = as_operand(start), as_operand(stop)
    num = static(num, "numpy.geomspace", "num", _SIZE).__index__()
    kind = result_dtype(start, stop, 0.0)
    shape = np.broadcast_shapes(shape_of(start), shape_of(stop))
    start = broadcast_to(convert_element_type(start, kind), shape)
    stop = broadcast_to(convert_element_type(stop, kind), shape)
    direction = sign(start)
    first, last = div(start, direction), div(stop, direction)
    out = TRACED_LOGSPACE(log10(first), log10(last), num, endpoint)
    ends = [expand_dims(first, [0])] if num else []
    middle = getitem(out, slice(1, -1 if endpoint and num > 1 else None))
    if endpoint and num > 1:
        ends.append(expand_dims(last, [0]))
    if num:
        out = concatenate([ends[0], middle, *ends[1:]], 0)
    out = mul(out, direction)
    if axis:
        out = move_axis(out, 0, _axis_of_result(axis, ndim_of(out)))
    return out if dtype is None else convert_element_type(out, canonical_dtype(dtype))
