"""The geometric distribution, of the first success: probability (1-p)^(k-1) p of k in 1, 2, …."""

from ...numpy import exp, expm1, inf, log
from ..special import xlog1py
from .distribution import Discrete, Support

_distribution = Discrete(
    __name__,
    "geometric",
    "p",
    support=Support(1.0, inf, 1.0),
    valid=lambda p: (p > 0) & (p <= 1),
    logpmf=lambda k, p: xlog1py(k - 1, -p) + log(p),
    cdf=lambda k, p: -expm1(xlog1py(k, -p)),
    logsf=lambda k, p: xlog1py(k, -p),
    sf=lambda k, p: exp(xlog1py(k, -p)),
)
logpmf, pmf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
