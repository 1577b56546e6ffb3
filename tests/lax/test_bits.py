from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace as ft
from functrace import lax
from functrace.errors import DtypeError, OptionError, ShapeError

INTEGERS = [np.dtype(kind + size) for kind in "iu" for size in "1248"]


def integers(dtype):
    return hnp.arrays(dtype, st.integers(0, 4))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(INTEGERS).flatmap(lambda dtype: st.tuples(integers(dtype), st.integers(0, 70))))
def test_bits_of_integers_are_those_of_pythons(case):
    x, shift = case
    bits = 8 * x.itemsize
    unsigned = [int(value) % (1 << bits) for value in x]
    counted = lax.population_count(x), lax.clz(x)
    assert [out.dtype for out in counted] == [x.dtype] * 2
    assert counted[0].tolist() == [value.bit_count() for value in unsigned]
    assert counted[1].tolist() == [bits - value.bit_length() for value in unsigned]
    shifted = lax.shift_right_logical(x, x.dtype.type(shift))
    assert shifted.dtype == x.dtype and [int(v) % (1 << bits) for v in shifted] == [v >> shift for v in unsigned]
    upper = lax.mulhi(x, x[::-1])
    assert upper.dtype == x.dtype
    assert upper.tolist() == [(int(a) * int(b)) >> bits for a, b in zip(x, x[::-1], strict=True)]


def test_bit_operations_are_compiled_and_batched():
    x = np.array([[1, -7, 0], [127, -128, 3]], np.int8)

    def all_of_them(x):
        return lax.clz(x), lax.population_count(x), lax.shift_right_logical(x, np.int8(2)), lax.mulhi(x, x)

    expected = all_of_them(x)
    for transformed in (ft.jit(all_of_them), ft.vmap(all_of_them), ft.jit(ft.vmap(all_of_them))):
        for got, wanted in zip(transformed(x), expected, strict=True):
            assert got.dtype == np.int8
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("old", "new"), [("f4", "u4"), ("f8", "u4"), ("u2", "i1"), ("c16", "f8"), ("i1", "i4"), ("u4", "f8")]
)
def test_bits_read_as_another_dtype_are_those_of_a_view(old, new):
    old, new = np.dtype(old), np.dtype(new)
    parts = (new.itemsize // old.itemsize,) if new.itemsize > old.itemsize else ()
    x = np.random.default_rng(0).integers(0, 100, (3, 2, *parts)).astype(old)
    out = lax.bitcast_convert_type(x, new)
    expected = x.view(new).reshape(out.shape)
    for got in (out, ft.jit(lambda x: lax.bitcast_convert_type(x, new))(x)):
        assert got.dtype == new and got.flags.writeable and not np.shares_memory(got, x)
        np.testing.assert_array_equal(got, expected)
    batched = ft.vmap(lambda x: lax.bitcast_convert_type(x, new), in_axes=1)(x)
    np.testing.assert_array_equal(batched, np.swapaxes(expected, 0, 1))
    np.testing.assert_array_equal(lax.bitcast_convert_type(out, old), x)


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.float32, 5, elements=st.floats(width=32)))
def test_the_precision_of_float16_is_that_of_float16(x):
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).astype(np.float32)
    expected = np.where(np.abs(x) < 2.0**-14 * (1 - 2.0**-12), np.copysign(np.float32(0), x), expected)
    out = lax.reduce_precision(x, 5, 10)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(np.signbit(out), np.signbit(expected))
    np.testing.assert_array_equal(lax.reduce_precision(x, 8, 23), x)


def test_precision_is_reduced_of_tangents_too():
    x, t = np.array([1.0, np.pi]), np.array([1 / 3, 1.0])
    out, tangent = ft.jvp(lambda x: lax.reduce_precision(x, 8, 7), (x,), (t,))
    np.testing.assert_array_equal(out, [1, 3.140625])
    np.testing.assert_array_equal(tangent, [0.333984375, 1])
    np.testing.assert_array_equal(ft.grad(lambda x: lax.reduce_precision(x, 8, 7).sum())(x), [1, 1])
    np.testing.assert_array_equal(ft.jit(ft.vmap(lambda x: lax.reduce_precision(x, 8, 7)))(x), out)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lax.clz(np.ones(2)), DtypeError, "integers"),
        (lambda: lax.shift_right_logical(np.int8(1), 2.0), DtypeError, "integers"),
        (lambda: lax.bitcast_convert_type(np.ones(2, bool), np.int8), DtypeError, "booleans"),
        (lambda: lax.bitcast_convert_type(np.ones(3, np.int8), np.int16), ShapeError, "2 parts"),
        (lambda: lax.reduce_precision(np.ones(2, int), 5, 10), DtypeError, "real floats"),
        (lambda: lax.reduce_precision(np.ones(2), 0, 10), OptionError, "exponent_bits"),
    ],
)
def test_an_error_says_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()
