"""Norms, condition numbers and ranks.

A norm is not smooth where it is zero, nor the p-norms where elements are: the derivative is zero there, which is a
subgradient. (JAX gives NaN for the Euclidean norm of a zero vector.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import LinearAlgebraError
from ...lax import linalg
from ...lax.creation import full
from ...lax.elementwise import abs_, is_nan, sqrt, square, where
from ...lax.linalg.matrices import as_inexact
from ...lax.reduction import reduce_max, reduce_min, reduce_or, reduce_sum
from ...lax.shape import canonical_axes, canonical_axis, convert_element_type, expand_dims, reshape, transpose
from ..dispatch import as_array, implements
from . import decompositions

_INF = math.inf


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """`numpy.linalg.norm`, which can be traced. Where it is zero its gradient is zero."""
    x = as_array(x)
    if x.dtype.kind not in "fc":
        x = convert_element_type(x, np.float64)
    if axis is None:
        axes = tuple(range(x.ndim))
        if ord is None or (x.ndim == 2 and ord in ("f", "fro")) or (x.ndim == 1 and ord == 2):
            return _euclidean(x, axes, keepdims)
    elif isinstance(axis, tuple):
        axes = tuple([canonical_axis(each, x.ndim) for each in axis])
    else:
        try:
            axis = int(axis)
        except Exception as error:
            raise TypeError("'axis' must be None, an integer or a tuple of integers") from error
        axes = (canonical_axis(axis, x.ndim),)
    if len(axes) == 1:
        return _of_vectors(x, ord, axes, keepdims)
    if len(axes) == 2:
        return _of_matrices(x, ord, axes[0], axes[1], keepdims)
    raise ValueError("Improper number of dimensions to norm.")


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """`numpy.linalg.vector_norm`, which can be traced. Where it is zero its gradient is zero."""
    x = as_array(x)
    axes = canonical_axes(axis, x.ndim)
    others = [each for each in range(x.ndim) if each not in axes]
    shape = [x.shape[each] for each in others]
    flat = reshape(transpose(x, [*axes, *others]), (math.prod([x.shape[each] for each in axes]), *shape))
    out = norm(flat, ord, 0)
    return expand_dims(out, sorted(axes)) if keepdims else out


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """`numpy.linalg.matrix_norm`, which can be traced. Where it is zero its gradient is zero."""
    return norm(as_array(x), ord, (-2, -1), keepdims)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    x = as_array(x)
    if 0 in x.shape:
        raise LinearAlgebraError("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        values = linalg.svd(x, compute_uv=False)
        greatest, least = values[..., 0], values[..., -1]
        out = least / greatest if p == -2 else greatest / least
    else:
        (x,) = as_inexact(x)
        out = norm(x, p, (-2, -1)) * norm(linalg.inv_or_nan(x), p, (-2, -1))
    unknown = is_nan(out) & ~reduce_or(is_nan(x), (x.ndim - 2, x.ndim - 1))
    return where(unknown, full((), _INF, out.dtype), out)


@implements(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    A = as_array(A)
    if A.ndim < 2:
        return convert_element_type(reduce_or(A != 0, tuple(range(A.ndim))), np.int64)
    values = decompositions.svd(A, compute_uv=False, hermitian=hermitian)
    if tol is not None:
        tol = as_array(tol)[..., None]
    else:
        rtol = max(A.shape[-2:]) * np.finfo(values.dtype).eps if rtol is None else as_array(rtol)[..., None]
        tol = reduce_max(values, (values.ndim - 1,), keepdims=True) * rtol
    return reduce_sum(values > tol, (values.ndim - 1,))


# ---------------------------------------------------------------------------------------------------------------------
# the orders
# ---------------------------------------------------------------------------------------------------------------------


def _of_vectors(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    if ord is None or ord == 2:
        return _euclidean(x, axes, keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    if ord == 0:
        return reduce_sum(convert_element_type(x != 0, abs_(x).dtype), axes, keepdims)
    sizes = abs_(x)
    if ord == _INF:
        return reduce_max(sizes, axes, keepdims)
    if ord == -_INF:
        return reduce_min(sizes, axes, keepdims)
    if ord == 1:
        return reduce_sum(sizes, axes, keepdims)
    return _smooth_power(reduce_sum(_smooth_power(sizes, ord), axes, keepdims), 1 / ord)


def _of_matrices(x: Any, ord: Any, row_axis: int, column_axis: int, keepdims: bool) -> Any:
    if row_axis == column_axis:
        raise ValueError("Duplicate axes given.")
    axes = (row_axis, column_axis)
    if ord is None or ord in ("fro", "f"):
        return _euclidean(x, axes, keepdims)
    if ord in _BY_SINGULAR_VALUES:
        others = [axis for axis in range(x.ndim) if axis not in axes]
        values = linalg.svd(transpose(x, [*others, *axes]), compute_uv=False)
        out = _BY_SINGULAR_VALUES[ord](values, (values.ndim - 1,))
        return expand_dims(out, sorted(axes)) if keepdims else out
    if ord not in _BY_SUMS:
        raise ValueError("Invalid norm order for matrices.")
    reduction, along_rows = _BY_SUMS[ord]
    summed, compared = (column_axis, row_axis) if along_rows else (row_axis, column_axis)
    out = reduction(reduce_sum(abs_(x), (summed,), True), (compared,), True)
    return out if keepdims else reshape(out, [extent for axis, extent in enumerate(out.shape) if axis not in axes])


_BY_SINGULAR_VALUES: dict[Any, Callable] = {2: reduce_max, -2: reduce_min, "nuc": reduce_sum}
#: The reduction of the sums of absolute values, and whether these go along the rows.
_BY_SUMS: dict[Any, tuple[Callable, bool]] = {
    1: (reduce_max, False),
    -1: (reduce_min, False),
    _INF: (reduce_max, True),
    -_INF: (reduce_min, True),
}


def _euclidean(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    squares = square(x) if x.dtype.kind == "f" else square(x.real) + square(x.imag)
    total = reduce_sum(squares, axes, keepdims)
    zero = total == 0
    one = full((), 1, total.dtype)
    return where(zero, 0 * one, sqrt(where(zero, one, total)))


def _smooth_power(x: Any, exponent: Any) -> Any:
    """x ** exponent of what is not negative; where x is zero the derivative is taken for zero."""
    zero = x == 0
    one = full((), 1, x.dtype)
    with np.errstate(divide="ignore"):
        at_zero = np.zeros((), x.dtype) ** exponent
    return where(zero, at_zero * one, where(zero, one, x) ** exponent)
