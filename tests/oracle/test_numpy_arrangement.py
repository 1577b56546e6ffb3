"""Functions of NumPy that arrange, choose and multiply elements beside JAX's."""

from __future__ import annotations

import numpy as np
import pytest

import functrace
import functrace.numpy as fnp
from tests.oracle.agreement import check_against_jax, draw, jnp

X = draw((2, 3, 4))
M = draw((3, 4))
V = draw((4,))
PLACES = np.array([2, 0, -1])


def same(function, *args, **options):
    """Check a function of a namespace and arrays, for both namespaces."""
    check_against_jax(lambda *xs: function(fnp, *xs), lambda *xs: function(jnp, *xs), *args, **options)


ARRANGEMENTS = {
    "reshape": lambda n, x: n.reshape(x, (4, -1)),
    "ravel": lambda n, x: n.ravel(x),
    "transpose": lambda n, x: n.transpose(x, (2, 0, 1)),
    "transposed": lambda n, x: n.transpose(x),
    "permute_dims": lambda n, x: n.permute_dims(x, (1, 2, 0)),
    "matrix_transpose": lambda n, x: n.matrix_transpose(x),
    "swapaxes": lambda n, x: n.swapaxes(x, 0, -1),
    "moveaxis": lambda n, x: n.moveaxis(x, (0, 1), (-1, 0)),
    "rollaxis": lambda n, x: n.rollaxis(x, 2),
    "expand_dims": lambda n, x: n.expand_dims(x, (0, -1)),
    "squeeze": lambda n, x: n.squeeze(x[:1], 0),
    "broadcast_to": lambda n, x: n.broadcast_to(x[:, None], (2, 5, 3, 4)),
    "broadcast_arrays": lambda n, x: n.broadcast_arrays(x, x[0, 0]),
    "flip": lambda n, x: n.flip(x, (0, 2)),
    "fliplr": lambda n, x: n.fliplr(x),
    "flipud": lambda n, x: n.flipud(x),
    "rot90": lambda n, x: n.rot90(x, 3, (0, 2)),
    "roll": lambda n, x: n.roll(x, (1, -2), (0, 2)),
    "roll of all": lambda n, x: n.roll(x, 5),
    "tile": lambda n, x: n.tile(x, (2, 1, 2)),
    "repeat": lambda n, x: n.repeat(x, 3, axis=1),
    "repeat by counts": lambda n, x: n.repeat(x, np.array([2, 0, 1]), axis=1, total_repeat_length=3),
    "resize": lambda n, x: n.resize(x, (5, 7)),
    "atleast": lambda n, x: (n.atleast_1d(x[0, 0, 0]), n.atleast_2d(x[0, 0]), n.atleast_3d(x[0])),
    "split": lambda n, x: n.split(x, 2, axis=2),
    "array_split": lambda n, x: n.array_split(x, 3, axis=2),
    "splits": lambda n, x: (n.hsplit(x, [1]), n.vsplit(x, 2), n.dsplit(x, (1, 3))),
    "unstack": lambda n, x: n.unstack(x, axis=1),
    "stack": lambda n, x: n.stack([x, 2 * x], axis=-2),
    "concatenate": lambda n, x: n.concatenate([x, x * x], axis=1),
    "concatenate of all": lambda n, x: n.concatenate([x, x[0]], axis=None),
    "stacks": lambda n, x: (n.hstack([x, x]), n.vstack([x, x]), n.dstack([x, x]), n.column_stack([x[0], x[1, :, 0]])),
    "block": lambda n, x: n.block([[x[0], 2 * x[1]], [x[1] ** 2, x[0]]]),
    "append": lambda n, x: n.append(x, x[:1], axis=0),
    "insert": lambda n, x: n.insert(x, 1, x[0, 0, 0], axis=2),
    "delete": lambda n, x: n.delete(x, np.array([0, 2]), axis=1),
    "diag": lambda n, x: (n.diag(x[0]), n.diag(x[0, 0], 1)),
    "diagonal": lambda n, x: n.diagonal(x, 1, 0, 2),
    "diagflat": lambda n, x: n.diagflat(x[0], -1),
    "triangles": lambda n, x: (n.tril(x, -1), n.triu(x, 1)),
    "trace": lambda n, x: n.trace(x, axis1=1, axis2=2),
    "kron": lambda n, x: n.kron(x[0], x[1]),
    "vander": lambda n, x: n.vander(x[0, 0], 3),
    "meshgrid": lambda n, x: n.meshgrid(x[0, 0], x[0, :, 0], indexing="ij"),
    "astype": lambda n, x: n.astype(x, np.float32) * 1,
    "steps": lambda n, x: n.concatenate([x[..., ::-2], x[..., 1:2]], axis=-1),
    "apply_along_axis": lambda n, x: n.apply_along_axis(lambda row: row * row[0], 1, x),
    "apply_over_axes": lambda n, x: n.apply_over_axes(n.sum, x, [0, 2]),
}


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_arrangements(name):
    same(ARRANGEMENTS[name], X, rtol=1e-6 if name == "astype" else None)
    if name in ("transpose", "flip", "concatenate", "kron", "diag"):
        same(ARRANGEMENTS[name], draw((2, 3, 4), "c16"), order=1)


