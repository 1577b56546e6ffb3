"""Rules of elementwise operations: each is exact, so that no element of a result changes by a bit.

What holds of numbers need not hold of floats: x + 0 is not x where x is -0.0, -(x - y) is not y - x where both are
equal, a factor of a factor may overflow. What is said here holds of signed zeros, infinities and NaN too, and of
integers that wrap around. Complex numbers multiply with a rounding of their own, so that few rules are theirs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.aval import DYNAMIC, broadcast_shapes
from ..core.jaxpr import Atom, Equation, Literal
from ..core.primitive import Primitive
from ..lax import elementwise as e
from ..lax.shape import broadcast_in_dim_p
from .rewriting import Rewriting, Rule

# ---------------------------------------------------------------------------------------------------------------------
# what is asked of atoms
# ---------------------------------------------------------------------------------------------------------------------


def _is(atom: Atom, number: int) -> bool:
    return atom.__class__ is Literal and atom.aval.dtype.kind != "c" and bool(atom.value == number)


def _is_real(equation: Equation) -> bool:
    return equation.outputs[0].aval.dtype.kind != "c"


def _is_float(equation: Equation) -> bool:
    return equation.outputs[0].aval.dtype.kind == "f"


def _minus(atom: Atom, equation: Equation, program: Rewriting) -> Atom | None:
    """x, if an operand is -x in the dtype in which it is computed with."""
    maker = program.maker(atom, "neg")
    return maker.inputs[0] if maker is not None and atom.aval.dtype == equation.outputs[0].aval.dtype else None


def _opposite(atom: Atom) -> Literal | None:
    """The literal -c of a literal c that stands for a real float."""
    if atom.__class__ is not Literal:
        return None
    value = atom.value
    if isinstance(value, (float, np.floating)) or (value.__class__ is int and value):  # the int 0 has no sign
        return Literal(-value)
    return None


def _minus_product(atom: Atom, equation: Equation, program: Rewriting) -> Atom | None:
    """x · y, if an operand is (-x) · y and needed nowhere else."""
    maker = program.maker(atom, "mul")
    if maker is None or not program.once(atom) or not _is_real(equation):
        return None
    x, y = maker.inputs
    positive = _minus(x, maker, program)
    if positive is not None:
        return _if_alike(atom, program.emit(e.mul, positive, y), equation)
    positive = _minus(y, maker, program)
    return None if positive is None else _if_alike(atom, program.emit(e.mul, x, positive), equation)


def _if_alike(atom: Atom, new: Atom, equation: Equation) -> Atom | None:
    """`new`, if it may stand for -`atom` as an operand: in the dtype of the result, so that integers wrap around."""
    return new if new.aval == atom.aval and atom.aval.dtype == equation.outputs[0].aval.dtype else None


# ---------------------------------------------------------------------------------------------------------------------
# any elementwise operation
# ---------------------------------------------------------------------------------------------------------------------


def _any(equation: Equation, program: Rewriting) -> Atom | None:
    for atom in equation.inputs:
        if atom.__class__ is not Literal:
            break
    else:
        return _constant(equation, program)
    shape = equation.outputs[0].aval.shape
    if not shape:
        return None
    for atom in equation.inputs:
        maker = program.made_by.get(atom)
        if maker is not None and maker.primitive is broadcast_in_dim_p and DYNAMIC not in shape:
            alone = _without_broadcasts(equation, program)
            if alone is None and equation.primitive in _SAME_IN_EVERY_LOOP:
                return _of_a_broadcast(equation, program)
            return alone
    return None


def _constant(equation: Equation, program: Rewriting) -> Atom | None:
    """The value of an operation on literals alone."""
    if not all(atom.__class__ is Literal for atom in equation.inputs):
        return None
    with np.errstate(all="ignore"):
        values = [atom.value for atom in equation.inputs]  # type: ignore[union-attr]
        value = equation.primitive.impl(*values, **equation.params)
    return None if isinstance(value, np.ndarray) else Literal(value)


def _without_broadcasts(equation: Equation, program: Rewriting) -> Atom | None:
    """An elementwise operation broadcasts by itself: of its operands' broadcasts only what shapes the result stays."""
    shape = equation.outputs[0].aval.shape
    inputs = list(equation.inputs)
    for position, atom in enumerate(inputs):
        maker = program.made_by.get(atom)
        if maker is None or maker.primitive is not broadcast_in_dim_p or len(inputs) < 2:
            continue
        source = maker.inputs[0]
        dimensions, full = maker.params["broadcast_dimensions"], maker.params["shape"]
        ndim = len(source.aval.shape)
        if dimensions != tuple(range(len(full) - ndim, len(full))) or source.aval.weak_type:
            continue
        shapes = [other.aval.shape for index, other in enumerate(inputs) if index != position]
        if broadcast_shapes(source.aval.shape, *shapes) == shape:
            inputs[position] = source
    if all(a is b for a, b in zip(inputs, equation.inputs, strict=True)):
        return None
    return program.emit(equation.primitive, *inputs, **equation.params)


