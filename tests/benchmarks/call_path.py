"""Calls of jitted functions that do next to nothing: the way in and out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .harness import Call, Case, Seconds
from .scalars import jax_in_double_precision

Array = NDArray[Any]

SIZE = 8


def array() -> Array:
    """One small array."""
    return np.linspace(0, 1, SIZE)


def arrays() -> dict[str, Array]:
    """Eight of them, by name."""
    return {f"layer_{number}": np.linspace(0, number, SIZE) for number in range(8)}


def add_one(x: Any) -> Any:
    """A function of an array."""
    return x + 1


def add_one_to_each(arrays: dict[str, Any]) -> dict[str, Any]:
    """A function of a dict."""
    return {name: x + 1 for name, x in arrays.items()}


def array_with_numpy() -> Call:
    """The function alone."""
    x = array()
    return lambda: add_one(x)


def array_with_functrace_jit() -> Call:
    """Compiled."""
    import functrace

    x, compiled = array(), functrace.jit(add_one)
    return lambda: compiled(x)


def array_with_jax_jit() -> Call:
    """Compiled; the input is JAX's own array."""
    jax = jax_in_double_precision()
    x, compiled = jax.numpy.asarray(array()), jax.jit(add_one)
    return lambda: compiled(x).block_until_ready()


def dict_with_numpy() -> Call:
    """The function alone."""
    inputs = arrays()
    return lambda: add_one_to_each(inputs)


def dict_with_functrace_jit() -> Call:
    """Compiled."""
    import functrace

    inputs, compiled = arrays(), functrace.jit(add_one_to_each)
    return lambda: compiled(inputs)


def dict_with_jax_jit() -> Call:
    """Compiled; the inputs are JAX's own arrays."""
    jax = jax_in_double_precision()
    inputs, compiled = jax.tree.map(jax.numpy.asarray, arrays()), jax.jit(add_one_to_each)
    return lambda: jax.block_until_ready(compiled(inputs))


CASES = (
    Case(
        name="call-array",
        text=f"x + 1 for {SIZE} numbers",
        contenders={
            "numpy": array_with_numpy,
            "functrace-jit": array_with_functrace_jit,
            "jax-jit": array_with_jax_jit,
        },
        targets=(Seconds("functrace-jit", 2.5e-6, "functrace takes at most 2.5 µs"),),
    ),
    Case(
        name="call-dict",
        text=f"x + 1 for each of eight arrays of {SIZE} numbers in a dict",
        contenders={
            "numpy": dict_with_numpy,
            "functrace-jit": dict_with_functrace_jit,
            "jax-jit": dict_with_jax_jit,
        },
        targets=(Seconds("functrace-jit", 6e-6, "functrace takes at most 6 µs"),),
    ),
)
