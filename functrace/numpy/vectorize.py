"""A function of numbers, or of arrays of few axes, made one of arrays of any: `vmap` over what is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import canonical_dtype
from ..errors import ArgumentError, OptionError, ShapeError
from ..lax.shape import convert_element_type, reshape
from .dispatch import as_array

_NAME = r"[^\W\d]\w*|\d+"
_ARRAY = rf"\((?:(?:{_NAME})(?:,(?:{_NAME}))*)?\)"
_ARRAYS = rf"{_ARRAY}(?:,{_ARRAY})*"
_SIGNATURE = rf"{_ARRAYS}->{_ARRAYS}"


class vectorize:
    """`numpy.vectorize`, whose function is traced once for all elements in place of being called for each.

    Parameters
    ----------
    pyfunc
        A function of scalars, or of arrays whose axes `signature` names. It is traced, so what holds for `vmap` holds
        for it. NumPy, which calls its function for each element with a number, takes functions that cannot be traced.
    otypes
        The dtypes of the results: a string of type codes, or a list of dtypes. By default those that they have.
    doc
        A docstring in place of that of `pyfunc`.
    excluded
        Positions and names of arguments that are passed on as they are.
    cache
        Accepted for NumPy's sake; the function is always called once.
    signature
        The axes of one call, as ``"(m,n),(n)->(m)"``; by default all are scalars.

    Examples
    --------
    >>> import numpy as np
    >>> import functrace.numpy as fnp
    >>> clipped = fnp.vectorize(lambda x, high: fnp.where(x < high, x, high))
    >>> clipped(np.array([1.0, 2.0, 3.0]), 2.0)
    array([1., 2., 2.])
    >>> norms = fnp.vectorize(lambda x: fnp.sqrt(x @ x), signature="(n)->()")
    >>> norms(np.array([[3.0, 4.0], [5.0, 12.0]]))
    array([ 5., 13.])
    """

    def __init__(
        self,
        pyfunc: Any = np._NoValue,
        otypes: Any = None,
        doc: str | None = None,
        excluded: Any = None,
        cache: bool = False,
        signature: str | None = None,
    ) -> None:
        self.pyfunc = pyfunc
        self.cache = cache
        self.otypes = None if otypes is None else _dtypes(otypes)
        self.excluded = frozenset() if excluded is None else frozenset(excluded)
        self.signature = signature
        self._axes = None if signature is None else _parsed(signature)
        self._doc = doc
        if pyfunc is not np._NoValue:
            self._take(pyfunc)

    def _take(self, pyfunc: Callable) -> None:
        if not callable(pyfunc):
            raise ArgumentError(f"vectorize expected a function, got {type(pyfunc).__name__}")
        self.pyfunc = pyfunc
        self.__name__ = getattr(pyfunc, "__name__", "vectorize")
        self.__doc__ = pyfunc.__doc__ if self._doc is None else self._doc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function on all elements; without a function yet (a decorator with options), take it."""
        if self.pyfunc is np._NoValue:
            self._take(*args)
            return self
        positions = [place for place in range(len(args)) if place not in self.excluded]
        names = [name for name in kwargs if name not in self.excluded]
        arrays = [as_array(value) for value in (*[args[i] for i in positions], *[kwargs[name] for name in names])]
        inputs, outputs = self._axes if self._axes is not None else ([()] * len(arrays), None)
        if len(inputs) != len(arrays):
            raise ArgumentError(f"wrong number of positional arguments: expected {len(inputs)}, got {len(arrays)}")

        def call(*values: Any) -> Any:
            given = list(args)
            for place, value in zip(positions, values[: len(positions)], strict=True):
                given[place] = value
            named = dict(zip(names, values[len(positions) :], strict=True))
            return self._checked(self.pyfunc(*given, **{**kwargs, **named}), sizes, outputs)

        sizes = _sizes(arrays, inputs)
        return _over_batches(call, arrays, [len(axes) for axes in inputs])

    def _checked(self, result: Any, sizes: dict[str, int], outputs: Sequence[tuple[str, ...]] | None) -> Any:
        """The result of one call, with the dtypes that were asked for and the axes that the signature names."""
        several = isinstance(result, tuple)
        parts = [as_array(part) for part in (result if several else (result,))]
        expected = outputs if outputs is not None else [()] * len(parts)
        if len(parts) != len(expected):
            raise OptionError(f"wrong number of outputs from pyfunc: expected {len(expected)}, got {len(parts)}")
        for part, axes in zip(parts, expected, strict=True):
            if len(part.shape) != len(axes):
                raise ShapeError(
                    f"vectorize expected a result with {len(axes)} axes from each call, got shape {part.shape}",
                    instead="signature='(n)->(m)', which names the axes of one call",
                )
            _bind(sizes, axes, part.shape)
        if self.otypes is not None:
            if len(self.otypes) != len(parts):
                raise OptionError(f"vectorize expected {len(parts)} otypes, one for each result, got {self.otypes}")
            parts = [convert_element_type(part, dtype) for part, dtype in zip(parts, self.otypes, strict=True)]
        return tuple(parts) if several else parts[0]


def _dtypes(otypes: Any) -> list[np.dtype]:
    try:
        return [canonical_dtype(kind) for kind in otypes]
    except TypeError as error:
        raise OptionError(f"Invalid otype specified: {otypes!r}") from error


def _parsed(signature: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The names of the axes of each argument, and of each result."""
    text = re.sub(r"\s+", "", signature)
    if not re.fullmatch(_SIGNATURE, text):
        raise OptionError(f"not a valid gufunc signature: {signature!r}")
    left, right = [[tuple(re.findall(_NAME, array)) for array in re.findall(_ARRAY, side)] for side in text.split("->")]
    return left, right


def _sizes(arrays: Sequence[Any], inputs: Sequence[tuple[str, ...]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for array, axes in zip(arrays, inputs, strict=True):
        if len(array.shape) < len(axes):
            raise ShapeError(f"vectorize expected an argument with at least {len(axes)} axes, got shape {array.shape}")
        _bind(sizes, axes, array.shape[len(array.shape) - len(axes) :])
    return sizes


def _bind(sizes: dict[str, int], axes: tuple[str, ...], shape: tuple[int, ...]) -> None:
    """Note the size of each axis; that of an axis of the same name must be the same."""
    for axis, size in zip(axes, shape, strict=True):
        expected = sizes.setdefault(axis, int(axis) if axis.isdigit() else size)
        if expected != size:
            raise ShapeError(f"vectorize: inconsistent size for core dimension {axis!r}: {size} vs {expected}")


def _over_batches(call: Callable, arrays: Sequence[Any], cores: Sequence[int]) -> Any:
    """Call a function for all that is left of the arrays before their last axes, broadcast."""
    from ..transforms.vmap import vmap

    lead = [array.shape[: len(array.shape) - core] for array, core in zip(arrays, cores, strict=True)]
    batch = np.broadcast_shapes(*lead)
    varies = [  # along which axes of the batch each array does
        [len(own) >= back and own[-back] == batch[-back] for back in range(len(batch), 0, -1)] for own in lead
    ]
    aligned = [
        reshape(
            array, (*[n for n, along in zip(batch, own, strict=True) if along], *array.shape[len(array.shape) - core :])
        )
        for array, core, own in zip(arrays, cores, varies, strict=True)
    ]
    for axis in reversed(range(len(batch))):  # the innermost one is over the last axis
        call = vmap(call, in_axes=tuple([0 if own[axis] else None for own in varies]))
    return call(*aligned)
