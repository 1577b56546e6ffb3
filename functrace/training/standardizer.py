"""Standardisation: columns with mean 0 and deviation 1, by what the training data says."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.aval import aval_of
from ..errors import DtypeError, NonFiniteError, OptionError, ShapeError


class Standardizer(NamedTuple):
    """The mean and the deviation of each column.

    Attributes
    ----------
    mean, deviation
        One number for each column; the deviation of a constant column is 1, so that it becomes zeros.

    Examples
    --------
    >>> import numpy as np
    >>> standardizer = Standardizer.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> standardizer.apply(np.array([[5.0, 5.0]]))
    array([[3., 0.]])
    >>> standardizer.invert(np.array([[3.0, 0.0]]))
    array([[5., 5.]])
    """

    mean: Any
    deviation: Any

    @classmethod
    def fit(cls, x: Any, *, nan: str = "error") -> Standardizer:
        """Measure the columns.

        Parameters
        ----------
        x
            An array, whose first axis are the examples: those trained on, and no others.
        nan
            "error", or "ignore": a NaN stands for a value that is not known, and counts in neither number.

        Returns
        -------
        Standardizer
            Of the dtype of `x`, and of float64 where that is of integers.

        Raises
        ------
        NonFiniteError
            There is a NaN (or, where they are ignored, nothing else) or an infinity in a column, which the error names.
        ShapeError, DtypeError, OptionError
            `x` has no examples, is not of real numbers, or `nan` is another word.
        """
        if nan not in ("error", "ignore"):
            raise OptionError(f"Standardizer.fit expected nan='error' or nan='ignore', got {nan!r}")
        x = np.asarray(x)
        if x.dtype.kind not in "biuf":
            raise DtypeError(f"Standardizer.fit expected real numbers, got an array of {x.dtype}")
        if not x.ndim or not len(x):
            raise ShapeError(f"Standardizer.fit expected examples along the first axis, got the shape {x.shape}")
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        x = np.asarray(x, dtype)
        known = ~np.isnan(x)
        bad = np.isinf(x).any(0) | (~known.any(0) if nan == "ignore" else ~known.all(0))
        if bad.any():
            column = ", ".join([str(int(i)) for i in np.argwhere(bad)[0]])
            raise NonFiniteError(
                f"Standardizer.fit: column {column or '0'} has infinities, or NaN{' alone' if nan == 'ignore' else ''}"
                f" ({int(bad.sum())} such columns)",
                instead="Standardizer.fit(x, nan='ignore') where NaN stands for what is not known",
            )
        exact = np.promote_types(dtype, float)
        mean, deviation = np.mean(x, 0, exact, where=known), np.std(x, 0, exact, where=known)
        # Rounding gives a constant column a tiny deviation, by which its noise would be blown up.
        low, high = np.min(x, 0, where=known, initial=np.inf), np.max(x, 0, where=known, initial=-np.inf)
        mean = np.where(low == high, low, mean)
        deviation = np.where((low == high) | (deviation == 0), 1, deviation)
        return cls(np.asarray(mean, dtype), np.asarray(deviation, dtype))

    def apply(self, x: Any) -> Any:
        """(x - mean) / deviation; a NaN stays one.

        Raises
        ------
        ShapeError
            The columns of `x` are not those that were measured.
        """
        self._check("apply", x)
        return (x - self.mean) / self.deviation

    def invert(self, x: Any) -> Any:
        """What `apply` was given: x deviation + mean.

        Raises
        ------
        ShapeError
            The columns of `x` are not those that were measured.
        """
        self._check("invert", x)
        return x * self.deviation + self.mean

    def _check(self, method: str, x: Any) -> None:
        columns, shape = aval_of(self.mean).shape, aval_of(x).shape
        if shape[len(shape) - len(columns) :] != columns:
            raise ShapeError(
                f"Standardizer.{method} expected columns of shape {columns} as the last axes, got the shape {shape}"
            )
