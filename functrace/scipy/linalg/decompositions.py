"""Decompositions of matrices into factors, and their singular values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import OptionError
from ...lax import linalg
from ...lax.creation import full, iota
from ...lax.indexing import getitem
from ...lax.linalg.matrices import (
    adjoint,
    as_inexact,
    complex_dtype,
    identity,
    lower_triangle,
    matrices,
    product,
    real_dtype,
    square_matrices,
    symmetrized,
    upper_triangle,
)
from ...lax.shape import concatenate, convert_element_type, expand_dims
from ...lax.sorting import argsort
from .operands import conjugate_if, operand


def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The Cholesky factor, by default the upper one, as `scipy.linalg.cholesky`.

    One triangle of `a` is read, and the derivative is that with respect to the Hermitian part.
    """
    a = square_matrices(operand(a, check_finite))
    if lower:
        return linalg.cholesky(a, symmetrize_input=False)
    return adjoint(linalg.cholesky(adjoint(a), symmetrize_input=False))


# ---------------------------------------------------------------------------------------------------------------------
# LU and QR
# ---------------------------------------------------------------------------------------------------------------------


def lu(
    a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False
) -> tuple[Any, ...]:
    """The LU decomposition ``a == p @ l @ u``, as `scipy.linalg.lu` (needs SciPy).

    Parameters
    ----------
    a
        Of shape (..., m, n).
    permute_l
        Whether ``p @ l`` and u are given, or else p, l and u.
    p_indices
        Whether p is given as indices, with ``a == l[p] @ u``.
    """
    packed, _, order = linalg.lu(operand(a, check_finite))
    rows, columns = packed.shape[-2:]
    count = min(rows, columns)
    ones = getitem(identity(rows, packed.dtype), (slice(None), slice(count)))
    lower = lower_triangle(getitem(packed, (Ellipsis, slice(count))), -1) + ones
    upper = upper_triangle(getitem(packed, (Ellipsis, slice(count), slice(None))))
    if p_indices and not permute_l:
        return convert_element_type(argsort(order), np.int32), lower, upper
    p = expand_dims(iota(np.int32, rows), (1,)) == expand_dims(order, (order.ndim - 1,))
    p = convert_element_type(p, real_dtype(packed.dtype))
    return (product(p, lower), upper) if permute_l else (p, lower, upper)


def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: int | None = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> tuple[Any, ...]:
    """The QR decomposition, as `scipy.linalg.qr`.

    Parameters
    ----------
    a
        Of shape (..., m, n).
    mode
        ``"full"``: Q is square; ``"economic"``: it has min(m, n) columns; ``"r"``: R alone; ``"raw"``: what LAPACK
        leaves and R, without a derivative.
    pivoting
        Whether columns are exchanged (needs SciPy); their order is given too.
    """
    if mode not in ("full", "r", "economic", "raw"):
        raise OptionError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    a = matrices(operand(a, check_finite))
    if mode == "raw":
        if pivoting:
            raise OptionError("qr: the mode 'raw' goes without pivoting here", instead="mode='economic'")
        packed, taus = linalg.geqrf(a)
        return (packed, taus), upper_triangle(getitem(packed, (Ellipsis, slice(min(a.shape[-2:])), slice(None))))
    q, r, *order = linalg.qr(a, pivoting=pivoting, full_matrices=mode != "economic")
    return (r, *order) if mode == "r" else (q, r, *order)


def qr_multiply(
    a: Any,
    c: Any,
    mode: str = "right",
    pivoting: bool = False,
    conjugate: bool = False,
    overwrite_a: bool = False,
    overwrite_c: bool = False,
) -> tuple[Any, ...]:
    """The product of a matrix with the Q of a QR decomposition, and R, as `scipy.linalg.qr_multiply`.

    Parameters
    ----------
    a
        The matrix to decompose.
    c
        The other factor; a vector is a row, or a column with ``mode="left"``.
    mode
        ``"right"``: c @ Q; ``"left"``: Q @ c.
    conjugate
        Whether Q is conjugated.
    """
    if mode not in ("left", "right"):
        raise OptionError("Mode argument can only be 'left' or 'right' but not '" + mode + "'")
    a, c = as_inexact(operand(a, True), operand(c, True))
    q, r, *order = linalg.qr(a, pivoting=pivoting, full_matrices=False)
    q = conjugate_if(q, conjugate)
    return product(q, c) if mode == "left" else product(c, q), r, *order


