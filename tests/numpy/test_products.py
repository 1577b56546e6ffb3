from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace.errors import ArgumentError
from tests.numpy.agreement import check_agreement, check_same_error, smooth_values

few = settings(max_examples=25, deadline=None)
DTYPES = (np.float64, np.float32, np.complex128, np.int8, np.int64, np.bool_)


def points(shape, dtype=np.float64, seed=0):
    return smooth_values(np.random.default_rng(seed), shape, dtype)


@st.composite
def pairs(draw, *shapes, dtypes=DTYPES):
    """Two arrays of one of these pairs of shapes."""
    left, right = draw(st.sampled_from(shapes))
    seed = draw(st.integers(0, 99))
    return (
        points(left, draw(st.sampled_from(dtypes)), seed),
        points(right, draw(st.sampled_from(dtypes)), seed + 1),
    )


MATRICES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((2, 0), (0, 3)),
    ((0, 2), (2, 3)),
    ((1, 1), (1, 1)),
]
STACKED = [
    ((4, 2, 3), (3, 5)),
    ((2, 3), (4, 3, 5)),
    ((4, 2, 3), (4, 3, 5)),
    ((4, 1, 2, 3), (3, 3, 2)),
    ((3,), (4, 3, 2)),
    ((4, 2, 3), (3,)),
    ((0, 2, 3), (3, 2)),
    ((1, 2, 3), (5, 3, 1)),
]


@few
@given(pairs(*MATRICES, *STACKED))
def test_matrix_products_agree_with_numpy(case):
    check_agreement("matmul", *case)


@few
@given(
    pairs(*MATRICES, ((), ()), ((), (2, 3)), ((2,), ()), ((4, 2, 3), (5, 3, 2)), ((2, 3), (5, 3, 4)), ((3,), (5, 3, 4)))
)
def test_dot_agrees_with_numpy(case):
    check_agreement("dot", *case)


@few
@given(
    pairs(((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), (4, 5, 3)), ((), (2,)), ((), ()), ((2, 0), (3, 0)), ((3,), (2, 3)))
)
def test_inner_agrees_with_numpy(case):
    check_agreement("inner", *case)


@few
@given(pairs(((3,), (3,)), ((2, 3), (6,)), ((), ()), ((0,), (0,)), ((2, 3), (3, 2))))
def test_vdot_agrees_with_numpy(case):
    check_agreement("vdot", *case)


@few
@given(pairs(((3,), (2,)), ((2, 3), (2,)), ((), (2, 2)), ((0,), (3,))))
def test_outer_agrees_with_numpy(case):
    check_agreement("outer", *case)


@few
@given(
    pairs(((3,), (2,)), ((2, 3), (2,)), ((), (2, 2)), ((2, 3), (3, 1)), ((2,), (2, 1, 3)), ((0, 2), (2, 2)), ((), ()))
)
def test_kron_agrees_with_numpy(case):
    check_agreement("kron", *case)


VECTORS = [((3,), (3,)), ((2, 3), (3,)), ((4, 1, 3), (2, 3)), ((2, 0), (2, 0))]


@few
@given(st.data())
def test_products_of_stacked_vectors_agree_with_numpy(data):
    x, y = data.draw(pairs(*VECTORS))
    check_agreement("vecdot", x, y)
    if x.ndim == y.ndim:
        check_agreement("vecdot", np.moveaxis(x, -1, 0), np.moveaxis(y, -1, 0), axis=0)


@pytest.mark.skipif(not hasattr(np, "matvec"), reason="NumPy has matvec and vecmat since 2.2")
@few
@given(st.data())
def test_products_of_matrices_and_stacked_vectors_agree_with_numpy(data):
    check_agreement(
        "matvec", *data.draw(pairs(((2, 3), (3,)), ((5, 2, 3), (3,)), ((2, 3), (5, 3)), ((5, 2, 3), (5, 3))))
    )
    check_agreement(
        "vecmat", *data.draw(pairs(((3,), (3, 2)), ((5, 3), (3, 2)), ((3,), (5, 3, 2)), ((5, 3), (5, 3, 2))))
    )


