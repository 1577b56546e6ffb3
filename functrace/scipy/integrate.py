"""`scipy.integrate`'s sums of samples, which can be traced. SciPy is not needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.aval import result_dtype
from ..errors import OptionError, ShapeError
from ..lax.creation import full
from ..lax.elementwise import where
from ..lax.shape import broadcast_to, canonical_axis, concatenate, convert_element_type, dtype_of, reshape, shape_of
from ..numpy.differences import diff
from ..numpy.dispatch import as_array, as_operand
from ..numpy.manipulation import along
from ..numpy.reductions import cumsum
from ..numpy.reductions import sum as total
from .absent import absent

__all__ = ["cumulative_trapezoid", "simpson", "trapezoid"]

__getattr__ = absent(__name__)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of samples along an axis by the trapezoidal rule, as `scipy.integrate.trapezoid`.

    Parameters
    ----------
    y
        The samples.
    x
        Where they were taken: an array of one axis or of the shape of `y`; by default `dx` apart.
    dx
        The distance of samples where `x` is not given.
    axis
        The axis.

    Returns
    -------
    array
        Without the axis, in the dtype of `y` (of integers in double precision) whatever that of `x` is.

    Examples
    --------
    >>> import numpy as np
    >>> print(trapezoid(np.array([1.0, 2.0, 4.0])))
    4.5
    """
    y = as_array(y)
    axis = canonical_axis(axis, y.ndim)
    if x is None:
        width = as_operand(dx)
    else:
        x = as_array(x)
        width = diff(_along(x, y.ndim, axis) if x.ndim == 1 else broadcast_to(x, y.shape), axis=axis)
    out = total(width * (along(y, axis, 1, None) + along(y, axis, None, -1)) / 2.0, axis)
    return out if out.dtype.kind == "c" else convert_element_type(out, result_dtype(y.dtype, 1.0))


def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    """The integrals of samples up to each of them by the trapezoidal rule, as `scipy.integrate.cumulative_trapezoid`.

    Parameters
    ----------
    y, x, dx, axis
        Those of `trapezoid`.
    initial
        0 to have it as the first element of the result; by default there is one element less than in `y`.

    Raises
    ------
    ShapeError
        There are no samples, or `x` does not fit.
    OptionError
        `initial` is neither None nor 0.

    Examples
    --------
    >>> import numpy as np
    >>> cumulative_trapezoid(np.array([1.0, 2.0, 4.0]), initial=0)
    array([0. , 1.5, 4.5])
    """
    y = as_array(y)
    axis = canonical_axis(axis, y.ndim)
    if not y.shape[axis]:
        raise ShapeError(f"cumulative_trapezoid expected at least one sample along axis {axis}, got shape {y.shape}")
    width = as_operand(dx) if x is None else diff(_places(x, y, axis), axis=axis)
    out = cumsum(width * (along(y, axis, 1, None) + along(y, axis, None, -1)) / 2.0, axis)
    if initial is None:
        return out
    if initial != 0:
        raise OptionError(f"initial must be None or 0, got {initial!r}")
    first = full((*out.shape[:axis], 1, *out.shape[axis + 1 :]), 0, out.dtype)
    return concatenate([first, out], axis)


def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of samples along an axis by Simpson's rule, as `scipy.integrate.simpson`.

    A parabola through each three samples that follow each other; where a last interval is left, the parabola through
    the last three is integrated over it (K. Cartwright, "Simpson's rule cumulative integration with MS Excel and
    irregularly-spaced data", Journal of Mathematical Sciences and Mathematics Education 12, 2017, equation 8).

    Parameters
    ----------
    y, x, dx, axis
        Those of `trapezoid`.

    Raises
    ------
    ShapeError
        `x` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> print(simpson(np.array([0.0, 1.0, 4.0, 9.0, 16.0])).round(12))  # 4³ / 3
    21.333333333333
    """
    y = as_array(y)
    axis = canonical_axis(axis, y.ndim)
    count = y.shape[axis]
    if not count:
        raise ShapeError(f"simpson expected at least one sample along axis {axis}, got shape {y.shape}")
    if x is None:
        out = _evenly(y, axis) * as_operand(dx)
        return out if out.dtype.kind == "c" else convert_element_type(out, result_dtype(y.dtype, 1.0))
    widths = convert_element_type(diff(_places(x, y, axis), axis=axis), np.dtype(np.float64))
    if count == 2:
        return total(widths * (along(y, axis, 1, None) + along(y, axis, None, -1)) / 2.0, axis)
    pairs = (count - 1) // 2
    samples = [_every_second(y, axis, start, pairs) for start in (0, 1, 2)]
    first, second = [_every_second(widths, axis, start, pairs) for start in (0, 1)]
    both = first + second
    parabolas = (
        samples[0] * (2 - _ratio(second, first))
        + samples[1] * (both * _ratio(both, first * second))
        + samples[2] * (2 - _ratio(first, second))
    )
    out = total(both / 6 * parabolas, axis)
    if count % 2:
        return out
    h0, h1 = [_element(widths, axis, place) for place in (-2, -1)]
    return (
        out
        + _ratio(2 * h1**2 + 3 * h0 * h1, 6 * (h0 + h1)) * _element(y, axis, -1)
        + _ratio(h1**2 + 3 * h0 * h1, 6 * h0) * _element(y, axis, -2)
        - _ratio(h1**3, 6 * h0 * (h0 + h1)) * _element(y, axis, -3)
    )


def _evenly(y: Any, axis: int) -> Any:
    """The rule for samples that are 1 apart."""
    count = y.shape[axis]
    if count == 2:
        return (_element(y, axis, 0) + _element(y, axis, 1)) / 2.0
    first, middle, last = [_every_second(y, axis, start, (count - 1) // 2) for start in (0, 1, 2)]
    out = total(first + 4.0 * middle + last, axis) / 3.0
    if count % 2:
        return out
    return out + (5.0 * _element(y, axis, -1) + 8.0 * _element(y, axis, -2) - _element(y, axis, -3)) / 12.0


def _every_second(x: Any, axis: int, start: int, count: int) -> Any:
    return along(x, axis, start, start + max(2 * count - 1, 0), 2)


def _places(x: Any, y: Any, axis: int) -> Any:
    """Where the samples were taken, with as many axes as they have."""
    x = as_array(x)
    if x.ndim == 1:
        x = _along(x, y.ndim, axis)
    if x.ndim != y.ndim or x.shape[axis] != y.shape[axis]:
        raise ShapeError(
            f"x expected one axis or the shape of y, and as many elements along axis {axis} as y has, got shapes "
            f"{x.shape} and {y.shape}"
        )
    return x


def _along(x: Any, ndim: int, axis: int) -> Any:
    """An array of one axis as one of `ndim` axes."""
    return reshape(x, [-1 if index == axis else 1 for index in range(ndim)])


def _element(x: Any, axis: int, place: int) -> Any:
    part = along(x, axis, place, place + 1 or None)
    return reshape(part, [extent for index, extent in enumerate(part.shape) if index != axis])


def _ratio(x: Any, y: Any) -> Any:
    """x / y, and 0 where y is."""
    one = result_dtype(dtype_of(y), 1.0).type(1) if shape_of(y) else 1.0
    return where(y == 0, 0.0, x / where(y == 0, one, y))
