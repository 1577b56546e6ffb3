"""Rules of sums of products and of products of matrices, which add in another order."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from ..core.aval import DYNAMIC, Shape
from ..core.jaxpr import Atom, Equation, Literal
from ..lax import elementwise as e
from ..lax.dot import DimensionNumbers, dot_general_p
from ..lax.indexing import scatter_zeros_p
from ..lax.shape import concatenate_p, reduce_sum_p, reshape_p, transpose_p
from .fusion import SMALLEST
from .rewriting import Rewriting, Rule

#: Elements in a row from which its product with another is summed faster by itself than with all others.
_LONG_ROW = 32
_BLAS = "fdFD"

# ---------------------------------------------------------------------------------------------------------------------
# the sum of a product
# ---------------------------------------------------------------------------------------------------------------------


def _sum_of_product(equation: Equation, program: Rewriting) -> Atom | None:
    """A sum of x · y is a product of arrays: no array of the products is made."""
    (product,) = equation.inputs
    maker = program.maker(product, "mul", "square")
    if maker is None or not program.once(product):
        return None
    shape, dtype = product.aval.shape, product.aval.dtype
    if dtype.char not in _BLAS or DYNAMIC in shape or any(atom.aval.dtype != dtype for atom in maker.inputs):
        return None
    x, y = maker.inputs if len(maker.inputs) == 2 else maker.inputs * 2
    (x, of_x), (y, of_y) = _without_repetition(x, shape, program), _without_repetition(y, shape, program)
    axes = set(equation.params["axes"])
    contracted = [axis for axis in range(len(shape)) if axis in axes and axis in of_x and axis in of_y]
    if not contracted:
        return None
    batch = [axis for axis in of_x if axis not in axes and axis in of_y]
    free = [axis for axis in (*of_x, *of_y) if (axis in of_x) != (axis in of_y)]
    if not free and not _is_worth_it(product, maker, batch, contracted, program):
        return None
    x, y = _view(x, of_x, shape, program), _view(y, of_y, shape, program)
    places_x, places_y = [*of_x], [*of_y]
    numbers: DimensionNumbers = (
        (tuple([places_x.index(axis) for axis in contracted]), tuple([places_y.index(axis) for axis in contracted])),
        (tuple([places_x.index(axis) for axis in batch]), tuple([places_y.index(axis) for axis in batch])),
    )
    out = program.emit(dot_general_p, x, y, dimension_numbers=numbers)
    order = [*batch, *free]
    alone = [axis for axis in free if axis in axes]  # of one operand
    if alone:
        places = tuple(sorted([order.index(axis) for axis in alone]))
        out = program.emit(reduce_sum_p, out, axes=places, keepdims=False)
        order = [axis for axis in order if axis not in alone]
    return _arranged(out, order, equation.outputs[0].aval.shape, program)


def _without_repetition(atom: Atom, shape: Shape, program: Rewriting) -> tuple[Atom, dict[int, int]]:
    """An operand of a product of this shape, without a broadcast; for each axis that it has, which of its own it is."""
    maker = program.maker(atom, "broadcast_in_dim")
    lead = len(shape) - atom.aval.ndim
    places = {axis + lead: axis for axis in range(atom.aval.ndim)}
    if maker is not None and not maker.inputs[0].aval.weak_type:
        atom = maker.inputs[0]
        places = {axis + lead: own for own, axis in enumerate(maker.params["broadcast_dimensions"])}
    kept = {axis: own for axis, own in sorted(places.items()) if atom.aval.shape[own] == shape[axis] != 1}
    return atom, kept


def _view(atom: Atom, places: dict[int, int], shape: Shape, program: Rewriting) -> Atom:
    """An operand without its other axes, which have extent 1."""
    if len(places) == atom.aval.ndim:
        return atom
    return program.emit(reshape_p, atom, new_sizes=tuple([shape[axis] for axis in places]))


def _is_worth_it(product: Atom, maker: Equation, batch: list[int], contracted: list[int], program: Rewriting) -> bool:
    """Whether a sum of products of elements at the same place is faster as a product of arrays.

    A sum over all axes of what elementwise equations give is better off with them, block by block in cache.
    """
    if batch:
        long = product.aval.shape[contracted[-1]] >= _LONG_ROW
        return product.aval.dtype.kind != "c" and long and max(batch) < contracted[0]
    return product.aval.nbytes < SMALLEST or not any(_is_elementwise(atom, program) for atom in maker.inputs)


def _is_elementwise(atom: Atom, program: Rewriting) -> bool:
    maker = program.made_by.get(atom)
    return maker is not None and maker.primitive.ufunc is not None


def _arranged(out: Atom, order: list[int], shape: Shape, program: Rewriting) -> Atom:
    """A product whose axes come from these, in ascending order and then in this shape."""
    if order != sorted(order):
        permutation = tuple(sorted(range(len(order)), key=order.__getitem__))
        out = program.emit(transpose_p, out, permutation=permutation)
    return out if out.aval.shape == shape else program.emit(reshape_p, out, new_sizes=shape)


# ---------------------------------------------------------------------------------------------------------------------
# the sum of a product of arrays
# ---------------------------------------------------------------------------------------------------------------------


def _sum_of_dot(equation: Equation, program: Rewriting) -> Atom | None:
    """Batch axes are contracted with the others, free ones summed before the product."""
    (product,) = equation.inputs
    maker = program.maker(product, "dot_general")
    if maker is None or not program.once(product) or DYNAMIC in product.aval.shape:
        return None
    if product.aval.dtype.char not in _BLAS:
        return None
    operands = [*maker.inputs]
    contracting, batch = maker.params["dimension_numbers"]
    axes = equation.params["axes"]
    count = len(batch[0])
    start = count
    program.let_go(product)
    new_contracting, new_batch = [], []
    for side in (0, 1):
        ndim = operands[side].aval.ndim
        free = _others(ndim, (*contracting[side], *batch[side]))
        summed = [free[axis - start] for axis in axes if start <= axis < start + len(free)]
        start += len(free)
        moved = [batch[side][axis] for axis in axes if axis < count]
        left = _others(ndim, summed)
        if summed:
            operands[side] = program.emit(reduce_sum_p, operands[side], axes=tuple(summed), keepdims=False)
        new_contracting.append(tuple([left.index(axis) for axis in (*contracting[side], *moved)]))
        new_batch.append(tuple([left.index(axis) for axis in batch[side] if axis not in moved]))
    numbers = (tuple(new_contracting), tuple(new_batch))
    out = program.emit(dot_general_p, *operands, dimension_numbers=numbers)
    return _arranged(out, [], equation.outputs[0].aval.shape, program)


def _others(ndim: int, taken: Iterable[int]) -> list[int]:
    taken = set(taken)
    return [axis for axis in range(ndim) if axis not in taken]


# ---------------------------------------------------------------------------------------------------------------------
# transposes of operands and results
# ---------------------------------------------------------------------------------------------------------------------


def _dot_of_transpose(equation: Equation, program: Rewriting) -> Atom | None:
    """A product takes an operand's axes as they stand."""
    operands = [*equation.inputs]
    contracting, batch = (list(axes) for axes in equation.params["dimension_numbers"])
    for side in (0, 1):
        maker = program.maker(operands[side], "transpose")
        if maker is None:
            continue
        permutation = maker.params["permutation"]
        free = [permutation[axis] for axis in _others(len(permutation), (*contracting[side], *batch[side]))]
        if free == sorted(free):
            operands[side] = maker.inputs[0]
            contracting[side] = tuple([permutation[axis] for axis in contracting[side]])
            batch[side] = tuple([permutation[axis] for axis in batch[side]])
    if operands[0] is equation.inputs[0] and operands[1] is equation.inputs[1]:
        return None
    return program.emit(dot_general_p, *operands, dimension_numbers=(tuple(contracting), tuple(batch)))


