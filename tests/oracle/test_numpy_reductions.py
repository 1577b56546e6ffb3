"""Reductions, cumulative sums, sorting and statistics of NumPy beside JAX's."""

from __future__ import annotations

import numpy as np
import pytest

import functrace.numpy as fnp
from tests.oracle.agreement import (
    PROMOTION,
    TIES,
    Difference,
    check_against_jax,
    draw,
    inf,
    jnp,
    nan,
)


def both(name):
    return getattr(fnp, name), getattr(jnp, name)


WITH_NAN = np.array([[1.0, nan, 3.0], [nan, 2.5, -1.0], [0.5, 0.25, 4.0]])
AXES = [{}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)}]


@pytest.mark.parametrize(
    "name", ["sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "all", "any", "ptp"]
)
def test_reductions(name):
    axes = AXES if name != "ptp" else AXES[:3]
    for options in axes:
        check_against_jax(*both(name), draw((2, 3, 2)), **options)
    check_against_jax(*both(name), draw((3,), "f4"))
    check_against_jax(*both(name), draw(()))
    check_against_jax(*both(name), draw((1,)), order=1)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std"])
def test_reductions_of_complex_numbers(name):
    for options in AXES[:2]:
        check_against_jax(*both(name), draw((2, 3), "c16"), **options)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_reductions_of_zeros_infinities_and_ties(name):
    check_against_jax(*both(name), TIES)
    check_against_jax(*both(name), TIES, axis=0)
    check_against_jax(*both(name), TIES, axis=1)
    infinite = np.array([[0.0, inf, 2.0], [1.0, nan, 3.0], [-inf, 1.0, 0.0]])
    check_against_jax(*both(name), infinite, axis=1, order=1)


def test_products_with_zeros_have_all_derivatives():
    for row in ([0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]):
        check_against_jax(fnp.prod, jnp.prod, np.array(row))
        check_against_jax(fnp.cumprod, jnp.cumprod, np.array(row))


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_reductions_of_nothing():
    for name in ("sum", "prod", "all", "any"):
        check_against_jax(*both(name), draw((0, 3)))
        check_against_jax(*both(name), draw((0, 3)), axis=0)
    check_against_jax(fnp.max, jnp.max, draw((0, 3)), axis=1)
    check_against_jax(fnp.mean, jnp.mean, draw((0, 3)), axis=0)


def test_reductions_of_a_part():
    where = np.array([[True, False, True], [True, True, False]])
    for name in ("sum", "prod", "mean", "var", "std"):
        check_against_jax(*both(name), draw(), where=where, axis=1)
    for name in ("max", "min", "sum"):
        check_against_jax(*both(name), draw(), where=where, axis=1, initial=-0.5)
    check_against_jax(fnp.var, jnp.var, draw(), ddof=1, axis=1)
    check_against_jax(fnp.std, jnp.std, draw(dtype="f4"), ddof=1)


def test_the_deviation_of_equal_numbers():
    check_against_jax(fnp.std, jnp.std, np.ones(3), order=1)


def test_reductions_of_integers():
    for name in ("sum", "prod", "max", "min", "any", "count_nonzero"):
        check_against_jax(*both(name), draw((2, 3), "i8"))
    check_against_jax(fnp.sum, jnp.sum, draw((2, 3), "?"))
    check_against_jax(fnp.sum, jnp.sum, draw((2, 3), "i4"))
    check_against_jax(fnp.mean, jnp.mean, draw((2, 3), "i4"), differs=[PROMOTION], rtol=1e-6)


@pytest.mark.parametrize("name", ["argmax", "argmin", "nanargmax", "nanargmin"])
def test_places_of_extremes(name):
    check_against_jax(*both(name), draw((2, 3)), axis=1)
    check_against_jax(*both(name), TIES)
    check_against_jax(*both(name), TIES, axis=0, keepdims=True)
    check_against_jax(*both(name), np.array([[1.0, nan, 3.0], [inf, 2.5, -inf]]), axis=1)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumsum", "nancumprod"])
def test_cumulative_reductions(name):
    for options in ({}, {"axis": 0}, {"axis": -1}):
        check_against_jax(*both(name), draw((2, 3)), **options)
    check_against_jax(*both(name), draw((3,), "c16"))
    check_against_jax(*both(name), draw((3,), "f4"))
    check_against_jax(*both(name), draw((0, 3)), axis=0)
    check_against_jax(*both(name), WITH_NAN, axis=0)


def test_cumulative_reductions_of_the_array_api():
    for name in ("cumulative_sum", "cumulative_prod"):
        check_against_jax(*both(name), draw((2, 3)), axis=1)
        check_against_jax(*both(name), draw((2, 3)), axis=0, include_initial=True)


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"])
def test_reductions_without_nan(name):
    for options in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}):
        check_against_jax(*both(name), WITH_NAN, **options)
    check_against_jax(*both(name), draw((2, 3), "f4"))


