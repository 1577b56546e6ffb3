from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functrace.core.aval import Aval
from functrace.core.recording import record
from functrace.core.trace import enter_trace, leave_trace
from functrace.errors import DtypeError, ShapeError
from functrace.lax.index import ARRAY, Index, canonical_index
from functrace.lax.indexing import getitem_p, scatter_zeros_p
from tests.lax.indices import shapes_and_indices, split
from tests.lax.rules import batched, check_rules, distinct_values, jvp_of, vjp_of

lax = importlib.import_module("functrace.lax.scatter")

PRIMITIVES = {
    "set": lax.scatter_p,
    "add": lax.scatter_add_p,
    "multiply": lax.scatter_mul_p,
    "min": lax.scatter_min_p,
    "max": lax.scatter_max_p,
}
OPERATIONS = {
    "add": lambda x, u: x + u,
    "multiply": lambda x, u: x * u,
    "min": np.minimum,
    "max": np.maximum,
    "set": lambda x, u: u,
}


def by_a_loop(name, x, index, updates):
    """The updates one by one, in C order."""
    out = x.copy()
    cells = np.arange(x.size).reshape(x.shape)[index]
    updates = np.broadcast_to(updates, np.shape(cells))
    flat = out.reshape(-1)
    for cell, update in zip(np.ravel(cells), np.ravel(updates), strict=True):
        flat[cell] = OPERATIONS[name](flat[cell], update)
    return out[()] if not x.ndim else out


def scattered(name, index):
    """The primitive as a function of x, updates and index arrays."""
    arrays, assemble = split(index)

    def function(x, updates, *arrays):
        x, static, arrays = canonical_index(x, assemble(arrays))
        return PRIMITIVES[name](x, updates, *arrays, index=static)

    return function, arrays


def row_of(shape, index, dtype=np.float64, seed=0):
    """x and updates that are all different, so that none of them ties."""
    rng = np.random.default_rng(seed)
    count = int(np.prod(np.shape(np.empty(shape)[index])))
    x = distinct_values(rng, shape, dtype)
    updates = distinct_values(rng, (count,), dtype).reshape(np.shape(np.empty(shape)[index]))
    return x, updates * dtype(1.013) if np.dtype(dtype).kind in "fc" else updates


COLUMN = np.array([[1], [3]])
INDICES = {
    "int": (1,),
    "slices": (slice(1, None), None, slice(None, None, -2)),
    "ints": (1, 2),
    "array": (np.array([0, 2]),),
    "array that repeats": (np.array([0, 2, 0]),),
    "block that repeats": (slice(None), np.array([[0, 2], [2, -2]])),
    "scalar array": (slice(None), np.array(2)),
    "arrays side by side": (COLUMN - 1, np.array([1, 1])),
    "arrays apart": (np.array([0, 0]), None, np.array([1, 1])),
    "int and array": (0, slice(None), np.array([0, 0])),
    "empty": (np.zeros(0, int),),
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
@pytest.mark.parametrize("name", PRIMITIVES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64])
def test_scatter_is_a_loop_over_the_updates_and_its_rules_agree(name, index, dtype):
    shape = (3, 4, 2) if index is INDICES["int and array"] else (4, 4)
    x, updates = row_of(shape, index, dtype)
    function, arrays = scattered(name, index)
    expected = by_a_loop(name, x, index, updates)
    check_rules(function, x, updates, *arrays, expected=expected, order=2 if dtype == np.float64 else 1)


@settings(max_examples=300, deadline=None)
@given(shapes_and_indices(), st.sampled_from(list(PRIMITIVES)), st.integers(0, 2**32 - 1))
def test_scatter_at_any_index_is_a_loop_over_the_updates_and_its_rules_agree(case, name, seed):
    shape, index = case
    x, updates = row_of(shape, index, seed=seed)
    function, arrays = scattered(name, index)
    check_rules(function, x, updates, *arrays, expected=by_a_loop(name, x, index, updates), order=1)


