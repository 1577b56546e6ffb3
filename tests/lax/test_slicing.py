from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace.core.aval import Aval
from functrace.core.recording import record
from functrace.errors import DtypeError, IndexOutOfBoundsError, ShapeError
from functrace.lax import slicing as lax
from functrace.lax.shape import reduce_sum
from tests.lax.rules import check_rules, distinct_values

FLOATS = Aval((4, 5), np.dtype(float))
INTEGER = Aval((), np.dtype(int))


def window(shape, starts, sizes):
    """The window by the documented rule: negative starts count from the end, then it is moved inside."""
    slices = []
    for extent, start, size in zip(shape, starts, sizes, strict=True):
        begin = start + extent if start < 0 else start
        begin = 0 if begin < 0 else begin
        while begin + size > extent:
            begin -= 1
        slices.append(slice(begin, begin + size))
    return tuple(slices)


@st.composite
def windows(draw):
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    sizes = tuple([draw(st.integers(0, extent)) for extent in shape])
    starts = [np.int64(draw(st.integers(-2 * extent - 1, 2 * extent + 1))) for extent in shape]
    return shape, starts, sizes


def one_further(start, number):
    return start + number * 2 - 3 if start.ndim == 0 and start.dtype.kind == "i" else np.flip(start)


@settings(max_examples=80, deadline=None)
@given(windows(), st.integers(0, 2**32 - 1))
def test_dynamic_slice_is_the_window_and_its_rules_agree(case, seed):
    shape, starts, sizes = case
    x = distinct_values(np.random.default_rng(seed), shape, np.float64)
    expected = x[window(shape, starts, sizes)]
    check_rules(
        lambda x, *starts: lax.dynamic_slice(x, starts, sizes), x, *starts, expected=expected, variants=one_further
    )


@settings(max_examples=80, deadline=None)
@given(windows(), st.integers(0, 2**32 - 1))
def test_dynamic_update_slice_is_assignment_to_the_window_and_its_rules_agree(case, seed):
    shape, starts, sizes = case
    rng = np.random.default_rng(seed)
    x, update = distinct_values(rng, shape, np.float64), distinct_values(rng, sizes, np.float64)
    expected = x.copy()
    expected[window(shape, starts, sizes)] = update
    check_rules(
        lambda x, update, *starts: lax.dynamic_update_slice(x, update, starts),
        x,
        update,
        *starts,
        expected=expected[()],
        variants=one_further,
        order=1,
    )


def test_the_start_may_be_an_array_and_static():
    x = np.arange(20.0).reshape(4, 5)
    check_rules(lambda x, s: lax.dynamic_slice(x, s, (2, 2)), x, np.array([3, -4]), expected=x[2:4, 1:3])
    check_rules(lambda x: lax.dynamic_slice(x, (3, -4), (2, 2)), x, expected=x[2:4, 1:3])
    check_rules(lambda x: lax.dynamic_slice(x, np.array([3, -4]), [2, 2]), x, expected=x[2:4, 1:3])


def test_a_static_start_is_recorded_as_a_plain_slice():
    closed = record(lambda x: [lax.dynamic_slice(x, (3, 0), (2, 5))], [FLOATS])
    assert [str(equation.primitive) for equation in closed.equations] == ["getitem"]


@pytest.mark.parametrize("start", [0, 2, 9, -1, -9])
def test_dynamic_slice_in_dim_is_a_window_along_one_axis(start):
    x = np.arange(20.0).reshape(4, 5)
    place = window((5,), (start,), (2,))
    check_rules(lambda x, s: lax.dynamic_slice_in_dim(x, s, 2, 1), x, np.int64(start), expected=x[:, place[0]], order=1)
    check_rules(
        lambda x, s: lax.dynamic_slice_in_dim(x, s, 2, axis=-1), x, np.int64(start), expected=x[:, place[0]], order=1
    )


@pytest.mark.parametrize("start", [0, 3, 9, -1, -9])
def test_dynamic_index_in_dim_is_one_position(start):
    x = np.arange(20.0).reshape(4, 5)
    place = window((4,), (start,), (1,))[0]
    index = np.int32(start)
    check_rules(lax.dynamic_index_in_dim, x, index, expected=x[place], order=1)
    check_rules(lambda x, i: lax.dynamic_index_in_dim(x, i, 0, False), x, index, expected=x[place.start], order=1)
    check_rules(
        lambda x, i: lax.dynamic_index_in_dim(x, i, axis=1, keepdims=False), x, np.int64(2), expected=x[:, 2], order=1
    )


