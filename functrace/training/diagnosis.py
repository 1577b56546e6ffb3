"""Where the first NaN or infinity of a run came from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from .. import tree
from ..errors import NonFiniteError
from .run import Run
from .steps import Carry, Steps


def first_non_finite(values: Any) -> str | None:
    """The path and the kind of the first leaf with a NaN or an infinity; None if there is none."""
    for path, leaf in tree.leaves_with_path(values):
        if not np.isfinite(leaf).all():
            return f"{tree.keystr(path)}: {'NaN' if np.isnan(leaf).any() else 'an infinity'}"
    return None


class Guard:
    """Watches the steps of an epoch, and says where the first number came from that is not finite.

    While a run goes well only its losses are looked at: a look at all gradients would cost a pass over them at each
    step. When something is found the step has already written over the parameters that it was taken from. So the
    guard keeps those with which the epoch began, and does its steps again.
    """

    def __init__(self, steps: Steps, run: Run, batches: Iterable[Any], key: Any) -> None:
        self._steps = steps
        self._run = run
        self._batches = batches
        self._key = key
        self._begin = run.step
        self._carry = run.carry.copy()

    def check_loss(self, value: Any) -> None:
        """Raise if it is not finite.

        Raises
        ------
        NonFiniteError
            It names the step, the epoch and the leaf.
        """
        if not math.isfinite(value):
            self._search()

    def check_params(self) -> None:
        """Raise if a parameter of the run is not finite, as `check_loss` does."""
        if first_non_finite(self._run.carry.params) is not None:
            self._search()

    def _search(self) -> NoReturn:
        carry, each = self._carry, self._run.steps_per_epoch
        if bad_param := first_non_finite(carry.params):
            _fail(f"a parameter is not finite before the first step: params{bad_param}")
        for number, batch in enumerate(self._batches, self._begin):
            arguments = (*carry, batch, self._key, np.int64(number))
            (value, _), gradients = self._steps.gradients(*arguments)
            place = f"in step {number + 1} (step {number % each + 1} of epoch {number // each + 1})"
            bad_gradient = first_non_finite(gradients)
            if not np.isfinite(value):
                first = f"gradient of params{bad_gradient}" if bad_gradient else "all gradients are finite"
                _fail(f"the loss is {value} {place}; before it all parameters are finite; {first}")
            if bad_gradient:
                _fail(f"the loss is {value} {place}, and a gradient is not finite: gradient of params{bad_gradient}")
            carry = Carry(*self._steps.step(*arguments)[1:])
            if bad_param := first_non_finite(carry.params):
                _fail(f"the update {place} makes a parameter that is not finite: params{bad_param}")
        _fail(f"the loss or a parameter is not finite by step {number + 1}, and all are when the steps are done again")


def _fail(what: str) -> NoReturn:
    raise NonFiniteError(
        f"fit: {what}",
        instead="a smaller learning rate, optim.clip_by_global_norm before the optimiser, or "
        "functrace.debug_nans() around fit, to find the operation",
    )
