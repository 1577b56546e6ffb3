"""NumPy's functions that take elements out by position or by condition."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS, canonical_shape, result_dtype
from ..core.trace import Tracer, concrete_or_none
from ..errors import ConcretizationTypeError, DtypeError, OptionError, ShapeError
from ..lax import elementwise as lax
from ..lax.creation import full, iota
from ..lax.index_update import at as at
from ..lax.indexing import getitem
from ..lax.indexing import take_along_axis as lax_take_along_axis
from ..lax.shape import (
    broadcast_to,
    canonical_axis,
    convert_element_type,
    move_axis,
    ndim_of,
    pad,
    reduce_sum,
    reshape,
    rev,
    shape_of,
)
from ..lax.sorting import argsort
from ..lax.sorting import searchsorted as lax_searchsorted
from .creation import arange
from .dispatch import as_array, as_operand, implements, in_place, static
from .manipulation import broadcast_arrays, stack

_FULL = slice(None)
_INDEX = np.dtype(np.intp)

# ---------------------------------------------------------------------------------------------------------------------
# by position
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: None = None, mode: str = "raise") -> Any:
    a, indices = as_array(a), _positions("numpy.take", indices)
    if axis is None:
        a, axis = reshape(a, (a.size,)), 0
    axis = canonical_axis(axis, a.ndim)
    return getitem(a, (*[_FULL] * axis, _into_bounds(indices, a.shape[axis], mode)))


def _positions(function: str, indices: Any) -> Any:
    """Integers that say positions; an empty list says none."""
    indices = as_array(indices)
    if not isinstance(indices, Tracer) and not indices.size:
        return indices.astype(_INDEX)
    if indices.dtype.kind == "b":
        return convert_element_type(indices, _INDEX)
    if indices.dtype.kind not in "iu":
        raise DtypeError(
            f"{function} expected integer indices, got dtype {indices.dtype}",
            instead="functrace.numpy.compress or x[mask] for a mask, indices.astype(int) for floats",
        )
    return indices


def _into_bounds(indices: Any, extent: int, mode: str) -> Any:
    """Indices with what is out of bounds brought inside as `mode` says."""
    if mode == "raise":
        return indices
    if mode == "clip":
        return lax.min_(lax.max_(indices, 0), extent - 1)
    if mode == "wrap":
        return lax.remainder(indices, extent)
    raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    arr, indices = as_array(arr), as_array(indices)
    if indices.dtype.kind not in "iu":
        raise IndexError(f"`indices` must be an integer array, got dtype {indices.dtype}")
    return lax_take_along_axis(arr, indices, axis if axis is None else canonical_axis(axis, arr.ndim))


@implements(np.choose)
def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    which = as_array(a)
    if which.dtype == np.uint64:
        raise DtypeError("Cannot cast array data from dtype('uint64') to dtype('int64') according to the rule 'safe'")
    which = _positions("numpy.choose", which)
    options = choices if isinstance(choices, Tracer) else stack(broadcast_arrays(*choices))
    which = _into_bounds(which, options.shape[0], mode)
    shape = np.broadcast_shapes(which.shape, options.shape[1:])
    which, options = broadcast_to(which, shape), broadcast_to(options, (options.shape[0], *shape))
    grid = [
        reshape(iota(_INDEX, extent), [extent if axis == other else 1 for other in range(len(shape))])
        for axis, extent in enumerate(shape)
    ]
    return getitem(options, (which, *grid))


@implements(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    a = as_array(a)
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    first, second = canonical_axis(axis1, a.ndim), canonical_axis(axis2, a.ndim)
    if first == second:
        raise ValueError("axis1 and axis2 cannot be the same")
    rows, columns = a.shape[first], a.shape[second]
    a = move_axis(move_axis(a, first, a.ndim - 1), second - (second > first), a.ndim - 1)
    start = offset if offset >= 0 else -offset * columns  # in the flattened matrix; from there on each (columns + 1)-th
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    flat = reshape(a, (*a.shape[:-2], rows * columns))
    stop = start + (length - 1) * (columns + 1) + 1 if length else start
    return getitem(flat, (Ellipsis, slice(start, stop, columns + 1)))


@implements(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    _check_order(order)
    places, extents = _positions("numpy.unravel_index", indices), canonical_shape(shape)
    return _coordinates(places, extents) if order == "C" else _coordinates(places, extents[::-1])[::-1]


def _check_order(order: Any) -> None:
    if order not in ("C", "F"):
        raise OptionError(f"only 'C' or 'F' order is permitted, got {order!r}")


def _coordinates(places: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """For each axis where on it the elements are that stand at these places of the flattened array."""
    parts = []
    for extent in reversed(shape[1:]):
        parts.append(lax.remainder(places, extent))
        places = lax.floor_divide(places, extent)
    parts.append(places)
    return tuple([convert_element_type(part, _INDEX) for part in reversed(parts)]) if shape else ()


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    _check_order(order)
    parts = [_positions("numpy.ravel_multi_index", part) for part in multi_index]
    extents = canonical_shape(dims)
    if len(parts) != len(extents):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(extents)}")
    modes = mode if isinstance(mode, tuple) else (mode,) * len(parts)
    for position, (part, extent, how) in enumerate(zip(parts, extents, modes, strict=True)):
        if how != "raise":
            parts[position] = _into_bounds(part, extent, how)
            continue
        known = concrete_or_none(part)
        if known is None:
            raise ConcretizationTypeError(
                f"numpy.ravel_multi_index with mode='raise' expected indices that are known while the function is "
                f"traced, got {part!r}: whether they are in bounds depends on their values",
                instead="mode='clip' or mode='wrap'",
            )
        if np.any((known < 0) | (known >= extent)):
            raise ValueError("invalid entry in coordinates array")
    if order == "F":
        parts, extents = parts[::-1], extents[::-1]
    out = parts[0]
    for part, extent in zip(parts[1:], extents[1:], strict=True):
        out = lax.add(lax.mul(out, extent), part)
    return convert_element_type(out, _INDEX)


@implements(np.ix_)
def ix_(*args: Any) -> tuple[Any, ...]:
    grid = []
    for position, arg in enumerate(args):
        x = as_array(arg)
        if x.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if x.dtype.kind == "b":
            (x,) = nonzero(x)
        grid.append(reshape(x, [-1 if other == position else 1 for other in range(len(args))]))
    return tuple(grid)


@implements(np.diag_indices, creates=True)
def diag_indices(n: Any, ndim: int = 2) -> tuple[Any, ...]:
    return (arange(n),) * ndim


@implements(np.diag_indices_from, creates=True)
def diag_indices_from(arr: Any) -> tuple[Any, ...]:
    shape = shape_of(arr)
    if len(shape) < 2:
        raise ValueError("input array must be at least 2-d")
    if len(set(shape)) != 1:
        raise ValueError("All dimensions of input must be of equal length")
    return diag_indices(shape[0], len(shape))


@implements(np.tril_indices)
def tril_indices(n: Any, k: Any = 0, m: Any = None) -> tuple[np.ndarray, ...]:
    """`numpy.tril_indices`: its results are known while a function is traced."""
    return np.tril_indices(*_known_sizes("numpy.tril_indices", n, k, m))


@implements(np.triu_indices)
def triu_indices(n: Any, k: Any = 0, m: Any = None) -> tuple[np.ndarray, ...]:
    """`numpy.triu_indices`: its results are known while a function is traced."""
    return np.triu_indices(*_known_sizes("numpy.triu_indices", n, k, m))


@implements(np.tril_indices_from)
def tril_indices_from(arr: Any, k: Any = 0) -> tuple[np.ndarray, ...]:
    """`numpy.tril_indices_from`: its results are known while a function is traced."""
    return tril_indices(*_matrix("numpy.tril_indices_from", arr, k))


@implements(np.triu_indices_from)
def triu_indices_from(arr: Any, k: Any = 0) -> tuple[np.ndarray, ...]:
    """`numpy.triu_indices_from`: its results are known while a function is traced."""
    return triu_indices(*_matrix("numpy.triu_indices_from", arr, k))


def _known_sizes(function: str, n: Any, k: Any, m: Any) -> list[Any]:
    return [
        static(x, function, "n, k and m", "static_argnums for an argument of jit that gives a size") for x in (n, k, m)
    ]


def _matrix(function: str, arr: Any, k: Any) -> tuple[int, Any, int]:
    shape = shape_of(as_array(arr))
    if len(shape) != 2:
        raise ValueError("input array must be 2-d")
    return shape[0], static(k, function, "k", "a Python int"), shape[1]


# ---------------------------------------------------------------------------------------------------------------------
# by condition
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.where, extensions=("size", "fill_value"))
def where(condition: Any, x: Any = None, y: Any = None, /, *, size: int | None = None, fill_value: Any = None) -> Any:
    """`numpy.where`, which can be traced.

    With the condition alone it is `nonzero`, whose `size` and `fill_value` it takes.
    """
    if x is None or y is None:
        if x is not None or y is not None:
            raise ValueError("either both or neither of x and y should be given")
        return nonzero(condition, size=size, fill_value=fill_value)
    return lax.where(as_operand(condition), as_operand(x), as_operand(y))


@implements(np.nonzero, extensions=("size", "fill_value"))
def nonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> tuple[Any, ...]:
    """`numpy.nonzero`, which can be traced if its result's size is given.

    Parameters
    ----------
    a
        An array.
    size
        How many positions to give: of more the first ones, and after fewer `fill_value`. Without it the values have
        to be known while the function is traced.
    fill_value
        A number, or one for each axis; by default 0.

    Examples
    --------
    >>> import numpy as np
    >>> nonzero(np.array([3, 0, 4]), size=4, fill_value=-1)
    (array([ 0,  2, -1, -1]),)
    """
    a = as_array(a)
    if not a.ndim:
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero() instead.")
    if size is None:
        return np.nonzero(_known_values("nonzero", a))
    fills = fill_value if isinstance(fill_value, tuple) else (0 if fill_value is None else fill_value,) * a.ndim
    fills = tuple([convert_element_type(as_array(fill), _INDEX) for fill in fills])
    if not a.size:
        return tuple([full((size,), fill, _INDEX) for fill in fills])
    chosen = reshape(lax.ne(a, a.dtype.type(0)), (a.size,))
    places = argsort(lax.logical_not(chosen), 0, True)
    if size <= a.size:
        places = getitem(places, slice(size))
    else:
        places = pad(places, 0, [(0, size - a.size, 0)])
    found = lax.lt(arange(size), reduce_sum(chosen, (0,)))
    return tuple(
        [lax.where(found, part, fill) for part, fill in zip(_coordinates(places, a.shape), fills, strict=True)]
    )


@implements(np.flatnonzero, extensions=("size", "fill_value"))
def flatnonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """`numpy.flatnonzero`, which can be traced if its result's size is given; see `nonzero`."""
    a = as_array(a)
    return nonzero(reshape(a, (a.size,)), size=size, fill_value=fill_value)[0]


