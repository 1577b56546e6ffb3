"""Rules of the user's own."""

from __future__ import annotations

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.errors import (
    ArgumentError,
    DifferentiationError,
    DtypeError,
    OptionError,
    ShapeError,
    StructureError,
    UnexpectedTracerError,
)
from functrace.transforms.checkpoint import checkpoint

X = np.array([0.5, 1.5, -1.0])

# A rule that is not the derivative shows whether it was used: sin with the derivative 10 cos.


def sine_jvp():
    f = functrace.custom_jvp(fnp.sin)
    f.defjvp(lambda primals, tangents: (f(*primals), 10 * fnp.cos(primals[0]) * tangents[0]))
    return f


def sine_jvps():
    f = functrace.custom_jvp(fnp.sin)
    f.defjvps(lambda t, out, x: 10 * fnp.cos(x) * t)
    return f


def sine_jitted_rule():
    f = functrace.custom_jvp(fnp.sin)
    both = functrace.jit(lambda x, t: (fnp.sin(x), 10 * fnp.cos(x) * t))
    f.defjvp(lambda primals, tangents: both(*primals, *tangents))
    return f


def sine_vjp():
    f = functrace.custom_vjp(fnp.sin)
    f.defvjp(lambda x: (f(x), x), lambda x, ct: (10 * fnp.cos(x) * ct,))
    return f


def sine_gradient():
    return functrace.custom_gradient(lambda x: (fnp.sin(x), lambda ct: 10 * fnp.cos(x) * ct))


KINDS = {
    "defjvp": sine_jvp,
    "defjvps": sine_jvps,
    "jitted rule": sine_jitted_rule,
    "defvjp": sine_vjp,
    "custom_gradient": sine_gradient,
}
FORWARD = ["defjvp", "defjvps", "jitted rule"]


def compositions(f):
    """Every way to the derivative at 0.5, in reverse."""
    g, j, v = functrace.grad, functrace.jit, functrace.vmap
    x = np.array([0.5, 0.5])
    yield "grad", g(f)(0.5)
    yield "value_and_grad", functrace.value_and_grad(f)(0.5)[1]
    yield "vjp", functrace.vjp(f, 0.5)[1](1.0)[0]
    yield "jit grad", j(g(f))(0.5)
    yield "grad jit", g(j(f))(0.5)
    yield "jit grad jit", j(g(j(f)))(0.5)
    yield "vmap grad", v(g(f))(x)[0]
    yield "grad vmap", g(lambda x: fnp.sum(v(f)(x)))(x)[1]
    yield "jit vmap grad", j(v(g(f)))(x)[0]
    yield "vmap grad jit", v(g(j(f)))(x)[0]
    yield "grad jit vmap jit", g(lambda x: fnp.sum(j(v(j(f)))(x)))(x)[1]
    yield "grad checkpoint", g(checkpoint(f))(0.5)
    yield "jit grad checkpoint", j(g(checkpoint(f)))(0.5)
    yield "grad scan", g(lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=1)[0])(0.5)
    yield "jit grad scan", j(g(lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=1)[0]))(0.5)
    yield "vmap grad scan", v(g(lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=1)[0]))(x)[0]
    yield "grad scan vmap", g(lambda x: fnp.sum(lax.scan(lambda c, _: (v(f)(c), None), x, None, length=1)[0]))(x)[0]
    yield "grad cond", g(lambda x: lax.cond(x > 0, f, lambda x: x, x))(0.5)
    yield "grad while", g(lambda x: lax.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, f(s[1])), (0, x))[1])(0.5)
    yield "grad fori", j(g(lambda x, n: lax.fori_loop(0, n, lambda i, c: f(c), x)))(0.5, 1)
    yield "grad linear part", g(lambda x: 3 * f(x) - 2 * f(x))(0.5)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_the_rule_is_used_in_every_composition_with_reverse_mode(make):
    f = make()
    expected = 10 * np.cos(0.5)
    for name, value in compositions(f):
        np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_the_value_is_the_functions_in_every_transform(make):
    f = make()
    expected = np.sin(0.5)
    np.testing.assert_allclose(f(0.5), expected)
    np.testing.assert_allclose(functrace.jit(f)(0.5), expected)
    np.testing.assert_allclose(functrace.vmap(f)(X), np.sin(X))
    np.testing.assert_allclose(functrace.value_and_grad(f)(0.5)[0], expected)
    np.testing.assert_allclose(functrace.jit(functrace.value_and_grad(f))(0.5)[0], expected)


