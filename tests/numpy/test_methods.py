from __future__ import annotations

import operator
from types import MemberDescriptorType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace.core.recording import JaxprTracer
from functrace.core.trace import Tracer
from functrace.errors import (
    ArgumentError,
    ConcretizationTypeError,
    DtypeError,
    ImmutableError,
    OptionError,
    TracerArrayConversionError,
)
from functrace.transforms.jvp import JVPTracer
from functrace.transforms.vjp import VJPTracer
from functrace.transforms.vmap import BatchTracer
from tests.numpy.agreement import check_derivatives, compare, flat, smooth_values
from tests.numpy.recorded import check_recorded

few = settings(max_examples=25, deadline=None)
DTYPES = (np.float32, np.float64, np.complex128, np.int8, np.int64, np.bool_)
NEWER = ("cumulative_prod", "cumulative_sum", "matvec", "unstack", "vecmat")  # than NumPy 2.0
seeds = st.integers(0, 2**32 - 1)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


def values(seed, shape, dtype=np.float64):
    return smooth_values(np.random.default_rng(seed), shape, dtype)


def check_method(function, *arrays, gradient=True):
    """Check that a function of arrays gives the same for tracers: under `jit`, by its jaxpr, and its derivatives."""

    def run(*xs):
        return flat(function(*xs))

    expected = run(*arrays)
    compare(functrace.jit(run)(*arrays), expected, rtol=None, what="jit")
    check_recorded(run, *arrays, expected=expected)
    if gradient:
        check_derivatives(run, run, arrays)


CALLS = [
    "x.sum()",
    "x.sum(0)",
    "x.sum(axis=(0, 2), keepdims=True)",
    "x.sum(dtype=complex)",
    "x.mean()",
    "x.mean(1, keepdims=True)",
    "x.prod(-1)",
    "x.std()",
    "x.std(0, ddof=1)",
    "x.var(axis=(1, 2))",
    "x.max()",
    "x.max(1)",
    "x.max(0, None, True)",
    "x.min(axis=0, initial=0.0)",
    "x.argmax()",
    "x.argmax(1, keepdims=True)",
    "x.argmin(axis=-1)",
    "x.argsort()",
    "x.argsort(0, kind='stable')",
    "x.any()",
    "x.all(0)",
    "x.cumsum()",
    "x.cumsum(1)",
    "x.cumprod(axis=0)",
    "x.clip(-0.3, 0.3)",
    "x.clip(min=0.1)",
    "x.round()",
    "x.round(1)",
    "x.conj()",
    "x.conjugate()",
    "x.real",
    "x.imag",
    "x.T",
    "x.mT",
    "x.transpose()",
    "x.transpose(None)",
    "x.transpose(2, 0, 1)",
    "x.transpose((1, -1, 0))",
    "x.reshape(-1)",
    "x.reshape(2, -1)",
    "x.reshape((4, 6))",
    "x.reshape([3, 8])",
    "x.reshape(6, 4, order='F')",
    "x.ravel()",
    "x.ravel('F')",
    "x.flatten()",
    "x.flat",
    "x.copy()",
    "x.swapaxes(0, 2)",
    "x.diagonal()",
    "x.diagonal(1, 1, 2)",
    "x.trace()",
    "x.trace(1, axis1=2, axis2=0)",
    "x.take([0, 2], 1)",
    "x.take(5)",
    "x.take([9, -9], axis=0, mode='clip')",
    "x.repeat(2)",
    "x.repeat([1, 0, 2], axis=1)",
    "x.compress([True, False, True], 1)",
    "x.dot(x.T[:, 0])",
    "x.astype(np.complex128)",
    "x.astype(x.dtype, copy=False)",
    "x.astype(np.complex128, casting='same_kind')",
    "x.to_device('cpu')",
    "x.view()",
    "x.view(x.dtype)",
    "x.squeeze()",
    "x[:1].squeeze(0)",
    "x[0]",
    "x[..., -1]",
    "x[:, [0, 2]]",
    "x[1, 1:, None, ::2]",
    "x.ravel().searchsorted(0.5)",
    "(x > 0).choose([x, -x])",
    "abs(x)",
    "-x",
    "+x",
    "x.__array_namespace__().sin(x)",
]


