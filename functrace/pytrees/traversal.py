"""A walk over a tree: its leaves with their paths, and its nodes in preorder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from functrace.errors import ArgumentError
from functrace.pytrees import containers  # noqa: F401  what it registers is what is walked over
from functrace.pytrees.registry import Node, kinds

IsLeaf: TypeAlias = Callable[[Any], bool] | None
Nodes: TypeAlias = tuple[Node | None, ...]  # in preorder, with None for a leaf

_DEEPEST = 100_000


def visit(tree: Any, is_leaf: Callable[..., bool] | None, nodes: list[Node | None]) -> Iterator[tuple[list[Any], Any]]:
    """Yield every leaf with the path to it (one list, changed on the way), and append the nodes in preorder.

    `is_leaf` takes the path and the container.
    """
    path: list[Any] = []
    levels: list[Iterator[tuple[Any, Any]]] = []
    child = tree
    while True:
        kind = kinds[type(child)]
        if kind is None or (is_leaf is not None and is_leaf(tuple(path), child)):
            nodes.append(None)
            yield path, child
        else:
            children, node = kind.split(child)
            nodes.append(node)
            levels.append(iter(with_keys(child, children, node)))
            path.append(None)
            if len(levels) > _DEEPEST:
                raise ArgumentError(
                    f"a pytree is nested more than {_DEEPEST:,} deep: a {type(child).__name__} that contains itself?",
                    instead="flatten a tree without cycles",
                )
        while levels:
            step = next(levels[-1], None)
            if step is not None:
                path[-1], child = step
                break
            levels.pop()
            path.pop()
        else:
            return


def nodes_of(tree: Any) -> Nodes:
    """The nodes of a tree in preorder."""
    nodes: list[Node | None] = []
    for _ in visit(tree, None, nodes):
        pass
    return tuple(nodes)


def without_path(is_leaf: Callable[[Any], bool]) -> Callable[..., bool]:
    """The function for `visit` that asks `is_leaf` of the container alone."""
    return lambda path, tree: is_leaf(tree)


def with_keys(tree: Any, children: Sequence[Any], node: Node) -> Iterable[tuple[Any, Any]]:
    """The children of a container, each with its key."""
    keys = node.kind.keys(tree, node)
    if len(keys) != node.arity:
        raise ArgumentError(
            f"flatten_with_keys of {node.kind.cls.__qualname__} gave {len(keys)} keys for {node.arity} children"
        )
    return zip(keys, children, strict=True)
