"""What a convolution's kernel meets, as an array; and the convolution with a kernel of its own at each position."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

from ..core.aval import Shape, canonical_dtype, canonical_shape
from ..errors import ShapeError
from .arrangement import stack
from .conv import transposed_pads
from .conv_numbers import conv_dimension_numbers
from .dot import dot_general
from .indexing import getitem
from .shape import convert_element_type, dtype_of, inverse_permutation, pad, reshape, shape_of, transpose
from .windows import dilated, pads_of, positive_ints, window_count


def conv_general_dilated_patches(
    lhs: Any,
    filter_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The pixels that a kernel of a convolution meets, as the features of its result.

    Parameters
    ----------
    lhs
        The images.
    filter_shape
        The extents of the kernel's spatial axes.
    window_strides, padding, lhs_dilation, rhs_dilation
        As for `conv_general_dilated`.
    dimension_numbers
        As for `conv_general_dilated`; of the kernel's only the order of the spatial axes counts.
    precision
        Accepted; nothing is multiplied.
    preferred_element_type
        The dtype of the result, where it is not that of `lhs`.

    Returns
    -------
    array
        Batch, features and spatial axes as `dimension_numbers` says. The features are each feature of `lhs` in turn
        with all elements of a kernel, these in C order.

    Raises
    ------
    ShapeError, OptionError
        The shapes or the parameters do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> conv_general_dilated_patches(np.arange(4.0).reshape(1, 1, 4), (2,), (1,), "VALID")
    array([[[0., 1., 2.],
            [1., 2., 3.]]])
    """
    what = "conv_general_dilated_patches"
    kernel = canonical_shape(filter_shape)
    shape = shape_of(lhs)
    numbers = conv_dimension_numbers(shape, (1, 1, *kernel), dimension_numbers)
    lhs_dilation = positive_ints(what, "lhs_dilation", lhs_dilation, len(kernel))
    rhs_dilation = positive_ints(what, "rhs_dilation", rhs_dilation, len(kernel))
    strides = positive_ints(what, "window_strides", window_strides, len(kernel))
    images = transpose(lhs, numbers.lhs_spec)
    batch, features, *spatial = shape_of(images)
    extents = [dilated(extent, dilation) for extent, dilation in zip(spatial, lhs_dilation, strict=True)]
    windows = [dilated(extent, dilation) for extent, dilation in zip(kernel, rhs_dilation, strict=True)]
    pads = pads_of(what, padding, extents, windows, strides)
    counts = [window_count(*axis) for axis in zip(extents, windows, strides, pads, strict=True)]
    config = [(0, 0, 0)] * 2 + [(*pair, dilation - 1) for pair, dilation in zip(pads, lhs_dilation, strict=True)]
    padded = pad(images, dtype_of(images).type(0), config)
    met = [
        [slice(k * d, k * d + (count - 1) * stride + 1, stride) if count else slice(0, 0) for k in range(extent)]
        for extent, d, count, stride in zip(kernel, rhs_dilation, counts, strides, strict=True)
    ]
    parts = [getitem(padded, (slice(None), slice(None), *element)) for element in product(*met)]
    out = reshape(stack(parts, 2), (batch, features * prod(kernel), *counts))
    if preferred_element_type is not None:
        out = convert_element_type(out, canonical_dtype(preferred_element_type))
    return transpose(out, inverse_permutation(numbers.out_spec))


