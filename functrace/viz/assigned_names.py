"""Names for values: those of the variables to which the user's lines assign them."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .recording import Operation


class AssignedNames:
    """The names to which the user's lines assign: ``h = tanh(z)`` names the last operation of that line."""

    def __init__(self) -> None:
        # of each frame, the outermost first: the line that is running, where in it, the call that it makes there, and
        # its last operation
        self._running: dict[FrameType, tuple[int, int, FrameType | None, Operation]] = {}
        self._targets: dict[tuple[CodeType, int], str] = {}

    def note(self, frames: Sequence[FrameType], operation: Operation) -> None:
        """An operation, and the user's frames around it, the innermost first."""
        running = set(frames)
        for frame in reversed([frame for frame in self._running if frame not in running]):
            self._settle(frame)  # it has returned; what it named keeps that name
        calls = list(zip(frames, [None, *frames], strict=False))  # of none: what grad does after the function
        for frame, callee in calls:
            before = self._running.get(frame)
            if before is not None:
                line, place, called, _ = before
                again = frame.f_lasti < place or (frame.f_lasti == place and callee is not called)
                if line != frame.f_lineno or again:
                    self._settle(frame)
        for frame, callee in reversed(calls):
            if frame.f_code.co_name != "<lambda>":  # it assigns to nothing, whatever its line does
                self._running[frame] = (frame.f_lineno, frame.f_lasti, callee, operation)

    def settle(self) -> None:
        """Name what the last lines gave."""
        for frame in reversed(list(self._running)):
            self._settle(frame)

    def _settle(self, frame: FrameType) -> None:
        line, _, _, operation = self._running.pop(frame)
        key = (frame.f_code, line)
        if key not in self._targets:
            self._targets[key] = _assigned_name(linecache.getline(frame.f_code.co_filename, line).strip())
        name = self._targets[key]
        if name and len(operation.outputs) == 1 and not operation.outputs[0].name:
            operation.outputs[0].name = name


def _assigned_name(line: str) -> str:
    """The name to which a line assigns; empty where it is no assignment to one name."""
    try:
        statement = ast.parse(line).body[0]
    except (SyntaxError, IndexError):
        return ""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""
