"""What the transforms take and give: pytrees, argnums, scalars of each kind, arrays of each layout, dtypes."""

from __future__ import annotations

import collections
import dataclasses
import operator
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import float0, grad, jit, jvp, linearize, tree, value_and_grad, vjp, vmap

Point = namedtuple("Point", ["x", "y"])


@tree.register_dataclass
@dataclasses.dataclass
class Layer:
    w: np.ndarray
    b: np.ndarray


PYTREES = {
    "a dict": {"w": np.array([1.0, 2.0]), "b": np.array(3.0)},
    "a nested dict": {"one": {"w": np.array([1.0, 2.0])}, "two": [np.array([3.0])]},
    "a list": [np.array([1.0, 2.0]), 3.0],
    "a tuple": (np.array([[1.0, 2.0]]), (np.float64(2.0),)),
    "a named tuple": Point(np.array([1.0, 2.0]), 3.0),
    "a dataclass": Layer(np.array([1.0, 2.0]), np.array(3.0)),
    "an ordered dict": OrderedDict(b=np.array([1.0]), a=2.0),
    "a default dict": collections.defaultdict(list, {"k": np.array([1.0])}),
    "with None": {"w": np.array([1.0, 2.0]), "nothing": None, "list": [None]},
    "empty": {"w": np.array([1.0]), "empty": [], "also": ()},
    "a leaf": np.array([1.0, 2.0]),
}


def squares(parameters):
    return sum([fnp.sum(leaf * leaf) for leaf in tree.leaves(parameters)])


def assert_trees_equal(got, expected):
    assert tree.structure(got) == tree.structure(expected)
    for a, b in zip(tree.leaves(got), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b)
        assert np.shape(a) == np.shape(b)


@pytest.mark.parametrize("name", PYTREES)
def test_gradients_have_the_structure_of_the_argument(name):
    parameters = PYTREES[name]
    expected = tree.map(lambda leaf: 2 * leaf, parameters)
    assert_trees_equal(grad(squares)(parameters), expected)
    assert_trees_equal(jit(grad(squares))(parameters), expected)
    assert_trees_equal(grad(jit(squares))(parameters), expected)
    assert type(grad(squares)(parameters)) is type(parameters)
    out, pullback = vjp(lambda p: tree.map(lambda leaf: leaf * leaf, p), parameters)
    assert_trees_equal(out, tree.map(lambda leaf: leaf * leaf, parameters))
    assert_trees_equal(pullback(tree.map(np.ones_like, parameters))[0], expected)


@pytest.mark.parametrize("name", PYTREES)
def test_forward_mode_and_jit_take_and_give_pytrees(name):
    parameters = PYTREES[name]
    ones = tree.map(np.ones_like, parameters)

    def function(p):
        return {"squares": tree.map(lambda leaf: leaf * leaf, p), "p": p, "none": None}

    for run in (function, jit(function)):
        out, tangent = jvp(run, (parameters,), (ones,))
        assert_trees_equal(out, function(parameters))
        assert_trees_equal(tangent["squares"], tree.map(lambda leaf: 2 * leaf, parameters))
        assert_trees_equal(tangent["p"], ones)
        _, linear = linearize(run, parameters)
        assert_trees_equal(linear(ones), tangent)
    assert_trees_equal(jit(function)(parameters), function(parameters))


def test_argnums_of_each_kind():
    def function(a, b, c):
        return a * b * c

    assert grad(function)(2.0, 3.0, 5.0) == 15.0
    assert grad(function, 1)(2.0, 3.0, 5.0) == 10.0
    assert grad(function, -1)(2.0, 3.0, 5.0) == 6.0
    assert grad(function, (0, 2))(2.0, 3.0, 5.0) == (15.0, 6.0)
    assert grad(function, [2, 0])(2.0, 3.0, 5.0) == (6.0, 15.0)
    assert grad(function, (-1,))(2.0, 3.0, 5.0) == (6.0,)
    assert grad(function, np.int64(1))(2.0, 3.0, 5.0) == 10.0
    assert grad(function, ())(2.0, 3.0, 5.0) == ()


