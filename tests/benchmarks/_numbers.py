"""Whether two contenders computed the same numbers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["difference"]


def difference(result: object, expected: object, tolerance: float) -> str | None:
    """Compare what two contenders returned, array by array.

    Parameters
    ----------
    result, expected
        Arrays of any library, or numbers, in tuples, lists and dicts of any depth. Only the order of the arrays
        counts, not the containers' kinds.
    tolerance
        How far apart two arrays may be, as a part of the largest entry of the expected one.

    Returns
    -------
    str | None
        The first difference in one line; None where there is none.

    Examples
    --------
    >>> difference([1.0, {"a": 2.0}], (1.0, 2.0), tolerance=1e-9)
    >>> difference([1.0, 2.5], [1.0, 2.0], tolerance=1e-9)
    'array 2 of 2 is off by 0.25 of its size'
    """
    results, expecteds = list(_arrays(result)), list(_arrays(expected))
    if len(results) != len(expecteds):
        return f"{len(results)} arrays, not {len(expecteds)}"
    for index, (array, wanted) in enumerate(zip(results, expecteds, strict=True), start=1):
        which = f"array {index} of {len(results)}"
        if array.shape != wanted.shape or array.dtype != wanted.dtype:
            return f"{which} is {array.dtype}{list(array.shape)}, not {wanted.dtype}{list(wanted.shape)}"
        error = np.max(np.abs(array - wanted), initial=0.0)
        size = np.max(np.abs(wanted), initial=0.0)
        if not error <= tolerance * size:  # said so that NaN differs
            return f"{which} is off by {error / size if size else error:.2g} of its size"
    return None


def _arrays(tree: Any) -> Iterator[NDArray[Any]]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (tuple, list)):
        for branch in tree:
            yield from _arrays(branch)
    elif tree is not None:
        # A PyTorch tensor that carries its graph gives its numbers only once it is detached.
        yield np.asarray(tree.detach() if hasattr(tree, "detach") else tree)