@pytest.mark.parametrize("make", [KINDS[name] for name in FORWARD], ids=FORWARD)
def test_a_forward_rule_serves_forward_mode(make):
    f, j, v = make(), functrace.jit, functrace.vmap
    expected = 20 * np.cos(0.5)

    def along(f):
        return lambda x: functrace.jvp(f, (x,), (2.0,))[1]

    scan = lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=1)[0]  # noqa: E731
    for g in (along(f), j(along(f)), along(j(f)), lambda x: v(along(f))(x[None])[0], j(along(scan)), along(scan)):
        np.testing.assert_allclose(g(np.float64(0.5)), expected)
    np.testing.assert_allclose(functrace.linearize(f, 0.5)[1](2.0), expected)
    batched = functrace.jvp(v(f), (X,), (np.ones(3),))[1]
    np.testing.assert_allclose(batched, 10 * np.cos(X))


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("inner", [lambda f: f, functrace.jit], ids=["", "inner jit"])
def test_second_derivatives_differentiate_the_rule(make, inner):
    """The derivative of 10 cos x is -10 sin x: the rule's cosine has no rule of its own."""
    f = inner(make())
    expected = -10 * np.sin(0.5)
    np.testing.assert_allclose(functrace.grad(functrace.grad(f))(0.5), expected)
    np.testing.assert_allclose(functrace.jit(functrace.grad(functrace.grad(f)))(0.5), expected)
    np.testing.assert_allclose(functrace.vmap(functrace.grad(functrace.grad(f)))(X), -10 * np.sin(X))


@pytest.mark.parametrize("make", [KINDS[name] for name in FORWARD], ids=FORWARD)
def test_mixed_second_derivatives_of_a_forward_rule(make):
    f = make()
    expected = -10 * np.sin(0.5)
    np.testing.assert_allclose(functrace.jvp(functrace.grad(f), (0.5,), (1.0,))[1], expected)
    np.testing.assert_allclose(functrace.grad(lambda x: functrace.jvp(f, (x,), (1.0,))[1])(0.5), expected)
    forward_twice = functrace.jvp(lambda x: functrace.jvp(f, (x,), (1.0,))[1], (0.5,), (1.0,))[1]
    np.testing.assert_allclose(forward_twice, expected)


def test_a_rule_that_uses_its_function_is_used_at_each_order():
    f = functrace.custom_jvp(fnp.exp)

    @f.defjvp
    def rule(primals, tangents):
        out = f(*primals)
        return out, 2 * out * tangents[0]

    g = f
    for order in range(4):
        np.testing.assert_allclose(g(0.5), 2**order * np.exp(0.5))
        np.testing.assert_allclose(functrace.jit(g)(0.5), 2**order * np.exp(0.5))
        g = functrace.grad(g)


@pytest.mark.parametrize("kind", ["defvjp", "custom_gradient"])
def test_forward_mode_of_a_reverse_rule_is_an_error_that_says_what_to_use(kind):
    f = KINDS[kind]()
    for run in (
        lambda: functrace.jvp(f, (0.5,), (1.0,)),
        lambda: functrace.jvp(functrace.jit(f), (0.5,), (1.0,)),
        lambda: functrace.linearize(f, 0.5),
    ):
        with pytest.raises(DifferentiationError, match="custom_jvp"):
            run()


# -- arguments --------------------------------------------------------------------------------------------------------


def test_pytrees_through_a_forward_rule():
    @functrace.custom_jvp
    def f(params, x):
        return {"out": params["w"] * x, "n": (params["b"][0],)}

    @f.defjvp
    def f_jvp(primals, tangents):
        (params, x), (dparams, dx) = primals, tangents
        assert isinstance(primals, tuple) and set(dparams) == {"w", "b"}
        out = f(params, x)
        return out, {"out": 10 * (dparams["w"] * x + params["w"] * dx), "n": (3 * dparams["b"][0],)}

    params = {"w": X, "b": [np.array(2.0)]}
    loss = lambda p, x: fnp.sum(f(p, x)["out"]) + f(p, x)["n"][0]  # noqa: E731
    for compile in (lambda f: f, functrace.jit):
        by_params, by_x = compile(functrace.grad(loss, argnums=(0, 1)))(params, 2.0)
        np.testing.assert_allclose(by_params["w"], [20.0] * 3)
        np.testing.assert_allclose(by_params["b"][0], 3.0)
        np.testing.assert_allclose(by_x, 10 * X.sum())


