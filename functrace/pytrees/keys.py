"""The keys on the path from the root of a tree to a leaf."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeAlias

KeyPath: TypeAlias = tuple[Any, ...]


def keystr(keys: KeyPath, *, simple: bool = False, separator: str = "") -> str:
    """A path as text.

    Parameters
    ----------
    keys
        A path, as `flatten_with_path` gives it.
    simple
        Whether to write the bare keys and names, without brackets, quotes and dots.
    separator
        What to write between two keys.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from functrace import tree
    >>> [(path, leaf)] = tree.leaves_with_path({"layers": [{"w": 1.0}]})
    >>> tree.keystr(path)
    "['layers'][0]['w']"
    >>> tree.keystr(path, simple=True, separator="/")
    'layers/0/w'
    """
    return separator.join([str(key._value if simple and isinstance(key, _Key) else key) for key in keys])


class _Key:
    """One step of a path; equal to another of the same class and value. Written by hand: dataclasses import slowly."""

    __slots__ = ("_value",)
    __match_args__: tuple[str, ...] = ()

    _value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and type(other) is type(self) and bool(other._value == self._value)

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.__match_args__[0]}={self._value!r})"


class DictKey(_Key):
    """The key of a dict, on the path to a leaf."""

    __slots__ = ()
    __match_args__ = ("key",)

    def __init__(self, key: Hashable) -> None:
        self._value = key

    @property
    def key(self) -> Any:
        return self._value

    def __str__(self) -> str:
        return f"[{self.key!r}]"


class SequenceKey(_Key):
    """The index into a list or tuple, on the path to a leaf."""

    __slots__ = ()
    __match_args__ = ("idx",)

    def __init__(self, idx: int) -> None:
        self._value = idx

    @property
    def idx(self) -> int:
        return self._value

    def __str__(self) -> str:
        return f"[{self.idx}]"


class GetAttrKey(_Key):
    """The attribute of a named tuple or dataclass, on the path to a leaf."""

    __slots__ = ()
    __match_args__ = ("name",)

    def __init__(self, name: str) -> None:
        self._value = name

    @property
    def name(self) -> str:
        return self._value

    def __str__(self) -> str:
        return f".{self.name}"


class FlattenedIndexKey(_Key):
    """The number of a child, on the path to a leaf; for a class that was registered without keys."""

    __slots__ = ()
    __match_args__ = ("key",)

    def __init__(self, key: int) -> None:
        self._value = key

    @property
    def key(self) -> int:
        return self._value

    def __str__(self) -> str:
        return f"[<flat index {self.key}>]"
