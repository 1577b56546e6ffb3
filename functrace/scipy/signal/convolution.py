"""Convolutions and correlations in any number of dimensions: parts of one full convolution, direct or by FFT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ...core.aval import Shape, result_dtype
from ...errors import OptionError, ShapeError
from ...lax.conv import conv_general_dilated
from ...lax.correlate import correlate_p
from ...lax.elementwise import conj, rint
from ...lax.indexing import getitem
from ...lax.shape import canonical_axis, convert_element_type, pad_p, reshape, rev
from ...numpy.dispatch import as_array
from ...numpy.fft import fftn, ifftn, irfftn, rfftn
from ...numpy.padding import pad
from .frames import overlap_added

Mode = Literal["full", "same", "valid"]
_MODES = ("full", "same", "valid")

#: SciPy's names → what `numpy.pad` calls it.
_BOUNDARIES = {
    "fill": "constant",
    "pad": "constant",
    "wrap": "wrap",
    "circular": "wrap",
    "symm": "symmetric",
    "symmetric": "symmetric",
}


def convolve(in1: Any, in2: Any, mode: Mode = "full", method: Literal["auto", "direct", "fft"] = "auto") -> Any:
    """The convolution of two arrays, as `scipy.signal.convolve`.

    Parameters
    ----------
    in1, in2
        Arrays with as many axes each.
    mode
        ``"full"``: all of it, ``in1.shape + in2.shape - 1``; ``"same"``: the middle of that, of the shape of `in1`;
        ``"valid"``: where one lies within the other entirely.
    method
        ``"direct"`` adds products, ``"fft"`` multiplies spectra, ``"auto"`` takes the one that is faster for these
        shapes; for integers the direct one, which is exact.

    Returns
    -------
    array
        In the dtype that the two promote to.

    Raises
    ------
    ValueError
        The numbers of axes differ; in the mode ``"valid"`` neither array is the larger one along all axes; or there is
        no such mode or method.

    Examples
    --------
    >>> import numpy as np
    >>> convolve(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.5]), "same")
    array([1. , 2.5, 4. ])
    """
    return _convolved(as_array(in1), as_array(in2), mode, method)


def correlate(in1: Any, in2: Any, mode: Mode = "full", method: Literal["auto", "direct", "fft"] = "auto") -> Any:
    """The correlation of two arrays, as `scipy.signal.correlate`: their convolution with `in2` reversed and conjugated.

    The parameters are those of `convolve`.

    Examples
    --------
    >>> import numpy as np
    >>> correlate(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.5]))
    array([0.5, 2. , 3.5, 3. , 0. ])
    """
    in2 = as_array(in2)
    return _convolved(as_array(in1), rev(conj(in2), range(in2.ndim)), mode, method)


def fftconvolve(in1: Any, in2: Any, mode: Mode = "full", axes: int | Sequence[int] | None = None) -> Any:
    """The convolution of two arrays by FFT, as `scipy.signal.fftconvolve`.

    Parameters
    ----------
    in1, in2, mode
        Those of `convolve`.
    axes
        Along which axes; the others broadcast. By default along all.

    Returns
    -------
    array
        Of floats or complex numbers.

    Examples
    --------
    >>> import numpy as np
    >>> fftconvolve(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.5]), "valid").round(12)
    array([2.5])
    """
    return _by_fft(as_array(in1), as_array(in2), mode, axes, by_spectra)


def oaconvolve(in1: Any, in2: Any, mode: Mode = "full", axes: int | Sequence[int] | None = None) -> Any:
    """The convolution of two arrays by FFT, the longer one in blocks, as `scipy.signal.oaconvolve`.

    Where one array is much longer than the other this takes less time than `fftconvolve`, whose parameters it has.
    """
    return _by_fft(as_array(in1), as_array(in2), mode, axes, in_blocks)


def convolve2d(in1: Any, in2: Any, mode: Mode = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    """The convolution of two images, as `scipy.signal.convolve2d`.

    Parameters
    ----------
    in1, in2
        Arrays of two axes.
    mode
        That of `convolve`.
    boundary
        What is around `in1`: ``"fill"``, `fillvalue`; ``"wrap"``, itself again; ``"symm"``, its mirror image.
    fillvalue
        A scalar.

    Examples
    --------
    >>> import numpy as np
    >>> convolve2d(np.ones((3, 3)), np.ones((3, 3)), "same", boundary="symm")
    array([[9., 9., 9.],
           [9., 9., 9.],
           [9., 9., 9.]])
    """
    in1, in2 = _images("convolve2d", in1, in2)
    if _swapped(mode, in1.shape, in2.shape, (0, 1)):
        in1, in2 = in2, in1
    return _bounded(in1, in2, _part_of(mode, in1.shape, in2.shape, (0, 1)), boundary, fillvalue)


def correlate2d(in1: Any, in2: Any, mode: Mode = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    """The correlation of two images, as `scipy.signal.correlate2d`; the parameters are those of `convolve2d`.

    In the mode ``"same"`` the middle of an image with an even number of rows is the row behind it, where that of
    `convolve2d` is the row in front: so it is in SciPy.
    """
    in1, in2 = _images("correlate2d", in1, in2)
    swapped = _swapped(mode, in1.shape, in2.shape, (0, 1))
    if swapped:
        in1, in2 = in2, in1
    part = _part_of(mode, in1.shape, in2.shape, (0, 1))
    if mode == "same":
        part = [slice(extent // 2, extent // 2 + size) for size, extent in zip(in1.shape, in2.shape, strict=True)]
    out = _bounded(in1, rev(conj(in2), (0, 1)), part, boundary, fillvalue)
    return rev(out, (0, 1)) if swapped else out


# ---------------------------------------------------------------------------------------------------------------------
# which part of the full convolution
# ---------------------------------------------------------------------------------------------------------------------


def _part_of(mode: str, shape1: Shape, shape2: Shape, axes: Sequence[int]) -> list[slice]:
    """Which part of the full convolution along `axes` a mode gives, for each axis; the others broadcast."""
    if mode not in _MODES:
        raise OptionError(f"mode must be one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    part = []
    for axis, (n, m) in enumerate(zip(shape1, shape2, strict=True)):
        whole = n + m - 1 if axis in axes else max(n, m)
        if mode == "same":
            start, count = (whole - n) // 2, n
        elif mode == "full" or axis not in axes:
            start, count = 0, whole
        else:
            start, count = min(n, m) - 1, abs(n - m) + 1
        part.append(slice(start, start + count))
    return part


def _margins(shape1: Shape, shape2: Shape, part: Sequence[slice]) -> list[tuple[int, int]]:
    """How much has to be put around the first array so that the second, within it, gives this part."""
    return [(m - 1 - piece.start, piece.stop - n) for n, m, piece in zip(shape1, shape2, part, strict=True)]


def _swapped(mode: str, shape1: Shape, shape2: Shape, axes: Sequence[int]) -> bool:
    """Whether the second array is the one that the first has to lie within."""
    if mode != "valid" or all(shape1[axis] >= shape2[axis] for axis in axes):
        return False
    if not all(shape2[axis] >= shape1[axis] for axis in axes):
        raise ShapeError(
            "the mode 'valid' expected that one array is at least as long as the other along every axis, got shapes "
            f"{shape1} and {shape2}"
        )
    return True


def _check_ranks(in1: Any, in2: Any) -> None:
    if in1.ndim != in2.ndim:
        raise ShapeError(f"expected arrays with as many axes each, got shapes {in1.shape} and {in2.shape}")


def _images(function: str, in1: Any, in2: Any) -> tuple[Any, Any]:
    in1, in2 = as_array(in1), as_array(in2)
    if not in1.ndim == in2.ndim == 2:
        raise ShapeError(f"{function} expected arrays of two axes, got shapes {in1.shape} and {in2.shape}")
    return in1, in2


# ---------------------------------------------------------------------------------------------------------------------
# direct: sums of products
# ---------------------------------------------------------------------------------------------------------------------


def _convolved(in1: Any, in2: Any, mode: str, method: str) -> Any:
    _check_ranks(in1, in2)
    if not in1.ndim:
        return in1 * in2
    axes = range(in1.ndim)
    if method not in ("auto", "direct", "fft"):
        raise OptionError(f"method must be 'auto', 'direct' or 'fft', got {method!r}")
    _swapped(mode, in1.shape, in2.shape, axes)
    part = _part_of(mode, in1.shape, in2.shape, axes)
    if not (in1.size and in2.size):
        raise ShapeError(f"convolve expected arrays with elements, got shapes {in1.shape} and {in2.shape}")
    dtype = result_dtype(in1.dtype, in2.dtype)
    if method == "auto":
        method = "fft" if dtype.kind in "fc" and _fft_is_faster(in1.shape, in2.shape, part) else "direct"
    if method == "direct":
        return _direct(in1, in2, part)
    out = getitem(by_spectra(in1, in2, tuple(axes)), tuple(part))
    return convert_element_type(rint(out) if dtype.kind in "iu" else out, dtype)


# Nanoseconds, measured on one core in double precision: of calling the transforms, and of an element of them for each
# doubling of their length; of a product and its sum in one dimension, and in several, where windows are copied.
_FFT_CALLS, _FFT, _DIRECT, _DIRECT_IN_SEVERAL = 15_000, 0.9, 0.12, 0.6


def _fft_is_faster(shape1: Shape, shape2: Shape, part: Sequence[slice]) -> bool:
    elements = math.prod([fast_length(n + m - 1) for n, m in zip(shape1, shape2, strict=True)])
    products = math.prod([piece.stop - piece.start for piece in part]) * min(math.prod(shape1), math.prod(shape2))
    direct = _DIRECT if len(shape1) == 1 else _DIRECT_IN_SEVERAL
    return _FFT_CALLS + _FFT * elements * math.log2(2 * elements) < direct * products


def _direct(x: Any, y: Any, part: Sequence[slice]) -> Any:
    """A part of the full convolution of `x` and `y`, of which the smaller one slides over the other."""
    if y.size > x.size:
        x, y = y, x
    dtype = result_dtype(x.dtype, y.dtype)
    axes = range(x.ndim)
    margins = _margins(x.shape, y.shape, part)
    y = rev(y, axes)
    if x.ndim == 1:
        if any(margins[0]):
            x = pad_p(x, x.dtype.type(0), padding_config=((*margins[0], 0),))
        return correlate_p(x, y)
    x, y = convert_element_type(x, dtype), convert_element_type(y, dtype)
    x, y = reshape(x, (1, 1, *x.shape)), reshape(y, (1, 1, *y.shape))
    out = conv_general_dilated(x, y, (1,) * len(axes), margins)
    return reshape(out, out.shape[2:])


def _bounded(in1: Any, in2: Any, part: Sequence[slice], boundary: str, fillvalue: Any) -> Any:
    """A part of the full convolution of `in2` with `in1` and what is around it."""
    if boundary not in _BOUNDARIES:
        raise OptionError(f"boundary must be one of {', '.join(map(repr, _BOUNDARIES))}, got {boundary!r}")
    kind = _BOUNDARIES[boundary]
    dtype = result_dtype(in1.dtype, in2.dtype)
    in1 = convert_element_type(in1, dtype)
    margins = _margins(in1.shape, in2.shape, part)
    if any(map(any, margins)):
        options = {"constant_values": fillvalue} if kind == "constant" else {}
        in1 = pad(in1, margins, kind, **options)
    return _direct(in1, in2, _part_of("valid", in1.shape, in2.shape, (0, 1)))


# ---------------------------------------------------------------------------------------------------------------------
# by FFT: products of spectra
# ---------------------------------------------------------------------------------------------------------------------


def _by_fft(in1: Any, in2: Any, mode: str, axes: Any, full: Any) -> Any:
    """The part that a mode gives of what `full` gives."""
    _check_ranks(in1, in2)
    if not in1.ndim:
        return in1 * in2
    if not (in1.size and in2.size):
        return np.zeros(0)
    if axes is None:
        axes = range(in1.ndim)
    else:
        axes = [canonical_axis(axis, in1.ndim) for axis in ([axes] if np.ndim(axes) == 0 else axes)]
        if not axes:
            raise OptionError("axes expected at least one axis, got none")
        if len(set(axes)) < len(axes):
            raise OptionError(f"axes expected each axis once, got {axes}")
    axes = tuple([axis for axis in axes if in1.shape[axis] != 1 and in2.shape[axis] != 1])
    for axis, (n, m) in enumerate(zip(in1.shape, in2.shape, strict=True)):
        if axis not in axes and n != m and 1 not in (n, m):
            raise ShapeError(f"axis {axis} is not among axes and does not broadcast: {in1.shape} and {in2.shape}")
    if _swapped(mode, in1.shape, in2.shape, axes):
        in1, in2 = in2, in1
    part = _part_of(mode, in1.shape, in2.shape, axes)
    return getitem(full(in1, in2, axes), tuple(part))


def by_spectra(x: Any, y: Any, axes: tuple[int, ...]) -> Any:
    """The full convolution along these axes, along which no extent is 1; it may have more zeros behind."""
    if not axes:
        return x * y
    lengths = [fast_length(x.shape[axis] + y.shape[axis] - 1) for axis in axes]
    return _product_of_spectra(x, y, lengths, axes)


def _product_of_spectra(x: Any, y: Any, lengths: Sequence[int], axes: tuple[int, ...]) -> Any:
    dtype = result_dtype(*[result_dtype(z.dtype, 1.0) for z in (x, y)])  # of integers double precision, as in SciPy
    x, y = convert_element_type(x, dtype), convert_element_type(y, dtype)
    forward, backward = (fftn, ifftn) if "c" in (x.dtype.kind, y.dtype.kind) else (rfftn, irfftn)
    return backward(forward(x, lengths, axes) * forward(y, lengths, axes), lengths, axes)


def fast_length(n: int) -> int:
    """The least product of twos, threes and fives that is at least `n`: the FFT of such lengths is fast."""
    best = 1 << max(n - 1, 0).bit_length()
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            missing = -(-n // threes)
            best = min(best, threes << max(missing - 1, 0).bit_length())
            threes *= 3
        fives *= 5
    return best


class _Blocks(NamedTuple):
    """How an axis is cut: the pieces of both arrays (one is whole), the block that two give, the step to the next."""

    piece1: int
    piece2: int
    length: int
    step: int


def in_blocks(x: Any, y: Any, axes: tuple[int, ...]) -> Any:
    """As `by_spectra`, with the longer array cut along each axis, and what its pieces give added where they overlap."""
    if not axes:
        return x * y
    axes = tuple(sorted(axes))
    blocks = [_blocks_of(x.shape[axis], y.shape[axis]) for axis in axes]
    # each axis becomes two, the number of the piece and the place in it
    x = _cut(x, axes, [block.piece1 for block in blocks])
    y = _cut(y, axes, [block.piece2 for block in blocks])
    inner = tuple([axis + place + 1 for place, axis in enumerate(axes)])
    out = _product_of_spectra(x, y, [block.length for block in blocks], inner)
    for place, block in zip(reversed(inner), reversed(blocks), strict=True):
        out = overlap_added(out, place, block.step)
    return out


def _cut(x: Any, axes: tuple[int, ...], pieces: Sequence[int]) -> Any:
    config, shape = [], []
    for axis, extent in enumerate(x.shape):
        if axis not in axes:
            config.append((0, 0, 0))
            shape.append(extent)
            continue
        piece = pieces[axes.index(axis)]
        count = -(-extent // piece)
        config.append((0, count * piece - extent, 0))
        shape += [count, piece]
    if any(map(any, config)):
        x = pad_p(x, x.dtype.type(0), padding_config=tuple(config))
    return reshape(x, shape)


def _blocks_of(n: int, m: int) -> _Blocks:
    """The lengths of blocks that cost least: L·log(L) for L - overlap new elements each."""
    overlap = min(n, m) - 1
    whole = fast_length(n + m - 1)
    lengths = [fast_length(overlap << power) for power in range(1, max(whole // overlap, 1).bit_length() + 1)]
    best = min(
        [length for length in lengths if length < whole] or [whole],
        key=lambda length: length * math.log2(2 * length) / (length - overlap),
    )
    if best == whole:
        return _Blocks(n, m, whole, whole)
    step = best - overlap
    return _Blocks(step, m, best, step) if n > m else _Blocks(n, step, best, step)
