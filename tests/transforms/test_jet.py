"""`jet` and `derivatives` against closed forms, polynomials composed by NumPy, and nested `grad` and `jvp`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import Polynomial

import functrace
import functrace.numpy as fnp
from functrace import lax, tree
from functrace.core.aval import float0
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError, StructureError
from functrace.transforms.jacobians import hessian
from functrace.transforms.jet import derivatives, jet


def close(got, expected, rtol=1e-9, atol=1e-9):
    np.testing.assert_allclose(np.asarray(got, complex), np.asarray(expected, complex), rtol=rtol, atol=atol)


def by_nested_grad(f, x, order):
    out = []
    for _ in range(order + 1):
        out.append(f(x))
        f = functrace.grad(f)
    return out


# ---- closed forms


def tanh_coefficients(count):
    """Of tanh at 0: y' = 1 - y², solved for rational coefficients by hand."""
    c = [0.0]
    for k in range(count):
        c.append(((k == 0) - sum(c[j] * c[k - j] for j in range(k + 1))) / (k + 1))
    return c


def binomials(exponent, count):
    """Of (1 + x) to a power."""
    c = [1.0]
    for k in range(count):
        c.append(c[-1] * (exponent - k) / (k + 1))
    return c


ORDER = 12
AT_ZERO = {
    "exp": (fnp.exp, [1 / math.factorial(k) for k in range(ORDER + 1)]),
    "expm1": (fnp.expm1, [0.0] + [1 / math.factorial(k) for k in range(1, ORDER + 1)]),
    "exp2": (fnp.exp2, [math.log(2) ** k / math.factorial(k) for k in range(ORDER + 1)]),
    "sin": (fnp.sin, [(0, 1, 0, -1)[k % 4] / math.factorial(k) for k in range(ORDER + 1)]),
    "cos": (fnp.cos, [(1, 0, -1, 0)[k % 4] / math.factorial(k) for k in range(ORDER + 1)]),
    "sinh": (fnp.sinh, [(k % 2) / math.factorial(k) for k in range(ORDER + 1)]),
    "cosh": (fnp.cosh, [(1 - k % 2) / math.factorial(k) for k in range(ORDER + 1)]),
    "tanh": (fnp.tanh, tanh_coefficients(ORDER)),
    "arctan": (fnp.arctan, [0.0] + [(0, 1, 0, -1)[k % 4] / k for k in range(1, ORDER + 1)]),
    "arctanh": (fnp.arctanh, [0.0] + [(k % 2) / k for k in range(1, ORDER + 1)]),
    "log1p": (fnp.log1p, [0.0] + [-((-1) ** k) / k for k in range(1, ORDER + 1)]),
    "1 / (1 - x)": (lambda x: 1 / (1 - x), [1.0] * (ORDER + 1)),
    "reciprocal": (lambda x: fnp.reciprocal(1 + x), [(-1.0) ** k for k in range(ORDER + 1)]),
    "sqrt(1 + x)": (lambda x: fnp.sqrt(1 + x), binomials(0.5, ORDER)),
    "cbrt(1 + x)": (lambda x: fnp.cbrt(1 + x), binomials(1 / 3, ORDER)),
    "(1 + x) ** -2.5": (lambda x: (1 + x) ** -2.5, binomials(-2.5, ORDER)),
    "x ** 5": (lambda x: x**5, [float(k == 5) for k in range(ORDER + 1)]),
    "a polynomial": (lambda x: 3 + x * (2 - x * x), [3.0, 2.0, 0.0, -1.0] + [0.0] * (ORDER - 3)),
}


@pytest.mark.parametrize("name", AT_ZERO)
@pytest.mark.parametrize("jit", [False, True])
def test_taylor_coefficients_are_those_of_the_closed_form(name, jit):
    f, expected = AT_ZERO[name]

    def coefficients(x):
        value, terms = jet(f, (x,), ([1.0] + [0.0] * (ORDER - 1),), factorial_scaled=False)
        return [value, *terms]

    close((functrace.jit(coefficients) if jit else coefficients)(0.0), expected, rtol=1e-11, atol=1e-13)


