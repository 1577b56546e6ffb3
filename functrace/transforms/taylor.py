"""Taylor coefficients of elementary functions of series, one after the other: the table behind `jet`.

A value is a series y(t) = y[0] + y[1] t + y[2] t² + …, and y'(t) = y[1] + 2 y[2] t + 3 y[3] t² + … is its slope. Where
y is an elementary function of u, an equation between y, y' and u gives each y[k] from u and from the y's before it.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from ..core.trace import Tracer, concrete_or_none
from ..lax.elementwise import (
    add,
    cos,
    cosh,
    div,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    mul,
    pow_,
    reciprocal,
    sin,
    sinh,
    sqrt,
    square,
    sub,
    tan,
    tanh,
)
from ..lax.shape import broadcast_to, shape_of

Step = Callable[[int], Any]


class Series:
    """The Taylor coefficients of one value, each found when it is asked for.

    Attributes
    ----------
    known
        The coefficients found so far; the first, the value itself, always.
    degree
        The coefficients after this one are zero. Only those up to it may be asked for.
    step
        ``step(k)`` finds coefficient `k` when those before it are known.
    relatives
        What primitives gave for this series as their operand, where it is still in use.
    """

    __slots__ = ("__weakref__", "_slope", "degree", "known", "relatives", "step")

    def __init__(self, known: list[Any], degree: int, step: Step | None = None) -> None:
        self.known = known
        self.degree = degree
        self.step = step
        self._slope: Series | None = None
        self.relatives: dict[Any, weakref.ref[Series]] | None = None

    def __getitem__(self, k: int) -> Any:
        known = self.known
        while len(known) <= k:
            known.append(self.step(len(known)))  # type: ignore[misc]
        return known[k]

    @property
    def slope(self) -> Series:
        """The series of the derivative, for a series that is not constant."""
        if self._slope is None:
            self._slope = Series([self[1]], self.degree - 1, lambda k: (k + 1) * self[k + 1])
        return self._slope


# ---------------------------------------------------------------------------------------------------------------------
# sums; a coefficient that is None is zero
# ---------------------------------------------------------------------------------------------------------------------


def at(u: Series, k: int) -> Any:
    """Coefficient `k`, None behind the degree."""
    return u[k] if k <= u.degree else None


def product(u: Series, v: Series, k: int, times: Callable[[Any, Any], Any] = mul.impl, first: int = 0) -> Any:
    """Coefficient `k` of u·v: the sum of u[j]·v[k - j] from j = `first` on."""
    total = None
    for j in range(max(first, k - v.degree), min(k, u.degree) + 1):
        total = _plus(total, times(u[j], v[k - j]))
    return total


def squared(u: Series, k: int, first: int = 0) -> Any:
    """Coefficient `k` of u·u: the sum of u[j]·u[k - j] from j = `first` to j = k - `first`."""
    total = None
    start = max(first, k - u.degree)
    for j in range(start, (k + 1) // 2):
        total = _plus(total, u[j] * u[k - j])
    if total is not None:
        total = 2 * total
    return _plus(total, u[k // 2] * u[k // 2]) if k % 2 == 0 and k // 2 >= start else total


def _plus(total: Any, term: Any) -> Any:
    """A sum that was begun here, with one more term."""
    if total is None:
        return term
    if total.__class__ is np.ndarray and term.__class__ is np.ndarray:
        total += term
        return total
    return total + term


def _minus(a: Any, b: Any) -> Any:
    if b is None:
        return a
    return -b if a is None else a - b


def _integral(u: Series, w: Series) -> Step:
    """The steps to y where y' = u' w."""
    return lambda k: product(u.slope, w, k - 1) / k


def _quotient(u: Series, v: Series, y: Series) -> Step:
    """The steps to y where v y = u."""
    if not v.degree:
        y.degree = u.degree
    return lambda k: div(_minus(at(u, k), product(v, y, k, first=1)), v[0])


# ---------------------------------------------------------------------------------------------------------------------
# the table
# ---------------------------------------------------------------------------------------------------------------------


def _sum(y: Series, u: Series, v: Series, combined: Callable[[Any, Any], Any]) -> Step:
    y.degree = max(u.degree, v.degree)
    shape = shape_of(y[0])
    if shape_of(u[0]) == shape == shape_of(v[0]):
        return lambda k: combined(at(u, k), at(v, k))
    return lambda k: broadcast_to(combined(at(u, k), at(v, k)), shape)


def _added(a: Any, b: Any) -> Any:
    if b is None:
        return a
    return b if a is None else a + b


def _mul(y: Series, u: Series, v: Series) -> Step:
    y.degree = min(y.degree, u.degree + v.degree)
    return (lambda k: squared(u, k)) if u is v else lambda k: product(u, v, k)


def _square(y: Series, u: Series) -> Step:
    return _mul(y, u, u)


def _log_of_sum(y: Series, u: Series, one: int) -> Step:
    """Of y' (u + one) = u'."""

    def step(k: int) -> Any:
        rest = product(u, y.slope, k - 1, first=1) if k > 1 else None
        return div(_minus(at(u.slope, k - 1), rest), (u[0] + one if one else u[0]) * k)

    return step


def _circular(y: Series, u: Series, partner: Primitive, sign: int) -> Step:
    """Of y' = u' w, where the partner w has w' = ±u' y."""
    w = Series([partner(u[0])], y.degree)
    w.step = _integral(u, y) if sign > 0 else lambda k: -product(u.slope, y, k - 1) / k
    return _integral(u, w)


def _cos(y: Series, u: Series) -> Step:
    sine = Series([sin(u[0])], y.degree, _integral(u, y))
    return lambda k: -product(u.slope, sine, k - 1) / k


def _tangent(y: Series, u: Series, sign: int) -> Step:
    """Of y' = u' (1 ± y²)."""
    y0 = y[0]
    w = Series([1 + y0 * y0 if sign > 0 else 1 - y0 * y0], y.degree)
    w.step = (lambda k: squared(y, k)) if sign > 0 else (lambda k: -squared(y, k))
    return _integral(u, w)


def _exp_of(y: Series, u: Series, plus: int = 0, rate: float = 1.0) -> Step:
    """Of y' = rate u' (y + plus)."""
    w = y if not plus else Series([y[0] + plus], y.degree, lambda k: y[k])
    if rate == 1.0:
        return _integral(u, w)
    return lambda k: product(u.slope, w, k - 1) * (rate / k)


def _pow(y: Series, u: Series, v: Series) -> Step | None:
    """Of u y' = v u' y for a constant v; where u may be zero, by products for a whole v, else by no rule of this table.

    For another v, of y' = (v log u)' y where u is positive.
    """
    base = concrete_or_none(u[0])
    if v.degree:
        if base is None or np.iscomplexobj(base) or not np.all(base > 0):
            return None
        logarithm = Series([log(u[0])], y.degree if u.degree else 0)
        logarithm.step = _log_of_sum(logarithm, u, 0)
        return _integral(_product(v, logarithm, y.degree), y)
    exponent = None if isinstance(v[0], Tracer) else v[0]  # one with a derivative of its own is not only a number
    if exponent is not None and np.ndim(exponent) == 0 and exponent in (0, 1, 2):
        y.degree = min(y.degree, int(exponent.real) * u.degree)
        return (lambda k: u[k]) if exponent == 1 else (lambda k: squared(u, k))
    if base is not None and np.all(base):
        return lambda k: div(
            _minus(v[0] * product(u.slope, y, k - 1), product(u, y.slope, k - 1, first=1) if k > 1 else None), u[0] * k
        )
    if exponent is None or np.ndim(exponent) or exponent != np.floor(exponent.real):
        return None
    whole = _whole_power(u, abs(int(exponent.real)), y.degree)
    if exponent < 0:
        return _quotient(Series([1], 0), whole, y)
    y.degree = whole.degree
    return lambda k: whole[k]


def _whole_power(u: Series, exponent: int, degree: int) -> Series:
    """u · u · …, by squaring."""
    result = Series([1], 0)
    while exponent:
        if exponent % 2:
            result = _product(result, u, degree) if result.degree else u
        exponent //= 2
        if exponent:
            u = _product(u, u, degree)
    return result


def _product(u: Series, v: Series, degree: int) -> Series:
    y = Series([u[0] * v[0]], degree)
    y.step = _mul(y, u, v)
    return y


# The rule of each primitive takes the series to be found, which begins with its value, and those of the operands, not
# all of them constant. It gives the step, and may lower the degree.
#
# A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM (2008), section 13.2, tables 13.1 and 13.2.
RECURRENCES: dict[Primitive, Callable[..., Step | None]] = {
    add: lambda y, u, v: _sum(y, u, v, _added),
    sub: lambda y, u, v: _sum(y, u, v, _minus),
    mul: _mul,
    div: lambda y, u, v: _quotient(u, v, y),  # v y = u
    reciprocal: lambda y, u: _quotient(Series([1], 0), u, y),  # u y = 1
    square: _square,
    sqrt: lambda y, u: lambda k: div(_minus(at(u, k), squared(y, k, first=1)), 2 * y[0]),  # y² = u
    pow_: _pow,  # u y' = v u' y
    exp: _exp_of,  # y' = u' y
    exp2: lambda y, u: _exp_of(y, u, rate=math.log(2)),
    expm1: lambda y, u: _exp_of(y, u, plus=1),
    log: lambda y, u: _log_of_sum(y, u, 0),  # u y' = u'
    log1p: lambda y, u: _log_of_sum(y, u, 1),
    sin: lambda y, u: _circular(y, u, cos, -1),  # y' = u' w, w' = -u' y
    cos: _cos,
    sinh: lambda y, u: _circular(y, u, cosh, 1),  # y' = u' w, w' = u' y
    cosh: lambda y, u: _circular(y, u, sinh, 1),
    tan: lambda y, u: _tangent(y, u, 1),  # y' = u' (1 + y²)
    tanh: lambda y, u: _tangent(y, u, -1),
}
