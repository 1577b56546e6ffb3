"""The primitives that a file may name, and what it calls them."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from .. import lax, transforms
from ..core.primitive import Primitive

#: Their primitives call Python functions, or speak of a `vmap` around the program: no file can hold these.
_LEFT_OUT = ("callbacks", "collectives")


@functools.cache
def primitives() -> dict[str, Primitive]:
    """Each primitive of this library by the key that stands for it in a file.

    The key is the primitive's name. Where several have one name it belongs to the one that its module calls so, and
    the others go by what their modules call them.
    """
    found: dict[Primitive, str] = {}
    for package in (lax, transforms):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if info.name.rpartition(".")[2] in _LEFT_OUT:
                continue
            for attribute, value in vars(importlib.import_module(info.name)).items():
                if isinstance(value, Primitive):
                    word = attribute.removesuffix("_p").removesuffix("_")
                    if value not in found or word == value.name:
                        found[value] = word
    names = [primitive.name for primitive in found]
    keys = {
        primitive.name if names.count(primitive.name) == 1 else word: primitive for primitive, word in found.items()
    }
    assert len(keys) == len(found), "two primitives of one name have modules that call them alike"
    return keys


@functools.cache
def keys() -> dict[Primitive, str]:
    """The key of each primitive."""
    return {primitive: key for key, primitive in primitives().items()}
