"""Random numbers: functions of a key, with JAX's interface.

The same key gives the same numbers: eager, under `jit`, for each key of a `vmap`, on any thread. `bits`, `uniform`,
`normal`, `randint` and what is made of these by arithmetic are the same on every machine, to the bit; what takes a
logarithm, or another function of NumPy's that machines round differently, may differ in its last digits.

A key is an array of two words of 64 bits, and an ordinary value: it can be an argument of `jit`, be mapped over, be
carried through `lax.scan`. It is the key of `numpy.random.Philox`, NumPy's counter-based generator, whose words
the bits are. There is no state: a key that is used twice gives the same numbers twice, so `split` it first.
"""

from typing import NoReturn

from .choosing import categorical, choice, permutation
from .counts import binomial, geometric, multinomial, poisson
from .gammas import beta, chisquare, dirichlet, f, gamma, generalized_normal, loggamma, t
from .inverses import cauchy, exponential, gumbel, laplace, logistic, pareto, rayleigh, triangular, weibull_min
from .keys import PRNGKey, clone, fold_in, key, key_data, key_dtype, key_impl, split, wrap_key_data
from .normals import double_sided_maxwell, lognormal, maxwell, normal, truncated_normal, wald
from .uniforms import bernoulli, bits, rademacher, randint, uniform
from .vectors import ball, multivariate_normal, orthogonal

__all__ = [
    "PRNGKey",
    "ball",
    "bernoulli",
    "beta",
    "binomial",
    "bits",
    "categorical",
    "cauchy",
    "chisquare",
    "choice",
    "clone",
    "dirichlet",
    "double_sided_maxwell",
    "exponential",
    "f",
    "fold_in",
    "gamma",
    "generalized_normal",
    "geometric",
    "gumbel",
    "key",
    "key_data",
    "key_dtype",
    "key_impl",
    "laplace",
    "loggamma",
    "logistic",
    "lognormal",
    "maxwell",
    "multinomial",
    "multivariate_normal",
    "normal",
    "orthogonal",
    "pareto",
    "permutation",
    "poisson",
    "rademacher",
    "randint",
    "rayleigh",
    "split",
    "t",
    "triangular",
    "truncated_normal",
    "uniform",
    "wald",
    "weibull_min",
    "wrap_key_data",
]

#: numpy.random's names → what is written in their place.
_IN_PLACE_OF_NUMPYS = {
    **dict.fromkeys(("Generator", "RandomState", "default_rng", "get_state", "seed", "set_state"), "key(seed)"),
    **dict.fromkeys(("rand", "random", "random_sample", "ranf", "sample"), "uniform(key, shape)"),
    **dict.fromkeys(("randn", "standard_normal"), "normal(key, shape)"),
    **dict.fromkeys(("integers", "random_integers"), "randint(key, shape, low, high)"),
    **dict.fromkeys(("permuted", "shuffle"), "permutation(key, x), which gives a new array"),
    "bytes": "bits(key, shape, numpy.uint8)",
    "standard_cauchy": "cauchy(key, shape)",
    "standard_exponential": "exponential(key, shape)",
    "standard_gamma": "gamma(key, a)",
    "standard_t": "t(key, df)",
    "weibull": "weibull_min(key, scale, concentration)",
}


def __getattr__(name: str) -> NoReturn:
    if name in _IN_PLACE_OF_NUMPYS:
        raise AttributeError(
            f"functrace.random has no {name!r}: numpy.random keeps a hidden state, and here each draw takes a key; "
            f"write functrace.random.{_IN_PLACE_OF_NUMPYS[name]}"
        )
    raise AttributeError(f"module 'functrace.random' has no attribute {name!r}")
