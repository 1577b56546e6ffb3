from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from functrace.lax.gamma_slope import log_gamma_slope, moment_p
from tests.lax.rules import check_rules


@pytest.mark.parametrize("a", [1e-3, 0.03, 0.5, 1.0, 1.5, 7.0, 300.0, 1e4])
def test_the_slope_is_that_of_the_quantile_function(a):
    """Central differences of log z along F(z; a) = const, by SciPy's inverse of F."""
    z = special.gammaincinv(a, np.linspace(0.01, 0.99, 25))
    z = z[z > 1e-280]
    step = 1e-5 * a
    above, below = [special.gammaincinv(b, special.gammainc(a, z)) for b in (a + step, a - step)]
    got = log_gamma_slope(np.full(z.shape, a), np.log(z))
    np.testing.assert_allclose(got, np.log(above / below) / (2 * step), rtol=3e-9)


def test_the_slope_of_an_exponential_variable_is_known():
    """Of a = 1: f = Q = exp(-z), ∂Q/∂a = ∂Γ(a, z)/∂a - ψ(1) Q, and ∂Γ(a, z)/∂a = exp(-z) log z + E₁(z) (DLMF 8.6)."""
    z = np.array([1e-300, 1e-8, 0.1, 1.0, 1.52, 1.53, 5.0, 600.0])
    expected = (np.log(z) + special.expn(1, z) * np.exp(np.minimum(z, 700)) + np.euler_gamma) / z
    small = z < 1e-4  # F = zᵃ / Γ(a + 1), nearly
    expected[small] = special.digamma(2) - np.log(z[small])
    np.testing.assert_allclose(log_gamma_slope(np.ones(z.shape), np.log(z)), expected, rtol=1e-7)


def test_a_variable_too_small_for_a_float_still_has_a_slope():
    """F = zᵃ / Γ(a + 1) for small z: d log z / da = (ψ(a + 1) - log z) / a."""
    a, log_z = np.array([1e-3, 1e-5, 0.2]), np.array([-1e4, -1e6, -900.0])
    np.testing.assert_allclose(log_gamma_slope(a, log_z), (special.digamma(a + 1) - log_z) / a, rtol=1e-12)


def test_single_precision_stays_single():
    a, log_z = np.float32([0.5, 3.0, 100.0]), np.float32([-2.0, 1.0, 4.7])
    got = log_gamma_slope(a, log_z)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, log_gamma_slope(a.astype(float), log_z.astype(float)), rtol=2e-5)


def test_rules_of_the_moments_and_of_the_slope():
    b, z = np.array([1.2, 3.0, 40.0]), np.array([0.4, 2.9, 38.0])
    for order in (0, 1):
        check_rules(lambda b, z, order=order: moment_p(b, z, np.ones(3), order=order), b, z, variants=_nearby)
        check_rules(lambda b, z, order=order: moment_p(b, z + 3, -np.ones(3), order=order), b, z, variants=_nearby)
    check_rules(log_gamma_slope, np.array([0.1, 0.9, 5.0, 30.0]), np.array([-4.0, 0.7, 1.1, 3.6]), variants=_nearby)


def _nearby(x, number):
    return x * (1 - 0.01 * number)
