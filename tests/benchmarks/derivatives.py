"""Derivatives made of transforms: Hessians, per-example gradients, Taylor series, loops walked back, long programs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .harness import Call, Case, Ratio, Seconds
from .perceptrons import Network, Params
from .scalars import POINT, derivative_by_hand, jax_in_double_precision

Array = NDArray[Any]

# ---------------------------------------------------------------------------------------------------------------------
# the Hessian of a logistic regression
# ---------------------------------------------------------------------------------------------------------------------

ROWS, PARAMETERS = 1_000, 200


def regression() -> tuple[Array, Array, Array]:
    """Draw the weights, the rows, and their labels -1 and 1."""
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((ROWS, PARAMETERS))
    return generator.standard_normal(PARAMETERS) / 10, rows, generator.choice([-1.0, 1.0], ROWS)


def hessian_by_hand() -> Call:
    """With p the probability of the other label, the mean over the rows x of ``p (1 - p) x xᵀ``."""
    weights, rows, labels = regression()

    def hessian() -> Array:
        wrong = 1 / (1 + np.exp(labels * (rows @ weights)))
        return rows.T @ ((wrong * (1 - wrong) / ROWS)[:, None] * rows)

    return hessian


def hessian_with_functrace() -> Call:
    """Interpreted."""
    import functrace

    weights, rows, labels = regression()
    hessian = functrace.hessian(functrace_regression_loss)
    return lambda: hessian(weights, rows, labels)


def hessian_with_functrace_jit() -> Call:
    """Compiled once, and called."""
    import functrace

    weights, rows, labels = regression()
    hessian = functrace.jit(functrace.hessian(functrace_regression_loss))
    return lambda: hessian(weights, rows, labels)


def functrace_regression_loss(weights: Any, rows: Any, labels: Any) -> Any:
    """The mean of the negative log likelihood."""
    import functrace.numpy as fnp

    return fnp.mean(fnp.logaddexp(0, -labels * (rows @ weights)))


def hessian_with_jax_jit() -> Call:
    """Compiled once, and called."""
    jax = jax_in_double_precision()
    jnp = jax.numpy

    def loss(weights: Any, rows: Any, labels: Any) -> Any:
        return jnp.mean(jnp.logaddexp(0, -labels * (rows @ weights)))

    arguments = [jnp.asarray(x) for x in regression()]
    hessian = jax.jit(jax.hessian(loss))
    return lambda: hessian(*arguments).block_until_ready()


# ---------------------------------------------------------------------------------------------------------------------
# the gradients of every example's own loss
# ---------------------------------------------------------------------------------------------------------------------

NETWORK = Network((64, 64, 10), 256, "float64")


def examples_by_hand() -> Call:
    """The backward pass of the batch, but each weight's gradients stay apart: outer products, not their sum."""
    params, (inputs, labels) = NETWORK.params(), NETWORK.examples()

    def gradients() -> Params:
        (first, first_bias), (second, second_bias) = params
        hidden = np.tanh(inputs @ first + first_bias)
        logits = hidden @ second + second_bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        cotangent = exponentials / exponentials.sum(axis=1, keepdims=True) - labels
        back = (cotangent @ second.T) * (1 - hidden * hidden)
        return [
            (inputs[:, :, None] * back[:, None, :], back),
            (hidden[:, :, None] * cotangent[:, None, :], cotangent),
        ]

    return gradients


def examples_with_functrace() -> Call:
    """Interpreted."""
    import functrace

    params, (inputs, labels) = NETWORK.params(), NETWORK.examples()
    gradients = functrace.vmap(functrace.grad(functrace_example_loss), in_axes=(None, 0, 0))
    return lambda: gradients(params, inputs, labels)


def examples_with_functrace_jit() -> Call:
    """Compiled once, and called."""
    import functrace

    params, (inputs, labels) = NETWORK.params(), NETWORK.examples()
    gradients = functrace.jit(functrace.vmap(functrace.grad(functrace_example_loss), in_axes=(None, 0, 0)))
    return lambda: gradients(params, inputs, labels)


def functrace_example_loss(params: Any, inputs: Any, label: Any) -> Any:
    """The cross entropy of one example."""
    import functrace.numpy as fnp
    from functrace.lax import logsumexp

    (first, first_bias), (second, second_bias) = params
    logits = fnp.tanh(inputs @ first + first_bias) @ second + second_bias
    return logsumexp(logits) - label @ logits


