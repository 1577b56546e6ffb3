from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.linalg as original

import functrace
from functrace.errors import ArgumentError, DifferentiationError, MissingExtraError
from functrace.scipy import linalg
from tests.numpy.agreement import check_derivatives
from tests.scipy.agreement import check_like_scipy, check_refused_like_scipy

DTYPES = (np.float64, np.complex128, np.float32)


def matrix(*shape, dtype=np.float64, seed=0):
    rng = np.random.default_rng([seed, *shape])
    x = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    if len(shape) > 1 and shape[-1] == shape[-2]:
        x = x + 4 * np.diag(np.arange(1, shape[-1] + 1))
    return x.astype(dtype)


def positive(n, dtype=np.float64):
    x = matrix(n, n, dtype=dtype)
    return (x @ x.conj().T + np.eye(n)).astype(dtype)


def like(name, *args, **kwargs):
    check_like_scipy(getattr(linalg, name), getattr(original, name), *args, **kwargs)


# ---------------------------------------------------------------------------------------------------------------------
# systems
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_systems_of_every_structure_are_solved_like_scipy(dtype):
    a, b = matrix(3, 3, dtype=dtype), matrix(3, 2, dtype=dtype)
    like("det", a)
    like("inv", a)
    like("solve", a, b)
    if dtype != np.complex128:
        like("solve", a, b[:, 0], transposed=True)
    for structure in ("gen", "sym", "her"):
        for lower in (False, True):
            like("solve", a, b, lower=lower, assume_a=structure, gradient=structure != "her" or dtype == np.float64)
    for structure in ("diagonal", "upper triangular", "lower triangular", "general", "banded", "tridiagonal"):
        kept = {"diagonal": np.diag(np.diag(a)), "tridiagonal": np.triu(np.tril(a, 1), -1)}.get(structure, a)
        like("solve", kept, b, assume_a=structure, gradient=structure != "tridiagonal")
    for lower in (False, True):
        like("solve", positive(3, dtype), b, assume_a="pos", lower=lower, gradient=False)
        like("inv", positive(3, dtype), assume_a="pos", lower=lower, gradient=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [0, 1, 2, "N", "T", "C"])
def test_triangular_systems_are_solved_like_scipy(trans, dtype):
    a, b = matrix(3, 3, dtype=dtype), matrix(3, 2, dtype=dtype)
    like("solve_triangular", a, b, trans)
    like("solve_triangular", a, b[:, 0], trans, lower=True)
    like("solve_triangular", a, b, trans, unit_diagonal=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lower", [False, True])
def test_systems_are_solved_from_decompositions_like_scipy(lower, dtype):
    a, b = matrix(3, 3, dtype=dtype), matrix(3, 2, dtype=dtype)
    spd = positive(3, dtype)
    factor = original.cholesky(spd, lower=lower)
    like("cho_solve", (factor, lower), b)
    ours, flag = linalg.cho_factor(spd, lower=lower)
    np.testing.assert_allclose(ours, factor, rtol=1e-4, atol=1e-5)
    assert flag == lower
    like("lu_factor", a)
    packed, pivots = original.lu_factor(a)
    for trans in (0, 1, 2):
        check_like_scipy(
            lambda x, b, t=trans: linalg.lu_solve((x, pivots), b, t),
            lambda x, b, t=trans: original.lu_solve((x, pivots), b, t),
            packed,
            b,
        )
    like("lu_factor", matrix(3, 2, dtype=dtype))


def test_sylvesters_equation_is_solved_like_scipy():
    for dtype in (np.float64, np.complex128):
        like("solve_sylvester", matrix(3, 3, dtype=dtype), matrix(2, 2, dtype=dtype), matrix(3, 2, dtype=dtype))


# ---------------------------------------------------------------------------------------------------------------------
# decompositions
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 3)])
def test_decompositions_are_those_of_scipy(shape, dtype):
    a = matrix(*shape, dtype=dtype)
    like("lu", a)
    like("lu", a, permute_l=True)
    check_like_scipy(
        lambda a: linalg.lu(a, p_indices=True), lambda a: original.lu(a, p_indices=True), a, gradient=False
    )
    for mode in ("full", "economic", "r"):
        like("qr", a, mode=mode)
        like("qr", a, mode=mode, pivoting=True, gradient=False)
    (packed, taus), r = linalg.qr(a, mode="raw")
    expected = original.qr(a, mode="raw")
    for got, value in zip((packed, taus, r), (*expected[0], expected[1]), strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-4, atol=1e-5)
    like("qr_multiply", a, matrix(2, shape[0], dtype=dtype))
    like("qr_multiply", a, matrix(min(shape), 2, dtype=dtype), mode="left", conjugate=True)
    like("svdvals", a)
    like("svd", a, full_matrices=False, gradient=dtype != np.complex128)
    like("svd", a, compute_uv=False)
    for side in ("right", "left"):
        like("polar", a, side)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lower", [False, True])
