"""Layers of layers: one after another, side by side, and around a shortcut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import numpy as fnp
from .. import random
from ..errors import ArgumentError, ShapeError
from ..lax.shape import shape_of
from .checks import Shape, check_parts
from .layer import Layer, activation, stateless


def serial(*layers: Layer) -> Layer:
    """One layer after another.

    Parameters
    ----------
    *layers
        The first is given the inputs, each of the others what the one before it gives. The parameters are a tuple of
        theirs, and so is the state.

    Raises
    ------
    ArgumentError
        What is given is no `Layer`; or the parameters are not as many as the layers.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.serial(nn.Dense(3), nn.Tanh, nn.Dense(1)).init(random.key(0), (-1, 2))[0]
    (-1, 1)
    """
    return _combined("serial", layers, _in_turn)


def parallel(*layers: Layer) -> Layer:
    """Layers side by side: a tuple of inputs, one for each, becomes a tuple of outputs.

    `fan_out` makes such a tuple, `fan_in_sum` and `fan_in_concat` one array of it.

    Examples
    --------
    >>> from functrace import nn, random
    >>> both = nn.serial(nn.fan_out(2), nn.parallel(nn.Dense(3), nn.Dense(4)), nn.fan_in_concat())
    >>> both.init(random.key(0), (-1, 2))[0]
    (-1, 7)
    """

    def side_by_side(inputs: Any, run: Callable[[int, Any], Any]) -> Any:
        instead = f"nn.serial(nn.fan_out({len(layers)}), nn.parallel(…))"
        check_parts("parallel", "inputs", len(layers), inputs, instead)
        return tuple([run(index, part) for index, part in enumerate(inputs)])

    return _combined("parallel", layers, lambda count, inputs, run: side_by_side(inputs, run))


def residual(*layers: Layer, shortcut: Layer | None = None) -> Layer:
    """Layers in turn, and their input added to what they give.

    Parameters
    ----------
    *layers
        As for `serial`.
    shortcut
        What the input goes through before it is added; by default nothing. Where the layers change the shape it has to
        change it too.

    Raises
    ------
    ShapeError
        The shapes of the two sides differ.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, 2016, arXiv:1512.03385.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn
    >>> nn.residual(nn.Tanh).apply((((),), ()), np.zeros(2))
    array([0., 0.])
    """
    sides = (serial(*layers), shortcut or activation(lambda x: x, "identity"))

    def added(count: int, inputs: Any, run: Callable[[int, Any], Any]) -> Any:
        main, short = run(0, inputs), run(1, inputs)
        if isinstance(main, tuple):  # shapes, as init sees them
            _check_same("residual", main, short)
            return main
        _check_same("residual", shape_of(main), shape_of(short))
        return main + short

    return _combined("residual", sides, added)


def fan_out(count: int) -> Layer:
    """A layer that gives its input so many times, as a tuple.

    Examples
    --------
    >>> from functrace import nn, random
    >>> nn.fan_out(2).init(random.key(0), (-1, 3))[0]
    ((-1, 3), (-1, 3))
    """
    return stateless(f"fan_out({count})", lambda shape: (shape,) * count, lambda x: (x,) * count)


def fan_in_sum() -> Layer:
    """A layer that adds up a tuple of arrays of one shape.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn
    >>> nn.fan_in_sum().apply((), (np.array([1.0]), np.array([2.0])))
    array([3.])
    """

    def output_shape(shapes: Sequence[Shape]) -> Shape:
        _check_several("fan_in_sum", shapes)
        for shape in shapes[1:]:
            _check_same("fan_in_sum", shapes[0], shape)
        return shapes[0]

    def total(inputs: Sequence[Any]) -> Any:
        _check_several("fan_in_sum", inputs)
        out = inputs[0]
        for part in inputs[1:]:
            _check_same("fan_in_sum", shape_of(out), shape_of(part))
            out = out + part
        return out

    return stateless("fan_in_sum", output_shape, total)


def fan_in_concat(axis: int = -1) -> Layer:
    """A layer that joins a tuple of arrays along an axis.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn
    >>> nn.fan_in_concat().apply((), (np.array([1.0]), np.array([2.0])))
    array([1., 2.])
    """
    name = f"fan_in_concat({axis})"

    def output_shape(shapes: Sequence[Shape]) -> Shape:
        _check_several(name, shapes)
        out, joined = list(shapes[0]), [shape[axis] for shape in shapes]
        for shape in shapes[1:]:
            others = list(shape)
            others[axis] = out[axis]
            if others != out:
                raise ShapeError(f"{name}: shapes {shapes[0]} and {shape} differ along another axis")
        out[axis] = -1 if -1 in joined else sum(joined)
        return tuple(out)

    def joined(inputs: Sequence[Any]) -> Any:
        _check_several(name, inputs)
        return fnp.concatenate(inputs, axis)

    return stateless(name, output_shape, joined)


def _check_several(name: str, inputs: Any) -> None:
    is_one = not isinstance(inputs, tuple | list) or not inputs or isinstance(inputs[0], int)
    if is_one:
        raise ArgumentError(
            f"{name} expected a tuple of inputs, got one", instead="it after nn.fan_out and nn.parallel"
        )


def _combined(kind: str, layers: Sequence[Layer], flow: Callable[[int, Any, Callable[[int, Any], Any]], Any]) -> Layer:
    """A layer of layers. `flow` says how inputs go through them, given a function that runs the layer of a number.

    The same way is gone by shapes, by arrays, and by arrays with states.
    """
    for layer in layers:
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"{kind} expected layers, got {layer!r}",
                instead="nn.Dense(32) with its arguments, nn.activation(f) for a function of arrays, "
                "nn.serial(*layers) for a list, nn.Layer(name, init, apply) for a pair",
            )
    count = len(layers)

    def init(key: Any, input_shape: Any) -> tuple[Any, Any]:
        keys, params = random.split(key, max(count, 1)), [()] * count

        def run(index: int, shape: Any) -> Any:
            shape, params[index] = layers[index].init(keys[index], shape)
            return shape

        return flow(count, input_shape, run), tuple(params)

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        check_parts(kind, "parameters", count, params, "the parameters that its init gave")
        keys = [None] * count if key is None else random.split(key, max(count, 1))
        return flow(count, inputs, lambda i, x: layers[i].apply(params[i], x, key=keys[i], train=train))

    def init_state(input_shape: Any) -> Any:
        states = [()] * count

        def run(index: int, shape: Any) -> Any:
            states[index] = layers[index].init_state(shape)
            return _output_shape(layers[index], shape)

        flow(count, input_shape, run)
        return tuple(states)

    def apply_with_state(
        params: Any, state: Any, inputs: Any, *, key: Any = None, train: bool = False
    ) -> tuple[Any, Any]:
        check_parts(kind, "parameters", count, params, "the parameters that its init gave")
        keys = [None] * count if key is None else random.split(key, max(count, 1))
        check_parts(kind, "states", count, state, "the state that its init_state or the last apply_with_state gave")
        states = list(state)

        def run(index: int, x: Any) -> Any:
            out, states[index] = layers[index].apply_with_state(
                params[index], states[index], x, key=keys[index], train=train
            )
            return out

        return flow(count, inputs, run), tuple(states)

    return Layer(kind, init, apply, init_state=init_state, apply_with_state=apply_with_state)


def _in_turn(count: int, inputs: Any, run: Callable[[int, Any], Any]) -> Any:
    for index in range(count):
        inputs = run(index, inputs)
    return inputs


def _output_shape(layer: Layer, shape: Any) -> Any:
    """What a layer makes of a shape: its `init` says it, which is traced for it and not run."""
    from ..transforms.jit import make_jaxpr  # here: building a network is what asks for it

    found: list[Any] = []

    def run(key: Any) -> Any:
        out, params = layer.init(key, shape)
        found.append(out)
        return params

    make_jaxpr(run)(random.key(0))
    return found[0]


def _check_same(name: str, one: Any, other: Any) -> None:
    if tuple(one) != tuple(other):
        raise ShapeError(f"{name}: shapes {tuple(one)} and {tuple(other)} cannot be added")
