"""Early stopping: training ends when what is watched has not become better for some epochs."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import OptionError


class EarlyStopping(NamedTuple):
    """When `fit` stops before its last epoch. It then gives the parameters of the best one.

    Attributes
    ----------
    patience
        After how many epochs without a better one.
    min_delta
        By how much an epoch has to be better than the best one, to count as better.
    watch
        What is watched, a name in the history: "loss", "validation_loss" or a metric. By default "validation_loss",
        and "loss" where there is no validation.
    mode
        "min" where less is better, or "max".

    Examples
    --------
    >>> EarlyStopping(patience=3, watch="accuracy", mode="max")
    EarlyStopping(patience=3, min_delta=0.0, watch='accuracy', mode='max')
    """

    patience: int = 5
    min_delta: float = 0.0
    watch: str | None = None
    mode: str = "min"

    def score(self, numbers: dict[str, float]) -> float:
        """What is watched, of an epoch, turned so that less is better.

        Raises
        ------
        OptionError
            The mode, or what is watched, is unknown; or the patience is below 1.
        """
        if self.mode not in ("min", "max") or self.patience < 1:
            raise OptionError(f"EarlyStopping expected mode='min' or 'max' and a patience of 1 at least, got {self}")
        name = self.watch or ("validation_loss" if "validation_loss" in numbers else "loss")
        if name not in numbers:
            raise OptionError(f"EarlyStopping watches one of {', '.join(numbers)}, got {name!r}")
        return numbers[name] if self.mode == "min" else -numbers[name]


class Best(NamedTuple):
    """The best epoch so far."""

    score: float
    epoch: int
    params: Any
    state: Any
