from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace.scipy import signal
from functrace.scipy.signal.convolution import fast_length
from functrace.scipy.signal.frames import framed, overlap_added
from tests.lax.rules import check_rules
from tests.numpy.agreement import smooth_values
from tests.scipy.agreement import check_like_scipy, check_refused_like_scipy

scipy_signal = pytest.importorskip("scipy.signal")
numbers = st.integers(0, 2**32 - 1)
modes = st.sampled_from(["full", "same", "valid"])
DTYPES = (np.float64, np.float32, np.complex128, np.int16)


@st.composite
def pairs(draw, min_dims=1, max_dims=3):
    """Two arrays of as many axes, the one at least as long as the other along all."""
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, max_side=5))
    other = tuple([extent + draw(st.integers(0, 4)) for extent in shape])
    rng = np.random.default_rng(draw(numbers))
    x, y = [smooth_values(rng, s, draw(st.sampled_from(DTYPES))) for s in (other, shape)]
    return (x, y) if draw(st.booleans()) else (y, x)


# ---------------------------------------------------------------------------------------------------------------------
# convolution
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@settings(max_examples=15, deadline=None)
@given(pair=pairs(), mode=modes, method=st.sampled_from(["auto", "direct", "fft"]))
def test_convolutions_are_those_of_scipy(name, pair, mode, method):
    check_like_scipy(getattr(signal, name), getattr(scipy_signal, name), *pair, mode, method)


@pytest.mark.parametrize("name", ["fftconvolve", "oaconvolve"])
@settings(max_examples=12, deadline=None)
@given(pair=pairs(), mode=modes, data=st.data())
def test_convolutions_by_fft_are_those_of_scipy_also_along_some_axes(name, pair, mode, data):
    x, y = pair
    axes = data.draw(st.none() | st.lists(st.integers(0, x.ndim - 1), min_size=1, unique=True))
    if axes is not None:
        y = y[tuple([slice(None) if axis in axes else slice(1) for axis in range(y.ndim)])]
    check_like_scipy(getattr(signal, name), getattr(scipy_signal, name), x, y, mode, axes)


@pytest.mark.parametrize("shapes", [((200,), (7,)), ((6,), (150,)), ((60, 4), (3, 50)), ((5, 90), (5, 4))])
def test_blocks_overlap_to_the_whole_convolution(shapes):
    rng = np.random.default_rng(0)
    x, y = [rng.normal(size=shape) for shape in shapes]
    for mode in ("full", "same"):
        check_like_scipy(signal.oaconvolve, scipy_signal.oaconvolve, x, y, mode, gradient=False)


@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
@settings(max_examples=15, deadline=None)
@given(pair=pairs(2, 2), mode=modes, boundary=st.sampled_from(["fill", "wrap", "symm"]), fill=st.integers(-2, 2))
def test_convolutions_of_images_are_those_of_scipy_at_their_edges_too(name, pair, mode, boundary, fill):
    # SciPy fills the edges of correlate2d's images, and of complex ones, with the number's own conjugate
    check_like_scipy(getattr(signal, name), getattr(scipy_signal, name), *pair, mode, boundary, fill)


@pytest.mark.parametrize("name", ["convolve", "correlate", "fftconvolve", "oaconvolve", "convolve2d", "correlate2d"])
def test_convolutions_refuse_what_scipy_refuses(name):
    ours, original = getattr(signal, name), getattr(scipy_signal, name)
    x, y = np.ones((3, 4)), np.ones((4, 3))
    check_refused_like_scipy(ours, original, x, y, "valid")
    check_refused_like_scipy(ours, original, x, y, "most")
    check_refused_like_scipy(ours, original, x, np.ones(3))
    if name == "convolve":
        check_refused_like_scipy(ours, original, x, y, method="quick")
    if name.endswith("2d"):
        check_refused_like_scipy(ours, original, x, y, boundary="open")
    if name in ("fftconvolve", "oaconvolve"):
        check_refused_like_scipy(ours, original, x, y, axes=[0])
        check_refused_like_scipy(ours, original, x, x[:2], axes=[])
        check_like_scipy(ours, original, np.ones(0), np.ones(3))