def test_decompositions_of_hermitian_matrices_are_those_of_scipy(lower, dtype):
    spd = positive(3, dtype)
    like("cholesky", spd, lower=lower, gradient=False)
    a = matrix(3, 3, dtype=dtype)
    like("eigvalsh", a, lower=lower, gradient=False)
    like("eigvalsh", a, lower=lower, subset_by_index=[1, 2], gradient=False)
    w, v = linalg.eigh(a, lower=lower)
    expected, _ = original.eigh(a, lower=lower)
    np.testing.assert_allclose(w, expected, rtol=1e-4)
    for kind in (1, 2, 3):
        like("eigvalsh", a, spd, lower=lower, type=kind, gradient=False)
        w, v = linalg.eigh(a, spd, lower=lower, type=kind)
        half = np.tril(a) if lower else np.triu(a)
        full = half + half.conj().T - np.diag(np.diag(a).real)
        np.fill_diagonal(full, np.diag(a).real)
        left, right = {1: (full @ v, spd @ v * w), 2: (full @ spd @ v, v * w), 3: (spd @ full @ v, v * w)}[kind]
        np.testing.assert_allclose(left, right, rtol=2e-3, atol=2e-3)


def test_derivatives_of_generalized_eigenvalues_are_those_along_symmetric_directions():
    def of_parts(module):
        return lambda a, b: [module.eigvalsh(a + a.T, b @ b.T + 9 * np.eye(3))]

    check_derivatives(of_parts(linalg), of_parts(original), [matrix(3, 3), matrix(3, 3, seed=1)])


def test_eigenvalues_of_tridiagonal_matrices_are_those_of_scipy():
    d, e = np.array([1.0, 3.0, 4.0, 8.0]), np.array([0.5, 1.0, 2.0])
    like("eigh_tridiagonal", d, e, eigvals_only=True)
    like("eigh_tridiagonal", d, e, eigvals_only=True, select="i", select_range=(1, 2))
    w, v = linalg.eigh_tridiagonal(d, e)
    dense = np.diag(d) + np.diag(e, 1) + np.diag(e, -1)
    np.testing.assert_allclose(dense @ v, v * w, atol=1e-12)


def test_eigenvalues_of_general_matrices_are_those_of_scipy():
    a, b = matrix(3, 3, dtype=np.complex128), matrix(3, 3, dtype=np.complex128, seed=1)
    for kwargs in ({}, {"left": True}, {"left": True, "right": False}):
        check_like_scipy(
            lambda a, k=kwargs: _rotated(linalg.eig(a, **k)), lambda a, k=kwargs: _rotated(original.eig(a, **k)), a
        )
    like("eigvals", a)
    check_like_scipy(
        lambda a, b: np.sort_complex(linalg.eigvals(a, b)), lambda a, b: np.sort_complex(original.eigvals(a, b)), a, b
    )
    with pytest.raises(ArgumentError, match="homogeneous"):
        linalg.eigvals(a, homogeneous_eigvals=True)


def _sorted_by(eigvals):
    return lambda a, b: np.sort_complex(eigvals(a, b))


