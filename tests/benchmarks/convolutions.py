"""Convolutions and pools with their gradients: each layer of LeNet-5 and of ResNet-18, a batch of 16, float32.

Sources: LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document Recognition, Proceedings of the
IEEE 86 (1998); He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition (2015), table 1.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .harness import Call, Case, Ratio

BATCH = 16
AT_MOST = 2.5  # times PyTorch's time


class Convolution(NamedTuple):
    """Square images and a square kernel, with as much padding on all sides."""

    inputs: int
    outputs: int
    side: int
    kernel: int
    stride: int
    padding: int

    @property
    def text(self) -> str:
        """The layer in words."""
        images = f"{self.inputs} channels of {self.side}x{self.side} to {self.outputs}"
        return f"{self.kernel}x{self.kernel} kernel, stride {self.stride}, {images}"

    def draw(self) -> list[Any]:
        """Images, the kernel and the result's cotangent, with the channels in front."""
        generator = np.random.default_rng(0)
        count = (self.side + 2 * self.padding - self.kernel) // self.stride + 1
        shapes = [
            (BATCH, self.inputs, self.side, self.side),
            (self.outputs, self.inputs, self.kernel, self.kernel),
            (BATCH, self.outputs, count, count),
        ]
        return [generator.standard_normal(shape, np.float32) for shape in shapes]


class Pool(NamedTuple):
    """Maxima of square windows."""

    channels: int
    side: int
    window: int
    stride: int
    padding: int

    @property
    def text(self) -> str:
        """The layer in words."""
        images = f"{self.channels} channels of {self.side}x{self.side}"
        return f"maxima of {self.window}x{self.window} windows, stride {self.stride}, {images}"

    def draw(self) -> list[Any]:
        """Images and the result's cotangent."""
        generator = np.random.default_rng(0)
        count = (self.side + 2 * self.padding - self.window) // self.stride + 1
        shapes = [(BATCH, self.channels, self.side, self.side), (BATCH, self.channels, count, count)]
        return [generator.standard_normal(shape, np.float32) for shape in shapes]


CONVOLUTIONS = {
    "lenet-conv1": Convolution(1, 6, 28, 5, 1, 2),
    "lenet-conv2": Convolution(6, 16, 14, 5, 1, 0),
    "resnet-stem": Convolution(3, 64, 224, 7, 2, 3),
    "resnet-64": Convolution(64, 64, 56, 3, 1, 1),
    "resnet-64-128": Convolution(64, 128, 56, 3, 2, 1),
    "resnet-64-128-1x1": Convolution(64, 128, 56, 1, 2, 0),
    "resnet-128": Convolution(128, 128, 28, 3, 1, 1),
    "resnet-128-256": Convolution(128, 256, 28, 3, 2, 1),
    "resnet-128-256-1x1": Convolution(128, 256, 28, 1, 2, 0),
    "resnet-256": Convolution(256, 256, 14, 3, 1, 1),
    "resnet-256-512": Convolution(256, 512, 14, 3, 2, 1),
    "resnet-256-512-1x1": Convolution(256, 512, 14, 1, 2, 0),
    "resnet-512": Convolution(512, 512, 7, 3, 1, 1),
}
POOLS = {
    "lenet-pool1": Pool(6, 28, 2, 2, 0),
    "lenet-pool2": Pool(16, 10, 2, 2, 0),
    "resnet-pool": Pool(64, 112, 3, 2, 1),
}

# ---------------------------------------------------------------------------------------------------------------------
# functrace
# ---------------------------------------------------------------------------------------------------------------------


def _convolve(layer: Convolution, x: Any, kernel: Any) -> Any:
    from functrace import lax

    return lax.conv_general_dilated(x, kernel, (layer.stride,) * 2, [(layer.padding,) * 2] * 2)


def _pool(layer: Pool, x: Any) -> Any:
    from functrace import lax

    window, strides = (1, 1, layer.window, layer.window), (1, 1, layer.stride, layer.stride)
    padding = [(0, 0)] * 2 + [(layer.padding,) * 2] * 2
    return lax.reduce_window(x, -np.inf, lax.max, window, strides, padding)


