"""Gradients that are too large, made smaller."""

from __future__ import annotations

from typing import Any

from .. import numpy as fnp
from .. import tree
from .transformation import GradientTransformation, scaled, squared, stateless


def clip(max_delta: float) -> GradientTransformation:
    """Every element brought into [-max_delta, max_delta].

    Examples
    --------
    >>> import numpy as np
    >>> clip(1.0).update(np.array([-3.0, 0.5, 2.0]), ())[0]
    array([-1. ,  0.5,  1. ])
    """
    return stateless(lambda updates, params: tree.map(lambda g: fnp.clip(g, -max_delta, max_delta), updates))


def clip_by_block_rms(threshold: float) -> GradientTransformation:
    """Each leaf divided, where it is too large, so that the root of the mean of its squares is the threshold.

    Examples
    --------
    >>> import numpy as np
    >>> clip_by_block_rms(1.0).update({"a": np.array([3.0, 3.0]), "b": np.array([0.5])}, ())[0]
    {'a': array([1., 1.]), 'b': array([0.5])}
    """

    def clipped(update: Any) -> Any:
        rms = fnp.sqrt(fnp.mean(squared(update)))
        return update / fnp.maximum(1, rms / threshold)

    return stateless(lambda updates, params: tree.map(clipped, updates))


def clip_by_global_norm(max_norm: float) -> GradientTransformation:
    """All leaves divided, where they are too large, so that the norm of them all together is `max_norm`.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, On the difficulty of training recurrent neural networks, 2013,
    arXiv:1211.5063.

    Examples
    --------
    >>> import numpy as np
    >>> clip_by_global_norm(1.0).update({"a": np.array([3.0]), "b": np.array([4.0])}, ())[0]
    {'a': array([0.6]), 'b': array([0.8])}
    """

    def clipped(updates: Any, params: Any) -> Any:
        norm = global_norm(updates)
        return scaled(fnp.where(norm < max_norm, 1, max_norm / fnp.where(norm == 0, 1, norm)), updates)

    return stateless(clipped)


def global_norm(updates: Any) -> Any:
    """The Euclidean norm of all the elements of a pytree.

    Examples
    --------
    >>> import numpy as np
    >>> float(global_norm({"a": np.array([3.0]), "b": np.array([[4.0]])}))
    5.0
    """
    return fnp.sqrt(sum([fnp.sum(squared(leaf)) for leaf in tree.leaves(updates)], 0.0))
