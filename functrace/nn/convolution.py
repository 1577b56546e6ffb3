"""Convolutions of one to three spatial axes, channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import random
from ..core.aval import ShapeDtypeStruct
from ..errors import OptionError, ShapeError
from ..lax.conv import conv_general_dilated, conv_transpose
from ..lax.shape import shape_of
from ..transforms.jit import eval_shape
from .checks import Shape, check_count, check_features, check_known, check_params, check_rank
from .initializers import Initializer, lecun_normal, zeros
from .layer import Layer

Padding = str | int | Sequence[int | tuple[int, int]]


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
        "SAME", "VALID", or how many zeros come at each side: one int, or for each axis an int or a pair.
    feature_group_count
        In how many groups the channels are convolved each for itself.
    use_bias, kernel_init, bias_init, dtype
        As for `Dense`.

    Returns
    -------
    Layer
        Of inputs (batch, …, channels): outputs (batch, …, features); the parameters are
        ``{"kernel": (*kernel_size, channels / groups, features), "bias": (features,)}``.

    Raises
    ------
    OptionError
        The window has not one to three axes, or the channels or features do not fall into the groups.
    ShapeError
        By `init`: the window does not fit into the input.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.Conv(8, (3, 3), strides=2).init(random.key(0), (-1, 28, 28, 1))[0]
    (-1, 14, 14, 8)
    """
    window = ints(kernel_size)
    rank = _rank("Conv", window)
    name = f"Conv({features}, {window})"

    def convolve(inputs: Any, kernel: Any) -> Any:
        return conv_general_dilated(
            inputs,
            kernel,
            spread(strides, rank),
            pads(padding, rank),
            rhs_dilation=spread(kernel_dilation, rank),
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
    window = ints(kernel_size)
    rank = _rank("ConvTranspose", window)
    name = f"ConvTranspose({features}, {window})"

    def convolve(inputs: Any, kernel: Any) -> Any:
        return conv_transpose(
            inputs,
            kernel,
            spread(strides, rank),
            pads(padding, rank),
            rhs_dilation=spread(kernel_dilation, rank),
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
    check_count(name, features=features, feature_group_count=groups)
    first = kernel_init or lecun_normal()
    widths = {"kernel": features, "bias": features} if use_bias else {"kernel": features}

    def init(key: Any, input_shape: Shape) -> tuple[Shape, Any]:
        shape = check_known(name, check_window(name, window, input_shape))
        batch, *spatial, channels = shape
        if channels % groups or features % groups:
            raise OptionError(f"{name}: {channels} channels and {features} features are to be in {groups} groups")
        kernel_key, bias_key = random.split(key)
        kernel_shape = (*window, channels // groups, features)
        params = {"kernel": first(kernel_key, kernel_shape, dtype)}
        if use_bias:
            params["bias"] = bias_init(bias_key, (features,), dtype)
        image, kernel = ShapeDtypeStruct((1, *spatial, channels), dtype), ShapeDtypeStruct(kernel_shape, dtype)
        out = eval_shape(convolve, image, kernel)
        check_not_empty(name, shape, out.shape)
        return (batch, *out.shape[1:]), params

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        check_params(name, params, widths)
        check_window(name, window, shape_of(inputs))
        check_features(name, inputs, params["kernel"].shape[-2] * groups)
        out = convolve(inputs, params["kernel"])
        return out + params["bias"] if use_bias else out

    return Layer(name, init, apply)


def ints(value: int | Sequence[int]) -> tuple[int, ...]:
    """A window: an int alone is that of one axis."""
    return (value,) if isinstance(value, int) else tuple(value)


def spread(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """A number for each axis: an int alone is that of all."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def pads(padding: Padding, rank: int) -> str | list[tuple[int, int]]:
    """A padding by its name, or by a pair for each axis."""
    if isinstance(padding, str):
        return padding
    return [(pad, pad) if isinstance(pad, int) else tuple(pad) for pad in spread(padding, rank)]  # type: ignore[arg-type]


def check_window(layer: str, window: Sequence[int], shape: Any) -> Shape:
    """The shape of an input with one spatial axis for each of a window."""
    example = (3,) * (len(shape) - 2) if isinstance(shape, tuple | list) and len(shape) in (3, 4, 5) else (3, 3)
    instead = f"x[None] for one example, x[..., None] for one channel, or a window of other axes, as {example}"
    return check_rank(layer, shape, len(window) + 2, instead)


def check_not_empty(layer: str, shape: Shape, out: Shape) -> None:
    """Raise if a window does not fit into an input, so that nothing comes out."""
    if 0 in out and 0 not in shape:
        raise ShapeError(
            f"{layer}: the window is larger than the input of shape {shape}, and nothing would come out",
            instead="a smaller window, larger images, or padding='SAME'",
        )


def _rank(name: str, window: tuple[int, ...]) -> int:
    if len(window) not in _NUMBERS:
        raise OptionError(f"{name} expected a kernel_size of one to three axes, got {window}")
    return len(window)
