"""Differences, slopes, areas and straight lines between the points of a sampled function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import result_dtype
from ..core.trace import concrete_or_none
from ..errors import DtypeError, ShapeError
from ..lax.elementwise import abs_, clamp, ne
from ..lax.elementwise import where as select
from ..lax.indexing import getitem
from ..lax.shape import broadcast_to, canonical_axis, concatenate, convert_element_type, ndim_of, reshape
from ..lax.sorting import argsort, searchsorted
from . import reductions
from .dispatch import as_array, implements

_NOT_GIVEN = np._NoValue


def along(x: Any, axis: int, part: Any) -> Any:
    """``x[part]`` along an axis."""
    return getitem(x, (*[slice(None)] * axis, part))


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = _NOT_GIVEN, append: Any = _NOT_GIVEN) -> Any:
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    a = as_array(a)
    if not a.shape:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = canonical_axis(axis, len(a.shape))
    parts = [_one_more(prepend, a, axis), a, _one_more(append, a, axis)]
    parts = [part for part in parts if part is not None]
    if len(parts) > 1:
        dtype = result_dtype(*[part.dtype for part in parts])
        a = concatenate([convert_element_type(part, dtype) for part in parts], axis)
    for _ in range(n):
        later, earlier = along(a, axis, slice(1, None)), along(a, axis, slice(None, -1))
        a = ne(later, earlier) if a.dtype.kind == "b" else later - earlier
    return a


def _one_more(value: Any, a: Any, axis: int) -> Any:
    if value is _NOT_GIVEN:
        return None
    value = as_array(value)
    return value if value.shape else broadcast_to(value, (*a.shape[:axis], 1, *a.shape[axis + 1 :]))


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = reshape(as_array(ary), (-1,))
    parts = [getitem(ary, slice(1, None)) - getitem(ary, slice(None, -1))]
    for name, value in (("to_begin", to_begin), ("to_end", to_end)):
        if value is None:
            continue
        value = reshape(as_array(value), (-1,))
        if not np.can_cast(value.dtype, ary.dtype, "same_kind"):
            raise TypeError(f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule.")
        value = convert_element_type(value, ary.dtype)
        parts = [value, *parts] if name == "to_begin" else [*parts, value]
    return concatenate(parts, 0) if len(parts) > 1 else parts[0]


# ---------------------------------------------------------------------------------------------------------------------
# slopes
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = as_array(f)
    shape = f.shape
    axes = reductions.axes_of(axis, len(shape)) if not isinstance(axis, tuple) else _in_order(axis, len(shape))
    spacings = _spacings(varargs, axes, shape)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    if f.dtype.kind == "b":
        raise DtypeError("numpy.gradient: booleans cannot be subtracted")
    if f.dtype.kind not in "fc":
        f = convert_element_type(f, np.float64)
    slopes = []
    for along_axis, spacing in zip(axes, spacings, strict=True):
        if shape[along_axis] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
                "required."
            )
        slopes.append(convert_element_type(_slope(f, along_axis, spacing, edge_order), f.dtype))
    if len(axes) == 1:
        return slopes[0]
    return tuple(slopes)


def _in_order(axes: Sequence[int], ndim: int) -> tuple[int, ...]:
    result = tuple([canonical_axis(axis, ndim) for axis in axes])
    if len(set(result)) != len(result):
        raise ValueError("repeated axis in `axis` argument")
    return result


def _spacings(given: Sequence[Any], axes: Sequence[int], shape: Sequence[int]) -> list[Any]:
    """For each axis the distance between samples, or an array of the distances."""
    if not given:
        return [1.0] * len(axes)
    if len(given) == 1 and ndim_of(given[0]) == 0:
        return [given[0]] * len(axes)
    if len(given) != len(axes):
        raise TypeError("invalid number of arguments")
    spacings: list[Any] = []
    for spacing, axis in zip(given, axes, strict=True):
        if ndim_of(spacing) == 0:
            spacings.append(spacing)
            continue
        places = as_array(spacing)
        if len(places.shape) != 1:
            raise ValueError("distances must be either scalars or 1d")
        if places.shape[0] != shape[axis]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        if places.dtype.kind in "iub":
            places = convert_element_type(places, np.float64)
        distances = getitem(places, slice(1, None)) - getitem(places, slice(None, -1))
        known = concrete_or_none(distances)
        if known is not None and (known == known[:1]).all():
            spacings.append(getitem(distances, 0))
        else:
            spacings.append(distances)
    return spacings


def _slope(f: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    """Central differences inside (of second order also where the spacing varies), one-sided ones at the ends."""
    uniform = ndim_of(spacing) == 0

    def part(start: int | None, stop: int | None) -> Any:
        return along(f, axis, slice(start, stop))

    def step(start: int | None, stop: int | None) -> Any:
        if uniform:
            return spacing
        return reshape(getitem(spacing, slice(start, stop)), [-1 if i == axis else 1 for i in range(len(f.shape))])

    if uniform:
        inside = (part(2, None) - part(None, -2)) / (2.0 * spacing)
    else:
        before, after = step(None, -1), step(1, None)
        inside = (
            -after / (before * (before + after)) * part(None, -2)
            + (after - before) / (before * after) * part(1, -1)
            + before / (after * (before + after)) * part(2, None)
        )
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / step(0, 1)
        last = (part(-1, None) - part(-2, -1)) / step(-1, None)
    else:
        first = _second_order_edge(part(0, 1), part(1, 2), part(2, 3), step(0, 1), step(1, 2))
        last = -_second_order_edge(part(-1, None), part(-2, -1), part(-3, -2), step(-1, None), step(-2, -1))
    return concatenate([first, inside, last], axis)


def _second_order_edge(f0: Any, f1: Any, f2: Any, h1: Any, h2: Any) -> Any:
    """The slope at the first of three points, h1 and h2 apart, of the parabola through them."""
    return -(2.0 * h1 + h2) / (h1 * (h1 + h2)) * f0 + (h1 + h2) / (h1 * h2) * f1 - h1 / (h2 * (h1 + h2)) * f2


# ---------------------------------------------------------------------------------------------------------------------
# areas, phases, lines
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = as_array(y)
    axis = canonical_axis(axis, len(y.shape))
    width = dx
    if x is not None:
        x = as_array(x)
        if len(x.shape) == 1:
            width = reshape(
                getitem(x, slice(1, None)) - getitem(x, slice(None, -1)),
                [-1 if i == axis else 1 for i in range(len(y.shape))],
            )
        else:
            width = diff(x, axis=axis)
    heights = along(y, axis, slice(1, None)) + along(y, axis, slice(None, -1))
    return reductions.sum(width * heights / 2.0, axis)


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    p = as_array(p)
    axis = canonical_axis(axis, len(p.shape))
    steps = diff(p, axis=axis)
    discont = period / 2 if discont is None else discont
    dtype = result_dtype(steps, period)
    if dtype.kind in "iu":
        half, rest = divmod(period, 2)
        at_boundary = rest == 0
    else:
        half, at_boundary = period / 2, True
    wrapped = (steps + half) % period - half
    if at_boundary:  # a step of exactly half a period keeps its sign
        wrapped = select((wrapped == -half) & (steps > 0), half, wrapped)
    correction = select(abs_(steps) < discont, wrapped.dtype.type(0), wrapped - steps)
    rest = along(p, axis, slice(1, None)) + reductions.cumsum(correction, axis)
    first = along(p, axis, slice(None, 1))
    return concatenate([convert_element_type(first, dtype), convert_element_type(rest, dtype)], axis)


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """`numpy.interp`, which can be traced, and differentiated by `x`, `xp` and `fp`."""
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    if len(xp.shape) != 1 or len(fp.shape) != 1:
        raise ShapeError(f"Data points must be 1-D sequences, got xp of shape {xp.shape} and fp of shape {fp.shape}")
    if not xp.shape[0]:
        raise ValueError("array of sample points is empty")
    if xp.shape != fp.shape:
        raise ShapeError("fp and xp are not of the same length.")
    for part in (x, xp):
        if part.dtype.kind == "c":
            raise DtypeError(f"numpy.interp expected real x and xp, got dtype {part.dtype}")
    x, xp = convert_element_type(x, np.float64), convert_element_type(xp, np.float64)
    fp = convert_element_type(fp, np.complex128 if fp.dtype.kind == "c" else np.float64)
    if period is not None:
        x, xp, fp = _periodic(x, xp, fp, period)
        left = right = None
    count = xp.shape[0]
    left = getitem(fp, 0) if left is None else left
    right = getitem(fp, -1) if right is None else right
    first, last = getitem(xp, 0), getitem(xp, -1)
    if count == 1:
        inside = getitem(fp, 0) + 0 * x
    else:
        place = clamp(0, searchsorted(xp, x, "right") - 1, count - 2)
        x0, x1, f0, f1 = getitem(xp, place), getitem(xp, place + 1), getitem(fp, place), getitem(fp, place + 1)
        width = x1 - x0
        empty = width == 0
        share = (x - x0) / select(empty, 1.0, width)
        inside = select(empty | (x == x1), f1, f0 + share * (f1 - f0))
    return convert_element_type(select(x < first, left, select(x > last, right, inside)), fp.dtype)


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """The points of one period in ascending order, with the last in front and the first behind."""
    known = concrete_or_none(period)
    if known is not None:
        if known == 0:
            raise ValueError("period must be a non-zero value")
        period = abs_(period)
    x, xp = x % period, xp % period
    order = argsort(xp, 0, False)
    xp, fp = getitem(xp, order), getitem(fp, order)
    xp = concatenate([getitem(xp, slice(-1, None)) - period, xp, getitem(xp, slice(None, 1)) + period], 0)
    fp = concatenate([getitem(fp, slice(-1, None)), fp, getitem(fp, slice(None, 1))], 0)
    return x, xp, fp
