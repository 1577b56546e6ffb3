"""Products of arrays: every one is a `dot_general`, and every `dot_general` is a matrix product over views."""

from __future__ import annotations

import enum
import string
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import DYNAMIC, Aval, Shape, aval_of, broadcast_shapes
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
    shift_axes,
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


class _View(NamedTuple):
    """How a product looks at an operand: its axes in another order, then in groups, then the last two swapped."""

    permutation: tuple[int, ...] | None
    groups: tuple[tuple[int, ...], ...] | None
    flipped: bool

    def function(self) -> Callable[[Any], Any] | None:
        """What makes the view of an operand; None where it is the operand itself."""
        permutation, groups, flipped = self
        if groups is None:
            if permutation is None:
                return None
            return (lambda x: x.T) if permutation == (1, 0) else lambda x: x.transpose(permutation)

        def view(x: Any) -> Any:
            shape = _grouped(x.shape, groups)
            if permutation is not None:
                x = x.transpose(permutation)
            x = x.reshape(shape)
            return x.swapaxes(-1, -2) if flipped else x

        return view

    def text(self, x: str, shape: Shape) -> str:
        if self.permutation is not None:
            x = f"{x}.T" if self.permutation == (1, 0) else f"{x}.transpose({self.permutation})"
        if self.groups is not None:
            x = f"{x}.reshape({_grouped(shape, self.groups)})"
        if self.flipped:
            return f"{x}.T" if self.groups is not None and len(self.groups) == 2 else f"{x}.swapaxes(-1, -2)"
        return x


@lru_cache(maxsize=4096)
def _grouped(shape: Shape, groups: tuple[tuple[int, ...], ...]) -> Shape:
    """The extents of groups of axes of an operand of this shape."""
    return tuple([_size([shape[axis] for axis in group]) for group in groups])


class _Form(NamedTuple):
    """A product as one call of NumPy on views; `subscripts` are einsum's, `whole` is whether the shape is right."""

    call: str
    left: _View
    right: _View
    whole: bool
    subscripts: str = ""


@lru_cache(maxsize=4096)
def _form(dimension_numbers: DimensionNumbers, m: int, n: int, is_complex: bool) -> _Form:
    """The cheapest call for operands of these ranks: one that gives strides to BLAS rather than copies."""
    (lc, rc), (lb, rb) = dimension_numbers
    lf, rf = _free(m, lc, lb), _free(n, rc, rb)
    pairs = sorted(zip(lc, rc, strict=True))
    lc, rc = tuple([i for i, _ in pairs]), tuple([j for _, j in pairs])
    if not lc:  # no sum: an outer product
        left = _view([*_each(lb), *_each(lf), *[()] * (len(rf) if m else 0)])
        right = _view([*_each(rb), *[()] * (len(lf) if n else 0), *_each(rf)])
        return _Form("multiply", left, right, True)
    if not (lb or lf or rf):
        if is_complex:  # vdot would conjugate
            return _Form("dot", _view([lc]), _view([rc]), True)
        return _Form("vdot", _view(_each(lc)), _view(_each(rc)), True)
    if not lb:
        left, right = _matrix([], lf, lc) if lf else _view([lc]), _matrix([], rc, rf) if rf else _view([rc])
        return _Form("dot", left, right, len(lf) <= 1 and len(rf) <= 1)
    if not lf and not rf:
        last = max(lb) < lc[0] and max(rb) < min(rc)
        if last and not is_complex and list(rc) == sorted(rc):
            return _Form("vecdot", _view([*_each(lb), lc]), _view([*_each(rb), rc]), True)
        return _Form(
            "einsum", _view(_each(range(m))), _view(_each(range(n))), True, _subscripts(dimension_numbers, m, n)
        )
    return _Form("matmul", _matrix(_each(lb), lf, lc), _matrix(_each(rb), rc, rf), len(lf) == 1 == len(rf))


def _each(axes: Iterable[int]) -> list[tuple[int, ...]]:
    return [(axis,) for axis in axes]


def _view(groups: Sequence[tuple[int, ...]], flipped: bool = False) -> _View:
    order = tuple([axis for group in groups for axis in group])
    merged = any(len(group) != 1 for group in groups)
    return _View(None if order == tuple(range(len(order))) else order, tuple(groups) if merged else None, flipped)


def _matrix(batch: list[tuple[int, ...]], rows: tuple[int, ...], columns: tuple[int, ...]) -> _View:
    """The view as matrices: of groups of axes in the order in which they stand, as far as that saves a copy."""
    view = _view([*batch, rows, columns])
    if view.permutation is not None and view.groups is not None:
        other = _view([*batch, columns, rows], flipped=True)
        if other.permutation is None:
            return other
    return view


def _subscripts(dimension_numbers: DimensionNumbers, m: int, n: int) -> str:
    (lc, rc), (lb, rb) = dimension_numbers
    names = iter(string.ascii_letters)
    left = [next(names) for _ in range(m)]
    right = [""] * n
    for i, j in zip((*lc, *lb), (*rc, *rb), strict=True):
        right[j] = left[i]
    right = [name or next(names) for name in right]
    out = [left[i] for i in (*lb, *_free(m, lc, lb))] + [right[j] for j in _free(n, rc, rb)]
    return f"{''.join(left)},{''.join(right)}->{''.join(out)}"


def _size(extents: Iterable[int]) -> int:
    size = 1
    for extent in extents:
        size *= extent
    return size


