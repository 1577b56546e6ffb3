"""`linear_transpose`: the matrix of the transpose is the transposed matrix, and what is not linear is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import ShapeDtypeStruct, lax, tree
from functrace.errors import ArgumentError, DifferentiationError, DtypeError, ShapeError, StructureError
from functrace.transforms.linear_transpose import linear_transpose

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(4, 6))
SQUARE = np.array([[3.0, 1.0], [-1.0, 2.0]])
INVERSE = np.linalg.inv(SQUARE)


def matrix_of(function, size):
    """The matrix of a linear function of a vector, a column for each vector of the standard basis."""
    return np.stack([np.concatenate([np.ravel(x) for x in tree.leaves(function(e))]) for e in np.eye(size)], axis=1)


LINEAR = {
    "a matrix product": lambda x: MATRIX @ x,
    "a product from the left": lambda x: x @ MATRIX.T,
    "sums and differences": lambda x: x - 2 * x[::-1] + x.sum(),
    "quotients": lambda x: x / np.arange(1.0, 7.0),
    "parts": lambda x: (x[1:3], x[[0, 0, 5]], {"last": x[-1]}),
    "a reshape": lambda x: x.reshape(2, 3).T,
    "joined parts": lambda x: fnp.concatenate([x[:2], np.zeros(3), x[3:]]),
    "a pad": lambda x: fnp.pad(x, 2),
    "a mean": lambda x: fnp.mean(x.reshape(2, 3), axis=0, keepdims=True),
    "a running sum": lambda x: fnp.cumsum(x),
    "a convolution": lambda x: fnp.convolve(x, np.array([1.0, 2.0, 3.0])),
    "a fixed choice": lambda x: fnp.where(np.arange(6) % 2 == 0, x, 0.0),
    "a written part": lambda x: fnp.zeros(8).at[2:4].set(x[:2]).at[np.array([0, 0])].add(x[2:4]),
    "a window": lambda x: lax.dynamic_update_slice(fnp.zeros(8), x[:3] * 2, (4,)),
    "einsum": lambda x: fnp.einsum("ij,kj->ki", MATRIX[:3, :3], x.reshape(2, 3)),
    "a broadcast": lambda x: fnp.broadcast_to(x, (2, 6)) * np.arange(2.0)[:, None],
    "a constant power of a constant": lambda x: np.exp(2.0) * x,
    "a compiled function": functrace.jit(lambda x: MATRIX @ x + fnp.sum(x)),
    "a scan": lambda x: lax.scan(lambda c, a: (0.5 * c + a, c - a), 0.0, x),
    "a loop": lambda x: lax.fori_loop(0, 3, lambda i, c: c + i * c[::-1], x),
    "a while loop": lambda x: lax.while_loop(lambda c: c[0] < 4, lambda c: (c[0] + 1, 2.0 * c[1]), (0, x))[1],
    "a fixed branch": lambda x: lax.cond(np.bool_(True), lambda x: 2 * x, lambda x: x * 0.0, x),
    "the derivative of a nonlinear function": lambda x: functrace.jvp(fnp.sin, (np.arange(6.0),), (x,))[1],
    "an unused nonlinear part": lambda x: (fnp.sin(x), 2 * x)[1],
    "a batch": lambda x: functrace.vmap(lambda row: MATRIX[:3, :3] @ row)(x.reshape(2, 3)),
    "a system solved": lambda x: lax.custom_linear_solve(
        lambda y: SQUARE @ y, x[:2], lambda _, b: INVERSE @ b, lambda _, b: INVERSE.T @ b
    ),
    "a barrier": lambda x: lax.optimization_barrier((x, 2 * x))[1],
    "zeros": lambda x: fnp.zeros(3),
}


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("jit", [False, True])
def test_the_matrix_of_the_transpose_is_the_transposed_matrix(name, jit):
    function = LINEAR[name]
    transposed = linear_transpose(function, ShapeDtypeStruct((6,), np.float64))
    if jit:
        transposed = functrace.jit(transposed)
    expected = matrix_of(functrace.jit(function), 6)
    leaves, treedef = tree.flatten(functrace.eval_shape(function, np.zeros(6)))

    def from_flat(e):
        ends = np.cumsum([leaf.size for leaf in leaves])
        parts = [e[end - leaf.size : end].reshape(leaf.shape) for leaf, end in zip(leaves, ends, strict=True)]
        return transposed(treedef.unflatten([part[()] for part in parts]))

    np.testing.assert_allclose(matrix_of(from_flat, len(expected)), expected.T, rtol=1e-12, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_the_pairing_with_the_transpose_is_the_pairing_with_the_function(seed, rows, columns):
    rng = np.random.default_rng(seed)
    matrix, x, ct = rng.normal(size=(rows, columns)), rng.normal(size=columns), rng.normal(size=rows)
    function = lambda x: fnp.cumsum(matrix @ x)  # noqa: E731
    (pulled,) = linear_transpose(function, np.zeros(columns))(ct)
    np.testing.assert_allclose(pulled @ x, ct @ function(x), rtol=1e-9, atol=1e-9)


def test_it_is_the_transpose_and_not_the_adjoint():
    (got,) = linear_transpose(lambda z: (1 + 2j) * z, 0j)(1 + 0j)
    assert got == 1 + 2j


def test_pytrees_keep_their_structure_and_dtypes():
    def f(p, y):
        return {"u": p["x"] * 3 - y, "v": 2 * fnp.sum(p["x"])}

    got = linear_transpose(f, {"x": np.zeros(2, np.float32)}, np.float32(0))(
        {"u": np.array([1.0, 2.0], np.float32), "v": np.float32(1)}
    )
    assert tree.structure(got) == tree.structure(({"x": 0}, 0))
    np.testing.assert_array_equal(got[0]["x"], np.array([5.0, 8.0], np.float32))
    assert got[0]["x"].dtype == np.float32 and got[1] == -3.0


def test_an_argument_without_effect_gets_zeros():
    got = linear_transpose(lambda x, y: 2 * x, np.zeros(2), np.zeros((3, 1)))(np.ones(2))
    np.testing.assert_array_equal(got[0], np.full(2, 2.0))
    np.testing.assert_array_equal(got[1], np.zeros((3, 1)))


def test_the_values_of_the_arguments_do_not_matter():
    (got,) = linear_transpose(lambda x: x / 2, np.array([np.nan, np.inf]))(np.ones(2))
    np.testing.assert_array_equal(got, [0.5, 0.5])


def test_the_caller_owns_the_result():
    transposed = linear_transpose(lambda x: (x, x), np.zeros(3))
    ct = np.ones(3)
    (first,) = transposed((ct, ct))
    first += 1
    np.testing.assert_array_equal(ct, np.ones(3))
    np.testing.assert_array_equal(transposed((ct, ct))[0], np.full(3, 2.0))
    (alone,) = linear_transpose(lambda x: x, np.zeros(3))(ct)
    assert not np.shares_memory(alone, ct)


# ---- other transforms


def test_the_transpose_of_the_transpose_is_the_function():
    transposed = linear_transpose(lambda x: MATRIX @ x, np.zeros(6))
    again = linear_transpose(lambda ct: transposed(ct)[0], np.zeros(4))
    x = RNG.normal(size=6)
    np.testing.assert_allclose(again(x)[0], MATRIX @ x)


def test_it_batches_and_differentiates_with_respect_to_what_the_function_captured():
    transposed = linear_transpose(lambda x: MATRIX @ x, np.zeros(6))
    np.testing.assert_allclose(functrace.vmap(lambda ct: transposed(ct)[0])(np.eye(4)), MATRIX)
    slope = functrace.grad(
        lambda s: fnp.sum(linear_transpose(lambda x: s * s * (MATRIX @ x), np.zeros(6))(np.ones(4))[0])
    )
    np.testing.assert_allclose(slope(3.0), 6 * MATRIX.sum())


def test_it_works_inside_jit():
    f = functrace.jit(lambda matrix, ct: linear_transpose(lambda x: matrix @ x, np.zeros(6))(ct)[0])
    np.testing.assert_allclose(f(MATRIX, np.arange(4.0)), MATRIX.T @ np.arange(4.0))


# ---- what is refused

NOT_LINEAR = {
    "mul": lambda x: x * x,
    "add": lambda x: x + 1,
    "sin": lambda x: fnp.sin(x),
    "div": lambda x: 1 / x,
    "gt": lambda x: fnp.where(x > 0, x, 0),
    "select": lambda x: fnp.where(np.arange(3) > 0, x, 1.0),
    "concatenate": lambda x: fnp.concatenate([x, np.ones(2)]),
    "abs": lambda x: abs(x),
    "dot_general": lambda x: x @ x,
    "reduce_max": lambda x: fnp.max(x),
    "floor": lambda x: fnp.floor(x),
    "scan": lambda x: lax.scan(lambda c, a: (c * a, c), 1.0, x)[0],
    "the number of steps": lambda x: lax.while_loop(lambda c: c[0] < 4, lambda c: c * 2, x),
    "the branch": lambda x: lax.cond(x[0] > 0, lambda x: x, lambda x: -x, x),
    "cond": lambda x: lax.cond(np.bool_(True), lambda x: x, lambda x: np.ones(3), x),
    "does not depend": lambda x: np.ones(3),
}


@pytest.mark.parametrize("word", NOT_LINEAR)
def test_a_function_that_is_not_linear_is_refused_with_the_reason(word):
    with pytest.raises(DifferentiationError) as caught:
        linear_transpose(NOT_LINEAR[word], np.zeros(3))
    assert "linear in its arguments" in str(caught.value)
    if word not in ("gt",):
        assert word in str(caught.value)


def test_the_error_names_the_line_and_the_result():
    def f(x):
        square = x * x
        return {"fine": 2 * x, "wrong": square + x}

    with pytest.raises(DifferentiationError) as caught:
        linear_transpose(f, 1.0)
    assert "result['wrong']" in str(caught.value) and "square = x * x" in str(caught.value)


def test_integers_are_refused():
    with pytest.raises(DtypeError, match=r"i64\[\] at primals\[1\]"):
        linear_transpose(lambda x, n: x * n, 1.0, 2)


def test_a_cotangent_that_does_not_match_is_refused():
    transposed = linear_transpose(lambda x: (x, 2 * x), np.zeros(3))
    with pytest.raises(StructureError):
        transposed(np.zeros(3))
    with pytest.raises(ShapeError):
        transposed((np.zeros(3), np.zeros(2)))
    with pytest.raises(DtypeError):
        transposed((np.zeros(3), np.zeros(3, np.float32)))
    with pytest.raises(ArgumentError):
        linear_transpose(np.zeros(3))
