"""What several contenders' calls hold in memory at their peak."""

import tracemalloc
from collections.abc import Mapping

from ._case import Call, Setup
from ._worker import Worker, WorkerError

__all__ = ["measure", "traced"]

ROUNDS = 3  # a call takes the same memory every time, but for what its threads do at once


def traced(setup: Setup) -> Call:
    """Set a contender up, and trace what it allocates from then on: its inputs do not count, what it keeps does.

    Parameters
    ----------
    setup
        The contender.

    Returns
    -------
    Call
        What it gave.
    """
    call = setup()
    tracemalloc.start()
    return call


def measure(
    workers: Mapping[str, Worker], seconds: float, rounds: int | None = None
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Look at the memory of calls.

    Parameters
    ----------
    workers
        The contenders, by name; their setups went through `traced`. Each has been called once.
    seconds
        How long there is. It does not matter: more calls would tell no more.
    rounds
        How often to look; `ROUNDS` times by default.

    Returns
    -------
    samples : dict[str, list[float]]
        The bytes that Python and NumPy held at the peak, call by call.
    failed : dict[str, str]
        The contenders that raised meanwhile, and what; they have no samples.
    """
    samples: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    for name, worker in workers.items():
        try:
            samples[name] = [worker.measure(_peak) for _ in range(rounds or ROUNDS)]
        except WorkerError as error:
            failed[name] = str(error)
    return samples, failed


def _peak(call: Call) -> float:
    tracemalloc.reset_peak()
    call()
    return float(tracemalloc.get_traced_memory()[1])
