"""Draws in files, and in modules that import NumPy alone."""

from __future__ import annotations

import numpy as np

import functrace.numpy as fnp
from functrace import export, grad, random

KEY, SHAPES = random.key(0), np.array([0.5, 2.0, 20.0])


def drawn(a, key):
    first, second = random.split(key)
    noise = random.normal(first, (3,)) * random.gamma(second, a) + random.uniform(random.fold_in(key, 1))
    return fnp.sum(noise + random.poisson(first, 9 * a))


def test_a_loaded_function_draws_the_same_numbers(tmp_path):
    for function in (drawn, grad(drawn)):
        export.save(tmp_path / "drawn.json", function, SHAPES, KEY)
        loaded = export.load(tmp_path / "drawn.json")
        np.testing.assert_allclose(loaded(SHAPES, KEY), function(SHAPES, KEY), rtol=1e-14)


def test_a_module_of_numpy_alone_draws_the_same_numbers():
    namespace: dict = {"__name__": "module"}
    text = export.to_source(drawn, SHAPES, KEY, name="drawn")
    assert "functrace" not in "".join(line for line in text.splitlines() if "import" in line)
    exec(text, namespace)
    np.testing.assert_allclose(namespace["drawn"](SHAPES, KEY), drawn(SHAPES, KEY), rtol=1e-14)
