"""The loss and the gradients of multilayer perceptrons: tanh units, softmax cross entropy with one-hot labels."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .harness import Call, Case, GeometricMean, Ratio, Target

Array = NDArray[Any]
Params = list[tuple[Array, Array]]


class Network(NamedTuple):
    """The widths from the input to the output, the examples in a batch, and the dtype of everything."""

    widths: tuple[int, ...]
    batch: int
    dtype: str

    @property
    def name(self) -> str:
        """The name of its case."""
        return f"perceptron-{'-'.join(map(str, self.widths))}-{self.dtype}"

    def params(self) -> Params:
        """Draw the weights and biases of each layer."""
        generator = np.random.default_rng(0)
        layers = []
        for inputs, outputs in zip(self.widths, self.widths[1:], strict=False):
            weights = generator.standard_normal((inputs, outputs)) / np.sqrt(inputs)
            bias = 0.1 * generator.standard_normal(outputs)
            layers.append((weights.astype(self.dtype), bias.astype(self.dtype)))
        return layers

    def examples(self) -> tuple[Array, Array]:
        """Draw inputs, a row each, and their labels as one-hot rows."""
        generator = np.random.default_rng(1)
        inputs = generator.standard_normal((self.batch, self.widths[0])).astype(self.dtype)
        classes = generator.integers(self.widths[-1], size=self.batch)
        return inputs, np.eye(self.widths[-1], dtype=self.dtype)[classes]


def with_numpy(network: Network) -> Call:
    """By hand: every array that is the call's own is written over as soon as it has served."""
    params, (inputs, labels) = network.params(), network.examples()
    scale = inputs.dtype.type(1 / network.batch)

    def loss_and_gradients() -> tuple[Any, Params]:
        activations = [inputs]
        for weights, bias in params[:-1]:
            hidden = activations[-1] @ weights
            hidden += bias
            activations.append(np.tanh(hidden, out=hidden))
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
        gradients = []
        for (weights, _), activation in zip(params[:0:-1], activations[:0:-1], strict=True):
            gradients.append((activation.T @ cotangent, cotangent.sum(axis=0)))
            cotangent = cotangent @ weights.T
            activation *= activation
            np.subtract(1, activation, out=activation)
            cotangent *= activation
        gradients.append((inputs.T @ cotangent, cotangent.sum(axis=0)))
        return loss, gradients[::-1]

    return loss_and_gradients


def with_functrace(network: Network) -> Call:
    """As a user writes it, without `jit`."""
    import functrace

    params, (inputs, labels) = network.params(), network.examples()
    loss_and_gradients = functrace.value_and_grad(functrace_loss())
    return lambda: loss_and_gradients(params, inputs, labels)


def with_functrace_jit(network: Network) -> Call:
    """The same, compiled."""
    import functrace

    params, (inputs, labels) = network.params(), network.examples()
    loss_and_gradients = functrace.jit(functrace.value_and_grad(functrace_loss()))
    return lambda: loss_and_gradients(params, inputs, labels)


def functrace_loss() -> Callable[[Params, Array, Array], Array]:
    """The loss in functrace."""
    import functrace.numpy as fnp
    from functrace.lax import logsumexp

    def loss(params: Params, inputs: Array, labels: Array) -> Array:
        hidden = inputs
        for weights, bias in params[:-1]:
            hidden = fnp.tanh(hidden @ weights + bias)
        weights, bias = params[-1]
        logits = hidden @ weights + bias
        log_probabilities = logits - logsumexp(logits, axis=1, keepdims=True)
        return -fnp.mean(fnp.sum(labels * log_probabilities, axis=1))

    return loss


