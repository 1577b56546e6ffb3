"""Every error that a user can meet: what happened, where in their code, what to do instead.

An error of functrace is also one of Python's own kinds (`TypeError`, `ValueError`, `IndexError`), so that
code which catches those goes on working.
"""

from __future__ import annotations

import linecache
import os
import sys
import threading
from types import CodeType, FrameType

from numpy.linalg import LinAlgError

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_COMMANDS = os.path.join(_PACKAGE, "cli") + os.sep  # they use the library as its users do
_is_internal: dict[str, bool] = {}


class ScopeName(str):
    """The name of a scope that was entered, and the frame that entered it; no two entries are the same object."""

    frame: FrameType


class _Scope(threading.local):
    names: tuple[ScopeName, ...] = ()


scope = _Scope()  # the names of the scopes that are open on this thread, the outermost first


class Location:
    """A place in the user's code: a code object and the instruction in it, resolved to a line when asked.

    With it goes the name of the scope (`functrace.named_scope`) in which it was reached, as ``outer/inner``.
    """

    __slots__ = ("code", "instruction", "scope")

    def __init__(self, code: CodeType, instruction: int) -> None:
        self.code = code
        self.instruction = instruction
        self.scope = "/".join(scope.names) if scope.names else ""

    @property
    def filename(self) -> str:
        return self.code.co_filename

    @property
    def function(self) -> str:
        return self.code.co_name

    @property
    def line(self) -> int:
        for start, end, line in self.code.co_lines():
            if start <= self.instruction < end and line is not None:
                return line
        return self.code.co_firstlineno

    @property
    def text(self) -> str:
        """The source line itself, stripped; empty where the source is not to be had."""
        return linecache.getline(self.filename, self.line).strip()

    def __str__(self) -> str:
        text = self.text
        named = f", in the scope {self.scope}" if self.scope else ""
        place = _cell(self.filename) or self.filename
        return f"{place}:{self.line} in {self.function}{named}" + (f"\n        {text}" if text else "")


def _cell(filename: str) -> str | None:
    """What a notebook calls the cell whose code it keeps in this temporary file: ``Cell In[3]``."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    name_of = getattr(getattr(shell, "compile", None), "format_code_name", None)  # IPython 8 has it, 7 has not
    name = None if name_of is None else name_of(filename)
    return None if name is None else " ".join(name)


def is_internal(filename: str) -> bool:
    """Whether a file is the library's own (NumPy's, SciPy's, Python's, compiled by `jit`), and so not the user's."""
    known = _is_internal.get(filename)
    if known is None:
        path = filename if filename.startswith("<") else os.path.abspath(filename)
        installed = f"{os.sep}site-packages{os.sep}"
        known = (
            (path.startswith(_PACKAGE) and not path.startswith(_COMMANDS))
            or path.startswith(("<functrace", "<frozen", "<__array_function__"))
            or f"{installed}numpy{os.sep}" in path
            or f"{installed}scipy{os.sep}" in path
            or (path.startswith(_STANDARD_LIBRARY) and installed not in path)
        )
        _is_internal[filename] = known
    return known


def user_frame() -> FrameType | None:
    """The innermost running frame that is not the library's own."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def user_location() -> Location | None:
    """Where in the user's code the library was entered."""
    frame = user_frame()
    return None if frame is None else Location(frame.f_code, frame.f_lasti)


class FunctraceError(Exception):
    """An error with three parts.

    Parameters
    ----------
    what
        What happened: what was expected and what came.
    instead
        What to write instead.
    where
        The place in the user's code; by default the line that is running now.
    """

    def __init__(self, what: str, *, instead: str | None = None, where: Location | None = None) -> None:
        self.what = what
        self.instead = instead
        self.where = where or user_location()
        parts = [what]
        if self.where is not None:
            parts.append(f"  where: {self.where}")
        if instead:
            parts.append(f"  instead: {instead}")
        super().__init__("\n".join(parts))


class ConcretizationTypeError(FunctraceError, TypeError):
    """The value of a tracer was asked for where only its shape and dtype are known."""


class TracerBoolConversionError(ConcretizationTypeError):
    """A tracer was used as a Python bool (`if`, `while`, `and`, `assert`)."""


class TracerIntegerConversionError(ConcretizationTypeError):
    """A tracer was used as a Python int (`range(n)`, a shape, an index into a list)."""


class TracerArrayConversionError(FunctraceError, TypeError):
    """A tracer was to become a NumPy array (`np.asarray(x)`, `out[i] = x`, a C function that asks for one)."""


class NonConcreteBooleanIndexError(FunctraceError, IndexError):
    """A traced mask as an index: the shape of the result would depend on its values."""


class UnexpectedTracerError(FunctraceError, RuntimeError):
    """A tracer outlived the transform that made it."""


class StructureError(FunctraceError, ValueError):
    """Two pytrees that should have the same structure do not."""


class ShapeError(FunctraceError, ValueError):
    """Shapes that do not fit."""


class LinearAlgebraError(ShapeError, LinAlgError):
    """Arrays that are no matrices, or not square ones, where linear algebra expects them."""


class DtypeError(FunctraceError, TypeError):
    """A dtype that the operation or the transform does not take."""


class DifferentiationError(FunctraceError, TypeError):
    """A derivative that cannot be taken, or a rule that does not fit its function."""


class ArgumentError(FunctraceError, TypeError):
    """An argument of the wrong kind: an unhashable static argument, a leaf that is no array, an unknown keyword."""


class OptionError(FunctraceError, ValueError):
    """An argument of the right kind with a value that is not allowed."""


class IndexOutOfBoundsError(FunctraceError, IndexError):
    """A static index outside the array."""


class ImmutableError(FunctraceError, TypeError):
    """A tracer was to be changed in place."""


class JaxprTypeError(FunctraceError, TypeError):
    """A jaxpr that is not well formed: a rule of the library, or an interpreter of the user's, made a mistake."""


class ExportError(FunctraceError, ValueError):
    """A program that cannot be written to a file or as a module, or a file that is not such a program."""


class FileContentError(FunctraceError, ValueError):
    """A file of arrays that is damaged, or that holds other leaves, shapes or dtypes than are asked of it."""


class NonFiniteError(FunctraceError, FloatingPointError):
    """A NaN or an infinity: of an operation where debug_nans or debug_infs asked to be told, or in training."""


class MissingExtraError(FunctraceError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, module: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {module}, which is not installed",
            instead=f"pip install -e '.[{extra}]' in the checkout of functrace, or pip install {module}",
        )
        self.name = module