@implements(np.argwhere, extensions=("size", "fill_value"))
def argwhere(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """`numpy.argwhere`, which can be traced if its result's size is given; see `nonzero`."""
    a = as_array(a)
    if size is None:
        return np.argwhere(_known_values("argwhere", a))
    if not a.ndim:
        return full((size, 0), 0, _INDEX)
    return stack(nonzero(a, size=size, fill_value=fill_value), 1)


def _known_values(function: str, a: Any) -> Any:
    return static(
        a,
        f"numpy.{function}",
        "the values",
        f"functrace.numpy.{function}(x, size=n), which gives n positions; functrace.numpy.where(mask, x, 0) to leave "
        "elements out of a sum",
    )


@implements(np.compress, extensions=("size", "fill_value"))
def compress(
    condition: Any, a: Any, axis: Any = None, out: None = None, *, size: int | None = None, fill_value: Any = 0
) -> Any:
    """`numpy.compress`, which can be traced: with a condition that is not known if the result's size is given.

    Parameters
    ----------
    condition, a, axis, out
        As for `numpy.compress`.
    size
        How many slices the result has: of more the first ones.
    fill_value
        What stands in those that are missing.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import jit
    >>> jit(lambda x: compress(x > 1, x, size=3))(np.array([3.0, 0.0, 4.0]))
    array([3., 4., 0.])
    """
    a = as_array(a)
    if axis is None:
        a, axis = reshape(a, (a.size,)), 0
    axis = canonical_axis(axis, a.ndim)
    if size is None:
        mask = as_array(_mask("compress", condition))
        if mask.ndim != 1:
            raise ValueError("condition must be a 1-d array")
        return take(a, np.nonzero(mask)[0], axis)
    mask = as_array(condition)
    if mask.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return _compressed(mask, a, axis, size, fill_value)


@implements(np.extract, extensions=("size", "fill_value"))
def extract(condition: Any, arr: Any, *, size: int | None = None, fill_value: Any = 0) -> Any:
    """`numpy.extract`, which can be traced: with a condition that is not known if the result's size is given.

    See `compress`, whose `size` and `fill_value` it takes.
    """
    if size is None:
        return take(arr, np.flatnonzero(_mask("extract", condition)))
    mask, arr = as_array(condition), as_array(arr)
    return _compressed(reshape(mask, (mask.size,)), reshape(arr, (arr.size,)), 0, size, fill_value)


def _compressed(mask: Any, a: Any, axis: int, size: int, fill_value: Any) -> Any:
    """The slices along an axis where the mask is true, as many as `size` says."""
    extent, fill = a.shape[axis], convert_element_type(fill_value, a.dtype)
    if not extent:
        return full((*a.shape[:axis], size, *a.shape[axis + 1 :]), fill, a.dtype)
    (places,) = nonzero(getitem(mask, slice(extent)), size=size, fill_value=extent)
    slices = take(a, lax.min_(places, extent - 1), axis)
    there = reshape(lax.lt(places, extent), (size, *[1] * (a.ndim - axis - 1)))
    return lax.where(there, slices, fill)


def _mask(function: str, condition: Any) -> Any:
    return static(
        condition,
        f"numpy.{function}",
        "the condition",
        f"functrace.numpy.{function}(condition, x, size=n), which gives n elements; functrace.numpy.where(condition, "
        "x, 0), where the shape stays",
    )


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    conditions = [as_array(condition) for condition in condlist]
    for position, condition in enumerate(conditions):
        if condition.dtype.kind != "b":
            raise TypeError(f"invalid entry {position} in condlist: should be boolean ndarray")
    choices = [x if x.__class__ in PYTHON_SCALARS else as_array(x) for x in (*choicelist, default)]
    kind = result_dtype(*choices)
    choices = [convert_element_type(x, kind) for x in choices]
    out = choices.pop()
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        out = lax.where(condition, choice, out)
    return out


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """`numpy.piecewise`, which can be traced; traced, each function is called on all of `x`."""
    x = as_array(x)
    several = list(condlist) if isinstance(condlist, (list, tuple)) or ndim_of(condlist) else [condlist]
    listed = isinstance(condlist, (list, tuple)) and isinstance(several[0], (list, np.ndarray, Tracer))
    if x.ndim and not listed and not ndim_of(as_array(several[0])):  # one condition, not in a list
        several = [condlist]
    conditions = [convert_element_type(as_array(condition), np.bool_) for condition in several]
    if len(conditions) == len(funclist) - 1:
        conditions.append(lax.logical_not(reduce(lax.logical_or, conditions)))
    elif len(conditions) != len(funclist):
        count = len(conditions)
        raise ValueError(f"with {count} condition(s), either {count} or {count + 1} functions are expected")
    out = full(x.shape, 0, x.dtype)
    for condition, function in zip(conditions, funclist, strict=True):
        if condition.shape != x.shape[: condition.ndim]:
            raise IndexError(f"a condition of shape {condition.shape} cannot choose from an array of shape {x.shape}")
        condition = reshape(condition, (*condition.shape, *[1] * (x.ndim - condition.ndim)))
        value = as_array(function(x, *args, **kw) if callable(function) else function)
        out = lax.where(condition, convert_element_type(value, x.dtype), out)
    return out


# ---------------------------------------------------------------------------------------------------------------------
# by order
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    return lax_searchsorted(as_array(a), as_array(v), side, None if sorter is None else as_array(sorter))


@implements(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    x, bins = as_array(x), as_array(bins)
    if x.dtype.kind == "c" or bins.dtype.kind == "c":
        raise TypeError("x and bins may not be complex")
    if bins.ndim != 1:
        raise ShapeError(f"numpy.digitize expected bins of one axis, got shape {bins.shape}")
    side = "left" if right else "right"
    known = concrete_or_none(bins)
    if known is not None:
        steps = np.diff(known)
        if not (np.all(steps >= 0) or np.all(steps <= 0)):
            raise ValueError("bins must be monotonically increasing or decreasing")
    if not len(bins):
        return lax_searchsorted(bins, x, side)
    upward = lax.ge(getitem(bins, -1), getitem(bins, 0))
    known = concrete_or_none(upward)
    if known is None or known:
        places = lax_searchsorted(bins, x, side)
        if known is not None:
            return places
    downward = lax.sub(len(bins), lax_searchsorted(rev(bins, (0,)), x, side))
    return downward if known is not None else lax.where(upward, places, downward)


# ---------------------------------------------------------------------------------------------------------------------
# in place
# ---------------------------------------------------------------------------------------------------------------------

put = in_place(np.put, "x = x.at[indices].set(values), on the flattened array if x has several axes")
place = in_place(np.place, "x = functrace.numpy.where(mask, values, x)")
putmask = in_place(np.putmask, "x = functrace.numpy.where(mask, values, x)")
copyto = in_place(np.copyto, "x = functrace.numpy.where(where, src, x), or x = x.at[...].set(src)")
fill_diagonal = in_place(np.fill_diagonal, "x = x.at[functrace.numpy.diag_indices(n)].set(value)")
put_along_axis = in_place(
    np.put_along_axis, "x = x.at[index].set(values), with the index that functrace.numpy.take_along_axis takes"
)
