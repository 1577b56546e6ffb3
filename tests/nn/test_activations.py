from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import nn
from functrace.errors import DtypeError, ShapeError
from functrace.test_util import check_grads

few = settings(max_examples=15, deadline=None)
SMOOTH = [nn.gelu, nn.sigmoid, nn.log_sigmoid, nn.silu, nn.mish, nn.softplus, nn.squareplus, nn.tanh, nn.soft_sign]
BENT = [
    nn.relu, nn.relu6, nn.leaky_relu, nn.elu, nn.celu, nn.selu, nn.hard_sigmoid, nn.hard_silu, nn.hard_tanh,
    nn.sparse_plus, nn.sparse_sigmoid,
]  # fmt: skip


@pytest.mark.parametrize("function", SMOOTH + BENT)
def test_derivatives_are_those_of_central_differences_and_single_precision_stays(function):
    x = np.array([-4.1, -2.3, -0.7, 0.4, 1.7, 5.2, 7.5])
    check_grads(function, (x,), order=2, rtol=1e-4, atol=1e-5)
    assert functrace.jit(function)(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(functrace.jit(function)(x), function(x), rtol=1e-12)


@pytest.mark.parametrize("function", [nn.relu, nn.relu6, nn.elu, nn.softplus, nn.leaky_relu, nn.silu, nn.gelu])
def test_nan_stays_nan(function):
    assert np.isnan(function(np.array([np.nan]))).all()


def test_relus_slope_at_zero_is_zero_and_infinities_stay_infinite():
    assert functrace.grad(nn.relu)(0.0) == 0 and functrace.grad(nn.relu6)(0.0) == 0
    np.testing.assert_array_equal(nn.relu(np.array([-np.inf, np.inf, -0.0])), [0, np.inf, 0])


@few
@given(st.integers(0, 99), st.sampled_from([-1, 0, (0, 1), None]))
def test_softmax_sums_to_one_and_its_logarithm_is_log_softmax(seed, axis):
    x = np.random.default_rng(seed).normal(size=(3, 4)) * 30
    np.testing.assert_allclose(nn.softmax(x, axis).sum(axis), 1, rtol=1e-12)
    np.testing.assert_allclose(np.exp(nn.log_softmax(x, axis)), nn.softmax(x, axis), rtol=1e-12)
    np.testing.assert_allclose(nn.softmax(x, axis), np.exp(x) / np.exp(x).sum(axis, keepdims=True), rtol=1e-10)


def test_masked_elements_have_no_share_and_no_gradient():
    x, mask = np.array([1.0, 2.0, np.inf]), np.array([True, True, False])
    expected = np.exp([1, 2]) / np.exp([1, 2]).sum()
    np.testing.assert_allclose(nn.softmax(x, where=mask), [*expected, 0], rtol=1e-12)
    np.testing.assert_allclose(nn.log_softmax(x, where=mask), [*np.log(expected), -np.inf], rtol=1e-12)
    slope = functrace.grad(lambda x: nn.softmax(x, where=mask)[0])(x)
    product = expected[0] * expected[1]
    np.testing.assert_allclose(slope, [product, -product, 0], rtol=1e-12)
    np.testing.assert_allclose(nn.logsumexp(x, where=mask), np.log(np.exp([1, 2]).sum()), rtol=1e-12)
    np.testing.assert_allclose(nn.logmeanexp(x, where=mask), np.log(np.exp([1, 2]).mean()), rtol=1e-12)


def test_standardized_values_have_mean_zero_and_variance_one():
    x = np.random.default_rng(0).normal(2, 3, size=(5, 200))
    out = nn.standardize(x, epsilon=0.0)
    np.testing.assert_allclose(out.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(out.var(1), 1, rtol=1e-12)
    given_ones = nn.standardize(x, mean=2.0, variance=9.0, epsilon=0.0)
    np.testing.assert_allclose(given_ones, (x - 2) / 3, rtol=1e-12)


def test_one_hot_of_a_number_outside_is_zero_and_floats_are_refused():
    np.testing.assert_array_equal(nn.one_hot(np.array([1, -1, 3]), 3), [[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert nn.one_hot(np.array([[1, 0]]), 4, axis=0, dtype=np.int8).shape == (4, 1, 2)
    with pytest.raises(DtypeError, match="integers"):
        nn.one_hot(np.array([1.0]), 3)


def test_glu_refuses_an_odd_extent():
    np.testing.assert_allclose(nn.glu(np.array([[1.0, 2.0], [0.0, 0.0]]), axis=0), [[0.5, 1.0]])
    with pytest.raises(ShapeError, match="even"):
        nn.glu(np.ones(3))


def test_log1mexp_is_exact_for_small_and_large_numbers():
    x = np.array([1e-300, 1e-10, 0.5, 0.7, 50.0])
    np.testing.assert_allclose(nn.log1mexp(x), [np.log(1e-300), np.log(1e-10), np.log(1 - np.exp(-0.5)),
                                                np.log(1 - np.exp(-0.7)), -np.exp(-50)], rtol=1e-9)  # fmt: skip


def attention_by_hand(q, k, v, seen, bias=0.0):
    """For each example, head and time: a sum over the keys that are seen."""
    batch, times, heads, _ = q.shape
    groups, out = heads // k.shape[2], np.zeros(q.shape[:3] + v.shape[-1:])
    for b in range(batch):
        for t in range(times):
            for n in range(heads):
                logits = k[b, :, n // groups] @ q[b, t, n] / np.sqrt(q.shape[-1]) + bias
                weights = np.where(seen[t], np.exp(logits), 0)
                out[b, t, n] = (weights / weights.sum()) @ v[b, :, n // groups]
    return out


@pytest.mark.parametrize("heads", [(2, 2), (4, 2), (4, 1)])
def test_attention_is_the_weighted_mean_of_the_values_that_are_seen(heads):
    rng = np.random.default_rng(0)
    q = rng.normal(size=(2, 5, heads[0], 3))
    k, v = rng.normal(size=(2, 2, 5, heads[1], 3))
    causal = np.tril(np.ones((5, 5), bool))
    window = np.abs(np.arange(5)[:, None] - np.arange(5)) <= 1
    for options, seen in [
        ({}, np.ones((5, 5), bool)),
        ({"is_causal": True}, causal),
        ({"mask": causal}, causal),
        ({"local_window_size": 1}, window),
        ({"key_value_seq_lengths": np.array([3, 3])}, np.broadcast_to(np.arange(5) < 3, (5, 5))),
    ]:
        got = functrace.jit(lambda q, k, v, options=options: nn.dot_product_attention(q, k, v, **options))(q, k, v)
        np.testing.assert_allclose(got, attention_by_hand(q, k, v, seen), rtol=1e-10)
    check_grads(lambda q, k, v: nn.dot_product_attention(q, k, v, is_causal=True), (q, k, v), order=1, rtol=1e-4)
    padded = nn.dot_product_attention(q, k, v, query_seq_lengths=np.array([2, 5]))
    assert not padded[0, 2:].any() and padded[0, :2].all()


def test_attention_says_which_shapes_do_not_fit():
    x = np.ones((1, 3, 2, 4))
    with pytest.raises(ShapeError, match="query"):
        nn.dot_product_attention(x, np.ones((1, 3, 2, 5)), x)
    with pytest.raises(DtypeError, match="mask"):
        nn.dot_product_attention(x, x, x, mask=np.ones((3, 3)))
    assert fnp.ndim(nn.dot_product_attention(x[0], x[0], x[0])) == 3
