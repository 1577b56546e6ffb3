"""Functions whose result has as many elements as `size` says, and others that NumPy has without JAX's keywords."""

from __future__ import annotations

import numpy as np
import pytest

import functrace.numpy as fnp
from tests.oracle.agreement import check_against_jax, jnp

#: None, one, ties, zeros, several axes.
INTEGERS = [
    np.zeros(0, np.int64),
    np.array([3]),
    np.array([2, 0, 2, 1, 0, 2]),
    np.array([[0, 1, 1], [2, 0, 1]]),
    np.array([0.0, 1.5, -0.0, 1.5, -2.0]),
]
OTHERS = [np.array([1, 1, 5]), np.array([2]), np.zeros(0, np.int64)]
SIZES = (0, 2, 4, 9)


def check(name, *args, **kwargs):
    check_against_jax(getattr(fnp, name), getattr(jnp, name), *args, order=0, batch=False, **kwargs)


@pytest.mark.parametrize("fill_value", [None, 7])
@pytest.mark.parametrize("name", ["nonzero", "flatnonzero", "argwhere", "where", "unique", "unique_values"])
def test_as_many_elements_as_asked_for(name, fill_value):
    for x in INTEGERS[1:]:  # of no elements JAX refuses `unique`, and fills the places of the others with 0 in any case
        for size in SIZES:
            check(name, x, size=size, fill_value=fill_value)


@pytest.mark.parametrize("name", ["unique_counts", "unique_inverse", "unique_all"])
def test_the_fields_of_unique(name):
    for x in INTEGERS[1:]:
        for size in SIZES[1:]:
            ours = lambda x, size=size: tuple(getattr(fnp, name)(x, size=size, fill_value=7))  # noqa: E731
            theirs = lambda x, size=size: tuple(getattr(jnp, name)(x, size=size, fill_value=7))  # noqa: E731
            check_against_jax(ours, theirs, x, order=0, batch=False)


@pytest.mark.parametrize("name", ["union1d", "intersect1d", "setdiff1d", "setxor1d"])
def test_two_sets(name):
    for x in INTEGERS:
        for y in OTHERS:
            for size in SIZES[1:]:
                check(name, x, y, size=size, fill_value=7)


def test_elements_taken_out_by_a_condition_and_their_derivatives():
    x = np.array([0.5, -1.0, 2.0, 3.0, -0.25])
    for size in (1, 3, 5):  # JAX takes no size beyond that of the array
        for fill_value in (0, 7.0):
            for name in ("extract", "compress"):
                check_against_jax(
                    getattr(fnp, name), getattr(jnp, name), x > 0, x, size=size, fill_value=fill_value, batch=False
                )


def test_repeats_up_to_a_total_length_and_their_derivatives():
    x = np.array([[0.5, -1.0, 2.0], [3.0, -0.25, 1.0]])
    for counts in ([1, 2, 3], [2, 0, 1], [0, 3, 0]):
        for total in (1, 4, 8):
            check_against_jax(
                lambda x, n, total=total: fnp.repeat(x, n, 1, total_repeat_length=total),
                lambda x, n, total=total: jnp.repeat(x, n, 1, total_repeat_length=total),
                x,
                np.array(counts),
                batch=False,
            )


def test_counts_of_a_length():
    for x in (np.array([1, 5, 1, 0]), np.array([3])):
        for length in (1, 3, 8):
            check("bincount", x, length=length)
            check_against_jax(
                lambda x, w, n=length: fnp.bincount(x, w, length=n),
                lambda x, w, n=length: jnp.bincount(x, w, length=n),
                x,
                np.linspace(0.5, 2, len(x)),
                batch=False,
            )


def test_descending_sorts():
    x = np.array([[0.5, -1.0, 0.5, 3.0], [2.0, 2.0, -2.0, 0.0]])
    for axis in (0, 1, -1):
        check_against_jax(fnp.sort, jnp.sort, x, axis=axis, descending=True)
        check("argsort", x, axis=axis, descending=True, stable=True)


def test_vectorized_functions_and_their_derivatives():
    matrices, vectors = np.arange(12.0).reshape(2, 3, 2) / 7, np.array([[1.0, -2.0], [0.5, 3.0]])
    for signature in ("(m,n),(n)->(m)", "(m,n),(n)->(),(m)"):

        def product(a, x, signature=signature):
            return a @ x if signature.endswith(">(m)") else ((a @ x).sum() ** 2, a @ x)

        for args in ((matrices, vectors), (matrices[0], vectors), (matrices, vectors[:1])):
            check_against_jax(
                fnp.vectorize(product, signature=signature), jnp.vectorize(product, signature=signature), *args
            )
    check_against_jax(
        fnp.vectorize(lambda x, y: x * y**2), jnp.vectorize(lambda x, y: x * y**2), vectors, np.array([2.0, 3.0])
    )


def test_bits():
    x = np.array([[1, 0, 1], [0, 2, 0], [1, 1, 1]])
    for axis in (None, 0, 1):
        for bitorder in ("big", "little"):
            check("packbits", x, axis=axis, bitorder=bitorder)
            check("unpackbits", x.astype(np.uint8), axis=axis, bitorder=bitorder, count=7)


def test_fits_of_polynomials_and_their_derivatives():
    x, y = np.array([-1.0, 0.25, 0.5, 1.5, 2.0]), np.array([0.5, 1.0, -1.0, 2.0, 3.0])
    weights = np.array([1.0, 0.5, 2.0, 1.0, 1.5])
    for degree in (0, 1, 2):
        check_against_jax(
            lambda x, y, d=degree: fnp.polyfit(x, y, d), lambda x, y, d=degree: jnp.polyfit(x, y, d), x, y, rtol=1e-8
        )
        check_against_jax(
            lambda x, y, w, d=degree: fnp.polyfit(x, y, d, w=w),
            lambda x, y, w, d=degree: jnp.polyfit(x, y, d, w=w),
            x,
            y,
            weights,
            rtol=1e-8,
            order=1,
        )
