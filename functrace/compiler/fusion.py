"""Chains of elementwise equations over large arrays, gathered to be run block by block in cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..config import config
from ..core.aval import Shape
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var
from ..core.primitive import Primitive
from .simplify import has_effect

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

SMALLEST = 1 << 15  # elements from which blocks are worth their loop
BLOCK_BYTES = 1 << 18  # of one array in one block, on one thread: several of them stay in the second-level cache
THREAD_BLOCK_BYTES = 1 << 19  # on several threads, which in smaller blocks wait for the interpreter's lock
REDUCING_BLOCK = 1 << 15  # elements; of a fixed size, so that a sum is the same on any number of threads

_REDUCTIONS = {"reduce_sum": "add", "reduce_max": "maximum", "reduce_min": "minimum"}
#: What ``x ** y`` computes for these exponents, which NumPy treats on their own.
POWERS = {2: "square", 0.5: "sqrt", -1: "reciprocal"}


class Region:
    """Equations that are run together.

    Attributes
    ----------
    equations
        Elementwise ones whose results all have the same shape, then reductions of these over all axes.
    shape
        That shape.
    flat
        Whether blocks are of elements; otherwise they are of whole rows (positions along the first axis).
    inputs
        The variables that come from outside.
    outputs
        The variables that are needed outside.
    """

    def __init__(self, equations: list[Equation], shape: Shape, used_outside: set[Atom]) -> None:
        self.equations = equations
        self.shape = shape
        made = {var for equation in equations for var in equation.outputs}
        atoms = [atom for equation in equations for atom in equation.inputs if isinstance(atom, Var)]
        self.inputs = list(dict.fromkeys([atom for atom in atoms if atom not in made]))
        self.outputs = [var for equation in equations for var in equation.outputs if var in used_outside]
        self.flat = all(var.aval.shape in ((), shape) for var in self.inputs)
        self.reduces = any(is_reduction(equation) for equation in equations)

    @property
    def extent(self) -> int:
        """How many positions there are to cut into blocks."""
        return _size(self.shape) if self.flat else self.shape[0]

    def block(self) -> int:
        """How many positions a block has."""
        row = 1 if self.flat else _size(self.shape[1:])
        if self.reduces:
            return max(1, REDUCING_BLOCK // row)
        widest = max(equation.outputs[0].aval.dtype.itemsize for equation in self.equations)
        room = THREAD_BLOCK_BYTES if config.threads > 1 else BLOCK_BYTES
        return max(1, room // (widest * row))

    def worth_it(self) -> bool:
        """Whether blocks save anything."""
        elementwise = sum(not is_reduction(equation) for equation in self.equations)
        if elementwise < 2 and not (elementwise and self.reduces):
            return False
        return self.extent >= 2 and self.block() * 2 <= self.extent


fused_p = Primitive("fused", lambda *args, region: None, lambda *avals, region: None, multiple_results=True)


def _size(shape: Shape) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


def is_reduction(equation: Equation) -> bool:
    """Whether an equation reduces all axes to a scalar."""
    params = equation.params
    return (
        equation.primitive.name in _REDUCTIONS
        and not params["keepdims"]
        and len(params["axes"]) == len(equation.inputs[0].aval.shape)
    )


def reduction_ufunc(equation: Equation) -> str:
    """The name of the ufunc that reduces."""
    return _REDUCTIONS[equation.primitive.name]


def _fusible(equation: Equation) -> bool:
    """Whether an equation computes each element of a large result from the operands' elements at its place."""
    if len(equation.outputs) != 1 or has_effect(equation):
        return False
    aval = equation.outputs[0].aval
    if not aval.shape or aval.size < SMALLEST or min(aval.shape) < 1:
        return False
    name = equation.primitive.name
    if name == "pow":
        exponent = equation.inputs[1]
        if isinstance(exponent, Literal):
            value = exponent.value
            return value in POWERS or (value not in (0, 1) and aval.dtype.kind == "f")
        return equation.inputs[0].aval.shape == aval.shape and exponent.aval.shape == aval.shape
    if name == "convert_element_type":
        return not (equation.inputs[0].aval.dtype.kind == "c" and aval.dtype.kind != "c")
    return (equation.primitive.ufunc is not None and not equation.params) or name == "select"


