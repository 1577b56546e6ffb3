from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
from functrace.core.aval import Aval
from functrace.core.recording import record
from functrace.errors import DtypeError, NonConcreteBooleanIndexError, OptionError, ShapeError
from functrace.lax.elementwise import abs_
from functrace.lax.index_update import IndexUpdateRef, at
from functrace.lax.shape import reduce_sum
from tests.lax.indices import shapes_and_indices, split
from tests.lax.rules import check_rules, distinct_values, vjp_of

METHODS = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "min": np.minimum,
    "max": np.maximum,
}
FLOATS = Aval((3,), np.dtype(float))
INTEGERS = Aval((3,), np.dtype(int))


def updated(method, index, **options):
    """`x.at[index].method(values)` as a function of x, values and index arrays."""
    arrays, assemble = split(index)
    return (lambda x, values, *arrays: getattr(at(x)[assemble(arrays)], method)(values, **options)), arrays


def assigned(x, index, values):
    out = x.copy()
    out[index] = values
    return out


def accumulated(method, x, index, values):
    out = x.copy()
    METHODS[method].at(out, index, np.broadcast_to(values, x[index].shape))
    return out


# ---------------------------------------------------------------------------------------------------------------------
# values and derivatives
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "index", [(1,), (slice(0, 2),), (np.array([2, 0, 2]),), (slice(None), np.array([[0, 1], [1, 0]]))]
)
def test_at_is_the_ufuncs_at_and_its_rules_agree(method, index):
    x = np.abs(distinct_values(np.random.default_rng(0), (3, 2), np.float64)) + 0.5
    values = distinct_values(np.random.default_rng(1), x[index].shape, np.float64) * 1.07 + 2.0
    function, arrays = updated(method, index)
    check_rules(function, x, values, *arrays, expected=accumulated(method, x, index, values), order=1)


@settings(max_examples=150, deadline=None)
@given(shapes_and_indices(), st.sampled_from(["add", "subtract", "multiply", "min", "max"]), st.integers(0, 2**32 - 1))
def test_at_any_index_is_the_ufuncs_at(case, method, seed):
    shape, index = case
    x = distinct_values(np.random.default_rng(seed), shape, np.float64)
    values = np.random.default_rng(seed + 1).normal(size=np.shape(x[index]))
    got = getattr(at(x)[index], method)(values)
    np.testing.assert_allclose(got, accumulated(method, np.asarray(x), index, values), rtol=1e-12)
    assert got is not x
    assert not np.shares_memory(got, x)


@pytest.mark.parametrize(
    "index", [1, -1, slice(None, None, 2), Ellipsis, None, [0, 2], np.array([True, False, True]), True]
)
def test_set_is_assignment_to_a_copy(index):
    x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    expected = assigned(x, index, 7.0)
    check_rules(lambda x: at(x)[index].set(7.0), x, expected=expected)
    values = np.arange(x[index].size, dtype=float).reshape(x[index].shape)
    check_rules(lambda x, v: at(x)[index].set(v), x, values, expected=assigned(x, index, values))
    np.testing.assert_array_equal(x, np.arange(1.0, 7.0).reshape(3, 2))


def test_get_is_getitem_but_never_a_view():
    x = np.arange(6.0).reshape(2, 3)
    for index in [1, slice(0, 1), [0, 1], (Ellipsis, -1), True]:
        got = at(x)[index].get()
        np.testing.assert_array_equal(got, x[index])
        assert not np.shares_memory(got, x)
    check_rules(lambda x, i: at(x)[:, i].get(), x, np.array([2, 0]), expected=x[:, [2, 0]])


def test_tracers_have_at_as_a_property():
    x = np.array([1.0, 2.0, 3.0])
    function = functrace.jit(functrace.grad(lambda x: reduce_sum(x.at[1].multiply(x[0]) * x, (0,))))
    np.testing.assert_allclose(function(x), [2 * 1.0 + 2.0**2, 2 * 1.0 * 2.0, 6.0])


def test_values_may_be_lists_and_have_leading_axes_of_extent_1_as_in_numpy():
    x = np.zeros(3)
    np.testing.assert_array_equal(at(x)[:2].set([1.0, 2.0]), [1.0, 2.0, 0.0])
    np.testing.assert_array_equal(at(x)[:2].set(np.ones((1, 2))), [1.0, 1.0, 0.0])
    check_rules(lambda x, v: at(x)[:2].set([v, 1.0]), x, 3.0, expected=np.array([3.0, 1.0, 0.0]))


