"""NumPy's functions that apply a function to parts of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..lax.indexing import getitem
from ..lax.shape import canonical_axis, expand_dims, reshape, transpose
from .dispatch import as_array, implements
from .manipulation import stack


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Callable, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """`numpy.apply_along_axis`, which can be traced; traced, `func1d` is called once for each line."""
    a = as_array(arr)
    axis = canonical_axis(axis, a.ndim)
    rest = (*a.shape[:axis], *a.shape[axis + 1 :])
    lines = transpose(a, [*range(axis), *range(axis + 1, a.ndim), axis])
    results = [as_array(func1d(getitem(lines, place), *args, **kwargs)) for place in np.ndindex(rest)]
    if not results:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    inner = results[0].ndim
    out = reshape(stack(results), (*rest, *results[0].shape))
    return transpose(out, [*range(axis), *range(len(rest), len(rest) + inner), *range(axis, len(rest))])


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable, a: Any, axes: Any) -> Any:
    value = as_array(a)
    for axis in np.atleast_1d(axes).tolist():
        axis = canonical_axis(axis, value.ndim)
        result = as_array(func(value, axis))
        value = result if result.ndim == value.ndim else expand_dims(result, [axis])
        if value.ndim != len(np.shape(a)):
            raise ValueError("function is not returning an array of the correct shape")
    return value
