"""The loops as primitives: `scan`, whose number of steps is known, and `while`, whose number is known only as it runs.

A `scan` of static length stacks its results in arrays of that length. A `while`, and a `scan` whose number of steps is
an operand, stack theirs in arrays whose first extent is dynamic: they grow as the loop runs. That is what makes a
reverse mode of `while` possible: the way forward is a `while` that leaves its residuals on a stack and says how many
steps it took; the way back is a `scan` of so many steps. Derivatives of these are such loops again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..compiler.effects import has_effect
from ..compiler.runtime import Stack
from ..compiler.source import compiled_equation, compiled_inner
from ..config import config
from ..core.aval import DYNAMIC, Aval, aval_of
from ..core.finite import in_search
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Var, eval_jaxpr, jaxpr_as_fun
from ..core.primitive import Primitive
from ..core.recording import record
from ..errors import MissingExtraError
from ..transforms.programs import batch_program, instantiate, jvp_program, vjp_program
from .active import of_active
from .elementwise import lt, where
from .reduction import reduce_max, reduce_or
from .shape import batch_to_front, expand_dims, move_axis, ndim_of, shape_of, zeros_of
from .stacks import fit_as, is_dynamic, of_dynamic, stack_rows

# ---------------------------------------------------------------------------------------------------------------------
# scan
# ---------------------------------------------------------------------------------------------------------------------
#
# operands: with length=None the number of steps; then constants, first carry, stacked inputs
# jaxpr:    constants, carry, a step's inputs → next carry, a step's results


class _Split(NamedTuple):
    steps: list[Any]  # the number of steps, where it is an operand
    consts: list[Any]
    init: list[Any]
    xs: list[Any]


def _split(args: Sequence[Any], num_consts: int, num_carry: int, length: int | None) -> _Split:
    first = int(length is None)
    consts_end = first + num_consts
    init_end = consts_end + num_carry
    return _Split(
        list(args[:first]), list(args[first:consts_end]), list(args[consts_end:init_end]), list(args[init_end:])
    )


def _scan_impl(*args: Any, **params: Any) -> list[Any]:
    jaxpr, num_consts, num_carry, length = [params[k] for k in ("jaxpr", "num_consts", "num_carry", "length")]
    stacked = jaxpr.out_avals[num_carry:]
    if params["progress"] or any(map(is_dynamic, stacked)) or (config.debugging and in_search()):
        return _scan_by_steps(*args, **params)
    split = _split(jaxpr.in_avals, num_consts, num_carry, 0)
    rows = DYNAMIC if length is None else length
    avals = [*split.consts, *split.init, *[Aval((rows, *aval.shape), aval.dtype) for aval in split.xs]]
    if length is None:
        avals.insert(0, Aval((), np.dtype(np.int64)))
    return list(compiled_equation(scan_p, avals, params, jaxpr)(*args))


def _scan_by_steps(
    *args: Any, jaxpr: ClosedJaxpr, num_consts: int, num_carry: int, length: int | None, reverse: bool, progress: bool
) -> list[Any]:
    given, consts, carry, xs = _split(args, num_consts, num_carry, length)
    steps = int(given[0]) if length is None else length
    body = compiled_inner(jaxpr)
    avals = jaxpr.out_avals[num_carry:]
    stacks: list[Any] = [
        [None] * steps if is_dynamic(aval) else np.empty((steps, *aval.shape), aval.dtype) for aval in avals
    ]
    order: Any = range(steps - 1, -1, -1) if reverse else range(steps)
    for i in progress_bar(order, steps) if progress else order:
        out = body(*consts, *carry, *[x[i] for x in xs])
        carry = out[:num_carry]  # type: ignore[assignment]
        for stack, value in zip(stacks, out[num_carry:], strict=True):
            stack[i] = value
    return [
        *[x.copy() if isinstance(x, np.ndarray) else x for x in carry],
        *[stack_rows(s, aval) if is_dynamic(aval) else s for s, aval in zip(stacks, avals, strict=True)],
    ]


def progress_bar(steps: Any, total: int | None = None) -> Any:
    """The steps with a bar that shows how far they are."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise MissingExtraError("tqdm", "demo", "progress=True") from None
    return tqdm(steps, total=total)


def _scan_abstract(
    *avals: Aval, jaxpr: ClosedJaxpr, num_consts: int, num_carry: int, length: int | None, reverse: bool, progress: bool
) -> list[Aval]:
    return _scan_avals(jaxpr, num_carry, length)


