"""Sums of exponentials in the log domain, whole and running, and the weights that are their derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, broadcast_shapes, example, short_dtype
from ..core.primitive import Primitive
from ..errors import DtypeError
from .cumulative import following, linear_recurrence_p, previous, rows_in_order, rows_in_place, running
from .elementwise import batch_elementwise
from .shape import (
    canonical_axes,
    canonical_axis,
    convert_element_type,
    dtype_of,
    match,
    ndim_of,
    reduce_sum_p,
    reduced_shape,
    reduction_batch,
    reshape_p,
    shape_of,
    unbroadcast,
    unreduce,
)


def logsumexp(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) without overflow: the greatest element is taken out of the sum.

    Parameters
    ----------
    x
        An array; integers are taken as float64.
    axis
        An axis, a tuple of axes, or None for all.
    keepdims
        Whether the reduced axes stay, with extent 1.

    Returns
    -------
    numpy.ndarray
        Of the dtype of `x`; -inf where all elements are -inf or there are none. There the derivative is zero.

    Examples
    --------
    >>> import numpy as np
    >>> print(logsumexp(np.array([1000.0, 1000.0])))
    1000.6931471805599

    References
    ----------
    P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal
    of Numerical Analysis 41 (2021).
    """
    return logsumexp_p(_inexact(x), axes=canonical_axes(axis, ndim_of(x)), keepdims=bool(keepdims))


