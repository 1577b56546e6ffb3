"""Constraints of functions of a pytree as constraints of functions of its vector, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...flatten_util import ravel_pytree
from ...lazy import import_extra
from ...numpy import dot
from ...transforms.jacobians import hessian, jacrev
from ...transforms.jit import jit
from .variables import Variables

_UPPER = {"eq": 0.0, "ineq": np.inf}  # a dict of SciPy's says that a function is zero, or not below


def flat_constraints(constraints: Any, variables: Variables, method: str) -> Any:
    """The constraints for SciPy.

    Parameters
    ----------
    constraints
        One or a sequence of what `scipy.optimize.minimize` takes.
    variables
        The unknowns.
    method
        The method's name in lower case: one that uses no derivatives gets none.
    """
    optimize = import_extra("scipy.optimize", "scipy", "functrace.scipy.optimize.minimize")

    def convert(constraint: Any) -> Any:
        if isinstance(constraint, dict) and "fun" in constraint and constraint.get("type") in _UPPER:
            function = _on_vector(constraint["fun"], constraint.get("args", ()), variables)
            low, high, keep_feasible = 0.0, _UPPER[constraint["type"]], False
        elif isinstance(constraint, optimize.NonlinearConstraint):
            function = _on_vector(constraint.fun, (), variables)
            low, high, keep_feasible = constraint.lb, constraint.ub, constraint.keep_feasible
        else:
            return constraint  # of the vector, or what SciPy has an error for
        rules: dict[str, Any] = {}
        if method not in ("cobyla", "cobyqa"):
            rules["jac"] = jit(jacrev(function))
        if method == "trust-constr":
            rules["hess"] = jit(hessian(lambda vector, weights: dot(weights, function(vector))))
        return optimize.NonlinearConstraint(_values(function), low, high, keep_feasible=keep_feasible, **rules)

    if isinstance(constraints, (tuple, list)):
        return [convert(constraint) for constraint in constraints]
    return convert(constraints)


def _on_vector(function: Callable, args: Any, variables: Variables) -> Callable:
    arguments = args if isinstance(args, tuple) else (args,)
    return lambda vector: ravel_pytree(function(variables.tree_of(vector), *arguments))[0]


def _values(function: Callable) -> Callable:
    return lambda vector: np.asarray(function(vector), np.float64)