def _scan_avals(jaxpr: ClosedJaxpr, num_carry: int, length: int | None) -> list[Aval]:
    out = jaxpr.out_avals
    extent = DYNAMIC if length is None else length
    return out[:num_carry] + [Aval((extent, *aval.shape), aval.dtype) for aval in out[num_carry:]]


def _scan_jvp(
    primals: Sequence,
    tangents: Sequence,
    *,
    jaxpr: ClosedJaxpr,
    num_consts: int,
    num_carry: int,
    length: int | None,
    reverse: bool,
    progress: bool,
) -> tuple[list[Any], list[Any]]:
    steps, consts, init, xs = _split(primals, num_consts, num_carry, length)
    _, t_consts, t_init, t_xs = _split(tangents, num_consts, num_carry, length)
    body, carried, stacked = _jvp_body(jaxpr, _present(t_consts), _present(t_init), _present(t_xs))
    t_first = [instantiate(t, aval_of(x), x) for t, x, keep in zip(t_init, init, carried, strict=True) if keep]
    out = scan_p(
        *steps,
        *consts,
        *_given(t_consts),
        *init,
        *t_first,
        *xs,
        *_given(t_xs),
        jaxpr=body,
        num_consts=num_consts + len(_given(t_consts)),
        num_carry=num_carry + len(t_first),
        length=length,
        reverse=reverse,
        progress=progress,
    )
    return _interleave(out, num_carry, carried, stacked)


def _jvp_body(
    jaxpr: ClosedJaxpr, consts: tuple[bool, ...], carry: tuple[bool, ...], xs: tuple[bool, ...]
) -> tuple[ClosedJaxpr, tuple[bool, ...], tuple[bool, ...]]:
    """The derivative of a loop's body, and which carries and results have a tangent.

    A carry has one if it has one at the start or is given one by a step: the least set that a step does not leave.
    """
    count = len(carry)
    while True:
        derived = jvp_program(jaxpr, (*consts, *carry, *xs))
        grown = tuple([a or b for a, b in zip(carry, derived.nonzero_out[:count], strict=True)])
        if grown == carry:
            break
        carry = grown
    stacked = derived.nonzero_out[count:]
    carry_avals = jaxpr.out_avals[:count]

    def make() -> ClosedJaxpr:
        sizes = [len(consts), sum(consts), len(carry), sum(carry), len(xs), sum(xs)]

        def run(*args: Any) -> list[Any]:
            c, tc, s, ts, x, tx = _chunks(args, sizes)
            out = eval_jaxpr(derived.program.jaxpr, derived.program.consts, *c, *s, *x, *tc, *ts, *tx)
            results, parts = out[: len(derived.nonzero_out)], iter(out[len(derived.nonzero_out) :])
            t_out = [next(parts) if follows else None for follows in derived.nonzero_out]
            t_carry = [
                instantiate(t, aval, value)
                for t, aval, value, keep in zip(t_out[:count], carry_avals, results[:count], carry, strict=True)
                if keep
            ]
            return [*results[:count], *t_carry, *results[count:], *[t for t in t_out[count:] if t is not None]]

        avals = jaxpr.in_avals
        c, s, x = _chunks(avals, [len(consts), len(carry), len(xs)])
        groups = [c, _chosen(c, consts), s, _chosen(s, carry), x, _chosen(x, xs)]
        return record(run, [aval.strong() for group in groups for aval in group])

    return jaxpr.derived(("scan jvp", consts, carry, xs), make), carry, stacked


def _interleave(
    out: Sequence[Any], num_carry: int, carried: Sequence[bool], stacked: Sequence[bool]
) -> tuple[list[Any], list[Any]]:
    """(carry, carry tangents, results, result tangents) as results and tangents."""
    carry, t_carry, ys, t_ys = _chunks(out, [num_carry, sum(carried), len(stacked), sum(stacked)])
    given = iter([*t_carry, *t_ys])
    return [*carry, *ys], [next(given) if follows else None for follows in (*carried, *stacked)]


# -- reverse ----------------------------------------------------------------------------------------------------------


