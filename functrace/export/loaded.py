"""A function that came out of a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import tree
from ..core.aval import DYNAMIC, Aval, aval_of, describe
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..core.trace import Tracer
from ..errors import DtypeError, ExportError, ShapeError, StructureError
from ..lax.shape import convert_element_type
from ..pytrees.treedef import PyTreeDef
from ..transforms.arguments import as_leaf
from ..transforms.jit import jit


class LoadedFunction:
    """A saved function, callable as it was for arguments of the shapes and dtypes that it was traced for.

    It runs compiled. Any transform takes it as it takes another function: ``grad(f)``, ``vmap(f)``, ``jit(f)``.

    Attributes
    ----------
    jaxpr : ClosedJaxpr
        The program, from the leaves of the arguments to the leaves of the result.
    in_tree : PyTreeDef
        The structure of ``(args, kwargs)``.
    out_tree : PyTreeDef
        The structure of the result.
    """

    def __init__(self, jaxpr: ClosedJaxpr, name: str, in_tree: PyTreeDef, out_tree: PyTreeDef) -> None:
        if any(DYNAMIC in aval.shape for aval in jaxpr.in_avals):
            raise ExportError("the function has arguments of which an extent is not known")
        self.jaxpr = jaxpr
        self.in_tree = in_tree
        self.out_tree = out_tree
        self.__name__ = name

        def flat(*leaves: Any) -> list[Any]:
            return eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *leaves)

        flat.__name__ = name
        self._avals = jaxpr.in_avals
        self._run = jit(flat)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, as the saved function gives it.

        Raises
        ------
        StructureError
            The arguments are not given as in the example call.
        ShapeError, DtypeError
            An array is not of the shape and dtype of the example.
        """
        leaves = self.in_tree.flatten_same((args, kwargs))
        if leaves is None:
            raise StructureError(
                f"{self.__name__} was saved for arguments of one structure and is called with another\n"
                f"  saved:  {self.in_tree}\n  called: {tree.structure((args, kwargs))}",
                instead="the call of the example: by position what was given by position, by name what was by name",
            )
        fitted = list(leaves)
        for position, (leaf, aval) in enumerate(zip(leaves, self._avals, strict=True)):
            if leaf.__class__ is not np.ndarray or leaf.shape != aval.shape or leaf.dtype is not aval.dtype:
                fitted[position] = self._fitted(position, leaf, aval)
        return self.out_tree.unflatten(self._run(*fitted))

    def _fitted(self, position: int, leaf: Any, aval: Aval) -> Any:
        """An argument as the program has it: a number becomes one of the program's dtype where that says the same."""
        leaf = as_leaf(leaf)
        got = aval_of(leaf)
        if got == aval:
            return leaf
        if got.shape == aval.shape and (
            got.dtype == aval.dtype or (got.weak_type and np.can_cast(got.dtype, aval.dtype, "same_kind"))
        ):
            if isinstance(leaf, Tracer):
                return leaf if got.dtype == aval.dtype and aval.weak_type else convert_element_type(leaf, aval.dtype)
            number = np.asarray(leaf, aval.dtype)[()]
            return number.item() if aval.weak_type else number
        place = f"{self.__name__}: the argument at {self._path(position)} of (args, kwargs)"
        if got.shape != aval.shape:
            raise ShapeError(f"{place} should have shape {aval.shape}, got {got.shape}")
        raise DtypeError(
            f"{place} should have dtype {aval.dtype}, got {describe(leaf)}",
            instead=f"x.astype(numpy.{aval.dtype.name})",
        )

    def _path(self, position: int) -> str:
        example = self.in_tree.unflatten(range(self.in_tree.num_leaves))
        return tree.keystr(tree.leaves_with_path(example)[position][0])

    def __repr__(self) -> str:
        types = ", ".join(map(str, self.jaxpr.in_avals))
        return f"<loaded function {self.__name__} of {types}>"
