"""The LU decomposition with exchanged rows. Its values come from SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval, canonical_dtype
from ...core.primitive import Primitive
from ...lazy import import_extra
from ..creation import full
from ..indexing import getitem, take_along_axis
from ..shape import broadcast_to, concatenate, dtype_of, expand_dims, shape_of
from ..sorting import argsort
from .matrices import (
    as_inexact,
    batch_as_stack,
    identity,
    lower_triangle,
    matrices,
    product,
    stacked_alike,
    transposed,
    upper_triangle,
)
from .solve import triangular_solve

_INDEX = np.dtype(np.int32)


def lu(x: Any) -> tuple[Any, Any, Any]:
    """The LU decomposition with partial pivoting: ``x[permutation] == L @ U``.

    Parameters
    ----------
    x
        Matrices, of shape (..., m, n). With k = min(m, n):

    Returns
    -------
    lu
        U on and above the diagonal, and below it L, whose diagonal is ones; of shape (..., m, n).
    pivots
        With which row each of the first k was exchanged in its turn; int32, of shape (..., k).
    permutation
        The rows in their new order; int32, of shape (..., m).

    Raises
    ------
    MissingExtraError
        SciPy is not installed.
    """
    packed, permutation = lu_p(matrices(x))
    return packed, pivots_p(permutation, count=min(packed.shape[-2:])), permutation


def lu_solve(packed: Any, permutation: Any, b: Any, trans: int = 0) -> Any:
    """The matrix x with ``a @ x == b``, from the decomposition of a.

    Parameters
    ----------
    packed, permutation
        What `lu` gives for the square matrices a.
    b
        Of shape (..., n, k).
    trans
        0; 1 for aᵀ in place of a; 2 for aᴴ.
    """
    packed, b = stacked_alike(*as_inexact(packed, b))
    lead = packed.shape[:-2]
    order = expand_dims(permutation, (len(shape_of(permutation)),))
    if shape_of(order)[:-2] != lead:
        order = order + full((*lead, 1, 1), 0, _INDEX)
    if trans == 0:
        b = take_along_axis(b, order, b.ndim - 2)
        b = triangular_solve(packed, b, left_side=True, lower=True, unit_diagonal=True)
        return triangular_solve(packed, b, left_side=True)
    flags = {"left_side": True, "transpose_a": True, "conjugate_a": trans == 2}
    b = triangular_solve(packed, b, **flags)
    b = triangular_solve(packed, b, lower=True, unit_diagonal=True, **flags)
    return take_along_axis(b, argsort(order, b.ndim - 2), b.ndim - 2)


def lu_pivots_to_permutation(pivots: Any, permutation_size: int) -> Any:
    """The rows in the order that successive exchanges leave, from `pivots` of shape (..., k); of shape (..., size).

    Examples
    --------
    >>> import numpy as np
    >>> lu_pivots_to_permutation(np.array([2, 2, 3]), 4)
    array([2, 0, 3, 1], dtype=int32)
    """
    canonical_dtype(dtype_of(pivots))
    return permutation_p(pivots, size=permutation_size.__index__())


# ---------------------------------------------------------------------------------------------------------------------
# the primitives
# ---------------------------------------------------------------------------------------------------------------------


def _lu_impl(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not x.size:
        return x.copy(), np.broadcast_to(np.arange(x.shape[-2], dtype=_INDEX), x.shape[:-1]).copy()
    linalg = import_extra("scipy.linalg", "scipy", "functrace.lax.linalg.lu")
    places, lower, upper = linalg.lu(x, p_indices=True, check_finite=False)
    out = np.zeros(x.shape, x.dtype)
    count = min(x.shape[-2:])
    out[..., :, :count] = np.tril(lower, -1)
    out[..., :count, :] += np.triu(upper)
    return out, np.argsort(places, -1).astype(_INDEX)


def _factors(packed: Any) -> tuple[Any, Any]:
    """L and U as square matrices: where there are more rows or columns, continued by the identity."""
    rows, columns = shape_of(packed)[-2:]
    count = min(rows, columns)
    lower = lower_triangle(getitem(packed, (Ellipsis, slice(count))), -1)
    upper = upper_triangle(getitem(packed, (Ellipsis, slice(count), slice(None))))
    lead, dtype = shape_of(packed)[:-2], dtype_of(packed)
    if rows > count:
        lower = concatenate([lower, full((*lead, rows, rows - count), 0, dtype)], len(lead) + 1)
    if columns > count:
        ones = getitem(identity(columns, dtype), (slice(count, None), slice(None)))
        upper = concatenate([upper, broadcast_to(ones, (*lead, columns - count, columns))], len(lead))
    return lower + identity(rows, dtype), upper


def _rows_in_order(x: Any, order: Any) -> Any:
    return take_along_axis(x, expand_dims(order, (len(shape_of(order)),)), len(shape_of(x)) - 2)


def _lu_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    """(L U)' = x'[permutation]: L⁻¹ L' below, U' U⁻¹ on and above the diagonal of L⁻¹ x' U⁻¹."""
    if tangents[0] is None:
        return None
    packed, order = out
    lower, upper = _factors(packed)
    inner = triangular_solve(lower, _rows_in_order(tangents[0], order), left_side=True, lower=True, unit_diagonal=True)
    inner = triangular_solve(upper, inner)
    return [product(lower, lower_triangle(inner, -1)) + product(upper_triangle(inner), upper), None]


