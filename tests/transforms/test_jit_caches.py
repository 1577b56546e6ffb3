"""What `jit` keeps: for which functions and kinds of arguments, how much of it, and for how long."""

from __future__ import annotations

import dataclasses
import functools
import gc
import linecache
import pickle
import threading
import weakref

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import clear_caches, grad, jit
from functrace.compiler.cache import Cache

X = np.ones(3)


def sources():
    """The compiled programs whose source is where a traceback finds it."""
    gc.collect()
    return {name for name in linecache.cache if name.startswith("<functrace ")}


class Equal:
    """A callable that says it is equal to every other."""

    def __init__(self, factor):
        self.factor = factor

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1

    def __call__(self, x):
        return x * self.factor

    def method(self, x):
        return x * self.factor + 1.0


# ---------------------------------------------------------------------------------------------------------------------
# no two functions collide
# ---------------------------------------------------------------------------------------------------------------------


CALLABLES = {
    "callables that are equal": Equal,
    "methods of objects that are equal": lambda k: Equal(k).method,
    "partial objects": lambda k: functools.partial(lambda k, x: x * k, k),
    "lambdas of one line": lambda k: lambda x: x * k,
    "lambdas with other defaults": lambda k: lambda x, k=k: x * k,
    "wrapped functions": lambda k: functools.wraps(CALLABLES)(lambda x: x * k),
}


@pytest.mark.parametrize("make", CALLABLES.values(), ids=CALLABLES)
def test_functions_that_look_alike_have_programs_of_their_own(make):
    functions = [make(k) for k in (2.0, 3.0, 5.0)]
    jitted = [jit(function) for function in functions]
    for _ in range(3):
        assert [f(1.5) for f in jitted] == [function(1.5) for function in functions]


def test_a_wrapper_does_not_run_the_programs_of_what_it_wraps():
    def function(x):
        return x * 2.0

    assert jit(function)(1.0) == 2.0  # now the function has programs, and `wraps` copies its attributes

    @functools.wraps(function)
    def wrapper(x):
        return function(x) + 100.0

    assert jit(wrapper)(1.0) == 102.0
    assert jit(function)(1.0) == 2.0
    assert jit(jit(wrapper))(1.0) == 102.0


def test_settings_of_the_same_function_are_kept_apart():
    def function(x, n):
        return x * n

    static, dynamic = jit(function, static_argnums=1), jit(function)
    for _ in range(2):
        assert type(static.trace(2.0, 3).in_tree.num_leaves) is int
        assert (static.trace(2.0, 3).in_tree.num_leaves, dynamic.trace(2.0, 3).in_tree.num_leaves) == (1, 2)
        assert static(2.0, 3) == dynamic(2.0, 3) == 6.0


@dataclasses.dataclass(frozen=True)
class Settings:
    rate: object
    rest: object = ()


def test_static_values_that_are_equal_but_not_the_same_inside_of_other_values_are_told_apart():
    values = [
        *[Settings(rate) for rate in (1, 1.0, True, 0.0, -0.0, 0)],
        Settings(1, (1.0,)),
        Settings(Settings(1.0)),
        Settings(Settings(1)),
        (Settings(1),),
        np.datetime64(50, "Y"),
        np.datetime64(50, "D"),
        np.str_("a"),
        "a",
    ]
    seen = []
    function = jit(lambda x, value: [x, seen.append(value)][0], static_argnums=1)
    for _ in range(2):
        for value in values:
            function(1.0, value)
    assert len(seen) == len(values)


# ---------------------------------------------------------------------------------------------------------------------
# how long
# ---------------------------------------------------------------------------------------------------------------------


def test_a_function_that_is_deleted_frees_its_programs_their_constants_and_their_source():
    before = sources()
    captured = np.ones(1000)

    def function(x):
        return x * captured + x

    compiled = jit(function)
    compiled(captured)
    traced = compiled.trace(captured)
    (constant,) = traced.jaxpr.consts
    dead = [weakref.ref(thing) for thing in (function, compiled, traced.jaxpr, constant)]
    assert len(sources() - before) == 1
    del function, compiled, traced, constant
    gc.collect()
    assert [reference() for reference in dead] == [None] * 4
    assert not sources() - before


