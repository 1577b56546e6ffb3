"""Every row of the table of elementwise primitives: its value, its types, its derivatives, its batches, its source."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace.core.aval import aval_of
from functrace.core.jaxpr import check_jaxpr, eval_jaxpr
from functrace.core.primitive import Primitive
from functrace.errors import DtypeError
from functrace.lax import elementwise as lax
from tests.lax.rules import batched, check_rules, jvp_of, vjp_of


class Row(NamedTuple):
    """A primitive, what NumPy calls it, and where (from, to, for each operand) it is smooth."""

    primitive: Callable
    numpy: Callable
    domains: tuple[tuple[float, float], ...]
    complex: bool = False  # whether it has a complex derivative


def is_python(x: Any) -> bool:
    return type(x) in (bool, int, float, complex)


SMOOTH = (-2.0, 2.0)
POSITIVE = (0.3, 2.0)

UNARY = {
    "neg": Row(lax.neg, operator.neg, (SMOOTH,), True),
    "positive": Row(lax.positive, operator.pos, (SMOOTH,), True),
    "abs": Row(lax.abs_, operator.abs, (POSITIVE,), True),
    "fabs": Row(lax.fabs, np.fabs, ((-2.0, -0.3),)),
    "sign": Row(lax.sign_p, np.sign, (POSITIVE,)),
    "sign of complex numbers": Row(lax.sign_complex_p, np.sign, (POSITIVE,), True),
    "reciprocal": Row(lax.reciprocal, np.reciprocal, (POSITIVE,), True),
    "square": Row(lax.square, np.square, (SMOOTH,), True),
    "sqrt": Row(lax.sqrt, np.sqrt, (POSITIVE,), True),
    "cbrt": Row(lax.cbrt, np.cbrt, ((-2.0, -0.3),)),
    "exp": Row(lax.exp, np.exp, (SMOOTH,), True),
    "exp2": Row(lax.exp2, np.exp2, (SMOOTH,), True),
    "expm1": Row(lax.expm1, np.expm1, (SMOOTH,), True),
    "log": Row(lax.log, np.log, (POSITIVE,), True),
    "log2": Row(lax.log2, np.log2, (POSITIVE,), True),
    "log10": Row(lax.log10, np.log10, (POSITIVE,), True),
    "log1p": Row(lax.log1p, np.log1p, (POSITIVE,), True),
    "sin": Row(lax.sin, np.sin, (SMOOTH,), True),
    "cos": Row(lax.cos, np.cos, (SMOOTH,), True),
    "tan": Row(lax.tan, np.tan, ((-1.2, 1.2),), True),
    "asin": Row(lax.asin, np.arcsin, ((-0.8, 0.8),), True),
    "acos": Row(lax.acos, np.arccos, ((-0.8, 0.8),), True),
    "atan": Row(lax.atan, np.arctan, ((-0.8, 0.8),), True),
    "sinh": Row(lax.sinh, np.sinh, (SMOOTH,), True),
    "cosh": Row(lax.cosh, np.cosh, (SMOOTH,), True),
    "tanh": Row(lax.tanh, np.tanh, ((-1.2, 1.2),), True),
    "asinh": Row(lax.asinh, np.arcsinh, ((-0.8, 0.8),), True),
    "acosh": Row(lax.acosh, np.arccosh, ((1.3, 3.0),), True),
    "atanh": Row(lax.atanh, np.arctanh, ((-0.8, 0.8),), True),
    "degrees": Row(lax.degrees, np.degrees, (SMOOTH,)),
    "radians": Row(lax.radians, np.radians, (SMOOTH,)),
    "floor": Row(lax.floor, np.floor, ((0.2, 0.8),)),
    "ceil": Row(lax.ceil, np.ceil, ((0.2, 0.8),)),
    "trunc": Row(lax.trunc, np.trunc, ((0.2, 0.8),)),
    "rint": Row(lax.rint, np.rint, ((0.6, 1.4),)),
    "spacing": Row(lax.spacing, np.spacing, ((1.1, 1.9),)),
    "not": Row(lax.bitwise_not, np.invert, (SMOOTH,)),
    "logical_not": Row(lax.logical_not, np.logical_not, (POSITIVE,)),
    "bitwise_count": Row(lax.bitwise_count, np.bitwise_count, (SMOOTH,)),
    "is_finite": Row(lax.is_finite, np.isfinite, (SMOOTH,)),
    "is_inf": Row(lax.is_inf, np.isinf, (SMOOTH,)),
    "is_nan": Row(lax.is_nan, np.isnan, (SMOOTH,)),
    "signbit": Row(lax.signbit, np.signbit, (POSITIVE,)),
    "conj": Row(lax.conj_p, lambda x: x.conjugate() if is_python(x) else np.conjugate(x), (SMOOTH,), True),
    "exponent": Row(lax.exponent_p, lambda x: np.frexp(x)[1], ((1.1, 1.9),)),
    "fraction": Row(lax.fraction_p, lambda x: np.modf(x)[0], ((-0.8, -0.2),)),
}

BINARY = {
    "add": Row(lax.add, operator.add, (SMOOTH, SMOOTH), True),
    "sub": Row(lax.sub, operator.sub, (SMOOTH, SMOOTH), True),
    "mul": Row(lax.mul, operator.mul, (SMOOTH, SMOOTH), True),
    "div": Row(lax.div, operator.truediv, (SMOOTH, POSITIVE), True),
    "floor_divide": Row(lax.floor_divide, operator.floordiv, ((3.2, 3.8), (1.0, 1.05))),
    "remainder": Row(lax.remainder, operator.mod, ((-3.8, -3.2), (1.0, 1.05))),
    "rem": Row(lax.rem, np.fmod, ((-3.8, -3.2), (1.0, 1.05))),
    "pow": Row(lax.pow_, operator.pow, (POSITIVE, (-2.5, 2.5)), True),
    "float_power": Row(lax.float_power, np.float_power, (POSITIVE, (-2.5, 2.5)), True),
    "hypot": Row(lax.hypot, np.hypot, (SMOOTH, POSITIVE)),
    "atan2": Row(lax.atan2, np.arctan2, (SMOOTH, POSITIVE)),
    "logaddexp": Row(lax.logaddexp, np.logaddexp, (SMOOTH, SMOOTH)),
    "logaddexp2": Row(lax.logaddexp2, np.logaddexp2, (SMOOTH, SMOOTH)),
    "heaviside": Row(lax.heaviside, np.heaviside, (POSITIVE, SMOOTH)),
    "copysign": Row(lax.copysign, np.copysign, (POSITIVE, (-2.0, -0.3))),
    "nextafter": Row(lax.nextafter, np.nextafter, (POSITIVE, (3.0, 4.0))),
    "ldexp": Row(lax.ldexp, np.ldexp, (SMOOTH, SMOOTH)),
    "gcd": Row(lax.gcd, np.gcd, (SMOOTH, SMOOTH)),
    "lcm": Row(lax.lcm, np.lcm, (SMOOTH, SMOOTH)),
    "max": Row(lax.max_, np.maximum, ((-2.0, 0.0), (-3.0, 2.0)), True),
    "min": Row(lax.min_, np.minimum, ((-2.0, 0.0), (-3.0, 2.0)), True),
    "fmax": Row(lax.fmax, np.fmax, ((-2.0, 0.0), (-3.0, 2.0)), True),
    "fmin": Row(lax.fmin, np.fmin, ((-2.0, 0.0), (-3.0, 2.0)), True),
    "eq": Row(lax.eq, np.equal, (SMOOTH, (3.0, 4.0))),
    "ne": Row(lax.ne, np.not_equal, (SMOOTH, (3.0, 4.0))),
    "lt": Row(lax.lt, np.less, (SMOOTH, (3.0, 4.0))),
    "le": Row(lax.le, np.less_equal, (SMOOTH, (3.0, 4.0))),
    "gt": Row(lax.gt, np.greater, (SMOOTH, (3.0, 4.0))),
    "ge": Row(lax.ge, np.greater_equal, (SMOOTH, (3.0, 4.0))),
    "logical_and": Row(lax.logical_and, np.logical_and, (POSITIVE, POSITIVE)),
    "logical_or": Row(lax.logical_or, np.logical_or, (POSITIVE, POSITIVE)),
    "logical_xor": Row(lax.logical_xor, np.logical_xor, (POSITIVE, POSITIVE)),
    "and": Row(lax.bitwise_and, operator.and_, (SMOOTH, SMOOTH)),
    "or": Row(lax.bitwise_or, operator.or_, (SMOOTH, SMOOTH)),
    "xor": Row(lax.bitwise_xor, operator.xor, (SMOOTH, SMOOTH)),
    "shift_left": Row(lax.shift_left, operator.lshift, (SMOOTH, SMOOTH)),
    "shift_right": Row(lax.shift_right, operator.rshift, (SMOOTH, SMOOTH)),
    "complex": Row(
        lax.complex_p,
        lambda x, y: np.add(x, np.multiply(np.result_type(x, y, np.complex64).type(1j), y)),
        (SMOOTH, SMOOTH),
    ),
}

ROWS = {**UNARY, **BINARY}

#: Primitives of the file that have tests of their own below.
OTHERS = {lax.real_p, lax.imag_p, lax.where, lax.clamp_p, lax.stop_gradient_p, lax.logistic_p}

INTEGERS = ("bool", "int8", "uint8", "int32", "uint32", "int64", "uint64")
DTYPES = (*INTEGERS, "float16", "float32", "float64", "complex64", "complex128")
SPECIAL_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, np.inf, -np.inf, np.nan, 1e-3, 40.0)


def test_every_primitive_of_the_file_has_a_row_here():
    primitives = {value for value in vars(lax).values() if isinstance(value, Primitive)} - {lax.convert_element_type}
    assert primitives - OTHERS - {row.primitive for row in ROWS.values()} == set()


def test_every_elementwise_ufunc_of_numpy_has_a_row():
    ufuncs = {getattr(np, name) for name in dir(np) if isinstance(getattr(np, name), np.ufunc)}
    products = {np.matmul, np.vecdot, np.matvec, np.vecmat}
    of_two_results = {np.divmod, np.modf, np.frexp}  # tested below
    of_times = {np.isnat}
    rows = {value.ufunc for value in vars(lax).values() if isinstance(value, Primitive)}
    same = {np.rad2deg, np.deg2rad}
    assert ufuncs - products - of_two_results - of_times - rows - same == set()


# ---------------------------------------------------------------------------------------------------------------------
# values and types
# ---------------------------------------------------------------------------------------------------------------------


def elements(dtype: np.dtype) -> st.SearchStrategy:
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind in "iu":
        return st.integers(0 if dtype.kind == "u" else -9, 9)
    numbers = st.sampled_from(SPECIAL_FLOATS) | st.floats(-8, 8, width=16)
    if dtype.kind == "c":
        return st.builds(complex, numbers, numbers)
    return numbers


@st.composite
def operands(draw, count: int) -> tuple[Any, ...]:
    """Arrays, NumPy scalars and Python scalars, of any dtypes, whose shapes broadcast."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=3, min_side=0))
    values = []
    for shape in shapes.input_shapes:
        if draw(st.integers(0, 3)) == 0:
            values.append(draw(st.booleans() | st.integers(-9, 9) | st.floats(-8, 8) | st.sampled_from(SPECIAL_FLOATS)))
        else:
            dtype = np.dtype(draw(st.sampled_from(DTYPES)))
            values.append(draw(hnp.arrays(dtype, shape, elements=elements(dtype)))[()])
    return tuple(values)