@pytest.mark.parametrize("name", ["convolve", "correlate", "fftconvolve", "oaconvolve"])
def test_the_convolution_of_scalars_is_their_product(name):
    check_like_scipy(getattr(signal, name), getattr(scipy_signal, name), np.array(2.0), np.array(3.0))


def test_convolutions_of_integers_are_exact_where_a_float_would_not_be():
    x = np.array([2**40 + 1, 3, 5])
    np.testing.assert_array_equal(signal.convolve(x, x[:2]), np.convolve(x, x[:2]))


def test_a_direct_convolution_keeps_infinities_where_they_are():
    x = np.zeros((6, 6))
    x[0, 0] = np.inf
    out = signal.convolve(x, np.ones((2, 2)), "same", "direct")
    assert np.isinf(out[:2, :2]).all()
    assert not out[2:].any()


def test_vmap_of_a_convolution_is_one_for_each_example():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3, 8)), rng.normal(size=(3, 4))
    for method in ("direct", "fft"):
        got = functrace.vmap(lambda x, y, method=method: signal.convolve(x, y, method=method))(x, y)
        np.testing.assert_allclose(got, [np.convolve(a, b) for a, b in zip(x, y, strict=True)])


def test_fast_lengths_have_no_prime_factors_above_five():
    for n in range(1, 500):
        assert fast_length(n) == next(
            m for m in range(n, 2 * n + 1) if 30**9 % m == 0
        )  # a divisor of 30⁹ has none, and those up to 512 are divisors of it


# ---------------------------------------------------------------------------------------------------------------------
# frames
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(length=st.integers(1, 6), step=st.integers(1, 7), count=st.integers(1, 4), rest=st.integers(0, 2), seed=numbers)
def test_frames_are_windows_and_adding_them_up_is_the_transpose(length, step, count, rest, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, (count - 1) * step + length + min(rest, step - 1)))
    windows = np.lib.stride_tricks.sliding_window_view(x, length, -1)[:, ::step]
    check_rules(lambda x: framed(x, length, step), x, expected=windows, order=1)
    frames = rng.normal(size=windows.shape)
    expected = np.zeros((2, (count - 1) * step + length))
    for number in range(count):
        expected[:, number * step : number * step + length] += frames[:, number]
    check_rules(lambda frames: overlap_added(frames, 2, step), frames, expected=expected, order=1)


# ---------------------------------------------------------------------------------------------------------------------
# trends and spectra
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(seed=numbers, dtype=st.sampled_from(DTYPES), axis=st.integers(-2, 1), bp=st.sampled_from([0, 2, [4, 1]]))
def test_detrend_is_that_of_scipy(seed, dtype, axis, bp):
    x = smooth_values(np.random.default_rng(seed), (5, 6), dtype)
    for kind in ("linear", "constant"):
        check_like_scipy(signal.detrend, scipy_signal.detrend, x, axis, kind, bp)


def test_detrend_refuses_what_scipy_refuses():
    for settings_ in ({"type": "cubic"}, {"bp": 9}):
        check_refused_like_scipy(signal.detrend, scipy_signal.detrend, np.ones(5), **settings_)


