"""The Poisson distribution: probability mu^k exp(-mu) / k! of k in 0, 1, …."""

from ...numpy import inf
from ..special import gammainc, gammaincc, gammaln, xlogy
from .distribution import Discrete, Support

_distribution = Discrete(
    __name__,
    "Poisson",
    "mu",
    support=Support(0.0, inf, 0.0),
    valid=lambda mu: mu >= 0,
    logpmf=lambda k, mu: xlogy(k, mu) - gammaln(k + 1) - mu,
    cdf=lambda k, mu: gammaincc(k + 1, mu),
    sf=lambda k, mu: gammainc(k + 1, mu),
)
logpmf, pmf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
