from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import ArgumentError, TracerIntegerConversionError
from tests.numpy.agreement import check_agreement, check_derivatives, check_same_error, compare, flat, smooth_values

few = settings(max_examples=25, deadline=None)
METHODS = [
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
    "lower",
    "higher",
    "midpoint",
    "nearest",
]
pytestmark = pytest.mark.filterwarnings("ignore:(Degrees of freedom|Mean of empty|All-NaN|invalid):RuntimeWarning")


@st.composite
def arrays(draw, dtypes=(np.float64, np.float32, np.int32), min_dims=0, max_dims=3, min_side=1, max_side=5):
    """An array without ties."""
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side))
    return smooth_values(np.random.default_rng(draw(st.integers(0, 999))), shape, draw(st.sampled_from(dtypes)))


@st.composite
def axes(draw, x):
    if not x.ndim:
        return None
    some = st.sets(st.integers(0, x.ndim - 1), min_size=1).map(lambda chosen: tuple(chosen))
    return draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1), some))


def points(*shape, seed=0, dtype=np.float64):
    return smooth_values(np.random.default_rng(seed), shape, dtype)


# ---------------------------------------------------------------------------------------------------------------------
# spread
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["var", "std"])
@few
@given(st.data())
def test_spread_agrees_with_numpy_for_any_keywords(name, data):
    x = data.draw(arrays((np.float16, np.float32, np.float64, np.complex64, np.complex128, np.int8, np.bool_)))
    options = {"axis": data.draw(axes(x)), "keepdims": data.draw(st.booleans())}
    count = np.size(x) // max(1, np.size(np.sum(x, **options)))
    options[data.draw(st.sampled_from(["ddof", "correction"]))] = data.draw(st.sampled_from([0, 1, 0.5]))
    if data.draw(st.booleans()):
        options["where"] = np.random.default_rng(data.draw(st.integers(0, 9))).random(x.shape) < 0.8
    smooth = count > 2 and "where" not in options and x.dtype != np.float16
    check_agreement(name, x, gradient=smooth, **options)


@pytest.mark.parametrize("name", ["var", "std"])
def test_spread_takes_a_mean_and_a_dtype(name):
    x = points(3, 4)
    check_agreement(name, x, axis=1, mean=np.mean(x, axis=1, keepdims=True))
    check_agreement(name, x, axis=1, mean=np.zeros((3, 1)))
    check_agreement(name, x, dtype=np.float32, gradient=False)
    check_agreement(name, points(4, dtype=np.int64), dtype=np.float32, gradient=False)
    check_agreement(name, points(4, dtype=np.float32), dtype=np.float64)
    check_same_error(name, x, ddof=1, correction=1)


def test_the_gradient_where_nothing_varies_is_zero_for_the_variance_and_nan_for_the_standard_deviation():
    x = np.ones(3)
    np.testing.assert_array_equal(functrace.grad(fnp.var)(x), np.zeros(3))
    assert np.all(np.isnan(functrace.grad(fnp.std)(x)))


def test_the_variance_has_second_derivatives():
    x = points(4)
    hessian = [functrace.jvp(functrace.grad(fnp.var), (x,), (e,))[1] for e in np.eye(4)]
    np.testing.assert_allclose(hessian, 2 * (np.eye(4) / 4 - 1 / 16), atol=1e-12)


@few
@given(st.data())
def test_averages_agree_with_numpy(data):
    x = data.draw(arrays(min_dims=1))
    axis = data.draw(axes(x))
    weights = None
    if data.draw(st.booleans()):
        names = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        shape = x.shape if axis is None or data.draw(st.booleans()) else tuple([x.shape[i] for i in names])
        weights = np.abs(points(*shape, seed=1)) + 0.5
    returned = data.draw(st.booleans())
    check_agreement("average", x, axis=axis, weights=weights, returned=returned, keepdims=data.draw(st.booleans()))


def test_weights_that_do_not_fit_are_numpys_error():
    check_same_error("average", np.ones((2, 3)), weights=np.ones(3))
    check_same_error("average", np.ones((2, 3)), axis=0, weights=np.ones(3))
    with pytest.raises(ZeroDivisionError):
        functrace.grad(lambda x: fnp.average(x, weights=np.zeros(3)))(np.ones(3))


