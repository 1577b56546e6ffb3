"""The order in which a chain of matrices is multiplied: of all orders the one with the fewest multiplications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..core.aval import DYNAMIC
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Var
from ..core.primitive import avals_of_result
from ..lax.dot import DimensionNumbers, dot_general_p
from .rewriting import use_counts

_LONGEST = 64
_CLEARLY = 0.8  # of the cost, from which the order is changed


class _Factor(NamedTuple):
    """A matrix of a chain, or a vector at one of its ends; `flipped` where its transpose is meant."""

    atom: Atom
    flipped: bool


def with_chains_ordered(closed: ClosedJaxpr) -> ClosedJaxpr:
    """With (A · B) · c as A · (B · c) and the like, where what stands in brackets is needed nowhere else.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> A, c = np.ones((9, 9)), np.ones(9)
    >>> closed = functrace.make_jaxpr(lambda A, B, c: (A @ B) @ c)(A, A, c)
    >>> [str(equation.outputs[0].aval) for equation in with_chains_ordered(closed).equations][-2:]
    ['f64[9]', 'f64[9]']
    """
    jaxpr = closed.jaxpr
    products: dict[Atom, Equation] = {
        e.outputs[0]: e for e in jaxpr.equations if e.primitive is dot_general_p and _is_plain(e)
    }
    if len(products) < 2:
        return closed
    uses = use_counts(jaxpr)
    inner: dict[Atom, Equation] = {
        atom: products[atom]
        for equation in products.values()
        for atom in equation.inputs
        if uses[atom] == 1 and atom in products and atom.aval.dtype == equation.outputs[0].aval.dtype
    }
    equations: list[Equation] = []
    for equation in jaxpr.equations:
        out = equation.outputs[0] if equation.outputs else None
        root = out in products and out not in inner and any(atom in inner for atom in equation.inputs)
        equations.extend(_ordered(equation, inner) if root else [equation])
    return ClosedJaxpr(Jaxpr(jaxpr.constvars, jaxpr.invars, equations, jaxpr.outvars), closed.consts)


def _is_plain(equation: Equation) -> bool:
    """Whether a product is one of matrices and vectors, with the sum over one axis."""
    x, y = [atom.aval for atom in equation.inputs]
    (lc, _), (lb, _) = equation.params["dimension_numbers"]
    return (
        len(lc) == 1
        and not lb
        and max(x.ndim, y.ndim) <= 2
        and x.dtype == y.dtype
        and x.dtype.kind in "fc"
        and DYNAMIC not in (*x.shape, *y.shape)
    )


def _ordered(root: Equation, inner: dict[Atom, Equation]) -> list[Equation]:
    """The products of a chain in the best order; the root alone where its order is as good as that."""
    factors = _factors(root, inner)
    count = len(factors)
    if count > _LONGEST:
        return [root]
    rows = [_rows(factor, position) for position, factor in enumerate(factors)]
    extents = [*rows, _columns(factors[-1])]
    split, best = _best(extents)
    if best > _CLEARLY * _cost(root, inner):
        return [root]
    equations: list[Equation] = []

    def multiply(start: int, stop: int, depth: int) -> _Factor:
        if stop - start == 1:
            return factors[start]
        middle = split[start, stop]
        left, right = multiply(start, middle, depth + 1), multiply(middle, stop, depth + 1)
        equation = _product(left, right, root, None if depth else root.outputs)
        equations.append(equation)
        return _Factor(equation.outputs[0], False)

    multiply(0, count, 0)
    return equations


def _factors(root: Equation, inner: dict[Atom, Equation]) -> list[_Factor]:
    """The chain from left to right."""
    factors: list[_Factor] = []
    pending: list[_Factor] = [*reversed(_operands(root))]
    while pending:
        factor = pending.pop()
        equation = inner.get(factor.atom)
        if equation is None:
            factors.append(factor)
            continue
        left, right = _operands(equation)
        if _is_flipped(factor, equation):  # (A · B)ᵀ = Bᵀ · Aᵀ
            left, right = _Factor(right.atom, not right.flipped), _Factor(left.atom, not left.flipped)
        pending += [right, left]
    return factors


def _operands(equation: Equation) -> list[_Factor]:
    """The operands as they stand in the product; a vector is flipped where it stands as a row."""
    x, y = equation.inputs
    ((lc,), (rc,)), _ = equation.params["dimension_numbers"]
    return [_Factor(x, x.aval.ndim == 1 or lc == 0), _Factor(y, y.aval.ndim == 2 and rc == 1)]


def _is_flipped(factor: _Factor, equation: Equation) -> bool:
    """Whether the transpose of an inner product is meant: of a vector, which is a column or a row as it comes."""
    if factor.atom.aval.ndim == 2:
        return factor.flipped
    is_row = equation.inputs[0].aval.ndim == 1
    return factor.flipped != is_row


def _rows(factor: _Factor, position: int) -> int:
    shape = factor.atom.aval.shape
    if len(shape) == 1:
        return 1 if position == 0 else shape[0]
    return shape[1] if factor.flipped else shape[0]


def _columns(last: _Factor) -> int:
    shape = last.atom.aval.shape
    if len(shape) == 1:
        return 1
    return shape[0] if last.flipped else shape[1]


def _best(extents: Sequence[int]) -> tuple[dict[tuple[int, int], int], int]:
    """Where to split each part of a chain, and the multiplications of the whole."""
    count = len(extents) - 1
    costs: dict[tuple[int, int], int] = {(start, start + 1): 0 for start in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(2, count + 1):
        for start in range(count - length + 1):
            stop = start + length
            whole = extents[start] * extents[stop]
            cost, middle = min(
                [
                    (costs[start, middle] + costs[middle, stop] + whole * extents[middle], middle)
                    for middle in range(start + 1, stop)
                ]
            )
            costs[start, stop], split[start, stop] = cost, middle
    return split, costs[0, count]


def _cost(root: Equation, inner: dict[Atom, Equation]) -> int:
    """The multiplications of a chain as it stands."""
    cost, pending = 0, [root]
    while pending:
        equation = pending.pop()
        (lc, _), _ = equation.params["dimension_numbers"]
        cost += equation.outputs[0].aval.size * equation.inputs[0].aval.shape[lc[0]]
        pending += [inner[atom] for atom in equation.inputs if atom in inner]
    return cost


def _product(left: _Factor, right: _Factor, root: Equation, outputs: tuple[Var, ...] | None) -> Equation:
    x, y = left.atom, right.atom
    lc = 0 if x.aval.ndim == 1 or left.flipped else 1
    rc = 1 if y.aval.ndim == 2 and right.flipped else 0
    numbers: DimensionNumbers = (((lc,), (rc,)), ((), ()))
    params = {"dimension_numbers": numbers}
    if outputs is None:
        outputs = tuple([Var(aval) for aval in avals_of_result(dot_general_p, [x.aval, y.aval], params)])
    return Equation(dot_general_p, (x, y), params, outputs, root.location)
