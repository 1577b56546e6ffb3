"""The rules of custom derivatives as programs, which a file can hold, and as functions again.

A rule may call the function that it belongs to, which has the rule in turn: the programs are kept for so many
derivatives of derivatives, and the function of a further one says that the file does not have it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import Aval, aval_of, float0
from ..core.jaxpr import ClosedJaxpr, Equation, eval_jaxpr
from ..core.recording import record
from ..errors import DifferentiationError
from ..lax.shape import convert_element_type
from ..transforms.arguments import as_leaves


def _is_inexact(aval: Aval) -> bool:
    return aval.dtype.kind in "fc"


def tangents_of(avals: Sequence[Aval]) -> list[Aval]:
    """The types of the tangents (and cotangents) of values: integers have none."""
    return [aval.strong() for aval in avals if _is_inexact(aval)]


def _with_zeros(given: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
    """Tangents with zeros for the integers."""
    parts = iter(given)
    return [next(parts) if _is_inexact(aval) else np.zeros(aval.shape, float0) for aval in avals]


# ---------------------------------------------------------------------------------------------------------------------
# custom_jvp
# ---------------------------------------------------------------------------------------------------------------------


def jvp_program(equation: Equation) -> ClosedJaxpr:
    """The rule of a `custom_jvp_call` as a program: values and tangents, to results and their tangents."""
    avals = equation.params["jaxpr"].in_avals
    rule = equation.params["rule"]

    def run(*args: Any) -> list[Any]:
        primals = list(args[: len(avals)])
        out, directions = rule(primals, _with_zeros(args[len(avals) :], avals))
        out_avals = [aval_of(x) for x in out]
        return [*out, *_typed(directions, out_avals)]

    return record(run, [*avals, *tangents_of(avals)])


def _typed(directions: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
    return [
        convert_element_type(direction, aval.dtype)
        for direction, aval in zip(directions, avals, strict=True)
        if _is_inexact(aval)
    ]


def jvp_rule(program: ClosedJaxpr | None, results: int) -> Callable:
    """The rule that such a program is."""

    def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        if program is None:
            raise _not_in_the_file()
        given = [t for t, x in zip(tangents, primals, strict=True) if _is_inexact(aval_of(x))]
        values = eval_jaxpr(program.jaxpr, program.consts, *primals, *given)
        out = values[:results]
        return out, _with_zeros(values[results:], [aval_of(x) for x in out])

    return rule


def _not_in_the_file() -> DifferentiationError:
    return DifferentiationError(
        "a derivative of a loaded function was asked for that its file does not hold: the rules of custom derivatives "
        "are saved for a few derivatives of derivatives",
        instead="save the derivative itself: save(path, functrace.grad(f), x)",
    )


# ---------------------------------------------------------------------------------------------------------------------
# custom_vjp
# ---------------------------------------------------------------------------------------------------------------------


class VjpPrograms(NamedTuple):
    """The rules of a `custom_vjp_call`."""

    forward: ClosedJaxpr  # values to results and residuals
    backward: ClosedJaxpr  # residuals and cotangents of results to cotangents of values
    gives: tuple[bool, ...]  # which values have a cotangent
    captured: int  # how many of the values were captured, and have no derivative


def vjp_programs(equation: Equation) -> VjpPrograms:
    """The rules of a `custom_vjp_call` as programs."""
    closed, fwd, bwd = [equation.params[name] for name in ("jaxpr", "fwd", "bwd")]
    avals, out_avals = closed.in_avals, closed.out_avals
    forward = record(lambda *args: [x for part in fwd(*args) for x in as_leaves(part)], avals)
    residuals = forward.out_avals[len(out_avals) :]
    gives: list[bool] = []

    def back(*args: Any) -> list[Any]:
        kept, cotangents = args[: len(residuals)], args[len(residuals) :]
        parts = bwd(kept, _with_zeros(cotangents, out_avals), avals)
        gives.extend(part is not None for part in parts)
        return [part for part in parts if part is not None]

    backward = record(back, [*residuals, *tangents_of(out_avals)])
    return VjpPrograms(forward, backward, tuple(gives), getattr(fwd, "captured", 0))


def vjp_rules(programs: VjpPrograms | None, results: int) -> tuple[Callable, Callable]:
    """The rules that such programs are."""

    def fwd(*values: Any) -> tuple[list[Any], list[Any]]:
        if programs is None:
            raise _not_in_the_file()
        out = eval_jaxpr(programs.forward.jaxpr, programs.forward.consts, *values)
        return out[:results], out[results:]

    def bwd(residuals: Sequence[Any], cotangents: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
        if programs is None:
            raise _not_in_the_file()
        given = [ct for ct in cotangents if _is_inexact(aval_of(ct))]
        parts = iter(eval_jaxpr(programs.backward.jaxpr, programs.backward.consts, *residuals, *given))
        return [next(parts) if gives else None for gives in programs.gives]

    fwd.captured = 0 if programs is None else programs.captured  # type: ignore[attr-defined]
    return fwd, bwd
