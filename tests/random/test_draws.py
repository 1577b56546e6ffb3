"""The same key gives the same numbers, whatever runs around the draw."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import functrace.numpy as fnp
from functrace import jit, lax, make_jaxpr, random, vjp, vmap
from tests.numpy.recorded import largest_constant
from tests.random.draws import DRAWS

KEYS = random.split(random.key(0), 40)


def same(value, expected):
    value, expected = np.asarray(value), np.asarray(expected)
    assert value.dtype == expected.dtype and value.shape == expected.shape
    np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("name", DRAWS)
def test_eager_jit_and_vmap_give_the_same_bits(name):
    draw = DRAWS[name]
    alone = np.stack([draw(key) for key in KEYS])
    compiled = jit(draw)
    same(compiled(KEYS[0]), alone[0])
    same(compiled(KEYS[1]), alone[1])
    same(vmap(draw)(KEYS), alone)
    same(vmap(draw)(KEYS[:2]), alone[:2])
    same(vmap(vmap(draw), in_axes=1, out_axes=1)(KEYS.reshape(8, 5, 2)), alone.reshape(8, 5, *alone.shape[1:]))
    same(jit(vmap(draw))(KEYS), alone)
    assert not np.array_equal(alone[0], alone[1])


def test_every_function_that_draws_is_tested():
    others = {"key", "PRNGKey", "clone", "key_data", "key_dtype", "key_impl", "wrap_key_data"}
    linear_algebra = {"multivariate_normal", "orthogonal"}  # products of matrices may add in another order
    assert {name.split()[0] for name in DRAWS} | others | linear_algebra == set(random.__all__)


def test_threads_draw_the_same_bits_as_one():
    draws = list(DRAWS.values())
    expected = [draw(KEYS[0]) for draw in draws]
    large = random.normal(KEYS[1], (100_000,))
    with ThreadPoolExecutor(4) as pool:
        for value, one in zip(pool.map(lambda draw: draw(KEYS[0]), draws * 4), expected * 4, strict=True):
            same(value, one)
        for value in pool.map(lambda _: random.normal(KEYS[1], (100_000,)), range(8)):
            same(value, large)


def test_keys_go_through_loops_and_branches():
    def step(key, number):
        key, now = random.split(key)
        return key, random.normal(now, (2,)) + number

    key, expected = KEYS[0], []
    for number in range(4):
        key, value = step(key, float(number))
        expected.append(value)
    last, values = jit(lambda key: lax.scan(step, key, np.arange(4.0)))(KEYS[0])
    same(last, key)
    same(values, np.stack(expected))
    looped = lax.fori_loop(0, 4, lambda i, carry: step(carry[0], i * 1.0), (KEYS[0], np.zeros(2)))
    same(looped[1], expected[-1])

    def first_above(key):
        def again(carry):
            key, _ = carry
            key, now = random.split(key)
            return key, random.normal(now)

        return lax.while_loop(lambda carry: carry[1] < 1.0, again, (key, np.float64(-np.inf)))[1]

    each = [first_above(key) for key in KEYS]
    same(vmap(first_above)(KEYS), np.array(each))
    assert min(each) > 1.0

    def one_of_two(which, key):
        return lax.cond(which, lambda key: random.uniform(key, (3,)), lambda key: random.normal(key, (3,)), key)

    for which in (True, False):
        draw = random.uniform if which else random.normal
        same(jit(one_of_two)(which, KEYS[0]), draw(KEYS[0], (3,)))
    which = np.arange(40) % 2 == 0
    expected = [(random.uniform if use else random.normal)(key, (3,)) for use, key in zip(which, KEYS, strict=True)]
    same(vmap(one_of_two)(which, KEYS), np.stack(expected))


def test_vmap_over_parameters_draws_from_one_key_and_over_both_from_each():
    a = np.array([0.5, 2.0, 30.0])
    same(vmap(lambda a: random.gamma(KEYS[0], a, (4,)))(a), np.stack([random.gamma(KEYS[0], x, (4,)) for x in a]))
    both = vmap(lambda key, a: random.poisson(key, a, (4,)))(KEYS[:3], a)
    same(both, np.stack([random.poisson(key, x, (4,)) for key, x in zip(KEYS, a, strict=False)]))


def test_folding_in_many_numbers_at_once_is_folding_in_each():
    numbers = np.array([-1, 0, 1, 2**40, *range(5, 41)])
    expected = np.stack([random.fold_in(KEYS[0], number) for number in numbers.tolist()])
    same(vmap(random.fold_in, in_axes=(None, 0))(KEYS[0], numbers), expected)
    same(jit(lambda key, number: random.fold_in(key, number))(KEYS[0], 2**40), expected[3])
    assert len(np.unique(expected[:, 0])) == len(numbers)


def test_a_draw_from_a_known_key_is_recorded_and_no_constant():
    draw = jit(lambda: random.normal(random.key(0), (1000,)))
    same(draw(), random.normal(random.key(0), (1000,)))
    assert largest_constant(make_jaxpr(lambda: random.normal(random.key(0), (1000,)))()) <= 2


def test_a_key_under_grad_is_an_ordinary_argument():
    def loss(weights, key):
        return fnp.sum(weights * random.normal(key, (3,)))

    _, pull_back = vjp(loss, np.ones(3), KEYS[0])
    same(pull_back(1.0)[0], random.normal(KEYS[0], (3,)))


def test_split_streams_have_no_word_in_common_and_do_not_correlate():
    parent = random.key(7)
    streams = [parent, *random.split(parent, 60), *[random.fold_in(parent, number) for number in range(60)]]
    words = np.stack([random.bits(key, (2000,)) for key in streams])
    assert len(np.unique(words)) == words.size
    assert len(np.unique(np.stack(streams))) == 2 * len(streams)
    normals = vmap(lambda key: random.normal(key, (2000,)))(np.stack(streams))
    correlations = np.corrcoef(normals)[np.triu_indices(len(streams), 1)]
    assert np.max(np.abs(correlations)) < 6 / np.sqrt(2000)
    assert abs(np.std(correlations) * np.sqrt(2000) - 1) < 0.05


def test_the_bits_of_a_word_are_even_and_independent():
    words = random.bits(random.key(3), (20_000,))
    bits = (words[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(float)
    assert np.max(np.abs(bits.mean(0) - 0.5)) < 5 * 0.5 / np.sqrt(20_000)
    assert np.max(np.abs(np.corrcoef(bits.T)[np.triu_indices(64, 1)])) < 6 / np.sqrt(20_000)


def test_results_belong_to_the_caller():
    for name, draw in DRAWS.items():
        first, second = draw(KEYS[0]), draw(KEYS[0])
        assert first.flags.writeable and not np.shares_memory(first, second) and not np.shares_memory(first, KEYS), name
