"""Pytrees: nested containers with arrays at the leaves.

A tree is taken apart into the flat list of its leaves and a `PyTreeDef`, which says how to put it together again.
Containers are tuples, lists, dicts, named tuples, `None` (which has no leaves), `OrderedDict`, `defaultdict` and every
class that was registered. Everything else is a leaf, a subclass of `list` or `dict` that was not registered too.

This is the public face of `functrace.pytrees`, where the structures, the containers and their registration are.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Iterable
from typing import Any

from functrace.errors import ArgumentError, StructureError
from functrace.pytrees.dataclass import register_dataclass, static
from functrace.pytrees.description import at, shorten
from functrace.pytrees.keys import DictKey, FlattenedIndexKey, GetAttrKey, KeyPath, SequenceKey, keystr
from functrace.pytrees.partial import Partial
from functrace.pytrees.paths import flatten_with_path, leaves_with_path, map_with_path
from functrace.pytrees.prefix import flatten_up_to, path_of_leaf
from functrace.pytrees.registration import (
    register_pytree_node,
    register_pytree_node_class,
    register_pytree_with_keys,
    register_pytree_with_keys_class,
    register_static,
)
from functrace.pytrees.registry import Kind, Node, kinds
from functrace.pytrees.traversal import IsLeaf, visit, without_path
from functrace.pytrees.treedef import (
    LEAF,
    PyTreeDef,
    shared_treedefs,
    structure_of,
    treedef_children,
    treedef_is_leaf,
    treedef_tuple,
)

__all__ = [
    "DictKey",
    "FlattenedIndexKey",
    "GetAttrKey",
    "KeyPath",
    "Partial",
    "PyTreeDef",
    "SequenceKey",
    "all",
    "all_leaves",
    "broadcast",
    "broadcast_prefix",
    "flatten",
    "flatten_with_path",
    "keystr",
    "leaves",
    "leaves_with_path",
    "map",
    "map_with_path",
    "reduce",
    "reduce_associative",
    "register_dataclass",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_pytree_with_keys",
    "register_pytree_with_keys_class",
    "register_static",
    "static",
    "structure",
    "transpose",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
    "unflatten",
]

_UNSPECIFIED: Any = object()


def flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], PyTreeDef]:
    """Take a tree apart into its leaves and its structure.

    Parameters
    ----------
    tree
        Any pytree. The values of a dict come in the order of its sorted keys.
    is_leaf
        Asked of every container, from the root down; where it answers True the container is a leaf.

    Returns
    -------
    leaves : list
        The leaves, from left to right.
    treedef : PyTreeDef
        The structure, from which `unflatten` makes the tree again.

    Raises
    ------
    ArgumentError
        If the keys of a dict cannot be sorted, or a container contains itself.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.flatten({"b": [1.0, 2.0], "a": 3.0})
    ([3.0, 1.0, 2.0], PyTreeDef({'a': *, 'b': [*, *]}))
    >>> tree.flatten([None, (1, 2)], is_leaf=lambda x: x is None)
    ([None, 1, 2], PyTreeDef([*, (*, *)]))
    """
    kind = kinds[type(tree)]
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        return [tree], LEAF
    found: list[Any] = []
    nodes: list[Node | None] = []
    try:
        _descend(tree, kind, is_leaf, found, nodes)
    except RecursionError:  # a tree deeper than Python's stack: the slower way has no such limit
        nodes = []
        found = [leaf for _, leaf in visit(tree, is_leaf and without_path(is_leaf), nodes)]
    preorder = tuple(nodes)
    return found, shared_treedefs.get(preorder) or structure_of(preorder)


def _descend(tree: Any, kind: Kind, is_leaf: IsLeaf, found: list[Any], nodes: list[Node | None]) -> None:
    children, node = kind.split(tree)
    nodes.append(node)
    for child in children:
        kind_of_child = kinds[type(child)]
        if kind_of_child is None or (is_leaf is not None and is_leaf(child)):
            found.append(child)
            nodes.append(None)
        else:
            _descend(child, kind_of_child, is_leaf, found, nodes)


def unflatten(treedef: PyTreeDef, leaves: Iterable[Any]) -> Any:
    """Put a tree together from its structure and its leaves.

    Parameters
    ----------
    treedef
        The structure, as `flatten` or `structure` gives it.
    leaves
        As many leaves as the structure has, from left to right. Any object can be a leaf.

    Returns
    -------
    tree
        The tree, in new containers.

    Raises
    ------
    StructureError
        If there are more or fewer leaves than the structure has.
    ArgumentError
        If the first argument is no structure.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.unflatten(tree.structure({"a": 0, "b": (0, 0)}), [1, 2, 3])
    {'a': 1, 'b': (2, 3)}
    """
    if type(treedef) is not PyTreeDef:
        raise ArgumentError(
            f"unflatten takes a PyTreeDef and the leaves, in this order; it got a {type(treedef).__name__} first",
            instead="unflatten(treedef, leaves)",
        )
    return treedef.unflatten(leaves)


def leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of a tree, from left to right.

    Parameters
    ----------
    tree, is_leaf
        As for `flatten`.

    Returns
    -------
    list
        The leaves.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.leaves({"b": [1, None], "a": (2, 3)})
    [2, 3, 1]
    """
    return flatten(tree, is_leaf)[0]


