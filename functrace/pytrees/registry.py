"""Which classes are containers, and the nodes that their instances make in a structure.

Nodes and structures that are met again are the same objects, so that to compare them is to compare two addresses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from functrace.errors import ArgumentError, OptionError
from functrace.pytrees.keys import GetAttrKey

T = TypeVar("T")

LARGEST_TABLE = 500_000
MOST_LEARNED = 2_000

UNKNOWN: Any = object()  # in place of a container where there is only its node
_lock = threading.RLock()


class Kind:
    """How the instances of one class are taken apart and put together.

    `split(x)` gives the children and the node, `join(aux, children)` an instance. `keys(x, node)` gives a key for each
    child, also where x is `UNKNOWN`.
    """

    __slots__ = ("cls", "join", "keys", "split")

    def __init__(
        self,
        cls: type,
        split: Callable[[Any], tuple[Sequence[Any], Node]],
        join: Callable[[Any, Iterable[Any]], Any],
        keys: Callable[[Any, Node], Sequence[Any]],
    ) -> None:
        self.cls = cls
        self.split = split
        self.join = join
        self.keys = keys

    def __reduce__(self) -> tuple[Any, ...]:
        return kind_of, (self.cls,)


def kind_of(cls: type) -> Kind:
    """The kind of a class that must be a container, as a structure that is unpickled says."""
    kind = kinds[cls]
    if kind is None:
        raise ArgumentError(
            f"the structure has a {cls.__qualname__}, which is not registered as a pytree node here",
            instead="register the class before a structure that has it is unpickled",
        )
    return kind


def all_leaves(values: Iterable[Any]) -> bool:
    """Whether there is no container among the values."""
    return {kinds[type(x)] for x in values} <= {None}


def register(kind: Kind) -> None:
    """Make the class of a kind a container.

    Raises
    ------
    ArgumentError
        If it is no class.
    OptionError
        If it is registered already.
    """
    if not isinstance(kind.cls, type):
        raise ArgumentError(f"only a class can be registered as a pytree node, not {kind.cls!r}")
    with _lock:
        if kind.cls in registered:
            raise OptionError(
                f"{kind.cls.__qualname__} is registered as a pytree node already", instead="register each class once"
            )
        registered[kind.cls] = kind
        leaf_classes.discard(kind.cls)
        kinds[kind.cls] = kind


class _Kinds(dict[type, "Kind | None"]):
    """The kind of each class, or None for the class of a leaf; learns the classes that were not registered."""

    def __missing__(self, cls: type) -> Kind | None:
        is_namedtuple = issubclass(cls, tuple) and hasattr(cls, "_fields") and hasattr(cls, "_make")
        learned = _namedtuple_kind(cls) if is_namedtuple else None
        with _lock:
            if len(self) > len(registered) + MOST_LEARNED:
                self.clear()
                leaf_classes.clear()
                self.update(registered)
            kind = self.setdefault(cls, learned)
            if kind is None:
                leaf_classes.add(cls)
            return kind


registered: dict[type, Kind] = {}
kinds = _Kinds()
leaf_classes: set[type] = set()  # those whose kind is known to be None; faster to ask than `kinds`


def _namedtuple_kind(cls: Any) -> Kind:
    keys = [GetAttrKey(name) for name in cls._fields]
    kind = Kind(cls, lambda x: (x, node), lambda aux, children: cls._make(children), lambda x, node: keys)
    node = make_node(kind, len(keys), cls)
    return kind


class Node:
    """A container in a structure: its kind, the number of its children and its static data.

    Equal nodes that are `shared` are the same object, as long as the table remembers it.
    """

    __slots__ = ("arity", "aux", "kind", "shared")

    def __init__(self, kind: Kind, arity: int, aux: Any, shared: bool) -> None:
        self.kind = kind
        self.arity = arity
        self.aux = aux
        self.shared = shared

    def matches(self, other: Node) -> bool:
        """Whether two nodes are equal."""
        if self.kind.cls is not other.kind.cls or self.arity != other.arity:
            return False
        try:
            return bool(self.aux == other.aux)
        except Exception as error:
            raise ArgumentError(
                f"the static data of a {self.kind.cls.__qualname__} in a pytree cannot be compared: {error}",
                instead="make arrays children (data fields), not static data",
            ) from error

    def hash(self) -> int:
        """The same for nodes that match."""
        try:
            return hash((self.kind.cls, self.arity, self.aux))
        except TypeError as error:
            raise ArgumentError(
                f"the static data of a {self.kind.cls.__qualname__} in a pytree is not hashable: {error}",
                instead="make arrays children (data fields), and lists in static data tuples",
            ) from error

    def __reduce__(self) -> tuple[Any, ...]:
        return make_node, (self.kind, self.arity, self.aux)


def make_node(kind: Kind, arity: int, aux: Any) -> Node:
    """The node, shared if its static data is plain."""
    items = aux if type(aux) is tuple else (aux,)
    types = tuple(map(type, items))
    if not _PLAIN.issuperset(types):
        return Node(kind, arity, aux, shared=False)
    key = (kind, arity, type(aux), *types, *items)
    return shared_nodes.get(key) or shared_nodes.remember(key, Node(kind, arity, aux, shared=True))


# Two values of one of these types that are equal cannot be told apart, so either may stand for the other.
_PLAIN = frozenset({str, int, bool, bytes, type(None), type})


class Table(dict[tuple[Any, ...], T]):
    """What is shared, found by a tuple; emptied when the tuples hold too much together."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0

    def remember(self, key: tuple[Any, ...], value: T) -> T:
        """The value that stands for all under this key: the given one, or that of a thread that came first."""
        if len(key) > LARGEST_TABLE // 10:
            return value
        with _lock:
            self.size += len(key)
            if self.size > LARGEST_TABLE:
                self.clear()
                self.size = len(key)
            return self.setdefault(key, value)


shared_nodes: Table[Node] = Table()
