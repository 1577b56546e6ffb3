"""`gather`: many windows of an array at once, with JAX's dimension numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import canonical_shape
from ..errors import ShapeError
from .elementwise import where
from .index_update import default_fill
from .indexing import getitem_p
from .shape import dtype_of, reshape, shape_of, transpose
from .window_index import GatherScatterMode, checked_numbers, clamped, inside, placement, start_entries


class GatherDimensionNumbers(NamedTuple):
    """Which axis is what in a `gather`.

    Attributes
    ----------
    offset_dims
        The axes of the result in which the windows lie, in the order of the operand's axes; the others count the
        windows, as the axes of the starts do.
    collapsed_slice_dims
        The axes of the operand in which a window has extent 1 and that the result lacks.
    start_index_map
        The axis of the operand of which each entry of a start is.
    operand_batching_dims, start_indices_batching_dims
        Axes of the operand and of the starts that go together, example by example.
    """

    offset_dims: tuple[int, ...]
    collapsed_slice_dims: tuple[int, ...]
    start_index_map: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    start_indices_batching_dims: tuple[int, ...] = ()


def gather(
    operand: Any,
    start_indices: Any,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Sequence[int],
    *,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    mode: str | GatherScatterMode | None = None,
    fill_value: Any = None,
) -> Any:
    """Windows of an array, all of one size.

    Parameters
    ----------
    operand
        An array.
    start_indices
        Integers; along the last axis the entries of a window's start, the other axes count the windows.
    dimension_numbers
        Which axis is what.
    slice_sizes
        The extent of a window along each axis of `operand`.
    unique_indices
        A promise that no two windows meet.
    indices_are_sorted
        Accepted; it makes no difference here.
    mode
        What is done with windows that reach out of the array; by default it is promised that there are none.
    fill_value
        What they are filled with; by default NaN, for integers the least (unsigned: the greatest) that the dtype has,
        for booleans True.

    Returns
    -------
    array
        A window for each start.

    Raises
    ------
    ShapeError, OptionError
        The shapes or the dimension numbers do not fit.
    DtypeError
        The starts are no integers.

    Examples
    --------
    >>> import numpy as np
    >>> rows = GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
    >>> gather(np.arange(6).reshape(3, 2), np.array([[2], [0]]), rows, (1, 2))
    array([[4, 5],
           [0, 1]])
    """
    chosen = GatherScatterMode.from_any("promise_in_bounds" if mode is None else mode)
    shape = shape_of(operand)
    if not shape:  # as an array of one element
        of_line = dimension_numbers._replace(collapsed_slice_dims=(0,))
        line = reshape(operand, (1,))
        return gather(
            line, start_indices, of_line, (1,), unique_indices=unique_indices, mode=mode, fill_value=fill_value
        )
    numbers = checked_numbers("gather", shape, start_indices, dimension_numbers)
    sizes = canonical_shape(slice_sizes)
    if len(sizes) != len(shape) or any(size > extent for size, extent in zip(sizes, shape, strict=True)):
        raise ShapeError(f"gather expected slice_sizes that fit into shape {shape}, got {sizes}")
    if any(sizes[axis] != 1 for axis in (*numbers.dropped, *numbers.batch)):
        raise ShapeError(
            f"gather expected slice_sizes of 1 in the axes {(*numbers.dropped, *numbers.batch)}, which the result "
            f"lacks, got {sizes}"
        )
    windows = shape_of(start_indices)[:-1]
    entries = start_entries(start_indices, len(numbers.started))
    promised = chosen is GatherScatterMode.PROMISE_IN_BOUNDS
    kept = inside(entries, numbers.started, shape, sizes) if chosen is GatherScatterMode.FILL_OR_DROP else None
    if not promised:
        entries = clamped(entries, numbers.started, shape, sizes)
    # windows that were moved may meet others, in spite of a promise
    unique = unique_indices and (promised or (chosen is GatherScatterMode.FILL_OR_DROP and kept is None))
    index, arrays, permutation = placement(operand, entries, windows, numbers, sizes, unique)
    out = transpose(getitem_p(operand, *arrays, index=index), permutation)
    if kept is None:
        # one window may be a view
        return out.copy() if not windows and isinstance(out, np.ndarray) else out
    extents = iter(windows)
    mask = reshape(kept, [1 if axis in numbers.window_axes else next(extents) for axis in range(len(permutation))])
    dtype = dtype_of(operand)
    return where(mask, out, default_fill(dtype) if fill_value is None else dtype.type(fill_value))
