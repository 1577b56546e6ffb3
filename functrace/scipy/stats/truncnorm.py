"""The normal distribution, truncated to [a, b] (of the standardised variable)."""

from math import log as log_of
from math import pi
from typing import Any

from ...lax.elementwise import stop_gradient
from ...numpy import exp, expm1, isfinite, log, log1p, maximum, minimum, where
from ..special import log_ndtr
from .distribution import Continuous, Support


def _log_mass(a: Any, b: Any) -> Any:
    """log(Φ(b) - Φ(a)), from the side on which both are small."""
    flip = a > -b
    low, high = where(flip, -b, a), where(flip, -a, b)
    return _log_difference(_log_ndtr(high), _log_ndtr(low))


def _log_ndtr(x: Any) -> Any:
    """log Φ(x); at infinity with derivatives of zero, and no 0 * inf."""
    finite = isfinite(x)
    return where(finite, log_ndtr(where(finite, x, 0.0)), log_ndtr(stop_gradient(x)))


def _log_difference(x: Any, y: Any) -> Any:
    """log(exp(x) - exp(y)) for x > y."""
    gap = y - x
    near = gap > -log_of(2)
    # each form where it is exact, by a number at which the other's derivative is finite
    return x + where(near, log(-expm1(where(near, gap, -1.0))), log1p(-exp(where(near, -1.0, gap))))


_distribution = Continuous(
    __name__,
    "truncated normal",
    "a b",
    support=lambda a, b: Support(a, b, minimum(maximum(a, 0.0), b)),
    valid=lambda a, b: a < b,
    logpdf=lambda x, a, b: -0.5 * (x * x + log_of(2 * pi)) - _log_mass(a, b),
    logcdf=lambda x, a, b: _log_mass(a, x) - _log_mass(a, b),
    logsf=lambda x, a, b: _log_mass(x, b) - _log_mass(a, b),
    cdf=lambda x, a, b: exp(_log_mass(a, x) - _log_mass(a, b)),
    sf=lambda x, a, b: exp(_log_mass(x, b) - _log_mass(a, b)),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
