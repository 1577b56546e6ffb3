"""The graph of a call is made: the function runs once, and what it did becomes nodes and edges."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import aval_of
from ..core.jaxpr import inner_jaxprs
from ..core.pretty import format_param
from ..core.trace import Tracer, require_callable
from ..errors import ArgumentError, OptionError
from ..transforms.arguments import as_leaf, flatten_result
from .graph import Graph
from .nodes import Edge, Group, Kind, Node
from .recording import Call, Operation, Recording, Value, record_run, walk_back


def graph(fun: Callable, argnums: int | Sequence[int] | None = None) -> Callable[..., Graph]:
    """The function that gives the computational graph of a call of `fun`.

    Parameters
    ----------
    fun
        A function of arrays and pytrees. Python's `if` and `while` on its values work; jitted functions in it are run
        operation by operation.
    argnums
        The position of the argument, or of several, whose leaves are parameters: those that a gradient is wanted of.
        The leaves of the others are inputs. By default the first argument.

    Returns
    -------
    callable
        Takes what `fun` takes (arrays and numbers, no tracers), runs it once and gives a `Graph`. Where the result is
        one real scalar, every node has its gradient too: of the result, with respect to the node's value.

    Raises
    ------
    ArgumentError
        An argument is a tracer, or the result holds what is no array.
    OptionError
        `argnums` names an argument that was not given.

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> from functrace import viz
    >>> g = viz.graph(lambda w: fnp.sum(w * w))(fnp.array([1.0, 2.0]))
    >>> print(g)
    w           parameter  f64[2]  value [1 2]  gradient [2 4]
    mul         operation  f64[2]  value [1 4]  gradient [1 1]  from w, w
    reduce_sum  operation  f64[]   value 5      gradient 1      from mul
    """
    require_callable(fun, "graph")
    numbers = (0,) if argnums is None else (argnums,) if isinstance(argnums, int) else argnums
    if not (isinstance(numbers, tuple | list) and all(isinstance(number, int) for number in numbers)):
        raise OptionError(
            f"graph expected argnums to be the position of an argument, or a tuple of them, got {argnums!r}",
            instead="argnums=0 for the first argument, argnums=(0, 1) for the first two",
        )

    def grapher(*args: Any, **kwargs: Any) -> Graph:
        for number in numbers:
            if argnums is not None and not -len(args) <= number < len(args):
                raise OptionError(f"graph: argnums names argument {number}, and {len(args)} were given")
        chosen = {number % len(args) for number in numbers if args}
        leaves, treedef = tree.flatten((args, kwargs))
        labels, parameters = _leaf_labels(fun, args, kwargs, chosen)
        inputs = [_as_input(leaf, label) for leaf, label in zip(leaves, labels, strict=True)]

        def flat(*tracers: Any) -> list[Any]:
            positional, keywords = treedef.unflatten(tracers)
            return flatten_result(fun(*positional, **keywords), "graph")[0]

        recording, ins, outs = record_run(flat, inputs, labels)
        if len(outs) == 1 and np.shape(outs[0].data) == () and aval_of(outs[0].data).dtype.kind == "f":
            walk_back(recording, outs[0])
        name = getattr(fun, "__name__", type(fun).__name__)
        return _Builder(recording, ins, outs, parameters).build(name)

    return grapher


def _as_input(leaf: Any, label: str) -> Any:
    if isinstance(leaf, Tracer):
        raise ArgumentError(
            f"graph: {label} is {leaf!r}, which has no value to show",
            instead="call graph(f)(x) outside of jit, grad and vmap; graph(grad(f))(x) shows what grad does",
        )
    leaf = as_leaf(leaf)
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _leaf_labels(fun: Callable, args: tuple, kwargs: dict[str, Any], chosen: set[int]) -> tuple[list[str], list[bool]]:
    """A name for each leaf, as ``params['w']``, and whether it is a parameter."""
    try:
        declared = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):  # a function in C that says nothing of its arguments
        declared = []
    names = [parameter.name for parameter in declared if parameter.kind in _POSITIONAL]
    labels: list[str] = []
    parameters: list[bool] = []
    for position, arg in enumerate(args):
        label = names[position] if position < len(names) else f"arg_{position}"
        paths = [path for path, _ in tree.leaves_with_path(arg)]
        labels += [label + tree.keystr(path) for path in paths]
        parameters += [position in chosen] * len(paths)
    for path, _ in tree.leaves_with_path(kwargs):
        labels.append(str(path[0].key) + tree.keystr(path[1:]))
        parameters.append(False)
    return labels, parameters


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class _Builder:
    """A recording becomes a graph."""

    def __init__(
        self, recording: Recording, inputs: Sequence[Value], results: Sequence[Value], parameters: Sequence[bool]
    ) -> None:
        self.recording = recording
        self.leaves: dict[int, Kind] = {
            value.index: "parameter" if parameter else "input"
            for value, parameter in zip(inputs, parameters, strict=True)
        }
        self.results = results
        self.nodes: list[Node] = []
        self.node_of: dict[int, int] = {}  # a value's index → its node
        self.groups: list[Group] = []
        self.group_of: dict[Call, int] = {}

    def build(self, name: str) -> Graph:
        done: set[int] = set()
        for value in self.recording.values:
            operation = value.source
            if operation is None:
                self._add_leaf(value)
            elif id(operation) not in done:
                done.add(id(operation))
                self._add_operation(operation)
        return Graph(name, self.nodes, self.groups, [self.node_of[value.index] for value in self.results])

    def _add_leaf(self, value: Value) -> None:
        kind = self.leaves.get(value.index, "constant")
        label = value.name or f"constant {aval_of(value.data)}"
        self._add(value, Node(len(self.nodes), kind, label, value=value.data, gradient=value.cotangent))

    def _add_operation(self, operation: Operation) -> None:
        index = len(self.nodes)
        several = len(operation.outputs) != 1
        edges, operands = [], []
        for position, item in enumerate(operation.inputs):
            if isinstance(item, Value):
                source = self.node_of[item.index]
                edges.append(Edge(source, index, position, operation.locals[position], operation.parts[position]))
                operands.append(self.nodes[source].name or self.nodes[source].label)
            else:
                operands.append(format_param(item.item() if isinstance(item, np.generic) else item))
        inner = dict(inner_jaxprs(operation.params))
        hidden = {name.split("[")[0] for name in inner}
        node = Node(
            index,
            "operation",
            operation.primitive.name,
            name="" if several else operation.outputs[0].name,
            value=None if several else operation.outputs[0].data,
            gradient=None if several else operation.outputs[0].cotangent,
            inputs=tuple(edges),
            operands=tuple(operands),
            params={name: format_param(value) for name, value in operation.params.items() if name not in hidden},
            group=self._group(operation.call),
            location="" if operation.location is None else str(operation.location),
            programs=inner,
        )
        if not several:
            self._add(operation.outputs[0], node)
            return
        self.nodes.append(node)
        for position, value in enumerate(operation.outputs):
            place = len(self.nodes)
            self._add(
                value,
                Node(
                    place,
                    "result",
                    f"{node.label}[{position}]",
                    value=value.data,
                    gradient=value.cotangent,
                    inputs=(Edge(index, place, position),),
                    operands=(node.label,),
                    group=node.group,
                    location=node.location,
                ),
            )

    def _add(self, value: Value, node: Node) -> None:
        self.node_of[value.index] = node.index
        self.nodes.append(node)

    def _group(self, call: Call | None) -> int | None:
        if call is None:
            return None
        if call not in self.group_of:
            parent = self._group(call.parent)
            self.group_of[call] = len(self.groups)
            where = "" if call.location is None else str(call.location).split("\n")[0]
            self.groups.append(Group(len(self.groups), parent, call.name, where))
        return self.group_of[call]