def _lu_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool]) -> list[Any]:
    packed, order = out
    lower, upper = _factors(packed)
    inner = lower_triangle(product(transposed(lower), ct[0]), -1) + upper_triangle(product(ct[0], transposed(upper)))
    inner = triangular_solve(upper, inner, transpose_a=True)
    inner = triangular_solve(lower, inner, left_side=True, lower=True, transpose_a=True, unit_diagonal=True)
    return [_rows_in_order(inner, argsort(order))]


lu_p: Primitive = Primitive(
    "lu",
    _lu_impl,
    lambda x: (Aval(x.shape, x.dtype), Aval(x.shape[:-1], _INDEX)),
    jvp=_lu_jvp,
    vjp_all=_lu_vjp,
    multiple_results=True,
)
batch_as_stack(lu_p)


def _permutation_impl(pivots: np.ndarray, *, size: int) -> np.ndarray:
    order = np.broadcast_to(np.arange(size, dtype=_INDEX), (*pivots.shape[:-1], size)).copy()
    for row in range(pivots.shape[-1]):  # an exchange in all matrices at once
        other = pivots[..., row, None].astype(np.intp)
        moved = np.take_along_axis(order, other, -1)
        np.put_along_axis(order, other, order[..., row, None], -1)
        order[..., row, None] = moved
    return order


def _pivots_impl(permutation: np.ndarray, *, count: int) -> np.ndarray:
    order = np.broadcast_to(np.arange(permutation.shape[-1], dtype=_INDEX), permutation.shape).copy()
    pivots = np.empty((*permutation.shape[:-1], count), _INDEX)
    for row in range(count):
        wanted = permutation[..., row, None]
        other = np.argmax(order == wanted, -1, keepdims=True)
        pivots[..., row, None] = other
        np.put_along_axis(order, other, order[..., row, None], -1)
        order[..., row, None] = wanted
    return pivots


permutation_p: Primitive = Primitive(
    "pivots_to_permutation",
    _permutation_impl,
    lambda pivots, *, size: Aval((*pivots.shape[:-1], size), _INDEX),
)
pivots_p: Primitive = Primitive(
    "permutation_to_pivots",
    _pivots_impl,
    lambda permutation, *, count: Aval((*permutation.shape[:-1], count), _INDEX),
)
batch_as_stack(permutation_p)
batch_as_stack(pivots_p)
