"""The scatters: an array with many windows set, added to, multiplied … at once, with JAX's dimension numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core.aval import Shape, canonical_shape
from ..core.primitive import Primitive
from ..errors import DtypeError, ShapeError
from .elementwise import neg
from .index_update import rounds
from .indexing import getitem, getitem_p
from .scatter import scatter_add_p, scatter_max_p, scatter_min_p, scatter_mul_p, scatter_p
from .shape import dtype_of, inverse_permutation, pad, reshape, shape_of, transpose
from .window_index import (
    GatherScatterMode,
    Placement,
    checked_numbers,
    clamped,
    drop_windows,
    inside,
    placement,
    start_entries,
)


class ScatterDimensionNumbers(NamedTuple):
    """Which axis is what in a scatter.

    Attributes
    ----------
    update_window_dims
        The axes of the updates in which the windows lie, in the order of the operand's axes; the others count the
        windows, as the axes of the starts do.
    inserted_window_dims
        The axes of the operand in which a window has extent 1 and that the updates lack.
    scatter_dims_to_operand_dims
        The axis of the operand of which each entry of a start is.
    operand_batching_dims, scatter_indices_batching_dims
        Axes of the operand and of the starts that go together, example by example.
    """

    update_window_dims: tuple[int, ...]
    inserted_window_dims: tuple[int, ...]
    scatter_dims_to_operand_dims: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    scatter_indices_batching_dims: tuple[int, ...] = ()


def scatter(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """An array with windows replaced; where windows meet, one that comes later replaces what came before.

    Parameters
    ----------
    operand
        An array; it is not changed.
    scatter_indices
        Integers; along the last axis the entries of a window's start, the other axes count the windows.
    updates
        The windows, of the dtype of `operand`.
    dimension_numbers
        Which axis is what.
    indices_are_sorted
        Accepted; it makes no difference here.
    unique_indices
        A promise that no two windows meet: what can be done faster then, is.
    mode
        What is done with windows that reach out of the array; by default they are dropped.

    Returns
    -------
    array
        Of the shape and dtype of `operand`.

    Raises
    ------
    ShapeError, OptionError
        The shapes or the dimension numbers do not fit.
    DtypeError
        The starts are no integers, or the updates are not of the operand's dtype.

    Examples
    --------
    >>> import numpy as np
    >>> elements = ScatterDimensionNumbers((), (0,), (0,))
    >>> scatter(np.zeros(4), np.array([[1], [7]]), np.array([5.0, 6.0]), elements)
    array([0., 5., 0., 0.])
    """
    return _scatter(scatter_p, operand, scatter_indices, updates, dimension_numbers, unique_indices, mode)


def scatter_add(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """An array with windows added to it, each as often as it comes; arguments as `scatter`."""
    return _scatter(scatter_add_p, operand, scatter_indices, updates, dimension_numbers, unique_indices, mode)


def scatter_sub(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """An array with windows subtracted from it, each as often as it comes; arguments as `scatter`."""
    return _scatter(scatter_add_p, operand, scatter_indices, neg(updates), dimension_numbers, unique_indices, mode)


def scatter_mul(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """An array multiplied with windows, each as often as it comes; arguments as `scatter`.

    It has derivatives also where windows meet, which JAX's has not.
    """
    return _scatter(scatter_mul_p, operand, scatter_indices, updates, dimension_numbers, unique_indices, mode)


def scatter_min(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """An array with the least of each element and of those of windows; arguments as `scatter`."""
    return _scatter(scatter_min_p, operand, scatter_indices, updates, dimension_numbers, unique_indices, mode)


def scatter_max(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """An array with the greatest of each element and of those of windows; arguments as `scatter`."""
    return _scatter(scatter_max_p, operand, scatter_indices, updates, dimension_numbers, unique_indices, mode)


def scatter_apply(
    operand: Any,
    scatter_indices: Any,
    func: Callable[[Any], Any],
    dimension_numbers: ScatterDimensionNumbers,
    *,
    update_shape: Shape = (),
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """An array with a function applied to the elements of windows; where windows meet, as often as they do.

    Parameters
    ----------
    operand, scatter_indices, dimension_numbers, indices_are_sorted, unique_indices, mode
        As for `scatter`. The starts have to be known while the function is traced, or `unique_indices` to be true.
    func
        A function of an array that works element by element.
    update_shape
        The shape that updates would have.

    Examples
    --------
    >>> import numpy as np
    >>> scatter_apply(np.ones(3), np.array([[1]]), np.exp2, ScatterDimensionNumbers((), (0,), (0,)), update_shape=(1,))
    array([1., 2., 1.])
    """

    def write(x: Any, placed: Placement) -> Any:
        index, arrays, _ = placed
        for part, some in [(index, arrays)] if index.unique else rounds(x, index, arrays):
            x = scatter_p(x, func(getitem_p(x, *some, index=part)), *some, index=part)
        return x

    return _at_windows(write, operand, scatter_indices, update_shape, dimension_numbers, unique_indices, mode)


def _scatter(
    primitive: Primitive,
    operand: Any,
    starts: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    unique: bool,
    mode: Any,
) -> Any:
    if dtype_of(updates) != dtype_of(operand):
        raise DtypeError(
            f"{primitive} expected updates of dtype {dtype_of(operand)}, as the array has, got {dtype_of(updates)}",
            instead=f"updates.astype({dtype_of(operand).name!r})",
        )

    def write(x: Any, placed: Placement) -> Any:
        laid = transpose(updates, inverse_permutation(placed.permutation))
        return primitive(x, laid, *placed.arrays, index=placed.static)

    return _at_windows(write, operand, starts, shape_of(updates), dimension_numbers, unique, mode)


def _at_windows(
    write: Callable[[Any, Placement], Any],
    operand: Any,
    starts: Any,
    update_shape: Shape,
    dimension_numbers: ScatterDimensionNumbers,
    unique: bool,
    mode: Any,
) -> Any:
    """What `write` makes of the array and its windows, without those that are dropped."""
    chosen = GatherScatterMode.from_any(mode)
    shape = shape_of(operand)
    if not shape:  # as an array of one element
        of_line = dimension_numbers._replace(inserted_window_dims=(0,))
        out = _at_windows(write, reshape(operand, (1,)), starts, update_shape, of_line, unique, mode)
        return reshape(out, ())
    numbers = checked_numbers("scatter", shape, starts, dimension_numbers)
    windows = shape_of(starts)[:-1]
    sizes = _window_sizes(shape, windows, canonical_shape(update_shape), *numbers[:2], numbers.batch)
    entries = start_entries(starts, len(numbers.started))
    if chosen is GatherScatterMode.CLIP:
        entries, unique = clamped(entries, numbers.started, shape, sizes), False
    kept = inside(entries, numbers.started, shape, sizes) if chosen is GatherScatterMode.FILL_OR_DROP else None
    if kept is None:
        return write(operand, placement(operand, entries, windows, numbers, sizes, unique))
    config, entries = drop_windows(operand, entries, numbers, sizes, kept)
    roomy = pad(operand, dtype_of(operand).type(0), config)
    out = write(roomy, placement(roomy, entries, windows, numbers, sizes, unique))
    return getitem(out, tuple([slice(extent) for extent in shape]))


def _window_sizes(
    shape: Shape,
    windows: Shape,
    update_shape: Shape,
    window_axes: tuple[int, ...],
    dropped: tuple[int, ...],
    batch: tuple[int, ...],
) -> Shape:
    """The extent of a window along each axis of the array, from the shape of the updates."""
    if len(update_shape) != len(windows) + len(window_axes):
        raise ShapeError(
            f"scatter expected updates with {len(windows)} axes that count windows and {len(window_axes)} of a window, "
            f"got shape {update_shape}"
        )
    counted = tuple([extent for axis, extent in enumerate(update_shape) if axis not in window_axes])
    extents = iter([update_shape[axis] for axis in window_axes])
    sizes = tuple([1 if axis in dropped or axis in batch else next(extents) for axis in range(len(shape))])
    if counted != windows or any(size > extent for size, extent in zip(sizes, shape, strict=True)):
        raise ShapeError(
            f"scatter expected updates for windows {windows} that fit into shape {shape}, got windows {counted} of "
            f"extents {sizes}"
        )
    return sizes
