"""NumPy's functions that arrange elements anew: shapes, axes, joining, splitting, repeating."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype, canonical_shape, describe, result_dtype
from ..core.trace import Tracer, concrete_or_none
from ..errors import DtypeError, OptionError, ShapeError, TracerIntegerConversionError
from ..lax import shape as lax
from ..lax.creation import full, iota
from ..lax.cumulative import cumsum
from ..lax.elementwise import min_, remainder, sub, where
from ..lax.indexing import getitem
from ..lax.shape import canonical_axes, canonical_axis, convert_element_type, ndim_of
from ..lax.sorting import searchsorted
from .creation import tri
from .dispatch import as_array, implements, static, static_int
from .inspection import check_device

_FULL = slice(None)

# ---------------------------------------------------------------------------------------------------------------------
# shape
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.reshape)
def reshape(a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    a = as_array(a)
    sizes = sizes_of(shape)
    if order == "C":
        return reshaped(a, sizes)
    check_order("numpy.reshape", order)
    return reversed_axes(lax.reshape(reversed_axes(a), sizes[::-1]))


def reshaped(a: Any, sizes: tuple[int, ...]) -> Any:
    """`a` with another shape, in which -1 may stand."""
    shape = a.shape
    if -1 in sizes:
        sizes = _known_sizes(sizes, shape)
    return a if sizes == shape else lax.reshape_p(a, new_sizes=sizes)


@lru_cache(maxsize=4096)
def _known_sizes(sizes: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes with the extent that is missing in place of -1."""
    size, known = math.prod(shape), -math.prod(sizes)
    if sizes.count(-1) > 1 or not known or size % known:
        raise ShapeError(f"cannot reshape array of size {size} into shape {sizes}")
    return tuple([size // known if extent == -1 else extent for extent in sizes])


def sizes_of(shape: Any) -> tuple[int, ...]:
    """A shape as Python ints; -1 may stand in it."""
    if shape.__class__ is int:
        return (shape,)
    if shape.__class__ is tuple:
        for extent in shape:
            if extent.__class__ is not int:
                break
        else:
            return shape
    if isinstance(shape, (int, np.integer)) or (isinstance(shape, Tracer) and not shape.shape):
        return (index(shape),)
    try:
        return tuple([index(extent) for extent in shape])
    except TracerIntegerConversionError:
        raise
    except (TypeError, AttributeError):
        raise DtypeError(f"expected a shape (an int or a tuple of ints), got {describe(shape)}") from None


def check_order(function: str, order: Any) -> None:
    """Raise if `order` asks for the layout of a traced value in memory, which it has not."""
    if order not in ("C", "F"):
        raise OptionError(
            f"{function} expected order 'C' or 'F' for a traced value, got {order!r}: a traced value has no layout in "
            "memory",
            instead="order='C'",
        )


def reversed_axes(a: Any) -> Any:
    """`a` with its axes in reversed order."""
    ndim = len(a.shape)
    if ndim == 2:
        return lax.transpose_p(a, permutation=(1, 0))
    return lax.transpose_p(a, permutation=tuple(range(ndim - 1, -1, -1))) if ndim > 2 else a


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    a = as_array(a)
    if order != "C":
        check_order("numpy.ravel", order)
        a = reversed_axes(a)
    return lax.reshape(a, (a.size,))


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    a = as_array(a)
    if axis is None:
        return lax.reshape(a, [extent for extent in a.shape if extent != 1])
    return lax.squeeze(a, axis if isinstance(axis, tuple) else (axis,))


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    a = as_array(a)
    if isinstance(axis, (tuple, list)):
        return lax.expand_dims(a, tuple(axis))
    shape = a.shape
    axis = canonical_axis(axis, len(shape) + 1)
    return lax.reshape_p(a, new_sizes=(*shape[:axis], 1, *shape[axis:]))


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    return _each(arys, lambda a: a if a.ndim else lax.reshape(a, (1,)))


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    return _each(arys, lambda a: a if a.ndim >= 2 else lax.reshape(a, (1, a.size)))


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    def raised(a: Any) -> Any:
        if a.ndim >= 3:
            return a
        return lax.reshape(a, (*a.shape, 1) if a.ndim == 2 else (1, a.size, 1))

    return _each(arys, raised)


def _each(arrays: Sequence[Any], change: Callable[[Any], Any]) -> Any:
    changed = [change(as_array(a)) for a in arrays]
    return changed[0] if len(changed) == 1 else tuple(changed)


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return lax.broadcast_to(as_array(array), canonical_shape(shape))


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    arrays = [as_array(a) for a in args]
    shape = np.broadcast_shapes(*[a.shape for a in arrays])
    return tuple([lax.broadcast_to(a, shape) for a in arrays])


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    a = as_array(a)
    shape = canonical_shape(new_shape)
    size = int(np.prod(shape))
    if not a.size or not size:
        return full(shape, 0, a.dtype)
    flat = lax.reshape(a, (a.size,))
    if size > a.size:
        flat = tile(flat, -(-size // a.size))
    return lax.reshape(getitem(flat, slice(size)) if flat.shape[0] != size else flat, shape)


@implements(np.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    check_device(device)
    return convert_element_type(as_array(x), canonical_dtype(dtype))


# ---------------------------------------------------------------------------------------------------------------------
# order of axes, order along an axis
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.transpose)
def transpose(a: Any, axes: Any = None) -> Any:
    a = as_array(a)
    if axes is None:
        return reversed_axes(a)
    axes = [index(axis) for axis in axes] if np.iterable(axes) else [index(axes)]
    if len(axes) != a.ndim:
        raise ValueError("axes don't match array")
    return lax.transpose(a, [canonical_axis(axis, a.ndim) for axis in axes])


permute_dims = transpose


@implements(np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return swapaxes(x, -1, -2)


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    a = as_array(a)
    order = list(range(a.ndim))
    first, second = canonical_axis(axis1, a.ndim), canonical_axis(axis2, a.ndim)
    order[first], order[second] = second, first
    return lax.transpose(a, order)


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    a = as_array(a)
    sources, destinations = _axes_in_order(source, a.ndim), _axes_in_order(destination, a.ndim)
    if len(sources) != len(destinations):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [axis for axis in range(a.ndim) if axis not in sources]
    for target, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(target, axis)
    return lax.transpose(a, order)


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    a = as_array(a)
    axis = canonical_axis(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    if not 0 <= start <= a.ndim:
        raise np.exceptions.AxisError(
            f"'start' arg requires {-a.ndim} <= start < {a.ndim + 1}, but {start} was passed in"
        )
    return lax.move_axis(a, axis, start - 1 if axis < start else start)


def _axes_in_order(axis: Any, ndim: int) -> list[int]:
    """Axes counted from the front, in the order given."""
    given = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    axes = [canonical_axis(a, ndim) for a in given]
    if len(set(axes)) != len(axes):
        raise ValueError("repeated axis")
    return axes


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    m = as_array(m)
    return lax.rev(m, canonical_axes(axis, m.ndim))


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    m = as_array(m)
    if m.ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return lax.rev(m, (1,))


@implements(np.flipud)
def flipud(m: Any) -> Any:
    m = as_array(m)
    if m.ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return lax.rev(m, (0,))


@implements(np.rot90)
def rot90(m: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    m = as_array(m)
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    first, second = _axes_in_order(tuple(axes), m.ndim)
    k = static_int(k, "numpy.rot90", "k", "a Python int") % 4
    if k == 0:
        return m
    if k == 2:
        return lax.rev(m, (first, second))
    order = list(range(m.ndim))
    order[first], order[second] = second, first
    if k == 1:
        return lax.transpose(lax.rev(m, (second,)), order)
    return lax.rev(lax.transpose(m, order), (second,))


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    a = as_array(a)
    if axis is None:
        return lax.reshape(roll(lax.reshape(a, (a.size,)), shift, 0), a.shape)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = shift if isinstance(shift, (tuple, list)) else list(shift) if ndim_of(shift) else (shift,)
    count = max(len(axes), len(shifts))
    if not {len(axes), len(shifts)} <= {1, count}:
        raise ValueError("'shift' and 'axis' should be scalars or 1D sequences")
    for position in range(count):
        a = _rolled(a, shifts[position % len(shifts)], canonical_axis(axes[position % len(axes)], a.ndim))
    return a


def _rolled(a: Any, shift: Any, axis: int) -> Any:
    extent = a.shape[axis]
    if not extent:
        return a
    known = concrete_or_none(shift)
    if known is None:
        places = remainder(sub(iota(np.intp, extent), convert_element_type(shift, np.intp)), extent)
        return getitem(a, (*[_FULL] * axis, places))
    cut = -index(known) % extent
    return lax.concatenate([along(a, axis, cut, None), along(a, axis, None, cut)], axis) if cut else a


def along(a: Any, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Any:
    """``a[..., start:stop:step, ...]`` along one axis."""
    return getitem(a, (*[_FULL] * axis, slice(start, stop, step)))


# ---------------------------------------------------------------------------------------------------------------------
# joining
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.concatenate)
def concatenate(
    arrays: Any, /, axis: Any = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    operands = [as_array(a) for a in arrays]
    if axis is None:
        operands, axis = [lax.reshape(a, (a.size,)) for a in operands], 0
    operands = cast(operands, dtype, casting)
    if not operands or not operands[0].shape:
        return lax.concatenate(operands, axis)  # an error
    return lax.concatenate_p(*operands, dimension=canonical_axis(axis, len(operands[0].shape)))


concat = concatenate


def cast(operands: Sequence[Any], dtype: Any, casting: str) -> list[Any]:
    """Operands in a dtype, by default that of all together, if NumPy would allow it."""
    if dtype is None and casting == "same_kind":
        return list(operands)
    dtype = result_dtype(*[a.dtype for a in operands]) if dtype is None else canonical_dtype(dtype)
    for a in operands:
        if not np.can_cast(a.dtype, dtype, casting):  # type: ignore[arg-type]
            raise TypeError(f"Cannot cast array data from {a.dtype!r} to {dtype!r} according to the rule {casting!r}")
    return [convert_element_type(a, dtype) for a in operands]


@implements(np.stack)
def stack(arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    operands = [as_array(a) for a in arrays]
    if not operands:
        raise ValueError("need at least one array to stack")
    shape = operands[0].shape
    if any(a.shape != shape for a in operands):
        raise ShapeError(f"all input arrays must have the same shape, got {' '.join(str(a.shape) for a in operands)}")
    axis = canonical_axis(axis, len(shape) + 1)
    operands = cast(operands, dtype, casting)
    shape = (*shape[:axis], 1, *shape[axis:])
    return lax.concatenate_p(*[lax.reshape_p(a, new_sizes=shape) for a in operands], dimension=axis)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return concatenate([atleast_2d(a) for a in tup], 0, dtype=dtype, casting=casting)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    parts = [atleast_1d(a) for a in tup]
    return concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@implements(np.dstack)
def dstack(tup: Any) -> Any:
    return concatenate([atleast_3d(a) for a in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    parts = [as_array(a) for a in tup]
    return concatenate([a if a.ndim >= 2 else lax.reshape(a, (a.size, 1)) for a in parts], 1)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    return concatenate([as_array(arr), as_array(values)], axis)


@implements(np.block)
def block(arrays: Any) -> Any:
    depth = _depth(arrays)
    pending, ndim = [arrays], depth
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        else:
            ndim = max(ndim, ndim_of(as_array(item)))
    return _joined(arrays, depth, ndim)


def _depth(item: Any) -> int:
    """How deep lists are nested, the same everywhere."""
    if isinstance(item, tuple):
        raise TypeError("a tuple in the argument of block: only lists can be used to arrange blocks")
    if not isinstance(item, list):
        return 0
    if not item:
        raise ValueError("List at arrays cannot be empty")
    depths = {_depth(part) for part in item}
    if len(depths) != 1:
        raise ValueError(f"List depths are mismatched: {sorted(depths)}")
    return depths.pop() + 1


def _joined(item: Any, depth: int, ndim: int) -> Any:
    if not depth:
        a = as_array(item)
        return lax.reshape(a, (*[1] * (ndim - a.ndim), *a.shape))
    return concatenate([_joined(part, depth - 1, ndim) for part in item], -depth)


# ---------------------------------------------------------------------------------------------------------------------
# splitting
# ---------------------------------------------------------------------------------------------------------------------

_SECTIONS = "static_argnums for an argument of jit that says where to split"


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    ary = as_array(ary)
    axis = canonical_axis(axis, ary.ndim)
    extent = ary.shape[axis]
    known = static(indices_or_sections, "numpy.array_split", "indices_or_sections", _SECTIONS)
    if np.ndim(known):
        cuts = [0, *[index(cut) for cut in known], extent]
    else:
        sections = int(known)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, longer = divmod(extent, sections)
        cuts = [number * each + min(number, longer) for number in range(sections + 1)]
    return [along(ary, axis, start, stop) for start, stop in itertools.pairwise(cuts)]


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    ary = as_array(ary)
    known = static(indices_or_sections, "numpy.split", "indices_or_sections", _SECTIONS)
    if not np.ndim(known) and ary.shape[canonical_axis(axis, ary.ndim)] % int(known):
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, known, axis)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    ary = as_array(ary)
    if ary.ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    ary = as_array(ary)
    if not ary.ndim:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    ary = as_array(ary)
    if ary.ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


def _unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """`numpy.unstack`, which NumPy has from 2.1 on."""
    return tuple(np.moveaxis(np.asarray(x), axis, 0))


@implements(getattr(np, "unstack", _unstack))
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    x = as_array(x)
    if not x.ndim:
        raise ValueError("Input array must be at least 1-d.")
    axis = canonical_axis(axis, x.ndim)
    return tuple([getitem(x, (*[_FULL] * axis, position)) for position in range(x.shape[axis])])


# ---------------------------------------------------------------------------------------------------------------------
# repeating
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    a = as_array(A)
    known = static(reps, "numpy.tile", "reps", "static_argnums for an argument of jit that gives a size")
    counts = tuple([index(count) for count in known]) if np.ndim(known) else (index(known),)
    counts = (*[1] * (a.ndim - len(counts)), *counts)
    shape = (*[1] * (len(counts) - a.ndim), *a.shape)
    if all(count == 1 for count in counts):
        return lax.reshape(a, shape)
    spread = [extent for pair in zip(counts, shape, strict=True) for extent in pair]
    axes = tuple(range(2 * (len(counts) - a.ndim) + 1, 2 * len(counts), 2))
    out = lax.broadcast_in_dim(a, spread, axes)
    return lax.reshape(out, [count * extent for count, extent in zip(counts, shape, strict=True)])


@implements(np.repeat, extensions=("total_repeat_length",))
def repeat(a: Any, repeats: Any, axis: Any = None, *, total_repeat_length: int | None = None) -> Any:
    """`numpy.repeat`, which can be traced.

    Parameters
    ----------
    a, repeats, axis
        As for `numpy.repeat`.
    total_repeat_length
        The length of the result along the axis. It is needed where `repeats` is not known while the function is
        traced. What is beyond it is left out, and the last element fills up to it.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import jit
    >>> jit(lambda n: repeat(np.array([5, 7]), n, total_repeat_length=4))(np.array([2, 1]))
    array([5, 5, 7, 7])
    """
    a = as_array(a)
    if axis is None:
        a, axis = lax.reshape(a, (a.size,)), 0
    axis = canonical_axis(axis, a.ndim)
    extent = a.shape[axis]
    if total_repeat_length is not None:
        ends = cumsum(lax.broadcast_to(as_array(repeats), (extent,)), 0)
        places = searchsorted(ends, iota(np.intp, total_repeat_length), "right")
        return getitem(a, (*[_FULL] * axis, min_(places, extent - 1)))
    known = static(
        repeats,
        "numpy.repeat",
        "repeats",
        "functrace.numpy.repeat(x, repeats, total_repeat_length=n), or static_argnums for an argument of jit that says "
        "how often to repeat",
    )
    if np.size(known) != 1:
        return getitem(a, (*[_FULL] * axis, np.repeat(np.arange(extent), known)))
    count = index(np.asarray(known).reshape(()).item())
    if count < 0:
        raise ValueError("repeats may not contain negative values.")
    shape = (*a.shape[: axis + 1], count, *a.shape[axis + 1 :])
    axes = [*range(axis + 1), *range(axis + 2, len(shape))]
    return lax.reshape(lax.broadcast_in_dim(a, shape, axes), (*a.shape[:axis], extent * count, *a.shape[axis + 1 :]))


# ---------------------------------------------------------------------------------------------------------------------
# taking out and putting in
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    a = as_array(arr)
    if axis is None:
        a, axis = lax.reshape(a, (a.size,)), 0
    axis = canonical_axis(axis, a.ndim)
    places = static(
        obj, "numpy.delete", "obj", "functrace.numpy.where(mask, x, 0), where the length stays, or static_argnums"
    )
    kept = np.delete(np.arange(a.shape[axis]), places)
    return getitem(a, (*[_FULL] * axis, kept))


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    a = as_array(arr)
    if axis is None:
        a, axis = lax.reshape(a, (a.size,)), 0
    axis = canonical_axis(axis, a.ndim)
    extent = a.shape[axis]
    places = static(obj, "numpy.insert", "obj", "x.at[index].set(value), where the length stays, or static_argnums")
    places = np.arange(extent)[places] if isinstance(places, slice) else np.asarray(places)
    if places.dtype.kind == "b":
        places = np.flatnonzero(places)
    places = places.astype(np.intp) if not places.size else places
    new = convert_element_type(as_array(values), a.dtype)
    if places.size == 1:  # several values may go to one place
        new = lax.reshape(new, (*[1] * (a.ndim - new.ndim), *new.shape))
        if not places.ndim:
            new = lax.move_axis(new, 0, axis)
        count = new.shape[axis]
    else:
        count = places.size
    new = lax.broadcast_to(new, (*a.shape[:axis], count, *a.shape[axis + 1 :]))
    order = np.insert(np.arange(extent), places, np.arange(extent, extent + count))
    return getitem(lax.concatenate([a, new], axis), (*[_FULL] * axis, order))


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    a = as_array(filt)
    known = static(
        a, "numpy.trim_zeros", "the array", "functrace.numpy.where, or a slice whose bounds are known, in place of it"
    )
    trim = trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    axes = canonical_axes(axis, a.ndim)
    places = np.nonzero(known)
    index = []
    for extent, line, position in zip(a.shape, places, range(a.ndim), strict=True):
        if position not in axes:
            index.append(_FULL)
        elif not len(line):
            index.append(slice(0, 0))
        else:
            start = int(line.min()) if "f" in trim else 0
            index.append(slice(start, int(line.max()) + 1 if "b" in trim else extent))
    return getitem(a, tuple(index))


# ---------------------------------------------------------------------------------------------------------------------
# triangles
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    m = as_array(m)
    return where(tri(*m.shape[-2:], k=k, dtype=bool), m, m.dtype.type(0))


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    m = as_array(m)
    return where(tri(*m.shape[-2:], k=k - 1, dtype=bool), m.dtype.type(0), m)
