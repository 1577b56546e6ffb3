"""What an optimiser is: a pair of functions, `init` and `update`, and what is made by chaining such pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .. import numpy as fnp
from .. import tree
from ..core.aval import aval_of
from ..errors import ArgumentError, DtypeError, ShapeError, StructureError
from ..lax.shape import dtype_of, shape_of


class GradientTransformation(NamedTuple):
    """How gradients become updates.

    Attributes
    ----------
    init
        ``init(params)``: the state before the first step, a pytree.
    update
        ``update(updates, state, params=None)``: the updates made of these (gradients, or what another transformation
        made of them), of the same structure, and the next state.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer = optim.sgd(0.1)
    >>> params = np.array([1.0, 2.0])
    >>> updates, state = optimizer.update(2 * params, optimizer.init(params), params)
    >>> optim.apply_updates(params, updates)
    array([0.8, 1.6])
    """

    init: Callable[[Any], Any]
    update: Callable[..., tuple[Any, Any]]


class GradientTransformationExtraArgs(GradientTransformation):
    """One whose `update` takes keywords besides: ``update(updates, state, params, **extra)``."""


class EmptyState(NamedTuple):
    """The state of a transformation that keeps none."""


def stateful(name: str, state_type: type, init: Callable, update: Callable) -> GradientTransformation:
    """The transformation that keeps a state, with errors that say its name where it is given what is not its own."""

    def checked(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        check_state(name, state, state_type)
        try:
            return update(updates, state, params)
        except StructureError as error:
            raise StructureError(
                f"{name}: the updates have not the structure of the parameters given to init\n{error.what}",
                instead="gradients by the same parameters: updates, state = optimizer.update(grads, state, params)",
            ) from None

    return GradientTransformation(init, checked)


def check_state(name: str, state: Any, state_type: type) -> None:
    """Raise unless this is a state of a transformation."""
    if not isinstance(state, state_type):
        raise ArgumentError(
            f"{name} expected its state, a {state_type.__name__}, got {type(state).__name__}",
            instead="the state that this optimiser gave: state = optimizer.init(params), then that of the last update",
        )


def check_transformation(name: str, part: Any) -> None:
    """Raise unless this is a pair of an `init` and an `update`."""
    if not (hasattr(part, "init") and hasattr(part, "update")):
        raise ArgumentError(
            f"{name} expected transformations, got {part!r}",
            instead="optim.adam(1e-3) with its arguments; optim.scale_by_learning_rate(x) for a number or a schedule; "
            "optim.chain(*transformations) for a list",
        )


def stateless(update: Callable[[Any, Any], Any]) -> GradientTransformation:
    """The transformation that keeps no state, from ``update(updates, params)``."""
    return GradientTransformation(
        lambda params: EmptyState(),
        lambda updates, state, params=None: (update(updates, params), state),
    )


def apply_updates(params: Any, updates: Any) -> Any:
    """The parameters after a step: ``params + updates``, leaf by leaf, in the parameters' dtypes.

    Parameters
    ----------
    params
        A pytree of arrays.
    updates
        A pytree of the same structure and shapes.

    Raises
    ------
    StructureError
        The structures differ.
    ShapeError
        The shapes of two leaves differ.
    DtypeError
        A leaf is of integers, and its update is not.

    Examples
    --------
    >>> import numpy as np
    >>> apply_updates({"w": np.array([1.0, 2.0])}, {"w": np.array([0.5, -0.5])})
    {'w': array([1.5, 1.5])}
    """

    def apply(path: Any, param: Any, update: Any) -> Any:
        if shape_of(param) != shape_of(update):
            raise ShapeError(
                f"apply_updates: params{tree.keystr(path)} has shape {shape_of(param)}, its update {shape_of(update)}",
                instead="updates with the shapes of the parameters, as the optimiser's update gives them",
            )
        after = param + update
        dtype = dtype_of(after)
        if dtype.kind in "fc" and dtype_of(param).kind not in "fc":
            raise DtypeError(
                f"apply_updates: params{tree.keystr(path)} is {aval_of(param)}, which an update of {dtype} cannot move",
                instead="parameters that are floats: params = tree.map(lambda x: x.astype(float), params)",
            )
        return cast(after, param)

    try:
        return tree.map_with_path(apply, params, updates)
    except StructureError as error:
        raise StructureError(
            f"apply_updates: the updates have not the structure of the parameters\n{error.what}",
            instead="updates, state = optimizer.update(gradients, state, params), then apply_updates(params, updates)",
        ) from None


def identity() -> GradientTransformation:
    """The transformation that leaves updates as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optim.identity().update(np.array([2.0]), ())[0]
    array([2.])
    """
    return stateless(lambda updates, params: updates)


def set_to_zero() -> GradientTransformation:
    """The transformation that makes every update zero: what it is given stays frozen.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optim.set_to_zero().update(np.array([2.0]), ())[0]
    array([0.])
    """
    return stateless(lambda updates, params: tree.map(fnp.zeros_like, updates))


def chain(*transformations: GradientTransformation) -> GradientTransformationExtraArgs:
    """One transformation after another.

    Parameters
    ----------
    *transformations
        The first is given the gradients, each of the others what the one before it made.

    Returns
    -------
    GradientTransformationExtraArgs
        Its state is the tuple of theirs. Keywords of its `update` go to those that take some.

    Raises
    ------
    ArgumentError
        What is given is no transformation; `update` was given the state of another optimiser.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.5))
    >>> state = optimizer.init(np.zeros(2))
    >>> optimizer.update(np.array([3.0, 4.0]), state)[0]
    array([-0.3, -0.4])
    """
    return _chained({str(index): part for index, part in enumerate(transformations)}, as_tuple=True)


def named_chain(*transformations: tuple[str, GradientTransformation]) -> GradientTransformationExtraArgs:
    """`chain` of pairs (name, transformation), whose state is a dictionary by these names.

    Raises
    ------
    ArgumentError
        A name comes twice.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer = optim.named_chain(("clip", optim.clip(1.0)), ("step", optim.sgd(0.5)))
    >>> updates, state = optimizer.update(np.array([4.0]), optimizer.init(np.zeros(1)))
    >>> updates, list(state)
    (array([-0.5]), ['clip', 'step'])
    """
    parts = dict(transformations)
    if len(parts) != len(transformations):
        raise ArgumentError(f"named_chain: a name comes twice in {[name for name, _ in transformations]}")
    return _chained(parts, as_tuple=False)


def _chained(parts: Mapping[str, GradientTransformation], as_tuple: bool) -> GradientTransformationExtraArgs:
    for part in parts.values():
        check_transformation("chain", part)

    def gathered(states: dict[str, Any]) -> Any:
        return tuple(states.values()) if as_tuple else states

    def init(params: Any) -> Any:
        return gathered({name: part.init(params) for name, part in parts.items()})

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        expected: Any = tuple if as_tuple else dict
        if not isinstance(state, expected) or len(state) != len(parts):
            got = f"of {len(state)} parts" if isinstance(state, expected) else f"that is a {type(state).__name__}"
            raise ArgumentError(
                f"chain: a state {got} was given to {len(parts)} transformations",
                instead="the state that this optimiser's init or update gave",
            )
        states = dict(zip(parts, state, strict=True)) if as_tuple else state
        after = {}
        for name, part in parts.items():
            updates, after[name] = update_of(part, updates, states[name], params, extra)
        return updates, gathered(after)

    return GradientTransformationExtraArgs(init, update)


def update_of(
    part: GradientTransformation, updates: Any, state: Any, params: Any, extra: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Call a transformation's `update`, with the keywords if it takes some."""
    if isinstance(part, GradientTransformationExtraArgs):
        return part.update(updates, state, params, **extra)
    return part.update(updates, state, params)