def test_pytrees_through_a_reverse_rule():
    @functrace.custom_vjp
    def f(params, x):
        return {"out": params["w"] * x, "n": (params["b"][0],)}

    def fwd(params, x):
        return f(params, x), {"params": params, "x": x}

    def bwd(residuals, ct):
        assert set(ct) == {"out", "n"}
        p, x = residuals["params"], residuals["x"]
        return {"w": 10 * ct["out"] * x, "b": [3 * ct["n"][0]]}, 10 * fnp.sum(ct["out"] * p["w"])

    f.defvjp(fwd, bwd)
    params = {"w": X, "b": [np.array(2.0)]}
    loss = lambda p, x: fnp.sum(f(p, x)["out"]) + f(p, x)["n"][0]  # noqa: E731
    for compile in (lambda f: f, functrace.jit):
        by_params, by_x = compile(functrace.grad(loss, argnums=(0, 1)))(params, 2.0)
        np.testing.assert_allclose(by_params["w"], [20.0] * 3)
        np.testing.assert_allclose(by_params["b"][0], 3.0)
        np.testing.assert_allclose(by_x, 10 * X.sum())
    by_x = functrace.vmap(functrace.grad(loss, argnums=1), in_axes=({"w": 0, "b": None}, None))(params, 2.0)
    np.testing.assert_allclose(by_x, 10 * X)


def test_none_in_a_cotangent_is_zero():
    f = functrace.custom_vjp(lambda p, x: p["a"] * p["b"] * x)
    f.defvjp(lambda p, x: (f(p, x), p), lambda p, ct: ({"a": ct, "b": None}, None))
    gradient, by_x = functrace.grad(f, argnums=(0, 1))({"a": 2.0, "b": 3.0}, 4.0)
    assert (gradient["a"], gradient["b"], by_x) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("options", [{"nondiff_argnums": (0, 2)}, {"nondiff_argnames": ("kind", "n")}])
def test_arguments_that_are_not_differentiated_come_first_in_the_rules(options):
    def power(kind, x, n):
        return x**n if kind == "power" else x

    f = functrace.custom_jvp(power, **options)

    @f.defjvp
    def rule(kind, n, primals, tangents):
        assert (kind, n) == ("power", 3)
        return f(kind, primals[0], n), 10 * n * primals[0] ** (n - 1) * tangents[0]

    g = functrace.custom_vjp(power, **options)

    def fwd(kind, x, n):
        return g(kind, x, n), x

    def bwd(kind, n, x, ct):
        assert (kind, n) == ("power", 3)
        return (10 * n * x ** (n - 1) * ct,)

    g.defvjp(fwd, bwd)
    for function in (f, g):
        for compile in (lambda h: h, functrace.jit):
            assert compile(functrace.grad(lambda x: function("power", x, 3)))(2.0) == 120.0  # noqa: B023
            assert compile(functrace.grad(lambda x: function("power", x, n=3)))(2.0) == 120.0  # noqa: B023
        np.testing.assert_allclose(functrace.vmap(functrace.grad(lambda x: function("power", x, 3)))(X), 30 * X**2)  # noqa: B023


def test_a_function_as_an_argument_that_is_not_differentiated():
    f = functrace.custom_vjp(lambda fun, x: fun(x), nondiff_argnums=(0,))
    f.defvjp(lambda fun, x: (fun(x), x), lambda fun, x, ct: (10 * ct * fun(x),))
    assert functrace.jit(functrace.grad(lambda x: f(fnp.sin, x)))(0.5) == 10 * np.sin(0.5)


def test_defaults_and_keywords_are_positional_for_the_rule():
    @functrace.custom_jvp
    def f(x, y=3.0):
        return x * y

    f.defjvps(lambda t, out, x, y: 10 * t * y, None)
    assert functrace.grad(f)(2.0) == 30.0
    assert functrace.grad(lambda x: f(y=x, x=2.0))(5.0) == 0.0
    assert functrace.grad(lambda x: f(x=x, y=4.0))(5.0) == 40.0


