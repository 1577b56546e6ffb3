"""A jaxpr made smaller: called programs put in place; dead, repeated, constant and wasteful equations taken out."""

from __future__ import annotations

from typing import Any

from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var
from .effects import has_effect

__all__ = ["has_effect", "inlined", "simplify", "without_dead"]


def simplify(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same function with fewer and cheaper equations.

    Elementwise results do not change by a bit; sums and products of matrices may add in another order.
    """
    # imported here: the rules speak of primitives, and those of loops need `has_effect`
    from .chains import with_chains_ordered
    from .rewriting import rewritten
    from .rules import RULES

    return without_dead(with_chains_ordered(without_dead(rewritten(without_dead(inlined(closed)), RULES))))


# ---------------------------------------------------------------------------------------------------------------------
# calls
# ---------------------------------------------------------------------------------------------------------------------


def inlined(closed: ClosedJaxpr) -> ClosedJaxpr:
    """With the programs that equations call (`jit` and its kin) in place of the calls."""
    if not any(equation.primitive.calls for equation in closed.equations):
        return closed
    constvars, consts = list(closed.jaxpr.constvars), list(closed.consts)
    environment: dict[Atom, Atom] = {}
    equations: list[Equation] = []
    # what is still to do, the next last: (an equation, the environment in which its atoms are read)
    pending: list[tuple[Any, dict[Atom, Atom]]] = [(e, environment) for e in reversed(closed.equations)]
    while pending:
        equation, names = pending.pop()
        if isinstance(equation, tuple):  # the end of a called program: its results are the call's
            inner_outvars, call_outputs, call_names = equation
            for outer, atom in zip(call_outputs, inner_outvars, strict=True):
                call_names[outer] = _read(atom, names)
            continue
        inputs = tuple([_read(atom, names) for atom in equation.inputs])
        if equation.primitive.calls:
            inner: ClosedJaxpr = equation.params["jaxpr"]
            inside: dict[Atom, Atom] = dict(zip(inner.jaxpr.invars, inputs, strict=True))
            for var, const in zip(inner.jaxpr.constvars, inner.consts, strict=True):
                inside[var] = Var(var.aval)
                constvars.append(inside[var])  # type: ignore[arg-type]
                consts.append(const)
            pending.append(((inner.jaxpr.outvars, equation.outputs, names), inside))
            pending.extend([(e, inside) for e in reversed(inner.equations)])
            continue
        outputs = []
        for var in equation.outputs:
            new = var if names is environment else Var(var.aval)
            names[var] = new
            outputs.append(new)
        equations.append(Equation(equation.primitive, inputs, equation.params, tuple(outputs), equation.location))
    outvars = [_read(atom, environment) for atom in closed.jaxpr.outvars]
    return ClosedJaxpr(Jaxpr(constvars, closed.jaxpr.invars, equations, outvars), consts)


def _read(atom: Atom, names: dict[Atom, Atom]) -> Atom:
    return atom if atom.__class__ is Literal else names.get(atom, atom)


# ---------------------------------------------------------------------------------------------------------------------
# dead code
# ---------------------------------------------------------------------------------------------------------------------


def without_dead(closed: ClosedJaxpr) -> ClosedJaxpr:
    """Without the equations and constants that no output needs."""
    jaxpr = closed.jaxpr
    live: set[Atom] = {*jaxpr.outvars}
    kept: list[Equation] = []
    for equation in reversed(jaxpr.equations):
        for var in equation.outputs:
            if var in live:
                break
        else:
            if not has_effect(equation):
                continue
        kept.append(equation)
        live.update(equation.inputs)
    kept.reverse()
    pairs = [(var, const) for var, const in zip(jaxpr.constvars, closed.consts, strict=True) if var in live]
    return ClosedJaxpr(
        Jaxpr([var for var, _ in pairs], jaxpr.invars, kept, jaxpr.outvars), [const for _, const in pairs]
    )
