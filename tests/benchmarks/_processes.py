"""Calls that are whole processes: from the start of Python to its end."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .harness import Call, Setup

__all__ = ["output", "process"]


def process(function: Callable[[], Any], *helpers: Callable[..., Any], needs: str) -> Setup:
    """Make a contender of a function, with a process of its own for every call.

    Parameters
    ----------
    function
        What the process runs. It imports all that it uses, but the helpers. It returns a number or None.
    helpers
        Functions that it calls. They too import what they use.
    needs
        The library without which the contender is skipped.

    Returns
    -------
    Setup
        Whose call starts the process, waits for its end, and gives what `function` returned.
    """
    sources = [inspect.getsource(part) for part in (*helpers, function)]
    # The annotations' names are not there in the process: with the first line, nothing looks them up.
    program = "\n".join(
        [
            "from __future__ import annotations",
            *sources,
            f"result = {function.__name__}()",
            "print('' if result is None else float(result))",
        ]
    )
    return partial(_start, program, needs)


def output(program: str) -> str:
    """Run a program in a new Python that finds the same functrace as this one.

    Parameters
    ----------
    program
        The source.

    Returns
    -------
    str
        What it printed.

    Raises
    ------
    RuntimeError
        With the last line of its traceback, when it ends in an error.
    """
    done = subprocess.run(
        [sys.executable, "-c", program], env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    return done.stdout.strip()


def _start(program: str, needs: str) -> Call:
    if find_spec(needs) is None:
        raise ModuleNotFoundError(f"No module named {needs!r}")

    def call() -> float | None:
        printed = output(program)
        return float(printed) if printed else None

    return call


def _environment() -> dict[str, str]:
    environment = os.environ.copy()
    # What a library's import takes is measured with its bytecode at hand, as on every start but the first.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    functrace = find_spec("functrace")
    if functrace is not None and functrace.submodule_search_locations:
        root = str(Path(next(iter(functrace.submodule_search_locations))).parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    return environment
