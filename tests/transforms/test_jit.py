"""The cache of `jit`, its arguments, and the kinds of callables that it compiles."""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import gc
import threading
import weakref

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import grad, jit, tree
from functrace.compiler.cache import Cache

X = np.array([1.0, 2.0, 3.0])


def counted(function=lambda x, *rest: x * 2.0, **options):
    """A jitted function, and the list that grows each time it is traced."""
    traces = []

    def traced(*args, **kwargs):
        traces.append((args, kwargs))
        return function(*args, **kwargs)

    return jit(traced, **options), traces


# ---------------------------------------------------------------------------------------------------------------------
# when it traces anew
# ---------------------------------------------------------------------------------------------------------------------


def test_it_traces_once_for_arguments_of_one_kind():
    function, traces = counted()
    for x in (X, X + 1, X[::-1], np.asfortranarray(X), np.broadcast_to(1.0, 3)):
        np.testing.assert_array_equal(function(x), 2 * x)
    assert len(traces) == 1
    for x in (1.0, 2.0, -0.0, np.inf):
        function(x)
    assert len(traces) == 2


@pytest.mark.parametrize(
    "kinds",
    [
        [np.ones(3), np.ones(4), np.ones((3, 1)), np.ones(()), np.ones((0, 3))],
        [np.ones(3), np.ones(3, np.float32), np.ones(3, int), np.ones(3, bool), np.ones(3, complex)],
        [1.0, 1, True, 1j, np.float64(1), np.float32(1), np.int8(1), np.True_],
        [(X,), [X], {"a": X}, {"b": X}, (X, None), (X, X)],
    ],
)
def test_it_traces_anew_for_each_shape_dtype_weakness_and_structure(kinds):
    function, traces = counted(lambda x: x)
    for _ in range(2):
        for x in kinds:
            assert tree.structure(function(x)) == tree.structure(x)
    assert len(traces) == len(kinds)


def test_a_0d_array_and_a_numpy_scalar_are_of_one_kind():
    function, traces = counted()
    assert function(np.float64(2)) == function(np.array(2.0)) == 4.0
    assert len(traces) == 1


def test_alternating_kinds_keep_their_programs():
    function, traces = counted()
    for _ in range(5):
        assert function(2.0) == 4.0
        np.testing.assert_array_equal(function(X), 2 * X)
        assert function(2) == 4
    assert len(traces) == 3


def test_two_jits_of_one_function_share_their_programs():
    traces = []

    def function(x):
        traces.append(x)
        return x + 1

    assert jit(function)(1.0) == jit(function)(1.0) == 2.0
    assert len(traces) == 1


def test_two_functions_that_look_alike_share_nothing():
    functions = [jit(lambda x, k=k: x * k) for k in (2.0, 3.0)]
    assert [f(1.0) for f in functions] == [2.0, 3.0]
    made = [jit(functools.partial(lambda k, x: x * k, k)) for k in (2.0, 3.0)]
    assert [f(1.0) for f in made] == [2.0, 3.0]


def test_keyword_and_positional_arguments():
    function, traces = counted(lambda a, b=3.0, *, c=1.0: a * b + c)
    assert function(2.0) == 7.0
    assert function(2.0, 4.0) == 9.0
    assert function(2.0, b=4.0) == 9.0
    assert function(a=2.0, b=4.0, c=2.0) == 10.0
    assert function(c=2.0, b=4.0, a=2.0) == 10.0
    assert len(traces) == 4


def test_var_positional_and_var_keyword_arguments():
    function = jit(lambda *args, **kwargs: (sum(args), {k: 2 * v for k, v in kwargs.items()}))
    total, doubled = function(1.0, 2.0, b=3.0, a=4.0)
    assert (total, doubled) == (3.0, {"a": 8.0, "b": 6.0})


# ---------------------------------------------------------------------------------------------------------------------
# static arguments
# ---------------------------------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass(frozen=True)
class Settings:
    rate: float
    name: str = "a"


