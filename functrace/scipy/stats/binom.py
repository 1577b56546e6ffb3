"""The binomial distribution: probability C(n, k) p^k (1-p)^(n-k) of k in 0, …, n."""

from ...numpy import floor, log1p
from ..special import betainc, betaincc, betaln, xlog1py, xlogy
from .distribution import Discrete, Support

_distribution = Discrete(
    __name__,
    "binomial",
    "n p",
    support=lambda n, p: Support(0.0, n, 0.0),
    valid=lambda n, p: (n >= 0) & (floor(n) == n) & (p >= 0) & (p <= 1),
    logpmf=lambda k, n, p: xlogy(k, p) + xlog1py(n - k, -p) - log1p(n) - betaln(n - k + 1, k + 1),
    cdf=lambda k, n, p: betaincc(k + 1, n - k, p),
    sf=lambda k, n, p: betainc(k + 1, n - k, p),
)
logpmf, pmf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
