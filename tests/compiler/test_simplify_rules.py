"""Each rule does its work, and changes no element of a result by a bit, or, where it adds, by no more than rounding."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
from functrace import lax
from functrace.compiler.simplify import simplify
from functrace.core.aval import Aval
from functrace.core.jaxpr import check_jaxpr
from functrace.core.primitive import Primitive

SPECIAL = [0.0, -0.0, 1.0, -1.5, 3.0, np.inf, -np.inf, np.nan, 5e-324, 1e-40, 1e300, 6e4, 1e-8]
FLOATS = [np.float16, np.float32, np.float64]
NUMBERS = [*FLOATS, np.complex64, np.complex128, np.int8, np.int32, np.int64, np.uint8, np.bool_]

# the function, and the primitives that are left of it for float64
ELEMENTWISE = {
    "plus minus zero": (lambda x, y: x + -0.0, []),
    "plus an integer zero": (lambda x, y: x + 0, ["add"]),
    "times minus one": (lambda x, y: x * -1, ["neg"]),
    "times minus one from the left": (lambda x, y: -1.0 * x, ["neg"]),
    "over minus one": (lambda x, y: x / -1, ["neg"]),
    "over a power of two": (lambda x, y: x / 8, ["mul"]),
    "over a negative power of two": (lambda x, y: x / -0.25, ["mul"]),
    "over three": (lambda x, y: x / 3, ["div"]),
    "over a power whose reciprocal is no normal number": (lambda x, y: x / 2.0**1023, ["div"]),
    "plus minus y": (lambda x, y: x + -y, ["sub"]),
    "minus x plus y": (lambda x, y: -x + y, ["sub"]),
    "minus minus y": (lambda x, y: x - -y, ["add"]),
    "product of minuses": (lambda x, y: -x * -y, ["mul"]),
    "quotient of minuses": (lambda x, y: -x / -y, ["div"]),
    "minus a product with minus": (lambda x, y: np.negative(-x * y), ["mul"]),
    "minus a product with a literal": (lambda x, y: np.negative(x * 1.7), ["mul"]),
    "minus a quotient by a literal": (lambda x, y: np.negative(x / 1.7), ["div"]),
    "minus a quotient of a literal": (lambda x, y: np.negative(1.7 / x), ["div"]),
    "minus times a literal": (lambda x, y: -x * 2.5, ["mul"]),
    "minus times zero": (lambda x, y: -x * 0, ["neg", "mul"]),
    "minus over a literal": (lambda x, y: -x / 2.5, ["div"]),
    "a literal over minus": (lambda x, y: 2.5 / -x, ["div"]),
    "plus a product with minus": (lambda x, y: y + -x * y, ["mul", "sub"]),
    "minus a product with a minus": (lambda x, y: y - y * -x, ["mul", "add"]),
    "minus a difference": (lambda x, y: np.negative(x - y), ["sub", "neg"]),
    "squared": (lambda x, y: x**2, ["square"]),
    "to the first": (lambda x, y: x**1, []),
    "the square of minus": (lambda x, y: lax.square(-x), ["square"]),
    "the square of the modulus": (lambda x, y: lax.square(abs(x)), ["square"]),
    "the modulus of the modulus": (lambda x, y: abs(abs(x)), ["abs"]),
    "the modulus of minus": (lambda x, y: abs(-x), ["abs"]),
    "the greater of the same": (lambda x, y: np.maximum(x, x), []),
    "the less of the same": (lambda x, y: np.fmin(x, x), []),
    "the same whatever the condition": (lambda x, y: np.where(x == y, x, x), []),
    "a choice by a negation": (lambda x, y: np.where(np.logical_not(x < y), x, y), ["lt", "select"]),
    "zero or what is greater": (lambda x, y: np.where(x <= 0, 0, x), ["max", "add"]),
    "minus zero or what is greater": (lambda x, y: np.where(x <= 0, -0.0, x), ["le", "select"]),
    "zero or another that is greater": (lambda x, y: np.where(x <= 0, 0, y), ["le", "select"]),
    "not equal": (lambda x, y: np.logical_not(x == y), ["ne"]),
    "not unequal": (lambda x, y: ~(x != y), ["eq"]),
    "not less": (lambda x, y: np.logical_not(x < y), ["lt", "logical_not"]),
    "not not": (lambda x, y: np.logical_not(np.logical_not(x < y)), ["lt"]),
    "and true": (lambda x, y: (x < y) & True, ["lt"]),
    "or false": (lambda x, y: np.logical_or(False, x < y), ["lt"]),
    "and itself": (lambda x, y: (x < y) & (x < y), ["lt"]),
    "in either order": (lambda x, y: (x + y) * (y + x) - (x * y) / (y * x), ["add", "mul", "mul", "div", "sub"]),
    "of a broadcast": (lambda x, y: -lax.broadcast_in_dim(x, (2, *x.shape), (1,)), ["neg", "broadcast_in_dim"]),
    "of a broadcast and a number": (
        lambda x, y: lax.broadcast_in_dim(x, (2, *x.shape), (1,)) * 2.5,
        ["mul", "broadcast_in_dim"],
    ),
    "of the same broadcast twice": (
        lambda x, y: (lambda z: z + z / 3)(lax.broadcast_in_dim(x, (*x.shape, 2), (0,))),
        ["div", "add", "broadcast_in_dim"],
    ),
    "reversed twice": (lambda x, y: lax.rev(lax.rev(x, (0,)), (0,)), []),
    "a broadcast transposed": (lambda x, y: lax.broadcast_in_dim(x, (2, 3), (1,)).T, ["broadcast_in_dim"]),
    "a broadcast with one more axis": (
        lambda x, y: lax.broadcast_in_dim(x, (3, 2), (0,)).reshape(3, 1, 2),
        ["broadcast_in_dim"],
    ),
    "a broadcast flattened": (
        lambda x, y: lax.broadcast_in_dim(x, (3, 2), (0,)).reshape(6),
        ["broadcast_in_dim", "reshape"],
    ),
    "all of it": (lambda x, y: lax.slice(x, (0,), (3,)), []),
    "joined with nothing else": (lambda x, y: lax.concatenate([x, x[:0]], 0), []),
    "padded with nothing": (lambda x, y: lax.pad(x, x.dtype.type(1), [(0, 0, 0)]), []),
    "put together from its parts": (
        lambda x, y: functrace.vjp(lambda x: [x[:1], x[1:]], x)[1]([y[:1], y[1:]])[0],
        ["getitem", "getitem", "concatenate", "add"],
    ),
}


def primitives(function, *args):
    closed = functrace.make_jaxpr(function)(*args)
    simplified = simplify(closed)
    check_jaxpr(simplified)
    return [equation.primitive.name for equation in simplified.equations]


def assert_bits(got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    if got.dtype.kind == "c":
        assert_bits(got.real, expected.real)
        assert_bits(got.imag, expected.imag)
        return
    np.testing.assert_array_equal(got, expected)
    if got.dtype.kind == "f":
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(expected)[known])


def elements(dtype):
    kind = np.dtype(dtype).kind
    if kind in "iu":
        limits = np.iinfo(dtype)
        return st.sampled_from([limits.min, limits.max, 0, 1, 2, 5])
    if kind == "b":
        return st.booleans()
    with np.errstate(all="ignore"):
        reals = st.sampled_from([float(np.finfo(dtype).dtype.type(x)) for x in SPECIAL])
    return reals if kind == "f" else st.builds(complex, reals, reals)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_rule_does_its_work(name):
    function, expected = ELEMENTWISE[name]
    x = np.array([1.0, 2.0, 3.0])
    assert primitives(function, x, x + 1) == expected


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ELEMENTWISE)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_a_rule_changes_no_bit(name, data):
    function, _ = ELEMENTWISE[name]
    dtype = data.draw(st.sampled_from(NUMBERS))
    x, y = [data.draw(hnp.arrays(dtype, 3, elements=elements(dtype))) for _ in range(2)]
    with np.errstate(all="ignore"):
        try:
            expected = function(x, y)
        except (TypeError, OverflowError):
            return
        got = functrace.jit(function)(x, y)
    assert_bits(got, expected)


CONVERSIONS = [np.float16, np.float32, np.float64, np.complex64, np.int8, np.int32, np.int64, np.uint8, np.bool_]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_chain_of_conversions_gives_what_its_steps_give(data):
    dtypes = data.draw(st.lists(st.sampled_from(CONVERSIONS), min_size=2, max_size=4))
    x = data.draw(hnp.arrays(dtypes[0], 3, elements=elements(dtypes[0])))

    def convert(x):
        for dtype in dtypes[1:]:
            x = lax.convert_element_type(x, dtype)
        return x

    assert_bits(functrace.jit(convert)(x), convert(x))


@pytest.mark.parametrize(
    ("dtypes", "left"),
    [
        ((np.float32, np.float64, np.float32), 0),
        ((np.int8, np.int64, np.int16), 1),
        ((np.int32, np.float64, np.int32), 0),
        ((np.int64, np.float64, np.int64), 2),
        ((np.float64, np.float32, np.float64), 2),
        ((np.float32, np.float64, np.int32), 2),
        ((np.float16, np.float64, np.float32), 1),
    ],
)
def test_only_a_conversion_that_loses_nothing_is_left_out(dtypes, left):
    def convert(x):
        return lax.convert_element_type(lax.convert_element_type(x, dtypes[1]), dtypes[2])

    assert primitives(convert, np.ones(3, dtypes[0])) == ["convert_element_type"] * left


# ---------------------------------------------------------------------------------------------------------------------
# random programs
# ---------------------------------------------------------------------------------------------------------------------

UNARY = [
    "-{0}",
    "abs({0})",
    "+{0}",
    "np.negative({0})",
    "{0} * -1",
    "{0} / -1",
    "{0} / 4",
    "{0} * 2.5",
    "{0} / 3",
    "{0} * 0",
]
UNARY += ["1.5 / {0}", "{0} - 0.0", "{0} + -0.0", "{0} + 0", "{0} ** 2", "np.square({0})", "lax.stop_gradient({0})"]
UNARY += ["{0}.reshape(-1).reshape({0}.shape)", "{0}.T.T", "-0.0 - {0}", "np.sqrt({0})", "lax.rev({0}, (0,))"]
BINARY = ["{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / {1}", "np.maximum({0}, {1})", "np.where({0} < {1}, {0}, {1})"]
BINARY += ["np.where(~({0} == {1}), {1}, -{0})", "np.where(np.logical_not({0} > {1}), {0}, {1})"]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=50, deadline=None)
@given(st.data())
def test_random_programs_of_special_values_give_the_same_bits(data):
    dtype = data.draw(st.sampled_from([*FLOATS, np.int8, np.int64, np.uint8]))
    shapes = [(2, 3), (3,), (2, 1), (1, 3)]
    args = [data.draw(hnp.arrays(dtype, shape, elements=elements(dtype))) for shape in shapes]
    lines = []
    for number in range(data.draw(st.integers(1, 12))):
        names = [f"v{place}" for place in range(len(args) + number)]
        text = data.draw(st.sampled_from([*UNARY, *BINARY, *BINARY]))
        lines.append(f"v{len(args) + number} = {text.format(*[data.draw(st.sampled_from(names)) for _ in range(2)])}")
    results = ", ".join([f"v{place}" for place in range(len(args), len(args) + len(lines))][-3:])
    source = f"def f({', '.join(f'v{place}' for place in range(len(args)))}):\n    "
    source += "\n    ".join([*lines, f"return {results},"])
    namespace = {"np": np, "lax": lax}
    exec(source, namespace)
    function = namespace["f"]
    with np.errstate(all="ignore"):
        try:
            expected = function(*args)
        except (TypeError, OverflowError):
            return
        got = functrace.jit(function)(*args)
    for a, b in zip(got, expected, strict=True):
        assert_bits(a, b)


# ---------------------------------------------------------------------------------------------------------------------
# reductions and products
# ---------------------------------------------------------------------------------------------------------------------

S = (2, 3, 4)
SUMS = {
    "a sum of sums": (lambda x, y: x.sum(2).sum(0), ["reduce_sum"]),
    "a sum of kept sums": (lambda x, y: x.sum(2, keepdims=True).sum((0, 1), keepdims=True), ["reduce_sum", "reshape"]),
    "the greatest of the greatest": (lambda x, y: x.max(0).max(0), ["reduce_max"]),
    "the product of products": (lambda x, y: x.prod(1).prod(1), ["reduce_prod"]),
    "any of any": (lambda x, y: (x > 0).any(1).any(0), ["gt", "reduce_or"]),
    "a sum of minus": (lambda x, y: (-x).sum(1), ["reduce_sum", "neg"]),
    "a sum over one": (lambda x, y: x[:1].sum(0), ["getitem", "reshape"]),
    "the least over one": (lambda x, y: x[:1].min(0, keepdims=True), ["getitem"]),
    "a sum of copies": (lambda x, y: np.broadcast_to(x[0], (5, 3, 4)).sum((0, 2)), ["getitem", "reduce_sum", "mul"]),
    "the greatest of copies": (lambda x, y: np.broadcast_to(x[0, 0], (5, 4)).max(0), ["getitem"]),
    "a sum of products": (lambda x, y: (x * y).sum(), ["dot_general"]),
    "a sum of squares": (lambda x, y: (x**2).sum(), ["dot_general"]),
    "a sum of a square": (lambda x, y: (x * x).sum((0, 1)), ["mul", "reduce_sum"]),
    "a sum of sums of products": (lambda x, y: (x * y).sum(2).sum(), ["dot_general"]),
    "a product of matrices as a sum": (
        lambda x, y: (x[0][:, :, None] * y[0].T[None]).sum(1),
        ["getitem", "getitem", "dot_general"],
    ),
    "a sum with a vector": (lambda x, y: (x * y[0, 0]).sum(2), ["getitem", "dot_general"]),
    "a sum with a row": (lambda x, y: (x[0] * y[0, 0]).sum(), ["getitem", "getitem", "reduce_sum", "dot_general"]),
    "a sum of a batch": (lambda x, y: (x * y[:, :1]).sum(2), ["getitem", "reshape", "dot_general"]),
    "a sum of rows of a product": (
        lambda x, y: (x[0] @ y[0].T).sum(0),
        ["getitem", "getitem", "reduce_sum", "dot_general"],
    ),
    "a common operand": (
        lambda x, y: x[0].T @ y[0] + x[0].T @ y[1],
        ["getitem", "getitem", "getitem", "add", "dot_general"],
    ),
    "an outer product": (lambda x, y: np.outer(x[0, 0], y[0, 0]), ["getitem", "getitem", "reshape", "mul"]),
    "a constant of ones": (lambda x, y: x * np.ones(4) - np.zeros((3, 1)), []),
    "a trace as a sum": (lambda x, y: np.einsum("bij,bij->b", x, y).sum(), ["dot_general"]),
    "a product of a transpose": (lambda x, y: np.dot(x[0].T, y[0]), ["getitem", "getitem", "dot_general"]),
    "a transposed product": (lambda x, y: np.dot(x[0], y[0].T).T, ["getitem", "getitem", "dot_general"]),
    "a chain": (
        lambda x, y: (x[0] @ y[0].T) @ (x[0] @ y[0, 0]),
        ["getitem", "getitem", "getitem", "dot_general", "dot_general", "dot_general"],
    ),
}


@pytest.mark.parametrize("name", SUMS)
def test_a_rule_of_sums_does_its_work(name):
    function, expected = SUMS[name]
    x, y = np.random.default_rng(0).standard_normal((2, *S))
    assert primitives(function, x, y) == expected


@pytest.mark.parametrize("dtype", [*FLOATS, np.complex64, np.complex128, np.int8, np.int64])
@pytest.mark.parametrize("name", SUMS)
def test_a_rule_of_sums_changes_no_more_than_the_rounding(name, dtype):
    function, _ = SUMS[name]
    generator = np.random.default_rng(1)
    x, y = (generator.standard_normal((2, *S)) * 3).astype(dtype)
    if np.dtype(dtype).kind == "c":
        x = x + x.dtype.type(1j) * y
    expected = function(x, y)
    got = functrace.jit(function)(x, y)
    assert (np.asarray(got).dtype, np.shape(got)) == (np.asarray(expected).dtype, np.shape(expected))
    if np.dtype(dtype).kind == "i":
        np.testing.assert_array_equal(got, expected)
        return
    size = np.finfo(dtype).eps * 300
    np.testing.assert_allclose(got, expected, rtol=size, atol=size * 20)


def test_a_batch_of_gradients_multiplies_by_no_ones():
    assert primitives(functrace.vmap(functrace.grad(lambda row: row @ row)), np.ones((4, 3))) == ["add"]


def test_long_rows_are_multiplied_and_summed_at_once():
    x = np.ones((4, 64))
    assert primitives(lambda x, y: (x * y).sum(1), x, x) == ["dot_general"]
    assert "np.vecdot(" in functrace.jit(lambda x, y: (x * y).sum(1)).lower(x, x).as_text()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_chain_of_matrices_in_any_order_is_their_product(data):
    extents = data.draw(st.lists(st.integers(1, 6), min_size=3, max_size=6))
    generator = np.random.default_rng(0)
    factors = [generator.standard_normal(shape) for shape in itertools.pairwise(extents)]
    if data.draw(st.booleans()):
        factors[-1] = factors[-1][:, 0]
    if data.draw(st.booleans()):
        factors[0] = factors[0][0]
    flipped = [x.ndim == 2 and data.draw(st.booleans()) for x in factors]
    given = [x.T.copy() if flip else x for x, flip in zip(factors, flipped, strict=True)]
    order = data.draw(st.lists(st.integers(0, 10), min_size=len(factors), max_size=len(factors)))

    def product(*args):
        parts = [x.T if flip else x for x, flip in zip(args, flipped, strict=True)]
        for choice in order[:-1]:
            at = choice % (len(parts) - 1)
            if parts[at].ndim == parts[at + 1].ndim == 1 and len(parts) > 2:
                at = 0 if at else 1
            parts[at : at + 2] = [parts[at] @ parts[at + 1]]
        return parts[0]

    expected = product(*given)
    closed = functrace.make_jaxpr(product)(*given)
    check_jaxpr(simplify(closed))
    np.testing.assert_allclose(functrace.jit(product)(*given), expected, rtol=1e-10, atol=1e-10)


def test_a_long_chain_takes_the_cheap_order():
    shapes = [(10, 100), (100, 5), (5, 50), (50, 1)]
    closed = functrace.make_jaxpr(lambda a, b, c, d: a @ b @ c @ d)(*[np.ones(shape) for shape in shapes])
    assert [e.outputs[0].aval.shape for e in simplify(closed).equations] == [(5, 1), (100, 1), (10, 1)]


def test_a_product_that_is_needed_elsewhere_is_not_computed_anew():
    a, v = np.ones((5, 5)), np.ones(5)
    closed = functrace.make_jaxpr(lambda a, b, v: (a @ b, (a @ b) @ v))(a, a, v)
    assert [e.outputs[0].aval.shape for e in simplify(closed).equations] == [(5, 5), (5,)]


# ---------------------------------------------------------------------------------------------------------------------
# sums of exponentials
# ---------------------------------------------------------------------------------------------------------------------

ROWS = [
    [1.0, 2.0, 3.0],
    [1000.0, 1000.0, 0.0],
    [-2000.0, -2001.0, -2000.0],
    [-np.inf, -np.inf, -np.inf],
    [-np.inf, 1.0, 2.0],
    [np.inf, 1.0, -np.inf],
    [np.inf, np.inf, 0.0],
    [np.nan, 1.0, 2.0],
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [0, 1, (0, 1), None])
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_compiled_logsumexp_and_its_gradient_are_as_without_compilation(dtype, axis, keepdims):
    def value_and_gradient(x, ct):
        out, pullback = functrace.vjp(lambda x: lax.logsumexp(x, axis, keepdims), x)
        return out, pullback(ct * lax.convert_element_type(lax.add(out, 0) * 0 == 0, dtype) + ct)[0]

    for rows in (np.array(ROWS, dtype), np.array([row for row in ROWS if np.isfinite(row).all()], dtype)):
        ct = np.ones_like(np.sum(rows, axis, keepdims=keepdims))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = functrace.jit(lambda x: lax.logsumexp(x, axis, keepdims))(rows)
        np.testing.assert_allclose(got, lax.logsumexp(rows, axis, keepdims), rtol=20 * np.finfo(dtype).eps)
        with np.errstate(all="ignore"):
            for a, b in zip(functrace.jit(value_and_gradient)(rows, ct), value_and_gradient(rows, ct), strict=True):
                assert a.dtype == b.dtype == dtype
                np.testing.assert_allclose(a, b, rtol=2000 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)


def test_a_softmax_is_computed_once_for_its_value_and_its_gradient():
    def loss(x, y):
        return -np.sum(y * (x - lax.logsumexp(x, 1, keepdims=True)))

    names = primitives(functrace.value_and_grad(loss), np.ones((4, 3)), np.ones((4, 3)))
    assert names.count("exp") == names.count("log") == names.count("reduce_max") == 1


def test_softmax_of_infinite_and_missing_numbers_is_as_without_compilation():
    def softmax(x):
        return np.exp(x - lax.logsumexp(x, 1, keepdims=True))

    x = np.array(ROWS)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(functrace.jit(softmax)(x), softmax(x), rtol=1e-12)
    assert primitives(softmax, x).count("exp") == 1


# ---------------------------------------------------------------------------------------------------------------------
# products of arrays
# ---------------------------------------------------------------------------------------------------------------------


@st.composite
def products(draw):
    """Shapes of two operands, the numbers of a product's dimensions, and its einsum."""
    letters = draw(st.lists(st.sampled_from("bclr"), min_size=0, max_size=6))
    names = [f"{kind}{number}" for number, kind in enumerate(letters)]
    extents = {name: draw(st.integers(1, 4)) for name in names}
    left = draw(st.permutations([name for name in names if name[0] != "r"]))
    right = draw(st.permutations([name for name in names if name[0] != "l"]))
    shared = {kind: draw(st.permutations([n for n in names if n[0] == kind])) for kind in "bc"}
    numbers = tuple([tuple([tuple([side.index(n) for n in shared[kind]]) for side in (left, right)]) for kind in "cb"])
    out = [*shared["b"], *[n for n in left if n[0] == "l"], *[n for n in right if n[0] == "r"]]
    words = ["".join([chr(97 + names.index(n)) for n in side]) for side in (left, right, out)]
    shapes = [[extents[n] for n in side] for side in (left, right)]
    return shapes, numbers, f"{words[0]},{words[1]}->{words[2]}"


