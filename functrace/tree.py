"""Pytrees: nested containers with arrays at the leaves.

A tree is taken apart into the flat list of its leaves and a `PyTreeDef`, which says how to put it together again.
Containers are tuples, lists, dicts, named tuples, `None` (which has no leaves), `OrderedDict`, `defaultdict` and every
class that was registered. Everything else is a leaf, a subclass of `list` or `dict` that was not registered too.

A `PyTreeDef` is the list of the tree's nodes in preorder, with `None` for a leaf. No algorithm on it recurses. Nodes
and structures that are met again are the same objects, so that to compare them is to compare two addresses.
"""

from __future__ import annotations

import builtins
import dataclasses
import functools
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias, TypeVar

from functrace.errors import ArgumentError, OptionError, StructureError

__all__ = [
    "DictKey",
    "FlattenedIndexKey",
    "GetAttrKey",
    "KeyPath",
    "Partial",
    "PyTreeDef",
    "SequenceKey",
    "all",
    "all_leaves",
    "broadcast",
    "broadcast_prefix",
    "flatten",
    "flatten_with_path",
    "keystr",
    "leaves",
    "leaves_with_path",
    "map",
    "map_with_path",
    "reduce",
    "reduce_associative",
    "register_dataclass",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_pytree_with_keys",
    "register_pytree_with_keys_class",
    "register_static",
    "static",
    "structure",
    "transpose",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
    "unflatten",
]

T = TypeVar("T")
Class = TypeVar("Class", bound=type)
KeyPath: TypeAlias = tuple[Any, ...]
IsLeaf: TypeAlias = Callable[[Any], bool] | None

_UNSPECIFIED: Any = object()
_DEEPEST = 100_000


def flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], PyTreeDef]:
    """Take a tree apart into its leaves and its structure.

    Parameters
    ----------
    tree
        Any pytree. The values of a dict come in the order of its sorted keys.
    is_leaf
        Asked of every container, from the root down; where it answers True the container is a leaf.

    Returns
    -------
    leaves : list
        The leaves, from left to right.
    treedef : PyTreeDef
        The structure, from which `unflatten` makes the tree again.

    Raises
    ------
    ArgumentError
        If the keys of a dict cannot be sorted, or a container contains itself.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.flatten({"b": [1.0, 2.0], "a": 3.0})
    ([3.0, 1.0, 2.0], PyTreeDef({'a': *, 'b': [*, *]}))
    >>> tree.flatten([None, (1, 2)], is_leaf=lambda x: x is None)
    ([None, 1, 2], PyTreeDef([*, (*, *)]))
    """
    kind = _kinds[type(tree)]
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        return [tree], _LEAF
    found: list[Any] = []
    nodes: list[_Node | None] = []
    try:
        _descend(tree, kind, is_leaf, found, nodes)
    except RecursionError:  # a tree deeper than Python's stack: the slower way has no such limit
        nodes = []
        found = [leaf for _, leaf in _visit(tree, is_leaf and _without_path(is_leaf), nodes)]
    preorder = tuple(nodes)
    return found, _treedefs.get(preorder) or _intern(preorder)


def _descend(tree: Any, kind: _Kind, is_leaf: IsLeaf, found: list[Any], nodes: list[_Node | None]) -> None:
    children, node = kind.split(tree)
    nodes.append(node)
    for child in children:
        kind_of_child = _kinds[type(child)]
        if kind_of_child is None or (is_leaf is not None and is_leaf(child)):
            found.append(child)
            nodes.append(None)
        else:
            _descend(child, kind_of_child, is_leaf, found, nodes)


def unflatten(treedef: PyTreeDef, leaves: Iterable[Any]) -> Any:
    """Put a tree together from its structure and its leaves.

    Parameters
    ----------
    treedef
        The structure, as `flatten` or `structure` gives it.
    leaves
        As many leaves as the structure has, from left to right. Any object can be a leaf.

    Returns
    -------
    tree
        The tree, in new containers.

    Raises
    ------
    StructureError
        If there are more or fewer leaves than the structure has.
    ArgumentError
        If the first argument is no structure.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.unflatten(tree.structure({"a": 0, "b": (0, 0)}), [1, 2, 3])
    {'a': 1, 'b': (2, 3)}
    """
    if type(treedef) is not PyTreeDef:
        raise ArgumentError(
            f"unflatten takes a PyTreeDef and the leaves, in this order; it got a {type(treedef).__name__} first",
            instead="unflatten(treedef, leaves)",
        )
    return treedef.unflatten(leaves)


def leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of a tree, from left to right.

    Parameters
    ----------
    tree, is_leaf
        As for `flatten`.

    Returns
    -------
    list
        The leaves.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.leaves({"b": [1, None], "a": (2, 3)})
    [2, 3, 1]
    """
    return flatten(tree, is_leaf)[0]


def structure(tree: Any, is_leaf: IsLeaf = None) -> PyTreeDef:
    """The structure of a tree.

    Parameters
    ----------
    tree, is_leaf
        As for `flatten`.

    Returns
    -------
    PyTreeDef
        The structure, without the leaves.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.structure([1, (2, None)])
    PyTreeDef([*, (*, None)])
    """
    return flatten(tree, is_leaf)[1]


def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """Apply a function to every leaf of a tree.

    Parameters
    ----------
    f
        Takes one leaf of `tree`, and what stands in its place in each of `rest`.
    tree
        The tree that gives the structure of the result.
    *rest
        Trees of the same structure. Where `tree` has a leaf, they may have a whole subtree.
    is_leaf
        As for `flatten`; asked of `tree` alone.

    Returns
    -------
    tree
        What `f` returned, in the structure of `tree`.

    Raises
    ------
    StructureError
        If the structure of one of `rest` differs; the error names the path.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.map(lambda x, y: x + y, {"a": 1, "b": [2]}, {"a": 10, "b": [20]})
    {'a': 11, 'b': [22]}
    """
    first, treedef = flatten(tree, is_leaf)
    others = [_flatten_up_to(treedef, other, "the first tree", f"tree {i}") for i, other in enumerate(rest, 2)]
    return treedef.unflatten(builtins.map(f, first, *others))


def reduce(
    function: Callable[[Any, Any], Any], tree: Any, initializer: Any = _UNSPECIFIED, is_leaf: IsLeaf = None
) -> Any:
    """Combine the leaves of a tree from left to right.

    Parameters
    ----------
    function
        Takes what was combined so far and the next leaf.
    tree
        Any pytree.
    initializer
        Where to start. Without it the first leaf is the start.
    is_leaf
        As for `flatten`.

    Returns
    -------
    object
        `function(...function(function(initializer, leaf), leaf)..., leaf)`.

    Raises
    ------
    ArgumentError
        If the tree has no leaves and there is no initializer.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.reduce(lambda total, x: total + x, [1, (2, 3)])
    6
    """
    found = leaves(tree, is_leaf)
    if initializer is not _UNSPECIFIED:
        return functools.reduce(function, found, initializer)
    if not found:
        raise ArgumentError("reduce of a tree without leaves, and no initializer", instead="pass initializer=")
    return functools.reduce(function, found)


def reduce_associative(
    operation: Callable[[Any, Any], Any], tree: Any, *, identity: Any = _UNSPECIFIED, is_leaf: IsLeaf = None
) -> Any:
    """Combine the leaves of a tree pair by pair, so that no leaf goes through more than log2(n) operations.

    Parameters
    ----------
    operation
        An associative operation on two leaves.
    tree
        Any pytree.
    identity
        The result for a tree without leaves; not used otherwise.
    is_leaf
        As for `flatten`.

    Returns
    -------
    object
        The leaves, combined in their order.

    Raises
    ------
    ArgumentError
        If the tree has no leaves and there is no identity.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.reduce_associative("({}{})".format, list("abcde"))
    '(((ab)(cd))e)'
    """
    found = leaves(tree, is_leaf)
    if not found:
        if identity is _UNSPECIFIED:
            raise ArgumentError("reduce_associative of a tree without leaves", instead="pass identity=")
        found = [identity]
    while len(found) > 1:
        unpaired = found[len(found) // 2 * 2 :]
        found = [operation(x, y) for x, y in zip(found[::2], found[1::2], strict=False)] + unpaired
    return found[0]


def all(tree: Any, *, is_leaf: IsLeaf = None) -> bool:
    """Whether every leaf of a tree is true.

    Parameters
    ----------
    tree, is_leaf
        As for `flatten`.

    Returns
    -------
    bool
        True for a tree without leaves.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.all({"a": True, "b": (True, False)})
    False
    """
    return builtins.all(leaves(tree, is_leaf))


def transpose(outer_treedef: PyTreeDef, inner_treedef: PyTreeDef | None, pytree_to_transpose: Any) -> Any:
    """Turn a tree of trees inside out.

    Parameters
    ----------
    outer_treedef
        The structure of the outer tree.
    inner_treedef
        The structure that stands at each leaf of the outer one; by default that of the first.
    pytree_to_transpose
        A tree of structure `outer_treedef.compose(inner_treedef)`.

    Returns
    -------
    tree
        The same leaves in the structure `inner_treedef.compose(outer_treedef)`.

    Raises
    ------
    StructureError
        If the tree does not have the structure that is said; the error names the path.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.transpose(tree.structure([0, 0]), tree.structure((0, 0, 0)), [(1, 2, 3), (4, 5, 6)])
    ([1, 4], [2, 5], [3, 6])
    """
    if inner_treedef is None:
        parts = outer_treedef.flatten_up_to(pytree_to_transpose)
        if not parts:
            raise StructureError(
                f"transpose cannot tell the inner structure: {outer_treedef} has no leaves",
                instead="pass inner_treedef",
            )
        inner_treedef = structure(parts[0])
    expected = outer_treedef.compose(inner_treedef)
    found = _flatten_up_to(expected, pytree_to_transpose, "outer_treedef.compose(inner_treedef)", "the tree")
    if not all_leaves(found):
        path = _path_of_leaf(expected, [_kinds[type(part)] is None for part in found].index(False))
        raise StructureError(
            f"transpose expects a leaf{_at(path)}, and there is a container\n"
            f"  expected: {_shorten(expected)}\n  the tree: {_shorten(structure(pytree_to_transpose))}"
        )
    stride = inner_treedef.num_leaves
    return inner_treedef.unflatten([outer_treedef.unflatten(found[i::stride]) for i in range(stride)])


def broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None) -> Any:
    """Repeat the leaves of a prefix of a tree over the whole tree.

    Parameters
    ----------
    prefix_tree
        A tree that is like `full_tree`, but may have a leaf where that has a subtree.
    full_tree
        The tree that gives the structure of the result.
    is_leaf
        As for `flatten`; asked of `prefix_tree` alone.

    Returns
    -------
    tree
        A tree of the structure of `full_tree`, with the leaves of `prefix_tree`.

    Raises
    ------
    StructureError
        If the prefix does not fit; the error names the path.

    See Also
    --------
    broadcast_prefix : the same leaves as a list.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.broadcast((1, 2), (0, {"a": 0, "b": [0, 0]}))
    (1, {'a': 2, 'b': [2, 2]})
    """
    return structure(full_tree).unflatten(broadcast_prefix(prefix_tree, full_tree, is_leaf))


def broadcast_prefix(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaf of a prefix that stands for each leaf of a tree.

    Parameters
    ----------
    prefix_tree
        A tree that is like `full_tree`, but may have a leaf where that has a subtree.
    full_tree
        Any pytree.
    is_leaf
        As for `flatten`; asked of `prefix_tree` alone.

    Returns
    -------
    list
        One leaf of `prefix_tree` for each leaf of `full_tree`.

    Raises
    ------
    StructureError
        If the prefix does not fit; the error names the path.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.broadcast_prefix((0, None), (1.0, [2.0, 3.0]), is_leaf=lambda x: x is None)
    [0, None, None]
    """
    prefixes, treedef = flatten(prefix_tree, is_leaf)
    parts = _flatten_up_to(treedef, full_tree, "the prefix", "the tree")
    repeated: list[Any] = []
    for prefix, part in zip(prefixes, parts, strict=True):
        repeated += [prefix] * (1 if _kinds[type(part)] is None else structure(part).num_leaves)
    return repeated


