"""Products of vectors, matrices and tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype, result_dtype
from ..core.trace import Tracer
from ..lax.dot import dot as dot_of
from ..lax.dot import dot_general_p
from ..lax.dot import matmul as matmul_of
from ..lax.dot import tensordot as tensordot_of
from ..lax.einsum import einsum as einsum_of
from ..lax.elementwise import conj
from ..lax.indexing import getitem
from ..lax.shape import canonical_axis, concatenate, convert_element_type, expand_dims, move_axis, reshape, transpose
from . import reductions
from .dispatch import OPERATIONS, as_array, implements
from .ufunc_options import prepared

# ---------------------------------------------------------------------------------------------------------------------
# vectors and matrices
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.dot)
def dot(a: Any, b: Any, out: None = None) -> Any:
    return dot_of(as_array(a), as_array(b))


@implements(np.matmul)
def matmul(x1: Any, x2: Any, /, out: None = None, **options: Any) -> Any:
    if not options and isinstance(x1, Tracer) and isinstance(x2, Tracer):
        return matmul_of(x1, x2)
    return _generalized(np.matmul, matmul_of, x1, x2, **options)


OPERATIONS[np.matmul] = matmul_of  # as it stands in x @ y


def _matvec(x1: Any, x2: Any) -> Any:
    """Matrices on stacked vectors."""
    return reshape_last(matmul_of(x1, expand_dims(x2, (len(x2.shape),))), 1)


def _vecmat(x1: Any, x2: Any) -> Any:
    """Stacked vectors, conjugated, on matrices."""
    row = expand_dims(conj(x1), (len(x1.shape) - 1,))
    product = matmul_of(row, x2)
    return reshape(product, (*product.shape[:-2], product.shape[-1]))


def _vecdot(x1: Any, x2: Any) -> Any:
    """Stacked vectors, the first conjugated, with stacked vectors."""
    if len(x1.shape) == len(x2.shape) == 1:
        return dot_of(conj(x1), x2)
    return reshape_last(_vecmat(x1, expand_dims(x2, (len(x2.shape),))), 1)


def reshape_last(x: Any, count: int) -> Any:
    """`x` without its last axes, of extent 1."""
    return reshape(x, x.shape[: len(x.shape) - count])


def _generalized(
    ufunc: Any,
    product: Callable,
    x1: Any,
    x2: Any,
    *,
    axes: Any = None,
    axis: int | None = None,
    keepdims: bool = False,
    casting: Any = "same_kind",
    order: Any = "K",
    dtype: Any = None,
    subok: bool = True,
    signature: Any = None,
) -> Any:
    """A generalized ufunc with NumPy's keywords.

    Parameters
    ----------
    ufunc
        NumPy's.
    product
        Takes arrays whose core axes are the last ones.
    """
    operands = prepared(ufunc, [as_array(x1), as_array(x2)], casting, order, dtype, signature)
    if not isinstance(keepdims, (bool, np.bool_)):
        raise TypeError("'keepdims' must be a boolean")
    if axis is not None:
        if axes is not None:
            raise TypeError("cannot specify both 'axis' and 'axes'")
        if product is not _vecdot:
            raise TypeError(f"{ufunc.__name__}: axis can only be used with a single shared core dimension")
        axes = [(axis,), (axis,)]
    if axes is not None and not isinstance(axes, list):
        raise TypeError("axes should be a list.")
    given = [_axes_tuple(entry) for entry in axes] if axes is not None else []
    operands = [_to_last(x, entry) for x, entry in zip(operands, given, strict=False)] or operands
    result = product(*operands)
    if keepdims:
        result = expand_dims(result, (len(result.shape),))
        result = move_axis(
            result, len(result.shape) - 1, canonical_axis(-1 if axis is None else axis, len(result.shape))
        )
    if len(given) == 3:
        result = _from_last(result, given[2])
    return result


def _axes_tuple(entry: Any) -> tuple[int, ...]:
    return tuple(entry) if isinstance(entry, (tuple, list)) else (entry,)


def _to_last(x: Any, axes: Sequence[int]) -> Any:
    """`x` with these axes as its last ones."""
    ndim = len(x.shape)
    chosen = [canonical_axis(axis, ndim) for axis in axes]
    return transpose(x, [*[axis for axis in range(ndim) if axis not in chosen], *chosen])


def _from_last(x: Any, axes: Sequence[int]) -> Any:
    """`x` with its last axes moved to these places."""
    ndim = len(x.shape)
    chosen = [canonical_axis(axis, ndim) for axis in axes]
    order = [axis for axis in range(ndim) if axis not in chosen] + chosen
    return transpose(x, sorted(range(ndim), key=order.__getitem__))


@implements(np.vecdot)
def vecdot(x1: Any, x2: Any, /, out: None = None, **options: Any) -> Any:
    return _generalized(np.vecdot, _vecdot, x1, x2, **options)


@implements(getattr(np, "matvec", _matvec))  # since NumPy 2.2
def matvec(x1: Any, x2: Any, /, out: None = None, **options: Any) -> Any:
    return _generalized(getattr(np, "matvec", None), _matvec, x1, x2, **options)


@implements(getattr(np, "vecmat", _vecmat))  # since NumPy 2.2
def vecmat(x1: Any, x2: Any, /, out: None = None, **options: Any) -> Any:
    return _generalized(getattr(np, "vecmat", None), _vecmat, x1, x2, **options)


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    return dot_of(conj(reshape(as_array(a), (-1,))), reshape(as_array(b), (-1,)))


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    a, b = as_array(a), as_array(b)
    m, n = len(a.shape), len(b.shape)
    if not m or not n:
        return a * b
    return dot_general_p(a, b, dimension_numbers=(((m - 1,), (n - 1,)), ((), ())))


@implements(np.outer)
def outer(a: Any, b: Any, out: None = None) -> Any:
    return reshape(as_array(a), (-1, 1)) * reshape(as_array(b), (-1,))


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = as_array(a), as_array(b)
    if not a.shape or not b.shape:
        raise ValueError("At least one array has zero dimension")
    a, b = _to_last(a, (axisa,)), _to_last(b, (axisb,))
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they are "
            f"{a.shape[-1]} and {b.shape[-1]} dimensional instead."
        )
    (a0, a1, a2), (b0, b1, b2) = _components(a), _components(b)
    last = a0 * b1 - a1 * b0
    if a2 is None and b2 is None:
        return last
    zero = np.zeros((), result_dtype(a.dtype, b.dtype))
    first = (zero if b2 is None else a1 * b2) - (zero if a2 is None else a2 * b1)
    second = (zero if a2 is None else a2 * b0) - (zero if b2 is None else a0 * b2)
    result = concatenate([expand_dims(part, (len(last.shape),)) for part in (first, second, last)], len(last.shape))
    return _from_last(result, (axisc,))


def _components(x: Any) -> list[Any]:
    """The components of vectors along the last axis; of those with two the third is None."""
    return [getitem(x, (Ellipsis, i)) if i < x.shape[-1] else None for i in range(3)]


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None) -> Any:
    a = as_array(a)
    ndim = len(a.shape)
    if ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    if canonical_axis(axis1, ndim) == canonical_axis(axis2, ndim):
        raise ValueError("axis1 and axis2 cannot be the same")
    a = _to_last(a, (axis1, axis2))
    offset = index(offset)
    rows, columns = a.shape[-2:]
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    places = np.arange(count)
    diagonal = getitem(a, (Ellipsis, places - min(offset, 0), places + max(offset, 0)))
    return reductions.sum(diagonal, -1, dtype)


# ---------------------------------------------------------------------------------------------------------------------
# tensors
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    return tensordot_of(as_array(a), as_array(b), axes)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    a, b = as_array(a), as_array(b)
    ndim = max(len(a.shape), len(b.shape))
    shape_a = (1,) * (ndim - len(a.shape)) + tuple(a.shape)
    shape_b = (1,) * (ndim - len(b.shape)) + tuple(b.shape)
    a = reshape(a, [extent for each in shape_a for extent in (each, 1)])
    b = reshape(b, [extent for each in shape_b for extent in (1, each)])
    return reshape(a * b, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


@implements(np.einsum)
def einsum(
    *operands: Any, out: None = None, optimize: Any = False, dtype: Any = None, order: Any = "K", casting: Any = "safe"
) -> Any:
    """`numpy.einsum`, which can be traced: a chain of products of two operands.

    Their order is that of `numpy.einsum_path`, by default the greedy one.
    """
    given = _with_arrays(operands)
    if dtype is not None:
        wide = canonical_dtype(dtype)
        for position, x in enumerate(_arrays_of(given)):
            if not np.can_cast(x.dtype, wide, casting):
                raise TypeError(
                    f"Iterator operand {position} dtype could not be cast from {x.dtype!r} to {wide!r} according to "
                    f"the rule '{casting}'"
                )
        given = _with_arrays(given, lambda x: convert_element_type(x, wide))
    if isinstance(optimize, bool):
        optimize = "greedy"
    elif isinstance(optimize, list):
        optimize = tuple(optimize)
    return einsum_of(*given, optimize=optimize)


def _with_arrays(operands: Sequence[Any], convert: Callable[[Any], Any] = as_array) -> list[Any]:
    """The operands of einsum, in either of its forms, with the arrays converted."""
    if not operands:
        raise ValueError(
            "must specify the einstein sum subscripts string and at least one operand, or at least one "
            "operand and its corresponding subscripts list"
        )
    if isinstance(operands[0], str):
        return [operands[0], *[convert(x) for x in operands[1:]]]
    paired = len(operands) // 2 * 2
    return [convert(x) if i < paired and i % 2 == 0 else x for i, x in enumerate(operands)]


def _arrays_of(operands: Sequence[Any]) -> list[Any]:
    if isinstance(operands[0], str):
        return list(operands[1:])
    return list(operands[0 : len(operands) // 2 * 2 : 2])


@implements(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    stand_ins = _with_arrays(operands, lambda x: np.broadcast_to(np.zeros((), as_array(x).dtype), as_array(x).shape))
    return np.einsum_path(*stand_ins, optimize=optimize)
