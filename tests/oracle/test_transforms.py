"""Transforms beside JAX's: Jacobians, custom rules, loops, branches, Taylor series."""

from __future__ import annotations

import numpy as np
import pytest

import functrace
from tests.oracle.agreement import check_against_jax, draw, jax, jnp

V = draw((3,))
M = draw((3, 3))


def same(function, *args, **options):
    """Check a function of a library, its NumPy and arrays, for both libraries."""
    check_against_jax(
        lambda *xs: function(functrace, functrace.numpy, *xs), lambda *xs: function(jax, jnp, *xs), *args, **options
    )


def network(n, m, x):
    return n.tanh(m @ x) + n.sin(x).sum() * x


@pytest.mark.parametrize("name", ["jacfwd", "jacrev", "hessian"])
@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_jacobians(name, argnums):
    same(lambda f, n, m, x: getattr(f, name)(lambda m, x: network(n, m, x), argnums)(m, x), M, V, order=1)


def test_jacobians_of_complex_numbers():
    z = draw((3,), "c16")
    same(lambda f, n, x: f.jacfwd(lambda x: n.exp(x) * x[0], holomorphic=True)(x), z, order=1)
    same(lambda f, n, x: f.jacrev(lambda x: n.exp(x) * x[0], holomorphic=True)(x), z, order=1)
    same(lambda f, n, x: f.grad(lambda x: n.sum(n.abs(x) ** 2 * n.real(x)))(x), z)


def test_derivatives_with_other_results():
    same(lambda f, n, x: f.value_and_grad(lambda x: (n.sum(x**3), x), has_aux=True)(x), V)
    same(lambda f, n, x: f.jacrev(lambda p: {"a": p["x"] ** 2, "b": n.sin(p["y"])})({"x": x, "y": x[0]}), V)


def test_linear_maps():
    same(lambda f, n, m, x: f.linearize(lambda x: network(n, m, x), x)[1](x * x), M, V)
    same(lambda f, n, m, x: f.linear_transpose(lambda x: m @ x, x)(x)[0], M, V, batch=False, order=1)
    same(lambda f, n, m, x: f.vjp(lambda m: network(n, m, x), m)[1](x * x)[0], M, V)


def test_custom_rules():
    def by_jvp(f, n, x):
        @f.custom_jvp
        def twice_sine(x):
            return n.sin(x)

        twice_sine.defjvp(lambda primals, tangents: (n.sin(primals[0]), 2 * n.cos(primals[0]) * tangents[0]))
        return twice_sine(x) * x

    def by_vjp(f, n, x):
        @f.custom_vjp
        def clipped(x, y):
            return x * y

        clipped.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, ct: (n.clip(ct, -0.1, 0.1) * kept[1], ct * kept[0]))
        return clipped(n.sin(x), x)

    same(by_jvp, V)

    # JAX has no forward mode of custom_vjp: reverse mode alone, of the first order
    for x in (V, M):
        for run in (lambda f: f, functrace.jit):
            got = run(functrace.grad(lambda x: by_vjp(functrace, functrace.numpy, x).sum()))(x)
            expected = jax.grad(lambda x: by_vjp(jax, jnp, x).sum())(x)
            np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_checkpoint_and_jit():
    same(lambda f, n, m, x: f.checkpoint(lambda m, x: network(n, m, network(n, m, x)))(m, x), M, V)
    same(lambda f, n, m, x: f.jit(lambda m, x: network(n, m, x))(m, x) * x, M, V)


def test_vmap():
    same(lambda f, n, m, x: f.vmap(lambda row, x: n.sin(row @ x) * x, in_axes=(1, None), out_axes=1)(m, x), M, V)
    same(
        lambda f, n, m: f.vmap(lambda p: p["a"] * p["b"][0], in_axes=({"a": 0, "b": (1, None)},))(
            {"a": m, "b": (m, m)}
        ),
        M,
    )
    same(lambda f, n, m: f.vmap(f.vmap(lambda x: x * x, 0), 1)(m), M)
    same(lambda f, n, m: f.vmap(lambda x: f.lax.psum(x * x, "i") * x, axis_name="i")(m), M)


def test_scans():
    def step(n, carry, x):
        return n.sin(carry) * x + carry, carry * x

    for reverse in (False, True):
        same(lambda f, n, c, xs, r=reverse: f.lax.scan(lambda c, x: step(n, c, x), c, xs, reverse=r), V, draw((4, 3)))
    same(lambda f, n, c, xs: f.lax.scan(lambda c, x: (n.tanh(M @ c) + x, (c[0], None)), c, xs), V, draw((4, 3)))
    same(lambda f, n, xs: f.lax.map(lambda x: x * n.cos(x).sum(), xs), draw((4, 3)))
    same(lambda f, n, xs: f.lax.associative_scan(n.multiply, xs), draw((5, 2)))
    same(lambda f, n, xs: f.lax.associative_scan(lambda a, b: a @ b, xs, reverse=True), draw((4, 2, 2)), batch=False)


def test_loops():
    same(lambda f, n, x: f.lax.fori_loop(0, 4, lambda i, x: n.sin(x) * (i + 1), x), V)
    same(lambda f, n, x: f.lax.fori_loop(0, 3, lambda i, p: (p[0] * p[1], n.cos(p[1])), (x, x)), V)

    def halved(f, n, x):
        return f.lax.while_loop(lambda v: n.abs(v) > 0.3, lambda v: n.sin(v) * 0.5, x)

    # JAX has no reverse mode of while_loop: value and forward mode
    for x in (np.float64(1.7), np.float64(0.1), np.float64(-2.0)):
        same(halved, x, order=0)
        _, tangent = functrace.jvp(lambda x: halved(functrace, functrace.numpy, x), (x,), (np.float64(1.0),))
        _, expected = jax.jvp(lambda x: halved(jax, jnp, x), (x,), (np.float64(1.0),))
        np.testing.assert_allclose(tangent, expected, rtol=1e-12)
        np.testing.assert_allclose(
            functrace.grad(lambda x: halved(functrace, functrace.numpy, x))(x), expected, rtol=1e-12
        )


def test_branches():
    def chosen(f, n, x, y):
        return f.lax.cond(x[0] > y[0], lambda x, y: n.sin(x) * y, lambda x, y: x + y**2, x, y)

    same(chosen, V, V[::-1].copy())
    same(chosen, -V, V)
    for number in (0, 1, 2, 5):
        same(
            lambda f, n, i, x: f.lax.switch(i, [n.sin, n.cos, lambda x: x**3], x),
            np.int64(number),
            V,
            batch=number == 1,
        )


def test_taylor_series():
    from jax.experimental import jet as jax_jet

    for name in ("sin", "exp", "tanh", "log", "sqrt", "square", "expm1"):
        x, series = draw((3,), low=0.3), [draw((3,), seed=1), draw((3,), seed=2), draw((3,), seed=3)]
        got = functrace.jet(getattr(functrace.numpy, name), (x,), (series,))
        expected = jax_jet.jet(getattr(jnp, name), (x,), (series,))
        for mine, theirs in zip(functrace.tree.leaves(got), functrace.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, err_msg=name)


def test_shapes_without_values():
    got = functrace.eval_shape(lambda m, x: network(functrace.numpy, m, x), M, V)
    expected = jax.eval_shape(lambda m, x: network(jnp, m, x), M, V)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
