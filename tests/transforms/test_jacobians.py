"""`jacfwd`, `jacrev`, `hessian` and `hvp` against closed forms, and against each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import functrace
import functrace.numpy as fnp
from functrace import lax, tree
from functrace.core.aval import float0
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError, StructureError
from functrace.transforms.jacobians import hessian, hvp, jacfwd, jacobian, jacrev

BOTH = pytest.mark.parametrize("jac", [jacfwd, jacrev])


def close(got, expected, rtol=1e-10):
    assert tree.structure(got) == tree.structure(expected)
    for a, b in zip(tree.leaves(got), tree.leaves(expected), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


finite = st.floats(-3, 3, allow_subnormal=False)


# ---- one array


@BOTH
def test_the_jacobian_of_a_matrix_product_is_the_matrix(jac):
    matrix = np.arange(6.0).reshape(2, 3)
    close(jac(lambda x: matrix @ x)(np.ones(3)), matrix)


@BOTH
def test_the_jacobian_of_an_elementwise_function_is_diagonal(jac):
    x = np.array([0.5, 1.0, 2.0])
    close(jac(fnp.sin)(x), np.diag(np.cos(x)))


@BOTH
def test_the_shape_is_that_of_the_result_and_then_that_of_the_argument(jac):
    x = np.arange(6.0).reshape(2, 3)
    got = jac(lambda x: fnp.stack([x.T, 2 * x.T]))(x)
    expected = np.zeros((2, 3, 2, 2, 3))
    for i, j in np.ndindex(2, 3):
        expected[0, j, i, i, j] = 1
        expected[1, j, i, i, j] = 2
    close(got, expected)


@BOTH
def test_a_number_to_a_number_gives_a_numpy_scalar(jac):
    got = jac(lambda x: x**3)(2.0)
    assert isinstance(got, np.float64) and got == 12.0


@BOTH
def test_a_number_to_an_array_and_an_array_to_a_number_give_vectors(jac):
    close(jac(lambda t: t * np.array([1.0, 2.0]))(3.0), np.array([1.0, 2.0]))
    close(jac(lambda x: fnp.sum(x * x))(np.array([1.0, 2.0])), np.array([2.0, 4.0]))


@BOTH
@settings(max_examples=25, deadline=None)
@given(
    matrix=hnp.arrays(np.float64, (3, 2), elements=finite),
    x=hnp.arrays(np.float64, (2,), elements=finite),
)
def test_the_jacobian_follows_the_chain_rule(jac, matrix, x):
    outer = np.cos(matrix @ x**3)[:, None] * matrix * (3 * x**2)
    np.testing.assert_allclose(jac(lambda x: fnp.sin(matrix @ x**3))(x), outer, rtol=1e-9, atol=1e-9)


@BOTH
def test_single_precision_stays_single_precision(jac):
    got = jac(fnp.sin)(np.ones(2, np.float32))
    assert got.dtype == np.float32


@BOTH
def test_a_result_that_does_not_depend_on_the_argument_gives_zeros(jac):
    close(jac(lambda x: np.ones(3))(np.ones(2)), np.zeros((3, 2)))
    close(jac(lambda x: 1.0)(2.0), np.float64(0))
    close(
        jac(lambda p: {"u": p["x"], "v": np.ones(2)})({"x": np.ones(2)}),
        {"u": {"x": np.eye(2)}, "v": {"x": np.zeros((2, 2))}},
    )


@BOTH
def test_empty_arrays_give_empty_jacobians(jac):
    assert jac(lambda x: x * 2)(np.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert jac(lambda x: fnp.sum(x) * np.ones(3))(np.zeros(0)).shape == (3, 0)


@BOTH
def test_the_caller_owns_the_result(jac):
    x = np.ones(3)
    got = jac(lambda p: (p["a"], p["a"] + p["b"], np.ones(2)))({"a": x, "b": x})
    leaves = tree.leaves(got)
    for leaf in leaves:
        assert leaf.flags.writeable and leaf.flags.c_contiguous and not np.shares_memory(leaf, x)
        leaf += 1  # no broadcast view
    for a, b in itertools.combinations(leaves, 2):
        assert not np.shares_memory(a, b)


# ---- pytrees, argnums, has_aux


def model(params, scale):
    return {"y": fnp.sin(params["w"]) * scale, "n": (fnp.sum(params["b"]) * params["b"][0],)}


PARAMS = {"w": np.array([0.5, 1.0]), "b": np.array([1.0, 2.0, 3.0])}


@BOTH
def test_each_leaf_of_the_result_holds_the_structure_of_the_argument(jac):
    expected = {
        "y": {"w": np.diag(np.cos(PARAMS["w"]) * 2), "b": np.zeros((2, 3))},
        "n": ({"w": np.zeros(2), "b": np.array([7.0, 1.0, 1.0])},),
    }
    close(jac(model)(PARAMS, 2.0), expected)


@BOTH
def test_several_argnums_give_tuples(jac):
    got = jac(model, argnums=(1, 0))(PARAMS, 2.0)
    close(got["y"][0], np.sin(PARAMS["w"]))
    close(got["y"][1]["w"], np.diag(np.cos(PARAMS["w"]) * 2))
    close(got["n"][0][0], np.float64(0))
    close(jac(model, argnums=(1,))(PARAMS, 2.0)["y"], (np.sin(PARAMS["w"]),))


@BOTH
def test_negative_argnums_count_from_the_end(jac):
    close(jac(lambda x, y: x * y, argnums=-1)(2.0, 3.0), np.float64(2))


@BOTH
def test_keyword_arguments_are_passed_on(jac):
    close(jac(lambda x, *, factor: factor * x)(2.0, factor=3.0), np.float64(3))


@BOTH
def test_mixed_dtypes_each_keep_theirs(jac):
    got = jac(lambda p: (p[0] * 2, p[1] * 2))((np.ones(2, np.float32), np.ones(1)))
    assert got[0][0].dtype == np.float32 and got[1][1].dtype == np.float64


@BOTH
@pytest.mark.parametrize("jit", [False, True])
def test_has_aux_gives_the_rest_beside(jac, jit):
    def f(x):
        return x * x, {"kept": x + 1}

    function = jac(f, has_aux=True)
    got, aux = (functrace.jit(function) if jit else function)(np.array([1.0, 2.0]))
    close(got, np.diag([2.0, 4.0]))
    close(aux, {"kept": np.array([2.0, 3.0])})


@BOTH
def test_aux_may_be_no_array(jac):
    assert jac(lambda x: (x, "a word"), has_aux=True)(1.0)[1] == "a word"


# ---- complex numbers and integers


@BOTH
def test_a_holomorphic_function_has_a_complex_jacobian(jac):
    z = np.array([1 + 2j, 0.5 - 1j])
    close(jac(lambda z: z**3 + 2 * z, holomorphic=True)(z), np.diag(3 * z**2 + 2))


@BOTH
def test_holomorphic_refuses_real_arguments_and_results(jac):
    with pytest.raises(DtypeError, match="complex"):
        jac(fnp.sin, holomorphic=True)(1.0)
    with pytest.raises(DtypeError, match="complex result"):
        jac(lambda z: z.real, holomorphic=True)(1j)


def test_jacfwd_refuses_complex_arguments_and_takes_complex_results():
    with pytest.raises(DtypeError, match="real floats") as caught:
        jacfwd(abs)(1j)
    assert "holomorphic" in str(caught.value)
    close(jacfwd(lambda x: x * 1j)(2.0), np.complex128(1j))


def test_jacrev_takes_complex_arguments_of_real_functions_and_refuses_complex_results():
    # ∂f/∂x - i ∂f/∂y of |z|²
    close(jacrev(lambda z: (z * z.conj()).real)(1 + 2j), np.complex128(2 - 4j))
    with pytest.raises(DtypeError, match=r"real floats, got complex .* at result"):
        jacrev(lambda x: x * 1j)(2.0)


@BOTH
def test_integers_are_refused_with_their_place(jac):
    with pytest.raises(DtypeError, match=r"argument.*\[0\]\['n'\]"):
        jac(lambda p: p["x"])({"n": 3, "x": 1.0})


def test_allow_int_gives_float0():
    got = jacrev(lambda p: p["x"] * p["n"], allow_int=True)({"n": np.arange(2), "x": np.ones(2)})
    close(got["x"], np.diag([0.0, 1.0]))
    assert got["n"].dtype == float0 and got["n"].shape == (2, 2)


def test_jacfwd_of_an_integer_result_is_float0():
    got = jacfwd(lambda x: (x, fnp.floor(x).astype(int)))(np.ones(2))
    close(got[0], np.eye(2))
    assert got[1].dtype == float0 and got[1].shape == (2, 2)


@BOTH
def test_wrong_argnums_are_refused(jac):
    with pytest.raises(OptionError, match="argnums=1"):
        jac(fnp.sin, argnums=1)(1.0)
    with pytest.raises(OptionError, match="argnums"):
        jac(fnp.sin, argnums="x")(1.0)
    with pytest.raises(ArgumentError, match="expected a function"):
        jac(1.0)


# ---- second derivatives


def test_the_hessian_of_a_quadratic_form_is_its_matrix():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(4, 4))
    close(hessian(lambda x: x @ matrix @ x)(rng.normal(size=4)), matrix + matrix.T)


def test_the_hessian_of_logistic_regression_is_the_weighted_gram_matrix():
    rng = np.random.default_rng(1)
    x, y, w = rng.normal(size=(20, 3)), rng.choice([-1.0, 1.0], 20), rng.normal(size=3)
    p = 1 / (1 + np.exp(-y * (x @ w)))
    got = hessian(lambda w: fnp.sum(fnp.logaddexp(0, -y * (x @ w))))(w)
    close(got, x.T @ ((p * (1 - p))[:, None] * x))


def test_the_hessian_over_pytrees_nests_the_structure():
    params = {"a": np.array([1.0, 2.0]), "b": np.float64(3.0)}
    got = hessian(lambda p: fnp.sum(p["a"] ** 2) * p["b"] ** 2)(params)
    expected = {
        "a": {"a": 18 * np.eye(2), "b": np.array([12.0, 24.0])},
        "b": {"a": np.array([12.0, 24.0]), "b": np.float64(10.0)},
    }
    close(got, expected)


def test_the_hessian_of_a_vector_of_results_has_one_matrix_for_each():
    x = np.array([1.0, 2.0])
    got = hessian(lambda x: fnp.stack([x[0] ** 3, x[0] * x[1] ** 2]))(x)
    close(got, np.array([[[6.0, 0.0], [0.0, 0.0]], [[0.0, 4.0], [4.0, 2.0]]]))


def test_the_hessian_by_several_arguments_is_a_tuple_of_tuples():
    got = hessian(lambda x, y: x**2 * y, argnums=(0, 1))(2.0, 3.0)
    close(got, ((np.float64(6), np.float64(4)), (np.float64(4), np.float64(0))))


def test_the_hessian_passes_aux_through():
    got, aux = hessian(lambda x: (x**3, {"x": x}), has_aux=True)(2.0)
    close(got, np.float64(12))
    assert float(aux["x"]) == 2.0


def test_the_holomorphic_hessian_is_the_second_complex_derivative():
    close(hessian(lambda z: z**3, holomorphic=True)(1 + 1j), np.complex128(6 + 6j))


@settings(max_examples=20, deadline=None)
@given(
    matrix=hnp.arrays(np.float64, (3, 3), elements=finite),
    x=hnp.arrays(np.float64, (3,), elements=finite),
    v=hnp.arrays(np.float64, (3,), elements=finite),
)
def test_hvp_is_the_hessian_times_the_vector(matrix, x, v):
    def f(x):
        return fnp.sum(fnp.sin(matrix @ x) * x)

    product = hvp(f, (x,), (v,))
    np.testing.assert_allclose(product, hessian(f)(x) @ v, rtol=1e-9, atol=1e-8)


def test_hvp_of_several_arguments_gives_a_tuple():
    got = hvp(lambda x, y: x**2 * y, (2.0, 3.0), (1.0, 10.0))
    close(got, (np.float64(6 + 40), np.float64(4)))


def test_hvp_over_a_pytree_keeps_its_structure():
    params = {"a": np.array([1.0, 2.0]), "b": 3.0}
    got = hvp(lambda p: fnp.sum(p["a"] ** 2) * p["b"], (params,), ({"a": np.ones(2), "b": 0.0},))
    close(got, {"a": np.array([6.0, 6.0]), "b": np.float64(6.0)})


def test_hvp_refuses_tangents_that_do_not_match():
    with pytest.raises(ArgumentError, match="tuple or list"):
        hvp(fnp.sum, np.ones(2), np.ones(2))
    with pytest.raises(StructureError):
        hvp(fnp.sum, (np.ones(2),), (np.ones(2), np.ones(2)))
    with pytest.raises(ShapeError):
        hvp(fnp.sum, (np.ones(2),), (np.ones(3),))


# ---- with other transforms


TRANSFORMED = {
    "jacfwd": (jacfwd, lambda x: np.diag(3 * x**2)),
    "jacrev": (jacrev, lambda x: np.diag(3 * x**2)),
    "jacfwd of jacfwd": (lambda f: jacfwd(jacfwd(f)), None),
    "jacfwd of jacrev": (lambda f: jacfwd(jacrev(f)), None),
    "jacrev of jacfwd": (lambda f: jacrev(jacfwd(f)), None),
    "jacrev of jacrev": (lambda f: jacrev(jacrev(f)), None),
}


def second(x):
    out = np.zeros((len(x),) * 3)
    for i, value in enumerate(x):
        out[i, i, i] = 6 * value
    return out


@pytest.mark.parametrize("name", TRANSFORMED)
@pytest.mark.parametrize("jit", [False, True])
def test_modes_nest_and_compile(name, jit):
    transform, closed_form = TRANSFORMED[name]
    x = np.array([1.0, 2.0])
    function = transform(lambda x: x**3)
    got = (functrace.jit(function) if jit else function)(x)
    close(got, (closed_form or second)(x))


@pytest.mark.parametrize("name", TRANSFORMED)
def test_modes_batch(name):
    transform, closed_form = TRANSFORMED[name]
    x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    close(functrace.vmap(transform(lambda x: x**3))(x), np.stack([(closed_form or second)(row) for row in x]))


@BOTH
def test_a_jacobian_can_be_differentiated(jac):
    # the derivative of the sum of the Jacobian's entries, of x[i]³
    x = np.array([1.0, 2.0])
    close(functrace.grad(lambda x: fnp.sum(jac(lambda x: x**3)(x)))(x), 6 * x)
    out, tangent = functrace.jvp(jac(fnp.sin), (x,), (np.ones(2),))
    close(out, np.diag(np.cos(x)))
    close(tangent, np.diag(-np.sin(x)))


@BOTH
def test_a_jacobian_by_a_captured_tracer_follows_it(jac):
    close(functrace.grad(lambda a: jac(lambda x: a**2 * x)(1.0))(3.0), np.float64(6))


@BOTH
def test_a_jacobian_goes_through_loops_and_branches(jac):
    def f(x):
        carry, ys = lax.scan(lambda c, a: (c * a, c + a), x[0], x)
        return lax.cond(carry > 0, lambda: ys * 2, lambda: ys)

    x = np.array([1.0, 2.0, 3.0])
    step = 1e-6
    expected = np.stack(
        [(np.asarray(f(x + step * e)) - np.asarray(f(x - step * e))) / (2 * step) for e in np.eye(3)], axis=1
    )
    np.testing.assert_allclose(jac(f)(x), expected, rtol=1e-7, atol=1e-7)


@BOTH
def test_no_basis_is_baked_into_a_compiled_jacobian(jac):
    jaxpr = functrace.make_jaxpr(jac(lambda x: fnp.sin(x)))(np.ones(50))
    assert all(np.size(const) <= 50 for const in jaxpr.consts)


def test_jacobian_is_reverse_mode():
    assert jacobian is jacrev


# ---- products with the basis

TENSOR = np.random.default_rng(2).normal(size=(3, 4, 2))
CONTRACTIONS = {
    "from the right": (lambda a, x: fnp.tensordot(a, x, axes=([2, 0], [0, 1])), TENSOR),
    "from the left": (lambda a, x: fnp.tensordot(x, a, axes=([0, 1], [2, 0])), TENSOR),
    "in another order": (lambda a, x: fnp.tensordot(a, x, axes=([0, 2], [1, 0])), TENSOR),
    "over one axis": (lambda a, x: fnp.tensordot(a, x, axes=([2], [0])), TENSOR),
    "over no axis": (lambda a, x: fnp.tensordot(x, a, axes=0), TENSOR),
    "of a matrix of integers": (lambda a, x: a @ x, np.arange(6).reshape(3, 2)),
    "of a batch": (lambda a, x: fnp.matmul(a, x), TENSOR),
    "with itself": (lambda a, x: fnp.sum(x @ x.T) * a[0], TENSOR),
}


@BOTH
@pytest.mark.parametrize("name", CONTRACTIONS)
@pytest.mark.parametrize("jit", [False, True])
def test_products_with_the_basis_are_products(jac, name, jit):
    f, a = CONTRACTIONS[name]
    x = np.random.default_rng(3).normal(size=(2, 3))
    function = jac(lambda x, y: f(a, x) + fnp.sum(y), argnums=(0, 1))
    got, _ = (functrace.jit(function) if jit else function)(x, np.ones(2))
    step = 1e-3  # exact for what is at most quadratic
    columns = [(np.asarray(f(a, x + step * e)) - f(a, x - step * e)) / (2 * step) for e in np.eye(6).reshape(6, 2, 3)]
    expected = np.stack(columns, axis=-1)
    np.testing.assert_allclose(got, expected.reshape(*expected.shape[:-1], 2, 3), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("jit", [False, True])
def test_the_jacobian_of_a_product_is_the_matrix_itself_in_memory_of_its_own(jit):
    matrix = np.array([[1.0, np.inf], [np.nan, 2.0]])
    function = jacfwd(lambda x: matrix @ x)
    got = (functrace.jit(function) if jit else function)(np.ones(2))
    np.testing.assert_array_equal(got, matrix)
    assert not np.shares_memory(got, matrix) and got.flags.writeable


def test_a_product_with_the_basis_costs_no_product():
    jaxpr = functrace.make_jaxpr(hessian(lambda w, x: fnp.sum(fnp.tanh(x @ w))))(np.ones(3), np.ones((5, 3)))
    products = [equation for equation in jaxpr.equations if equation.primitive.name == "dot_general"]
    assert len(products) == 3  # x @ w, x.T @ its cotangent, and the latter's derivative