def fuse(closed: ClosedJaxpr) -> ClosedJaxpr:
    """A program in which a `fused` equation stands for each region that is worth it."""
    jaxpr = closed.jaxpr
    if not any(_fusible(equation) for equation in jaxpr.equations):
        return closed
    used_by: dict[Atom, set[int]] = {}
    for equation in jaxpr.equations:
        for atom in equation.inputs:
            if isinstance(atom, Var):
                used_by.setdefault(atom, set()).add(id(equation))
    for atom in jaxpr.outvars:
        if isinstance(atom, Var):
            used_by.setdefault(atom, set()).add(0)
    ordered: list[Equation] = []
    open_regions: dict[Shape, list[Equation]] = {}
    maker: dict[Atom, Shape] = {}  # variables of open regions

    def close(shape: Shape) -> None:
        equations = open_regions.pop(shape)
        mine = {id(equation) for equation in equations}
        made = [var for equation in equations for var in equation.outputs]
        for var in made:
            del maker[var]
        outside: set[Atom] = {var for var in made if used_by.get(var, set()) - mine}
        region = Region(equations, shape, outside)
        if not region.worth_it() or not region.outputs:
            ordered.extend(equations)
            return
        ordered.append(
            Equation(fused_p, tuple(region.inputs), {"region": region}, tuple(region.outputs), equations[0].location)
        )

    for equation in jaxpr.equations:
        needs = {maker[atom] for atom in equation.inputs if atom in maker}
        shape: Shape | None = None
        if _fusible(equation):
            shape = equation.outputs[0].aval.shape
        elif is_reduction(equation) and equation.inputs[0].aval.shape in needs and _joins(equation):
            shape = equation.inputs[0].aval.shape
        for other in needs - {shape}:
            close(other)
        if shape is None:
            ordered.append(equation)
            continue
        if shape in open_regions and any(
            atom in maker and _made_by_reduction(atom, open_regions[shape]) for atom in equation.inputs
        ):
            close(shape)  # it needs a sum that is known only when the region is done
        open_regions.setdefault(shape, []).append(equation)
        maker[equation.outputs[0]] = shape
    for shape in list(open_regions):
        close(shape)
    return ClosedJaxpr(Jaxpr(jaxpr.constvars, jaxpr.invars, ordered, jaxpr.outvars), closed.consts)


def _joins(equation: Equation) -> bool:
    """Whether a reduction may end a region: in floats, whose dtype stays."""
    return equation.inputs[0].aval.dtype == equation.outputs[0].aval.dtype


def _made_by_reduction(atom: Atom, equations: Sequence[Equation]) -> bool:
    return any(is_reduction(equation) and equation.outputs[0] is atom for equation in equations)


# ---------------------------------------------------------------------------------------------------------------------
# as it runs
# ---------------------------------------------------------------------------------------------------------------------

_lock = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}
_working = threading.local()


def in_blocks(run: Callable[[int, int], None], extent: int, block: int) -> None:
    """Run blocks 0 … extent, each thread a contiguous range of whole blocks."""
    threads = min(config.threads, extent // block)
    if threads < 2 or getattr(_working, "busy", False):
        run(0, extent)
        return
    blocks = -(-extent // block)
    edges = [min(blocks * i // threads * block, extent) for i in range(threads)] + [extent]
    futures = [_pool(threads).submit(_work, run, edges[i], edges[i + 1]) for i in range(1, threads)]
    run(edges[0], edges[1])
    for future in futures:
        future.result()


def _work(run: Callable[[int, int], None], start: int, stop: int) -> None:
    _working.busy = True
    with np.errstate(all="ignore"):
        run(start, stop)


def _pool(threads: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # here, since it costs a tenth of the library's import

    with _lock:
        pool = _pools.get(threads)
        if pool is None:
            pool = _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="functrace")
        return pool
