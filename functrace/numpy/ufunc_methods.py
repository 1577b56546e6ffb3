"""The methods of ufuncs on traced values: `np.add.reduce`, `np.maximum.accumulate`, `np.multiply.outer` …"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..core.aval import canonical_dtype
from ..core.trace import Tracer
from ..errors import ArgumentError, ImmutableError
from ..lax.creation import full
from ..lax.cumulative import cummax_p, cummin_p, cumprod_p, cumsum_p
from ..lax.indexing import getitem
from ..lax.log_domain import cumlogsumexp, logsumexp
from ..lax.shape import concatenate, convert_element_type, ndim_of, reduced_shape, reshape, transpose
from . import reductions
from .dispatch import TRACED, as_array, as_operand, call_traced, serve
from .reductions import axes_of, initial_value, mask_of
from .ufuncs import FUNCTIONS


def _entered(ufunc: np.ufunc, method: str, traced: Callable) -> None:
    """Enter a method into the table, and give it to the public function."""
    key = (ufunc, method)
    serve(key, traced)
    original = getattr(ufunc, method)

    def function(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(arg, Tracer) for arg in (*args, *kwargs.values())):
            return call_traced(key, traced, args, kwargs)
        return original(*args, **kwargs)

    function.__name__ = method
    function.__qualname__ = f"{ufunc.__name__}.{method}"
    function.__module__ = "functrace.numpy"
    function.__doc__ = f"`numpy.{ufunc.__name__}.{method}`, which can be traced."
    setattr(FUNCTIONS[ufunc.__name__], method, function)


# ---------------------------------------------------------------------------------------------------------------------
# reduce
# ---------------------------------------------------------------------------------------------------------------------


def _reduce_sum(array: Any, axis: Any = 0, dtype: Any = None, out: None = None, keepdims: bool = False, initial: Any = 0, where: Any = True) -> Any:
    return reductions.sum(array, axis, dtype, None, keepdims, initial, where)
