"""Running reductions along one axis, and the linear recurrence of which their derivatives are made.

A derivative divides by no element, so zeros are no special case, and it is made of the primitives of this file, so it
can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.primitive import Primitive
from ..errors import ShapeError
from .elementwise import where
from .shape import (
    batch_to_front,
    canonical_axis,
    convert_element_type,
    dtype_of,
    ndim_of,
    pad_p,
    shift_axes,
    sum_dtype,
)


def cumsum(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The running sum along an axis; small integers widen as in `numpy.cumsum`.

    Parameters
    ----------
    operand
        An array with at least one axis.
    axis
        Along which axis.
    reverse
        Whether to run from the last element to the first.

    Examples
    --------
    >>> import numpy as np
    >>> cumsum(np.array([1.0, 2.0, 3.0]), reverse=True)
    array([6., 5., 3.])
    """
    return cumsum_p(operand, axis=canonical_axis(axis, ndim_of(operand)), reverse=bool(reverse))


def cumprod(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The running product along an axis; arguments as `cumsum`. Its derivative is right where elements are zero."""
    return cumprod_p(operand, axis=canonical_axis(axis, ndim_of(operand)), reverse=bool(reverse))


def cummax(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The running maximum along an axis; arguments as `cumsum`.

    All elements that tie for it so far share the gradient equally; in JAX their shares are those of its tree.
    """
    return cummax_p(operand, axis=canonical_axis(axis, ndim_of(operand)), reverse=bool(reverse))


def cummin(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The running minimum along an axis, in all else as `cummax`."""
    return cummin_p(operand, axis=canonical_axis(axis, ndim_of(operand)), reverse=bool(reverse))


def linear_recurrence(factors: Any, terms: Any, axis: int = 0, reverse: bool = False) -> Any:
    """h[0] = terms[0], h[i] = factors[i] · h[i - 1] + terms[i] along an axis.

    Parameters
    ----------
    factors, terms
        Arrays of one shape and one float or complex dtype; the first factor has no effect.
    axis, reverse
        As for `cumsum`.

    Examples
    --------
    >>> import numpy as np
    >>> linear_recurrence(np.array([9.0, 0.5, 0.5]), np.array([4.0, 0.0, 1.0]))
    array([4., 2., 2.])
    """
    return linear_recurrence_p(factors, terms, axis=canonical_axis(axis, ndim_of(terms)), reverse=bool(reverse))


# ---------------------------------------------------------------------------------------------------------------------
# the elements before and after
# ---------------------------------------------------------------------------------------------------------------------


def previous(x: Any, axis: int, reverse: bool, first: float) -> Any:
    """For each element the one that comes before it, for the first one `first`."""
    step = (-1, 1, 0) if reverse else (1, -1, 0)
    config = tuple([step if a == axis else (0, 0, 0) for a in range(ndim_of(x))])
    return pad_p(x, dtype_of(x).type(first), padding_config=config)


def following(x: Any, axis: int, reverse: bool, last: float) -> Any:
    """For each element the one that comes after it, for the last one `last`."""
    return previous(x, axis, not reverse, last)


# ---------------------------------------------------------------------------------------------------------------------
# the linear recurrence
# ---------------------------------------------------------------------------------------------------------------------

_FEW_LINES = 8  # up to so many, Python's floats are faster than NumPy's calls


def _recurrence_impl(factors: np.ndarray, terms: np.ndarray, *, axis: int, reverse: bool) -> np.ndarray:
    # one element after the other: products of factors alone, as a parallel scan takes them, could overflow
    factors, terms = rows_in_order(factors, axis, reverse), rows_in_order(terms, axis, reverse)
    out = np.empty(terms.shape, terms.dtype)
    length = len(terms)
    if length and out.size <= _FEW_LINES * length:
        lines = [
            _recurrence_of_line(a.tolist(), b.tolist())
            for a, b in zip(factors.reshape(length, -1).T, terms.reshape(length, -1).T, strict=True)
        ]
        with np.errstate(over="ignore"):
            out[...] = np.array(lines).T.reshape(out.shape)
    elif length:
        out[0] = terms[0]
        for i in range(1, length):
            row = out[i]
            np.multiply(factors[i], out[i - 1], row)
            row += terms[i]
    return rows_in_place(out, axis, reverse)


def _recurrence_of_line(factors: list, terms: list) -> list:
    h = terms[0]
    line = [h]
    for i in range(1, len(terms)):
        h = factors[i] * h + terms[i]
        line.append(h)
    return line


def rows_in_order(x: np.ndarray, axis: int, reverse: bool) -> np.ndarray:
    """`x` with its axis in front, in the order in which it is run through."""
    x = np.moveaxis(x, axis, 0)
    return x[::-1] if reverse else x


def rows_in_place(x: np.ndarray, axis: int, reverse: bool) -> np.ndarray:
    """The inverse of `rows_in_order`."""
    return np.moveaxis(x[::-1] if reverse else x, 0, axis)


def _recurrence_abstract(factors: Aval, terms: Aval, *, axis: int, reverse: bool) -> Aval:
    if factors.shape != terms.shape or factors.dtype != terms.dtype:
        raise ShapeError(f"expected factors and terms of one shape and dtype, got {factors} and {terms}")
    return Aval(terms.shape, terms.dtype)


def _recurrence_jvp(primals: Sequence, tangents: Sequence, out: Any, *, axis: int, reverse: bool) -> Any:
    by_factors, term = tangents
    if by_factors is not None:
        part = by_factors * previous(out, axis, reverse, 0)
        term = part if term is None else term + part
    return None if term is None else linear_recurrence_p(primals[0], term, axis=axis, reverse=reverse)


def _recurrence_vjp(
    ct: Any, out: Any, args: Sequence, wanted: Sequence[bool], *, axis: int, reverse: bool
) -> list[Any]:
    by_terms = linear_recurrence_p(following(args[0], axis, reverse, 0), ct, axis=axis, reverse=not reverse)
    return [by_terms * previous(out, axis, reverse, 0) if wanted[0] else None, by_terms]


def _recurrence_batch(size: int, args: Sequence, dims: Sequence, *, axis: int, reverse: bool) -> tuple[Any, int]:
    factors, terms = [batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]
    return linear_recurrence_p(factors, terms, axis=axis + 1, reverse=reverse), 0


linear_recurrence_p: Primitive = Primitive(
    "linear_recurrence",
    _recurrence_impl,
    _recurrence_abstract,
    jvp=_recurrence_jvp,
    vjp_all=_recurrence_vjp,
    batch=_recurrence_batch,
)

# ---------------------------------------------------------------------------------------------------------------------
# how a running reduction becomes a primitive
# ---------------------------------------------------------------------------------------------------------------------


def running(
    name: str, impl: Callable, dtype: Callable[[np.dtype], np.dtype], source: Callable | None = None
) -> Primitive:
    """A primitive of one operand with parameters `axis` and `reverse`, as yet without derivatives."""
    primitive = Primitive(name, impl, lambda x, *, axis, reverse: Aval(x.shape, dtype(x.dtype)), source=source)
    primitive.batch = lambda size, args, dims, *, axis, reverse: (
        primitive(args[0], axis=shift_axes((axis,), dims[0])[0], reverse=reverse),
        dims[0],
    )
    return primitive


def accumulation(name: str, ufunc: np.ufunc, dtype: Callable[[np.dtype], np.dtype]) -> Primitive:
    """A running reduction that is a ufunc's `accumulate`."""

    def impl(x: np.ndarray, *, axis: int, reverse: bool) -> np.ndarray:
        if not reverse:
            return ufunc.accumulate(x, axis)
        backward = (slice(None),) * axis + (slice(None, None, -1),)
        return ufunc.accumulate(x[backward], axis)[backward]

    def source(args: Sequence[str], avals: Sequence[Aval], *, axis: int, reverse: bool) -> str:
        backward = f"[{':, ' * axis}::-1]" if reverse else ""
        return f"np.{ufunc.__name__}.accumulate({args[0]}{backward}, {axis}){backward}"

    return running(name, impl, dtype, source)


# ---------------------------------------------------------------------------------------------------------------------
# sum and product
# ---------------------------------------------------------------------------------------------------------------------

cumsum_p: Primitive = accumulation("cumsum", np.add, lambda dtype: sum_dtype(np.add, dtype))
cumsum_p.jvp = cumsum_p._jvp_of_linear
cumsum_p.vjp = (lambda ct, out, x, *, axis, reverse: cumsum_p(ct, axis=axis, reverse=not reverse),)


def _cumprod_jvp(primals: Sequence, tangents: Sequence, out: Any, *, axis: int, reverse: bool) -> Any:
    """d y[i] = x[i] · d y[i - 1] + y[i - 1] · d x[i]."""
    if tangents[0] is None:
        return None
    return linear_recurrence_p(primals[0], tangents[0] * previous(out, axis, reverse, 1), axis=axis, reverse=reverse)


def _cumprod_vjp(ct: Any, out: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    back = linear_recurrence_p(following(x, axis, reverse, 0), ct, axis=axis, reverse=not reverse)
    return back * previous(out, axis, reverse, 1)


cumprod_p = accumulation("cumprod", np.multiply, lambda dtype: sum_dtype(np.multiply, dtype))
cumprod_p.jvp = _cumprod_jvp
cumprod_p.vjp = (_cumprod_vjp,)

# ---------------------------------------------------------------------------------------------------------------------
# maximum and minimum
# ---------------------------------------------------------------------------------------------------------------------


def _ties(x: Any, out: Any, axis: int, reverse: bool) -> tuple[Any, Any, Any]:
    """Where an element is the extremum so far; 1 where the extremum is the one before; how many elements tie for it."""
    dtype = dtype_of(out)
    chosen = x == out
    stays = convert_element_type(out == previous(out, axis, reverse, 0), dtype)
    return chosen, stays, linear_recurrence_p(stays, convert_element_type(chosen, dtype), axis=axis, reverse=reverse)


def _extremum_jvp(primals: Sequence, tangents: Sequence, out: Any, *, axis: int, reverse: bool) -> Any:
    tangent = tangents[0]
    if tangent is None:
        return None
    chosen, stays, count = _ties(primals[0], out, axis, reverse)
    part = where(chosen, tangent, dtype_of(tangent).type(0))
    return linear_recurrence_p(stays, part, axis=axis, reverse=reverse) / count


def _extremum_vjp(ct: Any, out: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    chosen, stays, count = _ties(x, out, axis, reverse)
    back = linear_recurrence_p(following(stays, axis, reverse, 0), ct / count, axis=axis, reverse=not reverse)
    return where(chosen, back, dtype_of(ct).type(0))


cummax_p = accumulation("cummax", np.maximum, lambda dtype: dtype)
cummin_p = accumulation("cummin", np.minimum, lambda dtype: dtype)
for _primitive in (cummax_p, cummin_p):
    _primitive.jvp = _extremum_jvp
    _primitive.vjp = (_extremum_vjp,)
