"""The Bernoulli distribution: 1 with the probability p, else 0."""

from ...numpy import where, zeros_like
from ..special import xlog1py, xlogy
from .distribution import Discrete, Support

_distribution = Discrete(
    __name__,
    "Bernoulli",
    "p",
    support=Support(0.0, 1.0, 0.0),
    valid=lambda p: (p >= 0) & (p <= 1),
    logpmf=lambda k, p: xlogy(k, p) + xlog1py(1 - k, -p),
    cdf=lambda k, p: 1 - p,
    sf=lambda k, p: p,
    ppf=lambda q, p: where(q <= 1 - p, zeros_like(q), 1.0),
    isf=lambda q, p: where(q >= p, zeros_like(q), 1.0),
)
logpmf, pmf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
