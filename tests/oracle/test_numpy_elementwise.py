"""Elementwise functions of NumPy beside JAX's."""

from __future__ import annotations

import numpy as np
import pytest

import functrace.numpy as fnp
from tests.oracle.agreement import (
    PROMOTION,
    SHAPES,
    Difference,
    check_against_jax,
    draw,
    edge_pairs,
    edges,
    inf,
    jnp,
)


def both(name):
    return getattr(fnp, name), getattr(jnp, name)


SIGN_OF_ZERO = "on a branch cut the sign of zero says the side (C99, annex G), which JAX does not look at"
POLE = "NumPy's complex 1 / 0 is NaN, JAX's infinite; at a pole there is no derivative"
NO_VALUE = "the function is NaN there, and so is its slope"
NO_RULE = [
    Difference("derivatives", "JAX has no rule"),
]
ABS = [Difference("derivatives", "0 is the middle of the subgradients; NaN has no sign", lambda x: (x == 0) | (x != x))]

#: What differs at the edges, of real and of complex numbers.
AT_EDGES = {
    "abs": ABS,
    "fabs": ABS,
    "acosh": [Difference("derivatives", NO_VALUE + "; at 1 the second is infinite less infinite", lambda x: x <= 1)],
    "atanh": [
        Difference("derivatives", "2x / (1 - x²)² is infinite at ±1", lambda x: np.abs(x) == 1),
        Difference("derivatives", NO_VALUE, lambda x: np.abs(x) == inf),
    ],
    "i0": [
        Difference("derivatives", "infinite where the value is, JAX's is NaN", lambda x: np.abs(x) >= 1e30),
        Difference("derivatives", "the second at 0 is 1/2 (1 + x²/4 + ...), JAX's is 0", lambda x: x == 0),
    ],
    "modf": [Difference("value", "an infinity has no fraction (C99: 0)", lambda x: np.abs(x) == inf)],
    "sinc": [Difference("derivatives", "JAX loses all digits near 0", lambda x: np.abs(x) == 1e-30)],
}


def _below_cut(x):
    return (x.imag == 0) & np.signbit(x.imag)


AT_COMPLEX_EDGES = {
    "acos": [Difference("value", SIGN_OF_ZERO, lambda z: _below_cut(z) & (z.real < -1))],
    "asin": [Difference("value", SIGN_OF_ZERO, lambda z: _below_cut(z) & (z.real < -1))],
    "acosh": [
        Difference("value", SIGN_OF_ZERO, lambda z: _below_cut(z) & (z.real < 1)),
        Difference("derivatives", "1 / (sqrt(z-1) sqrt(z+1)) is not 1 / sqrt(z²-1) there", lambda z: z.real < 0),
    ],
    "atan": [Difference("derivatives", POLE, lambda z: z**2 == -1)],
    "atanh": [Difference("derivatives", POLE, lambda z: z**2 == 1)],
    "log": [Difference("derivatives", POLE, lambda z: z == 0)],
    "log2": [Difference("derivatives", POLE, lambda z: z == 0)],
    "log10": [Difference("derivatives", POLE, lambda z: z == 0)],
    "log1p": [Difference("derivatives", POLE, lambda z: z == -1)],
    "sign": [Difference("derivatives", "z / |z| is not constant", lambda z: z != 0)],
    "sqrt": [
        Difference("value", SIGN_OF_ZERO, lambda z: _below_cut(z) & (z.real < 0)),
        Difference("derivatives", SIGN_OF_ZERO, lambda z: _below_cut(z) & (z.real < 0)),
    ],
}

#: Functions of one number, by the interval from which they are drawn.
SMOOTH = {
    "asin acos atan atanh asinh sin cos tan sinh cosh tanh exp exp2 expm1 sinc": (-0.9, 0.9),
    "log log2 log10 log1p sqrt": (0.1, 3.0),
    "negative positive square reciprocal conjugate real imag angle sign abs": (-2.0, 2.0),
    "acosh": (1.1, 3.0),
}
INTERVALS = {name: interval for names, interval in SMOOTH.items() for name in names.split()}
REAL = ["cbrt", "fabs", "degrees", "radians", "deg2rad", "rad2deg", "floor", "ceil", "trunc", "rint", "modf", "i0"]


@pytest.mark.parametrize("name", INTERVALS)
def test_functions_of_one_number(name):
    low, high = INTERVALS[name]
    for dtype in ("f8", "f4"):
        check_against_jax(*both(name), draw(dtype=dtype, low=low, high=high))
    check_against_jax(*both(name), edges(), differs=AT_EDGES.get(name, ()))
    anywhere = [Difference("derivatives", "z / |z| is not constant")] if name == "sign" else ()
    check_against_jax(*both(name), draw(dtype="c16", low=low, high=high), differs=anywhere)
    check_against_jax(*both(name), edges("c16"), differs=AT_COMPLEX_EDGES.get(name, ()))