# ---------------------------------------------------------------------------------------------------------------------
# what transformations are made of
# ---------------------------------------------------------------------------------------------------------------------


def required(params: Any, name: str) -> Any:
    """The parameters, which a transformation needs: an error that says so where they were left out.

    Raises
    ------
    ArgumentError
        They are None.
    """
    if params is None:
        raise ArgumentError(
            f"{name}: update needs the parameters, which were not given",
            instead="optimizer.update(gradients, state, params)",
        )
    return params


def zeros_like(params: Any, dtype: Any = None) -> Any:
    """A pytree of zeros, of the shapes and (unless `dtype` says another) dtypes of the parameters.

    Raises
    ------
    DtypeError
        A leaf is of integers, which no step can move.
    """

    def zero(path: Any, param: Any) -> Any:
        aval = aval_of(param)
        if aval.dtype.kind not in "fc":
            raise DtypeError(
                f"an optimiser moves floats, and params{tree.keystr(path)} is {aval}",
                instead="floats (x.astype(float)); leave settings out of the parameters, or mask them",
            )
        return fnp.zeros(aval.shape, dtype or aval.dtype)

    return tree.map_with_path(zero, params)


def cast(value: Any, like: Any) -> Any:
    """A value in the dtype of another."""
    dtype = aval_of(like).dtype
    return value if aval_of(value).dtype == dtype else fnp.asarray(value).astype(dtype)


def scaled(factor: Any, updates: Any) -> Any:
    """Every leaf times a number, which takes on the leaf's dtype."""
    return tree.map(lambda update: cast(factor, fnp.real(update)) * update, updates)


def squared(update: Any) -> Any:
    """|x|², element by element, real also of complex numbers."""
    return fnp.real(update * fnp.conj(update)) if aval_of(update).dtype.kind == "c" else update * update


def moment(updates: Any, before: Any, decay: Any) -> Any:
    """The running mean of updates: ``decay · before + (1 - decay) · updates``."""
    return tree.map(lambda g, m: decay * m + (1 - decay) * g, updates, before)


def second_moment(updates: Any, before: Any, decay: Any) -> Any:
    """The running mean of their squares."""
    return tree.map(lambda g, v: decay * v + (1 - decay) * squared(g), updates, before)


def unbiased(means: Any, decay: Any, count: Any) -> Any:
    """Running means that began at zero, as if they had begun with the first update: divided by 1 - decayᵗ."""
    correction = 1 - decay**count
    return tree.map(lambda mean: mean / cast(correction, fnp.real(mean)), means)
