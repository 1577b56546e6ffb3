"""Batching rules of the user's own."""

from __future__ import annotations

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.custom_batching import custom_vmap, sequential_vmap
from functrace.errors import ArgumentError, OptionError, ShapeError, StructureError
from functrace.transforms.checkpoint import checkpoint

X = np.array([0.5, 1.5, -1.0])


class Case:
    """sin(x) w, with a rule that says when it is used."""

    def __init__(self):
        self.calls = []
        self.f = custom_vmap(lambda x, w: fnp.sin(x) * w)

        @self.f.def_vmap
        def rule(axis_size, in_batched, x, w):
            assert type(in_batched) is list
            self.calls.append((axis_size, *in_batched))
            return fnp.sin(x) * w, in_batched[0] or in_batched[1]


@pytest.fixture
def case():
    return Case()


def test_without_vmap_the_function_runs(case):
    assert case.f(0.5, 2.0) == np.sin(0.5) * 2.0
    assert functrace.jit(case.f)(0.5, 2.0) == np.sin(0.5) * 2.0
    assert functrace.grad(case.f)(0.5, 2.0) == np.cos(0.5) * 2.0
    assert not case.calls


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("inner", [lambda f: f, functrace.jit], ids=["", "inner jit"])
def test_the_rule_gets_the_batch_its_size_and_what_is_batched(case, compile, inner):
    f = compile(functrace.vmap(inner(case.f), in_axes=(0, None)))
    np.testing.assert_allclose(f(X, 2.0), 2 * np.sin(X))
    assert case.calls == [(3, True, False)]


def test_a_batch_along_a_later_axis_comes_as_axis_0():
    f = custom_vmap(lambda x: fnp.sum(x))
    f.def_vmap(lambda size, in_batched, x: (fnp.sum(x, axis=1), True))
    np.testing.assert_allclose(functrace.vmap(f, in_axes=1)(np.arange(6.0).reshape(2, 3)), [3.0, 5.0, 7.0])


def test_the_rule_decides_what_is_computed():
    f = custom_vmap(lambda x: x)
    f.def_vmap(lambda size, in_batched, x: (x * size, True))
    np.testing.assert_array_equal(functrace.vmap(f)(X), 3 * X)


def test_a_result_that_is_the_same_for_every_example():
    f = custom_vmap(lambda x: fnp.sum(x))
    f.def_vmap(lambda size, in_batched, x: (fnp.sum(x), False))
    np.testing.assert_array_equal(functrace.vmap(f)(X), [1.0, 1.0, 1.0])
    assert functrace.vmap(f, out_axes=None)(X) == 1.0


def test_pytrees():
    f = custom_vmap(lambda p, x: {"out": (p["a"] * x, p["b"])})

    @f.def_vmap
    def rule(size, in_batched, p, x):
        assert in_batched == [{"a": False, "b": True}, True]
        return {"out": (p["a"] * x, p["b"])}, {"out": (True, True)}

    out = functrace.vmap(f, in_axes=({"a": None, "b": 0}, 0))({"a": 2.0, "b": X}, X)
    np.testing.assert_array_equal(out["out"][0], 2 * X)
    np.testing.assert_array_equal(out["out"][1], X)


def test_nested_vmap_batches_the_rule(case):
    table = functrace.vmap(functrace.vmap(case.f, (0, None)), (None, 0))(X, X)
    np.testing.assert_allclose(table, np.outer(X, np.sin(X)))
    assert case.calls == [(3, True, False)]


DERIVATIVES = {
    "grad of vmap": lambda f: functrace.grad(lambda x, w: fnp.sum(functrace.vmap(f, (0, None))(x, w))),
    "vmap of grad": lambda f: functrace.vmap(functrace.grad(f), (0, None)),
    "jit of vmap of grad": lambda f: functrace.jit(functrace.vmap(functrace.grad(f), (0, None))),
    "vmap of grad of jit": lambda f: functrace.vmap(functrace.grad(functrace.jit(f)), (0, None)),
    "vmap of jvp": lambda f: lambda x, w: functrace.vmap(lambda x: functrace.jvp(f, (x, w), (1.0, 0.0))[1])(x),
    "jvp of vmap": lambda f: (
        lambda x, w: functrace.jvp(functrace.vmap(f, (0, None)), (x, w), (np.ones(3), np.float64(0)))[1]
    ),
    "vmap of grad of checkpoint": lambda f: functrace.vmap(functrace.grad(checkpoint(f)), (0, None)),
}


