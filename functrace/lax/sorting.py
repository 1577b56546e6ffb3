"""Sorting, and the gathering along an axis by which its results and their derivatives are put in order.

NaN comes last, and complex numbers are ordered by their real parts, then by their imaginary parts, as in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, Shape, broadcast_shapes
from ..core.primitive import Primitive
from ..errors import DtypeError, OptionError, ShapeError
from .shape import (
    batch_to_front,
    broadcast_to,
    canonical_axis,
    dtype_of,
    ndim_of,
    reshape,
    shape_of,
    shift_axes,
)

_INDEX = np.dtype(np.intp)


def sort(operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int = 1) -> Any:
    """Sort along an axis, one array or several together.

    Parameters
    ----------
    operand
        An array; or a sequence of arrays of one shape, which are all put in the order of the first `num_keys` of them
        (compared by the first, where that ties by the second, and so on).
    dimension
        Along which axis.
    is_stable
        Whether elements that compare equal keep their order; several arrays are always sorted so.
    num_keys
        How many of several arrays are compared.

    Returns
    -------
    numpy.ndarray or tuple of numpy.ndarray
        A tuple for a sequence. The gradient goes back to where each element came from.

    Examples
    --------
    >>> import numpy as np
    >>> sort((np.array([2, 1, 2]), np.array([5.0, 6.0, 4.0])), num_keys=2)
    (array([1, 2, 2]), array([6., 4., 5.]))
    """
    if not isinstance(operand, (tuple, list)):
        return sort_p(operand, axis=canonical_axis(dimension, ndim_of(operand)), stable=bool(is_stable))
    if not operand:
        raise OptionError("sort expected at least one array")
    shapes = [shape_of(x) for x in operand]
    if len(set(shapes)) != 1:
        raise ShapeError(f"arrays to be sorted together must have one shape, got {' '.join(map(str, shapes))}")
    if not 1 <= num_keys <= len(operand):
        raise OptionError(f"expected num_keys from 1 to {len(operand)}, the number of arrays, got {num_keys}")
    axis = canonical_axis(dimension, len(shapes[0]))
    order = lexsort_p(*reversed(operand[:num_keys]), axis=axis)
    return tuple([take_along_p(x, order, axis=axis, unique_indices=True) for x in operand])


def argsort(operand: Any, axis: int | None = -1, stable: bool = True) -> Any:
    """The indices that would sort an array along an axis.

    Parameters
    ----------
    operand
        An array.
    axis
        Along which axis; None: of the flattened array.
    stable
        Whether elements that compare equal keep their order.
    """
    if axis is None:
        operand, axis = reshape(operand, (-1,)), 0
    return argsort_p(operand, axis=canonical_axis(axis, ndim_of(operand)), stable=bool(stable))


def lexsort(keys: Sequence[Any], axis: int = -1) -> Any:
    """The indices that sort by several keys, by the last one first, as `numpy.lexsort`."""
    keys = tuple(keys)
    if not keys:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    return lexsort_p(*keys, axis=canonical_axis(axis, ndim_of(keys[0])))


def top_k(operand: Any, k: int, *, axis: int = -1) -> tuple[Any, Any]:
    """The `k` greatest elements along an axis in descending order, and their indices.

    Of equal elements the one with the lower index comes first; NaN counts as greater than all.

    Parameters
    ----------
    operand
        An array with at least one axis.
    k
        How many; at most the extent of the axis.
    axis
        Along which axis.

    Examples
    --------
    >>> import numpy as np
    >>> top_k(np.array([1.0, 3.0, 2.0, 3.0]), 3)
    (array([3., 3., 2.]), array([1, 3, 2]))
    """
    axis = canonical_axis(axis, ndim_of(operand))
    count = k.__index__()
    extent = shape_of(operand)[axis]
    if not 0 <= count <= extent:
        raise OptionError(f"top_k expected a k from 0 to {extent}, the extent of axis {axis}, got {count}")
    indices = top_k_indices_p(operand, k=count, axis=axis)
    return take_along_p(operand, indices, axis=axis, unique_indices=True), indices


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Elements along an axis, chosen for each line by that line of `indices`; as `numpy.take_along_axis`.

    Raises
    ------
    DtypeError
        The indices are no integers.
    IndexError
        An index is outside the axis.
    """
    if dtype_of(indices).kind not in "iu":
        raise DtypeError(f"take_along_axis expected integer indices, got dtype {dtype_of(indices)}")
    if axis is None:
        arr, axis = reshape(arr, (-1,)), 0
    ndim = ndim_of(arr)
    axis = canonical_axis(axis, ndim)
    if ndim_of(indices) != ndim:
        raise ShapeError(f"expected indices with the {ndim} axes of the array, got shape {shape_of(indices)}")
    shape, wanted = shape_of(arr), shape_of(indices)
    rest = broadcast_shapes((*shape[:axis], 1, *shape[axis + 1 :]), (*wanted[:axis], 1, *wanted[axis + 1 :]))
    arr = broadcast_to(arr, (*rest[:axis], shape[axis], *rest[axis + 1 :]))
    indices = broadcast_to(indices, (*rest[:axis], wanted[axis], *rest[axis + 1 :]))
    return take_along_p(arr, indices, axis=axis, unique_indices=False)


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """The places in a sorted array of one axis before which elements would be inserted to keep it sorted.

    Parameters
    ----------
    a
        The sorted array, of one axis.
    v
        The elements, of any shape.
    side
        Before ("left") or behind ("right") what is equal.
    sorter
        Indices that sort `a`, where it is not sorted.

    Returns
    -------
    numpy.ndarray
        Integers, of the shape of `v`.
    """
    if side not in ("left", "right"):
        raise OptionError(f"searchsorted expected side 'left' or 'right', got {side!r}")
    if ndim_of(a) != 1:
        raise ShapeError(f"searchsorted expected an array of one axis, got shape {shape_of(a)}")
    if sorter is not None:
        a = take_along_axis(a, sorter)
    return searchsorted_p(a, v, side=side, batch_ndim=0)


