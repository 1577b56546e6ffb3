"""A `while` with what no step changes before it, and without the carries and results that nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var
from .effects import has_effect
from .loop_moves import can_run_once
from .loop_program import Program, Writer


def lean_while(equation: Equation, program: Program) -> list[Equation]:
    """What no step changes comes before the loop; carries and results that nothing needs are left out."""
    params, before = equation.params, Writer(program, equation.location)
    test, body = program.lean(params["cond_jaxpr"]), program.lean(params["body_jaxpr"])
    cond_count, body_count = params["cond_nconsts"], params["body_nconsts"]
    inputs = equation.inputs
    count = len(inputs) - cond_count - body_count
    outer: dict[Atom, Atom] = {}
    for closed, operands in ((test, inputs[:cond_count]), (body, inputs[cond_count : cond_count + body_count])):
        for var, const in zip(closed.jaxpr.constvars, closed.consts, strict=True):
            outer[var] = program.constant(const)
        for var, atom in zip(closed.jaxpr.invars, operands, strict=False):
            outer[var] = before.as_type(atom, var.aval)
    seen, carried = test.jaxpr.invars[cond_count:], body.jaxpr.invars[body_count:]
    following, results = body.jaxpr.outvars[:count], body.jaxpr.outvars[count:]
    changing = []
    for position, init in enumerate(inputs[cond_count + body_count :]):
        out = equation.outputs[position]
        if following[position] is carried[position]:
            value = before.as_type(init, carried[position].aval)
            outer[carried[position]] = value
            outer[seen[position]] = before.as_type(init, seen[position].aval)
            if out in program.live:
                program.names[out] = before.as_type(init, out.aval)
        else:
            changing.append(position)
    stacks = [(atom, out) for atom, out in zip(results, equation.outputs[count:-1], strict=True) if out in program.live]
    testing = _hoisted(test.equations, outer, before)
    working = _hoisted(body.equations, outer, before)
    kept = _kept_carries(
        [equation.outputs[p] in program.live for p in range(count)],
        (testing, list(test.jaxpr.outvars), seen),
        (working, [atom for atom, _ in stacks], carried, following),
        changing,
    )
    working = _alive(working, [*[following[p] for p in kept], *[atom for atom, _ in stacks]])
    testing = _alive(testing, test.jaxpr.outvars)
    cond_consts = _captured(testing, test.jaxpr.outvars, outer)
    outcome: list[Atom] = [*[following[p] for p in kept], *[atom for atom, _ in stacks]]
    body_consts = _captured(working, outcome, outer)
    new = Equation(
        equation.primitive,
        (
            *[outer[var] for var in cond_consts],
            *[outer[var] for var in body_consts],
            *[inputs[cond_count + body_count + p] for p in kept],
        ),
        {
            **params,
            "cond_jaxpr": ClosedJaxpr(
                Jaxpr((), [*cond_consts, *[seen[p] for p in kept]], testing, test.jaxpr.outvars), ()
            ),
            "body_jaxpr": ClosedJaxpr(Jaxpr((), [*body_consts, *[carried[p] for p in kept]], working, outcome), ()),
            "cond_nconsts": len(cond_consts),
            "body_nconsts": len(body_consts),
        },
        (*[equation.outputs[p] for p in kept], *[out for _, out in stacks], equation.outputs[-1]),
        equation.location,
    )
    return [*before.equations, new]


def _hoisted(equations: Sequence[Equation], outer: dict[Atom, Atom], before: Writer) -> list[Equation]:
    """Write what follows from the constants before the loop; the rest."""
    rest = []
    for equation in equations:
        constant = all(isinstance(atom, Literal) or atom in outer for atom in equation.inputs)
        if constant and can_run_once(equation, False):
            before.copy(equation, outer)
        else:
            rest.append(equation)
    return rest


def _kept_carries(
    live: Sequence[bool],
    test: tuple[list[Equation], list[Atom], Sequence[Var]],
    body: tuple[list[Equation], list[Atom], Sequence[Var], Sequence[Atom]],
    changing: Sequence[int],
) -> list[int]:
    """The carries that a result, the condition or a carry that is needed needs."""
    testing, answer, seen = test
    working, stacked, carried, following = body
    asked = _sources(testing, answer)
    kept = {p for p in changing if live[p] or seen[p] in asked}
    while True:
        needed = _sources(working, [*stacked, *[following[p] for p in kept]])
        grown = kept | {p for p in changing if carried[p] in needed}
        if grown == kept:
            return sorted(kept)
        kept = grown


def _alive(equations: Sequence[Equation], atoms: Sequence[Atom]) -> list[Equation]:
    needed = _sources(equations, atoms)
    return [e for e in equations if has_effect(e) or any(var in needed for var in e.outputs)]


def _sources(equations: Sequence[Equation], atoms: Iterable[Atom]) -> set[Atom]:
    """All that these atoms, and the effects, are computed from."""
    needed = set(atoms)
    for equation in reversed(equations):
        if has_effect(equation) or any(var in needed for var in equation.outputs):
            needed.update(equation.inputs)
    return needed


def _captured(equations: Sequence[Equation], atoms: Sequence[Atom], outer: dict[Atom, Atom]) -> list[Any]:
    """What of the values outside is used."""
    used = [atom for e in equations for atom in e.inputs] + list(atoms)
    return [atom for atom in dict.fromkeys(used) if isinstance(atom, Var) and atom in outer]
