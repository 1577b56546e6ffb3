"""Ways to find out what goes wrong."""

from __future__ import annotations

import inspect
import threading

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.errors import ArgumentError, ConcretizationTypeError, NonFiniteError, UnexpectedTracerError
from functrace.transforms.checkpoint import checkpoint
from functrace.transforms.debugging import (
    checking_leaks,
    debug_infs,
    debug_nans,
    disable_jit,
    ensure_compile_time_eval,
    named_call,
    named_scope,
)

# -- disable_jit ------------------------------------------------------------------------------------------------------


def test_without_jit_values_are_there():
    seen = []

    @functrace.jit
    def f(x):
        seen.append(type(x))
        return x + 1 if x > 0 else x

    with disable_jit():
        assert f(1.0) == 2.0
        assert f(-1.0) == -1.0
    assert seen == [float, float]
    with pytest.raises(ConcretizationTypeError):
        f(1.0)


def test_without_jit_loops_and_branches_run_as_python():
    seen = []

    def body(c, x):
        seen.append(float(x))
        return c + x, c

    with disable_jit():
        total, partial = lax.scan(body, 0.0, np.array([1.0, 2.0]))
        assert lax.while_loop(lambda x: x < 3, lambda x: (seen.append(x), x + 1)[1], 1) == 3
        assert lax.cond(True, lambda x: (seen.append("yes"), x)[1], lambda x: (seen.append("no"), x)[1], 5.0) == 5.0
    assert total == 3.0 and list(partial) == [0.0, 1.0]
    assert seen == [1.0, 2.0, 1, 2, "yes"]


def test_derivatives_without_jit_are_the_same():
    f = functrace.jit(lambda x: fnp.sum(fnp.sin(x)))
    x = np.array([1.0, 2.0])
    with disable_jit():
        np.testing.assert_allclose(functrace.grad(f)(x), np.cos(x))
    with disable_jit(), disable_jit(False):
        seen = []
        functrace.jit(lambda x: seen.append(x))(1.0)
        assert not isinstance(seen[0], float)


# -- debug_nans -------------------------------------------------------------------------------------------------------


def log_of(x):
    y = x * 2.0
    return fnp.sum(fnp.log(y))  # the log


def sqrt_of(x):
    y = fnp.sqrt(x)  # the root
    return fnp.sum(y * 0.0)


def loop_of(x):
    def body(c, x):
        c = c - 1.0
        return fnp.log(c), None  # the step

    return lax.scan(body, 5.0, x)[0]


def line_of(function, mark):
    source, start = inspect.getsourcelines(function)
    return start + next(number for number, line in enumerate(source) if mark in line)


FORWARD = {
    "eager": lambda f: f,
    "jit": functrace.jit,
    "grad": functrace.grad,
    "grad-jit": lambda f: functrace.grad(functrace.jit(f)),
    "vmap": lambda f: lambda x: functrace.vmap(f)(x[:, None]),
    "jvp": lambda f: lambda x: functrace.jvp(f, (x,), (x,)),
    "grad-checkpoint": lambda f: functrace.grad(checkpoint(f)),
    "jit-value_and_grad": lambda f: functrace.jit(functrace.value_and_grad(f)),
}


@pytest.mark.parametrize("transformed", FORWARD.values(), ids=FORWARD.keys())
def test_debug_nans_names_the_primitive_and_the_line(transformed):
    f = transformed(log_of)
    x = np.array([1.0, -1.0])
    f(x)  # no error while it is off
    with debug_nans(), pytest.raises(NonFiniteError, match="log gave NaN") as caught:
        f(x)
    assert isinstance(caught.value, FloatingPointError)
    assert caught.value.where.line == line_of(log_of, "# the log")
    with debug_nans():
        f(np.array([1.0, 2.0]))  # no error where there is no NaN
    f(x)


