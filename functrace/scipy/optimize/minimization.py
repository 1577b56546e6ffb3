"""`minimize`: SciPy's minimisers over pytrees, given gradients and Hessian products."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ... import tree
from ...core.aval import aval_of
from ...core.trace import require_callable
from ...errors import OptionError, ShapeError
from ...lazy import import_extra
from ...transforms.derivatives import value_and_grad
from ...transforms.jacobians import hessian, hvp
from ...transforms.jit import jit
from .bounds import flat_bounds
from .constraints import flat_constraints
from .variables import Variables, refuse_tracer

_WITHOUT_DERIVATIVES = ("nelder-mead", "powell", "cobyla", "cobyqa")
_WITH_HESSIAN = ("dogleg", "trust-exact")
_WITH_HESSIAN_PRODUCT = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")


def minimize(
    fun: Callable,
    x0: Any,
    args: Any = (),
    method: str | Callable | None = None,
    *,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """The minimum of a scalar function of a pytree, by the solvers of `scipy.optimize.minimize`.

    Derivatives are functrace's own, so SciPy's `jac`, `hess` and `hessp` are not asked for: methods that use a gradient
    get it with the value from one compiled run; Newton-CG, trust-ncg, trust-krylov and trust-constr get products with
    the Hessian; dogleg and trust-exact the Hessian. Nelder-Mead, Powell, COBYLA and COBYQA call `fun` as it is, which
    then need not be traceable.

    Parameters
    ----------
    fun
        ``fun(x, *args)`` gives a scalar. It is traced once a call of `minimize`.
    x0
        Where the search starts: a pytree of arrays of real floats. `fun` gets x in its structure, so for SciPy's form
        of a vector pass an array and not a list.
    args
        Further arguments of `fun`: any objects, held constant.
    method
        A method's name, or a callable as SciPy takes it. By default SciPy chooses by bounds and constraints.
    bounds
        A pair (low, high) of arrays or numbers for every element, where None is no bound; or a pytree of such pairs (or
        None) that is a prefix of `x0`; or what SciPy takes: `scipy.optimize.Bounds` on the raveled vector, or, for an
        `x0` that is one array, a sequence with a pair for each element.
    constraints
        What SciPy takes. The functions of `scipy.optimize.NonlinearConstraint` and of dicts take x as `fun` does, and
        their derivatives are functrace's; `scipy.optimize.LinearConstraint` is one on the raveled vector.
    tol, options
        As SciPy's.
    callback
        ``callback(x)``, ``callback(intermediate_result)`` or for trust-constr ``callback(x, state)``, as SciPy's, with
        x as a pytree.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's result, in which `x` and the gradient (`jac`; of trust-constr `grad` and `lagrangian_grad`) are pytrees
        of the structure, shapes and dtypes of `x0`. Matrices, as `hess_inv`, belong to the raveled vector
        (`functrace.flatten_util.ravel_pytree`).

    Raises
    ------
    MissingExtraError
        SciPy is not installed.
    DtypeError
        A leaf of `x0` is not of real floats, or `fun` gives no real float.
    ShapeError
        `fun` gives no scalar, or bounds have another shape than what they bound.
    OptionError
        The value or the gradient at the start is NaN, or `x0` has no elements.
    TracerArrayConversionError
        It is called on traced values.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace.scipy.optimize import minimize
    >>> def distance(point, centre):
    ...     return np.sum((point["x"] - centre) ** 2) + (point["y"] - 1) ** 4
    >>> start, bounds = {"x": np.zeros(2), "y": 3.0}, {"x": (0, 1.5), "y": None}
    >>> result = minimize(distance, start, args=(np.array([1.0, 2.0]),), bounds=bounds)
    >>> result.x["x"].round(4)
    array([1. , 1.5])
    """
    optimize = import_extra("scipy.optimize", "scipy", "functrace.scipy.optimize.minimize")
    require_callable(fun, "minimize")
    variables = Variables(x0, "minimize")
    arguments = args if isinstance(args, tuple) else (args,)
    for leaf in tree.leaves(arguments):
        refuse_tracer(leaf, "a leaf of args", "minimize")
    kind = method.lower() if isinstance(method, str) else ""
    flat = flat_bounds(bounds, x0, variables)

    def objective(vector: Any) -> Any:
        return fun(variables.tree_of(vector), *arguments)

    def value(vector: np.ndarray) -> float:
        return _scalar(objective(vector))

    traced = jit(value_and_grad(objective))

    def value_and_gradient(vector: np.ndarray) -> tuple[float, np.ndarray]:
        found, gradient = traced(vector)
        return _scalar(found), gradient

    derivatives: dict[str, Any] = {}
    if kind in _WITH_HESSIAN:
        derivatives["hess"] = jit(hessian(objective))
    elif kind in _WITH_HESSIAN_PRODUCT or callable(method):
        product = jit(lambda vector, direction: hvp(objective, (vector,), (direction,)))
        derivatives["hessp"] = lambda vector, direction: product(vector, np.asarray(direction, np.float64))
    start = variables.start if flat is None else np.clip(variables.start, flat.lb, flat.ub)
    if kind in _WITHOUT_DERIVATIVES:
        _check_start(value(start), None, variables)
    else:
        derivatives["jac"] = True
        _check_start(*value_and_gradient(start), variables)
    result = optimize.minimize(
        value if kind in _WITHOUT_DERIVATIVES else value_and_gradient,
        variables.start,
        method=method,
        bounds=flat,
        constraints=flat_constraints(constraints, variables, kind),
        tol=tol,
        callback=None if callback is None else _on_trees(callback, variables),
        options=None if options is None else dict(options),
        **derivatives,
    )
    return _result_on_trees(result, variables)


def _scalar(found: Any) -> float:
    refuse_tracer(found, "the value of fun", "minimize")
    if aval_of(found).shape != ():
        raise ShapeError(
            f"minimize expected fun to return a scalar, got an array of shape {aval_of(found).shape}",
            instead="sum or average it",
        )
    return float(found)


def _check_start(found: float, gradient: np.ndarray | None, variables: Variables) -> None:
    if np.isnan(found):
        raise OptionError("minimize: fun is NaN at the start", instead="an x0 at which fun is finite")
    if gradient is not None and np.isnan(gradient).any():
        parts = tree.leaves(variables.tree_of(gradient))
        name = next(name for name, part in zip(variables.names, parts, strict=True) if np.isnan(part).any())
        raise OptionError(
            f"minimize: the gradient by {name} is NaN at the start, where fun is {found}",
            instead="an x0 at which fun is differentiable, or functrace.numpy.where around both the argument and the "
            "result of what is not",
        )


def _on_trees(callback: Callable, variables: Variables) -> Callable:
    """The callback for SciPy, which looks at the name of its parameter to know what to call it with."""
    try:
        by_result = list(inspect.signature(callback).parameters) == ["intermediate_result"]
    except ValueError:  # a builtin that does not tell
        by_result = False
    if by_result:
        return lambda intermediate_result: callback(
            intermediate_result=_result_on_trees(intermediate_result, variables)
        )
    return lambda vector, *state: callback(variables.tree_of(vector), *state)


def _result_on_trees(result: Any, variables: Variables) -> Any:
    shape, result = variables.start.shape, type(result)(result)  # a copy: a callback gets what the solver goes on with
    for name in ("x", "jac", "grad", "lagrangian_grad"):
        vector = result.get(name)
        if isinstance(vector, np.ndarray) and vector.shape == shape:  # trust-constr's jac is a list of the constraints'
            result[name] = variables.tree_of(vector)
    return result