def flatten_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[KeyPath, Any]], PyTreeDef]:
    """Take a tree apart into pairs of path and leaf, and its structure.

    Parameters
    ----------
    tree
        Any pytree.
    is_leaf
        As for `flatten`.
    is_leaf_takes_path
        Whether `is_leaf` is called with the path and the container instead of the container alone.

    Returns
    -------
    pairs : list of (tuple of keys, leaf)
        The leaves from left to right, each with the keys that lead to it. See `keystr`.
    treedef : PyTreeDef
        The structure.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.flatten_with_path({"a": [1]})
    ([((DictKey(key='a'), SequenceKey(idx=0)), 1)], PyTreeDef({'a': [*]}))
    """
    if is_leaf is not None and not is_leaf_takes_path:
        is_leaf = _without_path(is_leaf)
    nodes: list[_Node | None] = []
    pairs = [(tuple(path), leaf) for path, leaf in _visit(tree, is_leaf, nodes)]
    return pairs, _intern(tuple(nodes))


def leaves_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> list[tuple[KeyPath, Any]]:
    """The leaves of a tree, each with the path that leads to it.

    Parameters
    ----------
    tree, is_leaf, is_leaf_takes_path
        As for `flatten_with_path`.

    Returns
    -------
    list of (tuple of keys, leaf)
        The leaves from left to right.

    Examples
    --------
    >>> from functrace import tree
    >>> [(tree.keystr(path), leaf) for path, leaf in tree.leaves_with_path({"a": [1, 2]})]
    [("['a'][0]", 1), ("['a'][1]", 2)]
    """
    return flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """Apply a function to the path and the value of every leaf of a tree.

    Parameters
    ----------
    f
        Takes a path, the leaf of `tree` there, and what stands there in each of `rest`.
    tree, *rest
        As for `map`.
    is_leaf, is_leaf_takes_path
        As for `flatten_with_path`.

    Returns
    -------
    tree
        What `f` returned, in the structure of `tree`.

    Raises
    ------
    StructureError
        If the structure of one of `rest` differs; the error names the path.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.map_with_path(lambda path, x: tree.keystr(path) + "=" + str(x), {"a": 1, "b": (2,)})
    {'a': "['a']=1", 'b': ("['b'][0]=2",)}
    """
    pairs, treedef = flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    others = [_flatten_up_to(treedef, other, "the first tree", f"tree {i}") for i, other in enumerate(rest, 2)]
    paths, first = zip(*pairs, strict=True) if pairs else ((), ())
    return treedef.unflatten(builtins.map(f, paths, first, *others))


def all_leaves(iterable: Iterable[Any], is_leaf: IsLeaf = None) -> bool:
    """Whether everything in an iterable is a leaf.

    Parameters
    ----------
    iterable
        Any objects.
    is_leaf
        As for `flatten`.

    Returns
    -------
    bool
        False if there is a container among the objects.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.all_leaves([1, 2.0]), tree.all_leaves([1, None])
    (True, False)
    """
    return builtins.all(_kinds[type(x)] is None or (is_leaf is not None and is_leaf(x)) for x in iterable)


def _without_path(is_leaf: Callable[[Any], bool]) -> Callable[..., bool]:
    return lambda path, tree: is_leaf(tree)


