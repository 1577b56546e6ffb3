"""A transformer's block, its loss and gradients: attention with several heads, a perceptron, both with layer norms.

Source: Vaswani and others, Attention Is All You Need, 2017; the norms stand before what they normalise, as in Xiong and
others, On Layer Normalization in the Transformer Architecture, 2020.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .harness import Call, Case, Ratio

Array = NDArray[Any]
Params = dict[str, Array]

BATCH, TOKENS, WIDTH, HEADS = 8, 64, 128, 4
EPSILON = 1e-5

SHAPES = {
    "attention": (WIDTH, 3 * WIDTH),
    "projection": (WIDTH, WIDTH),
    "wide": (WIDTH, 4 * WIDTH),
    "narrow": (4 * WIDTH, WIDTH),
}


def draw() -> tuple[Params, Array, Array]:
    """Draw the parameters, the tokens of each text, and what they should become."""
    generator = np.random.default_rng(0)
    params = {}
    for name, shape in SHAPES.items():
        params[f"{name}_weights"] = generator.standard_normal(shape, np.float32) / np.float32(shape[0] ** 0.5)
        params[f"{name}_bias"] = 0.1 * generator.standard_normal(shape[1], np.float32)
    for name in ("norm_1", "norm_2"):
        params[f"{name}_scale"] = 1 + 0.1 * generator.standard_normal(WIDTH, np.float32)
        params[f"{name}_bias"] = 0.1 * generator.standard_normal(WIDTH, np.float32)
    tokens, targets = generator.standard_normal((2, BATCH, TOKENS, WIDTH), np.float32)
    return params, tokens, targets


def loss(xp: Any, lax: Any, params: Any, tokens: Any, targets: Any) -> Any:
    """The loss with the NumPy and the lax that are given."""

    def connect(x: Any, name: str) -> Any:
        return x @ params[f"{name}_weights"] + params[f"{name}_bias"]

    def normalise(x: Any, name: str) -> Any:
        centred = x - xp.mean(x, axis=-1, keepdims=True)
        variance = xp.mean(centred * centred, axis=-1, keepdims=True)
        return centred / xp.sqrt(variance + EPSILON) * params[f"{name}_scale"] + params[f"{name}_bias"]

    def softmax(x: Any) -> Any:
        exponentials = xp.exp(x - lax.stop_gradient(xp.max(x, axis=-1, keepdims=True)))
        return exponentials / xp.sum(exponentials, axis=-1, keepdims=True)

    def gelu(x: Any) -> Any:
        return 0.5 * x * (1 + xp.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))

    def attend(x: Any) -> Any:
        split = connect(x, "attention").reshape(BATCH, TOKENS, 3, HEADS, WIDTH // HEADS)
        queries, keys, values = xp.transpose(split, (2, 0, 3, 1, 4))
        scores = queries @ xp.swapaxes(keys, -1, -2) * (WIDTH // HEADS) ** -0.5
        heads = softmax(scores) @ values
        return connect(xp.swapaxes(heads, 1, 2).reshape(BATCH, TOKENS, WIDTH), "projection")

    hidden = tokens + attend(normalise(tokens, "norm_1"))
    hidden = hidden + connect(gelu(connect(normalise(hidden, "norm_2"), "wide")), "narrow")
    return xp.mean((hidden - targets) ** 2)


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
    """Eager, with PyTorch's own norm, attention and gelu."""
    import torch

    drawn, *examples = draw()
    params = {name: torch.tensor(array, requires_grad=True) for name, array in drawn.items()}
    leaves = [params[name] for name in sorted(params)]
    tokens, targets = map(torch.tensor, examples)
    functional = torch.nn.functional

    def connect(x: Any, name: str) -> Any:
        return x @ params[f"{name}_weights"] + params[f"{name}_bias"]

    def normalise(x: Any, name: str) -> Any:
        return functional.layer_norm(x, (WIDTH,), params[f"{name}_scale"], params[f"{name}_bias"], EPSILON)

    def attend(x: Any) -> Any:
        split = connect(x, "attention").reshape(BATCH, TOKENS, 3, HEADS, WIDTH // HEADS)
        heads = functional.scaled_dot_product_attention(*split.permute(2, 0, 3, 1, 4))
        return connect(heads.transpose(1, 2).reshape(BATCH, TOKENS, WIDTH), "projection")

    def loss_and_gradients() -> Any:
        hidden = tokens + attend(normalise(tokens, "norm_1"))
        wide = functional.gelu(connect(normalise(hidden, "norm_2"), "wide"), approximate="tanh")
        loss = functional.mse_loss(hidden + connect(wide, "narrow"), targets)
        return loss, torch.autograd.grad(loss, leaves)

    return loss_and_gradients


CASES = (
    Case(
        name="transformer-block",
        text=f"loss and gradients, batch of {BATCH}, {TOKENS} tokens, width {WIDTH}, {HEADS} heads, float32",
        contenders={"jax-jit": with_jax_jit, "functrace-jit": with_functrace_jit, "pytorch": with_pytorch},
        targets=(Ratio("functrace-jit", "jax-jit", 1.0, "functrace takes at most JAX's time, both jitted"),),
        tolerance=1e-4,
    ),
)
