"""Matrices of a special form, made of a few numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.aval import result_dtype
from ...errors import OptionError, ShapeError
from ...lax.creation import full, iota
from ...lax.elementwise import abs_, conj, where
from ...lax.indexing import getitem
from ...lax.linalg.matrices import diagonal_matrix
from ...lax.shape import broadcast_to, concatenate, convert_element_type, expand_dims, rev
from ...numpy.dispatch import as_array

# ---------------------------------------------------------------------------------------------------------------------
# of arrays
# ---------------------------------------------------------------------------------------------------------------------


def block_diag(*arrs: Any) -> Any:
    """Matrices as the blocks on the diagonal of one, as `scipy.linalg.block_diag`; a vector is a row.

    Examples
    --------
    >>> import numpy as np
    >>> block_diag(np.array([[1, 2]]), np.array([[3], [4]]))
    array([[1, 2, 0],
           [0, 0, 3],
           [0, 0, 4]])
    """
    blocks = [as_array(x) for x in arrs] or [np.zeros((1, 0))]
    blocks = [expand_dims(x, range(2 - x.ndim)) if x.ndim < 2 else x for x in blocks]
    if any(x.ndim != 2 for x in blocks):
        raise ShapeError(f"arguments in the following positions have dimension greater than 2: {blocks}")
    dtype = result_dtype(*blocks)
    columns = sum(x.shape[1] for x in blocks)
    rows, start = [], 0
    for x in blocks:
        height, width = x.shape
        before, after = full((height, start), 0, dtype), full((height, columns - start - width), 0, dtype)
        rows.append(concatenate([before, convert_element_type(x, dtype), after], 1))
        start += width
    return concatenate(rows, 0)


def toeplitz(c: Any, r: Any = None) -> Any:
    """The matrix with constant diagonals, as `scipy.linalg.toeplitz`.

    Parameters
    ----------
    c
        Its first column, (..., m).
    r
        Its first row, (..., n), whose first element is not read; by default the conjugate of `c`.

    Examples
    --------
    >>> import numpy as np
    >>> toeplitz(np.array([1, 2, 3]), np.array([1, 4]))
    array([[1, 4],
           [2, 1],
           [3, 2]])
    """
    c = _line(c)
    r = conj(c) if r is None else _line(r)
    rows, columns = c.shape[-1], r.shape[-1]
    line = _joined(rev(c, (c.ndim - 1,)), getitem(r, (Ellipsis, slice(1, None))))
    return _taken(line, (rows - 1) - _counted(rows) + iota(np.intp, columns))


def hankel(c: Any, r: Any = None) -> Any:
    """The matrix with constant antidiagonals, as `scipy.linalg.hankel`.

    Parameters
    ----------
    c
        Its first column, (..., m).
    r
        Its last row, (..., n), whose first element is not read; by default zeros.
    """
    c = _line(c)
    r = full(c.shape, 0, c.dtype) if r is None else _line(r)
    line = _joined(c, getitem(r, (Ellipsis, slice(1, None))))
    return _taken(line, _counted(c.shape[-1]) + iota(np.intp, r.shape[-1]))


def circulant(c: Any) -> Any:
    """The matrix whose columns are `c`, each moved by one more, as `scipy.linalg.circulant`."""
    c = _line(c)
    extent = c.shape[-1]
    return _taken(c, (_counted(extent) - iota(np.intp, extent)) % extent if extent else _counted(0))


def companion(a: Any) -> Any:
    """The companion matrix of a polynomial, as `scipy.linalg.companion`.

    Parameters
    ----------
    a
        Its coefficients from the highest power on, (..., n): at least two, the first not zero.
    """
    a = _line(a)
    if a.shape[-1] < 2:
        raise OptionError("The length of `a` along the last axis must be at least 2.")
    row = -getitem(a, (Ellipsis, slice(1, None))) / getitem(a, (Ellipsis, slice(1)))
    below = np.eye(a.shape[-1] - 2, a.shape[-1] - 1, dtype=row.dtype)
    return concatenate(
        [expand_dims(row, (row.ndim - 1,)), below + full((*row.shape[:-1], 1, 1), 0, row.dtype)], row.ndim - 1
    )


def fiedler(a: Any) -> Any:
    """The matrix of the distances of each two numbers, as `scipy.linalg.fiedler`."""
    a = _line(a)
    return abs_(expand_dims(a, (a.ndim,)) - expand_dims(a, (a.ndim - 1,)))


def fiedler_companion(a: Any) -> Any:
    """Fiedler's companion matrix of a polynomial, with five diagonals, as `scipy.linalg.fiedler_companion`.

    Parameters
    ----------
    a
        Its coefficients from the highest power on, (..., n); the first is not zero.
    """
    a = _line(a)
    extent = a.shape[-1] - 1
    if extent < 2:
        ratios = -getitem(a, (Ellipsis, slice(1, None))) / getitem(a, (Ellipsis, slice(1)))
        return expand_dims(ratios, (ratios.ndim,)) if extent == 1 else getitem(a, (Ellipsis, slice(0)))
    ratios = getitem(a, (Ellipsis, slice(1, None))) / getitem(a, (Ellipsis, slice(1)))
    ones, sources = np.zeros((extent, extent)), np.full((extent, extent), -1)
    ones[range(3, extent, 2), range(1, extent - 2, 2)] = 1
    sources[range(2, extent, 2), range(1, extent - 1, 2)] = np.arange(2, extent, 2)
    ones[range(0, extent - 2, 2), range(2, extent, 2)] = 1
    sources[range(0, extent - 1, 2), range(1, extent, 2)] = np.arange(1, extent, 2)
    sources[0, 0], ones[1, 0] = 0, 1
    return where(sources >= 0, -_taken(ratios, sources), ones.astype(ratios.dtype))


def leslie(f: Any, s: Any) -> Any:
    """The matrix of a population's growth by age, as `scipy.linalg.leslie`.

    Parameters
    ----------
    f
        The fertility at each age, (..., n).
    s
        The part that survives from each age to the next, (..., n - 1).
    """
    f, s = _line(f), _line(s)
    if f.shape[-1] != s.shape[-1] + 1:
        raise OptionError("The length of s must be one less than the length of f.")
    if not s.shape[-1]:
        raise OptionError("The length of s must be at least 1.")
    dtype = result_dtype(f, s)
    below = diagonal_matrix(convert_element_type(s, dtype))
    below = concatenate([below, full((*below.shape[:-1], 1), 0, dtype)], below.ndim - 1)
    return concatenate([expand_dims(convert_element_type(f, dtype), (f.ndim - 1,)), below], f.ndim - 1)


def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    """The matrix whose product with a vector of `n` elements is its convolution with `a`, as SciPy's.

    Parameters
    ----------
    a
        Of shape (..., m).
    n
        The number of columns.
    mode
        That of the convolution: ``"full"``, ``"same"`` or ``"valid"``.
    """
    a = _line(a)
    count = n.__index__()
    if count <= 0:
        raise OptionError("n must be a positive integer.")
    extent = a.shape[-1]
    if not extent:
        raise OptionError("len(a) must be at least 1.")
    if mode not in ("full", "same", "valid"):
        raise OptionError("'mode' argument must be one of ('full', 'valid', 'same')")
    zeros = full((*a.shape[:-1], count - 1), 0, a.dtype)
    rows = extent + count - 1
    first, stop = 0, rows
    if mode == "same":
        trimmed = min(count, extent) - 1
        first, stop = trimmed // 2, rows - (trimmed - trimmed // 2)
    elif mode == "valid":
        first, stop = min(count, extent) - 1, rows - min(count, extent) + 1
    line = concatenate([zeros, a, zeros], a.ndim - 1)
    places = _counted(rows) - iota(np.intp, count) + (count - 1)
    return getitem(_taken(line, places), (Ellipsis, slice(first, stop), slice(None)))


def _line(x: Any) -> Any:
    """An argument as an array with at least one axis."""
    x = as_array(x)
    return expand_dims(x, (0,)) if not x.ndim else x


def _joined(first: Any, second: Any) -> Any:
    dtype = result_dtype(first, second)
    lead = np.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    parts = [broadcast_to(convert_element_type(x, dtype), (*lead, x.shape[-1])) for x in (first, second)]
    return concatenate(parts, len(lead))


def _counted(extent: int) -> Any:
    return expand_dims(iota(np.intp, extent), (1,))


def _taken(line: Any, places: Any) -> Any:
    return getitem(line, (Ellipsis, places))


# ---------------------------------------------------------------------------------------------------------------------
# of a size alone
# ---------------------------------------------------------------------------------------------------------------------


def dft(n: int, scale: str | None = None) -> np.ndarray:
    """The matrix of the discrete Fourier transform, as `scipy.linalg.dft`.

    Parameters
    ----------
    n
        Its size.
    scale
        None, ``"sqrtn"`` (divided by √n: unitary) or ``"n"`` (divided by n).
    """
    if scale not in (None, "sqrtn", "n"):
        raise OptionError("scale must be None, 'sqrtn', or 'n'; " + f"{scale!r} is not valid.")
    line = np.arange(n)
    out = np.exp(-2j * np.pi / n * (line[:, None] * line % n)) if n else np.zeros((0, 0), complex)
    return out / {None: 1, "sqrtn": math.sqrt(n), "n": n}[scale]


def hadamard(n: int, dtype: Any = int) -> np.ndarray:
    """Sylvester's matrix of ones of either sign with orthogonal rows, as `scipy.linalg.hadamard`.

    Parameters
    ----------
    n
        Its size, a power of two.
    dtype
        Its dtype.
    """
    if n < 1 or n & (n - 1):
        raise OptionError("n must be an positive integer, and n must be a power of 2")
    line = np.arange(n)
    return (1 - 2 * (np.bitwise_count(line[:, None] & line) % 2).astype(int)).astype(dtype)


def helmert(n: int, full: bool = False) -> np.ndarray:
    """Helmert's orthogonal matrix, as `scipy.linalg.helmert`, without its first row unless `full`."""
    out = np.tril(np.ones((n, n)), -1) - np.diag(np.arange(n))
    line = np.arange(n)
    out[0], line[0] = 1, n
    out = out / np.sqrt(np.where(line == n, n, line * (line + 1)))[:, None]
    return out if full else out[1:]


