"""What the transforms owe to each other, checked for any function of arrays.

Each check needs NumPy and functrace alone, and raises AssertionError. A failing program is printed together with the
text of this file, so that it runs by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import functrace
from functrace import grad, jit, jvp, lax, vjp, vmap

Function = Callable[..., tuple]

TRANSFORMS = ("jit", "grad", "jvp", "vmap")

#: The sequences of one to three transforms; the first is applied first, and so stands furthest in.
SEQUENCES = [names for count in (1, 2, 3) for names in itertools.product(TRANSFORMS, repeat=count)]


def check_jit(f: Function, args: Sequence[Any], *, exact: bool, single: bool) -> None:
    """`jit` gives what the function gives without it: the same bits where `exact`, but for functions of scalars.

    These are the C library's under `jit`, and may differ in the last place.
    """
    expected = f(*args)
    exact = exact and not has_functions_of_scalars(functrace.make_jaxpr(f)(*args))
    for got in (jit(f)(*args), jit(jit(f))(*args)):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            assert np.shape(one) == np.shape(other), f"shape {np.shape(one)} under jit, {np.shape(other)} without"
            assert np.asarray(one).dtype == np.asarray(other).dtype, f"{one.dtype} under jit, {other.dtype} without"
            if exact:
                np.testing.assert_array_equal(one, other)
            else:
                compare(one, other, 1e-4 if single else 1e-11)


def has_functions_of_scalars(jaxpr: Any) -> bool:
    """Whether a program, or one inside it, computes more than arithmetic on float64 scalars."""
    arithmetic = ("add", "sub", "mul", "div", "neg", "abs", "max", "min", "select", "convert_element_type")
    for equation in jaxpr.eqns:
        programs = [x for value in equation.params.values() for x in (value if isinstance(value, tuple) else (value,))]
        if any(has_functions_of_scalars(x) for x in programs if hasattr(x, "eqns")):
            return True
        scalars = [var for var in equation.outvars if var.aval.shape == () and var.aval.dtype == np.float64]
        if scalars and equation.primitive.name not in arithmetic:
            return True
    return False


def check_jaxpr(f: Function, args: Sequence[Any]) -> None:
    """The recorded program is well formed, and so are those of its derivatives."""
    functrace.check_jaxpr(functrace.make_jaxpr(f)(*args))
    tangents = directions(args, 1)
    functrace.check_jaxpr(functrace.make_jaxpr(lambda *xs: jvp(f, xs, tangents))(*args))


def check_jvp(f: Function, args: Sequence[Any]) -> None:
    """`jvp` agrees with central differences, where these are good: where two steps agree with each other."""
    tangents = directions(args, 1)
    value, derivative = jvp(f, tuple(args), tuple(tangents))
    coarse, fine = central(f, args, tangents, 1e-4), central(f, args, tangents, 5e-5)
    for out, got, rough, good in zip(value, derivative, coarse, fine, strict=True):
        if np.asarray(out).dtype.kind not in "fc":
            assert np.asarray(got).dtype == functrace.float0
            continue
        assert np.shape(got) == np.shape(out)
        assert np.asarray(got).dtype == np.asarray(out).dtype
        scale = max(1.0, float(np.max(np.abs(good), initial=0.0)))
        if np.max(np.abs(rough - good), initial=0.0) < 1e-6 * scale:
            error = np.max(np.abs(got - good), initial=0.0)
            assert error < 1e-4 * scale, f"jvp gives\n{got}\ncentral differences give\n{good}"


def check_vjp(f: Function, args: Sequence[Any], *, single: bool) -> None:
    """`vjp` is the transpose of `jvp`: the real part of <cotangent, J tangent> is that of <J' cotangent, tangent>."""
    tangents = directions(args, 1)
    value, derivative = jvp(f, tuple(args), tuple(tangents))
    _, pullback = vjp(f, *args)
    cotangents = directions(value, 2)
    gradients = pullback(tuple(cotangents))
    for arg, gradient in zip(args, gradients, strict=True):
        if np.asarray(arg).dtype.kind in "fc":
            assert np.shape(gradient) == np.shape(arg)
            assert np.asarray(gradient).dtype == np.asarray(arg).dtype
    there, scale_there = inner_product(cotangents, derivative)
    back, scale_back = inner_product(gradients, tangents)
    bound = (1e-3 if single else 1e-8) * max(1.0, scale_there, scale_back)
    assert abs(there - back) <= bound, f"<ct, jvp> is {there}, <vjp, t> is {back}"