def test_values_may_be_traced_where_the_array_is_not():
    x = np.zeros(3)
    check_rules(lambda v: at(x)[1].add(v), 2.0, expected=np.array([0.0, 2.0, 0.0]))
    check_rules(lambda i: at(x)[i].add(2.0), np.int64(1), expected=np.array([0.0, 2.0, 0.0]))


def test_at_of_a_scalar_gives_a_scalar():
    assert at(np.float64(2.0))[()].add(1.0) == 3.0
    assert at(2.0)[...].set(1.0) == 1.0
    assert isinstance(at(np.float32(2.0))[()].multiply(2.0), np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# apply
# ---------------------------------------------------------------------------------------------------------------------


def test_apply_applies_the_function_once_for_each_time_that_an_element_comes():
    x = np.array([2.0, 3.0, 5.0])
    index = np.array([[0, 2], [-3, 0]])
    check_rules(lambda x: at(x)[index].apply(lambda v: v * v), x, expected=np.array([2.0**8, 3.0, 25.0]))
    np.testing.assert_array_equal(at(-x)[[1, 1]].apply(abs_), [-2.0, 3.0, -5.0])
    np.testing.assert_array_equal(at(x)[:0].apply(lambda v: v + 1), x)


def test_apply_keeps_what_is_dropped_out():
    x = np.array([2.0, 3.0, 5.0])
    got = at(x)[np.array([0, 7, 0])].apply(lambda v: v + 1, mode="drop")
    np.testing.assert_array_equal(got, [4.0, 3.0, 5.0])


def test_apply_at_traced_indices_asks_for_a_promise():
    with pytest.raises(OptionError, match="unique_indices=True"):
        record(lambda x, i: [at(x)[i].apply(lambda v: v + 1)], [FLOATS, INTEGERS])
    function = lambda x, i: at(x)[i].apply(lambda v: v + 1, unique_indices=True)  # noqa: E731
    check_rules(function, np.zeros(3), np.array([2, 0]), expected=np.array([1.0, 0.0, 1.0]))
    check_rules(lambda x, i: at(x)[i].apply(lambda v: v + 1), np.zeros(3), np.int64(1), expected=np.array([0, 1.0, 0]))


# ---------------------------------------------------------------------------------------------------------------------
# masks
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["set", *METHODS])
def test_a_traced_mask_is_a_choice(method):
    x = np.array([[1.5, 2.5], [0.5, 3.5], [4.0, 1.0]])

    def by_rows(x, v):
        return getattr(at(x)[x[:, 0] > 1.0], method)(v)

    def by_elements(x, v):
        return getattr(at(x)[x > 1.2, ...], method)(v)

    values = np.array([1.1, 2.1])
    mask = x[:, 0] > 1.0
    expected = assigned(x, mask, values) if method == "set" else accumulated(method, x, mask, values)
    check_rules(by_rows, x, values, expected=expected, order=1)
    check_rules(by_rows, x, values[None], expected=expected, order=1)
    mask = x > 1.2
    expected = assigned(x, mask, 2.2) if method == "set" else accumulated(method, x, mask, 2.2)
    check_rules(by_elements, x, 2.2, expected=expected, order=1)


def test_apply_at_a_traced_mask_is_a_choice():
    x = np.array([1.5, -2.5, 0.5])
    check_rules(lambda x: at(x)[x > 0].apply(lambda v: v * v), x, expected=np.array([2.25, -2.5, 0.25]))


def test_an_update_at_a_mask_hides_the_derivative_of_the_elements_that_it_does_not_take():
    x = np.array([0.0, 4.0, np.inf])
    function = functrace.jit(lambda x, v: at(x)[(x > 0) & (x < 9)].multiply(v))
    by_x, by_v = vjp_of(function, [x, 3.0], [np.ones(3)])
    np.testing.assert_array_equal(by_x, [1.0, 3.0, 1.0])
    np.testing.assert_array_equal(by_v, 4.0)


