"""The short-time Fourier transform: the spectrum of each segment of a signal; and its inverse."""

from __future__ import annotations

import operator
import warnings
from typing import Any, Literal

import numpy as np

from ...core.aval import result_dtype
from ...core.trace import concrete_or_none
from ...errors import OptionError, ShapeError
from ...lax.elementwise import real, sqrt, where
from ...lax.indexing import getitem
from ...lax.shape import broadcast_to, canonical_axis, convert_element_type, move_axis
from ...numpy.dispatch import as_array, as_operand
from ...numpy.fft import ifft, irfft
from ...numpy.padding import pad
from ...numpy.reductions import sum as total
from .frames import overlap_added
from .segments import Segments, frequencies_of, power_scale, spectra_of, to_last

#: SciPy's names of what is put around a signal → keywords of `numpy.pad`.
_EXTENSIONS: dict[str, dict[str, Any]] = {
    "even": {"mode": "reflect"},
    "odd": {"mode": "reflect", "reflect_type": "odd"},
    "constant": {"mode": "edge"},
    "zeros": {"mode": "constant"},
}


def stft(
    x: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: int | None = 256,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = False,
    return_onesided: bool = True,
    boundary: str | None = "zeros",
    padded: bool = True,
    axis: int = -1,
    scaling: Literal["spectrum", "psd"] = "spectrum",
) -> tuple[Any, Any, Any]:
    """The short-time Fourier transform, as `scipy.signal.stft`.

    Parameters
    ----------
    x
        Signals along `axis`.
    fs, window, nperseg, noverlap, nfft, detrend, return_onesided
        Those of `csd`.
    boundary
        What half a segment around the signal is made of: ``"zeros"``, ``"even"`` and ``"odd"`` (its mirror images),
        ``"constant"`` (its first and last elements), or None: there is none.
    padded
        Whether zeros behind make a whole last segment.
    axis
        The axis of time.
    scaling
        ``"spectrum"``: the spectrum's magnitude; ``"psd"``: its square is power per frequency.

    Returns
    -------
    frequencies, times, spectra
        Arrays; `spectra` has the frequencies along `axis` and the segments along a last axis.

    Examples
    --------
    >>> import numpy as np
    >>> frequencies, times, spectra = stft(np.ones(8), nperseg=4)
    >>> spectra.shape
    (3, 5)
    """
    x = as_array(x)
    if scaling not in ("spectrum", "psd"):
        raise OptionError(f"scaling must be 'spectrum' or 'psd', got {scaling!r}")
    if boundary is not None and boundary not in _EXTENSIONS:
        raise OptionError(f"boundary must be None or one of {', '.join(map(repr, _EXTENSIONS))}, got {boundary!r}")
    if not x.size:
        return np.zeros(x.shape), np.zeros(x.shape), np.zeros(x.shape)
    place = axis - 1 if axis < 0 else axis
    x = to_last(x, axis)
    segments = Segments.of(window, nperseg, noverlap, nfft, x.shape[-1])
    half = segments.length // 2
    if boundary is not None:
        if boundary != "zeros" and half > x.shape[-1] - 1:
            raise ShapeError(f"boundary={boundary!r} expected a signal longer than half a segment, {half}")
        x = pad(x, [*[(0, 0)] * (x.ndim - 1), (half, half)], **_EXTENSIONS[boundary])
    if padded:
        missing = (-(x.shape[-1] - segments.length) % segments.step) % segments.length
        x = pad(x, [*[(0, 0)] * (x.ndim - 1), (0, missing)])
    one_sided = return_onesided and x.dtype.kind != "c"
    if return_onesided and not one_sided:
        warnings.warn("Input data is complex, switching to return_onesided=False", stacklevel=2)
    dtype = result_dtype(x.dtype, np.complex64)
    scale = sqrt(power_scale(segments.window, fs, "density" if scaling == "psd" else "spectrum", dtype))
    spectra = spectra_of(x, segments, detrend, one_sided, dtype) * scale
    starts = np.arange(spectra.shape[-2]) * segments.step + (0 if boundary is not None else segments.length / 2)
    spectra = move_axis(spectra, spectra.ndim - 1, place % spectra.ndim)
    return frequencies_of(segments.nfft, fs, one_sided), starts / as_operand(fs), spectra


