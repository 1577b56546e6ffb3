"""Bounds of a pytree's elements as bounds of its vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import tree
from ...errors import ShapeError
from ...lazy import import_extra
from .variables import Variables


def flat_bounds(bounds: Any, x0: Any, variables: Variables) -> Any:
    """The bounds as `scipy.optimize.Bounds` of the vector; None where there are none."""
    optimize = import_extra("scipy.optimize", "scipy", "functrace.scipy.optimize.minimize")
    if bounds is None or isinstance(bounds, optimize.Bounds):
        return bounds
    if tree.treedef_is_leaf(variables.structure) and not _is_pair(bounds):
        pairs = [tuple(bound) for bound in bounds]
        if len(pairs) != variables.start.size:
            raise ShapeError(
                f"minimize expected bounds for the {variables.start.size} elements of x0, got {len(pairs)}",
                instead="a pair for each element, or one pair (low, high) for all of them",
            )
        lows, highs = zip(*[_ends(pair, (), "x0") for pair in pairs], strict=True)
    else:
        parts = tree.broadcast_prefix(bounds, x0, is_leaf=lambda bound: bound is None or _is_pair(bound))
        ends = [
            _ends((None, None) if pair is None else pair, shape, name)
            for pair, shape, name in zip(parts, variables.shapes, variables.names, strict=True)
        ]
        lows, highs = zip(*ends, strict=True)
    return optimize.Bounds(np.concatenate(lows), np.concatenate(highs))


def _is_pair(bound: Any) -> bool:
    return (
        isinstance(bound, (tuple, list))
        and len(bound) == 2
        and all(end is None or isinstance(end, (int, float, np.number, np.ndarray)) for end in bound)
    )


def _ends(pair: Any, shape: tuple[int, ...], name: str) -> list[np.ndarray]:
    ends = []
    for end, missing in zip(pair, (-np.inf, np.inf), strict=True):
        value = np.asarray(missing if end is None else end, np.float64)
        try:
            ends.append(np.broadcast_to(value, shape).ravel())
        except ValueError:
            raise ShapeError(
                f"minimize expected a bound that broadcasts to the shape {shape} of {name}, got shape {value.shape}"
            ) from None
    return ends
