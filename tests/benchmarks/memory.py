"""The memory that a training step holds at its peak, beyond its parameters and examples."""

from functools import partial

from .harness import MEMORY, Case, Ratio
from .perceptrons import Network, with_functrace, with_functrace_jit, with_numpy

NETWORK = Network((1024, 1024, 1024, 10), 512, "float32")

CASES = (
    Case(
        name="memory-1024-1024-1024-10",
        text=f"peak of loss and gradients, batch of {NETWORK.batch}, float32",
        contenders={
            "numpy": partial(with_numpy, NETWORK),
            "functrace": partial(with_functrace, NETWORK),
            "functrace-jit": partial(with_functrace_jit, NETWORK),
        },
        targets=(Ratio("functrace-jit", "numpy", 1.1, "functrace's jitted peak is at most 1.1 times NumPy's by hand"),),
        tolerance=1e-4,
        quantity=MEMORY,
    ),
)