def _dot_without_sum(equation: Equation, program: Rewriting) -> Atom | None:
    """A product that sums over nothing is one of elements."""
    (lc, _), (lb, rb) = equation.params["dimension_numbers"]
    x, y = equation.inputs
    out = equation.outputs[0].aval.shape
    if lc or DYNAMIC in out:
        return None
    rows, columns = _others(x.aval.ndim, lb), _others(y.aval.ndim, rb)
    split = len(lb) + len(rows)
    shapes = ((*out[:split], *[1] * len(columns)), (*out[: len(lb)], *[1] * len(rows), *out[split:]))
    views = []
    for atom, axes, shape in ((x, (*lb, *rows), shapes[0]), (y, (*rb, *columns), shapes[1])):
        if atom.aval.shape:
            atom = program.emit(transpose_p, atom, permutation=axes)
            atom = program.emit(reshape_p, atom, new_sizes=shape)
        views.append(atom)
    return program.emit(e.mul, *views)


def _dot_of_matrices(equation: Equation, program: Rewriting) -> Atom | None:
    """A product without a batch is one of matrices: neighbouring axes are taken together, which often is no work."""
    (lc, rc), (lb, _) = equation.params["dimension_numbers"]
    out = equation.outputs[0].aval.shape
    pairs = sorted(zip(lc, rc, strict=True))
    sides = []
    for atom, axes in zip(equation.inputs, zip(*pairs, strict=True), strict=False):
        free = _others(atom.aval.ndim, axes)
        if not free or DYNAMIC in atom.aval.shape or not atom.aval.size:
            return None
        orders = [free, list(axes)]
        place = [(*free, *axes), (*axes, *free)]
        natural = tuple(range(atom.aval.ndim))
        if natural not in place:
            return None
        first = place.index(natural)
        sizes = [prod([atom.aval.shape[axis] for axis in group]) for group in orders]
        sides.append((atom, (sizes[first], sizes[1 - first]), (1 - first,)))
    if lb or len(sides) < 2 or all(atom.aval.ndim == 2 for atom, *_ in sides):
        return None
    (x, x_shape, x_axes), (y, y_shape, y_axes) = sides
    x, y = program.emit(reshape_p, x, new_sizes=x_shape), program.emit(reshape_p, y, new_sizes=y_shape)
    product = program.emit(dot_general_p, x, y, dimension_numbers=((x_axes, y_axes), ((), ())))
    return program.emit(reshape_p, product, new_sizes=out)


