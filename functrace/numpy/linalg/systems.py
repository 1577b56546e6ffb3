"""Linear systems, inverses and determinants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import LinearAlgebraError
from ...lax import linalg
from ...lax.creation import full
from ...lax.elementwise import abs_, square, where
from ...lax.linalg.matrices import as_inexact, matrices
from ...lax.reduction import reduce_sum
from ...lax.shape import canonical_axis, expand_dims, reshape, squeeze, transpose
from ..dispatch import as_array, implements

_SlogdetResult = type(np.linalg.slogdet(np.eye(1)))
_NO_VALUE: Any = np._NoValue


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    return linalg.solve(as_array(a), as_array(b))


@implements(np.linalg.inv)
def inv(a: Any) -> Any:
    return linalg.inv(as_array(a))


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _NO_VALUE) -> Any:
    """`numpy.linalg.pinv`, which can be traced. Its derivative is right where the rank does not change."""
    a = matrices(as_array(a))
    if rcond is not None and rtol is not _NO_VALUE:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if rcond is None:
        if rtol is None:
            rtol = max(a.shape[-2:]) * np.finfo(a.dtype).eps
        rcond = 1e-15 if rtol is _NO_VALUE else rtol
    return linalg.pinv(a, as_array(rcond), hermitian=hermitian)


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """`numpy.linalg.lstsq`, which can be traced.

    The solution is the pseudoinverse times `b`; its derivative is right where the rank does not change.
    Where the rank is less than the number of columns, the residuals are NaN: NumPy gives none, but whether that is so
    is not known from the shape. The gradient reaches `a` and `b` through all results but the rank.
    """
    a, b = as_inexact(as_array(a), as_array(b))
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise LinearAlgebraError(f"lstsq expected a matrix a and a vector or matrix b, got {a.shape} and {b.shape}")
    rows, columns = a.shape
    if b.shape[0] != rows:
        raise LinearAlgebraError("Incompatible dimensions")
    if rcond is None:
        rcond = np.finfo(a.dtype).eps * max(rows, columns)
    right = b if b.ndim == 2 else expand_dims(b, (1,))
    x = linalg.pinv(a, as_array(rcond)) @ right
    values = linalg.svd(a, compute_uv=False)
    rank = reduce_sum(values > rcond * values[:1], (0,)).astype(np.int32)
    residuals = reduce_sum(square(abs_(right - a @ x)), (0,))
    residuals = (
        where(rank == columns, residuals, full((), np.nan, residuals.dtype)) if rows > columns else residuals[:0]
    )
    return (x if b.ndim == 2 else squeeze(x, (1,))), residuals, rank, values


@implements(np.linalg.det)
def det(a: Any) -> Any:
    """`numpy.linalg.det`, which can be traced. Its derivatives are right for singular matrices too."""
    return linalg.det(as_array(a))


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    return _SlogdetResult(*linalg.slogdet(as_array(a)))


# ---------------------------------------------------------------------------------------------------------------------
# tensors as matrices
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = as_array(a), as_array(b)
    if axes is not None:
        moved = [canonical_axis(axis, a.ndim) for axis in axes]
        a = transpose(a, [*[axis for axis in range(a.ndim) if axis not in moved], *moved])
    shape = a.shape[-(a.ndim - b.ndim) :]
    size = math.prod(shape)
    if math.prod(a.shape) != size**2:
        raise LinearAlgebraError(
            "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim]), got shapes "
            f"{a.shape} and {b.shape}"
        )
    return reshape(linalg.solve(reshape(a, (size, size)), reshape(b, (-1,))), shape)


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    a = as_array(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    size = math.prod(a.shape[ind:])
    return reshape(linalg.inv(reshape(a, (size, -1))), (*a.shape[ind:], *a.shape[:ind]))
