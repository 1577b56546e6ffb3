"""What a function of `functrace.scipy` owes to SciPy's function of the same name, checked for any arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import functrace
from tests.numpy.agreement import check_derivatives, compare, flat, split_arrays


def check_like_scipy(
    ours: Callable,
    original: Callable,
    *args: Any,
    rtol: float = 1e-9,
    single_rtol: float = 1e-4,
    gradient: bool = True,
    **kwargs: Any,
) -> None:
    """Check that a function gives what SciPy's gives, eagerly and under `jit`, and that its derivatives are right.

    Parameters
    ----------
    ours, original
        The functions.
    *args, **kwargs
        Their arguments; arrays at any depth are traced, all else is a setting.
    rtol, single_rtol
        Relative tolerances of double and of single precision.
    gradient
        Whether derivatives are compared with central differences of SciPy's function.
    """
    expected = flat(original(*args, **kwargs))
    arrays, rebuild = split_arrays((args, kwargs))

    def taking_leaves(function: Callable) -> Callable[..., list[Any]]:
        def run(*leaves: Any) -> list[Any]:
            new_args, new_kwargs = rebuild(leaves)
            return flat(function(*new_args, **new_kwargs))

        return run

    run = taking_leaves(ours)
    single = any(value.dtype.char in "fF" for value in (*expected, *arrays))
    tolerance = single_rtol if single else rtol
    compare(run(*arrays), expected, rtol=tolerance, what="the value")
    compare(functrace.jit(run)(*arrays), expected, rtol=tolerance, what="the value under jit")
    if gradient:
        check_derivatives(run, taking_leaves(original), arrays, rtol=None)


def check_refused_like_scipy(ours: Callable, original: Callable, *args: Any, **kwargs: Any) -> None:
    """Check that arguments which SciPy refuses are refused with an error of the same kind, eagerly and under `jit`."""
    with pytest.raises(Exception) as raised:
        original(*args, **kwargs)
    arrays, rebuild = split_arrays((args, kwargs))

    def run(*leaves: Any) -> Any:
        new_args, new_kwargs = rebuild(leaves)
        return ours(*new_args, **new_kwargs)

    with pytest.raises(raised.type):
        run(*arrays)
    with pytest.raises(raised.type):
        functrace.jit(run)(*arrays)
