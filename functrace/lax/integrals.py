"""Exponential, logarithmic, trigonometric and elliptic integrals, hypergeometric functions and Lambert's W.

The derivatives are those of the NIST Digital Library of Mathematical Functions (DLMF), chapters 4, 6, 8, 13, 15, 19.
"""

from __future__ import annotations

import math
from typing import Any

from ..core.primitive import Primitive
from .elementwise import cos, cosh, div, exp, log, log1p, pow_, sin, sinh, sqrt, where
from .entropy import exprel_slope, log1p_ratio, log1p_ratio_slope
from .shape import dtype_of
from .special import near_zero, special, unknown

# ---------------------------------------------------------------------------------------------------------------------
# of exponentials, logarithms, sines
# ---------------------------------------------------------------------------------------------------------------------


def _expn_slope(n: Any, x: Any, y: Any) -> Any:
    """-E[n - 1], DLMF 8.19.13; of E[0], which is exp(-x) / x, written out."""
    return where(n == 0, -(1 + x) * exp(-x) / (x * x), -expn(where(n == 0, 1, n) - 1, x))


def _sine_ratio(x: Any) -> Any:
    """sin(x) / x."""
    series = [0 if k % 2 else (-1) ** (k // 2) / math.factorial(k + 1) for k in range(17)]
    return near_zero(x, 0.5, series, lambda x: sin(x) / x)


def _sinh_ratio(x: Any) -> Any:
    """sinh(x) / x."""
    series = [0 if k % 2 else 1 / math.factorial(k + 1) for k in range(17)]
    return near_zero(x, 0.5, series, lambda x: sinh(x) / x)


expi = special("expi", lambda x, y: exp(x) / x)
exp1 = special("exp1", lambda x, y: -exp(-x) / x)
expn: Primitive = special("expn", unknown("expn", "n"), _expn_slope)
sine_integral = special("sine_integral", lambda x, y: _sine_ratio(x), scipy_name="sici", result=0)
cosine_integral = special("cosine_integral", lambda x, y: cos(x) / x, scipy_name="sici", result=1)
sinh_integral = special("sinh_integral", lambda x, y: _sinh_ratio(x), scipy_name="shichi", result=0)
cosh_integral = special("cosh_integral", lambda x, y: cosh(x) / x, scipy_name="shichi", result=1)
spence = special("spence", lambda z, y: -log1p_ratio(z - 1))


# ---------------------------------------------------------------------------------------------------------------------
# Box and Cox
# ---------------------------------------------------------------------------------------------------------------------

boxcox = special(
    "boxcox",
    lambda x, power, y: pow_(x, power - 1),
    lambda x, power, y: log(x) * log(x) * exprel_slope(power * log(x)),
)
boxcox1p = special(
    "boxcox1p",
    lambda x, power, y: pow_(1 + x, power - 1),
    lambda x, power, y: log1p(x) * log1p(x) * exprel_slope(power * log1p(x)),
)
inv_boxcox = special(
    "inv_boxcox",
    lambda y, power, x: div(x, 1 + power * y),
    lambda y, power, x: x * y * y * log1p_ratio_slope(power * y),
)
inv_boxcox1p = special(
    "inv_boxcox1p",
    lambda y, power, x: div(1 + x, 1 + power * y),
    lambda y, power, x: (1 + x) * y * y * log1p_ratio_slope(power * y),
)

# ---------------------------------------------------------------------------------------------------------------------
# hypergeometric
# ---------------------------------------------------------------------------------------------------------------------


hyp0f1: Primitive = special("hyp0f1", unknown("hyp0f1", "v"), lambda v, x, y: hyp0f1(v + 1, x) / v)
hyp1f1: Primitive = special(
    "hyp1f1",
    unknown("hyp1f1", "a"),
    unknown("hyp1f1", "b"),
    lambda a, b, x, y: a / b * hyp1f1(a + 1, b + 1, x),
)
hyp2f1: Primitive = special(
    "hyp2f1",
    unknown("hyp2f1", "a"),
    unknown("hyp2f1", "b"),
    unknown("hyp2f1", "c"),
    lambda a, b, c, x, y: a * b / c * hyp2f1(a + 1, b + 1, c + 1, x),
)
hyperu: Primitive = special(
    "hyperu", unknown("hyperu", "a"), unknown("hyperu", "b"), lambda a, b, x, y: -a * hyperu(a + 1, b + 1, x)
)

# ---------------------------------------------------------------------------------------------------------------------
# elliptic
# ---------------------------------------------------------------------------------------------------------------------


def _ellipkm1_slope(p: Any, y: Any) -> Any:
    """(p K - E) / (2 p (1 - p)), DLMF 19.4.1; near p = 1 by the hypergeometric function."""
    small = p < 0.5
    half = dtype_of(p).type(0.5)
    near, far = where(small, p, half), where(small, half, p)
    below = (near * ellipkm1(near) - ellipe(1 - near)) / (2 * near * (1 - near))
    return where(small, below, -_ellipk_slope(1 - far))


def _ellipk_slope(m: Any) -> Any:
    """π / 8 F(3/2, 3/2; 2; m), DLMF 19.5.1."""
    return math.pi / 8 * hyp2f1(1.5, 1.5, 2.0, m)


def _sine_squared_integral(phi: Any, m: Any) -> Any:
    """D(φ, m), the integral of sin² / sqrt(1 - m sin²) from 0 to φ: (F - E) / m, and near m = 0 its series in m."""
    sine, cosine = sin(phi), cos(phi)
    powers, odd = [0.5 * (phi - sine * cosine)], sine * cosine
    for k in range(2, 13):  # the integrals of sin ** (2 k)
        odd = odd * sine * sine
        powers.append(((2 * k - 1) * powers[-1] - odd) / (2 * k))
    near = abs(m) < 0.05
    series: Any = 0.0
    for k in range(11, -1, -1):
        series = series * m + math.comb(2 * k, k) / 4**k * powers[k]
    apart = where(near, dtype_of(m).type(0.5), m)
    return where(near, series, (ellipkinc(phi, apart) - ellipeinc(phi, apart)) / apart)


def _ellipkinc_by_m(phi: Any, m: Any, y: Any) -> Any:
    """(F - D - sin φ cos φ / Δ) / (2 (1 - m)), from DLMF 19.4.5."""
    return (y - _sine_squared_integral(phi, m) - sin(phi) * cos(phi) / _root(phi, m)) / (2 * (1 - m))


def _root(phi: Any, m: Any) -> Any:
    """sqrt(1 - m sin² φ)."""
    sine = sin(phi)
    return sqrt(1 - m * sine * sine)


ellipk: Primitive = special("ellipk", lambda m, y: _ellipk_slope(m))
ellipkm1: Primitive = special("ellipkm1", _ellipkm1_slope)
ellipe: Primitive = special("ellipe", lambda m, y: -math.pi / 8 * hyp2f1(0.5, 1.5, 2.0, m))
ellipkinc: Primitive = special("ellipkinc", lambda phi, m, y: div(1, _root(phi, m)), _ellipkinc_by_m)
ellipeinc: Primitive = special(
    "ellipeinc", lambda phi, m, y: _root(phi, m), lambda phi, m, y: -0.5 * _sine_squared_integral(phi, m)
)

# ---------------------------------------------------------------------------------------------------------------------
# Lambert's W
# ---------------------------------------------------------------------------------------------------------------------

#: Of complex numbers, the branch and a tolerance.
lambertw: Primitive = special(
    "lambertw", lambda z, k, tolerance, w: div(1, exp(w) * (1 + w)), None, None, scipy_name="_lambertw"
)
