"""`scipy.fft`'s cosine and sine transforms, which can be traced: each is a Fourier transform of twice the length.

With the sums of S. Martucci, "Symmetric convolution and the discrete sine and cosine transforms", IEEE Transactions on
Signal Processing 42 (1994), written out in `_COSINE` and `_SINE`. SciPy is not needed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ..core.aval import result_dtype
from ..errors import OptionError, ShapeError
from ..lax.creation import iota
from ..lax.elementwise import complex_, cos, imag, real, sin
from ..lax.fft import OPPOSITE_NORM, resized, transform
from ..lax.indexing import getitem
from ..lax.shape import canonical_axis, convert_element_type, move_axis, pad_p
from ..numpy.dispatch import as_array, static
from .absent import absent

__all__ = ["dct", "dctn", "dst", "dstn", "idct", "idctn", "idst", "idstn"]

__getattr__ = absent(__name__)

Type = Literal[1, 2, 3, 4]
Norm = Literal["backward", "ortho", "forward"]

# ---------------------------------------------------------------------------------------------------------------------
# public functions
# ---------------------------------------------------------------------------------------------------------------------


def dct(
    x: Any,
    type: Type = 2,
    n: int | None = None,
    axis: int = -1,
    norm: Norm | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Any:
    """The discrete cosine transform along an axis, as `scipy.fft.dct`.

    Parameters
    ----------
    x
        An array; of complex numbers both parts are transformed.
    type
        Which of the transforms, I to IV.
    n
        To how many elements the axis is first cut or filled with zeros.
    axis
        The axis.
    norm
        Which direction is scaled: ``"backward"``, which is the default, ``"forward"``, or both, ``"ortho"``.
    overwrite_x, workers
        Taken for SciPy's sake.
    orthogonalize
        Whether the first and last elements are weighted so that the matrix is orthogonal up to a factor; by default
        with ``norm="ortho"``. It is heeded for complex numbers too, where SciPy 1.17 leaves it out.

    Returns
    -------
    array
        Of the shape of `x` but for `n`.

    Raises
    ------
    OptionError
        There is no such type or norm, or `n` is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> dct(np.array([1.0, 2.0, 4.0]))
    array([14.        , -5.19615242,  1.        ])
    """
    return _along_one(_COSINE, x, type, n, axis, norm, orthogonalize)


def idct(
    x: Any,
    type: Type = 2,
    n: int | None = None,
    axis: int = -1,
    norm: Norm | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Any:
    """The inverse of `dct`, whose parameters it has.

    Examples
    --------
    >>> import numpy as np
    >>> idct(dct(np.array([1.0, 2.0, 3.0]))).round(12)
    array([1., 2., 3.])
    """
    return _along_one(_COSINE, x, _inverse(type), n, axis, _opposite(norm), orthogonalize)


def dst(
    x: Any,
    type: Type = 2,
    n: int | None = None,
    axis: int = -1,
    norm: Norm | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Any:
    """The discrete sine transform along an axis, as `scipy.fft.dst`; its parameters are those of `dct`."""
    return _along_one(_SINE, x, type, n, axis, norm, orthogonalize)


def idst(
    x: Any,
    type: Type = 2,
    n: int | None = None,
    axis: int = -1,
    norm: Norm | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Any:
    """The inverse of `dst`, whose parameters it has."""
    return _along_one(_SINE, x, _inverse(type), n, axis, _opposite(norm), orthogonalize)


def dctn(
    x: Any,
    type: Type = 2,
    s: Any = None,
    axes: Any = None,
    norm: Norm | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Any:
    """The discrete cosine transform along several axes, as `scipy.fft.dctn`.

    Parameters
    ----------
    x
        An array.
    s
        To how many elements each axis is first cut or filled with zeros; -1 leaves it as it is.
    axes
        The axes: by default all, or with `s` the last ones.
    type, norm, overwrite_x, workers, orthogonalize
        Those of `dct`.

    Examples
    --------
    >>> import numpy as np
    >>> dctn(np.array([[1.0, 0.0], [0.0, 0.0]])).round(6)
    array([[4.      , 2.828427],
           [2.828427, 2.      ]])
    """
    return _along_several(_COSINE, x, type, s, axes, norm, orthogonalize)


def idctn(
    x: Any,
    type: Type = 2,
    s: Any = None,
    axes: Any = None,
    norm: Norm | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Any:
    """The inverse of `dctn`, whose parameters it has."""
    return _along_several(_COSINE, x, _inverse(type), s, axes, _opposite(norm), orthogonalize)


def dstn(
    x: Any,
    type: Type = 2,
    s: Any = None,
    axes: Any = None,
    norm: Norm | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Any:
    """The discrete sine transform along several axes, as `scipy.fft.dstn`; its parameters are those of `dctn`."""
    return _along_several(_SINE, x, type, s, axes, norm, orthogonalize)


def idstn(
    x: Any,
    type: Type = 2,
    s: Any = None,
    axes: Any = None,
    norm: Norm | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Any:
    """The inverse of `dstn`, whose parameters are those of `dctn`."""
    return _along_several(_SINE, x, _inverse(type), s, axes, _opposite(norm), orthogonalize)


# ---------------------------------------------------------------------------------------------------------------------
# the sums, by Fourier transforms
# ---------------------------------------------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """One of the eight transforms, along the last axis of N real numbers."""

    #: The sum, unscaled.
    of: Callable[[Any], Any]
    #: The length of the period of N elements continued by symmetry: the product of both directions is so much.
    period: Callable[[int], int]
    #: Which elements are weighted with √2 before and with 1/√2 after, to make the matrix orthogonal.
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()


def _turned(x: Any, start: float, step: float) -> Any:
    """x[n]·exp(i·(start + n·step))."""
    angle = start + step * iota(x.dtype if x.dtype.kind == "f" else np.dtype(x.dtype.char.lower()), x.shape[-1])
    return x * complex_(cos(angle), sin(angle))


def _first(x: Any, count: int, skipped: int = 0) -> Any:
    return getitem(x, (..., slice(skipped, skipped + count)))


def _behind_zero(x: Any) -> Any:
    """The elements with a zero before them."""
    return pad_p(x, x.dtype.type(0), padding_config=(*[(0, 0, 0)] * (x.ndim - 1), (1, 0, 0)))


def _dct1(x: Any) -> Any:
    """x[0] + (-1)^k·x[N-1] + 2·Σ_(0<n<N-1) x[n]·cos(πkn / (N-1))."""
    n = x.shape[-1]
    if n < 2:
        raise ShapeError("the cosine transform of type 1 expected at least 2 elements, got 1")
    return _first(transform("irfft", x, 2 * (n - 1), -1, "forward"), n)


def _dct2(x: Any) -> Any:
    """2·Σ x[n]·cos(πk(2n+1) / 2N)."""
    n = x.shape[-1]
    return 2 * real(_turned(_first(transform("rfft", x, 2 * n, -1), n), 0, -math.pi / (2 * n)))


def _dct3(x: Any) -> Any:
    """x[0] + 2·Σ_(0<n) x[n]·cos(π(2k+1)n / 2N)."""
    n = x.shape[-1]
    return _first(transform("irfft", _turned(x, 0, math.pi / (2 * n)), 2 * n, -1, "forward"), n)


def _fourth(x: Any) -> Any:
    """2·Σ x[n]·exp(-iπ(2k+1)(2n+1) / 4N)."""
    n = x.shape[-1]
    step = -math.pi / (2 * n)
    return 2 * _turned(_first(transform("fft", _turned(x, 0, step), 2 * n, -1), n), step / 2, step)


def _dst1(x: Any) -> Any:
    """2·Σ x[n]·sin(π(k+1)(n+1) / (N+1))."""
    n = x.shape[-1]
    return _first(transform("irfft", _behind_zero(x * -1j), 2 * (n + 1), -1, "forward"), n, 1)


def _dst2(x: Any) -> Any:
    """2·Σ x[n]·sin(π(k+1)(2n+1) / 2N)."""
    n = x.shape[-1]
    step = -math.pi / (2 * n)
    return -2 * imag(_turned(_first(transform("rfft", x, 2 * n, -1), n, 1), step, step))


def _dst3(x: Any) -> Any:
    """(-1)^k·x[N-1] + 2·Σ_(n<N-1) x[n]·sin(π(2k+1)(n+1) / 2N)."""
    n = x.shape[-1]
    step = math.pi / (2 * n)
    return _first(transform("irfft", _behind_zero(_turned(x, step - math.pi / 2, step)), 2 * n, -1, "forward"), n)


_COSINE = {
    1: _Kind(_dct1, lambda n: 2 * (n - 1), (0, -1), (0, -1)),
    2: _Kind(_dct2, lambda n: 2 * n, (), (0,)),
    3: _Kind(_dct3, lambda n: 2 * n, (0,), ()),
    4: _Kind(lambda x: real(_fourth(x)), lambda n: 2 * n),
}
_SINE = {
    1: _Kind(_dst1, lambda n: 2 * (n + 1)),
    2: _Kind(_dst2, lambda n: 2 * n, (), (-1,)),
    3: _Kind(_dst3, lambda n: 2 * n, (-1,), ()),
    4: _Kind(lambda x: -imag(_fourth(x)), lambda n: 2 * n),
}

# ---------------------------------------------------------------------------------------------------------------------
# axes, lengths and scales
# ---------------------------------------------------------------------------------------------------------------------


def _inverse(type: int) -> int:
    return {2: 3, 3: 2}.get(type, type)


def _opposite(norm: str | None) -> str | None:
    return OPPOSITE_NORM.get("backward" if norm is None else norm, norm)


def _along_one(
    kinds: dict[int, _Kind], x: Any, type: int, n: Any, axis: int, norm: str | None, orthogonalize: bool | None
) -> Any:
    x = as_array(x)
    axis = canonical_axis(axis, x.ndim)
    length = x.shape[axis] if n is None else operator.index(static(n, "a transform", "n", "an int"))
    return _transformed(kinds, x, type, [length], [axis], norm, orthogonalize)


def _along_several(
    kinds: dict[int, _Kind], x: Any, type: int, s: Any, axes: Any, norm: str | None, orthogonalize: bool | None
) -> Any:
    x = as_array(x)
    lengths = None if s is None else [operator.index(i) for i in np.atleast_1d(static(s, "a transform", "s", "ints"))]
    if axes is None:
        count = x.ndim if lengths is None else len(lengths)
        if count > x.ndim:
            raise ShapeError(f"s expected at most {x.ndim} lengths, got {count}")
        axes = range(x.ndim - count, x.ndim)
    else:
        axes = [canonical_axis(axis, x.ndim) for axis in np.atleast_1d(axes)]
        if len(set(axes)) < len(axes):
            raise OptionError(f"axes expected each axis once, got {axes}")
    if lengths is None:
        lengths = [x.shape[axis] for axis in axes]
    if len(lengths) != len(axes):
        raise ShapeError(f"s and axes expected the same number of entries, got {len(lengths)} and {len(axes)}")
    lengths = [x.shape[axis] if length == -1 else length for length, axis in zip(lengths, axes, strict=True)]
    return _transformed(kinds, x, type, lengths, axes, norm, orthogonalize)


def _transformed(
    kinds: dict[int, _Kind],
    x: Any,
    type: int,
    lengths: Sequence[int],
    axes: Sequence[int],
    norm: str | None,
    orthogonalize: bool | None,
) -> Any:
    if type not in kinds:
        raise OptionError(f"type must be 1, 2, 3 or 4, got {type!r}")
    norm = "backward" if norm is None else norm
    if norm not in OPPOSITE_NORM:
        raise OptionError(f"norm must be 'backward', 'ortho' or 'forward', got {norm!r}")
    if any(length < 1 for length in lengths):
        raise OptionError(f"a transform expected at least 1 element, got {min(lengths)}")
    dtype = result_dtype(x.dtype, 1.0)
    x = convert_element_type(x, np.dtype(np.float32) if dtype == np.float16 else dtype)
    weighted = norm == "ortho" if orthogonalize is None else orthogonalize
    kind = kinds[type]
    for length, axis in zip(lengths, axes, strict=True):
        x = resized(x, length, axis)
        x = move_axis(_of_line(kind, move_axis(x, axis, x.ndim - 1), norm, weighted), x.ndim - 1, axis)
    return x


def _of_line(kind: _Kind, x: Any, norm: str, weighted: bool) -> Any:
    if x.dtype.kind == "c":
        return complex_(_of_line(kind, real(x), norm, weighted), _of_line(kind, imag(x), norm, weighted))
    length = x.shape[-1]
    if weighted and kind.before:
        x = x * _weights(length, kind.before, math.sqrt(2), x.dtype)
    out = kind.of(x)
    period = kind.period(length)
    scale = {"backward": 1.0, "ortho": 1 / math.sqrt(period), "forward": 1 / period}[norm]
    if weighted and kind.after:
        return out * _weights(length, kind.after, math.sqrt(0.5), x.dtype, scale)
    return out if scale == 1 else out * scale


def _weights(length: int, places: Sequence[int], weight: float, dtype: np.dtype, others: float = 1.0) -> np.ndarray:
    weights = np.full(length, others, dtype)
    weights[list(places)] = weight * others
    return weights
