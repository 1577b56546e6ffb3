"""The errors of the transforms: each says what happened, where in the user's code, and what to write instead."""

from __future__ import annotations

import re

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import grad, jit, jvp, linearize, make_jaxpr, value_and_grad, vjp
from functrace.errors import (
    ArgumentError,
    DtypeError,
    FunctraceError,
    IndexOutOfBoundsError,
    OptionError,
    ShapeError,
    StructureError,
)

X = np.array([1.0, 2.0, 3.0])
F32 = np.float32([1.0, 2.0])


def message(kind, function, what, instead=None):
    """Call `function`, and check the three parts of the error that it raises."""
    with pytest.raises(kind) as caught:
        function()
    error = caught.value
    assert isinstance(error, FunctraceError)
    assert re.search(what, error.what), error.what
    assert error.where is not None
    assert error.where.filename == __file__
    assert f"{__file__}:{error.where.line}" in str(error)
    assert error.where.text in str(error)
    if instead is not None:
        assert error.instead is not None
        assert re.search(instead, error.instead), error.instead
    return error


# ---------------------------------------------------------------------------------------------------------------------
# grad
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [grad, value_and_grad, lambda f: jit(grad(f)), lambda f: grad(jit(f))])
def test_the_gradient_of_a_function_that_gives_no_scalar(transform):
    message(
        ShapeError,
        lambda: transform(lambda x: x * 2)(X),
        r"expected the function to return a scalar.*shape \(3,\)",
        "sum",
    )
    message(ShapeError, lambda: transform(lambda x: x[:1])(X), r"shape \(1,\)", "jacobian")


@pytest.mark.parametrize("transform", [grad, value_and_grad, lambda f: jit(grad(f)), lambda f: grad(jit(f))])
def test_the_gradient_of_a_function_that_gives_no_float(transform):
    message(DtypeError, lambda: transform(lambda x: x > 0)(1.0), "expected the function to return a float, got bool")
    message(DtypeError, lambda: transform(lambda x: x.astype(int))(np.float64(1)), "got i64", "no gradient")
    message(DtypeError, lambda: transform(lambda x: 3)(1.0), "got i64")


@pytest.mark.parametrize("result", [None, "text", [1.0, 2.0], (1.0, 2.0), {"a": 1.0}, object])
def test_the_gradient_of_a_function_that_gives_something_else(result):
    message(ArgumentError, lambda: grad(lambda x: result)(1.0), "expected the function to return a scalar", "has_aux")


def test_the_gradient_by_an_integer():
    error = message(
        DtypeError, lambda: grad(lambda x: x * 2.0)(3), r"expected arguments of floats.*int 3 at argument", "allow_int"
    )
    assert error.where.function == "<lambda>"
    message(DtypeError, lambda: grad(lambda p: p["n"] * 2.0)({"n": np.arange(3)}), r"argument\['n'\]", "astype")
    message(DtypeError, lambda: grad(lambda x: x * 2.0)(True), "bool")
    message(DtypeError, lambda: jit(grad(lambda x: x * 2.0))(3), "expected arguments of floats")
    message(DtypeError, lambda: grad(lambda x: x * 2.0)("text"), "expected an array of numbers, got str 'text'")


def test_a_complex_result_where_a_real_one_is_asked():
    message(
        DtypeError,
        lambda: grad(lambda z: z * z)(1 + 2j),
        "expected a real result, got c128",
        r"\.real.*holomorphic=True",
    )
    message(DtypeError, lambda: grad(lambda x: x * 1j)(1.0), "expected a real result")
    message(
        DtypeError, lambda: grad(lambda x: x * x, holomorphic=True)(1.0), "expected complex arguments", "holomorphic"
    )
    message(DtypeError, lambda: grad(lambda z: abs(z), holomorphic=True)(1 + 2j), "expected a complex result, got f64")


def test_argnums_that_do_not_fit():
    message(OptionError, lambda: grad(lambda x: x, 1)(1.0), "argnums=1, but the function was called with 1 positional")
    message(OptionError, lambda: grad(lambda x: x, -2)(1.0), "argnums=-2")
    message(OptionError, lambda: grad(lambda *, x: x)(x=1.0), "0 positional arguments", "as positional ones")
    message(OptionError, lambda: grad(lambda x, y: x, (0, 0))(1.0, 2.0), "names an argument twice")
    message(OptionError, lambda: grad(lambda x, y: x, (0, -2))(1.0, 2.0), "names an argument twice")
    message(OptionError, lambda: grad(lambda x: x, "x")(1.0), "argnums should be an int or a sequence of ints")
    message(OptionError, lambda: grad(lambda x: x, 0.0)(1.0), "argnums should be an int")


TAKES_AUX = {
    "grad": lambda f: grad(f, has_aux=True)(1.0),
    "value_and_grad": lambda f: value_and_grad(f, has_aux=True)(1.0),
    "vjp": lambda f: vjp(f, 1.0, has_aux=True),
    "jvp": lambda f: jvp(f, (1.0,), (1.0,), has_aux=True),
    "linearize": lambda f: linearize(f, 1.0, has_aux=True),
}


