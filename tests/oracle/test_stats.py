"""Distributions and statistics beside JAX's."""

from __future__ import annotations

import importlib
from functools import partial

import numpy as np
import pytest

from functrace.scipy import stats
from tests.oracle.agreement import Difference, check_against_jax, draw

jax_stats = importlib.import_module("jax.scipy.stats")

COUNTS = np.array([0, 1, 2, 4])
#: Parameters, without location and scale: of distributions of floats, and of counts.
CONTINUOUS = {
    "beta": (1.5, 2.5),
    "cauchy": (),
    "chi2": (3.5,),
    "expon": (),
    "gamma": (2.5,),
    "gennorm": (1.7,),
    "gumbel_l": (),
    "gumbel_r": (),
    "laplace": (),
    "logistic": (),
    "norm": (),
    "pareto": (1.5,),
    "t": (3.5,),
    "truncnorm": (-1.5, 2.5),
    "uniform": (),
}
DISCRETE = {
    "bernoulli": (0.3,),
    "betabinom": (5, 1.5, 2.5),
    "binom": (5, 0.3),
    "geom": (0.3,),
    "nbinom": (2.5, 0.3),
    "poisson": (2.5,),
}
FUNCTIONS = ("logpdf", "pdf", "logpmf", "pmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")


def both(name, function):
    return getattr(getattr(stats, name), function), getattr(getattr(jax_stats, name), function)


def parameters(values, size):
    return [value if isinstance(value, int) else np.full(size, value) for value in values]


def everything(library, name, functions=FUNCTIONS):
    """All functions of a distribution that JAX has, at once: densities and tails at x, quantiles at q."""
    module, has = getattr(library, name), getattr(jax_stats, name)

    def run(x, q, *parameters):
        return [
            getattr(module, function)(q if function in ("ppf", "isf") else x, *parameters)
            for function in functions
            if hasattr(has, function)
        ]

    return run


def check_everything(name, *args, functions=FUNCTIONS, **kwargs):
    ours, theirs = (everything(library, name, functions) for library in (stats, jax_stats))
    check_against_jax(ours, theirs, *args, order=1, batch=False, rtol=1e-8, **kwargs)


@pytest.mark.parametrize("name", [name for name in CONTINUOUS if name not in ("beta", "gennorm")])
def test_continuous_distributions_agree(name):
    x = {"uniform": (0.2, 0.7), "pareto": (1.3, 4.0)}.get(name, (0.3, 1.7))
    loc, scale = np.full(2, 0.25), np.full(2, 1.5)
    args = loc + scale * np.array(x), np.array([0.2, 0.7]), *parameters(CONTINUOUS[name], 2), loc, scale
    functions = ("logpdf", "cdf") if name == "truncnorm" else FUNCTIONS  # JAX takes minutes for all of them
    reason = "JAX multiplies by the zero tangent of an integer, and raises an error"
    refused = [Difference(kind, reason) for kind in ("gradient", "tangent")]
    check_everything(name, *args, functions=functions, differs=refused if name.startswith("gumbel") else ())


def test_beta_agrees_where_jax_has_derivatives():
    x, q = np.array([0.2, 0.7]), np.array([0.2, 0.7])
    check_everything("beta", x, q, np.full(2, 1.5), np.full(2, 2.5), functions=("logpdf", "pdf"))
    check_everything("beta", x, q, 1.5, 2.5)


def test_gennorm_agrees_where_jax_has_parameters():
    check_everything("gennorm", np.array([-0.3, 1.7]), np.array([0.2, 0.7]), np.full(2, 1.7))


@pytest.mark.parametrize("name", ["norm", "gamma"])
def test_second_derivatives_of_densities_agree(name):
    x = np.array([0.3, 1.7])
    check_against_jax(*both(name, "logpdf"), x, *parameters(CONTINUOUS[name], 2), batch=False, rtol=1e-8)


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_distributions_agree(name):
    k = COUNTS[:2] if name == "bernoulli" else COUNTS[1:] if name == "geom" else COUNTS
    args = k, np.full(len(k), 0.5), *parameters(DISCRETE[name], len(k))
    check_everything(name, *args)


