from __future__ import annotations

import numpy as np
import pytest

from functrace import grad, jit, random, vmap
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError

KEY = random.key(0)


@pytest.mark.parametrize("seed", [0, 1, -1, 2**64 + 3, 2**128 - 1, np.int32(-7), np.uint64(2**64 - 1), True])
def test_a_key_is_that_of_numpys_generator(seed):
    made = random.key(seed)
    assert made.dtype == random.key_dtype() == np.uint64 and made.shape == (2,)
    expected = np.random.Philox(key=int(seed) % 2**128).random_raw(5)
    np.testing.assert_array_equal(random.bits(made, (5,)), expected)
    np.testing.assert_array_equal(random.PRNGKey(seed, impl="philox4x64"), made)
    if isinstance(seed, np.generic) or abs(seed) < 2**63:
        np.testing.assert_array_equal(jit(random.key)(seed), made)
        np.testing.assert_array_equal(vmap(random.key)(np.array([seed, seed])), [made, made])


def test_keys_are_copied_and_wrapped():
    keys = random.split(KEY, (2, 3))
    assert keys.shape == (2, 3, 2) and random.key_impl(keys) == "philox4x64"
    for function in (random.clone, random.key_data, random.wrap_key_data):
        copy = function(keys)
        np.testing.assert_array_equal(copy, keys)
        assert not np.shares_memory(copy, keys)
        np.testing.assert_array_equal(jit(function)(keys), keys)


def test_more_keys_begin_with_the_same_ones():
    np.testing.assert_array_equal(random.split(KEY, 7)[:3], random.split(KEY, 3))
    np.testing.assert_array_equal(random.split(KEY, (2, 3)).reshape(6, 2), random.split(KEY, 6))
    assert random.split(KEY, 0).shape == (0, 2)


@pytest.mark.parametrize("function", ["split", "normal", "uniform", "bits", "permutation", "gamma"])
def test_what_is_no_key_is_refused_with_what_to_write(function):
    call = {
        "permutation": lambda key: random.permutation(key, 3),
        "gamma": lambda key: random.gamma(key, 1.0),
    }.get(function, getattr(random, function))
    with pytest.raises(ArgumentError, match=rf"{function} expected a key, got int 7(.|\n)*functrace\.random\.key\(7\)"):
        call(7)
    for wrong in (np.array([0, 0]), np.uint64(3), np.zeros(3, np.uint64), None, [0, 0], "key"):
        with pytest.raises(ArgumentError, match=r"functrace\.random\.key\(0\)"):
            call(wrong)
    with pytest.raises(ShapeError, match=r"an array of 3 keys(.|\n)*vmap"):
        call(random.split(KEY, 3))
    with pytest.raises(ShapeError, match="one key"):
        jit(call)(random.split(KEY, 3))
    with pytest.raises(ArgumentError, match="a key"):
        grad(lambda x: call(x))(1.0)


def test_seeds_that_are_none_are_refused():
    for seed in (1.0, "0", None, np.zeros(2), np.float32(1)):
        with pytest.raises(TypeError, match="seed"):
            random.key(seed)
    with pytest.raises(ShapeError, match="vmap"):
        random.key(np.arange(3))
    with pytest.raises(OptionError, match="128"):
        random.key(2**128)
    with pytest.raises(OptionError, match="philox4x64"):
        random.key(0, impl="threefry2x32")
    with pytest.raises(OptionError, match="64"):
        random.fold_in(KEY, 2**64)
    with pytest.raises(DtypeError, match="integer"):
        random.fold_in(KEY, 1.5)


def test_wrong_arguments_are_refused_as_numpy_and_jax_refuse_them():
    cases = [
        (TypeError, lambda: random.normal(KEY, (2,), int)),
        (TypeError, lambda: random.uniform(KEY, (2,), np.int32)),
        (TypeError, lambda: random.gamma(KEY, 1.0, dtype=complex)),
        (TypeError, lambda: random.bits(KEY, (2,), np.int64)),
        (TypeError, lambda: random.randint(KEY, (2,), 0, 2, float)),
        (TypeError, lambda: random.randint(KEY, (2,), 0.0, 2)),
        (TypeError, lambda: random.poisson(KEY, 1.0, dtype=float)),
        (TypeError, lambda: random.rademacher(KEY, (2,), np.uint8)),
        (TypeError, lambda: random.permutation(KEY, 2.5)),
        (TypeError, lambda: random.normal(KEY, "shape")),
        (TypeError, lambda: jit(lambda n: random.normal(KEY, (n,)))(3)),
        (TypeError, lambda: jit(lambda n: random.permutation(KEY, n))(3)),
        (ValueError, lambda: random.normal(KEY, (-1,))),
        (ValueError, lambda: random.uniform(KEY, (2,), minval=np.zeros(3))),
        (ValueError, lambda: random.gamma(KEY, np.ones(3), (2,))),
        (ValueError, lambda: random.gamma(KEY, np.ones((2, 3)), (3,))),
        (ValueError, lambda: random.beta(KEY, np.ones(3), np.ones(2))),
        (ValueError, lambda: random.dirichlet(KEY, 1.0)),
        (ValueError, lambda: random.dirichlet(KEY, np.ones((2, 3)), (3,))),
        (ValueError, lambda: random.choice(KEY, 0, (2,))),
        (ValueError, lambda: random.choice(KEY, 3, (4,), replace=False)),
        (ValueError, lambda: random.choice(KEY, 3, (4,), p=np.ones(4))),
        (ValueError, lambda: random.choice(KEY, np.zeros((2, 2)), (4,), axis=2)),
        (ValueError, lambda: random.categorical(KEY, np.zeros((2, 3)), shape=(3,))),
        (ValueError, lambda: random.categorical(KEY, np.zeros(3), shape=(4,), replace=False)),
        (ValueError, lambda: random.categorical(KEY, np.zeros(3), mode="middle")),
        (ValueError, lambda: random.bernoulli(KEY, np.zeros(3), (2,))),
        (ValueError, lambda: random.multivariate_normal(KEY, np.zeros(3), np.eye(2))),
        (ValueError, lambda: random.multivariate_normal(KEY, np.zeros(2), np.eye(2), method="lu")),
        (ValueError, lambda: random.multivariate_normal(KEY, np.zeros((4, 2)), np.eye(2), (3,))),
    ]
    for error, call in cases:
        with pytest.raises(error):
            call()


def test_names_of_numpys_generators_are_refused_with_what_to_write():
    for name, instead in random._IN_PLACE_OF_NUMPYS.items():
        assert hasattr(np.random, name) or hasattr(np.random.Generator, name)
        assert hasattr(random, instead.split("(")[0])
        with pytest.raises(AttributeError, match=rf"no {name!r}: .* functrace\.random\.\w+\("):
            getattr(random, name)
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        random.no_such_name  # noqa: B018
