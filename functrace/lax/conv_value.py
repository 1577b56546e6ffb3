"""A convolution's value: matrix products over windows.

Everything here is about arrays whose axes are x[group, image, channel, *spatial], w[group, output, channel, *kernel]
and y[group, image, output, *positions], in any order in memory, with

    y[g, n, o, p] = sum over c, k of x[g, n, c, p·stride + k·dilation - low] · w[g, o, c, k].

The gradient of a kernel is such a sum too: its images are the channels, its channels the images, and its kernel the
cotangent, which is larger than the result. Nothing here asks which of the two it is: the layout in memory and the
extents say which arrangement is fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..compiler.runtime import in_blocks
from .windows import Sweep, all_phases


def convolve(
    x: np.ndarray,
    w: np.ndarray,
    y: np.ndarray,
    strides: tuple[int, ...],
    lows: tuple[int, ...],
    lhs_dilation: tuple[int, ...],
    rhs_dilation: tuple[int, ...],
) -> None:
    """Write the convolution of `x` and `w` into `y`.

    Where `x` is dilated, the windows are sorted by which elements of the kernel meet elements of `x` and not the holes
    between them: each such phase is a convolution without holes, and no product with a zero is ever made.
    """
    if not y.size:
        return
    if not x.size or not w.size:
        y[...] = 0
        return
    spatial = (slice(None),) * 3
    extents, kernel, counts = x.shape[3:], w.shape[3:], y.shape[3:]
    for axes in all_phases(extents, kernel, counts, strides, lows, lhs_dilation, rhs_dilation):
        part = y[(*spatial, *[phase.windows for phase in axes])]
        elements = w[(*spatial, *[phase.elements for phase in axes])]
        sweeps = tuple([phase.sweep for phase in axes])
        if not elements.size:
            part[...] = 0
        elif _scattering_is_cheaper(x, elements, part, sweeps):
            _scatter(x, elements, part, sweeps)
        else:
            _gather(x, elements, part, sweeps)


# ---------------------------------------------------------------------------------------------------------------------
# gather: copy the windows of some images into a matrix, and multiply
# ---------------------------------------------------------------------------------------------------------------------
#
# Measured: milliseconds for layers of LeNet (64 images) and of ResNet-18 (16 images), float32, two cores.
#
#                                             5x5, 1 to 6   5x5, 6 to 16   3x3, 64   3x3, 128   3x3, 512
#                                               of 28x28       of 12x12    of 56x56  of 28x28    of 7x7
#     the matrix product alone                     0.13           0.12        21.4      17.5       16.3
#     windows copied, a few images at a time       0.40           0.53        23.6      20.1       18.3
#     windows copied, all at once                  0.40           0.73        30.6      21.8       50.3
#     channels last, copied along rows alone       0.42           0.66        38.2      25.2       26.9
#     a product for each element of the kernel    12.1            5.8         25.3      25.0       53.9
#
# The copy is a sixth of the work, so that nothing is won where less is copied. What counts is that the matrix stays in
# the cache, that the product has many columns, and that long runs are copied: images of 12x12 pixels with the batch
# innermost take 0.44 ms, where the rows are innermost 0.62 ms (one core).

_BLOCK_BYTES = 1 << 21  # of the windows of several images together
_IMAGE_BYTES = 1 << 23  # of the windows of one image; where they are more, it is cut along the first spatial axis
_COLUMNS = 768  # a product with fewer columns is slow: then more images go into it than fit into the cache
_SHORT_RUN = 16  # elements that follow each other in memory: fewer are slow to copy
_THREADED_BYTES = 3 << 19  # a copy of fewer is done before a second thread has woken

_GROUP, _IMAGE, _CHANNEL, _SPATIAL = range(4)  # axes; windows have the positions from _SPATIAL on, then the kernel


def _gather(x: np.ndarray, w: np.ndarray, y: np.ndarray, sweeps: tuple[Sweep, ...]) -> None:
    # The blocks are of images: what is outermost in memory. In the gradient of a kernel they are what is summed over.
    image = max((_IMAGE, _CHANNEL), key=lambda axis: (abs(x.strides[axis]), x.shape[axis]))
    counts, kernel = y.shape[_SPATIAL:], w.shape[_SPATIAL:]
    image_bytes = prod((*x.shape[:_SPATIAL], *counts, *kernel)) // (x.shape[_GROUP] * x.shape[image]) * y.itemsize
    size = _images_in_block(x.shape[image], image_bytes, _BLOCK_BYTES, prod(counts if image == _IMAGE else kernel))
    spans = _spans(sweeps)
    order = _memory_order(x)
    room = None
    seen_again = min(prod(counts), prod(kernel)) > 1  # else each element stands in one place: what is copied once more
    if seen_again and _run_in_order(x, sweeps, order) < min(_SHORT_RUN, size):
        order = (*[axis for axis in order if axis != image], image)
        room = _zeros(x, spans, order, image, size, y.dtype)
    elif any(span.place != slice(0, span.extent) for span in spans):
        room = _zeros(x, spans, order, image, size, y.dtype)
    for start in range(0, x.shape[image], size):
        images = (*[slice(None)] * image, slice(start, start + size))
        windows = _windows(x[images], sweeps, spans, room, image)
        if image == _IMAGE:
            _multiply(windows, w, y[images], image_bytes, image, added=False)
        else:
            _multiply(windows, w[images], y, image_bytes, image, added=start > 0)


def _images_in_block(images: int, image_bytes: int, block_bytes: int, width: int) -> int:
    wide_enough = min(-(-_COLUMNS // width), 2 * _IMAGE_BYTES // image_bytes)
    return min(max(block_bytes // image_bytes, wide_enough, 1), images)


class _Span(NamedTuple):
    """What the windows cover along an axis: its extent, which part of the array that is, and where it stands in it.

    The rest is padding.
    """

    extent: int
    inside: slice
    place: slice


@lru_cache(maxsize=1024)
def _spans(sweeps: tuple[Sweep, ...]) -> tuple[_Span, ...]:
    spans = []
    for sweep in sweeps:
        extent = (sweep.positions - 1) * sweep.stride + (sweep.window - 1) * sweep.dilation + 1
        first = min(max(-sweep.low, 0), sweep.extent)
        last = min(max(extent - sweep.low, first), sweep.extent)
        begin = max(sweep.low, 0) if last > first else 0
        spans.append(_Span(extent, slice(first, last), slice(begin, begin + last - first)))
    return tuple(spans)


def _memory_order(x: np.ndarray) -> tuple[int, ...]:
    """The axes, the outermost in memory first."""
    return tuple(sorted(range(x.ndim), key=lambda axis: (-abs(x.strides[axis]), axis)))


def _run_in_order(x: np.ndarray, sweeps: tuple[Sweep, ...], order: Sequence[int]) -> int:
    """About how many elements of the windows follow each other in memory."""
    run = 1
    for axis in reversed(order):
        if x.shape[axis] > 1:
            if axis >= _SPATIAL:
                return run * max(sweeps[axis - _SPATIAL].positions if run == 1 else 1, sweeps[axis - _SPATIAL].window)
            run *= x.shape[axis]
    return run


def _zeros(
    x: np.ndarray, spans: Sequence[_Span], order: Sequence[int], image: int, size: int, dtype: np.dtype
) -> np.ndarray:
    """Room for the images of a block, in this order in memory. What is padding stays zero from block to block."""
    shape = [*x.shape[:_SPATIAL], *[span.extent for span in spans]]
    shape[image] = size
    return np.zeros([shape[axis] for axis in order], dtype).transpose(np.argsort(order))


def _windows(
    x: np.ndarray, sweeps: tuple[Sweep, ...], spans: Sequence[_Span], room: np.ndarray | None, image: int
) -> np.ndarray:
    """The windows as a view with the axes group, image, channel, *positions, *kernel."""
    inside: tuple[Any, ...] = (..., *[span.inside for span in spans])
    covered = x[inside]
    if room is not None:
        padded = room[(*[slice(None)] * image, slice(0, x.shape[image]))]
        place: tuple[Any, ...] = (..., *[span.place for span in spans])
        _copy(padded[place], covered)
        covered = padded
    steps = covered.strides[_SPATIAL:]
    return as_strided(
        covered,
        (*covered.shape[:_SPATIAL], *[sweep.positions for sweep in sweeps], *[sweep.window for sweep in sweeps]),
        (
            *covered.strides[:_SPATIAL],
            *[step * sweep.stride for step, sweep in zip(steps, sweeps, strict=True)],
            *[step * sweep.dilation for step, sweep in zip(steps, sweeps, strict=True)],
        ),
    )


def _multiply(windows: np.ndarray, w: np.ndarray, y: np.ndarray, image_bytes: int, image: int, added: bool) -> None:
    """Write the products of windows and kernels into `y`, or add them to it."""
    rank = w.ndim - _SPATIAL
    positions, kernel = range(_SPATIAL, _SPATIAL + rank), range(_SPATIAL + rank, _SPATIAL + 2 * rank)
    # On both sides of the product the axes come in the order in which they are in memory, the outermost first, and
    # inside stands the side along which longer runs can be copied.
    kept = sorted((_IMAGE, *positions), key=lambda axis: -abs(windows.strides[axis]))
    summed = sorted((_CHANNEL, *kernel), key=lambda axis: -abs(windows.strides[axis]))
    summed_inside = _run(windows, summed) > _run(windows, kept)
    outside, inside = (kept, summed) if summed_inside else (summed, kept)
    rows = w.astype(y.dtype, copy=False).transpose((0, 1, *[2 if axis == _CHANNEL else axis - rank for axis in summed]))
    results = y.transpose((0, 2, *[1 if axis == _IMAGE else axis for axis in kept]))
    buffer = None
    for block in _blocks(windows.shape, image_bytes, image, (positions if image == _IMAGE else kernel)[:1]):
        part = windows[block].transpose((_GROUP, *outside, *inside))
        columns = _as_matrices(part, 1 + len(outside), y.dtype)
        if columns is None:
            if buffer is None:
                buffer = np.empty(part.size, y.dtype)  # the first block is the largest
            copied = buffer[: part.size].reshape(part.shape)
            _copy(copied, part)
            columns = copied.reshape((part.shape[0], prod(part.shape[1 : 1 + len(outside)]), -1))
        if summed_inside:
            columns = columns.swapaxes(1, 2)
        factor = rows[(block[_GROUP], slice(None), *[block[axis] for axis in summed])]
        factor = factor.reshape((*factor.shape[:2], -1))
        target = results[(block[_GROUP], slice(None), *[block[axis] for axis in kept])]
        if added or any(block[axis].start for axis in summed):
            target += np.matmul(factor, columns).reshape(target.shape)
            continue
        direct = _as_matrices(target, 2, y.dtype)
        if direct is not None:
            np.matmul(factor, columns, out=direct)
        else:
            target[...] = np.matmul(factor, columns).reshape(target.shape)


def _run(windows: np.ndarray, axes: Sequence[int]) -> float:
    """How many elements follow each other in memory along the last of these axes; fewer count where they have gaps."""
    length, step = 1, windows.itemsize
    for axis in reversed(axes):
        extent, stride = windows.shape[axis], abs(windows.strides[axis])
        if extent == 1:
            continue
        if length == 1:
            step = stride
        elif stride != length * step:
            break
        length *= extent
    return length if step == windows.itemsize else length / 3


def _blocks(
    shape: Sequence[int], image_bytes: int, image: int, first_spatial: Sequence[int]
) -> Iterator[tuple[slice, ...]]:
    """The windows of some images in blocks: of groups where one has little, of a part of an image where it is much."""
    sizes = list(shape)
    if image_bytes > _IMAGE_BYTES and first_spatial:
        axis = first_spatial[0]
        sizes[axis] = max(shape[axis] * _IMAGE_BYTES // image_bytes, 1)
        sizes[_GROUP] = 1
    else:
        sizes[_GROUP] = min(max(_BLOCK_BYTES // (shape[image] * image_bytes), 1), shape[_GROUP])
    cuts = [
        [slice(start, min(start + size, extent)) for start in range(0, extent, size)]
        for extent, size in zip(shape, sizes, strict=True)
    ]
    return product(*cuts)


def _as_matrices(view: np.ndarray, split: int, dtype: np.dtype) -> np.ndarray | None:
    """`view` with its axes from 1 to `split` merged into rows, the others into columns, as BLAS takes it.

    None where that would need a copy.
    """
    rows, columns = _merged(view, 1, split), _merged(view, split, view.ndim)
    if rows is None or columns is None or view.dtype != dtype:
        return None
    (height, down), (width, across), item = rows, columns, view.itemsize
    if height == 1:
        down = width * item
    if width == 1:
        across = item if down >= item else height * item
    by_rows = across == item and down >= width * item and not down % item
    by_columns = down == item and across >= height * item and not across % item
    if not by_rows and not by_columns:
        return None
    return as_strided(view, (view.shape[0], height, width), (view.strides[0], down, across))


def _merged(view: np.ndarray, start: int, stop: int) -> tuple[int, int] | None:
    """The extent and the stride of these axes as one; None where they are none."""
    length, stride = 1, 0
    for extent, step in zip(view.shape[start:stop][::-1], view.strides[start:stop][::-1], strict=True):
        if extent == 1:
            continue
        if length == 1:
            stride = step
        elif step != length * stride:
            return None
        length *= extent
    return length, stride


def _copy(target: np.ndarray, source: np.ndarray) -> None:
    """Copy, on several threads where it is much."""
    axis = next((axis for axis, extent in enumerate(target.shape) if extent > 1), None)
    if axis is None or target.nbytes < _THREADED_BYTES:
        target[...] = source
        return
    lead = (slice(None),) * axis

    def run(start: int, stop: int) -> None:
        target[(*lead, slice(start, stop))] = source[(*lead, slice(start, stop))]

    in_blocks(run, target.shape[axis], 1)


# ---------------------------------------------------------------------------------------------------------------------
# scatter: multiply first, and add what each element of the kernel gives where it belongs
# ---------------------------------------------------------------------------------------------------------------------

# The gradients of images of the layers above, on one core: of the 5x5 kernels 0.9 ms for 2.9 and 1.6 for 2.7, of a 7x7
# kernel from 3 to 64 channels with stride 2 60 ms for 325. From 1 to 2 elements both take the same time.
_FEWER = 1.5  # elements that gathering copies for one that is added here
_PRODUCT_BYTES = 1 << 20  # of the products of several images together


def _scattering_is_cheaper(x: np.ndarray, w: np.ndarray, y: np.ndarray, sweeps: tuple[Sweep, ...]) -> bool:
    """Whether few channels come of many: then the products are fewer than the windows' elements."""
    outputs, channels, elements = w.shape[1], w.shape[2], prod(w.shape[3:])
    pixels, positions = prod(x.shape[_SPATIAL:]), prod(y.shape[_SPATIAL:])
    return (
        1 < elements <= positions
        and all(sweep.stride == 1 for sweep in sweeps)
        and channels * positions > _FEWER * outputs * pixels
    )


