"""NumPy's windows: weights that fade out to both ends. Inside `jit` they are recorded, so that none is baked in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from ..lax.creation import full
from ..lax.elementwise import abs_, cos, sqrt
from ..lax.shape import convert_element_type, dtype_of, shape_of
from .creation import arange
from .dispatch import as_operand, implements, static
from .mathematics import i0


@implements(np.bartlett, creates=True)
def bartlett(M: Any) -> Any:
    M = _length("bartlett", M)
    return 1 - abs_(arange(1 - M, M, 2) / (M - 1)) if M > 1 else _short(M)


@implements(np.blackman, creates=True)
def blackman(M: Any) -> Any:
    return _cosines("blackman", M, (0.42, 0.5, 0.08))


@implements(np.hamming, creates=True)
def hamming(M: Any) -> Any:
    return _cosines("hamming", M, (0.54, 0.46))


@implements(np.hanning, creates=True)
def hanning(M: Any) -> Any:
    return _cosines("hanning", M, (0.5, 0.5))


@implements(np.kaiser, creates=True)
def kaiser(M: Any, beta: Any) -> Any:
    """`numpy.kaiser`, which can be traced by `beta`."""
    M = _length("kaiser", M)
    beta = as_operand(beta)
    if shape_of(beta):
        raise ShapeError(f"numpy.kaiser expected a number as beta, got shape {shape_of(beta)}")
    if M == 1:
        return _short(M)
    if dtype_of(beta).kind == "c":
        raise DtypeError(f"numpy.kaiser expected a real beta, got dtype {dtype_of(beta)}")
    beta = convert_element_type(beta, np.dtype(np.float64))
    middle = (M - 1) / 2
    return i0(beta * sqrt(1 - ((arange(0, M) - middle) / middle) ** 2)) / i0(beta)


def _length(function: str, M: Any) -> float:
    return float(static(M, f"numpy.{function}", "M", "static_argnums for an argument of jit that gives a size"))


def _short(M: float) -> Any:
    """A window of none or of one."""
    return full((0 if M < 1 else 1,), 1.0)


def _cosines(function: str, M: Any, weights: Sequence[float]) -> Any:
    """The sum over k of weights[k]·cos(πk·n / (M-1)), for n = 1-M, 3-M, … M-1."""
    M = _length(function, M)
    if M <= 1:
        return _short(M)
    angles = arange(1 - M, M, 2) * (np.pi / (M - 1))
    window = weights[0] + weights[1] * cos(angles)
    for k, weight in enumerate(weights[2:], 2):
        window = window + weight * cos(k * angles)
    return window
