"""The matrix logarithm. Its values come from SciPy.

References
----------
N. J. Higham, "Functions of Matrices: Theory and Computation", SIAM (2008), theorem 3.6: the function of
[[a, e], [0, a]] has the derivative along e above right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.aval import Aval
from ...core.primitive import Primitive
from ...lazy import import_extra
from ..indexing import getitem
from ..shape import shape_of
from .exponential import blocks
from .matrices import batch_as_stack, complex_dtype, square_matrices, transposed


def logm(a: Any) -> Any:
    """The principal logarithm of square matrices, complex: whether it is real is not known from the shape.

    Raises
    ------
    MissingExtraError
        SciPy is not installed.
    """
    a = square_matrices(a)
    return logm_p(a.astype(complex_dtype(a.dtype)))


def _along(e: Any, a: Any) -> Any:
    """The derivative at `a` in the direction `e`; its transpose is that at the transposed matrix."""
    n = shape_of(a)[-1]
    return getitem(logm_p(blocks(a, e, a)), (Ellipsis, slice(n), slice(n, None)))


def _impl(a: np.ndarray) -> np.ndarray:
    linalg = import_extra("scipy.linalg", "scipy", "functrace.scipy.linalg.logm")
    out = np.empty_like(a, order="C", subok=False)
    wide = a.astype(np.complex128)  # SciPy calls single precision inaccurate
    for index in np.ndindex(a.shape[:-2]) if a.size else ():
        out[index] = linalg.logm(wide[index])
    return out


def _jvp(primals: Sequence, tangents: Sequence, out: Any) -> Any:
    return None if tangents[0] is None else _along(tangents[0], primals[0])


#: Of complex matrices.
logm_p: Primitive = Primitive(
    "logm",
    _impl,
    lambda a: Aval(a.shape, a.dtype),
    jvp=_jvp,
    vjp=(lambda ct, out, a: _along(ct, transposed(a)),),
)
batch_as_stack(logm_p)