@pytest.mark.parametrize("name", TAKES_AUX)
def test_has_aux_asks_for_a_pair(name):
    for result in (lambda x: x, lambda x: (x, x, x), lambda x: [x, x], lambda x: None):
        message(
            ArgumentError,
            lambda result=result: TAKES_AUX[name](result),
            rf"{name} with has_aux=True expected the function to return a pair \(value, rest\), got",
            "return value, rest",
        )


@pytest.mark.parametrize("transform", [grad, value_and_grad, jit, make_jaxpr, vjp, linearize, functrace.vmap])
def test_what_is_no_function_is_refused(transform):
    message(ArgumentError, lambda: transform(3.0), "expected a function, got float", r"\(f\)\(x\), not .*\(f\(x\)\)")
    message(ArgumentError, lambda: jvp(3.0, (1.0,), (1.0,)), "expected a function, got float")


# ---------------------------------------------------------------------------------------------------------------------
# tangents and cotangents
# ---------------------------------------------------------------------------------------------------------------------


def test_tangents_of_another_structure():
    pair = {"a": 1.0, "b": 2.0}
    message(StructureError, lambda: jvp(lambda p: p["a"], (pair,), ({"a": 1.0},)), "structure of the primals")
    message(StructureError, lambda: jvp(lambda x: x, (1.0,), (1.0, 2.0)), "structure of the primals")
    message(StructureError, lambda: linearize(lambda p: p["a"], pair)[1]({"a": 1.0}), "structure of the primals")
    message(StructureError, lambda: linearize(lambda x: x, 1.0)[1](1.0, 1.0), "structure of the primals")
    message(ArgumentError, lambda: jvp(lambda x: x, 1.0, (1.0,)), "expected primals as a tuple", r"jvp\(f, \(x,\)")
    message(ArgumentError, lambda: jvp(lambda x: x, (1.0,), 1.0), "expected tangents as a tuple or list")


def test_tangents_of_another_shape():
    for call in (
        lambda: jvp(lambda x: x, (X,), (np.ones(2),)),
        lambda: jvp(lambda x: x, (X,), (1.0,)),
        lambda: linearize(lambda x: x, X)[1](np.ones((3, 1))),
    ):
        message(
            ShapeError, call, r"the tangent of primals\[0\] should have shape \(3,\), got", "tangent with the shape"
        )


def test_tangents_of_another_dtype():
    message(
        DtypeError,
        lambda: jvp(lambda x: x, (F32,), (np.ones(2),)),
        r"the tangent of primals\[0\] should have dtype f32, got f64",
        r"tangent\.astype\(numpy\.float32\)",
    )
    message(DtypeError, lambda: jvp(lambda n: n * 2.0, (3,), (1.0,)), "should have dtype float0", "functrace.float0")
    message(DtypeError, lambda: jvp(lambda x: x, (1.0,), (1j,)), "should have dtype f64, got c128")
    message(DtypeError, lambda: linearize(lambda x: x, X)[1](np.arange(3)), "should have dtype f64, got i64")
    message(DtypeError, lambda: jvp(lambda p: p["w"], ({"w": F32},), ({"w": X[:2]},)), r"primals\[0\]\['w'\]")


def test_cotangents_that_do_not_match_the_result():
    _, pullback = vjp(lambda x: {"a": x * 2, "b": x.sum()}, X)
    message(StructureError, lambda: pullback(np.ones(3)), "structure of the function's result")
    message(StructureError, lambda: pullback({"a": np.ones(3)}), "structure of the function's result")
    message(
        ShapeError, lambda: pullback({"a": np.ones(2), "b": 1.0}), r"result\['a'\] should have shape \(3,\), got \(2,\)"
    )
    message(DtypeError, lambda: pullback({"a": np.ones(3), "b": 1j}), r"result\['b'\] should have dtype f64, got c128")
    _, pullback = vjp(lambda x: x * 2, F32)
    message(DtypeError, lambda: pullback(np.ones(2)), "should have dtype f32, got f64", r"astype\(numpy\.float32\)")
    _, pullback = vjp(lambda x: (x, np.arange(3)), X)
    message(DtypeError, lambda: pullback((X, X)), "should have dtype float0", "functrace.float0")


# ---------------------------------------------------------------------------------------------------------------------
# jit
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, {1, 2}, np.ones(2)])
def test_an_unhashable_static_argument(value):
    error = message(
        ArgumentError,
        lambda: jit(lambda x, n: x, static_argnums=1)(1.0, value),
        r"a static argument .* has to be hashable, but argument 1 is",
        "tuple in place of a list",
    )
    assert isinstance(error, TypeError)
    message(ArgumentError, lambda: jit(lambda x, n: x, static_argnames="n")(1.0, n=value), "'n'")


def test_a_static_argument_that_is_traced():
    power = jit(lambda x, n: x**n, static_argnums=1)
    message(ArgumentError, lambda: jit(lambda n: power(2.0, n))(3), "static argument 1 .* has no value here")


