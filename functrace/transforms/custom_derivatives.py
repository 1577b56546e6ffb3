"""Rules of the user's own: `custom_jvp`, `custom_vjp`, `custom_gradient`, `closure_convert`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import Aval, aval_of, float0
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr, jaxpr_as_fun
from ..core.primitive import Primitive
from ..core.recording import JaxprTrace, record
from ..core.trace import Tracer, require_callable
from ..errors import ArgumentError, DifferentiationError, DtypeError, OptionError, ShapeError, StructureError
from ..lax.shape import batch_to_front, convert_element_type, move_axis, reduce_sum, zeros_like, zeros_of
from .arguments import as_leaf, flatten_result
from .jvp import JVPTracer
from .programs import hoist_tracers
from .vjp import VJPTracer, backward, is_inexact, trace_vjp
from .vmap import run_batched

# ---------------------------------------------------------------------------------------------------------------------
# arguments
# ---------------------------------------------------------------------------------------------------------------------


class _Function:
    """A function with a rule, its arguments by position, and those that the rule takes apart."""

    def __init__(self, fun: Callable, nondiff_argnums: Any, nondiff_argnames: Any, transform: str) -> None:
        require_callable(fun, transform)
        self.fun = fun
        self.name = getattr(fun, "__name__", type(fun).__name__)
        try:
            self.signature: inspect.Signature | None = inspect.signature(fun)
        except (TypeError, ValueError):
            self.signature = None
        if isinstance(inspect.unwrap(fun), np.ufunc):  # its other arguments are settings
            self.signature = None
        numbers = [nondiff_argnums] if isinstance(nondiff_argnums, int) else list(nondiff_argnums)
        names = [nondiff_argnames] if isinstance(nondiff_argnames, str) else list(nondiff_argnames)
        known = [] if self.signature is None else list(self.signature.parameters)
        for name in names:
            if name not in known:
                raise OptionError(f"{transform}: nondiff_argnames={name!r}, but {self.name} has arguments {known}")
            numbers.append(known.index(name))
        self.nondiff = sorted(set(numbers))

    def positional(self, args: tuple, kwargs: dict[str, Any]) -> tuple:
        """The arguments by position, defaults filled in."""
        if self.signature is None:
            if kwargs:
                raise ArgumentError(f"{self.name} takes its arguments by position: it has no signature to look at")
            return args
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise ArgumentError(
                f"{self.name} has keyword-only arguments {sorted(bound.kwargs)}, which a rule cannot take",
                instead="make them positional",
            )
        return bound.args

    def split(self, args: tuple) -> tuple[list[Any], tuple]:
        """The arguments that are not differentiated, and the others."""
        return [args[i] for i in self.nondiff if i < len(args)], tuple(
            [arg for i, arg in enumerate(args) if i not in self.nondiff]
        )

    def join(self, nondiff: Sequence[Any], rest: Sequence[Any]) -> list[Any]:
        """The arguments in their order."""
        args = list(rest)
        for i, arg in zip(self.nondiff, nondiff, strict=False):
            args.insert(i, arg)
        return args


# ---------------------------------------------------------------------------------------------------------------------
# custom_jvp
# ---------------------------------------------------------------------------------------------------------------------


class custom_jvp:
    """A function with a forward rule of the user's own; the reverse rule is its transpose.

    Parameters
    ----------
    fun
        The function.
    nondiff_argnums, nondiff_argnames
        Arguments that are not differentiated; the rule takes them first.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> @functrace.custom_jvp
    ... def log1pexp(x):
    ...     return fnp.log1p(fnp.exp(x))
    >>> @log1pexp.defjvp
    ... def log1pexp_jvp(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return log1pexp(x), t / (1 + fnp.exp(-x))
    >>> float(functrace.grad(log1pexp)(100.0))
    1.0
    """

    def __init__(self, fun: Callable, nondiff_argnums: Any = (), nondiff_argnames: Any = ()) -> None:
        self._function = _Function(fun, nondiff_argnums, nondiff_argnames, "custom_jvp")
        self._jvp: Callable | None = None
        update_wrapper(self, fun)

    def defjvp(self, jvp: Callable) -> Callable:
        """Give the rule: ``jvp(*nondiff, primals, tangents)`` gives the value and its tangent."""
        require_callable(jvp, "defjvp")
        self._jvp = jvp
        return jvp

    def defjvps(self, *jvps: Callable | None) -> None:
        """Give a rule for each argument: ``jvp(tangent, out, *args)`` gives its part of the tangent; None is zero."""
        if self._function.nondiff:
            raise OptionError("defjvps cannot be used with nondiff_argnums", instead="defjvp")

        def jvp(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
            out = self(*primals)
            parts = [rule(t, out, *primals) for rule, t in zip(jvps, tangents, strict=True) if rule is not None]
            if not parts:
                return out, tree.map(zeros_like, out)
            total = parts[0]
            for part in parts[1:]:
                total = tree.map(lambda a, b: a + b, total, part)
            return out, total

        self._jvp = jvp

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = self._function
        if self._jvp is None:
            raise DifferentiationError(
                f"no rule is given for {function.name}, which is a custom_jvp function",
                instead=f"@{function.name}.defjvp on the rule",
            )
        nondiff, rest = function.split(function.positional(args, kwargs))
        leaves, in_tree = tree.flatten(rest)
        if not any(isinstance(leaf, Tracer) for leaf in leaves):
            return function.fun(*function.join(nondiff, rest))
        leaves = [as_leaf(leaf) for leaf in leaves]
        rule_name = getattr(self._jvp, "__name__", "jvp")
        out_tree: Any = None

        def fun(*flat: Any) -> list[Any]:
            nonlocal out_tree
            out, out_tree = flatten_result(
                function.fun(*function.join(nondiff, in_tree.unflatten(flat))), function.name
            )
            return out

        def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
            nonlocal out_tree
            assert self._jvp is not None
            result = self._jvp(*nondiff, tuple(in_tree.unflatten(primals)), tuple(in_tree.unflatten(tangents)))
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise DifferentiationError(
                    f"the rule {rule_name} of {function.name} should return a pair (value, tangent), got "
                    f"{type(result).__name__}",
                    instead="return value, tangent",
                )
            out, out_tree = flatten_result(result[0], rule_name)
            directions, structure = flatten_result(result[1], rule_name)
            if structure != out_tree:
                raise StructureError(
                    f"the rule {rule_name} of {function.name} should return a value and a tangent of the same "
                    f"structure, got\n    value: {out_tree}\n    tangent: {structure}"
                )
            _check_rule(rule_name, function.name, "tangent", directions, [aval_of(x) for x in out])
            return out, directions

        out = custom_jvp_p(*leaves, jaxpr=None, fun=fun, rule=rule)
        return out_tree.unflatten(out)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else lambda *args, **kwargs: self(instance, *args, **kwargs)


def _check_rule(rule: str, function: str, kind: str, values: Sequence[Any], avals: Sequence[Aval]) -> None:
    """Check that what a rule gives has the shapes and dtypes that it should."""
    for position, (value, aval) in enumerate(zip(values, avals, strict=True)):
        if aval.dtype.kind not in "fc":
            continue
        got = aval_of(value)
        if got.shape != aval.shape:
            raise ShapeError(
                f"the rule {rule} of {function}: {kind} {position} should have shape {aval.shape}, got {got.shape}"
            )
        if got.dtype != aval.dtype and not got.weak_type:
            raise DtypeError(
                f"the rule {rule} of {function}: {kind} {position} should have dtype {aval.dtype}, got {got.dtype}",
                instead=f"x.astype(numpy.{aval.dtype})",
            )


def _custom_jvp_value_and_jvp(
    primals: Sequence, tangents: Sequence, *, jaxpr: ClosedJaxpr | None, fun: Callable, rule: Callable
) -> tuple[list[Any], list[Any]]:
    out, directions = rule(primals, [_instantiated(t, x) for t, x in zip(tangents, primals, strict=True)])
    return out, [_typed(t, x) if is_inexact(x) else None for t, x in zip(directions, out, strict=True)]


def _instantiated(tangent: Any, primal: Any) -> Any:
    if tangent is not None:
        return tangent
    aval = aval_of(primal)
    return zeros_of(aval) if aval.dtype.kind in "fc" else np.zeros(aval.shape, float0)


def _typed(tangent: Any, value: Any) -> Any:
    return convert_element_type(tangent, aval_of(value).dtype)


def _custom_jvp_fwd(
    args: Sequence, wanted: tuple[bool, ...], *, jaxpr: ClosedJaxpr | None, fun: Callable, rule: Callable
) -> tuple[list[Any], Any]:
    """The rule run on tangents of zero, with notes: it is linear in them, and so its way back is the same for all."""
    zeros = [zeros_of(aval_of(x).strong()) for x, want in zip(args, wanted, strict=True) if want]

    def run(*tangents: Any) -> tuple[list[Any], list[Any]]:
        given = iter(tangents)
        mixed = [_instantiated(next(given) if want else None, x) for want, x in zip(wanted, args, strict=True)]
        out, directions = rule(args, mixed)
        return out, [_typed(t, x) if is_inexact(x) else None for t, x in zip(directions, out, strict=True)]

    (out, directions), trace, notes = trace_vjp(run, zeros)
    # a value that comes out of one program with its tangent is a tracer too; it does not depend on the tangents
    values = [x.value if x.__class__ is VJPTracer and x._trace is trace else x for x in out]
    return values, (directions, trace, notes, len(zeros))


def _custom_jvp_bwd(
    cts: Sequence, residuals: Any, args: Sequence, wanted: tuple[bool, ...], *, jaxpr: Any, fun: Any, rule: Any
) -> list[Any]:
    directions, trace, notes, inputs = residuals
    cotangents: list[Any] = [None] * len(notes)
    for direction, ct in zip(directions, cts, strict=True):
        if ct is not None and direction.__class__ is VJPTracer and direction._trace is trace:
            held = cotangents[direction.position]
            cotangents[direction.position] = ct if held is None else held + ct
    parts = iter(backward(notes, cotangents, inputs))
    return [next(parts) if want else None for want in wanted]


def transpose_linear(linear: ClosedJaxpr, cts: Sequence[Any]) -> list[Any]:
    """The cotangents of a linear program's inputs; None is zero."""
    zeros = [zeros_of(aval) for aval in linear.in_avals]
    out, trace, notes = trace_vjp(lambda *ts: eval_jaxpr(linear.jaxpr, linear.consts, *ts), zeros)
    cotangents: list[Any] = [None] * len(notes)
    given = [ct for ct in cts if ct is not None] if len(cts) != len(out) else list(cts)
    for value, ct in zip(out, given, strict=True):
        if ct is not None and value.__class__ is VJPTracer and value._trace is trace:
            held = cotangents[value.position]
            cotangents[value.position] = ct if held is None else held + ct
    return backward(notes, cotangents, len(zeros))


def _custom_jvp_batch(
    size: int, args: Sequence, dims: Sequence, *, jaxpr: Any, fun: Callable, rule: Callable
) -> tuple[list[Any], list[int | None]]:
    def batched_fun(*values: Any) -> list[Any]:
        return _all_in_front(size, fun, values, dims)

    def batched_rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        count = len(primals)

        def both(*values: Any) -> list[Any]:
            out, directions = rule(values[:count], values[count:])
            return [*out, *directions]

        float_dims = [
            None if getattr(t, "dtype", None) == float0 else dim for t, dim in zip(tangents, dims, strict=True)
        ]
        values = _all_in_front(size, both, [*primals, *tangents], [*dims, *float_dims])
        return values[: len(values) // 2], values[len(values) // 2 :]

    out = custom_jvp_p(*args, jaxpr=None, fun=batched_fun, rule=batched_rule)
    return out, [0] * len(out)


def _all_in_front(size: int, function: Callable, values: Sequence[Any], dims: Sequence[int | None]) -> list[Any]:
    """What a function gives for batches, every result with its batch in front."""
    (out, _), out_dims = run_batched(lambda *xs: (function(*xs), None), values, dims, size, None)
    return [batch_to_front(size, x, dim) for x, dim in zip(out, out_dims, strict=True)]


def _custom_jvp_stage(trace: JaxprTrace, args: Sequence, params: dict[str, Any]) -> Any:
    if params["jaxpr"] is not None:
        return trace.record_equation(custom_jvp_p, args, params)
    closed, captured = hoist_tracers(record(params["fun"], [aval_of(x) for x in args]))
    count, rule = len(captured), params["rule"]

    def rule_of_arguments(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        _refuse_captured(tangents[:count], primals[:count])
        return rule(primals[count:], tangents[count:])

    _refuse_differentiated(trace, captured)
    # not recorded at once: a captured value may belong to a trace further in, which has to be asked first
    return custom_jvp_p(
        *captured, *args, jaxpr=closed, fun=jaxpr_as_fun(closed), rule=rule_of_arguments if count else rule
    )


def _refuse_differentiated(trace: JaxprTrace, captured: Sequence[Any]) -> None:
    """Refuse captured values that a transform further in than this trace differentiates."""
    for tracer in captured:
        if tracer._trace.level > trace.level and isinstance(tracer, (VJPTracer, JVPTracer)) and is_inexact(tracer):
            raise _uses_outside()


def _refuse_captured(tangents: Sequence[Any], primals: Sequence[Any]) -> None:
    for tangent, primal in zip(tangents, primals, strict=True):
        if isinstance(tangent, Tracer) and is_inexact(primal):
            raise _uses_outside()


def _uses_outside() -> DifferentiationError:
    return DifferentiationError(
        "a function with a rule of its own uses a value from outside that is being differentiated; its rule does not "
        "say how",
        instead="pass the value as an argument; functrace.closure_convert makes one of it",
    )


custom_jvp_p = Primitive(
    "custom_jvp_call",
    lambda *args, jaxpr, fun, rule: list(fun(*args)),
    lambda *avals, jaxpr, fun, rule: jaxpr.out_avals,
    value_and_jvp=_custom_jvp_value_and_jvp,
    vjp_fwd=_custom_jvp_fwd,
    vjp_bwd=_custom_jvp_bwd,
    batch=_custom_jvp_batch,
    calls=True,
    stage=_custom_jvp_stage,
    aliases=True,
    multiple_results=True,
)

# ---------------------------------------------------------------------------------------------------------------------
# custom_vjp
# ---------------------------------------------------------------------------------------------------------------------


class custom_vjp:
    """A function with a reverse rule of the user's own.

    Parameters
    ----------
    fun
        The function.
    nondiff_argnums, nondiff_argnames
        Arguments that are not differentiated; the way back takes them first.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> @functrace.custom_vjp
    ... def clip_gradient(x):
    ...     return x
    >>> clip_gradient.defvjp(lambda x: (x, None), lambda residuals, ct: (fnp.clip(ct, -1, 1),))
    >>> float(functrace.grad(lambda x: 5.0 * clip_gradient(x))(2.0))
    1.0
    """

    def __init__(self, fun: Callable, nondiff_argnums: Any = (), nondiff_argnames: Any = ()) -> None:
        self._function = _Function(fun, nondiff_argnums, nondiff_argnames, "custom_vjp")
        self._fwd: Callable | None = None
        self._bwd: Callable | None = None
        update_wrapper(self, fun)

    def defvjp(self, fwd: Callable, bwd: Callable) -> None:
        """Give the rules.

        Parameters
        ----------
        fwd
            Takes the function's arguments, gives its value and the residuals (a pytree).
        bwd
            ``bwd(*nondiff, residuals, cotangent)`` gives a tuple with the cotangent of each differentiated argument;
            None is zero.
        """
        require_callable(fwd, "defvjp")
        require_callable(bwd, "defvjp")
        self._fwd, self._bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = self._function
        if self._fwd is None or self._bwd is None:
            raise DifferentiationError(
                f"no rule is given for {function.name}, which is a custom_vjp function",
                instead=f"{function.name}.defvjp(fwd, bwd)",
            )
        nondiff, rest = function.split(function.positional(args, kwargs))
        leaves, in_tree = tree.flatten(rest)
        if not any(isinstance(leaf, Tracer) for leaf in leaves):
            return function.fun(*function.join(nondiff, rest))
        leaves = [as_leaf(leaf) for leaf in leaves]
        rules = _VjpRules(function, self._fwd, self._bwd, nondiff, in_tree)
        out = custom_vjp_p(*leaves, jaxpr=None, fun=rules.fun, fwd=rules.fwd, bwd=rules.bwd)
        return rules.out_tree.unflatten(out)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else lambda *args, **kwargs: self(instance, *args, **kwargs)


class _VjpRules:
    """The function and its rules for flat arguments. Residuals are flat too; their structure is kept here."""

    def __init__(self, function: _Function, fwd: Callable, bwd: Callable, nondiff: list[Any], in_tree: Any) -> None:
        self.function = function
        self.user_fwd, self.user_bwd = fwd, bwd
        self.nondiff = nondiff
        self.in_tree = in_tree
        self.structures = tree.treedef_children(in_tree)  # of each argument; the arguments themselves are not held
        self.out_tree: Any = None
        self.residual_tree: Any = None
        self.results = 0

    def fun(self, *flat: Any) -> list[Any]:
        """The value."""
        args = self.function.join(self.nondiff, self.in_tree.unflatten(flat))
        out, self.out_tree = flatten_result(self.function.fun(*args), self.function.name)
        return out

    def fwd(self, *flat: Any) -> tuple[list[Any], list[Any]]:
        """The value and the residuals."""
        name = getattr(self.user_fwd, "__name__", "fwd")
        result = self.user_fwd(*self.function.join(self.nondiff, self.in_tree.unflatten(flat)))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise DifferentiationError(
                f"the rule {name} of {self.function.name} should return a pair (value, residuals), got "
                f"{type(result).__name__}",
                instead="return value, residuals",
            )
        out, structure = flatten_result(result[0], name)
        if self.out_tree is not None and structure != self.out_tree:
            raise StructureError(
                f"the rule {name} of {self.function.name} should return a value of the function's structure, got\n"
                f"    function: {self.out_tree}\n    {name}: {structure}"
            )
        self.out_tree = structure
        residuals, self.residual_tree = tree.flatten(result[1])
        return out, residuals

    def bwd(self, residuals: Sequence[Any], cts: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
        """The cotangents of the arguments; None is zero."""
        name = getattr(self.user_bwd, "__name__", "bwd")
        result = self.user_bwd(*self.nondiff, self.residual_tree.unflatten(residuals), self.out_tree.unflatten(cts))
        if not isinstance(result, (tuple, list)) or len(result) != len(self.structures):
            got = f"{len(result)} entries" if isinstance(result, (tuple, list)) else type(result).__name__
            raise StructureError(
                f"the rule {name} of {self.function.name} should return a tuple with a cotangent for each of "
                f"{len(self.structures)} arguments, got {got}",
                instead="return (cotangent_of_x, …); None for zero",
            )
        flat: list[Any] = []
        for position, (ct, structure) in enumerate(zip(result, self.structures, strict=True)):
            if ct is None:
                flat += [None] * structure.num_leaves
                continue
            leaves, got_tree = tree.flatten(ct, is_leaf=lambda x: x is None)
            if len(leaves) != structure.num_leaves or (
                got_tree != structure and not any(leaf is None for leaf in leaves)
            ):
                raise StructureError(
                    f"the rule {name} of {self.function.name}: the cotangent of argument {position} should have the "
                    f"structure {structure}, got {got_tree}"
                )
            flat += leaves
        present = [(ct, aval) for ct, aval in zip(flat, avals, strict=True) if ct is not None]
        _check_rule(name, self.function.name, "cotangent", [c for c, _ in present], [a for _, a in present])
        return [
            None if ct is None or aval.dtype.kind not in "fc" else convert_element_type(as_leaf(ct), aval.dtype)
            for ct, aval in zip(flat, avals, strict=True)
        ]


def _custom_vjp_forward_mode(primals: Sequence, tangents: Sequence, **params: Any) -> Any:
    if all(t is None for t in tangents):
        return params["fun"](*primals), None
    raise DifferentiationError(
        "a custom_vjp function has a rule for reverse mode only, and jvp (or jacfwd, hessian, linearize) was asked of "
        "it",
        instead="custom_jvp, whose rule serves both modes; jacrev in place of jacfwd",
    )


def _custom_vjp_fwd(
    args: Sequence, wanted: tuple[bool, ...], *, jaxpr: Any, fun: Callable, fwd: Callable, bwd: Callable
) -> tuple[list[Any], Any]:
    if any(wanted[: getattr(fwd, "captured", 0)]):
        raise _uses_outside()
    out, residuals = fwd(*args)
    return out, (residuals, [aval_of(x) for x in out])


def _custom_vjp_bwd(
    cts: Sequence, residuals: Any, args: Sequence, wanted: tuple[bool, ...], *, jaxpr: Any, fun: Any, fwd: Any, bwd: Any
) -> list[Any]:
    kept, avals = residuals
    full = [
        (zeros_of(aval) if aval.dtype.kind in "fc" else np.zeros(aval.shape, float0)) if ct is None else ct
        for ct, aval in zip(cts, avals, strict=True)
    ]
    parts = bwd(kept, full, [aval_of(x) for x in args])
    return [part if want else None for part, want in zip(parts, wanted, strict=True)]


def _custom_vjp_batch(
    size: int, args: Sequence, dims: Sequence, *, jaxpr: Any, fun: Callable, fwd: Callable, bwd: Callable
) -> tuple[list[Any], list[int | None]]:
    def batched_fun(*values: Any) -> list[Any]:
        return _all_in_front(size, fun, values, dims)

    def batched_fwd(*values: Any) -> tuple[list[Any], list[Any]]:
        count = 0

        def both(*xs: Any) -> list[Any]:
            nonlocal count
            out, residuals = fwd(*xs)
            count = len(out)
            return [*out, *[as_leaf(x) for x in residuals]]

        out = _all_in_front(size, both, values, dims)
        return out[:count], out[count:]

    batched_fwd.captured = getattr(fwd, "captured", 0)  # type: ignore[attr-defined]

    def batched_bwd(residuals: Sequence[Any], cts: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
        example = [
            aval if dim is None else Aval((*aval.shape[:dim], *aval.shape[dim + 1 :]), aval.dtype)
            for aval, dim in zip(avals, dims, strict=True)
        ]
        given: list[bool] = []

        def back(*xs: Any) -> list[Any]:
            parts = bwd(xs[: len(residuals)], xs[len(residuals) :], example)
            given.extend(part is not None for part in parts)
            return [part for part in parts if part is not None]

        ct_dims = [None if getattr(ct, "dtype", None) == float0 else 0 for ct in cts]
        values = iter(_all_in_front(size, back, [*residuals, *cts], [*[0] * len(residuals), *ct_dims]))
        parts = [next(values) if has else None for has in given]
        return [
            None if part is None else reduce_sum(part, (0,)) if dim is None else move_axis(part, 0, dim)
            for part, dim in zip(parts, dims, strict=True)
        ]

    out = custom_vjp_p(*args, jaxpr=None, fun=batched_fun, fwd=batched_fwd, bwd=batched_bwd)
    return out, [0] * len(out)


def _custom_vjp_stage(trace: JaxprTrace, args: Sequence, params: dict[str, Any]) -> Any:
    if params["jaxpr"] is not None:
        return trace.record_equation(custom_vjp_p, args, params)
    closed, captured = hoist_tracers(record(params["fun"], [aval_of(x) for x in args]))
    count, fwd, bwd = len(captured), params["fwd"], params["bwd"]

    def fwd_of_arguments(*values: Any) -> tuple[list[Any], list[Any]]:
        return fwd(*values[count:])

    fwd_of_arguments.captured = count  # type: ignore[attr-defined]

    def bwd_of_arguments(residuals: Sequence[Any], cts: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
        return [None] * count + bwd(residuals, cts, avals[count:])

    _refuse_differentiated(trace, captured)
    return custom_vjp_p(
        *captured,
        *args,
        jaxpr=closed,
        fun=jaxpr_as_fun(closed),
        fwd=fwd_of_arguments if count else fwd,
        bwd=bwd_of_arguments if count else bwd,
    )


custom_vjp_p = Primitive(
    "custom_vjp_call",
    lambda *args, jaxpr, fun, fwd, bwd: list(fun(*args)),
    lambda *avals, jaxpr, fun, fwd, bwd: jaxpr.out_avals,
    value_and_jvp=_custom_vjp_forward_mode,
    vjp_fwd=_custom_vjp_fwd,
    vjp_bwd=_custom_vjp_bwd,
    batch=_custom_vjp_batch,
    calls=True,
    stage=_custom_vjp_stage,
    aliases=True,
    multiple_results=True,
)

# ---------------------------------------------------------------------------------------------------------------------
# made of these
# ---------------------------------------------------------------------------------------------------------------------


def custom_gradient(fun: Callable) -> Callable:
    """A function that returns its value and the function of the way back.

    Parameters
    ----------
    fun
        Gives ``(value, vjp)``, where ``vjp(cotangent)`` gives the argument's cotangent, or a tuple of the arguments'.

    Returns
    -------
    callable
        Gives the value; its gradient is what `vjp` says.

    Examples
    --------
    >>> import functrace
    >>> @functrace.custom_gradient
    ... def f(x):
    ...     return x * x, lambda ct: (10 * ct,)
    >>> float(f(3.0)), float(functrace.grad(f)(3.0))
    (9.0, 10.0)
    """
    require_callable(fun, "custom_gradient")

    def value(*args: Any) -> Any:
        return fun(*args)[0]

    wrapped = custom_vjp(value)
    update_wrapper(wrapped, fun)

    def fwd(*args: Any) -> tuple[Any, Any]:
        out, vjp = fun(*args)
        avals = [aval_of(x) for x in tree.leaves(out)]
        structure = tree.structure(out)
        result_tree: Any = None

        def flat(*cts: Any) -> list[Any]:
            nonlocal result_tree
            leaves, result_tree = flatten_result(vjp(structure.unflatten(cts)), "custom_gradient")
            return leaves

        closed = record(flat, [aval.strong() for aval in avals], creations=False)
        program, captured = hoist_tracers(closed)
        return out, tree.Partial(_Back(program, result_tree, len(args)), *captured)

    def bwd(back: Any, ct: Any) -> tuple:
        return back(ct)

    wrapped.defvjp(fwd, bwd)
    return wrapped


class _Back:
    """The way back of a `custom_gradient` function, as a program of what it captured and the cotangent."""

    def __init__(self, program: ClosedJaxpr, result_tree: Any, arguments: int) -> None:
        self.program = program
        self.result_tree = result_tree
        self.arguments = arguments

    def __call__(self, *args: Any) -> tuple:
        *captured, ct = args
        out = eval_jaxpr(self.program.jaxpr, self.program.consts, *captured, *tree.leaves(ct))
        result = self.result_tree.unflatten(out)
        return result if isinstance(result, tuple) and len(result) == self.arguments else (result,)


def closure_convert(fun: Callable, *example_args: Any) -> tuple[Callable, list[Any]]:
    """A function that takes as arguments the traced values that `fun` captured, and these values.

    Parameters
    ----------
    fun
        A function of arrays and pytrees.
    *example_args
        Arguments of the kind with which it will be called.

    Returns
    -------
    converted, captured
        ``converted(*args, *captured)`` is ``fun(*args)``.

    Examples
    --------
    >>> converted, captured = closure_convert(lambda x: 2 * x, 1.0)
    >>> float(converted(3.0, *captured))
    6.0
    """
    require_callable(fun, "closure_convert")
    leaves, in_tree = tree.flatten(example_args)
    out_tree: Any = None

    def flat(*tracers: Any) -> list[Any]:
        nonlocal out_tree
        out, out_tree = flatten_result(fun(*in_tree.unflatten(tracers)), "closure_convert")
        return out

    closed, captured = hoist_tracers(record(flat, [aval_of(as_leaf(leaf)) for leaf in leaves], creations=False))

    def converted(*args: Any) -> Any:
        count = len(args) - len(captured)
        given, structure = tree.flatten(args[:count])
        if structure != in_tree:
            raise StructureError(f"the converted function expected arguments of structure {in_tree}, got {structure}")
        return out_tree.unflatten(eval_jaxpr(closed.jaxpr, closed.consts, *args[count:], *given))

    return converted, captured
