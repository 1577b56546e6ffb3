"""A program rewritten by rules, from its first equation to its last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var
from ..core.primitive import Primitive, avals_of_result
from ..errors import Location
from ..lax.shape import broadcast_in_dim_p
from .effects import has_effect

Rule = Callable[[Equation, "Rewriting"], "Atom | None"]

#: Whose operands may be exchanged without a change of a bit, if they are real.
_COMMUTATIVE = frozenset({"add", "mul", "eq", "ne", "and", "or", "xor", "logical_and", "logical_or", "logical_xor"})


def rewritten(closed: ClosedJaxpr, rules: Mapping[Primitive, Sequence[Rule]]) -> ClosedJaxpr:
    """With each equation replaced by what a rule of its primitive gives, and each value computed once.

    Parameters
    ----------
    closed
        The program.
    rules
        For each primitive that they speak of the rules to be tried, in order. A rule gets an equation and the program
        so far, and gives what the equation's result is: an atom that was there before, or that it has emitted. None,
        or a result of another type, is no rewriting.
    """
    jaxpr = closed.jaxpr
    program = Rewriting(closed, rules)
    for equation in jaxpr.equations:
        program.take(equation)
    names = program.names
    outvars = [names.get(atom, atom) for atom in jaxpr.outvars]
    return ClosedJaxpr(Jaxpr(jaxpr.constvars, jaxpr.invars, program.kept, outvars), closed.consts)


class Rewriting:
    """A program while it is rewritten.

    Attributes
    ----------
    made_by
        The equation that makes a variable.
    kept
        The equations of the new program so far.
    names
        What stands for a variable of the old program.
    notes
        What one rule leaves for another about an atom.
    """

    __slots__ = (
        "_arguments",
        "_dead",
        "_known",
        "_location",
        "_results",
        "_rules",
        "_uses",
        "kept",
        "made_by",
        "names",
        "notes",
    )

    def __init__(self, closed: ClosedJaxpr, rules: Mapping[Primitive, Sequence[Rule]]) -> None:
        self.made_by: dict[Atom, Equation] = {}
        self.kept: list[Equation] = []
        self.names: dict[Atom, Atom] = {}
        self.notes: dict[Atom, Any] = {}
        self._rules = rules
        self._known: dict[Any, tuple[Var, ...]] = {}
        self._uses = use_counts(closed.jaxpr)
        self._dead: set[Atom] = set()
        self._arguments: set[Atom] = {*closed.jaxpr.invars, *closed.jaxpr.constvars}
        self._results: set[Atom] = {*closed.jaxpr.outvars}
        self._location: Location | None = None
        for var, const in zip(closed.jaxpr.constvars, closed.consts, strict=True):
            scalar = _repeated(const)
            if scalar is not None:  # rules may see it as the broadcast that it is; where none does, it stays as it is
                params = {"shape": var.aval.shape, "broadcast_dimensions": ()}
                self._uses[scalar] = 1
                self.made_by[var] = Equation(broadcast_in_dim_p, (scalar,), params, (var,))

    # -- what rules ask and say --------------------------------------------------------------------------------------

    def maker(self, atom: Atom, *names: str) -> Equation | None:
        """The equation that makes an atom, if its primitive is one of these."""
        maker = self.made_by.get(atom)
        if maker is None or maker.primitive.name not in names or maker.primitive not in self._rules:
            return None
        return maker

    def once(self, atom: Atom) -> bool:
        """Whether an atom is needed at one place only."""
        return self._uses.get(atom, 0) <= 1

    def let_go(self, atom: Atom) -> None:
        """Count what an atom needs as if it were gone: it is needed only by the equation that a rule replaces."""
        self._dead.add(atom)
        self._release_inputs(self.made_by[atom])

    def emit(self, primitive: Primitive, *inputs: Atom, **params: Any) -> Atom:
        """The result of a new equation, itself rewritten."""
        avals = avals_of_result(primitive, [atom.aval for atom in inputs], params)
        equation = Equation(primitive, inputs, params, tuple([Var(aval) for aval in avals]), self._location)
        for atom in inputs:
            self._retain(atom, 1)
        return self._result(equation)

    # -- equations ---------------------------------------------------------------------------------------------------

    def take(self, equation: Equation) -> None:
        """Go on with the next equation of the old program."""
        names = self.names
        for atom in equation.inputs:
            if atom in names:
                inputs = tuple([names.get(atom, atom) for atom in equation.inputs])
                equation = Equation(equation.primitive, inputs, equation.params, equation.outputs, equation.location)
                break
        if equation.params and has_effect(equation):
            self.kept.append(equation)
            return
        outputs = equation.outputs
        if len(outputs) == 1:
            out = outputs[0]
            self._location = equation.location
            result = self._result(equation)
            if result is not out:
                names[out] = result
                self._retain(result, self._uses.get(out, 0))
            return
        earlier = self._earlier(equation)
        if earlier is not outputs:
            for out, result in zip(outputs, earlier, strict=True):
                names[out] = result
                self._retain(result, self._uses.get(out, 0))

    def _result(self, equation: Equation) -> Atom:
        for rule in self._rules.get(equation.primitive, ()):
            result = rule(equation, self)
            if result is not None and self._fits(result, equation.outputs[0]):
                self._retain(result, 1)  # while what led to it is let go
                self._release_inputs(equation)
                self._uses[result] -= 1
                return result
        if self._dead:
            for atom in equation.inputs:  # what a rule has let go in vain
                self._retain(atom, 0)
        return self._earlier(equation)[0]

    def _fits(self, atom: Atom, out: Var) -> bool:
        """Whether an atom may stand for a result: where an operation gives a scalar, a view is an array still."""
        if atom.aval != out.aval:
            return False
        if out.aval.shape or out not in self._results:
            return True
        maker = self.made_by.get(atom)
        return atom not in self._arguments and (maker is None or not maker.primitive.aliases)

    def _earlier(self, equation: Equation) -> tuple[Var, ...]:
        """The outputs of an earlier equation that computes the same, or those of this one, which is kept then."""
        key = _key(equation)
        if key is not None:
            earlier = self._known.setdefault(key, equation.outputs)
            if earlier is not equation.outputs:
                self._release_inputs(equation)
                return earlier
        self.kept.append(equation)
        for var in equation.outputs:
            self.made_by[var] = equation
        return equation.outputs

    # -- how often an atom is needed ---------------------------------------------------------------------------------

    def _retain(self, atom: Atom, count: int) -> None:
        uses, dead = self._uses, self._dead
        uses[atom] = uses.get(atom, 0) + count
        waking = [atom] if atom in dead else []
        while waking:
            atom = waking.pop()
            dead.remove(atom)
            for needed in self.made_by[atom].inputs:
                uses[needed] += 1
                if needed in dead and needed not in waking:
                    waking.append(needed)

    def _release_inputs(self, equation: Equation) -> None:
        uses, dead = self._uses, self._dead
        leaving = list(equation.inputs)
        while leaving:
            atom = leaving.pop()
            uses[atom] -= 1
            if not uses[atom] and atom not in dead:
                maker = self.made_by.get(atom)
                if maker is not None and len(maker.outputs) == 1:
                    dead.add(atom)
                    leaving.extend(maker.inputs)


_FEW = 1 << 14


def _repeated(const: Any) -> Literal | None:
    """The scalar that is every element of a constant array of few elements."""
    if not isinstance(const, np.ndarray) or not const.ndim or not 0 < const.size <= _FEW:
        return None
    first = const[(0,) * const.ndim]
    return Literal(first) if const.tobytes() == first.tobytes() * const.size else None


def use_counts(jaxpr: Jaxpr) -> dict[Atom, int]:
    """How often each atom stands among the operands and the results."""
    uses: dict[Atom, int] = {}
    for equation in jaxpr.equations:
        for atom in equation.inputs:
            uses[atom] = uses.get(atom, 0) + 1
    for atom in jaxpr.outvars:
        uses[atom] = uses.get(atom, 0) + 1
    return uses


def _key(equation: Equation) -> Any:
    """What makes two equations compute the same; None where that cannot be said."""
    inputs = equation.inputs
    if Literal in [atom.__class__ for atom in inputs]:
        words: tuple = tuple([_literal_key(atom.value) if isinstance(atom, Literal) else atom for atom in inputs])
    else:
        words = inputs
        if (
            len(inputs) == 2
            and equation.primitive.ufunc is not None
            and equation.primitive.name in _COMMUTATIVE
            and inputs[0].aval.dtype.kind != "c" != inputs[1].aval.dtype.kind
            and id(inputs[0]) > id(inputs[1])
        ):
            words = (inputs[1], inputs[0])
    params = equation.params
    if not params:
        return (equation.primitive, words)
    key = (equation.primitive, words, tuple(sorted(params.items()) if len(params) > 1 else params.items()))
    try:
        hash(key)
    except TypeError:  # a parameter that cannot be compared: the equation is like no other
        return None
    return key


def _literal_key(value: Any) -> Any:
    """Equal only for what computes the same: 1, 1.0, True and -0.0 are different."""
    kind = value.__class__
    if kind is float:
        return kind, value.hex()
    return kind, value if isinstance(value, int) else np.asarray(value).tobytes()
