"""Convolutions: every one is a `conv_general_dilated`, and so are its derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import Aval, Shape, aval_of, canonical_dtype, describe
from ..core.primitive import Primitive
from ..errors import ArgumentError, OptionError, ShapeError
from .conv_value import convolve
from .shape import (
    convert_element_type,
    dtype_of,
    move_axis,
    ndim_of,
    reshape,
    rev,
    shape_of,
    transpose,
)
from .windows import Padding, dilated, exact_padding, pads_of, pairs_of, positive_int, positive_ints, window_count


class ConvDimensionNumbers(NamedTuple):
    """Which axis is what: of each array two named axes, then its spatial axes in the order that all three share.

    Attributes
    ----------
    lhs_spec
        Axes of the batch and of the features, then the spatial ones.
    rhs_spec
        Axes of the output features and of the input features, then the spatial ones.
    out_spec
        As `lhs_spec`, of the result.
    """

    lhs_spec: tuple[int, ...]
    rhs_spec: tuple[int, ...]
    out_spec: tuple[int, ...]


# ---------------------------------------------------------------------------------------------------------------------
# public functions
# ---------------------------------------------------------------------------------------------------------------------


def conv_general_dilated(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The convolution of a batch of images with a kernel, in any number of spatial dimensions.

    As everywhere in the field the kernel is not flipped:
    out[n, o, p] = sum over c, k of lhs[n, c, p·stride + k·rhs_dilation - low] · rhs[o, c, k].

    Parameters
    ----------
    lhs
        The images: batch, features and spatial axes.
    rhs
        The kernel: output features, input features and spatial axes.
    window_strides
        By how much the kernel slides along each spatial axis.
    padding
        ``"SAME"``, ``"SAME_LOWER"``, ``"VALID"``, or for each spatial axis how many zeros to put in front and behind;
        a negative number cuts off.
    lhs_dilation, rhs_dilation
        For each spatial axis one more than the number of zeros between two elements of `lhs` and of `rhs`; by
        default 1.
    dimension_numbers
        Three strings that say which axis is what, ``("NHWC", "HWIO", "NHWC")``, or `ConvDimensionNumbers`; by default
        ``("NCHW", "OIHW", "NCHW")``, or the same with as many spatial axes as there are.
    feature_group_count
        Into how many groups the features of `lhs` and the output features are split; each is convolved by itself.
    batch_group_count
        Into how many groups the batch of `lhs` and the output features are split.
    precision
        Taken for JAX's sake: products are made in the dtype of the operands, which is JAX's highest precision.
    preferred_element_type
        The dtype in which to multiply and add, where it is not that of the operands.

    Returns
    -------
    array
        Batch, output features and spatial axes.

    Raises
    ------
    ShapeError
        The shapes do not fit.
    OptionError
        A stride, dilation, padding or a number of groups is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> images, kernel = np.ones((2, 28, 28, 1)), np.ones((5, 5, 1, 6))
    >>> conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")).shape
    (2, 28, 28, 6)
    """
    what = "conv_general_dilated"
    if preferred_element_type is not None:
        dtype = canonical_dtype(preferred_element_type)
        lhs, rhs = convert_element_type(lhs, dtype), convert_element_type(rhs, dtype)
    left, right = aval_of(lhs), aval_of(rhs)
    numbers = conv_dimension_numbers(left.shape, right.shape, dimension_numbers)
    rank = left.ndim - 2
    strides = positive_ints(what, "window_strides", window_strides, rank)
    lhs_dilation = positive_ints(what, "lhs_dilation", lhs_dilation, rank)
    rhs_dilation = positive_ints(what, "rhs_dilation", rhs_dilation, rank)
    if isinstance(padding, str) and any(dilation > 1 for dilation in lhs_dilation):
        raise OptionError(
            f"{what} expected a pair (low, high) for each axis as padding where lhs_dilation is not 1, got {padding!r}",
            instead="pairs; or functrace.lax.conv_transpose, where the word means the padding of the convolution whose "
            "transpose is taken",
        )
    held = [
        dilated(left.shape[axis], dilation) for axis, dilation in zip(numbers.lhs_spec[2:], lhs_dilation, strict=True)
    ]
    kernel = [
        dilated(right.shape[axis], dilation) for axis, dilation in zip(numbers.rhs_spec[2:], rhs_dilation, strict=True)
    ]
    params: dict[str, Any] = {
        "window_strides": strides,
        "padding": pads_of(what, padding, held, kernel, strides),
        "lhs_dilation": lhs_dilation,
        "rhs_dilation": rhs_dilation,
        "dimension_numbers": tuple(numbers),
        "feature_group_count": positive_int(what, "feature_group_count", feature_group_count),
        "batch_group_count": positive_int(what, "batch_group_count", batch_group_count),
    }
    _abstract(left, right, **params)  # raises where the shapes do not fit
    return conv_general_dilated_p(lhs, rhs, **params)


