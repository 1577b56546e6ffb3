"""Values beside NumPy's and SciPy's, rules beside each other and central differences, first and second derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

import functrace
from functrace.errors import DifferentiationError, DtypeError, LinearAlgebraError, OptionError
from functrace.lax import linalg
from functrace.lax.linalg.matrices import (
    adjoint,
    identity,
    lower_triangle,
    product,
    symmetrized,
    transposed,
    upper_triangle,
)
from tests.lax.rules import check_rules


def matrix(*shape, dtype=np.float64, seed=0):
    rng = np.random.default_rng([seed, *shape])
    x = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    return x.astype(dtype)


def regular(*shape, dtype=np.float64, seed=0):
    return matrix(*shape, dtype=dtype, seed=seed) + 4 * np.eye(shape[-1], dtype=dtype)


def nearby(arg, number):
    """Another example of a batch, around which functions are as smooth."""
    return arg + (0.1 * number * np.cos(np.arange(arg.size)).reshape(arg.shape)).astype(arg.dtype)


def check(function, *args, **kwargs):
    return check_rules(function, *args, variants=nearby, **kwargs)


lead_and_dtype = pytest.mark.parametrize(("lead", "dtype"), [((), np.float64), ((2,), np.complex128)])


# ---------------------------------------------------------------------------------------------------------------------
# systems
# ---------------------------------------------------------------------------------------------------------------------


@lead_and_dtype
def test_systems_and_inverses_are_numpys_and_so_are_their_rules(lead, dtype):
    a, b = regular(*lead, 3, 3, dtype=dtype), matrix(*lead, 3, 2, dtype=dtype)
    check(linalg.solve, a, b, expected=np.linalg.solve(a, b))
    check(linalg.inv, a, expected=np.linalg.inv(a))
    check(linalg.inv_or_nan, a, expected=np.linalg.inv(a), order=1)
    check(linalg.solve, regular(3, 3, dtype=dtype), b, order=1)
    check(linalg.solve, a, matrix(3, dtype=dtype), order=1)


@pytest.mark.parametrize("left_side", [False, True])
@pytest.mark.parametrize("lower", [False, True])
@lead_and_dtype
def test_triangular_systems_are_solved_from_either_side(left_side, lower, lead, dtype):
    a = regular(*lead, 3, 3, dtype=dtype)
    b = matrix(*lead, *((3, 2) if left_side else (2, 3)), dtype=dtype)
    kept = np.tril(a) if lower else np.triu(a)
    for transpose_a, conjugate_a in ((False, False), (True, True), (False, True)):
        op = np.swapaxes(kept, -1, -2) if transpose_a else kept
        op = np.conj(op) if conjugate_a else op
        expected = np.linalg.solve(op, b) if left_side else b @ np.linalg.inv(op)
        options = {"left_side": left_side, "lower": lower, "transpose_a": transpose_a, "conjugate_a": conjugate_a}
        x = check(lambda a, b, o=options: linalg.triangular_solve(a, b, **o), a, b, order=1 + transpose_a)
        np.testing.assert_allclose(x, expected, rtol=1e-10, atol=1e-12)
    unit = kept - np.eye(3) * kept + np.eye(3)
    options = {"left_side": left_side, "lower": lower, "unit_diagonal": True}
    x = check(lambda a, b: linalg.triangular_solve(a, b, **options), a, b)
    expected = np.linalg.solve(unit, b) if left_side else b @ np.linalg.inv(unit)
    np.testing.assert_allclose(x, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("lower", [False, True])
def test_large_triangular_systems_are_solved_block_by_block(lower):
    a = np.tril(matrix(2, 150, 150)) / 150 + np.eye(150)
    a = a if lower else np.swapaxes(a, -1, -2)
    b = matrix(2, 150, 3)
    x = linalg.triangular_solve(a, b, left_side=True, lower=lower)
    np.testing.assert_allclose(a @ x, b, atol=1e-12)
    expected = np.stack([scipy.linalg.solve_triangular(a[i], b[i], lower=lower) for i in range(2)])
    np.testing.assert_allclose(x, expected, rtol=1e-10)


def test_graded_triangular_systems_keep_each_elements_accuracy():
    scale = 10.0 ** -np.arange(0, 60, 6)
    a = np.tril(np.ones((10, 10)) + np.eye(10)) * scale[:, None]
    x = linalg.triangular_solve(a, (a @ np.ones(10))[:, None], left_side=True, lower=True)
    np.testing.assert_allclose(x, np.ones((10, 1)), rtol=1e-12)


def test_one_matrix_is_factored_once_for_a_batch_of_right_sides():
    a, b = regular(3, 3), matrix(5, 3)
    jaxpr = functrace.make_jaxpr(functrace.vmap(lambda b: linalg.solve(a, b)))(b).jaxpr
    shapes = [equation.inputs[0].aval.shape for equation in jaxpr.equations if equation.primitive.name == "solve"]
    assert shapes == [(3, 3)]


@lead_and_dtype
def test_tridiagonal_systems_are_solved(lead, dtype):
    below, on, above = matrix(*lead, 4, dtype=dtype), matrix(*lead, 4, dtype=dtype) + 5, matrix(*lead, 4, dtype=dtype)
    b = matrix(*lead, 4, 2, dtype=dtype)
    dense = np.zeros((*lead, 4, 4), dtype)
    for i in range(4):
        dense[..., i, i] = on[..., i]
        if i:
            dense[..., i, i - 1], dense[..., i - 1, i] = below[..., i], above[..., i - 1]
    x = check(linalg.tridiagonal_solve, below, on, above, b)
    np.testing.assert_allclose(x, np.linalg.solve(dense, b), rtol=1e-10)


@lead_and_dtype
def test_sylvesters_equation_is_solved(lead, dtype):
    a, b, q = regular(*lead, 3, 3, dtype=dtype), regular(*lead, 2, 2, dtype=dtype), matrix(*lead, 3, 2, dtype=dtype)
    x = check(linalg.solve_sylvester, a, b, q)
    np.testing.assert_allclose(a @ x + x @ b, q, atol=1e-12)


LINEAR = {
    "solve": lambda a, b: linalg.solve(a, b),
    "triangular_solve": lambda a, b: linalg.triangular_solve(a, b, left_side=True, lower=True),
    "tridiagonal_solve": lambda a, b: linalg.tridiagonal_solve(a[0], a[1] + 5, a[2], b),
    "solve_sylvester": lambda a, b: linalg.solve_sylvester(a, a[:2, :2], b),
    "expm_frechet": lambda a, b: linalg.expm_frechet(a, b[:, :1] * a),
}


@pytest.mark.parametrize("name", LINEAR)
def test_solutions_are_linear_in_the_right_side_and_can_be_transposed(name):
    a, b = regular(3, 3), matrix(3, 2)
    out = LINEAR[name](a, b)
    ct = matrix(*out.shape, seed=1)
    (back,) = functrace.linear_transpose(lambda b: LINEAR[name](a, b), b)(ct)
    np.testing.assert_allclose(np.sum(back * b), np.sum(ct * out), rtol=1e-10)


# ---------------------------------------------------------------------------------------------------------------------
# decompositions
# ---------------------------------------------------------------------------------------------------------------------


@lead_and_dtype
def test_cholesky_factors_positive_matrices(lead, dtype):
    x = matrix(*lead, 3, 3, dtype=dtype)

    def factor(x):
        return linalg.cholesky(product(x, adjoint(x)) + identity(3, dtype))

    expected = np.linalg.cholesky(x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(3))
    check(factor, x, expected=expected)
    check(lambda x: linalg.cholesky(symmetrized(x) + 8 * identity(3, dtype), symmetrize_input=False), x)


@lead_and_dtype
def test_an_updated_cholesky_factor_is_that_of_the_sum(lead, dtype):
    r, w = np.triu(regular(*lead, 3, 3, dtype=dtype)), matrix(*lead, 3, dtype=dtype)
    np.einsum("...ii->...i", r)[...] = np.abs(np.einsum("...ii->...i", r))
    updated = check(linalg.cholesky_update, r, w, order=1)
    total = np.conj(np.swapaxes(r, -1, -2)) @ r + w[..., :, None] * np.conj(w[..., None, :])
    np.testing.assert_allclose(np.conj(np.swapaxes(updated, -1, -2)) @ updated, total, rtol=1e-10)
    np.testing.assert_allclose(np.tril(updated, -1), 0, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (1, 1)])
@lead_and_dtype
def test_qr_and_its_rules(shape, lead, dtype):
    x = matrix(*lead, *shape, dtype=dtype)
    for mode, full_matrices in (("complete", True), ("reduced", False)):
        check(lambda x, f=full_matrices: linalg.qr(x, full_matrices=f), x, expected=tuple(np.linalg.qr(x, mode)))
    q, r, order = check(lambda x: linalg.qr(x, pivoting=True), x, order=1)
    for index in np.ndindex(lead):
        expected = scipy.linalg.qr(x[index], pivoting=True)
        np.testing.assert_array_equal(order[index], expected[2])
        np.testing.assert_allclose(r[index], expected[1], atol=1e-12)
        np.testing.assert_allclose(q[index] @ r[index], x[index][:, order[index]], atol=1e-12)


@lead_and_dtype
def test_products_of_reflections_are_those_of_lapack(lead, dtype):
    x = matrix(*lead, 4, 3, dtype=dtype)
    packed, taus = linalg.geqrf(x)
    q, _ = np.linalg.qr(x, "complete")
    np.testing.assert_allclose(linalg.householder_product(packed, taus), q[..., :3], atol=1e-12)
    c = matrix(*lead, 4, 2, dtype=dtype)
    back = np.conj(np.swapaxes(q, -1, -2))
    np.testing.assert_allclose(linalg.ormqr(packed, taus, c), q @ c, atol=1e-12)
    np.testing.assert_allclose(linalg.ormqr(packed, taus, c, transpose=True), back @ c, atol=1e-12)
    row = np.swapaxes(c, -1, -2)
    np.testing.assert_allclose(linalg.ormqr(packed, taus, row, left=False), row @ q, atol=1e-12)
    check(linalg.householder_product, x, matrix(*lead, 3, dtype=dtype))
    check(linalg.ormqr, x, matrix(*lead, 2, dtype=dtype), c, order=1)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@lead_and_dtype
def test_lu_and_its_rules(shape, lead, dtype):
    x = matrix(*lead, *shape, dtype=dtype)
    packed, pivots, order = check(linalg.lu, x)
    count = min(shape)
    lower = np.tril(packed[..., :, :count], -1) + np.eye(shape[0], count)
    upper = np.triu(packed[..., :count, :])
    np.testing.assert_allclose(lower @ upper, np.take_along_axis(x, order[..., None], -2), atol=1e-12)
    np.testing.assert_array_equal(linalg.lu_pivots_to_permutation(pivots, shape[0]), order)
    for index in np.ndindex(lead):
        np.testing.assert_array_equal(pivots[index], scipy.linalg.lu_factor(x[index])[1])


@pytest.mark.parametrize("trans", [0, 1, 2])
@lead_and_dtype
def test_systems_are_solved_from_an_lu_decomposition(trans, lead, dtype):
    a, b = matrix(*lead, 3, 3, dtype=dtype), matrix(*lead, 3, 2, dtype=dtype)

    def solved(a, b):
        packed, _, order = linalg.lu(a)
        return linalg.lu_solve(packed, order, b, trans)

    op = (a, np.swapaxes(a, -1, -2), np.conj(np.swapaxes(a, -1, -2)))[trans]
    np.testing.assert_allclose(check(solved, a, b), np.linalg.solve(op, b), rtol=1e-10)


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 4)])
@lead_and_dtype
def test_singular_values_and_what_does_not_depend_on_the_choice_of_singular_vectors(shape, lead, dtype):
    x = matrix(*lead, *shape, dtype=dtype)
    check(lambda x: linalg.svd(x, compute_uv=False), x, expected=np.linalg.svd(x, compute_uv=False))
    count = min(shape)

    def invariants(x, full_matrices):
        u, s, vh = linalg.svd(x, full_matrices=full_matrices)
        out = [s, product(u[..., :count] * np.sin(s)[..., None, :], vh[..., :count, :])]
        if dtype == np.float64 and not full_matrices:
            return [*out, u, vh]
        out += [product(u[..., :2], adjoint(u[..., :2])), product(adjoint(vh[..., 1:, :]), vh[..., 1:, :])]
        return [*out, product(u[..., count:], adjoint(u[..., count:]))]

    for full_matrices in (False, True):
        check(lambda x, f=full_matrices: invariants(x, f), x, batch=False)
    u, s, vh = linalg.svd(x, full_matrices=False, subset_by_index=(1, 3))
    np.testing.assert_allclose(s, np.linalg.svd(x, compute_uv=False)[..., 1:3])
    assert (u.shape[-1], vh.shape[-2]) == (2, 2)


@lead_and_dtype
def test_eigenvalues_of_hermitian_matrices_and_what_does_not_depend_on_the_choice_of_vectors(lead, dtype):
    x = matrix(*lead, 3, 3, dtype=dtype)
    check(lambda x: linalg.eigvalsh(symmetrized(x)), x)

    def invariants(x):
        v, w = linalg.eigh(x)
        if dtype == np.float64:
            return v, w
        return w, product(v * np.cos(w)[..., None, :], adjoint(v)), product(v[..., :1], adjoint(v[..., :1]))

    check(invariants, x, batch=False)
    hermitian = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
    v, w = linalg.eigh(hermitian, lower=False, symmetrize_input=False)
    np.testing.assert_allclose(hermitian @ v, v * w[..., None, :], atol=1e-12)
    _, some = linalg.eigh(x, subset_by_index=(1, 3))
    np.testing.assert_allclose(some, w[..., 1:3])


@lead_and_dtype
def test_eigenvectors_of_general_matrices_keep_their_length_and_their_greatest_element_real(lead, dtype):
    x = matrix(*lead, 3, 3, dtype=dtype)
    check(linalg.eigvals, x)
    check(lambda x: linalg.eig(x, compute_left_eigenvectors=False), x)
    w, left, right = check(linalg.eig, x, order=1)
    np.testing.assert_allclose(x @ right, right * w[..., None, :], atol=1e-12)
    back = np.conj(np.swapaxes(left, -1, -2))
    np.testing.assert_allclose(back @ x, w[..., :, None] * back, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(left, axis=-2), 1)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@lead_and_dtype
def test_polar_factors_and_their_rules(shape, lead, dtype):
    x = matrix(*lead, *shape, dtype=dtype)
    u, p = check(linalg.polar, x)
    for index in np.ndindex(lead):
        expected = scipy.linalg.polar(x[index])
        np.testing.assert_allclose(u[index], expected[0], atol=1e-12)
        np.testing.assert_allclose(p[index], expected[1], atol=1e-12)


def test_the_polar_factor_of_a_multiple_of_an_orthogonal_matrix_has_a_derivative():
    x, t = 2 * np.linalg.qr(matrix(3, 3))[0], matrix(3, 3, seed=1)
    _, slope = functrace.jvp(lambda x: linalg.polar(x)[0], (x,), (t,))
    step = 1e-6
    expected = (scipy.linalg.polar(x + step * t)[0] - scipy.linalg.polar(x - step * t)[0]) / (2 * step)
    np.testing.assert_allclose(slope, expected, atol=1e-8)


# ---------------------------------------------------------------------------------------------------------------------
# functions of matrices
# ---------------------------------------------------------------------------------------------------------------------


@lead_and_dtype
def test_determinants_and_their_rules(lead, dtype):
    a = matrix(*lead, 3, 3, dtype=dtype)
    check(linalg.det, a, expected=np.linalg.det(a))
    check(linalg.slogdet, a, expected=tuple(np.linalg.slogdet(a)))


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
@lead_and_dtype
def test_rules_of_determinants_hold_at_singular_matrices(rank, lead, dtype):
    a = matrix(*lead, 4, rank, dtype=dtype) @ matrix(*lead, rank, 4, dtype=dtype, seed=1)
    check(linalg.det, a, batch=False)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@lead_and_dtype
def test_pseudoinverses_and_their_rules(shape, lead, dtype):
    a = matrix(*lead, *shape, dtype=dtype)
    check(lambda a: linalg.pinv(a, 1e-15), a, expected=np.linalg.pinv(a))


@lead_and_dtype
def test_exponentials_and_their_rules(lead, dtype):
    a, e = matrix(*lead, 3, 3, dtype=dtype), matrix(*lead, 3, 3, dtype=dtype, seed=1)
    check(linalg.expm, a, expected=scipy.linalg.expm(a))
    along = check(linalg.expm_frechet, a, e)
    for index in np.ndindex(lead):
        expected = scipy.linalg.expm_frechet(a[index], e[index], compute_expm=False)
        np.testing.assert_allclose(along[index], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [1e-9, 0.01, 0.2, 0.9, 2.0, 5.0, 40.0, 600.0])
def test_exponentials_of_every_size_are_accurate(size):
    a = matrix(4, 4)
    a = (a - a.T) * (size / np.linalg.norm(a - a.T, 1))  # skew: of norm one
    small = np.float32(a)
    np.testing.assert_allclose(linalg.expm(a), scipy.linalg.expm(a), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(linalg.expm(small), scipy.linalg.expm(np.float64(small)), atol=2e-4)
    stack = np.stack([a, 1e-3 * a, 0 * a])
    np.testing.assert_allclose(linalg.expm(stack), scipy.linalg.expm(stack), rtol=1e-11, atol=1e-12)


def test_square_roots_and_their_rules():
    for lead in ((), (2,)):
        a = regular(*lead, 3, 3)
        root = check(linalg.sqrtm, a)
        np.testing.assert_allclose(root @ root, a, atol=1e-12)


def test_a_symmetric_product_is_the_sum_that_it_says():
    a, c = matrix(3, 2), matrix(3, 3)
    check(
        lambda a, c: linalg.symmetric_product(a, c, alpha=2.0, beta=0.5), a, c, expected=2 * a @ a.T + 0.5 * c, order=1
    )


# ---------------------------------------------------------------------------------------------------------------------
# reductions to forms
# ---------------------------------------------------------------------------------------------------------------------


@lead_and_dtype
def test_forms_are_those_of_scipy_and_have_no_derivative(lead, dtype):
    x = matrix(*lead, 4, 4, dtype=dtype)
    t, z = check(linalg.schur, x, order=0)
    np.testing.assert_allclose(z @ t @ np.conj(np.swapaxes(z, -1, -2)), x, atol=1e-12)
    packed, taus = check(linalg.hessenberg, x, order=0)
    hermitian = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
    for lower in (False, True):
        _, d, e, _ = check(lambda x, low=lower: linalg.tridiagonal(x, lower=low), hermitian, order=0)
        dense = np.zeros((*lead, 4, 4))
        dense[..., range(4), range(4)] = d
        dense[..., range(3), range(1, 4)] = dense[..., range(1, 4), range(3)] = e
        np.testing.assert_allclose(np.linalg.eigvalsh(dense), np.linalg.eigvalsh(hermitian), atol=1e-12)
    for index in np.ndindex(lead):
        np.testing.assert_allclose(np.triu(packed[index], -1), scipy.linalg.hessenberg(x[index]), atol=1e-12)
        assert taus[index].shape == (3,)
        np.testing.assert_allclose(t[index], scipy.linalg.schur(x[index])[0], atol=1e-12)
    complex_t, complex_z = linalg.rsf2csf(t, z)
    np.testing.assert_allclose(np.tril(complex_t, -1), 0, atol=1e-12)
    np.testing.assert_allclose(complex_z @ complex_t @ np.conj(np.swapaxes(complex_z, -1, -2)), x, atol=1e-12)
    with pytest.raises(DifferentiationError, match="schur has no derivative"):
        functrace.grad(lambda x: abs(linalg.schur(x)[0]).sum())(x)


def test_schurs_form_begins_with_the_eigenvalues_that_are_chosen():
    x = np.diag([1.0, -2.0, 3.0])
    t, _ = linalg.schur(x, sort_eig_vals=True, select_callable=lambda w: w < 0)
    assert t[0, 0] == -2
    with pytest.raises(OptionError, match="select_callable"):
        linalg.schur(x, sort_eig_vals=True)


# ---------------------------------------------------------------------------------------------------------------------
# edges
# ---------------------------------------------------------------------------------------------------------------------

OF_SQUARE = {
    "cholesky": lambda x: linalg.cholesky(product(x, adjoint(x)) + identity(x.shape[-1], x.dtype)),
    "solve": lambda x: linalg.solve(x, x),
    "triangular_solve": lambda x: linalg.triangular_solve(x, x),
    "inv": linalg.inv,
    "det": linalg.det,
    "slogdet": linalg.slogdet,
    "eigh": lambda x: linalg.eigh(x)[1],
    "eig": linalg.eig,
    "eigvals": linalg.eigvals,
    "expm": linalg.expm,
    "sqrtm": linalg.sqrtm,
    "sylvester": lambda x: linalg.solve_sylvester(x, x, x),
}
OF_ANY = {
    "qr": linalg.qr,
    "qr reduced": lambda x: linalg.qr(x, full_matrices=False),
    "lu": linalg.lu,
    "svd": lambda x: linalg.svd(x)[1],
    "svdvals": lambda x: linalg.svd(x, compute_uv=False),
    "polar": linalg.polar,
    "pinv": lambda x: linalg.pinv(x, 1e-15),
}


@pytest.mark.parametrize("name", [*OF_SQUARE, *OF_ANY])
def test_empty_stacks_and_matrices_of_one_element_and_of_none_are_taken(name):
    function = {**OF_SQUARE, **OF_ANY}[name]
    shapes = [(0, 0), (1, 1), (0, 2, 2), (2, 0, 0), (2, 1, 1)]
    if name in OF_ANY and name != "polar":
        shapes += [(0, 3), (3, 0), (1, 3), (3, 1)]
    for shape in shapes:
        check(function, matrix(*shape) + 3, order=1)


@pytest.mark.parametrize("name", [*OF_SQUARE, *OF_ANY])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_single_precision_stays_single(name, dtype):
    function = {**OF_SQUARE, **OF_ANY}[name]
    check(function, regular(3, 3, dtype=dtype), order=1)


def test_integers_become_double_precision_and_half_precision_is_refused():
    assert linalg.inv(np.array([[2, 0], [0, 4]])).dtype == np.float64
    assert linalg.solve(np.eye(2, dtype=np.float32), np.ones((2, 1), np.int8)).dtype == np.float64
    with pytest.raises(DtypeError, match="float16 is unsupported"):
        linalg.inv(np.eye(2, dtype=np.float16))


def test_shapes_that_do_not_fit_are_refused_by_an_error_that_is_numpys_too():
    assert issubclass(LinearAlgebraError, np.linalg.LinAlgError)
    for call in (
        lambda: linalg.inv(np.ones((2, 3))),
        lambda: linalg.qr(np.ones(3)),
        lambda: linalg.solve(np.eye(2), np.ones((3, 1))),
        lambda: linalg.triangular_solve(np.eye(2), np.ones((3, 1))),
        lambda: linalg.tridiagonal_solve(np.ones(2), np.ones(3), np.ones(3), np.ones((3, 1))),
        lambda: linalg.solve_sylvester(np.eye(2), np.eye(3), np.ones((3, 2))),
    ):
        with pytest.raises(LinearAlgebraError):
            call()
    with pytest.raises(OptionError, match="subset_by_index"):
        linalg.eigh(np.eye(3), subset_by_index=(2, 5))
    with pytest.raises(OptionError, match="full_matrices=False"):
        linalg.svd(np.eye(3), subset_by_index=(0, 1))


def test_single_vectors_of_equal_values_have_nan_for_a_derivative_and_the_values_do_not():
    same = np.diag([1.0, 1.0, 2.0])
    assert np.isnan(functrace.grad(lambda x: linalg.eigh(x)[0][0].sum())(same)).any()
    assert np.isnan(functrace.grad(lambda x: linalg.svd(x)[0][0].sum())(same)).any()
    np.testing.assert_allclose(functrace.grad(lambda x: linalg.eigh(x)[1].sum())(same), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(functrace.grad(lambda x: linalg.svd(x)[1].sum())(same), np.eye(3), atol=1e-12)


def test_triangles_are_numpys():
    x = matrix(2, 3, 4)
    for offset in (-1, 0, 2):
        check(lambda x, k=offset: lower_triangle(x, k), x, expected=np.tril(x, offset))
        check(lambda x, k=offset: upper_triangle(x, k), x, expected=np.triu(x, offset))
    check(transposed, x, expected=np.swapaxes(x, -1, -2))
