"""Matrices in the last two axes of arrays: what the rules of this package are written with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval, broadcast_shapes, describe
from ...core.primitive import Primitive
from ...core.trace import Tracer
from ...errors import DifferentiationError, DtypeError, LinearAlgebraError
from ..creation import full, iota
from ..dot import matmul
from ..elementwise import conj, where
from ..indexing import getitem
from ..shape import (
    batch_to_front,
    broadcast_to,
    convert_element_type,
    dtype_of,
    expand_dims,
    reduce_sum,
    shape_of,
    transpose,
)

_SINGLE = (np.dtype(np.float32), np.dtype(np.complex64))

# ---------------------------------------------------------------------------------------------------------------------
# arguments
# ---------------------------------------------------------------------------------------------------------------------


def as_inexact(*operands: Any) -> list[Any]:
    """The operands in the dtype in which NumPy's linear algebra computes: integers become double precision.

    Raises
    ------
    DtypeError
        One is of half or extended precision, for which LAPACK has no routines.
    """
    dtypes = [dtype_of(x) for x in operands]
    for x, dtype in zip(operands, dtypes, strict=True):
        if dtype.kind in "fc" and dtype.char not in "fdFD":
            raise DtypeError(
                f"array type {dtype.name} is unsupported in linalg: expected single or double precision, got "
                f"{describe(x)}",
                instead="x.astype(float)",
            )
    single = all(dtype in _SINGLE for dtype in dtypes)
    if any(dtype.kind == "c" for dtype in dtypes):
        common = np.dtype(np.complex64 if single else np.complex128)
    else:
        common = np.dtype(np.float32 if single else np.float64)
    return [_as_array(convert_element_type(x, common)) for x in operands]


def _as_array(x: Any) -> Any:
    return x if isinstance(x, (np.ndarray, Tracer)) else np.asarray(x)


def matrices(x: Any) -> Any:
    """The operand as an array of matrices, of a float or complex dtype.

    Raises
    ------
    LinearAlgebraError
        It has fewer than two axes.
    """
    (x,) = as_inexact(x)
    if x.ndim < 2:
        raise LinearAlgebraError(
            f"{x.ndim}-dimensional array given. Array must be at least two-dimensional; got shape {x.shape}"
        )
    return x


def square_matrices(x: Any) -> Any:
    """The same, of square matrices.

    Raises
    ------
    LinearAlgebraError
        They are not square.
    """
    x = matrices(x)
    if x.shape[-1] != x.shape[-2]:
        raise LinearAlgebraError(f"Last 2 dimensions of the array must be square, got shape {x.shape}")
    return x


def stacked_alike(*operands: Any) -> list[Any]:
    """Arrays of matrices, broadcast to the same leading axes."""
    lead = broadcast_shapes(*[x.shape[:-2] for x in operands])
    return [x if x.shape[:-2] == lead else broadcast_to(x, (*lead, *x.shape[-2:])) for x in operands]


# ---------------------------------------------------------------------------------------------------------------------
# what is done with matrices
# ---------------------------------------------------------------------------------------------------------------------


def transposed(x: Any) -> Any:
    """Each matrix transposed."""
    ndim = len(shape_of(x))
    return transpose(x, (*range(ndim - 2), ndim - 1, ndim - 2))


def conjugated(x: Any) -> Any:
    """The complex conjugate; a real array itself."""
    return conj(x) if dtype_of(x).kind == "c" else x


def adjoint(x: Any) -> Any:
    """Each matrix transposed and conjugated."""
    return conjugated(transposed(x))


def symmetrized(x: Any) -> Any:
    """The Hermitian part (x + xᴴ) / 2 of each matrix; this map is its own transpose."""
    return (x + adjoint(x)) / 2


def product(*factors: Any) -> Any:
    """The matrix product of all, from the left."""
    out = factors[0]
    for factor in factors[1:]:
        out = matmul(out, factor)
    return out


def identity(extent: int, dtype: Any) -> Any:
    """The identity matrix; inside `jit` it is recorded."""
    line = iota(np.intp, extent)
    return convert_element_type(expand_dims(line, (1,)) == line, dtype)


def diagonal(x: Any) -> Any:
    """The main diagonal of each matrix, as the last axis."""
    places = np.arange(min(shape_of(x)[-2:]))
    return getitem(x, (Ellipsis, places, places))


def diagonal_matrix(x: Any) -> Any:
    """The square matrix with this diagonal."""
    on = identity(shape_of(x)[-1], np.bool_)
    return where(on, expand_dims(x, (len(shape_of(x)),)), full((), 0, dtype_of(x)))


def on_diagonal(x: Any, otherwise: Any) -> Any:
    """The elements of `x` on the diagonal of square matrices, and elsewhere those of `otherwise`."""
    return where(identity(shape_of(x)[-1], np.bool_), x, otherwise)


def off_diagonal(x: Any) -> Any:
    """Square matrices with zeros on the diagonal."""
    return on_diagonal(full((shape_of(x)[-1],), 0, dtype_of(x)), x)


def columns_times(x: Any, factors: Any) -> Any:
    """x · diag(factors)."""
    return x * expand_dims(factors, (len(shape_of(factors)) - 1,))


def rows_times(x: Any, factors: Any) -> Any:
    """diag(factors) · x."""
    return x * expand_dims(factors, (len(shape_of(factors)),))


def sum_over(x: Any, axis: int) -> Any:
    """The sum over one axis, counted from the last."""
    return reduce_sum(x, (len(shape_of(x)) + axis,))


def trace_of_product(x: Any, y: Any) -> Any:
    """tr(x · y), without the product."""
    rank = len(shape_of(x))
    return reduce_sum(x * transposed(y), (rank - 2, rank - 1))


def gaps(values: Any) -> Any:
    """The matrix of values[j] - values[i]."""
    rank = len(shape_of(values))
    return expand_dims(values, (rank - 1,)) - expand_dims(values, (rank,))


def sums(values: Any) -> Any:
    """The matrix of values[j] + values[i]."""
    rank = len(shape_of(values))
    return expand_dims(values, (rank - 1,)) + expand_dims(values, (rank,))


def reciprocal_gaps(differences: Any) -> Any:
    """1 / differences of each two values, zero on the diagonal.

    Where two values tie it is NaN: single vectors of a decomposition have no derivative there.
    """
    one = full((), 1, dtype_of(differences))
    tied = differences == 0
    inverse = where(tied, full((), np.nan, dtype_of(differences)), one / where(tied, one, differences))
    return off_diagonal(inverse)


# ---------------------------------------------------------------------------------------------------------------------
# triangles
# ---------------------------------------------------------------------------------------------------------------------


def lower_triangle(x: Any, offset: int = 0) -> Any:
    """Each matrix with zeros above a diagonal."""
    return triangle_p(x, lower=True, offset=offset)


def upper_triangle(x: Any, offset: int = 0) -> Any:
    """Each matrix with zeros below a diagonal."""
    return triangle_p(x, lower=False, offset=offset)


triangle_p: Primitive = Primitive(
    "triangle",
    lambda x, *, lower, offset: (np.tril if lower else np.triu)(x, offset),
    lambda x, *, lower, offset: Aval(x.shape, x.dtype),
    transpose=lambda ct, x, *, lower, offset: triangle_p(ct, lower=lower, offset=offset),
    source=lambda args, avals, *, lower, offset: f"np.{'tril' if lower else 'triu'}({args[0]}, {offset})",
)

# ---------------------------------------------------------------------------------------------------------------------
# primitives
# ---------------------------------------------------------------------------------------------------------------------


def batch_as_stack(primitive: Primitive) -> None:
    """Give a primitive of stacked matrices its batching rule: the batch is one more of the leading axes."""

    def batch(size: int, args: Sequence, dims: Sequence, /, **params: Any) -> tuple[Any, Any]:
        out = primitive(*[batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)], **params)
        return out, [0] * len(out) if primitive.multiple_results else 0

    primitive.batch = batch


batch_as_stack(triangle_p)


def without_derivative(primitive: Primitive, instead: str) -> None:
    """Make a primitive refuse to be differentiated, naming what to use instead."""

    def refuse(primals: Sequence, tangents: Sequence, out: Any, **params: Any) -> Any:
        if any(tangent is not None for tangent in tangents):
            raise DifferentiationError(
                f"{primitive.name} has no derivative",
                instead=f"{instead}; stop_gradient(x) for the argument, where the result is a constant",
            )

    primitive.jvp = refuse
    primitive.vjp_all = lambda ct, out, args, wanted, **params: refuse(args, ct, out)


def real_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of a complex dtype's parts; a float dtype itself."""
    return np.empty(0, dtype).real.dtype


def complex_dtype(dtype: np.dtype) -> np.dtype:
    """The complex dtype of this precision."""
    return np.result_type(dtype, np.complex64)
