"""Rules of reductions. Sums may add in another order; all else is exact."""

from __future__ import annotations

from ..core.aval import DYNAMIC, Aval
from ..core.jaxpr import Atom, Equation, Literal
from ..lax import elementwise as e
from ..lax.shape import broadcast_in_dim_p, reshape_p
from .rewriting import Rewriting, Rule


def _of_nothing(equation: Equation, program: Rewriting) -> Atom | None:
    """Over axes of extent 1 alone."""
    (x,) = equation.inputs
    out = equation.outputs[0].aval
    if x.aval.dtype != out.dtype or any(x.aval.shape[axis] != 1 for axis in equation.params["axes"]):
        return None
    return program.emit(reshape_p, x, new_sizes=out.shape)


def _of_a_reduction(equation: Equation, program: Rewriting) -> Atom | None:
    """The same over the axes of both."""
    (x,) = equation.inputs
    inner = program.made_by.get(x)
    if inner is None or inner.primitive is not equation.primitive or not program.once(x):
        return None
    (source,) = inner.inputs
    axes, params = inner.params["axes"], equation.params
    left = [axis for axis in range(source.aval.ndim) if inner.params["keepdims"] or axis not in axes]
    together = tuple(sorted({*axes, *[left[axis] for axis in params["axes"]]}))
    program.let_go(x)
    return _in_shape(program.emit(equation.primitive, source, axes=together, keepdims=False), equation, program)


def _in_shape(x: Atom, equation: Equation, program: Rewriting) -> Atom | None:
    shape = equation.outputs[0].aval.shape
    if x.aval.shape == shape or DYNAMIC in shape:
        return x
    return program.emit(reshape_p, x, new_sizes=shape)


def _of_a_broadcast(equation: Equation, program: Rewriting) -> Atom | None:
    """Over copies: each is the same."""
    repeated = _repeated(equation, program)
    if repeated is None:
        return None
    reduced, _ = repeated
    return _spread(reduced, equation, program)


def _sum_of_a_broadcast(equation: Equation, program: Rewriting) -> Atom | None:
    """Over copies: so many times the one."""
    if equation.outputs[0].aval.dtype.kind != "f" or equation.inputs[0].aval.dtype.itemsize < 4:
        return None
    repeated = _repeated(equation, program)
    if repeated is None:
        return None
    reduced, count = repeated
    product = program.emit(e.mul, reduced, Literal(float(count)))
    return None if product.aval.weak_type else _spread(product, equation, program)


def _repeated(equation: Equation, program: Rewriting) -> tuple[Atom, int] | None:
    """What is repeated along some of the reduced axes, reduced over the others; and how often it is repeated."""
    (x,), axes = equation.inputs, equation.params["axes"]
    maker = program.maker(x, "broadcast_in_dim")
    if maker is None or DYNAMIC in x.aval.shape or not x.aval.size:
        return None
    (source,) = maker.inputs
    dimensions = maker.params["broadcast_dimensions"]
    own = [axis for axis, extent in zip(dimensions, source.aval.shape, strict=True) if extent == x.aval.shape[axis]]
    copies = [axis for axis in axes if axis not in own and x.aval.shape[axis] != 1]
    if not copies or source.aval.weak_type:
        return None
    summed = tuple([position for position, axis in enumerate(dimensions) if axis in axes])
    if summed:
        source = program.emit(equation.primitive, source, axes=summed, keepdims=False)
    return source, Aval(tuple([x.aval.shape[axis] for axis in copies]), x.aval.dtype).size


def _spread(x: Atom, equation: Equation, program: Rewriting) -> Atom | None:
    """What is left of a broadcast's operand, along the axes that are left of the broadcast."""
    maker = program.made_by[equation.inputs[0]]
    axes, keepdims = equation.params["axes"], equation.params["keepdims"]
    ndim = equation.inputs[0].aval.ndim
    left = [axis for axis in range(ndim) if keepdims or axis not in axes]
    dimensions = [left.index(axis) for axis in maker.params["broadcast_dimensions"] if axis not in axes]
    shape = equation.outputs[0].aval.shape
    if not shape:
        return x
    return program.emit(broadcast_in_dim_p, x, shape=shape, broadcast_dimensions=tuple(dimensions))


def _sum_of_minus(equation: Equation, program: Rewriting) -> Atom | None:
    """Minus the sum: exact but for the sign of a sum that is zero."""
    (x,) = equation.inputs
    maker = program.maker(x, "neg")
    if maker is not None and program.once(x) and x.aval.dtype == equation.outputs[0].aval.dtype:
        program.let_go(x)
        return program.emit(e.neg, program.emit(equation.primitive, *maker.inputs, **equation.params))
    return None


_ANY: list[Rule] = [_of_nothing, _of_a_reduction]

RULES: dict[str, list[Rule]] = {
    "reduce_sum": [*_ANY, _sum_of_minus, _sum_of_a_broadcast],
    "reduce_prod": _ANY,
    **{name: [*_ANY, _of_a_broadcast] for name in ("reduce_max", "reduce_min", "reduce_and", "reduce_or")},
}
