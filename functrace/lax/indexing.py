"""``x[index]``, and its transpose: an array of zeros but for what stands at the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, Shape
from ..core.primitive import Primitive
from ..core.trace import Tracer, concrete_or_none
from ..errors import FunctraceError, IndexOutOfBoundsError, ShapeError
from .accumulate import accumulate_onto_zeros
from .creation import iota
from .index import (
    ARRAY,
    Index,
    Layout,
    canonical_index,
    check_bounds,
    holds_tracer,
    integer_index,
    layout,
    layout_of,
)
from .shape import batch_to_front, canonical_axis, move_axis, ndim_of, reshape, shape_of, transpose

ndarray = np.ndarray
_FULL = slice(None)

#: The rules of an index array: a derivative flows into none. NumPy allows 64 axes.
NO_RULES: tuple[None, ...] = (None,) * 65


def getitem(x: Any, index: Any) -> Any:
    """``x[index]``, for anything that NumPy takes as an index.

    Parameters
    ----------
    x
        An array or a tracer.
    index
        Ints, slices, None, Ellipsis, integer arrays and lists, masks, and traced integers and integer arrays, one or a
        tuple of them. Traced integers follow NumPy's rules when the values are there: negative ones count from the
        end, ones out of bounds are an IndexError.

    Returns
    -------
    ndarray, scalar or tracer
        Without index arrays a view.

    Raises
    ------
    IndexError
        As NumPy; for what is known while the function is traced, then.
    NonConcreteBooleanIndexError
        A mask is not known while the function is traced.

    Examples
    --------
    >>> import numpy as np
    >>> getitem(np.arange(6).reshape(2, 3), (slice(None), [0, 2]))
    array([[0, 2],
           [3, 5]])
    """
    if not isinstance(x, Tracer):
        x = np.asarray(x)
        if not holds_tracer(index):
            return x[index]
    try:
        if index.__class__ is int:
            return getitem_p(x, index=integer_index(index))
        x, static, arrays = canonical_index(x, index)
        if arrays and concrete_or_none(x) is None:
            check_bounds(shape_of(x), static, arrays)
        return getitem_p(x, *arrays, index=static)
    except IndexError as error:
        if isinstance(error, FunctraceError) or "out of bounds" not in str(error):
            raise
        raise IndexOutOfBoundsError(str(error)) from None  # NumPy's own, with the user's line


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Elements of `arr` at positions along one axis that differ from place to place (as `numpy.take_along_axis`).

    Parameters
    ----------
    arr
        An array.
    indices
        Integers; with as many axes as `arr`, the others broadcast against its own.
    axis
        The axis along which they count; with None `arr` is taken flat.

    Examples
    --------
    >>> import numpy as np
    >>> take_along_axis(np.array([[10, 30, 20], [60, 40, 50]]), np.array([[1], [0]]))
    array([[30],
           [60]])
    """
    if axis is None:
        arr, axis = reshape(arr, (-1,)), 0
    ndim = ndim_of(arr)
    if ndim_of(indices) != ndim:
        raise ShapeError(
            f"take_along_axis expected indices with as many axes as arr, got {ndim_of(indices)} and {ndim}",
            instead="indices[None] or functrace.numpy.expand_dims for axes of extent 1; functrace.numpy.take for "
            "positions that are the same everywhere",
        )
    axis = canonical_axis(axis, ndim)
    index: list[Any] = []
    for position, extent in enumerate(shape_of(arr)):
        if position == axis:
            index.append(indices)
        else:
            index.append(np.arange(extent).reshape([-1 if other == position else 1 for other in range(ndim)]))
    return getitem(arr, tuple(index))


# ---------------------------------------------------------------------------------------------------------------------
# batching, of this and of what writes at an index
# ---------------------------------------------------------------------------------------------------------------------


def example_shape(x: Any, dim: int | None) -> Shape:
    """The shape of one example of a batch."""
    shape = shape_of(x)
    return shape if dim is None else shape[:dim] + shape[dim + 1 :]


def example_layout(shape: Shape, arrays: Sequence, dims: Sequence, index: Index) -> Layout:
    """The layout of ``x[index]`` for one example."""
    return layout(shape, index, tuple([example_shape(array, dim) for array, dim in zip(arrays, dims, strict=True)]))


def batch_index_arrays(size: int, arrays: Sequence, dims: Sequence, rank: int) -> list[Any]:
    """Index arrays with the batch as an axis in front of the `rank` axes to which those of an example broadcast."""
    aligned = []
    for array, dim in zip(arrays, dims, strict=True):
        if dim is not None:
            array = move_axis(array, dim, 0)
            shape = shape_of(array)
            array = reshape(array, (size, *[1] * (rank + 1 - len(shape)), *shape[1:]))
        aligned.append(array)
    return aligned


def example_numbers(size: int, rank: int) -> Any:
    """The number of each example, as an index array in front of others that broadcast to `rank` axes."""
    return reshape(iota(np.intp, size), (size, *[1] * rank))


