"""Donated arguments: arrays whose memory a compiled program may write over and hand back as a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import Aval


def donated_leaves(
    args: Sequence[Any], kwargs: dict[str, Any], numbers: set[int], names: Sequence[str], avals: Sequence[Aval]
) -> tuple[int, ...]:
    """The positions of the leaves of ``(args, kwargs)`` that stand in donated arguments.

    Scalars are left out: they have no memory that is worth to be taken.
    """
    donated: list[bool] = []
    for number, arg in enumerate(args):
        donated += [number in numbers] * tree.structure(arg).num_leaves
    for name in sorted(kwargs):
        donated += [name in names] * tree.structure(kwargs[name]).num_leaves
    return tuple([i for i, (gives, aval) in enumerate(zip(donated, avals, strict=True)) if gives and aval.shape])


def donating(call: Callable[..., Any], donated: tuple[int, ...]) -> Callable[..., Any]:
    """A program's call that may write over the leaves at these positions, as one that is safe for any leaves."""
    if not donated:
        return call
    return lambda *leaves: call(*writable(leaves, donated))


def writable(leaves: Sequence[Any], donated: tuple[int, ...]) -> list[Any]:
    """The leaves, with a copy of each donated one that is not alone in owning its memory, row by row and writable.

    A view is copied, since the array behind it is not donated. Of two arguments that are one array, or share memory,
    one is copied too.
    """
    result = list(leaves)
    repeated = len(set(map(id, result))) < len(result)
    views = [leaf for leaf in result if leaf.__class__ is np.ndarray and leaf.base is not None]
    for position in donated:
        leaf = result[position]
        flags = leaf.flags
        if (
            not (flags.owndata and flags.c_contiguous and flags.writeable and leaf.base is None)
            or (repeated and sum([other is leaf for other in result]) > 1)
            or any(np.may_share_memory(leaf, view) for view in views)
        ):
            result[position] = leaf.copy()
    return result
