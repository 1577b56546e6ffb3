"""Results compared to the last bit, and programs to compare them by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import functrace
from functrace import tree


def assert_same(got: Any, expected: Any) -> None:
    """Structures, types, shapes, dtypes and bits are the same; of named tuples the fields."""
    got_leaves, got_tree = tree.flatten(got)
    leaves, structure = tree.flatten(expected)
    assert got_tree == structure
    for x, y in zip(got_leaves, leaves, strict=True):
        assert type(x) is type(y)
        assert (np.shape(x), np.asarray(x).dtype) == (np.shape(y), np.asarray(y).dtype)
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes(), (x, y)


def with_gradient(function: Callable) -> Callable:
    """A function that gives a function's result and the cotangents of its arguments."""

    def value_and_cotangents(*args: Any) -> Any:
        out, back = functrace.vjp(function, *args)
        cotangents = back(tree.map(lambda x: x * 0 + 1 if x.dtype.kind in "fc" else _nothing(x), out))
        return out, [ct for ct, arg in zip(cotangents, args, strict=True) if np.asarray(arg).dtype.kind in "fc"]

    return value_and_cotangents


def _nothing(x: Any) -> np.ndarray:
    return np.zeros(x.shape, functrace.float0)
