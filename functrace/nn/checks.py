"""What layers ask of the shapes, inputs, parameters and states that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from ..errors import ArgumentError, OptionError, ShapeError
from ..lax.shape import shape_of

#: The extent of an axis; -1 for one that may be any, as that of the batch.
Shape = tuple[int, ...]


def check_count(layer: str, **counts: Any) -> None:
    """Raise unless these settings of a layer are ints of at least 1."""
    for name, count in counts.items():
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < 1:
            raise OptionError(f"{layer} expected {name} to be an int of at least 1, got {count!r}")


def check_rank(
    layer: str,
    shape: Any,
    ranks: int | range,
    instead: str = "x[None] for one example, nn.flatten() for images before Dense",
) -> Shape:
    """The shape of a layer's input, if it has so many axes."""
    if not (isinstance(shape, tuple | list) and all(isinstance(extent, int | np.integer) for extent in shape)):
        got = f"an array of shape {shape.shape}" if hasattr(shape, "shape") else repr(shape)
        raise ShapeError(
            f"{layer} expected the shape of one input, a tuple of ints, got {got}",
            instead="x.shape, or as (-1, 28, 28, 1), where -1 stands for a batch of any size",
        )
    allowed = ranks if isinstance(ranks, range) else range(ranks, ranks + 1)
    if len(shape) not in allowed:
        wanted = f"{allowed[0]}" if len(allowed) == 1 else f"at least {allowed[0]}"
        raise ShapeError(
            f"{layer} expected an input of {wanted} axes, the batch first, got shape {tuple(shape)}", instead=instead
        )
    return tuple([int(extent) for extent in shape])


def check_known(layer: str, shape: Shape) -> Shape:
    """The shape, if its number of features is known: parameters are made for it."""
    if shape[-1] < 0:
        raise ShapeError(
            f"{layer} expected a known number of features along the last axis, got shape {shape}",
            instead="-1 for the batch alone, as (-1, 4)",
        )
    return shape


def check_features(layer: str, inputs: Any, features: int, axis: int = -1) -> None:
    """Raise unless an input has so many features."""
    shape = shape_of(inputs)
    if not shape or shape[axis] != features:
        raise ShapeError(
            f"{layer} was initialised for {features} features along axis {axis}, got an input of shape {shape}",
            instead="init with the input's shape: layer.init(key, x.shape)",
        )


def check_params(layer: str, params: Any, widths: Mapping[str, int | None]) -> None:
    """Raise unless these are the parameters of such a layer: their names, and how long the last axis of each is."""
    if not isinstance(params, Mapping):
        raise _others(layer, widths, type(params).__name__)
    if params.keys() != widths.keys():
        raise _others(layer, widths, ", ".join(sorted(map(str, params))) or "none")
    for name, width in widths.items():
        if width is not None and shape_of(params[name])[-1:] != (width,):
            raise _others(layer, widths, f"{name} of shape {shape_of(params[name])}")


def _others(layer: str, widths: Mapping[str, int | None], got: str) -> ArgumentError:
    names = ", ".join([name if width is None else f"{name} (…, {width})" for name, width in widths.items()])
    return ArgumentError(
        f"{layer} expected its parameters {names or 'none'}, got {got}",
        instead="those that its own init gave: output_shape, params = layer.init(key, x.shape)",
    )


def check_parts(layer: str, kind: str, count: int, parts: Any, instead: str) -> None:
    """Raise unless a layer of layers has so many parameters, states or inputs."""
    if not isinstance(parts, tuple | list) or len(parts) != count:
        got = f"{len(parts)}" if isinstance(parts, tuple | list) else type(parts).__name__
        raise ArgumentError(f"{layer} of {count} layers expected a tuple of {count} {kind}, got {got}", instead=instead)


def missing_key(layer: str) -> NoReturn:
    """The error for a layer that draws random numbers and was given no key."""
    raise ArgumentError(
        f"{layer} draws random numbers while it trains, and was given no key",
        instead="apply(params, x, key=functrace.random.fold_in(key, step), train=True); train=False to evaluate",
    )
