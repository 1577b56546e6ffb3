"""NumPy's reductions, whole and running: sums, products, extrema, logic, counts."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.aval import Shape, canonical_dtype
from ..core.primitive import Primitive
from ..core.trace import Tracer
from ..errors import ShapeError
from ..lax.creation import full
from ..lax.cumulative import cumprod_p, cumsum_p
from ..lax.elementwise import max_, min_
from ..lax.elementwise import where as select
from ..lax.reduction import argmax as lax_argmax
from ..lax.reduction import argmin as lax_argmin
from ..lax.reduction import reduce_and_p, reduce_max_p, reduce_min_p, reduce_or_p, reduce_prod_p
from ..lax.shape import (
    broadcast_to,
    canonical_axes,
    canonical_axis,
    concatenate,
    convert_element_type,
    reduce_sum_p,
    reduced_shape,
    reshape,
    shape_of,
)
from .dispatch import as_array, implements

_ZERO, _ONE = 0, 1  # the defaults of `initial`, recognised by identity: 0.0 is another argument

# ---------------------------------------------------------------------------------------------------------------------
# sums and products
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.sum)
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = _ZERO,
    where: Any = True,
) -> Any:
    if not isinstance(a, Tracer):
        a = as_array(a)
    if dtype is None and initial is _ZERO and where is True:
        return reduce_sum_p(a, axes=axes_of(axis, len(a.shape)), keepdims=flag(keepdims))
    return _accumulated(reduce_sum_p, a, axis, dtype, keepdims, initial, where, identity=_ZERO)


@implements(np.prod)
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = _ONE,
    where: Any = True,
) -> Any:
    return _accumulated(reduce_prod_p, as_array(a), axis, dtype, keepdims, initial, where, identity=_ONE)


def _accumulated(
    primitive: Primitive, a: Any, axis: Any, dtype: Any, keepdims: Any, initial: Any, where: Any, identity: int
) -> Any:
    """A sum or product with NumPy's keywords."""
    if dtype is not None:
        a = convert_element_type(a, canonical_dtype(dtype))
    axes = axes_of(axis, len(a.shape))
    if where is not True:
        a = select(mask_of(where, a.shape), a, a.dtype.type(identity))
    if initial is None:
        _check_not_empty(a.shape, axes, "add" if identity == 0 else "multiply")
    result = primitive(a, axes=axes, keepdims=flag(keepdims))
    if dtype is not None:
        result = convert_element_type(result, canonical_dtype(dtype))
    if initial is not None and initial is not identity:
        start = initial_value(initial, result.dtype)
        result = result + start if identity == 0 else result * start
    return result


@implements(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True
) -> Any:
    if not isinstance(a, Tracer):
        a = as_array(a)
    shape, given = a.shape, a.dtype
    axes = counted_axes(axis, len(shape))
    if dtype is None and where is True and given.kind in "fc" and given.itemsize > 2:
        return reduce_sum_p(a, axes=axes, keepdims=flag(keepdims)) / _count(shape, axes)
    wide, result_dtype = _mean_dtypes(given, dtype)
    a = convert_element_type(a, wide)
    if where is True:
        count: Any = _count(shape, axes)
    else:
        mask = mask_of(where, shape)
        a = select(mask, a, wide.type(0))
        count = reduce_sum_p(broadcast_to(mask, shape), axes=axes, keepdims=flag(keepdims))
    total = convert_element_type(reduce_sum_p(a, axes=axes, keepdims=flag(keepdims)), wide)
    return convert_element_type(total / count, result_dtype)


def _mean_dtypes(given: np.dtype, dtype: Any) -> tuple[np.dtype, np.dtype]:
    """The dtype in which a mean is summed, and that of the result."""
    if dtype is not None:
        dtype = canonical_dtype(dtype)
        return dtype, dtype
    if given.kind in "iub":
        return np.dtype(np.float64), np.dtype(np.float64)
    if given == np.float16:
        return np.dtype(np.float32), given
    return given, given


