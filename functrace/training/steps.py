"""One step of training as a compiled function: loss, gradients and update, in the memory of its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import random, tree
from ..errors import ArgumentError
from ..optim.transformation import GradientTransformation, apply_updates, update_of
from ..transforms.derivatives import value_and_grad
from ..transforms.jit import jit


class Carry(NamedTuple):
    """What a step takes and gives: the memory of the one becomes that of the other."""

    params: Any
    optimizer_state: Any
    state: Any

    def copy(self) -> Carry:
        """The same in arrays of its own, numbers too."""
        return tree.map(np.array, self)


class Steps:
    """The functions of a training run.

    Attributes
    ----------
    step
        ``step(params, optimizer_state, state, batch, key, number)``: the loss, and the first three after the step.
        They are donated.
    gradients
        The loss and the gradients of such a step, and nothing donated.
    evaluate
        ``evaluate(params, state, data, key)``: the loss, with ``train=False``.
    """

    def __init__(self, loss: Callable[..., Any], optimizer: GradientTransformation, has_state: bool) -> None:
        call = keywords_that_it_names(loss)
        if has_state and "state" not in call.accepted:
            raise ArgumentError(
                "fit was given a state, and the loss takes none",
                instead="def loss(params, batch, *, state): …; return value, next_state",
            )

        def objective(params: Any, state: Any, batch: Any, key: Any, train: bool) -> tuple[Any, Any]:
            if not has_state:
                return call(params, batch, key=key, train=train), state
            out = call(params, batch, state=state, key=key, train=train)
            if not isinstance(out, tuple) or len(out) != 2:
                raise ArgumentError(
                    f"fit was given a state: the loss should give a value and the next state, and gave a "
                    f"{type(out).__name__}",
                    instead="return value, next_state",
                )
            return out

        def gradients(params: Any, optimizer_state: Any, state: Any, batch: Any, key: Any, number: Any) -> Any:
            key = random.fold_in(key, number)
            return value_and_grad(lambda params: objective(params, state, batch, key, True), has_aux=True)(params)

        def step(params: Any, optimizer_state: Any, state: Any, batch: Any, key: Any, number: Any) -> Any:
            (value, after), slopes = gradients(params, optimizer_state, state, batch, key, number)
            key = random.fold_in(key, number)
            extra = {
                "value": value,
                "grad": slopes,
                "value_fn": lambda params: objective(params, state, batch, key, True)[0],
            }
            updates, optimizer_state = update_of(optimizer, slopes, optimizer_state, params, extra)
            return value, apply_updates(params, updates), optimizer_state, after

        self.step = jit(step, donate_argnums=(0, 1, 2))
        self.gradients = jit(gradients)
        self.evaluate = jit(lambda params, state, data, key: objective(params, state, data, key, False)[0])


class keywords_that_it_names:
    """A function of parameters and data, called with those of the keywords that it has a name for."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise ArgumentError(f"fit expected a function of the parameters and a batch, got {type(function).__name__}")
        self.function = function
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except ValueError:  # a function written in C does not say
            parameters = []
        self.accepted = {parameter.name for parameter in parameters[2:]} & {"key", "state", "train"}
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            self.accepted = {"key", "state", "train"}

    def __call__(self, params: Any, data: Any, **keywords: Any) -> Any:
        return self.function(params, data, **{name: keywords[name] for name in self.accepted & keywords.keys()})