def test_products_take_axes_and_a_dtype():
    x, y = points((3, 2, 4)), points((3, 4, 5), seed=1)
    check_agreement("matmul", np.moveaxis(x, 0, -1), np.moveaxis(y, 0, -1), axes=[(0, 1), (0, 1), (0, 1)])
    check_agreement("matmul", np.moveaxis(x, 0, -1), np.moveaxis(y, 0, -1), axes=[(0, 1), (0, 1), (-1, -2)])
    check_agreement("matmul", x, y, dtype=np.complex128)
    check_agreement("vecdot", points((3, 2)), points((3, 2), seed=1), axes=[0, 0, ()])
    if hasattr(np, "matvec"):
        check_agreement("matvec", points((2, 3, 4)), points((3, 4)), axes=[(0, 1), 0, 0])
        check_agreement("vecmat", points((3, 4)), points((3, 2, 4)), axes=[0, (0, 1), 0])


@few
@given(pairs(((3,), (3,)), ((2, 3), (3,)), ((4, 1, 3), (2, 3)), dtypes=DTYPES[:-1]))
def test_cross_agrees_with_numpy(case):
    check_agreement("cross", *case)


def test_cross_takes_axes():
    check_agreement("cross", points((3, 2)), points((3, 2), seed=1), axis=0)
    check_agreement("cross", points((4, 3, 2)), points((3, 4, 2), seed=1), axisa=1, axisb=0, axisc=1)
    check_agreement("cross", points((4, 3, 2)), points((4, 3, 2), seed=1), axisa=1, axisb=1, axisc=0)
    check_same_error("cross", points((4,)), points((4,)))
    check_same_error("cross", points(()), points((3,)))


@few
@given(st.data())
def test_traces_agree_with_numpy(data):
    x = points((2, 3, 4), data.draw(st.sampled_from(DTYPES)))
    axis1, axis2 = data.draw(st.permutations(range(-3, 3)).map(lambda p: p[:2]).filter(lambda p: (p[0] - p[1]) % 3))
    check_agreement("trace", x, data.draw(st.integers(-4, 4)), axis1, axis2)


def test_a_trace_takes_a_dtype_and_refuses_one_axis():
    check_agreement("trace", points((3, 3)), dtype=np.float32, gradient=False)
    check_same_error("trace", np.ones(3))
    check_same_error("trace", np.ones((3, 3)), 0, 1, 1)
    check_same_error("trace", np.ones((3, 3)), 0, 1, 5)


@few
@given(st.data())
def test_tensordot_agrees_with_numpy(data):
    ndim = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    count = data.draw(st.integers(0, min(ndim)))
    left = data.draw(st.permutations(range(ndim[0])))[:count]
    right = data.draw(st.permutations(range(ndim[1])))[:count]
    a = points(data.draw(st.tuples(*[st.integers(1, 3)] * ndim[0])), data.draw(st.sampled_from(DTYPES)))
    shape = list(data.draw(st.tuples(*[st.integers(0, 3)] * ndim[1])))
    for i, j in zip(left, right, strict=True):
        shape[j] = a.shape[i]
    b = points(shape, data.draw(st.sampled_from(DTYPES)), 1)
    check_agreement("tensordot", a, b, axes=(left, [j - ndim[1] for j in right]))


def test_tensordot_takes_a_number_of_axes():
    check_agreement("tensordot", points((2, 3, 4)), points((3, 4, 2), seed=1))
    check_agreement("tensordot", points((2, 3)), points((3, 4), seed=1), axes=1)
    check_agreement("tensordot", points((2, 3)), points((3, 4), seed=1), axes=0)
    check_agreement("tensordot", points((2, 3)), points((3, 4), seed=1), axes=(1, 0))
    check_same_error("tensordot", points((2, 3)), points((2, 3)), axes=1)
    check_same_error("tensordot", points((2, 3)), points((2, 3)), axes=3, error=IndexError)


# ---------------------------------------------------------------------------------------------------------------------
# einsum
# ---------------------------------------------------------------------------------------------------------------------


