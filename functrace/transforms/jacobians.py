"""Whole matrices of derivatives: `jacfwd`, `jacrev`, `hessian`, and the product `hvp` that needs no matrix.

Each is `jvp` or `vjp` at every vector of the standard basis at once, as one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from .. import tree
from ..core.aval import Aval, aval_of, describe, float0, short_dtype
from ..core.trace import enter_trace, leave_trace, require_callable
from ..errors import ArgumentError, DtypeError, OptionError
from ..lax.indexing import getitem
from ..lax.shape import batch_to_front, dtype_of, move_axis, ndim_of, reshape, shape_of
from .arguments import as_leaf, leaf_names, own
from .basis import BasisTrace
from .derivatives import grad, jvp, vjp
from .vmap import run_batched


def jacfwd(
    fun: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable:
    """The Jacobian by forward mode: best where the result has more elements than the argument.

    Parameters
    ----------
    fun
        A function of arrays and pytrees that returns a pytree of arrays.
    argnums
        The position of the argument to differentiate by, or several; the arguments may be pytrees.
    has_aux
        Whether `fun` returns a pair of which only the first is differentiated.
    holomorphic
        Whether `fun` is a holomorphic function of complex arguments.

    Returns
    -------
    callable
        Takes what `fun` takes. It gives a pytree of the structure of the result, in which each leaf is replaced by a
        pytree of the structure of the argument (a tuple of them for several `argnums`), whose leaves have the shape of
        the result's leaf followed by the shape of the argument's. With `has_aux`, a pair of it and the rest.

    Raises
    ------
    DtypeError
        An argument to differentiate by is not of real floats (with `holomorphic`, not complex).

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> jacfwd(lambda x: fnp.array([x[0] * x[1], x[1]]))(fnp.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """
    require_callable(fun, "jacfwd")

    @wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        chosen, partial = _chosen(fun, argnums, args, kwargs, "jacfwd")
        leaves, treedef = tree.flatten(chosen)
        names = leaf_names("arguments", chosen)
        for leaf, name in zip(leaves, names, strict=True):
            _check_input(leaf, name, "c" if holomorphic else "f", "jacfwd")
        avals = [aval_of(leaf) for leaf in leaves]
        kept: dict[str, Any] = {}

        def push(*directions: Any) -> tuple[list[Any], Any]:
            out = jvp(partial, chosen, treedef.unflatten(directions), has_aux=has_aux)
            if has_aux:
                kept["aux"] = out[2]
            return tree.flatten(out[1])

        (tangents, out_tree), dims = _over_basis(push, avals)
        rows = []
        for tangent, dim in zip(tangents, dims, strict=True):
            if holomorphic and dtype_of(tangent).kind != "c":
                raise DtypeError(
                    f"jacfwd with holomorphic=True expected a complex result, got {short_dtype(dtype_of(tangent))}",
                    instead="leave holomorphic out for a function that is not holomorphic",
                )
            rows.append(treedef.unflatten(_jacobians(tangent, dim, avals, front=False)))
        jacobians = out_tree.unflatten([row if _several(argnums) else row[0] for row in rows])
        return (jacobians, kept["aux"]) if has_aux else jacobians

    return jacobian_of


def jacrev(
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable:
    """The Jacobian by reverse mode: best where the argument has more elements than the result.

    Parameters
    ----------
    fun, argnums, has_aux, holomorphic
        As those of `jacfwd`.
    allow_int
        Whether integer arguments are allowed; their Jacobians have dtype `float0`.

    Returns
    -------
    callable
        As that of `jacfwd`.

    Raises
    ------
    DtypeError
        An argument to differentiate by is not of floats, or the result is not of real floats (with `holomorphic`,
        one of them is not complex).

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> jacrev(lambda x: fnp.array([x[0] * x[1], x[1]]))(fnp.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """
    require_callable(fun, "jacrev")

    @wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        chosen, partial = _chosen(fun, argnums, args, kwargs, "jacrev")
        leaves, treedef = tree.flatten(chosen)
        for leaf, name in zip(leaves, leaf_names("arguments", chosen), strict=True):
            _check_input(leaf, name, "c" if holomorphic else "fciub" if allow_int else "fc", "jacrev")
        out, pullback, *aux = vjp(partial, *chosen, has_aux=has_aux)
        out_leaves, out_tree = tree.flatten(out)
        for leaf, name in zip(out_leaves, leaf_names("result", out), strict=True):
            _check_output(leaf, name, holomorphic)
        out_avals = [aval_of(leaf) for leaf in out_leaves]

        def pull(*cotangents: Any) -> tuple[list[Any], None]:
            return tree.leaves(pullback(out_tree.unflatten(cotangents))), None

        (gradients, _), dims = _over_basis(pull, out_avals)
        columns = [_jacobians(part, dim, out_avals, front=True) for part, dim in zip(gradients, dims, strict=True)]
        rows = [treedef.unflatten([column[i] for column in columns]) for i in range(len(out_leaves))]
        jacobians = out_tree.unflatten([row if _several(argnums) else row[0] for row in rows])
        return (jacobians, *aux) if has_aux else jacobians

    return jacobian_of


#: The Jacobian, by reverse mode.
jacobian = jacrev


def hessian(
    fun: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable:
    """The matrix of second derivatives, forward over reverse.

    Parameters
    ----------
    fun, argnums, has_aux, holomorphic
        As those of `jacfwd`.

    Returns
    -------
    callable
        Takes what `fun` takes and gives the Jacobian of the Jacobian: for a scalar function of one array x an array of
        shape ``x.shape + x.shape``; for pytrees, in each leaf of the result's structure a pytree of the structure of
        the argument whose leaves are such pytrees again.

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> hessian(lambda x: x[0] ** 2 * x[1])(fnp.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    """
    require_callable(fun, "hessian")
    return jacfwd(jacrev(fun, argnums, has_aux, holomorphic), argnums, has_aux, holomorphic)


def hvp(fun: Callable, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The product of a scalar function's Hessian with a vector, forward over reverse: it costs a few gradients.

    Parameters
    ----------
    fun
        A scalar function of arrays and pytrees.
    primals
        Its arguments, a tuple or list.
    tangents
        The vector: of the structure, shapes and dtypes of `primals`.

    Returns
    -------
    pytree
        The product, of the structure of the argument; for a function of several arguments a tuple of them.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        The tangents do not match the primals.

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> hvp(lambda x: x[0] ** 2 * x[1], (fnp.array([2.0, 3.0]),), (fnp.array([1.0, 0.0]),))
    array([6., 4.])

    References
    ----------
    B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).
    """
    require_callable(fun, "hvp")
    if not isinstance(primals, (tuple, list)):
        raise ArgumentError(
            f"hvp expected primals as a tuple or list with one entry an argument, got {type(primals).__name__}",
            instead="hvp(f, (x,), (v,))",
        )
    argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(fun, argnums), primals, tangents)[1]


# ---------------------------------------------------------------------------------------------------------------------
# arguments
# ---------------------------------------------------------------------------------------------------------------------


def _several(argnums: int | Sequence[int]) -> bool:
    return not isinstance(argnums, (int, np.integer))


def _chosen(
    fun: Callable, argnums: int | Sequence[int], args: tuple, kwargs: dict[str, Any], name: str
) -> tuple[tuple, Callable]:
    """The arguments to differentiate by, and the function of them alone."""
    positions = []
    for number in argnums if _several(argnums) else (argnums,):  # type: ignore[union-attr]
        if not isinstance(number, (int, np.integer)):
            raise OptionError(f"{name}: argnums should be an int or a sequence of ints, got {number!r}")
        if not -len(args) <= number < len(args):
            raise OptionError(
                f"{name}: argnums={number}, but the function was called with {len(args)} positional arguments",
                instead="pass the arguments to differentiate by as positional ones",
            )
        positions.append(int(number) % len(args))

    def partial(*chosen: Any) -> Any:
        arguments = list(args)
        for position, argument in zip(positions, chosen, strict=True):
            arguments[position] = argument
        return fun(*arguments, **kwargs)

    chosen = tuple([tree.map(as_leaf, args[position]) for position in positions])
    return chosen, partial


_KINDS = {"f": "real floats", "fc": "floats", "c": "complex numbers"}


def _check_input(leaf: Any, name: str, kinds: str, transform: str) -> None:
    if aval_of(leaf).dtype.kind in kinds:
        return
    raise DtypeError(
        f"{transform} expected {_KINDS[kinds]} to differentiate by, got {describe(leaf)} at {name}",
        instead="x.astype(complex), or leave holomorphic out"
        if kinds == "c"
        else "holomorphic=True for a holomorphic function, jacrev for a real one of complex arguments"
        if kinds == "f" and aval_of(leaf).dtype.kind == "c"
        else "pass a float (2.0, x.astype(float)), or choose other argnums",
    )


def _check_output(leaf: Any, name: str, holomorphic: bool) -> None:
    kind = aval_of(leaf).dtype.kind
    if kind == ("c" if holomorphic else "f"):
        return
    if holomorphic:
        raise DtypeError(f"jacrev with holomorphic=True expected a complex result, got {describe(leaf)} at {name}")
    raise DtypeError(
        f"jacrev expected a result of real floats, got {describe(leaf)} at {name}",
        instead="return z.real and z.imag; holomorphic=True for a holomorphic function; has_aux=True for what is not "
        "to be differentiated",
    )


# ---------------------------------------------------------------------------------------------------------------------
# the standard basis
# ---------------------------------------------------------------------------------------------------------------------


def _over_basis(
    function: Callable[..., tuple[list[Any], Any]], avals: Sequence[Aval]
) -> tuple[tuple[list[Any], Any], list[int | None]]:
    """Run a function of values of these avals on the whole standard basis: what it gives, and its batch axes.

    Where the basis is one number, nothing is batched, and the axes are None.
    """
    if _is_one_number(avals):
        derivatives, rest = function(avals[0].dtype.type(1))
        return (derivatives, rest), [None] * len(derivatives)
    trace = BasisTrace()
    enter_trace()
    try:
        basis = trace.basis(avals)
        count = sum([aval.size for aval in avals])
        (derivatives, rest), dims = run_batched(function, basis, [0] * len(basis), count, None)
    finally:
        leave_trace()
    return ([trace.value_of(x) for x in derivatives], rest), dims


def _is_one_number(avals: Sequence[Aval]) -> bool:
    return len(avals) == 1 and avals[0].shape == ()


def _jacobians(derivative: Any, dim: int | None, avals: Sequence[Aval], *, front: bool) -> list[Any]:
    """Derivatives along the basis for `avals`, taken apart: the axes of an aval stand in front, or behind."""
    shape = shape_of(derivative)
    if dtype_of(derivative) == float0:
        return [np.zeros((*aval.shape, *shape) if front else (*shape, *aval.shape), float0) for aval in avals]
    if _is_one_number(avals):
        return own([derivative])
    if dim is None:
        derivative, dim = batch_to_front(sum([aval.size for aval in avals]), derivative, None), 0
    axis = 0 if front else ndim_of(derivative) - 1
    derivative = move_axis(derivative, dim, axis)
    shape = shape_of(derivative)
    parts = []
    start = 0
    for aval in avals:
        lead = (slice(None),) * axis
        if aval.shape:
            whole = aval.size == shape[axis]
            part = derivative if whole else getitem(derivative, (*lead, slice(start, start + aval.size)))
            parts.append(reshape(part, (*shape[:axis], *aval.shape, *shape[axis + 1 :])))
        else:
            parts.append(getitem(derivative, (*lead, start)))
        start += aval.size
    return own(parts)