def batch_updates(size: int, updates: Any, dim: int | None, plan: Layout, arrays_batched: bool) -> Any:
    """What is written at an index, for a batch.

    The index has an entry for the batch in front: `ARRAY`, if index arrays are batched, else a full slice.
    """
    if dim is None and not ndim_of(updates):
        return updates
    lead = 0
    shape = example_shape(updates, dim)
    padded = (*[1] * (len(plan.shape) - len(shape)), *shape)
    if dim is not None:
        lead = 1
        updates = move_axis(updates, dim, 0)
        padded = (size, *padded)
    updates = reshape(updates, padded)
    rank = len(plan.block)
    if not arrays_batched:
        if not plan.separated:
            return updates
        if lead:
            return move_axis(updates, 0, rank)
        return reshape(updates, (*padded[:rank], 1, *padded[rank:]))
    block = range(lead + plan.position, lead + plan.position + rank)
    others = [axis for axis in range(lead, len(padded)) if axis not in block]
    return transpose(updates, (*range(lead), *block, *others))


def _getitem_batch(size: int, args: Sequence, dims: Sequence, *, index: Index) -> tuple[Any, int]:
    (x, *arrays), (dim, *array_dims) = args, dims
    plan = example_layout(example_shape(x, dim), arrays, array_dims, index)
    rank = len(plan.block)
    if all(array_dim is None for array_dim in array_dims):
        out = getitem_p(move_axis(x, dim, 0), *arrays, index=index.prepend(_FULL))
        return out, rank if plan.separated else 0
    arrays = batch_index_arrays(size, arrays, array_dims, rank)
    if dim is None:
        index = Index(index.entries, unique=False)
        return getitem_p(x, *arrays, index=index), layout_of(x, index, arrays).position
    out = getitem_p(move_axis(x, dim, 0), example_numbers(size, rank), *arrays, index=index.prepend(ARRAY))
    before = range(1 + rank, 1 + rank + plan.position)
    after = range(1 + rank + plan.position, 1 + len(plan.shape))
    return transpose(out, (0, *before, *range(1, 1 + rank), *after)), 0


def _scatter_zeros_batch(
    size: int, args: Sequence, dims: Sequence, *, shape: Shape, index: Index
) -> tuple[Any, int | None]:
    (updates, *arrays), (dim, *array_dims) = args, dims
    plan = example_layout(shape, arrays, array_dims, index)
    arrays_batched = any(array_dim is not None for array_dim in array_dims)
    updates = batch_updates(size, batch_to_front(size, updates, dim), 0, plan, arrays_batched)
    if arrays_batched:
        rank = len(plan.block)
        arrays = [example_numbers(size, rank), *batch_index_arrays(size, arrays, array_dims, rank)]
    index = index.prepend(ARRAY if arrays_batched else _FULL)
    return scatter_zeros_p(updates, *arrays, shape=(size, *shape), index=index), 0


# ---------------------------------------------------------------------------------------------------------------------
# the primitives
# ---------------------------------------------------------------------------------------------------------------------


def _getitem_impl(x: Any, *arrays: Any, index: Index) -> Any:
    if x.__class__ is not ndarray:
        x = np.asarray(x)
    if not arrays:
        return x[index.entries]
    if arrays[0].__class__ is ndarray and _is_take(x, arrays[0], index):
        return x.take(arrays[0], 0)
    return x[index.assemble(arrays)]


def _is_take(x: Any, array: Any, index: Index) -> bool:
    """Whether NumPy's `take`, which is twice as fast, does the same."""
    return index.entries == (ARRAY,) and x.ndim > 1 and array.ndim > 0 and array.dtype.kind == "i"


def _getitem_source(args: Sequence[str], avals: Sequence[Aval], *, index: Index) -> str:
    x, *arrays = args
    if arrays and _is_take(avals[0], avals[1], index):
        return f"{x}.take({arrays[0]}, 0)"
    return f"{x if avals[0].shape else f'np.asarray({x})'}[{index.text(arrays)}]"


def _getitem_vjp(ct: Any, out: Any, x: Any, *arrays: Any, index: Index) -> Any:
    return scatter_zeros_p(ct, *arrays, shape=shape_of(x), index=index)


getitem_p = Primitive(
    "getitem",
    _getitem_impl,
    lambda x, *arrays, index: Aval(layout_of(x, index, arrays).shape, x.dtype),
    vjp=(_getitem_vjp, *NO_RULES),
    batch=_getitem_batch,
    source=_getitem_source,
    aliases=True,
)
getitem_p.jvp = getitem_p._jvp_of_linear


def _scatter_zeros_impl(updates: Any, *arrays: Any, shape: Shape, index: Index) -> Any:
    out = accumulate_onto_zeros(shape, index, arrays, updates if updates.__class__ is ndarray else np.asarray(updates))
    return out if shape else out[()]


def _scatter_zeros_abstract(updates: Aval, *arrays: Aval, shape: Shape, index: Index) -> Aval:
    plan = layout(shape, index, tuple([array.shape for array in arrays]))
    if updates.shape != plan.shape:
        raise ShapeError(f"expected updates of shape {plan.shape}, got {updates.shape}")
    return Aval(shape, updates.dtype)


#: Zeros of a shape, with `updates` added at an index: linear, and the transpose of `getitem`.
scatter_zeros_p = Primitive(
    "scatter_zeros",
    _scatter_zeros_impl,
    _scatter_zeros_abstract,
    vjp=(lambda ct, out, updates, *arrays, shape, index: getitem_p(ct, *arrays, index=index), *NO_RULES),
    batch=_scatter_zeros_batch,
    creates=True,
)
scatter_zeros_p.jvp = scatter_zeros_p._jvp_of_linear
