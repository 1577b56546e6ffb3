"""Normal variables, and the distributions that are made of them.

Parameters are differentiable: a variable is a smooth function of them and of numbers that do not depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import aval_of, canonical_dtype, canonical_shape
from ..lax.elementwise import complex_, exp, gt, le, sqrt, square, stop_gradient, where
from ..lax.normal_distribution import mills_ratio, normal_probability, normal_quantile
from ..lax.random import random_normal_p
from ..lax.shape import convert_element_type
from ..numpy import clip
from ..transforms.custom_derivatives import custom_jvp
from .arguments import float_dtype, full_parameters, parameters
from .keys import check_key, split
from .uniforms import inner_uniform, rademacher

Shape = int | Sequence[int]


def normal(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Normal variables with the mean 0 and the variance 1.

    Parameters
    ----------
    key
        A key.
    shape
        Of the result.
    dtype
        A dtype of floats or complex numbers; None is float64.

    Returns
    -------
    numpy.ndarray
        Complex numbers have the variance 1 in all: 1/2 each in their real and imaginary parts.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, or the dtype is not one of floats or complex numbers.

    Notes
    -----
    A number is the normal quantile of the uniform one that its bits are, by Wichura's algorithm AS 241, with
    operations that every machine rounds alike. NumPy's `Generator.standard_normal` takes as many bits as it happens to
    need, which cannot be done for many keys at once, and may change with NumPy's version.

    Examples
    --------
    >>> from functrace.random import key
    >>> x = normal(key(0), (10_000,))
    >>> bool(abs(x.mean()) < 0.03), bool(abs(x.std() - 1) < 0.03)
    (True, True)
    """
    result = canonical_dtype(np.float64 if dtype is None else dtype)
    extents = canonical_shape(shape)
    if result.kind == "c":
        real = np.empty(0, result).real.dtype
        parts = normal(key, (*extents, 2), real) * real.type(math.sqrt(0.5))
        return complex_(parts[..., 0], parts[..., 1])
    result = float_dtype("normal", result)
    drawn = np.dtype(np.float32) if result.itemsize == 2 else result  # half precision has too few bits for the tails
    return convert_element_type(random_normal_p(check_key(key, "normal"), shape=extents, dtype=drawn), result)


