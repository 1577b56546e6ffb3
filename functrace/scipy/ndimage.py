"""`scipy.ndimage.map_coordinates`, which can be traced: splines through the elements of an array. SciPy is not needed.

The splines are those of M. Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing
Magazine 16 (1999): a weighted sum of B-splines, one at each element, whose weights a filter makes of the elements.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import canonical_dtype, result_dtype
from ..errors import ArgumentError, DtypeError, OptionError, ShapeError
from ..lax.elementwise import clamp, copysign, floor, imag, real, where
from ..lax.fft import transform
from ..lax.indexing import getitem
from ..lax.shape import concatenate, convert_element_type, move_axis, reshape, rev
from ..numpy.dispatch import as_array, as_operand
from ..numpy.manipulation import stack
from ..numpy.padding import pad
from .absent import absent
from .tensor_product import gathered, weighted

__all__ = ["map_coordinates"]

__getattr__ = absent(__name__)


def map_coordinates(
    input: Any,
    coordinates: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """The values of an array between its elements, as `scipy.ndimage.map_coordinates`.

    It can be differentiated by the array and by the coordinates.

    Parameters
    ----------
    input
        The array.
    coordinates
        Where the values are wanted: for each axis of `input` an array of coordinates, 0 being its first element.
    output
        The dtype of the result, by default that of `input`. (JAX's third argument is `order`.)
    order
        Of the splines, 0 (the nearest element) to 5; 1 is linear.
    mode
        What is outside of the array: ``"constant"`` (`cval`, at once behind the last element), ``"grid-constant"``
        (elements that are `cval`, up to which splines go on), ``"nearest"`` (the last element), ``"mirror"`` (the
        array, mirrored at its last elements), ``"reflect"`` or ``"grid-mirror"`` (mirrored behind them),
        ``"grid-wrap"`` (the array again), ``"wrap"`` (the same with the last element upon the first).
    cval
        A number.
    prefilter
        Whether splines of order 2 and more go through the elements; else they are smoothed.

    Returns
    -------
    array
        Of the shape of ``coordinates[0]``. Integers are rounded, halves away from zero.

    Raises
    ------
    OptionError
        There is no such order or mode.
    ShapeError
        The shapes do not fit.

    Notes
    -----
    JAX differs from SciPy, and so from this function: its mode ``"constant"`` is SciPy's ``"grid-constant"``, and with
    the order 0 it rounds halves to even numbers.

    Examples
    --------
    >>> import numpy as np
    >>> map_coordinates(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[0.5, 1.0], [0.5, 0.25]]), order=1)
    array([1.5 , 2.25])
    """
    values, coordinates = as_array(input), as_array(coordinates)
    dtype = values.dtype if output is None else _dtype_of(output)
    order = operator.index(order)
    if not 0 <= order <= 5:
        raise OptionError(f"order must be 0 to 5, got {order}")
    if mode not in _MODES:
        raise OptionError(f"mode must be one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    if coordinates.dtype.kind == "c":
        raise DtypeError(f"coordinates expected real numbers, got {coordinates.dtype}")
    if not values.ndim or coordinates.ndim < 2 or coordinates.shape[0] != values.ndim:
        raise ShapeError(
            f"coordinates expected an array of coordinates for each axis of input, got shape {coordinates.shape} for "
            f"an input of shape {values.shape}"
        )
    if values.dtype.kind == "c" and dtype.kind != "c":
        raise DtypeError(f"output expected a complex dtype for a complex input, got {dtype}")
    shape = coordinates.shape[1:]
    kind = values.dtype
    values = convert_element_type(values, result_dtype(kind, np.float64))
    cval = as_operand(cval)
    lines = reshape(convert_element_type(coordinates, np.dtype(np.float64)), (values.ndim, -1))
    columns = [getitem(lines, axis) for axis in range(values.ndim)]
    rule = _MODES[mode]
    margin = 0
    if prefilter and order > 1:
        margin = rule.margin
        if margin:
            options = {"mode": "edge"} if mode == "nearest" else {"constant_values": convert_element_type(cval, kind)}
            values = pad(values, margin, **options)
            columns = [column + margin for column in columns]
        for axis in range(values.ndim):
            values = _filtered(values, axis, order, rule.symmetry)
    out = _interpolated(values, columns, order, mode, cval)
    return reshape(_converted(out, dtype), shape)


def _dtype_of(output: Any) -> np.dtype:
    if isinstance(output, int):
        raise ArgumentError(
            f"output expected a dtype, got {output}", instead="order=, which is not the third argument as in JAX"
        )
    if isinstance(output, np.ndarray):
        raise ArgumentError("output expected a dtype: an array is not filled", instead="the result, as it is returned")
    return canonical_dtype(output)


def _converted(out: Any, dtype: np.dtype) -> Any:
    if dtype.kind in "iu":
        out = out + copysign(0.5, out)  # the conversion cuts off what is behind the point
    if dtype.kind == "u":
        out = clamp(0.0, out, float(np.iinfo(dtype).max))
    return convert_element_type(out, dtype)


# ---------------------------------------------------------------------------------------------------------------------
# what is outside
# ---------------------------------------------------------------------------------------------------------------------


class _Rule(NamedTuple):
    """What a mode does with coordinates that are outside, and with the elements that a spline needs there."""

    #: From a coordinate and the extent to a coordinate from which the spline is taken.
    coordinate: Callable[[Any, int], Any]
    #: From the number of an element and the extent to that of one which is there.
    element: Callable[[Any, int], Any]
    #: How the array is continued for the filter.
    symmetry: str
    #: How many elements are put around the array before it is filtered.
    margin: int = 0


def _unchanged(x: Any, extent: int) -> Any:
    return x


def _clamped(x: Any, extent: int) -> Any:
    return clamp(x.dtype.type(0), x, x.dtype.type(extent - 1))


def _mirrored(x: Any, extent: int) -> Any:
    """c b | a b c | b a."""
    if extent == 1:
        return x * 0
    period = 2 * (extent - 1)
    folded = x % period
    # between the last element and the next SciPy turns round on the left alone, which for the order 0 decides ties
    beyond = (folded >= extent) | ((x < 0) & (folded > extent - 1))
    return where(beyond, period - folded, folded)


def _reflected(x: Any, extent: int) -> Any:
    """b a | a b c | c b."""
    x = x % (2 * extent)
    return where(x > extent - 0.5, (2 * extent - 1) - x, x)


def _wrapped(x: Any, extent: int) -> Any:
    """b c | a b c | a b."""
    return x % extent


def _overlapping(x: Any, extent: int) -> Any:
    """a b | a b c | b c, where c is upon a."""
    if extent == 1:
        return x * 0
    period = extent - 1
    return where(x < 0, period - (-x) % period, where(x > period, x % period, x))


_MODES = {
    "constant": _Rule(_unchanged, _mirrored, "mirror"),
    "grid-constant": _Rule(_unchanged, _clamped, "mirror", 12),
    "nearest": _Rule(_unchanged, _clamped, "reflect", 12),
    "mirror": _Rule(_mirrored, _mirrored, "mirror"),
    "reflect": _Rule(_reflected, _reflected, "reflect"),
    "grid-mirror": _Rule(_reflected, _reflected, "reflect"),
    "grid-wrap": _Rule(_wrapped, _wrapped, "wrap"),
    "wrap": _Rule(_overlapping, _mirrored, "mirror"),
}

# ---------------------------------------------------------------------------------------------------------------------
# splines
# ---------------------------------------------------------------------------------------------------------------------


def _interpolated(values: Any, columns: list[Any], order: int, mode: str, cval: Any) -> Any:
    """The sums of B-splines at the points whose coordinates are given, one array an axis."""
    rule = _MODES[mode]
    half = 0.0 if order % 2 else 0.5  # the knots of a spline of even order lie between the elements
    places, weights = [], []
    outside: Any = False  # of points
    absent: Any = False  # of elements
    for axis, (column, extent) in enumerate(zip(columns, values.shape, strict=True)):
        if mode == "constant":
            outside = (column < 0) | (column > extent - 1) | outside
        column = rule.coordinate(column, extent)
        base = floor(column + half)
        weights.append(stack(_basis(column + half - base, order)))
        first = convert_element_type(base, np.dtype(np.intp)) - order // 2
        place = stack([first + offset for offset in range(order + 1)])
        if mode == "grid-constant":
            beyond = (place < 0) | (place > extent - 1)
            absent = reshape(beyond, (*[1] * axis, -1, *[1] * (len(columns) - axis - 1), place.shape[1])) | absent
        places.append(rule.element(place, extent))
    around = gathered(values, places)
    if absent is not False:
        around = where(absent, convert_element_type(cval, around.dtype), around)
    out = weighted(around, weights)
    return out if outside is False else where(outside, convert_element_type(cval, out.dtype), out)


def _basis(t: Any, order: int) -> list[Any]:
    """The B-splines that are not zero between two knots, at the place t from 0 to 1 between them.

    The recursion of C. de Boor, "On calculating with B-splines", Journal of Approximation Theory 6 (1972), for knots
    that are 1 apart: N[j, k] = ((t + k - j)·N[j-1, k-1] + (1 - t + j)·N[j, k-1]) / k.
    """
    basis = [t * 0 + 1]
    for k in range(1, order + 1):
        rising = [(t + (k - j)) * basis[j - 1] for j in range(1, k + 1)]
        falling = [((1 + j) - t) * basis[j] for j in range(k)]
        basis = [
            falling[0] / k,
            *[(rising[j - 1] + falling[j]) / k for j in range(1, k)],
            rising[k - 1] / k,
        ]
    return basis


def _filtered(x: Any, axis: int, order: int, symmetry: str) -> Any:
    """The weights of B-splines that go through the elements, for an array continued by a symmetry.

    What the splines do to their weights is a convolution, and the continued array is periodic: so the filter divides
    its spectrum by that of the splines at the elements.
    """
    extent = x.shape[axis]
    if extent == 1:
        return x
    x = move_axis(x, axis, x.ndim - 1)
    last = x.ndim - 1
    if symmetry == "mirror":
        x = concatenate([x, rev(getitem(x, (..., slice(1, -1))), (last,))], last)
    elif symmetry == "reflect":
        x = concatenate([x, rev(x, (last,))], last)
    period = x.shape[last]
    taps = _basis(0.0 if order % 2 else 0.5, order)
    frequencies = 2 * np.pi * np.arange(period // 2 + 1) / period
    response = sum(
        tap * np.cos((place - order // 2) * frequencies) for place, tap in enumerate(taps[: 2 * (order // 2) + 1])
    )
    parts = [real(x), imag(x)] if x.dtype.kind == "c" else [x]
    parts = [transform("irfft", transform("rfft", part, period, last) / response, period, last) for part in parts]
    x = parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]
    return move_axis(getitem(x, (..., slice(extent))), last, axis)