# ---------------------------------------------------------------------------------------------------------------------
# extrema
# ---------------------------------------------------------------------------------------------------------------------


def max(
    a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    if not isinstance(a, Tracer):
        a = as_array(a)
    if initial is None and where is True:
        return reduce_max_p(a, axes=axes_of(axis, len(a.shape)), keepdims=flag(keepdims))
    return bounded_extremum(reduce_max_p, max_, "maximum", a, axis, keepdims, initial, where)


def min(
    a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    if not isinstance(a, Tracer):
        a = as_array(a)
    if initial is None and where is True:
        return reduce_min_p(a, axes=axes_of(axis, len(a.shape)), keepdims=flag(keepdims))
    return bounded_extremum(reduce_min_p, min_, "minimum", a, axis, keepdims, initial, where)


amax, amin = implements(np.amax)(max), implements(np.amin)(min)
max, min = implements(np.max)(max), implements(np.min)(min)


def bounded_extremum(
    primitive: Primitive, between: Callable, name: str, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any
) -> Any:
    """A maximum or minimum of some elements and of `initial`.

    Parameters
    ----------
    primitive, between
        The extremum over axes, and that of two.
    name
        Of NumPy's ufunc, for its error.
    a, axis, keepdims, initial, where
        As for `numpy.max`.
    """
    axes = axes_of(axis, len(a.shape))
    if initial is None:
        if where is not True:
            raise ValueError(
                f"reduction operation '{name}' does not have an identity, so to use a where mask one has to specify "
                "'initial'"
            )
        return primitive(a, axes=axes, keepdims=flag(keepdims))
    start = initial_value(initial, a.dtype)
    if where is not True:
        a = select(mask_of(where, a.shape), a, start)
    if _count(a.shape, axes) == 0:
        return full(reduced_shape(a.shape, axes, flag(keepdims)), start)
    return between(primitive(a, axes=axes, keepdims=flag(keepdims)), start)


@implements(np.argmax)
def argmax(a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Any:
    return _arg_extremum(lax_argmax, a, axis, keepdims)


@implements(np.argmin)
def argmin(a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Any:
    return _arg_extremum(lax_argmin, a, axis, keepdims)


def _arg_extremum(operation: Callable, a: Any, axis: Any, keepdims: Any) -> Any:
    a = as_array(a)
    if not a.shape and axis is not None:
        axes_of(operator.index(axis), 0)
        axis = None
    return operation(a, None if axis is None else operator.index(axis), keepdims=flag(keepdims))


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
    a = as_array(a)
    axes = axes_of(axis, len(a.shape))
    greatest, least = [primitive(a, axes=axes, keepdims=flag(keepdims)) for primitive in (reduce_max_p, reduce_min_p)]
    return greatest - least


# ---------------------------------------------------------------------------------------------------------------------
# logic and counts
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.all)
def all(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True) -> Any:
    a = as_array(a)
    if where is not True:
        a = select(mask_of(where, a.shape), a != 0, np.True_)
    return reduce_and_p(a, axes=axes_of(axis, len(a.shape)), keepdims=flag(keepdims))


@implements(np.any)
def any(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True) -> Any:
    a = as_array(a)
    if where is not True:
        a = select(mask_of(where, a.shape), a != 0, np.False_)
    return reduce_or_p(a, axes=axes_of(axis, len(a.shape)), keepdims=flag(keepdims))


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    a = as_array(a)
    return reduce_sum_p(a != 0, axes=axes_of(axis, len(a.shape)), keepdims=flag(keepdims))


# ---------------------------------------------------------------------------------------------------------------------
# running sums and products
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return running(cumsum_p, as_array(a), axis, dtype)


@implements(np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return running(cumprod_p, as_array(a), axis, dtype)


def running(primitive: Primitive, a: Any, axis: Any, dtype: Any) -> Any:
    """A running sum or product; without an axis, of the flattened array."""
    if axis is None or not a.shape:
        a = reshape(a, (-1,))
    axis = 0 if axis is None else canonical_axis(axis, len(a.shape))
    if dtype is not None:
        dtype = canonical_dtype(dtype)
        a = convert_element_type(a, dtype)
    result = primitive(a, axis=axis, reverse=False)
    return result if dtype is None else convert_element_type(result, dtype)


def _cumulative(primitive: Primitive, x: Any, axis: Any, dtype: Any, include_initial: bool, identity: int) -> Any:
    x = as_array(x)
    if len(x.shape) > 1 and axis is None:
        raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
    result = running(primitive, x, axis, dtype)
    if include_initial:
        along = 0 if axis is None else canonical_axis(axis, len(result.shape))
        first = full((*result.shape[:along], 1, *result.shape[along + 1 :]), result.dtype.type(identity))
        result = concatenate([first, result], along)
    return result


def cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Any:
    return _cumulative(cumsum_p, x, axis, dtype, include_initial, 0)


def cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Any:
    return _cumulative(cumprod_p, x, axis, dtype, include_initial, 1)


# NumPy has them since 2.1
cumulative_sum = implements(getattr(np, "cumulative_sum", cumulative_sum))(cumulative_sum)
cumulative_prod = implements(getattr(np, "cumulative_prod", cumulative_prod))(cumulative_prod)


# ---------------------------------------------------------------------------------------------------------------------
# arguments that reductions share
# ---------------------------------------------------------------------------------------------------------------------


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that a reduction's `axis` names, as `canonical_axes`; a scalar may be reduced along axis 0 or -1."""
    try:
        return _axes_of(axis, ndim)
    except TypeError:  # unhashable: an array, a list, a tracer
        return canonical_axes(axis if isinstance(axis, tuple) else operator.index(axis), ndim)


@lru_cache(maxsize=1024)
def _axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    if ndim == 0 and axis is not None and not isinstance(axis, tuple) and operator.index(axis) in (0, -1):
        return ()
    return canonical_axes(axis, ndim)


def counted_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """The same for a reduction that counts its elements: a scalar has no axis to count along."""
    if not ndim and axis is not None:
        return canonical_axes(axis if isinstance(axis, tuple) else operator.index(axis), ndim)
    return axes_of(axis, ndim)


def flag(keepdims: Any) -> bool:
    """A reduction's `keepdims`: a bool, or an integer."""
    return bool(keepdims) if isinstance(keepdims, (bool, np.bool_)) else operator.index(keepdims) != 0


def mask_of(where: Any, shape: Shape) -> Any:
    """The mask of a reduction's `where`, which must broadcast to the operand's shape and be boolean."""
    where = as_array(where)
    if where.dtype.kind != "b":
        raise TypeError(
            f"Cannot cast array data from dtype('{where.dtype}') to dtype('bool') according to the rule 'safe'"
        )
    mask = where.shape
    if len(mask) > len(shape) or not np.broadcast_shapes(mask, shape) == shape:
        raise ShapeError(f"where= of shape {mask} does not broadcast to the shape {shape} of the array")
    return where


def initial_value(initial: Any, dtype: np.dtype) -> Any:
    """A reduction's `initial`: a scalar, in the dtype of the result."""
    if shape_of(initial):
        raise ValueError(f"initial should be a scalar, got an array of shape {shape_of(initial)}")
    if isinstance(initial, int) and not isinstance(initial, bool) and dtype.kind in "iu":
        return dtype.type(initial)  # NumPy refuses a Python int that does not fit
    return convert_element_type(initial, dtype)


def _count(shape: Shape, axes: tuple[int, ...]) -> int:
    """How many elements a reduction over these axes takes together."""
    return math.prod([shape[axis] for axis in axes])


def _check_not_empty(shape: Shape, axes: tuple[int, ...], name: str) -> None:
    if _count(shape, axes) == 0:
        raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