@pytest.mark.parametrize(
    "mode", ["constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum", "mean", "minimum", "median"]
)
def test_padding(mode):
    check_against_jax(fnp.pad, jnp.pad, M, ((1, 2), (0, 3)), mode=mode, order=1 if mode == "median" else 2)


INDEXING = {
    "one": lambda n, x: x[1],
    "negative": lambda n, x: x[:, -1],
    "slices": lambda n, x: x[::-1, 1:, ::2],
    "ellipsis": lambda n, x: x[..., None, 2],
    "indices": lambda n, x: x[:, np.array([0, 2, 2])],
    "several indices": lambda n, x: x[np.array([0, 1]), :, np.array([3, -1])],
    "take": lambda n, x: n.take(x, PLACES, axis=1),
    "take with a mode": lambda n, x: (
        n.take(x, PLACES + 7, axis=2, mode="clip"),
        n.take(x, PLACES + 7, axis=2, mode="wrap"),
    ),
    "take_along_axis": lambda n, x: n.take_along_axis(x, np.argsort(X, axis=1), axis=1),
    "compress": lambda n, x: n.compress(np.array([True, False, True]), x, axis=1),
    "choose": lambda n, x: n.choose(np.array([0, 1, 1, 0]), [x[0], x[1]]),
    "select": lambda n, x: n.select([x > 1, x > 0], [x * x, 3 * x], 0.0),
    "extract": lambda n, x: n.where(x > 0, x, 0.0),
    "ix_": lambda n, x: x[0][n.ix_(np.array([0, 2]), np.array([1, 3]))],
    "diag_indices": lambda n, x: x[0, :, :3][n.diag_indices(3)],
    "triangle indices": lambda n, x: x[0][n.triu_indices(3, 1, 4)],
}


@pytest.mark.parametrize("name", INDEXING)
def test_indexing(name):
    same(INDEXING[name], X)


UPDATES = {
    "set": lambda x: x.at[np.array([1, 0]), 2].set(x[:, 0] ** 2),
    "add": lambda x: x.at[:, np.array([1, 1])].add(x[:, :2]),
    "subtract": lambda x: x.at[0, ::2].subtract(x[1, 0] * 2),
    "multiply": lambda x: x.at[0, 1].multiply(x[1, 1]),
    "divide": lambda x: x.at[..., 0].divide(3 + x[..., 1]),
    "power": lambda x: x.at[1].power(2),
    "min": lambda x: x.at[0, 1].min(0.1),
    "max": lambda x: x.at[:, 0].max(x[:, 1]),
    "get": lambda x: x.at[:, np.array([0, 5])].get(mode="fill", fill_value=7.0),
    "drop": lambda x: x.at[:, np.array([0, 5])].set(0.5, mode="drop"),
}


@pytest.mark.parametrize("name", UPDATES)
def test_updates(name):
    # an array of NumPy has no `at`, a traced one has
    check_against_jax(functrace.jit(UPDATES[name]), UPDATES[name], X)


def test_traced_indices():
    same(lambda n, x, i: n.take(x, i, axis=0), M, PLACES[:2], order=1)
    same(lambda n, x, i: n.take_along_axis(x, i, axis=1), M, draw((3, 2), "i8", low=0, high=3))
    check_against_jax(lambda x, i: functrace.jit(lambda x, i: x[i])(x, i), lambda x, i: x[i], V, PLACES)


PRODUCTS = {
    "dot": [(V, draw((4,), seed=1)), (M, V), (X, draw((4, 2))), (V, 2.0 * M.T)],
    "matmul": [(X, draw((4, 5))), (V, draw((4, 2))), (M, V), (X, draw((2, 4, 2)))],
    "vdot": [(M, draw((3, 4), seed=1))],
    "inner": [(X, M)],
    "outer": [(M, V)],
    "vecdot": [(M, V)],
    "matvec": [(X, V)],
    "vecmat": [(draw((3,)), X)],
    "cross": [(draw((2, 3)), draw((2, 3), seed=1)), (draw((3,)), draw((2, 3)))],
    "polymul": [(V, draw((3,)))],
    "polyadd": [(V, draw((3,)))],
    "polysub": [(V, draw((3,)))],
    "polyval": [(V, M)],
    "kron": [(V, M)],
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name):
    if not hasattr(fnp, name) or not hasattr(np, name):
        pytest.skip(f"this NumPy has no {name}")
    for x, y in PRODUCTS[name]:
        check_against_jax(getattr(fnp, name), getattr(jnp, name), x, y)
    x, y = PRODUCTS[name][0]
    check_against_jax(getattr(fnp, name), getattr(jnp, name), x + 1j * x[::-1], y * (1 - 2j))
    check_against_jax(getattr(fnp, name), getattr(jnp, name), x.astype("f4"), y.astype("f4"), order=1)


