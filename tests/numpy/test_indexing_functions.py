from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import ConcretizationTypeError, DtypeError, FunctraceError, ImmutableError
from tests.numpy.agreement import check_agreement, check_derivatives, check_same_error, compare, flat, smooth_values
from tests.numpy.recorded import check, check_recorded

DTYPES = (np.float32, np.float64, np.complex128, np.int8, np.int64, np.bool_)
few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def values(seed, shape, dtype=np.float64):
    return smooth_values(np.random.default_rng(seed), shape, dtype)


@st.composite
def arrays(draw, min_dims=0, max_dims=3, min_side=0, max_side=3, dtypes=DTYPES):
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side))
    return values(draw(seeds), shape, draw(st.sampled_from(dtypes)))


def places(data, extent, shape, wild=0):
    """Integers from -extent to extent - 1, and beyond by `wild`."""
    return data.draw(hnp.arrays(np.intp, shape, elements=st.integers(-extent - wild, extent - 1 + wild)))


# by position


@few
@given(
    x=arrays(min_dims=1, min_side=1),
    shape=hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
    data=st.data(),
)
def test_take_is_numpys_in_every_mode(x, shape, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    check("take", x, places(data, x.size, shape))
    check("take", x, places(data, x.shape[axis], shape), axis)
    for mode in ("clip", "wrap"):
        check("take", x, places(data, x.shape[axis], shape, wild=9), axis, mode=mode)
        check("take", x, places(data, x.size, shape, wild=9), mode=mode)
    check("take", x, 0, axis)
    check("take", x, [0, -1], axis)


def test_take_out_of_bounds_is_an_index_error_when_the_values_are_there():
    check_same_error("take", np.ones(3), np.array([3]))
    check_same_error("take", np.ones(3), 3)
    with pytest.raises(ValueError, match="clipmode"):
        functrace.jit(lambda x: fnp.take(x, [0], mode="bounce"))(np.ones(3))


def test_positions_that_are_no_integers_are_an_error():
    check_same_error("take", np.ones(3), np.array([0.0]))
    with pytest.raises(DtypeError, match="compress"):
        functrace.jit(lambda x: fnp.take(x, np.array([0.5])))(np.ones(3))


def test_booleans_are_positions_zero_and_one_as_for_numpy():
    check_agreement("take", np.array([3.0, 4.0]), np.array([True, False, True]))
    check_agreement("unravel_index", np.array([True, False]), (2, 2))


@few
@given(x=arrays(min_dims=1, min_side=1), length=st.integers(0, 4), data=st.data())
def test_take_along_axis_is_numpys(x, length, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    shape = list(x.shape)
    shape[axis] = length
    check("take_along_axis", x, places(data, x.shape[axis], tuple(shape)), axis=axis)
    check("take_along_axis", x, places(data, x.size, (length,)), axis=None)


@few
@given(seed=seeds, which=hnp.arrays(np.int64, (2, 3), elements=st.integers(0, 2)), dtype=st.sampled_from(DTYPES))
def test_choose_is_numpys_and_broadcasts(seed, which, dtype):
    check("choose", which, [values(seed, (3,), dtype), values(seed, (2, 1), dtype), values(seed, (), dtype)])
    check("choose", which - 5, [values(seed, (3,), dtype), values(seed, (2, 1), dtype)], mode="wrap")
    check("choose", which, [values(seed, (3,), dtype), values(seed, (4, 1, 1), dtype)], mode="clip")


@few
@given(x=arrays(min_dims=2), offset=st.integers(-4, 4), data=st.data())
def test_diagonal_is_numpys(x, offset, data):
    first, second = data.draw(st.permutations(range(x.ndim)))[:2]
    check("diagonal", x, offset, first, second)
    check("diagonal", x)


def test_diagonals_that_do_not_exist_are_numpys_errors():
    check_same_error("diagonal", np.ones(3))
    check_same_error("diagonal", np.ones((3, 3)), 0, 1, 1)
    check_same_error("diagonal", np.ones((3, 3)), 0, 0, 2)


@few
@given(shape=hnp.array_shapes(min_dims=1, max_dims=4, max_side=4), order=st.sampled_from(("C", "F")), data=st.data())
def test_flat_positions_and_coordinates_are_converted_as_by_numpy(shape, order, data):
    size = int(np.prod(shape))
    flat_places = data.draw(hnp.arrays(np.intp, (2, 3), elements=st.integers(0, size - 1)))
    check("unravel_index", flat_places, shape, order)
    wild = tuple([places(data, extent, (3,), wild=5) for extent in shape])
    for mode in ("clip", "wrap", ("wrap",) * len(shape)):
        check("ravel_multi_index", wild, shape, mode, order)
    known = np.unravel_index(flat_places, shape, order)
    np.testing.assert_array_equal(
        functrace.jit(lambda: fnp.ravel_multi_index(known, shape, order=order))(), flat_places
    )


def test_ravel_multi_index_needs_a_mode_for_traced_coordinates():
    with pytest.raises(ConcretizationTypeError, match="mode='clip'"):
        functrace.jit(lambda i, j: fnp.ravel_multi_index((i, j), (2, 2)))(np.array([0]), np.array([1]))


def test_ix_is_numpys():
    check("ix_", np.array([0, 1]), np.array([2, 0, 1]))
    check("ix_", np.array([0, 1]), [True, False, True])
    check_same_error("ix_", np.ones((2, 2), int))


@few
@given(n=st.integers(0, 4), m=st.none() | st.integers(0, 4), k=st.integers(-3, 3))
def test_the_indices_of_diagonals_and_triangles_are_numpys(n, m, k):
    x = np.ones((n, n))
    for name, args in (
        ("diag_indices", (n,)),
        ("diag_indices", (n, 3)),
        ("tril_indices", (n, k, m)),
        ("triu_indices", (n, k, m)),
    ):
        got = functrace.jit(lambda name=name, args=args: getattr(fnp, name)(*args))()
        compare(flat(got), flat(getattr(np, name)(*args)), rtol=0, what=name)
    for name, args in (("diag_indices_from", (x,)), ("tril_indices_from", (x, k)), ("triu_indices_from", (x, k))):
        check(name, *args)


def test_a_triangle_of_a_traced_matrix_can_be_taken():
    x = values(0, (3, 3))
    np.testing.assert_array_equal(functrace.jit(lambda x: x[fnp.tril_indices(3)])(x), x[np.tril_indices(3)])
    np.testing.assert_array_equal(functrace.jit(lambda x: x[np.triu_indices_from(x)])(x), x[np.triu_indices(3)])


# by condition


@few
@given(seed=seeds, dtypes=st.tuples(st.sampled_from(DTYPES), st.sampled_from(DTYPES)), lead=st.integers(0, 3))
def test_where_is_numpys_with_its_promotion(seed, dtypes, lead):
    condition = values(seed, (lead, 1), np.bool_)
    x, y = values(seed, (3,), dtypes[0]), values(seed + 1, (lead, 3), dtypes[1])
    check("where", condition, x, y)
    check("where", condition, x, 1.0)
    check("where", condition, 2, y)
    check("where", values(seed, (lead, 3), np.int64), x, y)
    check("where", True, x, y)
    check("where", condition, 1.0, 0)


def test_where_gives_no_gradient_to_the_branch_not_taken():
    slope = functrace.grad(lambda x: fnp.where(x > 0, x, fnp.zeros(2)).sum())(np.array([1.0, -1.0]))
    np.testing.assert_array_equal(slope, [1.0, 0.0])


def test_where_of_two_arguments_is_an_error():
    with pytest.raises(ValueError, match="both or neither"):
        functrace.jit(lambda x: fnp.where(x, x))(np.ones(2))


@few
@given(x=arrays(min_dims=1, dtypes=(np.float64, np.int8, np.bool_)), size=st.integers(0, 12), fill=st.integers(-1, 3))
def test_nonzero_with_a_size_gives_the_first_positions_and_then_the_fill(x, size, fill):
    x = x * values(7, x.shape, np.bool_)
    for name in ("nonzero", "argwhere", "flatnonzero", "where"):
        expected = getattr(np, name)(x)
        positions = np.asarray(expected if name == "argwhere" else np.stack(flat(expected), -1))[:size]
        missing = np.full((size - len(positions), positions.shape[1]), fill)
        wanted = np.concatenate([positions, missing])
        for run in (functrace.jit(lambda x, name=name: getattr(fnp, name)(x, size=size, fill_value=fill)), None):
            got = run(x) if run else getattr(fnp, name)(x, size=size, fill_value=fill)
            got = got if name == "argwhere" else np.stack(flat(got), -1)
            np.testing.assert_array_equal(got, wanted)
            assert got.dtype == np.intp


def test_nonzero_agrees_with_numpy_where_the_values_are_known():
    x = np.array([[0.0, 2.0], [3.0, 0.0]])

    def total(x):
        rows, columns = fnp.nonzero(x)
        return (x[rows, columns] ** 2).sum() + len(np.argwhere(x)) + fnp.where(x)[0].sum() + np.flatnonzero(x)[0]

    np.testing.assert_array_equal(functrace.grad(total)(x), 2 * x)


@pytest.mark.parametrize("name", ["nonzero", "argwhere", "flatnonzero"])
def test_positions_whose_number_is_not_known_are_an_error_that_names_size(name):
    with pytest.raises(ConcretizationTypeError, match="size=n"):
        functrace.jit(getattr(fnp, name))(np.ones(3))
    with pytest.raises(ConcretizationTypeError, match="size=n"):
        functrace.jit(getattr(np, name))(np.ones(3))


def test_compress_and_extract_take_masks_that_are_known():
    x = values(0, (3, 4))
    check("compress", [True, False, True], x, 0)
    check("compress", [0, 1], x, axis=-1)
    check("compress", [True, False, False, True], x)
    check("extract", [True, False, True], values(1, (3,)))
    with pytest.raises(FunctraceError, match=r"numpy\.where"):
        functrace.jit(fnp.compress)(np.array([True, False]), np.ones(2))
    slope = functrace.grad(lambda x: fnp.extract(x > 0, x**2).sum())(np.array([1.0, -2.0, 3.0]))
    np.testing.assert_array_equal(slope, [2.0, 0.0, 6.0])


@few
@given(
    seed=seeds, dtypes=st.lists(st.sampled_from(DTYPES), min_size=1, max_size=3), default=st.sampled_from((0, 1.5, 2j))
)
def test_select_is_numpys_with_its_promotion(seed, dtypes, default):
    conditions = [values(seed + number, (2, 1), np.bool_) for number in range(len(dtypes))]
    choices = [values(seed + number, (3,), dtype) for number, dtype in enumerate(dtypes)]
    check("select", conditions, choices, default)
    check("select", conditions, [*choices[1:], 2], default)


def test_select_refuses_what_numpy_refuses():
    check_same_error("select", [np.array([1.0])], [np.array([1.0])])
    check_same_error("select", [np.array([True])], [])
    check_same_error("select", [], [])


def test_piecewise_is_numpys_where_the_functions_are_defined_everywhere():
    x = values(0, (6,))
    functions = [lambda x: x**2, lambda x, scale=1.0: -x * scale, 3.0]

    def run(np_like):
        return lambda x: flat(np_like.piecewise(x, [x < -0.5, x > 0.5], functions))

    compare(functrace.jit(run(fnp))(x), run(np)(x), rtol=None, what="piecewise")
    compare(functrace.jit(run(np))(x), run(np)(x), rtol=None, what="numpy's own piecewise")
    check_derivatives(run(fnp), run(np), [x])
    check("piecewise", x, [x > 0], [np.square])
    check("piecewise", x, x > 0, [np.square, np.negative])
    check_same_error("piecewise", x, [x > 0], [1, 2, 3])


# by order


@few
@given(
    seed=seeds,
    size=st.integers(0, 5),
    side=st.sampled_from(("left", "right")),
    dtype=st.sampled_from((np.float32, np.float64, np.int8)),
)
def test_searchsorted_is_numpys(seed, size, side, dtype):
    line = values(seed, (size,), dtype)
    check("searchsorted", np.sort(line), values(seed, (2, 3)), side)
    check("searchsorted", np.sort(line), np.sort(line), side)
    check("searchsorted", np.sort(line), 0.5, side)
    check("searchsorted", line, values(seed, (3,)), side, sorter=np.argsort(line))


@few
@given(seed=seeds, size=st.integers(1, 4), right=st.booleans())
def test_digitize_is_numpys_for_rising_and_falling_bins(seed, size, right):
    x, bins = values(seed, (2, 3)), np.sort(values(seed + 1, (size,)))
    check("digitize", x, bins, right)
    check("digitize", x, bins[::-1].copy(), right)
    got = functrace.jit(lambda x: fnp.digitize(x, bins[::-1], right))(x)
    np.testing.assert_array_equal(got, np.digitize(x, bins[::-1], right))


def test_bins_that_are_known_not_to_be_monotonic_are_an_error():
    with pytest.raises(ValueError, match="monotonic"):
        functrace.jit(lambda x: fnp.digitize(x, np.array([0.0, 2.0, 1.0])))(np.ones(2))


# in place


@pytest.mark.parametrize(
    ("change", "instead"),
    [
        (lambda np, x: np.put(x, [0], 1.0), r"\.at\["),
        (lambda np, x: np.place(x, [True, False], 1.0), "where"),
        (lambda np, x: np.putmask(x, [True, False], 1.0), "where"),
        (lambda np, x: np.copyto(x, 1.0), r"\.at\["),
        (lambda np, x: np.copyto(__import__("numpy").ones(2), x), r"\.at\["),
        (lambda np, x: np.fill_diagonal(x[None], 1.0), r"\.at\["),
        (lambda np, x: np.put_along_axis(x, __import__("numpy").array([0]), 1.0, 0), r"\.at\["),
    ],
)
@pytest.mark.parametrize("namespace", [np, fnp])
def test_a_function_that_writes_into_a_tracer_says_what_to_write_instead(change, instead, namespace):
    with pytest.raises(ImmutableError, match=instead):
        functrace.jit(lambda x: change(namespace, x))(np.ones(2))


def test_the_functions_that_write_in_place_are_numpys_on_arrays():
    x = np.zeros(3)
    fnp.put(x, [1], 5.0)
    fnp.copyto(x, 2.0, where=[True, False, False])
    np.testing.assert_array_equal(x, [2.0, 5.0, 0.0])


def test_at_is_a_function_too_for_arrays():
    x = np.zeros(3)
    np.testing.assert_array_equal(fnp.at(x)[1].set(2.0), [0.0, 2.0, 0.0])
    check_recorded(lambda x: fnp.at(x)[1].add(2.0), x, expected=np.array([0.0, 2.0, 0.0]))
