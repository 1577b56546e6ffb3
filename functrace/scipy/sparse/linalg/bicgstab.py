"""The stabilised method of biconjugate gradients."""

from __future__ import annotations

from typing import Any

from ....lax.control_flow import while_loop
from ....numpy import ones, vdot, where
from .system import Apply, solve_system, squared_norm


def bicgstab(
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
    """Solve A x = b for any square A by the stabilised method of biconjugate gradients.

    Arguments, results and derivatives are those of `cg`, but A and M may be any invertible maps; a step applies both
    twice. Where the method breaks down, it ends, and `info` is not 0.

    Parameters
    ----------
    A, b, x0, tol, atol, maxiter, M, rtol
        As those of `cg`.

    Returns
    -------
    x, info
        As those of `cg`.

    Examples
    --------
    >>> import numpy as np
    >>> x, info = bicgstab(np.array([[2.0, 1.0], [-1.0, 3.0]]), np.array([3.0, 2.0]))
    >>> x.round(4), int(info)
    (array([1., 1.]), 0)

    References
    ----------
    H. A. van der Vorst, "Bi-CGSTAB: a fast and smoothly converging variant of Bi-CG for the solution of nonsymmetric
    linear systems", SIAM Journal on Scientific and Statistical Computing 13 (1992).
    """
    return solve_system(
        "bicgstab", _steps, A, b, x0, tol=tol, rtol=rtol, atol=atol, maxiter=maxiter, M=M, hermitian=False
    )


def _steps(apply: Apply, precondition: Apply, b: Any, x: Any, threshold: Any, maxiter: Any) -> tuple[Any, Any, Any]:
    shadow = residual = b - apply(x)

    def unfinished(state: tuple) -> Any:
        _, r, _, _, _, _, _, broken, k = state
        return (squared_norm(r) > threshold) & (k < maxiter) & ~broken

    def step(state: tuple) -> tuple:
        x, r, p, v, rho, alpha, omega, _, k = state
        next_rho = vdot(shadow, r)
        beta = next_rho / rho * (alpha / omega)
        p = r + beta * (p - omega * v)
        search = precondition(p)
        v = apply(search)
        alpha = next_rho / vdot(shadow, v)
        s = r - alpha * v
        done = squared_norm(s) <= threshold  # then the second half of the step would divide zero by zero
        stabiliser = precondition(s)
        t = apply(stabiliser)
        omega = vdot(t, s) / vdot(t, t)
        x = x + alpha * search
        x, r = where(done, x, x + omega * stabiliser), where(done, s, s - omega * t)
        return x, r, p, v, next_rho, alpha, omega, (next_rho == 0) | ((omega == 0) & ~done), k + 1

    one = ones((), residual.dtype)
    state = (x, residual, residual, residual, one, one, one, one == 0, 0)
    x, r, *_, k = while_loop(unfinished, step, state)
    return x, squared_norm(r) <= threshold, k
