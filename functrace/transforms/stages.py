"""The stages between a function and its compiled program: `Traced`, `Lowered`, `Compiled`, named as JAX names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tree
from ..compiler.source import Program
from ..core.aval import Aval, ShapeDtypeStruct, aval_of
from ..core.jaxpr import ClosedJaxpr
from ..core.trace import Tracer
from ..errors import ArgumentError, DtypeError, ShapeError, StructureError, UnexpectedTracerError
from ..pytrees.treedef import PyTreeDef
from .arguments import as_leaf
from .compile_log import compiled_and_logged
from .donation import donating
from .static_arguments import are_comparable, static_data


class Traced:
    """A function traced for one kind of arguments: what ``jit(f).trace(*args)`` gives.

    Attributes
    ----------
    jaxpr
        The program, of the leaves of the arguments that are not static.
    fun_name
        The function's name.
    in_tree, out_tree
        The structures of ``(args, kwargs)`` and of the result.
    donate_argnums
        The positions, among the leaves of the arguments, of those that are donated.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> traced = functrace.jit(lambda x: {"norm": fnp.sum(x * x)}).trace(fnp.zeros(3))
    >>> traced.out_info
    {'norm': ShapeDtypeStruct(shape=(), dtype=float64)}
    """

    def __init__(
        self,
        jaxpr: ClosedJaxpr,
        fun_name: str,
        in_tree: PyTreeDef,
        out_tree: PyTreeDef,
        donate_argnums: tuple[int, ...],
        argument_names: Sequence[str],
        leaf_names: Sequence[str],
    ) -> None:
        self.jaxpr = jaxpr
        self.fun_name = fun_name
        self.in_tree = in_tree
        self.out_tree = out_tree
        self.donate_argnums = donate_argnums
        self._argument_names = argument_names
        self._leaf_names = leaf_names

    @property
    def in_avals(self) -> Any:
        """The avals of ``(args, kwargs)``, static arguments left out, in their pytree."""
        return self.in_tree.unflatten(_own_avals(self))

    @property
    def out_avals(self) -> Any:
        """The avals of the result, in its pytree."""
        return self.out_tree.unflatten(self.jaxpr.out_avals)

    @property
    def out_info(self) -> Any:
        """The result as a pytree of `ShapeDtypeStruct`."""
        return self.out_tree.unflatten(structs(self.jaxpr))

    def lower(self) -> Lowered:
        """Write the source."""
        return Lowered(self, compiled_and_logged(self.jaxpr, self.fun_name, self._argument_names, self.donate_argnums))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fun_name}({_signature(self)})>"


class _Written:
    """What can be asked of a function whose source is written."""

    def __init__(self, traced: Traced, program: Program) -> None:
        self._traced = traced
        self._program = program

    @property
    def in_tree(self) -> PyTreeDef:
        """The structure of ``(args, kwargs)``, static arguments left out."""
        return self._traced.in_tree

    @property
    def out_tree(self) -> PyTreeDef:
        """The structure of the result."""
        return self._traced.out_tree

    @property
    def in_avals(self) -> Any:
        """The avals of ``(args, kwargs)``, in their pytree."""
        return self._traced.in_avals

    @property
    def out_info(self) -> Any:
        """The result as a pytree of `ShapeDtypeStruct`."""
        return self._traced.out_info

    @property
    def donate_argnums(self) -> tuple[int, ...]:
        """The positions, among the leaves of the arguments, of those that are donated."""
        return self._traced.donate_argnums

    def as_text(self) -> str:
        """The NumPy source."""
        return self._program.text

    def cost_analysis(self) -> dict[str, float]:
        """The work of one call: operations, transcendental functions and bytes, as `functrace.compiler.cost` counts.

        Returns
        -------
        dict
            With the keys ``'flops'``, ``'transcendentals'`` and ``'bytes accessed'``.

        Examples
        --------
        >>> import functrace, functrace.numpy as fnp
        >>> functrace.jit(lambda x: fnp.sin(x) @ x).lower(fnp.zeros((3, 3))).cost_analysis()
        {'flops': 54.0, 'transcendentals': 9.0, 'bytes accessed': 360.0}
        """
        from ..compiler.cost import cost_of  # here: it is not needed to import the library

        cost = cost_of(self._traced.jaxpr)
        return {"flops": cost.flops, "transcendentals": cost.transcendentals, "bytes accessed": cost.bytes_accessed}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._traced.fun_name}({_signature(self._traced)})>"

    def _repr_html_(self) -> str:
        from ..core.pretty_html import source_html  # here: notebooks alone ask for it

        work = {name: f"{number:,.0f}" for name, number in self.cost_analysis().items()}
        return source_html(repr(self)[1:-1], self.as_text(), work)


class Lowered(_Written):
    """The NumPy source of a traced function: what ``jit(f).lower(*args)`` gives."""

    def compile(self) -> Compiled:
        """The function that the source defines.

        Raises
        ------
        UnexpectedTracerError
            The function captured a value of a transform around it.
        """
        if len(self._traced.jaxpr.jaxpr.invars) > self.in_tree.num_leaves:
            raise UnexpectedTracerError(
                f"{self._traced.fun_name} captured a value of a transform around it, known only while that runs",
                instead="compile it outside of grad, vmap and jit, and pass the value as an argument",
            )
        return Compiled(self._traced, self._program)


class Compiled(_Written):
    """A function compiled for one kind of arguments, and for no other.

    It takes what was traced, static arguments left out, and gives what the function gives.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> double = functrace.jit(lambda x: 2 * x).lower(functrace.ShapeDtypeStruct(3, "float64")).compile()
    >>> double(fnp.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    """

    def __init__(self, traced: Traced, program: Program) -> None:
        super().__init__(traced, program)
        self._call = donating(program.call, traced.donate_argnums)
        self._avals = _own_avals(traced)
        self._static_data = static_data(traced.in_tree)
        self._is_comparable = are_comparable(traced.in_tree)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it.

        Raises
        ------
        StructureError, ShapeError, DtypeError
            The arguments are of another kind than those for which it was compiled.
        ArgumentError
            A transform is running: `grad`, `vmap` and `jit` take the jitted function, and not its compiled program.
        """
        traced = self._traced
        leaves = self._leaves((args, kwargs))
        for position, (leaf, aval) in enumerate(zip(leaves, self._avals, strict=True)):
            alike = leaf.__class__ is np.ndarray and leaf.dtype is aval.dtype and leaf.shape == aval.shape
            if not alike or aval.weak_type:
                leaves[position] = _checked(leaf, aval, traced.fun_name, traced._leaf_names[position])
        return traced.out_tree.unflatten(self._call(*leaves))

    def _leaves(self, arguments: Any) -> list[Any]:
        """The leaves of arguments that have the structure for which it was compiled, and the same static data."""
        in_tree = self._traced.in_tree
        leaves = in_tree.flatten_same(arguments)
        if leaves is not None and (self._is_comparable or static_data(tree.structure(arguments)) == self._static_data):
            return leaves
        raise StructureError(
            f"{self._traced.fun_name} was compiled for arguments (args, kwargs) of the structure {in_tree}, and was "
            f"called with {tree.structure(arguments)}",
            instead="the arguments that were given to lower, without the static ones; jit(f) itself compiles anew",
        )


def structs(closed: ClosedJaxpr) -> list[ShapeDtypeStruct]:
    """What a program gives, without data."""
    return [ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type) for aval in closed.out_avals]


