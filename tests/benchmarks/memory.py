"""The memory that a training step holds at its peak, beyond its parameters and examples."""

from functools import partial

from .harness import MEMORY, Call, Case, Ratio
from .perceptrons import Network, with_functrace, with_functrace_jit, with_numpy

NETWORK = Network((1024, 1024, 1024, 10), 512, "float32")


def with_the_compiler_loaded(network: Network) -> Call:
    """Compiled; the modules of the compiler, which the first compilation loads, are no memory of the step."""
    with_functrace_jit(Network((2, 2, 2), 2, network.dtype))()
    return with_functrace_jit(network)


CASES = (
    Case(
        name="memory-1024-1024-1024-10",
        text=f"peak of loss and gradients, batch of {NETWORK.batch}, float32",
        contenders={
            "numpy": partial(with_numpy, NETWORK),
            "functrace": partial(with_functrace, NETWORK),
            "functrace-jit": partial(with_the_compiler_loaded, NETWORK),
        },
        targets=(Ratio("functrace-jit", "numpy", 1.1, "functrace's jitted peak is at most 1.1 times NumPy's by hand"),),
        tolerance=1e-4,
        quantity=MEMORY,
    ),
)