@pytest.mark.parametrize("call", CALLS)
def test_a_method_of_a_tracer_gives_what_that_of_an_array_gives(call):
    x = values(0, (2, 3, 4))

    def run(x):
        out = eval(call, {"np": np, "x": x})
        return np.asarray(out) if isinstance(out, np.flatiter) else out

    check_method(run, x, gradient="round" not in call and "choose" not in call)


@pytest.mark.parametrize("call", ["x.real", "x.imag", "x.conj()", "x.T", "x.sum()", "x.var()", "x.astype('c8')"])
def test_a_method_of_complex_numbers_gives_what_that_of_an_array_gives(call):
    def run(x):
        return eval(call, {"np": np, "x": x})

    check_method(run, values(1, (2, 3), np.complex128), gradient="c8" not in call)


@few
@given(
    x=st.builds(
        values, seeds, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), st.sampled_from(DTYPES)
    )
)
def test_methods_and_properties_agree_for_every_shape_and_dtype(x):
    for call in ("x.T", "x.ravel()", "x.sum()", "x.cumsum()", "x.real", "x.imag", "x.copy()", "x.any()", "x.all()"):
        check_method(lambda x, call=call: eval(call), x)
    seen = {}

    def look(x):
        for name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "device"):
            seen[name] = getattr(x, name)
        return x

    functrace.jit(look)(x)
    assert seen == {name: getattr(x, name) if name != "device" else "cpu" for name in seen}


def test_every_public_attribute_of_an_array_is_there_on_every_kind_of_tracer():
    names = [name for name in dir(np.ndarray) if not name.startswith("_") and hasattr(np.ones((1, 1)), name)]
    for name in names:
        assert hasattr(Tracer, name), name
    for kind in (JaxprTracer, VJPTracer, JVPTracer, BatchTracer):
        for name in names:
            assert not isinstance(getattr(kind, name), MemberDescriptorType), f"a slot of {kind.__name__} hides {name}"


OPERATORS = (
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    divmod,
)


@pytest.mark.parametrize("operation", OPERATORS)
@pytest.mark.parametrize(
    "other", [2, 2.5, np.float32(1.5), np.int64(3), [1.0, 2.0, 3.0], (1, 2, 3), np.arange(1.0, 4.0)]
)
def test_operators_take_what_numpys_take_on_both_sides(operation, other):
    x = np.abs(values(0, (2, 3))) + 0.1
    check_method(lambda x: operation(x, other), x, gradient=False)
    check_method(lambda x: operation(other, x), x, gradient=False)


@pytest.mark.parametrize("operation", [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift])
def test_operators_of_bits_are_numpys(operation):
    x, y = np.array([1, 5, 12]), np.array([3, 1, 2])
    check_method(operation, x, y)
    check_method(lambda x: operation(x, 2), x)
    check_method(lambda x: operation(2, x), y)
    check_method(lambda x: ~x, x)


def test_matmul_as_an_operator_takes_arrays_and_lists():
    x, y = values(0, (2, 3)), values(1, (3,))
    check_method(operator.matmul, x, y)
    check_method(lambda x: x @ [1.0, 2.0, 3.0], x)
    check_method(lambda x: np.ones((4, 2)) @ x, x)


def test_an_operator_with_something_that_is_no_array_is_pythons_type_error():
    for other in ("text", None, {}, object()):
        with pytest.raises(TypeError, match="unsupported operand"):
            functrace.jit(lambda x, other=other: x + other)(1.0)
    assert functrace.jit(lambda x: (x == None) * 1.0)(1.0) == 0.0  # noqa: E711


