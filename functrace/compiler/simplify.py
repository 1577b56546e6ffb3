"""A jaxpr made smaller: called programs put in place; dead, repeated, constant and empty equations taken out.

Every rewriting is exact in floating point: no element of a result changes by a bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import DYNAMIC, broadcast_shapes
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var, inner_jaxprs


def simplify(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same function with fewer equations."""
    return without_dead(rewritten(without_dead(inlined(closed))))


# ---------------------------------------------------------------------------------------------------------------------
# calls
# ---------------------------------------------------------------------------------------------------------------------


def inlined(closed: ClosedJaxpr) -> ClosedJaxpr:
    """With the programs that equations call (`jit` and its kin) in place of the calls."""
    if not any(equation.primitive.calls for equation in closed.equations):
        return closed
    constvars, consts = list(closed.jaxpr.constvars), list(closed.consts)
    environment: dict[Atom, Atom] = {}
    equations: list[Equation] = []
    # what is still to do, the next last: (an equation, the environment in which its atoms are read)
    pending: list[tuple[Any, dict[Atom, Atom]]] = [(e, environment) for e in reversed(closed.equations)]
    while pending:
        equation, names = pending.pop()
        if isinstance(equation, tuple):  # the end of a called program: its results are the call's
            inner_outvars, call_outputs, call_names = equation
            for outer, atom in zip(call_outputs, inner_outvars, strict=True):
                call_names[outer] = _read(atom, names)
            continue
        inputs = tuple([_read(atom, names) for atom in equation.inputs])
        if equation.primitive.calls:
            inner: ClosedJaxpr = equation.params["jaxpr"]
            inside: dict[Atom, Atom] = dict(zip(inner.jaxpr.invars, inputs, strict=True))
            for var, const in zip(inner.jaxpr.constvars, inner.consts, strict=True):
                inside[var] = Var(var.aval)
                constvars.append(inside[var])  # type: ignore[arg-type]
                consts.append(const)
            pending.append(((inner.jaxpr.outvars, equation.outputs, names), inside))
            pending.extend([(e, inside) for e in reversed(inner.equations)])
            continue
        outputs = []
        for var in equation.outputs:
            new = var if names is environment else Var(var.aval)
            names[var] = new
            outputs.append(new)
        equations.append(Equation(equation.primitive, inputs, equation.params, tuple(outputs), equation.location))
    outvars = [_read(atom, environment) for atom in closed.jaxpr.outvars]
    return ClosedJaxpr(Jaxpr(constvars, closed.jaxpr.invars, equations, outvars), consts)


def _read(atom: Atom, names: dict[Atom, Atom]) -> Atom:
    return atom if atom.__class__ is Literal else names.get(atom, atom)


# ---------------------------------------------------------------------------------------------------------------------
# dead code
# ---------------------------------------------------------------------------------------------------------------------


def without_dead(closed: ClosedJaxpr) -> ClosedJaxpr:
    """Without the equations and constants that no output needs."""
    jaxpr = closed.jaxpr
    live: set[Atom] = {atom for atom in jaxpr.outvars if isinstance(atom, Var)}
    kept: list[Equation] = []
    for equation in reversed(jaxpr.equations):
        if has_effect(equation) or any(var in live for var in equation.outputs):
            kept.append(equation)
            live.update([atom for atom in equation.inputs if isinstance(atom, Var)])
    kept.reverse()
    pairs = [(var, const) for var, const in zip(jaxpr.constvars, closed.consts, strict=True) if var in live]
    return ClosedJaxpr(
        Jaxpr([var for var, _ in pairs], jaxpr.invars, kept, jaxpr.outvars), [const for _, const in pairs]
    )


def has_effect(equation: Equation) -> bool:
    """Whether an equation, or one of the programs inside it, does something beside computing its outputs."""
    params = equation.params
    return bool(params) and ("effect" in params or any(_program_has_effect(inner) for _, inner in inner_jaxprs(params)))


def _program_has_effect(closed: ClosedJaxpr) -> bool:
    return closed.derived("has effect", lambda: any(has_effect(equation) for equation in closed.equations))


# ---------------------------------------------------------------------------------------------------------------------
# equations rewritten, from the first to the last
# ---------------------------------------------------------------------------------------------------------------------

# a rule takes an equation and the equations that made its inputs, and gives an atom that is its result, an equation in
# its place, or None
Rule = Callable[[Equation, dict[Atom, Equation]], "Atom | Equation | None"]


def rewritten(closed: ClosedJaxpr) -> ClosedJaxpr:
    """With constants computed, equations that change nothing taken out, and each value computed once."""
    jaxpr = closed.jaxpr
    names: dict[Atom, Atom] = {}
    made_by: dict[Atom, Equation] = {}
    known: dict[Any, tuple[Var, ...]] = {}
    kept: list[Equation] = []
    for equation in jaxpr.equations:
        inputs = tuple([_read(atom, names) for atom in equation.inputs])
        equation = Equation(equation.primitive, inputs, equation.params, equation.outputs, equation.location)
        if has_effect(equation):
            kept.append(equation)
            continue
        result = _rewrite(equation, made_by)
        if not isinstance(result, Equation):
            names[equation.outputs[0]] = result
            continue
        equation = result
        key = _key(equation)
        earlier = known.get(key) if key is not None else None
        if earlier is not None:
            names.update(zip(equation.outputs, earlier, strict=True))
            continue
        if key is not None:
            known[key] = equation.outputs
        for var in equation.outputs:
            made_by[var] = equation
        kept.append(equation)
    outvars = [_read(atom, names) for atom in jaxpr.outvars]
    return ClosedJaxpr(Jaxpr(jaxpr.constvars, jaxpr.invars, kept, outvars), closed.consts)


