"""Learning rates that change: functions of the number of steps done, to be given in place of a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .. import numpy as fnp
from ..errors import OptionError

Schedule = Callable[[Any], Any]
ScalarOrSchedule = float | Any | Schedule


def constant_schedule(value: float) -> Schedule:
    """The same value at every step.

    Examples
    --------
    >>> constant_schedule(0.1)(7)
    0.1
    """
    return lambda count: value


def polynomial_schedule(
    init_value: float, end_value: float, power: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    """From one value to another: ``end + (init - end) (1 - t)^power``, t from 0 to 1 over the transition.

    Parameters
    ----------
    init_value, end_value
        Before and after it.
    power
        1 is a straight line.
    transition_steps, transition_begin
        How many steps it takes, and after how many it begins.

    Examples
    --------
    >>> schedule = polynomial_schedule(1.0, 0.0, power=2, transition_steps=4)
    >>> [float(schedule(count)) for count in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """
    _positive("polynomial_schedule", transition_steps=transition_steps)

    def schedule(count: Any) -> Any:
        part = fnp.clip(count - transition_begin, 0, transition_steps) / transition_steps
        return (init_value - end_value) * (1 - part) ** power + end_value

    return schedule


def linear_schedule(init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0) -> Schedule:
    """A straight line from one value to another: `polynomial_schedule` of power 1.

    Examples
    --------
    >>> [round(float(linear_schedule(1.0, 0.0, 4)(count)), 6) for count in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    return polynomial_schedule(init_value, end_value, 1, transition_steps, transition_begin)


def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    """A value that is multiplied by a factor at each boundary.

    Parameters
    ----------
    init_value
        Before the first boundary.
    boundaries_and_scales
        From a number of steps to the factor from that step on.

    Examples
    --------
    >>> schedule = piecewise_constant_schedule(1.0, {2: 0.5, 4: 0.1})
    >>> [float(schedule(count)) for count in (0, 1, 2, 3, 4, 9)]
    [1.0, 1.0, 0.5, 0.5, 0.05, 0.05]
    """
    steps = sorted((boundaries_and_scales or {}).items())
    _not_negative("piecewise_constant_schedule", [scale for _, scale in steps])

    def schedule(count: Any) -> Any:
        value: Any = init_value
        for boundary, scale in steps:
            value = value * fnp.where(count >= boundary, scale, 1.0)
        return value

    return schedule


def piecewise_interpolate_schedule(
    interpolate_type: str, init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    """A value that goes from boundary to boundary, at each of which it is a factor times what it was at the last.

    Parameters
    ----------
    interpolate_type
        "linear" or "cosine" (half a period between two boundaries).
    init_value
        At step 0.
    boundaries_and_scales
        From a number of steps to the factor.

    Examples
    --------
    >>> [round(float(piecewise_interpolate_schedule("linear", 1.0, {2: 0.5})(count)), 6) for count in range(4)]
    [1.0, 0.75, 0.5, 0.5]
    """
    ways = {"linear": lambda part: part, "cosine": lambda part: (1 - fnp.cos(math.pi * part)) / 2}
    if interpolate_type not in ways:
        raise OptionError(f"expected interpolate_type 'linear' or 'cosine', got {interpolate_type!r}")
    steps = sorted((boundaries_and_scales or {}).items())
    _not_negative("piecewise_interpolate_schedule", [scale for _, scale in steps])

    def schedule(count: Any) -> Any:
        start, before = 0, init_value
        value: Any = init_value
        for boundary, scale in steps:
            after = before * scale
            part = ways[interpolate_type]((count - start) / max(boundary - start, 1))
            value = fnp.where(count >= start, before + (after - before) * part, value)
            value = fnp.where(count >= boundary, after, value)
            start, before = boundary, after
        return value

    return schedule


def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """``init_value · decay_rate^(count / transition_steps)``.

    Parameters
    ----------
    init_value
        Until the decay begins.
    transition_steps, decay_rate
        In so many steps it is multiplied by the rate.
    transition_begin
        After how many steps it begins.
    staircase
        Whether it stays the same between multiples of `transition_steps`.
    end_value
        Where it stops.

    Examples
    --------
    >>> [float(exponential_decay(1.0, 2, 0.25)(count)) for count in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """
    _positive("exponential_decay", transition_steps=transition_steps, decay_rate=decay_rate)

    def schedule(count: Any) -> Any:
        exponent = (count - max(transition_begin, 0)) / transition_steps
        if staircase:
            exponent = fnp.floor(exponent)
        value = fnp.where(count <= transition_begin, init_value, init_value * decay_rate**exponent)
        if end_value is None:
            return value
        return fnp.maximum(value, end_value) if decay_rate < 1 else fnp.minimum(value, end_value)

    return schedule


def cosine_decay_schedule(init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0) -> Schedule:
    """Half a period of a cosine: ``init · ((1 - alpha) ((1 + cos(π t)) / 2)^exponent + alpha)``.

    Parameters
    ----------
    init_value
        At step 0.
    decay_steps
        After how many steps t is 1.
    alpha
        What is left then, as a part of `init_value`.
    exponent
        How steep it is.

    References
    ----------
    I. Loshchilov and F. Hutter, SGDR: Stochastic gradient descent with warm restarts, 2017, arXiv:1608.03983.

    Examples
    --------
    >>> [round(float(cosine_decay_schedule(1.0, 4)(count)), 3) for count in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    _positive("cosine_decay_schedule", decay_steps=decay_steps)

    def schedule(count: Any) -> Any:
        part = fnp.minimum(count, decay_steps) / decay_steps
        return init_value * ((1 - alpha) * ((1 + fnp.cos(math.pi * part)) / 2) ** exponent + alpha)

    return schedule


def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Up to a peak, down again, and on to almost nothing, in straight lines.

    Parameters
    ----------
    transition_steps
        How long the whole takes.
    peak_value
        The greatest value.
    pct_start, pct_final
        At which parts of the whole the peak is reached, and the first value again.
    div_factor
        The first value is the peak over this.
    final_div_factor
        The last value is the first over this.

    References
    ----------
    L. Smith and N. Topin, Super-convergence: Very fast training of neural networks using large learning rates, 2018,
    arXiv:1708.07120.

    Examples
    --------
    >>> [round(float(linear_onecycle_schedule(100, 1.0)(count)), 6) for count in (0, 30, 85, 100)]
    [0.04, 1.0, 0.04, 4e-06]
    """
    _positive("linear_onecycle_schedule", transition_steps=transition_steps)
    return piecewise_interpolate_schedule(
        "linear",
        peak_value / div_factor,
        {
            int(pct_start * transition_steps): div_factor,
            int(pct_final * transition_steps): 1.0 / div_factor,
            transition_steps: 1.0 / final_div_factor,
        },
    )


def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Up to a peak and down to almost nothing, each by half a period of a cosine; see `linear_onecycle_schedule`.

    Examples
    --------
    >>> [round(float(cosine_onecycle_schedule(100, 1.0)(count)), 6) for count in (0, 30, 65, 100)]
    [0.04, 1.0, 0.500002, 4e-06]
    """
    _positive("cosine_onecycle_schedule", transition_steps=transition_steps)
    return piecewise_interpolate_schedule(
        "cosine",
        peak_value / div_factor,
        {
            int(pct_start * transition_steps): div_factor,
            transition_steps: 1.0 / (div_factor * final_div_factor),
        },
    )


def warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    """A straight line up, then constant.

    Examples
    --------
    >>> [round(float(warmup_constant_schedule(0.0, 1.0, 2)(count)), 6) for count in range(4)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return linear_schedule(init_value, peak_value, warmup_steps)


def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    """A straight line up to a peak, then `cosine_decay_schedule`; `decay_steps` counts both.

    Examples
    --------
    >>> [round(float(warmup_cosine_decay_schedule(0.0, 1.0, 2, 4)(count)), 6) for count in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    alpha = 0.0 if peak_value == 0 else end_value / peak_value
    return join_schedules(
        [
            linear_schedule(init_value, peak_value, warmup_steps),
            cosine_decay_schedule(peak_value, decay_steps - warmup_steps, alpha, exponent),
        ],
        [warmup_steps],
    )


def warmup_exponential_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """A straight line up to a peak, then `exponential_decay`.

    Examples
    --------
    >>> [round(float(warmup_exponential_decay_schedule(0.0, 1.0, 2, 1, 0.5)(count)), 6) for count in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.25]
    """
    return join_schedules(
        [
            linear_schedule(init_value, peak_value, warmup_steps),
            exponential_decay(peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value),
        ],
        [warmup_steps],
    )


def sgdr_schedule(cosine_kwargs: Iterable[Mapping[str, Any]]) -> Schedule:
    """`warmup_cosine_decay_schedule` again and again, each with its own arguments (stochastic gradient descent with
    warm restarts).

    Examples
    --------
    >>> turn = {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 1, "decay_steps": 3}
    >>> [round(float(sgdr_schedule([turn, turn])(count)), 6) for count in range(6)]
    [0.0, 1.0, 0.5, 0.0, 1.0, 0.5]
    """
    schedules, boundaries, step = [], [], 0
    for kwargs in cosine_kwargs:
        schedules.append(warmup_cosine_decay_schedule(**kwargs))
        step += kwargs["decay_steps"]
        boundaries.append(step)
    return join_schedules(schedules, boundaries[:-1])


def join_schedules(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """One schedule after another, each counting from its own beginning.

    Parameters
    ----------
    schedules
        In their order.
    boundaries
        After how many steps each but the first begins.

    Raises
    ------
    OptionError
        There is not one boundary fewer than there are schedules.

    Examples
    --------
    >>> schedule = join_schedules([constant_schedule(1.0), linear_schedule(2.0, 0.0, 2)], [3])
    >>> [float(schedule(count)) for count in range(6)]
    [1.0, 1.0, 1.0, 2.0, 1.0, 0.0]
    """
    if len(schedules) != len(boundaries) + 1:
        raise OptionError(
            f"join_schedules: {len(schedules)} schedules have {len(schedules) - 1} boundaries between them, got "
            f"{len(boundaries)}"
        )

    def joined(count: Any) -> Any:
        value = schedules[0](count)
        for boundary, schedule in zip(boundaries, schedules[1:], strict=True):
            value = fnp.where(count < boundary, value, schedule(count - boundary))
        return value

    return joined


def _positive(name: str, **numbers: float) -> None:
    for argument, number in numbers.items():
        if not number > 0:
            raise OptionError(f"{name} expected {argument} above 0, got {number}")


def _not_negative(name: str, scales: Sequence[float]) -> None:
    if any(scale < 0 for scale in scales):
        raise OptionError(f"{name} expected factors of at least 0, got {scales}")
