"""A jaxpr as text, close to JAX's notation."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from .aval import short_dtype
from .jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var

_WIDTH = 100


def format_jaxpr(jaxpr: Jaxpr | ClosedJaxpr) -> str:
    """The jaxpr as JAX writes it: ``{ lambda ; a:f64[3]. let b:f64[3] = sin a in (b,) }``.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> print(functrace.make_jaxpr(lambda x: fnp.sin(x) * 2.0)(1.0))
    { lambda ; a:~f64[]. let b:f64[] = sin a; c:f64[] = mul b 2.0 in (c,) }
    """
    if isinstance(jaxpr, ClosedJaxpr):
        jaxpr = jaxpr.jaxpr
    return "\n".join(_lines(jaxpr, Names(), ""))


class Names:
    """Names for variables in the order in which they come: a … z, aa, ab …"""

    def __init__(self) -> None:
        self.names: dict[Var, str] = {}

    def of(self, var: Var) -> str:
        name = self.names.get(var)
        if name is None:
            name = self.names[var] = letters(len(self.names))
        return name

    def binding(self, var: Var) -> str:
        return f"{self.of(var)}:{var.aval}"

    def atom(self, atom: Atom) -> str:
        return format_literal(atom.value) if isinstance(atom, Literal) else self.of(atom)


def letters(number: int) -> str:
    """0 → a, 25 → z, 26 → aa."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = string.ascii_lowercase[digit] + text
    return text


def format_literal(value: Any) -> str:
    """A scalar with its dtype where that is not the one that the text alone would have."""
    if isinstance(value, np.generic):
        return f"{value.item()!r}:{short_dtype(value.dtype)}[]"
    return repr(value)


def _lines(jaxpr: Jaxpr, names: Names, indent: str) -> list[str]:
    head = " ".join(names.binding(var) for var in jaxpr.constvars)
    arguments = " ".join(names.binding(var) for var in jaxpr.invars)
    opening = f"{{ lambda {head + ' ' if head else ''}; {arguments}. let"
    inner = indent + "    "
    body: list[str] = []
    for equation in jaxpr.equations:
        body.extend(equation_lines(equation, names, inner))
    result = "(" + ", ".join(names.atom(atom) for atom in jaxpr.outvars)
    result += ",)" if len(jaxpr.outvars) == 1 else ")"
    short = f"{opening} {'; '.join(line.strip() for line in body)}{' ' if body else ''}in {result} }}"
    if len(body) <= 2 and len(indent) + len(short) <= _WIDTH:
        return [indent + short]
    return [indent + opening, *body, f"{indent}  in {result} }}"]


def equation_lines(equation: Equation, names: Names, indent: str) -> list[str]:
    """The lines of one equation, with names for its variables."""
    inputs = "".join(" " + names.atom(atom) for atom in equation.inputs)
    outputs = " ".join(names.binding(var) for var in equation.outputs)
    params = equation.params
    if not params:
        return [f"{indent}{outputs} = {equation.primitive.name}{inputs}"]
    if not any(_has_jaxpr(value) for value in params.values()):
        listed = " ".join(f"{name}={format_param(value)}" for name, value in params.items())
        return [f"{indent}{outputs} = {equation.primitive.name}[{listed}]{inputs}"]
    lines = [f"{indent}{outputs} = {equation.primitive.name}["]
    for name, value in params.items():
        if isinstance(value, ClosedJaxpr):
            lines.extend(_named_block(f"{name}=", _lines(value.jaxpr, Names(), indent + "  ")))
        elif _has_jaxpr(value):
            lines.append(f"{indent}  {name}=(")
            for item in value:
                lines.extend(_lines(item.jaxpr, Names(), indent + "    "))
            lines.append(f"{indent}  )")
        else:
            lines.append(f"{indent}  {name}={format_param(value)}")
    lines.append(f"{indent}]{inputs}")
    return lines


def _named_block(name: str, lines: list[str]) -> list[str]:
    first = lines[0]
    start = len(first) - len(first.lstrip())
    return [first[:start] + name + first[start:], *lines[1:]]


def _has_jaxpr(value: Any) -> bool:
    return isinstance(value, ClosedJaxpr) or (
        isinstance(value, tuple) and bool(value) and all(isinstance(item, ClosedJaxpr) for item in value)
    )


def format_param(value: Any) -> str:
    """A parameter on one line."""
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, slice):
        parts = [value.start, value.stop] + ([value.step] if value.step is not None else [])
        return ":".join("" if part is None else str(part) for part in parts)
    if isinstance(value, tuple):
        inside = ", ".join(format_param(item) for item in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return repr(value)