def test_static_arguments_that_the_function_does_not_have():
    message(OptionError, lambda: jit(lambda x: x, static_argnums=1), "static_argnums=1, but the function takes 1")
    message(OptionError, lambda: jit(lambda x: x, static_argnames="y"), r"static_argnames='y'.*it has \['x'\]")
    message(OptionError, lambda: jit(lambda x: x, static_argnums="x"), "static_argnums should be ints")
    message(OptionError, lambda: jit(lambda x: x, donate_argnums=3), "donate_argnums=3")


@pytest.mark.parametrize("value", ["text", object(), np.array(["a"]), np.array([None]), lambda: 0, {"k": "v"}])
def test_an_argument_of_jit_that_is_no_array(value):
    for call in (lambda: jit(lambda x: 1.0)(value), lambda: jit(lambda *, x: 1.0)(x=value)):
        with pytest.raises(TypeError) as caught:
            call()
        assert isinstance(caught.value, FunctraceError)
        assert caught.value.where.filename == __file__
        assert re.search("arrays? (and|of) ", caught.value.what)


RETURNS = {
    "jit": lambda f: jit(f)(1.0),
    "make_jaxpr": lambda f: make_jaxpr(f)(1.0),
    "vjp": lambda f: vjp(f, 1.0),
    "jvp": lambda f: jvp(f, (1.0,), (1.0,)),
    "linearize": lambda f: linearize(f, 1.0),
    "vmap": lambda f: functrace.vmap(f)(X),
}


@pytest.mark.parametrize("name", RETURNS)
@pytest.mark.parametrize("value", ["text", object(), print, np.array(["a"]), {1, 2}])
def test_a_function_that_returns_what_is_no_array(name, value):
    message(
        ArgumentError,
        lambda: RETURNS[name](lambda x: {"a": x, "b": value}),
        rf"the function given to {name} should return arrays and numbers, but result\['b'\] is",
        "return arrays, numbers, or containers",
    )


def test_an_unknown_keyword():
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        jit(lambda x: x)(1.0, y=2.0)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        grad(lambda x: x, argnum=0)
    message(ArgumentError, lambda: jit(lambda x: fnp.sum(x, axes=0))(X), "axes", "sum")
    with pytest.raises(TypeError, match="axsi"):
        grad(lambda x: np.sum(np.sin(x), axsi=0))(X)


# ---------------------------------------------------------------------------------------------------------------------
# operations on traced values
# ---------------------------------------------------------------------------------------------------------------------

TRACES = [
    lambda f: jit(f)(X),
    lambda f: make_jaxpr(f)(X),
    lambda f: grad(lambda x: f(x).sum())(X),
    lambda f: jvp(f, (X,), (X,)),
    lambda f: functrace.vmap(f)(np.stack([X, X])),
]


@pytest.mark.parametrize("run", TRACES)
@pytest.mark.parametrize("index", [3, -4, (0, 0), slice(None, None, 0), "a", 1.5])
def test_a_static_index_out_of_bounds_or_of_no_meaning(run, index):
    with pytest.raises((IndexError, TypeError, ValueError)) as caught:
        run(lambda x: x[index])
    if index in (3, -4):
        assert f"index {index} is out of bounds for axis" in str(caught.value)
        if isinstance(caught.value, FunctraceError):  # where the values are known NumPy itself raises it
            assert isinstance(caught.value, IndexOutOfBoundsError)
            assert caught.value.where.filename == __file__
            assert "x[index]" in str(caught.value)
        else:
            assert run in (TRACES[2], TRACES[3])


@pytest.mark.parametrize("run", TRACES)
def test_shapes_that_do_not_fit(run):
    with pytest.raises(ValueError) as caught:
        run(lambda x: x + np.ones(4))
    assert re.search(r"could not be broadcast together with shapes \(3,\) \(4,\)|\(2,3\) \(4,\)", str(caught.value))
    with pytest.raises(ValueError):
        run(lambda x: x @ np.ones((4, 2)))
    with pytest.raises(ValueError):
        run(lambda x: x.reshape(2, 2))


@pytest.mark.parametrize("run", TRACES[:2])
def test_an_operand_of_a_dtype_that_the_operation_does_not_take(run):
    message(DtypeError, lambda: run(lambda x: x & 1), "bitwise_and is not defined for operands of dtype f64, i64")
    message(DtypeError, lambda: run(lambda x: ~x), "invert is not defined")


def test_an_operand_that_is_no_number():
    for run in TRACES:
        for function in (lambda x: x + "a", lambda x: x * None, lambda x: "a" * x, lambda x: x @ "a"):
            with pytest.raises(TypeError):
                run(function)


def test_an_error_inside_a_jitted_function_names_the_line_inside():
    @jit
    def inner(x):
        y = x * 2
        return float(y)

    error = message(TypeError, lambda: inner(1.0), "float")
    assert error.where.text == "return float(y)"
    assert error.where.function == "inner"


def test_an_error_of_the_backward_pass_names_a_line():
    with pytest.raises(ShapeError) as caught:
        grad(lambda x: fnp.sum(x) * X)(X)
    assert caught.value.where.filename == __file__
