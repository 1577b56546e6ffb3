"""The figures as text, and as a record for other programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ._case import Case, JointTarget, Result, Verdict

__all__ = ["joint_table", "listing", "machine_line", "record", "summary", "table"]

JointVerdicts = Sequence[tuple[JointTarget, Verdict]]

SUBJECT = "functrace"
BUSY = 0.05  # the part of the machine taken by others from which the figures are doubtful


class _Row(NamedTuple):
    """A contender's line: its figures, or why it has none."""

    name: str
    figures: Sequence[str] = ()
    remark: str = ""


def machine_line(machine: Mapping[str, str]) -> str:
    """The machine and the versions in one line."""
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def listing(case: Case) -> str:
    """A case that has not been run: what it is, its contenders and its targets."""
    texts = [target.text for target in case.targets] + [target.text for target in case.joint_targets]
    targets = [f"  target: {text}" for text in texts]
    return "\n".join([f"{case.name}: {case.text}", f"  contenders: {', '.join(case.contenders)}", *targets])


def table(result: Result) -> str:
    """A case's figures: a row for each contender, a line for each target.

    Parameters
    ----------
    result
        What was measured.

    Returns
    -------
    str
        Aligned text. Beside each contender's figure, the rounds' median and the best round's, stands what multiple of
        it functrace's is.
    """
    rounds = max(map(len, result.samples.values()), default=0)
    lines = [f"{result.case.name}: {result.case.text} ({rounds} rounds)", *_aligned(list(_rows(result)))]
    for target, verdict in zip(result.case.targets, result.verdicts, strict=True):
        lines.append(f"  {_mark(verdict.holds)}  {target.text}: {verdict.shown}")
    if result.other_load is not None and result.other_load >= BUSY:
        lines.append(f"  BUSY    other processes took {result.other_load:.0%} of the machine: doubt these figures")
    return "\n".join(lines)


def joint_table(joint_verdicts: JointVerdicts) -> str:
    """What came of the targets that several cases have together."""
    lines = [f"  {_mark(verdict.holds)}  {target.text}: {verdict.shown}" for target, verdict in joint_verdicts]
    return "\n".join(["several cases together", *lines])


def summary(results: Sequence[Result], joint_verdicts: JointVerdicts = ()) -> str:
    """How many targets hold, and which do not."""
    judged = [
        (f"{result.case.name}: {target.text}", verdict)
        for result in results
        for target, verdict in zip(result.case.targets, result.verdicts, strict=True)
    ]
    judged += [(target.text, verdict) for target, verdict in joint_verdicts]
    held = sum(verdict.holds is True for _, verdict in judged)
    lines = [f"{held} of {len(judged)} targets hold"]
    for text, verdict in judged:
        if not verdict.holds:
            lines.append(f"  {_mark(verdict.holds)}  {text}: {verdict.shown}")
    for result in results:
        lines += [f"  FAILED  {result.case.name}: {name}: {reason}" for name, reason in result.failed.items()]
    return "\n".join(lines)


def record(machine: Mapping[str, str], results: Sequence[Result], joint_verdicts: JointVerdicts = ()) -> dict[str, Any]:
    """All that was measured, in what JSON can hold.

    Parameters
    ----------
    machine
        What it was measured on.
    results
        The figures.

    Returns
    -------
    dict[str, Any]
        Times in seconds, memory in bytes; ``ratios`` gives, for each of functrace's contenders, its figure as a
        multiple of the others'.
    """
    return {
        "machine": dict(machine),
        "cases": [_record_case(result) for result in results],
        "joint_targets": [{"text": target.text, **verdict._asdict()} for target, verdict in joint_verdicts],
    }


def _record_case(result: Result) -> dict[str, Any]:
    medians = result.medians()
    return {
        "name": result.case.name,
        "text": result.case.text,
        "contenders": {name: {"median": medians[name], "rounds": list(result.samples[name])} for name in medians},
        "ratios": {subject: result.ratios(subject) for subject in _subjects(result)},
        "skipped": dict(result.skipped),
        "failed": dict(result.failed),
        "targets": [
            {"text": target.text, **verdict._asdict()}
            for target, verdict in zip(result.case.targets, result.verdicts, strict=True)
        ],
        "other_load": result.other_load,
    }


def _rows(result: Result) -> Iterator[_Row]:
    medians = result.medians()
    subjects = {subject: result.ratios(subject) for subject in _subjects(result)}
    quantity = result.case.quantity
    yield _Row("contender", figures=["a call", quantity.least, *(f"{subject} / it" for subject in subjects)])
    for name in result.case.contenders:
        if name in medians:
            ratios = (_ratio(of[name]) if name != subject else "" for subject, of in subjects.items())
            figures = [quantity.shown(medians[name]), quantity.shown(min(result.samples[name]))]
            yield _Row(name, figures=[*figures, *ratios])
        elif name in result.skipped:
            yield _Row(name, remark=f"skipped: {result.skipped[name]}")
        else:
            yield _Row(name, remark=f"FAILED: {result.failed[name]}")


def _subjects(result: Result) -> list[str]:
    return [name for name in result.samples if name.startswith(SUBJECT)]


def _aligned(rows: Sequence[_Row]) -> list[str]:
    """Names to the left, figures to the right."""
    name_width = max(len(row.name) for row in rows)
    widths = [max(map(len, column)) for column in zip(*(row.figures for row in rows if row.figures), strict=True)]
    lines = []
    for row in rows:
        figures = [figure.rjust(width) for figure, width in zip(row.figures, widths, strict=False)]
        lines.append("  ".join(["", row.name.ljust(name_width), *figures, row.remark]).rstrip())
    return lines


def _ratio(number: float) -> str:
    return f"{number:.2f}" if number >= 0.1 else f"{number:.1g}"


def _mark(holds: bool | None) -> str:
    return {True: "holds ", False: "MISSED", None: "?     "}[holds]
