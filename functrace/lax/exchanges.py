"""Exchanges between the examples of a named batch axis that are made of the collective primitives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import tree
from ..errors import ShapeError
from .collectives import AxisName, all_to_all, axis_size, ppermute
from .shape import canonical_axis, ndim_of, reduce_sum, reshape, shape_of


def pshuffle(x: Any, axis_name: AxisName, perm: Sequence[int]) -> Any:
    """The value of example `perm[i]` for example i.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> functrace.vmap(lambda x: pshuffle(x, "i", [2, 0, 1]), axis_name="i")(np.array([1.0, 3.0, 5.0]))
    array([5., 1., 3.])
    """
    return ppermute(x, axis_name, [(int(source), destination) for destination, source in enumerate(perm)])


def pswapaxes(x: Any, axis_name: AxisName, axis: int) -> Any:
    """The batch axis in the place of an axis of the same extent, and that as the batch axis.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> functrace.vmap(lambda x: pswapaxes(x, "i", 0), axis_name="i")(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 3.],
           [2., 4.]])
    """
    return all_to_all(x, axis_name, axis, axis)


def psum_scatter(x: Any, axis_name: AxisName, *, scatter_dimension: int = 0, tiled: bool = False) -> Any:
    """The sum over the examples, of which example i gets the i-th part along an axis.

    Parameters
    ----------
    x
        A pytree of arrays whose extent along `scatter_dimension` is the number of examples (with `tiled`: a multiple).
    axis_name
        The name of a batch axis.
    scatter_dimension
        The axis of the parts.
    tiled
        Whether parts keep that axis.

    Raises
    ------
    ShapeError
        The extent of the axis is another one.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> functrace.vmap(lambda x: psum_scatter(x, "i"), axis_name="i")(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    size = axis_size(axis_name)

    def summed(leaf: Any) -> Any:
        shape = shape_of(leaf)
        axis = canonical_axis(scatter_dimension, ndim_of(leaf))
        if not tiled:
            return reduce_sum(all_to_all(leaf, axis_name, axis, axis), (axis,))
        if shape[axis] % size:
            raise ShapeError(f"psum_scatter: axis {axis} of shape {shape} is no multiple of {size} examples")
        parts = reshape(leaf, (*shape[:axis], size, shape[axis] // size, *shape[axis + 1 :]))
        return reduce_sum(all_to_all(parts, axis_name, axis, axis), (axis,))

    return tree.map(summed, x)
