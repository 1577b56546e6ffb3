"""The recorded list: variables, equations, the jaxpr, its checker and its evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, FunctraceError, JaxprTypeError, Location
from .aval import PYTHON_SCALARS, Aval, aval_of
from .primitive import Primitive, avals_of_result
from .trace import location_holder


class Var:
    """A variable of a jaxpr: it is its own identity, and knows its aval."""

    __slots__ = ("aval",)

    def __init__(self, aval: Aval) -> None:
        self.aval = aval

    def __repr__(self) -> str:
        return f"Var({self.aval})"


class Literal:
    """A scalar that stands in an equation as it is."""

    __slots__ = ("aval", "value")

    def __init__(self, value: Any) -> None:
        self.value = plain_scalar(value)
        self.aval = aval_of(value)

    def __repr__(self) -> str:
        return f"Literal({self.value!r})"


Atom = Var | Literal


class Equation:
    """One operation: a primitive, its inputs, its parameters, its outputs, and where the user wrote it."""

    __slots__ = ("inputs", "location", "outputs", "params", "primitive")

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Atom, ...],
        params: dict[str, Any],
        outputs: tuple[Var, ...],
        location: Location | None = None,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.outputs = outputs
        self.location = location

    @property
    def invars(self) -> tuple[Atom, ...]:
        """JAX's name for `inputs`."""
        return self.inputs

    @property
    def outvars(self) -> tuple[Var, ...]:
        """JAX's name for `outputs`."""
        return self.outputs

    def __repr__(self) -> str:
        return f"Equation({self.primitive.name}, {len(self.inputs)} inputs)"


