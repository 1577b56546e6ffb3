"""What a function owes to the one of JAX that it is named for: the same values and the same derivatives, anywhere.

Every test of this folder takes its checks from here, so that where JAX is not installed all of them are skipped.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Any, NamedTuple

import numpy as np
import pytest

import functrace
from functrace import tree

jax = pytest.importorskip("jax", reason="JAX is not installed (it is in the extra 'bench')")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

inf, nan = np.inf, np.nan

#: Where functions of a real number like to go wrong, for ``edges(dtype)``: 1e30 and 1e-30 are far from overflow.
EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1e30, -1e30, 1e-30, -1e-30, inf, -inf, nan)
#: The same for complex numbers, of both signs of zero on the branch cuts.
COMPLEX_EDGES = tuple(
    complex(real, imaginary) for real in (0.0, 1.0, -1.0, 0.5, -2.0) for imaginary in (0.0, -0.0, 1.0, -1.0, 2.0)
)
#: Equal values within rows, within columns, and in different places.
TIES = np.array([[1.0, 2.0, 2.0, 1.0], [2.0, 2.0, 0.0, -0.0], [3.0, 3.0, 3.0, 3.0]])
#: A scalar, one element, none, several; more than one axis of each.
SHAPES = ((), (1,), (0,), (5,), (1, 3), (2, 0), (2, 3, 4))

_RTOL = {2: 2e-2, 4: 2e-5, 8: 1e-10}


class Difference(NamedTuple):
    """A difference that is meant: what differs, why, and where.

    It must be there: a declared difference that is none fails too.
    """

    #: "value", "dtype", "gradient", "tangent", "second derivative", or "derivatives" for any of the last three.
    #: What differs in a batch is of the same kind.
    kind: str
    #: Who is right, and by what.
    reason: str
    #: From the arrays (without the settings) the mask of the elements that differ; None: any may, or JAX refuses.
    where: Callable[..., Any] | None = None

    def speaks_of(self, kind: str) -> bool:
        return self.kind == kind or (self.kind == "derivatives" and kind not in ("value", "dtype"))


#: Of integers and booleans: JAX computes in float32, NumPy in the smallest float that holds them.
PROMOTION = Difference("dtype", "NumPy's promotion of integers and booleans")


def edges(dtype: Any = np.float64) -> np.ndarray:
    """`EDGES`, or `COMPLEX_EDGES` for a complex dtype, as an array."""
    return np.array(COMPLEX_EDGES if np.dtype(dtype).kind == "c" else EDGES, dtype)


def edge_pairs(dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Each of `edges` with each, for functions of two numbers."""
    first, second = np.meshgrid(edges(dtype), edges(dtype))
    return first.ravel(), second.ravel()


def draw(
    shape: Sequence[int] = (2, 3), dtype: Any = np.float64, *, low: float = -2, high: float = 2, seed: int = 0
) -> Any:
    """Random numbers between `low` and `high`; of complex ones both parts."""
    rng, dtype = np.random.default_rng([seed, *shape]), np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        return rng.integers(int(low), int(high), shape, endpoint=True).astype(dtype)
    out = rng.uniform(low, high, shape)
    if dtype.kind == "c":
        out = out + 1j * rng.uniform(low, high, shape)
    return np.asarray(out, dtype)


