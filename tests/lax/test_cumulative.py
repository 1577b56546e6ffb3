from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from functrace.core.aval import Aval
from functrace.core.recording import record
from functrace.errors import ShapeError
from functrace.lax import cumulative as lax
from functrace.lax.reduction import reduce_max
from tests.lax.rules import check_rules, distinct_values, jvp_of, vjp_of

INEXACT = (np.float32, np.float64, np.complex128)
DTYPES = (*INEXACT, np.int8, np.int64, np.uint16, np.bool_)
RUNNING = {
    "cumsum": np.cumsum,
    "cumprod": np.cumprod,
    "cummax": np.maximum.accumulate,
    "cummin": np.minimum.accumulate,
}

numbers = st.integers(0, 2**32 - 1)


@st.composite
def runs(draw, dtypes=DTYPES):
    """An array, an axis that it has, and whether to run backward."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
    x = distinct_values(np.random.default_rng(draw(numbers)), shape, draw(st.sampled_from(dtypes)))
    return x, draw(st.integers(-len(shape), len(shape) - 1)), draw(st.booleans())


def recurrence_by_definition(factors, terms, axis, reverse):
    factors, terms = np.moveaxis(factors, axis, 0), np.moveaxis(terms, axis, 0)
    order = range(len(terms))[::-1] if reverse else range(len(terms))
    out = np.zeros_like(terms)
    before = None
    for i in order:
        out[i] = terms[i] if before is None else factors[i] * out[before] + terms[i]
        before = i
    return np.moveaxis(out, 0, axis)


@pytest.mark.parametrize("name", RUNNING)
@settings(max_examples=100, deadline=None)
@given(case=runs())
def test_running_reductions_are_those_of_numpy_and_so_are_their_rules(name, case):
    x, axis, reverse = case
    expected = np.flip(RUNNING[name](np.flip(x, axis), axis), axis) if reverse else RUNNING[name](x, axis)
    check_rules(lambda x: getattr(lax, name)(x, axis, reverse), x, expected=expected)


@settings(max_examples=100, deadline=None)
@given(case=runs(INEXACT), seed=numbers)
def test_a_linear_recurrence_follows_its_definition_and_so_do_its_rules(case, seed):
    factors, axis, reverse = case
    terms = distinct_values(np.random.default_rng(seed), factors.shape, factors.dtype)
    expected = recurrence_by_definition(factors, terms, axis, reverse)
    check_rules(lambda a, b: lax.linear_recurrence(a, b, axis, reverse), factors, terms, expected=expected)


@pytest.mark.parametrize("lines", [1, 8, 9, 40])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", INEXACT)
def test_a_linear_recurrence_is_the_same_for_few_and_for_many_lines(lines, reverse, dtype):
    rng = np.random.default_rng(0)
    factors, terms = [rng.normal(size=(30, lines)).astype(dtype) for _ in range(2)]
    got = lax.linear_recurrence(factors, terms, 0, reverse)
    assert got.dtype == dtype
    expected = recurrence_by_definition(factors, terms, 0, reverse)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_the_first_factor_of_a_linear_recurrence_has_no_effect_even_if_it_is_infinite():
    np.testing.assert_array_equal(lax.linear_recurrence(np.array([np.inf, 2.0]), np.array([1.0, 1.0])), [1.0, 3.0])


@pytest.mark.parametrize("zeros", [(0,), (2,), (1, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_derivative_of_a_running_product_is_right_where_elements_are_zero(zeros, reverse):
    x = np.array([2.0, -3.0, 0.5, 4.0])
    x[list(zeros)] = 0
    check_rules(lambda x: lax.cumprod(x, 0, reverse), x)


def test_the_gradient_of_a_running_product_is_finite_where_products_of_later_elements_overflow():
    x = np.array([1e-30, 1e20, 1e20, 1e-20], np.float32)
    ct = np.array([1, 0, 0, 0], np.float32)
    np.testing.assert_array_equal(vjp_of(lax.cumprod, [x], [ct])[0], ct)


def test_elements_that_tie_for_a_running_extremum_share_its_gradient_equally():
    x = np.array([1.0, 1.0, 0.0, 1.0, 2.0, 2.0])
    expected = [
        [1, 0, 0, 0, 0, 0],
        [1 / 2, 1 / 2, 0, 0, 0, 0],
        [1 / 2, 1 / 2, 0, 0, 0, 0],
        [1 / 3, 1 / 3, 0, 1 / 3, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1 / 2, 1 / 2],
    ]
    rows = [vjp_of(lax.cummax, [x], [ct])[0] for ct in np.eye(6)]
    np.testing.assert_allclose(rows, expected)
    columns = [jvp_of(lax.cummax, [x], [t])[1][0] for t in np.eye(6)]
    np.testing.assert_allclose(np.transpose(columns), expected)
    np.testing.assert_allclose(rows[-1], vjp_of(lambda x: reduce_max(x, (0,)), [x], [1.0])[0])


def test_running_extrema_pass_nan_on():
    x = np.array([1.0, np.nan, 3.0])
    np.testing.assert_array_equal(lax.cummax(x), [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(lax.cummin(x, 0, True), [np.nan, np.nan, 3.0])


@pytest.mark.parametrize("name", RUNNING)
def test_an_array_without_axes_has_nothing_to_run_along(name):
    with pytest.raises(np.exceptions.AxisError):
        getattr(lax, name)(np.float64(1.0))


def test_factors_and_terms_of_different_shapes_are_an_error_while_traced():
    avals = [Aval((3,), np.dtype(float)), Aval((2,), np.dtype(float))]
    with pytest.raises(ShapeError, match="factors and terms of one shape and dtype"):
        record(lambda a, b: [lax.linear_recurrence(a, b)], avals)
