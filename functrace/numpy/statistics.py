"""Spread, averages and correlation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype, result_dtype
from ..core.trace import Tracer, concrete_or_none
from ..errors import DtypeError, ShapeError
from ..lax.dot import matmul
from ..lax.elementwise import clamp, complex_, conj, imag, max_, real, sqrt, square
from ..lax.elementwise import where as select
from ..lax.indexing import getitem
from ..lax.shape import (
    broadcast_to,
    concatenate,
    convert_element_type,
    reduce_sum_p,
    reduced_shape,
    reshape,
    transpose,
)
from . import reductions
from .dispatch import as_array, implements
from .reductions import counted_axes, flag, mask_of

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
    if dtype is not None and canonical_dtype(dtype).kind not in "fc":
        raise DtypeError(f"Cannot cast ufunc 'sqrt' output to {dtype}: a standard deviation is no integer")
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


def _variance(a: Any, axis: Any, dtype: Any, ddof: Any, keepdims: Any, where: Any, center: Any, correction: Any) -> Any:
    ddof = degrees_taken(ddof, correction)
    shape = a.shape
    axes = counted_axes(axis, len(shape))
    count: Any = math.prod([shape[i] for i in axes])
    if dtype is None and where is True and center is None and a.dtype.kind == "f" and isinstance(ddof, (int, float)):
        deviations = a - reduce_sum_p(a, axes=axes, keepdims=True) / count
        return reduce_sum_p(square(deviations), axes=axes, keepdims=flag(keepdims)) / max(count - ddof, 0)
    if dtype is not None:
        dtype = canonical_dtype(dtype)
    elif a.dtype.kind in "iub":
        dtype = np.dtype(np.float64)
    wide = a if dtype is None else convert_element_type(a, dtype)
    mask = None if where is True else broadcast_to(mask_of(where, shape), shape)
    if mask is not None:
        wide = select(mask, wide, wide.dtype.type(0))
        count = reduce_sum_p(mask, axes=axes, keepdims=True)
    if center is None:
        center = convert_element_type(reduce_sum_p(wide, axes=axes, keepdims=True), wide.dtype)
        center = convert_element_type(center / count, wide.dtype)
    squares = squared_magnitude(a - as_array(center))
    if mask is not None:
        squares = select(mask, squares, squares.dtype.type(0))
    if dtype is not None:
        squares = convert_element_type(squares, dtype)
    total = reduce_sum_p(squares, axes=axes, keepdims=flag(keepdims))
    if mask is not None and not keepdims:
        count = reshape(count, reduced_shape(shape, axes, False))
    left = count - ddof
    left = max_(left, 0) if isinstance(left, Tracer) or mask is not None else max(left, 0)
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


# ---------------------------------------------------------------------------------------------------------------------
# weighted averages
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    a = as_array(a)
    if weights is None:
        result = reductions.mean(a, axis, keepdims=keepdims)
        total = np.asarray(a.size / result.size, result.dtype) if result.size else np.float64(np.nan)
    else:
        axes = counted_axes(axis, len(a.shape))
        weights = weights_along(as_array(weights), a.shape, axis)
        wide = result_dtype(a.dtype, weights.dtype, *([np.float64] if a.dtype.kind in "iub" else []))
        weights = convert_element_type(weights, wide)
        # The weights' total as NumPy has it: over the axes that they have, and not yet broadcast
        total = reduce_sum_p(weights, axes=axes, keepdims=flag(keepdims))
        known = concrete_or_none(total)
        if known is not None and np.any(known == 0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        product = convert_element_type(a, wide) * weights
        result = reduce_sum_p(product, axes=axes, keepdims=flag(keepdims)) / total
    return (result, broadcast_to(total, result.shape)) if returned else result


def weights_along(weights: Any, shape: tuple[int, ...], axis: Any) -> Any:
    """Weights that broadcast to an array of this shape, from ones that may have the axes named by `axis` alone."""
    if weights.shape == shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = [reductions.canonical_axis(i, len(shape)) for i in (axis if isinstance(axis, tuple) else (axis,))]
    if weights.shape != tuple([shape[i] for i in axes]):
        raise ShapeError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = transpose(weights, sorted(range(len(axes)), key=axes.__getitem__))
    return reshape(weights, [extent if i in axes else 1 for i, extent in enumerate(shape)])


# ---------------------------------------------------------------------------------------------------------------------
# covariance and correlation
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    x = _variables(as_array(m), "m", rowvar, dtype)
    if x.shape[0] == 0:
        return np.empty((0, 0))
    if y is not None:
        y = as_array(y)
        wide = result_dtype(x.dtype, y.dtype) if dtype is None else x.dtype
        x = concatenate([convert_element_type(x, wide), _variables(y, "y", rowvar, wide)], 0)
    if ddof is None:
        ddof = 0 if bias else 1
    count = x.shape[1]
    weights = _observation_weights(fweights, aweights, count)
    if weights is None:
        average_, total, taken = reductions.mean(x, 1, keepdims=True), count, ddof
    else:
        total = reduce_sum_p(weights, axes=(0,), keepdims=False)
        average_ = reduce_sum_p(x * weights, axes=(1,), keepdims=True) / total
        taken = ddof
        if ddof and aweights is not None:
            taken = ddof * reduce_sum_p(weights * as_array(aweights), axes=(0,), keepdims=False) / total
    factor = total - taken
    factor = max_(factor, 0) if isinstance(factor, Tracer) else max(factor, 0)
    x = x - average_
    weighted = x if weights is None else x * weights
    result = matmul(x, conj(transpose(weighted, (1, 0)))) / factor
    return reshape(result, [extent for extent in result.shape if extent != 1])


def _variables(x: Any, name: str, rowvar: bool, dtype: Any) -> Any:
    """Observations with a row for each variable."""
    if len(x.shape) > 2:
        raise ValueError(f"{name} has more than 2 dimensions")
    kind = result_dtype(x.dtype, np.float64) if dtype is None else canonical_dtype(dtype)
    if kind.kind not in "fc":
        raise DtypeError(f"Cannot cast ufunc 'subtract' output to {kind}: a covariance is no integer")
    x = convert_element_type(x, kind)
    if len(x.shape) < 2:
        return reshape(x, (1, -1))
    return x if rowvar or (name == "y" and x.shape[0] == 1) else transpose(x, (1, 0))


def _observation_weights(fweights: Any, aweights: Any, count: int) -> Any:
    """The product of frequencies and weights; None where neither is given."""
    product = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        given = as_array(given)
        if len(given.shape) > 1:
            raise RuntimeError(f"cannot handle multidimensional {name}")
        if given.shape[0] != count:
            raise RuntimeError(f"incompatible numbers of samples and {name}")
        known = concrete_or_none(given)
        if known is not None and name == "fweights" and np.any(known != np.around(known)):
            raise TypeError("fweights must be integer")
        if known is not None and np.any(known < 0):
            raise ValueError(f"{name} cannot be negative")
        given = convert_element_type(given, np.float64)
        product = given if product is None else product * given
    return product


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.shape:
        return c / c
    deviation = sqrt(real(getitem(c, (np.arange(c.shape[0]), np.arange(c.shape[0])))))
    c = c / reshape(deviation, (-1, 1)) / deviation
    if c.dtype.kind == "c":
        return complex_(clamp(-1.0, real(c), 1.0), clamp(-1.0, imag(c), 1.0))
    return clamp(-1.0, c, 1.0)
