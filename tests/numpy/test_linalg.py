from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace.errors import DifferentiationError
from tests.numpy.agreement import check_agreement, check_derivatives, check_same_error, compare

few = settings(max_examples=10, deadline=None)
INEXACT = (np.float64, np.complex128, np.float32)
numbers = st.integers(0, 2**32 - 1)


def matrix(*shape, dtype=np.float64, seed=0):
    """Numbers around which decompositions are smooth; of square matrices, well conditioned."""
    rng = np.random.default_rng([seed, *shape])
    x = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    if np.dtype(dtype).kind == "i":
        x = np.round(x)
    if len(shape) > 1 and shape[-1] == shape[-2]:
        x = x + 5 * np.diag(np.arange(1, shape[-1] + 1))
    return x.astype(dtype)


def positive(*shape, dtype=np.float64):
    x = matrix(*shape, dtype=dtype)
    return (x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(shape[-1])).astype(dtype)


def hermitian_part(x):
    return (x + fnp.conj(fnp.matrix_transpose(x))) / 2


@st.composite
def stacks(draw, square=True, dtypes=(*INEXACT, np.int64)):
    """Matrices, or stacks of them, none of which is empty."""
    lead = draw(st.sampled_from([(), (), (2,), (1, 2)]))
    rows = draw(st.integers(1, 3))
    columns = rows if square else draw(st.integers(1, 3))
    return matrix(*lead, rows, columns, dtype=draw(st.sampled_from(dtypes)), seed=draw(st.integers(0, 99)))


def test_every_function_of_numpy_linalg_is_there_with_its_signature():
    assert set(fnp.linalg.__all__) == set(np.linalg.__all__)
    assert fnp.linalg.LinAlgError is np.linalg.LinAlgError
    for name in fnp.linalg.__all__:
        if name != "LinAlgError":
            assert inspect.signature(getattr(fnp.linalg, name)) == inspect.signature(getattr(np.linalg, name))


# ---------------------------------------------------------------------------------------------------------------------
# values and first derivatives beside NumPy's
# ---------------------------------------------------------------------------------------------------------------------


@few
@given(stacks())
def test_functions_of_square_matrices_agree_with_numpy(a):
    for name in ("det", "inv", "slogdet"):
        if name == "inv" or a.dtype != np.int64:
            check_agreement(f"linalg.{name}", a)
        else:
            check_agreement(f"linalg.{name}", a, gradient=False)
    for power in (-2, 0, 1, 3):
        check_agreement("linalg.matrix_power", a, power)


@few
@given(stacks(square=False))
def test_functions_of_matrices_agree_with_numpy(a):
    check_agreement("linalg.svdvals", a)
    check_agreement("linalg.pinv", a)
    check_agreement("linalg.pinv", a, rtol=None)
    check_agreement("linalg.pinv", a, 1e-6)
    check_agreement("linalg.matrix_rank", a)
    check_agreement("linalg.matrix_transpose", a)
    check_agreement("linalg.diagonal", a, offset=1)
    check_agreement("linalg.trace", a, offset=-1)


@few
@given(stacks(square=False, dtypes=(np.float64, np.float32)), st.sampled_from(["reduced", "complete", "r"]))
def test_qr_agrees_with_numpy_in_every_mode(a, mode):
    check_agreement("linalg.qr", a, mode)
    check_agreement("linalg.qr", a, "raw", gradient=False)
    check_agreement("linalg.qr", a + 1j * a[..., ::-1], mode)


def test_qr_in_the_mode_raw_says_that_it_has_no_derivative():
    with pytest.raises(DifferentiationError, match="no derivative"):
        functrace.grad(lambda a: fnp.linalg.qr(a, "raw")[0].sum())(matrix(3, 2))
    with pytest.raises(DifferentiationError, match="no derivative"):
        functrace.jvp(lambda a: fnp.linalg.qr(a, "raw"), (matrix(3, 2),), (matrix(3, 2),))


@few
@given(stacks(square=False, dtypes=(np.float64, np.float32)), st.booleans())
def test_svd_agrees_with_numpy(a, full_matrices):
    check_agreement("linalg.svd", a, full_matrices, gradient=not full_matrices or a.shape[-1] == a.shape[-2])
    check_agreement("linalg.svd", a, full_matrices, False)