class _LoopVjp(NamedTuple):
    """A body's way forward and back, arranged for loops."""

    carried: tuple[bool, ...]  # which carries have a cotangent
    before: ClosedJaxpr  # constants → the residuals that no step changes
    forward: ClosedJaxpr  # the body with its stacked residuals behind its results
    backward: ClosedJaxpr  # unchanging residuals; cotangents of carries and constants; stacked residuals, x's, ct's
    from_consts: tuple[int, ...]  # residuals that are constants
    from_xs: tuple[int, ...]  # residuals that are a step's inputs
    takes: tuple[bool, ...]  # which results' cotangents the way back takes (carries, then stacked results)
    consts_given: tuple[bool, ...]  # which constants, inputs get a cotangent
    xs_given: tuple[bool, ...]


def _vjp_body(jaxpr: ClosedJaxpr, consts: tuple[bool, ...], carry: tuple[bool, ...], xs: tuple[bool, ...]) -> _LoopVjp:
    count = len(carry)
    while True:
        derived = vjp_program(jaxpr, (*consts, *carry, *xs))
        grown = tuple([a or b for a, b in zip(carry, derived.takes[:count], strict=True)])
        if grown == carry:
            break
        carry = grown

    def make() -> _LoopVjp:
        program = derived.forward
        invars = program.jaxpr.invars
        residuals = program.jaxpr.outvars[derived.results :]
        constant = _depends_only_on(program.jaxpr, invars[: len(consts)])
        place: list[tuple[str, int]] = []  # for each residual where it comes from
        from_consts: list[int] = []
        from_xs: list[int] = []
        invariant: list[Any] = []
        stacked: list[Any] = []
        for atom in residuals:
            position = invars.index(atom) if atom in invars else -1
            if 0 <= position < len(consts):
                place.append(("const", len(from_consts)))
                from_consts.append(position)
            elif position >= len(consts) + count:
                place.append(("x", len(from_xs)))
                from_xs.append(position - len(consts) - count)
            elif not isinstance(atom, Var) or atom in constant:
                place.append(("invariant", len(invariant)))
                invariant.append(atom)
            else:
                place.append(("stacked", len(stacked)))
                stacked.append(atom)
        inner = program.jaxpr
        before = ClosedJaxpr(
            Jaxpr(
                inner.constvars,
                invars[: len(consts)],
                [e for e in inner.equations if any(var in constant for var in e.outputs)],
                invariant,
            ),
            program.consts,
        )
        forward = ClosedJaxpr(
            Jaxpr(inner.constvars, invars, inner.equations, [*inner.outvars[: derived.results], *stacked]),
            program.consts,
        )
        gives = derived.gives
        consts_given, _, xs_given = _chunks(gives, [len(consts), count, len(xs)])
        carry_takes, ys_takes = derived.takes[:count], derived.takes[count:]
        in_avals = jaxpr.in_avals
        const_avals, carry_avals, _ = _chunks(in_avals, [len(consts), count, len(xs)])
        sizes = [
            len(from_consts),
            len(invariant),
            sum(carry),
            sum(consts_given),
            len(stacked),
            len(from_xs),
            sum(ys_takes),
        ]

        def run(*args: Any) -> list[Any]:
            c, i, ct_carry, sums, s, x, ct_ys = _chunks(args, sizes)
            sources = {"const": c, "invariant": i, "stacked": s, "x": x}
            res = [sources[kind][number] for kind, number in place]
            held = iter(ct_carry)
            ct_all = [next(held) if has else None for has in carry]
            cts = [ct for ct, take in zip(ct_all, carry_takes, strict=True) if take]
            parts = iter(eval_jaxpr(derived.backward.jaxpr, derived.backward.consts, *res, *cts, *ct_ys))
            out = [next(parts) if give else None for give in gives]
            o_consts, o_carry, o_xs = _chunks(out, [len(consts), count, len(xs)])
            new_carry = [
                instantiate(ct, aval) for ct, aval, has in zip(o_carry, carry_avals, carry, strict=True) if has
            ]
            new_sums = [a + b for a, b in zip(sums, [ct for ct in o_consts if ct is not None], strict=True)]
            return [*new_carry, *new_sums, *[ct for ct in o_xs if ct is not None]]

        avals = [in_avals[p] for p in from_consts]
        avals += [atom.aval for atom in invariant]
        avals += _chosen(carry_avals, carry)
        avals += _chosen(const_avals, consts_given)
        avals += [atom.aval for atom in stacked]
        avals += [in_avals[len(consts) + count + p] for p in from_xs]
        avals += _chosen(jaxpr.out_avals[count:], ys_takes)
        way_back = record(run, [aval.strong() for aval in avals])
        return _LoopVjp(
            carry,
            before,
            forward,
            way_back,
            tuple(from_consts),
            tuple(from_xs),
            derived.takes,
            tuple(consts_given),
            tuple(xs_given),
        )

    return jaxpr.derived(("scan vjp", consts, carry, xs), make)


