"""In which operands a primitive is linear, and whether a program is linear in its inputs: read off, not computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Literal
from ..core.primitive import Primitive
from ..core.trace import Tracer
from ..lax.barrier import optimization_barrier_p
from ..lax.branches import cond_p
from ..lax.correlate import correlate_p
from ..lax.cumulative import linear_recurrence_p
from ..lax.dot import dot_general_p
from ..lax.elementwise import add, complex_p, div, ldexp, mul, sub, where
from ..lax.implicit import linear_solve_p
from ..lax.loops import scan_p, while_p
from ..lax.scatter import scatter_add_p, scatter_mul_p, scatter_p
from ..lax.shape import concatenate_p, pad_p
from ..lax.slicing import dynamic_update_slice_p
from .checkpoint import name_p

Operands = frozenset[int]

_FIRST, _SECOND, _BOTH = frozenset({0}), frozenset({1}), frozenset({0, 1})

# For each primitive the sets of operands in which it is linear together while the others are held fixed. A primitive
# that was given its transpose is linear in its first operand.
_LINEAR: dict[Primitive, tuple[Operands, ...]] = {
    add: (_BOTH,),
    sub: (_BOTH,),
    complex_p: (_BOTH,),
    pad_p: (_BOTH,),
    scatter_p: (_BOTH,),
    scatter_add_p: (_BOTH,),
    dynamic_update_slice_p: (_BOTH,),
    where: (frozenset({1, 2}),),
    mul: (_FIRST, _SECOND),
    dot_general_p: (_FIRST, _SECOND),
    correlate_p: (_FIRST, _SECOND),
    div: (_FIRST,),
    ldexp: (_FIRST,),
    name_p: (_FIRST,),
    scatter_mul_p: (_FIRST,),
    linear_recurrence_p: (_SECOND,),
}
_BY_TRANSPOSE = (_FIRST,)


def linear_operands(primitive: Primitive, operands: int) -> tuple[Operands, ...]:
    """The sets of operands in which a primitive is linear together, the others held fixed.

    Examples
    --------
    >>> linear_operands(mul, 2)
    (frozenset({0}), frozenset({1}))
    """
    if primitive is concatenate_p:
        return (frozenset(range(operands)),)
    if primitive.jvp == primitive._jvp_of_linear:
        return _BY_TRANSPOSE
    return _LINEAR.get(primitive, primitive.linear)


# ---------------------------------------------------------------------------------------------------------------------
# how a value depends on a program's inputs
# ---------------------------------------------------------------------------------------------------------------------


class Dependence:
    """How a value depends on the inputs in which a program should be linear."""

    __slots__ = ("equation", "why")

    def __init__(self, why: str, equation: Equation | None = None) -> None:
        self.why = why
        self.equation = equation

    def __repr__(self) -> str:
        return f"Dependence({self.why})"


ZERO = Dependence("it is zero")
CONSTANT = Dependence("it does not depend on them")
LINEAR = Dependence("it is linear in them")
_KNOWN = (ZERO, CONSTANT, LINEAR)


def dependences(closed: ClosedJaxpr, inputs: Sequence[Dependence]) -> list[Dependence]:
    """How a program's results depend on what its inputs depend on.

    Parameters
    ----------
    closed
        The program.
    inputs
        How each input depends: `ZERO`, `CONSTANT`, `LINEAR`, or otherwise.

    Returns
    -------
    list of Dependence
        One a result. One that is none of the three says why, and at which equation it came to be so.
    """
    jaxpr = closed.jaxpr
    known: dict[Atom, Dependence] = dict(zip(jaxpr.invars, inputs, strict=True))
    for var, const in zip(jaxpr.constvars, closed.consts, strict=True):
        known[var] = _of_value(const)

    def read(atom: Atom) -> Dependence:
        return _of_value(atom.value) if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.equations:
        known.update(zip(equation.outputs, _of_results(equation, [read(x) for x in equation.inputs]), strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _of_value(value: Any) -> Dependence:
    return ZERO if not isinstance(value, Tracer) and not np.any(value) else CONSTANT


def _of_results(equation: Equation, inputs: list[Dependence]) -> list[Dependence]:
    primitive, params = equation.primitive, equation.params
    if primitive is cond_p:
        return _of_cond(equation, inputs)
    if primitive is scan_p:
        return _of_scan(equation, inputs)
    if primitive is while_p:
        return _of_while(equation, inputs)
    if primitive is linear_solve_p:
        return _of_linear_solve(equation, inputs)
    if primitive is optimization_barrier_p:
        return inputs
    inner = params.get("jaxpr")
    if isinstance(inner, ClosedJaxpr) and len(inner.in_avals) == len(inputs):
        return dependences(inner, inputs)
    return [_of_operation(equation, inputs, linear_operands(primitive, len(inputs)))] * len(equation.outputs)


def _of_operation(equation: Equation, inputs: list[Dependence], sets: tuple[Operands, ...]) -> Dependence:
    for operand in inputs:
        if operand not in _KNOWN:
            return operand
    varying = {position for position, operand in enumerate(inputs) if operand is LINEAR}
    if not varying:
        return ZERO if any(all(inputs[i] is ZERO for i in together) for together in sets) else CONSTANT
    fitting = [together for together in sets if varying <= together]
    if any(all(inputs[i] is ZERO for i in together - varying) for together in fitting):
        return LINEAR
    name = equation.primitive.name
    if fitting:
        return Dependence(f"{name} puts them together with what does not depend on them", equation)
    if len(varying) > 1 and all(any(i in together for together in sets) for i in varying):
        return Dependence(f"{name} multiplies them with each other", equation)
    return Dependence(f"{name} is not linear in them", equation)


def _join(one: Dependence, other: Dependence, equation: Equation) -> Dependence:
    """Of a value that may come from one or from the other."""
    for side in (one, other):
        if side not in _KNOWN:
            return side
    if one is other or other is ZERO:
        return one
    if one is ZERO:
        return other
    return Dependence(f"of what {equation.primitive.name} gives, some is linear in them and some is constant", equation)


def _of_cond(equation: Equation, inputs: list[Dependence]) -> list[Dependence]:
    index, *operands = inputs
    if index not in (ZERO, CONSTANT):
        return [Dependence("the branch to take depends on them", equation)] * len(equation.outputs)
    results = [dependences(branch, operands) for branch in equation.params["branches"]]
    joined = results[0]
    for more in results[1:]:
        joined = [_join(a, b, equation) for a, b in zip(joined, more, strict=True)]
    return joined


def _of_scan(equation: Equation, inputs: list[Dependence]) -> list[Dependence]:
    params = equation.params
    first = int(params["length"] is None)
    start = first + params["num_consts"]
    stop = start + params["num_carry"]
    if any(steps not in (ZERO, CONSTANT) for steps in inputs[:first]):
        return [Dependence("the number of steps depends on them", equation)] * len(equation.outputs)
    carry, stacked = _settled(params["jaxpr"], inputs[first:start], inputs[start:stop], inputs[stop:], equation)
    return carry + stacked


def _of_while(equation: Equation, inputs: list[Dependence]) -> list[Dependence]:
    params = equation.params
    start = params["cond_nconsts"]
    stop = start + params["body_nconsts"]
    carry, stacked = _settled(params["body_jaxpr"], inputs[start:stop], inputs[stop:], [], equation)
    (goes_on,) = dependences(params["cond_jaxpr"], [*inputs[:start], *carry])
    if goes_on not in (ZERO, CONSTANT):
        return [Dependence("the number of steps depends on them", equation)] * len(equation.outputs)
    return [*carry, *stacked, CONSTANT]


def _of_linear_solve(equation: Equation, inputs: list[Dependence]) -> list[Dependence]:
    first = sum(equation.params["sizes"])  # the operands behind what the programs captured are the right hand side
    solution = _of_operation(equation, inputs, (frozenset(range(first, len(inputs))),))
    rest = Dependence(f"{equation.primitive.name} gives it beside the solution", equation)
    return [solution if i < len(inputs) - first else rest for i in range(len(equation.outputs))]


def _settled(
    body: ClosedJaxpr, consts: list[Dependence], carry: list[Dependence], xs: list[Dependence], equation: Equation
) -> tuple[list[Dependence], list[Dependence]]:
    """How the carry and the stacked results of a loop depend: what a step leaves as it is."""
    while True:
        out = dependences(body, [*consts, *carry, *xs])
        after = [_join(a, b, equation) for a, b in zip(carry, out, strict=False)]
        if after == carry:
            return carry, out[len(carry) :]
        carry = after
