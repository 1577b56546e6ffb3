"""Functions given by what they solve."""

from __future__ import annotations

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.errors import ArgumentError, DifferentiationError, DtypeError, ShapeError, StructureError
from functrace.transforms.callbacks import pure_callback


def newton(f, x):
    def step(_, x):
        value, slope = functrace.jvp(f, (x,), (1.0,))
        return x - value / slope

    return lax.fori_loop(0, 60, step, x)


def scalar_solve(g, y):
    return y / g(1.0)


def cube_root(a):
    return lax.custom_root(lambda x: x**3 - a, 1.0, newton, scalar_solve)


# -- custom_root ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("inner", [lambda f: f, functrace.jit], ids=["", "inner jit"])
def test_a_root_and_its_derivatives_of_three_orders(compile, inner):
    root = inner(cube_root)
    expected = [2.0, 8 ** (-2 / 3) / 3, -2 / 9 * 8 ** (-5 / 3), 10 / 27 * 8 ** (-8 / 3)]
    f = root
    for value in expected:
        np.testing.assert_allclose(compile(f)(8.0), value, rtol=1e-12)
        f = functrace.grad(f)
    f = root
    for value in expected:
        np.testing.assert_allclose(compile(f)(8.0), value, rtol=1e-12)
        f = (lambda g: lambda a: functrace.jvp(g, (a,), (1.0,))[1])(f)


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_roots_of_a_batch(compile):
    a = np.array([1.0, 8.0, 27.0])
    np.testing.assert_allclose(compile(functrace.vmap(cube_root))(a), [1.0, 2.0, 3.0], rtol=1e-12)
    slopes = compile(functrace.vmap(functrace.grad(cube_root)))(a)
    np.testing.assert_allclose(slopes, a ** (-2 / 3) / 3, rtol=1e-12)
    by_sum = compile(functrace.grad(lambda a: fnp.sum(functrace.vmap(cube_root)(a))))(a)
    np.testing.assert_allclose(by_sum, slopes, rtol=1e-12)


def test_python_control_flow_in_the_solver_works_without_jit():
    def bisect(f, x):
        low, high = 0.0, 10.0
        while high - low > 1e-12:
            middle = (low + high) / 2
            low, high = (middle, high) if f(middle) < 0 else (low, middle)
        return middle

    def root(a):
        return lax.custom_root(lambda x: x**3 - a, 1.0, bisect, scalar_solve)

    np.testing.assert_allclose(root(8.0), 2.0)
    np.testing.assert_allclose(functrace.grad(root)(8.0), 1 / 12)


def test_a_root_of_a_pytree_by_several_parameters():
    """x² = a, x y = b: x = √a, y = b / √a."""

    def tangent_solve(g, t):
        xx = g({"x": 1.0, "y": 0.0})
        yy = g({"x": 0.0, "y": 1.0})["y"]
        x = t["x"] / xx["x"]
        return {"x": x, "y": (t["y"] - xx["y"] * x) / yy}

    def f(z, params):
        return {"x": z["x"] ** 2 - params[0], "y": z["x"] * z["y"] - params[1]}

    def newton2(g, guess):
        def step(_, z):
            value = g(z)
            slope = functrace.linearize(g, z)[1]
            dz = tangent_solve(slope, value)
            return {name: z[name] - dz[name] for name in z}

        return lax.fori_loop(0, 30, step, guess)

    def root(params):
        return lax.custom_root(lambda z: f(z, params), {"x": 1.0, "y": 1.0}, newton2, tangent_solve)

    a, b = 4.0, 6.0
    out = root((a, b))
    np.testing.assert_allclose([out["x"], out["y"]], [2.0, 3.0])
    by_a, by_b = functrace.grad(lambda p: root(p)["y"])((a, b))
    np.testing.assert_allclose([by_a, by_b], [-b / 2 * a**-1.5, a**-0.5])
    by_a, by_b = functrace.jit(functrace.grad(lambda p: root(p)["x"]))((a, b))
    np.testing.assert_allclose([by_a, by_b], [0.5 * a**-0.5, 0.0])


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_what_the_solver_gives_beside_the_root_has_no_derivative(compile):
    def solve(f, x):
        return newton(f, x), {"steps": 60, "residual": f(x)}

    def root(a):
        return lax.custom_root(lambda x: x**3 - a, 1.0, solve, scalar_solve, has_aux=True)

    value, rest = compile(root)(8.0)
    np.testing.assert_allclose([value, rest["residual"]], [2.0, -7.0])
    slope, rest = compile(functrace.grad(root, has_aux=True))(8.0)
    np.testing.assert_allclose(slope, 1 / 12)
    assert rest["steps"] == 60
    assert compile(functrace.grad(lambda a: root(a)[1]["residual"]))(8.0) == 0.0


