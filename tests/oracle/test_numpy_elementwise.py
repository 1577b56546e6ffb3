"""Elementwise functions of NumPy beside JAX's."""

from __future__ import annotations

import numpy as np
import pytest

import functrace.numpy as fnp
from tests.oracle.agreement import Difference, check_against_jax, draw, edges, jnp


@pytest.mark.parametrize("name", ["sin", "cos", "exp", "tanh"])
def test_functions_of_one_number_agree(name):
    ours, theirs = getattr(fnp, name), getattr(jnp, name)
    for dtype in ("f8", "f4", "c16"):
        check_against_jax(ours, theirs, draw(dtype=dtype))
    check_against_jax(ours, theirs, edges())


def test_slope_of_abs_is_zero_at_zero_and_nan_at_nan():
    reason = "0 is the middle of the subgradients, and NaN has no sign"
    differs = [Difference(kind, reason, where=lambda x: (x == 0) | np.isnan(x)) for kind in ("gradient", "tangent")]
    check_against_jax(fnp.abs, jnp.abs, edges(), differs=differs)
