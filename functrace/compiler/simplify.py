"""A jaxpr made smaller: called programs put in place, dead and repeated equations taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var


def simplify(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same function with fewer equations."""
    return without_repeats(without_dead(inlined(closed)))


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
        equations.append(
            Equation(equation.primitive, inputs, equation.params, tuple(outputs), equation.location)
        )
    outvars = [_read(atom, environment) for atom in closed.jaxpr.outvars]
    return ClosedJaxpr(Jaxpr(constvars, closed.jaxpr.invars, equations, outvars), consts)


def _read(atom: Atom, names: dict[Atom, Atom]) -> Atom:
    return atom if isinstance(atom, Literal) else names.get(atom, atom)


def without_dead(closed: ClosedJaxpr) -> ClosedJaxpr:
    """Without the equations and constants that no output needs."""
    jaxpr = closed.jaxpr
    live: set[Atom] = {atom for atom in jaxpr.outvars if isinstance(atom, Var)}
    kept: list[Equation] = []
    for equation in reversed(jaxpr.equations):
        if has_effect(equation) or any(var in live for var in equation.outputs):
            kept.append(equation)
            live.update([atom for atom in equation.inputs if isinstance(atom, Var)])
    kept.reverse()
    pairs = [
        (var, const) for var, const in zip(jaxpr.constvars, closed.consts, strict=True) if var in live
    ]
    return ClosedJaxpr(
        Jaxpr([var for var, _ in pairs], jaxpr.invars, kept, jaxpr.outvars), [const for _, const in pairs]
    )


def has_effect(equation: Equation) -> bool:
    """Whether an equation does something beside computing its outputs."""
    return bool(equation.params.get("effect"))


def without_repeats(closed: ClosedJaxpr) -> ClosedJaxpr:
    """With each value computed once: of equal equations the first stays."""
    jaxpr = closed.jaxpr
    names: dict[Atom, Atom] = {}
    known: dict[Any, tuple[Var, ...]] = {}
    kept: list[Equation] = []
    for equation in jaxpr.equations:
        inputs = tuple([_read(atom, names) for atom in equation.inputs])
        key = None if has_effect(equation) else _key(equation, inputs)
        earlier = known.get(key) if key is not None else None
        if earlier is not None:
            names.update(zip(equation.outputs, earlier, strict=True))
            continue
        if key is not None:
            known[key] = equation.outputs
        kept.append(Equation(equation.primitive, inputs, equation.params, equation.outputs, equation.location))
    outvars = [_read(atom, names) for atom in jaxpr.outvars]
    return ClosedJaxpr(Jaxpr(jaxpr.constvars, jaxpr.invars, kept, outvars), closed.consts)


def _key(equation: Equation, inputs: Sequence[Atom]) -> Any:
    try:
        key = (
            equation.primitive,
            tuple([_literal_key(atom.value) if isinstance(atom, Literal) else atom for atom in inputs]),
            tuple([(name, equation.params[name]) for name in sorted(equation.params)]),
        )
        hash(key)
    except TypeError:  # a parameter that cannot be compared: the equation is like no other
        return None
    return key


def _literal_key(value: Any) -> Any:
    """Equal only for what computes the same: 1, 1.0, True and -0.0 are different."""
    return type(value), np.asarray(value).tobytes() if not isinstance(value, int) else value
