"""A jaxpr written as NumPy source that a person can read."""

from __future__ import annotations

import itertools
import keyword
import linecache
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Literal
from ..core.pretty import letters
from .simplify import simplify

_serial = itertools.count(1)


class Program:
    """Compiled source: the text, and the function of flat arguments that it defines."""

    __slots__ = ("__weakref__", "call", "filename", "text")

    def __init__(self, text: str, call: Callable[..., tuple], filename: str) -> None:
        self.text = text
        self.call = call
        self.filename = filename

    def __del__(self) -> None:
        linecache.cache.pop(self.filename, None)


def compiled(closed: ClosedJaxpr, name: str = "f", argument_names: Sequence[str] | None = None) -> Program:
    """A program's compiled source, written at the first call and kept with it. Its results are the caller's."""
    return closed.derived("compiled", lambda: compile_jaxpr(simplify(closed), name, argument_names))


def compiled_inner(closed: ClosedJaxpr, name: str = "body") -> Callable[..., tuple]:
    """The same for a program inside another: its results may share memory with its arguments and constants."""
    return closed.derived("compiled_inner", lambda: compile_jaxpr(simplify(closed), name, owned=False)).call


def compile_jaxpr(
    closed: ClosedJaxpr, name: str = "f", argument_names: Sequence[str] | None = None, *, owned: bool = True
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
    """
    writer = _Writer(closed, name, argument_names, owned)
    text = writer.text()
    filename = f"<functrace {writer.name} {next(_serial)}>"
    namespace = dict(writer.namespace)
    exec(compile(text, filename, "exec"), namespace)  # the text is made of the table's own words and checked names
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    return Program(text, namespace[writer.name], filename)


def identifier(text: str) -> str:
    """`text` as a Python name: what cannot stand in one becomes an underscore."""
    name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text)
    name = name.strip("_") or "f"
    return f"_{name}" if name[0].isdigit() or keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


class _Writer:
    def __init__(
        self, closed: ClosedJaxpr, name: str, argument_names: Sequence[str] | None, owned: bool
    ) -> None:
        self.closed = closed
        self.owned = owned
        self.namespace: dict[str, Any] = {"np": np}
        self.header: list[str] = ["import numpy as np", ""]
        self.taken: set[str] = {"np", "abs"}
        self.names: dict[Atom, str] = {}
        self.fresh_names: Iterator[str] = (letters(number) for number in itertools.count())
        self.constants = 0
        self.name = self._take(identifier(name))
        jaxpr = closed.jaxpr
        given = argument_names if argument_names is not None else []
        for position, var in enumerate(jaxpr.invars):
            self.names[var] = (
                self._take(identifier(given[position])) if position < len(given) else self._fresh_name()
            )
        for var, const in zip(jaxpr.constvars, closed.consts, strict=True):
            self.names[var] = self._constant(const)

    def text(self) -> str:
        jaxpr = self.closed.jaxpr
        arguments = [self.names[var] for var in jaxpr.invars]
        lines = [f"def {self.name}({', '.join(arguments)}):"]
        lines += [f"    # {self.names[var]}: {var.aval}" for var in jaxpr.invars]
        last = None
        for equation in jaxpr.equations:
            here = None if equation.location is None else (equation.location.filename, equation.location.line)
            if here is not None and here != last:
                source = equation.location.text if equation.location is not None else ""
                if source:
                    lines.append(f"    # {source}")
                last = here
            lines.append("    " + self._statement(equation))
        lines.append(f"    return {self._results()}")
        return "\n".join([*self.header, "", *lines, ""])

    def _statement(self, equation: Equation) -> str:
        args = [self._atom(atom) for atom in equation.inputs]
        avals = [atom.aval for atom in equation.inputs]
        expression = None
        if equation.primitive.source is not None:
            expression = equation.primitive.source(args, avals, **equation.params)
        if expression is None:
            expression = self._call(equation, args)
        targets = []
        for var in equation.outputs:
            self.names[var] = self._fresh_name()
            targets.append(self.names[var])
        comment = ", ".join(str(var.aval) for var in equation.outputs)
        target = ", ".join(targets) + ("," if equation.primitive.multiple_results and len(targets) == 1 else "")
        if not targets:
            return f"{expression}"
        return f"{target} = {expression}  # {comment}"

    def _call(self, equation: Equation, args: Sequence[str]) -> str:
        """A call of the primitive's own implementation, where no expression of NumPy's says it."""
        primitive = equation.primitive
        name = f"{identifier(primitive.name)}_"
        if self.namespace.get(name, primitive.impl) is not primitive.impl:
            name = self._take(name)
        self.taken.add(name)
        self.namespace[name] = primitive.impl
        words = list(args)
        for key, value in equation.params.items():
            words.append(f"{key}={self._parameter(value)}")
        return f"{name}({', '.join(words)})"

    def _parameter(self, value: Any) -> str:
        if isinstance(value, np.dtype) and value.names is None:
            return f"np.dtype('{value.name}')"
        if _is_plain(value):
            return repr(value)
        return self._constant(value)

    def _atom(self, atom: Atom) -> str:
        return self._literal(atom.value) if isinstance(atom, Literal) else self.names[atom]

    def _literal(self, value: Any) -> str:
        if isinstance(value, (bool, int)) and not isinstance(value, np.generic):
            return repr(value) if value >= 0 else f"({value!r})"
        if type(value) is float and math.isfinite(value):
            return repr(value) if math.copysign(1, value) > 0 else f"({value!r})"
        if type(value) is float:
            return {math.inf: "np.inf", -math.inf: "(-np.inf)"}.get(value, "np.nan")
        return self._constant(value)

    def _constant(self, value: Any) -> str:
        """A name for an object that goes into the function's namespace; the header says what it is."""
        name = self._take(f"k{self.constants}")
        self.constants += 1
        self.namespace[name] = value
        if isinstance(value, np.generic) and value.dtype.kind in "biuf" and np.isfinite(value):
            self.header.append(f"{name} = np.{value.dtype.type.__name__}({value.item()!r})")
            self.namespace["np"] = np
        elif isinstance(value, np.ndarray):
            aval = Aval(value.shape, value.dtype)
            self.header.append(f"# {name}: a constant {aval}, captured when the function was traced")
        else:
            self.header.append(f"# {name}: a {type(value).__name__}")
        return name

    def _results(self) -> str:
        """The result tuple; what may share memory with something else is copied."""
        jaxpr = self.closed.jaxpr
        fresh = {
            var
            for equation in jaxpr.equations
            if not equation.primitive.aliases
            for var in equation.outputs
        }
        words = []
        seen: set[Atom] = set()
        for atom in jaxpr.outvars:
            name = self._atom(atom)
            if isinstance(atom, Literal) or atom.aval.weak_type:
                words.append(f"np.{atom.aval.dtype.type.__name__}({name})" if not _is_generic(atom) else name)
            elif not self.owned or (atom in fresh and atom not in seen):
                words.append(name)
            else:
                words.append(f"np.array({name})")
            seen.add(atom)
        return f"({', '.join(words)}{',' if len(words) == 1 else ''})"

    def _fresh_name(self) -> str:
        for name in self.fresh_names:
            if name not in self.taken and not keyword.iskeyword(name) and not keyword.issoftkeyword(name):
                self.taken.add(name)
                return name
        raise AssertionError("names do not end")

    def _take(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name


def _is_generic(atom: Atom) -> bool:
    return isinstance(atom, Literal) and isinstance(atom.value, np.generic)


def _is_plain(value: Any) -> bool:
    """Whether repr gives an expression for the value that is safe to compile."""
    if isinstance(value, tuple):
        return all(_is_plain(item) for item in value)
    return value is None or type(value) in (bool, int) or (type(value) is str and value.isidentifier())
