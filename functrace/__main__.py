"""The command line: ``python -m functrace demo``, ``show``, ``bench`` and ``support``."""

import argparse
import sys
from importlib import import_module

from functrace.cli import ArgumentParser

COMMANDS = {
    "demo": "train a classifier of handwritten digits, and look at what was compiled",
    "show": "open the computational graph of a call, to step through it forward and backward",
    "bench": "measure functrace beside NumPy by hand and its peers",
    "support": "say what functrace makes of each of NumPy's names",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        The command's name and its options; by default those that Python was started with.

    Returns
    -------
    int
        The exit code: 0 when all went well.
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = ArgumentParser(
        prog="python -m functrace",
        usage="%(prog)s COMMAND [OPTION ...]",
        description="Composable function transforms for NumPy.",
        epilog="\n".join(["commands:", *(f"  {name:8}{purpose}" for name, purpose in COMMANDS.items())])
        + "\n\n'python -m functrace COMMAND --help' explains the options of one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=argparse.SUPPRESS)
    command = parser.parse_args(argv[:1]).command
    try:
        return import_module(f"functrace.cli.{command}").main(argv[1:])
    except KeyboardInterrupt:
        return 130  # what a shell gives for a process that Ctrl-C ended


if __name__ == "__main__":
    sys.exit(main())
