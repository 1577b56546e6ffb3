"""Convolutions of one to three spatial axes, channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import random
from ..core.aval import ShapeDtypeStruct
from ..errors import OptionError
from ..lax.conv import conv_general_dilated, conv_transpose
from ..transforms.jit import eval_shape
from .initializers import Initializer, lecun_normal, zeros
from .layer import Layer, Shape, check_features, check_rank

Padding = str | Sequence[tuple[int, int]]


def Conv(
    features: int,
    kernel_size: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    padding: Padding = "SAME",
    kernel_dilation: int | Sequence[int] = 1,
    feature_group_count: int = 1,
    use_bias: bool = True,
    kernel_init: Initializer | None = None,
    bias_init: Initializer = zeros,
    dtype: Any = float,
) -> Layer:
    """A convolution.

    Parameters
    ----------
    features
        How many output channels there are.
    kernel_size
        The window: one int for each spatial axis (one to three); an int alone is one axis.
    strides, kernel_dilation
        By how much the window moves, and how far its elements are apart.
    padding
        "SAME", "VALID", or for each axis how many zeros come in front and behind.
    feature_group_count
        In how many groups the channels are convolved each for itself.
    use_bias, kernel_init, bias_init, dtype
        As for `Dense`.

    Returns
    -------
    Layer
        Of inputs (batch, …, channels): outputs (batch, …, features); the parameters are
        ``{"kernel": (*kernel_size, channels / groups, features), "bias": (features,)}``.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.Conv(8, (3, 3), strides=2).init(random.key(0), (-1, 28, 28, 1))[0]
    (-1, 14, 14, 8)
    """
    window = _ints(kernel_size)
    rank = _rank("Conv", window)
    name = f"Conv({features}, {window})"

    def convolve(inputs: Any, kernel: Any) -> Any:
        return conv_general_dilated(
            inputs,
            kernel,
            _spread(strides, rank),
            padding if isinstance(padding, str) else list(padding),
            rhs_dilation=_spread(kernel_dilation, rank),
            dimension_numbers=_NUMBERS[rank],
            feature_group_count=feature_group_count,
        )

    return _layer(name, features, window, feature_group_count, convolve, use_bias, kernel_init, bias_init, dtype)


def ConvTranspose(
    features: int,
    kernel_size: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    padding: Padding = "SAME",
    kernel_dilation: int | Sequence[int] = 1,
    use_bias: bool = True,
    kernel_init: Initializer | None = None,
    bias_init: Initializer = zeros,
    dtype: Any = float,
) -> Layer:
    """A convolution that makes images larger, as the gradient of a strided one does.

    Parameters are those of `Conv`; the strides say by how much the output is larger.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.ConvTranspose(8, (3, 3), strides=2).init(random.key(0), (-1, 7, 7, 16))[0]
    (-1, 14, 14, 8)
    """
    window = _ints(kernel_size)
    rank = _rank("ConvTranspose", window)
    name = f"ConvTranspose({features}, {window})"

    def convolve(inputs: Any, kernel: Any) -> Any:
        return conv_transpose(
            inputs,
            kernel,
            _spread(strides, rank),
            padding if isinstance(padding, str) else list(padding),
            rhs_dilation=_spread(kernel_dilation, rank),
            dimension_numbers=_NUMBERS[rank],
        )

    return _layer(name, features, window, 1, convolve, use_bias, kernel_init, bias_init, dtype)


_NUMBERS = {1: ("NHC", "HIO", "NHC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NHWDC", "HWDIO", "NHWDC")}


def _layer(
    name: str,
    features: int,
    window: tuple[int, ...],
    groups: int,
    convolve: Callable[[Any, Any], Any],
    use_bias: bool,
    kernel_init: Initializer | None,
    bias_init: Initializer,
    dtype: Any,
) -> Layer:
    first = kernel_init or lecun_normal()

    def init(key: Any, input_shape: Shape) -> tuple[Shape, Any]:
        batch, *spatial, channels = check_rank(name, input_shape, len(window) + 2)
        if channels % groups or features % groups:
            raise OptionError(f"{name}: {channels} channels and {features} features are to be in {groups} groups")
        kernel_key, bias_key = random.split(key)
        shape = (*window, channels // groups, features)
        params = {"kernel": first(kernel_key, shape, dtype)}
        if use_bias:
            params["bias"] = bias_init(bias_key, (features,), dtype)
        out = eval_shape(convolve, ShapeDtypeStruct((1, *spatial, channels), dtype), ShapeDtypeStruct(shape, dtype))
        return (batch, *out.shape[1:]), params

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        check_rank(name, inputs.shape, len(window) + 2)
        check_features(name, inputs, params["kernel"].shape[-2] * groups)
        out = convolve(inputs, params["kernel"])
        return out + params["bias"] if use_bias else out

    return Layer(name, init, apply)


def _ints(value: int | Sequence[int]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


def _spread(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _rank(name: str, window: tuple[int, ...]) -> int:
    if len(window) not in _NUMBERS:
        raise OptionError(f"{name} expected a kernel_size of one to three axes, got {window}")
    return len(window)
