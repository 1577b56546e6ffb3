"""Recurrent networks, and their gradients by way of a loop over time.

The loss is the mean square of what the last state, times the weights of the output, differs from the target by; the
gradients are those by all parameters. The loop is `lax.scan` in functrace and JAX, and Python's own elsewhere.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .harness import Call, Case, Ratio, Target
from .scalars import jax_in_double_precision

Array = NDArray[Any]
Params = dict[str, Array]

OUTPUTS = 10


class Sequences(NamedTuple):
    """The steps, the sequences in a batch, the width of the inputs, the units, and the dtype of everything."""

    steps: int
    batch: int
    width: int
    units: int
    dtype: str

    @property
    def name(self) -> str:
        """The extents in short."""
        return f"{self.steps}x{self.batch}x{self.units}-{self.dtype}"

    @property
    def text(self) -> str:
        """The extents in words."""
        return f"{self.steps} steps, batch of {self.batch}, {self.width} inputs, {self.units} units"

    def params(self, gates: int = 1) -> Params:
        """Draw the weights from the inputs, from the state and to the output, and the biases."""
        generator = np.random.default_rng(0)
        params = {
            "inputs": generator.standard_normal((self.width, gates * self.units)) / np.sqrt(self.width),
            "state": generator.standard_normal((self.units, gates * self.units)) / np.sqrt(self.units),
            "bias": 0.1 * generator.standard_normal(gates * self.units),
            "output": generator.standard_normal((self.units, OUTPUTS)) / np.sqrt(self.units),
        }
        return {name: array.astype(self.dtype) for name, array in params.items()}

    def examples(self) -> tuple[Array, Array]:
        """Draw the inputs, the steps first, and the target of each sequence."""
        generator = np.random.default_rng(1)
        inputs = generator.standard_normal((self.steps, self.batch, self.width))
        targets = generator.standard_normal((self.batch, OUTPUTS))
        return inputs.astype(self.dtype), targets.astype(self.dtype)


# ---------------------------------------------------------------------------------------------------------------------
# tanh units
# ---------------------------------------------------------------------------------------------------------------------


def rnn_with_numpy(sequences: Sequences) -> Call:
    """By hand: one product for all inputs before the loop, and one for each weight's gradient after it."""
    params, (inputs, targets) = sequences.params(), sequences.examples()
    steps, batch, width, units, dtype = sequences

    def loss_and_gradients() -> tuple[Any, Params]:
        weights = params["state"]
        driven = (inputs.reshape(-1, width) @ params["inputs"]).reshape(steps, batch, units)
        driven += params["bias"]
        states = np.empty((steps + 1, batch, units), dtype)
        states[0] = 0
        state = states[0]
        for drive, following in zip(driven, states[1:], strict=True):
            np.dot(state, weights, out=following)
            following += drive
            state = np.tanh(following, out=following)
        loss, gradient_of_output, cotangent = loss_by_hand(state, params["output"], targets)
        slopes = np.multiply(states[1:], states[1:], out=driven)
        np.subtract(1, slopes, out=slopes)
        for slope in slopes[::-1]:  # each becomes the cotangent of what went into the tanh
            slope *= cotangent
            np.dot(slope, weights.T, out=cotangent)
        flat = slopes.reshape(-1, units)
        return loss, {
            "inputs": inputs.reshape(-1, width).T @ flat,
            "state": states[:-1].reshape(-1, units).T @ flat,
            "bias": flat.sum(axis=0),
            "output": gradient_of_output,
        }

    return loss_and_gradients


def loss_by_hand(state: Array, output: Array, targets: Array) -> tuple[Any, Array, Array]:
    """The loss, the gradient of the weights of the output, and the cotangent of the last state."""
    error = state @ output
    error -= targets
    loss = np.vdot(error, error) / error.dtype.type(error.size)
    error *= 2 / error.size
    return loss, state.T @ error, error @ output.T


def rnn_loss(xp: Any, scan: Callable[..., Any], params: Any, inputs: Any, targets: Any) -> Any:
    """The loss with the NumPy and the scan that are given."""

    def step(state: Any, inputs: Any) -> tuple[Any, None]:
        return xp.tanh(inputs @ params["inputs"] + state @ params["state"] + params["bias"]), None

    batch, units = inputs.shape[1], params["state"].shape[0]
    state, _ = scan(step, xp.zeros((batch, units), inputs.dtype), inputs)
    return xp.mean((state @ params["output"] - targets) ** 2)


def rnn_in_pytorch(torch: Any, params: Any, inputs: Any) -> Any:
    """The last state."""
    state = torch.zeros(inputs.shape[1], params["state"].shape[0], dtype=inputs.dtype)
    for step in inputs:
        state = torch.tanh(step @ params["inputs"] + state @ params["state"] + params["bias"])
    return state


