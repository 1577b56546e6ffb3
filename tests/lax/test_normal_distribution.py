from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from functrace.lax.normal_distribution import mills_ratio, normal_probability, normal_quantile
from tests.lax.rules import check_rules


def test_the_quantile_is_that_of_scipy_from_the_smallest_float_on():
    p = np.concatenate((np.linspace(0.001, 0.999, 999), 10.0 ** -np.arange(1, 300), 1 - 10.0 ** -np.arange(1, 16)))
    np.testing.assert_allclose(normal_quantile(p), special.ndtri(p), rtol=3e-15, atol=1e-16)


def test_the_probability_is_that_of_scipy_far_out():
    x = np.linspace(-37, 9, 2001)
    np.testing.assert_allclose(normal_probability(x), special.ndtr(x), rtol=3e-13)


def test_mills_ratio_is_the_scaled_error_function_of_scipy():
    x = np.array([0.0, 1e-9, 0.5, 3.0, 50.0, 1e6, np.inf])
    np.testing.assert_allclose(mills_ratio(x), np.sqrt(np.pi / 2) * special.erfcx(x / np.sqrt(2)), rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges_and_dtypes(dtype):
    x = np.array([-np.inf, 0, np.inf, np.nan], dtype)
    np.testing.assert_allclose(normal_probability(x), np.array([0, 0.5, 1, np.nan], dtype), rtol=2e-14)
    np.testing.assert_array_equal(normal_quantile(np.array([0, 0.5, 1, np.nan], dtype)), x)
    assert normal_quantile(x).dtype == normal_probability(x).dtype == dtype
    assert normal_quantile(dtype(0.25)).dtype == dtype


def test_rules():
    check_rules(normal_probability, np.array([[-3.0, -0.5, 0.3], [1.2, 2.0, 4.0]]))
    check_rules(normal_quantile, np.array([0.03, 0.2, 0.5, 0.8, 0.97]), variants=lambda x, number: x * 0.9**number)
    check_rules(mills_ratio, np.array([0.2, 1.0, 4.0]))
