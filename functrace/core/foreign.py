"""Which function of SciPy met a traced value, and what functrace has in its place."""

from __future__ import annotations

import sys
from functools import reduce
from importlib import import_module
from types import FrameType, FunctionType

from ..errors import is_internal


def in_place_of_scipy() -> str | None:
    """What to write where the user's line calls a function of SciPy that cannot follow traced values.

    None where it calls none.
    """
    if "scipy" not in sys.modules:
        return None
    name = _called()
    if name is None:
        return None
    for ours in (f"functrace.{name}", name.replace("scipy", "functrace.numpy", 1)):
        if _exists(ours):
            return f"{ours} in place of {name}"
    return (
        f"functions of functrace.numpy and functrace.scipy, which has no {name.removeprefix('scipy.')}; "
        f"functrace.pure_callback to call {name} as it is, without a derivative or with one by functrace.custom_jvp"
    )


def _exists(name: str) -> bool:
    package, *attributes = name.split(".")
    try:
        reduce(getattr, attributes, import_module(package))
    except (AttributeError, ImportError):
        return False
    return True


def _called() -> str | None:
    """The public name of the function of SciPy that the user's line called."""
    frames = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame.f_code.co_filename):
        frames.append(frame)
        frame = frame.f_back
    for frame in reversed(frames):
        module = frame.f_globals.get("__name__", "")
        if module.startswith("functrace.scipy"):  # it is used already
            return None
        if module.startswith("scipy."):
            name = _public_name(frame, module)
            if name is not None:
                return name
    return None


def _public_name(frame: FrameType, module: str) -> str | None:
    """What users call the function of a frame, as ``scipy.stats.norm.pdf``; None where it is not public."""
    wrapped = [frame.f_locals.get(name) for name in frame.f_code.co_freevars]  # by a decorator
    for function in wrapped:
        if isinstance(function, FunctionType) and function.__module__.startswith("scipy."):
            package = _package(function.__module__)
            if hasattr(sys.modules[package], function.__name__):
                return f"{package}.{function.__name__}"
    package, name = _package(module), frame.f_code.co_name
    if "self" in frame.f_locals:
        instance = frame.f_locals["self"]
        instance = getattr(instance, "dist", getattr(instance, "_dist", instance))  # of a frozen distribution
        owner = type(instance).__name__.removesuffix("_gen")
        name = owner if name.startswith("__") else f"{owner}.{name}"
    return f"{package}.{name}" if hasattr(sys.modules.get(package), name.split(".")[0]) else None


def _package(module: str) -> str:
    """The public package of a module of SciPy: ``scipy.sparse.linalg`` of ``scipy.sparse.linalg._isolve.utils``."""
    return module.split("._")[0]
