"""Equations that do something beside computing their outputs."""

from __future__ import annotations

from ..core.jaxpr import ClosedJaxpr, Equation, inner_jaxprs


def has_effect(equation: Equation) -> bool:
    """Whether an equation, or one of the programs inside it, does something beside computing its outputs."""
    params = equation.params
    return bool(params) and ("effect" in params or any(_program_has_effect(inner) for _, inner in inner_jaxprs(params)))


def _program_has_effect(closed: ClosedJaxpr) -> bool:
    return closed.derived("has effect", lambda: any(has_effect(equation) for equation in closed.equations))
