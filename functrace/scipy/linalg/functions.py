"""Functions of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...lax import linalg
from ...lax.linalg.matrices import columns_times, product
from ...numpy.dispatch import as_array
from ...numpy.linalg import cond
from .operands import operand


def expm(A: Any) -> Any:
    """The matrix exponential, as `scipy.linalg.expm`: by Padé approximants, scaling and squaring, for a whole stack."""
    return linalg.expm(as_array(A))


def expm_frechet(
    A: Any, E: Any, method: str | None = None, compute_expm: bool = True, check_finite: bool = True
) -> Any:
    """The derivative of the exponential at `A` in the direction `E`, as `scipy.linalg.expm_frechet`.

    It is in the precision of the arguments, where SciPy's is double.

    Parameters
    ----------
    A, E
        Square matrices.
    method
        Has no effect: it is always scaling, Padé approximants and squaring.
    compute_expm
        Whether the exponential is given too, before the derivative.
    """
    A, E = operand(A, check_finite), operand(E, check_finite)
    derivative = linalg.expm_frechet(A, E)
    return (linalg.expm(A), derivative) if compute_expm else derivative


def sqrtm(A: Any) -> Any:
    """The principal square root, as `scipy.linalg.sqrtm` (needs SciPy), but complex also where it is real."""
    return linalg.sqrtm(as_array(A))


def logm(A: Any) -> Any:
    """The principal logarithm, as `scipy.linalg.logm` (needs SciPy), but complex also where it is real."""
    return linalg.logm(as_array(A))


def funm(A: Any, func: Callable[[Any], Any], disp: bool = True) -> Any:
    """A function of diagonalizable matrices, from its values at the eigenvalues, as `scipy.linalg.funm`; complex.

    Parameters
    ----------
    A
        Square matrices with linearly independent eigenvectors. (SciPy's recurrence also takes others, but is no more
        accurate where eigenvalues are close.)
    func
        Takes an array of complex numbers and gives one.
    disp
        Whether the result alone is given; otherwise an estimate of its relative error too.

    Notes
    -----
    The derivative goes through the eigenvectors: it is NaN where eigenvalues are equal.
    """
    A = as_array(A)
    w, v = linalg.eig(A, compute_left_eigenvectors=False)
    out = product(columns_times(v, func(w)), linalg.inv(v))
    return out if disp else (out, np.finfo(out.dtype).eps * cond(v, 1))
