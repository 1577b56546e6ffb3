"""Time several contenders in turn, so that what disturbs the machine for a while disturbs them all."""

from collections.abc import Mapping
from math import ceil
from time import perf_counter, sleep

from ._worker import Worker, WorkerError

__all__ = ["measure"]

BATCH = 0.012  # seconds: long beside the clock's steps and a call's jitter, short beside what disturbs the machine
FEWEST_ROUNDS = 7
PAUSE = 0.03  # seconds: for so long OpenBLAS's threads go on looking for work when a contender's turn is over
SLOW = 0.1  # seconds: a call this long is not made once more only to warm up


def measure(workers: Mapping[str, Worker], seconds: float) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Time contenders in rounds, in each of which every one has its turn.

    A turn is a batch of calls, as many as take about `BATCH` seconds and at least one, after a tenth as many untimed
    ones that bring back caches and threads from what ran before. The order changes from round to round.

    Parameters
    ----------
    workers
        The contenders, by name.
    seconds
        How long to go on; there are `FEWEST_ROUNDS` rounds even where they take longer.

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
    rounds = 0
    deadline = perf_counter() + seconds
    while running and (rounds < FEWEST_ROUNDS or perf_counter() < deadline):
        for name in _order(list(running), rounds):
            sleep(PAUSE)
            times = samples.setdefault(name, [])
            try:
                calls = batches[name] = batches.get(name) or _batch(running[name])
                slow = times and times[-1] > SLOW
                times.append(running[name].time(calls, untimed=0 if slow else ceil(calls / 10)) / calls)
            except WorkerError as error:
                failed[name] = str(error)
                del running[name], samples[name]
        rounds += 1
    return samples, failed


def _batch(worker: Worker) -> int:
    """How many calls take about `BATCH` seconds."""
    calls, elapsed = 1, worker.time(1)
    while elapsed < BATCH / 3:
        calls *= 4
        elapsed = worker.time(calls)
    return max(1, round(calls * BATCH / elapsed))


def _order(names: list[str], turn: int) -> list[str]:
    """Begin one name later each round, and turn round when all have begun: so none always follows the same one."""
    cycles, first = divmod(turn, len(names))
    order = names[first:] + names[:first]
    return order[::-1] if cycles % 2 else order
