"""Recurrent layers over `functrace.lax.scan`: the inputs' products are taken out of the loop, as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import numpy as fnp
from .. import random
from ..lax.control_flow import scan
from ..lax.shape import shape_of
from .activations import sigmoid
from .checks import Shape, check_count, check_features, check_known, check_params, check_rank
from .initializers import Initializer, glorot_uniform, orthogonal, zeros
from .layer import Layer, stateless


def RNN(
    features: int,
    activation: Callable[[Any], Any] = fnp.tanh,
    kernel_init: Initializer | None = None,
    recurrent_init: Initializer | None = None,
    bias_init: Initializer = zeros,
    dtype: Any = float,
) -> Layer:
    """A recurrent layer: ``h ← activation(x @ kernel + h @ recurrent_kernel + bias)``, from h = 0.

    Parameters
    ----------
    features
        How long h is.
    activation
        Of an array, element by element.
    kernel_init, recurrent_init, bias_init
        The first values; by default `glorot_uniform`, `orthogonal` and zeros.
    dtype
        Of the parameters.

    Returns
    -------
    Layer
        Of inputs (batch, time, n): h at each time, (batch, time, features). `last_step` keeps the last alone.

    References
    ----------
    J. Elman, Finding structure in time, 1990.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.RNN(8).init(random.key(0), (-1, 20, 3))[0]
    (-1, 20, 8)
    """

    def step(params: Any, state: Any, projected: Any) -> tuple[Any, Any]:
        return _rnn(params, state, projected, activation)

    return _recurrent("RNN", features, 1, step, False, kernel_init, recurrent_init, _biases(bias_init), dtype)


def LSTM(
    features: int,
    forget_bias: float = 1.0,
    kernel_init: Initializer | None = None,
    recurrent_init: Initializer | None = None,
    bias_init: Initializer = zeros,
    dtype: Any = float,
) -> Layer:
    """Long short-term memory: ``c ← f c + i g``, ``h ← o tanh(c)``; gates i, f, o and candidate g from x and h.

    Parameters
    ----------
    features
        How long h and c are.
    forget_bias
        Added to the first bias of f, so that at first it keeps what it has.
    kernel_init, recurrent_init, bias_init, dtype
        As for `RNN`; the columns of the kernels are those of i, f, g, o, in this order.

    Returns
    -------
    Layer
        Of inputs (batch, time, n): h at each time, (batch, time, features).

    References
    ----------
    S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997; F. Gers, J. Schmidhuber and F. Cummins, Learning to
    forget, 2000.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.LSTM(8).init(random.key(0), (-1, 20, 3))[0]
    (-1, 20, 8)
    """

    def biases(key: Any, features: int, dtype: Any) -> Any:
        is_forget = fnp.arange(4 * features) // features == 1
        return {"bias": bias_init(key, (4 * features,), dtype) + fnp.where(is_forget, forget_bias, 0).astype(dtype)}

    return _recurrent("LSTM", features, 4, _lstm, True, kernel_init, recurrent_init, biases, dtype)


def GRU(
    features: int,
    kernel_init: Initializer | None = None,
    recurrent_init: Initializer | None = None,
    bias_init: Initializer = zeros,
    dtype: Any = float,
) -> Layer:
    """A gated recurrent unit: ``h ← (1 - z) n + z h``, ``n = tanh(x W + b + r (h U + c))``, gates r, z from x and h.

    Parameters
    ----------
    features
        How long h is.
    kernel_init, recurrent_init, bias_init, dtype
        As for `RNN`; the columns of the kernels are those of r, z, n, in this order; c is ``candidate_bias``.

    Returns
    -------
    Layer
        Of inputs (batch, time, n): h at each time, (batch, time, features).

    References
    ----------
    K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014, arXiv:1406.1078.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.GRU(8).init(random.key(0), (-1, 20, 3))[0]
    (-1, 20, 8)
    """

    def biases(key: Any, features: int, dtype: Any) -> Any:
        first, second = random.split(key)
        return {
            "bias": bias_init(first, (3 * features,), dtype),
            "candidate_bias": bias_init(second, (features,), dtype),
        }

    return _recurrent(
        "GRU", features, 3, _gru, False, kernel_init, recurrent_init, biases, dtype, candidate_bias=features
    )


def rnn_step(params: Any, state: Any, inputs: Any, activation: Callable[[Any], Any] = fnp.tanh) -> tuple[Any, Any]:
    """One step of an `RNN`, to go on from any state: to sample, or where inputs come one by one.

    Parameters
    ----------
    params
        Those of the layer.
    state
        h, (batch, features); zeros at the beginning.
    inputs
        Of one time, (batch, n).
    activation
        The layer's.

    Returns
    -------
    state, output
        The next state, and the layer's output at this time.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer, x = nn.RNN(4), np.ones((2, 3, 5))
    >>> _, params = layer.init(random.key(0), x.shape)
    >>> state = np.zeros((2, 4))
    >>> for time in range(3):
    ...     state, output = nn.rnn_step(params, state, x[:, time])
    >>> np.allclose(output, layer.apply(params, x)[:, -1])
    True
    """
    return _rnn(params, state, _projected(params, inputs), activation)


def lstm_step(params: Any, state: tuple[Any, Any], inputs: Any) -> tuple[tuple[Any, Any], Any]:
    """One step of an `LSTM`; its state is the pair (h, c). See `rnn_step`.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer, x = nn.LSTM(4), np.ones((2, 3, 5))
    >>> _, params = layer.init(random.key(0), x.shape)
    >>> state = np.zeros((2, 4)), np.zeros((2, 4))
    >>> for time in range(3):
    ...     state, output = nn.lstm_step(params, state, x[:, time])
    >>> np.allclose(output, layer.apply(params, x)[:, -1])
    True
    """
    return _lstm(params, state, _projected(params, inputs))


def gru_step(params: Any, state: Any, inputs: Any) -> tuple[Any, Any]:
    """One step of a `GRU`. See `rnn_step`.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer, x = nn.GRU(4), np.ones((2, 3, 5))
    >>> _, params = layer.init(random.key(0), x.shape)
    >>> state = np.zeros((2, 4))
    >>> for time in range(3):
    ...     state, output = nn.gru_step(params, state, x[:, time])
    >>> np.allclose(output, layer.apply(params, x)[:, -1])
    True
    """
    return _gru(params, state, _projected(params, inputs))


def last_step() -> Layer:
    """A layer that keeps the last of the times: (batch, time, n) becomes (batch, n).

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.serial(nn.GRU(8), nn.last_step()).init(random.key(0), (-1, 20, 3))[0]
    (-1, 8)
    """

    def output_shape(shape: Shape) -> Shape:
        batch, _, *others = check_rank("last_step", shape, range(2, 99), _INSTEAD)
        return (batch, *others)

    return stateless("last_step", output_shape, lambda x: x[:, -1])


_INSTEAD = "(batch, time, features): x[None] for one sequence, x[..., None] for one feature"


def _recurrent(
    kind: str,
    features: int,
    gates: int,
    step: Callable[[Any, Any, Any], tuple[Any, Any]],
    has_cell: bool,
    kernel_init: Initializer | None,
    recurrent_init: Initializer | None,
    biases: Callable[[Any, int, Any], Any],
    dtype: Any,
    **further: int,
) -> Layer:
    """The layer of a step. `further` are the lengths of its biases other than ``bias``."""
    name = f"{kind}({features})"
    first, second = kernel_init or glorot_uniform(), recurrent_init or orthogonal()
    check_count(name, features=features)
    all_gates = gates * features
    widths = {"kernel": all_gates, "recurrent_kernel": all_gates, "bias": all_gates, **further}

    def init(key: Any, input_shape: Shape) -> tuple[Shape, Any]:
        batch, time, inputs = check_known(name, check_rank(name, input_shape, 3, _INSTEAD))
        kernel_key, recurrent_key, bias_key = random.split(key, 3)
        squares = [second(part, (features, features), dtype) for part in random.split(recurrent_key, gates)]
        params = {
            "kernel": first(kernel_key, (inputs, gates * features), dtype),
            "recurrent_kernel": fnp.concatenate(squares, axis=1),
            **biases(bias_key, features, dtype),
        }
        return (batch, time, features), params

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        check_params(name, params, widths)
        check_rank(name, shape_of(inputs), 3, _INSTEAD)
        check_features(name, inputs, params["kernel"].shape[0])
        projected = _projected(params, fnp.swapaxes(inputs, 0, 1))
        start = fnp.zeros((inputs.shape[0], features), projected.dtype)
        _, states = scan(lambda state, x: step(params, state, x), (start, start) if has_cell else start, projected)
        return fnp.swapaxes(states, 0, 1)

    return Layer(name, init, apply)


def _biases(bias_init: Initializer) -> Callable[[Any, int, Any], Any]:
    return lambda key, features, dtype: {"bias": bias_init(key, (features,), dtype)}


# ---------------------------------------------------------------------------------------------------------------------
# one step, from inputs that are projected already
# ---------------------------------------------------------------------------------------------------------------------


def _projected(params: Any, inputs: Any) -> Any:
    return inputs @ params["kernel"] + params["bias"]


def _rnn(params: Any, state: Any, projected: Any, activation: Callable[[Any], Any]) -> tuple[Any, Any]:
    state = activation(projected + state @ params["recurrent_kernel"])
    return state, state


def _lstm(params: Any, state: Any, projected: Any) -> tuple[Any, Any]:
    hidden, cell = state
    keep_in, forget, candidate, let_out = fnp.split(projected + hidden @ params["recurrent_kernel"], 4, -1)
    cell = sigmoid(forget) * cell + sigmoid(keep_in) * fnp.tanh(candidate)
    hidden = sigmoid(let_out) * fnp.tanh(cell)
    return (hidden, cell), hidden


def _gru(params: Any, hidden: Any, projected: Any) -> tuple[Any, Any]:
    from_reset, from_update, candidate = fnp.split(projected, 3, -1)
    to_reset, to_update, past = fnp.split(hidden @ params["recurrent_kernel"], 3, -1)
    reset, update = sigmoid(from_reset + to_reset), sigmoid(from_update + to_update)
    new = fnp.tanh(candidate + reset * (past + params["candidate_bias"]))
    hidden = new + update * (hidden - new)
    return hidden, hidden
