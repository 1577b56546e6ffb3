"""Scalar equations as arithmetic of Python floats: NumPy's answers, also where Python raises."""

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.compiler import scalars

TINY = np.nextafter(0.0, 1.0)
HUGE = np.finfo(np.float64).max
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, TINY, -TINY, HUGE, -HUGE, 1e-300, 750.0, np.inf, -np.inf, np.nan]
UNARY = [u for u in (*scalars._OPERATIONS, *scalars._FUNCTIONS) if u.nin == 1]
BINARY = [u for u in (*scalars._OPERATIONS, *scalars._FUNCTIONS) if u.nin == 2]


def assert_numpys_answer(got, expected):
    """The same value, sign of zero and dtype; a function may differ in the last place."""
    assert np.asarray(got).dtype == np.asarray(expected).dtype
    if np.asarray(expected).dtype.kind == "f" and np.isfinite(expected) and expected != 0:
        np.testing.assert_array_max_ulp(got, expected, 4)
    else:
        np.testing.assert_array_equal(got, expected)
        if np.asarray(expected).dtype.kind == "f" and not np.isnan(expected):
            assert np.signbit(got) == np.signbit(expected)


@pytest.mark.parametrize("ufunc", UNARY, ids=lambda u: u.__name__)
def test_a_function_of_a_scalar_gives_numpys_answer_at_special_values(ufunc):
    compiled = functrace.jit(lambda x: (ufunc(x), ufunc(x) if ufunc(1.0).dtype == bool else ufunc(x) * 1.5 + x))
    assert "np." + ufunc.__name__ not in compiled.lower(1.5).as_text().split("def _lambda")[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for value in SPECIAL:
            x = np.float64(value)
            expected = ufunc(x)
            assert_numpys_answer(compiled(x)[0], expected)


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda u: u.__name__)
def test_a_function_of_two_scalars_gives_numpys_answer_at_special_values(ufunc):
    def both(x, y):
        out = ufunc(x, y)
        return out, np.where(out, x, y) if out.dtype == bool else out + x

    compiled = functrace.jit(both)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x, y in itertools.product(map(np.float64, SPECIAL), repeat=2):
            got, expected = compiled(x, y), x**y if ufunc is np.power else ufunc(x, y)  # np.power(-0.0, 0.5) is -0.0
            assert_numpys_answer(got[0], expected)


@pytest.mark.parametrize("value", SPECIAL)
def test_a_gradient_at_a_special_value_is_the_eager_one(value):
    def f(x):
        return fnp.where(x > 0, fnp.sqrt(x) * fnp.log(x), x / (1 + x)) + fnp.exp(x) / x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got, expected = functrace.jit(functrace.grad(f))(value), functrace.grad(f)(value)
    np.testing.assert_allclose(got, expected, rtol=1e-14)


steps = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12
)


@settings(max_examples=150, deadline=None)
@given(steps, st.sampled_from(SPECIAL), st.sampled_from(SPECIAL), st.floats(-3, 3))
def test_a_chain_of_scalars_gives_numpys_answer(steps, x, y, z):
    def chain(*values):
        values = list(values)
        for ufunc, i, j in steps:
            args = [values[i % len(values)], values[j % len(values)]][: ufunc.nin]
            if any(arg.dtype == bool for arg in args):
                args = [np.where(arg, 1.0, 0.5) if arg.dtype == bool else arg for arg in args]
            values.append(ufunc(*args))
        return values[3:]

    args = [np.float64(v) for v in (x, y, z)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = chain(*args)
        got = functrace.jit(chain)(*args)
    for a, b in zip(got, expected, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        if not np.array_equal(a, b, equal_nan=True):  # what rounds otherwise may grow in a chain that cancels
            assert (np.isfinite(a) and np.isfinite(b)) or abs(float(np.nan_to_num(b))) > 1e290
            break


def test_a_loop_of_scalars_computes_in_pythons_floats():
    def newton(a):
        return lax.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)

    compiled = functrace.jit(newton)
    text = compiled.lower(np.float64(2.0)).as_text()
    body = text[text.index("while") :]
    assert "np.float64" not in body.split("return")[0].split("except")[0]
    assert compiled(np.float64(2.0)) == pytest.approx(math.sqrt(2.0), rel=1e-15)
    assert functrace.jit(functrace.grad(newton))(2.0) == pytest.approx(0.5 / math.sqrt(2.0), rel=1e-12)


def test_a_division_by_zero_inside_a_loop_gives_numpys_infinity():
    def halves(x):
        return lax.fori_loop(0, 3, lambda i, v: 1.0 / (v - 1.0), x)  # 1, inf, 0, -1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert functrace.jit(halves)(np.float64(1.0)) == -1.0
