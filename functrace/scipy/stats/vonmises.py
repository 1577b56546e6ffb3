"""The von Mises distribution, of angles: density exp(kappa cos x) / (2π I₀(kappa))."""

from math import log as log_of
from math import pi

from ...numpy import log
from ..special import cosm1, i0e
from .distribution import Continuous

_distribution = Continuous(
    __name__,
    "von Mises",
    "kappa",
    valid=lambda kappa: kappa >= 0,
    logpdf=lambda x, kappa: kappa * cosm1(x) - log_of(2 * pi) - log(i0e(kappa)),
)
logpdf, pdf = _distribution.densities
