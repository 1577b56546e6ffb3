"""Medians and quantiles: elements at a place in the sorted order, or between two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import PYTHON_SCALARS
from ..core.trace import Tracer, concrete_or_none
from ..errors import DtypeError, OptionError
from ..lax.creation import full
from ..lax.cumulative import cumsum_p
from ..lax.elementwise import ceil, floor, is_nan, max_, min_, rint
from ..lax.elementwise import where as select
from ..lax.indexing import getitem, take_along_axis
from ..lax.shape import (
    broadcast_to,
    concatenate,
    convert_element_type,
    expand_dims,
    reduce_sum_p,
    reduced_shape,
    reshape,
    transpose,
)
from ..lax.sorting import argsort_p, ordered, sort_p
from . import reductions
from .dispatch import as_array, implements
from .reductions import counted_axes
from .statistics import weights_along


@implements(np.median)
def median(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    a = as_array(a)
    axes = counted_axes(axis, len(a.shape))
    values = sort_p(_reduced_last(a, axes), axis=len(a.shape) - len(axes), stable=False)
    count = values.shape[-1]
    middle = slice((count - 1) // 2, count // 2 + 1) if count else slice(0, 0)
    result = reductions.mean(getitem(values, (Ellipsis, middle)), -1)
    if count and a.dtype.kind in "fc":
        last = getitem(values, (Ellipsis, -1))
        result = select(is_nan(last), result.dtype.type(np.nan), result)
    return _kept(result, a.shape, axes) if keepdims else result


def _reduced_last(a: Any, axes: tuple[int, ...]) -> Any:
    """`a` with the axes to be reduced as one, the last."""
    kept = [axis for axis in range(len(a.shape)) if axis not in axes]
    shape = [a.shape[axis] for axis in kept]
    return reshape(transpose(a, (*kept, *axes)), (*shape, math.prod([a.shape[axis] for axis in axes])))


def _kept(result: Any, shape: tuple[int, ...], axes: tuple[int, ...], lead: tuple[int, ...] = ()) -> Any:
    """A reduction's result with the reduced axes as axes of extent 1."""
    return reshape(result, (*lead, *reduced_shape(shape, axes, True)))


# ---------------------------------------------------------------------------------------------------------------------
# quantiles
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    return _quantile(as_array(a), q, axis, method, keepdims, weights, "Quantiles must be in the range [0, 1]")


@implements(np.percentile)
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    a = as_array(a)
    message = "Percentiles must be in the range [0, 100]"
    return _quantile(a, _of_hundred(a, q), axis, method, keepdims, weights, message, weak=_is_weak(q))


@implements(np.nanquantile)
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    message = "Quantiles must be in the range [0, 1]"
    return _quantile(as_array(a), q, axis, method, keepdims, weights, message, skip_nan=True)


@implements(np.nanpercentile)
def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    a = as_array(a)
    message = "Percentiles must be in the range [0, 100]"
    return _quantile(a, _of_hundred(a, q), axis, method, keepdims, weights, message, weak=_is_weak(q), skip_nan=True)


