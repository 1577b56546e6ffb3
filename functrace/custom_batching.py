"""Batching rules of the user's own: `custom_vmap`, `sequential_vmap`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from . import tree
from .core.aval import aval_of
from .core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from .core.primitive import Primitive
from .core.recording import JaxprTrace, record
from .core.trace import Tracer, require_callable
from .errors import ArgumentError, OptionError, ShapeError, StructureError
from .lax.control_flow import map as loop
from .lax.shape import batch_to_front, move_axis, shape_of
from .transforms.arguments import as_leaf, flatten_result
from .transforms.jvp import run_jvp, unpack
from .transforms.programs import hoist_tracers, instantiate
from .transforms.vjp import VJPTracer, backward, is_inexact, trace_vjp

__all__ = ["custom_vmap", "sequential_vmap"]


class custom_vmap:
    """A function with a rule of the user's own for batches.

    Parameters
    ----------
    fun
        The function of one example, of positional arguments.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> @functrace.custom_batching.custom_vmap
    ... def f(x):
    ...     return fnp.sin(x)
    >>> @f.def_vmap
    ... def f_vmap(axis_size, in_batched, x):
    ...     print("a batch of", axis_size)
    ...     return fnp.sin(x), in_batched[0]
    >>> functrace.vmap(f)(fnp.zeros(3))
    a batch of 3
    array([0., 0., 0.])
    """

    def __init__(self, fun: Callable) -> None:
        require_callable(fun, "custom_vmap")
        self.fun = fun
        self._rule: Callable | None = None
        self._name = getattr(fun, "__name__", type(fun).__name__)
        update_wrapper(self, fun)

    def def_vmap(self, vmap_rule: Callable) -> Callable:
        """Give the rule.

        Parameters
        ----------
        vmap_rule
            ``vmap_rule(axis_size, in_batched, *args)`` gives ``(out, out_batched)``. `in_batched` is a list like `args`
            with True at each leaf that has the batch as its axis 0, and False at those that are the same for all;
            `out_batched` says the same of `out`.
        """
        require_callable(vmap_rule, "def_vmap")
        self._rule = vmap_rule
        return vmap_rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            raise ArgumentError(
                f"{self._name} takes its arguments by position, since its batching rule does; got {sorted(kwargs)}"
            )
        leaves, in_tree = tree.flatten(args)
        if not any(isinstance(leaf, Tracer) for leaf in leaves):
            return self.fun(*args)
        out_tree: Any = None

        def fun(*flat: Any) -> list[Any]:
            nonlocal out_tree
            out, out_tree = flatten_result(self.fun(*in_tree.unflatten(flat)), self._name)
            return out

        def rule(size: int, in_batched: Sequence[bool], *flat: Any) -> tuple[list[Any], list[bool]]:
            nonlocal out_tree
            out, batched, out_tree = self._apply_rule(size, in_batched, in_tree, flat)
            return out, batched

        out = custom_vmap_p(*[as_leaf(leaf) for leaf in leaves], jaxpr=None, fun=fun, rule=rule)
        return out_tree.unflatten(out)

    def _apply_rule(
        self, size: int, in_batched: Sequence[bool], in_tree: Any, flat: Sequence[Any]
    ) -> tuple[list[Any], list[bool], Any]:
        if self._rule is None:
            raise ArgumentError(
                f"no batching rule is given for {self._name}, which is a custom_vmap function",
                instead=f"@{self._name}.def_vmap on the rule",
            )
        name = getattr(self._rule, "__name__", "the rule")
        result = self._rule(size, list(in_tree.unflatten(in_batched)), *in_tree.unflatten(flat))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise ArgumentError(
                f"the rule {name} of {self._name} should return a pair (out, out_batched), got {type(result).__name__}",
                instead="return out, out_batched",
            )
        out, out_tree = flatten_result(result[0], name)
        try:
            batched = tree.broadcast_prefix(result[1], out_tree.unflatten([0] * len(out)))
        except StructureError as error:
            raise StructureError(
                f"the rule {name} of {self._name}: out_batched should have the structure of out, {out_tree}: "
                f"{error.what}"
            ) from None
        if not all(isinstance(flag, bool) for flag in batched):
            raise OptionError(
                f"the rule {name} of {self._name}: out_batched should be made of bools, got {result[1]!r}"
            )
        for value, flag in zip(out, batched, strict=True):
            shape = shape_of(value)
            if flag and (not shape or shape[0] != size):
                raise ShapeError(
                    f"the rule {name} of {self._name} says that a result of shape {shape} is a batch of {size} along "
                    "its axis 0",
                    instead="False in out_batched for a result that is the same for every example",
                )
        return out, batched, out_tree

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else lambda *args: self(instance, *args)


def sequential_vmap(fun: Callable) -> custom_vmap:
    """A function that `vmap` applies to one example after the other, in a compiled loop.

    It keeps the memory of a batch down to that of an example, and serves functions that cannot be batched.

    Parameters
    ----------
    fun
        The function of one example, of positional arguments.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> @functrace.custom_batching.sequential_vmap
    ... def f(x):
    ...     return fnp.sum(x)
    >>> functrace.vmap(f)(fnp.ones((3, 2)))
    array([2., 2., 2.])
    """
    function = custom_vmap(fun)

    @function.def_vmap
    def one_by_one(axis_size: int, in_batched: list[Any], *args: Any) -> tuple[Any, Any]:
        leaves, in_tree = tree.flatten(args)
        flags = tree.leaves(in_batched)
        batches = [x for x, batched in zip(leaves, flags, strict=True) if batched]

        def example(given: list[Any]) -> Any:
            parts = iter(given)
            mixed = [next(parts) if batched else x for x, batched in zip(leaves, flags, strict=True)]
            return fun(*in_tree.unflatten(mixed))

        out = loop(example, batches)
        return out, tree.map(lambda x: True, out)

    return function


# ---------------------------------------------------------------------------------------------------------------------
# the primitive
# ---------------------------------------------------------------------------------------------------------------------
#
# fun:  a function of flat arguments
# rule: rule(size, in_batched, *args) gives the results for batches along axis 0, and which of them are batches


def _custom_vmap_batch(
    size: int, args: Sequence, dims: Sequence, *, jaxpr: Any, fun: Callable, rule: Callable
) -> tuple[list[Any], list[int | None]]:
    moved = [x if dim is None else move_axis(x, dim, 0) for x, dim in zip(args, dims, strict=True)]
    out, batched = rule(size, [dim is not None for dim in dims], *moved)
    return out, [0 if flag else None for flag in batched]


def _jvp_of(fun: Callable, count: int, nonzero: Sequence[bool], results: list[bool]) -> Callable:
    """A function of primals and nonzero tangents that gives results and their tangents."""

    def both(*values: Any) -> list[Any]:
        given = iter(values[count:])
        tangents = [next(given) if follows else None for follows in nonzero]
        out, trace = run_jvp(lambda *xs: fun(*xs), values[:count], tangents)
        pairs = [unpack(trace, x) for x in out]
        results[:] = [is_inexact(x) for x, _ in pairs]
        return [x for x, _ in pairs] + [instantiate(t, aval_of(x).strong()) for x, t in pairs if is_inexact(x)]

    return both


def _custom_vmap_value_and_jvp(
    primals: Sequence, tangents: Sequence, *, jaxpr: Any, fun: Callable, rule: Callable
) -> tuple[list[Any], list[Any]]:
    count, nonzero = len(primals), [t is not None for t in tangents]
    inexact: list[bool] = []

    def rule_of_both(size: int, in_batched: Sequence[bool], *values: Any) -> tuple[list[Any], list[bool]]:
        """The rule's derivative. A result's tangent is a batch where the result is one, or the tangents are."""
        flags: list[bool] = []

        def batched_fun(*xs: Any) -> list[Any]:
            out, out_batched = rule(size, together, *xs)
            flags[:] = out_batched
            return out

        given = iter(in_batched[count:])
        follows = [next(given) if has else False for has in nonzero]
        together = [a or b for a, b in zip(in_batched[:count], follows, strict=True)]
        lifted = [
            batch_to_front(size, x, 0 if here else None) if both else x
            for x, here, both in zip(values[:count], in_batched[:count], together, strict=True)
        ]
        of_these = [both for both, has in zip(together, nonzero, strict=True) if has]
        lifted_tangents = [
            batch_to_front(size, t, 0 if here else None) if both else t
            for t, here, both in zip(values[count:], in_batched[count:], of_these, strict=True)
        ]
        out = _jvp_of(batched_fun, count, nonzero, inexact)(*lifted, *lifted_tangents)
        return out, [*flags, *[flag for flag, has in zip(flags, inexact, strict=True) if has]]

    both = _jvp_of(fun, count, nonzero, inexact)
    given = [t for t in tangents if t is not None]
    out = custom_vmap_p(*primals, *given, jaxpr=None, fun=both, rule=rule_of_both)
    results = len(inexact)
    parts = iter(out[results:])
    return out[:results], [next(parts) if has else None for has in inexact]


def _custom_vmap_vjp_fwd(
    args: Sequence, wanted: tuple[bool, ...], *, jaxpr: Any, fun: Callable, rule: Callable
) -> tuple[list[Any], Any]:
    return custom_vmap_p(*args, jaxpr=jaxpr, fun=fun, rule=rule), ()


def _pull_back(fun: Callable, wanted: Sequence[bool], args: Sequence, cts: Sequence) -> list[Any]:
    """The cotangents of the wanted arguments, zeros where there is none."""
    inputs = [x for x, want in zip(args, wanted, strict=True) if want]

    def run(*tracers: Any) -> list[Any]:
        given = iter(tracers)
        return fun(*[next(given) if want else x for x, want in zip(args, wanted, strict=True)])

    out, trace, notes = trace_vjp(run, inputs)
    cotangents: list[Any] = [None] * len(notes)
    for value, ct in zip(out, cts, strict=True):
        if ct is not None and value.__class__ is VJPTracer and value._trace is trace:
            held = cotangents[value.position]
            cotangents[value.position] = ct if held is None else held + ct
    parts = backward(notes, cotangents, len(inputs), release=True)
    return [instantiate(part, aval_of(x).strong()) for part, x in zip(parts, inputs, strict=True)]


def _custom_vmap_vjp_bwd(
    cts: Sequence,
    residuals: Any,
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    jaxpr: Any,
    fun: Callable,
    rule: Callable,
) -> list[Any]:
    count = len(args)
    has_ct = [ct is not None for ct in cts]

    def spaced(values: Sequence[Any]) -> list[Any]:
        given = iter(values)
        return [next(given) if has else None for has in has_ct]

    def back(*values: Any) -> list[Any]:
        return _pull_back(fun, wanted, values[:count], spaced(values[count:]))

    def rule_back(size: int, in_batched: Sequence[bool], *values: Any) -> tuple[list[Any], list[bool]]:
        """The rule's way back. An example has a cotangent of its own also for what is the same for all."""
        in_args = [flag or want for flag, want in zip(in_batched[:count], wanted, strict=True)]
        lifted = [
            batch_to_front(size, x, 0 if here else None) if there else x
            for x, here, there in zip(values[:count], in_batched[:count], in_args, strict=True)
        ]
        given = spaced(
            [
                batch_to_front(size, ct, 0 if here else None)
                for ct, here in zip(values[count:], in_batched[count:], strict=True)
            ]
        )

        def batched_fun(*xs: Any) -> list[Any]:
            out, out_batched = rule(size, in_args, *xs)
            return [batch_to_front(size, x, 0 if flag else None) for x, flag in zip(out, out_batched, strict=True)]

        out = _pull_back(batched_fun, wanted, lifted, given)
        return out, [True] * len(out)

    given = [ct for ct in cts if ct is not None]
    parts = iter(custom_vmap_p(*args, *given, jaxpr=None, fun=back, rule=rule_back))
    return [next(parts) if want else None for want in wanted]