def _of_a_broadcast(equation: Equation, program: Rewriting) -> Atom | None:
    """An operation on arrays that are broadcast in the same way, and on scalars: done before the broadcast."""
    broadcast = None
    inputs = []
    for atom in equation.inputs:
        if not atom.aval.shape:
            inputs.append(atom)
            continue
        maker = program.made_by.get(atom)
        if maker is None or maker.primitive is not broadcast_in_dim_p:
            return None
        (source,) = maker.inputs
        if broadcast is None:
            broadcast = maker
        elif maker.params != broadcast.params or source.aval.shape != broadcast.inputs[0].aval.shape:
            return None
        if source.aval.weak_type or (not source.aval.shape and source.aval.dtype.kind not in "fb"):
            return None  # NumPy warns where an integer scalar overflows
        inputs.append(source)
    if broadcast is None or broadcast.params["shape"] != equation.outputs[0].aval.shape or not _is_real(equation):
        return None
    small = program.emit(equation.primitive, *inputs, **equation.params)
    return None if small.aval.weak_type else program.emit(broadcast.primitive, small, **broadcast.params)


# ---------------------------------------------------------------------------------------------------------------------
# sums
# ---------------------------------------------------------------------------------------------------------------------


def _add(equation: Equation, program: Rewriting) -> Atom | None:
    x, y = equation.inputs
    for one, other in ((x, y), (y, x)):
        if _is(other, 0) and _adds_nothing(other, equation):
            return one
    if program.maker(x, "neg", "mul") is None is program.maker(y, "neg", "mul"):
        return None
    minus_y = _minus(y, equation, program)
    if minus_y is not None:
        return program.emit(e.sub, x, minus_y)
    minus_x = _minus(x, equation, program)
    if minus_x is not None:
        return program.emit(e.sub, y, minus_x)
    for one, other in ((x, y), (y, x)):
        product = _minus_product(other, equation, program)
        if product is not None:
            return program.emit(e.sub, one, product)
    return None


def _adds_nothing(zero: Any, equation: Equation) -> bool:
    """Whether a literal that is 0 can be left out of a sum: in floats only -0.0, since -0.0 + 0.0 is 0.0."""
    if _is_float(equation):
        return isinstance(zero.value, (float, np.floating)) and bool(np.signbit(zero.value))
    return _is_real(equation)


def _sub(equation: Equation, program: Rewriting) -> Atom | None:
    x, y = equation.inputs
    if _is(y, 0):
        return None if np.signbit(y.value) else x  # type: ignore[union-attr]
    minus_y = _minus(y, equation, program)
    if minus_y is not None:
        return program.emit(e.add, x, minus_y)
    product = _minus_product(y, equation, program)
    return None if product is None else program.emit(e.add, x, product)


def _neg(equation: Equation, program: Rewriting) -> Atom | None:
    (x,) = equation.inputs
    maker = program.maker(x, "neg", "mul", "div")
    if maker is None:
        return None
    if maker.primitive is e.neg:
        return maker.inputs[0]
    if not program.once(x) or not _is_real(equation):
        return None
    a, b = maker.inputs
    for position, atom in enumerate((a, b)):
        other = _minus(atom, maker, program)
        if other is None and _is_float(equation):
            other = _opposite(atom)
        if other is not None and (maker.primitive is e.mul or _is_float(equation)):
            return program.emit(maker.primitive, *((other, b) if position == 0 else (a, other)))
    return None


# ---------------------------------------------------------------------------------------------------------------------
# products
# ---------------------------------------------------------------------------------------------------------------------


def _mul(equation: Equation, program: Rewriting) -> Atom | None:
    x, y = equation.inputs
    for one, other in ((x, y), (y, x)):
        if other.__class__ is not Literal:
            continue
        if not _is_real(equation):  # a complex infinity times 1 has a NaN in it
            return None
        if _is(other, 1):
            return one if one.aval == equation.outputs[0].aval else None
        if _is(other, -1) and _has_sign(one, equation):
            return program.emit(e.neg, one)
    if program.maker(x, "neg") is None is program.maker(y, "neg"):
        return None
    minus_x, minus_y = _minus(x, equation, program), _minus(y, equation, program)
    if minus_x is not None and minus_y is not None:
        return program.emit(e.mul, minus_x, minus_y)
    if not _is_float(equation):
        return None
    if minus_x is not None and (opposite := _opposite(y)) is not None:
        return program.emit(e.mul, minus_x, opposite)
    if minus_y is not None and (opposite := _opposite(x)) is not None:
        return program.emit(e.mul, opposite, minus_y)
    return None


