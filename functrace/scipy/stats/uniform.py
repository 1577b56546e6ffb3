"""The uniform distribution on [0, 1], of `loc` and `scale` on [loc, loc + scale]."""

from ...numpy import zeros_like
from .distribution import UNIT_INTERVAL, Continuous

_distribution = Continuous(
    __name__,
    "uniform",
    support=UNIT_INTERVAL,
    logpdf=zeros_like,
    cdf=lambda x: x,
    ppf=lambda q: q,
    isf=lambda q: 1 - q,
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
