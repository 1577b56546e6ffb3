"""The array API standard, 2024.12: what code that asks an array for its namespace relies on."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import OptionError, TracerArrayConversionError
from tests.numpy.agreement import compare


def standardized(x):
    """Library code: it knows the standard alone."""
    xp = x.__array_namespace__(api_version="2024.12")
    mean = xp.mean(x, axis=0, keepdims=True)
    spread = xp.std(x, axis=0, correction=1.0, keepdims=True)
    return xp.astype((x - mean) / xp.where(spread > 0, spread, xp.ones_like(spread)), x.dtype)


def test_code_that_asks_for_the_namespace_is_traced():
    x = np.array([[1.0, 2.0], [3.0, 5.0], [8.0, 5.5]])

    def by_hand(x):
        return (x - np.mean(x, 0)) / np.std(x, 0, ddof=1)

    np.testing.assert_allclose(functrace.jit(standardized)(x), by_hand(x))
    weights = np.arange(6.0).reshape(3, 2)
    ours = functrace.jit(functrace.grad(lambda x: fnp.sum(standardized(x) * weights)))(x)
    theirs = functrace.grad(lambda x: fnp.sum(by_hand(x) * weights))(x)
    np.testing.assert_allclose(ours, theirs)
    assert functrace.vmap(standardized)(np.stack([x, x])).shape == (2, 3, 2)


def test_the_namespace_is_given_for_the_versions_up_to_its_own_and_no_other():
    def versions(x):
        assert x.__array_namespace__() is fnp
        for version in ("2021.12", "2022.12", "2023.12", "2024.12"):
            assert x.__array_namespace__(api_version=version) is fnp
        with pytest.raises(OptionError, match=r"2024\.12"):
            x.__array_namespace__(api_version="1999.12")
        return x

    functrace.grad(versions)(1.0)
    assert fnp.__array_api_version__ == "2024.12"


def test_a_traced_array_has_a_device_and_no_memory_to_share():
    def questions(x):
        assert x.device == "cpu"
        assert x.to_device("cpu") is x
        with pytest.raises(OptionError, match="gpu"):
            x.to_device("gpu")
        assert (x.ndim, x.size, x.shape, x.dtype) == (2, 6, (2, 3), np.float64)
        assert (x.T.shape, x.mT.shape) == ((3, 2), (3, 2))
        with pytest.raises(TracerArrayConversionError):
            fnp.from_dlpack(x)
        with pytest.raises(TracerArrayConversionError):
            x.__dlpack_device__()
        return fnp.sum(x)

    functrace.grad(questions)(np.ones((2, 3)))


# inspection


def test_the_namespace_tells_what_it_can_do():
    info = fnp.__array_namespace_info__()
    assert info.devices() == [info.default_device()] == ["cpu"]
    assert info.capabilities() == {
        "boolean indexing": True,
        "data-dependent shapes": True,
        "max dimensions": 64,
    }
    assert info.default_dtypes() == {
        "real floating": np.dtype(float),
        "complex floating": np.dtype(complex),
        "integral": np.dtype(int),
        "indexing": np.dtype(np.intp),
    }
    assert info.default_dtypes(device="cpu") == info.default_dtypes(device=None)
    with pytest.raises(OptionError, match="gpu"):
        info.dtypes(device="gpu")
    with pytest.raises(OptionError, match="unsupported kind"):
        info.dtypes(kind="text")


@pytest.mark.parametrize(
    "kind",
    [None, "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric"],
)
def test_the_dtypes_are_those_that_isdtype_finds(kind):
    found = fnp.__array_namespace_info__().dtypes(kind=kind)
    assert all(getattr(fnp, name) == dtype for name, dtype in found.items())
    every = fnp.__array_namespace_info__().dtypes()
    assert found == {n: d for n, d in every.items() if kind is None or fnp.isdtype(d, kind)}
    assert fnp.__array_namespace_info__().dtypes(kind=("bool", "real floating")).keys() == {
        "bool",
        "float32",
        "float64",
    }


def test_shapes_do_not_depend_on_values_while_jit_traces():
    told = []

    @functrace.jit
    def ask(x):
        told.append(x.__array_namespace__().__array_namespace_info__().capabilities())
        return x

    ask(1.0)
    assert told == [{"boolean indexing": False, "data-dependent shapes": False, "max dimensions": 64}]


# what NumPy lacks


@settings(max_examples=20, deadline=None)
@given(x=hnp.arrays(np.float64, st.integers(0, 6), elements=st.integers(-2, 2)), stable=st.booleans())
def test_sorting_in_descending_order_keeps_equal_elements_in_order(x, stable):
    order = np.array(sorted(range(len(x)), key=lambda i: -x[i]), int)  # Python's sort is stable
    for run in (lambda f: f, functrace.jit):
        compare([run(lambda x: fnp.sort(x, stable=stable, descending=True))(x)], [x[order]], rtol=0, what="sort")
        compare([run(lambda x: fnp.argsort(x, stable=True, descending=True))(x)], [order], rtol=0, what="argsort")


def test_the_gradient_of_a_descending_sort_goes_back_to_each_place():
    gradient = functrace.grad(lambda x: fnp.sum(fnp.sort(x, descending=True) * np.array([1.0, 2.0, 3.0])))
    np.testing.assert_array_equal(gradient(np.array([5.0, 9.0, 7.0])), [3.0, 1.0, 2.0])


def test_frequencies_have_the_dtype_that_is_asked_for():
    for run in (lambda f: f, functrace.jit):
        compare(
            [run(lambda: fnp.fft.fftfreq(5, dtype=fnp.float32))()], [np.fft.fftfreq(5).astype("f4")], rtol=0, what=""
        )
        compare(
            [run(lambda: fnp.fft.rfftfreq(5, dtype=fnp.float32))()], [np.fft.rfftfreq(5).astype("f4")], rtol=0, what=""
        )


# libraries

SCIPY = """
import numpy as np
import scipy.integrate
import scipy.special
import scipy.stats
from functrace import grad, jit

x = np.array([0.3, 1.2, 2.5, 0.7])
functions = {
    "softmax": lambda x: scipy.special.softmax(x)[0],
    "gmean": scipy.stats.gmean,
    "skew": scipy.stats.skew,
    "kurtosis": scipy.stats.kurtosis,
    "moment": lambda x: scipy.stats.moment(x, 3),
    "sem": scipy.stats.sem,
    "trapezoid": lambda x: scipy.integrate.trapezoid(x**2),
}
for name, function in functions.items():
    slopes = [(function(x + 1e-6 * e) - function(x - 1e-6 * e)) / 2e-6 for e in np.eye(4)]
    for gradient in (grad(function), jit(grad(function))):
        np.testing.assert_allclose(gradient(x), slopes, rtol=1e-5, atol=1e-7, err_msg=name)
"""


def test_scipys_functions_for_any_array_library_are_differentiated():
    pytest.importorskip("scipy")
    run = subprocess.run(
        [sys.executable, "-c", SCIPY],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
