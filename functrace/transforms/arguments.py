"""What goes into a transform and what comes out: leaves checked on the way in, memory owned on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import Aval, aval_of, describe, float0, short_dtype
from ..core.recording import require_open
from ..core.trace import Tracer
from ..errors import ArgumentError, DtypeError, ShapeError

ndarray = np.ndarray


def as_leaf(value: Any) -> Any:
    """A leaf as a transform takes it: a tracer, a Python or NumPy scalar, or a plain array in native byte order.

    Raises
    ------
    DtypeError
        The leaf is no array of numbers.
    """
    if value.__class__ is ndarray:
        if value.dtype.isnative and value.dtype.kind in "fiubc":
            return value
    elif value.__class__ is float or isinstance(value, Tracer):
        return value
    aval = aval_of(value)
    if isinstance(value, ndarray):
        return np.asarray(value, dtype=aval.dtype)
    return value


def as_leaves(values: Sequence[Any]) -> list[Any]:
    """All of them."""
    return [as_leaf(value) for value in values]


def own(values: Iterable[Any], borrowed: Iterable[Any] = ()) -> list[Any]:
    """Results that are the caller's: each array writable, in memory of its own, none in `borrowed`."""
    seen = {id(value) for value in borrowed}
    owned = []
    for value in values:
        if value.__class__ is ndarray:
            if value.base is not None or id(value) in seen or not value.flags.writeable:
                value = value.copy()
            seen.add(id(value))
        owned.append(value)
    return owned


def fresh(value: Any) -> Any:
    """A copy of an array; scalars and tracers as they are, but no tracer that outlived its trace."""
    return np.array(value) if isinstance(value, ndarray) else require_open(value)


def flatten_result(result: Any, transform: str) -> tuple[list[Any], Any]:
    """The leaves and structure of what a user's function returned, each leaf checked.

    Raises
    ------
    ArgumentError
        A leaf is no array and no number.
    """
    leaves, treedef = tree.flatten(result)
    for position, leaf in enumerate(leaves):
        try:
            leaves[position] = as_leaf(leaf)
        except DtypeError:
            path = tree.keystr(tree.leaves_with_path(result)[position][0])
            raise ArgumentError(
                f"the function given to {transform} should return arrays and numbers, but result{path} is "
                f"{describe(leaf)}",
                instead="return arrays, numbers, or containers of them; what is neither can go through a closure",
            ) from None
    return leaves, treedef


def split_aux(result: Any, transform: str) -> tuple[Any, Any]:
    """The value and the rest that a function returned, as `has_aux` asks.

    Raises
    ------
    ArgumentError
        The result is no pair.
    """
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"{len(result)} entries" if isinstance(result, tuple) else type(result).__name__
        raise ArgumentError(
            f"{transform} with has_aux=True expected the function to return a pair (value, rest), got {got}",
            instead="return value, rest",
        )
    return result


def check_match(kind: str, values: Sequence[Any], avals: Sequence[Aval], names: Sequence[str], transform: str) -> None:
    """Check that tangents or cotangents have the shapes and dtypes of what they belong to."""
    for value, aval, name in zip(values, avals, names, strict=True):
        got = aval_of(value)
        expected = float0 if aval.dtype.kind not in "fc" else aval.dtype
        if got.shape != aval.shape:
            raise ShapeError(
                f"{transform}: the {kind} of {name} should have shape {aval.shape}, got {got.shape}",
                instead=f"give a {kind} with the shape of the value that it belongs to",
            )
        weak = got.weak_type and np.can_cast(got.dtype, expected, "same_kind")
        if got.dtype != expected and not weak:
            raise DtypeError(
                f"{transform}: the {kind} of {name} should have dtype {short_dtype(expected)}, got "
                f"{short_dtype(got.dtype)}",
                instead="numpy.zeros(x.shape, functrace.float0) for an integer or boolean value"
                if expected == float0
                else f"{kind}.astype(numpy.{expected.name})",
            )


def leaf_names(label: str, value: Any) -> list[str]:
    """A name for each leaf of a tree, for errors."""
    return [label + tree.keystr(path) for path, _ in tree.leaves_with_path(value)]