@pytest.mark.parametrize("dtype", INEXACT)
def test_functions_of_hermitian_matrices_agree_with_numpy(dtype):
    for shape in ((3, 3), (2, 1, 2, 2), (1, 1)):
        a = matrix(*shape, dtype=dtype)  # of which one triangle is read
        for letter in ("L", "U", "l"):
            check_agreement("linalg.eigvalsh", a, letter, gradient=False)
            if dtype != np.complex128:
                check_agreement("linalg.eigh", a, UPLO=letter, gradient=False)
        a = a - np.diag([9 if i == 1 else 0 for i in range(shape[-1])]).astype(dtype)  # of both signs
        check_agreement("linalg.svd", a, compute_uv=False, hermitian=True, gradient=False)
        check_agreement("linalg.svd", a, hermitian=True, gradient=False)
        check_agreement("linalg.pinv", a, hermitian=True, gradient=False)
        check_agreement("linalg.matrix_rank", a, hermitian=True)
        spd = positive(*shape, dtype=dtype)
        check_agreement("linalg.cholesky", np.tril(spd), gradient=False)
        check_agreement("linalg.cholesky", np.triu(spd), upper=True, gradient=False)


HERMITIAN = {
    "cholesky": lambda linalg, x: [linalg.cholesky(x)],
    "cholesky_upper": lambda linalg, x: [linalg.cholesky(x, upper=True)],
    "eigvalsh": lambda linalg, x: [linalg.eigvalsh(x)],
    "eigh": lambda linalg, x: _invariant(*linalg.eigh(x, "U")),
    "svd": lambda linalg, x: _invariant(*linalg.svd(x, hermitian=True)[1::-1]),
    "pinv": lambda linalg, x: [linalg.pinv(x, hermitian=True)],
}


def _invariant(w, v):
    """What does not depend on the phases of eigenvectors."""
    return [w, (v * np.cos(w)[..., None, :]) @ np.conj(np.swapaxes(v, -1, -2))]


@pytest.mark.parametrize("name", HERMITIAN)
@pytest.mark.parametrize("dtype", INEXACT)
def test_derivatives_of_functions_of_hermitian_matrices_are_those_along_hermitian_directions(name, dtype):
    def of_part(linalg):
        return lambda x: HERMITIAN[name](linalg, hermitian_part(x) + 9 * np.eye(x.shape[-1], dtype=dtype))

    for shape in ((3, 3), (2, 2, 2)):
        check_derivatives(of_part(fnp.linalg), of_part(np.linalg), [matrix(*shape, dtype=dtype)])
    gradient = functrace.grad(lambda x: fnp.sum(fnp.abs(HERMITIAN[name](fnp.linalg, x)[-1]) ** 2))(positive(3, 3))
    np.testing.assert_allclose(gradient, gradient.T, rtol=1e-10, atol=1e-10)


def test_eigenvalues_and_eigenvectors_of_a_complex_matrix_agree_with_numpy():
    for shape in ((3, 3), (2, 2, 2), (1, 1)):
        a = matrix(*shape, dtype=np.complex128)
        check_agreement("linalg.eigvals", a)
        check_agreement("linalg.eig", a)


def test_eigenvalues_and_eigenvectors_of_a_traced_real_matrix_are_complex():
    for a in (np.array([[1.0, 2.0], [-3.0, 1.5]]), matrix(2, 3, 3)):

        def complex_eig(linalg, a):
            w, v = linalg.eig(a)
            return [w + 0j, v + 0j, linalg.eigvals(a) + 0j]

        expected = complex_eig(np.linalg, a)
        got = functrace.jit(lambda a: [*fnp.linalg.eig(a), fnp.linalg.eigvals(a)])(a)
        compare(got, expected, rtol=1e-12, what="eig")
        check_derivatives(lambda a: complex_eig(fnp.linalg, a), lambda a: complex_eig(np.linalg, a), [a])


@pytest.mark.parametrize("dtype", INEXACT)
def test_solve_agrees_with_numpy_and_broadcasts(dtype):
    for left, right in (((2, 2), (2,)), ((2, 2), (2, 3)), ((4, 2, 2), (2, 1)), ((2, 2), (4, 2, 3)), ((0, 0), (0, 2))):
        check_agreement("linalg.solve", matrix(*left, dtype=dtype), matrix(*right, dtype=dtype))
    check_agreement("linalg.solve", matrix(2, 2, dtype=dtype), np.array([1, 2]))


