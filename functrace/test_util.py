"""Checks for functions and rules of one's own: derivatives against differences, batches against a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from . import tree
from .core.aval import aval_of, float0
from .errors import OptionError
from .transforms.arguments import as_leaf, leaf_names
from .transforms.derivatives import jvp, vjp
from .transforms.vmap import vmap

__all__ = ["check_grads", "check_jvp", "check_vjp", "check_vmap"]


def check_grads(
    f: Callable,
    args: Sequence[Any],
    order: int,
    modes: Sequence[str] = ("fwd", "rev"),
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> None:
    """Check a function's derivatives up to an order: forward mode, reverse mode, and one over the other.

    Parameters
    ----------
    f
        A function of arrays and pytrees, smooth around `args`.
    args
        Its arguments, a tuple or list.
    order
        Up to which derivative.
    modes
        ``"fwd"`` checks `jvp`, ``"rev"`` checks `vjp`; with both, the second derivative is checked as forward over
        forward, forward over reverse, reverse over forward and reverse over reverse, and so on.
    atol, rtol
        By how much a derivative may differ, absolutely and as a part of the largest entry of the leaf; by default what
        differences allow in the coarsest dtype of arguments and results: 1e-5 in float64, 5e-3 in float32.
    eps
        The step of the central differences; by default the cube root of that dtype's precision.

    Raises
    ------
    AssertionError
        A derivative differs; the message shows what was expected, what came, the difference, where and in which mode.

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> check_grads(lambda x, y: fnp.sin(x) * y, (1.0, 2.0), order=3)
    """
    if isinstance(modes, str) or not modes or not set(modes) <= {"fwd", "rev"}:
        raise OptionError(f"check_grads: modes should be made of 'fwd' and 'rev', got {modes!r}", instead='["fwd"]')
    if not isinstance(order, (int, np.integer)) or order < 1:
        raise OptionError(f"check_grads: order should be an int from 1 on, got {order!r}")
    _check_to_order(f, tuple(args), int(order), modes, (), {"atol": atol, "rtol": rtol, "eps": eps})


def check_jvp(
    f: Callable,
    f_jvp: Callable,
    args: Sequence[Any],
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
    err_msg: str = "",
) -> None:
    """Check a forward derivative against central differences, in one random direction.

    Parameters
    ----------
    f
        A function of arrays and pytrees.
    f_jvp
        ``f_jvp(args, tangents)`` gives the value and its tangent.
    args, atol, rtol, eps
        As for `check_grads`.
    err_msg
        What an error says beside.

    Raises
    ------
    AssertionError
        The value or the tangent differs.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> check_jvp(fnp.sin, lambda args, tangents: functrace.jvp(fnp.sin, args, tangents), (1.0,))
    """
    args = tuple(args)
    tangents = _random_like(args, seed=0)
    expected = f(*args)
    out, slopes = f_jvp(args, tangents)
    allowed = _Allowed((args, expected), atol, rtol, eps)
    _compare("the value that f_jvp gives differs from that of f", expected, out, allowed, err_msg)
    numeric = _central_difference(f, args, tangents, allowed.eps)
    _compare("the tangent that f_jvp gives differs from central differences", numeric, slopes, allowed, err_msg)


def check_vjp(
    f: Callable,
    f_vjp: Callable,
    args: Sequence[Any],
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
    err_msg: str = "",
) -> None:
    """Check a reverse derivative against central differences, for each leaf of the arguments in a random direction.

    What is compared is the cotangent of the leaf, paired with the direction, and the result's cotangent, paired with
    the difference.

    Parameters
    ----------
    f
        A function of arrays and pytrees.
    f_vjp
        ``f_vjp(*args)`` gives the value, and the function from a cotangent of it to a tuple of the arguments'.
    args, atol, rtol, eps, err_msg
        As for `check_jvp`.

    Raises
    ------
    AssertionError
        The value or a cotangent differs.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> check_vjp(fnp.sin, lambda x: functrace.vjp(fnp.sin, x), (1.0,))
    """
    args = tuple(args)
    expected = f(*args)
    out, pullback = f_vjp(*args)
    allowed = _Allowed((args, expected), atol, rtol, eps)
    _compare("the value that f_vjp gives differs from that of f", expected, out, allowed, err_msg)
    cotangent = _random_like(expected, seed=1)
    pulled = pullback(cotangent)
    _compare_avals("the cotangents that f_vjp gives", _tangent_avals(args), pulled, err_msg, root="args")
    leaves, treedef = tree.flatten(args)
    directions = tree.leaves(_random_like(args, seed=0))
    for position, name in enumerate(leaf_names("args", args)):
        if aval_of(leaves[position]).dtype.kind not in "fc":
            continue
        alone = [t if i == position or t.dtype == float0 else np.zeros_like(t) for i, t in enumerate(directions)]
        slopes = _central_difference(f, args, treedef.unflatten(alone), allowed.eps)
        wanted, size = _pairing(cotangent, slopes)
        got, _ = _pairing(tree.leaves(pulled)[position], directions[position])
        if not abs(got - wanted) <= allowed.atol + allowed.rtol * size:
            raise AssertionError(
                _message(
                    "the cotangent that f_vjp gives, paired with a direction, differs from central differences",
                    f"at {name}",
                    wanted,
                    got,
                    f"{abs(got - wanted):.3g} (allowed: {allowed.atol + allowed.rtol * size:.3g})",
                    err_msg,
                )
            )


def check_vmap(
    f: Callable,
    args: Sequence[Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    atol: float | None = None,
    rtol: float | None = None,
) -> None:
    """Check that `vmap` of a function gives what a loop over the examples gives.

    Parameters
    ----------
    f
        A function of one example.
    args
        Batches of its arguments, a tuple or list.
    in_axes, out_axes
        As for `vmap`.
    atol, rtol
        By how much floats may differ, absolutely and as a part of the largest entry of the leaf; by default 1e-10 in
        float64, 1e-5 in float32.

    Raises
    ------
    AssertionError
        A result differs, or its structure, shape or dtype.

    Examples
    --------
    >>> import numpy as np, functrace.numpy as fnp
    >>> check_vmap(fnp.dot, (np.ones((5, 3)), np.ones(3)), in_axes=(0, None))
    """
    args = tuple(args)
    batched = vmap(f, in_axes, out_axes)(*args)
    leaves, treedef = tree.flatten(args)
    prefix = tuple(in_axes) if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
    axes = tree.broadcast_prefix(prefix, args, is_leaf=lambda x: x is None)
    size = next(np.shape(leaf)[axis] for leaf, axis in zip(leaves, axes, strict=True) if axis is not None)
    if not size:
        raise OptionError("check_vmap needs at least one example to compare with")
    results = []
    for number in range(size):
        example = [
            leaf if axis is None else np.take(leaf, number, axis) for leaf, axis in zip(leaves, axes, strict=True)
        ]
        results.append(f(*treedef.unflatten(example)))
    out_tree = tree.structure(results[0])
    out_prefix = tree.broadcast_prefix(out_axes, results[0], is_leaf=lambda x: x is None)
    columns = zip(*[tree.leaves(result) for result in results], strict=True)
    stacked = [
        np.asarray(column[0]) if axis is None else np.stack([np.asarray(x) for x in column], axis)
        for column, axis in zip(columns, out_prefix, strict=True)
    ]
    allowed = _Allowed((args, results[0]), atol, rtol, None, _ROUNDING)
    _compare("vmap gives another result than a loop", out_tree.unflatten(stacked), batched, allowed, "")


# ---------------------------------------------------------------------------------------------------------------------
# orders and modes
# ---------------------------------------------------------------------------------------------------------------------


def _check_to_order(
    f: Callable, args: tuple, order: int, modes: Sequence[str], inner: tuple[str, ...], options: dict[str, Any]
) -> None:
    """Check `f`, which is a function's derivative by the modes `inner`, and its own derivatives."""
    for mode, check, derivative_of, further in (
        ("fwd", check_jvp, lambda: partial(jvp, f), _directional),
        ("rev", check_vjp, lambda: partial(vjp, f), _pulled_back),
    ):
        if mode not in modes:
            continue
        taken = (*inner, mode)
        name = f"mode {' over '.join(reversed(taken))}, order {len(taken)}"
        check(f, derivative_of(), args, err_msg=name, **options)
        if order > 1:
            _check_to_order(further(f, len(taken)), args, order - 1, modes, taken, options)


