"""``x`` with something written at an index: set, added, multiplied, the least, the greatest.

An element that comes twice in the index takes part twice: sums and products take both updates in, the greatest is the
greatest of all, and of two updates that are set the later one stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, broadcast_shapes
from ..core.primitive import Primitive
from ..core.trace import concrete_or_none
from ..errors import DtypeError, ShapeError
from .accumulate import accumulate, put
from .creation import full, iota
from .elementwise import where
from .index import ARRAY, Index, Layout, array_extents, layout_of
from .indexing import (
    NO_RULES,
    batch_index_arrays,
    batch_updates,
    example_layout,
    example_numbers,
    example_shape,
    getitem_p,
    scatter_zeros_p,
)
from .shape import (
    batch_to_front,
    broadcast_to,
    convert_element_type,
    dtype_of,
    inverse_permutation,
    move_axis,
    reshape,
    rev,
    shape_of,
    transpose,
    unbroadcast,
)

_FULL = slice(None)

# ---------------------------------------------------------------------------------------------------------------------
# what the primitives have in common: operands x, updates (of x's dtype; they broadcast to x[index]), index arrays
# ---------------------------------------------------------------------------------------------------------------------


def _abstract(x: Aval, updates: Aval, *arrays: Aval, index: Index) -> Aval:
    shape = layout_of(x, index, arrays).shape
    if updates.shape != shape and broadcast_shapes(updates.shape, shape) != shape:
        raise ShapeError(f"could not broadcast updates of shape {updates.shape} into the shape {shape} of x[index]")
    if updates.dtype != x.dtype:
        raise DtypeError(f"expected updates of dtype {x.dtype}, got {updates.dtype}")
    return Aval(x.shape, x.dtype)


def _scatter(name: str, write: Callable[..., None], assignment: str | None = None, **rules: Any) -> Primitive:
    """A primitive that writes by `write`; where no element comes twice an assignment of Python does the same."""

    def impl(x: Any, updates: Any, *arrays: Any, index: Index) -> Any:
        out = np.array(x, order="C")
        write(out, index, arrays, updates if updates.__class__ is np.ndarray else out.dtype.type(updates))
        return out if out.ndim else out[()]

    def batch(size: int, args: Sequence, dims: Sequence, *, index: Index) -> tuple[Any, int]:
        (x, updates, *arrays), (dim, updates_dim, *array_dims) = args, dims
        plan = example_layout(example_shape(x, dim), arrays, array_dims, index)
        arrays_batched = any(array_dim is not None for array_dim in array_dims)
        updates = batch_updates(size, updates, updates_dim, plan, arrays_batched)
        if arrays_batched:
            rank = len(plan.block)
            arrays = [example_numbers(size, rank), *batch_index_arrays(size, arrays, array_dims, rank)]
        index = index.prepend(ARRAY if arrays_batched else _FULL)
        return primitive(batch_to_front(size, x, dim), updates, *arrays, index=index), 0

    def update(names: Any, args: Sequence[str], avals: Sequence[Aval], *, index: Index) -> str:
        x, updates, *arrays = args
        if index.unique and assignment is not None:
            return f"{x}[{index.text(arrays)}] {assignment} {updates}"
        together = f"({', '.join(arrays)}{',' if len(arrays) == 1 else ''})"
        kind = f"np.{avals[1].dtype.type.__name__}"
        updates = updates if avals[1].shape else f"{kind}({updates})"
        return f"{names.function(f'{name}_into', write)}({x}, {names.constant(index)}, {together}, {updates})"

    primitive = Primitive(name, impl, _abstract, batch=batch, update=update, **rules)
    return primitive


def _accumulate(ufunc: np.ufunc) -> Callable[..., None]:
    return lambda out, index, arrays, updates: accumulate(ufunc, out, index, arrays, updates)


def _onto_zeros(updates: Any, x: Any, index: Index, arrays: Sequence) -> Any:
    """Zeros of the shape of `x`, with updates that broadcast added at the index."""
    updates = broadcast_to(updates, layout_of(x, index, arrays).shape)
    return scatter_zeros_p(updates, *arrays, shape=shape_of(x), index=index)


def _zero(x: Any) -> Any:
    return dtype_of(x).type(0)


# ---------------------------------------------------------------------------------------------------------------------
# set
# ---------------------------------------------------------------------------------------------------------------------


def _set_jvp(primals: Sequence, tangents: Sequence, out: Any, *, index: Index) -> Any:
    x, _, *arrays = primals
    tangent, updates_tangent = tangents[:2]
    if tangent is None and updates_tangent is None:
        return None
    if tangent is None:
        if index.unique:
            return _onto_zeros(updates_tangent, x, index, arrays)
        tangent = full(shape_of(x), 0, dtype_of(x))
    if updates_tangent is None:
        updates_tangent = _zero(x)
    return scatter_p(tangent, updates_tangent, *arrays, index=index)


def _set_vjp_x(ct: Any, out: Any, x: Any, updates: Any, *arrays: Any, index: Index) -> Any:
    return scatter_p(ct, _zero(ct), *arrays, index=index)


def _set_vjp_updates(ct: Any, out: Any, x: Any, updates: Any, *arrays: Any, index: Index) -> Any:
    part = getitem_p(ct, *arrays, index=index)
    if not index.unique:
        part = where(_stays(x, index, arrays), part, _zero(ct))
    return unbroadcast(part, updates)


def _stays(x: Any, index: Index, arrays: Sequence) -> Any:
    """For each update whether it is the last one for its element; in a shape that broadcasts to that of x[index]."""
    plan = layout_of(x, index, arrays)
    extents = array_extents(x, index)
    bare = Index((ARRAY,) * len(arrays), unique=False)
    numbers = reshape(iota(np.intp, math.prod(plan.block)), plan.block)
    last = scatter_p(full(extents, 0, np.intp), numbers, *arrays, index=bare)
    stays = getitem_p(last, *arrays, index=bare) == numbers
    return reshape(stays, (*plan.block, *[1] * (len(plan.shape) - plan.position - len(plan.block))))


#: ``x`` with ``x[index] = updates``.
scatter_p = _scatter("scatter", put, "=", jvp=_set_jvp, vjp=(_set_vjp_x, _set_vjp_updates, *NO_RULES))

# ---------------------------------------------------------------------------------------------------------------------
# add
# ---------------------------------------------------------------------------------------------------------------------


def _add_jvp(primals: Sequence, tangents: Sequence, out: Any, *, index: Index) -> Any:
    x, _, *arrays = primals
    tangent, updates_tangent = tangents[:2]
    if updates_tangent is None:
        return tangent
    if tangent is None:
        return _onto_zeros(updates_tangent, x, index, arrays)
    return scatter_add_p(tangent, updates_tangent, *arrays, index=index)


def _add_vjp_updates(ct: Any, out: Any, x: Any, updates: Any, *arrays: Any, index: Index) -> Any:
    return unbroadcast(getitem_p(ct, *arrays, index=index), updates)


#: ``x`` with ``x[index] += updates``.
scatter_add_p = _scatter(
    "scatter_add",
    _accumulate(np.add),
    "+=",
    jvp=_add_jvp,
    vjp=(lambda ct, out, x, updates, *arrays, index: ct, _add_vjp_updates, *NO_RULES),
)

# ---------------------------------------------------------------------------------------------------------------------
# multiply
# ---------------------------------------------------------------------------------------------------------------------


def _mul_jvp(primals: Sequence, tangents: Sequence, out: Any, *, index: Index) -> Any:
    x, updates, *arrays = primals
    tangent, updates_tangent = tangents[:2]
    if tangent is not None:
        tangent = scatter_mul_p(tangent, updates, *arrays, index=index)
    if updates_tangent is None:
        return tangent
    by_updates = updates_tangent * _other_factors(x, updates, index, arrays)
    if tangent is None:
        return scatter_zeros_p(by_updates, *arrays, shape=shape_of(x), index=index)
    return scatter_add_p(tangent, by_updates, *arrays, index=index)


def _mul_vjp_x(ct: Any, out: Any, x: Any, updates: Any, *arrays: Any, index: Index) -> Any:
    return scatter_mul_p(ct, updates, *arrays, index=index)


def _mul_vjp_updates(ct: Any, out: Any, x: Any, updates: Any, *arrays: Any, index: Index) -> Any:
    part = getitem_p(ct, *arrays, index=index) * _other_factors(x, updates, index, arrays)
    return unbroadcast(part, updates)


def _other_factors(x: Any, updates: Any, index: Index, arrays: Sequence) -> Any:
    """For each update the product of what else its element is multiplied with; zeros among it do no harm."""
    factors = getitem_p(x, *arrays, index=index)
    if index.unique:
        return factors
    plan = layout_of(x, index, arrays)
    extents = array_extents(x, index)
    numbers = np.arange(math.prod(extents)).reshape(extents)
    cells = getitem_p(numbers, *arrays, index=Index((ARRAY,) * len(arrays), unique=False))
    cells = reshape(cells, (math.prod(plan.block),))
    forward = previous_duplicate_p(cells)
    backward = previous_duplicate_p(rev(cells, (0,)))
    rows = _rows(broadcast_to(updates, plan.shape), plan)
    before = _product_before(rows, forward)
    after = rev(_product_before(rev(rows, (0,)), backward), (0,))
    return factors * _unrows(before * after, plan)


def _product_before(rows: Any, previous: Any) -> Any:
    """For each row the product of the earlier rows with the same cell, given the last of them (-1: none)."""
    first = previous
    products = rows
    one = dtype_of(rows).type(1)
    for _ in range(math.ceil(math.log2(max(shape_of(rows)[0], 1)))):  # twice as many factors each time
        known = concrete_or_none(previous)
        if known is not None and (known < 0).all():
            break
        products = products * _chosen(products, previous, one)
        previous = _chosen(previous, previous, -1)
    return _chosen(products, first, one)


def _chosen(rows: Any, numbers: Any, default: Any) -> Any:
    """The rows with these numbers; the default for -1."""
    shape = shape_of(rows)
    taken = getitem_p(rows, numbers, index=Index((ARRAY,), unique=False))
    return where(reshape(numbers >= 0, (shape[0], *[1] * (len(shape) - 1))), taken, default)


def _block_first(plan: Layout) -> tuple[int, ...]:
    block = range(plan.position, plan.position + len(plan.block))
    return (*block, *[axis for axis in range(len(plan.shape)) if axis not in block])


def _rows(x: Any, plan: Layout) -> Any:
    """What stands at an index, a row for each place in the block of the index arrays' axes."""
    return reshape(transpose(x, _block_first(plan)), (math.prod(plan.block), math.prod(plan.rest)))