def test_arguments_by_keyword_are_passed_on_and_not_differentiated():
    def function(a, *, scale, shift=1.0):
        return a * scale + shift

    assert grad(function)(2.0, scale=3.0) == 3.0
    assert value_and_grad(function)(2.0, scale=3.0, shift=4.0) == (10.0, 3.0)
    assert jit(function)(2.0, scale=3.0) == 7.0
    assert grad(jit(function))(2.0, scale=3.0, shift=0.5) == 3.0


def test_has_aux_passes_the_rest_through():
    def function(x):
        return x * x, {"twice": 2 * x, "text": "kept", "none": None, "array": np.ones(2)}

    gradient, aux = grad(function, has_aux=True)(3.0)
    assert (gradient, aux["twice"], aux["text"], aux["none"]) == (6.0, 6.0, "kept", None)
    (value, aux), gradient = value_and_grad(function, has_aux=True)(3.0)
    assert (value, gradient, aux["twice"]) == (9.0, 6.0, 6.0)

    def numeric(x):
        return x * x, {"twice": 2 * x}

    out, pullback, aux = vjp(numeric, 3.0, has_aux=True)
    assert (out, pullback(1.0), aux) == (9.0, (6.0,), {"twice": 6.0})
    out, tangent, aux = jvp(numeric, (3.0,), (1.0,), has_aux=True)
    assert (out, tangent, aux) == (9.0, 6.0, {"twice": 6.0})
    out, linear, aux = linearize(numeric, 3.0, has_aux=True)
    assert (out, linear(1.0), aux) == (9.0, 6.0, {"twice": 6.0})
    gradient, aux = jit(grad(numeric, has_aux=True))(3.0)
    assert (gradient, aux) == (6.0, {"twice": 6.0})
    gradient, aux = grad(jit(numeric), has_aux=True)(3.0)
    assert (gradient, aux) == (6.0, {"twice": 6.0})
    out, linear, aux = linearize(jit(numeric), 3.0, has_aux=True)
    assert (out, linear(1.0), aux) == (9.0, 6.0, {"twice": 6.0})


def test_aux_is_no_tracer_even_where_it_is_nested_in_other_transforms():
    def function(x):
        gradient, aux = grad(lambda y: (y * y * x, y * x), has_aux=True)(x)
        return gradient * aux

    # 2 x² · x²
    assert grad(function)(2.0) == 8 * 2.0**3


# ---------------------------------------------------------------------------------------------------------------------
# complex numbers and integers
# ---------------------------------------------------------------------------------------------------------------------


def test_holomorphic_gradients_are_complex_derivatives():
    z = 0.3 + 0.4j
    assert grad(lambda z: np.sin(z) * z, holomorphic=True)(z) == pytest.approx(np.cos(z) * z + np.sin(z))
    assert jit(grad(lambda z: z**3, holomorphic=True))(z) == pytest.approx(3 * z**2)
    matrix = grad(lambda z: fnp.sum(z * z), holomorphic=True)(np.array([1j, 2.0]))
    np.testing.assert_allclose(matrix, [2j, 4.0])
    second = grad(grad(lambda z: np.exp(2 * z), holomorphic=True), holomorphic=True)(z)
    assert second == pytest.approx(4 * np.exp(2 * z))


def test_the_gradient_of_a_real_function_by_a_complex_argument_is_conjugated_as_in_jax():
    z = 3.0 + 4.0j
    assert grad(lambda z: abs(z))(z) == pytest.approx(np.conj(z) / 5)
    assert grad(lambda z: z.real * z.real + 3 * z.imag)(z) == pytest.approx(2 * 3.0 - 3j)
    assert grad(lambda z: (z * np.conj(z)).real)(z) == pytest.approx(2 * np.conj(z))
    _, tangent = jvp(lambda z: abs(z), (z,), (1j,))
    assert tangent == pytest.approx(0.8)


def test_a_real_argument_of_a_complex_computation_has_a_real_gradient():
    def function(x):
        z = np.exp(1j * x)
        return (z * z).real  # cos 2x

    gradient = grad(function)(0.3)
    assert gradient.dtype == np.float64
    assert gradient == pytest.approx(-2 * np.sin(0.6))


