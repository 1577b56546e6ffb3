"""Indices drawn by Hypothesis, and functions of an array and of the index arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


@st.composite
def mixed_indices(draw, shape):
    """An index of ints, slices, None, Ellipsis, integer arrays (which may repeat) and a mask, in any order."""
    block = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    entries = []
    axis, arrays = 0, 0
    last = draw(st.integers(0, len(shape)))
    while axis < last:
        extent = shape[axis]
        kinds = ["slice"]
        if extent:
            kinds.append("int")
            if arrays < 2:
                kinds.extend(["array", "array"])
        if arrays == 0 and block == ():
            kinds.append("mask")
        kind = draw(st.sampled_from(kinds))
        if kind == "slice":
            entries.append(draw(st.slices(extent)))
        elif kind == "int":
            entries.append(draw(st.integers(-extent, extent - 1)))
        elif kind == "mask":
            entries.append(draw(hnp.arrays(bool, (extent,))))
            block, arrays = None, 2
        else:
            part = tuple([draw(st.sampled_from([1, n])) if n else n for n in block])
            part = part[draw(st.integers(0, len(part))) :]
            entries.append(draw(hnp.arrays(np.intp, part, elements=st.integers(-extent, extent - 1))))
            arrays += 1
        axis += 1
    for _ in range(draw(st.integers(0, 2))):
        entries.insert(draw(st.integers(0, len(entries))), None)
    if draw(st.booleans()):
        if draw(st.booleans()):
            entries.append(Ellipsis)
        else:  # entries behind the Ellipsis stand for the last axes only if it stands for none
            missing = len(shape) - axis
            if missing == 0:
                entries.insert(draw(st.integers(0, len(entries))), Ellipsis)
    return tuple(entries)


@st.composite
def shapes_and_indices(draw, min_side=0):
    """A shape and an index: one of Hypothesis' own basic or integer array indices, or a mixed one."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=min_side, max_side=4))
    choices = [mixed_indices(shape), hnp.basic_indices(shape, allow_newaxis=True)]
    if shape and 0 not in shape:
        choices.append(
            hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3), dtype=np.int64)
        )
    return shape, draw(st.one_of(choices))


def split(index):
    """The integer arrays in an index, and a function that puts others in their place."""
    entries = index if isinstance(index, tuple) else (index,)
    places = [place for place, e in enumerate(entries) if isinstance(e, np.ndarray) and e.dtype.kind == "i"]

    def assemble(arrays):
        filled = list(entries)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        return tuple(filled)

    return [entries[place] for place in places], assemble
