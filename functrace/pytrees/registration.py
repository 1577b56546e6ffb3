"""The user's own classes as containers of pytrees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from functrace.errors import ArgumentError
from functrace.pytrees.description import shorten
from functrace.pytrees.keys import FlattenedIndexKey
from functrace.pytrees.registry import UNKNOWN, Kind, Node, make_node, register

T = TypeVar("T")
Class = TypeVar("Class", bound=type)


def register_pytree_node(
    nodetype: type[T],
    flatten_func: Callable[[T], tuple[Iterable[Any], Any]],
    unflatten_func: Callable[[Any, tuple[Any, ...]], T],
    flatten_with_keys_func: Callable[[T], tuple[Iterable[tuple[Any, Any]], Any]] | None = None,
) -> None:
    """Make a class a container of pytrees.

    Parameters
    ----------
    nodetype
        The class. Its subclasses are not registered with it.
    flatten_func
        Takes an instance; returns its children and its static data. The static data must be hashable and comparable.
    unflatten_func
        Takes static data and a tuple of children, and returns an instance. The children can be any objects, so
        it should not check or convert them.
    flatten_with_keys_func
        Takes an instance; returns pairs of key and child, and the static data. Without it the children are numbered.

    Raises
    ------
    OptionError
        If the class is registered already.

    Examples
    --------
    >>> from functrace import tree
    >>> class Interval:
    ...     def __init__(self, low, high):
    ...         self.low, self.high = low, high
    >>> tree.register_pytree_node(
    ...     Interval, lambda x: ((x.low, x.high), None), lambda aux, children: Interval(*children)
    ... )
    >>> tree.map(lambda x: 2 * x, Interval(1.0, 3.0)).high
    6.0
    """

    def split(x: T) -> tuple[tuple[Any, ...], Node]:
        children, aux = _checked_pair(flatten_func(x), nodetype)
        return children, make_node(kind, len(children), aux)

    def join(aux: Any, children: Iterable[Any]) -> T:
        return unflatten_func(aux, tuple(children))

    def keys(x: T, node: Node) -> Sequence[Any]:
        if flatten_with_keys_func is None or x is UNKNOWN:
            return [FlattenedIndexKey(i) for i in range(node.arity)]
        return [key for key, _ in _checked_pair(flatten_with_keys_func(x), nodetype)[0]]

    kind = Kind(nodetype, split, join, keys)
    register(kind)


def _checked_pair(pair: Any, cls: type) -> tuple[tuple[Any, ...], Any]:
    if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Iterable)):
        raise ArgumentError(
            f"the flatten function of {cls.__qualname__} must return a pair (children, static data), "
            f"with children that can be iterated over; it returned {shorten(pair)}",
        )
    return tuple(pair[0]), pair[1]


def register_pytree_node_class(cls: Class) -> Class:
    """Make a class with the methods `tree_flatten` and `tree_unflatten` a container of pytrees.

    Parameters
    ----------
    cls
        The class. `tree_flatten(self)` returns children and static data; the class method
        `tree_unflatten(cls, aux, children)` returns an instance.

    Returns
    -------
    type
        The class, so that this is a decorator.

    Raises
    ------
    OptionError
        If the class is registered already.

    Examples
    --------
    >>> from functrace import tree
    >>> @tree.register_pytree_node_class
    ... class Scaled:
    ...     def __init__(self, value, unit):
    ...         self.value, self.unit = value, unit
    ...
    ...     def tree_flatten(self):
    ...         return (self.value,), self.unit
    ...
    ...     @classmethod
    ...     def tree_unflatten(cls, aux, children):
    ...         return cls(children[0], aux)
    >>> tree.structure(Scaled(2.0, "m"))
    PyTreeDef(CustomNode(Scaled[m], [*]))
    """
    methods: Any = cls
    register_pytree_node(cls, methods.tree_flatten, methods.tree_unflatten)
    return cls


def register_pytree_with_keys(
    nodetype: type[T],
    flatten_with_keys: Callable[[T], tuple[Iterable[tuple[Any, Any]], Any]],
    unflatten_func: Callable[[Any, tuple[Any, ...]], T],
    flatten_func: Callable[[T], tuple[Iterable[Any], Any]] | None = None,
) -> None:
    """Make a class a container of pytrees whose children have keys of their own.

    Parameters
    ----------
    nodetype
        The class.
    flatten_with_keys
        Takes an instance; returns pairs of key and child, and the static data. A key is any hashable object; `keystr`
        writes `str(key)`.
    unflatten_func
        Takes static data and a tuple of children; returns an instance.
    flatten_func
        Returns the same children without keys, if there is a faster way to them.

    Raises
    ------
    OptionError
        If the class is registered already.

    Examples
    --------
    >>> from functrace import tree
    >>> class Line:
    ...     def __init__(self, slope):
    ...         self.slope = slope
    >>> tree.register_pytree_with_keys(
    ...     Line,
    ...     lambda line: ([(tree.GetAttrKey("slope"), line.slope)], None),
    ...     lambda aux, children: Line(*children),
    ... )
    >>> tree.keystr(tree.leaves_with_path([Line(2.0)])[0][0])
    '[0].slope'
    """

    def without_keys(x: T) -> tuple[Iterable[Any], Any]:
        pairs, aux = _checked_pair(flatten_with_keys(x), nodetype)
        return [child for _, child in pairs], aux

    register_pytree_node(nodetype, flatten_func or without_keys, unflatten_func, flatten_with_keys)


def register_pytree_with_keys_class(cls: Class) -> Class:
    """Make a class with the methods `tree_flatten_with_keys` and `tree_unflatten` a container of pytrees.

    Parameters
    ----------
    cls
        The class. A method `tree_flatten` is used too, if there is one.

    Returns
    -------
    type
        The class, so that this is a decorator.

    Raises
    ------
    OptionError
        If the class is registered already.

    Examples
    --------
    >>> from functrace import tree
    >>> @tree.register_pytree_with_keys_class
    ... class Ray:
    ...     def __init__(self, angle):
    ...         self.angle = angle
    ...
    ...     def tree_flatten_with_keys(self):
    ...         return [(tree.GetAttrKey("angle"), self.angle)], None
    ...
    ...     @classmethod
    ...     def tree_unflatten(cls, aux, children):
    ...         return cls(*children)
    >>> tree.keystr(tree.leaves_with_path(Ray(0.5))[0][0])
    '.angle'
    """
    methods: Any = cls
    register_pytree_with_keys(
        cls, methods.tree_flatten_with_keys, methods.tree_unflatten, getattr(cls, "tree_flatten", None)
    )
    return cls


def register_static(cls: Class) -> Class:
    """Make the instances of a class static data: containers without children.

    Parameters
    ----------
    cls
        A class whose instances are hashable and comparable.

    Returns
    -------
    type
        The class, so that this is a decorator.

    Raises
    ------
    OptionError
        If the class is registered already.

    Examples
    --------
    >>> import enum
    >>> from functrace import tree
    >>> @tree.register_static
    ... class Mode(enum.Enum):
    ...     TRAIN = 1
    >>> tree.flatten([Mode.TRAIN, 2.0])
    ([2.0], PyTreeDef([CustomNode(Mode[Mode.TRAIN], []), *]))
    """
    register_pytree_node(cls, lambda x: ((), x), lambda aux, children: aux)
    return cls
