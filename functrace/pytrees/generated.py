"""Functions written for one structure, without a loop over its nodes.

Their source is made of numbers and of names made here. Keys, classes and static data go in as objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functrace.pytrees.registry import Node, all_leaves, leaf_classes, registered
from functrace.pytrees.traversal import Nodes

USES_BEFORE_COMPILING = 30  # to write a function costs as much as 20 to 100 uses without it
LARGEST_COMPILED = 1_000


def compile_unflatten(nodes: Nodes) -> Callable[[list[Any]], Any]:
    """Write the function that puts a tree together: one statement for each container, the innermost first."""
    namespace: dict[str, Any] = {}
    leaves = [f"leaf{i}" for i in range(nodes.count(None))]
    statements, result = putting_together(nodes, leaves, namespace)
    if leaves:
        statements.insert(0, f"({', '.join(leaves)},) = leaves")
    return compile_function("unflatten", "leaves", [*statements, f"return {result}"], namespace)


def putting_together(nodes: Nodes, leaves: list[str], namespace: dict[str, Any]) -> tuple[list[str], str]:
    """The statements that put a tree together from leaves of these names, and the name of the tree.

    What they need goes into `namespace`.
    """
    statements: list[str] = []
    names: list[str] = []
    remaining = len(leaves)
    for number, node in enumerate(reversed(nodes)):
        if node is None:
            remaining -= 1
            names.append(leaves[remaining])
            continue
        children = [names.pop() for _ in range(node.arity)]
        listed = "".join([child + ", " for child in children])
        if node.kind.cls is list:
            value = f"[{listed}]"
        elif node.kind.cls is tuple:
            value = f"({listed})"
        elif node.kind.cls is dict:
            namespace.update({f"name{number}_{i}": key for i, key in enumerate(node.aux)})
            value = "{" + "".join([f"name{number}_{i}: {child}, " for i, child in enumerate(children)]) + "}"
        else:
            namespace.update({f"join{number}": node.kind.join, f"aux{number}": node.aux})
            value = f"join{number}(aux{number}, ({listed}))"
        statements.append(f"made{number} = {value}")
        names.append(f"made{number}")
    return statements, names[0]


def compile_flatten_same(nodes: Nodes) -> Callable[[Any], list[Any] | None]:
    """Write the function that gives the leaves of a tree that has these nodes, and None for any other.

    It looks at the containers from the root down, and then at the leaves, which must be no containers.
    """
    namespace: dict[str, Any] = {"all_leaves": all_leaves, "leaf_classes": leaf_classes}
    statements, leaves = taking_apart(nodes, "tree", namespace)
    listed = "".join([leaf + ", " for leaf in leaves])
    if leaves:
        known = " and ".join([f"type({leaf}) in leaf_classes" for leaf in leaves])
        statements += [f"if not ({known}) and not all_leaves(({listed})):", "    return other"]
    return compile_function("flatten_same", "tree", [*statements, f"return [{listed}]"], namespace)


def taking_apart(nodes: Nodes, root: str, namespace: dict[str, Any], other: Any = None) -> tuple[list[str], list[str]]:
    """The statements that take apart the tree named `root`, and the names of its leaves.

    They return `other` where it has other containers. What they need goes into `namespace`.
    """
    namespace.update({"KeyError": KeyError, "len": len, "type": type, "other": other})
    statements: list[str] = []
    leaves: list[str] = []
    pending = [root]
    for number, node in enumerate(nodes):
        name = pending.pop()
        if node is None:
            leaves.append(name)
            continue
        children = [f"child{number}_{i}" for i in range(node.arity)]
        statements += _take_apart(node, number, name, children, namespace)
        pending += reversed(children)
    return statements, leaves


def _take_apart(node: Node, number: int, name: str, children: list[str], namespace: dict[str, Any]) -> list[str]:
    """The statements that return `other` if what has this name is another node, and name its children otherwise."""
    cls = node.kind.cls
    namespace[f"class{number}"] = cls
    other_class = f"type({name}) is not class{number}"
    other_length = f"{other_class} or len({name}) != {node.arity}"
    unpack = "".join([child + ", " for child in children]) + " = "
    is_namedtuple = cls not in registered
    if cls in (tuple, list) or is_namedtuple or (cls is dict and not children):
        return [f"if {other_length}:", "    return other", *([unpack + name] if children else [])]
    if cls is dict and {type(key) for key in node.aux} in ({str}, {int}):
        # Any dict with these keys and no others sorts them in this order; that is not so of keys of every class.
        namespace.update({f"key{number}_{i}": key for i, key in enumerate(node.aux)})
        lookups = [f"    {child} = {name}[key{number}_{i}]" for i, child in enumerate(children)]
        return [f"if {other_length}:", "    return other", "try:", *lookups, "except KeyError:", "    return other"]
    namespace.update({f"split{number}": node.kind.split, f"node{number}": node, f"matches{number}": node.matches})
    return [
        f"if {other_class}:",
        "    return other",
        f"children, node = split{number}({name})",
        f"if node is not node{number} and not matches{number}(node):",
        "    return other",
        *([unpack + "children"] if children else []),
    ]


def compile_function(
    name: str, parameter: str, statements: list[str], namespace: dict[str, Any]
) -> Callable[[Any], Any]:
    """The function of these statements, which sees what is in `namespace` and nothing else."""
    source = "\n    ".join([f"def {name}({parameter}):", *statements])
    namespace["__builtins__"] = {}
    exec(compile(source, f"<functrace {name}>", "exec"), namespace)
    function: Callable[[Any], Any] = namespace.pop(name)
    return function
