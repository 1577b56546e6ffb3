"""`checkpoint`: the same derivatives, from values computed again."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.ad_checkpoint import checkpoint, checkpoint_name, checkpoint_policies, remat
from functrace.core.jaxpr import check_jaxpr, inner_jaxprs
from functrace.lax import optimization_barrier

X = np.array([0.1, 0.7, -1.3])
W = np.array([[0.5, -1.0, 0.3], [0.2, 0.1, -0.7], [1.1, 0.4, 0.6]])


def wave(x):
    return fnp.sin(fnp.exp(x)) * x


def loss(x):
    return fnp.sum(wave(x))


def slope(x):  # the derivative of `loss`, by hand
    return np.cos(np.exp(x)) * np.exp(x) * x + np.sin(np.exp(x))


def curvature(x):
    e = np.exp(x)
    return 2 * np.cos(e) * e + x * (np.cos(e) * e - np.sin(e) * e * e)


def layers(x, w):
    for _ in range(3):
        x = fnp.tanh(checkpoint_name(x @ w, "product"))
    return fnp.sum(x * x)


def count(closed, counts=None):
    """How often each primitive stands in a program and in those inside it."""
    counts = Counter() if counts is None else counts
    for equation in closed.eqns:
        counts[equation.primitive.name] += 1
        for _, inner in inner_jaxprs(equation.params):
            count(inner, counts)
    return counts


POLICIES = {
    "none": None,
    "everything": checkpoint_policies.everything_saveable,
    "nothing": checkpoint_policies.nothing_saveable,
    "dots": checkpoint_policies.dots_saveable,
    "dots without batch": checkpoint_policies.dots_with_no_batch_dims_saveable,
    "names": checkpoint_policies.save_only_these_names("product"),
    "other names": checkpoint_policies.save_any_names_but_these("other"),
    "all but names": checkpoint_policies.save_anything_except_these_names("product"),
    "both": checkpoint_policies.save_from_both_policies(
        checkpoint_policies.dots_saveable, checkpoint_policies.save_only_these_names("product")
    ),
}


def test_the_value_is_the_functions():
    np.testing.assert_array_equal(checkpoint(wave)(X), np.sin(np.exp(X)) * X)


def test_outside_of_transforms_the_function_simply_runs():
    assert checkpoint(lambda x: "positive" if x > 0 else "negative")(1.0) == "positive"


@pytest.mark.parametrize(
    "transformed",
    [
        lambda f: functrace.grad(f),
        lambda f: functrace.jit(functrace.grad(f)),
        lambda f: functrace.grad(functrace.jit(f)),
        lambda f: functrace.jit(functrace.grad(functrace.jit(f))),
        lambda f: lambda x: functrace.vmap(functrace.grad(f))(x[None])[0],
        lambda f: functrace.grad(lambda x: fnp.sum(functrace.vmap(f)(fnp.reshape(x, (1, 3))))),
        lambda f: functrace.grad(checkpoint(f)),
        lambda f: functrace.grad(lambda x: functrace.linearize(f, x)[0]),
        lambda f: lambda x: np.array([functrace.jvp(f, (x,), (e,))[1] for e in np.eye(3)]),
        lambda f: lambda x: functrace.vjp(f, x)[1](1.0)[0],
    ],
    ids=[
        "grad",
        "jit-grad",
        "grad-jit",
        "jit-grad-jit",
        "vmap-grad",
        "grad-vmap",
        "grad-checkpoint",
        "grad-linearize",
        "jvp",
        "vjp",
    ],
)
def test_the_derivative_is_that_of_the_function(transformed):
    np.testing.assert_allclose(transformed(checkpoint(loss))(X), slope(X), rtol=1e-12)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_second_derivatives_are_those_of_the_function(policy, compile):
    f = checkpoint(loss, policy=policy)
    v = np.array([1.0, -2.0, 0.5])
    second = functrace.grad(lambda x: fnp.sum(functrace.grad(f)(x) * v))
    np.testing.assert_allclose(compile(second)(X), curvature(X) * v, rtol=1e-12)
    _, forward_over_reverse = functrace.jvp(compile(functrace.grad(f)), (X,), (v,))
    np.testing.assert_allclose(forward_over_reverse, curvature(X) * v, rtol=1e-12)
    reverse_over_forward = compile(functrace.grad(lambda x: functrace.jvp(f, (x,), (v,))[1]))
    np.testing.assert_allclose(reverse_over_forward(X), curvature(X) * v, rtol=1e-12)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_gradients_through_matrix_products_agree_with_finite_differences(policy, compile):
    gradient = compile(functrace.grad(checkpoint(layers, policy=policy), argnums=(0, 1)))
    by_x, by_w = gradient(X, W)
    h = 1e-6
    expected_x = [(layers(X + h * e, W) - layers(X - h * e, W)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(by_x, expected_x, rtol=1e-7, atol=1e-8)
    for i in range(3):
        for j in range(3):
            step = np.zeros((3, 3))
            step[i, j] = h
            expected = (layers(X, W + step) - layers(X, W - step)) / (2 * h)
            np.testing.assert_allclose(by_w[i, j], expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    ("policy", "products"),
    [(None, 3 + 3), ("dots", 3), ("names", 3), ("everything", 3), ("all but names", 3)],
)
def test_a_policy_says_what_is_computed_again(policy, products):
    f = checkpoint(layers, policy=POLICIES.get(policy))
    closed = functrace.make_jaxpr(functrace.grad(f, argnums=(0, 1)))(X, W)
    check_jaxpr(closed)
    # three products of the way there, and again if they are not kept; each has two on the way back
    assert count(closed)["dot_general"] == products + 6


def test_a_policy_is_asked_of_each_equation_with_its_avals_and_parameters():
    asked = []

    def policy(primitive, *avals, **params):
        asked.append((primitive.name, [str(aval) for aval in avals], sorted(params)))
        return False

    functrace.grad(checkpoint(lambda x: fnp.sum(fnp.sin(x)), policy=policy))(X)
    assert asked == [("sin", ["f64[3]"], []), ("reduce_sum", ["f64[3]"], ["axes", "keepdims"])]


def test_a_policy_sees_into_jitted_functions():
    inner = functrace.jit(lambda x, w: x @ w)
    f = checkpoint(lambda x: fnp.sum(fnp.sin(inner(x, W))), policy=checkpoint_policies.dots_saveable)
    closed = functrace.make_jaxpr(functrace.grad(f))(X)
    assert count(closed)["dot_general"] == 2
    np.testing.assert_allclose(functrace.grad(f)(X), W @ np.cos(X @ W), rtol=1e-12)


def test_captured_values_are_differentiated():
    gradient = functrace.grad(lambda w: checkpoint(lambda x: fnp.sum(fnp.sin(x * w)))(X))
    w = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(gradient(w), X * np.cos(X * w), rtol=1e-12)
    np.testing.assert_allclose(functrace.jit(gradient)(w), X * np.cos(X * w), rtol=1e-12)


def test_pytrees_keywords_and_static_arguments():
    def f(params, kind, *, scale):
        assert kind == "sine"
        return {"out": scale * fnp.sum(fnp.sin(params["a"]) * params["b"][0])}

    params = {"a": X, "b": (np.array(2.0), None)}
    g = functrace.grad(lambda p: remat(f, static_argnums=1)(p, "sine", scale=3.0)["out"])
    out = g(params)
    np.testing.assert_allclose(out["a"], 6 * np.cos(X), rtol=1e-12)
    np.testing.assert_allclose(out["b"][0], 3 * np.sum(np.sin(X)), rtol=1e-12)


def test_integer_arguments_and_results_pass_through():
    def f(x, n):
        return fnp.sum(x) * n, n + 1

    (value, number), gradient = functrace.value_and_grad(checkpoint(f), has_aux=True)(X, 4)
    assert number == 5
    np.testing.assert_allclose(value, 4 * X.sum())
    np.testing.assert_allclose(gradient, [4.0, 4.0, 4.0])


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_checkpoint_in_the_body_of_a_scan(compile):
    def chain(x, body):
        return fnp.sum(lax.scan(lambda c, _: (body(c), None), x, None, length=5)[0])

    expected = X
    factor = np.ones(3)
    for _ in range(5):
        factor, expected = factor * np.cos(expected), np.sin(expected)
    gradient = compile(functrace.grad(lambda x: chain(x, checkpoint(fnp.sin))))
    np.testing.assert_allclose(gradient(X), factor, rtol=1e-12)


def test_a_scan_inside_checkpoint():
    def f(x):
        return fnp.sum(lax.scan(lambda c, _: (fnp.sin(c), None), x, None, length=3)[0])

    np.testing.assert_allclose(functrace.grad(checkpoint(f))(X), functrace.grad(f)(X), rtol=1e-12)
    np.testing.assert_allclose(functrace.jit(functrace.grad(checkpoint(f)))(X), functrace.grad(f)(X), rtol=1e-12)


def test_a_custom_rule_inside_checkpoint_holds():
    f = functrace.custom_vjp(lambda x: x * x)
    f.defvjp(lambda x: (x * x, x), lambda x, ct: (10 * ct * x,))
    for policy in POLICIES.values():
        g = functrace.grad(checkpoint(lambda x: f(fnp.sin(x)), policy=policy))
        expected = 10 * np.sin(0.5) * np.cos(0.5)
        np.testing.assert_allclose([g(0.5), functrace.jit(g)(0.5)], [expected, expected], rtol=1e-12)


def test_what_is_computed_again_stays_apart_in_the_compiled_source():
    compiled = functrace.jit(functrace.value_and_grad(checkpoint(loss))).lower(X).as_text()
    statements = [line for line in compiled.splitlines() if not line.strip().startswith("#")]
    assert "\n".join(statements).count(" exp(") == 2


def test_a_checkpoint_that_is_not_differentiated_leaves_no_trace_in_compiled_source():
    assert "barrier" not in functrace.jit(checkpoint(wave)).lower(X).as_text()


def test_arguments_are_not_changed():
    x = X.copy()
    functrace.jit(functrace.grad(checkpoint(loss)))(x)
    functrace.grad(checkpoint(loss))(x)
    np.testing.assert_array_equal(x, X)


def test_results_belong_to_the_caller():
    x = X.copy()
    out = functrace.jit(checkpoint(lambda x: (x, x)))(x)
    out[0][0] = 99.0
    assert x[0] == X[0] and out[1][0] == X[0]


@pytest.mark.parametrize("kind", ["eager", "jit-grad", "grad-jit"])
def test_a_chain_in_blocks_of_the_square_root_needs_the_memory_of_two_blocks(kind):
    """512 layers of 1 MB: 22 blocks of 23 layers and 6 layers more."""

    def layer(x):
        return x * x

    def block(x):
        for _ in range(23):
            x = layer(x)
        return x

    def chain(x):
        for _ in range(22):
            x = checkpoint(block)(x)
        for _ in range(6):
            x = layer(x)
        return fnp.sum(x)

    gradient = {
        "eager": functrace.grad(chain),
        "jit-grad": functrace.jit(functrace.grad(chain)),
        "grad-jit": functrace.grad(functrace.jit(chain)),
    }[kind]
    x = np.ones(131072)
    if kind != "eager":
        gradient(x)  # what is compiled is not part of the measurement
    tracemalloc.start()
    try:
        result = gradient(x)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(result, 2.0**512, rtol=1e-12)
    assert peak < 4 * 23


def test_optimization_barrier_is_the_identity_under_every_transform():
    def f(x):
        a, b = optimization_barrier((x, 2 * x))
        return fnp.sum(a * b)

    np.testing.assert_allclose(f(X), 2 * np.sum(X * X))
    np.testing.assert_allclose(functrace.grad(f)(X), 4 * X)
    np.testing.assert_allclose(functrace.jit(functrace.grad(f))(X), 4 * X)
    np.testing.assert_allclose(functrace.jvp(f, (X,), (X,))[1], 4 * np.sum(X * X))
    np.testing.assert_allclose(functrace.vmap(functrace.grad(f))(X[:, None]), 4 * X[:, None])
