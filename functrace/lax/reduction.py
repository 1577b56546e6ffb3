"""Reductions over axes: products, extrema, logic. The sum stands in `shape`, as the transpose of a broadcast."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, canonical_dtype
from ..core.primitive import Primitive
from .cumulative import cumprod_p, following, previous
from .elementwise import where
from .shape import (
    canonical_axes,
    canonical_axis,
    convert_element_type,
    dtype_of,
    inverse_permutation,
    ndim_of,
    reduce_sum_p,
    reduced_shape,
    reduction_batch,
    reshape,
    shape_of,
    shift_axes,
    sum_dtype,
    transpose,
    unreduce,
)


def reduce_sum(operand: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """The sum over these axes; small integers widen as in `numpy.sum`.

    Parameters
    ----------
    operand
        An array.
    axes
        The axes to reduce.
    keepdims
        Whether they stay, with extent 1.
    """
    return _bind(reduce_sum_p, operand, axes, keepdims)


def reduce_prod(operand: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """The product over these axes; arguments as `reduce_sum`. Its derivative is right where elements are zero."""
    return _bind(reduce_prod_p, operand, axes, keepdims)


def reduce_max(operand: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """The maximum over these axes; arguments as `reduce_sum`. Elements that tie share the gradient equally.

    Complex numbers are compared by their real parts, then by their imaginary parts. NaN is passed on.

    Raises
    ------
    ValueError
        An axis to be reduced is empty.
    """
    return _bind(reduce_max_p, operand, axes, keepdims)


def reduce_min(operand: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """The minimum over these axes, in all else as `reduce_max`."""
    return _bind(reduce_min_p, operand, axes, keepdims)


def reduce_and(operand: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """Whether all elements along these axes are true (not zero); of integers the bits that all have.

    Arguments are those of `reduce_sum`.
    """
    return _bind(reduce_bits_and_p if _is_integer(operand) else reduce_and_p, operand, axes, keepdims)


def reduce_or(operand: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """Whether any element along these axes is true (not zero); of integers the bits that any has.

    Arguments are those of `reduce_sum`.
    """
    return _bind(reduce_bits_or_p if _is_integer(operand) else reduce_or_p, operand, axes, keepdims)


def reduce_xor(operand: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """Whether an odd number of elements along these axes is true (not zero); of integers the bits that as many have.

    Arguments are those of `reduce_sum`.
    """
    return _bind(reduce_bits_xor_p if _is_integer(operand) else reduce_xor_p, operand, axes, keepdims)


def _is_integer(operand: Any) -> bool:
    return dtype_of(operand).kind in "iu"


def argmax(operand: Any, axis: int | None = None, index_dtype: Any = np.intp, keepdims: bool = False) -> Any:
    """The index of the maximum along an axis: of the first one of several, of the first NaN if there is one.

    Parameters
    ----------
    operand
        An array.
    axis
        Along which axis; None: of the flattened array.
    index_dtype
        The dtype of the indices.
    keepdims
        Whether the reduced axis stays, with extent 1.

    Raises
    ------
    ValueError
        The axis is empty.
    """
    return _bind_arg(argmax_p, operand, axis, index_dtype, keepdims)


def argmin(operand: Any, axis: int | None = None, index_dtype: Any = np.intp, keepdims: bool = False) -> Any:
    """The index of the minimum along an axis, in all else as `argmax`."""
    return _bind_arg(argmin_p, operand, axis, index_dtype, keepdims)


def _bind(primitive: Primitive, operand: Any, axes: Sequence[int], keepdims: bool) -> Any:
    return primitive(operand, axes=canonical_axes(tuple(axes), ndim_of(operand)), keepdims=bool(keepdims))


def _bind_arg(primitive: Primitive, operand: Any, axis: int | None, index_dtype: Any, keepdims: bool) -> Any:
    dtype = canonical_dtype(index_dtype)
    ndim = ndim_of(operand)
    if axis is not None:
        return primitive(operand, axis=canonical_axis(axis, ndim), keepdims=bool(keepdims), index_dtype=dtype)
    out = primitive(reshape(operand, (-1,)), axis=0, keepdims=False, index_dtype=dtype)
    return reshape(out, (1,) * ndim) if keepdims else out


# ---------------------------------------------------------------------------------------------------------------------
# how a reduction becomes a primitive
# ---------------------------------------------------------------------------------------------------------------------


def reduction(name: str, ufunc: np.ufunc, dtype: Callable[[np.dtype], np.dtype]) -> Primitive:
    """A primitive that is a ufunc's `reduce`, with parameters `axes` and `keepdims`, as yet without derivatives."""

    def abstract(x: Aval, *, axes: tuple[int, ...], keepdims: bool) -> Aval:
        if ufunc.identity is None and not x.size:
            ufunc.reduce(np.empty(x.shape, x.dtype), axes)  # refuses an empty reduction in NumPy's words
        return Aval(reduced_shape(x.shape, axes, keepdims), dtype(x.dtype))

    def source(args: Sequence[str], avals: Sequence[Aval], *, axes: tuple[int, ...], keepdims: bool) -> str:
        over = axes[0] if len(axes) == 1 else axes
        return f"np.{ufunc.__name__}.reduce({args[0]}, {over}{', None, None, True' if keepdims else ''})"

    primitive = Primitive(
        name, lambda x, *, axes, keepdims: ufunc.reduce(x, axes, keepdims=keepdims), abstract, source=source
    )
    primitive.batch = reduction_batch(primitive)
    return primitive


