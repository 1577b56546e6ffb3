from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
from functrace import nn
from functrace.errors import DtypeError, ShapeError
from functrace.nn import losses
from functrace.test_util import check_grads

few = settings(max_examples=15, deadline=None)


@few
@given(st.integers(0, 99))
def test_losses_are_their_formulas(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 4, 3)) * 3
    e = x - y
    np.testing.assert_allclose(losses.squared_error(x, y), e**2, rtol=1e-12)
    np.testing.assert_allclose(losses.absolute_error(x, y), np.abs(e), rtol=1e-12)
    assert losses.mse(x, y) == pytest.approx((e**2).mean()) and losses.mae(x, y) == pytest.approx(np.abs(e).mean())
    huber = np.where(np.abs(e) <= 0.7, e**2 / 2, 0.7 * (np.abs(e) - 0.35))
    np.testing.assert_allclose(losses.huber_loss(x, y, 0.7), huber, rtol=1e-12)
    np.testing.assert_allclose(losses.log_cosh(x, y), np.log(np.cosh(e)), rtol=1e-9, atol=1e-12)
    p, labels = nn.softmax(x), rng.integers(0, 3, 4)
    soft = nn.softmax(y)
    np.testing.assert_allclose(losses.softmax_cross_entropy(x, soft), -(soft * np.log(p)).sum(1), rtol=1e-10)
    np.testing.assert_allclose(
        losses.softmax_cross_entropy_with_integer_labels(x, labels), -np.log(p[np.arange(4), labels]), rtol=1e-10
    )
    s, t = nn.sigmoid(x), nn.sigmoid(y)
    expected = -(t * np.log(s) + (1 - t) * np.log(1 - s))
    np.testing.assert_allclose(losses.sigmoid_binary_cross_entropy(x, t), expected, rtol=1e-8)
    signs = np.sign(y)
    np.testing.assert_allclose(losses.hinge_loss(x, signs), np.maximum(0, 1 - x * signs), rtol=1e-12)
    np.testing.assert_allclose(
        losses.kl_divergence(np.log(p), soft), (soft * np.log(soft / p)).sum(1), rtol=1e-8, atol=1e-12
    )


def test_the_gradient_of_cross_entropy_is_the_softmax_minus_the_label():
    logits, label = np.array([[1.0, -2.0, 0.5]]), np.array([2])
    slope = functrace.grad(lambda x: losses.softmax_cross_entropy_with_integer_labels(x, label).sum())(logits)
    np.testing.assert_allclose(slope, nn.softmax(logits) - nn.one_hot(label, 3), rtol=1e-12)
    check_grads(lambda x: losses.sigmoid_binary_cross_entropy(x, np.array([[0.0, 1.0, 0.3]])), (logits,), 2, rtol=1e-4)


def test_zero_probabilities_and_infinite_logits_give_no_nan():
    assert losses.kl_divergence(np.array([0.0, -np.inf]), np.array([1.0, 0.0])) == 0
    assert losses.kl_divergence(np.array([0.0, -np.inf]), np.array([0.5, 0.5])) == np.inf
    np.testing.assert_allclose(losses.sigmoid_binary_cross_entropy(np.array([800.0]), np.array([0.0])), [800.0])


def test_shapes_that_would_broadcast_are_errors_that_say_what_to_write():
    column, row = np.ones((4, 1)), np.ones(4)
    for loss in (losses.squared_error, losses.absolute_error, losses.huber_loss, losses.log_cosh, losses.hinge_loss):
        with pytest.raises(ShapeError, match=r"\(4, 1\)"):
            loss(column, row)
    with pytest.raises(ShapeError, match="integer_labels"):
        losses.softmax_cross_entropy(np.ones((4, 3)), np.ones(4))
    with pytest.raises(ShapeError, match=r"labels\[:, 0\]"):
        losses.softmax_cross_entropy_with_integer_labels(np.ones((4, 3)), np.ones((4, 1), int))
    with pytest.raises(DtypeError, match="integers"):
        losses.softmax_cross_entropy_with_integer_labels(np.ones((4, 3)), np.ones(4))
