"""The program around loops, as it is rebuilt, and the equations that are written into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.aval import Aval, aval_of
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var
from ..core.recording import record
from ..core.trace import location_holder
from ..errors import Location
from ..lax.shape import convert_element_type_p, discretize_p
from .effects import has_effect

# the equations in place of an equation with programs inside
Rule = Callable[[Equation, "Program"], list[Equation]]


class Program:
    """A program with loops as it is rebuilt, from its last equation to its first: so it is known what is needed."""

    def __init__(self, closed: ClosedJaxpr, rules: dict[str, Rule], lean: Callable[[ClosedJaxpr], ClosedJaxpr]) -> None:
        self.closed, self.rules = closed, rules
        self.lean = lean  # what a program inside an equation becomes
        self.made_by: dict[Atom, Equation] = {var: e for e in closed.equations for var in e.outputs}
        self.live: set[Atom] = set(closed.jaxpr.outvars)
        self.names: dict[Atom, Atom] = {}  # what stands in place of a loop's result
        self.constvars = list(closed.jaxpr.constvars)
        self.consts = list(closed.consts)
        self.known = {id(const): var for var, const in zip(self.constvars, self.consts, strict=True)}

    def rebuilt(self) -> ClosedJaxpr:
        kept: list[Equation] = []
        for equation in reversed(self.closed.equations):
            if not self._needed(equation):
                continue
            rule = self.rules.get(equation.primitive.name)
            parts = [equation] if rule is None else rule(equation, self)
            # what stands in place of a result is needed as the result was
            self.live.update([self.names[var] for var in equation.outputs if var in self.live and var in self.names])
            for part in reversed(parts):
                if self._needed(part):
                    kept.append(part)
                    self.live.update(part.inputs)
        kept.reverse()
        if self.names:
            kept = [renamed(equation, self.read) for equation in kept]
        jaxpr = self.closed.jaxpr
        outvars = [self.read(atom) for atom in jaxpr.outvars]
        return ClosedJaxpr(Jaxpr(self.constvars, jaxpr.invars, kept, outvars), self.consts)

    def _needed(self, equation: Equation) -> bool:
        return any(var in self.live for var in equation.outputs) or has_effect(equation)

    def read(self, atom: Atom) -> Atom:
        """What stands in place of an atom in the end."""
        while atom in self.names:
            atom = self.names[atom]
        return atom

    def constant(self, value: Any) -> Var:
        """A constant of the program."""
        var = self.known.get(id(value))
        if var is None:
            var = self.known[id(value)] = Var(aval_of(value))
            self.constvars.append(var)
            self.consts.append(value)
        return var


def renamed(equation: Equation, read: Callable[[Atom], Atom]) -> Equation:
    inputs = tuple([atom if atom.__class__ is Literal else read(atom) for atom in equation.inputs])
    if all(map(_is_same, inputs, equation.inputs)):
        return equation
    return Equation(equation.primitive, inputs, equation.params, equation.outputs, equation.location)


def _is_same(a: Any, b: Any) -> bool:
    return a is b


class Writer:
    """Equations that are written one after another into a program."""

    def __init__(self, program: Program, location: Location | None) -> None:
        self.program = program
        self.location = location  # the loop's
        self.equations: list[Equation] = []

    def run(self, function: Callable[..., Sequence[Any]], atoms: Sequence[Atom]) -> list[Atom]:
        """What a function of values makes of these atoms, written down."""
        variables = [atom for atom in dict.fromkeys(atoms) if isinstance(atom, Var)]

        def on_variables(*tracers: Any) -> Sequence[Any]:
            at(self.location)
            values = dict(zip(variables, tracers, strict=True))
            return function(*[a.value if isinstance(a, Literal) else values[a] for a in atoms])

        closed = record(on_variables, [var.aval for var in variables])
        names: dict[Atom, Atom] = dict(zip(closed.jaxpr.invars, variables, strict=True))
        for var, const in zip(closed.jaxpr.constvars, closed.consts, strict=True):
            names[var] = self.program.constant(const)
        self.equations.extend([renamed(equation, lambda a: names.get(a, a)) for equation in closed.equations])
        return [atom if isinstance(atom, Literal) else names.get(atom, atom) for atom in closed.jaxpr.outvars]

    def copy(self, equation: Equation, names: dict[Atom, Atom]) -> None:
        """An equation from inside a loop, its inputs named by `names`, which learns of its outputs."""
        inputs = tuple([atom if isinstance(atom, Literal) else names[atom] for atom in equation.inputs])
        outputs = tuple([Var(var.aval) for var in equation.outputs])
        names.update(zip(equation.outputs, outputs, strict=True))
        self.equations.append(Equation(equation.primitive, inputs, equation.params, outputs, equation.location))

    def as_type(self, atom: Atom, aval: Aval) -> Atom:
        """An operand as the program that takes it sees it: not weak, where it is no weak value there."""
        if atom.aval == aval or atom.aval.strong() != aval:
            return atom
        out = Var(aval)
        primitive = convert_element_type_p if aval.dtype.kind in "fc" else discretize_p
        self.equations.append(Equation(primitive, (atom,), {"new_dtype": aval.dtype}, (out,)))
        return out


def at(location: Location | None) -> None:
    """Let what is recorded from here on be known to have been written there."""
    holder = location_holder()
    if holder is not None:
        holder.location = location
