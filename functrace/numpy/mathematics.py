"""Functions of elements that are not ufuncs: clipping, rounding, comparison within a tolerance, parts of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS, result_dtype
from ..core.trace import concrete_or_none
from ..errors import ConcretizationTypeError, DtypeError
from ..lax import elementwise as lax
from ..lax.bessel import bessel_i
from ..lax.shape import convert_element_type, dtype_of, zeros_like
from . import reductions
from .dispatch import as_array, as_operand, implements, static_int

_NOT_GIVEN = np._NoValue

# ---------------------------------------------------------------------------------------------------------------------
# clipping and rounding
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.clip)
def clip(
    a: Any,
    a_min: Any = _NOT_GIVEN,
    a_max: Any = _NOT_GIVEN,
    out: None = None,
    *,
    min: Any = _NOT_GIVEN,
    max: Any = _NOT_GIVEN,
    dtype: Any = None,
) -> Any:
    a = as_array(a)
    low, high = _bounds(a_min, a_max, min, max)
    if dtype is not None:
        a = convert_element_type(a, dtype)
    if a.dtype.kind in "iu":  # a Python int that no element can be beyond is no bound
        if low.__class__ is int and low <= np.iinfo(a.dtype).min:
            low = None
        if high.__class__ is int and high >= np.iinfo(a.dtype).max:
            high = None
    low, high = [bound if bound is None else as_operand(bound) for bound in (low, high)]
    if low is not None and high is not None and not {low.__class__, high.__class__} <= PYTHON_SCALARS:
        a = convert_element_type(a, result_dtype(a, low, high))  # all three are promoted together
    if low is not None:
        a = lax.max_(a, low)
    return a if high is None else lax.min_(a, high)


def _bounds(a_min: Any, a_max: Any, min: Any, max: Any) -> tuple[Any, Any]:
    """The bounds by either of their names."""
    if a_min is _NOT_GIVEN and a_max is _NOT_GIVEN:
        return (None if min is _NOT_GIVEN else min), (None if max is _NOT_GIVEN else max)
    for name, value in (("a_min", a_min), ("a_max", a_max)):
        if value is _NOT_GIVEN:
            raise TypeError(f"clip() missing 1 required positional argument: '{name}'")
    if min is not _NOT_GIVEN or max is not _NOT_GIVEN:
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    return a_min, a_max


def round(a: Any, decimals: int = 0, out: None = None) -> Any:
    a = as_array(a)
    decimals = static_int(decimals, "round", "decimals", "functrace.numpy.rint(a * 10**decimals) / 10**decimals")
    kind = a.dtype.kind
    if kind == "c":
        return lax.complex_(round(lax.real(a), decimals), round(lax.imag(a), decimals))
    if kind == "b":
        return convert_element_type(a, np.float16)
    if kind in "iu":
        return a if decimals >= 0 else _round_integers(a, 10**-decimals)
    if decimals == 0:
        return lax.rint(a)
    if decimals > 0:
        return lax.rint(a * 10.0**decimals) / 10.0**decimals
    return lax.rint(a / 10.0**-decimals) * 10.0**-decimals


def _round_integers(a: Any, unit: int) -> Any:
    """The nearest multiple of a unit, of two the even one, as NumPy finds it: in float64."""
    return convert_element_type(lax.rint(convert_element_type(a, np.float64) / unit) * unit, a.dtype)


around, round = implements(np.around)(round), implements(np.round)(round)


@implements(np.fix)
def fix(x: Any, out: None = None) -> Any:
    x = as_array(x)
    if x.dtype.kind == "c":
        raise DtypeError(f"numpy.fix is not defined for dtype {x.dtype}")
    return lax.trunc(x) if x.dtype.kind == "f" else x


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    x = as_array(x)
    if x.dtype.kind == "c":
        parts = [nan_to_num(part, nan=nan, posinf=posinf, neginf=neginf) for part in (lax.real(x), lax.imag(x))]
        return lax.complex_(*parts)
    if x.dtype.kind != "f":
        return x
    limits = np.finfo(x.dtype)
    for mask, value in (
        (lax.is_nan(x), nan),
        (x == np.inf, limits.max if posinf is None else posinf),
        (x == -np.inf, limits.min if neginf is None else neginf),
    ):
        x = lax.where(mask, convert_element_type(as_operand(value), x.dtype), x)
    return x


# ---------------------------------------------------------------------------------------------------------------------
# complex numbers
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.real)
def real(val: Any) -> Any:
    return lax.real(as_array(val))


@implements(np.imag)
def imag(val: Any) -> Any:
    return lax.imag(as_array(val))


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    z = as_array(z)
    if z.dtype.kind == "c":
        result = lax.atan2(lax.imag(z), lax.real(z))
    else:
        result = lax.atan2(np.zeros((), np.intp if z.dtype.kind == "b" else z.dtype), z)
    return result * (180 / math.pi) if deg else result


@implements(np.iscomplex)
def iscomplex(x: Any) -> Any:
    x = as_array(x)
    return lax.imag(x) != 0 if x.dtype.kind == "c" else zeros_like(x) != 0


@implements(np.isreal)
def isreal(x: Any) -> Any:
    x = as_array(x)
    return lax.imag(x) == 0 if x.dtype.kind == "c" else zeros_like(x) == 0


@implements(np.real_if_close)
def real_if_close(a: Any, tol: Any = 100) -> Any:
    a = as_array(a)
    if a.dtype.kind != "c":
        return a
    known = concrete_or_none(a)
    if known is None:
        raise ConcretizationTypeError(
            f"real_if_close expected values that are known while the function is traced, got {a!r}: the dtype of the "
            "result depends on them",
            instead="functrace.numpy.real(a)",
        )
    return real(a) if not np.iscomplexobj(np.real_if_close(known, tol)) else a


# ---------------------------------------------------------------------------------------------------------------------
# comparison
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    a, b, rtol, atol = as_operand(a), as_operand(b), as_operand(rtol), as_operand(atol)
    wide = result_dtype(b, 1.0)
    if dtype_of(b) != wide:
        b = convert_element_type(b, wide)
    close = ((lax.abs_(a - b) <= atol + rtol * lax.abs_(b)) & lax.is_finite(b)) | (a == b)
    return close | (lax.is_nan(a) & lax.is_nan(b)) if equal_nan else close


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    return reductions.all(isclose(a, b, rtol, atol, equal_nan))


@implements(np.isposinf)
def isposinf(x: Any, out: None = None) -> Any:
    return _signed_infinity(x, False)


@implements(np.isneginf)
def isneginf(x: Any, out: None = None) -> Any:
    return _signed_infinity(x, True)


def _signed_infinity(x: Any, negative: bool) -> Any:
    x = as_array(x)
    if x.dtype.kind == "c":
        raise DtypeError(
            f"This operation is not supported for {x.dtype} values because it would be ambiguous.",
            instead="functrace.numpy.isinf(x), or the real and imaginary parts",
        )
    return lax.is_inf(x) & (lax.signbit(x) == negative)


# ---------------------------------------------------------------------------------------------------------------------
# special functions
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.sinc)
def sinc(x: Any) -> Any:
    """`numpy.sinc`, sin(πx) / (πx), with derivatives of every order also at 0, and near it, where JAX's lose digits."""
    y = math.pi * as_array(x)
    near = lax.abs_(y) < 0.1
    square = lax.square(lax.where(near, y, y.dtype.type(0)))
    # the sum of (-y²)ⁿ / (2n + 1)!; what is left out is beyond double precision, in the fourth derivative too
    series: Any = 0.0
    for n in range(7, -1, -1):
        series = series * -square + 1 / math.factorial(2 * n + 1)
    far = lax.where(near, y.dtype.type(1), y)
    return lax.where(near, series, lax.sin(far) / far)


@implements(np.i0)
def i0(x: Any) -> Any:
    """`numpy.i0`, with derivatives of every order: infinite where the value is, and of the second order 1/2 at 0.

    JAX's are NaN and 0 there.
    """
    x = as_array(x)
    if x.dtype.kind == "c":
        raise DtypeError("i0 not supported for complex values")
    return bessel_i(0, x if x.dtype.kind == "f" else convert_element_type(x, np.float64))
