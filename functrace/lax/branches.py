"""The choice between programs as a primitive: `cond`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..compiler.source import compiled_inner
from ..core.aval import Aval
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..core.primitive import Primitive
from ..core.recording import record
from ..transforms.programs import batch_program, instantiate, jvp_program, vjp_program
from .active import of_active
from .elementwise import where
from .loops import like_batch
from .shape import batch_to_front
from .stacks import is_dynamic, of_dynamic, same_extents

# operands: the number of the branch, then the operands of every branch


def _cond_impl(index: Any, *operands: Any, branches: tuple[ClosedJaxpr, ...]) -> list[Any]:
    return list(compiled_inner(branches[min(max(int(index), 0), len(branches) - 1)], "branch")(*operands))


def _cond_abstract(index: Aval, *operands: Aval, branches: tuple[ClosedJaxpr, ...]) -> list[Aval]:
    return branches[0].out_avals


def _cond_jvp(
    primals: Sequence, tangents: Sequence, *, branches: tuple[ClosedJaxpr, ...]
) -> tuple[list[Any], list[Any]]:
    index, *operands = primals
    nonzero = tuple([t is not None for t in tangents[1:]])
    derived = [jvp_program(branch, nonzero) for branch in branches]
    follows = [any(flags) for flags in zip(*[d.nonzero_out for d in derived], strict=True)]
    count = len(follows)

    def uniform(position: int) -> ClosedJaxpr:
        """A branch's derivative with a tangent for every result that has one in any branch."""

        def run(*args: Any) -> list[Any]:
            program, nonzero_out = derived[position]
            out = eval_jaxpr(program.jaxpr, program.consts, *args)
            parts = iter(out[count:])
            directions = [next(parts) if has else None for has in nonzero_out]
            avals = branches[position].out_avals
            return out[:count] + [
                instantiate(t, aval, value)
                for t, aval, value, keep in zip(directions, avals, out, follows, strict=False)
                if keep
            ]

        return branches[position].derived(
            ("cond jvp", nonzero, tuple(follows)), lambda: record(run, derived[position].program.in_avals)
        )

    programs = tuple([uniform(position) for position in range(len(branches))])
    out = cond_p(index, *operands, *[t for t in tangents[1:] if t is not None], branches=programs)
    parts = iter(out[count:])
    return out[:count], [next(parts) if keep else None for keep in follows]


class _CondVjp(NamedTuple):
    forward: tuple[ClosedJaxpr, ...]
    backward: tuple[ClosedJaxpr, ...]  # residuals, the operands `also`, cotangents of results → those of operands
    takes: tuple[bool, ...]
    gives: tuple[bool, ...]
    also: tuple[int, ...]  # operands that the way back needs for their extents alone


def _vjp_branches(branches: tuple[ClosedJaxpr, ...], wanted: tuple[bool, ...]) -> _CondVjp:
    """Every branch's way forward and back, with the same residuals, cotangents taken and given for all.

    A branch's residuals take the places of the first that are free of their kind; the places that it does not
    need hold zeros.
    """

    def make() -> _CondVjp:
        derived = [vjp_program(branch, wanted) for branch in branches]
        takes = tuple([any(flags) for flags in zip(*[d.takes for d in derived], strict=True)])
        gives = tuple([any(flags) for flags in zip(*[d.gives for d in derived], strict=True)])
        places: list[Aval] = []
        seats: list[list[int]] = []
        for d in derived:
            free = list(range(len(places)))
            mine = []
            for aval in [aval.strong() for aval in d.forward.out_avals[d.results :]]:
                seat = next((number for number in free if places[number] == aval), None)
                if seat is None:
                    places.append(aval)
                    seat = len(places) - 1
                else:
                    free.remove(seat)
                mine.append(seat)
            seats.append(mine)
        results, in_avals = len(branches[0].out_avals), branches[0].in_avals

        def there(number: int) -> ClosedJaxpr:
            def run(*args: Any) -> list[Any]:
                program = derived[number].forward
                out = eval_jaxpr(program.jaxpr, program.consts, *args)
                kept: list[Any] = [None] * len(places)
                for seat, value in zip(seats[number], out[results:], strict=True):
                    kept[seat] = value
                return out[:results] + [instantiate(x, aval) for x, aval in zip(kept, places, strict=True)]

            return record(run, in_avals)

        ct_avals = [aval.strong() for aval, take in zip(branches[0].out_avals, takes, strict=True) if take]
        also = tuple(
            [p for p, (aval, give) in enumerate(zip(in_avals, gives, strict=True)) if give and is_dynamic(aval)]
        )

        def back(number: int) -> ClosedJaxpr:
            def run(*args: Any) -> list[Any]:
                d = derived[number]
                extents = dict(zip(also, args[len(places) :], strict=False))
                given = iter(args[len(places) + len(also) :])
                cts = [next(given) if take else None for take in takes]
                used = [ct for ct, take in zip(cts, d.takes, strict=True) if take]
                residuals = [args[seat] for seat in seats[number]]
                parts = iter(eval_jaxpr(d.backward.jaxpr, d.backward.consts, *residuals, *used))
                out = [next(parts) if give else None for give in d.gives]
                return [
                    instantiate(ct, aval, extents.get(p))
                    for p, (ct, aval, give) in enumerate(zip(out, in_avals, gives, strict=True))
                    if give
                ]

            return record(run, [*places, *[in_avals[p] for p in also], *ct_avals])

        numbers = range(len(branches))
        return _CondVjp(tuple([there(i) for i in numbers]), tuple([back(i) for i in numbers]), takes, gives, also)

    return branches[0].derived(("cond vjp", branches, wanted), make)


