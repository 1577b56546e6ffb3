"""Weights kept small: decay as a part of the step, and penalties as a part of the loss."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import numpy as fnp
from .. import tree
from .masking import Mask, masked
from .schedules import ScalarOrSchedule
from .transformation import GradientTransformation, cast, required, squared, stateful


class DecayState(NamedTuple):
    """How many steps were done."""

    count: Any


def add_decayed_weights(weight_decay: ScalarOrSchedule = 0.0, mask: Mask | None = None) -> GradientTransformation:
    """Add ``weight_decay · params`` to the updates.

    Behind an optimiser's rule and before its learning rate it is decoupled weight decay, as in `adamw`; before the rule
    it is the gradient of the penalty ``weight_decay / 2 · |params|²``, which the rule then scales as any other.

    Parameters
    ----------
    weight_decay
        A number, or a function of the number of steps done.
    mask
        Which leaves decay: a pytree of bools, or a function that makes one of the parameters. By default all.

    References
    ----------
    I. Loshchilov and F. Hutter, Decoupled weight decay regularization, 2019, arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> decay = add_decayed_weights(0.1)
    >>> decay.update(np.zeros(2), decay.init(np.ones(2)), np.array([1.0, -2.0]))[0]
    array([ 0.1, -0.2])
    """
    return _adding("add_decayed_weights", weight_decay, mask, lambda param: param)


def add_l1_decay(strength: ScalarOrSchedule = 0.0, mask: Mask | None = None) -> GradientTransformation:
    """Add ``strength · sign(params)`` to the updates: the gradient of the penalty ``strength · Σ|params|``.

    Parameters and placing are those of `add_decayed_weights`.

    Examples
    --------
    >>> import numpy as np
    >>> decay = add_l1_decay(0.1)
    >>> decay.update(np.zeros(3), decay.init(np.ones(3)), np.array([3.0, -2.0, 0.0]))[0]
    array([ 0.1, -0.1,  0. ])
    """
    return _adding("add_l1_decay", strength, mask, fnp.sign)


def _adding(name: str, strength: ScalarOrSchedule, mask: Mask | None, part: Any) -> GradientTransformation:
    def init(params: Any) -> DecayState:
        return DecayState(fnp.zeros((), fnp.int64))

    def update(updates: Any, state: DecayState, params: Any = None) -> tuple[Any, DecayState]:
        factor = strength(state.count) if callable(strength) else strength
        added = tree.map(
            lambda g, param: g + cast(factor, fnp.real(g)) * cast(part(param), g), updates, required(params, name)
        )
        return added, DecayState(state.count + 1)

    decay = stateful(name, DecayState, init, update)
    return decay if mask is None else masked(decay, mask)


def l2_penalty(params: Any, strength: float = 1.0) -> Any:
    """``strength / 2 · Σ|params|²`` over all leaves, to be added to a loss.

    Examples
    --------
    >>> import numpy as np
    >>> float(l2_penalty({"w": np.array([3.0, 4.0])}, 0.1))
    1.25
    """
    return strength / 2 * sum([fnp.sum(squared(leaf)) for leaf in tree.leaves(params)], 0.0)


def l1_penalty(params: Any, strength: float = 1.0) -> Any:
    """``strength · Σ|params|`` over all leaves, to be added to a loss.

    Examples
    --------
    >>> import numpy as np
    >>> float(l1_penalty({"w": np.array([3.0, -4.0])}, 0.5))
    3.5
    """
    return strength * sum([fnp.sum(fnp.abs(leaf)) for leaf in tree.leaves(params)], 0.0)
