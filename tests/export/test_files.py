"""Functions saved to files and loaded again."""

from __future__ import annotations

import json
import os
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

import functrace
import functrace.numpy as fnp
from functrace import checkpoint_policies, grad, jit, jvp, lax, make_jaxpr, vjp, vmap
from functrace.errors import ArgumentError, DtypeError, ExportError, FunctraceError, ShapeError, StructureError
from functrace.export import load, save
from functrace.export.primitives import primitives
from functrace.lax import elementwise
from functrace.lax import shape as shapes
from tests.export.bits import assert_same, with_gradient
from tests.export.test_to_source import EXAMPLES
from tests.fuzz.programs import programs

X = np.linspace(0.1, 1.0, 6)


def round_trip(path, function, *args, **kwargs):
    file = path / "program.json"
    save(file, function, *args, **kwargs)
    return load(file)


# ---------------------------------------------------------------------------------------------------------------------
# the same values
# ---------------------------------------------------------------------------------------------------------------------

MORE = {
    "jit inside": (lambda x: jit(lambda y: fnp.sin(y) * 2)(x) + 1, (X,)),
    "checkpoint with a policy": (
        lambda x: functrace.checkpoint(lambda y: fnp.sin(y @ y), policy=checkpoint_policies.dots_saveable)(x),
        (X,),
    ),
    "a linear solve": (
        lambda x: lax.custom_linear_solve(lambda v: 2.0 * v, x, lambda mv, b: b / 2.0, symmetric=True),
        (X,),
    ),
    "signs": (lambda x: (fnp.sign(x), fnp.sign(x + 1j), fnp.trunc(x * 9).astype(int)), (X,)),
    "containers": (lambda a: {"z": [a["b"], None], "a": OrderedDict(y=(a["a"],), x=())}, ({"b": 1.0, "a": X},)),
}


@pytest.mark.parametrize(("function", "args"), [*EXAMPLES.values(), *MORE.values()], ids=[*EXAMPLES, *MORE])
def test_a_loaded_function_computes_what_the_saved_one_does(tmp_path, function, args):
    loaded = round_trip(tmp_path, function, *args)
    assert_same(loaded(*args), jit(function)(*args))
    functrace.check_jaxpr(loaded.jaxpr)


@seed(1)
@settings(
    max_examples=25, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck), database=None
)
@given(program=programs(20))
def test_a_loaded_random_program_and_its_gradient_compute_what_the_saved_one_does(tmp_path_factory, program):
    path = tmp_path_factory.mktemp("programs")
    try:
        expected = jit(with_gradient(program.function))(*program.args)
    except FunctraceError:  # a program without a derivative
        expected = None
    loaded = round_trip(path, program.function, *program.args)
    assert_same(loaded(*program.args), jit(program.function)(*program.args))
    assert str(loaded.jaxpr) == str(make_jaxpr(program.function)(*program.args))
    if expected is not None:
        assert_same(jit(with_gradient(loaded))(*program.args), expected)


DIFFERENTIABLE = {
    "elementwise": lambda x: fnp.sum(fnp.tanh(x) * x),
    "a scan": lambda x: lax.scan(lambda c, y: (fnp.sin(c * y), c), 0.5, x)[0],
    "a while": lambda x: lax.while_loop(lambda s: s[0] < 50, lambda s: (s[0] * 2 + s[1], s[1] * 0.9), (x[0], x[1]))[0],
    "a branch": lambda x: lax.cond(x[0] > 0, lambda x: fnp.prod(x), lambda x: x[1], x),
    "checkpoint": lambda x: functrace.checkpoint(lambda y: fnp.sum(fnp.sin(y) ** 2))(x),
    "jit inside": lambda x: jit(fnp.sum)(jit(fnp.exp)(x)),
}


