"""LeNet-5's loss and gradients: convolutions, pools of maxima, dense layers, softmax cross entropy.

Source: LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document Recognition, Proceedings of the
IEEE 86 (1998); here with pools of maxima, and the first convolution pads the images of 28 by 28 by two on each side.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .harness import Call, Case, Ratio

Array = NDArray[Any]
Params = dict[str, Array]

BATCH, SIDE, CLASSES = 64, 28, 10

# Height, width, channels in, channels out.
SHAPES = {
    "convolution_1": (5, 5, 1, 6),
    "convolution_2": (5, 5, 6, 16),
    "dense_1": (400, 120),
    "dense_2": (120, 84),
    "dense_3": (84, CLASSES),
}


def draw() -> tuple[Params, Array, Array]:
    """Draw the weights and biases, images with the channel last, and their labels as one-hot rows."""
    generator = np.random.default_rng(0)
    params = {}
    for name, shape in SHAPES.items():
        weights = generator.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))
        params[f"{name}_weights"] = weights.astype(np.float32)
        params[f"{name}_bias"] = 0.1 * generator.standard_normal(shape[-1], np.float32)
    images = generator.standard_normal((BATCH, SIDE, SIDE, 1), np.float32)
    return params, images, np.eye(CLASSES, dtype=np.float32)[generator.integers(CLASSES, size=BATCH)]


def loss(xp: Any, lax: Any, params: Any, images: Any, labels: Any) -> Any:
    """The loss with the NumPy and the lax that are given."""

    def convolve(x: Any, name: str, padding: str) -> Any:
        kernel, bias = params[f"{name}_weights"], params[f"{name}_bias"]
        channels_last = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=channels_last) + bias

    def pool(x: Any) -> Any:
        return lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def connect(x: Any, name: str) -> Any:
        return x @ params[f"{name}_weights"] + params[f"{name}_bias"]

    hidden = pool(xp.tanh(convolve(images, "convolution_1", "SAME")))
    hidden = pool(xp.tanh(convolve(hidden, "convolution_2", "VALID")))
    hidden = xp.tanh(connect(hidden.reshape(len(images), -1), "dense_1"))
    logits = connect(xp.tanh(connect(hidden, "dense_2")), "dense_3")
    logits = logits - lax.stop_gradient(xp.max(logits, axis=1, keepdims=True))
    log_probabilities = logits - xp.log(xp.sum(xp.exp(logits), axis=1, keepdims=True))
    return -xp.mean(xp.sum(labels * log_probabilities, axis=1))


def with_functrace_jit() -> Call:
    """Compiled."""
    import functrace

    arguments = draw()
    loss_and_gradients = functrace.jit(functrace.value_and_grad(partial(loss, functrace.numpy, functrace.lax)))
    return lambda: loss_and_gradients(*arguments)


def with_jax_jit() -> Call:
    """Compiled."""
    import jax

    arguments = jax.tree.map(jax.numpy.asarray, draw())
    loss_and_gradients = jax.jit(jax.value_and_grad(partial(loss, jax.numpy, jax.lax)))
    return lambda: jax.block_until_ready(loss_and_gradients(*arguments))


def with_pytorch() -> Call:
    """Eager, with the channels in front, where PyTorch has them."""
    import torch

    drawn, images, labels = draw()
    params = {name: torch.tensor(array) for name, array in drawn.items()}
    for name in ("convolution_1_weights", "convolution_2_weights"):
        params[name] = params[name].permute(3, 2, 0, 1).contiguous()
    leaves = [params[name].requires_grad_() for name in sorted(params)]
    inputs = torch.tensor(images).permute(0, 3, 1, 2).contiguous()
    classes = torch.tensor(labels.argmax(axis=1))
    convolve, pool = torch.nn.functional.conv2d, partial(torch.nn.functional.max_pool2d, kernel_size=2)

    def connect(x: Any, name: str) -> Any:
        return x @ params[f"{name}_weights"] + params[f"{name}_bias"]

    def loss_and_gradients() -> Any:
        hidden = convolve(inputs, params["convolution_1_weights"], params["convolution_1_bias"], padding=2)
        hidden = pool(torch.tanh(hidden))
        hidden = convolve(hidden, params["convolution_2_weights"], params["convolution_2_bias"])
        hidden = pool(torch.tanh(hidden))
        hidden = hidden.permute(0, 2, 3, 1).reshape(BATCH, -1)  # the dense weights expect the channels last
        hidden = torch.tanh(connect(hidden, "dense_1"))
        logits = connect(torch.tanh(connect(hidden, "dense_2")), "dense_3")
        loss = torch.nn.functional.cross_entropy(logits, classes)
        gradients = torch.autograd.grad(loss, leaves)
        # As views in the others' order of axes, which cost next to nothing.
        return loss, [gradient.permute(2, 3, 1, 0) if gradient.ndim == 4 else gradient for gradient in gradients]

    return loss_and_gradients


CASES = (
    Case(
        name="lenet-5",
        text=f"loss and gradients, batch of {BATCH}, float32",
        contenders={"jax-jit": with_jax_jit, "functrace-jit": with_functrace_jit, "pytorch": with_pytorch},
        targets=(Ratio("functrace-jit", "jax-jit", 1.0, "functrace takes at most JAX's time, both jitted"),),
        tolerance=1e-4,
    ),
)
