"""What the functions of this package take: dtypes, shapes, and parameters that broadcast to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.aval import Shape, aval_of, broadcast_shapes, canonical_dtype, canonical_shape, short_dtype
from ..errors import DtypeError, ShapeError
from ..lax.shape import broadcast_to, convert_element_type
from ..numpy.dispatch import as_operand


def float_dtype(function: str, dtype: Any) -> np.dtype:
    """The dtype of a result of floats; None is float64."""
    result = canonical_dtype(np.float64 if dtype is None else dtype)
    if result.kind != "f" or result.itemsize > 8:
        raise DtypeError(f"{function} expected a dtype of floats of at most 64 bits, got {short_dtype(result)}")
    return result


def integer_dtype(function: str, dtype: Any) -> np.dtype:
    """The dtype of a result of integers; None is int64."""
    result = canonical_dtype(np.int64 if dtype is None else dtype)
    if result.kind not in "iu":
        raise DtypeError(f"{function} expected a dtype of integers, got {short_dtype(result)}")
    return result


def shape_for(function: str, shape: Any, *parameters: Any) -> Shape:
    """The shape of a result; None is that to which the parameters broadcast."""
    shapes = [aval_of(parameter).shape for parameter in parameters]
    common = broadcast_shapes(*shapes)
    if shape is None:
        return common
    result = canonical_shape(shape)
    if broadcast_shapes(result, common) != result:
        raise ShapeError(
            f"{function} expected a shape to which its parameters broadcast, got {result} for parameters of shape "
            f"{' and '.join(map(str, shapes))}"
        )
    return result


def parameter(value: Any, dtype: np.dtype) -> Any:
    """A parameter of a distribution, as an operand of this dtype."""
    return convert_element_type(as_operand(value), dtype)


def parameters(function: str, shape: Any, dtype: np.dtype, *values: Any) -> tuple[Shape, list[Any]]:
    """The shape of a result, and the parameters as operands of its dtype."""
    operands = [parameter(value, dtype) for value in values]
    return shape_for(function, shape, *operands), operands


def full_parameters(function: str, shape: Any, dtype: np.dtype, *values: Any) -> list[Any]:
    """The parameters as operands of the result's shape and dtype."""
    result, operands = parameters(function, shape, dtype, *values)
    return [broadcast_to(operand, result) for operand in operands]
