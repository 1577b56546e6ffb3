"""ndarray's operators, methods and properties, given to tracers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import PYTHON_SCALARS
from ..core.primitive import Primitive
from ..core.trace import Tracer, set_methods
from ..lax import elementwise as lax
from ..lax.dot import matmul
from .dispatch import array_function, array_ufunc, as_operand, is_operand

_READY = PYTHON_SCALARS | {np.ndarray, np.float64, np.float32}


def _operator(primitive: Primitive | Callable) -> tuple[Callable, Callable]:
    """A binary operator and its reflection."""

    def forward(self: Tracer, other: Any) -> Any:
        if other.__class__ in _READY:  # no tracer: this one's trace is the one to ask
            return process(self, (self, other))
        if not isinstance(other, Tracer):
            if not is_operand(other):
                return NotImplemented
            other = as_operand(other)
        return primitive(self, other)

    def reflected(self: Tracer, other: Any) -> Any:
        if other.__class__ in _READY:
            return process(self, (other, self))
        if not isinstance(other, Tracer):
            if not is_operand(other):
                return NotImplemented
            other = as_operand(other)
        return primitive(other, self)

    if isinstance(primitive, Primitive):

        def process(tracer: Tracer, operands: tuple) -> Any:
            return tracer.trace.process(primitive, operands, {})
    else:

        def process(tracer: Tracer, operands: tuple) -> Any:
            return primitive(*operands)

    return forward, reflected


def _comparison(primitive: Primitive) -> Callable:
    return _operator(primitive)[0]


def operators() -> dict[str, Any]:
    """Every Python operator."""
    table: dict[str, Any] = {}
    for name, primitive in {
        "add": lax.add,
        "sub": lax.sub,
        "mul": lax.mul,
        "truediv": lax.div,
        "floordiv": lax.floor_divide,
        "mod": lax.remainder,
        "pow": lax.pow_,
        "and": lax.bitwise_and,
        "or": lax.bitwise_or,
        "xor": lax.bitwise_xor,
        "lshift": lax.shift_left,
        "rshift": lax.shift_right,
        "matmul": matmul,
        "divmod": lambda x, y: (lax.floor_divide(x, y), lax.remainder(x, y)),
    }.items():
        table[f"__{name}__"], table[f"__r{name}__"] = _operator(primitive)
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        table[f"__{name}__"] = _comparison(getattr(lax, name))
    table["__neg__"] = lambda self: lax.neg(self)
    table["__pos__"] = lambda self: lax.positive(self)
    table["__abs__"] = lambda self: lax.abs_(self)
    table["__invert__"] = lambda self: lax.bitwise_not(self)
    return table


def install() -> None:
    """Give tracers their operators, methods and properties."""
    set_methods({**operators(), "__array_ufunc__": array_ufunc, "__array_function__": array_function})


install()
