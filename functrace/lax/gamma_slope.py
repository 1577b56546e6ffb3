"""How a gamma variable moves with its shape parameter while the probability below it stays: the implicit derivative.

For a variable z with the distribution function F(z; a) and the density f(z; a), dz/da = -(∂F/∂a) / f. With
t = z exp(∓s) in the integrals for the lower and the upper incomplete gamma function,

    d log z / da = (log z - ψ(a)) I₀ + I₁,       Iₖ = ∫ sᵏ exp(a s - z (exp(s) - 1)) ds        (upper)
    d log z / da = (ψ(a) - log z) I₀ + I₁,       Iₖ = ∫ sᵏ exp(-a s + z (1 - exp(-s))) ds      (lower)

over s from 0 to ∞, where ψ is the digamma function. The upper form serves where log z > ψ(a + 1). Elsewhere the lower
form of a + 1 does, with F(z; a) = F(z; a + 1) + z f(z; a) / a: then every term is positive, and no digit is lost for
any a.

References
----------
M. Figurnov, S. Mohamed, A. Mnih, "Implicit reparameterization gradients", NeurIPS 2018. M. Jankowiak, F. Obermeyer,
"Pathwise derivatives beyond the reparameterization trick", ICML 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, broadcast_shapes
from ..core.primitive import Primitive
from .elementwise import batch_elementwise, exp, log, where
from .quadrature import CUT, nodes
from .shape import dtype_of, match, unbroadcast

_BLOCK = 1 << 13


def log_gamma_slope(a: Any, log_z: Any) -> Any:
    """d log z / da for a gamma variable z of the shape parameter `a`.

    Parameters
    ----------
    a
        Positive floats.
    log_z
        Floats of the same shape.

    Examples
    --------
    >>> slope = log_gamma_slope(np.array(1.0), np.log(2.0))
    >>> print(f"{slope:.6f}")  # (log 2 + exp(2) E₁(2) - ψ(1)) / 2
    0.815846
    """
    one = dtype_of(log_z).type(1)
    gap = _digamma(a + one) - log_z
    lower = gap > 0
    z, b, side = exp(log_z), where(lower, a + one, a), where(lower, one, -one)
    zeroth, first = moment_p(b, z, side, order=0), moment_p(b, z, side, order=1)
    return where(lower, (gap + z * (gap * zeroth + first)) / a, (one / a - gap) * zeroth + first)


def _digamma(x: Any) -> Any:
    """Of x ≥ 1, by the recurrence up to x + 7 (DLMF 5.5.2) and the asymptotic series there (DLMF 5.11.2)."""
    shift = sum([1 / (x + k) for k in range(7)])
    y = x + 7
    inverse = 1 / (y * y)
    series: Any = 0.0
    for coefficient in _DIGAMMA:
        series = inverse * (coefficient + series)
    return log(y) - 0.5 / y - series - shift


#: B₂ₖ / 2k, from the highest
_DIGAMMA = [-3617 / 8160, 1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12]


def _moment_impl(b: Any, z: Any, side: Any, *, order: int) -> Any:
    dtype = np.result_type(b, z)
    b, z, side = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in (b, z, side)])
    flat = [x.reshape(-1) for x in (b, z, side)]
    out = np.empty(b.size)
    with np.errstate(all="ignore"):
        for start in range(0, b.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            out[part] = _integral(flat[0][part], flat[1][part], flat[2][part], order)
    return out.reshape(b.shape).astype(dtype)[()]


def _integral(b: np.ndarray, z: np.ndarray, side: np.ndarray, order: int) -> np.ndarray:
    """∫ sᵏ exp(-r b s - z (exp(-r s) - 1)) ds from 0 to where it has fallen to nothing, by Gauss's quadrature."""
    end = np.where(side > 0, _lower_end(b, z), _upper_end(b, z))
    out = np.zeros(b.shape)
    for node, weight in zip(*nodes(), strict=True):
        s = side * end
        s *= node
        integrand = np.exp(-b * s - z * np.expm1(-s))
        integrand *= weight * node**order
        out += integrand
    return out * end ** (order + 1)


def _lower_end(b: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The root of (b - z) s + z s² / (2 + s) = cut: the exponent is below, since exp(-s) - 1 + s ≥ s² / (2 + s)."""
    half = b - z - CUT / 2
    return (np.sqrt(half * half + 2 * b * CUT) - half) / b


def _upper_end(b: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The root of (z - b) s + z s² / 2 = cut, or where exp(s) alone does it."""
    root = 2 * CUT / (z - b + np.sqrt((z - b) ** 2 + 2 * z * CUT))
    return np.minimum(root, np.maximum(1.3, np.log1p(2 * CUT / z)))


def _by_b(tangent: Any, b: Any, z: Any, side: Any, order: int) -> Any:
    return -tangent * side * moment_p(b, z, side, order=order + 1)


def _by_z(tangent: Any, out: Any, b: Any, z: Any, side: Any, order: int) -> Any:
    return tangent * (out - moment_p(b + 1, z, side, order=order))


def _moment_jvp(primals: Sequence, tangents: Sequence, out: Any, *, order: int) -> Any:
    terms, (b, z, side) = [], primals
    if tangents[0] is not None:
        terms.append(_by_b(tangents[0], b, z, side, order))
    if tangents[1] is not None:
        terms.append(_by_z(tangents[1], out, b, z, side, order))
    return match(sum(terms[1:], terms[0]), out) if terms else None


#: The moments Iₖ of (b, z, r), where r is 1 for the lower form and -1 for the upper: their derivatives are moments.
moment_p: Primitive = Primitive(
    "gamma_moment",
    _moment_impl,
    lambda b, z, side, *, order: Aval(broadcast_shapes(b.shape, z.shape, side.shape), np.result_type(b.dtype, z.dtype)),
    jvp=_moment_jvp,
    vjp=(
        lambda ct, out, b, z, side, *, order: unbroadcast(_by_b(ct, b, z, side, order), b),
        lambda ct, out, b, z, side, *, order: unbroadcast(_by_z(ct, out, b, z, side, order), z),
        None,
    ),
)
moment_p.batch = batch_elementwise(moment_p)
