"""Random vectors and matrices: multivariate normal, uniform in a ball, orthogonal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import broadcast_shapes, canonical_dtype, canonical_shape
from ..errors import OptionError, ShapeError
from ..lax.cumulative import cumsum
from ..lax.elementwise import abs_, sign, sqrt
from ..numpy import diagonal, matmul, result_type, swapaxes
from ..numpy.dispatch import as_array
from .arguments import float_dtype, parameter
from .gammas import generalized_normal
from .inverses import exponential
from .keys import check_key, split
from .normals import normal

Shape = int | Sequence[int]


def multivariate_normal(
    key: Any, mean: Any, cov: Any, shape: Shape | None = None, dtype: Any = None, method: str = "cholesky"
) -> Any:
    r"""Normal vectors with this mean and covariance, both differentiable.

    The same key draws the same normals everywhere; their product with a root of the covariance is one of matrices,
    whose last bits may differ between one draw and many, as under `vmap`.

    Parameters
    ----------
    key
        A key.
    mean
        Of shape (…, n).
    cov
        Of shape (…, n, n): symmetric and positive definite (semidefinite for the methods other than "cholesky").
    shape
        Of the result without its last axis; None is that to which the leading axes broadcast.
    dtype
        A dtype of floats; None is that of `mean` and `cov`.
    method
        How a root of the covariance is found: "cholesky", "eigh" or "svd".

    Returns
    -------
    numpy.ndarray
        Of shape (\*shape, n).

    Raises
    ------
    ArgumentError, ShapeError, OptionError
        `key` is not one key, shapes do not fit, or there is no such method.

    Examples
    --------
    >>> from functrace.random import key
    >>> x = multivariate_normal(key(0), np.zeros(2), np.array([[2.0, 1.0], [1.0, 2.0]]), (20_000,))
    >>> print(np.cov(x.T).round(1))
    [[2. 1.]
     [1. 2.]]
    """
    if method not in ("cholesky", "eigh", "svd"):
        raise OptionError(f"multivariate_normal expected the method 'cholesky', 'eigh' or 'svd', got {method!r}")
    key = check_key(key, "multivariate_normal")
    mean, cov = as_array(mean), as_array(cov)
    result = float_dtype("multivariate_normal", result_type(mean, cov, np.float16) if dtype is None else dtype)
    mean, cov = parameter(mean, result), parameter(cov, result)
    if not mean.ndim:
        raise ShapeError("multivariate_normal expected a mean with at least one axis, got shape ()")
    size = mean.shape[-1]
    if cov.ndim < 2 or cov.shape[-2:] != (size, size):
        raise ShapeError(
            f"multivariate_normal expected a covariance of shape (…, {size}, {size}) for a mean of shape {mean.shape}, "
            f"got {cov.shape}"
        )
    lead = broadcast_shapes(mean.shape[:-1], cov.shape[:-2])
    extents = lead if shape is None else canonical_shape(shape)
    if broadcast_shapes(extents, lead) != extents:
        raise ShapeError(f"multivariate_normal expected a shape to which {lead} broadcasts, got {extents}")
    drawn = normal(key, (*extents, size), result)
    return mean + matmul(_root(cov, method), drawn[..., None])[..., 0]


def _root(covariance: Any, method: str) -> Any:
    """A matrix whose product with its transpose is the covariance."""
    from ..numpy import linalg

    if method == "cholesky":
        return linalg.cholesky(covariance)
    if method == "eigh":
        values, vectors = linalg.eigh(covariance)
        return vectors * sqrt(values)[..., None, :]
    vectors, values, _ = linalg.svd(covariance)
    return vectors * sqrt(values)[..., None, :]


def ball(key: Any, d: int, p: Any = 2, shape: Shape = (), dtype: Any = None) -> Any:
    r"""Vectors even in the unit ball of a norm.

    Parameters
    ----------
    key
        A key.
    d
        How many components a vector has.
    p
        Which norm: the sum of the components' absolute values to this power is at most 1.
    shape
        Of the result without its last axis.
    dtype
        A dtype of floats; None is float64.

    Returns
    -------
    numpy.ndarray
        Of shape (\*shape, d).

    References
    ----------
    F. Barthe, O. Guédon, S. Mendelson, A. Naor, "A probabilistic approach to the geometry of the ℓₚⁿ-ball", Annals of
    Probability 33 (2005).

    Examples
    --------
    >>> from functrace.random import key
    >>> import numpy as np
    >>> x = ball(key(0), 3, shape=(100,))
    >>> bool(np.linalg.norm(x, axis=-1).max() < 1)
    True
    """
    result = float_dtype("ball", dtype)
    extents = canonical_shape(shape)
    first, second = split(check_key(key, "ball"))
    power = as_array(parameter(p, result))
    vectors = generalized_normal(first, power[..., None], (*extents, d.__index__()), result)
    powers = cumsum(abs_(vectors) ** power[..., None], axis=len(extents))[..., -1]  # a sum whose order `jit` keeps
    size = (powers + exponential(second, extents, result)) ** (1 / power)
    return vectors / as_array(size)[..., None]


def orthogonal(key: Any, n: int, shape: Shape = (), dtype: Any = None, m: int | None = None) -> Any:
    r"""Orthogonal matrices, even by Haar's measure; unitary ones for a complex dtype.

    Parameters
    ----------
    key
        A key.
    n, m
        How many rows and columns; `m` None is `n`. Of other than square matrices the rows, or the columns, whichever
        are fewer, are orthonormal.
    shape
        Of the result without its last two axes.
    dtype
        A dtype of floats or complex numbers; None is float64.

    Returns
    -------
    numpy.ndarray
        Of shape (\*shape, n, m).

    References
    ----------
    F. Mezzadri, "How to generate random matrices from the classical compact groups", Notices of the AMS 54 (2007).

    Examples
    --------
    >>> from functrace.random import key
    >>> q = orthogonal(key(0), 3)
    >>> np.allclose(q @ q.T, np.eye(3))
    True
    """
    from ..numpy import linalg

    rows, columns = n.__index__(), (n if m is None else m).__index__()
    result = canonical_dtype(np.float64 if dtype is None else dtype)
    extents = (*canonical_shape(shape), max(rows, columns), min(rows, columns))
    q, r = linalg.qr(normal(check_key(key, "orthogonal"), extents, result))
    # the phases of R's diagonal make the decomposition unique, and so Q even
    unique = q * sign(diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    return swapaxes(unique, -1, -2) if rows < columns else unique