BACKWARD = {
    "grad": functrace.grad,
    "jit-grad": lambda f: functrace.jit(functrace.grad(f)),
    "grad-jit": lambda f: functrace.grad(functrace.jit(f)),
    "grad-checkpoint": lambda f: functrace.grad(checkpoint(f)),
    "grad-jit-checkpoint": lambda f: functrace.grad(functrace.jit(checkpoint(f))),
    "vmap-grad": lambda f: lambda x: functrace.vmap(functrace.grad(f))(x[:, None]),
}


@pytest.mark.parametrize("transformed", BACKWARD.values(), ids=BACKWARD.keys())
def test_debug_nans_on_the_way_back_names_the_line_of_the_way_there(transformed):
    f = transformed(sqrt_of)
    with debug_nans(), pytest.raises(NonFiniteError, match="NaN") as caught:
        f(np.array([0.0, 1.0]))
    assert caught.value.where.line == line_of(sqrt_of, "# the root")
    with debug_nans():
        f(np.array([1.0, 4.0]))


def test_debug_nans_on_the_way_forward_of_a_derivative_names_the_line():
    with debug_nans(), pytest.raises(NonFiniteError) as caught:
        functrace.jvp(sqrt_of, (np.array([0.0]),), (np.array([0.0]),))
    assert caught.value.where.line == line_of(sqrt_of, "# the root")


@pytest.mark.parametrize(
    "transformed",
    [lambda f: f, functrace.jit, functrace.grad, lambda f: functrace.jit(functrace.value_and_grad(f))],
    ids=["eager", "jit", "grad", "jit-value_and_grad"],
)
def test_debug_nans_finds_the_line_inside_a_loop(transformed):
    with debug_nans(), pytest.raises(NonFiniteError, match="log gave NaN, from -") as caught:
        transformed(loop_of)(np.arange(5.0))
    assert caught.value.where.line == line_of(loop_of, "# the step")


def test_debug_nans_in_operations_on_arrays_without_a_transform():
    with debug_nans():
        with pytest.raises(NonFiniteError, match=r"log gave NaN, from -1\.0"):
            fnp.log(-1.0)
        with pytest.raises(NonFiniteError, match="divide gave NaN"):
            fnp.divide(np.zeros(2), np.zeros(2))
        with pytest.raises(NonFiniteError, match="mean gave NaN"):
            fnp.mean(np.array([np.inf, -np.inf]))
        assert fnp.log(1.0) == 0.0


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_debug_infs_finds_infinities_and_debug_nans_does_not(compile):
    f = compile(lambda x: fnp.exp(x) * 2)
    with debug_nans():
        assert f(1000.0) == np.inf
    with debug_infs(), pytest.raises(NonFiniteError, match=r"exp gave an infinity, from 1000\.0"):
        f(1000.0)


def test_a_nan_that_does_not_reach_a_result_of_a_compiled_function_is_no_error():
    f = functrace.jit(lambda x: fnp.where(x > 0, fnp.log(x), 0.0))
    with debug_nans():
        assert f(-1.0) == 0.0