def check_vmap(f: Function, args: Sequence[Any], in_axes: Sequence[int | None], *, single: bool) -> None:
    """`vmap` gives what a loop over the examples gives, for batches at the axes `in_axes`."""
    size = 3
    examples = [
        [variant(arg, i) if axis is not None else arg for arg, axis in zip(args, in_axes, strict=True)]
        for i in range(size)
    ]
    batches = [
        arg if axis is None else np.stack([np.asarray(example[position]) for example in examples], axis)
        for position, (arg, axis) in enumerate(zip(args, in_axes, strict=True))
    ]
    expected = [f(*example) for example in examples]
    for transform in (vmap, lambda g, **kw: jit(vmap(g, **kw)), lambda g, **kw: vmap(jit(g), **kw)):
        got = transform(f, in_axes=tuple(in_axes), axis_size=size)(*batches)
        for position, out in enumerate(got):
            other = np.stack([np.asarray(results[position]) for results in expected])
            assert out.shape == other.shape, f"shape {out.shape} by vmap, {other.shape} by a loop"
            assert out.dtype == other.dtype, f"dtype {out.dtype} by vmap, {other.dtype} by a loop"
            compare(out, other, 1e-4 if single else 1e-9)


def check_sequence(f: Function, args: Sequence[Any], names: Sequence[str], *, single: bool) -> None:
    """A sequence of transforms gives the same derivative as another route to it.

    `f` becomes a function of a vector of three that gives a vector of three, and each transform keeps it one:
    `jit` changes nothing; `grad` is x → J(x)' w; `jvp` is x → J(x) v; `vmap` is x → the weighted sum of the values at
    three multiples of x. On the other route `jit` is left out, `vmap` is a loop, J' w is made of jvps along the unit
    vectors, and J v of vjps of them.
    """
    function = other = flat(f, args)
    for name in names:
        function, other = ONE_ROUTE[name](function), OTHER_ROUTE[name](other)
    x = np.array([0.2, -0.1, 0.3])
    got, expected = function(x), other(x)
    assert got.shape == (3,)
    assert got.dtype == np.float64
    compare(got, expected, 5e-2 if single else 1e-7)


def flat(f: Function, args: Sequence[Any]) -> Callable[[Any], Any]:
    """A function of several arrays as one of a vector of three to a vector of three."""
    rng = np.random.default_rng(3)
    spread = [rng.normal(size=(np.size(arg), 3)) * 0.1 for arg in args]
    imaginary = [rng.normal(size=(np.size(arg), 3)) * 0.1 for arg in args]
    weights = [rng.normal(size=(3, np.size(out))) for out in f(*args)]

    def function(x: Any) -> Any:
        inputs = []
        for arg, matrix, more in zip(args, spread, imaginary, strict=True):
            kind = np.asarray(arg).dtype.kind
            if kind not in "fc":
                inputs.append(arg)
                continue
            step = lax.dot(matrix, x)
            if kind == "c":
                step = lax.complex(step, lax.dot(more, x))
            step = lax.reshape(step, np.shape(arg))
            inputs.append(lax.convert_element_type(arg + step, np.asarray(arg).dtype))
        total = x * 0.5
        for out, matrix in zip(f(*inputs), weights, strict=True):
            if out.dtype.kind in "fc":
                real = out if out.dtype.kind == "f" else lax.real(out) + 0.5 * lax.imag(out)
                vector = lax.reshape(lax.convert_element_type(real, np.float64), (matrix.shape[1],))
                total = total + lax.dot(matrix, vector)
        return total

    return function


W = np.array([0.7, -0.4, 1.1])
V = np.array([-0.3, 0.9, 0.5])
SCALES = np.array([0.5, 1.0, -0.75])
SHARES = np.array([0.6, 1.0, -0.8])
EYE = np.eye(3)

