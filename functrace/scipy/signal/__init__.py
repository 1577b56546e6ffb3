"""`scipy.signal`, which can be traced: convolutions, trends and spectra.

All of it is made of functrace's own operations: SciPy is needed only where a window is asked for by a name that NumPy
does not have.
"""

from ..absent import absent
from .convolution import convolve, convolve2d, correlate, correlate2d, fftconvolve, oaconvolve
from .power import csd, periodogram, welch
from .short_time import istft, stft
from .trends import detrend

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "csd",
    "detrend",
    "fftconvolve",
    "istft",
    "oaconvolve",
    "periodogram",
    "stft",
    "welch",
]

__getattr__ = absent(__name__)