def _scatter(x: np.ndarray, w: np.ndarray, y: np.ndarray, sweeps: tuple[Sweep, ...]) -> None:
    groups, outputs, channels = w.shape[:_SPATIAL]
    kernel, extents = w.shape[_SPATIAL:], x.shape[_SPATIAL:]
    # a row for each element of the kernel and each output; the images inside, so that long runs are added
    matrix = np.moveaxis(w, (1, 2), (-2, -1)).astype(y.dtype, copy=False).reshape((groups, -1, channels))
    images = x.shape[_IMAGE]
    image_bytes = groups * matrix.shape[1] * prod(extents) * y.itemsize
    size = _images_in_block(images, image_bytes, _PRODUCT_BYTES, prod(extents))
    place = [[sweep.met(k) for k in range(extent)] for sweep, extent in zip(sweeps, kernel, strict=True)]
    for start in range(0, images, size):
        part = np.moveaxis(x[:, start : start + size], 1, -1)
        count = part.shape[-1]
        columns = part.astype(y.dtype, copy=False).reshape((groups, channels, -1))
        products = np.matmul(matrix, columns).reshape((groups, *kernel, outputs, *extents, count))
        total = np.zeros((groups, outputs, *y.shape[_SPATIAL:], count), y.dtype)
        for element in np.ndindex(kernel):
            met = [along[k] for along, k in zip(place, element, strict=True)]
            target = total[(slice(None), slice(None), *[positions for positions, _ in met])]
            target += products[(slice(None), *element, slice(None), *[elements for _, elements in met])]
        y[:, start : start + size] = np.moveaxis(total, -1, 1)
