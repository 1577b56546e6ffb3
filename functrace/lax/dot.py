"""Products of arrays: every one is a `dot_general`, and every `dot_general` is a matrix product over views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.aval import Aval, Shape, aval_of, broadcast_shapes
from ..core.primitive import Primitive
from ..errors import OptionError, ShapeError
from .elementwise import mul
from .shape import (
    broadcast_to,
    canonical_axis,
    convert_element_type,
    move_axis,
    ndim_of,
    shape_of,
    transpose,
)

# ((lhs contracting, rhs contracting), (lhs batch, rhs batch)), as in JAX
DimensionNumbers = tuple[tuple[tuple[int, ...], tuple[int, ...]], tuple[tuple[int, ...], tuple[int, ...]]]

_MATRIX_PRODUCT: DimensionNumbers = (((1,), (0,)), ((), ()))
_BY_ROWS: DimensionNumbers = (((1,), (1,)), ((), ()))  # x @ y.T
_BY_COLUMNS: DimensionNumbers = (((0,), (0,)), ((), ()))  # x.T @ y


def _free(ndim: int, *taken: Sequence[int]) -> tuple[int, ...]:
    used = {axis for axes in taken for axis in axes}
    return tuple([axis for axis in range(ndim) if axis not in used])


def _abstract(lhs: Aval, rhs: Aval, *, dimension_numbers: DimensionNumbers) -> Aval:
    (lc, rc), (lb, rb) = dimension_numbers
    for kind, left, right in (("contracting", lc, rc), ("batch", lb, rb)):
        a, b = [lhs.shape[axis] for axis in left], [rhs.shape[axis] for axis in right]
        if a != b:
            raise ShapeError(
                f"shapes {lhs.shape} and {rhs.shape} do not fit in a product: the {kind} axes {left} and {right} have "
                f"extents {tuple(a)} and {tuple(b)}"
            )
    shape = [lhs.shape[axis] for axis in lb]
    shape += [lhs.shape[axis] for axis in _free(lhs.ndim, lc, lb)]
    shape += [rhs.shape[axis] for axis in _free(rhs.ndim, rc, rb)]
    return Aval(tuple(shape), np.result_type(lhs.dtype, rhs.dtype))


# ---------------------------------------------------------------------------------------------------------------------
# value
# ---------------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _product(dimension_numbers: DimensionNumbers, lhs_ndim: int, rhs_ndim: int) -> Callable[[Any, Any], Any]:
    """The NumPy calls for operands of these ranks."""
    (lc, rc), (lb, rb) = dimension_numbers
    if not lb and len(lc) == 1 and lhs_ndim <= 2 and rhs_ndim <= 2:  # one call, transposes given to BLAS
        if lc == (lhs_ndim - 1,):
            return (lambda x, y: x.dot(y)) if rc == (0,) else (lambda x, y: x.dot(y.T))
        return (lambda x, y: x.T.dot(y)) if rc == (0,) else (lambda x, y: y.dot(x).T)
    lf, rf = _free(lhs_ndim, lc, lb), _free(rhs_ndim, rc, rb)
    lhs_order, rhs_order = (*lb, *lf, *lc), (*rb, *rc, *rf)
    batches, lhs_free = len(lb), len(lf)

    def product(x: Any, y: Any) -> Any:
        x, y = np.asarray(x).transpose(lhs_order), np.asarray(y).transpose(rhs_order)
        batch, rows = x.shape[:batches], x.shape[batches : batches + lhs_free]
        columns = y.shape[batches + len(rc) :]
        inner = y.shape[batches : batches + len(rc)]
        if not inner:  # no sum: an outer product
            return x.reshape((*batch, *rows, *[1] * len(columns))) * y.reshape((*batch, *[1] * len(rows), *columns))
        sizes = [_size(extents) for extents in (batch, rows, inner, columns)]
        if not batches:
            out = x.reshape((sizes[1], sizes[2])).dot(y.reshape((sizes[2], sizes[3])))
        else:
            out = np.matmul(x.reshape((sizes[0], sizes[1], sizes[2])), y.reshape((sizes[0], sizes[2], sizes[3])))
        out = out.reshape((*batch, *rows, *columns))
        return out if out.ndim else out[()]

    return product


def _size(extents: Shape) -> int:
    size = 1
    for extent in extents:
        size *= extent
    return size


def _impl(x: Any, y: Any, *, dimension_numbers: DimensionNumbers) -> Any:
    if dimension_numbers is _MATRIX_PRODUCT:  # of matrices, the ordinary case
        return x.dot(y)
    if dimension_numbers is _BY_ROWS:
        return x.dot(y.T)
    if dimension_numbers is _BY_COLUMNS:
        return x.T.dot(y)
    return _product(dimension_numbers, x.ndim, y.ndim)(x, y)


def _source(args: Sequence[str], avals: Sequence[Aval], *, dimension_numbers: DimensionNumbers) -> str:
    x, y = args
    (lc, rc), (lb, rb) = dimension_numbers
    m, n = avals[0].ndim, avals[1].ndim
    if not lb and len(lc) == 1 and m <= 2 and n <= 2:
        if lc == (m - 1,):
            return f"np.dot({x}, {y})" if rc == (0,) else f"np.dot({x}, {y}.T)"
        return f"np.dot({x}.T, {y})" if rc == (0,) else f"np.dot({y}, {x}).T"
    if not m or not n:
        return f"{x} * {y}"
    if not lb and lc:
        return f"np.tensordot({x}, {y}, axes=({list(lc)}, {list(rc)}))"
    if lb == rb == tuple(range(m - 2)) and m == n and lc == (m - 1,) and rc == (m - 2,):
        return f"np.matmul({x}, {y})"
    names = iter("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    left = [next(names) for _ in range(m)]
    right = [""] * n
    for i, j in zip((*lc, *lb), (*rc, *rb), strict=True):
        right[j] = left[i]
    right = [name or next(names) for name in right]
    lf, rf = _free(m, lc, lb), _free(n, rc, rb)
    out = [left[i] for i in (*lb, *lf)] + [right[j] for j in rf]
    return f"np.einsum('{''.join(left)},{''.join(right)}->{''.join(out)}', {x}, {y}, optimize=True)"


# ---------------------------------------------------------------------------------------------------------------------
# derivatives: bilinear, so a product again
# ---------------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _transposes(
    dimension_numbers: DimensionNumbers, m: int, n: int
) -> tuple[DimensionNumbers, tuple[int, ...] | None, DimensionNumbers, tuple[int, ...] | None]:
    """For each operand the product that gives its cotangent, and the permutation into the operand's layout."""
    (lc, rc), (lb, rb) = dimension_numbers
    lf, rf = _free(m, lc, lb), _free(n, rc, rb)
    ct_batch = tuple(range(len(lb)))
    ct_rows = tuple(range(len(lb), len(lb) + len(lf)))
    ct_columns = tuple(range(len(lb) + len(lf), len(lb) + len(lf) + len(rf)))
    # lhs: ct · rhs over the columns gives (batch, rows, rhs's contracting axes in rhs's order)
    by_lhs: DimensionNumbers = ((ct_columns, rf), (ct_batch, rb))
    lhs_axes = (*lb, *lf, *[lc[rc.index(axis)] for axis in sorted(rc)])
    # rhs: lhs · ct over the rows gives (batch, lhs's contracting axes in lhs's order, columns)
    by_rhs: DimensionNumbers = ((lf, ct_rows), (lb, ct_batch))
    rhs_axes = (*rb, *[rc[lc.index(axis)] for axis in sorted(lc)], *rf)
    return by_lhs, _into_order(lhs_axes), by_rhs, _into_order(rhs_axes)


