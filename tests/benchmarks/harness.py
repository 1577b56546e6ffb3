"""The run: find the cases, choose among them, hold the contenders' numbers against each other, time them, report."""

import json
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from importlib import import_module
from pathlib import Path

from . import _memory, _timing
from ._case import (
    MEMORY,
    TIME,
    Added,
    Call,
    Case,
    GeometricMean,
    JointTarget,
    Nothing,
    Quantity,
    Ratio,
    Result,
    Samples,
    Seconds,
    Setup,
    Target,
    Verdict,
)
from ._machine import OtherLoad, describe
from ._numbers import difference
from ._report import joint_table, listing, machine_line, record, summary, table
from ._worker import MissingLibrary, Worker, WorkerError

__all__ = [
    "MEMORY",
    "TIME",
    "Added",
    "Call",
    "Case",
    "GeometricMean",
    "JointTarget",
    "Nothing",
    "Quantity",
    "Ratio",
    "Result",
    "Samples",
    "Seconds",
    "Setup",
    "Target",
    "UsageError",
    "Verdict",
    "find_cases",
    "judge_jointly",
    "measure_case",
    "print_list",
    "run",
    "select",
]


class UsageError(Exception):
    """What was asked for is not there."""


def find_cases() -> list[Case]:
    """Collect ``CASES`` from the modules beside this one.

    Returns
    -------
    list[Case]
        All cases, family by family.
    """
    cases: list[Case] = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name != "harness" and not module.name.startswith("_"):
            cases += import_module(f".{module.name}", __package__).CASES
    return cases


def select(cases: Iterable[Case], only: str | None = None, contenders: str | None = None) -> list[Case]:
    """Leave out what was not asked for.

    Parameters
    ----------
    cases
        The cases to choose from.
    only
        A part of the names to keep, with ``*`` and ``?`` for any characters and any one.
    contenders
        Names of contenders, separated by commas, with the same wildcards. The cases keep those alone.

    Returns
    -------
    list[Case]
        The cases left, with the contenders left.

    Raises
    ------
    UsageError
        When nothing is left.
    """
    chosen = list(cases)
    if only is not None:
        names = ", ".join(case.name for case in chosen)
        chosen = [case for case in chosen if fnmatchcase(case.name, f"*{only}*")]
        if not chosen:
            raise UsageError(f"no case matches {only!r}; there are {names}")
    if contenders is not None:
        names = ", ".join(dict.fromkeys(name for case in chosen for name in case.contenders))
        patterns = [pattern.strip() for pattern in contenders.split(",")]
        chosen = [replace(case, contenders=_matching(case.contenders, patterns)) for case in chosen]
        chosen = [case for case in chosen if case.contenders]
        if not chosen:
            raise UsageError(f"no contender matches {contenders!r}; there are {names}")
    return chosen


def print_list(cases: Sequence[Case]) -> None:
    """Print the names of cases, with their contenders and targets."""
    print("\n\n".join(map(listing, cases)))


def run(cases: Sequence[Case], seconds: float, json_file: Path | None = None) -> int:
    """Measure cases one after another, and print each as it is done.

    Parameters
    ----------
    cases
        What to measure.
    seconds
        How long to measure each.
    json_file
        Where to write all the figures, if anywhere.

    Returns
    -------
    int
        The exit code: 1 where a contender raised or computed other numbers than the rest, otherwise 0. A missed
        target leaves it at 0.

    Raises
    ------
    UsageError
        When the file cannot be written. It is tried before anything is measured.
    """
    if json_file is not None:
        try:
            json_file.open("a").close()
        except OSError as error:
            raise UsageError(f"cannot write {json_file}: {error.strerror}") from error
    machine = describe()
    print(machine_line(machine), flush=True)
    results = []
    for case in cases:
        results.append(measure_case(case, seconds))
        print("\n" + table(results[-1]), flush=True)
    joint_verdicts = judge_jointly(results)
    if joint_verdicts:
        print("\n" + joint_table(joint_verdicts))
    print("\n" + summary(results, joint_verdicts))
    if json_file is not None:
        json_file.write_text(json.dumps(record(machine, results, joint_verdicts), indent=1) + "\n")
    return 1 if any(result.failed for result in results) else 0


def measure_case(case: Case, seconds: float) -> Result:
    """Set the contenders up, hold their numbers against each other, and measure those that agree.

    Parameters
    ----------
    case
        What to measure.
    seconds
        How long to measure it.

    Returns
    -------
    Result
        The figures, and what became of the contenders that have none.
    """
    workers: dict[str, Worker] = {}
    skipped: dict[str, str] = {}
    failed: dict[str, str] = {}
    with OtherLoad() as others:
        try:
            for name, setup in case.contenders.items():
                try:
                    worker = Worker(partial(_memory.traced, setup) if case.quantity is MEMORY else setup)
                except MissingLibrary as error:
                    skipped[name] = str(error)
                    continue
                except WorkerError as error:
                    failed[name] = str(error)
                    continue
                first = next(iter(workers), name)
                workers[name] = worker
                if wrong := difference(worker.arrays, workers[first].arrays, case.tolerance):
                    failed[name] = f"other numbers than {first}: {wrong}"
            agreeing = {name: worker for name, worker in workers.items() if name not in failed}
            measure = _memory.measure if case.quantity is MEMORY else _timing.measure
            samples, raised = measure(agreeing, seconds, case.rounds)
        finally:
            for worker in workers.values():
                worker.stop()
    verdicts = [target.judge(samples) for target in case.targets]
    return Result(case, samples, skipped, failed | raised, verdicts, others.share)


def judge_jointly(results: Sequence[Result]) -> list[tuple[JointTarget, Verdict]]:
    """Hold the cases to what they have to reach together.

    Parameters
    ----------
    results
        What was measured of each.

    Returns
    -------
    list[tuple[JointTarget, Verdict]]
        Each joint target, and what came of it.
    """
    by_name = {result.case.name: result for result in results}
    targets = dict.fromkeys(target for result in results for target in result.case.joint_targets)
    return [(target, target.judge(by_name)) for target in targets]


def _matching(contenders: Mapping[str, Setup], patterns: Sequence[str]) -> dict[str, Setup]:
    return {
        name: setup for name, setup in contenders.items() if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
