"""Many windows of one size into an array, at places that are computed: JAX's dimension numbers as an index.

A window's start is a row of an integer array, whose other axes count the windows. Along an axis of the array that a
window covers whole there is nothing to choose; along each other one an index array says where the elements are.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import Shape, broadcast_shapes, describe
from ..core.trace import concrete_or_none
from ..errors import DtypeError, OptionError, ShapeError
from .creation import full, iota
from .elementwise import clamp_p, where
from .index import ARRAY, Index, layout_of
from .indexing import getitem
from .shape import broadcast_to, convert_element_type, dtype_of, reshape, shape_of


class GatherScatterMode(enum.Enum):
    """What is done with windows that reach out of the array.

    Attributes
    ----------
    CLIP
        They are moved to lie inside.
    FILL_OR_DROP
        What is gathered is filled with a constant, what is scattered is dropped.
    PROMISE_IN_BOUNDS
        There are none. Where the promise is broken an index past the end is NumPy's IndexError when the values are
        there, and a negative one counts from the end.
    """

    CLIP = enum.auto()
    FILL_OR_DROP = enum.auto()
    PROMISE_IN_BOUNDS = enum.auto()

    @staticmethod
    def from_any(mode: str | GatherScatterMode | None) -> GatherScatterMode:
        """The mode from its word: ``"clip"``, ``"fill"`` or ``"drop"`` (also None), ``"promise_in_bounds"``."""
        if isinstance(mode, GatherScatterMode):
            return mode
        try:
            return _MODES[mode]
        except (KeyError, TypeError):
            raise OptionError(f"expected mode to be one of {', '.join(map(repr, _MODES))}, got {mode!r}") from None


_MODES: dict[str | None, GatherScatterMode] = {
    None: GatherScatterMode.FILL_OR_DROP,
    "fill": GatherScatterMode.FILL_OR_DROP,
    "drop": GatherScatterMode.FILL_OR_DROP,
    "clip": GatherScatterMode.CLIP,
    "promise_in_bounds": GatherScatterMode.PROMISE_IN_BOUNDS,
}


class WindowNumbers(NamedTuple):
    """Which axis is what. The dimension numbers of a gather and of a scatter have these in this order.

    Attributes
    ----------
    window_axes
        The axes of the result (of the updates) in which the windows lie, in the order of the array's axes.
    dropped
        The array's axes in which a window has extent 1 and the result no axis.
    started
        The axis of the array of which each entry of a start is.
    batch, starts_batch
        Axes of the array and of the starts that go together: windows of one example lie in that example.
    """

    window_axes: tuple[int, ...]
    dropped: tuple[int, ...]
    started: tuple[int, ...]
    batch: tuple[int, ...]
    starts_batch: tuple[int, ...]


class Placement(NamedTuple):
    """Where the windows are.

    Attributes
    ----------
    static, arrays
        The windows of an array, as `getitem_p` takes them.
    permutation
        For each axis of the result (of the updates) the axis of what stands at the index.
    """

    static: Index
    arrays: list[Any]
    permutation: tuple[int, ...]


def checked_numbers(what: str, shape: Shape, starts: Any, numbers: Sequence[Sequence[int]]) -> WindowNumbers:
    """Dimension numbers as tuples; an error where they do not fit."""
    checked = WindowNumbers(*[tuple([axis.__index__() for axis in axes]) for axes in numbers])
    window_axes, dropped, started, batch, starts_batch = checked
    starts_shape = shape_of(starts)
    if dtype_of(starts).kind not in "iu":
        raise DtypeError(f"{what} expected integers as the windows' starts, got {describe(starts)}")
    if not starts_shape or starts_shape[-1] != len(started):
        raise ShapeError(
            f"{what} expected starts whose last axis has an entry for each of the axes {started}, got shape "
            f"{starts_shape}",
            instead="indices[..., None] for starts along one axis",
        )
    gone = (*dropped, *batch)
    lead = len(starts_shape) - 1
    kept = len(shape) - len(gone)
    for name, axes, count in (
        ("the array's axes without one in the result", gone, len(shape)),
        ("the axes of which there are starts", started, len(shape)),
        ("the axes of the windows", window_axes, lead + kept),
        ("the starts' axes of examples", starts_batch, lead),
    ):
        if len(set(axes)) != len(axes) or any(not 0 <= axis < count for axis in axes):
            raise OptionError(f"{what} expected {name} to be different ones from 0 to {count - 1}, got {axes}")
    if len(window_axes) != kept:
        raise ShapeError(f"{what} expected an axis in the result for each of {kept} axes, got {window_axes}")
    pairs = list(zip(batch, starts_batch, strict=False))
    if len(batch) != len(starts_batch) or any(shape[a] != starts_shape[b] for a, b in pairs) or set(batch) & {*started}:
        raise ShapeError(
            f"{what} expected the same examples in the array's axes {batch} and the starts' axes {starts_batch}, and "
            f"no starts along them, got shapes {shape} and {starts_shape}"
        )
    return checked


def start_entries(starts: Any, count: int) -> list[Any]:
    """The entries of the starts, an integer array for each."""
    return [convert_element_type(getitem(starts, (Ellipsis, number)), np.intp) for number in range(count)]


def inside(entries: Sequence[Any], started: Sequence[int], shape: Shape, sizes: Shape) -> Any:
    """Which windows lie inside the array; None where all are known to."""
    found = None
    for entry, axis in zip(entries, started, strict=True):
        here = (entry >= 0) & (entry <= shape[axis] - sizes[axis])
        found = here if found is None else found & here
    known = None if found is None else concrete_or_none(found)
    return None if found is None or (known is not None and np.all(known)) else found


def clamped(entries: Sequence[Any], started: Sequence[int], shape: Shape, sizes: Shape) -> list[Any]:
    """The starts moved so that the windows lie inside the array."""
    return [clamp_p(0, entry, shape[axis] - sizes[axis]) for entry, axis in zip(entries, started, strict=True)]


def placement(
    x: Any, entries: Sequence[Any], windows: Shape, numbers: WindowNumbers, sizes: Shape, unique: bool
) -> Placement:
    """Windows of `sizes` that lie inside of `x`, as an index; `windows` is the shape in which they are counted."""
    shape, rank = shape_of(x), len(windows)
    start = dict(zip(numbers.started, entries, strict=True))
    examples = dict(zip(numbers.batch, numbers.starts_batch, strict=True))
    whole = [axis for axis, (size, extent) in enumerate(zip(sizes, shape, strict=True)) if size == extent]
    kept = [axis for axis in range(len(shape)) if axis not in numbers.dropped and axis not in examples]
    if not examples and not numbers.dropped and not any(axis in start and axis not in whole for axis in kept):
        # the same window each time: still the index has to say how often
        start[0] = start.get(0, full(windows, 0, np.intp))
        whole = [axis for axis in whole if axis != 0]
    partial = [axis for axis in kept if axis in start and axis not in whole]
    static: list[Any] = []
    arrays: list[Any] = []
    for axis in range(len(shape)):
        if axis in examples:
            place = examples[axis]
            array = reshape(iota(np.intp, shape[axis]), [shape[axis] if n == place else 1 for n in range(rank)])
        elif axis in numbers.dropped:
            array = start[axis] if axis in start else full(windows, 0, np.intp)
        elif axis in partial:
            ones = [1] * (len(partial) - 1 - partial.index(axis))
            array = reshape(start[axis], (*windows, *[1] * len(partial)))
            array = array + reshape(iota(np.intp, sizes[axis]), (sizes[axis], *ones))
        else:
            static.append(slice(None) if axis in whole else slice(0, sizes[axis]))
            continue
        if axis not in partial:
            array = reshape(array, (*shape_of(array), *[1] * len(partial)))
        static.append(ARRAY)
        arrays.append(array)
    if broadcast_shapes(*[shape_of(array) for array in arrays])[:rank] != windows:
        arrays[0] = broadcast_to(arrays[0], (*windows, *shape_of(arrays[0])[rank:]))
    index = Index(tuple(static), unique or math.prod(windows) <= 1)
    plan = layout_of(x, index, arrays)
    block = range(plan.position, plan.position + len(plan.block))
    others = iter([axis for axis in range(len(plan.shape)) if axis not in block])
    of_window = {axis: block[rank + partial.index(axis)] if axis in partial else next(others) for axis in kept}
    permutation = [-1] * (rank + len(kept))
    for axis, place in zip(kept, numbers.window_axes, strict=True):
        permutation[place] = of_window[axis]
    counted = iter(block)
    return Placement(index, arrays, tuple([next(counted) if axis < 0 else axis for axis in permutation]))


def drop_windows(
    x: Any, entries: Sequence[Any], numbers: WindowNumbers, sizes: Shape, kept: Any
) -> tuple[list[tuple[int, int, int]], list[Any]]:
    """How to pad `x` with room for the windows that are not kept, and the starts, which put them there."""
    shape = shape_of(x)
    first = numbers.started[0]
    config = [(0, sizes[axis] if axis == first else 0, 0) for axis in range(len(shape))]
    moved = clamped(entries, numbers.started, shape, sizes)
    return config, [where(kept, moved[0], shape[first]), *moved[1:]]