# ---------------------------------------------------------------------------------------------------------------------
# long short-term memory
# ---------------------------------------------------------------------------------------------------------------------

# The gates stand side by side: input, forget, output, and the candidate for the cell, which goes through tanh.
# Source: Hochreiter and Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997); the forget gate: Gers,
# Schmidhuber and Cummins, Learning to Forget, Neural Computation 12 (2000).


def lstm_with_numpy(sequences: Sequences) -> Call:
    """By hand, as above; the logistic function is ``(1 + tanh(x / 2)) / 2``."""
    params, (inputs, targets) = sequences.params(gates=4), sequences.examples()
    steps, batch, width, units, dtype = sequences

    def loss_and_gradients() -> tuple[Any, Params]:
        weights = params["state"]
        gates = (inputs.reshape(-1, width) @ params["inputs"]).reshape(steps, batch, 4 * units)
        gates += params["bias"]
        states = np.empty((steps + 1, batch, units), dtype)
        cells = np.empty((steps + 1, batch, units), dtype)
        states[0] = cells[0] = 0
        tanh_cells = np.empty((steps, batch, units), dtype)
        product, part = np.empty((batch, 4 * units), dtype), np.empty((batch, units), dtype)
        for t, gate in enumerate(gates):
            gate += np.dot(states[t], weights, out=product)
            logistic, candidate = gate[:, : 3 * units], gate[:, 3 * units :]
            logistic *= 0.5
            np.tanh(gate, out=gate)
            logistic += 1
            logistic *= 0.5
            cell = np.multiply(gate[:, units : 2 * units], cells[t], out=cells[t + 1])
            cell += np.multiply(gate[:, :units], candidate, out=part)
            np.tanh(cell, out=tanh_cells[t])
            np.multiply(gate[:, 2 * units : 3 * units], tanh_cells[t], out=states[t + 1])
        loss, gradient_of_output, cotangent = loss_by_hand(states[-1], params["output"], targets)
        # For all steps at once: what each gate is multiplied by on its way back but the cotangents.
        slopes = np.empty_like(gates)
        slopes[..., :units] = gates[..., 3 * units :]
        slopes[..., units : 2 * units] = cells[:-1]
        slopes[..., 2 * units : 3 * units] = tanh_cells
        slopes[..., 3 * units :] = gates[..., :units]
        logistic, candidate = gates[..., : 3 * units], gates[..., 3 * units :]
        slopes[..., : 3 * units] *= logistic - logistic * logistic
        slopes[..., 3 * units :] *= 1 - candidate * candidate
        cell_slopes = np.multiply(tanh_cells, tanh_cells, out=tanh_cells)
        np.subtract(1, cell_slopes, out=cell_slopes)
        cell_slopes *= gates[..., 2 * units : 3 * units]
        cell_cotangent = np.zeros((batch, units), dtype)
        for t in range(steps - 1, -1, -1):
            slope = slopes[t].reshape(batch, 4, units)
            cell_cotangent += np.multiply(cotangent, cell_slopes[t], out=part)
            slope[:, :2] *= cell_cotangent[:, None]
            slope[:, 2] *= cotangent
            slope[:, 3] *= cell_cotangent
            cell_cotangent *= gates[t, :, units : 2 * units]
            np.dot(slopes[t], weights.T, out=cotangent)
        flat = slopes.reshape(-1, 4 * units)
        return loss, {
            "inputs": inputs.reshape(-1, width).T @ flat,
            "state": states[:-1].reshape(-1, units).T @ flat,
            "bias": flat.sum(axis=0),
            "output": gradient_of_output,
        }

    return loss_and_gradients


def lstm_loss(
    xp: Any, scan: Callable[..., Any], logistic: Callable[[Any], Any], params: Any, inputs: Any, targets: Any
) -> Any:
    """The loss with the NumPy, the scan and the logistic function that are given."""

    def step(carry: Any, inputs: Any) -> tuple[Any, None]:
        state, cell = carry
        gates = inputs @ params["inputs"] + state @ params["state"] + params["bias"]
        write, keep, read, candidate = xp.split(gates, 4, axis=1)
        cell = logistic(keep) * cell + logistic(write) * xp.tanh(candidate)
        return (logistic(read) * xp.tanh(cell), cell), None

    zeros = xp.zeros((inputs.shape[1], params["state"].shape[0]), inputs.dtype)
    (state, _), _ = scan(step, (zeros, zeros), inputs)
    return xp.mean((state @ params["output"] - targets) ** 2)


