"""Networks learn, with fixed seeds: what they reach on data that is held out, in what time, the same on every run."""

from functools import partial
from time import thread_time
from typing import Any

import numpy as np
import pytest

import functrace.numpy as fnp
from functrace import nn, optim, random, training, tree

datasets = pytest.importorskip("sklearn.datasets", reason="the extra demo brings it")


def digits() -> tuple[Any, Any]:
    """Images of 8 by 8 pixels between 0 and 1 and their classes: three quarters to train on, and those held out."""
    pixels, classes = datasets.load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    return training.train_validation_split(random.key(0), (images, classes), 0.25)


def cross_entropy(net: nn.Layer, params: Any, batch: Any, *, key: Any, train: bool) -> Any:
    x, labels = batch
    logits = net.apply(params, x, key=key, train=train)
    return fnp.mean(nn.losses.softmax_cross_entropy_with_integer_labels(logits, labels))


def accuracy(net: nn.Layer, params: Any, data: Any) -> float:
    x, labels = data
    return float(np.mean(np.argmax(net.apply(params, x), 1) == labels))


def trained(net: nn.Layer, train: Any, held_out: Any, rate: float, epochs: int, batch_size: int) -> training.Fitted:
    _, params = net.init(random.key(1), (-1, *train[0].shape[1:]))
    steps = epochs * -(-len(train[0]) // batch_size)
    return training.fit(
        partial(cross_entropy, net), tree.map(np.float32, params), optim.adam(optim.cosine_decay_schedule(rate, steps)),
        train, epochs=epochs, batch_size=batch_size, key=random.key(2), validation=held_out,
        metrics={"accuracy": partial(accuracy, net)},
    )  # fmt: skip


def same(one: training.Fitted, other: training.Fitted) -> bool:
    leaves = zip(tree.leaves(one.params), tree.leaves(other.params), strict=True)
    return one.history.steps == other.history.steps and all(a.tobytes() == b.tobytes() for a, b in leaves)


def test_a_dense_network_reads_digits_after_at_most_five_seconds() -> None:
    net = nn.serial(nn.flatten(), nn.Dense(256), nn.Relu, nn.Dropout(0.4), nn.Dense(64), nn.Relu, nn.Dense(10))
    begin = thread_time()
    fitted = trained(net, *digits(), rate=5e-3, epochs=30, batch_size=64)
    assert thread_time() - begin <= 5
    assert fitted.history["accuracy"][-1] >= 0.97
    assert same(fitted, trained(net, *digits(), rate=5e-3, epochs=30, batch_size=64))


def test_a_convolutional_network_reads_digits_better() -> None:
    net = nn.serial(
        nn.Conv(16, (3, 3)), nn.Relu, nn.Conv(16, (3, 3)), nn.Relu, nn.MaxPool((2, 2), (2, 2)),
        nn.flatten(), nn.Dropout(0.3), nn.Dense(10),
    )  # fmt: skip
    fitted = trained(net, *digits(), rate=1e-2, epochs=8, batch_size=64)
    assert fitted.history["accuracy"][-1] >= 0.98


def test_an_lstm_learns_what_came_first_in_a_sequence() -> None:
    """The class of a sequence is its first element's sign, which it has to keep over the noise that follows."""
    x = np.random.default_rng(0).normal(size=(600, 8, 1)).astype(np.float32)
    data = training.train_validation_split(random.key(0), (x, (x[:, 0, 0] > 0).astype(int)), 0.25)
    net = nn.serial(nn.LSTM(8), nn.last_step(), nn.Dense(2))
    fitted = trained(net, *data, rate=5e-2, epochs=20, batch_size=50)
    assert fitted.history["accuracy"][-1] >= 0.95
    assert same(fitted, trained(net, *data, rate=5e-2, epochs=20, batch_size=50))
