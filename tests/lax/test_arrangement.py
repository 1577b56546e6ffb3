from __future__ import annotations

import numpy as np
import pytest

import functrace as ft
from functrace import lax
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError
from tests.lax.rules import check_rules

X = np.sin(np.arange(24.0)).reshape(2, 3, 4)

CASES = {
    "broadcast": (lambda x: lax.broadcast(x, (5, 2)), np.broadcast_to(X, (5, 2, 2, 3, 4))),
    "broadcast_like": (lambda x: lax.broadcast_like(x[:, :1], np.zeros((2, 5, 4))), X[:, [0] * 5]),
    "broadcast_to_rank": (lambda x: lax.broadcast_to_rank(x, 5), X[None, None]),
    "collapse": (lambda x: lax.collapse(x, 1), X.reshape(2, 12)),
    "collapse some": (lambda x: lax.collapse(x, 0, -1), X.reshape(6, 4)),
    "collapse none": (lambda x: lax.collapse(x, 1, 1), X[:, None]),
    "split": (lambda x: tuple(lax.split(x, (1, 0, 3), axis=-1)), (X[..., :1], X[..., 1:1], X[..., 1:])),
    "stack": (lambda x: lax.stack([x, 2 * x], -1), np.stack([X, 2 * X], -1)),
    "unstack": (lambda x: lax.unstack(x, 1), tuple(np.moveaxis(X, 1, 0))),
    "tile": (lambda x: lax.tile(x, (2, 1, 3)), np.tile(X, (2, 1, 3))),
    "tile with nothing": (lambda x: lax.tile(x, (2, 0, 3)), np.tile(X, (2, 0, 3))),
    "index_take": (
        lambda x: lax.index_take(x, (np.array([1, -1, 5]), np.array([0, 3, 7])), (0, 2)),
        X[[1, 1, 1], :, [0, 3, 3]],
    ),
    "batch_matmul": (lambda x: lax.batch_matmul(x, x.transpose(0, 2, 1)), X @ X.transpose(0, 2, 1)),
    "sort_key_val": (lambda x: lax.sort_key_val(-x, x), (np.sort(-X), -np.sort(-X))),
    "approx_max_k": (lambda x: lax.approx_max_k(x, 2, 1)[0], -np.sort(-X, 1)[:, :2]),
    "approx_min_k": (lambda x: lax.approx_min_k(x, 2, 1)[0], np.sort(X, 1)[:, :2]),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_values_are_numpys_and_derivatives_those_of_differences(name):
    function, expected = CASES[name]
    expected = list(expected) if isinstance(expected, tuple) else [expected]
    check_rules(function, X, expected=expected, order=1)


def test_what_is_no_array_of_numbers():
    assert lax.dtype(np.float32(1)) == np.float32 and lax.dtype(1.5) == np.float64
    assert lax.broadcast_shapes((2, 1), (), (3,)) == (2, 3)
    np.testing.assert_array_equal(lax.shape_as_value((2, 3)), [2, 3])
    out = lax.empty((2, 3), np.int8)
    assert out.shape == (2, 3) and out.dtype == np.int8
    values, indices = lax.approx_min_k(np.array([2.0, 1.0, 1.0]), 2)
    assert values.tolist() == [1, 1] and indices.tolist() == [1, 2]
    assert ft.jit(lambda x: lax.dot_general(x, x, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST))(
        np.ones((2, 3))
    ).tolist() == [[3, 3], [3, 3]]


def test_a_dot_may_say_its_axes_and_its_dtype():
    x = np.full((2, 3), 100, np.int8)
    out = lax.dot(x, x, dimension_numbers=(((1,), (1,)), ((), ())), preferred_element_type=np.int32)
    np.testing.assert_array_equal(out, np.full((2, 2), 30_000))
    np.testing.assert_array_equal(lax.dot(x, x.T, precision=lax.Precision.HIGH, preferred_element_type=np.int32), out)
    np.testing.assert_allclose(lax.dot(X, X.transpose(0, 2, 1)), np.dot(X, X.transpose(0, 2, 1)), rtol=1e-12)
    assert lax.dot(2.0, 3.0) == 6.0


@pytest.mark.parametrize(
    "x", [np.array([0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, -0.0, np.inf, -np.inf, np.nan, 1e300, 3.0])]
)
def test_halves_are_rounded_away_from_zero_or_to_even(x):
    away = np.array([1, -1, 2, 3, -3, 0, -0.0, np.inf, -np.inf, np.nan, 1e300, 3])
    for rounded in (lax.round, ft.jit(lax.round)):
        np.testing.assert_array_equal(rounded(x), away)
        np.testing.assert_array_equal(np.signbit(rounded(x)), np.signbit(away))
    for method in (lax.RoundingMethod.TO_NEAREST_EVEN, 1):
        np.testing.assert_array_equal(lax.round(x, method), np.rint(x))
    assert lax.round(np.float32(2.5)).dtype == np.float32
    np.testing.assert_array_equal(ft.grad(lambda x: lax.round(x).sum())(x[:4]), np.zeros(4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lax.broadcast_to_rank(X, 2), ShapeError, "at most 2 axes"),
        (lambda: lax.collapse(X, 2, 1), OptionError, "range of axes"),
        (lambda: lax.split(X, (1, 2)), ShapeError, "add up to 2"),
        (lambda: lax.stack([]), ArgumentError, "at least one"),
        (lambda: lax.tile(X, (2,)), ShapeError, "each axis"),
        (lambda: lax.batch_matmul(X, X[0]), ShapeError, "as many axes"),
        (lambda: lax.round(np.arange(3)), DtypeError, "real floats"),
        (lambda: lax.round(X, 2), OptionError, "RoundingMethod"),
    ],
)
def test_an_error_says_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()
