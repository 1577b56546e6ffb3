from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from functrace import jvp
from functrace.lax import random as lax
from functrace.lax import random_rejection
from functrace.lax.random_rejection import random_binomial_p, random_log_gamma_p, random_poisson_p
from tests.lax.rules import batched, check_rules

KEY = np.array([5, 6], np.uint64)
KEYS = np.random.Philox(key=99).random_raw(2 * 70).reshape(70, 2)


def test_bits_are_pinned_by_numpys_generator():
    expected = np.random.Philox(key=KEY).random_raw(6)
    got = lax.random_bits_p(KEY, shape=(2, 3), dtype=np.dtype(np.uint64))
    np.testing.assert_array_equal(got, expected.reshape(2, 3))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_smaller_bits_are_parts_of_the_words_the_lower_first(dtype):
    pieces = 8 // np.dtype(dtype).itemsize
    width = 64 // pieces
    words = np.random.Philox(key=KEY).random_raw(3).tolist()
    expected = [word >> (width * piece) & (1 << width) - 1 for word in words for piece in range(pieces)]
    got = lax.random_bits_p(KEY, shape=(2 * pieces + 1,), dtype=np.dtype(dtype))
    assert got.dtype == dtype and got.dtype.isnative
    np.testing.assert_array_equal(got, np.array(expected[: 2 * pieces + 1], dtype))


def test_floats_are_pinned_by_the_bits():
    words = np.random.Philox(key=KEY).random_raw(500).tolist()
    uniform = lax.random_uniform_p(KEY, shape=(500,), dtype=np.dtype(np.float64))
    np.testing.assert_array_equal(uniform, [(word >> 11) / 2**53 for word in words])
    inner = lax.random_inner_uniform_p(KEY, shape=(500,), dtype=np.dtype(np.float64))
    np.testing.assert_array_equal(inner, [((word >> 12) + 0.5) / 2**52 for word in words])
    normal = lax.random_normal_p(KEY, shape=(500,), dtype=np.dtype(np.float64))
    np.testing.assert_allclose(normal, special.ndtri(inner), rtol=3e-15)
    halves = [half for word in words for half in (word & 2**32 - 1, word >> 32)]
    single = lax.random_uniform_p(KEY, shape=(1000,), dtype=np.dtype(np.float32))
    np.testing.assert_array_equal(single, np.float32([(half >> 8) / 2**24 for half in halves]))
    quarters = [quarter for half in halves for quarter in (half & 2**16 - 1, half >> 16)]
    half = lax.random_uniform_p(KEY, shape=(2000,), dtype=np.dtype(np.float16))
    np.testing.assert_array_equal(half, np.float16([(quarter >> 5) / 2**11 for quarter in quarters]))
    half = lax.random_inner_uniform_p(KEY, shape=(2000,), dtype=np.dtype(np.float16))
    np.testing.assert_array_equal(half, np.float16([((quarter >> 6) + 0.5) / 2**10 for quarter in quarters]))
    normal = lax.random_normal_p(KEY, shape=(1000,), dtype=np.dtype(np.float32))
    np.testing.assert_array_equal(normal, np.float32(special.ndtri([((h >> 9) + 0.5) / 2**23 for h in halves])))


def test_scaled_bits_are_the_upper_half_of_a_product_and_a_span_of_zero_is_all():
    bits, spans = KEYS[:, 0], np.array([[1], [6], [2**63], [0]], np.uint64)
    expected = [[x * (span or 2**64) >> 64 for x in bits.tolist()] for (span,) in spans.tolist()]
    check_rules(lax.scale_bits_p, bits, spans, expected=np.array(expected, np.uint64), order=0)
    for span in (1, 7, 2**32 - 1, 2**32):
        expected = np.array([x * span >> 64 for x in [*bits.tolist(), 2**64 - 1]], np.uint64)
        np.testing.assert_array_equal(
            lax.scale_bits_p(np.append(bits, np.uint64(2**64 - 1)), np.uint64(span)), expected
        )
    assert lax.scale_bits_p(bits[:0], spans).shape == (4, 0)


