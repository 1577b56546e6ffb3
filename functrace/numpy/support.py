"""What functrace makes of each of NumPy's names, found out by trying: with `jit`, and with `vjp`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..core.trace import Tracer
from ..errors import FunctraceError, ImmutableError
from ..transforms.derivatives import vjp
from ..transforms.jit import jit
from .examples import Example, examples
from .refused import reason

MODULES = ("fft", "linalg")
MISSING = object()


class Row(NamedTuple):
    """What is found of one name."""

    #: NumPy's name, as ``"sin"`` or ``"linalg.det"``.
    name: str
    #: "traced", "NumPy's own" (a constant, a dtype, a function of what is known) or "refused".
    support: str
    #: "yes", "with size=" (or another keyword), or "known values": not under `jit`; "" for what is not traced.
    jit: str
    #: "yes", "zero" (it is constant between its jumps), or "" where there are no floats to differentiate.
    gradient: str
    #: Why not, and what to use.
    note: str


def rows(pattern: str = "") -> list[Row]:
    """A row for each name of NumPy's main namespace, of numpy.linalg and of numpy.fft that contains `pattern`."""
    known = examples()
    return [_row(name, known.get(name)) for name in names() if pattern in name]


def names() -> list[str]:
    """The names: NumPy's public ones."""
    dtypes_of_some_machines = {"complex256", "float128"}
    main = set(np.__all__) - dtypes_of_some_machines - set(MODULES)
    found = [name for name in main if not name.startswith("__")]
    for module in MODULES:
        library = import_module(f"numpy.{module}")
        found += [f"{module}.{name}" for name in getattr(library, "__all__", ()) if name != "test"]
    return sorted(found, key=lambda name: (name.count("."), name.lower(), name))


def named(namespace: Any, name: str) -> Any:
    """What has this name, in NumPy or in functrace.numpy; `MISSING` where there is nothing."""
    for part in name.split("."):
        namespace = getattr(namespace, part, MISSING)
    return namespace


def _row(name: str, example: Example | None) -> Row:
    from functrace import numpy as fnp

    function = named(fnp, name)
    if function is MISSING:
        return Row(name, "refused", "", "", reason(name) or "")
    if example is None:
        return Row(name, "NumPy's own", "", "", "")
    try:
        _run(function, example)
    except ImmutableError as error:
        return Row(name, "refused", "", "", f"it changes an array in place; write {error.instead}")
    except FunctraceError as error:
        if not example.added:
            return Row(name, "traced", "known values", _gradient(function, example), f"write {error.instead}")
        wider = example._replace(kwargs={**example.kwargs, **example.added})
        _run(function, wider)
        return Row(name, "traced", f"with {next(iter(example.added))}=", _gradient(function, wider), "")
    return Row(name, "traced", "yes", _gradient(function, example), "")


def _run(function: Callable, example: Example) -> None:
    """Trace a function by `jit`."""
    leaves, call = _call(function, example, lambda leaf: isinstance(leaf, np.ndarray))

    def run(*values: Any) -> list[Any]:
        return [out for out in tree.leaves(call(values)) if isinstance(out, (Tracer, np.ndarray))]

    jit(run)(*leaves)


def _gradient(function: Callable, example: Example) -> str:
    """Whether derivatives flow from the results to the arguments."""
    leaves, call = _call(function, example, lambda leaf: isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc")
    if not leaves:
        return ""

    def run(*values: Any) -> list[Any]:
        outs = [out for out in tree.leaves(call(values)) if isinstance(out, (Tracer, np.ndarray, np.generic))]
        return [out for out in outs if out.dtype.kind in "fc"]

    outs, pull_back = vjp(run, *leaves)
    if not outs:
        return ""
    weights = [np.reshape(np.arange(1.0, out.size + 1), out.shape).astype(out.dtype) for out in outs]
    return "yes" if any(np.any(part) for part in pull_back(weights)) else "zero"


def _call(function: Callable, example: Example, traced: Callable[[Any], bool]) -> tuple[list[Any], Callable]:
    """Some leaves of the arguments, and the call with others in their place."""
    leaves, structure = tree.flatten((example.args, example.kwargs))
    places = [place for place, leaf in enumerate(leaves) if traced(leaf)]

    def call(values: Sequence[Any]) -> Any:
        given = list(leaves)
        for place, value in zip(places, values, strict=True):
            given[place] = value
        args, kwargs = tree.unflatten(structure, given)
        if isinstance(function, type):  # vectorize, which makes a function of one
            return function(args[0])(*args[1:])
        return function(*args, **kwargs)

    return [leaves[place] for place in places], call


# ---------------------------------------------------------------------------------------------------------------------
# as text
# ---------------------------------------------------------------------------------------------------------------------

HEADER = """# NumPy's names in functrace.numpy

Written by `python -m functrace support --markdown`, which tries each name: `jit` traces it, `vjp` differentiates it.

- **traced**: takes traced values. With no traced value among its arguments it is NumPy's own function.
- **NumPy's own**: a constant, a dtype, or a function of what is known while a function is traced (files, settings).
- **refused**: asking for it, or calling it with a traced value, is an error that says what to use.
- **jit**: "known values" says that the shape of the result depends on values, which `grad`, `jvp` and `vjp` know, but
  not `jit`; a keyword in its place says the size of the result, with which `jit` can trace it.
- **gradient**: "zero" where a function is constant between its jumps; empty where nothing is a float.
"""

_TITLES = Row("name", "support", "jit", "gradient", "note")


def markdown(found: Iterable[Row]) -> str:
    """The page that shows these rows."""
    lines = [HEADER, f"NumPy {'.'.join(np.__version__.split('.')[:2])}.", ""]
    lines += [_line(_TITLES), _line(Row(*["---"] * 5))]
    lines += [_line(row._replace(name=f"`{row.name}`")) for row in found]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    return "| " + " | ".join(row) + " |"


def text(found: Iterable[Row]) -> str:
    """These rows in columns."""
    chosen = [_TITLES, *found]
    widths = [max(len(row[column]) for row in chosen) for column in range(len(_TITLES) - 1)]
    return "\n".join(
        "  ".join([*[cell.ljust(width) for cell, width in zip(row, widths, strict=False)], row.note]).rstrip()
        for row in chosen
    )
