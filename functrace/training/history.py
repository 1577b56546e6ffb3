"""What happened during training: the loss of each step, and the numbers of each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import OptionError
from ..lazy import import_extra


class History:
    """The loss of each step, and the numbers of each epoch.

    Attributes
    ----------
    steps
        The loss of each step, a list of floats.
    epochs
        By name, a list with a float for each epoch: "loss" (the mean over the epoch's examples, as they were trained
        on), "validation_loss", and the metrics.

    Examples
    --------
    >>> history = History()
    >>> history.steps += [2.0, 1.0]
    >>> history.add_epoch({"loss": 1.5})
    >>> history
    History(2 steps, 1 epochs: loss 1.5)
    >>> history["loss"]
    array([1.5])
    """

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.epochs: dict[str, list[float]] = {}

    def add_epoch(self, numbers: dict[str, float]) -> None:
        """Note the numbers of one more epoch."""
        for name, number in numbers.items():
            self.epochs.setdefault(name, []).append(number)

    @property
    def latest(self) -> dict[str, float]:
        """The numbers of the last epoch."""
        return {name: numbers[-1] for name, numbers in self.epochs.items()}

    def __getitem__(self, name: str) -> Any:
        """The numbers of this name, epoch by epoch, as an array."""
        if name not in self.epochs:
            names = ", ".join(self.epochs) or "nothing before the first epoch has ended"
            raise OptionError(f"the history has {names}; asked for was {name!r}")
        return np.array(self.epochs[name])

    def __repr__(self) -> str:
        latest = ", ".join([f"{name} {number:.4g}" for name, number in self.latest.items()])
        epochs = len(next(iter(self.epochs.values()), ()))
        return f"History({len(self.steps)} steps, {epochs} epochs{': ' + latest if latest else ''})"

    def plot(self) -> Any:
        """Draw the losses over the epochs, and the metrics below them.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it; ``figure.savefig("history.png")`` writes it to a file.

        Raises
        ------
        MissingExtraError
            Matplotlib is not installed: it is in the extra ``training``.
        """
        figure_module = import_extra("matplotlib.figure", "training", "History.plot")
        ticker = import_extra("matplotlib.ticker", "training", "History.plot")
        metrics = [name for name in self.epochs if name not in ("loss", "validation_loss")]
        panels = 2 if metrics else 1
        figure = figure_module.Figure(figsize=(7.2, 2 + 2.4 * panels), layout="constrained")
        axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
        ends = np.arange(1, len(self.epochs.get("loss", ())) + 1)
        finished = self._epochs_of_steps()
        axes[0].plot(finished, self.steps, color="#b9c8d8", linewidth=0.8, label="loss of each step")
        for name, colour in (("loss", "#2a6fbb"), ("validation_loss", "#d1602b")):
            if name in self.epochs:
                axes[0].plot(ends, self.epochs[name], color=colour, linewidth=2, label=name.replace("_", " "))
        for name in metrics:
            axes[1].plot(ends, self.epochs[name], linewidth=2, label=name)
        if min(self.steps, default=0) > 0:
            axes[0].set_yscale("log")
        for panel in axes:
            panel.legend(frameon=False)
            panel.grid(axis="y", color="#eeeeee")
            panel.spines[["top", "right"]].set_visible(False)
            panel.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        axes[-1].set_xlabel("epoch")
        return figure

    def _epochs_of_steps(self) -> Any:
        """Where each step stands among the epochs; before the first one has ended, in steps."""
        epochs = len(self.epochs.get("loss", ())) or len(self.steps)
        return np.arange(1, len(self.steps) + 1) * (epochs / max(len(self.steps), 1))
