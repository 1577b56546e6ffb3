"""Checkpoints: a run of `fit` in a file, from which it goes on as if it had not been interrupted."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from ..core.aval import ShapeDtypeStruct
from ..errors import FileContentError
from ..replacing import remove_unfinished
from .early_stopping import Best
from .files import contents, load, save
from .run import Run
from .steps import Carry


class Checkpoint(NamedTuple):
    """Where and how often `fit` keeps what it needs to go on.

    If there is a file at `path`, the run goes on from it, and ends with the same parameters, bit for bit, as one that
    was not interrupted (on the same machine, with the same data, functions and number of threads). It holds the
    parameters, the optimiser's and the layers' states, the history, and the best epoch so far. It is replaced as a
    whole: whenever the process is killed, there is the last checkpoint or the one before. Where all epochs are done,
    `fit` gives what is in it; if it is called for more of them, it goes on from there. What callbacks keep is theirs.

    Attributes
    ----------
    path
        The file; its ending says the format, as for `save`.
    every
        After how many steps it is written; None: after each epoch. After the last step it always is.

    Examples
    --------
    >>> Checkpoint("run.npz", every=1000)
    Checkpoint(path='run.npz', every=1000)
    """

    path: str | os.PathLike[str]
    every: int | None = None

    def is_due(self, run: Run) -> bool:
        """Whether this is a step after which it is written."""
        return run.step % (self.every or run.steps_per_epoch) == 0

    def write(self, run: Run, setup: Setup) -> None:
        """Write the file."""
        epochs = {name: np.array(numbers) for name, numbers in run.history.epochs.items()}
        save(self.path, _content(run.carry, setup, np.array(run.history.steps, float), epochs, run.best))

    def restore(self, run: Run, setup: Setup, numbers: list[str], keeps_best: bool) -> None:
        """Take the run to where the file says, if there is one.

        Raises
        ------
        FileContentError
            The file is damaged, or is one of another run: other parameters, data, batches, key, or numbers.
        """
        remove_unfinished(self.path)
        if not os.path.exists(self.path):
            return
        found = contents(self.path)

        def extent(name: str) -> ShapeDtypeStruct:
            return ShapeDtypeStruct(found[name].shape[:1] if name in found else (0,), np.dtype(float))

        steps, ends = extent("history/steps"), extent("history/epochs/loss")
        epochs = dict.fromkeys(numbers, ends) if ends.shape != (0,) else {}
        best = Best(0.0, 0, run.carry.params, run.carry.state) if keeps_best and epochs else None
        kept = load(self.path, _content(run.carry, setup, steps, epochs, best))
        for name, expected, came in zip(Setup._fields, setup, kept["setup"], strict=True):
            if not np.array_equal(expected, came):
                raise FileContentError(
                    f"{os.fspath(self.path)} is a checkpoint of a run with {name} {came}, this one has {expected}",
                    instead="another path, or no file there, for a run that begins anew",
                )
        run.carry = kept["carry"].copy()
        run.history.steps = kept["history"]["steps"].tolist()
        run.history.epochs = {name: kept["history"]["epochs"][name].tolist() for name in epochs}
        run.best = kept["best"]


class Setup(NamedTuple):
    """What a run that goes on has to have in common with the one before."""

    key: Any
    examples: int
    batch_size: int


def _content(carry: Carry, setup: Setup, steps: Any, epochs: dict[str, Any], best: Best | None) -> dict[str, Any]:
    return {"carry": carry, "setup": setup, "history": {"steps": steps, "epochs": epochs}, "best": best}