@pytest.mark.parametrize("name", REAL)
def test_functions_of_one_real_number(name):
    for dtype in ("f8", "f4"):
        check_against_jax(*both(name), draw(dtype=dtype))
    check_against_jax(*both(name), edges(), differs=AT_EDGES.get(name, ()))


@pytest.mark.parametrize("shape", SHAPES)
def test_any_shape(shape):
    for name in ("tanh", "abs", "sqrt"):
        check_against_jax(*both(name), draw(shape, low=0.1))
    for name in ("multiply", "arctan2", "maximum"):
        check_against_jax(*both(name), draw(shape), draw(shape, seed=1))
        check_against_jax(*both(name), draw(shape), draw(shape[-1:], seed=2))


@pytest.mark.parametrize("name", ["sin", "asin", "log", "tanh", "sqrt", "cbrt", "radians", "sinc", "exp2", "fabs"])
def test_functions_of_integers(name):
    for dtype in ("i4", "?"):
        check_against_jax(*both(name), np.array([0, 1, 1, 0], dtype), rtol=1e-3, differs=[PROMOTION])
    check_against_jax(*both(name), np.array([0, 1, 1, 0]))


@pytest.mark.parametrize(
    "name", ["isfinite", "isinf", "isnan", "isneginf", "isposinf", "signbit", "logical_not", "isreal", "iscomplex"]
)
def test_predicates(name):
    check_against_jax(*both(name), edges())
    check_against_jax(*both(name), edges("f4"))
    if name not in ("isneginf", "isposinf", "signbit"):
        check_against_jax(*both(name), edges("c16"))


def test_functions_of_the_number_s_representation():
    check_against_jax(fnp.frexp, jnp.frexp, draw())
    check_against_jax(fnp.frexp, jnp.frexp, edges())
    check_against_jax(fnp.ldexp, jnp.ldexp, draw(), np.array([[1], [-3]], "i4"))
    check_against_jax(fnp.spacing, jnp.spacing, draw(), differs=NO_RULE)
    check_against_jax(fnp.nextafter, jnp.nextafter, *edge_pairs(), differs=NO_RULE, batch=False)


def test_replacing_and_rounding():
    check_against_jax(fnp.nan_to_num, jnp.nan_to_num, edges())
    check_against_jax(
        lambda x: fnp.nan_to_num(x, nan=1.0, posinf=2.0), lambda x: jnp.nan_to_num(x, nan=1.0, posinf=2.0), edges("f4")
    )
    for decimals in (0, 2, -1):
        check_against_jax(fnp.round, jnp.round, 100 * draw(), decimals=decimals)


def _at(kind, reason, where):
    return [Difference(kind, reason, where)]


_QUOTIENT = _at("derivatives", "the value and NumPy's quotient are NaN", lambda x, y: np.isinf(x) & np.isfinite(y))
_POWER = _at(
    "derivatives",
    "x ** 0 is 1 for every x, 0 and NaN too, and 0 ** y is constant",
    lambda x, y: ((y == 0) & (x != x)) | (x == 0),
)
_LOGADDEXP = _at("derivatives", "the limits are 0 and 1", lambda x, y: (x == inf) | (y == inf) | (x == y))
_HALVES = _at("derivatives", "half each at ties, as of maximum", lambda x, y: (x == y) | ((x != x) & (y != y)))
#: What differs for pairs of `edges`.
AT_PAIRS = {
    "remainder": _QUOTIENT,
    "divmod": _QUOTIENT,
    "power": _POWER,
    "float_power": _POWER,
    "hypot": [
        Difference("derivatives", "0 is a subgradient at the origin, JAX's is none", lambda x, y: (x == 0) & (y == 0)),
        Difference("derivatives", "x / hypot is 0 or NaN at infinities", lambda x, y: np.isinf(x) | np.isinf(y)),
        Difference("derivatives", "JAX's second derivative is 0 at ties", lambda x, y: np.abs(x) == np.abs(y)),
        Difference("derivatives", "1e30 less itself", lambda x, y: np.maximum(np.abs(x), np.abs(y)) == 1e-30),
    ],
    "logaddexp": _LOGADDEXP,
    "logaddexp2": _LOGADDEXP,
    "fmax": _HALVES,
    "fmin": _HALVES,
    "copysign": _at("derivatives", "that of abs", lambda x, y: (x == 0) | (x != x)),
    "heaviside": _at("derivatives", "the value is NaN whatever y is", lambda x, y: x != x),
}
COMPLEX_PAIRS = ["add", "subtract", "multiply", "divide", "power", "maximum", "minimum"]
REAL_PAIRS = [
    *("floor_divide", "remainder", "fmod", "divmod", "float_power", "arctan2", "hypot", "logaddexp", "logaddexp2"),
    *("fmax", "fmin", "copysign", "heaviside"),
]