# ---------------------------------------------------------------------------------------------------------------------
# product
# ---------------------------------------------------------------------------------------------------------------------


def _products_of_others(x: Any, axes: tuple[int, ...]) -> Any:
    """For each element the product of all others along these axes: of those before it and of those after it."""
    if len(axes) == 1:
        axis = axes[0]
        before = previous(cumprod_p(x, axis=axis, reverse=False), axis, False, 1)
        return before * following(cumprod_p(x, axis=axis, reverse=True), axis, False, 1)
    shape = shape_of(x)
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    permutation = (*kept, *axes)
    x = transpose(x, permutation)
    together = reshape(x, (*[shape[axis] for axis in kept], math.prod([shape[axis] for axis in axes])))
    others = reshape(_products_of_others(together, (len(kept),)), shape_of(x))
    return transpose(others, inverse_permutation(permutation))


def _prod_jvp(primals: Sequence, tangents: Sequence, out: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
    if tangents[0] is None or not axes:
        return tangents[0]
    return reduce_sum_p(tangents[0] * _products_of_others(primals[0], axes), axes=axes, keepdims=keepdims)


def _prod_vjp(ct: Any, out: Any, x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
    return unreduce(ct, shape_of(x), axes, keepdims) * _products_of_others(x, axes) if axes else ct


reduce_prod_p = reduction("reduce_prod", np.multiply, lambda dtype: sum_dtype(np.multiply, dtype))
reduce_prod_p.jvp = _prod_jvp
reduce_prod_p.vjp = (_prod_vjp,)

# ---------------------------------------------------------------------------------------------------------------------
# maximum and minimum
# ---------------------------------------------------------------------------------------------------------------------


def _share(tangent: Any, x: Any, out: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """`tangent`, shared by the elements that are the extremum; NaN for all where the extremum is NaN."""
    chosen = x == unreduce(out, shape_of(x), axes, keepdims)
    count = convert_element_type(reduce_sum_p(chosen, axes=axes, keepdims=True), dtype_of(out))
    return where(chosen, tangent / count, 0 / count)


def _extremum_jvp(primals: Sequence, tangents: Sequence, out: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
    if tangents[0] is None:
        return None
    return reduce_sum_p(_share(tangents[0], primals[0], out, axes, keepdims), axes=axes, keepdims=keepdims)


def _extremum_vjp(ct: Any, out: Any, x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
    return _share(unreduce(ct, shape_of(x), axes, keepdims), x, out, axes, keepdims)


reduce_max_p = reduction("reduce_max", np.maximum, lambda dtype: dtype)
reduce_min_p = reduction("reduce_min", np.minimum, lambda dtype: dtype)
for _primitive in (reduce_max_p, reduce_min_p):
    _primitive.jvp = _extremum_jvp
    _primitive.vjp = (_extremum_vjp,)


def _arg_reduction(name: str) -> Primitive:
    method = getattr(np.ndarray, name)

    def impl(x: np.ndarray, *, axis: int, keepdims: bool, index_dtype: np.dtype) -> Any:
        out = method(x, axis, keepdims=keepdims)
        return out if out.dtype == index_dtype else out.astype(index_dtype)

    def abstract(x: Aval, *, axis: int, keepdims: bool, index_dtype: np.dtype) -> Aval:
        if not x.size:
            method(np.empty(x.shape, x.dtype), axis)  # refuses an empty axis in NumPy's words
        return Aval(reduced_shape(x.shape, (axis,), keepdims), index_dtype)

    def batch(
        size: int, args: Sequence, dims: Sequence, *, axis: int, keepdims: bool, index_dtype: np.dtype
    ) -> tuple[Any, int]:
        dim = dims[0]
        out = primitive(args[0], axis=shift_axes((axis,), dim)[0], keepdims=keepdims, index_dtype=index_dtype)
        return out, dim - (not keepdims and axis < dim)

    def source(args: Sequence[str], avals: Sequence[Aval], *, axis: int, keepdims: bool, index_dtype: np.dtype) -> str:
        text = f"{args[0]}.{name}({axis}{', keepdims=True' if keepdims else ''})"
        return text if index_dtype == np.intp else f"{text}.astype(np.{index_dtype.type.__name__})"

    primitive = Primitive(name, impl, abstract, batch=batch, source=source)
    return primitive


argmax_p = _arg_reduction("argmax")
argmin_p = _arg_reduction("argmin")

# ---------------------------------------------------------------------------------------------------------------------
# logic
# ---------------------------------------------------------------------------------------------------------------------

_BOOL = np.dtype(np.bool_)

reduce_and_p = reduction("reduce_and", np.logical_and, lambda dtype: _BOOL)
reduce_or_p = reduction("reduce_or", np.logical_or, lambda dtype: _BOOL)
reduce_xor_p = reduction("reduce_xor", np.logical_xor, lambda dtype: _BOOL)

reduce_bits_and_p = reduction("reduce_bits_and", np.bitwise_and, lambda dtype: dtype)
reduce_bits_or_p = reduction("reduce_bits_or", np.bitwise_or, lambda dtype: dtype)
reduce_bits_xor_p = reduction("reduce_bits_xor", np.bitwise_xor, lambda dtype: dtype)
