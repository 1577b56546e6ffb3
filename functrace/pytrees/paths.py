"""Trees flattened and mapped with the path to each leaf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functrace.pytrees.keys import KeyPath
from functrace.pytrees.prefix import flatten_up_to
from functrace.pytrees.registry import Node
from functrace.pytrees.traversal import visit, without_path
from functrace.pytrees.treedef import PyTreeDef, structure_of


def flatten_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[KeyPath, Any]], PyTreeDef]:
    """Take a tree apart into pairs of path and leaf, and its structure.

    Parameters
    ----------
    tree
        Any pytree.
    is_leaf
        As for `flatten`.
    is_leaf_takes_path
        Whether `is_leaf` is called with the path and the container instead of the container alone.

    Returns
    -------
    pairs : list of (tuple of keys, leaf)
        The leaves from left to right, each with the keys that lead to it. See `keystr`.
    treedef : PyTreeDef
        The structure.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.flatten_with_path({"a": [1]})
    ([((DictKey(key='a'), SequenceKey(idx=0)), 1)], PyTreeDef({'a': [*]}))
    """
    if is_leaf is not None and not is_leaf_takes_path:
        is_leaf = without_path(is_leaf)
    nodes: list[Node | None] = []
    pairs = [(tuple(path), leaf) for path, leaf in visit(tree, is_leaf, nodes)]
    return pairs, structure_of(tuple(nodes))


def leaves_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> list[tuple[KeyPath, Any]]:
    """The leaves of a tree, each with the path that leads to it.

    Parameters
    ----------
    tree, is_leaf, is_leaf_takes_path
        As for `flatten_with_path`.

    Returns
    -------
    list of (tuple of keys, leaf)
        The leaves from left to right.

    Examples
    --------
    >>> from functrace import tree
    >>> [(tree.keystr(path), leaf) for path, leaf in tree.leaves_with_path({"a": [1, 2]})]
    [("['a'][0]", 1), ("['a'][1]", 2)]
    """
    return flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """Apply a function to the path and the value of every leaf of a tree.

    Parameters
    ----------
    f
        Takes a path, the leaf of `tree` there, and what stands there in each of `rest`.
    tree, *rest
        As for `map`.
    is_leaf, is_leaf_takes_path
        As for `flatten_with_path`.

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
    >>> tree.map_with_path(lambda path, x: tree.keystr(path) + "=" + str(x), {"a": 1, "b": (2,)})
    {'a': "['a']=1", 'b': ("['b'][0]=2",)}
    """
    pairs, treedef = flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    others = [flatten_up_to(treedef._nodes, other, "the first tree", f"tree {i}") for i, other in enumerate(rest, 2)]
    paths, first = zip(*pairs, strict=True) if pairs else ((), ())
    return treedef.unflatten(map(f, paths, first, *others))
