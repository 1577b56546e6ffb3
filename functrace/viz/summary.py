"""A value in a few lines: small arrays by their numbers, large ones by shape, range and a tiny histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.aval import aval_of

#: Arrays of at most this many elements, and at most `_ROWS` rows, are shown by their numbers.
SMALL = 12
_ROWS = 4
_BINS = 16


@dataclass(frozen=True)
class Summary:
    """What is shown of a value.

    Attributes
    ----------
    aval
        Its dtype and shape, as ``f64[3,4]``.
    lines
        Its numbers, a row a line; of a large array its least, mean and greatest.
    histogram
        How many of a large array's finite elements lie in each of equal parts of its range; else, and where they are
        all the same, empty.
    is_whole
        Whether the lines give every number.
    """

    aval: str
    lines: tuple[str, ...]
    histogram: tuple[int, ...] = ()
    is_whole: bool = True

    @property
    def text(self) -> str:
        """All on one line."""
        line = " ".join(self.lines)
        return line if self.is_whole else f"{self.aval} {line}"


def summary_of(value: Any) -> Summary:
    """What is shown of an array or a number."""
    array = np.asarray(value)
    aval = str(aval_of(value))
    if array.dtype.kind == "V":  # the gradient of an integer: it takes no room
        return Summary(aval, ("0",))
    rows = array.size // array.shape[-1] if array.ndim and array.size else 1
    if array.size <= SMALL and rows <= _ROWS:
        return Summary(aval, _numbers(array))
    return _of_large(array, aval)


def number_text(x: Any) -> str:
    """A number with four digits that count: 0.25, 1.234e-05, 3, nan; complex numbers as 1+2j."""
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    if isinstance(x, (complex, np.complexfloating)):
        imaginary = number_text(x.imag)
        return f"{number_text(x.real)}{'' if imaginary.startswith('-') else '+'}{imaginary}j"
    if isinstance(x, (int, np.integer)):
        return str(int(x))
    text = f"{float(x):.4g}"
    return "0" if text == "-0" else text


def _numbers(array: np.ndarray) -> tuple[str, ...]:
    if array.ndim == 0:
        return (number_text(array[()]),)
    if array.size == 0:
        return ("empty",)
    rows = array.reshape(-1, array.shape[-1])
    return tuple(["[" + " ".join(number_text(x) for x in row) + "]" for row in rows])


def _of_large(array: np.ndarray, aval: str) -> Summary:
    if array.dtype.kind == "c":
        array, prefix = np.abs(array), "|z| "
    else:
        prefix = ""
    wide = array.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    missing = wide.size - finite.size
    if not finite.size:
        return Summary(aval, (f"{missing} not finite",), is_whole=False)
    low, high = finite.min(), finite.max()
    with np.errstate(over="ignore"):
        mean, spread = finite.mean(), high - low
    line = f"{prefix}{number_text(low)} … {number_text(high)}, mean {number_text(mean)}"
    if spread == 0:
        line = f"{prefix}all {number_text(low)}"
    lines = (line,) if not missing else (line, f"{missing} not finite")
    if not (np.isfinite(spread) and spread > 0):
        return Summary(aval, lines, is_whole=False)
    counts, _ = np.histogram(finite, _BINS, (low, high))
    return Summary(aval, lines, tuple(counts.tolist()), is_whole=False)