@pytest.mark.parametrize("function", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_every_transform_takes_a_loaded_function(tmp_path, function):
    loaded = round_trip(tmp_path, function, X)
    rows = np.stack([X, X + 0.5, 2 * X])
    np.testing.assert_array_equal(grad(loaded)(X), grad(function)(X))
    np.testing.assert_array_equal(jvp(loaded, (X,), (X,))[1], jvp(function, (X,), (X,))[1])
    np.testing.assert_allclose(grad(lambda x: grad(loaded)(x) @ x)(X), grad(lambda x: grad(function)(x) @ x)(X), 1e-12)
    np.testing.assert_array_equal(jit(vmap(loaded))(rows), jit(vmap(function))(rows))
    np.testing.assert_allclose(vmap(grad(loaded))(rows), [grad(function)(row) for row in rows], 1e-12)
    np.testing.assert_array_equal(jit(lambda x: loaded(x) * 2)(X), jit(lambda x: function(x) * 2)(X))


def test_a_loaded_function_is_saved_again(tmp_path):
    once = round_trip(tmp_path, lambda x, *, scale: {"y": x * scale}, X, scale=2.0)
    first = (tmp_path / "program.json").read_bytes()
    again = round_trip(tmp_path, once)
    assert (tmp_path / "program.json").read_bytes() == first
    assert_same(again(X, scale=3.0), {"y": X * 3.0})


def test_what_is_traced_already_is_saved(tmp_path):
    def function(a):
        return a["x"] * a["y"]

    args = {"x": X, "y": 2.0}
    assert_same(round_trip(tmp_path, jit(function).trace(args))(args), X * 2.0)
    assert_same(round_trip(tmp_path, make_jaxpr(function)(args))(X, 2.0), [X * 2.0])
    with pytest.raises(ArgumentError):
        save(tmp_path / "x", make_jaxpr(function)(args), args)


def test_a_function_is_saved_for_shapes_and_not_run(tmp_path):
    loaded = round_trip(tmp_path, lambda x: x @ x.T, functrace.ShapeDtypeStruct((2, 3), np.float32))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert_same(loaded(x), x @ x.T)


# ---------------------------------------------------------------------------------------------------------------------
# custom derivatives
# ---------------------------------------------------------------------------------------------------------------------


@functrace.custom_jvp
def doubled_slope(x):
    return fnp.sin(x)


doubled_slope.defjvp(lambda p, t: (doubled_slope(p[0]), 2 * fnp.cos(p[0]) * t[0]))


@functrace.custom_vjp
def steep(x, n):
    return {"y": fnp.sin(x) * n, "n": n}


steep.defvjp(
    lambda x, n: (steep(x, n), {"kept": (x, n), "nothing": None}), lambda res, ct: (7 * res["kept"][0] * ct["y"], None)
)


def sum_of_gradient(function):
    return lambda x: grad(function)(x).sum()


CUSTOM = {"custom_jvp": lambda x: doubled_slope(x).sum(), "custom_vjp": lambda x: steep(x, 3)["y"].sum()}


@pytest.mark.parametrize("function", CUSTOM.values(), ids=CUSTOM)
def test_a_custom_derivative_is_saved_with_its_rule(tmp_path, function):
    loaded = round_trip(tmp_path, function, X)
    rows = np.stack([X, 2 * X])
    assert_same(loaded(X), jit(function)(X))
    for _ in range(3):
        assert_same(jit(vmap(grad(loaded)))(rows), jit(vmap(grad(function)))(rows))
        loaded, function = sum_of_gradient(loaded), sum_of_gradient(function)


def test_a_derivative_that_the_file_does_not_hold_is_an_error(tmp_path):
    derivative = round_trip(tmp_path, doubled_slope, 0.3)
    for _ in range(3):
        derivative = grad(derivative)
    assert np.isfinite(derivative(0.3))
    with pytest.raises(functrace.errors.DifferentiationError, match="does not hold"):
        grad(derivative)(0.3)


def test_the_gradient_of_a_function_with_a_rule_is_that_of_the_rule(tmp_path):
    loaded = round_trip(tmp_path, grad(CUSTOM["custom_jvp"]), X)
    np.testing.assert_allclose(loaded(X), 2 * np.cos(X), rtol=1e-15)


def test_an_implicit_derivative_is_saved(tmp_path):
    def newton(f, y):
        return lax.fori_loop(0, 30, lambda i, y: y - f(y) / (3 * y * y), y)

    def cube_root(x):
        return lax.custom_root(lambda y: y**3 - x, 1.0 + x, newton, lambda g, y: y / g(fnp.ones_like(y)))

    loaded = round_trip(tmp_path, cube_root, X)
    np.testing.assert_allclose(grad(lambda x: loaded(x).sum())(X), X ** (-2 / 3) / 3, rtol=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# how it is called
# ---------------------------------------------------------------------------------------------------------------------


def test_a_call_is_checked(tmp_path):
    loaded = round_trip(tmp_path, lambda a, n: a["x"] * n, {"x": X.astype(np.float32)}, 2.0)
    assert loaded({"x": X.astype(np.float32)}, 3).dtype == np.float32
    assert loaded({"x": X.astype(np.float32)}, np.float64(3)).dtype == np.float32
    with pytest.raises(DtypeError, match=r"'x'.*float32"):
        loaded({"x": X}, 2.0)
    with pytest.raises(ShapeError, match=r"\(6,\).*\(3,\)"):
        loaded({"x": X[:3].astype(np.float32)}, 2.0)
    with pytest.raises(StructureError, match="saved"):
        loaded([X], 2.0)
    with pytest.raises(StructureError):
        loaded({"x": X}, n=2.0)


@pytest.mark.parametrize("constant", [-0.021092796092796094, 0.00012345678901234567, 1.2345678901234567e-05])
def test_a_constant_comes_back_with_all_the_digits_that_it_has(constant, tmp_path):
    loaded = round_trip(tmp_path, lambda x: x * constant, 1.0)
    assert loaded(1.0) == constant


def test_a_number_is_taken_for_a_scalar_of_the_program(tmp_path):
    loaded = round_trip(tmp_path, lambda x, n: x * n, np.float32(2), np.int64(3))
    assert_same(loaded(1.5, 2), np.float64(3.0))
    with pytest.raises(DtypeError):
        loaded(1.5, 2.5)


# ---------------------------------------------------------------------------------------------------------------------
# what cannot be saved
# ---------------------------------------------------------------------------------------------------------------------


def test_callbacks_are_refused_with_the_users_line(tmp_path):
    def function(x):
        return functrace.pure_callback(np.sin, functrace.ShapeDtypeStruct((6,), float), x)  # this line

    with pytest.raises(ExportError, match="the equation pure_callback cannot be saved") as caught:
        save(tmp_path / "x", function, X)
    assert "this line" in str(caught.value)
    assert not os.listdir(tmp_path)


def test_a_policy_that_is_a_function_is_refused(tmp_path):
    def function(x):
        return functrace.checkpoint(fnp.sin, policy=lambda primitive, *avals, **params: True)(x)

    with pytest.raises(ExportError, match="policy"):
        save(tmp_path / "x", function, X)


Pair = namedtuple("Pair", "a b")


def test_classes_are_refused(tmp_path):
    with pytest.raises(ExportError, match="a Pair in the result"):
        save(tmp_path / "x", lambda x: Pair(x, x), X)
    with pytest.raises(ExportError, match="a Pair in the arguments"):
        save(tmp_path / "x", lambda p: p.a, Pair(X, X))


def test_a_primitive_that_is_not_the_librarys_is_refused(tmp_path):
    from functrace import extend

    mine = extend.unary("mine", np.sin, derivative=lambda x, y: fnp.cos(x))
    with pytest.raises(ExportError, match="the equation mine cannot be saved"):
        save(tmp_path / "x", mine, X)


def test_a_captured_tracer_is_refused(tmp_path):
    with pytest.raises(ExportError, match="transform"):
        grad(lambda y: save(tmp_path / "x", lambda x: x * y, X))(1.0)


# ---------------------------------------------------------------------------------------------------------------------
# the file
# ---------------------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "program.json"
    save(file, lambda x: x, X)
    before = file.read_bytes()

    def fail(*args):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="full"):
        save(file, lambda x: x * 2, X)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["program.json"]


def test_a_file_is_json_of_the_documented_fields(tmp_path):
    save(tmp_path / "x", lambda x, n: {"a": x * n + BIG}, X, 2.0)
    document = json.loads((tmp_path / "x").read_text())
    assert document["format"] == "functrace program"
    assert document["version"] == 1
    assert document["arguments"] == [{"tuple": 2}, {"tuple": 2}, "*", "*", {"dict": []}]
    assert document["result"] == [{"dict": ["a"]}, "*"]
    [program] = document["programs"]
    assert program["inputs"] == ["f64[6]", "~f64[]"]
    assert [equation["primitive"] for equation in program["equations"]] == ["mul", "add"]
    assert program["constants"][0]["type"] == "f64[6]"


BIG = np.arange(6.0)


def test_a_link_to_a_file_stays_a_link(tmp_path):
    save(tmp_path / "program.json", lambda x: x, X)
    (tmp_path / "link").symlink_to(tmp_path / "program.json")
    save(tmp_path / "link", lambda x: x * 2, X)
    assert (tmp_path / "link").is_symlink()
    assert_same(load(tmp_path / "program.json")(X), X * 2)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")


def test_primitives_of_one_name_are_told_apart():
    table = primitives()
    assert table["sign"] is elementwise.sign_p
    assert table["sign_complex"] is elementwise.sign_complex_p
    assert table["convert_element_type"] is shapes.convert_element_type_p
    assert table["discretize"] is shapes.discretize_p
    assert len(set(table.values())) == len(table)


def test_a_vjp_of_a_loaded_function_has_the_structure_of_its_arguments(tmp_path):
    loaded = round_trip(tmp_path, lambda a: a["x"].sum() * a["y"], {"x": X, "y": 2.0})
    (cotangent,) = vjp(loaded, {"x": X, "y": 2.0})[1](1.0)
    assert set(cotangent) == {"x", "y"}
    np.testing.assert_allclose(cotangent["y"], X.sum())
