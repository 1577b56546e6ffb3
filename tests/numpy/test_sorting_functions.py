from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import TracerIntegerConversionError
from tests.numpy.agreement import check_agreement, check_derivatives, check_same_error, compare, flat, smooth_values

few = settings(max_examples=25, deadline=None)
DTYPES = (np.float64, np.float32, np.complex128, np.int8, np.uint16, np.bool_)


@st.composite
def arrays(draw, dtypes=DTYPES, min_dims=1, max_dims=3, min_side=0, ties=False):
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=5))
    x = smooth_values(np.random.default_rng(draw(st.integers(0, 999))), shape, draw(st.sampled_from(dtypes)))
    return np.round(x.real if x.dtype.kind == "c" else x) if ties and x.dtype.kind != "b" else x


@st.composite
def few_values(draw, dtypes=(np.float64, np.int8)):
    """A flat array in which elements come more than once."""
    values = draw(st.lists(st.integers(0, 4), max_size=8))
    return np.array(values, draw(st.sampled_from(dtypes)))


def axis_of(draw, x):
    return draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))


# ---------------------------------------------------------------------------------------------------------------------
# sorting
# ---------------------------------------------------------------------------------------------------------------------


@few
@given(st.data())
def test_sorted_arrays_agree_with_numpy(data):
    x = data.draw(arrays())
    options = data.draw(st.sampled_from([{}, {"kind": "stable"}, {"kind": "heapsort"}, {"stable": True}]))
    check_agreement("sort", x, axis_of(data.draw, x), **options)


@few
@given(st.data())
def test_the_indices_that_sort_agree_with_numpy(data):
    x = data.draw(arrays(ties=True))
    check_agreement("argsort", x, axis_of(data.draw, x), kind="stable")
    check_agreement("argsort", data.draw(arrays(DTYPES[:3])), -1)


@few
@given(st.data())
def test_lexsort_agrees_with_numpy(data):
    shape = data.draw(hnp.array_shapes(max_dims=2, max_side=6))
    keys = [np.random.default_rng(i).integers(0, 3, shape) for i in range(data.draw(st.integers(1, 3)))]
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    check_agreement("lexsort", tuple(keys), axis)
    check_agreement("lexsort", np.stack(keys), axis)


@pytest.mark.parametrize("name", ["partition", "argpartition"])
@few
@given(st.data())
def test_the_parts_of_a_partition_are_separated_by_the_sorted_element(name, data):
    x = data.draw(arrays(DTYPES[:2], min_side=1))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    kth = data.draw(st.integers(-x.shape[axis], x.shape[axis] - 1))
    got = functrace.jit(lambda x: getattr(fnp, name)(x, kth, axis))(x)
    parts = got if name == "partition" else np.take_along_axis(x, got, axis)
    expected = np.sort(x, axis)
    np.testing.assert_array_equal(np.take(parts, [kth], axis), np.take(expected, [kth], axis))
    np.testing.assert_array_equal(np.sort(parts, axis), expected)
    assert np.all(np.take(parts, range(kth % x.shape[axis]), axis) <= np.take(parts, [kth], axis))


def test_several_elements_may_separate_a_partition():
    check_agreement("partition", smooth_values(np.random.default_rng(0), (6,), np.float64), [0, 1, 2, 3, 4, 5])


@few
@given(arrays(max_dims=2))
def test_sorted_complex_numbers_agree_with_numpy(x):
    check_agreement("sort_complex", x)


def test_nan_is_sorted_to_the_end_and_the_gradient_goes_where_each_element_came_from():
    x = np.array([2.0, np.nan, 1.0, 3.0])
    check_agreement("sort", x, gradient=False)
    weights = np.array([1.0, 2.0, 4.0, 8.0])
    np.testing.assert_array_equal(functrace.grad(lambda x: fnp.sort(x) @ weights)(x), [2.0, 8.0, 1.0, 4.0])