def test_an_assigning_operator_gives_the_name_a_new_value():
    def total(x):
        y = x
        y += 1
        y *= x
        y @= np.eye(2)
        y **= 2
        return y.sum() + x.sum()

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(functrace.grad(total)(x), 2 * (x + 1) * x * (2 * x + 1) + 1)
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_adding_a_tracer_into_an_array_in_place_says_what_to_write():
    def accumulate(x):
        out = np.zeros(2)
        out += x
        return out.sum()

    with pytest.raises(ArgumentError, match=r"x = x \+ y"):
        functrace.grad(accumulate)(np.ones(2))


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        ("x.sort()", r"numpy\.sort"),
        ("x.fill(0)", "full_like"),
        ("x.put([0], 1.0)", r"\.at\["),
        ("x.resize((2, 2))", r"numpy\.resize"),
        ("x.partition(1)", r"numpy\.partition"),
        ("x.setflags(write=True)", "never written"),
        ("x.itemset(0, 1.0)", r"\.at\["),
        ("x.byteswap(True)", "byte order"),
    ],
)
def test_a_method_that_works_in_place_is_an_error_that_says_what_to_write(call, instead):
    for transform in (functrace.jit, lambda f: functrace.grad(lambda x: f(x).sum())):
        with pytest.raises(ImmutableError, match=instead):
            transform(lambda x: eval(call))(np.ones(3))


@pytest.mark.parametrize("call", ["x.tobytes()", "x.tofile('file')", "x.dumps()"])
def test_the_bytes_of_a_tracer_cannot_be_had(call):
    with pytest.raises(TracerArrayConversionError, match="bytes"):
        functrace.jit(lambda x: eval(call))(np.ones(3))


@pytest.mark.parametrize("name", ["base", "ctypes", "data", "flags", "strides"])
def test_a_tracer_has_no_memory_and_says_so_in_a_way_that_hasattr_understands(name):
    def look(x):
        assert not hasattr(x, name)
        with pytest.raises(AttributeError, match="without memory"):
            getattr(x, name)
        return x

    functrace.jit(look)(np.ones(3))


def test_a_view_of_other_bytes_is_an_error_that_names_astype():
    with pytest.raises(DtypeError, match="astype"):
        functrace.jit(lambda x: x.view(np.int64))(np.ones(3))
    with pytest.raises(OptionError, match="cpu"):
        functrace.jit(lambda x: x.to_device("gpu"))(np.ones(3))
    with pytest.raises(DtypeError, match="safe"):
        functrace.jit(lambda x: x.astype(np.int8, casting="safe"))(np.ones(3))


@pytest.mark.parametrize("call", ["x.item()", "x.tolist()", "float(x[0])"])
def test_a_python_number_cannot_be_had_of_a_traced_value(call):
    with pytest.raises(ConcretizationTypeError):
        functrace.grad(lambda x: eval(call))(np.ones(1))


def test_wrong_keywords_and_out_are_errors_that_name_them():
    x = np.ones((2, 2))
    with pytest.raises(ArgumentError, match="unexpected keyword argument 'axes'"):
        functrace.jit(lambda x: x.sum(axes=0))(x)
    with pytest.raises(ArgumentError, match="out="):
        functrace.jit(lambda x: x.sum(0, None, np.empty(2)))(x)
    with pytest.raises(ArgumentError, match="out="):
        functrace.jit(lambda x: x.mean(out=np.empty(2)))(x)
    with pytest.raises(ArgumentError, match="out="):
        functrace.jit(lambda x: np.add(x, x, out=np.empty((2, 2))))(x)
    with pytest.raises(ArgumentError, match="out="):
        functrace.jit(lambda x: np.cumsum(x, 0, None, np.empty((2, 2))))(x)


def test_at_is_a_property_that_gives_new_arrays():
    x = np.zeros(3)
    check_recorded(lambda x: x.at[1].set(2.0), x, expected=np.array([0.0, 2.0, 0.0]))
    check_recorded(lambda x: x.at[[0, 0]].add(2.0), x, expected=np.array([4.0, 0.0, 0.0]))
    assert functrace.jit(lambda x: x.at[1].set(2.0).at[1].get())(x) == 2.0
    assert functrace.grad(lambda x: (x.at[1].set(x[0] ** 2) ** 2).sum())(np.array([3.0, 7.0])).tolist() == [114.0, 0.0]


