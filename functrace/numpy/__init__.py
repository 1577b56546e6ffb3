"""NumPy's API, which can be traced."""

from .ufuncs import FUNCTIONS as _FUNCTIONS
from . import methods

globals().update(_FUNCTIONS)
