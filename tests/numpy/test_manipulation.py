from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.errors import ArgumentError, FunctraceError, OptionError, TracerIntegerConversionError
from tests.numpy.agreement import check_same_error, smooth_values
from tests.numpy.recorded import check

DTYPES = (np.float32, np.float64, np.complex128, np.int8, np.int64, np.bool_)
few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def values(seed, shape, dtype=np.float64):
    return smooth_values(np.random.default_rng(seed), shape, dtype)


@st.composite
def arrays(draw, min_dims=0, max_dims=3, min_side=0, max_side=3):
    """An array of any dtype, without ties."""
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side))
    return values(draw(seeds), shape, draw(st.sampled_from(DTYPES)))


def axes_of(x):
    """A strategy for one axis of an array."""
    return st.integers(-x.ndim, x.ndim - 1)


# shape


@few
@given(x=arrays(), order=st.sampled_from(("C", "F")), data=st.data())
def test_reshape_and_ravel_are_numpys_in_both_orders(x, order, data):
    sizes = data.draw(st.permutations(x.shape))
    check("reshape", x, tuple(sizes), order=order)
    check("reshape", x, list(sizes))
    check("ravel", x, order)
    if x.size:
        check("reshape", x, -1, order)
        check("reshape", x, (1, -1, x.shape[0] if x.ndim else 1), order)


def test_reshape_to_a_wrong_size_is_an_error():
    check_same_error("reshape", np.ones(6), (4,), error=ValueError)
    check_same_error("reshape", np.ones(6), (4, -1), error=ValueError)


@pytest.mark.parametrize("order", ["A", "K"])
def test_the_order_of_memory_cannot_be_asked_of_a_tracer(order):
    with pytest.raises(OptionError, match="layout"):
        functrace.jit(lambda x: fnp.ravel(x, order))(np.ones((2, 2)))


def test_a_traced_shape_is_an_error_that_says_what_to_write():
    with pytest.raises(TracerIntegerConversionError, match="static_argnums"):
        functrace.jit(lambda x, n: fnp.reshape(x, (n, -1)))(np.ones(4), 2)


def test_a_shape_whose_values_are_known_while_grad_runs_may_come_from_a_tracer():
    n = np.array(2.0)
    slope = functrace.grad(lambda n: n * fnp.reshape(np.ones(4), (np.round(n).astype(int), -1)).sum())(n)
    assert slope == 4.0


@few
@given(x=arrays(), data=st.data())
def test_squeeze_and_expand_dims_are_numpys(x, data):
    check("squeeze", x)
    ones = [axis for axis, extent in enumerate(x.shape) if extent == 1]
    check("squeeze", x, axis=tuple(ones))
    if ones:
        check("squeeze", x, ones[0])
    place = data.draw(st.integers(-x.ndim - 1, x.ndim))
    check("expand_dims", x, place)
    check("expand_dims", x, (0, -1))


def test_squeezing_an_axis_of_another_extent_is_an_error():
    check_same_error("squeeze", np.ones((2, 1)), 0)
    check_same_error("squeeze", np.ones((2, 1)), 2)
    check_same_error("expand_dims", np.ones(2), 5)


@few
@given(x=arrays())
def test_the_atleast_functions_are_numpys_for_one_and_several(x):
    for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
        check(name, x)
        check(name, x, np.array(1.0), np.ones((2, 2)))


@few
@given(x=arrays(min_side=1), lead=st.lists(st.integers(0, 3), max_size=2))
def test_broadcasting_is_numpys(x, lead):
    check("broadcast_to", x, (*lead, *x.shape))
    check("broadcast_arrays", x, values(0, (3, *[1] * x.ndim)))
    check_same_error("broadcast_to", np.ones((2, 3)), (3, 2), error=ValueError)


@few
@given(x=arrays(), shape=hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=6))
def test_resize_repeats_as_numpy(x, shape):
    check("resize", x, shape)


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@few
@given(x=arrays(), dtype=st.sampled_from(DTYPES))
def test_astype_is_numpys(x, dtype):
    check("astype", x, dtype, gradient=False)


# axes


