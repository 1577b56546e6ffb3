"""The containers of Python: None, tuple, list, dict, OrderedDict and defaultdict."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from functrace.errors import ArgumentError
from functrace.pytrees.description import shorten
from functrace.pytrees.keys import DictKey, SequenceKey
from functrace.pytrees.registry import MOST_LEARNED, Kind, Node, Table, make_node, register

dict_plans: Table[tuple[Callable[[Any], Sequence[Any]], Node]] = Table()


def _sequence_kind(cls: type) -> Kind:
    by_length: dict[int, Node] = {}

    def split(x: Any) -> tuple[Sequence[Any], Node]:
        node = by_length.get(len(x))
        if node is None:
            if len(by_length) > MOST_LEARNED:
                by_length.clear()
            node = by_length[len(x)] = make_node(kind, len(x), None)
        return x, node

    def join(aux: None, children: Iterable[Any]) -> Any:
        return cls(children)

    kind = Kind(cls, split, join, lambda x, node: [SequenceKey(i) for i in range(node.arity)])
    return kind


def _split_dict(x: dict[Any, Any]) -> tuple[Sequence[Any], Node]:
    # The types are in the key, because 1, 1.0 and True are equal, and a dict must come back with the keys it had.
    found = dict_plans.get((*x, *map(type, x)))
    if found is None:
        keys = _sorted_keys(x)
        getter: Callable[[Any], Sequence[Any]]
        getter = itemgetter(*keys) if len(keys) > 1 else lambda mapping: [mapping[key] for key in keys]
        found = getter, make_node(_DICT, len(keys), keys)
        if found[1].shared:
            dict_plans.remember((*x, *map(type, x)), found)
    get_children, node = found
    return get_children(x), node


def _split_defaultdict(x: defaultdict[Any, Any]) -> tuple[Sequence[Any], Node]:
    keys = _sorted_keys(x)
    return [x[key] for key in keys], make_node(_DEFAULTDICT, len(keys), (x.default_factory, keys))


def _sorted_keys(x: dict[Any, Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(x))
    except TypeError as error:
        raise ArgumentError(
            f"the keys of a dict in a pytree must have an order: {error}; the keys are {shorten(list(x))}",
            instead="keys of one type (all strings, say), or an OrderedDict, whose keys keep the order they have",
        ) from None


_NONE = Kind(type(None), lambda x: ((), _NONE_NODE), lambda aux, children: None, lambda x, node: ())
_NONE_NODE: Node = make_node(_NONE, 0, None)
_TUPLE = _sequence_kind(tuple)
_LIST = _sequence_kind(list)
_DICT = Kind(
    dict,
    _split_dict,
    lambda aux, children: dict(zip(aux, children, strict=True)),
    lambda x, node: [DictKey(key) for key in node.aux],
)
_ORDERED_DICT: Kind = Kind(
    OrderedDict,
    lambda x: (tuple(x.values()), make_node(_ORDERED_DICT, len(x), tuple(x))),
    lambda aux, children: OrderedDict(zip(aux, children, strict=True)),
    lambda x, node: [DictKey(key) for key in node.aux],
)
_DEFAULTDICT = Kind(
    defaultdict,
    _split_defaultdict,
    lambda aux, children: defaultdict(aux[0], zip(aux[1], children, strict=True)),
    lambda x, node: [DictKey(key) for key in node.aux[1]],
)

for _kind in (_NONE, _TUPLE, _LIST, _DICT, _ORDERED_DICT, _DEFAULTDICT):
    register(_kind)