def structure(tree: Any, is_leaf: IsLeaf = None) -> PyTreeDef:
    """The structure of a tree.

    Parameters
    ----------
    tree, is_leaf
        As for `flatten`.

    Returns
    -------
    PyTreeDef
        The structure, without the leaves.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.structure([1, (2, None)])
    PyTreeDef([*, (*, None)])
    """
    return flatten(tree, is_leaf)[1]


def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """Apply a function to every leaf of a tree.

    Parameters
    ----------
    f
        Takes one leaf of `tree`, and what stands in its place in each of `rest`.
    tree
        The tree that gives the structure of the result.
    *rest
        Trees of the same structure. Where `tree` has a leaf, they may have a whole subtree.
    is_leaf
        As for `flatten`; asked of `tree` alone.

    Returns
    -------
    tree
        What `f` returned, in the structure of `tree`.

    Raises
    ------
    StructureError
        If the structure of one of `rest` differs; the error names the path.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.map(lambda x, y: x + y, {"a": 1, "b": [2]}, {"a": 10, "b": [20]})
    {'a': 11, 'b': [22]}
    """
    first, treedef = flatten(tree, is_leaf)
    others = [flatten_up_to(treedef._nodes, other, "the first tree", f"tree {i}") for i, other in enumerate(rest, 2)]
    return treedef.unflatten(builtins.map(f, first, *others))


def reduce(
    function: Callable[[Any, Any], Any], tree: Any, initializer: Any = _UNSPECIFIED, is_leaf: IsLeaf = None
) -> Any:
    """Combine the leaves of a tree from left to right.

    Parameters
    ----------
    function
        Takes what was combined so far and the next leaf.
    tree
        Any pytree.
    initializer
        Where to start. Without it the first leaf is the start.
    is_leaf
        As for `flatten`.

    Returns
    -------
    object
        `function(...function(function(initializer, leaf), leaf)..., leaf)`.

    Raises
    ------
    ArgumentError
        If the tree has no leaves and there is no initializer.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.reduce(lambda total, x: total + x, [1, (2, 3)])
    6
    """
    found = leaves(tree, is_leaf)
    if initializer is not _UNSPECIFIED:
        return functools.reduce(function, found, initializer)
    if not found:
        raise ArgumentError("reduce of a tree without leaves, and no initializer", instead="pass initializer=")
    return functools.reduce(function, found)


