"""What a function of `functrace.numpy` owes to NumPy's function of the same name, checked for any arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp

_RTOL = {2: 2e-2, 4: 2e-5, 8: 1e-10}
_STEP = 1e-6


def check_agreement(
    name: str,
    *args: Any,
    gradient: bool = True,
    numpy_too: bool = True,
    rtol: float | None = None,
    gradient_rtol: float | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> None:
    """Check that ``functrace.numpy.<name>`` gives what ``numpy.<name>`` gives.

    - on arrays it is NumPy's function;
    - under `jit` the value, its dtype and its shape are NumPy's, also when NumPy's own function is called there;
    - while `vjp` and `jvp` run it eagerly the value is NumPy's;
    - both derivatives agree with central differences of NumPy's function.

    Parameters
    ----------
    name
        The function's name, in both.
    *args, **kwargs
        Its arguments. NumPy arrays are traced, at any depth of lists and tuples; all else is a setting.
    gradient
        Whether derivatives are checked, by the arrays of floats and complex numbers, around which it is smooth.
    numpy_too
        Whether NumPy's own function can be called on tracers (NumPy does not look into every argument).
    rtol, gradient_rtol
        Relative tolerances; by default those of the dtypes.
    seed
        Of the random tangents and cotangents.
    """
    original, ours = attrgetter(name)(np), attrgetter(name)(fnp)
    expected = flat(original(*args, **kwargs))
    compare(flat(ours(*args, **kwargs)), expected, rtol=0, what=f"{name} of arrays")
    arrays, rebuild = split_arrays((args, kwargs))

    def traced_by(function: Callable) -> Callable[..., list[Any]]:
        def run(*leaves: Any) -> list[Any]:
            new_args, new_kwargs = rebuild(leaves)
            return flat(function(*new_args, **new_kwargs))

        return run

    run = traced_by(ours)
    compare(functrace.jit(run)(*arrays), expected, rtol=rtol, what=f"jit of functrace.numpy.{name}")
    if numpy_too:
        compare(functrace.jit(traced_by(original))(*arrays), expected, rtol=rtol, what=f"jit of numpy.{name}")
    if any(_is_inexact(array) for array in arrays):
        value, _ = functrace.vjp(run, *arrays)
        compare(value, expected, rtol=rtol, what=f"{name} under vjp")
    if gradient:
        check_derivatives(run, traced_by(original), arrays, rtol=gradient_rtol, seed=seed)


def check_derivatives(
    function: Callable[..., list[Any]],
    reference: Callable[..., list[Any]],
    arrays: Sequence[Any],
    *,
    rtol: float | None = None,
    seed: int = 0,
) -> None:
    """Check vjp and jvp of `function` in a random direction against central differences of `reference`.

    Both take these arrays and give a list of arrays.
    """
    rng = np.random.default_rng(seed)
    out = reference(*arrays)
    inexact = [array for array in (*arrays, *out) if _is_inexact(array)]
    if not any(_is_inexact(array) for array in arrays) or not any(_is_inexact(value) for value in out):
        return
    if rtol is None:
        itemsize = min(np.asarray(array).real.dtype.itemsize for array in inexact)
        rtol = {2: 0.1, 4: 5e-3, 8: 2e-5}[itemsize]
    tangents = [_random(rng, array) for array in arrays]
    cotangents = [_random(rng, value) for value in out]

    _, pullback = functrace.vjp(function, *arrays)
    gradients = pullback(cotangents)
    for array, part in zip(arrays, gradients, strict=True):
        assert part.shape == np.shape(array), f"a gradient of shape {part.shape} for an array of {np.shape(array)}"
        if _is_inexact(array):
            assert part.dtype == array.dtype, f"a gradient of dtype {part.dtype} for an array of {array.dtype}"
    _, slopes = functrace.jvp(lambda *xs: function(*xs), tuple(arrays), tuple(tangents))
    steps = [
        (_moved(reference, arrays, tangents, index), part)
        for index, part in enumerate(cotangents)
        if _is_inexact(out[index])
    ]
    numeric = sum([_pairing(ct, slope) for slope, ct in steps])
    reverse = sum([_pairing(g, t) for g, t in zip(gradients, tangents, strict=True) if _is_inexact(g)])
    forward = sum([_pairing(c, s) for c, s in zip(cotangents, slopes, strict=True) if _is_inexact(s)])
    scale = 0.1 + sum([float(np.sum(np.abs(ct) * np.abs(slope))) for slope, ct in steps])
    assert abs(reverse - numeric) <= rtol * scale, f"vjp gives {reverse}, central differences give {numeric}"
    assert abs(forward - numeric) <= rtol * scale, f"jvp gives {forward}, central differences give {numeric}"


def check_same_error(name: str, *args: Any, error: type[BaseException] | None = None, **kwargs: Any) -> None:
    """Check that arguments which NumPy refuses are refused under `jit` with an error of the same kind.

    With `error`, that kind is expected in place of NumPy's.
    """
    with pytest.raises(Exception) as raised:
        attrgetter(name)(np)(*args, **kwargs)
    arrays, rebuild = split_arrays((args, kwargs))

    def run(*leaves: Any) -> Any:
        new_args, new_kwargs = rebuild(leaves)
        return attrgetter(name)(fnp)(*new_args, **new_kwargs)

    with pytest.raises(error or raised.type):
        functrace.jit(run)(*arrays)


def flat(value: Any) -> list[Any]:
    """One array or a sequence of them, as a list."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


