"""Batching: an interpreter that carries each equation out on values with an additional axis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import Aval, aval_of
from ..core.primitive import Primitive
from ..core.recording import leaked
from ..core.trace import Trace, Tracer, enter_trace, leave_trace, raise_refusal, require_callable
from ..errors import ArgumentError, OptionError, StructureError
from ..lax.shape import batch_to_front, move_axis, ndim_of, shape_of
from .arguments import as_leaf, flatten_result, fresh, own


class BatchTracer(Tracer):
    """A value with the axis that is its batch."""

    __slots__ = ("dim", "value")

    def __init__(self, trace: BatchTrace, value: Any, dim: int) -> None:
        self._trace = trace
        self.value = value
        self.dim = dim

    @property
    def aval(self) -> Aval:
        aval = aval_of(self.value)
        shape = list(aval.shape)
        del shape[self.dim]
        return Aval(tuple(shape), aval.dtype, aval.weak_type)


class AxisSize(int):
    """The size of a batch, which knows the name of its axis."""

    axis_name: Hashable | None

    def __new__(cls, size: int, axis_name: Hashable | None) -> AxisSize:
        self = super().__new__(cls, size)
        self.axis_name = axis_name
        return self


class BatchTrace(Trace):
    """Carries out on whole batches. A value that is the same for every example is no tracer."""

    __slots__ = ("axis_name", "open", "size")

    def __init__(self, size: int, axis_name: Any = None) -> None:
        super().__init__()
        self.size = AxisSize(size, axis_name)
        self.axis_name = axis_name
        self.open = True

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        if not self.open:
            raise leaked(args)
        values = []
        dims: list[int | None] = []
        for arg in args:
            if arg.__class__ is BatchTracer and arg._trace is self:
                values.append(arg.value)
                dims.append(arg.dim)
            else:
                values.append(arg)
                dims.append(None)
        if primitive.batch is None:
            raise ArgumentError(
                f"{primitive.name} has no batching rule, so vmap cannot carry it out on a batch",
                instead="give the primitive a `batch` rule, or loop over the examples",
            )
        out, dim = primitive.batch(self.size, values, dims, **params)
        if primitive.multiple_results:
            if any(value.__class__ is BatchTracer and value._trace is self for value in out):
                raise ArgumentError(
                    f"{primitive.name}: a function with a rule of its own uses a value from outside that differs "
                    "between the examples of a vmap; its rule does not say how",
                    instead="pass the value as an argument; functrace.closure_convert makes one of it",
                )
            return [
                value if axis is None else BatchTracer(self, value, axis) for value, axis in zip(out, dim, strict=True)
            ]
        return out if dim is None else BatchTracer(self, out, dim)


def vmap(
    fun: Callable,
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
) -> Callable:
    """A function of one example as a function of a batch of examples.

    Parameters
    ----------
    fun
        A function of arrays and pytrees.
    in_axes
        For each argument the axis that is the batch, None for an argument that is the same for every example; an int
        for all, or a tuple or list whose entries are ints, None, or pytrees of them that are prefixes of the
        arguments. Keyword arguments are batched along axis 0.
    out_axes
        Where the batch goes in the result, likewise.
    axis_name
        A name for the batch axis, for collectives such as `psum`.
    axis_size
        The size of the batch, where no argument has one.

    Returns
    -------
    callable
        Takes batches and gives batches.

    Raises
    ------
    OptionError
        `in_axes` or `out_axes` does not fit, or the batches differ in size; the message says leaf by leaf.

    Notes
    -----
    Every operation is carried out on the whole batch at once, but for those whose NumPy routine takes one example:
    `searchsorted` in a batch of arrays, what `functrace.scipy.linalg` has from SciPy matrix by matrix (`schur`,
    `hessenberg`, `sqrtm`, `logm`, `solve_sylvester`, pivoted `qr`), and a `pure_callback` with
    ``vmap_method="sequential"``. These loop in Python.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> functrace.vmap(fnp.dot)(fnp.ones((3, 2)), fnp.ones((3, 2)))
    array([2., 2., 2.])
    """
    require_callable(fun, "vmap")
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if not (in_axes is None or isinstance(in_axes, (int, np.integer, tuple))):
        raise OptionError(
            f"vmap: in_axes should be an int, None, or a tuple with an entry for each argument, got {in_axes!r}"
        )

    @wraps(fun)
    def batched(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten((args, kwargs))
        axes = _leaf_axes(in_axes, args, kwargs)
        leaves = [as_leaf(leaf) for leaf in leaves]
        dims = [
            None if axis is None else _batch_axis(leaf, axis, position, args, kwargs)
            for position, (leaf, axis) in enumerate(zip(leaves, axes, strict=True))
        ]
        size = _batch_size(leaves, dims, axis_size, args, kwargs)
        flat = [_native(x) if dim is not None else x for x, dim in zip(leaves, dims, strict=True)]

        def run(*tracers: Any) -> tuple[list[Any], Any]:
            arguments, keywords = treedef.unflatten(tracers)
            result = fun(*arguments, **keywords)
            return flatten_result(result, "vmap")

        (out, out_tree), out_dims = run_batched(run, flat, dims, size, axis_name)
        targets = _out_axes(out_axes, out_tree, out)
        placed = [_place(x, dim, axis, size) for x, dim, axis in zip(out, out_dims, targets, strict=True)]
        placed = [fresh(x) if dim is None else x for x, dim in zip(placed, out_dims, strict=True)]
        return out_tree.unflatten(own(placed, leaves))

    return batched


def run_batched(
    function: Callable[..., tuple[list[Any], Any]],
    values: Sequence[Any],
    dims: Sequence[int | None],
    size: int,
    axis_name: Hashable | None,
) -> tuple[tuple[list[Any], Any], list[int | None]]:
    """Run a function of flat arguments on batches: what it gives, with values for tracers, and their batch axes."""
    trace = BatchTrace(size, axis_name)
    tracers = [x if dim is None else BatchTracer(trace, x, dim) for x, dim in zip(values, dims, strict=True)]
    enter_trace()
    try:
        with named_axis(axis_name, trace):
            out, rest = function(*tracers)
    except ValueError as error:
        raise_refusal(error)
        raise
    finally:
        leave_trace()
        trace.open = False
    batched = [x.__class__ is BatchTracer and x._trace is trace for x in out]
    out_dims = [x.dim if is_batched else None for x, is_batched in zip(out, batched, strict=True)]
    return ([x.value if is_batched else x for x, is_batched in zip(out, batched, strict=True)], rest), out_dims


def _native(x: Any) -> Any:
    return x if isinstance(x, Tracer) else np.asarray(x)


def _place(x: Any, dim: int | None, axis: int | None, size: int) -> Any:
    """A result with its batch where `out_axes` wants it."""
    if axis is None:
        if dim is not None:
            raise OptionError(
                f"vmap: out_axes is None for a result that differs between examples (its batch axis is {dim})",
                instead="an int in out_axes, or a reduction over the batch (functrace.lax.psum) in the function",
            )
        return x
    ndim = ndim_of(x) + (dim is None)
    if not -ndim <= axis < ndim:
        raise OptionError(f"vmap: out_axes={axis}, but the result with its batch has {ndim} axes")
    if dim is None:
        x, dim = batch_to_front(size, x, None), 0
    return move_axis(x, dim, axis % ndim)


def _leaf_axes(in_axes: Any, args: tuple, kwargs: dict[str, Any]) -> list[int | None]:
    """An axis or None for each leaf of (args, kwargs)."""
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise OptionError(
            f"vmap: in_axes has {len(in_axes)} entries, but the function was called with {len(args)} positional "
            "arguments",
            instead="one entry for each positional argument; keyword arguments are always batched along axis 0",
        )
    prefix = tuple(in_axes) if isinstance(in_axes, tuple) else (in_axes,) * len(args)
    try:
        axes = tree.broadcast_prefix(prefix, args, is_leaf=lambda x: x is None)
    except StructureError as error:
        raise OptionError(
            f"vmap: in_axes {in_axes!r} is no prefix of the arguments: {error.what}",
            instead="for each argument an int, None, or a container like the argument with these in it",
        ) from None
    for axis in axes:
        if axis is not None and not isinstance(axis, (int, np.integer)):
            raise OptionError(f"vmap: in_axes should be made of ints and None, got {axis!r}")
    return axes + [0] * len(tree.leaves(kwargs))


def _batch_axis(leaf: Any, axis: int, position: int, args: tuple, kwargs: dict[str, Any]) -> int:
    ndim = ndim_of(leaf)
    if not -ndim <= axis < ndim:
        raise OptionError(
            f"vmap: in_axes is {axis} for {_leaf_name(position, args, kwargs)}, which is {aval_of(leaf)} and has "
            f"{ndim} axes",
            instead="None in in_axes for an argument that is the same for every example",
        )
    return int(axis) % ndim


def _batch_size(
    leaves: Sequence[Any], dims: Sequence[int | None], axis_size: int | None, args: tuple, kwargs: dict[str, Any]
) -> int:
    sizes = [None if dim is None else shape_of(leaf)[dim] for leaf, dim in zip(leaves, dims, strict=True)]
    found = {size for size in sizes if size is not None}
    if axis_size is not None:
        found.add(axis_size)
    if len(found) > 1:
        lines = [
            f"    {_leaf_name(i, args, kwargs)}: {aval_of(leaf)}, axis {dims[i]} has size {sizes[i]}"
            for i, leaf in enumerate(leaves)
            if sizes[i] is not None
        ]
        asked = f" (axis_size is {axis_size})" if axis_size is not None else ""
        raise OptionError(f"vmap: the batches differ in size{asked}:\n" + "\n".join(lines))
    if not found:
        raise OptionError(
            "vmap: no argument has a batch axis, so the size of the batch is not known",
            instead="an int in in_axes for at least one argument, or axis_size",
        )
    return found.pop()


def _leaf_name(position: int, args: tuple, kwargs: dict[str, Any]) -> str:
    path = tree.leaves_with_path((args, kwargs))[position][0]
    kind = "argument " if path[0].idx == 0 else "keyword argument "
    return kind + tree.keystr(path[1:])


def _out_axes(out_axes: Any, out_tree: Any, out: Sequence[Any]) -> list[int | None]:
    stand_in = out_tree.unflatten([0] * len(out))
    try:
        axes = tree.broadcast_prefix(out_axes, stand_in, is_leaf=lambda x: x is None)
    except StructureError as error:
        raise OptionError(f"vmap: out_axes {out_axes!r} is no prefix of the result: {error.what}") from None
    for axis in axes:
        if axis is not None and not isinstance(axis, (int, np.integer)):
            raise OptionError(f"vmap: out_axes should be made of ints and None, got {axis!r}")
    return axes


# ---------------------------------------------------------------------------------------------------------------------
# names of axes
# ---------------------------------------------------------------------------------------------------------------------


class _Names(threading.local):
    def __init__(self) -> None:
        self.traces: list[tuple[Hashable, BatchTrace]] = []


_names = _Names()


@contextmanager
def named_axis(name: Hashable | None, trace: BatchTrace) -> Iterator[None]:
    """While this runs, `name` is the batch axis of `trace`."""
    if name is None:
        yield
        return
    _names.traces.append((name, trace))
    try:
        yield
    finally:
        _names.traces.pop()


def axis_environment() -> tuple[tuple[Hashable, int], ...]:
    """The named axes here, with their sizes: what a traced program may depend on."""
    return tuple([(name, int(trace.size)) for name, trace in _names.traces])


def axis_trace(name: Hashable) -> BatchTrace:
    """The trace whose batch axis has this name, the innermost one.

    Raises
    ------
    OptionError
        There is none.
    """
    for known, trace in reversed(_names.traces):
        if known == name:
            return trace
    bound = [known for known, _ in _names.traces]
    raise OptionError(
        f"axis name {name!r} is not bound; bound here: {bound or 'none'}",
        instead=f"functrace.vmap(f, axis_name={name!r}) around the function that uses it",
    )
