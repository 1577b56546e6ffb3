"""A step or a branch that is computed for all examples of a batch, though it counts for some alone.

What the others give is thrown away. But on the way back their slopes are multiplied by the zeros that flow to them, and
where such a slope is infinite (of a square root at the zero that ended a loop) that is NaN. So where a derivative is
taken, they are computed from the operands of an example for which the step counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from ..core.aval import aval_of
from ..core.jaxpr import ClosedJaxpr, inner_jaxprs
from .elementwise import where
from .reduction import argmax, reduce_or
from .shape import dtype_of, expand_dims, ndim_of, shape_of
from .slicing import dynamic_index_in_dim
from .stacks import is_dynamic


def of_active(program: ClosedJaxpr, active: Any, operands: Sequence[Any], dims: Sequence[int | None]) -> list[Any]:
    """The operands, and for their derivatives only those of the active examples.

    Parameters
    ----------
    program
        The step or branch of one example. If it has a collective operation, each example counts for the others, and
        the operands stay as they are.
    active
        A boolean for each example. Where none is true, ones stand in for the operands.
    operands
        Arrays.
    dims
        For each operand the axis of the examples; None: it is the same for all.
    """
    chosen = [
        place
        for place, (x, dim) in enumerate(zip(operands, dims, strict=True))
        if dim is not None and dtype_of(x).kind in "fc" and not is_dynamic(aval_of(x))
    ]
    out = list(operands)
    if chosen and shape_of(active) != (0,) and not _has_collective(program):
        exchanged = _exchange(tuple([dims[place] for place in chosen]))(active, *[operands[place] for place in chosen])
        for place, x in zip(chosen, exchanged, strict=True):
            out[place] = x
    return out


def _has_collective(program: ClosedJaxpr) -> bool:
    def search() -> bool:
        return any(
            "axis_name" in equation.params or any(_has_collective(inner) for _, inner in inner_jaxprs(equation.params))
            for equation in program.equations
        )

    return program.derived("has collective", search)


@cache
def _exchange(dims: tuple[int, ...]) -> Any:
    """Of a mask and arrays the arrays; in the derivative they are others where the mask is false."""
    from ..transforms.custom_derivatives import custom_jvp  # here: it is made of the primitives of this package

    @custom_jvp
    def exchange(active: Any, *operands: Any) -> list[Any]:
        return list(operands)

    def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        active, *operands = primals
        first, some = argmax(active, 0), reduce_or(active, (0,))
        values, slopes = [], []
        for x, tangent, dim in zip(operands, tangents[1:], dims, strict=True):
            mask = expand_dims(active, tuple([axis for axis in range(ndim_of(x)) if axis != dim]))
            one = dtype_of(x).type(1)
            values.append(where(mask, x, where(some, dynamic_index_in_dim(x, first, dim), one)))
            slopes.append(where(mask, tangent, 0 * one))
        return values, slopes

    exchange.defjvp(rule)
    return exchange
