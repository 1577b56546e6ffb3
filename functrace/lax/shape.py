"""Linear rearrangements of elements, and the sum that is the transpose of a broadcast."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.aval import DYNAMIC, Aval, Shape, aval_of, canonical_shape, result_dtype
from ..core.primitive import Primitive
from ..core.trace import current_recording
from ..errors import OptionError, ShapeError

ndarray = np.ndarray


# ---------------------------------------------------------------------------------------------------------------------
# what a value is, whatever it is
# ---------------------------------------------------------------------------------------------------------------------


def shape_of(x: Any) -> Shape:
    """The shape of an array, a tracer or a scalar."""
    try:
        return x.shape
    except AttributeError:
        return aval_of(x).shape


def ndim_of(x: Any) -> int:
    """The number of axes of an array, a tracer or a scalar."""
    return len(shape_of(x))


def dtype_of(x: Any) -> np.dtype:
    """The dtype of an array, a tracer or a scalar."""
    try:
        return x.dtype
    except AttributeError:
        return aval_of(x).dtype


def canonical_axis(axis: int, ndim: int) -> int:
    """An axis counted from the front; NumPy's error where there is no such axis."""
    index = operator.index(axis)
    if not -ndim <= index < ndim:
        raise np.exceptions.AxisError(index, ndim)
    return index % ndim


def canonical_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes counted from the front, in ascending order; None means all."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, (tuple, list)):
        axes = tuple(sorted(canonical_axis(a, ndim) for a in axis))
        if len(set(axes)) != len(axes):
            raise ValueError("duplicate value in 'axis'")
        return axes
    return (canonical_axis(axis, ndim),)


# ---------------------------------------------------------------------------------------------------------------------
# batching helpers
# ---------------------------------------------------------------------------------------------------------------------


def move_axis(x: Any, source: int, destination: int) -> Any:
    """`x` with one axis moved."""
    if source == destination:
        return x
    permutation = list(range(ndim_of(x)))
    permutation.insert(destination, permutation.pop(source))
    return transpose(x, tuple(permutation))


def batch_to_front(size: int, x: Any, dim: int | None) -> Any:
    """`x` with its batch as the first axis; repeated along it where it has none."""
    if dim is None:
        shape = shape_of(x)
        return broadcast_in_dim(x, (size, *shape), tuple(range(1, len(shape) + 1)))
    return move_axis(x, dim, 0)


def shift_axes(axes: Sequence[int], dim: int) -> tuple[int, ...]:
    """Axes of an example as axes of a batch whose batch axis is `dim`."""
    return tuple([axis + (axis >= dim) for axis in axes])


# ---------------------------------------------------------------------------------------------------------------------
# dtype
# ---------------------------------------------------------------------------------------------------------------------


def _convert_impl(x: Any, *, new_dtype: np.dtype) -> Any:
    if x.__class__ is not ndarray:
        x = np.asarray(x)
    if x.dtype.kind == "c" and new_dtype.kind not in "cb":
        x = x.real
    return x.astype(new_dtype) if x.ndim else new_dtype.type(x[()])


def _convert_source(args: Sequence[str], avals: Sequence[Aval], *, new_dtype: np.dtype) -> str:
    x, old = args[0], avals[0]
    target = f"np.{new_dtype.type.__name__}"
    if old.weak_type and new_dtype.kind in "iu":  # NumPy does not convert a Python int that is out of bounds
        x = f"np.{old.dtype.type.__name__}({x})"
    if old.dtype.kind == "c" and new_dtype.kind not in "cb":
        x = f"{x}.real"
    return f"{x}.astype({target})" if old.shape else f"{target}({x})"


def _convert_batch(size: int, args: Sequence, dims: Sequence, *, new_dtype: np.dtype) -> tuple[Any, int]:
    return convert_element_type(args[0], new_dtype), dims[0]


