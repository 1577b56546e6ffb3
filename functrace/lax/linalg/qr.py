"""The QR decomposition, and products of Householder reflections.

References
----------
D. A. O. Roberts and L. R. Roberts, "QR and LQ decomposition matrix backpropagation algorithms for square, wide, and
deep, real or complex, matrices and their software implementation", arXiv:2009.10071 (2020); for all columns of Q:
arXiv:2409.13374 (2024), equations 32 and 33.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ...lazy import import_extra
from ..creation import full
from ..elementwise import imag
from ..indexing import getitem, take_along_axis
from ..shape import concatenate, dtype_of, expand_dims, shape_of
from .matrices import (
    adjoint,
    as_inexact,
    batch_as_stack,
    conjugated,
    diagonal,
    diagonal_matrix,
    identity,
    lower_triangle,
    matrices,
    product,
    rows_times,
    transposed,
    upper_triangle,
    without_derivative,
)
from .solve import solve_p, triangular_solve


def qr(x: Any, *, pivoting: bool = False, full_matrices: bool = True) -> Any:
    """Q with orthonormal columns and the upper triangular R with ``x == Q @ R``.

    Parameters
    ----------
    x
        Matrices, of shape (..., m, n).
    pivoting
        Whether columns are exchanged, so that the diagonal of R descends (needs SciPy).
    full_matrices
        Whether Q is square, (..., m, m); otherwise it has k = min(m, n) columns.

    Returns
    -------
    q, r
        And the permutation p of shape (..., n) with ``x[..., p] == Q @ R``, where `pivoting`.

    Examples
    --------
    >>> import numpy as np
    >>> q, r = qr(np.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> bool(np.allclose(q @ r, [[3.0, 1.0], [4.0, 2.0]]))
    True
    """
    x = matrices(x)
    if pivoting:
        order = column_order_p(x)
        q, r = qr(take_along_axis(x, expand_dims(order, (x.ndim - 2,)), x.ndim - 1), full_matrices=full_matrices)
        return q, r, order
    rows, columns = x.shape[-2:]
    if rows >= columns:
        return tuple(qr_p(x, full_matrices=full_matrices))
    q, r = qr_p(getitem(x, (Ellipsis, slice(rows))), full_matrices=False)
    return q, concatenate([r, product(adjoint(q), getitem(x, (Ellipsis, slice(rows, None))))], x.ndim - 1)


def geqrf(x: Any) -> tuple[Any, Any]:
    """What LAPACK's ``geqrf`` leaves: R, below it the vectors of the reflections, and their factors.

    Parameters
    ----------
    x
        Matrices, of shape (..., m, n).

    Returns
    -------
    a, taus
        Of the shapes (..., m, n) and (..., min(m, n)); for `householder_product`.

    Raises
    ------
    DifferentiationError
        A derivative is asked for.
    """
    a, taus = geqrf_p(matrices(x))
    return transposed(a), taus


def householder_product(a: Any, taus: Any) -> Any:
    """The product of Householder reflections: the columns of Q, from what LAPACK's ``geqrf`` leaves.

    Parameters
    ----------
    a
        Of shape (..., m, n): below its diagonal the vectors of the reflections, whose first elements are ones.
    taus
        The factors of the reflections 1 - τ v vᴴ, of shape (..., k) with k ≤ n ≤ m.

    Returns
    -------
    array
        The first n columns of the product, of shape (..., m, n).

    References
    ----------
    R. Schreiber and C. Van Loan, "A storage-efficient WY representation for products of Householder transformations",
    SIAM J. Sci. Stat. Comput. 10 (1989): the product is 1 - V T Vᴴ.
    """
    a, taus = as_inexact(a, taus)
    vectors, triangle = _reflections(a, taus)
    columns = _identity_columns(a)
    top = getitem(vectors, (Ellipsis, slice(a.shape[-1]), slice(None)))
    return columns - product(vectors, triangle, adjoint(top))


def ormqr(a: Any, taus: Any, c: Any, *, left: bool = True, transpose: bool = False) -> Any:
    """A matrix times all columns of a product of Householder reflections, which is not formed.

    Parameters
    ----------
    a, taus
        As those of `householder_product`.
    c
        Of shape (..., m, k), or (..., k, m) where `left` is False.
    left
        Whether Q stands left of `c`.
    transpose
        Whether Qᴴ stands in place of Q.
    """
    a, taus, c = as_inexact(a, taus, c)
    vectors, triangle = _reflections(a, taus)
    if transpose:
        triangle = adjoint(triangle)
    if left:
        return c - product(vectors, product(triangle, product(adjoint(vectors), c)))
    return c - product(product(product(c, vectors), triangle), adjoint(vectors))


def _reflections(a: Any, taus: Any) -> tuple[Any, Any]:
    """V and T of the product 1 - V T Vᴴ: T = (1 + diag(τ) U)⁻¹ diag(τ), U the upper triangle of Vᴴ V."""
    count = taus.shape[-1]
    vectors = getitem(a, (Ellipsis, slice(count)))
    vectors = lower_triangle(vectors, -1) + _identity_columns(vectors)
    inner = rows_times(upper_triangle(product(adjoint(vectors), vectors), 1), taus)
    triangle = triangular_solve(inner, diagonal_matrix(taus), left_side=True, unit_diagonal=True)
    return vectors, triangle


def _identity_columns(x: Any) -> Any:
    """The first columns of the identity, of the shape of `x`."""
    rows, columns = shape_of(x)[-2:]
    return getitem(identity(rows, dtype_of(x)), (Ellipsis, slice(columns)))


# ---------------------------------------------------------------------------------------------------------------------
# the primitive: of matrices with at least as many rows as columns
# ---------------------------------------------------------------------------------------------------------------------


def _qr_impl(x: np.ndarray, *, full_matrices: bool) -> Any:
    return np.linalg.qr(x, _mode(full_matrices))


def _mode(full_matrices: bool) -> Any:
    return "complete" if full_matrices else "reduced"


def _qr_abstract(x: Aval, *, full_matrices: bool) -> tuple[Aval, Aval]:
    *lead, rows, columns = x.shape
    extent = rows if full_matrices else columns
    return Aval((*lead, rows, extent), x.dtype), Aval((*lead, extent, columns), x.dtype)


def _split(q: Any, r: Any) -> tuple[Any, Any, Any]:
    """The columns of Q that span those of x, the others (None: there are none), and the triangle of R."""
    columns = shape_of(r)[-1]
    if shape_of(q)[-1] == columns:
        return q, None, r
    first, others = getitem(q, (Ellipsis, slice(columns))), getitem(q, (Ellipsis, slice(columns, None)))
    return first, others, getitem(r, (Ellipsis, slice(columns), slice(None)))


def _imaginary_diagonal(x: Any) -> Any:
    """i Im(x) on the diagonal, zero elsewhere; None of real numbers."""
    return diagonal_matrix(imag(diagonal(x)) * 1j) if dtype_of(x).kind == "c" else None


def _turn(c: Any) -> Any:
    """The skew Hermitian matrix qᴴ q' from c = qᴴ x' r⁻¹, chosen so that r' is triangular with a real diagonal."""
    lower = lower_triangle(c, -1)
    turn = lower - adjoint(lower)
    extra = _imaginary_diagonal(c)
    return turn if extra is None else turn + extra


def _rows(x: Any, columns: int) -> tuple[Any, Any]:
    return getitem(x, (Ellipsis, slice(columns), slice(None))), getitem(
        x, (Ellipsis, slice(columns, None), slice(None))
    )


def _qr_jvp(primals: Sequence, tangents: Sequence, out: Any, *, full_matrices: bool) -> Any:
    if tangents[0] is None:
        return None
    q, others, r = _split(*out)
    over_r = triangular_solve(r, tangents[0])
    c = product(adjoint(q), over_r)
    turn = _turn(c)
    tq, tr = product(q, turn - c) + over_r, product(c - turn, r)
    if others is None:
        return [tq, tr]
    columns = shape_of(r)[-1]
    ratio, slope = _others_by_first(q, others)
    top, bottom = _rows(tq, columns)
    t_others = product(tq, adjoint(ratio)) - product(slope, adjoint(bottom - product(ratio, top)))
    zeros = full((*shape_of(tr)[:-2], shape_of(others)[-1], columns), 0, dtype_of(tr))
    return [concatenate([tq, t_others], len(shape_of(tq)) - 1), concatenate([tr, zeros], len(shape_of(tr)) - 2)]


def _others_by_first(q: Any, others: Any) -> tuple[Any, Any]:
    """How the other columns follow from the first, since all are products of the same Householder reflections.

    With Q = [Q1 Q2], Q1 above and below: Z = below (above - 1)⁻¹, and Q2' = Q1' Zᴴ - (Q1 + Q2 Z)(below' - Z above')ᴴ.
    """
    above, below = _rows(q, shape_of(q)[-1])
    shifted = above - identity(shape_of(q)[-1], dtype_of(q))
    ratio = transposed(solve_p(transposed(shifted), transposed(below)))
    return ratio, q + product(others, ratio)


def _qr_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool], *, full_matrices: bool) -> list[Any]:
    q, others, r = _split(*out)
    columns = shape_of(r)[-1]
    ct_q, ct_r = ct
    ct_others = None
    if others is not None and ct_q is not None:
        ct_q, ct_others = getitem(ct_q, (Ellipsis, slice(columns))), getitem(ct_q, (Ellipsis, slice(columns, None)))
        ratio, slope = _others_by_first(q, others)
        ct_bottom = -adjoint(product(transposed(slope), ct_others))
        ct_top = -product(transposed(ratio), ct_bottom)
        ct_q = ct_q + product(ct_others, conjugated(ratio)) + concatenate([ct_top, ct_bottom], len(shape_of(q)) - 2)
    if others is not None and ct_r is not None:
        ct_r = getitem(ct_r, (Ellipsis, slice(columns), slice(None)))
    turned = None  # the cotangent of qᴴ q' - c
    if ct_q is not None:
        turned = product(transposed(q), ct_q)
    if ct_r is not None:
        by_r = product(ct_r, transposed(r))
        turned = -by_r if turned is None else turned - by_r
    ct_c = lower_triangle(turned - adjoint(turned), -1) - turned
    extra = _imaginary_diagonal(turned)
    if extra is not None:
        ct_c = ct_c + extra
    over_r = product(conjugated(q), ct_c)
    if ct_q is not None:
        over_r = over_r + ct_q
    return [triangular_solve(r, over_r, transpose_a=True)]