def _transpose_of_dot(equation: Equation, program: Rewriting) -> Atom | None:
    """The product of the operands exchanged, where that is the order wanted."""
    (product,) = equation.inputs
    maker = program.maker(product, "dot_general")
    if maker is None or not program.once(product):
        return None
    x, y = maker.inputs
    (lc, rc), (lb, rb) = maker.params["dimension_numbers"]
    count, ndim = len(lb), product.aval.ndim
    rows = x.aval.ndim - len(lc) - count
    permutation = equation.params["permutation"]
    order, rest = permutation[:count], permutation[count:]
    if sorted(order) != list(range(count)):
        return None
    lb, rb = tuple([lb[axis] for axis in order]), tuple([rb[axis] for axis in order])
    left, right = tuple(range(count, count + rows)), tuple(range(count + rows, ndim))
    if rest == (*left, *right):
        return program.emit(dot_general_p, x, y, dimension_numbers=((lc, rc), (lb, rb)))
    if rest == (*right, *left):
        return program.emit(dot_general_p, y, x, dimension_numbers=((rc, lc), (rb, lb)))
    return None


# ---------------------------------------------------------------------------------------------------------------------
# sums of products of arrays with one operand in common
# ---------------------------------------------------------------------------------------------------------------------


def _common_operand(equation: Equation, program: Rewriting) -> Atom | None:
    """x · a + x · b is x · (a + b): one product less."""
    first, second = [program.maker(atom, "dot_general") for atom in equation.inputs]
    if first is None or second is None or first is second or first.params != second.params:
        return None
    if equation.outputs[0].aval.dtype.char not in _BLAS or not all(program.once(atom) for atom in equation.inputs):
        return None
    for side in (0, 1):
        a, b = first.inputs[1 - side], second.inputs[1 - side]
        if first.inputs[side] is second.inputs[side] and a.aval == b.aval and not a.aval.weak_type:
            both = program.emit(equation.primitive, a, b)
            operands = (first.inputs[0], both) if side == 0 else (both, first.inputs[1])
            return program.emit(dot_general_p, *operands, **first.params)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# parts put together
# ---------------------------------------------------------------------------------------------------------------------

_MOST_PARTS = 64


def _sum_of_parts(equation: Equation, program: Rewriting) -> Atom | None:
    """Parts of an array, each added onto zeros, that fill it along an axis: the array itself, by one copy."""
    x, y = equation.inputs
    if program.maker(x, "scatter_zeros") is None is program.maker(y, "scatter_zeros"):
        return None
    parts: list[tuple[int, int, int, Atom]] = []
    pending = [*equation.inputs]
    shape = equation.outputs[0].aval.shape
    while pending and len(parts) < _MOST_PARTS:
        atom = pending.pop()
        maker = program.maker(atom, "scatter_zeros", "add")
        if maker is None or not program.once(atom):
            return None
        if maker.primitive is e.add:
            pending.extend(maker.inputs)
            continue
        place = None if maker.params["shape"] != shape else _place(maker)
        if place is None:
            return None
        axis, start, stop = place
        (part,) = maker.inputs
        sizes = (*shape[:axis], stop - start, *shape[axis + 1 :])
        if part.aval.shape != sizes:  # an element along the axis, which is put in
            part = program.emit(reshape_p, part, new_sizes=sizes)
        parts.append((axis, start, stop, part))
    parts.sort(key=lambda part: part[:3])
    axis, end = parts[0][0], 0
    for other, start, stop, _ in parts:
        if other != axis or start != end:
            return None
        end = stop
    if end != shape[axis] or pending:
        return None
    whole = program.emit(concatenate_p, *[atom for *_, atom in parts], dimension=axis)
    if whole.aval.dtype.kind not in "fc":
        return whole
    zero = Literal(whole.aval.dtype.type(0))
    return program.emit(e.add, whole, zero)  # as it was added to the others' zeros: -0.0 + 0.0 is 0.0


def _place(maker: Equation) -> tuple[int, int, int] | None:
    """The axis along which a part stands, from where and up to where, if it is whole along all others."""
    if len(maker.inputs) != 1 or maker.primitive is not scatter_zeros_p:
        return None
    shape, entries = maker.params["shape"], maker.params["index"].entries
    if len(entries) > len(shape):
        return None
    place = None
    for axis, (entry, extent) in enumerate(zip(entries, shape, strict=False)):
        if isinstance(entry, int):
            entry = slice(entry, entry + 1 or None)
        if not isinstance(entry, slice):
            return None
        start, stop, step = entry.indices(extent)
        if step != 1 or stop <= start:
            return None
        if (start, stop) != (0, extent):
            if place is not None:
                return None
            place = axis, start, stop
    return place


RULES: dict[str, list[Rule]] = {
    "reduce_sum": [_sum_of_product, _sum_of_dot],
    "dot_general": [_dot_of_transpose, _dot_without_sum, _dot_of_matrices],
    "transpose": [_transpose_of_dot],
    "add": [_sum_of_parts, _common_operand],
    "sub": [_common_operand],
}
