"""Iterative solvers of linear systems beside JAX's."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from functrace.scipy.sparse import linalg
from tests.oracle.agreement import check_against_jax, draw, jax

theirs = pytest.importorskip("jax.scipy.sparse.linalg")


def positive_definite(x):
    """A Hermitian, positive definite matrix made of any, so that derivatives go in directions of such matrices."""
    return 0.2 * x @ x.conj().T + np.eye(len(x), dtype=x.dtype)


def dominant(x):
    return 0.2 * x + np.eye(len(x), dtype=x.dtype)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize(("name", "kind"), [("cg", positive_definite), ("bicgstab", dominant), ("gmres", dominant)])
def test_solutions_and_derivatives_agree(dtype, name, kind):
    def solution(library):
        return lambda a, b: getattr(library, name)(kind(a), b, tol=1e-13)[0]

    order = 2 if dtype == "f8" else 1
    args = draw((3, 3), dtype), draw((3,), dtype)
    check_against_jax(solution(linalg), solution(theirs), *args, rtol=1e-8, order=order, batch=False)


@pytest.mark.parametrize("name", ["cg", "bicgstab", "gmres"])
def test_pytrees_starts_and_preconditioners_agree(name):
    def solution(library):
        solve = partial(getattr(library, name), tol=1e-13)

        def of(a, b, c, start):
            def apply(x):
                return {"u": 3 * x["u"] + a * x["v"][0], "v": 4 * x["v"] + a * x["u"] * np.array([1.0, 0.0])}

            precondition = partial(jax.tree.map, lambda leaf: leaf / 3)
            return solve(apply, {"u": b, "v": c}, {"u": start, "v": c}, M=precondition)[0]

        return of

    args = np.float64(0.5), np.float64(2.0), draw((2,)), np.float64(1.0)
    check_against_jax(solution(linalg), solution(theirs), *args, rtol=1e-8, order=1, batch=False)
