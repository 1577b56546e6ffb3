"""The normal distribution: density exp(-x² / 2) / √(2π)."""

from math import log, pi

from ..special import log_ndtr, ndtr, ndtri
from .distribution import Continuous

_distribution = Continuous(
    __name__,
    "normal",
    logpdf=lambda x: -0.5 * (x * x + log(2 * pi)),
    cdf=ndtr,
    sf=lambda x: ndtr(-x),
    logcdf=log_ndtr,
    logsf=lambda x: log_ndtr(-x),
    ppf=ndtri,
    isf=lambda q: -ndtri(q),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
