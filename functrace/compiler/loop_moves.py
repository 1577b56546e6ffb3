"""Which equations may leave a loop."""

from __future__ import annotations

from ..core.aval import DYNAMIC
from ..core.jaxpr import ClosedJaxpr, Equation, inner_jaxprs
from .effects import has_effect


def can_run_once(equation: Equation, runs: bool) -> bool:
    """Whether an equation may be carried out before a loop; where no step may run, it must not raise an error."""
    if has_effect(equation) or speaks_of_axes(equation):
        return False
    if any(DYNAMIC in var.aval.shape for var in equation.outputs):
        return False
    return runs or (runs_together(equation) and (equation.primitive.name != "getitem" or len(equation.inputs) == 1))


def runs_together(equation: Equation) -> bool:
    """Whether NumPy carries it out for many steps in one call."""
    return equation.primitive.ufunc is not None or equation.primitive.name in _TOGETHER


def speaks_of_axes(equation: Equation) -> bool:
    """Whether an equation, or one of the programs inside it, is about a named axis."""
    return "axis_name" in equation.params or any(_any_speaks(inner) for _, inner in inner_jaxprs(equation.params))


def _any_speaks(closed: ClosedJaxpr) -> bool:
    return closed.derived("speaks of axes", lambda: any(speaks_of_axes(equation) for equation in closed.equations))


def new_bytes(equation: Equation) -> int:
    """The memory that an equation's results take; a view takes none."""
    if equation.primitive.aliases or equation.primitive.name == "broadcast_in_dim":
        return 0
    return sum([var.aval.nbytes for var in equation.outputs])


_NAMES = (
    "argmax argmin broadcast_in_dim clamp concatenate convert_element_type cummax cummin cumprod cumsum dot_general "
    "getitem iota logsumexp pad reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_sum reduce_xor reshape "
    "rev scatter_zeros select stop_gradient transpose"
)
#: The primitives, beside ufuncs, whose batching rule is one call of NumPy.
_TOGETHER = frozenset(_NAMES.split())
