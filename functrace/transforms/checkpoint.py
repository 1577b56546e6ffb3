"""Memory for time: `checkpoint` computes forward values again on the way back in place of keeping them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..core.aval import aval_of
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var, eval_jaxpr
from ..core.primitive import Primitive
from ..core.recording import record
from ..core.trace import Tracer, current_recording, require_callable, tracing
from ..lax.barrier import optimization_barrier
from ..lax.dot import dot_general_p
from .arguments import as_leaf, flatten_result
from .jit import jit_p
from .programs import batch_program, hoist_tracers, jvp_program
from .vjp import VJPTrace, VJPTracer, backward, trace_vjp

Policy = Callable[..., bool]


def checkpoint(
    fun: Callable,
    *,
    prevent_cse: bool = True,
    policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> Callable:
    """A function whose forward values are not kept for the way back, but computed again there.

    Parameters
    ----------
    fun
        A function of arrays and pytrees. It is traced, so it may not ask for the values of its arguments.
    prevent_cse
        Accepted as JAX's: a compiled program never merges what is computed again with what was computed first.
    policy
        Which values are kept all the same: one of `checkpoint_policies`, or a function
        ``policy(primitive, *avals, **params)`` that says so for an equation. By default none but the arguments.
    static_argnums
        Arguments that are settings, which `fun` gets as they are.

    Returns
    -------
    callable
        Takes what `fun` takes and gives what it gives; its derivatives are the same, at the memory of its arguments
        and the time of one more run.

    Examples
    --------
    A chain of n layers in blocks of √n layers keeps 2√n activations at a time in place of n:

    >>> import functrace, functrace.numpy as fnp
    >>> @functrace.checkpoint
    ... def block(x):
    ...     for _ in range(8):
    ...         x = fnp.sin(x)
    ...     return x
    >>> float(functrace.grad(lambda x: block(block(x)))(0.0))
    1.0

    References
    ----------
    A. Griewank and A. Walther, "Algorithm 799: revolve", ACM Transactions on Mathematical Software 26 (2000).
    """
    require_callable(fun, "checkpoint")
    statics = {static_argnums} if isinstance(static_argnums, (int, np.integer)) else set(static_argnums)

    @wraps(fun)
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        if not tracing():
            return fun(*args, **kwargs)
        numbers = {n % len(args) if n < 0 else n for n in statics}
        dynamic = tuple([arg for i, arg in enumerate(args) if i not in numbers])
        leaves, in_tree = tree.flatten((dynamic, kwargs))
        leaves = [as_leaf(leaf) for leaf in leaves]
        out_tree: Any = None

        def flat(*tracers: Any) -> list[Any]:
            nonlocal out_tree
            positional, keywords = in_tree.unflatten(tracers)
            rest = iter(positional)
            arguments = [arg if i in numbers else next(rest) for i, arg in enumerate(args)]
            out, out_tree = flatten_result(fun(*arguments, **keywords), "checkpoint")
            return out

        closed, captured = hoist_tracers(record(flat, [aval_of(leaf) for leaf in leaves]))
        out = checkpoint_p(*captured, *leaves, jaxpr=closed, policy=policy)
        return out_tree.unflatten(out)

    return rematerialized


remat = checkpoint

# ---------------------------------------------------------------------------------------------------------------------
# what is kept all the same
# ---------------------------------------------------------------------------------------------------------------------


def checkpoint_name(x: Any, name: str) -> Any:
    """A pytree as it is, its arrays with a name by which a policy of `checkpoint` can keep them.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> policy = functrace.checkpoint_policies.save_only_these_names("slow")
    >>> f = functrace.checkpoint(lambda x: fnp.sin(checkpoint_name(fnp.exp(x), "slow")), policy=policy)
    >>> float(functrace.grad(f)(0.0)) == float(fnp.cos(1.0))
    True
    """
    return tree.map(lambda leaf: name_p(leaf, name=name) if isinstance(leaf, Tracer) else leaf, x)


name_p: Primitive = Primitive(
    "name",
    lambda x, *, name: x.view() if isinstance(x, np.ndarray) else x,
    lambda x, *, name: x,
    jvp=lambda primals, tangents, out, *, name: tangents[0],
    vjp=(lambda ct, out, x, *, name: ct,),
    batch=lambda size, args, dims, *, name: (name_p(args[0], name=name), dims[0]),
    source=lambda args, avals, *, name: args[0],
    aliases=True,
)


class checkpoint_policies:
    """What `checkpoint` keeps: each policy says of an equation whether its results are kept."""

    @staticmethod
    def everything_saveable(primitive: Primitive, *avals: Any, **params: Any) -> bool:
        """Keep all: as without `checkpoint`."""
        return True

    @staticmethod
    def nothing_saveable(primitive: Primitive, *avals: Any, **params: Any) -> bool:
        """Keep nothing but the arguments."""
        return False

    @staticmethod
    def dots_saveable(primitive: Primitive, *avals: Any, **params: Any) -> bool:
        """Keep the results of matrix products."""
        return primitive is dot_general_p

    @staticmethod
    def dots_with_no_batch_dims_saveable(primitive: Primitive, *avals: Any, **params: Any) -> bool:
        """Keep the results of matrix products that have no batch axes (under `vmap` none but the weights' have)."""
        return primitive is dot_general_p and not any(params["dimension_numbers"][1])

    checkpoint_dots = dots_saveable
    checkpoint_dots_with_no_batch_dims = dots_with_no_batch_dims_saveable

    @staticmethod
    def save_only_these_names(*names: str) -> Policy:
        """Keep what `checkpoint_name` gave one of these names."""
        kept = frozenset(names)

        def save_only_these_names(primitive: Primitive, *avals: Any, **params: Any) -> bool:
            return primitive is name_p and params["name"] in kept

        return save_only_these_names

    @staticmethod
    def save_any_names_but_these(*names: str) -> Policy:
        """Keep what `checkpoint_name` gave any other name."""
        dropped = frozenset(names)

        def save_any_names_but_these(primitive: Primitive, *avals: Any, **params: Any) -> bool:
            return primitive is name_p and params["name"] not in dropped

        return save_any_names_but_these

    @staticmethod
    def save_anything_except_these_names(*names: str) -> Policy:
        """Keep all but what `checkpoint_name` gave one of these names."""
        dropped = frozenset(names)

        def save_anything_except_these_names(primitive: Primitive, *avals: Any, **params: Any) -> bool:
            return not (primitive is name_p and params["name"] in dropped)

        return save_anything_except_these_names

    @staticmethod
    def save_from_both_policies(first: Policy, second: Policy) -> Policy:
        """Keep what one policy or the other keeps."""

        def save_from_both_policies(primitive: Primitive, *avals: Any, **params: Any) -> bool:
            return first(primitive, *avals, **params) or second(primitive, *avals, **params)

        return save_from_both_policies


class _Plan(NamedTuple):
    """A program as `checkpoint` runs it."""

    forward: ClosedJaxpr  # the program, with what is kept behind its results
    again: ClosedJaxpr  # the program as the way back runs it
    kept: dict[Equation, tuple[int, ...]]  # equations of it whose results are among what is kept, and where


def _plan(closed: ClosedJaxpr, policy: Policy | None) -> _Plan:
    def make() -> _Plan:
        program = _with_jit_in_place(closed) if policy is not None else closed
        jaxpr = program.jaxpr
        kept: dict[Equation, tuple[int, ...]] = {}
        saved: list[Var] = []
        for equation in jaxpr.equations:
            if _is_kept(equation, policy):
                kept[equation] = tuple(range(len(saved), len(saved) + len(equation.outputs)))
                saved.extend(equation.outputs)
        made_by = {var: equation for equation in jaxpr.equations for var in equation.outputs}
        for equation in list(kept):
            source = made_by.get(equation.inputs[0]) if equation.primitive is name_p else None  # type: ignore[arg-type]
            if source is not None and not source.primitive.multiple_results:  # its value is known with the name's
                kept.setdefault(source, kept[equation])
        forward = ClosedJaxpr(
            Jaxpr(jaxpr.constvars, jaxpr.invars, jaxpr.equations, [*jaxpr.outvars, *saved]), program.consts
        )
        again = ClosedJaxpr(Jaxpr(jaxpr.constvars, jaxpr.invars, _needed(jaxpr), jaxpr.outvars), program.consts)
        return _Plan(forward if saved else program, again, kept)

    return closed.derived(("checkpoint", policy), make)


def _is_kept(equation: Equation, policy: Policy | None) -> bool:
    if equation.params.get("effect"):  # what is done is done once: its results are kept, whatever the policy
        return bool(equation.outputs)
    if policy is None or equation.primitive.vjp_fwd is not None:  # of a program inside, more is needed than results
        return False
    return bool(policy(equation.primitive, *[atom.aval for atom in equation.inputs], **equation.params))


def _needed(jaxpr: Jaxpr) -> list[Equation]:
    """The equations that the results need; those that only print are not run again."""
    live: set[Atom] = set(jaxpr.outvars)
    needed = []
    for equation in reversed(jaxpr.equations):
        if any(var in live for var in equation.outputs):
            needed.append(equation)
            live.update(equation.inputs)
    needed.reverse()
    return needed


def _with_jit_in_place(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with those of `jit` equations in their place, so that a policy sees what they do."""
    if not any(equation.primitive is jit_p for equation in closed.equations):
        return closed

    def run(program: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
        return _evaluate(program, args, lambda equation, values: run(equation.params["jaxpr"], values), _is_jit)

    return record(lambda *args: run(closed, args), closed.in_avals)


def _is_jit(equation: Equation) -> bool:
    return equation.primitive is jit_p


def _evaluate(
    closed: ClosedJaxpr,
    args: Sequence[Any],
    carry_out: Callable[[Equation, list[Any]], Any],
    is_special: Callable[[Equation], bool],
) -> list[Any]:
    """Evaluate a program, the special equations by `carry_out(equation, inputs)`."""
    jaxpr = closed.jaxpr
    env: dict[Atom, Any] = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    recorder = current_recording()
    outer_location = None if recorder is None else recorder.location
    for equation in jaxpr.equations:
        values = [atom.value if isinstance(atom, Literal) else env[atom] for atom in equation.inputs]
        if recorder is not None:
            recorder.location = equation.location
        if is_special(equation):
            out = carry_out(equation, values)
        else:
            out = equation.primitive(*values, **equation.params)
        env.update(zip(equation.outputs, out if equation.primitive.multiple_results else [out], strict=True))
    if recorder is not None:
        recorder.location = outer_location
    return [atom.value if isinstance(atom, Literal) else env[atom] for atom in jaxpr.outvars]


# ---------------------------------------------------------------------------------------------------------------------
# the primitive
# ---------------------------------------------------------------------------------------------------------------------


def _checkpoint_value_and_jvp(
    primals: Sequence, tangents: Sequence, *, jaxpr: ClosedJaxpr, policy: Policy | None
) -> tuple[list[Any], list[Any]]:
    derived = jvp_program(jaxpr, tuple([tangent is not None for tangent in tangents]))
    given = [tangent for tangent in tangents if tangent is not None]
    out = checkpoint_p(*primals, *given, jaxpr=derived.program, policy=policy)
    count = len(derived.nonzero_out)
    parts = iter(out[count:])
    return out[:count], [next(parts) if follows else None for follows in derived.nonzero_out]


def _checkpoint_vjp_fwd(
    args: Sequence, wanted: tuple[bool, ...], *, jaxpr: ClosedJaxpr, policy: Policy | None
) -> tuple[list[Any], list[Any]]:
    out = checkpoint_p(*args, jaxpr=_plan(jaxpr, policy).forward, policy=policy)
    results = len(jaxpr.out_avals)
    return out[:results], out[results:]


def _checkpoint_vjp_bwd(
    cts: Sequence,
    residuals: Sequence,
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    jaxpr: ClosedJaxpr,
    policy: Policy | None,
) -> list[Any]:
    plan = _plan(jaxpr, policy)
    given = [ct for ct in cts if ct is not None]
    # behind the cotangents: what is computed again neither becomes one with the way forward nor comes before its time
    held = optimization_barrier([*args, *residuals, *given])
    args, residuals, given = held[: len(args)], held[len(args) : -len(given)], held[-len(given) :]

    def run(*tracers: Any) -> list[Any]:
        parts = iter(tracers)
        mixed = [next(parts) if want else x for want, x in zip(wanted, args, strict=True)]
        if not plan.kept:
            return eval_jaxpr(plan.again.jaxpr, plan.again.consts, *mixed)
        trace = tracers[0]._trace

        def known(equation: Equation, values: list[Any]) -> Any:
            return _noted(trace, equation, values, [residuals[place] for place in plan.kept[equation]])

        return _evaluate(plan.again, mixed, known, plan.kept.__contains__)

    inputs = [x for x, want in zip(args, wanted, strict=True) if want]
    out, trace, notes = trace_vjp(run, inputs)
    cotangents: list[Any] = [None] * len(notes)
    flowing = iter(given)
    for value, ct in zip(out, cts, strict=True):
        part = None if ct is None else next(flowing)
        if part is not None and value.__class__ is VJPTracer and value._trace is trace:
            before = cotangents[value.position]
            cotangents[value.position] = part if before is None else before + part
    del out
    parts = iter(backward(notes, cotangents, len(inputs), release=True))
    return [next(parts) if want else None for want in wanted]


def _noted(trace: VJPTrace, equation: Equation, args: list[Any], known: list[Any]) -> Any:
    """An equation's results, which are known, with a note of it, so that cotangents flow through."""
    primitive = equation.primitive
    positions = [x.position if x.__class__ is VJPTracer and x._trace is trace else -1 for x in args]
    values = [x.value if position >= 0 else x for x, position in zip(args, positions, strict=True)]
    if primitive.jvp is None or all(position < 0 for position in positions):
        return known if primitive.multiple_results else known[0]
    if primitive.multiple_results:
        return trace.note_several(primitive, values, positions, known, known, equation.params)
    return trace.note_several(primitive, values, positions, known, known[0], equation.params)[0]


def _checkpoint_batch(
    size: int, args: Sequence, dims: Sequence, *, jaxpr: ClosedJaxpr, policy: Policy | None
) -> tuple[list[Any], Sequence[int | None]]:
    derived = batch_program(jaxpr, size, tuple(dims))
    return checkpoint_p(*args, jaxpr=derived.program, policy=policy), derived.out_dims


checkpoint_p = Primitive(
    "checkpoint",
    lambda *args, jaxpr, policy: eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *args),
    lambda *avals, jaxpr, policy: jaxpr.out_avals,
    value_and_jvp=_checkpoint_value_and_jvp,
    vjp_fwd=_checkpoint_vjp_fwd,
    vjp_bwd=_checkpoint_vjp_bwd,
    batch=_checkpoint_batch,
    calls=True,
    aliases=True,
    multiple_results=True,
)