def _visit(
    tree: Any, is_leaf: Callable[..., bool] | None, nodes: list[_Node | None]
) -> Iterator[tuple[list[Any], Any]]:
    """Yield every leaf with the path to it (one list, changed on the way), and append the nodes in preorder.

    `is_leaf` takes the path and the container.
    """
    path: list[Any] = []
    levels: list[Iterator[tuple[Any, Any]]] = []
    child = tree
    while True:
        kind = _kinds[type(child)]
        if kind is None or (is_leaf is not None and is_leaf(tuple(path), child)):
            nodes.append(None)
            yield path, child
        else:
            children, node = kind.split(child)
            nodes.append(node)
            levels.append(iter(_with_keys(child, children, node)))
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


def _with_keys(tree: Any, children: Sequence[Any], node: _Node) -> Iterable[tuple[Any, Any]]:
    keys = node.kind.keys(tree, node)
    if len(keys) != node.arity:
        raise ArgumentError(
            f"flatten_with_keys of {node.kind.cls.__qualname__} gave {len(keys)} keys for {node.arity} children"
        )
    return zip(keys, children, strict=True)


# ---- Structures


class PyTreeDef:
    """The structure of a tree: all but its leaves.

    Structures are hashable and compare by value: containers, their lengths, keys, classes and static data. They are
    made by `structure`, `flatten` and the methods here.

    Attributes
    ----------
    num_leaves : int
        How many leaves a tree of this structure has.
    num_nodes : int
        How many leaves and containers it has.

    Examples
    --------
    >>> from functrace import tree
    >>> treedef = tree.structure({"a": 1, "b": (2, None)})
    >>> treedef
    PyTreeDef({'a': *, 'b': (*, None)})
    >>> treedef.num_leaves, treedef.num_nodes
    (2, 5)
    >>> treedef == tree.structure({"b": ("x", None), "a": "y"})
    True
    """

    __slots__ = ("__weakref__", "_build", "_hash", "_nodes", "_uses", "num_leaves")

    num_leaves: int
    _nodes: tuple[_Node | None, ...]
    _build: Callable[[list[Any]], Any] | None
    _hash: int
    _uses: int

    def __init__(self) -> None:
        raise ArgumentError("a PyTreeDef is not made by hand", instead="functrace.tree.structure(a_tree)")

    @property
    def num_nodes(self) -> int:
        return len(self._nodes)

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """Put a tree of this structure together.

        Parameters
        ----------
        leaves
            As many leaves as the structure has, from left to right.

        Returns
        -------
        tree
            The tree, in new containers.

        Raises
        ------
        StructureError
            If there are more or fewer leaves than the structure has.

        Examples
        --------
        >>> from functrace import tree
        >>> tree.structure([0, (0,)]).unflatten("ab")
        ['a', ('b',)]
        """
        if type(leaves) is not list:
            leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise StructureError(_wrong_number(self, leaves))
        build = self._build
        return self._join(leaves) if build is None else build(leaves)

    def _join(self, leaves: list[Any]) -> Any:
        """Put a tree together node by node; after some uses, write the function that does it at once."""
        self._uses += 1
        if self._uses >= _USES_BEFORE_COMPILING and len(self._nodes) <= _LARGEST_COMPILED:
            self._build = _compile_unflatten(self._nodes)
        trees: list[Any] = []
        remaining = len(leaves)
        for node in reversed(self._nodes):
            if node is None:
                remaining -= 1
                trees.append(leaves[remaining])
            elif node.arity:
                children = trees[: -node.arity - 1 : -1]
                trees[-node.arity :] = [node.kind.join(node.aux, children)]
            else:
                trees.append(node.kind.join(node.aux, ()))
        return trees[0]

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """The subtrees of a tree that stand where this structure has its leaves.

        Parameters
        ----------
        tree
            A tree of which this structure is a prefix.

        Returns
        -------
        list
            One subtree for each leaf of this structure.

        Raises
        ------
        StructureError
            If this structure is not a prefix of the tree; the error names the path.

        Examples
        --------
        >>> from functrace import tree
        >>> tree.structure([0, 0]).flatten_up_to([(1, 2), {"a": 3}])
        [(1, 2), {'a': 3}]
        """
        return _flatten_up_to(self, tree, "the structure", "the tree")

    def compose(self, inner: PyTreeDef) -> PyTreeDef:
        """Put another structure at each leaf of this one.

        Parameters
        ----------
        inner
            The structure to put at the leaves.

        Returns
        -------
        PyTreeDef
            A structure with `self.num_leaves * inner.num_leaves` leaves.

        Examples
        --------
        >>> from functrace import tree
        >>> tree.structure([0, 0]).compose(tree.structure({"a": 0}))
        PyTreeDef([{'a': *}, {'a': *}])
        """
        nodes: list[_Node | None] = []
        for node in self._nodes:
            nodes.extend(inner._nodes if node is None else (node,))
        return _intern(tuple(nodes))

    def children(self) -> list[PyTreeDef]:
        """The structures of the root's children.

        Returns
        -------
        list of PyTreeDef
            Empty for a leaf.

        Examples
        --------
        >>> from functrace import tree
        >>> tree.structure([1, (2, None)]).children()
        [PyTreeDef(*), PyTreeDef((*, None))]
        """
        found = []
        start = 1
        while start < len(self._nodes):
            stop = start
            missing = 1
            while missing:
                node = self._nodes[stop]
                missing += -1 if node is None else node.arity - 1
                stop += 1
            found.append(_intern(self._nodes[start:stop]))
            start = stop
        return found

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, PyTreeDef):
            return NotImplemented
        return len(self._nodes) == len(other._nodes) and builtins.all(
            a is b or (a is not None and b is not None and a.matches(b))
            for a, b in zip(self._nodes, other._nodes, strict=True)
        )

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            self._hash = hash(tuple([node and node.hash() for node in self._nodes]))
            return self._hash

    def __repr__(self) -> str:
        text: list[str] = []
        remaining = iter(self._nodes)
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

    def __reduce__(self) -> tuple[Any, ...]:
        return _intern, (self._nodes,)


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
    """Whether a structure is a single node: a leaf, or a container of nothing.

    Parameters
    ----------
    treedef
        The structure.

    Returns
    -------
    bool
        `treedef.num_nodes == 1`.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.treedef_is_leaf(tree.structure(1.0)), tree.treedef_is_leaf(tree.structure([1.0]))
    (True, False)
    """
    return treedef.num_nodes == 1