def test_values_for_each_element_of_a_traced_mask_are_an_error_that_says_what_to_write():
    for values in (np.ones(3), np.ones(2)):
        with pytest.raises(NonConcreteBooleanIndexError, match="where\\(mask, values, x\\)"):
            record(lambda x, values=values: [at(x)[x > 0].set(values)], [FLOATS])
    with pytest.raises(NonConcreteBooleanIndexError):
        record(lambda x: [at(x)[x > 0].get()], [FLOATS])
    with pytest.raises(NonConcreteBooleanIndexError):
        record(lambda x: [at(x)[None, x > 0].set(1.0)], [FLOATS])
    with pytest.raises(IndexError, match="boolean index did not match"):
        record(lambda x: [at(x)[x[:2] > 0].set(1.0)], [FLOATS])
    with pytest.raises(IndexError, match="too many indices"):
        record(lambda x: [at(x[0])[x > 0].set(1.0)], [FLOATS])


# ---------------------------------------------------------------------------------------------------------------------
# out of bounds
# ---------------------------------------------------------------------------------------------------------------------

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    ("mode", "rows"),
    [("clip", [0, 1, 1, 1, 0]), ("wrap", [0, 1, 1, 0, 1])],
)
def test_integers_out_of_bounds_are_clipped_or_wrapped(mode, rows):
    index = np.array([0, 1, -1, 4, -5])
    check_rules(lambda x, i: at(x)[i].get(mode=mode), X, index, expected=X[rows])
    values = np.arange(5.0)[:, None]
    expected = accumulated("add", X, rows, values)
    check_rules(lambda x, v, i: at(x)[i].add(v, mode=mode), X, values, index, expected=expected, order=1)


@pytest.mark.parametrize("mode", ["fill", "drop"])
def test_integers_out_of_bounds_are_filled_or_dropped(mode):
    index = np.array([0, 2, -1, -3])
    expected = np.array([X[0], [np.nan] * 3, X[1], [np.nan] * 3])
    check_rules(lambda x, i: at(x)[i].get(mode=mode), X, index, expected=expected, order=0)
    filled = np.where(np.isnan(expected), 9.0, expected)
    check_rules(lambda x, i, f: at(x)[i].get(mode=mode, fill_value=f), X, index, 9.0, expected=filled)
    values = np.array([[1.0], [2.0], [3.0], [4.0]]) + 10
    for method in ("set", "add", "multiply", "max"):
        function = lambda x, v, i, method=method: getattr(at(x)[i], method)(v, mode=mode)  # noqa: E731
        kept = values[[0, 2]]
        expected = assigned(X, [0, 1], kept) if method == "set" else accumulated(method, X, [0, 1], kept)
        check_rules(function, X, values, index, expected=expected)


def test_a_pair_of_which_one_is_out_of_bounds_is_filled_or_dropped():
    rows, columns = np.array([[0], [5]]), np.array([1, 3, -1])
    expected = np.array([[2.0, -1.0, 3.0], [-1.0, -1.0, -1.0]])
    got = at(X)[rows, columns].get(mode="fill", fill_value=-1)
    np.testing.assert_array_equal(got, expected)
    got = at(X)[rows, columns].set(np.array([[7.0, 8.0, 9.0]] * 2), mode="drop")
    np.testing.assert_array_equal(got, [[1.0, 7.0, 9.0], [4.0, 5.0, 6.0]])
    got = at(X[:, None])[rows, :, columns].get(mode="fill", fill_value=-1)
    np.testing.assert_array_equal(got, expected[..., None])


def test_ints_out_of_bounds_follow_the_mode_too():
    np.testing.assert_array_equal(at(X)[7].get(mode="clip"), X[1])
    np.testing.assert_array_equal(at(X)[:, -7].get(mode="clip"), X[:, 0])
    np.testing.assert_array_equal(at(X)[7].get(mode="fill", fill_value=0), np.zeros(3))
    np.testing.assert_array_equal(at(X)[7].set(0.0, mode="drop"), X)
    np.testing.assert_array_equal(at(X)[True, 7].set(0.0, mode="drop"), X)
    np.testing.assert_array_equal(at(X)[0, 7].add(1.0, mode="drop"), X)


def test_an_axis_of_no_elements_can_be_filled_and_dropped():
    x = np.zeros((0, 2))
    np.testing.assert_array_equal(at(x)[np.array([0, 3])].get(mode="fill", fill_value=5), np.full((2, 2), 5.0))
    assert at(x)[np.array([0, 3])].set(1.0, mode="drop").shape == (0, 2)


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [(np.int8, -128), (np.uint8, 255), (np.bool_, True), (np.complex64, np.nan), (np.float32, np.nan)],
)
def test_the_default_fill_value_belongs_to_the_dtype(dtype, fill):
    got = at(np.zeros(2, dtype))[np.array([0, 2])].get(mode="fill")
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.array([0, fill], dtype))


