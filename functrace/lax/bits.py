"""Operations on the bits that numbers are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, broadcast_shapes, canonical_dtype, example
from ..core.primitive import Primitive
from ..errors import DtypeError, OptionError, ShapeError
from .elementwise import batch_elementwise
from .shape import batch_to_front, dtype_of

# ---------------------------------------------------------------------------------------------------------------------
# integers
# ---------------------------------------------------------------------------------------------------------------------


def clz(x: Any) -> Any:
    """How many bits are zero above the highest one of integers, in their dtype.

    Examples
    --------
    >>> import numpy as np
    >>> clz(np.array([1, 255, 0], np.int16))
    array([15,  8, 16], dtype=int16)
    """
    return _of_integers("clz", clz_p, x)


def population_count(x: Any) -> Any:
    """How many bits of integers are one, in their dtype; of a negative number those of its two's complement.

    Examples
    --------
    >>> import numpy as np
    >>> population_count(np.array([5, -1], np.int8))
    array([2, 8], dtype=int8)
    """
    return _of_integers("population_count", population_count_p, x)


def shift_right_logical(x: Any, y: Any) -> Any:
    """The bits of integers moved to the right, with zeros from the left also where a number is negative.

    Examples
    --------
    >>> import numpy as np
    >>> shift_right_logical(np.array([-1, 16], np.int8), np.int8(4))
    array([15,  1], dtype=int8)
    """
    return _of_integers("shift_right_logical", shift_right_logical_p, x, y)


def mulhi(x: Any, y: Any) -> Any:
    """The upper half of the bits of the products of integers of one dtype.

    Examples
    --------
    >>> import numpy as np
    >>> mulhi(np.uint8(200), np.uint8(100))  # 20000 is 78 · 256 + 32
    np.uint8(78)
    """
    return _of_integers("mulhi", mulhi_p, x, y)


def _of_integers(name: str, primitive: Primitive, *operands: Any) -> Any:
    dtypes = [dtype_of(x) for x in operands]
    if any(dtype.kind not in "iu" for dtype in dtypes):
        raise DtypeError(f"{name} expected integers, got {' and '.join(map(str, dtypes))}")
    return primitive(*operands)


def _bitwise(name: str, value: Callable) -> Primitive:
    """A primitive on integers as unsigned ones of one dtype: `value` is called with arrays and their number of bits."""

    def abstract(*avals: Aval) -> Aval:
        dtype = np.result_type(*[example(aval.dtype, aval.weak_type) for aval in avals])
        if dtype.kind not in "iu":
            raise DtypeError(f"{name} expected integers of one dtype, got {' and '.join(map(str, avals))}")
        return Aval(broadcast_shapes(*[aval.shape for aval in avals]), dtype)

    def impl(*operands: Any) -> Any:
        dtype = np.result_type(*operands)
        unsigned = np.dtype(f"u{dtype.itemsize}")
        numbers = [np.asarray(x).astype(dtype, copy=False).view(unsigned) for x in operands]
        return np.asarray(value(*numbers, 8 * dtype.itemsize, dtype)).astype(unsigned, copy=False).view(dtype)[()]

    primitive = Primitive(name, impl, abstract)
    primitive.batch = batch_elementwise(primitive)
    return primitive


def _leading_zeros(x: Any, bits: int, dtype: np.dtype) -> Any:
    step = 1
    while step < bits:  # afterwards all bits below the highest one are set
        x = x | (x >> x.dtype.type(step))
        step *= 2
    return bits - np.bitwise_count(x)


def _upper_half(x: Any, y: Any, bits: int, dtype: np.dtype) -> Any:
    """Of the four products of halves; a negative number is 2 ** bits too large as an unsigned one."""
    half, mask = x.dtype.type(bits // 2), x.dtype.type((1 << bits // 2) - 1)
    low_x, high_x, low_y, high_y = x & mask, x >> half, y & mask, y >> half
    middle = high_x * low_y + (low_x * low_y >> half)
    crossed = (middle & mask) + low_x * high_y
    upper = high_x * high_y + (middle >> half) + (crossed >> half)
    if dtype.kind == "i":
        upper = upper - np.where(x.view(dtype) < 0, y, 0) - np.where(y.view(dtype) < 0, x, 0)
    return upper


clz_p = _bitwise("clz", _leading_zeros)
population_count_p = _bitwise("population_count", lambda x, bits, dtype: np.bitwise_count(x))
shift_right_logical_p = _bitwise("shift_right_logical", lambda x, y, bits, dtype: np.right_shift(x, y))
mulhi_p = _bitwise("mulhi", _upper_half)

# ---------------------------------------------------------------------------------------------------------------------
# the same bits as another dtype
# ---------------------------------------------------------------------------------------------------------------------


def bitcast_convert_type(operand: Any, new_dtype: Any) -> Any:
    """The bits of numbers read as numbers of another dtype.

    Parameters
    ----------
    operand
        An array; not of booleans.
    new_dtype
        Where it is smaller, the result has one axis more, of the parts of a number in the order of memory; where it is
        larger, the last axis has the parts.

    Raises
    ------
    ShapeError
        The last axis is not that of the parts of a number.

    Examples
    --------
    >>> import numpy as np
    >>> hex(bitcast_convert_type(np.float32(1.0), np.uint32))
    '0x3f800000'
    """
    return bitcast_convert_type_p(operand, new_dtype=canonical_dtype(new_dtype))


def _bitcast_abstract(x: Aval, *, new_dtype: np.dtype) -> Aval:
    if "b" in (x.dtype.kind, new_dtype.kind):
        raise DtypeError(f"bitcast_convert_type expected numbers, not booleans, got {x.dtype} for {new_dtype}")
    old, new = x.dtype.itemsize, new_dtype.itemsize
    if new < old:
        return Aval((*x.shape, old // new), new_dtype)
    if new == old:
        return Aval(x.shape, new_dtype)
    if x.shape[-1:] != (new // old,):
        raise ShapeError(
            f"bitcast_convert_type expected a last axis of the {new // old} parts of a {new_dtype}, got shape {x.shape}"
        )
    return Aval(x.shape[:-1], new_dtype)


def _bitcast_impl(x: Any, *, new_dtype: np.dtype) -> Any:
    x = np.asarray(x)
    shape = _bitcast_abstract(Aval(x.shape, x.dtype), new_dtype=new_dtype).shape
    return np.array(x, order="C").reshape(-1).view(new_dtype).reshape(shape)[()]


bitcast_convert_type_p: Primitive = Primitive(
    "bitcast_convert_type",
    _bitcast_impl,
    _bitcast_abstract,
    batch=lambda size, args, dims, *, new_dtype: (
        bitcast_convert_type_p(batch_to_front(size, args[0], dims[0]), new_dtype=new_dtype),
        0,
    ),
)

# ---------------------------------------------------------------------------------------------------------------------
# fewer bits
# ---------------------------------------------------------------------------------------------------------------------


def reduce_precision(operand: Any, exponent_bits: int, mantissa_bits: int) -> Any:
    """Floats rounded to what a format with fewer bits holds, ties to even, in their own dtype.

    What is too large becomes infinite, what is below the smallest normal number zero, with its sign. It is linear for
    derivatives: tangents and cotangents are rounded, too.

    Parameters
    ----------
    operand
        Real floats.
    exponent_bits, mantissa_bits
        The bits of the format (IEEE 754, the leading one of the mantissa not counted): 8 and 7 are bfloat16's, 5 and 10
        float16's.

    Examples
    --------
    >>> import numpy as np
    >>> reduce_precision(np.array([np.pi, 1e6]), 5, 10)
    array([3.140625,      inf])
    """
    dtype = dtype_of(operand)
    if dtype.kind != "f":
        raise DtypeError(f"reduce_precision expected real floats, got {dtype}")
    bits = exponent_bits.__index__(), mantissa_bits.__index__()
    if bits[0] < 1 or bits[1] < 0:
        raise OptionError(f"reduce_precision expected exponent_bits from 1 and mantissa_bits from 0 on, got {bits}")
    return reduce_precision_p(operand, exponent_bits=bits[0], mantissa_bits=bits[1])


def _round_bits(x: Any, *, exponent_bits: int, mantissa_bits: int) -> Any:
    x = np.asarray(x)
    info = np.finfo(x.dtype)
    unsigned = np.dtype(f"u{x.itemsize}")
    bits = x.view(unsigned)
    dropped = info.nmant - mantissa_bits
    if dropped > 0:  # half of the last place that stays, less one where that is even: ties go to even
        last = bits >> unsigned.type(dropped) & unsigned.type(1)
        rounded = bits + last + unsigned.type((1 << dropped - 1) - 1)
        bits = rounded & ~unsigned.type((1 << dropped) - 1)
    out = bits.view(x.dtype)
    if exponent_bits < info.nexp:
        highest = (1 << exponent_bits - 1) - 1
        magnitude, one = np.abs(out), x.dtype.type(1)
        out = np.where(magnitude >= np.ldexp(one, highest + 1), np.copysign(x.dtype.type(np.inf), x), out)
        out = np.where(magnitude < np.ldexp(one, 1 - highest), np.copysign(x.dtype.type(0), x), out)
    return np.where(np.isnan(x), x, out)[()]


def _round_batch(size: int, args: Sequence, dims: Sequence, **params: int) -> tuple[Any, int | None]:
    return reduce_precision_p(args[0], **params), dims[0]


reduce_precision_p: Primitive = Primitive(
    "reduce_precision",
    _round_bits,
    lambda x, *, exponent_bits, mantissa_bits: Aval(x.shape, x.dtype),
    transpose=lambda ct, x, **params: reduce_precision_p(ct, **params),
    batch=_round_batch,
)
