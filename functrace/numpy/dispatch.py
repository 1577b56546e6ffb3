"""One table: a NumPy function, and what is done in its place when a tracer is among its arguments.

The function of `functrace.numpy` and NumPy's own function called on a tracer both go through it. With no tracer NumPy's
own function is called, so that values, dtypes, views and errors are NumPy's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS, aval_of
from ..core.trace import Tracer, current_recording
from ..errors import ArgumentError, FunctraceError

#: NumPy's function → the function that serves tracers.
TRACED: dict[Any, Callable] = {}

_CONTAINERS = (list, tuple)


def implements(original: Callable, *, creates: bool = False) -> Callable[[Callable], Callable]:
    """Decorate the function that serves tracers: it becomes the public function, and NumPy's own finds it too.

    Parameters
    ----------
    original
        NumPy's function, called where no argument is traced.
    creates
        Whether it makes arrays out of nothing: inside `jit` it is then recorded.
    """

    def decorate(traced: Callable) -> Callable:
        TRACED[original] = traced

        def function(*args: Any, **kwargs: Any) -> Any:
            for arg in args:
                if isinstance(arg, Tracer) or (arg.__class__ in _CONTAINERS and has_tracer(arg)):
                    return call_traced(original, traced, args, kwargs)
            for arg in kwargs.values():
                if isinstance(arg, Tracer) or (arg.__class__ in _CONTAINERS and has_tracer(arg)):
                    return call_traced(original, traced, args, kwargs)
            if creates and current_recording() is not None:
                return call_traced(original, traced, args, kwargs)
            return original(*args, **kwargs)

        return _dressed(function, original, traced)

    return decorate


def _dressed(function: Callable, original: Callable, traced: Callable) -> Callable:
    """The public function with a name, a signature and a docstring."""
    update_wrapper(function, traced)
    try:
        function.__signature__ = inspect.signature(traced)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        pass
    if not traced.__doc__:
        name = getattr(original, "__name__", function.__name__)
        function.__doc__ = f"`numpy.{name}`, which can be traced."
    return function


def has_tracer(container: Any) -> bool:
    """Whether a tracer is in nested lists and tuples."""
    pending = [container]
    while pending:
        item = pending.pop()
        if isinstance(item, Tracer):
            return True
        if item.__class__ in _CONTAINERS:
            pending.extend(item)
    return False


def call_traced(original: Callable, traced: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call the function that serves tracers; an argument that it does not take is an error that names it."""
    kwargs = {name: value for name, value in kwargs.items() if value is not np._NoValue}  # type: ignore[attr-defined]
    if kwargs.get("out") is not None:
        raise ArgumentError(
            f"numpy.{original.__name__}: out= cannot be filled from a traced value",
            instead="use the result; x.at[...].set(...) to write into a part of an array",
        )
    kwargs.pop("out", None)
    try:
        inspect.signature(traced).bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(
            f"numpy.{original.__name__} on a traced value: {error}",
            instead=f"{original.__name__}{inspect.signature(traced)}",
        ) from None
    return traced(*args, **kwargs)


def array_function(self: Any, func: Callable, types: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """`Tracer.__array_function__`: NumPy's function called on a tracer."""
    traced = TRACED.get(func)
    if traced is None:
        raise ArgumentError(
            f"numpy.{func.__name__} cannot follow a traced value: it has no counterpart in functrace.numpy",
            instead="write it with functions that have one, or give it a rule with functrace.pure_callback",
        )
    return call_traced(func, traced, args, kwargs)


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """`Tracer.__array_ufunc__`: a NumPy ufunc, or a method of one, called on a tracer."""
    traced = TRACED.get(ufunc if method == "__call__" else (ufunc, method))
    if traced is None:
        what = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        raise ArgumentError(
            f"the ufunc {what} cannot follow a traced value: functrace has no rule for it",
            instead="write it with functions of functrace.numpy",
        )
    return call_traced(ufunc, traced, inputs, kwargs)


def as_operand(x: Any) -> Any:
    """What a NumPy function takes for an array, as a primitive's operand: lists become arrays.

    Nested lists with tracers in them are stacked.
    """
    if isinstance(x, Tracer) or x.__class__ is np.ndarray or x.__class__ in PYTHON_SCALARS:
        return x
    if x.__class__ in _CONTAINERS:
        if has_tracer(x):
            from .manipulation import stack

            return stack([as_operand(item) for item in x])
        x = np.asarray(x)
    aval_of(x)
    return np.asarray(x) if isinstance(x, np.ndarray) else x


def is_operand(x: Any) -> bool:
    """Whether NumPy would take `x` for an array of numbers (an operator with anything else is not ours)."""
    if x is None or isinstance(x, (str, bytes, dict, set)):
        return False
    try:
        aval_of(as_operand(x))
    except (FunctraceError, ValueError, TypeError):
        return False
    return True
