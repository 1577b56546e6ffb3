from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace.lax.choosing import choose

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-320, 1.0, -2.5])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([(5,), (5000,), (70, 80), (0,), ()]),
    st.sampled_from([np.float64, np.float32, np.float16, np.complex128, np.int64]),
    st.sampled_from(["array", "scalar", "zero", "minus zero", "python", "turned", "row"]),
    st.sampled_from(["array", "zero", "python", "scalar"]),
    st.booleans(),
    st.integers(0, 9),
)
def test_a_choice_is_that_of_numpy_to_the_bit(shape, dtype, first, second, turned, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.5
    if turned:
        mask = np.asarray(mask.T.copy().T)

    def operand(kind):
        values = rng.choice(SPECIAL, shape) if np.dtype(dtype).kind in "fc" else rng.integers(-9, 9, shape)
        values = np.asarray(values).astype(dtype)
        table = {
            "array": values,
            "scalar": dtype(3),
            "zero": dtype(0),
            "minus zero": dtype(-0.0),
            "python": 0,
            "turned": np.asarray(values.T.copy().T),
            "row": values[:1] if values.ndim else values,
        }
        return table[kind]

    x, y = operand(first), operand(second)
    got, expected = choose(mask, x, y), np.where(mask, x, y)
    assert np.shape(got) == expected.shape and got.dtype == expected.dtype
    assert np.asarray(got).tobytes() == expected.tobytes()


@pytest.mark.parametrize("size", [10, 5000, 200_000])
def test_compiled_choices_are_those_of_numpy_with_their_derivative(size):
    x = np.random.default_rng(0).normal(size=size)

    def f(x):
        return fnp.where(x > 0, fnp.exp(-x), 0) + fnp.where(x > 1, x, 2 * x)

    expected = np.where(x > 0, np.exp(-x), 0) + np.where(x > 1, x, 2 * x)
    np.testing.assert_array_equal(functrace.jit(f)(x), expected)
    slope = functrace.jit(functrace.grad(lambda x: fnp.sum(f(x))))(x)
    np.testing.assert_allclose(slope, np.where(x > 0, -np.exp(-x), 0) + np.where(x > 1, 1, 2), rtol=1e-14)