def hilbert(n: int) -> np.ndarray:
    """Hilbert's matrix 1 / (i + j + 1), as `scipy.linalg.hilbert`."""
    line = np.arange(n)
    return 1.0 / (line[:, None] + line + 1)


def invhilbert(n: int, exact: bool = False) -> np.ndarray:
    """The inverse of Hilbert's matrix, as `scipy.linalg.invhilbert`.

    Parameters
    ----------
    n
        Its size.
    exact
        Whether its integers are given exactly, from n = 15 on as Python's.
    """
    line = np.arange(n)
    terms = np.array([(-1) ** i * n * math.comb(n + i, i) * math.comb(n - 1, i) for i in range(n)], object)
    out = terms[:, None] * terms // (line[:, None] + line + 1) if n else np.zeros((0, 0))
    return out.astype(object if exact and n > 14 else np.int64 if exact else np.float64)


def pascal(n: int, kind: str = "symmetric", exact: bool = True) -> np.ndarray:
    """The matrix of binomial coefficients, as `scipy.linalg.pascal`.

    Parameters
    ----------
    n
        Its size.
    kind
        ``"symmetric"``, or ``"lower"`` or ``"upper"`` for its triangular factors.
    exact
        Whether they are integers, from n = 36 on Python's; otherwise floats.
    """
    if kind not in ("symmetric", "lower", "upper"):
        raise OptionError("kind must be 'symmetric', 'lower', or 'upper'")
    dtype = (object if n > 35 else np.uint64) if exact else np.float64
    out = np.ones((n, n), dtype)
    for row in range(1, n):  # each row sums up the one above
        np.cumsum(out[row - 1], out=out[row])
    if kind == "symmetric":
        return out
    rows, columns = np.tril_indices(n)
    lower = np.zeros((n, n), dtype)
    lower[rows, columns] = out[rows - columns, columns]
    return lower if kind == "lower" else lower.T.copy()


def invpascal(n: int, kind: str = "symmetric", exact: bool = True) -> np.ndarray:
    """The inverse of the matrix of binomial coefficients, as `scipy.linalg.invpascal`; arguments as of `pascal`."""
    factor = pascal(n, "lower" if kind == "symmetric" else kind, exact)
    if factor.dtype == np.uint64:
        factor = factor.astype(np.int64)
    line = np.arange(n)
    factor = factor * (1 - 2 * ((line[:, None] + line) % 2))  # the inverse of a triangular one
    if kind != "symmetric":
        return factor
    out = factor.T @ factor
    return out.astype(object) if exact and n > 34 else out
