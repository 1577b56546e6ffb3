"""gather and the scatters are JAX's, in every mode."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from functrace import lax
from tests.oracle.agreement import check_against_jax, draw, jax

#: Dimension numbers, the windows' extents, starts (some out of bounds) and starts within, for an array of (3, 4, 2).
CASES = {
    "elements": (((), (0, 1, 2), (2, 0, 1)), (1, 1, 1), [[[0, 2, 3], [1, -1, 0]], [[0, 9, 1], [1, 1, 1]]]),
    "rows": (((1, 2), (0,), (0,)), (1, 4, 2), [[2], [0], [2], [-1], [3]]),
    "windows": (((0, 2, 3), (), (1, 0)), (2, 3, 1), [[0, 0], [1, 1], [2, 0], [0, -3]]),
    "one window": (((0, 1), (2,), (1, 2)), (3, 2, 1), [1, 1]),
    "examples": (((1,), (1,), (1,), (0,), (0,)), (1, 1, 2), [[3], [0], [7]]),
    "examples behind": (((0,), (1,), (1, 0), (2,), (1,)), (2, 1, 1), [[[3, 0], [0, 1]], [[4, 0], [2, 2]]]),
}
X = draw((3, 4, 2))


def starts_within(numbers, sizes, starts):
    limits = [X.shape[axis] - sizes[axis] for axis in numbers[2]]
    return np.clip(starts, 0, limits)


@pytest.mark.parametrize("mode", ["clip", "fill", "promise_in_bounds"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_windows_are_gathered_as_by_jax(name, mode):
    numbers, sizes, starts = CASES[name]
    starts = starts_within(*CASES[name]) if mode == "promise_in_bounds" else np.array(starts)

    def gather(library, x, starts):
        return library.gather(x, starts, library.GatherDimensionNumbers(*numbers), sizes, mode=mode)

    # of two examples the second has its starts flipped: along the last axis too, where they are those of other axes
    batch = mode != "promise_in_bounds"
    check_against_jax(partial(gather, lax), partial(gather, jax.lax), X, starts, batch=batch)


@pytest.mark.parametrize("mode", ["clip", "drop", "promise_in_bounds"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_windows_are_scattered_as_by_jax(name, mode):
    numbers, sizes, starts = CASES[name]
    starts = starts_within(*CASES[name]) if mode == "promise_in_bounds" else np.array(starts)
    shape = jax.lax.gather(X, starts, jax.lax.GatherDimensionNumbers(*numbers), sizes, mode="clip").shape
    updates = draw(shape, seed=1)
    for function in ("scatter_add", "scatter_sub", "scatter_mul", "scatter_min", "scatter_max"):

        def scatter(library, x, starts, updates, function=function):
            dims = library.ScatterDimensionNumbers(*numbers)
            return getattr(library, function)(x, starts, updates, dims, mode=mode)

        # JAX has derivatives of the sums alone where windows may meet
        order = 2 if function in ("scatter_add", "scatter_sub") else 0
        batch = mode != "promise_in_bounds" and function == "scatter_add"
        check_against_jax(
            partial(scatter, lax), partial(scatter, jax.lax), X, starts, updates, order=order, batch=batch
        )


@pytest.mark.parametrize("mode", ["clip", "drop", "promise_in_bounds"])
def test_windows_that_do_not_meet_are_set_and_multiplied_as_by_jax(mode):
    numbers, starts = ((1, 2), (0,), (0,)), np.array([[2], [0]] if mode != "drop" else [[2], [-1], [0], [5]])

    for function in ("scatter", "scatter_mul"):

        def scatter(library, x, updates, function=function):
            dims = library.ScatterDimensionNumbers(*numbers)
            return getattr(library, function)(x, starts, updates, dims, unique_indices=True, mode=mode)

        updates = draw((len(starts), 4, 2), seed=2)
        check_against_jax(partial(scatter, lax), partial(scatter, jax.lax), X, updates)


def test_what_jax_fills_with_is_what_we_fill_with():
    dims = ((), (0,), (0,))

    def gather(library, x):
        return library.gather(x, np.array([[1], [4]]), library.GatherDimensionNumbers(*dims), (1,), mode="fill")

    for dtype in (np.float32, np.complex128, np.int8, np.uint16, bool):
        check_against_jax(partial(gather, lax), partial(gather, jax.lax), draw((3,), dtype, low=0), order=1)
