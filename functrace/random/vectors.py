"""Random vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.aval import canonical_shape
from ..lax.cumulative import cumsum
from ..lax.elementwise import abs_
from ..numpy.dispatch import as_array
from .arguments import float_dtype, parameter
from .continuous import exponential
from .gammas import generalized_normal
from .keys import check_key, split

Shape = int | Sequence[int]


def ball(key: Any, d: int, p: Any = 2, shape: Shape = (), dtype: Any = None) -> Any:
    r"""Vectors even in the unit ball of a norm.

    Parameters
    ----------
    key
        A key.
    d
        How many components a vector has.
    p
        Which norm: the sum of the components' absolute values to this power is at most 1.
    shape
        Of the result without its last axis.
    dtype
        A dtype of floats; None is float64.

    Returns
    -------
    numpy.ndarray
        Of shape (\*shape, d).

    References
    ----------
    F. Barthe, O. Guédon, S. Mendelson, A. Naor, "A probabilistic approach to the geometry of the ℓₚⁿ-ball", Annals of
    Probability 33 (2005).

    Examples
    --------
    >>> from functrace.random import key
    >>> import numpy as np
    >>> x = ball(key(0), 3, shape=(100,))
    >>> bool(np.linalg.norm(x, axis=-1).max() < 1)
    True
    """
    result = float_dtype("ball", dtype)
    extents = canonical_shape(shape)
    first, second = split(check_key(key, "ball"))
    power = as_array(parameter(p, result))
    vectors = generalized_normal(first, power[..., None], (*extents, d.__index__()), result)
    powers = cumsum(abs_(vectors) ** power[..., None], axis=len(extents))[..., -1]  # a sum whose order `jit` keeps
    size = (powers + exponential(second, extents, result)) ** (1 / power)
    return vectors / as_array(size)[..., None]