def conv_general_dilated_local(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    filter_shape: Sequence[int],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    precision: Any = None,
) -> Any:
    """A convolution with a kernel of its own at each position.

    Parameters
    ----------
    lhs
        The images.
    rhs
        The kernels: output features, all elements of a kernel (in the order of `conv_general_dilated_patches`) and the
        result's spatial axes.
    filter_shape
        The extents of a kernel's spatial axes.
    window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers, precision
        As for `conv_general_dilated`.

    Returns
    -------
    array
        Batch, output features and spatial axes.

    Raises
    ------
    ShapeError, OptionError
        The shapes or the parameters do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> images, kernels = np.ones((1, 1, 4)), np.arange(6.0).reshape(1, 2, 3)
    >>> conv_general_dilated_local(images, kernels, (1,), "VALID", (2,))  # sums over the elements of each kernel
    array([[[3., 5., 7.]]])
    """
    kernel = canonical_shape(filter_shape)
    numbers = conv_dimension_numbers(shape_of(lhs), (1, 1, *kernel), dimension_numbers)
    patches = conv_general_dilated_patches(lhs, kernel, window_strides, padding, lhs_dilation, rhs_dilation, numbers)
    patches, kernels = transpose(patches, numbers.out_spec), transpose(rhs, numbers.rhs_spec)
    rank = len(kernel)
    if shape_of(kernels)[1:] != shape_of(patches)[1:]:
        raise ShapeError(
            f"conv_general_dilated_local expected kernels of {shape_of(patches)[1]} elements at positions "
            f"{shape_of(patches)[2:]}, got {shape_of(kernels)[1]} at {shape_of(kernels)[2:]}"
        )
    positions = tuple(range(2, rank + 2))
    out = dot_general(patches, kernels, (((1,), (1,)), (positions, positions)))
    ahead = transpose(out, (rank, rank + 1, *range(rank)))
    return transpose(ahead, inverse_permutation(numbers.out_spec))


def conv_general_permutations(dimension_numbers: Sequence[str]) -> tuple[Shape, Shape, Shape]:
    """From three strings the axes of each array: its two named ones, then the spatial ones."""
    ndim = len(dimension_numbers[0])
    lhs_spec, rhs_spec, out_spec = conv_dimension_numbers((1,) * ndim, (1,) * ndim, tuple(dimension_numbers))
    return lhs_spec, rhs_spec, out_spec


def conv_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    strides: Sequence[int],
    pads: str | Sequence[tuple[int, int]],
    batch_group_count: int = 1,
) -> Shape:
    """The shape of a convolution of arrays with the batch, or the output features, in front.

    Examples
    --------
    >>> conv_shape_tuple((2, 3, 28, 28), (6, 3, 5, 5), (1, 1), "VALID")
    (2, 6, 24, 24)
    """
    spatial, kernel = canonical_shape(lhs_shape)[2:], canonical_shape(rhs_shape)[2:]
    pairs = pads_of("conv_shape_tuple", pads, spatial, kernel, strides)
    counts = [window_count(*axis) for axis in zip(spatial, kernel, strides, pairs, strict=True)]
    return (lhs_shape[0] // batch_group_count, rhs_shape[0], *counts)


def conv_general_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    dimension_numbers: Any,
) -> Shape:
    """The shape of a convolution.

    Examples
    --------
    >>> conv_general_shape_tuple((2, 28, 28, 3), (5, 5, 3, 6), (1, 1), "SAME", ("NHWC", "HWIO", "NHWC"))
    (2, 28, 28, 6)
    """
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    out = conv_shape_tuple(
        [lhs_shape[axis] for axis in numbers.lhs_spec],
        [rhs_shape[axis] for axis in numbers.rhs_spec],
        window_strides,
        padding,
    )
    return tuple([out[axis] for axis in inverse_permutation(numbers.out_spec)])


def conv_transpose_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    dimension_numbers: Any,
) -> Shape:
    """The shape of a `conv_transpose`; the kernel's output features come first of its two named axes, as there.

    Examples
    --------
    >>> conv_transpose_shape_tuple((2, 14, 14, 3), (5, 5, 6, 3), (2, 2), "SAME", ("NHWC", "HWOI", "NHWC"))
    (2, 28, 28, 6)
    """
    lhs_spec, rhs_spec, out_spec = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    batch, _, *spatial = [lhs_shape[axis] for axis in lhs_spec]
    outputs, _, *kernel = [rhs_shape[axis] for axis in rhs_spec]
    pads = transposed_pads("conv_transpose_shape_tuple", padding, kernel, window_strides)
    counts = [
        window_count(dilated(extent, stride), window, 1, pair)
        for extent, stride, window, pair in zip(spatial, window_strides, kernel, pads, strict=True)
    ]
    out = (batch, outputs, *counts)
    return tuple([out[axis] for axis in inverse_permutation(out_spec)])
