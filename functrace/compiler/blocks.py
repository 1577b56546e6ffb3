"""A region of elementwise equations written as a loop over blocks that stay in cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..core.jaxpr import Atom, Equation, Literal, Var
from ..lax.elementwise import where
from .buffers import Lifetimes
from .fusion import POWERS, Region, is_reduction, reduction_ufunc
from .names import dtype_text
from .runtime import give_chunks, in_blocks, take_chunks

if TYPE_CHECKING:
    from .writer import Writer


def write_blocks(writer: Writer, fused: Equation, position: int, lifetimes: Lifetimes) -> None:
    """Write a region as a function of a range, and the call that runs it over all blocks.

    Each operation writes into a piece of scratch memory, which is free again after the last use of its value; a result
    takes the memory of an operand that nobody needs any more.
    """
    region: Region = fused.params["region"]
    names = writer.names
    block, extent = region.block(), region.extent
    text: dict[Atom, str] = {}  # what a variable is called inside
    slices: list[str] = []
    flats: dict[Atom, str] = {}  # operands seen as one row
    for var in region.inputs:
        outer = writer.operand(var)
        if var.aval.shape != region.shape and (region.flat or not _has_rows(var.aval.shape, region.shape)):
            text[var] = outer
            continue
        if region.flat and len(region.shape) > 1:
            flat = names.fresh()
            writer.line(f"{flat} = {outer}.reshape(-1)")
            outer = flats[var] = flat
        text[var] = names.fresh()
        slices.append(f"{text[var]} = {outer}[lo:hi]")
    partial: dict[Atom, str] = {}
    places: dict[Atom, _Place] = {}  # where results are written
    last = {atom: number for number, equation in enumerate(region.equations) for atom in equation.inputs}
    made_at = {equation.outputs[0]: number for number, equation in enumerate(region.equations)}
    dying = [
        var
        for var in text
        if lifetimes.can_be_overwritten(var, position)
        and not any(other is not var and lifetimes.share(var, other) for other in region.inputs)  # views of it
        and (not region.flat or len(region.shape) == 1 or lifetimes.in_row_major(writer.operand(var)))
    ]
    for var in region.outputs:
        if not var.aval.shape:
            continue
        leaves = lifetimes.leaves(var)
        over = next(
            (
                atom
                for atom in dying
                if _takes_place_of(var, atom, region) and not (leaves and writer.is_in_arena(writer.operand(atom)))
            ),
            None,
        )
        if over is not None:
            dying.remove(over)
            lifetimes.reuse(over, var)
            writer.text[var] = writer.operand(over)
            places[var] = _Place(text[over], since=last[over], until=made_at[var])
            continue
        name = lifetimes.take_free(var, row_major=True) or writer.place(var, lifetimes)
        if name is None:
            name = names.fresh()
            writer.line(f"{name} = np.empty({region.shape}, {dtype_text(var.aval.dtype)})")
            lifetimes.is_row_major(name)
        writer.text[var] = flat = name
        if region.flat and len(region.shape) > 1:
            flat = names.fresh()
            writer.line(f"{flat} = {name}.reshape(-1)")
        places[var] = _Place(names.fresh(), since=0, until=made_at[var])
        slices.append(f"{places[var].name} = {flat}[lo:hi]")
    statements, scratch = _statements(writer, region, text, places, partial, last)
    for out, name in partial.items():
        writer.line(f"{name} = np.empty({-(-extent // block)}, {dtype_text(out.aval.dtype)})")
    function = names.take("blocks")
    chunks = names.fresh()
    writer.line(f"def {function}(start, stop):  # {len(region.equations)} operations in blocks of {block}")
    writer.depth += 1
    row = region.shape[1:] if not region.flat else ()
    if scratch:
        writer.line(f"{chunks} = {names.function('take_chunks', take_chunks)}({len(scratch)})")
        for number, (name, dtype) in enumerate(scratch):
            view = f"{chunks}[{number}].view({dtype_text(dtype)})"
            size = block * int(np.prod(row))
            shaped = f"[:{size}].reshape({(block, *row)})" if row else ""
            writer.line(f"{name}_ = {view}{shaped}")
    writer.line(f"for lo in range(start, stop, {block}):")
    writer.depth += 1
    writer.line(f"hi = min(lo + {block}, stop)")
    for line in slices:
        writer.line(line)
    for name, _ in scratch:
        writer.line(f"{name} = {name}_[: hi - lo]")
    for line in statements:
        writer.line(line)
    writer.depth -= 1
    if scratch:
        writer.line(f"{names.function('give_chunks', give_chunks)}({chunks})")
    writer.depth -= 1
    if region.is_worth_threads():
        writer.line(f"{names.function('in_blocks', in_blocks)}({function}, {extent}, {block})")
    else:
        writer.line(f"{function}(0, {extent})")
    for equation in region.equations:
        out = equation.outputs[0]
        if out in partial and out in region.outputs:
            writer.text[out] = names.fresh()
            reduce = f"{names.imported('numpy', reduction_ufunc(equation))}.reduce"
            writer.line(f"{writer.text[out]} = {reduce}({partial[out]})  # {out.aval}")


class _Place(NamedTuple):
    """A result's part of a block: before the result is there other values may be, from a position on."""

    name: str
    since: int
    until: int


