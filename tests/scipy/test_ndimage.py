from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace.errors import ArgumentError
from functrace.scipy.ndimage import map_coordinates
from tests.numpy.agreement import smooth_values
from tests.scipy.agreement import check_like_scipy

scipy_ndimage = pytest.importorskip("scipy.ndimage")
MODES = ("constant", "grid-constant", "nearest", "mirror", "reflect", "grid-mirror", "grid-wrap", "wrap")
#: In short arrays SciPy's filter is not exact: it breaks off a series.
REFLECTING = ("reflect", "grid-mirror")
numbers = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=8, deadline=None)
@given(
    shape=hnp.array_shapes(max_dims=3, max_side=5),
    dtype=st.sampled_from([np.float64, np.float32, np.complex128]),
    order=st.integers(0, 5),
    prefilter=st.booleans(),
    cval=st.sampled_from([0.0, -1.5]),
    seed=numbers,
)
def test_values_between_elements_are_those_of_scipy(mode, shape, dtype, order, prefilter, cval, seed):
    if mode in REFLECTING:
        shape = tuple([extent + 20 for extent in shape[:2]])
    rng = np.random.default_rng(seed)
    x = smooth_values(rng, shape, dtype)
    coordinates = rng.uniform(-2.5, 2.5, (len(shape), 3, 4)) * np.reshape(shape, (-1, 1, 1))
    check_like_scipy(
        map_coordinates,
        scipy_ndimage.map_coordinates,
        x,
        coordinates,
        order=order,
        mode=mode,
        cval=cval,
        prefilter=prefilter,
        gradient=dtype != np.float32 and order != 0,
    )


@pytest.mark.parametrize("mode", MODES)
def test_at_elements_and_half_way_between_them_values_are_those_of_scipy(mode):
    x = np.random.default_rng(0).normal(size=(30, 25))
    coordinates = np.stack([np.arange(-70, 70) / 2, np.arange(-7, 133) / 2])
    for order in range(6):
        check_like_scipy(
            map_coordinates,
            scipy_ndimage.map_coordinates,
            x,
            coordinates,
            order=order,
            mode=mode,
            gradient=False,
        )


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize("mode", MODES)
def test_splines_go_through_the_elements(mode, order):
    x = np.random.default_rng(order).normal(size=7)
    got = map_coordinates(x, np.arange(7.0)[None], order=order, mode=mode)
    np.testing.assert_allclose(got, x, atol=1e-3 if mode in ("nearest", "grid-constant") else 1e-12)


def test_integers_are_rounded_and_unsigned_ones_stay_within_their_bounds():
    rng = np.random.default_rng(0)
    coordinates = rng.uniform(0, 5, (1, 40))
    for dtype in (np.int32, np.uint8):
        x = rng.integers(0, 255, 6).astype(dtype)
        for order in (1, 3):
            for output in (None, "float32"):
                check_like_scipy(
                    map_coordinates, scipy_ndimage.map_coordinates, x, coordinates, output, order=order, gradient=False
                )


def test_the_slope_of_linear_interpolation_is_the_difference_of_the_neighbours():
    x = np.array([1.0, 4.0, 2.0])
    slope = functrace.vmap(functrace.grad(lambda place: map_coordinates(x, place[None, None], order=1)[0]))
    np.testing.assert_allclose(slope(np.array([0.25, 1.5])), [3.0, -2.0])
    gradient = functrace.grad(lambda x: map_coordinates(x, np.array([[0.25]]), order=1)[0])(x)
    np.testing.assert_allclose(gradient, [0.75, 0.25, 0.0])


def test_what_is_not_allowed_is_refused():
    x, coordinates = np.ones((2, 2)), np.ones((2, 3))
    for options in ({"order": 6}, {"order": -1}, {"mode": "open"}):
        with pytest.raises(ValueError, match="must be"):
            map_coordinates(x, coordinates, **options)
    for shape in ((1, 3), (2,)):
        with pytest.raises(ValueError, match="for each axis"):
            map_coordinates(x, np.ones(shape))
    with pytest.raises(TypeError, match="real numbers"):
        map_coordinates(x, coordinates * 1j)
    with pytest.raises(TypeError, match="complex"):
        map_coordinates(x * 1j, coordinates, np.float64)
    with pytest.raises(ArgumentError, match="order="):
        map_coordinates(x, coordinates, 1)
    with pytest.raises(ArgumentError, match="not filled"):
        map_coordinates(x, coordinates, np.zeros(3))
