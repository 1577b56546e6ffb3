"""Different transformations for different leaves."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import OptionError, StructureError
from .transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    check_state,
    check_transformation,
    required,
    update_of,
)

#: A pytree of bools, a prefix of the parameters' (one bool may stand for a whole branch), or a function that gives one.
Mask = Any | Callable[[Any], Any]


class MaskedNode(NamedTuple):
    """In the place of a leaf that a transformation does not see."""


class MaskedState(NamedTuple):
    """The state of the transformation inside."""

    inner_state: Any


class PartitionState(NamedTuple):
    """The states of the transformations inside, by their labels."""

    inner_states: Mapping[Hashable, Any]


def masked(inner: GradientTransformation, mask: Mask) -> GradientTransformationExtraArgs:
    """A transformation of some leaves; the updates of the others pass as they are.

    Parameters
    ----------
    inner
        The transformation.
    mask
        Which leaves it transforms: a pytree of bools, a prefix of the parameters' structure, or a function that makes
        one of the parameters.

    Raises
    ------
    OptionError
        A leaf of the mask is no bool.
    StructureError
        The mask is no prefix of the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> half = masked(optim.scale(0.5), {"w": True, "b": False})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> half.update(params, half.init(params))[0]
    {'b': array([1.]), 'w': array([0.5])}
    """
    check_transformation("masked", inner)

    def chosen(params: Any) -> Any:
        return mask(params) if callable(mask) else mask

    def init(params: Any) -> MaskedState:
        return MaskedState(inner.init(_seen(chosen(params), params)))

    def update(updates: Any, state: MaskedState, params: Any = None, **extra: Any) -> tuple[Any, MaskedState]:
        check_state("masked", state, MaskedState)
        which = chosen(updates)
        seen = None if params is None else _seen(which, params)
        out, after = update_of(inner, _seen(which, updates), state.inner_state, seen, extra)
        return _merged(which, out, updates), MaskedState(after)

    return GradientTransformationExtraArgs(init, update)


def multi_transform(
    transforms: Mapping[Hashable, GradientTransformation], param_labels: Any
) -> GradientTransformationExtraArgs:
    """A transformation for each label, and a label for each leaf.

    Parameters
    ----------
    transforms
        From a label to its transformation.
    param_labels
        A pytree of labels, a prefix of the parameters' structure, or a function that makes one of the parameters.

    Raises
    ------
    OptionError
        A leaf's label has no transformation.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer = multi_transform({"fast": optim.sgd(1.0), "slow": optim.sgd(0.1)}, {"w": "fast", "b": "slow"})
    >>> params = {"w": np.ones(1), "b": np.ones(1)}
    >>> optimizer.update(params, optimizer.init(params), params)[0]
    {'b': array([-0.1]), 'w': array([-1.])}
    """
    for part in transforms.values():
        check_transformation("multi_transform", part)

    def labels_of(params: Any) -> Any:
        labels = param_labels(params) if callable(param_labels) else param_labels
        unknown = {
            str(label) for label in tree.leaves(labels) if not isinstance(label, Hashable) or label not in transforms
        }
        if unknown:
            raise OptionError(
                f"multi_transform: there is no transformation for the labels {sorted(unknown)}",
                instead=f"one of {sorted(map(str, transforms))}; optim.set_to_zero() for what is to stay as it is",
            )
        return labels

    def of(label: Hashable, labels: Any) -> GradientTransformationExtraArgs:
        return masked(transforms[label], tree.map(lambda other: other == label, labels))

    def init(params: Any) -> PartitionState:
        labels = labels_of(params)
        return PartitionState({label: of(label, labels).init(params) for label in transforms})

    def update(updates: Any, state: PartitionState, params: Any = None, **extra: Any) -> tuple[Any, PartitionState]:
        check_state("multi_transform", state, PartitionState)
        labels, after = labels_of(required(params, "multi_transform") if callable(param_labels) else updates), {}
        for label in transforms:
            updates, after[label] = of(label, labels).update(updates, state.inner_states[label], params, **extra)
        return updates, PartitionState(after)

    return GradientTransformationExtraArgs(init, update)


#: optax's newer name.
partition = multi_transform


def _seen(mask: Any, values: Any) -> Any:
    def seen(path: Any, use: Any, value: Any) -> Any:
        if not isinstance(use, bool | np.bool_):
            raise OptionError(
                f"masked expected a mask of bools, got {use!r}" + (f" at {tree.keystr(path)}" if path else ""),
                instead="one True or False for each leaf, as tree.map(lambda x: x.ndim > 1, params)",
            )
        return value if use else MaskedNode()

    try:
        return tree.map_with_path(seen, mask, values)
    except StructureError as error:
        raise StructureError(
            f"the mask (or the labels) is no prefix of the parameters\n{error.what}",
            instead="a function of the parameters: lambda params: tree.map(lambda x: x.ndim > 1, params)",
        ) from None


def _merged(mask: Any, transformed: Any, values: Any) -> Any:
    return tree.map(lambda use, new, old: new if use else old, mask, transformed, values)
