"""Minibatches: all examples once, in an order drawn by a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import random
from ..errors import OptionError
from .data import checked_data, rows, whole_number


def minibatches(key: Any, data: Any, batch_size: int, *, drop_last: bool = False) -> Minibatches:
    """Data in random order, cut into batches.

    Parameters
    ----------
    key
        Of `functrace.random`. The same key gives the same batches; for another epoch take another one, as
        ``random.fold_in(key, epoch)``.
    data
        A pytree of arrays with one leading extent, such as ``(images, labels)``.
    batch_size
        How many examples a batch has.
    drop_last
        Whether to leave out the last batch where it is smaller.

    Returns
    -------
    Minibatches
        A sequence of pytrees of the structure of `data`. A batch is cut when it is asked for.

    Raises
    ------
    ShapeError
        The leaves have different leading extents.
    OptionError
        `batch_size` is below 1, or above the number of examples.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import random
    >>> batches = minibatches(random.key(0), {"x": np.arange(5)}, 2)
    >>> len(batches), sorted(int(x) for batch in batches for x in batch["x"])
    (3, [0, 1, 2, 3, 4])
    """
    data, size = checked_data(data, "minibatches")
    batch_size = whole_number(batch_size, 1, "minibatches", "batch_size")
    if batch_size > size:
        raise OptionError(f"minibatches: a batch of {batch_size} is larger than the data, which has {size} examples")
    order = random.permutation(key, size)
    end = size - size % batch_size if drop_last else size
    return Minibatches(data, [order[start : start + batch_size] for start in range(0, end, batch_size)])


class Minibatches(Sequence[Any]):
    """A sequence of batches: ``len``, iteration, ``batches[3]``, ``batches[3:]``."""

    def __init__(self, data: Any, cuts: Sequence[Any]) -> None:
        self._data = data
        self._cuts = cuts

    def __len__(self) -> int:
        return len(self._cuts)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return Minibatches(self._data, self._cuts[number])
        return rows(self._data, self._cuts[number])
