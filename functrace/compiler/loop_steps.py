"""Equations of a loop's body carried out for all steps at once, and sums over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.jaxpr import Atom, Equation, Literal, Var
from ..lax.dot import dot_general_p
from ..lax.elementwise import add, mul, neg, sub
from ..lax.indexing import getitem
from ..lax.shape import (
    batch_to_front,
    broadcast_to,
    concatenate_p,
    convert_element_type,
    move_axis,
    reduce_sum_p,
    reshape,
    shape_of,
    transpose,
)
from .loop_program import at


class Carry:
    """A value that goes from step to step: at the start, in a step, after it, at the end."""

    __slots__ = ("following", "init", "result", "var")

    def __init__(self, var: Var, init: Atom, following: Atom, result: Var) -> None:
        self.var = var
        self.init = init
        self.following = following
        self.result = result


class Term(NamedTuple):
    """What a step adds to a sum."""

    atom: Atom  # the term, or what gives it through the `path`
    minus: bool
    path: list[Equation]  # the linear operations, from the last to the first; a product is the first
    atoms: Sequence[Atom]  # what has to be at hand for all steps
    limit: int  # the bytes of a step that are worth stacking for it


class AllSteps:
    """Values of all steps: each with its axis of steps, None for what is the same in all."""

    def __init__(self, length: int, atoms: Sequence[Atom], values: Sequence[Any], dims: Sequence[int | None]) -> None:
        self.length = length
        self.env: dict[Atom, tuple[Any, int | None]] = dict(zip(atoms, zip(values, dims, strict=True), strict=True))

    def read(self, atom: Atom) -> tuple[Any, int | None]:
        return (atom.value, None) if isinstance(atom, Literal) else self.env[atom]

    def stack(self, atom: Atom) -> Any:
        """A value of each step, the steps first."""
        value, dim = self.read(atom)
        return batch_to_front(self.length, value, dim)

    def run(self, equations: Sequence[Equation]) -> None:
        """Carry equations out for all steps."""
        for equation in equations:
            at(equation.location)
            pairs = [self.read(atom) for atom in equation.inputs]
            values, dims = [value for value, _ in pairs], [dim for _, dim in pairs]
            primitive, params = equation.primitive, equation.params
            if all(dim is None for dim in dims):
                out = primitive(*values, **params)
                dim: Any = [None] * len(out) if primitive.multiple_results else None
            elif primitive is dot_general_p:
                out, dim = _products(*pairs, **params)
            else:
                assert primitive.batch is not None
                out, dim = primitive.batch(self.length, values, dims, **params)
            if primitive.multiple_results:
                self.env.update(zip(equation.outputs, zip(out, dim, strict=True), strict=True))
            else:
                self.env[equation.outputs[0]] = out, dim

    def total(self, carry: Carry, init: Any, terms: Sequence[Term], starts_at_zero: bool) -> Any:
        """A sum over the steps."""
        aval = carry.var.aval
        total = None if starts_at_zero else init
        for term in terms:
            part = self._summed(term)
            if total is None:
                total = neg(part) if term.minus else part
            else:
                total = sub(total, part) if term.minus else add(total, part)
        total = init if total is None else total
        return broadcast_to(convert_element_type(total, aval.dtype), aval.shape)

    def _summed(self, term: Term) -> Any:
        path = list(term.path)
        if path and path[-1].primitive is dot_general_p:
            product = path.pop()
            lhs, rhs = [self.read(atom) for atom in product.inputs]
            value = _summed_product(lhs, rhs, **product.params)
        else:
            value, dim = self.read(term.atom)
            if dim is None:
                dtype = term.atom.aval.dtype
                value = mul(value, dtype.type(self.length))
            else:
                stack = move_axis(value, dim, 0)
                reduces = path and path[-1].primitive is reduce_sum_p and not path[-1].params["keepdims"]
                axes = path.pop().params["axes"] if reduces else ()
                value = _summed_over(stack, axes)
        for equation in reversed(path):
            value = equation.primitive(value, **equation.params)
        return value


def _summed_over(stack: Any, axes: tuple[int, ...]) -> Any:
    """The sum over the first axis and axes of the rows."""
    shape = shape_of(stack)
    if axes == tuple(range(len(axes))) and len(axes) < len(shape) - 1:  # one axis: BLAS adds rows of a matrix
        return reduce_sum_p(reshape(stack, (-1, *shape[len(axes) + 1 :])), axes=(0,), keepdims=False)
    return reduce_sum_p(stack, axes=(0, *[axis + 1 for axis in axes]), keepdims=False)


def _products(lhs: tuple[Any, Any], rhs: tuple[Any, Any], *, dimension_numbers: Any) -> tuple[Any, int]:
    """The product of each step, laid out so that the steps come first."""
    (x, dx), (y, dy) = lhs, rhs
    (lc, rc), (lb, rb) = dimension_numbers
    if dx is None and not lb:  # with the operands in turn, the rows of `y` are the rows of the result
        y = move_axis(y, dy, 0)
        m, n = len(shape_of(x)) - len(lc), len(shape_of(y)) - 1 - len(rc)
        out = dot_general_p(y, x, dimension_numbers=((tuple([a + 1 for a in rc]), lc), ((), ())))
        return transpose(out, (0, *range(n + 1, n + 1 + m), *range(1, n + 1))), 0
    if dx is not None and dy is not None and lc:  # as a stack of matrices
        x, y = move_axis(x, dx, 0), move_axis(y, dy, 0)
        m, n = len(shape_of(x)), len(shape_of(y))
        lc, rc, lb, rb = [tuple([a + 1 for a in axes]) for axes in (lc, rc, lb, rb)]
        x = transpose(x, (0, *lb, *[a for a in range(1, m) if a not in (*lc, *lb)], *lc))
        y = transpose(y, (0, *rb, *rc, *[a for a in range(1, n) if a not in (*rc, *rb)]))
        batch = tuple(range(len(lb) + 1))
        contracted = tuple(range(m - len(lc), m)), tuple(range(len(batch), len(batch) + len(rc)))
        return dot_general_p(x, y, dimension_numbers=(contracted, (batch, batch))), 0
    size = shape_of(x)[dx] if dx is not None else shape_of(y)[dy]
    return dot_general_p.batch(size, [x, y], [dx, dy], dimension_numbers=dimension_numbers)  # type: ignore[misc]


def _summed_product(lhs: tuple[Any, Any], rhs: tuple[Any, Any], *, dimension_numbers: Any) -> Any:
    """The sum of the products of all steps: a product in which the axis of steps is contracted too."""
    (x, dx), (y, dy) = lhs, rhs
    (lc, rc), (lb, rb) = dimension_numbers
    if dx is None:
        return dot_general_p(x, _summed_over(move_axis(y, dy, 0), ()), dimension_numbers=dimension_numbers)
    if dy is None:
        return dot_general_p(_summed_over(move_axis(x, dx, 0), ()), y, dimension_numbers=dimension_numbers)
    x, y = move_axis(x, dx, 0), move_axis(y, dy, 0)
    lc, rc, lb, rb = [tuple([a + 1 for a in axes]) for axes in (lc, rc, lb, rb)]
    lc, rc = (0, *lc), (0, *rc)
    count = len(lc)
    if not lb and lc == rc == tuple(range(count)) and len(shape_of(x)) == len(shape_of(y)) == count + 1:
        x, y = reshape(x, (-1, shape_of(x)[-1])), reshape(y, (-1, shape_of(y)[-1]))
        return dot_general_p(x, y, dimension_numbers=(((0,), (0,)), ((), ())))
    return dot_general_p(x, y, dimension_numbers=((lc, rc), (lb, rb)))


def incoming(init: Any, stack: Any, reverse: bool) -> Any:
    """The stack of a carry as it comes into each step, from that of the carry as it leaves it."""
    first = reshape(init, (1, *shape_of(init)))
    if reverse:
        return concatenate_p(getitem(stack, slice(1, None)), first, dimension=0)
    return concatenate_p(first, getitem(stack, slice(None, -1)), dimension=0)
