"""What each function of functrace.numpy adds to NumPy's own, on small arrays with no transform running."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from .harness import Call, Case, Samples, Verdict

ROUNDS = 100
BATCH = 1e-4  # seconds: short, so that some batches are not disturbed even on a busy machine

#: Functions of elements that are no ufuncs.
ELEMENTWISE = {
    *("angle", "around", "clip", "fix", "i0", "imag", "iscomplex", "isclose", "isneginf", "isposinf", "isreal"),
    *("nan_to_num", "real", "round", "sinc", "where"),
}
#: They change their argument, or are NumPy's own.
LEFT_OUT = {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask", "vectorize"}


def names(elementwise: bool) -> list[str]:
    """The functions to measure: those of elements, or the others."""
    from functrace import numpy as fnp
    from functrace.numpy.examples import examples
    from functrace.numpy.support import named

    found = []
    for name in examples():
        original = named(np, name)
        is_elementwise = name in ELEMENTWISE or (isinstance(original, np.ufunc) and original.signature is None)
        if callable(original) and callable(named(fnp, name)) and name not in LEFT_OUT and is_elementwise == elementwise:
            found.append(name)
    return found


def call_of(library: str, name: str) -> Call:
    """A call of a function, with its example's arguments."""
    from functrace import numpy as fnp
    from functrace.numpy.examples import examples
    from functrace.numpy.support import named

    example = examples()[name]
    function = named(np if library == "numpy" else fnp, name)
    return partial(function, *example.args, **example.kwargs)


def all_calls(library: str, elementwise: bool) -> Call:
    """Every function once."""
    calls = [call_of(library, name) for name in names(elementwise)]

    def run() -> None:
        for call in calls:
            call()

    return run


def seconds(call: Callable[[], Any], count: int) -> float:
    """How long a call takes, on average over so many."""
    repeat = range(count)
    start = perf_counter()
    for _ in repeat:
        call()
    return (perf_counter() - start) / count


def added(name: str) -> float:
    """The seconds that functrace adds to a call: the difference of the fastest batches, measured in turn."""
    ours, theirs = call_of("functrace", name), call_of("numpy", name)
    count = max(1, int(BATCH / seconds(theirs, 3)))
    pairs = [(seconds(ours, count), seconds(theirs, count)) for _ in range(ROUNDS)]
    return min([pair[0] for pair in pairs]) - min([pair[1] for pair in pairs])


@dataclass(frozen=True)
class EachAdds:
    """Each function adds at most so many seconds; the worst twenty are named."""

    contender: str
    elementwise: bool
    at_most: float
    text: str

    def judge(self, samples: Samples) -> Verdict:
        """Measure the functions one by one, in this process."""
        if self.contender not in samples:
            return Verdict(None, f"{self.contender} did not run", None)
        with np.errstate(all="ignore"):
            worst = sorted([(added(name), name) for name in names(self.elementwise)], reverse=True)
        most = worst[0][0]
        shown = ", ".join([f"{name} {1e6 * figure:.2f}" for figure, name in worst[:20]])
        return Verdict(most, f"the worst twenty, in µs: {shown}", most <= self.at_most)


CASES = tuple(
    Case(
        name=f"overhead-{kind}",
        text=f"each of the {described} functions once, on small arrays",
        contenders={library: partial(all_calls, library, elementwise) for library in ("numpy", "functrace")},
        targets=(
            EachAdds(
                "functrace", elementwise, at_most, f"each function adds at most {1e6 * at_most:.1f} µs to NumPy's"
            ),
        ),
    )
    for kind, described, elementwise, at_most in (
        ("elementwise", "elementwise", True, 0.4e-6),
        ("others", "other", False, 1.5e-6),
    )
)