def compare(got: Sequence[Any], expected: Sequence[Any], *, rtol: float | None, what: str) -> None:
    """Check that arrays have the same shapes, dtypes and, within a tolerance, values."""
    assert len(got) == len(expected), f"{what} has {len(got)} results, expected {len(expected)}"
    for a, b in zip(got, expected, strict=True):
        assert np.shape(a) == np.shape(b), f"{what} has shape {np.shape(a)}, expected {np.shape(b)}"
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype, f"{what} has dtype {a.dtype}, expected {b.dtype}"
        if not _is_inexact(b) or rtol == 0:
            np.testing.assert_array_equal(a, b, err_msg=what)
            continue
        tolerance = _RTOL[b.real.dtype.itemsize] if rtol is None else rtol
        finite = np.abs(b[np.isfinite(b)])
        scale = float(np.max(finite, initial=0.0))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def smooth_values(rng: np.random.Generator, shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Numbers around which reductions and sorts are smooth: of either sign, without ties, none near zero."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape))
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        return rng.integers(0 if dtype.kind == "u" else -9, 10, shape).astype(dtype)
    grid = (np.arange(size) - size // 2 + 0.5) * 0.25 + rng.uniform(-0.05, 0.05, size)
    out = rng.permutation(grid).reshape(shape)
    if dtype.kind == "c":
        out = out + 1j * rng.normal(size=shape)
    return np.asarray(out, dtype)


def split_arrays(value: Any) -> tuple[list[np.ndarray], Callable[[Sequence[Any]], Any]]:
    """The arrays in nested containers, and the function that puts others in their places."""
    arrays: list[np.ndarray] = []

    def collect(item: Any) -> None:
        if isinstance(item, np.ndarray):
            arrays.append(item)
        elif isinstance(item, (list, tuple)):
            for part in item:
                collect(part)
        elif isinstance(item, dict):
            for part in item.values():
                collect(part)

    def rebuild(leaves: Sequence[Any]) -> Any:
        remaining = iter(leaves)

        def replace(item: Any) -> Any:
            if isinstance(item, np.ndarray):
                return next(remaining)
            if isinstance(item, (list, tuple)):
                return type(item)([replace(part) for part in item])
            if isinstance(item, dict):
                return {key: replace(part) for key, part in item.items()}
            return item

        return replace(value)

    collect(value)
    return arrays, rebuild


def _is_inexact(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "fc"


def _random(rng: np.random.Generator, value: Any) -> Any:
    """A tangent or cotangent for a value."""
    value = np.asarray(value)
    if value.dtype.kind not in "fc":
        return np.zeros(value.shape, functrace.float0)
    out = rng.normal(size=value.shape)
    if value.dtype.kind == "c":
        out = out + 1j * rng.normal(size=value.shape)
    return np.asarray(out, value.dtype)[()]


def _moved(reference: Callable[..., list[Any]], arrays: Sequence[Any], tangents: Sequence[Any], index: int) -> Any:
    """The central difference of one result along the tangents, in double precision."""

    def at(sign: int) -> Any:
        shifted = []
        for array, tangent in zip(arrays, tangents, strict=True):
            if _is_inexact(array):
                wide = np.asarray(array).astype(np.result_type(array.dtype, np.float64))
                array = np.asarray(wide + sign * _STEP * np.asarray(tangent, wide.dtype))
            shifted.append(array)
        return np.asarray(reference(*shifted)[index])

    return (at(1) - at(-1)) / (2 * _STEP)


def _pairing(x: Any, y: Any) -> float:
    return float(np.real(np.sum(np.asarray(x, np.complex128) * np.asarray(y, np.complex128))))