def _directional(f: Callable, seed: int) -> Callable:
    """The derivative in a direction."""
    return lambda *args: _inexact_leaves(jvp(f, args, _random_like(args, seed))[1])


def _pulled_back(f: Callable, seed: int) -> Callable:
    """The cotangents of the arguments for a cotangent of the result."""

    def pulled_back(*args: Any) -> list[Any]:
        out, pullback = vjp(f, *args)
        return _inexact_leaves(pullback(_random_like(out, seed)))

    return pulled_back


def _inexact_leaves(pytree: Any) -> list[Any]:
    return [leaf for leaf in tree.leaves(pytree) if aval_of(leaf).dtype.kind in "fc"]


# ---------------------------------------------------------------------------------------------------------------------
# directions and differences
# ---------------------------------------------------------------------------------------------------------------------


def _random_like(pytree: Any, seed: int) -> Any:
    """Random tangents for a pytree, the same at each call."""
    rng = np.random.default_rng(seed)

    def draw(leaf: Any) -> Any:
        aval = aval_of(leaf)
        if aval.dtype.kind not in "fc":
            return np.zeros(aval.shape, float0)
        out = rng.standard_normal(aval.shape)
        if aval.dtype.kind == "c":
            out = out + 1j * rng.standard_normal(aval.shape)
        return np.asarray(out, aval.dtype)[()]

    return tree.map(draw, pytree)


