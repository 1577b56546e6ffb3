"""`fit`: minimise a loss over data, step by step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import random
from ..errors import OptionError
from ..lazy import import_extra
from ..optim.transformation import GradientTransformation
from .batches import minibatches
from .checkpoint import Checkpoint, Setup
from .data import checked_data, whole_number
from .diagnosis import Guard
from .early_stopping import EarlyStopping
from .history import History
from .run import Callback, Run, as_callback
from .steps import Carry, Steps, keywords_that_it_names


class Fitted(NamedTuple):
    """What `fit` gives.

    Attributes
    ----------
    params
        The parameters: with early stopping those of the best epoch, else those after the last step.
    state
        The layers' state that belongs to them.
    history
        The numbers of all steps and epochs.
    optimizer_state
        The optimiser's, after the last step.
    """

    params: Any
    state: Any
    history: History
    optimizer_state: Any


def fit(
    loss: Callable[..., Any],
    params: Any,
    optimizer: GradientTransformation,
    data: Any,
    *,
    epochs: int,
    batch_size: int,
    key: Any,
    state: Any = None,
    validation: Any = None,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    early_stopping: EarlyStopping | None = None,
    checkpoint: Checkpoint | None = None,
    callbacks: Iterable[Callback | Callable[[Run], Any]] = (),
    progress: bool = False,
) -> Fitted:
    """Minimise a loss over data by steps on minibatches.

    A step is one compiled function that works in the memory of the parameters; those that are given stay as they are.
    The same arguments give the same result, to the bit, on the same machine.

    Parameters
    ----------
    loss
        ``loss(params, batch)``: a scalar, the mean over the batch. It is traced. If it names them, it is given by
        keyword: ``key``, a new one at each step, for dropout and noise; ``train``, True, and False on `validation`;
        ``state`` (see there).
    params
        A pytree of floats.
    optimizer
        Of `functrace.optim`.
    data
        A pytree of arrays with one leading extent; a batch has its structure.
    epochs
        How often to go through all of it.
    batch_size
        How many examples a step sees; the last of an epoch sees what is left.
    key
        Of `functrace.random`. It decides the order of the examples, and what the loss draws.
    state
        What layers keep besides parameters, such as the means of BatchNorm: a pytree. The loss is then given ``state``
        by keyword, and gives ``(value, next_state)``.
    validation
        Data that is held out, of the structure of `data`. After each epoch the loss is computed on all of it at once.
    metrics
        By name, functions ``metric(params, data)``, with the same keywords as the loss, that give a number. They are
        called after each epoch, on all of `validation` (or of `data`, where there is none), and not traced.
    early_stopping
        When to stop before the last epoch.
    checkpoint
        Where to keep the run, and to go on from.
    callbacks
        Functions that are called with the `Run` after each epoch, or `Callback` objects; ``run.stop()`` ends the run.
    progress
        Whether to show a progress bar, by tqdm (in the extra ``training``).

    Returns
    -------
    Fitted
        ``(params, state, history, optimizer_state)``.

    Raises
    ------
    NonFiniteError
        The loss, a gradient or a parameter became NaN or infinite. The error names the step, the epoch and the leaf;
        the last checkpoint stays as it was.
    ShapeError
        The leaves of the data have different leading extents.
    FileContentError
        The checkpoint is of another run.
    ArgumentError, OptionError
        An argument is not what is said above.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim, random, training
    >>> x = np.linspace(-1, 1, 64)
    >>> def loss(params, batch):
    ...     x, y = batch
    ...     return ((params["slope"] * x + params["start"] - y) ** 2).mean()
    >>> params = {"slope": np.array(0.0), "start": np.array(0.0)}
    >>> fitted = training.fit(
    ...     loss, params, optim.adam(0.1), (x, 3 * x + 1), epochs=50, batch_size=16, key=random.key(0)
    ... )
    >>> fitted.params["slope"].round(3), fitted.params["start"].round(3)
    (np.float64(3.0), np.float64(1.0))
    """
    data, size = checked_data(data, "fit")
    epochs = whole_number(epochs, 1, "fit", "epochs")
    batch_size = whole_number(batch_size, 1, "fit", "batch_size")
    steps = Steps(loss, optimizer, state is not None)
    shuffling, drawing, evaluating = random.split(key, 3)
    evaluation = _Evaluation(steps, data, validation, metrics or {}, evaluating)
    called = [as_callback(callback) for callback in callbacks]
    if early_stopping is not None:
        early_stopping.score(dict.fromkeys(evaluation.names, 0.0))

    carry = Carry(params, optimizer.init(params), state).copy()
    sizes = [min(batch_size, size - start) for start in range(0, size, batch_size)]
    run = Run(carry, History(), epochs, len(sizes), early_stopping)
    setup = Setup(key, size, batch_size)
    if checkpoint is not None:
        checkpoint.restore(run, setup, evaluation.names, early_stopping is not None)

    with _progress_bar(run, progress) as bar:
        while not run.is_over:
            order = minibatches(random.fold_in(shuffling, run.epoch), data, batch_size)
            batches = order[run.step - run.epoch * run.steps_per_epoch :]
            guard = Guard(steps, run, batches, drawing)
            for batch in batches:
                value, *after = steps.step(*run.carry, batch, drawing, np.int64(run.step))
                run.carry = Carry(*after)
                guard.check_loss(value)
                run.history.steps.append(float(value))
                ends_epoch = run.step % run.steps_per_epoch == 0
                if ends_epoch:
                    guard.check_params()
                    run.end_epoch(evaluation(run, sizes))
                for callback in called:
                    callback.on_step(run)
                    if ends_epoch:
                        callback.on_epoch(run)
                bar()
                if checkpoint is not None and (checkpoint.is_due(run) or run.is_over):
                    guard.check_params()
                    checkpoint.write(run, setup)
                if run.is_over:
                    break
    found = run.best or run.carry
    return Fitted(found.params, found.state, run.history, run.carry.optimizer_state)


class _Evaluation:
    """The numbers of an epoch, as it ends."""

    def __init__(
        self, steps: Steps, data: Any, validation: Any, metrics: Mapping[str, Callable[..., Any]], key: Any
    ) -> None:
        losses = ["loss"] if validation is None else ["loss", "validation_loss"]
        if taken := set(losses) & metrics.keys():
            raise OptionError(f"fit: a metric has the name {taken.pop()!r}, which is that of the loss")
        self.names = [*losses, *metrics]
        self._steps = steps
        self._metrics = {name: keywords_that_it_names(metric) for name, metric in metrics.items()}
        self._key = key
        self._validation = None if validation is None else checked_data(validation, "fit, of validation")[0]
        self._measured = data if validation is None else self._validation

    def __call__(self, run: Run, sizes: Any) -> dict[str, float]:
        key = random.fold_in(self._key, run.epoch)
        params, _, state = run.carry
        numbers = {"loss": float(np.average(run.history.steps[-run.steps_per_epoch :], weights=sizes))}
        if self._validation is not None:
            numbers["validation_loss"] = float(self._steps.evaluate(params, state, self._validation, key))
        for name, metric in self._metrics.items():
            numbers[name] = float(metric(params, self._measured, state=state, key=key, train=False))
        return numbers


@contextlib.contextmanager
def _progress_bar(run: Run, shown: bool) -> Iterator[Callable[[], None]]:
    """What to call after each step."""
    if not shown:
        yield lambda: None
        return
    tqdm = import_extra("tqdm", "training", "functrace.training.fit(…, progress=True)")
    with tqdm.tqdm(total=run.epochs * run.steps_per_epoch, initial=run.step, unit="step") as bar:

        def advance() -> None:
            if run.step % run.steps_per_epoch == 0:
                bar.set_postfix_str(", ".join([f"{name} {number:.4g}" for name, number in run.history.latest.items()]))
            bar.update()

        yield advance
