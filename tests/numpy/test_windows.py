from __future__ import annotations

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace.errors import ConcretizationTypeError, TracerIntegerConversionError
from tests.numpy.agreement import check_agreement, compare
from tests.numpy.recorded import check_recorded, largest_constant

LENGTHS = (0, 1, 2, 5, 8, -2, 7.5, 0.5, np.float32(3))


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
def test_windows_are_those_of_numpy_and_none_is_baked_in(name):
    for length in LENGTHS:
        expected = getattr(np, name)(length)
        compare([getattr(fnp, name)(length)], [expected], rtol=0, what=name)
        compare([functrace.jit(lambda length=length: getattr(fnp, name)(length))()], [expected], rtol=1e-14, what=name)
    closed = check_recorded(lambda: getattr(fnp, name)(50), expected=getattr(np, name)(50))
    assert largest_constant(closed) <= 2
    with pytest.raises(TracerIntegerConversionError, match="static_argnums"):
        functrace.jit(getattr(fnp, name))(5)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_kaisers_windows_are_those_of_numpy_also_for_a_beta_that_is_traced():
    for length in LENGTHS:
        for beta in (0, 1.5, np.float32(14)):
            run = functrace.jit(lambda beta, length=length: fnp.kaiser(length, beta))
            compare([run(beta)], [np.kaiser(length, beta)], rtol=1e-12, what="kaiser")
    step = 1e-6
    slope = functrace.jacfwd(lambda beta: fnp.kaiser(6, beta))(2.0)
    np.testing.assert_allclose(slope, (np.kaiser(6, 2 + step) - np.kaiser(6, 2 - step)) / (2 * step), atol=1e-8)
    np.testing.assert_allclose(functrace.grad(lambda beta: fnp.sum(fnp.kaiser(6, beta)))(0.0), 0)
    with pytest.raises(ValueError, match="number"):
        functrace.jit(lambda beta: fnp.kaiser(3, beta))(np.ones(2))


@pytest.mark.parametrize(
    "p", [[1.0, -6.0, 11.0, -6.0], [0.0, 0.0, 2.0, -3.0, 0.5, 0.0, 0.0], [3.0], [0.0, 0.0], [2.0, 0.0], [1.0, 1j, 2.0]]
)
def test_roots_are_those_of_numpy(p):
    p = np.array(p)
    found, _ = functrace.vjp(fnp.roots, p)
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(np.roots(p)), atol=1e-12)
    np.testing.assert_array_equal(fnp.roots(p), np.roots(p))


def test_under_jit_roots_take_the_coefficients_as_they_are():
    p = np.array([1.0, -3.5, 2.0, 0.0])
    found = functrace.jit(lambda p: fnp.roots(p, strip_zeros=False))(p)
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(np.roots(p)), atol=1e-12)
    with pytest.raises(ConcretizationTypeError, match="strip_zeros=False"):
        functrace.jit(fnp.roots)(p)
    with pytest.raises(ValueError, match="rank-1"):
        functrace.jit(lambda p: fnp.roots(p, strip_zeros=False))(np.ones((2, 2)))


def test_the_slope_of_a_root_is_that_of_the_implicit_function():
    # dr/dp[k] = -r^(n-k) / P'(r)
    p = np.array([1.0, -6.0, 11.0, -6.2])
    jacobian = functrace.jacrev(lambda p: fnp.real(fnp.roots(p)))(p)
    for root, slopes in zip(fnp.roots(p), jacobian, strict=True):
        expected = -(root ** np.arange(3, -1, -1)) / np.polyval(np.polyder(p), root)
        np.testing.assert_allclose(slopes, np.real(expected), rtol=1e-8)


def test_the_polynomial_of_its_roots_is_the_polynomial():
    check_agreement("poly", np.array([1.0, 2.0, 4.0]))
    monic = np.array([1.0, -6.0, 11.0, -6.2])
    back = functrace.jit(lambda p: fnp.poly(fnp.roots(p, strip_zeros=False)))(monic)
    np.testing.assert_allclose(back, monic, atol=1e-12)
