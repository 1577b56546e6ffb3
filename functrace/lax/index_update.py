"""``x.at[index]``: what assignment to ``x[index]`` would do, as a new array."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS, Shape, aval_of, broadcast_shapes, short_dtype
from ..core.primitive import Primitive
from ..core.trace import Tracer, concrete_or_none
from ..errors import DtypeError, IndexOutOfBoundsError, NonConcreteBooleanIndexError, OptionError
from .accumulate import row_numbers
from .creation import full
from .elementwise import clamp_p, max_, min_, neg, where
from .index import (
    ARRAY,
    Index,
    array_extents,
    canonical_index,
    check_bounds,
    check_mask,
    holds_tracer,
    layout_of,
    stack_nested,
    walk,
)
from .indexing import getitem, getitem_p
from .scatter import previous_duplicate_p, scatter_add_p, scatter_max_p, scatter_min_p, scatter_mul_p, scatter_p
from .shape import broadcast_to, convert_element_type, pad, reshape, shape_of

_MODES = (None, "promise_in_bounds", "clip", "wrap", "fill", "drop")
_KINDS = "biufc"  # a weak number goes into an array of its own kind or a later one, an int also into an unsigned one


def at(x: Any) -> IndexUpdateHelper:
    """What ``x[index] = value`` would do, as a new array: ``at(x)[index].set(value)``.

    Tracers have it as a property: ``x.at[index].set(value)``. This function takes arrays too.

    Parameters
    ----------
    x
        An array or a tracer; it is not changed.

    Returns
    -------
    IndexUpdateHelper
        To be indexed with anything that NumPy takes as an index. The result has the methods

        ========================  ============================================
        ``.set(values)``          ``x[index] = values``
        ``.add(values)``          ``numpy.add.at(x, index, values)``
        ``.subtract(values)``     ``numpy.subtract.at(x, index, values)``
        ``.multiply(values)``     ``numpy.multiply.at(x, index, values)``
        ``.divide(values)``       ``numpy.divide.at(x, index, values)``
        ``.power(values)``        ``numpy.power.at(x, index, values)``
        ``.min(values)``          ``numpy.minimum.at(x, index, values)``
        ``.max(values)``          ``numpy.maximum.at(x, index, values)``
        ``.apply(func)``          ``func.at(x, index)``
        ``.get()``                ``x[index]``
        ========================  ============================================

        Where an index comes twice, both updates take part; of two that are set the later one stays. The result has the
        dtype of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.zeros(4)
    >>> at(x)[[0, 0, 2]].add(1.0)
    array([2., 0., 1., 0.])
    >>> x
    array([0., 0., 0., 0.])
    """
    return IndexUpdateHelper(x if isinstance(x, (Tracer, np.ndarray)) else np.asarray(x))


class IndexUpdateHelper:
    """``x.at``: to be indexed."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, index: Any) -> IndexUpdateRef:
        return IndexUpdateRef(self.array, index)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.array!r})"


