"""What it takes to begin: the import, and the way from the start of Python to the first gradients."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ._processes import output, process
from .harness import Added, Case, Nothing, Ratio

Array = NDArray[Any]
Params = Sequence[tuple[Array, Array]]

# What follows runs in processes of its own, from its source: each function imports all that it uses.


def import_nothing() -> None:
    """Python's own start and end."""


def import_numpy() -> None:
    """NumPy alone."""
    import numpy  # noqa: F401


def import_functrace() -> None:
    """NumPy, as every user of functrace imports it too, and functrace."""
    import numpy  # noqa: F401, I001
    import functrace  # noqa: F401


def import_autograd() -> None:
    """Both of autograd's usual imports."""
    import autograd
    import autograd.numpy  # noqa: F401


def import_jax() -> None:
    """Both of JAX's usual imports."""
    import jax
    import jax.numpy  # noqa: F401


def import_pytorch() -> None:
    """PyTorch's one import."""
    import torch  # noqa: F401


def draw() -> tuple[Params, Array, Array]:
    """The parameters and a batch of a 784-256-128-10 network in float32."""
    import numpy as np

    generator = np.random.default_rng(0)
    params = []
    for inputs, outputs in [(784, 256), (256, 128), (128, 10)]:
        weights = generator.standard_normal((inputs, outputs), dtype=np.float32) / np.float32(inputs**0.5)
        params.append((weights, np.zeros(outputs, dtype=np.float32)))
    images = generator.standard_normal((128, 784), dtype=np.float32)
    labels = np.eye(10, dtype=np.float32)[generator.integers(10, size=128)]
    return params, images, labels


def numpy_forward() -> Any:
    """The loss alone, in plain NumPy."""
    import numpy as np

    params, hidden, labels = draw()
    for weights, bias in params[:-1]:
        hidden = np.tanh(hidden @ weights + bias)
    weights, bias = params[-1]
    logits = hidden @ weights + bias
    logits -= logits.max(axis=1, keepdims=True)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -np.mean(np.sum(labels * log_probabilities, axis=1))


def functrace_loss(params: Params, images: Array, labels: Array) -> Array:
    """The loss in functrace."""
    import functrace.numpy as fnp
    from functrace.lax import logsumexp

    hidden = images
    for weights, bias in params[:-1]:
        hidden = fnp.tanh(hidden @ weights + bias)
    weights, bias = params[-1]
    logits = hidden @ weights + bias
    log_probabilities = logits - logsumexp(logits, axis=1, keepdims=True)
    return -fnp.mean(fnp.sum(labels * log_probabilities, axis=1))


def functrace_gradients() -> Any:
    """The loss and the gradients, interpreted."""
    import functrace

    loss, _ = functrace.value_and_grad(functrace_loss)(*draw())
    return loss


def functrace_jitted_gradients() -> Any:
    """The loss and the gradients, compiled first."""
    import functrace

    loss, _ = functrace.jit(functrace.value_and_grad(functrace_loss))(*draw())
    return loss


def autograd_gradients() -> Any:
    """The loss and the gradients in autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    def mean_loss(params: Params, images: Array, labels: Array) -> Array:
        hidden = images
        for weights, bias in params[:-1]:
            hidden = anp.tanh(anp.dot(hidden, weights) + bias)
        weights, bias = params[-1]
        logits = anp.dot(hidden, weights) + bias
        # autograd's own logsumexp comes with SciPy, whose import would take most of the time.
        logits = logits - anp.max(logits, axis=1, keepdims=True)
        log_probabilities = logits - anp.log(anp.sum(anp.exp(logits), axis=1, keepdims=True))
        return -anp.mean(anp.sum(labels * log_probabilities, axis=1))

    loss, _ = value_and_grad(mean_loss)(*draw())
    return loss


def jax_jitted_gradients() -> Any:
    """The loss and the gradients in JAX, compiled first."""
    import jax
    import jax.numpy as jnp

    def mean_loss(params: Params, images: Array, labels: Array) -> Array:
        hidden = images
        for weights, bias in params[:-1]:
            hidden = jnp.tanh(hidden @ weights + bias)
        weights, bias = params[-1]
        log_probabilities = jax.nn.log_softmax(hidden @ weights + bias)
        return -jnp.mean(jnp.sum(labels * log_probabilities, axis=1))

    loss, _ = jax.block_until_ready(jax.jit(jax.value_and_grad(mean_loss))(*draw()))
    return loss


def pytorch_gradients() -> Any:
    """The loss and the gradients in PyTorch."""
    import torch

    drawn, images, labels = draw()
    params = [[torch.tensor(leaf, requires_grad=True) for leaf in layer] for layer in drawn]
    hidden = torch.tensor(images)
    for weights, bias in params[:-1]:
        hidden = torch.tanh(hidden @ weights + bias)
    weights, bias = params[-1]
    loss = torch.nn.functional.cross_entropy(hidden @ weights + bias, torch.tensor(labels))
    torch.autograd.grad(loss, [leaf for layer in params for leaf in layer])
    return loss.detach()


# Here ends what runs in processes of its own.

FOREIGN_MODULES = """
import sys
import numpy
before = set(sys.modules)
import functrace
packages = {module.partition(".")[0] for module in set(sys.modules) - before}
print(*sorted(packages - sys.stdlib_module_names - {"numpy", "functrace"}))
"""


def foreign_modules() -> list[str]:
    """Name the packages that ``import functrace`` loads, other than NumPy and the standard library."""
    return output(FOREIGN_MODULES).split()


CASES = (
    Case(
        name="startup-import",
        text="a process that imports, and ends",
        contenders={
            "nothing": process(import_nothing, needs="sys"),
            "numpy": process(import_numpy, needs="numpy"),
            "functrace": process(import_functrace, needs="functrace"),
            "autograd": process(import_autograd, needs="autograd"),
            "jax": process(import_jax, needs="jax"),
            "pytorch": process(import_pytorch, needs="torch"),
        },
        targets=(
            Added("functrace", "numpy", 40e-3, "import functrace adds at most 40 ms to import numpy"),
            Nothing("functrace", foreign_modules, "import functrace loads only NumPy and the standard library"),
        ),
    ),
    Case(
        name="startup-gradients",
        text="a process, from its start to the first gradients of 784-256-128-10, batch of 128, float32",
        contenders={
            "numpy-forward": process(numpy_forward, draw, needs="numpy"),
            "functrace": process(functrace_gradients, draw, functrace_loss, needs="functrace"),
            "functrace-jit": process(functrace_jitted_gradients, draw, functrace_loss, needs="functrace"),
            "autograd": process(autograd_gradients, draw, needs="autograd"),
            "jax-jit": process(jax_jitted_gradients, draw, needs="jax"),
            "pytorch": process(pytorch_gradients, draw, needs="torch"),
        },
        targets=(
            Ratio(
                "functrace-jit",
                "numpy-forward",
                1.6,
                "functrace's jitted gradients take at most 1.6 times NumPy's forward pass",
            ),
        ),
        tolerance=1e-5,
    ),
)
