"""Derivatives of functions of one number, where nothing but the overhead counts."""

from collections.abc import Callable
from functools import partial
from math import cos, sin, tanh
from typing import Any

from numpy.polynomial import Polynomial

from .harness import Call, Case, Seconds

POINT = 1.0


def gradient_by_hand() -> Call:
    """``tanh(u)`` has the derivative ``(1 - tanh(u) ** 2) * u'``, here with ``u = sin(x) * x``."""

    def gradient(x: float) -> float:
        return (1 - tanh(sin(x) * x) ** 2) * (cos(x) * x + sin(x))

    return lambda: gradient(POINT)


def gradient_with_functrace() -> Call:
    """The expression as it is typed, `grad` included."""
    import functrace
    from functrace.numpy import sin, tanh

    return lambda: functrace.grad(lambda x: tanh(sin(x) * x))(POINT)


def gradient_with_functrace_jit() -> Call:
    """Compiled once, and called."""
    import functrace
    from functrace.numpy import sin, tanh

    gradient = functrace.jit(functrace.grad(lambda x: tanh(sin(x) * x)))
    return lambda: gradient(POINT)


def gradient_with_autograd() -> Call:
    """The expression as it is typed, `grad` included."""
    from autograd import grad
    from autograd.numpy import sin, tanh

    return lambda: grad(lambda x: tanh(sin(x) * x))(POINT)


def gradient_with_jax() -> Call:
    """The expression as it is typed, `grad` included."""
    jax = jax_in_double_precision()
    sin, tanh = jax.numpy.sin, jax.numpy.tanh
    return lambda: jax.grad(lambda x: tanh(sin(x) * x))(POINT).block_until_ready()


def gradient_with_jax_jit() -> Call:
    """Compiled once, and called."""
    jax = jax_in_double_precision()
    gradient = jax.jit(jax.grad(lambda x: jax.numpy.tanh(jax.numpy.sin(x) * x)))
    return lambda: gradient(POINT).block_until_ready()


def gradient_with_pytorch() -> Call:
    """Eager, at a tensor without dimensions."""
    import torch

    x = torch.tensor(POINT, dtype=torch.float64, requires_grad=True)
    return lambda: torch.autograd.grad(torch.tanh(torch.sin(x) * x), x)


def derivative_by_hand(order: int) -> Call:
    """Each derivative of tanh is a polynomial in tanh: that of ``p(tanh(x))`` is ``p'(t) * (1 - t ** 2)``."""
    polynomial = Polynomial([0, 1])
    for _ in range(order):
        polynomial = polynomial.deriv() * Polynomial([1, 0, -1])
    coefficients = polynomial.coef.tolist()[::-1]

    def derivative(x: float) -> float:
        t, value = tanh(x), 0.0
        for coefficient in coefficients:
            value = value * t + coefficient
        return value

    return lambda: derivative(POINT)


def derivative_with_functrace(order: int) -> Call:
    """`grad` of `grad` of …, interpreted."""
    import functrace
    import functrace.numpy as fnp

    derivative = nested(functrace.grad, fnp.tanh, order)
    return lambda: derivative(POINT)


def derivative_with_functrace_jit(order: int) -> Call:
    """The same, compiled once."""
    import functrace
    import functrace.numpy as fnp

    derivative = functrace.jit(nested(functrace.grad, fnp.tanh, order))
    return lambda: derivative(POINT)


def derivative_with_autograd(order: int) -> Call:
    """`grad` of `grad` of …."""
    import autograd
    import autograd.numpy as anp

    derivative = nested(autograd.grad, anp.tanh, order)
    return lambda: derivative(POINT)


def derivative_with_jax(order: int) -> Call:
    """Operation by operation."""
    jax = jax_in_double_precision()
    derivative = nested(jax.grad, jax.numpy.tanh, order)
    return lambda: derivative(POINT).block_until_ready()


def derivative_with_jax_jit(order: int) -> Call:
    """The same, compiled once."""
    jax = jax_in_double_precision()
    derivative = jax.jit(nested(jax.grad, jax.numpy.tanh, order))
    return lambda: derivative(POINT).block_until_ready()


def derivative_with_pytorch(order: int) -> Call:
    """Each gradient keeps its graph for the next."""
    import torch

    x = torch.tensor(POINT, dtype=torch.float64, requires_grad=True)

    def derivative() -> Any:
        value = torch.tanh(x)
        for _ in range(order):
            (value,) = torch.autograd.grad(value, x, create_graph=True)
        return value

    return derivative


def nested(grad: Callable[[Any], Any], function: Callable[[Any], Any], order: int) -> Callable[[float], Any]:
    """Apply `grad` as many times as the derivative's order."""
    for _ in range(order):
        function = grad(function)
    return function


def jax_in_double_precision() -> Any:
    """JAX, told to leave doubles as they are."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


def higher_derivative(name: str, order: int, targets: tuple[Seconds, ...] = ()) -> Case:
    """The case of one derivative of tanh."""
    contenders = {
        "by-hand": derivative_by_hand,
        "functrace": derivative_with_functrace,
        "functrace-jit": derivative_with_functrace_jit,
        "autograd": derivative_with_autograd,
        "jax": derivative_with_jax,
        "jax-jit": derivative_with_jax_jit,
        "pytorch": derivative_with_pytorch,
    }
    return Case(
        name=name,
        text=f"derivative {order} of tanh at {POINT}, grad nested {order} times",
        contenders={contender: partial(setup, order) for contender, setup in contenders.items()},
        targets=targets,
    )


CASES = (
    Case(
        name="scalar-gradient",
        text=f"grad(lambda x: tanh(sin(x) * x))({POINT})",
        contenders={
            "by-hand": gradient_by_hand,
            "functrace": gradient_with_functrace,
            "functrace-jit": gradient_with_functrace_jit,
            "autograd": gradient_with_autograd,
            "jax": gradient_with_jax,
            "jax-jit": gradient_with_jax_jit,
            "pytorch": gradient_with_pytorch,
        },
        targets=(
            Seconds("functrace", 20e-6, "functrace takes at most 20 µs"),
            Seconds("functrace-jit", 3e-6, "functrace takes at most 3 µs, compiled"),
        ),
    ),
    higher_derivative("tanh-5th-derivative", 5),
    higher_derivative(
        "tanh-7th-derivative", 7, targets=(Seconds("functrace", 10e-3, "functrace takes at most 10 ms"),)
    ),
)