@pytest.mark.parametrize("dtype", INEXACT)
def test_least_squares_agree_with_numpy(dtype):
    for left, right in (((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 4), (2,)), ((3, 3), (3, 2))):
        a, b = matrix(*left, dtype=dtype), matrix(*right, dtype=dtype)
        check_agreement("linalg.lstsq", a, b, gradient=left != (3, 3))
        check_agreement("linalg.lstsq", a, b, 1e-3, gradient=False)


def test_least_squares_of_deficient_rank_have_nan_for_residuals_and_the_derivative_of_the_pseudoinverse():
    a = np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
    b = np.array([1.0, -1.0, 2.0])
    x, residuals, rank, _ = functrace.jit(fnp.linalg.lstsq)(a, b)
    np.testing.assert_allclose(x, np.linalg.lstsq(a, b)[0])
    assert np.isnan(residuals).all()
    assert rank == 1
    gradient = functrace.grad(lambda b: fnp.linalg.lstsq(a, b)[0].sum())(b)
    np.testing.assert_allclose(gradient, np.linalg.pinv(a).sum(0), atol=1e-12)


def test_tensor_equations_agree_with_numpy():
    a = np.eye(12).reshape(3, 4, 2, 6) + 0.1 * matrix(3, 4, 2, 6)
    check_agreement("linalg.tensorsolve", a, matrix(3, 4))
    check_agreement("linalg.tensorsolve", a.transpose(2, 0, 1, 3), matrix(3, 4), axes=(0, 3))
    check_agreement("linalg.tensorinv", a)
    check_agreement("linalg.tensorinv", a[0, :3, 0, :3], ind=1)


def test_products_agree_with_numpy():
    check_agreement("linalg.cross", matrix(2, 3), matrix(2, 3, seed=1))
    check_agreement("linalg.cross", matrix(3, 2), matrix(3, 2, seed=1), axis=0)
    check_agreement("linalg.outer", matrix(2), matrix(3))
    check_agreement("linalg.matmul", matrix(4, 2, 3), matrix(3, 2))
    check_agreement("linalg.tensordot", matrix(2, 3, 4), matrix(3, 4, 2), axes=([1, 2], [0, 1]))
    check_agreement("linalg.vecdot", matrix(2, 3, dtype=complex), matrix(2, 3, dtype=complex, seed=1))
    check_agreement("linalg.vecdot", matrix(2, 3), matrix(2, 3, seed=1), axis=0)


@pytest.mark.parametrize("extents", [(2, 3, 4), (10, 3, 20, 2, 5), (4, 1, 5, 2, 3, 6)])
def test_a_chain_of_products_agrees_with_numpy(extents):
    chain = [matrix(m, n) for m, n in pairwise(extents)]
    check_agreement("linalg.multi_dot", chain)
    check_agreement("linalg.multi_dot", [chain[0][0], *chain[1:]])
    check_agreement("linalg.multi_dot", [*chain[:-1], chain[-1][:, 0]])
    check_agreement("linalg.multi_dot", [chain[0][0], *chain[1:-1], chain[-1][:, 0]])


def test_a_chain_of_products_is_computed_in_the_order_with_the_fewest_operations():
    chain = [np.zeros((100, 2)), np.zeros((2, 100)), np.zeros((100, 2))]
    shapes = [
        equation.outputs[0].aval.shape for equation in functrace.make_jaxpr(fnp.linalg.multi_dot)(chain).jaxpr.equations
    ]
    assert shapes == [(2, 2), (100, 2)]


# ---------------------------------------------------------------------------------------------------------------------
# norms
# ---------------------------------------------------------------------------------------------------------------------

VECTOR_ORDERS = (None, 0, 1, 2, 3, 0.5, -1, -2.5, np.inf, -np.inf)
MATRIX_ORDERS = (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)


@pytest.mark.parametrize("dtype", [*INEXACT, np.int64])
def test_norms_of_every_order_and_axis_agree_with_numpy(dtype):
    x = matrix(2, 3, 4, dtype=dtype)
    if dtype == np.int64:
        x = x * 3 + 7
    check_agreement("linalg.norm", x)
    check_agreement("linalg.norm", x, keepdims=True)
    for ord in VECTOR_ORDERS:
        check_agreement("linalg.norm", x, ord, -2)
        check_agreement("linalg.norm", x, ord, 0, True, gradient=False)
        check_agreement("linalg.norm", x[0, 0], ord, gradient=False)
        if ord is not None:
            check_agreement("linalg.vector_norm", x, axis=(2, 0), ord=ord, gradient=False)
            check_agreement("linalg.vector_norm", x, ord=ord, keepdims=True, gradient=False)
    for ord in MATRIX_ORDERS:
        check_agreement("linalg.norm", x, ord, (2, 0))
        check_agreement("linalg.norm", x, ord, (0, -1), True, gradient=False)
        check_agreement("linalg.norm", x[0], ord, gradient=False)
        if ord is not None:
            check_agreement("linalg.matrix_norm", x, ord=ord, keepdims=True, gradient=False)
    check_agreement("linalg.vector_norm", x, axis=1)


