"""The graph as one self-contained page, in which a reader steps through both sweeps."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import Any

from ..core.pretty import format_jaxpr
from .graph import Graph
from .layout import Box, Way
from .nodes import Edge, Node
from .summary import summary_of


def page_of(graph: Graph) -> str:
    """The page. It loads nothing: style, script and data stand in it."""
    assets = files(__package__) / "assets"
    template = (assets / "page.html").read_text(encoding="utf-8")
    parts = {
        "title": escape(graph.name),
        "style": (assets / "page.css").read_text(encoding="utf-8"),
        "script": (assets / "page.js").read_text(encoding="utf-8"),
        # as it stands in a script element, no text in the data may end that element
        "data": json.dumps(data_of(graph), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    }
    for name, text in parts.items():
        template = template.replace(f"<!--{name}-->", text)
    return template


def data_of(graph: Graph) -> dict[str, Any]:
    """What the page is told of a graph, as JSON."""
    layout = graph.layout
    ways = iter(layout.ways)
    return {
        "name": graph.name,
        "nodes": [
            {**_node(node, layout.boxes[node.index]), "inputs": [_edge(edge, next(ways)) for edge in node.inputs]}
            for node in graph.nodes
        ],
        "groups": [{"parent": group.parent, "name": group.name, "location": group.location} for group in graph.groups],
        "steps": [{"sweep": step.sweep, "node": step.node, "text": step.text} for step in graph.step()],
        "results": list(graph.results),
    }


def _node(node: Node, box: Box) -> dict[str, Any]:
    return {
        "kind": node.kind,
        "title": node.title,
        "label": node.label,
        "name": node.name,
        "value": _summary(node.value),
        "gradient": _summary(node.gradient),
        "operands": node.operands,
        "params": node.params,
        "group": node.group,
        "location": node.location,
        "programs": {name: format_jaxpr(program) for name, program in node.programs.items()},
        "x": round(box.x, 1),
        "width": round(box.width, 1),
        "layer": box.layer,
    }


def _edge(edge: Edge, way: Way) -> dict[str, Any]:
    return {
        "source": edge.source,
        "operand": edge.operand,
        "local": _summary(edge.local),
        "product": _summary(edge.product),
        "bends": [[round(x, 1), layer] for x, layer in way.bends],
        "end": round(way.end, 1),
    }


def _summary(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    summary = summary_of(value)
    return {"aval": summary.aval, "lines": summary.lines, "histogram": summary.histogram, "text": summary.text}
