"""Static arguments: which they are, and a key that tells their values apart."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ..core.aval import describe
from ..core.trace import Tracer
from ..errors import ArgumentError, OptionError


def numbers_and_names(
    signature: inspect.Signature | None, numbers: Any, names: Any, kind: str
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Argument numbers and names, each completed from the other by the signature."""
    numbers = () if numbers is None else (numbers,) if isinstance(numbers, (int, np.integer)) else tuple(numbers)
    names = () if names is None else (names,) if isinstance(names, str) else tuple(names)
    if not all(isinstance(n, (int, np.integer)) for n in numbers):
        raise OptionError(f"{kind}_argnums should be ints, got {numbers}")
    if signature is None:
        return tuple(numbers), tuple(names)
    parameters = list(signature.parameters.values())
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    open_ended = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    keywords = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for n in numbers:
        if not open_ended and not -len(positional) <= n < len(positional):
            raise OptionError(f"{kind}_argnums={n}, but the function takes {len(positional)} positional arguments")
    for name in names:
        if not keywords and name not in signature.parameters:
            raise OptionError(
                f"{kind}_argnames={name!r}, but the function has no such argument: it has {list(signature.parameters)}"
            )
    if not open_ended:  # from the back of the function's arguments, whatever a call passes by name
        numbers = tuple([n % len(positional) for n in numbers])
    all_numbers = set(numbers) | {positional.index(name) for name in names if name in positional}
    all_names = set(names) | {positional[n] for n in numbers if -len(positional) <= n < len(positional)}
    return tuple(sorted(all_numbers)), tuple(sorted(all_names))


def positions_of(numbers: tuple[int, ...], count: int) -> set[int]:
    """Which of `count` positional arguments the numbers mean; those below zero count from the back."""
    return {n % count if -count <= n < 0 else n for n in numbers}


def static_key(value: Any, place: int | str) -> Any:
    """A key that tells apart what Python's == does not: 1, 1.0 and True; 0.0 and -0.0."""
    if isinstance(value, Tracer):
        raise ArgumentError(
            f"the static argument {place!r} of a jitted function is {value!r}, which has no value here",
            instead="pass it as an ordinary argument, or a Python number",
        )
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"a static argument of a jitted function has to be hashable, but argument {place!r} is {describe(value)}",
            instead="a tuple in place of a list, or an ordinary (not static) argument for an array",
        ) from None
    return exact(value)


def exact(value: Any) -> Any:
    """A key of a hashable value that tells apart what Python's == does not, inside tuples and dataclasses too."""
    if isinstance(value, tuple):
        return type(value), tuple([exact(item) for item in value])
    if isinstance(value, frozenset):
        return type(value), frozenset([exact(item) for item in value])
    if isinstance(value, np.generic):
        return type(value), value.dtype, value.tobytes()
    if isinstance(value, float):
        return type(value), value.hex()
    if isinstance(value, complex):
        return type(value), value.real.hex(), value.imag.hex()
    if hasattr(type(value), "__dataclass_params__") and value.__dataclass_params__.eq:
        return type(value), value, tuple([_exact_if_hashable(field) for field in _compared_fields(value)])
    return type(value), value


def _compared_fields(value: Any) -> list[Any]:
    """What a dataclass compares of its objects."""
    from dataclasses import fields  # imported already where there is one

    return [getattr(value, field.name) for field in fields(value) if field.compare]


def _exact_if_hashable(value: Any) -> Any:
    """A field of a dataclass, unless the dataclass has a hash of its own because the field has none."""
    try:
        hash(value)
    except TypeError:
        return None
    return exact(value)


def shown(key: Any) -> str:
    """The value behind a key that `exact` gave, as a text."""
    cls, *rest = key
    if issubclass(cls, tuple):
        parts = [shown(item) for item in rest[0]]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if issubclass(cls, frozenset):
        return f"frozenset({{{', '.join(sorted([shown(item) for item in rest[0]]))}}})"
    if issubclass(cls, np.generic):
        dtype, data = rest
        return repr(np.frombuffer(data, dtype)[0]) if data else f"{cls.__name__}()"
    if issubclass(cls, float):
        return repr(float.fromhex(rest[0]))
    if issubclass(cls, complex):
        return repr(complex(*[float.fromhex(part) for part in rest]))
    return repr(rest[0])


def static_data(treedef: Any) -> tuple:
    """The static data and keys in a structure, as a key that tells apart what == does not."""
    return tuple([exact(node.aux) for node in treedef._nodes if node is not None and node.aux is not None])


def are_comparable(treedef: Any) -> bool:
    """Whether == tells the static data and keys in a structure apart, as it does not with numbers (1, 1.0 and True)."""
    return all(_is_comparable(node.aux) for node in treedef._nodes if node is not None)


def _is_comparable(data: Any) -> bool:
    if data.__class__ is tuple:
        return all(_is_comparable(item) for item in data)
    return data is None or isinstance(data, (str, bytes, type))
