"""Pytrees, against a naive recursion and values worked out by hand."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import gc
import operator
import pickle
import re
import subprocess
import sys
import threading
import weakref
from collections import OrderedDict, defaultdict, namedtuple
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functrace import tree, tree_util
from functrace.errors import ArgumentError, OptionError, StructureError
from functrace.pytrees import containers as container_kinds
from functrace.pytrees import generated, registry
from functrace.pytrees import treedef as structures


class Point(NamedTuple):
    x: Any
    y: Any


@tree.register_dataclass
@dataclasses.dataclass
class Layer:
    weight: Any
    bias: Any
    activation: Any = tree.static(default="relu")  # noqa: RUF009


@tree.register_pytree_node_class
class Box:
    def __init__(self, content: Any, label: Any = None) -> None:
        self.content = content
        self.label = label

    def tree_flatten(self) -> tuple[tuple[Any, ...], Any]:
        return (self.content,), self.label

    @classmethod
    def tree_unflatten(cls, label: Any, children: tuple[Any, ...]) -> Box:
        [content] = children
        return cls(content, label)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Box) and (self.content, self.label) == (other.content, other.label)

    __hash__ = None  # type: ignore[assignment]


@tree.register_pytree_with_keys_class
class Pair:
    def __init__(self, left: Any, right: Any) -> None:
        self.left = left
        self.right = right

    def tree_flatten_with_keys(self) -> tuple[list[tuple[Any, Any]], None]:
        return [(tree.GetAttrKey("left"), self.left), (tree.GetAttrKey("right"), self.right)], None

    @classmethod
    def tree_unflatten(cls, aux: None, children: tuple[Any, ...]) -> Pair:
        return cls(*children)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pair) and (self.left, self.right) == (other.left, other.right)

    __hash__ = None  # type: ignore[assignment]


class Colour(enum.StrEnum):
    RED = "red"


# ---- A naive recursion to compare with


def naive_children(x: Any) -> list[tuple[str, Any]] | None:
    """The children with the text of their keys, in the order in which they should come; None for a leaf."""
    match x:
        case None:
            return []
        case Point():
            return [(".x", x.x), (".y", x.y)]
        case Layer():
            return [(".weight", x.weight), (".bias", x.bias)]
        case Box():
            return [("[<flat index 0>]", x.content)]
        case Pair():
            return [(".left", x.left), (".right", x.right)]
        case OrderedDict():
            return [(f"[{key!r}]", child) for key, child in x.items()]
        case dict():
            return [(f"[{key!r}]", x[key]) for key in sorted(x)]
        case list() | tuple():
            return [(f"[{i}]", child) for i, child in enumerate(x)]
    return None


def naive_leaves(x: Any, path: str = "") -> list[tuple[str, Any]]:
    children = naive_children(x)
    if children is None:
        return [(path, x)]
    return [leaf for key, child in children for leaf in naive_leaves(child, path + key)]


def naive_map(f: Any, x: Any) -> Any:
    match x:
        case None:
            return None
        case Point():
            return Point(naive_map(f, x.x), naive_map(f, x.y))
        case Layer():
            return Layer(naive_map(f, x.weight), naive_map(f, x.bias), x.activation)
        case Box():
            return Box(naive_map(f, x.content), x.label)
        case Pair():
            return Pair(naive_map(f, x.left), naive_map(f, x.right))
        case defaultdict():
            return defaultdict(x.default_factory, {key: naive_map(f, child) for key, child in x.items()})
        case OrderedDict():
            return OrderedDict((key, naive_map(f, child)) for key, child in x.items())
        case dict():
            return {key: naive_map(f, child) for key, child in x.items()}
        case list():
            return [naive_map(f, child) for child in x]
        case tuple():
            return tuple(naive_map(f, child) for child in x)
    return f(x)


def naive_form(x: Any) -> Any:
    """Plain data that is equal for two trees if and only if their structures are."""
    children = naive_children(x)
    if children is None:
        return "leaf"
    static: Any = {Layer: "activation", Box: "label", defaultdict: "default_factory"}.get(type(x))
    aux = getattr(x, static) if static else None
    return type(x), aux, [(key, naive_form(child)) for key, child in children]


def containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from("abcd")
    numbers = st.sampled_from([-1, 0, 2])
    return st.one_of(
        st.lists(children, max_size=3),
        st.lists(children, max_size=3).map(tuple),
        st.dictionaries(keys, children, max_size=3),
        st.dictionaries(numbers, children, max_size=2),
        st.dictionaries(st.tuples(numbers, keys), children, max_size=2),
        st.dictionaries(keys, children, max_size=2).map(OrderedDict),
        st.builds(defaultdict, st.sampled_from([list, int, None]), st.dictionaries(keys, children, max_size=2)),
        st.builds(Point, children, children),
        st.builds(Layer, children, children, st.sampled_from(["relu", np.tanh, (1, "a")])),
        st.builds(Box, children, st.sampled_from([None, "label", 1.5])),
        st.builds(Pair, children, children),
    )


trees = st.recursive(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(max_size=2), st.none()), containers)


@given(trees)
def test_flatten_gives_the_leaves_of_a_naive_recursion(x: Any) -> None:
    assert tree.leaves(x) == [leaf for _, leaf in naive_leaves(x)]


@given(trees)
def test_unflatten_undoes_flatten(x: Any) -> None:
    leaves, treedef = tree.flatten(x)
    back = treedef.unflatten(leaves)
    assert back == x
    assert naive_form(back) == naive_form(x)
    assert treedef.num_leaves == len(leaves)


@given(trees)
def test_unflatten_gives_the_same_before_and_after_it_is_compiled(x: Any) -> None:
    leaves, treedef = tree.flatten(x)
    assert all(treedef.unflatten(leaves) == x for _ in range(generated.USES_BEFORE_COMPILING + 1))
    assert generated.compile_unflatten(treedef._nodes)(leaves) == x


@given(trees, trees)
def test_structures_are_equal_exactly_if_the_naive_forms_are(x: Any, y: Any) -> None:
    same = naive_form(x) == naive_form(y)
    assert (tree.structure(x) == tree.structure(y)) == same
    assert (tree.structure(x) != tree.structure(y)) != same


@given(trees)
def test_equal_structures_hash_alike_whether_shared_or_not(x: Any) -> None:
    treedef = tree.structure(x)
    apart = structures.structure_of(
        tuple(
            node and registry.Node(node.kind, node.arity, copy.copy(node.aux), shared=False) for node in treedef._nodes
        )
    )
    assert apart == treedef
    assert hash(apart) == hash(treedef)
    assert treedef == tree.structure(naive_map(str, x))


@given(trees)
def test_map_agrees_with_a_naive_recursion(x: Any) -> None:
    result = tree.map(lambda leaf: [leaf, None], x)
    expected = naive_map(lambda leaf: [leaf, None], x)
    assert result == expected
    assert naive_form(result) == naive_form(expected)


@given(trees)
def test_map_over_equal_trees_gives_their_leaves_together(x: Any) -> None:
    y = naive_map(repr, x)
    assert tree.map(lambda a, b: (a, b), x, y) == naive_map(lambda leaf: (leaf, repr(leaf)), x)


@given(trees)
def test_paths_are_those_of_a_naive_recursion(x: Any) -> None:
    pairs, treedef = tree.flatten_with_path(x)
    assert [(tree.keystr(path), leaf) for path, leaf in pairs] == naive_leaves(x)
    assert treedef == tree.structure(x)


def follow(x: Any, path: tree.KeyPath) -> Any:
    for key in path:
        match key:
            case tree.DictKey(k) | tree.SequenceKey(k):
                x = x[k]
            case tree.GetAttrKey(name):
                x = getattr(x, name)
            case tree.FlattenedIndexKey(i):
                x = x.tree_flatten()[0][i]
    return x


@given(trees)
def test_a_path_leads_to_its_leaf(x: Any) -> None:
    assert all(follow(x, path) is leaf for path, leaf in tree.leaves_with_path(x))


@given(trees)
def test_is_leaf_stops_where_a_naive_recursion_would(x: Any) -> None:
    def is_leaf(y: Any) -> bool:
        return y is None or type(y) is tuple

    def naive(y: Any) -> list[Any]:
        children = naive_children(y)
        return [y] if children is None or is_leaf(y) else [leaf for _, child in children for leaf in naive(child)]

    assert tree.leaves(x, is_leaf) == naive(x)
    assert tree.leaves(x, is_leaf=is_leaf) == [leaf for _, leaf in tree.leaves_with_path(x, is_leaf)]
    assert tree.structure(x, is_leaf).unflatten(tree.leaves(x, is_leaf)) == x


@given(trees, trees)
def test_compose_is_the_structure_of_a_tree_of_trees(x: Any, y: Any) -> None:
    composed = tree.structure(x).compose(tree.structure(y))
    assert composed == tree.structure(naive_map(lambda _: y, x))
    assert composed.num_leaves == tree.structure(x).num_leaves * tree.structure(y).num_leaves


@given(trees, trees)
def test_flatten_up_to_gives_the_subtrees_at_the_leaves(x: Any, y: Any) -> None:
    subtrees = tree.structure(x).flatten_up_to(naive_map(lambda leaf: (leaf, y), x))
    assert subtrees == [(leaf, y) for _, leaf in naive_leaves(x)]


@given(trees)
def test_children_are_the_structures_of_the_children(x: Any) -> None:
    expected = [tree.structure(child) for _, child in naive_children(x) or []]
    assert tree.structure(x).children() == expected
    assert tree_util.treedef_children(tree.structure(x)) == expected


@given(trees, trees)
def test_a_prefix_is_repeated_over_the_subtrees_of_its_leaves(x: Any, y: Any) -> None:
    full = naive_map(lambda _: y, x)
    repeated = [leaf for _, leaf in naive_leaves(x) for _ in naive_leaves(y)]
    assert tree.broadcast_prefix(x, full) == repeated
    assert tree.leaves(tree.broadcast(x, full)) == repeated
    assert tree.structure(tree.broadcast(x, full)) == tree.structure(full)


@given(trees, trees)
def test_transpose_twice_gives_the_tree_back(x: Any, y: Any) -> None:
    outer, inner = tree.structure(x), tree.structure(y)
    both = outer.compose(inner).unflatten(range(outer.num_leaves * inner.num_leaves))
    turned = tree.transpose(outer, inner, both)
    assert tree.structure(turned) == inner.compose(outer)
    assert tree.transpose(inner, outer, turned) == both
    numbers = np.arange(outer.num_leaves * inner.num_leaves).reshape(outer.num_leaves, inner.num_leaves)
    assert tree.leaves(turned) == numbers.T.ravel().tolist()


@given(trees, trees)
def test_map_over_trees_that_differ_raises_and_over_a_prefix_does_not(x: Any, y: Any) -> None:
    def fits(a: Any, b: Any) -> bool:
        first, second = naive_children(a), naive_children(b)
        if first is None:
            return True
        if second is None or naive_form(a)[:2] != naive_form(b)[:2]:
            return False
        return [key for key, _ in first] == [key for key, _ in second] and all(
            fits(c, d) for (_, c), (_, d) in zip(first, second, strict=True)
        )

    if fits(x, y):
        assert len(tree.leaves(tree.map(lambda a, b: 0, x, y))) == len(naive_leaves(x))
    else:
        with pytest.raises(StructureError, match="the first tree and tree 2 differ at "):
            tree.map(lambda a, b: 0, x, y)


@given(trees)
def test_a_structure_survives_pickle_and_deepcopy(x: Any) -> None:
    treedef = tree.structure(x)
    assert pickle.loads(pickle.dumps(treedef)) == treedef
    assert copy.deepcopy(treedef) == treedef


@given(st.lists(st.text("ab", max_size=2)))
def test_reduce_and_reduce_associative_keep_the_order_of_the_leaves(words: list[str]) -> None:
    assert tree.reduce(operator.add, words, "") == "".join(words)
    assert tree.reduce_associative(operator.add, words, identity="") == "".join(words)


# ---- The leaves of a tree whose structure is known


OtherPoint = namedtuple("OtherPoint", "x y")


def altered(x: Any) -> list[Any]:
    """Trees that differ from x at its root, and some that do not."""
    match x:
        case None:
            return [0, (), {}]
        case Point():
            return [tuple(x), list(x), OtherPoint(*x), Point(x.y, x.x)]
        case Layer():
            return [Layer(x.weight, x.bias, "other"), Layer(x.bias, x.weight, x.activation), Point(x.weight, x.bias)]
        case Box():
            return [Box(x.content, "other"), Box(x.content, x.label), (x.content,), x.content]
        case Pair():
            return [Point(x.left, x.right), Pair(x.right, x.left)]
        case defaultdict():
            return [defaultdict(float, x), dict(x), defaultdict(x.default_factory, {**x, "e": 0})]
        case OrderedDict():
            return [OrderedDict(reversed(x.items())), dict(x), OrderedDict(x)]
        case dict():
            fewer, new_key = dict(list(x.items())[1:]), next(iter(x), "a")
            renamed = {**fewer, (new_key * 2 if isinstance(new_key, str | tuple) else new_key + 7): 0}
            return [dict(reversed(x.items())), fewer, renamed, OrderedDict(x), defaultdict(None, x), list(x.values())]
        case list():
            return [tuple(x), [*x, 0], x[1:], x[::-1], dict(enumerate(x))]
        case tuple():
            return [list(x), (*x, 0), x[1:], x[::-1]]
    return [None, [x], (x,), {}, "another leaf"]


@st.composite
def near_misses(draw: st.DrawFn, x: Any) -> Any:
    """A tree that differs from x in one place, or does not."""
    if naive_children(x) and draw(st.integers(0, 3)):
        children, treedef = tree.flatten(x, is_leaf=lambda y: y is not x)
        place = draw(st.integers(0, len(children) - 1))
        children[place] = draw(near_misses(children[place]))
        return treedef.unflatten(children)
    return draw(st.sampled_from([x, *altered(x)]))


def leaves_if_same(x: Any, y: Any) -> list[Any] | None:
    """What `flatten_same` gives for y by the structure of x, which must be the same before and after compilation."""
    treedef = tree.structure(x)
    results = [treedef.flatten_same(y) for _ in range(generated.USES_BEFORE_COMPILING + 2)]
    results.append(generated.compile_flatten_same(treedef._nodes)(y))
    for result in results:
        assert (result is None) == (results[0] is None)
        assert result is None or all(a is b for a, b in zip(result, results[0] or [], strict=True))
    return results[0]


@given(trees, st.data())
def test_flatten_same_gives_the_leaves_exactly_if_the_structures_are_equal(x: Any, data: st.DataObject) -> None:
    for y in (data.draw(trees), data.draw(near_misses(x)), naive_map(lambda leaf: (leaf,), x), naive_map(str, x), x):
        found = leaves_if_same(x, y)
        assert (found is not None) == (naive_form(x) == naive_form(y)) == (tree.structure(x) == tree.structure(y))
        if found is not None:
            assert all(a is b for a, (_, b) in zip(found, naive_leaves(y), strict=True))


class MyDict(dict[str, Any]):
    pass


class MyPoint(Point):
    pass


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (1.0, None),
        (1.0, ()),
        (None, 1.0),
        ((), []),
        ({}, OrderedDict()),
        ([1, 2], (1, 2)),
        ([1, 2], [1, 2, 3]),
        ([1, 2], [1]),
        ([1, 2], 1),
        ([1, [2]], [1, 2]),
        ([1, 2], [1, None]),
        ([1, None], [1, 2]),
        ([1, 2], [1, {}]),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 1, "c": 2}),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}),
        ({"a": 1}, MyDict(a=1)),
        ({"a": 1}, OrderedDict(a=1)),
        ({1: 1, 2: 2}, {1: 1, 3: 2}),
        ({(1, "a"): 1}, {(1, "b"): 1}),
        (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
        (defaultdict(list, a=1), defaultdict(dict, a=1)),
        (Point(1, 2), (1, 2)),
        ((1, 2), Point(1, 2)),
        (Point(1, 2), OtherPoint(1, 2)),
        (Point(1, 2), MyPoint(1, 2)),
        (Layer(1, 2, "relu"), Layer(1, 2, "tanh")),
        (Layer(1, 2), Layer(1, [2])),
        (Box(1, "a"), Box(1, "b")),
        (Box(1, (1.5,)), Box(1, (2.5,))),
        (tree.Partial(len, 1), tree.Partial(max, 1)),
        (((1,), {}), ((1,), {"k": 2})),
        (((1,), {}), ((1, 2), {})),
    ],
)
def test_flatten_same_gives_none_for_a_near_miss(x: Any, y: Any) -> None:
    assert leaves_if_same(x, y) is None
    assert leaves_if_same(x, x) == tree.leaves(x)
    assert leaves_if_same(y, y) == tree.leaves(y)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 4, "a": 3}, [3, 4]),
        ({1: 1, 2: 2}, {2: 4, True: 3}, [3, 4]),
        ({"red": 1}, {Colour.RED: 2}, [2]),
        ({(1, 2): 1, (1, 1): 2}, {(1, 1): 3, (1, 2): 4}, [3, 4]),
        (defaultdict(list, a=1, b=2), defaultdict(list, b=4, a=3), [3, 4]),
        (Box(1, 1), Box(2, 1.0), [2]),
        ([None, (), {}], [None, (), {}], []),
        ({"a": [1, MyDict(b=1)]}, {"a": [MyDict(b=2), 3]}, [MyDict(b=2), 3]),
        (Layer((1, 2), Point(3, None)), Layer((4, 5), Point(6, None)), [4, 5, 6]),
    ],
)
def test_flatten_same_takes_any_order_of_keys_equal_keys_and_leaves_of_other_classes(
    x: Any, y: Any, expected: list[Any]
) -> None:
    assert leaves_if_same(x, y) == expected == tree.leaves(y)


def test_flatten_same_asks_for_the_same_order_of_keys_that_cannot_all_be_compared() -> None:
    a, b = frozenset({1}), frozenset({2})
    assert leaves_if_same({a: 1, b: 2}, {a: 3, b: 4}) == [3, 4]
    assert tree.structure({a: 1, b: 2}) != tree.structure({b: 2, a: 1})
    assert leaves_if_same({a: 1, b: 2}, {b: 2, a: 1}) is None


def test_flatten_same_knows_a_class_that_is_registered_after_it_was_a_leaf() -> None:
    class LaterNode:
        pass

    x = LaterNode()
    assert leaves_if_same([1], [x]) == [x]
    tree.register_pytree_node(LaterNode, lambda x: ((1, 2), None), lambda aux, children: LaterNode())
    assert leaves_if_same([1], [x]) is None
    assert leaves_if_same([x], [x]) == [1, 2]


def test_flatten_same_learns_the_classes_of_leaves() -> None:
    treedef = tree.structure([1, (2,)])
    for _ in range(2 * generated.USES_BEFORE_COMPILING):
        x = type("Leaf", (), {})()
        assert treedef.flatten_same([x, (x,)]) == [x, x]
        assert treedef.flatten_same([1, (named_tuple("Node")(1, 2),)]) is None


def test_keys_and_names_are_no_source_of_what_is_compiled() -> None:
    text = "0]\n    raise SystemExit #"
    x = {text: [1, namedtuple("exit", "x")(2)], "'": OrderedDict({text: 3}), "class0": Box(4, text)}
    assert leaves_if_same(x, x) == tree.leaves(x)
    assert generated.compile_unflatten(tree.structure(x)._nodes)(tree.leaves(x)) == x


def test_flatten_same_of_static_data_that_cannot_be_compared_is_an_error() -> None:
    treedef = tree.structure(Box(1, np.ones(2)))
    for _ in range(2 * generated.USES_BEFORE_COMPILING):
        with pytest.raises(ArgumentError, match="static data of a Box in a pytree cannot be compared"):
            treedef.flatten_same(Box(1, np.ones(2)))


def test_an_error_of_the_users_own_flatten_function_comes_through_flatten_same() -> None:
    class Failing:
        broken = False

    def flatten(x: Failing) -> tuple[tuple[Any, ...], None]:
        if x.broken:
            raise KeyError("broken")
        return (1,), None

    tree.register_pytree_node(Failing, flatten, lambda aux, children: Failing())
    x = Failing()
    treedef = tree.structure({"a": x})
    assert leaves_if_same({"a": x}, {"a": x}) == [1]
    x.broken = True
    for _ in range(2 * generated.USES_BEFORE_COMPILING):
        with pytest.raises(KeyError, match="broken"):
            treedef.flatten_same({"a": x})


def test_flatten_same_of_a_tree_too_large_to_compile_for_and_of_one_deeper_than_pythons_stack() -> None:
    for x in ([0] * 5_000, {"a": nested(5_000)}):
        treedef = tree.structure(x)
        for _ in range(2 * generated.USES_BEFORE_COMPILING):
            assert treedef.flatten_same(x) == tree.leaves(x)
            assert treedef.flatten_same([x]) is None


def test_a_deep_tree_that_is_compiled_for_needs_no_stack() -> None:
    x = nested(400, lambda y: [y])
    leaves, treedef = tree.flatten(x)
    assert leaves_if_same(x, nested(400, lambda y: [y])) == leaves
    assert leaves_if_same(x, nested(401, lambda y: [y])) is None
    assert generated.compile_unflatten(treedef._nodes)(leaves) == x


# ---- Examples


def test_a_dict_is_flattened_in_the_order_of_its_sorted_keys() -> None:
    assert tree.leaves({"b": 1, "c": 2, "a": 3}) == [3, 1, 2]
    assert tree.structure({"b": 1, "a": 2}) == tree.structure({"a": 1, "b": 2})


def test_an_ordered_dict_is_flattened_in_its_own_order() -> None:
    assert tree.leaves(OrderedDict(b=1, a=2)) == [1, 2]
    assert tree.structure(OrderedDict(b=1, a=2)) != tree.structure(OrderedDict(a=1, b=2))
    assert list(tree.map(str, OrderedDict(b=1, a=2))) == ["b", "a"]


def test_a_defaultdict_keeps_its_factory() -> None:
    back = tree.map(lambda x: x, defaultdict(list, a=[1]))
    assert type(back) is defaultdict
    assert back["new"] == []
    assert tree.structure(defaultdict(list, a=[])) != tree.structure(defaultdict(None, a=[]))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1.0, "*"),
        (None, "None"),
        ((), "()"),
        ((1,), "(*,)"),
        ([], "[]"),
        ({}, "{}"),
        ({"a": 1, "b": (2, None)}, "{'a': *, 'b': (*, None)}"),
        (Point(1, [2]), "CustomNode(namedtuple[Point], [*, [*]])"),
        (OrderedDict(b=1, a=2), "CustomNode(OrderedDict[('b', 'a')], [*, *])"),
        (defaultdict(list, a=[]), "CustomNode(defaultdict[(<class 'list'>, ('a',))], [[]])"),
        (Layer(1, 2), "CustomNode(Layer[('relu',)], [*, *])"),
        (Box(1, "label"), "CustomNode(Box[label], [*])"),
        (tree.Partial(len, 1, a=2), "CustomNode(Partial[<built-in function len>], [(*,), {'a': *}])"),
    ],
)
def test_a_structure_is_written_as_jax_writes_it(x: Any, text: str) -> None:
    assert repr(tree.structure(x)) == f"PyTreeDef({text})"


def test_one_structure_is_one_object_where_its_static_data_is_plain() -> None:
    assert tree.structure({"a": [1, None]}) is tree.structure({"a": ["x", None]})
    assert tree.structure(1.0) is tree.structure("leaf") is tree.structure(np.ones(3))
    assert tree.structure(Layer(1, 2)) is tree.structure(Layer(3, 4))


@pytest.mark.parametrize(
    ("key", "equal_key"), [(1, True), (1, 1.0), (0, False), ("red", Colour.RED), ("a", np.str_("a")), (1, np.int64(1))]
)
def test_a_dict_comes_back_with_its_own_keys_and_not_with_equal_ones(key: Any, equal_key: Any) -> None:
    for k in (key, equal_key, key):
        [back] = tree.map(str, {k: 1})
        assert type(back) is type(k)
        [path] = [path for path, _ in tree.leaves_with_path({k: 1})]
        assert type(path[0].key) is type(k)


@pytest.mark.parametrize(("value", "equal_value"), [(1, True), (1, 1.0), (0.0, -0.0), ((1,), (True,))])
def test_static_data_comes_back_itself_and_not_as_an_equal_value(value: Any, equal_value: Any) -> None:
    for v in (value, equal_value, value):
        assert repr(tree.map(str, Box(1, v)).label) == repr(v)
        assert repr(tree.map(str, Layer(1, 2, v)).activation) == repr(v)


def named_tuple(name: str) -> Any:
    return namedtuple(name, "x y")


def test_static_data_and_classes_make_structures_differ() -> None:
    assert tree.structure(Point(1, 2)) != tree.structure(named_tuple("Point")(1, 2))
    assert tree.structure(Point(1, 2)) != tree.structure((1, 2))
    assert tree.structure(Layer(1, 2, "relu")) != tree.structure(Layer(1, 2, "tanh"))
    assert tree.structure(Box(1, "a")) != tree.structure(Box(1, "b"))
    assert tree.structure([1]) != tree.structure((1,))
    assert tree.structure([1]) != [1]


def test_unregistered_subclasses_are_leaves_and_subclasses_of_named_tuples_are_nodes() -> None:
    class MyList(list[Any]):
        pass

    class MyDict(dict[str, Any]):
        pass

    class MyTuple(tuple[Any, ...]):
        pass

    class MyLayer(Layer):
        pass

    class MyPoint(Point):
        pass

    for leaf in (MyList([1]), MyDict(a=1), MyTuple("a"), MyLayer(1, 2)):
        [found] = tree.leaves(leaf)
        assert found is leaf
    back = tree.map(lambda x: -x, MyPoint(1, 2))
    assert type(back) is MyPoint
    assert back == (-1, -2)


def test_none_has_no_leaves_unless_is_leaf_says_so() -> None:
    assert tree.flatten(None) == ([], tree.structure(None))
    assert tree.leaves([None, 1]) == [1]
    assert tree.leaves([None, 1], is_leaf=lambda x: x is None) == [None, 1]
    assert tree.leaves(None, is_leaf=lambda x: x is None) == [None]
    assert tree.map(str, [None, 1]) == [None, "1"]


def test_arrays_are_leaves_and_are_not_copied() -> None:
    a = np.ones((2, 3))
    [leaf] = tree.leaves({"a": a})
    assert leaf is a
    assert tree.map(lambda x: x, [a])[0] is a


def test_unflatten_makes_new_containers_and_takes_any_iterable() -> None:
    leaves, treedef = tree.flatten([1, 2])
    assert tree.unflatten(treedef, leaves) is not leaves
    assert tree.unflatten(treedef, iter("ab")) == ["a", "b"]
    assert tree.unflatten(treedef, {"x": 1, "y": 2}) == ["x", "y"]


def test_the_leaves_of_a_map_may_be_containers() -> None:
    assert tree.map(lambda x: None if x == 1 else {"x": x}, (1, [2])) == (None, [{"x": 2}])


def test_map_gives_whole_subtrees_of_the_other_trees() -> None:
    assert tree.map(lambda x, y: (x, y), {"a": 1}, {"a": [None, 2]}) == {"a": (1, [None, 2])}


def test_map_with_path_gives_path_leaf_and_the_other_trees_leaves() -> None:
    result = tree.map_with_path(lambda path, x, y: (tree.keystr(path), x, y), [1, {"a": 2}], [3, {"a": 4}])
    assert result == [("[0]", 1, 3), {"a": ("[1]['a']", 2, 4)}]
    assert tree.map_with_path(lambda path: path, {}) == {}


def test_is_leaf_can_take_the_path() -> None:
    second = (tree.SequenceKey(1),)
    leaves, treedef = tree.flatten_with_path(
        [1, (2, 3)], is_leaf=lambda path, x: path == second, is_leaf_takes_path=True
    )
    assert leaves == [((tree.SequenceKey(0),), 1), (second, (2, 3))]
    assert treedef == tree.structure([0, 0])


def test_keys_compare_and_hash_by_value_and_kind() -> None:
    assert len({tree.DictKey("a"), tree.DictKey("a"), tree.GetAttrKey("a")}) == 2
    assert len({tree.SequenceKey(0), tree.FlattenedIndexKey(0), tree.SequenceKey(0)}) == 2
    assert repr(tree.SequenceKey(0)) == "SequenceKey(idx=0)"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (tree.DictKey(key="a"), "a"),
        (tree.SequenceKey(idx=1), 1),
        (tree.GetAttrKey(name="a"), "a"),
        (tree.FlattenedIndexKey(key=1), 1),
    ],
)
def test_a_key_has_one_attribute_that_cannot_be_changed_and_can_be_copied(key: Any, value: Any) -> None:
    [name] = key.__match_args__
    assert getattr(key, name) == value
    with pytest.raises(AttributeError):
        setattr(key, name, "b")
    assert pickle.loads(pickle.dumps(key)) == copy.deepcopy(key) == key


def test_keystr_writes_a_path_as_python_would_or_simply() -> None:
    path = (tree.DictKey("a"), tree.SequenceKey(0), tree.GetAttrKey("x"), tree.FlattenedIndexKey(1), "own key")
    assert tree.keystr(path) == "['a'][0].x[<flat index 1>]own key"
    assert tree.keystr(path, simple=True, separator="/") == "a/0/x/1/own key"
    assert tree.keystr(()) == ""


def test_reduce_starts_from_the_initializer_also_if_it_is_none() -> None:
    assert tree.reduce(lambda a, b: (a, b), [1, (2,)]) == (1, 2)
    assert tree.reduce(lambda a, b: (a, b), [1], None) == (None, 1)
    assert tree.reduce(operator.add, [], 5) == 5


def test_reduce_associative_has_logarithmic_depth() -> None:
    def depth(x: Any) -> int:
        return 1 + max(depth(x[0]), depth(x[1])) if isinstance(x, tuple) else 0

    assert depth(tree.reduce_associative(lambda a, b: (a, b), list(range(1000)))) == 10


def test_all_is_true_of_a_tree_without_leaves() -> None:
    assert tree.all([None, {}])
    assert not tree.all({"a": True, "b": [False]})
    assert tree.all([()], is_leaf=lambda x: x == ()) is False


def test_transpose_infers_the_inner_structure_from_the_first_part() -> None:
    assert tree.transpose(tree.structure([0, 0]), None, [(1, 2, 3), (4, 5, 6)]) == ([1, 4], [2, 5], [3, 6])
    assert tree.transpose(tree.structure([]), tree.structure((0, 0)), []) == ([], [])


def test_broadcast_with_none_as_a_leaf_of_the_prefix() -> None:
    prefix, full = {"a": None, "b": 2}, {"a": (1, 2), "b": [9, None]}
    assert tree.broadcast(prefix, full, is_leaf=lambda x: x is None) == {"a": (None, None), "b": [2, None]}
    assert tree.broadcast(0, [(1, 2), {"a": 3}]) == [(0, 0), {"a": 0}]
    assert tree.broadcast(0, None) is None


def test_the_functions_on_structures_under_jax_names() -> None:
    leaf = tree.structure(1)
    assert tree_util.treedef_is_leaf(leaf)
    assert not tree_util.treedef_is_leaf(tree.structure([1]))
    assert tree_util.treedef_tuple([leaf, tree.structure([1])]) == tree.structure((1, [1]))
    assert tree_util.treedef_tuple([]) == tree.structure(())
    assert tree_util.all_leaves([1, "a", np.ones(2)])
    assert not tree_util.all_leaves([1, (2,)])
    assert tree_util.all_leaves([1, None], is_leaf=lambda x: x is None)


def test_every_function_of_tree_has_its_name_in_tree_util() -> None:
    functions = "all broadcast flatten flatten_with_path leaves leaves_with_path map map_with_path reduce"
    for name in (functions + " reduce_associative structure transpose unflatten").split():
        assert getattr(tree_util, f"tree_{name}") is getattr(tree, name)
    assert set(tree_util.__all__) <= set(dir(tree_util))


# ---- Registration


def test_a_registered_class_is_taken_apart_and_put_together() -> None:
    class Interval:
        def __init__(self, low: Any, high: Any) -> None:
            self.low, self.high = low, high

    received = []

    def unflatten(aux: Any, children: Any) -> Interval:
        received.append((aux, children))
        return Interval(*children)

    tree.register_pytree_node(Interval, lambda x: ([x.low, x.high], "aux"), unflatten)
    leaves, treedef = tree.flatten([Interval(1, (2, 3))])
    assert leaves == [1, 2, 3]
    [back] = tree.unflatten(treedef, [4, 5, 6])
    assert (back.low, back.high) == (4, (5, 6))
    assert received == [("aux", (4, (5, 6)))]


def test_a_class_seen_as_a_leaf_before_it_is_registered_is_a_node_after() -> None:
    class Late:
        pass

    x = Late()
    assert tree.leaves([x]) == [x]
    tree.register_pytree_node(Late, lambda x: ((1, 2), None), lambda aux, children: Late())
    assert tree.leaves([x]) == [1, 2]


@pytest.mark.parametrize("cls", [list, dict, type(None), Layer, Box, Pair, tree.Partial])
def test_to_register_a_class_twice_is_an_error(cls: type) -> None:
    with pytest.raises(OptionError, match=f"{cls.__name__} is registered as a pytree node already"):
        tree.register_pytree_node(cls, lambda x: ((), None), lambda aux, children: None)


def test_only_classes_can_be_registered() -> None:
    with pytest.raises(ArgumentError, match="only a class can be registered"):
        tree.register_pytree_node(3, lambda x: ((), None), lambda aux, children: 3)  # type: ignore[arg-type]


def test_a_flatten_function_that_returns_no_pair_is_an_error() -> None:
    class Wrong:
        pass

    tree.register_pytree_node(Wrong, lambda x: [1, 2], lambda aux, children: Wrong())  # type: ignore
    with pytest.raises(ArgumentError, match=r"flatten function of .*Wrong must return a pair.*returned \[1, 2\]"):
        tree.flatten(Wrong())


def test_keys_and_children_of_different_numbers_are_an_error() -> None:
    class Uneven:
        pass

    tree.register_pytree_with_keys(
        Uneven, lambda x: ([("a", 1)], None), lambda aux, children: Uneven(), lambda x: ((1, 2), None)
    )
    assert tree.leaves(Uneven()) == [1, 2]
    with pytest.raises(ArgumentError, match="gave 1 keys for 2 children"):
        tree.flatten_with_path(Uneven())


def test_a_dataclass_is_registered_with_lists_of_fields() -> None:
    @functools.partial(tree.register_dataclass, data_fields=["b", "a"], meta_fields=["c"], drop_fields=["d"])
    @dataclasses.dataclass
    class Fields:
        a: Any
        b: Any
        c: Any
        d: Any = "default"

    leaves, treedef = tree.flatten(Fields(1, 2, 3, 4))
    assert leaves == [2, 1]
    assert treedef.unflatten("xy") == Fields("y", "x", 3)
    assert [tree.keystr(path) for path, _ in tree.leaves_with_path(Fields(1, 2, 3))] == [".b", ".a"]


def test_a_class_that_takes_its_fields_as_keywords_is_registered_as_a_dataclass_is() -> None:
    class Plain:
        def __init__(self, *, a: Any, b: Any) -> None:
            self.a, self.b = a, b

    tree.register_dataclass(Plain, data_fields=["a"], meta_fields=["b"])
    back = tree.map(lambda x: x + 1, Plain(a=1, b="static"))
    assert (back.a, back.b) == (2, "static")


def test_a_dataclass_of_static_fields_only_and_one_of_a_single_data_field() -> None:
    @tree.register_dataclass
    @dataclasses.dataclass(frozen=True)
    class Config:
        rate: float = tree.static(default=0.5, metadata={"unit": "1/s"})
        cache: Any = dataclasses.field(default=None, init=False)

    assert tree.leaves(Config()) == []
    assert tree.map(str, [Config(0.25), 1]) == [Config(0.25), "1"]
    assert dataclasses.fields(Config)[0].metadata == {"unit": "1/s", "static": True}

    @tree.register_dataclass
    @dataclasses.dataclass
    class One:
        value: Any

    assert tree.map(str, One((1, 2))) == One(("1", "2"))
    assert tree.structure(One(1)) is tree.structure(One(2))


@pytest.mark.parametrize(
    ("data", "meta", "error", "message"),
    [
        (["a"], None, ArgumentError, "data_fields or meta_fields, and not both"),
        (["a"], [], OptionError, "neither data_fields nor meta_fields: b"),
        (["a", "c"], ["b"], OptionError, "no fields of its __init__: c"),
        (["a", "b"], ["b"], OptionError, "both data_fields and meta_fields: b"),
    ],
)
def test_lists_of_fields_that_do_not_fit_the_dataclass_are_an_error(
    data: Any, meta: Any, error: type[Exception], message: str
) -> None:
    @dataclasses.dataclass
    class Two:
        a: Any
        b: Any

    with pytest.raises(error, match=message):
        tree.register_dataclass(Two, data, meta)


def test_the_fields_of_a_class_that_is_no_dataclass_must_be_given() -> None:
    class Plain:
        pass

    with pytest.raises(ArgumentError, match="is not a dataclass"):
        tree.register_dataclass(Plain)


def test_instances_of_a_static_class_are_compared_and_not_mapped() -> None:
    @tree.register_static
    class Mode(enum.Enum):
        TRAIN = 1
        TEST = 2

    assert tree.leaves([Mode.TRAIN, 1]) == [1]
    assert tree.map(str, [Mode.TRAIN, 1]) == [Mode.TRAIN, "1"]
    assert tree.structure(Mode.TRAIN) != tree.structure(Mode.TEST)
    with pytest.raises(StructureError, match=r"differ at \[0\]"):
        tree.map(lambda x, y: x, [Mode.TRAIN], [Mode.TEST])


def test_an_array_as_static_data_is_a_clear_error_where_it_matters() -> None:
    x, y = Box(1, np.ones(2)), Box(1, np.ones(2))
    assert tree.map(lambda v: v + 1, x).content == 2
    with pytest.raises(ArgumentError, match="static data of a Box in a pytree is not hashable"):
        hash(tree.structure(x))
    with pytest.raises(ArgumentError, match="static data of a Box in a pytree cannot be compared"):
        tree.structure(x) == tree.structure(y)  # noqa: B015


def test_one_thread_of_many_registers_a_class_and_the_others_fail() -> None:
    for _ in range(20):
        cls = type("Contended", (), {})
        outcomes: list[str] = []
        barrier = threading.Barrier(8)

        def register(cls: type = cls, barrier: threading.Barrier = barrier, outcomes: list[str] = outcomes) -> None:
            barrier.wait()
            tree.leaves(cls())
            try:
                tree.register_pytree_node(cls, lambda x: ((1,), None), lambda aux, children: cls())
                outcomes.append("registered")
            except OptionError:
                outcomes.append("refused")

        threads = [threading.Thread(target=register) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["refused"] * 7 + ["registered"]
        assert tree.leaves(cls()) == [1]


def test_threads_that_flatten_and_unflatten_the_same_structures_do_not_disturb_each_other() -> None:
    errors = []

    def work(seed: int) -> None:
        for i in range(300):
            x = {f"k{j}": [i, (seed, None)] for j in range(i % 17)}
            leaves, treedef = tree.flatten(x)
            if treedef.unflatten(leaves) != x or leaves != [i, seed] * (i % 17):
                errors.append(x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


# ---- Partial


def test_a_partial_is_called_with_its_bound_arguments_which_are_leaves() -> None:
    def f(x: Any, y: Any, scale: Any = 1.0) -> Any:
        return scale * (x - y)

    bound = tree.Partial(f, 5.0, scale=2.0)
    assert bound(3.0) == 4.0
    assert tree.leaves(bound) == [5.0, 2.0]
    negated = tree.map(operator.neg, bound)
    assert isinstance(negated, tree.Partial)
    assert negated(3.0) == 16.0
    assert [tree.keystr(path) for path, _ in tree.leaves_with_path(bound)] == [".args[0]", ".keywords['scale']"]


def test_a_partial_of_a_partial_has_the_arguments_of_both() -> None:
    bound = tree.Partial(functools.partial(divmod, 7), 2)
    assert bound() == (3, 1)
    assert tree.leaves(bound) == [7, 2]


def test_a_functions_structure_does_not_keep_it_alive() -> None:
    def make() -> weakref.ref[Any]:
        def f(x: float) -> float:
            return x

        leaves, treedef = tree.flatten([tree.Partial(f, 1.0), Layer(1, 2, f)])
        for _ in range(2 * generated.USES_BEFORE_COMPILING):
            assert treedef.flatten_same(treedef.unflatten(leaves)) == leaves
        return weakref.ref(f)

    reference = make()
    gc.collect()
    assert reference() is None


# ---- Errors


def test_keys_without_an_order_are_a_clear_error() -> None:
    for x in ({1: 1, "a": 2}, defaultdict(int, {1: 1, "a": 2})):
        with pytest.raises(ArgumentError, match=r"keys of a dict in a pytree must have an order.*\[1, 'a'\]"):
            tree.flatten([x])
    assert tree.leaves(OrderedDict({1: 1, "a": 2})) == [1, 2]


def test_a_wrong_number_of_leaves_names_the_structure_and_the_first_that_is_missing() -> None:
    treedef = tree.structure({"a": 0, "b": [0, Box(0)]})
    with pytest.raises(StructureError, match=r"should be 3, and is 2.*\['b'\]\[1\]\[<flat index 0>\]") as caught:
        treedef.unflatten([1, 2])
    assert repr(treedef) in str(caught.value)
    with pytest.raises(StructureError, match="should be 3, and is 4"):
        tree.unflatten(treedef, [1, 2, 3, 4])
    with pytest.raises(StructureError, match="at the root"):
        tree.structure(1).unflatten([])
    with pytest.raises(StructureError, match=r"missing stands at \[<flat index 0>\]"):
        tree.structure(Pair(1, 2)).unflatten([])


def test_leaves_before_structure_is_a_clear_error() -> None:
    leaves, treedef = tree.flatten([1])
    with pytest.raises(ArgumentError, match="takes a PyTreeDef and the leaves, in this order; it got a list first"):
        tree.unflatten(leaves, treedef)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            {"a": [1, 2]},
            {"a": [1]},
            r"at \['a'\]: the first tree has a list of length 2, tree 2 has a list of length 1",
        ),
        ({"a": [1]}, {"a": (1,)}, r"at \['a'\]: the first tree has a list of length 1, tree 2 has a tuple of length 1"),
        ([(1,)], [1.5], r"at \[0\]: the first tree has a tuple of length 1, tree 2 has a leaf of type float"),
        ([None], [1], r"at \[0\]: the first tree has None, tree 2 has a leaf of type int"),
        (
            {"a": 1, "b": 2},
            {"a": 1, "c": 2},
            r"at the root: .* has the keys \['a', 'b'\] \(only there: \['b'\]\), tree 2 .* \(only there: \['c'\]\)",
        ),
        (
            OrderedDict(a=1, b=2),
            OrderedDict(b=1, a=2),
            r"at the root: the first tree has the keys \['a', 'b'\], tree 2 has the keys \['b', 'a'\]",
        ),
        (
            [Layer(1, (2,))],
            [Layer(1, 2)],
            r"at \[0\]\.bias: the first tree has a tuple of length 1, tree 2 has a leaf of type int",
        ),
        (
            Layer(1, 2, "relu"),
            Layer(1, 2, "tanh"),
            r"the first tree has a Layer with the static data \('relu',\), tree 2 has one with \('tanh',\)",
        ),
        ([Pair(1, [2])], [Pair(1, [])], r"at \[0\]\.right: "),
        (Point([1], 2), Point([], 2), r"at \.x: "),
        (Box([1]), Box([]), r"at \[<flat index 0>\]: "),
    ],
)
def test_map_over_trees_that_differ_names_the_path_and_both_structures(first: Any, second: Any, message: str) -> None:
    with pytest.raises(StructureError, match=message) as caught:
        tree.map(lambda x, y: x, first, second)
    assert repr(tree.structure(first)) in str(caught.value)
    assert repr(tree.structure(second)) in str(caught.value)


def test_map_says_which_of_several_trees_differs() -> None:
    with pytest.raises(StructureError, match="the first tree and tree 3 differ at the root"):
        tree.map(lambda *xs: xs, [1], [2], (3,))


def test_flatten_up_to_names_the_path_where_the_tree_is_too_short() -> None:
    with pytest.raises(StructureError, match=r"the structure and the tree differ at \['a'\]"):
        tree.structure({"a": (1, 2)}).flatten_up_to({"a": (1,)})


def test_a_prefix_that_does_not_fit_names_the_path() -> None:
    with pytest.raises(StructureError, match=r"the prefix and the tree differ at \[1\]\['b'\]"):
        tree.broadcast_prefix((0, {"b": [1, 2]}), (1, {"b": [1, 2, 3]}))
    with pytest.raises(StructureError, match=r"at \[0\]: the prefix has None") as caught:
        tree.broadcast([None, 0], [1, 2])
    assert "instead: is_leaf=lambda x: x is None" in str(caught.value)


def test_transpose_names_the_path_where_the_tree_is_not_as_said() -> None:
    outer, inner = tree.structure([0, 0]), tree.structure((0, 0))
    with pytest.raises(StructureError, match=r"at \[1\]"):
        tree.transpose(outer, inner, [(1, 2), (3,)])
    with pytest.raises(StructureError, match=r"expects a leaf at \[1\]\[0\], and there is a container"):
        tree.transpose(outer, inner, [(1, 2), ([3], 4)])
    with pytest.raises(StructureError, match="cannot tell the inner structure"):
        tree.transpose(tree.structure([]), None, [])


def test_reduce_of_nothing_is_an_error_that_names_what_to_pass() -> None:
    with pytest.raises(ArgumentError, match="pass initializer="):
        tree.reduce(operator.add, [None])
    with pytest.raises(ArgumentError, match="pass identity="):
        tree.reduce_associative(operator.add, [])


def test_a_structure_is_not_made_by_hand() -> None:
    with pytest.raises(ArgumentError, match=r"functrace\.tree\.structure"):
        tree.PyTreeDef()


def test_an_error_of_the_users_own_function_comes_through() -> None:
    def fail(x: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tree.map(fail, [1])
    with pytest.raises(ZeroDivisionError):
        tree.leaves([[1]], is_leaf=fail)


def test_errors_about_large_trees_are_short() -> None:
    x = {f"key {i}": i for i in range(10_000)}
    with pytest.raises(StructureError) as caught:
        tree.map(lambda a, b: a, x, {**x, "key 5000": 1, "another": 2})
    assert "another" in str(caught.value)
    assert len(str(caught.value)) < 6_000


# ---- Depth and size


def nested(depth: int, wrap: Any = lambda x: (x, None)) -> Any:
    x: Any = 1.0
    for _ in range(depth):
        x = wrap(x)
    return x


@pytest.mark.parametrize(
    ("wrap", "depth"), [(lambda x: (x, None), 20_000), (lambda x: [x], 5_000), (lambda x: {"a": x}, 5_000)]
)
def test_a_tree_nested_deeper_than_pythons_stack_is_like_any_other(wrap: Any, depth: int) -> None:
    x = nested(depth, wrap)
    leaves, treedef = tree.flatten(x)
    assert leaves == [1.0]
    back = treedef.unflatten([2.0])
    for _ in range(depth):
        back = back["a"] if isinstance(back, dict) else back[0]
    assert back == 2.0
    assert hash(treedef) == hash(tree.structure(nested(depth, wrap)))
    assert treedef == tree.structure(nested(depth, wrap))
    assert repr(treedef).count("*") == 1
    assert len(tree.leaves_with_path(x)[0][0]) == depth
    assert treedef.flatten_up_to(x) == [1.0]
    assert tree.broadcast_prefix(0, x) == [0]
    with pytest.raises(StructureError, match=r"differ at .* \.\.\. "):
        tree.map(lambda a, b: a, nested(depth, wrap), nested(depth - 1, wrap))


def test_a_container_that_contains_itself_is_a_clear_error() -> None:
    cycle: list[Any] = []
    cycle.append([cycle, cycle])
    with pytest.raises(ArgumentError, match="a list that contains itself"):
        tree.flatten(cycle)
    cycle.clear()


def test_a_wide_tree_is_flattened_and_put_together() -> None:
    x = {"list": list(range(100_000)), "dict": {f"{i:06}": i for i in range(60_000)}}
    leaves, treedef = tree.flatten(x)
    assert leaves == [*range(60_000), *range(100_000)]
    assert treedef.unflatten(leaves) == x


def test_the_tables_of_shared_structures_are_bounded() -> None:
    for i in range(3_000):
        tree.structure({f"{i} {j}": [0] * (i % 7) for j in range(60)})
        tree.structure(named_tuple("Short")(i, i))
    for table in (structures.shared_treedefs, registry.shared_nodes, container_kinds.dict_plans):
        assert sum(len(key) for key in table) <= registry.LARGEST_TABLE
    assert len(registry.kinds) <= len(registry.registered) + registry.MOST_LEARNED + 1
    assert registry.leaf_classes <= set(registry.kinds)


def test_structures_made_before_the_tables_were_emptied_equal_those_made_after() -> None:
    x = {"a": [1, Point(2, Layer(3, 4))]}
    before = tree.structure(x)
    for table in (structures.shared_treedefs, registry.shared_nodes, container_kinds.dict_plans):
        table.clear()
    for learned in set(registry.kinds) - set(registry.registered):
        del registry.kinds[learned]
    registry.leaf_classes.clear()
    after = tree.structure(x)
    assert after == before
    assert hash(after) == hash(before)
    assert before.flatten_up_to(x) == [1, 2, 3, 4]


def test_a_structure_is_unpickled_in_another_process() -> None:
    data = pickle.dumps(tree.structure({"a": [1, None], "b": OrderedDict(x=1)}))
    code = f"import pickle; print(pickle.loads({data!r}))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "PyTreeDef({'a': [*, None], 'b': CustomNode(OrderedDict[('x',)], [*])})"


def test_a_class_that_is_not_registered_where_its_structure_is_unpickled_is_a_clear_error() -> None:
    with pytest.raises(ArgumentError, match="which is not registered as a pytree node here"):
        registry.kind_of(int)


def test_the_modules_behind_tree_import_only_those_above_them_in_their_list() -> None:
    package = Path(generated.__file__).parent
    listed = re.findall(r"^(\w+)  +\S", (package / "__init__.py").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in package.glob("*.py") if path.stem != "__init__")
    for place, name in enumerate(listed):
        source = (package / f"{name}.py").read_text()
        imported = re.findall(r"functrace\.pytrees(?:\.| import )(\w+)", source)
        assert set(imported) <= set(listed[:place]), name
        assert set(re.findall(r"^(?:from|import) (functrace[.\w]*)", source, re.MULTILINE)) <= {
            "functrace.errors",
            "functrace.pytrees",
            *(f"functrace.pytrees.{above}" for above in listed[:place]),
        }
