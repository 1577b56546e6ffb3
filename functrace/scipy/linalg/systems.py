"""Linear systems, inverses and determinants."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import OptionError
from ...lax import linalg
from ...lax.linalg.matrices import as_inexact, stacked_alike
from ...lax.shape import convert_element_type, expand_dims, squeeze
from ...numpy.dispatch import static
from ...numpy.manipulation import matrix_transpose
from .decompositions import cholesky
from .operands import is_positive, of_structure, operand, transposes


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The determinant in double precision, as `scipy.linalg.det`; its derivatives are right at singular matrices."""
    (a,) = as_inexact(operand(a, check_finite))
    return linalg.det(convert_element_type(a, np.complex128 if a.dtype.kind == "c" else np.float64))


def inv(
    a: Any,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: str | None = None,
    lower: bool = False,
) -> Any:
    """The inverse, as `scipy.linalg.inv`.

    Parameters
    ----------
    a
        Square matrices.
    assume_a
        Their structure, as of `solve`: what it says that is not there is not read.
    lower
        Whether of symmetric and Hermitian matrices the lower triangle is read, or else the upper.
    """
    return linalg.inv(of_structure(operand(a, check_finite), assume_a, lower))


def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    """The matrix x with ``a @ x == b``, as `scipy.linalg.solve`.

    Parameters
    ----------
    a
        Square matrices, of shape (..., n, n).
    b
        Of shape (..., n, k), or a vector.
    lower
        Whether of symmetric, Hermitian and positive definite matrices the lower triangle is read, or else the upper.
    assume_a
        Their structure: ``"general"`` (as None), ``"diagonal"``, ``"tridiagonal"``, ``"banded"``,
        ``"upper triangular"``, ``"lower triangular"``, ``"symmetric"``, ``"hermitian"``, ``"positive definite"``;
        ``"gen"``, ``"sym"``, ``"her"`` and ``"pos"`` are short for it. Positive definite matrices are solved by
        Cholesky's decomposition and triangular ones by substitution.
    transposed
        Whether the transpose of `a` stands in its place.

    Raises
    ------
    numpy.linalg.LinAlgError
        A matrix is singular, or not positive definite, as far as the values are known.
    """
    a, b = operand(a, check_finite), operand(b, check_finite)
    if assume_a in ("upper triangular", "lower triangular"):
        is_lower = assume_a == "lower triangular"
        return solve_triangular(a, b, trans=int(transposed), lower=is_lower, check_finite=False)
    a = of_structure(a, assume_a, lower)
    if transposed:
        a = matrix_transpose(a)
    if is_positive(assume_a):
        return cho_solve((linalg.cholesky(a, symmetrize_input=False), True), b, check_finite=False)
    return linalg.solve(a, b)


def solve_triangular(
    a: Any,
    b: Any,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """The matrix x with ``op(a) @ x == b``, where a is triangular, as `scipy.linalg.solve_triangular`.

    Parameters
    ----------
    a
        Square matrices, of which one triangle is read.
    b
        Of shape (..., n, k), or a vector.
    trans
        0 or ``"N"``: a itself; 1 or ``"T"``: its transpose; 2 or ``"C"``: its adjoint.
    lower
        Whether the lower triangle is read.
    unit_diagonal
        Whether the diagonal is taken for ones.

    Examples
    --------
    >>> import numpy as np
    >>> solve_triangular(np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([2.0, 3.0]), lower=True)
    array([1., 2.])
    """
    a, b = as_inexact(operand(a, check_finite), operand(b, check_finite))
    transpose_a, conjugate_a = transposes(trans)
    x = linalg.triangular_solve(
        a,
        expand_dims(b, (1,)) if b.ndim == 1 else b,
        left_side=True,
        lower=lower,
        transpose_a=transpose_a,
        conjugate_a=conjugate_a,
        unit_diagonal=unit_diagonal,
    )
    return squeeze(x, (x.ndim - 1,)) if b.ndim == 1 else x


def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, bool]:
    """The Cholesky factor for `cho_solve`, as `scipy.linalg.cho_factor`; the other triangle is zero."""
    return cholesky(a, lower=lower, check_finite=check_finite), lower


def cho_solve(c_and_lower: tuple[Any, bool], b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """The matrix x with ``a @ x == b``, from the Cholesky factor of a, as `scipy.linalg.cho_solve`."""
    factor, lower = c_and_lower
    factor = operand(factor, check_finite)
    first = solve_triangular(factor, b, trans=0 if lower else 2, lower=lower, check_finite=check_finite)
    return solve_triangular(factor, first, trans=2 if lower else 0, lower=lower, check_finite=False)


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, Any]:
    """The LU decomposition for `lu_solve`, as `scipy.linalg.lu_factor`: L and U in one matrix, and the pivots."""
    packed, pivots, _ = linalg.lu(operand(a, check_finite))
    return packed, pivots


def lu_solve(
    lu_and_piv: tuple[Any, Any], b: Any, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """The matrix x with ``a @ x == b``, from the LU decomposition of a, as `scipy.linalg.lu_solve`."""
    packed, pivots = lu_and_piv
    packed, b = as_inexact(operand(packed, check_finite), operand(b, check_finite))
    trans = static(trans, "lu_solve", "trans", "static_argnums for an argument of jit that is a setting")
    if trans not in (0, 1, 2):
        raise OptionError(f"expected trans to be 0, 1 or 2, got {trans!r}")
    order = linalg.lu_pivots_to_permutation(pivots, packed.shape[-1])
    x = linalg.lu_solve(packed, order, expand_dims(b, (1,)) if b.ndim == 1 else b, trans)
    return squeeze(x, (x.ndim - 1,)) if b.ndim == 1 else x


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """The matrix x with ``a @ x + x @ b == q``, as `scipy.linalg.solve_sylvester` (needs SciPy)."""
    a, b, q = as_inexact(operand(a, False), operand(b, False), operand(q, False))
    return linalg.solve_sylvester(*stacked_alike(a, b, q))