@st.composite
def sums(draw):
    """Subscripts and operands: letters may repeat in a term, extents of 1 are repeated, the output may be implicit."""
    count = draw(st.integers(1, 4))
    extents = {letter: draw(st.integers(1, 3)) for letter in "abcdZ"}
    ellipsis = draw(st.lists(st.integers(1, 3), max_size=2)) if draw(st.booleans()) else None
    terms, shapes = [], []
    for _ in range(count):
        term = "".join(draw(st.lists(st.sampled_from("abcdZ"), max_size=3)))
        widths = {letter: 1 if draw(st.integers(0, 7)) == 0 else extents[letter] for letter in term}
        shape = [widths[letter] for letter in term]
        if ellipsis is not None and draw(st.booleans()):
            place = draw(st.integers(0, len(term)))
            kept = ellipsis[draw(st.integers(0, len(ellipsis))) :]
            term = term[:place] + "..." + term[place:]
            shape[place:place] = [1 if draw(st.integers(0, 7)) == 0 else extent for extent in kept]
        terms.append(term)
        shapes.append(shape)
    text = ",".join(terms)
    used = sorted(set(text) - set(".,"))
    if draw(st.booleans()):
        output = draw(st.permutations(used))[: draw(st.integers(0, len(used)))]
        text += "->" + ("..." if "..." in text else "") + "".join(output)
    dtypes = [draw(st.sampled_from(DTYPES)) for _ in shapes]
    return text, [points(shape, dtype, seed) for seed, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=True))]


@settings(max_examples=120, deadline=None)
@given(sums())
def test_einsum_agrees_with_numpy(case):
    text, operands = case
    check_agreement("einsum", text, *operands, numpy_too=len(operands) < 3)


@pytest.mark.parametrize(
    "text",
    [
        "ij,jk->ik",
        "ij,jk",
        "ii",
        "ii->i",
        "iij,ij->j",
        "i,i",
        "i,j->ij",
        "ij,jk,kl->il",
        "ij,jk,kl,lm->im",
        "bij,bjk->bik",
        "bij,bjk->bki",
        "b...j,jk->b...k",
        "...ij,...jk->...ik",
        "i...->...",
        "ijk->kji",
        "ij->",
        "ab,ab,ab->a",
        "a,b,c->cab",
        "iii",
        "ba,ca->bca",
    ],
)
def test_einsum_agrees_with_numpy_for_the_usual_products(text):
    terms = text.split("->")[0].split(",")
    shapes = [[3] * len(term.replace("...", "xy")) for term in terms]
    check_agreement("einsum", text, *[points(shape, seed=seed) for seed, shape in enumerate(shapes)])


def test_einsum_takes_lists_of_axes():
    x, y = points((2, 3)), points((3, 4), seed=1)
    check_agreement("einsum", x, [0, 1], y, [1, 2], [2, 0])
    check_agreement("einsum", x, [0, 1], y, [1, 2])
    check_agreement("einsum", x, [Ellipsis, 0], [0, Ellipsis])
    check_agreement("einsum", x, [0, 30], y, [30, 2], numpy_too=False)


@pytest.mark.parametrize("optimize", [False, True, "greedy", "optimal", ["einsum_path", (0, 1), (0, 1)]])
def test_einsum_takes_the_order_of_the_products(optimize):
    operands = [points(shape, seed=i) for i, shape in enumerate([(2, 3), (3, 4), (4, 2)])]
    check_agreement("einsum", "ij,jk,kl->il", *operands, optimize=optimize)


def test_einsum_takes_a_dtype():
    x = points((2, 3), np.float32)
    check_agreement("einsum", "ij->i", x, dtype=np.float64, rtol=1e-6)
    check_agreement("einsum", "ij->i", x.astype(np.int8), dtype=np.int64)
    check_same_error("einsum", "ij->i", x, dtype=np.int64)


