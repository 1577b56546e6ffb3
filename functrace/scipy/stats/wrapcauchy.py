"""The wrapped Cauchy distribution, of angles in [0, 2π]: density (1 - c²) / (2π (1 + c² - 2c cos x))."""

from math import log as log_of
from math import pi

from ...numpy import arctan2, cos, log, log1p, sin
from .distribution import Continuous, Support

_distribution = Continuous(
    __name__,
    "wrapped Cauchy",
    "c",
    support=Support(0.0, 2 * pi, pi),
    valid=lambda c: (c > 0) & (c < 1),
    logpdf=lambda x, c: log1p(-c * c) - log_of(2 * pi) - log(1 + c * c - 2 * c * cos(x)),
    # tan(π cdf) = (1 + c) / (1 - c) tan(x / 2)
    cdf=lambda x, c: arctan2((1 + c) * sin(x / 2), (1 - c) * cos(x / 2)) / pi,
    sf=lambda x, c: arctan2((1 + c) * sin(x / 2), (c - 1) * cos(x / 2)) / pi,
    ppf=lambda q, c: 2 * arctan2((1 - c) * sin(pi * q), (1 + c) * cos(pi * q)),
    isf=lambda q, c: 2 * arctan2((1 - c) * sin(pi * q), -(1 + c) * cos(pi * q)),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
ppf, isf = _distribution.quantiles
