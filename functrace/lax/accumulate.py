"""Writing at the places of an index, where an element may come more than once: NumPy's part of scatter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Shape
from .index import ARRAY, Index, layout_of

ndarray = np.ndarray
_FULL = slice(None)

# `ufunc.at` takes 7 ns an element with any index, and 1 ns where array, index and updates have one axis; to get there
# takes as long as this many elements in the slow way.
_FEW = 512


def put(out: ndarray, index: Index, arrays: Sequence[Any], updates: Any) -> None:
    """``out[index] = updates``; where an element comes twice, the last update in C order stays."""
    if index.unique or (len(arrays) == 1 and arrays[0].ndim == 1):
        out[index.assemble(arrays)] = updates
        return
    # NumPy goes through index arrays of several axes in the order of their memory
    cells = _Cells(out, index, arrays, updates)
    cells.target[cells.rows] = cells.updates
    cells.write_back()


def accumulate(ufunc: np.ufunc, out: ndarray, index: Index, arrays: Sequence[Any], updates: Any) -> None:
    """``out[index] = ufunc(out[index], updates)``, once for each time that an element comes."""
    if index.unique:
        place = index.assemble(arrays)
        view = out[place]
        if arrays or not view.ndim:
            out[place] = ufunc(view, updates)
        else:
            ufunc(view, updates, out=view)
        return
    if _accumulate_directly(ufunc, out, index, arrays, updates):
        return
    cells = _Cells(out, index, arrays, updates)
    if cells.distinct():
        cells.target[cells.rows] = ufunc(cells.target[cells.rows], cells.updates)
    else:
        cells.accumulate(ufunc)
    cells.write_back()


def accumulate_onto_zeros(shape: Shape, index: Index, arrays: Sequence[Any], updates: Any) -> ndarray:
    """Zeros of this shape with `updates` added at the index."""
    out = np.zeros(shape, updates.dtype)
    if index.unique:
        out[index.assemble(arrays)] = updates
    elif not _accumulate_directly(np.add, out, index, arrays, updates):
        cells = _Cells(out, index, arrays, updates)
        if cells.distinct():
            cells.target[cells.rows] = cells.updates
        else:
            cells.accumulate(np.add)
        cells.write_back()
    return out


def _accumulate_directly(ufunc: np.ufunc, out: ndarray, index: Index, arrays: Sequence[Any], updates: Any) -> bool:
    """Accumulate as NumPy does, where that is fast or the updates are few; whether that is so."""
    shape = layout_of(out, index, arrays).shape
    is_line = out.ndim == 1 and len(arrays) == 1
    if not is_line and math.prod(shape) > _FEW:
        return False
    if updates.ndim and updates.shape != shape:
        updates = np.broadcast_to(updates, shape)
    if is_line:  # of the forms that mean the same the one that NumPy (2.4) is fast with, and makes no mistake with
        ufunc.at(out, arrays[0].reshape(-1), updates.reshape(-1) if updates.ndim else updates)
    else:
        ufunc.at(out, index.assemble(arrays), updates)
    return True


class _Cells:
    """An array as a matrix whose rows are the cells among which the index arrays choose.

    Attributes
    ----------
    target
        The matrix: a view of the array where there can be one, else a copy, for `write_back`.
    rows
        The row of each update, from 0 on, in one axis.
    updates
        The updates, a row each.
    """

    __slots__ = ("rows", "target", "updates", "view")

    def __init__(self, out: ndarray, index: Index, arrays: Sequence[Any], updates: Any) -> None:
        plan = layout_of(out, index, arrays)
        rank, position = len(plan.block), plan.position
        updates = np.broadcast_to(updates, plan.shape)
        if position:  # the block of the arrays' axes to the front
            block = range(position, position + rank)
            updates = updates.transpose(*block, *[axis for axis in range(updates.ndim) if axis not in block])
        self.view = _arrays_first(out, index)
        extents = self.view.shape[: len(arrays)]
        size = math.prod(self.view.shape[len(arrays) :])
        self.rows = np.broadcast_to(row_numbers(extents, arrays), plan.block).reshape(-1)
        self.target = np.ascontiguousarray(self.view).reshape(math.prod(extents), size)
        self.updates = updates.reshape(self.rows.size, size)

    def distinct(self) -> bool:
        """Whether no row comes twice; only asked where the answer is cheaper than doing without."""
        rows = self.rows
        count = len(rows)
        if self.target.shape[1] == 1 or count > len(self.target):
            return False
        last = np.empty(len(self.target), np.intp)
        numbers = np.arange(count)
        last[rows] = numbers
        return bool((last[rows] == numbers).all())

    def accumulate(self, ufunc: np.ufunc) -> None:
        """Apply the ufunc element by element, each in one axis, where `ufunc.at` is fast."""
        size = self.target.shape[1]
        elements = self.rows if size == 1 else (self.rows[:, None] * size + np.arange(size)).reshape(-1)
        ufunc.at(self.target.reshape(-1), elements, self.updates.reshape(-1))

    def write_back(self) -> None:
        """Bring a copy's values to the array."""
        if not np.may_share_memory(self.target, self.view):
            self.view[...] = self.target.reshape(self.view.shape)


def row_numbers(extents: Shape, arrays: Sequence[Any]) -> Any:
    """What the arrays choose in an array of these extents, counted in C order from 0."""
    rows: Any = 0
    for axis, (array, extent) in enumerate(zip(arrays, extents, strict=True)):
        positions = np.asarray(array, np.intp)
        if positions.size:
            low, high = positions.min(), positions.max()
            if low < -extent or high >= extent:
                raise IndexError(
                    f"index {low if low < -extent else high} is out of bounds for axis {axis} with size {extent}"
                )
            if low < 0:
                positions = np.where(positions < 0, positions + extent, positions)
        rows = rows * extent + positions
    return rows


def _arrays_first(out: ndarray, index: Index) -> ndarray:
    """A view of the part of `out` that the static entries choose, the axes of the arrays in front."""
    view = out[tuple([_FULL if entry is ARRAY else entry for entry in index.entries])]
    chosen = []
    axis = 0
    ellipsis = view.ndim - sum([entry.__class__ is not int and entry is not Ellipsis for entry in index.entries])
    for entry in index.entries:
        if entry is Ellipsis:
            axis += ellipsis
        elif entry.__class__ is not int:
            if entry is ARRAY:
                chosen.append(axis)
            axis += 1
    return view.transpose(*chosen, *[axis for axis in range(view.ndim) if axis not in chosen])
