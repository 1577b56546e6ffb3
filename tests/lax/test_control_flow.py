"""Programs inside programs, under every transform and nesting, against plain Python loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import functrace
from functrace import grad, jit, jvp, lax, vjp, vmap
from functrace.errors import (
    ArgumentError,
    ConcretizationTypeError,
    DtypeError,
    OptionError,
    ShapeError,
    StructureError,
    UnexpectedTracerError,
)

X = np.array([0.3, -0.5, 0.8])
ROWS = np.array([[0.3, -0.5, 0.8], [1.4, 0.2, -0.1], [-0.7, 0.9, 0.4]])
V = np.array([0.6, -1.1, 0.4])
W = np.array([1.3, 0.2, -0.7])

# ---------------------------------------------------------------------------------------------------------------------
# each construct, and the same as plain Python: functions of a vector of three that give one
# ---------------------------------------------------------------------------------------------------------------------


def steps_of(x: Any) -> Any:
    """How often to go round: 0 to 5, by the data."""
    return lax.convert_element_type(lax.floor(2 * lax.abs(lax.reduce_sum(x, (0,)))), np.int64)


def cond_by_data(x):
    return lax.cond(x[0] > 0, lambda v, w: v * w, lambda v, w: np.sin(v) - w, x, np.cos(x))


def cond_in_python(x):
    return x * np.cos(x) if x[0] > 0 else np.sin(x) - np.cos(x)


def cond_of_captured(x):
    y = np.exp(x)
    return lax.cond(x[1] < 0, lambda: y * x, lambda: np.ones(3) * 2.0)


def cond_of_captured_in_python(x):
    return np.exp(x) * x if x[1] < 0 else x * 0 + 2.0


def switch_by_data(x):
    return lax.switch(steps_of(x), [np.sin, lambda v: v * v * v, lambda v: v * 0 + 1.0], x)


def switch_in_python(x):
    return [np.sin, lambda v: v * v * v, lambda v: v * 0 + 1.0][min(int(steps_of(x)), 2)](x)


def scan_over(x):
    def step(carry, element):
        state = np.tanh(carry["state"] * element + x)
        return {"state": state, "sum": carry["sum"] + state[0]}, (state * element, element)

    carry, (ys, _) = lax.scan(step, {"state": x, "sum": 0.0}, np.sin(x))
    return carry["state"] + carry["sum"] + np.sum(ys, axis=0)


def scan_in_python(x):
    state, total, ys = x, 0.0, []
    for i in range(3):
        element = np.sin(x)[i]
        state = np.tanh(state * element + x)
        total = total + state[0]
        ys.append(state * element)
    return state + total + (ys[0] + ys[1] + ys[2])


def scan_backward(x):
    carry, ys = lax.scan(lambda c, e: (c * e + x, c[0] * e), x, x, reverse=True)
    return carry + ys * np.array([1.0, 2.0, 3.0])


def scan_backward_in_python(x):
    carry, ys = x, []
    for i in (2, 1, 0):
        carry, y = carry * x[i] + x, carry[0] * x[i]
        ys.append(y)
    return carry + np.stack(ys[::-1]) * np.array([1.0, 2.0, 3.0])


def scan_by_length(x):
    return lax.scan(lambda c, _: (np.sin(c) * x, None), x, None, length=4)[0]


def scan_by_length_in_python(x):
    carry = x
    for _ in range(4):
        carry = np.sin(carry) * x
    return carry


def scan_over_nothing(x):
    return lax.scan(lambda c, e: (c * e, c), x * x, np.zeros((0,)))[0] + x


def while_by_data(x):
    def body(value):
        step, state, size = value
        state = np.sin(state) * 1.2 + x
        return step + 1, state, size + 0.7 + state[0] * state[0]

    return lax.while_loop(lambda value: value[2] < 3.0, body, (0, x, x[0] * x[0]))[1]


def while_by_data_in_python(x):
    state, size = x, x[0] * x[0]
    while size < 3.0:
        state = np.sin(state) * 1.2 + x
        size = size + 0.7 + state[0] * state[0]
    return state


def while_never(x):
    return lax.while_loop(lambda v: v[0] > 1e6, lambda v: v * x, x * 2.0)


def fori_by_count(x):
    return lax.fori_loop(1, 5, lambda i, v: np.cos(v) * x + i, x)


def fori_by_count_in_python(x):
    value = x
    for i in range(1, 5):
        value = np.cos(value) * x + i
    return value


def fori_by_data(x):
    return lax.fori_loop(0, steps_of(x), lambda i, v: np.sin(v) * (x + i), x + 1.0)


def fori_by_data_in_python(x):
    value = x + 1.0
    for i in range(int(steps_of(x))):
        value = np.sin(value) * (x + i)
    return value


def while_in_scan(x):
    def step(carry, element):
        out = lax.while_loop(
            lambda v: v[0] < 2.5, lambda v: (v[0] + 0.6 + element * element, np.sin(v[1]) * x), (element, carry)
        )
        return out[1] + out[0], out[0]

    carry, ys = lax.scan(step, x, 2 * x)
    return carry * ys


def while_in_scan_in_python(x):
    carry, ys = x, []
    for i in range(3):
        element = 2 * x[i]
        size = element
        while size < 2.5:
            size, carry = size + 0.6 + element * element, np.sin(carry) * x
        carry = carry + size
        ys.append(size)
    return carry * np.stack(ys)


def while_in_while(x):
    def outer(value):
        i, state = value
        inner = lax.while_loop(lambda v: v[0] < i, lambda v: (v[0] + 1, np.sin(v[1]) + x), (0, state))
        return i + 1, inner[1] * 0.5

    return lax.while_loop(lambda value: value[0] < 4, outer, (0, x))[1]


def while_in_while_in_python(x):
    state = x
    for i in range(4):
        for _ in range(i):
            state = np.sin(state) + x
        state = state * 0.5
    return state


def fori_in_cond_in_scan(x):
    def step(carry, element):
        def looped(c):
            return lax.fori_loop(0, steps_of(c), lambda i, v: np.sin(v) + element, c)

        return lax.cond(element > 0, looped, lambda c: c * c, carry), element

    return lax.scan(step, x, x)[0]


def fori_in_cond_in_scan_in_python(x):
    carry = x
    for i in range(3):
        if x[i] > 0:
            for _ in range(int(steps_of(carry))):
                carry = np.sin(carry) + x[i]
        else:
            carry = carry * carry
    return carry


def mapped(x):
    return lax.map(lambda e: np.sin(e) * np.sum(x), x)


def mapped_by_two(x):
    return lax.map(lambda e: np.sin(e) * np.sum(x), x, batch_size=2)


def mapped_in_python(x):
    return np.sin(x) * np.sum(x)


def multiplied(x):
    return lax.associative_scan(lambda a, b: a * b, x)


def multiplied_in_python(x):
    return np.stack([x[0], x[0] * x[1], x[0] * x[1] * x[2]])


CASES: dict[str, tuple[Callable, Callable]] = {
    "cond": (cond_by_data, cond_in_python),
    "cond of captured": (cond_of_captured, cond_of_captured_in_python),
    "switch": (switch_by_data, switch_in_python),
    "scan": (scan_over, scan_in_python),
    "scan reverse": (scan_backward, scan_backward_in_python),
    "scan length": (scan_by_length, scan_by_length_in_python),
    "scan of no steps": (scan_over_nothing, lambda x: x * x + x),
    "while": (while_by_data, while_by_data_in_python),
    "while of no steps": (while_never, lambda x: x * 2.0),
    "fori": (fori_by_count, fori_by_count_in_python),
    "fori by data": (fori_by_data, fori_by_data_in_python),
    "while in scan": (while_in_scan, while_in_scan_in_python),
    "while in while": (while_in_while, while_in_while_in_python),
    "fori in cond in scan": (fori_in_cond_in_scan, fori_in_cond_in_scan_in_python),
    "map": (mapped, mapped_in_python),
    "map by two": (mapped_by_two, mapped_in_python),
    "associative_scan": (multiplied, multiplied_in_python),
}

# each takes a function of a vector, and how to batch and compile: the same by transforms, and by Python

NESTINGS: dict[str, Callable] = {
    "plain": lambda f, batch, compiled: f(X),
    "jit": lambda f, batch, compiled: compiled(f)(X),
    "grad": lambda f, batch, compiled: grad(lambda x: np.dot(W, f(x)))(X),
    "jit grad": lambda f, batch, compiled: compiled(grad(lambda x: np.dot(W, f(x))))(X),
    "grad jit": lambda f, batch, compiled: grad(lambda x: np.dot(W, compiled(f)(x)))(X),
    "jvp": lambda f, batch, compiled: jvp(f, (X,), (V,))[1],
    "jit jvp": lambda f, batch, compiled: compiled(lambda x: jvp(f, (x,), (V,))[1])(X),
    "vmap": lambda f, batch, compiled: batch(f)(ROWS),
    "jit vmap": lambda f, batch, compiled: compiled(batch(f))(ROWS),
    "vmap jit": lambda f, batch, compiled: batch(compiled(f))(ROWS),
    "vmap grad": lambda f, batch, compiled: batch(grad(lambda x: np.dot(W, f(x))))(ROWS),
    "jit vmap grad": lambda f, batch, compiled: compiled(batch(grad(lambda x: np.dot(W, f(x)))))(ROWS),
    "grad vmap": lambda f, batch, compiled: grad(lambda rows: np.sum(batch(f)(rows) * V))(ROWS),
    "vmap jvp": lambda f, batch, compiled: batch(lambda x: jvp(f, (x,), (V,))[1])(ROWS),
    "jvp grad": lambda f, batch, compiled: jvp(grad(lambda x: np.dot(W, f(x))), (X,), (V,))[1],
    "grad grad": lambda f, batch, compiled: grad(lambda x: np.dot(V, grad(lambda x: np.dot(W, f(x)))(x)))(X),
    "grad jvp": lambda f, batch, compiled: grad(lambda x: np.dot(W, jvp(f, (x,), (V,))[1]))(X),
    "vmap grad grad": lambda f, batch, compiled: batch(grad(lambda x: np.dot(V, grad(lambda x: np.dot(W, f(x)))(x))))(
        ROWS
    ),
    "jit grad grad": lambda f, batch, compiled: compiled(grad(lambda x: np.dot(V, grad(lambda x: np.dot(W, f(x)))(x))))(
        X
    ),
}


def loop(f: Callable) -> Callable:
    return lambda rows: np.stack([f(rows[i]) for i in range(len(rows))])


def same(f: Callable) -> Callable:
    return f


@pytest.mark.parametrize("nesting", NESTINGS)
@pytest.mark.parametrize("case", CASES)
def test_control_flow_agrees_with_a_python_loop_under(case, nesting):
    function, in_python = CASES[case]
    got = NESTINGS[nesting](function, vmap, jit)
    expected = NESTINGS[nesting](in_python, loop, same)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", CASES)
def test_the_jaxpr_of_a_derivative_of_control_flow_is_well_formed(case):
    function, _ = CASES[case]
    gradient = grad(lambda x: np.dot(W, function(x)))
    functrace.check_jaxpr(functrace.make_jaxpr(function)(X))
    functrace.check_jaxpr(functrace.make_jaxpr(gradient)(X))
    functrace.check_jaxpr(functrace.make_jaxpr(vmap(gradient))(ROWS))
    functrace.check_jaxpr(functrace.make_jaxpr(lambda x: jvp(gradient, (x,), (V,)))(X))


# ---------------------------------------------------------------------------------------------------------------------
# what a step keeps
# ---------------------------------------------------------------------------------------------------------------------


def test_a_weak_carry_takes_the_dtype_that_a_step_gives_it():
    carry, _ = lax.scan(lambda c, x: (c + x, None), 0, np.arange(3.0))
    assert carry == 3.0 and carry.dtype == np.float64
    single, _ = lax.scan(lambda c, x: (c * x, None), 1.0, np.ones(3, np.float32))
    assert single.dtype == np.float32
    assert lax.fori_loop(0, 3, lambda i, c: c + np.float32(1.5), 0).dtype == np.float32
    assert lax.while_loop(lambda v: v < 3, lambda v: v + 1, 0).dtype == np.int64


def test_a_carry_of_single_precision_stays_one_with_its_gradient():
    gradient = grad(lambda x: lax.fori_loop(0, 3, lambda i, v: v * x, x))(np.float32(2.0))
    assert gradient.dtype == np.float32
    assert gradient == 32.0


def test_a_carry_that_grows_is_an_error_that_shows_both_sides_leaf_by_leaf():
    with pytest.raises(ShapeError) as error:
        lax.scan(lambda c, x: ({"a": c["a"], "b": np.concatenate([c["b"], c["b"]])}, x), {"a": 1.0, "b": X}, X)
    message = str(error.value)
    assert "['b']" in message and "f64[3]" in message and "f64[6]" in message
    assert "['a']" not in message
    assert "test_control_flow.py" in message


def test_a_carry_that_changes_its_dtype_is_an_error_that_shows_both():
    with pytest.raises(DtypeError, match=r"(?s)f32\[3\].*f64\[3\].*test_control_flow"):
        lax.while_loop(lambda v: v[0] < 1, lambda v: v + np.ones(3), np.zeros(3, np.float32))
    with pytest.raises(DtypeError, match=r"(?s)i64\[3\].*f64\[3\].*test_control_flow"):
        lax.fori_loop(0, 3, lambda i, v: v * 0.5, np.arange(3))


def test_a_step_s_number_promotes_as_an_int64_and_the_error_says_what_to_write():
    x = np.ones(3, np.float32)
    with pytest.raises(DtypeError, match=r"i\.astype\(x\.dtype\)"):
        lax.fori_loop(0, 3, lambda i, v: v * i, x)
    out = lax.fori_loop(1, 4, lambda i, v: v * i.astype(v.dtype), x)
    assert out.dtype == np.float32 and out.tolist() == [6.0, 6.0, 6.0]
    config = functrace.config
    config.disable_jit = True
    try:
        assert lax.fori_loop(1, 4, lambda i, v: v * i, x).dtype == (x * np.int64(1)).dtype
    finally:
        config.disable_jit = False


def test_a_carry_that_changes_its_structure_is_an_error_that_shows_both():
    with pytest.raises(StructureError, match="before") as error:
        lax.while_loop(lambda v: v[0] < 3, lambda v: {"x": v[0]}, (X[0], X[1]))
    assert "after" in str(error.value) and "'x'" in str(error.value)


def test_branches_that_disagree_are_an_error_that_shows_both():
    with pytest.raises(DtypeError, match=r"(?s)result\['a'\].*i64\[3\].*f64\[3\].*test_control_flow"):
        lax.cond(True, lambda x: {"a": x, "b": x}, lambda x: {"a": np.arange(3), "b": x}, X)
    with pytest.raises(ShapeError, match=r"(?s)branch 2.*f64\[2\]"):
        lax.switch(0, [lambda x: x, lambda x: 2 * x, lambda x: x[:2]], X)
    with pytest.raises(StructureError, match="true_fun"):
        lax.cond(True, lambda x: (x,), lambda x: x, X)


def test_a_step_that_returns_no_pair_is_an_error():
    with pytest.raises(ArgumentError, match="pair"):
        lax.scan(lambda c, x: c + x, 0.0, X)


def test_numbers_of_steps_that_differ_are_listed():
    with pytest.raises(ShapeError, match=r"(?s)\['a'\]: 3.*\['b'\]: 2.*length: 4"):
        lax.scan(lambda c, x: (c, None), 0.0, {"a": np.zeros(3), "b": np.zeros((2, 2))}, length=4)
    with pytest.raises(ArgumentError, match="number of steps"):
        lax.scan(lambda c, x: (c, None), 0.0)


def test_a_traced_length_is_refused_with_what_to_write_instead():
    with pytest.raises(ArgumentError, match="fori_loop"):
        jit(lambda n: lax.scan(lambda c, x: (c, None), 0.0, None, length=n))(3)


def test_a_condition_that_is_no_boolean_scalar_is_an_error():
    for condition in (lambda v: v, lambda v: (v > 0)[None], lambda v: (v > 0, v)):
        with pytest.raises(DtypeError, match="boolean scalar"):
            lax.while_loop(condition, lambda v: v, X[0])


def test_a_predicate_that_is_an_array_is_an_error():
    with pytest.raises(ShapeError, match="scalar pred"):
        lax.cond(X > 0, lambda: 1.0, lambda: 2.0)


def test_an_index_that_is_no_integer_is_an_error():
    with pytest.raises(DtypeError, match="integer index"):
        lax.switch(1.5, [lambda: 1.0])


def test_python_control_flow_on_a_carry_is_an_error_that_names_the_line():
    def body(i, value):
        if value > 0:
            return value
        return -value

    with pytest.raises(ConcretizationTypeError, match="if value > 0"):
        lax.fori_loop(0, 3, body, 1.0)


def test_a_value_that_leaves_a_body_by_the_side_is_an_error_where_it_is_used():
    kept = []

    def step(carry, x):
        kept.append(x * 2)
        return carry + x, None

    lax.scan(step, 0.0, X)
    with pytest.raises(UnexpectedTracerError, match="outlived"):
        kept[0] + 1.0


# ---------------------------------------------------------------------------------------------------------------------
# scan, while_loop, fori_loop
# ---------------------------------------------------------------------------------------------------------------------


def test_scan_of_no_steps_gives_the_first_carry_and_empty_results():
    carry, ys = lax.scan(lambda c, x: (c + x, (c * x, x > 0)), np.float32(2.0), np.zeros(0, np.float32))
    assert carry == 2.0
    assert ys[0].shape == (0,) and ys[0].dtype == np.float32
    assert ys[1].dtype == np.bool_


def test_what_scan_gives_is_the_callers():
    x = X.copy()
    carry, ys = lax.scan(lambda c, e: (c, c), x, None, length=0)
    carry[0] = 99.0
    assert x[0] == X[0]
    carry, ys = lax.scan(lambda c, e: (c, c), x, None, length=2)
    ys[0, 0] = 99.0
    assert carry[0] == X[0] and x[0] == X[0]
    looped = lax.while_loop(lambda v: v[0] > 100, lambda v: v, x)
    assert not np.shares_memory(looped, x)
    chosen = lax.cond(True, lambda v: v, lambda v: v + 1, x)
    assert not np.shares_memory(chosen, x)
    one, two = lax.cond(True, lambda v: (v, v), lambda v: (v, v), x)
    assert not np.shares_memory(one, two)


def test_vmap_of_grad_of_while_takes_each_example_as_far_as_it_goes():
    # x ** (2 ** k) with k the number of squarings up to 100
    f = lambda x: lax.while_loop(lambda v: v < 100.0, lambda v: v * v, x)  # noqa: E731
    x = np.array([1.5, 3.0, 12.0, 200.0])
    power = np.array([16, 8, 2, 1])
    np.testing.assert_allclose(vmap(f)(x), x**power)
    np.testing.assert_allclose(vmap(grad(f))(x), power * x ** (power - 1))
    np.testing.assert_allclose(vmap(grad(grad(f)))(x), power * (power - 1) * x ** (power - 2.0))
    np.testing.assert_allclose(jit(vmap(jit(grad(f))))(x), power * x ** (power - 1))
    np.testing.assert_allclose(grad(lambda x: np.sum(vmap(f)(x)))(x), power * x ** (power - 1))


def test_third_derivatives_go_through_a_while_loop():
    f = lambda x: lax.while_loop(lambda v: v[0] < 3, lambda v: (v[0] + 1, v[1] * x), (0, x))[1]  # noqa: E731
    assert float(grad(grad(grad(f)))(2.0)) == pytest.approx(24 * 2.0)
    assert float(jit(grad(jit(grad(jit(grad(f))))))(2.0)) == pytest.approx(48.0)


def test_a_while_loop_of_a_thousand_steps_keeps_its_stack_right():
    n = 1000
    f = lambda x: lax.while_loop(lambda v: v[0] < n, lambda v: (v[0] + 1, np.sin(v[1])), (0, x))[1]  # noqa: E731
    values, expected = [0.7], 1.0
    for _ in range(n):
        expected *= np.cos(values[-1])
        values.append(np.sin(values[-1]))
    assert float(grad(f)(0.7)) == pytest.approx(expected, rel=1e-10)


def test_fori_loop_takes_traced_bounds_under_jit_and_vmap():
    f = jit(lambda lower, upper, x: lax.fori_loop(lower, upper, lambda i, v: v * x + i, x))

    def expected(lower, upper, x):
        value = x
        for i in range(lower, upper):
            value = value * x + i
        return value

    for bounds in ((0, 4), (2, 5), (3, 3), (4, 1), (-2, 1)):
        assert float(f(*bounds, 1.5)) == expected(*bounds, 1.5)
    lower, upper, x = np.array([0, 2, 4, -1]), np.array([4, 2, 1, 6]), np.array([1.5, 0.5, -1.0, 0.3])
    one_by_one = [expected(*example) for example in zip(lower, upper, x, strict=True)]
    np.testing.assert_allclose(vmap(f)(lower, upper, x), one_by_one)
    slopes = [float(grad(expected, argnums=2)(int(a), int(b), c)) for a, b, c in zip(lower, upper, x, strict=True)]
    np.testing.assert_allclose(vmap(grad(f, argnums=2))(lower, upper, x), slopes)


def test_a_body_may_use_the_number_of_its_step_as_an_index():
    out = lax.fori_loop(0, 3, lambda i, v: v.at[i].set(v[i] * i), X)
    np.testing.assert_array_equal(out, X * np.arange(3))


def test_a_closed_over_value_is_differentiated_at_every_level():
    def f(x, y):
        def outer(c, e):
            def inner(d, u):
                return d * y + e * x, None

            return lax.scan(inner, c, None, length=2)[0], c

        return lax.scan(outer, x, X)[0]

    def in_python(x, y):
        c = x
        for e in X:
            for _ in range(2):
                c = c * y + e * x
        return c

    for argnums in (0, 1):
        assert float(grad(f, argnums)(0.6, 0.9)) == pytest.approx(float(grad(in_python, argnums)(0.6, 0.9)))
        assert float(jit(grad(f, argnums))(0.6, 0.9)) == pytest.approx(float(grad(in_python, argnums)(0.6, 0.9)))


def test_an_array_captured_by_a_body_is_a_constant_as_of_tracing():
    captured = np.ones(3)
    f = jit(lambda x: lax.scan(lambda c, e: (c + captured * e, None), x, x)[0])
    before = f(X)
    captured[:] = 5.0
    np.testing.assert_array_equal(f(X), before)


def test_integers_in_a_carry_have_no_derivative_and_hinder_none():
    value, pullback = vjp(lambda x: lax.scan(lambda c, e: ((c[0] + 1, c[1] * e), c[0]), (0, x[0]), x), X)
    (count, product), numbers = value
    assert count == 3 and list(numbers) == [0, 1, 2]
    (gradient,) = pullback(((np.zeros((), functrace.float0), 1.0), np.zeros(3, functrace.float0)))
    np.testing.assert_allclose(gradient, [2 * product / X[0], product / X[1], product / X[2]])


def test_progress_shows_a_bar_and_changes_nothing(capsys):
    pytest.importorskip("tqdm")
    expected = lax.scan(lambda c, x: (c + x, c), 0.0, X)
    for run in (lambda f: f, jit):
        got = run(lambda x: lax.scan(lambda c, e: (c + e, c), 0.0, x, progress=True))(X)
        np.testing.assert_array_equal(got[1], expected[1])
        assert "3/3" in capsys.readouterr().err
    run = jit(lambda n: lax.fori_loop(0, n, lambda i, v: v + i, 0, progress=True))
    assert run(4) == 6
    assert "4/4" in capsys.readouterr().err


def test_disable_jit_runs_bodies_as_plain_python():
    seen = []

    def step(carry, x):
        seen.append(float(x))
        return carry + x, carry

    with functrace.config.override(disable_jit=True):
        carry, ys = lax.scan(step, 0.0, X)
        np.testing.assert_allclose(lax.while_loop(lambda v: v < 3, lambda v: v + 1, 0.5), 3.5)
        np.testing.assert_allclose(lax.cond(X[0] > 0, lambda x: x, lambda x: -x, X), X)
    assert seen == list(X)
    np.testing.assert_allclose(carry, np.sum(X))
    np.testing.assert_allclose(ys, [0.0, X[0], X[0] + X[1]])


def test_switch_takes_the_first_below_and_the_last_above():
    branches = [lambda: 10.0, lambda: 20.0, lambda: 30.0]
    for run in (lambda f: f, jit):
        got = [float(run(lambda i: lax.switch(i, branches))(i)) for i in (-5, 0, 1, 2, 7)]
        assert got == [10.0, 10.0, 20.0, 30.0, 30.0]
    np.testing.assert_array_equal(
        vmap(lambda i: lax.switch(i, branches))(np.array([-5, 1, 7])), np.array([10.0, 20.0, 30.0])
    )


def test_only_the_branch_chosen_runs():
    def f(x):
        return lax.cond(x > 0, lambda: np.sqrt(x), lambda: x * 0)

    with np.errstate(all="raise"):
        assert float(jit(f)(-4.0)) == 0.0
    for run in (f, jit(f), lambda x: jit(lambda y: f(y))(x)):
        with np.errstate(all="raise"):
            assert float(grad(run)(-4.0)) == 0.0
            assert float(grad(run)(0.0)) == 0.0
            assert float(jvp(run, (0.0,), (1.0,))[1]) == 0.0
            assert float(grad(run)(4.0)) == 0.25


def test_a_loop_in_a_branch_runs_there_alone():
    def f(x):
        return lax.cond(x > 0, lambda: lax.fori_loop(0, 2, lambda i, v: v * np.sqrt(x), 1.0), lambda: 0.0)

    with np.errstate(all="raise"):
        assert float(jit(f)(-1.0)) == 0.0
        for run in (f, jit(f)):
            assert float(grad(run)(0.0)) == 0.0
            assert float(grad(run)(9.0)) == pytest.approx(1.0)


def test_cond_takes_one_operand_by_name():
    assert float(lax.cond(False, lambda x: x, lambda x: -x, operand=2.0)) == -2.0
    with pytest.raises(ArgumentError, match="not both"):
        lax.cond(False, lambda x: x, lambda x: -x, 1.0, operand=2.0)


# ---------------------------------------------------------------------------------------------------------------------
# map, associative_scan
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 1, 2, 3, 5, 7, 10])
def test_map_gives_the_same_whatever_the_batch_size(batch_size):
    xs = {"a": np.arange(14.0).reshape(7, 2), "b": np.arange(7)}
    f = lambda x: (np.sum(x["a"]) * x["b"], {"twice": 2 * x["a"]})  # noqa: E731
    one, rest = lax.map(f, xs, batch_size=batch_size)
    np.testing.assert_array_equal(one, xs["a"].sum(1) * xs["b"])
    np.testing.assert_array_equal(rest["twice"], 2 * xs["a"])


def test_map_over_nothing_gives_nothing():
    assert lax.map(np.sin, np.zeros((0, 2))).shape == (0, 2)
    assert lax.map(np.sin, np.zeros((0, 2)), batch_size=2).shape == (0, 2)


def test_map_refuses_a_batch_size_that_is_none():
    with pytest.raises(OptionError, match="batch_size"):
        lax.map(np.sin, X, batch_size=0)


def affine(one: tuple, other: tuple) -> tuple:
    """x → other(one(x)), of maps x → a x + b: it does not commute."""
    return one[0] * other[0], one[1] * other[0] + other[1]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 16])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_associative_scan_is_the_loop_for_what_does_not_commute(size, reverse, axis):
    rng = np.random.default_rng(size)
    shape = (size, 2) if axis == 0 else (2, size)
    elements = rng.normal(size=shape), rng.normal(size=shape)
    rows = [np.moveaxis(e, axis, 0) for e in elements]
    order = range(size - 1, -1, -1) if reverse else range(size)
    state: Any = None
    expected: Any = [np.zeros_like(row) for row in rows]
    for i in order:
        element = rows[0][i], rows[1][i]
        state = element if state is None else affine(state, element)
        expected[0][i], expected[1][i] = state
    for run in (lambda f: f, jit):
        got = run(lambda e: lax.associative_scan(affine, e, reverse=reverse, axis=axis))(elements)
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(np.moveaxis(one, axis, 0), other, rtol=1e-10, atol=1e-12)


def test_associative_scan_takes_booleans_integers_and_matrices():
    flags = np.array([False, True, False, False, True])
    np.testing.assert_array_equal(lax.associative_scan(np.logical_or, flags), np.logical_or.accumulate(flags))
    numbers = np.array([3, 1, 4, 1, 5, 9])
    np.testing.assert_array_equal(lax.associative_scan(np.maximum, numbers), np.maximum.accumulate(numbers))
    matrices = np.random.default_rng(0).normal(size=(5, 2, 2))
    products = [matrices[0]]
    for matrix in matrices[1:]:
        products.append(products[-1] @ matrix)
    np.testing.assert_allclose(lax.associative_scan(np.matmul, matrices), np.stack(products))


def test_associative_scan_names_what_does_not_fit():
    with pytest.raises(ShapeError, match="differ"):
        lax.associative_scan(affine, (np.zeros(3), np.zeros(4)))
    with pytest.raises(np.exceptions.AxisError):
        lax.associative_scan(np.add, 1.0)
    with pytest.raises(np.exceptions.AxisError):
        lax.associative_scan(np.add, X, axis=3)


# ---------------------------------------------------------------------------------------------------------------------
# examples for which a step or a branch does not count
# ---------------------------------------------------------------------------------------------------------------------


def root_less_one(x, scale):
    return lax.while_loop(lambda v: v > 0.0, lambda v: np.maximum(scale * np.sqrt(v) - 1.0, 0.0), x)


def root_or_zero(x, scale):
    return lax.cond(x > 0, lambda x: scale * np.sqrt(x), lambda x: 0 * x, x)


def root_of_three(x, scale):
    number = np.sign(x).astype(int) + 1
    return lax.switch(number, [lambda x: x * scale, lambda x: scale * x * x, lambda x: scale * np.log(x)], x)


@pytest.mark.parametrize("function", [root_less_one, root_or_zero, root_of_three])
@pytest.mark.parametrize("points", [[4.0, 9.0, 0.0, 2.0], [0.0, 0.0]])
def test_the_gradient_of_a_batch_ignores_the_singular_slopes_of_examples_that_have_stopped_or_branched_off(
    function, points
):
    xs, scale = np.array(points), np.float64(1.25)
    together = lambda xs, scale: functrace.vmap(function, (0, None))(xs, scale).sum()  # noqa: E731
    singly = [grad(function, (0, 1))(x, scale) for x in xs]
    expected = np.array([by_x for by_x, _ in singly]), np.sum([by_scale for _, by_scale in singly])
    for run in (lambda f: f, functrace.jit):
        for got, value in zip(run(grad(together, (0, 1)))(xs, scale), expected, strict=True):
            np.testing.assert_allclose(got, value, rtol=1e-12)
    curvature = [functrace.grad(functrace.grad(function))(x, scale) for x in xs]
    for hessian in (functrace.hessian, lambda f: functrace.jacrev(functrace.jacfwd(f))):
        np.testing.assert_allclose(hessian(together)(xs, scale), np.diag(curvature), rtol=1e-12)
    grid = np.stack([xs, xs[::-1]])
    nested = grad(lambda grid: functrace.vmap(functrace.vmap(function, (0, None)), (0, None))(grid, scale).sum())
    np.testing.assert_allclose(nested(grid), np.stack([expected[0], expected[0][::-1]]), rtol=1e-12)


@pytest.mark.parametrize("function", [root_less_one, root_or_zero, root_of_three])
def test_a_batch_of_no_examples_has_a_gradient_of_none(function):
    gradient = grad(lambda xs: functrace.vmap(lambda x: function(x, 1.0))(xs).sum())
    for run in (gradient, functrace.jit(gradient)):
        assert run(np.zeros(0)).shape == (0,)


def test_what_examples_tell_each_other_is_the_same_under_grad():
    def with_the_others(x):
        return lax.cond(x > 0, lambda x: x * lax.psum(x * x, "i"), lambda x: x, x)

    def until_one(x):
        return lax.while_loop(lambda v: v > 1, lambda v: v / 2 + 0.01 * lax.psum(v, "i"), x)

    xs = np.array([1.5, -2.0, 3.0])
    for function in (with_the_others, until_one):
        together = lambda xs, function=function: functrace.vmap(function, axis_name="i")(xs).sum()  # noqa: E731
        value, _ = functrace.value_and_grad(together)(xs)
        assert value == together(xs) == functrace.jit(together)(xs)
    # the first and the third take the branch: x (x² + 4 + 9) and what each gives to the other
    total = (xs**2).sum()
    expected = np.array([total + 2 * xs[0] * 4.5, 1 + 2 * xs[1] * 4.5, total + 2 * xs[2] * 4.5])
    gradient = grad(lambda xs: functrace.vmap(with_the_others, axis_name="i")(xs).sum())
    np.testing.assert_allclose(gradient(xs), expected, rtol=1e-14)
