"""`make_jaxpr` and `eval_shape`, and what forward mode holds on to."""

from __future__ import annotations

import weakref

import numpy as np

import functrace
import functrace.numpy as fnp
from functrace import ShapeDtypeStruct, eval_shape, jvp, make_jaxpr
from functrace.core.jaxpr import check_jaxpr, eval_jaxpr
from functrace.core.primitive import Primitive


def test_make_jaxpr_takes_pytrees_keywords_and_static_arguments():
    def function(n, params, *, scale):
        return {"out": params["w"] * n + scale, "n": n}

    closed, shape = make_jaxpr(function, static_argnums=0, return_shape=True)(3, {"w": np.ones(2)}, scale=2.0)
    check_jaxpr(closed)
    assert [str(aval) for aval in closed.in_avals] == ["f64[2]", "~f64[]"]
    assert shape == {"out": ShapeDtypeStruct((2,), float), "n": ShapeDtypeStruct((), int, weak_type=True)}
    got = eval_jaxpr(closed.jaxpr, closed.consts, np.array([1.0, 2.0]), 5.0)
    assert (got[0], got[1].tolist()) == (3, [8.0, 11.0])


def test_make_jaxpr_takes_shapes_in_place_of_arrays():
    by_shape = make_jaxpr(np.sin)(ShapeDtypeStruct((2,), np.float32))
    assert str(by_shape) == str(make_jaxpr(np.sin)(np.ones(2, np.float32)))
    assert str(by_shape) == "{ lambda ; a:f32[2]. let b:f32[2] = sin a in (b,) }"


def test_the_jaxpr_of_a_jitted_function_shows_the_call():
    closed = make_jaxpr(functrace.jit(np.sin))(1.0)
    assert [equation.primitive.name for equation in closed.eqns] == ["jit"]


def test_eval_shape_computes_nothing():
    huge = ShapeDtypeStruct((10**6, 10**6), "float32")
    assert eval_shape(lambda x: x @ x.T, huge) == huge
    assert eval_shape(lambda x: {"sum": x.sum(0), "pair": (x > 0, 2)}, huge) == {
        "sum": ShapeDtypeStruct((10**6,), "float32"),
        "pair": (ShapeDtypeStruct((10**6, 10**6), bool), ShapeDtypeStruct((), int, weak_type=True)),
    }
    gradient = eval_shape(functrace.grad(lambda x: fnp.sum(np.tanh(x) @ x)), huge)
    assert gradient == huge


def test_forward_mode_holds_no_tape():
    references, alive = [], []

    def implementation(x):
        alive.append(sum(reference() is not None for reference in references))
        out = x * 1.0
        references.append(weakref.ref(out))
        return out

    step = Primitive("step", implementation, lambda x: x)
    step.jvp = lambda primals, tangents, out: step(tangents[0])

    def function(x):
        for _ in range(50):
            x = step(x)
        return x

    jvp(function, (np.ones(3),), (np.ones(3),))
    assert len(references) == 100
    assert max(alive) <= 4


def test_a_linear_map_does_not_compute_the_value_again():
    calls = []

    def implementation(x):
        calls.append(x)
        return np.sin(x)

    counted = Primitive("counted", implementation, lambda x: x.strong())
    counted.jvp = lambda primals, tangents, out: tangents[0] * np.cos(primals[0])
    for function in (lambda x: counted(x) * 2.0, functrace.jit(lambda x: counted(x) * 2.0)):
        calls.clear()
        out, linear = functrace.linearize(function, 0.5)
        assert (out, linear(1.0), linear(2.0)) == (2 * np.sin(0.5), 2 * np.cos(0.5), 4 * np.cos(0.5))
        assert len(calls) == 1


def test_the_values_of_programs_are_known_while_a_function_is_linearized():
    square = functrace.jit(lambda x: x * x)

    def function(x):
        y = square(x)
        if y > 4.0:
            y = functrace.lax.fori_loop(0, 2, lambda i, y: y * x, y)
        return y if functrace.lax.cond(y > 0.0, lambda y: y, lambda y: -y, y) > 0 else -y

    for x, value, slope in ((3.0, 81.0, 108.0), (1.0, 1.0, 2.0)):
        out, linear = functrace.linearize(function, x)
        assert (float(out), float(linear(1.0))) == (value, slope)
