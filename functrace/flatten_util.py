"""A pytree of arrays as one array of one axis, and back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from . import tree
from .core.aval import Aval, aval_of, short_dtype
from .errors import DtypeError, ShapeError
from .lax.indexing import getitem
from .lax.shape import concatenate, convert_element_type, dtype_of, reshape, shape_of
from .transforms.arguments import as_leaves, own

__all__ = ["ravel_pytree"]


def ravel_pytree(pytree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Put all elements of a pytree's leaves into one array of one axis.

    Parameters
    ----------
    pytree
        A pytree of arrays and numbers.

    Returns
    -------
    flat, unravel
        The elements, leaf after leaf, in the dtype to which the leaves promote; and the function that makes of such an
        array a pytree with the structure, shapes and dtypes of this one. Where all leaves have one dtype, `unravel`
        takes arrays of any dtype and keeps it.

    Raises
    ------
    DtypeError
        A leaf is no array and no number.

    Examples
    --------
    >>> import numpy as np
    >>> flat, unravel = ravel_pytree({"a": np.array([1.0, 2.0]), "b": 3.0})
    >>> flat
    array([1., 2., 3.])
    >>> unravel(2 * flat)
    {'a': array([2., 4.]), 'b': np.float64(6.0)}
    """
    leaves, treedef = tree.flatten(pytree)
    leaves = as_leaves(leaves)
    avals = tuple([aval_of(leaf).strong() for leaf in leaves])
    dtype = np.result_type(*[aval.dtype for aval in avals]) if avals else np.dtype(np.float64)
    unravel = _Unravel(treedef, avals, dtype)
    if not leaves:
        return np.zeros(0), unravel
    lines = [reshape(convert_element_type(leaf, dtype), (-1,)) for leaf in leaves]
    (flat,) = own([concatenate(lines, 0) if len(lines) > 1 else lines[0]], leaves)
    return flat, unravel


class _Unravel:
    """The way back: equal for pytrees of one kind, so that it can be a static argument of `jit`."""

    __slots__ = ("avals", "dtype", "treedef")

    def __init__(self, treedef: tree.PyTreeDef, avals: tuple[Aval, ...], dtype: np.dtype) -> None:
        self.treedef = treedef
        self.avals = avals
        self.dtype = dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unravel) and (self.treedef, self.avals, self.dtype) == (
            other.treedef,
            other.avals,
            other.dtype,
        )

    def __hash__(self) -> int:
        return hash((self.treedef, self.avals, self.dtype))

    def __call__(self, flat: Any) -> Any:
        ends = list(accumulate([aval.size for aval in self.avals], initial=0))
        if shape_of(flat) != (ends[-1],):
            raise ShapeError(
                f"unravel expected an array of shape ({ends[-1]},), as ravel_pytree gave, got shape {shape_of(flat)}"
            )
        mixed = any(aval.dtype != self.dtype for aval in self.avals)
        if mixed and dtype_of(flat) != self.dtype:
            raise DtypeError(
                f"unravel expected an array of dtype {short_dtype(self.dtype)}, to which the leaves promote, got "
                f"{short_dtype(dtype_of(flat))}",
                instead=f"flat.astype(numpy.{self.dtype.name})",
            )
        leaves = []
        for start, aval in zip(ends, self.avals, strict=False):
            if aval.shape:
                leaf = reshape(getitem(flat, slice(start, start + aval.size)), aval.shape)
            else:
                leaf = getitem(flat, start)
            leaves.append(convert_element_type(leaf, aval.dtype) if mixed else leaf)
        return self.treedef.unflatten(own(leaves, [flat]))
