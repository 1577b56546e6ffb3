"""Reductions over windows that slide over an array: sums, maxima, minima, and any function of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from ..compiler.runtime import in_blocks
from ..core.aval import Aval, Shape, canonical_shape
from ..core.primitive import Primitive
from ..core.trace import concrete_or_none
from ..errors import ShapeError
from .computations import Computation, computation_on, identity_of
from .elementwise import max_, min_
from .indexing import getitem
from .shape import batch_to_front, broadcast_to, dtype_of, pad, shape_of
from .windows import Padding, all_phases, dilated, exact_padding, pads_of, phases, positive_ints, window_count


def reduce_window(
    operand: Any,
    init_value: Any,
    computation: Callable,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """Reduce each window of an array to one element: pooling, in any number of dimensions.

    Parameters
    ----------
    operand
        An array, or a pytree of arrays of one shape.
    init_value
        A scalar with which each reduction starts and which stands where a window reaches out of the array; for a
        pytree one for each leaf.
    computation
        A function of two scalars (of two pytrees of scalars) that makes one of them. Of sums, maxima and minima that
        start with what changes nothing (0, the smallest, the largest number) all is fast.
    window_dimensions
        The extent of a window along each axis.
    window_strides
        By how much windows slide along each axis; by default 1.
    padding
        ``"VALID"``, ``"SAME"``, ``"SAME_LOWER"``, or for each axis how many elements to put in front and behind; a
        negative number cuts off.
    base_dilation, window_dilation
        For each axis one more than the number of holes between two elements of the array and of a window; by default 1.

    Returns
    -------
    array
        An element for each window. The gradient of a maximum goes to the first of several in a window, in C order.

    Raises
    ------
    ShapeError
        A window dimension, stride or dilation is missing, or the padding cuts off more than there is.
    DtypeError
        `init_value`, or what `computation` gives, is of another dtype than the array.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import lax
    >>> x = np.array([[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 8.0, 6.0]])
    >>> reduce_window(x, -np.inf, lax.max, (2, 2), (2, 2))
    array([[5., 8.]])
    """
    made, operands, starts = computation_on("reduce_window", operand, init_value, computation)
    shape = shape_of(operands[0])
    params = _params("reduce_window", shape, window_dimensions, window_strides, padding, base_dilation, window_dilation)
    primitive = _PRIMITIVES.get(made.primitive or "")
    if primitive is not None:
        out = _by_primitive(primitive, operands[0], starts[0], params)
        if out is not None:
            return made.structure.unflatten([out])
    return made.structure.unflatten(_by_elements(made, operands, starts, params))


def reduce_window_shape_tuple(
    operand_shape: Sequence[int],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None,
    padding: str | Sequence[tuple[int, int]],
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """The shape of a reduction of windows.

    Parameters
    ----------
    operand_shape
        The shape of the array.
    window_dimensions, window_strides, padding, base_dilation, window_dilation
        As for `reduce_window`.

    Examples
    --------
    >>> reduce_window_shape_tuple((28, 28), (2, 2), (2, 2), "VALID")
    (14, 14)
    """
    shape = canonical_shape(operand_shape)
    what = "reduce_window_shape_tuple"
    params = _params(what, shape, window_dimensions, window_strides, padding, base_dilation, window_dilation)
    return _window_counts(shape, **params)


_Params = dict[str, Any]


def _params(
    what: str, shape: Shape, window: Any, strides: Any, padding: Any, base_dilation: Any, window_dilation: Any
) -> _Params:
    rank = len(shape)
    window = positive_ints(what, "window_dimensions", window, rank)
    strides = positive_ints(what, "window_strides", strides, rank)
    base_dilation = positive_ints(what, "base_dilation", base_dilation, rank)
    window_dilation = positive_ints(what, "window_dilation", window_dilation, rank)
    extents = [dilated(extent, dilation) for extent, dilation in zip(shape, base_dilation, strict=True)]
    windows = [dilated(extent, dilation) for extent, dilation in zip(window, window_dilation, strict=True)]
    return {
        "window_dimensions": window,
        "window_strides": strides,
        "padding": pads_of(what, padding, extents, windows, strides),
        "base_dilation": base_dilation,
        "window_dilation": window_dilation,
    }


@lru_cache(maxsize=4096)
def _window_counts(
    shape: Shape,
    *,
    window_dimensions: tuple[int, ...],
    window_strides: tuple[int, ...],
    padding: Padding,
    base_dilation: tuple[int, ...],
    window_dilation: tuple[int, ...],
) -> Shape:
    """How many windows there are along each axis."""
    counts = []
    for extent, window, stride, pads, base, dilation in zip(
        shape, window_dimensions, window_strides, padding, base_dilation, window_dilation, strict=True
    ):
        counts.append(window_count(dilated(extent, base), dilated(window, dilation), stride, pads))
    return tuple(counts)


def _by_primitive(primitive: Primitive, operand: Any, start: Any, params: _Params) -> Any:
    """The reduction by its own primitive; None where it starts with what cannot be put in afterwards."""
    value = concrete_or_none(start)
    if value is not None and value == identity_of(_OPERATIONS[primitive.name], dtype_of(operand)):
        return primitive(operand, **params)
    if primitive is reduce_window_sum_p:  # it counts once for each element of padding
        return None
    return (max_ if primitive is reduce_window_max_p else min_)(primitive(operand, **params), start)


def _by_elements(made: Computation, operands: Sequence[Any], starts: Sequence[Any], params: _Params) -> list[Any]:
    """The reduction by the computation itself, on all windows at once, an element of the window after the other."""
    counts = _window_counts(shape_of(operands[0]), **params)
    config = [
        (low, high, dilation - 1)
        for (low, high), dilation in zip(params["padding"], params["base_dilation"], strict=True)
    ]
    padded = [pad(x, start, config) for x, start in zip(operands, starts, strict=True)]
    total = [broadcast_to(start, counts) for start in starts]
    for element in np.ndindex(*params["window_dimensions"]):
        met = tuple(
            [
                slice(k * dilation, k * dilation + (count - 1) * stride + 1, stride) if count else slice(0, 0)
                for k, dilation, count, stride in zip(
                    element, params["window_dilation"], counts, params["window_strides"], strict=True
                )
            ]
        )
        total = made.of_arrays(total, [getitem(x, met) for x in padded])
    return total


# ---------------------------------------------------------------------------------------------------------------------
# value: an axis after the other
# ---------------------------------------------------------------------------------------------------------------------

_UFUNCS = {"reduce_window_sum": np.add, "reduce_window_max": np.maximum, "reduce_window_min": np.minimum}
_CHUNK_BYTES = 1 << 20  # of the array: what one axis leaves is in the cache when the next comes
_THREADED_BYTES = 1 << 22  # of an array that is worth a second thread


def _reduced(name: str, x: Any, params: _Params) -> Any:
    x = np.asarray(x)
    out = np.empty(_window_counts(x.shape, **params), x.dtype)
    axes = [
        (axis, extent, count, *windows)
        for axis, (extent, count, *windows) in enumerate(
            zip(x.shape, out.shape, *[params[key] for key in _NO_WINDOWS], strict=True)
        )
        if tuple(windows) != tuple(_NO_WINDOWS.values())
    ]
    if axes:
        _by_rows(lambda rows: _reduce_axes(name, x[rows], out[rows], axes), x, params)
    else:
        out[...] = x
    return out if out.ndim else out[()]


#: The parameters along an axis in which each element is a window.
_NO_WINDOWS: dict[str, Any] = {
    "window_dimensions": 1,
    "window_strides": 1,
    "padding": (0, 0),
    "base_dilation": 1,
    "window_dilation": 1,
}


def _by_rows(run: Callable[[Any], None], x: np.ndarray, params: _Params) -> None:
    """Run on all rows of the first axis; where no window meets two of them in pieces that stay in the cache."""
    if not x.ndim or any(params[key][0] != plain for key, plain in _NO_WINDOWS.items()) or x.nbytes <= _CHUNK_BYTES:
        run(...)
        return
    rows = max(_CHUNK_BYTES * len(x) // x.nbytes, 1)

    def in_pieces(start: int, stop: int) -> None:
        for first in range(start, stop, rows):
            run(slice(first, min(first + rows, stop)))

    in_blocks(in_pieces, len(x), rows if x.nbytes > _THREADED_BYTES else len(x))


def _reduce_axes(name: str, x: np.ndarray, out: np.ndarray, axes: Sequence[tuple]) -> None:
    for axis, extent, count, window, stride, (low, _), base_dilation, window_dilation in axes:
        shape = list(x.shape)
        shape[axis] = count
        last = axis == axes[-1][0]
        reduced = out if last else np.empty(shape, x.dtype)
        lead = (slice(None),) * axis
        for phase in phases(extent, window, count, stride, low, base_dilation, window_dilation):
            met = [phase.sweep.met(k) for k in range(phase.sweep.window)]
            parts = [((*lead, windows), x[(*lead, elements)]) for windows, elements in met if windows != slice(0, 0)]
            _combine(name, reduced[(*lead, phase.windows)], parts)
        x = reduced


def _combine(name: str, out: np.ndarray, parts: Sequence[tuple[tuple[slice, ...], np.ndarray]]) -> None:
    """Reduce parts, each of which stands for some windows, into `out`."""
    ufunc = _UFUNCS[name]
    whole = [part for _, part in parts if part.shape == out.shape]
    if len(whole) > 1:
        ufunc(whole[0], whole[1], out=out)
    elif whole:
        out[...] = whole[0]
    else:
        out[...] = identity_of(_OPERATIONS[name], out.dtype)
    for part in whole[2:]:
        ufunc(out, part, out=out)
    for place, part in parts:
        if part.shape != out.shape:
            ufunc(out[place], part, out=out[place])


def _window_batch(params: _Params, dim: int) -> _Params:
    """The parameters for an array that has one axis more, in which there are no windows."""
    return {
        name: (*value[:dim], _NO_WINDOWS[name], *value[dim:]) if name in _NO_WINDOWS else value
        for name, value in params.items()
    }


# ---------------------------------------------------------------------------------------------------------------------
# the sum: linear
# ---------------------------------------------------------------------------------------------------------------------


def _sum_transpose(
    ct: Any,
    x: Any,
    *,
    window_dimensions: tuple[int, ...],
    window_strides: tuple[int, ...],
    padding: Padding,
    base_dilation: tuple[int, ...],
    window_dilation: tuple[int, ...],
) -> Any:
    """Each element has the sum over the windows that meet it: with strides and holes exchanged."""
    windows = [dilated(extent, d) for extent, d in zip(window_dimensions, window_dilation, strict=True)]
    held = [dilated(count, stride) for count, stride in zip(shape_of(ct), window_strides, strict=True)]
    lows = [window - 1 - low for window, (low, _) in zip(windows, padding, strict=True)]
    return reduce_window_sum_p(
        ct,
        window_dimensions=window_dimensions,
        window_strides=base_dilation,
        padding=exact_padding(lows, held, windows, base_dilation, shape_of(x)),
        base_dilation=window_strides,
        window_dilation=window_dilation,
    )


def _batch(primitive: Primitive) -> Callable:
    def batch(size: int, args: Sequence, dims: Sequence, **params: Any) -> tuple[Any, int]:
        return primitive(args[0], **_window_batch(params, dims[0])), dims[0]

    return batch


def _abstract(x: Aval, **params: Any) -> Aval:
    return Aval(_window_counts(x.shape, **params), x.dtype)


reduce_window_sum_p: Primitive = Primitive(
    "reduce_window_sum",
    lambda x, **params: _reduced("reduce_window_sum", x, params),
    _abstract,
    transpose=_sum_transpose,
)
reduce_window_sum_p.batch = _batch(reduce_window_sum_p)

# ---------------------------------------------------------------------------------------------------------------------
# the maximum and the minimum: what is selected is linear in what it is selected of
# ---------------------------------------------------------------------------------------------------------------------


def _extremum(name: str) -> Primitive:
    def jvp(primals: Sequence, tangents: Sequence, out: Any, **params: Any) -> Any:
        if tangents[0] is None:
            return None
        return select_and_gather_add_p(tangents[0], primals[0], select=name, **params)

    primitive = Primitive(
        name,
        lambda x, **params: _reduced(name, x, params),
        _abstract,
        jvp=jvp,
        vjp=(lambda ct, out, x, **params: select_and_scatter_add_p(ct, x, select=name, **params),),
    )
    primitive.batch = _batch(primitive)
    return primitive


def _selections(name: str, x: np.ndarray, params: _Params) -> Any:
    """For each element of a window: the windows that have it, the elements of `x`, and where they are the selected.

    Selected is the first in a window that is its extremum. Where there is none, since there is a NaN, it is the first
    NaN, in a second round; with each selection goes whether it is of that.
    """
    best = _reduced(name, x, params)
    free = np.ones(best.shape, np.bool_)  # the windows of which none has been selected yet
    rounds: list[Callable] = [np.equal, lambda part, _: part != part]
    for again, is_best in enumerate(rounds):
        for windows, elements in _meetings(x.shape, best.shape, **params):
            chosen = is_best(x[elements], best[windows])
            open_ones = free[(..., *windows)]  # with the dots a view also where there is no axis
            chosen &= open_ones
            open_ones ^= chosen
            yield windows, elements, chosen, again
        if x.dtype.kind not in "fc" or not free.any():
            return


@lru_cache(maxsize=256)
def _meetings(
    shape: Shape,
    counts: Shape,
    *,
    window_dimensions: tuple[int, ...],
    window_strides: tuple[int, ...],
    padding: Padding,
    base_dilation: tuple[int, ...],
    window_dilation: tuple[int, ...],
) -> list[tuple[Any, Any]]:
    """For each element of a window the windows whose element it is and that element, in C order."""
    lows = tuple([low for low, _ in padding])
    found = []
    for axes in all_phases(shape, window_dimensions, counts, window_strides, lows, base_dilation, window_dilation):
        for element in product(*[range(phase.sweep.window) for phase in axes]):
            met = [phase.sweep.met(k) for phase, k in zip(axes, element, strict=True)]
            if all(elements != slice(0, 0) for _, elements in met):
                windows = [_within(phase.windows, windows) for phase, (windows, _) in zip(axes, met, strict=True)]
                found.append((tuple(windows), tuple([elements for _, elements in met])))
    return found


def _within(outer: slice, inner: slice) -> slice:
    """The slice of a slice: `outer` takes every step-th from its start on."""
    start, step = outer.start or 0, outer.step or 1
    return slice(start + inner.start * step, start + (inner.stop - 1) * step + 1, step)


def _gather_impl(tangents: Any, x: Any, *, select: str, **params: Any) -> Any:
    tangents, x = np.asarray(tangents), np.asarray(x)
    out = np.zeros(_window_counts(x.shape, **params), tangents.dtype)

    def run(rows: Any) -> None:
        given, total = tangents[rows], out[rows]
        for windows, elements, chosen, _ in _selections(select, x[rows], params):
            total[windows] = np.where(chosen, given[elements], total[windows])

    _by_rows(run, x, params)
    return out if out.ndim else out[()]


def _scatter_impl(source: Any, x: Any, *, select: str, **params: Any) -> Any:
    source, x = np.asarray(source), np.asarray(x)
    out = np.zeros(x.shape, source.dtype)
    # Where no element is in two windows, it is set: to the bits of its number, multiplied by 1 or by 0, which takes a
    # third of the time of a choice and an addition.
    bits = _BITS.get(source.itemsize) if _are_apart(params) else None

    def run(rows: Any) -> None:
        given, total = source[rows], out[rows]
        if bits is not None:
            given, total = given.view(bits), total.view(bits)
        zero = given.dtype.type(0)
        for windows, elements, chosen, again in _selections(select, x[rows], params):
            part = total[(..., *elements)]
            if bits is not None and not again:
                np.multiply(given[windows], chosen, out=part)
            else:
                part += np.where(chosen, given[windows], zero)

    _by_rows(run, x, params)
    return out if out.ndim else out[()]


_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def _are_apart(params: _Params) -> bool:
    """Whether no element is in two windows."""
    return all(
        base == 1 and dilated(window, dilation) <= stride
        for window, stride, base, dilation in zip(
            params["window_dimensions"],
            params["window_strides"],
            params["base_dilation"],
            params["window_dilation"],
            strict=True,
        )
    )


def _gather_abstract(tangents: Aval, x: Aval, *, select: str, **params: Any) -> Aval:
    if tangents.shape != x.shape:
        raise ShapeError(f"select_and_gather_add expected arrays of one shape, got {tangents.shape} and {x.shape}")
    return Aval(_window_counts(x.shape, **params), tangents.dtype)


def _scatter_abstract(source: Aval, x: Aval, *, select: str, **params: Any) -> Aval:
    counts = _window_counts(x.shape, **params)
    if source.shape != counts:
        raise ShapeError(f"select_and_scatter_add expected an element for each of {counts} windows, got {source.shape}")
    return Aval(x.shape, source.dtype)


def _select_batch(primitive: Primitive) -> Callable:
    def batch(size: int, args: Sequence, dims: Sequence, **params: Any) -> tuple[Any, int]:
        fronts = [batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]
        return primitive(*fronts, **_window_batch(params, 0)), 0

    return batch


select_and_gather_add_p: Primitive = Primitive(
    "select_and_gather_add",
    _gather_impl,
    _gather_abstract,
    transpose=lambda ct, tangents, x, **params: select_and_scatter_add_p(ct, x, **params),
)
select_and_scatter_add_p: Primitive = Primitive(
    "select_and_scatter_add",
    _scatter_impl,
    _scatter_abstract,
    transpose=lambda ct, source, x, **params: select_and_gather_add_p(ct, x, **params),
)
select_and_gather_add_p.batch = _select_batch(select_and_gather_add_p)
select_and_scatter_add_p.batch = _select_batch(select_and_scatter_add_p)

reduce_window_max_p = _extremum("reduce_window_max")
reduce_window_min_p = _extremum("reduce_window_min")

#: By the primitive that the computation of `reduce_window` is.
_PRIMITIVES = {"add": reduce_window_sum_p, "max": reduce_window_max_p, "min": reduce_window_min_p}
_OPERATIONS = {primitive.name: operation for operation, primitive in _PRIMITIVES.items()}
