"""Decompositions of matrices, and their eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...lax import linalg
from ...lax.elementwise import abs_, conj, sign
from ...lax.indexing import getitem, take_along_axis
from ...lax.linalg.matrices import adjoint, columns_times, matrices, transposed
from ...lax.shape import expand_dims
from ...lax.sorting import argsort, sort
from ..dispatch import as_array, implements

_QRResult = type(np.linalg.qr(np.eye(1)))
_SVDResult = type(np.linalg.svd(np.eye(1)))
_EighResult = type(np.linalg.eigh(np.eye(1)))
_EigResult = type(np.linalg.eig(np.eye(1)))


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """`numpy.linalg.cholesky`, which can be traced.

    The derivative is with respect to the Hermitian part of `a`, although one triangle alone is read.
    """
    a = as_array(a)
    if upper:
        return adjoint(linalg.cholesky(adjoint(matrices(a)), symmetrize_input=False))
    return linalg.cholesky(a, symmetrize_input=False)


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """`numpy.linalg.qr`, which can be traced; in the mode 'raw' it has no derivative."""
    if mode in ("f", "full", "e", "economic"):
        raise ValueError(f"Unrecognized mode {mode!r}: numpy.linalg.qr has left it behind; write 'reduced' or 'r'")
    if mode not in ("reduced", "complete", "r", "raw"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    a = as_array(a)
    if mode == "raw":
        packed, taus = linalg.geqrf(a)
        return transposed(packed), taus
    q, r = linalg.qr(a, full_matrices=mode == "complete")
    return r if mode == "r" else _QRResult(q, r)


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """`numpy.linalg.svd`, which can be traced.

    Singular vectors are determined up to a phase, and with `full_matrices` those beyond the singular values up to a
    rotation; the derivative is that of one choice. Where singular values are equal, single vectors have none: NaN.
    """
    a = as_array(a)
    if not hermitian:
        out = linalg.svd(a, full_matrices=full_matrices, compute_uv=compute_uv)
        return _SVDResult(*out) if compute_uv else out
    if not compute_uv:
        return getitem(sort(abs_(linalg.eigvalsh(a))), (Ellipsis, slice(None, None, -1)))
    vectors, values = linalg.eigh(a, symmetrize_input=False)
    order = getitem(argsort(abs_(values)), (Ellipsis, slice(None, None, -1)))
    signs = take_along_axis(sign(values), order)
    vectors = take_along_axis(vectors, expand_dims(order, (len(order.shape) - 1,)))
    values = take_along_axis(abs_(values), order)
    return _SVDResult(vectors, values, conj(transposed(columns_times(vectors, signs))))


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    return linalg.svd(as_array(x), compute_uv=False)


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """`numpy.linalg.eigh`, which can be traced.

    The derivative is with respect to the Hermitian part of `a`, although one triangle alone is read. Where eigenvalues
    are equal, single eigenvectors have none: NaN.
    """
    vectors, values = linalg.eigh(as_array(a), lower=_is_lower(UPLO), symmetrize_input=False)
    return _EighResult(values, vectors)


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """`numpy.linalg.eigvalsh`, which can be traced; the derivative is with respect to the Hermitian part of `a`."""
    return linalg.eigvalsh(as_array(a), lower=_is_lower(UPLO))


def _is_lower(triangle: str) -> bool:
    if triangle.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return triangle.upper() == "L"


@implements(np.linalg.eig)
def eig(a: Any) -> Any:
    """`numpy.linalg.eig`, which can be traced.

    Of a traced matrix the results are complex, since whether they are real is not known from its shape. An eigenvector
    has length one and its greatest element is real, and the derivative keeps that.
    """
    return _EigResult(*linalg.eig(as_array(a), compute_left_eigenvectors=False))


@implements(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """`numpy.linalg.eigvals`, which can be traced; of a traced matrix the result is complex."""
    return linalg.eigvals(as_array(a))