def _depends_only_on(jaxpr: Jaxpr, invars: Sequence[Var]) -> set[Any]:
    """The variables that are computed from these inputs and constants alone."""
    known: set[Any] = {*invars, *jaxpr.constvars}
    for equation in jaxpr.equations:
        if not has_effect(equation) and all(not isinstance(atom, Var) or atom in known for atom in equation.inputs):
            known.update(equation.outputs)
    return known


def _scan_vjp_fwd(
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    jaxpr: ClosedJaxpr,
    num_consts: int,
    num_carry: int,
    length: int | None,
    reverse: bool,
    progress: bool,
) -> tuple[list[Any], Any]:
    _, w_consts, w_init, w_xs = _split(wanted, num_consts, num_carry, length)
    derived = _vjp_body(jaxpr, tuple(w_consts), tuple(w_init), tuple(w_xs))
    consts = _split(args, num_consts, num_carry, length).consts
    out = scan_p(
        *args,
        jaxpr=derived.forward,
        num_consts=num_consts,
        num_carry=num_carry,
        length=length,
        reverse=reverse,
        progress=progress,
    )
    count = len(jaxpr.out_avals)
    results = out[:count]
    invariant = eval_jaxpr(derived.before.jaxpr, derived.before.consts, *consts)
    return results, (invariant, out[count:], of_dynamic(results, _scan_avals(jaxpr, num_carry, length)))


def _scan_vjp_bwd(
    cts: Sequence,
    residuals: Any,
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    jaxpr: ClosedJaxpr,
    num_consts: int,
    num_carry: int,
    length: int | None,
    reverse: bool,
    progress: bool,
) -> list[Any]:
    steps, consts, init, xs = _split(args, num_consts, num_carry, length)
    _, w_consts, w_init, w_xs = _split(wanted, num_consts, num_carry, length)
    derived = _vjp_body(jaxpr, tuple(w_consts), tuple(w_init), tuple(w_xs))
    ct_consts, ct_init, ct_xs = _walk_back(
        derived, cts, residuals, steps, consts, init, xs, jaxpr, num_carry, length, not reverse
    )
    ct_init = [ct if want else None for ct, want in zip(ct_init, w_init, strict=True)]
    return [*[None for _ in steps], *ct_consts, *ct_init, *ct_xs]


def _walk_back(
    derived: _LoopVjp,
    cts: Sequence,
    residuals: Any,
    steps: Sequence[Any],
    consts: Sequence[Any],
    init: Sequence[Any],
    xs: Sequence[Any],
    jaxpr: ClosedJaxpr,
    num_carry: int,
    length: int | None,
    reverse: bool,
) -> tuple[list[Any], list[Any], list[Any]]:
    """The loop back: cotangents of the constants, the first carry, the stacked inputs."""
    invariant, stacked, results = residuals
    ct_carry = [instantiate(ct, aval_of(x), x) for ct, x, has in zip(cts, init, derived.carried, strict=False) if has]
    extent = length if length is not None else steps[0]
    ct_ys = [
        _zeros_stack(extent, aval, result) if ct is None else ct
        for ct, aval, result, take in zip(
            cts[num_carry:], jaxpr.out_avals[num_carry:], results[num_carry:], derived.takes[num_carry:], strict=True
        )
        if take
    ]
    sums = [instantiate(None, aval_of(c), c) for c, give in zip(consts, derived.consts_given, strict=True) if give]
    unchanging = [*[consts[p] for p in derived.from_consts], *invariant]
    out = scan_p(
        *steps,
        *unchanging,
        *ct_carry,
        *sums,
        *stacked,
        *[xs[p] for p in derived.from_xs],
        *ct_ys,
        jaxpr=derived.backward,
        num_consts=len(unchanging),
        num_carry=len(ct_carry) + len(sums),
        length=length,
        reverse=reverse,
        progress=False,
    )
    o_carry, o_consts, o_xs = _chunks(out, [len(ct_carry), len(sums), sum(derived.xs_given)])
    ct_xs = _spaced(o_xs, derived.xs_given)
    return (
        _spaced(o_consts, derived.consts_given),
        _spaced(o_carry, derived.carried),
        [fit_as(ct, x, aval_of(x)) for ct, x in zip(ct_xs, xs, strict=True)],
    )


