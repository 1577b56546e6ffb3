"""Convolutions: every one is a `conv_general_dilated`, and so are its derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.aval import aval_of, canonical_dtype
from ..errors import OptionError
from .conv_numbers import conv_dimension_numbers
from .conv_primitive import ConvParams, conv_general_dilated_p, convolution_aval
from .shape import (
    convert_element_type,
    ndim_of,
    rev,
    shape_of,
    transpose,
)
from .windows import Padding, dilated, pads_of, pairs_of, positive_int, positive_ints


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
    params = ConvParams(
        strides,
        pads_of(what, padding, held, kernel, strides),
        lhs_dilation,
        rhs_dilation,
        (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec),
        positive_int(what, "feature_group_count", feature_group_count),
        positive_int(what, "batch_group_count", batch_group_count),
    )._asdict()
    convolution_aval(left, right, **params)  # raises where the shapes do not fit
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
