"""The computational graph of one call: nodes with their values and gradients, edges with what the chain rule sends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import tree
from ..core.aval import aval_of
from ..core.jaxpr import ClosedJaxpr, inner_jaxprs
from ..core.pretty import format_param
from ..core.trace import Tracer, require_callable
from ..errors import ArgumentError, OptionError
from ..transforms.arguments import as_leaf, flatten_result
from .recording import Call, Operation, Recording, Value, record_run, walk_back

if TYPE_CHECKING:
    from .layout import Layout

Kind = Literal["parameter", "input", "constant", "operation", "result"]


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


@dataclass(frozen=True, eq=False)
class Edge:
    """From the node that made a value to the node that used it.

    Attributes
    ----------
    source, target
        The numbers of the nodes.
    operand
        Which operand of the target it is.
    local
        The target's derivative by this operand, an array of its shape, where there is one: of elementwise operations
        and of scalars. Else None.
    product
        What flows back over this edge by the chain rule: the target's gradient times the local derivative. None where
        nothing does.
    """

    source: int
    target: int
    operand: int
    local: Any = None
    product: Any = None


@dataclass(frozen=True)
class Group:
    """The operations of one call of a user's function, or of one named scope.

    Attributes
    ----------
    index, parent
        Its number, and that of the group around it, or None.
    name
        The function's name.
    location
        Where the function is defined.
    """

    index: int
    parent: int | None
    name: str
    location: str


@dataclass(frozen=True, eq=False)
class Node:
    """A value and the operation that it comes from.

    Attributes
    ----------
    index
        Its number: its place in `Graph.nodes`, in the order in which the values were computed.
    kind
        "parameter" (a leaf of the arguments that are differentiated), "input" (another leaf), "constant" (an array that
        the function captured), "operation", or "result" (one of several results of an operation).
    label
        The leaf's name, or the primitive's.
    name
        The name of the variable to which the user's line assigned it, or an empty text.
    value
        The forward value; None for an operation with several results.
    gradient
        The derivative of the graph's result with respect to `value`: None where none flows.
    inputs
        The edges that lead to it, in the order of the operands.
    operands
        The text of each operand: the label of the node that it comes from, or the constant that it is.
    params
        The operation's parameters, as text.
    group
        The number of the group that it belongs to, or None.
    location
        The user's line.
    programs
        The programs inside the operation (a loop's body), as graphs without values, by the parameters' names.
    """

    index: int
    kind: Kind
    label: str
    name: str = ""
    value: Any = None
    gradient: Any = None
    inputs: tuple[Edge, ...] = ()
    operands: tuple[str, ...] = ()
    params: dict[str, str] = field(default_factory=dict)
    group: int | None = None
    location: str = ""
    programs: dict[str, ClosedJaxpr] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name and the label, as a picture shows them."""
        return f"{self.name} = {self.label}" if self.name else self.label


@dataclass(frozen=True)
class Step:
    """One step of the sweeps.

    Attributes
    ----------
    sweep
        "forward": a node gets its value. "backward": a node's gradient is complete, and it passes on its parts.
    node
        The number of the node.
    text
        What happens, in words and numbers.
    """

    sweep: Literal["forward", "backward"]
    node: int
    text: str


class Graph:
    """The computational graph of one call; `graph` makes it. A notebook shows it as a picture.

    Attributes
    ----------
    name
        The function's name.
    nodes
        The nodes, each after those that it depends on.
    groups
        The groups, each after the one around it.
    results
        The numbers of the nodes that are the function's result.
    """

    def __init__(self, name: str, nodes: Sequence[Node], groups: Sequence[Group], results: Sequence[int]) -> None:
        self.name = name
        self.nodes = tuple(nodes)
        self.groups = tuple(groups)
        self.results = tuple(results)

    @property
    def edges(self) -> Iterator[Edge]:
        """All edges."""
        return (edge for node in self.nodes for edge in node.inputs)

    @property
    def has_gradients(self) -> bool:
        """Whether the way back was walked: the result is one real scalar."""
        return any(self.nodes[index].gradient is not None for index in self.results)

    def step(self) -> tuple[Step, ...]:
        """The forward sweep, then the backward sweep, as a sequence of steps.

        Returns
        -------
        tuple of Step
            One for each node on the way forward; on the way back one for each node to which a gradient flows.

        Examples
        --------
        >>> from functrace import viz
        >>> for step in viz.graph(lambda x: x * x)(3.0).step():
        ...     print(step.sweep, step.text)
        forward x = 3
        forward mul(x, x) = 9
        backward the gradient of mul is 1; to x: 1 · 3 = 3; to x: 1 · 3 = 3
        backward the gradient of x is 6
        """
        from .sweeps import steps_of

        return steps_of(self)

    @cached_property
    def layout(self) -> Layout:
        """Where the nodes stand in a picture (needs the extra ``viz``)."""
        from .layout import layout_of

        return layout_of(self)

    def to_svg(self) -> str:
        """The picture as SVG text."""
        from .svg import svg_of

        return svg_of(self)

    _repr_svg_ = to_svg

    def to_html(self, path: str | Path | None = None) -> str:
        """One self-contained page in which a reader steps through both sweeps.

        Parameters
        ----------
        path
            Where to write it; None: nowhere.

        Returns
        -------
        str
            The page.
        """
        from .page import page_of

        page = page_of(self)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def to_dot(self) -> str:
        """The graph in Graphviz's language."""
        from .text import dot_of

        return dot_of(self)

    def to_mermaid(self) -> str:
        """The graph in Mermaid's language, which Markdown renderers show."""
        from .text import mermaid_of

        return mermaid_of(self)

    def save(self, path: str | Path) -> None:
        """Write the picture to a file; its ending says how: ``.svg``, ``.png``, ``.html``, ``.dot`` or ``.mmd``.

        Raises
        ------
        OptionError
            The ending is another.
        """
        from .files import save

        save(self, Path(path))

    def __str__(self) -> str:
        from .text import table_of

        return table_of(self)

    def __repr__(self) -> str:
        return f"<Graph of {self.name}: {len(self.nodes)} nodes, {sum(1 for _ in self.edges)} edges>"


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