@pytest.mark.parametrize("dtype", INEXACT)
@pytest.mark.parametrize("ord", [None, 1, 2, 3, 0.5, np.inf, -np.inf])
def test_the_gradient_of_a_norm_at_zero_is_zero(ord, dtype):
    zero = np.zeros(3, dtype)
    got = functrace.grad(lambda x: fnp.linalg.norm(x, ord))(zero)
    np.testing.assert_array_equal(got, zero)
    second = functrace.jvp(functrace.grad(lambda x: fnp.linalg.norm(x, ord)), (zero,), (zero + 1,))[1]
    assert np.isfinite(second).all()


def test_the_gradient_of_a_norm_where_elements_are_zero_is_that_of_the_others():
    x = np.array([3.0, 0.0, -4.0])
    np.testing.assert_allclose(functrace.grad(fnp.linalg.norm)(x), [0.6, 0.0, -0.8])
    np.testing.assert_allclose(functrace.grad(lambda x: fnp.linalg.norm(x, 1))(x), [1.0, 0.0, -1.0])
    cubes = (27 + 64) ** (1 / 3)
    expected = np.sign(x) * (np.abs(x) / cubes) ** 2
    np.testing.assert_allclose(functrace.grad(lambda x: fnp.linalg.norm(x, 3))(x), expected)


def test_norms_of_matrices_are_differentiated_where_singular_values_are_equal():
    gradient = functrace.grad(lambda x: fnp.linalg.norm(x, "nuc"))(2 * np.eye(3))
    np.testing.assert_allclose(gradient, np.eye(3), atol=1e-12)
    np.testing.assert_array_equal(functrace.grad(lambda x: fnp.linalg.norm(x, "fro"))(np.zeros((2, 3))), 0)


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc"])
def test_condition_numbers_agree_with_numpy(p):
    check_agreement("linalg.cond", matrix(3, 3), p)
    check_agreement("linalg.cond", matrix(2, 2, 2, dtype=np.complex128), p)


@pytest.mark.parametrize("p", [1, -1, np.inf, -np.inf, "fro"])
def test_the_condition_number_of_a_singular_matrix_is_infinite(p):
    stack = np.stack([np.diag([1.0, 2.0]), np.ones((2, 2)), np.full((2, 2), np.nan)])
    got = functrace.jit(lambda x: fnp.linalg.cond(x, p))(stack)
    np.testing.assert_allclose(got, np.linalg.cond(stack, p))


# ---------------------------------------------------------------------------------------------------------------------
# determinants of singular matrices
# ---------------------------------------------------------------------------------------------------------------------


def cofactors(a):
    """By determinants of minors."""
    n = len(a)
    keep = [[k for k in range(n) if k != i] for i in range(n)]
    return np.array(
        [[(-1) ** (i + j) * np.linalg.det(a[np.ix_(keep[i], keep[j])]) for j in range(n)] for i in range(n)]
    )


SINGULAR = {
    "rank n - 1": np.arange(9.0).reshape(3, 3),
    "rank n - 2": np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0]),
    "zero": np.zeros((3, 3)),
    "two equal singular values": np.diag([2.0, 2.0, 0.0]),
    "four rows, rank two": np.outer([1.0, 2, 3, 4], [1.0, 0, 1, 0]) + np.outer([1.0, 0, 0, 1], [0.0, 1, 2, 3]),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_the_determinant_of_a_singular_matrix_has_its_cofactors_for_a_gradient_and_their_gradients(name):
    a = SINGULAR[name]
    np.testing.assert_allclose(functrace.grad(fnp.linalg.det)(a), cofactors(a), atol=1e-12)
    direction = matrix(*a.shape)
    step = 1e-5
    expected = (cofactors(a + step * direction) - cofactors(a - step * direction)) / (2 * step)
    _, forward = functrace.jvp(functrace.grad(fnp.linalg.det), (a,), (direction,))
    reverse = functrace.grad(lambda x: fnp.sum(functrace.grad(fnp.linalg.det)(x) * direction))(a)
    np.testing.assert_allclose(forward, expected, atol=1e-7)
    np.testing.assert_allclose(reverse, expected, atol=1e-7)


