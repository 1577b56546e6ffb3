"""Reductions over windows that slide over an array: sums, maxima, minima, and any function of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, canonical_shape
from ..core.primitive import Primitive
from ..core.trace import concrete_or_none
from .computations import Computation, computation_on, identity_of
from .elementwise import max_, min_
from .indexing import getitem
from .reduce_window_value import reduced
from .select_windows import select_and_gather_add_p, select_and_scatter_add_p
from .shape import broadcast_to, dtype_of, pad, shape_of
from .windows import Windows, dilated, exact_padding, windows_over


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
    what = "reduce_window"
    windows = windows_over(what, shape, window_dimensions, window_strides, padding, base_dilation, window_dilation)
    primitive = _PRIMITIVES.get(made.primitive or "")
    if primitive is not None:
        out = _by_primitive(primitive, operands[0], starts[0], windows)
        if out is not None:
            return made.structure.unflatten([out])
    return made.structure.unflatten(_by_elements(made, operands, starts, windows))


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
    windows = windows_over(what, shape, window_dimensions, window_strides, padding, base_dilation, window_dilation)
    return windows.counts(shape)


def _by_primitive(primitive: Primitive, operand: Any, start: Any, windows: Windows) -> Any:
    """The reduction by its own primitive; None where it starts with what cannot be put in afterwards."""
    value = concrete_or_none(start)
    if value is not None and value == identity_of(_OPERATIONS[primitive], dtype_of(operand)):
        return primitive(operand, **windows._asdict())
    if primitive is reduce_window_sum_p:  # it counts once for each element of padding
        return None
    return (max_ if primitive is reduce_window_max_p else min_)(primitive(operand, **windows._asdict()), start)


def _by_elements(made: Computation, operands: Sequence[Any], starts: Sequence[Any], windows: Windows) -> list[Any]:
    """The reduction by the computation itself, on all windows at once, an element of the window after the other."""
    counts = windows.counts(shape_of(operands[0]))
    config = [
        (low, high, dilation - 1) for (low, high), dilation in zip(windows.padding, windows.base_dilation, strict=True)
    ]
    padded = [pad(x, start, config) for x, start in zip(operands, starts, strict=True)]
    total = [broadcast_to(start, counts) for start in starts]
    for element in np.ndindex(*windows.window_dimensions):
        met = tuple(
            [
                slice(k * dilation, k * dilation + (count - 1) * stride + 1, stride) if count else slice(0, 0)
                for k, dilation, count, stride in zip(
                    element, windows.window_dilation, counts, windows.window_strides, strict=True
                )
            ]
        )
        total = made.of_arrays(total, [getitem(x, met) for x in padded])
    return total


# ---------------------------------------------------------------------------------------------------------------------
# the primitives
# ---------------------------------------------------------------------------------------------------------------------


def _sum_transpose(ct: Any, x: Any, **params: Any) -> Any:
    """Each element has the sum over the windows that meet it: with strides and holes exchanged."""
    extents, strides, padding, base_dilation, window_dilation = Windows(**params)
    windows = [dilated(extent, d) for extent, d in zip(extents, window_dilation, strict=True)]
    held = [dilated(count, stride) for count, stride in zip(shape_of(ct), strides, strict=True)]
    lows = [window - 1 - low for window, (low, _) in zip(windows, padding, strict=True)]
    return reduce_window_sum_p(
        ct,
        window_dimensions=extents,
        window_strides=base_dilation,
        padding=exact_padding(lows, held, windows, base_dilation, shape_of(x)),
        base_dilation=strides,
        window_dilation=window_dilation,
    )


def _primitive(name: str, operation: str, **rules: Any) -> Primitive:
    def batch(size: int, args: Sequence, dims: Sequence, **params: Any) -> tuple[Any, int]:
        return primitive(args[0], **Windows(**params).with_axis(dims[0])._asdict()), dims[0]

    primitive = Primitive(
        name,
        lambda x, **params: reduced(operation, x, Windows(**params)),
        lambda x, **params: Aval(Windows(**params).counts(x.shape), x.dtype),
        batch=batch,
        **rules,
    )
    return primitive


def _extremum(name: str, operation: str) -> Primitive:
    """The maximum and the minimum: what is selected is linear in what it is selected of."""

    def jvp(primals: Sequence, tangents: Sequence, out: Any, **params: Any) -> Any:
        if tangents[0] is None:
            return None
        return select_and_gather_add_p(tangents[0], primals[0], select=operation, **params)

    return _primitive(
        name,
        operation,
        jvp=jvp,
        vjp=(lambda ct, out, x, **params: select_and_scatter_add_p(ct, x, select=operation, **params),),
    )


reduce_window_sum_p: Primitive = _primitive("reduce_window_sum", "add", transpose=_sum_transpose)
reduce_window_max_p = _extremum("reduce_window_max", "max")
reduce_window_min_p = _extremum("reduce_window_min", "min")

#: By the primitive that the computation of `reduce_window` is.
_PRIMITIVES = {"add": reduce_window_sum_p, "max": reduce_window_max_p, "min": reduce_window_min_p}
_OPERATIONS = {primitive: operation for operation, primitive in _PRIMITIVES.items()}
