"""What may be an argument of a jitted function, in which order, and that it gets what NumPy gives."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace.numpy as fnp
from functrace import jit, tree
from functrace.errors import ArgumentError


class Subclass(np.ndarray):
    pass


def read_only(x):
    x.flags.writeable = False
    return x


R = np.arange(12.0)
ARRAYS = {
    "a vector": lambda: R.copy(),
    "every third": lambda: R[::3],
    "reversed": lambda: R[::-1],
    "transposed": lambda: R.reshape(3, 4).T,
    "in columns order": lambda: np.asfortranarray(R.reshape(3, 4)),
    "a part of a matrix": lambda: R.reshape(3, 4)[1:, ::2],
    "repeated": lambda: np.broadcast_to(2.5, (3, 4)),
    "read-only": lambda: read_only(R.copy()),
    "big-endian": lambda: R.astype(">f8"),
    "big-endian integers": lambda: np.arange(5).astype(">i4"),
    "big-endian without axes": lambda: np.array(2.0, ">f8"),
    "empty": lambda: np.zeros((0, 3)),
    "without axes": lambda: np.array(2.5),
    "an integer without axes": lambda: np.array(3),
    "float32": lambda: np.ones(3, np.float32),
    "float16": lambda: np.ones(3, np.float16),
    "uint8": lambda: np.arange(250, 256).astype(np.uint8),
    "booleans": lambda: np.array([True, False]),
    "complex": lambda: np.array([1 + 2j, -3j]),
    "of another name for its dtype": lambda: np.ones(3, np.longlong),
    "unaligned": lambda: np.frombuffer(b"\0" + np.arange(4.0).tobytes(), np.uint8)[1:].view(float),
    "an extended float": lambda: np.ones(2, np.longdouble),
    "a float64": lambda: np.float64(2.5),
    "a float32": lambda: np.float32(2.5),
    "an int8": lambda: np.int8(100),
    "a bool_": lambda: np.True_,
    "a complex64": lambda: np.complex64(1 + 2j),
}
NUMBERS = {"a float": 2.5, "an int": 3, "True": True, "a complex": 1 + 2j, "an infinity": np.inf, "minus zero": -0.0}
EXPRESSIONS = {
    "itself": lambda x: x,
    "sum with a number": lambda x: x + 1,
    "product with a float": lambda x: x * 2.5,
    "product with a float32": lambda x: x * np.float32(2),
    "square": lambda x: x * x,
    "sine": lambda x: np.sin(x),
    "quotient": lambda x: x / 3,
    "comparison": lambda x: x == 2.5,
    "total": lambda x: np.sum(x),
    "transpose": lambda x: np.transpose(x),
    "sorted copy": lambda x: np.sort(x) if np.ndim(x) else x,
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_gets_what_numpy_gives(kind, expression):
    function = EXPRESSIONS[expression]
    jitted = jit(function)
    for _ in range(3):
        x = ARRAYS[kind]()
        before = np.array(x)
        expected, got = function(x), jitted(x)
        assert_same(got, expected)
        assert type(got) is type(expected)
        np.testing.assert_array_equal(x, before)
        if isinstance(got, np.ndarray):
            assert got.flags.writeable
            assert not np.shares_memory(got, x)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("kind", NUMBERS)
def test_a_python_number_gets_a_scalar_of_the_dtype_that_python_gives(kind, expression):
    function, x = EXPRESSIONS[expression], NUMBERS[kind]
    jitted = jit(function)
    for _ in range(3):
        got = jitted(x)
        assert_same(got, function(x))
        assert np.ndim(got) == 0


def assert_same(got, expected):
    assert np.shape(got) == np.shape(expected)
    assert np.asarray(got).dtype == np.asarray(expected).dtype.newbyteorder("=")
    np.testing.assert_array_equal(got, expected)


def test_a_subclass_goes_in_as_the_array_that_it_is_and_a_plain_array_comes_out():
    jitted = jit(lambda x: (x + 1, x, np.sum(x)))
    for x in (R.view(Subclass), R.reshape(3, 4).view(Subclass), np.array(2.0).view(Subclass)):
        for _ in range(2):
            results = jitted(x)
            plain = np.asarray(x)
            for got, expected in zip(results, (plain + 1, plain, np.sum(plain)), strict=True):
                assert type(got) in (np.ndarray, np.float64)
                assert_same(got, expected)
                assert not np.shares_memory(got, x)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_a_memory_mapped_array_is_read_and_not_written(tmp_path, mode):
    R.tofile(tmp_path / "data")
    x = np.memmap(tmp_path / "data", float, mode)
    jitted = jit(lambda x: (x * 2.0, x))
    for _ in range(2):
        doubled, same = jitted(x)
        assert type(doubled) is type(same) is np.ndarray
        np.testing.assert_array_equal(doubled, 2 * R)
        same[:] = 0
    np.testing.assert_array_equal(np.fromfile(tmp_path / "data"), R)


def test_a_list_is_a_pytree_of_its_numbers():
    jitted = jit(lambda values: (len(values), sum(values), values))
    assert jitted([1, 2.5]) == (2, 3.5, [1, 2.5])
    assert jitted([1.5, 2, 3]) == (3, 6.5, [1.5, 2, 3])
    assert type(jitted([1, 2])[1]) is np.int64
    np.testing.assert_array_equal(jit(lambda x: fnp.stack(x) * 2)([[1.0, 2.0]][0]), [2.0, 4.0])


REFUSED = {
    "masked": (np.ma.array(R, mask=R > 3), r"filled"),
    "of dates": (np.array(["2020"], "M8[D]"), "astype"),
    "of text": (np.array(["a"]), "astype"),
    "of objects": (np.array([None]), "astype"),
    "of records": (np.zeros(2, [("a", int), ("b", float)]), "astype"),
    "text": ("a", "static_argnums"),
    "a set": ({1.0}, "static_argnums"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_array_of_numbers_is_refused_with_its_place(kind):
    value, instead = REFUSED[kind]
    jitted = jit(lambda params, x: x)
    jitted({"w": [R]}, 1.0)
    for call in (jitted, jitted.lower):
        with pytest.raises(ArgumentError, match=re.escape("[0][0]['w'][0]")) as caught:
            call({"w": [value]}, 1.0)
        assert re.search(instead, caught.value.instead)
        assert caught.value.where.filename == __file__


def test_an_array_whose_shape_is_changed_in_place_between_calls_is_of_another_kind():
    jitted = jit(lambda x: x.sum(0))
    x = np.arange(6.0)
    for shape in ((6,), (2, 3), (3, 2), (6,), (1, 6)):
        x.shape = shape
        np.testing.assert_array_equal(jitted(x), x.sum(0))


def test_a_dict_in_another_order_is_of_the_same_kind():
    traces = []

    def function(params):
        traces.append(params)
        return params["a"] - params["b"]

    jitted = jit(function)
    assert jitted({"a": 3.0, "b": 1.0}) == jitted({"b": 1.0, "a": 3.0}) == 2.0
    assert len(traces) == 1


# ---------------------------------------------------------------------------------------------------------------------
# sequences of calls
# ---------------------------------------------------------------------------------------------------------------------

LEAVES = st.one_of(
    st.sampled_from([1, 2, True, 1.5, -0.0, 2 + 1j, np.float32(2), np.int8(3), np.float64(0.5)]),
    st.builds(
        lambda shape, dtype, kind: {
            "plain": lambda x: x,
            "reversed": lambda x: x[::-1] if x.ndim else x,
            "transposed": lambda x: x.T,
            "swapped": lambda x: x.astype(x.dtype.newbyteorder()),
            "subclass": lambda x: x.view(Subclass),
            "read-only": read_only,
        }[kind](np.arange(float(np.prod(shape))).reshape(shape).astype(dtype)),
        st.sampled_from([(), (1,), (3,), (2, 3), (0, 3)]),
        st.sampled_from(["f8", "f4", "i4", "i8", "?", "c16"]),
        st.sampled_from(["plain", "plain", "plain", "reversed", "transposed", "swapped", "subclass", "read-only"]),
    ),
)
TREES = st.one_of(
    LEAVES,
    st.lists(LEAVES, max_size=3),
    st.tuples(LEAVES, LEAVES),
    st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3),
    st.tuples(LEAVES, st.none()),
)
CALLS = st.lists(st.tuples(TREES, LEAVES, st.sampled_from([1, 1.0, True, 2, "a", -0.0, 0.0])), min_size=1, max_size=6)
ORDER = st.lists(st.integers(0, 5), min_size=1, max_size=12)


def combined(params, x, setting):
    """A result that depends on every part of a call's kind."""
    leaves, treedef = tree.flatten(params)
    return {
        "scaled": [leaf * 2 + (setting if isinstance(setting, (int, float)) else 5) for leaf in leaves],
        "x": np.negative(x * 1.0),
        "kind": [float(len(str(treedef))), float(len(repr(setting))), np.copysign(1.0, setting or 1.0)]
        if not isinstance(setting, str)
        else 0.0,
    }


@settings(max_examples=60)
@given(CALLS, ORDER)
def test_a_sequence_of_calls_gives_at_each_what_the_function_gives(calls, order):
    static = jit(combined, static_argnums=2)
    plain = jit(lambda params, x: combined(params, x, 2))
    for position in order:
        params, x, setting = calls[position % len(calls)]
        for got, expected in (
            (static(params, x, setting), combined(params, x, setting)),
            (plain(params, x), combined(params, x, 2)),
        ):
            assert tree.structure(got) == tree.structure(expected)
            for value, other in zip(tree.leaves(got), tree.leaves(expected), strict=True):
                assert_same(value, np.asarray(other))


@settings(max_examples=40)
@given(CALLS, ORDER)
def test_keyword_arguments_in_any_order_find_the_right_program(calls, order):
    jitted = jit(combined, static_argnames="setting")
    for position in order:
        params, x, setting = calls[position % len(calls)]
        got = jitted(**({"x": x, "params": params} if position % 2 else {"params": params, "x": x}), setting=setting)
        expected = combined(params, x, setting)
        for value, other in zip(tree.leaves(got), tree.leaves(expected), strict=True):
            assert_same(value, np.asarray(other))