def _statements(
    writer: Writer,
    region: Region,
    text: dict[Atom, str],
    places: dict[Atom, _Place],
    partial: dict[Atom, str],
    last: dict[Atom, int],
) -> tuple[list[str], list[tuple[str, np.dtype]]]:
    """The statements of a block, and the names of its scratch arrays with their dtypes."""
    names = writer.names
    scratch: list[tuple[str, np.dtype]] = []
    free: dict[np.dtype, list[str]] = {}
    held: dict[Atom, str] = {}  # the array that a variable is in for a while
    until = {place.name: place.until for place in places.values()}
    lines: list[str] = []

    def array_for(out: Var, position: int, dying: list[Atom]) -> str:
        """An operand's array, a result's before the result is there, one that is free, or a new one."""
        dtype = out.aval.dtype
        for atom in dying:
            if atom.aval.dtype == dtype and last[out] <= until.get(held[atom], last[out]):
                dying.remove(atom)
                return held.pop(atom)
        busy = set(held.values())
        for var, place in places.items():
            in_time = place.since <= position and last[out] <= place.until
            if var.aval.dtype == dtype and in_time and place.name not in busy:
                return place.name
        if free.get(dtype):
            return free[dtype].pop()
        scratch.append((names.fresh(), dtype))
        return scratch[-1][0]

    for position, equation in enumerate(region.equations):
        args = [_operand(writer, equation, atom, text) for atom in equation.inputs]
        out = equation.outputs[0]
        dying = [a for a in dict.fromkeys(equation.inputs) if a in held and last[a] == position]
        if is_reduction(equation):
            partial[out] = names.fresh()
            ufunc = names.imported("numpy", reduction_ufunc(equation))
            lines.append(f"{partial[out]}[lo // {region.block()}] = {ufunc}.reduce({args[0]}, None)")
        elif out in places:
            text[out] = places[out].name
            lines.append(_written(writer, equation, args, text[out]))
        elif equation.primitive.name == "select":  # in an array of its own: to copy where a mask is true is slow
            text[out] = names.fresh()
            lines.append(f"{text[out]} = {_chosen(writer, args)}")
        else:
            held[out] = text[out] = array_for(out, position, dying)
            lines.append(_written(writer, equation, args, text[out]))
        for atom in dying:
            name = held.pop(atom)
            if name not in until:
                free.setdefault(atom.aval.dtype, []).append(name)
    return lines, scratch


def _takes_place_of(out: Var, atom: Atom, region: Region) -> bool:
    """Whether a result can be written where an operand is: of its kind, and in a block not read after it is written."""
    if atom.aval.shape != out.aval.shape or atom.aval.dtype != out.aval.dtype:
        return False
    made = next(i for i, equation in enumerate(region.equations) if equation.outputs[0] is out)
    return all(atom not in equation.inputs for equation in region.equations[made + 1 :])


def _operand(writer: Writer, equation: Equation, atom: Atom, text: dict[Atom, str]) -> str:
    if atom.__class__ is not Literal:
        return text[atom]
    number = writer.number_beside(atom.value, equation) if equation.primitive.ufunc is not None else None
    return writer.operand(atom) if number is None else number


def _written(writer: Writer, equation: Equation, args: Sequence[str], out: str) -> str:
    """The statement that computes an elementwise equation into `out`."""
    name = equation.primitive.name
    if name == "select":
        return f"np.copyto({out}, {_chosen(writer, args)})"
    if name == "convert_element_type":
        return f"np.copyto({out}, {args[0]}, casting='unsafe')"
    exponent = equation.inputs[-1]
    if name == "pow" and isinstance(exponent, Literal) and exponent.value in POWERS:
        return writer.names.ufunc(POWERS[exponent.value], args[:1], out)
    return writer.names.ufunc(equation.primitive.ufunc, args, out)


def _chosen(writer: Writer, args: Sequence[str]) -> str:
    return f"{writer.names.function('choose', where.impl)}({', '.join(args)})"


def _has_rows(shape: tuple[int, ...], full: tuple[int, ...]) -> bool:
    """Whether an operand has positions of its own along the first axis of the result."""
    return len(shape) == len(full) and shape[0] == full[0] and full[0] != 1
