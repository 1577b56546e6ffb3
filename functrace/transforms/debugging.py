"""Ways to find out what goes wrong: `disable_jit`, `debug_nans`, `debug_infs`, `checking_leaks`, names for places."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ContextDecorator, contextmanager
from functools import wraps
from typing import Any

from ..config import config
from ..core.recording import JaxprTrace, JaxprTracer
from ..core.trace import Trace, Tracer, current_location, recording, require_callable
from ..errors import ArgumentError, Location, ScopeName, UnexpectedTracerError, scope
from .jvp import JVPTrace
from .vjp import VJPTrace
from .vmap import BatchTrace


def disable_jit(disable: bool = True) -> AbstractContextManager[None]:
    """While this runs, jitted functions run as plain Python, and so do `cond`, `scan` and the other loops.

    A debugger steps through them, `print` shows values, and an exception comes from the line that raised it.

    Examples
    --------
    >>> import functrace
    >>> @functrace.jit
    ... def f(x):
    ...     print("x is", x)
    ...     return x + 1
    >>> with functrace.disable_jit():
    ...     _ = f(1.0)
    x is 1.0
    """
    return config.override(disable_jit=disable)


def debug_nans(enable: bool = True) -> AbstractContextManager[None]:
    """While this runs, an operation that gives a NaN is an error that names it and the line.

    Under `jit` the results of the compiled program are looked at; if there is a NaN among them, it is run again
    equation by equation. On the way back of a derivative the line is that of the operation whose derivative gave the
    NaN. Operators between arrays outside of transforms are NumPy's own, and not looked at.

    Raises
    ------
    NonFiniteError
        Which is a `FloatingPointError`.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> try:
    ...     with functrace.debug_nans():
    ...         functrace.jit(fnp.log)(-1.0)
    ... except FloatingPointError as error:
    ...     print(error.what)
    log gave NaN, from -1.0
    """
    return config.override(debug_nans=enable)


def debug_infs(enable: bool = True) -> AbstractContextManager[None]:
    """While this runs, an operation that gives an infinity is an error that names it and the line.

    See Also
    --------
    debug_nans
    """
    return config.override(debug_infs=enable)


def ensure_compile_time_eval() -> AbstractContextManager[None]:
    """While this runs, what does not depend on traced values is computed at once, also inside `jit`.

    Inside `jit` arrays made out of nothing (`zeros`, `arange`) are otherwise part of the program, so that their values
    are not there while it is traced.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> @functrace.jit
    ... def f(x):
    ...     with functrace.ensure_compile_time_eval():
    ...         n = int(fnp.sum(fnp.arange(4)))
    ...     return x * n
    >>> float(f(2.0))
    12.0
    """
    return recording(None)


# ---------------------------------------------------------------------------------------------------------------------
# names for places
# ---------------------------------------------------------------------------------------------------------------------


def named_scope(name: str) -> _NamedScope:
    """What is traced while this runs has a name: in errors, in an equation's `location.scope`, in compiled source.

    It may be used as a decorator too. Scopes nest, and are written ``outer/inner``.

    Parameters
    ----------
    name
        The name, without line breaks.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> def f(x):
    ...     with functrace.named_scope("layer"):
    ...         return fnp.sin(x)
    >>> functrace.make_jaxpr(f)(1.0).eqns[0].location.scope
    'layer'
    """
    if not isinstance(name, str) or not name.isprintable():
        raise ArgumentError(f"named_scope expected a name that is a string on one line, got {name!r}")
    return _NamedScope(name)


class _NamedScope(ContextDecorator):
    __slots__ = ("name", "outer")

    def __init__(self, name: str) -> None:
        self.name = name

    def _recreate_cm(self) -> _NamedScope:
        return _NamedScope(self.name)  # for each call of a decorated function its own, as it may call itself

    def __enter__(self) -> None:
        self.outer = scope.names
        name = ScopeName(self.name)
        name.frame = sys._getframe(1)
        scope.names = (*self.outer, name)

    def __exit__(self, *error: object) -> None:
        scope.names = self.outer


def named_call(fun: Callable, *, name: str | None = None) -> Callable:
    """The function in a scope of its name.

    Parameters
    ----------
    fun
        A function.
    name
        The scope's name; by default the function's.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> f = functrace.named_call(fnp.sin, name="wave")
    >>> functrace.make_jaxpr(f)(1.0).eqns[0].location.scope
    'wave'
    """
    require_callable(fun, "named_call")
    label = name if name is not None else getattr(fun, "__name__", type(fun).__name__)

    @wraps(fun)
    def named(*args: Any, **kwargs: Any) -> Any:
        with named_scope(label):
            return fun(*args, **kwargs)

    return named


# ---------------------------------------------------------------------------------------------------------------------
# leaks
# ---------------------------------------------------------------------------------------------------------------------


@contextmanager
def checking_leaks() -> Iterator[None]:
    """At its end it is an error if a tracer that was made while this ran outlives the transform that made it.

    A traced function that stores a tracer outside (in a global, a list, an attribute) leaks it. The error comes here
    and not when the tracer is used, and says where each was made.

    Raises
    ------
    UnexpectedTracerError
        There are such tracers.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> kept = []
    >>> try:
    ...     with functrace.checking_leaks():
    ...         _ = functrace.jit(lambda x: kept.append(fnp.sin(x)))(1.0)
    ... except functrace.errors.UnexpectedTracerError as error:
    ...     print(error.what.splitlines()[0])
    1 tracer outlived the transform that made it:
    """
    known = {id(tracer) for tracer in _all_tracers()}
    made: dict[int, Location | None] = {}
    with _noting(made):
        yield
    gc.collect()
    leaks = [tracer for tracer in _all_tracers() if id(tracer) not in known and not tracer._trace.open]
    if not leaks:
        return
    count = "1 tracer" if len(leaks) == 1 else f"{len(leaks)} tracers"
    lines = [f"    {tracer!r}, made by {_origin(tracer, made)}" for tracer in leaks[:20]]
    raise UnexpectedTracerError(
        f"{count} outlived the transform that made {'it' if len(leaks) == 1 else 'them'}:\n" + "\n".join(lines),
        instead="return the value from the traced function (has_aux=True gives values beside the one that is "
        "differentiated)",
    )


def _all_tracers() -> list[Tracer]:
    return [x for x in gc.get_objects() if isinstance(x, Tracer)]


def _origin(tracer: Tracer, made: dict[int, Location | None]) -> str:
    if isinstance(tracer, JaxprTracer):
        for equation in tracer._trace.equations:
            if tracer._var in equation.outputs:
                return f"{equation.primitive.name} at {equation.location}"
        return "the transform, as an argument of the traced function"
    location = made.get(id(tracer))
    return "the transform, as an argument of the function" if location is None else f"the operation at {location}"


@contextmanager
def _noting(made: dict[int, Location | None]) -> Iterator[None]:
    """Note where tracers are made."""
    kinds: list[type[Trace]] = [JVPTrace, VJPTrace, BatchTrace, JaxprTrace]
    originals = [kind.process for kind in kinds]

    def noting(process: Callable) -> Callable:
        def noted(trace: Any, primitive: Any, args: tuple, params: dict[str, Any]) -> Any:
            out = process(trace, primitive, args, params)
            for value in out if primitive.multiple_results else (out,):
                if isinstance(value, Tracer):
                    made[id(value)] = current_location()
            return out

        return noted

    for kind in kinds:
        kind.process = noting(kind.process)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for kind, process in zip(kinds, originals, strict=True):
            kind.process = process  # type: ignore[method-assign]
