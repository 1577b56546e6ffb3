"""What is left of a signal without its mean or its straight lines."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np

from ...core.aval import result_dtype
from ...errors import OptionError
from ...lax.dot import matmul
from ...lax.indexing import getitem
from ...lax.shape import canonical_axis, concatenate, convert_element_type, move_axis
from ...numpy.dispatch import as_array, static
from ...numpy.reductions import sum as total


def detrend(
    data: Any,
    axis: int = -1,
    type: Literal["linear", "constant"] = "linear",
    bp: Any = 0,
    overwrite_data: bool = False,
) -> Any:
    """Take the trend away from signals, as `scipy.signal.detrend`.

    Parameters
    ----------
    data
        Signals along an axis.
    axis
        The axis.
    type
        ``"linear"``: the line of least squares; ``"constant"``: the mean.
    bp
        Where one line ends and the next begins: a place or a sequence of places along the axis.
    overwrite_data
        Taken for SciPy's sake: `data` is never changed.

    Raises
    ------
    OptionError
        There is no such type, or a place is behind the end.

    Examples
    --------
    >>> import numpy as np
    >>> detrend(np.array([1.0, 2.0, 3.0, 5.0]), type="constant")
    array([-1.75, -0.75,  0.25,  2.25])
    """
    if type not in ("linear", "l", "constant", "c"):
        raise OptionError(f"type must be 'linear' or 'constant', got {type!r}")
    data = as_array(data)
    axis = canonical_axis(axis, data.ndim)
    if type in ("constant", "c"):
        extent = data.shape[axis]
        return data - total(data, axis, keepdims=True) / extent
    if data.dtype.char not in "fdFD":
        data = convert_element_type(data, np.dtype(np.float64))
    bounds = _bounds(bp, data.shape[axis])
    data = move_axis(data, axis, data.ndim - 1)
    pieces = [_without_line(getitem(data, (..., slice(start, stop))), stop - start) for start, stop in pairwise(bounds)]
    return move_axis(pieces[0] if len(pieces) == 1 else concatenate(pieces, data.ndim - 1), data.ndim - 1, axis)


def _bounds(bp: Any, extent: int) -> list[int]:
    places = np.atleast_1d(static(bp, "detrend", "bp", "a list of places that are known"))
    bounds = sorted({0, *[int(place) for place in places], extent})
    if bounds[-1] > extent:
        raise OptionError(f"bp expected places along an axis of {extent} elements, got {bounds[-1]}")
    return bounds


def _without_line(x: Any, extent: int) -> Any:
    """x - Q·(Qᵀ·x), where the columns of Q are an orthonormal basis of the straight lines."""
    dtype = result_dtype(x.dtype, np.float32)
    lines = np.linalg.qr(np.vander(np.arange(1, extent + 1) / extent, 2))[0].astype(np.dtype(dtype.char.lower()))
    return x - matmul(matmul(x, lines), lines.T)
