"""Linear systems: general and triangular ones, and the inverse.

References
----------
M. B. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation", Oxford University Computing Laboratory, report NA-08/01 (2008), section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ...errors import LinearAlgebraError
from ..shape import batch_to_front, expand_dims, move_axis, ndim_of, reshape, shape_of, squeeze
from .matrices import (
    as_inexact,
    batch_as_stack,
    conjugated,
    product,
    square_matrices,
    stacked_alike,
    transposed,
    triangle_p,
)


def solve(a: Any, b: Any) -> Any:
    """The matrix x with ``a @ x == b``.

    Parameters
    ----------
    a
        Square matrices, of shape (..., n, n).
    b
        Of shape (..., n, k); a vector of shape (n,) where `b` has one axis.

    Raises
    ------
    numpy.linalg.LinAlgError
        A matrix is singular, as far as the values are known.

    Examples
    --------
    >>> import numpy as np
    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
    array([1. , 0.5])
    """
    a, b = as_inexact(a, b)
    a = square_matrices(a)
    if b.ndim == 0 or a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
        raise LinearAlgebraError(f"solve expected as many rows in b as in a, got shapes {a.shape} and {b.shape}")
    if b.ndim == 1:
        return squeeze(solve(a, expand_dims(b, (1,))), (-1,))
    return solve_p(*stacked_alike(a, b))


def inv(a: Any) -> Any:
    """The inverse of square matrices. To solve a system, `solve` is quicker and more accurate.

    Examples
    --------
    >>> import numpy as np
    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return inv_p(square_matrices(a), nan_where_singular=False)


def inv_or_nan(a: Any) -> Any:
    """The same, but of a singular matrix NaN."""
    return inv_p(square_matrices(a), nan_where_singular=True)