def _custom_vmap_stage(trace: JaxprTrace, args: Sequence, params: dict[str, Any]) -> Any:
    if params["jaxpr"] is not None:
        return trace.record_equation(custom_vmap_p, args, params)
    closed, captured = hoist_tracers(record(params["fun"], [aval_of(x) for x in args]))
    count, rule = len(captured), params["rule"]

    def rule_of_arguments(size: int, in_batched: Sequence[bool], *values: Any) -> tuple[list[Any], list[bool]]:
        if any(in_batched[:count]):
            raise ArgumentError(
                "a custom_vmap function uses a value from outside that differs between examples; its rule does not say "
                "how",
                instead="pass the value as an argument; functrace.closure_convert makes one of it",
            )
        return rule(size, in_batched[count:], *values[count:])

    # not recorded at once: a captured value may belong to a trace further in, which has to be asked first
    return custom_vmap_p(
        *captured, *args, jaxpr=closed, fun=jaxpr_as_fun(closed), rule=rule_of_arguments if count else rule
    )


def _abstract(*avals: Any, jaxpr: ClosedJaxpr, fun: Callable, rule: Callable) -> list[Any]:
    return jaxpr.out_avals


custom_vmap_p = Primitive(
    "custom_vmap_call",
    lambda *args, jaxpr, fun, rule: list(fun(*args)),
    _abstract,
    value_and_jvp=_custom_vmap_value_and_jvp,
    vjp_fwd=_custom_vmap_vjp_fwd,
    vjp_bwd=_custom_vmap_vjp_bwd,
    batch=_custom_vmap_batch,
    calls=True,
    stage=_custom_vmap_stage,
    aliases=True,
    multiple_results=True,
)
