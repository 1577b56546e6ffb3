"""What the figures were measured on, and how much of it was taken by others."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from types import TracebackType

__all__ = ["OtherLoad", "describe"]

LIBRARIES = ("numpy", "functrace", "autograd", "jax", "torch")


def describe() -> dict[str, str]:
    """Name the machine, its cores, and the versions of Python and of the contenders' libraries.

    Returns
    -------
    dict[str, str]
        What it is, and which.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    description = {
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": str(cores),
        "python": platform.python_version(),
    }
    for library in LIBRARIES:
        try:
            description[library] = version(library)
        except PackageNotFoundError:
            description[library] = "from this checkout" if library == "functrace" else "not installed"
    return description


class OtherLoad:
    """Sees what part of the machine other processes take while a ``with`` block runs.

    Attributes
    ----------
    share
        From 0, none of it, to 1, all of it; None where the system does not tell.
    """

    def __init__(self) -> None:
        self.share: float | None = None

    def __enter__(self) -> "OtherLoad":
        self._start = perf_counter()
        self._busy, self._own = _busy(), _own()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        busy, own, elapsed = _busy(), _own(), perf_counter() - self._start
        if busy is not None and self._busy is not None:
            others = (busy - self._busy) - (own - self._own)
            self.share = max(0.0, others / (elapsed * (os.cpu_count() or 1)))


def _busy() -> float | None:
    """The seconds of work that all cores have done for all processes."""
    if sys.platform != "linux":
        return None
    with open("/proc/stat") as file:
        user, nice, system, _idle, _waiting, *interrupts = map(int, file.readline().split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """The seconds of work that this process and those that it waited for have done."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
