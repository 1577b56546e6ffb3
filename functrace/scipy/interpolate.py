"""`scipy.interpolate.RegularGridInterpolator`, which can be traced. SciPy is not needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..core.aval import result_dtype
from ..core.trace import concrete_or_none
from ..errors import ConcretizationTypeError, DtypeError, OptionError, ShapeError
from ..lax.elementwise import clamp, is_nan, where
from ..lax.indexing import getitem
from ..lax.shape import convert_element_type, dtype_of, reshape, rev
from ..numpy.dispatch import as_array, as_operand
from ..numpy.indexing import searchsorted
from ..numpy.manipulation import broadcast_arrays, stack
from .absent import absent
from .tensor_product import gathered, weighted

__all__ = ["RegularGridInterpolator"]

__getattr__ = absent(__name__)

_METHODS = ("linear", "nearest")


class RegularGridInterpolator:
    """Interpolation of values on a grid whose lines are parallel to the axes, as `scipy.interpolate` has it.

    It can be differentiated by the values, by the grid's points and by the points asked for.

    Parameters
    ----------
    points
        For each axis the grid's coordinates, strictly ascending or descending.
    values
        The values on the grid; further axes behind those of the grid are interpolated side by side.
    method
        ``"linear"``: multilinear; ``"nearest"``: the value at the nearest point of the grid, its coordinates rounded
        down in ties. SciPy's splines are not there.
    bounds_error
        Whether a point outside of the grid is an error. That can be seen where values are known, so not under `jit`:
        there False has to be written.
    fill_value
        The value outside of the grid where that is no error; None extrapolates.

    Raises
    ------
    OptionError
        There is no such method, or the coordinates are not in order.
    ShapeError
        Coordinates and values do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 10.0])
    >>> interpolate = RegularGridInterpolator((x, y), x[:, None] + y)
    >>> interpolate(np.array([[0.5, 5.0], [2.0, 1.0]]))
    array([5.5, 3. ])
    """

    def __init__(
        self,
        points: Sequence[Any],
        values: Any,
        method: Literal["linear", "nearest"] = "linear",
        bounds_error: bool = True,
        fill_value: Any = np.nan,
    ) -> None:
        self.method = _checked(method)
        self.bounds_error = bounds_error
        self.fill_value = fill_value
        values = as_array(values)
        self.values = convert_element_type(values, result_dtype(values.dtype, 1.0))
        if fill_value is not None and not np.can_cast(dtype_of(fill_value), self.values.dtype, "same_kind"):
            raise OptionError(
                f"fill_value expected None or a number that {self.values.dtype} can hold, got {fill_value!r}"
            )
        if len(points) > self.values.ndim:
            raise ShapeError(f"expected values with at least {len(points)} axes, got shape {self.values.shape}")
        grid = []
        for axis, coordinates in enumerate(points):
            coordinates = convert_element_type(as_array(coordinates), np.dtype(np.float64))
            if coordinates.ndim != 1 or coordinates.shape[0] != self.values.shape[axis]:
                raise ShapeError(
                    f"the coordinates of axis {axis} expected the shape ({self.values.shape[axis]},), as the values "
                    f"have it, got {coordinates.shape}"
                )
            if _descending(coordinates, axis):
                coordinates, self.values = rev(coordinates, (0,)), rev(self.values, (axis,))
            grid.append(coordinates)
        self.grid = tuple(grid)

    def __call__(self, xi: Any, method: Literal["linear", "nearest"] | None = None) -> Any:
        """The values at points.

        Parameters
        ----------
        xi
            Points, their coordinates along the last axis; or a tuple of arrays, one for each coordinate.
        method
            In place of the interpolator's own.

        Returns
        -------
        array
            With the axes of `xi` but the last, then those of the values behind the grid's.

        Raises
        ------
        OptionError
            A point is outside of the grid.
        ConcretizationTypeError
            Whether one is cannot be known while the function is traced.
        """
        method = self.method if method is None else _checked(method)
        xi = self._points(xi)
        lead = xi.shape[:-1]
        xi = reshape(xi, (math.prod(lead), len(self.grid)))
        columns = [getitem(xi, (slice(None), axis)) for axis in range(len(self.grid))]
        outside = self._outside(columns)
        places, weights = [], []
        for coordinates, x in zip(self.grid, columns, strict=True):
            count = coordinates.shape[0]
            lower = clamp(0, searchsorted(coordinates, x, "right") - 1, max(count - 2, 0))
            upper = lower + 1 if count > 1 else lower
            low = getitem(coordinates, lower)
            width = getitem(coordinates, upper) - low
            part = (x - low) / (width if count > 1 else 1.0)
            if method == "nearest":
                places.append(reshape(where(part <= 0.5, lower, upper), (1, -1)))
            else:
                places.append(stack([lower, upper]))
                weights.append(stack([1 - part, part]))
        around = gathered(self.values, places)
        out = weighted(around, weights) if weights else reshape(around, around.shape[len(places) :])
        out = self._filled(out, outside, columns)
        return reshape(out, (*lead, *out.shape[1:]))

    def _points(self, xi: Any) -> Any:
        if isinstance(xi, tuple):
            xi = stack(broadcast_arrays(*[as_array(x) for x in xi]), -1)
        xi = as_array(xi)
        if xi.ndim == 1:
            xi = reshape(xi, (1, -1) if len(self.grid) > 1 else (-1, 1))
        if xi.shape[-1] != len(self.grid):
            raise ShapeError(f"the grid has {len(self.grid)} axes, and the points {xi.shape[-1]} coordinates")
        if xi.dtype.kind == "c":
            raise DtypeError(f"points expected real coordinates, got {xi.dtype}")
        return convert_element_type(xi, np.dtype(np.float64))

    def _outside(self, columns: Sequence[Any]) -> Any:
        """Which points are outside of the grid; with `bounds_error` none may be."""
        outside: Any = False
        for axis, (coordinates, x) in enumerate(zip(self.grid, columns, strict=True)):
            beyond = (x < getitem(coordinates, 0)) | (x > getitem(coordinates, -1))
            outside = beyond | outside
            if not self.bounds_error:
                continue
            known = concrete_or_none(beyond | is_nan(x))
            if known is None:
                raise ConcretizationTypeError(
                    "RegularGridInterpolator cannot see under jit whether a point is outside of the grid",
                    instead="RegularGridInterpolator(points, values, bounds_error=False), which gives fill_value there",
                )
            if np.any(known):
                raise OptionError(
                    f"one of the points xi is out of bounds in dimension {axis}",
                    instead="bounds_error=False, with fill_value=None to extrapolate",
                )
        return outside

    def _filled(self, out: Any, outside: Any, columns: Sequence[Any]) -> Any:
        behind = (-1, *[1] * (out.ndim - 1))
        if not self.bounds_error and self.fill_value is not None:
            fill = convert_element_type(as_operand(self.fill_value), out.dtype)
            out = where(reshape(outside, behind), fill, out)
        missing: Any = False
        for x in columns:
            missing = is_nan(x) | missing
        return where(reshape(missing, behind), out.dtype.type(np.nan), out)


def _checked(method: str) -> Any:
    if method not in _METHODS:
        raise OptionError(f"method must be 'linear' or 'nearest', got {method!r}")
    return method


def _descending(coordinates: Any, axis: int) -> bool:
    """Whether they are; where they are not known they have to ascend."""
    known = concrete_or_none(coordinates)
    if known is None or np.all(known[1:] > known[:-1]):
        return False
    if not np.all(known[1:] < known[:-1]):
        raise OptionError(f"the coordinates of axis {axis} must be strictly ascending or descending, got {known}")
    return True
