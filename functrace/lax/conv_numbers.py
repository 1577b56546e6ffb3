"""Which axis is what in a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.aval import describe
from ..errors import ArgumentError, OptionError, ShapeError


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
