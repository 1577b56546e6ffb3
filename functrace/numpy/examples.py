"""Small arguments for each of NumPy's functions of arrays: what is said of a function is found by calling it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Example(NamedTuple):
    """Arguments of a function. The arrays among them, at any depth, are what is traced."""

    args: tuple
    kwargs: dict[str, Any]
    #: Keywords that NumPy's function does not have, with which it can be traced where the values are not known.
    added: dict[str, Any]


_V = np.array([0.3, 0.8, 0.5])  # in the domain of the inverse functions, without ties
_W = np.array([1.7, 1.2, 2.9])
_M = np.array([[2.0, 0.3, 0.1], [0.5, 3.0, 0.7], [0.9, 0.2, 4.0]])
_C = np.array([0.5 + 0.25j, -0.5j, 2.0 + 0.0j])
_I = np.array([2, 0, 1])
_J = np.array([3, 1, 2])
_B = np.array([True, False, True])
_BYTES = np.array([3, 129], np.uint8)
_CUBE = np.arange(8.0).reshape(2, 2, 2) + 0.5
_SIZED = {"size": 3}


def examples() -> dict[str, Example]:
    """An example for each name, as ``"sin"`` or ``"linalg.det"``."""
    table: dict[str, Example] = {}
    for names, example in _ROWS:
        for name in names.split():
            table[name] = example
    return table


def _row(names: str, *args: Any, added: dict[str, Any] | None = None, **kwargs: Any) -> tuple[str, Example]:
    return names, Example(args, kwargs, added or {})


def _halved(x: Any) -> Any:
    return x / 2


_ROWS: list[tuple[str, Example]] = [
    # element by element
    _row(
        "abs absolute acos arccos arcsin arcsinh arctan arctanh around asin asinh atan atanh cbrt ceil conj "
        "conjugate cos cosh deg2rad degrees exp exp2 expm1 fabs fix floor frexp i0 isfinite isinf isnan "
        "isneginf isposinf log log10 log1p log2 logical_not modf nan_to_num negative positive rad2deg radians "
        "reciprocal rint round sign signbit sin sinc sinh spacing sqrt square tan tanh trunc",
        _V,
    ),
    _row("angle imag iscomplex isreal real real_if_close", _C),
    _row("acosh arccosh", _W),
    _row("bitwise_count bitwise_invert bitwise_not invert", _I),
    _row(
        "add arctan2 atan2 copysign divide divmod equal float_power floor_divide fmax fmin fmod greater greater_equal "
        "heaviside hypot less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mod "
        "multiply nextafter not_equal pow power remainder subtract true_divide",
        _W,
        _V,
    ),
    _row(
        "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor gcd lcm left_shift right_shift",
        _I,
        _J,
    ),
    _row("ldexp", _V, _I),
    _row("clip", _V, 0.4, 0.7),
    _row("where", _B, _V, _W),
    _row("isclose allclose array_equal array_equiv", _V, _W),
    # reductions and what runs along an axis
    _row(
        "all amax amin any argmax argmin average count_nonzero cumprod cumsum max mean median min nanargmax nanargmin "
        "nancumprod nancumsum nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar prod ptp std sum var",
        _M,
        axis=0,
    ),
    _row("cumulative_prod cumulative_sum diff ediff1d gradient trapezoid unwrap", _V),
    _row("nanpercentile percentile", _M, 30.0, axis=0),
    _row("nanquantile quantile", _M, 0.3, axis=0),
    _row("corrcoef cov", _M),
    # order
    _row("argsort sort sort_complex", _V),
    _row("argpartition partition", _V, 1),
    _row("lexsort", (_V, _W)),
    _row("searchsorted", _J, _V),
    _row("digitize", _V, np.array([0.0, 0.4, 0.9])),
    _row("interp", _V, np.array([0.0, 0.4, 0.9]), _W),
    # shape
    _row("reshape resize", _M, (9,)),
    _row("broadcast_to", _V, (2, 3)),
    _row("astype", _V, np.float32),
    _row(
        "atleast_1d atleast_2d atleast_3d flip fliplr flipud matrix_transpose permute_dims ravel rot90 squeeze "
        "transpose tril triu diag diagonal copy unstack",
        _M,
    ),
    _row("expand_dims", _V, 0),
    _row("moveaxis rollaxis swapaxes", _M, 1, 0),
    _row("roll", _V, 1),
    _row("tile", _V, 2),
    _row("repeat", _V, _J, added={"total_repeat_length": 6}),
    _row("trim_zeros", _V),
    _row("pad", _V, 1),
    _row("broadcast_arrays", _M, _V),
    _row("block", [_V, _W]),
    _row("column_stack concat concatenate dstack hstack stack vstack", (_V, _W)),
    _row("array_split hsplit split vsplit", _M, 3),
    _row("dsplit", _CUBE, 2),
    _row("append", _V, _W),
    _row("delete", _V, 1),
    _row("insert", _V, 1, _W[0]),
    _row("ndim shape size iscomplexobj isrealobj result_type common_type", _V),
    _row("can_cast", _V.dtype, np.float32),
    # by position and by condition
    _row("take", _V, _I),
    _row("take_along_axis", _V, _I, axis=0),
    _row("choose", _I, [_V, _W, _V]),
    _row("select", [_B], [_V], 0.0),
    _row("piecewise", _V, [_B], [_halved, 0.0]),
    _row("nonzero argwhere flatnonzero", _I, added=_SIZED),
    _row("compress extract", _B, _V, added=_SIZED),
    _row("unravel_index", _I, (2, 2)),
    _row("ravel_multi_index", (_I, _J), (3, 4), mode="clip"),
    _row("ix_", _I, _J),
    _row("diag_indices tril_indices triu_indices", 3),
    _row("diag_indices_from tril_indices_from triu_indices_from", _M),
    _row("put", _V.copy(), _I, _W),
    _row("place putmask", _V.copy(), _B, _W),
    _row("copyto", _V.copy(), _W),
    _row("fill_diagonal", _M.copy(), 1.0),
    _row("put_along_axis", _V.copy(), _I, _W, axis=0),
    # sets and counts
    _row("unique unique_all unique_counts unique_inverse unique_values", _I, added=_SIZED),
    _row("union1d", _I, _J, added={"size": 5}),
    _row("intersect1d setdiff1d setxor1d", _I, _J, added=_SIZED),
    _row("isin", _I, _J),
    _row("bincount", _I, added={"length": 3}),
    _row("histogram histogram_bin_edges", _V, 2),
    _row("histogram2d", _V, _W, 2),
    _row("histogramdd", _M, 2),
    # products
    _row("dot inner kron matmul outer tensordot vdot vecdot", _M, _M),
    _row("cross", _V, _W),
    _row("matvec", _M, _V),
    _row("vecmat", _V, _M),
    _row("trace", _M),
    _row("einsum", "ij,jk->ik", _M, _M),
    _row("einsum_path", "ij,jk->ik", _M, _M),
    _row("convolve correlate", _V, _W),
    # polynomials
    _row("poly", _W),
    _row("roots", _W, added={"strip_zeros": False}),
    _row("polyadd polydiv polymul polysub polyval", _W, _V),
    _row("polyder polyint", _W),
    _row("polyfit", _V.tolist(), _W, 1),
    # functions of functions
    _row("apply_along_axis", _halved, 0, _M),
    _row("apply_over_axes", np.sum, _M, [0]),
    # creation
    _row("arange bartlett blackman empty eye hamming hanning identity ones tri zeros", 3),
    _row("kaiser", 3, np.array(0.5)),
    _row("full", 3, _V[0]),
    _row("empty_like ones_like zeros_like", _V),
    _row("full_like", _V, 2.0),
    _row("linspace logspace geomspace", _V, _W, 4),
    _row("array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray require", _V),
    _row("meshgrid", _V, _W),
    _row("indices", (2, 3)),
    _row("fromfunction", _halved, (3,)),
    _row("vander", _V),
    _row("diagflat", _V),
    _row("vectorize", _halved, _V),
    # numpy.fft
    _row("fft.fft fft.ifft fft.fftshift fft.ifftshift fft.rfft fft.irfft fft.hfft fft.ihfft", _V),
    _row("fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.rfft2 fft.irfft2 fft.rfftn fft.irfftn", _M),
    _row("fft.fftfreq fft.rfftfreq", 4),
    # numpy.linalg
    _row(
        "linalg.cond linalg.det linalg.diagonal linalg.eig linalg.eigvals linalg.inv linalg.matrix_norm "
        "linalg.matrix_rank linalg.matrix_transpose linalg.norm linalg.pinv linalg.qr linalg.slogdet linalg.svd "
        "linalg.svdvals linalg.trace",
        _M,
    ),
    _row("linalg.cholesky linalg.eigh linalg.eigvalsh", _M + _M.T),
    _row("linalg.lstsq linalg.solve linalg.tensorsolve", _M, _V),
    _row("linalg.cross linalg.outer linalg.vecdot", _V, _W),
    _row("linalg.matmul linalg.tensordot", _M, _M),
    _row("linalg.matrix_power", _M, 3),
    _row("linalg.multi_dot", [_M, _M, _V]),
    _row("linalg.tensorinv", _M, 1),
    _row("linalg.vector_norm", _V),
    # bits
    _row("packbits", _B),
    _row("unpackbits", _BYTES),
]
