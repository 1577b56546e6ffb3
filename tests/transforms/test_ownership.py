"""A result is the caller's, and a captured array is a constant as of tracing, whatever the transform."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import tree

# Each takes an array x of shape (2, 3) and a captured one c of the same shape, and gives a pytree that is as likely as
# can be to share memory with them.
FUNCTIONS = {
    "the argument": lambda x, c: x,
    "a captured array": lambda x, c: (x * 2.0, c),
    "a view of the argument": lambda x, c: x.T,
    "a slice of the argument": lambda x, c: x[:, 1:],
    "an element of the argument": lambda x, c: x[0],
    "a reversed argument": lambda x, c: x[::-1],
    "a reshaped argument": lambda x, c: x.reshape(-1),
    "a broadcast argument": lambda x, c: fnp.broadcast_to(x, (4, 2, 3)),
    "a view of a captured array": lambda x, c: {"a": x, "b": c.T},
    "the same leaf twice": lambda x, c: (lambda y: [y, y])(x * c),
    "a leaf and its view": lambda x, c: (lambda y: (y, y.T, y[0], y.reshape(3, 2)))(x + c),
    "the argument twice": lambda x, c: (x, x),
    "the argument's views": lambda x, c: (x, x.T, x[0]),
    "a sum over nothing": lambda x, c: x.sum(()),
    "a new axis": lambda x, c: x[None],
    "a swapped product": lambda x, c: fnp.dot(c.T, x).T,
    "a constant": lambda x, c: (x, np.float64(3.0), 2.0, c),
    "zeros": lambda x, c: (x * 1.0, fnp.zeros((2, 3)), fnp.zeros_like(x)),
    "a choice": lambda x, c: fnp.where(c > 0, x, c),
    "its own dtype": lambda x, c: x.astype(x.dtype),
    "its real part": lambda x, c: x.real,
    "stop_gradient": lambda x, c: (x * 1.0, functrace.lax.stop_gradient(x)),
    "the result of jit": lambda x, c: functrace.jit(lambda y: (y, y.T, c))(x),
    "a concatenation": lambda x, c: fnp.concatenate([x]),
    "an unchanged pad": lambda x, c: fnp.pad(x, 0),
    "a squeezed axis": lambda x, c: x[None].squeeze(0),
    "an array of indices": lambda x, c: x[np.array([1, 0])],
    "splits": lambda x, c: fnp.split(x, 2),
    "a product": lambda x, c: x * c,
}


def total(x: Any) -> Any:
    return sum([fnp.sum(leaf) for leaf in tree.leaves(x)])


def run_plain_jit(f, x, c):
    return functrace.jit(lambda x: f(x, c))(x)


def run_jit_with_arguments(f, x, c):
    return functrace.jit(f)(x, c)


def run_grad(f, x, c):
    return functrace.grad(lambda x: total(f(x, c)))(x)


def run_grad_of_both(f, x, c):
    return functrace.grad(lambda x, c: total(f(x, c)), (0, 1))(x, c)


def run_jit_of_grad(f, x, c):
    return functrace.jit(functrace.grad(lambda x, c: total(f(x, c)), (0, 1)))(x, c)


def run_grad_of_jit(f, x, c):
    return functrace.grad(functrace.jit(lambda x, c: total(f(x, c))), (0, 1))(x, c)


def run_value_and_grad_with_aux(f, x, c):
    return functrace.value_and_grad(lambda x: (total(f(x, c)), f(x, c)), has_aux=True)(x)


def run_vjp(f, x, c):
    out, pullback, aux = functrace.vjp(lambda x, c: (f(x, c), f(x, c)), x, c, has_aux=True)
    ones = tree.map(np.ones_like, out)
    return out, pullback(ones), pullback(ones), pullback(out), aux


def run_vjp_of_jit(f, x, c):
    out, pullback = functrace.vjp(functrace.jit(lambda x: f(x, c)), x)
    return out, pullback(tree.map(np.ones_like, out)), pullback(out)


def run_jvp(f, x, c):
    return functrace.jvp(lambda x: (f(x, c), f(x, c)), (x,), (c,), has_aux=True)


def run_jvp_of_jit(f, x, c):
    return functrace.jvp(functrace.jit(f), (x, c), (c, x))


def run_linearize(f, x, c):
    out, linear, aux = functrace.linearize(lambda x: (f(x, c), f(x, c)), x, has_aux=True)
    return out, linear(c), linear(c), aux


def run_linearize_of_jit(f, x, c):
    out, linear = functrace.linearize(functrace.jit(f), x, c)
    return out, linear(c, x), linear(c, x)


def run_vmap(f, x, c):
    return functrace.vmap(lambda x: f(x, c))(np.stack([x, c]))


def run_vmap_over_both(f, x, c):
    return functrace.vmap(f)(np.stack([x, c]), np.stack([c, x]))


def run_vmap_of_jit(f, x, c):
    return functrace.vmap(functrace.jit(f), in_axes=(0, None))(np.stack([x, c]), c)


def run_jit_of_vmap(f, x, c):
    return functrace.jit(functrace.vmap(f, in_axes=(None, 0)))(x, np.stack([c, c]))


def run_hessian_vector_product(f, x, c):
    return functrace.jvp(functrace.grad(lambda x: total(f(x, c))), (x,), (c,))


TRANSFORMS = [function for name, function in list(globals().items()) if name.startswith("run_")]


def arrays_in(*trees: Any) -> list[np.ndarray]:
    return [leaf for leaf in tree.leaves(trees) if isinstance(leaf, np.ndarray) and leaf.dtype != functrace.float0]


def assert_owned(result: Any, *others: np.ndarray) -> None:
    arrays = arrays_in(result)
    for array in arrays:
        assert type(array) is np.ndarray
        assert array.flags.writeable
        assert 0 not in array.strides or array.size < 2 or 1 in array.shape, "a broadcast view"
        for other in others:
            assert not np.shares_memory(array, other)
    for one, other in itertools.combinations(arrays, 2):
        assert not np.shares_memory(one, other)


def pair(layout: str = "C") -> tuple[np.ndarray, np.ndarray]:
    x, c = np.arange(6.0).reshape(2, 3) + 1, np.array([[1.0, -2.0, 3.0], [-4.0, 5.0, 0.5]])
    if layout == "F":
        return np.asfortranarray(x), np.asfortranarray(c)
    if layout == "view":
        return np.repeat(x, 2, axis=1)[:, ::2], np.vstack([c, c])[::-1][::2]
    if layout == "read-only":
        x.flags.writeable = c.flags.writeable = False
    return x, c


@pytest.mark.parametrize("run", TRANSFORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_result_shares_memory_with_nothing_and_is_writable(name, run):
    for layout in ("C", "view"):
        x, c = pair(layout)
        first = run(FUNCTIONS[name], x, c)
        expected = tree.map(np.copy, first)
        assert_owned(first, x, c)
        for array in arrays_in(first):  # what the caller does to it changes no input and no later result
            array.fill(-1)
        before_x, before_c = pair(layout)
        np.testing.assert_array_equal(x, before_x)
        np.testing.assert_array_equal(c, before_c)
        second = run(FUNCTIONS[name], x, c)
        for a, b in zip(tree.leaves(second), tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(a, b)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(FUNCTIONS)),
    outer=st.sampled_from([functrace.jit, lambda f: f, functrace.vmap]),
    inner=st.sampled_from([functrace.jit, lambda f: f]),
    dtype=st.sampled_from([np.float32, np.float64, np.complex64, np.int32, np.bool_]),
    layout=st.sampled_from(["C", "F", "view", "read-only"]),
)
def test_a_result_is_owned_in_each_dtype_and_layout(name, outer, inner, dtype, layout):
    x, c = (array.astype(dtype) if layout in ("C", "F") else array for array in pair(layout))
    function = FUNCTIONS[name]

    def wrapped(y):
        return inner(lambda z: function(z, c))(y)

    if outer is functrace.vmap:
        x = np.stack([x, x])
    transformed = (
        outer(wrapped) if outer is not functrace.vmap and inner is functrace.jit else functrace.jit(outer(wrapped))
    )
    assert_owned(transformed(x), x, c)


# ---------------------------------------------------------------------------------------------------------------------
# constants as of tracing
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_compiled_function_keeps_the_captured_array_as_it_was_when_it_was_traced(name):
    x, c = pair()
    compiled = functrace.jit(lambda x: FUNCTIONS[name](x, c))
    first = tree.map(np.copy, compiled(x))
    c[...] = 99.0
    for a, b in zip(tree.leaves(compiled(x)), tree.leaves(first), strict=True):
        np.testing.assert_array_equal(a, b)
    original = FUNCTIONS[name](x, pair()[1])
    for a, b in zip(tree.leaves(first), tree.leaves(original), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_pullback_and_a_linear_map_do_not_see_later_changes(name, jitted):
    x, c = pair()
    function = lambda x: FUNCTIONS[name](x, c) if name != "a product" else x * c * x  # noqa: E731
    function = functrace.jit(function) if jitted else function
    out, pullback = functrace.vjp(function, x)
    _, linear = functrace.linearize(function, x)
    cotangent = tree.map(np.ones_like, out)
    by_reverse, by_forward = tree.map(np.copy, pullback(cotangent)), tree.map(np.copy, linear(np.ones_like(x)))
    x[...], c[...] = 77.0, 99.0
    for array in arrays_in(out):
        array.fill(-5)
    for got, expected in ((pullback(cotangent), by_reverse), (linear(np.ones((2, 3))), by_forward)):
        for a, b in zip(tree.leaves(got), tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_captured_array_of_indices_is_a_constant_too():
    x, index, mask = np.arange(4.0), np.array([0, 2]), np.array([True, False, True, False])
    gather = functrace.jit(lambda x: (x[index], x[mask], fnp.take(x, index), fnp.where(mask, x, 0.0)))
    _, pullback = functrace.vjp(lambda x: (x[index] * x[index], x[mask]), x)
    first = gather(x)
    cotangents = (np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    expected = pullback(cotangents)[0].copy()
    index[...], mask[...] = 3, False
    for a, b in zip(gather(x), first, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(pullback(cotangents)[0], expected)
    np.testing.assert_array_equal(expected, [0 + 3.0, 0.0, 2 * 2 * 2.0 + 4.0, 0.0])


def test_a_cotangent_changed_later_does_not_change_what_was_given_back():
    x = np.ones(3)
    _, pullback = functrace.vjp(lambda x: x, x)
    cotangent = np.array([1.0, 2.0, 3.0])
    (gradient,) = pullback(cotangent)
    cotangent[...] = 0.0
    np.testing.assert_array_equal(gradient, [1.0, 2.0, 3.0])


def test_an_array_changed_in_place_while_a_function_is_recorded_counts_as_it_was_at_each_use():
    def function(x):
        buffer = np.zeros(3)
        total = x * 0.0
        for i in range(3):
            buffer[i] = i + 1.0
            total = total + x * buffer
        return total

    x = np.ones(3)
    expected = function(x)
    np.testing.assert_array_equal(functrace.jit(function)(x), expected)
    np.testing.assert_array_equal(functrace.linearize(function, x)[1](x), expected)
    np.testing.assert_array_equal(functrace.jvp(function, (x,), (x,))[1], expected)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, buffer: x * buffer,
        lambda x, buffer: buffer.reshape(1, 3) @ x,
        lambda x, buffer: np.where(buffer == 1, x * buffer, 0.0),
        lambda x, buffer: x[buffer.astype(int) - 1] * buffer,
        lambda x, buffer: functrace.jit(lambda x, c: x * c)(x, buffer),
        lambda x, buffer: functrace.lax.scan(lambda carry, c: (carry * c, carry), x, buffer)[0],
        lambda x, buffer: functrace.vmap(lambda x, c: x * c)(x, buffer),
        lambda x, buffer: functrace.jvp(lambda x: x * buffer, (x,), (x,))[1],
    ],
)
def test_an_array_changed_in_place_between_its_use_and_the_way_back_does_not_change_the_gradient(use):
    def function(x, changed):
        buffer = np.ones(3)
        y = use(x, buffer)
        if changed:
            buffer[...] = 100.0
        return y.sum()

    gradient = functrace.grad(function)
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(gradient(x, True), gradient(x, False))
    _, tangent = functrace.jvp(lambda x: gradient(x, True), (x,), (x,))
    np.testing.assert_array_equal(tangent, functrace.jvp(lambda x: gradient(x, False), (x,), (x,))[1])


def test_statics_and_defaults_that_are_arrays_are_constants_too():
    c = np.ones(3)

    @functrace.jit
    def function(x, c=c):
        return x * c

    assert function(2.0).tolist() == [2.0, 2.0, 2.0]
    c[...] = 5.0
    assert function(2.0).tolist() == [5.0, 5.0, 5.0] or function(2.0).tolist() == [2.0, 2.0, 2.0]