def conv(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """A convolution without dilation, of images (batch, features, spatial …) with a kernel (output, input, spatial …).

    Parameters
    ----------
    lhs, rhs, window_strides, padding, precision, preferred_element_type
        As for `conv_general_dilated`.

    Examples
    --------
    >>> import numpy as np
    >>> conv(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), (1, 1), "VALID")
    array([[[[4., 4.],
             [4., 4.]]]])
    """
    return conv_general_dilated(
        lhs, rhs, window_strides, padding, precision=precision, preferred_element_type=preferred_element_type
    )


def conv_with_general_padding(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """A convolution of images (batch, features, spatial …) with a kernel (output, input, spatial …).

    Parameters
    ----------
    lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation, precision, preferred_element_type
        As for `conv_general_dilated`.
    """
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def conv_transpose(
    lhs: Any,
    rhs: Any,
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: Any = None,
    use_consistent_padding: bool = False,
) -> Any:
    """A convolution with fractional strides: it makes images larger, as the gradient of a strided one does.

    Parameters
    ----------
    lhs, rhs
        As for `conv_general_dilated`.
    strides
        By how much the result is larger than `lhs` along each spatial axis.
    padding
        ``"SAME"`` or ``"VALID"``: the padding of the convolution of which this is the transpose. For each spatial axis
        (low, high): how many zeros to put in front and behind of the dilated `lhs`.
    rhs_dilation
        As for `conv_general_dilated`.
    dimension_numbers
        As for `conv_general_dilated`; by default channels last: ``("NHWC", "HWIO", "NHWC")``.
    transpose_kernel
        Whether to flip the kernel's spatial axes and to swap its input and output features: then this is the transpose
        of the convolution with `rhs`.
    precision, preferred_element_type
        As for `conv_general_dilated`.
    use_consistent_padding
        Whether pairs mean the padding of the convolution of which this is the transpose, too.

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose(np.ones((1, 2, 1)), np.ones((2, 1, 1)), (2,), "VALID")[0, :, 0]
    array([1., 1., 1., 1.])
    """
    what = "conv_transpose"
    ndim = ndim_of(lhs)
    if dimension_numbers is None:
        if not 2 <= ndim <= 5:
            raise OptionError(
                f"{what} expected dimension_numbers for arrays of {ndim} axes: only for up to three spatial axes is "
                "there a default",
                instead='dimension_numbers=("NCabcd", "OIabcd", "NCabcd")',
            )
        letters = ("", "H", "HW", "HWD")[ndim - 2]
        dimension_numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    numbers = conv_dimension_numbers(shape_of(lhs), shape_of(rhs), dimension_numbers)
    steps = positive_ints(what, "strides", strides, ndim - 2)
    dilation = positive_ints(what, "rhs_dilation", rhs_dilation, ndim - 2)
    kernel = [dilated(shape_of(rhs)[axis], d) for axis, d in zip(numbers.rhs_spec[2:], dilation, strict=True)]
    pads = transposed_pads(what, padding, kernel, steps)
    if use_consistent_padding and not isinstance(padding, str):
        pads = tuple([(k - 1 - low, k - 1 - high) for k, (low, high) in zip(kernel, pads, strict=True)])
    if transpose_kernel:
        output, feature, *spatial = numbers.rhs_spec
        swapped = list(range(ndim))
        swapped[output], swapped[feature] = feature, output
        rhs = transpose(rev(rhs, spatial), swapped)
    return conv_general_dilated(
        lhs,
        rhs,
        (1,) * (ndim - 2),
        pads,
        steps,
        dilation,
        numbers,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def transposed_pads(what: str, padding: Any, windows: Sequence[int], strides: Sequence[int]) -> Padding:
    """The padding as pairs of a convolution with fractional strides, from a word or from pairs.

    With ``"SAME"`` the result is `stride` times larger, with ``"VALID"`` no window is cut.
    """
    if not isinstance(padding, str):
        return pairs_of(what, padding, len(windows))
    if padding == "VALID":
        return tuple([(window - 1, max(stride, window) - 1) for window, stride in zip(windows, strides, strict=True)])
    if padding != "SAME":
        raise OptionError(
            f"{what} expected the padding 'VALID' or 'SAME', got {padding!r}",
            instead="one of these, or a pair (low, high) for each axis",
        )
    pads = []
    for window, stride in zip(windows, strides, strict=True):
        total = window + stride - 2
        low = window - 1 if stride > window - 1 else -(-total // 2)
        pads.append((low, total - low))
    return tuple(pads)


def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: Any
) -> ConvDimensionNumbers:
    """Dimension numbers in the form that primitives have, from any form that is allowed.

    Parameters
    ----------
    lhs_shape, rhs_shape
        The shapes of the operands.
    dimension_numbers
        Three strings, `ConvDimensionNumbers`, or None.

    Examples
    --------
    >>> conv_dimension_numbers((1, 8, 8, 3), (3, 3, 3, 6), ("NHWC", "HWIO", "NHWC"))
    ConvDimensionNumbers(lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2))
    """
    ndim = len(lhs_shape)
    if ndim != len(rhs_shape) or ndim < 2:
        raise ShapeError(
            f"a convolution expected two arrays of as many axes, at least 2, got shapes {tuple(lhs_shape)} and "
            f"{tuple(rhs_shape)}",
            instead="a batch of one image as lhs[None]",
        )
    if dimension_numbers is None:
        axes = tuple(range(ndim))
        return ConvDimensionNumbers(axes, axes, axes)
    if not isinstance(dimension_numbers, (tuple, list)) or len(dimension_numbers) != 3:
        raise ArgumentError(
            f"expected three strings as dimension_numbers, got {describe(dimension_numbers)}",
            instead='("NHWC", "HWIO", "NHWC")',
        )
    if not isinstance(dimension_numbers, ConvDimensionNumbers):
        return _numbers_of_letters(ndim, *dimension_numbers)
    for spec in dimension_numbers:
        if sorted(spec) != list(range(ndim)):
            raise OptionError(f"expected permutations of {ndim} axes as dimension_numbers, got {dimension_numbers}")
    return ConvDimensionNumbers(*[tuple(spec) for spec in dimension_numbers])


def _numbers_of_letters(ndim: int, *specs: Any) -> ConvDimensionNumbers:
    named = (("N", "C"), ("O", "I"), ("N", "C"))
    for spec, (first, second) in zip(specs, named, strict=True):
        if not isinstance(spec, str):
            raise ArgumentError(
                f"expected three strings as dimension_numbers, got {describe(specs)}",
                instead='("NHWC", "HWIO", "NHWC")',
            )
        if len(spec) != ndim or len(set(spec)) != ndim or first not in spec or second not in spec:
            raise OptionError(
                f"expected {ndim} different letters in dimension_numbers, {first} and {second} among them, got {spec!r}"
                f" in {specs}"
            )
    spatial = [letter for letter in specs[1] if letter not in named[1]]
    for spec, names in zip(specs, named, strict=True):
        if set(spec) - set(names) != set(spatial):
            raise OptionError(f"expected the same spatial letters in all dimension_numbers, got {specs}")
    return ConvDimensionNumbers(
        *[
            tuple([spec.index(letter) for letter in (*names, *spatial)])
            for spec, names in zip(specs, named, strict=True)
        ]
    )


# ---------------------------------------------------------------------------------------------------------------------
# shape and value
# ---------------------------------------------------------------------------------------------------------------------


_Axes = tuple[int, ...]
_Numbers = tuple[_Axes, _Axes, _Axes]  # ConvDimensionNumbers as a plain tuple, of which compiled source can be made


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
def _abstract(
    lhs: Aval,
    rhs: Aval,
    *,
    window_strides: tuple[int, ...],
    padding: Padding,
    lhs_dilation: tuple[int, ...],
    rhs_dilation: tuple[int, ...],
    dimension_numbers: _Numbers,
    feature_group_count: int,
    batch_group_count: int,
) -> Aval:
    batch, features, spatial, outputs, inputs, kernel = _extents(lhs.shape, rhs.shape, dimension_numbers)
    shapes = f"got shapes {lhs.shape} and {rhs.shape} with {ConvDimensionNumbers(*dimension_numbers)}"
    if feature_group_count > 1 and batch_group_count > 1:
        raise OptionError(
            "conv_general_dilated expected groups of features or of the batch but not of both, got "
            f"feature_group_count={feature_group_count} and batch_group_count={batch_group_count}"
        )
    if features != inputs * feature_group_count:
        raise ShapeError(
            f"conv_general_dilated expected lhs to have {inputs} features for each of {feature_group_count} groups, as "
            f"many as the kernel's input features, and found {features}: {shapes}",
            instead="dimension_numbers that say which axis is what; feature_group_count for a kernel that sees only "
            "some features",
        )
    if batch % batch_group_count:
        raise ShapeError(
            f"conv_general_dilated expected a batch that {batch_group_count} groups divide, found {batch}: {shapes}"
        )
    if outputs % (feature_group_count * batch_group_count):
        raise ShapeError(
            f"conv_general_dilated expected output features that {feature_group_count * batch_group_count} groups "
            f"divide, found {outputs}: {shapes}"
        )
    counts = []
    for extent, window, stride, pads, base, dilation in zip(
        spatial, kernel, window_strides, padding, lhs_dilation, rhs_dilation, strict=True
    ):
        counts.append(window_count(dilated(extent, base), dilated(window, dilation), stride, pads))
    shape = [0] * lhs.ndim
    for axis, extent in zip(dimension_numbers[2], (batch // batch_group_count, outputs, *counts), strict=True):
        shape[axis] = extent
    return Aval(tuple(shape), np.result_type(lhs.dtype, rhs.dtype))


def _impl(lhs: Any, rhs: Any, **params: Any) -> np.ndarray:
    aval = _abstract(aval_of(lhs), aval_of(rhs), **params)
    (lhs_spec, rhs_spec, out_spec), batch_groups = params["dimension_numbers"], params["batch_group_count"]
    groups = batch_groups * params["feature_group_count"]
    out = np.empty(aval.shape, aval.dtype)
    x = _split_first(lhs.transpose(lhs_spec), groups, batch_groups == 1)
    y = _split_first(out.transpose(out_spec), groups, True)
    w = _split_first(rhs.transpose(rhs_spec), groups, False)
    lows = tuple([low for low, _ in params["padding"]])
    convolve(x, w, y, params["window_strides"], lows, params["lhs_dilation"], params["rhs_dilation"])
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


def _vjp_lhs(
    ct: Any,
    out: Any,
    lhs: Any,
    rhs: Any,
    *,
    window_strides: tuple[int, ...],
    padding: Padding,
    lhs_dilation: tuple[int, ...],
    rhs_dilation: tuple[int, ...],
    dimension_numbers: _Numbers,
    feature_group_count: int,
    batch_group_count: int,
) -> Any:
    """The cotangent with the strides as holes, convolved with the flipped kernel.

    The groups' output features are what is summed over; of the batch's groups each meets its own.
    """
    lhs_spec, rhs_spec, out_spec = dimension_numbers
    extents = _extents(shape_of(lhs), shape_of(rhs), dimension_numbers)
    groups = feature_group_count * batch_group_count
    # the kernel's output features as its input features, and the other way around, within each group
    flipped = transpose(rev(rhs, rhs_spec[2:]), rhs_spec)
    outputs, inputs, *kernel = shape_of(flipped)
    split = reshape(flipped, (groups, outputs // groups, inputs, *kernel))
    turned = reshape(
        transpose(split, (0, 2, 1, *range(3, len(kernel) + 3))), (groups * inputs, outputs // groups, *kernel)
    )
    windows = [dilated(extent, dilation) for extent, dilation in zip(extents.kernel, rhs_dilation, strict=True)]
    counts = [shape_of(ct)[axis] for axis in out_spec[2:]]
    held = [dilated(count, stride) for count, stride in zip(counts, window_strides, strict=True)]
    lows = [window - 1 - low for window, (low, _) in zip(windows, padding, strict=True)]
    part = conv_general_dilated_p(
        ct,
        turned,
        window_strides=lhs_dilation,
        padding=exact_padding(lows, held, windows, lhs_dilation, extents.spatial),
        lhs_dilation=window_strides,
        rhs_dilation=rhs_dilation,
        dimension_numbers=(out_spec, tuple(range(len(rhs_spec))), lhs_spec),
        feature_group_count=groups,
        batch_group_count=1,
    )
    if batch_group_count > 1:  # (batch, groups · features) to (groups · batch, features)
        part = _move_group(part, batch_group_count, lhs_spec[1], lhs_spec[0])
    return convert_element_type(part, dtype_of(lhs))


def _vjp_rhs(
    ct: Any,
    out: Any,
    lhs: Any,
    rhs: Any,
    *,
    window_strides: tuple[int, ...],
    padding: Padding,
    lhs_dilation: tuple[int, ...],
    rhs_dilation: tuple[int, ...],
    dimension_numbers: _Numbers,
    feature_group_count: int,
    batch_group_count: int,
) -> Any:
    """The images convolved with the cotangent: what was the batch is summed over, the features are the batch."""
    lhs_spec, rhs_spec, out_spec = dimension_numbers
    extents = _extents(shape_of(lhs), shape_of(rhs), dimension_numbers)
    counts = [shape_of(ct)[axis] for axis in out_spec[2:]]
    images = [dilated(extent, dilation) for extent, dilation in zip(extents.spatial, lhs_dilation, strict=True)]
    windows = [dilated(count, stride) for count, stride in zip(counts, window_strides, strict=True)]
    part = conv_general_dilated_p(
        lhs,
        ct,
        window_strides=rhs_dilation,
        padding=exact_padding([low for low, _ in padding], images, windows, rhs_dilation, extents.kernel),
        lhs_dilation=lhs_dilation,
        rhs_dilation=window_strides,
        dimension_numbers=(_turned(lhs_spec), _turned(out_spec), _turned(rhs_spec)),
        feature_group_count=batch_group_count,
        batch_group_count=feature_group_count,
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
    numbers: _Numbers = params["dimension_numbers"]
    feature_groups, batch_groups = params["feature_group_count"], params["batch_group_count"]
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
    "conv_general_dilated", _impl, _abstract, jvp=_jvp, vjp=(_vjp_lhs, _vjp_rhs), batch=_batch
)
