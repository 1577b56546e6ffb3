"""What stands between the brackets: an index in canonical form, and the shape that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import EllipsisType
from typing import Any, Final, NamedTuple

import numpy as np

from ..core.aval import Shape
from ..core.trace import Tracer, concrete_or_none
from ..errors import IndexOutOfBoundsError, NonConcreteBooleanIndexError, TracerIntegerConversionError
from .shape import concatenate, dtype_of, expand_dims, shape_of

# The sentences are NumPy's, so that code and eyes that know them find them.
_WRONG_KIND = (
    "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are valid "
    "indices"
)
_TWO_ELLIPSES = "an index can only have a single ellipsis ('...')"
_WRONG_DTYPE = "arrays used as indices must be of integer (or boolean) type"


class _ArrayEntry:
    """The place of an operand in an index."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ARRAY"


ARRAY: Final = _ArrayEntry()


class Index:
    """A static index: ints, slices of ints, None, Ellipsis, and `ARRAY` where an operand of the equation stands.

    It is hashable (as slices are not before Python 3.12), so that it can be a parameter.

    Parameters
    ----------
    entries
        What stands between the brackets. An Ellipsis stays, even where it stands for no axis: between two arrays it
        moves their axes to the front.
    unique
        Whether no element is taken twice.

    Examples
    --------
    >>> Index((1, slice(None, 3), None, ARRAY))
    [1, :3, None, i0]
    """

    __slots__ = ("_key", "entries", "unique")

    def __init__(self, entries: tuple, unique: bool = True) -> None:
        self.entries = entries
        self.unique = unique
        self._key: tuple | None = None

    @property
    def key(self) -> tuple:
        """What makes two indices the same."""
        if self._key is None:
            self._key = (
                self.unique,
                *[(e.start, e.stop, e.step) if e.__class__ is slice else e for e in self.entries],
            )
        return self._key

    def prepend(self, entry: Any) -> Index:
        """The index with an entry for one more axis in front."""
        return Index((entry, *self.entries), self.unique)

    def assemble(self, arrays: Sequence[Any]) -> tuple:
        """The index as NumPy takes it."""
        if not arrays:
            return self.entries
        remaining = iter(arrays)
        return tuple([next(remaining) if entry is ARRAY else entry for entry in self.entries])

    def text(self, arrays: Sequence[str]) -> str:
        """The index as Python text, without the brackets."""
        return ", ".join(map(_entry_text, self.assemble(arrays))) or "()"

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Index) and self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"[{self.text([f'i{number}' for number in range(self.entries.count(ARRAY))])}]"


def _entry_text(entry: Any) -> str:
    if entry is Ellipsis:
        return "..."
    if entry.__class__ is slice:
        text = ":".join("" if part is None else str(part) for part in (entry.start, entry.stop))
        return text if entry.step is None else f"{text}:{entry.step}"
    return str(entry)


@lru_cache(maxsize=1024)
def integer_index(position: int) -> Index:
    """The index that is one int."""
    return Index((position,))


# ---------------------------------------------------------------------------------------------------------------------
# the shape that an index gives
# ---------------------------------------------------------------------------------------------------------------------


class Layout(NamedTuple):
    """Where the axes of ``x[index]`` come from.

    The index arrays broadcast together to a block of axes. It stands at `position`, among the axes that slices, None
    and Ellipsis give: where the arrays stand in the index, or, if something else stands between them (they are
    `separated`), in front.
    """

    shape: Shape
    block: Shape
    position: int
    separated: bool

    @property
    def rest(self) -> Shape:
        """The shape without the block."""
        return self.shape[: self.position] + self.shape[self.position + len(self.block) :]


@lru_cache(maxsize=8192)
def layout(shape: Shape, index: Index, array_shapes: tuple[Shape, ...]) -> Layout:
    """The layout of ``x[index]`` for an `x` and index arrays of these shapes.

    Raises
    ------
    IndexOutOfBoundsError
        There are too many entries, or an int is out of bounds.
    IndexError
        The arrays do not broadcast together.
    """
    try:
        block = np.broadcast_shapes(*array_shapes)
    except ValueError:
        shapes = " ".join(map(str, array_shapes))
        raise IndexError(
            f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}"
        ) from None
    rest: list[int] = []
    position = None
    separated = adjacent = False
    end = 0
    for entry, axis in walk(index.entries, len(shape)):
        if isinstance(entry, (int, _ArrayEntry)):
            if isinstance(entry, int):
                check_int(entry, axis, shape)
            if position is None:
                position = len(rest)
            elif not adjacent:
                separated = True
            adjacent = True
            end = axis + 1
            continue
        adjacent = False
        if entry is None:
            rest.append(1)
        elif entry is Ellipsis:
            end = axis + len(shape) - consumed(index.entries)
            rest.extend(shape[axis:end])
        else:
            rest.append(len(range(*entry.indices(shape[axis]))))
            end = axis + 1
    rest.extend(shape[end:])
    if not block:  # ints alone: no axes to place
        return Layout(tuple(rest), (), 0, False)
    if position is None or separated:
        position = 0
    return Layout((*rest[:position], *block, *rest[position:]), block, position, separated)