# ---------------------------------------------------------------------------------------------------------------------
# gathering along an axis, and its transpose
# ---------------------------------------------------------------------------------------------------------------------


def _grid(indices: np.ndarray, axis: int) -> tuple[Any, ...]:
    """The index that says `indices` along one axis and every place along the others."""
    grid: list[Any] = []
    for position, extent in enumerate(indices.shape):
        shape = [1] * indices.ndim
        shape[position] = extent
        grid.append(indices if position == axis else np.arange(extent).reshape(shape))
    return tuple(grid)


def _batch_along(primitive: Primitive) -> Any:
    def batch(size: int, args: Sequence, dims: Sequence, *, axis: int, **params: Any) -> tuple[Any, int]:
        fronts = [batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]
        return primitive(*fronts, axis=axis + 1, **params), 0

    return batch


def _along_jvp(primitive: Primitive) -> Any:
    def jvp(primals: Sequence, tangents: Sequence, out: Any, **params: Any) -> Any:
        return None if tangents[0] is None else primitive(tangents[0], primals[1], **params)

    return jvp


take_along_p: Primitive = Primitive(
    "take_along_axis",
    lambda x, indices, *, axis, unique_indices: x[_grid(indices, axis)],
    lambda x, indices, *, axis, unique_indices: Aval(indices.shape, x.dtype),
    vjp=(
        lambda ct, out, x, indices, *, axis, unique_indices: add_along_p(
            ct, indices, axis=axis, extent=shape_of(x)[axis], unique_indices=unique_indices
        ),
        None,
    ),
    source=lambda args, avals, *, axis, unique_indices: f"np.take_along_axis({args[0]}, {args[1]}, {axis})",
)


def _add_along_impl(x: np.ndarray, indices: np.ndarray, *, axis: int, extent: int, unique_indices: bool) -> np.ndarray:
    out = np.zeros(_with_extent(x.shape, axis, extent), x.dtype)
    if unique_indices:
        out[_grid(indices, axis)] = x
    else:
        np.add.at(out, _grid(indices, axis), x)
    return out


def _with_extent(shape: Shape, axis: int, extent: int) -> Shape:
    return (*shape[:axis], extent, *shape[axis + 1 :])


# zeros, to which elements are added along an axis: the transpose of take_along_axis
add_along_p: Primitive = Primitive(
    "add_along_axis",
    _add_along_impl,
    lambda x, indices, *, axis, extent, unique_indices: Aval(_with_extent(x.shape, axis, extent), x.dtype),
    vjp=(
        lambda ct, out, x, indices, *, axis, extent, unique_indices: take_along_p(
            ct, indices, axis=axis, unique_indices=unique_indices
        ),
        None,
    ),
)
for _primitive in (take_along_p, add_along_p):
    _primitive.jvp = _along_jvp(_primitive)
    _primitive.batch = _batch_along(_primitive)

# ---------------------------------------------------------------------------------------------------------------------
# the orders
# ---------------------------------------------------------------------------------------------------------------------


def _kind(stable: bool) -> str:
    return ", 'stable'" if stable else ""


