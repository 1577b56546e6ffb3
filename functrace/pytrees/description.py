"""Structures as text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from functrace.pytrees.keys import keystr
from functrace.pytrees.registry import Node


def text_of(nodes: Iterable[Node | None]) -> str:
    """Nodes in preorder, None for a leaf, as `PyTreeDef({'a': *, 'b': [*, *]})`."""
    text: list[str] = []
    remaining = iter(nodes)
    pending: list[str | None] = [None]  # text to write, or None for the next node
    while pending:
        piece = pending.pop()
        if piece is not None:
            text.append(piece)
            continue
        node = next(remaining)
        if node is None:
            text.append("*")
            continue
        opening, labels, closing = _brackets(node)
        pieces: list[str | None] = [opening]
        for i, label in enumerate(labels):
            pieces += [", " + label if i else label, None]
        pending += [closing, *reversed(pieces)]
    return f"PyTreeDef({''.join(text)})"


def _brackets(node: Node) -> tuple[str, Sequence[str], str]:
    """What opens a node, what stands before each child, and what closes it."""
    cls = node.kind.cls
    no_labels = [""] * node.arity
    if cls is type(None):
        return "None", no_labels, ""
    if cls is tuple:
        return "(", no_labels, ",)" if node.arity == 1 else ")"
    if cls is list:
        return "[", no_labels, "]"
    if cls is dict:
        return "{", [f"{key!r}: " for key in node.aux], "}"
    if node.aux is cls:
        return f"CustomNode(namedtuple[{cls.__name__}], [", no_labels, "])"
    return f"CustomNode({cls.__name__}[{node.aux}], [", no_labels, "])"


def difference(node: Node, other: Node | None, part: Any) -> tuple[str, str]:
    """What was expected and what came (`part`, which is a leaf where `other` is None), said so that they differ."""
    if other is None:
        return _describe(node), f"a leaf of type {type(part).__name__}"
    if node.kind.cls is not other.kind.cls or node.aux is None:
        return _describe(node), _describe(other)
    if node.kind.cls in (dict, OrderedDict):
        return _describe_keys(node.aux, other.aux), _describe_keys(other.aux, node.aux)
    if node.arity != other.arity:
        return _describe(node), _describe(other)
    return f"a {node.kind.cls.__name__} with the static data {shorten(node.aux)}", f"one with {shorten(other.aux)}"


def _describe(node: Node) -> str:
    name = node.kind.cls.__name__
    if node.kind.cls is type(None):
        return "None"
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name} of length {node.arity}"


def _describe_keys(keys: tuple[Any, ...], others: tuple[Any, ...]) -> str:
    set_of_others = set(others)
    alone = [key for key in keys if key not in set_of_others]
    return f"the keys {shorten(list(keys))}" + (f" (only there: {shorten(alone)})" if alone else "")


def at(path: Sequence[Any]) -> str:
    """Where in a tree, for an error."""
    return " at " + shorten(keystr(tuple(path)), str) if path else " at the root"


def shorten(x: Any, as_text: Callable[[Any], str] = repr) -> str:
    """A text for an error, without its middle if that is long."""
    text = as_text(x)
    return text if len(text) <= 800 else f"{text[:500]} ... {text[-300:]}"