@settings(max_examples=100, deadline=None)
@given(shapes_and_indices(), st.sampled_from(list(PRIMITIVES)), st.data())
def test_updates_broadcast_to_the_shape_of_the_index(case, name, data):
    shape, index = case
    x, updates = row_of(shape, index)
    keep = [data.draw(st.booleans()) for _ in range(updates.ndim)]
    lead = data.draw(st.integers(0, updates.ndim))
    updates = updates[tuple([slice(None) if kept else slice(0, 1) for kept in keep])]
    if updates.size:
        updates = updates[(0,) * lead]
    updates = np.asarray(updates)
    function, arrays = scattered(name, index)
    expected = by_a_loop(name, x, index, updates)
    ties = name in ("min", "max")  # the same update twice: central differences are the average of both sides
    check_rules(function, x, updates, *arrays, expected=expected, order=0 if ties else 1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int32])
@pytest.mark.parametrize("name", PRIMITIVES)
@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((40,), (np.arange(900) * 7 % 40,)),
        ((40, 20), (np.arange(60) * 7 % 40 - 40,)),
        ((40, 20), (np.arange(40) * 7 % 40,)),
        ((20, 40), (slice(None), np.arange(60).reshape(6, 10) * 7 % 40)),
        ((6, 20, 40), (np.arange(30)[:, None] % 6, slice(1, 18, 3), np.arange(20) * 3 - 30)),
        ((6, 20, 40), (slice(1, 5), np.arange(30)[:, None] % 20, np.arange(20) * 3 - 30)),
    ],
)
def test_many_updates_are_a_loop_over_the_updates_too(name, shape, index, dtype):
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 3, shape).astype(dtype)
    updates = rng.integers(-2, 3, x[index].shape).astype(dtype)
    function, arrays = scattered(name, index)
    for start in (x, np.asfortranarray(x)):
        got = function(start, updates, *arrays)
        np.testing.assert_array_equal(got, by_a_loop(name, x, index, updates))
        assert got.dtype == dtype


@pytest.mark.parametrize("rows", [np.zeros((2, 3), int).T, np.zeros((2, 3), int)[::-1], np.broadcast_to(1, (3, 2))])
def test_of_two_updates_that_are_set_the_later_one_in_c_order_stays(rows):
    updates = np.arange(1.0, 7.0).reshape(3, 2).T.reshape(rows.shape)
    function, arrays = scattered("set", (rows,))
    got = function(np.zeros(3), updates, *arrays)
    np.testing.assert_array_equal(got, by_a_loop("set", np.zeros(3), (rows,), updates))


def test_the_derivative_of_set_flows_only_to_the_update_that_stays():
    function, arrays = scattered("set", (np.array([1, 1, 0, -2]),))
    x, updates = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0, 7.0])
    by_x, by_updates = vjp_of(lambda x, u: function(x, u, *arrays), [x, updates], [np.array([10.0, 20.0, 30.0])])
    np.testing.assert_array_equal(by_x, [0.0, 0.0, 30.0])
    np.testing.assert_array_equal(by_updates, [0.0, 0.0, 10.0, 20.0])
    _, (tangent,) = jvp_of(lambda x, u: function(x, u, *arrays), [x, updates], [x, updates])
    np.testing.assert_array_equal(tangent, [6.0, 7.0, 3.0])


@pytest.mark.parametrize("x", [2.0, 0.0])
@pytest.mark.parametrize("zeros", range(4))
def test_the_derivatives_of_multiply_are_right_where_factors_are_zero(x, zeros):
    """All factors go into one cell; of a product each derivative is the product of the others, of any order."""
    factors = np.array([3.0, 5.0, 7.0])
    factors[:zeros] = 0.0
    function, arrays = scattered("multiply", (np.array([1, 1, 1]),))
    x = np.array([4.0, x, 6.0])
    everything = np.array([x[1], *factors])

    def product_without(*left_out):
        return np.prod([f for position, f in enumerate(everything) if position not in left_out])

    def gradient(x, u):
        by_x, by_u = vjp_of(lambda x, u: function(x, u, *arrays), [x, u], [np.array([0.0, 1.0, 0.0])])
        return [by_x, by_u]

    by_x, by_u = gradient(x, factors)
    np.testing.assert_allclose([by_x[1], *by_u], [product_without(i) for i in range(4)], rtol=1e-14)
    for j in range(3):
        _, (slope,) = jvp_of(lambda u: gradient(x, u)[1], [factors], [np.eye(3)[j]])
        expected = [0.0 if i == j else product_without(i + 1, j + 1) for i in range(3)]
        np.testing.assert_allclose(slope, expected, rtol=1e-14)


