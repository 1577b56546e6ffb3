"""The discrete Fourier transform: one linear primitive for one axis; those of several axes are one after the other."""

from __future__ import annotations

import enum
import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.aval import Aval, result_dtype
from ..core.primitive import Primitive
from ..errors import DtypeError, OptionError, ShapeError
from .creation import iota
from .elementwise import conj, where
from .indexing import getitem
from .shape import canonical_axis, convert_element_type, dtype_of, ndim_of, pad_p, shape_of


class FftType(enum.Enum):
    """Which transform `fft` makes: of complex numbers, its inverse, of real numbers, the inverse of that."""

    FFT = "fft"
    IFFT = "ifft"
    RFFT = "rfft"
    IRFFT = "irfft"


#: What scales a transform by the same factor in the other direction.
OPPOSITE_NORM = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def fft(x: Any, fft_type: FftType | str, fft_lengths: Sequence[int]) -> Any:
    """The discrete Fourier transform over the last axes, scaled as NumPy does by default.

    Parameters
    ----------
    x
        An array: of real numbers for `FftType.RFFT`, else of complex ones.
    fft_type
        An `FftType` or its name: ``"FFT"``, ``"IFFT"``, ``"RFFT"``, ``"IRFFT"``.
    fft_lengths
        The extents of the last axes, of what is in the domain of time: for `FftType.IRFFT` those of the result.

    Returns
    -------
    array
        Of the shape of `x`; its last axis has ``n // 2 + 1`` elements after `FftType.RFFT` and n after
        `FftType.IRFFT`, where n is ``fft_lengths[-1]``.

    Raises
    ------
    ShapeError
        `fft_lengths` are not the extents of the last axes.
    DtypeError
        `FftType.RFFT` of complex numbers.
    OptionError
        There is no such transform.

    Examples
    --------
    >>> import numpy as np
    >>> fft(np.array([1.0, 2.0, 3.0, 4.0]), FftType.RFFT, (4,))
    array([10.+0.j, -2.+2.j, -2.+0.j])
    """
    kind = _kind_of(fft_type)
    lengths = tuple([operator.index(length) for length in fft_lengths])
    if kind == "rfft":
        if dtype_of(x).kind == "c":
            raise DtypeError(
                f"fft expected real numbers for RFFT, got {dtype_of(x).name}", instead="FftType.FFT, or x.real"
            )
        x = convert_element_type(x, result_dtype(dtype_of(x), 1.0))
    else:
        x = convert_element_type(x, result_dtype(dtype_of(x), 1j))
    if not lengths:
        return x
    expected = (*lengths[:-1], lengths[-1] // 2 + 1) if kind == "irfft" else lengths
    if shape_of(x)[-len(lengths) :] != expected:
        raise ShapeError(
            f"fft expected an array whose last axes have the extents {expected}, got shape {shape_of(x)}",
            instead="functrace.numpy.fft, which cuts an array or fills it with zeros to the lengths asked for",
        )
    axes = range(-len(lengths), 0)
    if kind == "rfft":
        x = transform("rfft", x, lengths[-1], -1)
    outer = "fft" if kind in ("fft", "rfft") else "ifft"
    for axis, length in zip(axes[:-1], lengths[:-1], strict=True):
        x = transform(outer, x, length, axis)
    return x if kind == "rfft" else transform(kind, x, lengths[-1], -1)


def _kind_of(fft_type: FftType | str) -> str:
    if isinstance(fft_type, str) and fft_type in FftType.__members__:
        return FftType[fft_type].value
    if isinstance(fft_type, FftType):
        return fft_type.value
    raise OptionError(f"fft expected one of {', '.join(FftType.__members__)}, got {fft_type!r}")


def transform(kind: str, x: Any, n: int, axis: int, norm: str = "backward") -> Any:
    """The transform of one axis, cut or filled with zeros to what `n` needs.

    Parameters
    ----------
    kind
        The name of NumPy's function: ``fft``, ``ifft``, ``rfft`` (of real numbers) or ``irfft``.
    x
        An array.
    n
        How many elements the axis has in the domain of time, at least 1.
    axis
        The axis.
    norm
        Which direction is scaled by 1 / n: ``backward``, ``forward``, or both by its root: ``ortho``.
    """
    axis = canonical_axis(axis, ndim_of(x))
    if kind == "irfft" and not shape_of(x)[axis]:  # of nothing NumPy's function leaves the result as it finds it
        x = resized(x, 1, axis)
    return fft_p(x, kind=kind, n=n, axis=axis, norm=norm)


# ---------------------------------------------------------------------------------------------------------------------
# the primitive
# ---------------------------------------------------------------------------------------------------------------------


def _impl(x: np.ndarray, *, kind: str, n: int, axis: int, norm: str) -> np.ndarray:
    return getattr(np.fft, kind)(x, n, axis, norm)


def _abstract(x: Aval, *, kind: str, n: int, axis: int, norm: str) -> Aval:
    extent = n // 2 + 1 if kind == "rfft" else n
    return Aval((*x.shape[:axis], extent, *x.shape[axis + 1 :]), _dtype_of_result(kind, x.dtype))


@lru_cache(maxsize=128)
def _dtype_of_result(kind: str, dtype: np.dtype) -> np.dtype:
    return getattr(np.fft, kind)(np.zeros(1, dtype), 1).dtype


def _transpose(ct: Any, x: Any, *, kind: str, n: int, axis: int, norm: str) -> Any:
    """The matrix of a complex transform is symmetric. Those of real numbers are each other's transposes up to weights.

    With w = exp(-2πi / n), rfft is y[k] = Σ_j x[j]·w^(jk) for 0 ≤ k ≤ n/2, and its transpose as a map of real numbers
    (the cotangents not conjugated) Re Σ_k c[k]·w^(jk); irfft is y[j] = 1/n · Re Σ_k m[k]·x[k]·w^(-jk), where m[k] is 2,
    for each k whose conjugate is not written down, and 1 for k = 0 and k = n/2.
    """
    opposite = OPPOSITE_NORM[norm]
    if kind == "rfft":
        weighted = conj(ct) / _multiplicity(n, ct, axis)
        ct = transform("irfft", weighted, n, axis, opposite)
    elif kind == "irfft":
        spectrum = transform("rfft", ct, n, axis, opposite)
        ct = conj(spectrum) * _multiplicity(n, spectrum, axis)
    else:
        ct = transform(kind, ct, n, axis, norm)
    return convert_element_type(resized(ct, shape_of(x)[axis], axis), dtype_of(x))


def _multiplicity(n: int, spectrum: Any, axis: int) -> Any:
    """How often each frequency stands in the whole spectrum, of which half is written down."""
    dtype = np.dtype(dtype_of(spectrum).char.lower())  # the real one
    frequency = iota(dtype, n // 2 + 1)
    once = (frequency == 0) | (2 * frequency == n)
    weights = where(once, dtype.type(1), dtype.type(2))
    return weights.reshape([-1 if index == axis else 1 for index in range(ndim_of(spectrum))])


def resized(x: Any, extent: int, axis: int) -> Any:
    """`x` with `extent` elements along an axis: cut, or filled with zeros, behind."""
    missing = extent - shape_of(x)[axis]
    if missing <= 0:
        return getitem(x, (*[slice(None)] * axis, slice(extent))) if missing else x
    config = [(0, missing if index == axis else 0, 0) for index in range(ndim_of(x))]
    return pad_p(x, dtype_of(x).type(0), padding_config=tuple(config))


def _batch(size: int, args: Sequence, dims: Sequence, *, axis: int, **params: Any) -> tuple[Any, int]:
    return fft_p(args[0], axis=axis + (axis >= dims[0]), **params), dims[0]


def _source(args: Sequence[str], avals: Sequence[Aval], *, kind: str, n: int, axis: int, norm: str) -> str:
    return f"np.fft.{kind}({args[0]}, {n}, {axis}, {norm!r})"


def _into(args: Sequence[str], avals: Sequence[Aval], out: str, *, kind: str, n: int, axis: int, norm: str) -> str:
    return f"np.fft.{kind}({args[0]}, {n}, {axis}, {norm!r}, {out})"


fft_p: Primitive = Primitive("fft", _impl, _abstract, transpose=_transpose, batch=_batch, source=_source, into=_into)
