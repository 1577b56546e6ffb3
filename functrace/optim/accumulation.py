"""Gradients of several minibatches in one step, and averages of parameters over steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .. import numpy as fnp
from .. import tree
from ..core.trace import Tracer
from ..errors import OptionError
from ..lax.control_flow import cond
from .transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    cast,
    check_state,
    check_transformation,
    update_of,
    zeros_like,
)


class MultiStepsState(NamedTuple):
    """How many minibatches came since the last step, how many steps were done, the state inside, and the sum so far."""

    mini_step: Any
    gradient_step: Any
    inner_opt_state: Any
    acc_grads: Any


class MultiSteps:
    """An optimiser that gathers the gradients of several minibatches before it makes a step.

    Between the steps its updates are zero.

    Parameters
    ----------
    opt
        The optimiser.
    every_k_schedule
        How many minibatches make a step: a number, or a function of the number of steps done.
    use_grad_mean
        Whether their mean is used, or their sum.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer = MultiSteps(optim.sgd(1.0), every_k_schedule=2)
    >>> state = optimizer.init(np.zeros(1))
    >>> for gradient in (1.0, 3.0):
    ...     updates, state = optimizer.update(np.array([gradient]), state)
    ...     print(updates)
    [0.]
    [-2.]
    """

    def __init__(
        self, opt: GradientTransformation, every_k_schedule: int | Callable[[Any], Any], use_grad_mean: bool = True
    ) -> None:
        if isinstance(every_k_schedule, int) and every_k_schedule < 1:
            raise OptionError(f"MultiSteps expected every_k_schedule of at least 1, got {every_k_schedule}")
        check_transformation("MultiSteps", opt)
        self._opt = opt
        self._every_k = every_k_schedule
        self._use_mean = use_grad_mean

    def init(self, params: Any) -> MultiStepsState:
        """The state before the first minibatch."""
        none = fnp.zeros((), fnp.int64)
        return MultiStepsState(none, none, self._opt.init(params), zeros_like(params))

    def update(
        self, updates: Any, state: MultiStepsState, params: Any = None, **extra: Any
    ) -> tuple[Any, MultiStepsState]:
        """The updates, zero but for every k-th minibatch, and the next state."""
        check_state("MultiSteps", state, MultiStepsState)
        every = self._every_k(state.gradient_step) if callable(self._every_k) else self._every_k
        if self._use_mean:
            count = state.mini_step + 1
            gathered = tree.map(lambda g, m: m + (g - m) / cast(count, fnp.real(m)), updates, state.acc_grads)
        else:
            gathered = tree.map(lambda g, m: m + g, updates, state.acc_grads)
        zeros = tree.map(fnp.zeros_like, gathered)

        def step(inner: Any) -> tuple[Any, Any, Any, Any]:
            out, after = update_of(self._opt, gathered, inner, params, extra)
            return out, after, zeros, state.gradient_step + 1

        def wait(inner: Any) -> tuple[Any, Any, Any, Any]:
            return zeros, inner, gathered, state.gradient_step

        is_last = state.mini_step + 1 >= every
        if isinstance(is_last, Tracer):
            out, inner, gathered, done = cond(is_last, step, wait, state.inner_opt_state)
        else:  # the functions are new at each step, and would be traced at each
            out, inner, gathered, done = (step if is_last else wait)(state.inner_opt_state)
        return out, MultiStepsState(fnp.where(is_last, 0, state.mini_step + 1), done, inner, gathered)

    def has_updated(self, state: MultiStepsState) -> Any:
        """Whether the last minibatch made a step."""
        return (state.mini_step == 0) & (state.gradient_step > 0)

    def gradient_transformation(self) -> GradientTransformation:
        """The same as a pair of functions, to be chained."""
        return GradientTransformationExtraArgs(self.init, self.update)


def incremental_update(new_tensors: Any, old_tensors: Any, step_size: float) -> Any:
    """The exponential moving average of parameters: ``step_size · new + (1 - step_size) · old``.

    Parameters
    ----------
    new_tensors, old_tensors
        Pytrees of one structure: the parameters now, and their average so far.
    step_size
        How much of the new ones it takes on.

    References
    ----------
    B. Polyak and A. Juditsky, Acceleration of stochastic approximation by averaging, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> incremental_update(np.array([1.0]), np.array([0.0]), 0.25)
    array([0.25])
    """
    return tree.map(lambda new, old: step_size * new + (1 - step_size) * old, new_tensors, old_tensors)
