"""Batching: an interpreter that carries each equation out on values with an additional axis."""

from __future__ import annotations

from typing import Any

from ..core.aval import Aval, aval_of
from ..core.primitive import Primitive
from ..core.recording import leaked
from ..core.trace import Trace, Tracer


class BatchTracer(Tracer):
    """A value with the axis that is its batch."""

    __slots__ = ("dim", "value")

    def __init__(self, trace: BatchTrace, value: Any, dim: int) -> None:
        self.trace = trace
        self.value = value
        self.dim = dim

    @property
    def aval(self) -> Aval:
        aval = aval_of(self.value)
        shape = list(aval.shape)
        del shape[self.dim]
        return Aval(tuple(shape), aval.dtype, aval.weak_type)


class BatchTrace(Trace):
    """Carries out on whole batches. A value that is the same for every example is no tracer."""

    __slots__ = ("axis_name", "open", "size")

    def __init__(self, size: int, axis_name: Any = None) -> None:
        super().__init__()
        self.size = size
        self.axis_name = axis_name
        self.open = True

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        if not self.open:
            raise leaked(args)
        values = []
        dims = []
        for arg in args:
            if arg.__class__ is BatchTracer and arg.trace is self:
                values.append(arg.value)
                dims.append(arg.dim)
            else:
                values.append(arg)
                dims.append(None)
        out, dim = primitive.batch(self.size, values, dims, **params)
        if primitive.multiple_results:
            return [
                value if axis is None else BatchTracer(self, value, axis) for value, axis in zip(out, dim, strict=True)
            ]
        return out if dim is None else BatchTracer(self, out, dim)
