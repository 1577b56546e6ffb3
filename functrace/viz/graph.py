"""The computational graph of one call: to look at, to step through, to save."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .nodes import Edge, Group, Node, Step

if TYPE_CHECKING:
    from .layout import Layout


#: A notebook shows the picture of a graph of at most so many nodes: it keeps what it shows.
_SHOWN = 3000


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

    def _repr_svg_(self) -> str | None:
        return self.to_svg() if len(self.nodes) <= _SHOWN else None

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
        too_large = "" if len(self.nodes) <= _SHOWN else "; to_html(path) writes a page that shows it"
        return f"<Graph of {self.name}: {len(self.nodes)} nodes, {sum(1 for _ in self.edges)} edges{too_large}>"
