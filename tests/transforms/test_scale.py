"""A hundred thousand equations under Python's default recursion limit, and eight threads at once."""

from __future__ import annotations

import math
import sys
import threading

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace.core.jaxpr import check_jaxpr, eval_jaxpr

MANY = 100_000
X = np.float64(0.5)


def chain(length):
    """x ↦ … of `length` equations, of which the last depends on all before."""

    def function(x):
        y = x
        for _ in range(length // 2):
            y = np.sin(y) + x
        return y

    return function


def value_and_slope(length):
    """The same on Python floats, with the derivative carried along by hand."""
    x, y, slope = float(X), float(X), 1.0
    for _ in range(length // 2):
        y, slope = math.sin(y) + x, math.cos(y) * slope + 1.0
    return y, slope


def test_a_hundred_thousand_equations_are_recorded_checked_printed_evaluated_and_compiled():
    assert sys.getrecursionlimit() <= 1000
    function = chain(MANY)
    compiled = functrace.jit(function)
    closed = compiled.trace(X).jaxpr
    assert len(closed.equations) == MANY
    check_jaxpr(closed)
    assert str(closed).count("\n") == MANY + 1
    value, _ = value_and_slope(MANY)
    assert float(eval_jaxpr(closed.jaxpr, closed.consts, X)[0]) == pytest.approx(value)
    assert float(compiled(X)) == pytest.approx(value)


def test_a_hundred_thousand_equations_are_differentiated_and_batched():
    function = chain(MANY)
    value, slope = value_and_slope(MANY)
    got = functrace.value_and_grad(function)(X)
    assert [float(part) for part in got] == pytest.approx([value, slope])
    got = functrace.jvp(function, (X,), (1.0,))
    assert [float(part) for part in got] == pytest.approx([value, slope])
    assert float(functrace.vmap(function)(np.full(2, X))[1]) == pytest.approx(value)


def test_many_equations_are_differentiated_and_compiled_in_both_orders():
    length = 5_000
    function = chain(length)
    _, slope = value_and_slope(length)
    assert float(functrace.jit(functrace.grad(function))(X)) == pytest.approx(slope)
    assert float(functrace.grad(functrace.jit(function))(X)) == pytest.approx(slope)
    assert float(functrace.linearize(function, X)[1](1.0)) == pytest.approx(slope)


def test_many_values_from_one_and_one_from_many():
    count = 2_000

    def function(x):
        return sum([x * k for k in range(count)])

    assert functrace.jit(functrace.grad(function))(2.0) == count * (count - 1) / 2
    leaves = [float(k) for k in range(count)]
    gradient = functrace.grad(lambda xs: sum(xs))(leaves)
    assert gradient == [1.0] * count
    assert functrace.jit(lambda xs: [x + 1.0 for x in xs])(leaves) == [k + 1.0 for k in leaves]


def test_deep_trees_are_arguments_too():
    deep = 2.0
    for _ in range(3_000):
        deep = [deep]

    def leaf_of(x):
        while isinstance(x, list):
            (x,) = x
        return x

    assert leaf_of(functrace.grad(lambda p: leaf_of(p) ** 2)(deep)) == 4.0
    assert functrace.jit(lambda p: leaf_of(p) * 3)(deep) == 6.0


# ---------------------------------------------------------------------------------------------------------------------
# threads
# ---------------------------------------------------------------------------------------------------------------------


def run_in_threads(work, count=8):
    """Run `work(number)` in threads that start together; what they give, or the first error."""
    barrier = threading.Barrier(count)
    results, errors = [None] * count, []

    def run(number):
        try:
            barrier.wait()
            results[number] = work(number)
        except BaseException as error:  # to be raised in the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


@pytest.fixture(autouse=True)
def _switch_often():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_eight_threads_call_the_same_functions_at_once():
    @functrace.jit
    def layer(x, w):
        return np.tanh(x @ w) + fnp.zeros(2)

    def loss(w, x):
        return fnp.sum(layer(x, w) ** 2)

    gradient = functrace.jit(functrace.grad(loss))
    hessian_vector = functrace.jit(
        lambda w, x, v: functrace.jvp(functrace.grad(loss), (w, x), (v, fnp.zeros_like(x)))[1]
    )
    rng = np.random.default_rng(0)
    w, v = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    inputs = {n: rng.normal(size=(n, 3)) for n in range(1, 9)}
    expected = {}
    for n, x in inputs.items():
        y = np.tanh(x @ w)
        expected[n] = x.T @ (2 * y * (1 - y * y))

    def work(number):
        for turn in range(12):
            n = (number + turn) % 8 + 1
            np.testing.assert_allclose(gradient(w, inputs[n]), expected[n])
            np.testing.assert_allclose(functrace.grad(loss)(w, inputs[n]), expected[n])
        step = 1e-6
        numeric = (gradient(w + step * v, inputs[3]) - gradient(w - step * v, inputs[3])) / (2 * step)
        np.testing.assert_allclose(hessian_vector(w, inputs[3], v), numeric, rtol=1e-6, atol=1e-6)
        return True

    assert all(run_in_threads(work))
    assert gradient.cache_info().currsize == 8


def test_eight_threads_trace_functions_of_their_own_at_once():
    def work(number):
        scale = float(number + 1)
        for _ in range(5):

            def function(x, scale=scale):
                return fnp.sum(np.sin(x * scale) * fnp.arange(3.0))

            x = np.array([0.1, 0.2, 0.3])
            expected = np.cos(x * scale) * scale * np.arange(3.0)
            for derivative in (
                functrace.grad(function),
                functrace.jit(functrace.grad(function)),
                functrace.grad(functrace.jit(function)),
                lambda x, f=function: functrace.vjp(f, x)[1](1.0)[0],
            ):
                np.testing.assert_allclose(derivative(x), expected)
            batch = functrace.vmap(functrace.grad(function))(np.stack([x, x]))
            np.testing.assert_allclose(batch, [expected, expected])
            second = functrace.jvp(functrace.grad(function), (x,), (np.ones(3),))[1]
            np.testing.assert_allclose(second, -np.sin(x * scale) * scale**2 * np.arange(3.0))
        return True

    assert all(run_in_threads(work))


def test_a_recording_in_one_thread_does_not_touch_what_another_computes():
    inside, done = threading.Event(), threading.Event()

    def function(x):
        inside.set()
        assert done.wait(10)
        return x + fnp.ones(2)

    made = []
    thread = threading.Thread(target=lambda: made.append(functrace.jit(function)(1.0)))
    thread.start()
    assert inside.wait(10)
    plain = fnp.ones(3) + functrace.grad(lambda x: x * x)(2.0)
    done.set()
    thread.join()
    assert type(plain) is np.ndarray
    assert plain.tolist() == [5.0, 5.0, 5.0]
    assert made[0].tolist() == [2.0, 2.0]


def test_an_error_in_one_thread_leaves_the_others_alone():
    def work(number):
        for _ in range(20):
            if number % 2:
                with pytest.raises(TypeError):
                    functrace.jit(lambda x: float(x))(1.0)
            else:
                assert functrace.jit(functrace.grad(lambda x: x * x * number))(1.0) == 2.0 * number
        return True

    assert all(run_in_threads(work))
