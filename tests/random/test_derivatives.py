"""Derivatives by the parameters of distributions: a variable moves so that the probability below it stays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import functrace.numpy as fnp
from functrace import grad, jit, jvp, random, vmap
from functrace.test_util import check_grads

KEY = random.key(11)

#: (draw, parameters, the quantile function's distribution): implicit derivatives of one variable.
FAMILIES = {
    "gamma": (random.gamma, (np.array([0.05, 0.9, 4.0, 70.0]),), stats.gamma),
    "loggamma": (random.loggamma, (np.array([0.05, 0.9, 4.0, 70.0]),), stats.loggamma),
    "chisquare": (random.chisquare, (np.array([0.7, 3.0, 9.0]),), stats.chi2),
    "pareto": (random.pareto, (np.array([0.7, 3.0]),), stats.pareto),
    "lognormal": (random.lognormal, (np.array([0.7, 3.0]),), stats.lognorm),
    "truncated_normal": (
        random.truncated_normal,
        (np.array([-1.0, 0.2, 7.0, -9.0, -3.0]), np.array([1.5, 0.9, 7.5, -8.0, 30.0])),
        stats.truncnorm,
    ),
    "uniform": (
        lambda key, low, width: random.uniform(key, (3,), minval=low, maxval=low + width),
        (np.array([-1.0, 0.0, 5.0]), np.array([1.0, 4.0, 0.3])),
        stats.uniform,
    ),
    "weibull_min": (
        lambda key, c, scale: random.weibull_min(key, scale, c, (2,)),
        (np.array([0.7, 3.0]), np.array([1.0, 2.0])),
        lambda c, scale: stats.weibull_min(c, 0, scale),
    ),
    "wald": (random.wald, (np.array([0.05, 0.7, 3.0, 20.0]),), stats.invgauss),
    "rayleigh": (random.rayleigh, (np.array([0.7, 3.0]),), lambda scale: stats.rayleigh(0, scale)),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_variable_moves_with_the_quantile_function(name):
    draw, parameters, family = FAMILIES[name]
    drawn = draw(KEY, *parameters)
    probability, survival = family(*parameters).cdf(drawn), family(*parameters).sf(drawn)

    def quantiles(*moved):
        return np.where(probability < 0.5, family(*moved).ppf(probability), family(*moved).isf(survival))

    np.testing.assert_allclose(quantiles(*parameters), drawn, rtol=1e-6)
    for index, parameter in enumerate(parameters):
        tangents = [np.full(x.shape, float(place == index)) for place, x in enumerate(parameters)]
        value, slope = jvp(lambda *xs: draw(KEY, *xs), parameters, tuple(tangents))
        np.testing.assert_array_equal(value, drawn)
        step = 1e-5 * np.abs(parameter) + 1e-7
        above, below = [
            quantiles(*[x + sign * step * t for x, t in zip(parameters, tangents, strict=True)]) for sign in (1, -1)
        ]
        expected = (above - below) / (2 * step)
        np.testing.assert_allclose(slope, expected, rtol=2e-4, atol=1e-6 * np.max(np.abs(expected)))


#: Smooth functions of parameters: numbers that do not depend on them, reparameterised.
SMOOTH = {
    "double_sided_maxwell": lambda loc, scale: random.double_sided_maxwell(KEY, loc, scale, (2, 2)),
    "triangular": lambda x, y: random.triangular(KEY, -x, y / 10, y + 4.0, (2, 2)),
    "uniform": lambda x, y: random.uniform(KEY, (2, 2), minval=x, maxval=y + 9),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_reparameterised_draws_differentiate_as_the_functions_they_are(name):
    check_grads(SMOOTH[name], (np.array([1.0, 2.0]), np.array([0.5, 3.0])), order=2)


@pytest.mark.parametrize(
    ("draw", "parameters", "mean"),
    [
        (random.gamma, (3.0,), lambda a: a),
        (random.gamma, (0.2,), lambda a: a),
        (random.beta, (0.7, 2.0), lambda a, b: a / (a + b)),
        (lambda key, df, shape: random.t(key, df, shape) ** 2, (7.0,), lambda df: df / (df - 2)),
        (random.f, (4.0, 9.0), lambda n, d: d / (d - 2)),
        (random.wald, (0.8,), lambda mu: mu),
        (lambda key, p, shape: random.generalized_normal(key, p, shape) ** 2, (2.5,), lambda p: stats.gennorm(p).var()),
        (
            lambda key, a, b, shape: random.dirichlet(key, fnp.stack([a, b, a]), shape)[..., 0],
            (1.0, 3.0),
            lambda a, b: a / (2 * a + b),
        ),
    ],
)
def test_the_mean_of_the_derivatives_is_the_derivative_of_the_mean(draw, parameters, mean):
    count = 20_000
    for index in range(len(parameters)):

        def one(x, key, index=index):
            moved = [x if place == index else value for place, value in enumerate(parameters)]
            return draw(key, *moved, ())

        slopes = vmap(grad(one), in_axes=(None, 0))(parameters[index], random.split(KEY, count))
        above, below = [
            mean(*[value + step * (place == index) for place, value in enumerate(parameters)]) for step in (1e-5, -1e-5)
        ]
        assert abs(slopes.mean() - (above - below) / 2e-5) < 5 * slopes.std() / np.sqrt(count)


def test_gamma_composes_with_transforms_to_second_order():
    a = np.array([0.3, 2.0, 15.0])

    def total(a):
        return fnp.sum(random.gamma(KEY, a))

    slope = grad(total)(a)
    np.testing.assert_allclose(jit(grad(total))(a), slope, rtol=1e-12)
    each = vmap(grad(lambda a, key: random.gamma(key, a)))(a, random.split(KEY, 3))
    alone = [grad(lambda a, key=key: random.gamma(key, a))(x) for x, key in zip(a, random.split(KEY, 3), strict=True)]
    np.testing.assert_allclose(each, alone, rtol=1e-13)
    second = grad(lambda a: fnp.sum(grad(total)(a)))(a)
    np.testing.assert_allclose(jit(grad(lambda a: fnp.sum(grad(total)(a))))(a), second, rtol=1e-10)
    # along the quantile function, which SciPy inverts
    below = stats.gamma(a).cdf(random.gamma(KEY, a))
    step = 1e-3
    moved = [stats.gamma(a + shift).ppf(below) for shift in (step, 0, -step)]
    np.testing.assert_allclose(second, (moved[0] - 2 * moved[1] + moved[2]) / step**2, rtol=1e-4, atol=1e-4)


def test_derivatives_keep_single_precision():
    for draw in (random.gamma, random.chisquare, random.pareto, random.t):
        slope = grad(lambda a, draw=draw: fnp.sum(draw(KEY, a, (3,), np.float32)))(np.float32(2.0))
        assert slope.dtype == np.float32 and np.isfinite(slope)
    slope = grad(lambda low: random.truncated_normal(KEY, low, 2.0, dtype=np.float32))(np.float32(-1.0))
    assert slope.dtype == np.float32


def test_a_gamma_variable_too_small_for_a_float_has_the_slope_of_its_logarithm():
    slope = grad(lambda a: random.loggamma(KEY, a, (50,)).sum())(1e-4)
    drawn = random.loggamma(KEY, 1e-4, (50,))
    assert np.any(drawn < -800)
    # F = zᵃ / Γ(a + 1) for small z
    np.testing.assert_allclose(slope, np.sum((-np.euler_gamma - drawn) / 1e-4), rtol=1e-3)
