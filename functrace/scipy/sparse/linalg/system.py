"""A linear system of pytrees as one of vectors, for an iterative method; its derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .... import tree
from ....core.aval import ShapeDtypeStruct, aval_of, describe
from ....errors import ArgumentError, DtypeError, ShapeError, StructureError
from ....flatten_util import ravel_pytree
from ....lax.implicit import custom_linear_solve
from ....lax.index_update import at
from ....lax.shape import convert_element_type
from ....numpy import dot, maximum, vdot, where, zeros_like
from ....transforms.arguments import as_leaf
from ....transforms.jit import eval_shape
from ....transforms.linear_transpose import linear_transpose

# A linear map of a vector.
Apply = Callable[[Any], Any]

# steps(apply, precondition, b, x, threshold, maxiter) gives x, whether the squared norm of b - A x came down to the
# threshold, and the number of steps.
Steps = Callable[[Apply, Apply, Any, Any, Any, Any], tuple[Any, Any, Any]]


def solve_system(
    name: str,
    steps: Steps,
    A: Any,
    b: Any,
    x0: Any,
    *,
    tol: Any,
    rtol: Any,
    atol: Any,
    maxiter: Any,
    M: Any,
    hermitian: bool,
) -> tuple[Any, Any]:
    """The solution of A x = b by these steps, and 0 or the number of steps after which it was not found.

    Parameters
    ----------
    name
        The public function, for errors.
    steps
        The method.
    A, b, x0, tol, rtol, atol, maxiter, M
        As those of `cg`.
    hermitian
        Whether A and M are Hermitian.
    """
    right, start = tree.map(as_leaf, b), None if x0 is None else tree.map(as_leaf, x0)
    if start is not None:
        _check_like(start, right, f"{name}: x0")
    apply = _linear_map(A, right, f"{name}: A")
    dtypes = _dtypes(apply, right, start, name)
    flat, unravel = ravel_pytree(tree.map(convert_element_type, right, dtypes))
    apply_flat = _on_vectors(apply, unravel, flat.dtype, f"{name}: A")
    if M is None:
        precondition: Apply = _same
    else:
        precondition = _on_vectors(_linear_map(M, right, f"{name}: M"), unravel, flat.dtype, f"{name}: M")
    zero = zeros_like(flat)
    start = zero if start is None else ravel_pytree(tree.map(convert_element_type, start, dtypes))[0]
    relative = tol if rtol is None else rtol
    limit = 10 * flat.shape[0] if maxiter is None else maxiter

    def solver(precondition: Apply, start: Any) -> Callable:
        def solve(apply: Apply, right: Any) -> tuple[Any, Any]:
            threshold = maximum(relative**2 * squared_norm(right), atol**2)
            x, converged, count = steps(apply, precondition, right, start, threshold, limit)
            return x, where(converged, 0, count)[()]

        return solve

    def transposed(z: Any) -> Any:
        return linear_transpose(precondition, z)(z)[0]

    symmetric = hermitian and flat.dtype.kind == "f"
    x, info = custom_linear_solve(
        apply_flat,
        flat,
        solver(precondition, start),
        solver(precondition if symmetric or M is None else transposed, zero),
        symmetric=symmetric,
        has_aux=True,
    )
    return unravel(x), info


def squared_norm(x: Any) -> Any:
    """The sum of the squares of the absolute values."""
    return vdot(x, x).real


def _same(x: Any) -> Any:
    return x


def _linear_map(given: Any, b: Any, name: str) -> Apply:
    """A function, or a matrix as one."""
    if hasattr(given, "tocoo"):
        entries = given.tocoo()
        _check_square(given.shape, b, name)

        def product(x: Any) -> Any:
            terms = entries.data * x[entries.col]
            return at(np.zeros(entries.shape[0], terms.dtype))[entries.row].add(terms)

        return product
    if callable(given):
        return given
    try:
        matrix = as_leaf(np.asarray(given) if isinstance(given, (list, tuple)) else given)
    except DtypeError:
        raise ArgumentError(
            f"{name} should be a function or a square matrix, got {describe(given)}",
            instead="a function of x that gives A x",
        ) from None
    _check_square(aval_of(matrix).shape, b, name)
    return lambda x: dot(matrix, x)


def _check_square(shape: tuple[int, ...], b: Any, name: str) -> None:
    size = aval_of(b).shape if tree.treedef_is_leaf(tree.structure(b)) else None
    if size is None or len(size) != 1:
        raise ShapeError(
            f"{name} is a matrix, for which b should be one array of one axis, got "
            f"{tree.structure(b) if size is None else size}",
            instead="a function of a pytree like b",
        )
    if shape != size * 2:
        raise ShapeError(f"{name} should be a matrix of shape {size * 2} for a b of shape {size}, got {shape}")


def _dtypes(apply: Apply, b: Any, start: Any, name: str) -> Any:
    """For each leaf the dtype of floats that holds b, A b and the start."""
    kinds = tree.map(lambda leaf: ShapeDtypeStruct(aval_of(leaf).shape, aval_of(leaf).dtype), b)
    image = eval_shape(apply, kinds)
    _check_like(image, b, f"{name}: A x")

    def dtype_of(*leaves: Any) -> np.dtype:
        dtype = np.result_type(*[aval_of(leaf).dtype for leaf in leaves])
        return dtype if dtype.kind in "fc" else np.dtype(np.float64)

    return tree.map(dtype_of, b, image, *([] if start is None else [start]))


def _check_like(value: Any, b: Any, name: str) -> None:
    if tree.structure(value) != tree.structure(b):
        raise StructureError(f"{name} should have the structure of b, {tree.structure(b)}, got {tree.structure(value)}")
    for (path, leaf), other in zip(tree.leaves_with_path(value), tree.leaves(b), strict=True):
        if aval_of(leaf).shape != aval_of(other).shape:
            raise ShapeError(
                f"{name} should have the shapes of b, but at {tree.keystr(path) or 'the array'} it has "
                f"{aval_of(leaf).shape} for {aval_of(other).shape}"
            )


def _on_vectors(apply: Apply, unravel: Apply, dtype: np.dtype, name: str) -> Apply:
    def apply_flat(x: Any) -> Any:
        image = ravel_pytree(apply(unravel(x)))[0]
        if image.dtype.kind == "c" and dtype.kind != "c":
            raise DtypeError(
                f"{name} should give real numbers for a real system, got {image.dtype}", instead="a complex b"
            )
        return convert_element_type(image, dtype)

    return apply_flat