def test_defjvps_adds_the_parts_and_none_is_zero():
    f = functrace.custom_jvp(lambda x, y, z: x * y * z)
    f.defjvps(lambda t, out, x, y, z: t * y * z, None, lambda t, out, x, y, z: t * out / z)
    assert tuple(functrace.grad(f, argnums=(0, 1, 2))(2.0, 3.0, 4.0)) == (12.0, 0.0, 6.0)
    nothing = functrace.custom_jvp(lambda x: x * x)
    nothing.defjvps(None)
    assert functrace.grad(nothing)(3.0) == 0.0
    assert functrace.jvp(nothing, (3.0,), (1.0,)) == (9.0, 0.0)


def test_integer_arguments_have_float0_tangents_and_no_cotangent():
    f = functrace.custom_jvp(lambda x, n: x * n)

    @f.defjvp
    def rule(primals, tangents):
        assert tangents[1].dtype == functrace.float0
        return f(*primals), 10 * tangents[0] * primals[1]

    g = functrace.custom_vjp(lambda x, n: (x * n, n + 1))
    g.defvjp(lambda x, n: (g(x, n), n), lambda n, cts: (10 * cts[0] * n, None))
    for compile in (lambda h: h, functrace.jit):
        assert compile(functrace.grad(f))(2.0, 3) == 30.0
        assert compile(functrace.grad(lambda x, n: g(x, n)[0]))(2.0, 3) == 30.0
        np.testing.assert_array_equal(
            compile(functrace.vmap(functrace.grad(f), (None, 0)))(2.0, np.arange(3)), [0, 10, 20]
        )


def test_a_method_can_have_a_rule():
    class Model:
        def __init__(self, w):
            self.w = w

        @functrace.custom_jvp
        def __call__(self, x):
            return x

    scale = functrace.custom_vjp(lambda x: x)

    class Holder:
        f = scale

    scale.defvjp(lambda x: (x, None), lambda _, ct: (5 * ct,))
    assert functrace.grad(lambda x: Holder.f(x))(1.0) == 5.0
    assert Model(1.0).w == 1.0


def test_single_precision_stays():
    for make in KINDS.values():
        f = make()
        gradient = functrace.grad(lambda x, f=f: fnp.sum(f(x)))(X.astype(np.float32))
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, 10 * np.cos(X), rtol=1e-5)


def test_several_results_of_which_some_are_not_used():
    f = functrace.custom_vjp(lambda x: (x, 2 * x, fnp.sum(x)))
    f.defvjp(lambda x: (f(x), None), lambda _, cts: (cts[0] + 10 * cts[1] + 100 * cts[2],))
    for compile in (lambda h: h, functrace.jit):
        np.testing.assert_array_equal(compile(functrace.grad(lambda x: fnp.sum(f(x)[1])))(X), [10.0] * 3)
        np.testing.assert_array_equal(compile(functrace.grad(lambda x: f(x)[2]))(X), [100.0] * 3)


def test_results_belong_to_the_caller():
    for f in (functrace.custom_jvp(lambda x: x), functrace.custom_vjp(lambda x: x)):
        if isinstance(f, functrace.custom_jvp):
            f.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
        else:
            f.defvjp(lambda x: (x, None), lambda _, ct: (ct,))
        x = X.copy()
        functrace.jit(f)(x)[0] = 99.0
        out, pullback = functrace.vjp(f, x)
        out[0] = 99.0
        ct = np.ones(3)
        pullback(ct)[0][0] = 99.0
        assert x[0] == X[0] and ct[0] == 1.0


def test_a_vjp_function_can_be_called_again():
    for make in KINDS.values():
        _, pullback = functrace.vjp(make(), X)
        np.testing.assert_allclose(pullback(np.ones(3))[0], 10 * np.cos(X))
        np.testing.assert_allclose(pullback(2 * np.ones(3))[0], 20 * np.cos(X))


# -- what a function captures -----------------------------------------------------------------------------------------


def capturing(w):
    f = functrace.custom_jvp(lambda x: x * w)
    f.defjvp(lambda primals, tangents: (primals[0] * w, 10 * tangents[0] * w))
    g = functrace.custom_vjp(lambda x: x * w)
    g.defvjp(lambda x: (x * w, None), lambda _, ct: (10 * ct * w,))
    return f, g


