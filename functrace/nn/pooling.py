"""Pooling: the greatest or the mean of windows over the spatial axes, channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import numpy as fnp
from ..core.aval import ShapeDtypeStruct
from ..lax.elementwise import add, max_
from ..lax.reduce_window import reduce_window
from ..transforms.jit import eval_shape
from .convolution import Padding
from .layer import Layer, Shape, check_rank, stateless


def max_pool(
    inputs: Any, window_shape: Sequence[int], strides: Sequence[int] | None = None, padding: Padding = "VALID"
) -> Any:
    """The greatest element of each window.

    Parameters
    ----------
    inputs
        (batch, …, channels).
    window_shape
        For each spatial axis.
    strides
        By how much the window moves; by default by 1.
    padding
        "SAME", "VALID" or pairs: what is padded is never the greatest.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool(np.arange(4.0).reshape(1, 4, 1), (2,), (2,))[0, :, 0]
    array([1., 3.])
    """
    least = -np.inf if inputs.dtype.kind == "f" else np.iinfo(inputs.dtype).min
    return _pooled(inputs, inputs.dtype.type(least), max_, window_shape, strides, padding)


def avg_pool(
    inputs: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window.

    Parameters
    ----------
    inputs, window_shape, strides, padding
        As for `max_pool`; what is padded is 0.
    count_include_pad
        Whether it counts in the mean.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool(np.arange(4.0).reshape(1, 4, 1), (2,), (2,))[0, :, 0]
    array([0.5, 2.5])
    """
    total = _pooled(inputs, inputs.dtype.type(0), add, window_shape, strides, padding)
    if count_include_pad:
        return total / int(np.prod(window_shape))
    ones = fnp.ones((1, *inputs.shape[1:-1], 1), inputs.dtype)
    return total / _pooled(ones, inputs.dtype.type(0), add, window_shape, strides, padding)


def MaxPool(window_shape: Sequence[int], strides: Sequence[int] | None = None, padding: Padding = "VALID") -> Layer:
    """The layer of `max_pool`; by default the window moves by its own size.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.MaxPool((2, 2)).init(random.key(0), (-1, 28, 28, 6))[0]
    (-1, 14, 14, 6)
    """
    steps = tuple(window_shape) if strides is None else strides
    return _layer(f"MaxPool({tuple(window_shape)})", window_shape, lambda x: max_pool(x, window_shape, steps, padding))


def AvgPool(
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Layer:
    """The layer of `avg_pool`; by default the window moves by its own size.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.AvgPool((2, 2)).init(random.key(0), (-1, 28, 28, 6))[0]
    (-1, 14, 14, 6)
    """
    steps = tuple(window_shape) if strides is None else strides
    return _layer(
        f"AvgPool({tuple(window_shape)})",
        window_shape,
        lambda x: avg_pool(x, window_shape, steps, padding, count_include_pad),
    )


def GlobalAvgPool() -> Layer:
    """The mean over all spatial axes."""
    return stateless(
        "GlobalAvgPool", lambda shape: (shape[0], shape[-1]), lambda x: fnp.mean(x, tuple(range(1, x.ndim - 1)))
    )


def _pooled(
    inputs: Any, start: Any, combine: Callable, window: Sequence[int], strides: Sequence[int] | None, padding: Padding
) -> Any:
    steps = (1,) * len(window) if strides is None else tuple(strides)
    pads = padding if isinstance(padding, str) else [(0, 0), *padding, (0, 0)]
    return reduce_window(inputs, start, combine, (1, *window, 1), (1, *steps, 1), pads)


def _layer(name: str, window: Sequence[int], pool: Callable[[Any], Any]) -> Layer:
    def output_shape(shape: Shape) -> Shape:
        check_rank(name, shape, len(window) + 2)
        return (shape[0], *eval_shape(pool, ShapeDtypeStruct((1, *shape[1:]), float)).shape[1:])

    def checked(inputs: Any) -> Any:
        check_rank(name, inputs.shape, len(window) + 2)
        return pool(inputs)

    return stateless(name, output_shape, checked)
