"""Products with a joined array, such as concatenate([x, h]) @ w, taken apart: x @ w[:n] + h @ w[n:].

So the part that does not depend on a loop's carries can be computed before the loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.aval import Aval
from ..core.jaxpr import Atom, Equation, Var
from ..lax.dot import dot_general_p
from ..lax.elementwise import add
from ..lax.index import Index
from ..lax.indexing import getitem_p
from ..lax.shape import concatenate_p


def with_products_apart(equations: Sequence[Equation], level: Mapping[Atom, int]) -> list[Equation] | None:
    """A body's equations with products of what is joined from known parts and one other as sums of products.

    Parameters
    ----------
    equations
        The body's equations.
    level
        For each variable: 0, the same in each step; 1, known before the loop; 2, dependent on the carries.

    Returns
    -------
    list or None
        None where there is no such product.
    """
    joined: dict[Atom, Equation] = {e.outputs[0]: e for e in equations if e.primitive is concatenate_p}
    body: list[Equation] = []
    for equation in equations:
        parts = None
        if joined and equation.primitive is dot_general_p:
            for position, atom in enumerate(equation.inputs):
                parts = parts or _apart(equation, position, joined.get(atom), level)
        body.extend(parts or [equation])
    return body if len(body) > len(equations) else None


def _apart(
    product: Equation, position: int, joined: Equation | None, level: Mapping[Atom, int]
) -> list[Equation] | None:
    contracted, batch = product.params["dimension_numbers"]
    weights, out = product.inputs[1 - position], product.outputs[0]
    if joined is None or batch[0] or contracted[position] != (joined.params["dimension"],):
        return None
    pieces = joined.inputs
    aval = Aval(out.aval.shape, out.aval.dtype)
    alike = all(piece.aval.dtype == joined.outputs[0].aval.dtype and not piece.aval.weak_type for piece in pieces)
    levels = [level.get(piece, 0) for piece in pieces]
    if not alike or level.get(weights, 0) or levels.count(2) != 1 or len(levels) < 2 or out.aval != aval:
        return None
    axis = contracted[1 - position][0]
    written: list[Equation] = []
    total: Var | None = None
    start = 0
    for number, piece in enumerate(pieces):
        stop = start + piece.aval.shape[joined.params["dimension"]]
        index = Index((*[slice(None)] * axis, slice(start, stop)))
        rows = Var(getitem_p.abstract(weights.aval, index=index))
        written.append(Equation(getitem_p, (weights,), {"index": index}, (rows,), product.location))
        operands = (piece, rows) if position == 0 else (rows, piece)
        term = Var(aval)
        written.append(Equation(dot_general_p, operands, product.params, (term,), product.location))
        if total is not None:
            term, last = (out if number == len(pieces) - 1 else Var(aval)), term
            written.append(Equation(add, (total, last), {}, (term,), product.location))
        total, start = term, stop
    return written