def _unrows(rows: Any, plan: Layout) -> Any:
    return transpose(reshape(rows, (*plan.block, *plan.rest)), inverse_permutation(_block_first(plan)))


def _previous_duplicate(x: Any) -> Any:
    order = np.argsort(x, axis=-1, kind="stable")
    ordered = np.take_along_axis(x, order, -1)
    same = ordered[..., 1:] == ordered[..., :-1]
    out = np.full(x.shape, -1)
    np.put_along_axis(out, order[..., 1:], np.where(same, order[..., :-1], -1), -1)
    return out


#: For each integer along the last axis the position of the last earlier one that is equal, or -1.
previous_duplicate_p: Primitive = Primitive(
    "previous_duplicate",
    _previous_duplicate,
    lambda x: Aval(x.shape, np.dtype(np.intp)),
    batch=lambda size, args, dims: (previous_duplicate_p(move_axis(args[0], dims[0], 0)), 0),
)

#: ``x`` with ``x[index] *= updates``.
scatter_mul_p = _scatter(
    "scatter_mul",
    _accumulate(np.multiply),
    "*=",
    jvp=_mul_jvp,
    vjp=(_mul_vjp_x, _mul_vjp_updates, *NO_RULES),
)

# ---------------------------------------------------------------------------------------------------------------------
# the least and the greatest; those that are equal share the derivative
# ---------------------------------------------------------------------------------------------------------------------


