"""The Cholesky decomposition.

References
----------
I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527 (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ..elementwise import real, sign
from ..shape import concatenate, expand_dims
from .matrices import (
    adjoint,
    batch_as_stack,
    conjugated,
    diagonal,
    lower_triangle,
    on_diagonal,
    product,
    rows_times,
    square_matrices,
    symmetrized,
    transposed,
)
from .qr import qr
from .solve import triangular_solve_p


def cholesky(x: Any, *, symmetrize_input: bool = True) -> Any:
    """The lower triangular l with positive diagonal and ``x == l @ lᴴ``.

    Parameters
    ----------
    x
        Hermitian positive definite matrices, of shape (..., n, n).
    symmetrize_input
        Whether the Hermitian part of `x` is decomposed; otherwise only its lower triangle is read. The derivative is
        that with respect to the Hermitian part in either case.

    Raises
    ------
    numpy.linalg.LinAlgError
        A matrix is not positive definite, as far as the values are known (JAX gives NaN).

    Examples
    --------
    >>> import numpy as np
    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    array([[2., 0.],
           [1., 2.]])
    """
    x = square_matrices(x)
    return cholesky_p(symmetrized(x) if symmetrize_input else x)


def cholesky_update(r_matrix: Any, w_vector: Any) -> Any:
    """The upper triangular factor of ``rᴴ @ r + w @ wᴴ``, from r and w.

    Parameters
    ----------
    r_matrix
        Upper triangular, of shape (..., n, n).
    w_vector
        Of shape (..., n).
    """
    r = square_matrices(r_matrix)
    row = conjugated(expand_dims(w_vector, (len(w_vector.shape) - 1,)))
    _, r = qr(concatenate([r, row], r.ndim - 2), full_matrices=False)
    return rows_times(r, sign(real(diagonal(r))))


def _half(x: Any) -> Any:
    """The lower triangle with its diagonal halved: what is summed with its adjoint to x. It is its own transpose."""
    lower = lower_triangle(x)
    return on_diagonal(lower / 2, lower)


def _cholesky_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    """With x = l lᴴ: l' = l Φ(l⁻¹ x' l⁻ᴴ), where Φ takes the lower triangle and half the diagonal."""
    if tangents[0] is None:
        return None
    inner = triangular_solve_p(out, symmetrized(tangents[0]), lower=True, unit_diagonal=False)
    inner = adjoint(triangular_solve_p(out, adjoint(inner), lower=True, unit_diagonal=False))
    return product(out, _half(inner))


def _cholesky_vjp(ct: Any, out: Any, x: Any) -> Any:
    inner = _half(product(transposed(out), ct))
    back = triangular_solve_p(transposed(out), inner, lower=False, unit_diagonal=False)
    back = transposed(triangular_solve_p(adjoint(out), transposed(back), lower=False, unit_diagonal=False))
    return symmetrized(back)


#: Reads the lower triangle. The derivative is with respect to the Hermitian part.
cholesky_p: Primitive = Primitive(
    "cholesky",
    np.linalg.cholesky,
    lambda x: Aval(x.shape, x.dtype),
    jvp=_cholesky_jvp,
    vjp=(_cholesky_vjp,),
    source=lambda args, avals: f"np.linalg.cholesky({args[0]})",
)
batch_as_stack(cholesky_p)