def treedef_tuple(treedefs: Iterable[PyTreeDef]) -> PyTreeDef:
    """The structure of a tuple whose elements have the given structures.

    Parameters
    ----------
    treedefs
        The structures of the elements.

    Returns
    -------
    PyTreeDef
        The structure of the tuple.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.treedef_tuple([tree.structure(1), tree.structure([1])])
    PyTreeDef((*, [*]))
    """
    elements = tuple(treedefs)
    nodes: list[_Node | None] = [_TUPLE.split(elements)[1]]
    for element in elements:
        nodes.extend(element._nodes)
    return _intern(tuple(nodes))


def treedef_children(treedef: PyTreeDef) -> list[PyTreeDef]:
    """The structures of the root's children.

    Parameters
    ----------
    treedef
        The structure.

    Returns
    -------
    list of PyTreeDef
        `treedef.children()`.

    Examples
    --------
    >>> from functrace import tree
    >>> tree.treedef_children(tree.structure({"a": 1, "b": [2]}))
    [PyTreeDef(*), PyTreeDef([*])]
    """
    return treedef.children()


def _flatten_up_to(treedef: PyTreeDef, tree: Any, name_of_treedef: str, name_of_tree: str) -> list[Any]:
    parts = []
    pending = [tree]
    for node in treedef._nodes:
        part = pending.pop()
        if node is None:
            parts.append(part)
            continue
        kind = _kinds[type(part)]
        if kind is None or kind.cls is not node.kind.cls:
            raise _mismatch(treedef, tree, name_of_treedef, name_of_tree)
        children, other = kind.split(part)
        if not (other is node or node.matches(other)):
            raise _mismatch(treedef, tree, name_of_treedef, name_of_tree)
        pending += children[::-1]
    return parts


# ---- Errors about structures


def _wrong_number(treedef: PyTreeDef, leaves: list[Any]) -> str:
    what = f"the number of leaves should be {treedef.num_leaves}, and is {len(leaves)}"
    if len(leaves) < treedef.num_leaves:
        what += f"; the first that is missing stands{_at(_path_of_leaf(treedef, len(leaves)))}"
    return f"{what}\n  the structure: {_shorten(treedef)}"


def _path_of_leaf(treedef: PyTreeDef, index: int) -> KeyPath:
    pending: list[Any] = [None]
    for node in treedef._nodes:
        way = pending.pop()
        if node is not None:
            pending += [(way, key) for key in node.kind.keys(_UNSPECIFIED, node)][::-1]
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


def _mismatch(treedef: PyTreeDef, tree: Any, name_of_treedef: str, name_of_tree: str) -> StructureError:
    """The error for the first place where a structure is not a prefix of a tree."""
    pending: list[tuple[Any, Any]] = [(None, tree)]
    for node in treedef._nodes:
        way, part = pending.pop()
        if node is None:
            continue
        kind = _kinds[type(part)]
        children, other = ((), None) if kind is None else kind.split(part)
        if other is None or not node.matches(other):
            expected, came = _difference(node, other, part)
            return StructureError(
                f"{name_of_treedef} and {name_of_tree} differ{_at(_unroll(way))}: "
                f"{name_of_treedef} has {expected}, {name_of_tree} has {came}\n"
                f"  {name_of_treedef}: {_shorten(treedef)}\n"
                f"  {name_of_tree}: {_shorten(structure(tree))}",
                instead="is_leaf=lambda x: x is None, if None shall count as a leaf" if node.kind is _NONE else None,
            )
        pending += [((way, key), child) for key, child in _with_keys(part, children, other)][::-1]
    raise AssertionError("the structure is a prefix of the tree")


def _difference(node: _Node, other: _Node | None, part: Any) -> tuple[str, str]:
    """What was expected and what came, said so that they differ."""
    if other is None:
        return _describe(node), f"a leaf of type {type(part).__name__}"
    if node.kind.cls is not other.kind.cls or node.aux is None:
        return _describe(node), _describe(other)
    if node.kind in (_DICT, _ORDERED_DICT):
        return _describe_keys(node.aux, other.aux), _describe_keys(other.aux, node.aux)
    name = node.kind.cls.__name__
    if node.arity != other.arity:
        return _describe(node), _describe(other)
    return f"a {name} with the static data {_shorten(node.aux)}", f"one with {_shorten(other.aux)}"


