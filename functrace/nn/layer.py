"""A layer: a pair of functions, `init` and `apply`, and how layers are put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from .. import numpy as fnp
from .. import random
from ..errors import ArgumentError, ShapeError
from ..lax.shape import shape_of
from ..transforms.debugging import named_scope

#: The extent of an axis; -1 for one that may be any, as that of the batch.
Shape = tuple[int, ...]


class Layer(tuple):
    """A pair ``(init, apply)``.

    Attributes
    ----------
    init
        ``init(key, input_shape)``: the shape of the output, and the parameters, a pytree. The first axis is the batch;
        its extent may be given as -1.
    apply
        ``apply(params, inputs, *, key=None, train=False)``: the output. `key` is for layers that draw random numbers,
        and `train` says whether they do, and whether batches are normalised by their own means.
    init_state
        ``init_state(input_shape)``: the state of a layer that keeps one besides its parameters, a pytree; ``()`` of all
        others.
    apply_with_state
        ``apply_with_state(params, state, inputs, *, key=None, train=False)``: the output and the next state. Every
        layer has it; those that keep no state give back what they are given.
    name
        What errors call it.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> init, apply = nn.serial(nn.Dense(3), nn.Relu, nn.Dense(1))
    >>> output_shape, params = init(random.key(0), (-1, 2))
    >>> output_shape, apply(params, np.ones((5, 2))).shape
    ((-1, 1), (5, 1))
    """

    init: Callable[[Any, Shape], tuple[Any, Any]]
    apply: Callable[..., Any]
    init_state: Callable[[Any], Any]
    apply_with_state: Callable[..., tuple[Any, Any]]
    name: str

    def __new__(
        cls,
        name: str,
        init: Callable,
        apply: Callable,
        *,
        init_state: Callable | None = None,
        apply_with_state: Callable | None = None,
    ) -> Layer:
        def scoped(function: Callable) -> Callable:
            def run(*args: Any, **kwargs: Any) -> Any:
                with named_scope(name):
                    return function(*args, **kwargs)

            run.__name__ = run.__qualname__ = function.__name__
            return run

        def unchanged(params: Any, state: Any, inputs: Any, **kwargs: Any) -> tuple[Any, Any]:
            return layer.apply(params, inputs, **kwargs), state

        layer = super().__new__(cls, (scoped(init), scoped(apply)))
        layer.init, layer.apply = layer
        layer.init_state = scoped(init_state) if init_state is not None else lambda input_shape: ()
        layer.apply_with_state = scoped(apply_with_state) if apply_with_state is not None else unchanged
        layer.name = name
        return layer

    def __repr__(self) -> str:
        return self.name


def stateless(name: str, output_shape: Callable[[Any], Any], function: Callable[[Any], Any]) -> Layer:
    """A layer without parameters, from its function and what that makes of a shape."""

    def init(key: Any, input_shape: Any) -> tuple[Any, Any]:
        return output_shape(input_shape), ()

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        return function(inputs)

    return Layer(name, init, apply)


def activation(function: Callable[[Any], Any], name: str | None = None) -> Layer:
    """A layer that applies a function to each element.

    Parameters
    ----------
    function
        Takes an array and gives one of its shape.
    name
        What errors call it; by default the function's name.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn
    >>> nn.activation(np.sin).apply((), np.zeros(2))
    array([0., 0.])
    """
    return stateless(name or str(getattr(function, "__name__", "activation")), lambda shape: shape, function)


def flatten() -> Layer:
    """A layer that makes one axis of all but the batch.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn
    >>> nn.flatten().apply((), np.zeros((5, 2, 3))).shape
    (5, 6)
    """

    def output_shape(shape: Shape) -> Shape:
        size = 1
        for extent in shape[1:]:
            size *= extent
        return (shape[0], size)

    return stateless("flatten", output_shape, lambda x: fnp.reshape(x, (shape_of(x)[0], -1)))


# ---------------------------------------------------------------------------------------------------------------------
# layers of layers
# ---------------------------------------------------------------------------------------------------------------------


def serial(*layers: Layer) -> Layer:
    """One layer after another.

    Parameters
    ----------
    *layers
        The first is given the inputs, each of the others what the one before it gives. The parameters are a tuple of
        theirs, and so is the state.

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
        if not isinstance(inputs, tuple | list) or len(inputs) != len(layers):
            got = f"{len(inputs)}" if isinstance(inputs, tuple | list) else type(inputs).__name__
            raise ArgumentError(
                f"parallel of {len(layers)} layers expected a tuple of {len(layers)} inputs, got {got}",
                instead=f"nn.serial(nn.fan_out({len(layers)}), nn.parallel(…))",
            )
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
    """A layer that gives its input so many times, as a tuple."""
    return stateless(f"fan_out({count})", lambda shape: (shape,) * count, lambda x: (x,) * count)


