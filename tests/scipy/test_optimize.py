"""SciPy's solvers over pytrees with functrace's derivatives."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import optimize

import functrace
import functrace.numpy as fnp
from functrace.errors import (
    DtypeError,
    MissingExtraError,
    OptionError,
    ShapeError,
    StructureError,
    TracerArrayConversionError,
)
from functrace.scipy.optimize import minimize, root

GRADIENT = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", None)
PRODUCT = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr")
HESSIAN = ("dogleg", "trust-exact")
NONE = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")
START = np.array([1.2, 1.3])


def rosenbrock(x):
    return fnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("method", [*GRADIENT, *PRODUCT, *HESSIAN, *NONE])
def test_every_method_goes_the_way_that_it_goes_with_derivatives_by_hand(method):
    rules = {}
    if method not in NONE:
        rules["jac"] = optimize.rosen_der
    if method in PRODUCT:
        rules["hessp"] = optimize.rosen_hess_prod
    if method in HESSIAN:
        rules["hess"] = optimize.rosen_hess
    expected = optimize.minimize(optimize.rosen, START, method=method, **rules)
    found = minimize(rosenbrock, START, method=method)
    assert found.success == expected.success
    assert abs(found.nfev - expected.nfev) <= 2, "the same steps, but for what rounding changes in the last ones"
    np.testing.assert_allclose(found.x, expected.x, atol=1e-5)
    np.testing.assert_allclose(found.fun, expected.fun, atol=1e-7)
    assert isinstance(found, optimize.OptimizeResult) and ("jac" in found) == ("jac" in expected)


def test_a_method_may_be_a_callable():
    def two_steps_of_newton(fun, x0, args, jac, hessp, **unused):
        x = x0
        for _ in range(2):
            matrix = np.stack([hessp(x, direction) for direction in np.eye(len(x))])
            x = x - np.linalg.solve(matrix, jac(x))
        return optimize.OptimizeResult(x=x, fun=fun(x), success=True)

    found = minimize(lambda x: fnp.sum((x["a"] - 3) ** 2), {"a": np.ones(2)}, method=two_steps_of_newton)
    np.testing.assert_allclose(found.x["a"], [3.0, 3.0])


def test_a_pytree_keeps_structure_shapes_and_dtypes():
    start = {"w": np.ones((2, 3), np.float32), "b": (np.zeros(()), 4.0)}
    target = np.arange(6.0).reshape(2, 3)

    def fun(x):
        assert x["w"].shape == (2, 3) and x["w"].dtype == np.float32 and x["b"][0].dtype == np.float64
        return fnp.sum((x["w"] - target) ** 2) + (x["b"][0] - x["b"][1]) ** 2 + x["b"][1] ** 2

    for method in ("BFGS", "trust-krylov", "trust-exact", "Powell"):
        found = minimize(fun, start, method=method)
        np.testing.assert_allclose(found.x["w"], target, atol=1e-4)
        np.testing.assert_allclose(found.x["b"], [0.0, 0.0], atol=1e-4)
        trees = [found.x, found.jac] if method != "Powell" else [found.x]
        for tree in trees:
            assert functrace.tree.structure(tree) == functrace.tree.structure(start)
            assert [(np.shape(x), x.dtype) for x in functrace.tree.leaves(tree)] == [
                ((), np.float64),
                ((), np.float64),
                ((2, 3), np.float32),
            ]
            assert tree["w"].flags.writeable
    np.testing.assert_array_equal(start["w"], np.ones((2, 3)))


def test_arguments_that_are_constant():
    def fun(x, centre, scale):
        return scale["s"] * fnp.sum((x - centre) ** 2)

    found = minimize(fun, np.zeros(2), (np.array([1.0, 2.0]), {"s": 3}), "BFGS")
    np.testing.assert_allclose(found.x, [1.0, 2.0], atol=1e-6)
    np.testing.assert_allclose(minimize(lambda x, a: (x - a) ** 2, 0.0, 5.0).x, 5.0, atol=1e-6)


@pytest.mark.parametrize(
    ("bounds", "x0", "expected"),
    [
        ((0.5, 2.0), np.zeros(3), [0.5, 1.0, 2.0]),
        ((None, 2.0), np.zeros(3), [0.0, 1.0, 2.0]),
        ((np.array([0.0, 3.0, -np.inf]), None), np.zeros(3), [0.0, 3.0, 4.0]),
        ([(0.5, 2.0), (None, None), (None, 3.0)], np.zeros(3), [0.5, 1.0, 3.0]),
        (np.array([[0.5, 2.0], [0.0, 2.0], [0.0, 3.0]]), np.zeros(3), [0.5, 1.0, 3.0]),
        (optimize.Bounds([0.5, 0.0, 0.0], 3.0), np.zeros(3), [0.5, 1.0, 3.0]),
        ([(0.5, 2.0), (None, None), None], [0.0, 0.0, 0.0], [0.5, 1.0, 4.0]),
        ({"a": (0.5, 0.7), "b": (1.5, None)}, {"a": np.zeros(2), "b": 0.0}, [0.5, 0.7, 4.0]),
        ({"a": None, "b": (1.5, 3.0)}, {"a": np.zeros(2), "b": 0.0}, [0.0, 1.0, 3.0]),
        ((-1.0, 0.5), {"a": np.zeros(2), "b": 0.0}, [0.0, 0.5, 0.5]),
    ],
)
@pytest.mark.parametrize("method", ["L-BFGS-B", "SLSQP"])
def test_bounds_in_all_their_forms(bounds, x0, expected, method):
    target = np.array([0.0, 1.0, 4.0])

    def fun(x):
        return fnp.sum((functrace.flatten_util.ravel_pytree(x)[0] - target) ** 2)

    found = minimize(fun, x0, method=method, bounds=bounds)
    np.testing.assert_allclose(functrace.flatten_util.ravel_pytree(found.x)[0], expected, atol=1e-3)


def test_bounds_that_do_not_fit_are_named():
    with pytest.raises(ShapeError, match=r"shape \(2,\) of x0\['a'\], got shape \(3,\)"):
        minimize(lambda x: x["b"], {"a": np.zeros(2), "b": 0.0}, bounds={"a": (np.zeros(3), None), "b": None})
    with pytest.raises(ShapeError, match="3 elements of x0, got 2"):
        minimize(rosenbrock, np.zeros(3), bounds=[(0, 1), (0, 1)])
    with pytest.raises(StructureError):
        minimize(lambda x: x["b"], {"a": np.zeros(2), "b": 0.0}, bounds={"a": (0, 1)})


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr", "COBYLA", "COBYQA"])
@pytest.mark.parametrize("form", ["dict", "object"])
def test_constraints_are_functions_of_the_pytree(method, form):
    """The nearest point to (2, 1) in the disc of radius 1 with a = 2b is (2, 1) / √5."""
    if form == "dict":
        constraints = [
            {"type": "ineq", "fun": lambda x, radius: radius - x["a"] ** 2 - x["b"] ** 2, "args": (1.0,)},
            {"type": "ineq", "fun": lambda x: (x["a"] - 2 * x["b"], 2 * x["b"] - x["a"])},
        ]
    else:
        constraints = (
            optimize.NonlinearConstraint(lambda x: x["a"] ** 2 + x["b"] ** 2, -np.inf, 1.0),
            optimize.LinearConstraint([[1.0, -2.0]], 0.0, 0.0),
        )
    found = minimize(
        lambda x: (x["a"] - 2) ** 2 + (x["b"] - 1) ** 2,
        {"a": 0.1, "b": 0.2},
        method=method,
        constraints=constraints,
        options={"maxiter": 300},
    )
    np.testing.assert_allclose([found.x["a"], found.x["b"]], np.array([2.0, 1.0]) / np.sqrt(5), atol=2e-3)
    if method == "trust-constr":
        assert set(found.grad) == {"a", "b"}
    single = {"type": "ineq", "fun": lambda x: 1 - x**2}
    if method == "SLSQP":
        np.testing.assert_allclose(minimize(lambda x: (x - 3) ** 2, 0.0, constraints=single).x, 1.0, atol=1e-6)


def test_a_callback_sees_pytrees_and_may_stop_the_search():
    seen = []

    def fun(x):
        return rosenbrock(x["x"])

    minimize(fun, {"x": START}, method="BFGS", callback=lambda x: seen.append(x["x"].shape))
    assert seen and set(seen) == {(2,)}
    seen.clear()

    def by_result(intermediate_result):
        seen.append((intermediate_result.x["x"].copy(), intermediate_result.fun))
        if len(seen) == 3:
            raise StopIteration

    minimize(fun, {"x": START}, method="L-BFGS-B", callback=by_result)
    assert len(seen) == 3
    np.testing.assert_allclose(seen[-1][1], optimize.rosen(seen[-1][0]))
    seen.clear()
    minimize(fun, {"x": START}, method="trust-constr", callback=lambda x, state: seen.append((x["x"], state.nit)))
    assert seen[0][0].shape == (2,)
    seen.clear()

    def look(intermediate_result):
        seen.append(intermediate_result.grad["x"])

    found = minimize(fun, {"x": START}, method="trust-constr", callback=look)
    assert found.success and seen[0].shape == (2,)


def test_options_and_tol_reach_the_solver():
    assert minimize(rosenbrock, START, method="BFGS", options={"maxiter": 3}).nit == 3
    loose, tight = (minimize(rosenbrock, START, method="CG", tol=tol) for tol in (1e-1, 1e-9))
    assert loose.nit < tight.nit


def test_a_function_without_derivatives_need_not_be_traceable():
    found = minimize(lambda x: float(np.asarray(x)[0] ** 2) + (1 if x[0] < 0 else 0), np.ones(1), method="Nelder-Mead")
    np.testing.assert_allclose(found.x, [0.0], atol=1e-3)


@pytest.mark.parametrize("method", ["BFGS", "Nelder-Mead"])
def test_errors_say_what_came(method):
    with pytest.raises(ShapeError, match=r"scalar, got an array of shape \(2,\)"):
        minimize(lambda x: x**2, START, method=method)
    with pytest.raises(DtypeError, match=r"real floats, got .* at x0\['n'\]"):
        minimize(lambda x: x["x"], {"n": np.arange(3), "x": 1.0}, method=method)
    with pytest.raises(DtypeError, match="real floats"):
        minimize(lambda x: x, 1j, method=method)
    with pytest.raises(OptionError, match="NaN at the start"):
        minimize(lambda x: fnp.sum(fnp.log(x)), -START, method=method)
    with pytest.raises(OptionError, match="at least one number"):
        minimize(lambda x: 1.0, {}, method=method)
    with pytest.raises(ValueError, match="Unknown solver"):
        minimize(rosenbrock, START, method="no such method")
    with pytest.raises(TypeError):
        minimize("rosenbrock", START, method=method)


def test_a_gradient_that_is_nan_at_the_start_is_named():
    with pytest.raises(OptionError, match=r"gradient by x0\['b'\] is NaN"):
        minimize(lambda x: fnp.where(x["b"] > 0, fnp.sqrt(x["b"]), 0.0) + x["a"] ** 2, {"a": 1.0, "b": 0.0})


@pytest.mark.parametrize("solver", [minimize, root])
@pytest.mark.parametrize("transform", [functrace.jit, functrace.grad])
@pytest.mark.parametrize("method", [None, "Nelder-Mead"])
def test_traced_values_are_refused_with_what_to_write(solver, transform, method):
    methods = {} if solver is root else {"method": method}
    with pytest.raises(TracerArrayConversionError, match="custom_root"):
        transform(lambda a: solver(lambda x: (x - 1) ** 2, a, **methods).x)(3.0)
    with pytest.raises(TracerArrayConversionError, match="leaf of args"):
        transform(lambda a: solver(lambda x, a: (x - a) ** 2, 1.0, (a,), **methods).x)(3.0)
    with pytest.raises(TracerArrayConversionError, match="the value of fun"):
        transform(lambda a: solver(lambda x: (x - a) ** 2, 1.0, **methods).x)(3.0)


def test_custom_root_differentiates_a_minimum():
    """(x - a)² + (x - a)⁴ + x y is least where its gradient is zero; the slopes are those of differences."""

    def loss(x, a):
        return fnp.sum((x - a) ** 2 + (x - a) ** 4) + x[0] * x[1]

    def best(a):
        return functrace.lax.custom_root(
            lambda x: functrace.grad(loss)(x, a),
            np.zeros(2),
            lambda gradient, x: root(gradient, x, tol=1e-12).x,
            lambda curvature, y: fnp.linalg.solve(functrace.jacobian(curvature)(y), y),
        )

    a = np.array([1.0, 2.0])
    np.testing.assert_allclose(minimize(loss, np.zeros(2), a).x, best(a), atol=1e-5)
    expected = np.stack([(best(a + s) - best(a - s)) / 2e-5 for s in 1e-5 * np.eye(2)], axis=1)
    np.testing.assert_allclose(functrace.jacobian(best)(a), expected, rtol=1e-7)
    np.testing.assert_allclose(functrace.jacfwd(best)(a), expected, rtol=1e-7)


@pytest.mark.parametrize("solver", [minimize, root])
def test_without_scipy_the_extra_is_named(solver, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match=r"scipy.optimize.\w+ needs scipy"):
        solver(rosenbrock, START)


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1", "krylov", "df-sane"])
def test_a_root_of_a_system_over_a_pytree(method):
    """x² + y = 3 and x - y = -1 at (1, 2)."""

    def system(unknowns, total):
        x, y = unknowns["x"], unknowns["y"]
        return {"first": x**2 + y - total, "second": x - y + 1}

    found = root(system, {"x": np.array([1.2]), "y": np.array([1.8])}, (3.0,), method=method, tol=1e-10)
    assert found.success
    np.testing.assert_allclose([found.x["x"], found.x["y"]], [[1.0], [2.0]], atol=1e-6)
    assert found.x["x"].shape == (1,)


def test_hybr_needs_the_jacobian_once_where_differences_would_call_the_function():
    calls = []

    def system(x):
        calls.append(1)
        return x**2 - fnp.arange(1.0, 21.0)

    found = root(system, np.ones(20) * 2)
    np.testing.assert_allclose(found.x, np.sqrt(np.arange(1.0, 21.0)))
    assert len(calls) == 2, "traced for its value and for its Jacobian"
    with pytest.raises(OptionError, match="NaN at the start"):
        root(fnp.log, -np.ones(2))


def test_an_equality_as_a_dict():
    for method in ("SLSQP", "trust-constr"):
        found = minimize(
            lambda x: fnp.sum(x**2),
            np.ones(2),
            method=method,
            constraints={"type": "eq", "fun": lambda x: x[0] * x[1] - 4},
        )
        np.testing.assert_allclose(found.x, [2.0, 2.0], atol=1e-3)
    with pytest.raises(ValueError, match="Unknown constraint type"):
        minimize(rosenbrock, START, method="SLSQP", constraints={"type": "no", "fun": lambda x: x[0]})