def test_wrong_arguments_of_sorting_are_numpys_errors():
    x = np.ones((2, 3))
    for name in ("sort", "argsort"):
        check_same_error(name, x, 2)
        check_same_error(name, x, kind="bubble")
        check_same_error(name, x, order="a")
        check_same_error(name, x, kind="stable", stable=True)
    check_same_error("sort", np.ones(()))
    check_same_error("partition", x, 3)
    check_same_error("argpartition", x, [0, -4])
    check_same_error("lexsort", ())
    check_agreement("argsort", np.ones(()))
    check_agreement("argsort", np.ones(()), None)
    check_agreement("sort", np.ones(()), None)
    with pytest.raises(TracerIntegerConversionError, match=r"functrace\.numpy\.sort"):
        functrace.jit(fnp.partition)(np.ones(3), 1)


# ---------------------------------------------------------------------------------------------------------------------
# sets, whose values are known
# ---------------------------------------------------------------------------------------------------------------------


def run_eagerly(function, *args):
    """The values of a function while a derivative is taken: traced, but known."""
    value, _ = functrace.vjp(lambda *xs: flat(function(*xs)), *args)
    return value


@few
@given(st.data())
def test_distinct_elements_agree_with_numpy_where_the_values_are_known(data):
    x = data.draw(arrays((np.float64, np.int8), max_dims=2, ties=True))
    options = {name: data.draw(st.booleans()) for name in ("return_index", "return_inverse", "return_counts")}
    if x.size:
        options["axis"] = data.draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    expected = flat(np.unique(x, **options))
    for function in (np.unique, fnp.unique):
        compare(run_eagerly(lambda x, f=function: f(x, **options), x), expected, rtol=0, what="unique")


@pytest.mark.parametrize("name", ["unique_all", "unique_counts", "unique_inverse", "unique_values"])
def test_the_distinct_elements_of_the_array_standard_agree_with_numpy(name):
    x = np.array([[3.0, 1.0], [2.0, 1.0]])
    expected = getattr(np, name)(x)
    got = functrace.jit(lambda x: getattr(fnp, name)(x, size=3))(x)
    if name == "unique_values":
        np.testing.assert_array_equal(got, np.sort(expected))
    else:
        assert type(got) is type(expected)
        compare(list(got), list(expected), rtol=0, what=name)
        compare(run_eagerly(getattr(np, name), x), list(expected), rtol=0, what=name)


@pytest.mark.parametrize("name", ["union1d", "intersect1d", "setdiff1d", "setxor1d"])
@few
@given(few_values(), few_values())
def test_sets_agree_with_numpy_where_the_values_are_known(name, x, y):
    expected = getattr(np, name)(x, y)
    for function in (getattr(fnp, name), getattr(np, name)):
        compare(run_eagerly(function, x, y), [expected], rtol=0, what=name)


@few
@given(few_values(), few_values())
def test_the_places_of_common_elements_agree_with_numpy(x, y):
    expected = np.intersect1d(x, y, return_indices=True)
    compare(run_eagerly(lambda x, y: fnp.intersect1d(x, y, return_indices=True), x, y), expected, rtol=0, what="places")


@few
@given(st.data())
def test_membership_agrees_with_numpy(data):
    x = data.draw(arrays(max_dims=2, ties=True))
    y = data.draw(arrays(max_dims=2, ties=True))
    check_agreement("isin", x, y, invert=data.draw(st.booleans()))


def test_nan_is_in_no_set():
    check_agreement("isin", np.array([1.0, np.nan]), np.array([np.nan, 1.0, np.nan]))
    x = np.array([np.nan, 1.0, np.nan])
    compare(run_eagerly(fnp.unique, x), [np.unique(x)], rtol=0, what="unique")
    compare(
        run_eagerly(lambda x: fnp.unique(x, equal_nan=False), x), [np.unique(x, equal_nan=False)], rtol=0, what="unique"
    )


def test_sets_of_elements_said_to_be_unique_keep_their_order():
    x, y = np.array([3, 1, 2]), np.array([2])
    compare(run_eagerly(lambda x: fnp.setdiff1d(x, y, True), x), [np.setdiff1d(x, y, True)], rtol=0, what="setdiff1d")


