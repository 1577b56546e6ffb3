"""Signs taken out of a loop: the sign of a product goes to a factor that is known before it, which is exact.

Both -(x * k) and (-x) * k are x * (-k), with -k computed for all steps at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.jaxpr import Atom, Equation, Literal, Var
from ..lax.dot import dot_general_p
from ..lax.elementwise import mul, neg


def with_signs_moved(
    equations: Sequence[Equation], known: set[Atom], uses: Mapping[Atom, int]
) -> list[Equation] | None:
    """A body's equations with fewer signs among those that depend on the carries.

    Parameters
    ----------
    equations
        The body's equations.
    known
        The variables that are known before the loop.
    uses
        How often each variable is used, as a result of the body too.

    Returns
    -------
    list or None
        None where no sign moves.
    """
    body: list[list[Equation]] = []  # what stands in place of each equation, itself the last
    place: dict[Atom, int] = {}

    def made(atom: Atom) -> Equation | None:
        """The equation that makes an atom for one other alone."""
        return body[place[atom]][-1] if atom in place and uses.get(atom) == 1 else None

    changed = False
    for equation in equations:
        written = _with_minus_factor(equation, known, made)
        if written is not None:
            negated = next(atom for atom in equation.inputs if atom not in written[-1].inputs and atom not in known)
            body[place.pop(negated)] = []
        elif equation.primitive is neg and (product := made(equation.inputs[0])) is not None:
            moved = _minus_product(product, known, product.inputs, equation.outputs)
            if moved is not None and product.primitive is mul:
                at = place.pop(equation.inputs[0])
                body[at] = [*body[at][:-1], *moved]
                place[equation.outputs[0]] = at
                changed = True
                continue
        changed = changed or written is not None
        place.update([(var, len(body)) for var in equation.outputs if var not in known])
        body.append(written or [equation])
    return [equation for written in body for equation in written] if changed else None


def _with_minus_factor(equation: Equation, known: set[Atom], made: Any) -> list[Equation] | None:
    """A product of -x and a factor that is known, as that of x and minus the factor."""
    if equation.primitive not in (mul, dot_general_p):
        return None
    for position, atom in enumerate(equation.inputs):
        maker = made(atom)
        if maker is not None and maker.primitive is neg:
            inputs = list(equation.inputs)
            inputs[position] = maker.inputs[0]
            return _minus_product(equation, known, inputs, equation.outputs)
    return None


def _minus_product(
    product: Equation, known: set[Atom], inputs: Sequence[Atom], outputs: tuple[Var, ...]
) -> list[Equation] | None:
    """Minus a product of these inputs, with the sign at one that is known."""
    for position, factor in enumerate(inputs):
        aval = factor.aval
        if isinstance(factor, Literal) or factor not in known or aval.dtype.kind != "f" or aval.weak_type:
            continue
        minus = Var(aval)
        return [
            Equation(neg, (factor,), {}, (minus,), product.location),
            Equation(
                product.primitive,
                (*inputs[:position], minus, *inputs[position + 1 :]),
                product.params,
                outputs,
                product.location,
            ),
        ]
    return None
