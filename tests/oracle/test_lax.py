"""Operations of `lax` beside JAX's."""

from __future__ import annotations

import numpy as np
import pytest

from functrace import lax
from tests.oracle.agreement import TIES, Difference, check_against_jax, draw, jax, nan

X = draw((2, 3, 4))
M = draw((3, 4))


def same(function, *args, **options):
    """Check a function of a module `lax` and arrays, for both modules."""
    check_against_jax(lambda *xs: function(lax, *xs), lambda *xs: function(jax.lax, *xs), *args, **options)


UNARY = {
    "asin acos atan atanh asinh sin cos tan sinh cosh tanh exp exp2 expm1 logistic": (-0.9, 0.9),
    "log log1p sqrt rsqrt cbrt reciprocal": (0.1, 3.0),
    "neg square abs sign floor ceil round": (-2.0, 2.0),
    "acosh": (1.1, 3.0),
}
INTERVALS = {name: interval for names, interval in UNARY.items() for name in names.split()}
REAL = ("cbrt", "floor", "ceil", "round", "sign")


@pytest.mark.parametrize("name", INTERVALS)
def test_functions_of_one_number(name):
    low, high = INTERVALS[name]
    check_against_jax(getattr(lax, name), getattr(jax.lax, name), draw(low=low, high=high))
    if name not in REAL:
        check_against_jax(getattr(lax, name), getattr(jax.lax, name), draw((3,), "c16", low=low, high=high), order=1)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "rem", "pow", "max", "min", "atan2"])
def test_functions_of_two_numbers(name):
    x, y = draw(low=0.2), draw(low=0.2, seed=1)
    check_against_jax(getattr(lax, name), getattr(jax.lax, name), x, y)
    check_against_jax(getattr(lax, name), getattr(jax.lax, name), x.astype("f4"), y.astype("f4"), order=1)


def test_comparisons_and_bits():
    i, j = draw((5,), "i8", low=0, high=9), draw((5,), "i8", low=0, high=5, seed=1)
    for name in [
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "shift_left",
        "shift_right_arithmetic",
    ]:
        check_against_jax(getattr(lax, name), getattr(jax.lax, name), i, j)
    for name in ("bitwise_not", "population_count"):
        check_against_jax(getattr(lax, name), getattr(jax.lax, name), i)
    check_against_jax(lax.is_finite, jax.lax.is_finite, np.array([1.0, nan, np.inf]))


def test_other_elementwise_operations():
    x = draw()
    same(lambda n, x: n.integer_pow(x, 3), x)
    same(lambda n, x: n.integer_pow(x, -2), x)
    same(lambda n, low, x, high: n.clamp(low, x, high), np.full((2, 3), -0.5), x, np.full((2, 3), 0.7))
    same(lambda n, x: n.clamp(-0.5, x, 0.7), x)
    same(lambda n, x, y: n.select(x > y, x * y, y), x, draw(seed=1))
    same(lambda n, x, y: n.select_n(x > y, x, y * y), x, draw(seed=1))
    same(lambda n, i, x, y, z: n.select_n(i, x, y, z), draw(dtype="i4", low=0, high=2), x, x * x, -x)
    same(lambda n, x, y: n.real(n.complex(x, y) ** 2) * n.imag(n.conj(n.complex(x, y))), x, draw(seed=1))
    same(lambda n, x: n.convert_element_type(x, np.float32) * 1, x, rtol=1e-6)
    same(lambda n, x: n.stop_gradient(x) * x, x)


@pytest.mark.parametrize("name", ["reduce_sum", "reduce_prod", "reduce_max", "reduce_min"])
def test_reductions(name):
    for axes in ((0,), (1, 2), (0, 1, 2)):
        same(lambda n, x, axes=axes: getattr(n, name)(x, axes), X)
    same(lambda n, x: getattr(n, name)(x, (1,)), TIES)


def test_other_reductions():
    for name in ("argmax", "argmin"):
        same(lambda n, x, name=name: getattr(n, name)(x, 1, np.int32), TIES)
    for name in ("reduce_and", "reduce_or", "reduce_xor"):
        same(lambda n, x, name=name: getattr(n, name)(x, (1,)), draw((3, 4), "i8", low=0, high=7))


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"])
def test_cumulative_operations(name):
    for reverse in (False, True):
        same(lambda n, x, reverse=reverse: getattr(n, name)(x, axis=1, reverse=reverse), X)
    if name in ("cummax", "cummin"):
        shares = [Difference("derivatives", "all that tie share equally, in JAX by its tree", lambda x: x == 3)]
        same(lambda n, x: getattr(n, name)(x, axis=1), TIES + (TIES == 0), order=1, differs=shares)


