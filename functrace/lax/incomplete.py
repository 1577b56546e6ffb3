"""Incomplete gamma and beta functions, their inverses, and their derivatives by every parameter, of any order.

Of the gamma function the derivative by `a` is that of `log_gamma_slope`, times the density. The beta function I is an
integral of a density p over [0, x], and its derivatives by `a` and `b` are integrals of p times a polynomial in the
logarithm of the variable: with L = log p, the derivatives of p over p are the complete Bell polynomials of those of L.
The whole integral of each is 0, so that the tail beyond x serves as well, and the one that is smaller is taken.

The integrals run from x outward, toward 0 over the logarithm of the variable. So the integrand is smooth and decays
exponentially, and the trapezoidal rule converges exponentially after the double-exponential change of variables
s = exp(v - exp(-v)): H. Takahasi and M. Mori, "Double exponential formulas for numerical integration", Publications of
the RIMS 9 (1974).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, aval_of, broadcast_shapes, ufunc_dtype
from ..core.primitive import Primitive
from .elementwise import batch_elementwise, div, exp, log, log1p, where
from .entropy import xlog1py, xlogy
from .gamma_functions import betaln, lgamma, polygamma
from .gamma_slope import log_gamma_slope
from .shape import convert_element_type, dtype_of, match, unbroadcast
from .special import scipy_ufunc, special

_BLOCK = 4096  # elements whose integrands are held at a time

# ---------------------------------------------------------------------------------------------------------------------
# the densities
# ---------------------------------------------------------------------------------------------------------------------


def gamma_density(a: Any, x: Any) -> Any:
    """x ** (a - 1) exp(-x) / Γ(a), the slope of P(a, x)."""
    finite = where(x == math.inf, dtype_of(x).type(1), x)
    return exp(xlogy(a - 1, finite) - x - lgamma(a))


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """x ** (a - 1) (1 - x) ** (b - 1) / B(a, b), the slope of I(a, b, x)."""
    return exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def _bell(orders: tuple[int, ...], cumulant: Callable[[tuple[int, ...]], Any]) -> Any:
    """The derivative of these orders of exp(L), over exp(L), from those of L: the complete Bell polynomial.

    It follows from (exp L)' = L' exp L by Leibniz's rule. `cumulant` gives the derivatives of L.
    """
    known: dict[tuple[int, ...], Any] = {}
    for wanted in itertools.product(*[range(order + 1) for order in orders]):
        axis = next((axis for axis, order in enumerate(wanted) if order), None)
        if axis is None:
            known[wanted] = 1.0
            continue
        below = tuple([order - (place == axis) for place, order in enumerate(wanted)])
        total: Any = None
        for part in itertools.product(*[range(order + 1) for order in below]):
            ways = math.prod([math.comb(n, k) for n, k in zip(below, part, strict=True)])
            step = tuple([k + (place == axis) for place, k in enumerate(part)])
            rest = tuple([n - k for n, k in zip(below, part, strict=True)])
            term = ways * cumulant(step) * known[rest]
            total = term if total is None else total + term
        known[wanted] = total
    return known[orders]


# ---------------------------------------------------------------------------------------------------------------------
# I(a, b, x): its derivatives by a and b
# ---------------------------------------------------------------------------------------------------------------------


def _beta_cumulant(
    log_x: Any, log_rest: Any, a: Any, b: Any, raised: tuple[int, int], polygammas: Callable
) -> Callable[[tuple[int, ...]], Any]:
    """The derivatives of a log x + b log(1 - x) + log Γ(a + b) - log Γ(a + i) - log Γ(b + j)."""

    def cumulant(orders: tuple[int, ...]) -> Any:
        by_a, by_b = orders
        total = polygammas(by_a + by_b - 1, a + b)
        if not by_b:
            total = total - polygammas(by_a - 1, a + raised[0])
        if not by_a:
            total = total - polygammas(by_b - 1, b + raised[1])
        return total + log_x if orders == (1, 0) else total + log_rest if orders == (0, 1) else total

    return cumulant


def _ibeta_by_parameters(a: np.ndarray, b: np.ndarray, x: np.ndarray, orders: tuple[int, int]) -> np.ndarray:
    log_x, log_rest = np.log(x), np.log1p(-x)

    def boundary(a: np.ndarray, b: np.ndarray, raised: tuple[int, int]) -> np.ndarray:
        """The derivative of x ** a (1 - x) ** b Γ(a + b) / (Γ(a + i) Γ(b + j))."""
        exponent = a * log_x + b * log_rest + _gammaln(a + b) - _gammaln(a + raised[0]) - _gammaln(b + raised[1])
        return np.exp(exponent) * _bell(orders, _beta_cumulant(log_x, log_rest, a, b, raised, _polygammas))

    # I(a, b) = I(a + 1, b) + x ** a (1 - x) ** b / (a B(a, b)), and the like for b: DLMF 8.17.20, 8.17.21
    small_a, small_b = a < 1, b < 1
    edge = np.where(small_a, boundary(a, b, (1, 0)), 0)
    a = np.where(small_a, a + 1, a)
    edge = edge - np.where(small_b, boundary(a, b, (0, 1)), 0)
    b = np.where(small_b, b + 1, b)

    # the tail is one at 0, of x or of 1 - x, and is integrated over the logarithm of that
    above = x * (a + b) > a
    near, far = np.where(above, b, a)[:, None], np.where(above, a, b)[:, None]
    start, rest = np.where(above, 1 - x, x)[:, None], np.where(above, x, 1 - x)[:, None]
    odds = start / rest
    width = 1 / (np.abs(near - (far - 1) * odds) + np.sqrt((far - 1) * odds / rest))
    outward = _outward(width[:, 0])
    growth = np.log1p(-odds * np.expm1(-outward))
    log_near = np.where(above, log_rest, log_x)[:, None] - outward
    log_far = np.where(above, log_x, log_rest)[:, None] + growth
    mirrored = above[:, None]
    logs = np.where(mirrored, log_far, log_near), np.where(mirrored, log_near, log_far)
    factor = _bell(orders, _beta_cumulant(*logs, a[:, None], b[:, None], (0, 0), _polygammas))
    kernel = np.exp(a * log_x + b * log_rest - _betaln(a, b)) / rest[:, 0]
    tail = kernel * _integral(np.exp(-near * outward + (far - 1) * growth) * factor, outward)
    out = edge + np.where(above, -tail, tail)
    out[(x == 0) | (x == 1)] = 0
    out[~(a > 0) | ~(b > 0) | ~((x >= 0) & (x <= 1))] = math.nan
    return out


def _ibeta_by_x(a: Any, b: Any, x: Any, orders: tuple[int, int]) -> Any:
    cumulant = _beta_cumulant(log(x), log1p(-x), a, b, (0, 0), polygamma)
    return beta_density(a, b, x) * _bell(orders, cumulant)


# ---------------------------------------------------------------------------------------------------------------------
# the rule of integration
# ---------------------------------------------------------------------------------------------------------------------

_STEP = 0.125
_NODES = np.arange(-3.75, 5.01, _STEP)
_DISTANCES = np.exp(_NODES - np.exp(-_NODES))
_WEIGHTS = _STEP * (1 + np.exp(-_NODES))  # over the distance


def _outward(width: np.ndarray) -> np.ndarray:
    """Distances from the start, for an integrand that falls off over this width: a row for each element."""
    return width[:, None] * _DISTANCES


def _integral(values: np.ndarray, outward: np.ndarray) -> np.ndarray:
    return (values * outward) @ _WEIGHTS


_gammaln = scipy_ufunc("gammaln")
_betaln = scipy_ufunc("betaln")
_betainc = scipy_ufunc("betainc")
_psi = scipy_ufunc("psi")
_zeta = scipy_ufunc("_zeta")


def _polygammas(order: int, x: np.ndarray) -> np.ndarray:
    """Of arrays, as `polygamma` of gamma_functions."""
    return _psi(x) if order == 0 else (-1.0) ** (order + 1) * math.factorial(order) * _zeta(order + 1.0, x)


def _ibeta_impl(a: Any, b: Any, x: Any, *, orders: tuple[int, int]) -> Any:
    arrays = np.broadcast_arrays(*[np.asarray(arg, np.float64) for arg in (a, b, x)])
    out = np.empty(arrays[0].shape)
    (flat_a, flat_b, flat_x), flat_out = [array.reshape(-1) for array in arrays], out.reshape(-1)
    with np.errstate(all="ignore"):
        for start in range(0, out.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            flat_out[part] = _ibeta_by_parameters(flat_a[part], flat_b[part], flat_x[part], orders)
    return out.astype(_ibeta_abstract(aval_of(a), aval_of(b), aval_of(x), orders=orders).dtype)[()]


def _ibeta_abstract(*avals: Aval, orders: tuple[int, int]) -> Aval:
    dtype = ufunc_dtype(_betainc, tuple([(aval.dtype, aval.weak_type) for aval in avals]))[0]
    return Aval(broadcast_shapes(*[aval.shape for aval in avals]), dtype)


def _ibeta_partials(operands: Sequence, orders: tuple[int, int]) -> tuple[Callable[[], Any], ...]:
    (a, b, x), (by_a, by_b) = operands, orders
    return (
        lambda: ibeta_derivative_p(a, b, x, orders=(by_a + 1, by_b)),
        lambda: ibeta_derivative_p(a, b, x, orders=(by_a, by_b + 1)),
        lambda: _ibeta_by_x(a, b, x, orders),
    )


def _ibeta_jvp(primals: Sequence, tangents: Sequence, out: Any, *, orders: tuple[int, int]) -> Any:
    partials = zip(tangents, _ibeta_partials(primals, orders), strict=True)
    terms = [tangent * partial() for tangent, partial in partials if tangent is not None]
    return match(sum(terms[1:], terms[0]), out) if terms else None


def _ibeta_vjp(place: int) -> Callable:
    return lambda ct, out, *args, orders: unbroadcast(ct * _ibeta_partials(args, orders)[place](), args[place])


ibeta_derivative_p: Primitive = Primitive(
    "ibeta_derivative",
    _ibeta_impl,
    _ibeta_abstract,
    jvp=_ibeta_jvp,
    vjp=[_ibeta_vjp(place) for place in range(3)],
)
ibeta_derivative_p.batch = batch_elementwise(ibeta_derivative_p)

# ---------------------------------------------------------------------------------------------------------------------
# the functions and their inverses
# ---------------------------------------------------------------------------------------------------------------------


def igamma_grad_a(a: Any, x: Any) -> Any:
    """The derivative of `igamma` by `a`: 0 at both ends."""
    one = dtype_of(x).type(1)
    inside = (x > 0) & (x < math.inf)
    within = where(inside, x, one)
    at_end = where((x == 0) | (x == math.inf), one - one, one * math.nan)
    return where(inside, -gamma_density(a, within) * random_gamma_grad(a, within), at_end)


def random_gamma_grad(a: Any, x: Any) -> Any:
    """The derivative of a sample `x` of a gamma distribution by its parameter `a`, its quantile held."""
    dtype = np.result_type(dtype_of(a), dtype_of(x), np.float32)
    a, x = convert_element_type(a, dtype), convert_element_type(x, dtype)
    return x * log_gamma_slope(a, log(x))


def _ibeta_grad_a(a: Any, b: Any, x: Any) -> Any:
    return ibeta_derivative_p(a, b, x, orders=(1, 0))


def _ibeta_grad_b(a: Any, b: Any, x: Any) -> Any:
    return ibeta_derivative_p(a, b, x, orders=(0, 1))


igamma = special(
    "igamma", lambda a, x, y: igamma_grad_a(a, x), lambda a, x, y: gamma_density(a, x), scipy_name="gammainc"
)
igammac = special(
    "igammac", lambda a, x, y: -igamma_grad_a(a, x), lambda a, x, y: -gamma_density(a, x), scipy_name="gammaincc"
)
gammaincinv = special(
    "gammaincinv", lambda a, p, x: random_gamma_grad(a, x), lambda a, p, x: div(1, gamma_density(a, x))
)
gammainccinv = special(
    "gammainccinv", lambda a, p, x: random_gamma_grad(a, x), lambda a, p, x: div(-1, gamma_density(a, x))
)
betainc = special(
    "betainc",
    lambda a, b, x, y: _ibeta_grad_a(a, b, x),
    lambda a, b, x, y: _ibeta_grad_b(a, b, x),
    lambda a, b, x, y: beta_density(a, b, x),
)
betaincc = special(
    "betaincc",
    lambda a, b, x, y: -_ibeta_grad_a(a, b, x),
    lambda a, b, x, y: -_ibeta_grad_b(a, b, x),
    lambda a, b, x, y: -beta_density(a, b, x),
)
betaincinv = special(
    "betaincinv",
    lambda a, b, p, x: -_ibeta_grad_a(a, b, x) / beta_density(a, b, x),
    lambda a, b, p, x: -_ibeta_grad_b(a, b, x) / beta_density(a, b, x),
    lambda a, b, p, x: div(1, beta_density(a, b, x)),
)
betainccinv = special(
    "betainccinv",
    lambda a, b, p, x: -_ibeta_grad_a(a, b, x) / beta_density(a, b, x),
    lambda a, b, p, x: -_ibeta_grad_b(a, b, x) / beta_density(a, b, x),
    lambda a, b, p, x: div(-1, beta_density(a, b, x)),
)
