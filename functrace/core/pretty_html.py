"""A jaxpr, and the source that a jaxpr was compiled to, as a notebook shows them."""

from __future__ import annotations

import re
from html import escape

from .jaxpr import ClosedJaxpr, Jaxpr, Var
from .pretty import Names, equation_lines

_STYLE = "font-size:12px;line-height:1.45;margin:0;overflow:auto;max-height:32em"
_MOST = 1000  # equations that are shown: a notebook keeps what it shows
_KEYWORD = re.compile(r"\b(import|from|def|return|for|in|while|if|else|not|and|or|as|lambda|let|with)\b")


def jaxpr_html(jaxpr: Jaxpr | ClosedJaxpr) -> str:
    """The jaxpr, a line an equation; pointing at one shows the user's line that it came from.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> "sin" in jaxpr_html(functrace.make_jaxpr(fnp.sin)(1.0))
    True
    """
    if isinstance(jaxpr, ClosedJaxpr):
        jaxpr = jaxpr.jaxpr
    names = Names()

    def listed(variables: tuple[Var, ...]) -> str:
        return ", ".join(_binding(names, var) for var in variables) or "nothing"

    count = len(jaxpr.equations)
    head = f"{count} equation{'' if count == 1 else 's'} from {listed(jaxpr.invars)}"
    if jaxpr.constvars:
        head += f", with the constants {listed(jaxpr.constvars)}"
    rows = []
    for equation in jaxpr.equations[:_MOST]:
        where = "" if equation.location is None else f' title="{escape(str(equation.location))}"'
        text = "\n".join(equation_lines(equation, names, ""))
        rows.append(f"<span{where}>{_coloured(text, equation.primitive.name)}</span>")
    if count > _MOST:
        rows.append(f"… and {count - _MOST} more, which print(jaxpr) shows")
    results = ", ".join(escape(names.atom(atom)) for atom in jaxpr.outvars) if count <= _MOST else "…"
    body = "\n".join(rows)
    return f'<div>{head}</div><pre style="{_STYLE}">{body}</pre><div>result: <code>{results}</code></div>'


def source_html(title: str, source: str, facts: dict[str, str]) -> str:
    """The source of a compiled function under its name, with what is known of it."""
    listed = ", ".join(f"{escape(name)} {escape(text)}" for name, text in facts.items())
    lines = []
    for line in source.splitlines():
        code, mark, comment = line.partition("#")
        code = _KEYWORD.sub(r'<b style="color:#8250df">\1</b>', escape(code))
        lines.append(code + (f'<i style="color:#6b7280">{escape(mark + comment)}</i>' if mark else ""))
    body = "\n".join(lines)
    return f'<div><b>{escape(title)}</b> {listed}</div><pre style="{_STYLE}">{body}</pre>'


def _binding(names: Names, var: Var) -> str:
    return f"<code>{escape(names.binding(var))}</code>"


def _coloured(text: str, primitive: str) -> str:
    left, equals, right = text.partition(" = ")
    marked = escape(right).replace(escape(primitive), f'<b style="color:#0b5394">{escape(primitive)}</b>', 1)
    return f'<span style="color:#6b7280">{escape(left)}</span>{equals}{marked}'
