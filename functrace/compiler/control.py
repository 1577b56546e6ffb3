"""Loops and branches written as Python's own `for`, `while` and `if`, with their programs' statements inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.aval import DYNAMIC
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Var
from .buffers import could_take_place_of_result, used_in, whole_in
from .names import dtype_text
from .pipeline import ready
from .runtime import Stack
from .scalars import computes, in_python

if TYPE_CHECKING:
    from .buffers import Lifetimes
    from .writer import Writer


# ---------------------------------------------------------------------------------------------------------------------
# scan
# ---------------------------------------------------------------------------------------------------------------------


def write_scan(writer: Writer, equation: Equation, lifetimes: Lifetimes) -> bool:
    """A `scan` as a `for` over the rows of its inputs and of the arrays for its results."""
    params = equation.params
    closed = ready(params["jaxpr"])
    count, length = params["num_carry"], params["length"]
    body = closed.jaxpr
    if params["progress"] or any(DYNAMIC in atom.aval.shape for atom in body.outvars[count:]):
        return False
    inputs = equation.inputs
    steps = str(length)
    if length is None:
        steps = writer.names.fresh()
        writer.line(f"{steps} = int({writer.operand(inputs[0])})")
        inputs = inputs[1:]
    constants, carry, rows = _cut(body.invars, params["num_consts"], count)
    outer_constants, init, xs = _cut(inputs, params["num_consts"], count)
    inner = writer.child()
    _bind_captured(inner, closed)
    _bind_constants(writer, inner, constants, outer_constants, [body])
    next_carry, results = body.outvars[:count], body.outvars[count:]
    own = _own_carries(body, carry, next_carry, results)
    names = _start_carries(writer, inner, carry, init, own)

    used = used_in(body)
    loop: list[tuple[str, str]] = []  # (name, what it runs over)
    part = f"[:{steps}]" if length is None else ""
    turn = "[::-1]" if params["reverse"] else ""
    for var, atom in zip(rows, xs, strict=True):
        if var not in used:
            continue
        name = writer.names.fresh()
        if in_python(var.aval):
            inner.python[var] = name
            loop.append((name, f"{writer.operand(atom)}{part}{turn}.tolist()"))
        else:
            inner.text[var] = name
            loop.append((name, f"{writer.operand(atom)}{part}{turn}"))
    into: dict[Atom, str] = {}
    made = {var for e in body.equations for var in e.outputs}
    copied: list[tuple[str, Atom]] = []
    for atom, out in zip(results, equation.outputs[count:], strict=True):
        placed = writer.place(out, lifetimes) if atom.aval.shape else None
        stack = writer.text[out] = placed or writer.names.fresh()
        if not atom.aval.shape:
            writer.line(f"{stack} = []")
            continue
        if placed is None:
            shape = ", ".join([steps, *map(str, atom.aval.shape)])
            writer.line(f"{stack} = np.empty(({shape}), {dtype_text(atom.aval.dtype)})  # {out.aval}")
        row = writer.names.fresh()
        loop.append((row, f"{stack}{turn}"))
        if atom in made and atom not in into:
            into[atom] = row
        else:
            copied.append((row, atom))
    if len(loop) > 1:
        head = f"for {', '.join(name for name, _ in loop)} in zip({', '.join(what for _, what in loop)}):"
    else:
        head = f"for {loop[0][0]} in {loop[0][1]}:" if loop else f"for _ in range({steps}):"
    first = len(writer.lines)
    writer.line(head)
    start = len(writer.lines)
    inner.write(body, into=into, own=own, floats=[atom for atom in body.outvars if in_python(atom.aval)])
    for row, atom in copied:
        inner.line(f"{row}[...] = {inner.operand(atom)}")
    for atom, out in zip(results, equation.outputs[count:], strict=True):
        if not atom.aval.shape:
            inner.line(f"{writer.text[out]}.append({_scalar(inner, atom)})")
    _next_carries(inner, names, next_carry)
    if len(writer.lines) == start:
        inner.line("pass")
    _transpose_before(writer, first, [inner.text[var] for var in constants if var in inner.text])
    for atom, out in zip(results, equation.outputs[count:], strict=True):
        if not atom.aval.shape:
            stack = writer.text[out]
            writer.line(f"{stack} = np.array({stack}{turn}, {dtype_text(atom.aval.dtype)})  # {out.aval}")
    runs = length is not None and length > 0
    _end_carries(writer, equation.outputs[:count], carry, names, body, into, own, runs=runs)
    return True


# ---------------------------------------------------------------------------------------------------------------------
# while
# ---------------------------------------------------------------------------------------------------------------------


def write_while(writer: Writer, equation: Equation, lifetimes: Lifetimes) -> bool:
    """A `while` as Python's, its results pushed on stacks that grow."""
    params = equation.params
    test, closed = ready(params["cond_jaxpr"]), ready(params["body_jaxpr"])
    body = closed.jaxpr
    cond_count, body_count = params["cond_nconsts"], params["body_nconsts"]
    count = len(equation.inputs) - cond_count - body_count
    if any(DYNAMIC in atom.aval.shape for atom in body.outvars[count:]):
        return False
    init = equation.inputs[cond_count + body_count :]
    tester, inner = writer.child(), writer.child()
    _bind_captured(tester, test)
    _bind_captured(inner, closed)
    _bind_constants(writer, tester, test.jaxpr.invars[:cond_count], equation.inputs[:cond_count], [test.jaxpr])
    _bind_constants(
        writer, inner, body.invars[:body_count], equation.inputs[cond_count : cond_count + body_count], [body]
    )
    carry, next_carry, results = body.invars[body_count:], body.outvars[:count], body.outvars[count:]
    own = _own_carries(body, carry, next_carry, results)
    names = _start_carries(writer, inner, carry, init, own)
    for var, mine in zip(test.jaxpr.invars[cond_count:], carry, strict=True):
        for texts, own_texts in ((tester.text, inner.text), (tester.python, inner.python)):
            if mine in own_texts:
                texts[var] = own_texts[mine]
    *stacks, number = equation.outputs[count:]
    for atom, out in zip(results, stacks, strict=True):
        stack = writer.text[out] = writer.names.fresh()
        if atom.aval.shape:
            called = writer.names.function("Stack", Stack)
            writer.line(f"{stack} = {called}({atom.aval.shape}, {dtype_text(atom.aval.dtype)})")
        else:
            writer.line(f"{stack} = []")
    counter = writer.names.fresh() if number in writer.used else None
    if counter is not None:
        writer.line(f"{counter} = 0")
    head = len(writer.lines)
    writer.line("while True:")
    (answer,) = test.jaxpr.outvars
    tester.write(test.jaxpr, floats=[answer])
    truth = tester.python_text(answer) if in_python(answer.aval) else tester.operand(answer)
    only = writer.lines[head + 1 :]
    assigned = f"{truth} = "
    code = [line for line in only if not line.lstrip().startswith("#")]
    if len(code) <= 1 and all(line.lstrip().startswith(assigned) for line in code):  # one expression: it is the head
        expression = code[0].lstrip().removeprefix(assigned).split("  #")[0] if code else truth
        comments = [line.removeprefix("    ") for line in only if line not in code]
        writer.lines[head:] = [*comments, "    " * writer.depth + f"while {expression}:"]
    else:
        tester.line(f"if not {truth}:")
        tester.line("    break")
    start = len(writer.lines)
    inner.write(body, own=own, floats=[atom for atom in body.outvars if in_python(atom.aval)])
    for atom, out in zip(results, stacks, strict=True):
        if atom.aval.shape:
            inner.line(f"{writer.text[out]}.push({inner.operand(atom)})")
        else:
            inner.line(f"{writer.text[out]}.append({_scalar(inner, atom)})")
    _next_carries(inner, names, next_carry)
    if counter is not None:
        inner.line(f"{counter} += 1")
    if len(writer.lines) == start:
        inner.line("pass")
    for atom, out in zip(results, stacks, strict=True):
        stack = writer.text[out]
        values = f"{stack}.array()" if atom.aval.shape else f"np.array({stack}, {dtype_text(atom.aval.dtype)})"
        writer.line(f"{stack} = {values}  # {out.aval}")
    if counter is not None:
        writer.text[number] = writer.names.fresh()
        writer.line(f"{writer.text[number]} = np.int64({counter})")
    _end_carries(writer, equation.outputs[:count], carry, names, body, {}, own, runs=False)
    return True


