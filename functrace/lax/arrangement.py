"""Arrays joined, split, repeated and given other axes: made of the primitives of `shape` and `indexing`."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..core import aval as avals
from ..core.aval import Shape, canonical_shape
from ..errors import ArgumentError, OptionError, ShapeError
from .creation import full
from .indexing import getitem
from .shape import (
    broadcast_in_dim,
    broadcast_to,
    canonical_axis,
    concatenate,
    dtype_of,
    expand_dims,
    ndim_of,
    reshape,
    shape_of,
    transpose,
)


def dtype(x: Any) -> np.dtype:
    """The dtype of an array, a tracer or a number."""
    return dtype_of(x)


def shape_as_value(shape: Sequence[int]) -> np.ndarray:
    """A shape as an array of integers."""
    return np.asarray(canonical_shape(shape), np.intp)


def empty(shape: int | Sequence[int], dtype: Any) -> Any:
    """An array with nothing said of its values: here zeros, the same on every run."""
    return full(shape, 0, dtype)


def broadcast_shapes(*shapes: Sequence[int]) -> Shape:
    """The shape to which arrays of these shapes broadcast.

    Examples
    --------
    >>> broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    return avals.broadcast_shapes(*[canonical_shape(shape) for shape in shapes])


def broadcast(operand: Any, sizes: Sequence[int]) -> Any:
    """An array repeated along new axes in front.

    Examples
    --------
    >>> import numpy as np
    >>> broadcast(np.array([1, 2]), (2,))
    array([[1, 2],
           [1, 2]])
    """
    lead = canonical_shape(sizes)
    shape = shape_of(operand)
    return broadcast_in_dim(operand, (*lead, *shape), range(len(lead), len(lead) + len(shape)))


def broadcast_like(arr: Any, like_arr: Any) -> Any:
    """An array broadcast to the shape of another one."""
    return broadcast_to(arr, shape_of(like_arr))


def broadcast_to_rank(x: Any, rank: int) -> Any:
    """An array with axes of extent 1 in front, so that it has `rank` axes.

    Raises
    ------
    ShapeError
        It has more.
    """
    more = rank - ndim_of(x)
    if more < 0:
        raise ShapeError(f"broadcast_to_rank expected an array of at most {rank} axes, got shape {shape_of(x)}")
    return reshape(x, (*[1] * more, *shape_of(x)))


def collapse(operand: Any, start_dimension: int, stop_dimension: int | None = None) -> Any:
    """An array with the axes from `start_dimension` up to `stop_dimension` merged into one.

    Examples
    --------
    >>> import numpy as np
    >>> collapse(np.ones((2, 3, 4)), 0, 2).shape
    (6, 4)
    """
    shape = shape_of(operand)
    start, stop, _ = builtins.slice(start_dimension, stop_dimension).indices(len(shape))
    if stop < start:
        raise OptionError(f"collapse expected a range of axes, got {start_dimension} to {stop_dimension} of {shape}")
    return reshape(operand, (*shape[:start], math.prod(shape[start:stop]), *shape[stop:]))


def split(operand: Any, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    """An array in parts along an axis.

    Parameters
    ----------
    operand
        An array.
    sizes
        The extents of the parts, which add up to that of the axis.
    axis
        Along which axis.

    Examples
    --------
    >>> import numpy as np
    >>> split(np.arange(5), (2, 3))
    [array([0, 1]), array([2, 3, 4])]
    """
    axis = canonical_axis(axis, ndim_of(operand))
    extents = canonical_shape(sizes)
    if sum(extents) != shape_of(operand)[axis]:
        raise ShapeError(
            f"split expected sizes that add up to {shape_of(operand)[axis]}, the extent of axis {axis}, got {extents}"
        )
    lead = (builtins.slice(None),) * axis
    edges = accumulate(extents, initial=0)
    return [getitem(operand, (*lead, builtins.slice(first, last))) for first, last in pairwise(edges)]


def stack(operands: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis."""
    parts = list(operands)
    if not parts:
        raise ArgumentError("stack expected at least one array")
    axis = canonical_axis(axis, ndim_of(parts[0]) + 1)
    return concatenate([expand_dims(part, [axis]) for part in parts], axis)


def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """The arrays that stand along an axis."""
    axis = canonical_axis(axis, ndim_of(x))
    lead = (builtins.slice(None),) * axis
    return tuple([getitem(x, (*lead, number)) for number in range(shape_of(x)[axis])])


def tile(operand: Any, reps: Sequence[int]) -> Any:
    """An array repeated along its axes; a number for each.

    Examples
    --------
    >>> import numpy as np
    >>> tile(np.array([[1, 2]]), (2, 2))
    array([[1, 2, 1, 2],
           [1, 2, 1, 2]])
    """
    shape, counts = shape_of(operand), canonical_shape(reps)
    if len(shape) != len(counts):
        raise ShapeError(f"tile expected a number of repetitions for each axis of shape {shape}, got {counts}")
    apart = [extent for each in zip(counts, shape, strict=True) for extent in each]
    repeated = broadcast_in_dim(operand, apart, range(1, len(apart), 2))
    return reshape(repeated, [count * extent for count, extent in zip(counts, shape, strict=True)])


def index_take(src: Any, idxs: Sequence[Any], axes: Sequence[int]) -> Any:
    """What stands at positions along several axes; positions out of bounds are counted on from the other end.

    Parameters
    ----------
    src
        An array.
    idxs
        Integer arrays of one axis and of one length, one for each of the axes.
    axes
        The axes that they are positions of.

    Returns
    -------
    array
        Its first axis is that of the positions, then come the other axes of `src`.

    Examples
    --------
    >>> import numpy as np
    >>> index_take(np.arange(6).reshape(2, 3), (np.array([0, 1]), np.array([-1, 3])), (0, 1))
    array([2, 3])
    """
    rank = ndim_of(src)
    chosen = [canonical_axis(axis, rank) for axis in axes]
    front = transpose(src, (*chosen, *[axis for axis in range(rank) if axis not in chosen]))
    extents = shape_of(front)
    return getitem(front, tuple([index % extents[place] for place, index in enumerate(idxs)]))
