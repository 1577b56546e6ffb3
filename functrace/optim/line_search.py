"""How far to go along a direction: line searches, as transformations that scale the updates that they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import numpy as fnp
from .. import tree
from ..core.aval import aval_of
from ..errors import ArgumentError, OptionError
from ..lax.control_flow import cond, while_loop
from ..transforms.derivatives import value_and_grad
from .transformation import GradientTransformationExtraArgs, cast, check_state, scaled, zeros_like


class LineSearchInfo(NamedTuple):
    """How many points were tried, and by how much the last one misses what was asked of it (0: by nothing)."""

    num_linesearch_steps: Any
    decrease_error: Any
    curvature_error: Any


class LineSearchState(NamedTuple):
    """The step size that was found, and the loss and (where the search knows it) its gradient there."""

    learning_rate: Any
    value: Any
    grad: Any
    info: LineSearchInfo


def scale_by_zoom_linesearch(
    max_linesearch_steps: int,
    max_learning_rate: float | None = None,
    tol: float = 0.0,
    increase_factor: float = 2.0,
    slope_rtol: float = 1e-4,
    curv_rtol: float = 0.9,
    approx_dec_rtol: float | None = 1e-6,
    stepsize_precision: float = 1e-5,
    initial_guess_strategy: str = "keep",
) -> GradientTransformationExtraArgs:
    """Scale the updates so that the step meets the strong Wolfe conditions.

    A bracket is sought by ever longer steps, and narrowed by the minima of cubics and parabolas through its points.

    Parameters
    ----------
    max_linesearch_steps
        How many points are tried at the most.
    max_learning_rate
        The longest step.
    tol
        By how much the conditions may be missed.
    increase_factor
        By how much a step that is too short grows.
    slope_rtol, curv_rtol
        How much of the decrease that the slope promises must come, and how much of the slope may be left.
    approx_dec_rtol
        Near a minimum, where the decrease drowns in rounding, a decrease by the slopes will do as long as the loss
        grows by no more than this part of it; None: it will not.
    stepsize_precision
        A bracket shorter than this is given up for the best point so far.
    initial_guess_strategy
        The first step tried: "one", or "keep" (the last one found).

    Returns
    -------
    GradientTransformationExtraArgs
        Its `update` needs the keywords ``value``, ``grad`` and ``value_fn``: the loss and its gradient at the
        parameters, and the loss as a function; any further keywords go to `value_fn`.

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2nd edition, algorithms 3.5 and 3.6; the approximate conditions
    are those of W. Hager and H. Zhang, Algorithm 851: CG_DESCENT, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> def loss(p):
    ...     return (p**2).sum()
    >>> search, params = optim.chain(optim.sgd(1.0), optim.scale_by_zoom_linesearch(10)), np.array([1.0])
    >>> search.update(2 * params, search.init(params), params, value=1.0, grad=2 * params, value_fn=loss)[0].round(6)
    array([-1.])
    """
    if initial_guess_strategy not in ("one", "keep"):
        raise OptionError(f"expected initial_guess_strategy 'one' or 'keep', got {initial_guess_strategy!r}")
    conditions = _Conditions(tol, slope_rtol, curv_rtol, approx_dec_rtol)

    def update(
        updates: Any,
        state: LineSearchState,
        params: Any = None,
        *,
        value: Any = None,
        grad: Any = None,
        value_fn: Callable | None = None,
        **extra: Any,
    ) -> tuple[Any, LineSearchState]:
        check_state("scale_by_zoom_linesearch", state, LineSearchState)
        loss, value, dtype = _checked("scale_by_zoom_linesearch", params, value, grad, value_fn)

        def along(step: Any) -> tuple[_Point, Any]:
            at, slope_by = value_and_grad(loss)(_moved(params, step, updates), **extra)
            return _Point(step, cast(at, value), cast(_slope(slope_by, updates), value)), slope_by

        start = _Point(dtype.type(0), value, cast(_slope(grad, updates), value))
        guess = fnp.ones((), dtype) if initial_guess_strategy == "one" else cast(state.learning_rate, value)

        def body(search: _Search) -> _Search:
            grown = fnp.where(search.count == 0, guess, increase_factor * search.point.step)
            is_longest: Any = False
            if max_learning_rate is not None:
                is_longest = (grown >= max_learning_rate) & ~search.bracketed
                grown = fnp.minimum(grown, max_learning_rate)
            trial = cast(fnp.where(search.bracketed, _inside(search), grown), value)
            point, slope_by = along(trial)
            decrease, curvature = conditions.errors(point, start)
            is_good = fnp.maximum(decrease, curvature) <= tol
            narrowed, sought = _narrowed(search, point, decrease), _sought(search, point, decrease)
            low, high, reference = _choose(search.bracketed, narrowed, sought[:3])
            bracketed = search.bracketed | sought[3] | is_good
            keep = (decrease <= tol) & (~search.bracketed | (point.value < search.safe.value))
            safe, safe_grad = _choose(keep, (point, slope_by), (search.safe, search.safe_grad))
            done = is_good | (is_longest & ~bracketed)
            too_short = search.bracketed & (fnp.abs(search.high.step - search.low.step) <= stepsize_precision)
            failed = ((search.count + 1 >= max_linesearch_steps) | (too_short & (safe.step > 0))) & ~done
            errors = (decrease, curvature)
            return _Search(
                search.count + 1,
                point,
                slope_by,
                low,
                high,
                reference,
                safe,
                safe_grad,
                errors,
                bracketed,
                done,
                failed,
            )

        infinite = (dtype.type(np.inf), dtype.type(np.inf))
        first = _Search(np.int64(0), start, grad, start, start, start, start, grad, infinite, False, False, False)
        first = tree.map(fnp.asarray, first)
        end = while_loop(lambda search: ~(search.done | search.failed), body, first)
        retreat = end.failed & ((end.safe.step > 0) | fnp.isinf(end.errors[0]))
        point, slope_by = _choose(retreat, (end.safe, end.safe_grad), (end.point, end.grad))
        info = LineSearchInfo(end.count, *end.errors)
        return scaled(point.step, updates), LineSearchState(point.step, point.value, slope_by, info)

    return GradientTransformationExtraArgs(lambda params: _before(params, with_gradient=True), update)


class _Point(NamedTuple):
    """A point on the line: how far, the loss there, and its slope along the line."""

    step: Any
    value: Any
    slope: Any


class _Search(NamedTuple):
    """How far the search has come."""

    count: Any
    point: _Point  # the last that was tried
    grad: Any
    low: _Point  # of the bracket's ends the better one
    high: _Point
    reference: _Point  # the end that the last narrowing gave up: a third point for a cubic
    safe: _Point  # the best with enough decrease
    safe_grad: Any
    errors: tuple[Any, Any]
    bracketed: Any
    done: Any
    failed: Any


class _Conditions(NamedTuple):
    tol: float
    slope_rtol: float
    curv_rtol: float
    approx_dec_rtol: float | None

    def errors(self, point: _Point, start: _Point) -> tuple[Any, Any]:
        """By how much the decrease and the slope at a point miss what is asked; infinity for a NaN."""
        decrease = point.value - start.value - self.slope_rtol * point.step * start.slope
        if self.approx_dec_rtol is not None:
            by_slopes = point.slope - (2 * self.slope_rtol - 1) * start.slope
            growth = point.value - start.value - self.approx_dec_rtol * fnp.abs(start.value)
            decrease = fnp.minimum(fnp.maximum(by_slopes, growth), decrease)
        curvature = fnp.abs(point.slope) - self.curv_rtol * fnp.abs(start.slope)
        return _missed(decrease), _missed(curvature)


def _missed(error: Any) -> Any:
    return fnp.where(fnp.isnan(error), np.inf, fnp.maximum(error, 0))


def _sought(search: _Search, point: _Point, decrease: Any) -> tuple[_Point, _Point, _Point, Any]:
    """The bracket while one is sought (low, high, reference), and whether this is one: algorithm 3.5."""
    is_past = (decrease > 0) | ((point.value >= search.point.value) & (search.count > 0))
    rises = (point.slope >= 0) & ~is_past
    low, high = _choose(rises, (point, search.point), (search.point, point))
    return low, high, low, is_past | rises


def _narrowed(search: _Search, point: _Point, decrease: Any) -> tuple[_Point, _Point, _Point]:
    """The bracket (low, high, reference) with one end moved to a point inside: algorithm 3.6."""
    is_worse = (decrease > 0) | (point.value >= search.low.value)
    turns = (point.slope * (search.high.step - search.low.step) >= 0) & ~is_worse
    low = _choose(is_worse, search.low, point)
    high = _choose(is_worse, point, _choose(turns, search.low, search.high))
    return low, high, _choose(is_worse | turns, search.high, search.low)


def _inside(search: _Search) -> Any:
    """A step inside the bracket: the minimum of a cubic, else of a parabola, if well inside; else the middle."""
    low, high = search.low, search.high
    width = fnp.abs(high.step - low.step)
    left, right = fnp.minimum(low.step, high.step), fnp.maximum(low.step, high.step)

    def is_well_inside(step: Any, margin: float) -> Any:
        return (step > left + margin * width) & (step < right - margin * width)

    cubic, parabola = _minimum_of_cubic(low, high, search.reference), _minimum_of_parabola(low, high)
    middle = (low.step + high.step) / 2
    step = fnp.where(is_well_inside(parabola, 0.1), parabola, middle)
    return fnp.where(is_well_inside(cubic, 0.2), cubic, step)


def _minimum_of_cubic(a: _Point, b: _Point, c: _Point) -> Any:
    """Of the cubic with the value and slope of a, and the values of b and c; NaN where there is none."""
    to_b, to_c = b.step - a.step, c.step - a.step
    rest_b, rest_c = b.value - a.value - a.slope * to_b, c.value - a.value - a.slope * to_c
    scale = (to_b * to_c) ** 2 * (to_b - to_c)
    third = _ratio(to_c**2 * rest_b - to_b**2 * rest_c, scale)
    second = _ratio(-(to_c**3) * rest_b + to_b**3 * rest_c, scale)
    radicand = second * second - 3 * third * a.slope
    root = fnp.sqrt(fnp.where(radicand < 0, 0, radicand))
    return fnp.where(radicand < 0, np.nan, a.step + _ratio(root - second, 3 * third))


def _minimum_of_parabola(a: _Point, b: _Point) -> Any:
    """Of the parabola with the value and slope of a, and the value of b; NaN where there is none."""
    to_b = b.step - a.step
    return a.step - _ratio(a.slope, 2 * _ratio(b.value - a.value - a.slope * to_b, to_b**2))


def _ratio(x: Any, y: Any) -> Any:
    """x / y, and NaN where y is 0, of which NumPy would warn."""
    return fnp.where(y == 0, np.nan, x / fnp.where(y == 0, 1, y))


# ---------------------------------------------------------------------------------------------------------------------
# backtracking
# ---------------------------------------------------------------------------------------------------------------------


def scale_by_backtracking_linesearch(
    max_backtracking_steps: int,
    slope_rtol: float = 1e-4,
    decrease_factor: float = 0.8,
    increase_factor: float = 1.5,
    max_learning_rate: float = 1.0,
    atol: float = 0.0,
    rtol: float = 0.0,
) -> GradientTransformationExtraArgs:
    """Scale the updates by the first of ever shorter steps that decreases the loss enough.

    Parameters
    ----------
    max_backtracking_steps
        How often the step is made shorter at the most.
    slope_rtol
        How much of the decrease that the slope promises must come.
    decrease_factor, increase_factor
        By how much a step is made shorter, and by how much longer than the last one found the first is.
    max_learning_rate
        The longest step.
    atol, rtol
        By how much the loss may miss the decrease, also as a part of it.

    Returns
    -------
    GradientTransformationExtraArgs
        Its `update` needs the keywords of `scale_by_zoom_linesearch`.

    References
    ----------
    L. Armijo, Minimization of functions having Lipschitz continuous first partial derivatives, 1966.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> def loss(p):
    ...     return (p**2).sum()
    >>> search, params = optim.chain(optim.sgd(1.0), optim.scale_by_backtracking_linesearch(10)), np.array([1.0])
    >>> search.update(2 * params, search.init(params), params, value=1.0, grad=2 * params, value_fn=loss)[0].round(6)
    array([-1.6])
    """

    def update(
        updates: Any,
        state: LineSearchState,
        params: Any = None,
        *,
        value: Any = None,
        grad: Any = None,
        value_fn: Callable | None = None,
        **extra: Any,
    ) -> tuple[Any, LineSearchState]:
        check_state("scale_by_backtracking_linesearch", state, LineSearchState)
        loss, value, dtype = _checked("scale_by_backtracking_linesearch", params, value, grad, value_fn)
        slope = cast(_slope(grad, updates), value)

        def body(carry: tuple[Any, Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
            count, step, _, _ = carry
            step = fnp.where(count > 0, decrease_factor * step, step)
            reached = cast(loss(_moved(params, step, updates), **extra), value)
            return count + 1, step, reached, _missed(reached - (1 + rtol) * value - step * slope_rtol * slope)

        first = cast(fnp.minimum(increase_factor * state.learning_rate, max_learning_rate), value)
        start = tree.map(fnp.asarray, (np.int64(0), first, value, dtype.type(np.inf)))
        count, step, reached, error = while_loop(
            lambda carry: ~(carry[3] <= atol) & (carry[0] <= max_backtracking_steps), body, start
        )
        step = fnp.where(fnp.isinf(error), 0, step)  # to a loss that is no number no step is made
        info = LineSearchInfo(count, error, fnp.zeros((), dtype))
        return scaled(step, updates), LineSearchState(step, reached, None, info)

    return GradientTransformationExtraArgs(lambda params: _before(params, with_gradient=False), update)


def value_and_grad_from_state(value_fn: Callable) -> Callable:
    """`value_and_grad`, which takes both from an optimiser's state where its line search has left them there.

    Parameters
    ----------
    value_fn
        The loss, a function of the parameters.

    Returns
    -------
    callable
        Takes the parameters and what else `value_fn` takes, and the keyword `state`.

    Raises
    ------
    ArgumentError
        There is no line search in the optimiser that leaves a gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> def loss(p):
    ...     return (p**2).sum()
    >>> params = np.array([3.0])
    >>> value, gradient = optim.value_and_grad_from_state(loss)(params, state=optim.lbfgs().init(params))
    >>> float(value), gradient
    (9.0, array([6.]))
    """

    def value_and_gradient(params: Any, *args: Any, state: Any, **kwargs: Any) -> tuple[Any, Any]:
        found = _search_in(state)
        if found is None or found.grad is None:
            raise ArgumentError(
                "value_and_grad_from_state: no line search in this state keeps a value and a gradient",
                instead="functrace.value_and_grad, or an optimiser with scale_by_zoom_linesearch",
            )

        def anew() -> tuple[Any, Any]:
            value, gradient = value_and_grad(value_fn)(params, *args, **kwargs)
            return cast(value, found.value), gradient

        return cond(fnp.isfinite(found.value), lambda: (found.value, found.grad), anew)

    return value_and_gradient


def _search_in(state: Any) -> LineSearchState | None:
    if isinstance(state, LineSearchState):
        return state
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, tuple | list) else ()
    return next((found for part in parts if (found := _search_in(part)) is not None), None)


# ---------------------------------------------------------------------------------------------------------------------
# what both need
# ---------------------------------------------------------------------------------------------------------------------


def _before(params: Any, *, with_gradient: bool) -> LineSearchState:
    """The state before the first step."""
    zeros = zeros_like(params)
    dtype = fnp.result_type(*[fnp.real(leaf).dtype for leaf in tree.leaves(zeros)])
    one, infinite = fnp.ones((), dtype), fnp.full((), np.inf, dtype)
    info = LineSearchInfo(fnp.zeros((), fnp.int64), infinite, infinite)
    return LineSearchState(one, infinite, zeros if with_gradient else None, info)


def _checked(name: str, params: Any, value: Any, grad: Any, value_fn: Callable | None) -> tuple[Callable, Any, Any]:
    """The loss, its value as an array, and that array's dtype; an error that names what is missing."""
    given = {"params": params, "value": value, "grad": grad, "value_fn": value_fn}
    missing = [argument for argument, what in given.items() if what is None]
    if missing or value_fn is None:
        raise ArgumentError(
            f"{name}: update needs {', '.join(missing)}",
            instead="optimizer.update(grad, state, params, value=value, grad=grad, value_fn=loss)",
        )
    dtype = aval_of(value).dtype
    return value_fn, fnp.asarray(value, dtype), dtype


def _moved(params: Any, step: Any, updates: Any) -> Any:
    return tree.map(lambda param, update: param + cast(step, fnp.real(update)) * update, params, updates)


def _slope(gradient: Any, direction: Any) -> Any:
    """The loss's derivative along a direction (gradients of complex numbers are those of `functrace.grad`)."""
    pairs = zip(tree.leaves(gradient), tree.leaves(direction), strict=True)
    return sum([fnp.sum(fnp.real(g * d)) for g, d in pairs], 0.0)


def _choose(condition: Any, one: Any, other: Any) -> Any:
    return tree.map(lambda a, b: cast(fnp.where(condition, a, b), a), one, other)
