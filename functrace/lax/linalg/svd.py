"""The singular value decomposition.

References
----------
M. B. Giles, report NA-08/01 (2008), section 3.2; M. Seeger, A. Hetzel, Z. Dai, E. Meissner, N. D. Lawrence,
"Auto-differentiating linear algebra", arXiv:1710.08717 (2017); Z.-Q. Wan and S.-X. Zhang, "Automatic differentiation
for complex valued SVD", arXiv:1909.02659 (2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ...errors import OptionError
from ..creation import full
from ..elementwise import imag, real, where
from ..indexing import getitem
from ..shape import concatenate, dtype_of, shape_of
from .matrices import (
    adjoint,
    batch_as_stack,
    columns_times,
    conjugated,
    diagonal,
    diagonal_matrix,
    gaps,
    matrices,
    product,
    real_dtype,
    reciprocal_gaps,
    rows_times,
    sum_over,
    sums,
    transposed,
)


def svd(
    x: Any, *, full_matrices: bool = True, compute_uv: bool = True, subset_by_index: tuple[int, int] | None = None
) -> Any:
    """The singular value decomposition: ``x == u @ diag(s) @ vh``.

    Parameters
    ----------
    x
        Matrices, of shape (..., m, n). With k = min(m, n):
    full_matrices
        Whether u and vh are square; otherwise they have the shapes (..., m, k) and (..., k, n).
    compute_uv
        Whether the singular vectors are wanted too.
    subset_by_index
        The first of the singular values that are wanted, and the one behind the last; not with `full_matrices`.

    Returns
    -------
    u, s, vh
        Or s alone; real, descending, of shape (..., k).

    Raises
    ------
    numpy.linalg.LinAlgError
        The iteration does not converge (JAX gives NaN).

    Notes
    -----
    Singular vectors are determined up to a phase, and those beyond the k-th up to a rotation: the derivative is that of
    one choice, so that functions which do not depend on the choice have the right derivative. Where singular values
    tie, single singular vectors have none, and it is NaN; that of the values is right for functions that treat the
    tied ones alike.

    Examples
    --------
    >>> import numpy as np
    >>> svd(np.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False)
    array([4., 3.])
    """
    x = matrices(x)
    chosen = slice(None)
    if subset_by_index is not None:
        start, stop = subset_by_index
        if not 0 <= start <= stop <= min(x.shape[-2:]):
            raise OptionError(f"svd expected subset_by_index within 0 and {min(x.shape[-2:])}, got {subset_by_index}")
        if full_matrices and compute_uv:
            raise OptionError("svd: subset_by_index goes with full_matrices=False")
        chosen = slice(start, stop)
    if not compute_uv:
        return getitem(svdvals_p(x), (Ellipsis, chosen)) if subset_by_index else svdvals_p(x)
    u, s, vh = svd_p(x, full_matrices=bool(full_matrices))
    if subset_by_index is not None:
        u, s, vh = [getitem(part, (Ellipsis, chosen)) for part in (u, s, transposed(vh))]
        vh = transposed(vh)
    return u, s, vh


# ---------------------------------------------------------------------------------------------------------------------
# the whole decomposition
# ---------------------------------------------------------------------------------------------------------------------


def _svd_abstract(x: Aval, *, full_matrices: bool) -> tuple[Aval, Aval, Aval]:
    *lead, rows, columns = x.shape
    count = min(rows, columns)
    return (
        Aval((*lead, rows, rows if full_matrices else count), x.dtype),
        Aval((*lead, count), real_dtype(x.dtype)),
        Aval((*lead, columns if full_matrices else count, columns), x.dtype),
    )


def _first_and_others(vectors: Any, count: int) -> tuple[Any, Any]:
    """Columns up to `count`, and the others (None: there are none)."""
    if shape_of(vectors)[-1] == count:
        return vectors, None
    return getitem(vectors, (Ellipsis, slice(count))), getitem(vectors, (Ellipsis, slice(count, None)))


def _coefficients(s: Any) -> tuple[Any, Any]:
    """1 / (s[j]² - s[i]²), and 1 / s."""
    zero = s == 0
    one, nan = full((), 1, dtype_of(s)), full((), np.nan, dtype_of(s))
    return reciprocal_gaps(gaps(s) * sums(s)), where(zero, nan, one / where(zero, one, s))


def _svd_jvp(primals: Sequence, tangents: Sequence, out: Any, *, full_matrices: bool) -> Any:
    """With p = uᴴ x' v: s' = Re diag p, u' = u (F ∘ (p s + (p s)ᴴ) + i Im diag(p) / s) + (1 - u uᴴ) x' v / s.

    And v' = v (F ∘ (s p + (s p)ᴴ)) + (1 - v vᴴ) x'ᴴ u / s, with F[i, j] = 1 / (s[j]² - s[i]²).
    """
    if tangents[0] is None:
        return None
    tx, s = tangents[0], out[1]
    count = shape_of(s)[-1]
    u, others_u = _first_and_others(out[0], count)
    v, others_v = _first_and_others(adjoint(out[2]), count)
    f, inverse = _coefficients(s)
    inner = product(adjoint(u), tx, v)
    right, left = columns_times(inner, s), rows_times(inner, s)
    turn_u, turn_v = f * (right + adjoint(right)), f * (left + adjoint(left))
    if dtype_of(inner).kind == "c":
        turn_u = turn_u + diagonal_matrix(imag(diagonal(inner)) * inverse * 1j)
    tu, tv = product(u, turn_u), product(v, turn_v)
    rows, columns = shape_of(tx)[-2:]
    if rows > count:
        tu = tu + columns_times(product(tx, v) - product(u, inner), inverse)
    if columns > count:
        tv = tv + columns_times(product(adjoint(tx), u) - product(v, adjoint(inner)), inverse)
    if others_u is not None:
        tu = concatenate([tu, -product(u, adjoint(tu), others_u)], len(shape_of(tu)) - 1)
    if others_v is not None:
        tv = concatenate([tv, -product(v, adjoint(tv), others_v)], len(shape_of(tv)) - 1)
    return [tu, real(diagonal(inner)), adjoint(tv)]


def _svd_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool], *, full_matrices: bool) -> list[Any]:
    ct_u, ct_s, ct_vh = ct
    s = out[1]
    count = shape_of(s)[-1]
    u, others_u = _first_and_others(out[0], count)
    v, others_v = _first_and_others(adjoint(out[2]), count)
    ct_u = None if ct_u is None else _with_others(ct_u, u, others_u)
    ct_v = None if ct_vh is None else _with_others(adjoint(ct_vh), v, others_v)
    if ct_u is None and ct_v is None:
        return [_weighted(u, ct_s, adjoint(v))]
    rows, columns = shape_of(args[0])[-2:]
    f, inverse = _coefficients(s)
    ct_inner = None if ct_s is None else diagonal_matrix(ct_s)
    direct = None
    if ct_u is not None:
        turned = product(transposed(u), ct_u)
        part = f * turned
        part = columns_times(part + adjoint(part), s)
        if dtype_of(turned).kind == "c":
            part = part + diagonal_matrix(imag(diagonal(turned)) * inverse * 1j)
        if rows > count:
            outside = columns_times(ct_u, inverse)
            part = part - product(transposed(u), outside)
            direct = product(outside, transposed(v))
        ct_inner = part if ct_inner is None else ct_inner + part
    if ct_v is not None:
        part = f * product(transposed(v), ct_v)
        part = rows_times(part + adjoint(part), s)
        if columns > count:
            outside = columns_times(ct_v, inverse)
            part = part - adjoint(product(transposed(v), outside))
            more = adjoint(product(outside, transposed(u)))
            direct = more if direct is None else direct + more
        ct_inner = part if ct_inner is None else ct_inner + part
    by_inner = product(conjugated(u), ct_inner, transposed(v))
    return [by_inner if direct is None else by_inner + direct]


def _with_others(ct: Any, first: Any, others: Any) -> Any:
    """The cotangent of the first columns, with what comes through the others: others' = -first first'ᴴ others."""
    if others is None:
        return ct
    ct, ct_others = _first_and_others(ct, shape_of(first)[-1])
    return ct - adjoint(product(transposed(first), ct_others, transposed(others)))


def _weighted(u: Any, weights: Any, vh: Any) -> Any:
    """The transpose of x' → Re diag(uᴴ x' v)."""
    return product(columns_times(conjugated(u), weights), conjugated(vh))


svd_p: Primitive = Primitive(
    "svd",
    lambda x, *, full_matrices: tuple(np.linalg.svd(x, full_matrices)),
    _svd_abstract,
    jvp=_svd_jvp,
    vjp_all=_svd_vjp,
    source=lambda args, avals, *, full_matrices: f"np.linalg.svd({args[0]}, {full_matrices})",
    multiple_results=True,
)
batch_as_stack(svd_p)

# ---------------------------------------------------------------------------------------------------------------------
# the singular values alone
# ---------------------------------------------------------------------------------------------------------------------


def _svdvals_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    if tangents[0] is None:
        return None
    u, _, vh = svd_p(primals[0], full_matrices=False)
    return sum_over(real(conjugated(u) * product(tangents[0], adjoint(vh))), -2)


def _svdvals_vjp(ct: Any, out: Any, x: Any) -> Any:
    u, _, vh = svd_p(x, full_matrices=False)
    return _weighted(u, ct, vh)


svdvals_p: Primitive = Primitive(
    "svdvals",
    lambda x: np.linalg.svd(x, compute_uv=False),
    lambda x: Aval((*x.shape[:-2], min(x.shape[-2:])), real_dtype(x.dtype)),
    jvp=_svdvals_jvp,
    vjp=(_svdvals_vjp,),
    source=lambda args, avals: f"np.linalg.svd({args[0]}, compute_uv=False)",
)
batch_as_stack(svdvals_p)
