"""Programs drawn at random, run plain, compiled, differentiated and batched: all agree, and no memory is shared."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import functrace
from functrace.core.jaxpr import check_jaxpr
from functrace.lax.elementwise import stop_gradient

_inner_sin = functrace.jit(lambda x: np.sin(x) * 2.0)
_inner_pair = functrace.jit(lambda x, y: (x * y, x + y))


def _add(x, y):
    return x + y if _fits(x, y) else x


def _fits(x, y):
    try:
        return (
            len(np.broadcast_shapes(x.shape, y.shape)) <= 3
            and int(np.prod(np.broadcast_shapes(x.shape, y.shape))) < 200
        )
    except ValueError:
        return False


def to_float32(x):
    return x.astype(np.float32)


UNARY = [
    np.sin,
    np.tanh,
    np.negative,
    np.square,
    np.abs,
    lambda x: np.exp(-x * x),
    lambda x: x * 2.0 + 1.0,
    lambda x: 1.0 / (1.0 + x * x),
    lambda x: x.reshape(-1),
    lambda x: x.T,
    lambda x: x[::-1] if x.ndim else x,
    lambda x: x[None],
    lambda x: x[..., None] if x.ndim < 3 else x,
    lambda x: x[:1] if x.ndim else x,
    lambda x: x.sum(),
    lambda x: x.sum(axis=0) if x.ndim else x,
    lambda x: x.sum(axis=-1, keepdims=True) if x.ndim else x,
    lambda x: x.max(axis=0) if x.ndim and x.shape[0] else x,
    lambda x: np.concatenate([x, x * 0.5]) if x.ndim and x.size < 50 else x,
    lambda x: np.cumsum(x, axis=0) if x.ndim else x,
    lambda x: np.where(x > 0, x, 0.1 * x),
    to_float32,
    lambda x: x.astype(np.float64),
    lambda x: np.broadcast_to(x, (2, *x.shape)) if x.ndim < 3 else x,
    lambda x: x @ x.T if x.ndim == 2 else x,
    lambda x: np.outer(x, x) if x.ndim == 1 and x.size < 6 else x,
    lambda x: stop_gradient(x),
    lambda x: _inner_sin(x),
    lambda x: x * CAPTURED[: x.shape[-1]] if x.ndim and x.shape[-1] <= 4 else x,
    lambda x: np.sort(x, axis=0) if x.ndim else x,
    lambda x: (x > 0) * x,
    lambda x: x + 0.0,
    lambda x: x * 1.0,
    lambda x: np.abs(x + 1j * x),
    lambda x: np.exp(1j * x).real - np.conj(x * 2j).imag,
    lambda x: (x * 3).astype(int) % 4 * x,
    lambda x: np.where((x > 0) & ~(x > 1), x, x * x),
    lambda x: np.power(np.abs(x) + 0.5, 1.5),
    lambda x: x**2 - 0.1 * x**3,
    lambda x: np.logaddexp(x, 0.0),
    lambda x: np.arctan2(x, 1.0 + x * x),
    lambda x: x.sum() / (1 + x.size) + x,
    lambda x: np.prod(x, axis=0) if x.ndim and x.size < 30 else x,
    lambda x: np.roll(x, 1, 0) if x.ndim else x,
    lambda x: np.repeat(x, 2, 0)[::2] if x.ndim else x,
    lambda x: np.stack([x, -x]).sum(0),
    lambda x: np.clip(x, -0.5, 0.5) + x,
    lambda x: x[np.array([0, 0])] if x.ndim and x.shape[0] and x.size < 60 else x,
]
BINARY = [
    _add,
    lambda x, y: x - y if _fits(x, y) else x,
    lambda x, y: x * y if _fits(x, y) else y,
    lambda x, y: x / (2.0 + np.sin(y)) if _fits(x, y) else y,
    lambda x, y: np.maximum(x, y) if _fits(x, y) else x,
    lambda x, y: np.where(x > y, x, y * 0.5) if _fits(x, y) else x,
    lambda x, y: np.hypot(x, y + 0.1) if _fits(x, y) else x,
    lambda x, y: _inner_pair(x, y)[1] if _fits(x, y) else x,
    lambda x, y: np.dot(x, y) if x.ndim == y.ndim == 1 and x.shape == y.shape else x,
]
CAPTURED = np.array([0.5, -1.5, 2.0, 0.25])

steps = st.lists(
    st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 7), st.integers(0, 7)),
    min_size=1,
    max_size=12,
)
shapes = st.sampled_from([(), (3,), (2, 3), (1,), (0, 2), (2, 1, 2)])


def program(steps: list[tuple[int, int, int]], outputs: int):
    def function(x, y):
        pool = [x, y]
        for operation, i, j in steps:
            a, b = pool[-1 - i % len(pool)], pool[-1 - j % len(pool)]
            if operation < len(UNARY):
                pool.append(UNARY[operation](a))
            else:
                pool.append(BINARY[operation - len(UNARY)](a, b))
        return tuple(pool[-outputs:])

    return function


def inputs(shape_x, shape_y, dtype):
    rng = np.random.default_rng(0)
    return [np.asarray(rng.normal(size=shape), dtype) for shape in (shape_x, shape_y)]


def assert_close(got: Any, expected: Any, rtol: float = 1e-9) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    if got.dtype == np.float32:
        rtol = 1e-3
    scale = np.max(np.abs(expected), initial=1.0, where=np.isfinite(expected))
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * scale)


def assert_owned(results: Any, *others: Any) -> None:
    arrays = [x for x in functrace.tree.leaves(results) if isinstance(x, np.ndarray)]
    assert all(type(x) is np.ndarray and x.flags.writeable for x in arrays)
    for a, b in itertools.combinations(arrays, 2):
        assert not np.shares_memory(a, b)
    for a in arrays:
        for b in (*others, CAPTURED):
            assert not np.shares_memory(a, b)


drawn = given(
    steps=steps, outputs=st.integers(1, 3), x=shapes, y=shapes, dtype=st.sampled_from([np.float64, np.float32])
)
some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@some
@drawn
def test_a_compiled_program_gives_what_numpy_gives(steps, outputs, x, y, dtype):
    function, args = program(steps, outputs), inputs(x, y, dtype)
    kept = [arg.copy() for arg in args]
    expected = function(*args)
    compiled = functrace.jit(function)
    check_jaxpr(compiled.trace(*args).jaxpr)
    for _ in range(2):
        got = compiled(*args)
        for a, b in zip(got, expected, strict=True):
            assert_close(a, b, rtol=1e-12)
        assert_owned(got, *args)
        for array in got:  # a result is the caller's: what is done to it changes nothing
            if isinstance(array, np.ndarray):
                array.fill(np.nan)
        for arg, before in zip(args, kept, strict=True):
            np.testing.assert_array_equal(arg, before)


def scalar_of(function):
    def loss(x, y):
        total = 0.0
        for weight, out in zip((1.0, 0.5, 0.25), function(x, y), strict=False):
            total = total + weight * np.sum(np.sin(out))
        return total

    return loss


@some
@drawn
def test_gradients_compiled_and_eager_and_forward_mode_agree(steps, outputs, x, y, dtype):
    args = inputs(x, y, dtype)
    loss = scalar_of(program(steps, outputs))
    value, gradients = functrace.value_and_grad(loss, (0, 1))(*args)
    assert_owned(gradients, *args)
    compiled_value, compiled = functrace.jit(functrace.value_and_grad(loss, (0, 1)))(*args)
    assert_owned(compiled, *args)
    of_compiled = functrace.grad(functrace.jit(loss), (0, 1))(*args)
    assert_owned(of_compiled, *args)
    is_single = np.float32 in (dtype, value.dtype) or has_float32(steps)
    assert_close(compiled_value, value, rtol=1e-3 if is_single else 1e-9)
    for arg, eager, a, b in zip(args, gradients, compiled, of_compiled, strict=True):
        assert (np.shape(eager), eager.dtype) == (arg.shape, arg.dtype)
        assert_close(a, eager, rtol=1e-3 if is_single else 1e-8)
        assert_close(b, eager, rtol=1e-3 if is_single else 1e-8)
    rng = np.random.default_rng(1)
    tangents = [rng.normal(size=arg.shape).astype(dtype) for arg in args]
    expected = sum(np.sum(g * t, dtype=float) for g, t in zip(gradients, tangents, strict=True))
    scale = 1 + sum(np.sum(np.abs(g * t), dtype=float) for g, t in zip(gradients, tangents, strict=True))
    tolerance = (1e-3 if is_single else 1e-9) * scale
    for run in (loss, functrace.jit(loss)):
        _, slope = functrace.jvp(run, args, tangents)
        assert abs(slope - expected) <= tolerance
        _, linear = functrace.linearize(run, *args)
        assert abs(linear(*tangents) - expected) <= tolerance


def has_float32(steps):
    return any(operation == UNARY.index(to_float32) for operation, _, _ in steps)


@some
@drawn
def test_a_batched_program_gives_what_a_loop_gives(steps, outputs, x, y, dtype):
    function = program(steps, outputs)
    examples = [[arg * scale for arg in inputs(x, y, dtype)] for scale in (dtype(1), dtype(-0.5), dtype(2))]
    batches = [np.stack(group) for group in zip(*examples, strict=True)]
    expected = [np.stack(group) for group in zip(*[function(*example) for example in examples], strict=True)]
    for run in (
        functrace.vmap(function),
        functrace.jit(functrace.vmap(function)),
        functrace.vmap(functrace.jit(function)),
    ):
        got = run(*batches)
        for a, b in zip(got, expected, strict=True):
            assert_close(a, b, rtol=1e-9)
        assert_owned(got, *batches)
    # only the first argument batched
    expected = [np.stack(group) for group in zip(*[function(e[0], examples[0][1]) for e in examples], strict=True)]
    for a, b in zip(functrace.vmap(function, in_axes=(0, None))(batches[0], examples[0][1]), expected, strict=True):
        assert_close(a, b, rtol=1e-9)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@drawn
def test_second_derivatives_in_each_order_of_modes_agree(steps, outputs, x, y, dtype):
    loss = scalar_of(program(steps, outputs))
    args = inputs(x, y, np.float64)
    t = [np.full(arg.shape, 0.3) for arg in args]

    def along(*xs):
        return functrace.jvp(loss, xs, t)[1]

    forward_over_reverse = functrace.jvp(functrace.grad(loss, (0, 1)), args, t)[1]
    reverse_over_forward = functrace.grad(along, (0, 1))(*args)
    compiled = functrace.jit(functrace.grad(functrace.jit(along), (0, 1)))(*args)
    tolerance = 1e-2 if has_float32(steps) else 1e-7
    for a, b, c in zip(forward_over_reverse, reverse_over_forward, compiled, strict=True):
        scale = np.max(np.abs(a), initial=1.0)
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * scale)
        np.testing.assert_allclose(c, a, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.fuzz
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@drawn
def test_many_compiled_programs_give_what_numpy_gives(steps, outputs, x, y, dtype):
    function, args = program(steps, outputs), inputs(x, y, dtype)
    expected = function(*args)
    got = functrace.jit(function)(*args)
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b, rtol=1e-12)
    assert_owned(got, *args)
