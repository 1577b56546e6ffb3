"""NumPy's reductions that leave NaN out: it counts as nothing, and no derivative flows into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype
from ..core.trace import concrete_or_none
from ..errors import DtypeError
from ..lax.cumulative import cumprod_p, cumsum_p
from ..lax.elementwise import is_nan, max_, min_, sqrt
from ..lax.elementwise import where as select
from ..lax.reduction import reduce_and_p, reduce_max_p, reduce_min_p
from ..lax.shape import convert_element_type, reduce_sum_p
from .dispatch import as_array, implements
from .reductions import argmax, argmin, axes_of, bounded_extremum, flag, mask_of, mean, prod, running, sum
from .statistics import degrees_taken, squared_magnitude, var


def without_nan(a: Any, value: float) -> Any:
    """`a` with another value in place of NaN."""
    return select(is_nan(a), a.dtype.type(value), a) if a.dtype.kind in "fc" else a


@implements(np.nansum)
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = 0,
    where: Any = True,
) -> Any:
    return sum(without_nan(as_array(a), 0), axis, dtype, None, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = 1,
    where: Any = True,
) -> Any:
    return prod(without_nan(as_array(a), 1), axis, dtype, None, keepdims, initial, where)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return running(cumsum_p, without_nan(as_array(a), 0), axis, dtype)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return running(cumprod_p, without_nan(as_array(a), 1), axis, dtype)


# ---------------------------------------------------------------------------------------------------------------------
# extrema
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.nanmax)
def nanmax(
    a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    return _extremum((reduce_max_p, max_, "fmax"), -np.inf, a, axis, keepdims, initial, where)


@implements(np.nanmin)
def nanmin(
    a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    return _extremum((reduce_min_p, min_, "fmin"), np.inf, a, axis, keepdims, initial, where)


def _extremum(
    extremum: tuple[Any, Callable, str], worst: float, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any
) -> Any:
    a = as_array(a)
    result = bounded_extremum(*extremum, without_nan(a, worst), axis, keepdims, initial, where)
    if a.dtype.kind not in "fc" or initial is not None:
        return result
    nothing = reduce_and_p(is_nan(a), axes=axes_of(axis, len(a.shape)), keepdims=flag(keepdims))
    return select(nothing, a.dtype.type(np.nan), result)


@implements(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Any:
    """`numpy.nanargmax`, which can be traced; a slice of NaN alone, where NumPy's raises an error, then gives -1."""
    return _arg_extremum(argmax, -np.inf, a, axis, keepdims)


@implements(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Any:
    """`numpy.nanargmin`, which can be traced; a slice of NaN alone, where NumPy's raises an error, then gives -1."""
    return _arg_extremum(argmin, np.inf, a, axis, keepdims)


def _arg_extremum(operation: Callable, worst: float, a: Any, axis: Any, keepdims: Any) -> Any:
    a = as_array(a)
    position = operation(without_nan(a, worst), axis, keepdims=keepdims)
    if a.dtype.kind not in "fc":
        return position
    nothing = reduce_and_p(is_nan(a), axes=axes_of(axis, len(a.shape)), keepdims=flag(keepdims))
    known = concrete_or_none(nothing)
    if known is None:
        return select(nothing, np.intp(-1), position)
    if np.any(known):
        raise ValueError("All-NaN slice encountered")
    return position


# ---------------------------------------------------------------------------------------------------------------------
# means and variances
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True
) -> Any:
    a = as_array(a)
    if a.dtype.kind not in "fc":
        return mean(a, axis, dtype, None, keepdims, where=where)
    axes = axes_of(axis, len(a.shape))
    return _mean(a, _valid(a, where), axes, flag(keepdims), _inexact(a, dtype))


def _inexact(a: Any, dtype: Any) -> np.dtype:
    """The dtype to compute in; of what may be NaN it must be able to be NaN."""
    dtype = a.dtype if dtype is None else canonical_dtype(dtype)
    if dtype.kind not in "fc":
        raise DtypeError(f"If a is inexact, then dtype must be inexact, got {dtype}")
    return dtype


def _valid(a: Any, where: Any) -> Any:
    """Where an element counts: it is no NaN, and `where` does not hide it."""
    valid = ~is_nan(a)
    return valid if where is True else valid & mask_of(where, a.shape)


def _mean(a: Any, valid: Any, axes: tuple[int, ...], keepdims: bool, dtype: np.dtype) -> Any:
    a = convert_element_type(select(valid, a, a.dtype.type(0)), dtype)
    total = reduce_sum_p(a, axes=axes, keepdims=keepdims)
    count = reduce_sum_p(valid, axes=axes, keepdims=keepdims)
    return convert_element_type(total / count, dtype)


@implements(np.nanvar)
def nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: Any = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    a = as_array(a)
    if a.dtype.kind not in "fc":
        return var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction)
    ddof = degrees_taken(ddof, correction)
    axes = axes_of(axis, len(a.shape))
    wide = _inexact(a, dtype)
    valid = _valid(a, where)
    center = _mean(a, valid, axes, True, wide) if mean is None else as_array(mean)
    deviations = convert_element_type(convert_element_type(a, wide) - center, a.dtype)  # as NumPy, in place of `a`
    deviations = select(valid, deviations, a.dtype.type(0))
    squares = squared_magnitude(deviations)
    if dtype is not None:
        squares = convert_element_type(squares, wide)
    total = reduce_sum_p(squares, axes=axes, keepdims=flag(keepdims))
    count = reduce_sum_p(valid, axes=axes, keepdims=flag(keepdims)) - ddof
    enough = count > 0
    result = total / select(enough, count, 1)
    return convert_element_type(select(enough, result, np.nan), total.dtype)


@implements(np.nanstd)
def nanstd(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: Any = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    return sqrt(nanvar(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))
