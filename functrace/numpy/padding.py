"""`numpy.pad`: for each axis in turn, what stands before and behind is made of what is there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype
from ..core.trace import Tracer
from ..errors import ArgumentError
from ..lax import shape as lax
from ..lax.dot import dot_general
from ..lax.elementwise import rint
from ..lax.indexing import getitem
from ..lax.shape import broadcast_to, concatenate, convert_element_type
from .creation import linspace
from .dispatch import as_array, has_tracer, implements, static
from .manipulation import along
from .reductions import max as maximum
from .reductions import mean
from .reductions import min as minimum

_FULL = slice(None)
_KEYWORDS = {
    "constant": "constant_values",
    "linear_ramp": "end_values",
    "maximum": "stat_length",
    "mean": "stat_length",
    "median": "stat_length",
    "minimum": "stat_length",
    "reflect": "reflect_type",
    "symmetric": "reflect_type",
    "edge": None,
    "wrap": None,
    "empty": None,
}
_STATISTICS: dict[str, Callable] = {"maximum": maximum, "minimum": minimum, "mean": mean}


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    a = as_array(array)
    if callable(mode):
        raise ArgumentError(
            "numpy.pad on a traced value: a function as mode writes into an array in place",
            instead="one of NumPy's named modes, or functrace.numpy.concatenate",
        )
    if mode not in _KEYWORDS:
        raise ValueError(f"mode {mode!r} is not supported")
    unknown = set(kwargs) - {_KEYWORDS[mode]}
    if unknown:
        raise ValueError(f"unsupported keyword arguments for mode {mode!r}: {unknown}")
    widths = _widths(pad_width, a.ndim)
    if mode in ("constant", "empty"):
        return _constant(a, widths, kwargs.get("constant_values", 0))
    for axis, width in enumerate(widths):
        if not a.shape[axis] and any(width):
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if mode in ("edge", "wrap", "reflect", "symmetric"):
        return _repeated(a, widths, mode, **kwargs)
    if mode == "linear_ramp":
        ends = _pairs(kwargs.get("end_values", 0), a.ndim)
        return _in_turn(a, widths, lambda x, axis, side, width: _ramp(x, axis, side, width, ends[axis][side]))
    lengths = _pairs(kwargs.get("stat_length"), a.ndim)
    if mode == "median":
        from .order_statistics import median

        statistic: Callable = median
    else:
        statistic = _STATISTICS[mode]
    return _in_turn(
        a, widths, lambda x, axis, side, width: _statistic(x, axis, side, width, lengths[axis], statistic, a)
    )


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    known = static(pad_width, "numpy.pad", "pad_width", "static_argnums for an argument of jit that gives a size")
    if isinstance(known, dict):
        widths = [(0, 0)] * ndim
        for axis, width in known.items():
            widths[axis] = width if isinstance(width, tuple) else (width, width)
        known = widths
    given = np.asarray(known)
    if given.dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    if (given < 0).any():
        raise ValueError("index can't contain negative values")
    return [(int(low), int(high)) for low, high in np.broadcast_to(given, (ndim, 2))]


def _pairs(values: Any, ndim: int) -> list[tuple[Any, Any]]:
    """Values for both sides of each axis; there may be tracers among them."""
    if values is None:
        return [(None, None)] * ndim
    if isinstance(values, Tracer) or has_tracer([values]):
        pairs = lax.broadcast_to(as_array(values), (ndim, 2))
        return [(getitem(pairs, (axis, 0)), getitem(pairs, (axis, 1))) for axis in range(ndim)]
    return [(low, high) for low, high in np.broadcast_to(np.asarray(values), (ndim, 2))]


def _constant(a: Any, widths: list[tuple[int, int]], values: Any) -> Any:
    if not isinstance(values, (list, tuple)) and not np.ndim(values):
        value = convert_element_type(as_array(values), a.dtype)
        return lax.pad(a, value, [(low, high, 0) for low, high in widths])
    for axis, (pair, width) in enumerate(zip(_pairs(values, a.ndim), widths, strict=True)):
        for side in (0, 1):
            if width[side]:
                config = [(0, 0, 0)] * a.ndim
                config[axis] = (0, width[1], 0) if side else (width[0], 0, 0)
                a = lax.pad(a, convert_element_type(as_array(pair[side]), a.dtype), config)
    return a


def _repeated(a: Any, widths: list[tuple[int, int]], mode: Any, reflect_type: Any = "even") -> Any:
    """The modes in which each line is a fixed combination of what it was: NumPy tells which, by the line's numbers."""
    for axis, width in enumerate(widths):
        if not any(width):
            continue
        extent = a.shape[axis]
        if reflect_type == "even" or extent == 1:
            a = getitem(a, (*[_FULL] * axis, np.pad(np.arange(extent), width, mode)))
        else:  # twice the edge less what is reflected
            lines = np.eye(extent, dtype=a.dtype)
            combination = np.pad(lines, (width, (0, 0)), mode, reflect_type=reflect_type)
            a = lax.move_axis(dot_general(combination, a, (((1,), (axis,)), ((), ()))), 0, axis)
    return a


def _in_turn(a: Any, widths: list[tuple[int, int]], make: Callable[[Any, int, int, int], Any]) -> Any:
    """`a` with what `make(a, axis, side, width)` gives before (side 0) and behind (side 1) it."""
    for axis, width in enumerate(widths):
        before = [make(a, axis, 0, width[0])] if width[0] else []
        behind = [make(a, axis, 1, width[1])] if width[1] else []
        if before or behind:
            a = concatenate([*before, a, *behind], axis)
    return a


def _ramp(a: Any, axis: int, side: int, width: int, end: Any) -> Any:
    edge = getitem(a, (*[_FULL] * axis, -1 if side else 0))
    ramp = linspace(end, edge, width, endpoint=False, dtype=a.dtype, axis=axis)
    return lax.rev(ramp, (axis,)) if side else ramp


def _statistic(
    a: Any, axis: int, side: int, width: int, lengths: tuple[Any, Any], function: Callable, given: Any
) -> Any:
    extent = a.shape[axis]
    length = extent if lengths[side] is None else min(int(lengths[side]), extent)
    if not length:
        raise ValueError("stat_length of 0 yields no value for padding")
    part = along(a, axis, extent - length, None) if side else along(a, axis, None, length)
    value = function(part, axis=axis, keepdims=True)
    if given.dtype.kind in "iu" and value.dtype.kind == "f":
        value = rint(value)
    shape = (*a.shape[:axis], width, *a.shape[axis + 1 :])
    return broadcast_to(convert_element_type(value, canonical_dtype(given.dtype)), shape)
