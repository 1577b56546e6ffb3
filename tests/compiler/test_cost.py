"""Counts of operations, against closed forms and JAX's."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import functrace.numpy as fnp
from functrace import checkpoint, grad, jit, lax, make_jaxpr
from functrace.compiler.cost import Cost, cost_of

EXTENT = st.integers(2, 6)  # an axis of one element may be simplified away


def cost(function, *args):
    return cost_of(make_jaxpr(function)(*args))


@given(EXTENT, EXTENT, EXTENT, EXTENT)
def test_a_matrix_product_costs_two_operations_for_each_pair_that_meets(batch, m, n, k):
    a, b = np.ones((batch, m, k)), np.ones((batch, k, n))
    assert cost(lambda a, b: a @ b, a, b).flops == 2 * batch * m * n * k
    assert cost(lambda a, b: a[0] @ b[0], a, b).flops == 2 * m * n * k
    assert cost(lambda a, b: fnp.einsum("bmk,bkn->", a, b), a, b).flops >= 2 * batch * min(m, n) * k
    assert cost(lambda a, b: fnp.tensordot(a, b, 0), a, b).flops == pytest.approx(2 * a.size * b.size, rel=0.5)


@given(st.lists(EXTENT, max_size=3), st.integers(1, 5))
def test_an_elementwise_operation_costs_one_for_each_element_of_its_result(shape, count):
    x = np.ones(shape)

    def function(x):
        for _ in range(count):
            x = x * x
        return x

    assert cost(function, x)[:2] == (count * x.size, 0)
    terms = np.arange(2.0 * x.size).reshape((2, *shape))
    assert cost(lambda x: x + terms, x).flops == 2 * x.size
    assert cost(lambda x: np.exp(np.sin(x)), x)[:2] == (0, 2 * x.size)
    assert cost(lambda x: x**3, x).transcendentals == 0
    assert cost(lambda x: x**2.5, x).transcendentals == x.size


@given(st.lists(EXTENT, min_size=1, max_size=3))
def test_a_reduction_costs_one_for_each_element_that_it_reads(shape):
    x = np.ones((shape[0] + 1, *shape[1:]))  # over one element there is nothing to do
    for reduce in (np.sum, np.prod, np.max, np.min, np.argmax):
        assert cost(lambda x, reduce=reduce: reduce(x, 0), x).flops == x.size
    assert cost(lambda x: fnp.cumsum(x, 0), x).flops == x.size


def test_a_convolution_costs_two_operations_for_each_weight_of_an_element_and_a_window_its_size():
    images, kernels = np.ones((2, 3, 10, 12)), np.ones((5, 3, 4, 2))
    convolve = cost(lambda x, w: lax.conv_general_dilated(x, w, (1, 1), "VALID"), images, kernels)
    assert convolve.flops == 2 * (2 * 5 * 7 * 11) * (3 * 4 * 2)
    pool = cost(lambda x: lax.reduce_window(x, -np.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"), images)
    assert pool.flops == (2 * 3 * 5 * 6) * 4
    assert cost(lambda x, y: fnp.convolve(x, y), np.ones(10), np.ones(4)).flops == 2 * 13 * 4


def test_what_only_moves_elements_costs_bytes_and_no_operations():
    x = np.ones((4, 6))
    index = np.array([0, 2])
    assert cost(lambda x: x.T.reshape(24)[3:7], x) == Cost(0, 0, 0)  # views
    assert cost(lambda x: fnp.concatenate([x, x]), x) == Cost(0, 0, 8 * (24 + 24 + 48))
    assert cost(lambda x: x[index], x) == Cost(0, 0, 8 * (12 + 2 + 12))


def test_sorting_costs_n_log_n_and_searching_log_n():
    x = np.ones((3, 64))
    assert cost(lambda x: fnp.sort(x), x).flops == 3 * 64 * 6
    assert cost(lambda x: fnp.sort(x, 0), x).flops == 64 * 3 * math.ceil(math.log2(3))
    assert cost(lambda x, q: fnp.searchsorted(x, q), x[0], np.ones(5)).flops == 5 * 6
    assert cost(lambda x: fnp.sort(x), np.ones(1)).flops == 0


def test_a_loop_costs_its_steps_and_a_while_one_trip():
    x = np.ones(5)

    def body(carry, x):
        return carry + x * x, carry @ carry

    each = cost(lambda c, x: (c + x * x, c @ c), x, x)
    assert cost(lambda xs: lax.scan(body, np.zeros(5), xs), np.ones((7, 5)))[:2] == each.times(7)[:2]
    loop = cost(lambda x: lax.while_loop(lambda c: np.sum(c) < 9.0, lambda c: c * 2.0, x), x)
    assert loop.flops == 5 + 1 + 5


def test_of_a_branch_the_greater_one_counts():
    x = np.ones(5)
    branches = cost(lambda p, x: lax.cond(p, lambda x: x @ x * np.sin(x), lambda x: x + 1.0, x), True, x)
    assert branches.transcendentals == 5
    assert 2 * 5 + 5 <= branches.flops <= 2 * 5 + 5 + 2  # and the conversion of the predicate


def test_programs_that_are_called_count_as_if_they_stood_there():
    x = np.ones(5)

    def inner(x):
        return np.sin(x) * x

    expected = cost(lambda x: inner(x) + 1.0, x)
    assert cost(lambda x: jit(inner)(x) + 1.0, x) == expected
    assert cost(lambda x: checkpoint(inner)(x) + 1.0, x) == expected


def test_what_nobody_needs_costs_nothing():
    def function(x):
        np.exp(x)
        return x * 1.0

    assert cost(function, np.ones(5)) == Cost(0, 0, 0)


def test_the_gradient_of_a_network_costs_about_twice_its_value():
    sizes = (64, 64, 64)
    weights = [np.ones(pair) for pair in itertools.pairwise(sizes)]

    def loss(weights, x):
        for w in weights:
            x = np.tanh(x @ w)
        return np.sum(x)

    x = np.ones((256, 64))
    forward, both = cost(loss, weights, x), cost(grad(loss), weights, x)
    products = 2 * 256 * 64 * 64
    assert forward.flops == pytest.approx(2 * products, rel=0.05)
    assert both.flops == pytest.approx((2 + 3) * products, rel=0.05)  # the first layer's input needs no cotangent


PEER = {
    "add": lambda np, lax: lambda x, m: x + 1.0,
    "sin": lambda np, lax: lambda x, m: np.sin(x),
    "product": lambda np, lax: lambda x, m: m @ m,
    "chain": lambda np, lax: lambda x, m: np.exp(x) * x + x,
    "sum": lambda np, lax: lambda x, m: np.sum(x),
    "max": lambda np, lax: lambda x, m: np.max(m, 0),
    "sort": lambda np, lax: lambda x, m: np.sort(x),
    "mean": lambda np, lax: lambda x, m: np.mean(x * x),
    "transpose": lambda np, lax: lambda x, m: np.transpose(m),
    "concatenate": lambda np, lax: lambda x, m: np.concatenate([x, x]),
    "power": lambda np, lax: lambda x, m: x**2.5,
    "layer": lambda np, lax: lambda x, m: np.tanh(m @ m + m[0]),
    "branch": lambda np, lax: lambda x, m: lax.cond(x[0] > 0, lambda x: np.sin(x), lambda x: x + 1, x),
}


@pytest.mark.parametrize("name", PEER)
def test_counts_are_of_the_order_of_those_of_jax(name):
    jax = pytest.importorskip("jax")
    x, m = np.ones(100, np.float32), np.ones((10, 10), np.float32)
    theirs = jax.jit(PEER[name](jax.numpy, jax.lax)).lower(x, m).cost_analysis()
    ours = jit(PEER[name](fnp, lax)).lower(x, m).cost_analysis()
    for key in ("flops", "transcendentals"):
        assert ours[key] == pytest.approx(theirs.get(key, 0.0), rel=0.15, abs=5)
    assert ours["bytes accessed"] <= 2 * theirs.get("bytes accessed", 0.0)
