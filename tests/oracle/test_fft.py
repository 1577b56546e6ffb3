"""Fourier, cosine and sine transforms beside JAX's."""

from __future__ import annotations

import numpy as np
import pytest

import functrace.numpy as fnp
from functrace import lax
from functrace.scipy import fft
from tests.oracle.agreement import check_against_jax, draw, jax, jnp


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_transforms_of_one_axis_agree(name, dtype):
    if name in ("rfft", "ihfft") and dtype == "c16":
        pytest.skip("of real numbers")
    ours, theirs = getattr(fnp.fft, name), getattr(jnp.fft, name)
    check_against_jax(ours, theirs, draw((2, 5), dtype))
    for norm in ("ortho", "forward"):
        check_against_jax(ours, theirs, draw((4, 2), dtype), 5, -2, norm, order=1)
    check_against_jax(ours, theirs, draw((3,), dtype), 2, order=1)
    check_against_jax(ours, theirs, draw((1,), dtype), 1, order=1)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("name", ["fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"])
def test_transforms_of_several_axes_agree(name, dtype):
    if name.startswith("rfft") and dtype == "c16":
        pytest.skip("of real numbers")
    ours, theirs = getattr(fnp.fft, name), getattr(jnp.fft, name)
    check_against_jax(ours, theirs, draw((2, 3, 4), dtype), order=1)
    check_against_jax(ours, theirs, draw((2, 3, 4), dtype), (3, 5), (-1, 0), "ortho", order=1)


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts_agree(name):
    for axes in (None, 1, (0, -1)):
        check_against_jax(getattr(fnp.fft, name), getattr(jnp.fft, name), draw((3, 4)), axes, order=1)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_agree(name):
    for n in (1, 4, 5):
        check_against_jax(
            lambda d, n=n: getattr(fnp.fft, name)(n, d), lambda d, n=n: getattr(jnp.fft, name)(n, d=d), np.float64(0.5)
        )


@pytest.mark.parametrize("kind", ["FFT", "IFFT", "RFFT", "IRFFT"])
def test_lax_fft_agrees(kind):
    for lengths in ((4,), (3, 4)):
        shape = (*lengths[:-1], 3) if kind == "IRFFT" else lengths
        x = draw((2, *shape), "f8" if kind == "RFFT" else "c16")
        ours, theirs = lax.FftType[kind], getattr(jax.lax.FftType, kind)
        check_against_jax(
            lambda x, f=ours, n=lengths: lax.fft(x, f, n),
            lambda x, f=theirs, n=lengths: jax.lax.fft(x, f, n),
            x,
            order=1,
        )


@pytest.mark.parametrize("name", ["dct", "idct"])
def test_cosine_transforms_agree(name):
    ours, theirs = getattr(fft, name), getattr(jax.scipy.fft, name)
    for norm in (None, "ortho"):
        check_against_jax(ours, theirs, draw((3, 5)), norm=norm, order=1)
        check_against_jax(ours, theirs, draw((3, 5), "f4"), n=4, axis=0, norm=norm, order=1)


@pytest.mark.parametrize("name", ["dctn", "idctn"])
def test_cosine_transforms_of_several_axes_agree(name):
    ours, theirs = getattr(fft, name), getattr(jax.scipy.fft, name)
    for norm in (None, "ortho"):
        check_against_jax(ours, theirs, draw((3, 5)), norm=norm, order=1)
        check_against_jax(ours, theirs, draw((2, 3, 5)), axes=(0, 2), norm=norm, order=1)
