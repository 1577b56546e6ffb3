"""Polynomials as arrays of coefficients, that of the highest power first."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ..core.aval import result_dtype
from ..core.trace import Tracer, concrete_or_none
from ..errors import ArgumentError, ConcretizationTypeError
from ..lax.dot import matmul
from ..lax.indexing import getitem
from ..lax.shape import concatenate, convert_element_type, pad_p, reshape, shape_of, zeros_like
from .convolution import convolve
from .dispatch import as_array, implements, static_int


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    p, x = as_array(p), as_array(x)
    if not p.shape:
        raise TypeError("numpy.polyval expected a sequence of coefficients, got a scalar")
    y = zeros_like(x)
    for i in range(p.shape[0]):
        y = y * x + getitem(p, i)
    return y


# ---------------------------------------------------------------------------------------------------------------------
# arithmetic
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    a1, a2 = _aligned(a1, a2)
    return a1 + a2


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    a1, a2 = _aligned(a1, a2)
    return a1 - a2


def _coefficients(p: Any) -> Any:
    p = as_array(p)
    if p.shape == (0,):
        return np.zeros(1, p.dtype)
    return p if p.shape else reshape(p, (1,))


def _aligned(a1: Any, a2: Any) -> tuple[Any, Any]:
    """Both with as many coefficients."""
    a1, a2 = _coefficients(a1), _coefficients(a2)
    length = max(a1.shape[0], a2.shape[0])
    return _lengthened(a1, length), _lengthened(a2, length)


def _lengthened(p: Any, length: int) -> Any:
    missing = length - p.shape[0]
    return pad_p(p, p.dtype.type(0), padding_config=((missing, 0, 0),)) if missing else p


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """`numpy.polymul`, which can be traced; leading zeros are dropped where their values are known."""
    return convolve(_trimmed(a1), _trimmed(a2))


def _trimmed(p: Any) -> Any:
    """Without leading zeros, where the values are known."""
    p = _coefficients(p)
    known = concrete_or_none(p)
    if known is None:
        return p
    places = np.flatnonzero(known)
    return getitem(p, slice(int(places[0]) if len(places) else max(p.shape[0] - 1, 0), None))


@implements(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """`numpy.polydiv`, which can be traced; leading zeros of the rest are dropped where their values are known."""
    u, v = _coefficients(u), _coefficients(v)
    dtype = result_dtype(u.dtype, v.dtype, 1.0)
    rest, divisor = convert_element_type(u, dtype), convert_element_type(v, dtype)
    steps = max(u.shape[0] - v.shape[0] + 1, 1)
    leading = getitem(divisor, 0)
    quotient = []
    for step in range(steps if u.shape[0] >= v.shape[0] else 0):
        factor = getitem(rest, step) / leading
        quotient.append(reshape(factor, (1,)))
        behind = u.shape[0] - v.shape[0] - step
        rest = rest - pad_p(factor * divisor, dtype.type(0), padding_config=((step, behind, 0),))
    whole = concatenate(quotient, 0) if quotient else np.zeros(1, dtype)
    if quotient:
        rest = getitem(rest, slice(steps, None)) if v.shape[0] > 1 else np.zeros(1, dtype)
    known = concrete_or_none(rest)
    if known is not None:
        magnitude = np.abs(known) > 1e-14
        first = int(np.argmax(magnitude)) if magnitude.any() else len(known) - 1
        rest = getitem(rest, slice(first, None))
    return whole, rest


# ---------------------------------------------------------------------------------------------------------------------
# calculus
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    m = static_int(m, "polyder", "m", "a static argument")
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = _sequence(p)
    for _ in range(m):
        degree = p.shape[0] - 1
        p = getitem(p, slice(None, -1)) * np.arange(degree, 0, -1)
    return p


def _sequence(p: Any) -> Any:
    """Coefficients along one axis."""
    p = as_array(p)
    if not p.shape:
        raise TypeError("len() of unsized object: expected a sequence of coefficients, got a scalar")
    if len(p.shape) > 1:
        raise ValueError(f"expected a sequence of coefficients, got an array of shape {p.shape}")
    return p


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    m = static_int(m, "polyint", "m", "a static argument")
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants = np.zeros(m) if k is None else as_array(k)
    constants = constants if len(shape_of(constants)) else reshape(constants, (1,))
    if constants.shape[0] == 1 < m:
        constants = getitem(constants, np.zeros(m, np.intp))
    if constants.shape[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = _sequence(p)
    for i in range(m):
        parts = [p / np.arange(p.shape[0], 0, -1), getitem(constants, slice(i, i + 1))]
        dtype = result_dtype(*[part.dtype for part in parts])
        p = concatenate([convert_element_type(part, dtype) for part in parts], 0)
    return p


# ---------------------------------------------------------------------------------------------------------------------
# from roots, from points
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    roots = as_array(seq_of_zeros)
    if len(roots.shape) > 2 or (len(roots.shape) == 2 and roots.shape[0] != roots.shape[1]):
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if len(roots.shape) == 2:
        raise ArgumentError(
            f"numpy.poly of a traced value takes roots, an array of one axis, got shape {roots.shape}",
            instead="poly(functrace.numpy.linalg.eigvals(matrix))",
        )
    dtype = np.dtype(np.mintypecode(roots.dtype.char))
    roots = convert_element_type(reshape(roots, (-1,)), dtype)
    result: Any = np.ones(1, dtype)
    for i in range(roots.shape[0]):
        factor = concatenate([np.ones(1, dtype), reshape(-getitem(roots, i), (1,))], 0)
        result = convolve(result, convert_element_type(factor, dtype))
    return result


@implements(np.roots, extensions=("strip_zeros",))
def roots(p: Any, *, strip_zeros: bool = True) -> Any:
    """The roots of a polynomial, as `numpy.roots`: the eigenvalues of its companion matrix.

    Parameters
    ----------
    p
        Its coefficients, that of the highest power first.
    strip_zeros
        Whether leading zeros are left out, and trailing ones known to be roots. That needs values, so under `jit` False
        has to be written: then a leading zero makes the roots NaN.

    Returns
    -------
    array
        Complex numbers where `p` is traced; NumPy's own gives real ones where all are.

    Raises
    ------
    ConcretizationTypeError
        Which coefficients are zero cannot be known while the function is traced.
    """
    from ..lax.linalg import eigvals  # not needed at the start

    p = _coefficients(p)
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    zeros = 0
    if strip_zeros:
        known = concrete_or_none(p)
        if known is None:
            raise ConcretizationTypeError(
                f"numpy.roots has to see which coefficients are zero, got {p!r}",
                instead="roots(p, strip_zeros=False), where the first coefficient is not zero",
            )
        places = np.flatnonzero(known)
        if not len(places):
            return np.zeros(0)
        zeros = len(known) - int(places[-1]) - 1
        p = getitem(p, slice(int(places[0]), int(places[-1]) + 1))
    p = convert_element_type(p, result_dtype(p.dtype, 1.0))
    if p.shape[0] < 2:
        return np.zeros(zeros, p.dtype)
    first_row = reshape(-getitem(p, slice(1, None)) / getitem(p, 0), (1, -1))
    found = eigvals(concatenate([first_row, np.eye(p.shape[0] - 2, p.shape[0] - 1, dtype=p.dtype)], 0))
    return concatenate([found, np.zeros(zeros, found.dtype)], 0) if zeros else found


@implements(np.polyfit)
def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """`numpy.polyfit`, which can be traced by `y`: the coefficients are a linear function of it."""
    if full or cov:
        raise ArgumentError(
            "numpy.polyfit on a traced value gives the coefficients alone", instead="leave out full= and cov="
        )
    for name, value in (("x", x), ("w", w)):
        if isinstance(value, Tracer):
            raise ArgumentError(
                f"numpy.polyfit can follow y, not {name}: got {value!r}",
                instead="functrace.numpy.linalg.lstsq on functrace.numpy.vander(x, deg + 1)",
            )
    x, y = np.asarray(x, np.float64), as_array(y)
    deg = index(deg)
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if not x.size:
        raise TypeError("expected non-empty vector for x")
    if len(y.shape) not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
    powers = np.vander(x, deg + 1)
    weights = np.ones(len(x)) if w is None else np.asarray(w, np.float64)
    if weights.shape != x.shape:
        raise TypeError("expected a 1-d array for weights and w and y to have the same length")
    powers *= weights[:, None]
    scale = np.sqrt((powers * powers).sum(axis=0))
    inverse = np.linalg.pinv(powers / scale, len(x) * np.finfo(np.float64).eps if rcond is None else rcond)
    return matmul(inverse / scale[:, None] * weights, convert_element_type(y, result_dtype(y.dtype, np.float64)))