MAKERS = {
    "lambda": lambda k: lambda x: x * k,
    "partial": lambda k: functools.partial(np.multiply, k),
    "bound method": lambda k: Equal(k).method,
    "callable": Equal,
    "gradient": lambda k: grad(jit(lambda x: x * x * k)),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_functions_made_in_a_loop_leave_nothing_behind(make):
    before = sources()
    for k in range(20):
        jit(make(float(k)))(1.0)
    assert not sources() - before


def test_a_function_that_its_own_programs_hold_is_freed():
    """By a static argument, a callback or a rule of its own: the function is reached from what is kept for it."""
    before = sources()

    def make():
        class Model:
            def __init__(self):
                self.log = []
                self.step = jit(self.make_step())

            def make_step(self):
                def step(x):
                    functrace.debug.callback(lambda value: self.log.append(value), x)
                    return x * 2.0

                return step

            @functools.partial(jit, static_argnums=0)
            def apply(self, x):
                return x * 3.0

        model = Model()
        assert (model.step(1.0), model.apply(1.0), len(model.log)) == (2.0, 3.0, 1)
        return weakref.ref(Model), weakref.ref(model)

    dead = make()
    gc.collect()
    assert [reference() for reference in dead] == [None, None]
    assert not sources() - before


def test_programs_are_kept_while_the_function_lives_and_not_the_jitted_one():
    traces = []

    def function(x):
        traces.append(x)
        return x + 1.0

    for _ in range(5):
        assert jit(function)(1.0) == 2.0
        gc.collect()
    assert len(traces) == 1


def test_clearing_reaches_every_kind_of_callable_and_frees_the_programs():
    before = sources()
    functions = [jit(make(2.0)) for make in MAKERS.values()]
    for function in functions:
        function(1.0), function(2.0)
    assert sources() - before
    clear_caches()
    assert not sources() - before
    for function in functions:
        if isinstance(function.__wrapped__, Equal):
            assert function.cache_info() == (0, 0, function.cache_info().maxsize, 0)
        function(1.0)
    functions[0].clear_cache()
    assert functions[0].cache_info().currsize == 0


def test_what_was_counted_before_a_clearing_is_not_counted_after_it():
    function = jit(lambda x: x + 1.0)
    for _ in range(5):
        function(1.0)
    assert function.cache_info()[:2] == (4, 1)
    function.clear_cache()
    assert function.cache_info()[:2] == (0, 0)
    function(1.0), function(1.0), function(X), function(1.0)
    assert function.cache_info()[:2] == (2, 2)
    clear_caches()
    function(1.0)
    assert function.cache_info()[:2] == (0, 1)


def test_the_number_of_programs_is_bounded_and_the_one_in_use_stays(monkeypatch):
    monkeypatch.setattr("functrace.transforms.jit.CACHE_SIZE", 4)
    before = sources()
    traces = []

    def function(x):
        traces.append(x.shape)
        return x + 1.0

    jitted = jit(function)
    for size in range(2, 12):
        np.testing.assert_array_equal(jitted(np.ones(size)), np.full(size, 2.0))
        for _ in range(
            3
        ):  # this one is recognised without a look into the cache, and is the one used last all the same
            jitted(X[:1])
    assert traces.count((1,)) == 1
    assert jitted.cache_info().currsize == 4
    assert len(sources() - before) <= 4
    for size in range(2, 12):
        jitted(np.ones(size))
    assert jitted.cache_info().maxsize == 4


def test_a_function_with_programs_goes_through_pickle_and_keeps_no_lock():
    jit(global_function)(1.0)
    assert pickle.loads(pickle.dumps(global_function)) is global_function
    restored = pickle.loads(pickle.dumps(vars(global_function)))  # as cloudpickle sends a function
    assert all(len(value) == 0 for value in restored.values())


def global_function(x):
    return x * 2.0


def test_what_is_dropped_may_call_the_cache_again():
    cache = Cache(1)

    class Resurrecting:
        def __del__(self):
            cache.get("another")

    for key in range(3):
        cache.put(key, Resurrecting())
    cache.clear()
    assert cache.info().currsize == 0


def test_threads_that_call_clear_and_make_functions_at_once_get_right_results():
    wrong = []
    shared = jit(lambda x, y: fnp.sum(x) * y)

    def work(seed):
        for k in range(40):
            size = 1 + (seed + k) % 5
            if shared(np.ones(size), 2.0) != 2.0 * size or jit(lambda x, k=k: x + k)(1.0) != 1.0 + k:
                wrong.append((seed, k))
            if k % 10 == seed:
                clear_caches()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_bound_method_of_a_jitted_function_has_its_object_and_its_name():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        @functools.partial(jit, static_argnums=0)
        def apply(self, x):
            """Scale."""
            return x * self.factor

    scale = Scale(3.0)
    assert (scale.apply(2.0), scale.apply.__name__, scale.apply.__doc__) == (6.0, "apply", "Scale.")
    assert scale.apply.__self__ is scale
