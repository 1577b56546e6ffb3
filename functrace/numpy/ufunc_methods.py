"""The methods of ufuncs on traced values: `np.add.reduce`, `np.maximum.accumulate`, `np.multiply.outer` …

The public functions have them too: `functrace.numpy.add.reduce`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype
from ..core.primitive import Primitive
from ..core.trace import Tracer
from ..lax.creation import full
from ..lax.cumulative import cummax_p, cummin_p, cumprod_p, cumsum_p
from ..lax.elementwise import logaddexp
from ..lax.elementwise import where as select
from ..lax.indexing import getitem
from ..lax.log_domain import cumlogsumexp, logsumexp
from ..lax.reduction import reduce_xor_p
from ..lax.shape import canonical_axis, concatenate, convert_element_type, expand_dims, reshape
from . import nan_reductions, reductions
from .dispatch import TRACED, as_array, call_traced, in_place, serve, static
from .reductions import axes_of, mask_of
from .ufuncs import FUNCTIONS

_NOT_GIVEN = np._NoValue


def _enter(ufunc: np.ufunc, method: str, traced: Callable) -> None:
    """Enter a method into the table, and give it to the public function."""
    key, original = (ufunc, method), getattr(ufunc, method)
    serve(key, traced)

    def function(*args: Any, **kwargs: Any) -> Any:
        for arg in (*args, *kwargs.values()):
            if isinstance(arg, Tracer):
                return call_traced(key, traced, args, kwargs)
        return original(*args, **kwargs)

    function.__name__, function.__qualname__ = method, f"{ufunc.__name__}.{method}"
    function.__module__ = "functrace.numpy"
    function.__doc__ = f"`numpy.{ufunc.__name__}.{method}`, which can be traced."
    setattr(FUNCTIONS[ufunc.__name__], method, function)


# ---------------------------------------------------------------------------------------------------------------------
# reduce
# ---------------------------------------------------------------------------------------------------------------------


def _reduce(reduction: Callable) -> Callable:
    """A ufunc's `reduce`, from ``reduction(array, axis, keepdims, **initial_and_where)``."""

    def reduce(
        array: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: None = None,
        keepdims: bool = False,
        initial: Any = _NOT_GIVEN,
        where: Any = True,
    ) -> Any:
        array = as_array(array)
        options: dict[str, Any] = {}
        if initial is not _NOT_GIVEN:
            options["initial"] = initial
        if where is not True:
            options["where"] = where
        if dtype is None:
            return reduction(array, axis, keepdims, **options)
        dtype = canonical_dtype(dtype)
        return convert_element_type(reduction(convert_element_type(array, dtype), axis, keepdims, **options), dtype)

    return reduce


def _logical(ufunc: np.ufunc, function: Callable, neutral: bool) -> Callable:
    def reduction(array: Any, axis: Any, keepdims: Any, *, initial: Any = neutral, where: Any = True) -> Any:
        result = function(array, axis, keepdims=keepdims, where=where)
        return result if initial is neutral else TRACED[ufunc](result, initial)

    return reduction


def _logical_xor(array: Any, axis: Any, keepdims: Any, *, initial: Any = False, where: Any = True) -> Any:
    given = array != 0
    if where is not True:
        given = given & mask_of(where, array.shape)
    result = reduce_xor_p(given, axes=axes_of(axis, len(array.shape)), keepdims=bool(keepdims))
    return result if initial is False else TRACED[np.logical_xor](result, initial)


def _logaddexp(array: Any, axis: Any, keepdims: Any, *, initial: Any = _NOT_GIVEN, where: Any = True) -> Any:
    if where is not True:
        array = select(mask_of(where, array.shape), array, array.dtype.type(-np.inf))
    result = logsumexp(array, axes_of(axis, len(array.shape)), bool(keepdims))
    return result if initial is _NOT_GIVEN else logaddexp(result, convert_element_type(initial, result.dtype))


def _by_halves(ufunc: np.ufunc) -> Callable:
    """The reduction by an associative and commutative ufunc: each half with the other, until one is left."""

    def reduction(array: Any, axis: Any, keepdims: Any, *, initial: Any = ufunc.identity, where: Any = True) -> Any:
        name, axes = ufunc.__name__, axes_of(axis, len(array.shape))
        if ufunc.identity is None and len(axes) > 1:
            raise ValueError(f"reduction operation '{name}' is not reorderable, so at most one axis may be specified")
        if where is not True:
            if initial is None:
                raise ValueError(
                    f"reduction operation '{name}' does not have an identity, so to use a where mask one has to "
                    "specify 'initial'"
                )
            neutral = initial if ufunc.identity is None else ufunc.identity
            array = select(mask_of(where, array.shape), array, np.asarray(neutral).astype(array.dtype))
        for along in reversed(axes):
            array = _halved(ufunc, array, along)
            if array.shape[along] == 0:
                if initial is None:
                    raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
                shape = [1 if a == along else extent for a, extent in enumerate(array.shape)]
                array = full(shape, np.asarray(initial).astype(array.dtype)[()])
            if not keepdims:
                array = reshape(array, [extent for a, extent in enumerate(array.shape) if a != along])
        if initial is None:
            return array
        return TRACED[ufunc](convert_element_type(initial, array.dtype), array)

    return reduction


