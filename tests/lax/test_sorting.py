from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from functrace.errors import OptionError, ShapeError
from functrace.lax import sorting as lax
from tests.lax.rules import check_rules, distinct_values, jvp_of, vjp_of

INEXACT = (np.float32, np.float64, np.complex128)
DTYPES = (*INEXACT, np.int8, np.int64, np.uint16, np.bool_)
numbers = st.integers(0, 2**32 - 1)


@st.composite
def lines(draw, dtypes=DTYPES):
    """An array and an axis that it has."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
    x = distinct_values(np.random.default_rng(draw(numbers)), shape, draw(st.sampled_from(dtypes)))
    return x, draw(st.integers(-len(shape), len(shape) - 1))


@pytest.mark.parametrize("is_stable", [True, False])
@settings(max_examples=100, deadline=None)
@given(case=lines())
def test_sort_is_that_of_numpy_and_so_are_its_rules(is_stable, case):
    x, axis = case
    check_rules(lambda x: lax.sort(x, axis, is_stable), x, expected=np.sort(x, axis))


@settings(max_examples=100, deadline=None)
@given(case=lines(), stable=st.booleans())
def test_argsort_is_that_of_numpy(case, stable):
    x, axis = case
    check_rules(lambda x: lax.argsort(x, axis, stable), x, expected=np.argsort(x, axis, stable=stable))
    check_rules(lambda x: lax.argsort(x, None, stable), x, expected=np.argsort(x, None, stable=stable))


@settings(max_examples=100, deadline=None)
@given(case=lines(), seed=numbers, num_keys=st.integers(1, 3))
def test_several_arrays_are_sorted_together_by_the_first_keys(case, seed, num_keys):
    last, axis = case
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 2, last.shape)
    second = rng.integers(0, 2, last.shape).astype(np.float32)
    operands = (first, second, last)
    order = np.lexsort(operands[:num_keys][::-1], axis)
    expected = tuple([np.take_along_axis(x, order, axis) for x in operands])
    check_rules(lambda *xs: lax.sort(xs, axis, num_keys=num_keys), *operands, expected=expected, order=0)
    check_rules(lambda x: lax.sort((first, second, x), axis, num_keys=num_keys)[2], last, expected=expected[2])


@settings(max_examples=100, deadline=None)
@given(case=lines(), seed=numbers)
def test_lexsort_is_that_of_numpy(case, seed):
    last, axis = case
    first = np.random.default_rng(seed).integers(0, 2, last.shape)
    check_rules(lambda *keys: lax.lexsort(keys, axis), first, last, expected=np.lexsort((first, last), axis))


@settings(max_examples=100, deadline=None)
@given(case=lines(), data=st.data())
def test_top_k_gives_the_last_of_the_sorted_in_descending_order(case, data):
    x, axis = case
    k = data.draw(st.integers(0, x.shape[axis]))
    values = np.flip(np.sort(x, axis), axis)
    values = np.take(values, range(k), axis)
    got, indices = check_rules(lambda x: lax.top_k(x, k, axis=axis), x)
    np.testing.assert_array_equal(got, values)
    np.testing.assert_array_equal(np.take_along_axis(x, indices, axis), values)


@pytest.mark.parametrize("is_stable", [True, False])
def test_the_gradient_of_sort_goes_back_to_where_each_element_came_from(is_stable):
    x = np.array([3.0, 1.0, 2.0])
    (gradient,) = vjp_of(lambda x: lax.sort(x, is_stable=is_stable), [x], [np.array([10.0, 20.0, 30.0])])
    np.testing.assert_array_equal(gradient, [30.0, 10.0, 20.0])


def test_in_a_stable_sort_elements_that_tie_keep_their_order_and_so_do_their_derivatives():
    x = np.array([2.0, 1.0, 2.0, 1.0])
    np.testing.assert_array_equal(lax.argsort(x), [1, 3, 0, 2])
    _, (tangent,) = jvp_of(lax.sort, [x], [np.array([1.0, 2.0, 3.0, 4.0])])
    np.testing.assert_array_equal(tangent, [2.0, 4.0, 1.0, 3.0])
    np.testing.assert_array_equal(vjp_of(lax.sort, [x], [np.array([1.0, 2.0, 3.0, 4.0])])[0], [3.0, 1.0, 4.0, 2.0])


def test_sort_puts_nan_last_and_its_gradient_follows():
    x = np.array([np.nan, np.inf, 1.0, -np.inf])
    np.testing.assert_array_equal(lax.sort(x), [-np.inf, 1.0, np.inf, np.nan])
    np.testing.assert_array_equal(vjp_of(lax.sort, [x], [np.array([1.0, 2.0, 3.0, 4.0])])[0], [4.0, 3.0, 2.0, 1.0])


def test_top_k_puts_the_lower_index_first_in_ties_and_nan_before_all():
    values, indices = lax.top_k(np.array([1.0, np.nan, 3.0, 3.0, -np.inf, np.inf, np.nan]), 6)
    np.testing.assert_array_equal(values, [np.nan, np.nan, np.inf, 3.0, 3.0, 1.0])
    np.testing.assert_array_equal(indices, [1, 6, 5, 2, 3, 0])


def test_the_gradient_of_top_k_is_zero_for_what_is_not_among_them():
    x = np.array([[1.0, 4.0, 3.0], [9.0, 7.0, 8.0]])
    (gradient,) = vjp_of(lambda x: lax.top_k(x, 2)[0], [x], [np.array([[1.0, 2.0], [3.0, 4.0]])])
    np.testing.assert_array_equal(gradient, [[0.0, 1.0, 2.0], [3.0, 0.0, 4.0]])


@pytest.mark.parametrize("k", [-1, 4])
def test_top_k_refuses_a_k_that_the_axis_does_not_have(k):
    with pytest.raises(OptionError, match="a k from 0 to 3"):
        lax.top_k(np.zeros(3), k)


@pytest.mark.parametrize("side", ["left", "right"])
@settings(max_examples=100, deadline=None)
@given(size=st.integers(0, 4), shape=hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3), seed=numbers)
def test_searchsorted_is_that_of_numpy_also_when_the_sorted_array_is_batched(side, size, shape, seed):
    rng = np.random.default_rng(seed)
    a, v = np.sort(rng.integers(0, 5, size)).astype(float), rng.integers(0, 5, shape).astype(float)[()]
    check_rules(
        lambda a, v: lax.searchsorted(a, v, side),
        a,
        v,
        expected=np.searchsorted(a, v, side),
        order=0,
        variants=lambda x, number: x + number,
    )


def test_searchsorted_takes_a_sorter_and_is_batched_over_several_axes():
    a, v = np.array([3.0, 1.0, 2.0]), np.array([[0.5, 2.5]])
    check_rules(
        lambda a, v: lax.searchsorted(a, v, sorter=np.argsort(a) if isinstance(a, np.ndarray) else lax.argsort(a)),
        a,
        v,
        expected=np.searchsorted(a, v, sorter=np.argsort(a)),
        order=0,
    )


def test_arrays_that_cannot_be_sorted_together_are_errors():
    with pytest.raises(ShapeError, match="one shape"):
        lax.sort((np.zeros(2), np.zeros(3)))
    with pytest.raises(OptionError, match="num_keys from 1 to 2"):
        lax.sort((np.zeros(2), np.zeros(2)), num_keys=3)
    with pytest.raises(OptionError, match="at least one array"):
        lax.sort(())
    with pytest.raises(np.exceptions.AxisError):
        lax.sort(np.float64(1.0))


def test_searchsorted_refuses_an_unknown_side_and_an_array_of_two_axes():
    with pytest.raises(OptionError, match="side 'left' or 'right'"):
        lax.searchsorted(np.zeros(2), 1.0, "middle")
    with pytest.raises(ShapeError, match="one axis"):
        lax.searchsorted(np.zeros((2, 2)), 1.0)
