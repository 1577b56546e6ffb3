"""``x.at[index]``: what assignment to ``x[index]`` would do, as a new array."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS, aval_of, short_dtype
from ..core.primitive import Primitive
from ..core.trace import Tracer, concrete_or_none
from ..errors import DtypeError, NonConcreteBooleanIndexError, OptionError, ShapeError
from .creation import full
from .elementwise import clamp_p, max_, min_, neg, where
from .index import ARRAY, Index, canonical_index, check_bounds, layout_of, walk
from .indexing import getitem, getitem_p
from .scatter import previous_duplicate_p, scatter_add_p, scatter_max_p, scatter_min_p, scatter_mul_p, scatter_p
from .shape import broadcast_to, convert_element_type, dtype_of, ndim_of, pad, reshape, shape_of

_MODES = (None, "promise_in_bounds", "clip", "wrap", "fill", "drop")
_KINDS = "biufc"  # a weak number goes into an array of its own kind or a later one, an int also into an unsigned one


def at(x: Any) -> IndexUpdateHelper:
    """What ``x[index] = value`` would do, as a new array: ``at(x)[index].set(value)``.

    Tracers have it as a property: ``x.at[index].set(value)``. This function takes arrays too.

    Parameters
    ----------
    x
        An array or a tracer; it is not changed.

    Returns
    -------
    IndexUpdateHelper
        To be indexed with anything that NumPy takes as an index. The result has the methods

        ========================  ============================================
        ``.set(values)``          ``x[index] = values``
        ``.add(values)``          ``numpy.add.at(x, index, values)``
        ``.subtract(values)``     ``numpy.subtract.at(x, index, values)``
        ``.multiply(values)``     ``numpy.multiply.at(x, index, values)``
        ``.divide(values)``       ``numpy.divide.at(x, index, values)``
        ``.power(values)``        ``numpy.power.at(x, index, values)``
        ``.min(values)``          ``numpy.minimum.at(x, index, values)``
        ``.max(values)``          ``numpy.maximum.at(x, index, values)``
        ``.apply(func)``          ``func.at(x, index)``
        ``.get()``                ``x[index]``
        ========================  ============================================

        Where an index comes twice, both updates take part; of two that are set the later one stays. The result has the
        dtype of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.zeros(4)
    >>> at(x)[[0, 0, 2]].add(1.0)
    array([2., 0., 1., 0.])
    >>> x
    array([0., 0., 0., 0.])
    """
    return IndexUpdateHelper(x if isinstance(x, (Tracer, np.ndarray)) else np.asarray(x))


class IndexUpdateHelper:
    """``x.at``: to be indexed."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, index: Any) -> IndexUpdateRef:
        return IndexUpdateRef(self.array, index)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.array!r})"


class IndexUpdateRef:
    """``x.at[index]``: its methods give a new array.

    All take, by keyword, what JAX's do:

    indices_are_sorted
        Accepted; it makes no difference here.
    unique_indices
        A promise that no element comes twice: what can be done faster then, is.
    mode
        What is done with integers out of bounds, known or traced. None and ``"promise_in_bounds"``: an IndexError, as in
        NumPy, when the values are there. ``"clip"``: the nearest element. ``"wrap"``: counted on from the other end.
        ``"drop"`` and ``"fill"``: no update; `get` gives `fill_value`.
    """

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array = array
        self.index = index

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.array!r}, {self.index!r})"

    def set(self, values: Any, **options: Any) -> Any:
        """`x` with ``x[index] = values``."""
        return self._write("set", scatter_p, values, lambda x, v: v, **options)

    def add(self, values: Any, **options: Any) -> Any:
        """`x` with ``x[index] += values``."""
        return self._write("add", scatter_add_p, values, operator.add, **options)

    def subtract(self, values: Any, **options: Any) -> Any:
        """`x` with ``x[index] -= values``."""
        return self._write("subtract", scatter_add_p, values, operator.sub, prepare=_negative, **options)

    def multiply(self, values: Any, **options: Any) -> Any:
        """`x` with ``x[index] *= values``."""
        return self._write("multiply", scatter_mul_p, values, operator.mul, **options)

    mul = multiply

    def min(self, values: Any, **options: Any) -> Any:
        """`x` with the lesser of ``x[index]`` and `values`."""
        return self._write("min", scatter_min_p, values, min_, **options)

    def max(self, values: Any, **options: Any) -> Any:
        """`x` with the greater of ``x[index]`` and `values`."""
        return self._write("max", scatter_max_p, values, max_, **options)