class IndexUpdateRef:
    """``x.at[index]``: its methods give a new array.

    All take, by keyword, what JAX's do:

    indices_are_sorted
        Accepted; it makes no difference here.
    unique_indices
        A promise that no element comes twice: what can be done faster then, is.
    mode
        What is done with integers out of bounds, known or traced. None and ``"promise_in_bounds"``: an IndexError, as
        in NumPy, when the values are there. ``"clip"``: the nearest element. ``"wrap"``: counted on from the other
        end. ``"drop"`` and ``"fill"``: no update; `get` gives `fill_value`.
    """

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array = array
        self.index = index

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.array!r}, {self.index!r})"

    def set(
        self, values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | None = None
    ) -> Any:
        """`x` with ``x[index] = values``."""
        return self._write(scatter_p, lambda x, v: v, values, unique_indices, mode)

    def add(
        self, values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | None = None
    ) -> Any:
        """`x` with ``x[index] += values``."""
        return self._write(scatter_add_p, operator.add, values, unique_indices, mode)

    def subtract(
        self, values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | None = None
    ) -> Any:
        """`x` with ``x[index] -= values``."""
        return self._write(scatter_add_p, operator.add, _negative(self._cast(values)), unique_indices, mode)

    def multiply(
        self, values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | None = None
    ) -> Any:
        """`x` with ``x[index] *= values``."""
        return self._write(scatter_mul_p, operator.mul, values, unique_indices, mode)

    mul = multiply

    def divide(
        self, values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | None = None
    ) -> Any:
        """`x` with ``x[index] /= values``."""
        if self.array.dtype.kind in "biu":
            raise DtypeError(
                f"x.at[index].divide gives floats, and x has dtype {short_dtype(self.array.dtype)}",
                instead="x.astype(float).at[index].divide(values)",
            )
        return self._compute(operator.truediv, values, unique_indices, mode)

    def power(
        self, values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | None = None
    ) -> Any:
        """`x` with ``x[index] **= values``."""
        return self._compute(operator.pow, values, unique_indices, mode)

    def min(
        self, values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | None = None
    ) -> Any:
        """`x` with ``x[index] = minimum(x[index], values)``."""
        return self._write(scatter_min_p, min_, values, unique_indices, mode)

    def max(
        self, values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: str | None = None
    ) -> Any:
        """`x` with ``x[index] = maximum(x[index], values)``."""
        return self._write(scatter_max_p, max_, values, unique_indices, mode)

    def apply(
        self,
        func: Callable[[Any], Any],
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: str | None = None,
    ) -> Any:
        """`x` with ``x[index] = func(x[index])``; where an index comes twice, `func` is applied twice."""
        mask = _traced_mask(self.index)
        if mask is not None:
            return where(_over_all_axes(mask, self.array), self._cast(func(self.array)), self.array)
        x, index, arrays, kept = self._place(unique_indices, mode)
        for chosen, part in [(index, arrays)] if index.unique else rounds(x, index, arrays):
            x = scatter_p(x, self._cast(func(getitem_p(x, *part, index=chosen))), *part, index=chosen)
        return self._restore(x, kept)

    def get(
        self,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: str | None = None,
        fill_value: Any = None,
    ) -> Any:
        """``x[index]``, with a choice of what integers out of bounds give.

        With mode ``"fill"`` they give `fill_value`: by default NaN, for integers the least (unsigned: the greatest)
        that the dtype has, for booleans True.
        """
        x, index, arrays = canonical_index(self.array, self.index)
        if unique_indices:
            index = Index(index.entries)
        index, arrays, inside = _apply_mode(x, index, arrays, mode)
        if inside is None:
            out = getitem_p(x, *arrays, index=index)
            return out.copy() if isinstance(out, np.ndarray) else out
        plan = layout_of(x, index, arrays)
        if fill_value is None:
            fill_value = default_fill(x.dtype)
        fill_value = self._cast(fill_value)
        if 0 in array_extents(x, index):
            return full(plan.shape, fill_value, x.dtype)
        safe = [where(inside, array, 0) for array in arrays]
        block = broadcast_to(inside, plan.block)
        mask = reshape(block, (*plan.block, *[1] * (len(plan.shape) - plan.position - len(plan.block))))
        return where(mask, getitem_p(x, *safe, index=index), fill_value)

    def _write(self, primitive: Primitive, operation: Callable, values: Any, unique: bool, mode: str | None) -> Any:
        values = self._cast(values)
        mask = _traced_mask(self.index)
        if mask is not None:
            return self._choose(mask, values, operation)
        x, index, arrays, kept = self._place(unique, mode)
        if len(shape_of(values)):
            values = _without_leading_ones(values, len(layout_of(x, index, arrays).shape))
        return self._restore(primitive(x, values, *arrays, index=index), kept)

    def _compute(self, operation: Callable, values: Any, unique: bool, mode: str | None) -> Any:
        """For what is no primitive: the operation, with the product of the values for each element."""
        factors = at(full(shape_of(self.array), 1, self.array.dtype))[self.index]
        return self._cast(operation(self.array, factors.multiply(values, unique_indices=unique, mode=mode)))

    def _cast(self, values: Any) -> Any:
        """Values in the dtype of x, where NumPy would put them into x in place."""
        dtype = self.array.dtype
        if isinstance(values, (list, tuple)):
            values = stack_nested(values) if holds_tracer(values) else np.asarray(values)
        aval = aval_of(values)
        if aval.weak_type:
            fits = _KINDS.index(aval.dtype.kind) <= _KINDS.index("i" if dtype.kind == "u" else dtype.kind)
        else:
            fits = np.can_cast(aval.dtype, dtype, "same_kind")
        if not fits:
            name = "a Python number" if aval.weak_type else "an array"
            raise DtypeError(
                f"cannot put {name} of dtype {short_dtype(aval.dtype)} into x.at[index] of dtype {short_dtype(dtype)}",
                instead=f"x.astype({aval.dtype.name!r}).at[index], or values.astype({dtype.name!r})",
            )
        if values.__class__ in PYTHON_SCALARS:
            return dtype.type(values)
        return convert_element_type(values, dtype)

    def _choose(self, mask: Tracer, values: Any, operation: Callable) -> Any:
        """The update at a traced mask: a choice between two arrays of the shape of x."""
        x = self.array
        chosen = _over_all_axes(mask, x)
        rest = x.shape[mask.ndim :]
        if shape_of(values) == (1, *rest):
            values = reshape(values, rest)
        if len(shape_of(values)) > len(rest) or broadcast_shapes(shape_of(values), rest) != rest:
            raise NonConcreteBooleanIndexError(
                f"expected a value that is the same for each element that the mask takes, got shape "
                f"{shape_of(values)}: how many elements it takes is not known while the function is traced",
                instead="functrace.numpy.where(mask, values, x), with values of the shape of x",
            )
        # what the operation gives for the other elements must not reach the derivative: hence two choices
        return where(chosen, operation(where(chosen, x, x.dtype.type(1)), values), x)

    def _place(self, unique: bool, mode: str | None) -> tuple[Any, Index, list[Any], Shape]:
        """Where to write: x, perhaps with room for what is dropped; the index; its arrays; the shape without room."""
        x, index, arrays = canonical_index(self.array, self.index)
        if unique:
            index = Index(index.entries)
        index, arrays, inside = _apply_mode(x, index, arrays, mode)
        shape = shape_of(x)
        if inside is None:
            return x, index, arrays, shape
        places = {axis for entry, axis in walk(index.entries, len(shape)) if entry is ARRAY}
        extents = array_extents(x, index)
        x = pad(x, x.dtype.type(0), [(0, int(axis in places), 0) for axis in range(len(shape))])
        arrays = [where(inside, array, extent) for array, extent in zip(arrays, extents, strict=True)]
        return x, index, arrays, shape

    def _restore(self, out: Any, kept: Shape) -> Any:
        """The result of writing, without the room for what is dropped, in the shape of x."""
        if shape_of(out) != kept:
            out = getitem(out, tuple([slice(extent) for extent in kept]))
        return reshape(out, shape_of(self.array))


