"""Settings of the process, each also to be set for a while: ``with functrace.config.override(debug_nans=True)``."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .errors import OptionError

_DEFAULTS: dict[str, Any] = {
    "disable_jit": False,  # run jitted functions and control flow as plain Python
    "debug_nans": False,  # raise where an operation gives a NaN
    "debug_infs": False,  # raise where an operation gives an infinity
    "log_compiles": False,  # say on the log what is compiled, and why again
    "threads": os.cpu_count() or 1,  # how many threads a compiled function may use
}


_DEBUGGING = ("disable_jit", "debug_nans", "debug_infs")


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
        self.__dict__["_lock"] = threading.Lock()
        self.__dict__["_listeners"] = []
        # in how many places, of all threads, a setting for debugging is on: while it is 0 nobody has to ask which
        self.__dict__["debugging"] = 0

    def __getattr__(self, name: str) -> Any:
        overrides = getattr(self.__dict__["_local"], "values", None)
        if overrides and name in overrides:
            return overrides[name]
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"functrace.config has no setting {name!r}; it has {sorted(_DEFAULTS)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        values, value = self.__dict__["_values"], _checked(name, value)
        if name in _DEBUGGING:
            self._count(bool(value) - bool(values[name]))
        values[name] = value

    def update(self, name: str, value: Any) -> None:
        """Set one setting, by its name (JAX's ``jax_`` in front is allowed)."""
        setattr(self, name.removeprefix("jax_"), value)

    if TYPE_CHECKING:
        debugging: int

    @contextmanager
    def override(self, **settings: Any) -> Iterator[None]:
        """Settings that hold on this thread while this runs."""
        local = self.__dict__["_local"]
        outer = getattr(local, "values", {})
        checked = {name: _checked(name, value) for name, value in settings.items()}
        on = sum([bool(checked.get(name)) for name in _DEBUGGING])
        local.values = {**outer, **checked}
        self._count(on)
        try:
            yield
        finally:
            local.values = outer
            self._count(-on)

    def when_debugging(self, listener: Callable[[bool], None]) -> None:
        """Call a function when `debugging` becomes true, and when it becomes false."""
        self.__dict__["_listeners"].append(listener)

    def _count(self, more: int) -> None:
        if not more:
            return
        own = self.__dict__
        with own["_lock"]:
            before = own["debugging"]
            own["debugging"] = before + more
            if (not before) != (not own["debugging"]):
                for listener in own["_listeners"]:
                    listener(bool(own["debugging"]))


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
