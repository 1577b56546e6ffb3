"""The transpose of a linear function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..compiler.simplify import without_dead
from ..core.aval import ShapeDtypeStruct, aval_of
from ..core.jaxpr import ClosedJaxpr, Jaxpr, eval_jaxpr
from ..core.recording import record
from ..core.trace import require_callable
from ..errors import DifferentiationError, DtypeError, StructureError
from ..lax.shape import convert_element_type, zeros_of
from .arguments import as_leaf, as_leaves, check_match, flatten_result, leaf_names, own
from .linearity import LINEAR, ZERO, dependences
from .programs import instantiate, vjp_program


def linear_transpose(fun: Callable, *primals: Any) -> Callable:
    """The transpose of a linear function, given only the shapes and dtypes of its arguments.

    Parameters
    ----------
    fun
        A function of arrays and pytrees of floats or complex numbers, linear in all its arguments together.
    *primals
        Arguments of the kind that it takes: arrays, whose values do not matter, or `ShapeDtypeStruct`.

    Returns
    -------
    callable
        Takes a cotangent of the result (of its structure) and gives a tuple of the arguments' cotangents. As a matrix
        it is the transpose, not the adjoint: complex numbers are not conjugated.

    Raises
    ------
    DifferentiationError
        The function is not linear; the message names the operation and the line.

    Examples
    --------
    >>> import numpy as np
    >>> matrix = np.arange(6.0).reshape(2, 3)
    >>> transposed = linear_transpose(lambda x: matrix @ x, np.zeros(3))
    >>> transposed(np.array([1.0, 10.0]))
    (array([30., 41., 52.]),)
    """
    require_callable(fun, "linear_transpose")
    leaves, in_tree = tree.flatten(primals)
    avals = [aval_of(x if isinstance(x, ShapeDtypeStruct) else as_leaf(x)).strong() for x in leaves]
    for aval, name in zip(avals, leaf_names("primals", primals), strict=True):
        if aval.dtype.kind not in "fc":
            raise DtypeError(
                f"linear_transpose expected arguments of floats or complex numbers, got {aval} at {name}",
                instead="x.astype(float), or let the function capture what it is not linear in",
            )
    out_tree: Any = None

    def flat(*tracers: Any) -> list[Any]:
        nonlocal out_tree
        out, out_tree = flatten_result(fun(*in_tree.unflatten(tracers)), "linear_transpose")
        return out

    closed = record(flat, avals)
    names = leaf_names("result", out_tree.unflatten([0] * len(closed.out_avals)))
    _check_linear(closed, names)
    wanted = (True,) * len(avals)
    way = vjp_program(closed, wanted)
    # being linear, the function leaves residuals that do not depend on its arguments
    program = way.forward.jaxpr
    needed = Jaxpr(program.constvars, program.invars, program.equations, program.outvars[way.results :])
    needed_alone = without_dead(ClosedJaxpr(needed, way.forward.consts))
    residuals = eval_jaxpr(needed_alone.jaxpr, needed_alone.consts, *[zeros_of(aval) for aval in avals])

    def transposed(cotangent: Any) -> tuple:
        """The arguments' cotangents for a cotangent of the result."""
        given, structure = tree.flatten(cotangent)
        if structure != out_tree:
            raise StructureError(
                f"linear_transpose: the cotangent should have the structure of the function's result, {out_tree}, got "
                f"{structure}"
            )
        given = as_leaves(given)
        check_match("cotangent", given, closed.out_avals, names, "linear_transpose")
        used = [
            convert_element_type(ct, aval.dtype)
            for ct, aval, takes in zip(given, closed.out_avals, way.takes, strict=True)
            if takes
        ]
        parts = iter(eval_jaxpr(way.backward.jaxpr, way.backward.consts, *residuals, *used))
        cotangents = [
            instantiate(next(parts) if gives else None, aval) for aval, gives in zip(avals, way.gives, strict=True)
        ]
        captured = [x for x in (*residuals, *way.backward.consts) if isinstance(x, np.ndarray)]
        return in_tree.unflatten(own(cotangents, [*given, *captured]))

    return transposed


def _check_linear(closed: ClosedJaxpr, names: list[str]) -> None:
    found = dependences(closed, [LINEAR] * len(closed.in_avals))
    for dependence, aval, name in zip(found, closed.out_avals, names, strict=True):
        if dependence is LINEAR or (dependence is ZERO and aval.dtype.kind in "fc"):
            continue
        raise DifferentiationError(
            f"linear_transpose expected a function that is linear in its arguments, but {name} ({aval}) is not: "
            f"{dependence.why}",
            instead="let the function capture what it is not linear in; functrace.linearize for the linear part of a "
            "function at a point",
            where=None if dependence.equation is None else dependence.equation.location,
        )
