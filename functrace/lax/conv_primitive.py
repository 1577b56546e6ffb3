"""The convolution as a primitive: bilinear, and each derivative of it a convolution again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import Aval, Shape, aval_of
from ..core.primitive import Primitive
from ..errors import OptionError, ShapeError
from .conv_numbers import ConvDimensionNumbers
from .conv_value import convolve
from .shape import convert_element_type, dtype_of, move_axis, reshape, rev, shape_of, transpose
from .windows import Padding, dilated, exact_padding, window_count

_Axes = tuple[int, ...]
_Numbers = tuple[_Axes, _Axes, _Axes]  # ConvDimensionNumbers as a plain tuple, of which compiled source can be made


class ConvParams(NamedTuple):
    """The parameters of the primitive, by name; the padding is always pairs."""

    window_strides: tuple[int, ...]
    padding: Padding
    lhs_dilation: tuple[int, ...]
    rhs_dilation: tuple[int, ...]
    dimension_numbers: _Numbers
    feature_group_count: int
    batch_group_count: int


class _Extents(NamedTuple):
    """The extents of a convolution, by their meaning."""

    batch: int
    features: int
    spatial: Shape
    outputs: int
    inputs: int
    kernel: Shape


def _extents(lhs: Shape, rhs: Shape, numbers: _Numbers) -> _Extents:
    lhs_spec, rhs_spec, _ = numbers
    batch, features, *spatial = [lhs[axis] for axis in lhs_spec]
    outputs, inputs, *kernel = [rhs[axis] for axis in rhs_spec]
    return _Extents(batch, features, tuple(spatial), outputs, inputs, tuple(kernel))


@lru_cache(maxsize=4096)
def convolution_aval(lhs: Aval, rhs: Aval, **params: Any) -> Aval:
    """What a convolution gives; an error where the shapes do not fit."""
    window_strides, padding, lhs_dilation, rhs_dilation, numbers, feature_groups, batch_groups = ConvParams(**params)
    batch, features, spatial, outputs, inputs, kernel = _extents(lhs.shape, rhs.shape, numbers)
    shapes = f"got shapes {lhs.shape} and {rhs.shape} with {ConvDimensionNumbers(*numbers)}"
    if feature_groups > 1 and batch_groups > 1:
        raise OptionError(
            "conv_general_dilated expected groups of features or of the batch but not of both, got "
            f"feature_group_count={feature_groups} and batch_group_count={batch_groups}"
        )
    if features != inputs * feature_groups:
        raise ShapeError(
            f"conv_general_dilated expected lhs to have {inputs} features for each of {feature_groups} groups, as "
            f"many as the kernel's input features, and found {features}: {shapes}",
            instead="dimension_numbers that say which axis is what; feature_group_count for a kernel that sees only "
            "some features",
        )
    if batch % batch_groups:
        raise ShapeError(
            f"conv_general_dilated expected a batch that {batch_groups} groups divide, found {batch}: {shapes}"
        )
    if outputs % (feature_groups * batch_groups):
        raise ShapeError(
            f"conv_general_dilated expected output features that {feature_groups * batch_groups} groups "
            f"divide, found {outputs}: {shapes}"
        )
    counts = []
    for extent, window, stride, pads, base, dilation in zip(
        spatial, kernel, window_strides, padding, lhs_dilation, rhs_dilation, strict=True
    ):
        counts.append(window_count(dilated(extent, base), dilated(window, dilation), stride, pads))
    shape = [0] * lhs.ndim
    for axis, extent in zip(numbers[2], (batch // batch_groups, outputs, *counts), strict=True):
        shape[axis] = extent
    return Aval(tuple(shape), np.result_type(lhs.dtype, rhs.dtype))


def _impl(lhs: Any, rhs: Any, **params: Any) -> np.ndarray:
    aval = convolution_aval(aval_of(lhs), aval_of(rhs), **params)
    strides, padding, lhs_dilation, rhs_dilation, numbers, feature_groups, batch_groups = ConvParams(**params)
    lhs_spec, rhs_spec, out_spec = numbers
    groups = feature_groups * batch_groups
    out = np.empty(aval.shape, aval.dtype)
    x = _split_first(lhs.transpose(lhs_spec), groups, batch_groups == 1)
    y = _split_first(out.transpose(out_spec), groups, True)
    w = _split_first(rhs.transpose(rhs_spec), groups, False)
    convolve(x, w, y, strides, tuple([low for low, _ in padding]), lhs_dilation, rhs_dilation)
    return out


def _split_first(x: np.ndarray, groups: int, second: bool) -> np.ndarray:
    """A view of `x` with its first axis, or its second one, split into groups, and these in front."""
    a, b, *spatial = x.shape
    if second:
        return x.reshape((a, groups, b // groups, *spatial)).swapaxes(0, 1)
    return x.reshape((groups, a // groups, b, *spatial))


# ---------------------------------------------------------------------------------------------------------------------
# derivatives: bilinear, so a convolution again
# ---------------------------------------------------------------------------------------------------------------------


def _jvp(primals: Sequence, tangents: Sequence, out: Any, **params: Any) -> Any:
    (x, w), (tx, tw) = primals, tangents
    terms = [] if tx is None else [conv_general_dilated_p(tx, w, **params)]
    if tw is not None:
        terms.append(conv_general_dilated_p(x, tw, **params))
    return None if not terms else terms[0] if len(terms) == 1 else terms[0] + terms[1]


def _vjp_lhs(ct: Any, out: Any, lhs: Any, rhs: Any, **params: Any) -> Any:
    """The cotangent with the strides as holes, convolved with the flipped kernel.

    The groups' output features are what is summed over; of the batch's groups each meets its own.
    """
    strides, padding, lhs_dilation, rhs_dilation, numbers, feature_groups, batch_groups = ConvParams(**params)
    lhs_spec, rhs_spec, out_spec = numbers
    extents = _extents(shape_of(lhs), shape_of(rhs), numbers)
    groups = feature_groups * batch_groups
    # the kernel's output features as its input features, and the other way around, within each group
    flipped = transpose(rev(rhs, rhs_spec[2:]), rhs_spec)
    outputs, inputs, *kernel = shape_of(flipped)
    split = reshape(flipped, (groups, outputs // groups, inputs, *kernel))
    turned = reshape(
        transpose(split, (0, 2, 1, *range(3, len(kernel) + 3))), (groups * inputs, outputs // groups, *kernel)
    )
    windows = [dilated(extent, dilation) for extent, dilation in zip(extents.kernel, rhs_dilation, strict=True)]
    counts = [shape_of(ct)[axis] for axis in out_spec[2:]]
    held = [dilated(count, stride) for count, stride in zip(counts, strides, strict=True)]
    lows = [window - 1 - low for window, (low, _) in zip(windows, padding, strict=True)]
    part = conv_general_dilated_p(
        ct,
        turned,
        window_strides=lhs_dilation,
        padding=exact_padding(lows, held, windows, lhs_dilation, extents.spatial),
        lhs_dilation=strides,
        rhs_dilation=rhs_dilation,
        dimension_numbers=(out_spec, tuple(range(len(rhs_spec))), lhs_spec),
        feature_group_count=groups,
        batch_group_count=1,
    )
    if batch_groups > 1:  # (batch, groups · features) to (groups · batch, features)
        part = _move_group(part, batch_groups, lhs_spec[1], lhs_spec[0])
    return convert_element_type(part, dtype_of(lhs))


def _vjp_rhs(ct: Any, out: Any, lhs: Any, rhs: Any, **params: Any) -> Any:
    """The images convolved with the cotangent: what was the batch is summed over, the features are the batch."""
    strides, padding, lhs_dilation, rhs_dilation, numbers, feature_groups, batch_groups = ConvParams(**params)
    lhs_spec, rhs_spec, out_spec = numbers
    extents = _extents(shape_of(lhs), shape_of(rhs), numbers)
    counts = [shape_of(ct)[axis] for axis in out_spec[2:]]
    images = [dilated(extent, dilation) for extent, dilation in zip(extents.spatial, lhs_dilation, strict=True)]
    windows = [dilated(count, stride) for count, stride in zip(counts, strides, strict=True)]
    part = conv_general_dilated_p(
        lhs,
        ct,
        window_strides=rhs_dilation,
        padding=exact_padding([low for low, _ in padding], images, windows, rhs_dilation, extents.kernel),
        lhs_dilation=lhs_dilation,
        rhs_dilation=strides,
        dimension_numbers=(_turned(lhs_spec), _turned(out_spec), _turned(rhs_spec)),
        feature_group_count=batch_groups,
        batch_group_count=feature_groups,
    )
    return convert_element_type(part, dtype_of(rhs))


def _turned(spec: tuple[int, ...]) -> tuple[int, ...]:
    return (spec[1], spec[0], *spec[2:])


# ---------------------------------------------------------------------------------------------------------------------
# batching
# ---------------------------------------------------------------------------------------------------------------------


def _batch(size: int, args: Sequence, dims: Sequence, **params: Any) -> tuple[Any, int]:
    """The examples go into an axis that is there: of the batch, of the output features, or as groups."""
    (x, w), (dx, dw) = args, dims
    *_, numbers, feature_groups, batch_groups = ConvParams(**params)
    (batch, feature, *_), (output, _, *_), (out_batch, out_feature, *_) = numbers
    if dw is None:  # a larger batch, in each group
        out = conv_general_dilated_p(_merge_batch(x, dx, batch, batch_groups), w, **params)
        return _split_batch(out, size, out_batch, 1), 0
    if dx is None:  # more outputs, in each group
        groups = feature_groups * batch_groups
        out = conv_general_dilated_p(x, _merge_batch(w, dw, output, groups), **params)
        return _split_batch(out, size, out_feature, groups), 0
    axis, name = (feature, "feature_group_count") if batch_groups == 1 else (batch, "batch_group_count")
    params = {**params, name: params[name] * size}
    out = conv_general_dilated_p(_merge_batch(x, dx, axis, 1), _merge_batch(w, dw, output, 1), **params)
    return _split_batch(out, size, out_feature, 1), 0


def _merge_batch(x: Any, dim: int, axis: int, groups: int) -> Any:
    """`x` with its axis `dim` merged into `axis` (counted without it), behind that axis' groups."""
    x = move_axis(x, dim, axis)  # in front of it
    shape = shape_of(x)
    size, extent = shape[axis : axis + 2]
    lead, rest = shape[:axis], shape[axis + 2 :]
    if groups > 1:
        x = move_axis(reshape(x, (*lead, size, groups, extent // groups, *rest)), axis, axis + 1)
    return reshape(x, (*lead, size * extent, *rest))


def _split_batch(x: Any, size: int, axis: int, groups: int) -> Any:
    """The reverse, with the batch as the first axis."""
    shape = shape_of(x)
    lead, extent, rest = shape[:axis], shape[axis] // size, shape[axis + 1 :]
    x = reshape(x, (*lead, groups, size, extent // groups, *rest))
    return reshape(move_axis(x, axis + 1, 0), (size, *lead, extent, *rest))


def _move_group(x: Any, groups: int, source: int, target: int) -> Any:
    """`x` with the groups that lead its axis `source` put in front of its axis `target`."""
    split = _split_batch(x, groups, source, 1)
    return _merge_batch(split, 0, target, 1)


conv_general_dilated_p = Primitive(
    "conv_general_dilated", _impl, convolution_aval, jvp=_jvp, vjp=(_vjp_lhs, _vjp_rhs), batch=_batch
)