def test_the_derivatives_of_multiply_need_not_know_the_index():
    x, updates, rows = np.array([2.0, 3.0]), np.array([0.0, 5.0, 7.0]), np.array([[0, 0, 0], [1, 0, 1]])
    function, _ = scattered("multiply", (rows[0],))

    def by_updates(updates, rows):
        return vjp_of(lambda u: function(x, u, rows), [updates], [np.ones(2)])[0]

    enter_trace()
    try:
        (got,) = batched(by_updates, 2, [updates, rows], [None, 0])
    finally:
        leave_trace()
    np.testing.assert_allclose(got, [[2.0 * 35.0, 0.0, 0.0], [3.0 * 7.0, 2.0, 0.0]], rtol=1e-14)


@pytest.mark.parametrize("name", ["min", "max"])
def test_those_that_tie_for_the_least_or_greatest_share_the_derivative(name):
    function, arrays = scattered(name, (np.array([0, 0, 0, 1]),))
    x, sign = np.array([1.0, 2.0]), 1.0 if name == "max" else -1.0
    updates = np.array([1.0, 1.0, 1.0 - sign, 2.0 + sign])
    by_x, by_updates = vjp_of(lambda x, u: function(x, u, *arrays), [x, updates], [np.array([6.0, 1.0])])
    np.testing.assert_allclose(by_x, [2.0, 0.0])
    np.testing.assert_allclose(by_updates, [2.0, 2.0, 0.0, 1.0])


def test_the_greatest_with_nan_among_the_updates_is_nan():
    function, arrays = scattered("max", (np.array([0, 0]),))
    got = function(np.zeros(2), np.array([np.nan, 1.0]), *arrays)
    np.testing.assert_array_equal(got, [np.nan, 0.0])


def test_integers_out_of_bounds_are_an_index_error():
    for name, count in itertools.product(PRIMITIVES, (3, 1000)):
        for wrong in (4, -5):
            function, _ = scattered(name, (np.array([0]),))
            rows = np.zeros((count, 2), int)
            rows[1, 1] = wrong
            with pytest.raises(IndexError):
                function(np.zeros((4, 3)), 1.0, rows)


def test_updates_of_a_wrong_shape_or_dtype_are_an_error():
    index = Index((ARRAY,), unique=False)
    floats = [Aval((3,), np.dtype(float)), Aval((2,), np.dtype(float)), Aval((4,), np.dtype(int))]
    with pytest.raises(ShapeError, match=r"updates|broadcast"):
        record(lambda x, u, i: [lax.scatter_add_p(x, u, i, index=index)], floats)
    with pytest.raises(DtypeError, match="float64"):
        record(lambda x, u, i: [lax.scatter_add_p(x, u, i, index=index)], [floats[0], floats[2], floats[2]])


def test_scalars_may_be_pythons_when_the_values_are_there():
    """As compiled code may hold them."""
    x = np.zeros((2, 2))
    one = Index((ARRAY,))
    for primitive in PRIMITIVES.values():
        assert primitive(x, 2.0, 1, index=one).shape == (2, 2)
    np.testing.assert_array_equal(getitem_p(x, 1, index=one), [0.0, 0.0])
    np.testing.assert_array_equal(scatter_zeros_p(3.0, 1, shape=(2,), index=one), [0.0, 3.0])
    assert lax.scatter_add_p(1.0, 2.0, index=Index(())) == 3.0


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), max_size=12))
def test_previous_duplicate_is_the_last_earlier_position_of_an_equal_integer(numbers):
    expected = []
    for position, number in enumerate(numbers):
        earlier = [p for p in range(position) if numbers[p] == number]
        expected.append(earlier[-1] if earlier else -1)
    check_rules(lax.previous_duplicate_p, np.array(numbers, int), expected=np.array(expected, int))
