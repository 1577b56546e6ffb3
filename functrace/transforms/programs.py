"""What the transforms make of a program inside an equation: made once, and kept with the program."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..compiler.simplify import inlined, without_dead
from ..core.aval import Aval, aval_of
from ..core.jaxpr import Atom, ClosedJaxpr, Jaxpr, Var, eval_jaxpr, inner_jaxprs
from ..core.recording import record
from ..core.trace import Tracer
from ..lax.shape import batch_to_front
from ..lax.stacks import instantiate
from .jvp import run_jvp, unpack
from .vjp import VJPTracer, backward, trace_vjp
from .vmap import BatchTracer, axis_environment, axis_trace, run_batched

__all__ = [
    "Batched",
    "Jvp",
    "Vjp",
    "batch_program",
    "hoist_tracers",
    "instantiate",
    "jvp_program",
    "split_program",
    "vjp_program",
    "with_captured",
]


def hoist_tracers(closed: ClosedJaxpr) -> tuple[ClosedJaxpr, list[Any]]:
    """A program with the tracers among its constants as its first inputs, and these tracers."""
    hoisted = [isinstance(const, Tracer) for const in closed.consts]
    if not any(hoisted):
        return closed, []
    jaxpr = closed.jaxpr
    pairs = list(zip(jaxpr.constvars, closed.consts, hoisted, strict=True))
    inner = Jaxpr(
        [var for var, _, out in pairs if not out],
        [*[var for var, _, out in pairs if out], *jaxpr.invars],
        jaxpr.equations,
        jaxpr.outvars,
    )
    return (
        ClosedJaxpr(inner, [const for _, const, out in pairs if not out]),
        [const for _, const, out in pairs if out],
    )


def with_captured(closed: ClosedJaxpr) -> tuple[ClosedJaxpr, list[Any]]:
    """The same, with an input too for each named axis around that the program speaks of.

    So the equation in which it stands has an operand of the axis's `vmap`, which is asked to carry it out.
    """
    closed, captured = hoist_tracers(closed)
    names = axis_names(closed) if axis_environment() else ()
    tokens = []
    for name in names:
        trace = axis_trace(name)
        if not any(x.__class__ is BatchTracer and x._trace is trace for x in captured):
            tokens.append(BatchTracer(trace, np.zeros(int(trace.size), np.bool_), 0))
    if not tokens:
        return closed, captured
    jaxpr = closed.jaxpr
    inputs = [*[Var(token.aval) for token in tokens], *jaxpr.invars]
    return ClosedJaxpr(Jaxpr(jaxpr.constvars, inputs, jaxpr.equations, jaxpr.outvars), closed.consts), [
        *tokens,
        *captured,
    ]


def axis_names(closed: ClosedJaxpr) -> tuple[Any, ...]:
    """The named axes that a program, and those inside it, speak of."""

    def make() -> tuple[Any, ...]:
        found: dict[Any, None] = {}
        for equation in closed.equations:
            if "axis_name" in equation.params:
                found[equation.params["axis_name"]] = None
            for _, inner in inner_jaxprs(equation.params):
                found.update(dict.fromkeys(axis_names(inner)))
        return tuple(found)

    return closed.derived("axis names", make)


class Jvp(NamedTuple):
    """A program of primals and of the tangents that are not zero; it gives results and nonzero tangents."""

    program: ClosedJaxpr
    nonzero_out: tuple[bool, ...]


def jvp_program(closed: ClosedJaxpr, nonzero: tuple[bool, ...]) -> Jvp:
    """The forward derivative of a program, by the inputs that `nonzero` names."""

    def make() -> Jvp:
        count = len(nonzero)
        nonzero_out: list[bool] = []

        def run(*args: Any) -> list[Any]:
            given = iter(args[count:])
            tangents = [next(given) if follows else None for follows in nonzero]
            out, trace = run_jvp(lambda *xs: eval_jaxpr(closed.jaxpr, closed.consts, *xs), args[:count], tangents)
            pairs = [unpack(trace, value) for value in out]
            nonzero_out.extend(tangent is not None for _, tangent in pairs)
            return [value for value, _ in pairs] + [tangent for _, tangent in pairs if tangent is not None]

        avals = closed.in_avals
        tangent_avals = [aval.strong() for aval, follows in zip(avals, nonzero, strict=True) if follows]
        return Jvp(record(run, [*avals, *tangent_avals]), tuple(nonzero_out))

    return closed.derived(("jvp", nonzero), make)


class Split(NamedTuple):
    """A program in two: what follows from the known inputs, then residuals; and from these and the others the rest."""

    known: ClosedJaxpr
    rest: ClosedJaxpr
    waits: tuple[bool, ...]  # which results the rest gives


def split_program(closed: ClosedJaxpr, unknown: tuple[bool, ...]) -> Split:
    """A program as one that needs only the inputs that are known, and one for the others, which `unknown` names."""

    def make() -> Split:
        flat = inlined(closed)
        jaxpr = flat.jaxpr
        reached: set[Atom] = {var for var, later in zip(jaxpr.invars, unknown, strict=True) if later}
        now, later = [], []
        for equation in jaxpr.equations:
            if any(atom in reached for atom in equation.inputs):
                reached.update(equation.outputs)
                later.append(equation)
            else:
                now.append(equation)
        waits = tuple([atom in reached for atom in jaxpr.outvars])
        needed = [atom for equation in later for atom in equation.inputs if isinstance(atom, Var)]
        residuals = [var for var in dict.fromkeys(needed) if var not in reached and var not in jaxpr.constvars]
        first = [var for var, is_later in zip(jaxpr.invars, unknown, strict=True) if not is_later]
        second = [var for var, is_later in zip(jaxpr.invars, unknown, strict=True) if is_later]
        given = [atom for atom, wait in zip(jaxpr.outvars, waits, strict=True) if not wait]
        waited = [atom for atom, wait in zip(jaxpr.outvars, waits, strict=True) if wait]
        return Split(
            without_dead(ClosedJaxpr(Jaxpr(jaxpr.constvars, first, now, [*given, *residuals]), flat.consts)),
            without_dead(ClosedJaxpr(Jaxpr(jaxpr.constvars, [*residuals, *second], later, waited), flat.consts)),
            waits,
        )

    return closed.derived(("split", unknown), make)


class Vjp(NamedTuple):
    """A program's way forward (results, then residuals) and back (residuals and cotangents to cotangents)."""

    forward: ClosedJaxpr
    backward: ClosedJaxpr
    results: int
    takes: tuple[bool, ...]  # which results' cotangents the way back takes
    gives: tuple[bool, ...]  # which inputs' cotangents it gives