@few
@given(x=arrays(), data=st.data())
def test_transposing_is_numpys(x, data):
    order = data.draw(st.permutations(range(-x.ndim, 0)))
    for name in ("transpose", "permute_dims"):
        check(name, x)
        check(name, x, order)
    if x.ndim:
        first, second = data.draw(axes_of(x)), data.draw(axes_of(x))
        check("swapaxes", x, first, second)
        check("moveaxis", x, first, second)
        check("moveaxis", x, list(range(x.ndim)), order)
        check("rollaxis", x, first, data.draw(st.integers(-x.ndim, x.ndim)))
    if x.ndim > 1:
        check("matrix_transpose", x)


def test_axes_that_do_not_exist_are_numpys_errors():
    x = np.ones((2, 3))
    check_same_error("transpose", x, (0, 2))
    check_same_error("transpose", x, (0,))
    check_same_error("transpose", x, (0, 0), error=ValueError)
    check_same_error("swapaxes", x, 0, 2)
    check_same_error("moveaxis", x, (0, 0), (0, 1))
    check_same_error("moveaxis", x, (0, 1), 1)
    check_same_error("flip", x, 3)
    check_same_error("matrix_transpose", np.ones(2))


@few
@given(x=arrays(min_dims=2, max_dims=3), k=st.integers(-5, 5), data=st.data())
def test_flips_and_rotations_are_numpys(x, k, data):
    axes = data.draw(st.permutations(range(x.ndim)))[:2]
    check("rot90", x, k, axes)
    check("flip", x)
    check("flip", x, axes[0])
    check("flip", x, tuple(axes))
    check("fliplr", x)
    check("flipud", x)


@few
@given(x=arrays(), shift=st.integers(-7, 7), data=st.data())
def test_roll_is_numpys(x, shift, data):
    check("roll", x, shift)
    if x.ndim:
        axis = data.draw(axes_of(x))
        check("roll", x, shift, axis)
        check("roll", x, (shift, 1), (axis, 0))
        check("roll", x, shift, (axis, 0))
        check("roll", x, np.array(shift), axis)  # the shift is traced too


# joining


@few
@given(
    shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0),
    seed=seeds,
    dtypes=st.tuples(*[st.sampled_from(DTYPES)] * 3),
    data=st.data(),
)
def test_joining_is_numpys_with_its_promotion(shape, seed, dtypes, data):
    parts = [values(seed + number, shape, dtype) for number, dtype in enumerate(dtypes)]
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    for name in ("concatenate", "concat"):
        check(name, parts, axis)
        check(name, parts, axis=None)
    check("stack", parts, data.draw(st.integers(-len(shape) - 1, len(shape))))
    check("append", parts[0], parts[1])
    check("append", parts[0], parts[1], axis)
    for name in ("vstack", "hstack", "dstack", "column_stack"):
        check(name, parts)


def test_concatenate_converts_where_numpy_would():
    x, y = values(0, (2,), np.float32), values(1, (3,))
    check("concatenate", [x, y], dtype=np.complex128)
    check("concatenate", [x, y], dtype=np.float32, gradient=False)
    check("vstack", [x, x], dtype=np.float64)
    check_same_error("concatenate", [x, y], dtype=int)
    check_same_error("concatenate", [x, np.ones((2, 2))], error=ValueError)
    check_same_error("stack", [x, y], error=ValueError)
    check_same_error("concatenate", [np.array(1.0), np.array(2.0)])


def test_a_tracer_itself_is_a_sequence_of_its_rows():
    x = values(0, (3, 2))
    check("concatenate", x)
    check("vstack", x)
    check("hstack", x)


def test_numbers_are_joined_as_arrays_of_their_own_dtype():
    x = np.ones((), np.float32)
    assert functrace.jit(lambda x: fnp.stack([x, 1.0]))(x).dtype == np.stack([x, 1.0]).dtype == np.float64
    assert functrace.jit(lambda x: fnp.hstack([x, 1]))(x).dtype == np.hstack([x, 1]).dtype == np.float64


def test_block_is_numpys():
    a, b, c = values(0, (2, 2)), values(1, (2, 3)), values(2, (1, 5))
    check("block", [[a, b], [c]])
    check("block", [a, b])
    check("block", [[a, np.zeros((2, 3))], [1.0, np.ones(4)]])
    check("block", a)
    check_same_error("block", [[a, b], c])
    check_same_error("block", [])
    check_same_error("block", [(a, b)])


