"""Decompositions whose values come from SciPy, and which have no derivative: Schur's, and reductions by reflections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ...errors import OptionError
from ...lazy import import_extra
from .matrices import batch_as_stack, complex_dtype, real_dtype, square_matrices, without_derivative


def schur(
    x: Any, *, compute_schur_vectors: bool = True, sort_eig_vals: bool = False, select_callable: Callable | None = None
) -> tuple[Any, ...]:
    """The Schur decomposition ``x == z @ t @ zᴴ``: z unitary, t triangular.

    Of a real matrix t has blocks of two rows on the diagonal for complex eigenvalues.

    Parameters
    ----------
    x
        Square matrices, of shape (..., n, n).
    compute_schur_vectors
        Whether z is wanted; otherwise t alone is given.
    sort_eig_vals
        Whether the eigenvalues that `select_callable` chooses come first.
    select_callable
        Takes an eigenvalue and gives a bool.

    Raises
    ------
    DifferentiationError
        A derivative is asked for.
    MissingExtraError
        SciPy is not installed.
    """
    if sort_eig_vals and select_callable is None:
        raise OptionError("schur: sort_eig_vals expects a select_callable")
    t, z = schur_p(square_matrices(x), select=select_callable if sort_eig_vals else None)
    return (t, z) if compute_schur_vectors else (t,)


def rsf2csf(t: Any, z: Any) -> tuple[Any, Any]:
    """The complex Schur decomposition from a real one."""
    t, z = rsf2csf_p(square_matrices(t), square_matrices(z))
    return t, z


def hessenberg(a: Any) -> tuple[Any, Any]:
    """The reduction to Hessenberg form, as LAPACK's ``gehrd`` leaves it.

    Parameters
    ----------
    a
        Square matrices, of shape (..., n, n).

    Returns
    -------
    a, taus
        The Hessenberg matrix on and above the first subdiagonal, below it the vectors of the reflections, for
        `householder_product`; and their factors, of shape (..., n - 1).
    """
    a, taus = hessenberg_p(square_matrices(a))
    return a, taus


def tridiagonal(a: Any, *, lower: bool = True) -> tuple[Any, Any, Any, Any]:
    """The reduction of Hermitian matrices to tridiagonal form, as LAPACK's ``sytrd`` and ``hetrd`` leave it.

    Parameters
    ----------
    a
        Of shape (..., n, n), of which one triangle is read.
    lower
        Which.

    Returns
    -------
    a, d, e, taus
        The vectors of the reflections below the first subdiagonal (or above the superdiagonal); the diagonal and the
        subdiagonal of the tridiagonal matrix, real; the factors of the reflections.
    """
    a, d, e, taus = tridiagonal_p(square_matrices(a), lower=bool(lower))
    return a, d, e, taus


def _over_stack(function: Callable, stack: Sequence[np.ndarray], shapes: Sequence[tuple], dtypes: Sequence) -> list:
    """The results of a function of single matrices for each matrix of a stack."""
    lead = stack[0].shape[:-2]
    results = [np.empty((*lead, *shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    for index in np.ndindex(lead) if stack[0].size else ():
        for result, part in zip(results, function(*[x[index] for x in stack]), strict=True):
            result[index] = part
    return results


def _schur_impl(x: np.ndarray, *, select: Callable | None) -> list[np.ndarray]:
    linalg = import_extra("scipy.linalg", "scipy", "functrace.lax.linalg.schur")
    output = "complex" if x.dtype.kind == "c" else "real"
    return _over_stack(
        lambda m: linalg.schur(m, output, sort=select, check_finite=False)[:2], [x], [x.shape[-2:]] * 2, [x.dtype] * 2
    )


schur_p: Primitive = Primitive(
    "schur",
    _schur_impl,
    lambda x, *, select: (Aval(x.shape, x.dtype),) * 2,
    multiple_results=True,
)


def _rsf2csf_impl(t: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    linalg = import_extra("scipy.linalg", "scipy", "functrace.scipy.linalg.rsf2csf")
    return _over_stack(linalg.rsf2csf, [t, z], [t.shape[-2:]] * 2, [complex_dtype(t.dtype)] * 2)


rsf2csf_p: Primitive = Primitive(
    "rsf2csf",
    _rsf2csf_impl,
    lambda t, z: (Aval(t.shape, complex_dtype(t.dtype)),) * 2,
    multiple_results=True,
)


def _hessenberg_impl(a: np.ndarray) -> list[np.ndarray]:
    lapack = import_extra("scipy.linalg.lapack", "scipy", "functrace.lax.linalg.hessenberg")
    (reduce,) = lapack.get_lapack_funcs(("gehrd",), (a,))
    extent = a.shape[-1]
    shapes = [(extent, extent), (max(extent - 1, 0),)]
    return _over_stack(lambda m: reduce(m)[:2], [a], shapes, [a.dtype] * 2)


hessenberg_p: Primitive = Primitive(
    "hessenberg",
    _hessenberg_impl,
    lambda a: (Aval(a.shape, a.dtype), Aval((*a.shape[:-2], max(a.shape[-1] - 1, 0)), a.dtype)),
    multiple_results=True,
)


def _tridiagonal_impl(a: np.ndarray, *, lower: bool) -> list[np.ndarray]:
    lapack = import_extra("scipy.linalg.lapack", "scipy", "functrace.lax.linalg.tridiagonal")
    (reduce,) = lapack.get_lapack_funcs(("hetrd" if a.dtype.kind == "c" else "sytrd",), (a,))
    extent = a.shape[-1]
    line = (max(extent - 1, 0),)
    real = real_dtype(a.dtype)
    return _over_stack(
        lambda m: reduce(m, lower=lower)[:4],
        [a],
        [(extent, extent), (extent,), line, line],
        [a.dtype, real, real, a.dtype],
    )


def _tridiagonal_abstract(a: Aval, *, lower: bool) -> tuple[Aval, ...]:
    *lead, extent, _ = a.shape
    real, line = real_dtype(a.dtype), (*lead, max(extent - 1, 0))
    return Aval(a.shape, a.dtype), Aval((*lead, extent), real), Aval(line, real), Aval(line, a.dtype)


tridiagonal_p: Primitive = Primitive(
    "tridiagonal",
    _tridiagonal_impl,
    _tridiagonal_abstract,
    multiple_results=True,
)

for _primitive in (schur_p, rsf2csf_p, hessenberg_p, tridiagonal_p):
    batch_as_stack(_primitive)
    without_derivative(_primitive, instead="eigh, eig or svd, which have a derivative")