def test_einsum_multiplies_in_the_order_of_least_work():
    operands = [np.ones((40, 40)), np.ones((40, 40)), np.ones(40)]
    jaxpr = functrace.make_jaxpr(lambda *xs: fnp.einsum("ij,jk,k->i", *xs))(*operands)
    products = [equation for equation in jaxpr.eqns if equation.primitive.name == "dot_general"]
    assert [equation.outvars[0].aval.shape for equation in products] == [(40,), (40,)]


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("ij,jk", [(2, 3), (4, 5)]),
        ("ij", [(2,)]),
        ("i", [(2, 2)]),
        ("ij->ijk", [(2, 3)]),
        ("ij->ii", [(2, 2)]),
        ("ij,jk", [(2, 3)]),
        ("ij", [(2, 3), (2, 3)]),
        ("i?", [(2, 3)]),
        ("ii", [(1, 3)]),
        ("ii->i", [(2, 3)]),
        ("i...->i", [(2, 3)]),
        ("i..j", [(2, 3)]),
        ("i...j...", [(2, 3)]),
        ("ij-ik", [(2, 3)]),
        ("ij->->", [(2, 3)]),
    ],
)
def test_subscripts_that_do_not_fit_are_a_value_error_as_in_numpy(text, shapes):
    check_same_error("einsum", text, *[points(shape) for shape in shapes])


def test_an_einsum_path_is_that_of_numpy():
    operands = [points(shape, seed=i) for i, shape in enumerate([(2, 3), (3, 4), (4, 2)])]
    expected = np.einsum_path("ij,jk,kl->il", *operands)
    found = []
    functrace.jit(lambda *xs: found.append(fnp.einsum_path("ij,jk,kl->il", *xs)) or xs[0])(*operands)
    assert found == [expected]


# ---------------------------------------------------------------------------------------------------------------------
# what is refused, what is batched
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dot", "matmul", "inner", "vdot"])
def test_shapes_that_do_not_fit_are_numpys_error(name):
    check_same_error(name, np.ones((2, 3)), np.ones((2, 4)))
    check_same_error(name, np.ones((2, 3)), np.ones(2))
    with pytest.raises(ArgumentError):
        functrace.jit(lambda x: getattr(fnp, name)(x, x, out=np.zeros(())))(np.ones((2, 2)))


def test_a_matrix_product_of_scalars_is_numpys_error():
    check_same_error("matmul", np.ones(()), np.ones(2))
    check_same_error("matmul", np.ones((3, 2, 2)), np.ones((2, 2, 2)))


def test_products_over_a_batch_are_the_products_of_each():
    x, y = points((5, 2, 3)), points((5, 3, 4), seed=1)
    for in_axes in [(0, 0), (0, None), (None, 0)]:
        given = [a if axis is not None else a[0] for a, axis in zip((x, y), in_axes, strict=True)]
        expected = np.stack(
            [(x[i] if in_axes[0] == 0 else x[0]) @ (y[i] if in_axes[1] == 0 else y[0]) for i in range(5)]
        )
        np.testing.assert_allclose(functrace.vmap(fnp.matmul, in_axes)(*given), expected)
        np.testing.assert_allclose(
            functrace.vmap(lambda a, b: fnp.einsum("ij,jk->ki", a, b), in_axes)(*given), expected.swapaxes(1, 2)
        )


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("ij,kj->ik", [(3, 4), (5, 4)]),
        ("bhid,bhjd->bhij", [(2, 2, 3, 4), (2, 2, 5, 4)]),
        ("bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 5, 2, 4)]),
        ("ijk,kl->ijl", [(2, 3, 4), (4, 5)]),
        ("abc,cd,de->abe", [(2, 3, 4), (4, 5), (5, 2)]),
    ],
)
def test_a_contraction_is_compiled_to_products_of_matrices(text, shapes):
    operands = [points(shape, seed=seed) for seed, shape in enumerate(shapes)]
    for function in (
        lambda *xs: fnp.einsum(text, *xs),
        functrace.grad(lambda *xs: fnp.sum(fnp.einsum(text, *xs) ** 2)),
    ):
        source = functrace.jit(function).lower(*operands).as_text()
        assert "matmul" in source or "dot(" in source
        assert "einsum(" not in source.replace("fnp.einsum(", "")
