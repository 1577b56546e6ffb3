"""`root`: SciPy's solvers of systems of equations over pytrees, given Jacobians."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ... import tree
from ...core.trace import require_callable
from ...errors import OptionError
from ...flatten_util import ravel_pytree
from ...lazy import import_extra
from ...transforms.jacobians import jacfwd
from ...transforms.jit import jit
from .variables import Variables, refuse_tracer

_WITH_JACOBIAN = ("hybr", "lm")


def root(
    fun: Callable,
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    *,
    tol: float | None = None,
    callback: Callable | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """A root of a function of a pytree, by the solvers of `scipy.optimize.root`.

    Parameters
    ----------
    fun
        ``fun(x, *args)`` gives a pytree with as many elements as x (for ``"lm"``, as many or more).
    x0
        Where the search starts: a pytree of arrays of real floats.
    args
        Further arguments of `fun`: any objects, held constant.
    method
        A method's name. ``"hybr"`` and ``"lm"`` get functrace's Jacobian of a compiled `fun`; the others use none, and
        call `fun` as it is.
    tol, options
        As SciPy's.
    callback
        ``callback(x, f)``, as SciPy's, with x as a pytree and f as a vector.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's result, in which `x` is a pytree of the structure, shapes and dtypes of `x0`. `fun` and matrices belong
        to the raveled vectors.

    Raises
    ------
    MissingExtraError
        SciPy is not installed.
    DtypeError
        A leaf of `x0` is not of real floats.
    OptionError
        `fun` is NaN at the start, or `x0` has no elements.
    TracerArrayConversionError
        It is called on traced values. `functrace.lax.custom_root` differentiates a root.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace.scipy.optimize import root
    >>> result = root(lambda x: (x["a"] ** 2 - 4, x["a"] * x["b"] - 1), {"a": 1.0, "b": 1.0})
    >>> round(float(result.x["a"]), 6), round(float(result.x["b"]), 6)
    (2.0, 0.5)

    `functrace.lax.custom_root` differentiates what a solver finds, here where the gradient of a function is zero:

    >>> import functrace, functrace.numpy as fnp
    >>> from functrace import lax
    >>> def loss(x, a):
    ...     return fnp.sum((x - a) ** 2) + x[0] * x[1]
    >>> def best(a):
    ...     return lax.custom_root(
    ...         lambda x: functrace.grad(loss)(x, a),
    ...         np.zeros(2),
    ...         solve=lambda gradient, x: root(gradient, x).x,
    ...         tangent_solve=lambda curvature, y: fnp.linalg.solve(functrace.jacobian(curvature)(y), y),
    ...     )
    >>> functrace.jacobian(best)(np.array([1.0, 2.0])).round(4)
    array([[ 1.3333, -0.6667],
           [-0.6667,  1.3333]])
    """
    optimize = import_extra("scipy.optimize", "scipy", "functrace.scipy.optimize.root")
    require_callable(fun, "root")
    variables = Variables(x0, "root")
    arguments = args if isinstance(args, tuple) else (args,)
    for leaf in tree.leaves(arguments):
        refuse_tracer(leaf, "a leaf of args", "root")

    def system(vector: Any) -> Any:
        return ravel_pytree(fun(variables.tree_of(vector), *arguments))[0]

    with_jacobian = method.lower() in _WITH_JACOBIAN
    run = jit(system) if with_jacobian else system

    def values(vector: np.ndarray) -> np.ndarray:
        found = run(vector)
        refuse_tracer(found, "the value of fun", "root")
        return np.asarray(found, np.float64)

    if np.isnan(values(variables.start)).any():
        raise OptionError("root: fun is NaN at the start", instead="an x0 at which fun is finite")
    result = optimize.root(
        values,
        variables.start,
        method=method,
        jac=jit(jacfwd(system)) if with_jacobian else None,
        tol=tol,
        callback=None if callback is None else lambda vector, *rest: callback(variables.tree_of(vector), *rest),
        options=None if options is None else dict(options),
    )
    result.x = variables.tree_of(result.x)
    return result
