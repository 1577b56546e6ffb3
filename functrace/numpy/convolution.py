"""Convolution and correlation of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import OptionError
from ..lax.correlate import correlate_p
from ..lax.elementwise import conj
from ..lax.shape import pad_p, rev_p
from .dispatch import as_array, implements

_MODES = ("full", "same", "valid")


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = _sequence(a, "a"), _sequence(v, "v")
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    return _slide(a, rev_p(v, dimensions=(0,)), mode)


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = as_array(a), as_array(v)
    if not a.shape or not v.shape:
        raise ValueError("object of too small depth for desired array")
    a, v = _sequence(a, "a"), conj(_sequence(v, "v"))
    if a.shape[0] >= v.shape[0]:
        return _slide(a, v, mode)
    return rev_p(_slide(v, a, mode), dimensions=(0,))


def _sequence(x: Any, name: str) -> Any:
    x = as_array(x)
    if len(x.shape) > 1:
        raise ValueError("object too deep for desired array")
    if not x.shape:
        x = x.reshape(1)
    if not x.shape[0]:
        raise ValueError(f"{name} cannot be empty")
    return x


def _slide(long: Any, short: Any, mode: str) -> Any:
    """The products of the short sequence at each place along the long one, where both overlap as `mode` says."""
    if mode not in _MODES:
        raise OptionError(f"mode must be one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    overhang = short.shape[0] - 1
    if mode == "full":
        margins = (overhang, overhang)
    elif mode == "same":
        margins = ((overhang + 1) // 2, overhang // 2)
    else:
        margins = (0, 0)
    if overhang and mode != "valid":
        long = pad_p(long, long.dtype.type(0), padding_config=((*margins, 0),))
    return correlate_p(long, short)