def test_integer_arguments_have_float0_gradients_where_they_are_allowed():
    parameters = {"w": np.array([1.0, 2.0]), "n": np.array([3, 4]), "flag": np.True_, "i": 5}
    gradient = grad(lambda p: fnp.sum(p["w"] * p["n"]) * p["i"], allow_int=True)(parameters)
    np.testing.assert_array_equal(gradient["w"], [15.0, 20.0])
    for name, shape in (("n", (2,)), ("flag", ()), ("i", ())):
        assert (gradient[name].dtype, gradient[name].shape) == (float0, shape)
    compiled = grad(jit(lambda p: fnp.sum(p["w"] * p["n"]) * p["i"]), allow_int=True)(parameters)
    np.testing.assert_array_equal(compiled["w"], [15.0, 20.0])


def test_integers_in_vjp_and_jvp_have_float0_counterparts():
    x, n = np.array([1.0, 2.0]), np.array([3, 4])
    out, pullback = vjp(lambda x, n: (x * n, n + 1), x, n)
    by_x, by_n = pullback((np.ones(2), np.zeros(2, float0)))
    np.testing.assert_array_equal(out[1], [4, 5])
    np.testing.assert_array_equal(by_x, [3.0, 4.0])
    assert by_n.dtype == float0
    out, tangents = jvp(lambda x, n: (x * n, n + 1), (x, n), (np.ones(2), np.zeros(2, float0)))
    np.testing.assert_array_equal(tangents[0], [3.0, 4.0])
    assert (tangents[1].dtype, tangents[1].shape) == (float0, (2,))
    _, linear = linearize(lambda x, n: (x * n, n + 1), x, n)
    tangents = linear(np.ones(2), np.zeros(2, float0))
    np.testing.assert_array_equal(tangents[0], [3.0, 4.0])
    assert tangents[1].dtype == float0


def test_a_function_of_integers_alone_can_be_linearized():
    out, linear = linearize(lambda n: n * 2, 3)
    assert out == 6
    assert linear(np.zeros((), float0)).dtype == float0


# ---------------------------------------------------------------------------------------------------------------------
# scalars, layouts, subclasses
# ---------------------------------------------------------------------------------------------------------------------

ARGUMENTS = {
    "a Python float": 2.0,
    "a numpy.float64": np.float64(2.0),
    "a 0-d array": np.array(2.0),
    "a vector": np.array([2.0, 3.0]),
    "a byte-swapped array": np.array([2.0, 3.0], dtype=">f8"),
    "another byte order": np.array([2.0, 3.0], dtype="<f8"),
    "a strided array": np.arange(2.0, 10.0)[::3],
    "a reversed array": np.arange(2.0, 5.0)[::-1],
    "a Fortran array": np.asfortranarray(np.arange(2.0, 8.0).reshape(2, 3)),
    "a transposed array": np.arange(2.0, 8.0).reshape(2, 3).T,
    "a broadcast array": np.broadcast_to(np.arange(2.0, 5.0), (2, 3)),
    "an array without elements": np.zeros((0, 3)),
    "a misaligned array": np.frombuffer(b"\0" + np.arange(2.0, 5.0).tobytes(), offset=1),
    "a field of a record array": np.array([(1, 2.0), (3, 4.0)], dtype=[("a", "i4"), ("b", "f8")])["b"],
    "a float32 array": np.float32([2.0, 3.0]),
    "a float16 array": np.float16([2.0, 3.0]),
    "a long double": np.longdouble(2.0),
    "an array of one element": np.array([[2.0]]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_each_kind_of_argument_is_differentiated_and_compiled(name):
    x = ARGUMENTS[name]
    expected = 2 * np.asarray(x, dtype=np.asarray(x).dtype.newbyteorder("="))

    def function(x):
        return fnp.sum(x * x)

    for gradient in (grad(function)(x), jit(grad(function))(x), grad(jit(function))(x)):
        assert (np.shape(gradient), gradient.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(gradient, expected)
    _, tangent = jvp(lambda x: x * x, (x,), (np.ones_like(expected)[()],))
    assert tangent.dtype == expected.dtype
    np.testing.assert_allclose(tangent, expected)
    np.testing.assert_allclose(jit(lambda x: x * x)(x), expected * expected / 4)


def test_a_read_only_array_is_an_argument_like_any_other():
    x = np.array([2.0, 3.0])
    x.flags.writeable = False
    for transform in (grad(lambda x: fnp.sum(x * x)), jit(lambda x: 2 * x), lambda x: vjp(lambda x: x, x)[1](2 * x)[0]):
        np.testing.assert_array_equal(transform(x), [4.0, 6.0])


def test_a_memory_mapped_array_is_an_argument_and_results_are_plain(tmp_path):
    x = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=3)
    x[...] = [1.0, 2.0, 3.0]
    for result in (grad(lambda x: fnp.sum(x * x))(x), jit(lambda x: 2 * x)(x), jit(lambda y: y * 2 * x)(np.ones(3))):
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, [2.0, 4.0, 6.0])


def test_a_subclass_of_ndarray_gives_plain_results():
    class Mine(np.ndarray):
        pass

    x = np.array([1.0, 2.0]).view(Mine)
    for result in (
        grad(lambda x: fnp.sum(x * x))(x),
        jit(lambda x: 2 * x)(x),
        grad(lambda y: fnp.sum(y * x))(np.ones(2)) * 2,
        jit(lambda y: (y * 2) * x)(np.ones(2)),
        jit(lambda y: (y, x * 2))(np.ones(2))[1],
        vjp(lambda y: (y, x * 2), np.ones(2))[0][1],
        vmap(lambda x: x * 2)(x),
    ):
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, [2.0, 4.0])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("transform", [grad, jit, vmap, functrace.make_jaxpr])
def test_a_matrix_and_a_masked_array_are_refused_since_their_operators_mean_something_else(transform):
    for x, instead in ((np.matrix([[1.0, 2.0]]), "numpy.asarray"), (np.ma.masked_array([1.0], [True]), "filled")):
        with pytest.raises((functrace.errors.DtypeError, functrace.errors.ArgumentError), match=r"matrix|MaskedArray"):
            transform(lambda x: fnp.sum(x * x))(x)
        with pytest.raises(functrace.errors.DtypeError, match=instead):
            transform(lambda y, x=x: fnp.sum(fnp.maximum(y, x)))(np.ones((1, 2)))
        with pytest.raises(TypeError):
            transform(lambda y, x=x: fnp.sum(y * x))(np.ones((1, 2)))


