"""The graph as a picture in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .graph import Graph
from .layout import HISTOGRAM, LINE, PADDING, Box, Layout, Row
from .nodes import Group, Node

_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_OPENING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
    'viewBox="0 0 {width:.1f} {height:.1f}" font-family="{font}" font-size="10.5">'
)
_ARROWHEAD = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#8b95a5"/></marker></defs>'
)
#: The fill and the border of each kind of node.
_COLOURS = {
    "parameter": ("#fff3cd", "#b58900"),
    "input": ("#e2efda", "#5a8f4e"),
    "constant": ("#eeeeee", "#888888"),
    "operation": ("#ffffff", "#44546a"),
    "result": ("#f7f7fb", "#8a8aa8"),
}
#: The fill of frames that stand in each other, in turn.
_GREYS = ("#f4f5f7", "#e9ebf0")
_TEXT = {"title": "#1b1f24", "aval": "#6b7280", "value": "#0b5394", "gradient": "#b00020"}


def svg_of(graph: Graph) -> str:
    """The picture: a box for each node, a frame for each group, an arrow for each edge."""
    layout = graph.layout
    parts = [
        _OPENING.format(width=layout.width, height=layout.height, font=_FONT),
        f"<title>{escape(graph.name)}</title>",
        _ARROWHEAD,
        f'<rect width="{layout.width:.1f}" height="{layout.height:.1f}" fill="#ffffff"/>',
    ]
    levels: list[int] = []  # how many groups are around each
    for group in graph.groups:
        levels.append(0 if group.parent is None else levels[group.parent] + 1)
    parts += [_frame(group.name, levels[group.index], *frame) for group, frame in _frames_of(graph, layout)]
    parts.append('<g fill="none" stroke="#8b95a5" stroke-width="1.1">')
    parts += [f'<path d="{_path_through(way.points)}" marker-end="url(#tip)"/>' for way in layout.ways]
    parts.append("</g>")
    parts += [_node(node, box) for node, box in zip(graph.nodes, layout.boxes, strict=True)]
    return "".join([*parts, "</svg>"])


def _frames_of(graph: Graph, layout: Layout) -> list[tuple[Group, list[float]]]:
    """The groups, the outermost first, each with the left, top, right and bottom of what belongs to it."""
    margins = [6.0] * len(graph.groups)  # a frame leaves room for those inside it
    for group in reversed(graph.groups):
        if group.parent is not None:
            margins[group.parent] = max(margins[group.parent], margins[group.index] + 6)
    bounds: dict[int, list[float]] = {}
    for node, box in zip(graph.nodes, layout.boxes, strict=True):
        index = node.group
        while index is not None:
            margin = margins[index]
            left, top = box.x - margin, box.y - margin - 8  # the name stands at the top
            right, bottom = box.x + box.width + margin, box.y + box.height + margin
            held = bounds.setdefault(index, [left, top, right, bottom])
            held[:] = [min(held[0], left), min(held[1], top), max(held[2], right), max(held[3], bottom)]
            index = graph.groups[index].parent
    return [(group, bounds[group.index]) for group in graph.groups if group.index in bounds]


def _path_through(way: Sequence[tuple[float, float]]) -> str:
    """A smooth line through points, from one to the next going down as it leaves and as it arrives."""
    (x, y), *rest = way
    parts = [f"M{x:.1f} {y:.1f}"]
    for next_x, next_y in rest:
        middle = (y + next_y) / 2
        parts.append(f"C{x:.1f} {middle:.1f} {next_x:.1f} {middle:.1f} {next_x:.1f} {next_y:.1f}")
        x, y = next_x, next_y
    return "".join(parts)


def _frame(name: str, level: int, left: float, top: float, right: float, bottom: float) -> str:
    # the name of a frame within a frame stands at the other side, so that it does not lie on the outer one's
    place = f'x="{left + 6:.1f}"' if level % 2 == 0 else f'x="{right - 6:.1f}" text-anchor="end"'
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" rx="8" '
        f'fill="{_GREYS[level % 2]}" stroke="#44546a" stroke-opacity="0.35" stroke-dasharray="4 3"/>'
        f'<text {place} y="{top + 10:.1f}" fill="#44546a" font-style="italic">{escape(name)}</text>'
    )


def _node(node: Node, box: Box) -> str:
    fill, stroke = _COLOURS[node.kind]
    corner = 3 if node.kind in ("operation", "result") else 10
    parts = [
        f"<g><title>{escape(_hover(node))}</title>",
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" ',
        f'rx="{corner}" fill="{fill}" stroke="{stroke}"/>',
    ]
    y = box.y + PADDING
    for row in box.rows:
        parts.append(_row(row, box, y))
        y += row.height
    return "".join([*parts, "</g>"])


def _row(row: Row, box: Box, y: float) -> str:
    colour = _TEXT[row.role]
    middle = box.x + box.width / 2
    if not row.histogram:
        text = _shortened(("∇ " if row.role == "gradient" else "") + row.text, box.width)
        weight = ' font-weight="bold"' if row.role == "title" else ""
        return (
            f'<text x="{middle:.1f}" y="{y + LINE - 4:.1f}" text-anchor="middle" fill="{colour}"{weight}>'
            f"{escape(text)}</text>"
        )
    bar = (box.width - 4 * PADDING) / len(row.histogram)
    most = max(row.histogram)
    bars = []
    for place, count in enumerate(row.histogram):
        height = (HISTOGRAM - 4) * count / most
        x, top = box.x + 2 * PADDING + place * bar, y + HISTOGRAM - 2 - height
        bars.append(f'<rect x="{x:.1f}" y="{top:.1f}" width="{bar * 0.85:.1f}" height="{height:.1f}"/>')
    return f'<g fill="{colour}" fill-opacity="0.55">{"".join(bars)}</g>'


def _shortened(text: str, width: float) -> str:
    """A text cut to what fits into a box."""
    most = int((width - 2 * PADDING) / 6.3) + 1
    return text if len(text) <= most else text[: most - 1] + "…"


def _hover(node: Node) -> str:
    lines = [node.title]
    if node.operands:
        lines[0] += f"({', '.join(node.operands)})"
    lines += [f"{name}={text}" for name, text in node.params.items()]
    return "\n".join([*lines, node.location] if node.location else lines)
