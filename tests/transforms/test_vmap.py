"""What `vmap` takes and gives: axes as prefixes of pytrees, sizes, names, and its errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from functrace import grad, jit, jvp, lax, vmap
from functrace.errors import ArgumentError, ConcretizationTypeError, OptionError, UnexpectedTracerError

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4))
B = RNG.normal(size=(4, 3, 2))


class Point(NamedTuple):
    x: object
    y: object


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("out", [0, 1, 2, -1, -2, -3])
def test_any_axis_may_be_the_batch_and_the_batch_may_go_to_any_axis(axis, out):
    got = vmap(lambda x: np.sin(x) @ np.ones((x.shape[1], 5)), in_axes=axis, out_axes=out)(B)
    rows = np.moveaxis(B, axis, 0)
    expected = np.moveaxis(np.stack([np.sin(row) @ np.ones((row.shape[1], 5)) for row in rows]), 0, out)
    np.testing.assert_allclose(got, expected)
    np.testing.assert_array_equal(jit(vmap(np.cos, in_axes=axis, out_axes=out))(B), np.moveaxis(np.cos(B), axis, out))


def test_in_axes_is_a_prefix_of_the_arguments():
    tree = {"p": Point(A, A.T), "q": [B, 2.0]}
    f = lambda t, s: t["p"].x * s + t["p"].y + np.sum(t["q"][0]) * t["q"][1]  # noqa: E731
    got = vmap(f, in_axes=({"p": Point(1, 0), "q": [0, None]}, None))(tree, 3.0)
    expected = np.stack([A[:, i] * 3.0 + A.T[i] + np.sum(B[i]) * 2.0 for i in range(4)])
    np.testing.assert_allclose(got, expected)
    np.testing.assert_allclose(vmap(lambda t: t["a"] + t["b"], in_axes=({"a": 0, "b": 1},))({"a": A, "b": A.T}), 2 * A)
    np.testing.assert_allclose(vmap(lambda p, s: p[0] * p[1] * s, in_axes=[0, None])((A, A), 2.0), 2 * A * A)


def test_out_axes_is_a_prefix_of_the_result():
    f = lambda x: ({"a": x, "b": (x * 2, 7.0)}, np.sum(x))  # noqa: E731
    (d, total) = vmap(f, out_axes=({"a": 1, "b": (0, None)}, -1))(A)
    np.testing.assert_array_equal(d["a"], A.T)
    np.testing.assert_array_equal(d["b"][0], 2 * A)
    assert d["b"][1] == 7.0 and np.shape(d["b"][1]) == ()
    np.testing.assert_allclose(total, A.sum(1))


def test_a_result_that_no_example_changes_is_repeated_or_given_once():
    got = vmap(lambda x: np.ones(2) * 3.0)(A)
    np.testing.assert_array_equal(got, np.full((3, 2), 3.0))
    got[0, 0] = 5.0  # the caller's own memory
    assert got[1, 0] == 3.0
    assert vmap(lambda x: 3.0, out_axes=None)(A) == 3.0
    np.testing.assert_allclose(vmap(lambda x: lax.psum(x, "i"), axis_name="i", out_axes=None)(A), A.sum(0))


def test_axis_size_is_asked_for_where_no_argument_has_one():
    np.testing.assert_array_equal(vmap(lambda x: x * 2, in_axes=None, axis_size=3)(A[0]), np.stack([A[0] * 2] * 3))
    np.testing.assert_array_equal(vmap(lambda: lax.axis_index("i"), axis_size=4, axis_name="i")(), np.arange(4))
    with pytest.raises(OptionError, match="axis_size"):
        vmap(lambda x: x, in_axes=None)(A)
    with pytest.raises(OptionError, match=r"(?s)differ.*axis_size is 5.*size 3"):
        vmap(lambda x: x, axis_size=5)(A)


def test_a_batch_of_none_is_a_batch():
    assert vmap(lambda x: np.sum(np.sin(x)))(np.zeros((0, 3))).shape == (0,)
    assert vmap(grad(lambda x: np.sum(x * x)))(np.zeros((0, 3))).shape == (0, 3)


def test_keyword_arguments_are_batched_along_axis_0():
    got = vmap(lambda x, *, scale, shift: x * scale + shift, in_axes=(1,))(A, scale=np.arange(4.0), shift=np.ones(4))
    np.testing.assert_allclose(got, (A * np.arange(4.0) + 1).T)


def test_nested_vmaps_make_an_outer_product():
    got = vmap(vmap(lambda x, y: x * y, in_axes=(None, 0)), in_axes=(0, None))(A[0], A[1])
    np.testing.assert_allclose(got, np.outer(A[0], A[1]))
    swapped = vmap(vmap(lambda x, y: x * y, in_axes=(0, None)), in_axes=(None, 0))(A[0], A[1])
    np.testing.assert_allclose(swapped, np.outer(A[1], A[0]))


def test_a_captured_value_is_differentiated_through_the_batch():
    f = lambda w: np.sum(vmap(lambda row: np.sin(np.dot(row, w)))(A))  # noqa: E731
    np.testing.assert_allclose(grad(f)(A[0]), A.T @ np.cos(A @ A[0]))
    np.testing.assert_allclose(jit(grad(f))(A[0]), A.T @ np.cos(A @ A[0]))
    np.testing.assert_allclose(jvp(f, (A[0],), (A[1],))[1], np.cos(A @ A[0]) @ (A @ A[1]))


def test_per_example_gradients_are_the_rows_of_the_jacobian():
    loss = lambda w, x: np.tanh(np.dot(w, x)) ** 2  # noqa: E731
    w = RNG.normal(size=4)
    got = vmap(grad(loss), in_axes=(None, 0))(w, A)
    s = np.tanh(A @ w)
    np.testing.assert_allclose(got, (2 * s * (1 - s * s))[:, None] * A)


def test_the_arguments_stay_as_they_are():
    a = A.copy()
    got = vmap(lambda x: x)(a)
    got[:] = 0.0
    np.testing.assert_array_equal(a, A)


def test_in_axes_that_do_not_fit_are_an_error_that_names_the_leaf():
    with pytest.raises(OptionError, match=r"2 entries.*1 positional"):
        vmap(lambda x: x, in_axes=(0, 1))(A)
    with pytest.raises(OptionError, match=r"(?s)in_axes is 2 for argument \[0\]\['a'\].*f64\[3,4\].*test_vmap"):
        vmap(lambda x: x["a"], in_axes=2)({"a": A})
    with pytest.raises(OptionError, match="no prefix"):
        vmap(lambda x: x["a"], in_axes=({"b": 0},))({"a": A})
    with pytest.raises(OptionError, match="ints and None"):
        vmap(lambda x: x, in_axes=("rows",))(A)
    with pytest.raises(OptionError, match="an int, None, or a tuple"):
        vmap(lambda x: x, in_axes={"x": 0})
    with pytest.raises(OptionError, match="0 axes"):
        vmap(lambda x, y: x * y)(A, 2.0)


def test_batches_that_differ_in_size_are_listed_leaf_by_leaf():
    with pytest.raises(OptionError) as error:
        vmap(lambda x, y: x["a"], in_axes=(0, 1))({"a": A, "b": B}, A)
    message = str(error.value)
    assert "[0]['a']: f64[3,4], axis 0 has size 3" in message
    assert "[0]['b']: f64[4,3,2], axis 0 has size 4" in message
    assert "[1]: f64[3,4], axis 1 has size 4" in message
    assert "test_vmap.py" in message


def test_out_axes_that_do_not_fit_are_an_error():
    with pytest.raises(OptionError, match="out_axes is None"):
        vmap(lambda x: x, out_axes=None)(A)
    with pytest.raises(OptionError, match="has 2 axes"):
        vmap(lambda x: x, out_axes=2)(A)
    with pytest.raises(OptionError, match="no prefix"):
        vmap(lambda x: x, out_axes=(0, 1))(A)
    with pytest.raises(OptionError, match="ints and None"):
        vmap(lambda x: x, out_axes="last")(A)


def test_what_is_no_function_or_gives_no_arrays_is_an_error():
    with pytest.raises(ArgumentError, match="vmap"):
        vmap(A)
    with pytest.raises(ArgumentError, match=r"result\['name'\]"):
        vmap(lambda x: {"name": "row", "x": x})(A)


def test_python_control_flow_on_an_example_is_an_error_that_names_the_line():
    def f(x):
        if x[0] > 0:
            return x
        return -x

    with pytest.raises(ConcretizationTypeError, match=r"if x\[0\] > 0"):
        vmap(f)(A)


def test_a_tracer_that_outlives_its_vmap_is_an_error():
    kept = []
    vmap(lambda x: kept.append(x) or x)(A)
    with pytest.raises(UnexpectedTracerError, match="outlived"):
        kept[0] * 2


def test_batched_predicates_and_indices_choose_example_by_example():
    x = np.array([1.0, -4.0, 9.0, -16.0])
    f = lambda v: lax.cond(v > 0, np.sqrt, lambda u: -u, v)  # noqa: E731
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(vmap(f)(x), [1.0, 4.0, 3.0, 16.0])
        np.testing.assert_allclose(
            vmap(lambda v: lax.dynamic_index_in_dim(x, v, keepdims=False))(np.array([3, 0])), x[[3, 0]]
        )
    got = vmap(lambda i, v: lax.switch(i, [np.sin, np.cos, np.exp], v))(np.array([0, 1, 2, 5]), x)
    np.testing.assert_allclose(got, [np.sin(1.0), np.cos(-4.0), np.exp(9.0), np.exp(-16.0)])