convert_element_type_p: Primitive = Primitive(
    "convert_element_type",
    _convert_impl,
    lambda x, *, new_dtype: Aval(x.shape, new_dtype),
    transpose=lambda ct, x, *, new_dtype: convert_element_type(ct, dtype_of(x)),
    batch=_convert_batch,
    source=_convert_source,
)
#: To integers and booleans, through which no derivative flows.
discretize_p = Primitive(
    "convert_element_type",
    _convert_impl,
    lambda x, *, new_dtype: Aval(x.shape, new_dtype),
    batch=_convert_batch,
    source=_convert_source,
)


def convert_element_type(operand: Any, new_dtype: Any) -> Any:
    """`operand` with another dtype; of complex numbers converted to real ones, the real parts.

    Examples
    --------
    >>> import numpy as np
    >>> convert_element_type(np.array([1.5, -1.5]), np.int32)
    array([ 1, -1], dtype=int32)
    """
    dtype = np.dtype(new_dtype)
    aval = aval_of(operand)
    if aval.dtype == dtype and not aval.weak_type:
        return operand
    return (convert_element_type_p if dtype.kind in "fc" else discretize_p)(operand, new_dtype=dtype)


# ---------------------------------------------------------------------------------------------------------------------
# reshape, transpose, reverse
# ---------------------------------------------------------------------------------------------------------------------


def _as_array(x: Any) -> np.ndarray:
    return x if x.__class__ is ndarray else np.asarray(x)


def _reshape_abstract(x: Aval, *, new_sizes: Shape) -> Aval:
    out = Aval(new_sizes, x.dtype)
    if out.size != x.size:
        raise ShapeError(f"cannot reshape array of size {x.size} into shape {new_sizes}")
    return out


def _reshape_batch(size: int, args: Sequence, dims: Sequence, *, new_sizes: Shape) -> tuple[Any, int]:
    return reshape_p(move_axis(args[0], dims[0], 0), new_sizes=(size, *new_sizes)), 0


reshape_p: Primitive = Primitive(
    "reshape",
    lambda x, *, new_sizes: _as_array(x).reshape(new_sizes),
    _reshape_abstract,
    transpose=lambda ct, x, *, new_sizes: reshape_p(ct, new_sizes=shape_of(x)),
    aliases=True,
    batch=_reshape_batch,
    source=lambda args, avals, *, new_sizes: (
        f"{args[0]}.reshape({new_sizes})" if avals[0].shape else f"np.reshape({args[0]}, {new_sizes})"
    ),
)


