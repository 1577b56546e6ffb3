"""Distributions and statistics against SciPy's."""

from __future__ import annotations

import importlib
import pickle

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace import scipy as functrace_scipy
from functrace.errors import DtypeError, OptionError, ShapeError
from functrace.scipy import stats

#: Each distribution with ranges for its shape parameters; a list gives integers.
CONTINUOUS = {
    "beta": [(0.3, 4), (0.3, 4)],
    "cauchy": [],
    "chi2": [(0.5, 8)],
    "expon": [],
    "gamma": [(0.3, 5)],
    "gennorm": [(0.4, 4)],
    "gumbel_l": [],
    "gumbel_r": [],
    "laplace": [],
    "logistic": [],
    "norm": [],
    "pareto": [(0.4, 5)],
    "t": [(0.5, 9)],
    "truncnorm": [(-3, -0.5), (0.2, 3)],
    "uniform": [],
    "vonmises": [(0, 5)],
    "wrapcauchy": [(0.1, 0.9)],
}
DISCRETE = {
    "bernoulli": [(0, 1)],
    "betabinom": [[0, 9], (0.3, 4), (0.3, 4)],
    "binom": [[0, 9], (0, 1)],
    "geom": [(0.1, 1)],
    "nbinom": [(0.3, 8), (0.1, 1)],
    "poisson": [(0, 8)],
}
ALL = {**CONTINUOUS, **DISCRETE}
FUNCTIONS = ("logpdf", "pdf", "logpmf", "pmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")
SIZE = 50


def functions_of(name):
    """Each function of a distribution with SciPy's."""
    module = importlib.import_module(f"functrace.scipy.stats.{name}")
    return {f: (getattr(module, f), getattr(getattr(scipy.stats, name), f)) for f in FUNCTIONS if hasattr(module, f)}


def draw(name, seed):
    """Points inside, outside and at the edges, probabilities, and parameters."""
    rng = np.random.default_rng(seed)
    parameters = [
        rng.integers(*r, SIZE).astype(float) if isinstance(r, list) else rng.uniform(*r, SIZE) for r in ALL[name]
    ]
    loc, scale = rng.integers(-2, 3, SIZE).astype(float), rng.uniform(0.5, 2, SIZE)
    q = np.concatenate([[0.0, 1.0, np.nan, -0.1, 1.1], rng.uniform(size=SIZE - 5)])
    if name in DISCRETE:
        x = loc + rng.integers(-2, 10, SIZE)
        x[::7] += 0.5
        return x, q, [*parameters, loc]
    x = loc + scale * rng.normal(size=SIZE) * 1.5
    scale[4:6] = 1.0  # so that the upper edge is met exactly
    x[:4], x[4:6] = loc[:4], loc[4:6] + 1
    return x, q, [*parameters, loc, scale]


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_values_are_those_of_scipy(name, seed):
    x, q, parameters = draw(name, seed)
    for function, (ours, theirs) in functions_of(name).items():
        first = q if function in ("ppf", "isf") else x
        expected = theirs(first, *parameters)
        got = ours(first, *parameters)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-13, err_msg=function)
        assert got.dtype == np.float64 and got.flags.writeable


@pytest.mark.parametrize("name", ALL)
def test_jit_and_vmap_give_the_same(name):
    x, q, parameters = draw(name, 0)
    for function, (ours, theirs) in functions_of(name).items():
        first = q if function in ("ppf", "isf") else x
        got = functrace.jit(functrace.vmap(ours))(first, *parameters)
        np.testing.assert_allclose(got, theirs(first, *parameters), rtol=1e-9, atol=1e-13, err_msg=function)