def _own_avals(traced: Traced) -> list[Aval]:
    """The avals of the arguments; what the function captured of a transform around it comes before them."""
    avals = traced.jaxpr.in_avals
    return avals[len(avals) - traced.in_tree.num_leaves :]


def _signature(traced: Traced) -> str:
    return ", ".join(f"{name}: {aval}" for name, aval in zip(traced._leaf_names, _own_avals(traced), strict=True))


def _checked(leaf: Any, aval: Aval, function: str, name: str) -> Any:
    """A leaf of another class than the plain array's, or with another dtype or shape, if it is of the same kind."""
    leaf = as_leaf(leaf)
    if isinstance(leaf, Tracer):
        raise ArgumentError(
            f"{function} is compiled, so that no transform can follow it, and {name} is {leaf!r}",
            instead="the jitted function, jit(f), inside of grad, vmap and jit",
        )
    got = aval_of(leaf)
    if got != aval:
        raise _mismatch(function, name, aval, got)
    return leaf


def _mismatch(function: str, name: str, expected: Aval, got: Aval) -> ShapeError | DtypeError:
    """The error for a leaf of another kind."""
    what = f"{function} was compiled for {name} of type {expected}, and was called with {got}"
    if expected.shape != got.shape:
        return ShapeError(f"{what}: another shape", instead="jit(f), which compiles anew for another shape")
    if expected.dtype != got.dtype:
        return DtypeError(f"{what}: another dtype", instead=f"{name}.astype(numpy.{expected.dtype.name})")
    number, array = "a Python number (whose dtype is weak)", "an array or a NumPy scalar"
    kinds = (number, array) if expected.weak_type else (array, number)
    instead = f"{name}.item()" if expected.weak_type else f"numpy.{np.dtype(expected.dtype).name}({name})"
    return DtypeError(f"{what}: {kinds[0]} was expected, and {kinds[1]} came", instead=instead)
