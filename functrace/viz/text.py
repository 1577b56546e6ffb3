"""The graph as text: a table, Graphviz's language, Mermaid's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .graph import Graph
from .nodes import Node
from .summary import summary_of

_DOT_SHAPES = {
    "parameter": 'shape=box style="rounded,filled" fillcolor="#fff3cd"',
    "input": 'shape=box style="rounded,filled" fillcolor="#e2efda"',
    "constant": 'shape=box style="rounded,filled" fillcolor="#eeeeee"',
    "operation": 'shape=box style=filled fillcolor="#ffffff"',
    "result": 'shape=box style="filled,dashed" fillcolor="#ffffff"',
}


def table_of(graph: Graph) -> str:
    """A node a line."""
    rows = []
    for node in graph.nodes:
        value = "" if node.value is None else f"value {' '.join(summary_of(node.value).lines)}"
        gradient = "" if node.gradient is None else f"gradient {' '.join(summary_of(node.gradient).lines)}"
        aval = "" if node.value is None else summary_of(node.value).aval
        operands = f"from {', '.join(node.operands)}" if node.operands else ""
        rows.append((node.title, node.kind, aval, value, gradient, operands))
    widths = [max(len(row[column]) for row in rows) for column in range(6)] if rows else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def dot_of(graph: Graph) -> str:
    """Graphviz's language; calls of functions are clusters."""

    def node_line(node: Node) -> str:
        return f"n{node.index} [{_DOT_SHAPES[node.kind]} label={_dot_string(_lines(node))}];"

    def open_group(index: int) -> str:
        return f"subgraph cluster_{index} {{ label={_dot_string([graph.groups[index].name])};"

    lines = [f"digraph {_dot_string([graph.name])} {{", '  node [fontname="sans-serif" fontsize=10];']
    lines += _nested(graph, node_line, open_group, "}")
    lines += [f"  n{edge.source} -> n{edge.target};" for edge in graph.edges]
    return "\n".join([*lines, "}"])


def mermaid_of(graph: Graph) -> str:
    """Mermaid's language; calls of functions are subgraphs."""

    def node_line(node: Node) -> str:
        text = "<br>".join(_mermaid_escaped(line) for line in _lines(node))
        left, right = ('("', '")') if node.kind in ("parameter", "input", "constant") else ('["', '"]')
        return f"n{node.index}{left}{text}{right}:::{node.kind}"

    def open_group(index: int) -> str:
        return f'subgraph g{index}["{_mermaid_escaped(graph.groups[index].name)}"]'

    lines = ["flowchart TB", *_nested(graph, node_line, open_group, "end")]
    lines += [f"  n{edge.source} --> n{edge.target}" for edge in graph.edges]
    lines += ["  classDef parameter fill:#fff3cd,stroke:#b58900", "  classDef input fill:#e2efda,stroke:#5a8f4e"]
    return "\n".join(lines)


def _nested(graph: Graph, node_line: Callable[[Node], str], open_group: Callable[[int], str], end: str) -> list[str]:
    """The lines of all nodes, those of a group between its first and last line."""
    members: dict[int | None, list[Node]] = {}
    children: dict[int | None, list[int]] = {}
    for node in graph.nodes:
        members.setdefault(node.group, []).append(node)
    for group in graph.groups:
        children.setdefault(group.parent, []).append(group.index)

    def lines_in(group: int | None, indent: str) -> Iterator[str]:
        for node in members.get(group, []):
            yield indent + node_line(node)
        for child in children.get(group, []):
            yield indent + open_group(child)
            yield from lines_in(child, indent + "  ")
            yield indent + end

    return list(lines_in(None, "  "))


def _lines(node: Node) -> list[str]:
    lines = [node.title]
    if node.value is not None:
        summary = summary_of(node.value)
        lines += [summary.aval, *summary.lines]
    if node.gradient is not None:
        lines += [f"gradient {line}" for line in summary_of(node.gradient).lines]
    return lines


def _dot_string(lines: list[str]) -> str:
    return '"' + r"\n".join(line.replace("\\", r"\\").replace('"', r"\"") for line in lines) + '"'


def _mermaid_escaped(text: str) -> str:
    return "".join(c if c.isalnum() or c in " .,+-_…" else f"#{ord(c)};" for c in text)
