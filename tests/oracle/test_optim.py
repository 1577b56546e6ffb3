"""Every optimiser beside optax's and PyTorch's, step by step on the same problem."""

from __future__ import annotations

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from functrace import optim, tree
from tests.oracle.agreement import jax

STEPS = 12


def problem(dtype=np.float64):
    rng = np.random.default_rng(0)
    params = {"b": rng.normal(size=3).astype(dtype), "w": rng.normal(size=(4, 3)).astype(dtype)}
    inputs, targets = rng.normal(size=(8, 4)).astype(dtype), rng.normal(size=(8, 3)).astype(dtype)
    return params, inputs, targets


def loss_of(numpy, params, inputs, targets):
    return numpy.mean((numpy.tanh(inputs @ params["w"] + params["b"]) - targets) ** 2)


def our_run(optimizer, steps=STEPS):
    params, inputs, targets = problem()
    gradient, state, seen = functrace.grad(lambda p: loss_of(fnp, p, inputs, targets)), optimizer.init(params), []
    for _ in range(steps):
        updates, state = optimizer.update(gradient(params), state, params)
        params = optim.apply_updates(params, updates)
        seen.append(params)
    return seen


def check(ours, theirs, rtol=1e-9):
    for step, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        for a, b in zip(tree.leaves(one), tree.leaves(other), strict=True):
            np.testing.assert_allclose(a, np.asarray(b), rtol=rtol, atol=1e-12, err_msg=f"step {step}")


SAME = {
    "sgd": lambda o: o.sgd(0.1),
    "momentum": lambda o: o.sgd(0.1, momentum=0.9),
    "nesterov": lambda o: o.sgd(0.1, momentum=0.9, nesterov=True),
    "adam": lambda o: o.adam(0.1, b1=0.8, b2=0.95, eps=1e-3, eps_root=1e-4),
    "adamw": lambda o: o.adamw(0.1, weight_decay=0.05, mask={"w": True, "b": False}),
    "nadam": lambda o: o.nadam(0.1),
    "amsgrad": lambda o: o.amsgrad(0.1),
    "adamax": lambda o: o.adamax(0.1),
    "adagrad": lambda o: o.adagrad(0.1),
    "rmsprop": lambda o: o.rmsprop(0.1),
    "rmsprop, other options": lambda o: o.rmsprop(
        0.1, decay=0.8, eps=1e-3, eps_in_sqrt=False, initial_scale=0.5, momentum=0.5, nesterov=True
    ),
    "rmsprop, centered": lambda o: o.rmsprop(0.01, centered=True, bias_correction=True, eps=1e-2),
    "adadelta": lambda o: o.adadelta(1.0, weight_decay=0.01),
    "lamb": lambda o: o.lamb(0.1, weight_decay=0.01),
    "lion": lambda o: o.lion(0.01),
    "clipped": lambda o: o.chain(o.clip_by_global_norm(0.1), o.sgd(0.5)),
    "clipped by value": lambda o: o.chain(o.clip(0.01), o.sgd(0.5)),
    "clipped by block": lambda o: o.chain(o.clip_by_block_rms(0.05), o.sgd(0.5)),
    "ema": lambda o: o.chain(o.ema(0.9), o.sgd(0.5)),
    "schedule": lambda o: o.adam(o.warmup_cosine_decay_schedule(0.0, 0.1, 3, 10)),
    "L2 penalty": lambda o: o.chain(o.add_decayed_weights(0.1), o.adam(0.1)),
    "trust ratio": lambda o: o.chain(
        o.scale_by_trust_ratio(min_norm=0.1, trust_coefficient=0.5, eps=0.01), o.scale(-1)
    ),
    "labels": lambda o: o.multi_transform({1: o.adam(0.1), 2: o.sgd(0.5)}, {"w": 1, "b": 2}),
    "masked": lambda o: o.masked(o.adam(0.1), {"w": True, "b": False}),
    "gathered": lambda o: o.MultiSteps(o.adam(0.1), 3).gradient_transformation(),
    "lbfgs, no search": lambda o: o.lbfgs(0.1, memory_size=3, linesearch=o.identity()),
}


@pytest.mark.parametrize("name", SAME)
def test_steps_are_those_of_optax(name):
    optax = pytest.importorskip("optax")
    params, inputs, targets = problem()
    gradient, optimizer, seen = jax.grad(lambda p: loss_of(jax.numpy, p, inputs, targets)), SAME[name](optax), []
    params = jax.tree.map(jax.numpy.asarray, params)
    state = optimizer.init(params)
    for _ in range(STEPS):
        updates, state = optimizer.update(gradient(params), state, params)
        params = optax.apply_updates(params, updates)
        seen.append(params)
    single = name in ("gathered", "schedule")  # which optax computes in float32
    check(our_run(SAME[name](optim)), seen, rtol=1e-5 if single else 1e-9)


