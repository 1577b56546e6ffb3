"""Student's t distribution: density Γ((df+1)/2) / (√(π df) Γ(df/2)) (1 + x²/df)^(-(df+1)/2)."""

from math import log as log_of
from math import pi
from typing import Any

from ...numpy import exp, full_like, log, log1p, where
from ..special import betainc, gammaln
from .distribution import Continuous


def _log_constant(df: Any) -> Any:
    return gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * (log(df) + log_of(pi))


def _cdf(x: Any, df: Any) -> Any:
    # near zero the integral of the density's series: the incomplete beta function has no derivative there
    square = x * x * (1 + 1 / df)
    near = square < 1e-5
    series = 1 - square / 6 + square * square * (df + 3) / (df + 1) / 40
    middle = 0.5 + where(near, x, 0.0) * exp(_log_constant(df)) * series
    far = where(near, 1.0, x)
    tail = 0.5 * betainc(df / 2, full_like(df, 0.5), df / (df + far * far))
    return where(near, middle, where(x > 0, 1 - tail, tail))


_distribution = Continuous(
    __name__,
    "Student's t",
    "df",
    valid=lambda df: df > 0,
    logpdf=lambda x, df: _log_constant(df) - (df + 1) / 2 * log1p(x * x / df),
    cdf=_cdf,
    sf=lambda x, df: _cdf(-x, df),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
