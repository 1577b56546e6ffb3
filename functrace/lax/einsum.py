"""Einstein's sum: planned once for each subscripts and shapes, run as a chain of products of two."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import Shape, broadcast_shapes, result_dtype
from .dot import DimensionNumbers, dot_general_p
from .elementwise import mul
from .indexing import getitem
from .shape import convert_element_type, dtype_of, ndim_of, reduce_sum, reshape, shape_of, transpose


def einsum(*operands: Any, optimize: Any = "greedy") -> Any:
    """Einstein's sum, as `numpy.einsum`: a chain of products of two in the order that `numpy.einsum_path` gives.

    Parameters
    ----------
    *operands
        The subscripts and the arrays, or arrays and lists of axis numbers in turn.
    optimize
        As in `numpy.einsum_path`.
    """
    subscripts, arrays = _in_letters(operands)
    dtype = dtype_of(arrays[0])
    if any(dtype_of(x) != dtype for x in arrays):
        dtype = result_dtype(*arrays)
        arrays = [convert_element_type(x, dtype) for x in arrays]
    optimize = tuple(optimize) if isinstance(optimize, list) else optimize
    plan = _einsum_plan(subscripts, tuple([shape_of(x) for x in arrays]), optimize)
    pool = [_run(steps, x) for steps, x in zip(plan.prepare, arrays, strict=True)]
    for right, left, product in plan.products:  # the place on the right is the greater one
        y, x = pool.pop(right), pool.pop(left)
        pool.append(_multiply(_run(product.left, x), _run(product.right, y), product))
    out = _run(plan.finish, pool[0])
    return out if dtype_of(out) == dtype else convert_element_type(out, dtype)  # a sum of small integers is wider


Step = Callable[[Any], Any]


class _Product(NamedTuple):
    """The product of two operands, and what is done to each before."""

    left: tuple[Step, ...]
    right: tuple[Step, ...]
    dimension_numbers: DimensionNumbers | None  # None: element by element


class _Plan(NamedTuple):
    """An einsum of known shapes: what is done to each operand, which are multiplied, what is done to the result."""

    prepare: tuple[tuple[Step, ...], ...]
    products: tuple[tuple[int, int, _Product], ...]
    finish: tuple[Step, ...]


def _run(steps: tuple[Step, ...], x: Any) -> Any:
    for step in steps:
        x = step(x)
    return x


def _multiply(x: Any, y: Any, product: _Product) -> Any:
    if product.dimension_numbers is None:
        return mul(x, y)
    return dot_general_p(x, y, dimension_numbers=product.dimension_numbers)


# ---------------------------------------------------------------------------------------------------------------------
# the plan of an einsum
# ---------------------------------------------------------------------------------------------------------------------

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _Operand:
    """What is known of an operand while the plan is made: a letter for each axis, the shape, what has been done."""

    def __init__(self, term: str, shape: Shape) -> None:
        self.term = term
        self.shape = shape
        self.steps: list[Step] = []

    def take_diagonal(self, first: int, second: int) -> None:
        """Put the diagonal of two axes last."""
        self.steps.append(partial(_diagonal, first=first, second=second))
        name, extent = self.term[first], self.shape[first]
        self._keep([axis for axis in range(len(self.term)) if axis not in (first, second)])
        self.term, self.shape = self.term + name, (*self.shape, extent)

    def drop(self, axes: Sequence[int]) -> None:
        """Drop axes of extent 1."""
        if axes:
            self._keep([axis for axis in range(len(self.term)) if axis not in axes])
            self.steps.append(partial(reshape, new_sizes=self.shape))

    def sum(self, needed: Collection[str]) -> None:
        """Sum over the axes that nothing needs any more."""
        axes = tuple([axis for axis, name in enumerate(self.term) if name not in needed])
        if axes:
            self.steps.append(partial(reduce_sum, axes=axes))
            self._keep([axis for axis in range(len(self.term)) if axis not in axes])

    def align(self, names: str) -> None:
        """Put the axes in the order of these names, with axes of extent 1 for those that it lacks."""
        self.reorder("".join([name for name in names if name in self.term]))
        extents = dict(zip(self.term, self.shape, strict=True))
        if self.term != names:
            self.term, self.shape = names, tuple([extents.get(name, 1) for name in names])
            self.steps.append(partial(reshape, new_sizes=self.shape))

    def reorder(self, names: str) -> None:
        """Put the axes in the order of these names."""
        order = tuple([self.term.index(name) for name in names])
        if order != tuple(range(len(order))):
            self.steps.append(partial(transpose, permutation=order))
        self._keep(order)

    def _keep(self, axes: Sequence[int]) -> None:
        self.term = "".join([self.term[axis] for axis in axes])
        self.shape = tuple([self.shape[axis] for axis in axes])

    def taken_steps(self) -> tuple[Step, ...]:
        """The steps so far; the next ones begin anew."""
        steps, self.steps = tuple(self.steps), []
        return steps


@lru_cache(maxsize=1024)
def _einsum_plan(subscripts: str, shapes: tuple[Shape, ...], optimize: Any) -> _Plan:
    terms, output = _parse_einsum(subscripts, [len(shape) for shape in shapes])
    extents = _extents(terms, shapes)
    pool = [_Operand(term, shape) for term, shape in zip(terms, shapes, strict=True)]
    for position, operand in enumerate(pool):
        others = {name for term in (*terms[:position], *terms[position + 1 :], output) for name in term}
        for name in dict.fromkeys(operand.term):
            while operand.term.count(name) > 1:
                first = operand.term.index(name)
                operand.take_diagonal(first, operand.term.index(name, first + 1))
        operand.drop([axis for axis, name in enumerate(operand.term) if operand.shape[axis] != extents[name]])
        operand.sum(others)
    prepare = tuple([operand.taken_steps() for operand in pool])
    products = []
    for chosen in _einsum_path(tuple([operand.term for operand in pool]), output, extents, optimize):
        places = sorted(chosen)
        while len(places) > 1:  # of more than two, two after the other: the product comes last
            left, right = places[0], places[1]
            y, x = pool.pop(right), pool.pop(left)
            needed = set(output).union(*[operand.term for operand in pool])
            product, operand = _plan_product(x, y, needed)
            products.append((right, left, product))
            pool.append(operand)
            places = [place - 2 for place in places[2:]] + [len(pool) - 1]
    (operand,) = pool
    operand.sum(output)
    operand.reorder(output)
    return _Plan(prepare, tuple(products), operand.taken_steps())


def _plan_product(x: _Operand, y: _Operand, needed: set[str]) -> tuple[_Product, _Operand]:
    """The product of two operands, summed over what neither another operand nor the output needs."""
    x.sum(needed.union(y.term))
    y.sum(needed.union(x.term))
    shared = [name for name in x.term if name in y.term]
    batch = [name for name in shared if name in needed]
    summed = [name for name in shared if name not in needed]
    if not summed and batch and len(batch) == min(len(x.term), len(y.term)):  # nothing to sum
        names = x.term if len(x.term) >= len(y.term) else y.term
        x.align(names)
        y.align(names)
        shape = broadcast_shapes(x.shape, y.shape)
        return _Product(x.taken_steps(), y.taken_steps(), None), _Operand(names, shape)
    dims = (
        (tuple([x.term.index(n) for n in summed]), tuple([y.term.index(n) for n in summed])),
        (tuple([x.term.index(n) for n in batch]), tuple([y.term.index(n) for n in batch])),
    )
    names = "".join([*batch, *[n for n in x.term if n not in shared], *[n for n in y.term if n not in shared]])
    extents = {**dict(zip(y.term, y.shape, strict=True)), **dict(zip(x.term, x.shape, strict=True))}
    out = _Operand(names, tuple([extents[name] for name in names]))
    return _Product(x.taken_steps(), y.taken_steps(), dims), out


def _in_letters(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """The subscripts as text, and the arrays."""
    if not operands:
        raise ValueError("must specify the einstein sum subscripts string and at least one operand")
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    given = list(operands)
    output_list = given.pop() if len(given) % 2 else None
    arrays, lists = given[0::2], given[1::2]

    def written(axes: Sequence[Any]) -> str:
        return "".join("..." if axis is Ellipsis else _LETTERS[axis] for axis in axes)

    subscripts = ",".join(written(axes) for axes in lists)
    return (subscripts if output_list is None else f"{subscripts}->{written(output_list)}"), arrays


def _parse_einsum(subscripts: str, ndims: Sequence[int]) -> tuple[list[str], str]:
    """Terms with one letter an axis (no ellipsis), and the output's term."""
    inputs, arrow, output = subscripts.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {len(terms)} terms in {subscripts!r} for {len(ndims)} operands")
    for term in (*terms, output):
        if term.count("...") > 1:
            raise ValueError(f"einsum: term {term!r} has more than one ellipsis")
    free = [letter for letter in reversed(_LETTERS) if letter not in subscripts]
    longest = ""
    expanded = []
    for term, ndim in zip(terms, ndims, strict=True):
        missing = ndim - len(term.replace("...", ""))
        if missing < 0 or (missing and "..." not in term):
            raise ValueError(f"einsum: term {term!r} does not fit an operand with {ndim} axes")
        dots = "".join(free[:missing][::-1])
        longest = max(longest, dots, key=len)
        expanded.append(term.replace("...", dots))
    if arrow:
        if longest and "..." not in output:
            raise ValueError(f"einsum: the ellipsis of {inputs!r} stands for axes, so the output needs one too")
        output = output.replace("...", longest)
    else:
        joined = "".join(expanded)
        output = longest + "".join(sorted(c for c in set(joined) if joined.count(c) == 1 and c not in longest))
    for name in "".join(expanded):
        if name not in _LETTERS:
            raise ValueError(
                f"invalid subscript {name!r} in einstein sum subscripts string, subscripts must be letters"
            )
    for name in output:
        if not any(name in term for term in expanded):
            raise ValueError(f"einsum: the output's subscript {name!r} is in no operand")
        if output.count(name) > 1:
            raise ValueError(f"einsum: the output's subscript {name!r} stands twice")
    return expanded, output


