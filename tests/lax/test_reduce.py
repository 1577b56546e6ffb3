from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace as ft
import functrace.numpy as fnp
from functrace import lax
from functrace.errors import DtypeError, ShapeError, StructureError
from tests.lax.rules import check_rules

X = np.sin(1.0 + np.arange(30.0)).reshape(2, 3, 5)
MONOIDS = {
    "sum": (lax.add, 0.0, np.sum),
    "product": (lax.mul, 1.0, np.prod),
    "maximum": (lax.max, -np.inf, np.max),
    "minimum": (lax.min, np.inf, np.min),
}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(MONOIDS)), st.sets(st.integers(0, 2)), st.booleans())
def test_a_computation_that_numpy_knows_and_one_that_it_does_not_reduce_alike(name, axes, compiled):
    operation, start, expected = MONOIDS[name]
    axes = tuple(axes)
    for computation in (operation, lambda x, y: operation(x * 2, y * 2) / (4 if name == "product" else 2)):

        def reduce(x, computation=computation):
            return lax.reduce(x, start, computation, axes)

        out = (ft.jit(reduce) if compiled else reduce)(X)
        np.testing.assert_allclose(out, expected(X, axis=axes), rtol=1e-12)


def test_neighbours_are_reduced_in_their_order():
    matrices = np.stack([np.array([[1.0, k], [0.5, 2.0]]) for k in range(5)])
    a, b, c, d = [matrices[:, i, j] for i, j in np.ndindex(2, 2)]

    def multiply(x, y):
        return (
            x[0] * y[0] + x[1] * y[2], x[0] * y[1] + x[1] * y[3],
            x[2] * y[0] + x[3] * y[2], x[2] * y[1] + x[3] * y[3],
        )  # fmt: skip

    out = lax.reduce((a, b, c, d), (1.0, 0.0, 0.0, 1.0), multiply, (0,))
    np.testing.assert_allclose(np.reshape(out, (2, 2)), np.linalg.multi_dot(matrices), rtol=1e-13)


def test_integers_keep_their_dtype_and_their_bits():
    x = np.array([[100, 100], [7, 12]], np.int8)
    np.testing.assert_array_equal(lax.reduce(x, np.int8(0), lax.add, (1,)), np.array([-56, 19], np.int8))
    assert lax.reduce(x, np.int8(0), lax.add, (1,)).dtype == np.int8
    for operation, start, ufunc in (
        (lax.bitwise_and, -1, np.bitwise_and),
        (lax.bitwise_or, 0, np.bitwise_or),
        (lax.bitwise_xor, 0, np.bitwise_xor),
    ):
        np.testing.assert_array_equal(lax.reduce(x, np.int8(start), operation, (0,)), ufunc.reduce(x, 0))
    for operation, start, ufunc in (
        (lax.bitwise_and, True, np.logical_and),
        (lax.bitwise_or, False, np.logical_or),
        (lax.bitwise_xor, False, np.logical_xor),
    ):
        out = lax.reduce(x > 10, start, operation, (0,))
        assert out.dtype == bool
        np.testing.assert_array_equal(out, ufunc.reduce(x > 10, 0))


def test_what_has_no_elements_is_the_initial_value():
    for computation in (lax.max, lambda x, y: x + y - 1):
        np.testing.assert_array_equal(lax.reduce(np.ones((0, 2)), 5.0, computation, (0,)), [5, 5])
        assert lax.reduce(np.ones((2, 0)), 5.0, computation, (0,)).shape == (0,)
    np.testing.assert_array_equal(lax.reduce(np.array([1.0, 2.0]), 1.5, lax.max, (0,)), 2)
    np.testing.assert_array_equal(lax.reduce(np.array([1.0, 2.0]), 1.5, lax.add, (0,)), 4.5)


def test_derivatives_and_batches_agree_with_differences_and_a_loop():
    check_rules(lambda x: lax.reduce(x, 0.0, lambda a, b: a + b + 0.1 * a * b, (0, 2)), X, order=2)
    check_rules(lambda x: lax.reduce(x, 1.0, lax.mul, (1,)), X[0], order=1)

    def larger(a, b):
        return tuple(fnp.where(a[0] > b[0], ours, theirs) for ours, theirs in zip(a, b, strict=True))

    value, name = lax.reduce((X[0, 0], np.arange(5)), (-np.inf, -1), larger, (0,))
    assert (value, name) == (X[0, 0].max(), X[0, 0].argmax())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lax.reduce(X, np.zeros(2), lax.add, (0,)), ShapeError, "scalar as init_value"),
        (lambda: lax.reduce((X, X), 0.0, lax.add, (0,)), StructureError, "init_value for each"),
        (lambda: lax.reduce(X.astype(int), 0.5, lax.add, (0,)), DtypeError, "init_value of dtype int"),
        (lambda: lax.reduce(X, 0.0, lambda x, y: x > y, (0,)), DtypeError, "to give a scalar of dtype float64"),
        (lambda: lax.reduce(X, 0.0, lambda x, y: (x, y), (0,)), StructureError, "computation to give"),
        (lambda: lax.reduce(X, 0.0, lax.add, (3,)), ValueError, "out of bounds"),
    ],
)
def test_an_error_says_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()
