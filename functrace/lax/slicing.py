"""Windows into an array: static ones, and ones of a static size whose start is known only when the values are.

A traced start that would let the window reach out of the array is moved, so that the window lies inside, as in JAX.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, Shape, canonical_shape, describe
from ..core.primitive import Primitive
from ..core.trace import Tracer
from ..errors import DtypeError, IndexOutOfBoundsError, ShapeError
from .creation import full, iota
from .elementwise import clamp_p, where
from .index import ARRAY, Index, layout_of
from .indexing import NO_RULES, example_numbers, example_shape, getitem, getitem_p, scatter_zeros_p
from .scatter import scatter_p
from .shape import (
    batch_to_front,
    canonical_axis,
    convert_element_type,
    dtype_of,
    expand_dims,
    move_axis,
    ndim_of,
    reshape,
    shape_of,
    squeeze,
    transpose,
)

# ---------------------------------------------------------------------------------------------------------------------
# static windows
# ---------------------------------------------------------------------------------------------------------------------


def slice(
    operand: Any, start_indices: Sequence[int], limit_indices: Sequence[int], strides: Sequence[int] | None = None
) -> Any:
    """The elements from `start_indices` up to `limit_indices`, along each axis.

    Parameters
    ----------
    operand
        An array.
    start_indices, limit_indices
        An int for each axis: ``0 <= start <= limit <= extent``.
    strides
        A positive int for each axis; by default 1.

    Raises
    ------
    IndexOutOfBoundsError
        A window reaches out of the array.

    Examples
    --------
    >>> import numpy as np
    >>> slice(np.arange(6), (1,), (6,), (2,))
    array([1, 3, 5])
    """
    shape = shape_of(operand)
    strides = [1] * len(shape) if strides is None else list(strides)
    if not len(start_indices) == len(limit_indices) == len(strides) == len(shape):
        raise ShapeError(
            f"slice expected a start, a limit and a stride for each of {len(shape)} axes, got {tuple(start_indices)}, "
            f"{tuple(limit_indices)} and {tuple(strides)}"
        )
    index = []
    for axis, (start, limit, stride) in enumerate(zip(start_indices, limit_indices, strides, strict=True)):
        if not 0 <= start <= limit <= shape[axis]:
            raise IndexOutOfBoundsError(
                f"slice expected 0 <= start <= limit <= {shape[axis]} for axis {axis}, got {start} and {limit}",
                instead="x[start:limit] for NumPy's rule (negative numbers count from the end)",
            )
        if stride < 1:
            raise IndexOutOfBoundsError(
                f"slice expected a positive stride for axis {axis}, got {stride}", instead="x[::-1], functrace.lax.rev"
            )
        index.append(builtins.slice(start, limit, None if stride == 1 else stride))
    return getitem(operand, tuple(index))


def slice_in_dim(operand: Any, start_index: int | None, limit_index: int | None, stride: int = 1, axis: int = 0) -> Any:
    """The elements from `start_index` up to `limit_index` along one axis; negative ones count from the end."""
    axis = canonical_axis(axis, ndim_of(operand))
    extent = shape_of(operand)[axis]
    start = 0 if start_index is None else start_index
    limit = extent if limit_index is None else limit_index
    starts, limits, strides = [0] * ndim_of(operand), list(shape_of(operand)), [1] * ndim_of(operand)
    starts[axis] = start + extent if start < 0 else start
    limits[axis] = limit + extent if limit < 0 else limit
    strides[axis] = stride
    return slice(operand, starts, limits, strides)


def index_in_dim(operand: Any, index: int, axis: int = 0, keepdims: bool = True) -> Any:
    """What stands at one position along an axis.

    Examples
    --------
    >>> import numpy as np
    >>> index_in_dim(np.arange(6).reshape(2, 3), 1, axis=1, keepdims=False)
    array([1, 4])
    """
    axis = canonical_axis(axis, ndim_of(operand))
    out = getitem(operand, (*[builtins.slice(None)] * axis, index.__index__()))
    return expand_dims(out, [axis]) if keepdims else out


# ---------------------------------------------------------------------------------------------------------------------
# windows with a start that may be traced
# ---------------------------------------------------------------------------------------------------------------------


def dynamic_slice(operand: Any, start_indices: Any, slice_sizes: Sequence[int]) -> Any:
    """The window of `slice_sizes` that starts at `start_indices`.

    Parameters
    ----------
    operand
        An array.
    start_indices
        An integer for each axis, which may be traced. Negative ones count from the end; then the window is moved to
        lie inside the array.
    slice_sizes
        The extent of the window along each axis.

    Raises
    ------
    ShapeError
        The window is larger than the array, or there is not a start and a size for each axis.

    Examples
    --------
    >>> import numpy as np
    >>> dynamic_slice(np.arange(5), [4], [2])
    array([3, 4])
    """
    shape = shape_of(operand)
    sizes = canonical_shape(slice_sizes)
    starts = _starts(start_indices, shape, sizes, "dynamic_slice")
    if not any(isinstance(start, Tracer) for start in starts):
        return getitem(operand, _window(shape, starts, sizes))
    return dynamic_slice_p(operand, *starts, slice_sizes=sizes)


def dynamic_update_slice(operand: Any, update: Any, start_indices: Any) -> Any:
    """`operand` with a window that starts at `start_indices` replaced by `update`.

    Parameters
    ----------
    operand
        An array; it is not changed.
    update
        An array of as many axes, none longer than that of `operand`, and of its dtype.
    start_indices
        As of `dynamic_slice`.

    Examples
    --------
    >>> import numpy as np
    >>> dynamic_update_slice(np.arange(5), np.array([7, 8]), [1])
    array([0, 7, 8, 3, 4])
    """
    dtype = dtype_of(operand)
    if dtype_of(update) != dtype and not np.can_cast(dtype_of(update), dtype, "same_kind"):
        raise DtypeError(
            f"dynamic_update_slice expected an update of dtype {dtype}, got {describe(update)}",
            instead=f"update.astype({dtype.name!r})",
        )
    starts = _starts(start_indices, shape_of(operand), shape_of(update), "dynamic_update_slice")
    return dynamic_update_slice_p(operand, convert_element_type(update, dtype), *starts)


def dynamic_slice_in_dim(operand: Any, start_index: Any, slice_size: int, axis: int = 0) -> Any:
    """`dynamic_slice` along one axis."""
    axis = canonical_axis(axis, ndim_of(operand))
    starts: list[Any] = [0] * ndim_of(operand)
    starts[axis] = start_index
    sizes = list(shape_of(operand))
    sizes[axis] = slice_size
    return dynamic_slice(operand, starts, sizes)


def dynamic_index_in_dim(operand: Any, index: Any, axis: int = 0, keepdims: bool = True) -> Any:
    """What stands at one position along an axis; a position out of bounds is moved inside."""
    out = dynamic_slice_in_dim(operand, index, 1, axis)
    return out if keepdims else squeeze(out, [axis])


def dynamic_update_slice_in_dim(operand: Any, update: Any, start_index: Any, axis: int) -> Any:
    """`dynamic_update_slice` along one axis."""
    starts: list[Any] = [0] * ndim_of(operand)
    starts[canonical_axis(axis, ndim_of(operand))] = start_index
    return dynamic_update_slice(operand, update, starts)


def dynamic_update_index_in_dim(operand: Any, update: Any, index: Any, axis: int) -> Any:
    """`operand` with what stands at one position along an axis replaced; `update` may lack that axis."""
    axis = canonical_axis(axis, ndim_of(operand))
    if ndim_of(update) < ndim_of(operand):
        update = expand_dims(update, [axis])
    return dynamic_update_slice_in_dim(operand, update, index, axis)


def _starts(start_indices: Any, shape: Shape, sizes: Shape, name: str) -> list[Any]:
    """The starts as a list of integer scalars, checked with the sizes."""
    if not isinstance(start_indices, (tuple, list)):
        if ndim_of(start_indices) != 1:
            raise ShapeError(
                f"{name} expected start_indices to be a sequence, got {describe(start_indices)}",
                instead=f"{name}_in_dim for one axis",
            )
        start_indices = [start_indices[position] for position in range(shape_of(start_indices)[0])]
    if not len(start_indices) == len(sizes) == len(shape):
        raise ShapeError(
            f"{name} expected a start and a size for each of {len(shape)} axes, got {len(start_indices)} starts and "
            f"{len(sizes)} sizes"
        )
    if any(size > extent for size, extent in zip(sizes, shape, strict=True)):
        raise ShapeError(f"{name} expected a window that fits into shape {shape}, got {sizes}")
    starts = []
    for start in start_indices:
        if shape_of(start) or dtype_of(start).kind not in "iu":
            raise DtypeError(f"{name} expected integer scalars as start_indices, got {describe(start)}")
        starts.append(start if isinstance(start, Tracer) else int(start))
    return starts


# ---------------------------------------------------------------------------------------------------------------------
# the primitives
# ---------------------------------------------------------------------------------------------------------------------


def _window(shape: Shape, starts: Sequence[Any], sizes: Shape) -> tuple[builtins.slice, ...]:
    """The window as slices, moved to lie inside the array."""
    window = []
    for start, extent, size in zip(starts, shape, sizes, strict=True):
        start = int(start)
        if start < 0:
            start += extent
        start = min(max(start, 0), extent - size)
        window.append(builtins.slice(start, start + size))
    return tuple(window)


def _dynamic_slice_impl(x: Any, *starts: Any, slice_sizes: Shape) -> Any:
    x = np.asarray(x)
    return x[_window(x.shape, starts, slice_sizes)]


def _dynamic_slice_abstract(x: Aval, *starts: Aval, slice_sizes: Shape) -> Aval:
    return Aval(slice_sizes, x.dtype)


def _dynamic_slice_vjp(ct: Any, out: Any, x: Any, *starts: Any, slice_sizes: Shape) -> Any:
    return window_in_zeros_p(ct, *starts, shape=shape_of(x))


def _dynamic_slice_batch(size: int, args: Sequence, dims: Sequence, *, slice_sizes: Shape) -> tuple[Any, int | None]:
    x, dim = args[0], dims[0]
    shape = example_shape(x, dim)
    starts, start_dims = _needed_starts(args[1:], dims[1:], shape, slice_sizes)
    if dim is not None:
        x = move_axis(x, dim, 0)
    if all(start_dim is None for start_dim in start_dims):
        if dim is None:
            return dynamic_slice_p(x, *starts, slice_sizes=slice_sizes), None
        return dynamic_slice_p(x, 0, *starts, slice_sizes=(size, *slice_sizes)), 0
    entries, arrays = _window_index(size, starts, start_dims, shape, slice_sizes)
    if dim is None:
        index = Index(entries, unique=False)  # two examples may see the same element
    else:
        index = Index((ARRAY, *entries))
        arrays = [example_numbers(size, len(arrays)), *arrays]
    out = getitem_p(x, *arrays, index=index)
    # the block of the arrays' axes is the batch and the axes with an array; the others stand around it in their order
    plan = layout_of(x, index, arrays)
    block = range(plan.position, plan.position + len(plan.block))
    others = iter([axis for axis in range(len(plan.shape)) if axis not in block])
    chosen = iter(block[1:])
    return transpose(out, (block[0], *[next(chosen if entry is ARRAY else others) for entry in entries])), 0


def _needed_starts(starts: Sequence, dims: Sequence, shape: Shape, sizes: Shape) -> tuple[list[Any], list[int | None]]:
    """The starts, those of whole axes replaced by 0: they make no difference."""
    whole = [size == extent for size, extent in zip(sizes, shape, strict=True)]
    return (
        [0 if is_whole else start for start, is_whole in zip(starts, whole, strict=True)],
        [None if is_whole else dim for dim, is_whole in zip(dims, whole, strict=True)],
    )


def _window_index(size: int, starts: Sequence, dims: Sequence, shape: Shape, sizes: Shape) -> tuple[tuple, list[Any]]:
    """The windows of a batch as entries of an index and its arrays: one for each axis that is not whole.

    The arrays broadcast to (batch, axis, axis …).
    """
    partial = [axis for axis in range(len(shape)) if sizes[axis] != shape[axis]]
    arrays = []
    for number, axis in enumerate(partial):
        extent, window = shape[axis], sizes[axis]
        start = convert_element_type(starts[axis], np.intp)
        start = clamp_p(0, where(start < 0, start + extent, start), extent - window)
        if dims[axis] is not None:
            start = reshape(start, (size, *[1] * len(partial)))
        arrays.append(start + reshape(iota(np.intp, window), (window, *[1] * (len(partial) - 1 - number))))
    return tuple([ARRAY if axis in partial else builtins.slice(None) for axis in range(len(shape))]), arrays


dynamic_slice_p = Primitive(
    "dynamic_slice",
    _dynamic_slice_impl,
    _dynamic_slice_abstract,
    vjp=(_dynamic_slice_vjp, *NO_RULES),
    batch=_dynamic_slice_batch,
    aliases=True,
)
dynamic_slice_p.jvp = dynamic_slice_p._jvp_of_linear


def _update_impl(x: Any, update: Any, *starts: Any) -> Any:
    out = np.array(x)
    out[_window(out.shape, starts, np.shape(update))] = update
    return out if out.ndim else out[()]


def _update_in_place(names: Any, args: Sequence[str], avals: Sequence[Aval]) -> str:
    x, update, *starts = args
    place = f"{names.function('window', _window)}({avals[0].shape}, ({', '.join(starts)},), {avals[1].shape})"
    return f"{x}[{place}] = {update}"


def _update_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    x, update, *starts = primals
    tangent, update_tangent = tangents[:2]
    if tangent is None:
        return None if update_tangent is None else window_in_zeros_p(update_tangent, *starts, shape=shape_of(x))
    if update_tangent is None:
        update_tangent = _zeros_like(update)
    return dynamic_update_slice_p(tangent, update_tangent, *starts)


def _zeros_like(x: Any) -> Any:
    return full(shape_of(x), 0, dtype_of(x))


def _update_vjp_update(ct: Any, out: Any, x: Any, update: Any, *starts: Any) -> Any:
    return dynamic_slice_p(ct, *starts, slice_sizes=shape_of(update))


def _update_batch(size: int, args: Sequence, dims: Sequence) -> tuple[Any, int]:
    x, update = args[:2]
    shape, sizes = example_shape(x, dims[0]), example_shape(update, dims[1])
    starts, start_dims = _needed_starts(args[2:], dims[2:], shape, sizes)
    x = batch_to_front(size, x, dims[0])
    if all(dim is None for dim in start_dims):
        return dynamic_update_slice_p(x, batch_to_front(size, update, dims[1]), 0, *starts), 0
    entries, arrays = _window_index(size, starts, start_dims, shape, sizes)
    update = _arrays_first(update, dims[1], entries)
    numbers = example_numbers(size, len(arrays))
    return scatter_p(x, update, numbers, *arrays, index=Index((ARRAY, *entries))), 0


def _arrays_first(update: Any, dim: int | None, entries: tuple) -> Any:
    """A window, or a batch of them, with the axes that have an index array in front of the others."""
    lead = 0
    if dim is not None:
        update, lead = move_axis(update, dim, 0), 1
    axes = range(lead, lead + len(entries))
    chosen = [axis for axis, entry in zip(axes, entries, strict=True) if entry is ARRAY]
    return transpose(update, (*range(lead), *chosen, *[axis for axis in axes if axis not in chosen]))


dynamic_update_slice_p: Primitive = Primitive(
    "dynamic_update_slice",
    _update_impl,
    lambda x, update, *starts: Aval(x.shape, x.dtype),
    jvp=_update_jvp,
    vjp=(
        lambda ct, out, x, update, *starts: dynamic_update_slice_p(ct, _zeros_like(update), *starts),
        _update_vjp_update,
        *NO_RULES,
    ),
    batch=_update_batch,
    update=_update_in_place,
)


def _window_in_zeros_impl(update: Any, *starts: Any, shape: Shape) -> Any:
    update = np.asarray(update)
    out = np.zeros(shape, update.dtype)
    out[_window(shape, starts, update.shape)] = update
    return out if shape else out[()]


def _window_in_zeros_batch(size: int, args: Sequence, dims: Sequence, *, shape: Shape) -> tuple[Any, int | None]:
    update, dim = args[0], dims[0]
    starts, start_dims = _needed_starts(args[1:], dims[1:], shape, example_shape(update, dim))
    if all(start_dim is None for start_dim in start_dims):
        if dim is None:
            return window_in_zeros_p(update, *starts, shape=shape), None
        return window_in_zeros_p(move_axis(update, dim, 0), 0, *starts, shape=(size, *shape)), 0
    entries, arrays = _window_index(size, starts, start_dims, shape, example_shape(update, dim))
    update = _arrays_first(batch_to_front(size, update, dim), 0, entries)
    numbers = example_numbers(size, len(arrays))
    return scatter_zeros_p(update, numbers, *arrays, shape=(size, *shape), index=Index((ARRAY, *entries))), 0


#: Zeros of a shape with a window replaced: linear, and the transpose of `dynamic_slice`.
window_in_zeros_p: Primitive = Primitive(
    "window_in_zeros",
    _window_in_zeros_impl,
    lambda update, *starts, shape: Aval(shape, update.dtype),
    vjp=(
        lambda ct, out, update, *starts, shape: dynamic_slice_p(ct, *starts, slice_sizes=shape_of(update)),
        *NO_RULES,
    ),
    batch=_window_in_zeros_batch,
    creates=True,
)
window_in_zeros_p.jvp = window_in_zeros_p._jvp_of_linear
