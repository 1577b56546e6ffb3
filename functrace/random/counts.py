"""Discrete distributions that count: Poisson, binomial, multinomial, geometric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import aval_of
from ..errors import ShapeError
from ..lax.control_flow import scan
from ..lax.cumulative import cumsum
from ..lax.elementwise import floor, log, log1p, where
from ..lax.random_rejection import random_binomial_p, random_poisson_p
from ..lax.shape import broadcast_to, convert_element_type, move_axis
from ..numpy import maximum, minimum
from .arguments import float_dtype, full_parameters, integer_dtype, parameter, parameters, shape_for
from .keys import check_key, split
from .uniforms import inner_uniform

Shape = int | Sequence[int]
_WIDE = np.dtype(np.float64)


def poisson(key: Any, lam: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Poisson counts with the mean `lam`.

    Parameters
    ----------
    key
        A key.
    lam
        Floats from 0 on.
    shape
        Of the result; None is that of `lam`.
    dtype
        A dtype of integers; None is int64.

    Returns
    -------
    numpy.ndarray
        -1 where `lam` is negative, NaN or infinite.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, `lam` does not broadcast to the shape, or the dtype is not one of integers.

    References
    ----------
    W. Hörmann, "The transformed rejection method for generating Poisson random variables", Insurance: Mathematics and
    Economics 12 (1993).

    Examples
    --------
    >>> from functrace.random import key
    >>> bool(abs(poisson(key(0), 30.0, (10_000,)).mean() - 30) < 0.3)
    True
    """
    result = integer_dtype("poisson", dtype)
    (rate,) = full_parameters("poisson", shape, _WIDE, lam)
    return random_poisson_p(check_key(key, "poisson"), rate, dtype=result)


def binomial(key: Any, n: Any, p: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """How many of `n` trials succeed, each with the probability `p`.

    Parameters
    ----------
    key
        A key.
    n
        Whole numbers from 0 on.
    p
        Probabilities.
    shape
        Of the result; None is that to which `n` and `p` broadcast.
    dtype
        A dtype of floats; None is float64.

    Returns
    -------
    numpy.ndarray
        Floats, as in JAX; NaN where `n` is negative or infinite, or `p` no probability.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, `n` and `p` do not broadcast to the shape, or the dtype is not one of floats.

    References
    ----------
    W. Hörmann, "The generation of binomial random variates", Journal of Statistical Computation and Simulation 46
    (1993).

    Examples
    --------
    >>> from functrace.random import key
    >>> bool(abs(binomial(key(0), 100, 0.2, (10_000,)).mean() - 20) < 0.3)
    True
    """
    result = float_dtype("binomial", dtype)
    trials, probability = full_parameters("binomial", shape, _WIDE, n, p)
    return random_binomial_p(check_key(key, "binomial"), trials, probability, dtype=result)


def multinomial(
    key: Any, n: Any, p: Any, *, shape: Shape | None = None, dtype: Any = None, unroll: int | bool = 1
) -> Any:
    """How many of `n` trials have each outcome.

    Parameters
    ----------
    key
        A key.
    n
        Whole numbers of shape (…).
    p
        Probabilities of shape (…, outcomes); only their ratios count.
    shape
        Of the result, its last axis that of `p`; None is the shape of `p`.
    dtype
        A dtype of floats; None is float64.
    unroll
        That of the `scan` over the outcomes.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, `n` or `p` does not broadcast to the shape, or the dtype is not one of floats.

    Examples
    --------
    >>> from functrace.random import key
    >>> print(multinomial(key(0), 100, np.array([0.2, 0.3, 0.5])).sum())
    100.0
    """
    result = float_dtype("multinomial", dtype)
    probabilities = parameter(p, _WIDE)
    if not aval_of(probabilities).shape:
        raise ShapeError("multinomial expected a p with at least one axis, got shape ()")
    extents = shape_for("multinomial", aval_of(probabilities).shape if shape is None else shape, probabilities)
    trials = broadcast_to(parameter(n, _WIDE), extents[:-1])
    probabilities = move_axis(broadcast_to(probabilities, extents), len(extents) - 1, 0)
    rest = cumsum(probabilities, axis=0, reverse=True)
    ratios = minimum(probabilities / where(rest == 0, 1.0, rest), 1.0)

    def one_outcome(remaining: Any, inputs: tuple[Any, Any]) -> tuple[Any, Any]:
        ratio, outcome_key = inputs
        count = binomial(outcome_key, remaining, ratio)
        return remaining - count, count

    keys = split(check_key(key, "multinomial"), extents[-1])
    _, counts = scan(one_outcome, trials, (ratios, keys), unroll=unroll)
    return convert_element_type(move_axis(counts, 0, len(extents) - 1), result)


def geometric(key: Any, p: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """How many trials it takes to the first success.

    Parameters
    ----------
    key
        A key.
    p
        The probability of success in each trial, above 0.
    shape
        Of the result; None is that to which the parameters broadcast.
    dtype
        A dtype of integers; None is int64.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, the parameters do not broadcast to the shape, or the dtype is not one of integers.

    Examples
    --------
    >>> from functrace.random import key
    >>> print(geometric(key(0), 0.25, (100_000,)).mean().round(1))
    4.0
    """
    result = integer_dtype("geometric", dtype)
    extents, (probability,) = parameters("geometric", shape, _WIDE, p)
    failures = floor(log(inner_uniform("geometric", key, extents, _WIDE)) / log1p(-probability))
    most = np.nextafter(np.float64(np.iinfo(result).max), 0)  # float(max) may be more than max
    return convert_element_type(minimum(maximum(failures + 1, 1.0), most), result)
