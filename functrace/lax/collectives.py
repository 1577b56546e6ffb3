"""Operations between the examples of a named batch axis: `vmap(f, axis_name="i")`, and in `f` `psum(x, "i")`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import Aval
from ..core.primitive import Primitive
from ..core.trace import Tracer, bind, current_recording
from ..errors import OptionError, ShapeError
from ..transforms.vmap import BatchTracer, axis_trace
from .creation import iota
from .elementwise import where
from .indexing import getitem
from .reduction import reduce_max, reduce_min
from .shape import (
    broadcast_in_dim,
    canonical_axis,
    convert_element_type,
    dtype_of,
    move_axis,
    ndim_of,
    reduce_sum,
    reshape,
    shape_of,
)
from .slicing import dynamic_index_in_dim

AxisName = Hashable

# ---------------------------------------------------------------------------------------------------------------------
# public functions
# ---------------------------------------------------------------------------------------------------------------------


def psum(x: Any, axis_name: Any) -> Any:
    """The sum over all examples, which every example gets.

    Parameters
    ----------
    x
        A pytree of arrays.
    axis_name
        The name of a batch axis, or a tuple of names.

    Returns
    -------
    pytree
        Of the shapes of `x`.

    Raises
    ------
    OptionError
        No `vmap` around has an axis of this name.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> functrace.vmap(lambda x: x / psum(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
    array([0.25, 0.75])
    """
    return _over_names(psum_p, x, axis_name)


def pmean(x: Any, axis_name: Any) -> Any:
    """The mean over all examples; see `psum`."""
    size = axis_size(axis_name)
    return tree.map(lambda leaf: leaf / size, psum(x, axis_name))


def pmax(x: Any, axis_name: Any) -> Any:
    """The greatest over all examples; see `psum`."""
    return _over_names(pmax_p, x, axis_name)


def pmin(x: Any, axis_name: Any) -> Any:
    """The least over all examples; see `psum`."""
    return _over_names(pmin_p, x, axis_name)


def all_gather(x: Any, axis_name: AxisName, *, axis: int = 0, tiled: bool = False) -> Any:
    """Every example's value, along a new axis, or joined along an old one with `tiled`.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> functrace.vmap(lambda x: all_gather(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
    array([[1., 3.],
           [1., 3.]])
    """
    axis_trace(axis_name)

    def gather(leaf: Any) -> Any:
        place = canonical_axis(axis, ndim_of(leaf) + (not tiled))
        out = all_gather_p(leaf, axis_name=axis_name, axis=place)
        if not tiled:
            return out
        shape = shape_of(leaf)
        return reshape(out, (*shape[:place], -1, *shape[place + 1 :]))

    return tree.map(gather, x)


def ppermute(x: Any, axis_name: AxisName, perm: Sequence[tuple[int, int]]) -> Any:
    """The value of another example: `perm` has pairs (source, destination); who is no destination gets zeros.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> functrace.vmap(lambda x: ppermute(x, "i", [(0, 1), (1, 0)]), axis_name="i")(np.array([1.0, 3.0]))
    array([3., 1.])
    """
    size = axis_size(axis_name)
    pairs = tuple([(int(source), int(destination)) for source, destination in perm])
    for numbers, what in (([p[0] for p in pairs], "sources"), ([p[1] for p in pairs], "destinations")):
        if len(set(numbers)) != len(numbers) or any(not 0 <= n < size for n in numbers):
            raise OptionError(f"ppermute: the {what} in perm should be different examples below {size}, got {pairs}")
    return tree.map(lambda leaf: ppermute_p(leaf, axis_name=axis_name, perm=pairs), x)


def all_to_all(x: Any, axis_name: AxisName, split_axis: int, concat_axis: int, *, tiled: bool = False) -> Any:
    """Give the i-th part along `split_axis` to example i; what is got is stacked along `concat_axis`.

    Parameters
    ----------
    x
        A pytree of arrays whose extent along `split_axis` is the number of examples (with `tiled`: a multiple).
    axis_name
        The name of a batch axis.
    split_axis, concat_axis
        Axes of `x` and of the result.
    tiled
        Whether parts keep the axis, and are joined along an axis that is there.
    """
    size = axis_size(axis_name)

    def exchange(leaf: Any) -> Any:
        ndim = ndim_of(leaf)
        split, concat = canonical_axis(split_axis, ndim), canonical_axis(concat_axis, ndim)
        shape = shape_of(leaf)
        if tiled:
            if shape[split] % size:
                raise ShapeError(f"all_to_all: axis {split} of shape {shape} is no multiple of {size} examples")
            parts = reshape(leaf, (*shape[:split], size, shape[split] // size, *shape[split + 1 :]))
            out = all_to_all_p(parts, axis_name=axis_name, split_axis=split, concat_axis=concat)
            now = list(shape_of(out))
            return reshape(out, (*now[:concat], now[concat] * now[concat + 1], *now[concat + 2 :]))
        if shape[split] != size:
            raise ShapeError(
                f"all_to_all: axis {split} of shape {shape} should have the extent of the batch, {size}",
                instead="tiled=True for a multiple of it",
            )
        return all_to_all_p(leaf, axis_name=axis_name, split_axis=split, concat_axis=concat)

    return tree.map(exchange, x)


def axis_index(axis_name: AxisName) -> Any:
    """The number of the example along a named batch axis.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> functrace.vmap(lambda x: x + axis_index("i"), axis_name="i")(np.zeros(3))
    array([0., 1., 2.])
    """
    trace = axis_trace(axis_name)
    recorder = current_recording()
    if recorder is not None and recorder.level > trace.level:
        return recorder.process(axis_index_p, (), {"axis_name": axis_name})
    return BatchTracer(trace, iota(np.int64, trace.size), 0)


def axis_size(axis_name: Any) -> int:
    """The number of examples along a named batch axis, or along several."""
    size = 1
    for name in _names(axis_name):
        size *= axis_trace(name).size
    return size


def _names(axis_name: Any) -> tuple[AxisName, ...]:
    return axis_name if isinstance(axis_name, tuple) else (axis_name,)


def _over_names(primitive: Primitive, x: Any, axis_name: Any) -> Any:
    names = _names(axis_name)
    for name in names:
        axis_trace(name)

    def over(leaf: Any) -> Any:
        for name in names:
            leaf = primitive(leaf, axis_name=name)
        return leaf

    return tree.map(over, x)


# ---------------------------------------------------------------------------------------------------------------------
# primitives
# ---------------------------------------------------------------------------------------------------------------------
#
# The batching rule carries a collective out where the batch is its own; for another axis it is an ordinary operation.
# A value that is no batch is the same for every example.


class _Collective(Primitive):
    """A primitive that is carried out where its axis is, also on what was made outside of the `vmap`."""

    __slots__ = ()

    def __call__(self, x: Any, *, axis_name: AxisName, **params: Any) -> Any:
        if isinstance(x, Tracer) and x._trace.level < axis_trace(axis_name).level:  # the same for every example
            return self.impl(x, axis_name=axis_name, **params)
        return bind(self, x, axis_name=axis_name, **params)


def _collective(
    name: str,
    same_for_all: Callable,
    abstract: Callable,
    own: Callable,
    other: Callable,
    **rules: Any,
) -> Primitive:
    primitive = _Collective(name, same_for_all, abstract, **rules)

    def batch(size: Any, args: Sequence, dims: Sequence, *, axis_name: AxisName, **params: Any) -> tuple[Any, Any]:
        if getattr(size, "axis_name", None) == axis_name:
            return own(args[0], dims[0], size, **params)
        return other(primitive, args[0], dims[0], axis_name=axis_name, **params)

    primitive.batch = batch
    return primitive


def _elementwise(primitive: Primitive, x: Any, dim: int, **params: Any) -> tuple[Any, int]:
    return primitive(x, **params), dim


def _extremum_rules() -> dict[str, Any]:
    def chosen(x: Any, out: Any, axis_name: AxisName) -> Any:
        """The share of each example: equal among those that have the extremum."""
        mask = convert_element_type(x == out, dtype_of(x))
        return mask / psum_p(mask, axis_name=axis_name)

    def jvp(primals: Sequence, tangents: Sequence, out: Any, *, axis_name: AxisName) -> Any:
        if tangents[0] is None:
            return None
        return psum_p(tangents[0] * chosen(primals[0], out, axis_name), axis_name=axis_name)

    def vjp(ct: Any, out: Any, x: Any, *, axis_name: AxisName) -> Any:
        return psum_p(ct, axis_name=axis_name) * chosen(x, out, axis_name)

    return {"jvp": jvp, "vjp": (vjp,)}


psum_p: Primitive = _collective(
    "psum",
    lambda x, *, axis_name: x * int(axis_trace(axis_name).size),
    lambda x, *, axis_name: x.strong(),
    lambda x, dim, size: (reduce_sum(x, (dim,)), None),
    _elementwise,
    transpose=lambda ct, x, *, axis_name: psum_p(ct, axis_name=axis_name),
)
pmax_p = _collective(
    "pmax",
    lambda x, *, axis_name: x,
    lambda x, *, axis_name: x.strong(),
    lambda x, dim, size: (reduce_max(x, (dim,)), None),
    _elementwise,
    aliases=True,
    **_extremum_rules(),
)
pmin_p = _collective(
    "pmin",
    lambda x, *, axis_name: x,
    lambda x, *, axis_name: x.strong(),
    lambda x, dim, size: (reduce_min(x, (dim,)), None),
    _elementwise,
    aliases=True,
    **_extremum_rules(),
)


def _gather_constant(x: Any, *, axis_name: AxisName, axis: int) -> Any:
    shape = shape_of(x)
    size = axis_trace(axis_name).size
    axes = [i + (i >= axis) for i in range(len(shape))]
    return broadcast_in_dim(x, (*shape[:axis], size, *shape[axis:]), axes)


def _gather_abstract(x: Aval, *, axis_name: AxisName, axis: int) -> Aval:
    return Aval((*x.shape[:axis], axis_trace(axis_name).size, *x.shape[axis:]), x.dtype)


def _gather_transpose(ct: Any, x: Any, *, axis_name: AxisName, axis: int) -> Any:
    return dynamic_index_in_dim(psum_p(ct, axis_name=axis_name), axis_index(axis_name), axis, keepdims=False)


all_gather_p = _collective(
    "all_gather",
    _gather_constant,
    _gather_abstract,
    lambda x, dim, size, *, axis: (move_axis(x, dim, axis), None),
    lambda primitive, x, dim, *, axis_name, axis: (
        primitive(x, axis_name=axis_name, axis=axis + (axis > dim)),
        dim + (axis <= dim),
    ),
    transpose=_gather_transpose,
    aliases=True,
)


def _permuted(x: Any, dim: int, size: int, *, perm: tuple[tuple[int, int], ...]) -> tuple[Any, int]:
    sources = np.zeros(size, np.int64)
    reached = np.zeros(size, np.bool_)
    for source, destination in perm:
        sources[destination] = source
        reached[destination] = True
    x = getitem(move_axis(x, dim, 0), sources)
    if not reached.all():
        mask = reached.reshape((size, *[1] * (ndim_of(x) - 1)))
        x = where(mask, x, dtype_of(x).type(0))
    return x, 0


def _permute_constant(x: Any, *, axis_name: AxisName, perm: tuple[tuple[int, int], ...]) -> Any:
    trace = axis_trace(axis_name)
    value, dim = _permuted(_gather_constant(x, axis_name=axis_name, axis=0), 0, trace.size, perm=perm)
    return BatchTracer(trace, value, dim)


ppermute_p: Primitive = _collective(
    "ppermute",
    _permute_constant,
    lambda x, *, axis_name, perm: x.strong(),
    _permuted,
    _elementwise,
    transpose=lambda ct, x, *, axis_name, perm: ppermute_p(
        ct, axis_name=axis_name, perm=tuple([(destination, source) for source, destination in perm])
    ),
)


def _exchanged(x: Any, dim: int, size: int, *, split_axis: int, concat_axis: int) -> tuple[Any, int]:
    x = move_axis(x, dim, 0)
    split = split_axis + 1
    # (from, …, to, …): the axis of parts becomes the batch, the batch becomes the axis along which they are stacked
    x = move_axis(x, split, 0)
    return move_axis(x, 1, concat_axis + 1), 0


def _exchange_constant(x: Any, *, axis_name: AxisName, split_axis: int, concat_axis: int) -> Any:
    trace = axis_trace(axis_name)
    whole = _gather_constant(x, axis_name=axis_name, axis=0)
    value, dim = _exchanged(whole, 0, trace.size, split_axis=split_axis, concat_axis=concat_axis)
    return BatchTracer(trace, value, dim)


def _exchange_abstract(x: Aval, *, axis_name: AxisName, split_axis: int, concat_axis: int) -> Aval:
    shape = list(x.shape)
    extent = shape.pop(split_axis)
    shape.insert(concat_axis, extent)
    return Aval(tuple(shape), x.dtype)


def _exchange_other(
    primitive: Primitive, x: Any, dim: int, *, axis_name: AxisName, split_axis: int, concat_axis: int
) -> tuple[Any, int]:
    x = move_axis(x, dim, 0)
    return primitive(x, axis_name=axis_name, split_axis=split_axis + 1, concat_axis=concat_axis + 1), 0


all_to_all_p: Primitive = _collective(
    "all_to_all",
    _exchange_constant,
    _exchange_abstract,
    _exchanged,
    _exchange_other,
    transpose=lambda ct, x, *, axis_name, split_axis, concat_axis: all_to_all_p(
        ct, axis_name=axis_name, split_axis=concat_axis, concat_axis=split_axis
    ),
)

axis_index_p = Primitive(
    "axis_index",
    lambda *, axis_name: axis_index(axis_name),
    lambda *, axis_name: Aval((), np.dtype(np.int64)),
)