def lstm_in_pytorch(torch: Any, params: Any, inputs: Any) -> Any:
    """The last state."""
    state = cell = torch.zeros(inputs.shape[1], params["state"].shape[0], dtype=inputs.dtype)
    for step in inputs:
        gates = step @ params["inputs"] + state @ params["state"] + params["bias"]
        write, keep, read, candidate = gates.chunk(4, dim=1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(candidate)
        state = torch.sigmoid(read) * torch.tanh(cell)
    return state


# ---------------------------------------------------------------------------------------------------------------------
# both in the libraries
# ---------------------------------------------------------------------------------------------------------------------


def rnn_with_functrace_jit(sequences: Sequences) -> Call:
    """Compiled."""
    import functrace

    loss = partial(rnn_loss, functrace.numpy, functrace.lax.scan)
    params, (inputs, targets) = sequences.params(), sequences.examples()
    loss_and_gradients = functrace.jit(functrace.value_and_grad(loss))
    return lambda: loss_and_gradients(params, inputs, targets)


def lstm_with_functrace_jit(sequences: Sequences) -> Call:
    """Compiled."""
    import functrace

    loss = partial(lstm_loss, functrace.numpy, functrace.lax.scan, functrace.lax.logistic)
    params, (inputs, targets) = sequences.params(gates=4), sequences.examples()
    loss_and_gradients = functrace.jit(functrace.value_and_grad(loss))
    return lambda: loss_and_gradients(params, inputs, targets)


def rnn_with_jax_jit(sequences: Sequences) -> Call:
    """Compiled."""
    jax = jax_in_double_precision()
    loss = partial(rnn_loss, jax.numpy, jax.lax.scan)
    return jax_loss_and_gradients(loss, sequences.params(), *sequences.examples())


def lstm_with_jax_jit(sequences: Sequences) -> Call:
    """Compiled."""
    jax = jax_in_double_precision()
    loss = partial(lstm_loss, jax.numpy, jax.lax.scan, jax.nn.sigmoid)
    return jax_loss_and_gradients(loss, sequences.params(gates=4), *sequences.examples())


def jax_loss_and_gradients(loss: Callable[..., Any], *arguments: Any) -> Call:
    """Of JAX's own arrays."""
    import jax

    arrays = jax.tree.map(jax.numpy.asarray, arguments)
    loss_and_gradients = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(loss_and_gradients(*arrays))


def rnn_with_pytorch(sequences: Sequences) -> Call:
    """Eager."""
    return pytorch_loss_and_gradients(rnn_in_pytorch, sequences.params(), *sequences.examples())


def lstm_with_pytorch(sequences: Sequences) -> Call:
    """Eager."""
    return pytorch_loss_and_gradients(lstm_in_pytorch, sequences.params(gates=4), *sequences.examples())


def pytorch_loss_and_gradients(last_state: Callable[..., Any], drawn: Params, *examples: Array) -> Call:
    """With a loop in Python."""
    import torch

    params = {name: torch.tensor(array, requires_grad=True) for name, array in drawn.items()}
    leaves = [params[name] for name in sorted(params)]
    inputs, targets = map(torch.tensor, examples)

    def loss_and_gradients() -> Any:
        error = last_state(torch, params, inputs) @ params["output"] - targets
        loss = torch.mean(error * error)
        return loss, torch.autograd.grad(loss, leaves)

    return loss_and_gradients


def recurrent(kind: str, sequences: Sequences, target: Target, contenders: dict[str, Callable[..., Call]]) -> Case:
    """The case of one network, with all contenders."""
    return Case(
        name=f"{kind}-{sequences.name}",
        text=f"loss and gradients, {sequences.text}",
        contenders={name: partial(setup, sequences) for name, setup in contenders.items()},
        targets=(target,),
        tolerance=1e-9 if sequences.dtype == "float64" else 1e-4,
    )


RNN: dict[str, Callable[..., Call]] = {
    "numpy": rnn_with_numpy,
    "functrace-jit": rnn_with_functrace_jit,
    "jax-jit": rnn_with_jax_jit,
    "pytorch": rnn_with_pytorch,
}
LSTM: dict[str, Callable[..., Call]] = {
    "numpy": lstm_with_numpy,
    "functrace-jit": lstm_with_functrace_jit,
    "jax-jit": lstm_with_jax_jit,
    "pytorch": lstm_with_pytorch,
}

FASTER = Ratio("functrace-jit", "jax-jit", 1.0, "functrace takes less than JAX, both jitted")
TWICE = Ratio("functrace-jit", "jax-jit", 2.0, "functrace takes at most twice JAX's time, both jitted")
AS_FAST = Ratio("functrace-jit", "jax-jit", 1.0, "functrace takes at most JAX's time, both jitted")

CASES = (
    recurrent("rnn", Sequences(200, 16, 32, 32, "float64"), FASTER, RNN),
    recurrent("rnn", Sequences(100, 32, 128, 128, "float64"), FASTER, RNN),
    recurrent("rnn", Sequences(1000, 1, 16, 16, "float32"), TWICE, RNN),
    recurrent("lstm", Sequences(100, 32, 128, 128, "float32"), AS_FAST, LSTM),
)
