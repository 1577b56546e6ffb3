"""`gaussian_kde`: a density estimated by a normal distribution around each sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import OptionError, ShapeError
from ...numpy import asarray, atleast_1d, atleast_2d, cov, exp, full, ndim, reshape, sqrt, sum
from ...numpy.linalg import inv
from ...tree import register_pytree_node_class
from ..special import logsumexp, ndtr
from .distribution import promoted
from .multivariate_normal import logpdf as normal_logpdf


@register_pytree_node_class
class gaussian_kde:  # SciPy's name
    """A density estimated from samples: a normal distribution around each, of the samples' covariance, made smaller.

    It is a pytree, so that it may be an argument and a result of transformed functions.

    Parameters
    ----------
    dataset
        The samples: of shape (n,), or (d, n) for points of d coordinates.
    bw_method
        How much smaller: the factor of the standard deviation, a number; ``"scott"`` (also None), for
        ``neff ** (-1 / (d + 4))``; ``"silverman"``, for ``(neff * (d + 2) / 4) ** (-1 / (d + 4))``; or a function of
        the estimate that gives it.
    weights
        The weights of the samples, of shape (n,); by default all alike.

    Attributes
    ----------
    dataset, weights
        The samples, of shape (d, n); the weights, which sum to 1.
    d, n
        The number of coordinates and of samples.
    neff
        The effective number of samples, ``1 / sum(weights ** 2)``.
    factor, covariance, inv_cov
        The factor; the covariance around each sample, of shape (d, d), and its inverse.

    Raises
    ------
    OptionError
        Fewer than two numbers; an unknown `bw_method`.
    ShapeError
        `weights` does not fit.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> kde = gaussian_kde(np.array([1.0, 2.0, 4.0]))
    >>> kde.pdf(np.array([2.0, 8.0])).round(4)
    array([0.2149, 0.0005])
    >>> functrace.grad(lambda samples: gaussian_kde(samples).logpdf(2.0)[0])(np.array([1.0, 2.0, 4.0])).round(4)
    array([ 0.3562,  0.0289, -0.3219])

    References
    ----------
    D. W. Scott, "Multivariate density estimation" (1992); B. W. Silverman, "Density estimation for statistics and data
    analysis" (1986).
    """

    def __init__(self, dataset: Any, bw_method: str | float | Callable | None = None, weights: Any = None) -> None:
        if weights is None:
            (dataset,) = promoted(asarray(dataset))
        else:
            dataset, weights = promoted(asarray(dataset), asarray(weights))
        self.dataset = atleast_2d(dataset)
        if self.dataset.size < 2:
            raise OptionError("gaussian_kde expected a dataset of several numbers")
        if weights is None:
            self.weights = full(self.n, 1 / self.n, self.dataset.dtype)
        else:
            weights = atleast_1d(weights)
            if weights.shape != (self.n,):
                raise ShapeError(f"gaussian_kde expected weights of shape ({self.n},), got {weights.shape}")
            self.weights = weights / sum(weights)
        self.neff = 1 / sum(self.weights**2)
        self.factor = self._factor(bw_method)
        self.covariance = reshape(cov(self.dataset, aweights=self.weights), (self.d, self.d)) * self.factor**2
        self.inv_cov = inv(self.covariance)

    def _factor(self, bw_method: Any) -> Any:
        if bw_method is None or (isinstance(bw_method, str) and bw_method == "scott"):
            return self.neff ** (-1 / (self.d + 4))
        if isinstance(bw_method, str) and bw_method == "silverman":
            return (self.neff * (self.d + 2) / 4) ** (-1 / (self.d + 4))
        if callable(bw_method):
            return bw_method(self)
        if isinstance(bw_method, str) or ndim(bw_method):
            raise OptionError(
                f"gaussian_kde expected bw_method 'scott', 'silverman', a number or a function, got {bw_method!r}"
            )
        return bw_method

    def tree_flatten(self) -> tuple[tuple[Any, ...], None]:
        """The arrays, for `functrace.tree`."""
        return (self.dataset, self.weights, self.neff, self.factor, self.covariance, self.inv_cov), None

    @classmethod
    def tree_unflatten(cls, aux: None, children: Any) -> gaussian_kde:
        """The estimate of these arrays."""
        kde = object.__new__(cls)
        kde.dataset, kde.weights, kde.neff, kde.factor, kde.covariance, kde.inv_cov = children
        return kde

    @property
    def d(self) -> int:
        """The number of coordinates."""
        return self.dataset.shape[0]

    @property
    def n(self) -> int:
        """The number of samples."""
        return self.dataset.shape[1]

    def logpdf(self, x: Any) -> Any:
        """The logarithm of the estimated density at points of shape (d, m), or (m,) for d = 1; of shape (m,)."""
        return logsumexp(self._log_kernels(self._points(x)), b=self.weights, axis=-1)

    def evaluate(self, points: Any) -> Any:
        """The estimated density; arguments as `logpdf`."""
        return sum(exp(self._log_kernels(self._points(points))) * self.weights, axis=-1)

    pdf = __call__ = evaluate

    def integrate_gaussian(self, mean: Any, cov: Any) -> Any:
        """The integral of the density times a normal one, of a mean of shape (d,) and a covariance of (d, d)."""
        mean, cov = atleast_1d(asarray(mean)), atleast_2d(asarray(cov))
        if mean.shape != (self.d,) or cov.shape != (self.d, self.d):
            raise ShapeError(
                f"integrate_gaussian expected a mean of shape ({self.d},) and a covariance of ({self.d}, {self.d}), "
                f"got {mean.shape} and {cov.shape}"
            )
        return exp(normal_logpdf(mean, self.dataset.T, self.covariance + cov)) @ self.weights

    def integrate_box_1d(self, low: Any, high: Any) -> Any:
        """The integral of the density of one coordinate from `low` to `high`."""
        if self.d != 1:
            raise OptionError(f"integrate_box_1d is for points of one coordinate, and these have {self.d}")
        if ndim(low) or ndim(high):
            raise ShapeError("integrate_box_1d expected numbers as limits", instead="functrace.vmap for several")
        deviation = sqrt(self.covariance[0, 0])
        return (ndtr((high - self.dataset[0]) / deviation) - ndtr((low - self.dataset[0]) / deviation)) @ self.weights

    def integrate_kde(self, other: gaussian_kde) -> Any:
        """The integral of the product of two estimated densities."""
        if other.d != self.d:
            raise ShapeError(f"integrate_kde expected points of {self.d} coordinates, got {other.d}")
        pairs = normal_logpdf(self.dataset.T[:, None, :], other.dataset.T, self.covariance + other.covariance)
        return self.weights @ exp(pairs) @ other.weights

    def resample(self, key: Any, shape: tuple[int, ...] = ()) -> Any:
        """Points drawn from the estimated density, of shape ``(d, *shape)``, by a key of `functrace.random`."""
        from ... import random  # not needed by what only evaluates

        chosen, moved = random.split(key)
        places = random.choice(chosen, self.n, shape=shape, p=self.weights)
        noise = random.multivariate_normal(
            moved, np.zeros(self.d, self.dataset.dtype), self.covariance, shape=shape, dtype=self.dataset.dtype
        )
        return self.dataset[:, places] + noise.transpose((len(shape), *range(len(shape))))

    def _log_kernels(self, points: Any) -> Any:
        """The logarithm of each sample's normal density at each point, of shape (m, n)."""
        return normal_logpdf(points.T[:, None, :], self.dataset.T, self.covariance)

    def _points(self, points: Any) -> Any:
        (points,) = promoted(asarray(points))
        points = atleast_2d(points)
        if points.shape[0] == self.d:
            return points
        if points.shape == (1, self.d):  # one point
            return points.T
        raise ShapeError(f"gaussian_kde expected points of {self.d} coordinates, got an array of shape {points.shape}")