def truncated_normal(key: Any, lower: Any, upper: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Normal variables between `lower` and `upper`, which are differentiable.

    Parameters
    ----------
    key
        A key.
    lower, upper
        The limits; they may be infinite, and far out on either side.
    shape
        Of the result; None is that to which the limits broadcast.
    dtype
        A dtype of floats; None is float64.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, the limits do not broadcast to the shape, or the dtype is not one of floats.

    Examples
    --------
    >>> from functrace.random import key
    >>> x = truncated_normal(key(0), 10.0, 11.0, (1000,))
    >>> bool(x.min() >= 10), bool(abs(x.mean() - 10.098) < 0.01)
    (True, True)
    """
    result = float_dtype("truncated_normal", dtype)
    wide = np.dtype(np.float64)
    extents, (low, high) = parameters("truncated_normal", shape, wide, lower, upper)
    u = inner_uniform("truncated_normal", key, extents, wide)
    # beyond the middle on the other side, where the probabilities are small numbers and not differences from 1
    mirrored = gt(low, 0)
    near, far = where(mirrored, -high, low), where(mirrored, -low, high)
    p, q = normal_probability(near), normal_probability(far)
    x = normal_quantile(p + u * (q - p))
    bounded = clip(where(mirrored, -x, x), stop_gradient(low), stop_gradient(high))
    return convert_element_type(bounded, result)


def lognormal(key: Any, sigma: Any = 1.0, shape: Shape | None = None, dtype: Any = None) -> Any:
    """The exponentials of normal variables.

    Parameters
    ----------
    key
        A key.
    sigma
        The standard deviation of the normal variables, differentiable.
    shape
        Of the result; None is that to which the parameters broadcast.
    dtype
        A dtype of floats; None is float64.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, the parameters do not broadcast to the shape, or the dtype is not one of floats.

    Examples
    --------
    >>> from functrace.random import key
    >>> print((lognormal(key(0), 2.0, (100_000,)) < 1).mean().round(2))
    0.5
    """
    result = float_dtype("lognormal", dtype)
    extents, (deviation,) = parameters("lognormal", shape, result, sigma)
    return exp(deviation * normal(key, extents, result))


def maxwell(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Maxwell variables: the lengths of vectors of three normal variables.

    Parameters
    ----------
    key
        A key.
    shape
        Of the result.
    dtype
        A dtype of floats; None is float64.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, or the dtype is not one of floats.

    Examples
    --------
    >>> from functrace.random import key
    >>> print((maxwell(key(0), (100_000,)) ** 2).mean().round(1))
    3.0
    """
    extents = canonical_shape(shape)
    squares = square(normal(key, (*extents, 3), float_dtype("maxwell", dtype)))
    return sqrt(squares[..., 0] + squares[..., 1] + squares[..., 2])


def double_sided_maxwell(key: Any, loc: Any, scale: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Maxwell variables of either sign.

    Parameters
    ----------
    key
        A key.
    loc, scale
        What is added to them, and what they are multiplied by before; differentiable.
    shape
        Of the result, to which the parameters broadcast.
    dtype
        A dtype of floats; None is float64.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, the parameters do not broadcast to the shape, or the dtype is not one of floats.

    Examples
    --------
    >>> from functrace.random import key
    >>> print(double_sided_maxwell(key(0), 5.0, 2.0, (100_000,)).mean().round(1))
    5.0
    """
    result = float_dtype("double_sided_maxwell", dtype)
    extents, (location, width) = parameters("double_sided_maxwell", shape, result, loc, scale)
    first, second = split(check_key(key, "double_sided_maxwell"))
    return location + width * maxwell(first, extents, result) * rademacher(second, extents, result)


def wald(key: Any, mean: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Inverse Gaussian variables with the shape parameter 1.

    The derivative is the implicit one. JAX goes through the choice between two roots instead, and so leaves out that
    the mean decides which is taken.

    Parameters
    ----------
    key
        A key.
    mean
        Positive floats, differentiable.
    shape
        Of the result; None is that to which the parameters broadcast.
    dtype
        A dtype of floats; None is float64.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, the parameters do not broadcast to the shape, or the dtype is not one of floats.

    References
    ----------
    J. R. Michael, W. R. Schucany, R. W. Haas, "Generating random variates using transformations with multiple roots",
    The American Statistician 30 (1976).

    Examples
    --------
    >>> from functrace.random import key
    >>> print(wald(key(0), 0.5, (100_000,)).mean().round(2))
    0.5
    """
    result = float_dtype("wald", dtype)
    (mu,) = full_parameters("wald", shape, result, mean)
    extents = aval_of(mu).shape
    first, second = split(check_key(key, "wald"))
    return _wald(mu, normal(first, extents, result), inner_uniform("wald", second, extents, result))


@custom_jvp
def _wald(mu: Any, x: Any, u: Any) -> Any:
    scaled = mu * square(x)
    # the smaller root mu (1 + y/2 - sqrt(y + y²/4)), y = mu x², without its cancellation
    root = mu / (1 + scaled / 2 + sqrt(scaled * (1 + scaled / 4)))
    return where(le(u * (mu + root), mu), root, square(mu) / root)


@_wald.defjvp
def _wald_jvp(primals: tuple[Any, Any, Any], tangents: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    """-(∂F/∂mu) / f = 2 mu⁻² z√z M((z / mu + 1) / √z), where M is Mills' ratio, by J. Shuster's F (1968)."""
    mu, z = primals[0], _wald(*primals)
    root = sqrt(z)
    return z, tangents[0] * (2 * z * root / square(mu) * mills_ratio((z / mu + 1) / root))
