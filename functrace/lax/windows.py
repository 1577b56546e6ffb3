"""Where the windows lie that slide over an array: their number, their padding, and the elements that they meet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import gcd
from typing import Any, NamedTuple

from ..core.aval import describe
from ..errors import ArgumentError, OptionError, ShapeError

Padding = tuple[tuple[int, int], ...]


def padtype_to_pads(
    in_shape: Sequence[int], window_shape: Sequence[int], window_strides: Sequence[int], padding: str
) -> list[tuple[int, int]]:
    """The padding that a word means, for windows of this shape and these strides.

    Parameters
    ----------
    in_shape
        The extents over which the windows slide.
    window_shape
        The extents of a window, its dilation counted.
    window_strides
        By how much the windows slide.
    padding
        ``"VALID"``: none. ``"SAME"``: so that there are as many windows as strides, the odd element at the end.
        ``"SAME_LOWER"``: the odd element at the front.

    Returns
    -------
    list
        For each axis how many elements to put in front and behind.

    Examples
    --------
    >>> padtype_to_pads((10, 10), (3, 2), (1, 1), "SAME")
    [(1, 1), (0, 1)]
    """
    word = padding.upper() if isinstance(padding, str) else padding
    if word == "VALID":
        return [(0, 0)] * len(in_shape)
    if word not in ("SAME", "SAME_LOWER"):
        raise OptionError(
            f"expected the padding 'VALID', 'SAME' or 'SAME_LOWER', got {padding!r}",
            instead="one of these, or a pair (low, high) for each axis",
        )
    pads = []
    for extent, window, stride in zip(in_shape, window_shape, window_strides, strict=True):
        total = max((-(-extent // stride) - 1) * stride + window - extent, 0)
        less, more = total // 2, total - total // 2
        pads.append((less, more) if word == "SAME" else (more, less))
    return pads


def pads_of(
    what: str, padding: Any, in_shape: Sequence[int], window_shape: Sequence[int], window_strides: Sequence[int]
) -> Padding:
    """The padding as pairs, from a word or from pairs; `what` names the function in an error.

    The extents are dilated ones.
    """
    if isinstance(padding, str):
        return tuple(padtype_to_pads(in_shape, window_shape, window_strides, padding))
    pads = pairs_of(what, padding, len(in_shape))
    if any(extent + low + high < 0 for extent, (low, high) in zip(in_shape, pads, strict=True)):
        raise ShapeError(f"{what}: the padding {pads} cuts off more than there is: the extents are {tuple(in_shape)}")
    return pads


def pairs_of(what: str, padding: Any, count: int) -> Padding:
    """A pair of ints for each of `count` axes."""
    try:
        pads = tuple([(low.__index__(), high.__index__()) for low, high in padding])
    except (TypeError, ValueError, AttributeError):
        raise OptionError(
            f"{what} expected a word or a pair (low, high) for each axis as padding, got {describe(padding)}",
            instead="'SAME', 'VALID' or ((1, 1), (1, 1))",
        ) from None
    if len(pads) != count:
        raise OptionError(f"{what} expected a pair (low, high) for each of {count} axes as padding, got {pads}")
    return pads


def positive_ints(what: str, name: str, values: Any, count: int) -> tuple[int, ...]:
    """A positive int for each of `count` axes, 1 where none are given; an error that names the argument otherwise."""
    if values is None:
        return (1,) * count
    try:
        numbers = tuple([value.__index__() for value in values])
    except (TypeError, AttributeError):
        raise ArgumentError(f"{what} expected {name} to be a tuple of ints, got {describe(values)}") from None
    if len(numbers) != count or any(number < 1 for number in numbers):
        raise OptionError(f"{what} expected {name} to be a positive int for each of {count} axes, got {numbers}")
    return numbers


def positive_int(what: str, name: str, value: Any) -> int:
    """A positive int; an error that names the argument otherwise."""
    try:
        number = value.__index__()
    except (TypeError, AttributeError):
        raise ArgumentError(f"{what} expected {name} to be an int, got {describe(value)}") from None
    if number < 1:
        raise OptionError(f"{what} expected {name} to be a positive int, got {number}")
    return number


def dilated(extent: int, dilation: int) -> int:
    """The extent with `dilation` - 1 holes between each two elements."""
    return (extent - 1) * dilation + 1 if extent > 0 else 0


def window_count(extent: int, window: int, stride: int, pads: tuple[int, int]) -> int:
    """How many windows fit along an axis; the extents are dilated ones."""
    return max((extent + sum(pads) - window) // stride + 1, 0)


def exact_padding(
    lows: Sequence[int], extents: Sequence[int], windows: Sequence[int], strides: Sequence[int], counts: Sequence[int]
) -> Padding:
    """Pairs with these lows so that just `counts` windows fit; the extents are dilated ones."""
    return tuple(
        [
            (low, (count - 1) * stride + window - extent - low)
            for low, extent, window, stride, count in zip(lows, extents, windows, strides, counts, strict=True)
        ]
    )


class Windows(NamedTuple):
    """Windows that slide over an array, for each of its axes: the parameters of the primitives, by name."""

    window_dimensions: tuple[int, ...]
    window_strides: tuple[int, ...]
    padding: Padding
    base_dilation: tuple[int, ...]
    window_dilation: tuple[int, ...]

    def counts(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """How many windows there are along each axis of an array of this shape."""
        return _window_counts(self, shape)

    def slide_along(self, axis: int) -> bool:
        """Whether a window is more than one element along an axis, or not each element is one."""
        return tuple([each[axis] for each in self]) != _NO_WINDOWS

    def with_axis(self, place: int) -> Windows:
        """The windows over an array that has one axis more, along which each element is a window."""
        plain: Any = _NO_WINDOWS
        parts: Any = [(*each[:place], one, *each[place:]) for each, one in zip(self, plain, strict=True)]
        return Windows(*parts)

    @property
    def are_apart(self) -> bool:
        """Whether no element is in two windows."""
        return all(
            base == 1 and dilated(window, dilation) <= stride
            for window, stride, _, base, dilation in zip(*self, strict=True)
        )


_NO_WINDOWS = (1, 1, (0, 0), 1, 1)


@lru_cache(maxsize=4096)
def _window_counts(windows: Windows, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(
        [
            window_count(dilated(extent, base), dilated(window, dilation), stride, pads)
            for extent, window, stride, pads, base, dilation in zip(shape, *windows, strict=True)
        ]
    )


def windows_over(
    what: str, shape: tuple[int, ...], window: Any, strides: Any, padding: Any, base_dilation: Any, window_dilation: Any
) -> Windows:
    """Windows from what a user gives; `what` names the function in an error."""
    rank = len(shape)
    window = positive_ints(what, "window_dimensions", window, rank)
    strides = positive_ints(what, "window_strides", strides, rank)
    base_dilation = positive_ints(what, "base_dilation", base_dilation, rank)
    window_dilation = positive_ints(what, "window_dilation", window_dilation, rank)
    extents = [dilated(extent, dilation) for extent, dilation in zip(shape, base_dilation, strict=True)]
    dilated_windows = [dilated(extent, dilation) for extent, dilation in zip(window, window_dilation, strict=True)]
    pads = pads_of(what, padding, extents, dilated_windows, strides)
    return Windows(window, strides, pads, base_dilation, window_dilation)


class Sweep(NamedTuple):
    """Windows along one axis: window p meets, with its element k, the element p·stride + k·dilation - low of the array.

    Elements outside of the array are padding.
    """

    extent: int
    window: int
    positions: int
    stride: int
    dilation: int
    low: int

    def met(self, k: int) -> tuple[slice, slice]:
        """The windows whose element `k` lies inside the array, and the elements that they meet."""
        start = k * self.dilation - self.low
        first = max(0, -(start // self.stride)) if start < 0 else 0
        last = min(self.positions, (self.extent - 1 - start) // self.stride + 1)
        if last <= first:
            return slice(0, 0), slice(0, 0)
        begin = start + first * self.stride
        return slice(first, last), slice(begin, begin + (last - first - 1) * self.stride + 1, self.stride)


class Phase(NamedTuple):
    """Every `windows.step`-th window, with those of its elements (`elements`) that do not fall into holes."""

    windows: slice
    elements: slice
    sweep: Sweep


def phases(
    extent: int, window: int, count: int, stride: int, low: int, base_dilation: int, window_dilation: int
) -> list[Phase]:
    """Windows over an array with holes between its elements, as windows over the array without them.

    Window p meets with its element k the array's element i = (p·stride + k·window_dilation - low) / base_dilation,
    where this is an integer. For p = r + period·q it is one for every `step`-th k from `first` on, or for none, and i
    is again linear in q and in the number of the k.
    """
    if base_dilation == 1:
        everything = slice(None)
        return [Phase(everything, everything, Sweep(extent, window, count, stride, window_dilation, low))]
    period = base_dilation // gcd(stride, base_dilation)
    step = base_dilation // gcd(window_dilation, base_dilation)
    found = []
    for r in range(min(period, count)):
        first = next((k for k in range(step) if (r * stride + k * window_dilation - low) % base_dilation == 0), window)
        first = min(first, window)
        start = (r * stride + first * window_dilation - low) // base_dilation
        sweep = Sweep(
            extent,
            len(range(first, window, step)),
            len(range(r, count, period)),
            stride * period // base_dilation,
            window_dilation * step // base_dilation,
            -start,
        )
        found.append(Phase(slice(r, None, period), slice(first, None, step), sweep))
    return found


@lru_cache(maxsize=1024)
def all_phases(
    extents: tuple[int, ...],
    windows: tuple[int, ...],
    counts: tuple[int, ...],
    strides: tuple[int, ...],
    lows: tuple[int, ...],
    base_dilations: tuple[int, ...],
    window_dilations: tuple[int, ...],
) -> tuple[tuple[Phase, ...], ...]:
    """Each choice of a phase along every axis."""
    axes = zip(extents, windows, counts, strides, lows, base_dilations, window_dilations, strict=True)
    return tuple(product(*[phases(*axis) for axis in axes]))