def _extremal_jvp(primals: Sequence, tangents: Sequence, out: Any, *, index: Index) -> Any:
    x, updates, *arrays = primals
    tangent, updates_tangent = tangents[:2]
    if tangent is None and updates_tangent is None:
        return None
    x_chosen, updates_chosen, count = _chosen_ones(x, updates, out, index, arrays)
    if tangent is not None:
        tangent = where(x_chosen, tangent, _zero(out))
    if updates_tangent is not None:
        updates_tangent = where(updates_chosen, updates_tangent, _zero(out))
        if tangent is None:
            tangent = scatter_zeros_p(updates_tangent, *arrays, shape=shape_of(x), index=index)
        else:
            tangent = scatter_add_p(tangent, updates_tangent, *arrays, index=index)
    return tangent / count


def _extremal_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool], *, index: Index) -> list[Any]:
    x, updates, *arrays = args
    x_chosen, updates_chosen, count = _chosen_ones(x, updates, out, index, arrays)
    share = ct / count
    parts: list[Any] = [None] * len(args)
    if wanted[0]:
        parts[0] = where(x_chosen, share, _zero(ct))
    if wanted[1]:
        part = where(updates_chosen, getitem_p(share, *arrays, index=index), _zero(ct))
        parts[1] = unbroadcast(part, updates)
    return parts


def _chosen_ones(x: Any, updates: Any, out: Any, index: Index, arrays: Sequence) -> tuple[Any, Any, Any]:
    """Which elements of x, which updates are the least (greatest), and for each element of x how many there are."""
    dtype = dtype_of(out)
    x_chosen = x == out
    updates_chosen = updates == getitem_p(out, *arrays, index=index)
    count = scatter_add_p(
        convert_element_type(x_chosen, dtype), convert_element_type(updates_chosen, dtype), *arrays, index=index
    )
    return x_chosen, updates_chosen, where(count == 0, dtype.type(1), count)  # there is none where the result is NaN


#: ``x`` with ``x[index] = minimum(x[index], updates)``.
scatter_min_p = _scatter("scatter_min", _accumulate(np.minimum), jvp=_extremal_jvp, vjp_all=_extremal_vjp)

#: ``x`` with ``x[index] = maximum(x[index], updates)``.
scatter_max_p = _scatter("scatter_max", _accumulate(np.maximum), jvp=_extremal_jvp, vjp_all=_extremal_vjp)