def _without_leading_ones(values: Any, ndim: int) -> Any:
    """Values without axes of extent 1 that are one too many: NumPy takes them in an assignment."""
    shape = shape_of(values)
    more = len(shape) - ndim
    return reshape(values, shape[more:]) if more > 0 and set(shape[:more]) == {1} else values


def _negative(values: Any) -> Any:
    return neg(values if isinstance(values, Tracer) else np.asarray(values))


def _traced_mask(index: Any) -> Tracer | None:
    """The mask, if the index is one whose values are not known (and perhaps full slices behind it)."""
    first, *others = index if isinstance(index, tuple) and index else (index,)
    if not isinstance(first, Tracer) or first.dtype.kind != "b" or concrete_or_none(first) is not None:
        return None
    if any(not (entry is Ellipsis or (isinstance(entry, slice) and entry == slice(None))) for entry in others):
        return None
    return first


def _over_all_axes(mask: Tracer, x: Any) -> Any:
    """A mask for the first axes of x in a shape that broadcasts to that of x."""
    if mask.ndim > x.ndim:
        raise IndexOutOfBoundsError(
            f"too many indices for array: array is {x.ndim}-dimensional, but {mask.ndim} were indexed"
        )
    check_mask(mask.shape, 0, x.shape)
    return reshape(mask, (*mask.shape, *[1] * (x.ndim - mask.ndim)))


def _apply_mode(x: Any, index: Index, arrays: Sequence[Any], mode: str | None) -> tuple[Index, list[Any], Any]:
    """The index with integers out of bounds treated as `mode` says.

    Returns the index, its arrays, and for "fill" and "drop" which of the block of the arrays' elements are in bounds
    (else None).
    """
    if mode not in _MODES:
        raise OptionError(f"expected mode to be one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    shape = shape_of(x)
    if mode in (None, "promise_in_bounds"):
        if arrays and concrete_or_none(x) is None:
            check_bounds(shape, index, arrays)
        return index, list(arrays), None
    entries: list[Any] = []
    adjusted: list[Any] = []
    inside: Any = None
    remaining = iter(arrays)
    for entry, axis in walk(index.entries, len(shape)):
        if entry is ARRAY:
            position = next(remaining)
        elif entry.__class__ is int and not -shape[axis] <= entry < shape[axis]:
            position = np.asarray(entry)
        else:
            entries.append(entry)
            continue
        extent = shape[axis]
        position = convert_element_type(position, np.intp)
        if mode == "wrap":
            position = position % max(extent, 1)
        else:
            position = where(position < 0, position + extent, position)
            if mode == "clip":
                position = clamp_p(0, position, max(extent - 1, 0))
            else:
                here = (position >= 0) & (position < extent)
                inside = here if inside is None else inside & here
        entries.append(ARRAY)
        adjusted.append(position)
    return Index(tuple(entries), index.unique), adjusted, inside


def rounds(x: Any, index: Index, arrays: Sequence[Any]) -> Iterator[tuple[Index, list[Any]]]:
    """Indices in none of which an element comes twice: first those that come for the first time, and so on."""
    known = [concrete_or_none(array) for array in arrays]
    if any(array is None for array in known):
        raise OptionError(
            "expected an index that is known while the function is traced, or one in which no element comes twice: how "
            "often func is to be applied is not known",
            instead="unique_indices=True; or to set func(x[index]), which applies it once",
        )
    flat = [array.reshape(-1) for array in np.broadcast_arrays(*known)]
    previous = np.asarray(previous_duplicate_p(row_numbers(array_extents(x, index), flat)))
    turn = np.zeros(len(previous), np.intp)
    earlier = previous
    while (earlier >= 0).any():
        turn += earlier >= 0
        earlier = np.where(earlier >= 0, previous[earlier], -1)
    for number in range(turn.max(initial=-1) + 1):
        yield Index(index.entries), [array[turn == number] for array in flat]


def default_fill(dtype: np.dtype) -> Any:
    """What stands for an element out of bounds, where nothing else is said."""
    if dtype.kind in "fc":
        return dtype.type(np.nan)
    if dtype.kind == "b":
        return True
    return dtype.type(np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max)
