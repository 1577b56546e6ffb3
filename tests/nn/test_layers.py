from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import nn, random, tree
from functrace.errors import ArgumentError, DtypeError, OptionError, ShapeError
from functrace.test_util import check_grads

few = settings(max_examples=10, deadline=None)

LAYERS = {
    "dense": (lambda: nn.Dense(4), (3, 5)),
    "dense of sequences": (lambda: nn.Dense(4, use_bias=False), (2, 3, 5)),
    "conv 1": (lambda: nn.Conv(4, 3, strides=2), (2, 9, 3)),
    "conv 2": (lambda: nn.Conv(4, (3, 2), padding="VALID"), (2, 6, 5, 2)),
    "conv 3": (lambda: nn.Conv(2, (2, 2, 2), kernel_dilation=2), (1, 4, 4, 4, 2)),
    "conv in groups": (lambda: nn.Conv(4, (3, 3), feature_group_count=2), (1, 5, 5, 2)),
    "conv transposed": (lambda: nn.ConvTranspose(3, (3, 3), strides=2), (1, 4, 5, 2)),
    "max pool": (lambda: nn.MaxPool((2, 2)), (2, 6, 5, 3)),
    "average pool": (lambda: nn.AvgPool((3,), strides=(2,), padding="SAME"), (2, 7, 3)),
    "global pool": (lambda: nn.GlobalAvgPool(), (2, 4, 4, 3)),
    "layer norm": (lambda: nn.LayerNorm(), (3, 5)),
    "group norm": (lambda: nn.GroupNorm(2), (2, 3, 3, 4)),
    "rms norm": (lambda: nn.RMSNorm(), (3, 5)),
    "dropout": (lambda: nn.Dropout(0.3), (3, 5)),
    "rnn": (lambda: nn.RNN(4), (2, 5, 3)),
    "lstm": (lambda: nn.LSTM(4), (2, 5, 3)),
    "gru": (lambda: nn.GRU(4), (2, 5, 3)),
    "last step": (lambda: nn.last_step(), (2, 5, 3)),
    "attention": (lambda: nn.MultiHeadAttention(2, is_causal=True), (2, 5, 4)),
    "flatten": (lambda: nn.flatten(), (2, 5, 4)),
    "serial": (lambda: nn.serial(nn.Dense(3), nn.Tanh, nn.Dense(2)), (4, 5)),
    "residual": (lambda: nn.residual(nn.Dense(5), nn.Tanh), (4, 5)),
    "parallel": (
        lambda: nn.serial(nn.fan_out(2), nn.parallel(nn.Dense(3), nn.Dense(4)), nn.fan_in_concat()),
        (4, 5),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_init_says_the_shape_that_apply_gives_and_both_are_jitted_differentiated_and_batched(name):
    make, shape = LAYERS[name]
    layer = make()
    key = random.key(0)
    out_shape, params = layer.init(key, shape)
    assert layer.init(key, (-1, *shape[1:]))[0][1:] == out_shape[1:]
    x = np.random.default_rng(0).normal(size=shape)
    out = layer.apply(params, x)
    assert out.shape == out_shape
    np.testing.assert_allclose(functrace.jit(layer.apply)(params, x), out, rtol=1e-9, atol=1e-12)
    value, state = layer.apply_with_state(params, layer.init_state(shape), x)
    np.testing.assert_allclose(value, out, rtol=1e-12)
    assert tree.leaves(state) == []
    check_grads(lambda p, x: layer.apply(p, x), (params, x), order=1, modes=("rev",), rtol=1e-4, atol=1e-5)
    single = functrace.vmap(lambda x: layer.apply(params, x[None])[0])(x)
    np.testing.assert_allclose(single, out, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in ("last step", "flatten", "dropout")])
def test_single_precision_parameters_and_inputs_stay_single(name):
    make, shape = LAYERS[name]
    layer = make()
    _, params = layer.init(random.key(0), shape)
    params = tree.map(lambda leaf: leaf.astype(np.float32), params)
    assert layer.apply(params, np.ones(shape, np.float32)).dtype == np.float32


def test_parameters_have_the_dtype_that_was_asked_for():
    for layer, shape in [(nn.Dense(3, dtype=np.float32), (1, 2)), (nn.LSTM(3, dtype=np.float32), (1, 4, 2)),
                         (nn.Conv(3, (2, 2), dtype=np.float32), (1, 4, 4, 2)), (nn.BatchNorm(dtype=np.float32), (1, 2)),
                         (nn.MultiHeadAttention(2, dtype=np.float32), (1, 4, 2))]:  # fmt: skip
        _, params = layer.init(random.key(0), shape)
        assert {leaf.dtype for leaf in tree.leaves(params)} == {np.dtype(np.float32)}


def test_dense_is_a_matrix_product_and_a_bias():
    layer = nn.Dense(2, bias_init=nn.initializers.ones)
    _, params = layer.init(random.key(0), (-1, 3))
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(layer.apply(params, x), x @ params["kernel"] + 1, rtol=1e-12)


def test_an_embedding_gives_a_row_for_each_number_and_gradients_add_up():
    layer = nn.Embedding(5, 2)
    _, params = layer.init(random.key(0), (3,))
    x = np.array([1, 3, 1])
    np.testing.assert_array_equal(layer.apply(params, x), params["embedding"][x])
    slope = functrace.grad(lambda p: layer.apply(p, x).sum())(params)["embedding"]
    np.testing.assert_array_equal(slope, np.array([0, 2, 0, 1, 0])[:, None] * np.ones(2))
    with pytest.raises(DtypeError, match=r"Embedding\(5, 2\)"):
        layer.apply(params, x.astype(float))


@few
@given(st.floats(0.0, 0.9), st.integers(0, 99))
def test_dropout_keeps_the_expectation_and_evaluation_keeps_the_input(rate, seed):
    layer, x = nn.Dropout(rate), np.full(20_000, 2.0)
    out = layer.apply((), x, key=random.key(seed), train=True)
    assert abs(out.mean() - 2.0) < 5 * 2.0 * np.sqrt(rate / (1 - rate) / x.size) + 1e-12
    assert set(np.unique(out)) <= {0.0, 2.0 / (1 - rate)}
    np.testing.assert_array_equal(layer.apply((), x), x)


def test_dropout_in_a_network_draws_anew_for_each_layer_and_key():
    net = nn.serial(nn.Dropout(0.5), nn.Dropout(0.5))
    _, params = net.init(random.key(0), (1, 1000))
    x = np.ones((1, 1000))
    one = net.apply(params, x, key=random.key(1), train=True)
    assert abs((one > 0).mean() - 0.25) < 0.06
    np.testing.assert_array_equal(one, functrace.jit(lambda k: net.apply(params, x, key=k, train=True))(random.key(1)))
    assert (one != net.apply(params, x, key=random.key(2), train=True)).any()


def test_batch_norm_trains_by_the_batch_and_evaluates_by_its_running_means():
    layer = nn.BatchNorm(momentum=0.9, epsilon=1e-3, scale_init=nn.initializers.constant(2.0))
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, size=(8, 4, 4, 3))
    _, params = layer.init(random.key(0), x.shape)
    params["bias"] += 0.5
    state = layer.init_state(x.shape)
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    out, after = functrace.jit(lambda p, s, x: layer.apply_with_state(p, s, x, train=True))(params, state, x)
    np.testing.assert_allclose(out, 2 * (x - mean) / np.sqrt(var + 1e-3) + 0.5, rtol=1e-9)
    np.testing.assert_allclose(after["mean"], 0.1 * mean, rtol=1e-12)
    np.testing.assert_allclose(after["var"], 0.9 + 0.1 * var, rtol=1e-12)
    out, same = layer.apply_with_state(params, after, x)
    by_hand = 2 * (x - 0.1 * mean) / np.sqrt(0.9 + 0.1 * var + 1e-3) + 0.5
    np.testing.assert_allclose(out, by_hand, rtol=1e-9)
    assert same is after


