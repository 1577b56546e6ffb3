from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import ArgumentError, ConcretizationTypeError
from tests.numpy.agreement import check_agreement, check_derivatives, check_same_error, compare, flat, smooth_values

few = settings(max_examples=25, deadline=None)
FLOATS = (np.float16, np.float32, np.float64)
NUMBERS = (*FLOATS, np.complex64, np.complex128, np.int8, np.uint8, np.int64, np.bool_)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.0])


@st.composite
def arrays(draw, dtypes=NUMBERS, min_dims=0, min_side=0):
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=2, min_side=min_side, max_side=4))
    return smooth_values(np.random.default_rng(draw(st.integers(0, 999))), shape, draw(st.sampled_from(dtypes)))


def points(*shape, dtype=np.float64, seed=0):
    return smooth_values(np.random.default_rng(seed), shape, dtype)


# ---------------------------------------------------------------------------------------------------------------------
# clipping and rounding
# ---------------------------------------------------------------------------------------------------------------------


@few
@given(st.data())
def test_clipped_arrays_agree_with_numpy(data):
    x = data.draw(arrays((*FLOATS, np.int8, np.int64, np.complex128)))
    bounds = [None, -1, 1, -0.37, 0.51, np.float32(0.7), -300, 300]
    low, high = data.draw(st.sampled_from(bounds)), data.draw(st.sampled_from(bounds))
    if isinstance(high, int) and high == -300 and x.dtype == np.int8:
        high = None
    if isinstance(low, int) and low == 300 and x.dtype == np.int8:
        low = None
    check_agreement("clip", x, low, high)
    check_agreement("clip", x, min=low, max=high)


def test_bounds_may_be_traced_and_broadcast():
    x = points(2, 3)
    check_agreement("clip", x, np.array([-0.3, 0.01, -1.0]), np.array([[0.2], [0.6]]))
    check_agreement("clip", x, np.array([-0.3, 0.01, -1.0]), None)
    check_agreement("clip", x, -0.3, 0.4, dtype=np.float32, gradient=False)


def test_the_gradient_of_clip_is_halved_at_the_bounds_as_for_minimum_of_maximum():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(functrace.grad(lambda x: fnp.clip(x, 0.0, 1.0).sum())(x), [0, 0.5, 1, 0.5, 0])


def test_wrong_bounds_are_numpys_errors():
    x = np.ones(2)
    check_same_error("clip", x, 1)
    check_same_error("clip", x, 1, 2, min=3)
    check_same_error("clip", x, 1, 2, maximum=3, error=ArgumentError)
    check_same_error("clip", np.ones(2, np.int8), 300, 400)


@pytest.mark.parametrize("name", ["round", "around"])
@few
@given(st.data())
def test_rounded_arrays_agree_with_numpy(name, data):
    x = data.draw(arrays((*FLOATS, np.complex128, np.int8, np.int64, np.bool_)))
    decimals = data.draw(st.integers(-2, 3)) if x.dtype.kind != "b" else 0
    check_agreement(name, x, decimals, gradient=False)


def test_halves_are_rounded_to_the_even_neighbour():
    check_agreement("round", np.array([0.5, 1.5, 2.5, -0.5, 0.25]), gradient=False)
    check_agreement("round", np.array([15, 25, 35, -15, 12, 5, 149]), -1)
    check_agreement("round", np.array([15, 25, 35, 12, 250], np.uint8), -1)
    check_agreement("round", np.array([0.25, 0.35, 1.005]), 2, gradient=False)
    np.testing.assert_array_equal(functrace.grad(lambda x: fnp.round(x, 1).sum())(points(3)), np.zeros(3))


@few
@given(arrays((*FLOATS, np.int8, np.bool_)))
def test_numbers_cut_toward_zero_agree_with_numpy(x):
    check_agreement("fix", x, gradient=False, numpy_too=False)


@few
@given(st.data())
def test_numbers_in_place_of_nan_agree_with_numpy(data):
    x = data.draw(arrays())
    options = data.draw(st.sampled_from([{}, {"nan": 3.0}, {"posinf": 7.0}, {"neginf": -2}, {"nan": -1, "posinf": 9}]))
    check_agreement("nan_to_num", x, **options)
    for special in (SPECIAL, SPECIAL.astype(np.float32), SPECIAL + 1j * SPECIAL[::-1]):
        check_agreement("nan_to_num", special, gradient=False, **options)