def _has_sign(atom: Atom, equation: Equation) -> bool:
    return atom.aval == equation.outputs[0].aval and atom.aval.dtype.kind in "fi"


def _div(equation: Equation, program: Rewriting) -> Atom | None:
    x, y = equation.inputs
    if not _is_float(equation):
        return None
    if _is(y, 1):
        return x
    if _is(y, -1) and _has_sign(x, equation):
        return program.emit(e.neg, x)
    reciprocal = _exact_reciprocal(y, x, equation)
    if reciprocal is not None:
        return program.emit(e.mul, x, reciprocal)
    minus_x, minus_y = _minus(x, equation, program), _minus(y, equation, program)
    if minus_x is not None and minus_y is not None:
        return program.emit(e.div, minus_x, minus_y)
    if minus_x is not None and (opposite := _opposite(y)) is not None:
        return program.emit(e.div, minus_x, opposite)
    if minus_y is not None and (opposite := _opposite(x)) is not None:
        return program.emit(e.div, opposite, minus_y)
    return None


def _exact_reciprocal(atom: Atom, x: Atom, equation: Equation) -> Literal | None:
    """1 / c of a literal c that is a power of two, in whose place a product gives the same as the quotient."""
    if atom.__class__ is not Literal or x.aval != equation.outputs[0].aval.strong() or x.aval.dtype.char not in "efd":
        return None
    value: Any = atom.value
    if not isinstance(value, (float, int, np.floating)) or isinstance(value, bool):
        return None
    limits = np.finfo(equation.outputs[0].aval.dtype)
    least, most = float(limits.tiny), 1 / float(limits.tiny)
    size: Any = abs(value)
    if not least <= size <= most or abs(math.frexp(value)[0]) != 0.5:
        return None
    reciprocal = 1 / float(value)
    return Literal(type(value)(reciprocal) if isinstance(value, np.floating) else reciprocal)


def _pow(equation: Equation, program: Rewriting) -> Atom | None:
    """NumPy raises an array of floats to the Python number 2 by squaring, and to 1 not at all."""
    x, y = equation.inputs
    if y.__class__ is not Literal or y.value.__class__ not in (int, float) or not x.aval.shape:
        return None
    if not _is_float(equation) or x.aval != equation.outputs[0].aval:
        return None
    if y.value == 1:
        return x
    return program.emit(e.square, x) if y.value == 2 else None


def _square(equation: Equation, program: Rewriting) -> Atom | None:
    maker = program.maker(equation.inputs[0], "neg", "abs")
    return program.emit(e.square, maker.inputs[0]) if maker is not None and _is_real(equation) else None


# ---------------------------------------------------------------------------------------------------------------------
# signs, extrema, choice, logic
# ---------------------------------------------------------------------------------------------------------------------


def _abs(equation: Equation, program: Rewriting) -> Atom | None:
    (x,) = equation.inputs
    if program.maker(x, "abs") is not None:
        return x
    maker = program.maker(x, "neg")
    signed = equation.outputs[0].aval.dtype.kind in "fi"  # an unsigned number's opposite is another number
    return program.emit(e.abs_, maker.inputs[0]) if maker is not None and signed else None


def _unchanged(equation: Equation, program: Rewriting) -> Atom | None:
    return equation.inputs[0]


def _of_two_alike(equation: Equation, program: Rewriting) -> Atom | None:
    x, y = equation.inputs
    return x if x is y else None


def _and(equation: Equation, program: Rewriting) -> Atom | None:
    return _with_neutral(equation, True, -1)


def _or(equation: Equation, program: Rewriting) -> Atom | None:
    return _with_neutral(equation, False, 0)


def _with_neutral(equation: Equation, truth: bool, bits: int) -> Atom | None:
    x, y = equation.inputs
    if x is y:
        return x
    neutral = truth if equation.outputs[0].aval.dtype.kind == "b" else bits
    for one, other in ((x, y), (y, x)):
        if other.__class__ is Literal and other.aval.dtype.kind in "biu" and other.value == neutral:
            return one if one.aval == equation.outputs[0].aval else None
    return None


def _select(equation: Equation, program: Rewriting) -> Atom | None:
    condition, x, y = equation.inputs
    if condition.__class__ is Literal:
        return x if condition.value else y
    if x is y:
        return x
    if condition.aval.dtype.kind == "b":
        maker = program.maker(condition, "logical_not", "not")
        if maker is not None and maker.inputs[0].aval.dtype.kind == "b":
            return program.emit(e.where, maker.inputs[0], y, x)
        return _rectified(equation, program)
    return None