argsort_p: Primitive = Primitive(
    "argsort",
    lambda x, *, axis, stable: np.argsort(x, axis, "stable" if stable else None),
    lambda x, *, axis, stable: Aval(x.shape, _INDEX),
    batch=lambda size, args, dims, *, axis, stable: (
        argsort_p(args[0], axis=shift_axes((axis,), dims[0])[0], stable=stable),
        dims[0],
    ),
    source=lambda args, avals, *, axis, stable: f"np.argsort({args[0]}, {axis}{_kind(stable)})",
)


def _lexsort_abstract(*keys: Aval, axis: int) -> Aval:
    shapes = [key.shape for key in keys]
    if len(set(shapes)) != 1:
        raise ShapeError(f"the keys of lexsort must have one shape, got {' '.join(map(str, shapes))}")
    return Aval(shapes[0], _INDEX)


lexsort_p: Primitive = Primitive(
    "lexsort",
    lambda *keys, axis: np.lexsort(keys, axis),
    _lexsort_abstract,
    source=lambda args, avals, *, axis: f"np.lexsort(({', '.join(args)},), {axis})",
)
lexsort_p.batch = _batch_along(lexsort_p)


def _top_k_impl(x: np.ndarray, *, k: int, axis: int) -> np.ndarray:
    # sorted upward from the back, so that read downward the lower of two equal elements' indices comes first
    lead = (slice(None),) * axis
    backward = (*lead, slice(None, None, -1))
    order = np.argsort(x[backward], axis, "stable")[backward]
    return x.shape[axis] - 1 - order[(*lead, slice(k))]


top_k_indices_p: Primitive = Primitive(
    "top_k_indices",
    _top_k_impl,
    lambda x, *, k, axis: Aval(_with_extent(x.shape, axis, k), _INDEX),
    batch=lambda size, args, dims, *, k, axis: (
        top_k_indices_p(args[0], k=k, axis=shift_axes((axis,), dims[0])[0]),
        dims[0],
    ),
)

# ---------------------------------------------------------------------------------------------------------------------
# sort
# ---------------------------------------------------------------------------------------------------------------------


def _sort_jvp(primals: Sequence, tangents: Sequence, out: Any, *, axis: int, stable: bool) -> Any:
    if tangents[0] is None:
        return None
    order = argsort_p(primals[0], axis=axis, stable=stable)
    return take_along_p(tangents[0], order, axis=axis, unique_indices=True)


def _sort_vjp(ct: Any, out: Any, x: Any, *, axis: int, stable: bool) -> Any:
    order = argsort_p(x, axis=axis, stable=stable)
    return add_along_p(ct, order, axis=axis, extent=shape_of(x)[axis], unique_indices=True)


sort_p: Primitive = Primitive(
    "sort",
    lambda x, *, axis, stable: np.sort(x, axis, "stable" if stable else None),
    lambda x, *, axis, stable: Aval(x.shape, x.dtype),
    jvp=_sort_jvp,
    vjp=(_sort_vjp,),
    batch=lambda size, args, dims, *, axis, stable: (
        sort_p(args[0], axis=shift_axes((axis,), dims[0])[0], stable=stable),
        dims[0],
    ),
    source=lambda args, avals, *, axis, stable: f"np.sort({args[0]}, {axis}{_kind(stable)})",
)

# ---------------------------------------------------------------------------------------------------------------------
# searchsorted
# ---------------------------------------------------------------------------------------------------------------------


def _searchsorted_impl(a: np.ndarray, v: Any, *, side: Any, batch_ndim: int) -> Any:
    if not batch_ndim:
        return np.searchsorted(a, v, side)
    lead = a.shape[:batch_ndim]
    out = np.empty(v.shape, _INDEX)
    for index in np.ndindex(lead):
        out[index] = np.searchsorted(a[index], v[index], side)
    return out


def _searchsorted_batch(size: int, args: Sequence, dims: Sequence, *, side: str, batch_ndim: int) -> tuple[Any, int]:
    if dims[0] is None and not batch_ndim:
        return searchsorted_p(args[0], args[1], side=side, batch_ndim=0), dims[1]
    a, v = [batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]
    return searchsorted_p(a, v, side=side, batch_ndim=batch_ndim + 1), 0


searchsorted_p: Primitive = Primitive(
    "searchsorted",
    _searchsorted_impl,
    lambda a, v, *, side, batch_ndim: Aval(v.shape, _INDEX),
    batch=_searchsorted_batch,
    source=lambda args, avals, *, side, batch_ndim: (
        None if batch_ndim else f"np.searchsorted({args[0]}, {args[1]}, {side!r})"
    ),
)
