"""Splits of data: training and validation, and k folds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import random
from ..errors import OptionError
from .data import checked_data, rows, whole_number


def train_validation_split(key: Any, data: Any, fraction: float) -> tuple[Any, Any]:
    """Data in random order, cut in two: to train on, and held out.

    Parameters
    ----------
    key
        Of `functrace.random`; the same key gives the same split.
    data
        A pytree of arrays with one leading extent.
    fraction
        The share that is held out, between 0 and 1.

    Returns
    -------
    train, validation
        Pytrees of the structure of `data`.

    Raises
    ------
    ShapeError
        The leaves have different leading extents.
    OptionError
        One of the two would have no example.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import random
    >>> train, validation = train_validation_split(random.key(0), np.arange(10), 0.2)
    >>> len(train), len(validation)
    (8, 2)
    """
    data, size = checked_data(data, "train_validation_split")
    if not 0 < fraction < 1:
        raise OptionError(f"train_validation_split expected a fraction between 0 and 1, got {fraction!r}")
    held_out = round(fraction * size)
    if not 0 < held_out < size:
        raise OptionError(
            f"train_validation_split: {fraction} of {size} examples are {held_out}, and both parts need one at least"
        )
    order = random.permutation(key, size)
    return rows(data, order[held_out:]), rows(data, order[:held_out])


def k_fold(key: Any, data_or_size: Any, k: int) -> Iterator[tuple[Any, Any]]:
    """The k ways to hold out one of k parts, for cross-validation.

    Parameters
    ----------
    key
        Of `functrace.random`; the same key gives the same folds.
    data_or_size
        A pytree of arrays with one leading extent; or the number of examples, for pairs of indices.
    k
        How many parts, at least 2. Their sizes differ by at most one.

    Yields
    ------
    train, validation
        Pytrees of the structure of the data (or arrays of indices). Each example is held out once.

    Raises
    ------
    ShapeError
        The leaves have different leading extents.
    OptionError
        There are fewer examples than parts.

    Examples
    --------
    >>> from functrace import random
    >>> [(len(train), len(validation)) for train, validation in k_fold(random.key(0), 5, 2)]
    [(2, 3), (3, 2)]
    """
    if isinstance(data_or_size, (int, np.integer)):
        size = whole_number(data_or_size, 1, "k_fold", "a number of examples")
        data = np.arange(size)
    else:
        data, size = checked_data(data_or_size, "k_fold")
    k = whole_number(k, 2, "k_fold", "k")
    if k > size:
        raise OptionError(f"k_fold: {size} examples cannot be cut into {k} parts")
    parts = np.array_split(random.permutation(key, size), k)

    def folds() -> Iterator[tuple[Any, Any]]:
        for number, part in enumerate(parts):
            others = np.concatenate([*parts[:number], *parts[number + 1 :]])
            yield rows(data, others), rows(data, part)

    return folds()
