"""Transforms of transforms, to any depth and in any order, against closed forms; no perturbation is confused."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import functrace
from functrace import grad, jit, jvp, linearize, make_jaxpr, value_and_grad, vjp, vmap
from functrace.core.jaxpr import check_jaxpr, eval_jaxpr

# ---------------------------------------------------------------------------------------------------------------------
# every way to take a derivative
# ---------------------------------------------------------------------------------------------------------------------


def by_evaluated_jaxpr(f):
    def derivative(x):
        closed = make_jaxpr(grad(f))(x)
        return eval_jaxpr(closed.jaxpr, closed.consts, x)[0]

    return derivative


def by_captured_pullback(f):
    def derivative(x):
        _, pullback = vjp(f, x)
        return jit(lambda: pullback(1.0)[0])()

    return derivative


DERIVATIVES = {
    "grad": grad,
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "linearize": lambda f: lambda x: linearize(f, x)[1](1.0),
    "jit of grad": lambda f: jit(grad(f)),
    "grad of jit": lambda f: grad(jit(f)),
    "jit of jvp": lambda f: jit(lambda x: jvp(f, (x,), (1.0,))[1]),
    "jvp of jit": lambda f: lambda x: jvp(jit(f), (x,), (1.0,))[1],
    "linearize of jit": lambda f: lambda x: linearize(jit(f), x)[1](1.0),
    "jit of vjp of jit": lambda f: jit(lambda x: vjp(jit(f), x)[1](1.0)[0]),
    "vmap of grad": lambda f: lambda x: vmap(grad(f))(np.ones(2) * x)[0],
    "grad of vmap": lambda f: lambda x: grad(lambda x: vmap(f)(x * np.ones(2))[1])(x),
    "vmap of jvp": lambda f: lambda x: vmap(lambda t: jvp(f, (x,), (t,))[1])(np.array([1.0, 3.0]))[0],
    "an evaluated jaxpr": by_evaluated_jaxpr,
    "a captured pullback": by_captured_pullback,
}
SHORT = ["grad", "jvp", "linearize", "jit of grad", "grad of jit", "jvp of jit", "vmap of grad"]


def f(x):
    return np.sin(x) * x


def nth_derivative(n, x):
    """Of x sin x: x sin(x + n π/2) + n sin(x + (n - 1) π/2)."""
    return x * math.sin(x + n * math.pi / 2) + n * math.sin(x + (n - 1) * math.pi / 2)


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(DERIVATIVES, repeat=2)))
def test_a_second_derivative_by_any_two_transforms(outer, inner):
    second = DERIVATIVES[outer](DERIVATIVES[inner](f))
    assert float(second(0.7)) == pytest.approx(nth_derivative(2, 0.7), rel=1e-12)


@pytest.mark.parametrize(("outer", "middle", "inner"), list(itertools.product(SHORT, repeat=3)))
def test_a_third_derivative_by_any_three_transforms(outer, middle, inner):
    third = DERIVATIVES[outer](DERIVATIVES[middle](DERIVATIVES[inner](f)))
    assert float(third(0.7)) == pytest.approx(nth_derivative(3, 0.7), rel=1e-11)


@pytest.mark.parametrize("name", ["grad", "jvp", "jit of grad", "grad of jit", "linearize"])
def test_derivatives_to_the_sixth_order(name):
    derivative = f
    for order in range(1, 7):
        derivative = DERIVATIVES[name](derivative)
        if order % 2 == 0:
            assert float(derivative(0.7)) == pytest.approx(nth_derivative(order, 0.7), rel=1e-9)


def test_jit_of_grad_of_jit_of_grad_of_jit():
    assert jit(grad(jit(grad(jit(f)))))(0.7) == pytest.approx(nth_derivative(2, 0.7))


def test_the_jaxpr_of_each_transform_is_well_formed():
    for name, derivative in DERIVATIVES.items():
        if name not in ("an evaluated jaxpr", "a captured pullback"):
            check_jaxpr(make_jaxpr(derivative(f))(0.7))
            check_jaxpr(make_jaxpr(derivative(derivative(jit(f))))(np.float64(0.7)))


def test_a_mixed_derivative_does_not_depend_on_the_order():
    def g(x, y):
        return np.sin(x * y) + x**3 * y

    expected = math.cos(0.6) - 0.6 * math.sin(0.6) + 3 * 0.3**2
    for one, two in itertools.product((grad, lambda f, i: jit(grad(jit(f), i))), repeat=2):
        assert one(two(g, 0), 1)(0.3, 2.0) == pytest.approx(expected)
        assert one(two(g, 1), 0)(0.3, 2.0) == pytest.approx(expected)


def test_a_hessian_vector_product_in_each_order_of_modes():
    matrix = np.array([[2.0, 1.0], [0.5, 3.0]])
    x, v = np.array([0.3, -0.4]), np.array([1.0, 2.0])

    def energy(x):
        return np.sum(np.exp(matrix @ x))

    weights = np.exp(matrix @ x)
    expected = matrix.T @ (weights * (matrix @ v))
    results = [
        jvp(grad(energy), (x,), (v,))[1],
        grad(lambda x: jvp(energy, (x,), (v,))[1])(x),
        grad(lambda x: np.dot(grad(energy)(x), v))(x),
        vjp(grad(energy), x)[1](v)[0],
        linearize(grad(energy), x)[1](v),
        jit(lambda x, v: jvp(grad(jit(energy)), (x,), (v,))[1])(x, v),
        linearize(jit(grad(energy)), x)[1](v),
    ]
    for result in results:
        np.testing.assert_allclose(result, expected, rtol=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# perturbation confusion
# ---------------------------------------------------------------------------------------------------------------------

D = {
    name: DERIVATIVES[name] for name in ("grad", "jvp", "vjp", "linearize", "jit of grad", "grad of jit", "jvp of jit")
}
pairs = pytest.mark.parametrize(("outer", "inner"), list(itertools.product(D, repeat=2)))


@pairs
def test_the_inner_derivative_takes_the_outer_variable_for_a_constant(outer, inner):
    # d/dx (x · d/dy (x + y)) = d/dx (x · 1) = 1; confused: 2
    assert float(D[outer](lambda x: x * D[inner](lambda y: x + y)(1.0))(1.0)) == 1.0


@pairs
def test_an_inner_derivative_of_a_product_with_the_outer_variable(outer, inner):
    # d/dx (x · d/dy (x · y)) = d/dx x² = 2x
    assert float(D[outer](lambda x: x * D[inner](lambda y: x * y)(3.0))(5.0)) == 10.0


@pairs
def test_an_inner_derivative_taken_at_the_outer_variable(outer, inner):
    # d/dx (x · d/dy (x · y²) at y = x) = d/dx 2x³ = 6x²
    assert float(D[outer](lambda x: x * D[inner](lambda y: x * y * y)(x))(2.0)) == 24.0


@pairs
def test_an_inner_function_that_ignores_its_argument(outer, inner):
    assert float(D[outer](lambda x: D[inner](lambda y: x * x)(x))(3.0)) == 0.0
    assert float(D[outer](lambda x: D[inner](lambda y: y * y)(3.0) * x)(4.0)) == 6.0


@pairs
def test_two_inner_derivatives_side_by_side(outer, inner):
    def g(x):
        first = D[inner](lambda y: np.sin(x * y))(1.0)  # x cos x
        second = D[inner](lambda y: np.exp(x + y))(x)  # exp 2x
        return first * second

    x = 0.4
    expected = math.exp(2 * x) * (math.cos(x) - x * math.sin(x) + 2 * x * math.cos(x))
    assert float(D[outer](g)(x)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("a", "b", "c"), list(itertools.product(["grad", "jvp", "linearize", "jit of grad"], repeat=3))
)
def test_three_levels_of_closures_over_each_other(a, b, c):
    # x · d/dy (x y · d/dz (x y z)) at y = x, z = y: d/dy (x² y²) · x = 2 x³ y; at y = x: 2x⁴; d/dx: 8x³
    def of_x(x):
        def of_y(y):
            return x * y * D[c](lambda z: x * y * z)(y)

        return x * D[b](of_y)(x)

    assert float(D[a](of_x)(1.5)) == pytest.approx(8 * 1.5**3)


def test_an_inner_jit_that_captures_the_outer_variable():
    for name, derivative in D.items():

        def cube(x):
            times_x = jit(lambda y: x * y)
            return times_x(times_x(x))

        assert float(derivative(cube)(2.0)) == 12.0, name
        assert float(derivative(derivative(cube))(2.0)) == 12.0, name


def test_an_inner_jit_without_arguments_that_captures_the_outer_variable():
    for name, derivative in D.items():
        assert float(derivative(lambda x: jit(lambda: x * x)())(3.0)) == 6.0, name


def test_a_jitted_function_used_at_two_levels_at_once():
    square = jit(lambda x: x * x)
    for name, derivative in D.items():
        # d/dx (x² · d/dy (y² x²) at y = x) = d/dx 2x⁵
        g = derivative(lambda x, d=derivative: square(x) * d(lambda y: square(y) * square(x))(x))
        assert float(g(1.5)) == pytest.approx(10 * 1.5**4), name


def test_control_flow_on_the_values_of_both_levels():
    def g(x):
        def inner(y):
            return y * y if y > x else y * x

        return grad(inner)(2.0) * x if x > 0 else x

    assert grad(g)(1.0) == 4.0  # y > x: 2y · x
    assert grad(g)(3.0) == 6.0  # y < x: x · x
    assert grad(g)(-1.0) == 1.0


def test_a_pullback_made_outside_and_used_inside_another_derivative():
    _, pullback = vjp(np.sin, 0.5)
    assert grad(lambda t: pullback(t)[0] * t)(3.0) == pytest.approx(2 * 3.0 * math.cos(0.5))
    _, linear = linearize(np.sin, 0.5)
    assert grad(lambda t: linear(t) * t)(3.0) == pytest.approx(2 * 3.0 * math.cos(0.5))


def test_a_pullback_made_at_a_traced_place_carries_its_derivative():
    def g(x):
        _, pullback = vjp(np.sin, x)
        return pullback(2.0)[0]

    assert grad(g)(0.5) == pytest.approx(-2 * math.sin(0.5))
    assert jit(grad(g))(0.5) == pytest.approx(-2 * math.sin(0.5))
    assert jvp(g, (0.5,), (1.0,))[1] == pytest.approx(-2 * math.sin(0.5))

    def h(x):
        value, linear = linearize(lambda y: np.sin(y) * x, x)
        return linear(1.0) * value

    # (x cos x) · (x sin x)
    expected = 2 * 0.5 * math.cos(0.5) * math.sin(0.5) + 0.25 * math.cos(1.0)
    assert grad(h)(0.5) == pytest.approx(expected)
    assert jit(grad(h))(0.5) == pytest.approx(expected)


def test_a_gradient_step_inside_a_loss_is_differentiated_through():
    # the loss after one step of gradient descent on (w - a)² with rate r, by r
    def after_a_step(rate):
        w = 0.0 - rate * grad(lambda w: (w - 3.0) ** 2)(0.0)
        return (w - 3.0) ** 2

    # w = 6 r; (6 r - 3)²; derivative 12 (6 r - 3)
    for derivative in (grad(after_a_step), jit(grad(jit(after_a_step)))):
        assert derivative(0.1) == pytest.approx(12 * (0.6 - 3))


def test_a_vmapped_gradient_of_a_function_that_closes_over_an_outer_variable():
    def g(a):
        return np.sum(vmap(grad(lambda x: a * x**3))(np.array([1.0, 2.0])))

    assert grad(g)(5.0) == 3.0 * (1 + 4)
    assert jit(grad(g))(5.0) == 3.0 * (1 + 4)


def test_recursion_through_jit():
    def power(x, n):
        return x if n == 1 else x * compiled(x, n - 1)

    compiled = jit(power, static_argnums=1)
    assert compiled(2.0, 5) == 32.0
    assert grad(compiled)(2.0, 5) == 80.0
    assert jit(grad(compiled), static_argnums=1)(2.0, 5) == 80.0


def test_jit_inside_jit_inside_jit():
    g = jit(lambda x: jit(lambda y: jit(lambda z: z * y * x)(y + 1.0))(x + 1.0))
    # x (x + 1) (x + 2)
    assert g(2.0) == 24.0
    assert grad(g)(2.0) == 3 * 4 + 6 * 2 + 2
    assert functrace.jit(grad(grad(g)))(2.0) == 6 * 2 + 6