# ---------------------------------------------------------------------------------------------------------------------
# sets of a given size
# ---------------------------------------------------------------------------------------------------------------------


def cut(expected, size, fill):
    """What `size` makes of a result: left out beyond, filled up to."""
    expected = np.asarray(expected)
    filler = np.full((max(size - len(expected), 0), *expected.shape[1:]), fill, expected.dtype)
    return np.concatenate([expected[:size], filler])


@few
@given(few_values(), st.integers(0, 7))
def test_distinct_elements_of_a_size_are_those_of_numpy_filled_up(x, size):
    values, index, inverse, counts = np.unique(x, True, True, True)

    def run(x, fill_value=None):
        return fnp.unique(x, True, True, True, size=size, fill_value=fill_value)

    got = functrace.jit(run)(x)
    if len(x):
        compare(got[:2], [cut(values, size, values[0]), cut(index, size, index[0])], rtol=0, what="unique")
        compare(got[2:], [inverse, cut(counts, size, 0)], rtol=0, what="unique")
        filled = functrace.jit(lambda x: run(x, -3))(x)
        compare(filled[:1], [cut(values, size, -3)], rtol=0, what="unique with a fill value")
    else:
        assert [part.shape for part in got] == [(size,), (size,), (0,), (size,)]


def test_distinct_rows_of_a_size_are_those_of_numpy_filled_up():
    x = np.array([[1, 2, 1, 0], [0, 5, 0, 5], [1, 2, 1, 0], [1, 1, 9, 9]])
    for axis in (0, 1):
        values, index, inverse, counts = np.unique(x, True, True, True, axis)
        got = functrace.jit(lambda x, a=axis: fnp.unique(x, True, True, True, a, size=5, fill_value=-1))(x)
        expected = np.moveaxis(cut(np.moveaxis(values, axis, 0), 5, -1), 0, axis)
        compare(got, [expected, cut(index, 5, index[0]), inverse, cut(counts, 5, 0)], rtol=0, what="rows")


@pytest.mark.parametrize("name", ["union1d", "intersect1d", "setdiff1d", "setxor1d"])
@few
@given(few_values(), few_values(), st.integers(0, 6))
def test_sets_of_a_size_are_those_of_numpy_filled_up(name, x, y, size):
    expected = getattr(np, name)(x, y)
    got = functrace.jit(lambda x, y: getattr(fnp, name)(x, y, size=size, fill_value=-1))(x, y)
    compare([got], [cut(expected, size, -1)], rtol=0, what=name)


def test_the_gradient_of_distinct_elements_goes_to_the_first_of_each():
    x = np.array([3.0, 1.0, 3.0, 2.0])
    weights = np.array([1.0, 2.0, 4.0])
    for options in ({}, {"size": 3}):
        gradient = functrace.grad(lambda x, o=options: fnp.unique(x, **o) @ weights)(x)
        np.testing.assert_array_equal(gradient, [4.0, 1.0, 0.0, 2.0])
    check_derivatives(lambda x: [fnp.unique(x, size=4)], lambda x: [np.unique(x)], [np.array([3.0, 1.0, 7.0, 2.0])])


@pytest.mark.parametrize("name", ["unique", "unique_values"])
def test_distinct_elements_without_a_size_say_what_to_write(name):
    with pytest.raises(TracerIntegerConversionError, match=r"size=n"):
        functrace.jit(getattr(fnp, name))(np.ones(3))


@pytest.mark.parametrize("name", ["union1d", "intersect1d", "setdiff1d", "setxor1d"])
def test_sets_without_a_size_say_what_to_write(name):
    with pytest.raises(TracerIntegerConversionError, match=r"size=n"):
        functrace.jit(getattr(fnp, name))(np.ones(3), np.ones(2))
    with pytest.raises(TracerIntegerConversionError, match="size"):
        functrace.jit(lambda x, n: getattr(fnp, name)(x, x, size=n))(np.ones(3), 2)
