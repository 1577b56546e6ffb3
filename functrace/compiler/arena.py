"""Memory for the large values of a program that do not leave it: planned as it is written, kept between its calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..core.aval import Aval, Shape

SMALLEST = 1 << 15  # bytes of an array that is worth a place; smaller ones the allocator gives back in no time
LARGEST = 1 << 27  # bytes of an arena that is kept between calls
_ALIGNMENT = 64


class Arena:
    """Places in one piece of memory, given and taken back in the order of a program's statements."""

    def __init__(self) -> None:
        self.size = 0
        self.views: dict[tuple[int, Shape, np.dtype], str] = {}  # each array that the program sees, and its name
        self._free: list[tuple[int, int]] = []  # (start, end), ascending, not touching
        self._taken: dict[str, tuple[int, int]] = {}

    def take(self, aval: Aval, new_name: Callable[[str], str]) -> str:
        """The name of a place for an array; `new_name` makes one of the one that is wanted."""
        size = -(-aval.nbytes // _ALIGNMENT) * _ALIGNMENT
        fitting = [(end - start, start, end) for start, end in self._free if end - start >= size]
        if fitting:
            _, start, end = min(fitting)
            self._free.remove((start, end))
            if start + size < end:
                self._give(start + size, end)
        elif self._free and self._free[-1][1] == self.size:  # the last place grows
            start = self._free.pop()[0]
            self.size = start + size
        else:
            start = self.size
            self.size += size
        view = (start, aval.shape, aval.dtype)
        if view not in self.views:
            self.views[view] = new_name(f"w{len(self.views)}")
        name = self.views[view]
        self._taken[name] = (start, start + size)
        return name

    def has(self, name: str) -> bool:
        """Whether an array has its place now."""
        return name in self._taken

    def give(self, name: str) -> None:
        """Take back the place of an array that is not needed any more, if it has one."""
        place = self._taken.pop(name, None)
        if place is not None:
            self._give(*place)

    def _give(self, start: int, end: int) -> None:
        free = sorted([*self._free, (start, end)])
        merged = [free[0]]
        for place in free[1:]:
            if place[0] == merged[-1][1]:
                merged[-1] = (merged[-1][0], place[1])
            else:
                merged.append(place)
        self._free = merged


class Workspaces:
    """The arenas of a compiled program: each of its calls works in one that no other call has at that time.

    To take one and to give it back are one operation of a list each, so that threads, and calls inside calls, are safe.
    A call that ends in an error leaves its arena to the collector.
    """

    __slots__ = ("_kept", "_size", "_views")

    def __init__(self, arena: Arena) -> None:
        self._size = arena.size
        self._views = list(arena.views)
        self._kept: list[Sequence[np.ndarray]] = []

    def take(self) -> Sequence[np.ndarray]:
        """The arrays of an arena."""
        try:
            return self._kept.pop()
        except IndexError:
            memory = np.empty(self._size + _ALIGNMENT, np.uint8)
            first = -memory.ctypes.data % _ALIGNMENT
            return tuple([_view(memory, first + start, shape, dtype) for start, shape, dtype in self._views])

    def give(self, arrays: Sequence[np.ndarray]) -> None:
        """Give an arena back, for a later call."""
        if len(self._kept) < _KEPT and self._size <= LARGEST:
            self._kept.append(arrays)


_KEPT = 2  # arenas of one program


def _view(memory: np.ndarray, start: int, shape: Shape, dtype: np.dtype) -> np.ndarray:
    size = int(np.prod(shape)) * dtype.itemsize
    return memory[start : start + size].view(dtype).reshape(shape)
