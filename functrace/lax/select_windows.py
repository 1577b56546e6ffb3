"""The elements that are their windows' maxima or minima: what is selected is linear in what it is selected of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from ..core.aval import Aval, Shape
from ..core.primitive import Primitive
from ..errors import OptionError, ShapeError
from .elementwise import ge, le
from .reduce_window_value import by_rows, reduced
from .shape import batch_to_front, shape_of
from .windows import Windows, all_phases, windows_over


def select_and_scatter_add(
    source: Any,
    operand: Any,
    select: Callable,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
) -> Any:
    """An array of zeros with each number of `source` added where its window's greatest (least) element stands.

    It is the gradient of a pool of maxima. JAX has it as a primitive without a function.

    Parameters
    ----------
    source
        A number for each window.
    operand
        The array over which the windows slide; of several equal elements the first is selected.
    select
        ``lax.ge`` for the greatest, ``lax.le`` for the least element.
    window_dimensions, window_strides, padding
        As for `reduce_window`.

    Returns
    -------
    array
        Of the shape of `operand`.

    Raises
    ------
    ShapeError
        There is not a number for each window.
    OptionError
        `select` is another function.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import lax
    >>> x = np.array([1.0, 5.0, 2.0, 0.0])
    >>> select_and_scatter_add(np.array([10.0, 20.0]), x, lax.ge, (2,), (2,))
    array([ 0., 10., 20.,  0.])
    """
    operation = _operation("select_and_scatter_add", select)
    shape = shape_of(operand)
    windows = windows_over("select_and_scatter_add", shape, window_dimensions, window_strides, padding, None, None)
    if shape_of(source) != windows.counts(shape):
        raise ShapeError(
            f"select_and_scatter_add expected a number for each of {windows.counts(shape)} windows, got shape "
            f"{shape_of(source)}"
        )
    return select_and_scatter_add_p(source, operand, select=operation, **windows._asdict())


def select_and_gather_add(
    tangents: Any,
    operand: Any,
    select: Callable,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """For each window that element of `tangents` at whose place its greatest (least) element stands.

    It is the tangent of a pool of maxima. JAX has it as a primitive without a function.

    Parameters
    ----------
    tangents
        An array of the shape of `operand`.
    operand, select
        As for `select_and_scatter_add`.
    window_dimensions, window_strides, padding, base_dilation, window_dilation
        As for `reduce_window`.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import lax
    >>> x = np.array([1.0, 5.0, 2.0, 0.0])
    >>> select_and_gather_add(np.arange(4.0), x, lax.le, (2,), (2,))
    array([0., 3.])
    """
    operation = _operation("select_and_gather_add", select)
    shape = shape_of(operand)
    if shape_of(tangents) != shape:
        raise ShapeError(f"select_and_gather_add expected arrays of one shape, got {shape_of(tangents)} and {shape}")
    what = "select_and_gather_add"
    windows = windows_over(what, shape, window_dimensions, window_strides, padding, base_dilation, window_dilation)
    return select_and_gather_add_p(tangents, operand, select=operation, **windows._asdict())


def _operation(what: str, select: Callable) -> str:
    if select is ge or select is le:
        return "max" if select is ge else "min"
    raise OptionError(f"{what} expected lax.ge or lax.le as select, got {select!r}")


# ---------------------------------------------------------------------------------------------------------------------
# value
# ---------------------------------------------------------------------------------------------------------------------


def _selections(select: str, x: np.ndarray, windows: Windows) -> Iterator[tuple[Any, Any, np.ndarray, int]]:
    """For each element of a window: the windows that have it, the elements of `x`, and where they are the selected.

    Selected is the first in a window that is its extremum. Where there is none, since there is a NaN, it is the first
    NaN, in a second round; with each selection goes whether it is of that.
    """
    best = reduced(select, x, windows)
    free = np.ones(best.shape, np.bool_)  # the windows of which none has been selected yet
    rounds: list[Callable] = [np.equal, lambda part, _: part != part]
    for again, is_best in enumerate(rounds):
        for met, elements in _meetings(windows, x.shape):
            chosen = is_best(x[elements], best[met])
            open_ones = free[(..., *met)]  # with the dots a view also where there is no axis
            chosen &= open_ones
            open_ones ^= chosen
            yield met, elements, chosen, again
        if x.dtype.kind not in "fc" or not free.any():
            return


@lru_cache(maxsize=256)
def _meetings(windows: Windows, shape: Shape) -> list[tuple[Any, Any]]:
    """For each element of a window the windows whose element it is and that element, in C order."""
    extents, strides, padding, base_dilation, window_dilation = windows
    lows = tuple([low for low, _ in padding])
    found = []
    for axes in all_phases(shape, extents, windows.counts(shape), strides, lows, base_dilation, window_dilation):
        for element in product(*[range(phase.sweep.window) for phase in axes]):
            met = [phase.sweep.met(k) for phase, k in zip(axes, element, strict=True)]
            if all(elements != slice(0, 0) for _, elements in met):
                some = [_within(phase.windows, seen) for phase, (seen, _) in zip(axes, met, strict=True)]
                found.append((tuple(some), tuple([elements for _, elements in met])))
    return found


def _within(outer: slice, inner: slice) -> slice:
    """The slice of a slice: `outer` takes every step-th from its start on."""
    start, step = outer.start or 0, outer.step or 1
    return slice(start + inner.start * step, start + (inner.stop - 1) * step + 1, step)


def _gather_impl(tangents: Any, x: Any, *, select: str, **params: Any) -> Any:
    tangents, x, windows = np.asarray(tangents), np.asarray(x), Windows(**params)
    out = np.zeros(windows.counts(x.shape), tangents.dtype)

    def run(rows: Any) -> None:
        given, total = tangents[rows], out[rows]
        for met, elements, chosen, _ in _selections(select, x[rows], windows):
            total[met] = np.where(chosen, given[elements], total[met])

    by_rows(run, x, windows)
    return out if out.ndim else out[()]


def _scatter_impl(source: Any, x: Any, *, select: str, **params: Any) -> Any:
    source, x, windows = np.asarray(source), np.asarray(x), Windows(**params)
    out = np.zeros(x.shape, source.dtype)
    # Where no element is in two windows, it is set: to the bits of its number, multiplied by 1 or by 0, which takes a
    # third of the time of a choice and an addition.
    bits = _BITS.get(source.itemsize) if windows.are_apart else None

    def run(rows: Any) -> None:
        given, total = source[rows], out[rows]
        if bits is not None:
            given, total = given.view(bits), total.view(bits)
        zero = given.dtype.type(0)
        for met, elements, chosen, again in _selections(select, x[rows], windows):
            part = total[(..., *elements)]
            if bits is not None and not again:
                np.multiply(given[met], chosen, out=part)
            else:
                part += np.where(chosen, given[met], zero)

    by_rows(run, x, windows)
    return out if out.ndim else out[()]


_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


# ---------------------------------------------------------------------------------------------------------------------
# the primitives
# ---------------------------------------------------------------------------------------------------------------------


def _batch(primitive: Primitive) -> Callable:
    def batch(size: int, args: Sequence, dims: Sequence, *, select: str, **params: Any) -> tuple[Any, int]:
        fronts = [batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]
        return primitive(*fronts, select=select, **Windows(**params).with_axis(0)._asdict()), 0

    return batch


select_and_gather_add_p: Primitive = Primitive(
    "select_and_gather_add",
    _gather_impl,
    lambda tangents, x, *, select, **params: Aval(Windows(**params).counts(x.shape), tangents.dtype),
    transpose=lambda ct, tangents, x, **params: select_and_scatter_add_p(ct, x, **params),
)
select_and_scatter_add_p: Primitive = Primitive(
    "select_and_scatter_add",
    _scatter_impl,
    lambda source, x, *, select, **params: Aval(x.shape, source.dtype),
    transpose=lambda ct, source, x, **params: select_and_gather_add_p(ct, x, **params),
)
select_and_gather_add_p.batch = _batch(select_and_gather_add_p)
select_and_scatter_add_p.batch = _batch(select_and_scatter_add_p)