def test_dynamic_updates_along_one_axis():
    x = np.zeros((4, 5))
    update = np.arange(8.0).reshape(4, 2)
    expected = x.copy()
    expected[:, 3:5] = update
    check_rules(
        lambda x, u, s: lax.dynamic_update_slice_in_dim(x, u, s, 1), x, update, np.int64(7), expected=expected, order=1
    )
    row = np.arange(5.0)
    expected = x.copy()
    expected[2] = row
    for given_row in (row, row[None]):
        check_rules(
            lambda x, u, i: lax.dynamic_update_index_in_dim(x, u, i, 0), x, given_row, np.int64(2), expected=expected
        )
    check_rules(
        lambda i: lax.dynamic_update_index_in_dim(np.zeros(3), 5.0, i, 0), 1, expected=np.array([0.0, 5.0, 0.0])
    )


def test_an_update_takes_the_dtype_of_the_operand():
    out = lax.dynamic_update_slice(np.zeros(3, np.float32), np.ones(2), [0])
    assert out.dtype == np.float32
    with pytest.raises(DtypeError, match=r"int64(.|\n)*float64"):
        lax.dynamic_update_slice(np.zeros(3, int), np.ones(2), [0])


def test_the_gradient_under_jit_of_a_traced_window():
    def loss(x, start):
        return reduce_sum(lax.dynamic_slice_in_dim(x, start, 2) * np.array([1.0, 10.0]), (0,))

    gradient = functrace.jit(functrace.grad(loss))
    np.testing.assert_array_equal(gradient(np.zeros(4), 1), [0.0, 1.0, 10.0, 0.0])
    np.testing.assert_array_equal(gradient(np.zeros(4), 5), [0.0, 0.0, 1.0, 10.0])


# ---------------------------------------------------------------------------------------------------------------------
# static windows
# ---------------------------------------------------------------------------------------------------------------------


def test_slice_is_a_static_window():
    x = np.arange(20.0).reshape(4, 5)
    check_rules(lambda x: lax.slice(x, (1, 0), (4, 5)), x, expected=x[1:4, 0:5])
    check_rules(lambda x: lax.slice(x, (1, 0), (4, 5), (2, 3)), x, expected=x[1:4:2, 0:5:3])
    check_rules(lambda x: lax.slice_in_dim(x, -3, -1), x, expected=x[-3:-1])
    check_rules(lambda x: lax.slice_in_dim(x, 1, None, 2, axis=1), x, expected=x[:, 1::2])
    check_rules(lambda x: lax.slice_in_dim(x, None, 2, axis=-1), x, expected=x[:, :2])


def test_index_in_dim_is_one_static_position():
    x = np.arange(20.0).reshape(4, 5)
    check_rules(lambda x: lax.index_in_dim(x, -1), x, expected=x[-1:])
    check_rules(lambda x: lax.index_in_dim(x, 2, axis=1, keepdims=False), x, expected=x[:, 2])
    with pytest.raises(IndexError):
        lax.index_in_dim(x, 4)


# ---------------------------------------------------------------------------------------------------------------------
# errors
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [((0, 0), (5, 5)), ((3, 0), (2, 5)), ((-1, 0), (2, 5)), ((0, 0), (4, 5), (0, 1)), ((0, 0), (4, 5), (1, -1))],
)
def test_a_static_window_that_reaches_out_is_an_error(arguments):
    with pytest.raises(IndexOutOfBoundsError, match="axis"):
        record(lambda x: [lax.slice(x, *arguments)], [FLOATS])


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda x, i: lax.slice(x, (0,), (4,)), ShapeError),
        (lambda x, i: lax.dynamic_slice(x, (i, 0), (5, 1)), ShapeError),
        (lambda x, i: lax.dynamic_slice(x, (i,), (1, 1)), ShapeError),
        (lambda x, i: lax.dynamic_slice(x, i, (1, 1)), ShapeError),
        (lambda x, i: lax.dynamic_slice(x, (i, 0), (1, -1)), ShapeError),
        (lambda x, i: lax.dynamic_slice(x, (i, 0.5), (1, 1)), DtypeError),
        (lambda x, i: lax.dynamic_slice(x, (i, x[0]), (1, 1)), DtypeError),
        (lambda x, i: lax.dynamic_update_slice(x, np.zeros(5), (i, 0)), ShapeError),
        (lambda x, i: lax.dynamic_update_slice(x, np.zeros((5, 5)), (i, 0)), ShapeError),
    ],
)
def test_a_wrong_dynamic_window_is_an_error(function, error):
    with pytest.raises(error):
        record(lambda x, i: [function(x, i)], [FLOATS, INTEGER])