def _halved(ufunc: np.ufunc, array: Any, axis: int) -> Any:
    def part(start: int, stop: int | None) -> Any:
        return getitem(array, (*[slice(None)] * axis, slice(start, stop)))

    while (extent := array.shape[axis]) > 1:
        half = extent // 2
        combined = TRACED[ufunc](part(0, half), part(half, 2 * half))
        array = concatenate([combined, part(2 * half, None)], axis) if extent % 2 else combined
    return array


_REDUCTIONS: dict[np.ufunc, Callable] = {
    np.add: lambda a, axis, keepdims, **options: reductions.sum(a, axis, None, None, keepdims, **options),
    np.multiply: lambda a, axis, keepdims, **options: reductions.prod(a, axis, None, None, keepdims, **options),
    np.maximum: lambda a, axis, keepdims, **options: reductions.max(a, axis, None, keepdims, **options),
    np.minimum: lambda a, axis, keepdims, **options: reductions.min(a, axis, None, keepdims, **options),
    np.fmax: lambda a, axis, keepdims, **options: nan_reductions.nanmax(a, axis, None, keepdims, **options),
    np.fmin: lambda a, axis, keepdims, **options: nan_reductions.nanmin(a, axis, None, keepdims, **options),
    np.logical_and: _logical(np.logical_and, reductions.all, True),
    np.logical_or: _logical(np.logical_or, reductions.any, False),
    np.logical_xor: _logical_xor,
    np.logaddexp: _logaddexp,
    **{
        ufunc: _by_halves(ufunc)
        for ufunc in (np.logaddexp2, np.hypot, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm)
    },
}

# ---------------------------------------------------------------------------------------------------------------------
# reduceat, accumulate, outer
# ---------------------------------------------------------------------------------------------------------------------


def _reduceat(ufunc: np.ufunc, reduce: Callable) -> Callable:
    def reduceat(array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: None = None) -> Any:
        array = as_array(array)
        along = canonical_axis(axis, len(array.shape))
        starts = np.asarray(
            static(
                indices, f"{ufunc.__name__}.reduceat", "indices", "functrace.numpy.cumsum, or indices that are known"
            )
        )
        parts = []
        for start, stop in zip(starts, [*starts[1:], array.shape[along]], strict=True):
            piece = slice(start, stop) if start < stop else slice(start, start + 1)
            part = getitem(array, (*[slice(None)] * along, piece))
            parts.append(reduce(part, along, dtype, None, True))
        return concatenate(parts, along)

    return reduceat


def _accumulate(running: Callable) -> Callable:
    """A ufunc's `accumulate`, from ``running(array, axis)``."""

    def accumulate(array: Any, axis: Any = 0, dtype: Any = None, out: None = None) -> Any:
        array = as_array(array)
        along = canonical_axis(axis, len(array.shape))
        if dtype is None:
            return running(array, along)
        dtype = canonical_dtype(dtype)
        return convert_element_type(running(convert_element_type(array, dtype), along), dtype)

    return accumulate


def _running(primitive: Primitive) -> Callable:
    return lambda array, axis: primitive(array, axis=axis, reverse=False)


_ACCUMULATIONS: dict[np.ufunc, Callable] = {
    np.add: _running(cumsum_p),
    np.multiply: _running(cumprod_p),
    np.maximum: _running(cummax_p),
    np.minimum: _running(cummin_p),
    np.logaddexp: lambda array, axis: cumlogsumexp(array, axis),
    np.logical_and: lambda array, axis: cummin_p(array != 0, axis=axis, reverse=False),
    np.logical_or: lambda array, axis: cummax_p(array != 0, axis=axis, reverse=False),
}


def _outer(ufunc: np.ufunc) -> Callable:
    def outer(A: Any, B: Any, /, *, dtype: Any = None, casting: Any = None, order: Any = None) -> Any:
        A, B = as_array(A), as_array(B)
        ndim = len(A.shape)
        return TRACED[ufunc](expand_dims(A, range(ndim, ndim + len(B.shape))), B, dtype=dtype)

    return outer


# ---------------------------------------------------------------------------------------------------------------------
# at
# ---------------------------------------------------------------------------------------------------------------------

_UPDATES: dict[Any, str] = {
    np.add: "add(values)",
    np.subtract: "subtract(values)",
    np.multiply: "multiply(values)",
    np.divide: "divide(values)",
    np.power: "power(values)",
    np.maximum: "max(values)",
    np.minimum: "min(values)",
}

for _ufunc, _reduction in _REDUCTIONS.items():
    _traced = _reduce(_reduction)
    _enter(_ufunc, "reduce", _traced)
    _enter(_ufunc, "reduceat", _reduceat(_ufunc, _traced))
for _ufunc, _operation in _ACCUMULATIONS.items():
    _enter(_ufunc, "accumulate", _accumulate(_operation))
for _ufunc in [_key for _key in TRACED if isinstance(_key, np.ufunc)]:
    if _ufunc.nin == 2 and _ufunc.nout == 1 and _ufunc.signature is None:
        _enter(_ufunc, "outer", _outer(_ufunc))
    in_place((_ufunc, "at"), f"x = x.at[indices].{_UPDATES.get(_ufunc, 'set(...)')}")
    _enter(_ufunc, "at", TRACED[_ufunc, "at"])