@pytest.mark.parametrize("name", ALL)
def test_infinity_has_no_density_and_bounds_the_probability(name):
    _, _, parameters = draw(name, 0)
    parameters = [parameter[0] for parameter in parameters]
    x = np.array([-np.inf, np.inf, np.nan])
    expected = {
        "pdf": [0, 0, np.nan],
        "pmf": [0, 0, np.nan],
        "logpdf": [-np.inf, -np.inf, np.nan],
        "logpmf": [-np.inf, -np.inf, np.nan],
        "cdf": [0, 1, np.nan],
        "sf": [1, 0, np.nan],
        "logcdf": [-np.inf, 0, np.nan],
        "logsf": [0, -np.inf, np.nan],
    }
    for function, (ours, _) in functions_of(name).items():
        if function in expected:
            np.testing.assert_array_equal(ours(x, *parameters), expected[function], err_msg=function)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_derivatives_by_every_argument_agree_with_differences_of_scipy(name):
    _, _, parameters = draw(name, 3)
    law = getattr(scipy.stats, name)
    loc = parameters[-2]
    parameters[-2] = loc = loc + 0.25
    x = loc + parameters[-1] * 0.5 if name == "vonmises" else law.ppf(np.linspace(0.05, 0.9, SIZE), *parameters)
    for function, (ours, theirs) in functions_of(name).items():
        first = np.linspace(0.05, 0.93, SIZE) if function in ("ppf", "isf") else x
        args = [first, *parameters]
        _, pullback = functrace.vjp(ours, *args)
        for index, gradient in enumerate(pullback(np.ones(SIZE))):

            def moved(step, index=index, args=args, theirs=theirs):
                return theirs(*[arg + step * (i == index) for i, arg in enumerate(args)])

            # fourth order
            numeric = (8 * (moved(1e-4) - moved(-1e-4)) - (moved(2e-4) - moved(-2e-4))) / 12e-4
            np.testing.assert_allclose(gradient, numeric, rtol=2e-6, atol=2e-7, err_msg=f"{function}, argument {index}")


@pytest.mark.parametrize("name", DISCRETE)
def test_derivatives_by_the_parameters_of_discrete_distributions(name):
    x, _, parameters = draw(name, 3)
    x = np.clip(np.floor(x - parameters[-1]), 1 if name == "geom" else 0, 1 if name == "bernoulli" else np.inf)
    smooth = [index for index, r in enumerate(ALL[name]) if not isinstance(r, list)]
    parameters = [
        np.clip(p, 0.05, 0.95) if r in ((0, 1), (0.1, 1)) else p for p, r in zip(parameters, ALL[name], strict=False)
    ]
    if isinstance(ALL[name][0], list):
        parameters[0] = parameters[0] + x  # n
    for function, (ours, theirs) in functions_of(name).items():
        if function in ("ppf", "isf"):
            continue
        _, pullback = functrace.vjp(ours, x, *parameters)
        gradients = pullback(np.ones(SIZE))
        for index in smooth:

            def moved(step, index=index, theirs=theirs):
                return theirs(x, *[p + step * (i == index) for i, p in enumerate(parameters)])

            numeric = (8 * (moved(1e-4) - moved(-1e-4)) - (moved(2e-4) - moved(-2e-4))) / 12e-4
            with np.errstate(invalid="ignore"):
                known = np.isfinite(numeric)
            np.testing.assert_allclose(
                gradients[index + 1][known],
                numeric[known],
                rtol=1e-5,
                atol=1e-6,
                err_msg=f"{function} by {index}",
            )


@pytest.mark.parametrize("name", ALL)
def test_derivatives_are_no_nan_at_the_edges_and_zero_outside(name):
    _, _, parameters = draw(name, 1)
    parameters = [parameter[:1] for parameter in parameters]
    law = getattr(scipy.stats, name)
    low, high = law.support(*[p[0] for p in parameters])
    edges = [end for end in (low, high) if np.isfinite(end)]
    outside = [edge + step for edge, step in zip((low, high), (-1.0, 1.0), strict=True)]
    for function, (ours, _) in functions_of(name).items():
        if function in ("ppf", "isf"):
            continue

        def total(x, *parameters, ours=ours):
            return fnp.sum(ours(x, *parameters))

        everything = tuple(range(len(parameters) + 1))
        for gradient in (functrace.grad(total, everything), functrace.jit(functrace.grad(total, everything))):
            for x in edges:
                for part in gradient(np.array([x]), *parameters):
                    assert not np.any(np.isnan(part)), (function, x)
            for x in outside:
                for part in gradient(np.array([x]), *parameters):
                    np.testing.assert_array_equal(part, 0, err_msg=f"{function} at {x}")
        for x in outside:
            second = functrace.hvp(total, (np.array([x]), *parameters), (np.ones(1), *[np.ones(1)] * len(parameters)))
            np.testing.assert_array_equal(np.concatenate(second), 0)


