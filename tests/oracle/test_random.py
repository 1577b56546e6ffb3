"""The interface of `jax.random`: names, parameters, defaults, shapes, dtypes, derivatives. The numbers are others."""

from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pytest

import functrace
from functrace import random
from functrace.lax.gamma_slope import log_gamma_slope
from tests.oracle.agreement import jax, jnp

#: What names sharded devices and other generators, which there are none of here.
ABSENT = {"out_sharding", "dtype of key", "dtype of wrap_key_data"}


def test_every_name_of_jax_random_is_there():
    names = {name for name in dir(jax.random) if not name.startswith("_") and callable(getattr(jax.random, name))}
    assert names == set(random.__all__)


@pytest.mark.parametrize("name", random.__all__)
def test_parameters_have_their_names_order_and_defaults(name):
    theirs = inspect.signature(getattr(jax.random, name)).parameters
    ours = inspect.signature(getattr(random, name)).parameters
    kept = {key: value for key, value in theirs.items() if not ABSENT & {key, f"{key} of {name}"}}
    kept = {key: value for key, value in kept.items() if (key, name) != ("dtype", "PRNGKey")}
    assert list(ours) == list(kept)
    for ours_one, theirs_one in zip(ours.values(), kept.values(), strict=True):
        assert ours_one.kind == theirs_one.kind and ours_one.default == theirs_one.default


_THREE = np.array([0.4, 1.0, 2.0])
_LOGITS = np.log(np.arange(1.0, 25.0)).reshape(2, 3, 4)
_COVARIANCE = np.array([[2.0, 1.0], [1.0, 3.0]])

