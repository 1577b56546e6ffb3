"""Arrays with extents that are known only as the program runs: what loops leave for their way back.

A loop whose number of steps is not known stacks its results in arrays of so many rows. A loop around it stacks such
arrays in turn; the shorter are filled up with zeros, for whoever walks through one knows how far to go. A tangent or
cotangent has the extents of the value that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import DYNAMIC, Aval, Shape, aval_of
from ..core.primitive import Primitive
from .shape import batch_to_front, zeros_of


def is_dynamic(aval: Aval) -> bool:
    """Whether an extent is known only as the program runs."""
    return DYNAMIC in aval.shape


def instantiate(part: Any, aval: Aval, value: Any = None) -> Any:
    """A tangent or cotangent; where it is None, zeros of this aval, with the extents of `value` where given."""
    if part is not None:
        return part
    if not is_dynamic(aval):
        return zeros_of(aval)
    return no_rows_p(shape=aval.shape, dtype=aval.dtype) if value is None else zeros_as_p(value)


def of_dynamic(values: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
    """The values whose extents only they themselves know; None in place of the others."""
    return [value if is_dynamic(aval) else None for value, aval in zip(values, avals, strict=True)]


def stack_rows(rows: Sequence[Any], aval: Aval) -> np.ndarray:
    """Arrays of this aval, some of whose extents differ, along a new first axis."""
    shape = [
        max([row.shape[axis] for row in rows], default=0) if extent == DYNAMIC else extent
        for axis, extent in enumerate(aval.shape)
    ]
    out = np.zeros((len(rows), *shape), aval.dtype)
    for number, row in enumerate(rows):
        out[number][tuple([slice(extent) for extent in row.shape])] = row
    return out


no_rows_p: Primitive = Primitive(
    "no_rows",
    lambda *, shape, dtype: np.zeros([0 if extent == DYNAMIC else extent for extent in shape], dtype),
    lambda *, shape, dtype: Aval(shape, dtype),
    creates=True,
)

zeros_as_p: Primitive = Primitive(
    "zeros_as",
    lambda x: np.zeros(x.shape, x.dtype),
    lambda x: x.strong(),
    batch=lambda size, args, dims: (zeros_as_p(args[0]), dims[0]),
)


def _fit_impl(x: Any, other: Any, *, grow: bool) -> np.ndarray:
    shape = tuple(map(max, x.shape, other.shape)) if grow else other.shape
    out = np.zeros(shape, x.dtype)
    common = tuple([slice(min(a, b)) for a, b in zip(x.shape, shape, strict=True)])
    out[common] = x[common]
    return out


def _fit_abstract(x: Aval, other: Aval, *, grow: bool) -> Aval:
    shape: Shape = tuple([DYNAMIC if DYNAMIC in pair else pair[0] for pair in zip(x.shape, other.shape, strict=True)])
    return Aval(shape, x.dtype)


def _fit_batch(size: int, args: Sequence, dims: Sequence, *, grow: bool) -> tuple[Any, int]:
    x, other = [batch_to_front(size, value, dim) for value, dim in zip(args, dims, strict=True)]
    return fit_p(x, other, grow=grow), 0


# x with the extents of another array (with `grow`: at least these): what is too much cut off, what is missing zeros
fit_p: Primitive = Primitive(
    "fit",
    _fit_impl,
    _fit_abstract,
    transpose=lambda ct, x, other, *, grow: fit_p(ct, x, grow=False),
    batch=_fit_batch,
)


def fit_as(part: Any, value: Any, aval: Aval) -> Any:
    """A cotangent with the extents of its value, where its aval does not say them."""
    return fit_p(part, value, grow=False) if part is not None and is_dynamic(aval) else part


def same_extents(x: Any, y: Any) -> tuple[Any, Any]:
    """Two arrays of one aval, the shorter filled up with zeros."""
    if not is_dynamic(aval_of(x)) and aval_of(x).shape == aval_of(y).shape:
        return x, y
    return fit_p(x, y, grow=True), fit_p(y, x, grow=True)