def _cond_vjp_fwd(
    args: Sequence, wanted: tuple[bool, ...], *, branches: tuple[ClosedJaxpr, ...]
) -> tuple[list[Any], tuple[list[Any], list[Any]]]:
    derived = _vjp_branches(branches, wanted[1:])
    out = cond_p(*args, branches=derived.forward)
    avals = branches[0].out_avals
    results = out[: len(avals)]
    return results, (out[len(avals) :], of_dynamic(results, avals))


def _cond_vjp_bwd(
    cts: Sequence,
    residuals: tuple[list[Any], list[Any]],
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    branches: tuple[ClosedJaxpr, ...],
) -> list[Any]:
    derived = _vjp_branches(branches, wanted[1:])
    kept, results = residuals
    given = [
        instantiate(ct, aval, result)
        for ct, aval, result, take in zip(cts, branches[0].out_avals, results, derived.takes, strict=True)
        if take
    ]
    operands = args[1:]
    parts = iter(cond_p(args[0], *kept, *[operands[p] for p in derived.also], *given, branches=derived.backward))
    return [None, *[next(parts) if give else None for give in derived.gives]]


def _cond_batch(
    size: int, args: Sequence, dims: Sequence, *, branches: tuple[ClosedJaxpr, ...]
) -> tuple[list[Any], list[int | None]]:
    index, *operands = args
    d_index, *d_operands = dims
    axes, name = tuple(d_operands), getattr(size, "axis_name", None)
    probes = [batch_program(branch, size, axes, name) for branch in branches]
    batched = tuple([any(d is not None for d in group) for group in zip(*[p.out_dims for p in probes], strict=True)])
    if d_index is None:
        programs = tuple([batch_program(branch, size, axes, name, batched).program for branch in branches])
        return cond_p(index, *operands, branches=programs), [0 if b else None for b in batched]
    # every example has a branch of its own: all are computed, and each example's is chosen
    everywhere = tuple([True] * len(batched))
    index = batch_to_front(size, index, d_index)
    results: list[Any] = []
    for number, branch in enumerate(branches):
        program = batch_program(branch, size, axes, name, everywhere).program
        takes = index <= 0 if not number else index == number if number + 1 < len(branches) else index >= number
        out = eval_jaxpr(program.jaxpr, program.consts, *of_active(branch, takes, operands, axes))
        results = out if not number else [_chosen(takes, new, old) for new, old in zip(out, results, strict=True)]
    return results, [0] * len(results)


def _chosen(mask: Any, new: Any, old: Any) -> Any:
    new, old = same_extents(new, old)
    return where(like_batch(mask, new), new, old)


def _write_cond(*args: Any) -> bool:
    from ..compiler.control import write_cond  # here: the compiler is loaded when something is compiled

    return write_cond(*args)


cond_p = Primitive(
    "cond",
    _cond_impl,
    _cond_abstract,
    value_and_jvp=_cond_jvp,
    vjp_fwd=_cond_vjp_fwd,
    vjp_bwd=_cond_vjp_bwd,
    batch=_cond_batch,
    write=_write_cond,
    aliases=True,
    multiple_results=True,
)
