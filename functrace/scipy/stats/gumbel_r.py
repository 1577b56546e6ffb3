"""The right-skewed Gumbel distribution, of the largest of many: density exp(-x - exp(-x))."""

from ...numpy import exp, expm1, log, log1p
from .distribution import Continuous

_distribution = Continuous(
    __name__,
    "right-skewed Gumbel",
    logpdf=lambda x: -x - exp(-x),
    cdf=lambda x: exp(-exp(-x)),
    sf=lambda x: -expm1(-exp(-x)),
    logcdf=lambda x: -exp(-x),
    ppf=lambda q: -log(-log(q)),
    isf=lambda q: -log(-log1p(-q)),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