SEGMENTS = (
    {"nperseg": 8},
    {"nperseg": 7, "noverlap": 5, "fs": 3.0},
    {"nperseg": 8, "nfft": 11, "detrend": "linear"},
    {"nperseg": 8, "detrend": False, "scaling": "spectrum", "window": "hamming"},
    {"nperseg": 6, "window": ("kaiser", 3.0), "return_onesided": False},
    {"nperseg": 6, "window": np.arange(1.0, 7)},
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", SEGMENTS)
def test_power_by_welchs_method_is_that_of_scipy(options, dtype):
    rng = np.random.default_rng(0)
    x, y = smooth_values(rng, (2, 20), dtype), smooth_values(rng, (2, 17), dtype)
    gradient = dtype == np.float64
    check_like_scipy(signal.welch, scipy_signal.welch, x, gradient=gradient, **options)
    check_like_scipy(signal.welch, scipy_signal.welch, x.T, axis=0, average="median", gradient=False, **options)
    check_like_scipy(signal.csd, scipy_signal.csd, x, y, gradient=gradient, **options)
    check_like_scipy(signal.csd, scipy_signal.csd, x[:1, :17], y, average="median", gradient=False, **options)


@pytest.mark.parametrize("dtype", DTYPES)
def test_periodograms_are_those_of_scipy(dtype):
    x = smooth_values(np.random.default_rng(0), (2, 20), dtype)
    for options in ({}, {"nfft": 32, "detrend": False}, {"nfft": 15, "window": "hann", "scaling": "spectrum"}):
        check_like_scipy(signal.periodogram, scipy_signal.periodogram, x, gradient=False, **options)


@pytest.mark.parametrize("dtype", DTYPES)
def test_short_time_transforms_are_those_of_scipy_and_so_are_their_inverses(dtype):
    x = smooth_values(np.random.default_rng(0), (2, 20), dtype)
    sided = np.dtype(dtype).kind != "c"
    for options in SEGMENTS:
        options = {name: value for name, value in options.items() if name != "scaling"} | {"return_onesided": sided}
        check_like_scipy(signal.stft, scipy_signal.stft, x, gradient=dtype == np.float64, **options)
    for boundary in ("even", "odd", "constant", "zeros", None):
        options = {"nperseg": 6, "noverlap": 4, "boundary": boundary, "return_onesided": sided}
        check_like_scipy(
            signal.stft, scipy_signal.stft, x.T, padded=boundary is None, axis=0, gradient=False, **options
        )
    spectra = scipy_signal.stft(x, nperseg=6, noverlap=4, return_onesided=sided)[2]
    for options in ({"scaling": "psd", "fs": 2.0}, {"boundary": False, "window": np.arange(1.0, 7)}):
        options = {"noverlap": 4, "input_onesided": sided} | options
        check_like_scipy(signal.istft, scipy_signal.istft, spectra, gradient=dtype == np.float64, **options)
        turned = np.moveaxis(spectra, (0, 1, 2), (1, 2, 0))
        axes = {"time_axis": 0, "freq_axis": 2}
        check_like_scipy(signal.istft, scipy_signal.istft, turned, gradient=False, **options, **axes)


def test_the_inverse_of_the_short_time_transform_gives_the_signal_back():
    x = np.random.default_rng(2).normal(size=40)
    back = functrace.jit(lambda x: signal.istft(signal.stft(x, nperseg=8)[2])[1])(x)
    np.testing.assert_allclose(back, x)
    slope = functrace.jvp(lambda x: signal.istft(signal.stft(x, nperseg=8)[2])[1], (x,), (np.sin(x),))[1]
    np.testing.assert_allclose(slope, np.sin(x))


def test_spectra_refuse_what_scipy_refuses():
    x = np.ones(20)
    for options in (
        {"nperseg": 0},
        {"nperseg": 8, "noverlap": 8},
        {"nperseg": 8, "nfft": 4},
        {"nperseg": 8, "scaling": "loud"},
    ):
        check_refused_like_scipy(signal.welch, scipy_signal.welch, x, **options)
        check_refused_like_scipy(signal.stft, scipy_signal.stft, x, **options)
    check_refused_like_scipy(signal.welch, scipy_signal.welch, x, nperseg=8, average="mode")
    check_refused_like_scipy(signal.stft, scipy_signal.stft, x, nperseg=8, boundary="open")
    check_refused_like_scipy(signal.stft, scipy_signal.stft, x, window=np.ones(30))
    spectra = np.ones((3, 4), complex)
    for options in (
        {"nperseg": 0},
        {"nperseg": 4, "noverlap": 4},
        {"nperseg": 4, "nfft": 2},
        {"time_axis": 0, "freq_axis": 0},
    ):
        check_refused_like_scipy(signal.istft, scipy_signal.istft, spectra, **options)
    check_refused_like_scipy(signal.istft, scipy_signal.istft, spectra[0])


def test_a_segment_longer_than_the_signal_and_a_window_without_an_inverse_warn():
    with pytest.warns(UserWarning, match="nperseg = 256"):
        signal.welch(np.ones(20))
    spectra = signal.stft(np.ones(20), nperseg=4, noverlap=0)[2]
    with pytest.warns(UserWarning, match="NOLA"):
        signal.istft(spectra, noverlap=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        signal.istft(spectra, noverlap=0, window="boxcar")
