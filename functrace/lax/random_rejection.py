"""Draws by rejection: logarithms of gamma variables, Poisson and binomial counts.

Every element has words of its own in each round, so that it does not depend on how many others were rejected, or on
which other keys are drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.primitive import Primitive
from .gamma_slope import log_gamma_slope
from .normal_distribution import BLOCK, normal_quantiles
from .philox import RETRIES, blocks, words
from .shape import batch_to_front

#: ``propose(uniforms, *parameters)``: a value for each element, and whether it is accepted.
Propose = Callable[..., tuple[np.ndarray, np.ndarray]]


def _draw_by_rejection(name: str, uniforms: int, propose: Propose) -> Primitive:
    """A primitive of keys and parameters; the parameters have the shape of the result, the axes of the keys first."""

    def impl(key: np.ndarray, *parameters: Any, dtype: np.dtype) -> Any:
        shape = np.shape(parameters[0])
        keys = np.ascontiguousarray(key).reshape(-1, 2)
        flat = [np.asarray(parameter, np.float64).reshape(-1) for parameter in parameters]
        with np.errstate(all="ignore"):
            return _as_dtype(_rejection(keys, flat, uniforms, propose), dtype).reshape(shape)[()]

    def batch(size: int, args: Sequence, dims: Sequence, *, dtype: np.dtype) -> tuple[Any, int]:
        fronts = [batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]
        return primitive(*fronts, dtype=dtype), 0

    primitive = Primitive(
        name, impl, lambda key, first, *others, dtype: Aval(first.shape, dtype), batch=batch, creates=True
    )
    return primitive


def _rejection(keys: np.ndarray, parameters: list[np.ndarray], uniforms: int, propose: Propose) -> np.ndarray:
    each = len(parameters[0]) // max(len(keys), 1)
    drawn = words(keys, each * uniforms).reshape(-1, uniforms)
    out = np.empty(len(drawn))
    rejected = []
    for start in range(0, len(out), BLOCK):
        part = slice(start, start + BLOCK)
        out[part], accepted = propose(_uniforms(drawn[part]), *[parameter[part] for parameter in parameters])
        rejected.append(start + np.flatnonzero(~accepted))
    waiting = np.concatenate([np.empty(0, np.intp), *rejected])
    retries = 0
    while waiting.size:
        retries += 1
        again = blocks(keys[waiting // each], (waiting % each).astype(np.uint64), retries, RETRIES)
        out[waiting], accepted = propose(_uniforms(again), *[parameter[waiting] for parameter in parameters])
        waiting = waiting[~accepted]
    return out


def _uniforms(drawn: np.ndarray) -> np.ndarray:
    """A row for each word of an element, of numbers between 0 and 1, neither of them among them."""
    return ((drawn.T >> np.uint64(12)) + 0.5) * 2.0**-52


def _as_dtype(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Counts that are not numbers are -1 as integers."""
    return np.where(np.isfinite(values), values, -1).astype(dtype) if dtype.kind in "iu" else values.astype(dtype)


# ---------------------------------------------------------------------------------------------------------------------
# gamma
# ---------------------------------------------------------------------------------------------------------------------


def _propose_log_gamma(uniforms: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Marsaglia's and Tsang's method for a ≥ 1; below it, that of a + 1 times a power of a uniform variable.

    G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000).
    """
    d = a + (a < 1) - 1 / 3
    x = normal_quantiles(uniforms[0])
    v = 1 + x / np.sqrt(9 * d)
    cube = v * v * v
    log_cube = 3 * np.log(v)
    accepted = np.log(uniforms[1]) < 0.5 * x * x + d - d * cube + d * log_cube
    value = np.log(d) + log_cube
    small = np.flatnonzero(a < 1)
    value[small] += np.log(uniforms[2][small]) / a[small]
    value = np.where(a >= 0, np.where(a < math.inf, value, math.inf), math.nan)
    return value, (accepted & (v > 0)) | ~((a >= 0) & (a < math.inf))


def _by_shape(tangent: Any, out: Any, a: Any) -> Any:
    return tangent * log_gamma_slope(a, out)


random_log_gamma_p = _draw_by_rejection("random_log_gamma", 3, _propose_log_gamma)
random_log_gamma_p.jvp = lambda primals, tangents, out, *, dtype: (
    None if tangents[1] is None else _by_shape(tangents[1], out, primals[1])
)
random_log_gamma_p.vjp = (None, lambda ct, out, key, a, *, dtype: _by_shape(ct, out, a))

# ---------------------------------------------------------------------------------------------------------------------
# counts
# ---------------------------------------------------------------------------------------------------------------------

_FEW = 10  # where the mean is below, the distribution function is inverted by adding up probabilities


def _propose_poisson(uniforms: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W. Hörmann, "The transformed rejection method for generating Poisson random variables", Insurance 12 (1993)."""
    few = np.flatnonzero((rate > 0) & (rate < _FEW))
    value = np.where(rate == 0, 0.0, math.nan)
    accepted = ~((rate >= _FEW) & (rate < math.inf))
    many = np.flatnonzero(~accepted)
    if few.size:
        r = rate[few]
        value[few] = _inverted(uniforms[0][few], np.exp(-r), lambda k: r / (k + 1))
    if many.size:
        mean, u, v = rate[many], uniforms[0][many] - 0.5, uniforms[1][many]
        b = 0.931 + 2.53 * np.sqrt(mean)
        a = -0.059 + 0.02483 * b
        distance = 0.5 - np.abs(u)
        k = np.floor((2 * a / distance + b) * u + mean + 0.43)
        quick = (distance >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2))
        hopeless = (k < 0) | ((distance < 0.013) & (v > distance))
        hat = np.log(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / distance**2 + b))
        value[many] = k
        accepted[many] = quick | (~hopeless & (hat <= k * np.log(mean) - mean - _log_factorial(k)))
    return value, accepted


