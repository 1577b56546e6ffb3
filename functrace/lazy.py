"""What is imported when it is first asked for: modules of the package, libraries that are extras, their ufuncs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from .errors import MissingExtraError


def submodules(package: str, *names: str) -> tuple[Callable[[str], ModuleType], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` for a package: these modules of its are imported when they are first asked for.

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

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names})

    return __getattr__, __dir__


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


class LateUfunc:
    """A ufunc of a library that is an extra, imported when it is first called or asked about its dtypes.

    Parameters
    ----------
    module
        The module that has it, as ``scipy.special``.
    name
        Its name there.
    extra
        The extra of ``pyproject.toml`` that brings the library.
    """

    __slots__ = ("__name__", "extra", "loaded", "module")

    def __init__(self, module: str, name: str, extra: str) -> None:
        self.module = module
        self.__name__ = name
        self.extra = extra
        self.loaded: Any = None

    def load(self) -> Any:
        """The ufunc itself.

        Raises
        ------
        MissingExtraError
            The library is not installed.
        """
        if self.loaded is None:
            public = [part for part in self.module.split(".") if not part.startswith("_")]
            purpose = ".".join(["functrace", *public, self.__name__.lstrip("_")])
            self.loaded = getattr(import_extra(self.module, self.extra, purpose), self.__name__)
        return self.loaded

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return (self.loaded or self.load())(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.load(), name)

    def __repr__(self) -> str:
        return f"<ufunc {self.module}.{self.__name__}>"
