"""The exponential distribution: density exp(-x) on x > 0."""

from ...numpy import exp, expm1, log, log1p
from .distribution import POSITIVE, Continuous

_distribution = Continuous(
    __name__,
    "exponential",
    support=POSITIVE,
    logpdf=lambda x: -x,
    cdf=lambda x: -expm1(-x),
    sf=lambda x: exp(-x),
    logsf=lambda x: -x,
    ppf=lambda q: -log1p(-q),
    isf=lambda q: -log(q),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
