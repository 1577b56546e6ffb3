"""The gamma function and its kin: beta, polygamma, zeta.

The derivatives are those of the NIST Digital Library of Mathematical Functions (DLMF), chapters 5 and 25.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from .elementwise import cos, floor, pow_, sin, where
from .shape import convert_element_type, dtype_of
from .special import is_real, special, unknown


def polygamma(m: Any, x: Any) -> Any:
    """The derivative of order `m` of the digamma function: (-1)ᵐ⁺¹ m! ζ(m + 1, x), by DLMF 25.11.12."""
    if isinstance(m, (int, np.integer)):
        if m == 0:
            return digamma(x)
        return zeta(m + 1.0, x) * ((1.0 if m % 2 else -1.0) * float(gamma(m + 1.0)))
    m = convert_element_type(m, np.result_type(dtype_of(m), np.float32))
    order = m + 1
    above = pow_(-1.0, order) * gamma(order) * zeta(order, x)
    return where(m == 0, digamma(x), above)


def _rgamma_slope(x: Any, y: Any) -> Any:
    """-ψ(x) / Γ(x); on the left, where ψ has poles, by the reflection 1 / Γ(x) = Γ(1 - x) sin(πx) / π (DLMF 5.5.3)."""
    if not is_real(x):
        return -digamma(x) * y
    half = dtype_of(x).type(0.5)
    left, right = where(x < 0.5, x, half), where(x < 0.5, half, x)
    mirrored = 1 - left
    turns = left - 2 * floor(0.5 * left)  # sin and cos of πx have this period, where it is exact
    slope = cos(math.pi * turns) - sin(math.pi * turns) / math.pi * digamma(mirrored)
    return where(x < 0.5, gamma(mirrored) * slope, -digamma(right) * where(x < 0.5, half, y))


def _loggamma_slope(x: Any, y: Any) -> Any:
    """Of real numbers that are not positive there is no real logarithm."""
    return where(x < 0, dtype_of(x).type(math.nan), digamma(x)) if is_real(x) else digamma(x)


zeta: Primitive = special("zeta", unknown("zeta", "x"), lambda x, q, y: -x * zeta(x + 1, q), scipy_name="_zeta")
riemann_zeta = special("riemann_zeta", unknown("zeta", "x"), scipy_name="_riemann_zeta")
digamma: Primitive = special("digamma", lambda x, y: _trigamma(x), scipy_name="psi")
gamma: Primitive = special("gamma", lambda x, y: y * digamma(x))
lgamma = special("lgamma", lambda x, y: digamma(x), scipy_name="gammaln")
loggamma = special("loggamma", _loggamma_slope)
gammasgn = special("gammasgn", None)
rgamma = special("rgamma", _rgamma_slope)
poch = special(
    "poch",
    lambda z, m, y: y * (digamma(z + m) - digamma(z)),
    lambda z, m, y: y * digamma(z + m),
)
beta = special(
    "beta",
    lambda a, b, y: y * (digamma(a) - digamma(a + b)),
    lambda a, b, y: y * (digamma(b) - digamma(a + b)),
)
betaln = special(
    "betaln",
    lambda a, b, y: digamma(a) - digamma(a + b),
    lambda a, b, y: digamma(b) - digamma(a + b),
)
binom = special(
    "binom",
    lambda n, k, y: y * (digamma(n + 1.0) - digamma(n - k + 1.0)),
    lambda n, k, y: y * (digamma(n - k + 1.0) - digamma(k + 1.0)),
)


def _trigamma(x: Any) -> Any:
    if not is_real(x):
        unknown("psi", "a complex number")()
    return zeta(2.0, x)
