"""Pieces of a signal that overlap: cut out of it, and added up to one. Each is the transpose of the other.

Neither needs indices. A signal is written as rows of `step` elements; a frame is some rows that follow each other. Of
several copies of the rows, one below the other, each with one row more than the frames need, the next copy starts one
row later when they are read as copies with one row less: so copy i holds the i-th row of every frame.
"""

from __future__ import annotations

from typing import Any

from ...lax.fft import resized
from ...lax.indexing import getitem
from ...lax.shape import broadcast_in_dim, move_axis, reduce_sum, reshape


def framed(x: Any, length: int, step: int) -> Any:
    """The frames of the last axis, as many as lie within it: the last two axes are their number and the place in one.

    Parameters
    ----------
    x
        Signals along the last axis, at least `length` long.
    length, step
        Of a frame; from the start of a frame to that of the next.

    Examples
    --------
    >>> import numpy as np
    >>> framed(np.arange(7), 3, 2)
    array([[0, 1, 2],
           [2, 3, 4],
           [4, 5, 6]])
    """
    lead = x.shape[:-1]
    count = (x.shape[-1] - length) // step + 1
    depth = -(-length // step)
    rows = count + depth - 1
    x = resized(x, rows * step, x.ndim - 1)
    if depth == 1:
        return getitem(reshape(x, (*lead, rows, step)), (..., slice(length)))
    axis = len(lead)
    copies = broadcast_in_dim(
        reshape(x, (*lead, rows, step)), (*lead, depth, rows, step), (*range(axis), axis + 1, axis + 2)
    )
    flat = resized(reshape(copies, (*lead, depth * rows, step)), depth * (rows + 1), axis)
    parts = getitem(reshape(flat, (*lead, depth, rows + 1, step)), (..., slice(count), slice(None)))
    return getitem(reshape(move_axis(parts, axis, axis + 1), (*lead, count, depth * step)), (..., slice(length)))


def overlap_added(frames: Any, axis: int, step: int) -> Any:
    """Frames added up where they overlap, each `step` behind the one before.

    Parameters
    ----------
    frames
        An array in which `axis` is the place in a frame, and the axis before it the frame's number.
    axis
        The axis, which the result does not have; the one before is the place in the signal.
    step
        From the start of a frame to that of the next.

    Examples
    --------
    >>> import numpy as np
    >>> overlap_added(np.ones((3, 3)), 1, 2)
    array([1., 1., 2., 1., 2., 1., 1.])
    """
    lead, (count, length), behind = (
        frames.shape[: axis - 1],
        frames.shape[axis - 1 : axis + 1],
        frames.shape[axis + 1 :],
    )
    depth = -(-length // step)
    rows = count + depth - 1
    parts = reshape(resized(frames, depth * step, axis), (*lead, count, depth, step, *behind))
    first = len(lead)
    if depth > 1:
        parts = resized(move_axis(parts, first + 1, first), rows + 1, first + 1)
        flat = resized(reshape(parts, (*lead, depth * (rows + 1), step, *behind)), depth * rows, first)
        parts = reduce_sum(reshape(flat, (*lead, depth, rows, step, *behind)), (first,))
    signal = reshape(parts, (*lead, rows * step, *behind))
    return resized(signal, (count - 1) * step + length, first)