def test_the_default_is_an_index_error():
    for mode in (None, "promise_in_bounds"):
        with pytest.raises(IndexError):
            at(X)[5].set(0.0, mode=mode)
        with pytest.raises(IndexError):
            record(lambda x, mode=mode: [at(x)[np.array([5])].set(0.0, mode=mode)], [FLOATS])


# ---------------------------------------------------------------------------------------------------------------------
# dtypes
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.float32, 1.5),
        (np.float32, np.arange(2.0)),
        (np.complex64, 1.5),
        (np.float64, np.array([1, 2])),
        (np.int32, np.array([1, 2])),
        (np.uint8, 3),
        (np.int8, True),
    ],
)
def test_the_result_has_the_dtype_of_the_array(dtype, values):
    x = np.zeros(3, dtype)
    for got in (at(x)[:2].set(values), at(x)[:2].add(values), at(x)[[0, 1]].add(values), at(x)[:2].max(values)):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got[:2], np.asarray(values, dtype) * np.ones(2, dtype))
    record(lambda x: [at(x)[:2].set(values)], [Aval((3,), np.dtype(dtype))])


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.float64, 1j),
        (np.float32, np.array([1j])),
        (np.int64, 1.5),
        (np.int64, np.array([1.5])),
        (np.uint8, np.array([1])),
        (np.bool_, 2),
    ],
)
def test_values_that_do_not_fit_are_an_error_that_names_both_dtypes(dtype, values):
    x = np.zeros(3, dtype)
    with pytest.raises(DtypeError) as caught:
        at(x)[0:1].set(values)
    short = {"float64": "f64", "float32": "f32", "int64": "i64", "uint8": "u8", "bool": "bool", "complex128": "c128"}
    assert short[np.asarray(values).dtype.name] in str(caught.value)
    assert short[x.dtype.name] in str(caught.value)


def test_an_int_that_the_dtype_cannot_hold_is_an_error_as_in_numpy():
    with pytest.raises(OverflowError):
        at(np.zeros(2, np.uint8))[0].set(300)


def test_subtract_wraps_unsigned_integers_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(at(np.array([3, 5], np.uint8))[[1, 1]].subtract(2), [3, 1])


def test_division_of_integers_is_an_error_that_says_what_to_write():
    with pytest.raises(DtypeError, match="astype"):
        at(np.zeros(2, int))[0].divide(2)


# ---------------------------------------------------------------------------------------------------------------------
# options
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["set", *METHODS, "apply", "get"])
def test_every_method_takes_what_jaxs_does(method):
    parameters = inspect.signature(getattr(IndexUpdateRef, method)).parameters
    assert {"indices_are_sorted", "unique_indices", "mode"} <= set(parameters)
    assert "fill_value" in parameters or method != "get"


def test_an_unknown_mode_or_keyword_is_an_error():
    with pytest.raises(OptionError, match="'nearest'"):
        at(X)[0].set(0.0, mode="nearest")
    with pytest.raises(TypeError, match="modus"):
        at(X)[0].set(0.0, modus="drop")


def test_values_of_a_wrong_shape_are_an_error():
    with pytest.raises(ValueError, match="broadcast"):
        at(X)[0].set(np.zeros(2))
    with pytest.raises(ShapeError, match="broadcast"):
        record(lambda x: [at(x)[:2].set(np.zeros((2, 2)))], [FLOATS])


def test_unique_indices_need_not_be_looked_for():
    x, index, values = np.arange(5.0), np.array([3, 1]), np.array([2.0, 4.0])
    for method in METHODS:
        function = lambda x, v, i, method=method: getattr(at(x)[i], method)(v, unique_indices=True)  # noqa: E731
        expected = accumulated(method, x, index, values)
        check_rules(function, x, values, index, expected=expected, order=1)


def test_at_reads_like_what_it_is():
    assert repr(at(np.array([1.0]))) == "IndexUpdateHelper(array([1.]))"
    assert repr(at(np.array([1.0]))[0]) == "IndexUpdateRef(array([1.]), 0)"