def test_the_twentieth_derivative_of_tanh_is_its_polynomial_in_tanh():
    polynomial = Polynomial([0, 1])
    for _ in range(20):
        polynomial = polynomial.deriv() * Polynomial([1, 0, -1])
    close(derivatives(fnp.tanh, 0.5, 20)[-1], polynomial(math.tanh(0.5)), rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    outer=st.lists(st.floats(-2, 2), min_size=1, max_size=5),
    inner=st.lists(st.floats(-2, 2), min_size=5, max_size=5),
)
def test_a_polynomial_along_a_curve_is_the_composed_polynomial(outer, inner):
    composed = Polynomial(outer)(Polynomial(inner))
    expected = np.pad(composed.coef, (0, 30))[:5]

    def horner(x):
        value = outer[-1]
        for coefficient in outer[-2::-1]:
            value = value * x + coefficient
        return value + 0 * x

    value, terms = jet(horner, (inner[0],), (inner[1:],), factorial_scaled=False)
    close([value, *terms], expected, atol=1e-7)


def test_terms_are_derivatives_unless_asked_otherwise():
    series = [0.5, -1.0, 2.0]
    scaled = [term / math.factorial(k) for k, term in enumerate(series, 1)]
    value, terms = jet(fnp.sin, (0.3,), (series,))
    same, coefficients = jet(fnp.sin, (0.3,), (scaled,), factorial_scaled=False)
    assert value == same
    close([c * math.factorial(k) for k, c in enumerate(coefficients, 1)], terms)


# ---- every elementwise function, against nested grad

ROWS = (
    "abs arccos arcsin arcsinh arctan arctanh cbrt cos cosh degrees exp exp2 expm1 floor log log10 log1p log2 negative "
    "positive radians reciprocal sign sin sinh sqrt square tan tanh"
)
ELEMENTWISE = {name: getattr(fnp, name) for name in ROWS.split()} | {
    "arccosh": lambda x: fnp.arccosh(1 + x),
    "logistic": lax.logistic,
    "a whole power": lambda x: x**7,
    "a negative power": lambda x: x**-3,
    "a fractional power": lambda x: x**2.5,
    "the zeroth power": lambda x: x**0 + x,
    "a power of a number": lambda x: 2.0**x,
    "a power of itself": lambda x: x**x,
    "a power of an array": lambda x: fnp.sum(x ** np.array([0.0, 1.0, 2.0, 0.5, -1.0])),
    "a quotient": lambda x: fnp.sin(x) / (x + fnp.exp(x)),
    "a quotient by a constant": lambda x: fnp.sin(x) / 3.0,
    "a quotient of a constant": lambda x: 3.0 / fnp.sin(x),
    "differences": lambda x: (1 - x) - fnp.exp(x) - 2.0,
    "arctan2": lambda x: fnp.arctan2(fnp.sin(x), 1 + x * x),
    "hypot": lambda x: fnp.hypot(x, x * x),
    "logaddexp": lambda x: fnp.logaddexp(x, fnp.sin(3 * x)),
    "logaddexp2": lambda x: fnp.logaddexp2(x, 1.0),
    "maximum": lambda x: fnp.maximum(x**3, x**4) + fnp.minimum(x**3, x**4) ** 2,
    "clip": lambda x: fnp.clip(x**2, 0.1, 0.9) * x + fnp.clip(x, 0.9, 2.0),
    "where": lambda x: fnp.where(x > 0, fnp.sin(x), x) * fnp.where(np.array(True), x, 1.0),
    "remainder": lambda x: fnp.remainder(5 * x * x, 0.3),
    "copysign": lambda x: fnp.copysign(x * x, -x),
    "i0": fnp.i0,
    "stop_gradient": lambda x: lax.stop_gradient(x) * x,
    "both halves of a complex number": lambda x: (fnp.exp(1j * x * x) * x).imag + abs(fnp.exp((1 + 1j) * x)),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_functions_agree_with_nested_grad(name):
    f = ELEMENTWISE[name]
    expected = by_nested_grad(lambda x: f(x) * 1.0, 0.6, 4)
    close(derivatives(f, 0.6, 4), expected)
    close(functrace.jit(lambda x: derivatives(f, x, 4))(0.6), expected)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 6, np.float64(4.0), np.int64(3)])
