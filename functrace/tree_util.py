"""Pytrees under the names of `jax.tree_util`; everything is defined in `functrace.tree`."""

from __future__ import annotations

from functrace.tree import (
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    KeyPath,
    Partial,
    PyTreeDef,
    SequenceKey,
    all_leaves,
    keystr,
    register_dataclass,
    register_pytree_node,
    register_pytree_node_class,
    register_pytree_with_keys,
    register_pytree_with_keys_class,
    register_static,
    treedef_children,
    treedef_is_leaf,
    treedef_tuple,
)
from functrace.tree import all as tree_all
from functrace.tree import broadcast as tree_broadcast
from functrace.tree import flatten as tree_flatten
from functrace.tree import flatten_with_path as tree_flatten_with_path
from functrace.tree import leaves as tree_leaves
from functrace.tree import leaves_with_path as tree_leaves_with_path
from functrace.tree import map as tree_map
from functrace.tree import map_with_path as tree_map_with_path
from functrace.tree import reduce as tree_reduce
from functrace.tree import reduce_associative as tree_reduce_associative
from functrace.tree import structure as tree_structure
from functrace.tree import transpose as tree_transpose
from functrace.tree import unflatten as tree_unflatten

__all__ = [
    "DictKey",
    "FlattenedIndexKey",
    "GetAttrKey",
    "KeyPath",
    "Partial",
    "PyTreeDef",
    "SequenceKey",
    "all_leaves",
    "keystr",
    "register_dataclass",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_pytree_with_keys",
    "register_pytree_with_keys_class",
    "register_static",
    "tree_all",
    "tree_broadcast",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_with_path",
    "tree_reduce",
    "tree_reduce_associative",
    "tree_structure",
    "tree_transpose",
    "tree_unflatten",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
]
