"""What is recorded of a function of `functrace.numpy`: a jaxpr that is well formed, with NumPy's value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import functrace
import functrace.numpy as fnp
from functrace.core.jaxpr import ClosedJaxpr, check_jaxpr, eval_jaxpr
from tests.numpy.agreement import check_agreement, compare, flat


def check(name: str, *args: Any, numpy_too: bool = True, gradient: bool = True, **kwargs: Any) -> None:
    """Check a function against NumPy's: on arrays, under `jit`, `vjp` and `jvp`, and by its jaxpr.

    NumPy arrays among the arguments, also in lists, are traced; all else is a setting.
    """
    check_agreement(name, *args, numpy_too=numpy_too, gradient=gradient, **kwargs)
    leaves, treedef = functrace.tree.flatten((list(args), kwargs))
    places = [index for index, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]

    def run(*arrays: Any) -> list[Any]:
        replaced = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            replaced[place] = array
        new_args, new_kwargs = treedef.unflatten(replaced)
        return flat(getattr(fnp, name)(*new_args, **new_kwargs))

    check_recorded(run, *[leaves[place] for place in places], expected=flat(getattr(np, name)(*args, **kwargs)))


def check_recorded(function: Callable[..., Any], *args: Any, expected: Any) -> ClosedJaxpr:
    """Check that a function's jaxpr is well formed and evaluates to `expected`."""
    closed = functrace.make_jaxpr(lambda *xs: flat(function(*xs)))(*args)
    check_jaxpr(closed)
    compare(eval_jaxpr(closed.jaxpr, closed.consts, *args), flat(expected), rtol=None, what="the jaxpr's value")
    return closed


def largest_constant(closed: ClosedJaxpr) -> int:
    """The number of elements of the largest array that is baked into a jaxpr."""
    return max([np.size(const) for const in closed.consts], default=0)
