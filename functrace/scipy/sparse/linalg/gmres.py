"""The generalised minimal residual method."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ....errors import OptionError
from ....lax.control_flow import fori_loop, while_loop
from ....lax.index_update import at
from ....numpy import abs, conj, eye, sqrt, where, zeros
from .system import Apply, solve_system, squared_norm


def gmres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    restart: int = 20,
    maxiter: int | None = None,
    M: Any = None,
    solve_method: str = "batched",
    rtol: float | None = None,
) -> tuple[Any, Any]:
    """Solve A x = b for any square A by the restarted generalised minimal residual method.

    Arguments, results and derivatives are those of `cg`, but A and M may be any invertible maps.

    Parameters
    ----------
    A, b, x0, tol, atol, M, rtol
        As those of `cg`.
    restart
        The dimension of the Krylov space in which the residual is made smallest, before a new one is begun.
    maxiter
        The highest number of such spaces; by default ten times the number of elements.
    solve_method
        ``"batched"`` builds each space whole; ``"incremental"`` ends within one when its estimate of the residual is
        small enough.

    Returns
    -------
    x, info
        The solution; and 0 where it was found, else the number of spaces that were built.

    Raises
    ------
    OptionError
        An unknown `solve_method`, or a `restart` below 1.

    Examples
    --------
    >>> import numpy as np
    >>> x, info = gmres(np.array([[2.0, 1.0], [-1.0, 3.0]]), np.array([3.0, 2.0]))
    >>> x.round(4), int(info)
    (array([1., 1.]), 0)

    References
    ----------
    Y. Saad and M. H. Schultz, "GMRES: a generalized minimal residual algorithm for solving nonsymmetric linear
    systems", SIAM Journal on Scientific and Statistical Computing 7 (1986).
    """
    if solve_method not in ("batched", "incremental"):
        raise OptionError(f"gmres expected solve_method 'batched' or 'incremental', got {solve_method!r}")
    if restart < 1:
        raise OptionError(f"gmres expected a restart of at least 1, got {restart}")
    steps = partial(_restarts, restart, _until_small if solve_method == "incremental" else _whole)
    return solve_system("gmres", steps, A, b, x0, tol=tol, rtol=rtol, atol=atol, maxiter=maxiter, M=M, hermitian=False)


def _restarts(
    restart: int, build: Any, apply: Apply, precondition: Apply, b: Any, x: Any, threshold: Any, maxiter: Any
) -> tuple[Any, Any, Any]:
    size = min(restart, b.shape[0])

    def unfinished(state: tuple) -> Any:
        _, r, k = state
        return (squared_norm(r) > threshold) & (k < maxiter)

    def improve(state: tuple) -> tuple:
        x, r, k = state
        z = precondition(r)
        length = sqrt(squared_norm(z))
        # the norm of z is to fall by the factor by which that of r must
        enough = sqrt(threshold / squared_norm(r))
        space = build(lambda v: precondition(apply(v)), z / length, size, enough)
        x = x + length * _combination(space, size)
        return x, b - apply(x), k + 1

    x, r, k = while_loop(unfinished, improve, (x, b - apply(x), 0))
    return x, squared_norm(r) <= threshold, k


# A Krylov space: (vectors, triangle, rotation). The rows of `vectors` are orthonormal. With H the matrix of the map in
# them, `rotation` is the unitary Q for which Q H is triangular; its columns are the rows of `triangle`. |Q[k, 0]| is
# the residual's norm after k steps, for a first one of norm 1.


def _whole(apply: Apply, first: Any, size: int, enough: Any) -> tuple:
    return fori_loop(0, size, lambda k, space: _extended(apply, k, space), _started(first, size))


def _until_small(apply: Apply, first: Any, size: int, enough: Any) -> tuple:
    def unfinished(state: tuple) -> Any:
        (_, _, rotation), k = state
        return (k < size) & (abs(rotation[k, 0]) > enough)

    def step(state: tuple) -> tuple:
        space, k = state
        return _extended(apply, k, space), k + 1

    return while_loop(unfinished, step, (_started(first, size), 0))[0]


def _started(first: Any, size: int) -> tuple:
    vectors = zeros((size + 1, first.shape[0]), first.dtype)
    return at(vectors)[0].set(first), zeros((size, size + 1), first.dtype), eye(size + 1, dtype=first.dtype)


def _extended(apply: Apply, k: Any, space: tuple) -> tuple:
    """One step of Arnoldi's process, its column of H made triangular by one more rotation of Givens's."""
    vectors, triangle, rotation = space
    image = apply(vectors[k])
    rest, column = image, zeros(vectors.shape[0], vectors.dtype)
    for _ in range(2):  # twice is enough (Giraud, Langou, Rozložník, van den Eshof 2005)
        overlaps = conj(vectors) @ rest
        rest, column = rest - overlaps @ vectors, column + overlaps
    length = sqrt(squared_norm(rest))
    is_new = length > np.finfo(vectors.dtype).eps * sqrt(squared_norm(image))
    vectors = at(vectors)[k + 1].set(where(is_new, rest / where(is_new, length, 1), 0))
    column = rotation @ at(column)[k + 1].set(where(is_new, length, 0))
    # (c̄ s̄; -s c) (x; y) = (√(|x|² + |y|²); 0) for c = x / √(|x|² + |y|²), s = y / √(|x|² + |y|²)
    x, y = column[k], column[k + 1]
    pivot = sqrt(abs(x) ** 2 + abs(y) ** 2)
    regular = pivot > 0
    c, s = where(regular, x / where(regular, pivot, 1), 1), where(regular, y / where(regular, pivot, 1), 0)
    upper, lower = rotation[k], rotation[k + 1]
    rotation = at(at(rotation)[k].set(conj(c) * upper + conj(s) * lower))[k + 1].set(c * lower - s * upper)
    triangle = at(triangle)[k].set(at(at(column)[k].set(pivot))[k + 1].set(0))
    return vectors, triangle, rotation


def _combination(space: tuple, size: int) -> Any:
    """The vector of the space whose image is nearest to the first one: back substitution in the triangle."""
    vectors, triangle, rotation = space

    def substitute(step: Any, y: Any) -> Any:
        k = size - 1 - step
        pivot = triangle[k, k]
        regular = abs(pivot) > 0  # not so for steps that were not made, and after an invariant space was found
        return at(y)[k].set(where(regular, (rotation[k, 0] - triangle[:, k] @ y) / where(regular, pivot, 1), 0))

    return fori_loop(0, size, substitute, zeros(size, vectors.dtype)) @ vectors[:size]