def test_a_tracer_is_a_sequence_of_its_rows():
    x = values(0, (3, 2))

    def walk(x):
        first, *rest = x
        return [len(x) * first, np.stack(list(reversed(rest))), [row.sum() for row in x][1]]

    check_method(walk, x)
    assert functrace.grad(lambda x: 1.0 * (2.0 in x) * x.sum())(np.array([1.0, 2.0])).tolist() == [1.0, 1.0]


def test_plain_numpy_code_is_traced_as_it_stands():
    def loss(w, x):
        hidden = np.tanh(x @ w.T + np.ones(2))
        return np.mean(np.square(hidden - hidden.mean(axis=0)).sum(-1)) + np.linspace(0, 1, 3) @ x[:, 0]

    w, x = values(0, (2, 4)), values(1, (3, 4))
    check_method(loss, w, x)


def test_a_name_that_numpy_has_and_functrace_has_not_is_an_error_that_says_so():
    with pytest.raises(AttributeError, match=r"numpy\.busday_count"):
        fnp.busday_count  # noqa: B018
    with pytest.raises(AttributeError, match="neither has numpy"):
        fnp.no_such_name  # noqa: B018
    with pytest.raises(ArgumentError, match="no counterpart"):
        functrace.jit(lambda x: np.emath.sqrt(x))(np.ones(3))


def test_every_name_that_is_promised_is_there_and_has_numpys_name():
    assert len(set(fnp.__all__)) == len(fnp.__all__)
    for name in fnp.__all__:
        assert hasattr(fnp, name)
        assert hasattr(np, name) or name in ("at", *NEWER)


def test_a_function_of_an_array_that_is_not_traced_is_numpys_in_kind_too():
    x = np.arange(6.0).reshape(2, 3)
    assert np.shares_memory(fnp.reshape(x, (3, 2)), x)
    assert type(fnp.sum(x)) is np.float64
    assert fnp.asarray(x) is x
    out = np.empty(3)
    assert fnp.sum(x, axis=0, out=out) is out
    masked = np.ma.array(x, mask=x > 2)
    assert isinstance(fnp.sum(masked, axis=0), np.ma.MaskedArray)


def test_dtypes_and_shapes_of_tracers_can_be_asked_for():
    def look(x, y):
        assert np.shape(x) == (2, 3)
        assert np.ndim(x) == 2
        assert (np.size(x), np.size(x, 1), fnp.size(x, axis=0)) == (6, 3, 2)
        assert fnp.result_type(x, y) == np.result_type(np.float32(0), np.int16(0))
        assert np.result_type(x, 1.0) == np.float32
        assert fnp.result_type(x, "complex64") == np.complex64
        assert np.can_cast(x, np.float64)
        assert not fnp.can_cast(x, np.int64)
        assert np.common_type(x, y) is np.float64
        assert not np.iscomplexobj(x)
        assert fnp.isrealobj(x)
        assert not fnp.isscalar(x)
        assert fnp.issubdtype(x.dtype, fnp.floating)
        assert fnp.finfo(x.dtype).bits == 32
        return x

    functrace.jit(look)(np.ones((2, 3), np.float32), np.ones(3, np.int16))


def test_equality_of_arrays_is_asked_as_in_numpy():
    x = np.array([1.0, np.nan])
    for other in (x, x + 1, np.ones(3)):
        for equal_nan in (False, True):
            got = functrace.jit(lambda x, y, e=equal_nan: fnp.array_equal(x, y, equal_nan=e))(x, other)
            assert got == np.array_equal(x, other, equal_nan=equal_nan)
    assert functrace.jit(np.array_equiv)(np.ones(2), np.ones((3, 2)))
    assert not functrace.jit(np.array_equiv)(np.ones(2), np.ones(3))
