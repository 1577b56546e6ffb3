"""A function traced for its example arguments, with all that is needed to call it from outside."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import tree
from ..core.jaxpr import ClosedJaxpr
from ..core.trace import Tracer
from ..errors import ExportError
from ..pytrees.treedef import PyTreeDef
from ..transforms.jit import JitFunction, Traced, jit


class TracedFunction(NamedTuple):
    """What `trace` gives.

    Attributes
    ----------
    closed
        The program of the arguments' leaves, which gives the result's leaves.
    name
        The function's name.
    argument_names
        A name for each leaf of the arguments.
    in_tree
        The structure of ``(args, kwargs)``, the static arguments left out.
    out_tree
        The structure of the result.
    parameters
        The arguments in the order of their leaves; static ones are left out.
    rest_name
        What the function calls the arguments beyond those that it names.
    """

    closed: ClosedJaxpr
    name: str
    argument_names: list[str]
    in_tree: PyTreeDef
    out_tree: PyTreeDef
    parameters: list[Parameter]
    rest_name: str


class Parameter(NamedTuple):
    """An argument of the example call: its name, how it is given, and its structure."""

    name: str
    kind: Any  # as of inspect.Parameter; VAR_POSITIONAL for one of *args, whose name is the number in it
    treedef: PyTreeDef


def trace(function: Callable, args: tuple, kwargs: dict[str, Any]) -> TracedFunction:
    """Trace a function, jitted or not.

    Raises
    ------
    ExportError
        It captured a tracer of a transform around it.
    """
    jitted = function if isinstance(function, JitFunction) else jit(function)
    traced = jitted.trace(*args, **kwargs)
    refuse_captured(traced)
    parameters, rest_name = _parameters(jitted, args, kwargs)
    return TracedFunction(
        traced.jaxpr,
        traced.fun_name,
        list(traced._argument_names),
        traced.in_tree,
        traced.out_tree,
        parameters,
        rest_name,
    )


def refuse_captured(traced: Traced) -> None:
    """Refuse a program with values of a transform around it, and one with arguments that hold nothing.

    Raises
    ------
    ExportError
        It is one.
    """
    closed = traced.jaxpr
    if len(closed.in_avals) > traced.in_tree.num_leaves or any(isinstance(const, Tracer) for const in closed.consts):
        raise ExportError(
            f"{traced.fun_name} captures a value of a transform around it, known only while that runs",
            instead="export outside of grad, vmap and jit: of grad(f), and not inside of it",
        )
    if any(aval.dtype.kind == "V" for aval in (*closed.in_avals, *closed.out_avals)):
        raise ExportError(f"{traced.fun_name} has an argument or a result of dtype float0, which holds nothing")


def _parameters(jitted: JitFunction, args: tuple, kwargs: dict[str, Any]) -> tuple[list[Parameter], str]:
    declared = list(jitted._signature.parameters.values()) if jitted._signature is not None else []
    by_position = [p for p in declared if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest_name = next((p.name for p in declared if p.kind is p.VAR_POSITIONAL), "arguments")
    static = {number % len(args) for number in jitted._static_argnums if -len(args) <= number < len(args)}
    found = []
    for position, value in enumerate(args):
        if position in static:
            continue
        if position < len(by_position):
            parameter = by_position[position]
            found.append(Parameter(parameter.name, parameter.kind, tree.structure(value)))
        else:
            number = str(position - len(by_position))
            found.append(Parameter(number, inspect.Parameter.VAR_POSITIONAL, tree.structure(value)))
    for name in sorted(kwargs):
        if name not in jitted._static_argnames:
            found.append(Parameter(name, inspect.Parameter.KEYWORD_ONLY, tree.structure(kwargs[name])))
    return found, rest_name
