"""A run of `fit` as callbacks see it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..errors import ArgumentError
from .early_stopping import Best, EarlyStopping
from .history import History
from .steps import Carry


class Run:
    """Where a run stands.

    Attributes
    ----------
    step, epoch
        How many were done.
    loss
        That of the last step.
    history
        The numbers so far; ``run.history.latest`` are those of the last epoch.
    epochs, steps_per_epoch
        How many there are to be.
    """

    def __init__(
        self,
        carry: Carry,
        history: History,
        epochs: int,
        steps_per_epoch: int,
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        self.history = history
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.carry = carry
        self.best: Best | None = None
        self._early_stopping = early_stopping
        self._stopped = False

    @property
    def step(self) -> int:
        return len(self.history.steps)

    @property
    def epoch(self) -> int:
        return len(self.history.epochs.get("loss", ()))

    @property
    def loss(self) -> float:
        return self.history.steps[-1]

    @property
    def params(self) -> Any:
        """A copy of the parameters: the next step writes over the run's own."""
        return tree.map(np.array, self.carry.params)

    @property
    def state(self) -> Any:
        """A copy of the state."""
        return tree.map(np.array, self.carry.state)

    def stop(self) -> None:
        """End the run after this step."""
        self._stopped = True

    @property
    def is_over(self) -> bool:
        """Whether no step is to come."""
        stopping, best = self._early_stopping, self.best
        has_waited = stopping is not None and best is not None and self.epoch - best.epoch >= stopping.patience
        return self._stopped or has_waited or self.epoch >= self.epochs

    def end_epoch(self, numbers: dict[str, float]) -> None:
        """Note the numbers of an epoch, and keep the parameters if it is the best."""
        self.history.add_epoch(numbers)
        if self._early_stopping is None:
            return
        score, best = self._early_stopping.score(numbers), self.best
        if best is None or math.isnan(best.score) or score < best.score - self._early_stopping.min_delta:
            self.best = Best(score, self.epoch, self.params, self.state)


class Callback:
    """What `fit` calls as it goes: override one method or both.

    Examples
    --------
    >>> class Patience(Callback):
    ...     def on_step(self, run):
    ...         if run.step == 100:
    ...             run.stop()
    """

    def on_step(self, run: Run) -> None:
        """Called after each step."""

    def on_epoch(self, run: Run) -> None:
        """Called after each epoch, when its numbers are in the history."""


class _EpochFunction(Callback):
    def __init__(self, function: Callable[[Run], Any]) -> None:
        self.function = function

    def on_epoch(self, run: Run) -> None:
        self.function(run)


def as_callback(callback: Any) -> Callback:
    """A function is called after each epoch.

    Raises
    ------
    ArgumentError
        It is neither a function nor a `Callback`.
    """
    if isinstance(callback, Callback):
        return callback
    if not callable(callback) or isinstance(callback, type):
        raise ArgumentError(f"fit expected a function of the run, or a Callback, got {callback!r}")
    return _EpochFunction(callback)
