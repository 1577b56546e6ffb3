"""The pseudoinverse.

References
----------
G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
separate", SIAM J. Numer. Anal. 10 (1973), equation 4.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ..elementwise import stop_gradient
from ..shape import broadcast_to, convert_element_type
from .matrices import adjoint, batch_as_stack, matrices, product, real_dtype, symmetrized, transposed


def pinv(a: Any, rtol: Any, *, hermitian: bool = False) -> Any:
    """The inverse of Moore and Penrose of matrices.

    Its derivative is right where the rank does not change, whether or not it is full, and where singular values are
    equal too.

    Parameters
    ----------
    a
        Of shape (..., m, n).
    rtol
        Singular values up to this part of the greatest count as zero: a number for each matrix.
    hermitian
        Whether the matrices are Hermitian: only the lower triangle is read then.
    """
    a = matrices(a)
    rtol = broadcast_to(convert_element_type(stop_gradient(rtol), real_dtype(a.dtype)), a.shape[:-2])
    return pinv_p(a, rtol, hermitian=bool(hermitian))


def _pinv_jvp(primals: Sequence, tangents: Sequence, p: Any, *, hermitian: bool) -> Any:
    """p' = -p a' p + p pᴴ a'ᴴ (1 - a p) + (1 - p a) a'ᴴ pᴴ p."""
    ta, a = tangents[0], primals[0]
    if ta is None:
        return None
    if hermitian:
        ta, a = symmetrized(ta), symmetrized(a)
    th, ph = adjoint(ta), adjoint(p)
    by_rows, by_columns = product(p, ph, th), product(th, ph, p)
    return (
        by_rows - product(by_rows, a, p) + by_columns - product(p, product(a, by_columns)) - product(p, product(ta, p))
    )


def _pinv_vjp(ct: Any, p: Any, args: Sequence, wanted: Sequence[bool], *, hermitian: bool) -> list[Any]:
    a = symmetrized(args[0]) if hermitian else args[0]
    back, ph = transposed(p), adjoint(p)
    left = ct - product(ct, transposed(product(a, p)))  # ct (1 - a p)ᵀ
    right = ct - product(transposed(product(p, a)), ct)
    by_adjoint = product(transposed(product(p, ph)), left) + product(right, transposed(product(ph, p)))
    out = adjoint(by_adjoint) - product(back, ct, back)
    return [symmetrized(out) if hermitian else out, None]


def _pinv_abstract(a: Aval, rtol: Aval, *, hermitian: bool) -> Aval:
    *lead, rows, columns = a.shape
    return Aval((*lead, columns, rows), a.dtype)


pinv_p: Primitive = Primitive(
    "pinv",
    lambda a, rtol, *, hermitian: np.ascontiguousarray(np.linalg.pinv(a, rtol, hermitian)),
    _pinv_abstract,
    jvp=_pinv_jvp,
    vjp_all=_pinv_vjp,
    source=lambda args, avals, *, hermitian: f"np.linalg.pinv({args[0]}, {args[1]}, {hermitian})",
)
batch_as_stack(pinv_p)
