"""Philox4x64-10, the counter-based generator of `numpy.random.Philox`: its words for one key, and for many at once.

A key is two words of 64 bits. The words of a key's stream are those that ``numpy.random.Philox(key=key)`` gives; other
streams of the same key begin at a counter whose upper words are not zero, and so never meet it.

References
----------
J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC '11.
"""

from __future__ import annotations

import numpy as np
import numpy.random as numpy_random

#: The upper word of the counter: what the words are for.
DRAWS, SPLITS, FOLDS, RETRIES = range(4)

_LANES = 1 << 13  # how many blocks of four words are worked on at a time
# numpy.random.Philox counts up before it gives its first block: its first counter is 1
_WORDS_OF_A_LOOP, _KEYS_OF_A_LOOP = 64, 32  # for so many words, or so few keys, NumPy's generator is faster, key by key
_ROUNDS = 10
_MULTIPLIERS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_WEYL = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


def words(keys: np.ndarray, count: int, stream: int = DRAWS) -> np.ndarray:
    """The first words of a stream of each key.

    Parameters
    ----------
    keys
        uint64 of shape (keys, 2).
    count
        How many words of each.
    stream
        `DRAWS`, `SPLITS`, …

    Returns
    -------
    numpy.ndarray
        uint64 of shape (keys, count); each row is the same whatever the other keys are.

    Examples
    --------
    >>> key = np.array([7, 0], np.uint64)
    >>> np.array_equal(words(key[None], 3)[0], np.random.Philox(key=7).random_raw(3))
    True
    """
    if len(keys) < _KEYS_OF_A_LOOP or count >= _WORDS_OF_A_LOOP:
        return _words_by_numpy(keys, count, stream)
    numbers = np.arange(1, -(-count // 4) + 1, dtype=np.uint64)
    each = blocks(np.repeat(keys, len(numbers), axis=0), np.tile(numbers, len(keys)), stream=stream)
    return np.ascontiguousarray(each.reshape(len(keys), 4 * len(numbers))[:, :count])


def blocks(keys: np.ndarray, numbers: np.ndarray, upper: int = 0, stream: int = DRAWS) -> np.ndarray:
    """One block of four words for each key, at the counter (number, 0, upper, stream).

    Parameters
    ----------
    keys
        uint64 of shape (blocks, 2).
    numbers
        uint64 of shape (blocks,).
    upper, stream
        The upper two words of the counter.

    Returns
    -------
    numpy.ndarray
        uint64 of shape (blocks, 4).
    """
    out = np.empty((len(keys), 4), np.uint64)
    if len(keys) < _KEYS_OF_A_LOOP:
        for row, key, number in zip(out, keys, numbers.tolist(), strict=True):
            counter = number + (upper << 128) + (stream << 192)
            row[:] = numpy_random.Philox(key=key, counter=(counter - 1) % (1 << 256)).random_raw(4)
        return out
    for start in range(0, len(keys), _LANES):
        part = slice(start, start + _LANES)
        lanes = np.zeros((4, len(keys[part])), np.uint64)
        lanes[0], lanes[2], lanes[3] = numbers[part], upper, stream
        out[part].T[...] = _rounds(lanes, keys[part].T.copy())
    return out


def multiply_high(x: np.ndarray, y: np.ndarray | np.uint64) -> np.ndarray:
    """The upper 64 bits of the products of uint64."""
    x_low, x_high = x & _LOW, x >> _HALF
    y_low, y_high = y & _LOW, y >> _HALF
    middle = x_high * y_low + (x_low * y_low >> _HALF)
    return x_high * y_high + (middle >> _HALF) + (x_low * y_high + (middle & _LOW) >> _HALF)


def _words_by_numpy(keys: np.ndarray, count: int, stream: int) -> np.ndarray:
    generator = numpy_random.Philox(key=keys[0] if len(keys) else 0, counter=[0, 0, 0, stream])
    if len(keys) == 1:
        return np.asarray(generator.random_raw(count)).reshape(1, count)
    out = np.empty((len(keys), count), np.uint64)
    state = generator.state
    for row, key in zip(out, keys, strict=True):
        state["state"]["key"] = key
        generator.state = state
        row[:] = generator.random_raw(count)
    return out


def _rounds(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        for _ in range(_ROUNDS):
            first, second = _MULTIPLIERS[0] * counter[0], _MULTIPLIERS[1] * counter[2]
            counter = np.stack(
                (
                    multiply_high(counter[2], _MULTIPLIERS[1]) ^ counter[1] ^ key[0],
                    second,
                    multiply_high(counter[0], _MULTIPLIERS[0]) ^ counter[3] ^ key[1],
                    first,
                )
            )
            key[0] += _WEYL[0]
            key[1] += _WEYL[1]
    return counter
