"""Each distribution is the one that it is named for: tests of goodness of fit against SciPy, with fixed keys."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from functrace import random

KEY = random.key(2026)
COUNT = 20_000
LIKELY = 1e-3  # a test that holds is below this once in a thousand; the keys are fixed

CONTINUOUS = {
    "beta": (lambda: random.beta(KEY, 0.4, 2.0, (COUNT,)), stats.beta(0.4, 2.0)),
    "cauchy": (lambda: random.cauchy(KEY, (COUNT,)), stats.cauchy),
    "chisquare": (lambda: random.chisquare(KEY, 3.0, (COUNT,)), stats.chi2(3.0)),
    "double_sided_maxwell": (
        lambda: np.abs(random.double_sided_maxwell(KEY, 0.0, 2.0, (COUNT,))),
        stats.maxwell(scale=2.0),
    ),
    "exponential": (lambda: random.exponential(KEY, (COUNT,)), stats.expon),
    "exponential float32": (lambda: random.exponential(KEY, (COUNT,), np.float32), stats.expon),
    "f": (lambda: random.f(KEY, 3.0, 7.0, (COUNT,)), stats.f(3.0, 7.0)),
    "gamma 0.2": (lambda: random.gamma(KEY, 0.2, (COUNT,)), stats.gamma(0.2)),
    "gamma 1": (lambda: random.gamma(KEY, 1.0, (COUNT,)), stats.gamma(1.0)),
    "gamma 5": (lambda: random.gamma(KEY, 5.0, (COUNT,)), stats.gamma(5.0)),
    "gamma 1000": (lambda: random.gamma(KEY, 1000.0, (COUNT,), np.float32), stats.gamma(1000.0)),
    "generalized_normal": (lambda: random.generalized_normal(KEY, 3.0, (COUNT,)), stats.gennorm(3.0)),
    "gumbel": (lambda: random.gumbel(KEY, (COUNT,)), stats.gumbel_r),
    "laplace": (lambda: random.laplace(KEY, (COUNT,)), stats.laplace),
    "loggamma": (lambda: random.loggamma(KEY, 0.01, (COUNT,)), stats.loggamma(0.01)),
    "logistic": (lambda: random.logistic(KEY, (COUNT,)), stats.logistic),
    "lognormal": (lambda: random.lognormal(KEY, 0.5, (COUNT,)), stats.lognorm(0.5)),
    "maxwell": (lambda: random.maxwell(KEY, (COUNT,)), stats.maxwell),
    "normal": (lambda: random.normal(KEY, (100_000,)), stats.norm),
    "normal float32": (lambda: random.normal(KEY, (100_000,), np.float32), stats.norm),
    "normal complex": (lambda: random.normal(KEY, (COUNT,), complex).imag * np.sqrt(2), stats.norm),
    "pareto": (lambda: random.pareto(KEY, 3.0, (COUNT,)), stats.pareto(3.0)),
    "rayleigh": (lambda: random.rayleigh(KEY, 2.0, (COUNT,)), stats.rayleigh(scale=2.0)),
    "t": (lambda: random.t(KEY, 3.0, (COUNT,)), stats.t(3.0)),
    "triangular": (lambda: random.triangular(KEY, -1.0, 0.5, 1.0, (COUNT,)), stats.triang(0.75, -1, 2)),
    "truncated_normal": (lambda: random.truncated_normal(KEY, -0.5, 2.0, (COUNT,)), stats.truncnorm(-0.5, 2.0)),
    "truncated_normal far": (lambda: random.truncated_normal(KEY, 20.0, np.inf, (COUNT,)), stats.truncnorm(20, np.inf)),
    "truncated_normal far below": (lambda: random.truncated_normal(KEY, -9.0, -8.0, (COUNT,)), stats.truncnorm(-9, -8)),
    "uniform": (lambda: random.uniform(KEY, (COUNT,), minval=-2.0, maxval=3.0), stats.uniform(-2.0, 5.0)),
    "uniform float32": (lambda: random.uniform(KEY, (COUNT,), np.float32), stats.uniform),
    "wald": (lambda: random.wald(KEY, 2.0, (COUNT,)), stats.invgauss(2.0)),
    "weibull_min": (lambda: random.weibull_min(KEY, 2.0, 1.5, (COUNT,)), stats.weibull_min(1.5, scale=2.0)),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_continuous_distribution_passes_the_test_of_kolmogorov_and_smirnov(name):
    draw, distribution = CONTINUOUS[name]
    drawn = draw()
    assert np.all(np.isfinite(drawn))
    assert stats.kstest(drawn.astype(float), distribution.cdf).pvalue > LIKELY


DISCRETE = {
    "bernoulli": (lambda: random.bernoulli(KEY, 0.3, (COUNT,)), stats.bernoulli(0.3)),
    "binomial by inversion": (lambda: random.binomial(KEY, 20, 0.3, (COUNT,)), stats.binom(20, 0.3)),
    "binomial by rejection": (lambda: random.binomial(KEY, 200, 0.4, (COUNT,)), stats.binom(200, 0.4)),
    "binomial above one half": (lambda: random.binomial(KEY, 60, 0.8, (COUNT,)), stats.binom(60, 0.8)),
    "geometric": (lambda: random.geometric(KEY, 0.25, (COUNT,)), stats.geom(0.25)),
    "poisson small": (lambda: random.poisson(KEY, 0.05, (COUNT,)), stats.poisson(0.05)),
    "poisson by inversion": (lambda: random.poisson(KEY, 9.9, (COUNT,)), stats.poisson(9.9)),
    "poisson by rejection": (lambda: random.poisson(KEY, 10.1, (COUNT,)), stats.poisson(10.1)),
    "poisson large": (lambda: random.poisson(KEY, 500.0, (COUNT,)), stats.poisson(500.0)),
    "rademacher": (lambda: (random.rademacher(KEY, (COUNT,)) + 1) // 2, stats.bernoulli(0.5)),
    "randint": (lambda: random.randint(KEY, (COUNT,), -3, 8), stats.randint(-3, 8)),
    "randint uint8": (lambda: random.randint(KEY, (COUNT,), 0, 256, np.uint8), stats.randint(0, 256)),
    "choice": (lambda: random.choice(KEY, 7, (COUNT,)), stats.randint(0, 7)),
    "permutation": (lambda: random.permutation(KEY, np.arange(COUNT) % 9), stats.randint(0, 9)),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_a_discrete_distribution_passes_the_chi_square_test(name):
    draw, distribution = DISCRETE[name]
    drawn = draw().astype(np.int64)
    values = np.arange(drawn.min() - 1, drawn.max() + 2)
    expected = distribution.pmf(values) * len(drawn)
    expected[0], expected[-1] = distribution.cdf(values[0]) * len(drawn), distribution.sf(values[-2]) * len(drawn)
    observed = np.array([np.sum(drawn == value) for value in values])
    enough = expected >= 5
    observed = np.append(observed[enough], observed[~enough].sum())
    expected = np.append(expected[enough], expected[~enough].sum())
    if expected[-1] < 1:
        assert observed[-1] <= 5
        observed, expected = observed[:-1], expected[:-1]
    expected *= observed.sum() / expected.sum()
    assert stats.chisquare(observed, expected).pvalue > LIKELY


def test_counts_with_large_means_have_their_moments():
    drawn = random.poisson(KEY, 1e12, (COUNT,))
    assert abs(drawn.mean() - 1e12) < 5e6 / np.sqrt(COUNT) and abs(drawn.std() / 1e6 - 1) < 0.03
    drawn = random.binomial(KEY, 1e9, 1e-3, (COUNT,))
    assert abs(drawn.mean() - 1e6) < 5e3 / np.sqrt(COUNT) and abs(drawn.std() / np.sqrt(0.999e6) - 1) < 0.03
    drawn = random.multinomial(KEY, 1000, np.broadcast_to([0.2, 0.5, 0.3], (COUNT, 3)))
    np.testing.assert_array_equal(drawn.sum(-1), 1000)
    np.testing.assert_allclose(drawn.mean(0), [200, 500, 300], rtol=0.005)
    np.testing.assert_allclose(np.cov(drawn.T)[0], [160, -100, -60], rtol=0.05)
    assert random.geometric(KEY, 1.0) == 1 and random.geometric(KEY, 1e-300) > 2**62


WEIGHTS = np.array([0.1, 0.0, 0.2, 0.7])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: random.categorical(KEY, np.log(WEIGHTS), shape=(COUNT,)),
        lambda: random.categorical(KEY, np.log(WEIGHTS)[:, None] + np.zeros(COUNT), axis=0),
        lambda: random.choice(KEY, 4, (COUNT,), p=WEIGHTS),
        lambda: random.choice(KEY, np.arange(4), (COUNT,), p=3 * WEIGHTS),
    ],
)
def test_categories_come_as_often_as_their_weights_say(draw):
    observed = np.bincount(draw(), minlength=4)
    assert observed[1] == 0
    assert stats.chisquare(observed[WEIGHTS > 0], COUNT * WEIGHTS[WEIGHTS > 0]).pvalue > LIKELY


@pytest.mark.parametrize("kind", ["categorical", "choice", "choice by probabilities"])
def test_without_replacement_nothing_comes_twice(kind):
    weights = np.arange(1.0, 7.0) / 21
    drawn = {
        "categorical": lambda: random.categorical(KEY, np.log(weights), shape=(4,), replace=False),
        "choice": lambda: random.choice(KEY, 6, (2, 2), replace=False),
        "choice by probabilities": lambda: random.choice(KEY, 6, (2, 2), replace=False, p=weights),
    }[kind]()
    assert len(np.unique(drawn)) == 4


def test_every_order_of_three_comes_as_often():
    lines = random.permutation(KEY, np.broadcast_to(np.arange(3), (COUNT, 3)), axis=1, independent=True)
    observed = np.unique(lines @ [9, 3, 1], return_counts=True)[1]
    assert len(observed) == 6 and stats.chisquare(observed).pvalue > LIKELY


def test_a_permutation_moves_whole_rows():
    x = np.arange(12).reshape(6, 2)
    np.testing.assert_array_equal(np.sort(random.permutation(KEY, x), axis=0), x)
    y = random.permutation(KEY, x, axis=1)
    assert np.array_equal(y, x) or np.array_equal(y, x[:, ::-1])
    assert random.permutation(KEY, 0).shape == (0,)


def test_dirichlet_vectors_sum_to_one_and_their_parts_are_beta_variables():
    alpha = np.array([0.3, 1.0, 2.5])
    drawn = random.dirichlet(KEY, alpha, (COUNT,))
    np.testing.assert_allclose(drawn.sum(-1), 1, rtol=1e-14)
    for part, a in zip(drawn.T, alpha, strict=True):
        assert stats.kstest(part, stats.beta(a, alpha.sum() - a).cdf).pvalue > LIKELY


@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_vectors_are_even_in_the_ball_of_a_norm(p):
    """The norm to the power of the dimension is uniform, and each sign as frequent."""
    drawn = random.ball(KEY, 3, p, (COUNT,))
    norms = np.sum(np.abs(drawn) ** p, -1) ** (1 / p)
    assert stats.kstest(norms**3, stats.uniform.cdf).pvalue > LIKELY
    assert abs(np.mean(drawn > 0) - 0.5) < 0.01


def test_limits_of_integers_at_the_ends_of_their_dtypes():
    for dtype in (np.int8, np.uint8, np.int32, np.uint64, np.int64):
        info = np.iinfo(dtype)
        drawn = random.randint(KEY, (COUNT,), info.min, info.max + 1, dtype)
        assert drawn.dtype == dtype
        scaled = (drawn.astype(float) - float(info.min)) / (float(info.max) - float(info.min))
        assert abs(scaled.mean() - 0.5) < 0.01 and scaled.min() < 0.01 and scaled.max() > 0.99
    np.testing.assert_array_equal(random.randint(KEY, (3,), 5, np.array([5, 4, 6])), 5)
    np.testing.assert_array_equal(random.randint(KEY, (9,), 300, np.array(400), np.int8), 127)
    np.testing.assert_array_equal(random.randint(KEY, (9,), np.int64(-400), -300, np.int8), -128)
    np.testing.assert_array_equal(random.randint(KEY, (9,), np.array(-400), 1, np.uint64), 0)
    np.testing.assert_array_equal(random.randint(KEY, (9,), np.uint64(2**63), 2**64, np.int64), 2**63 - 1)
    high = random.randint(KEY, (COUNT,), np.uint64(2**63), np.uint64(2**64 - 1), np.uint64)
    assert high.min() >= 2**63
    assert set(random.randint(KEY, (100,), np.uint8(254), np.uint8(255) + np.uint16(1)).tolist()) == {254, 255}
