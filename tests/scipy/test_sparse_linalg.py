"""Iterative solvers of linear systems, against the inverse and against SciPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import linalg as scipy_linalg

import functrace
import functrace.numpy as fnp
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError, StructureError
from functrace.scipy.sparse.linalg import bicgstab, cg, gmres

SOLVERS = {
    "cg": cg,
    "bicgstab": bicgstab,
    "gmres": gmres,
    "gmres incremental": partial(gmres, solve_method="incremental"),
    "gmres restarted": partial(gmres, restart=3),
}
every_solver = pytest.mark.parametrize("name", SOLVERS)


def system(name, size, dtype=np.float64, seed=0):
    """A well conditioned matrix of the kind that the solver takes, and a right side."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(size, size)), rng.normal(size=size)
    if np.dtype(dtype).kind == "c":
        a, b = a + 1j * rng.normal(size=(size, size)), b + 1j * rng.normal(size=size)
    a = a / np.sqrt(max(size, 1)) / 4 + np.eye(size)
    if name == "cg":
        a = a @ a.conj().T
    return a.astype(dtype), b.astype(dtype)


@every_solver
def test_scipys_name_of_the_relative_tolerance_is_taken(name):
    a, b = system(name, 6)
    loose, _ = SOLVERS[name](a, b, rtol=0.9)
    tight, _ = SOLVERS[name](a, b, rtol=1e-12)
    np.testing.assert_array_equal(loose, SOLVERS[name](a, b, tol=0.9)[0])
    np.testing.assert_allclose(tight, np.linalg.solve(a, b), rtol=1e-10)


@every_solver
@settings(max_examples=12)
@given(
    size=st.integers(0, 9), dtype=st.sampled_from([np.float32, np.float64, np.complex64, np.complex128]), data=st.data()
)
def test_the_solution_is_within_the_tolerance(name, size, dtype, data):
    a, b = system(name, size, dtype, data.draw(st.integers(0, 100)))
    tol = data.draw(st.sampled_from([1e-2, 1e-5]))
    x0 = b if data.draw(st.booleans()) else None
    x, info = SOLVERS[name](a, b, x0, tol=tol)
    assert info == 0 and isinstance(info, np.integer)
    assert x.dtype == dtype and x.shape == b.shape and x.flags.writeable and not np.shares_memory(x, b)
    assert np.linalg.norm(b - a @ x) <= 1.01 * tol * np.linalg.norm(b)


@every_solver
@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.float32])
def test_derivatives_are_those_of_the_solution(name, dtype):
    """x = A⁻¹ b: the cotangent of b is A⁻ᵀ ct, that of A is -A⁻ᵀ ct xᵀ; the tangent A⁻¹ (db - dA x)."""
    a, b = system(name, 6, dtype)
    da, db = system("other", 6, dtype, 1)
    ct = system("other", 6, dtype, 2)[1]
    inverse = np.linalg.inv(a)
    tight = 1e-6 if dtype == np.float32 else 1e-12
    rtol = 1e-4 if dtype == np.float32 else 1e-9

    def solve(a, b):
        return SOLVERS[name](a, b, tol=tight)[0]

    for run in (lambda f: f, functrace.jit):
        x, tangent = run(lambda *args: functrace.jvp(solve, args[:2], args[2:]))(a, b, da, db)
        np.testing.assert_allclose(x, inverse @ b, rtol=rtol, atol=rtol)
        np.testing.assert_allclose(tangent, inverse @ (db - da @ x), rtol=rtol, atol=rtol)
        parts = run(lambda a, b, ct: functrace.vjp(solve, a, b)[1](ct))(a, b, ct)
        np.testing.assert_allclose(parts[1], inverse.T @ ct, rtol=rtol, atol=rtol)
        np.testing.assert_allclose(parts[0], -np.outer(inverse.T @ ct, x), rtol=rtol, atol=rtol)
        assert parts[0].dtype == parts[1].dtype == tangent.dtype == dtype


