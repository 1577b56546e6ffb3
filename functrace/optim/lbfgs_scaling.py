"""The direction of L-BFGS: the inverse Hessian, as the last steps and changes of the gradient show it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import numpy as fnp
from .. import tree
from ..errors import OptionError
from ..lax.control_flow import scan
from .transformation import GradientTransformation, cast, required, squared, stateful, zeros_like


class LBFGSState(NamedTuple):
    """The number of steps, the last parameters and gradients, and the memory: the last changes of both, in a ring."""

    count: Any
    params: Any
    updates: Any
    diff_params_memory: Any
    diff_updates_memory: Any
    weights_memory: Any


def scale_by_lbfgs(memory_size: int = 10, scale_init_precond: bool = True) -> GradientTransformation:
    """Multiply the gradient by the inverse Hessian that the last steps show.

    Parameters
    ----------
    memory_size
        How many steps are kept.
    scale_init_precond
        Whether the first guess, a multiple of the identity, has the scale of the last change (at the first step: 1 over
        the gradient's norm, at most 1).

    Raises
    ------
    OptionError
        `memory_size` is not at least 1.

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2nd edition, algorithm 7.4 (the recursion of two loops) and
    formula 7.20 (the scale).

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> rule, params = optim.scale_by_lbfgs(), np.zeros(2)
    >>> rule.update(np.array([3.0, 4.0]), rule.init(params), params)[0].round(6)
    array([0.6, 0.8])
    """
    if memory_size < 1:
        raise OptionError(f"scale_by_lbfgs expected a memory_size of at least 1, got {memory_size}")

    def init(params: Any) -> LBFGSState:
        zeros = zeros_like(params)
        ring = tree.map(lambda zero: fnp.zeros((memory_size, *zero.shape), zero.dtype), zeros)
        return LBFGSState(fnp.zeros((), np.int64), zeros, zeros, ring, ring, fnp.zeros(memory_size))

    def update(updates: Any, state: LBFGSState, params: Any = None) -> tuple[Any, LBFGSState]:
        params = required(params, "scale_by_lbfgs")
        is_first = state.count == 0
        moved = tree.map(lambda new, old: fnp.where(is_first, 0, new - old), params, state.params)
        turned = tree.map(lambda new, old: fnp.where(is_first, 0, new - old), updates, state.updates)
        curvature = _product(turned, moved)
        weight = fnp.where(curvature == 0, 0.0, 1 / fnp.where(curvature == 0, 1.0, curvature))
        place = (state.count - 1) % memory_size
        moves = tree.map(lambda ring, new: _put(ring, place, new), state.diff_params_memory, moved)
        turns = tree.map(lambda ring, new: _put(ring, place, new), state.diff_updates_memory, turned)
        weights = _put(state.weights_memory, place, weight)

        scale: Any = 1.0
        if scale_init_precond:
            size = _product(turned, turned)
            last = fnp.where(size > 0, curvature / fnp.where(size > 0, size, 1.0), 1.0)
            norm = fnp.sqrt(sum([fnp.sum(squared(leaf)) for leaf in tree.leaves(updates)], np.float64(0)))
            scale = fnp.where(is_first, 1 / fnp.maximum(1.0, norm), last)

        order = (state.count + np.arange(memory_size)) % memory_size  # from the oldest
        direction = _two_loops(updates, moves, turns, weights, scale, order)
        return direction, LBFGSState(state.count + 1, params, updates, moves, turns, weights)

    return stateful("scale_by_lbfgs", LBFGSState, init, update)


def _two_loops(updates: Any, moves: Any, turns: Any, weights: Any, scale: Any, order: Any) -> Any:
    """The inverse Hessian times the gradient: through the memory from the newest, and back."""

    def at(index: Any) -> tuple[Any, Any, Any]:
        return tree.map(lambda ring: fnp.take(ring, index, axis=0), (moves, turns, weights))

    def back(vector: Any, index: Any) -> tuple[Any, Any]:
        move, turn, weight = at(index)
        alpha = weight * _product(move, vector)
        return _plus(vector, -alpha, turn), alpha

    def forth(vector: Any, given: tuple[Any, Any]) -> tuple[Any, None]:
        index, alpha = given
        move, turn, weight = at(index)
        return _plus(vector, alpha - weight * _product(turn, vector), move), None

    vector, alphas = scan(back, updates, order, reverse=True)
    vector = tree.map(lambda leaf: cast(scale, fnp.real(leaf)) * leaf, vector)
    return scan(forth, vector, (order, alphas))[0]


def _put(ring: Any, place: Any, new: Any) -> Any:
    index = fnp.arange(ring.shape[0]).reshape(-1, *[1] * (ring.ndim - 1))
    return fnp.where(index == place, cast(new, ring), ring)


def _product(one: Any, other: Any) -> Any:
    """The real inner product of two pytrees."""
    pairs = zip(tree.leaves(one), tree.leaves(other), strict=True)
    return sum([fnp.sum(fnp.real(fnp.conj(a) * b)) for a, b in pairs], np.float64(0))


def _plus(vector: Any, factor: Any, other: Any) -> Any:
    return tree.map(lambda v, o: v + cast(factor, fnp.real(v)) * o, vector, other)
