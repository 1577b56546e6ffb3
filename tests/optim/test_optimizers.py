from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import optim, tree
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError, StructureError

few = settings(max_examples=15, deadline=None)

OPTIMIZERS = {
    "sgd": lambda: optim.sgd(0.1),
    "momentum": lambda: optim.sgd(0.05, momentum=0.9),
    "nesterov": lambda: optim.sgd(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: optim.adam(0.1),
    "adamw": lambda: optim.adamw(0.1, weight_decay=1e-4),
    "nadam": lambda: optim.nadam(0.1),
    "amsgrad": lambda: optim.amsgrad(0.1),
    "adamax": lambda: optim.adamax(0.1),
    "adagrad": lambda: optim.adagrad(0.5),
    "rmsprop": lambda: optim.rmsprop(0.02),
    "centered": lambda: optim.rmsprop(0.02, centered=True, momentum=0.5),
    "adadelta": lambda: optim.adadelta(10.0),
    "lamb": lambda: optim.lamb(0.02),
    "lion": lambda: optim.lion(0.03, weight_decay=0.0),
}
TARGET = {"w": np.array([[1.0, -2.0], [0.5, 3.0]]), "b": np.array([0.25, -1.0])}


def loss(params):
    return sum(fnp.sum((p - t) ** 2) for p, t in zip(tree.leaves(params), tree.leaves(TARGET), strict=True))


def starting_point(dtype=np.float64):
    return {"w": np.ones((2, 2), dtype), "b": np.full(2, 0.5, dtype)}


def train(optimizer, params, steps, run=lambda f: f):
    state = optimizer.init(params)

    def step(params, state):
        gradients = functrace.grad(loss)(params)
        updates, state = optimizer.update(gradients, state, params)
        return optim.apply_updates(params, updates), state

    step = run(step)
    for _ in range(steps):
        params, state = step(params, state)
    return params, state


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_minimum_of_a_parabola(name):
    params, _ = train(OPTIMIZERS[name](), starting_point(), 300, functrace.jit)
    assert loss(params) < 1e-2 * loss(starting_point())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_eager_and_jitted_steps_are_the_same_and_keep_single_precision(name):
    eager, eager_state = train(OPTIMIZERS[name](), starting_point(np.float32), 5)
    jitted, jitted_state = train(OPTIMIZERS[name](), starting_point(np.float32), 5, functrace.jit)
    for one, other in zip(tree.leaves((eager, eager_state)), tree.leaves((jitted, jitted_state)), strict=True):
        assert one.dtype == other.dtype and one.dtype in (np.float32, np.int64)
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw", "adagrad", "lion"])
def test_a_whole_donated_step_writes_into_the_memory_of_the_parameters(name):
    optimizer = OPTIMIZERS[name]()
    params = {"w": np.ones((300, 300))}
    state = optimizer.init(params)

    def step(params, state):
        gradients = functrace.grad(lambda p: fnp.sum(p["w"] ** 4))(params)
        updates, state = optimizer.update(gradients, state, params)
        return optim.apply_updates(params, updates), state

    expected = step(params, state)
    donated = functrace.jit(step, donate_argnums=(0, 1))
    given = [leaf for leaf in tree.leaves((params, state)) if leaf.ndim]
    got = donated(params, state)
    for one, other in zip(tree.leaves(got), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    taken = [any(np.shares_memory(leaf, old) for old in given) for leaf in tree.leaves(got) if leaf.ndim]
    assert all(taken)


def test_adam_is_its_closed_form_for_constant_gradients():
    """Of a constant gradient both unbiased means are g and g², so each step is -η g / (|g| + eps)."""
    optimizer, gradient = optim.adam(0.1, eps=0.5), np.array([2.0, -3.0])
    state = optimizer.init(gradient)
    for _ in range(4):
        updates, state = optimizer.update(gradient, state)
        np.testing.assert_allclose(updates, -0.1 * gradient / (np.abs(gradient) + 0.5), rtol=1e-12)


@few
@given(st.floats(0.0, 1.0), st.floats(0.01, 0.5), st.integers(1, 6))
def test_decoupled_weight_decay_with_zero_gradients_shrinks_by_its_closed_form(decay, rate, steps):
    optimizer, params = optim.adamw(rate, weight_decay=decay), np.array([3.0, -4.0])
    state = optimizer.init(params)
    for _ in range(steps):
        updates, state = optimizer.update(np.zeros(2), state, params)
        params = optim.apply_updates(params, updates)
    np.testing.assert_allclose(params, np.array([3.0, -4.0]) * (1 - rate * decay) ** steps, rtol=1e-12)


def test_decay_before_the_rule_is_the_gradient_of_the_penalty():
    params = starting_point()
    decay = optim.chain(optim.add_decayed_weights(0.3), optim.add_l1_decay(0.2), optim.sgd(0.1, momentum=0.5))
    by_loss = optim.sgd(0.1, momentum=0.5)
    gradients = functrace.grad(loss)(params)
    penalized = functrace.grad(lambda p: loss(p) + optim.l2_penalty(p, 0.3) + optim.l1_penalty(p, 0.2))(params)
    one, _ = decay.update(gradients, decay.init(params), params)
    other, _ = by_loss.update(penalized, by_loss.init(params), params)
    for a, b in zip(tree.leaves(one), tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_masks_choose_by_leaf_by_branch_and_by_function():
    params = {"layer": {"w": np.ones(2), "b": np.ones(2)}, "head": np.ones(3)}
    by_leaf = {"layer": {"w": True, "b": False}, "head": False}
    for mask in (by_leaf, lambda p: {"layer": {name: name == "w" for name in p["layer"]}, "head": False}):
        optimizer = optim.add_decayed_weights(0.5, mask)
        updates, _ = optimizer.update(tree.map(np.zeros_like, params), optimizer.init(params), params)
        assert updates["layer"]["w"].tolist() == [0.5, 0.5] and updates["layer"]["b"].tolist() == [0, 0]
    optimizer = optim.masked(optim.sgd(1.0, momentum=0.9), {"layer": True, "head": False})
    state = optimizer.init(params)
    assert len(tree.leaves(state)) == 2  # nothing is kept for what is masked
    updates, _ = optimizer.update(params, state, params)
    assert updates["head"].tolist() == [1, 1, 1] and updates["layer"]["b"].tolist() == [-1, -1]


def test_labels_choose_a_transformation_for_each_leaf():
    params = {"a": np.ones(2), "b": np.ones(2), "frozen": np.ones(2)}
    optimizer = optim.multi_transform(
        {"adam": optim.adam(0.1), "sgd": optim.sgd(0.5), "none": optim.set_to_zero()},
        lambda p: {"a": "adam", "b": "sgd", "frozen": "none"},
    )
    updates, _ = functrace.jit(optimizer.update)(params, optimizer.init(params), params)
    np.testing.assert_allclose(updates["a"], -0.1, rtol=1e-6)
    assert updates["b"].tolist() == [-0.5, -0.5] and updates["frozen"].tolist() == [0, 0]
    with pytest.raises(OptionError, match="'other'"):
        optim.multi_transform({"sgd": optim.sgd(0.1)}, {"a": "other"}).init({"a": np.ones(1)})


@few
@given(st.integers(1, 5), st.booleans())
def test_gathered_minibatches_make_the_step_of_their_mean_or_sum(every, mean):
    rng = np.random.default_rng(every)
    gradients = rng.normal(size=(2 * every, 3))
    inner = optim.adam(0.1)
    optimizer = optim.MultiSteps(inner, every, use_grad_mean=mean)
    state, inner_state = optimizer.init(np.zeros(3)), inner.init(np.zeros(3))
    for number, gradient in enumerate(gradients, 1):
        updates, state = optimizer.update(gradient, state)
        assert bool(optimizer.has_updated(state)) == (number % every == 0)
        if number % every:
            assert not updates.any()
            continue
        part = gradients[number - every : number]
        expected, inner_state = inner.update(part.mean(0) if mean else part.sum(0), inner_state)
        np.testing.assert_allclose(updates, expected, rtol=1e-10)


@few
@given(st.floats(0.1, 3.0))
def test_clipping_by_the_global_norm_gives_at_most_that_norm_and_keeps_the_direction(limit):
    updates = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    clipped, _ = optim.clip_by_global_norm(limit).update(updates, ())
    assert float(optim.global_norm(clipped)) == pytest.approx(min(limit, 5.0))
    np.testing.assert_allclose(clipped["a"][0] / clipped["b"][0, 0], 0.75)
    zeros, _ = optim.clip_by_global_norm(limit).update(np.zeros(3), ())
    assert zeros.tolist() == [0, 0, 0]


def test_a_schedule_in_place_of_the_learning_rate_is_asked_for_the_steps_done():
    optimizer = optim.sgd(optim.piecewise_constant_schedule(1.0, {2: 0.5}))
    state = optimizer.init(np.zeros(1, np.float32))
    seen = []
    for _ in range(4):
        updates, state = functrace.jit(optimizer.update)(np.ones(1, np.float32), state)
        assert updates.dtype == np.float32
        seen.append(float(updates[0]))
    assert seen == [-1.0, -1.0, -0.5, -0.5]


def test_learning_rates_can_be_differentiated_through_a_run():
    def after(rate):
        params, _ = train(optim.sgd(rate), starting_point(), 3)
        return loss(params)

    step = 1e-6
    numeric = (after(0.1 + step) - after(0.1 - step)) / (2 * step)
    np.testing.assert_allclose(functrace.grad(after)(0.1), numeric, rtol=1e-6)


def test_a_batch_of_optimizers_runs_under_vmap():
    optimizer = optim.adam(0.1)

    def first(params):
        updates, _ = optimizer.update(2 * params, optimizer.init(params), params)
        return updates

    batch = np.arange(6.0).reshape(3, 2) - 2
    np.testing.assert_allclose(functrace.vmap(first)(batch), np.stack([first(x) for x in batch]), rtol=1e-12)


def rosenbrock(params):
    x = params["x"]
    return fnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_lbfgs_finds_the_minimum_of_rosenbrocks_function():
    optimizer, params = optim.lbfgs(), {"x": np.array([-1.2, 1.0, -0.5])}
    value_and_grad = optim.value_and_grad_from_state(rosenbrock)

    @functrace.jit
    def step(params, state):
        value, gradient = value_and_grad(params, state=state)
        updates, state = optimizer.update(gradient, state, params, value=value, grad=gradient, value_fn=rosenbrock)
        return optim.apply_updates(params, updates), state

    state = optimizer.init(params)
    with np.errstate(divide="raise", invalid="raise"):  # the line search is not to warn of a cubic that there is not
        for _ in range(60):
            params, state = step(params, state)
    np.testing.assert_allclose(params["x"], 1.0, atol=1e-6)


@few
@given(st.integers(0, 99))
def test_the_zoom_line_searchs_step_meets_the_strong_wolfe_conditions(seed):
    rng = np.random.default_rng(seed)
    centre, scale = rng.normal(size=3), rng.uniform(0.1, 50, 3)

    def f(x):
        return fnp.sum(fnp.log1p(scale * (x - centre) ** 2))

    x = rng.normal(size=3) * 3
    value, gradient = functrace.value_and_grad(f)(x)
    search = optim.scale_by_zoom_linesearch(30)
    updates, state = search.update(-gradient, search.init(x), x, value=value, grad=gradient, value_fn=f)
    step = state.learning_rate
    assert step > 0
    reached, slope = functrace.value_and_grad(lambda t: f(x - t * gradient))(step)
    np.testing.assert_allclose(updates, -step * gradient, rtol=1e-12)
    np.testing.assert_allclose(state.value, reached, rtol=1e-12)
    start = -np.sum(gradient**2)
    assert reached <= value + 1e-4 * step * start + 1e-6 * abs(value)
    assert abs(slope) <= 0.9 * abs(start)


def test_the_backtracking_line_search_takes_the_first_step_that_decreases_enough():
    def f(x):
        return fnp.sum(x**2)

    x = np.array([1.0, 2.0])
    value, gradient = functrace.value_and_grad(f)(x)
    search = optim.chain(optim.sgd(1.0), optim.scale_by_backtracking_linesearch(20, decrease_factor=0.5))
    updates, state = search.update(gradient, search.init(x), x, value=value, grad=gradient, value_fn=f)
    assert float(state[1].learning_rate) == 0.5  # at step 1 the loss is as before, at 1/2 it is 0
    np.testing.assert_allclose(optim.apply_updates(x, updates), 0, atol=1e-15)


def test_errors_name_the_leaf_and_what_to_write():
    with pytest.raises(DtypeError, match=r"\['n'\].*i64"):
        optim.adam(0.1).init({"n": np.arange(3)})
    decayed, searched = optim.adamw(0.1), optim.lbfgs()
    with pytest.raises(ArgumentError, match="needs the parameters"):
        decayed.update(np.ones(2), decayed.init(np.ones(2)))
    with pytest.raises(ShapeError, match=r"params\['w'\]"):
        optim.apply_updates({"w": np.ones(2)}, {"w": np.ones(3)})
    with pytest.raises(StructureError):
        optim.apply_updates({"w": np.ones(2)}, {"v": np.ones(2)})
    with pytest.raises(ArgumentError, match="value_fn"):
        searched.update(np.ones(2), searched.init(np.ones(2)), np.ones(2))
    with pytest.raises(ArgumentError, match="parts"):
        optim.adam(0.1).update(np.ones(2), (), np.ones(2))


W = {"w": np.array([1.0, 2.0])}

MISTAKES = {
    "a number in a chain": (lambda: optim.chain(optim.clip(1.0), 0.1), ArgumentError, "scale_by_learning_rate"),
    "an optimiser without its arguments": (lambda: optim.chain(optim.adam), ArgumentError, "with its arguments"),
    "a list in a chain": (lambda: optim.chain([optim.adam(0.1)]), ArgumentError, r"optim.chain\(\*transformations\)"),
    "a number to be masked": (lambda: optim.masked(0.1, True), ArgumentError, "masked expected transformations"),
    "a number for some leaves": (lambda: optim.multi_transform({"a": 0.1}, "a"), ArgumentError, "multi_transform"),
    "a number in several steps": (lambda: optim.MultiSteps(0.1, 2), ArgumentError, "MultiSteps"),
    "a text as rate": (lambda: optim.sgd("0.1"), OptionError, "learning rate that is a number.*'0.1'"),
    "no rate": (lambda: optim.adam(None), OptionError, "got None"),
    "several rates": (lambda: optim.sgd(np.ones(2)), OptionError, "learning rate that is a number"),
    "integers that are moved": (
        lambda: optim.apply_updates({"w": np.array([1, 2])}, {"w": np.array([0.5, 0.5])}),
        DtypeError,
        r"params\['w'\] is i64\[2\]",
    ),
    "updates with their state": (
        lambda: optim.apply_updates(W, optim.sgd(0.1).update(W, optim.sgd(0.1).init(W))),
        StructureError,
        "updates, state = optimizer.update",
    ),
    "the state of another optimiser": (
        lambda: optim.adam(0.1).update(W, optim.rmsprop(0.1).init(W)[:1]),
        ArgumentError,
        "adam expected its state, a SumsState, got MomentsState",
    ),
    "a state that is none": (lambda: optim.adam(0.1).update(W, None), ArgumentError, "NoneType.*2 transformations"),
    "a value with the gradient": (
        lambda: optim.adam(0.1).update((1.0, W), optim.adam(0.1).init(W)),
        StructureError,
        "adam.*structure of the parameters",
    ),
    "the state of a masked optimiser": (
        lambda: optim.masked(optim.adam(0.1), True).update(W, optim.adam(0.1).init(W)),
        ArgumentError,
        "masked expected its state",
    ),
    "a mask of arrays": (
        lambda: optim.masked(optim.sgd(0.1), {"w": np.array([True, False])}).init(W),
        OptionError,
        r"mask of bools.*\['w'\]",
    ),
    "a mask of other leaves": (
        lambda: optim.masked(optim.sgd(0.1), {"b": True}).init(W),
        StructureError,
        "no prefix of the parameters",
    ),
    "labels that are arrays": (
        lambda: optim.multi_transform({"a": optim.sgd(0.1)}, W).init(W),
        OptionError,
        "no transformation for the labels",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_error_says_what_was_expected_and_what_to_write_instead(name):
    make, kind, message = MISTAKES[name]
    with pytest.raises(kind, match=f"(?s){message}"):
        make()


def test_integers_that_stay_as_they_are_may_be_among_the_parameters():
    params = {"w": np.ones(2), "count": np.array(3)}
    optimizer = optim.multi_transform({"moved": optim.sgd(0.5), "kept": optim.set_to_zero()},
                                      {"w": "moved", "count": "kept"})  # fmt: skip
    updates, _ = optimizer.update({"w": np.ones(2), "count": np.array(0)}, optimizer.init(params), params)
    assert optim.apply_updates(params, updates)["count"] == 3
