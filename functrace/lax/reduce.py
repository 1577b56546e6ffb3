"""`reduce`: an array reduced over axes with any function of two scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from ..core.trace import concrete_or_none
from .computations import Computation, computation_on, identity_of
from .indexing import getitem
from .reduction import reduce_and_p, reduce_max_p, reduce_min_p, reduce_or_p, reduce_prod_p, reduce_xor_p
from .shape import (
    broadcast_to,
    canonical_axes,
    concatenate,
    convert_element_type,
    reduce_sum_p,
    reduced_shape,
    reshape,
    shape_of,
    transpose,
)


def reduce(operands: Any, init_values: Any, computation: Callable, dimensions: Sequence[int]) -> Any:
    """Reduce an array over axes with a computation, which has to be associative.

    Parameters
    ----------
    operands
        An array, or a pytree of arrays of one shape.
    init_values
        A scalar that the computation leaves every number as it is with; for a pytree one for each leaf.
    computation
        A function of two scalars (of two pytrees of scalars) that makes one of them. Sums, products, maxima and minima,
        and of booleans `lax.bitwise_and`, `lax.bitwise_or` and `lax.bitwise_xor`, are reductions of their own; others
        reduce all pairs of neighbours at once, and again, until one is left.
    dimensions
        The axes to reduce.

    Returns
    -------
    array
        Of the operand's dtype, without these axes.

    Raises
    ------
    ShapeError
        The arrays are not of one shape, or an initial value is no scalar.
    DtypeError
        An initial value, or what the computation gives, is of another dtype than the array.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import lax
    >>> reduce(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.0, lax.add, (0,))
    array([4., 6.])
    >>> reduce(np.array([3.0, 1.0, 2.0]), 0.0, lambda x, y: x + y + x * y, (0,))
    np.float64(23.0)
    """
    made, arrays, starts = computation_on("reduce", operands, init_values, computation)
    shape = shape_of(arrays[0])
    axes = canonical_axes(tuple(dimensions), len(shape))
    kept = reduced_shape(shape, axes, False)
    totals = [broadcast_to(start, kept) for start in starts]
    if all(shape[axis] for axis in axes):
        monoid = _monoid(made)
        if monoid is None:
            parts = _by_pairs(made, arrays, axes)
        else:
            reduced = monoid(arrays[0], axes=axes, keepdims=False)
            parts = [convert_element_type(reduced, made.dtypes[0])]
            if made.primitive in _WITH_IDENTITY:
                start = concrete_or_none(starts[0])
                if start is not None and start == identity_of(made.primitive, made.dtypes[0]):
                    return made.structure.unflatten(parts)
        totals = made.of_arrays(totals, parts)
    return made.structure.unflatten([_own(x) if isinstance(x, np.ndarray) else x for x in totals])


def _own(x: np.ndarray) -> Any:
    """A copy, since a computation may give back what it was given; of one element a scalar, as from NumPy."""
    return x.copy() if x.ndim else x[()]


#: By the primitive that a computation is; the second are those of booleans.
_WITH_IDENTITY = {"add": reduce_sum_p, "mul": reduce_prod_p, "max": reduce_max_p, "min": reduce_min_p}
_OF_BOOLEANS = {"and": reduce_and_p, "or": reduce_or_p, "xor": reduce_xor_p}


def _monoid(made: Computation) -> Primitive | None:
    """The reduction of its own that a computation has."""
    table = {**_WITH_IDENTITY, **_OF_BOOLEANS} if made.dtypes[0].kind == "b" else _WITH_IDENTITY
    return table.get(made.primitive or "")


def _by_pairs(made: Computation, arrays: Sequence[Any], axes: tuple[int, ...]) -> list[Any]:
    """Reduce neighbours, the earlier one first, until one is left: as many steps as the count has binary digits."""
    shape = shape_of(arrays[0])
    others = [axis for axis in range(len(shape)) if axis not in axes]
    count = prod([shape[axis] for axis in axes])
    lines = [reshape(transpose(x, (*axes, *others)), (count, *[shape[axis] for axis in others])) for x in arrays]
    while count > 1:
        even = count - count % 2
        pairs = made.of_arrays(
            [getitem(x, slice(0, even, 2)) for x in lines], [getitem(x, slice(1, even, 2)) for x in lines]
        )
        if even < count:
            pairs = [
                concatenate([pair, getitem(x, slice(even, None))], 0) for pair, x in zip(pairs, lines, strict=True)
            ]
        lines, count = pairs, even // 2 + count % 2
    return [getitem(x, 0) for x in lines]
