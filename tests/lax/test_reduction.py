from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from functrace.core.aval import Aval
from functrace.core.recording import record
from functrace.lax import reduction as lax
from tests.lax.rules import check_rules, distinct_values, jvp_of, vjp_of

INEXACT = (np.float32, np.float64, np.complex128)
DTYPES = (*INEXACT, np.int8, np.int64, np.uint16, np.bool_)
EMPTY_IS_NO_EXTREMUM = "zero-size array to reduction operation {} which has no identity"

shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
numbers = st.integers(0, 2**32 - 1)


@st.composite
def reductions(draw, dtypes=DTYPES, min_side=0):
    """An array, axes to reduce (some counted from the back), keepdims."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=min_side, max_side=3))
    x = distinct_values(np.random.default_rng(draw(numbers)), shape, draw(st.sampled_from(dtypes)))[()]
    axes = draw(st.sets(st.integers(0, len(shape) - 1))) if shape else set()
    return x, tuple([draw(st.sampled_from((axis, axis - len(shape)))) for axis in axes]), draw(st.booleans())


def gradient(function, x, ct=1.0):
    return vjp_of(function, [x], [ct])[0]


# ---------------------------------------------------------------------------------------------------------------------
# sums and products
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "prod"])
@settings(max_examples=100, deadline=None)
@given(case=reductions())
def test_sums_and_products_are_those_of_numpy_and_so_are_their_rules(name, case):
    x, axes, keepdims = case
    expected = getattr(np, name)(x, axis=axes, keepdims=keepdims)
    check_rules(lambda x: getattr(lax, f"reduce_{name}")(x, axes, keepdims), x, expected=expected)


@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("dtype", INEXACT)
def test_the_gradient_of_a_product_is_the_product_of_the_others_also_where_elements_are_zero(zeros, dtype):
    x = distinct_values(np.random.default_rng(0), (4,), dtype)
    x[list(zeros)] = 0
    others = [np.prod(np.delete(x, i)) for i in range(4)]
    product = partial(lax.reduce_prod, axes=(0,))
    np.testing.assert_allclose(gradient(product, x, x.dtype.type(1)), others, rtol=1e-5)
    check_rules(product, x)


def test_the_hessian_of_a_product_is_right_where_two_elements_are_zero():
    x = np.array([2.0, 0.0, 3.0, 0.0])
    expected = np.zeros((4, 4))
    expected[1, 3] = expected[3, 1] = 6.0

    def along(direction):
        return jvp_of(lambda x: gradient(lambda y: lax.reduce_prod(y, (0,)), x), [x], [direction])[1][0]

    np.testing.assert_array_equal([along(direction) for direction in np.eye(4)], expected)


def test_the_gradient_of_a_product_over_several_axes_is_right_where_elements_are_zero():
    x = np.arange(12.0).reshape(2, 3, 2) % 5
    check_rules(lambda x: lax.reduce_prod(x, (0, 2)), x, expected=x.prod((0, 2)))


def test_the_gradient_of_a_product_of_very_small_factors_does_not_divide_by_an_underflow():
    x = np.array([1e-200, 1e-200, 1e150])
    np.testing.assert_allclose(gradient(lambda x: lax.reduce_prod(x, (0,)), x), [1e-50, 1e-50, 0.0])


# ---------------------------------------------------------------------------------------------------------------------
# extrema
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max", "min"])
@settings(max_examples=100, deadline=None)
@given(case=reductions(min_side=1))
def test_maxima_and_minima_are_those_of_numpy_and_so_are_their_rules(name, case):
    x, axes, keepdims = case
    expected = getattr(np, name)(x, axis=axes, keepdims=keepdims)
    check_rules(lambda x: getattr(lax, f"reduce_{name}")(x, axes, keepdims), x, expected=expected)


@pytest.mark.parametrize("reduce", [lax.reduce_max, lax.reduce_min])
def test_elements_that_tie_for_an_extremum_share_its_gradient_equally(reduce):
    x = np.array([[2.0, 2.0, 2.0], [5.0, 5.0, 5.0]])
    expected = np.full((2, 3), 1 / 3) * [[1.0], [10.0]]
    np.testing.assert_allclose(gradient(lambda x: reduce(x, (1,)), x, np.array([1.0, 10.0])), expected)
    _, (tangent,) = jvp_of(lambda x: reduce(x, (1,)), [x], [np.array([[1.0, 2.0, 6.0], [1.0, 0.0, 0.0]])])
    np.testing.assert_allclose(tangent, [3.0, 1 / 3])


def test_an_element_that_is_not_the_maximum_gets_no_gradient_from_an_infinite_cotangent():
    np.testing.assert_array_equal(
        gradient(lambda x: lax.reduce_max(x, (0,)), np.array([1.0, 3.0]), np.inf), [0, np.inf]
    )


def test_nan_is_passed_on_by_extrema_and_their_gradients():
    x = np.array([[1.0, np.nan], [2.0, 3.0]])
    np.testing.assert_array_equal(lax.reduce_max(x, (1,)), [np.nan, 3.0])
    np.testing.assert_array_equal(lax.reduce_min(x, (1,)), [np.nan, 2.0])
    got = gradient(lambda x: lax.reduce_max(x, (1,)), x, np.ones(2))
    np.testing.assert_array_equal(got, [[np.nan, np.nan], [0.0, 1.0]])


def test_complex_extrema_are_lexicographic_and_their_gradient_goes_to_the_chosen_element():
    x = np.array([1 + 2j, 1 + 3j, 0 + 9j])
    assert lax.reduce_max(x, (0,)) == 1 + 3j
    assert lax.reduce_min(x, (0,)) == 9j
    np.testing.assert_array_equal(gradient(lambda x: lax.reduce_max(x, (0,)), x, 1j), [0, 1j, 0])


@pytest.mark.parametrize(("reduce", "name"), [(lax.reduce_max, "maximum"), (lax.reduce_min, "minimum")])
def test_an_empty_extremum_is_numpys_error_with_values_and_while_traced(reduce, name):
    message = EMPTY_IS_NO_EXTREMUM.format(name)
    with pytest.raises(ValueError, match=message):
        reduce(np.zeros((2, 0)), (1,))
    with pytest.raises(ValueError, match=message):
        record(lambda x: [reduce(x, (1,))], [Aval((2, 0), np.dtype(float))])
    assert reduce(np.zeros((0, 3)), (1,)).shape == (0,)
    assert record(lambda x: [reduce(x, (1,))], [Aval((0, 3), np.dtype(float))]).out_avals[0].shape == (0,)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@settings(max_examples=100, deadline=None)
@given(shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3), data=st.data())
def test_indices_of_extrema_are_those_of_numpy(name, shape, data):
    x = distinct_values(np.random.default_rng(data.draw(numbers)), shape, data.draw(st.sampled_from(DTYPES)))
    axis = data.draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1) if shape else st.none()))
    keepdims = data.draw(st.booleans())
    index_dtype = data.draw(st.sampled_from((np.intp, np.int32)))
    expected = getattr(np, name)(x, axis, keepdims=keepdims).astype(index_dtype)
    check_rules(lambda x: getattr(lax, name)(x, axis, index_dtype, keepdims), x, expected=expected)


def test_the_index_of_an_extremum_is_that_of_the_first_of_several_and_of_nan_before_all():
    assert lax.argmax(np.array([1.0, 3.0, 3.0]), 0) == 1
    assert lax.argmin(np.array([1.0, 0.0, 0.0]), 0) == 1
    assert lax.argmax(np.array([1.0, np.nan, 3.0, np.nan]), 0) == 1


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_index_of_an_empty_extremum_is_numpys_error_with_values_and_while_traced(name):
    function = getattr(lax, name)
    message = f"attempt to get {name} of an empty sequence"
    with pytest.raises(ValueError, match=message):
        function(np.zeros((2, 0)), 1)
    with pytest.raises(ValueError, match=message):
        record(lambda x: [function(x, 1)], [Aval((2, 0), np.dtype(float))])


# ---------------------------------------------------------------------------------------------------------------------
# logic, and what all share
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reduce", "ufunc", "of_bits"),
    [
        (lax.reduce_and, np.logical_and, np.bitwise_and),
        (lax.reduce_or, np.logical_or, np.bitwise_or),
        (lax.reduce_xor, np.logical_xor, np.bitwise_xor),
    ],
)
@settings(max_examples=100, deadline=None)
@given(case=reductions())
def test_logical_reductions_are_those_of_numpy_and_of_integers_bitwise(reduce, ufunc, of_bits, case):
    x, axes, keepdims = case
    expected = (of_bits if x.dtype.kind in "iu" else ufunc).reduce(x, axis=axes, keepdims=keepdims)
    check_rules(lambda x: reduce(x, axes, keepdims), x, expected=expected)


@pytest.mark.parametrize("reduce", [lax.reduce_sum, lax.reduce_prod, lax.reduce_max, lax.reduce_and])
def test_axes_that_are_not_there_or_come_twice_are_numpys_errors(reduce):
    with pytest.raises(np.exceptions.AxisError, match="axis 2 is out of bounds for array of dimension 2"):
        reduce(np.ones((2, 2)), (2,))
    with pytest.raises(ValueError, match="duplicate value in 'axis'"):
        reduce(np.ones((2, 2)), (0, -2))
