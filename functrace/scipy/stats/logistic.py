"""The logistic distribution: density exp(-x) / (1 + exp(-x))²."""

from ..special import expit, log_expit, logit
from .distribution import Continuous

_distribution = Continuous(
    __name__,
    "logistic",
    logpdf=lambda x: log_expit(x) + log_expit(-x),
    cdf=expit,
    sf=lambda x: expit(-x),
    logcdf=log_expit,
    logsf=lambda x: log_expit(-x),
    ppf=logit,
    isf=lambda q: -logit(q),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
