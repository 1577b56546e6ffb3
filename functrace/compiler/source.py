"""A jaxpr written as NumPy source that a person can read."""

from __future__ import annotations

import itertools
import keyword
import linecache
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..config import config
from ..core.aval import Aval
from ..core.finite import in_search
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Literal, Var, eval_jaxpr
from ..core.pretty import letters
from ..core.trace import Tracer
from ..errors import UnexpectedTracerError
from .buffers import LARGE, Lifetimes
from .fusion import POWERS, Region, fuse, fused_p, in_blocks, is_reduction, reduction_ufunc
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
    return closed.derived("compiled", lambda: compile_jaxpr(fuse(simplify(closed)), name, argument_names))


def compiled_inner(closed: ClosedJaxpr, name: str = "body") -> Callable[..., tuple]:
    """The same for a program inside another: its results may share memory with its arguments and constants."""
    if config.debugging and in_search():
        return lambda *args: tuple(eval_jaxpr(closed.jaxpr, closed.consts, *args))
    return closed.derived("compiled_inner", lambda: compile_jaxpr(fuse(simplify(closed)), name, owned=False)).call


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
    if any(isinstance(const, Tracer) for const in closed.consts):
        raise UnexpectedTracerError(
            "a function with a rule of its own is inside jit or a loop, and the rule uses a traced value from outside",
            instead="pass the value as an argument; functrace.closure_convert makes one of it",
        )
    writer = _Writer(closed, name, argument_names, owned)
    text = writer.text()
    filename = f"<functrace {writer.name} {next(_serial)}>"
    namespace = dict(writer.namespace)
    exec(compile(text, filename, "exec"), namespace)  # the text is made of the table's own words and checked names
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    return Program(text, namespace[writer.name], filename)


def identifier(text: str) -> str:
    """`text` as a Python name: what cannot stand in one becomes an underscore."""
    name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text[:_LONGEST_NAME])
    name = name.strip("_") or "f"
    return f"_{name}" if name[0].isdigit() or keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


_LONGEST_NAME = 60


