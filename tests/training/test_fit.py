import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import functrace.numpy as fnp
from functrace import grad, nn, optim, random, training, tree
from functrace.errors import ArgumentError, FileContentError, NonFiniteError, OptionError, ShapeError
from functrace.training import Callback, Checkpoint, EarlyStopping, Run, fit

KEY = random.key(0)
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(20, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.3
OPTIONS: dict[str, Any] = {"epochs": 3, "batch_size": 8, "key": KEY}


def start() -> dict[str, Any]:
    return {"w": np.zeros(3), "b": np.array(0.0)}


def squares(params: Any, batch: Any) -> Any:
    x, y = batch
    return fnp.mean((x @ params["w"] + params["b"] - y) ** 2)


def by_hand(epochs: int, rate: float) -> tuple[Any, list[float]]:
    """Gradient descent on the batches that `minibatches` documents, by the gradients' formulas."""
    shuffling = random.split(KEY, 3)[0]
    w, b, losses = np.zeros(3), 0.0, []
    for epoch in range(epochs):
        for x, y in training.minibatches(random.fold_in(shuffling, epoch), (X, Y), 8):
            error = x @ w + b - y
            losses.append(np.mean(error**2))
            w, b = w - rate * 2 * x.T @ error / len(x), b - rate * 2 * error.mean()
    return {"w": w, "b": b}, losses


def test_fit_takes_the_steps_of_gradient_descent_and_notes_their_losses() -> None:
    fitted = fit(squares, start(), optim.sgd(0.1), (X, Y), **OPTIONS)
    params, losses = by_hand(3, 0.1)
    np.testing.assert_allclose(fitted.params["w"], params["w"])
    np.testing.assert_allclose(fitted.params["b"], params["b"])
    np.testing.assert_allclose(fitted.history.steps, losses)
    weighted = [np.dot(losses[i : i + 3], [8, 8, 4]) / 20 for i in (0, 3, 6)]
    np.testing.assert_allclose(fitted.history["loss"], weighted)


def test_the_callers_parameters_and_data_stay_as_they_are() -> None:
    params, state = start(), {"count": np.zeros(1)}

    def loss(params: Any, batch: Any, *, state: Any) -> Any:
        return squares(params, batch), {"count": state["count"] + 1}

    data = (X.copy(), Y.copy())
    fitted = fit(loss, params, optim.adam(0.1), data, state=state, **OPTIONS)
    assert params["w"].tolist() == [0, 0, 0] and params["b"] == 0 and state["count"] == 0
    assert fitted.state["count"] == 9
    assert np.array_equal(data[0], X)
    fitted.params["w"][:] = 7
    assert params["w"].tolist() == [0, 0, 0]


def test_the_same_key_gives_the_same_bits_and_another_one_other_batches() -> None:
    one, same = [fit(squares, start(), optim.adam(0.1), (X, Y), **OPTIONS) for _ in range(2)]
    assert np.array_equal(one.params["w"], same.params["w"]) and one.history.steps == same.history.steps
    other = fit(squares, start(), optim.adam(0.1), (X, Y), **{**OPTIONS, "key": random.key(1)})
    assert one.history.steps != other.history.steps


def test_the_loss_is_given_the_keywords_that_it_names() -> None:
    seen = []

    def loss(params: Any, batch: Any, key: Any, train: bool) -> Any:
        seen.append(train)
        noise = random.normal(key, ()) if train else 0.0
        return squares(params, batch) + noise

    fitted = fit(loss, start(), optim.sgd(0.0), (X, Y), validation=(X, Y), **{**OPTIONS, "batch_size": 20})
    assert set(seen) == {True, False}
    noise = np.array(fitted.history.steps) - np.mean(Y**2)
    assert len(set(noise.round(9))) == 3  # another key at each step
    np.testing.assert_allclose(fitted.history["validation_loss"], np.mean(Y**2))


def test_metrics_are_of_the_validation_data_and_may_be_plain_numpy() -> None:
    def worst(params: Any, data: Any) -> float:
        x, y = data
        return float(np.abs(np.asarray(x @ params["w"] + params["b"]) - y).max())

    held_out = (X[:5], Y[:5])
    fitted = fit(squares, start(), optim.sgd(0.1), (X, Y), validation=held_out, metrics={"worst": worst}, **OPTIONS)
    assert fitted.history["worst"][-1] == worst(fitted.params, held_out)
    np.testing.assert_allclose(fitted.history["validation_loss"][-1], squares(fitted.params, held_out))
    alone = fit(squares, start(), optim.sgd(0.1), (X, Y), metrics={"worst": worst}, **OPTIONS)
    assert alone.history["worst"][-1] == worst(alone.params, (X, Y)) and "validation_loss" not in alone.history.epochs
    with pytest.raises(OptionError, match="'loss', which is that of the loss"):
        fit(squares, start(), optim.sgd(0.1), (X, Y), metrics={"loss": worst}, **OPTIONS)


def test_batch_norm_keeps_running_means_and_dropout_draws_while_it_trains() -> None:
    net = nn.serial(nn.Dense(4), nn.BatchNorm(momentum=0.5), nn.Relu, nn.Dropout(0.5), nn.Dense(1))
    _, params = net.init(KEY, (-1, 3))
    state = net.init_state((-1, 3))

    def loss(params: Any, batch: Any, *, state: Any, key: Any, train: bool) -> Any:
        x, y = batch
        out, state = net.apply_with_state(params, state, x, key=key, train=train)
        return nn.losses.mse(out[:, 0], y), state

    fitted = fit(loss, params, optim.sgd(0.0), (X, Y), state=state, validation=(X, Y), **{**OPTIONS, "batch_size": 20})
    hidden = X @ params[0]["kernel"] + params[0]["bias"]
    mean = hidden.mean(0) * (1 - 0.5**3)
    np.testing.assert_allclose(fitted.state[1]["mean"], mean)
    assert len(set(fitted.history.steps)) == 3
    out, _ = net.apply_with_state(params, fitted.state, X)
    np.testing.assert_allclose(fitted.history["validation_loss"][-1], np.mean((out[:, 0] - Y) ** 2))


def test_a_line_search_is_given_the_loss_of_the_batch() -> None:
    fitted = fit(squares, start(), optim.lbfgs(), (X, Y), epochs=10, batch_size=20, key=KEY)
    np.testing.assert_allclose(fitted.params["w"], [1, -2, 0.5], atol=1e-6)


def test_early_stopping_gives_the_parameters_of_the_best_epoch() -> None:
    scores = [3.0, 2.0, 2.5, 1.95, 2.6, 1.0]
    seen = []

    def score(params: Any, data: Any) -> float:
        seen.append(params["w"].copy())
        return scores[len(seen) - 1]

    stopping = EarlyStopping(patience=2, min_delta=0.1, watch="score")
    fitted = fit(
        squares, start(), optim.sgd(0.1), (X, Y), metrics={"score": score}, early_stopping=stopping,
        **{**OPTIONS, "epochs": 6},
    )  # fmt: skip
    assert fitted.history["score"].tolist() == scores[:4]  # 1.95 is not better than 2 by 0.1
    assert np.array_equal(fitted.params["w"], seen[1])


def test_early_stopping_watches_what_is_there_or_says_at_once_that_it_is_not() -> None:
    for stopping in (EarlyStopping(watch="accuracy"), EarlyStopping(mode="up"), EarlyStopping(patience=0)):
        with pytest.raises(OptionError):
            fit(squares, start(), optim.sgd(0.1), (X, Y), early_stopping=stopping, **OPTIONS)
    worse = fit(squares, start(), optim.sgd(0.1), (X, Y), early_stopping=EarlyStopping(mode="max"), **OPTIONS)
    first = fit(squares, start(), optim.sgd(0.1), (X, Y), **{**OPTIONS, "epochs": 1})
    assert np.array_equal(worse.params["w"], first.params["w"])  # of the greatest loss


def test_callbacks_see_the_run_and_may_stop_it() -> None:
    calls: list[Any] = []

    class Watch(Callback):
        def on_step(self, run: Run) -> None:
            calls.append(("step", run.step, run.epoch, run.loss))
            if run.step == 4:
                run.params["w"][:] = np.nan  # a copy
                run.stop()

        def on_epoch(self, run: Run) -> None:
            calls.append(("epoch", run.epoch, run.history.latest["loss"]))

    callbacks: list[Any] = [Watch(), lambda run: calls.append(run.epoch)]
    fitted = fit(squares, start(), optim.sgd(0.1), (X, Y), callbacks=callbacks, **OPTIONS)
    losses = fitted.history.steps
    steps = [("step", i + 1, i // 3 + (i % 3 == 2), losses[i]) for i in range(4)]
    assert calls == [*steps[:3], ("epoch", 1, fitted.history["loss"][0]), 1, steps[3]]
    with pytest.raises(ArgumentError, match="Callback"):
        fit(squares, start(), optim.sgd(0.1), (X, Y), callbacks=[Watch], **OPTIONS)  # type: ignore[list-item]


def test_a_loss_that_becomes_nan_names_the_step_the_epoch_and_the_leaf(tmp_path: Path) -> None:
    def loss(params: Any, batch: Any) -> Any:
        return squares(params, batch) + fnp.mean(fnp.sqrt(params["c"] - batch[1]))

    y = np.full(20, -1.0)
    params = {**start(), "c": np.array(0.0)}
    path = tmp_path / "run.npz"
    options = {**OPTIONS, "epochs": 40, "checkpoint": Checkpoint(path)}
    with pytest.raises(NonFiniteError) as error:  # c falls below y at some step
        fit(loss, params, optim.sgd(0.5), (X * 0, y), **options)
    message = str(error.value)
    number = int(message.split("in step ")[1].split()[0])
    epoch = (number - 1) // 3 + 1
    assert f"the loss is nan in step {number} (step {(number - 1) % 3 + 1} of epoch {epoch})" in message
    assert "gradient of params['c']: NaN" in message
    if epoch > 1:
        kept = training.contents(path)
        assert kept["history/steps"].shape == (3 * (epoch - 1),)


def test_a_gradient_that_is_infinite_is_found_before_it_is_kept(tmp_path: Path) -> None:
    def loss(params: Any, batch: Any) -> Any:
        return fnp.sqrt(fnp.abs(params["a"])) + fnp.sum(params["b"]) + 0 * fnp.mean(batch)

    params = {"a": np.array(0.0), "b": np.ones(2)}
    path = tmp_path / "run.npz"
    with pytest.raises(
        NonFiniteError, match=r"the loss is 2\.0 in step 1 \(step 1 of epoch 1\)(.|\n)*params\['a'\]: NaN"
    ):
        fit(loss, params, optim.sgd(0.1), X, checkpoint=Checkpoint(path, every=1), **OPTIONS)
    assert not path.exists()


def test_an_update_that_overflows_and_parameters_that_are_nan_from_the_start() -> None:
    with pytest.raises(NonFiniteError, match=r"the update in step \d+ (.|\n)*params\['b'\]: an infinity"):
        fit(lambda p, x: fnp.sum(p["b"]), {"b": np.ones(1)}, optim.sgd(1e308), X, **{**OPTIONS, "batch_size": 20})
    with pytest.raises(NonFiniteError, match=r"before the first step: params\['w'\]: NaN"):
        fit(squares, {"w": np.array([0, np.nan, 0]), "b": np.array(0.0)}, optim.sgd(0.1), (X, Y), **OPTIONS)


def test_what_does_not_fit_is_an_error_that_says_so() -> None:
    adam = optim.adam(0.1)
    with pytest.raises(ShapeError, match=r"data\[1\] has 19 examples"):
        fit(squares, start(), adam, (X, Y[1:]), **OPTIONS)
    with pytest.raises(OptionError, match="batch of 21 is larger"):
        fit(squares, start(), adam, (X, Y), **{**OPTIONS, "batch_size": 21})
    with pytest.raises(OptionError, match="epochs of at least 1, got 0"):
        fit(squares, start(), adam, (X, Y), **{**OPTIONS, "epochs": 0})
    with pytest.raises(ArgumentError, match="the loss takes none"):
        fit(squares, start(), adam, (X, Y), state=1.0, **OPTIONS)
    with pytest.raises(ArgumentError, match="a value and the next state"):
        fit(lambda p, b, state: squares(p, b), start(), adam, (X, Y), state=1.0, **OPTIONS)
    with pytest.raises(ShapeError, match="scalar"):
        fit(lambda p, b: b[0] @ p["w"], start(), adam, (X, Y), **OPTIONS)


def test_parameters_of_float32_stay_float32() -> None:
    params = tree.map(np.float32, start())
    data = (X.astype(np.float32), Y.astype(np.float32))
    fitted = fit(squares, params, optim.adam(0.1), data, **OPTIONS)
    assert {leaf.dtype for leaf in tree.leaves(fitted.params)} == {np.dtype(np.float32)}


def test_the_progress_bar_counts_the_steps_and_shows_the_losses(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm", reason="the extra training brings it")
    fit(squares, start(), optim.sgd(0.1), (X, Y), progress=True, **OPTIONS)
    shown = capsys.readouterr().err
    assert "9/9" in shown and "loss " in shown


def test_a_history_plots_the_losses_and_the_metrics() -> None:
    pytest.importorskip("matplotlib", reason="the extra training brings it")
    options = {**OPTIONS, "validation": (X, Y), "metrics": {"bias": lambda params, data: params["b"]}}
    history = fit(squares, start(), optim.sgd(0.1), (X, Y), **options).history
    losses, metrics = history.plot().axes
    drawn = {line.get_label(): line.get_ydata() for line in (*losses.lines, *metrics.lines)}
    assert drawn["loss of each step"].tolist() == history.steps
    assert drawn["validation loss"].tolist() == history["validation_loss"].tolist()
    assert drawn["bias"].tolist() == history["bias"].tolist()
    training.History().plot()
    with pytest.raises(OptionError, match="'accuracy'"):
        history["accuracy"]


def test_a_run_goes_on_from_its_checkpoint_with_more_epochs_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole = fit(squares, start(), optim.adam(0.1), (X, Y), **{**OPTIONS, "epochs": 5})
    checkpoint = Checkpoint(tmp_path / "run.npz", every=2)
    stop = [lambda run: run.stop()]
    for epochs, callbacks in ((5, stop), (5, stop), (3, []), (5, [])):
        part = fit(squares, start(), optim.adam(0.1), (X, Y), callbacks=callbacks, checkpoint=checkpoint,
                   **{**OPTIONS, "epochs": epochs})  # fmt: skip
    assert part.params["w"].tobytes() == whole.params["w"].tobytes()
    assert part.history.steps == whole.history.steps and part.history.epochs == whole.history.epochs
    again = fit(squares, start(), optim.adam(0.1), (X, Y), checkpoint=checkpoint, **{**OPTIONS, "epochs": 5})
    assert again.params["w"].tobytes() == whole.params["w"].tobytes() and len(again.history.steps) == 15
    again.params["w"][:] = 0


def test_early_stopping_goes_on_from_a_checkpoint_with_the_best_so_far(tmp_path: Path) -> None:
    stopping = EarlyStopping(patience=2, mode="max")  # the first epoch stays the best
    options = {**OPTIONS, "epochs": 9, "early_stopping": stopping, "checkpoint": Checkpoint(tmp_path / "run.npz")}
    fit(squares, start(), optim.sgd(0.1), (X, Y), callbacks=[lambda run: run.stop()], **options)
    for _ in range(2):
        resumed = fit(squares, start(), optim.sgd(0.1), (X, Y), **options)
        assert len(resumed.history["loss"]) == 3
    whole = fit(squares, start(), optim.sgd(0.1), (X, Y), **{**options, "checkpoint": None})
    assert np.array_equal(resumed.params["w"], whole.params["w"])


def test_a_run_that_goes_on_removes_what_a_killed_write_left_and_nothing_else(tmp_path: Path) -> None:
    left = tmp_path / "run.npz.0123456789abcdef.part"
    others = [tmp_path / name for name in ("run.npz.part", "other.npz.0123456789abcdef.part", "run.npz.bak")]
    for path in (left, *others):
        path.write_bytes(b"half")
    fit(squares, start(), optim.adam(0.1), (X, Y), checkpoint=Checkpoint(tmp_path / "run.npz"), **OPTIONS)
    assert not left.exists() and all(path.exists() for path in others)


def test_a_damaged_checkpoint_is_an_error_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    options = {**OPTIONS, "checkpoint": Checkpoint(path)}
    fit(squares, start(), optim.adam(0.1), (X, Y), **options)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileContentError, match=r"run\.npz is damaged"):
        fit(squares, start(), optim.adam(0.1), (X, Y), **options)
    assert path.exists()


def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    options = {**OPTIONS, "checkpoint": Checkpoint(path)}
    fit(squares, start(), optim.adam(0.1), (X, Y), **options)
    before = path.read_bytes()
    with pytest.raises(FileContentError, match="batch_size 8, this one has 10"):
        fit(squares, start(), optim.adam(0.1), (X, Y), **{**options, "batch_size": 10})
    with pytest.raises(FileContentError, match=r"key \[0 0\], this one has \[1 0\]"):
        fit(squares, start(), optim.adam(0.1), (X, Y), **{**options, "key": random.key(1)})
    with pytest.raises(FileContentError, match=r"the leaf carry/params/w is f64\[3\], expected f64\[4\]"):
        fit(squares, {"w": np.zeros(4), "b": np.array(0.0)}, optim.adam(0.1), (X, Y), **options)
    with pytest.raises(FileContentError, match="the leaf carry/optimizer_state/0/mu/b is not expected"):
        fit(squares, start(), optim.sgd(0.1), (X, Y), **options)
    with pytest.raises(FileContentError, match="the leaf history/epochs/validation_loss is missing"):
        fit(squares, start(), optim.adam(0.1), (X, Y), validation=(X, Y), **options)
    assert path.read_bytes() == before


def test_fits_gradients_are_those_of_grad() -> None:
    fitted = fit(squares, start(), optim.sgd(1.0), (X, Y), epochs=1, batch_size=20, key=KEY)
    slopes = grad(squares)(start(), (X, Y))
    np.testing.assert_allclose(fitted.params["w"], -slopes["w"])
    assert math.isclose(fitted.params["b"], -slopes["b"])
