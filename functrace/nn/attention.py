"""Attention: each query a weighted mean of the values, by how well it fits their keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import numpy as fnp
from .. import random
from ..errors import ArgumentError, DtypeError, OptionError, ShapeError
from ..lax.shape import dtype_of, shape_of
from .activations import softmax
from .checks import check_count, check_features, check_known, check_params, check_rank
from .initializers import Initializer, glorot_uniform, zeros
from .layer import Layer


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    query_seq_lengths: Any = None,
    key_value_seq_lengths: Any = None,
    local_window_size: int | tuple[int, int] | None = None,
) -> Any:
    """softmax(query · key / √H + bias) · value.

    Parameters
    ----------
    query
        (B, T, N, H): batch, time, heads, features; or without the batch.
    key, value
        (B, S, K, H), with K heads that divide N: each serves N / K neighbouring heads of the query.
    bias
        Added to the logits: broadcasts to (B, N, T, S).
    mask
        Booleans that broadcast to (B, N, T, S): which keys a query sees. A query that sees none has the mean of all
        values.
    scale
        In place of 1 / √H.
    is_causal
        Whether a query sees the keys up to its own time alone.
    query_seq_lengths, key_value_seq_lengths
        (B,): how much of each example is no padding. What belongs to padded queries is 0.
    local_window_size
        How many keys before and after its own time a query sees: one number, or two.

    Returns
    -------
    numpy.ndarray
        The shape of `query`.

    Raises
    ------
    ShapeError
        The shapes do not fit each other.
    DtypeError
        The mask is not of booleans.

    References
    ----------
    A. Vaswani et al., Attention is all you need, 2017, arXiv:1706.03762.

    Examples
    --------
    >>> import numpy as np
    >>> q = k = v = np.eye(2).reshape(1, 2, 1, 2)
    >>> dot_product_attention(q, k, v, is_causal=True)[0, 0, 0]
    array([1., 0.])
    """
    is_single = len(shape_of(query)) == 3
    if is_single:
        query, key, value = [fnp.expand_dims(x, 0) for x in (query, key, value)]
    _check(query, key, value)
    times, heads, features = query.shape[1:]
    sources, groups = key.shape[1], heads // key.shape[2]
    if groups > 1:
        key, value = fnp.repeat(key, groups, axis=2), fnp.repeat(value, groups, axis=2)
    logits = fnp.einsum("BTNH,BSNH->BNTS", query, key) * (1 / math.sqrt(features) if scale is None else scale)
    if bias is not None:
        logits = logits + bias
    seen = _seen(mask, times, sources, is_causal, local_window_size, key_value_seq_lengths)
    if query_seq_lengths is not None:
        real = fnp.arange(times) < fnp.reshape(query_seq_lengths, (-1, 1))
        shown = fnp.expand_dims(real, (1, 3))
        seen = shown if seen is None else seen & shown
    if seen is not None:
        logits = fnp.where(seen, logits, -0.7 * float(np.finfo(dtype_of(logits)).max))
    out = fnp.einsum("BNTS,BSNH->BTNH", softmax(logits), value)
    if query_seq_lengths is not None:
        out = fnp.where(fnp.expand_dims(real, (2, 3)), out, 0)
    return out[0] if is_single else out


def MultiHeadAttention(
    num_heads: int,
    features: int | None = None,
    is_causal: bool = False,
    use_bias: bool = True,
    kernel_init: Initializer | None = None,
    bias_init: Initializer = zeros,
    dtype: Any = float,
) -> Layer:
    """Attention by several heads, each with its own projections, which are joined and projected back.

    Parameters
    ----------
    num_heads
        How many heads; it divides `features`.
    features
        How many features all heads have together; by default those of the input.
    is_causal
        Whether a time sees itself and what is before it alone.
    use_bias, kernel_init, bias_init, dtype
        Of the four projections; the kernels begin as `glorot_uniform`.

    Returns
    -------
    Layer
        Of inputs (batch, time, n), which attend to themselves, or a pair of them, of which the first attends to the
        second: outputs of the (first) input's shape.

    References
    ----------
    A. Vaswani et al., Attention is all you need, 2017, arXiv:1706.03762.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer = nn.MultiHeadAttention(2)
    >>> shape, params = layer.init(random.key(0), (-1, 5, 4))
    >>> layer.apply(params, np.ones((3, 5, 4))).shape
    (3, 5, 4)
    """
    name = f"MultiHeadAttention({num_heads})"
    check_count(name, num_heads=num_heads)
    first = kernel_init or glorot_uniform()

    def init(key: Any, input_shape: Any) -> tuple[Any, Any]:
        is_pair = isinstance(input_shape, tuple | list) and isinstance(next(iter(input_shape), None), tuple | list)
        queries, memory = _pair(name, input_shape) if is_pair else (input_shape, input_shape)
        inputs, sources = [check_known(name, check_rank(name, shape, 3))[-1] for shape in (queries, memory)]
        width = features or inputs
        if width % num_heads:
            raise OptionError(f"{name}: {width} features do not fall into {num_heads} equal heads")
        extents = {
            "query": (inputs, width),
            "key": (sources, width),
            "value": (sources, width),
            "out": (width, inputs),
        }
        params = {}
        for part, (name_of_part, shape) in zip(random.split(key, 4), extents.items(), strict=True):
            kernel_key, bias_key = random.split(part)
            params[name_of_part] = {"kernel": first(kernel_key, shape, dtype)}
            if use_bias:
                params[name_of_part]["bias"] = bias_init(bias_key, shape[1:], dtype)
        return tuple(queries), params

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False, mask: Any = None) -> Any:
        check_params(name, params, dict.fromkeys(("query", "key", "value", "out")))
        queries, memory = _pair(name, inputs) if isinstance(inputs, tuple | list) else (inputs, inputs)
        check_rank(name, shape_of(queries), 3)
        check_rank(name, shape_of(memory), 3)

        def project(part: str, x: Any) -> Any:
            check_params(f"{name}, {part}", params[part], dict.fromkeys(["kernel"] + ["bias"] * use_bias))
            kernel = params[part]["kernel"]
            check_features(name, x, kernel.shape[0])
            out = x @ kernel
            return out + params[part]["bias"] if use_bias else out

        def heads(part: str, x: Any) -> Any:
            out = project(part, x)
            return out.reshape(*out.shape[:2], num_heads, -1)

        mixed = dot_product_attention(
            heads("query", queries), heads("key", memory), heads("value", memory), mask=mask, is_causal=is_causal
        )
        return project("out", mixed.reshape(*mixed.shape[:2], -1))

    return Layer(name, init, apply)


def _pair(name: str, inputs: Any) -> Any:
    if len(inputs) != 2:
        raise ArgumentError(
            f"{name} expected one input, or a pair of them, got {len(inputs)}",
            instead="(queries, memory): keys and values are both made of the second",
        )
    return inputs


def _check(query: Any, key: Any, value: Any) -> None:
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if not len(query.shape) == len(key.shape) == len(value.shape) == 4:
        raise ShapeError(f"dot_product_attention expected (batch, time, heads, features), got {shapes}")
    (batch, _, heads, features), (key_batch, _, key_heads, key_features) = query.shape, key.shape
    if (batch, features) != (key_batch, key_features) or key.shape[:3] != value.shape[:3] or heads % key_heads:
        raise ShapeError(
            "dot_product_attention expected one batch and number of features in query and key, one number of times and "
            f"heads in key and value, and heads of the query that are a multiple of theirs; got {shapes}"
        )


def _seen(
    mask: Any, times: int, sources: int, is_causal: bool, window: int | tuple[int, int] | None, lengths: Any
) -> Any:
    """Which keys a query sees: None, or booleans that broadcast to (B, N, T, S)."""
    parts = []
    if mask is not None:
        if dtype_of(mask).kind != "b":
            raise DtypeError(f"dot_product_attention expected a mask of booleans, got {dtype_of(mask)}")
        parts.append(mask)
    at, source = fnp.arange(times)[:, None], fnp.arange(sources)
    if is_causal:
        parts.append(source <= at)
    if window is not None:
        before, after = (window, window) if isinstance(window, int) else window
        parts.append((source >= at - before) & (source <= at + after))
    if lengths is not None:
        parts.append(source < fnp.reshape(lengths, (-1, 1, 1, 1)))
    out = None
    for part in parts:
        out = part if out is None else out & part
    return out
