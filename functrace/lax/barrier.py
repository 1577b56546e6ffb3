"""A place in a program across which the compiler moves and merges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.primitive import Primitive
from ..core.trace import Tracer


def optimization_barrier(operand: Any) -> Any:
    """A pytree as it is; under `jit` nothing is moved or merged across this place.

    What is computed from its result depends on all of `operand`, and is never taken for the same as what was computed
    from `operand` itself.

    Examples
    --------
    >>> optimization_barrier((1.0, 2.0))
    (1.0, 2.0)
    """
    leaves, treedef = tree.flatten(operand)
    if not any(isinstance(leaf, Tracer) for leaf in leaves):
        return operand
    return treedef.unflatten(optimization_barrier_p(*leaves))


def _jvp(primals: Sequence, tangents: Sequence, out: Sequence) -> list[Any]:
    given = iter(optimization_barrier([tangent for tangent in tangents if tangent is not None]))
    return [None if tangent is None else next(given) for tangent in tangents]


def _vjp(cts: Sequence, out: Sequence, args: Sequence, wanted: Sequence[bool]) -> list[Any]:
    given = iter(optimization_barrier([ct for ct in cts if ct is not None]))
    return [None if ct is None else next(given) for ct in cts]


optimization_barrier_p: Primitive = Primitive(
    "optimization_barrier",
    lambda *args: [x.view() if isinstance(x, np.ndarray) else x for x in args],
    lambda *avals: list(avals),
    jvp=_jvp,
    vjp_all=_vjp,
    batch=lambda size, args, dims: (optimization_barrier_p(*args), dims),
    aliases=True,
    multiple_results=True,
)
