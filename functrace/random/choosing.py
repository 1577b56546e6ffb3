"""Choosing: categories by their logits, elements of an array, permutations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import aval_of, broadcast_shapes, canonical_shape, short_dtype
from ..errors import DtypeError, OptionError, ShapeError
from ..lax.creation import iota
from ..lax.cumulative import cumsum
from ..lax.elementwise import log
from ..lax.reduction import argmax
from ..lax.shape import canonical_axis, convert_element_type, move_axis, reshape
from ..lax.sorting import argsort, ordered, searchsorted, top_k
from ..numpy import take
from ..numpy.dispatch import as_array, static
from .arguments import parameter
from .inverses import gumbel
from .keys import check_key
from .uniforms import bits, check_mode, randint, uniform

Shape = int | Sequence[int]


def categorical(
    key: Any,
    logits: Any,
    axis: int = -1,
    shape: Shape | None = None,
    replace: bool = True,
    mode: str | None = None,
) -> Any:
    """Categories, with probabilities proportional to exp(logits).

    Parameters
    ----------
    key
        A key.
    logits
        Logarithms of weights, of any sum; -inf for what never comes.
    axis
        Along which the categories lie.
    shape
        Of the result: axes of more draws, and then those of `logits` without `axis`; None is the latter alone.
    replace
        Whether a category may come again. Without, the draws along the additional axes differ.
    mode
        "low" or "high", which are the same here.

    Returns
    -------
    numpy.ndarray
        Indices along `axis`.

    Raises
    ------
    ArgumentError, ShapeError, OptionError
        `key` is not one key, the shape does not fit, more draws than categories without `replace`.

    References
    ----------
    The greatest of the logits plus Gumbel noise is a draw (R. D. Luce, "Individual choice behavior", 1959); the k
    greatest are k draws without replacement (T. Vieira, "Gumbel-max trick and weighted reservoir sampling", 2014).

    Examples
    --------
    >>> from functrace.random import key
    >>> categorical(key(0), np.log([0.5, 0.0, 0.5]), shape=(5,)).max() <= 2
    np.True_
    """
    check_mode("categorical", mode)
    logits = as_array(logits)
    if logits.dtype.kind not in "f":
        logits = parameter(logits, np.dtype(np.float64))
    axis = canonical_axis(axis, logits.ndim)
    batch = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    extents = batch if shape is None else canonical_shape(shape)
    more, own = extents[: len(extents) - len(batch)], extents[len(extents) - len(batch) :]
    if len(extents) < len(batch) or broadcast_shapes(own, batch) != own:
        raise ShapeError(f"categorical expected a shape that ends with {batch}, got {extents}")
    noisy = (*own[:axis], logits.shape[axis], *own[axis:])
    if replace:
        noise = gumbel(key, (*more, *noisy), logits.dtype)
        return argmax(noise + logits, len(more) + axis, np.int64)
    count = math.prod(more)
    if count > logits.shape[axis]:
        raise OptionError(
            f"categorical without replacement expected at most {logits.shape[axis]} draws, the number of categories, "
            f"got {count}"
        )
    indices = top_k(gumbel(key, noisy, logits.dtype) + logits, count, axis=axis)[1]
    return convert_element_type(reshape(move_axis(indices, axis, 0), extents), np.int64)


def choice(
    key: Any,
    a: Any,
    shape: Shape = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
    mode: str | None = None,
) -> Any:
    """Elements of an array, or integers.

    Parameters
    ----------
    key
        A key.
    a
        An array; or an int n for the integers from 0 to n - 1.
    shape
        How many, as the shape that stands in the result in the place of `axis`.
    replace
        Whether an element may come again.
    p
        The probabilities of the elements; None: all alike.
    axis
        Along which axis of `a`.
    mode
        "low" or "high", which are the same here.

    Raises
    ------
    ArgumentError, ShapeError, OptionError
        `key` is not one key, `p` does not fit, `a` has no elements, or too few without `replace`.

    Examples
    --------
    >>> from functrace.random import key
    >>> np.sort(choice(key(0), 4, (4,), replace=False))
    array([0, 1, 2, 3])
    """
    check_mode("choice", mode)
    key = check_key(key, "choice")
    extents = canonical_shape(shape)
    a = as_array(a)
    if a.ndim:
        axis = canonical_axis(axis, a.ndim)
        size = a.shape[axis]
    else:
        size = int(static(a, "choice", "the number of elements", "a static number of elements, or an array of them"))
    count = math.prod(extents)
    if size <= 0 and count:
        raise OptionError("a must be greater than 0 unless no samples are taken")
    if count > size and not replace:
        raise OptionError(f"Cannot take a larger sample ({count}) than population ({size}) without replacement")
    indices = _chosen(key, size, count, replace, p)
    if not a.ndim:
        return reshape(indices, extents)
    return reshape(take(a, indices, axis), (*a.shape[:axis], *extents, *a.shape[axis + 1 :]))


def _chosen(key: Any, size: int, count: int, replace: bool, p: Any) -> Any:
    """Indices into `size` elements."""
    if p is None:
        return randint(key, (count,), 0, size) if replace else permutation(key, size)[:count]
    weights = as_array(p)
    if weights.dtype.kind != "f":
        weights = parameter(weights, np.dtype(np.float64))
    if weights.shape != (size,):
        raise ShapeError(f"choice expected probabilities of shape {(size,)}, one for each element, got {weights.shape}")
    if not replace:
        indices = top_k(gumbel(key, (size,), weights.dtype) + log(weights), count)[1]
    else:
        total = cumsum(weights)
        indices = searchsorted(total, total[-1:] * uniform(key, (count,), weights.dtype), "right")
    return convert_element_type(indices, np.int64)


def permutation(key: Any, x: Any, axis: int = 0, independent: bool = False) -> Any:
    """The elements of an array along an axis in a random order, every order as probable.

    Parameters
    ----------
    key
        A key.
    x
        An array; or an int n for the integers from 0 to n - 1.
    axis
        Along which axis.
    independent
        Whether each line along the axis has an order of its own.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        `key` is not one key, or `x` neither an array with an axis nor an integer.

    Examples
    --------
    >>> from functrace.random import key
    >>> np.sort(permutation(key(0), 5))
    array([0, 1, 2, 3, 4])
    """
    key = check_key(key, "permutation")
    x = as_array(x)
    if not x.ndim:
        if x.dtype.kind not in "iu":
            raise DtypeError(f"permutation expected an array or an integer, got {short_dtype(x.dtype)}")
        size = int(static(x, "permutation", "the number of elements", "a static number of elements, or an array"))
        x = iota(np.int64, size)
    axis = canonical_axis(axis, x.ndim)
    # ties among 64 bits: one permutation in 2⁶⁵ / n²
    if independent:
        return ordered(x, argsort(bits(key, aval_of(x).shape), axis, stable=False), axis)
    return take(x, argsort(bits(key, (x.shape[axis],)), stable=False), axis)