def test_lists_are_pytrees_and_not_arrays():
    assert grad(lambda pair: pair[0] * pair[1])([2.0, 3.0]) == [3.0, 2.0]
    assert jit(lambda pair: pair)([1.0, (2.0,)]) == [1.0, (2.0,)]


# ---------------------------------------------------------------------------------------------------------------------
# dtypes
# ---------------------------------------------------------------------------------------------------------------------


def network(parameters, x):
    for w, b in parameters:
        x = np.tanh(x @ w * 0.5 + b) * 2
    return fnp.mean((x - 1.0) ** 2) + 1e-3 * fnp.sum(abs(x))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_narrow_floats_in_narrow_floats_out_gradients_included(dtype):
    rng = np.random.default_rng(0)
    parameters = [
        (rng.normal(size=(3, 4)).astype(dtype), np.zeros(4, dtype)),
        (np.ones((4, 2), dtype), np.ones(2, dtype)),
    ]
    x = rng.normal(size=(5, 3)).astype(dtype)
    for run in (value_and_grad(network), jit(value_and_grad(network)), value_and_grad(jit(network))):
        value, gradients = run(parameters, x)
        assert value.dtype == dtype
        assert all(leaf.dtype == dtype for leaf in tree.leaves(gradients))
    tangents = tree.map(np.ones_like, parameters)
    for run in (network, jit(network)):
        out, tangent = jvp(lambda p, run=run: run(p, x), (parameters,), (tangents,))
        assert (out.dtype, tangent.dtype) == (dtype, dtype)
        _, linear = linearize(lambda p, run=run: run(p, x), parameters)
        assert linear(tangents).dtype == dtype
    assert vmap(lambda x: network(parameters, x[None]))(x).dtype == dtype


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.floordiv]
UFUNCS = [np.maximum, np.hypot, np.arctan2, np.add, np.multiply, np.power, np.logaddexp, np.copysign]
UNARY = [np.sin, np.sqrt, np.square, operator.neg, abs, np.sign, np.floor, operator.pos]
LEAVES = [2, 3.5, True, np.float32(1.5), np.float32([1.0, 2.0]), np.float16([1.0, 2.0]), np.int8([1, 2]), np.uint8(3)]


