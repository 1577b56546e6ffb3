from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from tests.numpy.agreement import check_agreement, check_same_error, compare, smooth_values

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
TWO = ("fft2", "ifft2", "rfft2", "irfft2")
SEVERAL = ("fftn", "ifftn", "rfftn", "irfftn")
OF_REAL = ("rfft", "ihfft", "rfft2", "rfftn")
NORMS = st.sampled_from([None, "backward", "ortho", "forward"])
numbers = st.integers(0, 2**32 - 1)


@st.composite
def arrays(draw, name, min_dims=1):
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=1, max_side=4))
    dtypes = [np.float32, np.float64, np.int8] + ([] if name in OF_REAL else [np.complex64, np.complex128])
    return smooth_values(np.random.default_rng(draw(numbers)), shape, draw(st.sampled_from(dtypes)))


def test_every_function_of_numpy_fft_is_there():
    assert set(fnp.fft.__all__) == set(np.fft.__all__)


@pytest.mark.parametrize("name", ONE)
@settings(max_examples=8, deadline=None)
@given(data=st.data(), n=st.none() | st.integers(1, 6), norm=NORMS)
def test_a_transform_of_one_axis_is_that_of_numpy(name, data, n, norm):
    a = data.draw(arrays(name))
    axis = data.draw(st.integers(-a.ndim, a.ndim - 1))
    if n is None and name in ("irfft", "hfft") and a.shape[axis] == 1:
        n = 1
    check_agreement(f"fft.{name}", a, n=n, axis=axis, norm=norm)


@pytest.mark.parametrize("name", [*TWO, *SEVERAL])
@settings(max_examples=6, deadline=None)
@given(data=st.data(), norm=NORMS)
def test_a_transform_of_several_axes_is_that_of_numpy(name, data, norm):
    a = data.draw(arrays(name, 2))
    axis = st.integers(-a.ndim, a.ndim - 1)
    axes = data.draw(st.lists(axis, min_size=1, max_size=3))  # an axis may come twice, but not after a real transform
    s = data.draw(st.none() | st.lists(st.just(-1) | st.integers(1, 5), min_size=len(axes), max_size=len(axes)))
    if "irfft" in name and (s is None or s[-1] == -1) and a.shape[axes[-1]] == 1:
        axes, s = [-2, -1], [2, 3]
    check_agreement(f"fft.{name}", a, s=s, axes=axes, norm=norm)


def test_without_axes_all_are_transformed_and_by_fft2_the_last_two():
    a = smooth_values(np.random.default_rng(0), (2, 3, 4), np.float64)
    for name in (*TWO, *SEVERAL):
        check_agreement(f"fft.{name}", a)


def test_lengths_without_axes_warn_as_in_numpy():
    a = np.ones((2, 3, 4))
    with pytest.warns(DeprecationWarning, match="axes"):
        got = functrace.jit(lambda a: fnp.fft.fftn(a, (2, 3)))(a)
    with pytest.warns(DeprecationWarning, match="axes"):
        np.testing.assert_allclose(got, np.fft.fftn(a, (2, 3)))


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
@settings(max_examples=8, deadline=None)
@given(shape=hnp.array_shapes(max_dims=3, min_side=0, max_side=4), data=st.data(), seed=numbers)
def test_shifts_are_those_of_numpy(name, shape, data, seed):
    x = smooth_values(np.random.default_rng(seed), shape, data.draw(st.sampled_from([np.int32, np.float64])))
    axis = st.integers(-len(shape), len(shape) - 1)
    chosen = axis | st.lists(axis, max_size=3, unique_by=lambda i: i % len(shape)).map(tuple)
    axes = data.draw(st.none() | chosen)
    check_agreement(f"fft.{name}", x, axes=axes)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_are_those_of_numpy_and_differentiate_by_the_spacing(name):
    ours, original = getattr(fnp.fft, name), getattr(np.fft, name)
    for n in (1, 2, 5, 8):
        for d in (1.0, 0.25, np.float32(0.1), 3):
            compare([ours(n, d)], [original(n, d)], rtol=0, what=name)
            compare([functrace.jit(lambda n=n, d=d: ours(n, d))()], [original(n, d)], rtol=1e-15, what=f"jit of {name}")
        slope = functrace.jacfwd(lambda d, n=n: ours(n, d))(0.5)
        np.testing.assert_allclose(slope, -original(n, 0.5) / 0.5)
    with pytest.raises(ValueError, match="integer"):
        functrace.jit(lambda: ours(2.5))()


@pytest.mark.parametrize("name", [*ONE, *TWO, *SEVERAL])
def test_what_numpy_refuses_is_refused(name):
    a = np.ones((3, 4))
    check_same_error(f"fft.{name}", a, norm="big")
    if name in ONE:
        check_same_error(f"fft.{name}", a, n=0)
        check_same_error(f"fft.{name}", a, axis=2)
        check_same_error(f"fft.{name}", a, n=3, axis=-3)
        check_same_error(f"fft.{name}", a, n=2.5)
        check_same_error(f"fft.{name}", np.float64(1.0))
    else:
        check_same_error(f"fft.{name}", a, s=(2,), axes=(0, 1))
        check_same_error(f"fft.{name}", a, axes=(0, 2))
    if name in OF_REAL:
        check_same_error(f"fft.{name}", a + 0j)
    with pytest.raises(TypeError, match="out="):
        functrace.jit(lambda x: getattr(fnp.fft, name)(x, out=np.zeros((3, 4), complex)))(a)


def test_an_empty_axis_is_refused_and_an_empty_batch_is_not():
    check_same_error("fft.fft", np.ones((2, 0)))
    check_agreement("fft.fft", np.ones((0, 2)))
    check_agreement("fft.fft", np.ones((2, 0)), n=3)
    # NumPy 2.4 leaves the result of irfft as it finds it in memory
    np.testing.assert_array_equal(functrace.jit(lambda a: fnp.fft.irfft(a, 3))(np.ones((2, 0))), np.zeros((2, 3)))


def test_a_convolution_by_the_spectrum_differentiates_through_jit_and_vmap():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(4, 6)), rng.normal(size=6)

    def smooth(x, y):
        return np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(y), 6)

    expected = np.array([[sum(row[j] * y[(k - j) % 6] for j in range(6)) for k in range(6)] for row in x])
    np.testing.assert_allclose(functrace.jit(functrace.vmap(smooth, (0, None)))(x, y), expected)
    jacobian = functrace.jit(functrace.jacrev(smooth))(x[0], y)
    np.testing.assert_allclose(jacobian, [[y[(k - j) % 6] for j in range(6)] for k in range(6)], atol=1e-12)