DISTINCT = [
    1,
    1.0,
    True,
    1 + 0j,
    np.int64(1),
    np.float32(1),
    np.float64(1),
    np.True_,
    Number.ONE,
    0.0,
    -0.0,
    0,
    False,
    0j,
    complex(-0.0, 0.0),
    complex(0.0, -0.0),
    np.float32(0.0),
    np.float32(-0.0),
    "1",
    b"1",
    None,
    (1,),
    (1.0,),
    (True,),
    ((0.0,),),
    ((-0.0,),),
    frozenset([1]),
    frozenset([1.0]),
    frozenset([True]),
    Colour.RED,
    Colour.BLUE,
    np.nan,
    np.inf,
    float,
    np.float32,
    np.dtype("f4"),
    len,
    Settings(1.0),
    Settings(2.0),
    range(3),
]


def test_static_arguments_that_are_equal_but_not_the_same_are_told_apart():
    seen = []
    function = jit(lambda x, setting: [x, seen.append(setting)][0], static_argnums=1)
    for _ in range(2):
        for setting in DISTINCT:
            function(1.0, setting)
    assert len(seen) == len(DISTINCT)
    for got, given in zip(seen, DISTINCT, strict=True):
        assert got is given


def test_a_static_argument_by_position_or_by_name_is_the_same_setting():
    traces = []

    def power(x, n):
        traces.append(n)
        return x**n

    by_number, by_name = jit(power, static_argnums=1), jit(power, static_argnames="n")
    assert by_number(3.0, 2) == by_number(3.0, n=2) == by_name(3.0, 2) == by_name(3.0, n=2) == 9.0
    assert all(type(n) is int for n in traces)
    assert by_name(n=3, x=2.0) == 8.0


def test_a_negative_static_number_counts_the_functions_arguments_and_not_the_calls():
    seen = []

    def function(x, n):
        seen.append((x, n))
        return x * n

    by_number = jit(function, static_argnums=-1)
    assert by_number(2.0, 3) == 6.0
    assert by_number(2.0, n=3) == 6.0
    assert by_number(4.0, n=3) == 12.0
    assert all(isinstance(x, functrace.core.trace.Tracer) and n == 3 for x, n in seen)


def test_a_static_argument_with_a_default():
    function = jit(lambda x, n=2: x**n, static_argnames=("n",))
    assert (function(3.0), function(3.0, 3), function(3.0, n=1)) == (9.0, 27.0, 3.0)


def test_a_static_keyword_only_argument_chooses_the_program():
    function = jit(lambda x, *, mode: np.sin(x) if mode == "sin" else np.cos(x), static_argnames=["mode"])
    assert function(0.5, mode="sin") == np.sin(0.5)
    assert function(0.5, mode="cos") == np.cos(0.5)


def test_a_static_argument_before_others_and_pytrees_among_them():
    function = jit(lambda n, p, m, q: tree.map(lambda leaf: leaf * n + m * q, p), static_argnums=(0, 2))
    assert function(2, {"a": 1.0, "b": (2.0,)}, 3, 10.0) == {"a": 32.0, "b": (34.0,)}


def test_the_gradient_by_an_argument_beside_a_static_one():
    power = jit(lambda x, n: x**n, static_argnums=1)
    assert grad(power)(2.0, 3) == 12.0
    assert jit(grad(power), static_argnums=1)(2.0, 3) == 12.0
    assert functrace.vmap(lambda x: power(x, 2))(X).tolist() == [1.0, 4.0, 9.0]


def test_donated_arguments_are_accepted_and_the_result_is_right():
    function = jit(lambda x, y: x + y, donate_argnums=0)
    np.testing.assert_array_equal(function(X.copy(), X), 2 * X)