qr_p: Primitive = Primitive(
    "qr",
    _qr_impl,
    _qr_abstract,
    jvp=_qr_jvp,
    vjp_all=_qr_vjp,
    source=lambda args, avals, *, full_matrices: f"np.linalg.qr({args[0]}, {_mode(full_matrices)!r})",
    multiple_results=True,
)
batch_as_stack(qr_p)


def _column_order_impl(x: np.ndarray) -> np.ndarray:
    linalg = import_extra("scipy.linalg", "scipy", "functrace.lax.linalg.qr with pivoting")
    order = np.empty((*x.shape[:-2], x.shape[-1]), np.int32)
    for index in np.ndindex(x.shape[:-2]):
        order[index] = linalg.qr(x[index], mode="r", pivoting=True, check_finite=False)[1]
    return order


#: The order of the columns in which each one left is the longest, once its part along those before is taken away.
column_order_p: Primitive = Primitive(
    "column_order",
    _column_order_impl,
    lambda x: Aval((*x.shape[:-2], x.shape[-1]), np.dtype(np.int32)),
)
batch_as_stack(column_order_p)


#: NumPy's order of the elements: transposed.
geqrf_p: Primitive = Primitive(
    "geqrf",
    lambda x: tuple(np.linalg.qr(x, "raw")),
    lambda x: (
        Aval((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype),
        Aval((*x.shape[:-2], min(x.shape[-2:])), x.dtype),
    ),
    source=lambda args, avals: f"np.linalg.qr({args[0]}, 'raw')",
    multiple_results=True,
)
batch_as_stack(geqrf_p)
without_derivative(geqrf_p, instead="qr, which gives the factors themselves")
