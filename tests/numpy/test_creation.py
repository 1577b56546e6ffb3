from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import (
    ArgumentError,
    OptionError,
    TracerArrayConversionError,
    TracerIntegerConversionError,
)
from tests.numpy.agreement import compare, flat, smooth_values
from tests.numpy.recorded import check, check_recorded, largest_constant

DTYPES = (np.float32, np.float64, np.complex128, np.int8, np.int64, np.uint16, np.bool_)
INEXACT = (np.float32, np.float64, np.complex64, np.complex128)
few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


def values(seed, shape, dtype=np.float64):
    return smooth_values(np.random.default_rng(seed), shape, dtype)


def check_created(name, *args, **kwargs):
    """Check a function of settings alone: under `jit` it gives NumPy's array, and no array is baked in."""
    expected = getattr(np, name)(*args, **kwargs)
    compare(flat(getattr(fnp, name)(*args, **kwargs)), flat(expected), rtol=0, what=name)
    compare(
        flat(functrace.jit(lambda: getattr(fnp, name)(*args, **kwargs))()),
        flat(expected),
        rtol=None,
        what=f"jit {name}",
    )
    closed = check_recorded(lambda: getattr(fnp, name)(*args, **kwargs), expected=expected)
    assert largest_constant(closed) <= 2


@few
@given(shape=shapes, dtype=st.sampled_from(DTYPES))
def test_zeros_ones_and_full_are_recorded_with_numpys_shape_and_dtype(shape, dtype):
    check_created("zeros", shape, dtype)
    check_created("ones", shape, dtype=dtype)
    check_created("full", shape, 3, dtype=dtype)
    check_created("full", shape, np.dtype(dtype).type(1))
    assert functrace.jit(lambda: fnp.empty(shape, dtype))().shape == shape


def test_a_shape_may_be_an_int():
    check_created("zeros", 3)
    check_created("ones", np.int64(3))
    check_created("full", 3, 1.5)


@few
@given(seed=seeds, shape=shapes, dtype=st.sampled_from(DTYPES), other=st.sampled_from((None, np.float32, np.int16)))
def test_the_like_functions_take_shape_and_dtype_of_a_tracer(seed, shape, dtype, other):
    x = values(seed, shape, dtype)
    check("zeros_like", x, other)
    check("ones_like", x, dtype=other)
    check("full_like", x, 2, other)
    check("zeros_like", x, shape=(2, 5))
    assert functrace.jit(lambda x: fnp.empty_like(x))(x).dtype == dtype


def test_the_like_functions_bake_no_array_in_for_an_array_that_is_not_traced():
    x = np.ones((50, 50))
    for name in ("zeros_like", "ones_like"):
        closed = functrace.make_jaxpr(lambda name=name: getattr(fnp, name)(x))()
        assert largest_constant(closed) == 0


def test_what_is_made_inside_jit_can_be_written_with_at():
    made = functrace.jit(lambda v: fnp.zeros(3).at[1].set(v))(2.0)
    np.testing.assert_array_equal(made, [0.0, 2.0, 0.0])


def test_without_jit_a_made_array_is_a_plain_writable_array():
    made = functrace.grad(lambda x: (fnp.zeros(2), x * fnp.ones(2).sum())[1])(1.0)
    assert made == 2.0
    out = fnp.zeros((2, 2))
    assert type(out) is np.ndarray
    out[0, 0] = 1.0


@few
@given(
    start=st.integers(-10, 10),
    stop=st.integers(-10, 10),
    step=st.sampled_from((-3, -1, 1, 2, 5)),
    dtype=st.sampled_from((None, np.float32, np.int16, np.complex128)),
)
def test_arange_of_integers_counts_as_numpy(start, stop, step, dtype):
    check_created("arange", stop)
    check_created("arange", start, stop, dtype=dtype)
    check_created("arange", start, stop, step, dtype)


@few
@given(
    start=st.floats(-5, 5),
    length=st.floats(0, 8),
    step=st.floats(0.1, 2),
    dtype=st.sampled_from((None, np.float32, np.float64)),
)
@example(start=0.0, length=1.0, step=0.1, dtype=None)
def test_arange_of_floats_has_numpys_length_and_rounding(start, length, step, dtype):
    expected = np.arange(start, start + length, step, dtype=dtype)
    got = functrace.jit(lambda: fnp.arange(start, start + length, step, dtype=dtype))()
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-15 if expected.dtype == np.float64 else 1e-6, atol=1e-15)


