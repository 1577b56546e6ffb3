"""Functions and values written as a text that stands alone: the names in it mean what they meant."""

from __future__ import annotations

import functools
import math
import types
from typing import NamedTuple

import numpy as np
import pytest

from functrace.errors import ShapeError
from functrace.export.bundle import Bundle, CannotBundle
from functrace.lax.index import ARRAY, Index

SCALE = 3.0
TABLE = {"a": (1, 2), "b": np.arange(3.0)}
x = "a global that locals hide"


def bundled(value):
    """The value again, made from its text in an empty module, and the text."""
    bundle = Bundle([])
    expression = bundle.reference(value, "value")
    text = "\n\n".join([*bundle.imports, *bundle.definitions])
    module: dict = {"__name__": "bundled"}
    exec(compile(text, "<bundled>", "exec"), module)
    return eval(expression, module), text


def helper(value, factor=SCALE, *, offset=TABLE["a"][1]):
    """One sentence.

    And what is for readers of the library alone.
    """
    return value * factor + offset


def local_names(values):
    x = 2
    total = [x * y for y in values if y]
    pairs = {x: x + 1 for x in values}
    rest = (lambda x: x + SCALE)(1)
    for value, *_others in [values]:
        total.append(value)
    try:
        raise ValueError("no")
    except ValueError as error:
        total.append(str(error))
    if (found := len(values)) > 1:
        total.append(found)
    return total, pairs, rest, math.floor(helper(x))


def hidden_in_a_comprehension():
    return [x + "!" for x in x.split()], {x for x in x if x}, x


def nested(n):
    def inner(k):
        nonlocal n
        n += k
        return SCALE * n if k < 2 else inner(k - 1)

    return inner(n)


def recursive(n):
    return 1 if n < 2 else n * other(n - 1)


def other(n):
    return recursive(n)


class Pair(NamedTuple):
    first: int
    second: float = SCALE

    @property
    def both(self):
        return self.first * self.second + len(TABLE["b"])


def with_a_class(n: int) -> tuple[Pair, float]:
    pair: Pair = Pair(n)
    return tuple(pair), pair.both


@functools.lru_cache(maxsize=7)
def cached(n):
    return n + SCALE


def with_a_cache(n):
    return cached(n), cached(n)


def imports_inside(values):
    import itertools

    from functrace.lax.index import _entry_text as text

    return list(itertools.accumulate(values)), text(slice(1, None))


def made_by(ufunc, power):
    def function(values, scale=power):
        return ufunc.reduce(np.asarray(values) ** power) * scale

    return function


def branch(value):
    match value:
        case [first, *rest]:
            return first, rest
        case {"x": x}:
            return x
        case _:
            return SCALE


FUNCTIONS = [
    (local_names, ([1, 2, 3],)),
    (hidden_in_a_comprehension, ()),
    (nested, (3,)),
    (recursive, (5,)),
    (with_a_class, (4,)),
    (with_a_cache, (4,)),
    (imports_inside, ([1, 2, 3],)),
    (made_by(np.add, 2), ([1, 2, 3],)),
    (branch, ([1, 2],)),
    (branch, ({"x": 5},)),
    (branch, (1,)),
    (lambda v: v * SCALE, (2,)),
    (lambda v, w=TABLE["a"]: [helper(u) for u in (v, *w)], (2,)),
]


@pytest.mark.parametrize(("function", "args"), FUNCTIONS, ids=[function.__name__ for function, _ in FUNCTIONS])
def test_a_function_does_the_same_by_itself(function, args):
    again, text = bundled(function)
    assert again(*args) == function(*args)
    assert "functrace" not in text


def test_of_several_lambdas_on_a_line_each_is_found():
    pair = (lambda v: v + 1), (lambda v: (lambda w: w * 2)(v) + SCALE)
    assert [bundled(function)[0](5) for function in pair] == [6, 13.0]
    (outer,) = [lambda v: lambda w: v - w]
    assert bundled(outer)[0](5)(3) == 2
    assert bundled(outer(5))[0](3) == 2


def test_docstrings_are_shortened():
    assert "One sentence." in bundled(helper)[1]
    assert "readers" not in bundled(helper)[1]


def test_names_that_mean_different_things_are_kept_apart():
    one = types.FunctionType(helper.__code__, {"SCALE": 1}, "helper", (5,))
    one.__kwdefaults__ = {"offset": 7}
    one.__module__ = __name__

    def both(value):
        return one(value), helper(value)

    assert bundled(both)[0](2) == both(2) == (17, 8.0)


def test_a_name_that_is_another_inside_of_the_function_does_not_hide_what_is_meant():
    def put(value):
        return -value

    def make(write, np_add):
        def function(put, np=5):
            helper = write(put)
            return helper + np_add(np, put), other_helper(helper)

        return function

    function = make(put, np.add)
    assert bundled(function)[0](3) == function(3)


other_helper = helper


def test_a_name_of_pythons_own_keeps_its_meaning():
    def sum(values):
        return len(values)

    def function(values):
        return sum(values)

    again, _ = bundled(function)
    assert again([5, 5]) == 2

    def uses_the_builtin(values):
        return function(values), max(values), __builtins_sum(values)

    __builtins_sum = __import__("builtins").sum
    assert bundled(uses_the_builtin)[0]([5, 6]) == (2, 6, 11)


VALUES = [
    None,
    ...,
    True,
    -3,
    float("nan"),
    -0.0,
    1 - 2j,
    "it's",
    b"\x00",
    (1,),
    [1, (2.5, None)],
    {"a": {1: 2}},
    frozenset([1, 2]),
    slice(1, None, 2),
    range(1, 9, 3),
    np.dtype("float32"),
    np.float32(0.1),
    np.arange(3),
    np.add,
    np.add.reduce,
    np.ndarray.argmax,
    np.linalg.norm,
    np.int64,
    math,
    math.sin,
    int,
    functools.reduce,
    Index((1, ARRAY, slice(None, 3), None, ...), unique=False),
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_value_comes_back(value):
    again, _ = bundled(value)
    assert type(again).__name__ == type(value).__name__
    assert repr(again) == repr(value)


def test_an_error_of_the_library_stays_an_error_of_python():
    def function():
        raise ShapeError("what", instead="this")

    with pytest.raises(ValueError, match="what\n  instead: this"):
        bundled(function)[0]()


def test_one_object_stays_one_object():
    def function():
        return ARRAY, Index((ARRAY,)).entries[0]

    first, second = bundled(function)[0]()
    assert first is second


def a_function_without_source():
    namespace: dict = {}
    exec("def function(): return 1", namespace)
    return namespace["function"]


def test_what_has_no_source_is_refused():
    with pytest.raises(CannotBundle, match="source"):
        bundled(a_function_without_source())


def test_random_state_is_refused():
    rng = np.random.default_rng()
    with pytest.raises(CannotBundle, match="Generator"):
        bundled(lambda n: rng.normal(size=n))


def test_other_packages_are_refused():
    special = pytest.importorskip("scipy.special")
    with pytest.raises(CannotBundle, match="scipy"):
        bundled(lambda v: special.expit(v))

    def imports_it(v):
        import scipy.special

        return scipy.special.expit(v)

    with pytest.raises(CannotBundle, match="scipy"):
        bundled(imports_it)


def test_a_name_that_stands_for_nothing_is_refused():
    with pytest.raises(CannotBundle, match="undefined_name"):
        bundled(lambda: undefined_name)  # noqa: F821
