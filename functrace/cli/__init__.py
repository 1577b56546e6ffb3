"""The commands of ``python -m functrace``, one a module, each with ``main(argv) -> exit code``.

What goes wrong on the command line is told in one line on stderr, with a non-zero exit.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import NoReturn

__all__ = ["ArgumentParser", "require_extra", "whole_number"]


class ArgumentParser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where to read more, and exit with code 2."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def whole_number(least: int) -> Callable[[str], int]:
    """Give the ``type=`` of an option that takes a whole number of at least `least`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text!r}")
        return number

    return parse


def require_extra(prog: str, extra: str, packages: Mapping[str, str]) -> None:
    """Exit with one line that names the extra, unless all of its packages can be imported.

    Parameters
    ----------
    prog
        The command that needs them.
    extra
        The extra's name in ``pyproject.toml``.
    packages
        The package's name for each module.
    """
    for module, package in packages.items():
        try:
            import_module(module)
        except ImportError as error:
            reason = " ".join(str(error).split())
            sys.exit(f"{prog}: needs {package} ({reason}): in functrace's checkout, pip install -e '.[{extra}]'")