@pytest.mark.parametrize("number", [0, 1], ids=["custom_jvp", "custom_vjp"])
@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_captured_values_of_transforms_further_out(number, compile):
    f = compile(lambda w, x: functrace.grad(lambda x: capturing(w)[number](x))(x))
    assert f(3.0, 2.0) == 30.0
    np.testing.assert_array_equal(compile(functrace.vmap(f, (0, None)))(X, 2.0), 10 * X)
    assert compile(functrace.grad(f))(3.0, 2.0) == 10.0


@pytest.mark.parametrize("number", [0, 1], ids=["custom_jvp", "custom_vjp"])
@pytest.mark.parametrize(
    "transformed",
    [
        functrace.grad,
        lambda f: functrace.jit(functrace.grad(f)),
        lambda f: functrace.grad(functrace.jit(f)),
        lambda f: functrace.grad(lambda w: functrace.vmap(functrace.jit(f))(w * np.ones(2))[0]),
    ],
    ids=["grad", "jit-grad", "grad-jit", "grad-vmap-jit"],
)
def test_captured_values_that_are_differentiated_with_the_arguments_are_an_error(number, transformed):
    with pytest.raises(DifferentiationError, match="closure_convert"):
        transformed(lambda w: capturing(w)[number](2 * w))(3.0)


@pytest.mark.parametrize("number", [0, 1], ids=["custom_jvp", "custom_vjp"])
def test_captured_values_that_differ_between_examples_are_an_error(number):
    f = functrace.vmap(lambda w: capturing(w)[number](2 * w))
    with pytest.raises(ArgumentError, match="closure_convert"):
        f(X)


@pytest.mark.parametrize("number", [0, 1], ids=["custom_jvp", "custom_vjp"])
def test_a_captured_traced_value_in_a_rule_inside_a_jitted_function_is_an_error(number):
    with pytest.raises(UnexpectedTracerError, match="closure_convert"):
        functrace.jit(lambda w, x: functrace.grad(functrace.jit(capturing(w)[number]))(x))(3.0, 2.0)


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_closure_convert_makes_captured_values_arguments(compile):
    def applied(fun, x):
        converted, captured = functrace.closure_convert(fun, x)

        @functrace.custom_vjp
        def apply(x, *captured):
            return converted(x, *captured)

        def bwd(residuals, ct):
            _, pullback = functrace.vjp(converted, *residuals)
            return tuple(10 * part for part in pullback(ct))

        apply.defvjp(lambda x, *captured: (converted(x, *captured), (x, *captured)), bwd)
        return apply(x, *captured)

    def loss(w, x):
        return applied(lambda x: fnp.sin(x) * w, x)

    by_w, by_x = compile(functrace.grad(loss, argnums=(0, 1)))(3.0, 0.5)
    np.testing.assert_allclose([by_w, by_x], [10 * np.sin(0.5), 30 * np.cos(0.5)])


def test_closure_convert_takes_pytrees_and_finds_only_traced_values():
    scale = np.array([2.0, 3.0])
    converted, captured = functrace.closure_convert(lambda p, y: {"out": p["a"] * scale + y}, {"a": scale}, 1.0)
    assert captured == []
    np.testing.assert_array_equal(converted({"a": np.ones(2)}, 1.0)["out"], [3.0, 4.0])
    with pytest.raises(StructureError, match="structure"):
        converted(np.ones(2), 1.0)


# -- errors -----------------------------------------------------------------------------------------------------------


def with_jvp(result):
    f = functrace.custom_jvp(lambda x: x * 2)

    @f.defjvp
    def my_rule(primals, tangents):
        return result(primals[0], tangents[0])

    return f


def with_fwd(result):
    f = functrace.custom_vjp(lambda x: x * 2)

    def my_rule(x):
        return result(x)

    f.defvjp(my_rule, lambda residuals, ct: (ct,))
    return f


def with_bwd(result):
    f = functrace.custom_vjp(lambda x: x * 2)

    def my_rule(residuals, ct):
        return result(ct)

    f.defvjp(lambda x: (x * 2, x), my_rule)
    return f


