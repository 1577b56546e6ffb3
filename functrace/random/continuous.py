"""Continuous distributions that are functions of uniform and normal variables.

Their parameters are differentiable: a variable is a smooth function of them and of numbers that do not depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import aval_of, canonical_dtype, canonical_shape
from ..lax.elementwise import complex_, exp, gt, le, log, log1p, sign, sqrt, square, stop_gradient, tan, where
from ..lax.normal_distribution import mills_ratio, normal_probability, normal_quantile
from ..lax.random import random_normal_p
from ..numpy import clip
from ..transforms.custom_derivatives import custom_jvp
from .arguments import float_dtype, full_parameters, parameters
from .keys import check_key, split
from .uniforms import check_mode, drawn_as, inner_uniform, narrow, rademacher

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
    return narrow(random_normal_p(check_key(key, "normal"), shape=extents, dtype=drawn_as(result)), result)


def exponential(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Exponential variables with the mean 1."""
    return -log(inner_uniform("exponential", key, canonical_shape(shape), float_dtype("exponential", dtype)))


def laplace(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Laplace variables: the mean 0, the scale 1."""
    u = 2 * inner_uniform("laplace", key, canonical_shape(shape), float_dtype("laplace", dtype)) - 1
    return sign(u) * log1p(-abs(u))


def logistic(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Logistic variables: the mean 0, the scale 1."""
    u = inner_uniform("logistic", key, canonical_shape(shape), float_dtype("logistic", dtype))
    return log(u) - log1p(-u)


def gumbel(key: Any, shape: Shape = (), dtype: Any = None, mode: str | None = None) -> Any:
    """Gumbel variables: the location 0, the scale 1. The modes "low" and "high" are the same here."""
    check_mode("gumbel", mode)
    return -log(-log(inner_uniform("gumbel", key, canonical_shape(shape), float_dtype("gumbel", dtype))))


def cauchy(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Cauchy variables: the location 0, the scale 1."""
    u = inner_uniform("cauchy", key, canonical_shape(shape), float_dtype("cauchy", dtype))
    return tan(math.pi * (u - 0.5))


def lognormal(key: Any, sigma: Any = 1.0, shape: Shape | None = None, dtype: Any = None) -> Any:
    """exp(sigma x) for normal x."""
    result = float_dtype("lognormal", dtype)
    extents, (deviation,) = parameters("lognormal", shape, result, sigma)
    return exp(deviation * normal(key, extents, result))


def maxwell(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """The lengths of vectors of three normal variables."""
    extents = canonical_shape(shape)
    squares = square(normal(key, (*extents, 3), float_dtype("maxwell", dtype)))
    return sqrt(squares[..., 0] + squares[..., 1] + squares[..., 2])


def double_sided_maxwell(key: Any, loc: Any, scale: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Maxwell variables, with either sign, times `scale` plus `loc`; both broadcast to `shape`."""
    result = float_dtype("double_sided_maxwell", dtype)
    extents, (location, width) = parameters("double_sided_maxwell", shape, result, loc, scale)
    first, second = split(check_key(key, "double_sided_maxwell"))
    return location + width * maxwell(first, extents, result) * rademacher(second, extents, result)


def pareto(key: Any, b: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Pareto variables: at least 1, greater than x with the probability x to the power of -`b`."""
    result = float_dtype("pareto", dtype)
    extents, (power,) = parameters("pareto", shape, result, b)
    return exp(exponential(key, extents, result) / power)


def rayleigh(key: Any, scale: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """The lengths of vectors of two normal variables, times `scale`."""
    result = float_dtype("rayleigh", dtype)
    extents, (width,) = parameters("rayleigh", shape, result, scale)
    return width * sqrt(2 * exponential(key, extents, result))


def triangular(key: Any, left: Any, mode: Any, right: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Variables from `left` to `right`, whose density rises evenly to `mode` and then falls evenly."""
    result = float_dtype("triangular", dtype)
    extents, (low, middle, high) = parameters("triangular", shape, result, left, mode, right)
    u = inner_uniform("triangular", key, extents, result)
    rising = le(u * (high - low), middle - low)
    root = sqrt((high - low) * where(rising, u * (middle - low), (1 - u) * (high - middle)))
    return where(rising, low + root, high - root)


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
    return narrow(bounded, result)


def wald(key: Any, mean: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Inverse Gaussian variables with this mean, which is differentiable, and the shape parameter 1.

    The derivative is the implicit one. JAX goes through the choice between two roots instead, and so leaves out that
    the mean decides which is taken.

    References
    ----------
    J. R. Michael, W. R. Schucany, R. W. Haas, "Generating random variates using transformations with multiple roots",
    The American Statistician 30 (1976).
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
    """-(∂F/∂mu) / f = 2 mu⁻² z√z M((z / mu + 1) / √z), where M is Mills' ratio, from the F of R. S. Chhikara, 1974."""
    mu, z = primals[0], _wald(*primals)
    root = sqrt(z)
    return z, tangents[0] * (2 * z * root / square(mu) * mills_ratio((z / mu + 1) / root))


def weibull_min(key: Any, scale: Any, concentration: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Weibull variables: `scale` times exponential ones to the power of 1 / `concentration`."""
    result = float_dtype("weibull_min", dtype)
    extents, (width, power) = parameters("weibull_min", shape, result, scale, concentration)
    return width * exponential(key, extents, result) ** (1 / power)
