"""SciPy's API where it can be differentiated: values from SciPy (an extra), derivatives from functrace's rules."""

from ..lazy import submodules

__getattr__, __dir__ = submodules(
    __name__, "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "special", "stats"
)
