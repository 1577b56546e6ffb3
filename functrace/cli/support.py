"""``python -m functrace support``: what functrace makes of each of NumPy's names."""

from functrace.cli import ArgumentParser
from functrace.numpy.support import markdown, rows, text

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Try the names that were asked for, and print what was found."""
    parser = ArgumentParser(
        prog="python -m functrace support",
        description="Say of each of NumPy's names whether functrace.numpy has it, whether jit can trace it, and "
        "whether gradients flow through it. All of this is found out by trying.",
    )
    parser.add_argument("pattern", nargs="?", default="", help="the names that contain this; all by default")
    parser.add_argument("--markdown", action="store_true", help="print the page that functrace/numpy/SUPPORT.md is")
    arguments = parser.parse_args(argv)
    found = rows(arguments.pattern)
    print(markdown(found), end="") if arguments.markdown else print(text(found))
    return 0
