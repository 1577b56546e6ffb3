"""Sorting. A derivative follows each element to its new place.

NaN comes last, and complex numbers are ordered by their real parts, then by their imaginary parts, as in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, Shape
from ..core.primitive import Primitive
from ..errors import OptionError, ShapeError
from .creation import iota
from .elementwise import neg
from .index import ARRAY, Index
from .indexing import getitem, getitem_p, scatter_zeros_p
from .shape import (
    batch_to_front,
    canonical_axis,
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
    return tuple([ordered(x, order, axis) for x in operand])


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

    Of equal elements the one with the lower index comes first, -0.0 and 0.0 being equal, as everywhere in NumPy (JAX
    takes 0.0 for the greater). NaN counts as greater than all.

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
    return ordered(operand, indices, axis), indices


def sort_key_val(keys: Any, values: Any, dimension: int = -1, is_stable: bool = True) -> tuple[Any, Any]:
    """Keys sorted along an axis, and values of the same shape put in their order.

    Examples
    --------
    >>> import numpy as np
    >>> sort_key_val(np.array([2, 1]), np.array([5.0, 6.0]))
    (array([1, 2]), array([6., 5.]))
    """
    keys, values = sort((keys, values), dimension, is_stable)
    return keys, values


def approx_max_k(
    operand: Any,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> tuple[Any, Any]:
    """The `k` greatest elements along an axis in descending order, and their indices: here exactly, as `top_k`.

    Parameters
    ----------
    operand, k, reduction_dimension
        As `top_k` takes them.
    recall_target, reduction_input_size_override, aggregate_to_topk
        Accepted; how near to the truth it may be makes no difference where all are found.
    """
    return top_k(operand, k, axis=reduction_dimension)


def approx_min_k(
    operand: Any,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> tuple[Any, Any]:
    """The `k` least elements along an axis in ascending order, and their indices; arguments as `approx_max_k`.

    Examples
    --------
    >>> import numpy as np
    >>> approx_min_k(np.array([1.0, 3.0, 2.0]), 2)
    (array([1., 2.]), array([0, 2]))
    """
    negated, indices = top_k(neg(operand), k, axis=reduction_dimension)
    return neg(negated), indices


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
        a = getitem(a, sorter)
    return searchsorted_p(a, v, side=side, batch_ndim=0)


# ---------------------------------------------------------------------------------------------------------------------
# putting in an order
# ---------------------------------------------------------------------------------------------------------------------


def ordered(x: Any, order: Any, axis: int) -> Any:
    """The elements of `x` along an axis in the order of these indices, none of which comes twice."""
    index, arrays = _along(order, axis)
    return getitem_p(x, *arrays, index=index)


def unordered(x: Any, order: Any, axis: int, shape: Shape) -> Any:
    """The transpose of `ordered`: zeros of this shape, with the elements of `x` where they came from."""
    index, arrays = _along(order, axis)
    return scatter_zeros_p(x, *arrays, shape=shape, index=index)


def _along(order: Any, axis: int) -> tuple[Index, list[Any]]:
    """The index that says `order` along one axis and each place along the others."""
    shape = shape_of(order)
    arrays = []
    for position, extent in enumerate(shape):
        if position == axis:
            arrays.append(order)
        else:
            places = [-1 if other == position else 1 for other in range(len(shape))]
            arrays.append(reshape(iota(_INDEX, extent), places))
    return Index((ARRAY,) * len(shape), unique=True), arrays


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


def _lexsort_batch(size: int, keys: Sequence, dims: Sequence, *, axis: int) -> tuple[Any, int]:
    fronts = [batch_to_front(size, key, dim) for key, dim in zip(keys, dims, strict=True)]
    return lexsort_p(*fronts, axis=axis + 1), 0


lexsort_p: Primitive = Primitive(
    "lexsort",
    lambda *keys, axis: np.lexsort(keys, axis),
    _lexsort_abstract,
    batch=_lexsort_batch,
    source=lambda args, avals, *, axis: f"np.lexsort(({', '.join(args)},), {axis})",
)


def _top_k_impl(x: np.ndarray, *, k: int, axis: int) -> np.ndarray:
    # sorted upward from the back, so that read downward the lower of two equal elements' indices comes first
    lead = (slice(None),) * axis
    backward = (*lead, slice(None, None, -1))
    order = np.argsort(x[backward], axis, "stable")[backward]
    return x.shape[axis] - 1 - order[(*lead, slice(k))]


top_k_indices_p: Primitive = Primitive(
    "top_k_indices",
    _top_k_impl,
    lambda x, *, k, axis: Aval((*x.shape[:axis], k, *x.shape[axis + 1 :]), _INDEX),
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
    return ordered(tangents[0], order, axis)


def _sort_vjp(ct: Any, out: Any, x: Any, *, axis: int, stable: bool) -> Any:
    order = argsort_p(x, axis=axis, stable=stable)
    return unordered(ct, order, axis, shape_of(x))


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