# ---------------------------------------------------------------------------------------------------------------------
# cond
# ---------------------------------------------------------------------------------------------------------------------


def write_cond(writer: Writer, equation: Equation, lifetimes: Lifetimes) -> bool:
    """A `cond` as an `if` with a branch for each program."""
    index, *operands = equation.inputs
    branches = [ready(branch) for branch in equation.params["branches"]]
    last = len(branches) - 1
    chosen = writer.python.get(index) or writer.operand(index)
    if last > 1:
        number = writer.names.fresh()
        writer.line(f"{number} = min(max(int({chosen}), 0), {last})")
        chosen = number
    names = []
    for out in equation.outputs:
        name = writer.names.fresh()
        names.append(name)
        (writer.python if in_python(out.aval) else writer.text)[out] = name
    children = []
    for branch in branches:
        inner = writer.child()
        _bind_captured(inner, branch)
        _bind_constants(writer, inner, branch.jaxpr.invars, operands, [branch.jaxpr])
        children.append(inner)
    for position, (branch, inner) in enumerate(zip(branches, children, strict=True)):
        if position == last:
            writer.line("else:" if last else "if True:")
        else:
            writer.line(f"{'elif' if position else 'if'} {chosen} {f'== {position}' if last > 1 else '<= 0'}:")
        start = len(writer.lines)
        inner.write(branch.jaxpr, floats=[atom for atom in branch.jaxpr.outvars if in_python(atom.aval)])
        for name, atom, out in zip(names, branch.jaxpr.outvars, equation.outputs, strict=True):
            inner.line(f"{name} = {inner.python_text(atom) if in_python(out.aval) else inner.strong(atom, out.aval)}")
        if len(writer.lines) == start:
            inner.line("pass")
    return True


