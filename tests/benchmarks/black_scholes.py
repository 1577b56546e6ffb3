"""The prices of European calls after Black and Scholes, and their gradients: long elementwise chains.

Source: Black and Scholes, The Pricing of Options and Corporate Liabilities, Journal of Political Economy 81 (1973). The
normal distribution function is the approximation by tanh, so that no library needs an error function.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .harness import Call, Case, Ratio, Target
from .scalars import jax_in_double_precision

Array = NDArray[Any]

RATE, VOLATILITY = 0.05, 0.2
SLOPE, CUBIC = 0.7978845608, 0.044715


class Options(NamedTuple):
    """How many calls, and the dtype of everything."""

    number: int
    dtype: str

    @property
    def name(self) -> str:
        """Both in short."""
        mantissa, exponent = f"{self.number:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}-{self.dtype}"

    def draw(self) -> tuple[Array, Array, Array]:
        """The prices of the shares, the prices agreed on, and the years to go."""
        generator = np.random.default_rng(0)
        shares = generator.uniform(50, 150, self.number)
        strikes = generator.uniform(50, 150, self.number)
        years = generator.uniform(0.1, 2, self.number)
        return shares.astype(self.dtype), strikes.astype(self.dtype), years.astype(self.dtype)


def calls(xp: Any, shares: Any, strikes: Any, years: Any) -> Any:
    """The prices of the calls, with the NumPy, or what is like it, that is given."""
    spread = VOLATILITY * xp.sqrt(years)
    above = (xp.log(shares / strikes) + (RATE + VOLATILITY * VOLATILITY / 2) * years) / spread
    return shares * normal(xp, above) - strikes * xp.exp(-RATE * years) * normal(xp, above - spread)


def normal(xp: Any, x: Any) -> Any:
    """The normal distribution function."""
    return 0.5 * (1 + xp.tanh(SLOPE * (x + CUBIC * x * x * x)))


def sum_of_calls(xp: Any, shares: Any, strikes: Any, years: Any) -> Any:
    """Whose gradients are those of each call."""
    return xp.sum(calls(xp, shares, strikes, years))


def prices_with_numpy(options: Options) -> Call:
    """Plain expressions."""
    inputs = options.draw()
    return lambda: calls(np, *inputs)


def prices_with_functrace_jit(options: Options) -> Call:
    """Compiled."""
    import functrace

    inputs = options.draw()
    prices = functrace.jit(partial(calls, functrace.numpy))
    return lambda: prices(*inputs)


def prices_with_jax_jit(options: Options) -> Call:
    """Compiled; the inputs are JAX's own arrays."""
    jax = jax_in_double_precision()
    inputs = jax.tree.map(jax.numpy.asarray, options.draw())
    prices = jax.jit(partial(calls, jax.numpy))
    return lambda: prices(*inputs).block_until_ready()


def gradients_with_numpy(options: Options) -> Call:
    """By hand, from the derivatives of the formula, in plain expressions."""
    shares, strikes, years = options.draw()

    def normal_and_density(x: Array) -> tuple[Array, Array]:
        tanh = np.tanh(SLOPE * (x + CUBIC * x * x * x))
        return 0.5 * (1 + tanh), 0.5 * SLOPE * (1 - tanh * tanh) * (1 + 3 * CUBIC * x * x)

    def gradients() -> tuple[Array, Array, Array]:
        spread = VOLATILITY * np.sqrt(years)
        above = (np.log(shares / strikes) + (RATE + VOLATILITY * VOLATILITY / 2) * years) / spread
        discount = np.exp(-RATE * years)
        held, held_density = normal_and_density(above)
        owed, owed_density = normal_and_density(above - spread)
        from_above = (shares * held_density - strikes * discount * owed_density) / spread
        above_by_years = (RATE + VOLATILITY * VOLATILITY / 2) - above * spread / (2 * years)
        return (
            held + from_above / shares,
            -discount * owed - from_above / strikes,
            from_above * above_by_years + strikes * discount * (RATE * owed + owed_density * spread / (2 * years)),
        )

    return gradients


def gradients_with_functrace_jit(options: Options) -> Call:
    """Compiled."""
    import functrace

    inputs = options.draw()
    gradients = functrace.jit(functrace.grad(partial(sum_of_calls, functrace.numpy), argnums=(0, 1, 2)))
    return lambda: gradients(*inputs)


def gradients_with_jax_jit(options: Options) -> Call:
    """Compiled; the inputs are JAX's own arrays."""
    jax = jax_in_double_precision()
    inputs = jax.tree.map(jax.numpy.asarray, options.draw())
    gradients = jax.jit(jax.grad(partial(sum_of_calls, jax.numpy), argnums=(0, 1, 2)))
    return lambda: jax.block_until_ready(gradients(*inputs))


def prices_case(options: Options) -> Case:
    """The case of the prices alone."""
    return _case(
        "prices",
        options,
        {
            "numpy": prices_with_numpy,
            "functrace-jit": prices_with_functrace_jit,
            "jax-jit": prices_with_jax_jit,
        },
        tuple(prices_targets(options)),
    )


def gradients_case(options: Options) -> Case:
    """The case of the gradients by shares, strikes and years."""
    return _case(
        "gradients",
        options,
        {
            "numpy": gradients_with_numpy,
            "functrace-jit": gradients_with_functrace_jit,
            "jax-jit": gradients_with_jax_jit,
        },
        (Ratio("functrace-jit", "jax-jit", 1.3, "functrace takes at most 1.3 times JAX's time, both jitted"),),
    )


def prices_targets(options: Options) -> list[Target]:
    """Against NumPy where there are many, against JAX always."""
    single = options.dtype == "float32"
    targets: list[Target] = []
    if options.number == MANY:
        numpy_share = 0.25 if single else 0.27
        text = f"functrace's jitted time is at most {numpy_share} times NumPy's"
        targets.append(Ratio("functrace-jit", "numpy", numpy_share, text))
    jax_share = 1.7 if single else 1.2
    text = f"functrace takes at most {jax_share} times JAX's time, both jitted"
    targets.append(Ratio("functrace-jit", "jax-jit", jax_share, text))
    if options.number < 10_000:
        targets.append(Ratio("functrace-jit", "jax-jit", 1.0, "functrace takes less than JAX, both jitted"))
    return targets


def _case(
    work: str, options: Options, contenders: dict[str, Callable[[Options], Call]], targets: tuple[Target, ...]
) -> Case:
    return Case(
        name=f"black-scholes-{work}-{options.name}",
        text=f"{work} of {options.number:,} calls",
        contenders={name: partial(setup, options) for name, setup in contenders.items()},
        targets=targets,
        tolerance=1e-9 if options.dtype == "float64" else 1e-5,
    )


MANY = 4_000_000

CASES = (
    *(prices_case(Options(number, "float64")) for number in (100, 1_000, 10_000, 100_000, 1_000_000, MANY)),
    prices_case(Options(MANY, "float32")),
    *(gradients_case(Options(number, "float64")) for number in (1_000, 100_000, MANY)),
)
