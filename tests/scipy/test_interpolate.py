from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
from functrace.errors import ConcretizationTypeError
from functrace.scipy.interpolate import RegularGridInterpolator
from tests.numpy.agreement import smooth_values
from tests.scipy.agreement import check_like_scipy

scipy_interpolate = pytest.importorskip("scipy.interpolate")


def calling(interpolator):
    """An interpolator as a function of all that it takes."""
    return lambda points, values, xi, **options: interpolator(points, values, **options)(xi)


ours, original = calling(RegularGridInterpolator), calling(scipy_interpolate.RegularGridInterpolator)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.lists(st.integers(2, 4), min_size=1, max_size=3),
    behind=st.sampled_from([(), (2,)]),
    dtype=st.sampled_from([np.float64, np.float32, np.complex128]),
    method=st.sampled_from(["linear", "nearest"]),
    fill_value=st.sampled_from([np.nan, None, 3.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_values_between_the_points_of_a_grid_are_those_of_scipy(shape, behind, dtype, method, fill_value, seed):
    rng = np.random.default_rng(seed)
    points = tuple([np.cumsum(rng.uniform(0.5, 1.5, extent)) for extent in shape])
    values = smooth_values(rng, (*shape, *behind), dtype)
    inside = np.stack([rng.uniform(line[0], line[-1], (2, 3)) for line in points], -1)
    around = inside + rng.uniform(-2, 2, inside.shape)
    options = {"method": method, "bounds_error": False, "fill_value": fill_value}
    gradient = dtype != np.float32
    check_like_scipy(ours, original, points, values, inside, **options, gradient=gradient)
    check_like_scipy(ours, original, points, values, around, **options, gradient=gradient and fill_value is None)
    eager = ours(points, values, inside, method=method)
    np.testing.assert_allclose(eager, original(points, values, inside, method=method), rtol=1e-5)


def test_points_may_be_given_by_their_coordinates_or_as_one_point():
    grid, values = (np.arange(3.0), np.arange(4.0)), np.arange(12.0).reshape(3, 4) ** 2
    for xi in ((np.array([0.5, 1.5]), np.array([[1.0], [2.5]])), np.array([0.5, 2.5]), np.zeros((0, 2))):
        np.testing.assert_allclose(ours(grid, values, xi), original(grid, values, xi))


def test_descending_coordinates_and_single_points_are_those_of_scipy():
    rng = np.random.default_rng(0)
    grid, values = (np.array([3.0, 1.0, 0.0]), np.array([2.0])), rng.normal(size=(3, 1))
    xi = np.array([[0.5, 2.0], [3.0, 2.0], [0.0, 2.0]])
    for method in ("linear", "nearest"):
        np.testing.assert_allclose(ours(grid, values, xi, method=method), original(grid, values, xi, method=method))


def test_a_point_at_nan_has_the_value_nan():
    xi = np.array([[0.5], [np.nan]])
    got = ours((np.arange(3.0),), np.arange(3.0), xi, bounds_error=False, fill_value=7.0)
    np.testing.assert_array_equal(got, [0.5, np.nan])


def test_the_slope_is_that_of_the_cell_and_zero_for_what_is_filled():
    grid, values = (np.array([0.0, 1.0, 3.0]),), np.array([0.0, 2.0, 3.0])
    interpolate = RegularGridInterpolator(grid, values, bounds_error=False, fill_value=0.0)
    slope = functrace.vmap(functrace.grad(lambda x: interpolate(x[None])[0]))
    np.testing.assert_allclose(slope(np.array([[0.5], [2.0], [4.0]])), [[2.0], [0.5], [0.0]])


def test_under_jit_whether_a_point_is_outside_cannot_be_seen():
    grid, values = (np.arange(3.0),), np.arange(3.0)
    with pytest.raises(ConcretizationTypeError, match="bounds_error=False"):
        functrace.jit(RegularGridInterpolator(grid, values))(np.array([[0.5]]))
    slope = functrace.grad(lambda x: RegularGridInterpolator(grid, values)(x)[0])(np.array([[0.5]]))
    np.testing.assert_array_equal(slope, [[1.0]])


@pytest.mark.parametrize(
    ("points", "values", "options"),
    [
        ((np.array([0.0, 0.0, 1.0]),), np.ones(3), {}),
        ((np.arange(3.0),), np.ones(4), {}),
        ((np.arange(3.0), np.arange(3.0)), np.ones(3), {}),
        ((np.arange(3.0),), np.ones(3), {"method": "cubical"}),
        ((np.arange(3.0),), np.ones(3), {"fill_value": 1j}),
    ],
)
def test_a_grid_that_does_not_fit_is_refused_as_in_scipy(points, values, options):
    with pytest.raises(ValueError) as raised:
        scipy_interpolate.RegularGridInterpolator(points, values, **options)
    with pytest.raises(raised.type):
        RegularGridInterpolator(points, values, **options)


def test_points_outside_or_of_another_dimension_are_refused():
    interpolate = RegularGridInterpolator((np.arange(3.0),), np.ones(3))
    with pytest.raises(ValueError, match="out of bounds in dimension 0"):
        interpolate(np.array([[2.5]]))
    with pytest.raises(ValueError, match="coordinates"):
        interpolate(np.ones((2, 2)))