@pytest.mark.parametrize("name", ["cov", "corrcoef"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int32])
@pytest.mark.parametrize("rowvar", [True, False])
def test_covariance_and_correlation_agree_with_numpy(name, dtype, rowvar):
    x, y = points(4, 5, dtype=dtype), points(4, 5, seed=1, dtype=dtype)
    check_agreement(name, x, rowvar=rowvar)
    check_agreement(name, x, y, rowvar=rowvar)
    check_agreement(name, x[0], y[0])
    check_agreement(name, x[0])


def test_covariance_takes_weights_and_degrees_of_freedom():
    x = points(3, 5)
    frequencies, weights = np.array([1, 2, 3, 1, 1]), np.array([0.5, 1.0, 1.5, 0.2, 0.3])
    check_agreement("cov", x, bias=True)
    check_agreement("cov", x, ddof=0)
    check_agreement("cov", x, fweights=frequencies, numpy_too=True)
    check_agreement("cov", x, aweights=weights)
    check_agreement("cov", x, fweights=frequencies, aweights=weights)
    check_agreement("cov", x, aweights=weights, ddof=0)
    check_agreement("cov", x, dtype=np.float32, gradient=False)
    check_same_error("cov", x, ddof=0.5)
    check_same_error("cov", np.ones((2, 2, 2)))
    check_same_error("cov", x, fweights=np.ones(4))


# ---------------------------------------------------------------------------------------------------------------------
# order statistics
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["median", "nanmedian"])
@few
@given(st.data())
def test_the_median_agrees_with_numpy(name, data):
    x = data.draw(arrays((np.float64, np.float32, np.float16, np.int8)))
    if x.ndim and data.draw(st.booleans()) and x.dtype.kind == "f":
        x[np.random.default_rng(0).random(x.shape) < 0.2] = np.nan
    options = {"axis": data.draw(axes(x)), "keepdims": data.draw(st.booleans())}
    check_agreement(name, x, gradient=not np.any(np.isnan(x)), **options)


@pytest.mark.parametrize("name", ["quantile", "percentile", "nanquantile", "nanpercentile"])
@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=12, deadline=None)
@given(st.data())
def test_quantiles_agree_with_numpy_by_every_method(name, method, data):
    x = data.draw(arrays((np.float64, np.float32, np.int8)))
    if name.startswith("nan") and x.ndim and x.dtype.kind == "f":
        x[np.random.default_rng(0).random(x.shape) < 0.2] = np.nan
    scale = 100 if name.endswith("percentile") else 1
    places = [0.3, 0.5, 0, 1, [0.1, 0.9], [0.25, 0.5, 0.75], [0, 1]]
    q = data.draw(st.sampled_from(places if name.startswith("nan") else [*places, [[0.0, 0.4], [0.6, 1.0]]]))
    q = (np.asarray(q) * scale).tolist()
    options = {"axis": data.draw(axes(x)), "keepdims": data.draw(st.booleans()), "method": method}
    check_agreement(name, x, q, gradient=not np.any(np.isnan(x)), rtol=1e-5, **options)


@few
@given(st.data())
def test_quantiles_at_a_traced_place_agree_with_numpy(data):
    x = data.draw(arrays((np.float64, np.float32), min_dims=1))
    q = np.asarray(data.draw(st.sampled_from([0.37, [0.11, 0.93]])))
    check_agreement("quantile", x, q, axis=data.draw(axes(x)), gradient_rtol=1e-2)


def test_a_quantile_at_a_traced_place_outside_is_nan():
    x = np.array([1.0, 2.0, 3.0])
    got = functrace.jit(fnp.quantile)(x, np.array([-0.5, 0.5, 1.5]))
    np.testing.assert_array_equal(got, [np.nan, 2.0, np.nan])


def test_quantiles_keep_the_dtype_of_numpy():
    for dtype in (np.float16, np.float32):
        for q in (0.5, np.float64(0.5), np.array(0.5), [0.2, 0.5]):
            check_agreement("quantile", points(5, dtype=dtype), q, gradient=False, rtol=1e-2)
            check_agreement(
                "percentile", points(5, dtype=dtype), np.multiply(q, 100).tolist(), gradient=False, rtol=1e-2
            )


