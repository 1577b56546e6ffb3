"""Checks for functions and rules of one's own: derivatives against differences, batches against a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from . import tree
from .core.aval import aval_of, float0, short_dtype
from .errors import OptionError
from .transforms.arguments import as_leaf
from .transforms.derivatives import jvp, vjp
from .transforms.vmap import vmap

__all__ = ["check_grads", "check_jvp", "check_vjp", "check_vmap"]


def check_grads(
    f: Callable,
    args: Sequence[Any],
    order: int,
    modes: Sequence[str] = ("fwd", "rev"),
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> None:
    """Check a function's derivatives up to an order, in forward and reverse mode and their combinations.

    Parameters
    ----------
    f
        A function of arrays and pytrees, smooth around `args`.
    args
        Its arguments, a tuple or list.
    order
        Up to which derivative.
    modes
        ``"fwd"`` checks `jvp`, ``"rev"`` checks `vjp`; with both, the second derivative is checked as forward over
        forward, forward over reverse, and so on.
    atol, rtol
        By how much a derivative may differ, absolutely and as a part of its size; by default what central differences
        allow in the coarsest dtype among the arguments and results.
    eps
        The step of the differences; by default the cube root of that dtype's precision.

    Raises
    ------
    AssertionError
        A derivative differs; the message shows what was expected, what came, where and in which mode.

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> check_grads(lambda x, y: fnp.sin(x) * y, (1.0, 2.0), order=3)
    """
    if isinstance(modes, str) or not set(modes) <= {"fwd", "rev"} or not modes:
        raise OptionError(f"check_grads: modes should be made of 'fwd' and 'rev', got {modes!r}")
    if not isinstance(order, (int, np.integer)) or order < 1:
        raise OptionError(f"check_grads: order should be an int from 1 on, got {order!r}")
    _check_to_order(f, tuple(args), int(order), tuple(modes), (), {"atol": atol, "rtol": rtol, "eps": eps})


def _check_to_order(
    f: Callable, args: tuple, order: int, modes: tuple[str, ...], taken: tuple[str, ...], options: dict[str, Any]
) -> None:
    if "fwd" in modes:
        check_jvp(f, partial(jvp, f), args, err_msg=_described((*taken, "fwd")), **options)
        if order > 1:

            def directional(*values: Any) -> Any:
                return jvp(f, values, _random_like(values, seed=len(taken), tangent=True))[1]

            _check_to_order(_of_floats(directional, args), _floats(args), order - 1, modes, (*taken, "fwd"), options)
    if "rev" in modes:
        check_vjp(f, partial(vjp, f), args, err_msg=_described((*taken, "rev")), **options)
        if order > 1:

            def pulled(*values: Any) -> Any:
                out, pullback = vjp(f, *values)
                return pullback(_random_like(out, seed=len(taken), tangent=True))

            _check_to_order(_of_floats(pulled, args), _floats(args), order - 1, modes, (*taken, "rev"), options)


def _described(taken: Sequence[str]) -> str:
    if len(taken) == 1:
        return f"mode {taken[0]}, order 1"
    return f"mode {' over '.join(reversed(taken))}, order {len(taken)}"
