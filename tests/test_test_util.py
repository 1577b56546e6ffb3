"""The public checks: they pass what is right, and say of what is wrong what, where and how much."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.errors import OptionError
from functrace.test_util import check_grads, check_jvp, check_vjp, check_vmap

# ---- what is right passes


RIGHT = {
    "a number": (lambda x: fnp.sin(x) * x, (0.7,)),
    "arrays": (lambda a, b: fnp.tanh(a @ b), (np.arange(6.0).reshape(2, 3) / 10, np.array([0.1, 0.2, 0.3]))),
    "pytrees": (lambda p: {"u": p["x"] ** 2, "v": (fnp.exp(p["y"]),)}, ({"x": np.ones(2), "y": 0.5},)),
    "complex numbers": (lambda z: fnp.exp(z) * z.conj(), (np.array([1 + 2j, 0.5 - 1j]),)),
    "integers beside": (lambda x, n: {"y": x**n, "n": n + 1}, (np.array([1.5, 2.0]), 3)),
    "a real result of complex numbers": (lambda z: (z * z.conj()).real, (np.array([1 + 2j]),)),
    "no elements": (lambda x: x * 2, (np.zeros(0),)),
    "a loop": (lambda x: lax.fori_loop(0, 3, lambda i, c: fnp.sin(c) + x, x), (np.array([0.3, 0.4]),)),
    "a result that does not depend": (lambda x: (x, np.ones(2)), (1.0,)),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_right_derivatives_pass_to_every_order(name, order):
    f, args = RIGHT[name]
    check_grads(f, args, order)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
def test_coarser_dtypes_have_coarser_tolerances(dtype):
    check_grads(lambda x: fnp.sin(x) * x, (np.array([0.5, 1.0], dtype),), 2)


def test_each_check_passes_alone():
    f = lambda x: fnp.sum(x**3)  # noqa: E731
    check_jvp(f, partial(functrace.jvp, f), (np.arange(3.0),))
    check_vjp(f, partial(functrace.vjp, f), (np.arange(3.0),))


VMAPPED = {
    "the first axes": (fnp.dot, (np.arange(6.0).reshape(3, 2), np.ones((3, 2))), 0, 0),
    "an argument for all": (fnp.dot, (np.arange(6.0).reshape(3, 2), np.ones(2)), (0, None), 0),
    "other axes": (lambda x, y: x[:, None] * y, (np.ones((2, 3)), np.arange(12.0).reshape(4, 3)), (1, 1), -1),
    "pytrees": (
        lambda p, y: {"s": p["a"] + y, "n": (3, p["b"])},
        ({"a": np.arange(3.0), "b": np.arange(3)}, 2.0),
        ({"a": 0, "b": 0}, None),
        {"s": 0, "n": 0},
    ),
    "integers and booleans": (lambda i: (i // 2, i > 1), (np.arange(4),), 0, 0),
    "a result for all": (lambda x: (x, np.arange(2.0)), (np.arange(3.0),), 0, (0, None)),
}


@pytest.mark.parametrize("name", VMAPPED)
def test_right_batches_pass(name):
    check_vmap(*VMAPPED[name])


# ---- what is wrong is told


@functrace.custom_jvp
def squared(x):
    return x**2


squared.defjvp(lambda primals, tangents: (primals[0] ** 2, primals[0] * tangents[0]))  # half the slope


@functrace.custom_jvp
def first_order_only(x):
    return x**2


first_order_only.defjvp(lambda primals, tangents: (primals[0] ** 2, lax.stop_gradient(2 * primals[0]) * tangents[0]))


@functrace.custom_vjp
def scaled(p):
    return p["x"] * p["y"]


scaled.defvjp(lambda p: (p["x"] * p["y"], p), lambda p, ct: ({"x": ct * p["y"], "y": 1.1 * ct * p["x"]},))


def failure(check, *args, **kwargs):
    with pytest.raises(AssertionError) as caught:
        check(*args, **kwargs)
    return str(caught.value)


def test_a_wrong_forward_rule_is_told_with_mode_order_leaf_and_difference():
    x = np.array([1.0, 2.0, 3.0])
    text = failure(check_grads, lambda x: {"y": (x, squared(x))}, (x,), 1)
    assert "mode fwd, order 1" in text
    assert "result['y'][1], most at index (2,)" in text
    direction = np.random.default_rng(0).standard_normal(3)
    assert "expected:" in text and "got:" in text
    assert f"difference: {abs(3 * direction[2]):.3g}" in text


def test_a_wrong_reverse_rule_is_told_with_the_leaf_of_the_argument():
    text = failure(check_grads, scaled, ({"x": 2.0, "y": 3.0},), 1, modes=["rev"])
    assert "mode rev, order 1" in text and "args[0]['y']" in text and "expected:" in text and "allowed:" in text


@pytest.mark.parametrize(("modes", "words"), [(["fwd"], "fwd over fwd, order 2"), (["rev"], "rev over rev, order 2")])
def test_a_rule_that_is_right_to_first_order_only_fails_at_the_second(modes, words):
    check_grads(first_order_only, (1.5,), 1, modes=modes)
    assert words in failure(check_grads, first_order_only, (1.5,), 2, modes=modes)


def test_a_value_that_differs_is_told():
    text = failure(check_jvp, fnp.sin, lambda args, tangents: (2.0, 1.0), (1.0,), err_msg="of sine")
    assert "value" in text and "of sine" in text and "0.84147098" in text and "1.16" in text
    assert "value" in failure(check_vjp, fnp.sin, lambda x: (2.0, None), (1.0,))


def test_a_structure_shape_or_dtype_that_differs_is_told():
    x = np.ones(2)
    assert "structure" in failure(check_jvp, fnp.sin, lambda args, tangents: ((np.sin(x),), x), (x,))
    text = failure(check_jvp, fnp.sin, lambda args, tangents: (np.sin(x), x.astype(np.float32)), (x,))
    assert "shape or dtype" in text and "f64[2]" in text and "f32[2]" in text
    text = failure(check_vjp, fnp.sin, lambda x: (np.sin(x), lambda ct: (ct[0],)), (x,))
    assert "args[0]" in text and "f64[]" in text


def test_nan_is_no_right_derivative():
    text = failure(check_jvp, fnp.sin, lambda args, tangents: (np.sin(args[0]), np.float64(np.nan)), (1.0,))
    assert "nan" in text


def test_tolerances_are_absolute_and_relative():
    rule = lambda args, tangents: (args[0] * 1e3, 1.001e3 * tangents[0])  # noqa: E731
    f = lambda x: x * 1e3  # noqa: E731
    failure(check_jvp, f, rule, (1.0,))
    check_jvp(f, rule, (1.0,), rtol=1e-2)
    check_jvp(f, rule, (1.0,), atol=10.0)


def test_a_batch_that_differs_from_the_loop_is_told():
    def wrong(x):
        return {"y": x * 2 if isinstance(x, functrace.core.trace.Tracer) else x}

    text = failure(check_vmap, wrong, (np.arange(3.0),))
    assert "result['y'], most at index (2,)" in text and "expected:" in text and "difference: 2" in text


def test_options_that_make_no_sense_are_refused():
    for modes in ("fwd", [], ["forward"]):
        with pytest.raises(OptionError, match="modes"):
            check_grads(fnp.sin, (1.0,), 1, modes=modes)
    with pytest.raises(OptionError, match="order"):
        check_grads(fnp.sin, (1.0,), 0)
    with pytest.raises(OptionError, match="at least one example"):
        check_vmap(fnp.sin, (np.zeros(0),))
