"""Eigenvalues and eigenvectors of general matrices. The results are complex, also of real matrices.

References
----------
M. B. Giles, report NA-08/01 (2008), section 3.1; C. Boeddeker et al., arXiv:1701.00392 (2017), for the normalization.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ..creation import full, iota
from ..elementwise import abs_, imag, real, sqrt, square, where
from ..reduction import argmax
from ..shape import convert_element_type, dtype_of, expand_dims, shape_of
from .matrices import (
    adjoint,
    batch_as_stack,
    columns_times,
    complex_dtype,
    conjugated,
    diagonal,
    diagonal_matrix,
    gaps,
    product,
    reciprocal_gaps,
    square_matrices,
    sum_over,
    transposed,
)
from .solve import inv, solve_p


def eig(x: Any, *, compute_left_eigenvectors: bool = True, compute_right_eigenvectors: bool = True) -> list[Any]:
    """Eigenvalues and eigenvectors of general matrices.

    Parameters
    ----------
    x
        Square matrices, of shape (..., n, n).
    compute_left_eigenvectors, compute_right_eigenvectors
        Whether they are wanted.

    Returns
    -------
    list
        The eigenvalues w, of shape (..., n), and as far as they are wanted the left eigenvectors, with
        ``vlᴴ @ x == diag(w) @ vlᴴ``, and the right ones, with ``x @ vr == vr @ diag(w)``: the columns of (..., n, n).
        All complex.

    Raises
    ------
    numpy.linalg.LinAlgError
        The iteration does not converge; or left eigenvectors are wanted of a matrix that is not diagonalizable.

    Notes
    -----
    Each eigenvector has length one and its greatest element is real, as LAPACK gives it, and so has its derivative
    (JAX asks to opt in, and leaves the phase as it falls). Where eigenvalues are equal, single eigenvectors have no
    derivative, and it is NaN.
    """
    x = square_matrices(x)
    if not (compute_left_eigenvectors or compute_right_eigenvectors):
        return [eigvals_p(x)]
    w, right = eig_p(x)
    out = [w]
    if compute_left_eigenvectors:
        out.append(_normalized(adjoint(inv(right))))
    if compute_right_eigenvectors:
        out.append(right)
    return out


def eigvals(x: Any) -> Any:
    """The eigenvalues of general matrices, complex."""
    return eigvals_p(square_matrices(x))


def _normalized(v: Any) -> Any:
    """Columns of length one whose greatest element is positive."""
    length = sqrt(sum_over(square(real(v)) + square(imag(v)), -2))
    greatest = sum_over(where(_greatest(v), v, full((), 0, dtype_of(v))), -2)
    return columns_times(v, conjugated(greatest) / (abs_(greatest) * length))


def _greatest(v: Any) -> Any:
    """Where in each column the element of greatest size is."""
    rows = shape_of(v)[-2]
    if not rows:
        return full(shape_of(v), False)
    sizes = square(real(v)) + square(imag(v))
    places = argmax(sizes, len(shape_of(v)) - 2, keepdims=True)
    return expand_dims(iota(np.intp, rows), (1,)) == places


# ---------------------------------------------------------------------------------------------------------------------
# eigenvalues and right eigenvectors
# ---------------------------------------------------------------------------------------------------------------------


def _eig_impl(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w, v = np.linalg.eig(x)
    dtype = complex_dtype(x.dtype)
    return w.astype(dtype, copy=False), v.astype(dtype, copy=False)


def _eig_abstract(x: Aval) -> tuple[Aval, Aval]:
    dtype = complex_dtype(x.dtype)
    return Aval(x.shape[:-1], dtype), Aval(x.shape, dtype)


def _eig_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    """With p = v⁻¹ x' v: w' = diag(p) and v' = u + v diag(c), where u = v (F ∘ p), F[i, j] = 1 / (w[j] - w[i]).

    Columns keep length one, and their greatest element v[k] stays real: c = -Re(vᴴ u) - i Im(u[k]) / v[k].
    """
    if tangents[0] is None:
        return None
    w, v = out
    inner = solve_p(v, product(convert_element_type(tangents[0], dtype_of(v)), v))
    u = product(v, reciprocal_gaps(gaps(w)) * inner)
    along = sum_over(real(conjugated(v) * u), -2)
    zero = full((), 0, along.dtype)
    greatest = _greatest(v)
    turn = sum_over(where(greatest, imag(u), zero), -2) / sum_over(where(greatest, real(v), zero), -2)
    return [diagonal(inner), u - columns_times(v, along + turn * 1j)]


def _eig_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool]) -> list[Any]:
    w, v = out
    ct_w, ct_v = ct
    inner = None if ct_w is None else diagonal_matrix(ct_w)
    if ct_v is not None:
        ct_c = sum_over(ct_v * v, -2)
        greatest = _greatest(v)
        zero = full((), 0, real(v).dtype)
        turn = imag(ct_c) / sum_over(where(greatest, real(v), zero), -2)
        turned = where(greatest, expand_dims(turn, (len(shape_of(turn)) - 1,)), zero) * 1j
        ct_u = ct_v - columns_times(conjugated(v), real(ct_c)) - turned
        part = reciprocal_gaps(gaps(w)) * product(transposed(v), ct_u)
        inner = part if inner is None else inner + part
    return [_back(inner, v, args[0])]


def _back(inner: Any, v: Any, x: Any) -> Any:
    """The transpose of x' → v⁻¹ x' v; of a real x its real part."""
    back = transposed(v)
    out = solve_p(back, product(inner, back))
    return out if dtype_of(x).kind == "c" else real(out)


#: Eigenvalues and right eigenvectors.
eig_p: Primitive = Primitive(
    "eig",
    _eig_impl,
    _eig_abstract,
    jvp=_eig_jvp,
    vjp_all=_eig_vjp,
    source=lambda args, avals: f"np.linalg.eig({args[0]})" if avals[0].dtype.kind == "c" else None,
    multiple_results=True,
)
batch_as_stack(eig_p)

# ---------------------------------------------------------------------------------------------------------------------
# eigenvalues alone
# ---------------------------------------------------------------------------------------------------------------------


def _eigvals_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    if tangents[0] is None:
        return None
    _, v = eig_p(primals[0])
    return diagonal(solve_p(v, product(convert_element_type(tangents[0], dtype_of(v)), v)))


def _eigvals_vjp(ct: Any, out: Any, x: Any) -> Any:
    _, v = eig_p(x)
    return _back(diagonal_matrix(ct), v, x)


eigvals_p: Primitive = Primitive(
    "eigvals",
    lambda x: np.linalg.eigvals(x).astype(complex_dtype(x.dtype), copy=False),
    lambda x: Aval(x.shape[:-1], complex_dtype(x.dtype)),
    jvp=_eigvals_jvp,
    vjp=(_eigvals_vjp,),
    source=lambda args, avals: f"np.linalg.eigvals({args[0]})" if avals[0].dtype.kind == "c" else None,
)
batch_as_stack(eigvals_p)
