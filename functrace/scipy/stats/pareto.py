"""The Pareto distribution: density b / x^(b+1) on x > 1."""

from ...numpy import expm1, inf, log
from .distribution import Continuous, Support

_distribution = Continuous(
    __name__,
    "Pareto",
    "b",
    support=Support(1.0, inf, 2.0),
    valid=lambda b: b > 0,
    logpdf=lambda x, b: log(b) - (b + 1) * log(x),
    cdf=lambda x, b: -expm1(-b * log(x)),
    sf=lambda x, b: x**-b,
    logsf=lambda x, b: -b * log(x),
    ppf=lambda q, b: (1 - q) ** (-1 / b),
    isf=lambda q, b: q ** (-1 / b),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
