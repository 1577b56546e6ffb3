"""The collection of cycles paused while a program is built: it is many objects that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause Python's collector of cycles, which otherwise takes half of the time for a long program.

    Of threads that pause it at once the first to end starts it again: that costs time alone.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
