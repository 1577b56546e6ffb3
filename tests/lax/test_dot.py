from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functrace.errors import OptionError, ShapeError
from functrace.lax import dot as dot_function
from functrace.lax.dot import dot_general
from functrace.lax.einsum import einsum
from tests.lax.rules import check_rules, distinct_values

LETTERS = "abcdefghijkl"
DTYPES = (np.float64, np.float32, np.complex128, np.int64, np.int8, np.bool_)


@st.composite
def products(draw):
    """Two operands and dimension numbers: some axes summed, some batched, in any order, some counted from the back."""
    summed, batch = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    shared = [draw(st.integers(0, 3)) for _ in range(summed + batch)]
    sides = []
    for number in range(2):
        free = draw(st.integers(0, 2))
        extents = [*shared, *[draw(st.integers(1, 3)) for _ in range(free)]]
        order = draw(st.permutations(range(len(extents))))  # where each of them stands
        shape = [0] * len(extents)
        for extent, place in zip(extents, order, strict=True):
            shape[place] = extent
        dtype = draw(st.sampled_from(DTYPES))
        x = distinct_values(np.random.default_rng(draw(st.integers(0, 99)) + number), shape, dtype)
        sides.append((x, order[:summed], order[summed : summed + batch]))
    (x, lc, lb), (y, rc, rb) = sides
    return x, y, ((tuple(lc), tuple(rc)), (tuple(lb), tuple(rb)))


def by_einsum(x, y, dimension_numbers):
    """The product from the definition."""
    (lc, rc), (lb, rb) = dimension_numbers
    names = iter(LETTERS)
    left = [next(names) for _ in range(x.ndim)]
    right = [""] * y.ndim
    for i, j in zip((*lc, *lb), (*rc, *rb), strict=True):
        right[j] = left[i]
    right = [name or next(names) for name in right]
    out = [left[i] for i in lb]
    out += [name for i, name in enumerate(left) if i not in (*lc, *lb)]
    out += [name for j, name in enumerate(right) if j not in (*rc, *rb)]
    return np.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y)


@settings(max_examples=120, deadline=None)
@given(products())
def test_a_product_is_the_sum_of_its_definition_and_so_are_its_rules(case):
    x, y, dimension_numbers = case
    check_rules(
        lambda x, y: dot_general(x, y, dimension_numbers), x, y, expected=by_einsum(x, y, dimension_numbers), order=1
    )


@pytest.mark.parametrize(
    ("left", "right", "dimension_numbers"),
    [
        ((3,), (3,), (((0,), (0,)), ((), ()))),
        ((2, 3), (3, 4), (((1,), (0,)), ((), ()))),
        ((3, 2), (3, 4), (((0,), (0,)), ((), ()))),
        ((2, 3), (4, 3), (((1,), (1,)), ((), ()))),
        ((3, 2), (4, 3), (((0,), (1,)), ((), ()))),
        ((2,), (3,), (((), ()), ((), ()))),
        ((2, 3), (2, 3), (((), ()), ((0, 1), (0, 1)))),
        ((2, 3, 4), (4, 2, 5), (((2,), (0,)), ((0,), (1,)))),
        ((2, 3, 4), (4, 3, 5), (((1, 2), (1, 0)), ((), ()))),
    ],
)
def test_second_derivatives_of_products_agree_with_differences(left, right, dimension_numbers):
    rng = np.random.default_rng(0)
    x, y = distinct_values(rng, left, np.float64), distinct_values(rng, right, np.float64)
    expected = by_einsum(x, y, dimension_numbers)
    check_rules(lambda x, y: dot_general(x, y, dimension_numbers), x, y, expected=expected)
    check_rules(lambda x: dot_general(x, x, (((0,), (0,)), ((), ()))), x)


def test_axes_may_be_counted_from_the_back():
    x, y = np.ones((5, 2, 3)), np.arange(60.0).reshape(5, 3, 4)
    expected = np.matmul(x, y)
    np.testing.assert_array_equal(dot_general(x, y, (((-1,), (-2,)), ((-3,), (-3,)))), expected)


def test_a_product_of_two_dtypes_has_the_one_to_which_numpy_promotes_them():
    for a, b in itertools.product(DTYPES, repeat=2):
        got = dot_general(np.ones((2, 3), a), np.ones((3, 2), b), (((1,), (0,)), ((), ())))
        assert got.dtype == np.result_type(a, b)


def test_the_preferred_element_type_is_that_of_the_sum():
    x = np.full((4,), 100, np.int8)
    dims = (((0,), (0,)), ((), ()))
    assert dot_general(x, x, dims, preferred_element_type=np.int64) == 40_000
    assert dot_general(x.astype(np.float32), x.astype(np.float32), dims, None, np.float64).dtype == np.float64


def test_a_product_over_all_axes_is_a_scalar():
    x = np.ones((2, 3))
    for dimension_numbers in [(((0, 1), (0, 1)), ((), ())), (((1, 0), (1, 0)), ((), ()))]:
        assert isinstance(dot_general(x, x, dimension_numbers), np.float64)


def test_dot_multiplies_vectors_matrices_and_scalars():
    x, y = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(dot_function(x, y), x @ y)
    np.testing.assert_array_equal(dot_function(x[0], y[:, 0]), x[0] @ y[:, 0])
    np.testing.assert_array_equal(dot_function(2.0, y), 2.0 * y)


def test_axes_that_do_not_fit_are_an_error_that_says_which():
    x, y = np.ones((2, 3)), np.ones((4, 5))
    with pytest.raises(ShapeError, match="contracting axes"):
        check_rules(lambda x, y: dot_general(x, y, (((1,), (0,)), ((), ()))), x, y)
    with pytest.raises(ShapeError, match="batch axes"):
        dot_general(x, y, (((), ()), ((0,), (0,))))
    with pytest.raises(OptionError, match="twice"):
        dot_general(x, x, (((0,), (0,)), ((0,), (0,))))
    with pytest.raises(OptionError, match="as many axes"):
        dot_general(x, x, (((0, 1), (0,)), ((), ())))
    with pytest.raises(np.exceptions.AxisError):
        dot_general(x, x, (((2,), (0,)), ((), ())))


@pytest.mark.parametrize("text", ["ij,jk->ik", "bij,bjk->bki", "ii,ij->j", "ij,ij->", "i,j,k->kij", "ij,jk,kl,lm->mi"])
def test_the_rules_of_an_einsum_agree_with_numpy(text):
    terms = text.split("->")[0].split(",")
    operands = [distinct_values(np.random.default_rng(i), [3] * len(term), np.float64) for i, term in enumerate(terms)]
    check_rules(lambda *xs: einsum(text, *xs), *operands, expected=np.einsum(text, *operands), order=1)
