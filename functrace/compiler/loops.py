"""Work taken out of loops: before them what no carry decides, after them what no carry needs.

A step of a loop costs a call for each of its operations, however small the arrays. So of a `scan` only what goes from
step to step stays inside: what is the same in each step is computed once; what follows from a step's inputs alone is
computed for all steps at once, by the batching rules; so is what becomes of a step's values without reaching the next
step; and a sum that runs through the steps is one sum, or one product, over the stacks of what it adds.

Sums and products may be added up in another order. All else is exact.
"""

from __future__ import annotations

from ..core.jaxpr import ClosedJaxpr, Equation
from .loop_program import Program, Rule
from .loop_scan import lean_scan
from .loop_while import lean_while
from .simplify import simplify


def with_lean_loops(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same program with as little as possible inside its loops.

    Parameters
    ----------
    closed
        A simplified program.

    Returns
    -------
    ClosedJaxpr
        Where no loop is in it, the program itself. Its results agree to the last bit but for sums and products.

    Examples
    --------
    The sines are computed before the loop, all at once:

    >>> import numpy as np, functrace
    >>> program = functrace.make_jaxpr(lambda x: functrace.lax.scan(lambda c, x: (c * np.sin(x), None), 1.0, x)[0])
    >>> lean = with_lean_loops(program(np.ones(3)))
    >>> [equation.primitive for equation in lean.equations]
    [sin, scan]
    >>> lean.equations[-1].params["jaxpr"].equations
    [Equation(mul, 2 inputs)]
    """
    if not any(equation.primitive.name in _RULES for equation in closed.equations):
        return closed
    return Program(closed, _RULES, lean_program).rebuilt()


def lean_program(closed: ClosedJaxpr) -> ClosedJaxpr:
    """A program inside an equation, simplified, with lean loops: made once, and kept with it."""

    def make() -> ClosedJaxpr:
        simple = simplify(closed)
        lean = with_lean_loops(simple)
        return lean if lean is simple else simplify(lean)

    return closed.derived("lean program", make)


def _lean_cond(equation: Equation, program: Program) -> list[Equation]:
    branches = tuple([lean_program(branch) for branch in equation.params["branches"]])
    params = {**equation.params, "branches": branches}
    return [Equation(equation.primitive, equation.inputs, params, equation.outputs, equation.location)]


_RULES: dict[str, Rule] = {
    "scan": lean_scan,
    "while": lean_while,
    "cond": _lean_cond,
}