@pytest.mark.parametrize("name", ALL)
def test_invalid_parameters_give_nan(name):
    _, _, parameters = draw(name, 0)
    parameters = [parameter[0] for parameter in parameters]
    for function, (ours, _) in functions_of(name).items():
        for index, r in enumerate(ALL[name]):
            if name == "truncnorm":
                wrong = [2.0, 1.0, *parameters[2:]]
            else:
                wrong = [*parameters[:index], 0.5 if isinstance(r, list) else -1.0, *parameters[index + 1 :]]
            assert np.isnan(ours(0.5, *wrong)), (function, index)
        if name in CONTINUOUS:
            for scale in (0.0, -1.0, np.nan):
                assert np.isnan(ours(0.5, *parameters[:-1], scale)), function


@pytest.mark.parametrize("name", ALL)
def test_single_precision_stays_and_integers_become_double(name):
    x, q, parameters = draw(name, 2)
    for function, (ours, theirs) in functions_of(name).items():
        first = q if function in ("ppf", "isf") else x
        single = [np.asarray(arg, np.float32) for arg in (first, *parameters)]
        got = ours(*single)
        assert got.dtype == np.float32
        expected = theirs(*[arg.astype(np.float64) for arg in single])
        np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-5, err_msg=function)
        weak = [int(p[0]) if isinstance(r, list) else float(p[0]) for p, r in zip(parameters, ALL[name], strict=False)]
        assert ours(single[0], *weak).dtype == np.float32, "Python's numbers take part in no promotion"
        gradient = functrace.grad(lambda x, ours=ours, weak=weak: fnp.sum(ours(x, *weak)))(single[0])
        assert gradient.dtype == np.float32
        scalar = ours(1, *weak)
        assert isinstance(scalar, np.float64)
        np.testing.assert_allclose(scalar, theirs(1, *weak), rtol=1e-12)
        np.testing.assert_allclose(ours([0, 1], *weak), theirs([0, 1], *weak), rtol=1e-9)


def test_tails_are_exact_where_one_minus_the_other_would_be_zero():
    x = np.array([50.0])
    np.testing.assert_allclose(stats.norm.logcdf(-x), scipy.stats.norm.logcdf(-x))
    np.testing.assert_allclose(stats.cauchy.cdf(-1e20), 1 / (np.pi * 1e20))
    np.testing.assert_allclose(stats.logistic.sf(x), np.exp(-x))
    np.testing.assert_allclose(stats.laplace.sf(x), np.exp(-x) / 2)
    np.testing.assert_allclose(stats.gumbel_r.logcdf(-5.0), -np.exp(5.0))
    np.testing.assert_allclose(stats.truncnorm.logcdf(30.5, 30.0, 31.0), scipy.stats.truncnorm.logcdf(30.5, 30, 31))
    np.testing.assert_allclose(stats.t.sf(1e5, 3.0), scipy.stats.t.sf(1e5, 3.0))
    np.testing.assert_allclose(stats.expon.cdf(1e-20), 1e-20)


def test_a_normal_distribution_may_be_truncated_on_one_side():
    x = np.array([0.3, 1.0, 2.5])
    for a, b in ((0.0, np.inf), (-np.inf, 3.0), (-np.inf, np.inf)):
        for function in ("logpdf", "cdf", "sf", "logcdf", "logsf"):
            ours, theirs = (getattr(library.truncnorm, function) for library in (stats, scipy.stats))
            np.testing.assert_allclose(ours(x, a, b), theirs(x, a, b), rtol=1e-10)
            gradients = functrace.grad(lambda *args, ours=ours: fnp.sum(ours(*args)), (0, 1, 2))(x, a, b)
            for index, end in enumerate((a, b)):
                if np.isfinite(end):
                    above, below = (
                        np.sum(theirs(x, a + s * (index == 0), b + s * (index == 1))) for s in (1e-6, -1e-6)
                    )
                    np.testing.assert_allclose(gradients[index + 1], (above - below) / 2e-6, rtol=1e-5, atol=1e-6)
                else:
                    assert gradients[index + 1] == 0, "an end at infinity does not move"
            assert np.all(np.isfinite(gradients[0]))