def outcome(function: Callable, *args: Any) -> Any:
    """What a call gives, or the kind of error that it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args)
        except (TypeError, ValueError, ArithmeticError) as error:
            return next(kind for kind in (TypeError, ValueError, ArithmeticError) if isinstance(error, kind))


def assert_identical(got: Any, expected: Any) -> None:
    """Equal to the last bit (whatever NaN it is), with the same dtype and shape."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(got, expected)
    if got.dtype.kind == "f":
        known = ~np.isnan(got)
        np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(expected)[known])


def assert_compiled_identical(got: Any, expected: Any) -> None:
    """Identical; the functions of a float64 scalar are those of the C library, which may round otherwise."""
    expected = np.asarray(expected)
    if expected.shape == () and expected.dtype == np.float64 and np.isfinite(expected):
        assert type(got) is np.float64
        np.testing.assert_array_max_ulp(got, expected, 4)
        assert np.signbit(got) == np.signbit(expected)
    else:
        assert_identical(got, expected)


#: Between Python scalars: (-8) ** 0.5 is no complex number, ~True is False.
DIFFERS_FROM_PYTHON = (lax.pow_, lax.bitwise_not)


def check_value(row: Row, args: tuple) -> None:
    expected = outcome(row.numpy, *args)
    python = all(aval_of(arg).weak_type for arg in args)
    if python and (
        expected is ArithmeticError or isinstance(expected, complex) or row.primitive in DIFFERS_FROM_PYTHON
    ):
        return  # NumPy's answer, tested below
    got = outcome(row.primitive, *args)
    if isinstance(expected, type):
        assert got is expected
        if expected is TypeError:  # what depends on values (uint8 and -1, a negative integer power) shows when it runs
            with pytest.raises(DtypeError):
                functrace.make_jaxpr(row.primitive)(*args)
        return
    assert_identical(got, expected)
    closed = functrace.make_jaxpr(row.primitive)(*args)
    check_jaxpr(closed)
    aval = closed.out_avals[0]
    assert (aval.shape, aval.dtype) == (np.shape(expected), np.asarray(expected).dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_identical(eval_jaxpr(closed.jaxpr, closed.consts, *args)[0], expected)
        assert_compiled_identical(functrace.jit(row.primitive)(*args), expected)


@pytest.mark.parametrize("name", UNARY)
@settings(max_examples=40, deadline=None)
@given(args=operands(1))
def test_a_unary_primitive_is_numpys_ufunc_eager_recorded_and_compiled(name, args):
    check_value(UNARY[name], args)


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=40, deadline=None)
@given(args=operands(2))
def test_a_binary_primitive_is_numpys_ufunc_eager_recorded_and_compiled(name, args):
    if name == "complex" and any(np.asarray(arg).dtype.kind in "biuc" or not np.isfinite(arg).all() for arg in args):
        return  # x + 1j * y is an independent source for finite floats alone
    if name.startswith("shift"):
        args = (args[0], abs(args[1]) if np.asarray(args[1]).dtype.kind != "b" else args[1])
    if name == "ldexp" and any(aval_of(arg).dtype == np.uint64 for arg in args):
        return
    check_value(BINARY[name], args)


