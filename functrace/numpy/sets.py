"""Arrays as sets: distinct elements, membership, unions.

How many elements the result has depends on values. So either the values are known (outside `jit`), or `size` says how
long the result is to be: elements beyond it are left out, places beyond the elements are filled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import result_dtype
from ..core.trace import concrete_or_none
from ..errors import OptionError, TracerIntegerConversionError
from ..lax.creation import iota
from ..lax.cumulative import cumsum_p
from ..lax.elementwise import is_nan, min_
from ..lax.elementwise import where as select
from ..lax.indexing import getitem
from ..lax.shape import (
    canonical_axis,
    concatenate,
    convert_element_type,
    expand_dims,
    move_axis,
    reduce_sum_p,
    reshape,
)
from ..lax.sorting import argsort_p, lexsort_p, searchsorted, sort_p, unordered
from . import reductions
from .dispatch import as_array, implements, static_int

_SIZED = ("size", "fill_value")

# ---------------------------------------------------------------------------------------------------------------------
# distinct elements
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.unique, extensions=_SIZED)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """`numpy.unique`, which can be traced.

    Parameters
    ----------
    ar, return_index, return_inverse, return_counts, axis, equal_nan, sorted
        As for `numpy.unique`; the result is always sorted.
    size
        How many elements the result has. It is needed where `ar` is not known while the function is traced.
    fill_value
        What stands behind the last element, where there are fewer; by default the least element.
    """
    ar = as_array(ar)
    rows = reshape(ar, (-1,)) if axis is None else move_axis(ar, canonical_axis(axis, len(ar.shape)), 0)
    if size is None:
        known = _known("unique", rows)
        _, first, inverse, counts = np.unique(known, True, True, True, None if axis is None else 0, equal_nan=equal_nan)
        inverse = inverse.reshape(-1)
        values = getitem(rows, first)
    else:
        values, first, inverse, counts, _ = _unique_rows(rows, _static_size("unique", size), fill_value, equal_nan)
    if axis is None:
        inverse = reshape(inverse, ar.shape)
    else:
        values = move_axis(values, 0, canonical_axis(axis, len(ar.shape)))
    chosen = [
        part for part, wanted in ((first, return_index), (inverse, return_inverse), (counts, return_counts)) if wanted
    ]
    return (values, *chosen) if chosen else values


def _known(function: str, ar: Any) -> Any:
    """The values that the shape of the result depends on."""
    known = concrete_or_none(ar)
    if known is None:
        raise TracerIntegerConversionError(
            f"{function} expected values that are known while the function is traced, got {ar!r}: how many elements "
            "the result has depends on them",
            instead=f"functrace.numpy.{function}(..., size=n), which leaves out what is beyond n and fills up to n",
        )
    return np.asarray(known)


def _static_size(function: str, size: Any) -> int:
    return static_int(size, function, "size", "a static argument")


def _unique_rows(rows: Any, size: int, fill_value: Any, equal_nan: bool = True) -> tuple[Any, Any, Any, Any, Any]:
    """Distinct rows in order, where the first of each is, which of them each row is, how often each comes, how many.

    The first, second and fourth have length `size`.
    """
    count = rows.shape[0]
    if not count:
        fill = rows.dtype.type(0 if fill_value is None else fill_value)
        places = np.zeros(size, np.intp)
        return np.full((size, *rows.shape[1:]), fill), places, np.zeros(0, np.intp), places.copy(), np.intp(0)
    columns = reshape(rows, (count, -1)) if len(rows.shape) > 1 else expand_dims(rows, (1,))
    keys = [getitem(columns, (slice(None), i)) for i in range(columns.shape[1] - 1, -1, -1)]
    order = lexsort_p(*keys, axis=0) if keys else iota(np.intp, count)
    arranged = getitem(columns, order)
    differs = _differ(getitem(arranged, slice(1, None)), getitem(arranged, slice(None, -1)), equal_nan)
    is_new = concatenate([np.ones(1, np.bool_), reductions.any(differs, 1)], 0)
    number = cumsum_p(is_new, axis=0, reverse=False) - 1
    total = getitem(number, -1) + 1
    starts = searchsorted(number, iota(np.intp, size + 1), "left")
    valid = iota(np.intp, size) < total
    start = select(valid, min_(getitem(starts, slice(None, -1)), count - 1), 0)
    first = getitem(order, start)
    values = _filled(getitem(rows, first), valid, fill_value)
    counts = getitem(starts, slice(1, None)) - getitem(starts, slice(None, -1))
    return values, first, unordered(number, order, 0, (count,)), counts, total


def _differ(x: Any, y: Any, equal_nan: bool) -> Any:
    return (x != y) & ~(is_nan(x) & is_nan(y)) if equal_nan and x.dtype.kind in "fc" else x != y


def _filled(values: Any, valid: Any, fill_value: Any) -> Any:
    """The values, with a fill in place of those that are not valid; by default they are what is there already."""
    if fill_value is None:
        return values
    mask = expand_dims(valid, range(1, len(values.shape)))
    return select(mask, values, convert_element_type(fill_value, values.dtype))


def _named(original: Callable, *fields: Any) -> Any:
    """The fields in the named tuple that NumPy's function gives."""
    return type(original(np.zeros(0)))(*fields)