def reshape(operand: Any, new_sizes: Sequence[int]) -> Any:
    """`operand` with another shape, elements in C order; one extent may be -1.

    Raises
    ------
    ShapeError
        The sizes differ.
    """
    shape = shape_of(operand)
    sizes = tuple([extent.__index__() for extent in new_sizes])
    if -1 in sizes:
        known = 1
        for extent in sizes:
            known *= extent if extent != -1 else 1
        size = aval_of(operand).size
        if sizes.count(-1) > 1 or known == 0 or size % known:
            raise ShapeError(f"cannot reshape array of size {size} into shape {sizes}")
        sizes = tuple([size // known if extent == -1 else extent for extent in sizes])
    if sizes == shape:
        return operand
    return reshape_p(operand, new_sizes=sizes)


def squeeze(array: Any, dimensions: Sequence[int]) -> Any:
    """`array` without these axes, each of extent 1."""
    shape = shape_of(array)
    axes = canonical_axes(tuple(dimensions), len(shape))
    for axis in axes:
        if shape[axis] != 1:
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshape(array, [extent for axis, extent in enumerate(shape) if axis not in axes])


def expand_dims(array: Any, dimensions: Sequence[int]) -> Any:
    """`array` with axes of extent 1 at these places of the result."""
    shape = list(shape_of(array))
    ndim = len(shape) + len(dimensions)
    for axis in canonical_axes(tuple(dimensions), ndim):
        shape.insert(axis, 1)
    return reshape(array, shape)


@lru_cache(maxsize=1024)
def inverse_permutation(permutation: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes this one."""
    inverse = [0] * len(permutation)
    for position, axis in enumerate(permutation):
        inverse[axis] = position
    return tuple(inverse)


def _transpose_batch(size: int, args: Sequence, dims: Sequence, *, permutation: tuple[int, ...]) -> tuple[Any, int]:
    dim = dims[0]
    return transpose_p(args[0], permutation=(dim, *shift_axes(permutation, dim))), 0


transpose_p: Primitive = Primitive(
    "transpose",
    lambda x, *, permutation: x.transpose(permutation),
    lambda x, *, permutation: Aval(tuple([x.shape[axis] for axis in permutation]), x.dtype),
    transpose=lambda ct, x, *, permutation: transpose_p(ct, permutation=inverse_permutation(permutation)),
    aliases=True,
    batch=_transpose_batch,
    source=lambda args, avals, *, permutation: (
        f"{args[0]}.T" if permutation == (1, 0) else f"{args[0]}.transpose({permutation})"
    ),
)


def transpose(operand: Any, permutation: Sequence[int]) -> Any:
    """`operand` with its axes permuted: axis `i` of the result is axis `permutation[i]` of the operand."""
    permutation = tuple(permutation)
    ndim = ndim_of(operand)
    if sorted(permutation) != list(range(ndim)):
        raise OptionError(f"expected a permutation of the {ndim} axes, got {permutation}")
    if permutation == tuple(range(ndim)):
        return operand
    return transpose_p(operand, permutation=permutation)


def _rev_index(ndim: int, dimensions: Sequence[int]) -> tuple[slice, ...]:
    return tuple([slice(None, None, -1) if axis in dimensions else slice(None) for axis in range(ndim)])


rev_p: Primitive = Primitive(
    "rev",
    lambda x, *, dimensions: x[_rev_index(x.ndim, dimensions)],
    lambda x, *, dimensions: Aval(x.shape, x.dtype),
    transpose=lambda ct, x, *, dimensions: rev_p(ct, dimensions=dimensions),
    aliases=True,
    batch=lambda size, args, dims, *, dimensions: (
        rev_p(args[0], dimensions=shift_axes(dimensions, dims[0])),
        dims[0],
    ),
    source=lambda args, avals, *, dimensions: (
        f"{args[0]}[{', '.join('::-1' if axis in dimensions else ':' for axis in range(avals[0].ndim))}]"
    ),
)


def rev(operand: Any, dimensions: Sequence[int]) -> Any:
    """`operand` with the order of the elements along these axes reversed."""
    axes = canonical_axes(tuple(dimensions), ndim_of(operand))
    return rev_p(operand, dimensions=axes) if axes else operand


# ---------------------------------------------------------------------------------------------------------------------
# broadcast, and the sum that is its transpose
# ---------------------------------------------------------------------------------------------------------------------


def _broadcast_impl(x: Any, *, shape: Shape, broadcast_dimensions: tuple[int, ...]) -> np.ndarray:
    # numpy.broadcast_to says the same, but costs 2 µs: too much for the small arrays of a backward pass
    if x.__class__ is not ndarray:
        x = np.asarray(x)
    shape, expanded, size, strides = _broadcast_plan(x.shape, x.strides, shape, broadcast_dimensions)
    if size and x.size and not any(x.strides):  # one element repeated already
        return np.ndarray(shape, x.dtype, x[(0,) * x.ndim], 0, strides)
    if size and x.flags.c_contiguous:
        view = np.ndarray(shape, x.dtype, x, 0, strides)
        view.flags.writeable = False
        return view
    if size <= _SMALL:
        out = np.empty(shape, x.dtype)
        out[...] = x.reshape(expanded)
        return out
    return np.broadcast_to(x.reshape(expanded), shape)


_SMALL = 1 << 12  # elements below which a copy costs less than numpy.broadcast_to


@lru_cache(maxsize=4096)
def _broadcast_plan(
    old: Shape, old_strides: tuple[int, ...], shape: Shape, broadcast_dimensions: tuple[int, ...]
) -> tuple[Shape, Shape, int, tuple[int, ...]]:
    """The new shape, the old one with axes of extent 1 put in, the new size, and the strides of the view."""
    if DYNAMIC in shape:
        known = dict(zip(broadcast_dimensions, old, strict=True))
        shape = tuple([known[axis] if extent == DYNAMIC else extent for axis, extent in enumerate(shape)])
    expanded, strides = [1] * len(shape), [0] * len(shape)
    for axis, extent, stride in zip(broadcast_dimensions, old, old_strides, strict=True):
        expanded[axis] = extent
        strides[axis] = stride if extent != 1 else 0
    size = 1
    for extent in shape:
        size *= extent
    return shape, tuple(expanded), size, tuple(strides)


def _broadcast_abstract(x: Aval, *, shape: Shape, broadcast_dimensions: tuple[int, ...]) -> Aval:
    if len(broadcast_dimensions) != x.ndim or any(
        extent not in (1, shape[axis]) for extent, axis in zip(x.shape, broadcast_dimensions, strict=False)
    ):
        raise ShapeError(f"cannot broadcast shape {x.shape} into axes {broadcast_dimensions} of shape {shape}")
    return Aval(shape, x.dtype)


def _broadcast_transpose(ct: Any, x: Any, *, shape: Shape, broadcast_dimensions: tuple[int, ...]) -> Any:
    old = shape_of(x)
    kept = {axis for axis, extent in zip(broadcast_dimensions, old, strict=True) if extent == shape[axis]}
    summed = tuple([axis for axis in range(len(shape)) if axis not in kept])
    return reshape(reduce_sum(ct, summed), old)


def _broadcast_batch(
    size: int, args: Sequence, dims: Sequence, *, shape: Shape, broadcast_dimensions: tuple[int, ...]
) -> tuple[Any, int]:
    x = move_axis(args[0], dims[0], 0)
    axes = (0, *[axis + 1 for axis in broadcast_dimensions])
    return broadcast_in_dim_p(x, shape=(size, *shape), broadcast_dimensions=axes), 0


def _broadcast_source(
    args: Sequence[str], avals: Sequence[Aval], *, shape: Shape, broadcast_dimensions: tuple[int, ...]
) -> str | None:
    old = avals[0].shape
    if DYNAMIC in shape:
        return None
    if broadcast_dimensions == tuple(range(len(shape) - len(old), len(shape))):
        return f"np.broadcast_to({args[0]}, {shape})"
    expanded = [1] * len(shape)
    for axis, extent in zip(broadcast_dimensions, old, strict=True):
        expanded[axis] = extent
    return f"np.broadcast_to(np.reshape({args[0]}, {tuple(expanded)}), {shape})"


broadcast_in_dim_p: Primitive = Primitive(
    "broadcast_in_dim",
    _broadcast_impl,
    _broadcast_abstract,
    transpose=_broadcast_transpose,
    aliases=True,
    creates=True,
    batch=_broadcast_batch,
    source=_broadcast_source,
)


def broadcast_in_dim(operand: Any, shape: Sequence[int], broadcast_dimensions: Sequence[int]) -> Any:
    """`operand` repeated to `shape`; its axis `i` becomes axis `broadcast_dimensions[i]`."""
    shape, axes = tuple(shape), tuple(broadcast_dimensions)
    if shape == shape_of(operand) and axes == tuple(range(len(shape))):
        return operand
    return broadcast_in_dim_p(operand, shape=shape, broadcast_dimensions=axes)


def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """`x` broadcast to `shape` by NumPy's rule: its axes are the last ones."""
    shape = canonical_shape(shape)
    old = shape_of(x)
    if old == shape:
        return x
    if len(old) > len(shape) or any(a not in (1, b) for a, b in zip(reversed(old), reversed(shape), strict=False)):
        raise ShapeError(f"cannot broadcast shape {old} to shape {shape}")
    return broadcast_in_dim_p(x, shape=shape, broadcast_dimensions=tuple(range(len(shape) - len(old), len(shape))))


def reduced_shape(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """The shape of a reduction's result."""
    if keepdims:
        return tuple([1 if axis in axes else extent for axis, extent in enumerate(shape)])
    return tuple([extent for axis, extent in enumerate(shape) if axis not in axes])


def spread(x: Any, shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The result of a reduction repeated over the axes that it reduced."""
    if not axes:
        return x
    dimensions = _spread_axes(len(shape), axes, keepdims)
    if (x.__class__ is ndarray or x.__class__ is np.float64) and current_recording() is None:
        return _broadcast_impl(x, shape=shape, broadcast_dimensions=dimensions)
    return broadcast_in_dim_p(x, shape=shape, broadcast_dimensions=dimensions)


@lru_cache(maxsize=1024)
def _spread_axes(ndim: int, axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return tuple([axis for axis in range(ndim) if keepdims or axis not in axes])


def unreduce(x: Any, shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The result of a reduction with the reduced axes as axes of extent 1."""
    return x if keepdims else reshape(x, reduced_shape(shape, axes, True))


@lru_cache(maxsize=256)
def sum_dtype(ufunc: np.ufunc, dtype: np.dtype) -> np.dtype:
    """The dtype of a sum or product of elements of this dtype: NumPy widens small integers."""
    return ufunc.reduce(np.zeros(1, dtype)).dtype


def reduction_batch(primitive: Primitive) -> Any:
    """The batching rule of a reduction with parameters `axes` and `keepdims`."""

    def batch(
        size: int, args: Sequence, dims: Sequence, *, axes: tuple[int, ...], keepdims: bool, **params: Any
    ) -> tuple[Any, int]:
        dim = dims[0]
        out = primitive(args[0], axes=shift_axes(axes, dim), keepdims=keepdims, **params)
        return out, dim if keepdims else dim - sum(axis < dim for axis in axes)

    return batch


def _sum_impl(x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
    if axes and x.ndim > 1 and x.dtype.char in "fd" and x.flags.c_contiguous:
        plan = _sum_plan(x.shape, axes)
        if plan is not None:
            last, matrix, extent = plan
            ones = _ones(extent, x.dtype)
            rows = x.reshape(matrix)
            out = rows.dot(ones) if last else ones.dot(rows)
            return out.reshape(reduced_shape(x.shape, axes, keepdims)) if keepdims or x.ndim - len(axes) > 1 else out
    return np.add.reduce(x, axes, None, None, keepdims)  # type: ignore[call-overload]


_ONES = 1 << 16  # elements that BLAS adds at most: it does not add in pairs, so that errors grow with their number
_SMALL_SUM = 1 << 12  # elements of an array that BLAS adds whole, at a third of what calling a reduction costs


@lru_cache(maxsize=1024)
def _sum_plan(shape: Shape, axes: tuple[int, ...]) -> tuple[bool, Shape, int] | None:
    """How BLAS adds the first or the last axes of an array, several times faster than a reduction.

    Whether they are the last ones, the shape of the matrix, and how many elements a sum has.
    """
    count, ndim = len(axes), len(shape)
    if not 0 < count < ndim or 0 in shape or DYNAMIC in shape:
        return None
    last = axes == tuple(range(ndim - count, ndim))
    if not last and axes != tuple(range(count)):
        return None
    extent, others = 1, 1
    for axis, size in enumerate(shape):
        if axis in axes:
            extent *= size
        else:
            others *= size
    if extent > _ONES:
        return None
    return last, (others, extent) if last else (extent, others), extent


@lru_cache(maxsize=128)
def _ones(extent: int, dtype: np.dtype) -> np.ndarray:
    return np.ones(extent, dtype)


def _sum_source(args: Sequence[str], avals: Sequence[Aval], *, axes: tuple[int, ...], keepdims: bool) -> Any:
    (x,), (aval,) = args, avals
    plan = _sum_plan(aval.shape, axes) if aval.dtype.char in "fd" else None
    if aval.dtype.char in "fd" and len(axes) == aval.ndim and 0 < aval.size <= _SMALL_SUM and not keepdims:
        ones = (np.ones(aval.shape, aval.dtype), f"np.ones({aval.shape}, np.{aval.dtype.type.__name__})")
        return (f"{x}.dot({{ones}})" if aval.ndim == 1 else f"np.vdot({x}, {{ones}})"), {"ones": ones}
    if plan is None:
        over = "None" if len(axes) == aval.ndim else axes[0] if len(axes) == 1 else axes
        return f"np.add.reduce({x}, {over}{', None, None, True' if keepdims else ''})"
    last, matrix, extent = plan
    if matrix != aval.shape:
        x = f"{x}.reshape({matrix})"
    text = f"{x}.dot({{ones}})" if last else f"{{ones}}.dot({x})"
    result = reduced_shape(aval.shape, axes, keepdims)
    if len(result) != 1:
        text += f".reshape({result})"
    return text, {"ones": (_ones(extent, aval.dtype), f"np.ones({extent}, np.{aval.dtype.type.__name__})")}


reduce_sum_p: Primitive = Primitive(
    "reduce_sum",
    _sum_impl,
    lambda x, *, axes, keepdims: Aval(reduced_shape(x.shape, axes, keepdims), sum_dtype(np.add, x.dtype)),
    transpose=lambda ct, x, *, axes, keepdims: spread(ct, shape_of(x), axes, keepdims),
    source=_sum_source,
)
reduce_sum_p.batch = reduction_batch(reduce_sum_p)


def reduce_sum(operand: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """The sum over these axes."""
    axes = tuple(axes)
    return reduce_sum_p(operand, axes=axes, keepdims=keepdims) if axes else operand


def unbroadcast(ct: Any, x: Any) -> Any:
    """A cotangent for what `x` was broadcast and promoted to, as the cotangent of `x`: summed, and in its dtype."""
    try:
        shape, dtype = x.shape, x.dtype
        if ct.shape == shape and ct.dtype == dtype:
            return ct
    except AttributeError:
        aval = aval_of(x)
        shape, dtype = aval.shape, aval.dtype
    now = shape_of(ct)
    if now != shape:
        axes, keepdims, last = _unbroadcast_plan(now, shape)
        if ct.__class__ is ndarray:
            ct = _sum_impl(ct, axes=axes, keepdims=keepdims)
        else:
            ct = reduce_sum_p(ct, axes=axes, keepdims=keepdims)
        if last:
            ct = reshape_p(ct, new_sizes=shape)
    return ct if ct.dtype == dtype else convert_element_type(ct, dtype)


@lru_cache(maxsize=4096)
def _unbroadcast_plan(now: Shape, shape: Shape) -> tuple[tuple[int, ...], bool, bool]:
    """The axes to sum, whether they stay with extent 1, and whether a reshape has to take some away."""
    lead = len(now) - len(shape)
    axes = tuple([axis for axis in range(len(now)) if axis < lead or now[axis] != shape[axis - lead]])
    keepdims = len(axes) > lead
    return axes, keepdims, keepdims and lead > 0


def match(tangent: Any, out: Any) -> Any:
    """A tangent with the shape and dtype of the value that it belongs to."""
    if shape_of(tangent) != shape_of(out):
        tangent = broadcast_to(tangent, shape_of(out))
    if dtype_of(tangent) != dtype_of(out):
        tangent = convert_element_type(tangent, dtype_of(out))
    return tangent


def zeros_like(x: Any) -> Any:
    """Zeros of the shape and dtype of `x`; a view of one zero where nothing is being recorded."""
    return zeros_of(aval_of(x))


def zeros_of(aval: Aval) -> Any:
    """Zeros of this aval's shape and dtype."""
    zero = aval.dtype.type(0)
    return broadcast_in_dim_p(zero, shape=aval.shape, broadcast_dimensions=()) if aval.shape else zero


# ---------------------------------------------------------------------------------------------------------------------
# concatenate and pad
# ---------------------------------------------------------------------------------------------------------------------


def _concatenate_abstract(*avals: Aval, dimension: int) -> Aval:
    first = avals[0].shape
    rest = first[:dimension] + first[dimension + 1 :]
    for aval in avals[1:]:
        if aval.ndim != len(first) or aval.shape[:dimension] + aval.shape[dimension + 1 :] != rest:
            raise ShapeError(
                f"arrays to be concatenated along axis {dimension} must agree in every other axis, got shapes "
                f"{' '.join(str(a.shape) for a in avals)}"
            )
    total = sum(aval.shape[dimension] for aval in avals)
    return Aval((*first[:dimension], total, *first[dimension + 1 :]), result_dtype(*avals_dtypes(avals)))


def avals_dtypes(avals: Sequence[Aval]) -> list[np.dtype]:
    """The dtypes of avals."""
    return [aval.dtype for aval in avals]


def _concatenate_jvp(primals: Sequence, tangents: Sequence, out: Any, *, dimension: int) -> Any:
    if all(tangent is None for tangent in tangents):
        return None
    if dtype_of(out).kind not in "fc":
        return None
    parts = [zeros_like(x) if t is None else t for x, t in zip(primals, tangents, strict=True)]
    return match(concatenate_p(*parts, dimension=dimension), out)


def _concatenate_vjp(ct: Any, out: Any, args: Sequence, wanted: Sequence[bool], *, dimension: int) -> list[Any]:
    parts = []
    start = 0
    lead = (slice(None),) * dimension
    for x, want in zip(args, wanted, strict=True):
        stop = start + shape_of(x)[dimension]
        parts.append(convert_element_type(ct[(*lead, slice(start, stop))], dtype_of(x)) if want else None)
        start = stop
    return parts


def _concatenate_batch(size: int, args: Sequence, dims: Sequence, *, dimension: int) -> tuple[Any, int]:
    fronts = [batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]
    return concatenate_p(*fronts, dimension=dimension + 1), 0


concatenate_p: Primitive = Primitive(
    "concatenate",
    lambda *args, dimension: np.concatenate(args, dimension),
    _concatenate_abstract,
    jvp=_concatenate_jvp,
    vjp_all=_concatenate_vjp,
    batch=_concatenate_batch,
    into=lambda args, avals, out, *, dimension: f"np.concatenate(({', '.join(args)},), {dimension}, {out})",
    source=lambda args, avals, *, dimension: (
        f"np.concatenate(({', '.join(args)}{',' if len(args) == 1 else ''}), {dimension})"
    ),
)


def concatenate(operands: Sequence[Any], dimension: int) -> Any:
    """Arrays joined along an axis that they have."""
    operands = list(operands)
    if not operands:
        raise ValueError("need at least one array to concatenate")
    ndim = ndim_of(operands[0])
    if not ndim:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    return concatenate_p(*operands, dimension=canonical_axis(dimension, ndim))


PadConfig = tuple[tuple[int, int, int], ...]


def _pad_abstract(x: Aval, value: Aval, *, padding_config: PadConfig) -> Aval:
    shape = []
    for extent, (low, high, interior) in zip(x.shape, padding_config, strict=True):
        size = low + high + extent + max(extent - 1, 0) * interior
        if size < 0:
            raise ShapeError(f"padding {padding_config} of shape {x.shape} would give a negative extent")
        shape.append(size)
    return Aval(tuple(shape), x.dtype)


def _pad_parts(shape: Shape, padding_config: PadConfig) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where in the padded array the elements stand, and which elements of the operand do."""
    target, source = [], []
    for extent, (low, high, interior) in zip(shape, padding_config, strict=True):
        step = interior + 1
        total = low + high + extent + max(extent - 1, 0) * interior
        first = min(extent, -(low // step)) if low < 0 else 0  # the first element that is not cut off
        last = extent
        while last > first and low + (last - 1) * step >= total:
            last -= 1
        start = low + first * step
        source.append(slice(first, last))
        target.append(slice(start, start + (last - first - 1) * step + 1, step) if last > first else slice(0, 0))
    return tuple(target), tuple(source)


def _pad_impl(x: Any, value: Any, *, padding_config: PadConfig) -> np.ndarray:
    x = _as_array(x)
    aval = _pad_abstract(aval_of(x), aval_of(value), padding_config=padding_config)
    out = np.full(aval.shape, value, x.dtype)
    target, source = _pad_parts(x.shape, padding_config)
    out[target] = x[source]
    return out


def _pad_jvp(primals: Sequence, tangents: Sequence, out: Any, *, padding_config: PadConfig) -> Any:
    if tangents[0] is None and tangents[1] is None:
        return None
    parts = [
        zeros_like(x) if t is None else convert_element_type(t, dtype_of(out))
        for x, t in zip(primals, tangents, strict=True)
    ]
    return pad_p(*parts, padding_config=padding_config)


def _pad_vjp_operand(ct: Any, out: Any, x: Any, value: Any, *, padding_config: PadConfig) -> Any:
    shape = shape_of(x)
    target, source = _pad_parts(shape, padding_config)
    part = ct[target]
    if any(s.stop - s.start != extent for s, extent in zip(source, shape, strict=True)):  # some elements were cut off
        config = tuple([(s.start, extent - s.stop, 0) for s, extent in zip(source, shape, strict=True)])
        part = pad_p(part, dtype_of(ct).type(0), padding_config=config)
    return part


def _pad_vjp_value(ct: Any, out: Any, x: Any, value: Any, *, padding_config: PadConfig) -> Any:
    inside = _pad_vjp_operand(ct, out, x, value, padding_config=padding_config)
    axes = tuple(range(ndim_of(x)))
    return convert_element_type(reduce_sum(ct, axes) - reduce_sum(inside, axes), dtype_of(value))


def _pad_batch(size: int, args: Sequence, dims: Sequence, *, padding_config: PadConfig) -> tuple[Any, int]:
    x = batch_to_front(size, args[0], dims[0])
    config = ((0, 0, 0), *padding_config)
    if dims[1] is None:
        return pad_p(x, args[1], padding_config=config), 0
    ndim = ndim_of(x)
    zero, one = dtype_of(x).type(0), dtype_of(x).type(1)
    hole = pad_p(np.zeros((1, *shape_of(x)[1:]), dtype_of(x)), one, padding_config=config)
    value = reshape(move_axis(args[1], dims[1], 0), (size, *[1] * (ndim - 1)))
    return pad_p(x, zero, padding_config=config) + hole * value, 0


def _pad_source(args: Sequence[str], avals: Sequence[Aval], *, padding_config: PadConfig) -> str | None:
    if not padding_config or any(interior or low < 0 or high < 0 for low, high, interior in padding_config):
        return None
    widths = tuple([(low, high) for low, high, _ in padding_config])
    return f"np.pad({args[0]}, {widths}, constant_values={args[1]})"


pad_p: Primitive = Primitive(
    "pad",
    _pad_impl,
    _pad_abstract,
    jvp=_pad_jvp,
    vjp=(_pad_vjp_operand, _pad_vjp_value),
    batch=_pad_batch,
    source=_pad_source,
)


def pad(operand: Any, padding_value: Any, padding_config: Sequence[tuple[int, int, int]]) -> Any:
    """`operand` with `padding_value` around and between its elements.

    Parameters
    ----------
    operand
        An array.
    padding_value
        A scalar.
    padding_config
        For each axis (low, high, interior): how many to put in front, behind, and between each two elements; a
        negative low or high cuts off.

    Examples
    --------
    >>> import numpy as np
    >>> pad(np.array([1.0, 2.0]), 0.0, [(1, 0, 1)])
    array([0., 1., 0., 2.])
    """
    config = tuple([(int(low), int(high), int(interior)) for low, high, interior in padding_config])
    if len(config) != ndim_of(operand):
        raise OptionError(f"expected (low, high, interior) for each of {ndim_of(operand)} axes, got {config}")
    if any(interior < 0 for _, _, interior in config):
        raise OptionError(f"interior padding cannot be negative, got {config}")
    return pad_p(operand, padding_value, padding_config=config)
