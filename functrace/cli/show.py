"""``python -m functrace show``: the computational graph of a call, as a page that opens in the browser."""

import ast
import inspect
import sys
import webbrowser
from argparse import ArgumentTypeError
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from functrace import viz
from functrace.cli import ArgumentParser, require_extra
from functrace.errors import FunctraceError

__all__ = ["main"]

PROG = "python -m functrace show"


def main(argv: list[str]) -> int:
    """Run the function, write the page, and open it."""
    parser = ArgumentParser(
        prog=PROG,
        description="Run a function and show its computational graph: every value on the way forward, every gradient "
        "on the way back, step by step.",
        epilog="An argument is a number, a list (which becomes an array), a tuple or dictionary of them, as Python "
        "writes them; or the name of a file of NumPy's, after an @: @weights.npy. Random numbers of a shape: ~3,4.",
    )
    parser.add_argument(
        "function", metavar="MODULE:FUNCTION", help="what to run, as 'network:loss' or 'network.py:loss'"
    )
    parser.add_argument("--args", nargs="*", default=[], metavar="VALUE", help="its arguments")
    parser.add_argument("--argnums", type=_numbers, metavar="N,N", help="which of them are parameters (0, the first)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it: .html, .svg, .png, .dot or .mmd (FUNCTION.html)"
    )
    parser.add_argument("--no-open", action="store_true", help="write the file, and open no browser")
    arguments = parser.parse_args(argv)
    require_extra(PROG, "viz", {"igraph": "igraph"})
    function = _function(parser, arguments.function)
    try:
        values = [_value(text) for text in arguments.args]
    except (ValueError, OSError) as error:
        parser.error(str(error))
    _check_arguments(parser, function, values)
    output = arguments.output or Path(f"{getattr(function, '__name__', type(function).__name__).strip('<>')}.html")
    try:
        graph = viz.graph(function, argnums=arguments.argnums)(*values)
        graph.save(output)
    except (FunctraceError, OSError) as error:
        parser.exit(1, f"{PROG}: {error}\n")
    print(f"{graph!r} is in {output}")
    if not arguments.no_open and output.suffix == ".html":
        webbrowser.open(output.resolve().as_uri())
    return 0


def _function(parser: ArgumentParser, text: str) -> Callable[..., Any]:
    module_name, _, name = text.partition(":")
    if not name:
        parser.error(f"expected MODULE:FUNCTION, got {text!r}")
    path = Path(module_name)
    if path.suffix == ".py":
        sys.path.insert(0, str(path.resolve().parent))
        module_name = path.stem
    else:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        parser.error(str(error))
    if not callable(found):
        parser.error(f"{text} is no function: {type(found).__name__}")
    return found


def _check_arguments(parser: ArgumentParser, function: Callable[..., Any], values: list[Any]) -> None:
    try:
        signature = inspect.signature(function)
    except ValueError:  # a function in C that says nothing of its arguments
        return
    try:
        signature.bind(*values)
    except TypeError as error:
        parser.error(f"{error}: the function takes {signature}, --args gives {len(values)}")


def _value(text: str) -> Any:
    """A value from what was written on the command line."""
    if text.startswith("@"):
        return np.load(text[1:])
    if text.startswith("~"):
        shape = tuple(int(extent) for extent in text[1:].split(",") if extent)
        return np.random.default_rng(0).normal(size=shape)
    try:
        return _with_arrays(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        raise ValueError(
            f"expected a number, a list, a tuple or a dictionary as Python writes it, got {text}"
        ) from None


def _with_arrays(value: Any) -> Any:
    """Lists of numbers become arrays, at any depth of dictionaries and tuples."""
    if isinstance(value, dict):
        return {key: _with_arrays(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_with_arrays(item) for item in value)
    if isinstance(value, list):
        if any(isinstance(item, dict | tuple) for item in value):
            return [_with_arrays(item) for item in value]
        return np.array(value)
    return value


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentTypeError(f"expected numbers with commas between them, as 0,1, got {text}") from None
