"""Every function of `functrace.random` that draws, with arguments, as functions of a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from functrace import random

SHAPE = (5, 3)
_THREE = np.array([0.4, 1.0, 10.0])
_PROBABILITIES = np.array([0.1, 0.2, 0.3, 0.4])
_COVARIANCE = np.array([[2.0, 1.0], [1.0, 3.0]])

DRAWS: dict[str, Callable[[Any], Any]] = {
    "ball": lambda key: random.ball(key, 4, 3.0, (5,)),
    "bernoulli": lambda key: random.bernoulli(key, np.array([0.1, 0.5, 0.9]), SHAPE),
    "beta": lambda key: random.beta(key, _THREE, 2.0, SHAPE),
    "binomial": lambda key: random.binomial(key, 100, np.array([0.01, 0.5, 0.99]), SHAPE),
    "bits": lambda key: random.bits(key, SHAPE),
    "bits uint8": lambda key: random.bits(key, SHAPE, np.uint8),
    "categorical": lambda key: random.categorical(key, np.log(_PROBABILITIES), shape=SHAPE),
    "categorical without replacement": lambda key: random.categorical(
        key, np.zeros((6, 3)), axis=0, shape=SHAPE, replace=False
    ),
    "cauchy": lambda key: random.cauchy(key, SHAPE),
    "chisquare": lambda key: random.chisquare(key, _THREE, SHAPE),
    "choice": lambda key: random.choice(key, 7, SHAPE),
    "choice without replacement": lambda key: random.choice(key, np.arange(20.0), SHAPE, replace=False),
    "choice by probabilities": lambda key: random.choice(key, 4, SHAPE, p=_PROBABILITIES),
    "choice by probabilities without replacement": lambda key: random.choice(
        key, np.arange(8.0).reshape(2, 4), (3,), replace=False, p=_PROBABILITIES, axis=1
    ),
    "dirichlet": lambda key: random.dirichlet(key, _THREE, (5,)),
    "double_sided_maxwell": lambda key: random.double_sided_maxwell(key, 1.0, _THREE, SHAPE),
    "exponential": lambda key: random.exponential(key, SHAPE),
    "f": lambda key: random.f(key, _THREE, 4.0, SHAPE),
    "fold_in": lambda key: random.fold_in(key, 7),
    "gamma": lambda key: random.gamma(key, _THREE, SHAPE),
    "generalized_normal": lambda key: random.generalized_normal(key, 3.0, SHAPE),
    "geometric": lambda key: random.geometric(key, 0.1, SHAPE),
    "gumbel": lambda key: random.gumbel(key, SHAPE),
    "laplace": lambda key: random.laplace(key, SHAPE),
    "loggamma": lambda key: random.loggamma(key, _THREE, SHAPE),
    "logistic": lambda key: random.logistic(key, SHAPE),
    "lognormal": lambda key: random.lognormal(key, _THREE, SHAPE),
    "maxwell": lambda key: random.maxwell(key, SHAPE),
    "multinomial": lambda key: random.multinomial(key, 100, np.array([0.2, 0.5, 0.3]), shape=SHAPE),
    "normal": lambda key: random.normal(key, SHAPE),
    "normal float16": lambda key: random.normal(key, SHAPE, np.float16),
    "normal float32": lambda key: random.normal(key, SHAPE, np.float32),
    "normal complex64": lambda key: random.normal(key, SHAPE, np.complex64),
    "pareto": lambda key: random.pareto(key, _THREE, SHAPE),
    "permutation": lambda key: random.permutation(key, 9),
    "permutation of lines": lambda key: random.permutation(key, np.arange(12).reshape(4, 3), 1, independent=True),
    "poisson": lambda key: random.poisson(key, np.array([0.1, 5.0, 100.0]), SHAPE),
    "rademacher": lambda key: random.rademacher(key, SHAPE),
    "randint": lambda key: random.randint(key, SHAPE, -5, np.array([1, 2, 100])),
    "randint uint8": lambda key: random.randint(key, SHAPE, 0, 256, np.uint8),
    "rayleigh": lambda key: random.rayleigh(key, _THREE, SHAPE),
    "split": lambda key: random.split(key, (2, 3)),
    "t": lambda key: random.t(key, _THREE, SHAPE),
    "triangular": lambda key: random.triangular(key, 0.0, 1.0, 3.0, SHAPE),
    "truncated_normal": lambda key: random.truncated_normal(key, -1.0, _THREE, SHAPE),
    "uniform": lambda key: random.uniform(key, SHAPE),
    "uniform float16": lambda key: random.uniform(key, SHAPE, np.float16),
    "uniform float32": lambda key: random.uniform(key, SHAPE, np.float32),
    "uniform between": lambda key: random.uniform(key, SHAPE, minval=-_THREE, maxval=5),
    "wald": lambda key: random.wald(key, _THREE, SHAPE),
    "weibull_min": lambda key: random.weibull_min(key, 2.0, _THREE, SHAPE),
}