@pytest.mark.parametrize("jit", [False, True])
def test_whole_powers_are_right_at_zero(exponent, jit):
    f = lambda x: derivatives(lambda x: x**exponent, x, 7)  # noqa: E731
    expected = [math.factorial(k) if k == exponent else 0.0 for k in range(8)]
    close((functrace.jit(f) if jit else f)(0.0), expected)


def test_a_fractional_power_at_zero_has_the_derivatives_that_are_finite():
    close(derivatives(lambda x: x**3.5, 0.0, 3), [0.0, 0.0, 0.0, 0.0])


def test_a_power_with_zeros_among_its_bases_is_right_everywhere():
    x = np.array([0.0, 2.0])
    got = derivatives(lambda x: x**3.0, x, 3)
    close(got, [[0, 8], [0, 12], [0, 12], [6, 6]])


# ---- curves


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4), st.integers(0, 3))
def test_derivatives_along_a_curve_are_those_of_the_composed_function(curve, which):
    f = (fnp.sin, fnp.exp, lambda x: fnp.tanh(x) * x, lambda x: 1 / (3 + x))[which]

    def composed(t):
        return f(curve[0] + t * (curve[1] + t * (curve[2] / 2 + t * curve[3] / 6)))

    value, terms = jet(f, (curve[0],), (curve[1:],))
    close([value, *terms], by_nested_grad(composed, 0.0, 3), atol=1e-8)


def test_several_arguments_move_together():
    def f(x, y):
        return fnp.sin(x) * fnp.exp(y) + x / (2 + y)

    x, y = (0.3, [1.0, 0.5, -1.0]), (0.2, [-2.0, 0.0, 3.0])

    def composed(t):
        return f(
            x[0] + t * (x[1][0] + t * (x[1][1] / 2 + t * x[1][2] / 6)),
            y[0] + t * (y[1][0] + t * (y[1][1] / 2 + t * y[1][2] / 6)),
        )

    value, terms = jet(f, (x[0], y[0]), (x[1], y[1]))
    close([value, *terms], by_nested_grad(composed, 0.0, 3))


# ---- arrays

X = np.array([[0.5, 1.5, -0.7], [0.9, -1.2, 0.4]])
DX = [np.arange(6.0).reshape(2, 3) / 5, np.ones((2, 3)), np.cos(X)]

ARRAYS = {
    "sum": lambda x: fnp.sum(fnp.sin(x), axis=0),
    "matmul of both": lambda x: x @ fnp.sin(x).T,
    "matmul by a constant": lambda x: np.ones((4, 2)) @ x,
    "einsum": lambda x: fnp.einsum("ij,kj->ik", x, x * x),
    "shapes": lambda x: fnp.concatenate([x.T.reshape(-1), fnp.broadcast_to(x[0], (2, 3)).ravel()])[::-1],
    "indices": lambda x: x[np.array([0, 1, 1]), 1:] * x[1, 2],
    "writing": functrace.jit(lambda x: x.at[0].set(x[1] ** 2).at[1, 1].add(x[0, 0]).at[0, 0].multiply(x[0, 1])),
    "stack and pad": lambda x: fnp.pad(fnp.stack([x, x * x]), 1, constant_values=2.0),
    "cumsum": lambda x: fnp.cumsum(x * x, axis=1),
    "cumprod": lambda x: fnp.cumprod(x, axis=1),
    "prod": lambda x: fnp.prod(x, axis=0),
    "prod with a zero": lambda x: fnp.prod(x - 0.5, axis=1),
    "max": lambda x: fnp.max(x * x, axis=1),
    "sort": lambda x: fnp.sort(x**3, axis=1),
    "logsumexp": lambda x: lax.logsumexp(x, axis=1, keepdims=True),
    "softmax": lambda x: fnp.exp(x - lax.logsumexp(x, axis=1, keepdims=True)),
    "cumlogsumexp": lambda x: lax.cumlogsumexp(x, axis=1),
    "convolve": lambda x: fnp.convolve(x[0], fnp.sin(x[1])),
    "norm": lambda x: fnp.sqrt(fnp.sum(x * x)),
    "mean and variance": lambda x: (fnp.mean(x, axis=0), fnp.var(x)),
    "broadcasting": lambda x: x[0] * x[:, :1] + x[0, 0] - x,
    "a window": lambda x: lax.dynamic_slice(x, (0, 1), (2, 2)) * lax.dynamic_update_slice(x, x[:1] ** 2, (1, 0))[:, 1:],
    "where with shapes": lambda x: fnp.where(np.arange(3) > 0, x[0, 0], np.ones((2, 3))),
    "real and imaginary": lambda x: ((1j * x + x * x) * x).imag,
}