def check_against_jax(
    ours: Callable,
    theirs: Callable,
    *args: Any,
    order: int = 2,
    batch: bool = True,
    jit: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    differs: Sequence[Difference] = (),
    tangents: Sequence[Any] | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> None:
    """Check that a function and JAX's give the same, and that their derivatives do.

    Compared are shapes, dtypes and numbers, with NaN and infinities in the same places:

    - the value;
    - the gradient (`vjp` of a random cotangent) and the tangent (`jvp` of a random direction);
    - the gradient's own derivatives in that direction, by `jvp` and by `vjp`;
    - value and gradient under `vmap`, of each operand alone and of all, with JAX's for the single examples;
    - all of these eagerly and under `jit`. JAX runs eagerly.

    Parameters
    ----------
    ours, theirs
        Functions of the same arguments that give an array or a pytree of them.
    *args, **kwargs
        The arguments. NumPy arrays and NumPy scalars are traced, at any depth of containers, for JAX as its own
        arrays; all else (Python's numbers too) is a setting. Derivatives are by the floats and complex numbers.
    order
        The highest derivative that is compared: 0, 1 or 2.
    batch
        Whether `vmap` is compared. The second example of a batch is the flipped array.
    jit
        Whether the function is compared under `jit` too.
    rtol
        Relative tolerance of the values, ten times less strict with each derivative; by default 1e-10, of single
        precision 2e-5.
    atol
        Absolute tolerance; by default the relative one times the largest number expected, at most 1, and at least
        the dtype's epsilon. Where numbers of all sizes stand beside each other, as in the tail of a distribution,
        0 says that each is to be right.
    differs
        The differences that are meant.
    tangents
        The direction, one for each float or complex array; by default random.
    seed
        Of the random direction and cotangents.
    """
    arrays, rebuild = _split((args, kwargs))
    comparison = _Comparison(arrays, differs, rtol, atol)

    def of_arrays(function: Callable) -> Callable[..., list[Any]]:
        def run(*leaves: Any) -> list[Any]:
            new_args, new_kwargs = rebuild(leaves)
            leaves = tree.leaves(function(*new_args, **new_kwargs))
            return [leaf if hasattr(leaf, "dtype") else np.asarray(leaf) for leaf in leaves]

        return run

    mine, jaxs = of_arrays(ours), of_arrays(theirs)
    runs = {"eager": _eager, "jit": functrace.jit} if jit else {"eager": _eager}
    value = _ask_jax(jaxs, *arrays)
    for how, run in runs.items():
        comparison.check("value", run(mine)(*arrays), value, how)

    rng = np.random.default_rng(seed)
    places = [index for index, array in enumerate(arrays) if _is_inexact(array)]
    cotangents = [_normal(rng, part) for part in mine(*arrays) if _is_inexact(part)]
    directions = [_normal(rng, arrays[place]) for place in places] if tangents is None else list(tangents)
    mine_derived, jaxs_derived = _Derivatives(functrace, mine, places), _Derivatives(jax, jaxs, places)
    if not places or not cotangents:
        order = 0
    for kind, method, *extra in (
        ("gradient", "gradient", cotangents),
        ("tangent", "tangent", directions),
        ("second derivative", "gradient_forward", cotangents, directions),
        ("second derivative", "gradient_backward", cotangents, directions),
    )[: 2 * order]:
        expected = _ask_jax(getattr(jaxs_derived, method), arrays, *extra)
        for how, run in runs.items():
            comparison.check(kind, run(getattr(mine_derived, method))(arrays, *extra), expected, f"{how}, {method}")

    if batch and arrays:
        singly = [tuple(index == chosen for index in range(len(arrays))) for chosen in range(len(arrays))]
        for choice in dict.fromkeys([*singly, (True,) * len(arrays)]):
            _check_batch(comparison, "value", runs, mine, jaxs, choice)
            if order:
                gradients = (
                    (lambda *xs: mine_derived.gradient(xs, cotangents)),
                    (lambda *xs: jaxs_derived.gradient(xs, cotangents)),
                )
                _check_batch(comparison, "gradient", runs, *gradients, choice)
    comparison.check_that_every_difference_is_there()


def _check_batch(
    comparison: _Comparison, kind: str, runs: dict[str, Callable], ours: Callable, theirs: Callable, choice: Any
) -> None:
    """Compare two examples at once, of the chosen operands, with JAX's results for the one and for the other."""
    pairs = [(array, np.flip(array) if use else array) for array, use in zip(comparison.arrays, choice, strict=True)]
    axis = 0 if sum(choice) == 1 else -1
    stacks = [np.stack(pair, axis) if use else pair[0] for pair, use in zip(pairs, choice, strict=True)]
    examples = list(zip(*pairs, strict=True))
    expected = list(starmap(_ask_jax, ((theirs, *example) for example in examples)))
    batched = functrace.vmap(ours, in_axes=tuple(axis if use else None for use in choice))
    for how, run in runs.items():
        got = run(batched)(*stacks)
        for number, example in enumerate(examples):
            what = f"{how}, vmap of {choice}, example {number}"
            comparison.check(kind, [part[number] for part in got], expected[number], what, example)


class _Derivatives:
    """The derivatives of a function of arrays that gives a list, by the floats and complex numbers, in one library."""

    def __init__(self, library: Any, function: Callable[..., list[Any]], places: Sequence[int]) -> None:
        self.library, self.function, self.places = library, function, places

    def _of_inexact(self, arrays: Sequence[Any]) -> tuple[Callable[..., list[Any]], list[Any]]:
        def function(*xs: Any) -> list[Any]:
            return [part for part in self.function(*self._filled(arrays, xs)) if _is_inexact(part)]

        return function, [arrays[place] for place in self.places]

    def _filled(self, arrays: Sequence[Any], xs: Sequence[Any]) -> list[Any]:
        full = list(arrays)
        for place, x in zip(self.places, xs, strict=True):
            full[place] = x
        return full

    def gradient(self, arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        function, xs = self._of_inexact(arrays)
        value, pullback = self.library.vjp(function, *xs)
        return list(pullback([part.astype(out.dtype) for part, out in zip(cotangents, value, strict=True)]))

    def tangent(self, arrays: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        function, xs = self._of_inexact(arrays)
        return self.library.jvp(function, tuple(xs), tuple(tangents))[1]

    def gradient_forward(self, arrays: Sequence[Any], cotangents: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        def function(*xs: Any) -> list[Any]:
            return self.gradient(self._filled(arrays, xs), cotangents)

        return self.library.jvp(function, tuple(arrays[place] for place in self.places), tuple(tangents))[1]

    def gradient_backward(self, arrays: Sequence[Any], cotangents: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        def function(*xs: Any) -> list[Any]:
            return self.gradient(self._filled(arrays, xs), cotangents)

        _, pullback = self.library.vjp(function, *[arrays[place] for place in self.places])
        return list(pullback(list(tangents)))


class _Comparison:
    """Compares results with JAX's, but for the differences that are meant, and knows which of them were met."""

    def __init__(
        self, arrays: Sequence[Any], differs: Sequence[Difference], rtol: float | None, atol: float | None
    ) -> None:
        self.arrays, self.differs, self.rtol, self.atol = arrays, differs, rtol, atol
        self.met: set[int] = set()

    def check(
        self, kind: str, got: Sequence[Any], expected: Any, how: str, arrays: Sequence[Any] | None = None
    ) -> None:
        """Compare two lists of results at `arrays` (by default those of the whole comparison)."""
        anywhere = [number for number, d in enumerate(self.differs) if d.speaks_of(kind) and d.where is None]
        try:
            if isinstance(expected, Exception):
                raise AssertionError(f"JAX refuses: {type(expected).__name__}: {expected}")
            assert len(got) == len(expected), f"{len(got)} results, JAX has {len(expected)}"
            for index, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
                self._check_one(kind, ours, theirs, arrays or self.arrays, f"result {index}")
        except AssertionError as error:
            if not anywhere:
                raise AssertionError(f"{kind} ({how}): {error}") from None
            self.met.update(anywhere)

    def _check_one(self, kind: str, ours: Any, theirs: np.ndarray, arrays: Sequence[Any], what: str) -> None:
        assert np.shape(ours) == theirs.shape, f"{what} has the shape {np.shape(ours)}, JAX's has {theirs.shape}"
        ours = np.asarray(ours)
        if ours.dtype != theirs.dtype:
            declared = [number for number, d in enumerate(self.differs) if d.kind == "dtype"]
            assert declared, f"{what} has the dtype {ours.dtype}, JAX's has {theirs.dtype}"
            self.met.update(declared)
        same = _is_same(ours, theirs, *self._tolerances(kind, ours, theirs))
        excused = np.zeros(theirs.shape, bool)
        for number, difference in enumerate(self.differs):
            if difference.speaks_of(kind) and difference.where is not None:
                mask = np.broadcast_to(difference.where(*arrays), theirs.shape)
                excused |= mask
                if np.any(mask & ~same):
                    self.met.add(number)
        wrong = ~same & ~excused
        assert not np.any(wrong), (
            f"{what} differs in {np.sum(wrong)} of {wrong.size} places: at {np.argwhere(wrong)[:8].tolist()} it is "
            f"{ours[wrong][:8]}, JAX's is {theirs[wrong][:8]}{_operands_at(wrong, arrays)}"
        )

    def _tolerances(self, kind: str, ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
        parts = [part for part in (*self.arrays, ours, theirs) if _is_inexact(part)]
        coarsest = max([np.finfo(part.dtype) for part in parts], key=lambda limits: limits.eps, default=np.finfo(float))
        rtol = self.rtol or _RTOL[coarsest.bits // 8]
        rtol *= {"value": 1, "gradient": 10, "tangent": 10, "second derivative": 100}[kind]
        if self.atol is not None:
            return rtol, self.atol
        largest = float(np.max(np.abs(theirs), where=np.isfinite(theirs), initial=0))
        return rtol, max(rtol * min(1.0, largest), float(coarsest.eps))

    def check_that_every_difference_is_there(self) -> None:
        for number, difference in enumerate(self.differs):
            assert number in self.met, f"declared to differ, and agrees: {difference.kind} ({difference.reason})"


def _is_same(ours: np.ndarray, theirs: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    if not (_is_inexact(ours) or _is_inexact(theirs)):
        return ours == theirs
    wide = np.result_type(ours, theirs, np.float64)
    return np.isclose(ours.astype(wide), theirs.astype(wide), rtol, atol, equal_nan=True)


def _operands_at(wrong: np.ndarray, arrays: Sequence[Any]) -> str:
    """The operands of the wrong places, where the function is elementwise."""
    found = [np.asarray(array)[wrong][:8] for array in arrays if np.shape(array) == wrong.shape]
    return f", of the operands {found}" if found else ""


def _ask_jax(function: Callable, *args: Any) -> Any:
    """JAX's list of results as NumPy arrays, or the error that it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [np.asarray(part) for part in function(*tree.map(jnp.asarray, args))]
        except Exception as error:  # whatever it is, it is a difference
            return error


def _split(arguments: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """The arrays in the arguments, and the function that puts others in their places."""
    leaves, treedef = tree.flatten(arguments)
    places = [index for index, leaf in enumerate(leaves) if isinstance(leaf, (np.ndarray, np.generic))]

    def rebuild(arrays: Sequence[Any]) -> Any:
        full = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            full[place] = array
        return tree.unflatten(treedef, full)

    return [leaves[place] for place in places], rebuild


def _is_inexact(value: Any) -> bool:
    return np.dtype(value.dtype).kind in "fc"


def _normal(rng: np.random.Generator, like: Any) -> np.ndarray:
    out = rng.normal(size=like.shape)
    if np.dtype(like.dtype).kind == "c":
        out = out + 1j * rng.normal(size=like.shape)
    return np.asarray(out, like.dtype)


def _eager(function: Callable) -> Callable:
    return function