def _rectified(equation: Equation, program: Rewriting) -> Atom | None:
    """0 where x ≤ 0, else x: the greater of the two. Where both are zeros that may be -0.0, which 0 turns into 0."""
    condition, zero, x = equation.inputs
    maker = program.maker(condition, "le")
    if maker is None or maker.inputs[0] is not x or not _is(maker.inputs[1], 0):
        return None
    if not _is_float(equation) or x.aval != equation.outputs[0].aval:
        return None
    if not isinstance(zero, Literal) or not _is(zero, 0) or math.copysign(1, zero.value) < 0:
        return None
    return program.emit(e.add, program.emit(e.max_, x, zero), zero)


#: What a comparison's negation is: of floats only these two, since all others are false for NaN, as their opposites.
_NEGATIONS: dict[Primitive, Primitive] = {e.eq: e.ne, e.ne: e.eq}
_NEGATIONS_IN_ORDER: dict[Primitive, Primitive] = {**_NEGATIONS, e.lt: e.ge, e.ge: e.lt, e.gt: e.le, e.le: e.gt}


def _not(equation: Equation, program: Rewriting) -> Atom | None:
    (x,) = equation.inputs
    maker = program.made_by.get(x)
    if maker is None:
        return None
    if maker.primitive is equation.primitive:
        return maker.inputs[0]
    if x.aval.dtype.kind != "b":
        return None
    ordered = all(atom.aval.dtype.kind in "biu" for atom in maker.inputs)
    opposite = (_NEGATIONS_IN_ORDER if ordered else _NEGATIONS).get(maker.primitive)
    return None if opposite is None else program.emit(opposite, *maker.inputs)


# ---------------------------------------------------------------------------------------------------------------------
# dtypes
# ---------------------------------------------------------------------------------------------------------------------


def _convert(equation: Equation, program: Rewriting) -> Atom | None:
    (x,) = equation.inputs
    if x.aval == equation.outputs[0].aval:
        return x
    maker = program.maker(x, "convert_element_type")
    if maker is None:
        return None
    (source,) = maker.inputs
    old, between, new = source.aval.dtype, x.aval.dtype, equation.outputs[0].aval.dtype
    if source.aval.weak_type or not _keeps(old, between):
        return None
    if old == new:
        return source
    # a float out of an integer's bounds converts in a way of its own for each pair of dtypes
    if new.kind in "iu" and (old.kind in "fc" or between.kind in "fc") and not _keeps(old, new):
        return None
    return program.emit(equation.primitive, source, **equation.params)


def _keeps(old: np.dtype, new: np.dtype) -> bool:
    """Whether every value of a dtype is one of another."""
    if not np.can_cast(old, new, "safe"):
        return False
    if old.kind in "iu" and new.kind in "fc":  # NumPy calls 64 bits in 53 safe
        bits = 8 * old.itemsize - (old.kind == "i")
        return bits <= np.finfo(new).nmant + 1
    return True


# ---------------------------------------------------------------------------------------------------------------------
# the table
# ---------------------------------------------------------------------------------------------------------------------

#: Operations that are rounded correctly: they give the same on an element whichever of NumPy's loops runs.
_SAME_IN_EVERY_LOOP = frozenset(
    {
        *(e.neg, e.add, e.sub, e.mul, e.div, e.square, e.sqrt, e.reciprocal, e.abs_, e.sign_p, e.max_, e.min_),
        *(e.eq, e.ne, e.lt, e.le, e.gt, e.ge, e.logical_and, e.logical_or, e.logical_xor, e.logical_not, e.where),
        *(e.bitwise_and, e.bitwise_or, e.bitwise_xor, e.bitwise_not, e.floor, e.ceil, e.trunc, e.is_nan, e.is_finite),
    }
)

_OWN: dict[str, list[Rule]] = {
    "add": [_add],
    "sub": [_sub],
    "neg": [_neg],
    "mul": [_mul],
    "div": [_div],
    "pow": [_pow],
    "square": [_square],
    "abs": [_abs],
    "positive": [_unchanged],
    "stop_gradient": [_unchanged],
    "max": [_of_two_alike],
    "min": [_of_two_alike],
    "fmax": [_of_two_alike],
    "fmin": [_of_two_alike],
    "and": [_and],
    "or": [_or],
    "logical_and": [_and],
    "logical_or": [_or],
    "logical_not": [_not],
    "not": [_not],
    "select": [_select],
    "convert_element_type": [_constant, _convert],
}


def _elementwise() -> dict[str, list[Rule]]:
    rules: dict[str, list[Rule]] = {}
    for primitive in vars(e).values():
        if isinstance(primitive, Primitive) and (primitive.ufunc is not None or primitive is e.where):
            rules[primitive.name] = [_any, *_OWN.get(primitive.name, [])]
    return rules


RULES: dict[str, list[Rule]] = {**_OWN, **_elementwise()}