def reduce_associative(
    operation: Callable[[Any, Any], Any], tree: Any, *, identity: Any = _UNSPECIFIED, is_leaf: IsLeaf = None
) -> Any:
    """Combine the leaves of a tree pair by pair, so that no leaf goes through more than log2(n) operations.

    Parameters
    ----------
    operation
        An associative operation on two leaves.
    tree
        Any pytree.
    identity
        The result for a tree without leaves; not used otherwise.
    is_leaf
        As for `flatten`.

    Returns
    -------
    object
        The leaves, combined in their order.

    Raises
    ------
    ArgumentError
        If the tree has no leaves and there is no identity.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.reduce_associative("({}{})".format, list("abcde"))
    '(((ab)(cd))e)'
    """
    found = leaves(tree, is_leaf)
    if not found:
        if identity is _UNSPECIFIED:
            raise ArgumentError("reduce_associative of a tree without leaves", instead="pass identity=")
        found = [identity]
    while len(found) > 1:
        unpaired = found[len(found) // 2 * 2 :]
        found = [operation(x, y) for x, y in zip(found[::2], found[1::2], strict=False)] + unpaired
    return found[0]


def all(tree: Any, *, is_leaf: IsLeaf = None) -> bool:
    """Whether every leaf of a tree is true.

    Parameters
    ----------
    tree, is_leaf
        As for `flatten`.

    Returns
    -------
    bool
        True for a tree without leaves.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.all({"a": True, "b": (True, False)})
    False
    """
    return builtins.all(leaves(tree, is_leaf))


def transpose(outer_treedef: PyTreeDef, inner_treedef: PyTreeDef | None, pytree_to_transpose: Any) -> Any:
    """Turn a tree of trees inside out.

    Parameters
    ----------
    outer_treedef
        The structure of the outer tree.
    inner_treedef
        The structure that stands at each leaf of the outer one; by default that of the first.
    pytree_to_transpose
        A tree of structure `outer_treedef.compose(inner_treedef)`.

    Returns
    -------
    tree
        The same leaves in the structure `inner_treedef.compose(outer_treedef)`.

    Raises
    ------
    StructureError
        If the tree does not have the structure that is said; the error names the path.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.transpose(tree.structure([0, 0]), tree.structure((0, 0, 0)), [(1, 2, 3), (4, 5, 6)])
    ([1, 4], [2, 5], [3, 6])
    """
    if inner_treedef is None:
        parts = outer_treedef.flatten_up_to(pytree_to_transpose)
        if not parts:
            raise StructureError(
                f"transpose cannot tell the inner structure: {outer_treedef} has no leaves",
                instead="pass inner_treedef",
            )
        inner_treedef = structure(parts[0])
    expected = outer_treedef.compose(inner_treedef)
    found = flatten_up_to(expected._nodes, pytree_to_transpose, "outer_treedef.compose(inner_treedef)", "the tree")
    containers = [i for i, part in enumerate(found) if kinds[type(part)] is not None]
    if containers:
        raise StructureError(
            f"transpose expects a leaf{at(path_of_leaf(expected._nodes, containers[0]))}, and there is a container\n"
            f"  expected: {shorten(expected)}\n  the tree: {shorten(structure(pytree_to_transpose))}"
        )
    stride = inner_treedef.num_leaves
    return inner_treedef.unflatten([outer_treedef.unflatten(found[i::stride]) for i in range(stride)])


def broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None) -> Any:
    """Repeat the leaves of a prefix of a tree over the whole tree.

    Parameters
    ----------
    prefix_tree
        A tree that is like `full_tree`, but may have a leaf where that has a subtree.
    full_tree
        The tree that gives the structure of the result.
    is_leaf
        As for `flatten`; asked of `prefix_tree` alone.

    Returns
    -------
    tree
        A tree of the structure of `full_tree`, with the leaves of `prefix_tree`.

    Raises
    ------
    StructureError
        If the prefix does not fit; the error names the path.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.broadcast((1, 2), (0, {"a": 0, "b": [0, 0]}))
    (1, {'a': 2, 'b': [2, 2]})
    """
    return structure(full_tree).unflatten(broadcast_prefix(prefix_tree, full_tree, is_leaf))


def broadcast_prefix(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaf of a prefix that stands for each leaf of a tree.

    Parameters
    ----------
    prefix_tree
        A tree that is like `full_tree`, but may have a leaf where that has a subtree.
    full_tree
        Any pytree.
    is_leaf
        As for `flatten`; asked of `prefix_tree` alone.

    Returns
    -------
    list
        One leaf of `prefix_tree` for each leaf of `full_tree`.

    Raises
    ------
    StructureError
        If the prefix does not fit; the error names the path.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.broadcast_prefix((0, None), (1.0, [2.0, 3.0]), is_leaf=lambda x: x is None)
    [0, None, None]
    """
    prefixes, treedef = flatten(prefix_tree, is_leaf)
    parts = flatten_up_to(treedef._nodes, full_tree, "the prefix", "the tree")
    repeated: list[Any] = []
    for prefix, part in zip(prefixes, parts, strict=True):
        repeated += [prefix] * (1 if kinds[type(part)] is None else structure(part).num_leaves)
    return repeated


def all_leaves(iterable: Iterable[Any], is_leaf: IsLeaf = None) -> bool:
    """Whether everything in an iterable is a leaf.

    Parameters
    ----------
    iterable
        Any objects.
    is_leaf
        As for `flatten`.

    Returns
    -------
    bool
        False if there is a container among the objects.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.all_leaves([1, 2.0]), tree.all_leaves([1, None])
    (True, False)
    """
    return builtins.all(kinds[type(x)] is None or (is_leaf is not None and is_leaf(x)) for x in iterable)
