"""Bits, and what is even: uniform floats, integers, signs; coins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Shape, aval_of, canonical_dtype, canonical_shape, short_dtype
from ..errors import DtypeError, OptionError
from ..lax.elementwise import ge, lt, where
from ..lax.random import KEY_DTYPE, random_bits_p, random_inner_uniform_p, random_uniform_p, scale_bits_p
from ..lax.shape import convert_element_type
from ..numpy import clip
from ..numpy.dispatch import as_operand
from .arguments import float_dtype, integer_dtype, parameters, shape_for
from .keys import check_key


def bits(key: Any, shape: int | Sequence[int] = (), dtype: Any = None) -> Any:
    """Random bits, as unsigned integers.

    Parameters
    ----------
    key
        A key.
    shape
        Of the result.
    dtype
        An unsigned dtype; None is uint64.

    Returns
    -------
    numpy.ndarray
        In uint64 the words of ``numpy.random.Philox(key=key)``. Smaller integers are parts of these words, the lower
        bits first.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, or the dtype is not unsigned.

    Examples
    --------
    >>> from functrace.random import key
    >>> np.array_equal(bits(key(42), (2,)), np.random.Philox(key=42).random_raw(2))
    True
    """
    result = canonical_dtype(KEY_DTYPE if dtype is None else dtype)
    if result.kind != "u":
        raise DtypeError(f"bits expected an unsigned dtype, got {short_dtype(result)}")
    return random_bits_p(check_key(key, "bits"), shape=canonical_shape(shape), dtype=result)


def uniform(key: Any, shape: int | Sequence[int] = (), dtype: Any = None, minval: Any = 0.0, maxval: Any = 1.0) -> Any:
    """Floats from `minval` to `maxval`, the latter not among them but by rounding.

    Parameters
    ----------
    key
        A key.
    shape
        Of the result; the limits broadcast to it.
    dtype
        A dtype of floats; None is float64.
    minval, maxval
        The limits; derivatives flow through them.

    Returns
    -------
    numpy.ndarray
        Multiples of 2⁻⁵³ (of 2⁻²⁴ in single precision, of 2⁻¹¹ in half), stretched to the limits. The same on every
        machine.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, the limits do not broadcast to the shape, or the dtype is not one of floats.

    Examples
    --------
    >>> from functrace.random import key
    >>> u = uniform(key(0), (1000,), minval=-1.0)
    >>> bool(-1 <= u.min() < -0.99), bool(0.99 < u.max() < 1)
    (True, True)
    """
    result = float_dtype("uniform", dtype)
    extents, (low, high) = parameters("uniform", canonical_shape(shape), result, minval, maxval)
    unit = random_uniform_p(check_key(key, "uniform"), shape=extents, dtype=result)
    if isinstance(minval, float) and isinstance(maxval, float) and (minval, maxval) == (0, 1):
        return unit
    return unit * (high - low) + low


def randint(key: Any, shape: int | Sequence[int], minval: Any, maxval: Any, dtype: Any = None) -> Any:
    """Integers from `minval` to `maxval`, the latter not among them.

    Parameters
    ----------
    key
        A key.
    shape
        Of the result; the limits broadcast to it.
    minval, maxval
        Integers. Where there is none between them, the result is `minval`.
    dtype
        A dtype of integers; None is int64. The limits are cut to what it can hold; `maxval` may be one more.

    Returns
    -------
    numpy.ndarray
        Each as probable as any other, up to 1 part in 2⁶⁴ divided by how many there are. The same on every machine.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, the limits do not broadcast to the shape, or something is not of integers.

    References
    ----------
    D. Lemire, "Fast random integer generation in an interval", ACM Transactions on Modeling and Computer Simulation 29
    (2019), without its rejection.

    Examples
    --------
    >>> from functrace.random import key
    >>> np.unique(randint(key(0), (100,), 1, 7))
    array([1, 2, 3, 4, 5, 6])
    """
    result = integer_dtype("randint", dtype)
    low, high = as_operand(minval), as_operand(maxval)
    for limit in (low, high):
        if aval_of(limit).dtype.kind not in "biu":
            raise DtypeError(f"randint expected limits of integers, got {short_dtype(aval_of(limit).dtype)}")
    extents = shape_for("randint", canonical_shape(shape), low, high)
    empty = ge(low, high)
    info = np.iinfo(result)
    low, high = _limit(low, int(info.min), int(info.max)), _limit(high, int(info.min) + 1, int(info.max) + 1)
    span = where(empty, KEY_DTYPE.type(1), high - low)
    drawn = random_bits_p(check_key(key, "randint"), shape=extents, dtype=KEY_DTYPE)
    return convert_element_type(low + scale_bits_p(drawn, span), result)


def _limit(value: Any, least: int, most: int) -> Any:
    """A limit of integers cut to these, as a number modulo 2⁶⁴."""
    if isinstance(value, int):
        return KEY_DTYPE.type(min(max(int(value), least), most) % (1 << 64))
    if value.dtype.kind == "b":
        value = convert_element_type(value, np.uint8)
    own = np.iinfo(value.dtype)
    return convert_element_type(clip(value, max(least, int(own.min)), min(most, int(own.max))), KEY_DTYPE)


def bernoulli(key: Any, p: Any = 0.5, shape: int | Sequence[int] | None = None, mode: str = "low") -> Any:
    """Coins: True with the probability `p`.

    Parameters
    ----------
    key
        A key.
    p
        Probabilities.
    shape
        Of the result; None is that of `p`.
    mode
        "low" or "high", which are the same here: a probability is resolved to 2⁻⁵³.

    Raises
    ------
    ArgumentError, ShapeError, OptionError
        `key` is not one key, `p` does not broadcast to the shape, or there is no such mode.

    Examples
    --------
    >>> from functrace.random import key
    >>> bool(abs(bernoulli(key(0), 0.3, (10_000,)).mean() - 0.3) < 0.02)
    True
    """
    check_mode("bernoulli", mode)
    wide = np.dtype(np.float64)
    extents, (probability,) = parameters("bernoulli", shape, wide, p)
    return lt(random_uniform_p(check_key(key, "bernoulli"), shape=extents, dtype=wide), probability)


def rademacher(key: Any, shape: int | Sequence[int] = (), dtype: Any = None) -> Any:
    """Signs: -1 or 1, each as often.

    Parameters
    ----------
    key
        A key.
    shape
        Of the result.
    dtype
        A dtype of signed numbers; None is int64.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, or the dtype is not one of signed numbers.

    Examples
    --------
    >>> from functrace.random import key
    >>> print(abs(rademacher(key(0), (100_000,)).mean()) < 0.01)
    True
    """
    result = canonical_dtype(np.int64 if dtype is None else dtype)
    if result.kind not in "if":
        raise DtypeError(f"rademacher expected a dtype of signed numbers, got {short_dtype(result)}")
    upper = random_bits_p(check_key(key, "rademacher"), shape=canonical_shape(shape), dtype=KEY_DTYPE)
    one = result.type(1)
    return where(lt(upper, KEY_DTYPE.type(1 << 63)), one, -one)


def inner_uniform(function: str, key: Any, shape: Shape, dtype: np.dtype) -> Any:
    """Floats between 0 and 1, neither of them among them: what logarithms can be taken of."""
    return random_inner_uniform_p(check_key(key, function), shape=shape, dtype=dtype)


def check_mode(function: str, mode: str | None) -> None:
    """An error if there is no such mode."""
    if mode not in (None, "low", "high"):
        raise OptionError(f"{function} expected the mode 'low' or 'high', got {mode!r}")