def test_arange_takes_numpys_keywords():
    check_created("arange", start=2, stop=5)
    check_created("arange", stop=5)
    check_created("arange", 2, dtype=bool)


def test_arange_differentiates_by_its_bounds_while_their_values_are_known():
    slope = functrace.grad(lambda start, step: (fnp.arange(start, 2.0, step) * np.array([1.0, 2.0, 4.0])).sum(), (0, 1))
    np.testing.assert_allclose(slope(0.5, 0.5), [7.0, 0.0 * 1 + 1.0 * 2 + 2.0 * 4])


def test_arange_with_a_traced_length_says_what_to_write():
    with pytest.raises(TracerIntegerConversionError, match="static_argnums"):
        functrace.jit(lambda n: fnp.arange(n))(3)
    np.testing.assert_array_equal(functrace.jit(lambda n: fnp.arange(n), static_argnums=0)(3), [0, 1, 2])


@few
@given(
    seed=seeds,
    shape=hnp.array_shapes(min_dims=0, max_dims=2, max_side=3),
    num=st.integers(0, 6),
    endpoint=st.booleans(),
    dtype=st.sampled_from(INEXACT),
    data=st.data(),
)
def test_linspace_is_numpys_and_follows_its_ends(seed, shape, num, endpoint, dtype, data):
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    start, stop = values(seed, shape, dtype), values(seed + 1, shape, dtype) * 3
    check("linspace", start, stop, num, endpoint, axis=axis)
    check("linspace", start, 2.0, num, endpoint, retstep=True, gradient=num > 1)


@few
@given(start=st.floats(-5, 5), stop=st.floats(-5, 5), num=st.integers(0, 6), endpoint=st.booleans())
def test_linspace_of_numbers_bakes_no_array_in(start, stop, num, endpoint):
    check_created("linspace", start, stop, num, endpoint)
    check_created("linspace", start, stop, num, endpoint, dtype=np.float32)
    check_created("linspace", -3, 4, num, endpoint, dtype=int)


def test_linspace_with_a_step_below_the_smallest_number_is_numpys():
    tiny = np.array(5e-324)
    check("linspace", np.array(0.0), tiny, 4, gradient=False)


def test_logspace_and_geomspace_are_numpys():
    start, stop = np.array([0.5, -1.0]), np.array([2.0, 1.5])
    check("logspace", start, stop, 5)
    check("logspace", start, stop, 5, base=np.array([2.0, 3.0]), axis=1)
    check("logspace", np.float32(1) + start.astype(np.float32), 2.0, 3, dtype=np.float32, gradient=False)
    check("geomspace", np.array([1.0, -2.0]), np.array([100.0, -3.0]), 5, axis=-1)
    check("geomspace", np.array(2.0), np.array(32.0), 4, endpoint=False)
    check("geomspace", np.array(2.0 + 1j), np.array(32.0 - 4j), 4)
    check_created("geomspace", 1, 1000, 4)
    check_created("logspace", 0, 2, 3)


@few
@given(n=st.integers(0, 4), m=st.none() | st.integers(0, 4), k=st.integers(-5, 5), dtype=st.sampled_from(DTYPES))
def test_eye_and_tri_are_recorded_for_every_shape_and_diagonal(n, m, k, dtype):
    check_created("eye", n, m, k, dtype)
    check_created("tri", n, m, k, dtype)
    check_created("identity", n, dtype)


@few
@given(seed=seeds, size=st.integers(0, 4), k=st.integers(-3, 3), dtype=st.sampled_from(DTYPES))
def test_diag_makes_and_takes_diagonals(seed, size, k, dtype):
    check("diag", values(seed, (size,), dtype), k)
    check("diag", values(seed, (size, 3), dtype), k)
    check("diagflat", values(seed, (size, 2), dtype), k)


@few
@given(seed=seeds, size=st.integers(0, 4), n=st.none() | st.integers(0, 4), increasing=st.booleans())
def test_vander_is_numpys_also_at_zero(seed, size, n, increasing):
    check("vander", values(seed, (size,)), n, increasing)
    check("vander", values(seed, (size,), np.int8), n, increasing)
    check("vander", np.zeros(2), n, increasing)


