"""Operations between the examples of a named batch axis, against closed forms in NumPy on whole batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import functrace
from functrace import grad, jit, jvp, lax, vjp, vmap
from functrace.errors import OptionError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))
SQUARE = RNG.normal(size=(4, 4, 2))
CT = RNG.normal(size=(4, 3))
PERMUTATION = [(0, 2), (1, 0), (3, 1)]  # example 2 sends to nobody, example 3 gets from nobody


def permuted(x: np.ndarray) -> np.ndarray:
    out = np.zeros_like(x)
    for source, destination in PERMUTATION:
        out[destination] = x[source]
    return out


# name: (what each example does, the same on the whole batch)
CASES: dict[str, tuple[Callable, Callable]] = {
    "psum": (lambda x: lax.psum(x, "i"), lambda x: np.broadcast_to(x.sum(0), x.shape)),
    "pmean": (lambda x: lax.pmean(x, "i"), lambda x: np.broadcast_to(x.mean(0), x.shape)),
    "pmax": (lambda x: lax.pmax(x, "i"), lambda x: np.broadcast_to(x.max(0), x.shape)),
    "pmin": (lambda x: lax.pmin(x, "i"), lambda x: np.broadcast_to(x.min(0), x.shape)),
    "all_gather": (lambda x: lax.all_gather(x, "i"), lambda x: np.broadcast_to(x, (4, *x.shape))),
    "all_gather last": (
        lambda x: lax.all_gather(x, "i", axis=-1),
        lambda x: np.broadcast_to(np.moveaxis(x, 0, -1), (4, 3, 4)),
    ),
    "all_gather tiled": (
        lambda x: lax.all_gather(x, "i", tiled=True),
        lambda x: np.broadcast_to(x.reshape(-1), (4, 12)),
    ),
    "ppermute": (lambda x: lax.ppermute(x, "i", PERMUTATION), permuted),
    "axis_index": (lambda x: x * lax.axis_index("i"), lambda x: x * np.arange(4)[:, None]),
    "of what is alike": (
        lambda x: x * lax.psum(2.0, "i") + lax.psum(1, "i") + lax.pmax(3.0, "i") + lax.pmean(1.0, "i"),
        lambda x: x * 8.0 + 8.0,
    ),
    "softmax": (
        lambda x: np.exp(x) / lax.psum(np.exp(x), "i"),
        lambda x: np.exp(x) / np.exp(x).sum(0),
    ),
}


def in_scan(f: Callable) -> Callable:
    """The same in the body of a scan of one step."""
    return lambda x: lax.scan(lambda carry, _: (carry, f(x)), 0.0, None, length=1)[1][0]


def in_scan_of_carry(f: Callable) -> Callable:
    return lambda x: lax.scan(lambda carry, _: (carry, f(carry)), x, None, length=1)[1][0]


AROUND: dict[str, Callable] = {
    "vmap": lambda f: vmap(f, axis_name="i"),
    "jit vmap": lambda f: jit(vmap(f, axis_name="i")),
    "vmap jit": lambda f: vmap(jit(f), axis_name="i"),
    "vmap scan": lambda f: vmap(in_scan(f), axis_name="i"),
    "vmap scan of carry": lambda f: vmap(in_scan_of_carry(f), axis_name="i"),
    "jit vmap jit scan": lambda f: jit(vmap(jit(in_scan_of_carry(f)), axis_name="i")),
    "vmap cond": lambda f: vmap(lambda x: lax.cond(True, f, f, x), axis_name="i"),
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("case", CASES)
def test_a_collective_gives_what_numpy_gives_on_the_batch(case, around):
    each, whole = CASES[case]
    got, expected = AROUND[around](each)(X), whole(X)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("case", CASES)
def test_the_derivatives_of_a_collective_are_those_of_the_whole_batch(case, around):
    each, whole = CASES[case]
    batched = AROUND[around](each)
    tangent = RNG.normal(size=X.shape)
    value, derivative = jvp(batched, (X,), (tangent,))
    step = 1e-6
    slopes = (whole(X + step * tangent) - whole(X - step * tangent)) / (2 * step)
    np.testing.assert_allclose(derivative, slopes, rtol=1e-6, atol=1e-8)
    ct = RNG.normal(size=value.shape)
    (gradient,) = vjp(batched, X)[1](ct)
    assert np.sum(gradient * tangent) == pytest.approx(np.sum(ct * derivative), rel=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_a_gradient_inside_the_axis_is_the_transpose_over_all_examples(case):
    each, whole = CASES[case]

    def inside(x: Any) -> Any:
        return grad(lambda x: np.sum(np.sin(each(x))))(x)

    # what every example's loss together gives: the gradient of the sum over the batch
    expected = np.zeros_like(X)
    step = 1e-6
    for place in np.ndindex(X.shape):
        moved = np.zeros_like(X)
        moved[place] = step
        expected[place] = np.sum(np.sin(whole(X + moved)) - np.sin(whole(X - moved))) / (2 * step)
    np.testing.assert_allclose(vmap(inside, axis_name="i")(X), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(jit(vmap(inside, axis_name="i"))(X), expected, rtol=1e-5, atol=1e-7)


def test_all_to_all_swaps_the_examples_and_the_parts():
    swapped = vmap(lambda x: lax.all_to_all(x, "i", 0, 0), axis_name="i")(SQUARE)
    np.testing.assert_array_equal(swapped, SQUARE.transpose(1, 0, 2))
    moved = vmap(lambda x: lax.all_to_all(x, "i", 0, 1), axis_name="i")(SQUARE)
    np.testing.assert_array_equal(moved, SQUARE.transpose(1, 2, 0))
    back = vmap(lambda x: lax.all_to_all(lax.all_to_all(x, "i", 0, 1), "i", 1, 0), axis_name="i")(SQUARE)
    np.testing.assert_array_equal(back, SQUARE)
    wide = RNG.normal(size=(4, 8, 2))
    tiled = vmap(lambda x: lax.all_to_all(x, "i", 0, 1, tiled=True), axis_name="i")(wide)
    expected = np.stack([np.concatenate([wide[j, 2 * i : 2 * i + 2] for j in range(4)], 1) for i in range(4)])
    np.testing.assert_array_equal(tiled, expected)


def test_all_to_all_is_differentiated_by_itself_with_its_axes_exchanged():
    f = vmap(lambda x: lax.all_to_all(x, "i", 0, 1), axis_name="i")
    ct = RNG.normal(size=(4, 2, 4))
    (gradient,) = vjp(f, SQUARE)[1](ct)
    np.testing.assert_allclose(gradient, ct.transpose(2, 0, 1))


def test_pytrees_go_through_leaf_by_leaf():
    got = vmap(lambda x: lax.psum({"a": x, "b": (x * 2, 1.0)}, "i"), axis_name="i", out_axes=None)(X)
    np.testing.assert_allclose(got["a"], X.sum(0))
    np.testing.assert_allclose(got["b"][0], 2 * X.sum(0))
    assert got["b"][1] == 4.0


def test_nested_names_are_told_apart():
    x = RNG.normal(size=(2, 3, 4))

    def each(v):
        return (
            lax.psum(v, "i"),
            lax.psum(v, "j"),
            lax.psum(v, ("i", "j")),
            lax.axis_index("i") * 10 + lax.axis_index("j"),
        )

    for run in (lambda f: f, jit):
        over_i, over_j, over_both, index = run(vmap(vmap(each, axis_name="j"), axis_name="i"))(x)
        np.testing.assert_allclose(over_i, np.broadcast_to(x.sum(0), x.shape))
        np.testing.assert_allclose(over_j, np.broadcast_to(x.sum(1)[:, None], x.shape))
        np.testing.assert_allclose(over_both, np.broadcast_to(x.sum((0, 1)), x.shape))
        np.testing.assert_array_equal(index, [[0, 1, 2], [10, 11, 12]])


def test_an_inner_axis_of_the_same_name_hides_the_outer():
    x = RNG.normal(size=(2, 3))
    got = vmap(vmap(lambda v: lax.psum(v, "i"), axis_name="i"), axis_name="i")(x)
    np.testing.assert_allclose(got, np.broadcast_to(x.sum(1)[:, None], x.shape))


def test_an_unnamed_vmap_inside_leaves_the_named_axis_as_it_is():
    x = RNG.normal(size=(4, 3, 2))
    for each, expected in (
        (lambda v: lax.psum(v, "i"), np.broadcast_to(x.sum(0), x.shape)),
        (lambda v: lax.all_gather(v, "i", axis=1), np.broadcast_to(x.transpose(1, 2, 0), (4, 3, 2, 4))),
        (lambda v: lax.ppermute(v, "i", PERMUTATION), permuted(x)),
    ):
        np.testing.assert_allclose(vmap(vmap(each), axis_name="i")(x), expected)
        np.testing.assert_allclose(vmap(vmap(each, in_axes=1, out_axes=0), axis_name="i")(x.swapaxes(1, 2)), expected)


def test_an_outer_unnamed_vmap_batches_the_collective():
    x = RNG.normal(size=(5, 4, 3))
    got = vmap(vmap(lambda v: v - lax.pmean(v, "i"), axis_name="i"))(x)
    np.testing.assert_allclose(got, x - x.mean(1, keepdims=True))


def test_single_precision_stays_so():
    x = X.astype(np.float32)
    for f in (lambda v: lax.psum(v, "i"), lambda v: lax.pmean(v, "i"), lambda v: lax.pmean(np.float32(2.0), "i") * v):
        for run in (lambda g: g, jit):
            assert run(vmap(f, axis_name="i"))(x).dtype == np.float32


def test_a_value_from_outside_the_vmap_is_the_same_for_every_example():
    @jit
    def f(x, y):
        return vmap(lambda v: v + lax.psum(y, "i") + lax.pmax(y, "i"), axis_name="i")(x)

    np.testing.assert_allclose(f(X, 2.0), X + 10.0)
    assert float(grad(lambda y: np.sum(f(X, y)))(2.0)) == pytest.approx(12 * 5.0)
    gathered = jit(lambda x, y: vmap(lambda v: lax.all_gather(y, "i") * v[0], axis_name="i")(x))(X, 3.0)
    np.testing.assert_allclose(gathered, np.repeat(3.0 * X[:, :1], 4, 1))
    sent = jit(lambda x, y: vmap(lambda v: lax.ppermute(y, "i", PERMUTATION) * v, axis_name="i")(x))(X, 3.0)
    np.testing.assert_allclose(sent, 3.0 * X * np.array([1, 1, 1, 0])[:, None])


def test_a_collective_in_a_loop_over_what_is_alike_works_under_jit():
    def each(v):
        total = lax.scan(lambda c, _: (lax.psum(c, "i"), None), 1.0, None, length=3)[0]
        return v * total

    np.testing.assert_allclose(vmap(each, axis_name="i")(X), X * 64.0)
    np.testing.assert_allclose(jit(vmap(each, axis_name="i"))(X), X * 64.0)

    @jit
    def looped(x, y):
        def each(v):
            total = lax.scan(lambda c, _: (lax.psum(c, "i"), None), y, None, length=3)[0]
            chosen = lax.cond(y > 1, lambda: lax.pmean(y, "i"), lambda: lax.psum(y, "i"))
            counted = lax.while_loop(lambda c: lax.pmax(c, "i") < 30.0, lambda c: lax.psum(c, "i"), y)
            return v * total + chosen + counted

        return vmap(each, axis_name="i")(x)

    np.testing.assert_allclose(looped(X, 2.0), X * 128.0 + 2.0 + 32.0)
    np.testing.assert_allclose(grad(lambda y: np.sum(looped(X, y)))(2.0), np.sum(X) * 64 + 12 + 12 * 16)


def test_a_jitted_function_is_traced_anew_for_an_axis_of_another_size():
    f = jit(lambda v: v / lax.axis_size("i"))
    np.testing.assert_allclose(vmap(f, axis_name="i")(X), X / 4)
    np.testing.assert_allclose(vmap(f, axis_name="i")(X[:2]), X[:2] / 2)


def test_a_name_that_is_not_bound_is_an_error_that_says_which_are():
    for f in (
        lambda x: lax.psum(x, "j"),
        lambda x: lax.pmean(x, "j"),
        lambda x: lax.all_gather(x, "j"),
        lambda x: x * lax.axis_index("j"),
        lambda x: lax.ppermute(x, "j", []),
        lambda x: lax.all_to_all(x, "j", 0, 0),
        lambda x: lax.psum(x, ("i", "j")),
    ):
        with pytest.raises(OptionError, match=r"(?s)'j' is not bound.*\['i'\].*test_collectives"):
            vmap(f, axis_name="i")(X)
        with pytest.raises(OptionError, match="bound here: none"):
            f(X)


def test_arguments_that_do_not_fit_are_named():
    with pytest.raises(OptionError, match="destinations"):
        vmap(lambda x: lax.ppermute(x, "i", [(0, 1), (2, 1)]), axis_name="i")(X)
    with pytest.raises(OptionError, match="sources"):
        vmap(lambda x: lax.ppermute(x, "i", [(7, 1)]), axis_name="i")(X)
    with pytest.raises(ShapeError, match="extent of the batch, 4"):
        vmap(lambda x: lax.all_to_all(x, "i", 0, 0), axis_name="i")(X)
    with pytest.raises(ShapeError, match="no multiple of 4"):
        vmap(lambda x: lax.all_to_all(x, "i", 0, 0, tiled=True), axis_name="i")(X)


def test_an_extremum_that_several_examples_have_shares_its_gradient():
    x = np.array([1.0, 3.0, 3.0, 2.0])
    (gradient,) = vjp(vmap(lambda v: lax.pmax(v, "i"), axis_name="i", out_axes=None), x)[1](1.0)
    np.testing.assert_allclose(gradient, [0.0, 0.5, 0.5, 0.0])


def test_recorded_collectives_are_well_formed():
    f = vmap(lambda x: lax.scan(lambda c, e: (lax.psum(c, "i") * e, c), x[0], x)[1], axis_name="i")
    functrace.check_jaxpr(functrace.make_jaxpr(f)(X))


@pytest.mark.parametrize("wrap", [lambda f: f, functrace.jit], ids=["eager", "jit"])
def test_a_jitted_function_of_what_all_examples_share_may_hold_a_collective(wrap):
    total = functrace.jit(lambda c: lax.psum(c, "i"))
    number = functrace.jit(lambda c: c + lax.axis_index("i"))
    batched = wrap(functrace.vmap(lambda x: x + total(2.0) + number(0), axis_name="i"))
    np.testing.assert_array_equal(batched(np.zeros(3)), [6.0, 7.0, 8.0])
