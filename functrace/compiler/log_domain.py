"""Sums of exponentials in ordinary operations, so that what their value and their derivative share is computed once."""

from __future__ import annotations

import numpy as np

from ..core.aval import DYNAMIC
from ..core.jaxpr import Atom, Equation, Literal
from ..lax import elementwise as e
from ..lax.reduction import reduce_max_p
from ..lax.shape import reduce_sum_p, reshape_p
from .rewriting import Rewriting, Rule


def _logsumexp(equation: Equation, program: Rewriting) -> Atom | None:
    """max + log(sum(exp(x - max))), with infinite maxima taken as the greatest finite numbers in the exponent.

    A sum is at least 1, for the greatest element's sake, but where all elements are -inf. There 1 stands in its place,
    whose logarithm is finite: no warning of a logarithm of 0 comes of it.
    """
    (x,), axes = equation.inputs, equation.params["axes"]
    if x.aval.dtype.char not in "fd" or not axes or DYNAMIC in x.aval.shape or not x.aval.size:
        return None
    one, least, most = _limits(x.aval.dtype)
    greatest = program.emit(reduce_max_p, x, axes=axes, keepdims=True)
    bounded = program.emit(e.min_, program.emit(e.max_, greatest, least), most)
    powers = program.emit(e.exp, program.emit(e.sub, x, bounded))
    total = program.emit(reduce_sum_p, powers, axes=axes, keepdims=True)
    positive = program.emit(e.max_, total, one)
    out = program.emit(e.add, program.emit(e.log, positive), greatest)
    program.notes[out] = (x, powers, total, positive)
    return program.emit(reshape_p, out, new_sizes=equation.outputs[0].aval.shape)


def _exp_gap(equation: Equation, program: Rewriting) -> Atom | None:
    """An element's share of a sum is its power over that of all: 1 where both are infinite."""
    x, y = equation.inputs
    summed, powers, _, positive = program.notes.get(y, (None,) * 4)
    if summed is not x:
        return None
    _, _, most = _limits(x.aval.dtype)
    return program.emit(e.div, program.emit(e.min_, powers, most), program.emit(e.min_, positive, most))


def _exp(equation: Equation, program: Rewriting) -> Atom | None:
    """The same for exp(x - logsumexp(x)), which is NaN where both are infinite, as the quotient is."""
    maker = program.maker(equation.inputs[0], "sub")
    if maker is None:
        return None
    x, y = maker.inputs
    summed, powers, total, _ = program.notes.get(y, (None,) * 4)
    return program.emit(e.div, powers, total) if summed is x else None


def _logistic(equation: Equation, program: Rewriting) -> Atom | None:
    """1 / (1 + exp(-x)), whose exponent is kept from overflow."""
    (x,) = equation.inputs
    if x.aval.weak_type:
        return None
    one = Literal(x.aval.dtype.type(1))
    limit = Literal(e.logistic_limit(x.aval.dtype))
    bounded = program.emit(e.min_, program.emit(e.neg, x), limit)
    return program.emit(e.div, one, program.emit(e.add, one, program.emit(e.exp, bounded)))


def _limits(dtype: np.dtype) -> tuple[Literal, Literal, Literal]:
    limits = np.finfo(dtype)
    return Literal(dtype.type(1)), Literal(limits.min), Literal(limits.max)


RULES: dict[str, list[Rule]] = {
    "logsumexp": [_logsumexp],
    "exp_gap": [_exp_gap],
    "exp": [_exp],
    "logistic": [_logistic],
}
