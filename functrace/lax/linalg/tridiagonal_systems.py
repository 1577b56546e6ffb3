"""Systems of tridiagonal matrices. Their values come from LAPACK through SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ...errors import LinearAlgebraError
from ...lazy import import_extra
from ..creation import full
from ..indexing import getitem
from ..shape import broadcast_to, concatenate, dtype_of, expand_dims, shape_of
from .matrices import as_inexact, batch_as_stack, sum_over


def tridiagonal_solve(dl: Any, d: Any, du: Any, b: Any) -> Any:
    """The matrix x with ``t @ x == b``, where t is tridiagonal.

    Parameters
    ----------
    dl, d, du
        The diagonals below, on and above the main one, each of shape (..., n); ``dl[..., 0]`` and ``du[..., -1]`` are
        not read.
    b
        Of shape (..., n, k).

    Raises
    ------
    numpy.linalg.LinAlgError
        A matrix is singular.
    MissingExtraError
        SciPy is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> tridiagonal_solve(np.array([0.0, 1.0]), np.array([2.0, 1.0]), np.array([0.0, 0.0]), np.array([[2.0], [3.0]]))
    array([[1.],
           [2.]])
    """
    dl, d, du, b = as_inexact(dl, d, du, b)
    if b.ndim < 2 or not dl.shape[-1:] == d.shape[-1:] == du.shape[-1:] == b.shape[-2:-1]:
        raise LinearAlgebraError(
            "tridiagonal_solve expected diagonals of one length, which is the number of rows of b, got shapes "
            f"{dl.shape}, {d.shape}, {du.shape} and {b.shape}"
        )
    lead = np.broadcast_shapes(dl.shape[:-1], d.shape[:-1], du.shape[:-1], b.shape[:-2])
    extent = b.shape[-2]
    diagonals = [broadcast_to(x, (*lead, extent)) for x in (dl, d, du)]
    return tridiagonal_solve_p(*diagonals, broadcast_to(b, (*lead, *b.shape[-2:])))


def _impl(dl: np.ndarray, d: np.ndarray, du: np.ndarray, b: np.ndarray) -> np.ndarray:
    if not b.size:
        return np.zeros_like(b)
    linalg = import_extra("scipy.linalg", "scipy", "functrace.lax.linalg.tridiagonal_solve")
    # the systems of a stack, one behind the other, are one system: nothing couples them
    below, above = np.array(dl), np.array(du)
    below[..., 0] = above[..., -1] = 0
    bands = np.zeros((3, d.size), d.dtype)
    bands[0, 1:], bands[1], bands[2, :-1] = above.reshape(-1)[:-1], d.reshape(-1), below.reshape(-1)[1:]
    return linalg.solve_banded((1, 1), bands, b.reshape(-1, b.shape[-1]), check_finite=False).reshape(b.shape)


def _shifted(x: Any, down: bool) -> Any:
    """Rows moved by one, with zeros in the first (or the last)."""
    axis = len(shape_of(x)) - 2
    row = full((*shape_of(x)[:axis], 1, shape_of(x)[-1]), 0, dtype_of(x))
    if down:
        return concatenate([row, getitem(x, (Ellipsis, slice(-1), slice(None)))], axis)
    return concatenate([getitem(x, (Ellipsis, slice(1, None), slice(None))), row], axis)


def _jvp(primals: Sequence, tangents: Sequence, x: Any) -> Any:
    *diagonals, _ = primals
    *changes, right = tangents
    for change, moved in zip(changes, (_shifted(x, True), x, _shifted(x, False)), strict=True):
        if change is not None:
            part = expand_dims(change, (len(shape_of(change)),)) * moved
            right = -part if right is None else right - part
    return None if right is None else tridiagonal_solve_p(*diagonals, right)


def _vjp(ct: Any, x: Any, args: Sequence, wanted: Sequence[bool]) -> list[Any]:
    dl, d, du, _ = args
    rank = len(shape_of(d))
    edge = full((*shape_of(d)[:-1], 1), 0, dtype_of(d))
    below = concatenate([edge, getitem(du, (Ellipsis, slice(-1)))], rank - 1)
    above = concatenate([getitem(dl, (Ellipsis, slice(1, None))), edge], rank - 1)
    by_b = tridiagonal_solve_p(below, d, above, ct)
    moved = (_shifted(x, True), x, _shifted(x, False))
    parts = [-sum_over(by_b * rows, -1) if want else None for rows, want in zip(moved, wanted, strict=False)]
    return [*parts, by_b if wanted[3] else None]


tridiagonal_solve_p: Primitive = Primitive(
    "tridiagonal_solve",
    _impl,
    lambda dl, d, du, b: Aval(b.shape, b.dtype),
    jvp=_jvp,
    vjp_all=_vjp,
    linear=(frozenset({3}),),
)
batch_as_stack(tridiagonal_solve_p)
