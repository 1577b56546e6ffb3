"""A function called often with arguments of one kind, and then with others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
from functrace.pytrees.generated import USES_BEFORE_COMPILING

KINDS = {
    "an array": lambda: (np.arange(3.0),),
    "another shape": lambda: (np.arange(4.0),),
    "another dtype": lambda: (np.arange(3.0, dtype=np.float32),),
    "a matrix": lambda: (np.ones((3, 1)),),
    "a Python float": lambda: (2.0,),
    "a Python int": lambda: (2,),
    "a bool": lambda: (True,),
    "a NumPy scalar": lambda: (np.float64(2.0),),
    "a dict": lambda: ({"a": np.ones(2), "b": (3.0, None)},),
    "a dict of other keys": lambda: ({"a": np.ones(2), "c": (3.0, None)},),
    "two": lambda: (np.ones(2), 1.0),
    "a list": lambda: ([np.ones(2), [1.0]],),
    "nothing": lambda: (),
    "big-endian": lambda: (np.arange(3.0).astype(">f8"),),
}


def double(*args, **kwargs):
    return functrace.tree.map(lambda x: x * 2, (args, kwargs))


def assert_same(got, expected):
    assert functrace.tree.structure(got) == functrace.tree.structure(expected)
    for a, b in zip(functrace.tree.leaves(got), functrace.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.asarray(a).dtype == np.asarray(b).dtype.newbyteorder("=")
        assert np.shape(a) == np.shape(b)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(KINDS)), st.sampled_from([1, USES_BEFORE_COMPILING + 2])), max_size=6))
def test_every_call_runs_the_program_of_its_kind(calls):
    compiled = functrace.jit(double)
    for name, times in calls:
        for _ in range(times):
            args = KINDS[name]()
            assert_same(compiled(*args), double(*args))
            assert_same(compiled(*args, k=args), double(*args, k=args)) if times == 1 else None


@pytest.mark.parametrize("result", [None, (), {"a": None}, [()]])
def test_a_result_without_arrays_comes_back(result):
    compiled = functrace.jit(lambda x: result)
    for _ in range(2 * USES_BEFORE_COMPILING):
        assert compiled(np.ones(2)) == result


def test_a_cleared_cache_is_not_used_again():
    factor = [2.0]
    compiled = functrace.jit(lambda x: x * factor[0])
    for _ in range(2 * USES_BEFORE_COMPILING):
        assert compiled(3.0) == 6.0
    factor[0] = 5.0
    compiled.clear_cache()
    assert compiled(3.0) == 15.0


def test_calls_are_counted():
    compiled = functrace.jit(lambda x: x + 1)
    for _ in range(100):
        compiled(np.ones(2))
    info = compiled.cache_info()
    assert (info.misses, info.hits) == (1, 99)
