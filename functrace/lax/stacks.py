"""Arrays with extents that are known only as the program runs: what loops leave for their way back.

A loop whose number of steps is not known stacks a step's results in an array of so many rows. A loop around it stacks
such arrays in turn: shorter ones are filled up with zeros, for whoever walks through one knows how far to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import DYNAMIC, Aval, aval_of
from ..core.primitive import Primitive
from .reduction import reduce_max
from .shape import batch_to_front, zeros_of


def is_dynamic(aval: Aval) -> bool:
    """Whether an extent is known only as the program runs."""
    return DYNAMIC in aval.shape


def instantiate(part: Any, aval: Aval, value: Any = None) -> Any:
    """A tangent or cotangent; where it is None, zeros of this aval (with the extents of `value`, where given)."""
    if part is not None:
        return part
    if not is_dynamic(aval):
        return zeros_of(aval)
    return empty_stack(aval) if value is None else zeros_as_p(value)


def empty_stack(aval: Aval) -> Any:
    """A stack on which nothing is, for one that nobody looks at."""
    return zero_stack_p(0, shape=aval.shape[1:], dtype=aval.dtype) if aval.shape[0] == DYNAMIC else _no_rows_p(aval=aval)


def stack_rows(rows: Sequence[Any], aval: Aval) -> np.ndarray:
    """Arrays of this aval, some of whose extents differ, along a new first axis."""
    extents = [max([row.shape[axis] for row in rows], default=0) for axis in range(aval.ndim)]
    shape = [extent if known == DYNAMIC else known for known, extent in zip(aval.shape, extents, strict=True)]
    out = np.zeros((len(rows), *shape), aval.dtype)
    for number, row in enumerate(rows):
        out[(number, *map(slice, row.shape))] = row
    return out
