"""What a graph is made of: nodes with their values and gradients, edges with what the chain rule sends over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..core.jaxpr import ClosedJaxpr

Kind = Literal["parameter", "input", "constant", "operation", "result"]


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
