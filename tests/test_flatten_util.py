"""`ravel_pytree`: the elements of a pytree as one array, and back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace import tree
from functrace.errors import DtypeError, ShapeError
from functrace.flatten_util import ravel_pytree

arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int32]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    elements=st.integers(-99, 99),
)
pytrees = st.recursive(
    arrays,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=5,
)


def same(a, b):
    assert tree.structure(a) == tree.structure(b)
    for x, y in zip(tree.leaves(a), tree.leaves(b), strict=True):
        assert np.shape(x) == np.shape(y) and x.dtype == y.dtype
        np.testing.assert_array_equal(x, y)


@settings(max_examples=60, deadline=None)
@given(pytrees)
def test_unravel_gives_the_pytree_back(pytree):
    flat, unravel = ravel_pytree(pytree)
    assert flat.ndim == 1
    same(unravel(flat), pytree)


@settings(max_examples=30, deadline=None)
@given(pytrees)
def test_the_elements_stand_leaf_after_leaf_in_c_order(pytree):
    flat, _ = ravel_pytree(pytree)
    leaves = tree.leaves(pytree)
    expected = np.concatenate([np.ravel(leaf) for leaf in leaves]) if leaves else np.zeros(0)
    assert flat.dtype == expected.dtype
    np.testing.assert_array_equal(flat, expected)


def test_python_numbers_come_back_as_numpy_scalars():
    flat, unravel = ravel_pytree((1.0, [2.0]))
    np.testing.assert_array_equal(flat, [1.0, 2.0])
    first, (second,) = unravel(flat)
    assert type(first) is np.float64 and type(second) is np.float64


def test_no_leaves_give_an_empty_array():
    flat, unravel = ravel_pytree({"a": [], "b": None})
    assert flat.shape == (0,) and flat.dtype == np.float64
    assert unravel(flat) == {"a": [], "b": None}


def test_leaves_of_one_dtype_let_any_dtype_through():
    _, unravel = ravel_pytree([np.zeros(2), np.zeros(1)])
    assert [leaf.dtype for leaf in unravel(np.zeros(3, np.float32))] == [np.float32, np.float32]


def test_leaves_of_mixed_dtypes_promote_and_come_back_in_their_own():
    flat, unravel = ravel_pytree({"i": np.arange(2), "c": np.array([1 + 1j])})
    assert flat.dtype == np.complex128
    same(unravel(flat * 2), {"i": np.array([0, 2]), "c": np.array([2 + 2j])})
    with pytest.raises(DtypeError, match="c128"):
        unravel(np.zeros(3))


def test_an_array_of_another_shape_is_refused():
    _, unravel = ravel_pytree([np.zeros(2), np.zeros(1)])
    for wrong in (np.zeros(4), np.zeros((3, 1)), 1.0):
        with pytest.raises(ShapeError, match=r"shape \(3,\)"):
            unravel(wrong)


def test_what_is_no_number_is_refused():
    with pytest.raises(DtypeError):
        ravel_pytree({"a": "word"})


def test_the_caller_owns_both_results():
    x = np.arange(3.0)
    flat, unravel = ravel_pytree(x)
    assert not np.shares_memory(flat, x)
    given_flat = np.arange(3.0)
    out = unravel(given_flat)
    assert not np.shares_memory(out, given_flat)
    parts = ravel_pytree([x, x])[1](np.arange(6.0))
    for a, b in itertools.combinations(parts, 2):
        assert not np.shares_memory(a, b)


def test_unravel_functions_of_one_kind_are_equal_and_hashable():
    one = ravel_pytree({"a": np.zeros(2)})[1]
    same_kind = ravel_pytree({"a": np.ones(2)})[1]
    other = ravel_pytree({"a": np.ones(3)})[1]
    assert one == same_kind and hash(one) == hash(same_kind) and one != other
    f = functrace.jit(lambda x, unravel: unravel(x)["a"] * 2, static_argnums=1)
    np.testing.assert_array_equal(f(np.ones(2), one), [2.0, 2.0])


# ---- under the transforms


@pytest.mark.parametrize("jit", [False, True])
def test_a_gradient_in_the_flat_array_is_the_flat_gradient(jit):
    params = {"w": np.arange(6.0).reshape(2, 3), "b": np.ones(2)}

    def loss(p):
        return fnp.sum(fnp.sin(p["w"]) @ np.arange(3.0) * p["b"])

    flat, unravel = ravel_pytree(params)
    gradient = functrace.grad(lambda x: loss(unravel(x)))
    expected, _ = ravel_pytree(functrace.grad(loss)(params))
    np.testing.assert_allclose((functrace.jit(gradient) if jit else gradient)(flat), expected)


def test_both_ways_work_on_batches():
    batch = {"a": np.arange(6.0).reshape(3, 2), "b": np.arange(3.0)}
    flat = functrace.vmap(lambda p: ravel_pytree(p)[0])(batch)
    np.testing.assert_array_equal(flat, [[0, 1, 0], [2, 3, 1], [4, 5, 2]])
    unravel = ravel_pytree({"a": np.zeros(2), "b": 0.0})[1]
    same(functrace.vmap(unravel)(flat), batch)


def test_ravelling_inside_a_gradient_is_differentiated():
    slope = functrace.grad(lambda p: fnp.sum(ravel_pytree(p)[0] ** 2))({"a": np.array([1.0, 2.0]), "b": 3.0})
    np.testing.assert_array_equal(slope["a"], [2.0, 4.0])
    assert slope["b"] == 6.0
