"""What `log_compiles` says: what was compiled, and why again."""

from __future__ import annotations

import functools
import logging
import re

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import config, grad, jit, vmap
from functrace.compiler.cache import Cache


@pytest.fixture
def log(caplog):
    """The messages of the log, which the call forgets."""

    def take():
        messages = [(r.levelno, r.name, r.getMessage()) for r in caplog.records]
        caplog.clear()
        assert all(level == logging.WARNING and name == "functrace" for level, name, _ in messages)
        return [text for _, _, text in messages]

    with config.override(log_compiles=True):
        yield take


def why(messages):
    """The reason in the first message that gives one."""
    return next(re.search("why: (.*)", text).group(1) for text in messages if "why:" in text)


def test_nothing_is_said_unless_it_is_asked_for(caplog):
    jit(lambda x: x + 1)(1.0)
    assert not caplog.records


def test_a_first_call_is_traced_and_compiled_and_a_second_one_is_not(log):
    def square(x):
        return x * x

    function = jit(square)
    function(np.ones(3))
    traced, compiled = log()
    assert re.match(r"traced square\(x: f64\[3\]\) in \d+\.\d ms, at .*test_jit_log.py:\d+\n  why: first call$", traced)
    assert re.match(r"compiled square in \d+\.\d ms: 1 equations$", compiled)
    for _ in range(3):
        function(np.zeros(3))
    assert log() == []


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({"w": np.ones((3, 4))}, {"w": np.ones((3, 5))}, r"the shape of params['w'] is (3, 5), and was (3, 4)"),
        ({"w": np.ones(3)}, {"w": np.ones(3, "f4")}, r"the dtype of params['w'] is float32, and was float64"),
        (
            [np.float64(1)],
            [1.0],
            "params[0] is a Python number (~f64[]), and was an array or a NumPy scalar (f64[])",
        ),
        ([1], [1.0], "the dtype of params[0] is float64, and was int64"),
        ((1.0,), [1.0], "the structure of the arguments (args, kwargs) is PyTreeDef((([*],), {})), and was"),
        (np.ones(3), np.ones(3, complex), "the dtype of params is complex128, and was float64"),
    ],
)
def test_it_names_the_leaf_that_differs_and_how(log, first, second, reason):
    function = jit(lambda params: params)
    function(first)
    log()
    function(second)
    assert reason in why(log())


def test_it_names_the_static_argument_that_differs(log):
    function = jit(lambda x, n, mode="a": x * n, static_argnums=1, static_argnames="mode")
    function(1.0, 2)
    log()
    function(1.0, 2.0)
    assert why(log()) == "the static argument 1 is 2.0, and was 2"
    function(1.0, 2, mode=("b", -0.0, np.float32(1)))
    assert "the static argument 'mode' is ('b', -0.0, np.float32(1.0)), and was not given this way" in why(log())


def test_it_compares_with_the_nearest_kind(log):
    function = jit(lambda x, y: (x, y))
    for x, y in [(np.ones(3), np.ones(3)), (1.0, 1.0), ([1.0], 2), (np.ones(4, int), np.ones(5))]:
        function(x, y)
    log()
    function(np.ones(3), np.ones(4))
    assert why(log()) == "the shape of y is (4,), and was (3,)"


def test_a_cleared_cache_and_an_evicted_entry_are_told(log, monkeypatch):
    function = jit(lambda x: x + 1)
    function(1.0)
    functrace.clear_caches()
    log()
    function(1.0)
    assert why(log()) == "the cache was cleared"
    monkeypatch.setattr("functrace.transforms.jit.CACHE_SIZE", 2)
    function = jit(lambda x: x + 1)
    for size in (1, 2, 3):
        function(np.ones(size))
    log()
    function(np.ones(1))
    assert why(log()) == "arguments of this kind were dropped from the cache, which keeps 2 kinds"


def test_a_named_axis_around_is_a_reason(log):
    function = jit(lambda x: x * 2.0)
    function(1.0), vmap(function, axis_name="i")(np.ones(3))
    log()
    vmap(function, axis_name="batch")(np.ones(4))
    assert any("the named axes around are 'batch' of size 4" in text for text in log())


def test_a_shape_that_changes_at_each_call_gets_a_hint_now_and_then(log):
    function = jit(lambda params, n: params["x"] * n)
    said = []
    for size in range(1, 18):
        function({"x": np.ones(size)}, 2.0)
        said.append("hint: compiled for" in log()[0])
    assert [size for size, hint in enumerate(said, 1) if hint] == [8, 16]
    function({"x": np.ones(99)}, 2.0)


def test_the_hint_names_the_leaf_whose_shape_changes(log):
    function = jit(lambda a, b: fnp.sum(a) + fnp.sum(b))
    for size in range(1, 9):
        log()
        function(np.ones(3), np.ones(size))
    assert "these change their shapes: b (8 shapes); pad them to a few sizes" in log()[0]


def test_a_static_argument_that_changes_at_each_call_gets_a_hint(log):
    function = jit(lambda x, n: x * n, static_argnums=1)
    for n in range(8):
        log()
        function(1.0, n)
    assert "hint: compiled for 8 values of static arguments" in log()[0]


def test_a_function_made_anew_at_each_call_is_told(log):
    for k in range(8):
        log()
        jit(lambda x, k=k: x + k)(1.0)
    assert "it is the 8th that the same code made" in why(log())
    for k in range(8):
        log()
        jit(functools.partial(np.add, k))(1.0)
    assert why(log()) == "first call"


def test_the_programs_of_a_derivative_are_told_too(log):
    function = jit(lambda x: fnp.sin(x) * x)
    grad(function)(1.0)
    texts = log()
    assert any(text.startswith("compiled forward_<lambda> in ") for text in texts)
    assert any(text.startswith("compiled backward_<lambda> in ") for text in texts)
    grad(function)(2.0)
    assert log() == []


def test_lowering_is_told_as_a_call_is(log):
    jit(lambda x: x + 1).lower(1.0)
    traced, compiled = log()
    assert traced.startswith("traced <lambda>(x: ~f64[])")
    assert compiled.startswith("compiled <lambda>")


def test_a_long_list_of_arguments_is_cut_short(log):
    function = jit(lambda params: params)
    function([1.0] * 500)
    function([1] * 500)
    texts = log()
    assert all(len(text) < 1500 for text in texts)
    assert "and 495 more differences" in texts[2]


def test_a_cache_knows_how_an_entry_was_dropped():
    cache = Cache(2)
    for key in "abc":
        cache.put(key, key)
    assert [cache.fate(key) for key in "abcd"] == ["evicted", None, None, None]
    cache.clear()
    assert [cache.fate(key) for key in "bcd"] == ["cleared", "cleared", None]
    assert cache.keys() == []
    for number in range(1000):
        cache.put(number, number)
    assert cache.fate("b") is None
    assert cache.fate(997) == "evicted"