ONE_ROUTE: dict[str, Callable] = {
    "jit": jit,
    "grad": lambda g: grad(lambda x: lax.dot(W, g(x))),
    "jvp": lambda g: lambda x: jvp(g, (x,), (V,))[1],
    "vmap": lambda g: lambda x: lax.dot(SHARES, vmap(g)(lax.reshape(x, (1, 3)) * lax.reshape(SCALES, (3, 1)))),
}


def _gradient_by_jvps(g: Callable) -> Callable:
    def gradient(x: Any) -> Any:
        parts = [lax.reshape(lax.dot(W, jvp(g, (x,), (unit,))[1]), (1,)) for unit in EYE]
        return lax.concatenate(parts, 0)

    return gradient


def _direction_by_vjps(g: Callable) -> Callable:
    def derivative(x: Any) -> Any:
        _, pullback = vjp(g, x)
        parts = [lax.reshape(lax.dot(pullback(unit)[0], V), (1,)) for unit in EYE]
        return lax.concatenate(parts, 0)

    return derivative


OTHER_ROUTE: dict[str, Callable] = {
    "jit": lambda g: g,
    "grad": _gradient_by_jvps,
    "jvp": _direction_by_vjps,
    "vmap": lambda g: lambda x: sum(share * g(x * scale) for share, scale in zip(SHARES, SCALES, strict=True)),
}


# ---------------------------------------------------------------------------------------------------------------------
# numbers
# ---------------------------------------------------------------------------------------------------------------------


def compare(got: Any, expected: Any, tolerance: float) -> None:
    """Equal up to `tolerance`, relative to the greatest element."""
    if np.asarray(expected).dtype.kind not in "fc":
        np.testing.assert_array_equal(got, expected)
        return
    assert np.all(np.isfinite(got) == np.isfinite(expected)), f"got\n{got}\nexpected\n{expected}"
    finite = np.isfinite(expected)
    got, expected = np.asarray(got)[finite], np.asarray(expected)[finite]
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    error = float(np.max(np.abs(got - expected), initial=0.0))
    assert error <= tolerance * scale, f"got\n{got}\nexpected\n{expected}\nthey differ by {error}"


def directions(values: Sequence[Any], seed: int) -> list[Any]:
    """Random tangents of values: float0 for integers and booleans."""
    rng = np.random.default_rng(seed)
    result: list[Any] = []
    for value in values:
        array = np.asarray(value)
        if array.dtype.kind not in "fc":
            result.append(np.zeros(array.shape, functrace.float0))
            continue
        part = np.asarray(rng.normal(size=array.shape))
        if array.dtype.kind == "c":
            part = part + 1j * rng.normal(size=array.shape)
        result.append(np.asarray(part, array.dtype))
    return result


def central(f: Function, args: Sequence[Any], tangents: Sequence[Any], step: float) -> list[Any]:
    """The derivative along `tangents` by central differences."""

    def moved(sign: float) -> tuple:
        places = [
            arg if tangent.dtype == functrace.float0 else arg + sign * step * tangent
            for arg, tangent in zip(args, tangents, strict=True)
        ]
        return f(*places)

    return [
        (np.asarray(ahead) - behind) / (2 * step) if np.asarray(ahead).dtype.kind in "fc" else 0.0
        for ahead, behind in zip(moved(1.0), moved(-1.0), strict=True)
    ]


def inner_product(ones: Sequence[Any], others: Sequence[Any]) -> tuple[float, float]:
    """The real part of the sum of products, and the sum of their sizes."""
    total = size = 0.0
    for one, other in zip(ones, others, strict=True):
        if np.asarray(one).dtype.kind in "fc":
            product = np.asarray(one) * np.asarray(other)
            total += float(np.sum(product.real))
            size += float(np.sum(np.abs(product)))
    return total, size


def variant(arg: Any, number: int) -> Any:
    """Another value of the kind of an argument; number 0 is the argument."""
    array = np.asarray(arg)
    if array.dtype.kind in "fc":
        return np.asarray(array * (1 - 0.3 * number) + 0.05 * number, array.dtype)
    return np.asarray((array + number) % 4, array.dtype)