def _rotated(parts):
    """Eigenvalues and the projections on the spaces of the eigenvectors."""
    w, *vectors = parts
    return [w, *[v[:, None, :] * np.conj(v[None, :, :]) for v in vectors]]


def test_forms_are_those_of_scipy_and_have_no_derivative():
    a = matrix(4, 4)
    like("schur", a, gradient=False)
    like("schur", a, output="complex", gradient=False)
    like("hessenberg", a, gradient=False)
    like("hessenberg", a, calc_q=True, gradient=False)
    like("rsf2csf", *original.schur(a), gradient=False)
    with pytest.raises(DifferentiationError, match="no derivative"):
        functrace.grad(lambda a: linalg.schur(a)[0].sum())(a)


# ---------------------------------------------------------------------------------------------------------------------
# functions
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_matrices_are_those_of_scipy(dtype):
    a, e = matrix(3, 3, dtype=dtype), matrix(3, 3, dtype=dtype, seed=1)
    like("expm", a / 4)
    like("expm", np.stack([a, e]) / 4)
    wide = np.result_type(dtype, np.complex64)
    for name in ("sqrtm", "logm"):
        check_like_scipy(
            getattr(linalg, name),
            lambda a, n=name: getattr(original, n)(a.astype(np.result_type(a, np.float64))).astype(wide),
            a,
            gradient=dtype != np.float32,
        )
    if dtype != np.float32:
        like("expm_frechet", a / 4, e)
        like("expm_frechet", a / 4, e, compute_expm=False)
        check_like_scipy(
            lambda a: linalg.funm(a, np.sinh), lambda a: (original.expm(a) - original.expm(-a)).astype(wide) / 2, a / 4
        )
        value, error = linalg.funm(a, np.cos, disp=False)
        np.testing.assert_allclose(value, original.cosm(a), rtol=1e-9, atol=1e-9)
        assert 0 < error < 1e-10


def test_second_derivatives_of_functions_of_matrices_are_right():
    a, b = matrix(3, 3) / 4 + np.eye(3), matrix(3, 3, seed=1)
    step = 1e-4
    for name in ("expm", "logm", "sqrtm"):
        theirs, ours = getattr(original, name), getattr(linalg, name)
        expected = (theirs(a + step * b) - 2 * theirs(a) + theirs(a - step * b)) / step**2

        def slope(a, f=ours):
            return functrace.jvp(f, (a,), (b,))[1]

        _, second = functrace.jvp(slope, (a,), (b,))
        np.testing.assert_allclose(second, expected, atol=1e-5 * np.abs(expected).max())


# ---------------------------------------------------------------------------------------------------------------------
# special matrices
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*DTYPES, np.int64])
def test_special_matrices_of_arrays_are_those_of_scipy(dtype):
    c, r = matrix(3, dtype=dtype) * 5, matrix(4, dtype=dtype) * 5
    c[0] = 3
    like("toeplitz", c)
    like("toeplitz", c, r)
    like("hankel", c)
    like("hankel", c, r)
    like("circulant", c)
    like("companion", c)
    if dtype != np.complex128:
        like("fiedler", c)
    like("leslie", c, r[:2])
    for mode in ("full", "same", "valid"):
        like("convolution_matrix", c, 4, mode)
        like("convolution_matrix", r, 2, mode)
    like("block_diag", c, matrix(2, 1, dtype=dtype), matrix(1, 0, dtype=dtype))
    if dtype != np.int64:
        for count in (3, 4):
            like("fiedler_companion", (r if count == 4 else c) + 7)


def test_special_matrices_of_stacks_are_stacks():
    c, r = matrix(2, 3), matrix(2, 4)
    np.testing.assert_array_equal(linalg.toeplitz(c, r)[1], original.toeplitz(c[1], r[1]))
    np.testing.assert_array_equal(linalg.hankel(c, r)[1], original.hankel(c[1], r[1]))
    np.testing.assert_array_equal(linalg.circulant(c)[1], original.circulant(c[1]))
    np.testing.assert_array_equal(linalg.companion(c)[1], original.companion(c[1]))
    np.testing.assert_array_equal(linalg.leslie(r, c)[1], original.leslie(r[1], c[1]))


