"""Pooling: the greatest or the mean of windows over the spatial axes, channels last."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import numpy as fnp
from ..core.aval import ShapeDtypeStruct
from ..lax.elementwise import add, max_
from ..lax.reduce_window import reduce_window
from ..lax.shape import dtype_of, shape_of
from ..transforms.jit import eval_shape
from .checks import Shape, check_rank
from .convolution import Padding, check_not_empty, check_window, ints, pads, spread
from .layer import Layer, stateless


def max_pool(
    inputs: Any,
    window_shape: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> Any:
    """The greatest element of each window.

    Parameters
    ----------
    inputs
        (batch, …, channels).
    window_shape
        For each spatial axis; an int alone is one axis.
    strides
        By how much the window moves; by default by 1.
    padding
        "SAME", "VALID", an int or pairs: what is padded is never the greatest.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool(np.arange(4.0).reshape(1, 4, 1), (2,), (2,))[0, :, 0]
    array([1., 3.])
    """
    dtype = dtype_of(inputs)
    least = {"f": -np.inf, "b": False}.get(dtype.kind)
    return _pooled(
        inputs, dtype.type(np.iinfo(dtype).min if least is None else least), max_, window_shape, strides, padding
    )


def avg_pool(
    inputs: Any,
    window_shape: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
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
    zero = dtype_of(inputs).type(0)
    total = _pooled(inputs, zero, add, window_shape, strides, padding)
    if count_include_pad:
        return total / math.prod(ints(window_shape))
    ones = fnp.ones((1, *inputs.shape[1:-1], 1), inputs.dtype)
    return total / _pooled(ones, zero, add, window_shape, strides, padding)


def MaxPool(
    window_shape: int | Sequence[int], strides: int | Sequence[int] | None = None, padding: Padding = "VALID"
) -> Layer:
    """The layer of `max_pool`; by default the window moves by its own size.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.MaxPool((2, 2)).init(random.key(0), (-1, 28, 28, 6))[0]
    (-1, 14, 14, 6)
    """
    window = ints(window_shape)
    steps = window if strides is None else strides
    return _layer(f"MaxPool({window})", window, lambda x: max_pool(x, window, steps, padding))


def AvgPool(
    window_shape: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
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
    window = ints(window_shape)
    steps = window if strides is None else strides
    return _layer(f"AvgPool({window})", window, lambda x: avg_pool(x, window, steps, padding, count_include_pad))


def GlobalAvgPool() -> Layer:
    """The mean over all spatial axes.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.GlobalAvgPool().init(random.key(0), (-1, 7, 7, 64))[0]
    (-1, 64)
    """

    def output_shape(shape: Shape) -> Shape:
        batch, *_, channels = check_rank("GlobalAvgPool", shape, range(3, 99))
        return (batch, channels)

    return stateless("GlobalAvgPool", output_shape, lambda x: fnp.mean(x, tuple(range(1, x.ndim - 1))))


def _pooled(
    inputs: Any,
    start: Any,
    combine: Callable,
    window_shape: int | Sequence[int],
    strides: int | Sequence[int] | None,
    padding: Padding,
) -> Any:
    window = ints(window_shape)
    steps = spread(1 if strides is None else strides, len(window))
    given = pads(padding, len(window))
    around = given if isinstance(given, str) else [(0, 0), *given, (0, 0)]
    return reduce_window(inputs, start, combine, (1, *window, 1), (1, *steps, 1), around)


def _layer(name: str, window: Sequence[int], pool: Callable[[Any], Any]) -> Layer:
    def output_shape(shape: Shape) -> Shape:
        batch, *others = check_window(name, window, shape)
        out = eval_shape(pool, ShapeDtypeStruct((1, *others), float)).shape
        check_not_empty(name, shape, out)
        return (batch, *out[1:])

    def checked(inputs: Any) -> Any:
        check_window(name, window, shape_of(inputs))
        return pool(inputs)

    return stateless(name, output_shape, checked)
