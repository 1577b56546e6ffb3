from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from functrace.scipy import fft
from tests.lax.rules import check_rules
from tests.numpy.agreement import smooth_values
from tests.scipy.agreement import check_like_scipy, check_refused_like_scipy

scipy_fft = pytest.importorskip("scipy.fft")
numbers = st.integers(0, 2**32 - 1)
types = st.sampled_from([1, 2, 3, 4])
norms = st.sampled_from([None, "backward", "ortho", "forward"])
ONE = ("dct", "idct", "dst", "idst")
SEVERAL = ("dctn", "idctn", "dstn", "idstn")


@st.composite
def arrays(draw):
    shape = draw(hnp.array_shapes(max_dims=3, min_side=2, max_side=5))
    dtype = draw(st.sampled_from([np.float64, np.float32, np.float16, np.complex128, np.int16]))
    return smooth_values(np.random.default_rng(draw(numbers)), shape, dtype)


@pytest.mark.parametrize("name", ONE)
@settings(max_examples=12, deadline=None)
@given(
    x=arrays(), type=types, n=st.none() | st.integers(2, 7), norm=norms, weighted=st.sampled_from([None, True, False])
)
def test_transforms_of_one_axis_are_those_of_scipy(name, x, type, n, norm, weighted):
    weighted = None if x.dtype.kind == "c" else weighted  # SciPy 1.17 leaves it out of account for complex numbers
    ours, original = getattr(fft, name), getattr(scipy_fft, name)
    check_like_scipy(
        ours, original, x, type, n, x.ndim - 2, norm, gradient=x.dtype != np.float16, orthogonalize=weighted
    )


@pytest.mark.parametrize("name", SEVERAL)
@settings(max_examples=6, deadline=None)
@given(x=arrays(), type=types, norm=norms, data=st.data())
def test_transforms_of_several_axes_are_those_of_scipy(name, x, type, norm, data):
    axes = data.draw(st.none() | st.lists(st.integers(0, x.ndim - 1), min_size=1, unique=True))
    length = st.just(-1) | st.integers(2, 5)
    count = len(axes or x.shape)
    s = data.draw(st.none() | st.lists(length, min_size=count, max_size=count))
    check_like_scipy(
        getattr(fft, name), getattr(scipy_fft, name), x, type, s, axes, norm, gradient=x.dtype != np.float16
    )


@pytest.mark.parametrize("type", [1, 2, 3, 4])
def test_the_weighted_transform_is_orthogonal_and_its_rules_agree(type):
    x = np.random.default_rng(type).normal(size=(2, 5))
    for forward, backward in ((fft.dct, fft.idct), (fft.dst, fft.idst)):
        out = check_rules(lambda x, f=forward: f(x, type, norm="ortho"), x, order=1)
        np.testing.assert_allclose(np.sum(out**2, -1), np.sum(x**2, -1))
        np.testing.assert_allclose(backward(out, type, norm="ortho"), x)
        matrix = forward(np.eye(5), type, norm="ortho")
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(5), atol=1e-14)


def test_both_parts_of_complex_numbers_are_weighted():
    x = np.array([1.0, 2.0, 4.0])
    expected = scipy_fft.dct(x, norm="ortho", orthogonalize=False)
    np.testing.assert_allclose(fft.dct(x * (1 + 2j), norm="ortho", orthogonalize=False), expected * (1 + 2j))


@pytest.mark.parametrize("name", ONE)
def test_transforms_refuse_what_scipy_refuses(name):
    ours, original, x = getattr(fft, name), getattr(scipy_fft, name), np.ones((3, 4))
    for options in ({"type": 5}, {"n": 0}, {"axis": 2}, {"norm": "big"}, {"n": 2.5}):
        check_refused_like_scipy(ours, original, x, **options)
    with pytest.raises(ValueError, match="at least 2"):
        fft.dct(np.ones(1), 1)


@pytest.mark.parametrize("name", SEVERAL)
def test_transforms_of_several_axes_refuse_what_scipy_refuses(name):
    ours, original, x = getattr(fft, name), getattr(scipy_fft, name), np.ones((3, 4))
    for options in ({"axes": (0, 0)}, {"axes": 2}, {"s": (1, 2, 3)}, {"s": (1, 2), "axes": (0,)}):
        check_refused_like_scipy(ours, original, x, **options)
