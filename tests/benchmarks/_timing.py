"""Time several calls in turn, so that what disturbs the machine for a while disturbs them all."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from ._case import Call

__all__ = ["measure"]

BATCH = 0.012  # seconds: long beside the clock's steps and a call's jitter, short beside what disturbs the machine
FEWEST_ROUNDS = 7
SLOW = 0.1  # seconds: a call this long is not made once more only to warm up


def measure(calls: Mapping[str, Call], seconds: float) -> dict[str, list[float]]:
    """Time calls in rounds, in each of which every call has its turn.

    A turn is a batch of calls, as many as take about `BATCH` seconds and at least one, after an untimed call that
    brings back caches and threads from what ran before. The order changes from round to round. The garbage collector
    runs between turns only.

    Parameters
    ----------
    calls
        What to time, by name.
    seconds
        How long to go on; there are `FEWEST_ROUNDS` rounds even where they take longer.

    Returns
    -------
    dict[str, list[float]]
        The seconds that a call took, on average over its batch, round by round.
    """
    samples: dict[str, list[float]] = {name: [] for name in calls}
    if not calls:
        return samples
    with _collected_by_hand():
        batches = {name: _batch(call) for name, call in calls.items()}
        rounds = 0
        deadline = perf_counter() + seconds
        while rounds < FEWEST_ROUNDS or perf_counter() < deadline:
            for name in _order(list(calls), rounds):
                gc.collect()
                if batches[name] > 1 or not samples[name] or samples[name][-1] < SLOW:
                    calls[name]()
                samples[name].append(_time(calls[name], batches[name]) / batches[name])
            rounds += 1
    return samples


@contextmanager
def _collected_by_hand() -> Iterator[None]:
    """Keep the garbage collector from running by itself, and from going through what is there already."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def _batch(call: Call) -> int:
    """How many calls take about `BATCH` seconds."""
    call()
    calls, elapsed = 1, _time(call, 1)
    while elapsed < BATCH / 3:
        calls *= 4
        elapsed = _time(call, calls)
    return max(1, round(calls * BATCH / elapsed))


def _order(names: list[str], round: int) -> list[str]:
    """Begin one name later each round, and turn round when all have begun: so none always follows the same one."""
    turns, first = divmod(round, len(names))
    order = names[first:] + names[:first]
    return order[::-1] if turns % 2 else order


def _time(call: Call, calls: int) -> float:
    repeat = range(calls)
    start = perf_counter()
    for _ in repeat:
        call()
    return perf_counter() - start