def test_the_initial_guess_and_what_only_the_solvers_capture_have_no_derivative():
    def root(a, guess, damping):
        def solve(f, x):
            return newton(f, x * damping / damping)

        return lax.custom_root(lambda x: x**3 - a, guess, solve, lambda g, y: y * damping / (g(1.0) * damping))

    for compile in (lambda f: f, functrace.jit):
        gradients = compile(functrace.grad(root, argnums=(0, 1, 2)))(8.0, 1.5, 3.0)
        np.testing.assert_allclose(gradients, [1 / 12, 0.0, 0.0], atol=1e-14)
    np.testing.assert_allclose(functrace.grad(functrace.grad(root))(8.0, 1.5, 3.0), -2 / 9 * 8 ** (-5 / 3))


@pytest.mark.parametrize(
    ("f", "solve", "error", "words"),
    [
        (lambda x: (x, x), newton, StructureError, "custom_root: f"),
        (lambda x: x * np.ones(3), newton, ShapeError, "custom_root: f"),
        (lambda x: x, lambda f, x: (x, x), StructureError, "custom_root: solve"),
    ],
)
def test_results_of_another_structure_or_shape_are_errors(f, solve, error, words):
    with pytest.raises(error, match=words):
        functrace.grad(lambda a: lax.custom_root(lambda x: f(x * a), 1.0, solve, scalar_solve))(1.0)


def test_a_missing_pair_with_has_aux_is_an_error():
    with pytest.raises(ArgumentError, match="pair"):
        functrace.grad(lambda a: lax.custom_root(lambda x: x - a, 1.0, newton, scalar_solve, has_aux=True)[0])(1.0)


# -- custom_linear_solve ----------------------------------------------------------------------------------------------

A = np.array([[3.0, 1.0, 0.2], [0.5, 4.0, -0.3], [0.1, -0.6, 2.5]])
S = A @ A.T
B = np.array([1.0, 2.0, -1.0])


def richardson(matvec, b):
    """An iteration that converges for these matrices; its own derivative would be that of its steps."""
    return lax.fori_loop(0, 400, lambda _, x: x + 0.05 * (b - matvec(x)), fnp.zeros_like(b))


def solution(a, b):
    return lax.custom_linear_solve(lambda x: a @ x, b, richardson, richardson)


def symmetric_solution(a, b):
    return lax.custom_linear_solve(lambda x: a @ x, b, richardson, symmetric=True)


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("inner", [lambda f: f, functrace.jit], ids=["", "inner jit"])
def test_a_solution_and_its_derivatives(compile, inner):
    solve = inner(solution)
    x = np.linalg.solve(A, B)
    np.testing.assert_allclose(compile(solve)(A, B), x, rtol=1e-10)
    by_a, by_b = compile(functrace.grad(lambda a, b: fnp.sum(solve(a, b) ** 2), argnums=(0, 1)))(A, B)
    y = np.linalg.solve(A.T, 2 * x)
    np.testing.assert_allclose(by_b, y, rtol=1e-9)
    np.testing.assert_allclose(by_a, -np.outer(y, x), rtol=1e-9)
    da, db = np.cos(np.arange(9.0)).reshape(3, 3), np.array([0.3, -0.2, 1.0])
    out, change = compile(lambda a, b: functrace.jvp(solve, (a, b), (da, db)))(A, B)
    np.testing.assert_allclose(change, np.linalg.solve(A, db - da @ x), rtol=1e-9)
    np.testing.assert_allclose(out, x, rtol=1e-10)


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_second_derivatives_agree_with_finite_differences(compile):
    def slope(a):
        return fnp.sum(functrace.grad(lambda a: fnp.sum(solution(a, B) ** 2))(a) * np.cos(a))

    second = compile(functrace.grad(slope))(A)
    h = 1e-5
    for i in range(3):
        for j in range(3):
            step = np.zeros((3, 3))
            step[i, j] = h
            np.testing.assert_allclose(
                second[i, j], (slope(A + step) - slope(A - step)) / (2 * h), rtol=1e-5, atol=1e-8
            )


def test_the_inverse_is_the_jacobian_by_the_right_side():
    np.testing.assert_allclose(
        functrace.vmap(lambda b: functrace.jvp(lambda b: solution(A, b), (B,), (b,))[1])(np.eye(3)),
        np.linalg.inv(A).T,
        atol=1e-10,
    )
    np.testing.assert_allclose(
        functrace.vmap(lambda ct: functrace.vjp(lambda b: solution(A, b), B)[1](ct)[0])(np.eye(3)),
        np.linalg.inv(A),
        atol=1e-10,
    )


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("in_axes", [(0, 0), (0, None), (None, 0)])
def test_systems_of_a_batch(compile, in_axes):
    matrices = np.stack([A, A.T, 1.5 * A]) if in_axes[0] == 0 else A
    sides = np.stack([B, 2 * B, B[::-1]]) if in_axes[1] == 0 else B
    f = compile(functrace.vmap(functrace.grad(lambda a, b: fnp.sum(fnp.sin(solution(a, b))), (0, 1)), in_axes))
    by_a, by_b = f(matrices, sides)
    for i in range(3):
        a, b = matrices[i] if in_axes[0] == 0 else A, sides[i] if in_axes[1] == 0 else B
        x = np.linalg.solve(a, b)
        y = np.linalg.solve(a.T, np.cos(x))
        np.testing.assert_allclose(by_b[i], y, rtol=1e-8)
        np.testing.assert_allclose(by_a[i], -np.outer(y, x), rtol=1e-8)


