"""A jaxpr written as NumPy source that a person can read, and compiled."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Sequence

from ..core.jaxpr import Atom, ClosedJaxpr, Literal
from ..core.trace import Tracer
from ..errors import UnexpectedTracerError
from .arena import Arena, Workspaces
from .buffers import whole_in
from .names import Names, dtype_text, identifier
from .source import Program
from .writer import Writer

_serial = itertools.count(1)


def compile_jaxpr(
    closed: ClosedJaxpr,
    name: str = "f",
    argument_names: Sequence[str] | None = None,
    *,
    owned: bool = True,
    donated: Sequence[int] = (),
) -> Program:
    """Write a jaxpr as source and compile it.

    Parameters
    ----------
    closed
        The program.
    name
        A name for the function, used as far as it is an identifier.
    argument_names
        Names for the arguments, used as far as they are identifiers.
    owned
        Whether results get memory of their own.
    donated
        The positions of arguments whose memory may be written over: arrays in row-major order that nothing else holds.
    """
    if any(isinstance(const, Tracer) for const in closed.consts):
        raise UnexpectedTracerError(
            "a function with a rule of its own is inside jit or a loop, and the rule uses a traced value from outside",
            instead="pass the value as an argument; functrace.closure_convert makes one of it",
        )
    names = Names()
    function = names.take(identifier(name))
    text = _written(closed, names, function, argument_names or (), owned, donated)
    filename = f"<functrace {function} {next(_serial)}>"
    namespace = dict(names.namespace)
    exec(compile(text, filename, "exec"), namespace)  # the text is made of the tables' own words and checked names
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    call = namespace.pop(function)  # a function among its own globals would be freed by the collector of cycles alone
    return Program(text, call, filename, function, names.namespace)


def _written(
    closed: ClosedJaxpr,
    names: Names,
    function: str,
    argument_names: Sequence[str],
    owned: bool,
    donated: Sequence[int],
) -> str:
    jaxpr = closed.jaxpr
    arena = Arena()
    writer = Writer(names, arena)
    for position, var in enumerate(jaxpr.invars):
        given = position < len(argument_names)
        writer.text[var] = names.take(identifier(argument_names[position])) if given else names.fresh()
    for var, const in zip(jaxpr.constvars, closed.consts, strict=True):
        writer.text[var] = names.constant(const)
    arguments = [writer.text[var] for var in jaxpr.invars]
    writer.line(f"def {function}({', '.join(arguments)}):")
    writer.depth += 1
    for argument, var in zip(arguments, jaxpr.invars, strict=True):
        writer.line(f"# {argument}: {var.aval}")
    own = [jaxpr.invars[position] for position in donated if jaxpr.invars[position].aval.shape]
    start = len(writer.lines)
    writer.write(jaxpr, donated=own)
    results = _results(writer, closed, owned, own)
    if arena.views:
        workspaces = names.function("workspaces", Workspaces(arena))
        views = ", ".join(arena.views.values())
        writer.lines[start:start] = [
            f"    workspace = {workspaces}.take()  # {arena.size} bytes for the large values",
            f"    {views}{',' if len(arena.views) == 1 else ''} = workspace",
        ]
        writer.line(f"{workspaces}.give(workspace)")
    writer.line(f"return {results}")
    return "\n".join([*names.header(), "", "", *writer.lines, ""])


def _results(writer: Writer, closed: ClosedJaxpr, owned: bool, own: Sequence[Atom]) -> str:
    """The result tuple; what may share memory with something else is copied."""
    jaxpr = closed.jaxpr
    fresh = whole_in(jaxpr) | set(own)
    words = []
    seen: set[Atom] = set()
    for atom in jaxpr.outvars:
        if atom.aval.weak_type or atom in writer.python:
            text = writer.python.get(atom) or writer.operand(atom)
            words.append(f"{dtype_text(atom.aval.dtype)}({text})")
        elif atom.__class__ is Literal or not owned or (atom in fresh and atom not in seen):
            words.append(writer.strong(atom, atom.aval))
        else:
            words.append(f"{writer.operand(atom)}.copy()")
        seen.add(atom)
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"