def cumlogsumexp(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The running `logsumexp` along an axis, from the last element to the first with `reverse`."""
    return cumlogsumexp_p(_inexact(operand), axis=canonical_axis(axis, ndim_of(operand)), reverse=bool(reverse))


def exp_gap(x: Any, y: Any) -> Any:
    """exp(x - y) for an `x` that is at most `y`: the share of `x` in a sum of exponentials whose logarithm is `y`.

    It is 0 where `x` is -inf, and 1 where both are inf.

    Examples
    --------
    >>> import numpy as np
    >>> exp_gap(np.array([-np.inf, 0.0, np.inf]), np.array([-np.inf, 0.0, np.inf]))
    array([0., 1., 1.])
    """
    return exp_gap_p(x, y)


def _inexact(x: Any) -> Any:
    return x if dtype_of(x).kind in "fc" else convert_element_type(x, np.float64)


# ---------------------------------------------------------------------------------------------------------------------
# exp(x - y)
# ---------------------------------------------------------------------------------------------------------------------


def _all_finite(x: Any) -> bool:
    """Whether all are; also False where a square overflows. Much faster than asking each."""
    return math.isfinite(np.vdot(x, x).real)


def _finite(x: Any) -> Any:
    """`x` with infinite real parts replaced by the greatest finite ones."""
    most = np.finfo(x.dtype).max
    bounded = np.clip(x.real, -most, most)
    return bounded if x.dtype.kind != "c" else bounded + 1j * x.imag


def _exp_in_place(x: Any) -> Any:
    return np.exp(x, x) if x.__class__ is np.ndarray else np.exp(x)


def _exp_gap_impl(x: Any, y: Any) -> Any:
    if _all_finite(y):
        return _exp_in_place(x - y)
    with np.errstate(all="ignore"):
        out = np.exp(x - _finite(y))
        return np.where(np.isinf(out), out.dtype.type(1), out)[()]


def _exp_gap_abstract(x: Aval, y: Aval) -> Aval:
    dtype = np.result_type(example(x.dtype, x.weak_type), example(y.dtype, y.weak_type))
    return Aval(broadcast_shapes(x.shape, y.shape), dtype)


def _exp_gap_jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    by_x, by_y = tangents
    if by_y is None:
        return None if by_x is None else match(by_x * out, out)
    return match((-by_y if by_x is None else by_x - by_y) * out, out)


exp_gap_p = Primitive(
    "exp_gap",
    _exp_gap_impl,
    _exp_gap_abstract,
    jvp=_exp_gap_jvp,
    vjp=(lambda ct, out, x, y: unbroadcast(ct * out, x), lambda ct, out, x, y: unbroadcast(-(ct * out), y)),
)
exp_gap_p.batch = batch_elementwise(exp_gap_p)

# ---------------------------------------------------------------------------------------------------------------------
# the whole sum
# ---------------------------------------------------------------------------------------------------------------------


def _logsumexp_impl(x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
    if x.__class__ is not np.ndarray:
        x = np.asarray(x)
    if not x.size:
        return np.full(reduced_shape(x.shape, axes, keepdims), -math.inf, x.dtype)[()]
    top = np.maximum.reduce(x.real, axes, keepdims=True)
    if _all_finite(top):
        return _log_of_sum(x, top, axes, keepdims)
    with np.errstate(all="ignore"):
        return _log_of_sum(x, _finite(top), axes, keepdims)


def _log_of_sum(x: np.ndarray, top: np.ndarray, axes: tuple[int, ...], keepdims: Any) -> Any:
    out = np.add.reduce(_exp_in_place(x - top), axes, keepdims=keepdims)
    if out.__class__ is not np.ndarray:
        return np.log(out) + top.reshape(())[()]
    np.log(out, out)
    out += top.reshape(out.shape)
    return out


def _logsumexp_abstract(x: Aval, *, axes: tuple[int, ...], keepdims: bool) -> Aval:
    if x.dtype.kind not in "fc":
        raise DtypeError(f"logsumexp_p expected floats or complex numbers, got {short_dtype(x.dtype)}")
    return Aval(reduced_shape(x.shape, axes, keepdims), x.dtype)


def _logsumexp_jvp(primals: Sequence, tangents: Sequence, out: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
    if tangents[0] is None:
        return None
    weights = exp_gap_p(primals[0], unreduce(out, shape_of(primals[0]), axes, keepdims))
    return reduce_sum_p(weights * tangents[0], axes=axes, keepdims=keepdims)


def _logsumexp_vjp(ct: Any, out: Any, x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
    if not keepdims:
        shape = reduced_shape(shape_of(x), axes, True)
        ct, out = reshape_p(ct, new_sizes=shape), reshape_p(out, new_sizes=shape)
    return ct * exp_gap_p(x, out)


logsumexp_p = Primitive("logsumexp", _logsumexp_impl, _logsumexp_abstract, jvp=_logsumexp_jvp, vjp=(_logsumexp_vjp,))
logsumexp_p.batch = reduction_batch(logsumexp_p)

# ---------------------------------------------------------------------------------------------------------------------
# the running sum
# ---------------------------------------------------------------------------------------------------------------------


def _cumlogsumexp_impl(x: np.ndarray, *, axis: int, reverse: bool) -> np.ndarray:
    rows = rows_in_order(x, axis, reverse)
    if x.dtype.kind != "c":
        return rows_in_place(np.logaddexp.accumulate(rows, 0), axis, reverse)
    out = np.array(rows)
    for i in range(len(out)):
        out[i] = _logsumexp_impl(out[max(i - 1, 0) : i + 1], axes=(0,), keepdims=False)
    return rows_in_place(out, axis, reverse)


def _cumlogsumexp_weights(x: Any, out: Any, axis: int, reverse: bool) -> tuple[Any, Any]:
    """The share of the sum before each element in the sum up to it, and the element's own share."""
    return exp_gap_p(previous(out, axis, reverse, -math.inf), out), exp_gap_p(x, out)


def _cumlogsumexp_jvp(primals: Sequence, tangents: Sequence, out: Any, *, axis: int, reverse: bool) -> Any:
    if tangents[0] is None:
        return None
    before, own = _cumlogsumexp_weights(primals[0], out, axis, reverse)
    return linear_recurrence_p(before, own * tangents[0], axis=axis, reverse=reverse)


def _cumlogsumexp_vjp(ct: Any, out: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    before, own = _cumlogsumexp_weights(x, out, axis, reverse)
    return own * linear_recurrence_p(following(before, axis, reverse, 0), ct, axis=axis, reverse=not reverse)


cumlogsumexp_p = running("cumlogsumexp", _cumlogsumexp_impl, lambda dtype: dtype)
cumlogsumexp_p.jvp = _cumlogsumexp_jvp
cumlogsumexp_p.vjp = (_cumlogsumexp_vjp,)