def _zeros_stack(extent: Any, aval: Aval, result: Any) -> Any:
    """Zeros for the cotangent of a stack that nothing uses."""
    if is_dynamic(aval):
        return instantiate(None, Aval((DYNAMIC, *aval.shape), aval.dtype), result)
    if isinstance(extent, (int, np.integer)):
        return zeros_of(Aval((int(extent), *aval.shape), aval.dtype))
    return zero_stack_p(extent, shape=aval.shape, dtype=aval.dtype)


zero_stack_p: Primitive = Primitive(
    "zero_stack",
    lambda steps, *, shape, dtype: np.zeros((int(steps), *shape), dtype),
    lambda steps, *, shape, dtype: Aval((DYNAMIC, *shape), dtype),
    batch=lambda size, args, dims, *, shape, dtype: (
        zero_stack_p(reduce_max(args[0], (0,)), shape=(size, *shape), dtype=dtype),
        1,
    ),
)

# -- batching ---------------------------------------------------------------------------------------------------------


def _scan_batch(
    size: int,
    args: Sequence,
    dims: Sequence,
    *,
    jaxpr: ClosedJaxpr,
    num_consts: int,
    num_carry: int,
    length: int | None,
    reverse: bool,
    progress: bool,
) -> tuple[list[Any], list[int | None]]:
    steps, consts, init, xs = _split(args, num_consts, num_carry, length)
    d_steps, d_consts, d_init, d_xs = _split(dims, num_consts, num_carry, length)
    if steps and d_steps[0] is not None:
        masked = _masked_by_steps(jaxpr, num_consts, num_carry, reverse)
        most = reduce_max(steps[0], (0,))
        first = (most - 1) if reverse else np.int64(0)
        out, out_dims = _scan_batch(
            size,
            [most, steps[0], *consts, first, *init, *xs],
            [None, d_steps[0], *d_consts, None, *d_init, *d_xs],
            jaxpr=masked,
            num_consts=num_consts + 1,
            num_carry=num_carry + 1,
            length=None,
            reverse=reverse,
            progress=progress,
        )
        return out[1:], out_dims[1:]
    xs = [x if d is None else move_axis(x, d, 1) for x, d in zip(xs, d_xs, strict=True)]
    x_dims = [None if d is None else 0 for d in d_xs]
    carried = [d is not None for d in d_init]
    name = getattr(size, "axis_name", None)
    while True:
        probe = batch_program(jaxpr, size, (*d_consts, *[0 if b else None for b in carried], *x_dims), name)
        grown = [b or d is not None for b, d in zip(carried, probe.out_dims[:num_carry], strict=True)]
        if grown == carried:
            break
        carried = grown
    out_batched = (*carried, *[d is not None for d in probe.out_dims[num_carry:]])
    derived = batch_program(jaxpr, size, (*d_consts, *[0 if b else None for b in carried], *x_dims), name, out_batched)
    init = [batch_to_front(size, x, d) if b else x for x, d, b in zip(init, d_init, carried, strict=True)]
    out = scan_p(
        *steps,
        *consts,
        *init,
        *xs,
        jaxpr=derived.program,
        num_consts=num_consts,
        num_carry=num_carry,
        length=length,
        reverse=reverse,
        progress=progress,
    )
    return out, [(0 if i < num_carry else 1) if b else None for i, b in enumerate(out_batched)]


def _masked_by_steps(jaxpr: ClosedJaxpr, num_consts: int, num_carry: int, reverse: bool) -> ClosedJaxpr:
    """A body that counts, and from an example's own last step on leaves its carry as it is and gives zeros."""

    def make() -> ClosedJaxpr:
        def run(steps: Any, *rest: Any) -> list[Any]:
            consts, (i,), carry, xs = _chunks(rest, [num_consts, 1, num_carry, len(rest) - num_consts - 1 - num_carry])
            out = eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *consts, *carry, *xs)
            active = lt(i, steps)
            kept = [where(active, new, old) for new, old in zip(out[:num_carry], carry, strict=True)]
            ys = [where(active, y, aval.dtype.type(0)) for y, aval in zip(out[num_carry:], ys_avals, strict=True)]
            return [i - 1 if reverse else i + 1, *kept, *ys]

        number = Aval((), np.dtype(np.int64))
        ys_avals = jaxpr.out_avals[num_carry:]
        consts, carry, xs = _chunks(
            jaxpr.in_avals, [num_consts, num_carry, len(jaxpr.in_avals) - num_consts - num_carry]
        )
        return record(run, [number, *consts, number, *carry, *xs])

    return jaxpr.derived(("masked", num_consts, num_carry, reverse), make)


