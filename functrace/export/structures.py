"""Pytrees as Python text: how the leaves are taken out of an argument, and how a result is put together."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..core.aval import describe
from ..errors import ExportError
from ..pytrees.treedef import PyTreeDef

_KEYS = (str, int, bool, float, bytes, type(None))
_MAPPINGS = (dict, OrderedDict, defaultdict)


class Check(NamedTuple):
    """A container that an argument should be."""

    place: str
    kind: str  # "dict", "list", "tuple" or "None"
    expected: Any  # the keys of a dict, the length of a list or tuple


def unpacked(treedef: PyTreeDef, name: str) -> tuple[list[str], list[Check]]:
    """The leaves of an argument as expressions, and the containers on the way to them."""
    leaves: list[str] = []
    checks: list[Check] = []
    pending = [name]
    for node in treedef._nodes:
        place = pending.pop()
        if node is None:
            leaves.append(place)
            continue
        cls = node.kind.cls
        if cls in _MAPPINGS:
            keys = [_key_text(key) for key in keys_of(node)]
            checks.append(Check(place, "dict", f"({', '.join(keys)}{',' if len(keys) == 1 else ''})"))
        elif cls is type(None):
            keys = []
            checks.append(Check(place, "None", 0))
        elif cls is list or issubclass(cls, tuple):
            keys = [str(number) for number in range(node.arity)]
            checks.append(Check(place, "list" if cls is list else "tuple", node.arity))
        else:
            raise _unknown_container(cls)
        pending.extend([f"{place}[{key}]" for key in reversed(keys)])
    return leaves, checks


def rebuilt(treedef: PyTreeDef, leaves: Sequence[str], class_name: Callable[[type], str]) -> str:
    """A tree with these leaves as an expression; `class_name` gives a name for the class of a container."""
    parts: list[str] = []
    remaining = len(leaves)
    for node in reversed(treedef._nodes):
        if node is None:
            remaining -= 1
            parts.append(leaves[remaining])
            continue
        children = parts[: -node.arity - 1 : -1] if node.arity else []
        del parts[len(parts) - node.arity :]
        parts.append(_container(node, children, class_name))
    return parts[0]


def _container(node: Any, children: Sequence[str], class_name: Callable[[type], str]) -> str:
    cls = node.kind.cls
    listed = ", ".join(children)
    if cls is type(None):
        return "None"
    if cls is list:
        return f"[{listed}]"
    if cls is tuple:
        return f"({listed}{',' if len(children) == 1 else ''})"
    if cls in (dict, OrderedDict):
        pairs = ", ".join([f"{_key_text(key)}: {child}" for key, child in zip(node.aux, children, strict=True)])
        return f"{{{pairs}}}" if cls is dict else f"{class_name(cls)}({{{pairs}}})"
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return f"{class_name(cls)}({listed})"
    raise _unknown_container(cls)


def keys_of(node: Any) -> tuple[Any, ...]:
    """The keys of a dict's node."""
    return node.aux[1] if node.kind.cls is defaultdict else node.aux


def _key_text(key: Any) -> str:
    if type(key) is tuple:
        return f"({', '.join([_key_text(item) for item in key])}{',' if len(key) == 1 else ''})"
    if type(key) not in _KEYS or (type(key) is float and key - key != 0):
        raise ExportError(
            f"the key {describe(key)} of a dict cannot be written as source", instead="strings or integers as keys"
        )
    return repr(key)


def _unknown_container(cls: type) -> ExportError:
    return ExportError(
        f"a pytree with a {cls.__qualname__} cannot be exported: without this library nothing knows how to take it "
        "apart or put it together",
        instead="dicts, lists, tuples, named tuples and None as arguments and results of the exported function",
    )
