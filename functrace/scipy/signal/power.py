"""The power of a signal by frequency, averaged over segments of it."""

from __future__ import annotations

import operator
from typing import Any, Literal

import numpy as np

from ...core.aval import result_dtype
from ...errors import OptionError
from ...lax.elementwise import complex_, conj, imag, real
from ...lax.indexing import getitem
from ...lax.shape import canonical_axis, move_axis
from ...numpy.dispatch import as_array
from ...numpy.order_statistics import median
from ...numpy.padding import pad
from ...numpy.reductions import sum as total
from .segments import Segments, frequencies_of, power_scale, spectra_of, to_last


def csd(
    x: Any,
    y: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    axis: int = -1,
    average: Literal["mean", "median"] = "mean",
) -> tuple[Any, Any]:
    """The cross power spectral density of two signals by Welch's method, as `scipy.signal.csd`.

    Parameters
    ----------
    x, y
        Signals along `axis`; the shorter one is filled with zeros, the other axes broadcast. With None as `y` it is
        `x`, and the result real.
    fs
        The sampling frequency.
    window
        The name of a window, a tuple of a name and its parameters, or an array, which may be traced.
    nperseg
        The length of a segment: by default 256, or the window's.
    noverlap
        By how much segments overlap, by default half of `nperseg`.
    nfft
        The length of the transforms, by default `nperseg`.
    detrend
        ``"constant"``, ``"linear"``, a function of segments along the last axis, or False.
    return_onesided
        Whether the negative frequencies are left out where they say nothing new.
    scaling
        ``"density"``: power per frequency; ``"spectrum"``: power.
    axis
        The axis of time.
    average
        What is taken over the segments.

    Returns
    -------
    frequencies, power
        Arrays; `power` has the frequencies along `axis`.

    Raises
    ------
    OptionError
        A length or a name that is not allowed.
    """
    x, y = as_array(x), None if y is None or y is x else as_array(y)
    if scaling not in ("density", "spectrum"):
        raise OptionError(f"scaling must be 'density' or 'spectrum', got {scaling!r}")
    if average not in ("mean", "median"):
        raise OptionError(f"average must be 'mean' or 'median', got {average!r}")
    if not x.size or (y is not None and not y.size):
        empty = np.zeros(x.shape)
        return empty, empty
    place = axis if axis < 0 else axis - x.ndim
    x = to_last(x, axis)
    signals = [x] if y is None else _of_one_length(x, to_last(y, axis))
    segments = Segments.of(window, nperseg, noverlap, nfft, signals[0].shape[-1])
    one_sided = return_onesided and all(signal.dtype.kind != "c" for signal in signals)
    dtype = result_dtype(*[signal.dtype for signal in signals], np.complex64)
    spectra = [spectra_of(signal, segments, detrend, one_sided, dtype) for signal in signals]
    power = conj(spectra[0]) * spectra[-1] * power_scale(segments.window, fs, scaling, dtype)
    if one_sided:
        doubled = np.full(power.shape[-1], 2, power.real.dtype)
        doubled[0] = 1
        if segments.nfft % 2 == 0:
            doubled[-1] = 1
        power = power * doubled
    power = _averaged(power, average)
    if y is None:
        power = real(power)
    frequencies = frequencies_of(segments.nfft, fs, one_sided)
    return frequencies, move_axis(power, power.ndim - 1, place % power.ndim)


def welch(
    x: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    axis: int = -1,
    average: Literal["mean", "median"] = "mean",
) -> tuple[Any, Any]:
    """The power spectral density of a signal by Welch's method, as `scipy.signal.welch`.

    The segments of the signal, which overlap, are transformed, and the squares of their magnitudes averaged
    (P. Welch, "The use of the fast Fourier transform for the estimation of power spectra", IEEE Transactions on Audio
    and Electroacoustics 15, 1967). The parameters are those of `csd`.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(64)
    >>> frequencies, power = welch(np.sin(2 * np.pi * t / 8), nperseg=32)
    >>> print(frequencies[np.argmax(power)])
    0.125
    """
    return csd(
        x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis=axis, average=average
    )


def periodogram(
    x: Any,
    fs: Any = 1.0,
    window: Any = "boxcar",
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    axis: int = -1,
) -> tuple[Any, Any]:
    """The power spectral density of a signal from one frame, which is all of it, as `scipy.signal.periodogram`.

    The parameters are those of `csd`; a signal longer than `nfft` is cut.
    """
    x = as_array(x)
    if not x.size:
        return np.zeros(x.shape), np.zeros(x.shape)
    axis = canonical_axis(axis, x.ndim)
    length = x.shape[axis]
    if nfft is not None and nfft < length:
        length = operator.index(nfft)
        x = getitem(x, (*[slice(None)] * axis, slice(length)))
    return welch(
        x, fs, "boxcar" if window is None else window, length, 0, nfft, detrend, return_onesided, scaling, axis
    )


def _of_one_length(x: Any, y: Any) -> list[Any]:
    """Both with zeros behind to the length of the longer one."""
    length = max(x.shape[-1], y.shape[-1])
    np.broadcast_shapes(x.shape[:-1], y.shape[:-1])  # ValueError where the other axes do not broadcast
    return [pad(z, [*[(0, 0)] * (z.ndim - 1), (0, length - z.shape[-1])]) for z in (x, y)]


def _averaged(power: Any, average: str) -> Any:
    """Over the segments, the axis before the last."""
    count, axis = power.shape[-2], power.ndim - 2
    if count == 1:
        return getitem(power, (..., 0, slice(None)))
    if average == "mean":
        return total(power, axis) / count
    pairs = 2 * np.arange(1, (count - 1) // 2 + 1)
    bias = 1 + float(np.sum(1 / (pairs + 1) - 1 / pairs))  # of the median of exponential variables, to their mean
    return complex_(median(real(power), axis) / bias, median(imag(power), axis) / bias)
