"""Vectors and matrices that are made with linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import functrace.numpy as fnp
from functrace import jit, random, vmap
from functrace.test_util import check_grads

KEY = random.key(3)
MEAN = np.array([1.0, -2.0, 0.5])
COVARIANCE = np.array([[2.0, 0.6, 0.2], [0.6, 1.0, -0.3], [0.2, -0.3, 0.5]])


@pytest.mark.parametrize("method", ["cholesky", "eigh", "svd"])
def test_normal_vectors_have_their_mean_and_covariance(method):
    drawn = random.multivariate_normal(KEY, MEAN, COVARIANCE, (20_000,), method=method)
    np.testing.assert_allclose(drawn.mean(0), MEAN, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), COVARIANCE, atol=0.06)
    distances = np.einsum("ni,ij,nj->n", drawn - MEAN, np.linalg.inv(COVARIANCE), drawn - MEAN)
    assert stats.kstest(distances, stats.chi2(3).cdf).pvalue > 1e-3
    single = random.multivariate_normal(KEY, np.float32(MEAN), np.float32(COVARIANCE), method=method)
    assert single.shape == (3,) and single.dtype == np.float32


def test_normal_vectors_of_a_stack_of_means_and_covariances():
    covariances = np.stack([COVARIANCE, np.eye(3), 4 * np.eye(3)])
    assert random.multivariate_normal(KEY, np.zeros((2, 1, 3)), covariances).shape == (2, 3, 3)
    assert random.multivariate_normal(KEY, np.zeros(3), covariances, (5, 3)).shape == (5, 3, 3)
    semidefinite = np.outer(MEAN, MEAN)
    drawn = random.multivariate_normal(KEY, np.zeros(3), semidefinite, (7,), method="svd")
    np.testing.assert_allclose(np.cross(drawn, MEAN), 0, atol=1e-7)


def test_normal_vectors_are_a_smooth_function_of_mean_and_covariance():
    """By a factor of the covariance, so that central differences stay among the symmetric matrices."""

    def draw(mean, factor):
        return random.multivariate_normal(KEY, mean, factor @ fnp.transpose(factor), (4,))

    check_grads(draw, (MEAN, np.linalg.cholesky(COVARIANCE)), order=2, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize(("n", "m"), [(3, None), (2, 4), (4, 2), (1, 1)])
def test_orthogonal_matrices_are_orthogonal(n, m, dtype):
    drawn = random.orthogonal(KEY, n, (5,), dtype, m)
    assert drawn.shape == (5, n, m or n) and drawn.dtype == dtype
    wide = n < (m or n)
    product = drawn @ drawn.conj().mT if wide else drawn.conj().mT @ drawn
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(min(n, m or n)), product.shape), atol=1e-5)


def test_orthogonal_matrices_are_even_by_haars_measure():
    """The first column is even on the sphere: in three dimensions each component is uniform. Both determinants come."""
    drawn = random.orthogonal(KEY, 3, (4000,))
    for component in (drawn[:, 0, 0], drawn[:, 2, 1]):
        assert stats.kstest(component, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert abs(np.mean(np.linalg.det(drawn) > 0) - 0.5) < 0.04
    trace = np.abs(np.trace(random.orthogonal(KEY, 3, (4000,), complex), axis1=1, axis2=2)) ** 2
    assert abs(trace.mean() - 1) < 0.1  # of the unitary group, by Haar's measure


def test_eager_jit_and_vmap_agree():
    """To rounding: under `jit` products of matrices may add in another order."""
    keys = random.split(KEY, 4)
    for draw in (lambda key: random.multivariate_normal(key, MEAN, COVARIANCE), lambda key: random.orthogonal(key, 3)):
        alone = np.stack([draw(key) for key in keys])
        np.testing.assert_allclose(vmap(draw)(keys), alone, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(jit(vmap(draw))(keys), alone, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(jit(draw)(keys[0]), alone[0], rtol=1e-12, atol=1e-14)
