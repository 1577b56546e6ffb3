"""``python -m functrace demo``: train a classifier of handwritten digits, from raw pixels to the compiled gradients.

The middle of this file, from `train` to `loss_and_gradients`, is all that it takes. What stands around it reads
the options and saves what there is to look at.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import functrace.numpy as fnp
from functrace import jit, make_jaxpr, tree, value_and_grad
from functrace.cli import ArgumentParser, require_extra, whole_number
from functrace.lax import logsumexp

PROG = "python -m functrace demo"
FILES = {
    "loss-curve.png": "the loss, epoch by epoch",
    "loss-jaxpr.txt": "the loss as functrace recorded it",
    "gradient-source.txt": "the NumPy code that computed its gradients",
}

LAYERS = (64, 64, 32, 10)  # 8 x 8 pixels, two hidden layers, 10 digits
BATCH = 32
LEARNING_RATE = 0.1
MOMENTUM = 0.9
NOISE = 0.2  # the standard deviation of what is added to the pixels, which lie between 0 and 1

Array = NDArray[np.float64]
Params = list[dict[str, Array]]


class Digits(NamedTuple):
    """Images as rows of pixels between 0 and 1, and the digits that they show as one-hot rows."""

    images: Array
    targets: Array


class Run(NamedTuple):
    """A trained network, and the losses on the way: of each minibatch, and of both splits after each epoch."""

    params: Params
    batch_losses: Array
    train_losses: Array
    test_losses: Array


def main(argv: list[str]) -> int:
    """Train the network, print how well it does and save what there is to look at."""
    parser = ArgumentParser(
        prog=PROG,
        description="Train a network with two hidden layers on scikit-learn's handwritten digits. Prints the accuracy "
        "on the images it was trained on and on those held out, and saves the loss curve, the loss's jaxpr and the "
        "NumPy source of its compiled gradients.",
    )
    parser.add_argument(
        "--epochs", type=whole_number(1), default=30, metavar="N", help="passes over the training images (default: 30)"
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="draws the split, the first weights, the minibatches and the noise (default: 0)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("functrace-demo"),
        metavar="FOLDER",
        help="where the files are left (default: ./functrace-demo)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="no progress bar and no list of files: the accuracies and the time alone"
    )
    options = parser.parse_args(argv)
    require_extra(PROG, "demo", {"sklearn": "scikit-learn", "matplotlib": "matplotlib", "tqdm": "tqdm"})
    with one_line_if_unwritable(options.out):
        prepare(options.out)

    rng = np.random.default_rng(options.seed)
    train_split, test_split = load_digits(rng)
    start = perf_counter()
    run = train(rng, train_split, test_split, options.epochs, options.quiet)
    seconds = perf_counter() - start

    test_accuracy = accuracy(run.params, test_split)
    print(f"train accuracy  {accuracy(run.params, train_split):.3f}")
    print(f"test accuracy   {test_accuracy:.3f}")
    print(f"time            {seconds:.1f} s")

    with one_line_if_unwritable(options.out):
        save(options.out, run, train_split, test_accuracy)
    if not options.quiet:
        for name, content in FILES.items():
            print(f"{options.out / name}  {content}")
    return 0


def load_digits(rng: np.random.Generator, held_out: float = 0.25) -> tuple[Digits, Digits]:
    """Scikit-learn's 1797 handwritten digits, shuffled and split into those to train on and those held out."""
    from sklearn import datasets

    pixels, digits = datasets.load_digits(return_X_y=True)
    order = rng.permutation(len(pixels))
    test, train = np.split(order, [round(held_out * len(order))])
    everything = Digits(pixels / 16, np.eye(10)[digits])
    return tree.map(lambda x: x[train], everything), tree.map(lambda x: x[test], everything)


def train(rng: np.random.Generator, train_split: Digits, test_split: Digits, epochs: int, quiet: bool) -> Run:
    """Stochastic gradient descent with momentum, in steps that shrink to nothing by the end."""
    from tqdm import tqdm

    params = initial_params(rng)
    velocity = tree.map(np.zeros_like, params)
    batch_losses, train_losses, test_losses = [], [], []

    def measure() -> None:
        train_losses.append(loss(params, *train_split))
        test_losses.append(loss(params, *test_split))

    measure()
    for epoch in (progress := tqdm(range(epochs), desc="training", unit="epoch", disable=quiet)):
        step = LEARNING_RATE * (1 - epoch / epochs)
        for images, targets in minibatches(rng, train_split):
            value, gradients = loss_and_gradients(params, images, targets)
            params, velocity = descend(params, velocity, gradients, step)
            batch_losses.append(value)
        measure()
        progress.set_postfix_str(f"loss {train_losses[-1]:.4f}, held out {test_losses[-1]:.4f}")
    return Run(params, np.array(batch_losses), np.array(train_losses), np.array(test_losses))


