"""Functions exported as modules, run where this library cannot be imported."""

from __future__ import annotations

import ast
import inspect
import math
import os
import subprocess
import sys
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace import grad, hessian, jit, lax, value_and_grad, vmap
from functrace.errors import ExportError, FunctraceError, OptionError
from functrace.export import to_source
from functrace.export.literals import array_text, number_text, scalar_text
from tests.export.bits import assert_same, with_gradient
from tests.export.worker import worker
from tests.fuzz.programs import programs

X = np.linspace(0.1, 1.0, 6)


@pytest.fixture(scope="module")
def run():
    with worker() as process:
        yield process


def public_name(text):
    return ast.parse(text).body[-1].name


def load(text):
    """The public function of a module, in this process."""
    module = {"__name__": "exported"}
    exec(compile(text, "<exported>", "exec"), module)
    return module[public_name(text)]


# ---------------------------------------------------------------------------------------------------------------------
# the same values
# ---------------------------------------------------------------------------------------------------------------------


class Losses(NamedTuple):
    loss: float
    parts: list


def perceptron(params, x, y):
    for layer in params[:-1]:
        x = fnp.tanh(x @ layer["w"] + layer["b"])
    logits = x @ params[-1]["w"] + params[-1]["b"]
    return -fnp.mean(fnp.take_along_axis(logits - lax.logsumexp(logits, 1, True), y[:, None], 1))


def layers(dtype=np.float64):
    rng = np.random.default_rng(0)
    return [
        {"w": rng.normal(size=(i, o)).astype(dtype), "b": rng.normal(size=o).astype(dtype)} for i, o in [(4, 8), (8, 3)]
    ]


BIG = np.random.default_rng(1).normal(size=(40, 6))
FORTRAN = np.asfortranarray(BIG)


def nested_loops(x):
    def step(carry, row):
        number, value = lax.while_loop(lambda s: s[0] < 10, lambda s: (s[0] * 2 + s[1], s[1] / 2), (row + 1, carry))
        return value + number, number

    return lax.scan(step, 0.3, x)