def _extents(terms: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int]:
    """The extent of each name; where it is 1 in one operand and not in another, it is the other's."""
    extents: dict[str, int] = {}
    for position, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for name in set(term):
            own = {extent for letter, extent in zip(term, shape, strict=True) if letter == name}
            if len(own) > 1:
                raise ValueError(
                    f"einsum: axis {name!r} of operand {position} stands twice, with extents {sorted(own)}"
                )
            extent = own.pop()
            known = extents.setdefault(name, extent)
            if known == 1:
                extents[name] = extent
            elif extent not in (known, 1):
                raise ValueError(
                    f"einsum: axis {name!r} has extent {known} in one operand and {extent} in operand {position}"
                )
    return extents


def _einsum_path(
    terms: tuple[str, ...], output: str, extents: dict[str, int], optimize: Any
) -> Sequence[tuple[int, ...]]:
    if len(terms) < 3:
        return [tuple(range(len(terms)))]
    stand_ins = [np.broadcast_to(np.float64(0), [extents[name] for name in term]) for term in terms]
    order = list(optimize) if isinstance(optimize, tuple) else optimize
    path, _ = np.einsum_path(",".join(terms) + "->" + output, *stand_ins, optimize=order)
    return path[1:]


def _diagonal(x: Any, first: int, second: int) -> Any:
    """The diagonal of two axes, as the last axis."""
    ndim = ndim_of(x)
    order = [axis for axis in range(ndim) if axis not in (first, second)]
    moved = transpose(x, [*order, first, second])
    positions = np.arange(shape_of(x)[first])
    return getitem(moved, (Ellipsis, positions, positions))