class Jaxpr:
    """A recorded function: constants' variables, inputs, equations in order, outputs."""

    __slots__ = ("__weakref__", "constvars", "equations", "invars", "outvars")

    def __init__(
        self,
        constvars: Sequence[Var],
        invars: Sequence[Var],
        equations: Sequence[Equation],
        outvars: Sequence[Atom],
    ) -> None:
        self.constvars = tuple(constvars)
        self.invars = tuple(invars)
        self.equations = list(equations)
        self.outvars = tuple(outvars)

    @property
    def eqns(self) -> list[Equation]:
        """JAX's name for `equations`."""
        return self.equations

    def __str__(self) -> str:
        from .pretty import format_jaxpr

        return format_jaxpr(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .pretty_html import jaxpr_html

        return jaxpr_html(self)


class ClosedJaxpr:
    """A jaxpr with the values of its constants.

    It is compared by identity. What a transform makes of it is made once and kept with it (`derived`).
    """

    __slots__ = ("__weakref__", "_derived", "consts", "jaxpr")

    def __init__(self, jaxpr: Jaxpr, consts: Sequence[Any]) -> None:
        self.jaxpr = jaxpr
        self.consts = tuple(consts)
        self._derived: dict[Any, Any] = {}

    @property
    def in_avals(self) -> list[Aval]:
        return [var.aval for var in self.jaxpr.invars]

    @property
    def out_avals(self) -> list[Aval]:
        return [var.aval for var in self.jaxpr.outvars]

    @property
    def equations(self) -> list[Equation]:
        return self.jaxpr.equations

    @property
    def eqns(self) -> list[Equation]:
        """JAX's name for `equations`."""
        return self.jaxpr.equations

    def derived(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives, made at the first call with this key."""
        try:
            return self._derived[key]
        except KeyError:
            pass  # what `make` raises has nothing to do with the key
        return self._derived.setdefault(key, make())

    def __str__(self) -> str:
        return str(self.jaxpr)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.jaxpr._repr_html_()


def eval_jaxpr(jaxpr: Jaxpr, consts: Sequence[Any], *args: Any) -> list[Any]:
    """Evaluate a jaxpr on arrays or tracers, equation by equation.

    Parameters
    ----------
    jaxpr
        The jaxpr.
    consts
        A value for each of its `constvars`.
    *args
        A value for each of its `invars`.

    Returns
    -------
    list
        A value for each of its `outvars`.
    """
    if len(args) != len(jaxpr.invars):
        raise ArgumentError(f"a jaxpr of {len(jaxpr.invars)} inputs was given {len(args)} arguments")
    env: dict[Atom, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    last_use = _last_uses(jaxpr)
    holder = location_holder()
    outer_location = None if holder is None else holder.location
    try:
        for position, equation in enumerate(jaxpr.equations):
            values = [atom.value if atom.__class__ is Literal else env[atom] for atom in equation.inputs]
            if holder is not None:  # what is recorded now was written there
                holder.location = equation.location
            out = equation.primitive(*values, **equation.params)
            if equation.primitive.multiple_results:
                env.update(zip(equation.outputs, out, strict=True))
            else:
                env[equation.outputs[0]] = out
            for atom in last_use.get(position, ()):
                del env[atom]
    finally:
        if holder is not None:
            holder.location = outer_location
    return [atom.value if isinstance(atom, Literal) else env[atom] for atom in jaxpr.outvars]


def jaxpr_as_fun(closed: ClosedJaxpr) -> Callable[..., list[Any]]:
    """The function that evaluates a closed jaxpr."""
    return lambda *args: eval_jaxpr(closed.jaxpr, closed.consts, *args)


def _last_uses(jaxpr: Jaxpr) -> dict[int, list[Var]]:
    """For each equation, the variables that no later one needs."""
    seen: set[Atom] = set(jaxpr.outvars)
    last: dict[int, list[Var]] = {}
    for position in range(len(jaxpr.equations) - 1, -1, -1):
        equation = jaxpr.equations[position]
        for atom in (*equation.inputs, *equation.outputs):
            if isinstance(atom, Var) and atom not in seen:
                seen.add(atom)
                last.setdefault(position, []).append(atom)
    return last


def inner_jaxprs(params: dict[str, Any]) -> Iterator[tuple[str, ClosedJaxpr]]:
    """The programs inside an equation, with the parameters' names."""
    for name, value in params.items():
        if isinstance(value, ClosedJaxpr):
            yield name, value
        elif isinstance(value, tuple):
            for position, item in enumerate(value):
                if isinstance(item, ClosedJaxpr):
                    yield f"{name}[{position}]", item


def check_jaxpr(jaxpr: Jaxpr | ClosedJaxpr) -> None:
    """Check that a jaxpr is well formed, and so are the jaxprs inside its equations.

    Every variable is bound once and before its use; every equation's outputs have the avals that its primitive's rule
    gives for its inputs.

    Raises
    ------
    JaxprTypeError
        It is not; the message names the equation.
    """
    if isinstance(jaxpr, ClosedJaxpr):
        if len(jaxpr.consts) != len(jaxpr.jaxpr.constvars):
            raise JaxprTypeError(f"{len(jaxpr.consts)} constants for {len(jaxpr.jaxpr.constvars)} constvars")
        for var, const in zip(jaxpr.jaxpr.constvars, jaxpr.consts, strict=True):
            if aval_of(const) != var.aval:
                raise JaxprTypeError(f"a constant of type {aval_of(const)} for a variable of type {var.aval}")
        jaxpr = jaxpr.jaxpr
    bound: set[Var] = set()

    def define(var: Var, place: str) -> None:
        if not isinstance(var, Var):
            raise JaxprTypeError(f"{place} binds {var!r}, which is no variable")
        if var in bound:
            raise JaxprTypeError(f"{place} binds a variable of type {var.aval} a second time")
        bound.add(var)

    def use(atom: Atom, place: str) -> None:
        if isinstance(atom, Var):
            if atom not in bound:
                raise JaxprTypeError(f"{place} uses a variable of type {atom.aval} before it is bound")
        elif not isinstance(atom, Literal):
            raise JaxprTypeError(f"{place} uses {atom!r}, which is neither a variable nor a literal")

    for var in (*jaxpr.constvars, *jaxpr.invars):
        define(var, "the head")
    for position, equation in enumerate(jaxpr.equations):
        place = f"equation {position} ({equation.primitive.name})"
        for atom in equation.inputs:
            use(atom, place)
        for name, inner in inner_jaxprs(equation.params):
            try:
                check_jaxpr(inner)
            except JaxprTypeError as error:
                raise JaxprTypeError(f"in {place}, parameter {name}: {error.what}", where=equation.location) from None
        expected = _expected_avals(equation, place)
        got = tuple(var.aval for var in equation.outputs)
        if expected != got:
            raise JaxprTypeError(
                f"{place}: the rule gives {', '.join(map(str, expected))}, "
                f"the equation says {', '.join(map(str, got))}",
                where=equation.location,
            )
        for var in equation.outputs:
            define(var, place)
    for atom in jaxpr.outvars:
        use(atom, "the result")


def _expected_avals(equation: Equation, place: str) -> tuple[Aval, ...]:
    """The avals that the primitive's rule gives for an equation's inputs; its refusal becomes the checker's."""
    inputs = [atom.aval for atom in equation.inputs]
    if equation.primitive.calls and inputs != (takes := equation.params["jaxpr"].in_avals):
        raise JaxprTypeError(
            f"{place}: its program takes {', '.join(map(str, takes))}, the equation gives "
            f"{', '.join(map(str, inputs))}",
            where=equation.location,
        )
    try:
        return avals_of_result(equation.primitive, inputs, equation.params)
    except (TypeError, ValueError) as error:
        what = error.what if isinstance(error, FunctraceError) else error
        raise JaxprTypeError(f"{place}: the rule refuses its inputs: {what}", where=equation.location) from error


def plain_scalar(value: Any) -> Any:
    """A scalar of a subclass (an IntEnum's member) as a plain Python one, whose text is a number."""
    if value.__class__ in PYTHON_SCALARS or isinstance(value, np.generic):
        return value
    kinds: tuple[Any, ...] = (int, float, complex)
    return next(kind.__pos__(value) for kind in kinds if isinstance(value, kind))


def is_scalar(value: Any) -> bool:
    """Whether a value goes into an equation as a literal."""
    return isinstance(value, (bool, int, float, complex, np.generic))