def _write_scan(*args: Any) -> bool:
    from ..compiler.control import write_scan  # here: the compiler is loaded when something is compiled

    return write_scan(*args)


scan_p = Primitive(
    "scan",
    _scan_impl,
    _scan_abstract,
    value_and_jvp=_scan_jvp,
    vjp_fwd=_scan_vjp_fwd,
    vjp_bwd=_scan_vjp_bwd,
    batch=_scan_batch,
    write=_write_scan,
    multiple_results=True,
)

# ---------------------------------------------------------------------------------------------------------------------
# while
# ---------------------------------------------------------------------------------------------------------------------
#
# operands: the condition's constants, the body's constants, the first carry
# cond_jaxpr: its constants, carry → a bool
# body_jaxpr: its constants, carry → next carry, a step's results
# results: the last carry, the steps' results on stacks, the number of steps


def _while_impl(*args: Any, **params: Any) -> list[Any]:
    cond_jaxpr, body_jaxpr = params["cond_jaxpr"], params["body_jaxpr"]
    count = len(args) - params["cond_nconsts"] - params["body_nconsts"]
    if any(map(is_dynamic, body_jaxpr.out_avals[count:])) or (config.debugging and in_search()):
        return _while_by_steps(*args, **params)
    avals = [*cond_jaxpr.in_avals[: params["cond_nconsts"]], *body_jaxpr.in_avals]
    return list(compiled_equation(while_p, avals, params, body_jaxpr)(*args))


def _while_by_steps(
    *args: Any, cond_jaxpr: ClosedJaxpr, body_jaxpr: ClosedJaxpr, cond_nconsts: int, body_nconsts: int
) -> list[Any]:
    cond_consts, body_consts, carry = _chunks(
        args, [cond_nconsts, body_nconsts, len(args) - cond_nconsts - body_nconsts]
    )
    count = len(carry)
    cond, body = compiled_inner(cond_jaxpr, "cond"), compiled_inner(body_jaxpr)
    avals = body_jaxpr.out_avals[count:]
    stacks: list[Any] = [[] if is_dynamic(aval) else Stack(aval.shape, aval.dtype) for aval in avals]
    steps = 0
    while cond(*cond_consts, *carry)[0]:
        out = body(*body_consts, *carry)
        carry = out[:count]  # type: ignore[assignment]
        for stack, value in zip(stacks, out[count:], strict=True):
            if isinstance(stack, Stack):
                stack.push(value)
            else:
                stack.append(value)
        steps += 1
    return [
        *[x.copy() if isinstance(x, np.ndarray) else x for x in carry],
        *[s.array() if isinstance(s, Stack) else stack_rows(s, aval) for s, aval in zip(stacks, avals, strict=True)],
        np.int64(steps),
    ]


def _while_abstract(
    *avals: Aval, cond_jaxpr: ClosedJaxpr, body_jaxpr: ClosedJaxpr, cond_nconsts: int, body_nconsts: int
) -> list[Aval]:
    count = len(avals) - cond_nconsts - body_nconsts
    out = body_jaxpr.out_avals
    stacks = [Aval((DYNAMIC, *aval.shape), aval.dtype) for aval in out[count:]]
    return [*out[:count], *stacks, Aval((), np.dtype(np.int64))]


def _while_jvp(
    primals: Sequence,
    tangents: Sequence,
    *,
    cond_jaxpr: ClosedJaxpr,
    body_jaxpr: ClosedJaxpr,
    cond_nconsts: int,
    body_nconsts: int,
) -> tuple[list[Any], list[Any]]:
    count = len(primals) - cond_nconsts - body_nconsts
    sizes = [cond_nconsts, body_nconsts, count]
    cond_consts, consts, init = _chunks(primals, sizes)
    _, t_consts, t_init = _chunks(tangents, sizes)
    body, carried, stacked = _jvp_body(body_jaxpr, _present(t_consts), _present(t_init), ())
    t_first = [instantiate(t, aval_of(x), x) for t, x, keep in zip(t_init, init, carried, strict=True) if keep]
    out = while_p(
        *cond_consts,
        *consts,
        *_given(t_consts),
        *init,
        *t_first,
        cond_jaxpr=_ignoring(cond_jaxpr, tuple([aval_of(t) for t in t_first])),
        body_jaxpr=body,
        cond_nconsts=cond_nconsts,
        body_nconsts=body_nconsts + len(_given(t_consts)),
    )
    results, directions = _interleave(out[:-1], count, carried, stacked)
    return [*results, out[-1]], [*directions, None]


