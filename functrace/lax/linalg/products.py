"""Products of a matrix with its own transpose."""

from __future__ import annotations

from typing import Any

from .matrices import as_inexact, product, stacked_alike, transposed


def symmetric_product(
    a_matrix: Any, c_matrix: Any, *, alpha: float = 1.0, beta: float = 0.0, symmetrize_output: bool = False
) -> Any:
    """``alpha * a @ aᵀ + beta * c``, with c symmetric.

    Parameters
    ----------
    a_matrix
        Of shape (..., n, k).
    c_matrix
        Of shape (..., n, n).
    alpha, beta
        Numbers.
    symmetrize_output
        Has no effect: the result is symmetric in any case (in JAX only one triangle is otherwise).
    """
    a, c = stacked_alike(*as_inexact(a_matrix, c_matrix))
    return alpha * product(a, transposed(a)) + beta * c