@settings(max_examples=120, deadline=None)
@given(products(), st.sampled_from([np.float32, np.float64, np.complex128, np.int64]), st.booleans())
def test_a_product_is_its_einsum_eagerly_and_compiled(product, dtype, transposed):
    shapes, numbers, subscripts = product
    generator = np.random.default_rng(0)
    x, y = [(4 * generator.standard_normal(shape)).astype(dtype) for shape in shapes]
    if np.dtype(dtype).kind == "c":
        x, y = x * (1 + 2j), y * (2 - 1j)
    if transposed:
        x, y = x.copy("F"), y.copy("F")
    expected = np.einsum(subscripts, x, y)
    tolerance = 1e-4 if dtype is np.float32 else 1e-12
    for function in (lax.dot_general, functrace.jit(lax.dot_general, static_argnums=2)):
        got = function(x, y, numbers)
        assert (np.shape(got), np.asarray(got).dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "text"),
    [
        (
            "bqhd,bkhd->bhqk",
            [(2, 5, 3, 4), (2, 6, 3, 4)],
            "np.matmul(q.transpose((0, 2, 1, 3)), k.transpose((0, 2, 3, 1)))",
        ),
        ("bhqk,bkhd->bhqd", [(2, 3, 5, 6), (2, 6, 3, 4)], "np.matmul(q, k.transpose((0, 2, 1, 3)))"),
        ("bij,bj->bi", [(2, 3, 4), (2, 4)], "np.matmul(q, k.reshape((2, 4, 1)))"),
        ("ij,ij->i", [(2, 3), (2, 3)], "np.vecdot(q, k)"),
        ("ij,ij->j", [(2, 3), (2, 3)], "np.einsum('ab,ab->b', q, k, order='C')"),
        ("ij,ij->", [(2, 3), (2, 3)], "np.vdot(q, k)"),
    ],
)
def test_products_are_given_to_blas_as_views(subscripts, shapes, text):
    function = functrace.jit(lambda q, k: functrace.numpy.einsum(subscripts, q, k))
    assert text in function.lower(*[np.ones(shape) for shape in shapes]).as_text()


def test_a_primitive_of_the_users_own_is_not_rewritten_for_its_name():
    minus = Primitive("neg", lambda x: np.asarray(x) + 1, lambda x: Aval(x.shape, x.dtype))
    less = Primitive("add", lambda x, y: np.asarray(x) - y, lambda x, y: Aval(x.shape, x.dtype))
    x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0])

    def function(x, y):
        return minus(minus(x)), less(x, y), less(y, x), lax.neg(minus(x)), minus(x) + y

    for got, expected in zip(functrace.jit(function)(x, y), function(x, y), strict=True):
        assert_bits(got, expected)


@pytest.mark.parametrize(
    "function", [lambda x: x * 1, np.sum, lambda x: x + -0.0, lambda x: np.negative(-x), lambda x: x[None][0]]
)
def test_an_operation_that_changes_nothing_gives_the_type_that_numpy_gives(function):
    for x in (np.array(2.0), np.float64(2.0), np.array([2.0])):
        assert type(functrace.jit(function)(x)) is type(function(x))


def test_an_extended_float_is_divided_as_numpy_divides_it():
    x = np.array([1, 3], np.longdouble) / 7
    assert_bits(functrace.jit(lambda x: x / 4)(x), x / 4)