def comment(text: str) -> str:
    """`text` as a comment: on one line, whatever is in it."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)


def number_text(value: float) -> str:
    """A Python float as an expression, infinities and NaN too."""
    if math.isfinite(value):
        return repr(value)
    text = "np.nan" if math.isnan(value) else "np.inf"
    return f"-{text}" if math.copysign(1, value) < 0 else text


_AUGMENTED = {"add": "+=", "sub": "-=", "mul": "*=", "div": "/=", "pow": "**="}


class _Writer:
    def __init__(self, closed: ClosedJaxpr, name: str, argument_names: Sequence[str] | None, owned: bool) -> None:
        self.closed = closed
        self.owned = owned
        self.namespace: dict[str, Any] = {"np": np}
        self.header: list[str] = ["import numpy as np", ""]
        self.taken: set[str] = {"np", "abs", "complex", "lo", "hi", "start", "stop"}
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
        comments: dict[Any, str] = {}
        for position, equation in enumerate(jaxpr.equations):
            location = equation.location
            if location is not None:
                here = (location.code, location.instruction, location.scope)
                if here not in comments:
                    comments[here] = f"[{location.scope}] {location.text}" if location.scope else location.text
                if comments[here] != last:
                    last = comments[here]
                    if last:
                        lines.append("    " + comment(last))
            if equation.primitive is fused_p:
                lines.extend(self._blocks(equation))
            else:
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

    def _blocks(self, fused: Equation) -> list[str]:
        """A region as a function of a range, run over all blocks."""
        region: Region = fused.params["region"]
        lines: list[str] = []
        names: dict[Atom, str] = {}  # what a variable is called inside
        body: list[str] = []
        whole = region.shape if region.flat else None
        for var in region.inputs:
            outer = self.names[var]
            if var.aval.shape != region.shape and (region.flat or not _has_rows(var.aval.shape, region.shape)):
                names[var] = outer
                continue
            if whole is not None and len(region.shape) > 1:
                flat = self._fresh_name()
                lines.append(f"{flat} = {outer}.reshape(-1)")
                outer = flat
            names[var] = self._fresh_name()
            body.append(f"{names[var]} = {outer}[lo:hi]")
        partial: dict[Atom, tuple[str, str]] = {}
        targets: dict[Atom, str] = {}
        block, extent = region.block(), region.extent
        blocks = -(-extent // block)
        for var in region.outputs:
            self.names[var] = self._fresh_name()
            if var.aval.shape:
                lines.append(f"{self.names[var]} = np.empty({region.shape}, np.{var.aval.dtype.type.__name__})")
                targets[var] = self.names[var]
                if region.flat and len(region.shape) > 1:
                    targets[var] = self._fresh_name()
                    lines.append(f"{targets[var]} = {self.names[var]}.reshape(-1)")
        row = () if region.flat else region.shape[1:]
        scratch: list[str] = []
        free: dict[Any, list[str]] = {}
        buffer_of: dict[Atom, str] = {}
        last = {atom: i for i, equation in enumerate(region.equations) for atom in equation.inputs}
        statements: list[str] = []
        for position, equation in enumerate(region.equations):
            args = [names[a] if isinstance(a, Var) else self._literal(a.value) for a in equation.inputs]
            out = equation.outputs[0]
            if is_reduction(equation):
                part = self._fresh_name()
                lines.append(f"{part} = np.empty({blocks}, np.{out.aval.dtype.type.__name__})")
                partial[out] = (part, reduction_ufunc(equation))
                ufunc = reduction_ufunc(equation)
                statements.append(f"{part}[lo // {block}] = np.{ufunc}.reduce({args[0]}, axis=None)")
                continue
            dying = [
                a for a in dict.fromkeys(equation.inputs) if a in buffer_of and last[a] == position and a not in targets
            ]
            dtype = out.aval.dtype
            if out in targets:
                names[out] = self._fresh_name()
                statements.append(f"{names[out]} = {targets[out]}[lo:hi]")
            else:
                reused = next((a for a in dying if buffer_of[a].endswith(_slot(dtype))), None)
                if reused is not None and equation.primitive.name != "select":
                    buffer_of[out] = buffer_of[reused]
                    names[out] = names[reused]
                    dying.remove(reused)
                else:
                    pool = free.setdefault(dtype, [])
                    if pool:
                        names[out] = pool.pop()
                    else:
                        store, names[out] = self._fresh_name(), self._fresh_name()
                        shape = (block, *row) if row else block
                        scratch.append(f"{store} = np.empty({shape}, np.{dtype.type.__name__})")
                        body.append(f"{names[out]} = {store}[: hi - lo]")
                    buffer_of[out] = names[out] + _slot(dtype)
            statements.extend(_written_into(equation, args, names[out]))
            for atom in dying:
                free.setdefault(atom.aval.dtype, []).append(names[atom])
        function = self._take("blocks")
        lines.append(f"def {function}(start, stop):  # {len(region.equations)} operations in blocks of {block}")
        lines += [f"    {line}" for line in scratch]
        lines.append(f"    for lo in range(start, stop, {block}):")
        lines.append(f"        hi = min(lo + {block}, stop)")
        lines += [f"        {line}" for line in (*body, *statements)]
        self.namespace["in_blocks"] = in_blocks
        lines.append(f"in_blocks({function}, {extent}, {block})")
        for result, (part, ufunc) in partial.items():
            if result in self.names:
                lines.append(f"{self.names[result]} = np.{ufunc}.reduce({part})  # {result.aval}")
        return ["    " + line for line in lines]

    def _in_place(self, equation: Equation, args: Sequence[str], position: int, lifetimes: Lifetimes) -> str | None:
        """An elementwise operation written over an operand that nobody needs any more."""
        ufunc = equation.primitive.ufunc
        if ufunc is None or equation.params:
            return None
        out = equation.outputs[0]
        if not out.aval.shape:
            return None
        for number, atom in enumerate(equation.inputs):  # noqa: B007 (both are looked at below)
            alike = atom.aval.shape == out.aval.shape and atom.aval.dtype == out.aval.dtype
            if alike and lifetimes.can_be_overwritten(atom, position):
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
        if type(value) is float:
            text = number_text(value)
            return f"({text})" if text.startswith("-") else text
        if type(value) is complex:
            return f"complex({number_text(value.real)}, {number_text(value.imag)})"
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
        if isinstance(value, np.generic) and type(value.item()) in (bool, int, float, complex):
            self.header.append(f"{name} = np.{value.dtype.type.__name__}({self._literal(value.item())})")
        elif isinstance(value, np.ndarray):
            aval = Aval(value.shape, value.dtype)
            self.header.append(f"# {name}: a constant {aval}, captured when the function was traced")
        else:
            self.header.append(comment(f"{name}: a {type(value).__name__}"))
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
                words.append(f"{name}.copy()")
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


def _slot(dtype: np.dtype) -> str:
    """A mark of the dtype at the end of a buffer's name in the plan."""
    return f":{dtype.str}"


def _has_rows(shape: tuple[int, ...], full: tuple[int, ...]) -> bool:
    """Whether an operand has positions of its own along the first axis of the result."""
    return len(shape) == len(full) and shape[0] == full[0] and full[0] != 1


def _written_into(equation: Equation, args: Sequence[str], out: str) -> list[str]:
    """Statements that compute an elementwise equation into `out`."""
    name = equation.primitive.name
    if name == "select":
        condition, x, y = args
        return [f"np.copyto({out}, {y})", f"np.copyto({out}, {x}, where={condition})"]
    if name == "convert_element_type":
        return [f"np.copyto({out}, {args[0]}, casting='unsafe')"]
    exponent = equation.inputs[-1]
    if name == "pow" and isinstance(exponent, Literal) and exponent.value in POWERS:
        return [f"np.{POWERS[exponent.value]}({args[0]}, out={out})"]
    return [f"np.{equation.primitive.ufunc.__name__}({', '.join(args)}, out={out})"]


def _is_generic(atom: Atom) -> bool:
    return isinstance(atom, Literal) and isinstance(atom.value, np.generic)


def _is_plain(value: Any) -> bool:
    """Whether repr gives an expression for the value that is safe to compile."""
    if isinstance(value, tuple):
        return all(_is_plain(item) for item in value)
    return value is None or type(value) in (bool, int) or (type(value) is str and value.isidentifier())