@lru_cache(maxsize=4096)
def _product(
    dimension_numbers: DimensionNumbers, lhs_ndim: int, rhs_ndim: int, is_complex: bool
) -> Callable[[Any, Any], Any]:
    """The NumPy calls for operands of these ranks."""
    call, left, right, whole, subscripts = _form(dimension_numbers, lhs_ndim, rhs_ndim, is_complex)
    function: Callable[[Any, Any], Any] = getattr(np, call)
    if call == "einsum":
        function = lambda x, y: np.einsum(subscripts, x, y, order="C")  # noqa: E731
    elif call == "dot":
        function = lambda x, y: x.dot(y)  # noqa: E731
    view_x, view_y = left.function(), right.function()
    if view_x is view_y is None and whole:
        return function

    def product(x: Any, y: Any) -> Any:
        out = function(x if view_x is None else view_x(x), y if view_y is None else view_y(y))
        return out if whole else out.reshape(_shape(x.shape, y.shape, dimension_numbers))

    return product


@lru_cache(maxsize=4096)
def _shape(left: Shape, right: Shape, dimension_numbers: DimensionNumbers) -> Shape:
    (lc, rc), (lb, rb) = dimension_numbers
    shape = [left[axis] for axis in (*lb, *_free(len(left), lc, lb))]
    return (*shape, *[right[axis] for axis in _free(len(right), rc, rb)])


def _impl(x: Any, y: Any, *, dimension_numbers: DimensionNumbers) -> Any:
    if dimension_numbers is _MATRIX_PRODUCT:  # of matrices, the ordinary case
        return x.dot(y)
    if dimension_numbers is _BY_ROWS:
        return x.dot(y.T)
    if dimension_numbers is _BY_COLUMNS:
        return x.T.dot(y)
    return _product(dimension_numbers, x.ndim, y.ndim, x.dtype.kind == "c" or y.dtype.kind == "c")(x, y)


def _source(args: Sequence[str], avals: Sequence[Aval], *, dimension_numbers: DimensionNumbers) -> str | None:
    x, y = avals
    form = _form(dimension_numbers, x.ndim, y.ndim, x.dtype.kind == "c" or y.dtype.kind == "c")
    reshapes = form.left.groups is not None or form.right.groups is not None or not form.whole
    if reshapes and DYNAMIC in (*x.shape, *y.shape):
        return None
    left, right = form.left.text(args[0], x.shape), form.right.text(args[1], y.shape)
    if form.call == "multiply":
        return f"{left} * {right}"
    if form.call == "einsum":
        return f"np.einsum({form.subscripts!r}, {left}, {right}, order='C')"
    out = f"{left}.dot({right})" if form.call == "dot" else f"np.{form.call}({left}, {right})"
    return out if form.whole else f"{out}.reshape({_shape(x.shape, y.shape, dimension_numbers)})"


def _into(args: Sequence[str], avals: Sequence[Aval], out: str, *, dimension_numbers: DimensionNumbers) -> str | None:
    x, y = avals
    form = _form(dimension_numbers, x.ndim, y.ndim, x.dtype.kind == "c" or y.dtype.kind == "c")
    if not form.whole or form.call not in ("dot", "matmul") or DYNAMIC in (*x.shape, *y.shape):
        return None
    left, right = form.left.text(args[0], x.shape), form.right.text(args[1], y.shape)
    return f"{left}.dot({right}, {out})" if form.call == "dot" else f"np.matmul({left}, {right}, {out})"


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
    if dx is not None:
        lc, lb = shift_axes(lc, dx), shift_axes(lb, dx)
    if dy is not None:
        rc, rb = shift_axes(rc, dy), shift_axes(rb, dy)
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
    into=_into,
)


# ---------------------------------------------------------------------------------------------------------------------
# public functions
# ---------------------------------------------------------------------------------------------------------------------


class Precision(enum.Enum):
    """How exactly JAX multiplies on hardware that has a choice; accepted for its sake, all mean the same here.

    Products are made in the dtype of the operands.
    """

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2


def dot_general(
    lhs: Any, rhs: Any, dimension_numbers: Any, precision: Any = None, preferred_element_type: Any = None
) -> Any:
    """The product of two arrays, summed over pairs of axes, batched over others.

    Parameters
    ----------
    lhs, rhs
        Arrays.
    dimension_numbers
        ((lhs contracting axes, rhs contracting axes), (lhs batch axes, rhs batch axes)).
    precision
        Accepted; see `Precision`.
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


def batch_matmul(lhs: Any, rhs: Any, precision: Any = None) -> Any:
    """The matrix products over the last two axes of arrays whose others are the same.

    Parameters
    ----------
    lhs, rhs
        Arrays of as many axes, at least two.
    precision
        Accepted; see `Precision`.
    """
    m, n = ndim_of(lhs), ndim_of(rhs)
    if m != n or m < 2:
        raise ShapeError(
            f"batch_matmul expected arrays of as many axes, at least 2, got {m} and {n}",
            instead="functrace.numpy.matmul",
        )
    batch = tuple(range(m - 2))
    return dot_general(lhs, rhs, (((m - 1,), (m - 2,)), (batch, batch)))


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


def dot(
    lhs: Any, rhs: Any, *, dimension_numbers: Any = None, precision: Any = None, preferred_element_type: Any = None
) -> Any:
    """The product of `numpy.dot`: over the last axis of `lhs` and the last but one of `rhs`.

    Parameters
    ----------
    lhs, rhs
        Arrays or scalars.
    dimension_numbers, precision, preferred_element_type
        As for `dot_general`, where the axes are to be others.
    """
    m, n = ndim_of(lhs), ndim_of(rhs)
    if dimension_numbers is None:
        if not m or not n:
            return mul(lhs, rhs)
        dimension_numbers = (((m - 1,), (max(n - 2, 0),)), ((), ()))
        if preferred_element_type is None:
            return dot_general_p(lhs, rhs, dimension_numbers=dimension_numbers)
    return dot_general(lhs, rhs, dimension_numbers, precision, preferred_element_type)


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
