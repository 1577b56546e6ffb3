"""Derivatives as functions: `grad`, `value_and_grad`, `vjp`, `jvp`, `linearize`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import aval_of, describe, float0, short_dtype
from ..core.jaxpr import eval_jaxpr
from ..core.recording import record
from ..core.trace import require_callable
from ..errors import ArgumentError, DtypeError, OptionError, ShapeError, StructureError
from ..lax.shape import convert_element_type
from .arguments import as_leaf, as_leaves, check_match, flatten_result, fresh, leaf_names, own, split_aux
from .jvp import run_jvp, unpack
from .vjp import VJPTracer, backward, keep_captured, trace_vjp


def grad(
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable:
    """The gradient of a scalar function.

    Parameters
    ----------
    fun
        A function of arrays and pytrees that returns a scalar (or, with `has_aux`, a scalar and anything else).
    argnums
        The position of the argument to differentiate by, or several; the arguments may be pytrees.
    has_aux
        Whether `fun` returns a pair of which only the first is differentiated.
    holomorphic
        Whether `fun` is a holomorphic function of complex arguments.
    allow_int
        Whether integer arguments are allowed; their gradients have dtype `float0`.

    Returns
    -------
    callable
        Takes what `fun` takes; gives the gradient, of the structure, shapes and dtypes of the argument (a tuple of
        gradients for several `argnums`), with `has_aux` a pair of it and the rest. By a complex argument z = x + iy
        the gradient of a real function is ∂f/∂x - i ∂f/∂y, as in JAX.

    Raises
    ------
    ShapeError
        The result is no scalar.
    DtypeError
        An argument is not of floats, or the result is complex.

    Notes
    -----
    An array that `fun` uses and was not given is a constant as of its use. Without `jit` one of more than 64 KiB is
    not copied: `fun` must not change it in place afterwards.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> float(functrace.grad(lambda x: x**3)(2.0))
    12.0
    """
    value_and_gradient = _value_and_gradient(fun, argnums, has_aux, holomorphic, allow_int, "grad")

    @wraps(fun)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, gradients = value_and_gradient(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return gradient


def value_and_grad(
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable:
    """A scalar function's value and gradient, from one run.

    Parameters and errors are those of `grad`.

    Returns
    -------
    callable
        Gives (value, gradient), with `has_aux` ((value, rest), gradient).

    Examples
    --------
    >>> import functrace
    >>> value, slope = functrace.value_and_grad(lambda x: x * x)(3.0)
    >>> float(value), float(slope)
    (9.0, 6.0)
    """
    return wraps(fun)(_value_and_gradient(fun, argnums, has_aux, holomorphic, allow_int, "value_and_grad"))


def _value_and_gradient(
    fun: Callable, argnums: int | Sequence[int], has_aux: bool, holomorphic: bool, allow_int: bool, name: str
) -> Callable:
    """`value_and_grad` for both of them; `name` is the one that errors speak of."""
    require_callable(fun, name)
    several = isinstance(argnums, Iterable)
    first = argnums.__class__ is int and argnums == 0
    numbers: tuple[int, ...] = tuple(argnums) if isinstance(argnums, Iterable) else (argnums,)

    recent: Any = None  # the structure of the last call, which the next one likely has too

    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        positions = (0,) if first and args else _positions(numbers, len(args), name)
        chosen = tuple([args[i] for i in positions]) if several else args[positions[0]]
        nonlocal recent
        treedef = recent
        given = None if treedef is None else treedef.flatten_same(chosen)
        if given is None or treedef is None:
            given, treedef = tree.flatten(chosen)
            recent = treedef
        leaves = [
            leaf
            if leaf.__class__ is np.ndarray and leaf.dtype.char in "fd" and not holomorphic and leaf.dtype.isnative
            else _check_input(leaf, position, chosen, holomorphic, allow_int, name)
            for position, leaf in enumerate(given)
        ]

        def flat(*tracers: Any) -> Any:
            replaced = treedef.unflatten(tracers)
            if not several:
                position = positions[0]
                return fun(*args[:position], replaced, *args[position + 1 :], **kwargs)
            arguments = list(args)
            for i, argument in zip(positions, replaced, strict=True):
                arguments[i] = argument
            return fun(*arguments, **kwargs)

        out, trace, notes = trace_vjp(flat, leaves)
        aux = None
        if has_aux:
            out, aux = split_aux(out, name)
        traced = out.__class__ is VJPTracer and out._trace is trace
        value = out.value if traced else out
        if value.__class__ is np.float64 and not holomorphic:
            one = _ONE
        else:
            one = _check_output(value, holomorphic, name).dtype.type(1)
        if traced:
            cotangents: list[Any] = [None] * len(notes)
            cotangents[out.position] = one
            parts = backward(notes, cotangents, len(leaves), release=True)
        else:
            parts = [None] * len(leaves)
        gradients = own([_gradient(part, leaf) for part, leaf in zip(parts, leaves, strict=True)], leaves)
        if value.__class__ is not np.float64:
            value = fresh(value)
        result = treedef.unflatten(gradients)
        if has_aux:
            return (value, _release(aux, trace)), result
        return value, result

    return value_and_gradient


_ONE = np.float64(1)


def _positions(numbers: Sequence[int], count: int, name: str) -> list[int]:
    positions = []
    for number in numbers:
        if not isinstance(number, (int, np.integer)):
            raise OptionError(f"{name}: argnums should be an int or a sequence of ints, got {number!r}")
        if not -count <= number < count:
            raise OptionError(
                f"{name}: argnums={number}, but the function was called with {count} positional arguments",
                instead="pass the arguments to differentiate by as positional ones",
            )
        positions.append(int(number) % count)
    if len(set(positions)) != len(positions):
        raise OptionError(f"{name}: argnums={tuple(numbers)} names an argument twice", instead="each argument once")
    return positions


def _check_input(leaf: Any, position: int, chosen: Any, holomorphic: bool, allow_int: bool, name: str) -> Any:
    """The leaf as the transform takes it, or the error that says why it does not."""
    leaf = as_leaf(leaf)
    kind = aval_of(leaf).dtype.kind
    if holomorphic and kind != "c":
        raise DtypeError(
            f"{name} with holomorphic=True expected complex arguments, got {describe(leaf)} at "
            f"{leaf_names('argument', chosen)[position]}",
            instead="pass x.astype(complex), or leave holomorphic out",
        )
    if kind not in "fc" and not allow_int:
        raise DtypeError(
            f"{name} expected arguments of floats to differentiate by, got {describe(leaf)} at "
            f"{leaf_names('argument', chosen)[position]}",
            instead="pass a float (2.0, x.astype(float)), choose other argnums, or allow_int=True",
        )
    return leaf


def _check_output(value: Any, holomorphic: bool, name: str) -> Any:
    try:
        aval = aval_of(value)
    except DtypeError:
        raise ArgumentError(
            f"{name} expected the function to return a scalar, got {describe(value)}",
            instead="return one number; with has_aux=True a pair of it and the rest",
        ) from None
    if aval.shape != ():
        raise ShapeError(
            f"{name} expected the function to return a scalar, got an array of shape {aval.shape}",
            instead="sum or average it, or functrace.jacobian for a function that returns an array",
        )
    if holomorphic:
        if aval.dtype.kind != "c":
            raise DtypeError(f"{name} with holomorphic=True expected a complex result, got {short_dtype(aval.dtype)}")
    elif aval.dtype.kind == "c":
        raise DtypeError(
            f"{name} expected a real result, got {short_dtype(aval.dtype)}",
            instead="return z.real or abs(z); holomorphic=True for a holomorphic function",
        )
    elif aval.dtype.kind != "f":
        raise DtypeError(
            f"{name} expected the function to return a float, got {short_dtype(aval.dtype)}",
            instead="a result of integers or booleans has no gradient; return a float",
        )
    return aval


def _gradient(part: Any, leaf: Any) -> Any:
    """A leaf's gradient: zeros where nothing flows, in the leaf's dtype."""
    if part is None:
        return _zero(leaf)
    if part.__class__ is np.ndarray and leaf.__class__ is np.ndarray and part.dtype == leaf.dtype:
        return part
    aval = aval_of(leaf)
    if aval_of(part).dtype != aval.dtype:
        return convert_element_type(part, aval.dtype)
    return part


def _zero(leaf: Any) -> Any:
    aval = aval_of(leaf)
    if aval.dtype.kind not in "fc":
        return np.zeros(aval.shape, float0)
    return np.zeros(aval.shape, aval.dtype) if aval.shape else aval.dtype.type(0)


def _release(result: Any, trace: Any) -> Any:
    """A pytree with this trace's tracers replaced by their values, in memory of their own."""

    def value_of(leaf: Any) -> Any:
        if leaf.__class__ is VJPTracer and leaf._trace is trace:
            leaf = leaf.value
        return fresh(leaf)

    return tree.map(value_of, result)