def _into_order(axes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The permutation that puts a result whose axes are these in ascending order; None where it is."""
    order = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return None if order == tuple(range(len(axes))) else order


def _vjp_lhs(ct: Any, out: Any, x: Any, y: Any, *, dimension_numbers: DimensionNumbers) -> Any:
    if dimension_numbers is _MATRIX_PRODUCT:
        dims, permutation = _BY_ROWS, None
    else:
        dims, permutation, _, _ = _transposes(dimension_numbers, len(x.shape), len(y.shape))
    part = dot_general_p(ct, y, dimension_numbers=dims)
    if permutation is not None:
        part = transpose(part, permutation)
    return part if part.dtype == x.dtype else convert_element_type(part, x.dtype)


def _vjp_rhs(ct: Any, out: Any, x: Any, y: Any, *, dimension_numbers: DimensionNumbers) -> Any:
    if dimension_numbers is _MATRIX_PRODUCT:
        dims, permutation = _BY_COLUMNS, None
    else:
        _, _, dims, permutation = _transposes(dimension_numbers, len(x.shape), len(y.shape))
    part = dot_general_p(x, ct, dimension_numbers=dims)
    if permutation is not None:
        part = transpose(part, permutation)
    return part if part.dtype == y.dtype else convert_element_type(part, y.dtype)


def _jvp(primals: Sequence, tangents: Sequence, out: Any, *, dimension_numbers: DimensionNumbers) -> Any:
    (x, y), (tx, ty) = primals, tangents
    total = None
    if tx is not None:
        total = dot_general_p(tx, y, dimension_numbers=dimension_numbers)
    if ty is not None:
        term = dot_general_p(x, ty, dimension_numbers=dimension_numbers)
        total = term if total is None else total + term
    return total


def _batch(size: int, args: Sequence, dims: Sequence, *, dimension_numbers: DimensionNumbers) -> tuple[Any, int]:
    (x, y), (dx, dy) = args, dims
    (lc, rc), (lb, rb) = dimension_numbers

    def shifted(axes: tuple[int, ...], dim: int) -> tuple[int, ...]:
        return tuple([axis + (axis >= dim) for axis in axes])

    if dx is not None:
        lc, lb = shifted(lc, dx), shifted(lb, dx)
    if dy is not None:
        rc, rb = shifted(rc, dy), shifted(rb, dy)
    if dx is not None and dy is not None:
        out = dot_general_p(x, y, dimension_numbers=((lc, rc), ((dx, *lb), (dy, *rb))))
        return out, 0
    out = dot_general_p(x, y, dimension_numbers=((lc, rc), (lb, rb)))
    lf = _free(ndim_of(x), lc, lb)
    if dx is not None:
        return out, len(lb) + lf.index(dx)
    return out, len(lb) + len(lf) + _free(ndim_of(y), rc, rb).index(dy)


dot_general_p = Primitive(
    "dot_general",
    _impl,
    _abstract,
    jvp=_jvp,
    vjp=(_vjp_lhs, _vjp_rhs),
    batch=_batch,
    source=_source,
)


# ---------------------------------------------------------------------------------------------------------------------
# public functions
# ---------------------------------------------------------------------------------------------------------------------


def dot_general(lhs: Any, rhs: Any, dimension_numbers: Any, preferred_element_type: Any = None) -> Any:
    """The product of two arrays, summed over pairs of axes, batched over others.

    Parameters
    ----------
    lhs, rhs
        Arrays.
    dimension_numbers
        ((lhs contracting axes, rhs contracting axes), (lhs batch axes, rhs batch axes)).
    preferred_element_type
        The dtype in which to multiply and add, where it is not that of the operands.

    Returns
    -------
    array
        Its axes are the batch axes, the free axes of `lhs`, the free axes of `rhs`.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.ones((5, 2, 3)), np.ones((5, 3, 4))
    >>> dot_general(x, y, (((2,), (1,)), ((0,), (0,)))).shape
    (5, 2, 4)
    """
    m, n = ndim_of(lhs), ndim_of(rhs)
    (lc, rc), (lb, rb) = dimension_numbers
    dims = (
        (tuple([canonical_axis(a, m) for a in lc]), tuple([canonical_axis(a, n) for a in rc])),
        (tuple([canonical_axis(a, m) for a in lb]), tuple([canonical_axis(a, n) for a in rb])),
    )
    for axes in (dims[0][0] + dims[1][0], dims[0][1] + dims[1][1]):
        if len(set(axes)) != len(axes):
            raise OptionError(f"an axis stands twice in dimension_numbers {dims}")
    if len(dims[0][0]) != len(dims[0][1]) or len(dims[1][0]) != len(dims[1][1]):
        raise OptionError(f"expected as many axes of lhs as of rhs in dimension_numbers, got {dims}")
    if preferred_element_type is not None:
        lhs = convert_element_type(lhs, preferred_element_type)
        rhs = convert_element_type(rhs, preferred_element_type)
    _abstract(aval_of(lhs), aval_of(rhs), dimension_numbers=dims)  # raises where the extents do not fit
    return dot_general_p(lhs, rhs, dimension_numbers=dims)


def matmul(x: Any, y: Any) -> Any:
    """The matrix product, as `numpy.matmul`."""
    shape_x, shape_y = shape_of(x), shape_of(y)
    m, n = len(shape_x), len(shape_y)
    if m == 2 == n:
        return dot_general_p(x, y, dimension_numbers=_MATRIX_PRODUCT)
    if not m or not n:
        raise ValueError(f"matmul: operands need at least one axis, got shapes {shape_x} and {shape_y}")
    contract_y = max(n - 2, 0)
    if n <= 2:
        return dot_general_p(x, y, dimension_numbers=(((m - 1,), (contract_y,)), ((), ())))
    if m == 1:
        return dot_general_p(x, y, dimension_numbers=(((0,), (contract_y,)), ((), ())))
    if m == 2:  # rows come out first: NumPy has them last but one
        out = dot_general_p(x, y, dimension_numbers=(((1,), (contract_y,)), ((), ())))
        return move_axis(out, 0, n - 2)
    batch = broadcast_shapes(shape_x[:-2], shape_y[:-2])
    x = broadcast_to(x, (*batch, *shape_x[-2:]))
    y = broadcast_to(y, (*batch, *shape_y[-2:]))
    axes = tuple(range(len(batch)))
    rank = len(batch)
    return dot_general_p(x, y, dimension_numbers=(((rank + 1,), (rank,)), (axes, axes)))


def dot(x: Any, y: Any) -> Any:
    """The product of `numpy.dot`: over the last axis of `x` and the last but one of `y`."""
    m, n = ndim_of(x), ndim_of(y)
    if not m or not n:
        return mul(x, y)
    return dot_general_p(x, y, dimension_numbers=(((m - 1,), (max(n - 2, 0),)), ((), ())))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The product over pairs of axes, as `numpy.tensordot`."""
    m, n = ndim_of(a), ndim_of(b)
    if isinstance(axes, (int, np.integer)):
        left, right = tuple(range(m - int(axes), m)), tuple(range(int(axes)))
    else:
        first, second = axes
        left = tuple(first) if isinstance(first, (tuple, list)) else (first,)
        right = tuple(second) if isinstance(second, (tuple, list)) else (second,)
    left = tuple([canonical_axis(axis, m) for axis in left])
    right = tuple([canonical_axis(axis, n) for axis in right])
    extents = [[shape_of(x)[axis] for axis in axes] for x, axes in ((a, left), (b, right))]
    if extents[0] != extents[1]:
        raise ValueError("shape-mismatch for sum")
    return dot_general_p(a, b, dimension_numbers=((left, right), ((), ())))