@every_solver
def test_second_derivatives(name):
    """f(s) = cᵀ (s A)⁻¹ b = f(1) / s, so that f''(1) = 2 f(1)."""
    a, b = system(name, 5)

    def f(s):
        return fnp.sum(SOLVERS[name](lambda x: s * (a @ x), b, tol=1e-13)[0])

    for second in (functrace.grad(functrace.grad(f)), functrace.jit(functrace.hessian(f))):
        np.testing.assert_allclose(second(1.0), 2 * f(1.0), rtol=1e-8)


@every_solver
def test_batches_of_matrices_and_of_right_sides(name):
    systems = [system(name, 5, seed=seed) for seed in range(3)]
    a, b = np.stack([a for a, _ in systems]), np.stack([b for _, b in systems])
    solve = partial(SOLVERS[name], tol=1e-11)
    expected = np.stack([np.linalg.solve(a, b) for a, b in systems])
    for run in (lambda f: f, functrace.jit):
        x, info = run(functrace.vmap(solve))(a, b)
        np.testing.assert_allclose(x, expected, rtol=1e-9)
        np.testing.assert_array_equal(info, [0, 0, 0])
        x, _ = run(functrace.vmap(solve, in_axes=(None, 1)))(a[0], b.T)
        np.testing.assert_allclose(x, b @ np.linalg.inv(a[0]).T, rtol=1e-9)


@every_solver
def test_a_pytree_of_mixed_shapes_and_dtypes(name):
    """(3 w, 2 s + w₀₀): lower triangular, and for cg without the coupling."""
    couple = 0.0 if name == "cg" else 1.0

    def apply(x):
        return {"w": 3 * x["w"], "s": 2 * x["s"] + couple * x["w"][0, 0]}

    b = {"w": np.full((2, 2), 6, np.float32), "s": 4}
    x, info = SOLVERS[name](apply, b, M=lambda x: functrace.tree.map(lambda leaf: leaf / 2, x))
    assert info == 0 and x["w"].shape == (2, 2) and x["w"].dtype == np.float32
    np.testing.assert_allclose(x["w"], 2.0, rtol=1e-4)
    np.testing.assert_allclose(x["s"], 2 - couple, rtol=1e-3)


@every_solver
def test_a_good_preconditioner_saves_steps(name):
    rng = np.random.default_rng(0)
    scale = np.exp(rng.uniform(-4, 4, 40))
    noise = 0.01 * rng.normal(size=(40, 40))
    a = np.diag(scale) + (noise + noise.T if name == "cg" else noise) * np.sqrt(np.outer(scale, scale))
    b = rng.normal(size=40)
    for precondition in (np.diag(1 / scale), lambda r: r / scale):
        x, info = SOLVERS[name](a, b, tol=1e-10, maxiter=12, M=precondition)
        assert info == 0
        np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-6, atol=1e-8)
    if name in ("cg", "bicgstab"):
        x, info = SOLVERS[name](a, b, tol=1e-10, maxiter=12)
        assert info == 12, "not found, and the number of steps"
    slope = functrace.grad(lambda b: SOLVERS[name](a, b, tol=1e-12, M=np.diag(1 / scale) @ np.eye(40))[0][0])(b)
    np.testing.assert_allclose(slope, np.linalg.inv(a)[0], rtol=1e-6, atol=1e-8)


def test_the_transposed_system_gets_the_preconditioner_transposed():
    """An M that is exactly A⁻¹, and no symmetric one, solves both systems in one step."""
    a, b = system("gmres", 8)
    a = a + 5 * np.triu(np.ones((8, 8)), 1)
    inverse = np.linalg.inv(a)
    for solve in (gmres, bicgstab):
        slope = functrace.grad(lambda b, solve=solve: solve(a, b, tol=1e-9, maxiter=1, M=inverse)[0][2])(b)
        np.testing.assert_allclose(slope, inverse[2], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["cg", "bicgstab"])
def test_the_steps_are_those_of_scipy(name):
    a, b = system(name, 20, seed=3)
    original = getattr(scipy_linalg, name)
    for count in (1, 2, 4):
        expected, expected_info = original(a, b, rtol=1e-14, maxiter=count)
        x, info = SOLVERS[name](a, b, tol=1e-14, maxiter=count)
        np.testing.assert_allclose(x, expected, rtol=1e-9, atol=1e-12)
        assert info == expected_info == count


