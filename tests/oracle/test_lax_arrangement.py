"""The names of lax that arrange, reduce, sort and take numbers apart are JAX's."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from functrace import lax
from tests.oracle.agreement import Difference, check_against_jax, draw, edges, jax

X = draw((2, 3, 4))
INDEX_DTYPE = Difference("dtype", "indices are NumPy's intp; JAX's are of 32 bits")

CASES = {
    "broadcast": lambda library, x: library.broadcast(x, (2, 1)),
    "broadcast_like": lambda library, x: library.broadcast_like(x[:, :1], np.zeros((2, 3, 4))),
    "broadcast_to_rank": lambda library, x: library.broadcast_to_rank(x, 5),
    "collapse": lambda library, x: library.collapse(x, 1, 3),
    "split": lambda library, x: library.split(x, (1, 2), 1),
    "stack": lambda library, x: library.stack([x, x * x], 1),
    "unstack": lambda library, x: library.unstack(x, 2),
    "tile": lambda library, x: library.tile(x, (1, 2, 3)),
    "batch_matmul": lambda library, x: library.batch_matmul(x, x.transpose(0, 2, 1)),
    "sort_key_val": lambda library, x: library.sort_key_val(x, x * x, 1),
    "index_take": lambda library, x: library.index_take(x, (np.array([0, -1]), np.array([5, 1])), (0, 2)),
    "approx_max_k": lambda library, x: library.approx_max_k(x, 2)[0],
    "approx_min_k": lambda library, x: library.approx_min_k(x, 2, 1)[0],
    "round": lambda library, x: library.round(x),
    "reduce_precision": lambda library, x: library.reduce_precision(x, 6, 9),
    "reduce by sums": lambda library, x: library.reduce(x, 0.0, library.add, (0, 2)),
    "reduce by maxima": lambda library, x: library.reduce(x, -np.inf, library.max, (1,)),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_value_and_derivatives_are_jaxs(name):
    check_against_jax(partial(CASES[name], lax), partial(CASES[name], jax.lax), X)


def test_a_reduction_by_another_computation_is_jaxs():
    def reduce(library, x, y):
        def computation(a, b):
            return a[0] + b[0] + a[0] * b[0], a[1] * b[1] + 0 * a[0]

        return library.reduce((x, y), (0.0, 1.0), computation, (1,))

    check_against_jax(partial(reduce, lax), partial(reduce, jax.lax), X, draw((2, 3, 4), seed=1), order=0, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounded_numbers_at_the_edges_are_jaxs(dtype):
    halves = np.concatenate([edges(dtype), np.array([1.5, 2.5, -2.5, 0.49999997], dtype)])
    for method in (0, 1):
        check_against_jax(
            lambda x, method=method: lax.round(x, method),
            lambda x, method=method: jax.lax.round(x, jax.lax.RoundingMethod(method)),
            halves,
            order=1,
        )
    many = np.concatenate([halves, draw((200,), dtype), (10.0 ** draw((200,), low=-30, high=30)).astype(dtype)])
    for bits in ((5, 10), (8, 7), (4, 3), (2, 1), (8, 0)):
        check_against_jax(
            lambda x, bits=bits: lax.reduce_precision(x, *bits),
            lambda x, bits=bits: jax.lax.reduce_precision(x, *bits),
            many,
            order=0,
        )


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_bits_of_integers_are_jaxs(dtype):
    info = np.iinfo(dtype)
    x = np.array([0, 1, 7, 100, info.max, info.min, info.max // 3, info.min // 2], dtype)
    for name in ("clz", "population_count"):
        check_against_jax(getattr(lax, name), getattr(jax.lax, name), x)
    shifts = np.array([0, 1, 5, 7, 8, 63, 64, 2], dtype)
    check_against_jax(lax.shift_right_logical, jax.lax.shift_right_logical, x, shifts, batch=False)


@pytest.mark.parametrize(("old", "new"), [("f4", "u4"), ("f8", "i8"), ("i8", "u4"), ("u4", "i1"), ("f8", "f4")])
def test_numbers_read_as_others_are_jaxs(old, new):
    x = draw((3, 2), np.dtype(old), low=0, high=100)
    there, back = np.dtype(new), np.dtype(old)
    check_against_jax(
        lambda x: lax.bitcast_convert_type(x, there), lambda x: jax.lax.bitcast_convert_type(x, there), x, order=0
    )
    out = np.asarray(jax.lax.bitcast_convert_type(x, there))
    check_against_jax(
        lambda x: lax.bitcast_convert_type(x, back), lambda x: jax.lax.bitcast_convert_type(x, back), out,
        order=0, batch=False,
    )  # fmt: skip


def test_indices_of_the_greatest_are_jaxs():
    x = np.array([[1.0, 3.0, 3.0, 2.0], [0.0, -1.0, -1.0, 5.0]])
    for name in ("approx_max_k", "approx_min_k"):
        check_against_jax(
            lambda x, name=name: getattr(lax, name)(x, 3)[1],
            lambda x, name=name: getattr(jax.lax, name)(x, 3)[1],
            x,
            differs=[INDEX_DTYPE],
        )


def test_shapes_of_convolutions_are_jaxs():
    shapes, numbers = ((2, 9, 8, 3), (3, 2, 3, 5)), ("NHWC", "HWIO", "NCHW")
    assert lax.conv_general_permutations(numbers) == jax.lax.conv_general_permutations(numbers)
    for padding in ("SAME", "VALID", [(1, 2), (0, 3)]):
        for strides in ((1, 1), (2, 3)):
            for name in ("conv_general_shape_tuple", "conv_transpose_shape_tuple"):
                ours, theirs = getattr(lax, name), getattr(jax.lax, name)
                assert ours(*shapes, strides, padding, numbers) == tuple(theirs(*shapes, strides, padding, numbers))
            canonical = ((2, 3, 9, 8), (5, 3, 3, 2), strides, padding)
            assert lax.conv_shape_tuple(*canonical) == tuple(jax.lax.conv_shape_tuple(*canonical))