def test_arguments_are_named_as_in_scipy():
    np.testing.assert_allclose(
        stats.beta.logpdf(x=0.3, a=2.0, b=3.0, scale=2.0, loc=-0.5),
        scipy.stats.beta.logpdf(x=0.3, a=2.0, b=3.0, scale=2.0, loc=-0.5),
    )
    np.testing.assert_allclose(stats.binom.pmf(2, n=5, p=0.3), scipy.stats.binom.pmf(2, n=5, p=0.3))
    with pytest.raises(TypeError, match="missing a required argument: 'b'"):
        stats.beta.logpdf(0.3, 2.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'rate'"):
        stats.gamma.pdf(1.0, 2.0, rate=1.0)
    with pytest.raises(DtypeError, match="real numbers got"):
        stats.norm.pdf(1j)
    assert pickle.loads(pickle.dumps(stats.gamma.cdf)) is stats.gamma.cdf
    assert "gamma distribution" in stats.gamma.cdf.__doc__ and functrace_scipy.stats is stats
    with pytest.raises(AttributeError):
        getattr(stats, "no_such_distribution")  # noqa: B009


# -- of several numbers -----------------------------------------------------------------------------------------------


def test_dirichlet_is_that_of_scipy_and_zero_outside_of_the_simplex():
    rng = np.random.default_rng(0)
    alpha = rng.uniform(0.5, 3, 4)
    x = rng.dirichlet(np.ones(4), 6).T
    for points in (x, x[:, 0], x[:-1]):
        for function in ("logpdf", "pdf"):
            ours, theirs = getattr(stats.dirichlet, function), getattr(scipy.stats.dirichlet, function)
            np.testing.assert_allclose(ours(points, alpha), theirs(points, alpha), rtol=1e-10)
            np.testing.assert_allclose(functrace.jit(ours)(points, alpha), theirs(points, alpha), rtol=1e-10)
    assert stats.dirichlet.logpdf(np.array([0.5, 0.6]), np.ones(2)) == -np.inf
    assert stats.dirichlet.pdf(np.array([-0.5, 1.5]), np.ones(2)) == 0
    assert np.isnan(stats.dirichlet.logpdf(np.array([0.5, 0.5]), np.array([1.0, 0.0])))
    slope = functrace.grad(lambda alpha: fnp.sum(stats.dirichlet.logpdf(x, alpha)))(alpha)
    for i in range(4):
        step = 1e-6 * np.eye(4)[i]
        above, below = (np.sum(scipy.stats.dirichlet.logpdf(x, alpha + s)) for s in (step, -step))
        np.testing.assert_allclose(slope[i], (above - below) / 2e-6, rtol=1e-6)
    with pytest.raises(ShapeError, match="alpha of one axis"):
        stats.dirichlet.logpdf(x, np.ones((2, 2)))
    with pytest.raises(ShapeError, match=r"4 or 3 rows for an alpha of 4, got shape \(6,\)"):
        stats.dirichlet.logpdf(np.ones(6), np.ones(4))


def test_multinomial_is_that_of_scipy():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 5)
    n = np.array([0, 1, 4, 9, 20])
    x = np.stack([rng.multinomial(count, probabilities) for count, probabilities in zip(n, p, strict=True)])
    for function in ("logpmf", "pmf"):
        ours, theirs = getattr(stats.multinomial, function), getattr(scipy.stats.multinomial, function)
        np.testing.assert_allclose(ours(x, n, p), theirs(x, n, p), rtol=1e-12)
        np.testing.assert_allclose(functrace.jit(ours)(x, n, p), theirs(x, n, p), rtol=1e-12)
    for wrong in ([1, 1, 1], [-1, 3, 0], [0.5, 1.5, 0]):
        assert stats.multinomial.logpmf(wrong, 2, p[0]) == -np.inf
        np.testing.assert_array_equal(functrace.grad(lambda p, w=wrong: stats.multinomial.pmf(w, 2, p))(p[0]), 0)
    assert np.isnan(stats.multinomial.pmf([1, 1], -1, [0.5, 0.5]))
    assert np.isnan(stats.multinomial.pmf([1, 1], 2, [1.5, -0.5]))
    assert stats.multinomial.pmf([2, 0], 2, [1.0, 0.0]) == 1
    # ∂ log pmf / ∂p_i = x_i / p_i
    slope = functrace.grad(lambda p: stats.multinomial.logpmf(x[3], 9, p))(p[3])
    np.testing.assert_allclose(slope, x[3] / p[3])