def test_static_metadata_of_a_registered_class_is_part_of_the_kind():
    @tree.register_dataclass
    @dataclasses.dataclass
    class Scaled:
        x: np.ndarray
        by: object = dataclasses.field(metadata={"static": True})

    function = jit(lambda s: s.x * s.by)
    values = np.array([1, 2])
    for by in (2, 2.0, True, 3):
        expected = values * by
        got = function(Scaled(values, by))
        assert (got.dtype, got.tolist()) == (expected.dtype, expected.tolist())


# ---------------------------------------------------------------------------------------------------------------------
# what can be compiled
# ---------------------------------------------------------------------------------------------------------------------


class Model:
    def __init__(self, scale):
        self.scale = scale

    def apply(self, x):
        return x * self.scale

    @jit
    def decorated(self, x):
        return x * self["scale"]

    @functools.partial(jit, static_argnums=0)
    def static_self(self, x):
        return x * self.scale

    @staticmethod
    @jit
    def plain(x):
        return x * 5.0

    def __call__(self, x):
        return x * self.scale + 1.0


@tree.register_pytree_node_class
class Tree(Model):
    def tree_flatten(self):
        return (self.scale,), None

    @classmethod
    def tree_unflatten(cls, aux, children):
        return cls(*children)

    @jit
    def method(self, x):
        return x * self.scale


def test_bound_methods_static_methods_callables_and_partials():
    assert jit(Model(3.0).apply)(2.0) == 6.0
    assert Model(3.0).static_self(2.0) == 6.0
    assert Model.plain(2.0) == 10.0
    assert jit(Model(3.0))(2.0) == 7.0
    assert jit(functools.partial(lambda a, b: a - b, b=1.0))(3.0) == 2.0
    assert jit(np.sin)(0.5) == np.sin(0.5)
    assert jit(fnp.sin)(0.5) == np.sin(0.5)
    assert jit(jit(np.sin))(0.5) == np.sin(0.5)
    assert jit(grad(np.sin))(0.5) == np.cos(0.5)
    assert Tree(4.0).method(2.0) == 8.0


def test_two_bound_methods_of_one_class_share_no_program():
    methods = [jit(Model(scale).apply) for scale in (2.0, 3.0)]
    assert [method(1.0) for method in methods] == [2.0, 3.0]


def test_a_method_whose_self_is_no_pytree_says_so():
    with pytest.raises(functrace.errors.ArgumentError, match="static_argnums"):
        Model(3.0).decorated(2.0)


def test_jit_as_a_decorator_with_and_without_options_keeps_name_and_docstring():
    @jit
    def one(x):
        """First."""
        return x

    @jit(static_argnames="n")
    def two(x, n):
        """Second."""
        return x * n

    assert (one.__name__, one.__doc__, one.__wrapped__(3)) == ("one", "First.", 3)
    assert (two.__name__, two.__doc__, two(2.0, 3)) == ("two", "Second.", 6.0)
    assert "one" in repr(one)


def test_a_function_without_arguments_and_one_without_results():
    assert jit(lambda: fnp.ones(2) * 3)().tolist() == [3.0, 3.0]
    assert jit(lambda x: None)(1.0) is None
    assert jit(lambda x: ((), {"a": None}))(1.0) == ((), {"a": None})


def test_a_generator_of_results_is_refused_and_containers_are_kept():
    pair = collections.namedtuple("pair", "a b")
    assert jit(lambda x: pair(x, [x, (x,)]))(1.0) == pair(1.0, [1.0, (1.0,)])
    with pytest.raises(functrace.errors.ArgumentError, match="generator"):
        jit(lambda x: (y for y in (x,)))(1.0)