@pytest.mark.parametrize("derivative", DERIVATIVES.values(), ids=DERIVATIVES.keys())
def test_derivatives_go_through_the_rule(case, derivative):
    np.testing.assert_allclose(derivative(case.f)(X, 2.0), 2 * np.cos(X))
    assert case.calls


def test_gradients_of_examples_by_what_they_share(case):
    by_w = functrace.vmap(functrace.grad(case.f, argnums=1), (0, None))(X, 2.0)
    np.testing.assert_allclose(by_w, np.sin(X))
    together = functrace.grad(lambda w: fnp.sum(functrace.vmap(case.f, (0, None))(X, w)))(2.0)
    np.testing.assert_allclose(together, np.sin(X).sum())


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_second_derivatives_of_examples(case, compile):
    second = compile(functrace.vmap(functrace.grad(functrace.grad(case.f)), (0, None)))
    np.testing.assert_allclose(second(X, 2.0), -2 * np.sin(X))
    mixed = compile(functrace.vmap(functrace.grad(functrace.grad(case.f), argnums=1), (0, None)))
    np.testing.assert_allclose(mixed(X, 2.0), np.cos(X))


def test_the_rule_is_used_inside_a_scan(case):
    def chain(x):
        return lax.scan(lambda c, _: (case.f(c, 2.0), None), x, None, length=2)[0]

    np.testing.assert_allclose(functrace.vmap(chain)(X), 2 * np.sin(2 * np.sin(X)))
    assert case.calls
    expected = 4 * np.cos(2 * np.sin(X)) * np.cos(X)
    np.testing.assert_allclose(functrace.vmap(functrace.grad(chain))(X), expected)


def test_captured_values_that_are_the_same_for_every_example():
    def g(w):
        f = custom_vmap(lambda x: x * w)
        f.def_vmap(lambda size, in_batched, x: (x * w, True))
        return fnp.sum(functrace.vmap(f)(X))

    np.testing.assert_allclose(functrace.grad(g)(2.0), X.sum())
    np.testing.assert_allclose(functrace.jit(g)(2.0), 2 * X.sum())


@pytest.mark.parametrize(
    ("rule", "error", "words"),
    [
        (lambda n, b, x: x, ArgumentError, r"pair \(out, out_batched\)"),
        (lambda n, b, x: (x, (True, True)), StructureError, "out_batched should have the structure of out"),
        (lambda n, b, x: (fnp.sum(x), True), ShapeError, r"shape \(\) is a batch of 3"),
        (lambda n, b, x: (x, 0), OptionError, "made of bools"),
    ],
)
def test_a_rule_that_gives_something_else_is_an_error_that_names_it(rule, error, words):
    f = custom_vmap(fnp.sin)
    f.def_vmap(rule)
    with pytest.raises(error, match=words) as caught:
        functrace.vmap(f)(X)
    assert "<lambda> of sin" in str(caught.value)


def test_a_missing_rule_and_keywords_are_errors():
    f = custom_vmap(fnp.sin)
    with pytest.raises(ArgumentError, match="def_vmap"):
        functrace.vmap(f)(X)
    with pytest.raises(ArgumentError, match="by position"):
        f(x=1.0)


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_sequential_vmap_goes_through_the_examples(compile):
    f = sequential_vmap(lambda x, y: {"out": fnp.sum(x) * y})
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(compile(functrace.vmap(f, (0, None)))(x, 2.0)["out"], 2 * x.sum(1))
    np.testing.assert_allclose(compile(functrace.vmap(f))(x, X)["out"], x.sum(1) * X)
    slopes = compile(functrace.vmap(functrace.grad(lambda x, y: f(x, y)["out"], argnums=1)))(x, X)
    np.testing.assert_allclose(slopes, x.sum(1))