def triangular_solve(
    a: Any,
    b: Any,
    *,
    left_side: bool = False,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """The matrix x with ``op(a) @ x == b``, or ``x @ op(a) == b``, where a is triangular.

    Parameters
    ----------
    a
        Square matrices, of shape (..., n, n), of which one triangle is read.
    b
        Of shape (..., n, k), or (..., k, n) where `left_side` is False; a vector where it has one axis fewer.
    left_side
        Whether `a` stands left of x.
    lower
        Whether the lower triangle of `a` is read.
    transpose_a, conjugate_a
        Whether op transposes; whether it conjugates.
    unit_diagonal
        Whether the diagonal is taken for ones and not read.

    Raises
    ------
    numpy.linalg.LinAlgError
        A diagonal element is zero.

    Examples
    --------
    >>> import numpy as np
    >>> triangular_solve(np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([[2.0], [3.0]]), left_side=True, lower=True)
    array([[1.],
           [2.]])
    """
    a, b = as_inexact(a, b)
    a = square_matrices(a)
    if b.ndim == a.ndim - 1:
        axis = b.ndim if left_side else b.ndim - 1
        x = triangular_solve(
            a,
            expand_dims(b, (axis,)),
            left_side=left_side,
            lower=lower,
            transpose_a=transpose_a,
            conjugate_a=conjugate_a,
            unit_diagonal=unit_diagonal,
        )
        return squeeze(x, (axis,))
    if b.ndim < 2 or b.shape[-2 if left_side else -1] != a.shape[-1]:
        raise LinearAlgebraError(
            f"triangular_solve expected {'rows' if left_side else 'columns'} of b as many as those of a, got shapes "
            f"{a.shape} and {b.shape}"
        )
    if conjugate_a:
        a = conjugated(a)
    if transpose_a == left_side:  # aᵀ x = b; or x a = b, which is aᵀ xᵀ = bᵀ
        a, lower = transposed(a), not lower
    a, b = stacked_alike(a, b if left_side else transposed(b))
    x = triangular_solve_p(a, b, lower=lower, unit_diagonal=unit_diagonal)
    return x if left_side else transposed(x)


# ---------------------------------------------------------------------------------------------------------------------
# general systems
# ---------------------------------------------------------------------------------------------------------------------


def _solve_jvp(primals: Sequence, tangents: Sequence, x: Any) -> Any:
    """x' = a⁻¹ (b' - a' x)."""
    ta, tb = tangents
    if ta is None:
        return None if tb is None else solve_p(primals[0], tb)
    right = -product(ta, x) if tb is None else tb - product(ta, x)
    return solve_p(primals[0], right)


def _solve_vjp(ct: Any, x: Any, args: Sequence, wanted: Sequence[bool]) -> list[Any]:
    by_b = solve_p(transposed(args[0]), ct)
    return [-product(by_b, transposed(x)) if wanted[0] else None, by_b if wanted[1] else None]


def _solve_batch(size: int, args: Sequence, dims: Sequence) -> tuple[Any, int]:
    a, b = args
    if dims[0] is None and ndim_of(a) == 2:  # one matrix: it is factored once, and the examples are more columns
        b = move_axis(b, dims[1], 1)
        rows, _, columns = shape_of(b)
        return reshape(solve_p(a, reshape(b, (rows, size * columns))), (rows, size, columns)), 1
    return solve_p(batch_to_front(size, a, dims[0]), batch_to_front(size, b, dims[1])), 0


solve_p: Primitive = Primitive(
    "solve",
    np.linalg.solve,
    lambda a, b: Aval(b.shape, b.dtype),
    jvp=_solve_jvp,
    vjp_all=_solve_vjp,
    linear=(frozenset({1}),),
    batch=_solve_batch,
    source=lambda args, avals: f"np.linalg.solve({args[0]}, {args[1]})",
)


def _inv_impl(a: np.ndarray, *, nan_where_singular: bool) -> np.ndarray:
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        if not nan_where_singular:
            raise
    singular = (np.linalg.det(a) == 0)[..., None, None]
    return np.where(
        singular, a.dtype.type(np.nan), np.linalg.inv(np.where(singular, np.eye(a.shape[-1], dtype=a.dtype), a))
    )


def _inv_jvp(primals: Sequence, tangents: Sequence, out: Any, *, nan_where_singular: bool) -> Any:
    return None if tangents[0] is None else -product(out, tangents[0], out)


def _inv_vjp(ct: Any, out: Any, a: Any, *, nan_where_singular: bool) -> Any:
    back = transposed(out)
    return -product(back, ct, back)


inv_p: Primitive = Primitive(
    "inv",
    _inv_impl,
    lambda a, *, nan_where_singular: Aval(a.shape, a.dtype),
    jvp=_inv_jvp,
    vjp=(_inv_vjp,),
    source=lambda args, avals, *, nan_where_singular: None if nan_where_singular else f"np.linalg.inv({args[0]})",
)
batch_as_stack(inv_p)

# ---------------------------------------------------------------------------------------------------------------------
# triangular systems
# ---------------------------------------------------------------------------------------------------------------------

_BLOCK = 64  # how many unknowns are found by one call of LAPACK


def _triangular_solve_impl(a: np.ndarray, b: np.ndarray, *, lower: bool, unit_diagonal: bool) -> np.ndarray:
    if lower:  # upper, with rows and columns from the last to the first
        a, b = a[..., ::-1, ::-1], b[..., ::-1, :]
    extent = a.shape[-1]
    x = np.empty_like(b, order="C", subok=False)
    for stop in range(extent, 0, -_BLOCK):
        rows = slice(max(0, stop - _BLOCK), stop)
        # elimination leaves an upper triangle as it is, so that this is the substitution alone
        block = np.triu(a[..., rows, rows], 1 if unit_diagonal else 0)
        if unit_diagonal:
            block = block + np.eye(block.shape[-1], dtype=block.dtype)
        right = b[..., rows, :]
        if stop < extent:
            right = right - a[..., rows, stop:] @ x[..., stop:, :]
        x[..., rows, :] = np.linalg.solve(block, right)
    return np.ascontiguousarray(x[..., ::-1, :]) if lower else x


def _triangular_jvp(primals: Sequence, tangents: Sequence, x: Any, *, lower: bool, unit_diagonal: bool) -> Any:
    ta, right = tangents
    if ta is not None:
        change = product(_read(ta, lower, unit_diagonal), x)
        right = -change if right is None else right - change
    if right is None:
        return None
    return triangular_solve_p(primals[0], right, lower=lower, unit_diagonal=unit_diagonal)


def _triangular_vjp(
    ct: Any, x: Any, args: Sequence, wanted: Sequence[bool], *, lower: bool, unit_diagonal: bool
) -> list[Any]:
    by_b = triangular_solve_p(transposed(args[0]), ct, lower=not lower, unit_diagonal=unit_diagonal)
    by_a = _read(-product(by_b, transposed(x)), lower, unit_diagonal) if wanted[0] else None
    return [by_a, by_b if wanted[1] else None]


def _read(a: Any, lower: bool, unit_diagonal: bool) -> Any:
    """What is read of a triangular matrix."""
    offset = (-1 if lower else 1) if unit_diagonal else 0
    return triangle_p(a, lower=lower, offset=offset)


def _triangular_batch(
    size: int, args: Sequence, dims: Sequence, *, lower: bool, unit_diagonal: bool
) -> tuple[Any, int]:
    a, b = args
    if dims[0] is None and ndim_of(a) == 2:
        b = move_axis(b, dims[1], 1)
        rows, _, columns = shape_of(b)
        b = reshape(b, (rows, size * columns))
        x = triangular_solve_p(a, b, lower=lower, unit_diagonal=unit_diagonal)
        return reshape(x, (rows, size, columns)), 1
    a, b = batch_to_front(size, a, dims[0]), batch_to_front(size, b, dims[1])
    return triangular_solve_p(a, b, lower=lower, unit_diagonal=unit_diagonal), 0


triangular_solve_p: Primitive = Primitive(
    "triangular_solve",
    _triangular_solve_impl,
    lambda a, b, *, lower, unit_diagonal: Aval(b.shape, b.dtype),
    jvp=_triangular_jvp,
    vjp_all=_triangular_vjp,
    linear=(frozenset({1}),),
    batch=_triangular_batch,
)