def examples_with_jax_jit() -> Call:
    """Compiled once, and called."""
    jax = jax_in_double_precision()
    jnp = jax.numpy

    def loss(params: Any, inputs: Any, label: Any) -> Any:
        (first, first_bias), (second, second_bias) = params
        logits = jnp.tanh(inputs @ first + first_bias) @ second + second_bias
        return jax.scipy.special.logsumexp(logits) - label @ logits

    params, (inputs, labels) = jax.tree.map(jnp.asarray, (NETWORK.params(), NETWORK.examples()))
    gradients = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))
    return lambda: jax.block_until_ready(gradients(params, inputs, labels))


# ---------------------------------------------------------------------------------------------------------------------
# high derivatives by Taylor series
# ---------------------------------------------------------------------------------------------------------------------


def series_of_line(order: int) -> list[float]:
    """The derivatives of x by x."""
    return [1.0] + [0.0] * (order - 1)


def derivative_with_functrace_jet(order: int) -> Call:
    """Interpreted."""
    from functrace import jet
    from functrace.numpy import tanh

    return lambda: jet(tanh, (POINT,), (series_of_line(order),))[1][-1]


def derivative_with_functrace_jet_jit(order: int) -> Call:
    """Compiled once, and called."""
    import functrace
    from functrace.numpy import tanh

    derivative = functrace.jit(lambda x: functrace.jet(tanh, (x,), (series_of_line(order),))[1][-1])
    return lambda: derivative(POINT)


def derivative_with_jax_jet(order: int) -> Call:
    """Operation by operation."""
    jax = jax_in_double_precision()
    from jax.experimental.jet import jet

    return lambda: jet(jax.numpy.tanh, (POINT,), (series_of_line(order),))[1][-1].block_until_ready()


def derivative_with_jax_jet_jit(order: int) -> Call:
    """Compiled once, and called."""
    jax = jax_in_double_precision()
    from jax.experimental.jet import jet

    derivative = jax.jit(lambda x: jet(jax.numpy.tanh, (x,), (series_of_line(order),))[1][-1])
    return lambda: derivative(POINT).block_until_ready()


def jet_case(order: int, at_most: float, shown: str, tolerance: float) -> Case:
    """The case of one derivative of tanh."""
    contenders: dict[str, Callable[[int], Call]] = {
        "by-hand": derivative_by_hand,
        "functrace": derivative_with_functrace_jet,
        "functrace-jit": derivative_with_functrace_jet_jit,
        "jax": derivative_with_jax_jet,
        "jax-jit": derivative_with_jax_jet_jit,
    }
    return Case(
        name=f"tanh-{order}th-derivative-jet",
        text=f"derivative {order} of tanh at {POINT}, by jet",
        contenders={name: partial(setup, order) for name, setup in contenders.items()},
        targets=(Seconds("functrace", at_most, f"functrace takes at most {shown}"),),
        tolerance=tolerance,
    )


# ---------------------------------------------------------------------------------------------------------------------
# a loop whose number of steps is known only as it runs
# ---------------------------------------------------------------------------------------------------------------------

STEPS, SIZE, RATE = 1_000, 1_000, 0.01

# Every contender returns the loop's value alone, also those that compute the gradient beside it.


def loop_by_hand() -> Call:
    """The loop."""
    start = np.linspace(-1, 1, SIZE)

    def forward() -> Any:
        x = start
        for _ in range(STEPS):
            x = x + RATE * np.sin(x)
        return np.sum(x * x)

    return forward


def loop_gradient_by_hand() -> Call:
    """The loop with its states kept, and the way back."""
    start = np.linspace(-1, 1, SIZE)
    states = np.empty((STEPS, SIZE))

    def value_and_gradient() -> Any:
        x = start
        for step in range(STEPS):
            states[step] = x
            x = x + RATE * np.sin(x)
        cotangent = 2 * x
        for step in range(STEPS - 1, -1, -1):
            cotangent = cotangent + cotangent * (RATE * np.cos(states[step]))
        return np.sum(x * x)

    return value_and_gradient


def loop_with_functrace() -> Call:
    """The loop; its body is compiled either way."""
    start = np.linspace(-1, 1, SIZE)
    return lambda: functrace_loop(start)


def loop_gradient_with_functrace() -> Call:
    """Value and gradient."""
    import functrace

    start = np.linspace(-1, 1, SIZE)
    value_and_gradient = functrace.value_and_grad(functrace_loop)
    return lambda: value_and_gradient(start)[0]


