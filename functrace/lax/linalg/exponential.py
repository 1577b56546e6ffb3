"""The matrix exponential and its Fréchet derivative.

References
----------
N. J. Higham, "The scaling and squaring method for the matrix exponential revisited", SIAM J. Matrix Anal. Appl. 26
(2005); A. H. Al-Mohy and N. J. Higham, "Computing the Fréchet derivative of the matrix exponential, with an application
to condition number estimation", SIAM J. Matrix Anal. Appl. 30 (2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ..creation import full
from ..indexing import getitem
from ..shape import concatenate, dtype_of, shape_of
from .matrices import as_inexact, batch_as_stack, square_matrices, stacked_alike, transposed


def expm(a: Any) -> Any:
    """The exponential of square matrices, of shape (..., n, n).

    Examples
    --------
    >>> import numpy as np
    >>> expm(np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 1.],
           [0., 1.]])
    """
    return expm_p(square_matrices(a))


def expm_frechet(a: Any, e: Any) -> Any:
    """The derivative of the exponential at `a` in the direction `e`; it can be differentiated again by both."""
    a, e = as_inexact(a, e)
    return frechet_p(*stacked_alike(square_matrices(e), square_matrices(a)))


# ---------------------------------------------------------------------------------------------------------------------
# values
# ---------------------------------------------------------------------------------------------------------------------

#: The coefficients of the Padé approximants' numerators, and up to which 1-norm each is exact in double precision.
_PADE = (
    (1.495585217958292e-2, (120.0, 60.0, 12.0, 1.0)),
    (2.539398330063230e-1, (30240.0, 15120.0, 3360.0, 420.0, 30.0, 1.0)),
    (9.504178996162932e-1, (17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0)),
    (
        2.097847961257068,
        (17643225600.0, 8821612800.0, 2075673600.0, 302702400.0, 30270240.0, 2162160.0, 110880.0, 3960.0, 90.0, 1.0),
    ),
)
_LIMIT = 5.371920351148152
_PADE_13 = (
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
)


class _Dual:
    """Matrices with a tangent: the exponential is computed with them as with matrices."""

    __slots__ = ("tangent", "value")

    def __init__(self, value: np.ndarray, tangent: np.ndarray) -> None:
        self.value = value
        self.tangent = tangent

    def __add__(self, other: Any) -> _Dual:
        if isinstance(other, _Dual):
            return _Dual(self.value + other.value, self.tangent + other.tangent)
        return _Dual(self.value + other, self.tangent)

    def __sub__(self, other: _Dual) -> _Dual:
        return _Dual(self.value - other.value, self.tangent - other.tangent)

    def __mul__(self, factor: Any) -> _Dual:
        return _Dual(self.value * factor, self.tangent * factor)

    def __matmul__(self, other: _Dual) -> _Dual:
        return _Dual(self.value @ other.value, self.value @ other.tangent + self.tangent @ other.value)

    def solve(self, right: _Dual) -> _Dual:
        out = np.linalg.solve(self.value, right.value)
        return _Dual(out, np.linalg.solve(self.value, right.tangent - self.tangent @ out))

    def where(self, chosen: np.ndarray, other: _Dual) -> _Dual:
        return _Dual(np.where(chosen, self.value, other.value), np.where(chosen, self.tangent, other.tangent))


def _exponential(a: Any, norms: np.ndarray) -> Any:
    """By scaling and squaring, of all matrices at once; `a` holds matrices or duals, `norms` are their 1-norms."""
    value = a.value if isinstance(a, _Dual) else a
    ones = np.eye(value.shape[-1], dtype=value.dtype)
    greatest = np.max(norms, initial=0.0)
    for limit, coefficients in _PADE:
        if greatest <= limit:
            powers = [a @ a]
            for _ in range(len(coefficients) // 2 - 2):
                powers.append(powers[-1] @ powers[0])
            odd, even = ones * coefficients[1], ones * coefficients[0]
            for power, even_factor, odd_factor in zip(powers, coefficients[2::2], coefficients[3::2], strict=True):
                odd, even = power * odd_factor + odd, power * even_factor + even
            return _quotient(even, a @ odd)
    squarings = np.ceil(np.log2(np.where(norms > _LIMIT, norms / _LIMIT, 1.0)))
    squarings = np.where(np.isfinite(squarings), squarings, 0).astype(int)[..., None, None]
    a = a * np.ldexp(np.ones((), value.real.dtype), -squarings)
    b = _PADE_13
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    high_odd, high_even = a6 * b[13] + a4 * b[11] + a2 * b[9], a6 * b[12] + a4 * b[10] + a2 * b[8]
    odd = a6 @ high_odd + (a6 * b[7] + a4 * b[5] + a2 * b[3]) + ones * b[1]
    even = a6 @ high_even + (a6 * b[6] + a4 * b[4] + a2 * b[2]) + ones * b[0]
    out = _quotient(even, a @ odd)
    for step in range(int(np.max(squarings, initial=0))):
        squared, more = out @ out, squarings > step
        out = squared.where(more, out) if isinstance(out, _Dual) else np.where(more, squared, out)
    return out


def _quotient(even: Any, odd: Any) -> Any:
    """(even - odd)⁻¹ (even + odd)."""
    below, above = even - odd, even + odd
    return below.solve(above) if isinstance(below, _Dual) else np.linalg.solve(below, above)


def _norms(a: np.ndarray) -> np.ndarray:
    return np.max(np.sum(np.abs(a), -2), -1, initial=0.0)


def _expm_impl(a: np.ndarray) -> np.ndarray:
    return _exponential(a, _norms(a))


def _frechet_impl(e: np.ndarray, a: np.ndarray) -> np.ndarray:
    return _exponential(_Dual(a, e), _norms(a)).tangent


# ---------------------------------------------------------------------------------------------------------------------
# rules
# ---------------------------------------------------------------------------------------------------------------------

expm_p: Primitive = Primitive(
    "expm",
    _expm_impl,
    lambda a: Aval(a.shape, a.dtype),
    jvp=lambda primals, tangents, out: None if tangents[0] is None else frechet_p(tangents[0], primals[0]),
    vjp=(lambda ct, out, a: frechet_p(ct, transposed(a)),),
)
batch_as_stack(expm_p)


def blocks(above_left: Any, above_right: Any, below_right: Any) -> Any:
    """[[above_left, above_right], [0, below_right]]."""
    rank = len(shape_of(above_left))
    zeros = full(shape_of(above_left), 0, dtype_of(above_left))
    above = concatenate([above_left, above_right], rank - 1)
    return concatenate([above, concatenate([zeros, below_right], rank - 1)], rank - 2)


def _frechet_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    """The exponential of [[a, e], [0, a]] has the derivative along e above right: its derivative is that one's."""
    (e, a), (te, ta) = primals, tangents
    if ta is None:
        return None if te is None else frechet_p(te, a)
    along = full(shape_of(e), 0, dtype_of(e)) if te is None else te
    n = shape_of(a)[-1]
    return getitem(frechet_p(blocks(ta, along, ta), blocks(a, e, a)), (Ellipsis, slice(n), slice(n, None)))


def _frechet_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool]) -> list[Any]:
    e, a = args
    n = shape_of(a)[-1]
    if not wanted[1]:
        return [frechet_p(ct, transposed(a)), None]
    zeros = full(shape_of(a), 0, dtype_of(a))
    back = frechet_p(blocks(zeros, ct, zeros), transposed(blocks(a, e, a)))
    first, second = slice(n), slice(n, None)
    by_a = getitem(back, (Ellipsis, first, first)) + getitem(back, (Ellipsis, second, second))
    return [getitem(back, (Ellipsis, first, second)), by_a]


#: The derivative of the exponential in the direction of the first operand, in which it is linear.
frechet_p: Primitive = Primitive(
    "expm_frechet",
    _frechet_impl,
    lambda e, a: Aval(a.shape, a.dtype),
    jvp=_frechet_jvp,
    vjp_all=_frechet_vjp,
    linear=(frozenset({0}),),
)
batch_as_stack(frechet_p)