def test_a_symmetric_system_needs_no_transposed_solver():
    x = np.linalg.solve(S / 3, B)
    by_a, by_b = functrace.grad(lambda a, b: fnp.sum(symmetric_solution(a, b)), argnums=(0, 1))(S / 3, B)
    y = np.linalg.solve(S / 3, np.ones(3))
    np.testing.assert_allclose(by_b, y, rtol=1e-6)
    np.testing.assert_allclose(by_a, -np.outer(y, x), rtol=1e-6)


def test_reverse_mode_without_a_transposed_solver_is_an_error_that_says_so():
    def solve(b):
        return fnp.sum(lax.custom_linear_solve(lambda x: A @ x, b, richardson))

    np.testing.assert_allclose(
        functrace.jvp(solve, (B,), (np.ones(3),))[1], np.linalg.solve(A, np.ones(3)).sum(), rtol=1e-9
    )
    with pytest.raises(DifferentiationError, match="transpose_solve"):
        functrace.grad(solve)(B)


def test_the_solver_is_not_differentiated():
    """A solver that no derivative can go through."""

    def opaque(matvec, b):
        return pure_callback(lambda b: np.linalg.solve(A, b), functrace.ShapeDtypeStruct((3,), float), b)

    def transposed(vecmat, b):
        return pure_callback(lambda b: np.linalg.solve(A.T, b), functrace.ShapeDtypeStruct((3,), float), b)

    f = lambda b: fnp.sum(lax.custom_linear_solve(lambda x: A @ x, b, opaque, transposed))  # noqa: E731
    expected = np.linalg.solve(A.T, np.ones(3))
    np.testing.assert_allclose(functrace.grad(f)(B), expected)
    np.testing.assert_allclose(functrace.jit(functrace.grad(f))(B), expected)


@pytest.mark.parametrize("compile", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_pytrees_and_what_the_solver_gives_beside_the_solution(compile):
    """A diagonal system."""

    def solve(d, b):
        def divide(matvec, b):
            return {name: b[name] / d[name] for name in b}, {"steps": 1}

        return lax.custom_linear_solve(
            lambda x: {name: d[name] * x[name] for name in x}, b, divide, divide, has_aux=True
        )

    d, b = {"u": np.array([2.0, 4.0]), "v": 5.0}, {"u": np.array([1.0, 3.0]), "v": 10.0}
    out, rest = compile(solve)(d, b)
    np.testing.assert_allclose(out["u"], [0.5, 0.75])
    assert rest["steps"] == 1
    by_d, by_b = compile(
        functrace.grad(lambda d, b: fnp.sum(solve(d, b)[0]["u"]) + solve(d, b)[0]["v"], argnums=(0, 1))
    )(d, b)
    np.testing.assert_allclose(by_b["u"], 1 / d["u"])
    np.testing.assert_allclose(by_b["v"], 0.2)
    np.testing.assert_allclose(by_d["u"], -b["u"] / d["u"] ** 2)
    np.testing.assert_allclose(by_d["v"], -0.4)


def test_integers_and_wrong_shapes_are_errors():
    with pytest.raises(DtypeError, match="floats"):
        functrace.jit(lambda b: lax.custom_linear_solve(lambda x: x, b, lambda m, b: b))(np.arange(3))
    with pytest.raises(ShapeError, match="matvec"):
        functrace.jit(lambda b: lax.custom_linear_solve(lambda x: x[:2], b, lambda m, b: b))(B)
    with pytest.raises(ShapeError, match="custom_linear_solve: solve"):
        functrace.jit(lambda b: lax.custom_linear_solve(lambda x: x, b, lambda m, b: b[:2]))(B)


def test_single_precision_stays():
    gradient = functrace.grad(lambda b: fnp.sum(solution(A.astype(np.float32), b)))(B.astype(np.float32))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, np.linalg.solve(A.T, np.ones(3)), rtol=1e-5)


def test_a_solution_inside_a_scan():
    def step(x, _):
        return solution(A, x), None

    gradient = functrace.grad(lambda b: fnp.sum(lax.scan(step, b, None, length=2)[0]))(B)
    np.testing.assert_allclose(gradient, np.linalg.solve((A @ A).T, np.ones(3)), rtol=1e-8)
