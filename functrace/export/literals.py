"""Values as Python expressions from which exactly the same values come back, to the last bit."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

READABLE = 100  # elements up to which an array is written as numbers; a larger one is written as bytes

_WIDTH = 100
_INDENT = "    "


def float_text(value: float) -> str:
    """A Python float as an expression; infinities and NaN are NumPy's."""
    if math.isfinite(value):
        return repr(value)
    text = "np.nan" if math.isnan(value) else "np.inf"
    return f"-{text}" if math.copysign(1, value) < 0 else text


def number_text(value: Any) -> str:
    """A Python bool, int, float or complex number as an expression."""
    if type(value) is float:
        return float_text(value)
    if type(value) is complex:
        return f"complex({float_text(value.real)}, {float_text(value.imag)})"
    return repr(value)


def scalar_text(value: np.generic) -> str:
    """A NumPy scalar as an expression."""
    name = f"np.{value.dtype.type.__name__}"
    if _is_exact(np.asarray(value)):
        return f"{name}({number_text(value.item())})"
    return f"np.frombuffer(bytes.fromhex('{_little(np.asarray(value)).tobytes().hex()}'), '{_code(value.dtype)}')[0]"


def array_text(array: np.ndarray) -> str:
    """An array as an expression that gives one with the same elements, in the same order in memory."""
    axes = memory_order(array)
    stored = array.transpose(axes)
    moved = "" if axes == tuple(range(array.ndim)) else f".transpose({_inverse(axes)})"
    dtype = f"np.{array.dtype.type.__name__}"
    if array.size <= READABLE and _is_exact(array):
        listed = _listed(stored.tolist())
        if len(listed) > _WIDTH:
            listed = f"\n{_INDENT}{_wrapped(stored)}"
        shaped = f".reshape({array.shape})" if not array.size and array.ndim > 1 else ""
        return f"np.array({listed}, {dtype}){shaped}{moved}"
    data = _little(stored).tobytes().hex()
    lines = "\n".join([data[start : start + _WIDTH] for start in range(0, len(data), _WIDTH)])
    read = f"np.frombuffer(bytes.fromhex('''\n{lines}\n'''), '{_code(array.dtype)}')"
    return f"{read}.astype({dtype}).reshape({stored.shape}){moved}"


def memory_order(array: np.ndarray) -> tuple[int, ...]:
    """The axes from the one with the longest steps in memory to that with the shortest.

    NumPy sums along an array in the order of its memory, and the last bit of a sum depends on it.
    """
    axes = tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))
    return (
        axes if array.transpose(axes).flags.c_contiguous and not array.flags.c_contiguous else tuple(range(array.ndim))
    )


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple([axes.index(axis) for axis in range(len(axes))])


def _is_exact(array: np.ndarray) -> bool:
    """Whether the elements come back from their text: no NaN with bits of its own, no number wider than Python's."""
    if array.dtype.kind in "biu":
        return True
    if array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8) or array.dtype.char in "gG":
        return False
    parts = np.array(array).reshape(-1).view(array.real.dtype)
    known = np.where(np.signbit(parts), parts.dtype.type(-np.nan), parts.dtype.type(np.nan))
    return np.where(np.isnan(parts), known, parts).tobytes() == parts.tobytes()


def _little(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("<"), order="C")


def _code(dtype: np.dtype) -> str:
    return dtype.newbyteorder("<").str


def _listed(values: Any) -> str:
    if isinstance(values, list):
        return f"[{', '.join([_listed(value) for value in values])}]"
    return number_text(values)


def _wrapped(array: np.ndarray) -> str:
    """The elements in lines, as deep in brackets as the array has axes."""
    if array.ndim > 1:
        rows = f",\n{_INDENT}".join([_wrapped(row) for row in array])
        return f"[{rows}]"
    return textwrap.fill(_listed(array.tolist()), _WIDTH, subsequent_indent=_INDENT + " ", break_long_words=False)