def _rewrite(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | Equation:
    if equation.primitive.ufunc is not None or equation.primitive.name == "select":
        constant = _constant(equation)
        if constant is not None:
            return constant
        equation = _without_broadcasts(equation, made_by)
    rule = _RULES.get(equation.primitive.name)
    result = None if rule is None else rule(equation, made_by)
    return equation if result is None else result


def _key(equation: Equation) -> Any:
    try:
        key = (
            equation.primitive,
            tuple([_literal_key(atom.value) if isinstance(atom, Literal) else atom for atom in equation.inputs]),
            tuple([(name, equation.params[name]) for name in sorted(equation.params)]),
        )
        hash(key)
    except TypeError:  # a parameter that cannot be compared: the equation is like no other
        return None
    return key


def _literal_key(value: Any) -> Any:
    """Equal only for what computes the same: 1, 1.0, True and -0.0 are different."""
    return type(value), np.asarray(value).tobytes() if not isinstance(value, int) else value


def _constant(equation: Equation) -> Literal | None:
    """The value of an operation on literals alone."""
    if not all(atom.__class__ is Literal for atom in equation.inputs):
        return None
    with np.errstate(all="ignore"):
        value = equation.primitive.impl(*[atom.value for atom in equation.inputs])  # type: ignore[union-attr]
    literal = Literal(value) if not isinstance(value, np.ndarray) else None
    return literal if literal is not None and literal.aval == equation.outputs[0].aval else None


def _without_broadcasts(equation: Equation, made_by: dict[Atom, Equation]) -> Equation:
    """An elementwise operation broadcasts by itself: of its operands' broadcasts only what shapes the result stays."""
    inputs = list(equation.inputs)
    shape = equation.outputs[0].aval.shape
    for position, atom in enumerate(inputs):
        maker = made_by.get(atom)
        if maker is None or maker.primitive.name != "broadcast_in_dim":
            continue
        source = maker.inputs[0]
        dimensions, full = maker.params["broadcast_dimensions"], maker.params["shape"]
        ndim = len(source.aval.shape)
        if dimensions != tuple(range(len(full) - ndim, len(full))) or source.aval.weak_type or DYNAMIC in shape:
            continue
        shapes = [a.aval.shape for i, a in enumerate(inputs) if i != position]
        if shapes and broadcast_shapes(source.aval.shape, *shapes) == shape:
            inputs[position] = source
    if all(a is b for a, b in zip(inputs, equation.inputs, strict=True)):
        return equation
    return Equation(equation.primitive, tuple(inputs), equation.params, equation.outputs, equation.location)


def _same(atom: Atom, equation: Equation) -> Atom | None:
    """The atom, if it has the result's aval."""
    return atom if atom.aval == equation.outputs[0].aval else None


def _is(atom: Atom, number: int) -> bool:
    if atom.__class__ is not Literal or isinstance(atom.value, complex):
        return False
    return bool(atom.value == number)


def _mul(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | None:
    x, y = equation.inputs
    if _is(y, 1):
        return _same_real(x, equation)
    return _same_real(y, equation) if _is(x, 1) else None


def _div(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | None:
    x, y = equation.inputs
    return _same_real(x, equation) if _is(y, 1) else None


def _same_real(atom: Atom, equation: Equation) -> Atom | None:
    """The atom, if it has the result's aval and is real: a complex infinity times 1 has a NaN in it."""
    return None if atom.aval.dtype.kind == "c" else _same(atom, equation)


def _neg(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | None:
    maker = made_by.get(equation.inputs[0])
    return _same(maker.inputs[0], equation) if maker is not None and maker.primitive is equation.primitive else None


def _sub(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | None:
    x, y = equation.inputs
    return _same(x, equation) if _is(y, 0) and not np.signbit(y.value) else None  # type: ignore[union-attr]


def _unchanged(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | None:
    return _same(equation.inputs[0], equation)


def _broadcast(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | Equation | None:
    same = _same(equation.inputs[0], equation)
    if same is not None:
        return same
    maker = made_by.get(equation.inputs[0])
    if maker is None or maker.primitive is not equation.primitive:
        return None
    first, second = maker.params["broadcast_dimensions"], equation.params["broadcast_dimensions"]
    params = {"shape": equation.params["shape"], "broadcast_dimensions": tuple([second[axis] for axis in first])}
    return Equation(equation.primitive, maker.inputs, params, equation.outputs, equation.location)


def _reshape(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | Equation | None:
    same = _same(equation.inputs[0], equation)
    if same is not None:
        return same
    maker = made_by.get(equation.inputs[0])
    if maker is None or maker.primitive is not equation.primitive:
        return None
    inner = maker.inputs[0]
    return _same(inner, equation) or Equation(
        equation.primitive, (inner,), equation.params, equation.outputs, equation.location
    )


def _transpose(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | Equation | None:
    maker = made_by.get(equation.inputs[0])
    if maker is None or maker.primitive is not equation.primitive:
        return None
    first, second = maker.params["permutation"], equation.params["permutation"]
    permutation = tuple([first[axis] for axis in second])
    if permutation == tuple(range(len(permutation))):
        return maker.inputs[0]
    return Equation(
        equation.primitive,
        maker.inputs,
        {"permutation": permutation},
        equation.outputs,
        equation.location,
    )


def _select(equation: Equation, made_by: dict[Atom, Equation]) -> Atom | None:
    condition, x, y = equation.inputs
    if condition.__class__ is not Literal:
        return None
    return _same(x if condition.value else y, equation)


_RULES: dict[str, Rule] = {
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "sub": _sub,
    "positive": _unchanged,
    "convert_element_type": _unchanged,
    "stop_gradient": _unchanged,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "transpose": _transpose,
    "select": _select,
}