def vjp(fun: Callable, *primals: Any, has_aux: bool = False) -> Any:
    """A function's value, and the function that takes cotangents of the result to cotangents of the arguments.

    Parameters
    ----------
    fun
        A function of arrays and pytrees.
    *primals
        Its arguments.
    has_aux
        Whether `fun` returns a pair of which only the first is differentiated.

    Returns
    -------
    out, vjp_fun
        The value, and a function of a cotangent (of the structure of `out`) that gives a tuple of the arguments'
        cotangents; it may be called any number of times. With `has_aux`, the rest comes third.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> out, pullback = functrace.vjp(np.multiply, 2.0, 3.0)
    >>> [float(ct) for ct in pullback(1.0)]
    [3.0, 2.0]
    """
    require_callable(fun, "vjp")
    leaves, treedef = tree.flatten(primals)
    leaves = [fresh(as_leaf(leaf)) for leaf in leaves]  # what the way back needs must not change in between
    out, trace, notes = trace_vjp(lambda *tracers: fun(*treedef.unflatten(tracers)), leaves)
    keep_captured(notes)
    aux = None
    if has_aux:
        out, aux = split_aux(out, "vjp")
    out_leaves, out_tree = flatten_result(out, "vjp")
    targets = [x.position if x.__class__ is VJPTracer and x._trace is trace else -1 for x in out_leaves]
    values = [x.value if target >= 0 else x for x, target in zip(out_leaves, targets, strict=True)]
    avals = [aval_of(value) for value in values]
    result = out_tree.unflatten([fresh(value) for value in values])

    def vjp_fun(cotangent: Any) -> tuple:
        """The arguments' cotangents for a cotangent of the result."""
        given, structure = tree.flatten(cotangent)
        if structure != out_tree:
            raise StructureError(
                f"the cotangent should have the structure of the function's result, {out_tree}, got {structure}"
            )
        given = as_leaves(given)
        check_match("cotangent", given, avals, leaf_names("result", result), "vjp")
        cotangents: list[Any] = [None] * len(notes)
        for ct, target, aval in zip(given, targets, avals, strict=True):
            if target >= 0 and aval.dtype.kind in "fc":
                ct = convert_element_type(ct, aval.dtype)
                held = cotangents[target]
                cotangents[target] = ct if held is None else held + ct
        parts = backward(notes, cotangents, len(leaves))
        gradients = [_gradient(part, leaf) for part, leaf in zip(parts, leaves, strict=True)]
        return treedef.unflatten(own(gradients, [*leaves, *given]))

    if has_aux:
        return result, vjp_fun, _release(aux, trace)
    return result, vjp_fun