# ---------------------------------------------------------------------------------------------------------------------
# singular values
# ---------------------------------------------------------------------------------------------------------------------


def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """The singular value decomposition, as `scipy.linalg.svd`; of its derivative see `functrace.lax.linalg.svd`."""
    return linalg.svd(operand(a, check_finite), full_matrices=full_matrices, compute_uv=compute_uv)


def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The singular values, as `scipy.linalg.svdvals`."""
    return linalg.svd(operand(a, check_finite), compute_uv=False)


def polar(a: Any, side: str = "right") -> tuple[Any, Any]:
    """The polar decomposition, as `scipy.linalg.polar`.

    Parameters
    ----------
    a
        Of shape (..., m, n).
    side
        ``"right"``: ``a == u @ p``; ``"left"``: ``a == p @ u``.

    Returns
    -------
    u, p
        u has orthonormal columns or rows, p is Hermitian and positive semidefinite.
    """
    if side not in ("right", "left"):
        raise OptionError("`side` must be either 'right' or 'left'")
    a = matrices(operand(a, False))
    u, p = linalg.polar(a)
    return (u, p) if side == "right" else (u, symmetrized(product(a, adjoint(u))))


# ---------------------------------------------------------------------------------------------------------------------
# forms
# ---------------------------------------------------------------------------------------------------------------------


def schur(
    a: Any,
    output: str = "real",
    lwork: int | None = None,
    overwrite_a: bool = False,
    sort: Callable | None = None,
    check_finite: bool = True,
) -> tuple[Any, Any]:
    """The Schur decomposition ``a == z @ t @ zᴴ``, as `scipy.linalg.schur` (needs SciPy); it has no derivative.

    Parameters
    ----------
    a
        Square matrices.
    output
        ``"real"`` or ``"complex"``, what t is of a real matrix.
    sort
        Takes an eigenvalue and says whether it comes first.
    """
    if output not in ("real", "complex", "r", "c"):
        raise OptionError("argument must be 'real', or 'complex'")
    a = square_matrices(operand(a, check_finite))
    if output in ("complex", "c"):
        a = a.astype(complex_dtype(a.dtype))
    t, z = linalg.schur(a, sort_eig_vals=sort is not None, select_callable=sort)
    return t, z


def rsf2csf(T: Any, Z: Any, check_finite: bool = True) -> tuple[Any, Any]:
    """The complex Schur decomposition from a real one, as `scipy.linalg.rsf2csf` (needs SciPy); no derivative."""
    return linalg.rsf2csf(operand(T, check_finite), operand(Z, check_finite))


def hessenberg(a: Any, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The Hessenberg form h with ``a == q @ h @ qᴴ``, as `scipy.linalg.hessenberg` (needs SciPy); no derivative."""
    packed, taus = linalg.hessenberg(operand(a, check_finite))
    h = upper_triangle(packed, -1)
    if not calc_q:
        return h
    lead, extent = packed.shape[:-2], packed.shape[-1]
    if not extent:
        return h, packed
    inner = linalg.householder_product(getitem(packed, (Ellipsis, slice(1, None), slice(-1))), taus)
    corner = full((*lead, 1, extent), 0, packed.dtype) + getitem(identity(extent, packed.dtype), (slice(1),))
    below = concatenate([full((*lead, extent - 1, 1), 0, packed.dtype), inner], len(lead) + 1)
    return h, concatenate([corner, below], len(lead))
