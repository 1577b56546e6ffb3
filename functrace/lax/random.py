"""Draws: primitives whose result is a function of a key, a shape and parameters, and of nothing else.

Each takes a whole stack of keys, of shape (…, 2), and draws for every key what it would draw for it alone; its batching
rule only moves axes. A draw from many keys costs no loop over them, where NumPy's own generator would not be faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, Shape
from ..core.primitive import Primitive
from .elementwise import batch_elementwise
from .normal_distribution import BLOCK, normal_quantiles
from .philox import DRAWS, FOLDS, blocks, multiply_high, words
from .shape import batch_to_front, move_axis

KEY_DTYPE = np.dtype(np.uint64)


def _draw(name: str, drawn: Callable[..., np.ndarray]) -> Primitive:
    """A primitive of keys, from ``drawn(keys, count, dtype)``, an array of shape (keys, count)."""

    def impl(key: np.ndarray, *, shape: Shape, dtype: np.dtype, **params: Any) -> Any:
        out = drawn(np.ascontiguousarray(key).reshape(-1, 2), math.prod(shape), dtype, **params)
        return out.reshape((*key.shape[:-1], *shape))[()]

    def batch(size: int, args: Sequence, dims: Sequence, **params: Any) -> tuple[Any, int]:
        return primitive(move_axis(args[0], dims[0], 0), **params), 0

    primitive = Primitive(
        name,
        impl,
        lambda key, *, shape, dtype, **params: Aval((*key.shape[:-1], *shape), dtype),
        batch=batch,
        creates=True,
    )
    return primitive


# ---------------------------------------------------------------------------------------------------------------------
# bits, and the floats that are made of them
# ---------------------------------------------------------------------------------------------------------------------


def _bits(keys: np.ndarray, count: int, dtype: np.dtype, stream: int = DRAWS) -> np.ndarray:
    """The words of a stream, cut into smaller ones from their lower ends."""
    pieces = 8 // dtype.itemsize
    drawn = words(keys, -(-count // pieces), stream)
    if pieces == 1:
        return drawn
    return drawn.astype("<u8", copy=False).view(f"<u{dtype.itemsize}")[:, :count].astype(dtype, copy=False)


def _uniform(keys: np.ndarray, count: int, dtype: np.dtype) -> np.ndarray:
    """K 2⁻⁵³, or k 2⁻²⁴ in single precision, where k are the upper bits."""
    precision = np.finfo(dtype).nmant + 1
    drawn = _bits(keys, count, _word_of(dtype))
    drawn >>= drawn.dtype.type(8 * dtype.itemsize - precision)
    return np.multiply(drawn, dtype.type(2.0**-precision), dtype=dtype)


def _inner_uniform(keys: np.ndarray, count: int, dtype: np.dtype) -> np.ndarray:
    """(k + 1/2) 2⁻⁵², or (k + 1/2) 2⁻²³: neither 0 nor 1, and exact."""
    return _middles(_bits(keys, count, _word_of(dtype)), dtype)


def _middles(drawn: np.ndarray, dtype: np.dtype) -> np.ndarray:
    precision = np.finfo(dtype).nmant
    out = np.add(drawn >> drawn.dtype.type(8 * dtype.itemsize - precision), dtype.type(0.5), dtype=dtype)
    out *= dtype.type(2.0**-precision)
    return out


def _normal(keys: np.ndarray, count: int, dtype: np.dtype) -> np.ndarray:
    drawn = _bits(keys, count, _word_of(dtype)).reshape(-1)
    out = drawn.view(dtype)  # in their place: to touch new memory costs as much as the arithmetic
    for start in range(0, len(drawn), BLOCK):
        part = slice(start, start + BLOCK)
        out[part] = normal_quantiles(_middles(drawn[part], dtype).astype(np.float64, copy=False))
    return out.reshape(len(keys), count)


def _word_of(dtype: np.dtype) -> np.dtype:
    return np.dtype(f"u{dtype.itemsize}")


random_bits_p = _draw("random_bits", _bits)
random_uniform_p = _draw("random_uniform", _uniform)
random_inner_uniform_p = _draw("random_inner_uniform", _inner_uniform)
random_normal_p = _draw("random_normal", _normal)

# ---------------------------------------------------------------------------------------------------------------------
# integers folded into keys
# ---------------------------------------------------------------------------------------------------------------------


def _fold_in_impl(key: np.ndarray, data: Any) -> np.ndarray:
    folded = blocks(key.reshape(-1, 2), np.asarray(data, KEY_DTYPE).reshape(-1), stream=FOLDS)[:, :2]
    return folded.reshape(key.shape)


def _fold_in_batch(size: int, args: Sequence, dims: Sequence) -> tuple[Any, int]:
    return random_fold_in_p(*[batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]), 0


random_fold_in_p = Primitive(
    "random_fold_in",
    _fold_in_impl,
    lambda key, data: Aval(key.shape, key.dtype),
    batch=_fold_in_batch,
    creates=True,
)

# ---------------------------------------------------------------------------------------------------------------------
# integers below a bound
# ---------------------------------------------------------------------------------------------------------------------


def _scale_bits_impl(bits: Any, span: Any) -> Any:
    """floor(bits span / 2⁶⁴), which is even up to 1 part in 2⁶⁴ / span; a span of 0 stands for 2⁶⁴."""
    bits, span = np.asarray(bits), np.asarray(span)
    if np.min(span, initial=1) > 0 and np.max(span, initial=1) <= _LOW_HALF:  # products of halves stay below 2⁶⁴
        return ((bits >> _HALF) * span + ((bits & _LOW_HALF) * span >> _HALF) >> _HALF)[()]
    with np.errstate(over="ignore"):
        return np.where(span == 0, bits, multiply_high(bits, span))[()]


_HALF, _LOW_HALF = KEY_DTYPE.type(32), KEY_DTYPE.type((1 << 32) - 1)

scale_bits_p = Primitive(
    "scale_bits",
    _scale_bits_impl,
    lambda bits, span: Aval(np.broadcast_shapes(bits.shape, span.shape), KEY_DTYPE),
)
scale_bits_p.batch = batch_elementwise(scale_bits_p)
