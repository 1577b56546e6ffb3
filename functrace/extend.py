"""What it takes to extend the library: primitives with their rules, and interpreters over jaxprs.

A primitive is one object with all its rules (`Primitive` says which there are). An interpreter either walks a recorded
jaxpr (`make_jaxpr`, `Jaxpr`, `Equation`; `eval_jaxpr` is the pattern to copy), or runs while the function runs, as a
`Trace` whose `process` is given each equation. ``notebooks/extending.ipynb`` builds one of each.

Examples
--------
A primitive whose rules follow from its derivative, here for a ufunc of SciPy's:

>>> import functrace, functrace.numpy as fnp, scipy.special
>>> from functrace import extend
>>> exprel = extend.unary("exprel", scipy.special.exprel, derivative=lambda x, y: (fnp.exp(x) - y) / x)
>>> round(float(functrace.jit(functrace.grad(exprel))(1.0)), 6)
1.0

An interpreter that counts equations:

>>> from collections import Counter
>>> closed = extend.make_jaxpr(lambda x: fnp.sin(x) * fnp.sin(2 * x))(1.0)
>>> sorted(Counter(equation.primitive.name for equation in closed.eqns).items())
[('mul', 2), ('sin', 2)]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .core.aval import Aval, aval_of, broadcast_shapes, result_dtype
from .core.jaxpr import (
    Atom,
    ClosedJaxpr,
    Equation,
    Jaxpr,
    Literal,
    Var,
    check_jaxpr,
    eval_jaxpr,
    inner_jaxprs,
    jaxpr_as_fun,
)
from .core.primitive import Primitive
from .core.recording import JaxprTrace, JaxprTracer, record
from .core.trace import Trace, Tracer, bind, enter_trace, leave_trace
from .lax import elementwise as _elementwise
from .lax.elementwise import batch_elementwise
from .lax.shape import batch_to_front, match, move_axis, reduction_batch, unbroadcast, zeros_of
from .transforms.jit import make_jaxpr
from .transforms.programs import batch_program, jvp_program, vjp_program

__all__ = [
    "Atom",
    "Aval",
    "ClosedJaxpr",
    "Equation",
    "Jaxpr",
    "JaxprTrace",
    "JaxprTracer",
    "Literal",
    "Primitive",
    "Trace",
    "Tracer",
    "Var",
    "aval_of",
    "batch_elementwise",
    "batch_program",
    "batch_to_front",
    "binary",
    "bind",
    "broadcast_shapes",
    "check_jaxpr",
    "enter_trace",
    "eval_jaxpr",
    "inner_jaxprs",
    "jaxpr_as_fun",
    "jvp_program",
    "leave_trace",
    "make_jaxpr",
    "match",
    "move_axis",
    "record",
    "reduction_batch",
    "result_dtype",
    "unary",
    "unbroadcast",
    "vjp_program",
    "zeros_of",
]


def unary(
    name: str, ufunc: np.ufunc, derivative: Callable | None = None, *, transpose: Callable | None = None
) -> Primitive:
    """A primitive of one operand from a ufunc and its derivative, with all its rules.

    Parameters
    ----------
    name
        As it stands in a jaxpr.
    ufunc
        A ufunc of one operand, NumPy's or another's.
    derivative
        ``derivative(x, y)`` for the operand and the result: the factor of a tangent. None: no derivative flows.
    transpose
        In place of `derivative` for a linear function: what it does to a cotangent.

    Returns
    -------
    Primitive
    """
    return _with_own_call(_elementwise.unary(name, ufunc, derivative, transpose=transpose), ufunc)


def binary(
    name: str,
    ufunc: np.ufunc,
    derivatives: tuple[Callable, Callable] | None = None,
    *,
    partials: tuple[Callable | None, Callable | None] | None = None,
) -> Primitive:
    """A primitive of two operands, which broadcast, from a ufunc and its derivatives, with all its rules.

    Parameters
    ----------
    name
        As it stands in a jaxpr.
    ufunc
        A ufunc of two operands, NumPy's or another's.
    derivatives
        Two functions of (x, y, result): the factors of the operands' tangents.
    partials
        In their place two functions of (tangent, x, y, result), for what is better not written as a product; None is
        zero.

    Returns
    -------
    Primitive
    """
    return _with_own_call(_elementwise.binary(name, ufunc, derivatives, partials=partials), ufunc)


def _with_own_call(primitive: Primitive, ufunc: np.ufunc) -> Primitive:
    """In compiled source a ufunc that is not NumPy's is called as it is."""
    if getattr(np, ufunc.__name__, None) is not ufunc:
        primitive.source = primitive.ufunc = None
    return primitive