def test_no_derivative_flows_into_what_is_no_number():
    x = np.array([np.nan, np.inf, -np.inf, 2.0])
    np.testing.assert_array_equal(functrace.grad(lambda x: fnp.nan_to_num(x, posinf=1.0).sum())(x), [0, 0, 0, 1])


# ---------------------------------------------------------------------------------------------------------------------
# two results
# ---------------------------------------------------------------------------------------------------------------------


@few
@given(st.data())
def test_quotients_and_remainders_agree_with_numpy(data):
    x = data.draw(arrays((np.float64, np.float32, np.int8, np.int64)))
    check_agreement("divmod", x, data.draw(st.sampled_from([2, 0.7, np.float32(1.3)])), rtol=1e-4, gradient_rtol=1e-2)
    check_agreement("divmod", 7, x + (x == 0), rtol=1e-3, gradient_rtol=2e-2)


@pytest.mark.parametrize("name", ["modf", "frexp"])
@few
@given(arrays((*FLOATS, np.int8, np.int64, np.bool_)))
def test_numbers_in_two_parts_agree_with_numpy(name, x):
    check_agreement(name, x)


@pytest.mark.parametrize("name", ["modf", "frexp"])
def test_special_numbers_in_two_parts_agree_with_numpy(name):
    check_agreement(name, np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324, 1e308, -3.0]), gradient=False)


# ---------------------------------------------------------------------------------------------------------------------
# complex numbers
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["real", "imag", "isreal", "iscomplex"])
@few
@given(arrays())
def test_the_parts_of_complex_numbers_agree_with_numpy(name, x):
    check_agreement(name, x)
    if x.dtype.kind == "c":
        check_agreement(name, x * (np.arange(x.size).reshape(x.shape) % 2), gradient=False)


@few
@given(st.data())
def test_angles_agree_with_numpy(data):
    x = data.draw(arrays((*FLOATS, np.complex64, np.complex128, np.int8, np.bool_)))
    check_agreement("angle", x, deg=data.draw(st.booleans()))


def test_whether_an_array_is_close_to_a_real_one_needs_its_values():
    for x in (np.array([1 + 1e-20j, 2]), np.array([1 + 1j, 2])):
        value, _ = functrace.vjp(fnp.real_if_close, x)
        compare([value], [np.real_if_close(x)], rtol=0, what="real_if_close")
    check_agreement("real_if_close", points(3))
    with pytest.raises(ConcretizationTypeError, match="real"):
        functrace.jit(fnp.real_if_close)(np.ones(2, complex))


# ---------------------------------------------------------------------------------------------------------------------
# comparison
# ---------------------------------------------------------------------------------------------------------------------


@few
@given(st.data())
def test_closeness_agrees_with_numpy(data):
    x = data.draw(arrays())
    y = x + data.draw(st.sampled_from([0, 1e-9, 1e-6, 0.1]))
    options = data.draw(st.sampled_from([{}, {"rtol": 0.01}, {"atol": 0.2, "rtol": 0}, {"equal_nan": True}]))
    check_agreement("isclose", x, y, gradient=False, **options)
    check_agreement("allclose", x, y, gradient=False, **options)


@pytest.mark.parametrize("equal_nan", [True, False])
def test_closeness_of_special_numbers_agrees_with_numpy(equal_nan):
    x, y = np.meshgrid(SPECIAL, SPECIAL)
    check_agreement("isclose", x, y, equal_nan=equal_nan, gradient=False)
    check_agreement("isclose", x, 1.5, equal_nan=equal_nan, gradient=False)
    check_agreement("isclose", 1.5, x, equal_nan=equal_nan, gradient=False)
    check_agreement("isclose", x, x + 0j, equal_nan=equal_nan, gradient=False)
    check_agreement("isclose", x, y, rtol=np.full(7, 0.1), gradient=False)


