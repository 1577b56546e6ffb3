"""The Laplace distribution: density exp(-|x|) / 2."""

from math import log as log_of
from typing import Any

from ...numpy import abs, exp, log, where
from .distribution import Continuous


def _cdf(x: Any) -> Any:
    tail = 0.5 * exp(-abs(x))
    return where(x > 0, 1 - tail, tail)


def _ppf(q: Any) -> Any:
    tail = log(2 * where(q > 0.5, 1 - q, q))
    return where(q > 0.5, -tail, tail)


_distribution = Continuous(
    __name__,
    "Laplace",
    logpdf=lambda x: -abs(x) - log_of(2),
    cdf=_cdf,
    sf=lambda x: _cdf(-x),
    ppf=_ppf,
    isf=lambda q: -_ppf(q),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
