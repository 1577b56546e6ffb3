"""Polynomials as arrays of coefficients, that of the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.aval import result_dtype
from ..core.trace import concrete_or_none
from ..errors import ConcretizationTypeError
from ..lax.dot import matmul
from ..lax.elementwise import real, sqrt
from ..lax.indexing import getitem
from ..lax.shape import (
    concatenate,
    convert_element_type,
    expand_dims,
    pad_p,
    reshape,
    shape_of,
    transpose,
    zeros_like,
)
from . import reductions
from .convolution import convolve
from .creation import vander
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
    if not roots.shape:
        roots = reshape(roots, (1,))
    if len(roots.shape) > 2 or (len(roots.shape) == 2 and roots.shape[0] != roots.shape[1]):
        raise ValueError("input must be 1d or non-empty square 2d array.")
    given = roots
    if len(roots.shape) == 2:
        from .linalg import eigvals

        roots = eigvals(roots)
    if not roots.shape[0]:
        return 1.0
    dtype = np.dtype(np.mintypecode(roots.dtype.char))
    roots = convert_element_type(roots, dtype)
    result: Any = np.ones(1, dtype)
    for i in range(roots.shape[0]):
        factor = concatenate([np.ones(1, dtype), reshape(-getitem(roots, i), (1,))], 0)
        result = convolve(result, convert_element_type(factor, dtype))
    return real(result) if dtype.kind == "c" and given.dtype.kind != "c" else result  # of a real matrix


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
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    from .linalg import inv, lstsq

    order = static_int(deg, "numpy.polyfit", "deg", "a static argument") + 1
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    if order < 1:
        raise ValueError("expected deg >= 0")
    if len(x.shape) != 1:
        raise TypeError("expected 1D vector for x")
    if not x.shape[0]:
        raise TypeError("expected non-empty vector for x")
    if len(y.shape) not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    count = x.shape[0]
    if y.shape[0] != count:
        raise TypeError("expected x and y to have same length")
    rcond = count * np.finfo(x.dtype).eps if rcond is None else rcond
    powers = vander(x, order)
    if w is not None:
        w = as_array(w) + 0.0
        if len(w.shape) != 1:
            raise TypeError("expected a 1-d array for weights")
        if w.shape[0] != count:
            raise TypeError("expected w and y to have the same length")
        powers, y = powers * reshape(w, (-1, 1)), y * reshape(w, (-1, *[1] * (len(y.shape) - 1)))
    scale = sqrt(reductions.sum(powers * powers, 0))
    powers = powers / scale
    coefficients, residuals, rank, singular = lstsq(powers, y, rcond)
    coefficients = coefficients / reshape(scale, (-1, *[1] * (len(y.shape) - 1)))
    if full:
        return coefficients, residuals, rank, singular, rcond
    if not cov:
        return coefficients
    covariance = inv(matmul(transpose(powers, (1, 0)), powers)) / (reshape(scale, (-1, 1)) * scale)
    if cov != "unscaled":
        if count <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        residuals = residuals / (count - order)
        return coefficients, (covariance if len(y.shape) == 1 else expand_dims(covariance, (2,))) * residuals
    return coefficients, covariance if len(y.shape) == 1 else expand_dims(covariance, (2,))
