"""Whether a structure is a prefix of a tree: what stands at its leaves, or where the two differ."""

from __future__ import annotations

from typing import Any

from functrace.errors import StructureError
from functrace.pytrees.description import at, difference, shorten, text_of
from functrace.pytrees.keys import KeyPath
from functrace.pytrees.registry import UNKNOWN, kinds
from functrace.pytrees.traversal import Nodes, nodes_of, with_keys


def flatten_up_to(nodes: Nodes, tree: Any, name_of_nodes: str, name_of_tree: str) -> list[Any]:
    """The subtrees of a tree that stand where the nodes have their leaves.

    Raises
    ------
    StructureError
        If the nodes are no prefix of the tree; the error names the path, and the two as it is told.
    """
    parts = subtrees(nodes, tree)
    if parts is None:
        raise _mismatch(nodes, tree, name_of_nodes, name_of_tree)
    return parts


def subtrees(nodes: Nodes, tree: Any) -> list[Any] | None:
    """What stands in a tree where the nodes have their leaves; None if the nodes are no prefix of the tree."""
    parts = []
    pending = [tree]
    for node in nodes:
        part = pending.pop()
        if node is None:
            parts.append(part)
            continue
        kind = kinds[type(part)]
        if kind is None or kind.cls is not node.kind.cls:
            return None
        children, other = kind.split(part)
        if not (other is node or node.matches(other)):
            return None
        pending += children[::-1]
    return parts


def _mismatch(nodes: Nodes, tree: Any, name_of_nodes: str, name_of_tree: str) -> StructureError:
    """The error for the first place where the nodes are no prefix of a tree."""
    pending: list[tuple[Any, Any]] = [(None, tree)]
    for node in nodes:
        way, part = pending.pop()
        if node is None:
            continue
        kind = kinds[type(part)]
        children, other = ((), None) if kind is None else kind.split(part)
        if other is None or not node.matches(other):
            expected, came = difference(node, other, part)
            expects_none = node.kind.cls is type(None)
            return StructureError(
                f"{name_of_nodes} and {name_of_tree} differ{at(_unroll(way))}: "
                f"{name_of_nodes} has {expected}, {name_of_tree} has {came}\n"
                f"  {name_of_nodes}: {shorten(nodes, text_of)}\n"
                f"  {name_of_tree}: {shorten(nodes_of(tree), text_of)}",
                instead="is_leaf=lambda x: x is None, if None shall count as a leaf" if expects_none else None,
            )
        pending += [((way, key), child) for key, child in with_keys(part, children, other)][::-1]
    raise AssertionError("the structure is a prefix of the tree")


def path_of_leaf(nodes: Nodes, index: int) -> KeyPath:
    """The path to the leaf of this number."""
    pending: list[Any] = [None]
    for node in nodes:
        way = pending.pop()
        if node is not None:
            pending += [(way, key) for key in node.kind.keys(UNKNOWN, node)][::-1]
        elif index:
            index -= 1
        else:
            return _unroll(way)
    raise IndexError(index)


def _unroll(way: Any) -> KeyPath:
    """The path `(a, b)` from the chain `((None, a), b)`."""
    path = []
    while way is not None:
        way, key = way
        path.append(key)
    return tuple(reversed(path))