def _describe_keys(keys: tuple[Any, ...], others: tuple[Any, ...]) -> str:
    set_of_others = set(others)
    alone = [key for key in keys if key not in set_of_others]
    return f"the keys {_shorten(list(keys))}" + (f" (only there: {_shorten(alone)})" if alone else "")


def _describe(node: _Node) -> str:
    name = node.kind.cls.__name__
    if node.kind is _NONE:
        return "None"
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name} of length {node.arity}"


def _at(path: Sequence[Any]) -> str:
    return " at " + _shorten(keystr(tuple(path)), str) if path else " at the root"


def _shorten(x: Any, as_text: Callable[[Any], str] = repr) -> str:
    text = as_text(x)
    return text if len(text) <= 800 else f"{text[:500]} ... {text[-300:]}"


# ---- Key paths


@dataclasses.dataclass(frozen=True, slots=True)
class DictKey:
    """The key of a dict, on the path to a leaf."""

    key: Hashable

    def __str__(self) -> str:
        return f"[{self.key!r}]"


@dataclasses.dataclass(frozen=True, slots=True)
class SequenceKey:
    """The index into a list or tuple, on the path to a leaf."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx}]"


@dataclasses.dataclass(frozen=True, slots=True)
class GetAttrKey:
    """The attribute of a named tuple or dataclass, on the path to a leaf."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class FlattenedIndexKey:
    """The number of a child, on the path to a leaf; for a class that was registered without keys."""

    key: int

    def __str__(self) -> str:
        return f"[<flat index {self.key}>]"


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
    return separator.join([_simple_key(key) if simple else str(key) for key in keys])


def _simple_key(key: Any) -> str:
    match key:
        case DictKey(x) | SequenceKey(x) | GetAttrKey(x) | FlattenedIndexKey(x):
            return str(x)
        case _:
            return str(key)


# ---- Registration


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

    def split(x: T) -> tuple[tuple[Any, ...], _Node]:
        children, aux = _checked_pair(flatten_func(x), nodetype)
        return children, _node(kind, len(children), aux)

    def join(aux: Any, children: Iterable[Any]) -> T:
        return unflatten_func(aux, tuple(children))

    def keys(x: T, node: _Node) -> Sequence[Any]:
        if flatten_with_keys_func is None or x is _UNSPECIFIED:
            return [FlattenedIndexKey(i) for i in range(node.arity)]
        return [key for key, _ in _checked_pair(flatten_with_keys_func(x), nodetype)[0]]

    kind = _Kind(nodetype, split, join, keys)
    _register(kind)


