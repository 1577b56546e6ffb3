"""Traced programs taken out of the process: as a Python module that needs NumPy alone, and as a file.

`to_source` writes a function as source that runs where this library is not installed. `save` and `load` keep a function
with all that the transforms need, so that what is loaded can be differentiated, mapped and compiled again. The file's
format is described in `functrace.export.files`.
"""

from .files import load, save
from .loaded import LoadedFunction
from .standalone import to_source

__all__ = ["LoadedFunction", "load", "save", "to_source"]
