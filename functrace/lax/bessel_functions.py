"""Bessel functions and modified ones, with SciPy's values.

The derivatives are those of the NIST Digital Library of Mathematical Functions (DLMF), 10.6 and 10.29: of a function of
order n they are made of those of the orders n - 1 and n + 1, which stays right at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.primitive import Primitive
from .elementwise import is_inf, sign, where
from .shape import dtype_of
from .special import is_real, special, unknown


def _difference(function: Any, order: Any, x: Any) -> Any:
    """C' = (C[n - 1] - C[n + 1]) / 2, DLMF 10.6.1."""
    return 0.5 * (function(order - 1, x) - function(order + 1, x))


def _mean(function: Any, order: Any, x: Any) -> Any:
    """I' = (I[n - 1] + I[n + 1]) / 2, and -K' the same of K: DLMF 10.29.1."""
    return 0.5 * (function(order - 1, x) + function(order + 1, x))


jv: Primitive = special("jv", unknown("jv", "the order"), lambda v, x, y: _difference(jv, v, x))
yv: Primitive = special("yv", unknown("yv", "the order"), lambda v, x, y: _difference(yv, v, x))
yn: Primitive = special("yn", unknown("yn", "the order"), lambda n, x, y: _difference(yn, n, x))
iv: Primitive = special("iv", unknown("iv", "the order"), lambda v, x, y: _mean(iv, v, x))
kv: Primitive = special("kv", unknown("kv", "the order"), lambda v, x, y: -_mean(kv, v, x))
kn: Primitive = special("kn", unknown("kn", "the order"), lambda n, x, y: -_mean(kn, n, x))


def _of_real(function: str, derivative: Callable) -> Callable:
    """These are scaled by the size of the real or the imaginary part, and so not holomorphic."""

    def slope(v: Any, x: Any, y: Any) -> Any:
        if not is_real(x):
            unknown(function, "a complex number")()
        return derivative(v, x, y)

    return slope


jve: Primitive = special("jve", unknown("jve", "the order"), _of_real("jve", lambda v, x, y: _difference(jve, v, x)))
yve: Primitive = special("yve", unknown("yve", "the order"), _of_real("yve", lambda v, x, y: _difference(yve, v, x)))
ive: Primitive = special(
    "ive", unknown("ive", "the order"), _of_real("ive", lambda v, x, y: _mean(ive, v, x) - sign(x) * y)
)
kve: Primitive = special("kve", unknown("kve", "the order"), lambda v, x, y: y - _mean(kve, v, x))

j0: Primitive = special("j0", lambda x, y: -j1(x))
j1: Primitive = special("j1", lambda x, y: 0.5 * (j0(x) - jv(2, x)))
y0: Primitive = special("y0", lambda x, y: -y1(x))
y1: Primitive = special("y1", lambda x, y: 0.5 * (y0(x) - yn(2, x)))
bessel_i0: Primitive = special("bessel_i0", lambda x, y: bessel_i1(x), scipy_name="i0")
bessel_i1: Primitive = special("bessel_i1", lambda x, y: 0.5 * (bessel_i0(x) + iv(2, x)), scipy_name="i1")
bessel_i0e: Primitive = special("bessel_i0e", lambda x, y: bessel_i1e(x) - sign(x) * y, scipy_name="i0e")


def _second_i_scaled(x: Any) -> Any:
    """The scaled I[2], which SciPy does not know at infinity."""
    at_infinity = is_inf(x)
    return where(at_infinity, dtype_of(x).type(0), ive(2, where(at_infinity, dtype_of(x).type(0), x)))


bessel_i1e: Primitive = special(
    "bessel_i1e", lambda x, y: 0.5 * (bessel_i0e(x) + _second_i_scaled(x)) - sign(x) * y, scipy_name="i1e"
)
k0: Primitive = special("k0", lambda x, y: -k1(x))
k1: Primitive = special("k1", lambda x, y: -0.5 * (k0(x) + kn(2, x)))
k0e: Primitive = special("k0e", lambda x, y: y - k1e(x))
k1e: Primitive = special("k1e", lambda x, y: y - 0.5 * (k0e(x) + kve(2, x)))
