"""Modified Bessel functions of the first kind, of every integer order, so that their derivatives are among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.primitive import Primitive

_BLOCK = 1 << 16  # how many elements of the trapezoidal sums are held at a time
_OVERFLOW = 800.0  # beyond it exp(x), and so every value, is infinite


def bessel_i(order: int, x: Any) -> Any:
    """The modified Bessel function of the first kind, of an integer order, for real arguments.

    Parameters
    ----------
    order
        An int from 0 on.
    x
        An array of floats.

    References
    ----------
    Its derivatives: M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 9.6.26.
    """
    return bessel_i_p(x, order=abs(order))


def _bessel_i_impl(x: Any, *, order: int) -> Any:
    if order == 0:
        return np.i0(x)[()]
    wide = np.clip(np.asarray(x, np.float64), -_OVERFLOW, _OVERFLOW)
    out = np.empty(wide.shape)
    flat_in, flat_out = wide.reshape(-1), out.reshape(-1)
    size = np.max(np.abs(flat_in), initial=1.0, where=np.isfinite(flat_in))
    count = int(40 + 9 * np.sqrt(size)) + order
    angles = 2 * np.pi * np.arange(count) / count
    cosines, weights = np.cos(angles), np.cos(order * angles) / count
    for start in range(0, flat_in.size, max(1, _BLOCK // count)):
        part = flat_in[start : start + max(1, _BLOCK // count)]
        magnitude = np.abs(part)
        # the mean of exp(x cos t) cos(n t) over a period: a trapezoidal sum, exact but for I of order `count`
        scaled = np.exp(magnitude[:, None] * (cosines - 1)) @ weights
        flat_out[start : start + len(part)] = np.exp(magnitude) * scaled * (np.sign(part) if order % 2 else 1)
    return out.astype(np.asarray(x).dtype)[()]


def _bessel_i_slope(x: Any, order: int) -> Any:
    """(I[n - 1] + I[n + 1]) / 2; of order 0, I[1]."""
    if order == 0:
        return bessel_i_p(x, order=1)
    return (bessel_i_p(x, order=order - 1) + bessel_i_p(x, order=order + 1)) * 0.5


def _bessel_i_jvp(primals: Sequence, tangents: Sequence, out: Any, *, order: int) -> Any:
    return None if tangents[0] is None else tangents[0] * _bessel_i_slope(primals[0], order)


bessel_i_p: Primitive = Primitive(
    "bessel_i",
    _bessel_i_impl,
    lambda x, *, order: Aval(x.shape, x.dtype),
    jvp=_bessel_i_jvp,
    vjp=(lambda ct, out, x, *, order: ct * _bessel_i_slope(x, order),),
    batch=lambda size, args, dims, *, order: (bessel_i_p(args[0], order=order), dims[0]),
    source=lambda args, avals, *, order: f"np.i0({args[0]})" if order == 0 and avals[0].shape else None,
)