# splitting


@few
@given(x=arrays(min_dims=1), sections=st.integers(1, 4), cuts=st.lists(st.integers(-4, 4), max_size=3), data=st.data())
def test_splitting_is_numpys(x, sections, cuts, data):
    axis = data.draw(axes_of(x))
    check("array_split", x, sections, axis)
    check("array_split", x, sorted(cuts), axis)
    check("split", x, sorted(cuts), axis)
    if hasattr(np, "unstack"):
        check("unstack", x, axis=axis)
    if x.shape[axis] % sections == 0:
        check("split", x, sections, axis)
    else:
        check_same_error("split", x, sections, axis)


def test_the_splits_by_name_are_numpys():
    x = values(0, (2, 4, 6))
    check("vsplit", x, 2)
    check("hsplit", x, [1, 2])
    check("dsplit", x, 3)
    check("hsplit", values(0, (4,)), 2)
    for name in ("vsplit", "dsplit"):
        check_same_error(name, np.ones(4), 2)


# repeating


@few
@given(x=arrays(), reps=st.lists(st.integers(0, 3), max_size=4))
def test_tile_is_numpys(x, reps):
    check("tile", x, tuple(reps))
    check("tile", x, 2)


@few
@given(x=arrays(), repeats=st.integers(0, 3), data=st.data())
def test_repeat_is_numpys(x, repeats, data):
    check("repeat", x, repeats)
    if x.ndim:
        axis = data.draw(axes_of(x))
        extent = x.shape[axis]
        check("repeat", x, repeats, axis)
        check("repeat", x, data.draw(st.lists(st.integers(0, 3), min_size=extent, max_size=extent)), axis)


def test_repeats_that_are_traced_are_an_error():
    with pytest.raises(TracerIntegerConversionError, match="static_argnums"):
        functrace.jit(fnp.repeat)(np.ones(2), np.array([1, 2]))


# taking out and putting in


@few
@given(x=arrays(min_dims=1), data=st.data())
def test_delete_is_numpys(x, data):
    axis = data.draw(axes_of(x))
    extent = x.shape[axis]
    places = data.draw(st.lists(st.integers(-extent, extent - 1), max_size=3)) if extent else []
    check("delete", x, places, axis)
    check("delete", x, slice(None, None, 2), axis)
    check("delete", x, data.draw(st.lists(st.booleans(), min_size=extent, max_size=extent)), axis)
    check("delete", x, [])
    if extent:
        check("delete", x, places[0] if places else 0, axis)


@few
@given(x=arrays(min_dims=1, max_dims=2), seed=seeds, data=st.data())
def test_insert_is_numpys(x, seed, data):
    axis = data.draw(axes_of(x))
    extent = x.shape[axis]
    places = data.draw(st.lists(st.integers(-extent, extent), min_size=2, max_size=3))
    shape = list(x.shape)
    del shape[axis]
    check("insert", x, places[0], values(seed, shape), axis, gradient=x.dtype == np.float64)
    check("insert", x, places[0], 1.0, axis)
    check("insert", x, places, np.ones(()), axis)
    check("insert", x, [], [1.0])
    check("insert", x, 0, values(seed, (3,)), gradient=x.dtype == np.float64)
    if x.ndim == 1:
        check("insert", x, places, values(seed, (len(places),)), gradient=x.dtype == np.float64)
        check("insert", x, places[:1], values(seed, (3,)), gradient=x.dtype == np.float64)
        check("insert", x, slice(0, 2), 5.0)


def test_insert_takes_a_mask_that_is_known():
    x, mask = np.arange(3.0), np.array([True, False, True])
    got = functrace.jit(lambda x: fnp.insert(x, mask, [5.0, 6.0]))(x)
    np.testing.assert_array_equal(got, [5.0, 0.0, 1.0, 6.0, 2.0])


def test_places_that_are_traced_are_an_error_that_says_what_to_write():
    with pytest.raises(FunctraceError, match=r"numpy\.where"):
        functrace.jit(lambda x, mask: fnp.delete(x, mask))(np.ones(2), np.array([True, False]))


