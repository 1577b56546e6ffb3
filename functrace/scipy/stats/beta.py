"""The beta distribution: density x^(a-1) (1-x)^(b-1) / B(a, b) on [0, 1]."""

from ..special import betainc, betaincc, betaln
from .distribution import UNIT_INTERVAL, Continuous, log_power

_distribution = Continuous(
    __name__,
    "beta",
    "a b",
    support=UNIT_INTERVAL,
    valid=lambda a, b: (a > 0) & (b > 0),
    logpdf=lambda x, a, b: log_power(x, a - 1) + log_power(1 - x, b - 1) - betaln(a, b),
    cdf=lambda x, a, b: betainc(a, b, x),
    sf=lambda x, a, b: betaincc(a, b, x),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
