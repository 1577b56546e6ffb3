"""Where the nodes of a graph stand: layer under layer, by the layered layout of igraph (the extra ``viz``).

The method is that of K. Sugiyama, S. Tagawa and M. Toda, Methods for visual understanding of hierarchical system
structures, IEEE Transactions on Systems, Man, and Cybernetics 11(2), 1981.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ..lazy import import_extra
from .graph import Graph
from .nodes import Edge, Node
from .summary import Summary, summary_of

_WIDEST, _NARROWEST = 236.0, 96.0
_CHARACTER = 6.3  # the width of one, of the size and font of the picture
LINE = 14.0
PADDING = 8.0
HISTOGRAM = 20.0
_GAP_ACROSS, _GAP_DOWN = 26.0, 34.0
_MARGIN = 24.0

#: An edge over more layers than this goes straight: to find a way between the nodes for each would take too long.
_FAR = 8


@dataclass(frozen=True)
class Row:
    """One line of text in a box, or a histogram.

    Attributes
    ----------
    role
        "title", "aval", "value" or "gradient".
    text
        The text; empty for a histogram.
    histogram
        The counts; empty for a text.
    """

    role: str
    text: str = ""
    histogram: tuple[int, ...] = ()

    @property
    def height(self) -> float:
        return HISTOGRAM if self.histogram else LINE


@dataclass(frozen=True)
class Box:
    """Where a node stands: its left upper corner and its size in pixels, its layer, and what is written in it."""

    x: float
    y: float
    width: float
    height: float
    layer: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Way:
    """The way of an edge.

    Attributes
    ----------
    bends
        Where it passes through layers between its ends: how far right, and the layer.
    end
        How far right it arrives.
    points
        All its points in pixels, from the source to the target.
    """

    bends: tuple[tuple[float, int], ...]
    end: float
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """A place for every node, a way for every edge.

    Attributes
    ----------
    boxes
        One for each node.
    ways
        One for each edge of each node's `inputs`, in order.
    width, height
        Of the whole picture.
    """

    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]
    width: float
    height: float


def layout_of(graph: Graph) -> Layout:
    """Lay a graph out, operands above what is made of them.

    Raises
    ------
    MissingExtraError
        igraph is not installed.
    """
    rows = [_rows(node) for node in graph.nodes]
    sizes = [(_width(lines), sum(row.height for row in lines) + 2 * PADDING) for lines in rows]
    edges = list(graph.edges)
    layers = _layers(graph)
    widths = [width for width, _ in sizes]
    across, bends = _places(graph, edges, layers, max(widths, default=0.0) + _GAP_ACROSS)
    across = _apart(across, layers, widths)

    heights = [0.0] * (max(layers, default=0) + 1)
    for layer, (_, height) in zip(layers, sizes, strict=True):
        heights[layer] = max(heights[layer], height)
    tops = [_MARGIN]
    for height in heights:
        tops.append(tops[-1] + height + _GAP_DOWN)

    left = min([x - width / 2 for x, (width, _) in zip(across, sizes, strict=True)], default=0.0) - _MARGIN
    boxes = [
        Box(x - width / 2 - left, tops[layer] + (heights[layer] - height) / 2, width, height, layer, lines)
        for x, layer, (width, height), lines in zip(across, layers, sizes, rows, strict=True)
    ]
    ways = []
    for edge, places, arrival in zip(edges, bends, _arrivals(edges, bends, across), strict=True):
        source, target = boxes[edge.source], boxes[edge.target]
        end = target.x + target.width * arrival
        turns = tuple([(x - left, layer) for x, layer in places])
        middle = [(x, tops[layer] + heights[layer] / 2) for x, layer in turns]
        start = (source.x + source.width / 2, source.y + source.height)
        ways.append(Way(turns, end, (start, *middle, (end, target.y))))
    width = max([box.x + box.width for box in boxes], default=0.0) + _MARGIN
    return Layout(tuple(boxes), tuple(ways), width, tops[-1])


def _apart(across: Sequence[float], layers: Sequence[int], widths: Sequence[float]) -> list[float]:
    """The places, moved so far that no two boxes of a layer touch; their order and their middle stay."""
    rows: dict[int, list[int]] = {}
    for index, layer in enumerate(layers):
        rows.setdefault(layer, []).append(index)
    places = list(across)
    for row in rows.values():
        row.sort(key=across.__getitem__)
        for left, right in itertools.pairwise(row):
            least = places[left] + (widths[left] + widths[right]) / 2 + _GAP_ACROSS
            places[right] = max(places[right], least)
        moved = sum(places[index] - across[index] for index in row) / len(row)
        for index in row:
            places[index] -= moved
    return places


def _arrivals(
    edges: Sequence[Edge], bends: Sequence[Sequence[tuple[float, int]]], across: Sequence[float]
) -> list[float]:
    """At which part of its target's width each edge arrives: in the order in which they come, so that none cross."""
    arriving: dict[int, list[tuple[float, int]]] = {}
    for place, (edge, ways) in enumerate(zip(edges, bends, strict=True)):
        last = ways[-1][0] if ways else across[edge.source]
        arriving.setdefault(edge.target, []).append((last, place))
    parts = [0.0] * len(edges)
    for group in arriving.values():
        for order, (_, place) in enumerate(sorted(group), 1):
            parts[place] = order / (len(group) + 1)
    return parts


