"""Data: a pytree of arrays with one leading extent, the number of examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import tree
from ..errors import ArgumentError, DtypeError, OptionError, ShapeError


def checked_data(data: Any, function: str) -> tuple[Any, int]:
    """The data with NumPy arrays as leaves, and the number of examples.

    Raises
    ------
    ArgumentError, DtypeError
        There are no leaves, or a leaf is no array.
    ShapeError
        A leaf is a scalar, or the leaves have different numbers of examples; the error names the leaf.
    """
    pairs, treedef = tree.flatten_with_path(data)
    if not pairs:
        raise ArgumentError(f"{function}: the data has no arrays", instead="an array, or a pytree of arrays: (x, y)")
    arrays = []
    for path, leaf in pairs:
        array = np.asarray(leaf)
        if array.dtype == object:
            raise DtypeError(f"{function}: data{tree.keystr(path)} is no array of numbers, but {type(leaf).__name__}")
        if not array.ndim:
            raise ShapeError(
                f"{function}: data{tree.keystr(path)} is one number, expected an array with a row for each example",
                instead="numpy.asarray for lists of numbers",
            )
        arrays.append(array)
    size = len(arrays[0])
    for (path, _), array in zip(pairs, arrays, strict=True):
        if len(array) != size:
            raise ShapeError(
                f"{function}: data{tree.keystr(path)} has {len(array)} examples, and data{tree.keystr(pairs[0][0])} "
                f"has {size}",
                instead="arrays with the same first extent",
            )
    return treedef.unflatten(arrays), size


def rows(data: Any, indices: Any) -> Any:
    """The examples of these numbers, as new arrays."""
    return tree.map(lambda array: array.take(indices, 0), data)


def whole_number(value: Any, least: int, function: str, name: str) -> int:
    """`value`, or an error if it is no int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ArgumentError(f"{function} expected an int as {name}, got {value!r}")
    if value < least:
        raise OptionError(f"{function} expected {name} of at least {least}, got {value}")
    return int(value)
