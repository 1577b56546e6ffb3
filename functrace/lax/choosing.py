"""`numpy.where` on large arrays of floats, by their bits.

NumPy's goes through the mask element by element, and a processor that cannot guess the next one waits: on a random mask
it takes ten nanoseconds an element. Bits are chosen without a question: (x ^ y) & mask ^ y, with all bits of a mask's
element set or none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.aval import Shape

#: From so many elements on it is faster.
_MANY = 4096
_BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def is_chosen_by_bits(condition: Shape, out: Shape, size: int, dtype: np.dtype) -> bool:
    """Whether a choice is made so: of a mask's shape, the result's, its size and dtype."""
    return size >= _MANY and condition == out and dtype in _BITS


def choose(condition: Any, x: Any, y: Any) -> Any:
    """``numpy.where(condition, x, y)``, to the bit.

    Parameters
    ----------
    condition
        Booleans.
    x, y
        Arrays or numbers that broadcast with it.

    Examples
    --------
    >>> choose(np.array([True, False]), np.array([1.0, 2.0]), 0.0)
    array([1., 0.])
    """
    dtype = np.result_type(x, y)
    shape = np.shape(condition)
    whole = np.shape(x) in ((), shape) and np.shape(y) in ((), shape)
    if not (whole and is_chosen_by_bits(shape, shape, np.size(condition), dtype) and condition.dtype == np.bool_):
        out = np.where(condition, x, y)
        return out if out.ndim else out[()]
    kind = _BITS[dtype]
    on_true, on_false = np.asarray(x, dtype).view(kind), np.asarray(y, dtype).view(kind)
    if _is_zero(on_true):  # in the commonest choices one side is 0
        mask = np.subtract(condition.view(np.int8), 1, dtype=np.int8).astype(kind)  # -1 or 0: all bits or none
        return np.bitwise_and(mask, on_false, out=mask).view(dtype)
    mask = np.negative(condition.view(np.int8)).astype(kind)
    if _is_zero(on_false):
        return np.bitwise_and(mask, on_true, out=mask).view(dtype)
    np.bitwise_and(mask, np.bitwise_xor(on_true, on_false), out=mask)
    return np.bitwise_xor(mask, on_false, out=mask).view(dtype)


def _is_zero(bits: np.ndarray) -> bool:
    return bits.ndim == 0 and not bits
