from __future__ import annotations

import numpy as np
import pytest

from functrace.lax import philox

KEYS = np.random.Philox(key=99).random_raw(2 * 70).reshape(70, 2)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 63, 64, 65])
@pytest.mark.parametrize("keys", [0, 1, 3, 70])
def test_words_are_those_of_numpys_generator_for_any_number_of_keys(keys, count):
    for stream in (philox.DRAWS, philox.SPLITS):
        got = philox.words(KEYS[:keys], count, stream)
        assert got.shape == (keys, count) and got.dtype == np.uint64
        for row, key in zip(got, KEYS, strict=False):
            np.testing.assert_array_equal(row, np.random.Philox(key=key, counter=[0, 0, 0, stream]).random_raw(count))


@pytest.mark.parametrize("keys", [1, 70])
def test_a_block_is_that_of_numpys_generator_at_its_counter(keys):
    numbers = np.array([0, 1, 2**64 - 1, 7] * 18, np.uint64)[:keys]
    got = philox.blocks(KEYS[:keys], numbers, upper=3, stream=philox.RETRIES)
    for row, key, number in zip(got, KEYS, numbers.tolist(), strict=False):
        counter = number + (3 << 128) + (philox.RETRIES << 192)
        np.testing.assert_array_equal(row, np.random.Philox(key=key, counter=counter - 1).random_raw(4))


def test_a_block_at_counter_0_is_known():
    """That of the algorithm's authors: Random123, kat_vectors, philox4x64 10 rounds, all zeros."""
    expected = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    for copies in (1, 70):
        got = philox.blocks(np.zeros((copies, 2), np.uint64), np.zeros(copies, np.uint64))
        np.testing.assert_array_equal(got, [expected] * copies)


def test_the_upper_half_of_a_product_is_that_of_pythons_integers():
    special = np.array([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1], np.uint64)
    x, y = np.concatenate((special, KEYS[:, 0]))[:, None], np.concatenate((special, KEYS[:, 1]))
    expected = [[a * b >> 64 for b in y.tolist()] for (a,) in x.tolist()]
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(philox.multiply_high(x, y), np.array(expected, np.uint64))