def along(f, x, terms, order):
    """Derivatives of ``f`` along the curve with these derivatives, by nested jvp."""

    def curve(t):
        return x + sum(term * (t ** (k + 1) / math.factorial(k + 1)) for k, term in enumerate(terms))

    def composed(t):
        return f(curve(t))

    out = []
    for _ in range(order + 1):
        out.append(composed(0.0))
        composed = (lambda g: lambda t: functrace.jvp(g, (t,), (1.0,))[1])(composed)
    return out


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("jit", [False, True])
def test_functions_of_arrays_agree_with_nested_jvp(name, jit):
    f = ARRAYS[name]
    expected = along(f, X, DX, 3)
    run = lambda x, terms: jet(f, (x,), (terms,))  # noqa: E731
    value, series = (functrace.jit(run) if jit else run)(X, DX)
    leaves, treedef = tree.flatten(value)
    columns = treedef.flatten_up_to(series)
    for k in range(4):
        got = leaves if k == 0 else [column[k - 1] for column in columns]
        for a, b in zip(got, tree.leaves(expected[k]), strict=True):
            assert np.shape(a) == np.shape(b) and a.dtype == np.float64
            close(a, b)


# ---- programs inside

PROGRAMS = {
    "jit": functrace.jit(lambda x: fnp.sin(x) * x),
    "scan": lambda x: lax.scan(lambda c, a: (fnp.sin(c) * x + a, c * x), x, np.arange(3.0))[1].sum(),
    "scan from a constant": lambda x: lax.scan(lambda c, a: (c + a * x, c * c), 1.0, np.arange(3.0)),
    "scan over traced inputs": lambda x: lax.scan(
        lambda c, a: (c * a, c + a), 1.0, x * np.arange(1.0, 4.0), reverse=True
    ),
    "a carry that counts": lambda x: lax.scan(lambda c, _: ((c[0] + 1, c[1] * x), c[0]), (0, x), None, length=3)[0][1],
    "fori_loop": lambda x: lax.fori_loop(0, 4, lambda i, c: fnp.sin(c) * x + i, x),
    "while_loop": lambda x: lax.while_loop(lambda c: c[0] < 4, lambda c: (c[0] + 1, fnp.sin(c[1]) * x), (0, x))[1],
    "cond": lambda x: lax.cond(x > 0, lambda x: fnp.sin(x) * x, lambda x: 2.0, x),
    "the other branch": lambda x: lax.cond(x < 0, lambda x: fnp.sin(x) * x, lambda x: 2.0 + x - x, x) * x,
    "switch": lambda x: lax.switch(2, [lambda x: x, fnp.sin, fnp.exp], x),
    "associative_scan": lambda x: lax.associative_scan(lambda a, b: a * b, x + np.arange(4.0)),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("jit", [False, True])
def test_series_go_through_programs(name, jit):
    f = PROGRAMS[name]
    run = lambda x: derivatives(f, x, 3)  # noqa: E731
    got = (functrace.jit(run) if jit else run)(0.6)
    expected = along(f, 0.6, [1.0], 3)
    for a, b in zip(tree.leaves(got), tree.leaves(expected), strict=True):
        close(a, b)


def test_a_custom_jvp_rule_is_the_derivative():
    @functrace.custom_jvp
    def round_straight_through(x):
        return fnp.round(x)

    round_straight_through.defjvp(lambda primals, tangents: (round_straight_through(primals[0]), tangents[0]))
    close(derivatives(lambda x: round_straight_through(x**2), 1.4, 3), [2.0, 2.8, 2.0, 0.0])

    @functrace.custom_jvp
    def softplus(x):
        return fnp.log1p(fnp.exp(x))

    softplus.defjvp(lambda primals, tangents: (softplus(primals[0]), tangents[0] / (1 + fnp.exp(-primals[0]))))
    close(derivatives(softplus, 0.3, 5), derivatives(lambda x: fnp.logaddexp(x, 0.0), 0.3, 5))
    assert np.isfinite(derivatives(softplus, 100.0, 5)).all()


def solve_two_by_two(matvec, b):
    m = fnp.stack([matvec(e) for e in np.eye(2)], axis=1)
    determinant = m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
    return fnp.stack([m[1, 1] * b[0] - m[0, 1] * b[1], m[0, 0] * b[1] - m[1, 0] * b[0]]) / determinant


def test_a_linear_system_is_solved_once_for_each_coefficient():
    solves = 0

    def counted(matvec, b):
        functrace.debug.callback(count)
        return solve_two_by_two(matvec, b)

    def count():
        nonlocal solves
        solves += 1

    def system(t):
        return np.array([[3.0, 1.0], [1.0, 2.0]]) + t * np.array([[1.0, 0.5], [0.5, 0.0]]), fnp.stack([fnp.sin(t), t])

    def implicit(t):
        matrix, b = system(t)
        return lax.custom_linear_solve(lambda x: matrix @ x, b, counted, symmetric=True)

    def explicit(t):
        matrix, b = system(t)
        return solve_two_by_two(lambda x: matrix @ x, b)

    got = derivatives(implicit, 0.3, 10)
    assert solves <= 12
    for a, b in zip(got, derivatives(explicit, 0.3, 10), strict=True):
        close(a, b, rtol=1e-8)


def test_a_root_is_differentiated_by_the_implicit_function_theorem():
    def root(a):
        def newton(f, start):
            return lax.fori_loop(0, 40, lambda i, x: x - f(x) / (3 * x * x), start)

        return lax.custom_root(lambda x: x**3 - a, 1.0, newton, lambda g, y: y / g(1.0))

    close(derivatives(root, 2.0, 5), derivatives(fnp.cbrt, 2.0, 5))


def test_checkpoints_and_barriers_are_looked_through():
    f = functrace.checkpoint(lambda y: fnp.sin(functrace.ad_checkpoint.checkpoint_name(2 * y, "doubled")))
    close(derivatives(lambda x: f(lax.optimization_barrier(x)), 0.3, 3), derivatives(lambda x: fnp.sin(2 * x), 0.3, 3))


def test_a_custom_vjp_function_is_followed_itself():
    @functrace.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (cube(x), x), lambda x, ct: (100 * ct * x,))
    close(derivatives(cube, 2.0, 3), [8.0, 12.0, 12.0, 6.0])


