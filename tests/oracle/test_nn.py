"""Activations and initializers beside JAX's, layers beside PyTorch's."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import functrace
from functrace import nn, random, tree
from tests.oracle.agreement import check_against_jax, draw, jax

ACTIVATIONS = [
    "celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "identity", "leaky_relu",
    "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_sign", "softplus", "sparse_plus",
    "sparse_sigmoid", "squareplus", "swish", "tanh",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_agree(name):
    ours, theirs = getattr(nn, name), getattr(jax.nn, name)
    check_against_jax(ours, theirs, draw(low=-8, high=8))
    check_against_jax(ours, theirs, draw(dtype="f4", low=-8, high=8), order=1, rtol=3e-5)
    points = np.array([0.5, 40.0, -40.0, 700.0, -700.0])
    check_against_jax(ours, theirs, points, batch=False, atol=1e-15)  # JAX loses what is below


def test_where_functions_bend_slopes_are_those_of_jax():
    for name, points in {"relu": [0.0], "relu6": [0.0, 6.0], "leaky_relu": [0.0], "elu": [0.0], "selu": [0.0],
                         "hard_tanh": [-1.0, 1.0], "hard_sigmoid": [-3.0, 3.0], "sparse_plus": [-1.0, 1.0],
                         "celu": [0.0]}.items():  # fmt: skip
        ours, theirs = getattr(nn, name), getattr(jax.nn, name)
        got = functrace.vmap(functrace.grad(ours))(np.array(points))
        expected = jax.vmap(jax.grad(theirs))(np.array(points))
        if name == "celu":  # JAX halves the slopes of the two sides, though both are 1
            assert got.tolist() == [1.0]
            continue
        np.testing.assert_allclose(got, expected, err_msg=name)


def test_functions_along_axes_agree():
    x = draw((3, 4), low=-5, high=5)
    mask = draw((3, 4), "?") | (np.arange(4) == 0)
    for name in ("softmax", "log_softmax", "standardize"):
        for axis in (-1, 0, (0, 1)):
            check_against_jax(getattr(nn, name), getattr(jax.nn, name), x, axis=axis, rtol=1e-8)
    check_against_jax(lambda x: nn.softmax(x, where=mask), lambda x: jax.nn.softmax(x, where=mask), x)
    check_against_jax(lambda x: nn.logsumexp(x, 1, where=mask), lambda x: jax.nn.logsumexp(x, 1, where=mask), x)
    check_against_jax(lambda x: nn.logmeanexp(x, 1, where=mask), lambda x: jax.nn.logmeanexp(x, 1, where=mask), x)
    check_against_jax(lambda x: nn.gelu(x, approximate=False), lambda x: jax.nn.gelu(x, approximate=False), x)
    check_against_jax(nn.glu, jax.nn.glu, x)
    check_against_jax(
        lambda n: nn.one_hot(n, 4, axis=1), lambda n: jax.nn.one_hot(n, 4, axis=1), draw((2, 3), "i8", low=-1)
    )
    check_against_jax(nn.log1mexp, jax.nn.log1mexp, draw(low=0.1, high=5.0))


def test_attention_agrees():
    q, k, v = draw((2, 5, 4, 3)), draw((2, 6, 2, 3), seed=1), draw((2, 6, 2, 3), seed=2)
    mask, bias = draw((2, 1, 5, 6), "?") | (np.arange(6) == 0), draw((2, 4, 5, 6), seed=3)
    lengths = {
        "query_seq_lengths": np.array([3, 5], np.int32),
        "key_value_seq_lengths": np.array([6, 2], np.int32),
    }
    for options in (
        {},
        {"bias": bias},
        {"mask": mask},
        {"is_causal": True},
        {"scale": 0.3},
        {"local_window_size": (1, 2)},
        lengths,
    ):
        check_against_jax(
            lambda q, k, v, o=options: nn.dot_product_attention(q, k, v, **o),
            lambda q, k, v, o=options: jax.nn.dot_product_attention(q, k, v, **o),
            q, k, v, order=1, batch=False, rtol=1e-5, atol=1e-6,  # JAX takes the softmax in float32
        )  # fmt: skip


def test_every_name_of_jaxs_is_there_with_its_arguments():
    left_out = {
        "scaled_matmul",
        "scaled_dot_general",
        "get_scaled_dot_general_config",
    }  # numbers of 8 bits, of accelerators
    for name in dir(jax.nn):
        theirs = getattr(jax.nn, name)
        if name.startswith("_") or not callable(theirs) or name in left_out:
            continue
        ours = set(inspect.signature(getattr(nn, name)).parameters)
        extra = {"implementation", "return_residual", "algorithm"}
        assert set(inspect.signature(theirs).parameters) - ours <= extra, name
    for name in dir(jax.nn.initializers):
        if not name.startswith("_") and callable(getattr(jax.nn.initializers, name)) and name != "Initializer":
            assert hasattr(nn.initializers, name), name


# ---------------------------------------------------------------------------------------------------------------------
# layers, with PyTorch's weights
# ---------------------------------------------------------------------------------------------------------------------


def check_layer(layer, params, module, x, to_torch=lambda x: x, from_torch=lambda y: y, state=None):
    """Values and the gradient by the input, of a random cotangent."""
    import torch

    def run(x):
        return layer.apply(params, x) if state is None else layer.apply_with_state(params, state, x, train=True)[0]

    given = torch.tensor(to_torch(x), requires_grad=True)
    out = module(given)
    out = out[0] if isinstance(out, tuple) else out
    value, pullback = functrace.vjp(run, x)
    expected = from_torch(out.detach().numpy())
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
    cotangent = np.random.default_rng(1).normal(size=value.shape)
    out.backward(torch.tensor(np.ascontiguousarray(to_torch(cotangent))))
    np.testing.assert_allclose(to_torch(pullback(cotangent)[0]), given.grad.numpy(), rtol=1e-8, atol=1e-11)


def channels_first(x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def channels_last(x):
    return np.moveaxis(x, 1, -1)


def array(parameter):
    return parameter.detach().numpy()


def test_dense_and_convolutions_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    x = draw((4, 5))
    module = torch.nn.Linear(5, 3).double()
    check_layer(nn.Dense(3), {"kernel": array(module.weight).T, "bias": array(module.bias)}, module, x)
    images = draw((2, 7, 8, 4))
    module = torch.nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, dilation=(1, 2), groups=2).double()
    layer = nn.Conv(6, (3, 2), 2, [(1, 1), (1, 1)], (1, 2), feature_group_count=2)
    params = {"kernel": array(module.weight).transpose(2, 3, 1, 0), "bias": array(module.bias)}
    check_layer(layer, params, module, images, channels_first, channels_last)
    module = torch.nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1).double()
    layer = nn.ConvTranspose(6, (4, 4), 2, "SAME")
    params = {"kernel": array(module.weight).transpose(2, 3, 0, 1)[::-1, ::-1], "bias": array(module.bias)}
    check_layer(layer, params, module, images, channels_first, channels_last)


def test_norms_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    x = draw((3, 4, 5, 6))
    for layer, module, state in [
        (nn.BatchNorm(), torch.nn.BatchNorm2d(6).double(), {"mean": np.zeros(6), "var": np.ones(6)}),
        (nn.GroupNorm(3), torch.nn.GroupNorm(3, 6).double(), None),
    ]:
        with torch.no_grad():
            module.weight.copy_(torch.tensor(draw((6,), seed=1)))
            module.bias.copy_(torch.tensor(draw((6,), seed=2)))
        params = {"scale": array(module.weight), "bias": array(module.bias)}
        check_layer(layer, params, module, x, channels_first, channels_last, state)
    module = torch.nn.LayerNorm(6).double()
    check_layer(nn.LayerNorm(), {"scale": array(module.weight), "bias": array(module.bias)}, module, x)
    module = torch.nn.RMSNorm(6, eps=1e-6).double()
    check_layer(nn.RMSNorm(), {"scale": array(module.weight)}, module, x)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers_are_those_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    x = draw((2, 6, 5))
    module = getattr(torch.nn, kind)(5, 4, batch_first=True).double()
    b, c = array(module.bias_ih_l0), array(module.bias_hh_l0)
    params = {"kernel": array(module.weight_ih_l0).T, "recurrent_kernel": array(module.weight_hh_l0).T, "bias": b + c}
    if kind == "GRU":
        params["bias"] = np.concatenate([(b + c)[:8], b[8:]])
        params["candidate_bias"] = c[8:]
    check_layer(getattr(nn, kind)(4), params, module, x)


def test_multi_head_attention_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    x = draw((2, 5, 6))
    module = torch.nn.MultiheadAttention(6, 3, batch_first=True).double()
    kernels, biases = array(module.in_proj_weight).reshape(3, 6, 6), array(module.in_proj_bias).reshape(3, 6)
    params = {name: {"kernel": kernels[i].T, "bias": biases[i]} for i, name in enumerate(("query", "key", "value"))} | {
        "out": {"kernel": array(module.out_proj.weight).T, "bias": array(module.out_proj.bias)}
    }
    mask = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
    check_layer(nn.MultiHeadAttention(3, is_causal=True), params, lambda x: module(x, x, x, attn_mask=mask)[0], x)


def test_pools_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    x = draw((2, 7, 8, 3))
    check_layer(nn.MaxPool((3, 2), (2, 2)), (), torch.nn.MaxPool2d((3, 2), 2), x, channels_first, channels_last)
    check_layer(nn.AvgPool((2, 2)), (), torch.nn.AvgPool2d(2), x, channels_first, channels_last)


def test_initial_weights_have_the_moments_of_jaxs():
    for name in ("glorot_uniform", "he_normal", "lecun_normal", "orthogonal"):
        ours = getattr(nn.initializers, name)()(random.key(0), (200, 300))
        theirs = np.asarray(getattr(jax.nn.initializers, name)()(jax.random.key(0), (200, 300)))
        np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.02, err_msg=name)
    assert tree.leaves(nn.initializers.constant(3.0)(None, (2,)))[0].tolist() == [3.0, 3.0]