# ---------------------------------------------------------------------------------------------------------------------
# what enters a program, and what it hands on
# ---------------------------------------------------------------------------------------------------------------------


def _cut(values: Sequence, num_consts: int, num_carry: int) -> tuple[Sequence, Sequence, Sequence]:
    return values[:num_consts], values[num_consts : num_consts + num_carry], values[num_consts + num_carry :]


def _bind_captured(inner: Writer, closed: ClosedJaxpr) -> None:
    for var, const in zip(closed.jaxpr.constvars, closed.consts, strict=True):
        inner.text[var] = inner.names.constant(const)


def _bind_constants(
    writer: Writer, inner: Writer, variables: Sequence[Var], atoms: Sequence[Atom], programs: Sequence[Jaxpr]
) -> None:
    """Give a program's inputs the names that these values have outside."""
    in_chains = {a for jaxpr in programs for e in jaxpr.equations if computes(e) for a in e.inputs}
    in_chains |= {a for jaxpr in programs for a in jaxpr.outvars}
    used = set().union(*[used_in(jaxpr) for jaxpr in programs])
    for var, atom in zip(variables, atoms, strict=True):
        if var not in used:
            continue
        if in_python(var.aval) and (var in in_chains or atom in writer.python):
            inner.python[var] = writer.python_text(atom)
            if var.aval.weak_type:
                inner.text[var] = inner.python[var]
        else:
            inner.text[var] = writer.strong(atom, var.aval)


def _start_carries(
    writer: Writer, inner: Writer, carry: Sequence[Var], init: Sequence[Atom], own: Sequence[Var]
) -> list[str]:
    names = []
    for var, atom in zip(carry, init, strict=True):
        name = writer.names.fresh()
        names.append(name)
        if in_python(var.aval):
            inner.python[var] = name
            writer.line(f"{name} = {writer.python_text(atom)}")
        else:
            inner.text[var] = name
            writer.line(f"{name} = {writer.strong(atom, var.aval)}{'.copy()' if var in own else ''}  # {var.aval}")
        if var.aval.weak_type:
            inner.text[var] = name
    return names


def _next_carries(inner: Writer, names: Sequence[str], atoms: Sequence[Atom]) -> None:
    texts = [inner.python_text(a) if in_python(a.aval) else inner.strong(a, a.aval) for a in atoms]
    changed = [(name, text) for name, text in zip(names, texts, strict=True) if name != text]
    if changed:
        inner.line(f"{', '.join(name for name, _ in changed)} = {', '.join(text for _, text in changed)}")


def _own_carries(body: Jaxpr, carry: Sequence[Var], next_carry: Sequence[Atom], results: Sequence[Atom]) -> list[Var]:
    """The carries that a step may write over: its own arrays, which nothing else holds, and which it can use."""
    whole = whole_in(body)
    useful = {
        atom
        for equation in body.equations
        for atom in could_take_place_of_result(equation)
        if atom.aval.shape == equation.outputs[0].aval.shape and atom.aval.dtype == equation.outputs[0].aval.dtype
    }
    outvars = [*next_carry, *results]
    return [
        var
        for var, atom in zip(carry, next_carry, strict=True)
        if var.aval.shape and var in useful and atom in whole and outvars.count(atom) == 1
    ]


def _end_carries(
    writer: Writer,
    outputs: Sequence[Var],
    carry: Sequence[Var],
    names: Sequence[str],
    body: Jaxpr,
    into: dict[Atom, str],
    own: Sequence[Var],
    *,
    runs: bool,
) -> None:
    """Name the last carries; what may share memory with something else becomes an array of its own."""
    whole = whole_in(body)
    for position, (out, var, name) in enumerate(zip(outputs, carry, names, strict=True)):
        atom = body.outvars[position]
        if out not in writer.used:
            continue
        if in_python(var.aval):
            writer.python[out] = name
            if out.aval.weak_type:
                writer.text[out] = name
            continue
        writer.text[out] = name
        if not var.aval.shape or var in own:
            continue
        fresh = runs and atom in whole and atom not in into and body.outvars.count(atom) == 1
        if not fresh:
            writer.line(f"{name} = {name}.copy()")


def _transpose_before(writer: Writer, first: int, constants: Sequence[str]) -> None:
    """Make the transposed views of a loop's constants before the loop, which begins with the line `first`."""
    for constant in constants:
        if not constant.isidentifier():
            continue
        view = re.compile(rf"\b{constant}\.T\b")
        if any(view.search(line) for line in writer.lines[first:]):
            name = writer.names.fresh()
            writer.lines[first:] = [view.sub(name, line) for line in writer.lines[first:]]
            writer.lines.insert(first, "    " * writer.depth + f"{name} = {constant}.T")
            first += 1


def _scalar(inner: Writer, atom: Atom) -> str:
    return inner.python_text(atom) if in_python(atom.aval) else inner.operand(atom)
