"""Rounding to whole numbers, with a choice of where halves go."""

from __future__ import annotations

import enum
from typing import Any

from ..errors import DtypeError, OptionError
from .elementwise import abs_, fraction_p, rint, sign_p, trunc, where
from .shape import dtype_of


class RoundingMethod(enum.Enum):
    """Where a number halfway between two whole ones goes.

    Attributes
    ----------
    AWAY_FROM_ZERO
        To the one that is farther from zero.
    TO_NEAREST_EVEN
        To the even one, as `numpy.round` has it.
    """

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


def round(x: Any, rounding_method: RoundingMethod | int = RoundingMethod.AWAY_FROM_ZERO) -> Any:
    """Real floats rounded to the nearest whole number.

    Parameters
    ----------
    x
        Real floats.
    rounding_method
        Where halves go.

    Examples
    --------
    >>> import numpy as np
    >>> round(np.array([0.5, 1.5, -2.5]))
    array([ 1.,  2., -3.])
    >>> round(np.array([0.5, 1.5, -2.5]), RoundingMethod.TO_NEAREST_EVEN)
    array([ 0.,  2., -2.])
    """
    if dtype_of(x).kind != "f":
        raise DtypeError(f"round expected real floats, got {dtype_of(x)}", instead="functrace.numpy.round")
    try:
        method = RoundingMethod(rounding_method)
    except ValueError:
        raise OptionError(f"expected a RoundingMethod, got {rounding_method!r}") from None
    if method is RoundingMethod.TO_NEAREST_EVEN:
        return rint(x)
    whole = trunc(x)
    return where(abs_(fraction_p(x)) >= 0.5, whole + sign_p(x), whole)
