"""What a family of cases is written with: a case, its contenders, and the targets that their figures are held to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import geometric_mean, median
from typing import Any, NamedTuple, Protocol

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
    "Verdict",
    "duration",
    "size",
]

Call = Callable[[], Any]
"""What is timed. What it returns is compared with the other contenders'."""

Setup = Callable[[], Call]
"""Imports a contender's library, prepares its inputs, and gives the call to time.

It runs in a process of its own: a function at a module's top level, or a `functools.partial` of one.
"""

Samples = Mapping[str, Sequence[float]]
"""What was measured of a call of each contender, round by round; all contenders have the same rounds."""


@dataclass(frozen=True)
class Quantity:
    """What is measured of a call.

    Attributes
    ----------
    least
        What the best round is called.
    shown
        Writes a figure for the reader.
    """

    least: str
    shown: Callable[[float], str]


class Verdict(NamedTuple):
    """What came of a target.

    Attributes
    ----------
    figure
        The measured number: a ratio, seconds or a count; None where it could not be measured.
    shown
        The same in words.
    holds
        Whether the target is met; None where it could not be measured.
    """

    figure: float | None
    shown: str
    holds: bool | None


class Target(Protocol):
    """A demand on a case's figures."""

    @property
    def text(self) -> str:
        """The demand in words."""

    def judge(self, samples: Samples) -> Verdict:
        """Hold the figures to the demand."""


@dataclass(frozen=True)
class Ratio:
    """A contender's figure is at most `at_most` times that of `reference`."""

    contender: str
    reference: str
    at_most: float
    text: str

    def judge(self, samples: Samples) -> Verdict:
        """Take the median of the rounds' ratios."""
        if missing := _missing(samples, self.contender, self.reference):
            return missing
        ratio = median_ratio(samples, self.contender, self.reference)
        return Verdict(ratio, f"{_multiple(ratio)} that of {self.reference}", ratio <= self.at_most)


@dataclass(frozen=True)
class Seconds:
    """A contender's time is at most `at_most` seconds."""

    contender: str
    at_most: float
    text: str

    def judge(self, samples: Samples) -> Verdict:
        """Take the median of the rounds."""
        if missing := _missing(samples, self.contender):
            return missing
        seconds = median(samples[self.contender])
        return Verdict(seconds, duration(seconds), seconds <= self.at_most)


@dataclass(frozen=True)
class Added:
    """A contender takes at most `at_most` seconds more than `reference`."""

    contender: str
    reference: str
    at_most: float
    text: str

    def judge(self, samples: Samples) -> Verdict:
        """Take the median of the rounds' differences."""
        if missing := _missing(samples, self.contender, self.reference):
            return missing
        pairs = zip(samples[self.contender], samples[self.reference], strict=True)
        seconds = median(ours - theirs for ours, theirs in pairs)
        return Verdict(seconds, f"{duration(seconds)} more than {self.reference}", seconds <= self.at_most)


@dataclass(frozen=True)
class Nothing:
    """A search comes back empty; it is made where the contender runs at all."""

    contender: str
    search: Callable[[], Sequence[str]]
    text: str

    def judge(self, samples: Samples) -> Verdict:
        """Search, and name what was found."""
        if missing := _missing(samples, self.contender):
            return missing
        found = self.search()
        return Verdict(len(found), f"found {', '.join(found) or 'nothing'}", not found)


class JointTarget(Protocol):
    """A demand on the figures of several cases together."""

    @property
    def text(self) -> str:
        """The demand in words."""

    def judge(self, results: "Mapping[str, Result]") -> Verdict:
        """Hold the cases' results, by their names, to the demand."""


@dataclass(frozen=True)
class GeometricMean:
    """The ratios of a contender's figure to that of `reference` are at most `at_most` in the mean over the cases."""

    contender: str
    reference: str
    at_most: float
    text: str
    cases: tuple[str, ...]

    def judge(self, results: "Mapping[str, Result]") -> Verdict:
        """Take the geometric mean: half the time in one case makes up for twice the time in another."""
        ratios = []
        for name in self.cases:
            samples = results[name].samples if name in results else {}
            if missing := _missing(samples, self.contender, self.reference):
                return missing._replace(shown=f"{missing.shown} in {name}")
            ratios.append(median_ratio(samples, self.contender, self.reference))
        mean = geometric_mean(ratios)
        return Verdict(mean, f"{_multiple(mean)} that of {self.reference}", mean <= self.at_most)


