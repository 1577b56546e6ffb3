"""The normal distribution: its quantiles, by operations that every machine rounds alike; probabilities, Mills' ratio.

For quantiles only sums, products, quotients, the square root and a float's exponent are used, never NumPy's logarithm,
which differs from machine to machine in the last bit.

References
----------
M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988): the
coefficients of PPND16, accurate to about 1 part in 10¹⁶.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.primitive import Primitive
from .elementwise import exp
from .quadrature import CUT, nodes

BLOCK = 1 << 15  # elements that are worked on at a time, so that what is in between stays in cache


def normal_quantiles(p: np.ndarray) -> np.ndarray:
    """The numbers below which a normal variable is with the probabilities `p`, float64 of one axis."""
    offset = p - 0.5
    r = 0.180625 - offset * offset
    out = _ratio(r, _CENTRE)
    out *= offset
    tail = np.flatnonzero(r < 0)  # beyond 0.425 on either side of the middle
    if tail.size:
        near = p.take(tail)
        out[tail] = np.copysign(_tail(np.minimum(near, 1 - near)), near - 0.5)
    return out


def _tail(p: np.ndarray) -> np.ndarray:
    """How far out the tail with the probability `p` begins."""
    r = np.sqrt(-_log(p))
    out = _ratio(r - 1.6, _TAIL)
    far = np.flatnonzero(r > 5)
    if far.size:
        out[far] = _ratio(r[far] - 5, _FAR_TAIL)
    out[p == 0] = math.inf
    return out


def _log(p: np.ndarray) -> np.ndarray:
    """Log(m 2ᵉ) = e log 2 + 2 artanh((m - 1) / (m + 1)), by the series of 2 artanh."""
    mantissa, exponent = np.frexp(p)
    small = mantissa < math.sqrt(0.5)
    mantissa *= 1.0 + small
    ratio = mantissa - 1
    ratio /= mantissa + 1
    out = _polynomial(ratio * ratio, _ARTANH)
    out *= ratio
    out += (exponent - small) * math.log(2)
    return out


def _ratio(x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """A rational function, whose numerator and denominator are polynomials of one degree."""
    numerator, denominator = _polynomial(x, coefficients)
    numerator /= denominator
    return numerator


def _polynomial(x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """By Horner's rule, from the highest coefficients to those of 1; a row for each of several polynomials."""
    out = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        out += coefficient
        out *= x
    out += coefficients[-1]
    return out


def _columns(pairs: list[list[float]]) -> np.ndarray:
    """The coefficients of a numerator and a denominator, to be multiplied with rows."""
    return np.array(pairs)[:, :, None]


_ARTANH = np.array([2 / (2 * k + 1) for k in reversed(range(11))])

_CENTRE = _columns(
    [
        [2509.0809287301226727, 5226.495278852854561],
        [33430.575583588128105, 28729.085735721942674],
        [67265.770927008700853, 39307.89580009271061],
        [45921.953931549871457, 21213.794301586595867],
        [13731.693765509461125, 5394.1960214247511077],
        [1971.5909503065514427, 687.1870074920579083],
        [133.14166789178437745, 42.313330701600911252],
        [3.387132872796366608, 1.0],
    ]
)

_TAIL = _columns(
    [
        [7.7454501427834140764e-4, 1.05075007164441684324e-9],
        [0.0227238449892691845833, 5.475938084995344946e-4],
        [0.24178072517745061177, 0.0151986665636164571966],
        [1.27045825245236838258, 0.14810397642748007459],
        [3.64784832476320460504, 0.68976733498510000455],
        [5.7694972214606914055, 1.6763848301838038494],
        [4.6303378461565452959, 2.05319162663775882187],
        [1.42343711074968357734, 1.0],
    ]
)

_FAR_TAIL = _columns(
    [
        [2.01033439929228813265e-7, 2.04426310338993978564e-15],
        [2.71155556874348757815e-5, 1.4215117583164458887e-7],
        [0.0012426609473880784386, 1.8463183175100546818e-5],
        [0.026532189526576123093, 7.868691311456132591e-4],
        [0.29656057182850489123, 0.0148753612908506148525],
        [1.7848265399172913358, 0.13692988092273580531],
        [5.4637849111641143699, 0.59983220655588793769],
        [6.6579046435011037772, 1.0],
    ]
)


# ---------------------------------------------------------------------------------------------------------------------
# as primitives
# ---------------------------------------------------------------------------------------------------------------------


def _elementwise(name: str, values: Callable[[np.ndarray], np.ndarray], derivative: Callable[[Any, Any], Any]) -> Any:
    """A primitive of one operand, from a function of float64 of one axis."""

    def impl(x: Any) -> Any:
        wide = np.asarray(x, np.float64)
        with np.errstate(all="ignore"):
            return values(wide.reshape(-1)).reshape(wide.shape).astype(np.asarray(x).dtype)[()]

    primitive = Primitive(
        name,
        impl,
        lambda x: Aval(x.shape, x.dtype),
        jvp=lambda primals, tangents, out: None if tangents[0] is None else tangents[0] * derivative(primals[0], out),
        vjp=(lambda ct, out, x: ct * derivative(x, out),),
        batch=lambda size, args, dims: (primitive(args[0]), dims[0]),
    )
    return primitive


def _probabilities(x: np.ndarray) -> np.ndarray:
    """P(x) = φ(x) M(-x) for x ≤ 0, where φ is the density and M is Mills' ratio, and P(x) = 1 - P(-x)."""
    tail = np.exp(-0.5 * x * x) * math.sqrt(0.5 / math.pi) * _mills_ratios(np.abs(x))
    return np.where(x > 0, 1 - tail, tail)


def _mills_ratios(x: np.ndarray) -> np.ndarray:
    """∫ exp(-x s - s² / 2) ds over s from 0 to ∞ (DLMF 7.8)."""
    end = 2 * CUT / (x + np.sqrt(x * x + 2 * CUT))
    out = np.zeros(x.shape)
    for node, weight in zip(*nodes(), strict=True):
        s = end * node
        out += weight * np.exp(-s * (x + 0.5 * s))
    return np.where(np.isinf(x), 0.0, out * end)


#: The probability that a normal variable is below x.
normal_probability = _elementwise(
    "normal_probability", _probabilities, lambda x, p: exp(-0.5 * x * x) * math.sqrt(0.5 / math.pi)
)

#: Its inverse.
normal_quantile = _elementwise(
    "normal_quantile", normal_quantiles, lambda p, x: exp(0.5 * x * x) * math.sqrt(2 * math.pi)
)

#: Of x ≥ 0: the probability that a normal variable is above x, over the density there.
mills_ratio = _elementwise("mills_ratio", _mills_ratios, lambda x, y: x * y - 1)
