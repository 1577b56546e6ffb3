"""Rewriting a program changes no element of a result by a bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace.compiler.simplify import simplify

SPECIAL = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 5e-324]

FUNCTIONS = {
    "times one": lambda x: x * 1,
    "times one from the left": lambda x: 1.0 * x,
    "over one": lambda x: x / 1,
    "plus zero": lambda x: x + 0.0,
    "plus minus zero": lambda x: x + -0.0,
    "minus zero": lambda x: x - 0,
    "minus minus zero": lambda x: x - -0.0,
    "zero times": lambda x: x * 0,
    "minus minus": lambda x: np.negative(-x),
    "plus": lambda x: +x,
    "to the first": lambda x: x**1,
    "to the zeroth": lambda x: x**0,
    "minus itself": lambda x: x - x,
    "over itself": lambda x: x / x,
    "times true": lambda x: x * True,
    "twice the same": lambda x: (np.sin(x) + 1) * (np.sin(x) + 1),
    "signs of literals": lambda x: np.copysign(x, -0.0) + np.copysign(x, 0.0),
    "equal literals of other types": lambda x: (x * 1, x * 1.0, x * True),
    "a choice by a literal": lambda x: np.where(True, x, 2 * x),
    "transposed twice": lambda x: x.T.T,
    "reshaped twice": lambda x: x.reshape(-1).reshape(x.shape),
    "its own dtype": lambda x: x.astype(x.dtype),
    "to a narrow dtype and back": lambda x: x.astype(np.complex64).astype(x.dtype),
    "a broadcast operand": lambda x: np.broadcast_to(np.float32(3), x.shape) * x,
    "zeros of its shape": lambda x: functrace.numpy.zeros_like(x) * x + functrace.numpy.ones_like(x),
}


def assert_bits(got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    if got.dtype.kind == "c":
        assert_bits(got.real, expected.real)
        assert_bits(got.imag, expected.imag)
        return
    np.testing.assert_array_equal(got, expected)
    if got.dtype.kind == "f":
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(expected)[known])


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_rewritten_program_gives_the_same_bits(name, data):
    function = FUNCTIONS[name]
    dtype = data.draw(st.sampled_from([np.float64, np.float32, np.complex128, np.int32, np.bool_]))
    numbers = st.sampled_from(SPECIAL)
    elements = {"f": numbers, "c": st.builds(complex, numbers, numbers), "i": st.integers(-3, 3), "b": st.booleans()}
    shape = data.draw(st.sampled_from([(), (2,), (2, 1)]))
    x = data.draw(hnp.arrays(dtype, shape, elements=elements[np.dtype(dtype).kind]))
    with np.errstate(all="ignore"):
        try:
            expected = function(x)
        except TypeError:
            return
        got = functrace.jit(function)(x)
    for a, b in zip(functrace.tree.leaves(got), functrace.tree.leaves(expected), strict=True):
        if "complex" in str(np.asarray(b).dtype) and name == "signs of literals":
            return
        assert_bits(a, b)


@pytest.mark.parametrize("x", [True, 3, 2.5, 1j, -0.0])
@pytest.mark.parametrize("name", ["minus minus", "times one", "plus", "over one", "minus zero", "times true"])
def test_a_rewritten_program_of_python_scalars_gives_the_same_type(name, x):
    got, expected = functrace.jit(FUNCTIONS[name])(x), np.asarray(FUNCTIONS[name](x))
    assert_bits(got, expected)


def test_dead_and_repeated_equations_are_taken_out():
    def function(x):
        np.cos(x)
        return np.sin(x) * np.sin(x) + functrace.jit(np.sin)(x)

    simplified = simplify(functrace.make_jaxpr(function)(1.0))
    assert [equation.primitive.name for equation in simplified.equations] == ["sin", "mul", "add"]


def test_literals_that_are_equal_but_not_the_same_are_not_taken_for_one():
    function = functrace.jit(lambda x: (np.copysign(x, 0.0), np.copysign(x, -0.0), x * 1, x * 1.0, x * True))
    got = function(np.int32(2))
    assert [value.item() for value in got] == [2.0, -2.0, 2, 2.0, 2]
    assert [value.dtype.kind for value in got] == ["f", "f", "i", "f", "i"]
