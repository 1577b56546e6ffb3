"""What a call comes to, a value or an error, with NumPy and under `jit`."""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import functrace
import functrace.numpy as fnp
from functrace import tree
from functrace.errors import ConcretizationTypeError, NonConcreteBooleanIndexError
from tests.numpy.agreement import compare

#: Errors that say that something depends on values, which only `jit` does not know.
UNKNOWN = (ConcretizationTypeError, NonConcreteBooleanIndexError)


def check_outcome(name: str, args: tuple, kwargs: dict[str, Any], *, known: bool = False) -> None:
    """Check that a call comes to the same with NumPy, with functrace.numpy, and under `jit`.

    Parameters
    ----------
    name, args, kwargs
        The function and its arguments, whose arrays are traced.
    known
        Whether the function may refuse under `jit`, where the shape of its result depends on values.
    """
    expected = outcome(lambda: getattr(np, name)(*args, **kwargs))
    shown = f"{name}({', '.join([repr(arg) for arg in args] + [f'{k}={v!r}' for k, v in kwargs.items()])})"
    _check_same(outcome(lambda: getattr(fnp, name)(*args, **kwargs)), expected, shown, rtol=0)
    got = outcome(lambda: under_jit(getattr(fnp, name), args, kwargs))
    if not (known and isinstance(got, UNKNOWN)):
        _check_same(got, expected, f"jit of {shown}", rtol=None)


def outcome(call: Callable) -> Any:
    """The value, or the error that is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except Exception as error:
            return error


def under_jit(function: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What a function gives under `jit`, with its arrays traced; what is no array is taken as it is."""
    leaves, structure = tree.flatten((args, kwargs))
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]
    parts: list[Any] = []
    result: Any = None

    def run(*values: Any) -> list[Any]:
        nonlocal parts, result
        given = list(leaves)
        for place, value in zip(places, values, strict=True):
            given[place] = value
        new_args, new_kwargs = tree.unflatten(structure, given)
        parts, result = tree.flatten(function(*new_args, **new_kwargs))
        return [part for part in parts if isinstance(part, (functrace.core.trace.Tracer, np.ndarray, np.generic))]

    arrays = iter(functrace.jit(run)(*[leaves[place] for place in places]))
    kinds = (functrace.core.trace.Tracer, np.ndarray, np.generic)
    return tree.unflatten(result, [next(arrays) if isinstance(part, kinds) else part for part in parts])


def _check_same(got: Any, expected: Any, what: str, rtol: float | None) -> None:
    if isinstance(expected, Exception):
        kind = _public_kind(expected)
        assert isinstance(got, kind), f"{what}: expected {kind.__name__} ({expected}), got {got!r}"
        return
    if isinstance(got, Exception):
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}") from got
    parts, structure = tree.flatten(got)
    expected_parts, expected_structure = tree.flatten(expected)
    assert structure == expected_structure, f"{what} gave {structure}, expected {expected_structure}"
    for part, other in zip(parts, expected_parts, strict=True):
        if isinstance(other, (np.ndarray, np.generic)):
            compare([part], [other], rtol=rtol, what=what)
        else:
            assert part == other, f"{what} gave {part!r}, expected {other!r}"


def _public_kind(error: Exception) -> type[BaseException]:
    """The kind of an error that a user can name: Python's or one of numpy.exceptions."""
    for kind in type(error).__mro__:
        if kind.__module__ == "numpy.exceptions" or getattr(builtins, kind.__name__, None) is kind:
            return kind
    return Exception