def with_autograd(network: Network) -> Call:
    """As autograd's own examples write it."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    def loss(params: Params, inputs: Array, labels: Array) -> Array:
        hidden = inputs
        for weights, bias in params[:-1]:
            hidden = anp.tanh(anp.dot(hidden, weights) + bias)
        weights, bias = params[-1]
        logits = anp.dot(hidden, weights) + bias
        log_probabilities = logits - logsumexp(logits, axis=1, keepdims=True)
        return -anp.mean(anp.sum(labels * log_probabilities, axis=1))

    params, (inputs, labels) = network.params(), network.examples()
    loss_and_gradients = value_and_grad(loss)
    return lambda: loss_and_gradients(params, inputs, labels)


def with_jax(network: Network) -> Call:
    """Operation by operation."""
    import jax

    params, (inputs, labels) = jax_arrays(network)
    loss_and_gradients = jax.value_and_grad(jax_loss)
    return lambda: jax.block_until_ready(loss_and_gradients(params, inputs, labels))


def with_jax_jit(network: Network) -> Call:
    """Compiled."""
    import jax

    params, (inputs, labels) = jax_arrays(network)
    loss_and_gradients = jax.jit(jax.value_and_grad(jax_loss))
    return lambda: jax.block_until_ready(loss_and_gradients(params, inputs, labels))


def jax_arrays(network: Network) -> Any:
    """The parameters and the examples as JAX's arrays, in their own precision."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.tree.map(jax.numpy.asarray, (network.params(), network.examples()))


def jax_loss(params: Any, inputs: Any, labels: Any) -> Any:
    """The loss in JAX, whose `log_softmax` is the logits less their `logsumexp`."""
    import jax

    hidden = inputs
    for weights, bias in params[:-1]:
        hidden = jax.numpy.tanh(hidden @ weights + bias)
    weights, bias = params[-1]
    log_probabilities = jax.nn.log_softmax(hidden @ weights + bias)
    return -jax.numpy.mean(jax.numpy.sum(labels * log_probabilities, axis=1))


def with_pytorch(network: Network) -> Call:
    """Eager, with PyTorch's own cross entropy."""
    import torch

    params = [
        (torch.tensor(weights, requires_grad=True), torch.tensor(bias, requires_grad=True))
        for weights, bias in network.params()
    ]
    leaves = [leaf for layer in params for leaf in layer]
    inputs, labels = map(torch.tensor, network.examples())

    def loss_and_gradients() -> Any:
        hidden = inputs
        for weights, bias in params[:-1]:
            hidden = torch.tanh(hidden @ weights + bias)
        weights, bias = params[-1]
        loss = torch.nn.functional.cross_entropy(hidden @ weights + bias, labels)
        return loss, torch.autograd.grad(loss, leaves)

    return loss_and_gradients


def perceptron(network: Network, targets: tuple[Target, ...] = ()) -> Case:
    """The case of one network, with all contenders."""
    contenders = {
        "numpy": with_numpy,
        "functrace": with_functrace,
        "functrace-jit": with_functrace_jit,
        "autograd": with_autograd,
        "jax": with_jax,
        "jax-jit": with_jax_jit,
        "pytorch": with_pytorch,
    }
    return Case(
        name=network.name,
        text=f"loss and gradients, batch of {network.batch}",
        contenders={name: partial(setup, network) for name, setup in contenders.items()},
        targets=(*targets, *COMPILED),
        joint_targets=(ALL_COMPILED,),
        tolerance=1e-9 if network.dtype == "float64" else 1e-4,
    )


SMALL_NETWORKS = (Network((4, 8, 3), 16, "float64"), Network((64, 64, 10), 32, "float64"))
LARGE_NETWORKS = (
    Network((784, 256, 128, 10), 128, "float32"),
    Network((784, 256, 128, 10), 128, "float64"),
    Network((1024, 1024, 1024, 10), 512, "float32"),
)

SMALL = (
    Ratio("functrace", "autograd", 1 / 3.5, "functrace is at least 3.5 times faster than autograd"),
    Ratio("functrace", "pytorch", 1.3, "functrace takes at most 1.3 times PyTorch's time"),
    Ratio("functrace", "jax-jit", 1.0, "functrace takes less than JAX's jitted time"),
)

COMPILED = (
    Ratio("functrace-jit", "numpy", 1.1, "functrace's jitted time is at most 1.1 times NumPy's by hand"),
    Ratio("functrace-jit", "jax-jit", 1.0, "functrace takes less than JAX, both jitted"),
)

ALL_COMPILED = GeometricMean(
    "functrace-jit",
    "jax-jit",
    0.65,
    "functrace takes at most 0.65 times JAX's time, both jitted, in the geometric mean over the perceptrons",
    cases=tuple(network.name for network in (*SMALL_NETWORKS, *LARGE_NETWORKS)),
)

CASES = (
    *(perceptron(network, SMALL) for network in SMALL_NETWORKS),
    *(perceptron(network) for network in LARGE_NETWORKS),
)
