"""Error functions and the normal distribution.

The derivatives are those of the NIST Digital Library of Mathematical Functions (DLMF), chapter 7.
"""

from __future__ import annotations

import math
from typing import Any

from ..core.primitive import Primitive
from .elementwise import abs_, cos, exp, sin, where
from .shape import dtype_of
from .special import is_real, special

_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


def _asymptotic_slope(x: Any, sign: int) -> Any:
    """x² times the slope of 1 / x + sign / (2 x³) + …, DLMF 7.12.1: minus the sum of (2k + 1)!! (sign / (2 x²))ᵏ."""
    step = sign / (2 * x * x)
    total: Any = 1.0
    for k in range(15, 1, -2):
        total = 1 + k * step * total
    return -total


def _far(x: Any) -> Any:
    """Where that series has converged."""
    return abs_(x) > (25 if dtype_of(x).itemsize == 8 else 6)


def _erfcx_slope(x: Any, y: Any) -> Any:
    """2 x erfcx(x) - 2 / √π; where both terms would cancel, the asymptotic series."""
    if not is_real(x):
        return 2 * x * y - _TWO_OVER_ROOT_PI
    far, one = _far(x) & (x > 0), dtype_of(x).type(1)
    there, here = where(far, x, one), where(far, one, x)
    near = 2 * here * where(far, one, y) - _TWO_OVER_ROOT_PI
    return where(far, _asymptotic_slope(there, -1) / there / there * (0.5 * _TWO_OVER_ROOT_PI), near)


def _dawsn_slope(x: Any, y: Any) -> Any:
    """1 - 2 x D(x); where both terms would cancel, the asymptotic series."""
    if not is_real(x):
        return 1 - 2 * x * y
    far, one = _far(x), dtype_of(x).type(1)
    there, here = where(far, x, one), where(far, one, x)
    return where(far, _asymptotic_slope(there, 1) / there / there * 0.5, 1 - 2 * here * where(far, one, y))


erf = special("erf", lambda x, y: _TWO_OVER_ROOT_PI * exp(-x * x))
erfc = special("erfc", lambda x, y: -_TWO_OVER_ROOT_PI * exp(-x * x))
erfcx: Primitive = special("erfcx", _erfcx_slope)
erfi = special("erfi", lambda x, y: _TWO_OVER_ROOT_PI * exp(x * x))
erf_inv = special("erf_inv", lambda x, y: exp(y * y) / _TWO_OVER_ROOT_PI, scipy_name="erfinv")
erfc_inv = special("erfc_inv", lambda x, y: -exp(y * y) / _TWO_OVER_ROOT_PI, scipy_name="erfcinv")
dawsn = special("dawsn", _dawsn_slope)
wofz = special("wofz", lambda x, y: 1j * _TWO_OVER_ROOT_PI - 2 * x * y)
fresnel_sine = special("fresnel_sine", lambda x, y: sin(0.5 * math.pi * x * x), scipy_name="fresnel", result=0)
fresnel_cosine = special("fresnel_cosine", lambda x, y: cos(0.5 * math.pi * x * x), scipy_name="fresnel", result=1)


def normal_density(x: Any) -> Any:
    """exp(-x² / 2) / √(2π)."""
    return exp(-0.5 * x * x) / _ROOT_TWO_PI


def _log_ndtr_slope(x: Any) -> Any:
    """The density over the distribution function, which is √(2/π) / erfcx(-x / √2): exact in the lower tail."""
    if not is_real(x):
        return math.sqrt(2 / math.pi) / erfcx(x * -math.sqrt(0.5))
    zero = dtype_of(x).type(0)
    below, above = where(x < 0, x, zero), where(x < 0, zero, x)
    lower = math.sqrt(2 / math.pi) / erfcx(below * -math.sqrt(0.5))
    return where(x < 0, lower, normal_density(above) / ndtr(above))


ndtr: Primitive = special("ndtr", lambda x, y: normal_density(x))
ndtri = special("ndtri", lambda x, y: _ROOT_TWO_PI * exp(0.5 * y * y))
log_ndtr = special("log_ndtr", lambda x, y: _log_ndtr_slope(x))
ndtri_exp = special("ndtri_exp", lambda x, y: 1 / _log_ndtr_slope(y))
owens_t = special(
    "owens_t",
    lambda h, a, y: normal_density(h) * erf(a * h * math.sqrt(0.5)) * -0.5,
    lambda h, a, y: exp(-0.5 * h * h * (1 + a * a)) / (2 * math.pi * (1 + a * a)),
)
