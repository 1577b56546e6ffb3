"""Sylvester's equation, and the square root of matrices, whose derivative is a solution of one. Values from SciPy.

References
----------
N. J. Higham, "Functions of Matrices: Theory and Computation", SIAM (2008), section 6.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ...errors import LinearAlgebraError
from ...lazy import import_extra
from .matrices import as_inexact, batch_as_stack, complex_dtype, product, square_matrices, stacked_alike, transposed


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """The matrix x with ``a @ x + x @ b == q``.

    Parameters
    ----------
    a, b
        Square matrices, of shape (..., m, m) and (..., n, n). No eigenvalue of `a` is one of ``-b``.
    q
        Of shape (..., m, n).

    Raises
    ------
    MissingExtraError
        SciPy is not installed.
    """
    a, b, q = as_inexact(a, b, q)
    a, b = square_matrices(a), square_matrices(b)
    if q.ndim < 2 or q.shape[-2:] != (a.shape[-1], b.shape[-1]):
        raise LinearAlgebraError(
            f"solve_sylvester expected q with the rows of a and the columns of b, got {a.shape}, {b.shape}, {q.shape}"
        )
    return sylvester_p(*stacked_alike(a, b, q))


def sqrtm(a: Any) -> Any:
    """The principal square root of square matrices, complex: whether it is real is not known from the shape.

    Raises
    ------
    MissingExtraError
        SciPy is not installed.
    """
    a = square_matrices(a)
    return sqrtm_p(a.astype(complex_dtype(a.dtype)))


def _sylvester_impl(a: np.ndarray, b: np.ndarray, q: np.ndarray) -> np.ndarray:
    linalg = import_extra("scipy.linalg", "scipy", "functrace.scipy.linalg.solve_sylvester")
    out = np.empty_like(q, order="C", subok=False)
    for index in np.ndindex(q.shape[:-2]):
        out[index] = linalg.solve_sylvester(a[index], b[index], q[index])
    return out


def _sylvester_jvp(primals: Sequence, tangents: Sequence, x: Any) -> Any:
    (a, b, _), (ta, tb, right) = primals, tangents
    for tangent, change in ((ta, lambda: product(ta, x)), (tb, lambda: product(x, tb))):
        if tangent is not None:
            right = -change() if right is None else right - change()
    return None if right is None else sylvester_p(a, b, right)


def _sylvester_vjp(ct: Any, x: Any, args: Sequence, wanted: Sequence[bool]) -> list[Any]:
    a, b, _ = args
    by_q = sylvester_p(transposed(a), transposed(b), ct)
    back = transposed(x)
    return [
        -product(by_q, back) if wanted[0] else None,
        -product(back, by_q) if wanted[1] else None,
        by_q if wanted[2] else None,
    ]


sylvester_p: Primitive = Primitive(
    "solve_sylvester",
    _sylvester_impl,
    lambda a, b, q: Aval(q.shape, q.dtype),
    jvp=_sylvester_jvp,
    vjp_all=_sylvester_vjp,
    linear=(frozenset({2}),),
)
batch_as_stack(sylvester_p)


def _sqrtm_impl(a: np.ndarray) -> np.ndarray:
    linalg = import_extra("scipy.linalg", "scipy", "functrace.scipy.linalg.sqrtm")
    out = np.empty_like(a, order="C", subok=False)
    for index in np.ndindex(a.shape[:-2]):
        out[index] = linalg.sqrtm(a[index])
    return out


#: Of complex matrices. The derivative solves r r' + r' r = a'.
sqrtm_p: Primitive = Primitive(
    "sqrtm",
    _sqrtm_impl,
    lambda a: Aval(a.shape, a.dtype),
    jvp=lambda primals, tangents, r: None if tangents[0] is None else sylvester_p(r, r, tangents[0]),
    vjp=(lambda ct, r, a: sylvester_p(transposed(r), transposed(r), ct),),
)
batch_as_stack(sqrtm_p)
