"""One run of a function with every operation noted: what it computed, from what, and in which function of the user's.

The way back is walked over the same notes, and every cotangent on the way is kept, also the part of it that comes over
each single edge: what one operation adds by the chain rule.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import numpy as np

from ..core.aval import aval_of
from ..core.jaxpr import ClosedJaxpr, Literal
from ..core.primitive import Primitive
from ..core.trace import Trace, Tracer, enter_trace, leave_trace, raise_refusal
from ..errors import Location, ScopeName, is_internal, scope
from ..transforms.vjp import is_inexact
from .assigned_names import AssignedNames


class Call:
    """A call of one of the user's functions (or a named scope, or a jitted function) while the function ran."""

    __slots__ = ("location", "name", "parent")

    def __init__(self, name: str, parent: Call | None, location: Location | None) -> None:
        self.name = name
        self.parent = parent
        self.location = location


class Value:
    """A value that came up, and what flowed back to it."""

    __slots__ = ("cotangent", "data", "index", "name", "source")

    def __init__(self, index: int, data: Any, source: Operation | None, name: str = "") -> None:
        self.index = index
        self.data = data
        self.source = source
        self.name = name
        self.cotangent: Any = None


class Operation:
    """One operation: what went in (a `Value` or a plain constant), what came out, and where the user wrote it."""

    __slots__ = ("call", "inputs", "locals", "location", "outputs", "params", "parts", "primitive", "residuals")

    def __init__(
        self,
        primitive: Primitive,
        inputs: list[Any],
        params: dict[str, Any],
        call: Call | None,
        location: Location | None,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.call = call
        self.location = location
        self.outputs: list[Value] = []
        self.residuals: Any = None
        self.parts: list[Any] = [None] * len(inputs)  # the cotangent that goes to each input from here
        self.locals: list[Any] = [None] * len(inputs)  # the local derivative by each input, where it is one array


class Recording:
    """What one run gave."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.operations: list[Operation] = []
        self.captured: list[Value] = []

    def new_value(self, data: Any, source: Operation | None, name: str = "") -> Value:
        value = Value(len(self.values), data, source, name)
        self.values.append(value)
        return value


class RecordingTracer(Tracer):
    """A value that is known, with its place in the recording."""

    __slots__ = ("held",)

    def __init__(self, trace: RecordingTrace, held: Value) -> None:
        self._trace = trace
        self.held = held

    @property
    def aval(self) -> Any:
        return aval_of(self.held.data)

    def concrete(self) -> Any:
        return self.held.data

    def __repr__(self) -> str:
        return f"RecordingTracer<{self.held.data!r}>"


class RecordingTrace(Trace):
    """Carries each operation out and notes it; jitted and checkpointed functions are run operation by operation."""

    __slots__ = ("_calls", "_entry", "_names", "_scopes", "_within", "captured", "open", "recording")

    def __init__(self, entry: FrameType) -> None:
        super().__init__()
        self.open = True
        self.recording = Recording()
        self.captured: dict[int, tuple[Any, Value]] = {}
        self._entry = entry
        # by the ids of frames and scopes, which are kept, so that none is taken for another
        self._calls: dict[int, tuple[Any, Call]] = {}
        self._scopes = len(scope.names)
        self._within: Call | None = None  # the program inside an equation that is being run
        self._names = AssignedNames()

    def new_input(self, data: Any, name: str) -> RecordingTracer:
        return RecordingTracer(self, self.recording.new_value(data, None, name))

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        if primitive.name in _RUN_THROUGH:
            return self._run_through(primitive, args, params)
        frames, call = self._where()
        location = self._location_of(frames)
        inputs = [self._input(arg) for arg in args]
        operation = Operation(primitive, inputs, params, self._within or call, location)
        data = [item.data if isinstance(item, Value) else item for item in inputs]
        if primitive.vjp_fwd is not None:
            wanted = _wanted(inputs)
            results, operation.residuals = primitive.vjp_fwd(data, wanted, **params)
        else:
            try:
                results = primitive(*data, **params)
            except ValueError:  # NumPy's says neither the line nor what was expected; that by the avals does
                primitive.abstract(*[aval_of(value) for value in data], **params)
                raise
        several = primitive.multiple_results
        operation.outputs = [
            self.recording.new_value(result, operation) for result in (results if several else [results])
        ]
        if self._within is None:
            self._names.note(frames, operation)
        self.recording.operations.append(operation)
        tracers = [RecordingTracer(self, value) for value in operation.outputs]
        return tracers if several else tracers[0]

    def value_of(self, result: Any) -> Value:
        """The value that a result of the function is; one that depends on nothing is a constant."""
        found = self._input(result)
        return found if isinstance(found, Value) else self.recording.new_value(found, None)

    def close(self) -> Recording:
        """End it."""
        self.open = False
        self.recording.captured = [value for _, value in self.captured.values()]
        self._calls.clear()
        self._names.settle()
        return self.recording

    def _input(self, arg: Any) -> Any:
        if isinstance(arg, RecordingTracer) and arg._trace is self:
            return arg.held
        if not isinstance(arg, np.ndarray):
            return arg
        known = self.captured.get(id(arg))
        if known is None:
            known = self.captured[id(arg)] = (arg, self.recording.new_value(arg.copy(), None))
        return known[1]

    def _run_through(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> list[Any]:
        """Run the program inside an equation, so that each of its operations is noted, as a call of its own."""
        closed: ClosedJaxpr = params["jaxpr"]
        outer, outer_location = self._within, self.location
        frames, call = self._where()
        name = params.get("name") or primitive.name
        within = self._within = Call(name, outer or call, self._location_of(frames))
        scopes: list[tuple[str, Call]] = []  # those of the last equation, as its location names them
        known: dict[Any, Any] = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
        known.update(zip(closed.jaxpr.invars, args, strict=True))
        try:
            for equation in closed.equations:
                values = [atom.value if isinstance(atom, Literal) else known[atom] for atom in equation.inputs]
                self.location = equation.location
                _enter(scopes, _scope_names(equation.location), within)
                self._within = scopes[-1][1] if scopes else within
                out = equation.primitive(*values, **equation.params)
                several = equation.primitive.multiple_results
                known.update(zip(equation.outputs, out if several else [out], strict=True))
        finally:
            self._within, self.location = outer, outer_location
        return [atom.value if isinstance(atom, Literal) else known[atom] for atom in closed.jaxpr.outvars]

    def _where(self) -> tuple[list[FrameType], Call | None]:
        """The user's frames that are running, the innermost first, the function itself last; and the call there.

        A call is one of a user's function but the first, or a scope, which belongs into the frame that entered it.
        """
        scopes: dict[FrameType, list[ScopeName]] = {}
        for name in scope.names[self._scopes :]:
            scopes.setdefault(name.frame, []).append(name)
        frame: FrameType | None = sys._getframe(2)
        frames: list[FrameType] = []
        around: list[FrameType | ScopeName] = []
        while frame is not None and frame is not self._entry:
            if frame in scopes:
                around += reversed(scopes[frame])
            if not is_internal(frame.f_code.co_filename) and frame.f_code.co_name not in _COMPREHENSIONS:
                frames.append(frame)
                around.append(frame)
            frame = frame.f_back
        call: Call | None = None
        for place in reversed(around):
            if not frames or place is not frames[-1]:
                call = self._call(place, call)
        return frames, call

    def _call(self, place: FrameType | ScopeName, parent: Call | None) -> Call:
        known = self._calls.get(id(place))
        if known is None:
            if isinstance(place, ScopeName):
                call = Call(str(place), parent, None)
            else:
                call = Call(place.f_code.co_name, parent, Location(place.f_code, 0))
            known = self._calls[id(place)] = (place, call)
        return known[1]

    def _location_of(self, frames: Sequence[FrameType]) -> Location | None:
        return self.location or (Location(frames[0].f_code, frames[0].f_lasti) if frames else None)


def _scope_names(location: Location | None) -> list[str]:
    """The scopes that were entered inside a program, without those around all of it."""
    names = location.scope.split("/") if location is not None and location.scope else []
    around = len(scope.names)
    return names[around:] if names[:around] == list(scope.names) else names


def _enter(scopes: list[tuple[str, Call]], names: Sequence[str], outermost: Call) -> None:
    """Leave the scopes that the next equation is not in, and enter those that it is in."""
    same = 0
    while same < min(len(scopes), len(names)) and scopes[same][0] == names[same]:
        same += 1
    del scopes[same:]
    for name in names[same:]:
        scopes.append((name, Call(name, scopes[-1][1] if scopes else outermost, None)))


_RUN_THROUGH = {"jit", "checkpoint"}
_COMPREHENSIONS = {"<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>"}


def record_run(function: Callable[..., Sequence[Any]], inputs: Sequence[Any], names: Sequence[str]) -> Any:
    """Run `function` on these arrays.

    Returns
    -------
    recording, inputs, outputs
        The `Recording`, and the `Value` of each input and of each result.
    """
    trace = RecordingTrace(sys._getframe())
    enter_trace()
    tracers = [trace.new_input(data, name) for data, name in zip(inputs, names, strict=True)]
    try:
        results = [trace.value_of(result) for result in function(*tracers)]
    except ValueError as error:
        raise_refusal(error)
        raise
    finally:
        leave_trace()
        recording = trace.close()
    return recording, [tracer.held for tracer in tracers], results


def walk_back(recording: Recording, result: Value) -> None:
    """Give every value its cotangent, and every operation what it passes on, for a scalar result."""
    result.cotangent = np.ones((), aval_of(result.data).dtype)[()]
    for operation in reversed(recording.operations):
        cotangents = [value.cotangent for value in operation.outputs]
        if all(cotangent is None for cotangent in cotangents):
            continue
        operation.parts = _parts(operation, cotangents)
        for item, part in zip(operation.inputs, operation.parts, strict=True):
            if isinstance(item, Value) and part is not None:
                item.cotangent = part if item.cotangent is None else item.cotangent + part
        operation.locals = _local_derivatives(operation)


def _parts(operation: Operation, cotangents: list[Any]) -> list[Any]:
    """The cotangent that goes from an operation to each of its inputs: None where none does."""
    primitive, params = operation.primitive, operation.params
    data = [item.data if isinstance(item, Value) else item for item in operation.inputs]
    wanted = _wanted(operation.inputs)
    if not any(wanted) or not primitive.differentiable:
        return [None] * len(data)
    results = [value.data for value in operation.outputs]
    several = primitive.multiple_results
    cotangent, out = (cotangents, results) if several else (cotangents[0], results[0])
    if primitive.vjp is not None:
        rules = [*primitive.vjp, *[None] * len(data)]  # as many as there are operands; those without one are integers
        return [
            rule(cotangent, out, *data, **params) if want and rule is not None else None
            for want, rule in zip(wanted, rules, strict=False)
        ]
    if primitive.vjp_all is not None:
        return list(primitive.vjp_all(cotangent, out, data, wanted, **params))
    assert primitive.vjp_bwd is not None
    return list(primitive.vjp_bwd(cotangents, operation.residuals, data, wanted, **params))


def _local_derivatives(operation: Operation) -> list[Any]:
    """∂out/∂input for each input where it is an array of the input's shape.

    That is so of elementwise operations between operands of one shape (each element by its own), and where the result
    is a scalar (then it is the gradient).
    """
    nothing = [None] * len(operation.inputs)
    if len(operation.outputs) != 1 or operation.primitive.multiple_results:
        return nothing
    out = operation.outputs[0].data
    shape = np.shape(out)
    elementwise = operation.primitive.ufunc is not None
    if shape and not elementwise:
        return nothing
    locals_ = _parts(operation, [np.ones(shape, aval_of(out).dtype)[()]])
    return [
        part if part is not None and (not shape or np.shape(item.data) == shape) else None
        for part, item in zip(locals_, operation.inputs, strict=True)
    ]


def _wanted(inputs: Sequence[Any]) -> tuple[bool, ...]:
    """Which of an operation's inputs a cotangent can go to."""
    return tuple([isinstance(item, Value) and is_inexact(item.data) for item in inputs])
