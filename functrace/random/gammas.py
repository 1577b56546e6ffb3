"""Gamma variables, and the distributions that are made of them; differentiable by their shape parameters.

The derivative is the implicit one, which keeps the probability below a variable:

References
----------
M. Figurnov, S. Mohamed, A. Mnih, "Implicit reparameterization gradients", NeurIPS 2018. M. Jankowiak, F. Obermeyer,
"Pathwise derivatives beyond the reparameterization trick", ICML 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.aval import aval_of
from ..errors import ShapeError
from ..lax.elementwise import exp, logaddexp, sqrt
from ..lax.log_domain import cumlogsumexp, exp_gap
from ..lax.random_rejection import random_log_gamma_p
from .arguments import float_dtype, full_parameters, parameter, parameters, shape_for
from .keys import check_key, split
from .normals import normal
from .uniforms import rademacher

Shape = int | Sequence[int]


def gamma(key: Any, a: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Gamma variables of the shape parameter `a`, with the scale 1.

    Parameters
    ----------
    key
        A key.
    a
        Positive floats; derivatives flow through them.
    shape
        Of the result; None is that of `a`.
    dtype
        A dtype of floats; None is float64.

    Returns
    -------
    numpy.ndarray
        NaN where `a` is negative. For small `a` most variables are too small for a float: see `loggamma`.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, `a` does not broadcast to the shape, or the dtype is not one of floats.

    References
    ----------
    G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000).

    Examples
    --------
    >>> from functrace import grad
    >>> from functrace.random import key
    >>> slope = grad(lambda a: gamma(key(0), a, (10_000,)).mean())(3.0)
    >>> bool(abs(slope - 1) < 0.02)  # the mean is a
    True
    """
    return exp(_log_gamma("gamma", key, shape, dtype, a))


def loggamma(key: Any, a: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Logarithms of gamma variables, which for small `a` are no floats themselves.

    Parameters
    ----------
    key
        A key.
    a
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
    >>> print(loggamma(key(0), 1.0, (100_000,)).mean().round(2))  # -0.5772…
    -0.58
    """
    return _log_gamma("loggamma", key, shape, dtype, a)


def _log_gamma(function: str, key: Any, shape: Shape | None, dtype: Any, a: Any) -> Any:
    result = float_dtype(function, dtype)
    (full,) = full_parameters(function, shape, result, a)
    return random_log_gamma_p(check_key(key, function), full, dtype=result)


def beta(key: Any, a: Any, b: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Beta variables.

    Parameters
    ----------
    key
        A key.
    a, b
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
    >>> print(beta(key(0), 1.0, 3.0, (100_000,)).mean().round(2))
    0.25
    """
    result = float_dtype("beta", dtype)
    first, second = split(check_key(key, "beta"))
    a, b = full_parameters("beta", shape, result, a, b)
    x, y = random_log_gamma_p(first, a, dtype=result), random_log_gamma_p(second, b, dtype=result)
    return exp_gap(x, logaddexp(x, y))


def dirichlet(key: Any, alpha: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    r"""Dirichlet variables: positive vectors whose sums are 1.

    Parameters
    ----------
    key
        A key.
    alpha
        Positive floats of shape (…, n); derivatives flow through them.
    shape
        Of the result without its last axis; None is (…).
    dtype
        A dtype of floats; None is float64.

    Returns
    -------
    numpy.ndarray
        Of shape (\*shape, n).

    Examples
    --------
    >>> import numpy as np
    >>> from functrace.random import key
    >>> print(dirichlet(key(0), np.ones(3)).sum().round(12))
    1.0
    """
    result = float_dtype("dirichlet", dtype)
    concentration = parameter(alpha, result)
    extents = aval_of(concentration).shape
    if not extents:
        raise ShapeError("dirichlet expected an alpha with at least one axis, got shape ()")
    lead = shape_for("dirichlet", shape, concentration[..., 0])
    logarithms = loggamma(check_key(key, "dirichlet"), concentration, (*lead, extents[-1]), result)
    # a running sum, whose order `jit` keeps
    return exp_gap(logarithms, cumlogsumexp(logarithms, len(lead))[..., -1:])


def chisquare(key: Any, df: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Chi-square variables.

    Parameters
    ----------
    key
        A key.
    df
        The degrees of freedom: positive floats, differentiable.
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
    >>> print(chisquare(key(0), 3.0, (100_000,)).mean().round(1))
    3.0
    """
    result = float_dtype("chisquare", dtype)
    (degrees,) = full_parameters("chisquare", shape, result, df)
    return 2 * exp(random_log_gamma_p(check_key(key, "chisquare"), degrees / 2, dtype=result))


def f(key: Any, dfnum: Any, dfden: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """F variables: quotients of two chi-square variables, each over its degrees of freedom.

    Parameters
    ----------
    key
        A key.
    dfnum, dfden
        The degrees of freedom above and below: positive floats, differentiable.
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
    >>> print(f(key(0), 3.0, 12.0, (100_000,)).mean().round(1))
    1.2
    """
    result = float_dtype("f", dtype)
    first, second = split(check_key(key, "f"))
    above, below = full_parameters("f", shape, result, dfnum, dfden)
    logarithms = [
        random_log_gamma_p(part, degrees / 2, dtype=result) for part, degrees in ((first, above), (second, below))
    ]
    return exp(logarithms[0] - logarithms[1]) * (below / above)


def t(key: Any, df: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Student's t variables.

    Parameters
    ----------
    key
        A key.
    df
        The degrees of freedom: positive floats, differentiable.
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
    >>> print((t(key(0), 1.0, (100_000,)) > 1).mean().round(2))
    0.25
    """
    result = float_dtype("t", dtype)
    first, second = split(check_key(key, "t"))
    (degrees,) = full_parameters("t", shape, result, df)
    half = degrees / 2
    logarithm = random_log_gamma_p(second, half, dtype=result)
    return normal(first, aval_of(half).shape, result) * sqrt(half) * exp(-0.5 * logarithm)


def generalized_normal(key: Any, p: Any, shape: Shape = (), dtype: Any = None) -> Any:
    """Variables with a density proportional to exp(-abs(x)ᵖ).

    Parameters
    ----------
    key
        A key.
    p
        Positive floats, differentiable: 1 for Laplace variables, 2 for normal ones of the variance 1/2.
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
    >>> print((generalized_normal(key(0), 2.0, (100_000,)) ** 2).mean().round(2))
    0.5
    """
    result = float_dtype("generalized_normal", dtype)
    first, second = split(check_key(key, "generalized_normal"))
    extents, (power,) = parameters("generalized_normal", shape, result, p)
    return rademacher(second, extents, result) * exp(loggamma(first, 1 / power, extents, result) / power)