def jvp(fun: Callable, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """A function's value and its derivative in a direction, in one run forward that holds no tape.

    Parameters
    ----------
    fun
        A function of arrays and pytrees.
    primals
        Its arguments, a tuple or list.
    tangents
        The direction: of the structure, shapes and dtypes of `primals`; `float0` zeros for integer arguments.
    has_aux
        Whether `fun` returns a pair of which only the first is differentiated.

    Returns
    -------
    out, tangent
        The value and the directional derivative; with `has_aux`, the rest comes third.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        The tangents do not match the primals.

    Examples
    --------
    >>> import functrace
    >>> [float(x) for x in functrace.jvp(lambda x: x * x, (3.0,), (1.0,))]
    [9.0, 6.0]
    """
    require_callable(fun, "jvp")
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, (tuple, list)):
            raise ArgumentError(
                f"jvp expected {name} as a tuple or list with one entry an argument, got {type(value).__name__}",
                instead="jvp(f, (x,), (t,))",
            )
    leaves, treedef = tree.flatten(tuple(primals))
    directions, structure = tree.flatten(tuple(tangents))
    if structure != treedef:
        raise StructureError(f"jvp: the tangents should have the structure of the primals, {treedef}, got {structure}")
    leaves, directions = as_leaves(leaves), [_as_tangent(t) for t in directions]
    avals = [aval_of(leaf) for leaf in leaves]
    check_match("tangent", directions, avals, leaf_names("primals", tuple(primals)), "jvp")
    directions = [
        convert_element_type(t, aval.dtype) if aval.dtype.kind in "fc" else None
        for t, aval in zip(directions, avals, strict=True)
    ]
    out, trace = run_jvp(lambda *tracers: fun(*treedef.unflatten(tracers)), leaves, directions)
    aux = None
    if has_aux:
        out, aux = split_aux(out, "jvp")
    out_leaves, out_tree = flatten_result(out, "jvp")
    pairs = [unpack(trace, leaf) for leaf in out_leaves]
    results = own(
        [fresh(value) if tangent is None else value for value, tangent in pairs]
        + [_zero(value) if tangent is None else tangent for value, tangent in pairs],
        [*leaves, *directions],
    )
    value, tangent = out_tree.unflatten(results[: len(pairs)]), out_tree.unflatten(results[len(pairs) :])
    if has_aux:
        return value, tangent, tree.map(lambda leaf: fresh(unpack(trace, leaf)[0]), aux)
    return value, tangent