def layout_of(x: Any, index: Index, arrays: Sequence[Any]) -> Layout:
    """The layout of ``x[index]``."""
    return layout(shape_of(x), index, tuple([shape_of(array) for array in arrays]))


def array_extents(x: Any, index: Index) -> Shape:
    """The extents of the axes of x at which index arrays stand."""
    shape = shape_of(x)
    return tuple([shape[axis] for entry, axis in walk(index.entries, len(shape)) if entry is ARRAY])


def walk(entries: Sequence[Any], ndim: int) -> Iterator[tuple[Any, int]]:
    """Each entry with the axis of x at which it stands."""
    if entries.count(Ellipsis) > 1:
        raise IndexError(_TWO_ELLIPSES)
    ellipsis = ndim - consumed(entries)
    if ellipsis < 0:
        raise IndexOutOfBoundsError(
            f"too many indices for array: array is {ndim}-dimensional, but {ndim - ellipsis} were indexed"
        )
    axis = 0
    for entry in entries:
        yield entry, axis
        if entry is Ellipsis:
            axis += ellipsis
        elif entry is not None:
            axis += 1


def consumed(entries: Sequence[Any]) -> int:
    """How many axes the entries other than Ellipsis stand for."""
    return sum([entry is not None and entry is not Ellipsis for entry in entries])


def check_int(position: int, axis: int, shape: Shape) -> None:
    """Raise if a static index is out of bounds."""
    extent = shape[axis]
    if not -extent <= position < extent:
        raise IndexOutOfBoundsError(
            f"index {position} is out of bounds for axis {axis} with size {extent}",
            instead=f"an index from {-extent} to {extent - 1}" if extent else None,
        )


def check_bounds(shape: Shape, index: Index, arrays: Sequence[Any]) -> None:
    """Raise if an element of an index array that is known while tracing is out of bounds, as NumPy does."""
    if any(0 in shape_of(array) for array in arrays):
        return  # nothing is taken
    remaining = iter(arrays)
    for entry, axis in walk(index.entries, len(shape)):
        if entry is ARRAY:
            known = concrete_or_none(next(remaining))
            if known is not None:
                check_int(int(np.min(known)), axis, shape)
                check_int(int(np.max(known)), axis, shape)


# ---------------------------------------------------------------------------------------------------------------------
# from what a user writes to the canonical form
# ---------------------------------------------------------------------------------------------------------------------

_ONE_ARRAY = Index((ARRAY,), unique=False)
_STATIC = frozenset([int, type(None), EllipsisType])


def canonical_index(x: Any, index: Any) -> tuple[Any, Index, list[Any]]:
    """Anything that NumPy takes as an index, and tracers in it, in canonical form.

    Parameters
    ----------
    x
        The array or tracer that is indexed.
    index
        What stands between the brackets.

    Returns
    -------
    x
        What is to be indexed: `x`, with an axis of extent 1 more for each index that is a single bool.
    index : Index
        The static part.
    arrays
        The integer arrays and tracers that stand at its `ARRAY` entries; a mask becomes the positions where it is true.

    Raises
    ------
    IndexError
        As NumPy.
    NonConcreteBooleanIndexError
        A mask is not known while the function is traced.
    """
    if isinstance(index, (np.ndarray, Tracer)) and index.dtype.kind == "i" and index.ndim:
        return x, _ONE_ARRAY, [index]
    entries = index if isinstance(index, tuple) else (index,)
    for entry in entries:
        kind = entry.__class__
        if kind in _STATIC:
            continue
        if (
            kind is not slice
            or entry.start.__class__ not in _STATIC
            or entry.stop.__class__ not in _STATIC
            or entry.step.__class__ not in _STATIC
        ):
            break
    else:
        return x, Index(tuple(entries)), []
    return _with_arrays(x, [_canonical_entry(entry) for entry in entries])