@few
@given(
    seed=seeds,
    sizes=st.lists(st.integers(0, 3), min_size=0, max_size=3),
    sparse=st.booleans(),
    indexing=st.sampled_from(("xy", "ij")),
)
def test_meshgrid_is_numpys(seed, sizes, sparse, indexing):
    grid = [values(seed + number, (size,)) for number, size in enumerate(sizes)]
    check("meshgrid", *grid, sparse=sparse, indexing=indexing)


@few
@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3), sparse=st.booleans())
def test_indices_and_fromfunction_are_recorded(shape, sparse):
    check_created("indices", shape, sparse=sparse)
    check_created("indices", shape, np.float32, sparse)
    check_created("fromfunction", lambda *places: sum(places) * 2.0, shape)
    check_created("fromfunction", lambda *places: places[0], shape, dtype=int)


@few
@given(seed=seeds, shape=shapes, dtype=st.sampled_from(DTYPES), ndmin=st.integers(0, 4))
def test_array_takes_tracers_alone_and_in_nested_lists(seed, shape, dtype, ndmin):
    x = values(seed, shape, dtype)
    check("array", x, ndmin=ndmin, numpy_too=False)
    check("array", [[x, x], [x, x]], numpy_too=False)
    check("asarray", x, dtype, numpy_too=False, gradient=dtype == np.float64)
    check("copy", x)
    check("ascontiguousarray", x, numpy_too=False)


def test_array_promotes_the_numbers_among_tracers_as_numpy_does():
    x = np.float32(2)
    for make in (lambda x: [x, 1.0], lambda x: [[1, x], [x, 2]], lambda x: (x, True), lambda x: [np.float32(1), x]):
        got = functrace.jit(lambda x, make=make: fnp.array(make(x)))(x)
        expected = np.array(make(x))
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


def test_a_tracer_far_back_in_a_list_is_found():
    made = functrace.jit(lambda x: fnp.array([1.0] * 20 + [x]))(5.0)
    np.testing.assert_array_equal(made, [1.0] * 20 + [5.0])
    total = functrace.jit(lambda x: fnp.sum([[1.0] * 9, [*[2.0] * 8, x]]))(5.0)
    assert total == 9 + 16 + 5


def test_array_of_known_values_stays_known_inside_jit():
    def pick(x):
        shape = fnp.array([2, 3])
        assert type(shape) is np.ndarray
        return fnp.reshape(x, shape)

    assert functrace.jit(pick)(np.arange(6.0)).shape == (2, 3)


def test_a_python_number_becomes_an_array_with_a_dtype_of_its_own():
    weak = functrace.jit(lambda x: fnp.asarray(x) * np.ones(2, np.float32))(2.0)
    assert weak.dtype == np.float64  # as numpy.asarray(2.0) * float32 array
    assert functrace.jit(lambda x: x * np.ones(2, np.float32))(2.0).dtype == np.float32


def test_numpys_array_of_a_tracer_is_an_error_that_says_what_to_write():
    with pytest.raises(TracerArrayConversionError, match=r"numpy\.stack"):
        functrace.jit(lambda x: np.array([x, x]))(1.0)


def test_wrong_arguments_are_errors_that_name_them():
    with pytest.raises(ArgumentError, match="unexpected keyword argument 'shap'"):
        functrace.jit(lambda x: fnp.zeros_like(x, shap=3))(1.0)
    with pytest.raises(OptionError, match="cpu"):
        functrace.jit(lambda: fnp.zeros(3, device="gpu"))()
    with pytest.raises(ValueError, match="non-negative"):
        functrace.jit(lambda x: fnp.linspace(0, x, -1))(1.0)
    with pytest.raises(ValueError, match="cannot include zero"):
        functrace.jit(lambda x: fnp.geomspace(0.0, x, 3))(1.0)
    with pytest.raises(TypeError, match="dtype"):
        functrace.jit(lambda: fnp.zeros(3, dtype="no such thing"))()


def test_a_type_error_raised_inside_is_passed_on_as_it_is():
    def fails(*places):
        raise TypeError("raised by the user")

    with pytest.raises(TypeError, match="raised by the user") as raised:
        functrace.jit(lambda: fnp.fromfunction(fails, (2,)))()
    assert not isinstance(raised.value, ArgumentError)