# ---------------------------------------------------------------------------------------------------------------------
# order
# ---------------------------------------------------------------------------------------------------------------------


def test_sorting():
    for axis in (-1, 0, None):
        check_against_jax(fnp.sort, jnp.sort, draw((3, 4)), axis=axis)
        stable = lambda x, axis=axis: fnp.sort(x, axis, kind="stable")  # noqa: E731
        check_against_jax(stable, lambda x, axis=axis: jnp.sort(x, axis), TIES)
    check_against_jax(fnp.sort, jnp.sort, draw((5,), "c16"))
    check_against_jax(fnp.sort, jnp.sort, draw((0, 3)), axis=0)
    check_against_jax(fnp.sort, jnp.sort, np.array([inf, 2.0, nan, -inf, 1.0]))
    check_against_jax(fnp.sort_complex, jnp.sort_complex, draw((5,), "c16"))


def test_the_order_of_elements():
    for axis in (-1, 0, None):
        check_against_jax(
            lambda x, axis=axis: fnp.argsort(x, axis, kind="stable"),
            lambda x, axis=axis: jnp.argsort(x, axis),
            TIES,
        )
    second = np.array([1.0, 2.0, 2.0, 1.0, 1.0])
    check_against_jax(lambda x, y: fnp.lexsort((x, y)), lambda x, y: jnp.lexsort((x, y)), draw((5,)), second)


def test_partitions():
    x = draw((3, 6))
    narrow = [Difference("dtype", "NumPy's indices are int64")]
    for kth in (0, 2, 5):
        check_against_jax(
            lambda x, k=kth: fnp.partition(x, k, axis=1)[:, k], lambda x, k=kth: jnp.partition(x, k, axis=1)[:, k], x
        )
    check_against_jax(lambda x: fnp.argpartition(x, 2)[:, 2], lambda x: jnp.argpartition(x, 2)[:, 2], x, differs=narrow)


METHODS = ["linear", "lower", "higher", "midpoint"]


@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_quantiles(name):
    for method in METHODS:
        check_against_jax(*both(name), draw((2, 5)), 0.3, axis=1, method=method, batch=method == "linear")
        check_against_jax(*both(name), draw((4,)), np.array([0.0, 0.5, 1.0, 0.77]), method=method, batch=False, order=0)
    halves = [Difference("value", "of two that are as near NumPy takes the one of even index")]
    check_against_jax(*both(name), draw((4,)), 0.5, method="nearest", batch=False, order=0, differs=halves)
    check_against_jax(*both(name), draw((2, 5)), np.array([0.21, 0.68]), axis=0)
    check_against_jax(*both(name), draw((5,), "f4"), 0.4)
    check_against_jax(*both(name), TIES, 0.5, axis=1, keepdims=True, order=0)
    check_against_jax(*both(name), WITH_NAN, 0.25, axis=0)


@pytest.mark.parametrize("name", ["median", "nanmedian"])
def test_medians(name):
    for x in (draw((3, 4)), draw((3, 5)), WITH_NAN, np.array([1.0, inf, -inf, 2.0])):
        check_against_jax(*both(name), x, axis=-1)
        check_against_jax(*both(name), x)
    check_against_jax(*both(name), TIES, axis=-1, order=0)


def test_percentiles():
    check_against_jax(fnp.percentile, jnp.percentile, draw((2, 5)), 30.0, axis=1)
    check_against_jax(fnp.nanpercentile, jnp.nanpercentile, WITH_NAN, 30.0, axis=1)


# ---------------------------------------------------------------------------------------------------------------------
# statistics
# ---------------------------------------------------------------------------------------------------------------------


def test_averages_and_correlations():
    check_against_jax(fnp.average, jnp.average, draw((2, 3)), axis=1, weights=draw((3,), low=0.5))
    check_against_jax(fnp.average, jnp.average, draw((2, 3)))
    for dtype in ("f8", "c16"):
        check_against_jax(fnp.cov, jnp.cov, draw((3, 5), dtype))
        check_against_jax(fnp.corrcoef, jnp.corrcoef, draw((3, 5), dtype))
    wide = [Difference("dtype", "NumPy's covariance is in double precision at least")]
    check_against_jax(fnp.cov, jnp.cov, draw((3, 5), "f4"), differs=wide)
    check_against_jax(fnp.cov, jnp.cov, draw((5,)), draw((5,), seed=1), ddof=0)
    check_against_jax(fnp.cov, jnp.cov, draw((5, 2)), rowvar=False)
    check_against_jax(fnp.cov, jnp.cov, draw((2, 4)), fweights=np.array([1, 2, 1, 3]), batch=False)
    check_against_jax(fnp.cov, jnp.cov, draw((2, 4)), aweights=draw((4,), low=0.5), batch=False, order=1)
    for mode in ("valid", "same", "full"):
        check_against_jax(fnp.correlate, jnp.correlate, draw((5,)), draw((3,)), mode=mode)
        check_against_jax(fnp.convolve, jnp.convolve, draw((5,), "c16"), draw((3,), "c16", seed=1), mode=mode)
        check_against_jax(fnp.correlate, jnp.correlate, draw((3,), "c16"), draw((5,), "c16", seed=1), mode=mode)