def duration(seconds: float) -> str:
    """Write a time with three digits and the unit that suits it.

    Parameters
    ----------
    seconds
        The time.

    Returns
    -------
    str
        The time for the reader.

    Examples
    --------
    >>> duration(0.01712), duration(25e-6), duration(1.5)
    ('17.1 ms', '25.0 µs', '1.50 s')
    """
    return _with_unit(seconds, ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")))


def size(count: float) -> str:
    """Write a number of bytes with three digits and the unit that suits it.

    Parameters
    ----------
    count
        The bytes.

    Returns
    -------
    str
        The size for the reader.

    Examples
    --------
    >>> size(17_120_000), size(800)
    ('17.1 MB', '800 B')
    """
    return _with_unit(count, ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")))


TIME = Quantity("fastest", duration)
"""The seconds that a call takes."""

MEMORY = Quantity("least", size)
"""The bytes that Python and NumPy hold at the peak of a call, beyond the contender's inputs."""


@dataclass(frozen=True)
class Case:
    """Work that several contenders do, each in its own way.

    Attributes
    ----------
    name
        A short name without spaces, for ``--only``.
    text
        What the work is.
    contenders
        The setup of each, by name. The first is the one whose numbers the others are held to.
    targets
        What the figures are held to.
    tolerance
        How far the results may be from the first contender's, for each array as a part of its largest entry.
    joint_targets
        What the figures are held to together with those of other cases, which have the same joint target.
    quantity
        What is measured of a call: `TIME` or `MEMORY`.
    rounds
        The fewest rounds of measuring: fewer than usual where a call is long.
    """

    name: str
    text: str
    contenders: Mapping[str, Setup]
    targets: Sequence[Target] = ()
    tolerance: float = 1e-9
    joint_targets: Sequence[JointTarget] = ()
    quantity: Quantity = TIME
    rounds: int | None = None


@dataclass(frozen=True)
class Result:
    """What was measured of a case.

    Attributes
    ----------
    case
        The case.
    samples
        What was measured of a call, round by round, of each contender that was measured.
    skipped
        The contenders whose library is not installed, with what was missing.
    failed
        The contenders that raised or computed other numbers, with what happened. They are not measured.
    verdicts
        One for each of the case's targets, in their order.
    other_load
        The part of the machine that other processes took meanwhile, from 0 to 1; None where it cannot be known.
    """

    case: Case
    samples: Samples
    skipped: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    other_load: float | None = None

    def medians(self) -> dict[str, float]:
        """The figure of each contender."""
        return {name: median(times) for name, times in self.samples.items()}

    def ratios(self, contender: str) -> dict[str, float]:
        """A measured contender's figure as a multiple of each contender's."""
        return {reference: median_ratio(self.samples, contender, reference) for reference in self.samples}


def median_ratio(samples: Samples, contender: str, reference: str) -> float:
    """The median over the rounds of one contender's figure as a multiple of another's."""
    pairs = zip(samples[contender], samples[reference], strict=True)
    return median(ours / theirs for ours, theirs in pairs)


def _multiple(ratio: float) -> str:
    """A ratio, and where it is small the other way round too, in which such are easier to compare."""
    return f"{ratio:.2f} times" if ratio >= 0.5 else f"{ratio:.2g} times (1/{1 / ratio:.3g})"


def _with_unit(number: float, units: Sequence[tuple[float, str]]) -> str:
    """In the first unit of which there is one at least when it is rounded; in the last if there is none."""
    scale, unit = next((each for each in units if abs(number) >= 0.9995 * each[0]), units[-1])
    return f"{_three_digits(number / scale)} {unit}"


def _three_digits(number: float) -> str:
    magnitude = abs(number)
    if magnitude >= 99.95:
        return f"{number:,.0f}"
    return f"{number:.1f}" if magnitude >= 9.995 else f"{number:.2f}"


def _missing(samples: Samples, *contenders: str) -> Verdict | None:
    missing = [name for name in contenders if name not in samples]
    return Verdict(None, f"no figure of {' and '.join(missing)}", None) if missing else None
