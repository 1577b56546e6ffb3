"""The passes that a jaxpr goes through before it is written."""

from __future__ import annotations

from ..core.jaxpr import ClosedJaxpr
from .fusion import fuse
from .layouts import with_one_copy
from .loops import with_lean_loops
from .simplify import simplify


def ready(closed: ClosedJaxpr) -> ClosedJaxpr:
    """A program as it is written: simplified, lean in its loops, its chains gathered; made once and kept."""

    def make() -> ClosedJaxpr:
        simple = simplify(closed)
        lean = with_lean_loops(simple)
        return fuse(with_one_copy(simple if lean is simple else simplify(lean)))

    return closed.derived("ready", make)
