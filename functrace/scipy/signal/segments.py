"""How a signal is cut into segments, and their spectra: each detrended, weighted by a window, transformed."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...errors import OptionError, ShapeError
from ...lax.elementwise import real
from ...lax.shape import canonical_axis, convert_element_type, move_axis
from ...lazy import import_extra
from ...numpy.dispatch import as_array, as_operand
from ...numpy.fft import fft, fftfreq, rfft, rfftfreq
from ...numpy.reductions import sum as total
from .frames import framed
from .trends import detrend as without_trend

_WINDOWS: dict[str, Callable[[int], np.ndarray]] = {
    "hann": np.hanning,
    "hann_periodic": np.hanning,
    "hamming": np.hamming,
    "blackman": np.blackman,
    "bartlett": np.bartlett,
    "boxcar": np.ones,
}


class Segments(NamedTuple):
    """How a signal is cut, and what each segment is multiplied with; the length of the transforms."""

    window: Any
    length: int
    step: int
    nfft: int

    @classmethod
    def of(
        cls, window: Any, nperseg: int | None, noverlap: int | None, nfft: int | None, extent: int | None
    ) -> Segments:
        """Those of a signal of `extent` elements; of any signal where it is None."""
        named = isinstance(window, (str, tuple))
        weights = None if named else as_array(window)
        if weights is not None and weights.ndim != 1:
            raise ShapeError(f"window expected a name or an array of one axis, got shape {weights.shape}")
        if nperseg is None:
            nperseg = 256 if weights is None else weights.shape[0]
        length = operator.index(nperseg)
        if length < 1:
            raise OptionError(f"nperseg must be at least 1, got {length}")
        if extent is not None and length > extent:
            if weights is not None:
                raise ShapeError(f"the window is longer than the signal: {length} and {extent}")
            warnings.warn(
                f"nperseg = {length} is greater than the signal's length, using nperseg = {extent}", stacklevel=4
            )
            length = extent
        if weights is None:
            weights = _window(window, length)
        elif weights.shape[0] != length:
            raise ShapeError(f"nperseg is {length}, and the window has {weights.shape[0]} elements")
        noverlap = length // 2 if noverlap is None else operator.index(noverlap)
        if noverlap >= length:
            raise OptionError(f"noverlap must be less than nperseg, {length}, got {noverlap}")
        nfft = length if nfft is None else operator.index(nfft)
        if nfft < length:
            raise OptionError(f"nfft must be at least nperseg, {length}, got {nfft}")
        return cls(weights, length, length - noverlap, nfft)


def _window(window: str | tuple, length: int) -> np.ndarray:
    """A period of a window: without the last of one element more."""
    if window in _WINDOWS:
        return np.ones(1) if length == 1 else _WINDOWS[str(window)](length + 1)[:-1]
    return import_extra("scipy.signal", "scipy", f"the window {window!r}").get_window(window, length)


def spectra_of(x: Any, segments: Segments, detrend: Any, one_sided: bool, dtype: np.dtype) -> Any:
    """The transforms of the segments: the last axes are their number and the frequency."""
    pieces = framed(x, segments.length, segments.step)
    if callable(detrend):
        pieces = detrend(pieces)
    elif detrend:
        pieces = without_trend(pieces, type=detrend)
    pieces = pieces * convert_element_type(segments.window, np.dtype(dtype.char.lower()))
    spectra = rfft(real(pieces), segments.nfft) if one_sided else fft(pieces, segments.nfft)
    return convert_element_type(spectra, dtype)


def power_scale(window: Any, fs: Any, scaling: str, dtype: np.dtype) -> Any:
    """By what the squared magnitude of a spectrum is multiplied."""
    window = convert_element_type(window, np.dtype(dtype.char.lower()))
    if scaling == "spectrum":
        return 1 / total(window) ** 2
    return convert_element_type(1 / (as_operand(fs) * total(window * window)), window.dtype)


def frequencies_of(nfft: int, fs: Any, one_sided: bool) -> Any:
    """The frequencies of a spectrum."""
    return (rfftfreq if one_sided else fftfreq)(nfft, 1 / as_operand(fs))


def to_last(x: Any, axis: int) -> Any:
    """`x` with its axis of time as the last one."""
    return move_axis(x, canonical_axis(axis, x.ndim), x.ndim - 1)
