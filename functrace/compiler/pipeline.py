"""The passes that a jaxpr goes through before it is written."""

from __future__ import annotations

from ..core.jaxpr import ClosedJaxpr
from .fusion import fuse
from .simplify import simplify


def ready(closed: ClosedJaxpr) -> ClosedJaxpr:
    """A program as it is written: simplified, its elementwise chains gathered. It is made once and kept."""
    return closed.derived("ready", lambda: fuse(simplify(closed)))
