"""Spread, averages, order statistics, correlation, counts in bins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import canonical_dtype, result_dtype
from ..core.trace import Tracer, concrete_or_none
from ..errors import OptionError, ShapeError
from ..lax.creation import full
from ..lax.cumulative import cumsum_p
from ..lax.dot import matmul
from ..lax.elementwise import ceil, conj, floor, imag, is_nan, real, rint, sqrt, square
from ..lax.elementwise import where as select
from ..lax.index import ARRAY, Index
from ..lax.indexing import getitem, scatter_zeros_p, take_along_axis
from ..lax.shape import (
    broadcast_to,
    concatenate,
    convert_element_type,
    expand_dims,
    reduce_sum_p,
    reduced_shape,
    reshape,
    shape_of,
    transpose,
)
from ..lax.sorting import argsort, ordered, searchsorted, sort_p
from .dispatch import as_array, implements, static
from .reductions import axes_of, mask_of, mean

# ---------------------------------------------------------------------------------------------------------------------
# spread
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.std)
def std(
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
    return sqrt(_variance(as_array(a), axis, dtype, ddof, keepdims, where, mean, correction))


@implements(np.var)
def var(
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
    return _variance(as_array(a), axis, dtype, ddof, keepdims, where, mean, correction)


def _variance(
    a: Any, axis: Any, dtype: Any, ddof: Any, keepdims: Any, where: Any, center: Any, correction: Any
) -> Any:
    ddof = degrees_taken(ddof, correction)
    shape = a.shape
    axes = axes_of(axis, len(shape))
    if dtype is not None:
        dtype = canonical_dtype(dtype)
    elif a.dtype.kind in "iub":
        dtype = np.dtype(np.float64)
    wide = a if dtype is None else convert_element_type(a, dtype)
    mask = None if where is True else broadcast_to(mask_of(where, shape), shape)
    count: Any = math.prod([shape[i] for i in axes])
    if mask is not None:
        wide = select(mask, wide, wide.dtype.type(0))
        count = reduce_sum_p(mask, axes=axes, keepdims=True)
    if center is None:
        center = convert_element_type(reduce_sum_p(wide, axes=axes, keepdims=True), wide.dtype)
        center = convert_element_type(center / count, wide.dtype)
    squares = squared_magnitude(a - as_array(center))
    if mask is not None:
        squares = select(mask, squares, squares.dtype.type(0))
    if dtype is not None and dtype.kind != "c":
        squares = convert_element_type(squares, dtype)
    total = reduce_sum_p(squares, axes=axes, keepdims=bool(keepdims))
    if mask is not None and not keepdims:
        count = reshape(count, reduced_shape(shape, axes, False))
    left = count - ddof
    left = select(left > 0, left, 0) if isinstance(left, Tracer) else np.maximum(left, 0).item() if np.ndim(left) == 0 else np.maximum(left, 0)
    return convert_element_type(total / left, squares.dtype)


def degrees_taken(ddof: Any, correction: Any) -> Any:
    """What a variance's divisor is less than the count, by either of its names."""
    if correction is None:
        return ddof
    if ddof != 0:
        raise ValueError("ddof and correction can't be provided simultaneously.")
    return correction


def squared_magnitude(x: Any) -> Any:
    """|x|²."""
    return square(real(x)) + square(imag(x)) if x.dtype.kind == "c" else square(x)