def _propose_binomial(uniforms: np.ndarray, n: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W. Hörmann, "The generation of binomial random variates", J. Statistical Computation and Simulation 46 (1993)."""
    n = np.floor(n)
    valid = (n >= 0) & (n < math.inf) & (p >= 0) & (p <= 1)
    less = np.minimum(p, 1 - p)
    value = np.full(n.shape, math.nan)
    accepted = ~(valid & (n * less >= _FEW))
    few, many = np.flatnonzero(valid & accepted), np.flatnonzero(~accepted)
    if few.size:
        trials, odds = n[few], less[few] / (1 - less[few])
        none = np.exp(trials * np.log1p(-less[few]))
        value[few] = _inverted(uniforms[0][few], none, lambda k: np.maximum(trials - k, 0) / (k + 1) * odds)
    if many.size:
        trials, q, u, v = n[many], less[many], uniforms[0][many] - 0.5, uniforms[1][many]
        spread = np.sqrt(trials * q * (1 - q))
        b = 1.15 + 2.53 * spread
        a = -0.0873 + 0.0248 * b + 0.01 * q
        distance = 0.5 - np.abs(u)
        k = np.floor((2 * a / distance + b) * u + trials * q + 0.5)
        quick = (distance >= 0.07) & (v <= 0.92 - 4.2 / b)
        possible = (k >= 0) & (k <= trials)
        k_or_0 = np.where(possible, k, 0)
        mode = np.floor((trials + 1) * q)
        hat = np.log(v * (2.83 + 5.1 / b) * spread / (a / distance**2 + b))
        ratio = (
            _log_factorial(mode)
            + _log_factorial(trials - mode)
            - _log_factorial(k_or_0)
            - _log_factorial(trials - k_or_0)
            + (k_or_0 - mode) * np.log(q / (1 - q))
        )
        value[many] = k
        accepted[many] = possible & (quick | (hat <= ratio))
    return np.where(p > 0.5, n - value, value), accepted


def _inverted(u: np.ndarray, probability: np.ndarray, ratio: Callable[[int], np.ndarray]) -> np.ndarray:
    """The least count whose distribution function reaches `u`; ``ratio(k)`` is P(k + 1) / P(k)."""
    total, counts, k = probability.copy(), np.zeros(u.shape), 0
    while True:
        probability = probability * ratio(k)
        more = (u > total) & (probability > 1e-30)  # the sum may stay a rounding error below 1
        if not np.any(more):
            return counts
        counts += more
        total += probability
        k += 1


def _log_factorial(k: np.ndarray) -> np.ndarray:
    """Of whole numbers: from a table, and from 10 on by Stirling's series (DLMF 5.11.1)."""
    x = np.maximum(k, 9) + 1
    inverse = 1 / (x * x)
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x
    large = (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + series
    return np.where(k < 10, _LOG_FACTORIALS[np.clip(k, 0, 9).astype(np.intp)], large)


_LOG_FACTORIALS = np.array([math.log(math.factorial(k)) for k in range(10)])

random_poisson_p = _draw_by_rejection("random_poisson", 2, _propose_poisson)
random_binomial_p = _draw_by_rejection("random_binomial", 2, _propose_binomial)