# ---------------------------------------------------------------------------------------------------------------------
# derivatives and batches
# ---------------------------------------------------------------------------------------------------------------------


def inside(row: Row, shapes: list[tuple[int, ...]], dtype: Any, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    values = []
    for (low, high), shape in zip(row.domains, shapes, strict=True):
        value = rng.uniform(low, high, shape)
        if np.dtype(dtype).kind == "c":
            value = value + 1j * rng.uniform(0.2, 0.8, shape)
        values.append(np.asarray(value, dtype)[()])
    return values


def shapes_of(row: Row, *shapes: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(shapes[: len(row.domains)])


def has_float_loop(row: Row, dtype: Any) -> bool:
    if row.primitive is lax.sign_complex_p:
        return False
    return outcome(row.numpy, *inside(row, shapes_of(row, (), ()), dtype)) is not TypeError


REAL = [name for name, row in ROWS.items() if has_float_loop(row, np.float64)]
COMPLEX = [name for name, row in ROWS.items() if row.complex]


@pytest.mark.parametrize("name", REAL)
def test_derivatives_agree_with_central_differences_with_each_other_and_batches_with_a_loop(name):
    row = ROWS[name]
    args = inside(row, shapes_of(row, (2, 3), (3,)), np.float64)
    check_rules(row.primitive, *args, expected=row.numpy(*args))


@pytest.mark.parametrize("name", [name for name in REAL if name in BINARY])
@pytest.mark.parametrize("shapes", [((), (2,)), ((2, 1), (1, 3)), ((0, 3), (3,)), ((1,), ())])
def test_derivatives_of_broadcast_operands_have_the_shapes_of_the_operands(name, shapes):
    args = inside(BINARY[name], list(shapes), np.float64)
    check_rules(BINARY[name].primitive, *args, expected=BINARY[name].numpy(*args), order=1)


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_derivatives_are_holomorphic_ones_or_their_real_linear_counterpart(name):
    row = ROWS[name]
    args = inside(row, shapes_of(row, (2,), (3, 1)), np.complex128)
    check_rules(row.primitive, *args, expected=row.numpy(*args))


@pytest.mark.parametrize("name", [name for name in COMPLEX if name in BINARY])
def test_a_real_operand_beside_a_complex_one_has_a_real_cotangent(name):
    row = BINARY[name]
    real, complex_ = inside(row, [(2,), (2,)], np.float64), inside(row, [(2,), (2,)], np.complex128)
    check_rules(row.primitive, real[0], complex_[1], order=1)
    check_rules(row.primitive, complex_[0], real[1], order=1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("name", REAL)
def test_narrow_floats_in_narrow_floats_out_derivatives_included(name, dtype):
    row = ROWS[name]
    args = inside(row, shapes_of(row, (2, 2), (2,)), dtype)
    value = row.primitive(*args)
    if value.dtype.kind not in "fc":
        return
    values, tangents = jvp_of(row.primitive, args, [np.ones_like(arg) for arg in args])
    assert values[0].dtype == value.dtype
    assert tangents[0] is None or tangents[0].dtype == value.dtype
    for arg, part in zip(args, vjp_of(row.primitive, args, [np.ones_like(value)]), strict=True):
        assert part is None or (part.dtype, part.shape) == (arg.dtype, arg.shape)


@pytest.mark.parametrize("name", REAL)
def test_float32_derivatives_agree_with_those_in_double_precision(name):
    row = ROWS[name]
    args = inside(row, shapes_of(row, (3,), (3,)), np.float32)
    double = [arg.astype(np.float64) for arg in args]
    ones = [np.ones(3)] * len(args)
    _, tangents = jvp_of(row.primitive, args, [one.astype(np.float32) for one in ones])
    _, expected = jvp_of(row.primitive, double, ones)
    assert (tangents[0] is None) == (expected[0] is None)
    if expected[0] is not None:
        np.testing.assert_allclose(tangents[0], expected[0], rtol=2e-5)


@pytest.mark.parametrize("scalar", [True, 3, 2.5])
@pytest.mark.parametrize("name", [name for name in REAL if name in BINARY and name != "float_power"])
def test_a_python_scalar_beside_a_float32_array_leaves_it_float32(name, scalar):
    row = ROWS[name]
    x = np.float32([0.5, 1.5])
    for args in ((x, scalar), (scalar, x)):
        expected = row.numpy(*args)
        assert_identical(functrace.jit(row.primitive)(*args), expected)
        if expected.dtype.kind == "f":
            avals = [aval_of(arg) for arg in args]
            tangents = [np.ones(aval.shape, aval.dtype) if aval.dtype.kind == "f" else None for aval in avals]
            _, slopes = jvp_of(row.primitive, args, tangents)
            assert slopes[0] is None or slopes[0].dtype == np.float32


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.bool_])
@pytest.mark.parametrize(
    "name", ["div", "pow", "float_power", "hypot", "atan2", "logaddexp", "max", "remainder", "mul"]
)
def test_an_integer_operand_beside_a_float_one_loses_no_precision(name, dtype):
    row = BINARY[name]
    integers, floats = np.array([1, 2, 3]).astype(dtype), np.array([0.7, 1.3, 2.6])
    for args in ((integers, floats), (floats, integers)):
        check_rules(row.primitive, *args, order=1, batch=False)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_derivatives_at_drawn_shapes(data):
    name = data.draw(st.sampled_from([name for name, row in BINARY.items() if row.complex]))
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
    args = inside(BINARY[name], list(shapes.input_shapes), np.float64, seed=data.draw(st.integers(0, 99)))
    check_rules(BINARY[name].primitive, *args, order=1)


# ---------------------------------------------------------------------------------------------------------------------
# kinks, poles and other special points
# ---------------------------------------------------------------------------------------------------------------------


def slope(function: Callable, *args: Any, by: int = 0) -> float:
    """The derivative in reverse mode, once it is known that forward mode agrees, for a float and for an array."""
    value = functrace.grad(function, by)(*args)
    _, tangent = functrace.jvp(lambda x: function(*args[:by], x, *args[by + 1 :]), (args[by],), (1.0,))
    _, pullback = functrace.vjp(function, *[np.array([arg]) for arg in args])
    compiled = functrace.jit(functrace.grad(function, by))(*args)
    np.testing.assert_array_equal([tangent, pullback(np.ones(1))[by][0], compiled], [value] * 3)
    return float(value)


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        (np.abs, 0.0, 0.0),
        (np.fabs, 0.0, 0.0),
        (np.sign, 0.0, 0.0),
        (np.sqrt, 0.0, np.inf),
        (np.cbrt, 0.0, np.inf),
        (np.log, 0.0, np.inf),
        (np.log2, 0.0, np.inf),
        (np.log10, 0.0, np.inf),
        (np.log1p, -1.0, np.inf),
        (np.arcsin, 1.0, np.inf),
        (np.arccos, 1.0, -np.inf),
        (np.arccosh, 1.0, np.inf),
        (np.arctanh, 1.0, np.inf),
        (np.reciprocal, 0.0, -np.inf),
        (np.exp, -np.inf, 0.0),
        (np.tanh, np.inf, 0.0),
        (np.arctan, np.inf, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x**0.0, 0.0, 0.0),
        (lambda x: x**1, 0.0, 1.0),
        (lambda x: x**2, 0.0, 0.0),
        (lambda x: x**3, -2.0, 12.0),
        (lambda x: x**-1, 0.0, -np.inf),
        (lambda x: x**0.5, 0.0, np.inf),
        (lambda x: 2.0**x, 3.0, 8 * np.log(2)),
        (lambda x: 0.0**x, 2.0, 0.0),
        (lambda x: 1 / x, 0.0, -np.inf),
        (lambda x: np.maximum(x, x), 1.0, 1.0),
        (lambda x: np.minimum(x, 1.0), 1.0, 0.5),
        (lambda x: lax.where(x > 0, np.sqrt(lax.where(x > 0, x, 1.0)), 0.0), -1.0, 0.0),
        (lambda x: lax.where(x > 0, x, np.nan), 1.0, 1.0),
    ],
)
def test_slope_at_a_kink_or_a_pole(function, at, expected):
    assert slope(function, at) == expected


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        (np.maximum, (1.0, 1.0), (0.5, 0.5)),
        (np.minimum, (1.0, 1.0), (0.5, 0.5)),
        (np.fmax, (1.0, 1.0), (0.5, 0.5)),
        (np.fmin, (2.0, 2.0), (0.5, 0.5)),
        (np.fmax, (np.nan, 1.0), (0.0, 1.0)),
        (np.fmin, (1.0, np.nan), (1.0, 0.0)),
        (np.hypot, (0.0, 0.0), (0.0, 0.0)),
        (np.hypot, (1e-200, 0.0), (1.0, 0.0)),
        (np.hypot, (3e200, 4e200), (0.6, 0.8)),
        (np.arctan2, (0.0, 1.0), (1.0, 0.0)),
        (np.arctan2, (0.0, -1.0), (-1.0, 0.0)),
        (np.logaddexp, (-np.inf, 0.0), (0.0, 1.0)),
        (np.logaddexp, (800.0, 0.0), (1.0, 0.0)),
        (np.logaddexp2, (0.0, np.inf), (0.0, 1.0)),
        (np.power, (0.0, 0.0), (0.0, 0.0)),
        (np.power, (0.0, 2.0), (0.0, 0.0)),
        (np.power, (0.0, 1.0), (1.0, 0.0)),
        (np.power, (-2.0, 3.0), (12.0, np.nan)),
        (np.heaviside, (0.0, 0.5), (0.0, 1.0)),
        (np.heaviside, (1.0, 0.5), (0.0, 0.0)),
        (np.copysign, (2.0, -3.0), (-1.0, 0.0)),
        (np.copysign, (-2.0, -3.0), (1.0, 0.0)),
        (np.remainder, (7.0, 3.0), (1.0, -2.0)),
        (np.remainder, (-7.0, 3.0), (1.0, 3.0)),
        (np.remainder, (1e-200, -1e200), (1.0, 1.0)),
        (np.fmod, (-7.0, 3.0), (1.0, 2.0)),
        (np.divide, (1e200, 1e200), (1e-200, -1e-200)),
    ],
)
def test_slopes_of_a_function_of_two_at_a_kink_or_a_pole(function, at, expected):
    with np.errstate(all="ignore"):
        got = tuple(slope(function, *at, by=place) for place in (0, 1))
    np.testing.assert_allclose(got, expected, rtol=1e-15)


