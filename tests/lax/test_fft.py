from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace import lax
from functrace.errors import DtypeError, OptionError, ShapeError
from functrace.lax.fft import transform
from tests.lax.rules import check_rules, distinct_values

numbers = st.integers(0, 2**32 - 1)
REAL = (np.float32, np.float64, np.int16)


@pytest.mark.parametrize("kind", ["fft", "ifft", "rfft", "irfft"])
@settings(max_examples=12, deadline=None)
@given(
    shape=hnp.array_shapes(max_dims=3, max_side=4),
    dtype=st.sampled_from([*REAL, np.complex64, np.complex128]),
    n=st.integers(1, 7),
    norm=st.sampled_from(["backward", "ortho", "forward"]),
    seed=numbers,
    data=st.data(),
)
def test_a_transform_is_that_of_numpy_and_so_are_its_rules(kind, shape, dtype, n, norm, seed, data):
    if kind == "rfft" and np.dtype(dtype).kind == "c":
        dtype = np.float64
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = distinct_values(np.random.default_rng(seed), shape, dtype)
    expected = getattr(np.fft, kind)(x, n, axis, norm)
    check_rules(lambda x: transform(kind, x, n, axis, norm), x, expected=expected)


@pytest.mark.parametrize("lengths", [(5,), (4,), (3, 4), (2, 3, 5), ()])
def test_fft_transforms_the_last_axes(lengths):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4, 5)[-max(len(lengths), 1) - 1 :][:1] + lengths)
    axes = tuple(range(-len(lengths), 0))
    z = x + 1j * rng.normal(size=x.shape)
    for arg in (x, z):
        for kind, name in (("FFT", "fftn"), ("IFFT", "ifftn")):
            np.testing.assert_allclose(lax.fft(arg, kind, lengths), getattr(np.fft, name)(arg, axes=axes), atol=1e-12)
    half = lax.fft(x, lax.FftType.RFFT, lengths)
    if lengths:
        np.testing.assert_allclose(half, np.fft.rfftn(x, axes=axes), atol=1e-12)
        back = lax.fft(half, lax.FftType.IRFFT, lengths)
        assert back.dtype == np.float64
        np.testing.assert_allclose(back, x, atol=1e-12)


def test_fft_keeps_single_precision():
    x = np.ones(4, np.float32)
    assert lax.fft(x, "FFT", (4,)).dtype == np.complex64
    half = lax.fft(x, "RFFT", (4,))
    assert half.dtype == np.complex64
    assert lax.fft(half, "IRFFT", (4,)).dtype == np.float32


def test_fft_refuses_lengths_that_are_not_those_of_the_array():
    for kind, length in (("FFT", 3), ("RFFT", 5), ("IRFFT", 4)):
        with pytest.raises(ShapeError, match="last axes"):
            lax.fft(np.ones(4), kind, (length,))
    with pytest.raises(ShapeError, match="last axes"):
        lax.fft(np.ones(4), "FFT", (4, 4))


def test_fft_of_real_numbers_refuses_complex_ones_and_an_unknown_transform_is_refused():
    with pytest.raises(DtypeError, match="real numbers"):
        lax.fft(np.ones(4, complex), "RFFT", (4,))
    with pytest.raises(OptionError, match="IRFFT"):
        lax.fft(np.ones(4), "DCT", (4,))


def test_the_energy_of_a_signal_is_that_of_its_spectrum_and_so_is_its_gradient():
    x = np.random.default_rng(1).normal(size=6)

    def energy(x):
        return (abs(lax.fft(x, "FFT", (6,))) ** 2).sum() / 6

    np.testing.assert_allclose(energy(x), (x**2).sum())
    np.testing.assert_allclose(functrace.grad(energy)(x), 2 * x)
    np.testing.assert_allclose(functrace.jit(functrace.grad(energy))(x), 2 * x)


def test_the_imaginary_parts_that_irfft_ignores_have_no_gradient():
    z = np.random.default_rng(2).normal(size=(3, 2)) @ np.array([1, 1j])
    weights = np.array([1.0, -2.0, 3.0, 5.0])
    gradient = functrace.grad(lambda z: (transform("irfft", z, 4, 0) * weights).sum())(z)
    assert gradient[0].imag == 0
    assert gradient[-1].imag == 0
    assert gradient[1].imag != 0


def test_the_cost_of_a_transform_is_counted():
    cost = functrace.jit(lambda x: lax.fft(x, "FFT", (8,))).lower(np.ones((3, 8), complex)).cost_analysis()
    assert cost["flops"] == 3 * 5 * 8 * 3