def _central_difference(f: Callable, args: tuple, tangents: tuple, eps: float) -> Any:
    """(f(args + eps tangents) - f(args - eps tangents)) / (2 eps), float0 zeros where the result is no float."""

    def moved(sign: int) -> Any:
        def move(leaf: Any, tangent: Any) -> Any:
            if tangent.dtype == float0:
                return leaf
            return np.asarray(leaf + tangent.dtype.type(sign * eps) * tangent, tangent.dtype)[()]

        return f(*tree.map(move, args, tangents))

    def difference(above: Any, below: Any) -> Any:
        aval = aval_of(above)
        if aval.dtype.kind not in "fc":
            return np.zeros(aval.shape, float0)
        return np.asarray((above - below) / aval.dtype.type(2 * eps), aval.dtype)[()]

    return tree.map(difference, moved(1), moved(-1))


def _pairing(cotangent: Any, tangent: Any) -> tuple[float, float]:
    """The pairing of two pytrees of one structure, real also for complex numbers, and the sum of its terms' sizes."""
    total, size = 0.0, 0.0
    for c, t in zip(tree.leaves(cotangent), tree.leaves(tangent), strict=True):
        if t.dtype != float0:
            terms = np.asarray(c, np.complex128) * np.asarray(t, np.complex128)
            total += float(terms.sum().real)
            size += float(np.abs(terms).sum())
    return total, size


# ---------------------------------------------------------------------------------------------------------------------
# comparison
# ---------------------------------------------------------------------------------------------------------------------

# by the size in bytes of the real dtype: of differences, and of the same computation in another order
_DIFFERENCES = {2: 1e-1, 4: 5e-3, 8: 1e-5}
_ROUNDING = {2: 1e-2, 4: 1e-5, 8: 1e-10}