def test_trim_zeros_needs_the_values():
    x = np.array([0.0, 0.0, 1.0, 0.0, 2.0, 0.0])
    for trim in ("fb", "f", "b"):
        expected = np.trim_zeros(x, trim)
        _, pullback = functrace.vjp(lambda x, trim=trim: fnp.trim_zeros(x, trim), x)
        (gradient,) = pullback(np.ones(expected.shape))
        assert gradient.sum() == expected.size
    with pytest.raises(FunctraceError, match="known while the function is traced"):
        functrace.jit(fnp.trim_zeros)(x)


# triangles


@few
@given(x=arrays(min_dims=1), k=st.integers(-4, 4))
def test_triangles_are_numpys(x, k):
    check("triu", x, k)
    check("tril", x, k)


# padding

WIDTHS = (2, (1, 3), ((0, 2), (4, 1)), ((2, 2),))
MODES = ("edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum", "minimum", "mean", "median")


@few
@given(seed=seeds, mode=st.sampled_from(MODES), width=st.sampled_from(WIDTHS), dtype=st.sampled_from(DTYPES[:-1]))
def test_pad_is_numpys_in_every_mode(seed, mode, width, dtype):
    if np.dtype(dtype).kind == "c" and mode in ("maximum", "minimum", "median"):
        return
    check("pad", values(seed, (3, 2), dtype), width, mode)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("constant", {"constant_values": 3.0}),
        ("constant", {"constant_values": ((1.0, 2.0), (3.0, 4.0))}),
        ("linear_ramp", {"end_values": (1.0, -2.0)}),
        ("maximum", {"stat_length": 2}),
        ("minimum", {"stat_length": ((1, 2), (3, 1))}),
        ("mean", {"stat_length": 2}),
        ("median", {"stat_length": 2}),
        ("reflect", {"reflect_type": "odd"}),
        ("symmetric", {"reflect_type": "odd"}),
    ],
)
def test_pad_takes_the_keywords_of_its_modes(mode, options):
    for dtype in (np.float64, np.int64):
        check("pad", values(5, (3, 4), dtype), ((2, 7), (1, 9)), mode, **options)


def test_pad_of_one_element_and_of_none_is_numpys():
    check("pad", values(0, (1, 3)), 2, "reflect")
    check("pad", np.ones((0, 2)), ((1, 1), (0, 0)), constant_values=2.0)
    check("pad", np.ones((0, 2)), ((0, 0), (1, 1)), "edge")
    check("pad", np.ones((2, 2)), 0)


def test_pad_takes_widths_by_axis():
    x = np.ones((2, 2))
    got = functrace.jit(lambda x: fnp.pad(x, {1: (1, 2), -2: 1}))(x)
    np.testing.assert_array_equal(got, np.pad(x, ((1, 1), (1, 2))))


def test_the_values_to_pad_with_may_be_traced():
    def padded(x, low, high):
        return fnp.pad(x, 1, constant_values=[(low, high)])

    x = np.ones(2)
    np.testing.assert_array_equal(functrace.jit(padded)(x, 2.0, 3.0), [2.0, 1.0, 1.0, 3.0])
    _, pullback = functrace.vjp(padded, x, 2.0, 3.0)
    gradients = pullback(np.array([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_array_equal(gradients[0], [2.0, 3.0])
    assert gradients[1:] == (1.0, 4.0)


def test_pad_refuses_what_numpy_refuses_and_a_function():
    x = np.ones((2, 2))
    check_same_error("pad", x, -1)
    check_same_error("pad", x, 1.5)
    check_same_error("pad", x, 1, "no such mode")
    check_same_error("pad", x, 1, "edge", constant_values=1)
    check_same_error("pad", np.ones((0, 2)), 1, "edge")
    with pytest.raises(ArgumentError, match="in place"):
        functrace.jit(lambda x: fnp.pad(x, 1, lambda *_: None))(x)


# functions of parts


def test_apply_along_axis_and_apply_over_axes_are_numpys():
    x = values(0, (2, 3, 2))
    for axis in (0, 1, -1):
        check("apply_along_axis", np.sum, axis, x)
        check("apply_along_axis", np.cumsum, axis, x)
        check("apply_along_axis", lambda line: np.multiply.outer(line, line), axis, x)
    check("apply_over_axes", np.sum, x, (0, 2))
    check("apply_over_axes", np.cumsum, x, 1)