def test_atan2_at_the_origin_has_no_slope():
    assert np.isnan(slope(np.arctan2, 0.0, 0.0))


def test_the_modulus_of_a_complex_number_has_slope_zero_at_zero():
    np.testing.assert_array_equal(functrace.grad(lambda z: np.abs(z).sum())(np.zeros(2, complex)), [0, 0])


def test_where_hides_a_nan_of_the_branch_not_taken_when_its_operand_is_hidden_too():
    x = np.array([0.0, 4.0])
    gradient = functrace.grad(lambda x: lax.where(x > 0, np.sqrt(lax.where(x > 0, x, 1.0)), 0.0).sum())(x)
    np.testing.assert_array_equal(gradient, [0.0, 0.25])


def test_where_passes_nothing_to_a_nan_that_is_not_chosen():
    x, y = np.array([1.0, np.nan]), np.array([np.nan, 2.0])
    by_x, by_y = functrace.grad(lambda x, y: lax.where([True, False], x * x, y * y).sum(), (0, 1))(x, y)
    np.testing.assert_array_equal(by_x, [2.0, np.nan])  # the chain of x * x multiplies 0 by NaN, as it must
    np.testing.assert_array_equal(by_y, [np.nan, 4.0])
    by_x, by_y = functrace.grad(lambda x, y: lax.where([True, False], x, y).sum(), (0, 1))(x, y)
    np.testing.assert_array_equal(by_x, [1.0, 0.0])
    np.testing.assert_array_equal(by_y, [0.0, 1.0])