def _canonical_entry(entry: Any) -> Any:
    """An int, a slice of ints, None, Ellipsis, a traced integer array, an integer ndarray of 1 or more axes, a mask."""
    if entry is None or entry is Ellipsis:
        return entry
    if isinstance(entry, slice):
        return slice(*[_slice_part(part) for part in (entry.start, entry.stop, entry.step)])
    if isinstance(entry, Tracer):
        return _traced_entry(entry)
    if isinstance(entry, (list, tuple)) and holds_tracer(entry):
        return _traced_entry(stack_nested(entry))
    if not isinstance(entry, (bool, np.ndarray)) and hasattr(entry, "__index__"):
        return int(entry.__index__())
    array = np.asarray(entry)
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind in "iu":
        return array if array.ndim else int(array)
    if not array.size and isinstance(entry, (list, tuple)):
        return array.astype(np.intp)
    raise IndexError(_WRONG_DTYPE if isinstance(entry, np.ndarray) and entry.ndim else _WRONG_KIND)


def _slice_part(part: Any) -> int | None:
    if part is None:
        return None
    if isinstance(part, Tracer):
        known = concrete_or_none(part)
        if known is None:
            raise TracerIntegerConversionError(
                f"expected the bounds of a slice to be known while the function is traced, got {part!r}: the shape of "
                "the result would depend on its value",
                instead="functrace.lax.dynamic_slice_in_dim(x, start, size), where only the start is traced; "
                "functrace.numpy.where(condition, x, 0) where the length is",
            )
        part = known
    try:
        return int(part.__index__())
    except (AttributeError, TypeError):
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None


def _traced_entry(entry: Any) -> Any:
    kind = dtype_of(entry).kind
    if kind in "iu":
        return entry
    if kind != "b":
        raise IndexError(f"{_WRONG_DTYPE}, got {entry!r}")
    known = concrete_or_none(entry)
    if known is None:
        raise NonConcreteBooleanIndexError(
            f"expected a mask that is known while the function is traced, got {entry!r}: how many elements it takes, "
            "and so the shape of the result, depends on its values",
            instead="functrace.numpy.where(mask, x, 0) in place of x[mask], where a sum or a mean follows; "
            "x.at[mask].set(value) to give the elements a value",
        )
    return np.asarray(known)


def holds_tracer(index: Any) -> bool:
    """Whether there is a tracer in an index: in a tuple, in a list, among the bounds of a slice."""
    if isinstance(index, (list, tuple)):
        return any(holds_tracer(item) for item in index)
    if isinstance(index, slice):
        return holds_tracer((index.start, index.stop, index.step))
    return isinstance(index, Tracer)


def stack_nested(items: Sequence[Any]) -> Any:
    """A nested list with tracers in it as one array."""
    parts = [stack_nested(item) if isinstance(item, (list, tuple)) else item for item in items]
    return concatenate([expand_dims(part, [0]) for part in parts], 0)


def _with_arrays(x: Any, entries: list[Any]) -> tuple[Any, Index, list[Any]]:
    if sum([entry is Ellipsis for entry in entries]) > 1:
        raise IndexError(_TWO_ELLIPSES)
    ndim = len(shape_of(x))
    ellipsis = ndim - sum([_axes_of(entry) for entry in entries])
    if ellipsis < 0:
        raise IndexOutOfBoundsError(
            f"too many indices for array: array is {ndim}-dimensional, but {ndim - ellipsis} were indexed"
        )
    static: list[Any] = []
    arrays: list[Any] = []
    axis = 0
    unique = True
    for entry in entries:
        if not isinstance(entry, (np.ndarray, Tracer)):
            static.append(entry)
            axis += ellipsis if entry is Ellipsis else _axes_of(entry)
            continue
        positions: Sequence[Any] = (entry,)
        if dtype_of(entry).kind != "b":
            unique = unique and not shape_of(entry)
        elif entry.ndim:
            check_mask(entry.shape, axis, shape_of(x))
            positions = entry.nonzero()
        else:  # a single bool: an axis of extent 1, taken or not
            x = expand_dims(x, [axis])
            positions = (np.zeros(int(entry), np.intp),)
        static.extend([ARRAY] * len(positions))
        arrays.extend(positions)
        axis += len(positions)
    return x, Index(tuple(static), unique), arrays


def _axes_of(entry: Any) -> int:
    """How many axes of x an entry stands for."""
    if entry is None or entry is Ellipsis:
        return 0
    if isinstance(entry, np.ndarray) and entry.dtype.kind == "b":
        return entry.ndim
    return 1


def check_mask(mask: Shape, axis: int, shape: Shape) -> None:
    """Raise if a mask does not have the shape of the axes of x that it stands for."""
    for offset, extent in enumerate(mask):
        if shape[axis + offset] != extent:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis + offset}; size of axis is "
                f"{shape[axis + offset]} but size of corresponding boolean axis is {extent}"
            )
