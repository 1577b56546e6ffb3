"""What the first call of a jitted function takes: it is traced, compiled and run, with nothing left from before."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .harness import Call, Case, Ratio, Seconds
from .perceptrons import Network, functrace_loss, jax_arrays, jax_loss, with_numpy

Array = NDArray[Any]

# ---------------------------------------------------------------------------------------------------------------------
# the gradients of a perceptron
# ---------------------------------------------------------------------------------------------------------------------

NETWORK = Network((784, 256, 128, 10), 128, "float32")


def gradients_with_functrace_jit() -> Call:
    """A new function every time."""
    import functrace

    params, (inputs, labels) = NETWORK.params(), NETWORK.examples()

    def first_call() -> Any:
        functrace.clear_caches()
        return functrace.jit(functrace.value_and_grad(functrace_loss()))(params, inputs, labels)

    return first_call


def gradients_with_jax_jit() -> Call:
    """A new function every time."""
    import jax

    params, (inputs, labels) = jax_arrays(NETWORK)

    def first_call() -> Any:
        jax.clear_caches()
        return jax.block_until_ready(jax.jit(jax.value_and_grad(jax_loss))(params, inputs, labels))

    return first_call


# ---------------------------------------------------------------------------------------------------------------------
# long programs
# ---------------------------------------------------------------------------------------------------------------------

LONG, LONGER = 18_000, 180_000
EQUATIONS_OF_A_TURN = 9


def long_program(xp: Any, equations: int, x: Any) -> Any:
    """Each turn brings two numbers closer to each other: after a few hundred, all programs give the same."""
    for _ in range(equations // EQUATIONS_OF_A_TURN):
        x = xp.sin(x) * 0.9 + 0.1
        x = xp.cos(x) * 0.8 - 0.2
        x = xp.tanh(x) * 1.1 + 0.3
    return x


def start() -> Array:
    """A few numbers, so that running the program takes little beside compiling it."""
    return np.linspace(-1, 1, 16)


def long_program_with_numpy() -> Call:
    """What it comes to."""
    x = start()
    return lambda: long_program(np, LONG, x)


def long_program_with_functrace_jit(equations: int) -> Call:
    """A new function every time."""
    import functrace

    x = start()

    def first_call() -> Any:
        functrace.clear_caches()
        return functrace.jit(lambda x: long_program(functrace.numpy, equations, x))(x)

    return first_call


CASES = (
    Case(
        name="compile-784-256-128-10",
        text="trace, compile and run loss and gradients, batch of 128, float32",
        contenders={
            "numpy-run": partial(with_numpy, NETWORK),
            "functrace-jit": gradients_with_functrace_jit,
            "jax-jit": gradients_with_jax_jit,
        },
        targets=(Seconds("functrace-jit", 15e-3, "functrace takes at most 15 ms"),),
        tolerance=1e-4,
    ),
    Case(
        name="compile-long-programs",
        text=f"trace, compile and run programs of {LONG:,} and of {LONGER:,} equations",
        contenders={
            "numpy-run-18000": long_program_with_numpy,
            "functrace-jit-18000": partial(long_program_with_functrace_jit, LONG),
            "functrace-jit-180000": partial(long_program_with_functrace_jit, LONGER),
        },
        targets=(
            Seconds("functrace-jit-18000", 0.8, f"functrace takes at most 0.8 s for {LONG:,} equations"),
            Ratio(
                "functrace-jit-180000",
                "functrace-jit-18000",
                10.0,
                f"functrace takes at most 10 times as long for {LONGER:,} equations",
            ),
        ),
        rounds=2,
    ),
)
