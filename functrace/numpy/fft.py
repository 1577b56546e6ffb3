"""`numpy.fft`, which can be traced."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype
from ..errors import DtypeError
from ..lax.creation import iota
from ..lax.elementwise import conj
from ..lax.fft import OPPOSITE_NORM, transform
from ..lax.shape import canonical_axis, concatenate, convert_element_type
from .dispatch import as_array, as_operand, implements, static
from .manipulation import roll

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

_STATIC = "static_argnums for an argument of jit that gives a length"

# ---------------------------------------------------------------------------------------------------------------------
# one axis
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.fft.fft)
def fft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: None = None) -> Any:
    return _transformed("fft", as_array(a), n, axis, norm)


@implements(np.fft.ifft)
def ifft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: None = None) -> Any:
    return _transformed("ifft", as_array(a), n, axis, norm)


@implements(np.fft.rfft)
def rfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: None = None) -> Any:
    return _transformed("rfft", as_array(a), n, axis, norm)


@implements(np.fft.irfft)
def irfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: None = None) -> Any:
    return _transformed("irfft", as_array(a), n, axis, norm)


@implements(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: None = None) -> Any:
    return _transformed("irfft", conj(as_array(a)), n, axis, OPPOSITE_NORM[_checked_norm(norm)])


@implements(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: None = None) -> Any:
    return conj(_transformed("rfft", as_array(a), n, axis, OPPOSITE_NORM[_checked_norm(norm)]))


def _transformed(kind: str, a: Any, n: Any, axis: int, norm: str | None) -> Any:
    if n is None:
        extent = a.shape[axis]
        n = 2 * (extent - 1) if kind == "irfft" else extent
    n = operator.index(static(n, f"numpy.fft.{kind}", "n", _STATIC))
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    norm = _checked_norm(norm)
    axis = canonical_axis(axis, a.ndim)
    if kind == "rfft" and a.dtype.kind == "c":
        raise DtypeError(
            f"numpy.fft.rfft expected real numbers, got {a.dtype.name}", instead="functrace.numpy.fft.fft, or a.real"
        )
    return transform(kind, a, n, axis, norm)


def _checked_norm(norm: str | None) -> str:
    if norm is None:
        return "backward"
    if norm not in OPPOSITE_NORM:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return norm


# ---------------------------------------------------------------------------------------------------------------------
# several axes
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: None = None) -> Any:
    return _in_turn("fft", as_array(a), s, axes, norm)


@implements(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: None = None) -> Any:
    return _in_turn("ifft", as_array(a), s, axes, norm)


@implements(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: None = None) -> Any:
    a = as_array(a)
    lengths, axes = _lengths_and_axes("rfftn", a, s, axes)
    a = _transformed("rfft", a, lengths[-1], axes[-1], norm)
    for length, axis in zip(lengths[-2::-1], axes[-2::-1], strict=True):
        a = _transformed("fft", a, length, axis, norm)
    return a


@implements(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: None = None) -> Any:
    a = as_array(a)
    lengths, axes = _lengths_and_axes("irfftn", a, s, axes)
    last = 2 * (a.shape[axes[-1]] - 1) if s is None else lengths[-1]
    for length, axis in zip(lengths[:-1], axes[:-1], strict=True):
        a = _transformed("ifft", a, length, axis, norm)
    return _transformed("irfft", a, last, axes[-1], norm)


@implements(np.fft.fft2)
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: None = None) -> Any:
    return fftn(a, s, axes, norm)


@implements(np.fft.ifft2)
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: None = None) -> Any:
    return ifftn(a, s, axes, norm)


@implements(np.fft.rfft2)
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: None = None) -> Any:
    return rfftn(a, s, axes, norm)


@implements(np.fft.irfft2)
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: None = None) -> Any:
    return irfftn(a, s, axes, norm)


def _in_turn(kind: str, a: Any, s: Any, axes: Any, norm: str | None) -> Any:
    lengths, axes = _lengths_and_axes(f"{kind}n", a, s, axes)
    for length, axis in zip(lengths[::-1], axes[::-1], strict=True):
        a = _transformed(kind, a, length, axis, norm)
    return a


def _lengths_and_axes(function: str, a: Any, s: Any, axes: Any) -> tuple[list[int], list[int]]:
    """How long each transform is, and along which axis; an axis may come several times."""
    if s is None:
        axes = list(range(a.ndim)) if axes is None else [operator.index(axis) for axis in axes]
        return [a.shape[axis] for axis in axes], axes
    lengths = list(static(s, f"numpy.fft.{function}", "s", _STATIC))
    if axes is None:
        warnings.warn(
            f"numpy.fft.{function}: s without axes is deprecated since NumPy 2.0; pass the axes as well",
            DeprecationWarning,
            stacklevel=4,
        )
        axes = range(-len(lengths), 0)
    axes = [operator.index(axis) for axis in axes]
    if len(lengths) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return [a.shape[axis] if length == -1 else length for length, axis in zip(lengths, axes, strict=True)], axes


# ---------------------------------------------------------------------------------------------------------------------
# frequencies
# ---------------------------------------------------------------------------------------------------------------------


@implements(np.fft.fftfreq, creates=True, extensions=("dtype",))
def fftfreq(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
    """`numpy.fft.fftfreq`, which can be traced; with `dtype`, as the array API standard has it."""
    count = _count("fftfreq", n)
    half = (count + 1) // 2
    numbers = concatenate([iota(np.int64, half), iota(np.int64, count - half) - count // 2], 0)
    return _scaled(numbers, count, d, dtype)


@implements(np.fft.rfftfreq, creates=True, extensions=("dtype",))
def rfftfreq(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
    """`numpy.fft.rfftfreq`, which can be traced; with `dtype`, as the array API standard has it."""
    count = _count("rfftfreq", n)
    return _scaled(iota(np.int64, count // 2 + 1), count, d, dtype)


def _count(function: str, n: Any) -> int:
    n = static(n, f"numpy.fft.{function}", "n", _STATIC)
    if not isinstance(n, (int, np.integer)):
        raise ValueError("n should be an integer")
    return int(n)


def _scaled(numbers: Any, n: int, d: Any, dtype: Any) -> Any:
    frequencies = numbers * (1.0 / (n * as_operand(d)))
    return frequencies if dtype is None else convert_element_type(frequencies, canonical_dtype(dtype))


@implements(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    return _shifted(x, axes, lambda extent: extent // 2)


@implements(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    return _shifted(x, axes, lambda extent: -(extent // 2))


def _shifted(x: Any, axes: Any, shift_of: Callable[[int], int]) -> Any:
    x = as_array(x)
    if axes is None:
        axes = tuple(range(x.ndim))
    elif isinstance(axes, (int, np.integer)):
        axes = (axes,)
    return roll(x, [shift_of(x.shape[axis]) for axis in axes], tuple(axes))