@pytest.mark.parametrize("n", [1, 2, 3, 8, 14])
def test_special_matrices_of_a_size_are_those_of_scipy(n):
    for scale in (None, "sqrtn", "n"):
        np.testing.assert_allclose(linalg.dft(n, scale), original.dft(n, scale), atol=1e-12)
    for name in ("hilbert", "helmert", "invhilbert"):
        np.testing.assert_allclose(getattr(linalg, name)(n), getattr(original, name)(n), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(linalg.helmert(n, full=True), original.helmert(n, full=True), atol=1e-15)
    np.testing.assert_array_equal(linalg.invhilbert(n, exact=True), original.invhilbert(n, exact=True))
    for kind in ("symmetric", "lower", "upper"):
        for name in ("pascal", "invpascal"):
            got, expected = getattr(linalg, name)(n, kind), getattr(original, name)(n, kind)
            np.testing.assert_array_equal(got, expected)
            assert got.dtype == expected.dtype
            got, expected = getattr(linalg, name)(n, kind, exact=False), getattr(original, name)(n, kind, exact=False)
            np.testing.assert_allclose(got, expected, rtol=1e-12)
    if n in (1, 2, 8):
        np.testing.assert_array_equal(linalg.hadamard(n), original.hadamard(n))


# ---------------------------------------------------------------------------------------------------------------------
# errors
# ---------------------------------------------------------------------------------------------------------------------


def test_arguments_are_refused_as_by_scipy():
    square, vector = np.eye(2), np.ones(2)
    for name, *args in (
        ("inv", np.ones((2, 3))),
        ("solve", square, np.ones((3, 1))),
        ("qr", square, False, None, "whole"),
        ("qr_multiply", square, square, "up"),
        ("polar", square, "up"),
        ("schur", square, "imaginary"),
        ("companion", np.ones(1)),
        ("leslie", vector, vector),
        ("convolution_matrix", vector, 0),
        ("convolution_matrix", vector, 2, "some"),
        ("eigh_tridiagonal", vector, vector),
    ):
        check_refused_like_scipy(getattr(linalg, name), getattr(original, name), *args)
    for name, *args in (("hadamard", 3), ("dft", 3, "m"), ("pascal", 3, "left")):
        with pytest.raises(ValueError):
            getattr(linalg, name)(*args)
    with pytest.raises(ValueError, match="expected trans"):
        linalg.solve_triangular(square, vector, 5)
    with pytest.raises(ArgumentError, match="subset_by_index"):
        linalg.eigh(square, subset_by_value=[0, 1])


def test_numbers_that_are_not_finite_are_refused_where_they_are_looked_for():
    a = np.array([[np.nan, 1.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="infs or NaNs"):
        linalg.det(a)
    assert np.isnan(linalg.det(a, check_finite=False))


def test_what_needs_scipy_says_so_and_the_rest_does_without(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    a = matrix(3, 3)
    for call in (lambda: linalg.lu(a), lambda: linalg.sqrtm(a), lambda: linalg.qr(a, pivoting=True)):
        with pytest.raises(MissingExtraError, match="scipy"):
            call()
    for function in (linalg.inv, linalg.expm, linalg.qr, linalg.polar, linalg.svd, linalg.toeplitz):
        function(a)


def test_lu_solve_is_batched_over_factors_and_their_pivots():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3, 3)), rng.normal(size=(5, 3))

    def solve(a, b):
        return linalg.lu_solve(linalg.lu_factor(a), b)

    expected = np.linalg.solve(a, b[..., None])[..., 0]
    np.testing.assert_allclose(functrace.vmap(solve)(a, b), expected)
    np.testing.assert_allclose(functrace.jit(functrace.vmap(solve))(a, b), expected)
    gradient = functrace.vmap(functrace.grad(lambda a, b: solve(a, b).sum()))(a, b)
    by_b = np.linalg.solve(a.swapaxes(1, 2), np.ones((5, 3, 1)))
    np.testing.assert_allclose(gradient, -by_b * expected[:, None, :])
