"""Donated arguments: a result may take their memory, and is never wrong for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import grad, jit, tree, vmap
from functrace.errors import OptionError


def add(x, y):
    return x + y


def test_a_result_takes_the_memory_of_a_donated_array():
    x = np.arange(6.0)
    address = x.ctypes.data
    result = jit(add, donate_argnums=0)(x, np.ones(6))
    assert result.ctypes.data == address
    np.testing.assert_array_equal(result, [1, 2, 3, 4, 5, 6])


def test_a_training_loop_stays_in_the_memory_in_which_it_began():
    step = jit(lambda params, rate: tree.map(lambda p: p - rate * p, params), donate_argnames="params")
    params = {"w": np.ones((3, 4)), "b": np.full(4, 2.0)}
    addresses = {name: value.ctypes.data for name, value in params.items()}
    for _ in range(5):
        params = step(params, 0.5)
    assert {name: value.ctypes.data for name, value in params.items()} == addresses
    np.testing.assert_array_equal(params["w"], np.full((3, 4), 0.5**5))


def test_an_argument_that_is_not_donated_is_never_written_over():
    function = jit(add, donate_argnums=1)
    x, y = np.arange(4.0), np.ones(4)
    for _ in range(3):
        result = function(x, y.copy())
        np.testing.assert_array_equal(x, np.arange(4.0))
        assert not np.shares_memory(result, x)


@pytest.mark.parametrize("options", [{"donate_argnums": 1}, {"donate_argnames": "y"}, {"donate_argnums": -2}])
def test_an_argument_is_donated_by_its_number_or_its_name_however_it_is_given(options):
    function = jit(lambda x, y, z: x + y + z, **options)
    assert function.lower(*[np.ones(3)] * 3).donate_argnums == (1,)
    assert function.lower(np.ones(3), z=np.ones(3), y=np.ones(3)).donate_argnums == (1,)
    y = np.ones(3)
    function(np.ones(3), z=np.ones(3), y=y)


def test_leaves_of_pytrees_are_donated_and_static_arguments_are_left_out_of_the_count():
    def function(n, p, q, *, r):
        return tree.map(lambda leaf: leaf * n, (p, q, r))

    pair, array = {"a": np.ones(2), "b": [np.ones(3), 1.0]}, np.ones(4)
    jitted = jit(function, static_argnums=0, donate_argnums=(1,), donate_argnames="r")
    # leaves: p['a'], p['b'][0], p['b'][1] (a number, which has no memory), q, r
    assert jitted.lower(3, pair, array, r=array).donate_argnums == (0, 1, 4)
    expected = function(3, pair, array, r=array)
    got = jitted(3, tree.map(np.copy, pair), array, r=array.copy())
    tree.map(np.testing.assert_array_equal, got, expected)


def test_an_argument_that_is_static_cannot_be_donated():
    with pytest.raises(OptionError, match="static and donated"):
        jit(add, static_argnums=1, donate_argnums=(0, 1))
    with pytest.raises(OptionError, match="static and donated"):
        jit(add, static_argnames="y", donate_argnums=1)
    with pytest.raises(OptionError, match="donate_argnames='z'"):
        jit(add, donate_argnames="z")


def test_programs_with_different_donations_are_different_programs():
    plain, donating = jit(add), jit(add, donate_argnums=0)
    for _ in range(3):
        x = np.ones(3)
        np.testing.assert_array_equal(donating(x, x + 1), [3, 3, 3])
        x = np.ones(3)
        np.testing.assert_array_equal(plain(x, x + 1), [3, 3, 3])
        np.testing.assert_array_equal(x, [1, 1, 1])


def read_only():
    x = np.arange(6.0)
    x.flags.writeable = False
    return x, x


def memory_mapped(path, mode):
    np.arange(6.0).tofile(path)
    x = np.memmap(path, dtype=float, mode=mode)
    return x, x


class Subclass(np.ndarray):
    pass


def viewed(make):
    whole = np.arange(48.0)
    return make(whole), whole


KEPT = {  # a donated array, and what must not change though it was donated
    "read-only": read_only,
    "a part": lambda: viewed(lambda x: x[6:12]),
    "every second": lambda: viewed(lambda x: x[:12:2]),
    "reversed": lambda: viewed(lambda x: x[5::-1]),
    "repeated": lambda: viewed(lambda x: np.broadcast_to(x[3:4], 6)),
    "overlapping itself": lambda: viewed(lambda x: np.lib.stride_tricks.as_strided(x, (6,), (0,))),
    "a subclass": lambda: viewed(lambda x: x[:6].view(Subclass)),
    "bytes swapped": lambda: 2 * (np.arange(6.0).astype(">f8"),),
    "of a buffer": lambda: viewed(lambda x: np.frombuffer(memoryview(x), float, 6)),
}


@pytest.mark.parametrize("kind", KEPT)
def test_an_array_that_does_not_own_its_memory_or_cannot_be_written_is_copied(kind):
    function = jit(lambda x: x * 2.0 + 1.0, donate_argnums=0)
    for _ in range(3):
        x, kept = KEPT[kind]()
        before, expected = np.array(kept), np.array(x) * 2.0 + 1.0
        result = function(x)
        np.testing.assert_array_equal(result, expected)
        np.testing.assert_array_equal(kept, before)
        assert type(result) is np.ndarray
        assert result.flags.writeable
        assert not np.shares_memory(result, kept)


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_a_memory_mapped_array_is_copied(tmp_path, mode):
    x, kept = memory_mapped(tmp_path / "data", mode)
    np.testing.assert_array_equal(jit(lambda x: x + 1.0, donate_argnums=0)(x), np.arange(1.0, 7.0))
    np.testing.assert_array_equal(kept, np.arange(6.0))


def test_an_array_in_columns_order_gives_the_right_result():
    function = jit(lambda x: fnp.sin(x) + x * 2.0, donate_argnums=0)
    for shape in ((3, 4), (300, 400)):
        x = np.asfortranarray(np.arange(float(np.prod(shape))).reshape(shape))
        expected = np.sin(x) + x * 2.0
        np.testing.assert_array_equal(function(x), expected)


def test_scalars_and_empty_arrays_may_stand_in_donated_arguments():
    function = jit(add, donate_argnums=(0, 1))
    for x, y in [(1.0, 2.0), (np.float64(1), np.array(2.0)), (np.array(1.0), np.array(2.0)), (1, np.int8(2))]:
        for _ in range(3):
            assert function(x, y) == 3
    assert function(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)


SHARED = {
    "one array twice": lambda x: (x, x),
    "an array and its view": lambda x: (x, x[::-1]),
    "a view and its array": lambda x: (x.reshape(2, 4)[0], x[4:]),
    "two views": lambda x: (x[:4], x[1:5]),
    "an array and a transposed view": lambda x: (x, x.reshape(2, 4).T.reshape(-1)),
}


@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("donated", [(0,), (1,), (0, 1)])
def test_arguments_that_share_memory_are_kept_apart(kind, donated):
    def function(x, y):
        a = x * 2.0
        b = y + a
        return a, b, x * y

    jitted = jit(function, donate_argnums=donated)
    for _ in range(3):
        x, y = SHARED[kind](np.arange(8.0))
        expected = function(np.array(x), np.array(y))
        got = jitted(x, y)
        for result, value in zip(got, expected, strict=True):
            np.testing.assert_array_equal(result, value)
        for number, result in enumerate(got):
            assert not any(np.shares_memory(result, other) for other in got[number + 1 :])


def test_a_donated_array_that_the_function_also_captured_leaves_the_constant_as_it_was():
    captured = np.arange(4.0)
    function = jit(lambda x: x * 2.0 + captured, donate_argnums=0)
    np.testing.assert_array_equal(function(captured), [0, 3, 6, 9])
    np.testing.assert_array_equal(function(np.ones(4)), [2, 3, 4, 5])


def test_results_of_one_donated_array_share_no_memory():
    function = jit(lambda x: (x, x, x[1:], x + 1.0), donate_argnums=0)
    for _ in range(2):
        results = function(np.arange(4.0))
        for result, expected in zip(results, ([0, 1, 2, 3], [0, 1, 2, 3], [1, 2, 3], [1, 2, 3, 4]), strict=True):
            np.testing.assert_array_equal(result, expected)
        for number, result in enumerate(results):
            assert not any(np.shares_memory(result, other) for other in results[number + 1 :])


def test_donation_has_no_effect_inside_of_a_transform():
    function = jit(lambda x: fnp.sum(x * x * 3.0), donate_argnums=0)
    x = np.arange(3.0)
    np.testing.assert_array_equal(grad(function)(x), 6 * x)
    np.testing.assert_array_equal(vmap(function)(np.stack([x, x])), [15.0, 15.0])
    np.testing.assert_array_equal(jit(lambda x: function(x) + x)(x), 15.0 + x)
    np.testing.assert_array_equal(functrace.jvp(function, (x,), (x,))[1], 30.0)
    with functrace.debug_nans(True):
        assert function(x) == 15.0
    with functrace.disable_jit():
        assert function(x) == 15.0
    np.testing.assert_array_equal(x, np.arange(3.0))


def test_a_compiled_program_takes_donated_memory_too():
    compiled = jit(add, donate_argnums=0).lower(np.ones(3), np.ones(3)).compile()
    x, read = np.arange(3.0), read_only()[0][:3]
    address = x.ctypes.data
    assert compiled(x, np.ones(3)).ctypes.data == address
    np.testing.assert_array_equal(compiled(read, np.ones(3)), [1, 2, 3])
    np.testing.assert_array_equal(read, [0, 1, 2])


@st.composite
def operands(draw, count):
    """Arrays of one shape, some of which share memory."""
    shape = draw(st.sampled_from([(4,), (2, 2), (3, 3)]))
    size = int(np.prod(shape))
    memory = np.arange(4.0 * size)
    arrays = []
    for _ in range(count):
        kind = draw(st.sampled_from(["own", "same", "view", "transposed", "read-only"]))
        if kind == "same" and arrays:
            arrays.append(draw(st.sampled_from(arrays)))
        elif kind in ("view", "transposed"):
            start = draw(st.integers(0, 2 * size))
            view = memory[start : start + size].reshape(shape)
            arrays.append(view.T if kind == "transposed" else view)
        else:
            own = np.full(shape, float(draw(st.integers(-3, 3))))
            own.flags.writeable = kind != "read-only"
            arrays.append(own)
    return arrays


OPERATIONS = [
    lambda x, y: x + y,
    lambda x, y: x * 2.0 - y,
    lambda x, y: x.T if x.shape == x.T.shape else y,
    lambda x, y: fnp.flip(x, 0),
    lambda x, y: fnp.cumsum(x, 0),
    lambda x, y: x[::-1] * y,
    lambda x, y: fnp.where(x > y, x, y),
    lambda x, y: x,
]


@given(st.data())
def test_a_donating_program_gives_what_the_function_gives(data):
    steps = data.draw(
        st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5)
    )
    returned = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=3))
    donated = data.draw(st.sets(st.integers(0, 2)))

    def function(*args):
        values = list(args)
        for operation, first, second in steps:
            values.append(operation(values[first % len(values)], values[second % len(values)]))
        return [values[-1 - position % len(values)] for position in returned]

    jitted = jit(function, donate_argnums=tuple(donated))
    arrays = data.draw(operands(3))
    for _ in range(2):
        given_arrays = list(arrays) if not donated else [x.copy() if x.base is None else x for x in arrays]
        if donated and arrays[0] is arrays[1]:
            given_arrays[1] = given_arrays[0]
        kept = [np.array(x) for x in given_arrays]
        expected = [np.array(x) for x in function(*[np.array(x) for x in given_arrays])]
        got = jitted(*given_arrays)
        for result, value in zip(got, expected, strict=True):
            np.testing.assert_array_equal(result, value)
        for position, (before, now) in enumerate(zip(kept, given_arrays, strict=True)):
            if position not in donated and not any(now is given_arrays[other] for other in donated):
                np.testing.assert_array_equal(now, before)
        for number, result in enumerate(got):
            others = [*got[number + 1 :], *[x for i, x in enumerate(given_arrays) if i not in donated]]
            assert not any(np.shares_memory(result, other) for other in others)
