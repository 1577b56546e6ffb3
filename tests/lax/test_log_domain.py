from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from functrace.core.aval import Aval
from functrace.core.recording import record
from functrace.errors import DtypeError
from functrace.lax import log_domain as lax
from tests.lax.rules import check_rules, distinct_values, jvp_of, vjp_of

INF = np.inf
INEXACT = (np.float32, np.float64, np.complex128)
numbers = st.integers(0, 2**32 - 1)


def by_definition(x, axis, keepdims):
    with np.errstate(divide="ignore"):
        return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


@settings(max_examples=100, deadline=None)
@given(shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), data=st.data())
def test_logsumexp_is_the_logarithm_of_the_sum_and_so_are_its_rules(shape, data):
    x = distinct_values(np.random.default_rng(data.draw(numbers)), shape, data.draw(st.sampled_from(INEXACT)))[()]
    axes = data.draw(st.one_of(st.none(), st.sets(st.integers(-len(shape), -1)) if shape else st.none()))
    axis = None if axes is None else tuple(axes)
    if axis and len(axis) == 1:
        axis = axis[0]
    keepdims = data.draw(st.booleans())
    expected = by_definition(x, axis, keepdims)
    check_rules(lambda x: lax.logsumexp(x, axis, keepdims), x, expected=expected)


@settings(max_examples=100, deadline=None)
@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3), data=st.data())
def test_the_running_logsumexp_is_the_logarithm_of_the_running_sum_and_so_are_its_rules(shape, data):
    x = distinct_values(np.random.default_rng(data.draw(numbers)), shape, data.draw(st.sampled_from(INEXACT)))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    reverse = data.draw(st.booleans())
    running = np.cumsum(np.exp(np.flip(x, axis) if reverse else x), axis)
    expected = np.log(np.flip(running, axis) if reverse else running)
    check_rules(lambda x: lax.cumlogsumexp(x, axis, reverse), x, expected=expected)


@settings(max_examples=100, deadline=None)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, min_side=0, max_side=3), seed=numbers)
def test_exp_gap_is_the_exponential_of_the_difference_and_so_are_its_rules(shapes, seed):
    rng = np.random.default_rng(seed)
    x, y = [distinct_values(rng, shape, float)[()] for shape in shapes.input_shapes]
    check_rules(lax.exp_gap, x, y, expected=np.exp(x - y))


@pytest.mark.parametrize("shift", [-1e6, -1000.0, 1000.0, 1e6, 1e200])
def test_logsumexp_neither_overflows_nor_underflows(shift):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lax.logsumexp(np.array([shift, shift])) == pytest.approx(shift + math.log(2), rel=1e-15)
        assert lax.logsumexp(np.array([shift, shift]) + 0j) == pytest.approx(shift + math.log(2), rel=1e-15)
        if abs(shift) < 1e200:  # there log(2) is lost in rounding
            np.testing.assert_allclose(vjp_of(lax.logsumexp, [np.full(2, shift)], [1.0])[0], [0.5, 0.5])


def test_the_running_logsumexp_keeps_what_is_far_below_the_greatest_element():
    x = np.array([-2000.0, -2000.0, 1000.0])
    expected = [-2000.0, -2000 + math.log(2), 1000.0]
    np.testing.assert_allclose(lax.cumlogsumexp(x), expected, rtol=1e-15)
    np.testing.assert_allclose(lax.cumlogsumexp(x + 0j), expected, rtol=1e-15)
    np.testing.assert_allclose(vjp_of(lax.cumlogsumexp, [x], [np.array([0.0, 1.0, 0.0])])[0], [0.5, 0.5, 0.0])


@pytest.mark.parametrize(
    ("x", "weights"),
    [
        ([-INF, -INF], [0.0, 0.0]),
        ([-INF, 1.0], [0.0, 1.0]),
        ([INF, 1.0], [1.0, 0.0]),
        ([INF, -INF], [1.0, 0.0]),
        ([np.nan, 1.0], [np.nan, np.nan]),
    ],
)
def test_logsumexp_and_its_gradient_are_right_where_elements_are_infinite_or_nan_without_a_warning(x, weights):
    x = np.array(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = lax.logsumexp(x)
        (gradient,) = vjp_of(lax.logsumexp, [x], [1.0])
        _, (tangent,) = jvp_of(lax.logsumexp, [x], [np.ones(2)])
    np.testing.assert_array_equal(value, scipy.special.logsumexp(x))
    np.testing.assert_array_equal(gradient, weights)
    np.testing.assert_array_equal(tangent, np.sum(weights))
    np.testing.assert_array_equal(lax.cumlogsumexp(x)[-1], value)
    np.testing.assert_array_equal(vjp_of(lax.cumlogsumexp, [x], [np.array([0.0, 1.0])])[0], weights)


def test_a_row_that_is_all_masked_does_not_spoil_the_others():
    x = np.array([[-INF, -INF], [0.0, 0.0]])
    np.testing.assert_allclose(lax.logsumexp(x, 1), [-INF, math.log(2)])
    np.testing.assert_allclose(vjp_of(lambda x: lax.logsumexp(x, 1), [x], [np.ones(2)])[0], [[0, 0], [0.5, 0.5]])


@pytest.mark.parametrize("dtype", INEXACT)
def test_the_logsumexp_of_nothing_is_minus_infinity(dtype):
    value = lax.logsumexp(np.zeros((2, 0), dtype), 1)
    assert value.dtype == dtype
    np.testing.assert_array_equal(value, np.full(2, -INF, dtype))


def test_the_logsumexp_of_complex_numbers_takes_the_greatest_real_part_out():
    x = np.array([1000 + 1j, 1000 - 1j, -INF + 0j])
    assert lax.logsumexp(x) == pytest.approx(1000 + math.log(2 * math.cos(1)))
    weights = np.exp([1j, -1j, -INF]) / (2 * math.cos(1))
    np.testing.assert_allclose(vjp_of(lax.logsumexp, [x], [1.0 + 0j])[0], weights, atol=1e-12)
    np.testing.assert_array_equal(vjp_of(lax.logsumexp, [np.full(2, -INF + 0j)], [1.0 + 0j])[0], [0, 0])


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, np.bool_])
def test_logsumexp_takes_integers_as_doubles(dtype):
    x = np.array([1, 0, 1], dtype)
    check_rules(lax.logsumexp, x, expected=np.log(2 * np.e + 1))
    check_rules(lax.cumlogsumexp, x, expected=np.log(np.cumsum(np.exp(x.astype(float)))))


def test_the_primitive_itself_refuses_integers():
    with pytest.raises(DtypeError, match="floats or complex numbers"):
        record(lambda x: [lax.logsumexp_p(x, axes=(0,), keepdims=False)], [Aval((3,), np.dtype(int))])
