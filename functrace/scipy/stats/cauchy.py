"""The Cauchy distribution: density 1 / (π (1 + x²))."""

from math import log, pi

from ...numpy import arctan2, log1p, tan
from .distribution import Continuous

_distribution = Continuous(
    __name__,
    "Cauchy",
    logpdf=lambda x: -log(pi) - log1p(x * x),
    cdf=lambda x: arctan2(1.0, -x) / pi,  # 1/2 + atan(x) / π, exact in the tail
    sf=lambda x: arctan2(1.0, x) / pi,
    ppf=lambda q: tan(pi * (q - 0.5)),
    isf=lambda q: tan(pi * (0.5 - q)),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
