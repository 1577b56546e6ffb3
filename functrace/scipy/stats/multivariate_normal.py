"""The multivariate normal distribution: density exp(-(x - mean)ᵀ cov⁻¹ (x - mean) / 2) / √det(2π cov)."""

from __future__ import annotations

from math import log as log_of
from math import pi
from typing import Any

from ...errors import OptionError, ShapeError
from ...lax.linalg.solve import triangular_solve
from ...numpy import broadcast_to, diagonal, expand_dims, log, reshape, sum, zeros
from ...numpy.linalg import cholesky
from .distribution import exponential, promoted


def logpdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool | None = None) -> Any:
    """The logarithm of the density of the multivariate normal distribution.

    Parameters
    ----------
    x
        Points, of shape (…, n); of any shape where the distribution is of one number.
    mean
        Of shape (…, n), or a number; None is zero.
    cov
        The covariance: matrices of shape (…, n, n), symmetric and positive definite; of shape (n,) the diagonal of one;
        a number for all of the diagonal.
    allow_singular
        Accepted as SciPy's; only what is false.

    Returns
    -------
    array
        Of the shape to which the three broadcast without the axes of n, in the dtype of floats to which they promote.

    Raises
    ------
    ShapeError
        The shapes do not fit.
    OptionError
        `allow_singular` is true.
    numpy.linalg.LinAlgError
        A matrix is not positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> logpdf(np.array([[0.0, 0.0], [1.0, 2.0]]), np.zeros(2), np.array([[2.0, 0.5], [0.5, 1.0]])).round(4)
    array([-2.1177, -4.1177])
    """
    if allow_singular:
        raise OptionError(
            "multivariate_normal does not take singular covariances",
            instead="the distribution on the subspace where it has a density",
        )
    x, mean, cov = promoted(x, 0 if mean is None else mean, cov)
    if not mean.shape and not cov.shape:
        return (-0.5 * ((x - mean) ** 2 / cov + log(cov) + log_of(2 * pi)))[()]
    size = mean.shape[-1] if mean.shape else cov.shape[-1]
    if cov.shape[-2:] not in ((), (size,), (size, size)):
        raise ShapeError(
            f"multivariate_normal expected cov of shape ({size}, {size}) for a mean of shape {mean.shape}, got "
            f"{cov.shape}"
        )
    if not x.shape or x.shape[-1] not in (1, size):
        raise ShapeError(f"multivariate_normal expected x of shape (…, {size}), got {x.shape}")
    deviation = x - mean + zeros(size, x.dtype)
    if len(cov.shape) < 2:
        variances = broadcast_to(cov, (size,))
        square, log_determinant = sum(deviation**2 / variances, axis=-1), sum(log(variances))
    else:
        root = cholesky(cov)
        square = sum(_whitened(root, deviation) ** 2, axis=-1)
        log_determinant = 2 * sum(log(diagonal(root, axis1=-2, axis2=-1)), axis=-1)
    return (-0.5 * (square + log_determinant + size * log_of(2 * pi)))[()]


def _whitened(root: Any, deviation: Any) -> Any:
    """L⁻¹ times the vectors on the last axis: all at once where there is one L."""
    if len(root.shape) == 2:
        rows = triangular_solve(root, reshape(deviation, (-1, deviation.shape[-1])), lower=True, transpose_a=True)
        return reshape(rows, deviation.shape)
    rows = triangular_solve(root, expand_dims(deviation, -2), lower=True, transpose_a=True)
    return rows[..., 0, :]


def pdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool | None = None) -> Any:
    """The density of the multivariate normal distribution: arguments and errors as `logpdf`."""
    return exponential(logpdf(x, mean, cov, allow_singular))[()]
