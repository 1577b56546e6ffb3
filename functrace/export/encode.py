"""A program as the JSON that a file holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Literal
from ..core.trace import Tracer
from ..errors import ExportError, FunctraceError
from ..lax.index import ARRAY, Index
from ..transforms.checkpoint import checkpoint_policies
from .fields import LARGEST_INT, array_record, dtype_text, float_text, is_word, type_text
from .primitives import keys
from .rules import jvp_program, vjp_programs

DEEPEST = 40  # programs inside of programs
MOST_RULES = 3  # rules of custom derivatives inside of each other: derivatives of derivatives

#: The policies of `checkpoint` that a file can name.
POLICIES: dict[str, Any] = {
    name: getattr(checkpoint_policies, name)
    for name in (
        "everything_saveable",
        "nothing_saveable",
        "dots_saveable",
        "dots_with_no_batch_dims_saveable",
    )
}


class Encoder:
    """Gathers programs: one inside of another comes before it in the list, and each comes once."""

    def __init__(self) -> None:
        self.programs: list[dict[str, Any]] = []
        self._numbers: dict[int, int] = {}
        self._depth = 0
        self._rules = 0

    def program(self, closed: ClosedJaxpr) -> int:
        """The number of a program, which is written if it is not yet."""
        if id(closed) in self._numbers:
            return self._numbers[id(closed)]
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExportError(f"programs inside of programs, more than {DEEPEST} deep, cannot be saved")
        written = self._program(closed)
        self._depth -= 1
        self.programs.append(written)
        number = self._numbers[id(closed)] = len(self.programs) - 1
        return number

    def _program(self, closed: ClosedJaxpr) -> dict[str, Any]:
        jaxpr = closed.jaxpr
        numbers: dict[Atom, int] = {}
        for var in (*jaxpr.constvars, *jaxpr.invars):
            numbers[var] = len(numbers)
        constants = []
        for const in closed.consts:
            if isinstance(const, Tracer) or not isinstance(const, np.ndarray):
                raise ExportError(f"a program with the constant {const!r} cannot be saved: it is no array")
            constants.append(array_record(const))
        equations = []
        for equation in jaxpr.equations:
            try:
                equations.append(self._equation(equation, numbers))
            except _NotSaved as error:
                raise ExportError(
                    f"the equation {equation.primitive.name} cannot be saved: {error}",
                    instead=error.instead,
                    where=equation.location,
                ) from None
            for var in equation.outputs:
                numbers[var] = len(numbers)
        return {
            "constants": constants,
            "inputs": [type_text(var.aval) for var in jaxpr.invars],
            "equations": equations,
            "outputs": [self._atom(atom, numbers) for atom in jaxpr.outvars],
        }

    def _equation(self, equation: Equation, numbers: dict[Atom, int]) -> dict[str, Any]:
        key = keys().get(equation.primitive)
        if key is None:
            _refuse(equation)
        return {
            "primitive": key,
            "inputs": [self._atom(atom, numbers) for atom in equation.inputs],
            "params": self._parameters(equation),
            "outputs": [type_text(var.aval) for var in equation.outputs],
        }

    def _atom(self, atom: Atom, numbers: dict[Atom, int]) -> Any:
        if isinstance(atom, Literal):
            return {"literal": self._value(atom.value)}
        if atom not in numbers:
            raise _NotSaved("it uses a variable before it is bound")
        return numbers[atom]

    def _parameters(self, equation: Equation) -> dict[str, Any]:
        if equation.primitive.name == "custom_jvp_call":
            return {"jaxpr": self._value(equation.params["jaxpr"]), **self._rule(equation, self._jvp_rule)}
        if equation.primitive.name == "custom_vjp_call":
            return {"jaxpr": self._value(equation.params["jaxpr"]), **self._rule(equation, self._vjp_rules)}
        return {name: self._parameter(name, value) for name, value in equation.params.items()}

    def _rule(self, equation: Equation, write: Callable[[Equation], dict[str, Any]]) -> dict[str, Any]:
        """The rule of a custom derivative; none of one that is inside of too many others."""
        if self._rules == MOST_RULES:
            return {"rule": None}
        self._rules += 1
        try:
            return {"rule": write(equation)}
        except FunctraceError as error:
            if isinstance(error, ExportError):
                raise
            raise _NotSaved(f"its rule cannot be traced: {error.what}", error.instead) from None
        finally:
            self._rules -= 1

    def _jvp_rule(self, equation: Equation) -> dict[str, Any]:
        return {"jvp": self.program(jvp_program(equation))}

    def _vjp_rules(self, equation: Equation) -> dict[str, Any]:
        programs = vjp_programs(equation)
        return {
            "forward": self.program(programs.forward),
            "backward": self.program(programs.backward),
            "gives": list(programs.gives),
            "captured": programs.captured,
        }

    def _parameter(self, name: str, value: Any) -> Any:
        if name == "name" and type(value) is str:
            return "".join(c if c.isprintable() else "?" for c in value[:200])
        if name == "policy" and value is not None:
            known = next((word for word, policy in POLICIES.items() if policy is value), None)
            if known is None:
                raise _NotSaved("its policy is a Python function", f"one of {', '.join(POLICIES)}, or no policy")
            return {"policy": known}
        try:
            return self._value(value)
        except _NotSaved as error:
            raise _NotSaved(f"its parameter {name} {error}", error.instead) from None

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int and abs(value) < LARGEST_INT:
            return value
        if kind is str and is_word(value):
            return value
        if kind is float:
            return {"float": float_text(value)}
        if kind is complex:
            return {"complex": [float_text(value.real), float_text(value.imag)]}
        if kind in (tuple, list):
            return {kind.__name__: [self._value(item) for item in value]}
        if isinstance(value, np.dtype):
            return {"dtype": dtype_text(value)}
        if isinstance(value, np.generic):
            return {"scalar": array_record(np.asarray(value))}
        if kind is np.ndarray:
            return {"array": array_record(value)}
        if kind is slice:
            return {"slice": [self._value(part) for part in (value.start, value.stop, value.step)]}
        if kind is Index:
            return {"index": [_entry(entry) for entry in value.entries], "unique": value.unique}
        if isinstance(value, Aval):
            return {"type": type_text(value)}
        if isinstance(value, ClosedJaxpr):
            return {"program": self.program(value)}
        raise _NotSaved(
            "is a Python function, and a file holds none"
            if callable(value)
            else f"is {value!r:.60}, of a kind that has no form in a file"
        )


class _NotSaved(Exception):
    def __init__(self, what: str, instead: str | None = None) -> None:
        super().__init__(what)
        self.instead = instead


def _entry(entry: Any) -> Any:
    if entry is ARRAY:
        return "array"
    if entry is Ellipsis:
        return "..."
    return {"slice": [entry.start, entry.stop, entry.step]} if isinstance(entry, slice) else entry


def _refuse(equation: Equation) -> None:
    params = equation.params
    if "axis_name" in params:
        raise _NotSaved(f"it speaks of the axis {params['axis_name']!r} of a vmap around the program")
    if "rule" in params:
        raise _NotSaved(
            "its rule is a Python function, and a file holds none",
            "save what you need of it, functrace.vmap(f), in which the rule is carried out",
        )
    if any(callable(value) for value in params.values()):
        raise _NotSaved("it calls a Python function, and a file holds none", "functrace.numpy in place of the callback")
    raise _NotSaved("it is no primitive of this library, and a file says of a primitive its name alone")
