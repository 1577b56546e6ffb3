"""The gamma distribution: density x^(a-1) exp(-x) / Γ(a) on x > 0."""

from ..special import gammainc, gammaincc, gammaln
from .distribution import POSITIVE, Continuous, log_power

_distribution = Continuous(
    __name__,
    "gamma",
    "a",
    support=POSITIVE,
    valid=lambda a: a > 0,
    logpdf=lambda x, a: log_power(x, a - 1) - x - gammaln(a),
    cdf=lambda x, a: gammainc(a, x),
    sf=lambda x, a: gammaincc(a, x),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
