"""Whether two contenders computed the same numbers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["arrays", "difference"]


def arrays(tree: Any) -> Iterator[NDArray[Any]]:
    """Go through what a contender returned.

    Parameters
    ----------
    tree
        Arrays of any library, or numbers, in tuples, lists and dicts of any depth; a dict's go by their keys, as
        functrace and JAX order them.

    Yields
    ------
    ndarray
        Each of them as NumPy's.
    """
    if isinstance(tree, dict):
        tree = [tree[key] for key in sorted(tree)]
    if isinstance(tree, (tuple, list)):
        for branch in tree:
            yield from arrays(branch)
    elif tree is not None:
        # A PyTorch tensor that carries its graph gives its numbers only once it is detached.
        yield np.asarray(tree.detach() if hasattr(tree, "detach") else tree)


def difference(result: Sequence[NDArray[Any]], expected: Sequence[NDArray[Any]], tolerance: float) -> str | None:
    """Compare what two contenders returned, array by array.

    Parameters
    ----------
    result, expected
        The arrays of each.
    tolerance
        How far apart two arrays may be, as a part of the largest entry of the expected one.

    Returns
    -------
    str | None
        The first difference in one line; None where there is none.

    Examples
    --------
    >>> difference(list(arrays([1.0, {"a": 2.5}])), list(arrays((1.0, 2.0))), tolerance=1e-9)
    'array 2 of 2 is off by 0.25 of its size'
    """
    if len(result) != len(expected):
        return f"{len(result)} arrays, not {len(expected)}"
    for index, (array, wanted) in enumerate(zip(result, expected, strict=True), start=1):
        which = f"array {index} of {len(result)}"
        if array.shape != wanted.shape or array.dtype != wanted.dtype:
            return f"{which} is {array.dtype}{list(array.shape)}, not {wanted.dtype}{list(wanted.shape)}"
        error = np.max(np.abs(array - wanted), initial=0.0)
        size = np.max(np.abs(wanted), initial=0.0)
        if not error <= tolerance * size:  # said so that NaN differs
            return f"{which} is off by {error / size if size else error:.2g} of its size"
    return None
