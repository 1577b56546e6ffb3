"""What goes wrong for those who begin, and what they are told."""

from __future__ import annotations

import numpy as np
import pytest

import functrace
from functrace import nn, random
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError

KEY = random.key(0)
X = np.ones((5, 4))
IMAGES = np.ones((2, 8, 8, 1))


def params_of(layer, shape=(5, 4)):
    return layer.init(KEY, shape)[1]


def stateful():
    net = nn.serial(nn.Conv(4, (3, 3)), nn.BatchNorm(), nn.Relu)
    return net, params_of(net, IMAGES.shape)


MISTAKES = {
    "a function in place of a layer": (lambda: nn.serial(nn.relu), ArgumentError, "expected layers.*nn.activation"),
    "a list of layers": (lambda: nn.serial([nn.Relu]), ArgumentError, r"nn.serial\(\*layers\)"),
    "a layer without its arguments": (lambda: nn.residual(nn.Dense), ArgumentError, "expected layers"),
    "an activation that is called": (lambda: nn.Relu(), ArgumentError, "relu is a layer.*without further parentheses"),
    "a layer that is called": (lambda: nn.Dense(3)(X), ArgumentError, r"Dense\(3\).*layer.apply\(params, x\)"),
    "a layer that is jitted": (lambda: functrace.jit(nn.Dense(3))(X), ArgumentError, "layer.apply"),
    "a number of features that is none": (lambda: nn.Dense("a"), OptionError, r"Dense\(a\) expected features"),
    "no features": (lambda: nn.Conv(0, (3, 3)), OptionError, "at least 1"),
    "half a head": (lambda: nn.MultiHeadAttention(2.0), OptionError, "num_heads"),
    "an array as shape": (lambda: nn.Dense(3).init(KEY, X), ShapeError, r"an array of shape \(5, 4\)"),
    "a number as shape": (lambda: nn.Dense(3).init(KEY, 4), ShapeError, "a tuple of ints, got 4"),
    "a batch of None": (lambda: nn.Dense(3).init(KEY, (None, 4)), ShapeError, "-1 stands for a batch of any size"),
    "features that are not known": (lambda: nn.Dense(3).init(KEY, (5, -1)), ShapeError, "known number of features"),
    "channels that are not known": (lambda: nn.BatchNorm().init_state((5, -1)), ShapeError, "known number"),
    "a window of one axis for images": (
        lambda: nn.Conv(4, 3).init(KEY, (-1, 28, 28, 1)),
        ShapeError,
        r"Conv\(4, \(3,\)\).*\(3, 3\)",
    ),
    "a pooling window of one axis": (lambda: nn.MaxPool(2).init(KEY, (-1, 8, 8, 1)), ShapeError, r"MaxPool\(\(2,\)\)"),
    "a window larger than the image": (
        lambda: nn.Conv(4, (5, 5), padding="VALID").init(KEY, (-1, 3, 3, 1)),
        ShapeError,
        "larger than the input.*SAME",
    ),
    "sequences without features": (lambda: nn.LSTM(4).init(KEY, (-1, 20)), ShapeError, r"x\[..., None\]"),
    "no sequences": (lambda: nn.last_step().init(KEY, (3,)), ShapeError, "last_step"),
    "three inputs of attention": (
        lambda: nn.MultiHeadAttention(2).apply(params_of(nn.MultiHeadAttention(2), (2, 5, 4)), (X, X, X)),
        ArgumentError,
        "pair of them, got 3",
    ),
    "parameters of another layer": (
        lambda: nn.Dense(4).apply(params_of(nn.LayerNorm()), X),
        ArgumentError,
        r"Dense\(4\) expected its parameters kernel \(…, 4\), bias \(…, 4\), got bias, scale",
    ),
    "parameters of another layer of the same name": (
        lambda: nn.Dense(4).apply(params_of(nn.Dense(3)), X),
        ArgumentError,
        r"got kernel of shape \(4, 3\)",
    ),
    "too many parameters": (lambda: nn.LayerNorm().apply(params_of(nn.Dense(4)), X), ArgumentError, "got bias, kernel"),
    "a recurrent layer's of another": (
        lambda: nn.GRU(3).apply(params_of(nn.LSTM(3), (2, 5, 4)), np.ones((2, 5, 4))),
        ArgumentError,
        "candidate_bias",
    ),
    "shape and parameters together": (
        lambda: nn.Dense(4).apply(nn.Dense(4).init(KEY, X.shape), X),
        ArgumentError,
        "got tuple.*output_shape, params = layer.init",
    ),
    "no state": (
        lambda: stateful()[0].apply_with_state(stateful()[1], (), IMAGES),
        ArgumentError,
        "3 states, got 0.*init_state",
    ),
    "a state of another layer": (
        lambda: nn.BatchNorm().apply_with_state(params_of(nn.BatchNorm()), (), X),
        ArgumentError,
        "BatchNorm expected its state",
    ),
    "one array to be summed": (lambda: nn.fan_in_sum().apply((), X), ArgumentError, "tuple of inputs"),
    "one shape to be joined": (lambda: nn.fan_in_concat().init(KEY, (5, 4)), ArgumentError, "tuple of inputs"),
    "shapes that cannot be joined": (
        lambda: nn.fan_in_concat().init(KEY, ((5, 2, 4), (5, 3, 4))),
        ShapeError,
        "differ along another axis",
    ),
    "a list as image": (lambda: nn.max_pool([[1.0]], (2,)), DtypeError, "numpy.asarray"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_error_says_what_was_expected_and_what_to_write_instead(name):
    make, kind, message = MISTAKES[name]
    with pytest.raises(kind, match=f"(?s){message}"):
        make()


def test_integers_of_numpy_are_extents_and_an_int_is_the_padding_of_all_sides():
    shape, _ = nn.Conv(2, (3, 3), padding=2).init(KEY, (np.int64(-1), np.int64(8), 8, 1))
    assert shape == (-1, 10, 10, 2) and all(type(extent) is int for extent in shape)
    assert nn.Conv(2, (3, 3), padding=((1, 0), 1)).init(KEY, (-1, 8, 8, 1))[0] == (-1, 7, 8, 2)
    assert nn.AvgPool(2, 1, padding=1).init(KEY, (-1, 8, 3))[0] == (-1, 9, 3)
    assert nn.MaxPool((2, 2), strides=3).init(KEY, (-1, 8, 8, 1))[0] == (-1, 3, 3, 1)
    np.testing.assert_array_equal(nn.max_pool(np.array([[[True], [False]]]), 2), [[[True]]])


def test_batches_that_are_joined_may_be_of_any_size():
    assert nn.fan_in_concat(0).init(KEY, ((-1, 4), (3, 4)))[0] == (-1, 4)
