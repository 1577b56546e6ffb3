from __future__ import annotations

import numpy as np
import pytest

import functrace as ft
from functrace import lax
from functrace.errors import OptionError, ShapeError
from tests.lax.rules import check_rules

X = np.random.default_rng(0).permutation(30).reshape(5, 6) * 0.25
WINDOWS = ((2, 3), (1, 2), ((0, 1), (1, 1)))


@pytest.mark.parametrize(("select", "operation", "start"), [(lax.ge, lax.max, -np.inf), (lax.le, lax.min, np.inf)])
def test_selections_are_the_derivatives_of_pools(select, operation, start):
    out, pull = ft.vjp(lambda x: lax.reduce_window(x, start, operation, *WINDOWS), X)
    source = np.cos(np.arange(float(out.size))).reshape(out.shape)
    np.testing.assert_array_equal(lax.select_and_scatter_add(source, X, select, *WINDOWS), pull(source)[0])
    np.testing.assert_array_equal(lax.select_and_gather_add(X, X, select, *WINDOWS), out)
    check_rules(lambda s: lax.select_and_scatter_add(s, X, select, *WINDOWS) ** 2, source, order=1)
    check_rules(lambda t: lax.select_and_gather_add(t, X, select, *WINDOWS) ** 2, np.sin(X), order=1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lax.select_and_scatter_add(X, X, lax.ge, (2, 2)), ShapeError, "each of"),
        (lambda: lax.select_and_gather_add(X[:2], X, lax.ge, (2, 2)), ShapeError, "one shape"),
        (lambda: lax.select_and_gather_add(X, X, lax.gt, (2, 2)), OptionError, "lax.ge or lax.le"),
    ],
)
def test_an_error_says_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()
