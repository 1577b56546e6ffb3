from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace as ft
import functrace.numpy as fnp
from functrace import lax
from functrace.errors import DtypeError, OptionError, ShapeError
from functrace.test_util import check_vmap
from tests.lax.rules import check_rules

UPDATES = {
    "scatter": lambda x, u: u,
    "scatter_add": lambda x, u: x + u,
    "scatter_sub": lambda x, u: x - u,
    "scatter_mul": lambda x, u: x * u,
    "scatter_min": min,
    "scatter_max": max,
}


def places(shape, starts, numbers, sizes, mode):
    """For each element of a window its position in the result and in the array (None: out of bounds)."""
    offset, collapsed, started, batch, starts_batch = numbers
    kept = [axis for axis in range(len(shape)) if axis not in collapsed and axis not in batch]
    windows = starts.shape[:-1]
    counted = [axis for axis in range(len(windows) + len(kept)) if axis not in offset]
    for window in np.ndindex(*windows):
        origin = dict.fromkeys(range(len(shape)), 0)
        origin.update(zip(started, starts[window].tolist(), strict=True))
        outside = any(not 0 <= origin[axis] <= shape[axis] - sizes[axis] for axis in origin)
        if mode == "clip":
            origin = {axis: min(max(start, 0), shape[axis] - sizes[axis]) for axis, start in origin.items()}
        origin.update({axis: window[place] for axis, place in zip(batch, starts_batch, strict=True)})
        for element in np.ndindex(*[sizes[axis] for axis in kept]):
            at = dict(zip(counted, window, strict=True)) | dict(zip(offset, element, strict=True))
            position = [origin[axis] for axis in range(len(shape))]
            for axis, step in zip(kept, element, strict=True):
                position[axis] += step
            yield tuple(at[axis] for axis in sorted(at)), None if outside and mode == "fill" else tuple(position)


