"""The polar decomposition.

References
----------
N. J. Higham, "Functions of Matrices: Theory and Computation", SIAM (2008), sections 8.1 and 8.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ..shape import shape_of
from .matrices import (
    adjoint,
    batch_as_stack,
    columns_times,
    conjugated,
    matrices,
    product,
    sums,
    symmetrized,
    transposed,
)
from .svd import svd_p


def polar(a: Any) -> tuple[Any, Any]:
    """The polar decomposition ``a == u @ p``: u with orthonormal columns or rows, p Hermitian and positive.

    Parameters
    ----------
    a
        Matrices of full rank, of shape (..., m, n).

    Returns
    -------
    u, p
        Of the shapes (..., m, n) and (..., n, n).

    Notes
    -----
    Equal singular values do no harm: the derivative has sums of them in its denominators, not differences. A second
    derivative is NaN there.
    """
    a = matrices(a)
    u = unitary_factor_p(a)
    return u, symmetrized(product(adjoint(u), a))


def _unitary_factor_impl(a: np.ndarray) -> np.ndarray:
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return u @ vh


def _parts(a: Any) -> tuple[Any, Any, Any, Any]:
    """Singular vectors, values, and the sums of each two values."""
    u, s, vh = svd_p(a, full_matrices=False)
    return u, s, adjoint(vh), sums(s)


def _unitary_factor_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    """With k = uᴴ a' v: u [(k - kᴴ) / (s[i] + s[j])] vᴴ + (1 - u uᴴ) a' v / s vᴴ + u / s uᴴ a' (1 - v vᴴ)."""
    if tangents[0] is None:
        return None
    u, s, v, pairs = _parts(primals[0])
    ta = tangents[0]
    left, right = product(adjoint(u), ta), product(ta, v)
    inner = product(left, v)
    total = product(u, (inner - adjoint(inner)) / pairs)
    rows, columns = shape_of(ta)[-2:]
    if rows > columns:
        total = total + columns_times(right - product(u, inner), 1 / s)
    total = product(total, adjoint(v))
    if columns > rows:
        total = total + product(columns_times(u, 1 / s), left - product(inner, adjoint(v)))
    return total


def _unitary_factor_vjp(ct: Any, out: Any, a: Any) -> Any:
    u, s, v, pairs = _parts(a)
    by_inner = product(transposed(u), ct, conjugated(v)) / pairs
    by_inner = by_inner - adjoint(by_inner)
    rows, columns = shape_of(a)[-2:]
    direct = None
    if rows > columns:
        outside = columns_times(product(ct, conjugated(v)), 1 / s)
        by_inner = by_inner - product(transposed(u), outside)
        direct = product(outside, transposed(v))
    if columns > rows:
        outside = product(transposed(columns_times(u, 1 / s)), ct)
        by_inner = by_inner - product(outside, conjugated(v))
        direct = product(conjugated(u), outside)
    out = product(conjugated(u), by_inner, transposed(v))
    return out if direct is None else out + direct


#: The matrix with orthonormal columns (or rows) that is nearest.
unitary_factor_p: Primitive = Primitive(
    "unitary_factor",
    _unitary_factor_impl,
    lambda a: Aval(a.shape, a.dtype),
    jvp=_unitary_factor_jvp,
    vjp=(_unitary_factor_vjp,),
)
batch_as_stack(unitary_factor_p)
