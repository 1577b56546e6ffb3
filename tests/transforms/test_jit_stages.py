"""The stages of `jit`: traced, lowered, compiled."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from functrace import ShapeDtypeStruct, grad, jit, tree, vmap
from functrace.errors import ArgumentError, DtypeError, ShapeError, StructureError, UnexpectedTracerError

PARAMS = {"b": np.zeros(4), "w": np.ones((3, 4), np.float32)}
X = np.ones((2, 3))


def predict(params, x, scale=2.0, *, power=1):
    return {"y": (x @ params["w"] + params["b"]) ** power * scale}


PREDICT = jit(predict, static_argnames="power")


def test_a_traced_function_knows_what_goes_in_and_what_comes_out():
    traced = PREDICT.trace(PARAMS, X, 3.0, power=2)
    assert traced.fun_name == "predict"
    assert traced.in_tree == tree.structure(((PARAMS, X, 3.0), {}))
    assert traced.out_tree == tree.structure({"y": X})
    params, x, scale = traced.in_avals[0]
    assert traced.in_avals[1] == {}
    assert (params["w"].shape, params["w"].dtype) == ((3, 4), np.float32)
    assert (x.shape, x.dtype) == ((2, 3), np.float64)
    assert (scale.shape, scale.weak_type) == ((), True)
    assert traced.out_info == {"y": ShapeDtypeStruct((2, 4), float)}
    assert (traced.out_avals["y"].shape, traced.out_avals["y"].dtype) == ((2, 4), np.float64)
    assert "dot_general" in str(traced.jaxpr)
    assert "params['w']: f32[3,4]" in repr(traced)


def test_each_stage_answers_for_those_before_it():
    lowered = PREDICT.trace(PARAMS, X).lower()
    compiled = lowered.compile()
    for stage in (lowered, compiled):
        assert stage.in_tree == tree.structure(((PARAMS, X), {}))
        assert stage.out_tree == tree.structure({"y": X})
        assert stage.out_info == {"y": ShapeDtypeStruct((2, 4), float)}
        assert stage.in_avals[0][1].shape == (2, 3)
        assert stage.donate_argnums == ()
        assert "def predict(params_b, params_w, x)" in stage.as_text()
    assert lowered.as_text() == compiled.as_text() == PREDICT.lower(PARAMS, X).as_text()


def test_a_compiled_function_gives_what_the_function_gives_without_the_static_arguments():
    compiled = PREDICT.lower(PARAMS, X, power=3).compile()
    for x in (X, 2 * X, np.asfortranarray(X), X[::-1], X.astype(">f8")):
        np.testing.assert_allclose(compiled(PARAMS, x)["y"], predict(PARAMS, x, power=3)["y"])
    assert jit(lambda n, x: x * n, static_argnums=0).lower(3, 2.0).compile()(5.0) == 15.0


def test_shapes_and_dtypes_are_enough_to_compile():
    w, b = ShapeDtypeStruct((3, 4), np.float32), ShapeDtypeStruct((4,), float)
    compiled = PREDICT.lower({"w": w, "b": b}, ShapeDtypeStruct((2, 3), float)).compile()
    np.testing.assert_array_equal(compiled(PARAMS, X)["y"], predict(PARAMS, X)["y"])


def test_a_compiled_function_runs_what_a_call_of_the_jitted_one_runs():
    traces = []

    def function(x):
        traces.append(x)
        return x + 1.0

    jitted = jit(function)
    compiled = jitted.lower(X).compile()
    np.testing.assert_array_equal(compiled(X), jitted(X))
    assert len(traces) == 1
    jitted.clear_cache()
    np.testing.assert_array_equal(compiled(X), X + 1.0)
    assert len(traces) == 1


def test_another_structure_is_refused_and_the_error_shows_both():
    compiled = PREDICT.lower(PARAMS, X).compile()
    for args, kwargs in [
        ((PARAMS,), {}),
        ((PARAMS, X, 1.0), {}),
        ((PARAMS,), {"x": X}),
        (((PARAMS["b"], PARAMS["w"]), X), {}),
        ((PARAMS, X), {"power": 1}),
    ]:
        with pytest.raises(StructureError, match="compiled for arguments") as caught:
            compiled(*args, **kwargs)
        assert str(tree.structure(((PARAMS, X), {}))) in str(caught.value)
        assert str(tree.structure((args, kwargs))) in str(caught.value)


def test_other_static_data_is_another_structure():
    @tree.register_dataclass
    @dataclasses.dataclass
    class Scaled:
        x: np.ndarray
        by: object = dataclasses.field(metadata={"static": True})

    compiled = jit(lambda s: s.x * s.by).lower(Scaled(X, 2)).compile()
    np.testing.assert_array_equal(compiled(Scaled(X, 2)), 2 * X)
    for by in (2.0, 3, np.int64(2)):
        with pytest.raises(StructureError, match="compiled for arguments"):
            compiled(Scaled(X, by))


def test_another_shape_dtype_or_weak_type_is_refused_with_the_name_of_the_leaf():
    compiled = PREDICT.lower(PARAMS, X, np.float64(2)).compile()
    narrow = {**PARAMS, "w": np.ones((3, 5), np.float32)}
    with pytest.raises(ShapeError, match=r"params\['w'\] of type f32\[3,4\], and was called with f32\[3,5\]"):
        compiled(narrow, X, np.float64(2))
    with pytest.raises(DtypeError, match=r"x of type f64\[2,3\], and was called with f32\[2,3\]") as caught:
        compiled(PARAMS, X.astype("f4"), np.float64(2))
    assert "x.astype(numpy.float64)" in str(caught.value)
    with pytest.raises(DtypeError, match=r"scale of type .*a Python number .* came") as caught:
        compiled(PARAMS, X, 2.0)
    assert "numpy.float64(scale)" in str(caught.value)
    weak = jit(lambda x: x * 2).lower(1.0).compile()
    for strong in (np.float64(1), np.array(1.0)):
        with pytest.raises(DtypeError, match="an array or a NumPy scalar came") as caught:
            weak(strong)
        assert "x.item()" in str(caught.value)


def test_no_transform_can_follow_a_compiled_function():
    compiled = jit(lambda x: x * x).lower(1.0).compile()
    for transform in (grad(compiled), jit(compiled), vmap(jit(lambda x: x * x).lower(1.0).compile())):
        with pytest.raises((ArgumentError, DtypeError)):
            transform(np.ones(3) if transform is not grad else 1.0)
    with pytest.raises(ArgumentError, match="no transform can follow"):
        grad(compiled)(1.0)


def test_a_function_that_captures_a_traced_value_can_be_lowered_but_not_compiled():
    seen = []

    def outer(y):
        lowered = jit(lambda x: x * y).lower(2.0)
        seen.append((lowered.as_text(), tree.structure(lowered.in_avals)))
        with pytest.raises(UnexpectedTracerError, match="captured a value"):
            lowered.compile()
        return y

    grad(outer)(3.0)
    assert "captured_0" in seen[0][0]
    assert seen[0][1] == tree.structure(((0,), {}))


def test_what_a_compiled_function_gives_belongs_to_the_caller():
    compiled = jit(lambda x: (x, x.T)).lower(X).compile()
    first, second = compiled(X)
    first[:] = 7.0
    second[:] = 8.0
    np.testing.assert_array_equal(X, np.ones((2, 3)))


def test_cost_analysis_has_the_keys_of_jax():
    cost = jit(lambda a, b: np.sin(a @ b)).lower(np.ones((4, 5)), np.ones((5, 6))).compile().cost_analysis()
    assert cost == {
        "flops": 2.0 * 4 * 5 * 6,
        "transcendentals": 24.0,
        "bytes accessed": 8.0 * (4 * 5 + 5 * 6 + 24 + 24 + 24),
    }