def fan_in_sum() -> Layer:
    """A layer that adds up a tuple of arrays of one shape."""

    def output_shape(shapes: Sequence[Shape]) -> Shape:
        for shape in shapes[1:]:
            _check_same("fan_in_sum", shapes[0], shape)
        return shapes[0]

    def total(inputs: Sequence[Any]) -> Any:
        out = inputs[0]
        for part in inputs[1:]:
            _check_same("fan_in_sum", shape_of(out), shape_of(part))
            out = out + part
        return out

    return stateless("fan_in_sum", output_shape, total)


def fan_in_concat(axis: int = -1) -> Layer:
    """A layer that joins a tuple of arrays along an axis."""

    def output_shape(shapes: Sequence[Shape]) -> Shape:
        out = list(shapes[0])
        out[axis] = sum([shape[axis] for shape in shapes])
        return tuple(out)

    return stateless(f"fan_in_concat({axis})", output_shape, lambda inputs: fnp.concatenate(inputs, axis))


def _combined(kind: str, layers: Sequence[Layer], flow: Callable[[int, Any, Callable[[int, Any], Any]], Any]) -> Layer:
    """A layer of layers. `flow` says how inputs go through them, given a function that runs the layer of a number.

    The same way is gone by shapes, by arrays, and by arrays with states.
    """
    count = len(layers)

    def init(key: Any, input_shape: Any) -> tuple[Any, Any]:
        keys, params = random.split(key, max(count, 1)), [()] * count

        def run(index: int, shape: Any) -> Any:
            shape, params[index] = layers[index].init(keys[index], shape)
            return shape

        return flow(count, input_shape, run), tuple(params)

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        _check_params(kind, layers, params)
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
        _check_params(kind, layers, params)
        keys = [None] * count if key is None else random.split(key, max(count, 1))
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


def _check_params(kind: str, layers: Sequence[Layer], params: Any) -> None:
    if not isinstance(params, tuple | list) or len(params) != len(layers):
        got = f"{len(params)}" if isinstance(params, tuple | list) else type(params).__name__
        raise ArgumentError(
            f"{kind} of {len(layers)} layers expected a tuple of {len(layers)} parameters, got {got}",
            instead="the parameters that its init gave",
        )


def _check_same(name: str, one: Any, other: Any) -> None:
    if tuple(one) != tuple(other):
        raise ShapeError(f"{name}: shapes {tuple(one)} and {tuple(other)} cannot be added")


# ---------------------------------------------------------------------------------------------------------------------
# what layers ask of their inputs
# ---------------------------------------------------------------------------------------------------------------------


def check_rank(layer: str, shape: Any, ranks: int | range) -> Shape:
    """The shape of a layer's input, if it has so many axes."""
    allowed = ranks if isinstance(ranks, range) else range(ranks, ranks + 1)
    if not (isinstance(shape, tuple | list) and all(isinstance(extent, int) for extent in shape)):
        raise ShapeError(f"{layer} expected an input of one shape, got {shape!r}")
    if len(shape) not in allowed:
        wanted = f"{allowed[0]}" if len(allowed) == 1 else f"at least {allowed[0]}"
        raise ShapeError(
            f"{layer} expected an input of {wanted} axes, the batch first, got shape {tuple(shape)}",
            instead="x[None] for one example, nn.flatten() for images before Dense",
        )
    return tuple(shape)


def check_features(layer: str, inputs: Any, features: int, axis: int = -1) -> None:
    """Raise unless an input has so many features."""
    shape = shape_of(inputs)
    if not shape or shape[axis] != features:
        raise ShapeError(
            f"{layer} was initialised for {features} features along axis {axis}, got an input of shape {shape}",
            instead="init with the input's shape: layer.init(key, x.shape)",
        )


def missing_key(layer: str) -> NoReturn:
    """The error for a layer that draws random numbers and was given no key."""
    raise ArgumentError(
        f"{layer} draws random numbers while it trains, and was given no key",
        instead="apply(params, x, key=functrace.random.fold_in(key, step), train=True); train=False to evaluate",
    )