def _ignoring(cond_jaxpr: ClosedJaxpr, avals: tuple[Aval, ...]) -> ClosedJaxpr:
    """A condition that takes more values of the carry than it looks at."""
    if not avals:
        return cond_jaxpr

    def make() -> ClosedJaxpr:
        inner = cond_jaxpr.jaxpr
        more = [Var(aval) for aval in avals]
        return ClosedJaxpr(
            Jaxpr(inner.constvars, [*inner.invars, *more], inner.equations, inner.outvars), cond_jaxpr.consts
        )

    return cond_jaxpr.derived(("ignoring", avals), make)


def _while_vjp_fwd(
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    cond_jaxpr: ClosedJaxpr,
    body_jaxpr: ClosedJaxpr,
    cond_nconsts: int,
    body_nconsts: int,
) -> tuple[list[Any], Any]:
    sizes = [cond_nconsts, body_nconsts, len(args) - cond_nconsts - body_nconsts]
    _, w_consts, w_init = _chunks(wanted, sizes)
    _, consts, _ = _chunks(args, sizes)
    derived = _vjp_body(body_jaxpr, tuple(w_consts), tuple(w_init), ())
    out = while_p(
        *args,
        cond_jaxpr=cond_jaxpr,
        body_jaxpr=derived.forward,
        cond_nconsts=cond_nconsts,
        body_nconsts=body_nconsts,
    )
    count, steps = len(body_jaxpr.out_avals), out[-1]
    results = out[:count]
    invariant = eval_jaxpr(derived.before.jaxpr, derived.before.consts, *consts)
    return [*results, steps], (invariant, out[count:-1], steps, of_dynamic(results, body_jaxpr.out_avals))


def _while_vjp_bwd(
    cts: Sequence,
    residuals: Any,
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    cond_jaxpr: ClosedJaxpr,
    body_jaxpr: ClosedJaxpr,
    cond_nconsts: int,
    body_nconsts: int,
) -> list[Any]:
    sizes = [cond_nconsts, body_nconsts, len(args) - cond_nconsts - body_nconsts]
    _, w_consts, w_init = _chunks(wanted, sizes)
    _, consts, init = _chunks(args, sizes)
    invariant, stacked, steps, of_results = residuals
    derived = _vjp_body(body_jaxpr, tuple(w_consts), tuple(w_init), ())
    ct_consts, ct_init, _ = _walk_back(
        derived,
        cts[:-1],
        (invariant, stacked, of_results),
        [steps],
        consts,
        init,
        [],
        body_jaxpr,
        len(init),
        None,
        True,
    )
    ct_init = [ct if want else None for ct, want in zip(ct_init, w_init, strict=True)]
    return [*[None] * cond_nconsts, *ct_consts, *ct_init]


def _while_batch(
    size: int,
    args: Sequence,
    dims: Sequence,
    *,
    cond_jaxpr: ClosedJaxpr,
    body_jaxpr: ClosedJaxpr,
    cond_nconsts: int,
    body_nconsts: int,
) -> tuple[list[Any], list[int | None]]:
    count = len(args) - cond_nconsts - body_nconsts
    sizes = [cond_nconsts, body_nconsts, count]
    cond_consts, consts, init = _chunks(args, sizes)
    d_cond, d_consts, d_init = _chunks(dims, sizes)
    carried = [d is not None for d in d_init]
    name = getattr(size, "axis_name", None)
    while True:
        carry_dims = tuple([0 if b else None for b in carried])
        probe = batch_program(body_jaxpr, size, (*d_consts, *carry_dims), name)
        test = batch_program(cond_jaxpr, size, (*d_cond, *carry_dims), name)
        differs = test.out_dims[0] is not None  # examples stop at different steps
        grown = [b or d is not None or differs for b, d in zip(carried, probe.out_dims[:count], strict=True)]
        if grown == carried:
            break
        carried = grown
    init = [batch_to_front(size, x, d) if b else x for x, d, b in zip(init, d_init, carried, strict=True)]
    stacked = [d is not None or differs for d in probe.out_dims[count:]]
    body = batch_program(body_jaxpr, size, (*d_consts, *carry_dims), name, (*carried, *stacked)).program
    stack_dims: list[int | None] = [1 if b else None for b in stacked]
    if not differs:
        out = while_p(
            *cond_consts,
            *consts,
            *init,
            cond_jaxpr=test.program,
            body_jaxpr=body,
            cond_nconsts=cond_nconsts,
            body_nconsts=body_nconsts,
        )
        return out, [*carry_dims, *stack_dims, None]
    any_left, frozen = _until_all_stop(test.program, body_jaxpr, body, cond_nconsts, d_consts, count, size)
    out = while_p(
        *cond_consts,
        *cond_consts,
        *consts,
        zeros_of(Aval((size,), np.dtype(np.int64))),
        *init,
        cond_jaxpr=any_left,
        body_jaxpr=frozen,
        cond_nconsts=cond_nconsts,
        body_nconsts=cond_nconsts + body_nconsts,
    )
    steps, *rest = out
    return [*rest[:-1], steps], [*carry_dims, *stack_dims, 0]


