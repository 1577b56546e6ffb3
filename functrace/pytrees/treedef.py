"""The structure of a tree: the list of its nodes in preorder, with None for a leaf. Nothing here recurses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from functrace.errors import ArgumentError, StructureError
from functrace.pytrees.description import at, shorten, text_of
from functrace.pytrees.generated import (
    LARGEST_COMPILED,
    USES_BEFORE_COMPILING,
    compile_flatten_same,
    compile_unflatten,
)
from functrace.pytrees.prefix import flatten_up_to, path_of_leaf, subtrees
from functrace.pytrees.registry import Node, Table, all_leaves, kind_of, make_node
from functrace.pytrees.traversal import Nodes


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

    __slots__ = (
        "__weakref__",
        "_flatten_same",
        "_hash",
        "_nodes",
        "_times_flattened",
        "_times_unflattened",
        "_unflatten",
        "num_leaves",
    )

    num_leaves: int
    _nodes: Nodes
    _hash: int
    # The functions written for this structure, once there have been enough uses without them.
    _unflatten: Callable[[list[Any]], Any] | None
    _times_unflattened: int
    _flatten_same: Callable[[Any], list[Any] | None] | None
    _times_flattened: int

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
            raise StructureError(self._wrong_number(leaves))
        unflatten = self._unflatten
        return self._join(leaves) if unflatten is None else unflatten(leaves)

    def _join(self, leaves: list[Any]) -> Any:
        self._times_unflattened += 1
        if self._times_unflattened >= USES_BEFORE_COMPILING and len(self._nodes) <= LARGEST_COMPILED:
            self._unflatten = compile_unflatten(self._nodes)
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

    def _wrong_number(self, leaves: list[Any]) -> str:
        what = f"the number of leaves should be {self.num_leaves}, and is {len(leaves)}"
        if len(leaves) < self.num_leaves:
            what += f"; the first that is missing stands{at(path_of_leaf(self._nodes, len(leaves)))}"
        return f"{what}\n  the structure: {shorten(self)}"

    def flatten_same(self, tree: Any) -> list[Any] | None:
        """The leaves of a tree if it has this structure: several times as fast as to flatten it and to compare.

        Parameters
        ----------
        tree
            Any pytree.

        Returns
        -------
        list or None
            The leaves from left to right; None if the tree has another structure.

        Examples
        --------
        >>> from functrace import tree
        >>> treedef = tree.structure({"w": 0, "b": (0, 0)})
        >>> treedef.flatten_same({"b": (1, 2), "w": 3})
        [1, 2, 3]
        >>> print(treedef.flatten_same({"b": (1, None), "w": 3}))
        None
        """
        flatten_same = self._flatten_same
        return self._compare(tree) if flatten_same is None else flatten_same(tree)

    def _compare(self, tree: Any) -> list[Any] | None:
        self._times_flattened += 1
        if self._times_flattened >= USES_BEFORE_COMPILING and len(self._nodes) <= LARGEST_COMPILED:
            self._flatten_same = compile_flatten_same(self._nodes)
        parts = subtrees(self._nodes, tree)
        return parts if parts is not None and all_leaves(parts) else None

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
        return flatten_up_to(self._nodes, tree, "the structure", "the tree")

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
        nodes: list[Node | None] = []
        for node in self._nodes:
            nodes.extend(inner._nodes if node is None else (node,))
        return structure_of(tuple(nodes))

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
            found.append(structure_of(self._nodes[start:stop]))
            start = stop
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PyTreeDef):
            return NotImplemented
        nodes, others = self._nodes, other._nodes
        return nodes == others or (
            len(nodes) == len(others)
            and all(
                a is b or (a is not None and b is not None and a.matches(b)) for a, b in zip(nodes, others, strict=True)
            )
        )

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            self._hash = hash(tuple([node and node.hash() for node in self._nodes]))
            return self._hash

    def __repr__(self) -> str:
        return text_of(self._nodes)

    def __reduce__(self) -> tuple[Any, ...]:
        return structure_of, (self._nodes,)


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
    nodes: list[Node | None] = [make_node(kind_of(tuple), len(elements), None)]
    for element in elements:
        nodes.extend(element._nodes)
    return structure_of(tuple(nodes))


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


def structure_of(nodes: Nodes) -> PyTreeDef:
    """The structure with these nodes in preorder; the same object each time, if the nodes are shared."""
    known = shared_treedefs.get(nodes)
    if known is not None:
        return known
    treedef = object.__new__(PyTreeDef)
    treedef.num_leaves = nodes.count(None)
    treedef._nodes = nodes
    treedef._unflatten = treedef._flatten_same = None
    treedef._times_unflattened = treedef._times_flattened = 0
    if all(node is None or node.shared for node in nodes):
        return shared_treedefs.remember(nodes, treedef)
    return treedef


shared_treedefs: Table[PyTreeDef] = Table()
LEAF = structure_of((None,))