@pytest.mark.parametrize("name", ["quantile", "percentile", "nanquantile"])
def test_weighted_quantiles_agree_with_numpy(name):
    x, scale = points(3, 4), 100 if name == "percentile" else 1
    q = [0.1 * scale, 0.5 * scale, 1.0 * scale]
    weights = [[0.0, 1.0, 2.0, 1.0], [1.0, 1.0, 0.0, 3.0], [0.5, 0.25, 1.0, 0.0]]
    check_agreement(name, x, q, weights=weights, method="inverted_cdf")
    check_agreement(name, x, q, axis=1, weights=weights, method="inverted_cdf")
    if not name.startswith("nan"):  # NumPy's own fails there
        check_agreement(name, x, q, axis=0, weights=[1.0, 2.0, 0.5], method="inverted_cdf")
    check_same_error(name, x, q, weights=weights)


def test_quantiles_that_are_none_are_numpys_error():
    x = np.array([1.0, 2.0])
    check_same_error("quantile", x, 1.5)
    check_same_error("percentile", x, -1)
    check_same_error("quantile", x, 0.5, method="nearer")
    check_same_error("quantile", x * 1j, 0.5)
    check_same_error("quantile", x, np.full((2, 2, 2), 0.5).tolist())
    check_same_error("quantile", np.zeros(0), 0.5)
    check_same_error("median", x, axis=2)


# ---------------------------------------------------------------------------------------------------------------------
# counts
# ---------------------------------------------------------------------------------------------------------------------


@few
@given(st.data())
def test_histograms_agree_with_numpy(data):
    x = data.draw(arrays((np.float64, np.float32, np.int32), min_side=0))
    bins = data.draw(st.sampled_from([1, 4, 10, [-2.0, -0.5, 0.0, 3.0], [0, 1, 1, 2]]))
    options = {"range": data.draw(st.sampled_from([None, (-1.0, 1.5), (2.0, 2.0)]))} if isinstance(bins, int) else {}
    if data.draw(st.booleans()):
        options["weights"] = points(*x.shape, seed=3)
    if data.draw(st.booleans()) and x.size and "weights" not in options and np.histogram(x, bins, **options)[0].any():
        options["density"] = True
    check_agreement("histogram", x, bins, gradient=False, rtol=1e-5, **options)
    check_agreement("histogram_bin_edges", x, bins, gradient=False, rtol=1e-6, range=options.get("range"))


def test_a_histogram_is_differentiated_by_its_weights():
    x, weights = points(20), points(20, seed=1)
    edges = np.array([-2.0, -1.0, 0.5, 2.0])
    check_derivatives(
        lambda w: [fnp.histogram(x, edges, weights=w)[0]], lambda w: [np.histogram(x, edges, weights=w)[0]], [weights]
    )


def test_values_upon_an_edge_are_counted_as_in_numpy():
    x = np.array([0.0, 1.0, 1.0, 2.0, 3.0, 3.0, -1.0, 4.0, 0.3, 0.1 * 3])
    check_agreement("histogram", x, [0.0, 1.0, 2.0, 3.0], gradient=False)
    check_agreement("histogram", x, np.array([0.0, 1.0, 2.0, 3.0]), gradient=False)
    check_agreement("histogram", x, 10, (0.0, 3.0), gradient=False)


def test_bins_with_a_name_need_values_that_are_known():
    x = points(30)
    counts, edges = np.histogram(x, "auto")
    got, _ = functrace.vjp(lambda x: fnp.histogram(x, "auto")[1], x)
    np.testing.assert_array_equal(got, edges)
    assert counts.sum() == 30
    with pytest.raises(TracerIntegerConversionError, match="number of bins"):
        functrace.jit(lambda x: fnp.histogram(x, "auto"))(x)
    check_same_error("histogram", x, 0)
    check_same_error("histogram", x, 2.5)
    check_same_error("histogram", x, [2.0, 1.0])
    check_same_error("histogram", x, 3, (2.0, 1.0))


def test_histograms_in_several_dimensions_agree_with_numpy():
    x, y, weights = points(30), points(30, seed=1), points(30, seed=2)
    edges = [-3.0, -1.0, 0.0, 2.0]
    check_agreement("histogram2d", x, y, 4, gradient=False)
    check_agreement("histogram2d", x, y, [edges, 3], gradient=False)
    check_agreement("histogram2d", x, y, edges, weights=weights, gradient=False)
    check_agreement("histogram2d", x, y, 3, range=[[-1.0, 1.0], [-2.0, 2.0]], density=True, gradient=False)
    sample = np.stack([x, y, weights], 1)
    for traced in (sample, [x, y, weights]):
        counts, found = functrace.jit(lambda s: fnp.histogramdd(s, (2, 3, 4)))(traced)
        expected, expected_edges = np.histogramdd(sample, (2, 3, 4))
        compare([counts, *found], [expected, *expected_edges], rtol=None, what="histogramdd")


@few
@given(st.data())
def test_counts_of_integers_agree_with_numpy_for_a_static_length(data):
    x = np.array(data.draw(st.lists(st.integers(0, 6), max_size=12)), data.draw(st.sampled_from([np.int64, np.uint8])))
    weights = points(len(x), seed=1) if data.draw(st.booleans()) else None
    for length in (0, 3, 9):
        expected = np.bincount(x, weights, length)[:length]
        got = functrace.jit(lambda x, w, n=length: fnp.bincount(x, w, length=n))(x, weights)
        compare([got], [expected], rtol=1e-12, what="bincount")
    if weights is not None:
        check_derivatives(
            lambda w: [fnp.bincount(x, w, minlength=3)], lambda w: [np.bincount(x, w, minlength=3)], [weights]
        )
        check_derivatives(lambda w: [np.bincount(x, w)], lambda w: [np.bincount(x, w)], [weights])


def test_counts_of_integers_without_a_length_say_what_to_write():
    with pytest.raises(TracerIntegerConversionError, match="length=n"):
        functrace.jit(fnp.bincount)(np.array([1, 2]))
    check_same_error("bincount", np.array([1.5]))
    check_same_error("bincount", np.ones((2, 2), int))
    with pytest.raises(ValueError, match="negative"):
        functrace.grad(lambda w: fnp.bincount(np.array([-1]), w).sum())(np.ones(1))


# ---------------------------------------------------------------------------------------------------------------------
# sampled functions
# ---------------------------------------------------------------------------------------------------------------------


@few
@given(st.data())
def test_differences_agree_with_numpy(data):
    x = data.draw(arrays((np.float64, np.float32, np.int8, np.bool_, np.complex128), min_dims=1))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    options = {}
    if data.draw(st.booleans()):
        options["prepend"] = 0 if x.dtype.kind != "b" else False
    if data.draw(st.booleans()):
        options["append"] = x
    check_agreement("diff", x, data.draw(st.integers(0, 3)), axis, **options)
    check_agreement("ediff1d", x if x.dtype.kind != "b" else x.astype(int))


def test_differences_with_what_stands_before_and_behind_agree_with_numpy():
    x = points(2, 3)
    check_agreement("ediff1d", x, to_begin=np.array([1.0, 2.0]), to_end=9.0)
    check_agreement("ediff1d", x.astype(np.float32), to_begin=1.5, gradient_rtol=1e-2)
    check_same_error("ediff1d", np.array([1, 2]), to_end=1.5)
    check_same_error("diff", x, -1)
    check_same_error("diff", np.ones(()))


@few
@given(st.data())
def test_slopes_agree_with_numpy(data):
    x = data.draw(arrays((np.float64, np.int32, np.complex128), min_dims=1, min_side=3))
    axis = data.draw(axes(x))
    names = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    spacing = data.draw(st.sampled_from(["none", "scalar", "scalars", "places"]))
    if spacing == "none":
        given_spacings = []
    elif spacing == "scalar":
        given_spacings = [0.5]
    elif spacing == "scalars":
        given_spacings = [0.5 + i for i in range(len(names))]
    else:
        given_spacings = [np.cumsum(0.5 + np.random.default_rng(i + 9).random(x.shape[i])) for i in names]
    check_agreement("gradient", x, *given_spacings, axis=axis, edge_order=data.draw(st.sampled_from([1, 2])))


def test_slopes_of_what_is_too_short_are_numpys_error():
    check_same_error("gradient", np.ones(1))
    check_same_error("gradient", np.ones(2), edge_order=2)
    check_same_error("gradient", np.ones(3), edge_order=3)
    check_same_error("gradient", np.ones((2, 2)), 1.0, 2.0, 3.0)
    check_same_error("gradient", np.ones(3), np.ones(2))


@few
@given(st.data())
def test_areas_agree_with_numpy(data):
    y = data.draw(arrays(min_dims=1))
    axis = data.draw(st.integers(-y.ndim, y.ndim - 1))
    options = [
        {},
        {"dx": 0.5},
        {"x": np.cumsum(1 + np.arange(float(y.shape[axis])))},
        {"x": points(*y.shape, seed=4)},
    ]
    check_agreement("trapezoid", y, axis=axis, **data.draw(st.sampled_from(options)), gradient_rtol=1e-2)


@few
@given(st.data())
def test_unwrapped_phases_agree_with_numpy(data):
    x = data.draw(arrays((np.float64, np.float32), min_dims=1)) * 4
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    check_agreement("unwrap", x, axis=axis, discont=data.draw(st.sampled_from([None, 4.0])), rtol=1e-4)
    check_agreement("unwrap", x, axis=axis, period=5.0, rtol=1e-4)
    check_agreement("unwrap", (x * 3).astype(int), axis=axis, period=7)


@few
@given(st.data())
def test_straight_lines_between_points_agree_with_numpy(data):
    x = data.draw(arrays((np.float64, np.float32)))
    count = data.draw(st.integers(1, 6))
    xp = np.sort(points(count, seed=data.draw(st.integers(0, 9)))) + 0.013
    fp = points(count, seed=2, dtype=data.draw(st.sampled_from([np.float64, np.complex128])))
    options = {}
    if data.draw(st.booleans()):
        options = {"left": -7.0, "right": 8.5}
    elif data.draw(st.booleans()) and count > 1:
        options = {"period": 7.77}
    check_agreement("interp", x, xp, fp, rtol=1e-5, gradient_rtol=1e-2, **options)


def test_lines_go_through_the_points_and_stay_at_the_ends():
    xp, fp = np.array([0.0, 1.0, 1.0, 3.0]), np.array([1.0, 2.0, 5.0, 4.0])
    x = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, np.nan])
    check_agreement("interp", x, xp, fp, gradient=False)
    check_same_error("interp", x, xp, fp[:2])
    check_same_error("interp", x, np.zeros(0), np.zeros(0))
    check_same_error("interp", x, xp, fp, period=0)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@few
@given(st.data())
def test_convolution_and_correlation_agree_with_numpy(name, mode, data):
    dtypes = (np.float64, np.float32, np.complex128, np.int32)
    a = data.draw(arrays(dtypes, min_dims=1, max_dims=1, max_side=8))
    v = data.draw(arrays(dtypes, min_dims=1, max_dims=1, max_side=8))
    check_agreement(name, a, v, mode, gradient_rtol=1e-2)


def test_convolution_is_batched_and_has_second_derivatives():
    a, v = points(3, 6), points(3, 4, seed=1)
    expected = np.stack([np.convolve(x, y) for x, y in zip(a, v, strict=True)])
    np.testing.assert_allclose(functrace.vmap(fnp.convolve)(a, v), expected, atol=1e-12)
    np.testing.assert_allclose(functrace.vmap(fnp.convolve, (0, None))(a, v[0])[1], np.convolve(a[1], v[0]), atol=1e-12)

    def slope(x, y):
        return functrace.grad(lambda x: fnp.sum(fnp.convolve(x, y) ** 2))(x)

    def slope_by_hand(x, y):
        return 2 * np.correlate(np.convolve(x, y), y)

    check_derivatives(lambda x, y: flat(slope(x, y)), lambda x, y: flat(slope_by_hand(x, y)), [a[0], v[0]])


def test_sequences_that_cannot_be_convolved_are_numpys_error():
    check_same_error("convolve", np.zeros(0), np.ones(2))
    check_same_error("correlate", np.ones(2), np.zeros(0))
    check_same_error("convolve", np.ones((2, 2)), np.ones(2))
    check_same_error("convolve", np.ones(2), np.ones(2), "whole")


def test_out_is_refused():
    with pytest.raises(ArgumentError, match="out="):
        functrace.jit(lambda x: fnp.median(x, out=np.zeros(())))(np.ones(3))