@pytest.mark.parametrize("name", [*COMPLEX_PAIRS, *REAL_PAIRS])
def test_functions_of_two_numbers(name):
    low = 0.2 if "power" in name else -2
    for first, second in (((2, 3), (2, 3)), ((2, 3), ()), ((2, 1), (1, 3)), ((0, 3), (1, 3))):
        check_against_jax(*both(name), draw(first, low=low), draw(second, low=low, seed=1))
    if name != "float_power":
        check_against_jax(*both(name), draw(dtype="f4", low=low), draw((3,), "f4", low=low, seed=1))
    check_against_jax(*both(name), *edge_pairs(), batch=False, differs=AT_PAIRS.get(name, ()))
    if name in COMPLEX_PAIRS:
        check_against_jax(*both(name), draw(dtype="c16"), draw((3,), "c16", seed=1))
        check_against_jax(*both(name), draw(dtype="c16"), draw((3,), low=low, seed=1))


def test_single_precision_by_float_power_is_double():
    wide = [Difference("dtype", "NumPy's float_power computes in double precision at least")]
    check_against_jax(fnp.float_power, jnp.float_power, draw(dtype="f4", low=0.2), draw(dtype="f4"), differs=wide)


@pytest.mark.parametrize(
    "name",
    [
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
    ],
)
def test_comparisons(name):
    check_against_jax(*both(name), *edge_pairs())
    check_against_jax(*both(name), draw(dtype="c16"), draw(dtype="c16", seed=1))
    check_against_jax(*both(name), draw(dtype="i4"), draw((3,), "i8", seed=1))


@pytest.mark.parametrize(
    "name", ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm"]
)
def test_functions_of_integers_only(name):
    check_against_jax(*both(name), draw((3, 3), "i4", low=0, high=40), draw((3,), "i4", low=0, high=9, seed=1))
    if name.startswith("bitwise"):
        check_against_jax(*both(name), draw(dtype="?"), draw(dtype="?", seed=1))
    if not name.endswith("shift"):
        check_against_jax(*both(name), draw((3, 3), "i8", low=-9, high=9), draw((3,), "i8", low=-9, high=9, seed=1))


def test_bits_of_one_integer():
    check_against_jax(fnp.invert, jnp.invert, draw(dtype="i8"))
    check_against_jax(fnp.invert, jnp.invert, draw(dtype="?"))
    check_against_jax(fnp.bitwise_count, jnp.bitwise_count, draw((5,), "u4", low=0, high=1000))


def test_choices():
    x, y = draw((2, 3)), draw((3,), seed=1)
    check_against_jax(fnp.where, jnp.where, x > 0, x, y)
    check_against_jax(fnp.where, jnp.where, x > 0, x, draw((), "c16"))
    check_against_jax(fnp.select, jnp.select, [x > 1, x < 0], [x, y * x], default=0.5)
    check_against_jax(fnp.clip, jnp.clip, edges(), -0.7, 0.7)
    check_against_jax(fnp.clip, jnp.clip, draw((5,)), draw((5,), seed=1), draw((5,), seed=2))
    check_against_jax(fnp.clip, jnp.clip, draw((5,)), None, draw((1,), seed=2))
    check_against_jax(
        lambda x: fnp.piecewise(x, [x < 0, x > 1], [lambda v: v * v, lambda v: 2 * v, 1.0]),
        lambda x: jnp.piecewise(x, [x < 0, x > 1], [lambda v: v * v, lambda v: 2 * v, 1.0]),
        draw((5,)),
    )


def test_closeness():
    for equal_nan in (True, False):
        check_against_jax(fnp.isclose, jnp.isclose, *edge_pairs(), equal_nan=equal_nan)
    check_against_jax(fnp.allclose, jnp.allclose, draw(), draw() + 1e-9)
    check_against_jax(fnp.array_equal, jnp.array_equal, draw(), draw())
    check_against_jax(fnp.array_equiv, jnp.array_equiv, draw(), draw((3,)))


@pytest.mark.parametrize("name", ["power", "add", "divide", "maximum", "arctan2", "hypot"])
def test_python_numbers_beside_arrays(name):
    ours, theirs = both(name)
    for number in (2, 0, 3.0, -1.5):
        x = draw((3,), "f4", low=0.3)
        check_against_jax(ours, theirs, x, number, batch=False)
        check_against_jax(lambda x, n: ours(n, x), lambda x, n: theirs(n, x), x, number, batch=False)


def test_slopes_of_powers_at_zero():
    for exponent in (0, 1, 2, 3, 0.5, 1.5, -1):
        check_against_jax(lambda x, p: x**p, lambda x, p: x**p, np.array([0.0, -0.0, 1.0, 2.0]), exponent, batch=False)


def test_properties_and_methods_of_complex_numbers():
    z = draw(dtype="c16")
    check_against_jax(lambda z: z.conj() * z.real + z.imag, lambda z: z.conj() * z.real + z.imag, z)
    check_against_jax(lambda z: abs(z) ** 2 - z**3, lambda z: abs(z) ** 2 - z**3, z)


def test_the_docstring_says_where_derivatives_are_not_those_of_jax():
    for name, differences in (*AT_EDGES.items(), *AT_COMPLEX_EDGES.items(), *AT_PAIRS.items()):
        if any(difference.kind == "derivatives" for difference in differences):
            assert "JAX" in getattr(fnp, name).__doc__, name
