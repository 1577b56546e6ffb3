"""The two sweeps over a graph, in words and numbers."""

from __future__ import annotations

from .graph import Graph
from .nodes import Node, Step
from .summary import summary_of


def steps_of(graph: Graph) -> tuple[Step, ...]:
    """Each node as its value comes up; then, from the result back, each node whose gradient is complete."""
    forward = [Step("forward", node.index, _forward_text(node)) for node in graph.nodes]
    if not graph.has_gradients:
        return tuple(forward)
    reached = [node for node in reversed(graph.nodes) if _is_reached(graph, node)]
    return (*forward, *[Step("backward", node.index, _backward_text(graph, node)) for node in reached])


def _is_reached(graph: Graph, node: Node) -> bool:
    return node.gradient is not None or any(edge.product is not None for edge in node.inputs)


def _forward_text(node: Node) -> str:
    left = node.label
    if node.kind == "operation":
        left = f"{node.title}({', '.join(node.operands)})"
    return f"{left} = {summary_of(node.value).text}" if node.value is not None else left


def _backward_text(graph: Graph, node: Node) -> str:
    called = node.name or node.label
    parts = [f"the gradient of {called} is {summary_of(node.gradient).text}"] if node.gradient is not None else []
    for edge in node.inputs:
        if edge.product is None:
            continue
        source = graph.nodes[edge.source]
        product = summary_of(edge.product).text
        if edge.local is not None and node.gradient is not None:
            product = f"{summary_of(node.gradient).text} · {summary_of(edge.local).text} = {product}"
        parts.append(f"to {source.name or source.label}: {product}")
    return "; ".join(parts)