def test_recursion_in_a_jitted_function_that_stops_by_shape():
    @jit
    def total(x):
        return x[0] if len(x) == 1 else total(x[: len(x) // 2]) + total(x[len(x) // 2 :])

    assert total(np.arange(8.0)) == 28.0
    np.testing.assert_array_equal(grad(total)(np.arange(8.0)), np.ones(8))


def test_side_effects_happen_when_it_is_traced_and_not_again():
    log = []
    function = jit(lambda x: [log.append("traced"), x + 1][1])
    assert [function(k) for k in (1.0, 2.0, 3.0)] == [2.0, 3.0, 4.0]
    assert log == ["traced"]


def test_an_error_while_it_is_traced_leaves_nothing_in_the_cache():
    fail = [True]

    def function(x):
        if fail[0]:
            raise RuntimeError("not yet")
        return x * 2

    compiled = jit(function)
    with pytest.raises(RuntimeError, match="not yet"):
        compiled(1.0)
    fail[0] = False
    assert compiled(1.0) == 2.0


# ---------------------------------------------------------------------------------------------------------------------
# the cache
# ---------------------------------------------------------------------------------------------------------------------


def test_cache_info_counts_and_clear_cache_forgets():
    function, traces = counted()
    function(1.0), function(2.0), function(X)
    info = function.cache_info()
    assert (info.hits, info.misses, info.currsize) == (1, 2, 2)
    function.clear_cache()
    assert function.cache_info().currsize == 0
    assert function(1.0) == 2.0
    assert len(traces) == 3
    functrace.clear_caches()
    assert function(1.0) == 2.0
    assert len(traces) == 4


def test_a_cache_is_bounded_and_drops_what_was_used_longest_ago():
    cache = Cache(3)
    for key in "abc":
        cache.put(key, key)
    assert cache.get("a") == "a"
    cache.put("d", "d")
    assert [cache.get(key) for key in "abcd"] == ["a", None, "c", "d"]
    assert cache.info().currsize == 3
    assert cache.put("a", "another") == "a"


def test_the_cache_of_a_function_is_bounded():
    function = jit(lambda x, n: x + n, static_argnums=1)
    assert function.cache_info().maxsize < 100_000
    small = Cache(8)
    for n in range(100):
        small.put(n, object())
    assert small.info().currsize == 8


def test_a_function_and_its_programs_are_dropped_when_nobody_holds_them():
    def make():
        captured = np.ones(10)

        def function(x):
            return x * captured

        return function, jit(function)

    function, compiled = make()
    grad(lambda x, f=compiled: f(x).sum())(2.0)
    dead = [weakref.ref(function), weakref.ref(compiled), weakref.ref(compiled.trace(2.0).jaxpr)]
    del function, compiled
    gc.collect()
    assert [reference() for reference in dead] == [None, None, None]


def test_arguments_and_results_are_not_kept_alive():
    compiled = jit(lambda x: x * 2.0)
    x = np.ones(100)
    result = compiled(x)
    dead = [weakref.ref(x), weakref.ref(result)]
    del x, result
    gc.collect()
    assert [reference() for reference in dead] == [None, None]
    gradient = grad(lambda x: fnp.sum(x * x))
    y = np.ones(100)
    out = gradient(y)
    dead = [weakref.ref(y), weakref.ref(out)]
    del y, out
    gc.collect()
    assert [reference() for reference in dead] == [None, None]


def test_an_argument_is_freed_without_the_garbage_collector():
    def function(x):
        y = x * 2.0
        return fnp.sum(y * y)

    gc.disable()
    try:
        x = np.ones(5)
        reference = weakref.ref(x)
        grad(function)(x)
        jit(function)(x)
        functrace.jvp(function, (x,), (np.ones(5),))
        functrace.vmap(function)(np.ones((2, 5)))
        del x
        assert reference() is None
    finally:
        gc.enable()


def test_threads_that_trace_the_same_function_at_once_agree_on_one_program():
    barrier = threading.Barrier(4)
    function = jit(lambda x: fnp.sum(np.sin(x) * 2))
    results = []

    def work():
        barrier.wait()
        results.append(function(X))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(float, results))) == 1
    assert function.cache_info().currsize == 1
