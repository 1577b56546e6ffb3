"""Products of matrices and vectors, and their diagonals. What NumPy has twice is here the same function."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import LinearAlgebraError
from ...lax import linalg
from ...lax.dot import dot as dot_of
from ...lax.dot import matmul as matmul_of
from ...lax.linalg.matrices import identity, transposed
from ...lax.shape import broadcast_to, expand_dims, reshape
from .. import indexing, products
from ..dispatch import as_array, implements


@implements(np.linalg.matmul)
def matmul(x1: Any, x2: Any, /) -> Any:
    return matmul_of(as_array(x1), as_array(x2))


@implements(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return products.vecdot(x1, x2, axis=axis)


@implements(np.linalg.tensordot)
def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    return products.tensordot(x1, x2, axes)


@implements(np.linalg.outer)
def outer(x1: Any, x2: Any, /) -> Any:
    x1, x2 = as_array(x1), as_array(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are x1.ndim={x1.ndim} and x2.ndim={x2.ndim}.")
    return products.outer(x1, x2)


@implements(np.linalg.cross)
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = as_array(x1), as_array(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, "
            f"but they are {x1.shape[axis]} and {x2.shape[axis]} dimensional instead."
        )
    return products.cross(x1, x2, axis=axis)


@implements(np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return transposed(x)


@implements(np.linalg.diagonal)
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return indexing.diagonal(as_array(x), offset, -2, -1)


@implements(np.linalg.trace)
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return products.trace(as_array(x), offset, -2, -1, dtype)


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    a = as_array(a)
    if a.ndim < 2:
        raise LinearAlgebraError(
            f"{a.ndim}-dimensional array given. Array must be at least two-dimensional; got shape {a.shape}"
        )
    if a.shape[-1] != a.shape[-2]:
        raise LinearAlgebraError(f"Last 2 dimensions of the array must be square, got shape {a.shape}")
    try:
        n = operator.index(n)
    except TypeError as error:
        raise TypeError("exponent must be an integer") from error
    if n < 0:
        a, n = linalg.inv(a), -n
    if n == 0:
        return broadcast_to(identity(a.shape[-1], a.dtype), a.shape)
    out = None
    while True:  # the squares that the exponent's binary digits name
        n, digit = divmod(n, 2)
        if digit:
            out = a if out is None else matmul_of(out, a)
        if not n:
            return out
        a = matmul_of(a, a)


# ---------------------------------------------------------------------------------------------------------------------
# a chain of products
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any], *, out: None = None) -> Any:
    """`numpy.linalg.multi_dot`, which can be traced: the order of the products is the one with the fewest operations.

    References
    ----------
    T. H. Cormen, C. E. Leiserson, R. L. Rivest, C. Stein, "Introduction to Algorithms", chapter 15.2.
    """
    chain = [as_array(x) for x in arrays]
    if len(chain) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = chain[0].ndim, chain[-1].ndim
    if first == 1:
        chain[0] = expand_dims(chain[0], (0,))
    if last == 1:
        chain[-1] = expand_dims(chain[-1], (1,))
    for x in chain:
        if x.ndim != 2:
            raise LinearAlgebraError(
                f"{x.ndim}-dimensional array given. Array must be two-dimensional; got shape {x.shape}"
            )
    product = _chained(chain, _best_splits([x.shape[0] for x in chain] + [chain[-1].shape[1]]), 0, len(chain) - 1)
    kept = [*product.shape[: first != 1], *product.shape[1 : 1 + (last != 1)]]
    return reshape(product, kept)


def _best_splits(extents: Sequence[int]) -> dict[tuple[int, int], int]:
    """For each part of a chain, of its first and last factor, behind which factor to split it."""
    count = len(extents) - 1
    costs = {(i, i): 0 for i in range(count)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            choices = [
                costs[i, k] + costs[k + 1, j] + extents[i] * extents[k + 1] * extents[j + 1] for k in range(i, j)
            ]
            costs[i, j] = min(choices)
            splits[i, j] = i + choices.index(costs[i, j])
    return splits


def _chained(chain: Sequence[Any], splits: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return chain[i]
    k = splits[i, j]
    return dot_of(_chained(chain, splits, i, k), _chained(chain, splits, k + 1, j))
