"""Rearrangements of elements, their sums, and arrays made out of nothing, against NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace.core.aval import aval_of
from functrace.errors import DtypeError, OptionError, ShapeError
from functrace.lax import creation
from functrace.lax import shape as lax
from functrace.lax.elementwise import mul
from tests.lax.rules import check_rules, distinct_values, jvp_of, vjp_of

DTYPES = (np.float64, np.float32, np.complex128, np.int32, np.uint8, np.bool_)
small = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
numbers = st.integers(0, 2**32 - 1)


@st.composite
def arrays(draw, shapes=small, dtypes=DTYPES):
    """An array (a scalar where the shape is ()), with contiguous, reversed or strided memory."""
    shape = draw(shapes)
    x = distinct_values(np.random.default_rng(draw(numbers)), shape, draw(st.sampled_from(dtypes)))
    layout = draw(st.sampled_from(("C", "F", "reversed", "strided", "read-only")))
    if layout == "F" and x.ndim:
        x = np.asfortranarray(x)
    elif layout == "reversed":
        x = x[..., ::-1] if x.ndim else x
    elif layout == "strided" and x.ndim:
        x = np.repeat(x, 2, axis=0)[::2]
    elif layout == "read-only":
        x.flags.writeable = False
    return x if shape else x[()]


# ---------------------------------------------------------------------------------------------------------------------
# reshape, squeeze, expand_dims, transpose, reverse
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(x=arrays(), data=st.data())
def test_reshape_is_numpys(x, data):
    sizes = list(data.draw(st.permutations([*np.shape(x), 1])))
    if data.draw(st.booleans()) and np.size(x):
        sizes[data.draw(st.integers(0, len(sizes) - 1))] = -1
    check_rules(lambda x: lax.reshape(x, sizes), x, expected=np.reshape(x, sizes))


@pytest.mark.parametrize("sizes", [(5,), (-1, -1), (2, -1, 4), (0, -1), (7, -1)])
def test_reshape_to_another_size_is_an_error(sizes):
    with pytest.raises(ValueError, match=r"cannot reshape array of size 6 into shape"):
        lax.reshape(np.arange(6), sizes)
    with pytest.raises(ShapeError, match=r"cannot reshape array of size 6 into shape"):
        functrace.make_jaxpr(lambda x: lax.reshape(x, sizes))(np.arange(6))


@settings(max_examples=40, deadline=None)
@given(x=arrays(hnp.array_shapes(min_dims=1, max_dims=3, max_side=3)), data=st.data())
def test_expand_dims_and_squeeze_are_numpys_and_each_others_inverse(x, data):
    axis = data.draw(st.integers(-x.ndim - 1, x.ndim))
    check_rules(lambda x: lax.expand_dims(x, (axis,)), x, expected=np.expand_dims(x, axis))
    check_rules(lambda x: lax.squeeze(lax.expand_dims(x, (axis,)), (axis,)), x, expected=x)


def test_squeeze_of_a_longer_axis_is_an_error():
    with pytest.raises(ValueError, match="size not equal to one"):
        lax.squeeze(np.ones((1, 2)), (1,))


@settings(max_examples=60, deadline=None)
@given(x=arrays(), data=st.data())
def test_transpose_is_numpys(x, data):
    permutation = data.draw(st.permutations(range(np.ndim(x))))
    check_rules(lambda x: lax.transpose(x, permutation), x, expected=np.transpose(x, permutation))


@pytest.mark.parametrize("permutation", [(0,), (0, 0), (1, 2), (0, 1, 2)])
def test_transpose_asks_for_a_permutation_of_all_axes(permutation):
    with pytest.raises(OptionError, match="permutation of the 2 axes"):
        lax.transpose(np.ones((2, 3)), permutation)


@settings(max_examples=60, deadline=None)
@given(x=arrays(), data=st.data())
def test_rev_is_numpys_flip(x, data):
    axes = tuple(data.draw(st.sets(st.integers(0, np.ndim(x) - 1)))) if np.ndim(x) else ()
    check_rules(lambda x: lax.rev(x, axes), x, expected=np.flip(x, axes) if axes else x)


@pytest.mark.parametrize("axis", [2, -3])
def test_an_axis_out_of_bounds_is_numpys_axis_error(axis):
    x = np.ones((2, 3))
    for function in (lambda x: lax.rev(x, (axis,)), lambda x: lax.squeeze(x, (axis,))):
        with pytest.raises(np.exceptions.AxisError):
            function(x)
        with pytest.raises(np.exceptions.AxisError):
            functrace.make_jaxpr(function)(x)


# ---------------------------------------------------------------------------------------------------------------------
# broadcast and its transpose, the sum
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data(), shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
def test_broadcast_to_is_numpys(data, shapes):
    x = data.draw(arrays(st.just(shapes.input_shapes[0])))
    shape = shapes.result_shape
    check_rules(lambda x: lax.broadcast_to(x, shape), x, expected=np.broadcast_to(x, shape)[()])


@settings(max_examples=60, deadline=None)
@given(x=arrays(), data=st.data())
def test_broadcast_in_dim_puts_axis_i_where_it_is_told(x, data):
    ndim = np.ndim(x)
    lead = data.draw(st.integers(0, 2))
    axes = sorted(data.draw(st.permutations(range(ndim + lead)))[:ndim])
    shape = [data.draw(st.integers(0, 3)) for _ in range(ndim + lead)]
    expanded = [1] * (ndim + lead)
    for axis, extent in zip(axes, np.shape(x), strict=True):
        expanded[axis] = extent
        shape[axis] = data.draw(st.integers(0, 3)) if extent == 1 else extent
    expected = np.broadcast_to(np.reshape(x, expanded), shape)[()]
    check_rules(lambda x: lax.broadcast_in_dim(x, shape, axes), x, expected=expected)


@pytest.mark.parametrize("shape", [(2, 2), (3, 1), (), (3,), (2,)])
def test_broadcast_to_a_shape_that_does_not_fit_is_an_error(shape):
    if shape == (3,):
        return
    with pytest.raises(ShapeError, match=r"cannot broadcast shape \(3,\)"):
        lax.broadcast_to(np.ones(3), shape)
    with pytest.raises(ShapeError, match="cannot broadcast"):
        functrace.make_jaxpr(lambda x: lax.broadcast_in_dim(x, shape, tuple(range(len(shape)))[-1:]))(np.ones(3))


def test_large_broadcasts_of_each_layout_agree_with_numpy():
    for x in (np.ones((1, 70)), np.ones((70, 1)), np.arange(140.0)[::2], np.float32(3), np.arange(70.0).reshape(1, 70)):
        shape = (100, *np.broadcast_shapes(np.shape(x), (1, 70)))
        got = lax.broadcast_to(x, shape)
        np.testing.assert_array_equal(got, np.broadcast_to(x, shape))
        assert got.dtype == x.dtype


@settings(max_examples=80, deadline=None)
@given(x=arrays(), data=st.data(), keepdims=st.booleans())
def test_reduce_sum_is_numpys(x, data, keepdims):
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, np.ndim(x) - 1))))) if np.ndim(x) else ()
    expected = np.sum(x, axis=axes, keepdims=keepdims) if axes else x
    check_rules(lambda x: lax.reduce_sum(x, axes, keepdims), x, expected=expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
@pytest.mark.parametrize("axis", [0, 1])
def test_sums_of_matrices_of_each_layout_agree_with_numpy(dtype, layout, axis):
    x = np.random.default_rng(0).normal(size=(70, 90)).astype(dtype)
    x = {"C": x, "F": np.asfortranarray(x), "strided": x[::2, ::3]}[layout]
    for keepdims in (False, True):
        got = lax.reduce_sum(x, (axis,), keepdims)
        expected = x.sum(axis, keepdims=keepdims)
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got, expected, rtol=2e-2 if dtype is np.float16 else 1e-4)


def test_a_sum_with_infinities_and_nan_is_numpys():
    x = np.array([[np.inf, 1.0], [np.nan, 2.0], [-np.inf, -np.inf], [np.inf, -np.inf]])
    for axis in (0, 1):
        np.testing.assert_array_equal(lax.reduce_sum(x, (axis,)), x.sum(axis))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
def test_unbroadcast_is_the_transpose_of_broadcast(data, shapes):
    x = distinct_values(np.random.default_rng(1), shapes.input_shapes[0], np.float64)
    ct = distinct_values(np.random.default_rng(2), shapes.result_shape, np.float64)
    got = lax.unbroadcast(ct, x)
    lead = ct.ndim - x.ndim
    axes = tuple(axis for axis in range(ct.ndim) if axis < lead or x.shape[axis - lead] != ct.shape[axis])
    expected = ct.sum(axes, keepdims=True).reshape(x.shape) if axes else ct
    np.testing.assert_allclose(got, expected)
    assert np.shape(got) == x.shape


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_unbroadcast_gives_the_dtype_of_the_operand(dtype):
    x = np.ones((1, 3), dtype)
    got = lax.unbroadcast(np.ones((2, 3), np.complex128), x)
    assert (got.dtype, got.shape) == (dtype, (1, 3))


# ---------------------------------------------------------------------------------------------------------------------
# concatenate and pad
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data(), shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
def test_concatenate_is_numpys(data, shape):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for _ in range(data.draw(st.integers(1, 3))):
        extents = list(shape)
        extents[axis] = data.draw(st.integers(0, 3))
        parts.append(data.draw(arrays(st.just(tuple(extents)))))
    check_rules(lambda *xs: lax.concatenate(xs, axis), *parts, expected=np.concatenate(parts, axis), order=1)


def test_an_array_concatenated_with_itself_gets_both_cotangents():
    x = np.array([1.0, 2.0])
    _, pullback = functrace.vjp(lambda x: lax.concatenate([x, x, np.zeros(1)], 0), x)
    np.testing.assert_array_equal(pullback(np.arange(5.0))[0], [0.0 + 2, 1.0 + 3])


def test_concatenate_refuses_shapes_that_do_not_fit():
    for operands in ([np.ones((2, 3)), np.ones((2, 4))], [np.ones((2, 3)), np.ones(3)]):
        with pytest.raises((ShapeError, ValueError)):
            lax.concatenate(operands, 0)
        with pytest.raises(ShapeError, match="agree in every other axis"):
            functrace.make_jaxpr(lambda *xs: lax.concatenate(xs, 0))(*operands)
    with pytest.raises(ValueError, match="at least one"):
        lax.concatenate([], 0)
    with pytest.raises(ValueError, match="zero-dimensional"):
        lax.concatenate([1.0, 2.0], 0)


def padded(x, value, config):
    """By hand: interior first, then the margins, then the cuts."""
    for axis, (low, high, interior) in enumerate(config):
        x = np.moveaxis(x, axis, 0)
        spread = np.full(((len(x) - 1) * (interior + 1) + 1 if len(x) else 0, *x.shape[1:]), value, x.dtype)
        spread[:: interior + 1] = x
        margins = [np.full((max(extent, 0), *x.shape[1:]), value, x.dtype) for extent in (low, high)]
        x = np.concatenate([margins[0], spread, margins[1]])
        x = x[max(-low, 0) : len(x) - max(-high, 0)]
        x = np.moveaxis(x, 0, axis)
    return x


@settings(max_examples=120, deadline=None)
@given(x=arrays(dtypes=(np.float64, np.float32, np.int32, np.complex128)), data=st.data())
def test_pad_with_margins_cuts_and_interior(x, data):
    config = []
    for extent in np.shape(x):
        interior = data.draw(st.integers(0, 2))
        total = extent + max(extent - 1, 0) * interior
        low = data.draw(st.integers(-total, 3))
        config.append((low, data.draw(st.integers(-(total + min(low, 0)), 3)), interior))
    value = np.asarray(x).dtype.type(7)
    expected = padded(np.asarray(x), value, config)[()]
    check_rules(lambda x, value: lax.pad(x, value, config), x, value, expected=expected, order=1)


def test_pad_has_second_derivatives():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    check_rules(lambda x: mul(lax.pad(x, 1.0, [(1, -1, 1), (0, 2, 0)]), lax.pad(x, 2.0, [(1, -1, 1), (0, 2, 0)])), x)


def test_pad_with_a_weak_value_keeps_the_dtype_of_the_operand():
    got = lax.pad(np.float32([1, 2]), 0.5, [(1, 0, 0)])
    assert got.dtype == np.float32
    assert functrace.jit(lambda x: lax.pad(x, 0.5, [(1, 0, 0)]))(np.float32([1, 2])).dtype == np.float32


def test_pad_refuses_what_has_no_meaning():
    with pytest.raises(OptionError, match="each of 1 axes"):
        lax.pad(np.ones(3), 0.0, [(0, 0, 0), (0, 0, 0)])
    with pytest.raises(OptionError, match="interior padding cannot be negative"):
        lax.pad(np.ones(3), 0.0, [(0, 0, -1)])
    with pytest.raises(ShapeError, match="negative extent"):
        lax.pad(np.ones(3), 0.0, [(-2, -2, 0)])


# ---------------------------------------------------------------------------------------------------------------------
# dtype
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [*DTYPES, np.float16, np.int8, np.int64, np.complex64])
@pytest.mark.parametrize("target", [*DTYPES, np.float16, np.int8, np.int64, np.complex64])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_convert_element_type_is_numpys_astype_and_takes_real_parts(source, target, shape):
    x = np.asarray(distinct_values(np.random.default_rng(0), shape, source))
    if np.dtype(target).kind == "u":
        x = abs(x)
    real = x.real if x.dtype.kind == "c" and np.dtype(target).kind not in "cb" else x
    expected = real.astype(target)[()]
    smooth = {source, target} <= {np.float64, np.complex128}
    check_rules(lambda x: lax.convert_element_type(x, target), x[()], expected=expected, order=2 if smooth else 0)


def test_converting_to_integers_stops_the_derivative():
    def function(x):
        return x * x + lax.convert_element_type(lax.convert_element_type(x, int), float) * x

    assert functrace.grad(function)(2.5) == 2 * 2.5 + 2
    assert functrace.jvp(function, (2.5,), (1.0,))[1] == 2 * 2.5 + 2
    assert functrace.jit(functrace.grad(function))(2.5) == 2 * 2.5 + 2


@pytest.mark.parametrize("target", [np.float16, np.float32, np.complex64])
def test_tangents_are_converted_with_the_value_and_cotangents_back(target):
    x, t = np.array([0.1, 2.0]), np.array([0.3, -1.0])
    _, tangents = jvp_of(lambda x: lax.convert_element_type(x, target), [x], [t])
    np.testing.assert_array_equal(tangents[0], t.astype(target), strict=True)
    cotangents = vjp_of(lambda x: lax.convert_element_type(x, target), [x], [t.astype(target)])
    np.testing.assert_array_equal(cotangents[0], t.astype(target).real.astype(float), strict=True)


def test_converting_to_its_own_dtype_changes_nothing_but_makes_a_weak_dtype_strong():
    x = np.ones(2)
    assert lax.convert_element_type(x, float) is x
    assert aval_of(lax.convert_element_type(2.0, float)).weak_type is False


@pytest.mark.parametrize("value", [300, -1, 2.75, True, 1e300])
@pytest.mark.parametrize("target", [np.int8, np.uint8, np.float32, np.bool_, np.int64])
def test_a_python_scalar_converts_the_same_eager_and_compiled(value, target):
    if value == 1e300 and np.dtype(target).kind in "iu":
        return  # not defined
    with np.errstate(all="ignore"):
        eager = lax.convert_element_type(value, target)
        expected = np.asarray(value).astype(target)[()]
        assert (eager, eager.dtype) == (expected, expected.dtype)
        compiled = functrace.jit(lambda x: lax.convert_element_type(x, target))(value)
        assert (compiled, compiled.dtype) == (expected, expected.dtype)


# ---------------------------------------------------------------------------------------------------------------------
# arrays made out of nothing
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3), 4])
@pytest.mark.parametrize(
    ("value", "dtype"), [(1.5, None), (2, np.float32), (True, None), (1j, None), (np.int8(3), None)]
)
def test_full_is_numpys_eager_and_recorded(shape, value, dtype):
    expected = np.full(shape, value, dtype)
    for got in (creation.full(shape, value, dtype), functrace.jit(lambda: creation.full(shape, value, dtype))()):
        assert (np.shape(got), got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_array_equal(got, expected)


def test_full_of_a_traced_value_carries_its_derivative():
    assert functrace.grad(lambda x: lax.reduce_sum(creation.full((2, 3), x), (0, 1)))(2.0) == 6.0


def test_full_like_takes_shape_and_dtype_from_its_example():
    got = creation.full_like(np.ones((2, 1), np.float32), 3)
    assert (got.shape, got.dtype) == ((2, 1), np.float32)
    assert creation.full_like(np.ones(3), 1, dtype=int, shape=(2,)).dtype == int


def test_full_refuses_an_array_to_fill_with():
    with pytest.raises(ShapeError, match="a scalar to fill with"):
        creation.full((2,), np.ones(2))
    with pytest.raises(ShapeError, match="negative"):
        creation.full((-1,), 0.0)
    with pytest.raises(DtypeError, match="expected a shape"):
        creation.full("ab", 0.0)


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64, np.uint8, np.complex64])
def test_iota_counts_along_one_axis(dtype):
    check_rules(lambda: creation.iota(dtype, 4), expected=np.arange(4, dtype=dtype), batch=False)
    for axis in range(3):
        expected = np.indices((2, 3, 4))[axis].astype(dtype)
        check_rules(partial(creation.broadcasted_iota, dtype, (2, 3, 4), axis), expected=expected, batch=False)
    assert creation.iota(dtype, 0).shape == (0,)


def test_arrays_made_inside_jit_are_recorded_and_not_baked_in():
    closed = functrace.make_jaxpr(lambda x: x + creation.full((1000,), 1.0) + creation.iota(float, 1000))(1.0)
    assert closed.consts == ()


# ---------------------------------------------------------------------------------------------------------------------
# in single precision, and types of tangents
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: lax.reshape(x, (3, 2)),
        lambda x: lax.transpose(x, (1, 0)),
        lambda x: lax.rev(x, (0,)),
        lambda x: lax.broadcast_to(x, (4, 2, 3)),
        lambda x: lax.reduce_sum(x, (0,)),
        lambda x: lax.concatenate([x, x], 1),
        lambda x: lax.pad(x, np.float32(0), [(1, 1, 1), (0, -1, 0)]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
def test_tangents_and_cotangents_keep_narrow_dtypes(function, dtype):
    x = np.ones((2, 3), dtype)
    out = function(x)
    assert jvp_of(function, [x], [np.ones_like(x)])[1][0].dtype == out.dtype == dtype
    assert vjp_of(function, [x], [np.ones_like(out)])[0].dtype == dtype
