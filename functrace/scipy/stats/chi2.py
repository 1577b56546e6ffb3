"""The chi-squared distribution: density x^(df/2 - 1) exp(-x/2) / (2^(df/2) Γ(df/2)) on x > 0."""

from math import log

from ..special import gammainc, gammaincc, gammaln
from .distribution import POSITIVE, Continuous, log_power

_distribution = Continuous(
    __name__,
    "chi-squared",
    "df",
    support=POSITIVE,
    valid=lambda df: df > 0,
    logpdf=lambda x, df: log_power(x, df / 2 - 1) - x / 2 - gammaln(df / 2) - df / 2 * log(2),
    cdf=lambda x, df: gammainc(df / 2, x / 2),
    sf=lambda x, df: gammaincc(df / 2, x / 2),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