def _checked_pair(pair: Any, cls: type) -> tuple[tuple[Any, ...], Any]:
    if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Iterable)):
        raise ArgumentError(
            f"the flatten function of {cls.__qualname__} must return a pair (children, static data), "
            f"with children that can be iterated over; it returned {_shorten(pair)}",
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

    def split(x: Any) -> tuple[tuple[Any, ...], _Node]:
        return get_data(x), _node(kind, len(data), get_meta(x))

    def join(aux: tuple[Any, ...], children: Iterable[Any]) -> Any:
        return nodetype(**dict(zip(names, (*children, *aux), strict=True)))

    kind = _Kind(nodetype, split, join, lambda x, node: keys)
    if not meta:
        node_of_all = _node(kind, len(data), ())
        kind.split = lambda x: (get_data(x), node_of_all)
    _register(kind)
    return nodetype


def _dataclass_fields(
    cls: type, data: Sequence[str] | None, meta: Sequence[str] | None, drop: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the data fields and of the static fields, checked against the class."""
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
    metadata = {**(kwargs.pop("metadata", None) or {}), "static": True}
    return dataclasses.field(metadata=metadata, **kwargs)


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


class Partial(functools.partial[Any]):
    """A `functools.partial` that is a pytree: the bound arguments are its children, the function is static data.

    Parameters
    ----------
    func
        A function. It must be hashable, and is not traced.
    *args, **keywords
        The arguments to bind: pytrees.

    Examples
    --------
    >>> from functrace import tree
    >>> add = tree.Partial(lambda x, y: x + y, 1.0)
    >>> add(2.0)
    3.0
    >>> tree.leaves(add)
    [1.0]
    """

    __slots__ = ()


def _register(kind: _Kind) -> None:
    if not isinstance(kind.cls, type):
        raise ArgumentError(f"only a class can be registered as a pytree node, not {kind.cls!r}")
    with _lock:
        if kind.cls in _registered:
            raise OptionError(
                f"{kind.cls.__qualname__} is registered as a pytree node already", instead="register each class once"
            )
        _registered[kind.cls] = kind
        _kinds[kind.cls] = kind


# ---- Kinds of containers


class _Kind:
    """How the instances of one class are taken apart and put together.

    `split(x)` gives the children and the node, `join(aux, children)` an instance. `keys(x, node)` gives a key for each
    child, also where x is `_UNSPECIFIED` because there is only the structure.
    """

    __slots__ = ("cls", "join", "keys", "split")

    def __init__(
        self,
        cls: type,
        split: Callable[[Any], tuple[Sequence[Any], _Node]],
        join: Callable[[Any, Iterable[Any]], Any],
        keys: Callable[[Any, _Node], Sequence[Any]],
    ) -> None:
        self.cls = cls
        self.split = split
        self.join = join
        self.keys = keys

    def __reduce__(self) -> tuple[Any, ...]:
        return _kind_of, (self.cls,)


def _kind_of(cls: type) -> _Kind:
    kind = _kinds[cls]
    if kind is None:
        raise ArgumentError(
            f"the structure has a {cls.__qualname__}, which is not registered as a pytree node here",
            instead="register the class before a structure that has it is unpickled",
        )
    return kind


class _Node:
    """A container in a structure: its kind, the number of its children and its static data.

    Equal nodes that are `shared` are the same object, as long as the table remembers it.
    """

    __slots__ = ("arity", "aux", "kind", "shared")

    def __init__(self, kind: _Kind, arity: int, aux: Any, shared: bool) -> None:
        self.kind = kind
        self.arity = arity
        self.aux = aux
        self.shared = shared

    def matches(self, other: _Node) -> bool:
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
        try:
            return hash((self.kind.cls, self.arity, self.aux))
        except TypeError as error:
            raise ArgumentError(
                f"the static data of a {self.kind.cls.__qualname__} in a pytree is not hashable: {error}",
                instead="make arrays children (data fields), and lists in static data tuples",
            ) from error

    def __reduce__(self) -> tuple[Any, ...]:
        return _node, (self.kind, self.arity, self.aux)


class _Table(dict[tuple[Any, ...], T]):
    """What is shared, found by a tuple; emptied when the tuples hold too much together."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0

    def remember(self, key: tuple[Any, ...], value: T) -> T:
        if len(key) > _LARGEST_TABLE // 10:
            return value
        with _lock:
            self.size += len(key)
            if self.size > _LARGEST_TABLE:
                self.clear()
                self.size = len(key)
            return self.setdefault(key, value)


class _Kinds(dict[type, "_Kind | None"]):
    """The kind of each class, or None for the class of a leaf; learns the classes that were not registered."""

    def __missing__(self, cls: type) -> _Kind | None:
        is_namedtuple = issubclass(cls, tuple) and hasattr(cls, "_fields") and hasattr(cls, "_make")
        kind = _namedtuple_kind(cls) if is_namedtuple else None
        with _lock:
            if len(self) > len(_registered) + _MOST_LEARNED:
                self.clear()
                self.update(_registered)
            return self.setdefault(cls, kind)


_USES_BEFORE_COMPILING = 10  # writing the function costs about as much as thirty uses without it
_LARGEST_COMPILED = 1_000
_LARGEST_TABLE = 500_000
_MOST_LEARNED = 2_000

_lock = threading.RLock()
_registered: dict[type, _Kind] = {}
_kinds = _Kinds()
_nodes: _Table[_Node] = _Table()
_treedefs: _Table[PyTreeDef] = _Table()
_dict_plans: _Table[tuple[Callable[[Any], Sequence[Any]], _Node]] = _Table()

# Two values of one of these types that are equal cannot be told apart, so either may stand for the other.
_PLAIN = frozenset({str, int, bool, bytes, type(None), type})


def _node(kind: _Kind, arity: int, aux: Any) -> _Node:
    """The node, shared if its static data is plain."""
    items = aux if type(aux) is tuple else (aux,)
    types = tuple(builtins.map(type, items))
    if not _PLAIN.issuperset(types):
        return _Node(kind, arity, aux, shared=False)
    key = (kind, arity, type(aux), *types, *items)
    return _nodes.get(key) or _nodes.remember(key, _Node(kind, arity, aux, shared=True))


def _intern(nodes: tuple[_Node | None, ...]) -> PyTreeDef:
    """The structure with these nodes in preorder; the same object each time, if the nodes are shared."""
    known = _treedefs.get(nodes)
    if known is not None:
        return known
    treedef = object.__new__(PyTreeDef)
    treedef._nodes = nodes
    treedef.num_leaves = nodes.count(None)
    treedef._build = None
    treedef._uses = 0
    if builtins.all(node is None or node.shared for node in nodes):
        return _treedefs.remember(nodes, treedef)
    return treedef


def _sequence_kind(cls: type) -> _Kind:
    by_length: dict[int, _Node] = {}

    def split(x: Any) -> tuple[Sequence[Any], _Node]:
        node = by_length.get(len(x))
        if node is None:
            if len(by_length) > _MOST_LEARNED:
                by_length.clear()
            node = by_length[len(x)] = _node(kind, len(x), None)
        return x, node

    def join(aux: None, children: Iterable[Any]) -> Any:
        return cls(children)

    kind = _Kind(cls, split, join, lambda x, node: [SequenceKey(i) for i in range(node.arity)])
    return kind


def _namedtuple_kind(cls: Any) -> _Kind:
    keys = [GetAttrKey(name) for name in cls._fields]
    kind = _Kind(cls, lambda x: (x, node), lambda aux, children: cls._make(children), lambda x, node: keys)
    node = _node(kind, len(keys), cls)
    return kind


def _dict_split(x: dict[Any, Any]) -> tuple[Sequence[Any], _Node]:
    # The types are in the key, because 1, 1.0 and True are equal, and a dict must come back with the keys it had.
    found = _dict_plans.get((*x, *builtins.map(type, x)))
    if found is None:
        keys = _sorted_keys(x)
        getter: Callable[[Any], Sequence[Any]]
        getter = itemgetter(*keys) if len(keys) > 1 else lambda mapping: [mapping[key] for key in keys]
        found = getter, _node(_DICT, len(keys), keys)
        if found[1].shared:
            _dict_plans.remember((*x, *builtins.map(type, x)), found)
    get_children, node = found
    return get_children(x), node


def _sorted_keys(x: dict[Any, Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(x))
    except TypeError as error:
        raise ArgumentError(
            f"the keys of a dict in a pytree must have an order: {error}; the keys are {_shorten(list(x))}",
            instead="keys of one type (all strings, say), or an OrderedDict, whose keys keep the order they have",
        ) from None


def _defaultdict_split(x: defaultdict[Any, Any]) -> tuple[Sequence[Any], _Node]:
    keys = _sorted_keys(x)
    return [x[key] for key in keys], _node(_DEFAULTDICT, len(keys), (x.default_factory, keys))


_NONE = _Kind(type(None), lambda x: ((), _NONE_NODE), lambda aux, children: None, lambda x, node: ())
_TUPLE = _sequence_kind(tuple)
_LIST = _sequence_kind(list)
_DICT = _Kind(
    dict,
    _dict_split,
    lambda aux, children: dict(zip(aux, children, strict=True)),
    lambda x, node: [DictKey(key) for key in node.aux],
)
_ORDERED_DICT: _Kind = _Kind(
    OrderedDict,
    lambda x: (tuple(x.values()), _node(_ORDERED_DICT, len(x), tuple(x))),
    lambda aux, children: OrderedDict(zip(aux, children, strict=True)),
    lambda x, node: [DictKey(key) for key in node.aux],
)
_DEFAULTDICT = _Kind(
    defaultdict,
    _defaultdict_split,
    lambda aux, children: defaultdict(aux[0], zip(aux[1], children, strict=True)),
    lambda x, node: [DictKey(key) for key in node.aux[1]],
)
_NONE_NODE: _Node = _node(_NONE, 0, None)
_LEAF = _intern((None,))

for _kind in (_NONE, _TUPLE, _LIST, _DICT, _ORDERED_DICT, _DEFAULTDICT):
    _register(_kind)

register_pytree_with_keys(
    Partial,
    lambda x: (((GetAttrKey("args"), x.args), (GetAttrKey("keywords"), x.keywords)), x.func),
    lambda aux, children: Partial(aux, *children[0], **children[1]),
)


def _brackets(node: _Node) -> tuple[str, Sequence[str], str]:
    """The text of a node: what opens it, what stands before each child, and what closes it."""
    no_labels = [""] * node.arity
    if node.kind is _NONE:
        return "None", no_labels, ""
    if node.kind is _TUPLE:
        return "(", no_labels, ",)" if node.arity == 1 else ")"
    if node.kind is _LIST:
        return "[", no_labels, "]"
    if node.kind is _DICT:
        return "{", [f"{key!r}: " for key in node.aux], "}"
    if node.aux is node.kind.cls:
        return f"CustomNode(namedtuple[{node.aux.__name__}], [", no_labels, "])"
    return f"CustomNode({node.kind.cls.__name__}[{node.aux}], [", no_labels, "])"


def _compile_unflatten(nodes: tuple[_Node | None, ...]) -> Callable[[list[Any]], Any]:
    """Write the function that puts a tree together: one statement for each container, the innermost first.

    The source is made of numbers and of names made here. Keys, classes and static data go in as objects.
    """
    statements: list[str] = []
    namespace: dict[str, Any] = {"__builtins__": {}}
    names: list[str] = []
    remaining = nodes.count(None)
    parameters = ", ".join([f"leaf{i}" for i in range(remaining)])
    for number, node in enumerate(reversed(nodes)):
        if node is None:
            remaining -= 1
            names.append(f"leaf{remaining}")
            continue
        children = [names.pop() for _ in range(node.arity)]
        listed = "".join([child + ", " for child in children])
        if node.kind is _LIST:
            value = f"[{listed}]"
        elif node.kind is _TUPLE:
            value = f"({listed})"
        elif node.kind is _DICT:
            namespace.update({f"key{number}_{i}": key for i, key in enumerate(node.aux)})
            value = "{" + "".join([f"key{number}_{i}: {child}, " for i, child in enumerate(children)]) + "}"
        else:
            namespace.update({f"join{number}": node.kind.join, f"aux{number}": node.aux})
            value = f"join{number}(aux{number}, ({listed}))"
        statements.append(f"    node{number} = {value}")
        names.append(f"node{number}")
    unpack = [f"    ({parameters},) = leaves"] if parameters else []
    source = "\n".join(["def unflatten(leaves):", *unpack, *statements, f"    return {names[0]}"])
    exec(compile(source, "<functrace unflatten>", "exec"), namespace)
    build: Callable[[list[Any]], Any] = namespace.pop("unflatten")
    return build