@implements(np.unique_all, extensions=_SIZED)
def unique_all(x: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    return _named(np.unique_all, *unique(x, True, True, True, equal_nan=False, size=size, fill_value=fill_value))


@implements(np.unique_counts, extensions=_SIZED)
def unique_counts(x: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    fields = unique(x, return_counts=True, equal_nan=False, size=size, fill_value=fill_value)
    return _named(np.unique_counts, *fields)


@implements(np.unique_inverse, extensions=_SIZED)
def unique_inverse(x: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    fields = unique(x, return_inverse=True, equal_nan=False, size=size, fill_value=fill_value)
    return _named(np.unique_inverse, *fields)


@implements(np.unique_values, extensions=_SIZED)
def unique_values(x: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


# ---------------------------------------------------------------------------------------------------------------------
# membership
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.isin)
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: str | None = None
) -> Any:
    if kind not in (None, "sort", "table"):
        raise OptionError(f"Invalid kind: {kind!r}. Please use None, 'sort' or 'table'.")
    element, test = as_array(element), reshape(as_array(test_elements), (-1,))
    if not test.shape[0]:
        return np.full(element.shape, bool(invert))
    dtype = result_dtype(element.dtype, test.dtype)
    element, test = convert_element_type(element, dtype), convert_element_type(test, dtype)
    test = sort_p(test, axis=0, stable=False)
    place = min_(searchsorted(test, element, "left"), test.shape[0] - 1)
    found = getitem(test, place) == element
    return ~found if invert else found


# ---------------------------------------------------------------------------------------------------------------------
# two sets
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.union1d, extensions=_SIZED)
def union1d(ar1: Any, ar2: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    return unique(_together(ar1, ar2), size=size, fill_value=fill_value)


@implements(np.intersect1d, extensions=_SIZED)
def intersect1d(
    ar1: Any,
    ar2: Any,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    ar1, ar2 = reshape(as_array(ar1), (-1,)), reshape(as_array(ar2), (-1,))
    dtype = result_dtype(ar1.dtype, ar2.dtype)
    values, first, common = _candidates(ar1)
    common = common & isin(values, ar2)
    place, valid = _chosen("intersect1d", common, size)
    values = convert_element_type(_gathered(values, place, valid, fill_value), dtype)
    if not return_indices:
        return values
    order = argsort_p(ar2, axis=0, stable=True)
    where = searchsorted(getitem(ar2, order), values, "left")
    second = getitem(order, min_(where, max(ar2.shape[0] - 1, 0))) if ar2.shape[0] else where
    return values, _gathered(first, place, valid, None), second


@implements(np.setdiff1d, extensions=_SIZED)
def setdiff1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, *, size: int | None = None, fill_value: Any = None
) -> Any:
    ar1 = reshape(as_array(ar1), (-1,))
    values, _, kept = (ar1, None, np.True_) if assume_unique else _candidates(ar1)
    kept = kept & ~isin(values, ar2)
    place, valid = _chosen("setdiff1d", kept, size)
    return _gathered(values, place, valid, 0 if fill_value is None and size is not None else fill_value)


@implements(np.setxor1d, extensions=_SIZED)
def setxor1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, *, size: int | None = None, fill_value: Any = None
) -> Any:
    dtype = result_dtype(as_array(ar1).dtype, as_array(ar2).dtype)
    one, two = reshape(as_array(ar1), (-1,)), reshape(as_array(ar2), (-1,))
    values, _, kept = _candidates(_together(one, two))
    kept = kept & (isin(values, one) ^ isin(values, two))
    place, valid = _chosen("setxor1d", kept, size)
    return convert_element_type(_gathered(values, place, valid, fill_value), dtype)


def _together(ar1: Any, ar2: Any) -> Any:
    """Both arrays, flattened, as one."""
    parts = [reshape(as_array(ar), (-1,)) for ar in (ar1, ar2)]
    dtype = result_dtype(*[part.dtype for part in parts])
    return concatenate([convert_element_type(part, dtype) for part in parts], 0)


def _candidates(ar: Any) -> tuple[Any, Any, Any]:
    """The distinct elements in order, the places of the first of each, and which of these are not there to fill."""
    values, first, _, _, total = _unique_rows(ar, ar.shape[0], None)
    return values, first, iota(np.intp, ar.shape[0]) < total


def _gathered(values: Any, place: Any, valid: Any, fill_value: Any) -> Any:
    """The values at places; where they are not valid, the fill."""
    if values.shape[0]:
        return _filled(getitem(values, place), valid, fill_value)
    return np.full(place.shape, 0 if fill_value is None else fill_value, values.dtype)


def _chosen(function: str, mask: Any, size: int | None) -> tuple[Any, Any]:
    """The places where a mask is true, with the first of them in place of those that are missing, and which are not."""
    if size is None:
        places = np.flatnonzero(_known(function, mask))
        return places, np.ones(places.shape, np.bool_)
    size = _static_size(function, size)
    number = cumsum_p(mask, axis=0, reverse=False)
    valid = iota(np.intp, size) < reduce_sum_p(mask, axes=(0,), keepdims=False)
    wanted = select(valid, iota(np.intp, size) + 1, 1)
    return min_(searchsorted(number, wanted, "left"), max(mask.shape[0] - 1, 0)), valid
