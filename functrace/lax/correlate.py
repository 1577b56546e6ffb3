"""Sliding products along one axis: the primitive of `numpy.correlate` and `numpy.convolve`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..core.aval import Aval
from ..core.primitive import Primitive
from ..errors import ShapeError
from .shape import batch_to_front, convert_element_type, dtype_of, ndim_of, pad_p, rev_p, shape_of


def correlate_valid(x: Any, y: Any) -> Any:
    """out[…, i] = sum over k of x[…, i + k] · y[…, k], where the whole of `y` lies within `x`.

    Parameters
    ----------
    x, y
        Arrays of the same rank; all axes but the last agree, and along it `x` is at least as long as `y`.

    Examples
    --------
    >>> import numpy as np
    >>> correlate_valid(np.array([1.0, 2.0, 4.0]), np.array([1.0, 10.0]))
    array([21., 42.])
    """
    return correlate_p(x, y)


def _impl(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.ndim == 1:
        return np.correlate(x, y.conj())
    return np.vecdot(y.conj()[..., None, :], sliding_window_view(x, y.shape[-1], -1))


def _abstract(x: Aval, y: Aval) -> Aval:
    if x.shape[:-1] != y.shape[:-1] or not 1 <= y.shape[-1] <= x.shape[-1]:
        raise ShapeError(f"correlate expected an array at least as long as the second, got shapes {x.shape}, {y.shape}")
    return Aval((*x.shape[:-1], x.shape[-1] - y.shape[-1] + 1), np.result_type(x.dtype, y.dtype))


def _jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    (x, y), (tx, ty) = primals, tangents
    terms = [] if tx is None else [correlate_p(tx, y)]
    if ty is not None:
        terms.append(correlate_p(x, ty))
    return None if not terms else terms[0] if len(terms) == 1 else terms[0] + terms[1]


def _vjp_x(ct: Any, out: Any, x: Any, y: Any) -> Any:
    """The cotangent of x[j]: the sum over i of ct[i] · y[j - i]."""
    axis = ndim_of(ct) - 1
    margin = shape_of(y)[-1] - 1
    config = (*[(0, 0, 0)] * axis, (margin, margin, 0))
    padded = pad_p(ct, dtype_of(ct).type(0), padding_config=config)
    return convert_element_type(correlate_p(padded, rev_p(y, dimensions=(axis,))), dtype_of(x))


def _vjp_y(ct: Any, out: Any, x: Any, y: Any) -> Any:
    return convert_element_type(correlate_p(x, ct), dtype_of(y))


def _batch(size: int, args: Sequence, dims: Sequence) -> tuple[Any, int]:
    return correlate_p(*[batch_to_front(size, x, dim) for x, dim in zip(args, dims, strict=True)]), 0


def _source(args: Sequence[str], avals: Sequence[Aval]) -> str | None:
    if avals[0].ndim > 1:
        return None
    return f"np.correlate({args[0]}, {args[1]}{'.conj()' if avals[1].dtype.kind == 'c' else ''})"


correlate_p = Primitive("correlate", _impl, _abstract, jvp=_jvp, vjp=(_vjp_x, _vjp_y), batch=_batch, source=_source)