@st.composite
def expressions(draw):
    """A function of leaves, written with operators and ufuncs, and which leaves."""
    leaves = draw(st.lists(st.sampled_from(LEAVES), min_size=2, max_size=4))
    steps = draw(
        st.lists(
            st.tuples(st.sampled_from([*OPERATORS, *UFUNCS, *UNARY]), st.integers(0, 9), st.integers(0, 9)),
            min_size=1,
            max_size=5,
        )
    )

    def function(*xs):
        pool = list(xs)
        for operation, i, j in steps:
            a, b = pool[-1 - i % len(pool)], pool[-1 - j % len(pool)]
            pool.append(operation(a) if operation in UNARY else operation(a, b))
        return pool[-1]

    return function, leaves


@settings(max_examples=150, deadline=None)
@given(expressions())
def test_jit_gives_the_dtype_that_the_plain_function_gives(case):
    function, leaves = case
    with np.errstate(all="ignore"):
        try:
            expected = function(*leaves)
        except (TypeError, ValueError, ArithmeticError):
            return
        if isinstance(expected, complex):
            return  # a root of a negative Python float: NumPy's answer is NaN
        try:
            got = jit(function)(*leaves)
        except ValueError as error:  # of Python ints the dtype depends on the exponent's sign: NumPy refuses
            if "negative integer powers" not in str(error):
                raise
            return
        assert (np.shape(got), got.dtype) == (np.shape(expected), np.asarray(expected).dtype)
        np.testing.assert_allclose(got, expected, rtol=1e-3 if got.dtype == np.float16 else 1e-6, equal_nan=True)
        # and with the Python scalars written into the function
        arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]

        def closed(*xs):
            given = iter(xs)
            return function(*[next(given) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves])

        got = jit(closed)(*arrays)
        assert got.dtype == np.asarray(expected).dtype


def test_a_python_scalar_argument_is_weak_in_every_transform():
    x = np.float32([1.0, 2.0])
    assert jit(lambda s, x: s * x)(2.0, x).dtype == np.float32
    assert jvp(lambda s, x: s * x, (2.0, x), (1.0, x))[1].dtype == np.float32
    assert vjp(lambda s, x: s * x, 2.0, x)[0].dtype == np.float32
    assert vmap(lambda s, x: s * x, in_axes=(None, 0))(2.0, x).dtype == np.float32
    assert linearize(lambda s, x: s * x, 2.0, x)[1](1.0, x).dtype == np.float32
    by_s, by_x = grad(lambda s, x: fnp.sum(s * x), (0, 1))(2.0, x)
    assert (by_s.dtype, by_x.dtype) == (np.float64, np.float32)
    by_s, by_x = jit(grad(lambda s, x: fnp.sum(s * x), (0, 1)))(2.0, x)
    assert (by_s.dtype, by_x.dtype) == (np.float64, np.float32)


def test_a_weak_value_inside_an_inner_jit_stays_weak():
    x = np.float32([1.0, 2.0])
    inner = jit(lambda s: s * 2.0)
    assert jit(lambda s, x: inner(s) * x)(2.0, x).dtype == np.float32
    assert vjp(jit(lambda s, x: inner(s) * x * x), 2.0, x)[1](x)[1].dtype == np.float32
    assert jvp(jit(lambda s, x: inner(s) * x * x), (2.0, x), (1.0, x))[1].dtype == np.float32
    assert jvp(lambda s, x: inner(s) * x, (2.0, x), (1.0, x))[0].dtype == np.float32
    assert vjp(lambda s, x: inner(s) * x, 2.0, x)[0].dtype == np.float32
    assert linearize(lambda s, x: inner(s) * x, 2.0, x)[1](1.0, x).dtype == np.float32


def test_results_of_every_transform_are_numpy_values():
    for result in (
        jit(lambda x: x * 2)(3.0),
        jit(lambda: 2.5)(),
        grad(lambda x: x * x)(3.0),
        jvp(lambda x: x * x, (3.0,), (1.0,))[1],
        vjp(lambda x: x * x, 3.0)[1](1.0)[0],
        linearize(lambda x: x * x, 3.0)[1](1.0),
        vmap(lambda x: x * x)(np.ones(2)),
        jit(lambda x: x)(np.float32(1)),
        jit(lambda x: x > 0)(3.0),
        jit(lambda x: x.reshape(1))(np.float64(3)),
    ):
        assert isinstance(result, (np.ndarray, np.generic)), result
