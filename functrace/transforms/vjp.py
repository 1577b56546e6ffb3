"""Reverse mode: an interpreter that carries each equation out, notes it, and walks its notes backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..config import config
from ..core.aval import Aval, Shape, aval_of
from ..core.finite import look
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..core.recording import leaked
from ..core.trace import Trace, Tracer, current_location, enter_trace, leave_trace, location_holder, raise_refusal
from ..errors import DifferentiationError, NonFiniteError

#: Up to this many bytes a captured array is copied when it is noted, so that the function may change it after its use.
#: Larger ones are noted as they are: a copy would cost as much as the operation, and memory at each use.
_SMALL = 1 << 16

# A note is (primitive, values of the inputs, their positions or -1, value of the output, parameters, location).
# A value's position is the place of the note that made it; the inputs come first, with None in place of a note.
Note = tuple[Primitive, tuple, tuple, Any, dict, Any]


class VJPTracer(Tracer):
    """A value that the function computes, with the position of its note."""

    __slots__ = ("position", "value")

    def __init__(self, trace: VJPTrace, value: Any, position: int) -> None:
        self._trace = trace
        self.value = value
        self.position = position

    @property
    def aval(self) -> Aval:
        return aval_of(self.value)

    @property
    def shape(self) -> Shape:  # by hand: asked for on the hot path
        value = self.value
        return value.shape if value.__class__ is np.ndarray else aval_of(value).shape

    @property
    def ndim(self) -> int:
        value = self.value
        return value.ndim if value.__class__ is np.ndarray else aval_of(value).ndim

    @property
    def dtype(self) -> np.dtype:
        value = self.value
        return value.dtype if value.__class__ is np.ndarray else aval_of(value).dtype

    def concrete(self) -> Any:
        value = self.value
        return value.concrete() if isinstance(value, Tracer) else value

    def __repr__(self) -> str:
        return f"VJPTracer<{self.value!r}>"


class VJPTrace(Trace):
    """Carries out and notes."""

    __slots__ = ("locate", "notes", "outermost")

    def __init__(self, outermost: bool) -> None:
        super().__init__()
        self.notes: list[Any] = []
        self.locate = location_holder() is not None
        self.outermost = outermost and not config.debugging

    @property
    def open(self) -> bool:  # type: ignore[override]
        return self.notes.__class__ is not _Ended

    def new_input(self, value: Any) -> Any:
        self.notes.append(None)
        return VJPTracer(self, value, len(self.notes) - 1) if is_inexact(value) else value

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        values: Sequence[Any]
        positions: Sequence[int]
        if len(args) == 2:  # the two ordinary cases by hand: this is the hot path of every eager gradient
            x, y = args
            x_position = y_position = -1
            if x.__class__ is VJPTracer and x._trace is self:
                x, x_position = x.value, x.position
            elif x.__class__ is np.ndarray and x.nbytes <= _SMALL:
                x = x.copy("K")
            if y.__class__ is VJPTracer and y._trace is self:
                y, y_position = y.value, y.position
            elif y.__class__ is np.ndarray and y.nbytes <= _SMALL:
                y = y.copy("K")
            values, positions = (x, y), (x_position, y_position)
        elif len(args) == 1:
            values, positions = (args[0].value,), (args[0].position,)
        else:
            values, positions = list(args), [-1] * len(args)
            for index, arg in enumerate(args):
                if arg.__class__ is VJPTracer and arg._trace is self:
                    values[index], positions[index] = arg.value, arg.position
                elif arg.__class__ is np.ndarray and arg.nbytes <= _SMALL:
                    values[index] = arg.copy("K")
        if primitive.jvp is None:
            return self._process_other(primitive, values, positions, params)
        # with no trace around this one the values are arrays: nobody is left to be asked
        operation = primitive.impl if self.outermost else primitive
        out = operation(*values, **params) if params else operation(*values)
        if primitive.multiple_results:
            return self.note_several(primitive, values, positions, out, out, params)
        notes = self.notes
        position = len(notes)
        notes.append((primitive, values, positions, out, params, current_location() if self.locate else None))
        return VJPTracer(self, out, position)

    def _process_other(
        self, primitive: Primitive, values: Sequence[Any], positions: Sequence[int], params: dict[str, Any]
    ) -> Any:
        """A primitive without a derivative, or one with a program inside, whose way forward gives residuals too."""
        if not self.open:
            raise leaked([VJPTracer(self, value, -1) for value in values])
        if primitive.vjp_fwd is None:
            return primitive(*values, **params)
        wanted = tuple([target >= 0 for target in positions])
        out, residuals = primitive.vjp_fwd(values, wanted, **params)
        captured = residuals.consts if residuals.__class__ is ClosedJaxpr else ()
        for value in (*out, *captured):
            if value.__class__ is VJPTracer and value._trace is self:
                raise DifferentiationError(
                    f"{primitive.name}: a function with a rule of its own uses a value from outside that is being "
                    "differentiated; its rule does not say how",
                    instead="pass the value as an argument; functrace.closure_convert makes one of it",
                )
        return self.note_several(primitive, values, positions, out, (out, residuals), params)

    def note_several(
        self,
        primitive: Primitive,
        values: Sequence[Any],
        positions: Sequence[int],
        out: Sequence[Any],
        kept: Any,
        params: dict[str, Any],
    ) -> list[Any]:
        """One note for several results: the first one's position is the note's, the others' follow."""
        notes = self.notes
        position = len(notes)
        notes.append((primitive, values, positions, kept, params, current_location() if self.locate else None))
        notes.extend([None] * (len(out) - 1))
        return [
            VJPTracer(self, value, position + index) if is_inexact(value) else value for index, value in enumerate(out)
        ]


