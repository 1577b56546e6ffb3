"""`scipy.signal`, `scipy.ndimage`, `scipy.interpolate` and `scipy.integrate` beside JAX's."""

from __future__ import annotations

import numpy as np
import pytest

from functrace.scipy import integrate, signal
from functrace.scipy.interpolate import RegularGridInterpolator
from functrace.scipy.ndimage import map_coordinates
from tests.oracle.agreement import check_against_jax, draw, jax

js = jax.scipy


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_convolutions_agree(name, mode):
    ours, theirs = getattr(signal, name), getattr(js.signal, name)
    for shapes in (((7,), (3,)), ((4, 5), (2, 3))):
        for dtype in ("f8", "c16"):
            x, y = [draw(shape, dtype) for shape in shapes]
            for method in ("direct", "fft"):
                check_against_jax(ours, theirs, x, y, mode=mode, method=method, order=2 if dtype == "f8" else 1)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolutions_by_fft_and_of_images_agree(mode):
    x, y = draw((4, 5)), draw((2, 3))
    check_against_jax(signal.fftconvolve, js.signal.fftconvolve, x, y, mode=mode)
    check_against_jax(signal.fftconvolve, js.signal.fftconvolve, x, draw((4, 3)), mode=mode, axes=[1], order=1)
    check_against_jax(signal.convolve2d, js.signal.convolve2d, x, y, mode=mode)
    check_against_jax(signal.correlate2d, js.signal.correlate2d, x, draw((3, 3)), mode=mode)


def test_trends_and_spectra_agree():
    x, y = draw((2, 24)), draw((2, 24), seed=1)
    for kind in ("linear", "constant"):
        check_against_jax(signal.detrend, js.signal.detrend, x, type=kind, order=1)
    check_against_jax(signal.detrend, js.signal.detrend, x, axis=-1, bp=[7], order=1)
    for options in (
        {"nperseg": 8},
        {"nperseg": 7, "noverlap": 5, "nfft": 9, "scaling": "spectrum", "detrend": "linear"},
    ):
        check_against_jax(signal.welch, js.signal.welch, x, **options)
        check_against_jax(signal.csd, js.signal.csd, x, y, **options, order=1)
    check_against_jax(signal.welch, js.signal.welch, x, nperseg=8, average="median", order=1)
    for boundary in ("even", "odd", "constant", "zeros", None):
        check_against_jax(signal.stft, js.signal.stft, x, nperseg=8, boundary=boundary, order=1)
    spectra = draw((2, 5, 6), "c16")
    check_against_jax(signal.istft, js.signal.istft, spectra, nperseg=8, order=1)


@pytest.mark.parametrize("mode", ["constant", "nearest", "mirror", "reflect", "wrap"])
def test_values_between_elements_agree(mode):
    # at the edges of "constant" and "wrap" JAX's modes are SciPy's "grid-constant" and "grid-wrap"
    ours = {"constant": "grid-constant", "wrap": "grid-wrap"}.get(mode, mode)
    x, coordinates = draw((4, 5)), draw((2, 6), low=-1.9, high=5.9, seed=3)
    for order in (0, 1):
        check_against_jax(
            lambda x, c, order=order: map_coordinates(x, c, order=order, mode=ours),
            lambda x, c, order=order: js.ndimage.map_coordinates(x, list(c), order=order, mode=mode),
            x,
            coordinates,
        )


@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_values_between_the_points_of_a_grid_agree(method):
    points = (np.array([0.0, 1.0, 2.5]), np.array([-1.0, 0.0, 0.5, 3.0]))
    xi = draw((6, 2), low=-0.9, high=2.9)
    for fill_value in (np.nan, None):
        check_against_jax(
            lambda points, values, xi, f=fill_value: RegularGridInterpolator(points, values, method, False, f)(xi),
            lambda points, values, xi, f=fill_value: js.interpolate.RegularGridInterpolator(
                points, values, method, False, f
            )(xi),
            points,
            draw((3, 4)),
            xi,
            batch=False,  # the second example of a batch would have descending points
        )


def test_trapezoids_agree():
    y, x = draw((3, 5)), np.array([0.0, 1.0, 1.5, 3.0, 4.0])
    check_against_jax(integrate.trapezoid, js.integrate.trapezoid, y)
    check_against_jax(integrate.trapezoid, js.integrate.trapezoid, y, x)
    check_against_jax(integrate.trapezoid, js.integrate.trapezoid, y, dx=0.5, axis=0)