def test_states_go_through_layers_of_layers():
    net = nn.serial(nn.Dense(4), nn.residual(nn.BatchNorm(), nn.Relu), nn.Dense(2))
    shape = (6, 3)
    _, params = net.init(random.key(0), shape)
    state = net.init_state((-1, 3))
    x = np.random.default_rng(0).normal(size=shape)

    def loss(params, state):
        out, state = net.apply_with_state(params, state, x, train=True)
        return fnp.mean(out**2), state

    (_, after), gradients = functrace.value_and_grad(loss, has_aux=True)(params, state)
    assert tree.structure(after) == tree.structure(state)
    assert not np.array_equal(tree.leaves(after)[0], tree.leaves(state)[0])
    assert all(np.isfinite(leaf).all() for leaf in tree.leaves(gradients))


def test_normalized_examples_have_mean_zero_and_variance_one():
    x = np.random.default_rng(0).normal(5, 3, size=(2, 4, 6))
    for layer, axes in [(nn.LayerNorm(0.0), -1), (nn.GroupNorm(6, 0.0), 1), (nn.GroupNorm(1, 0.0), (1, 2))]:
        out = layer.apply(layer.init(random.key(0), x.shape)[1], x)
        np.testing.assert_allclose(out.mean(axes), 0, atol=1e-12)
        np.testing.assert_allclose(out.var(axes), 1, rtol=1e-10)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers_are_their_formulas_step_by_step(kind):
    layer = getattr(nn, kind)(3)
    x = np.random.default_rng(0).normal(size=(2, 4, 5))
    _, p = layer.init(random.key(0), x.shape)
    p = tree.map(lambda leaf: leaf + 0.1, p)
    h, c, seen = np.zeros((2, 3)), np.zeros((2, 3)), []
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    for t in range(4):
        a, b = x[:, t] @ p["kernel"] + p["bias"], h @ p["recurrent_kernel"]
        if kind == "RNN":
            h = np.tanh(a + b)
        elif kind == "LSTM":
            i, f, g, o = np.split(a + b, 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (ar, az, an), (br, bz, bn) = np.split(a, 3, 1), np.split(b, 3, 1)
            r, z = sigmoid(ar + br), sigmoid(az + bz)
            h = (1 - z) * np.tanh(an + r * (bn + p["candidate_bias"])) + z * h
        seen.append(h)
    np.testing.assert_allclose(layer.apply(p, x), np.stack(seen, 1), rtol=1e-10)


def test_pools_are_reductions_of_windows_and_padding_is_never_the_greatest():
    x = -np.arange(1.0, 17).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(nn.max_pool(x, (2, 2), (2, 2))[0, ..., 0], [[-1, -3], [-9, -11]])
    np.testing.assert_array_equal(nn.avg_pool(x, (2, 2), (2, 2))[0, ..., 0], [[-3.5, -5.5], [-11.5, -13.5]])
    assert (nn.max_pool(x, (3, 3), (1, 1), "SAME") < 0).all()
    np.testing.assert_allclose(nn.avg_pool(np.ones((1, 3, 1)), (2,), (1,), "SAME", count_include_pad=False), 1)
    assert nn.max_pool(np.array([[[3], [-4]]], np.int8), (2,)).tolist() == [[[3]]]


def test_errors_name_the_layer_and_what_to_write():
    net = nn.serial(nn.Dense(3), nn.Dropout(0.5), nn.Dense(1))
    _, params = net.init(random.key(0), (-1, 2))
    with pytest.raises(ShapeError, match=r"Dense\(3\) was initialised for 2 features.*\(5, 4\)"):
        net.apply(params, np.ones((5, 4)))
    with pytest.raises(ArgumentError, match=r"Dropout\(0.5\).*no key"):
        net.apply(params, np.ones((5, 2)), train=True)
    with pytest.raises(ShapeError, match="in the scope serial/Dense"):
        net.apply(params, np.ones((5, 4)))
    with pytest.raises(ShapeError, match=r"Conv\(3, \(2, 2\)\) expected an input of 4 axes"):
        nn.serial(nn.Conv(3, (2, 2))).init(random.key(0), (-1, 28, 28))
    with pytest.raises(ArgumentError, match="tuple of 3 parameters, got 2"):
        net.apply(params[:2], np.ones((5, 2)))
    with pytest.raises(ArgumentError, match="apply_with_state"):
        nn.BatchNorm().apply({}, np.ones((2, 2)))
    with pytest.raises(ShapeError, match="cannot be added"):
        nn.residual(nn.Dense(3)).init(random.key(0), (-1, 2))
    with pytest.raises(ArgumentError, match="tuple of 2 inputs"):
        nn.parallel(nn.Tanh, nn.Tanh).apply(((), ()), np.ones(2))
    for make in (lambda: nn.Dropout(1.0), lambda: nn.Conv(3, (1, 1, 1, 1)),
                 lambda: nn.GroupNorm(3).init(random.key(0), (1, 4)),
                 lambda: nn.MultiHeadAttention(3).init(random.key(0), (1, 2, 4))):  # fmt: skip
        with pytest.raises(OptionError):
            make()
