"""The names of a tree's leaves in a file."""

from __future__ import annotations

from typing import Any

from .. import tree
from ..errors import ArgumentError
from ..pytrees.treedef import PyTreeDef


def leaf_names(value: Any) -> tuple[dict[str, Any], PyTreeDef]:
    """The leaves by name, in the structure's order: ``layers/0/weights``; a tree that is a leaf is ``value``.

    A slash in a key is written ``~1`` and a tilde ``~0``, as in a JSON pointer (RFC 6901).

    Raises
    ------
    ArgumentError
        Two paths have one name, or a key cannot be written as text.
    """
    pairs, treedef = tree.flatten_with_path(value)
    names: dict[str, Any] = {}
    for path, leaf in pairs:
        keys = [tree.keystr((key,), simple=True).replace("~", "~0").replace("/", "~1") for key in path]
        name = "/".join(keys) if path else "value"
        if name in names:
            raise ArgumentError(f"two leaves have the name {name!r}", instead="keys that differ as text")
        if "\0" in name or (not name.isascii() and _lone_surrogate(name)):
            raise ArgumentError(f"the leaf {tree.keystr(path)!r} has a key that cannot be written to a file")
        names[name] = leaf
    return names, treedef


def _lone_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
