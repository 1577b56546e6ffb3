"""A pytree of unknowns as the one vector of float64 that SciPy's solvers work on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import tree
from ...core.aval import aval_of, describe
from ...core.trace import Tracer
from ...errors import DtypeError, OptionError, TracerArrayConversionError
from ...flatten_util import ravel_pytree
from ...lax.shape import convert_element_type
from ...transforms.arguments import as_leaf, leaf_names


class Variables:
    """The unknowns of a problem.

    Parameters
    ----------
    x0
        Where the search starts: a pytree of arrays of real floats.
    solver
        The public function that asks, for errors.
    """

    def __init__(self, x0: Any, solver: str) -> None:
        leaves, self.structure = tree.flatten(x0)
        self.names = leaf_names("x0", x0)
        for name, leaf in zip(self.names, leaves, strict=True):
            refuse_tracer(leaf, name, solver)
            if aval_of(leaf).dtype.kind != "f":
                raise DtypeError(
                    f"{solver} expected x0 of real floats, got {describe(leaf)} at {name}",
                    instead="its real and imaginary parts as two arrays"
                    if aval_of(leaf).dtype.kind == "c"
                    else "pass floats (2.0, x0.astype(float)), and what is not to change in args",
                )
        self.shapes = [np.shape(leaf) for leaf in leaves]
        flat, self._unravel = ravel_pytree(x0)
        self._dtype = flat.dtype
        self.start = flat.astype(np.float64)
        if not self.start.size:
            raise OptionError(f"{solver} expected an x0 with at least one number, got {x0!r}")

    def tree_of(self, vector: Any) -> Any:
        """The vector as a pytree of the structure, shapes and dtypes of `x0`."""
        return self._unravel(convert_element_type(as_leaf(vector), self._dtype))


def refuse_tracer(value: Any, name: str, solver: str) -> None:
    """Raise the error that says what to write where a solver of SciPy's met a traced value."""
    if isinstance(value, Tracer):
        raise TracerArrayConversionError(
            f"{solver} runs SciPy's solver, which needs values, but {name} is traced: {value!r}",
            instead="call it outside of jit, vmap and grad. For a derivative of the solution: "
            "functrace.lax.custom_root with functrace.scipy.optimize.root as the solver, of the gradient where it is "
            "a minimum (root's documentation has an example)",
        )
