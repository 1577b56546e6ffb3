"""What is said of SciPy's names that a module of functrace.scipy has not."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NoReturn


def absent(module: str) -> Callable[[str], NoReturn]:
    """A ``__getattr__`` for a module: the error says what to write for a name that SciPy has.

    Parameters
    ----------
    module
        Its ``__name__``.
    """
    theirs = module.removeprefix("functrace.")
    numpys = theirs.replace("scipy", "functrace.numpy", 1)

    def __getattr__(name: str) -> NoReturn:
        if not name.startswith("_"):
            if _has(numpys, name):
                raise AttributeError(f"{module} has no {name!r}: write {numpys}.{name}")
            if _has(theirs, name):
                raise AttributeError(
                    f"{module} has no {name!r}: on arrays, outside what is traced, write {theirs}.{name}; "
                    "functrace.pure_callback calls it from a traced function"
                )
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return __getattr__


def _has(module: str, name: str) -> bool:
    try:
        return hasattr(import_module(module), name)
    except ImportError:
        return False
