"""The compiled programs of jaxprs, each made once and kept with its jaxpr.

The compiler itself is loaded when something is compiled: most of it is not needed to import the library.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence
from typing import Any

from ..config import config
from ..core.aval import Aval
from ..core.finite import in_search
from ..core.jaxpr import ClosedJaxpr, Equation, Jaxpr, Var, eval_jaxpr
from ..core.primitive import Primitive, avals_of_result


class Program:
    """Compiled source.

    Attributes
    ----------
    text
        The source: what it imports, its constants, its function.
    call
        The function of flat arguments.
    name
        The function's name.
    namespace
        The objects behind the text's global names.
    """

    __slots__ = ("__weakref__", "call", "filename", "name", "namespace", "text")

    def __init__(
        self, text: str, call: Callable[..., tuple], filename: str, name: str, namespace: dict[str, Any]
    ) -> None:
        self.text = text
        self.call = call
        self.filename = filename
        self.name = name
        self.namespace = namespace

    def __del__(self) -> None:
        if linecache is not None:  # as it is when the interpreter ends
            linecache.cache.pop(self.filename, None)


def compiled(
    closed: ClosedJaxpr,
    name: str = "f",
    argument_names: Sequence[str] | None = None,
    donated: tuple[int, ...] = (),
) -> Program:
    """A program's compiled source, written at the first call and kept with it. Its results are the caller's.

    The arrays at the positions `donated` may be written over, and be results.
    """
    return closed.derived(("compiled", donated), lambda: _compile(closed, name, argument_names, donated=donated))


def compiled_inner(closed: ClosedJaxpr, name: str = "body") -> Callable[..., tuple]:
    """The same for a program inside another: its results may share memory with its arguments and constants."""
    if config.debugging and in_search():
        return lambda *args: tuple(eval_jaxpr(closed.jaxpr, closed.consts, *args))
    return closed.derived("compiled_inner", lambda: _compile(closed, name, owned=False)).call


def compiled_equation(
    primitive: Primitive, avals: Sequence[Aval], params: dict[str, Any], kept_with: ClosedJaxpr
) -> Callable[..., tuple]:
    """The compiled program of one equation, with arguments of these avals; it is kept with one of its programs."""

    def make() -> Program:
        invars = [Var(aval) for aval in avals]
        outvars = [Var(aval) for aval in avals_of_result(primitive, avals, params)]
        equation = Equation(primitive, tuple(invars), params, tuple(outvars))
        closed = ClosedJaxpr(Jaxpr((), invars, [equation], outvars), ())
        return _compile(closed, primitive.name, owned=False)

    others = tuple([(key, id(value) if isinstance(value, ClosedJaxpr) else value) for key, value in params.items()])
    return kept_with.derived((primitive, tuple(avals), others), make).call


def _compile(closed: ClosedJaxpr, *args: Any, **options: Any) -> Program:
    from .collector import collector_paused
    from .compilation import compile_jaxpr
    from .pipeline import ready

    with collector_paused():
        return compile_jaxpr(ready(closed), *args, **options)
