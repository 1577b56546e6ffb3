"""Each function does what NumPy's does, with arguments right and wrong: a row for every name of the table."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import functrace.numpy as fnp
from functrace import tree
from functrace.errors import ArgumentError
from functrace.numpy import support
from functrace.numpy.examples import Example, examples
from tests.numpy.outcomes import check_outcome, under_jit

few = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**32 - 1)

FLOATS = (np.float64, np.float32, np.float16)
REALS = (*FLOATS, np.int64, np.int8, np.uint8, np.bool_)
NUMBERS = (np.float64, np.float32, np.complex128, np.complex64, np.int64, np.int16, np.uint8, np.bool_)
INTEGERS = (np.int64, np.int8, np.uint8, np.bool_)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan, 1e3])


# ---------------------------------------------------------------------------------------------------------------------
# arguments of each kind of function
# ---------------------------------------------------------------------------------------------------------------------


def numbers(rng: np.random.Generator, shape: Any, dtype: Any, special: bool = False) -> np.ndarray:
    """Small numbers, of floats some special ones."""
    kind = np.dtype(dtype).kind
    if kind in "bui":
        return rng.integers(0 if kind in "bu" else -5, 2 if kind == "b" else 9, shape).astype(dtype)
    out = rng.normal(size=shape) * 2
    if kind == "c":
        return np.asarray(out + 1j * rng.normal(size=shape), dtype)
    if special:
        out = np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL, shape), out)
    return np.asarray(out, dtype)


def shapes(draw: Callable, least: int = 0, most: int = 3, least_side: int = 0) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(least_side, 3), min_size=least, max_size=most)))


def unary(dtypes: tuple) -> Callable:
    def arguments(draw: Callable, name: str) -> Any:
        rng = np.random.default_rng(draw(seeds))
        return (numbers(rng, shapes(draw), draw(st.sampled_from(dtypes)), special=True),), {}

    return arguments


def binary(dtypes: tuple, positive: bool = False) -> Callable:
    """Two operands that broadcast, of any two dtypes; the second may be a Python number."""

    def arguments(draw: Callable, name: str) -> Any:
        rng = np.random.default_rng(draw(seeds))
        shape = shapes(draw, least_side=1)
        other = tuple(1 if draw(st.booleans()) else extent for extent in shape)[draw(st.integers(0, len(shape))) :]
        x, y = [numbers(rng, s, draw(st.sampled_from(dtypes)), special=True) for s in (shape, other)]
        second: Any = draw(st.sampled_from([y, y, 2] if not positive else [np.abs(y), 2]))
        return (x, second), {}

    return arguments


def reduction(dtypes: tuple, least_side: int = 1, several: bool = True) -> Callable:
    """An array, one axis or several or none, keepdims."""

    def arguments(draw: Callable, name: str) -> Any:
        rng = np.random.default_rng(draw(seeds))
        shape = shapes(draw, 1, 3, least_side)
        x = numbers(rng, shape, draw(st.sampled_from(dtypes)))
        kwargs: dict[str, Any] = {}
        axes = st.integers(-len(shape), len(shape) - 1)
        if several and draw(st.booleans()):
            kwargs["axis"] = tuple(draw(st.lists(st.integers(0, len(shape) - 1), unique=True)))
        elif draw(st.booleans()):
            kwargs["axis"] = draw(axes)
        parameters = inspect.signature(getattr(np, name)).parameters
        if "keepdims" in parameters and draw(st.booleans()):
            kwargs["keepdims"] = draw(st.booleans())
        if "dtype" in parameters and draw(st.booleans()):
            kwargs["dtype"] = draw(st.sampled_from([np.float64, np.complex128]))
        return (x,), kwargs

    return arguments


def one_array(dtypes: tuple, least: int = 0, most: int = 3, **options: Any) -> Callable:
    """An array, and settings drawn from these strategies or taken as they are."""

    def arguments(draw: Callable, name: str) -> Any:
        rng = np.random.default_rng(draw(seeds))
        x = numbers(rng, shapes(draw, least, most), draw(st.sampled_from(dtypes)))
        given = {key: draw(value) for key, value in options.items() if draw(st.booleans())}
        return (x,), given

    return arguments


def with_settings(dtypes: tuple, *settings_of: Any, least: int = 1, most: int = 3, least_side: int = 1) -> Callable:
    """An array, and positional settings, each drawn from a strategy that may need the array."""

    def arguments(draw: Callable, name: str) -> Any:
        rng = np.random.default_rng(draw(seeds))
        x = numbers(rng, shapes(draw, least, most, least_side), draw(st.sampled_from(dtypes)))
        return (x, *[draw(setting(x) if callable(setting) else setting) for setting in settings_of]), {}

    return arguments


def same_shape(count: int, dtypes: tuple, least: int = 1) -> Callable:
    """A list of arrays of the same shape and of any dtypes."""

    def arguments(draw: Callable, name: str) -> Any:
        rng = np.random.default_rng(draw(seeds))
        shape = shapes(draw, least, 3)
        return ([numbers(rng, shape, draw(st.sampled_from(dtypes))) for _ in range(count)],), {}

    return arguments


def product(left: str, right: str) -> Callable:
    """Two arrays whose axes these letters name: of the same letter the same length, and of any dtypes."""

    def arguments(draw: Callable, name: str) -> Any:
        rng = np.random.default_rng(draw(seeds))
        lengths = {letter: draw(st.integers(0, 4)) for letter in sorted({*left, *right})}
        shapes_of = [tuple(lengths[letter] for letter in letters) for letters in (left, right)]
        return tuple(numbers(rng, shape, draw(st.sampled_from(NUMBERS))) for shape in shapes_of), {}

    return arguments


def sequences(draw: Callable, name: str) -> Any:
    """Two sequences, and how far they overlap."""
    rng = np.random.default_rng(draw(seeds))
    lengths = [draw(st.integers(1, 5)) for _ in range(2)]
    pair = tuple(numbers(rng, length, draw(st.sampled_from(NUMBERS[:6]))) for length in lengths)
    return pair, {"mode": draw(st.sampled_from(["full", "same", "valid"]))}


def quantiles(draw: Callable, name: str) -> Any:
    """An array, one place or several, an axis, and how to choose between two elements."""
    rng = np.random.default_rng(draw(seeds))
    x = numbers(rng, shapes(draw, 1, 3, 1), draw(st.sampled_from(FLOATS[:2])))
    places = draw(st.floats(0, 1) | st.lists(st.floats(0, 1), min_size=1, max_size=3))
    q = np.asarray(places) * (100 if "percentile" in name else 1)
    methods = ["linear", "lower", "higher", "midpoint", "nearest", "hazen", "weibull", "median_unbiased"]
    kwargs = {"axis": draw(st.none() | axis_of(x)), "method": draw(st.sampled_from(methods))}
    return (x, q), {**kwargs, "keepdims": draw(st.booleans())}


def padded(draw: Callable, name: str) -> Any:
    """An array, the widths on both sides of each axis, and a mode."""
    rng = np.random.default_rng(draw(seeds))
    x = numbers(rng, shapes(draw, 1, 2, 1), draw(st.sampled_from(NUMBERS)))
    widths = [(draw(st.integers(0, 4)), draw(st.integers(0, 4))) for _ in x.shape]
    modes = ["constant", "edge", "reflect", "symmetric", "wrap", "maximum", "minimum"]
    return (x, widths), {"mode": draw(st.sampled_from(modes))}


def chosen(draw: Callable, name: str) -> Any:
    """A condition and two operands that broadcast with it."""
    (x, y), _ = binary(NUMBERS)(draw, name)
    return (numbers(np.random.default_rng(draw(seeds)), np.shape(x), np.bool_), x, y), {}


def settings_alone(*strategies: Any) -> Callable:
    """Arguments none of which is an array."""

    def arguments(draw: Callable, name: str) -> Any:
        return tuple(draw(strategy) for strategy in strategies), {}

    return arguments


def redrawn(draw: Callable, name: str) -> Any:
    """The example's arguments, with other numbers and dtypes in its arrays."""
    example = examples()[name]
    rng = np.random.default_rng(draw(seeds))

    def other(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        if leaf.dtype.kind in "fc":
            wide = draw(st.sampled_from([leaf.dtype, np.dtype(np.float32 if leaf.dtype.kind == "f" else np.complex64)]))
            return np.asarray(leaf * rng.uniform(0.5, 1.0, leaf.shape), wide)
        return rng.permutation(leaf)

    return tree.map(other, example.args), dict(example.kwargs)


def axis_of(x: np.ndarray) -> Any:
    return st.integers(-x.ndim, x.ndim - 1)


def axes_of(x: np.ndarray) -> Any:
    return st.permutations(range(x.ndim))


def places_on(x: np.ndarray) -> Any:
    """Places of the flattened array."""
    return st.lists(st.integers(-x.size, x.size - 1), min_size=1, max_size=4).map(np.array)


#: Names → what draws their arguments. A name without a line here has the example's arguments redrawn.
ROWS: dict[str, Callable] = {
    name: arguments
    for names, arguments in {
        "abs absolute around ceil conj conjugate fix floor isfinite isinf isnan logical_not negative positive rint "
        "round sign square trunc angle imag iscomplex isreal nan_to_num real ndim shape size iscomplexobj "
        "isrealobj reciprocal exp exp2 expm1 log log10 log1p log2 sqrt": unary(NUMBERS),
        "acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh cbrt cos cosh deg2rad degrees "
        "fabs frexp modf rad2deg radians signbit sin sinh spacing tan tanh isneginf isposinf sinc": unary(REALS),
        "bitwise_count bitwise_invert bitwise_not invert": unary(INTEGERS),
        "add divide equal not_equal logical_and logical_or logical_xor maximum minimum fmax fmin multiply "
        "true_divide isclose array_equal array_equiv": binary(NUMBERS),
        "arctan2 atan2 copysign divmod floor_divide fmod greater greater_equal heaviside hypot less less_equal "
        "logaddexp logaddexp2 mod nextafter remainder": binary(REALS),
        "subtract": binary((np.float64, np.float32, np.complex64, np.int16)),
        "float_power pow power": binary(FLOATS),
        "bitwise_and bitwise_or bitwise_xor": binary(INTEGERS),
        "bitwise_left_shift bitwise_right_shift left_shift right_shift gcd lcm": binary(INTEGERS[:3], positive=True),
        "all any count_nonzero max min amax amin sum prod mean var std": reduction(NUMBERS),
        "nansum nanprod nanmean nanvar nanstd nanmax nanmin ptp median nanmedian": reduction(REALS[:5]),
        "argmax argmin cumsum cumprod nancumsum nancumprod nanargmax nanargmin": reduction(REALS[:5], several=False),
        "flip": with_settings(NUMBERS, axis_of),
        "ravel atleast_1d atleast_2d atleast_3d copy squeeze transpose": one_array(NUMBERS),
        "tril triu": one_array(NUMBERS, least=2, k=st.integers(-2, 2)),
        "rot90": one_array(NUMBERS, least=2, k=st.integers(-2, 5)),
        "diag": one_array(NUMBERS, least=1, most=2, k=st.integers(-2, 2)),
        "expand_dims": with_settings(NUMBERS, axis_of),
        "permute_dims": with_settings(NUMBERS, axes_of),
        "swapaxes moveaxis": with_settings(NUMBERS, axis_of, axis_of),
        "roll": with_settings(NUMBERS, st.integers(-4, 4), axis_of),
        "repeat": with_settings(NUMBERS, st.integers(0, 3), axis_of),
        "tile": with_settings(NUMBERS, st.lists(st.integers(0, 2), max_size=3)),
        "take": with_settings(NUMBERS, places_on),
        "reshape": with_settings(NUMBERS, lambda x: st.sampled_from([(-1,), (x.size, 1), x.shape[::-1]])),
        "resize": with_settings(NUMBERS, st.sampled_from([(3,), (2, 2), 5])),
        "array_split": with_settings(NUMBERS, st.integers(1, 4), axis_of),
        "delete": with_settings(NUMBERS, lambda x: st.integers(-x.shape[0], x.shape[0] - 1), st.just(0)),
        "sort argsort": with_settings(REALS, axis_of),
        "astype": with_settings(NUMBERS, st.sampled_from(REALS)),
        "diff": with_settings(NUMBERS[:6], st.integers(0, 2), axis_of),
        "stack vstack hstack dstack concatenate concat column_stack": same_shape(3, NUMBERS),
        "zeros_like ones_like empty_like": one_array(NUMBERS, dtype=st.sampled_from(NUMBERS)),
        "dot matmul": product("ij", "jk"),
        "inner": product("ij", "kj"),
        "outer kron": product("ij", "k"),
        "vdot": product("ij", "ji"),
        "matvec": product("aij", "j"),
        "vecmat": product("i", "aij"),
        "vecdot": product("aij", "ij"),
        "convolve correlate": sequences,
        "quantile percentile nanquantile nanpercentile": quantiles,
        "pad": padded,
        "where": chosen,
        "zeros ones": settings_alone(st.lists(st.integers(0, 3), max_size=3).map(tuple), st.sampled_from(NUMBERS)),
        "identity": settings_alone(st.integers(0, 4), st.sampled_from(NUMBERS)),
        "eye tri": settings_alone(st.integers(0, 4), st.integers(0, 4), st.integers(-3, 3), st.sampled_from(NUMBERS)),
        "arange": settings_alone(
            st.integers(-5, 5), st.integers(-5, 9), st.sampled_from([1, 2, -1, 0.5]), st.sampled_from(FLOATS)
        ),
        "indices": settings_alone(st.lists(st.integers(0, 3), max_size=3).map(tuple), st.sampled_from(NUMBERS[:6])),
        "searchsorted": with_settings(
            FLOATS[:2], st.integers(-3, 3), st.sampled_from(["left", "right"]), most=1, least_side=1
        ),
        "unique unique_counts unique_inverse unique_values unique_all flatnonzero": one_array(REALS, least=1),
        "nonzero argwhere": one_array(REALS, least=1),
    }.items()
    for name in names.split()
}

#: What an argument of this name is never.
WRONG: dict[str, tuple] = {
    "axis": (7, -8, 1.5, "x", (0, 0)),
    "axis1": (7, 1.5),
    "axis2": (0, -9),
    "axes": (7, (0, 0), "x"),
    "dtype": ("nonsense", np.int8),
    "order": ("Z",),
    "mode": ("nonsense",),
    "method": ("nonsense",),
    "kind": ("nonsense",),
    "side": ("nonsense",),
    "indexing": ("nonsense",),
    "trim": ("nonsense",),
    "casting": ("nonsense", "no"),
    "bitorder": ("nonsense",),
    "k": ("x",),
    "kth": (99, 1.5),
    "N": ("x",),
    "n": (-1, 1.5),
    "decimals": ("x",),
    "ddof": ("x",),
    "shape": ((-5,), "x", (7, 11), 1.5),
    "newshape": ((-5,), "x", (7, 11)),
    "reps": (1.5,),
    "repeats": (-1,),
    "indices_or_sections": (0, 4),
    "offset": (1.5,),
    "source": (7, (0, 0)),
    "deg": (-1, "x"),
    "q": (101.0, -1.0),
    "bins": (0, -1, "nonsense", np.zeros((2, 2))),
    "range": ((1.0, 0.0), (np.nan, 1.0)),
    "pad_width": (-1, "x", (1, 2, 3)),
    "minlength": (-1, 1.5),
    "device": ("gpu",),
    "dims": (-1, "x"),
    "num": (-1, 1.5),
    "count": (-99, 1.5),
    "keepdims": ("x",),
    "correction": ("x",),
    "stable": ("x",),
}

#: Names and calls (a setting, or an argument's place and its shape or dtype; * for all) that differ from NumPy's: why.
DIFFERENCES: dict[tuple[str, str], str] = {
    ("argmax argmin nanargmax nanargmin", "keepdims='x'"): "NumPy takes any object for true here, and only here",
    ("nanargmax nanargmin cumulative_prod cumulative_sum unstack linspace logspace geomspace", "axis=(0, 0)"): (
        "a TypeError, as for all other functions of one axis, where NumPy's is a ValueError"
    ),
    (
        "nanpercentile nanquantile",
        "0 (0,)",
    ): "NumPy warns of NaN for no values; here it is an error",
    ("digitize", "bins='nonsense'"): "text is refused before it is asked what for",
    ("histogram2d", "bins='nonsense'"): "text is refused before it is asked what for",
    ("polyint", "k='x'"): "NumPy makes an array of text",
    ("polyfit", "deg='x'"): "NumPy asks int() of it",
    ("reshape", "shape=(-5,)"): "NumPy takes any negative number for -1, and says that this will be an error",
    ("piecewise", "1 (0,)"): "NumPy takes an empty condition for false",
    ("ix_", "0 bool"): "the shape depends on values",
    ("ix_", "1 bool"): "the shape depends on values",
    ("tensordot", "0 (0,)"): "NumPy looks at an axis that is not there before it compares lengths",
    ("tensordot", "0 (5,)"): "NumPy looks at an axis that is not there before it compares lengths",
    ("poly", "0 ()"): "NumPy means to take a scalar, but its dispatcher does not",
    ("poly", "0 complex64"): "NumPy drops imaginary parts that are all zero, which depends on values",
    ("polydiv", "*"): "NumPy drops leading zeros, which depends on values",
    ("polymul", "1 int8"): "NumPy drops leading zeros, which depends on values",
    ("polymul", "1 uint64"): "NumPy drops leading zeros, which depends on values",
    ("apply_over_axes", "1 ()"): "NumPy's own sum takes axis 0 of a scalar",
    ("geomspace", "0 int8"): "whether there is a zero depends on values",
    ("geomspace", "0 uint64"): "whether there is a zero depends on values",
}

#: Shapes and dtypes that an array has in place of its own.
OTHER_SHAPES = ((), (0,), (5,), (2, 5), (1, 1, 4))
OTHER_DTYPES = (np.bool_, np.int8, np.uint64, np.float16, np.complex64)


# ---------------------------------------------------------------------------------------------------------------------
# the tests
# ---------------------------------------------------------------------------------------------------------------------


def traced_names() -> list[str]:
    return [name for name in examples() if "." not in name and name in fnp.__all__ and name not in IN_PLACE]


#: NumPy itself, on tracers an error.
IN_PLACE = {"put", "place", "putmask", "copyto", "fill_diagonal", "put_along_axis"}
#: Garbage, randomness of order, or not a function of arrays: what comes of them is not to be compared.
NOT_COMPARED = {"empty", "empty_like", "vectorize", "argpartition", "einsum_path"}
NAMES = [name for name in traced_names() if name not in NOT_COMPARED]
KNOWN = {row.name for row in support.rows() if row.jit.startswith(("with", "known"))}


def test_every_traced_name_has_a_row():
    for row in support.rows():
        if row.support == "traced" and "." not in row.name:
            assert row.name in ROWS or row.name in examples()
    assert set(ROWS) <= set(NAMES) | NOT_COMPARED


@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_arguments_give_what_numpy_gives(name, data):
    if differs(name, "*"):
        return
    args, kwargs = ROWS.get(name, redrawn)(data.draw, name)
    check_outcome(name, args, kwargs, known=name in KNOWN)


def differs(name: str, what: str) -> bool:
    """Whether it is known that a call differs from NumPy's."""
    return any(name in names.split() and of in (what, "*") for names, of in DIFFERENCES)


def check_all(name: str, calls: list[tuple[str, tuple, dict[str, Any]]]) -> None:
    """Check each call. Those that are known to differ must differ."""
    for what, args, kwargs in calls:
        if not differs(name, what):
            check_outcome(name, args, kwargs, known=name in KNOWN)
        elif not differs(name, "*"):
            with pytest.raises(AssertionError):
                check_outcome(name, args, kwargs, known=name in KNOWN)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_settings_raise_what_numpy_raises(name):
    function, example = getattr(np, name), examples()[name]
    calls = [("no_such_keyword", example.args, {**example.kwargs, "no_such_keyword": 1})]
    for key, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            for value in WRONG.get(key, ()):
                calls.append((f"{key}={value!r}", *with_argument(function, example, key, value)))
    check_all(name, calls)


@pytest.mark.parametrize("name", NAMES)
def test_arrays_of_other_shapes_and_dtypes_give_or_raise_what_numpy_does(name):
    example = examples()[name]
    leaves, structure = tree.flatten(example.args)
    calls = []
    for place, leaf in enumerate(leaves):
        if not isinstance(leaf, np.ndarray):
            continue
        others = [(f"{place} {shape}", np.ones(shape, leaf.dtype)) for shape in OTHER_SHAPES]
        real = leaf.real
        others += [(f"{place} {np.dtype(dtype)}", real.astype(dtype)) for dtype in OTHER_DTYPES]
        for what, other in others:
            args = tree.unflatten(structure, [*leaves[:place], other, *leaves[place + 1 :]])
            calls.append((what, args, dict(example.kwargs)))
    check_all(name, calls)


@pytest.mark.parametrize("name", NAMES)
def test_out_is_refused_where_a_value_is_traced(name):
    """Also by NumPy's own function, and by position as by name."""
    example = examples()[name]
    places = [place for place, leaf in enumerate(tree.leaves(example.args)) if isinstance(leaf, np.ndarray)]
    parameter = inspect.signature(getattr(np, name)).parameters.get("out")
    if parameter is None or not places:
        return
    out = getattr(np, name)(*example.args, **example.kwargs)
    out = tuple([np.empty_like(part) for part in out]) if isinstance(out, tuple) else np.empty_like(out)
    for function in (getattr(fnp, name), getattr(np, name)):
        with pytest.raises(ArgumentError, match="out="):
            under_jit(lambda *args, f=function, **kwargs: f(*args, out=out, **kwargs), example.args, example.kwargs)


def with_argument(function: Callable, example: Example, key: str, value: Any) -> tuple[tuple, dict[str, Any]]:
    """The example's arguments, with another value of one of them."""
    signature = inspect.signature(function)
    bound = signature.bind(*example.args, **example.kwargs)
    bound.arguments[key] = value
    names = list(signature.parameters)
    given = {name: bound.arguments[name] for name in names if name in bound.arguments}  # in order
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for name, argument in given.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            args += argument
        elif kind is inspect.Parameter.VAR_KEYWORD:
            kwargs.update(argument)
        elif kind is inspect.Parameter.POSITIONAL_ONLY or (
            kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and name != key and not kwargs
        ):
            args.append(argument)
        else:
            kwargs[name] = argument
    return tuple(args), kwargs