def test_gmres_restarts_as_scipy_does():
    a, b = system("gmres", 20, seed=4)
    expected, _ = scipy_linalg.gmres(a, b, rtol=1e-15, restart=3, maxiter=2)
    for method in ("batched", "incremental"):
        x, info = gmres(a, b, tol=1e-15, restart=3, maxiter=2, solve_method=method)
        np.testing.assert_allclose(x, expected, rtol=1e-9, atol=1e-12)
        assert info == 2


def test_incremental_ends_within_a_space():
    calls = []

    def apply(x):
        functrace.debug.callback(lambda: calls.append(1))
        return np.diag([1.0, 2.0, 1.0, 2.0]) @ x

    for method, most in (("incremental", 5), ("batched", 10)):
        calls.clear()
        x, info = gmres(apply, np.ones(4), solve_method=method)
        np.testing.assert_allclose(x, [1.0, 0.5, 1.0, 0.5], rtol=1e-6)
        assert info == 0 and len(calls) <= most


@every_solver
@pytest.mark.parametrize("form", [scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_a_sparse_matrix(name, form):
    a, b = system(name, 8)
    sparse = form(a)
    x, info = SOLVERS[name](sparse, b, tol=1e-11)
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-8)
    slope = functrace.jit(functrace.grad(lambda b: SOLVERS[name](sparse, b, tol=1e-12)[0][1]))(b)
    np.testing.assert_allclose(slope, np.linalg.inv(a)[1], rtol=1e-8, atol=1e-10)
    assert info == 0


@every_solver
def test_integers_and_mixed_dtypes_are_promoted(name):
    x, _ = SOLVERS[name](np.array([[4, 1], [1, 3]]), np.array([1, 2]), tol=1e-12)
    np.testing.assert_allclose(x, [1 / 11, 7 / 11])
    assert x.dtype == np.float64
    x, _ = SOLVERS[name](np.array([[4, 1j], [-1j, 3]]), np.array([1.0, 2.0]), tol=1e-12)
    np.testing.assert_allclose(x, np.linalg.solve([[4, 1j], [-1j, 3]], [1.0, 2.0]))


@every_solver
def test_a_zero_right_side_has_the_zero_solution_and_derivatives(name):
    a, _ = system(name, 3)
    x, info = SOLVERS[name](a, np.zeros(3))
    np.testing.assert_array_equal(x, np.zeros(3))
    assert info == 0
    slope = functrace.grad(lambda b: SOLVERS[name](a, b, tol=1e-12)[0][0])(np.zeros(3))
    np.testing.assert_allclose(slope, np.linalg.inv(a)[0], rtol=1e-8)


def test_what_cannot_be_solved_is_told():
    x, info = bicgstab(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1.0, 0.0]))
    assert info > 0
    x, info = gmres(np.zeros((2, 2)), np.ones(2), maxiter=3)
    assert info == 3 and np.all(np.isfinite(x))


@every_solver
def test_errors_say_what_does_not_fit(name):
    solve = SOLVERS[name]
    a, b = system(name, 3)
    with pytest.raises(ShapeError, match=r"matrix of shape \(3, 3\) for a b of shape \(3,\), got \(3, 2\)"):
        solve(a[:, :2], b)
    with pytest.raises(ShapeError, match="one array of one axis"):
        solve(a, {"b": b})
    with pytest.raises(ShapeError, match="A x should have the shapes of b"):
        solve(lambda x: x[:2], b)
    with pytest.raises(StructureError, match="A x should have the structure of b"):
        solve(lambda x: (x, x), b)
    with pytest.raises(StructureError, match="x0 should have the structure"):
        solve(a, b, {"x": b})
    with pytest.raises(ShapeError, match="x0 should have the shapes"):
        solve(a, b, b[:2])
    with pytest.raises(ArgumentError, match="a function or a square matrix"):
        solve("matrix", b)
    with pytest.raises(DtypeError, match="real numbers for a real system"):
        solve(a, b, M=lambda x: 1j * x)


def test_gmres_checks_its_settings():
    with pytest.raises(OptionError, match="'batched' or 'incremental', got 'both'"):
        gmres(np.eye(2), np.ones(2), solve_method="both")
    with pytest.raises(OptionError, match="at least 1"):
        gmres(np.eye(2), np.ones(2), restart=0)
