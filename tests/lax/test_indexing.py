from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
from functrace.core.aval import Aval
from functrace.core.recording import record
from functrace.errors import IndexOutOfBoundsError, NonConcreteBooleanIndexError, TracerIntegerConversionError
from functrace.lax.index import ARRAY, Index
from functrace.lax.indexing import getitem, getitem_p, scatter_zeros_p, take_along_axis
from functrace.lax.shape import convert_element_type, reduce_sum
from functrace.transforms.vmap import BatchTrace, BatchTracer
from tests.lax.indices import shapes_and_indices, split
from tests.lax.rules import batched, check_rules, distinct_values, vjp_of

FULL = slice(None)
ROWS = np.array([0, 2, 1])
TWICE = np.array([[0, 2, 0], [1, 0, -3]])
COLUMN = np.array([[1], [3]])
SCALAR = np.array(2)

INDICES = {
    "int": (1,),
    "negative int": (-1, Ellipsis),
    "slice": (slice(1, None), slice(None, None, -2)),
    "slice out of range": (slice(-100, 100), slice(7, 2)),
    "newaxis": (None, slice(1, 2), None, Ellipsis, -1, None),
    "nothing": (),
    "ellipsis": (Ellipsis,),
    "scalar array": (SCALAR,),
    "scalar array behind a slice": (FULL, SCALAR),
    "scalar arrays around a slice": (SCALAR, FULL, SCALAR),
    "array": (ROWS,),
    "array that repeats": (TWICE,),
    "array behind a slice": (FULL, ROWS),
    "arrays side by side": (FULL, COLUMN, ROWS),
    "arrays apart": (ROWS, FULL, ROWS),
    "arrays around newaxis": (ROWS, None, ROWS),
    "arrays around an ellipsis of no axes": (FULL, ROWS, Ellipsis, ROWS),
    "array and int side by side": (FULL, ROWS, 1),
    "int and array apart": (0, FULL, ROWS),
    "array and scalar array": (ROWS, SCALAR),
    "arrays that broadcast": (np.array([1]), COLUMN, ROWS),
    "array last": (Ellipsis, TWICE),
    "empty array": (np.zeros((0, 2), int),),
    "bool": (True,),
    "bools": (FULL, True, False),
    "bool and array": (FULL, np.bool_(True), ROWS),
}


def indexed(index):
    arrays, assemble = split(index)
    return (lambda x, *arrays: getitem(x, assemble(arrays))), arrays


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int32, np.bool_])
def test_getitem_is_numpys_and_its_rules_agree(index, dtype):
    x = distinct_values(np.random.default_rng(0), (3, 4, 5), dtype)
    function, arrays = indexed(index)
    check_rules(function, x, *arrays, expected=x[index], order=2 if dtype == np.float64 else 1)


@settings(max_examples=300, deadline=None)
@given(shapes_and_indices(), st.integers(0, 2**32 - 1))
def test_getitem_of_any_index_is_numpys_and_its_rules_agree(case, seed):
    shape, index = case
    x = distinct_values(np.random.default_rng(seed), shape, np.float64)
    function, arrays = indexed(index)
    check_rules(function, x, *arrays, expected=x[index], order=1)


@settings(max_examples=100, deadline=None)
@given(shapes_and_indices(), st.integers(0, 2**32 - 1))
def test_the_transpose_of_getitem_adds_at_the_index(case, seed):
    shape, index = case
    x = np.zeros(shape)
    updates = np.random.default_rng(seed).normal(size=np.shape(x[index]))
    expected = np.zeros(shape)
    np.add.at(expected, index, updates)
    (got,) = vjp_of(lambda x: getitem(x, index), [x], [updates])
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((50,), (np.arange(2000) * 7 % 50,)),
        ((50, 30), (np.arange(400) * 7 % 50,)),
        ((500, 30), (np.arange(400) * 3 % 500 - 500,)),
        ((500, 30), (np.r_[np.arange(100), 5],)),
        ((30, 50), (FULL, np.arange(400) * 7 % 50)),
        ((6, 30, 50), (2, FULL, np.arange(400).reshape(20, 20) % 50)),
        ((6, 30, 50), (np.arange(40)[:, None] % 6, slice(1, 28, 3), np.arange(20) * 3 - 30)),
        ((6, 30, 50), (slice(1, 28, 3), np.arange(40)[:, None] % 30, np.arange(20) * 3 - 30)),
    ],
)
def test_the_transpose_of_getitem_adds_many_updates(shape, index, dtype):
    x = np.zeros(shape, dtype)
    updates = distinct_values(np.random.default_rng(0), x[index].shape, dtype)
    expected = np.zeros(shape, dtype)
    np.add.at(expected, index, updates)
    (got,) = vjp_of(lambda x: getitem(x, index), [x], [updates])
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=1e-4 if dtype == np.float32 else 1e-10, atol=1e-3)


