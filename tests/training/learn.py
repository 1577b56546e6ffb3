"""Train one of the networks of `test_learning.py` in a process of its own, and print what came of it as JSON."""

import hashlib
import json
import sys
from functools import partial
from time import process_time
from typing import Any

import numpy as np

import functrace.numpy as fnp
from functrace import nn, optim, random, training, tree


def main(name: str) -> None:
    net, (train, held_out), rate, epochs = NETWORKS[name]()
    _, params = net.init(random.key(1), (-1, *train[0].shape[1:]))
    begin = process_time()
    fitted = training.fit(
        partial(cross_entropy, net),
        tree.map(np.float32, params),
        optim.adam(optim.cosine_decay_schedule(rate, epochs * -(-len(train[0]) // 64))),
        train,
        epochs=epochs,
        batch_size=64,
        key=random.key(2),
    )
    seconds = process_time() - begin
    bits = b"".join([leaf.tobytes() for leaf in tree.leaves(fitted.params)])
    accuracy = float(np.mean(np.argmax(net.apply(fitted.params, held_out[0]), 1) == held_out[1]))
    digest = hashlib.sha256(bits).hexdigest()
    print(json.dumps({"accuracy": accuracy, "seconds": seconds, "losses": fitted.history.steps, "params": digest}))


def cross_entropy(net: nn.Layer, params: Any, batch: Any, *, key: Any, train: bool) -> Any:
    x, labels = batch
    logits = net.apply(params, x, key=key, train=train)
    return fnp.mean(nn.losses.softmax_cross_entropy_with_integer_labels(logits, labels))


def digits() -> tuple[Any, Any]:
    """Images of 8 by 8 pixels between 0 and 1 and their classes: three quarters to train on, and those held out."""
    from sklearn import datasets

    pixels, classes = datasets.load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    return training.train_validation_split(random.key(0), (images, classes), 0.25)


def dense() -> Any:
    layers = nn.flatten(), nn.Dense(256), nn.Relu, nn.Dropout(0.4), nn.Dense(64), nn.Relu, nn.Dense(10)
    return nn.serial(*layers), digits(), 5e-3, 30


def convolutional() -> Any:
    convolutions = nn.Conv(16, (3, 3)), nn.Relu, nn.Conv(16, (3, 3)), nn.Relu, nn.MaxPool((2, 2), (2, 2))
    return nn.serial(*convolutions, nn.flatten(), nn.Dropout(0.3), nn.Dense(10)), digits(), 1e-2, 10


def lstm() -> Any:
    """The class of a sequence is its first element's sign, which has to be kept over the noise that follows."""
    x = np.random.default_rng(0).normal(size=(600, 6, 1)).astype(np.float32)
    data = training.train_validation_split(random.key(0), (x, (x[:, 0, 0] > 0).astype(int)), 0.25)
    return nn.serial(nn.LSTM(8), nn.last_step(), nn.Dense(2)), data, 5e-2, 20


NETWORKS = {"dense": dense, "convolutional": convolutional, "lstm": lstm}

if __name__ == "__main__":
    main(sys.argv[1])