SHAPES = {
    "reshape": lambda n, x: n.reshape(x, (4, 6)),
    "transpose": lambda n, x: n.transpose(x, (1, 2, 0)),
    "rev": lambda n, x: n.rev(x, (0, 2)),
    "broadcast_in_dim": lambda n, x: n.broadcast_in_dim(x, (2, 5, 3, 4), (0, 2, 3)),
    "expand_dims": lambda n, x: n.expand_dims(x, (0, 2)),
    "squeeze": lambda n, x: n.squeeze(n.expand_dims(x, (1,)), (1,)),
    "concatenate": lambda n, x: n.concatenate([x, x * x], 1),
    "pad": lambda n, x: n.pad(x, x[0, 0, 0], ((1, 2, 1), (-1, 0, 0), (0, -2, 2))),
    "slice": lambda n, x: n.slice(x, (0, 1, 0), (2, 3, 4), (1, 1, 2)),
    "slice_in_dim": lambda n, x: n.slice_in_dim(x, 0, -1, 2, 2),
    "index_in_dim": lambda n, x: n.index_in_dim(x, -1, 1),
    "dynamic_slice": lambda n, x: n.dynamic_slice(x, (0, 2, -2), (1, 2, 2)),
    "dynamic_slice_in_dim": lambda n, x: n.dynamic_slice_in_dim(x, 1, 2, 1),
    "dynamic_index_in_dim": lambda n, x: n.dynamic_index_in_dim(x, -1, 1, keepdims=False),
    "dynamic_update_slice": lambda n, x: n.dynamic_update_slice(x, x[:1, :2, :2] * 3, (1, 7, 1)),
    "dynamic_update_slice_in_dim": lambda n, x: n.dynamic_update_slice_in_dim(x, x[:, :2] * 3, 1, 1),
    "dynamic_update_index_in_dim": lambda n, x: n.dynamic_update_index_in_dim(x, x[:, 0] * 3, 2, 1),
    "iota": lambda n, x: x * n.iota(np.float64, 4) + n.broadcasted_iota(np.float64, (3, 4), 0),
    "full": lambda n, x: x * n.full((3, 4), 2.0) + n.full_like(x, 1.5),
    "sort": lambda n, x: n.sort(x, 1),
    "sort of several": lambda n, x: n.sort((x[0], x[1]), dimension=1),
    "top_k": lambda n, x: n.top_k(x, 2)[0],
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_slices_and_order(name):
    same(SHAPES[name], X)


def test_slices_at_places_that_are_traced():
    start = np.array([1, 0])
    same(lambda n, x, i: n.dynamic_slice(x, (i[0], i[1]), (2, 2)), M, start)
    same(lambda n, x, u, i: n.dynamic_update_slice(x, u, (i[0], i[1])), M, draw((2, 2)), start)
    same(lambda n, x, i: n.dynamic_index_in_dim(x, i, 1), M, np.int64(-2), order=1)


def test_order_among_ties():
    ties = TIES + (TIES == 0)
    same(lambda n, x: n.sort(x, dimension=1), ties)
    same(lambda n, x: n.sort((x, x * 2), dimension=0, num_keys=2), ties, order=1)
    narrow = [Difference("dtype", "NumPy's indices are int64")]
    same(lambda n, x: n.top_k(x, 3)[1], ties, differs=narrow)
    same(lambda n, x: n.top_k(x, 3)[0], np.array([1.0, nan, np.inf, 2.0]))
    zeros = [Difference("derivatives", "-0.0 and 0.0 tie, as everywhere in NumPy; JAX takes 0.0 for the greater")]
    same(lambda n, x: n.top_k(x, 1)[0], np.array([-0.0, 0.0]), differs=zeros, batch=False)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize(
    ("left", "right", "numbers"),
    [
        ((2, 3), (3, 4), (((1,), (0,)), ((), ()))),
        ((2, 3, 4), (2, 5, 4), (((2,), (2,)), ((0,), (0,)))),
        ((3, 2, 4), (4, 5, 3, 2), (((2,), (0,)), ((0, 1), (2, 3)))),
        ((2, 3, 4), (4, 3, 2), (((0, 2), (2, 0)), ((1,), (1,)))),
        ((2, 3), (4,), (((), ()), ((), ()))),
        ((2, 3), (2, 3), (((), ()), ((0, 1), (0, 1)))),
        ((2, 0), (0, 3), (((1,), (0,)), ((), ()))),
    ],
)
def test_dot_general(left, right, numbers, dtype):
    order = 2 if dtype == "f8" else 1
    same(lambda n, x, y: n.dot_general(x, y, numbers), draw(left, dtype), draw(right, dtype, seed=1), order=order)


def test_dot():
    for left, right in (((4,), (4,)), ((3, 4), (4,)), ((3, 4), (4, 2))):
        same(lambda n, x, y: n.dot(x, y), draw(left), draw(right, seed=1))
