"""The method of conjugate gradients."""

from __future__ import annotations

from typing import Any

from ....lax.control_flow import while_loop
from ....numpy import vdot
from .system import Apply, solve_system, squared_norm


def cg(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
    rtol: float | None = None,
) -> tuple[Any, Any]:
    """Solve A x = b for a Hermitian, positive definite A by the method of conjugate gradients.

    It needs no SciPy. Derivatives, by `b` and by what A is made of, in both modes and to any order, come from another
    solve with the same A: they are as exact as both solves are. It works under `jit` and `vmap`.

    Parameters
    ----------
    A
        The linear map: a function of a pytree like `b` that gives one like it, or for a `b` of one axis a square matrix
        (an array, or a matrix of `scipy.sparse`).
    b
        The right side: a pytree of arrays.
    x0
        Where to start, of the structure and shapes of `b`; by default zero. It has no derivative.
    tol, atol
        The steps end when the norm of b - A x is at most ``max(tol * norm(b), atol)``.
    maxiter
        The highest number of steps; by default ten times the number of elements.
    M
        The preconditioner, as `A`: close to its inverse, Hermitian and positive definite.
    rtol
        SciPy's name for `tol`, in place of it where it is given.

    Returns
    -------
    x, info
        The solution, of the structure of `b`; and 0 where it was found, else the number of steps that were made, as in
        SciPy. (JAX gives None.)

    Raises
    ------
    StructureError, ShapeError
        `A`, `M` or `x0` does not fit `b`.
    ArgumentError
        `A` or `M` is neither a function nor a matrix.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> a = np.array([[4.0, 1.0], [1.0, 3.0]])
    >>> x, info = cg(a, np.array([1.0, 2.0]))
    >>> x.round(4), int(info)
    (array([0.0909, 0.6364]), 0)
    >>> functrace.grad(lambda b: cg(lambda x: a @ x, b)[0][0])(np.array([1.0, 2.0])).round(4)  # the inverse's first row
    array([ 0.2727, -0.0909])

    References
    ----------
    Y. Saad, "Iterative methods for sparse linear systems", 2nd ed. (2003), algorithm 9.1.
    """
    return solve_system("cg", _steps, A, b, x0, tol=tol, rtol=rtol, atol=atol, maxiter=maxiter, M=M, hermitian=True)


def _steps(apply: Apply, precondition: Apply, b: Any, x: Any, threshold: Any, maxiter: Any) -> tuple[Any, Any, Any]:
    def unfinished(state: tuple) -> Any:
        _, r, _, _, k = state
        return (squared_norm(r) > threshold) & (k < maxiter)

    def step(state: tuple) -> tuple:
        x, r, p, rho, k = state
        image = apply(p)
        alpha = rho / vdot(p, image).real
        x, r = x + alpha * p, r - alpha * image
        z = precondition(r)
        next_rho = vdot(r, z).real
        return x, r, z + next_rho / rho * p, next_rho, k + 1

    r = b - apply(x)
    z = precondition(r)
    x, r, _, _, k = while_loop(unfinished, step, (x, r, z, vdot(r, z).real, 0))
    return x, squared_norm(r) <= threshold, k
