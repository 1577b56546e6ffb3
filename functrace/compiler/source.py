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
from .buffers import LARGE, Lifetimes
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


_AUGMENTED = {"add": "+=", "sub": "-=", "mul": "*=", "div": "/=", "pow": "**="}


class _Writer:
    def __init__(self, closed: ClosedJaxpr, name: str, argument_names: Sequence[str] | None, owned: bool) -> None:
        self.closed = closed
        self.owned = owned
        self.namespace: dict[str, Any] = {"np": np}
        self.header: list[str] = ["import numpy as np", ""]
        self.taken: set[str] = {"np", "abs"}
        self.names: dict[Atom, str] = {}
        self.fresh_names: Iterator[str] = (letters(number) for number in itertools.count())
        self.constants = 0
        self.known_constants: dict[Any, str] = {}
        self.name = self._take(identifier(name))
        jaxpr = closed.jaxpr
        given = argument_names if argument_names is not None else []
        for position, var in enumerate(jaxpr.invars):
            self.names[var] = self._take(identifier(given[position])) if position < len(given) else self._fresh_name()
        for var, const in zip(jaxpr.constvars, closed.consts, strict=True):
            self.names[var] = self._constant(const)

    def text(self) -> str:
        jaxpr = self.closed.jaxpr
        arguments = [self.names[var] for var in jaxpr.invars]
        lines = [f"def {self.name}({', '.join(arguments)}):"]
        lines += [f"    # {self.names[var]}: {var.aval}" for var in jaxpr.invars]
        lifetimes = Lifetimes(jaxpr)
        last = None
        for position, equation in enumerate(jaxpr.equations):
            location = equation.location
            if location is not None:
                here = (location.code, location.instruction)
                if here != last and location.text:
                    lines.append(f"    # {location.text}")
                last = here
            lines.append("    " + self._statement(equation, position, lifetimes))
            freed = self._freed(position, lifetimes)
            if freed:
                lines.append(f"    del {', '.join(freed)}")
        lines.append(f"    return {self._results()}")
        return "\n".join([*self.header, "", *lines, ""])

    def _statement(self, equation: Equation, position: int, lifetimes: Lifetimes) -> str:
        args = [self._atom(atom) for atom in equation.inputs]
        avals = [atom.aval for atom in equation.inputs]
        comment = ", ".join(str(var.aval) for var in equation.outputs)
        in_place = self._in_place(equation, args, position, lifetimes)
        if in_place is not None:
            return f"{in_place}  # {comment}"
        expression = None
        if equation.primitive.source is not None:
            expression = equation.primitive.source(args, avals, **equation.params)
        if expression is None:
            expression = self._call(equation, args)
        elif isinstance(expression, tuple):  # with constants of its own
            template, constants = expression
            names = {key: self._made_constant(value, text) for key, (value, text) in constants.items()}
            expression = template.format(**names)
        targets = []
        for var in equation.outputs:
            self.names[var] = self._fresh_name()
            targets.append(self.names[var])
        target = ", ".join(targets) + ("," if equation.primitive.multiple_results and len(targets) == 1 else "")
        if not targets:
            return f"{expression}"
        return f"{target} = {expression}  # {comment}"

    def _in_place(
        self, equation: Equation, args: Sequence[str], position: int, lifetimes: Lifetimes
    ) -> str | None:
        """An elementwise operation written over an operand that nobody needs any more."""
        ufunc = equation.primitive.ufunc
        out = equation.outputs[0]
        if ufunc is None or not out.aval.shape or equation.params:
            return None
        for number, atom in enumerate(equation.inputs):
            aval = atom.aval
            if aval.shape == out.aval.shape and aval.dtype == out.aval.dtype:
                if lifetimes.can_be_overwritten(atom, position):
                    break
        else:
            return None
        augmented = _AUGMENTED.get(equation.primitive.name)
        if equation.primitive.name == "pow" and number:  # x ** y has ways of its own for some exponents
            return None
        name = args[number]
        lifetimes.reuse(atom, out)
        self.names[out] = name
        if augmented is not None and not number:
            return f"{name} {augmented} {args[1]}"
        return f"np.{ufunc.__name__}({', '.join(args)}, out={name})"

    def _freed(self, position: int, lifetimes: Lifetimes) -> list[str]:
        """Names of large arrays that are not needed any more, where the next statements do."""
        dead = lifetimes.dead_after(position)
        if all(var.aval.nbytes < LARGE for var in dead):
            return []
        return list(dict.fromkeys(self.names[var] for var in dead if var.aval.shape))

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
        key = (type(value), value.tobytes() if isinstance(value, np.generic) else id(value))
        known = self.known_constants.get(key)
        if known is not None:
            return known
        name = self.known_constants[key] = self._take(f"k{self.constants}")
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

    def _made_constant(self, value: Any, text: str) -> str:
        """A name for a constant that the expression `text` makes."""
        known = self.known_constants.get(text)
        if known is None:
            known = self.known_constants[text] = self._take(f"k{self.constants}")
            self.constants += 1
            self.namespace[known] = value
            self.header.append(f"{known} = {text}")
        return known

    def _results(self) -> str:
        """The result tuple; what may share memory with something else is copied."""
        jaxpr = self.closed.jaxpr
        fresh = {var for equation in jaxpr.equations if not equation.primitive.aliases for var in equation.outputs}
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
