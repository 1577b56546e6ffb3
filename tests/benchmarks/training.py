"""A step of training: loss, gradients and Adam's update of a multilayer perceptron with rectified units.

Each contender takes its steps in the memory of its parameters and of Adam's means, as far as its library can.
"""

from typing import Any

import numpy as np

from .harness import Call, Case, Ratio
from .perceptrons import Array, Network, Params

NETWORK = Network((784, 256, 128, 10), 128, "float32")

# So small that thousands of steps on one batch do not learn it by heart, after which all numbers would be denormal.
LEARNING_RATE = 1e-5
FIRST_STEPS = 5  # before the loss that the contenders have to agree on


def classes() -> Array:
    """The labels as numbers."""
    return np.argmax(NETWORK.examples()[1], axis=1)


def with_numpy() -> Call:
    """By hand: in place, with arrays for what comes between that are kept."""
    params, (inputs, labels) = NETWORK.params(), NETWORK.examples()
    leaves = [leaf for layer in params for leaf in layer]
    means, squares = [[np.zeros_like(leaf) for leaf in leaves] for _ in range(2)]
    spare, other = [[np.empty_like(leaf) for leaf in leaves] for _ in range(2)]
    scale = inputs.dtype.type(1 / NETWORK.batch)
    count = 0

    def step() -> Any:
        nonlocal count
        loss, gradients = loss_and_gradients()
        count += 1
        first, second = 1 - 0.9**count, 1 - 0.999**count
        for leaf, gradient, mean, square, s, o in zip(leaves, gradients, means, squares, spare, other, strict=True):
            mean *= 0.9
            mean += np.multiply(gradient, 1 - 0.9, out=s)
            square *= 0.999
            np.multiply(gradient, gradient, out=s)
            s *= 1 - 0.999
            square += s
            np.divide(square, second, out=s)
            np.sqrt(s, out=s)
            s += 1e-8
            np.divide(mean, first, out=o)
            o /= s
            o *= LEARNING_RATE
            leaf -= o
        return loss

    def loss_and_gradients() -> tuple[Any, list[Array]]:
        activations = [inputs]
        for weights, bias in params[:-1]:
            hidden = activations[-1] @ weights
            hidden += bias
            activations.append(np.maximum(hidden, 0, out=hidden))
        weights, bias = params[-1]
        logits = activations[-1] @ weights
        logits += bias
        logits -= logits.max(axis=1, keepdims=True)
        cotangent = np.exp(logits)
        sums = cotangent.sum(axis=1, keepdims=True)
        loss = (np.log(sums).sum() - np.vdot(labels, logits)) * scale
        cotangent /= sums
        cotangent -= labels
        cotangent *= scale
        gradients: list[Array] = []
        for (weights, _), activation in zip(params[:0:-1], activations[:0:-1], strict=True):
            gradients[:0] = [activation.T @ cotangent, cotangent.sum(axis=0)]
            cotangent = cotangent @ weights.T
            cotangent *= activation > 0
        gradients[:0] = [inputs.T @ cotangent, cotangent.sum(axis=0)]
        return loss, gradients

    return after_first(step)


def with_functrace_jit() -> Call:
    """As a user writes it: compiled, the parameters and the optimiser's state donated."""
    from functrace import jit, nn, optim, value_and_grad
    from functrace import numpy as fnp

    def loss(params: Params, inputs: Array, labels: Array) -> Any:
        hidden = inputs
        for weights, bias in params[:-1]:
            hidden = nn.relu(hidden @ weights + bias)
        weights, bias = params[-1]
        logits = hidden @ weights + bias
        return fnp.mean(nn.losses.softmax_cross_entropy_with_integer_labels(logits, labels))

    optimizer = optim.adam(LEARNING_RATE)

    def update(params: Params, state: Any, inputs: Array, labels: Array) -> Any:
        value, gradients = value_and_grad(loss)(params, inputs, labels)
        updates, state = optimizer.update(gradients, state, params)
        return value, optim.apply_updates(params, updates), state

    compiled = jit(update, donate_argnums=(0, 1))
    params, inputs, labels = NETWORK.params(), NETWORK.examples()[0], classes()
    state = optimizer.init(params)

    def step() -> Any:
        nonlocal params, state
        value, params, state = compiled(params, state, inputs, labels)
        return value

    return after_first(step)


def with_jax_jit() -> Call:
    """Compiled, with optax, donated too."""
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)

    def loss(params: Any, inputs: Any, labels: Any) -> Any:
        hidden = inputs
        for weights, bias in params[:-1]:
            hidden = jax.nn.relu(hidden @ weights + bias)
        weights, bias = params[-1]
        logits = hidden @ weights + bias
        return optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    optimizer = optax.adam(LEARNING_RATE)

    def update(params: Any, state: Any, inputs: Any, labels: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(params, inputs, labels)
        updates, state = optimizer.update(gradients, state, params)
        return value, optax.apply_updates(params, updates), state

    compiled = jax.jit(update, donate_argnums=(0, 1))
    params, inputs, labels = jax.tree.map(jax.numpy.asarray, (NETWORK.params(), NETWORK.examples()[0], classes()))
    state = optimizer.init(params)

    def step() -> Any:
        nonlocal params, state
        value, params, state = jax.block_until_ready(compiled(params, state, inputs, labels))
        return value

    return after_first(step)


def with_pytorch() -> Call:
    """Eager, with `torch.optim.Adam` as it comes."""
    import torch

    layers = [
        (torch.tensor(weights, requires_grad=True), torch.tensor(bias, requires_grad=True))
        for weights, bias in NETWORK.params()
    ]
    inputs, labels = torch.tensor(NETWORK.examples()[0]), torch.tensor(classes())
    optimizer = torch.optim.Adam([leaf for layer in layers for leaf in layer], lr=LEARNING_RATE)

    def step() -> Any:
        optimizer.zero_grad()
        hidden = inputs
        for weights, bias in layers[:-1]:
            hidden = torch.relu(hidden @ weights + bias)
        weights, bias = layers[-1]
        loss = torch.nn.functional.cross_entropy(hidden @ weights + bias, labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return after_first(step)


def after_first(step: Call) -> Call:
    """The step, when it has been taken a few times: the loss of the next one tells of the updates."""
    for _ in range(FIRST_STEPS):
        step()
    return step


CASES = (
    Case(
        name="training-step-784-256-128-10-float32",
        text=f"loss, gradients and Adam's update, batch of {NETWORK.batch}",
        contenders={
            "numpy": with_numpy,
            "functrace-jit": with_functrace_jit,
            "jax-jit": with_jax_jit,
            "pytorch": with_pytorch,
        },
        targets=(
            Ratio("functrace-jit", "pytorch", 1.0, "functrace takes less than PyTorch with torch.optim.Adam"),
            Ratio("functrace-jit", "jax-jit", 1.0, "functrace takes less than JAX with optax, both jitted and donated"),
            Ratio("functrace-jit", "numpy", 1.1, "functrace takes at most 1.1 times NumPy's time by hand"),
        ),
        tolerance=1e-5,
    ),
)
