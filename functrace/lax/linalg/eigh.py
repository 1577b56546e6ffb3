"""Eigenvalues and eigenvectors of Hermitian matrices.

References
----------
M. B. Giles, report NA-08/01 (2008), section 3.1; C. Boeddeker, P. Hanebrink, L. Drude, J. Heymann, R. Haeb-Umbach, "On
the computation of complex-valued gradients with application to statistically optimum beamforming", arXiv:1701.00392
(2017), for complex matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ...errors import OptionError
from ..elementwise import real
from ..indexing import getitem
from .matrices import (
    adjoint,
    batch_as_stack,
    columns_times,
    conjugated,
    diagonal,
    diagonal_matrix,
    gaps,
    product,
    real_dtype,
    reciprocal_gaps,
    square_matrices,
    sum_over,
    symmetrized,
    transposed,
)


def eigh(
    x: Any,
    *,
    lower: bool = True,
    symmetrize_input: bool = True,
    sort_eigenvalues: bool = True,
    subset_by_index: tuple[int, int] | None = None,
) -> tuple[Any, Any]:
    """Eigenvectors and eigenvalues of Hermitian matrices.

    Parameters
    ----------
    x
        Of shape (..., n, n).
    lower
        Whether the lower triangle is read, or else the upper, where `symmetrize_input` is False.
    symmetrize_input
        Whether the Hermitian part of `x` is taken first. The derivative is that with respect to the Hermitian part in
        either case.
    sort_eigenvalues
        They always ascend; False asks for no more than that they need not.
    subset_by_index
        The first of the eigenvalues that are wanted, and the one behind the last.

    Returns
    -------
    v, w
        The eigenvectors, the columns of (..., n, n), and the eigenvalues, real, (..., n): the vectors first, as in JAX.

    Raises
    ------
    numpy.linalg.LinAlgError
        The iteration does not converge (JAX gives NaN).

    Notes
    -----
    Where eigenvalues are equal, single eigenvectors have no derivative, and it is NaN; that of the eigenvalues is right
    for functions that treat them alike, such as their sum.
    """
    x = square_matrices(x)
    w, v = eigh_p(symmetrized(x) if symmetrize_input else x, lower=bool(lower))
    if subset_by_index is not None:
        start, stop = subset_by_index
        if not 0 <= start <= stop <= x.shape[-1]:
            raise OptionError(f"eigh expected subset_by_index within 0 and {x.shape[-1]}, got {subset_by_index}")
        v, w = getitem(v, (Ellipsis, slice(start, stop))), getitem(w, (Ellipsis, slice(start, stop)))
    return v, w


def eigvalsh(x: Any, *, lower: bool = True) -> Any:
    """The eigenvalues of Hermitian matrices, of which one triangle is read."""
    return eigvalsh_p(square_matrices(x), lower=bool(lower))


def _eigh_jvp(primals: Sequence, tangents: Sequence, out: Any, *, lower: bool) -> Any:
    """w' = diag(vᴴ x' v), v' = v (F ∘ vᴴ x' v) with F[i, j] = 1 / (w[j] - w[i])."""
    if tangents[0] is None:
        return None
    w, v = out
    inner = product(adjoint(v), symmetrized(tangents[0]), v)
    return [real(diagonal(inner)), product(v, reciprocal_gaps(gaps(w)) * inner)]


def _eigh_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool], *, lower: bool) -> list[Any]:
    w, v = out
    ct_w, ct_v = ct
    if ct_v is None:
        return [_weighted(v, ct_w)]
    inner = reciprocal_gaps(gaps(w)) * product(transposed(v), ct_v)
    if ct_w is not None:
        inner = inner + diagonal_matrix(ct_w)
    return [symmetrized(product(conjugated(v), inner, transposed(v)))]


def _weighted(v: Any, weights: Any) -> Any:
    """The transpose of x' → diag(vᴴ x' v)."""
    return symmetrized(product(columns_times(conjugated(v), weights), transposed(v)))


def _letter(lower: bool) -> Any:
    return "L" if lower else "U"


#: Eigenvalues and eigenvectors, in NumPy's order. It reads one triangle.
eigh_p: Primitive = Primitive(
    "eigh",
    lambda x, *, lower: tuple(np.linalg.eigh(x, _letter(lower))),
    lambda x, *, lower: (Aval(x.shape[:-1], real_dtype(x.dtype)), Aval(x.shape, x.dtype)),
    jvp=_eigh_jvp,
    vjp_all=_eigh_vjp,
    source=lambda args, avals, *, lower: f"np.linalg.eigh({args[0]}, {_letter(lower)!r})",
    multiple_results=True,
)
batch_as_stack(eigh_p)


def _eigvalsh_jvp(primals: Sequence, tangents: Sequence, out: Any, *, lower: bool) -> Any:
    if tangents[0] is None:
        return None
    _, v = eigh_p(primals[0], lower=lower)
    return sum_over(real(conjugated(v) * product(symmetrized(tangents[0]), v)), -2)


def _eigvalsh_vjp(ct: Any, out: Any, x: Any, *, lower: bool) -> Any:
    _, v = eigh_p(x, lower=lower)
    return _weighted(v, ct)


eigvalsh_p: Primitive = Primitive(
    "eigvalsh",
    lambda x, *, lower: np.linalg.eigvalsh(x, _letter(lower)),
    lambda x, *, lower: Aval(x.shape[:-1], real_dtype(x.dtype)),
    jvp=_eigvalsh_jvp,
    vjp=(_eigvalsh_vjp,),
    source=lambda args, avals, *, lower: f"np.linalg.eigvalsh({args[0]}, {_letter(lower)!r})",
)
batch_as_stack(eigvalsh_p)
