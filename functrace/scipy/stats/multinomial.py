"""The multinomial distribution, of counts of n draws: probability n! ∏ p_i^x_i / x_i!."""

from __future__ import annotations

from typing import Any

from ...numpy import all, floor, inf, nan, sum, where
from ..special import gammaln, xlogy
from .distribution import exponential, promoted


def logpmf(x: Any, n: Any, p: Any) -> Any:
    """The logarithm of the probability of these counts.

    Parameters
    ----------
    x
        The counts, of shape (…, K).
    n
        The number of draws, of shape (…).
    p
        The probabilities, of shape (…, K). They should sum to 1 (where they do not, SciPy changes the last one).

    Returns
    -------
    array
        Of the shape to which the three broadcast, without the axis of K. -inf for counts that are no counts of n draws;
        NaN for an invalid `n` or `p`.

    Examples
    --------
    >>> import numpy as np
    >>> logpmf(np.array([1, 2, 0]), 3, np.array([0.2, 0.3, 0.5])).round(4)
    np.float64(-2.9188)
    """
    x, n, p = promoted(x, n, p)
    valid = (n >= 0) & (floor(n) == n) & all((p >= 0) & (p <= 1), axis=-1)
    possible = all((x >= 0) & (floor(x) == x), axis=-1) & (sum(x, axis=-1) == n)
    counts = where((x >= 0) & (floor(x) == x), x, 0.0)
    found = gammaln(where(valid, n, 0.0) + 1) + sum(xlogy(counts, p) - gammaln(counts + 1), axis=-1)
    return where(valid, where(possible, found, -inf), nan)[()]


def pmf(x: Any, n: Any, p: Any) -> Any:
    """The probability of these counts: arguments as `logpmf`."""
    return exponential(logpmf(x, n, p))[()]
