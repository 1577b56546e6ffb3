"""The sums, maxima and minima of windows: NumPy's part, an axis after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..compiler.runtime import in_blocks
from .computations import identity_of
from .windows import Windows, phases

_UFUNCS = {"add": np.add, "max": np.maximum, "min": np.minimum}
_CHUNK_BYTES = 1 << 20  # of the array: what one axis leaves is in the cache when the next comes
_THREADED_BYTES = 1 << 22  # of an array that is worth a second thread


def reduced(operation: str, x: Any, windows: Windows) -> Any:
    """Each window of `x` reduced by ``"add"``, ``"max"`` or ``"min"``."""
    x = np.asarray(x)
    out = np.empty(windows.counts(x.shape), x.dtype)
    axes = _axes(windows, x.shape)
    if axes:
        by_rows(lambda rows: _reduce_axes(operation, x[rows], out[rows], axes), x, windows)
    else:
        out[...] = x
    return out if out.ndim else out[()]


def by_rows(run: Callable[[Any], None], x: np.ndarray, windows: Windows) -> None:
    """Run on all rows of the first axis; where no window meets two of them in pieces that stay in the cache."""
    if x.nbytes <= _CHUNK_BYTES or not x.ndim or windows.slide_along(0):
        run(...)
        return
    rows = max(_CHUNK_BYTES * len(x) // x.nbytes, 1)

    def in_pieces(start: int, stop: int) -> None:
        for first in range(start, stop, rows):
            run(slice(first, min(first + rows, stop)))

    in_blocks(in_pieces, len(x), rows if x.nbytes > _THREADED_BYTES else len(x))


class _Part(NamedTuple):
    """Some windows along an axis, and what they are made of.

    Attributes
    ----------
    windows
        Which windows.
    whole
        Elements of which each of these windows has one.
    rest
        Elements that only some of these windows have, with which ones.
    """

    windows: tuple[slice, ...]
    whole: list[tuple[slice, ...]]
    rest: list[tuple[tuple[slice, ...], tuple[slice, ...]]]


@lru_cache(maxsize=1024)
def _axes(windows: Windows, shape: tuple[int, ...]) -> list[tuple[int, int, list[_Part]]]:
    """The axes along which there is something to reduce, with how many windows there are and their parts."""
    axes = []
    for axis, parameters in enumerate(zip(shape, windows.counts(shape), *windows, strict=True)):
        if not windows.slide_along(axis):
            continue
        extent, count, window, stride, (low, _), base_dilation, window_dilation = parameters
        lead = (slice(None),) * axis
        parts = []
        for phase in phases(extent, window, count, stride, low, base_dilation, window_dilation):
            met = [phase.sweep.met(k) for k in range(phase.sweep.window)]
            everywhere = slice(0, phase.sweep.positions)
            parts.append(
                _Part(
                    (*lead, phase.windows),
                    [(*lead, elements) for some, elements in met if some == everywhere != slice(0, 0)],
                    [
                        ((*lead, some), (*lead, elements))
                        for some, elements in met
                        if some not in (everywhere, slice(0, 0))
                    ],
                )
            )
        axes.append((axis, count, parts))
    return axes


def _reduce_axes(operation: str, x: np.ndarray, out: np.ndarray, axes: Sequence[tuple[int, int, list[_Part]]]) -> None:
    ufunc = _UFUNCS[operation]
    for axis, count, parts in axes:
        shape = list(x.shape)
        shape[axis] = count
        reduced = out if axis == axes[-1][0] else np.empty(shape, x.dtype)
        for windows, whole, rest in parts:
            target = reduced[windows]
            if len(whole) > 1:
                ufunc(x[whole[0]], x[whole[1]], out=target)
            else:
                target[...] = x[whole[0]] if whole else identity_of(operation, out.dtype)
            for elements in whole[2:]:
                ufunc(target, x[elements], out=target)
            for some, elements in rest:
                ufunc(target[some], x[elements], out=target[some])
        x = reduced
