"""Determinants. The derivatives are right where a matrix is singular too: the determinant is a polynomial.

References
----------
M. B. Giles, report NA-08/01 (2008), section 2.2.4, for regular matrices. For singular ones: with a = u diag(s) vᴴ the
adjugate is det(u vᴴ) v adj(diag(s)) uᴴ (G. W. Stewart, "On the adjugate matrix", Linear Algebra Appl. 283, 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ..creation import full, iota
from ..cumulative import cumprod
from ..elementwise import imag, real, where
from ..indexing import getitem
from ..shape import concatenate, convert_element_type, dtype_of, expand_dims, shape_of
from .matrices import (
    adjoint,
    batch_as_stack,
    conjugated,
    diagonal,
    diagonal_matrix,
    off_diagonal,
    product,
    real_dtype,
    square_matrices,
    sum_over,
    trace_of_product,
    transposed,
    upper_triangle,
)
from .solve import inv, solve_p
from .svd import svd_p


def det(a: Any) -> Any:
    """The determinant of square matrices.

    Its derivative, and that one's, are right for singular matrices too. A third derivative is, where no two singular
    values are equal.

    Examples
    --------
    >>> import numpy as np
    >>> import functrace
    >>> functrace.grad(det)(np.array([[1.0, 2.0], [2.0, 4.0]]))  # the cofactors
    array([[ 4., -2.],
           [-2.,  1.]])
    """
    return det_p(square_matrices(a))


def slogdet(a: Any) -> tuple[Any, Any]:
    """The sign of the determinant (of a complex one its phase) and the logarithm of its absolute value."""
    sign, logarithm = slogdet_p(square_matrices(a))
    return sign, logarithm


# ---------------------------------------------------------------------------------------------------------------------
# determinant
# ---------------------------------------------------------------------------------------------------------------------


def _det_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    """Jacobi's formula: det' = tr(adj(a) a')."""
    return None if tangents[0] is None else trace_of_product(adjugate_p(primals[0]), tangents[0])


def _det_vjp(ct: Any, out: Any, a: Any) -> Any:
    rank = len(shape_of(ct))
    return expand_dims(ct, (rank, rank + 1)) * transposed(adjugate_p(a))


det_p: Primitive = Primitive(
    "det",
    np.linalg.det,
    lambda a: Aval(a.shape[:-2], a.dtype),
    jvp=_det_jvp,
    vjp=(_det_vjp,),
    source=lambda args, avals: f"np.linalg.det({args[0]})",
)
batch_as_stack(det_p)

# ---------------------------------------------------------------------------------------------------------------------
# adjugate
# ---------------------------------------------------------------------------------------------------------------------


def _adjugate_impl(a: np.ndarray) -> np.ndarray:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    ones = np.ones((*s.shape[:-1], min(1, s.shape[-1])), s.dtype)
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    phase = np.linalg.det(u) * np.linalg.det(vh)
    factors = phase[..., None] * (before * after)
    v = vh.swapaxes(-1, -2).conj()
    return (v * factors[..., None, :]) @ u.swapaxes(-1, -2).conj()


def _products_without_two(s: Any) -> Any:
    """The matrix of the products of all elements but the i-th and the j-th; zeros on the diagonal."""
    count, dtype = shape_of(s)[-1], dtype_of(s)
    rank = len(shape_of(s))
    one = full((*shape_of(s)[:-1], 1), 1, dtype)
    head = getitem(s, (Ellipsis, slice(-1)))
    before = cumprod(concatenate([one, head], rank - 1), rank - 1)
    after = cumprod(concatenate([getitem(s, (Ellipsis, slice(1, None))), one], rank - 1), rank - 1, reverse=True)
    line = iota(np.intp, count)
    behind = expand_dims(line, (1,)) < line
    later = where(behind, expand_dims(s, (rank - 1,)), full((), 1, dtype))
    ones = full((*shape_of(later)[:-1], 1), 1, dtype)
    between = cumprod(concatenate([ones, getitem(later, (Ellipsis, slice(-1)))], rank), rank)
    above = upper_triangle(expand_dims(before, (rank,)) * between * expand_dims(after, (rank - 1,)), 1)
    return above + transposed(above)


def _pieces(a: Any) -> tuple[Any, Any, Any, Any]:
    u, s, vh = svd_p(a, full_matrices=False)
    phase = det_p(u) * det_p(vh)
    rank = len(shape_of(phase))
    return u, adjoint(vh), _products_without_two(s), expand_dims(phase, (rank, rank + 1))


def _minors(products: Any, inner: Any) -> Any:
    """The derivative of adj(diag(s)) along `inner`: this map is its own transpose."""
    weights = convert_element_type(products, dtype_of(inner))
    on = product(weights, expand_dims(diagonal(inner), (len(shape_of(inner)) - 1,)))
    return diagonal_matrix(getitem(on, (Ellipsis, 0))) - off_diagonal(weights * inner)


def _adjugate_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    if tangents[0] is None or not shape_of(out)[-1]:
        return None
    u, v, products, phase = _pieces(primals[0])
    return phase * product(v, _minors(products, product(adjoint(u), tangents[0], v)), adjoint(u))


def _adjugate_vjp(ct: Any, out: Any, a: Any) -> Any:
    if not shape_of(out)[-1]:
        return None
    u, v, products, phase = _pieces(a)
    inner = _minors(products, phase * product(transposed(v), ct, conjugated(u)))
    return product(conjugated(u), inner, transposed(v))


adjugate_p: Primitive = Primitive(
    "adjugate",
    _adjugate_impl,
    lambda a: Aval(a.shape, a.dtype),
    jvp=_adjugate_jvp,
    vjp=(_adjugate_vjp,),
)
batch_as_stack(adjugate_p)

# ---------------------------------------------------------------------------------------------------------------------
# sign and logarithm
# ---------------------------------------------------------------------------------------------------------------------


def _slogdet_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    """With t = tr(a⁻¹ a'): the logarithm changes by Re t, and the sign by i Im t times itself."""
    if tangents[0] is None:
        return None
    trace = sum_over(diagonal(solve_p(primals[0], tangents[0])), -1)
    if dtype_of(trace).kind != "c":
        return [None, trace]
    return [out[0] * imag(trace) * 1j, real(trace)]


def _slogdet_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool]) -> list[Any]:
    ct_sign, ct_log = ct
    by_trace = ct_log
    if ct_sign is not None and dtype_of(ct_sign).kind == "c":
        turn = imag(ct_sign * out[0]) * 1j
        by_trace = turn if ct_log is None else ct_log + turn
    if by_trace is None:
        return [None]
    rank = len(shape_of(by_trace))
    return [expand_dims(by_trace, (rank, rank + 1)) * transposed(inv(args[0]))]


slogdet_p: Primitive = Primitive(
    "slogdet",
    lambda a: tuple(np.linalg.slogdet(a)),
    lambda a: (Aval(a.shape[:-2], a.dtype), Aval(a.shape[:-2], real_dtype(a.dtype))),
    jvp=_slogdet_jvp,
    vjp_all=_slogdet_vjp,
    source=lambda args, avals: f"np.linalg.slogdet({args[0]})",
    multiple_results=True,
)
batch_as_stack(slogdet_p)