#: A name, its positional arguments after the key, and its keywords.
CALLS = [
    ("ball", (3,), {}),
    ("ball", (3, 1.5, (2,), np.float32), {}),
    ("bernoulli", (), {}),
    ("bernoulli", (0.3, (2, 3)), {}),
    ("bernoulli", (_THREE / 2, (2, 3)), {"mode": "high"}),
    ("beta", (_THREE, 2.0), {}),
    ("beta", (np.float32(_THREE), np.ones((2, 1), np.float32), None, np.float32), {}),
    ("binomial", (10, 0.3), {}),
    ("binomial", (np.array([10, 20, 30]), 0.3, (2, 3), np.float32), {}),
    ("bits", (), {}),
    ("bits", ((3,), np.uint8), {}),
    ("categorical", (_LOGITS,), {}),
    ("categorical", (_LOGITS, 1), {}),
    ("categorical", (_LOGITS, 0, (5, 3, 4)), {}),
    ("categorical", (_LOGITS, -1, (2, 2, 3)), {"replace": False}),
    ("categorical", (_LOGITS, 1, (2, 2, 4)), {"replace": False, "mode": "low"}),
    ("cauchy", ((2,), np.float32), {}),
    ("chisquare", (_THREE,), {}),
    ("choice", (5,), {}),
    ("choice", (5, (2, 3)), {}),
    ("choice", (_LOGITS, (5,)), {"axis": 1}),
    ("choice", (np.float32(_LOGITS), (2, 1)), {"axis": -1, "replace": False}),
    ("choice", (3, (2,)), {"p": _THREE / 3.4, "replace": False}),
    ("choice", (_LOGITS, (2, 2)), {"axis": 1, "p": _THREE / 3.4}),
    ("dirichlet", (_THREE,), {}),
    ("dirichlet", (np.ones((4, 3)), (5, 4), np.float32), {}),
    ("double_sided_maxwell", (0.0, 2.0, (2, 3)), {}),
    ("exponential", (), {}),
    ("exponential", ((2, 3), np.float16), {}),
    ("f", (_THREE, 4.0, (3,)), {}),
    ("fold_in", (3,), {}),
    ("gamma", (_THREE,), {}),
    ("gamma", (2, (3,), np.float32), {}),
    ("generalized_normal", (2.0, (3,)), {}),
    ("geometric", (_THREE / 2,), {}),
    ("geometric", (0.5, (2,), np.int32), {}),
    ("gumbel", ((2,),), {"mode": "high"}),
    ("laplace", ((2,),), {}),
    ("loggamma", (_THREE, (2, 3)), {}),
    ("logistic", ((2,),), {}),
    ("lognormal", (), {}),
    ("lognormal", (_THREE, (2, 3)), {}),
    ("maxwell", ((2,),), {}),
    ("multinomial", (10, _THREE / 3.4), {}),
    ("multinomial", (np.array([5, 6]), np.ones((2, 3)) / 3), {}),
    ("multivariate_normal", (np.zeros(2), _COVARIANCE), {}),
    ("multivariate_normal", (np.zeros((3, 1, 2)), np.stack([_COVARIANCE] * 4)), {"method": "svd"}),
    ("multivariate_normal", (np.float32([0, 1]), np.float32(_COVARIANCE), (5,)), {"method": "eigh"}),
    ("normal", (), {}),
    ("normal", ((2, 3), np.float32), {}),
    ("normal", ((2, 3), np.complex64), {}),
    ("orthogonal", (3,), {}),
    ("orthogonal", (3, (2,), np.float32), {"m": 2}),
    ("pareto", (_THREE,), {}),
    ("permutation", (5,), {}),
    ("permutation", (_LOGITS, 1), {}),
    ("permutation", (_LOGITS, -1), {"independent": True}),
    ("poisson", (_THREE,), {}),
    ("poisson", (3.0, (2,), np.int32), {}),
    ("rademacher", (), {}),
    ("rademacher", ((2,), np.float32), {}),
    ("randint", ((2, 3), 0, np.array([1, 2, 3])), {}),
    ("randint", ((2,), 0, 256, np.uint8), {}),
    ("rayleigh", (_THREE, (2, 3)), {}),
    ("t", (_THREE,), {}),
    ("triangular", (0.0, _THREE, 2.5), {}),
    ("truncated_normal", (-1.0, _THREE), {}),
    ("truncated_normal", (-1, 2, (3,), np.float32), {}),
    ("uniform", (), {}),
    ("uniform", ((2, 3), np.float32, -1, 2.5), {}),
    ("wald", (_THREE,), {}),
    ("weibull_min", (1.0, _THREE, (2, 3)), {}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_shapes_and_dtypes_agree(name, args, kwargs):
    key = random.key(0)
    ours = [
        getattr(random, name)(key, *args, **kwargs),
        functrace.jit(lambda key: getattr(random, name)(key, *args, **kwargs))(key),
    ]
    theirs = jax.eval_shape(lambda key: getattr(jax.random, name)(key, *args, **kwargs), jax.random.PRNGKey(0))
    for value in ours:
        if name == "fold_in":  # their keys have words of 32 bits
            assert value.shape == theirs.shape
        elif kwargs.get("replace") is False and name == "categorical":  # indices are NumPy's: JAX's `top_k` gives int32
            assert value.shape == theirs.shape and value.dtype == np.int64
        else:
            assert (value.shape, value.dtype) == (theirs.shape, theirs.dtype)


def test_the_implicit_derivative_of_gamma_variables_agrees():
    generator = np.random.default_rng(0)
    a = np.concatenate([np.full(50, a) for a in (1e-3, 0.1, 0.9, 1.0, 3.0, 50.0, 1e3, 1e4)])
    z = np.maximum(generator.gamma(a), 1e-200)
    expected = np.asarray(jax.lax.random_gamma_grad(a, z)) / z
    np.testing.assert_allclose(log_gamma_slope(a, np.log(z)), expected, rtol=1e-11)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("beta", (0.7, 2.0)),
        ("chisquare", (3.0,)),
        ("f", (3.0, 9.0)),
        ("gamma", (0.4,)),
        ("loggamma", (0.4,)),
        ("pareto", (3.0,)),
        ("t", (5.0,)),
        ("truncated_normal", (-0.5, 1.5)),
    ],
)
def test_derivatives_have_the_same_distribution(name, parameters):
    """Their means in each quarter of the variables, since the numbers are others."""
    count = 4000

    def slopes(module, transforms, keys):
        draw = getattr(module, name)
        value_and_slopes = transforms.value_and_grad(lambda p, key: draw(key, *p))
        return transforms.vmap(value_and_slopes, in_axes=(None, 0))(parameters, keys)

    ours = slopes(random, functrace, random.split(random.key(1), count))
    theirs = slopes(jax.random, jax, jax.random.split(jax.random.PRNGKey(1), count))
    quarters = np.quantile(np.asarray(theirs[0]), [0.02, 0.25, 0.5, 0.75, 0.98])
    for mine, other in zip(ours[1], theirs[1], strict=True):
        for low, high in pairwise(quarters):
            first = mine[(ours[0] >= low) & (ours[0] < high)]
            second = np.asarray(other)[np.asarray((theirs[0] >= low) & (theirs[0] < high))]
            error = np.sqrt(np.var(first) / len(first) + np.var(second) / len(second))
            assert abs(first.mean() - second.mean()) < 5 * error + 1e-12


def test_a_vmap_over_parameters_and_keys_gives_the_same_shapes():
    keys, theirs = random.split(random.key(0), 3), jax.random.split(jax.random.PRNGKey(0), 3)
    for in_axes in ((0, None), (None, 0), (0, 0)):
        value = functrace.vmap(lambda key, a: random.gamma(key, a, (4,)), in_axes)(
            keys if in_axes[0] == 0 else keys[0], _THREE if in_axes[1] == 0 else 1.0
        )
        expected = jax.vmap(lambda key, a: jax.random.gamma(key, a, (4,)), in_axes)(
            theirs if in_axes[0] == 0 else theirs[0], jnp.asarray(_THREE) if in_axes[1] == 0 else 1.0
        )
        assert value.shape == expected.shape