def loop_with_functrace_jit() -> Call:
    """The loop, compiled as a whole."""
    import functrace

    start = np.linspace(-1, 1, SIZE)
    forward = functrace.jit(functrace_loop)
    return lambda: forward(start)


def loop_gradient_with_functrace_jit() -> Call:
    """Value and gradient, compiled as a whole."""
    import functrace

    start = np.linspace(-1, 1, SIZE)
    value_and_gradient = functrace.jit(functrace.value_and_grad(functrace_loop))
    return lambda: value_and_gradient(start)[0]


def functrace_loop(start: Any) -> Any:
    """Go on until the steps are counted; the number of steps is the condition's business."""
    import functrace.numpy as fnp
    from functrace.lax import while_loop

    def step(carry: Any) -> Any:
        count, x = carry
        return count + 1, x + RATE * fnp.sin(x)

    _, x = while_loop(lambda carry: carry[0] < STEPS, step, (0, start))
    return fnp.sum(x * x)


def loop_with_jax_jit() -> Call:
    """The loop; JAX refuses its gradient."""
    jax = jax_in_double_precision()
    jnp = jax.numpy

    def loop(start: Any) -> Any:
        _, x = jax.lax.while_loop(
            lambda carry: carry[0] < STEPS,
            lambda carry: (carry[0] + 1, carry[1] + RATE * jnp.sin(carry[1])),
            (0, start),
        )
        return jnp.sum(x * x)

    start = jnp.linspace(-1, 1, SIZE)
    forward = jax.jit(loop)
    return lambda: forward(start).block_until_ready()


# ---------------------------------------------------------------------------------------------------------------------
# a long program
# ---------------------------------------------------------------------------------------------------------------------

EQUATIONS = 100_000


def long_program(sin: Callable[[Any], Any], x: Any) -> Any:
    """Sines and products by turns."""
    for _ in range(EQUATIONS // 2):
        x = sin(x) * 0.9
    return x


def trace_with_functrace() -> Call:
    """Record the gradient, and say whether there are equations enough."""
    import functrace
    from functrace.numpy import sin

    gradient = functrace.grad(partial(long_program, sin))
    return lambda: float(len(functrace.make_jaxpr(gradient)(POINT).equations) >= EQUATIONS)


CASES = (
    Case(
        name="hessian-logistic",
        text=f"Hessian of a logistic regression, {PARAMETERS} parameters, {ROWS:,} rows",
        contenders={
            "numpy": hessian_by_hand,
            "functrace": hessian_with_functrace,
            "functrace-jit": hessian_with_functrace_jit,
            "jax-jit": hessian_with_jax_jit,
        },
        targets=(Ratio("functrace-jit", "jax-jit", 1.0, "functrace takes at most JAX's jitted time"),),
    ),
    Case(
        name="per-example-gradients",
        text=f"vmap(grad(loss)) of 64-64-10, batch of {NETWORK.batch}, float64",
        contenders={
            "numpy": examples_by_hand,
            "functrace": examples_with_functrace,
            "functrace-jit": examples_with_functrace_jit,
            "jax-jit": examples_with_jax_jit,
        },
        targets=(Ratio("functrace-jit", "jax-jit", 1.2, "functrace takes at most 1.2 times JAX's jitted time"),),
    ),
    jet_case(10, 2e-3, "2 ms", tolerance=1e-9),
    jet_case(20, 10e-3, "10 ms", tolerance=1e-6),
    Case(
        name="while-loop-gradient",
        text=f"a while_loop of {STEPS:,} steps over a vector of {SIZE:,}, alone and with its gradient",
        contenders={
            "numpy-forward": loop_by_hand,
            "numpy-gradient": loop_gradient_by_hand,
            "functrace-forward": loop_with_functrace,
            "functrace-gradient": loop_gradient_with_functrace,
            "functrace-jit-forward": loop_with_functrace_jit,
            "functrace-jit-gradient": loop_gradient_with_functrace_jit,
            "jax-jit-forward": loop_with_jax_jit,
        },
        targets=(
            Ratio(
                "functrace-gradient", "functrace-forward", 4.0, "the gradient takes at most 4 times the forward loop"
            ),
            Ratio("functrace-jit-gradient", "functrace-jit-forward", 4.0, "the same, jitted"),
        ),
    ),
    Case(
        name="trace-100000-equations",
        text=f"make_jaxpr(grad(f)) for an f of {EQUATIONS:,} equations",
        contenders={"functrace": trace_with_functrace},  # JAX takes half a minute a time
        targets=(Seconds("functrace", 4.0, "functrace takes at most 4 s"),),
    ),
)
