"""Arrays made out of nothing; inside `jit` they are recorded, so that no large constant is baked in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, Shape, aval_of, canonical_dtype, canonical_shape
from ..core.primitive import Primitive
from ..core.trace import Tracer, current_recording
from ..errors import ShapeError
from .shape import broadcast_in_dim, convert_element_type


def full(shape: int | Sequence[int], fill_value: Any, dtype: Any = None) -> Any:
    """An array of this shape filled with a scalar.

    Examples
    --------
    >>> full((2,), 1.5)
    array([1.5, 1.5])
    """
    aval = aval_of(fill_value)
    if aval.shape:
        raise ShapeError(f"full expected a scalar to fill with, got shape {aval.shape}")
    kind = aval.dtype if dtype is None else canonical_dtype(dtype)
    if isinstance(fill_value, Tracer) or current_recording() is not None:
        return broadcast_in_dim(convert_element_type(fill_value, kind), canonical_shape(shape), ())
    return np.full(canonical_shape(shape), fill_value, kind)


def full_like(x: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    """An array of the shape and dtype of `x` filled with a scalar."""
    aval = aval_of(x)
    return full(aval.shape if shape is None else shape, fill_value, aval.dtype if dtype is None else dtype)


def _iota_impl(*, dtype: np.dtype, shape: Shape, dimension: int) -> np.ndarray:
    line = np.arange(shape[dimension], dtype=dtype)
    return line if len(shape) == 1 else np.broadcast_to(line.reshape(_along(shape, dimension)), shape)


def _along(shape: Shape, dimension: int) -> Shape:
    return tuple([extent if axis == dimension else 1 for axis, extent in enumerate(shape)])


def _iota_source(args: Sequence[str], avals: Sequence[Aval], *, dtype: np.dtype, shape: Shape, dimension: int) -> str:
    line = f"np.arange({shape[dimension]}, dtype=np.{dtype.type.__name__})"
    return line if len(shape) == 1 else f"np.broadcast_to({line}.reshape({_along(shape, dimension)}), {shape})"


iota_p = Primitive(
    "iota",
    _iota_impl,
    lambda *, dtype, shape, dimension: Aval(shape, dtype),
    source=_iota_source,
    aliases=True,
    creates=True,
)


def iota(dtype: Any, size: int) -> Any:
    """0, 1, … size - 1."""
    return broadcasted_iota(dtype, (size,), 0)


def broadcasted_iota(dtype: Any, shape: Sequence[int], dimension: int) -> Any:
    """An array whose elements count along one axis."""
    return iota_p(dtype=canonical_dtype(dtype), shape=canonical_shape(shape), dimension=dimension)