class _Ended(list):
    """In place of the notes of a trace that has ended."""

    def append(self, note: Any) -> NoReturn:
        raise leaked([VJPTracer(_ENDED_TRACE, note[3], 0)])


_ENDED_TRACE = VJPTrace(outermost=False)


def is_inexact(value: Any) -> bool:
    """Whether a derivative can flow through a value: its dtype is a float or complex one."""
    return aval_of(value).dtype.kind in "fc"


def trace_vjp(function: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, VJPTrace, list[Any]]:
    """Run `function` on tracers of the inputs: what it returns, the trace, and the notes of the way."""
    trace = VJPTrace(enter_trace())
    tracers = [trace.new_input(value) for value in inputs]
    notes = trace.notes
    try:
        return function(*tracers), trace, notes
    except ValueError as error:
        raise_refusal(error)
        raise
    finally:
        leave_trace()
        trace.notes = _Ended()


def keep_captured(notes: list[Any]) -> None:
    """Replace the arrays in the notes that came from outside by copies, since the way back may be walked later."""
    copies: dict[int, tuple[Any, Any]] = {}

    def kept(value: Any, position: int) -> Any:
        if position >= 0 or value.__class__ is not np.ndarray:
            return value
        if id(value) not in copies:
            copies[id(value)] = (value, value.copy())  # with the original, so that its id is not given anew
        return copies[id(value)][1]

    for index, note in enumerate(notes):
        if note is not None:
            primitive, values, positions, *rest = note
            values = tuple([kept(value, position) for value, position in zip(values, positions, strict=True)])
            notes[index] = (primitive, values, positions, *rest)


def backward(notes: list[Any], cotangents: list[Any], inputs: int, release: bool = False) -> list[Any]:
    """Walk the notes backward.

    Parameters
    ----------
    notes
        What the trace noted.
    cotangents
        One for each position, None for zero; used up.
    inputs
        How many positions, from the first, are inputs.
    release
        Whether the notes are used up too: each is forgotten when it has been passed, and its values with it.

    Returns
    -------
    list
        The inputs' cotangents; None is zero.
    """
    holder = location_holder()
    outer_location = None if holder is None else holder.location
    try:
        for position in range(len(notes) - 1, inputs - 1, -1):
            note = notes[position]
            if note is None:
                continue
            if release:
                notes[position] = None
            primitive, values, positions, out, params, location = note
            if primitive.multiple_results:
                end = position + len(out if primitive.vjp_fwd is None else out[0])
                cotangent: Any = cotangents[position:end]
                if all(part is None for part in cotangent):
                    continue
                cotangents[position:end] = [None] * (end - position)
            else:
                cotangent = cotangents[position]
                if cotangent is None:
                    continue
                cotangents[position] = None
            if holder is not None and location is not None:
                holder.location = location  # what is done on the way back belongs to the line of the way there
            rules = primitive.vjp
            if rules is not None:
                for target, rule in zip(positions, rules, strict=False):
                    if target >= 0 and rule is not None:
                        part = rule(cotangent, out, *values, **params) if params else rule(cotangent, out, *values)
                        if part is not None:
                            held = cotangents[target]
                            cotangents[target] = part if held is None else held + part
            else:
                wanted = tuple([target >= 0 for target in positions])
                if primitive.vjp_fwd is None:
                    parts = primitive.vjp_all(cotangent, out, values, wanted, **params)
                else:
                    parts = primitive.vjp_bwd(cotangent, out[1], values, wanted, **params)
                for target, part in zip(positions, parts, strict=True):
                    if target >= 0 and part is not None:
                        held = cotangents[target]
                        cotangents[target] = part if held is None else held + part
            if holder is not None and config.debugging:
                look(f"the derivative of {primitive.name}", [cotangents[target] for target in positions if target >= 0])
    except NonFiniteError as error:
        error.add_note(f"on the way back through {primitive.name}")
        raise
    finally:
        if holder is not None:
            holder.location = outer_location
    return cotangents[:inputs]