def _rows(node: Node) -> tuple[Row, ...]:
    rows = [Row("title", node.title)]
    if node.value is not None:
        summary = summary_of(node.value)
        rows.append(Row("aval", summary.aval))
        rows += _summary_rows("value", summary)
    if node.gradient is not None:
        rows += _summary_rows("gradient", summary_of(node.gradient))
    return tuple(rows)


def _summary_rows(role: str, summary: Summary) -> list[Row]:
    rows = [Row(role, line) for line in summary.lines]
    return [*rows, Row(role, histogram=summary.histogram)] if summary.histogram else rows


def _width(rows: Sequence[Row]) -> float:
    longest = max([len(row.text) + (2 if row.role == "gradient" else 0) for row in rows], default=0)
    return min(max(longest * _CHARACTER + 2 * PADDING, _NARROWEST), _WIDEST)


def _layers(graph: Graph) -> list[int]:
    """The layer of each node: below all that it depends on; a leaf right above what first uses it."""
    layers = [0] * len(graph.nodes)
    first_use: dict[int, int] = {}
    for node in graph.nodes:
        if node.inputs:
            layers[node.index] = 1 + max(layers[edge.source] for edge in node.inputs)
            for edge in node.inputs:
                first_use[edge.source] = min(layers[node.index], first_use.get(edge.source, layers[node.index]))
    for node in graph.nodes:
        if not node.inputs and node.index in first_use:
            layers[node.index] = first_use[node.index] - 1
    return layers


def _places(
    graph: Graph, edges: Sequence[Edge], layers: Sequence[int], gap: float
) -> tuple[list[float], list[list[tuple[float, int]]]]:
    """How far right each node stands, and for each edge the places and layers that it goes through."""
    igraph = import_extra("igraph", "viz", "the picture of a graph")
    # A point in each layer between the ends of an edge is a node to igraph: the ways that it gives by itself are mixed
    # up in a graph of several parts.
    points: list[list[int]] = []
    pairs: list[tuple[int, int]] = []
    depths = list(layers)
    for edge in edges:
        between = range(layers[edge.source] + 1, layers[edge.target])
        if len(between) >= _FAR:
            points.append([])
            continue
        points.append(list(range(len(depths), len(depths) + len(between))))
        depths += between
        pairs += itertools.pairwise([edge.source, *points[-1], edge.target])
    directed = igraph.Graph(len(depths), pairs, directed=True)
    across = [x for x, _ in directed.layout_sugiyama(layers=depths, hgap=gap, vgap=1, maxiter=50)]
    bends = [[(across[point], depths[point]) for point in way] for way in points]
    return across[: len(graph.nodes)], bends