@pytest.mark.parametrize("name", ["isposinf", "isneginf"])
def test_infinities_with_a_sign_agree_with_numpy(name):
    for x in (SPECIAL, SPECIAL.astype(np.float32), np.arange(3), np.ones(2, bool)):
        check_agreement(name, x, gradient=False)
    check_same_error(name, np.ones(2, complex))


# ---------------------------------------------------------------------------------------------------------------------
# special functions
# ---------------------------------------------------------------------------------------------------------------------


@few
@given(arrays((*FLOATS, np.complex64, np.complex128, np.int8, np.bool_)))
def test_sinc_agrees_with_numpy(x):
    check_agreement("sinc", x)


def test_sinc_agrees_with_numpy_near_zero_and_far_from_it():
    x = np.concatenate([[0.0], np.logspace(-12, 3, 61)])
    check_agreement("sinc", np.concatenate([x, -x]), rtol=1e-12, gradient=False)
    check_agreement("sinc", x.astype(np.float32), rtol=1e-5, gradient=False)


def test_the_derivatives_of_sinc_at_zero_are_those_of_its_series():
    d1 = functrace.grad(fnp.sinc)
    d2 = functrace.grad(d1)
    d4 = functrace.grad(functrace.grad(d2))
    assert d1(0.0) == 0
    np.testing.assert_allclose([d2(0.0), d4(0.0)], [-(np.pi**2) / 3, np.pi**4 / 5], rtol=1e-12)
    y = np.pi * 0.03  # by the closed form, which here loses few digits
    closed = np.pi**2 * (-np.sin(y) / y - 2 * np.cos(y) / y**2 + 2 * np.sin(y) / y**3)
    np.testing.assert_allclose(d2(0.03), closed, rtol=1e-9)


def test_the_slope_of_sinc_far_from_zero_is_finite():
    at = np.array([1e30, -1e30, 1e300])
    np.testing.assert_allclose(functrace.grad(lambda x: fnp.sinc(x).sum())(at), np.cos(np.pi * at) / at, rtol=1e-12)
    assert functrace.grad(fnp.sinc)(np.float32(1e30)) == pytest.approx(0, abs=1e-29)


@few
@given(arrays((*FLOATS, np.int8)))
def test_the_bessel_function_agrees_with_numpy(x):
    check_agreement("i0", x)


def test_the_derivatives_of_the_bessel_function_agree_with_scipy():
    special = pytest.importorskip("scipy.special")
    x = np.array([0.0, 1e-8, 0.5, -3.0, 8.0, 30.0, -90.0, 500.0])
    first = functrace.grad(lambda x: fnp.i0(x).sum())
    np.testing.assert_allclose(first(x), special.i1(x), rtol=1e-13, atol=1e-16)
    second = functrace.grad(lambda x: first(x).sum())
    np.testing.assert_allclose(second(x), special.ivp(0, x, 2), rtol=1e-13)
    check_same_error("i0", np.ones(2, complex))


def test_the_slope_of_the_bessel_function_overflows_as_its_value_does():
    at = np.array([1e30, -1e30, np.inf, -np.inf, np.nan])
    slopes = functrace.grad(lambda x: fnp.i0(x).sum())(at)
    np.testing.assert_array_equal(slopes, [np.inf, -np.inf, np.inf, -np.inf, np.nan])


# ---------------------------------------------------------------------------------------------------------------------
# polynomials
# ---------------------------------------------------------------------------------------------------------------------

COEFFICIENTS = (np.float64, np.float32, np.int64, np.complex128)


@few
@given(st.data())
def test_values_of_polynomials_agree_with_numpy(data):
    p = data.draw(arrays(COEFFICIENTS, min_dims=1).filter(lambda x: x.ndim == 1))
    check_agreement("polyval", p, data.draw(arrays(COEFFICIENTS)), gradient_rtol=1e-2)


@pytest.mark.parametrize("name", ["polyadd", "polysub", "polymul"])
@few
@given(st.data())
def test_arithmetic_of_polynomials_agrees_with_numpy(name, data):
    a = points(data.draw(st.integers(1, 4)), dtype=data.draw(st.sampled_from(COEFFICIENTS[:1] + COEFFICIENTS[3:])))
    b = points(data.draw(st.integers(1, 4)), seed=1)
    check_agreement(name, a, b)
    check_agreement(name, a, 2.5)