EXAMPLES = {
    "elementwise": (lambda x: fnp.exp(fnp.sin(x) * 2 + 1) / 3.0, (X,)),
    "large elementwise, in blocks": (lambda x: fnp.exp(fnp.sin(x) * 2 + 1) / 3.0, (np.linspace(0, 1, 300_000),)),
    "a reduction of blocks": (lambda x: fnp.sum(fnp.exp(fnp.sin(x) * 2)), (np.linspace(0, 1, 300_000),)),
    "a gradient of a network": (value_and_grad(perceptron), (layers(), BIG[:5, :4], np.array([0, 1, 2, 1, 0]))),
    "in single precision": (
        grad(perceptron),
        (layers(np.float32), BIG[:5, :4].astype(np.float32), np.array([0, 1, 2, 1, 0])),
    ),
    "gradients of examples": (
        vmap(grad(lambda a, b: fnp.dot(fnp.tanh(a), b))),
        (np.ones((4, 3)), np.arange(12.0).reshape(4, 3)),
    ),
    "a hessian": (hessian(lambda x: fnp.sum(fnp.sin(x) * x**2)), (X,)),
    "indexing and scatter": (
        lambda x: x.at[np.array([0, 0, 2])].add(1.0) + x[::-1][np.array([1, 0, 2, 3, 4, 5])],
        (X,),
    ),
    "a traced index": (lambda x, i: x.at[i].set(x[i - 1] * 2), (X, np.array([2, 3]))),
    "dynamic slices": (lambda x, i: lax.dynamic_slice(x, (i,), (2,)), (X, 3)),
    "sorting": (lambda x: fnp.sort(-x) + fnp.take(x, fnp.argsort(x)) + lax.top_k(x, 6)[0], (X,)),
    "running sums": (lambda x: fnp.cumsum(x) * fnp.cumprod(x) + lax.cumlogsumexp(x), (X,)),
    "a captured array": (lambda x: BIG[:3] @ x, (X,)),
    "a large captured array": (lambda x: BIG @ x, (X,)),
    "a captured array in Fortran's order": (lambda x: (FORTRAN * x).sum(0), (X,)),
    "captured numbers that are not finite": (
        lambda x: x * np.array([np.nan, -np.inf, -0.0, 5e-324, 0.1, math.pi]) + float("inf"),
        (X,),
    ),
    "complex numbers": (lambda x: (x * (1 + 2j)).conj() + np.complex64(1j), (X,)),
    "a scan and a while inside": (nested_loops, (X,)),
    "its gradient": (grad(lambda x: fnp.sum(nested_loops(x)[1])), (X,)),
    "a while's gradient": (grad(lambda x: lax.while_loop(lambda s: s < 100, lambda s: s * s + 1, x)), (0.7,)),
    "a while of examples": (vmap(lambda x: lax.while_loop(lambda s: s < 100, lambda s: s * s + 1, x)), (X,)),
    "a branch": (lambda x: lax.cond(x[0] > 0, lambda x: x * 2, fnp.cumsum, x), (X,)),
    "a branch's gradient": (grad(lambda x: lax.cond(x[0] > 0, lambda x: x * 2, fnp.cumsum, x).sum()), (X,)),
    "checkpoint": (grad(lambda x: functrace.checkpoint(lambda y: fnp.sin(fnp.sin(y)))(x).sum()), (X,)),
    "integers": (lambda x: (x // 3, x % 3, x << 2, ~x, x == 4), (np.arange(6),)),
    "no arguments": (lambda: fnp.ones((2, 3)), ()),
    "nothing but an argument": (lambda x: x, (X,)),
}


@pytest.mark.parametrize(("function", "args"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_module_computes_what_jit_computes(run, function, args):
    text = to_source(function, *args)
    assert_same(run(text, public_name(text), *args), jit(function)(*args))


@seed(1)
@settings(
    max_examples=25, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck), database=None
)
@given(program=programs(20), differentiated=st.booleans())
def test_the_module_of_a_random_program_computes_what_jit_computes(run, program, differentiated):
    function = with_gradient(program.function) if differentiated else program.function
    try:
        expected = jit(function)(*program.args)
    except FunctraceError:  # a program without a derivative
        return
    text = to_source(function, *program.args, name="exported")
    assert_same(run(text, "exported", *program.args), expected)


def test_the_module_imports_numpy_and_pythons_own_library_alone():
    text = to_source(EXAMPLES["a gradient of a network"][0], *EXAMPLES["a gradient of a network"][1])
    modules = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    assert "numpy" in modules
    assert modules <= {"numpy", "math", "functools", "typing", "collections", "types", "builtins"}


def test_the_library_is_imported_without_this_package():
    code = "import functrace, sys; sys.exit('functrace.export' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)})


def test_every_result_is_the_callers():
    function = load(to_source(lambda x: (x, x[:2], BIG[0], BIG[0]), X))
    x = X.copy()
    first, second = function(x), function(x)
    for i, one in enumerate(first):
        assert one.flags.writeable
        assert not np.shares_memory(one, x)
        assert not any(np.shares_memory(one, other) for j, other in enumerate((*first, *second)) if i != j)


# ---------------------------------------------------------------------------------------------------------------------
# how it is called
# ---------------------------------------------------------------------------------------------------------------------


def test_the_function_has_the_name_and_the_parameters_of_the_users():
    def weigh(values, /, weights, *rest, scale, offset=1.0):
        return fnp.sum(values * weights * rest[0] * scale + offset)

    exported = load(to_source(weigh, X, X, X, scale=2.0))
    assert exported.__name__ == "weigh"
    assert str(inspect.signature(exported)) == "(values, /, weights, *rest, scale)"
    assert exported(X, X, X, scale=3) == jit(weigh)(X, X, X, scale=3.0)


def test_static_arguments_and_defaults_are_fixed():
    power = jit(lambda x, n, factor=2.0: factor * x**n, static_argnums=1)
    exported = load(to_source(power, X, 3))
    assert str(inspect.signature(exported)) == "(x)"
    assert_same(exported(X), power(X, 3))


def test_structures_go_in_and_come_out():
    def function(tree):
        return Losses(tree["w"].sum(), [None, (tree["b"][0],), OrderedDict(z=tree["b"][1], a=tree["w"])])

    argument = {"w": X, "b": (1.0, X * 2)}
    got = load(to_source(function, argument))(argument)
    assert type(got).__name__ == "Losses" and got._fields == ("loss", "parts")
    assert_same(tuple(got), tuple(jit(function)(argument)))


def test_a_named_tuple_goes_in_as_any_tuple():
    exported = load(to_source(lambda losses: losses.loss * losses.parts[0], Losses(2.0, [X])))
    assert_same(exported((3.0, [X])), X * 3.0)


@pytest.mark.parametrize(
    "name", ["np", "k0", "a", "out", "_array", "tanh", "tuple", "program_program", "math", "größe"]
)
def test_a_parameter_may_have_any_name(name):
    function = eval(f"lambda {name}: fnp.tanh({name}) + BIG[0]", {"fnp": fnp, "BIG": BIG})
    assert_same(load(to_source(function, X))(X), jit(function)(X))


@pytest.mark.parametrize("name", ["np", "k0", "a", "_array", "tanh", "sum", "print", "lambda_"])
def test_a_function_may_have_any_name(name):
    function = eval("lambda x: fnp.tanh(x) + BIG[0]", {"fnp": fnp, "BIG": BIG})
    function.__name__ = name
    assert_same(load(to_source(function, X))(X), jit(function)(X))


def test_a_name_is_given():
    assert public_name(to_source(lambda x: x, X, name="identity")) == "identity"


@pytest.mark.parametrize("name", ["1x", "for", "sum", "np", "a b", ""])
def test_a_name_that_means_something_else_is_refused(name):
    with pytest.raises(OptionError):
        to_source(lambda x: x, X, name=name)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (({"w": X[:3]}, 1.0), ValueError, r"params\['w'\]: expected shape \(6,\), got \(3,\)"),
        (({"w": X.astype(np.float32)}, 1.0), TypeError, "expected dtype float64, got float32"),
        (({"w": X.tolist()}, 1.0), TypeError, "expected a NumPy array of shape .6,. and dtype float64, got list"),
        (({"v": X}, 1.0), ValueError, "expected the keys .'w'., got .'v'."),
        (([X], 1.0), TypeError, "params: expected a dict, got list"),
        (({"w": X}, X), TypeError, r"scale: expected a number \(float\), got ndarray"),
        (({"w": X}, "1"), TypeError, "scale: expected a number"),
    ],
)
def test_arguments_are_checked(wrong, error, says):
    def function(params, scale):
        return params["w"] * scale

    with pytest.raises(error, match=says):
        load(to_source(function, {"w": X}, 2.0))(*wrong)


def test_a_list_of_another_length_is_refused():
    exported = load(to_source(lambda values: values[0] + values[1], [1.0, X]))
    with pytest.raises(ValueError, match="values: expected 2 items, got 3"):
        exported([1.0, X, X])


# ---------------------------------------------------------------------------------------------------------------------
# what cannot be exported
# ---------------------------------------------------------------------------------------------------------------------


def test_a_callback_is_refused_with_the_users_line():
    def function(x):
        return functrace.pure_callback(np.sin, functrace.ShapeDtypeStruct((6,), float), x)  # this line

    with pytest.raises(ExportError, match="pure_callback calls a Python function") as caught:
        to_source(function, X)
    assert "this line" in str(caught.value)


def test_a_debug_print_is_refused():
    def function(x):
        functrace.debug.print("{x}", x=x)
        return x

    with pytest.raises(ExportError, match="debug_callback"):
        to_source(function, X)


def test_a_container_that_is_not_pythons_is_refused():
    class Box:
        def __init__(self, content):
            self.content = content

    functrace.tree.register_pytree_node(Box, lambda box: ((box.content,), None), lambda _, children: Box(*children))
    with pytest.raises(ExportError, match="Box"):
        to_source(lambda x: Box(x), X)
    with pytest.raises(ExportError, match="Box"):
        to_source(lambda box: box.content, Box(X))


def test_a_captured_tracer_is_refused():
    def outer(y):
        return to_source(lambda x: x * y, X)

    with pytest.raises(ExportError, match="transform"):
        grad(outer)(1.0)


def test_an_operation_of_another_package_is_refused():
    special = pytest.importorskip("scipy.special")
    from functrace import extend

    exprel = extend.unary("exprel", special.exprel, derivative=lambda x, y: (fnp.exp(x) - y) / x)
    with pytest.raises(ExportError, match="the operation exprel"):
        to_source(exprel, X)


# ---------------------------------------------------------------------------------------------------------------------
# values as text
# ---------------------------------------------------------------------------------------------------------------------

DTYPES = ["?", "i1", "u8", "i8", "f2", "f4", "f8", "c8", "c16"]


@given(
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
    )
)
def test_an_array_comes_back_from_its_text_to_the_bit(array):
    for x in (array, array.T, array[::-1] if array.ndim else array):
        back = eval(array_text(x), {"np": np})
        assert (back.shape, back.dtype) == (x.shape, x.dtype)
        assert back.tobytes() == x.tobytes()
        if (x.flags.c_contiguous or x.flags.f_contiguous) and min(x.shape, default=2) > 1:
            assert back.strides == x.strides