def _value(layer: Convolution | Pool) -> Any:
    return partial(_convolve if isinstance(layer, Convolution) else _pool, layer)


def _gradients(layer: Convolution | Pool) -> Any:
    """Of a convolution; of a pool the value too, with which PyTorch notes what was selected."""
    import functrace

    def gradients(*arguments: Any) -> Any:
        *inputs, cotangent = arguments
        out, pull = functrace.vjp(_value(layer), *inputs)
        return pull(cotangent) if isinstance(layer, Convolution) else (out, *pull(cotangent))

    return gradients


def forward_with_functrace(layer: Convolution | Pool) -> Call:
    """Eager."""
    inputs = layer.draw()[:-1]
    return partial(_value(layer), *inputs)


def forward_with_functrace_jit(layer: Convolution | Pool) -> Call:
    """Compiled."""
    import functrace

    return partial(functrace.jit(_value(layer)), *layer.draw()[:-1])


def gradients_with_functrace(layer: Convolution | Pool) -> Call:
    """Eager: of a convolution the backward pass alone, as for PyTorch, of a pool both passes."""
    import functrace

    *inputs, cotangent = layer.draw()
    if isinstance(layer, Pool):
        return partial(_gradients(layer), *inputs, cotangent)
    _, pull = functrace.vjp(_value(layer), *inputs)
    return lambda: pull(cotangent)


def gradients_with_functrace_jit(layer: Convolution | Pool) -> Call:
    """Compiled, where what the gradients do not need is not computed."""
    import functrace

    return partial(functrace.jit(_gradients(layer)), *layer.draw())


# ---------------------------------------------------------------------------------------------------------------------
# PyTorch
# ---------------------------------------------------------------------------------------------------------------------


def _torch_value(layer: Convolution | Pool) -> Any:
    import torch

    if isinstance(layer, Convolution):
        return partial(torch.nn.functional.conv2d, stride=layer.stride, padding=layer.padding)
    return partial(torch.nn.functional.max_pool2d, kernel_size=layer.window, stride=layer.stride, padding=layer.padding)


def forward_with_pytorch(layer: Convolution | Pool) -> Call:
    """Eager, without a tape."""
    import torch

    inputs = [torch.tensor(array) for array in layer.draw()[:-1]]
    value = _torch_value(layer)

    def forward() -> Any:
        with torch.no_grad():
            return value(*inputs)

    return forward


def gradients_with_pytorch(layer: Convolution | Pool) -> Call:
    """Of a convolution the backward pass alone, of a pool both passes."""
    import torch

    *inputs, cotangent = [torch.tensor(array) for array in layer.draw()]
    for leaf in inputs:
        leaf.requires_grad_()
    value = _torch_value(layer)
    if isinstance(layer, Convolution):
        out = value(*inputs)
        return lambda: torch.autograd.grad(out, inputs, cotangent, retain_graph=True)

    def both() -> Any:
        out = value(*inputs)
        return (out.detach(), *torch.autograd.grad(out, inputs, cotangent))

    return both


def _cases(name: str, layer: Convolution | Pool) -> list[Case]:
    forward = {
        "pytorch": forward_with_pytorch,
        "functrace-jit": forward_with_functrace_jit,
        "functrace": forward_with_functrace,
    }
    gradients = {
        "pytorch": gradients_with_pytorch,
        "functrace-jit": gradients_with_functrace_jit,
        "functrace": gradients_with_functrace,
    }
    target = Ratio("functrace-jit", "pytorch", AT_MOST, f"functrace, jitted, takes at most {AT_MOST} times PyTorch's")
    return [
        Case(
            name=f"{name}-{work}",
            text=f"{layer.text}, {work}, batch of {BATCH}, float32",
            contenders={contender: partial(setup, layer) for contender, setup in setups.items()},
            targets=(target,),
            tolerance=1e-4,
        )
        for work, setups in (("forward", forward), ("gradients", gradients))
    ]


CASES = tuple(case for name, layer in {**CONVOLUTIONS, **POOLS}.items() for case in _cases(name, layer))
