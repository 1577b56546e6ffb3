"""Linear algebra beside JAX's: what does not depend on the phases of vectors, and vectors whose phase is fixed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace.scipy import linalg as scipy_linalg
from tests.oracle.agreement import Difference, check_against_jax, draw, jax, jnp

OURS = SimpleNamespace(np=fnp, numpy=fnp.linalg, lax=functrace.lax.linalg, scipy=scipy_linalg)
JAXS = SimpleNamespace(np=jnp, numpy=jnp.linalg, lax=jax.lax.linalg, scipy=jax.scipy.linalg)
DTYPES = ("f8", "c16")
#: On arrays outside of every transform it is NumPy's function that is called.
DTYPE_OF_REAL = [Difference("dtype", "NumPy gives real eigenvectors where all are real")]


def check(function, *arrays, **options):
    """Compare ``function(modules, *arrays)`` in both libraries."""
    options.setdefault("rtol", 1e-9)
    options.setdefault("batch", False)
    theirs = jax.jit(lambda *xs: function(JAXS, *xs))  # operation by operation it would take minutes
    check_against_jax(lambda *xs: function(OURS, *xs), theirs, *arrays, **options)


def regular(*shape, dtype="f8", seed=0):
    """Matrices far from singular, whose eigenvalues and singular values are apart, flipped too."""
    count = min(shape[-2:])
    diagonal = np.zeros(shape[-2:])
    diagonal[range(count), range(count)] = 3 * np.arange(1, count + 1)
    return draw(shape, dtype, seed=seed) + diagonal.astype(dtype)


def hermitian(m, x):
    return x + m.np.conj(m.np.swapaxes(x, -1, -2))


def adjoint(m, x):
    return m.np.conj(m.np.swapaxes(x, -1, -2))


def positive(m, x):
    return m.np.matmul(x, adjoint(m, x)) + m.np.eye(x.shape[-1])


def with_fixed_phase(m, v):
    """Columns whose first element is positive."""
    first = v[..., :1, :]
    return v * m.np.conj(first) / m.np.abs(first)


# ---------------------------------------------------------------------------------------------------------------------
# numpy.linalg
# ---------------------------------------------------------------------------------------------------------------------

OF_SQUARE = {
    "inv": lambda m, x: m.numpy.inv(x),
    "det": lambda m, x: m.numpy.det(x),
    "slogdet": lambda m, x: tuple(m.numpy.slogdet(x)),
    "solve": lambda m, x: m.numpy.solve(x, x[..., :2] * 2 + 1),
    "matrix_power": lambda m, x: (m.numpy.matrix_power(x, 3), m.numpy.matrix_power(x, -2)),
    "cholesky": lambda m, x: m.numpy.cholesky(positive(m, x)),
    "cholesky_upper": lambda m, x: m.numpy.cholesky(positive(m, x), upper=True),
    "eigvalsh": lambda m, x: m.numpy.eigvalsh(hermitian(m, x)),
    "eigh": lambda m, x: with_fixed_phase(m, m.numpy.eigh(hermitian(m, x))[1]),
    "cond": lambda m, x: (m.numpy.cond(x), m.numpy.cond(x, -2), m.numpy.cond(x, 1), m.numpy.cond(x, "fro")),
    "tensorinv": lambda m, x: m.numpy.tensorinv(x[..., None, :, :], 2) if x.ndim == 2 else x,
}
OF_ANY = {
    "svdvals": lambda m, x: m.numpy.svdvals(x),
    "pinv": lambda m, x: m.numpy.pinv(x, rtol=1e-10),
    "qr": lambda m, x: tuple(m.numpy.qr(x)),
    "qr_complete": lambda m, x: tuple(m.numpy.qr(x, "complete")),
    "qr_r": lambda m, x: m.numpy.qr(x, "r"),
    "matrix_norm": lambda m, x: [m.numpy.matrix_norm(x, ord=k) for k in ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)],
    "vector_norm": lambda m, x: [m.numpy.vector_norm(x, axis=-1, ord=k) for k in (1, 2, 3, -1, np.inf, -np.inf)],
    "matrix_rank": lambda m, x: m.numpy.matrix_rank(x),
    "trace": lambda m, x: m.numpy.trace(x, offset=1),
    "multi_dot": lambda m, x: m.numpy.multi_dot([x, adjoint(m, x), x]) if x.ndim == 2 else x,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_SQUARE)
def test_functions_of_square_matrices_agree(name, dtype):
    check(OF_SQUARE[name], regular(3, 3, dtype=dtype), rtol=1e-8, batch=dtype == "f8")
    check(OF_SQUARE[name], regular(2, 2, 2, dtype=dtype), order=1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_ANY)
def test_functions_of_matrices_agree(name, dtype):
    shapes = ((3, 3), (4, 2), (2, 4)) if name != "qr_complete" else ((3, 3), (4, 2))
    for shape in shapes:
        check(OF_ANY[name], regular(*shape, dtype=dtype), rtol=1e-8)
    check(OF_ANY[name], regular(2, 3, 2, dtype=dtype), order=1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_singular_vectors_agree(shape, dtype):
    def vectors(m, x):
        u, s, vh = m.numpy.svd(x, full_matrices=False)
        phase = m.np.conj(u[:1]) / m.np.abs(u[:1])
        return u * phase, s, adjoint(m, phase) * vh

    def product(m, x):
        u, s, vh = m.numpy.svd(x, full_matrices=False)
        return (u * m.np.sin(s)[None, :]) @ vh

    check(vectors, regular(*shape, dtype=dtype), rtol=1e-8)
    check(product, regular(*shape, dtype=dtype), rtol=1e-8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_eigenvalues_and_eigenvectors_of_general_matrices_agree_once_their_phase_is_fixed(dtype):
    a = regular(3, 3, dtype=dtype)

    def ours(x):
        w, v = fnp.linalg.eig(x)
        return w + 0j, with_fixed_phase(OURS, v)

    def theirs(x):
        w, v = jax.lax.linalg.eig(x, compute_left_eigenvectors=False, enable_eigvec_derivs=True)
        return w, with_fixed_phase(JAXS, v / jnp.sqrt(jnp.sum(jnp.abs(v) ** 2, -2, keepdims=True)))

    check_against_jax(ours, jax.jit(theirs), a, rtol=1e-8, batch=False, differs=DTYPE_OF_REAL if dtype == "f8" else ())


@pytest.mark.parametrize("dtype", DTYPES)
def test_least_squares_agree(dtype):
    for left, right in (((4, 2), (4, 3)), ((2, 4), (2, 3)), ((4, 2), (4,))):
        check(
            lambda m, a, b: (m.numpy.lstsq(a, b)[0], m.numpy.lstsq(a, b)[3]),
            regular(*left, dtype=dtype),
            draw(right, dtype, seed=1),
            rtol=1e-8,
        )


def test_norms_at_zero_have_a_gradient_of_zero_where_jax_has_nan():
    reason = "zero is a subgradient of a norm at zero; JAX divides zero by zero"
    differs = [Difference(kind, reason) for kind in ("gradient", "tangent", "second derivative")]
    check(lambda m, x: m.numpy.norm(x), np.zeros(3), differs=differs)


@pytest.mark.parametrize("rank", [2, 3])
def test_gradients_of_determinants_agree_at_singular_matrices(rank):
    a = draw((4, rank)) @ draw((rank, 4), seed=1)
    check(lambda m, x: m.numpy.det(x), a, order=1, batch=False, rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------------------------------------------------------------
# lax.linalg
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_primitives_of_lax_agree(dtype):
    a, b = regular(3, 3, dtype=dtype), draw((3, 2), dtype, seed=1)
    check(lambda m, x: m.lax.cholesky(positive(m, x)), a)
    check(lambda m, x: m.lax.cholesky(x), np.asarray(positive(OURS, a)))
    check(lambda m, x: m.lax.eigh(hermitian(m, x))[1], a)
    check(lambda m, x: m.lax.svd(x, compute_uv=False), a)
    check(lambda m, x: m.lax.lu(x), a)
    check(lambda m, x: m.lax.lu(x), regular(4, 2, dtype=dtype))
    check(lambda m, x: m.lax.lu(x), regular(2, 4, dtype=dtype))
    check(lambda m, x: m.lax.qr(x, full_matrices=False), regular(4, 2, dtype=dtype))
    for left in (False, True):
        for lower in (False, True):
            for transpose in (False, True):
                check(
                    lambda m, x, y, o=(left, lower, transpose): m.lax.triangular_solve(
                        x, y, left_side=o[0], lower=o[1], transpose_a=o[2], conjugate_a=o[2], unit_diagonal=not o[2]
                    ),
                    a,
                    b if left else b.T.copy(),
                )
    check(
        lambda m, dl, d, du, b: m.lax.tridiagonal_solve(dl, d, du, b),
        draw((4,), dtype, seed=2),
        draw((4,), dtype, seed=3) + 9,
        draw((4,), dtype, seed=4),
        draw((4, 2), dtype, seed=5),
    )
    packed, taus = functrace.lax.linalg.geqrf(regular(4, 3, dtype=dtype))
    check(lambda m, a, t: m.lax.householder_product(a, t), packed.copy(), taus, order=0)
    check(lambda m, r, w: m.lax.cholesky_update(r, w), np.triu(regular(3, 3)), draw((3,)), order=0)
    check(lambda m, a, c: m.lax.symmetric_product(a, c, symmetrize_output=True), draw((3, 2)), np.eye(3), order=0)


# ---------------------------------------------------------------------------------------------------------------------
# scipy.linalg
# ---------------------------------------------------------------------------------------------------------------------

OF_SCIPY = {
    "solve": lambda m, x: m.scipy.solve(x, x[:, :2] + 1),
    "solve_pos": lambda m, x: m.scipy.solve(positive(m, x), x, assume_a="pos"),
    "cho_solve": lambda m, x: m.scipy.cho_solve(m.scipy.cho_factor(positive(m, x)), x),
    "solve_triangular": lambda m, x: m.scipy.solve_triangular(x, x[:, :2] + 1, trans=2, lower=True),
    "lu": lambda m, x: m.scipy.lu(x)[1:],
    "lu_solve": lambda m, x: m.scipy.lu_solve(m.scipy.lu_factor(x), x + 1, 1),
    "qr": lambda m, x: m.scipy.qr(x, mode="economic"),
    "eigh": lambda m, x: m.scipy.eigh(hermitian(m, x), eigvals_only=True),
    "expm": lambda m, x: m.scipy.expm(x / 4),
    "expm_frechet": lambda m, x: m.scipy.expm_frechet(x / 4, x + 1),
    "toeplitz": lambda m, x: m.scipy.toeplitz(x[0], x[1]),
    "hankel": lambda m, x: m.scipy.hankel(x[0], x[1]),
    "circulant": lambda m, x: m.scipy.circulant(x[0]),
    "companion": lambda m, x: m.scipy.companion(x[0]),
    "fiedler": lambda m, x: m.scipy.fiedler(m.np.real(x[0])),
    "fiedler_companion": lambda m, x: m.scipy.fiedler_companion(x[0]),
    "leslie": lambda m, x: m.scipy.leslie(x[0], x[1, 1:]),
    "convolution_matrix": lambda m, x: m.scipy.convolution_matrix(x[0], 4, "same"),
    "block_diag": lambda m, x: m.scipy.block_diag(x, x[:1]),
}
#: JAX differentiates these not at all, or not in reverse.
OF_SCIPY_VALUES = {
    "polar": lambda m, x: m.scipy.polar(x),
    "sqrtm": lambda m, x: m.scipy.sqrtm(x),
    "funm": lambda m, x: m.scipy.funm(x + 0j, m.np.cos),
    "solve_sylvester": lambda m, x: m.scipy.solve_sylvester(x, x, x + 1),
    "eigh_tridiagonal": lambda m, x: m.scipy.eigh_tridiagonal(m.np.real(x[0]), m.np.real(x[1, 1:]), eigvals_only=True),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_SCIPY)
def test_functions_of_scipy_agree(name, dtype):
    order = 1 if name == "expm_frechet" else 2
    differs = ()
    if (name, dtype) == ("solve_pos", "c16"):
        reason = "central differences agree with ours; JAX transposes a Hermitian system as if it were symmetric"
        differs = [Difference(kind, reason) for kind in ("gradient", "second derivative")]
    check(OF_SCIPY[name], regular(3, 3, dtype=dtype), rtol=1e-8, order=order, differs=differs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_SCIPY_VALUES)
def test_values_of_functions_of_scipy_agree(name, dtype):
    check(OF_SCIPY_VALUES[name], regular(3, 3, dtype=dtype), rtol=1e-7, order=0)