@pytest.mark.parametrize(
    "index", [([0, 2],), ([[0], [1]],), (np.uint8(1),), (range(2),), ([],), ([[]],), ([True, False, True],)]
)
def test_what_numpy_makes_an_array_of_is_an_index(index):
    x = np.arange(12.0).reshape(3, 4)
    check_rules(lambda x: getitem(x, index), x, expected=x[index])
    check_rules(lambda x: getitem(x, index[0]), x, expected=x[index[0]])


def test_a_mask_takes_the_elements_where_it_is_true():
    x = distinct_values(np.random.default_rng(0), (3, 4, 2), np.float64)
    for index in [
        x > 0,
        x[..., 0] > 0,
        (FULL, x[0, :, 0] > 0),
        (x[:, 0, 0] > 0, FULL, 1),
        (0, x[0, :, 0] > 0, None, FULL),
    ]:
        check_rules(lambda x, index=index: getitem(x, index), x, expected=x[index])


def test_a_mask_that_depends_on_the_differentiated_value_is_known_without_jit():
    x = np.array([1.0, -2.0, 3.0])
    gradient = functrace.grad(lambda x: reduce_sum(getitem(x * x, x > 0), (0,)))(x)
    np.testing.assert_array_equal(gradient, [2.0, 0.0, 6.0])


def test_an_index_may_be_a_list_of_traced_integers():
    x = np.arange(5.0) * 3
    check_rules(lambda x, i, j: getitem(x, [i, 1, j]), x, np.int64(4), np.int64(0), expected=x[[4, 1, 0]])
    check_rules(lambda x, i: getitem(x, [[i], [0]]), x, np.int64(4), expected=x[[[4], [0]]])


def test_an_index_array_that_is_differentiated_has_no_derivative():
    x = np.arange(5.0)
    gradient = functrace.grad(lambda y: getitem(x, convert_element_type(y, np.int64)) * y)(2.0)
    assert gradient == 2.0


def test_basic_indexing_of_an_array_is_a_view():
    x = np.arange(6.0)
    assert np.shares_memory(getitem(x, slice(1, 3)), x)
    (closed,) = [record(lambda x: [getitem(x, (None, slice(1, 3)))], [Aval((6,), np.dtype(float))])]
    assert np.shares_memory(getitem_p(x, **closed.equations[0].params), x)


def test_a_negative_traced_index_counts_from_the_end():
    x = np.arange(5.0)
    check_rules(getitem, x, np.array([-1, -5, 0]), expected=x[[-1, -5, 0]])
    check_rules(getitem, x, np.int32(-2), expected=x[-2])


def test_a_captured_index_array_is_a_constant_as_of_tracing():
    i = np.array([0, 1])
    function = functrace.jit(lambda x: getitem(x, i))
    x = np.array([10.0, 20.0, 30.0])
    np.testing.assert_array_equal(function(x), [10.0, 20.0])
    i[:] = 2
    np.testing.assert_array_equal(function(x), [10.0, 20.0])


def test_the_gradient_of_batched_indices_of_an_unbatched_table_sums_over_the_batch():
    table = np.arange(12.0).reshape(4, 3)
    rows = np.array([1, 1, 3])

    def loss(table):
        (out,) = batched_inside(lambda row: getitem(table, row), rows)
        return reduce_sum(out, (0, 1))

    def batched_inside(function, rows):
        trace = BatchTrace(len(rows))
        out = function(BatchTracer(trace, rows, 0))
        assert out.dim == 0
        return [out.value]

    gradient = functrace.grad(loss)(table)
    np.testing.assert_array_equal(gradient, np.array([[0] * 3, [2] * 3, [0] * 3, [1] * 3]))


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ((slice(1, 3), None, ARRAY), "x[1:3, None, i]"),
        ((slice(None, None, -1), -1), "x[::-1, -1]"),
        ((Ellipsis, ARRAY), "x[..., i]"),
        ((), "x[()]"),
        ((ARRAY,), "x.take(i, 0)"),
    ],
)
def test_getitem_is_compiled_to_readable_numpy(index, text):
    avals = [Aval((4, 5), np.dtype(float)), *[Aval((3,), np.dtype(int))] * (ARRAY in index)]
    assert getitem_p.source(["x", "i"][: len(avals)], avals, index=Index(index)) == text


def test_an_index_is_hashable_and_reads_like_one():
    index = Index((1, slice(None, 3), None, Ellipsis, ARRAY))
    assert index == Index((1, slice(None, 3), None, Ellipsis, ARRAY))
    assert hash(index) == hash(Index((1, slice(None, 3), None, Ellipsis, ARRAY)))
    assert index != Index((1, slice(None, 3), None, Ellipsis, ARRAY), unique=False)
    assert index != Index((1, slice(None, 4), None, Ellipsis, ARRAY))
    assert repr(index) == "[1, :3, None, ..., i0]"
    closed = record(
        lambda x, i: [getitem(x, (slice(1, 3), i))], [Aval((4, 5), np.dtype(float)), Aval((), np.dtype(int))]
    )
    assert "getitem[index=[1:3, i0]] a b" in str(closed)