def descend(params: Params, velocity: Params, gradients: Params, step: float) -> tuple[Params, Params]:
    """Move against the gradients, and go on in the direction that earlier steps had."""
    velocity = tree.map(lambda v, g: MOMENTUM * v - step * g, velocity, gradients)
    return tree.map(np.add, params, velocity), velocity


def initial_params(rng: np.random.Generator) -> Params:
    """Draw the weights so that a signal keeps its variance through the layers.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers" (2015).
    """
    return [
        {"weights": rng.normal(scale=np.sqrt(2 / inputs), size=(inputs, outputs)), "biases": np.zeros(outputs)}
        for inputs, outputs in pairwise(LAYERS)
    ]


def minibatches(rng: np.random.Generator, split: Digits) -> Iterator[Digits]:
    """Every image once in random order (but for what fills no batch), under fresh noise against overfitting."""
    order = rng.permutation(len(split.images))
    for batch in np.split(order, range(BATCH, len(order), BATCH)):
        if len(batch) == BATCH:
            noise = rng.normal(scale=NOISE, size=(BATCH, LAYERS[0]))
            yield Digits(split.images[batch] + noise, split.targets[batch])


def scores(params: Params, images: Array) -> Array:
    """One row of ten numbers for each image; the largest says which digit it is."""
    *hidden_layers, last = params
    for layer in hidden_layers:
        images = fnp.maximum(images @ layer["weights"] + layer["biases"], 0)
    return images @ last["weights"] + last["biases"]


def loss(params: Params, images: Array, targets: Array) -> Array:
    """The cross-entropy between the network's scores and the digits that the images show, averaged."""
    logits = scores(params, images)
    return fnp.mean(logsumexp(logits, axis=1) - fnp.sum(targets * logits, axis=1))


loss_and_gradients = jit(value_and_grad(loss))


def accuracy(params: Params, split: Digits) -> float:
    """The share of images whose digit the network gets right."""
    guesses = np.argmax(scores(params, split.images), axis=1)
    return float(np.mean(guesses == np.argmax(split.targets, axis=1)))


@contextmanager
def one_line_if_unwritable(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses into one line and a non-zero exit."""
    try:
        yield
    except FileExistsError:
        sys.exit(f"{PROG}: cannot write to {folder}: a file stands in its place")
    except OSError as error:
        sys.exit(f"{PROG}: cannot write to {error.filename or folder}: {error.strerror or error}")


def prepare(folder: Path) -> None:
    """Make the folder, and open its files now: who cannot write should not have to train first to hear of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        with open(folder / name, "ab"):
            pass


def save(folder: Path, run: Run, split: Digits, test_accuracy: float) -> None:
    """Leave the loss curve, the loss's jaxpr and the compiled gradient's source in the folder."""
    curve, jaxpr, source = (folder / name for name in FILES)
    batch = (run.params, split.images[:BATCH], split.targets[:BATCH])
    jaxpr.write_text(f"{make_jaxpr(loss)(*batch)}\n", encoding="utf-8")
    source.write_text(loss_and_gradients.lower(*batch).as_text(), encoding="utf-8")
    plot(run, test_accuracy).savefig(curve, dpi=160)


def plot(run: Run, test_accuracy: float) -> Any:
    """Draw the losses over the epochs as a matplotlib figure."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    ink = "#444444"
    epochs = np.arange(len(run.train_losses))
    batch_epochs = np.linspace(0, epochs[-1], len(run.batch_losses))

    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="cross-entropy", xlim=(0, epochs[-1]), yscale="log")
    axes.set_title(f"{test_accuracy:.1%} of the held-out digits are read correctly", loc="left", weight="bold", pad=12)
    axes.plot(batch_epochs, run.batch_losses, color="#b9c8d8", linewidth=0.8, label="minibatches, with noise")
    axes.plot(epochs, run.test_losses, color="#d1602b", linewidth=2, label="held-out images")
    axes.plot(epochs, run.train_losses, color="#2a6fbb", linewidth=2, label="training images")
    axes.legend(loc="upper right", frameon=False)

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(axis="y", color="#eeeeee")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(ink)
    axes.tick_params(colors=ink)
    return figure