@pytest.mark.parametrize(("name", "parameter"), [("vonmises", 1.5), ("wrapcauchy", 0.4)])
def test_distributions_of_angles_agree(name, parameter):
    args = np.array([0.3, 2.0, 4.0]), np.full(3, parameter)
    check_against_jax(*both(name, "logpdf"), *args, order=1, batch=False, rtol=1e-8)


@pytest.mark.parametrize("name", ["beta", "expon", "gamma", "norm", "pareto", "truncnorm", "uniform"])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_values_outside_of_the_support_and_at_infinity_agree(name, dtype):
    x = np.array([-np.inf, -9.0, 9.0, np.inf], dtype)
    unknown = Difference("value", "at infinity a density is 0, and no NaN", where=lambda x, *_: x == np.inf)
    for function in ("logpdf", "cdf"):
        given = [np.full(4, value, dtype) for value in CONTINUOUS[name]]
        differs = [unknown] if (name, function) == ("gamma", "logpdf") else ()
        settings = {"rtol": 1e-5} if dtype == "f4" else {}
        check_against_jax(*both(name, function), x, *given, order=0, batch=False, differs=differs, **settings)


def test_batches_agree():
    check_against_jax(*both("gamma", "logpdf"), draw((2,), low=0.2), np.full(2, 2.5), order=1, rtol=1e-8)


def test_distributions_of_vectors_agree():
    alpha = np.array([1.5, 2.0, 0.7])
    x = np.array([[0.2, 0.3], [0.3, 0.3], [0.5, 0.4]])
    # JAX's density is that of the given numbers, also off the simplex; ours is zero there, so only alpha moves
    ours, theirs = both("dirichlet", "logpdf")
    check_against_jax(lambda a: ours(x, a), lambda a: theirs(x, a), alpha, order=1, batch=False, rtol=1e-8)

    counts, p = np.array([1, 2, 0]), np.array([0.2, 0.3, 0.5])
    check_against_jax(*both("multinomial", "logpmf"), counts, 3, p, order=1, batch=False, rtol=1e-8)

    def with_covariance(logpdf):
        return lambda x, mean, root: logpdf(x, mean, root @ root.T + np.eye(3))

    ours, theirs = map(with_covariance, both("multivariate_normal", "logpdf"))
    check_against_jax(ours, theirs, draw((2, 3)), draw((3,)), draw((3, 3)), order=1, batch=False, rtol=1e-8)


def test_kernel_density_agrees():
    def estimate(library, name):
        return lambda data, weights, points: getattr(library.gaussian_kde(data, weights=weights), name)(points)

    args = draw((2, 5)), draw((5,), low=0.5), draw((2, 3), seed=1)
    check_against_jax(estimate(stats, "logpdf"), estimate(jax_stats, "logpdf"), *args, order=1, batch=False, rtol=1e-8)

    def integral(library):
        return lambda data, low, high: library.gaussian_kde(data, 0.4).integrate_box_1d(low, high)

    args = draw((5,)), np.float64(-0.5), np.float64(1.0)
    check_against_jax(integral(stats), integral(jax_stats), *args, order=1, batch=False, rtol=1e-8)


def test_statistics_of_samples_agree():
    x = np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 1.0]])
    for axis in (0, 1, None):
        check_against_jax(
            partial(stats.sem, axis=axis), partial(jax_stats.sem, axis=axis), draw((3, 4)), order=1, batch=False
        )
        check_against_jax(
            partial(stats.mode, axis=axis), partial(jax_stats.mode, axis=axis), x.astype(int), order=0, batch=False
        )
        for method in ("average", "min", "max", "dense", "ordinal"):
            ours, theirs = (partial(lib.rankdata, method=method, axis=axis) for lib in (stats, jax_stats))
            check_against_jax(ours, theirs, x, order=0, batch=False)


def test_entropy_of_poisson_agrees():
    reason = "JAX's series for large means has two terms, and ours is that of SciPy to 1e-11"
    ours, theirs = both("poisson", "entropy")
    unknown = Difference("tangent", "JAX's forward mode gives NaN")
    check_against_jax(ours, theirs, np.array([0.5, 3.0, 20.0]), order=1, batch=False, rtol=1e-8, differs=[unknown])
    differs = [Difference("value", reason), Difference("gradient", reason), Difference("tangent", reason)]
    check_against_jax(ours, theirs, np.array([150.0, 300.0]), order=1, batch=False, differs=differs, rtol=1e-8)
