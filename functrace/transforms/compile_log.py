"""What is compiled, in what time and why: said on the log while `config.log_compiles` is on."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from types import CodeType
from typing import Any

from ..compiler.cache import Cache
from ..compiler.source import Program, compiled
from ..config import config
from ..core.aval import Aval
from ..core.jaxpr import ClosedJaxpr
from ..errors import user_location
from ..pytrees.description import shorten
from .static_arguments import shown


def compiled_and_logged(
    closed: ClosedJaxpr, name: str, argument_names: Sequence[str] | None = None, donated: tuple[int, ...] = ()
) -> Program:
    """What `compiled` gives, and a line on the log where it was not there yet."""

    def make() -> Program:
        start = time.perf_counter()
        program = compiled(closed, name, argument_names, donated=donated)
        if config.log_compiles:
            _warn(f"compiled {name} in {_milliseconds(start)}: {len(closed.equations)} equations")
        return program

    return closed.derived(("compiled and logged", donated), make)


def log_trace(
    function: Callable, name: str, start: float, kind: tuple, leaf_names: Sequence[str], cache: Cache
) -> None:
    """Say what was traced since `start` (of `perf_counter`), and how its kind differs from those that were known."""
    arguments = ", ".join([f"{leaf}: {aval}" for leaf, aval in zip(leaf_names, kind[_AVALS], strict=True)])
    where = user_location()
    place = "" if where is None else f", at {where.filename}:{where.line}"
    known = cache.keys()
    reason, hint = _reason(function, kind, leaf_names, known, cache), _hint(kind, leaf_names, known)
    lines = [f"traced {name}({_short(arguments)}) in {_milliseconds(start)}{place}", f"  why: {reason}"]
    _warn("\n".join([*lines, f"  hint: {hint}"] if hint else lines))


# where the parts of a kind stand in its tuple
_TREEDEF, _AVALS, _STATICS, _AXES, _STATIC_DATA = range(5)


def _warn(text: str) -> None:
    import logging  # takes time: only where there is something to say

    logging.getLogger("functrace").warning("%s", text)


def _milliseconds(start: float) -> str:
    return f"{1e3 * (time.perf_counter() - start):.1f} ms"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


_LONGEST = 400

# ---------------------------------------------------------------------------------------------------------------------
# why
# ---------------------------------------------------------------------------------------------------------------------


def _reason(function: Callable, kind: tuple, leaf_names: Sequence[str], known: Sequence[tuple], cache: Cache) -> str:
    fate = cache.fate(kind)
    if fate == "evicted":
        return f"arguments of this kind were dropped from the cache, which keeps {cache.maxsize} kinds"
    if fate == "cleared":
        return "the cache was cleared"
    if not known:
        return _first_call(function)
    nearest = min(reversed(known), key=lambda other: _distance(kind, other))
    differences = _differences(kind, nearest, leaf_names)
    more = len(differences) - _MOST
    return "; ".join([*differences[:_MOST], *([f"and {more} more differences"] if more > 0 else [])])


_MOST = 5


def _distance(kind: tuple, other: tuple) -> tuple[int, int]:
    """How far two kinds are apart: in how many parts, and in how many leaves."""
    parts = sum([a != b for a, b in zip(kind, other, strict=True)])
    if kind[_TREEDEF] != other[_TREEDEF]:
        return parts + len(kind), abs(len(kind[_AVALS]) - len(other[_AVALS]))
    return parts, sum([a != b for a, b in zip(kind[_AVALS], other[_AVALS], strict=True)])


def _differences(kind: tuple, other: tuple, leaf_names: Sequence[str]) -> list[str]:
    found = []
    if kind[_TREEDEF] != other[_TREEDEF]:
        found.append(
            f"the structure of the arguments (args, kwargs) is {shorten(kind[_TREEDEF])}, and was "
            f"{shorten(other[_TREEDEF])}"
        )
    elif kind[_STATIC_DATA] != other[_STATIC_DATA]:
        pairs = zip(kind[_STATIC_DATA], other[_STATIC_DATA], strict=True)
        found += [f"static data in the arguments is {shown(a)}, and was {shown(b)}" for a, b in pairs if a != b]
    if kind[_TREEDEF] == other[_TREEDEF]:
        for name, aval, before in zip(leaf_names, kind[_AVALS], other[_AVALS], strict=True):
            found += _leaf_differences(name, aval, before)
    found += _static_differences(kind[_STATICS], other[_STATICS])
    if kind[_AXES] != other[_AXES]:
        found.append(f"the named axes around are {_axes(kind[_AXES])}, and were {_axes(other[_AXES])}")
    return found


def _leaf_differences(name: str, aval: Aval, before: Aval) -> list[str]:
    found = []
    if aval.shape != before.shape:
        found.append(f"the shape of {name} is {aval.shape}, and was {before.shape}")
    if aval.dtype != before.dtype:
        found.append(f"the dtype of {name} is {aval.dtype}, and was {before.dtype}")
    if aval.weak_type != before.weak_type:
        number, array = "a Python number", "an array or a NumPy scalar"
        now, then = (number, array) if aval.weak_type else (array, number)
        found.append(f"{name} is {now} ({aval}), and was {then} ({before})")
    return found


def _static_differences(statics: Any, before: Any) -> list[str]:
    now, then = _by_place(statics), _by_place(before)
    return [
        f"the static argument {place} is {_value(now, place)}, and was {_value(then, place)}"
        for place in {**now, **then}
        if now.get(place) != then.get(place)
    ]


def _by_place(statics: Any) -> dict[str, Any]:
    if statics is None:
        return {}
    numbers, names = statics
    return {f"{number}": key for number, key in numbers} | {repr(name): key for name, key in names}


def _value(keys: dict[str, Any], place: str) -> str:
    return _short(shown(keys[place])) if place in keys else "not given this way"


def _axes(axes: tuple) -> str:
    return ", ".join([f"{name!r} of size {size}" for name, size in axes]) or "none"


def _first_call(function: Callable) -> str:
    """That it is the first, and how many functions made by the same line of code were traced before."""
    while isinstance(function, partial):
        function = function.func
    code = getattr(function, "__code__", None)
    if code is None:
        return "first call"
    count = _first_calls[code] = _first_calls.get(code, 0) + 1
    if count < _MANY:
        return "first call"
    return (
        f"first call of this function object; it is the {count}th that the same code made: each is traced anew, so "
        "make the function once, outside of the loop, and pass what changes as an argument"
    )


_first_calls: weakref.WeakKeyDictionary[CodeType, int] = weakref.WeakKeyDictionary()
_MANY = 8


def _hint(kind: tuple, leaf_names: Sequence[str], known: Sequence[tuple]) -> str | None:
    """What to write instead, said at the 8th, 16th, 32nd, … kind that differs in the same respect."""
    alike = [other for other in known if other[_TREEDEF] == kind[_TREEDEF]]
    by_avals = [other for other in alike if other[_STATICS] == kind[_STATICS]]
    count = len(by_avals) + 1
    if _is_time(count):
        columns = zip(*[other[_AVALS] for other in (*by_avals, kind)], strict=True)
        shapes = [len({aval.shape for aval in column}) for column in columns]
        changing = [f"{name} ({n} shapes)" for name, n in zip(leaf_names, shapes, strict=True) if n >= _MANY]
        if changing:
            return (
                f"compiled for {count} kinds of arguments by now, since these change their shapes: "
                f"{', '.join(changing[:_MOST])}; pad them to a few sizes"
            )
    by_statics = [other for other in alike if other[_AVALS] == kind[_AVALS]]
    count = len(by_statics) + 1
    if _is_time(count) and kind[_STATICS] is not None:
        return (
            f"compiled for {count} values of static arguments by now; one that changes often is better no static "
            "argument"
        )
    return None


def _is_time(count: int) -> bool:
    return count >= _MANY and count & (count - 1) == 0
