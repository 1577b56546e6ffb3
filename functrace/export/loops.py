"""Whether loops and branches fit the programs inside them, which their rules take for granted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.aval import DYNAMIC, Aval
from ..core.jaxpr import ClosedJaxpr, Equation
from ..errors import ExportError
from .fields import malformed


def check_loop(equation: Equation, place: str) -> None:
    """Check a `scan`, a `while`, a `cond` or a linear solve; any other equation passes.

    Raises
    ------
    ExportError
        It does not fit.
    """
    checker = _CHECKERS.get(equation.primitive.name)
    if checker is not None:
        checker(equation, f"{place}.params")


def _scan(equation: Equation, place: str) -> None:
    params = _parameters(
        equation, place, jaxpr=ClosedJaxpr, num_consts=int, num_carry=int, reverse=bool, progress=bool, length=None
    )
    avals = [atom.aval for atom in equation.inputs]
    length = params["length"]
    if length is None:
        steps, avals = avals[:1], avals[1:]
        if not steps or steps[0].shape or steps[0].dtype.kind not in "iu":
            malformed(f"{place}.length", "the number of steps, or an operand that is an integer", length)
    elif type(length) is not int or length < 0:
        malformed(f"{place}.length", "a number of steps", length)
    consts, carry, xs = _cut(avals, params["num_consts"], params["num_carry"], place)
    for aval in xs:
        if not aval.shape or (length is not None and aval.shape[0] != length):
            malformed(f"{place}.length", "the extent of what is looped over", length)
    jaxpr = params["jaxpr"]
    same_types(f"{place}.jaxpr", jaxpr.in_avals, [*consts, *carry, *[Aval(aval.shape[1:], aval.dtype) for aval in xs]])
    same_types(f"{place}.jaxpr", jaxpr.out_avals[: len(carry)], carry)


def _while(equation: Equation, place: str) -> None:
    params = _parameters(
        equation, place, cond_jaxpr=ClosedJaxpr, body_jaxpr=ClosedJaxpr, cond_nconsts=int, body_nconsts=int
    )
    avals = [atom.aval for atom in equation.inputs]
    cond_consts, consts, carry = _cut(avals, params["cond_nconsts"], params["body_nconsts"], place)
    test, body = params["cond_jaxpr"], params["body_jaxpr"]
    same_types(f"{place}.cond_jaxpr", test.in_avals, [*cond_consts, *carry])
    if len(test.out_avals) != 1 or test.out_avals[0].shape or test.out_avals[0].dtype.kind != "b":
        raise ExportError(f"{place}.cond_jaxpr: the condition should give one boolean")
    same_types(f"{place}.body_jaxpr", body.in_avals, [*consts, *carry])
    same_types(f"{place}.body_jaxpr", body.out_avals[: len(carry)], carry)


def _cond(equation: Equation, place: str) -> None:
    branches = equation.params.get("branches")
    if not isinstance(branches, tuple) or not branches or not all(isinstance(x, ClosedJaxpr) for x in branches):
        malformed(f"{place}.branches", "a tuple of programs", branches)
    avals = [atom.aval for atom in equation.inputs]
    if not avals or avals[0].shape or avals[0].dtype.kind not in "biu":
        raise ExportError(f"{place}.branches: the first operand should be the number of a branch")
    for branch in branches:
        same_types(f"{place}.branches", branch.in_avals, avals[1:])
        same_types(f"{place}.branches", branch.out_avals, branches[0].out_avals)


def _linear_solve(equation: Equation, place: str) -> None:
    programs, sizes = equation.params.get("programs"), equation.params.get("sizes")
    if (
        not isinstance(programs, tuple)
        or len(programs) != 4
        or not all(isinstance(program, ClosedJaxpr) for program in programs[:3])
        or not isinstance(programs[3], (ClosedJaxpr, type(None)))
    ):
        malformed(f"{place}.programs", "four programs", programs)
    if (
        not isinstance(sizes, tuple)
        or len(sizes) != 4
        or not all(type(size) is int and size >= 0 for size in sizes)
        or sum(sizes) > len(equation.inputs)
    ):
        malformed(f"{place}.sizes", "how many operands each program has", sizes)


_CHECKERS = {"scan": _scan, "while": _while, "cond": _cond, "custom_linear_solve": _linear_solve}


def _parameters(equation: Equation, place: str, **kinds: Any) -> dict[str, Any]:
    """The parameters, each of its kind."""
    if set(equation.params) != set(kinds):
        malformed(place, f"the parameters {', '.join(kinds)}", sorted(equation.params))
    for name, kind in kinds.items():
        value = equation.params[name]
        if kind is not None and (type(value) is not kind or (kind is int and value < 0)):
            malformed(f"{place}.{name}", "a program" if kind is ClosedJaxpr else f"a {kind.__name__}", value)
    return equation.params


def _cut(avals: Sequence[Aval], first: int, second: int, place: str) -> tuple[list[Aval], list[Aval], list[Aval]]:
    if first + second > len(avals):
        raise ExportError(
            f"{place}: {len(avals)} operands, of which {first} and {second} should be constants and carry"
        )
    return list(avals[:first]), list(avals[first : first + second]), list(avals[first + second :])


def same_types(place: str, got: Sequence[Aval], expected: Sequence[Aval]) -> None:
    """Check that types are the same, but for weakness and extents that are not known."""

    def fits(one: Aval, other: Aval) -> bool:
        return (
            one.dtype == other.dtype
            and len(one.shape) == len(other.shape)
            and all(a == b or DYNAMIC in (a, b) for a, b in zip(one.shape, other.shape, strict=True))
        )

    if len(got) != len(expected) or not all(map(fits, got, expected)):
        raise ExportError(
            f"{place}: the program has values of types {', '.join(map(str, got))} where the equation has "
            f"{', '.join(map(str, expected))}"
        )