def test_multivariate_normal_is_that_of_scipy():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    cov, mean, x = root @ root.T + np.eye(3), rng.normal(size=3), rng.normal(size=(4, 2, 3))
    for args in (
        (x, mean, cov),
        (x[0, 0], mean, cov),
        (x, mean, 2.0),
        (x, mean, np.array([1.0, 2.0, 3.0])),
        (x[:, 0, 0], 0.5, 2.0),
        (x[:, 0, 0],),
        (x, None, cov),
    ):
        for function in ("logpdf", "pdf"):
            ours, theirs = (getattr(library.multivariate_normal, function) for library in (stats, scipy.stats))
            np.testing.assert_allclose(ours(*args), theirs(*args), rtol=1e-10)
            traced = functrace.jit(lambda x, ours=ours, rest=args[1:]: ours(x, *rest))
            np.testing.assert_allclose(traced(args[0]), theirs(*args), rtol=1e-10)
    batch = np.stack([cov, 2 * cov])
    expected = [scipy.stats.multivariate_normal.logpdf(x[:, i], mean, c) for i, c in enumerate(batch)]
    np.testing.assert_allclose(stats.multivariate_normal.logpdf(x, mean, batch), np.stack(expected, axis=1))
    single = stats.multivariate_normal.pdf(x.astype(np.float32), mean.astype(np.float32), cov.astype(np.float32))
    assert single.dtype == np.float32


def test_derivatives_of_the_multivariate_normal_have_closed_forms():
    """∂/∂mean = cov⁻¹ (x - mean) = -∂/∂x; ∂/∂cov = (cov⁻¹ d dᵀ cov⁻¹ - cov⁻¹) / 2."""
    rng = np.random.default_rng(1)
    root = rng.normal(size=(3, 3))
    cov, mean, x = root @ root.T + np.eye(3), rng.normal(size=3), rng.normal(size=3)
    inverse = np.linalg.inv(cov)
    pull = inverse @ (x - mean)
    for run in (lambda f: f, functrace.jit):
        slopes = run(functrace.grad(stats.multivariate_normal.logpdf, (0, 1, 2)))(x, mean, cov)
        np.testing.assert_allclose(slopes[0], -pull)
        np.testing.assert_allclose(slopes[1], pull)
        symmetric = (slopes[2] + slopes[2].T) / 2
        np.testing.assert_allclose(symmetric, (np.outer(pull, pull) - inverse) / 2)
    np.testing.assert_allclose(functrace.hessian(stats.multivariate_normal.logpdf)(x, mean, cov), -inverse)


def test_multivariate_normal_says_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"cov of shape \(2, 2\)"):
        stats.multivariate_normal.logpdf(np.zeros(2), np.zeros(2), np.eye(3))
    with pytest.raises(ShapeError, match="x of shape"):
        stats.multivariate_normal.logpdf(np.zeros(3), np.zeros(2), np.eye(2))
    with pytest.raises(OptionError, match="singular"):
        stats.multivariate_normal.pdf(np.zeros(2), np.zeros(2), np.eye(2), allow_singular=True)
    with pytest.raises(np.linalg.LinAlgError):
        stats.multivariate_normal.pdf(np.zeros(2), np.zeros(2), -np.eye(2))


def test_entropy_of_poisson_is_that_of_scipy():
    mu = np.array([0, 1e-3, 0.5, 3, 20, 99.9, 100, 150, 1e3, -1, np.nan])
    expected = scipy.stats.poisson.entropy(mu)
    np.testing.assert_allclose(stats.poisson.entropy(mu), expected, atol=1e-11)
    np.testing.assert_allclose(functrace.jit(stats.poisson.entropy)(mu, 2.0), expected, atol=1e-11)
    assert stats.poisson.entropy(np.float32(3)).dtype == np.float32
    slopes = functrace.vmap(functrace.grad(stats.poisson.entropy))(mu[1:9])
    step = 1e-4 * mu[1:9]
    above, below = (scipy.stats.poisson.entropy(mu[1:9] + s) for s in (step, -step))
    np.testing.assert_allclose(slopes, (above - below) / (2 * step), rtol=1e-5)


# -- of samples -------------------------------------------------------------------------------------------------------

samples = hnp.arrays(
    st.sampled_from([np.int64, np.float64]),
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5),
    elements=st.integers(-2, 2),
)