def test_histograms():
    x = draw((20,))
    bins = np.linspace(-2, 2, 6)
    whole = [Difference("dtype", "NumPy counts in int64, JAX in floats")]
    check_against_jax(fnp.histogram, jnp.histogram, x, bins=5, range=(-2, 2), batch=False, order=0, differs=whole)
    check_against_jax(
        lambda x, b: fnp.histogram(x, b)[0],
        lambda x, b: jnp.histogram(x, b)[0],
        x,
        bins,
        order=0,
        batch=False,
        differs=whole,
    )
    check_against_jax(
        lambda x, w: fnp.histogram(x, 5, (-2, 2), weights=w)[0],
        lambda x, w: jnp.histogram(x, 5, (-2, 2), weights=w)[0],
        x,
        draw((20,), seed=1),
    )
    check_against_jax(
        lambda x: fnp.histogram(x, 5, (-2, 2), density=True)[0],
        lambda x: jnp.histogram(x, 5, (-2, 2), density=True)[0],
        x,
    )
    check_against_jax(lambda x: fnp.histogram_bin_edges(x, 4), lambda x: jnp.histogram_bin_edges(x, 4), x, batch=False)
    check_against_jax(
        lambda x, y, w: fnp.histogram2d(x, y, 3, weights=w)[0],
        lambda x, y, w: jnp.histogram2d(x, y, 3, weights=w)[0],
        x,
        draw((20,), seed=1),
        draw((20,), seed=2),
        order=1,
        batch=False,
    )
    check_against_jax(
        lambda x, w: fnp.histogramdd(x, 3, weights=w)[0],
        lambda x, w: jnp.histogramdd(x, 3, weights=w)[0],
        draw((20, 2)),
        draw((20,), seed=2),
        order=1,
        batch=False,
    )
    wide = [Difference("dtype", "NumPy's indices are int64")]
    check_against_jax(fnp.digitize, jnp.digitize, x, bins, differs=wide)
    check_against_jax(fnp.digitize, jnp.digitize, bins, bins, right=True, batch=False, differs=wide)
    check_against_jax(fnp.bincount, jnp.bincount, np.array([0, 3, 1, 1, 5]), length=7)
    check_against_jax(fnp.bincount, jnp.bincount, np.array([0, 3, 1, 1, 5]), draw((5,)), length=7)
    for side in ("left", "right"):
        places = np.append(x, bins)
        check_against_jax(fnp.searchsorted, jnp.searchsorted, bins, places, side=side, batch=False, differs=wide)


def test_interpolation():
    xp, at = np.array([-1.5, -0.5, 0.1, 1.0, 1.7]), np.array([-2.0, -1.0, 0.0, 0.7, 1.2, 3.0])
    check_against_jax(fnp.interp, jnp.interp, at, xp, draw((5,)), batch=False)
    check_against_jax(lambda x, fp: fnp.interp(x, xp, fp), lambda x, fp: jnp.interp(x, xp, fp), at, draw((5,)))
    check_against_jax(fnp.interp, jnp.interp, at, xp, draw((5,)), left=0.0, right=1.0, batch=False)
    check_against_jax(fnp.interp, jnp.interp, at, xp, draw((5,)), period=3.0, batch=False)
    check_against_jax(fnp.interp, jnp.interp, xp, xp, draw((5,)), batch=False, order=0)


def test_sums_along_a_curve():
    for options in ({}, {"axis": 0}, {"dx": 0.3}):
        check_against_jax(fnp.trapezoid, jnp.trapezoid, draw((3, 4)), **options)
    check_against_jax(fnp.trapezoid, jnp.trapezoid, draw((3, 4)), draw((4,)))
    check_against_jax(fnp.gradient, jnp.gradient, draw((3, 4)))
    check_against_jax(fnp.gradient, jnp.gradient, draw((3, 4)), 0.5, axis=1)
    check_against_jax(fnp.diff, jnp.diff, draw((3, 4)), n=2, axis=0)
    check_against_jax(fnp.diff, jnp.diff, draw((3, 4)), prepend=draw((3, 1), seed=1), append=0.5)
    check_against_jax(fnp.ediff1d, jnp.ediff1d, draw((5,)))
    check_against_jax(fnp.ediff1d, jnp.ediff1d, draw((2, 3)), to_end=draw((2,)), to_begin=draw((1,)))
    check_against_jax(fnp.unwrap, jnp.unwrap, 3 * draw((2, 6)), batch=False)
