"""Continuous distributions whose quantile function is elementary: that of a uniform variable is a variable of theirs.

Their parameters are differentiable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.aval import canonical_shape
from ..lax.elementwise import exp, le, log, log1p, sign, sqrt, tan, where
from .arguments import float_dtype, parameters
from .uniforms import check_mode, inner_uniform

Shape = int | Sequence[int]


def exponential(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Exponential variables with the mean 1.

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
    >>> print((exponential(key(0), (100_000,)) > 1).mean().round(2))  # 1 / e
    0.37
    """
    return -log(inner_uniform("exponential", key, canonical_shape(shape), float_dtype("exponential", dtype)))


def laplace(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Laplace variables: the mean 0, the scale 1.

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
    >>> print((laplace(key(0), (100_000,)) > 1).mean().round(2))  # 1 / 2e
    0.18
    """
    u = 2 * inner_uniform("laplace", key, canonical_shape(shape), float_dtype("laplace", dtype)) - 1
    return sign(u) * log1p(-abs(u))


def logistic(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Logistic variables: the mean 0, the scale 1.

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
    >>> print((logistic(key(0), (100_000,)) > 1).mean().round(2))  # 1 / (1 + e)
    0.27
    """
    u = inner_uniform("logistic", key, canonical_shape(shape), float_dtype("logistic", dtype))
    return log(u) - log1p(-u)


def gumbel(key: Any, shape: Shape = (), dtype: Any = None, mode: str | None = None) -> Any:
    """Gumbel variables: the location 0, the scale 1.

    Parameters
    ----------
    key
        A key.
    mode
        "low" or "high", which are the same here.
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
    >>> print((gumbel(key(0), (100_000,)) < 0).mean().round(2))  # 1 / e
    0.37
    """
    check_mode("gumbel", mode)
    return -log(-log(inner_uniform("gumbel", key, canonical_shape(shape), float_dtype("gumbel", dtype))))


def cauchy(key: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Cauchy variables: the location 0, the scale 1.

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
    >>> print((cauchy(key(0), (100_000,)) > 1).mean().round(2))  # 1 / 4
    0.25
    """
    u = inner_uniform("cauchy", key, canonical_shape(shape), float_dtype("cauchy", dtype))
    return tan(math.pi * (u - 0.5))


def pareto(key: Any, b: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Pareto variables: 1 or more, and above x with the probability x to the power of -b.

    Parameters
    ----------
    key
        A key.
    b
        Positive floats, differentiable.
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
    >>> print((pareto(key(0), 2.0, (100_000,)) > 2).mean().round(2))
    0.25
    """
    result = float_dtype("pareto", dtype)
    extents, (power,) = parameters("pareto", shape, result, b)
    return exp(exponential(key, extents, result) / power)


def rayleigh(key: Any, scale: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Rayleigh variables: the lengths of vectors of two normal variables.

    Parameters
    ----------
    key
        A key.
    scale
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
    >>> print((rayleigh(key(0), 3.0, (100_000,)) ** 2).mean().round(0))
    18.0
    """
    result = float_dtype("rayleigh", dtype)
    extents, (width,) = parameters("rayleigh", shape, result, scale)
    return width * sqrt(2 * exponential(key, extents, result))


def triangular(key: Any, left: Any, mode: Any, right: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Variables whose density rises evenly to a point, and falls evenly from there.

    Parameters
    ----------
    key
        A key.
    left, mode, right
        Where the density begins, is greatest and ends; differentiable.
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
    >>> print((triangular(key(0), 0.0, 1.0, 4.0, (100_000,)) < 1).mean().round(2))
    0.25
    """
    result = float_dtype("triangular", dtype)
    extents, (low, middle, high) = parameters("triangular", shape, result, left, mode, right)
    u = inner_uniform("triangular", key, extents, result)
    rising = le(u * (high - low), middle - low)
    root = sqrt((high - low) * where(rising, u * (middle - low), (1 - u) * (high - middle)))
    return where(rising, low + root, high - root)


def weibull_min(key: Any, scale: Any, concentration: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Weibull variables: powers of exponential variables.

    Parameters
    ----------
    key
        A key.
    scale
        What the powers are multiplied by, differentiable.
    concentration
        The reciprocals of the exponents, differentiable.
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
    >>> print((weibull_min(key(0), 2.0, 3.0, (100_000,)) > 2).mean().round(2))  # 1 / e
    0.37
    """
    result = float_dtype("weibull_min", dtype)
    extents, (width, power) = parameters("weibull_min", shape, result, scale, concentration)
    return width * exponential(key, extents, result) ** (1 / power)
