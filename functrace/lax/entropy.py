"""Products with logarithms, entropies, losses and differences that would cancel, by NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import Aval, broadcast_shapes, example
from ..core.primitive import Primitive
from .elementwise import (
    abs_,
    batch_elementwise,
    differentiate,
    div,
    exp,
    expm1,
    log,
    log1p,
    logaddexp,
    sin,
    where,
)
from .shape import dtype_of
from .special import near_zero


def _of_floats(name: str, impl: Callable, *partials: Callable) -> Primitive:
    """An elementwise primitive of floats or complex numbers; `partials` are functions of (tangent, *operands, out)."""

    def abstract(*avals: Aval) -> Aval:
        dtype = np.result_type(*[example(aval.dtype, aval.weak_type) for aval in avals])
        return Aval(broadcast_shapes(*[aval.shape for aval in avals]), dtype)

    primitive = Primitive(name, impl, abstract)
    differentiate(primitive, partials)
    primitive.batch = batch_elementwise(primitive)
    return primitive


def _xlogy_impl(x: Any, y: Any) -> Any:
    return np.multiply(x, np.log(np.where((x == 0) & ~np.isnan(y), 1, y)).astype(np.result_type(x, y)))


def _xlog1py_impl(x: Any, y: Any) -> Any:
    return np.multiply(x, np.log1p(np.where((x == 0) & ~np.isnan(y), 0, y)).astype(np.result_type(x, y)))


def _ratio_impl(x: Any, y: Any) -> Any:
    return np.divide(x, np.where((x == 0) & (y == 0), 1, y).astype(np.result_type(x, y)))


#: x / y, and 0 where both are: the slope by y of x log y, which is then 0 whatever y is.
_ratio: Primitive = _of_floats("ratio", _ratio_impl, lambda t, x, y, z: div(t, y), lambda t, x, y, z: -t * _ratio(z, y))

xlogy: Primitive = _of_floats("xlogy", _xlogy_impl, lambda t, x, y, z: t * log(y), lambda t, x, y, z: t * _ratio(x, y))
xlog1py: Primitive = _of_floats(
    "xlog1py", _xlog1py_impl, lambda t, x, y, z: t * log1p(y), lambda t, x, y, z: t * _ratio(x, 1 + y)
)


def _logit_impl(x: Any) -> Any:
    twice = 2 * np.asarray(x) - 1  # exact where both terms of log(1 + t) - log(1 - t) would cancel
    with np.errstate(all="ignore"):
        ends = np.log(np.divide(x, 1 - np.asarray(x)))
        return np.where((x > 0.3) & (x < 0.65), np.log1p(twice) - np.log1p(-twice), ends)[()]


#: log(x / (1 - x)).
logit: Primitive = _of_floats("logit", _logit_impl, lambda t, x, y: t / (x * (1 - x)))


def log_expit(x: Any) -> Any:
    """The logarithm of the logistic function."""
    return -logaddexp(dtype_of(x).type(0), -x)


# ---------------------------------------------------------------------------------------------------------------------
# entropies
# ---------------------------------------------------------------------------------------------------------------------


def _entr_impl(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(x < 0, np.asarray(x).dtype.type(-math.inf), -_xlogy_impl(x, x))[()]


def _divergence_impl(x: Any, y: Any, inside: Any, at_zero: Any) -> Any:
    """`inside` where both are positive, `at_zero` where x is 0, inf outside of the domain."""
    inf = inside.dtype.type(math.inf)
    out = np.where((x > 0) & (y > 0), inside, np.where((x == 0) & (y >= 0), at_zero, inf))
    return np.where(np.isnan(x) | np.isnan(y), inside.dtype.type(math.nan), out)[()]


def _x_log_ratio(x: Any, y: Any) -> Any:
    """x log(x / y), where the quotient may overflow."""
    ratio = np.divide(x, y)
    return x * np.where(np.isfinite(ratio) & (ratio != 0), np.log(ratio), np.log(x) - np.log(y))


def _rel_entr_impl(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        return _divergence_impl(x, y, _x_log_ratio(x, y), 0)


def _kl_div_impl(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        return _divergence_impl(x, y, _x_log_ratio(x, y) - x + y, y)


def _where_defined(slope: Callable) -> Callable:
    """Outside of the domain the value is inf, whatever the operands are."""

    def partial(t: Any, x: Any, y: Any, z: Any) -> Any:
        return t * where((x < 0) | (y < 0), dtype_of(z).type(0), slope(x, y))

    return partial


def _entr_slope(x: Any, y: Any) -> Any:
    """-log x - 1; outside of the domain the value is -inf, whatever x is."""
    negative = x < 0
    return where(negative, dtype_of(x).type(0), -(log(where(negative, dtype_of(x).type(1), x)) + 1))


#: -x log x, and -inf where x is negative.
entr: Primitive = _of_floats("entr", _entr_impl, lambda t, x, y: t * _entr_slope(x, y))
#: x log(x / y).
rel_entr: Primitive = _of_floats(
    "rel_entr",
    _rel_entr_impl,
    _where_defined(lambda x, y: log(x) - log(y) + 1),
    _where_defined(lambda x, y: -_ratio(x, y)),
)
#: x log(x / y) - x + y.
kl_div: Primitive = _of_floats(
    "kl_div",
    _kl_div_impl,
    _where_defined(lambda x, y: log(x) - log(y)),
    _where_defined(lambda x, y: 1 - _ratio(x, y)),
)

# ---------------------------------------------------------------------------------------------------------------------
# losses
# ---------------------------------------------------------------------------------------------------------------------


def huber(delta: Any, r: Any) -> Any:
    """r² / 2 within delta of 0, delta (abs(r) - delta / 2) beyond."""
    size = abs_(r)
    loss = where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
    return where(delta < 0, dtype_of(loss).type(math.inf), loss)


def pseudo_huber(delta: Any, r: Any) -> Any:
    """delta² (sqrt(1 + (r / delta)²) - 1)."""
    empty = (delta == 0) | ((r == 0) & ~(delta < math.inf))
    ratio = r / where(empty, dtype_of(delta).type(1), delta)
    loss = delta * delta * expm1(0.5 * log1p(ratio * ratio))
    loss = where(empty, dtype_of(loss).type(0), loss)
    return where(delta < 0, dtype_of(loss).type(math.inf), loss)


# ---------------------------------------------------------------------------------------------------------------------
# differences that would cancel
# ---------------------------------------------------------------------------------------------------------------------


def exprel(x: Any) -> Any:
    """(exp(x) - 1) / x."""
    one = dtype_of(x).type(1)
    series = [1 / math.factorial(k + 1) for k in range(13)]
    return near_zero(x, 0.1, series, lambda x: expm1(x) / where(x == math.inf, one, x))


def exprel_slope(x: Any) -> Any:
    """The derivative of (exp(x) - 1) / x."""
    series = [(k + 1) / math.factorial(k + 2) for k in range(16)]
    return near_zero(x, 0.5, series, lambda x: (exp(x) - expm1(x) / x) / x)


def log1p_ratio(x: Any) -> Any:
    """log(1 + x) / x."""
    return near_zero(x, 0.05, [(-1) ** k / (k + 1) for k in range(16)], lambda x: log1p(x) / x)


def log1p_ratio_slope(x: Any) -> Any:
    """The derivative of log(1 + x) / x."""
    series = [(-1) ** (k + 1) * (k + 1) / (k + 2) for k in range(16)]
    return near_zero(x, 0.05, series, lambda x: (1 / (1 + x) - log1p(x) / x) / x)


def cosm1(x: Any) -> Any:
    """cos(x) - 1."""
    sine = sin(0.5 * x)
    return -2 * sine * sine
