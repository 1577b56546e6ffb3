"""Time several contenders in turn, so that what disturbs the machine for a while disturbs them all."""

from collections.abc import Mapping
from functools import partial
from math import ceil
from time import perf_counter, sleep

from ._case import Call
from ._worker import Worker, WorkerError

__all__ = ["measure"]

BATCH = 0.012  # seconds: long beside the clock's steps and a call's jitter, short beside what disturbs the machine
FEWEST_ROUNDS = 7
PAUSE = 0.25  # seconds: for so long a contender's threads (OpenMP's too) go on looking for work when its turn is over
SLOW = 0.1  # seconds: a call this long is not made once more only to warm up, or to see how long it is


def measure(
    workers: Mapping[str, Worker], seconds: float, rounds: int | None = None
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Time contenders in rounds, in each of which every one has its turn.

    A turn is a batch of calls, as many as take about `BATCH` seconds and at least one, after a tenth as many untimed
    ones that bring back caches and threads from what ran before. The order changes from round to round.

    Parameters
    ----------
    workers
        The contenders, by name.
    seconds
        How long to go on.
    rounds
        How many rounds there are even where they take longer; `FEWEST_ROUNDS` by default.

    Returns
    -------
    samples : dict[str, list[float]]
        The seconds that a call took, on average over its batch, round by round.
    failed : dict[str, str]
        The contenders that raised meanwhile, and what; they have no samples.
    """
    running = dict(workers)
    samples: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    batches: dict[str, int] = {}
    turn = 0
    deadline = perf_counter() + seconds
    while running and (turn < (rounds or FEWEST_ROUNDS) or perf_counter() < deadline):
        for name in _order(list(running), turn):
            sleep(PAUSE)
            times = samples.setdefault(name, [])
            try:
                if name not in batches:
                    batches[name], seconds_of_call = _batch(running[name])
                    if seconds_of_call > SLOW:
                        times.append(seconds_of_call)
                        continue
                calls = batches[name]
                slow = times and times[-1] > SLOW
                times.append(_time(running[name], calls, untimed=0 if slow else ceil(calls / 10)) / calls)
            except WorkerError as error:
                failed[name] = str(error)
                del running[name], samples[name]
        turn += 1
    return samples, failed


def _batch(worker: Worker) -> tuple[int, float]:
    """How many calls take about `BATCH` seconds, and how long one took."""
    calls, elapsed = 1, _time(worker, 1)
    while elapsed < BATCH / 3:
        calls *= 4
        elapsed = _time(worker, calls)
    return max(1, round(calls * BATCH / elapsed)), elapsed / calls


def _time(worker: Worker, calls: int, untimed: int = 0) -> float:
    """The seconds that calls take together, after some that are not timed."""
    return worker.measure(partial(_time_here, calls, untimed))


def _time_here(calls: int, untimed: int, call: Call) -> float:
    for _ in range(untimed):
        call()
    repeat = range(calls)
    start = perf_counter()
    for _ in repeat:
        call()
    return perf_counter() - start


def _order(names: list[str], turn: int) -> list[str]:
    """Begin one name later each round, and turn round when all have begun: so none always follows the same one."""
    cycles, first = divmod(turn, len(names))
    order = names[first:] + names[:first]
    return order[::-1] if cycles % 2 else order
