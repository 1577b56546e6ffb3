"""Dataclasses as containers of pytrees.

The module `dataclasses` is imported where it is needed: without it, functrace is imported faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from functrace.errors import ArgumentError, OptionError
from functrace.pytrees.keys import GetAttrKey
from functrace.pytrees.registry import Kind, Node, make_node, register

Class = TypeVar("Class", bound=type)


def register_dataclass(
    nodetype: Class,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> Class:
    """Make a dataclass a container of pytrees.

    Parameters
    ----------
    nodetype
        A dataclass, or a class that takes all its fields as keywords.
    data_fields
        The names of the fields that are children. By default all that are not declared with `static`.
    meta_fields
        The names of the fields that are static data, which must be hashable and comparable. By default those declared
        with `static`. Give both lists or none.
    drop_fields
        The names of fields that are left out, and take their default when the dataclass is made again.

    Returns
    -------
    type
        The class, so that this is a decorator.

    Raises
    ------
    OptionError
        If the class is registered already, or the lists do not agree with the dataclass's fields.
    ArgumentError
        If one list is given and not the other, or none for a class that is no dataclass.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from functrace import tree
    >>> @tree.register_dataclass
    ... @dataclass
    ... class Layer:
    ...     weight: float
    ...     activation: str = tree.static(default="relu")
    >>> tree.flatten(Layer(2.0))
    ([2.0], PyTreeDef(CustomNode(Layer[('relu',)], [*])))
    >>> tree.map(lambda x: x + 1, Layer(2.0, "tanh"))
    Layer(weight=3.0, activation='tanh')
    """
    data, meta = _dataclass_fields(nodetype, data_fields, meta_fields, drop_fields)
    get_data = _attributes(data)
    get_meta = _attributes(meta)
    names = data + meta
    keys = [GetAttrKey(name) for name in data]

    def split(x: Any) -> tuple[tuple[Any, ...], Node]:
        return get_data(x), make_node(kind, len(data), get_meta(x))

    def join(aux: tuple[Any, ...], children: Iterable[Any]) -> Any:
        return nodetype(**dict(zip(names, (*children, *aux), strict=True)))

    kind = Kind(nodetype, split, join, lambda x, node: keys)
    if not meta:
        node_of_all = make_node(kind, len(data), ())
        kind.split = lambda x: (get_data(x), node_of_all)
    register(kind)
    return nodetype


def _dataclass_fields(
    cls: type, data: Sequence[str] | None, meta: Sequence[str] | None, drop: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the data fields and of the static fields, checked against the class."""
    import dataclasses

    if (data is None) != (meta is None):
        raise ArgumentError(
            f"register_dataclass({cls.__qualname__}) has data_fields or meta_fields, and not both",
            instead="give both lists (one may be empty), or none, and declare static fields with tree.static()",
        )
    if not dataclasses.is_dataclass(cls):
        if data is None or meta is None:
            raise ArgumentError(
                f"{cls.__qualname__} is not a dataclass, so its fields are not known",
                instead="decorate it with dataclasses.dataclass first, or give data_fields and meta_fields",
            )
        return tuple(data), tuple(meta)
    fields = [field for field in dataclasses.fields(cls) if field.init and field.name not in drop]
    if data is None or meta is None:
        return (
            tuple(field.name for field in fields if not field.metadata.get("static", False)),
            tuple(field.name for field in fields if field.metadata.get("static", False)),
        )
    names = {field.name for field in fields}
    for problem, wrong in {
        "names that are in both data_fields and meta_fields": set(data) & set(meta),
        "fields that are in neither data_fields nor meta_fields": names - set(data) - set(meta),
        "names in data_fields or meta_fields that are no fields of its __init__": (set(data) | set(meta)) - names,
    }.items():
        if wrong:
            raise OptionError(
                f"register_dataclass({cls.__qualname__}): there are {problem}: {', '.join(sorted(wrong))}",
                instead="name every field of __init__ in one list: data_fields, meta_fields or drop_fields",
            )
    return tuple(data), tuple(meta)


def _attributes(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*names) if len(names) > 1 else lambda x: tuple([getattr(x, name) for name in names])


def static(**kwargs: Any) -> Any:
    """Declare a field of a dataclass that is static data, and no child.

    Parameters
    ----------
    **kwargs
        As for `dataclasses.field`.

    Returns
    -------
    dataclasses.Field
        A field that `register_dataclass` takes for static data.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from functrace import tree
    >>> @tree.register_dataclass
    ... @dataclass
    ... class Dropout:
    ...     mask: float
    ...     rate: float = tree.static(default=0.5)
    >>> tree.leaves(Dropout(1.0))
    [1.0]
    """
    import dataclasses

    metadata = {**(kwargs.pop("metadata", None) or {}), "static": True}
    return dataclasses.field(metadata=metadata, **kwargs)