def test_integers_and_complex_numbers_are_looked_at_too():
    with debug_nans():
        assert functrace.jit(lambda n: n // 2)(5) == 2
        with pytest.raises(NonFiniteError):
            functrace.jit(lambda z: fnp.log(z) * (np.inf - np.inf))(1j)


def test_settings_hold_on_their_thread_alone_and_end():
    results = []
    with debug_nans():
        thread = threading.Thread(target=lambda: results.append(fnp.log(-1.0)))
        thread.start()
        thread.join()
    assert np.isnan(results[0])
    assert functrace.config.debugging == 0


def test_the_setting_of_the_process_serves_too():
    functrace.config.update("jax_debug_nans", True)
    try:
        with pytest.raises(NonFiniteError):
            functrace.jit(fnp.log)(-1.0)
        with debug_nans(False):
            assert np.isnan(functrace.jit(fnp.log)(-1.0))
    finally:
        functrace.config.debug_nans = False
    assert functrace.config.debugging == 0
    assert np.isnan(functrace.jit(fnp.log)(-1.0))


# -- ensure_compile_time_eval -----------------------------------------------------------------------------------------


def test_compile_time_evaluation_gives_values_inside_jit():
    @functrace.jit
    def f(x):
        with ensure_compile_time_eval():
            n = int(fnp.sum(fnp.arange(4)))
            assert type(fnp.zeros(n)) is np.ndarray
        return x * n

    assert f(2.0) == 12.0


# -- names ------------------------------------------------------------------------------------------------------------


def scopes(fun, *args):
    return [(equation.primitive.name, equation.location.scope) for equation in functrace.make_jaxpr(fun)(*args).eqns]


def test_scopes_nest_and_end():
    @named_scope("outer")
    def f(x):
        with named_scope("inner"):
            y = fnp.sin(x)
        return fnp.cos(y)

    def g(x):
        return fnp.exp(f(x))

    assert scopes(g, 1.0) == [("sin", "outer/inner"), ("cos", "outer"), ("exp", "")]


def test_the_way_back_is_in_the_scope_of_the_way_there():
    def f(x):
        with named_scope("layer"):
            return fnp.sin(x)

    assert ("cos", "layer") in scopes(functrace.grad(f), 1.0)


def test_named_call_takes_the_functions_name():
    def layer(x):
        return fnp.sin(x)

    assert scopes(named_call(layer), 1.0) == [("sin", "layer")]
    assert scopes(named_call(layer, name="first"), 1.0) == [("sin", "first")]
    assert named_call(layer)(0.0) == 0.0


def test_errors_and_compiled_source_name_the_scope():
    @named_call
    def layer(x):
        return fnp.log(x) if x > 0 else x

    with pytest.raises(ConcretizationTypeError, match="in the scope layer"):
        functrace.jit(layer)(1.0)
    text = functrace.jit(named_call(fnp.sin, name="wave")).lower(np.ones(3)).as_text()
    assert "[wave]" in text


def test_a_name_is_a_string_on_one_line():
    with pytest.raises(ArgumentError, match="named_scope"), named_scope("two\nlines"):
        pass


# -- leaks ------------------------------------------------------------------------------------------------------------

kept = []


def leaky(x):
    kept.append(fnp.sin(x))  # the leak
    return fnp.sum(x)


@pytest.mark.parametrize(
    "transformed",
    [
        functrace.jit,
        functrace.grad,
        functrace.vmap,
        lambda f: lambda x: functrace.jvp(f, (x,), (x,)),
        lambda f: functrace.jit(functrace.grad(f)),
        lambda f: lambda x: lax.scan(lambda c, y: (f(y), None), 0.0, x),
    ],
    ids=["jit", "grad", "vmap", "jvp", "jit-grad", "scan"],
)
def test_a_leaked_tracer_is_an_error_that_says_where_it_was_made(transformed):
    line = line_of(leaky, "# the leak")
    try:
        with pytest.raises(UnexpectedTracerError, match=f"test_debugging.py:{line} in leaky"), checking_leaks():
            transformed(leaky)(np.ones(2))
    finally:
        kept.clear()


def sine_with_rule():
    f = functrace.custom_jvp(fnp.sin)
    f.defjvp(lambda primals, tangents: (f(*primals), fnp.cos(*primals) * tangents[0]))
    return f


def square_with_rule():
    f = functrace.custom_vjp(lambda x: x * x)
    f.defvjp(lambda x: (x * x, x), lambda x, ct: (2 * x * ct,))
    return f


@pytest.mark.parametrize("make", [lambda: fnp.sin, sine_with_rule, square_with_rule, lambda: checkpoint(fnp.sin)])
def test_the_library_itself_leaks_nothing(make):
    f = make()
    compiled = [functrace.jit(f), functrace.jit(functrace.grad(f)), functrace.jit(functrace.vmap(functrace.grad(f)))]
    with checking_leaks():
        compiled[0](1.0), compiled[1](1.0), compiled[2](np.ones(2))
        functrace.grad(functrace.grad(f))(1.0)
        functrace.grad(lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=2)[0])(1.0)


def test_tracers_of_a_transform_that_still_runs_are_no_leaks():
    def f(x):
        with checking_leaks():
            y = fnp.sin(x)
        return 2 * y

    assert functrace.grad(f)(0.0) == 2.0
