from __future__ import annotations

import numpy as np
import pytest

import functrace as ft
from functrace import lax
from functrace.errors import OptionError, ShapeError

X = np.sin(np.arange(36.0)).reshape(3, 6, 2)


def over_examples(function):
    return ft.vmap(function, axis_name="i")


def test_examples_are_shuffled():
    out = over_examples(lambda x: lax.pshuffle((x, 2 * x), "i", [2, 0, 1]))(X)
    np.testing.assert_array_equal(out[0], X[[2, 0, 1]])
    np.testing.assert_array_equal(out[1], 2 * X[[2, 0, 1]])
    with pytest.raises(OptionError, match="different examples"):
        over_examples(lambda x: lax.pshuffle(x, "i", [2, 2, 1]))(X)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_batch_axis_changes_places(axis):
    x = np.sin(np.arange(27.0)).reshape(3, 3, 3)
    out = over_examples(lambda x: lax.pswapaxes(x, "i", axis))(x)
    np.testing.assert_array_equal(out, np.swapaxes(x, 0, axis + 1))


def test_each_example_gets_its_part_of_the_sum():
    total = X.sum(0)
    for transformed in (over_examples, lambda f: ft.jit(over_examples(f))):
        tiled = transformed(lambda x: lax.psum_scatter(x, "i", tiled=True))(X)
        np.testing.assert_allclose(tiled, total.reshape(3, 2, 2), rtol=1e-12)
        out = transformed(lambda x: lax.psum_scatter(x, "i", scatter_dimension=1))(np.moveaxis(X[:, :3], 1, -1))
        np.testing.assert_allclose(out, total[:3], rtol=1e-12)
    with pytest.raises(ShapeError, match="no multiple of 3"):
        over_examples(lambda x: lax.psum_scatter(x[:4], "i", tiled=True))(X)


def test_the_gradient_of_a_scattered_sum_reaches_every_example():
    weights = np.cos(np.arange(12.0)).reshape(3, 2, 2)

    def loss(x):
        return (over_examples(lambda x: lax.psum_scatter(x, "i", tiled=True))(x) * weights).sum()

    np.testing.assert_allclose(ft.grad(loss)(X), np.broadcast_to(weights.reshape(6, 2), X.shape), rtol=1e-12)