# ---- with other transforms


def test_jet_batches_over_primals_and_series():
    x = np.linspace(0, 1, 4)
    value, (first, second) = functrace.vmap(lambda x: jet(fnp.sin, (x,), ([1.0, 0.0],)))(x)
    close(value, np.sin(x))
    close(first, np.cos(x))
    close(second, -np.sin(x))
    _, (first, second) = functrace.vmap(lambda t: jet(fnp.sin, (0.5,), ([t, 2 * t],)))(x)
    close(first, np.cos(0.5) * x)
    close(second, -np.sin(0.5) * x**2 + 2 * np.cos(0.5) * x)


@pytest.mark.parametrize("jit", [False, True])
def test_jet_is_differentiated_by_its_primals_and_by_its_series(jit):
    wrap = functrace.jit if jit else lambda f: f
    close(wrap(functrace.grad(lambda x: derivatives(fnp.sin, x, 3)[3]))(0.5), np.sin(0.5))
    close(wrap(functrace.grad(lambda t: jet(fnp.sin, (0.5,), ([t, 0.0],))[1][1]))(3.0), -2 * 3 * np.sin(0.5))
    primal, tangent = functrace.jvp(lambda x: derivatives(fnp.exp, x, 2)[2], (0.5,), (2.0,))
    close([primal, tangent], [np.exp(0.5), 2 * np.exp(0.5)])


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 2.5])
def test_a_constant_power_keeps_the_derivative_by_its_exponent(exponent):
    # of the second derivative a (a - 1) x^(a - 2) by a
    got = functrace.grad(lambda a: derivatives(lambda x: x**a, 1.5, 2)[2])(exponent)
    a, x = exponent, 1.5
    close(got, x ** (a - 2) * (2 * a - 1 + a * (a - 1) * np.log(x)))


