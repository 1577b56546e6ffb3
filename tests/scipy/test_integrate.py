from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
from functrace.scipy import integrate
from tests.numpy.agreement import smooth_values
from tests.scipy.agreement import check_like_scipy, check_refused_like_scipy

scipy_integrate = pytest.importorskip("scipy.integrate")
NAMES = ("trapezoid", "cumulative_trapezoid", "simpson")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(
    count=st.integers(1, 8),
    dtype=st.sampled_from([np.float64, np.float32, np.complex128, np.int32]),
    given_x=st.sampled_from(["none", "line", "whole", "repeated"]),
    axis=st.sampled_from([-1, 0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_sums_of_samples_are_those_of_scipy(name, count, dtype, given_x, axis, seed):
    rng = np.random.default_rng(seed)
    y = smooth_values(rng, (3, count), dtype)
    x = {
        "none": None,
        "line": np.cumsum(rng.uniform(0.5, 1.5, count)),
        "whole": np.cumsum(rng.uniform(0.5, 1.5, (3, count)), -1),
        "repeated": np.zeros(count),  # at the same place: no area
    }[given_x]
    y, x = (y.T, x.T if x is not None else None) if axis == 0 else (y, x)
    gradient = given_x != "repeated" and dtype != np.float32
    check_like_scipy(getattr(integrate, name), getattr(scipy_integrate, name), y, x, axis=axis, gradient=gradient)
    check_like_scipy(getattr(integrate, name), getattr(scipy_integrate, name), y, dx=0.5, axis=axis, gradient=gradient)


def test_the_first_of_the_cumulative_integrals_can_be_zero():
    y = np.array([[1.0, 3.0], [2.0, 5.0]])
    for axis in (0, 1):
        check_like_scipy(integrate.cumulative_trapezoid, scipy_integrate.cumulative_trapezoid, y, axis=axis, initial=0)


def test_simpsons_rule_is_exact_for_cubics_and_so_is_its_derivative_by_the_distance():
    x = np.linspace(0, 2, 7)
    assert integrate.simpson(x**3, x) == pytest.approx(4)
    area = functrace.grad(lambda dx: integrate.simpson((dx * np.arange(5)) ** 3, dx=dx))(0.5)
    assert area == pytest.approx(4**4 * 0.5**3)  # of (4·dx)⁴ / 4


@pytest.mark.parametrize("name", NAMES)
def test_places_that_do_not_fit_are_refused(name):
    ours, original = getattr(integrate, name), getattr(scipy_integrate, name)
    check_refused_like_scipy(ours, original, np.ones((3, 4)), np.ones(6))
    check_refused_like_scipy(ours, original, np.ones((3, 4)), np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="at least one sample"):
        integrate.simpson(np.ones((2, 0)))
    check_refused_like_scipy(integrate.cumulative_trapezoid, scipy_integrate.cumulative_trapezoid, np.ones(0))
    check_refused_like_scipy(
        integrate.cumulative_trapezoid, scipy_integrate.cumulative_trapezoid, np.ones(3), initial=1
    )