@pytest.mark.parametrize("n", range(-3, 6))
def test_derivatives_of_an_integer_power_to_third_order(n):
    derivative, factor = (lambda x: x**n), 1.0
    for order in range(1, 4):
        derivative = functrace.grad(derivative)
        factor *= n - order + 1
        expected = factor * 1.7 ** (n - order) if factor else 0.0
        assert float(derivative(1.7)) == pytest.approx(expected, rel=1e-12)


def test_second_derivatives_exist_where_the_first_is_taken_from_a_masked_power():
    for x, y in ((0.0, 2.0), (0.0, 3.0), (1.0, 0.0)):
        hessian = functrace.grad(functrace.grad(lambda x, y: np.power(x, y)))(x, y)
        assert float(hessian) == y * (y - 1) * x ** max(y - 2, 0)


def test_the_mixed_derivative_of_a_power_at_exponent_zero_is_one_over_the_base():
    for power in (np.power, np.float_power):
        by_base = functrace.grad(power, 0)
        assert float(functrace.grad(by_base, 1)(4.0, 0.0)) == 0.25
        assert float(functrace.grad(functrace.grad(power, 1), 0)(4.0, 0.0)) == 0.25
        assert [float(by_base(x, 0.0)) for x in (0.0, np.nan, np.inf, -2.0)] == [0, 0, 0, 0]