def test_tensor_products():
    same(lambda n, x, y: n.tensordot(x, y, 1), X, draw((4, 2)))
    same(lambda n, x, y: n.tensordot(x, y, ([0, 2], [1, 0])), X, draw((4, 2)))
    same(lambda n, x, y: n.tensordot(x, y, 0), V, draw((2,)))
    same(lambda n, x, y: n.matmul(x, y), draw((0, 3)), draw((3, 2)))
    same(lambda n, x, y: n.dot(x, y), draw((2, 0)), draw((0, 2)))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", ((2, 3), (3, 4))),
        ("bij,bjk->bki", ((2, 2, 3), (2, 3, 4))),
        ("ii->i", ((3, 3),)),
        ("ii", ((3, 3),)),
        ("...i,i...->...", ((2, 3), (3, 2))),
        ("i,j,k->kji", ((2,), (3,), (2,))),
        ("ij,jk,kl->il", ((2, 3), (3, 2), (2, 4))),
        ("ij->", ((2, 3),)),
    ],
)
def test_einsum(subscripts, shapes):
    operands = [draw(shape, seed=number) for number, shape in enumerate(shapes)]
    same(lambda n, *xs: n.einsum(subscripts, *xs), *operands)
    if len(shapes) == 2:
        same(lambda n, *xs: n.einsum(subscripts, *xs), *[x + 1j * x**2 for x in operands], order=1)


def test_polynomials():
    same(lambda n, p: n.polyder(p, 2), draw((5,)))
    same(lambda n, p: n.polyint(p, 2), draw((4,)))
    same(lambda n, p, q: n.polydiv(p, q)[0], draw((5,)), draw((3,), low=0.5), order=1)
    same(lambda n, x: n.poly(x), draw((3,)), order=1, batch=False)
    places = np.linspace(-1, 2, 6)
    same(lambda n, y: n.polyfit(places, y, 2), draw((6,)), batch=False, rtol=1e-9)


def test_creation():
    same(lambda n, x: n.linspace(x[0], x[1], 5), draw((2,)))
    same(lambda n, x: n.linspace(x, 3.0, 4, endpoint=False, axis=-1), draw((2,)))
    same(lambda n, x: n.logspace(x[0], x[1], 5), draw((2,)))
    same(lambda n, x: n.geomspace(x[0], x[1], 5), draw((2,), low=1), rtol=1e-9)
    same(lambda n, x: n.full((2, 3), x), draw(()))
    same(lambda n, x: n.full_like(x, 2.0) * x + n.ones_like(x) - n.zeros_like(x), M)
    same(lambda n, x: n.array([x[0], 2.0, x[1]]), draw((2,)), batch=False)
    same(lambda n, x: n.asarray(x) + n.eye(3) + n.tri(3) + n.identity(3) * n.arange(3.0), draw((3, 3)))
    same(lambda n, x: n.fromfunction(lambda i, j: i * x + j, (2, 3)), draw(()), order=1)
    for make in (
        lambda n: n.arange(2, 11, 3),
        lambda n: n.arange(0.5, 2, 0.25),
        lambda n: n.indices((2, 3)),
        lambda n: n.tril_indices(3, -1),
        lambda n: n.mask_indices(3, n.triu),
        lambda n: n.zeros((2, 0)),
        lambda n: n.eye(3, 4, 1, dtype=np.float32),
    ):
        same(lambda n, make=make: make(n))


def test_sets_of_a_given_size():
    x, y = np.array([3, 1, 2, 3, 1]), np.array([2, 7, 3])
    for value in (
        lambda n, x, y: n.unique(x, size=4, fill_value=-1),
        lambda n, x, y: n.union1d(x, y, size=6, fill_value=0),
        lambda n, x, y: n.intersect1d(x, y, size=4, fill_value=0),
        lambda n, x, y: n.setdiff1d(x, y, size=4, fill_value=0),
        lambda n, x, y: n.setxor1d(x, y, size=5, fill_value=0),
        lambda n, x, y: n.isin(x, y),
        lambda n, x, y: n.nonzero(x > 1, size=4, fill_value=0),
        lambda n, x, y: n.flatnonzero(x > 1, size=4, fill_value=9),
        lambda n, x, y: n.argwhere(x > 1, size=4, fill_value=-1),
        lambda n, x, y: n.count_nonzero(x > 1),
    ):
        same(value, x, y, batch=False)
    same(lambda n, x: n.unique(x, size=4, fill_value=0.0), draw((5,)), batch=False, order=1)


def test_numbers_of_places():
    same(lambda n, i: n.unravel_index(i, (3, 4)), np.array([0, 5, 11]))
    same(lambda n, i, j: n.ravel_multi_index((i, j), (3, 4), mode="clip"), np.array([0, 2]), np.array([3, 1]))
    same(lambda n, x: n.count_nonzero(x, axis=0), M)
