"""A layer: a pair of functions, `init` and `apply`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from .. import numpy as fnp
from ..errors import ArgumentError
from ..lax.shape import shape_of
from ..transforms.debugging import named_scope
from .checks import Shape, check_rank


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

    Raises
    ------
    ShapeError
        By all layers: the inputs have not the axes that the layer works on, or other features than at `init`.
    ArgumentError
        By all layers: the parameters or the state are those of another layer; a layer draws random numbers and has no
        key; the layer itself is called.

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
            @wraps(function)
            def run(*args: Any, **kwargs: Any) -> Any:
                with named_scope(name):
                    return function(*args, **kwargs)

            return run

        def unchanged(params: Any, state: Any, inputs: Any, **kwargs: Any) -> tuple[Any, Any]:
            return layer.apply(params, inputs, **kwargs), state

        layer = super().__new__(cls, (scoped(init), scoped(apply)))
        layer.init, layer.apply = layer
        layer.init_state = scoped(init_state) if init_state is not None else lambda input_shape: ()
        layer.apply_with_state = scoped(apply_with_state) if apply_with_state is not None else unchanged
        layer.name = name
        return layer

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ArgumentError(
            f"{self.name} is a layer, a pair of functions (init, apply), and is not called itself",
            instead="output_shape, params = layer.init(key, x.shape), then layer.apply(params, x); in nn.serial it "
            "stands without further parentheses",
        )

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
        batch, *others = check_rank("flatten", shape, range(1, 99))
        return (batch, math.prod(others))

    return stateless("flatten", output_shape, lambda x: fnp.reshape(x, (shape_of(x)[0], -1)))
