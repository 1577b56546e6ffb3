"""Normalisation: mean 0 and variance 1 over the batch, the features, groups of them; and `Dropout`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from .. import numpy as fnp
from .. import random
from ..errors import ArgumentError, OptionError
from .checks import Shape, check_count, check_features, check_known, check_params, check_rank, missing_key
from .initializers import Initializer, ones, zeros
from .layer import Layer


def BatchNorm(
    momentum: float = 0.99,
    epsilon: float = 1e-5,
    use_bias: bool = True,
    use_scale: bool = True,
    bias_init: Initializer = zeros,
    scale_init: Initializer = ones,
    dtype: Any = float,
) -> Layer:
    """Each feature with mean 0 and variance 1 over the batch (and over space), then scaled and moved.

    While it trains the mean and variance are the batch's, and running means of them are kept as the layer's state; when
    it evaluates they are those of the state.

    Parameters
    ----------
    momentum
        How much of the running means is kept at each step.
    epsilon
        Keeps the root away from 0.
    use_bias, use_scale, bias_init, scale_init, dtype
        The parameters.

    Returns
    -------
    Layer
        Of inputs (batch, …, features). It keeps a state, ``{"mean": (features,), "var": (features,)}``: use
        `init_state` and `apply_with_state`; `apply` alone is an error.

    References
    ----------
    S. Ioffe and C. Szegedy, Batch normalization, 2015, arXiv:1502.03167.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer, x = nn.BatchNorm(momentum=0.5), np.array([[1.0], [3.0]])
    >>> _, params = layer.init(random.key(0), x.shape)
    >>> out, state = layer.apply_with_state(params, layer.init_state(x.shape), x, train=True)
    >>> out.round(3).tolist(), state["mean"].tolist()
    ([[-1.0], [1.0]], [1.0])
    """
    name = "BatchNorm"
    names = _names(use_scale, use_bias)
    init = _affine(name, use_bias, use_scale, bias_init, scale_init, dtype)

    def init_state(input_shape: Shape) -> Any:
        features = check_known(name, check_rank(name, input_shape, range(2, 99)))[-1]
        return {"mean": fnp.zeros(features, dtype), "var": fnp.ones(features, dtype)}

    def apply(params: Any, inputs: Any, **kwargs: Any) -> NoReturn:
        raise ArgumentError(
            f"{name} keeps running means as its state, which apply is not given",
            instead="output, state = layer.apply_with_state(params, state, x, train=…), from layer.init_state(x.shape)",
        )

    def apply_with_state(
        params: Any, state: Any, inputs: Any, *, key: Any = None, train: bool = False
    ) -> tuple[Any, Any]:
        if not isinstance(state, Mapping) or state.keys() != {"mean", "var"}:
            raise ArgumentError(
                f"{name} expected its state, the running mean and var, got {type(state).__name__}",
                instead="state = layer.init_state(x.shape), then the state that the last apply_with_state gave",
            )
        check_params(name, params, names)
        check_features(name, inputs, state["mean"].shape[0])
        if not train:
            return _scaled(params, (inputs - state["mean"]) / fnp.sqrt(state["var"] + epsilon)), state
        axes = tuple(range(inputs.ndim - 1))
        mean = fnp.mean(inputs, axes)
        centred = inputs - mean
        variance = fnp.mean(centred * centred, axes)
        after = {
            "mean": momentum * state["mean"] + (1 - momentum) * mean,
            "var": momentum * state["var"] + (1 - momentum) * variance,
        }
        return _scaled(params, centred / fnp.sqrt(variance + epsilon)), after

    return Layer(name, init, apply, init_state=init_state, apply_with_state=apply_with_state)


def LayerNorm(
    epsilon: float = 1e-5,
    use_bias: bool = True,
    use_scale: bool = True,
    bias_init: Initializer = zeros,
    scale_init: Initializer = ones,
    dtype: Any = float,
) -> Layer:
    """Each example with mean 0 and variance 1 over its last axis, then scaled and moved.

    Parameters are those of `BatchNorm`.

    References
    ----------
    J. Ba, J. Kiros and G. Hinton, Layer normalization, 2016, arXiv:1607.06450.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer = nn.LayerNorm()
    >>> layer.apply(layer.init(random.key(0), (-1, 2))[1], np.array([[1.0, 3.0]])).round(3)
    array([[-1.,  1.]])
    """
    name = "LayerNorm"
    names = _names(use_scale, use_bias)
    init = _affine(name, use_bias, use_scale, bias_init, scale_init, dtype)

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        _check_affine(name, names, params, inputs)
        return _scaled(params, _normalized(inputs, -1, epsilon))

    return Layer(name, init, apply)


def GroupNorm(
    num_groups: int = 32,
    epsilon: float = 1e-5,
    use_bias: bool = True,
    use_scale: bool = True,
    bias_init: Initializer = zeros,
    scale_init: Initializer = ones,
    dtype: Any = float,
) -> Layer:
    """Each example with mean 0 and variance 1 over space and over each group of channels, then scaled and moved.

    Parameters
    ----------
    num_groups
        In how many groups of neighbours the channels are; their number is a multiple of it.
    epsilon, use_bias, use_scale, bias_init, scale_init, dtype
        As for `BatchNorm`.

    References
    ----------
    Y. Wu and K. He, Group normalization, 2018, arXiv:1803.08494.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer = nn.GroupNorm(2)
    >>> layer.apply(layer.init(random.key(0), (-1, 4))[1], np.array([[1.0, 3.0, 10.0, 10.0]])).round(3)
    array([[-1.,  1.,  0.,  0.]])
    """
    name = f"GroupNorm({num_groups})"
    check_count(name, num_groups=num_groups)
    names = _names(use_scale, use_bias)
    affine = _affine(name, use_bias, use_scale, bias_init, scale_init, dtype)

    def init(key: Any, input_shape: Shape) -> tuple[Shape, Any]:
        if check_rank(name, input_shape, range(2, 99))[-1] % num_groups:
            raise OptionError(f"{name}: {input_shape[-1]} channels do not fall into {num_groups} equal groups")
        return affine(key, input_shape)

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        _check_affine(name, names, params, inputs)
        batch, *spatial, channels = inputs.shape
        grouped = inputs.reshape(batch, -1, num_groups, channels // num_groups)
        return _scaled(params, _normalized(grouped, (1, 3), epsilon).reshape(batch, *spatial, channels))

    return Layer(name, init, apply)


def RMSNorm(epsilon: float = 1e-6, use_scale: bool = True, scale_init: Initializer = ones, dtype: Any = float) -> Layer:
    """Each example divided by the root of the mean of its squares over the last axis, then scaled.

    Parameters are those of `BatchNorm`.

    References
    ----------
    B. Zhang and R. Sennrich, Root mean square layer normalization, 2019, arXiv:1910.07467.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer = nn.RMSNorm()
    >>> layer.apply(layer.init(random.key(0), (-1, 2))[1], np.array([[1.0, 7.0]])).round(3)
    array([[0.2, 1.4]])
    """
    name = "RMSNorm"
    names = _names(use_scale, False)
    init = _affine(name, False, use_scale, zeros, scale_init, dtype)

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        _check_affine(name, names, params, inputs)
        return _scaled(params, inputs / fnp.sqrt(fnp.mean(inputs * inputs, -1, keepdims=True) + epsilon))

    return Layer(name, init, apply)


def Dropout(rate: float) -> Layer:
    """While it trains, each element 0 with a probability, and the others larger, so that the expectation stays.

    Parameters
    ----------
    rate
        The probability, from 0 to below 1.

    Returns
    -------
    Layer
        Its `apply` needs a key while it trains.

    Raises
    ------
    OptionError
        The rate is none.
    ArgumentError
        It trains and was given no key.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, Dropout: A simple way to prevent neural
    networks from overfitting, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> np.unique(nn.Dropout(0.5).apply((), np.ones(100), key=random.key(0), train=True))
    array([0., 2.])
    """
    if not 0 <= rate < 1:
        raise OptionError(f"Dropout expected a rate from 0 to below 1, got {rate}")
    name = f"Dropout({rate})"

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        if not train or rate == 0:
            return inputs
        if key is None:
            missing_key(name)
        return fnp.where(random.bernoulli(key, 1 - rate, inputs.shape), inputs / (1 - rate), 0)

    return Layer(name, lambda key, input_shape: (input_shape, ()), apply)


def _affine(
    name: str, use_bias: bool, use_scale: bool, bias_init: Initializer, scale_init: Initializer, dtype: Any
) -> Any:
    def init(key: Any, input_shape: Shape) -> tuple[Shape, Any]:
        shape = check_known(name, check_rank(name, input_shape, range(2, 99)))
        features = shape[-1]
        scale_key, bias_key = random.split(key)
        params = {}
        if use_scale:
            params["scale"] = scale_init(scale_key, (features,), dtype)
        if use_bias:
            params["bias"] = bias_init(bias_key, (features,), dtype)
        return shape, params

    return init


def _names(use_scale: bool, use_bias: bool) -> dict[str, None]:
    return dict.fromkeys(["scale"] * use_scale + ["bias"] * use_bias)


def _check_affine(name: str, names: Mapping[str, None], params: Any, inputs: Any) -> None:
    check_params(name, params, names)
    for leaf in params.values():
        check_features(name, inputs, leaf.shape[0])


def _normalized(inputs: Any, axis: Any, epsilon: float) -> Any:
    centred = inputs - fnp.mean(inputs, axis, keepdims=True)
    return centred / fnp.sqrt(fnp.mean(centred * centred, axis, keepdims=True) + epsilon)


def _scaled(params: Any, normalized: Any) -> Any:
    out = normalized * params["scale"] if "scale" in params else normalized
    return out + params["bias"] if "bias" in params else out