def _as_tangent(value: Any) -> Any:
    return value if getattr(value, "dtype", None) == float0 else as_leaf(value)


def linearize(fun: Callable, *primals: Any, has_aux: bool = False) -> Any:
    """A function's value, and its derivative at that place as a linear function of a direction.

    The value is computed once; each call of the linear function costs only what depends on the direction.

    Parameters
    ----------
    fun
        A function of arrays and pytrees.
    *primals
        Its arguments.
    has_aux
        Whether `fun` returns a pair of which only the first is differentiated.

    Returns
    -------
    out, f_jvp
        The value, and a function of tangents (one an argument) that gives the result's tangent; with `has_aux`, the
        rest comes third.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> out, slope = functrace.linearize(np.exp, 0.0)
    >>> float(out), float(slope(2.0))
    (1.0, 2.0)
    """
    require_callable(fun, "linearize")
    leaves, treedef = tree.flatten(primals)
    leaves = [fresh(as_leaf(leaf)) for leaf in leaves]
    avals = [aval_of(leaf) for leaf in leaves]
    inexact = [aval.dtype.kind in "fc" for aval in avals]
    kept: dict[str, Any] = {}

    def tangents_of_result(*tangents: Any) -> list[Any]:
        given = iter(tangents)
        directions = [next(given) if follows else None for follows in inexact]
        out, trace = run_jvp(lambda *tracers: fun(*treedef.unflatten(tracers)), leaves, directions)
        kept["aux"] = None
        if has_aux:
            out, aux = split_aux(out, "linearize")
            kept["aux"] = tree.map(lambda leaf: fresh(unpack(trace, leaf)[0]), aux)
        out_leaves, kept["tree"] = flatten_result(out, "linearize")
        pairs = [unpack(trace, leaf) for leaf in out_leaves]
        kept["values"] = [fresh(value) for value, _ in pairs]
        kept["follows"] = [tangent is not None for _, tangent in pairs]
        return [tangent for _, tangent in pairs if tangent is not None]

    tangent_avals = [aval.strong() for aval, follows in zip(avals, inexact, strict=True) if follows]
    closed = record(tangents_of_result, tangent_avals, creations=False)
    out_tree = kept["tree"]
    result = out_tree.unflatten(kept["values"])
    zeros = [aval_of(value) for value in kept["values"]]

    def f_jvp(*tangents: Any) -> Any:
        """The result's tangent for tangents of the arguments."""
        directions, structure = tree.flatten(tangents)
        if structure != treedef:
            raise StructureError(
                f"linearize: the tangents should have the structure of the primals, {treedef}, got {structure}"
            )
        directions = [_as_tangent(t) for t in directions]
        check_match("tangent", directions, avals, leaf_names("primals", primals), "linearize")
        used = [
            convert_element_type(t, aval.dtype)
            for t, aval, follows in zip(directions, avals, inexact, strict=True)
            if follows
        ]
        parts = iter(eval_jaxpr(closed.jaxpr, closed.consts, *used))
        out = [
            next(parts) if follows else np.zeros(aval.shape, aval.dtype if aval.dtype.kind in "fc" else float0)
            for aval, follows in zip(zeros, kept["follows"], strict=True)
        ]
        return out_tree.unflatten(own(out, [*used, *closed.consts]))

    if has_aux:
        return result, f_jvp, kept["aux"]
    return result, f_jvp
