"""Calls of Python from inside traced code: `pure_callback`, `io_callback`, and what `functrace.debug` is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from .. import tree
from ..core.aval import Aval, aval_of, canonical_dtype, canonical_shape, describe
from ..core.primitive import Primitive
from ..core.trace import Tracer, current_recording, require_callable
from ..errors import ArgumentError, DifferentiationError, DtypeError, OptionError, ShapeError, StructureError
from ..lax.shape import batch_to_front, broadcast_to, expand_dims, move_axis, shape_of
from .arguments import as_leaf

_METHODS = ("sequential", "sequential_unrolled", "expand_dims", "broadcast_all", "legacy_vectorized")

# A callback of flat arguments, which gives a flat list of arrays.
Flat = Callable[..., list[Any]]


def pure_callback(
    callback: Callable,
    result_shape_dtypes: Any,
    *args: Any,
    sharding: None = None,
    vmap_method: str | None = None,
    **kwargs: Any,
) -> Any:
    """Call a Python function of arrays from inside traced code; it may be called often, once, or not at all.

    Parameters
    ----------
    callback
        A function of NumPy arrays without side effects.
    result_shape_dtypes
        What it gives: a pytree of `ShapeDtypeStruct` (or of arrays like the results).
    *args, **kwargs
        Its arguments: pytrees of arrays.
    sharding
        Accepted as JAX's, which has several devices; None.
    vmap_method
        How `vmap` calls it: ``"sequential"`` once for each example; ``"expand_dims"`` once for all, the batch as
        axis 0 of every argument, of extent 1 where it is the same for all examples; ``"broadcast_all"`` likewise,
        with the full extent; ``"legacy_vectorized"`` likewise, without the axis where it is the same for all.

    Returns
    -------
    pytree of arrays
        What the callback gives.

    Raises
    ------
    DifferentiationError
        It is differentiated: what it computes is not known. `functrace.custom_jvp` gives it a rule.
    StructureError, ShapeError, DtypeError
        The callback gives something else than it said.

    Examples
    --------
    >>> import functrace, math, numpy as np
    >>> @functrace.jit
    ... def f(x):
    ...     return pure_callback(lambda x: np.float64(math.gamma(x)), functrace.ShapeDtypeStruct((), float), x)
    >>> float(f(5.0))
    24.0
    """
    require_callable(callback, "pure_callback")
    if vmap_method is not None and vmap_method not in _METHODS:
        raise OptionError(f"pure_callback: vmap_method should be one of {_METHODS} or None, got {vmap_method!r}")
    operands, flat, avals, out_tree = _flattened(callback, result_shape_dtypes, args, kwargs, "pure_callback")
    out = pure_callback_p(*operands, callback=flat, avals=avals, vmap_method=vmap_method)
    return out_tree.unflatten(out)


def io_callback(
    callback: Callable,
    result_shape_dtypes: Any,
    *args: Any,
    sharding: None = None,
    ordered: bool = False,
    **kwargs: Any,
) -> Any:
    """Call a Python function with side effects from inside traced code: exactly once each time the program gets there.

    Parameters
    ----------
    callback
        A function of NumPy arrays.
    result_shape_dtypes
        What it gives: a pytree of `ShapeDtypeStruct` (or of arrays like the results); None for nothing.
    *args, **kwargs
        Its arguments: pytrees of arrays.
    sharding
        Accepted as JAX's, which has several devices; None.
    ordered
        Accepted as JAX's: calls always come in the order of the program. Under `vmap` they come example by example.

    Returns
    -------
    pytree of arrays
        What the callback gives.

    Raises
    ------
    DifferentiationError
        A result of floats is differentiated.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> seen = []
    >>> @functrace.jit
    ... def f(x):
    ...     io_callback(lambda x: seen.append(float(x)), None, x)
    ...     return 2 * x
    >>> float(f(3.0)), seen
    (6.0, [3.0])
    """
    require_callable(callback, "io_callback")
    operands, flat, avals, out_tree = _flattened(callback, result_shape_dtypes, args, kwargs, "io_callback")
    out = _bind_here(io_callback_p, operands, {"callback": flat, "avals": avals, "effect": True})
    return out_tree.unflatten(out)


def run_on_values(callback: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
    """Call a function with the values of these arguments, when they are there; what is no array it gets as it is.

    Under `vmap` it is called for each example; under derivatives with the primal values, on the way forward.
    """
    leaves, in_tree = tree.flatten((args, kwargs), is_leaf=lambda x: x is None)
    traced = [_is_numeric(leaf) for leaf in leaves]

    def flat(*values: Any) -> list[Any]:
        given = iter(values)
        arguments, keywords = in_tree.unflatten(
            [next(given) if is_traced else leaf for leaf, is_traced in zip(leaves_kept, traced, strict=True)]
        )
        callback(*arguments, **keywords)
        return []

    leaves_kept = [None if is_traced else leaf for leaf, is_traced in zip(leaves, traced, strict=True)]
    operands = [as_leaf(leaf) for leaf, is_traced in zip(leaves, traced, strict=True) if is_traced]
    _bind_here(debug_callback_p, operands, {"callback": flat, "effect": True})


def _bind_here(primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """Bind what has an effect: it belongs to the program that is being recorded, whatever its arguments belong to.

    In the body of a loop it runs in each step, also where its arguments are the same in all.
    """
    recorder = current_recording()
    if recorder is not None and all(arg._trace.level < recorder.level for arg in args if isinstance(arg, Tracer)):
        return recorder.process(primitive, tuple(args), params)
    return primitive(*args, **params)


def _is_numeric(leaf: Any) -> bool:
    try:
        aval_of(leaf)
    except DtypeError:
        return False
    return True


def _flattened(
    callback: Callable, result: Any, args: tuple, kwargs: dict[str, Any], name: str
) -> tuple[list[Any], Flat, tuple[Aval, ...], Any]:
    """The arguments as a flat list, the callback for such a list, what it gives, and the structure of that."""
    leaves, in_tree = tree.flatten((args, kwargs))
    described, out_tree = tree.flatten(result)
    for leaf in described:
        if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
            raise ArgumentError(
                f"{name}: result_shape_dtypes should be made of functrace.ShapeDtypeStruct, got {describe(leaf)}",
                instead="functrace.ShapeDtypeStruct(shape, dtype) for each result",
            )
    avals = tuple([Aval(canonical_shape(leaf.shape), canonical_dtype(leaf.dtype)) for leaf in described])
    label = getattr(callback, "__name__", type(callback).__name__)

    def flat(*values: Any) -> list[Any]:
        arguments, keywords = in_tree.unflatten([_kept(value) for value in values])
        results, structure = tree.flatten(callback(*arguments, **keywords))
        if structure != out_tree:
            raise StructureError(
                f"{name}: {label} should give a result of the structure in result_shape_dtypes, {out_tree}, got "
                f"{structure}"
            )
        return results

    flat.__name__ = label
    return [as_leaf(leaf) for leaf in leaves], flat, avals, out_tree


def _kept(value: Any) -> Any:
    """A value that the callback may keep: the memory of an array may be used again by what comes after."""
    return np.array(value) if isinstance(value, np.ndarray) else value


def _checked(callback: Flat, avals: Sequence[Aval], args: Sequence[Any], name: str) -> list[Any]:
    """What a callback gives, as new arrays of the shapes and dtypes that it said."""
    results = []
    label = getattr(callback, "__name__", "callback")
    for position, (value, aval) in enumerate(zip(callback(*args), avals, strict=True)):
        got = aval_of(value)
        if got.shape != aval.shape:
            raise ShapeError(
                f"{name}: result {position} of {label} should have shape {aval.shape}, got {got.shape}",
                instead="the shape that the callback gives, in result_shape_dtypes",
            )
        if got.dtype != aval.dtype and not (got.weak_type and np.can_cast(got.dtype, aval.dtype, "same_kind")):
            raise DtypeError(
                f"{name}: result {position} of {label} should have dtype {aval.dtype}, got {got.dtype}",
                instead=f"result.astype(numpy.{aval.dtype}), or the callback's dtype in result_shape_dtypes",
            )
        results.append(np.array(value, dtype=aval.dtype)[()])
    return results


def _batched(size: int, args: Sequence, dims: Sequence, callback: Flat) -> tuple[list[Any], Flat]:
    """Arguments with their batch in front, and the callback that goes through the batch."""
    in_batch = [dim is not None for dim in dims]

    def over_batch(*values: Any) -> list[Any]:
        examples = [
            callback(*[x[i] if batched else x for x, batched in zip(values, in_batch, strict=True)])
            for i in range(size)
        ]
        return [np.stack([np.asarray(x) for x in group]) for group in zip(*examples, strict=True)]

    over_batch.__name__ = getattr(callback, "__name__", "callback")
    return [x if dim is None else move_axis(x, dim, 0) for x, dim in zip(args, dims, strict=True)], over_batch


def _empty_batch(avals: Sequence[Aval]) -> Flat:
    return lambda *values: [np.empty(aval.shape, aval.dtype) for aval in avals]


# ---------------------------------------------------------------------------------------------------------------------
# the primitives
# ---------------------------------------------------------------------------------------------------------------------


def _no_derivative(name: str) -> NoReturn:
    raise DifferentiationError(
        f"{name} was differentiated: what the Python function computes is not known, and so neither is its derivative",
        instead="functrace.custom_jvp (or custom_vjp) on the function that calls it, with a rule; "
        "functrace.lax.stop_gradient on its arguments if no derivative should flow through it",
    )


def _pure_callback_jvp(primals: Sequence, tangents: Sequence, **params: Any) -> Any:
    if any(tangent is not None for tangent in tangents) and _differs(params["avals"]):
        _no_derivative("pure_callback")
    return pure_callback_p(*primals, **params), None


def _pure_callback_vjp_fwd(args: Sequence, wanted: Sequence[bool], **params: Any) -> Any:
    if any(wanted) and _differs(params["avals"]):
        _no_derivative("pure_callback")
    return pure_callback_p(*args, **params), ()


def _differs(avals: Sequence[Aval]) -> bool:
    return any(aval.dtype.kind in "fc" for aval in avals)


def _nothing_back(cts: Sequence, residuals: Any, args: Sequence, wanted: Sequence[bool], **params: Any) -> list[Any]:
    return [None] * len(args)


def _pure_callback_batch(
    size: int, args: Sequence, dims: Sequence, *, callback: Flat, avals: tuple[Aval, ...], vmap_method: str | None
) -> tuple[list[Any], list[int]]:
    if vmap_method is None:
        raise ArgumentError(
            "pure_callback was called under vmap, and how it takes a batch is not known",
            instead='vmap_method="sequential" for a function of one example; "expand_dims" or "broadcast_all" for one '
            "that takes batches",
        )
    batched = tuple([Aval((size, *aval.shape), aval.dtype) for aval in avals])
    if vmap_method.startswith("sequential"):
        args, callback = _batched(size, args, dims, callback)
        if not size:
            callback = _empty_batch(batched)
    elif vmap_method == "legacy_vectorized":
        args = [x if dim is None else move_axis(x, dim, 0) for x, dim in zip(args, dims, strict=True)]
    elif vmap_method == "expand_dims":
        args = [
            expand_dims(x, (0,)) if dim is None else move_axis(x, dim, 0) for x, dim in zip(args, dims, strict=True)
        ]
    else:
        args = [batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]
        args = [broadcast_to(x, (size, *shape_of(x)[1:])) for x in args]
    out = pure_callback_p(*args, callback=callback, avals=batched, vmap_method=vmap_method)
    return out, [0] * len(out)


pure_callback_p = Primitive(
    "pure_callback",
    lambda *args, callback, avals, vmap_method: _checked(callback, avals, args, "pure_callback"),
    lambda *operands, callback, avals, vmap_method: list(avals),
    value_and_jvp=_pure_callback_jvp,
    vjp_fwd=_pure_callback_vjp_fwd,
    vjp_bwd=_nothing_back,
    batch=_pure_callback_batch,
    creates=True,
    multiple_results=True,
)


def _io_callback_jvp(primals: Sequence, tangents: Sequence, **params: Any) -> Any:
    if any(tangent is not None for tangent in tangents) and _differs(params["avals"]):
        _no_derivative("io_callback")
    return io_callback_p(*primals, **params), None


def _io_callback_vjp_fwd(args: Sequence, wanted: Sequence[bool], **params: Any) -> Any:
    if any(wanted) and _differs(params["avals"]):
        _no_derivative("io_callback")
    return io_callback_p(*args, **params), ()


def _io_callback_batch(
    size: int, args: Sequence, dims: Sequence, *, callback: Flat, avals: tuple[Aval, ...], effect: bool
) -> tuple[list[Any], list[int]]:
    batched = tuple([Aval((size, *aval.shape), aval.dtype) for aval in avals])
    args, callback = _batched(size, args, dims, callback)
    if not size:
        callback = _empty_batch(batched)
    out = io_callback_p(*args, callback=callback, avals=batched, effect=effect)
    return out, [0] * len(out)


io_callback_p = Primitive(
    "io_callback",
    lambda *args, callback, avals, effect: _checked(callback, avals, args, "io_callback"),
    lambda *operands, callback, avals, effect: list(avals),
    value_and_jvp=_io_callback_jvp,
    vjp_fwd=_io_callback_vjp_fwd,
    vjp_bwd=_nothing_back,
    batch=_io_callback_batch,
    creates=True,
    multiple_results=True,
)


def _debug_callback_batch(
    size: int, args: Sequence, dims: Sequence, *, callback: Flat, effect: bool
) -> tuple[list[Any], list[int]]:
    args, callback = _batched(size, args, dims, callback)
    return debug_callback_p(*args, callback=callback, effect=effect), []


def _debug_callback_impl(*args: Any, callback: Flat, effect: bool) -> list[Any]:
    callback(*[_kept(x) for x in args])
    return []


debug_callback_p = Primitive(
    "debug_callback",
    _debug_callback_impl,
    lambda *operands, callback, effect: [],
    batch=_debug_callback_batch,
    creates=True,
    multiple_results=True,
)
