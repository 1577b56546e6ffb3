"""What the functions of this package make of their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.trace import Tracer
from ...errors import OptionError
from ...lax.elementwise import conj, real
from ...lax.linalg.matrices import (
    adjoint,
    diagonal,
    diagonal_matrix,
    lower_triangle,
    square_matrices,
    transposed,
    upper_triangle,
)
from ...lax.shape import convert_element_type
from ...numpy.dispatch import as_array


def operand(x: Any, check_finite: bool) -> Any:
    """An argument as an array or tracer.

    Raises
    ------
    OptionError
        It is to be finite and is not, as far as the values are known.
    """
    x = as_array(x)
    if check_finite and not isinstance(x, Tracer) and x.dtype.kind in "fc" and not np.isfinite(x).all():
        raise OptionError("array must not contain infs or NaNs", instead="check_finite=False")
    return x


def of_structure(a: Any, assume_a: str | None, lower: bool) -> Any:
    """The matrices that SciPy takes `a` for where it is told of their structure."""
    a = square_matrices(a)
    if assume_a is None or assume_a in ("gen", "general", "banded", "tridiagonal"):
        return a
    if assume_a == "diagonal":
        return diagonal_matrix(diagonal(a))
    if assume_a == "upper triangular":
        return upper_triangle(a)
    if assume_a == "lower triangular":
        return lower_triangle(a)
    half = lower_triangle(a, -1) if lower else upper_triangle(a, 1)
    if assume_a in ("sym", "symmetric"):
        return half + transposed(half) + diagonal_matrix(diagonal(a))
    if assume_a in ("her", "hermitian", "pos", "positive definite"):
        return half + adjoint(half) + diagonal_matrix(convert_element_type(real(diagonal(a)), a.dtype))
    raise OptionError(f"{assume_a!r} is not a recognized matrix structure")


def is_positive(assume_a: str | None) -> bool:
    """Whether the structure is that of positive definite matrices."""
    return assume_a in ("pos", "positive definite")


def transposes(trans: int | str) -> tuple[bool, bool]:
    """Whether `trans` transposes, and whether it conjugates."""
    if trans in (0, "N"):
        return False, False
    if trans in (1, "T"):
        return True, False
    if trans in (2, "C"):
        return True, True
    raise OptionError(f"expected trans to be 0, 1, 2, 'N', 'T' or 'C', got {trans!r}")


def conjugate_if(x: Any, wanted: bool) -> Any:
    """The conjugate of `x` where it is wanted."""
    return conj(x) if wanted else x