# ---------------------------------------------------------------------------------------------------------------------
# parts of complex numbers, choice, stop_gradient, and what is made of the rows
# ---------------------------------------------------------------------------------------------------------------------

Z = np.array([1 + 2j, -0.5 + 0.25j, 3 - 1j])


def test_real_and_imaginary_parts_and_their_rules():
    check_rules(lax.real, Z, expected=Z.real)
    check_rules(lax.imag, Z, expected=Z.imag)
    check_rules(lax.conj, Z, expected=Z.conj())
    x = np.array([1.0, 2.0])
    check_rules(lax.real, x, expected=x)
    check_rules(lax.imag, x, expected=np.zeros(2))
    check_rules(lax.conj, x, expected=x)


def test_complex_of_an_infinite_imaginary_part_has_no_nan():
    z = lax.complex_(np.float32(1), np.float32(np.inf))
    assert (z.dtype, z.real, z.imag) == (np.complex64, 1.0, np.inf)


def test_parts_of_a_python_complex_stay_python_numbers_in_promotion():
    x = np.float32([1.0, 2.0])
    for part in (lax.real, lax.imag, lax.conj):
        expected = np.complex64 if part is lax.conj else np.float32
        assert functrace.jit(lambda z, x, part=part: part(z) * x)(1 + 2j, x).dtype == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_where_and_its_rules(dtype):
    condition = np.array([[True], [False]])
    x, y = np.arange(3).astype(dtype), np.full((2, 3), 7, dtype)
    check_rules(lax.where, condition, x, y, expected=np.where(condition, x, y))
    check_rules(lax.where, np.True_, dtype(2), dtype(3), expected=dtype(2))


