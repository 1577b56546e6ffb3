"""Shapes, dtypes and promotion, asked of NumPy."""

from __future__ import annotations

import enum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace.core.aval import (
    Aval,
    ShapeDtypeStruct,
    aval_of,
    broadcast_shapes,
    canonical_dtype,
    canonical_shape,
    float0,
    result_dtype,
    short_dtype,
    ufunc_dtype,
)
from functrace.errors import DtypeError, ShapeError

DTYPES = [np.dtype(name) for name in ("?", "b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d", "F", "D")]
PYTHON = [(True, "?"), (7, "l"), (1.5, "d"), (2j, "D")]
dtypes = st.sampled_from(DTYPES)


class Colour(enum.IntEnum):
    RED = 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_an_array_has_the_aval_that_numpy_says(dtype, shape):
    aval = aval_of(np.ones(shape, dtype))
    assert (aval.shape, aval.dtype, aval.weak_type) == (shape, dtype, False)
    assert (aval.ndim, aval.size, aval.nbytes) == (len(shape), np.ones(shape).size, np.ones(shape, dtype).nbytes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_numpy_scalar_is_strong(dtype):
    assert aval_of(dtype.type(1)) == Aval((), dtype)


@pytest.mark.parametrize(("value", "code"), PYTHON)
def test_a_python_scalar_is_weak_and_has_numpys_default_dtype(value, code):
    assert aval_of(value) == Aval((), np.dtype(code), weak_type=True)


def test_subclasses_of_python_scalars_are_what_they_derive_from():
    class Metres(float):
        pass

    assert aval_of(Colour.RED) == aval_of(2)
    assert aval_of(Metres(1.5)) == aval_of(1.5)


def test_the_aval_of_a_byte_swapped_array_is_native():
    swapped = np.arange(3.0).astype(">f8" if np.little_endian else "<f8")
    assert aval_of(swapped) == aval_of(np.arange(3.0))


@pytest.mark.parametrize(
    "value",
    ["text", None, object(), np.array(["a"]), np.array([object()]), np.datetime64("2020-01-01"), [1.0], b"", {}],
)
def test_what_is_no_array_of_numbers_has_no_aval(value):
    with pytest.raises(DtypeError, match=r"expected an array .*, got"):
        aval_of(value)


def test_avals_are_equal_and_hash_alike_where_shape_dtype_and_weakness_are():
    assert Aval((2,), np.dtype("f4")) == Aval((2,), np.dtype(np.float32))
    assert hash(Aval((2,), np.dtype("f4"))) == hash(Aval((2,), np.dtype(np.float32)))
    assert Aval((), np.dtype("f8")) != Aval((), np.dtype("f8"), weak_type=True)
    assert Aval((), np.dtype("f8")) != Aval((1,), np.dtype("f8"))
    assert Aval((), np.dtype("f8")) != "f64[]"
    assert Aval((), np.dtype("f8"), weak_type=True).strong() == Aval((), np.dtype("f8"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((3, 4), np.float32), "f32[3,4]"),
        (2.0, "~f64[]"),
        (np.True_, "bool[]"),
        (np.zeros(2, np.uint8), "u8[2]"),
        (np.zeros(0, np.complex64), "c64[0]"),
        (3, "~i64[]"),
    ],
)
def test_an_aval_prints_as_jax_prints_it(value, text):
    assert str(aval_of(value)) == text


def test_float0_is_named():
    assert short_dtype(float0) == "float0"
    assert functrace.float0 is float0


# ---------------------------------------------------------------------------------------------------------------------
# promotion
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.lists(dtypes | st.sampled_from([value for value, _ in PYTHON]), min_size=1, max_size=3))
def test_result_dtype_is_that_of_numpy(operands):
    values = [np.ones(2, x) if isinstance(x, np.dtype) else x for x in operands]
    assert result_dtype(*values) == np.result_type(*values)


UFUNCS = [np.add, np.multiply, np.divide, np.power, np.arctan2, np.maximum, np.less, np.floor_divide, np.logaddexp]


@settings(max_examples=300, deadline=None)
@given(
    ufunc=st.sampled_from([*UFUNCS, np.bitwise_and, np.left_shift, np.heaviside, np.gcd, np.subtract]),
    x=dtypes | st.sampled_from([value for value, _ in PYTHON]),
    y=dtypes | st.sampled_from([value for value, _ in PYTHON]),
)
def test_ufunc_dtype_is_that_of_the_ufuncs_result(ufunc, x, y):
    values = [np.ones(1, v) if isinstance(v, np.dtype) else v for v in (x, y)]
    avals = [aval_of(value) for value in values]
    operands = tuple((aval.dtype, aval.weak_type) for aval in avals)
    try:
        expected = ufunc(*values).dtype
    except (TypeError, OverflowError):
        with pytest.raises(DtypeError, match=f"{ufunc.__name__} is not defined for operands of dtype"):
            ufunc_dtype(ufunc, operands)
        return
    assert ufunc_dtype(ufunc, operands)[0] == expected


# ---------------------------------------------------------------------------------------------------------------------
# shapes
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3, min_side=0))
def test_broadcast_shapes_is_numpys(shapes):
    assert broadcast_shapes(*shapes.input_shapes) == np.broadcast_shapes(*shapes.input_shapes)


def test_shapes_that_do_not_broadcast_are_an_error_that_lists_them():
    with pytest.raises(ShapeError, match=r"could not be broadcast together with shapes \(2,\) \(3,\)"):
        broadcast_shapes((2,), (3,))


@pytest.mark.parametrize(
    ("given_shape", "expected"),
    [
        (3, (3,)),
        ((2, 3), (2, 3)),
        ([2], (2,)),
        (np.int32(4), (4,)),
        ((np.int64(2),), (2,)),
        ((), ()),
        (np.array([2, 3]), (2, 3)),
    ],
)
def test_a_shape_becomes_a_tuple_of_python_ints(given_shape, expected):
    shape = canonical_shape(given_shape)
    assert shape == expected
    assert all(type(extent) is int for extent in shape)


@pytest.mark.parametrize("shape", ["ab", 1.5, (1.5,), (None,), object()])
def test_what_is_no_shape_is_named_in_the_error(shape):
    with pytest.raises(DtypeError, match="expected a shape"):
        canonical_shape(shape)


def test_a_negative_extent_is_an_error():
    with pytest.raises(ShapeError, match="negative dimensions are not allowed"):
        canonical_shape((2, -1))


@pytest.mark.parametrize("dtype", ["float32", np.int8, float, bool, np.dtype("c8"), ">f8"])
def test_a_dtype_becomes_native(dtype):
    assert canonical_dtype(dtype) == np.dtype(dtype).newbyteorder("=")
    assert canonical_dtype(dtype).isnative


@pytest.mark.parametrize("dtype", ["no dtype", "U3", object, "M8[s]"])
def test_what_is_no_numeric_dtype_is_an_error(dtype):
    with pytest.raises(DtypeError):
        canonical_dtype(dtype)


def test_shape_dtype_struct_says_what_it_is():
    struct = ShapeDtypeStruct((2, 3), "f4")
    assert (struct.shape, struct.dtype, struct.ndim, struct.size, len(struct)) == ((2, 3), np.float32, 2, 6, 2)
    assert struct == ShapeDtypeStruct([2, 3], np.float32)
    assert struct != ShapeDtypeStruct((2, 3), "f8")
    assert hash(struct) == hash(ShapeDtypeStruct((2, 3), np.float32))
    assert aval_of(struct) == Aval((2, 3), np.dtype("f4"))
    with pytest.raises(TypeError, match="unsized"):
        len(ShapeDtypeStruct((), float))
