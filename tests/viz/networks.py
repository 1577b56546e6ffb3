"""A small network, for pictures of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import functrace.numpy as fnp


def sigmoid(z: Any) -> Any:
    return 1 / (1 + fnp.exp(-z))


def layer(params: Any, x: Any) -> Any:
    z = x @ params["w"] + params["b"]
    a = sigmoid(z)
    return a  # noqa: RET504  (the name is shown)


def loss(params: Any, x: Any, y: Any) -> Any:
    hidden = x
    for part in params:
        hidden = layer(part, hidden)
    error = hidden - y
    return fnp.mean(error**2)


def arguments(sizes: tuple[int, ...] = (2, 3, 1), batch: int = 2) -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    params = [{"w": rng.normal(size=(n, m)), "b": rng.normal(size=m)} for n, m in itertools.pairwise(sizes)]
    return params, rng.normal(size=(batch, sizes[0])), rng.normal(size=(batch, sizes[-1]))