@pytest.mark.parametrize(("x", "y"), [(1, 2.5), (np.float32(1), 2), (np.int8([1, 2]), 3), (True, 2j), (1.5, 2)])
def test_where_promotes_as_numpy_does(x, y):
    expected = np.where([True, False], x, y)
    assert_identical(lax.where([True, False], x, y), expected)
    assert_identical(functrace.jit(lambda x, y: lax.where(np.array([True, False]), x, y))(x, y), expected)


def test_select_asks_for_booleans():
    assert lax.select(np.array([True, False]), np.array([1, 2]), np.array([3, 4])).tolist() == [1, 4]
    with pytest.raises(DtypeError, match="boolean"):
        lax.select(np.array([1, 0]), 1.0, 2.0)


def test_select_n_takes_the_case_with_the_number():
    cases = [np.full(4, value) for value in (10.0, 20.0, 30.0)]
    np.testing.assert_array_equal(lax.select_n(np.array([2, 0, 1, 2]), *cases), [30, 10, 20, 30])
    np.testing.assert_array_equal(lax.select_n(np.array([True, False]), np.array([1, 2]), np.array([3, 4])), [3, 2])


def test_clamp_and_its_rules():
    low, x, high = np.array([-1.0, -0.5, 0.0]), np.array([-2.0, 0.3, 5.0]), np.array([1.0, 2.0, 3.0])
    check_rules(lax.clamp, low, x, high, expected=np.clip(x, low, high))
    check_rules(lax.clamp, -1.0, x, 1.0, expected=np.clip(x, -1.0, 1.0))
    check_rules(lax.clamp, np.float32(-1), x.astype(np.float32), np.float32(1))


def test_clamp_has_slope_zero_at_its_bounds():
    assert functrace.grad(lambda x: lax.clamp(0.0, x, 1.0))(1.0) == 0.0
    assert functrace.grad(lambda x: lax.clamp(0.0, x, 1.0))(0.0) == 0.0


def test_stop_gradient_gives_the_value_and_no_derivative():
    assert functrace.grad(lambda x: x * lax.stop_gradient_p(x))(3.0) == 3.0
    assert functrace.jvp(lambda x: x * lax.stop_gradient_p(x), (3.0,), (1.0,))[1] == 3.0
    assert functrace.jit(functrace.grad(lambda x: x * lax.stop_gradient_p(x)))(3.0) == 3.0


def test_logistic_is_exact_also_where_it_is_small():
    x = np.array([-800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0])
    expected = [0.0, np.exp(-40.0), 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1.0, 1.0]
    np.testing.assert_allclose(lax.logistic(x), expected, rtol=1e-14, atol=np.finfo(float).tiny)
    slopes = functrace.vjp(lax.logistic, x)[1](np.ones(7))[0]
    e = np.e
    np.testing.assert_allclose(
        slopes,
        [0.0, np.exp(-40.0), e / (1 + e) ** 2, 0.25, e / (1 + e) ** 2, np.exp(-40.0), 0.0],
        rtol=1e-14,
        atol=np.finfo(float).tiny,
    )
    check_rules(lax.logistic, np.array([-2.0, 0.0, 3.0]))
    check_rules(lax.logistic, Z, expected=1 / (1 + np.exp(-Z)))


