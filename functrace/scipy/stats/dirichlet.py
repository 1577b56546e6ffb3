"""The Dirichlet distribution, of points of a simplex: density ∏ x_i^(alpha_i - 1) Γ(∑ alpha_i) / ∏ Γ(alpha_i)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ShapeError
from ...numpy import abs, all, concatenate, inf, isnan, nan, reshape, sum, where
from ..special import gammaln
from .distribution import exponential, log_power, promoted


def logpdf(x: Any, alpha: Any) -> Any:
    """The logarithm of the density of the Dirichlet distribution.

    Parameters
    ----------
    x
        Points: an array of shape (K, …), or (K - 1, …), to which the last coordinate is added as what is missing to 1.
    alpha
        The concentrations, of shape (K,).

    Returns
    -------
    array
        Of the shape of `x` without its first axis. -inf for what is no point of the simplex (for which SciPy raises an
        error); NaN where an `alpha` is not above 0.

    Raises
    ------
    ShapeError
        `alpha` is not of one axis, or the first axis of `x` does not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> logpdf(np.array([0.2, 0.3, 0.5]), np.array([1.0, 2.0, 3.0])).round(4)
    np.float64(1.5041)
    """
    x, alpha = promoted(x, alpha)
    if len(alpha.shape) != 1:
        raise ShapeError(f"dirichlet expected alpha of one axis, got shape {alpha.shape}")
    size = alpha.shape[0]
    if not x.shape or x.shape[0] not in (size, size - 1):
        raise ShapeError(
            f"dirichlet expected x of {size} or {size - 1} rows for an alpha of {size}, got shape {x.shape}"
        )
    if x.shape[0] == size - 1:
        x = concatenate([x, 1 - sum(x, axis=0, keepdims=True)], axis=0)
    rounding = 10 * size * float(np.finfo(x.dtype).eps)
    inside = all(x >= 0, axis=0) & all(x <= 1, axis=0) & (abs(1 - sum(x, axis=0)) <= rounding)
    alpha = where(all(alpha > 0), alpha, nan)
    constant = gammaln(sum(alpha)) - sum(gammaln(alpha))
    terms = log_power(where(inside, x, 1 / size), reshape(alpha - 1, (size, *[1] * (len(x.shape) - 1))))
    return where(inside, sum(terms, axis=0) + constant, where(isnan(constant), constant, -inf))[()]


def pdf(x: Any, alpha: Any) -> Any:
    """The density of the Dirichlet distribution: arguments and errors as `logpdf`."""
    return exponential(logpdf(x, alpha))[()]
