"""The Poisson distribution: probability mu^k exp(-mu) / k! of k in 0, 1, …."""

from math import e, pi
from typing import Any

from ...numpy import arange, exp, inf, log, nan, sum, where
from ..special import gammainc, gammaincc, gammaln, xlogy
from .distribution import Discrete, Support, promoted


def _log_probability(k: Any, mu: Any) -> Any:
    return xlogy(k, mu) - gammaln(k + 1) - mu


_distribution = Discrete(
    __name__,
    "Poisson",
    "mu",
    support=Support(0.0, inf, 0.0),
    valid=lambda mu: mu >= 0,
    logpmf=_log_probability,
    cdf=lambda k, mu: gammaincc(k + 1, mu),
    sf=lambda k, mu: gammainc(k + 1, mu),
)
logpmf, pmf = _distribution.densities
cdf, logcdf, sf, logsf = _distribution.tails


def entropy(mu: Any, loc: Any = 0) -> Any:
    """The entropy of the Poisson distribution.

    Parameters
    ----------
    mu
        The mean: an array of any shape.
    loc
        Accepted as SciPy's; the entropy does not depend on it.

    Returns
    -------
    array
        Of the shape to which they broadcast. NaN for an invalid `mu`.

    Examples
    --------
    >>> import numpy as np
    >>> entropy(np.array([0.0, 1.0, 100.0])).round(4)
    array([0.    , 1.3048, 3.7207])

    References
    ----------
    R. J. Evans, J. Boersma, N. M. Blachman and A. A. Jagers, "The entropy of a Poisson distribution", SIAM Review 30
    (1988), for large means.
    """
    mu, loc = promoted(mu, loc)
    mu = mu + 0 * loc
    few = (mu > 0) & (mu < _MANY)
    summed = _entropy_by_sum(where(few, mu, 1.0))
    many = where(mu < _MANY, _MANY, mu)
    series = 0.5 * log(2 * pi * e * many) - sum(
        [factor / many**power for power, factor in enumerate((1 / 12, 1 / 24, 19 / 360, 9 / 80, 863 / 2520), 1)], axis=0
    )
    return where(mu < _MANY, where(few, summed, where(mu == 0, mu, nan)), series)[()]


_MANY = 100.0  # above, the series is exact to 1e-12


def _entropy_by_sum(mu: Any) -> Any:
    """-∑ p log p over all k that count, up to ten standard deviations above the highest mean."""
    k = arange(_MANY + 10 * _MANY**0.5 + 20, dtype=mu.dtype)
    log_probability = _log_probability(k, mu[..., None])
    return -sum(exp(log_probability) * log_probability, axis=-1)
