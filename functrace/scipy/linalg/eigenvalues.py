"""Eigenvalues and eigenvectors."""

from __future__ import annotations

import operator
from typing import Any

from ...errors import ArgumentError, OptionError
from ...lax import linalg
from ...lax.creation import full
from ...lax.indexing import getitem
from ...lax.linalg.matrices import adjoint, as_inexact, diagonal_matrix, product, symmetrized, transposed
from ...lax.shape import concatenate
from .operands import of_structure, operand


def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    """Eigenvalues and eigenvectors of Hermitian matrices, as `scipy.linalg.eigh`.

    Parameters
    ----------
    a
        Of shape (..., n, n), of which one triangle is read; the derivative is with respect to the Hermitian part.
    b
        Positive definite matrices: the problem is then the generalized one.
    lower
        Whether the lower triangles of `a` and `b` are read.
    eigvals_only
        Whether the eigenvalues alone are wanted.
    type
        1: ``a v = w b v``; 2: ``a b v = w v``; 3: ``b a v = w v``.
    subset_by_index
        The first and the last of the wanted eigenvalues, both included.
    subset_by_value
        Refused: how many there are would depend on the values.

    Returns
    -------
    w, v
        Or w alone.
    """
    a = of_structure(operand(a, check_finite), "her", lower)
    if subset_by_value is not None:
        raise ArgumentError(
            "eigh: the number of eigenvalues in subset_by_value depends on their values", instead="subset_by_index"
        )
    if type not in (1, 2, 3):
        raise OptionError('"type" keyword only accepts 1, 2, and 3.')
    factor = None
    if b is not None:
        factor = linalg.cholesky(of_structure(operand(b, check_finite), "her", lower), symmetrize_input=False)
        if type == 1:
            a = linalg.triangular_solve(factor, a, left_side=True, lower=True)
            a = linalg.triangular_solve(factor, a, lower=True, transpose_a=True, conjugate_a=True)
        else:
            a = product(adjoint(factor), a, factor)
        a = symmetrized(a)
    chosen = slice(None)
    if subset_by_index is not None:
        first, last = [operator.index(place) for place in subset_by_index]
        if not 0 <= first <= last < a.shape[-1]:
            raise OptionError(f"eigh expected subset_by_index within 0 and {a.shape[-1] - 1}, got {subset_by_index}")
        chosen = slice(first, last + 1)
    if eigvals_only:
        return getitem(linalg.eigvalsh(a), (Ellipsis, chosen))
    v, w = linalg.eigh(a, symmetrize_input=False)
    if factor is not None and type == 3:
        v = product(factor, v)
    elif factor is not None:
        v = linalg.triangular_solve(factor, v, left_side=True, lower=True, transpose_a=True, conjugate_a=True)
    return getitem(w, (Ellipsis, chosen)), getitem(v, (Ellipsis, chosen))


def eigvalsh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    """The eigenvalues of Hermitian matrices, as `scipy.linalg.eigvalsh`; arguments as those of `eigh`."""
    return eigh(
        a,
        b,
        lower=lower,
        eigvals_only=True,
        type=type,
        check_finite=check_finite,
        subset_by_index=subset_by_index,
        subset_by_value=subset_by_value,
    )


def eigh_tridiagonal(
    d: Any,
    e: Any,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: Any = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:
    """Eigenvalues and eigenvectors of real symmetric tridiagonal matrices, as `scipy.linalg.eigh_tridiagonal`.

    Parameters
    ----------
    d, e
        The diagonal, (..., n), and the one beside it, (..., n - 1).
    select
        ``"a"``: all; ``"i"``: those from the first to the last index of `select_range`. ``"v"`` is refused: how many
        there are would depend on the values.
    """
    d, e = as_inexact(operand(d, check_finite), operand(e, check_finite))
    if d.dtype.kind == "c":
        raise TypeError("Only real arrays currently supported")
    if d.shape[-1] != e.shape[-1] + 1:
        raise OptionError(f"d (length {d.shape[-1]}) must have one more element than e (length {e.shape[-1]})")
    if select not in ("a", "i"):
        raise OptionError(f"eigh_tridiagonal expected select 'a' or 'i', got {select!r}")
    beside = _beside_diagonal(e)
    full_matrix = diagonal_matrix(d) + beside + transposed(beside)
    return eigh(full_matrix, eigvals_only=eigvals_only, subset_by_index=select_range if select == "i" else None)


def _beside_diagonal(e: Any) -> Any:
    """The square matrix with these elements below the diagonal."""
    inner = diagonal_matrix(e)
    lead, count = e.shape[:-1], e.shape[-1]
    inner = concatenate([full((*lead, 1, count), 0, e.dtype), inner], len(lead))
    return concatenate([inner, full((*lead, count + 1, 1), 0, e.dtype)], len(lead) + 1)


def eig(
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """Eigenvalues and eigenvectors of general matrices, complex, as `scipy.linalg.eig`.

    Parameters
    ----------
    a
        Square matrices.
    b
        Regular matrices: the problem is then ``a v = w b v``.
    left, right
        Which eigenvectors are wanted; left ones not of the generalized problem.
    homogeneous_eigvals
        Refused.

    Returns
    -------
    w, vl, vr
        As far as they are wanted. Of their derivative see `functrace.lax.linalg.eig`.
    """
    if homogeneous_eigvals or (left and b is not None):
        raise ArgumentError("eig gives no homogeneous eigenvalues, and no left eigenvectors of a generalized problem")
    a = operand(a, check_finite)
    if b is not None:
        a = linalg.solve(operand(b, check_finite), a)
    out = linalg.eig(a, compute_left_eigenvectors=left, compute_right_eigenvectors=right)
    return out[0] if len(out) == 1 else tuple(out)


def eigvals(
    a: Any,
    b: Any = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """The eigenvalues of general matrices, complex, as `scipy.linalg.eigvals`; arguments as those of `eig`."""
    return eig(a, b, right=False, check_finite=check_finite, homogeneous_eigvals=homogeneous_eigvals)
