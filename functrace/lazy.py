"""What is imported when it is first asked for: modules of the package, and libraries that are extras."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from .errors import MissingExtraError


def submodules(package: str, *names: str) -> Callable[[str], ModuleType]:
    """A ``__getattr__`` for a package: these modules of its are imported when they are first asked for.

    Parameters
    ----------
    package
        The package's ``__name__``.
    *names
        Its modules that are not imported with it.
    """

    def __getattr__(name: str) -> ModuleType:
        if name in names:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return __getattr__


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module of a library that is an extra.

    Parameters
    ----------
    module
        Its full name, as ``scipy.special``.
    extra
        The extra of ``pyproject.toml`` that brings it.
    purpose
        What needs it, as the user wrote it: ``functrace.scipy.special.zeta``.

    Raises
    ------
    MissingExtraError
        The library is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtraError(module.split(".")[0], extra, purpose) from None
