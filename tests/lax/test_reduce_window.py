from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import functrace as ft
import functrace.numpy as fnp
from functrace import lax
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError, StructureError
from functrace.test_util import check_grads
from tests.lax.rules import check_rules, distinct_values

DTYPES = (np.float64, np.float32, np.int64, np.int8, np.uint16, np.bool_)
REDUCTIONS = {
    "sum": (lax.add, np.add),
    "max": (lax.max, np.maximum),
    "min": (fnp.minimum, np.minimum),
    "product": (operator.mul, np.multiply),
    "other": (lambda x, y: y - x, lambda x, y: y - x),
}


def by_definition(x, start, function, window, strides, padding, base_dilation, window_dilation):
    """A loop over the windows, and over the elements of each."""
    axes = range(x.ndim)
    extents = [max((x.shape[a] - 1) * base_dilation[a] + 1, 0) for a in axes]
    spans = [(window[a] - 1) * window_dilation[a] + 1 for a in axes]
    counts = [max((extents[a] + sum(padding[a]) - spans[a]) // strides[a] + 1, 0) for a in axes]
    out = np.empty(counts, x.dtype)
    for position in np.ndindex(*counts):
        total = start
        for element in np.ndindex(*window):
            at = [position[a] * strides[a] + element[a] * window_dilation[a] - padding[a][0] for a in axes]
            inside = all(0 <= at[a] < extents[a] and at[a] % base_dilation[a] == 0 for a in axes)
            total = function(total, x[tuple([at[a] // base_dilation[a] for a in axes])] if inside else start)
        out[position] = total
    return out


@st.composite
def windows(draw, most_axes=3, dtypes=DTYPES, reductions=tuple(REDUCTIONS)):
    """An array, and all that determines a reduction of its windows."""
    rank = draw(st.integers(0, most_axes))

    def ints(low, high):
        return tuple([draw(st.integers(low, high)) for _ in range(rank)])

    extents, base_dilation = ints(1, 5), ints(1, 3)
    padding = []
    for extent, dilation in zip(extents, base_dilation, strict=True):
        low = draw(st.integers(-1, 3))
        padding.append((low, draw(st.integers(max(-1, -low - (extent - 1) * dilation - 1), 3))))
    x = distinct_values(np.random.default_rng(draw(st.integers(0, 99))), extents, draw(st.sampled_from(dtypes)))
    name = draw(st.sampled_from(reductions))
    if name == "other" and x.dtype.kind == "b":
        name = "product"
    lowest, highest = (
        (-np.inf, np.inf)
        if x.dtype.kind == "f"
        else (False, True)
        if x.dtype.kind == "b"
        else (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    )
    neutral = {"sum": 0, "max": lowest, "min": highest, "product": 1, "other": 0}[name]
    start = x.dtype.type(draw(st.sampled_from([neutral, neutral, 1])))
    return x, start, name, ints(1, 3), ints(1, 3), tuple(padding), base_dilation, ints(1, 2)


@settings(max_examples=150, deadline=None)
@given(windows())
def test_a_reduction_of_windows_is_that_of_its_definition_in_every_dtype(case):
    x, start, name, *params = case
    mine, theirs = REDUCTIONS[name]
    expected = by_definition(x, start, theirs, *params)
    out = lax.reduce_window(x, start, mine, *params)
    assert np.shape(out) == expected.shape == lax.reduce_window_shape_tuple(x.shape, *params)
    assert out.dtype == expected.dtype
    np.testing.assert_allclose(out, expected, rtol=1e-5 if x.dtype == np.float32 else 1e-12, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(windows(most_axes=2, dtypes=(np.float64,)))
def test_derivatives_and_batches_agree_with_differences_and_a_loop(case):
    x, start, name, *params = case
    if not np.isfinite(by_definition(x, start, REDUCTIONS[name][1], *params)).all():
        start = x.dtype.type(0.01)
    check_rules(lambda x: lax.reduce_window(x, start, REDUCTIONS[name][0], *params), x, order=1)


@settings(max_examples=25, deadline=None)
@given(windows(most_axes=2, dtypes=(np.float64,), reductions=("sum", "max", "min", "product")))
def test_second_derivatives_agree_with_differences(case):
    x, start, name, *params = case
    start = start if np.isfinite(start) else x.dtype.type(0.01)
    check_grads(lambda x: lax.reduce_window(x * x, start, REDUCTIONS[name][0], *params), (x,), order=2, rtol=1e-3)


@settings(max_examples=20, deadline=None)
@given(windows(most_axes=2, dtypes=(np.float32,), reductions=("sum", "max", "min")))
def test_values_and_gradients_are_jaxs(case):
    jax = pytest.importorskip("jax")
    x, _, name, *params = case
    assume(x.ndim and all(low >= 0 and high >= 0 for low, high in params[2]))  # others end the process
    params[3:] = [(1,) * x.ndim] * 2  # nor does JAX differentiate a maximum where there are holes
    start = {"sum": 0.0, "max": -np.inf, "min": np.inf}[name]
    theirs = {"sum": jax.lax.add, "max": jax.lax.max, "min": jax.lax.min}[name]
    x = np.round(x)  # with ties
    out, pull = ft.vjp(lambda x: lax.reduce_window(x, start, REDUCTIONS[name][0], *params), x)
    expected, their_pull = jax.vjp(lambda x: jax.lax.reduce_window(x, start, theirs, *params), x)
    np.testing.assert_allclose(out, expected, rtol=1e-5)
    if np.isfinite(out).all():
        ct = np.cos(np.arange(np.size(out), dtype=np.float32)).reshape(np.shape(out))
        np.testing.assert_allclose(pull(ct)[0], their_pull(ct)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("window", [(2, 2), (3, 2)])
def test_pooling_without_overlap_is_a_reduction_of_blocks(window):
    x = np.random.default_rng(0).normal(size=(40, 5, 6, 40))
    blocks = x.reshape(40, 5, 6 // window[0], window[0], 40 // window[1], window[1])
    dims = (1, 1, *window)
    np.testing.assert_array_equal(lax.reduce_window(x, -np.inf, lax.max, dims, dims), blocks.max((3, 5)))
    gradient = ft.grad(lambda x: fnp.sum(lax.reduce_window(x, -np.inf, lax.max, dims, dims) ** 2))(x)
    expected = np.where(blocks == blocks.max((3, 5), keepdims=True), 2 * blocks, 0).reshape(x.shape)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)
    mean = ft.grad(lambda x: fnp.sum(lax.reduce_window(x, 0.0, lax.add, dims, dims)))(x)
    np.testing.assert_array_equal(mean, np.ones(x.shape))


def test_large_arrays_are_reduced_in_pieces_to_the_same_result():
    x = np.random.default_rng(0).normal(size=(64, 3, 80, 80)).astype(np.float32)
    params = ((1, 1, 3, 3), (1, 1, 2, 2), "SAME")

    def pooled(x):
        return lax.reduce_window(x, -np.inf, lax.max, *params)

    out, pull = ft.vjp(pooled, x)
    (gradient,) = pull(out)
    for part in (slice(0, 1), slice(31, 33), slice(63, 64)):
        expected, pull_part = ft.vjp(pooled, x[part])
        np.testing.assert_array_equal(out[part], expected)
        np.testing.assert_array_equal(gradient[part], pull_part(expected)[0])


def test_the_first_of_several_maxima_gets_the_gradient():
    x = np.array([[1.0, 3.0, 3.0], [3.0, 3.0, 0.0]])
    gradient = ft.grad(lambda x: fnp.sum(lax.reduce_window(x, -np.inf, lax.max, (2, 2))))(x)
    np.testing.assert_array_equal(gradient, [[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]])


def test_nan_is_passed_on_and_its_place_gets_the_gradient():
    x = np.array([1.0, np.nan, 2.0, 3.0])
    out, pull = ft.vjp(lambda x: lax.reduce_window(x, -np.inf, lax.max, (2,), (2,)), x)
    np.testing.assert_array_equal(out, [np.nan, 3.0])
    np.testing.assert_array_equal(pull(np.array([5.0, 7.0]))[0], [0.0, 5.0, 0.0, 7.0])


def test_a_window_on_nothing_but_padding_gives_the_initial_value():
    x = np.ones(2)
    np.testing.assert_array_equal(lax.reduce_window(x, -np.inf, lax.max, (1,), padding=((1, 0),)), [-np.inf, 1, 1])
    np.testing.assert_array_equal(lax.reduce_window(np.ones(2, int), 7, lax.min, (1,), padding=((1, 0),)), [7, 1, 1])
    gradient = ft.grad(lambda x: lax.reduce_window(x, -np.inf, lax.max, (1,), padding=((1, 0),))[1])(x)
    np.testing.assert_array_equal(gradient, [1, 0])


def test_infinite_cotangents_stay_where_they_belong():
    x = np.array([1.0, 2.0, 4.0, 3.0])
    _, pull = ft.vjp(lambda x: lax.reduce_window(x, -np.inf, lax.max, (2,), (2,)), x)
    np.testing.assert_array_equal(pull(np.array([np.inf, 1.0]))[0], [0.0, np.inf, 1.0, 0.0])


def test_an_initial_value_may_be_traced():
    x = np.array([1.0, 2.0, 3.0])
    total, slope = ft.value_and_grad(lambda start: fnp.sum(lax.reduce_window(x, start, lax.add, (2,))))(0.5)
    assert (total, slope) == (3.0 + 5.0 + 2 * 0.5, 2.0)
    highest = ft.jit(lambda start: lax.reduce_window(x, start, lax.max, (2,)))(2.5)
    np.testing.assert_array_equal(highest, [2.5, 3.0])


def test_a_pytree_is_reduced_together():
    """The maximum of each window with its place."""
    x = np.array([3.0, 1.0, 4.0, 1.0, 5.0])

    def later(left, right):
        chosen = right[0] > left[0]
        return fnp.where(chosen, right[0], left[0]), fnp.where(chosen, right[1], left[1])

    values, places = lax.reduce_window((x, np.arange(5)), (-np.inf, -1), later, (3,))
    np.testing.assert_array_equal(values, [4, 4, 5])
    np.testing.assert_array_equal(places, [2, 2, 4])


def test_a_computation_may_branch_on_its_scalars():
    def either(x, y):
        return lax.cond(x > y, lambda x, y: x - y, lambda x, y: x + y, x, y)

    x = np.array([1.0, 2.0, 0.5])
    np.testing.assert_array_equal(lax.reduce_window(x, 0.0, either, (2,)), [3.0, 1.5])


def test_known_computations_are_recognised_however_they_are_written():
    x = np.ones(4)
    for computation in (lax.add, fnp.add, operator.add, np.add, lambda a, b: b + a):
        program = ft.make_jaxpr(lambda x, f=computation: lax.reduce_window(x, 0.0, f, (2,)))(x)
        assert [equation.primitive.name for equation in program.eqns] == ["reduce_window_sum"]


def test_jit_gives_the_same_value_and_gradient():
    x = np.random.default_rng(0).normal(size=(3, 2, 9, 9)).astype(np.float32)

    def loss(x):
        pooled = lax.reduce_window(fnp.tanh(x), -np.inf, lax.max, (1, 1, 3, 3), (1, 1, 2, 2), "SAME")
        return fnp.sum(lax.reduce_window(pooled, 0.0, lax.add, (1, 1, 2, 2)) ** 2)

    for expected, got in zip(ft.value_and_grad(loss)(x), ft.jit(ft.value_and_grad(loss))(x), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_a_result_is_fresh_memory():
    x = np.ones((3, 3))
    out = lax.reduce_window(x, 0.0, lax.add, (1, 1))
    assert out.flags.writeable and not np.shares_memory(out, x)


X = np.ones((4, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lax.reduce_window(X, 0.0, lax.add, (2,)), OptionError, "window_dimensions .* 2 axes"),
        (lambda: lax.reduce_window(X, 0.0, lax.add, (2, 0)), OptionError, "positive"),
        (lambda: lax.reduce_window(X, 0.0, lax.add, 2), ArgumentError, "tuple of ints"),
        (lambda: lax.reduce_window(X, 0.0, lax.add, (2, 2), (1, 1), "FULL"), OptionError, "'VALID', 'SAME'"),
        (lambda: lax.reduce_window(X, 0.0, lax.add, (2, 2), None, [(-3, -3)] * 2), ShapeError, "cuts off"),
        (lambda: lax.reduce_window(X, np.zeros(2), lax.add, (2, 2)), ShapeError, "scalar as init_value"),
        (lambda: lax.reduce_window((X, X[0]), (0.0, 0.0), lambda a, b: a, (2, 2)), ShapeError, "one shape"),
        (lambda: lax.reduce_window((X, X), 0.0, lambda a, b: a, (2, 2)), StructureError, "for each array"),
        (lambda: lax.reduce_window(X.astype(int), 0.5, lax.add, (2, 2)), DtypeError, "of dtype int64"),
        (lambda: lax.reduce_window(X, 0.0, lambda a, b: a > b, (2, 2)), DtypeError, "scalar of dtype float64"),
        (lambda: lax.reduce_window(X, 0.0, lambda a, b: (a, b), (2, 2)), StructureError, "to give"),
    ],
)
def test_an_error_says_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()
