"""Counts: in bins, and of small integers."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from ..core.aval import result_dtype
from ..core.trace import concrete_or_none
from ..errors import ArgumentError, DtypeError, OptionError, ShapeError
from ..lax.cumulative import cumsum_p
from ..lax.elementwise import where as select
from ..lax.index import ARRAY, Index
from ..lax.indexing import getitem, scatter_zeros_p
from ..lax.shape import broadcast_to, concatenate, convert_element_type, ndim_of, pad_p, reshape
from ..lax.sorting import argsort_p, ordered, searchsorted, sort_p
from . import reductions
from .creation import linspace
from .dispatch import as_array, implements, static, static_int

#: NumPy's ways to choose a number of bins by the values.
_ESTIMATORS = ("auto", "doane", "fd", "rice", "scott", "sqrt", "stone", "sturges")
_ONE_ARRAY = Index((ARRAY,), unique=False)


@implements(np.bincount, extensions=("length",))
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0, *, length: int | None = None) -> Any:
    """`numpy.bincount`, which can be traced.

    Parameters
    ----------
    x
        Integers from 0 on, of one axis.
    weights
        What each counts for; 1 by default.
    minlength
        The least length of the result.
    length
        The length of the result. It is needed where `x` is not known while the function is traced; integers outside
        0 to `length` - 1 are then left out.
    """
    x = as_array(x)
    if len(x.shape) != 1:
        raise ShapeError(f"bincount expected an array of one axis, got shape {x.shape}")
    if x.dtype.kind not in "iub":
        raise DtypeError(f"Cannot cast array data from {x.dtype!r} to dtype('int64') according to the rule 'safe'")
    minlength = static_int(minlength, "bincount", "minlength", "a static argument")
    if minlength < 0:
        raise ValueError("'minlength' must not be negative")
    known = concrete_or_none(x)
    if known is not None and np.any(known < 0):
        raise ValueError("'list' argument must have no negative elements")
    if length is None:
        places = static(x, "bincount", "x", "functrace.numpy.bincount(x, length=n), which leaves out what is beyond n")
        length = max(int(np.max(places)) + 1 if places.size else 0, minlength)
    x = convert_element_type(x, np.intp)
    if weights is None:
        amounts: Any = broadcast_to(np.intp(1), x.shape)
    else:
        amounts = convert_element_type(as_array(weights), np.float64)
        if amounts.shape != x.shape:
            raise ShapeError("The weights and list don't have the same length.")
    if known is None or np.any(known >= length):
        inside = (x >= 0) & (x < length)
        amounts, x = select(inside, amounts, amounts.dtype.type(0)), select(inside, x, 0)
    if not x.shape[0]:
        return np.zeros(length, np.intp)  # NumPy's dtype, also where there are weights
    if not length:
        return np.zeros(0, amounts.dtype)
    return scatter_zeros_p(amounts, x, shape=(length,), index=_ONE_ARRAY)


# ---------------------------------------------------------------------------------------------------------------------
# histograms
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.histogram)
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Any, Any]:
    a = as_array(a)
    edges = _edges(a, bins, range, weights)
    values = reshape(a, (-1,))
    if weights is None:
        places = _inclusive(sort_p(values, axis=0, stable=False), edges)
        heaped = places
    else:
        weights = as_array(weights)
        if weights.shape != a.shape:
            raise ValueError("weights should have the same shape as a.")
        order = argsort_p(values, axis=0, stable=True)
        running = cumsum_p(ordered(reshape(weights, (-1,)), order, 0), axis=0, reverse=False)
        running = pad_p(running, running.dtype.type(0), padding_config=((1, 0, 0),))
        heaped = getitem(running, (_inclusive(ordered(values, order, 0), edges),))
    counts = getitem(heaped, (slice(1, None),)) - getitem(heaped, (slice(None, -1),))
    if weights is not None:
        counts = convert_element_type(counts, weights.dtype)
    if density:
        widths = convert_element_type(getitem(edges, slice(1, None)) - getitem(edges, slice(None, -1)), np.float64)
        counts = counts / widths / reductions.sum(counts)
    return counts, edges


def _inclusive(values: Any, edges: Any) -> Any:
    """How many of the sorted values lie before each edge; for the last one also those upon it."""
    before = searchsorted(values, getitem(edges, slice(None, -1)), "left")
    return concatenate([before, searchsorted(values, getitem(edges, slice(-1, None)), "right")], 0)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    return _edges(as_array(a), bins, range, weights)


def _edges(a: Any, bins: Any, range: Any, weights: Any) -> Any:
    bins = _static_if_scalar(bins)
    if isinstance(bins, str):
        if bins not in _ESTIMATORS:
            raise OptionError(f"{bins!r} is not a valid estimator for `bins`")
        known = static(a, "histogram", f"a, with bins={bins!r},", "a number of bins, or their edges as an array")
        return np.histogram_bin_edges(known, bins, range, weights)
    bins = bins if isinstance(bins, int) else as_array(bins)
    if not isinstance(bins, int):
        if len(bins.shape) != 1:
            raise ValueError("`bins` must be 1d, when an array")
        known = concrete_or_none(bins)
        if known is not None and np.any(known[:-1] > known[1:]):
            raise ValueError("`bins` must increase monotonically, when an array")
        return bins
    if bins < 1:
        raise ValueError("`bins` must be positive, when an integer")
    first, last = _outer_edges(a, range)
    dtype = result_dtype(first, last, a)
    if dtype.kind in "iub":
        dtype = np.result_type(dtype, np.float64)
    return linspace(first, last, bins + 1, dtype=dtype)


def _static_if_scalar(bins: Any) -> Any:
    if isinstance(bins, (str, list, tuple)) or ndim_of(bins) != 0:
        return bins
    known = static(bins, "histogram", "bins", "a static number of bins")
    try:
        return index(known)
    except (AttributeError, TypeError):
        raise ArgumentError("`bins` must be an integer, a string, or an array") from None


def _outer_edges(a: Any, range: Any) -> tuple[Any, Any]:
    if range is not None:
        first, last = range
        ends = concrete_or_none(first), concrete_or_none(last)
        if None not in ends:
            if ends[0] > ends[1]:
                raise ValueError("max must be larger than min in range parameter.")
            if not (np.isfinite(ends[0]) and np.isfinite(ends[1])):
                raise ValueError(f"supplied range of [{ends[0]}, {ends[1]}] is not finite")
    elif 0 in a.shape:
        return 0, 1
    else:
        first, last = reductions.min(a), reductions.max(a)
        ends = concrete_or_none(first), concrete_or_none(last)
        if None not in ends and not (np.isfinite(ends[0]) and np.isfinite(ends[1])):
            raise ValueError(f"autodetected range of [{ends[0]}, {ends[1]}] is not finite")
    if None not in ends:  # an empty range is widened
        return (first - 0.5, last + 0.5) if ends[0] == ends[1] else (first, last)
    same = first == last
    dtype = result_dtype(first, last)
    if dtype.kind in "iub":
        first, last = convert_element_type(first, np.float64), convert_element_type(last, np.float64)
    return select(same, first - 0.5, first), select(same, last + 0.5, last)


@implements(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Any, list[Any]]:
    if isinstance(sample, (list, tuple)):
        columns = [reshape(as_array(column), (-1,)) for column in sample]
    else:
        sample = as_array(sample)
        sample = reshape(sample, (-1, 1)) if len(sample.shape) < 2 else sample
        if len(sample.shape) > 2:
            raise ShapeError(f"histogramdd expected a sample of two axes, got shape {sample.shape}")
        columns = [getitem(sample, (slice(None), i)) for i in np.arange(sample.shape[1]).tolist()]
    return _many(columns, bins, range, density, weights)


@implements(np.histogram2d)
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Any, Any, Any]:
    x, y = as_array(x), as_array(y)
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if not isinstance(bins, (int, np.integer)) and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, edges = _many([x, y], bins, range, density, weights)
    return counts, edges[0], edges[1]


def _many(columns: Sequence[Any], bins: Any, range: Any, density: bool | None, weights: Any) -> tuple[Any, list[Any]]:
    """Counts in boxes: the cells of a grid of bins, with a column of values an axis."""
    if isinstance(bins, (int, np.integer)):
        bins = [bins] * len(columns)
    elif len(bins) != len(columns):
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    ranges = [None] * len(columns) if range is None else range
    if len(ranges) != len(columns):
        raise ValueError("range argument must have one entry per dimension")
    dtype = result_dtype(*[column.dtype for column in columns])  # NumPy has the sample in one array
    columns = [convert_element_type(column, dtype) for column in columns]
    edges = [_edges(x, b, r, None) for x, b, r in zip(columns, bins, ranges, strict=True)]
    shape = [edge.shape[0] - 1 for edge in edges]
    cell: Any = 0
    inside: Any = np.True_
    for column, edge, extent in zip(columns, edges, shape, strict=True):
        place = searchsorted(edge, column, "right") - 1
        place = select(column == getitem(edge, -1), extent - 1, place)  # the last bin has its upper edge too
        inside = inside & (place >= 0) & (place < extent)
        cell = cell * extent + place
    amounts = np.ones(columns[0].shape) if weights is None else convert_element_type(as_array(weights), np.float64)
    amounts, cell = select(inside, amounts, 0.0), select(inside, cell, 0)
    size = int(np.prod(shape))
    counts = reshape(scatter_zeros_p(amounts, cell, shape=(size,), index=_ONE_ARRAY), shape)
    if density:
        total = reductions.sum(counts)
        for axis, edge in enumerate(edges):
            widths = getitem(edge, slice(1, None)) - getitem(edge, slice(None, -1))
            counts = counts / reshape(widths, [-1 if i == axis else 1 for i in np.arange(len(shape)).tolist()])
        counts = counts / total
    return counts, edges