def test_a_large_array_and_a_nan_with_bits_of_its_own_come_back():
    odd = np.array([0x7FF8000000000123], np.uint64).view(np.float64)
    for x in (np.arange(300.0), np.repeat(odd, 3), np.arange(4, dtype=np.longdouble) / 3):
        back = eval(array_text(x), {"np": np})
        assert back.dtype == x.dtype
        assert back.tobytes() == x.tobytes()


@given(st.floats() | st.complex_numbers() | st.integers() | st.booleans())
def test_a_number_comes_back_from_its_text(value):
    back = eval(number_text(value), {"np": np})
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@given(st.sampled_from(["f2", "f4", "f8", "c8", "c16", "i4", "u8", "?"]).flatmap(lambda dtype: hnp.arrays(dtype, ())))
def test_a_numpy_scalar_comes_back_from_its_text(array):
    back = eval(scalar_text(array[()]), {"np": np})
    assert type(back) is type(array[()])
    assert back.tobytes() == array.tobytes()


def test_an_operation_of_the_users_own_is_taken_in(run):
    from functrace import extend

    def smooth_step(x):
        return np.where(x < 0, 0.0, np.exp(-1 / np.where(x > 0, x, np.inf))) * HEIGHT

    step = extend.Primitive("smooth_step", smooth_step, lambda x: x, vjp=(lambda ct, out, x: ct * out / (x * x),))
    text = to_source(value_and_grad(lambda x: step(x).sum()), X)
    assert_same(run(text, public_name(text), X), jit(value_and_grad(lambda x: step(x).sum()))(X))


HEIGHT = 2.0