@pytest.mark.parametrize("transformed", [lambda f: f, functrace.jit], ids=["eager", "inner jit"])
@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (with_jvp(lambda x, t: x), DifferentiationError, r"pair \(value, tangent\)"),
        (with_jvp(lambda x, t: (x, (t, t))), StructureError, "same structure"),
        (with_jvp(lambda x, t: (x, t[:2])), ShapeError, r"shape \(3,\), got \(2,\)"),
        (with_jvp(lambda x, t: (x, t.astype(np.float32))), DtypeError, "float64, got float32"),
        (with_fwd(lambda x: x), DifferentiationError, r"pair \(value, residuals\)"),
        (with_bwd(lambda ct: ct), StructureError, "each of 1 arguments"),
        (with_bwd(lambda ct: (ct, ct)), StructureError, "got 2 entries"),
        (with_bwd(lambda ct: ({"a": ct},)), StructureError, "cotangent of argument 0"),
        (with_bwd(lambda ct: (ct[:2],)), ShapeError, r"shape \(3,\), got \(2,\)"),
        (with_bwd(lambda ct: (ct.astype(np.float32),)), DtypeError, "float64, got float32"),
    ],
)
def test_a_rule_that_gives_something_else_is_an_error_that_names_it(f, error, words, transformed):
    g = transformed(f)
    with pytest.raises(error, match=words) as caught:
        functrace.grad(lambda x: fnp.sum(g(x)))(X)
    assert "my_rule" in str(caught.value)


def test_a_forward_rule_whose_value_differs_from_the_functions_is_an_error():
    f = with_fwd(lambda x: ((x, x), None))
    with pytest.raises(StructureError, match="my_rule"):
        functrace.grad(lambda x: fnp.sum(functrace.jit(f)(x)))(X)


@pytest.mark.parametrize("kind", [functrace.custom_jvp, functrace.custom_vjp])
def test_wrong_uses_are_errors(kind):
    with pytest.raises(ArgumentError, match="function"):
        kind(3.0)
    with pytest.raises(DifferentiationError, match="no rule is given for sin"):
        functrace.grad(kind(fnp.sin))(1.0)
    with pytest.raises(OptionError, match="nondiff_argnames"):
        kind(lambda x: x, nondiff_argnames="y")


def test_keyword_only_arguments_are_refused():
    def f(x, *, y):
        return x

    g = functrace.custom_jvp(f)
    g.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
    with pytest.raises(ArgumentError, match="keyword-only"):
        functrace.grad(lambda x: g(x, y=1))(1.0)


def test_a_traced_value_as_an_argument_that_is_not_differentiated():
    f = functrace.custom_vjp(lambda n, x: n * x, nondiff_argnums=(0,))
    f.defvjp(lambda n, x: (n * x, None), lambda n, _, ct: (10 * n * ct,))
    assert functrace.jit(lambda n, x: functrace.grad(lambda x: f(n, x))(x))(3.0, 2.0) == 30.0


# -- custom_gradient --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_custom_gradient_of_several_arguments(compile):
    @functrace.custom_gradient
    def f(x, y):
        s = fnp.sin(x)
        return s * y, lambda ct: (10 * ct * fnp.cos(x) * y, ct * s)

    by_x, by_y = compile(functrace.grad(f, argnums=(0, 1)))(0.5, 2.0)
    np.testing.assert_allclose([by_x, by_y], [20 * np.cos(0.5), np.sin(0.5)])
    batched = compile(functrace.vmap(functrace.grad(f), (0, None)))(X, 2.0)
    np.testing.assert_allclose(batched, 20 * np.cos(X))
    second = compile(functrace.grad(functrace.grad(f), argnums=1))(0.5, 2.0)
    np.testing.assert_allclose(second, 10 * np.cos(0.5))


def test_stop_gradient_stops_every_derivative():
    f = lambda x: lax.stop_gradient(fnp.sin(x)) * x  # noqa: E731
    assert functrace.grad(f)(0.5) == np.sin(0.5)
    assert functrace.grad(functrace.grad(f))(0.5) == 0.0
    assert functrace.jvp(f, (0.5,), (1.0,))[1] == np.sin(0.5)
    np.testing.assert_allclose(functrace.jit(functrace.vmap(functrace.grad(f)))(X), np.sin(X))


@pytest.mark.parametrize("function", [np.sin, fnp.sin])
def test_a_ufunc_can_have_a_rule(function):
    doubled = functrace.custom_jvp(function)
    doubled.defjvp(lambda primals, tangents: (function(*primals), 2 * tangents[0]))
    assert functrace.grad(doubled)(0.5) == 2.0
