"""Settings of the whole process, each also to be set for a while: ``with functrace.config.override(debug_nans=True)``."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import OptionError

_DEFAULTS: dict[str, Any] = {
    "disable_jit": False,  # run jitted functions and control flow as plain Python
    "debug_nans": False,  # raise where an operation gives a NaN
    "debug_infs": False,  # raise where an operation gives an infinity
    "log_compiles": False,  # say on the log what is compiled, and why again
    "threads": os.cpu_count() or 1,  # how many threads a compiled function may use
}


class Config:
    """The settings: attributes that can be read and set.

    Examples
    --------
    >>> from functrace import config
    >>> config.debug_nans
    False
    >>> with config.override(debug_nans=True):
    ...     config.debug_nans
    True
    """

    def __init__(self) -> None:
        self.__dict__["_values"] = dict(_DEFAULTS)
        self.__dict__["_local"] = threading.local()

    def __getattr__(self, name: str) -> Any:
        overrides = getattr(self.__dict__["_local"], "values", None)
        if overrides and name in overrides:
            return overrides[name]
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"functrace.config has no setting {name!r}; it has {sorted(_DEFAULTS)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["_values"][name] = _checked(name, value)

    def update(self, name: str, value: Any) -> None:
        """Set one setting, by its name (JAX's ``jax_`` in front is allowed)."""
        setattr(self, name.removeprefix("jax_"), value)

    @contextmanager
    def override(self, **settings: Any) -> Iterator[None]:
        """Settings that hold on this thread while this runs."""
        local = self.__dict__["_local"]
        outer = getattr(local, "values", {})
        local.values = {**outer, **{name: _checked(name, value) for name, value in settings.items()}}
        try:
            yield
        finally:
            local.values = outer


def _checked(name: str, value: Any) -> Any:
    default = _DEFAULTS.get(name)
    if default is None:
        raise OptionError(f"functrace.config has no setting {name!r}; it has {sorted(_DEFAULTS)}")
    if isinstance(default, bool):
        if not isinstance(value, (bool, int)):
            raise OptionError(f"functrace.config.{name} should be True or False, got {value!r}")
        return bool(value)
    if not isinstance(value, int) or value < 1:
        raise OptionError(f"functrace.config.{name} should be a positive int, got {value!r}")
    return value


config = Config()
