"""A computation on two scalars, with which arrays are reduced: what `reduce` and `reduce_window` are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..core.aval import Aval, aval_of
from ..core.recording import record
from ..errors import DtypeError, ShapeError, StructureError
from ..transforms.vmap import vmap
from .shape import convert_element_type, dtype_of, reshape, shape_of


class Computation(NamedTuple):
    """A function of two scalars, or of two pytrees of scalars, that makes one of them.

    Attributes
    ----------
    what
        The reduction that was given it, for errors.
    function
        The function.
    structure
        Of the pytrees.
    dtypes
        Of their leaves.
    primitive
        The name of the elementwise primitive that it is; None where it is none.
    """

    what: str
    function: Callable
    structure: Any
    dtypes: tuple[np.dtype, ...]
    primitive: str | None

    def of_arrays(self, totals: Sequence[Any], parts: Sequence[Any]) -> list[Any]:
        """What it makes of arrays of one shape, element by element."""
        if self.primitive is not None:
            return self._made(*totals, *parts)
        shape = shape_of(totals[0])
        lines = [reshape(x, (-1,)) for x in (*totals, *parts)]
        return [reshape(x, shape) for x in vmap(self._made)(*lines)]

    def _made(self, *operands: Any) -> list[Any]:
        count = len(self.dtypes)
        unflatten = self.structure.unflatten
        leaves, structure = tree.flatten(self.function(unflatten(operands[:count]), unflatten(operands[count:])))
        if structure != self.structure:
            raise StructureError(f"{self.what} expected its computation to give {self.structure}, got {structure}")
        for leaf, operand in zip(leaves, operands, strict=False):
            if shape_of(leaf) != shape_of(operand) or dtype_of(leaf) != dtype_of(operand):
                raise DtypeError(
                    f"{self.what} expected its computation to give a scalar of dtype {dtype_of(operand)}, as the array "
                    f"has, got {aval_of(leaf)}"
                )
        return leaves


def computation_on(
    what: str, operand: Any, init_value: Any, function: Callable
) -> tuple[Computation, list[Any], list[Any]]:
    """The computation, the arrays to be reduced with it, and with what each reduction starts, in its array's dtype."""
    operands, structure = tree.flatten(operand)
    starts, starts_structure = tree.flatten(init_value)
    if structure != starts_structure or not operands:
        raise StructureError(f"{what} expected an init_value for each array, got {starts_structure} for {structure}")
    shape, dtypes = shape_of(operands[0]), tuple([dtype_of(x) for x in operands])
    for x, start in zip(operands, starts, strict=True):
        if shape_of(x) != shape or shape_of(start):
            raise ShapeError(
                f"{what} expected arrays of one shape and a scalar as init_value for each, got shapes "
                f"{[shape_of(x) for x in operands]} and {[shape_of(start) for start in starts]}"
            )
    starts = [_start_in(what, dtype, start) for dtype, start in zip(dtypes, starts, strict=True)]
    name = _primitive_of(function, structure, dtypes[0]) if len(dtypes) == 1 else None
    return Computation(what, function, structure, dtypes, name), operands, starts


def _start_in(what: str, dtype: np.dtype, start: Any) -> Any:
    """An initial value in the dtype of its array; a Python scalar takes it."""
    aval = aval_of(start)
    if not np.can_cast(aval.dtype, dtype, "same_kind"):
        raise DtypeError(
            f"{what} expected an init_value of dtype {dtype}, as the array has, got {aval}",
            instead=f"numpy.{dtype.type.__name__}(init_value)",
        )
    return convert_element_type(start, dtype)


def _primitive_of(function: Callable, structure: Any, dtype: np.dtype) -> str | None:
    """The name of the elementwise primitive of two operands that a function of two scalars is."""
    scalar = Aval((), dtype)

    def computed(x: Any, y: Any) -> list[Any]:
        return tree.leaves(function(structure.unflatten([x]), structure.unflatten([y])))

    recorded = record(computed, [scalar, scalar]).jaxpr
    if len(recorded.equations) != 1 or len(recorded.outvars) != 1:
        return None
    equation = recorded.equations[0]
    known = equation.primitive.ufunc is not None and set(equation.inputs) == set(recorded.invars)
    return equation.primitive.name if known and tuple(recorded.outvars) == equation.outputs else None


def identity_of(name: str, dtype: np.dtype) -> Any:
    """What an operation (``"add"``, ``"mul"``, ``"max"``, ``"min"``) leaves every number of a dtype as it is with."""
    if name in ("add", "mul"):
        return dtype.type(name == "mul")
    largest = name == "min"
    if dtype.kind == "b":
        return np.bool_(largest)
    if dtype.kind in "iu":
        return dtype.type(np.iinfo(dtype).max if largest else np.iinfo(dtype).min)
    infinity = dtype.type(np.inf if largest else -np.inf)
    return infinity if dtype.kind == "f" else dtype.type(complex(infinity, infinity))