def test_jet_of_a_gradient_differentiates_the_gradient():
    x, v = np.array([0.5, 1.5]), np.array([1.0, -2.0])
    f = lambda x: fnp.sum(fnp.sin(x) * x[::-1])  # noqa: E731
    value, (first,) = jet(functrace.grad(f), (x,), ([v],))
    close(value, functrace.grad(f)(x))
    close(first, hessian(f)(x) @ v)


def test_jet_of_jet_differentiates_the_derivatives():
    close(derivatives(lambda x: derivatives(fnp.sin, x, 2)[2], 0.5, 2), [-np.sin(0.5), -np.cos(0.5), np.sin(0.5)])


def test_jet_of_vmap_of_a_captured_series_keeps_the_levels_apart():
    # d/dx of x · d/dy (x + y), the example on which naive perturbations are confused
    close(derivatives(lambda x: x * derivatives(lambda y: x + y, 1.0, 1)[1], 1.0, 1), [1.0, 1.0])


def test_the_second_derivative_along_a_line_is_the_hessian_form():
    x, v = np.array([0.5, 1.5, 2.0]), np.array([1.0, -2.0, 0.5])
    f = lambda x: fnp.prod(fnp.sin(x))  # noqa: E731
    close(jet(f, (x,), ([v, np.zeros(3)],))[1][1], v @ hessian(f)(x) @ v)


# ---- results


def test_pytrees_go_in_and_come_out():
    def f(p, y):
        return {"s": p["a"] * y, "t": (p["a"] + 1, 5.0)}

    value, series = jet(f, ({"a": 2.0}, np.ones(2)), ([{"a": 1.0}, {"a": 0.0}], [np.ones(2), np.zeros(2)]))
    assert tree.structure(value) == tree.structure({"s": 0, "t": (0, 0)})
    close(series["s"], [[3.0, 3.0], [2.0, 2.0]])
    close(series["t"][0], [1.0, 0.0])
    close(series["t"][1], [0.0, 0.0])


def test_dtypes_are_those_of_the_value():
    x = np.array([0.5, 1.0], np.float32)
    value, terms = jet(lambda x: fnp.sin(x) * 2 + x**3, (x,), ([np.ones(2, np.float32), np.zeros(2, np.float32)],))
    assert value.dtype == np.float32 and [t.dtype for t in terms] == [np.float32] * 2
    # a Python number does not promote
    value, terms = jet(lambda s: s * x, (0.5,), ([1.0, 0.0],))
    assert value.dtype == np.float32 and [t.dtype for t in terms] == [np.float32] * 2
    value, terms = jet(lambda z: fnp.exp(z) * z, (1 + 2j,), ([1.0, 0.0],))
    z = 1 + 2j
    close([value, *terms], [np.exp(z) * z, np.exp(z) * (z + 1), np.exp(z) * (z + 2)])


def test_numbers_come_out_as_numpy_scalars():
    value, terms = jet(lambda x: x * x, (2.0,), ([1, 0, 0],))
    assert {type(x) for x in (value, *terms)} == {np.float64}
    assert [float(t) for t in terms] == [4.0, 2.0, 0.0]