# ---------------------------------------------------------------------------------------------------------------------
# take_along_axis
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_take_along_axis_is_numpys_and_its_rules_agree(axis):
    rng = np.random.default_rng(0)
    x = distinct_values(rng, (3, 4), np.float64)
    indices = np.array([2, 2, 0]) if axis is None else rng.integers(0, 3, (3, 4))
    function = partial(take_along_axis, axis=axis)
    check_rules(function, x, indices, expected=np.take_along_axis(x, indices, axis), order=1)


def test_take_along_axis_broadcasts_the_other_axes():
    x = np.arange(12.0).reshape(3, 4)
    indices = np.array([[3, 0]])
    check_rules(take_along_axis, x, indices, expected=np.take_along_axis(x, indices, -1), order=1)


def test_take_along_axis_refuses_another_number_of_axes():
    with pytest.raises(ValueError, match="as many axes"):
        take_along_axis(np.zeros((3, 4)), np.array([1]))


# ---------------------------------------------------------------------------------------------------------------------
# errors
# ---------------------------------------------------------------------------------------------------------------------

WRONG = [
    (0, 0, 0),
    (Ellipsis, Ellipsis),
    3,
    -4,
    (FULL, 4),
    np.array([0, 3]),
    (FULL, [0, -5]),
    1.0,
    np.float64(1.0),
    [0.5],
    np.array([1.0]),
    np.array([]),
    "a",
    np.ones((3, 3), bool),
    np.ones((2,), bool),
    (FULL, np.ones(3, bool)),
    ([0, 1], [0, 1, 2]),
    np.ones((3, 4, 1), bool),
]


@pytest.mark.parametrize("index", WRONG, ids=repr)
def test_a_wrong_index_is_an_index_error_at_tracing_time_as_in_numpy(index):
    x = np.zeros((3, 4))
    with pytest.raises(IndexError) as numpys:
        x[index]
    with pytest.raises(IndexError) as recorded:
        record(lambda x: [getitem(x, index)], [Aval((3, 4), np.dtype(float))])
    assert str(numpys.value).partition(" but ")[0].strip() in str(recorded.value)
    with pytest.raises(IndexError):
        functrace.grad(lambda x: reduce_sum(getitem(x, index), (0,)))(x)
    with pytest.raises(IndexError):
        batched(lambda x: getitem(x, index), 2, [np.zeros((2, 3, 4))], [0])


@pytest.mark.parametrize(("index", "error"), [(slice(1.0, None), TypeError), (slice(None, None, 0), ValueError)])
def test_a_wrong_slice_is_numpys_error(index, error):
    with pytest.raises(error):
        record(lambda x: [getitem(x, index)], [Aval((3, 4), np.dtype(float))])


def test_a_static_index_out_of_bounds_names_the_users_line():
    with pytest.raises(IndexOutOfBoundsError, match=r"index 3 is out of bounds for axis 0 with size 3") as caught:
        record(lambda x: [getitem(x, 3)], [Aval((3, 4), np.dtype(float))])
    assert "test_indexing.py" in str(caught.value)
    assert "from -3 to 2" in str(caught.value)


def test_a_traced_index_out_of_bounds_is_an_error_when_the_value_is_there():
    function = functrace.jit(getitem)
    with pytest.raises(IndexError):
        function(np.zeros(3), 3)
    with pytest.raises(IndexError):
        function(np.zeros((3, 2)), np.array([0, -4]))


def test_a_traced_mask_is_an_error_that_says_what_to_write():
    with pytest.raises(NonConcreteBooleanIndexError, match=r"where\(mask, x, 0\)(.|\n)*at\[mask\]\.set"):
        record(lambda x: [getitem(x, x > 0)], [Aval((3,), np.dtype(float))])


def test_a_traced_bound_of_a_slice_is_an_error_that_says_what_to_write():
    with pytest.raises(TracerIntegerConversionError, match="dynamic_slice_in_dim"):
        record(lambda x, i: [getitem(x, slice(i, None))], [Aval((3,), np.dtype(float)), Aval((), np.dtype(int))])


def test_a_traced_float_is_no_index():
    with pytest.raises(IndexError, match="integer"):
        record(lambda x: [getitem(x, x)], [Aval((3,), np.dtype(float))])


def test_scatter_zeros_takes_updates_of_the_shape_of_the_index():
    with pytest.raises(ValueError, match="expected updates of shape"):
        record(lambda u: [scatter_zeros_p(u, shape=(3,), index=Index((slice(0, 2),)))], [Aval((3,), np.dtype(float))])
