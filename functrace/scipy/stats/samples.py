"""Statistics of samples: `mode`, `rankdata`, `sem`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...core.trace import Tracer
from ...errors import OptionError
from ...lax.cumulative import cummax, cummin
from ...lax.shape import convert_element_type
from ...numpy import (
    any,
    arange,
    argmax,
    argsort,
    asarray,
    concatenate,
    cumsum,
    expand_dims,
    isnan,
    moveaxis,
    nan,
    nanstd,
    ones,
    ravel,
    reshape,
    sort,
    sqrt,
    std,
    sum,
    take_along_axis,
    where,
    zeros,
)
from .distribution import promoted


class ModeResult(NamedTuple):
    """The most common values, and how often each comes."""

    mode: Any
    count: Any


def mode(a: Any, axis: int | None = 0, nan_policy: str = "propagate", keepdims: bool = False) -> ModeResult:
    """The most common value, and how often it comes; of several the smallest.

    Parameters
    ----------
    a
        An array of numbers.
    axis
        Along which axis; None for all elements.
    nan_policy
        ``"propagate"``: NaN counts as a value like any other, as in SciPy. ``"raise"``: an error where there is one,
        which needs values that are known.
    keepdims
        Whether the axis stays, with length 1.

    Returns
    -------
    ModeResult
        ``mode`` and ``count``. The mode is one of the elements, and its derivative is that element's.

    Raises
    ------
    OptionError
        NaN and ``"raise"``, or another `nan_policy`.

    Examples
    --------
    >>> import numpy as np
    >>> mode(np.array([[3, 1], [2, 1], [3, 0]]))
    ModeResult(mode=array([3, 1]), count=array([2, 2]))
    """
    x = _checked(asarray(a), nan_policy, "mode", ("propagate", "raise"))
    ndim = x.ndim
    x = ravel(x) if axis is None else moveaxis(x, axis, -1)
    if x.shape[-1]:
        ordered = sort(x, axis=-1)
        starts, _ = _runs(ordered)
        lengths = arange(x.shape[-1]) - starts + 1  # of the run of equal values, up to here
        place = argmax(lengths, axis=-1, keepdims=True)
        value, count = (take_along_axis(values, place, axis=-1)[..., 0] for values in (ordered, lengths))
    else:
        value, count = zeros(x.shape[:-1]) + nan, zeros(x.shape[:-1], np.int64)
    if keepdims and axis is None:
        value, count = (reshape(part, (1,) * ndim) for part in (value, count))
    elif keepdims:
        value, count = (expand_dims(part, axis) for part in (value, count))
    return ModeResult(value, count)


def rankdata(a: Any, method: str = "average", *, axis: int | None = None, nan_policy: str = "propagate") -> Any:
    """The rank of each element, from 1.

    Parameters
    ----------
    a
        An array of numbers.
    method
        The rank of equal elements: the ``"average"`` of their places, the ``"min"``, the ``"max"``; ``"dense"``: as
        ``"min"``, but the next element has the next rank; ``"ordinal"``: each its own, in their order.
    axis
        Along which axis; None for all elements, the result of one axis.
    nan_policy
        ``"propagate"``: where there is a NaN, all ranks along the axis are NaN. ``"raise"``: an error, which needs
        values that are known.

    Returns
    -------
    array
        float64 for ``"average"`` and for floats (SciPy gives integers by the other methods as long as there is no NaN,
        which `jit` cannot know); int64 otherwise.

    Raises
    ------
    OptionError
        An unknown `method` or `nan_policy`; NaN and ``"raise"``.

    Examples
    --------
    >>> import numpy as np
    >>> rankdata(np.array([0, 2, 3, 2]))
    array([1. , 2.5, 4. , 2.5])
    """
    if method not in ("average", "min", "max", "dense", "ordinal"):
        raise OptionError(f"rankdata expected method 'average', 'min', 'max', 'dense' or 'ordinal', got {method!r}")
    x = _checked(asarray(a), nan_policy, "rankdata", ("propagate", "raise"))
    x = ravel(x) if axis is None else moveaxis(x, axis, -1)
    size = x.shape[-1]
    order = argsort(x, axis=-1, stable=True)
    ordered = take_along_axis(x, order, axis=-1)
    if method == "ordinal":
        ranks = arange(1, size + 1) + zeros(x.shape, np.int64)
    elif method == "dense":
        ranks = cumsum(_is_new(ordered), axis=-1)
    else:
        starts, ends = _runs(ordered)
        ranks = {"min": starts + 1, "max": ends + 1, "average": (starts + ends) / 2 + 1}[method]
    ranks = take_along_axis(ranks, argsort(order, axis=-1), axis=-1)
    if np.dtype(x.dtype).kind == "f":
        ranks = where(any(isnan(x), axis=-1, keepdims=True), nan, convert_element_type(ranks, np.dtype(np.float64)))
    return ranks if axis is None else moveaxis(ranks, -1, axis)


def sem(a: Any, axis: int | None = 0, ddof: int = 1, nan_policy: str = "propagate", *, keepdims: bool = False) -> Any:
    """The standard error of the mean: the standard deviation over the square root of the number of elements.

    Parameters
    ----------
    a
        An array of real numbers.
    axis
        Along which axis; None for all elements.
    ddof
        The standard deviation divides by the number of elements less this.
    nan_policy
        ``"propagate"``: NaN where there is one. ``"omit"``: without the NaN. ``"raise"``: an error where there is one,
        which needs values that are known.
    keepdims
        Whether the axis stays, with length 1.

    Returns
    -------
    array
        In the dtype of floats to which `a` promotes.

    Raises
    ------
    OptionError
        NaN and ``"raise"``, or another `nan_policy`.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(sem(np.array([1.0, 2.0, 3.0, 4.0]))), 4)
    0.6455
    """
    (x,) = promoted(asarray(a))
    x = _checked(x, nan_policy, "sem", ("propagate", "omit", "raise"))
    if nan_policy == "omit":
        count = convert_element_type(sum(~isnan(x), axis=axis, keepdims=keepdims), x.dtype)
        return nanstd(x, axis=axis, ddof=ddof, keepdims=keepdims) / sqrt(count)
    size = x.size if axis is None else x.shape[axis]
    return std(x, axis=axis, ddof=ddof, keepdims=keepdims) / float(np.sqrt(size))


def _checked(x: Any, nan_policy: str, name: str, policies: tuple[str, ...]) -> Any:
    if nan_policy not in policies:
        raise OptionError(f"{name} expected nan_policy as one of {policies}, got {nan_policy!r}")
    if nan_policy == "raise" and np.dtype(x.dtype).kind in "fc":
        if isinstance(x, Tracer):
            raise OptionError(
                f"{name} with nan_policy='raise' looks at the values, which are traced",
                instead="nan_policy='propagate'",
            )
        if np.isnan(x).any():
            raise OptionError(f"{name} with nan_policy='raise' met a NaN")
    return x


def _is_new(ordered: Any) -> Any:
    """Whether an element differs from the one before it; NaN is equal to NaN."""
    before, after = ordered[..., :-1], ordered[..., 1:]
    differs = before != after
    if np.dtype(ordered.dtype).kind in "fc":
        differs = differs & ~(isnan(before) & isnan(after))
    return concatenate([ones((*ordered.shape[:-1], min(1, ordered.shape[-1])), bool), differs], axis=-1)


def _runs(ordered: Any) -> tuple[Any, Any]:
    """Where the run of equal elements begins and where it ends, for each place."""
    is_new, size = _is_new(ordered), ordered.shape[-1]
    places = arange(size)
    axis = len(ordered.shape) - 1
    ends = concatenate(
        [is_new[..., 1:], is_new[..., :1]], axis=-1
    )  # the first is always new, and the last always an end
    return (
        cummax(where(is_new, places, 0), axis=axis),
        cummin(where(ends, places, size), axis=axis, reverse=True),
    )