def _until_all_stop(
    test: ClosedJaxpr,
    of_one: ClosedJaxpr,
    body: ClosedJaxpr,
    cond_nconsts: int,
    d_consts: Sequence[int | None],
    count: int,
    size: int,
) -> tuple[ClosedJaxpr, ClosedJaxpr]:
    """The condition that an example goes on, and the body that changes only those that do, and counts their steps."""
    body_nconsts = len(d_consts)

    def active(consts: Sequence[Any], carry: Sequence[Any]) -> Any:
        return eval_jaxpr(test.jaxpr, test.consts, *consts, *carry)[0]

    def make() -> tuple[ClosedJaxpr, ClosedJaxpr]:
        def any_left(*args: Any) -> list[Any]:
            consts, _, carry = _chunks(args, [cond_nconsts, 1, count])
            return [reduce_or(active(consts, carry), (0,))]

        def frozen(*args: Any) -> list[Any]:
            cond_consts, consts, (steps,), carry = _chunks(args, [cond_nconsts, body_nconsts, 1, count])
            going = active(cond_consts, carry)
            out = jaxpr_as_fun(body)(*of_active(of_one, going, [*consts, *carry], [*d_consts, *[0] * count]))
            kept = [where(like_batch(going, new), new, old) for new, old in zip(out[:count], carry, strict=True)]
            return [steps + going, *kept, *out[count:]]

        number = Aval((size,), np.dtype(np.int64))
        cond_avals, carry_avals = test.in_avals[:cond_nconsts], test.in_avals[cond_nconsts:]
        body_avals = body.in_avals[:body_nconsts]
        return (
            record(any_left, [*cond_avals, number, *carry_avals]),
            record(frozen, [*cond_avals, *body_avals, number, *carry_avals]),
        )

    return body.derived(("until all stop", test, cond_nconsts, count), make)


def like_batch(mask: Any, value: Any) -> Any:
    """A mask of examples with axes of extent 1 for the axes of an example."""
    missing = ndim_of(value) - ndim_of(mask)
    return expand_dims(mask, tuple(range(len(shape_of(mask)), len(shape_of(mask)) + missing))) if missing else mask


def _write_while(*args: Any) -> bool:
    from ..compiler.control import write_while

    return write_while(*args)


while_p = Primitive(
    "while",
    _while_impl,
    _while_abstract,
    value_and_jvp=_while_jvp,
    vjp_fwd=_while_vjp_fwd,
    vjp_bwd=_while_vjp_bwd,
    batch=_while_batch,
    write=_write_while,
    multiple_results=True,
)

# ---------------------------------------------------------------------------------------------------------------------
# lists
# ---------------------------------------------------------------------------------------------------------------------


def _chunks(values: Sequence[Any], sizes: Sequence[int]) -> list[list[Any]]:
    """A sequence cut into pieces of these sizes."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(list(values[start : start + size]))
        start += size
    return pieces


def _present(values: Sequence[Any]) -> tuple[bool, ...]:
    return tuple([value is not None for value in values])


def _given(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _chosen(values: Sequence[Any], mask: Sequence[bool]) -> list[Any]:
    return [value for value, keep in zip(values, mask, strict=True) if keep]


def _spaced(values: Sequence[Any], mask: Sequence[bool]) -> list[Any]:
    """The values where the mask is true, None elsewhere."""
    given = iter(values)
    return [next(given) if has else None for has in mask]
