"""Keys: where random numbers come from, and how one key becomes many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import aval_of, canonical_shape, describe, short_dtype
from ..core.trace import Tracer
from ..errors import ArgumentError, DtypeError, OptionError, ShapeError
from ..lax.elementwise import lt, where
from ..lax.philox import SPLITS
from ..lax.random import KEY_DTYPE, random_bits_p, random_fold_in_p
from ..lax.shape import convert_element_type
from ..numpy import stack

_IMPLEMENTATION = "philox4x64"
_WORD = 1 << 64


def key(seed: Any, *, impl: str | None = None) -> Any:
    """A key, from a seed.

    Parameters
    ----------
    seed
        An integer, also a traced one; a Python int may have up to 128 bits.
    impl
        The generator: "philox4x64", the only one.

    Returns
    -------
    numpy.ndarray
        The two words of 64 bits of the seed: the key that ``numpy.random.Philox(key=seed)`` has.

    Raises
    ------
    ArgumentError, ShapeError, OptionError
        The seed is no integer, no scalar, or too large; or the generator is unknown.

    Examples
    --------
    >>> key(42)
    array([42,  0], dtype=uint64)
    """
    _check_implementation(impl)
    seed = _integer(seed, "key", "a seed")
    if isinstance(seed, Tracer):
        words = seed, where(lt(seed, 0), -1, 0)  # as in a negative number of 128 bits
        return stack([convert_element_type(word, KEY_DTYPE) for word in words])
    if not -(1 << 127) <= seed < 1 << 128:
        raise OptionError(f"expected a seed of at most 128 bits, got {seed}")
    return np.array([seed % _WORD, (seed // _WORD) % _WORD], KEY_DTYPE)


PRNGKey = key


def split(key: Any, num: int | Sequence[int] = 2) -> Any:
    r"""New keys out of one.

    Their streams are independent of each other and of that of `key`, which is better not used again.

    Parameters
    ----------
    key
        A key.
    num
        How many keys; a tuple of ints for an array of them.

    Returns
    -------
    numpy.ndarray
        uint64 of shape (num, 2) or (\*num, 2). The first keys are the same whatever `num` is.

    Raises
    ------
    ArgumentError, ShapeError
        `key` is not one key.

    Examples
    --------
    >>> first, second = split(key(0))
    >>> first.shape
    (2,)
    """
    shape = (*canonical_shape(num), 2)
    return random_bits_p(check_key(key, "split"), shape=shape, dtype=KEY_DTYPE, stream=SPLITS)


def fold_in(key: Any, data: Any) -> Any:
    """A new key out of a key and an integer, such as the number of a step.

    Parameters
    ----------
    key
        A key.
    data
        An integer of at most 64 bits, also a traced one.

    Raises
    ------
    ArgumentError, ShapeError, OptionError
        `key` is not one key, or `data` not one integer of at most 64 bits.

    Examples
    --------
    >>> fold_in(key(0), 3).shape
    (2,)
    """
    key = check_key(key, "fold_in")
    data = _integer(data, "fold_in", "an integer")
    if isinstance(data, Tracer):
        return random_fold_in_p(key, convert_element_type(data, KEY_DTYPE))
    if not -(1 << 63) <= data < _WORD:
        raise OptionError(f"fold_in expected an integer of at most 64 bits, got {data}")
    return random_fold_in_p(key, KEY_DTYPE.type(data % _WORD))


def clone(key: Any) -> Any:
    """A copy of a key, from which the same numbers come.

    Parameters
    ----------
    key
        A key, or keys of shape (…, 2).

    Returns
    -------
    numpy.ndarray
        uint64 of the same shape.

    Raises
    ------
    ArgumentError
        It is no array of keys.

    Examples
    --------
    >>> clone(key(3))
    array([3, 0], dtype=uint64)
    """
    return _check_keys(key, "clone").copy()


def key_data(keys: Any) -> Any:
    """The words of a key.

    Parameters
    ----------
    keys
        A key, or keys of shape (…, 2).

    Returns
    -------
    numpy.ndarray
        uint64 of shape (…, 2).

    Raises
    ------
    ArgumentError
        It is no array of keys.

    Examples
    --------
    >>> key_data(key(3))
    array([3, 0], dtype=uint64)
    """
    return _check_keys(keys, "key_data").copy()


def wrap_key_data(key_bits_array: Any, *, impl: str | None = None) -> Any:
    """A key from its words, as `key_data` gives them.

    Parameters
    ----------
    key_bits_array
        uint64 of shape (…, 2).
    impl
        The generator: "philox4x64", the only one.

    Returns
    -------
    numpy.ndarray
        uint64 of shape (…, 2).

    Raises
    ------
    ArgumentError, OptionError
        It is no array of keys, or the generator is unknown.

    Examples
    --------
    >>> wrap_key_data(np.array([3, 0], np.uint64))
    array([3, 0], dtype=uint64)
    """
    _check_implementation(impl)
    return _check_keys(key_bits_array, "wrap_key_data").copy()


def key_impl(keys: Any) -> str:
    """The generator of a key.

    Parameters
    ----------
    keys
        A key, or keys of shape (…, 2).

    Returns
    -------
    str
        "philox4x64".

    Raises
    ------
    ArgumentError
        It is no array of keys.

    Examples
    --------
    >>> key_impl(key(3))
    'philox4x64'
    """
    _check_keys(keys, "key_impl")
    return _IMPLEMENTATION


def key_dtype(impl_spec: str | None = None) -> np.dtype:
    """The dtype of keys.

    Parameters
    ----------
    impl_spec
        The generator: "philox4x64", the only one.

    Returns
    -------
    numpy.dtype
        uint64.

    Raises
    ------
    OptionError
        The generator is unknown.

    Examples
    --------
    >>> key_dtype()
    dtype('uint64')
    """
    _check_implementation(impl_spec)
    return KEY_DTYPE


def check_key(key: Any, function: str) -> Any:
    """`key`, or an error if it is not one key."""
    if key.__class__ is np.ndarray and key.dtype is KEY_DTYPE and key.shape == (2,):
        return key
    shape = _check_keys(key, function).shape
    if shape != (2,):
        raise ShapeError(
            f"{function} expected one key, got an array of {math.prod(shape[:-1])} keys, of shape {shape}",
            instead=f"functrace.vmap(functrace.random.{function}, …)(keys, …), or one of the keys",
        )
    return key


def _check_keys(keys: Any, function: str) -> Any:
    if not isinstance(keys, (np.ndarray, Tracer)):
        seed = keys if isinstance(keys, int) else 0
        raise ArgumentError(f"{function} expected a key, got {describe(keys)}", instead=f"functrace.random.key({seed})")
    if keys.dtype != KEY_DTYPE or keys.shape[-1:] != (2,):
        raise ArgumentError(
            f"{function} expected a key (uint64 of shape (2,)), got {short_dtype(keys.dtype)} of shape {keys.shape}",
            instead="functrace.random.key(0)",
        )
    return keys


def _check_implementation(impl: str | None) -> None:
    if impl not in (None, _IMPLEMENTATION):
        raise OptionError(f"expected the generator {_IMPLEMENTATION!r}, got {impl!r}")


def _integer(value: Any, function: str, what: str) -> Any:
    """A Python int or a tracer, or an error if it is not one integer."""
    aval = aval_of(value) if isinstance(value, (np.ndarray, np.generic, Tracer)) else None
    if aval is None and isinstance(value, int):
        return int(value)
    if aval is None or aval.dtype.kind not in "biu":
        raise DtypeError(f"{function} expected {what}, got {describe(value) if aval is None else aval}")
    if aval.shape:
        raise ShapeError(
            f"{function} expected one integer, got an array of shape {aval.shape}",
            instead=f"functrace.vmap(functrace.random.{function})",
        )
    if isinstance(value, Tracer):
        return convert_element_type(value, np.uint8) if aval.dtype.kind == "b" else value
    return int(value)