@st.composite
def windows(draw):
    """An array, starts of windows into it, dimension numbers, the windows' extents, and a mode."""
    rank = draw(st.integers(1, 3))
    shape = [draw(st.integers(1, 4)) for _ in range(rank)]
    sizes = [draw(st.integers(1, extent)) for extent in shape]
    axes = draw(st.permutations(range(rank)))
    count = draw(st.integers(1, rank))
    started = tuple(axes[:count])
    counted = [draw(st.integers(1, 3)) for _ in range(draw(st.integers(0, 2)))]
    batch, starts_batch = (), ()
    if count < rank and draw(st.booleans()):
        batch, place = (axes[count],), draw(st.integers(0, len(counted)))
        starts_batch = (place,)
        counted.insert(place, shape[batch[0]])
        sizes[batch[0]] = 1
    collapsed = tuple(axis for axis in range(rank) if axis not in batch and draw(st.booleans()))
    for axis in collapsed:
        sizes[axis] = 1
    kept = rank - len(collapsed) - len(batch)
    offset = tuple(sorted(draw(st.permutations(range(len(counted) + kept)))[:kept]))
    mode = draw(st.sampled_from(["clip", "fill", "promise_in_bounds"]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    reach = [shape[axis] - sizes[axis] + 1 for axis in started]
    starts = rng.integers(0, reach, (*counted, count)) if mode[0] == "p" else rng.integers(-2, 5, (*counted, count))
    return np.sin(1.0 + np.arange(np.prod(shape))).reshape(shape), starts, (
        offset, collapsed, started, batch, starts_batch
    ), tuple(sizes), mode  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(windows())
def test_windows_are_gathered_where_the_dimension_numbers_say(case):
    x, starts, numbers, sizes, mode = case
    dims = lax.GatherDimensionNumbers(*numbers)
    out = lax.gather(x, starts, dims, sizes, mode=mode, fill_value=7.0)
    count = 0
    for at, position in places(x.shape, starts, numbers, sizes, mode):
        assert out[at] == (7.0 if position is None else x[position])
        count += 1
    assert out.size == count and not np.shares_memory(out, x)
    assert not out.ndim or out.flags.writeable


@settings(max_examples=25, deadline=None)
@given(windows(), st.sampled_from(sorted(UPDATES)))
def test_windows_are_scattered_where_they_are_gathered(case, name):
    x, starts, numbers, sizes, mode = case
    shape = lax.gather(x, starts, lax.GatherDimensionNumbers(*numbers), sizes, mode="clip").shape
    updates = np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape)
    expected, kept = x.copy(), x.copy()
    for at, position in places(x.shape, starts, numbers, sizes, mode):
        if position is not None:
            expected[position] = UPDATES[name](expected[position], updates[at])
    scatter = getattr(lax, name)
    out = scatter(x, starts, updates, lax.ScatterDimensionNumbers(*numbers), mode=mode)
    if name != "scatter" or len({p for _, p in places(x.shape, starts, numbers, sizes, mode)}) == updates.size:
        np.testing.assert_allclose(out, expected, rtol=1e-13)
    np.testing.assert_array_equal(x, kept)


ROWS = lax.GatherDimensionNumbers((0, 2), (0,), (0, 2))
INTO_ROWS = lax.ScatterDimensionNumbers(*ROWS)
STARTS = np.array([[0, 1], [2, 3], [2, 0], [5, 0]])


@pytest.mark.parametrize("mode", ["clip", "fill"])
def test_derivatives_and_batches_agree_with_differences_and_a_loop(mode):
    x = np.sin(np.arange(24.0)).reshape(3, 2, 4)
    updates = np.cos(np.arange(16.0)).reshape(2, 4, 2)

    def gather(x):
        return lax.gather(x, STARTS, ROWS, (1, 2, 2), mode=mode, fill_value=0)

    check_rules(lambda x: gather(x) ** 2, x, order=2)
    for name in ("scatter", "scatter_add", "scatter_mul", "scatter_max"):
        scatter = getattr(lax, name)
        check_rules(lambda x, u, scatter=scatter: scatter(x, STARTS, u, INTO_ROWS, mode=mode) ** 2, x, updates, order=1)
    starts = np.stack([STARTS, STARTS[::-1] - 1])
    check_vmap(lambda s: lax.gather(x, s, ROWS, (1, 2, 2), mode=mode), (starts,))
    check_vmap(lambda s, u: lax.scatter_add(x, s, u, INTO_ROWS, mode=mode), (starts, np.stack([updates, -updates])))


def test_what_is_dropped_reaches_no_derivative():
    x, updates = np.ones(3), np.array([np.nan, 2.0])
    numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
    starts = np.array([[4], [1]])
    out, pull = ft.vjp(lambda x, u: lax.scatter_add(x, starts, u, numbers), x, updates)
    np.testing.assert_array_equal(out, [1, 3, 1])
    by_x, by_updates = pull(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(by_x, [1, 2, 3])
    np.testing.assert_array_equal(by_updates, [0, 2])


def test_traced_starts_are_compiled():
    x, updates = np.arange(24.0).reshape(3, 2, 4), np.ones((2, 4, 2))

    def both(s):
        return lax.gather(x, s, ROWS, (1, 2, 2), mode="fill"), lax.scatter_max(x, s, 5 * updates, INTO_ROWS)

    for got, expected in zip(ft.jit(both)(STARTS), both(STARTS), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_a_function_is_applied_as_often_as_windows_meet():
    numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
    starts = np.array([[1], [1], [0], [9]])
    out = lax.scatter_apply(np.array([1.0, 2.0, 3.0]), starts, lambda x: 10 * x, numbers, update_shape=(4,))
    np.testing.assert_array_equal(out, [10, 200, 3])
    with pytest.raises(OptionError, match="unique_indices"):
        ft.jit(lambda s: lax.scatter_apply(np.ones(3), s, fnp.sin, numbers, update_shape=(4,)))(starts)


def test_fill_values_without_a_word_are_those_of_the_dtype():
    numbers = lax.GatherDimensionNumbers((), (0,), (0,))
    for dtype, expected in ((float, np.nan), (np.int8, -128), (np.uint8, 255), (bool, True)):
        (out,) = lax.gather(np.zeros(2, dtype), np.array([[5]]), numbers, (1,), mode="fill")
        assert out.dtype == dtype
        np.testing.assert_array_equal(out, expected)


def test_a_scalar_has_windows_too():
    starts, empty = np.zeros((2, 0), int), lax.GatherDimensionNumbers((), (), ())
    np.testing.assert_array_equal(lax.gather(np.float64(3), starts, empty, ()), [3, 3])
    out = lax.scatter_add(np.float64(3), starts, np.array([1.0, 2.0]), lax.ScatterDimensionNumbers((), (), ()))
    assert out == 6.0 and np.ndim(out) == 0


X, ONE = np.ones((3, 4)), np.zeros((2, 1), int)
COLUMNS = lax.GatherDimensionNumbers((1,), (0,), (0,))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lax.gather(X, ONE.astype(float), COLUMNS, (1, 4)), DtypeError, "integers"),
        (lambda: lax.gather(X, np.zeros((2, 3), int), COLUMNS, (1, 4)), ShapeError, "last axis"),
        (lambda: lax.gather(X, ONE, COLUMNS, (1, 5)), ShapeError, "fit into shape"),
        (lambda: lax.gather(X, ONE, COLUMNS, (2, 4)), ShapeError, "slice_sizes of 1"),
        (lambda: lax.gather(X, ONE, COLUMNS._replace(offset_dims=()), (1, 4)), ShapeError, "each of 1 axes"),
        (lambda: lax.gather(X, ONE, COLUMNS._replace(offset_dims=(5,)), (1, 4)), OptionError, "different ones"),
        (lambda: lax.gather(X, ONE, COLUMNS, (1, 4), mode="wrap"), OptionError, "'clip'"),
        (lambda: lax.gather(X, ONE + 3, COLUMNS, (1, 4)), IndexError, "out of bounds"),
        (
            lambda: lax.gather(X, ONE, lax.GatherDimensionNumbers((), (1,), (1,), (0,), (0,)), (1, 1)),
            ShapeError,
            "same examples",
        ),
        (
            lambda: lax.scatter(X, ONE, np.ones((2, 5)), lax.ScatterDimensionNumbers(*COLUMNS)),
            ShapeError,
            "fit into shape",
        ),
        (
            lambda: lax.scatter(X, ONE, np.ones((2,)), lax.ScatterDimensionNumbers(*COLUMNS)),
            ShapeError,
            "axes that count windows",
        ),
        (
            lambda: lax.scatter(X, ONE, np.ones((2, 4), int), lax.ScatterDimensionNumbers(*COLUMNS)),
            DtypeError,
            "dtype float64",
        ),
    ],
)
def test_an_error_says_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_modes_come_from_words_and_from_themselves():
    words = {"clip": "CLIP", "fill": "FILL_OR_DROP", "drop": "FILL_OR_DROP", "promise_in_bounds": "PROMISE_IN_BOUNDS"}
    for word, name in itertools.chain(words.items(), [(None, "FILL_OR_DROP")]):
        mode = lax.GatherScatterMode[name]
        assert lax.GatherScatterMode.from_any(word) is mode is lax.GatherScatterMode.from_any(mode)
