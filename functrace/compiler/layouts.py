"""Rules of operations that move elements about: each is exact."""

from __future__ import annotations

import numpy as np

from ..core.aval import DYNAMIC, Shape
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Var
from ..core.primitive import Primitive
from ..lax.shape import broadcast_in_dim_p, reshape_p, transpose_p
from .rewriting import Rewriting, Rule


def with_one_copy(closed: ClosedJaxpr) -> ClosedJaxpr:
    """With what is transposed, and then reshaped so that NumPy has to copy it, copied once for all of its reshapes."""
    made_by: dict[Atom, Equation] = {var: equation for equation in closed.equations for var in equation.outputs}
    copies: dict[Atom, Var] = {}
    equations = []
    for equation in closed.equations:
        if equation.primitive is reshape_p and DYNAMIC not in equation.outputs[0].aval.shape:
            (x,) = equation.inputs
            maker = made_by.get(x)
            if maker is not None and maker.primitive is transpose_p and _copies(maker, equation.outputs[0].aval.shape):
                if x not in copies:
                    copies[x] = Var(x.aval)
                    equations.append(Equation(row_major_p, (x,), {}, (copies[x],), equation.location))
                equation = Equation(reshape_p, (copies[x],), equation.params, equation.outputs, equation.location)
        equations.append(equation)
    jaxpr = closed.jaxpr
    if not copies:
        return closed
    return ClosedJaxpr(Jaxpr(jaxpr.constvars, jaxpr.invars, equations, jaxpr.outvars), closed.consts)


row_major_p = Primitive(
    "row_major",
    lambda x: np.array(x, order="C"),
    lambda x: x,
    source=lambda args, avals: f"{args[0]}.copy()",
    into=lambda args, avals, out: f"np.copyto({out}, {args[0]})",
)


def _copies(transpose: Equation, shape: Shape) -> bool:
    """Whether a transposed array cannot be seen in another shape, so that a reshape copies it."""
    source = transpose.inputs[0].aval
    if DYNAMIC in source.shape or not source.size:
        return False
    transposed = np.empty(source.shape, np.bool_).transpose(transpose.params["permutation"])
    return not np.may_share_memory(transposed, transposed.reshape(shape))


def _broadcast(equation: Equation, program: Rewriting) -> Atom | None:
    (x,) = equation.inputs
    if x.aval == equation.outputs[0].aval:
        return x
    maker = program.maker(x, "broadcast_in_dim")
    if maker is None:
        return None
    first, second = maker.params["broadcast_dimensions"], equation.params["broadcast_dimensions"]
    dimensions = tuple([second[axis] for axis in first])
    return program.emit(
        broadcast_in_dim_p, *maker.inputs, shape=equation.params["shape"], broadcast_dimensions=dimensions
    )


def _reshape(equation: Equation, program: Rewriting) -> Atom | None:
    (x,) = equation.inputs
    if x.aval == equation.outputs[0].aval:
        return x
    maker = program.maker(x, "reshape", "broadcast_in_dim")
    if maker is None:
        return None
    (source,) = maker.inputs
    new = equation.params["new_sizes"]
    if maker.primitive is reshape_p:
        return program.emit(reshape_p, source, new_sizes=new)
    axes = _axes_kept(maker.params["shape"], new)
    if axes is None:
        return None
    # an axis of extent 1 may go: the operand, if it has it, goes without
    kept = [axis for axis, at in enumerate(maker.params["broadcast_dimensions"]) if at in axes]
    shape = tuple([source.aval.shape[axis] for axis in kept])
    if shape != source.aval.shape:
        if source.aval.weak_type:
            return None
        source = program.emit(reshape_p, source, new_sizes=shape)
    dimensions = tuple([axes[maker.params["broadcast_dimensions"][axis]] for axis in kept])
    return program.emit(broadcast_in_dim_p, source, shape=new, broadcast_dimensions=dimensions)


def _axes_kept(old: Shape, new: Shape) -> dict[int, int] | None:
    """Where each axis goes in a reshape that takes in and out axes of extent 1; None for any other."""
    if DYNAMIC in old or DYNAMIC in new:
        return None
    from_axes = [axis for axis, extent in enumerate(old) if extent != 1]
    to_axes = [axis for axis, extent in enumerate(new) if extent != 1]
    if [old[axis] for axis in from_axes] != [new[axis] for axis in to_axes]:
        return None
    return dict(zip(from_axes, to_axes, strict=True))


def _transpose(equation: Equation, program: Rewriting) -> Atom | None:
    (x,) = equation.inputs
    permutation = equation.params["permutation"]
    if permutation == tuple(range(len(permutation))):
        return x
    maker = program.maker(x, "transpose", "broadcast_in_dim")
    if maker is None:
        return None
    (source,) = maker.inputs
    if maker.primitive is transpose_p:
        first = maker.params["permutation"]
        return program.emit(transpose_p, source, permutation=tuple([first[axis] for axis in permutation]))
    dimensions = tuple([permutation.index(axis) for axis in maker.params["broadcast_dimensions"]])
    if list(dimensions) != sorted(dimensions):
        return None
    shape = equation.outputs[0].aval.shape
    return program.emit(broadcast_in_dim_p, source, shape=shape, broadcast_dimensions=dimensions)


def _rev(equation: Equation, program: Rewriting) -> Atom | None:
    (x,) = equation.inputs
    shape = x.aval.shape
    axes = tuple([axis for axis in equation.params["dimensions"] if shape[axis] != 1])
    maker = program.maker(x, "rev")
    if maker is not None:
        axes = tuple(sorted(set(axes) ^ set(maker.params["dimensions"])))
        x = maker.inputs[0]
    if not axes:
        return x
    return None if x is equation.inputs[0] else program.emit(equation.primitive, x, dimensions=axes)


def _concatenate(equation: Equation, program: Rewriting) -> Atom | None:
    dimension = equation.params["dimension"]
    full = [atom for atom in equation.inputs if atom.aval.shape[dimension]]
    return full[0] if len(full) == 1 else None


def _pad(equation: Equation, program: Rewriting) -> Atom | None:
    return None if any(any(widths) for widths in equation.params["padding_config"]) else equation.inputs[0]


def _getitem(equation: Equation, program: Rewriting) -> Atom | None:
    """An index that takes everything, with axes of extent 1 put in."""
    x = equation.inputs[0]
    entries = equation.params["index"].entries
    shape = x.aval.shape
    if len(equation.inputs) > 1 or not shape or DYNAMIC in shape:
        return None
    axis = 0
    for position, entry in enumerate(entries):
        if entry is None:
            continue
        if entry is Ellipsis:
            axis = len(shape) - sum([other is not None for other in entries[position + 1 :]])
            continue
        if not isinstance(entry, slice) or entry.indices(shape[axis]) != (0, shape[axis], 1):
            return None
        axis += 1
    return program.emit(reshape_p, x, new_sizes=equation.outputs[0].aval.shape)


RULES: dict[str, list[Rule]] = {
    "broadcast_in_dim": [_broadcast],
    "reshape": [_reshape],
    "transpose": [_transpose],
    "rev": [_rev],
    "concatenate": [_concatenate],
    "pad": [_pad],
    "getitem": [_getitem],
}
