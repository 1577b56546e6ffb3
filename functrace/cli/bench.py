"""``python -m functrace bench``: measure functrace beside NumPy by hand and its peers.

The benchmarks are no part of the package: they stand beside it in a checkout, in ``tests/benchmarks``.
"""

import argparse
import math
import pickle
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

from functrace.cli import ArgumentParser

__all__ = ["BENCHMARKS", "load", "main", "serve"]

PROG = "python -m functrace bench"
PACKAGE = "functrace_benchmarks"
BENCHMARKS = Path(__file__).resolve().parents[2] / "tests" / "benchmarks"


def main(argv: list[str]) -> int:
    """Measure the cases that were asked for, and print what was found."""
    parser = ArgumentParser(
        prog=PROG,
        description="Measure functrace beside NumPy written by hand and beside its peers (autograd, JAX, PyTorch), as "
        "far as they are installed. The contenders of a case must first agree on the numbers; then they are timed in "
        "turn, round by round, and the medians are printed with the targets they are held to.",
        epilog="A benchmark judges, it does not fail: a missed target leaves the exit code at 0. It is 1 where a "
        "contender raises or computes other numbers than the rest, and 2 where the options make no sense.",
    )
    parser.add_argument("--only", metavar="PATTERN", help="the cases whose name contains this; * and ? stand for any")
    parser.add_argument(
        "--contenders", metavar="NAMES", help="the contenders to time, as 'functrace*,numpy'; all by default"
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=5.0,
        help="how long to time each case (5); a case takes as long as its fewest rounds need, where that is longer",
    )
    parser.add_argument("--list", action="store_true", help="name the cases, their contenders and targets, and stop")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write all that was measured to a file")
    arguments = parser.parse_args(argv)
    if not (BENCHMARKS / "harness.py").is_file():
        sys.exit(f"{PROG}: needs a checkout of functrace: there are no benchmarks in {BENCHMARKS}")
    harness = load("harness")
    try:
        cases = harness.select(harness.find_cases(), only=arguments.only, contenders=arguments.contenders)
        if arguments.list:
            harness.print_list(cases)
            return 0
        return int(harness.run(cases, seconds=arguments.seconds, json_file=arguments.json))
    except harness.UsageError as error:
        parser.error(str(error))


def load(module: str, directory: Path = BENCHMARKS) -> ModuleType:
    """Import a module of the benchmarks.

    They are imported as the package `PACKAGE` without being put on Python's path, where folders of tests like
    ``tests/numpy`` would be taken for other packages.

    Parameters
    ----------
    module
        The name of the module.
    directory
        The package's folder.

    Returns
    -------
    ModuleType
        The module.
    """
    if PACKAGE not in sys.modules:
        spec = spec_from_file_location(PACKAGE, directory / "__init__.py", submodule_search_locations=[str(directory)])
        if spec is None or spec.loader is None:
            raise ImportError(f"{directory} is not a package")
        sys.modules[PACKAGE] = package = module_from_spec(spec)
        spec.loader.exec_module(package)
    return import_module(f"{PACKAGE}.{module}")


def serve(setup: bytes, connection: Connection) -> None:
    """Be the process of one contender: the entrance for processes that have not loaded the benchmarks yet.

    Parameters
    ----------
    setup
        The contender's setup, pickled.
    connection
        Where it is told what to time, and answers.
    """
    load("_worker").serve(pickle.loads(setup), connection)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, got {text!r}")
    return seconds
