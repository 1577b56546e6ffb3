"""Chains of elementwise equations over large arrays, gathered to be run block by block in cache."""

from __future__ import annotations

from collections.abc import Sequence

from ..config import config
from ..core.aval import Shape
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var
from ..core.primitive import Primitive
from ..errors import Location
from ..lazy import LateUfunc
from .effects import has_effect
from .runtime import CHUNK

SMALLEST = 1 << 18  # bytes of an array from which blocks are worth their loop
SMALLEST_BLOCK = 1 << 14  # elements: threads in smaller blocks wait for the interpreter's lock
#: Nanoseconds of work on one thread, as the table below counts them. To wake a thread that sleeps while products of
#: matrices are computed takes up to a tenth of that.
WORTH_A_THREAD = 1_000_000
REDUCING_BLOCK = 1 << 15  # elements; of a fixed size, so that a sum is the same on any number of threads

_REDUCTIONS = {"reduce_sum": "add", "reduce_max": "maximum", "reduce_min": "minimum"}
#: What ``x ** y`` computes for these exponents, which NumPy treats on their own.
POWERS = {2: "square", 0.5: "sqrt", -1: "reciprocal"}


#: Nanoseconds an element of float64 in cache; half a nanosecond where nothing is said.
_COSTS = {
    **dict.fromkeys(("div", "sqrt", "reciprocal", "select", "convert_element_type"), 1.0),
    **dict.fromkeys(("exp", "log", "exp2", "log2", "expm1", "log1p", "sin", "cos", "tanh"), 5.0),
    **dict.fromkeys(("tan", "sinh", "cosh", "asin", "acos", "atan", "atan2", "log10", "cbrt", "hypot"), 10.0),
    **dict.fromkeys(("pow", "logaddexp", "asinh", "acosh", "atanh", "remainder", "floor_divide"), 20.0),
}
_COST_OF_SPECIAL = 30.0  # of a function of scipy.special: more, most of them


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

    @property
    def row(self) -> int:
        """How many elements a position has."""
        return 1 if self.flat else _size(self.shape[1:])

    def block(self) -> int:
        """How many positions a block has."""
        if self.reduces:
            return max(1, REDUCING_BLOCK // self.row)
        room = CHUNK // self._widest()
        if config.threads < 2 or not self.is_worth_threads():
            return max(1, room // 2 // self.row)
        share = -(-_size(self.shape) // config.threads)  # one block for each thread, where there is room for it
        return max(1, min(room, max(SMALLEST_BLOCK, share)) // self.row)

    def is_worth_threads(self) -> bool:
        """Whether the work is worth a second thread, where there is one."""
        costs = [_cost(equation.primitive) for equation in self.equations]
        return _size(self.shape) * sum(costs) * min(1.0, self._widest() / 8) > WORTH_A_THREAD

    def worth_it(self) -> bool:
        """Whether blocks save anything."""
        elementwise = sum(not is_reduction(equation) for equation in self.equations)
        if elementwise < 2 and not (elementwise and self.reduces):
            return False
        return self.extent >= 2 and self.block() * self.row * self._widest() <= CHUNK

    def _widest(self) -> int:
        return max([equation.outputs[0].aval.dtype.itemsize for equation in self.equations])


def _cost(primitive: Primitive) -> float:
    """Nanoseconds an element."""
    return _COSTS.get(primitive.name, _COST_OF_SPECIAL if isinstance(primitive.ufunc, LateUfunc) else 0.5)


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
    if not aval.shape or aval.nbytes < SMALLEST or min(aval.shape) < 1:
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
        ordered.append(_fused(region, equations[0].location))

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
    ordered = _recomputed(ordered, jaxpr.outvars)
    return ClosedJaxpr(Jaxpr(jaxpr.constvars, jaxpr.invars, ordered, jaxpr.outvars), closed.consts)


def _fused(region: Region, location: Location | None) -> Equation:
    return Equation(fused_p, tuple(region.inputs), {"region": region}, tuple(region.outputs), location)


def _recomputed(ordered: list[Equation], outvars: Sequence[Atom]) -> list[Equation]:
    """With values that are cheaper to compute twice than to hand from one region to another through memory.

    Such a value is a cheap operation on what its users read in any case; all of them are regions.
    """
    makers: dict[Atom, tuple[int, Equation]] = {}
    users: dict[Atom, set[int]] = {}
    for number, equation in enumerate(ordered):
        for atom in equation.inputs:
            users.setdefault(atom, set()).add(number)
        if equation.primitive is fused_p:
            for place, inner in enumerate(equation.params["region"].equations):
                if _COSTS.get(inner.primitive.name, 0.5) <= 0.5 and not is_reduction(inner):
                    makers[inner.outputs[0]] = (place, inner)
    results = set(outvars)
    again: dict[int, list[Atom]] = {}  # for each region what it computes itself
    for var in makers:
        at = users.get(var, set())
        if var in results or not at:
            continue
        if all(_can_recompute(makers[var][1], ordered[number]) for number in at):
            for number in at:
                again.setdefault(number, []).append(var)
    if not again:
        return ordered
    gone = {var for variables in again.values() for var in variables}
    out = []
    for number, equation in enumerate(ordered):
        if equation.primitive is fused_p:
            region: Region = equation.params["region"]
            copies: dict[Atom, Var] = {var: Var(var.aval) for var in again.get(number, ())}
            equations = [_renamed(makers[var][1], copies, copy) for var, copy in copies.items()]
            equations += [_renamed(inner, copies, inner.outputs[0]) for inner in region.equations]
            outputs: set[Atom] = {var for var in region.outputs if var not in gone}
            equations = _alive(equations, outputs)
            if not equations:
                continue
            equation = _fused(Region(equations, region.shape, outputs), equation.location)
        out.append(equation)
    return out


def _alive(equations: Sequence[Equation], outputs: set[Atom]) -> list[Equation]:
    """The equations that these outputs need."""
    needed = set(outputs)
    kept = []
    for equation in reversed(equations):
        if equation.outputs[0] in needed:
            kept.append(equation)
            needed.update(equation.inputs)
    return kept[::-1]


def _can_recompute(maker: Equation, user: Equation) -> bool:
    """Whether a region reads all that an equation needs, and sees its result element by element."""
    if user.primitive is not fused_p or maker.outputs[0].aval.shape != user.params["region"].shape:
        return False
    return all(atom.__class__ is Literal or atom in user.inputs for atom in maker.inputs)


def _renamed(equation: Equation, names: dict[Atom, Var], out: Var) -> Equation:
    inputs = tuple([names.get(atom, atom) for atom in equation.inputs])
    return Equation(equation.primitive, inputs, equation.params, (out,), equation.location)


def _joins(equation: Equation) -> bool:
    """Whether a reduction may end a region: in floats, whose dtype stays."""
    return equation.inputs[0].aval.dtype == equation.outputs[0].aval.dtype


def _made_by_reduction(atom: Atom, equations: Sequence[Equation]) -> bool:
    return any(is_reduction(equation) and equation.outputs[0] is atom for equation in equations)