def test_lbfgs_with_its_line_search_goes_the_way_of_optax():
    optax = pytest.importorskip("optax")

    def run(numpy, library, value_and_grad, compiled):
        def loss(x):
            return numpy.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

        optimizer, params = library.lbfgs(), numpy.asarray(np.array([-1.2, 1.0, -0.5, 0.3]))
        state = optimizer.init(params)

        @compiled
        def step(params, state):
            value, gradient = value_and_grad(loss)(params)
            updates, state = optimizer.update(gradient, state, params, value=value, grad=gradient, value_fn=loss)
            return library.apply_updates(params, updates), state

        seen = []
        for _ in range(20):
            params, state = step(params, state)
            seen.append(params)
        return seen

    ours = run(fnp, optim, functrace.value_and_grad, functrace.jit)
    check(ours, run(jax.numpy, optax, jax.value_and_grad, jax.jit), rtol=1e-5)


TORCH = {
    "SGD": (lambda: optim.sgd(0.1, momentum=0.9), {"lr": 0.1, "momentum": 0.9}),
    "SGD, Nesterov": (lambda: optim.sgd(0.1, 0.9, nesterov=True), {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "SGD, decay": (
        lambda: optim.chain(optim.add_decayed_weights(0.1), optim.sgd(0.1)),
        {"lr": 0.1, "weight_decay": 0.1},
    ),
    "Adam": (lambda: optim.adam(0.1), {"lr": 0.1}),
    "AdamW": (lambda: optim.adamw(0.1, weight_decay=0.2), {"lr": 0.1, "weight_decay": 0.2}),
    "Adamax": (lambda: optim.adamax(0.1), {"lr": 0.1}),
    "Adagrad": (lambda: optim.adagrad(0.1, 0.0, 0.0), {"lr": 0.1, "eps": 0.0}),
    "Adadelta": (lambda: optim.adadelta(1.0), {"lr": 1.0}),
    "RMSprop": (lambda: optim.rmsprop(0.1, 0.99, eps_in_sqrt=False), {"lr": 0.1}),
    "RMSprop, centered": (
        lambda: optim.rmsprop(0.1, 0.99, eps=1e-3, eps_in_sqrt=False, centered=True),
        {"lr": 0.1, "centered": True, "eps": 1e-3},
    ),
}


@pytest.mark.parametrize("name", TORCH)
def test_steps_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    make, options = TORCH[name]
    params, inputs, targets = [tree.map(torch.tensor, part) for part in problem()]
    for leaf in params.values():
        leaf.requires_grad_()
    optimizer, seen = getattr(torch.optim, name.split(",")[0])(list(params.values()), **options), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_of(torch, params, inputs, targets).backward()
        optimizer.step()
        seen.append({key: leaf.detach().numpy().copy() for key, leaf in params.items()})
    check(our_run(make()), seen)


@pytest.mark.parametrize(
    "name",
    [
        "polynomial_schedule", "exponential_decay", "cosine_decay_schedule", "piecewise_constant_schedule",
        "piecewise_interpolate_schedule", "linear_onecycle_schedule", "cosine_onecycle_schedule",
        "warmup_cosine_decay_schedule", "warmup_exponential_decay_schedule", "sgdr_schedule", "linear_schedule",
    ],
)  # fmt: skip
def test_schedules_are_those_of_optax(name):
    optax = pytest.importorskip("optax")
    cycle = {"init_value": 0.1, "peak_value": 1.0, "warmup_steps": 3, "decay_steps": 20}
    arguments = {
        "polynomial_schedule": (1.0, 0.1, 2.0, 30, 5),
        "linear_schedule": (1.0, 0.1, 30),
        "exponential_decay": (1.0, 10, 0.5, 4, True, 0.05),
        "cosine_decay_schedule": (1.0, 40, 0.1, 2.0),
        "piecewise_constant_schedule": (1.0, {5: 0.5, 20: 0.1}),
        "piecewise_interpolate_schedule": ("cosine", 1.0, {5: 0.5, 20: 4.0}),
        "linear_onecycle_schedule": (50, 1.0),
        "cosine_onecycle_schedule": (50, 1.0),
        "warmup_cosine_decay_schedule": (0.0, 1.0, 5, 40, 0.1),
        "warmup_exponential_decay_schedule": (0.0, 1.0, 5, 10, 0.7),
        "sgdr_schedule": ([cycle, cycle],),
    }[name]
    ours, theirs = getattr(optim, name)(*arguments), getattr(optax, name)(*arguments)
    counts = range(60)
    got, expected = [float(ours(count)) for count in counts], [float(theirs(count)) for count in counts]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)  # optax computes them in float32
