"""Sorting, and the indices that sort."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ..errors import OptionError, ShapeError
from ..lax.indexing import getitem
from ..lax.shape import canonical_axis, convert_element_type, reshape, rev
from ..lax.sorting import argsort_p, lexsort_p, sort_p
from .dispatch import as_array, implements, static

_KINDS = {"q": False, "h": False, "m": True, "s": True}  # quicksort, heapsort; mergesort, stable


@implements(np.sort, extensions=("descending",))
def sort(
    a: Any,
    axis: int | None = -1,
    kind: str | None = None,
    order: Any = None,
    *,
    stable: bool | None = None,
    descending: bool = False,
) -> Any:
    """`numpy.sort`, which can be traced. A gradient goes back to where each element came from.

    Which of equal elements came from where is, as in NumPy, open unless `stable`; JAX's order always is.

    Parameters
    ----------
    a, axis, kind, order, stable
        As for `numpy.sort`.
    descending
        Whether the greatest come first, as the array API standard has it (NaN before them).

    Examples
    --------
    >>> import numpy as np
    >>> sort(np.array([2, 3, 1]), descending=True)
    array([3, 2, 1])
    """
    a, axis = _along(a, axis)
    result = sort_p(a, axis=axis, stable=_is_stable(kind, order, stable) or descending)  # as in JAX
    return rev(result, (axis,)) if descending else result


@implements(np.argsort, extensions=("descending",))
def argsort(
    a: Any,
    axis: int | None = -1,
    kind: str | None = None,
    order: Any = None,
    *,
    stable: bool | None = None,
    descending: bool = False,
) -> Any:
    """`numpy.argsort`, which can be traced.

    Parameters
    ----------
    a, axis, kind, order, stable
        As for `numpy.argsort`.
    descending
        Whether the greatest come first, as the array API standard has it (NaN before them). Equal elements stay in
        their order all the same.
    """
    a = as_array(a)
    a, axis = _along(a if a.shape else reshape(a, (1,)), axis)
    stable = _is_stable(kind, order, stable)
    if not descending:
        return argsort_p(a, axis=axis, stable=stable)
    backwards = argsort_p(rev(a, (axis,)), axis=axis, stable=True)  # equal elements: the last first
    return rev(a.shape[axis] - 1 - backwards, (axis,))


def _along(a: Any, axis: int | None) -> tuple[Any, int]:
    """The array and the axis to sort along; without one, the flattened array."""
    a = as_array(a)
    if axis is None:
        return reshape(a, (-1,)), 0
    return a, canonical_axis(axis, len(a.shape))


def _is_stable(kind: str | None, order: Any, stable: bool | None) -> bool:
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    if kind is None:
        return bool(stable)
    if stable is not None:
        raise ValueError("`kind` and keyword parameters can't be provided at the same time. Use only one of them.")
    if not isinstance(kind, str) or kind[:1].lower() not in _KINDS:
        raise OptionError(f"sort kind must be one of 'quick', 'heap', or 'stable' (got {kind!r})")
    return _KINDS[kind[0].lower()]


@implements(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
    """`numpy.partition`, which can be traced; the parts are sorted too."""
    a, axis = _along(a, axis)
    _check_kth("partition", kth, kind, a.shape[axis])
    return sort_p(a, axis=axis, stable=_is_stable(None, order, None))


@implements(np.argpartition)
def argpartition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
    """`numpy.argpartition`, which can be traced; the parts are sorted too."""
    a = as_array(a)
    a, axis = _along(a if a.shape else reshape(a, (1,)), axis)
    _check_kth("argpartition", kth, kind, a.shape[axis])
    return argsort_p(a, axis=axis, stable=_is_stable(None, order, None))


def _check_kth(function: str, kth: Any, kind: str, extent: int) -> None:
    if kind != "introselect":
        raise OptionError(f"select kind must be 'introselect' (got {kind!r})")
    instead = "functrace.numpy.sort, which puts every element in its place"
    for place in np.atleast_1d(static(kth, function, "kth", instead)).tolist():
        if extent and not -extent <= index(place) < extent:
            raise ValueError(f"kth(={place}) out of bounds ({extent})")


@implements(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Any:
    if not isinstance(keys, (tuple, list)):
        keys = as_array(keys)
        keys = [getitem(keys, i) for i in range(keys.shape[0])]
    if not len(keys):
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    keys = [as_array(key) for key in keys]
    if len({key.shape for key in keys}) > 1:
        raise ShapeError("all keys need to be the same shape")
    if not keys[0].shape:
        return np.intp(0)
    return lexsort_p(*keys, axis=canonical_axis(axis, len(keys[0].shape)))


@implements(np.sort_complex)
def sort_complex(a: Any) -> Any:
    a = as_array(a)
    axis = canonical_axis(-1, len(a.shape))
    result = sort_p(a, axis=axis, stable=False)
    if a.dtype.kind == "c":
        return result
    small = a.dtype.kind in "iu" and a.dtype.itemsize <= 2
    return convert_element_type(result, np.complex64 if small else np.complex128)