def istft(
    Zxx: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    input_onesided: bool = True,
    boundary: bool = True,
    time_axis: int = -1,
    freq_axis: int = -2,
    scaling: Literal["spectrum", "psd"] = "spectrum",
) -> tuple[Any, Any]:
    """The signal whose short-time Fourier transform this is, as `scipy.signal.istft`.

    Parameters
    ----------
    Zxx
        What `stft` gives.
    fs, window, nperseg, noverlap, nfft, scaling
        Those of `stft`.
    input_onesided
        Whether the negative frequencies were left out.
    boundary
        Whether half a segment at each end is to be taken away.
    time_axis, freq_axis
        The axes of the segments and of the frequencies.

    Returns
    -------
    times, signal
        Arrays; `signal` has the time along `time_axis`.

    Raises
    ------
    ShapeError
        There are less than two axes.
    OptionError
        A length, an axis or a name that is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> signal = np.arange(8.0)
    >>> times, back = istft(stft(signal, nperseg=4)[2])
    >>> np.allclose(back, signal)
    True
    """
    spectra = as_array(Zxx)
    spectra = convert_element_type(spectra, result_dtype(spectra.dtype, 1j))
    ndim = spectra.ndim
    if ndim < 2:
        raise ShapeError(f"istft expected spectra of at least two axes, got shape {spectra.shape}")
    time_axis, freq_axis = canonical_axis(time_axis, ndim), canonical_axis(freq_axis, ndim)
    if time_axis == freq_axis:
        raise OptionError("istft expected two axes, of time and of frequency, got the same one twice")
    if scaling not in ("spectrum", "psd"):
        raise OptionError(f"scaling must be 'spectrum' or 'psd', got {scaling!r}")
    bins = spectra.shape[freq_axis]
    whole = 2 * (bins - 1) if input_onesided else bins
    length = whole if nperseg is None else operator.index(nperseg)
    if length < 1:
        raise OptionError(f"nperseg must be at least 1, got {length}")
    if nfft is None:
        nfft = length if input_onesided and length == whole + 1 else whole
    segments = Segments.of(window, length, noverlap, nfft, None)
    others = [axis for axis in range(ndim) if axis not in (time_axis, freq_axis)]
    spectra = spectra.transpose((*others, time_axis, freq_axis))
    pieces = irfft(spectra, segments.nfft) if input_onesided else ifft(spectra, segments.nfft)
    pieces = getitem(pieces, (..., slice(length)))
    weights = convert_element_type(segments.window, pieces.dtype)
    scale = total(weights) if scaling == "spectrum" else sqrt(as_operand(fs) * total(weights * weights))
    signal = overlap_added(pieces * (weights * scale), ndim - 1, segments.step)
    squares = broadcast_to(weights * weights, (pieces.shape[-2], length))
    norm = overlap_added(squares, 1, segments.step)
    if boundary:
        inside = slice(length // 2, -(length // 2))
        signal, norm = getitem(signal, (..., inside)), getitem(norm, inside)
    invertible = real(norm) > 1e-10
    known = concrete_or_none(invertible)
    if known is not None and not np.all(known):
        hint = "" if boundary else " Possibly due to missing boundary"
        warnings.warn(f"NOLA condition failed, STFT may not be invertible.{hint}", stacklevel=2)
    signal = signal / where(invertible, norm, norm.dtype.type(1))
    place = time_axis - (freq_axis < time_axis)
    signal = move_axis(signal, signal.ndim - 1, place)
    return np.arange(signal.shape[0]) / as_operand(fs), signal