def test_the_third_derivative_of_a_determinant_is_right_at_rank_n_minus_one():
    a, b = np.arange(9.0).reshape(3, 3), matrix(3, 3)
    third = functrace.jet(lambda t: fnp.linalg.det(a + t * b), (0.0,), ([1.0, 0.0, 0.0],))[1][2]
    np.testing.assert_allclose(third, 6 * np.linalg.det(b))


# ---------------------------------------------------------------------------------------------------------------------
# edges and errors
# ---------------------------------------------------------------------------------------------------------------------


def test_empty_matrices_and_stacks_agree_with_numpy():
    for a in (np.zeros((0, 0)), np.zeros((0, 2, 2)), np.zeros((2, 0, 0))):
        for name in ("inv", "det", "slogdet", "eigvalsh", "eigh", "svdvals", "svd", "qr", "cholesky", "pinv"):
            check_agreement(f"linalg.{name}", a)
    for a in (np.zeros((0, 3)), np.zeros((3, 0))):
        for name in ("svdvals", "svd", "qr", "pinv"):
            check_agreement(f"linalg.{name}", a)


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "eig", "eigvals"])
def test_what_is_no_square_matrix_is_refused_as_by_numpy(name):
    check_same_error(f"linalg.{name}", np.ones(3))
    check_same_error(f"linalg.{name}", np.ones((2, 3)))
    check_same_error(f"linalg.{name}", np.ones((2, 2), np.float16))


def test_other_arguments_are_refused_as_by_numpy():
    square = np.ones((2, 2))
    check_same_error("linalg.qr", square, "whole")
    check_same_error("linalg.qr", np.ones(2))
    check_same_error("linalg.eigh", square, "X")
    check_same_error("linalg.solve", square, np.ones((3, 2)))
    check_same_error("linalg.lstsq", square, np.ones(3))
    check_same_error("linalg.lstsq", np.ones(3), np.ones(3))
    check_same_error("linalg.matrix_power", square, 0.5)
    check_same_error("linalg.matrix_power", np.ones((2, 3)), 2)
    check_same_error("linalg.pinv", square, 1e-3, rtol=1e-3)
    check_same_error("linalg.norm", square, "nuc", 0)
    check_same_error("linalg.norm", square, 3)
    check_same_error("linalg.norm", square, 2, (0, 0))
    check_same_error("linalg.norm", np.ones((2, 2, 2)), 2)
    check_same_error("linalg.norm", square, 2, "rows")
    check_same_error("linalg.norm", square, 2, 4)
    check_same_error("linalg.cond", np.ones((0, 0)))
    check_same_error("linalg.multi_dot", [square])
    check_same_error("linalg.multi_dot", [square, np.ones((2, 2, 2)), square])
    check_same_error("linalg.outer", square, square)
    check_same_error("linalg.cross", square, square)
    check_same_error("linalg.tensorinv", square, 0)
    check_same_error("linalg.tensorsolve", np.ones((2, 3, 2)), np.ones(2))
    check_same_error("linalg.matrix_transpose", np.ones(2))


def test_a_failure_of_lapack_is_numpys_error_under_every_transform():
    singular, indefinite = np.ones((2, 2)), -np.eye(2)
    for function, a in ((fnp.linalg.inv, singular), (fnp.linalg.cholesky, indefinite)):
        for run in (function, functrace.jit(function), functrace.grad(lambda x, f=function: f(x).sum())):
            with pytest.raises(np.linalg.LinAlgError):
                run(a)
        with pytest.raises(np.linalg.LinAlgError):
            functrace.vmap(function)(a[None])


def test_results_are_the_callers():
    a = matrix(3, 3)
    for function in (fnp.linalg.inv, fnp.linalg.matrix_transpose, lambda a: fnp.linalg.matrix_power(a, 0)):
        out = functrace.jit(function)(a)
        assert out.flags.writeable
        assert not np.shares_memory(out, a)


def test_solve_shows_the_shapes_that_do_not_fit_as_they_came():
    with pytest.raises(np.linalg.LinAlgError, match=r"got shapes \(2, 2\) and \(3,\)"):
        functrace.jit(np.linalg.solve)(np.eye(2), np.ones(3))