def vjp_program(closed: ClosedJaxpr, wanted: tuple[bool, ...]) -> Vjp:
    """The reverse derivative of a program, by the inputs that `wanted` names.

    What the way back computes without a cotangent is computed on the way forward: only what it needs is a residual.
    """

    def make() -> Vjp:
        avals = closed.in_avals
        kept: dict[str, Any] = {}

        def forward(*args: Any) -> list[Any]:
            inputs = [x for x, want in zip(args, wanted, strict=True) if want]

            def run(*tracers: Any) -> list[Any]:
                given = iter(tracers)
                mixed = [next(given) if want else x for x, want in zip(args, wanted, strict=True)]
                return eval_jaxpr(closed.jaxpr, closed.consts, *mixed)

            out, trace, notes = trace_vjp(run, inputs)
            targets = [x.position if x.__class__ is VJPTracer and x._trace is trace else -1 for x in out]
            values = [x.value if target >= 0 else x for x, target in zip(out, targets, strict=True)]
            takes = [target >= 0 for target in targets]

            def back(*cts: Any) -> list[Any]:
                cotangents: list[Any] = [None] * len(notes)
                given = iter(cts)
                for target in targets:
                    if target >= 0:
                        ct, held = next(given), cotangents[target]
                        cotangents[target] = ct if held is None else held + ct
                parts = iter(backward(notes, cotangents, len(inputs)))
                mixed = [next(parts) if want else None for want in wanted]
                kept["gives"] = tuple([part is not None for part in mixed])
                return [part for part in mixed if part is not None]

            ct_avals = [aval_of(value).strong() for value, take in zip(values, takes, strict=True) if take]
            way_back, residuals = hoist_tracers(record(back, ct_avals))
            kept.update(takes=tuple(takes), backward=way_back)
            return [*values, *residuals]

        way_there = record(forward, avals)
        return Vjp(way_there, kept["backward"], len(closed.jaxpr.outvars), kept["takes"], kept["gives"])

    return closed.derived(("vjp", wanted), make)


class Batched(NamedTuple):
    """A program over whole batches, and the batch axis of each result (None: none)."""

    program: ClosedJaxpr
    out_dims: tuple[int | None, ...]


def batch_program(
    closed: ClosedJaxpr,
    size: int,
    dims: tuple[int | None, ...],
    axis_name: Any = None,
    out: tuple[bool, ...] | None = None,
) -> Batched:
    """A program over batches of `size` along the axes `dims` of its inputs.

    With `out`, results for which it is true have their batch as axis 0, repeated along it if need be; the others may
    have none.
    """

    def make() -> Batched:
        out_dims: list[int | None] = []

        def run(*args: Any) -> list[Any]:
            (values, _), dims_out = run_batched(
                lambda *xs: (eval_jaxpr(closed.jaxpr, closed.consts, *xs), None), args, dims, size, axis_name
            )
            if out is not None:
                values = [
                    batch_to_front(size, x, dim) if wanted else x
                    for x, dim, wanted in zip(values, dims_out, out, strict=True)
                ]
                dims_out = [0 if wanted else dim for dim, wanted in zip(dims_out, out, strict=True)]
            out_dims.extend(dims_out)
            return values

        avals = [
            aval if dim is None else _with_axis(aval, dim, size)
            for aval, dim in zip(closed.in_avals, dims, strict=True)
        ]
        return Batched(record(run, avals), tuple(out_dims))

    return closed.derived(("batch", size, dims, axis_name, out), make)


def _with_axis(aval: Aval, dim: int, size: int) -> Aval:
    return Aval((*aval.shape[:dim], size, *aval.shape[dim:]), aval.dtype, aval.weak_type)