@settings(max_examples=20)
@given(a=samples, data=st.data())
def test_mode_is_that_of_scipy(a, data):
    axis = data.draw(st.one_of(st.none(), st.integers(-a.ndim, a.ndim - 1)))
    keepdims = data.draw(st.booleans())
    if a.dtype == np.float64 and data.draw(st.booleans()):
        a = np.where(a == 2, np.nan, a)
    expected = scipy.stats.mode(a, axis=axis, keepdims=keepdims)
    for run in (stats.mode, functrace.jit(lambda a: stats.mode(a, axis, keepdims=keepdims))):
        got = run(a) if run is not stats.mode else run(a, axis=axis, keepdims=keepdims)
        np.testing.assert_array_equal(got.mode, expected.mode)
        np.testing.assert_array_equal(got.count, expected.count)
        assert got.mode.dtype == a.dtype and got.count.dtype == np.int64


@settings(max_examples=20)
@given(a=samples, method=st.sampled_from(["average", "min", "max", "dense", "ordinal"]), data=st.data())
def test_rankdata_is_that_of_scipy(a, method, data):
    axis = data.draw(st.one_of(st.none(), st.integers(-a.ndim, a.ndim - 1)))
    if a.dtype == np.float64 and data.draw(st.booleans()):
        a = np.where(a == 2, np.nan, a)
    expected = scipy.stats.rankdata(a, method, axis=axis)
    got = stats.rankdata(a, method, axis=axis)
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == (np.float64 if a.dtype == np.float64 else expected.dtype)
    np.testing.assert_array_equal(functrace.jit(lambda a: stats.rankdata(a, method, axis=axis))(a), expected)


@settings(max_examples=20)
@given(a=samples, data=st.data())
def test_sem_is_that_of_scipy(a, data):
    axis = data.draw(st.one_of(st.none(), st.integers(-a.ndim, a.ndim - 1)))
    ddof, keepdims = data.draw(st.integers(0, 1)), data.draw(st.booleans())
    policy = data.draw(st.sampled_from(["propagate", "omit"]))
    if (a.size if axis is None else a.shape[axis]) < 2:
        return  # SciPy warns of too few
    expected = scipy.stats.sem(a, axis=axis, ddof=ddof, nan_policy=policy, keepdims=keepdims)
    got = stats.sem(a, axis, ddof, policy, keepdims=keepdims)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    got = functrace.jit(lambda a: stats.sem(a, axis, ddof, policy, keepdims=keepdims))(a)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_sem_with_nan_and_its_slope():
    x = np.array([1.0, 2.0, np.nan, 4.0, 7.0])
    np.testing.assert_allclose(stats.sem(x, nan_policy="omit"), scipy.stats.sem(x, nan_policy="omit"))
    assert np.isnan(stats.sem(x))
    x = x[[0, 1, 3, 4]]
    # sem² = ∑ (x - x̄)² / (n (n - 1)), so that ∂ sem / ∂x = (x - x̄) / (n (n - 1) sem)
    np.testing.assert_allclose(functrace.grad(stats.sem)(x), (x - x.mean()) / (12 * stats.sem(x)))


def test_statistics_of_samples_check_their_settings():
    x = np.array([1.0, np.nan])
    for function in (stats.mode, stats.rankdata, stats.sem):
        with pytest.raises(OptionError, match="met a NaN"):
            function(x, nan_policy="raise")
        with pytest.raises(OptionError, match="which are traced"):
            functrace.jit(lambda x, function=function: function(x, nan_policy="raise"))(x)
        with pytest.raises(OptionError, match="nan_policy as one of"):
            function(x, nan_policy="ignore")
    with pytest.raises(OptionError, match="got 'median'"):
        stats.rankdata(x, "median")
    assert stats.rankdata(np.zeros(0)).shape == (0,)


def test_slope_of_the_mode_is_that_of_one_element():
    slope = functrace.grad(lambda x: stats.mode(x).mode)(np.array([2.0, 5.0, 2.0, 1.0]))
    assert slope[1] == slope[3] == 0 and slope.sum() == 1


def kernel_estimates(seed, d, n=6):
    """The arguments of some estimates of points of d coordinates."""
    rng = np.random.default_rng(seed)
    data, weights = rng.normal(size=(d, n)), rng.uniform(0.5, 2, n)
    data = data[0] if d == 1 else data
    rows = [(data,), (data, "silverman"), (data, 0.4, weights), (data, lambda kde: kde.n**-0.3, weights)]
    return rows, rng.normal(size=(d, 5))


