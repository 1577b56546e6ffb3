"""The call of a compiled program by a function that is written for one kind of arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..pytrees.generated import LARGEST_COMPILED, compile_function, putting_together, taking_apart

#: What the written function gives for arguments of another kind.
OTHER = object()


def repeated_call(treedef: Any, leaves: Sequence[Any], call: Callable, out_tree: Any) -> Callable[[Any], Any] | None:
    """Write the function that knows arguments of this kind, calls a program with their leaves and builds its result.

    Parameters
    ----------
    treedef
        The structure of ``(args, kwargs)``.
    leaves
        Leaves of that kind: other arrays are of it if they have their shape and dtype, other scalars if their class.
    call
        The program, of flat arguments.
    out_tree
        The structure of what it gives.

    Returns
    -------
    callable or None
        Takes ``(args, kwargs)``, and gives the result, or `OTHER`. None where the structures are too large to write
        a function for.
    """
    if max(treedef.num_nodes, out_tree.num_nodes) > LARGEST_COMPILED:
        return None
    namespace: dict[str, Any] = {"call": call}
    statements, names = taking_apart(treedef._nodes, "arguments", namespace, OTHER)
    for position, (name, leaf) in enumerate(zip(names, leaves, strict=True)):
        namespace[f"kind{position}"] = leaf.__class__
        test = f"type({name}) is not kind{position}"
        if isinstance(leaf, np.ndarray):
            namespace[f"shape{position}"], namespace[f"dtype{position}"] = leaf.shape, leaf.dtype
            test += f" or {name}.dtype is not dtype{position} or {name}.shape != shape{position}"
        statements += [f"if {test}:", "    return other"]
    results = [f"result{number}" for number in range(out_tree.num_leaves)]
    target = f"({', '.join(results)},) = " if results else ""
    statements.append(f"{target}call({', '.join(names)})")
    built, result = putting_together(out_tree._nodes, results, namespace)
    return compile_function("repeated_call", "arguments", [*statements, *built, f"return {result}"], namespace)
