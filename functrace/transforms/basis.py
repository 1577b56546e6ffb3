"""The standard basis as a batch that knows what it is: a product with it is a rearrangement, and costs nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.primitive import Primitive
from ..core.trace import Trace, Tracer, current_recording
from ..lax.creation import iota
from ..lax.dot import dot_general_p
from ..lax.shape import convert_element_type, dtype_of, ndim_of, pad, reshape, shape_of, transpose


class BasisTracer(Tracer):
    """One leaf's part of a standard basis: `count` vectors, zeros but for an identity matrix from row `start` on."""

    __slots__ = ("_array", "count", "leaf", "start")

    def __init__(self, trace: BasisTrace, leaf: Aval, count: int, start: int) -> None:
        self._trace = trace
        self.leaf = leaf
        self.count = count
        self.start = start
        self._array: Any = None

    @property
    def aval(self) -> Aval:
        return Aval((self.count, *self.leaf.shape), self.leaf.dtype)

    def array(self) -> Any:
        """The same as an array; inside `jit` the compiled function makes it, so that no large constant is baked in."""
        if current_recording() is None:
            if self._array is None:
                block = np.eye(self.count, self.leaf.size, -self.start, self.leaf.dtype)
                self._array = block.reshape(self.aval.shape)
            return self._array
        rows, columns = reshape(iota(np.int64, self.count), (self.count, 1)), iota(np.int64, self.leaf.size)
        block = convert_element_type(rows == (columns + self.start if self.start else columns), self.leaf.dtype)
        return reshape(block, self.aval.shape)


class BasisTrace(Trace):
    """Carries products with a basis out without a product, and everything else on arrays."""

    __slots__ = ()

    def basis(self, avals: Sequence[Aval]) -> list[BasisTracer]:
        """The standard basis of values of these avals, with the number of the vector as an axis in front."""
        starts = list(itertools.accumulate([aval.size for aval in avals], initial=0))
        return [BasisTracer(self, aval, starts[-1], start) for aval, start in zip(avals, starts, strict=False)]

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        if primitive is dot_general_p:
            out = _product(*args, **params)
            if out is not None:
                return out
        return primitive(*[self.value_of(arg) for arg in args], **params)

    def value_of(self, value: Any) -> Any:
        """A value without this trace's tracers."""
        return value.array() if value.__class__ is BasisTracer and value._trace is self else value


def _product(x: Any, y: Any, *, dimension_numbers: Any) -> Any:
    """The product of an array and a basis over all axes of its leaf; None for any other."""
    (x_contracted, y_contracted), (x_batch, y_batch) = dimension_numbers
    if x_batch or y_batch or isinstance(x, BasisTracer) == isinstance(y, BasisTracer):
        return None
    basis_first = isinstance(x, BasisTracer)
    basis, other = (x, y) if basis_first else (y, x)
    of_basis, of_other = (x_contracted, y_contracted) if basis_first else (y_contracted, x_contracted)
    if sorted(of_basis) != list(range(1, 1 + len(basis.leaf.shape))):
        return None
    shape = shape_of(other)
    free = [axis for axis in range(ndim_of(other)) if axis not in of_other]
    contracted = [of_other[of_basis.index(axis)] for axis in sorted(of_basis)]
    size = (basis.leaf.size,)
    if basis_first:
        out = reshape(transpose(other, [*contracted, *free]), (*size, *[shape[axis] for axis in free]))
    else:
        out = reshape(transpose(other, [*free, *contracted]), (*[shape[axis] for axis in free], *size))
    around = (basis.start, basis.count - basis.start - basis.leaf.size, 0)
    if any(around):
        config = [(0, 0, 0)] * len(free)
        out = pad(out, dtype_of(out).type(0), [around, *config] if basis_first else [*config, around])
    out = convert_element_type(out, np.result_type(dtype_of(other), basis.leaf.dtype))
    return out.view() if out.__class__ is np.ndarray else out  # never an operand itself