@pytest.mark.parametrize("size", [3, 70])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (80,)])
def test_each_key_of_a_stack_draws_what_it_draws_alone(size, shape):
    keys, zeros = KEYS[:size], np.zeros(shape)
    draws = [
        lambda key: lax.random_bits_p(key, shape=shape, dtype=np.dtype(np.uint16)),
        lambda key: lax.random_normal_p(key, shape=shape, dtype=np.dtype(np.float32)),
        lambda key: lax.random_normal_p(key, shape=shape, dtype=np.dtype(np.float64)),
        lambda key: lax.random_fold_in_p(key, np.uint64(3)),
        lambda key: random_log_gamma_p(key, zeros + 0.3, dtype=np.dtype(np.float64)),
        lambda key: random_log_gamma_p(key, zeros + 1.1, dtype=np.dtype(np.float32)),
        lambda key: random_poisson_p(key, zeros + 3.3, dtype=np.dtype(np.int32)),
        lambda key: random_poisson_p(key, zeros + 11.3, dtype=np.dtype(np.int64)),
        lambda key: random_binomial_p(key, zeros + 50, zeros + 0.4, dtype=np.dtype(np.float64)),
    ]
    for draw in draws:
        alone = np.stack([draw(key) for key in keys])
        for dim in (0, 1):
            (together,) = batched(draw, size, [np.moveaxis(keys, 0, dim)], [dim])
            assert together.dtype == alone.dtype
            np.testing.assert_array_equal(together, alone)


def test_more_draws_begin_with_the_same_numbers():
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        many = lax.random_normal_p(KEY, shape=(70_000,), dtype=dtype)
        np.testing.assert_array_equal(lax.random_normal_p(KEY, shape=(33,), dtype=dtype), many[:33])


def test_a_result_is_writable_and_shares_memory_with_no_other():
    first, second = [lax.random_normal_p(KEY, shape=(5,), dtype=np.dtype(np.float64)) for _ in range(2)]
    first[:] = 0
    assert np.all(second != 0) and np.array_equal(KEY, [5, 6])


def test_what_is_no_parameter_of_a_distribution_gives_no_number_and_ends():
    a = np.array([-1.0, np.nan, np.inf, 0.0])
    got = random_log_gamma_p(KEY, a, dtype=np.dtype(np.float64))
    np.testing.assert_array_equal(got, [np.nan, np.nan, np.inf, -np.inf])
    got = random_poisson_p(KEY, a, dtype=np.dtype(np.int64))
    np.testing.assert_array_equal(got, [-1, -1, -1, 0])
    n, p = (
        np.array([-1.0, np.nan, np.inf, 0.0, 9.0, 9.0, 9.0, 1e6]),
        np.array([0.5, 0.5, 0.5, 0.5, 2.0, np.nan, 1.0, 1.0]),
    )
    got = random_binomial_p(KEY, n, p, dtype=np.dtype(np.float64))
    np.testing.assert_array_equal(got, [np.nan, np.nan, np.nan, 0, np.nan, np.nan, 9, 1e6])


def test_a_count_by_inversion_stays_below_the_number_of_trials_at_the_last_of_the_uniforms():
    """Where the sum of all probabilities ends a rounding error below one."""
    last, n = np.full((2, 400), 1 - 2.0**-53), np.arange(1.0, 401.0)
    counts, accepted = random_rejection._propose_binomial(last, n, 1 / n)
    assert np.all(accepted) and np.all(counts <= n)


def test_the_rules_of_the_gamma_variable_are_those_of_its_implicit_derivative():
    """The variable as a function of `a`, with the probability below it held: SciPy's quantile function."""
    a = np.array([0.3, 1.4, 6.0, 90.0])
    drawn = random_log_gamma_p(KEY, a, dtype=np.dtype(np.float64))
    below = special.gammainc(a, np.exp(drawn))
    value, slope = jvp(lambda a: random_log_gamma_p(KEY, a, dtype=np.dtype(np.float64)), (a,), (np.ones(4),))
    np.testing.assert_array_equal(value, drawn)
    moved = [np.log(special.gammaincinv(a + step, below)) for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(slope, (moved[0] - moved[1]) / 2e-5, rtol=1e-7)
