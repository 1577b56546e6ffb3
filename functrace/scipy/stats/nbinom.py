"""The negative binomial distribution, of failures before the n-th success: C(k+n-1, n-1) p^n (1-p)^k."""

from ...numpy import inf, log
from ..special import betainc, betaincc, gammaln, xlog1py
from .distribution import Discrete, Support

_distribution = Discrete(
    __name__,
    "negative binomial",
    "n p",
    support=Support(0.0, inf, 0.0),
    valid=lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    logpmf=lambda k, n, p: gammaln(n + k) - gammaln(k + 1) - gammaln(n) + n * log(p) + xlog1py(k, -p),
    cdf=lambda k, n, p: betainc(n, k + 1, p),
    sf=lambda k, n, p: betaincc(n, k + 1, p),
)
logpmf, pmf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
