"""The JSON of a file as a program: every field is checked, and nothing that the file says is run."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var, check_jaxpr, jaxpr_as_fun
from ..core.primitive import Primitive
from ..errors import ExportError, FunctraceError
from ..lax.index import ARRAY, Index
from ..transforms.custom_derivatives import custom_jvp_p, custom_vjp_p
from .encode import DEEPEST, POLICIES
from .fields import (
    LARGEST_INT,
    array_of,
    dtype_of,
    float_of,
    integer,
    label,
    listed,
    malformed,
    record,
    type_of,
    word,
)
from .loops import check_loop, same_types
from .primitives import primitives
from .rules import VjpPrograms, jvp_rule, tangents_of, vjp_rules

MOST_EQUATIONS = 1_000_000  # those of a program inside of another count as often as it stands there
MOST_NESTED = 16  # tuples in tuples


class Decoder:
    """Reads a list of programs, of which each may use those before it."""

    def __init__(self) -> None:
        self.programs: list[ClosedJaxpr] = []
        self._sizes: list[int] = []  # the equations of each, with those inside
        self._depths: list[int] = []
        self._used: set[int] = set()
        self._rules: set[int] = set()  # those that are rules, and checked

    def read(self, value: Any, place: str) -> ClosedJaxpr:
        """The last program of a list, which uses all others."""
        for number, item in enumerate(listed(value, place)):
            self.programs.append(self._program(item, f"{place}[{number}]"))
        if not self.programs:
            malformed(place, "one program or more", value)
        unused = sorted(set(range(len(self.programs) - 1)) - self._used)
        if unused:
            raise ExportError(f"{place}[{unused[0]}]: no other program uses this one")
        check(self.programs[-1], place)
        return self.programs[-1]

    def _program(self, value: Any, place: str) -> ClosedJaxpr:
        value = record(value, place, "constants", "inputs", "equations", "outputs")
        self._size, self._depth = 0, 1
        consts = [array_of(x, f"{place}.constants[{i}]") for i, x in enumerate(listed(value["constants"], place))]
        constvars = [Var(Aval(const.shape, const.dtype)) for const in consts]
        types = listed(value["inputs"], f"{place}.inputs")
        invars = [Var(type_of(x, f"{place}.inputs[{i}]")) for i, x in enumerate(types)]
        bound: list[Var] = [*constvars, *invars]
        equations = []
        for number, item in enumerate(listed(value["equations"], f"{place}.equations")):
            equation = self._equation(item, f"{place}.equations[{number}]", bound)
            bound.extend(equation.outputs)
            equations.append(equation)
        self._size += len(equations)
        if self._size > MOST_EQUATIONS:
            raise ExportError(f"{place}: more than {MOST_EQUATIONS} equations, with those of the programs inside")
        if self._depth > DEEPEST:
            raise ExportError(f"{place}: programs inside of programs, more than {DEEPEST} deep")
        outputs = listed(value["outputs"], f"{place}.outputs")
        outvars = [self._atom(x, f"{place}.outputs[{i}]", bound) for i, x in enumerate(outputs)]
        self._sizes.append(self._size)
        self._depths.append(self._depth)
        return ClosedJaxpr(Jaxpr(constvars, invars, equations, outvars), consts)

    def _equation(self, value: Any, place: str, bound: list[Var]) -> Equation:
        value = record(value, place, "primitive", "inputs", "params", "outputs")
        key = value["primitive"]
        primitive = primitives().get(key) if type(key) is str else None
        if primitive is None:
            malformed(f"{place}.primitive", "the name of a primitive", key)
        inputs = listed(value["inputs"], f"{place}.inputs")
        outputs = listed(value["outputs"], f"{place}.outputs")
        if not isinstance(value["params"], dict):
            malformed(f"{place}.params", "an object", value["params"])
        read = self._custom if primitive in (custom_jvp_p, custom_vjp_p) else self._parameters
        equation = Equation(
            primitive,
            tuple([self._atom(x, f"{place}.inputs[{i}]", bound) for i, x in enumerate(inputs)]),
            read(value["params"], f"{place}.params", primitive),
            tuple([Var(type_of(x, f"{place}.outputs[{i}]")) for i, x in enumerate(outputs)]),
        )
        check_loop(equation, place)
        return equation

    def _atom(self, value: Any, place: str, bound: list[Var]) -> Atom:
        if isinstance(value, dict):
            found = self._value(record(value, place, "literal")["literal"], f"{place}.literal", 0)
            if not isinstance(found, (bool, int, float, complex, np.generic)):
                malformed(place, "a number as a literal", value)
            return Literal(found)
        return bound[integer(value, place, 0, len(bound))]

    def _parameters(self, value: dict[str, Any], place: str, primitive: Primitive) -> dict[str, Any]:
        return {
            word(name, place): self._parameter(name, content, f"{place}.{name:.60}") for name, content in value.items()
        }

    def _custom(self, value: dict[str, Any], place: str, primitive: Primitive) -> dict[str, Any]:
        """The parameters of a call with a derivative of its own, whose rules are programs here."""
        value = record(value, place, "jaxpr", "rule")
        closed = self._value(value["jaxpr"], f"{place}.jaxpr", 0)
        if not isinstance(closed, ClosedJaxpr):
            malformed(f"{place}.jaxpr", "a program", value["jaxpr"])
        results, rule = len(closed.out_avals), value["rule"]
        params = {"jaxpr": closed, "fun": jaxpr_as_fun(closed)}
        if primitive is custom_jvp_p:
            program = None if rule is None else self._jvp_rule(rule, f"{place}.rule", closed)
            return {**params, "rule": jvp_rule(program, results)}
        programs = None if rule is None else self._vjp_rules(rule, f"{place}.rule", closed)
        fwd, bwd = vjp_rules(programs, results)
        return {**params, "fwd": fwd, "bwd": bwd}

    def _jvp_rule(self, value: Any, place: str, closed: ClosedJaxpr) -> ClosedJaxpr:
        program = self._checked(record(value, place, "jvp")["jvp"], f"{place}.jvp")
        same_types(place, program.in_avals, [*closed.in_avals, *tangents_of(closed.in_avals)])
        same_types(place, program.out_avals, [*closed.out_avals, *tangents_of(closed.out_avals)])
        return program

    def _vjp_rules(self, value: Any, place: str, closed: ClosedJaxpr) -> VjpPrograms:
        value = record(value, place, "forward", "backward", "gives", "captured")
        forward = self._checked(value["forward"], f"{place}.forward")
        backward = self._checked(value["backward"], f"{place}.backward")
        avals, results = closed.in_avals, len(closed.out_avals)
        gives = listed(value["gives"], f"{place}.gives")
        if len(gives) != len(avals) or not all(type(give) is bool for give in gives):
            malformed(f"{place}.gives", f"true or false for each of {len(avals)} inputs", gives)
        same_types(place, forward.in_avals, avals)
        same_types(place, forward.out_avals[:results], closed.out_avals)
        same_types(place, backward.in_avals, [*forward.out_avals[results:], *tangents_of(closed.out_avals)])
        same_types(place, backward.out_avals, [aval for aval, give in zip(avals, gives, strict=True) if give])
        captured = integer(value["captured"], f"{place}.captured", 0, len(avals) + 1)
        return VjpPrograms(forward, backward, tuple(gives), captured)

    def _checked(self, value: Any, place: str) -> ClosedJaxpr:
        """A program that is in no equation, and so is checked by itself."""
        number = integer(value, place, 0, len(self.programs))
        if number not in self._rules:
            check(self.programs[number], place)
            self._rules.add(number)
        return self._use(number)

    def _parameter(self, name: str, value: Any, place: str) -> Any:
        if name == "name":
            return label(value, place)
        if name == "policy" and value is not None:
            policy = record(value, place, "policy")["policy"]
            if type(policy) is not str or policy not in POLICIES:
                malformed(place, "the name of a policy", policy)
            return POLICIES[policy]
        return self._value(value, place, 0)

    def _value(self, value: Any, place: str, depth: int) -> Any:
        if value is None or type(value) is bool:
            return value
        if type(value) is int:
            return integer(value, place, 1 - LARGEST_INT, LARGEST_INT)
        if type(value) is str:
            return word(value, place)
        if depth > MOST_NESTED:
            malformed(place, f"lists at most {MOST_NESTED} deep", value)
        if isinstance(value, dict) and "index" in value:
            return self._index(record(value, place, "index", "unique"), place)
        if not isinstance(value, dict) or len(value) != 1:
            malformed(place, "a value", value)
        [(tag, content)] = value.items()
        match tag:
            case "tuple" | "list":
                items = [self._value(x, f"{place}[{i}]", depth + 1) for i, x in enumerate(listed(content, place))]
                return tuple(items) if tag == "tuple" else items
            case "float":
                return float_of(content, place)
            case "complex":
                if len(listed(content, place)) != 2:
                    malformed(place, "the two parts of a complex number", content)
                return complex(float_of(content[0], place), float_of(content[1], place))
            case "dtype":
                return dtype_of(content, place)
            case "scalar":
                array = array_of(content, place)
                return array[()] if not array.ndim else malformed(place, "a scalar", content)
            case "array":
                return array_of(content, place)
            case "slice":
                return self._slice(content, place)
            case "type":
                return type_of(content, place)
            case "program":
                return self._use(integer(content, place, 0, len(self.programs)))
        malformed(place, "a value", value)

    def _index(self, value: dict[str, Any], place: str) -> Index:
        entries: list[Any] = []
        for number, entry in enumerate(listed(value["index"], place)):
            here = f"{place}.index[{number}]"
            if entry is None:
                entries.append(None)
            elif entry in ("array", "..."):
                entries.append(ARRAY if entry == "array" else Ellipsis)
            elif isinstance(entry, dict):
                entries.append(self._slice(record(entry, here, "slice")["slice"], here))
            else:
                entries.append(integer(entry, here, 1 - LARGEST_INT, LARGEST_INT))
        if type(value["unique"]) is not bool:
            malformed(f"{place}.unique", "true or false", value["unique"])
        return Index(tuple(entries), value["unique"])

    def _slice(self, content: Any, place: str) -> slice:
        parts = listed(content, place)
        if len(parts) != 3:
            malformed(place, "start, stop and step of a slice", content)
        return slice(*[part if part is None else integer(part, place, 1 - LARGEST_INT, LARGEST_INT) for part in parts])

    def _use(self, number: int) -> ClosedJaxpr:
        self._used.add(number)
        self._size += self._sizes[number]
        self._depth = max(self._depth, 1 + self._depths[number])
        return self.programs[number]


def check(closed: ClosedJaxpr, place: str) -> None:
    """Check a program as `check_jaxpr` does; what a rule makes of nonsense is this file's error."""
    try:
        check_jaxpr(closed)
    except Exception as error:  # the rules were not written for parameters of any kind
        what = error.what if isinstance(error, FunctraceError) else f"{type(error).__name__}: {error}"
        raise ExportError(f"{place}: the program is not well formed: {what}") from None
