"""Functions with bound arguments as containers of pytrees."""

from __future__ import annotations

import functools
from typing import Any

from functrace.pytrees.keys import GetAttrKey
from functrace.pytrees.registration import register_pytree_with_keys


class Partial(functools.partial[Any]):
    """A `functools.partial` that is a pytree: the bound arguments are its children, the function is static data.

    Parameters
    ----------
    func
        A function. It must be hashable, and is not traced.
    *args, **keywords
        The arguments to bind: pytrees.

    Examples
    --------
    >>> from functrace import tree
    >>> add = tree.Partial(lambda x, y: x + y, 1.0)
    >>> add(2.0)
    3.0
    >>> tree.leaves(add)
    [1.0]
    """

    __slots__ = ()


register_pytree_with_keys(
    Partial,
    lambda x: (((GetAttrKey("args"), x.args), (GetAttrKey("keywords"), x.keywords)), x.func),
    lambda aux, children: Partial(aux, *children[0], **children[1]),
)