class _Allowed:
    """The tolerances and the step for the coarsest float dtype in a pytree."""

    def __init__(
        self,
        pytree: Any,
        atol: float | None,
        rtol: float | None,
        eps: float | None,
        table: dict[int, float] = _DIFFERENCES,
    ) -> None:
        kinds = [np.finfo(aval_of(leaf).dtype) for leaf in _inexact_leaves(pytree)]
        coarsest = max(kinds, key=lambda info: info.eps, default=np.finfo(np.float64))
        default = table.get(coarsest.dtype.itemsize, table[8])
        self.atol = default if atol is None else atol
        self.rtol = default if rtol is None else rtol
        self.eps = float(np.cbrt(float(coarsest.eps))) if eps is None else eps


def _tangent_avals(pytree: Any) -> Any:
    """In place of each leaf a stand-in with the shape and dtype of its cotangent."""

    def stand_in(leaf: Any) -> Any:
        aval = aval_of(leaf)
        return np.broadcast_to(np.zeros((), aval.dtype if aval.dtype.kind in "fc" else float0), aval.shape)

    return tree.map(stand_in, pytree)


def _compare_avals(what: str, expected: Any, got: Any, beside: str, root: str = "result") -> None:
    """Raise where structure, shape or dtype differ."""
    wanted_tree, got_tree = tree.structure(expected), tree.structure(got)
    if wanted_tree != got_tree:
        raise AssertionError(
            _message(f"{what} have another structure", f"at {root}", wanted_tree, got_tree, None, beside)
        )
    for name, wanted, value in zip(leaf_names(root, expected), tree.leaves(expected), tree.leaves(got), strict=True):
        wanted_aval, got_aval = aval_of(_checked(wanted)).strong(), aval_of(_checked(value)).strong()
        if wanted_aval != got_aval:
            raise AssertionError(
                _message(f"{what} have another shape or dtype", f"at {name}", wanted_aval, got_aval, None, beside)
            )


def _checked(leaf: Any) -> Any:
    """A leaf as a transform takes it, or the float0 zeros of an integer."""
    return leaf if getattr(leaf, "dtype", None) == float0 else as_leaf(leaf)


def _compare(what: str, expected: Any, got: Any, allowed: _Allowed, beside: str) -> None:
    """Raise where two pytrees differ, leaf by leaf."""
    _compare_avals(what, expected, got, beside)
    for name, wanted, value in zip(
        leaf_names("result", expected), tree.leaves(expected), tree.leaves(got), strict=True
    ):
        wanted, value = np.asarray(wanted), np.asarray(value)
        if not wanted.size or wanted.dtype == float0:
            continue
        exact = wanted.dtype.kind not in "fc"
        wide = np.complex128 if wanted.dtype.kind == "c" else np.float64
        with np.errstate(all="ignore"):
            alike = (value == wanted) | ((value != value) & (wanted != wanted))  # infinities, and NaN for NaN
            difference = np.where(alike, 0.0, np.abs(value.astype(wide) - wanted.astype(wide)))
            sizes = np.abs(wanted.astype(wide))
        greatest = float(np.max(sizes, where=np.isfinite(sizes), initial=0))
        limit = 0.0 if exact else allowed.atol + allowed.rtol * greatest
        if np.all(difference <= limit):
            continue
        worst = np.unravel_index(np.argmax(np.where(np.isnan(difference), np.inf, difference)), difference.shape)
        place = f"at {name}" + (f", most at index {tuple(map(int, worst))}" if worst else "")
        raise AssertionError(
            _message(what, place, wanted, value, f"{difference[worst]:.3g} (allowed: {limit:.3g})", beside)
        )


def _message(what: str, place: str, expected: Any, got: Any, difference: str | None, beside: str) -> str:
    lines = [what + (f" ({beside})" if beside else ""), f"  {place}"]
    for label, value in (("expected", expected), ("got", got), ("difference", difference)):
        if value is not None:
            lines.append(f"  {label + ':':<12}{_shown(value)}")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, threshold=20, edgeitems=3, prefix=" " * 14)
    return str(value)