@pytest.mark.parametrize("d", [1, 2])
def test_kernel_density_is_that_of_scipy(d):
    rows, points = kernel_estimates(0, d)
    for args in rows:
        ours, theirs = stats.gaussian_kde(*args), scipy.stats.gaussian_kde(*args)
        for name in ("evaluate", "pdf", "logpdf", "__call__"):
            np.testing.assert_allclose(getattr(ours, name)(points), getattr(theirs, name)(points), rtol=1e-10)
        for name in ("dataset", "weights", "d", "n", "neff", "factor", "covariance", "inv_cov"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-10)
        mean, cov = points[:, 0], 0.3 * np.eye(d)
        np.testing.assert_allclose(ours.integrate_gaussian(mean, cov), theirs.integrate_gaussian(mean, cov))
        other = rows[0][0] + 0.5
        expected = theirs.integrate_kde(scipy.stats.gaussian_kde(other))
        np.testing.assert_allclose(ours.integrate_kde(stats.gaussian_kde(other)), expected)
        if d == 1:
            np.testing.assert_allclose(ours.integrate_box_1d(-1, 0.5), theirs.integrate_box_1d(-1, 0.5))


def test_kernel_density_is_a_pytree_and_differentiable_by_the_samples():
    (_, _, args, _), points = kernel_estimates(1, 2)
    data, factor, weights = args

    def total(data, weights, points):
        return fnp.sum(stats.gaussian_kde(data, factor, weights).logpdf(points))

    slopes = functrace.jit(functrace.grad(total, (0, 1, 2)))(data, weights, points)
    direction = [np.random.default_rng(2).normal(size=x.shape) for x in (data, weights, points)]

    def moved(step):
        shifted = [x + step * d for x, d in zip((data, weights, points), direction, strict=True)]
        return np.sum(scipy.stats.gaussian_kde(shifted[0], factor, shifted[1]).logpdf(shifted[2]))

    expected = (moved(1e-5) - moved(-1e-5)) / 2e-5
    np.testing.assert_allclose(sum(np.sum(s * d) for s, d in zip(slopes, direction, strict=True)), expected, rtol=1e-7)
    kde = functrace.jit(lambda data: stats.gaussian_kde(data, factor, weights))(data)
    assert isinstance(kde, stats.gaussian_kde)
    np.testing.assert_allclose(functrace.jit(lambda kde: kde.pdf(points))(kde), kde.pdf(points))


def test_kernel_density_can_be_drawn_from():
    kde = stats.gaussian_kde(np.array([[0.0, 4.0, 4.0], [0.0, 1.0, -1.0]]), 0.3)
    key = functrace.random.key(0)
    drawn = kde.resample(key, (2000,))
    assert drawn.shape == (2, 2000) and kde.resample(key).shape == (2,) and kde.resample(key, (2, 3)).shape == (2, 2, 3)
    np.testing.assert_allclose(drawn.mean(axis=1), kde.dataset.mean(axis=1), atol=0.15)
    np.testing.assert_allclose(np.cov(drawn), np.cov(kde.dataset, bias=True) + kde.covariance, atol=0.4)


def test_kernel_density_says_what_does_not_fit():
    kde = stats.gaussian_kde(np.array([[0.0, 1.0, 3.0], [0.0, 2.0, -1.0]]))
    with pytest.raises(ShapeError, match="points of 2 coordinates"):
        kde.pdf(np.zeros((3, 4)))
    np.testing.assert_allclose(kde.pdf(np.zeros(2)), kde.pdf(np.zeros((2, 1))))
    with pytest.raises(OptionError, match="one coordinate"):
        kde.integrate_box_1d(0, 1)
    with pytest.raises(ShapeError, match="expected numbers as limits"):
        stats.gaussian_kde(np.arange(3.0)).integrate_box_1d(np.zeros(2), 1)
    with pytest.raises(ShapeError, match="integrate_gaussian expected"):
        kde.integrate_gaussian(0.0, 1.0)
    with pytest.raises(ShapeError, match="points of 2 coordinates, got 1"):
        kde.integrate_kde(stats.gaussian_kde(np.arange(3.0)))
    with pytest.raises(OptionError, match="several numbers"):
        stats.gaussian_kde(np.zeros(1))
    with pytest.raises(ShapeError, match=r"weights of shape \(3,\)"):
        stats.gaussian_kde(np.arange(3.0), weights=np.ones(2))
    with pytest.raises(OptionError, match="got 'broad'"):
        stats.gaussian_kde(np.arange(3.0), "broad")
    with pytest.raises(DtypeError, match="real numbers"):
        stats.gaussian_kde(np.array([1j, 2.0]))
