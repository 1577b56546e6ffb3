"""Taylor series through `scan`, `while` and `cond`: programs of values become programs of their coefficients too."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..core.aval import Aval, aval_of
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Var, eval_jaxpr
from ..core.primitive import Primitive
from ..core.recording import record
from ..lax.branches import cond_p
from ..lax.loops import scan_p, while_p
from ..lax.shape import zeros_of
from .taylor import Series

RunJet = Callable[..., Any]
"""`jet.run_jet`: hands a function and series to the interpreter."""


class _Jet(NamedTuple):
    """A program of values, then each one's coefficients up to its degree; its results are likewise."""

    program: ClosedJaxpr
    degrees: tuple[int, ...]


def _jet_program(run_jet: RunJet, closed: ClosedJaxpr, order: int, degrees: tuple[int, ...]) -> _Jet:
    """The program that takes series of these degrees."""

    def make() -> _Jet:
        out_degrees: list[int] = []

        def run(*args: Any) -> list[Any]:
            inputs = _series(args[: len(degrees)], args[len(degrees) :], degrees)
            (values, _), found = run_jet(
                lambda *xs: (eval_jaxpr(closed.jaxpr, closed.consts, *xs), None), inputs, order
            )
            present = [[x for x in coefficients if x is not None] for coefficients in found]
            out_degrees.extend(len(coefficients) for coefficients in present)
            return [*values, *[x for coefficients in present for x in coefficients]]

        avals = closed.in_avals
        return _Jet(record(run, [*avals, *_coefficient_avals(avals, degrees)]), tuple(out_degrees))

    return closed.derived(("jet", order, degrees), make)


def _values(inputs: Sequence[Series]) -> list[Any]:
    return [u.known[0] for u in inputs]


def _degrees(inputs: Sequence[Series]) -> tuple[int, ...]:
    return tuple([u.degree for u in inputs])


def _coefficients(inputs: Sequence[Series], degrees: Sequence[int]) -> list[Any]:
    """The coefficients behind the first up to these degrees, series by series; zeros where one ends before."""
    return [
        u[k] if k <= u.degree else zeros_of(aval_of(u.known[0]))
        for u, degree in zip(inputs, degrees, strict=True)
        for k in range(1, degree + 1)
    ]


def _series(values: Sequence[Any], coefficients: Iterable[Any], degrees: Sequence[int]) -> list[Series]:
    """The inverse of `_values` and `_coefficients`."""
    given = iter(coefficients)
    return [
        Series([x, *[next(given) for _ in range(degree)]], degree) for x, degree in zip(values, degrees, strict=True)
    ]


def _coefficient_avals(avals: Sequence[Aval], degrees: Sequence[int]) -> list[Aval]:
    return [aval.strong() for aval, degree in zip(avals, degrees, strict=True) for _ in range(degree)]


# ---------------------------------------------------------------------------------------------------------------------
# loops
# ---------------------------------------------------------------------------------------------------------------------


class _Body(NamedTuple):
    """A loop's body, and the degrees of its carry and results.

    It takes the constants and their coefficients, the carry and its, the inputs and theirs; it gives the carry and its
    coefficients, the results and theirs.
    """

    program: ClosedJaxpr
    carry: tuple[int, ...]
    results: tuple[int, ...]


def _body(
    run_jet: RunJet,
    closed: ClosedJaxpr,
    order: int,
    consts: tuple[int, ...],
    carry: tuple[int, ...],
    xs: tuple[int, ...],
) -> _Body:
    """The body for series of these degrees; a carry that is no constant has all coefficients."""
    count = len(carry)
    carry = tuple([order if degree else 0 for degree in carry])
    while True:
        derived = _jet_program(run_jet, closed, order, (*consts, *carry, *xs))
        grown = tuple([order if a or b else 0 for a, b in zip(carry, derived.degrees, strict=False)])
        if grown == carry:
            break
        carry = grown
    results = derived.degrees[count:]

    def make() -> ClosedJaxpr:
        sizes = [len(consts), sum(consts), count, sum(carry), len(xs), sum(xs)]

        def run(*args: Any) -> list[Any]:
            c, dc, s, ds, x, dx = _chunks(args, sizes)
            out = eval_jaxpr(derived.program.jaxpr, derived.program.consts, *c, *s, *x, *dc, *ds, *dx)
            values = out[: len(derived.degrees)]
            found = _series(values, out[len(values) :], derived.degrees)
            return [
                *values[:count],
                *_coefficients(found[:count], carry),
                *values[count:],
                *_coefficients(found[count:], results),
            ]

        c, s, x = _chunks([aval.strong() for aval in closed.in_avals], [len(consts), count, len(xs)])
        avals = [*c, *_coefficient_avals(c, consts), *s, *_coefficient_avals(s, carry), *x, *_coefficient_avals(x, xs)]
        return record(run, avals)

    return _Body(closed.derived(("jet of a body", order, consts, carry, xs), make), carry, results)