def test_integers_have_no_series():
    zeros = [np.zeros((), float0)] * 2
    close(jet(lambda x, n: x**n, (2.0, 3), ([1.0, 0.0], zeros))[1], [12.0, 12.0])
    _, terms = jet(lambda x: fnp.floor(x).astype(int), (2.0,), ([1.0, 0.0],))
    assert [t.dtype for t in terms] == [float0] * 2
    with pytest.raises(DtypeError, match="float0"):
        jet(lambda x: x, (2,), ([1.0],))


def test_no_terms_give_the_value_alone():
    value, terms = jet(fnp.sin, (0.5,), ([],))
    assert value == np.sin(0.5) and terms == []
    assert derivatives(fnp.sin, 0.5, 0) == [np.sin(0.5)]


def test_the_caller_owns_every_result():
    x, v = np.ones(3), np.ones(3)
    value, terms = jet(lambda x: x, (x,), ([v, v],))
    everything = [value, *terms]
    for i, a in enumerate(everything):
        assert a.flags.writeable
        assert not np.shares_memory(a, x) and not np.shares_memory(a, v)
        assert not any(np.shares_memory(a, b) for b in everything[i + 1 :])


def test_derivatives_of_an_array_are_those_of_each_element():
    x = np.linspace(-1, 1, 5)
    close(derivatives(fnp.sin, x, 3), [np.sin(x), np.cos(x), -np.sin(x), -np.cos(x)])
    got = derivatives(lambda x: {"a": x, "b": x * x}, 3.0, 2)
    assert [float(d["b"]) for d in got] == [9.0, 6.0, 2.0] and [float(d["a"]) for d in got] == [3.0, 1.0, 0.0]


# ---- errors


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="primals as a tuple or list"):
        jet(fnp.sin, 1.0, ([1.0],))
    with pytest.raises(ArgumentError, match=r"series\[0\] as a list"):
        jet(fnp.sin, (1.0,), [1.0])
    with pytest.raises(ArgumentError, match="a series for each of 1 primals, got 2"):
        jet(fnp.sin, (1.0,), ([1.0], [1.0]))
    with pytest.raises(OptionError, match=r"lengths \[1, 2\]"):
        jet(fnp.add, (1.0, 2.0), ([1.0], [1.0, 0.0]))
    with pytest.raises(ShapeError, match=r"term 1 of primals\[0\]"):
        jet(fnp.sin, (1.0,), ([1.0, np.ones(2)],))
    with pytest.raises(StructureError, match="structure"):
        jet(lambda p: p["a"], ({"a": 1.0},), ([1.0],))
    with pytest.raises(DtypeError, match="f32"):
        jet(fnp.sin, (np.ones(2),), ([np.ones(2, np.float32)],))
    with pytest.raises(OptionError, match="order"):
        derivatives(fnp.sin, 1.0, -1)
    with pytest.raises(DtypeError, match="floats"):
        derivatives(fnp.sin, 1, 2)


# ---- cost


@pytest.mark.parametrize(
    ("f", "at_most"),
    [
        (fnp.tanh, 4),
        (lambda x: fnp.sin(x) * fnp.exp(x), 4),
        (lambda x: fnp.arctan(x) / fnp.sqrt(1 + x * x), 4),
        (lax.logistic, 4),
        (lambda x: fnp.sum(lax.cumprod(fnp.stack([x, x, x]))), 8),
        (lambda x: (x + 1.0) ** 2.5, 8),
        (fnp.i0, 8),
    ],
)
def test_twice_the_order_costs_a_constant_factor(f, at_most):
    def operations(order):
        return len(functrace.make_jaxpr(lambda x: derivatives(f, x, order))(0.5).equations)

    assert operations(16) <= 1.2 * at_most * operations(8)


def test_a_polynomial_costs_what_its_degree_needs():
    cube = functrace.make_jaxpr(lambda x: derivatives(lambda x: x * x * x, x, 10))(0.5)
    assert len(cube.equations) < 60


def test_a_long_program_needs_no_deep_recursion():
    def f(x):
        for _ in range(3000):
            x = 0.999 * x + 0.001 * fnp.sin(x)
        return x

    assert np.isfinite(derivatives(f, 0.5, 2)).all()
