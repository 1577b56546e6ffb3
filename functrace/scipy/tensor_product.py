"""Interpolation on a grid: a sum of the values around a point, each weighted by a product of weights, one an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..lax.indexing import getitem
from ..lax.shape import reduce_sum, reshape


def gathered(values: Any, places: Sequence[Any]) -> Any:
    """The values around points.

    Parameters
    ----------
    values
        An array whose first axes are the grid's.
    places
        For each axis of the grid an array of integers, (neighbours, points).

    Returns
    -------
    array
        With the axes (neighbours along axis 0, neighbours along axis 1, …, points, the other axes of `values`).
    """
    return getitem(values, tuple([_spread(place, axis, len(places)) for axis, place in enumerate(places)]))


def weighted(around: Any, weights: Sequence[Any]) -> Any:
    """What `gathered` gives, summed over the neighbours with weights like `places`: (points, the other axes)."""
    behind = around.ndim - len(weights) - 1
    for axis, weight in enumerate(weights):
        neighbours, points = weight.shape
        weight = reshape(weight, (neighbours, *[1] * (len(weights) - axis - 1), points, *[1] * behind))
        around = reduce_sum(around * weight, (0,))
    return around


def _spread(place: Any, axis: int, count: int) -> Any:
    neighbours, points = place.shape
    return reshape(place, (*[1] * axis, neighbours, *[1] * (count - axis - 1), points))
