"""The keywords of ufuncs, on traced values: what they ask for is asked of NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import aval_of, canonical_dtype
from ..errors import ArgumentError
from ..lax.shape import convert_element_type
from .dispatch import check_layout


def refuse_mask(ufunc: np.ufunc, where: Any) -> None:
    """Raise if there is a mask: elements would be left as they are in `out`, which a traced value does not have."""
    if where is not True and where is not np.True_:
        raise ArgumentError(
            f"numpy.{ufunc.__name__}: where= leaves elements of out= as they are, and a traced value has no out=",
            instead=f"functrace.numpy.where(mask, functrace.numpy.{ufunc.__name__}(...), other)",
        )


def prepared(
    ufunc: np.ufunc, operands: Sequence[Any], casting: Any, order: Any, dtype: Any, signature: Any
) -> Sequence[Any]:
    """The operands of a ufunc in the dtypes that its keywords ask for.

    Raises
    ------
    TypeError, ValueError
        As NumPy: it has no such loop, casting or order.
    """
    check_layout(order)
    if dtype is None and signature is None and casting == "same_kind":
        return operands
    if dtype is not None and signature is not None:
        raise TypeError("cannot specify both 'signature' and 'dtype'")
    if signature is None:
        signature = (*[None] * ufunc.nin, *[None if dtype is None else canonical_dtype(dtype)] * ufunc.nout)
    elif isinstance(signature, str):
        signature = tuple([np.dtype(code) for code in signature.replace("->", "")])
    loop = ufunc.resolve_dtypes((*map(_kind, operands), *[None] * ufunc.nout), signature=signature, casting=casting)
    return [convert_element_type(x, kind) for x, kind in zip(operands, loop, strict=False)]


def _kind(x: Any) -> Any:
    """What NumPy is told of an operand: its dtype, or of a weak one the Python type."""
    aval = aval_of(x)
    return _PYTHON_TYPES.get(aval.dtype.kind, aval.dtype) if aval.weak_type else aval.dtype


_PYTHON_TYPES: dict[str, type] = {"i": int, "f": float, "c": complex}