def test_divmod_modf_and_frexp_are_numpys():
    x, y = np.array([7.0, -7.5, 0.25, -3.0, -0.0]), np.array([2.0, 2.0, -3.0, 1.0, 1.0])
    check_rules(lax.divmod, x[:3], y[:3], expected=np.divmod(x[:3], y[:3]), batch=False)
    special = np.array([*x, np.inf, -np.inf, np.nan, 5e-324])
    for got, expected in zip(lax.modf(special), np.modf(special), strict=True):
        assert_identical(got, expected)
    for got, expected in zip(lax.frexp(special), np.frexp(special), strict=True):
        assert_identical(got, expected)
    check_rules(lax.modf, x[1:3], expected=np.modf(x[1:3]))
    check_rules(lax.frexp, x[:2], expected=np.frexp(x[:2]))


def test_the_fraction_of_modf_has_slope_one_also_at_whole_numbers():
    for x in (-3.0, 2.0, 0.5, -0.5):
        assert functrace.grad(lambda x: lax.modf(x)[0])(x) == 1.0


def test_ldexp_does_not_overflow_on_the_way():
    assert lax.ldexp(1e-300, 1990) == np.ldexp(1e-300, 1990)
    assert functrace.grad(lambda x: lax.ldexp(x, 3))(2.0) == 8.0


def test_rsqrt_and_integer_pow():
    x = np.array([0.5, 2.0])
    check_rules(lax.rsqrt, x, expected=1 / np.sqrt(x))
    check_rules(lambda x: lax.integer_pow(x, 3), x, expected=x**3)


# ---------------------------------------------------------------------------------------------------------------------
# batching, and Python scalars between themselves
# ---------------------------------------------------------------------------------------------------------------------


def test_batched_operands_of_different_ranks_align_behind_the_batch():
    x, y = np.arange(6.0).reshape(3, 2), np.arange(24.0).reshape(3, 4, 2)
    got = batched(lax.add, 3, [x, y], [0, 0])[0]
    np.testing.assert_array_equal(got, np.stack([a + b for a, b in zip(x, y, strict=True)]))
    got = batched(lax.mul, 3, [x, np.moveaxis(y, 0, 2)], [0, 2])[0]
    np.testing.assert_array_equal(got, np.stack([a * b for a, b in zip(x, y, strict=True)]))


SCALARS = (True, 3, 2.5, 1 + 2j)
OPERATIONS = [
    (name, x, y)
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor")
    for x in SCALARS
    for y in SCALARS
    if outcome(getattr(operator, name), x, y) is not TypeError
]


@pytest.mark.parametrize(("name", "x", "y"), OPERATIONS)
def test_operators_between_python_scalars_give_the_same_dtype_compiled(name, x, y):
    operation = getattr(operator, name)
    array = np.float32([1.0, 2.0])
    expected = np.asarray(operation(x, y))
    got = functrace.jit(operation)(x, y)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-15)
    assert functrace.jit(lambda x, y, a: operation(x, y) * a)(x, y, array).dtype == (operation(x, y) * array).dtype


@pytest.mark.parametrize(
    ("name", "x"), [("neg", 2), ("neg", True), ("pos", 1.5), ("pos", True), ("abs", -3), ("abs", 2j)]
)
def test_unary_operators_on_python_scalars_give_the_same_dtype_compiled(name, x):
    operation = getattr(operator, name)
    array = np.float32([1.0, 2.0])
    got, expected = functrace.jit(operation)(x), operation(x)
    assert (got, got.dtype) == (expected, np.asarray(expected).dtype)
    assert functrace.jit(lambda x, a: operation(x) * a)(x, array).dtype == (expected * array).dtype


@pytest.mark.parametrize("x", [1.0, -1.0])
def test_a_comparison_of_python_scalars_is_a_numpy_bool_that_tilde_negates(x):
    assert functrace.jit(lambda x: ~(x > 0))(x) == (x <= 0)
    assert functrace.jit(lambda x: (x > 0) + (x < 2))(x) == np.True_
    assert functrace.jit(lambda b: ~b)(x > 0) == (x <= 0)


def test_division_by_zero_of_python_scalars_gives_numpys_infinities():
    for function in (lambda x: 1.0 / x, lambda x: x**-1.0, lambda x: -1 // x):
        for transformed in (functrace.jit(function), lambda x, f=function: functrace.jvp(f, (x,), (1.0,))[0]):
            assert np.isinf(transformed(0.0))


def test_an_integer_too_large_for_int64_is_an_error_and_never_a_wrong_number():
    with pytest.raises(OverflowError):
        functrace.jit(lambda n: n * n)(2**40)