def _scan(
    run_jet: RunJet,
    order: int,
    inputs: Sequence[Series],
    *,
    jaxpr: ClosedJaxpr,
    num_consts: int,
    num_carry: int,
    length: int | None,
    **params: Any,
) -> list[Series]:
    first = int(length is None)
    steps, consts, init, xs = _chunks(
        inputs, [first, num_consts, num_carry, len(inputs) - first - num_consts - num_carry]
    )
    body = _body(run_jet, jaxpr, order, _degrees(consts), _degrees(init), _degrees(xs))
    out = scan_p(
        *_values(steps),
        *_values(consts),
        *_coefficients(consts, _degrees(consts)),
        *_values(init),
        *_coefficients(init, body.carry),
        *_values(xs),
        *_coefficients(xs, _degrees(xs)),
        jaxpr=body.program,
        num_consts=num_consts + sum(_degrees(consts)),
        num_carry=num_carry + sum(body.carry),
        length=length,
        **params,
    )
    return _loop_results(out, body)


def _loop_results(out: Sequence[Any], body: _Body) -> list[Series]:
    carry, d_carry, ys, d_ys = _chunks(out, [len(body.carry), sum(body.carry), len(body.results), sum(body.results)])
    return [*_series(carry, d_carry, body.carry), *_series(ys, d_ys, body.results)]


def _while(
    run_jet: RunJet,
    order: int,
    inputs: Sequence[Series],
    *,
    cond_jaxpr: ClosedJaxpr,
    body_jaxpr: ClosedJaxpr,
    cond_nconsts: int,
    body_nconsts: int,
) -> list[Series]:
    count = len(inputs) - cond_nconsts - body_nconsts
    cond_consts, consts, init = _chunks(inputs, [cond_nconsts, body_nconsts, count])
    body = _body(run_jet, body_jaxpr, order, _degrees(consts), _degrees(init), ())
    first = _coefficients(init, body.carry)
    test = cond_jaxpr.jaxpr
    more = [Var(aval_of(x).strong()) for x in first]  # the condition does not look at coefficients
    ignoring = Jaxpr(test.constvars, [*test.invars, *more], test.equations, test.outvars)
    out = while_p(
        *_values(cond_consts),
        *_values(consts),
        *_coefficients(consts, _degrees(consts)),
        *_values(init),
        *first,
        cond_jaxpr=ClosedJaxpr(ignoring, cond_jaxpr.consts),
        body_jaxpr=body.program,
        cond_nconsts=cond_nconsts,
        body_nconsts=body_nconsts + sum(_degrees(consts)),
    )
    return [*_loop_results(out[:-1], body), Series([out[-1]], 0)]


# ---------------------------------------------------------------------------------------------------------------------
# choice
# ---------------------------------------------------------------------------------------------------------------------


def _cond(run_jet: RunJet, order: int, inputs: Sequence[Series], *, branches: tuple[ClosedJaxpr, ...]) -> list[Series]:
    index, *operands = inputs
    taken = _degrees(operands)
    derived = [_jet_program(run_jet, branch, order, taken) for branch in branches]
    degrees = tuple([max(each) for each in zip(*[d.degrees for d in derived], strict=True)])

    def filled(number: int) -> ClosedJaxpr:
        """A branch with as many coefficients of each result as any other branch gives."""

        def run(*args: Any) -> list[Any]:
            program, given = derived[number]
            out = eval_jaxpr(program.jaxpr, program.consts, *args)
            values = out[: len(given)]
            return [*values, *_coefficients(_series(values, out[len(given) :], given), degrees)]

        return branches[number].derived(
            ("jet of a branch", order, taken, degrees), lambda: record(run, derived[number].program.in_avals)
        )

    programs = tuple([filled(number) for number in range(len(branches))])
    out = cond_p(index.known[0], *_values(operands), *_coefficients(operands, taken), branches=programs)
    return _series(out[: len(degrees)], out[len(degrees) :], degrees)


def _chunks(values: Sequence[Any], sizes: Sequence[int]) -> list[list[Any]]:
    """A sequence cut into pieces of these sizes."""
    ends = itertools.accumulate(sizes)
    return [list(values[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


#: ``rule(run_jet, order, series of the operands, **params)`` gives the series of the results.
PROGRAMS: dict[Primitive, Callable[..., list[Series]]] = {scan_p: _scan, while_p: _while, cond_p: _cond}