def test_leading_zeros_of_a_product_are_dropped_where_they_are_known():
    a, b = np.array([0.0, 0.0, 1.0, 2.0]), np.array([1.0, 3.0])
    value, _ = functrace.vjp(fnp.polymul, a, b)
    np.testing.assert_array_equal(value, np.polymul(a, b))
    np.testing.assert_array_equal(functrace.jit(fnp.polymul)(a, b), [0.0, 0.0, *np.polymul(a, b)])


@pytest.mark.parametrize(("m", "n"), [(5, 2), (4, 4), (3, 1), (2, 3), (1, 1)])
def test_quotients_of_polynomials_agree_with_numpy(m, n):
    u, v = points(m), points(n, seed=1)
    got, _ = functrace.vjp(lambda u, v: flat(fnp.polydiv(u, v)), u, v)
    compare(got, np.polydiv(u, v), rtol=1e-10, what="polydiv")
    quotient, rest = functrace.jit(fnp.polydiv)(u, v)
    np.testing.assert_allclose(np.polyadd(np.polymul(quotient, v), rest)[-m:], u, atol=1e-12)


@pytest.mark.parametrize("m", [0, 1, 2, 5])
@pytest.mark.parametrize("dtype", COEFFICIENTS)
def test_derivatives_and_integrals_of_polynomials_agree_with_numpy(m, dtype):
    p = points(4, dtype=dtype)
    check_agreement("polyder", p, m)
    check_agreement("polyint", p, m)
    if m:
        check_agreement("polyint", p, m, k=2.5)
        check_agreement("polyint", p, m, k=np.arange(m) + 0.5)
    check_same_error("polyder", p, -1)
    check_same_error("polyint", p, -1)
    check_same_error("polyint", p, 3, k=[1, 2])


def test_polynomials_from_roots_and_from_points_agree_with_numpy():
    check_agreement("poly", points(4))
    check_agreement("poly", np.array([1, 2, 3]))
    x, y = np.linspace(-1, 1, 9), points(9)
    for traced in (y, np.stack([y, y[::-1]], 1)):
        check_derivatives(lambda y: [fnp.polyfit(x, y, 3)], lambda y: [np.polyfit(x, y, 3)], [traced])
        np.testing.assert_allclose(functrace.jit(lambda y: fnp.polyfit(x, y, 3))(traced), np.polyfit(x, traced, 3))
    weights = np.linspace(0.5, 2, 9)
    np.testing.assert_allclose(
        functrace.jit(lambda y: np.polyfit(x, y, 2, w=weights))(y), np.polyfit(x, y, 2, w=weights)
    )


def test_a_fit_follows_its_points_values_and_weights():
    x, y, weights = np.linspace(-1, 1, 7) ** 3 + np.linspace(0, 1, 7), points(7), np.linspace(0.5, 2, 7)
    check_agreement("polyfit", x, y, 2)
    check_agreement("polyfit", x, y, 2, w=weights)
    check_agreement("polyfit", x, np.stack([y, y[::-1]], 1), 1)
    for cov in (True, "unscaled"):
        check_agreement("polyfit", x, y, 2, cov=cov, gradient_rtol=1e-4)
        check_agreement("polyfit", x, np.stack([y, y[::-1]], 1), 1, w=weights, cov=cov, gradient_rtol=1e-4)
    check_agreement("polyfit", x, y, 2, full=True, gradient=False)


def test_a_polynomial_of_a_matrix_is_that_of_its_eigenvalues():
    check_agreement("poly", np.array([[1.0, 2.0], [3.0, 4.0]]))
    check_agreement("poly", np.array([[0.0, 2.0], [-3.0, 1.0]]))  # complex eigenvalues
    assert fnp.poly(np.zeros(0)) == 1.0


def test_what_cannot_be_fitted_is_refused_as_by_numpy():
    x, y = np.linspace(-1, 1, 5), points(5)
    check_same_error("polyfit", x, y, 4, cov=True)
    check_same_error("polyfit", x.tolist(), y, -1)
    check_same_error("polyfit", x.tolist(), y[:3], 1)
    check_same_error("polyfit", [], y, 1)
