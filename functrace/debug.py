"""Looking at values inside traced code: `print`, `callback`, `breakpoint`.

Each works under every transform. Under `jit` it runs each time the compiled program gets there, in the order of the
program; under `vmap` once for each example; under derivatives once, on the way forward, with the primal values.
"""

from __future__ import annotations

import builtins
import string
import sys
from collections.abc import Callable
from typing import Any

from .core.aval import aval_of
from .core.trace import require_callable
from .errors import ArgumentError, DtypeError, user_frame
from .transforms.callbacks import run_on_values

__all__ = ["breakpoint", "callback", "print"]


def callback(
    callback: Callable[..., Any], /, *args: Any, ordered: bool = False, partitioned: bool = False, **kwargs: Any
) -> None:
    """Call a Python function with the values of the arguments.

    Parameters
    ----------
    callback
        Gets NumPy arrays; what it returns is ignored.
    *args, **kwargs
        Pytrees of arrays; leaves that are no arrays (strings, None) are handed on as they are.
    ordered, partitioned
        Accepted as JAX's: calls always come in the order of the program, from the one device.

    Examples
    --------
    >>> import functrace
    >>> seen = []
    >>> @functrace.jit
    ... def f(x):
    ...     functrace.debug.callback(lambda x: seen.append(float(x)), x)
    ...     return x
    >>> _ = f(1.0), f(2.0)
    >>> seen
    [1.0, 2.0]
    """
    require_callable(callback, "debug.callback")
    run_on_values(callback, *args, **kwargs)


def print(
    fmt: str,
    /,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    skip_format_check: bool = False,
    **kwargs: Any,
) -> None:
    """Print values from inside traced code.

    Parameters
    ----------
    fmt
        As for `str.format`.
    *args, **kwargs
        What it formats: pytrees of arrays.
    ordered, partitioned
        Accepted as JAX's: lines always come in the order of the program, from the one device.
    skip_format_check
        Whether to find out only when it is printed that `fmt` and the values do not fit.

    Raises
    ------
    ArgumentError
        `fmt` and the values do not fit.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> @functrace.jit
    ... def f(x):
    ...     functrace.debug.print("x is {}, its sine {y:.3f}", x, y=fnp.sin(x))
    ...     return x
    >>> _ = f(0.5)
    x is 0.5, its sine 0.479
    """
    if not isinstance(fmt, str):
        raise ArgumentError(
            f"debug.print expected a format string first, got {type(fmt).__name__}",
            instead='functrace.debug.print("x = {}", x)',
        )
    if not skip_format_check:
        _check_format(fmt, args, kwargs)

    def show(*values: Any, **named: Any) -> None:
        builtins.print(fmt.format(*values, **named))

    run_on_values(show, *args, **kwargs)


def _check_format(fmt: str, args: tuple, kwargs: dict[str, Any]) -> None:
    """Check that a format has a place for each value and a value for each place."""
    used: set[Any] = set()
    counted = 0
    pending = [fmt]
    while pending:
        for _, field, spec, _ in string.Formatter().parse(pending.pop()):
            if field is None:
                continue
            name = field.split(".")[0].split("[")[0]
            if name == "":
                used.add(counted)
                counted += 1
            else:
                used.add(int(name) if name.isdigit() else name)
            if spec:
                pending.append(spec)
    known = {*range(len(args)), *kwargs}
    if used - known or known - used:
        missing, unused = sorted(map(str, used - known)), sorted(map(str, known - used))
        raise ArgumentError(
            f"debug.print: {fmt!r} and the values do not fit: "
            + "; ".join(
                [f"no value for {', '.join(missing)}"] * bool(missing)
                + [f"no place for {', '.join(unused)}"] * bool(unused)
            ),
            instead='functrace.debug.print("x = {}, y = {y}", x, y=y)',
        )


def breakpoint(*, ordered: bool = False, **kwargs: Any) -> None:
    """Stop in the debugger when the program gets here, with the arrays among the caller's variables to look at.

    Parameters
    ----------
    ordered
        Accepted as JAX's: stops always come in the order of the program.
    **kwargs
        JAX's other settings, which have no meaning here.

    Notes
    -----
    It calls `sys.breakpointhook`, as Python's own ``breakpoint()`` does, in a frame whose local variables are the
    caller's with the values that they have in this run. Under `vmap` it stops for each example.
    """
    frame = user_frame()
    variables = {} if frame is None else {name: x for name, x in frame.f_locals.items() if _is_array(x)}
    place = "<functrace breakpoint>" if frame is None else f"<functrace breakpoint {frame.f_code.co_name}>"
    code = compile("__stop__()", place, "exec")  # this text alone: what is to be seen are the names around it

    def stop(**values: Any) -> None:
        exec(code, {"__stop__": sys.breakpointhook}, values)

    run_on_values(stop, **variables)


def _is_array(value: Any) -> bool:
    try:
        aval_of(value)
    except DtypeError:
        return False
    return True
