"""Those functions of scipy.special that are no ufuncs: reductions in the log domain, and what is made of ufuncs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from ..core.aval import result_dtype
from ..core.trace import Tracer, concrete_or_none
from ..errors import ArgumentError, OptionError
from ..lax import bessel_functions, gamma_functions, integrals, log_domain
from ..lax.elementwise import abs_, exp, is_finite, log, real, sign, stop_gradient, where
from ..lax.reduction import reduce_max
from ..lax.shape import broadcast_to, canonical_axes, convert_element_type, dtype_of, ndim_of, reduce_sum, shape_of
from ..lax.special import scipy_ufunc
from ..lazy import import_extra
from ..numpy.dispatch import OPERATIONS, as_array, as_operand, static
from .special_ufuncs import public, scipy_special


def _function(traced: Callable) -> Callable:
    """Decorate what serves traced values, and arrays where SciPy is missing: it becomes the public function."""
    return public(getattr(scipy_special, traced.__name__, traced), traced.__name__, traced)


# ---------------------------------------------------------------------------------------------------------------------
# in the log domain
# ---------------------------------------------------------------------------------------------------------------------


@_function
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """`scipy.special.logsumexp`, which can be traced: log(sum(b exp(a))), without overflow.

    An element whose weight `b` is zero adds nothing, whatever it is. The derivative by such a weight is that of the
    sum, where ``jax.scipy.special.logsumexp`` gives zero.
    """
    a = _inexact(a)
    if b is None and not return_sign:
        return log_domain.logsumexp(a, axis, keepdims)
    if b is not None:
        b = convert_element_type(as_operand(b), result_dtype(a, as_operand(b)))
        a = convert_element_type(a, dtype_of(b))
        shape = np.broadcast_shapes(shape_of(a), shape_of(b))
        a, b = broadcast_to(a, shape), broadcast_to(b, shape)
    axes = canonical_axes(axis, ndim_of(a))
    least = real(a).dtype.type(-math.inf)
    if 0 in shape_of(a):
        top = real(a).dtype.type(0)
    else:
        counted = real(a) if b is None else where(b == 0, least, real(a))
        top = stop_gradient(reduce_max(counted, axes, True))
        top = where(is_finite(top), top, top.dtype.type(0))
    terms = exp(a - top)
    if b is not None:
        empty = (b == 0) & ~is_finite(abs_(terms))
        terms = b * where(empty, a.dtype.type(0), exp(where(empty, a.dtype.type(0), a - top)))
    total = reduce_sum(terms, axes, keepdims)
    top = top if keepdims or not ndim_of(top) else reduce_sum(top, axes)
    if return_sign:
        return log(abs_(total)) + top, sign(total)
    if total.dtype.kind == "f":  # NaN where the sum is negative, without NumPy's warning, as SciPy's
        total = where(total < 0, total.dtype.type(math.nan), total)
    return log(total) + top


@_function
def softmax(x: Any, axis: Any = None) -> Any:
    """`scipy.special.softmax`, which can be traced: exp(x) over its sum."""
    x = _inexact(x)
    axes = canonical_axes(axis, ndim_of(x))
    shifted = exp(x - stop_gradient(reduce_max(x, axes, True)))
    return shifted / reduce_sum(shifted, axes, True)


@_function
def log_softmax(x: Any, axis: Any = None) -> Any:
    """`scipy.special.log_softmax`, which can be traced: the logarithm of softmax."""
    x = _inexact(x)
    axes = canonical_axes(axis, ndim_of(x))
    top = stop_gradient(reduce_max(x, axes, True))
    shifted = x - where(is_finite(top), top, x.dtype.type(0))
    return shifted - log(reduce_sum(exp(shifted), axes, True))


def _inexact(x: Any) -> Any:
    x = as_array(x)
    return x if x.dtype.kind in "fc" else convert_element_type(x, np.float64)


# ---------------------------------------------------------------------------------------------------------------------
# the gamma family
# ---------------------------------------------------------------------------------------------------------------------


@_function
def zeta(x: Any, q: Any = None, out: None = None) -> Any:
    """`scipy.special.zeta`, which can be traced: of Hurwitz, with its derivative by `q`; of Riemann without `q`."""
    if q is None:
        return gamma_functions.riemann_zeta(as_operand(x))
    return gamma_functions.zeta(as_operand(x), as_operand(q))


@_function
def polygamma(n: Any, x: Any) -> Any:
    """`scipy.special.polygamma`, which can be traced: the derivative of order `n` of the digamma function."""
    value = gamma_functions.polygamma(as_operand(n), as_operand(x))
    return convert_element_type(value, np.result_type(dtype_of(value), np.float64))


@_function
def multigammaln(a: Any, d: Any) -> Any:
    """`scipy.special.multigammaln`, which can be traced: the logarithm of the multivariate gamma function.

    Its condition on `a` is checked where the values are known.
    """
    d = static(d, "multigammaln", "d", "an int")
    if np.ndim(d) or np.floor(d) != d:
        raise OptionError(f"multigammaln expected d, the dimension, to be a positive integer, got {d}")
    a = as_operand(a)
    known = concrete_or_none(a) if isinstance(a, Tracer) else a
    if known is not None and np.any(known <= 0.5 * (d - 1)):
        raise OptionError(f"multigammaln expected a > 0.5 (d - 1), which is {0.5 * (d - 1)}, got a = {known}")
    total: Any = 0.0
    for j in range(int(d)):
        total = total + gamma_functions.lgamma(a - 0.5 * j)
    return convert_element_type(total, np.float64) + d * (d - 1) * 0.25 * math.log(math.pi)


@_function
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """`scipy.special.factorial`, which can be traced: Γ(n + 1), and 0 for negative `n`."""
    n = as_operand(n)
    _refuse_exact("factorial", exact)
    if extend == "complex":
        return gamma_functions.gamma(n + 1.0)
    if extend != "zero":
        raise OptionError(f"factorial expected extend to be 'zero' or 'complex', got {extend!r}")
    return _where_defined(n >= 0, lambda n: gamma_functions.gamma(n + 1.0), n)


@_function
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """`scipy.special.comb`, which can be traced: the number of ways to choose `k` of `N`."""
    N, k = as_operand(N), as_operand(k)
    _refuse_exact("comb", exact)
    if repetition:
        ways = gamma_functions.binom(N + k - 1, k)
        return where((k == 0) & (N >= 0), dtype_of(ways).type(1), ways)
    return _where_defined((k <= N) & (N >= 0) & (k >= 0), gamma_functions.binom, N, k)


@_function
def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """`scipy.special.perm`, which can be traced: the number of ways to order `k` of `N`."""
    N, k = as_operand(N), as_operand(k)
    _refuse_exact("perm", exact)
    return _where_defined((k <= N) & (N >= 0) & (k >= 0), lambda N, k: gamma_functions.poch(N - k + 1, k), N, k)


def _where_defined(defined: Any, function: Callable, *operands: Any) -> Any:
    """The function of counts where they make sense, else 0 with no slope; a NaN stays one."""
    missing = reduce(lambda x, y: x | y, [operand != operand for operand in operands])
    counted = function(*[where(defined | missing, operand, dtype_of(operand).type(1)) for operand in operands])
    return where(defined | missing, counted, dtype_of(counted).type(0))


def _refuse_exact(function: str, exact: bool) -> None:
    if exact:
        raise ArgumentError(
            f"scipy.special.{function}: exact=True counts with Python's integers, which cannot be traced",
            instead=f"{function}(..., exact=False)",
        )


def bernoulli(n: int) -> np.ndarray:
    """`scipy.special.bernoulli`: the Bernoulli numbers up to an `n` that is known while a function is traced."""
    known = static(n, "bernoulli", "n", "an int, or an argument in static_argnums")
    return import_extra("scipy.special", "scipy", "functrace.scipy.special.bernoulli").bernoulli(known)


# ---------------------------------------------------------------------------------------------------------------------
# others
# ---------------------------------------------------------------------------------------------------------------------


def bessel_jn(z: Any, *, v: int, n_iter: int = 50) -> Any:
    """The Bessel functions of the first kind of the orders 0 to `v`, along a new first axis, as in JAX.

    Parameters
    ----------
    z
        An array of floats.
    v
        The greatest order.
    n_iter
        The steps of JAX's recurrence: not used here, since SciPy gives every order by itself.

    Examples
    --------
    >>> print(bessel_jn(np.array([1.0]), v=1).round(3))
    [[0.765]
     [0.44 ]]
    """
    z = as_array(z)
    orders = np.arange(v + 1, dtype=z.dtype).reshape(-1, *[1] * z.ndim)
    return bessel_functions.jv(orders, z)


@_function
def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    """`scipy.special.lambertw`, which can be traced: the complex branch `k` of W, where W exp(W) = z."""
    return _lambertw(as_operand(z), as_operand(k), tol)


def _lambertw(z: Any, k: Any, tol: Any) -> Any:
    z = convert_element_type(z, np.complex128)
    return integrals.lambertw(z, convert_element_type(k, np.int_), np.float64(tol))


if scipy_special is not None:
    OPERATIONS[scipy_ufunc("_lambertw").load()] = _lambertw
