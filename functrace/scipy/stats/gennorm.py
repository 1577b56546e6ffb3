"""The generalised normal distribution: density beta exp(-|x|^beta) / (2 Γ(1/beta))."""

from typing import Any

from ...numpy import abs, exp, log, where
from ..special import gammainc, gammaincc, gammaln
from .distribution import Continuous


def _log_constant(beta: Any) -> Any:
    return log(0.5 * beta) - gammaln(1 / beta)


def _power(x: Any, beta: Any) -> Any:
    """|x|^beta; at zero with derivatives of zero."""
    is_zero = x == 0
    return where(is_zero, 0.0, abs(where(is_zero, 1.0, x)) ** beta)


def _cdf(x: Any, beta: Any) -> Any:
    # near zero the integral of the density's series: the incomplete gamma function has no derivative there
    power = _power(x, beta)
    near = power < 1e-5
    series = 1 - power / (beta + 1) + power * power / (4 * beta + 2)
    middle = 0.5 + where(near, x, 0.0) * exp(_log_constant(beta)) * series
    far = where(near, 1.0, power)
    return where(near, middle, where(x > 0, 0.5 + 0.5 * gammainc(1 / beta, far), 0.5 * gammaincc(1 / beta, far)))


_distribution = Continuous(
    __name__,
    "generalised normal",
    "beta",
    valid=lambda beta: beta > 0,
    logpdf=lambda x, beta: _log_constant(beta) - _power(x, beta),
    cdf=_cdf,
    sf=lambda x, beta: _cdf(-x, beta),
)
logpdf, pdf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails
