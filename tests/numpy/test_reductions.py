from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import ArgumentError, ImmutableError
from tests.numpy.agreement import check_agreement, check_derivatives, check_same_error, flat, smooth_values

FLOATS = (np.float16, np.float32, np.float64)
COMPLEX = (np.complex64, np.complex128)
INTEGERS = (np.bool_, np.int8, np.uint8, np.int32, np.int64)
NUMBERS = (*FLOATS, *COMPLEX, *INTEGERS)
few = settings(max_examples=25, deadline=None)


@st.composite
def arrays(draw, dtypes=NUMBERS, min_dims=0, min_side=0, nan=False):
    """An array without ties; with `nan`, some elements of floats are NaN."""
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=min_side, max_side=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = smooth_values(rng, shape, draw(st.sampled_from(dtypes)))
    if nan and x.dtype.kind in "fc" and x.ndim:
        x[rng.random(shape) < 0.3] = np.nan
    return x


@st.composite
def axes(draw, x, several=True):
    """An axis of `x`, None, or a tuple of them."""
    choices = [st.none()]
    if x.ndim:
        choices.append(st.integers(-x.ndim, x.ndim - 1))
    if several:
        choices.append(st.sets(st.integers(0, x.ndim - 1)).map(lambda chosen: tuple(chosen)) if x.ndim else st.just(()))
    return draw(st.one_of(choices))


def keywords(draw, x, **options):
    """Keyword arguments, each there or not."""
    chosen = {name: draw(value) for name, value in options.items() if draw(st.booleans())}
    if draw(st.booleans()):
        chosen["axis"] = draw(axes(x))
    return chosen


def masks(draw, x):
    shape = draw(st.sampled_from([x.shape, x.shape[1:], tuple([1] * x.ndim)]))
    return np.random.default_rng(draw(st.integers(0, 99))).random(shape) < 0.7


# ---------------------------------------------------------------------------------------------------------------------
# values and derivatives
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "prod"])
@few
@given(st.data())
def test_sums_and_products_agree_with_numpy_for_any_keywords(name, data):
    x = data.draw(arrays())
    options = keywords(data.draw, x, keepdims=st.booleans(), initial=st.sampled_from([2, 0.5]))
    if data.draw(st.booleans()):
        options["where"] = masks(data.draw, x)
    check_agreement(name, x, gradient=x.dtype != np.float16, **options)


@pytest.mark.parametrize("name", ["sum", "prod", "mean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.int8, np.int64])
@few
@given(st.data())
def test_sums_products_and_means_take_the_dtype_to_compute_in(name, dtype, data):
    # of one sign: where terms cancel, rounding in single precision is all that is left
    x = np.abs(data.draw(arrays((np.float32, np.float64, np.int8, np.int64, np.bool_), min_side=1)))
    # differences of 1e-6 are lost in single precision
    check_agreement(name, x, dtype=dtype, rtol=1e-3, gradient=dtype is np.float64)


@few
@given(st.data())
def test_the_mean_agrees_with_numpy_for_any_keywords(data):
    x = data.draw(arrays(min_side=1))
    options = keywords(data.draw, x, keepdims=st.booleans())
    if data.draw(st.booleans()):
        options["where"] = np.broadcast_to(masks(data.draw, x), x.shape) | (np.arange(x.size).reshape(x.shape) >= 0)
    check_agreement("mean", x, **options)


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
def test_the_mean_of_nothing_is_nan():
    check_agreement("mean", np.zeros((0, 3)), axis=0, gradient=False)
    check_agreement("mean", np.zeros(0, np.float32), gradient=False)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "ptp"])
@few
@given(st.data())
def test_extrema_agree_with_numpy_for_any_axis(name, data):
    x = data.draw(arrays((*FLOATS, *INTEGERS[1:], np.complex128) if name == "ptp" else NUMBERS, min_side=1))
    check_agreement(name, x, **keywords(data.draw, x, keepdims=st.booleans()))


@pytest.mark.filterwarnings("ignore:All-NaN axis encountered:RuntimeWarning")
@pytest.mark.parametrize("name", ["max", "min", "nanmax", "nanmin"])
@few
@given(st.data())
def test_extrema_with_an_initial_value_agree_with_numpy_also_for_empty_arrays(name, data):
    x = data.draw(arrays(FLOATS + INTEGERS[1:], nan=name.startswith("nan")))
    options = keywords(data.draw, x, keepdims=st.booleans())
    if data.draw(st.booleans()):
        options["where"] = masks(data.draw, x)
    check_agreement(name, x, initial=1, gradient=not np.any(np.isnan(x)), **options)


@pytest.mark.parametrize("name", ["argmax", "argmin", "nanargmax", "nanargmin"])
@few
@given(st.data())
def test_the_places_of_extrema_agree_with_numpy(name, data):
    x = data.draw(arrays(min_side=1))
    check_agreement(name, x, axis=data.draw(axes(x, several=False)), keepdims=data.draw(st.booleans()))


@pytest.mark.parametrize("name", ["all", "any"])
@few
@given(st.data())
def test_logic_over_axes_agrees_with_numpy(name, data):
    x = data.draw(arrays())
    options = keywords(data.draw, x, keepdims=st.booleans())
    if data.draw(st.booleans()):
        options["where"] = masks(data.draw, x)
    check_agreement(name, x, **options)


@few
@given(st.data())
def test_counts_of_elements_that_are_not_zero_agree_with_numpy(data):
    x = data.draw(arrays())
    check_agreement("count_nonzero", x, **keywords(data.draw, x, keepdims=st.booleans()))


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumsum", "nancumprod"])
@few
@given(st.data())
def test_running_sums_and_products_agree_with_numpy(name, data):
    x = data.draw(arrays(nan=name.startswith("nan")))
    options = {"dtype": data.draw(st.sampled_from([None, np.float64, np.complex64]))}
    if options["dtype"] is None or x.dtype.kind == "c":
        options = {}
    smooth = not np.any(np.isnan(x)) and options.get("dtype") is not np.complex64 and x.dtype != np.float16
    check_agreement(name, x, axis=data.draw(axes(x, several=False)), gradient=smooth, rtol=3e-2, **options)


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@few
@given(st.data())
def test_cumulative_functions_of_the_array_standard_agree_with_numpy(name, data):
    x = data.draw(arrays((np.float64, np.int8, np.complex64), min_dims=1))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    check_agreement(name, x, axis=axis, include_initial=data.draw(st.booleans()))


@pytest.mark.filterwarnings("ignore:(Mean of empty|All-NaN|Degrees of freedom|invalid value):RuntimeWarning")
@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd"])
@few
@given(st.data())
def test_reductions_that_leave_nan_out_agree_with_numpy(name, data):
    x = data.draw(arrays((*FLOATS, np.complex128, np.int64), min_side=1, nan=True))
    options = keywords(data.draw, x, keepdims=st.booleans())
    check_agreement(name, x, gradient=False, **options)


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd"])
def test_no_derivative_flows_into_nan(name):
    x = np.array([[1.0, np.nan, 2.5, 4.0], [np.nan, 3.0, 1.5, 0.5]])

    def filled(function):
        return lambda y: flat(function(fnp.where(np.isnan(x), np.nan, y), axis=1))

    check_derivatives(filled(getattr(fnp, name)), filled(getattr(np, name)), [np.where(np.isnan(x), 7.0, x)])
    gradient = functrace.grad(lambda x: fnp.sum(getattr(fnp, name)(x, axis=1)))(x)
    assert np.all(gradient[np.isnan(x)] == 0) and np.all(np.isfinite(gradient))


def test_the_place_of_an_extremum_among_nan_alone_is_an_error_where_it_is_known_and_else_minus_one():
    x = np.array([[np.nan, np.nan], [1.0, 2.0]])
    with pytest.raises(ValueError, match="All-NaN"):
        functrace.grad(lambda x: x[fnp.nanargmax(x, axis=1)].sum())(x)
    np.testing.assert_array_equal(functrace.jit(lambda x: fnp.nanargmax(x, axis=1))(x), [-1, 1])


def test_tied_extrema_share_the_gradient():
    x = np.array([2.0, 1.0, 2.0, 0.0])
    np.testing.assert_array_equal(functrace.grad(fnp.max)(x), [0.5, 0, 0.5, 0])
    np.testing.assert_array_equal(functrace.grad(fnp.min)(-x), [0.5, 0, 0.5, 0])


def test_small_integers_wrap_around_as_in_numpy():
    x = np.array([200, 100, 3], np.uint8)
    check_agreement("sum", x, dtype=np.uint8)
    check_agreement("prod", x, dtype=np.uint8)
    check_agreement("cumsum", x, dtype=np.uint8)


# ---------------------------------------------------------------------------------------------------------------------
# methods of ufuncs
# ---------------------------------------------------------------------------------------------------------------------

REDUCING = ["add", "multiply", "maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "hypot"]
REDUCING_INTEGERS = [
    "logical_and",
    "logical_or",
    "logical_xor",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "gcd",
    "lcm",
]


def check_method(name, method, *args, gradient=True, **kwargs):
    """`check_agreement` for a method of a ufunc."""
    original = getattr(getattr(np, name), method)
    expected = original(*args, **kwargs)
    count = 2 if method == "outer" else 1

    def run(function):
        return lambda *xs: flat(function(*xs, *args[count:], **kwargs))

    for function in (getattr(getattr(fnp, name), method), original):
        (got,) = functrace.jit(run(function))(*args[:count])
        np.testing.assert_allclose(got, expected, rtol=1e-12)
        assert np.asarray(got).dtype == np.asarray(expected).dtype
    if gradient:
        check_derivatives(run(getattr(getattr(fnp, name), method)), run(original), list(args[:count]))


@pytest.mark.parametrize("name", REDUCING + REDUCING_INTEGERS)
@few
@given(st.data())
def test_reduce_agrees_with_numpy(name, data):
    dtypes = (np.float64,) if name in REDUCING else (np.int64, np.uint8) if name != "lcm" else (np.int64,)
    x = data.draw(arrays(dtypes, min_dims=1, min_side=1))
    options = {}
    if data.draw(st.booleans()):
        options["axis"] = data.draw(axes(x) if name != "lcm" else st.integers(0, x.ndim - 1))
    if data.draw(st.booleans()):
        options["keepdims"] = True
    if data.draw(st.booleans()):
        options["initial"] = x.dtype.type(1)
        if data.draw(st.booleans()):
            options["where"] = masks(data.draw, x)
    check_method(name, "reduce", x, **options)


@pytest.mark.parametrize("name", ["add", "multiply", "logical_and", "logaddexp", "gcd", "bitwise_or", "hypot"])
def test_reduce_of_an_empty_axis_is_the_identity(name):
    dtype = np.int64 if name in REDUCING_INTEGERS else np.float64
    check_method(name, "reduce", np.zeros((2, 0), dtype), axis=1, gradient=False)


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "minimum", "logaddexp", "logical_and", "logical_or"])
@few
@given(st.data())
def test_accumulate_agrees_with_numpy(name, data):
    x = data.draw(arrays((np.float64, np.int8) if name != "logaddexp" else (np.float64,), min_dims=1, min_side=1))
    options = {"axis": data.draw(st.integers(-x.ndim, x.ndim - 1))} if data.draw(st.booleans()) else {}
    check_method(name, "accumulate", x, **options)


@pytest.mark.parametrize("name", ["add", "multiply", "subtract", "power", "maximum", "less", "arctan2"])
@few
@given(st.data())
def test_outer_agrees_with_numpy(name, data):
    x, y = np.abs(data.draw(arrays((np.float64,)))) + 0.1, data.draw(arrays((np.float64,)))
    check_method(name, "outer", x, y)


@pytest.mark.parametrize("name", ["add", "maximum", "multiply"])
def test_reduceat_agrees_with_numpy(name):
    x = smooth_values(np.random.default_rng(0), (3, 8), np.float64)
    check_method(name, "reduceat", x, [0, 4, 1, 5, 5], axis=1)


def test_at_is_refused_and_names_what_to_write():
    with pytest.raises(ImmutableError, match=r"x\.at\[indices\]\.add\(values\)"):
        functrace.jit(lambda x: np.add.at(x, [0, 0], 1.0))(np.zeros(3))
    with pytest.raises(ArgumentError, match=r"subtract\.reduce"):
        functrace.jit(lambda x: np.subtract.reduce(x))(np.zeros(3))


# ---------------------------------------------------------------------------------------------------------------------
# what is refused
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "max", "any", "ptp", "count_nonzero", "argmin", "cumsum"])
def test_a_wrong_axis_is_numpys_error(name):
    check_same_error(name, np.ones((2, 3)), axis=2)
    check_same_error(name, np.ones((2, 3)), axis="x")
    check_same_error(name, np.float64(1.0) * np.ones(()), axis=1)


@pytest.mark.parametrize("name", ["sum", "max", "all"])
def test_a_repeated_axis_is_numpys_error(name):
    check_same_error(name, np.ones((2, 3)), axis=(0, -2))
    check_same_error(name, np.ones((2, 3)), axis=[0])


def test_an_extremum_of_nothing_is_numpys_error():
    for name in ("max", "min", "argmax", "ptp", "nanmax"):
        check_same_error(name, np.zeros(0))
    check_same_error("sum", np.zeros(0), initial=None)


def test_a_mask_without_an_initial_value_is_numpys_error():
    check_same_error("max", np.ones(3), where=np.array([True, False, True]))
    check_same_error("sum", np.ones(3), where=np.array([1, 0, 1]))
    check_same_error("sum", np.ones(3), where=np.ones((2, 3), bool))
    check_same_error("sum", np.ones(3), initial=np.ones(2))
    check_same_error("max", np.ones(3, np.int8), initial=300)


def test_a_cumulative_sum_needs_an_axis_where_there_are_several():
    check_same_error("cumulative_sum", np.ones((2, 2)))
    check_same_error("ptp", np.ones(2, bool))


def test_out_and_unknown_keywords_are_refused():
    with pytest.raises(ArgumentError, match="out="):
        functrace.jit(lambda x: fnp.sum(x, out=np.zeros(())))(np.ones(3))
    with pytest.raises(ArgumentError, match="out="):
        functrace.jit(lambda x: np.sum(x, 0, None, np.zeros(())))(np.ones(3))
    with pytest.raises(ArgumentError, match="axes"):
        functrace.jit(lambda x: fnp.sum(x, axes=0))(np.ones(3))


def test_a_scalar_may_be_reduced_along_axis_zero():
    for name in ("sum", "max", "all", "argmax"):
        check_agreement(name, np.ones(()), axis=0)
        check_agreement(name, np.ones(()), axis=-1)
