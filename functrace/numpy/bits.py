"""Bits in bytes, eight to one."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ..errors import DtypeError
from ..lax.elementwise import bitwise_and, ne, shift_left, shift_right
from ..lax.shape import canonical_axis, convert_element_type, move_axis, pad, reduce_sum, reshape
from .dispatch import as_array, implements

_BYTE = np.dtype(np.uint8)


@implements(np.packbits)
def packbits(a: Any, /, axis: Any = None, bitorder: str = "big") -> Any:
    a = as_array(a)
    if a.dtype.kind not in "biu":
        raise DtypeError(f"numpy.packbits expected integers or booleans, got dtype {a.dtype}")
    lines, axis = _along(a, axis)
    extent = lines.shape[-1]
    bits = convert_element_type(ne(lines, lines.dtype.type(0)), _BYTE)
    bits = pad(bits, _BYTE.type(0), [(0, 0, 0)] * (len(bits.shape) - 1) + [(0, -extent % 8, 0)])
    groups = reshape(bits, (*bits.shape[:-1], (extent + 7) // 8, 8))
    packed = reduce_sum(shift_left(groups, _shifts(bitorder)), (len(groups.shape) - 1,))
    return move_axis(convert_element_type(packed, _BYTE), len(packed.shape) - 1, axis)


@implements(np.unpackbits)
def unpackbits(a: Any, /, axis: Any = None, count: Any = None, bitorder: str = "big") -> Any:
    a = as_array(a)
    if a.dtype != _BYTE:
        raise DtypeError(f"Expected an input array of unsigned byte data type, got dtype {a.dtype}")
    lines, axis = _along(a, axis)
    shifted = shift_right(reshape(lines, (*lines.shape, 1)), _shifts(bitorder))
    bits = reshape(bitwise_and(shifted, _BYTE.type(1)), (*lines.shape[:-1], 8 * lines.shape[-1]))
    if count is not None:
        extent, count = bits.shape[-1], index(count)
        kept = count if count >= 0 else extent + count
        if kept < 0:
            raise ValueError(f"-count larger than number of elements: {-count} of {extent}")
        bits = pad(bits, _BYTE.type(0), [(0, 0, 0)] * (len(bits.shape) - 1) + [(0, kept - extent, 0)])
    return move_axis(bits, len(bits.shape) - 1, axis)


def _along(a: Any, axis: Any) -> tuple[Any, int]:
    """The array with an axis as its last, and where that axis belongs; without one it is flattened."""
    if axis is None:
        return reshape(a, (-1,)), 0
    axis = canonical_axis(axis, len(a.shape))
    return move_axis(a, axis, len(a.shape) - 1), axis


def _shifts(bitorder: str) -> np.ndarray:
    """By how much each bit of a byte is shifted."""
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return np.arange(8, dtype=_BYTE)[:: 1 if bitorder == "little" else -1]
