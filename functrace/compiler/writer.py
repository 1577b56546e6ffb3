"""The equations of a jaxpr as statements of NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.aval import DYNAMIC, Aval
from ..core.jaxpr import Atom, Equation, Jaxpr, Literal, Var
from ..lazy import LateUfunc
from . import scalars
from .arena import SMALLEST, Arena
from .blocks import write_blocks
from .buffers import LARGE, Lifetimes, used_in
from .fusion import POWERS, fused_p
from .names import Names, comment, dtype_text, identifier, scalar_text


class Writer:
    """Writes equations, and those of the programs inside them, as lines of one function.

    Attributes
    ----------
    names
        The names of the program.
    arena
        Memory for large values; None where every value gets memory of its own.
    lines
        What is written.
    depth
        How far the next line is indented.
    text
        What a variable is called, as a value of NumPy (a Python number where its dtype is weak).
    python
        What a scalar is called that is held as a Python float or bool.
    used
        What the equations and results of the jaxpr need.
    """

    def __init__(self, names: Names, arena: Arena | None = None) -> None:
        self.names = names
        self.arena = arena
        self.lines: list[str] = []
        self.depth = 0
        self.text: dict[Atom, str] = {}
        self.python: dict[Atom, str] = {}
        self.used: set[Atom] = set()
        self._said: str | None = None
        self._comments: dict[Any, str] = {}

    def child(self) -> Writer:
        """A writer of a program inside this one: it goes on here, a step further in, with variables of its own."""
        child = Writer(self.names, self.arena)
        child.lines, child.depth = self.lines, self.depth + 1
        return child

    def line(self, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * self.depth + text)

    def say(self, equation: Equation) -> None:
        """Write the user's line that an equation comes from as a comment, once for each group."""
        location = equation.location
        if location is None:
            return
        here = (location.code, location.instruction, location.scope)
        text = self._comments.get(here)
        if text is None:
            text = f"[{location.scope}] {location.text}" if location.scope else location.text
            text = self._comments[here] = comment(text) if text else ""
        if text != self._said:
            self._said = text
            if text:
                self.line(text)

    def write(
        self,
        jaxpr: Jaxpr,
        *,
        chains: bool = True,
        into: Mapping[Atom, str] | None = None,
        own: Sequence[Var] = (),
        donated: Sequence[Var] = (),
        floats: Sequence[Atom] = (),
    ) -> None:
        """Write the equations of a jaxpr whose inputs have their names.

        Parameters
        ----------
        jaxpr
            The jaxpr.
        chains
            Whether chains of scalar equations become arithmetic of Python floats.
        into
            Arrays in which results are to be written.
        own
            Inputs whose memory may be written over once they are not needed.
        donated
            The same, of memory that is known to be contiguous in row-major order.
        floats
            Outputs that are wanted as Python floats.
        """
        self.used = used_in(jaxpr)
        lifetimes = Lifetimes(jaxpr, (*own, *donated))
        for var in donated:
            lifetimes.is_row_major(self.text[var])
        targets = dict(into or {})
        chain: list[Equation] = []
        in_chain: set[Atom] = set()
        uses = _last_uses(jaxpr) if chains else {}

        def end_chain(position: int) -> None:
            if chain:
                self._chain(list(chain), position, uses, floats)
                chain.clear()
                in_chain.clear()

        for position, equation in enumerate(jaxpr.equations):
            if chains and scalars.computes(equation):
                chain.append(equation)
                in_chain.update(equation.outputs)
                self._hold_views(equation, lifetimes, in_chain)
                continue
            if in_chain and any(atom in in_chain for atom in equation.inputs):
                end_chain(position)
            self._equation(equation, position, lifetimes, targets)
            for var in equation.outputs:
                if var in targets and self.text[var] != targets[var]:
                    self.line(f"{targets[var]}[...] = {self.text[var]}")
            if lifetimes.frees(position):
                self._free(position, lifetimes)
        end_chain(len(jaxpr.equations))

    # -- operands ----------------------------------------------------------------------------------------------------

    def operand(self, atom: Atom) -> str:
        """The text of a value as one of NumPy's."""
        if atom.__class__ is Literal:
            text = None if isinstance(atom.value, np.generic) else scalar_text(atom.value)
            return self.names.constant(atom.value) if text is None else text
        text = self.text.get(atom)
        if text is None:
            text = self.text[atom] = self.python[atom]
            if not atom.aval.weak_type:
                text = self.text[atom] = self.names.fresh()
                self.line(f"{text} = {dtype_text(atom.aval.dtype)}({self.python[atom]})")
        return text

    def strong(self, atom: Atom, aval: Aval) -> str:
        """The text of a value as one of NumPy's, whose dtype is not weak unless the aval's is."""
        text = self.operand(atom)
        return f"{dtype_text(aval.dtype)}({text})" if atom.aval.weak_type and not aval.weak_type else text

    def python_text(self, atom: Atom) -> str:
        """The text of a scalar as a Python float or bool."""
        if atom.__class__ is Literal:
            value = atom.value.item() if isinstance(atom.value, np.generic) else atom.value
            text = scalar_text(float(value) if type(value) is int else value)
            assert text is not None
            return text
        text = self.python.get(atom)
        if text is None:
            if atom.aval.weak_type:
                return self.text[atom]
            text = self.python[atom] = self.names.fresh()
            self.line(f"{text} = {'bool' if atom.aval.dtype.kind == 'b' else 'float'}({self.text[atom]})")
        return text

    def _ufunc_operands(self, equation: Equation) -> list[str]:
        """The operands of a ufunc on arrays: its scalars as cheap as can be."""
        common = _dtype_of_arrays(equation)
        words = []
        for atom in equation.inputs:
            text = None
            if atom.__class__ is Literal:
                text = self.number_beside(atom.value, equation)
            elif not atom.aval.shape and atom in self.python and common == atom.aval.dtype:
                text = self.python[atom]  # a float gives what a float64 does
            words.append(self.operand(atom) if text is None else text)
        return words

    def number_beside(self, value: Any, equation: Equation) -> str | None:
        """The name of a literal of a ufunc on inexact arrays, as an array without axes; None beside other arrays."""
        common = _dtype_of_arrays(equation)
        if common.kind not in "fc" or isinstance(equation.primitive.ufunc, LateUfunc):  # that has its own promotion
            return None
        return self.names.number(value, value.dtype if isinstance(value, np.generic) else np.result_type(common, value))

    # -- equations ---------------------------------------------------------------------------------------------------

    def _equation(self, equation: Equation, position: int, lifetimes: Lifetimes, targets: dict[Atom, str]) -> None:
        self.say(equation)
        if equation.primitive is fused_p:
            write_blocks(self, equation, position, lifetimes)
            return
        if equation.primitive.write is not None and equation.primitive.write(self, equation, lifetimes):
            return
        if self._elementwise(equation, position, lifetimes, targets):
            return
        args = [self.operand(atom) for atom in equation.inputs]
        if self._update(equation, args, position, lifetimes, targets):
            return
        if self._into_target(equation, args, lifetimes, targets):
            return
        primitive = equation.primitive
        expression: Any = None
        if primitive.source is not None:
            expression = primitive.source(args, [atom.aval for atom in equation.inputs], **equation.params)
        if expression is None:
            expression = self._call(equation, args)
        elif isinstance(expression, tuple):  # with constants of its own
            template, constants = expression
            expression = template.format(
                **{key: self.names.made(value, text) for key, (value, text) in constants.items()}
            )
        for var in equation.outputs:
            self.text[var] = self.names.fresh()
        words = [self.text[var] for var in equation.outputs]
        if not words:
            self.line(expression)
            return
        target = ", ".join(words) + ("," if primitive.multiple_results and len(words) == 1 else "")
        kinds = ", ".join([self.names.kind(var.aval) for var in equation.outputs])
        self.line(f"{target} = {expression}  # {kinds}")
        avals = [atom.aval for atom in equation.inputs]
        if primitive.into is not None and primitive.into(args, avals, words[0], **equation.params) is not None:
            lifetimes.is_row_major(words[0])

    def _elementwise(self, equation: Equation, position: int, lifetimes: Lifetimes, targets: dict[Atom, str]) -> bool:
        """Write a ufunc on arrays: over an operand that nobody needs any more, or into another array that is free."""
        function = self._ufunc(equation)
        if function is None:
            return False
        (out,) = equation.outputs
        args = self._ufunc_operands(equation)
        if function in POWERS.values():
            args = args[:1]
        name = targets.get(out)
        leaves = lifetimes.leaves(out)
        dying = [
            number
            for number, atom in enumerate(equation.inputs[: len(args)])
            if lifetimes.can_be_overwritten(atom, position)
            and _alike(atom, out)
            and not (leaves and self.is_in_arena(args[number]))
        ]
        if name is None and dying:
            atom = equation.inputs[dying[0]]
            name = args[dying[0]]
            lifetimes.reuse(atom, out)
        elif name is None:
            name = lifetimes.take_free(out) or self.place(out, lifetimes)
        call = self.names.ufunc(function, args, name)
        if name is None:
            name = self.names.fresh()
            call = f"{name} = {call}"
        self.text[out] = name
        self.line(f"{call}  # {self.names.kind(out.aval)}")
        return True

    def _ufunc(self, equation: Equation) -> Any:
        """The ufunc (or its name) that computes an equation on arrays; None where only the primitive's source does."""
        ufunc = equation.primitive.ufunc
        if ufunc is None or equation.params or not equation.outputs[0].aval.shape:
            return None
        if equation.primitive.name == "pow":
            base, exponent = equation.inputs
            if exponent.__class__ is Literal and not isinstance(exponent.value, np.generic):
                small = exponent.value in POWERS and base.aval == equation.outputs[0].aval
                return POWERS[exponent.value] if small and base.aval.dtype.kind in "fc" else None
            if not base.aval.shape or not exponent.aval.shape:
                return None
        return ufunc

    def _update(
        self,
        equation: Equation,
        args: list[str],
        position: int,
        lifetimes: Lifetimes,
        targets: dict[Atom, str],
    ) -> bool:
        """Write an operation that changes its first operand: that itself where nobody needs it any more, or a copy."""
        update = equation.primitive.update
        if update is None:
            return False
        (out,), x = equation.outputs, equation.inputs[0]
        if not out.aval.shape or DYNAMIC in out.aval.shape:
            return False
        name = targets.get(out)
        apart = all(not lifetimes.share(x, atom) for atom in equation.inputs[1:])
        can_be = name is None and apart and _alike(x, out) and lifetimes.can_be_overwritten(x, position)
        if can_be and not (lifetimes.leaves(out) and self.is_in_arena(args[0])):
            name = args[0]
            lifetimes.reuse(x, out)
        else:
            name = name or self.place(out, lifetimes)
            if name is None:
                name = self.names.fresh()
                self.line(f"{name} = {args[0]}.copy()")
            else:
                self.line(f"np.copyto({name}, {args[0]})")
        self.text[out] = name
        statement = update(self.names, [name, *args[1:]], [atom.aval for atom in equation.inputs], **equation.params)
        self.line(f"{statement}  # {self.names.kind(out.aval)}")
        return True

    def _into_target(
        self, equation: Equation, args: Sequence[str], lifetimes: Lifetimes, targets: dict[Atom, str]
    ) -> bool:
        """Write an operation that can put its result into an array, where there is one for it."""
        into = equation.primitive.into
        if into is None or not equation.outputs[0].aval.shape:
            return False
        (out,) = equation.outputs
        avals = [atom.aval for atom in equation.inputs]
        name = targets.get(out) or lifetimes.take_free(out, row_major=True)
        if name is None and into(args, avals, "", **equation.params) is not None:
            name = self.place(out, lifetimes)
        if name is None or (statement := into(args, avals, name, **equation.params)) is None:
            return False
        self.text[out] = name
        self.line(f"{statement}  # {self.names.kind(out.aval)}")
        return True

    def _call(self, equation: Equation, args: Sequence[str]) -> str:
        """A call of the primitive's own implementation, where no expression of NumPy's says it."""
        primitive = equation.primitive
        if isinstance(primitive.impl, LateUfunc):
            return self.names.ufunc(primitive.impl, args)
        name = self.names.function(f"{identifier(primitive.name)}_", primitive.impl)
        words = list(args)
        words += [f"{key}={self._parameter(value)}" for key, value in equation.params.items()]
        return f"{name}({', '.join(words)})"

    def _parameter(self, value: Any) -> str:
        if isinstance(value, np.dtype) and value.names is None:
            return f"np.dtype('{value.name}')"
        return repr(value) if _is_plain(value) else self.names.constant(value)

    # -- memory ------------------------------------------------------------------------------------------------------

    def place(self, out: Var, lifetimes: Lifetimes) -> str | None:
        """The name of an array in the arena for a large value that does not leave the program."""
        if self.arena is None or out.aval.nbytes < SMALLEST or DYNAMIC in out.aval.shape or lifetimes.leaves(out):
            return None
        name = self.arena.take(out.aval, self.names.take)
        lifetimes.is_row_major(name)
        return name

    def is_in_arena(self, name: str) -> bool:
        """Whether a name is one of an array in the arena."""
        return self.arena is not None and self.arena.has(name)

    def _free(self, position: int, lifetimes: Lifetimes) -> None:
        """What is not needed any more: large arrays are given back, small ones wait for a result of their kind."""
        dead = lifetimes.dead_after(position)
        if self.arena is not None:
            placed = {self.text[var] for var in dead if var in self.text and self.arena.has(self.text[var])}
            for name in placed:
                self.arena.give(name)
            dead = [var for var in dead if self.text.get(var) not in placed]
        large = [var for var in dead if var.aval.nbytes >= LARGE]
        if large:
            names = list(dict.fromkeys([self.text[var] for var in dead if var.aval.shape and var in self.text]))
            self.line(f"del {', '.join(names)}")
        else:
            for var in dead:
                if var.aval.shape and var in self.text:
                    lifetimes.give_free(var, self.text[var])

    # -- scalars -----------------------------------------------------------------------------------------------------

    def _hold_views(self, equation: Equation, lifetimes: Lifetimes, in_chain: set[Atom]) -> None:
        """A chain is written later: what it reads from memory that may change until then is read now."""
        for atom in equation.inputs:
            if atom.__class__ is not Literal and atom not in in_chain and not lifetimes.is_whole(atom):
                self.python_text(atom)

    def _chain(
        self, equations: list[Equation], position: int, uses: Mapping[Atom, int], floats: Sequence[Atom]
    ) -> None:
        """Write a chain of scalar equations: in Python's floats where that is cheaper."""
        made = {equation.outputs[0] for equation in equations}
        entering = {
            atom
            for equation in equations
            for atom in equation.inputs
            if atom.__class__ is not Literal and atom not in made and atom not in self.python
        }
        strong = [atom for atom in entering if not atom.aval.weak_type]
        leaving = [e.outputs[0] for e in equations if uses.get(e.outputs[0], -1) >= position]
        back = [var for var in leaving if not var.aval.weak_type and var not in floats]
        if scalars.gain(equations, len(strong), len(back)) <= 0:
            used = self.used
            self.write(Jaxpr((), (), equations, ()), chains=False)
            self.used = used
            return
        for atom in strong:
            self.python_text(atom)
        scalars.write_chain(self, equations, leaving)


def _dtype_of_arrays(equation: Equation) -> np.dtype:
    """What the operands with axes promote to."""
    dtypes = [atom.aval.dtype for atom in equation.inputs if atom.aval.shape]
    return dtypes[0] if len(set(dtypes)) == 1 else np.result_type(*dtypes)


def _alike(atom: Atom, out: Var) -> bool:
    return atom.aval.shape == out.aval.shape and atom.aval.dtype == out.aval.dtype


def _last_uses(jaxpr: Jaxpr) -> dict[Atom, int]:
    """The position of the last equation that uses a scalar; beyond the last one for what is a result."""
    last: dict[Atom, int] = {}
    for position, equation in enumerate(jaxpr.equations):
        for atom in equation.inputs:
            if not atom.aval.shape and atom.__class__ is not Literal:
                last[atom] = position
    for atom in jaxpr.outvars:
        last[atom] = len(jaxpr.equations)
    return last


def _is_plain(value: Any) -> bool:
    """Whether repr gives an expression for the value that is safe to compile."""
    if isinstance(value, tuple):
        return all(_is_plain(item) for item in value)
    return value is None or type(value) in (bool, int) or (type(value) is str and value.isidentifier())