@implements(np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    a = as_array(a)
    if a.dtype.kind not in "fc":
        return median(a, axis, keepdims=keepdims)
    axes = counted_axes(axis, len(a.shape))
    values = _reduced_last(a, axes)
    values = sort_p(values, axis=len(values.shape) - 1, stable=False)
    count = _valid_counts(values)
    places = concatenate([expand_dims((count - 1) // 2, (0,)), expand_dims(count // 2, (0,))], 0)
    middle = _take(values, max_(places, 0), True) if values.shape[-1] else full(places.shape, a.dtype.type(np.nan))
    result = reductions.mean(middle, 0)
    return _kept(result, a.shape, axes) if keepdims else result


def _is_weak(q: Any) -> bool:
    """Whether `q` has no say in the dtype of the result."""
    return q.weak_type if isinstance(q, Tracer) else q.__class__ in PYTHON_SCALARS


def _of_hundred(a: Any, q: Any) -> Any:
    hundred = a.dtype.type(100) if a.dtype.kind == "f" else 100
    return q / hundred if isinstance(q, Tracer) else np.true_divide(q, hundred)


class Method(NamedTuple):
    """A way to find a quantile's place.

    Attributes
    ----------
    place
        From how many values there are and q: the place in the sorted order; where `weight` is None an integer.
    weight
        From how far the place is behind the one before it (0 to 1), and the place: the weight of the value behind it.
    """

    place: Callable[[Any, Any], Any]
    weight: Callable[[Any, Any], Any] | None = None


def _hyndman_fan(alpha: float, beta: float) -> Callable[[Any, Any], Any]:
    """n q + alpha + q (1 - alpha - beta), counted from 1."""
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _to_integer(x: Any) -> Any:
    return convert_element_type(x, np.intp)


def _closest(n: Any, q: Any) -> Any:
    """The nearest place; of two the even one, counted from 1."""
    place = n * q - 1.5
    before = floor(place)
    return _to_integer(max_(select((place == before) & (before % 2 == 1), before, before + 1), 0))


def _fraction(fraction: Any, place: Any) -> Any:
    return fraction


#: R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996) 361-365,
#: and four of NumPy's own.
METHODS: dict[str, Method] = {
    "inverted_cdf": Method(lambda n, q: _to_integer(max_(ceil(n * q - 1), 0))),
    "averaged_inverted_cdf": Method(lambda n, q: n * q - 1, lambda fraction, place: select(fraction == 0, 0.5, 1.0)),
    "closest_observation": Method(_closest),
    "interpolated_inverted_cdf": Method(_hyndman_fan(0, 1), _fraction),
    "hazen": Method(_hyndman_fan(0.5, 0.5), _fraction),
    "weibull": Method(_hyndman_fan(0, 0), _fraction),
    "linear": Method(lambda n, q: (n - 1) * q, _fraction),
    "median_unbiased": Method(_hyndman_fan(1 / 3, 1 / 3), _fraction),
    "normal_unbiased": Method(_hyndman_fan(3 / 8, 3 / 8), _fraction),
    "lower": Method(lambda n, q: _to_integer(floor((n - 1) * q))),
    "higher": Method(lambda n, q: _to_integer(ceil((n - 1) * q))),
    "midpoint": Method(
        lambda n, q: 0.5 * (floor((n - 1) * q) + ceil((n - 1) * q)),
        lambda fraction, place: select(place % 1 == 0, 0.0, 0.5),
    ),
    "nearest": Method(lambda n, q: _to_integer(rint((n - 1) * q))),
}


def _quantile(
    a: Any,
    q: Any,
    axis: Any,
    method: str,
    keepdims: bool,
    weights: Any,
    message: str,
    *,
    weak: bool | None = None,
    skip_nan: bool = False,
) -> Any:
    if a.dtype.kind == "c":
        raise DtypeError("a must be an array of real numbers")
    weak = _is_weak(q) if weak is None else weak
    q = as_array(q)
    known = concrete_or_none(q)
    if known is not None and not np.all((known >= 0) & (known <= 1)):
        raise ValueError(message)
    if len(q.shape) > 2:
        raise ValueError("q must be a scalar or 1d")
    if method not in METHODS:
        raise OptionError(f"{method!r} is not a valid method. Use one of: {', '.join(METHODS)}")
    axes = counted_axes(axis, len(a.shape))
    inexact = a.dtype.kind == "f"
    values = _reduced_last(a, axes)
    last = len(values.shape) - 1
    count = values.shape[last]
    if not count and math.prod(values.shape[:-1]) and not skip_nan:
        raise IndexError(f"a quantile of no values: index -1 is out of bounds for axis {last} with size 0")
    if weights is not None:
        result = _weighted(a, values, q, axis, axes, method, weights)
    else:
        values = sort_p(values, axis=last, stable=False)
        result = _at_places(values, q, METHODS[method], weak, skip_nan and inexact, linear=method == "linear")
    if inexact and count:
        nothing = (reductions.all if skip_nan else reductions.any)(is_nan(values), -1)
        result = select(nothing, result.dtype.type(np.nan), result)
        if known is None:
            outside = expand_dims(~((q >= 0) & (q <= 1)), range(len(q.shape), len(result.shape)))
            result = select(outside, result.dtype.type(np.nan), result)
    return _kept(result, a.shape, axes, q.shape) if keepdims else result


def _at_places(values: Any, q: Any, method: Method, weak: bool, skip_nan: bool, linear: bool) -> Any:
    """Between the values, sorted along the last axis, at the places of q; with `skip_nan` among those before NaN."""
    count: Any = values.shape[-1]
    if skip_nan:
        lines = len(values.shape) - 1
        count = _valid_counts(values)
        if q.dtype.kind == "f":  # NumPy has an int here, which does not widen q
            count = convert_element_type(count, q.dtype)
        q = expand_dims(q, range(len(q.shape), len(q.shape) + lines))
    place = method.place(count, q)
    if method.weight is None or (linear and place.dtype.kind in "iu"):
        return _take(values, place, skip_nan)
    before = floor(place)
    beyond = place >= count - 1
    first = _to_integer(select(beyond, count - 1, max_(before, 0)))
    second = _to_integer(select(beyond, count - 1, max_(before + 1, 0)))
    weight = method.weight(place - before, place)
    weight = select(place < 0, 0.0, weight)  # before the first
    if weak:
        weight = convert_element_type(weight, values.dtype if values.dtype.kind == "f" else np.float64)
    else:
        weight = convert_element_type(weight, place.dtype)
    low, high = _take(values, first, skip_nan), _take(values, second, skip_nan)
    gap = high - low
    # from the nearer of the two, so that neither end is missed by rounding
    known = concrete_or_none(weight)
    if known is not None and np.ndim(known) == 0:
        return high - gap * (1 - weight) if known >= 0.5 else low + gap * weight
    weight = expand_dims(weight, range(len(weight.shape), len(low.shape)))
    return select(weight >= 0.5, high - gap * (1 - weight), low + gap * weight)


def _valid_counts(values: Any) -> Any:
    """How many values along the last axis are no NaN."""
    return reduce_sum_p(~is_nan(values), axes=(len(values.shape) - 1,), keepdims=False)


def _take(values: Any, places: Any, by_line: bool) -> Any:
    """The values at places along the last axis: the axes of the places in front.

    With `by_line`, each line has places of its own: its axes are the last ones of `places`.
    """
    lines = values.shape[:-1]
    if not by_line:
        taken = getitem(values, (Ellipsis, places))
        return transpose(taken, (*range(len(lines), len(taken.shape)), *range(len(lines))))
    flat = reshape(places, (math.prod(places.shape[: len(places.shape) - len(lines)]), *lines))
    taken = take_along_axis(values, transpose(flat, (*range(1, len(lines) + 1), 0)), -1)
    return reshape(transpose(taken, (len(lines), *range(len(lines)))), places.shape)


def _weighted(a: Any, values: Any, q: Any, axis: Any, axes: tuple[int, ...], method: str, weights: Any) -> Any:
    """The least value up to which the weights add up to q or more of all."""
    if method != "inverted_cdf":
        raise OptionError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    weights = as_array(weights)
    known = concrete_or_none(weights)
    if known is not None and np.any(known < 0):
        raise ValueError("Weights must be non-negative.")
    weights = broadcast_to(weights_along(weights, a.shape, axis), a.shape)
    last = len(values.shape) - 1
    order = argsort_p(values, axis=last, stable=False)
    values = ordered(values, order, last)
    heaped = ordered(convert_element_type(_reduced_last(weights, axes), np.float64), order, last)
    if a.dtype.kind == "f":  # what is left out weighs nothing
        heaped = select(is_nan(values), 0.0, heaped)
    share = cumsum_p(heaped, axis=last, reverse=False)
    share = share / getitem(share, (Ellipsis, slice(-1, None)))
    known = concrete_or_none(share)
    if known is not None and np.any(np.isnan(known)):
        raise ValueError("Weights included NaN, inf or were all zero.")
    share = convert_element_type(share, q.dtype) if q.dtype.kind == "f" else share
    share = select(share == 0, -1.0, share)  # a value of no weight is no quantile, not even for q = 0
    below = expand_dims(q, range(len(q.shape), len(q.shape) + len(values.shape))) > share
    places = reduce_sum_p(below, axes=(len(below.shape) - 1,), keepdims=False)
    return _take(values, min_(places, values.shape[last] - 1), True)
