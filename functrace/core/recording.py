"""The trace that records: a function of avals becomes a jaxpr."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import UnexpectedTracerError, user_location
from .aval import Aval, aval_of
from .jaxpr import Atom, ClosedJaxpr, Equation, Jaxpr, Literal, Var, is_scalar
from .primitive import Primitive
from .trace import Trace, Tracer, enter_trace, leave_trace, raise_refusal, recording


class JaxprTracer(Tracer):
    """Stands for a variable of a jaxpr that is being recorded: it knows its aval alone."""

    __slots__ = ("_var",)  # with an underscore, since an array has a method `var`

    def __init__(self, trace: JaxprTrace, var: Var) -> None:
        self._trace = trace
        self._var = var

    @property
    def aval(self) -> Aval:
        return self._var.aval


class JaxprTrace(Trace):
    """Writes down each equation, and carries none out."""

    __slots__ = ("conditional", "constants", "constvars", "equations", "open")

    def __init__(self, conditional: bool = False) -> None:
        super().__init__()
        self.conditional = conditional
        self.equations: list[Equation] = []
        self.constants: dict[int, tuple[Any, Any]] = {}  # by identity: the captured object (kept alive), its value
        self.constvars: dict[int, Var] = {}
        self.open = True

    def new_input(self, aval: Aval) -> JaxprTracer:
        return JaxprTracer(self, Var(aval))

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        if not self.open:
            raise leaked(args)
        if primitive.stage is not None:
            return primitive.stage(self, args, params)
        return self.record_equation(primitive, args, params)

    def record_equation(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """Write an equation down; its results as tracers."""
        if params:
            params = {name: plain_parameter(value) for name, value in params.items()}
        inputs = tuple([self.atom(arg) for arg in args])
        out = primitive.abstract(*[atom.aval for atom in inputs], **params)
        location = self.location or user_location()
        if primitive.multiple_results:
            outputs = tuple([Var(aval) for aval in out])
            self.equations.append(Equation(primitive, inputs, params, outputs, location))
            return [JaxprTracer(self, var) for var in outputs]
        var = Var(out)
        self.equations.append(Equation(primitive, inputs, params, (var,), location))
        return JaxprTracer(self, var)

    def atom(self, value: Any) -> Atom:
        """The variable or literal that stands for a value; what comes from outside becomes a constant."""
        if value.__class__ is JaxprTracer and value._trace is self:
            return value._var
        if is_scalar(value):
            return Literal(value)
        key = id(value)
        var = self.constvars.get(key)
        if var is not None and not isinstance(value, Tracer) and _differs(value, self.constants[key][1]):
            # changed in place since it was captured: what was recorded keeps the old values, what comes gets the new
            past = -1 - len(self.constvars)
            self.constvars[past] = self.constvars.pop(key)
            self.constants[past] = self.constants.pop(key)
            var = None
        if var is None:
            var = self.constvars[key] = Var(aval_of(value))
            if isinstance(value, Tracer):
                self.constants[key] = (value, value)
            else:
                self.constants[key] = (value, _snapshot(value, var.aval.dtype))
        return var

    def close(self, invars: Sequence[Var], outputs: Sequence[Any]) -> ClosedJaxpr:
        """End the recording: the jaxpr from `invars` to `outputs`."""
        outvars = [self.atom(value) for value in outputs]
        self.open = False
        consts = [self.constants[key][1] for key in self.constvars]
        return ClosedJaxpr(Jaxpr(list(self.constvars.values()), invars, self.equations, outvars), consts)


def plain_parameter(value: Any) -> Any:
    """A parameter with plain ints for those of a subclass, whose text may be anything."""
    if value.__class__ is tuple:
        plain = tuple([plain_parameter(item) for item in value])
        return value if all(map(operator.is_, plain, value)) else plain
    if value.__class__ in _PLAIN or not isinstance(value, int):
        return value
    return int.__pos__(value)


_PLAIN = (int, bool)


_snapshots: weakref.WeakValueDictionary[int, np.ndarray] = weakref.WeakValueDictionary()


def _differs(value: np.ndarray, snapshot: np.ndarray) -> bool:
    return not (value is snapshot or np.array_equal(value, snapshot) or np.array_equal(value, snapshot, equal_nan=True))


def _snapshot(value: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A captured array as of now: a later change in place must not reach what is being recorded."""
    if _snapshots.get(id(value)) is value:
        return value
    snapshot = np.array(value, dtype=dtype)
    snapshot.flags.writeable = False
    _snapshots[id(snapshot)] = snapshot
    return snapshot


def record(
    function: Callable[..., Sequence[Any]],
    avals: Sequence[Aval],
    *,
    creations: bool = True,
    conditional: bool = False,
) -> ClosedJaxpr:
    """Trace a function of flat arguments into a jaxpr.

    Parameters
    ----------
    function
        Takes one tracer an aval, gives a sequence of arrays and tracers.
    avals
        The arguments' avals.
    creations
        Whether arrays made out of nothing (`zeros`, `arange`) are recorded, as `jit` wants them, or made at once.
    conditional
        Whether the program may not run: then operations on captured tracers are recorded too, and not carried out
        outside.

    Returns
    -------
    ClosedJaxpr
        Its constants are the arrays that the function captured, as of now, and the captured tracers of outer traces.
    """
    trace = JaxprTrace(conditional)
    enter_trace()
    inputs = [trace.new_input(aval) for aval in avals]
    try:
        if creations:
            with recording(trace):
                outputs = function(*inputs)
        else:
            outputs = function(*inputs)
        return trace.close([tracer._var for tracer in inputs], outputs)
    except ValueError as error:
        raise_refusal(error)
        raise
    finally:
        leave_trace()
        trace.open = False


def require_open(value: Any) -> Any:
    """`value`, which is no tracer that outlived its trace."""
    if isinstance(value, Tracer) and not value._trace.open:
        raise leaked([value])
    return value


def leaked(args: Sequence[Any]) -> UnexpectedTracerError:
    """The error for tracers whose trace has ended."""
    tracer = next((arg for arg in args if isinstance(arg, Tracer)), None)
    return UnexpectedTracerError(
        f"{tracer!r} outlived the transform that made it: a traced function stored it outside (in a global, a list, "
        "an attribute, a default argument) and it was used later",
        instead="return the value from the traced function (has_aux=True gives values beside the one that is "
        "differentiated)",
    )
