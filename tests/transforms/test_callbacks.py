"""Python called from inside traced code."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import debug, lax
from functrace.errors import ArgumentError, DifferentiationError, DtypeError, OptionError, ShapeError, StructureError
from functrace.transforms.callbacks import io_callback, pure_callback
from functrace.transforms.checkpoint import checkpoint

X = np.array([1.0, 2.0, 4.0])
F64 = functrace.ShapeDtypeStruct((), np.float64)


def gamma(x, method="sequential"):
    return pure_callback(lambda x: np.float64(math.gamma(x)), F64, x, vmap_method=method)


# -- pure_callback ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_a_pure_callback_gives_what_the_function_gives(compile):
    assert compile(gamma)(5.0) == 24.0
    assert compile(lambda x: gamma(x) + 1)(np.float64(4.0)) == 7.0


def test_a_pure_callback_takes_and_gives_pytrees():
    def host(tree, *, scale):
        return {"sum": tree["a"].sum() * scale, "all": (tree["a"] * 2, np.int64(3))}

    shapes = {"sum": F64, "all": (functrace.ShapeDtypeStruct((3,), float), functrace.ShapeDtypeStruct((), int))}
    out = functrace.jit(lambda x, s: pure_callback(host, shapes, {"a": x}, scale=s))(X, 10.0)
    assert out["sum"] == 70.0 and out["all"][1] == 3
    np.testing.assert_array_equal(out["all"][0], 2 * X)


def test_a_pure_callback_without_arguments_runs_with_the_program():
    calls = []
    f = functrace.jit(lambda x: x + pure_callback(lambda: np.float64(len(calls) or calls.append(1) or 0), F64))
    assert (f(1.0), f(1.0)) == (1.0, 2.0)


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_sequential_calls_for_each_example(compile):
    expected = [1.0, 1.0, 6.0]
    np.testing.assert_array_equal(compile(functrace.vmap(gamma))(X), expected)
    nested = compile(functrace.vmap(functrace.vmap(gamma)))(np.stack([X, X]))
    np.testing.assert_array_equal(nested, [expected, expected])


@pytest.mark.parametrize(
    ("method", "shapes"),
    [
        ("expand_dims", [(3,), (1,)]),
        ("broadcast_all", [(3,), (3,)]),
        ("legacy_vectorized", [(3,), ()]),
        ("sequential", [(), ()] * 3),
    ],
)
def test_the_method_says_what_the_function_gets_under_vmap(method, shapes):
    seen = []

    def host(x, y):
        seen.extend([np.shape(x), np.shape(y)])
        return np.asarray(x * y)

    f = functrace.vmap(lambda x, y: pure_callback(host, F64, x, y, vmap_method=method), in_axes=(0, None))
    np.testing.assert_array_equal(f(X, 2.0), 2 * X)
    assert seen == shapes


def test_a_batch_of_a_later_axis_comes_first():
    f = functrace.vmap(lambda x: pure_callback(lambda x: x.sum(-1), F64, x, vmap_method="broadcast_all"), in_axes=1)
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(f(x), x.sum(0))


def test_an_empty_batch_calls_nothing():
    assert functrace.vmap(gamma)(np.zeros(0)).shape == (0,)


def test_vmap_without_a_method_says_what_to_write():
    with pytest.raises(ArgumentError, match=r"vmap_method=\"sequential\""):
        functrace.vmap(lambda x: gamma(x, None))(X)


@pytest.mark.parametrize(
    "derivative",
    [
        lambda: functrace.grad(gamma)(2.0),
        lambda: functrace.jvp(gamma, (2.0,), (1.0,)),
        lambda: functrace.jit(functrace.grad(gamma))(2.0),
        lambda: functrace.grad(functrace.jit(gamma))(2.0),
    ],
    ids=["grad", "jvp", "jit-grad", "grad-jit"],
)
def test_the_derivative_of_a_pure_callback_is_an_error_that_names_custom_jvp(derivative):
    with pytest.raises(DifferentiationError, match="custom_jvp"):
        derivative()


def test_custom_jvp_gives_a_pure_callback_its_derivative():
    @functrace.custom_jvp
    def sine(x):
        return pure_callback(lambda x: np.sin(x), F64, x, vmap_method="sequential")

    sine.defjvp(lambda primals, tangents: (sine(*primals), fnp.cos(primals[0]) * tangents[0]))
    for g in (functrace.grad(sine), functrace.jit(functrace.grad(sine)), functrace.grad(functrace.jit(sine))):
        assert g(0.5) == np.cos(0.5)
    np.testing.assert_allclose(functrace.jit(functrace.vmap(functrace.grad(sine)))(X), np.cos(X))


def test_stop_gradient_lets_a_pure_callback_stand_in_a_differentiated_function():
    assert functrace.grad(lambda x: x * gamma(lax.stop_gradient(x)))(4.0) == 6.0


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (np.zeros(2), ShapeError, r"shape \(\), got \(2,\)"),
        (np.float32(1), DtypeError, "float64, got float32"),
        ((np.float64(1),), StructureError, "structure"),
    ],
)
def test_a_callback_that_gives_something_else_than_it_said_is_an_error(result, error, words):
    with pytest.raises(error, match=words):
        functrace.jit(lambda x: pure_callback(lambda x: result, F64, x))(1.0)


def test_wrong_descriptions_are_errors():
    with pytest.raises(ArgumentError, match="ShapeDtypeStruct"):
        pure_callback(lambda: 1.0, 3.0)
    with pytest.raises(OptionError, match="vmap_method"):
        pure_callback(lambda: 1.0, F64, vmap_method="parallel")


def test_an_array_that_a_callback_keeps_does_not_change_later():
    kept = []

    @functrace.jit
    def f(x):
        y = x + 1
        debug.callback(kept.append, y)
        z = y * 2
        return z * z

    f(np.zeros(3))
    np.testing.assert_array_equal(kept[0], np.ones(3))


def test_a_callback_may_change_what_it_gets():
    x = X.copy()

    def host(x):
        x += 1
        return x

    shape = functrace.ShapeDtypeStruct((3,), float)
    np.testing.assert_array_equal(functrace.jit(lambda x: pure_callback(host, shape, x) - x)(x), np.ones(3))
    np.testing.assert_array_equal(x, X)


# -- io_callback ------------------------------------------------------------------------------------------------------


def test_an_io_callback_runs_each_time_the_program_gets_there():
    seen = []
    f = functrace.jit(lambda x: (io_callback(lambda x: seen.append(float(x)), None, x), 2 * x)[1])
    assert [float(f(x)) for x in X] == [2.0, 4.0, 8.0]
    assert seen == list(X)


def test_equal_io_callbacks_are_not_merged_and_their_order_holds():
    numbers = iter(range(100))

    def draw():
        return io_callback(lambda: next(numbers), functrace.ShapeDtypeStruct((), int), ordered=True)

    @functrace.jit
    def f():
        a, b, c = draw(), draw(), draw()
        return a, c, b

    assert [int(x) for x in f()] == [0, 2, 1]
    assert [int(x) for x in f()] == [3, 5, 4]


def test_io_callbacks_under_vmap_come_example_by_example():
    seen = []

    def f(x):
        return io_callback(lambda x: seen.append(float(x)) or np.float64(len(seen)), F64, x, ordered=True)

    np.testing.assert_array_equal(functrace.jit(functrace.vmap(f))(X), [1.0, 2.0, 3.0])
    assert seen == list(X)


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_io_callbacks_inside_loops_run_in_each_step(compile):
    seen = []

    def body(c, x):
        io_callback(lambda x: seen.append(float(x)), None, x)
        return c + x, None

    assert compile(lambda x: lax.scan(body, 0.0, x)[0])(X) == 7.0
    assert seen == list(X)
    seen.clear()
    compile(lambda x: (lax.fori_loop(0, 2, lambda i, c: body(c, x)[0], 0.0), x)[1])(5.0)
    assert seen == [5.0, 5.0]


def test_only_the_branch_that_is_taken_calls():
    seen = []

    def branch(name):
        return lambda x: (io_callback(lambda: seen.append(name), None), x)[1]

    f = functrace.jit(lambda p, x: lax.cond(p, branch("yes"), branch("no"), x))
    f(True, 1.0)
    f(False, 1.0)
    assert seen == ["yes", "no"]


def test_checkpoint_does_not_run_an_io_callback_again():
    seen = []

    def f(x):
        n = io_callback(lambda: seen.append(1) or np.int64(len(seen)), functrace.ShapeDtypeStruct((), int))
        return fnp.sin(x) * n

    assert functrace.grad(checkpoint(f))(0.0) == 1.0
    assert functrace.jit(functrace.grad(checkpoint(f)))(0.0) == 2.0
    assert len(seen) == 2


def test_a_float_result_of_an_io_callback_has_no_derivative():
    with pytest.raises(DifferentiationError, match="io_callback"):
        functrace.grad(lambda x: io_callback(lambda x: x, F64, x))(1.0)


# -- debug ------------------------------------------------------------------------------------------------------------


def printing(x):
    debug.print("x={x} sin={:.3f}", fnp.sin(x), x=x)
    return fnp.sin(x) * x


LINE = "x=0.5 sin=0.479\n"


@pytest.mark.parametrize(
    "transformed",
    [
        lambda f: f,
        functrace.jit,
        functrace.grad,
        lambda f: functrace.jit(functrace.grad(f)),
        lambda f: functrace.grad(functrace.jit(f)),
        lambda f: functrace.grad(functrace.grad(f)),
        lambda f: functrace.jit(functrace.grad(functrace.grad(functrace.jit(f)))),
        lambda f: lambda x: functrace.jvp(f, (x,), (1.0,)),
        lambda f: functrace.jit(lambda x: functrace.jvp(functrace.jit(f), (x,), (1.0,))),
        lambda f: lambda x: functrace.vmap(functrace.grad(f))(np.array([x])),
        lambda f: functrace.grad(checkpoint(f)),
        lambda f: functrace.jit(functrace.grad(checkpoint(f))),
        lambda f: lambda x: functrace.linearize(f, x)[1](1.0),
        lambda f: lambda x: functrace.vjp(f, x)[1](1.0),
    ],
    ids=[
        "eager",
        "jit",
        "grad",
        "jit-grad",
        "grad-jit",
        "grad-grad",
        "jit-grad-grad-jit",
        "jvp",
        "jit-jvp-jit",
        "vmap-grad",
        "grad-checkpoint",
        "jit-grad-checkpoint",
        "linearize",
        "vjp",
    ],
)
def test_debug_print_prints_the_primal_once_under(transformed, capsys):
    transformed(printing)(0.5)
    assert capsys.readouterr().out == LINE


def test_debug_print_prints_at_every_call_of_a_compiled_function(capsys):
    f = functrace.jit(printing)
    f(0.5)
    f(0.5)
    assert capsys.readouterr().out == LINE * 2


def test_debug_print_prints_each_example_under_vmap(capsys):
    f = functrace.vmap(lambda x, y: debug.print("{} {}", x, y), in_axes=(0, None))
    f(X, 7)
    functrace.jit(f)(X, 7)
    assert capsys.readouterr().out == "1.0 7\n2.0 7\n4.0 7\n" * 2


def test_debug_print_keeps_its_order_under_jit(capsys):
    @functrace.jit
    def f(x):
        debug.print("first {}", x)
        y = x + 1
        debug.print("second {}", y)
        debug.print("third")
        return x

    f(1.0)
    assert capsys.readouterr().out == "first 1.0\nsecond 2.0\nthird\n"


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_debug_print_in_loops_prints_once_in_each_step_of_the_way_forward(compile, capsys):
    scale = np.float64(3.0)

    def body(c, x):
        debug.print("{}", x)
        debug.print("scale {}", fnp.sin(scale))  # depends on nothing that changes
        return fnp.sin(c * x), None

    compile(functrace.grad(lambda c: lax.scan(body, c, X)[0]))(1.0)
    line = f"scale {np.sin(3.0)}\n"
    assert capsys.readouterr().out == f"1.0\n{line}2.0\n{line}4.0\n{line}"

    def loop(c):
        return lax.while_loop(lambda c: c < 3.0, lambda c: (debug.print("c {}", c), c + 1.0)[1], c)

    compile(functrace.grad(loop))(1.5)
    assert capsys.readouterr().out == "c 1.5\nc 2.5\n"


def test_a_loop_that_only_prints_is_not_dead_code(capsys):
    @functrace.jit
    def f(x):
        lax.fori_loop(0, 2, lambda i, c: (debug.print("{}", i), c)[1], 0.0)
        lax.cond(x > 0, lambda: debug.print("positive"), lambda: None)
        functrace.jit(lambda: debug.print("inner"))()
        return x

    f(1.0)
    assert capsys.readouterr().out == "0\n1\npositive\ninner\n"


def test_debug_print_formats_pytrees_strings_and_none(capsys):
    functrace.jit(lambda x: debug.print("{} {name} {}", {"a": x}, None, name="n"))(1)
    assert capsys.readouterr().out == "{'a': 1} n None\n"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: debug.print("{} {}", 1), "no value for 1"),
        (lambda: debug.print("{}", 1, 2), "no place for 1"),
        (lambda: debug.print("{x}", y=1), "no value for x; no place for y"),
        (lambda: debug.print(3.0), "format string"),
    ],
)
def test_a_format_that_does_not_fit_is_an_error_at_once(call, words):
    with pytest.raises(ArgumentError, match=words):
        call()


def test_debug_callback_gets_static_leaves_as_they_are():
    seen = []
    functrace.jit(lambda x: debug.callback(lambda *a, **k: seen.append((a, k)), x, "text", flag=None))(1.5)
    assert seen == [((1.5, "text"), {"flag": None})]


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_debug_breakpoint_stops_with_the_callers_variables(compile, monkeypatch):
    stops = []
    monkeypatch.setattr(sys, "breakpointhook", lambda: stops.append(dict(sys._getframe(1).f_locals)))

    @compile
    def f(x):
        y = x + 1
        debug.breakpoint()
        return y

    f(2.0)
    functrace.vmap(f)(np.array([5.0, 6.0]))
    assert [(float(stop["x"]), float(stop["y"])) for stop in stops] == [(2.0, 3.0), (5.0, 6.0), (6.0, 7.0)]
