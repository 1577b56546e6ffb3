"""Forward mode: an interpreter that carries each equation out on a value and on its tangent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..config import config
from ..core.aval import Aval, aval_of
from ..core.finite import look
from ..core.primitive import Primitive
from ..core.recording import leaked
from ..core.trace import Trace, Tracer, enter_trace, leave_trace, level_of, raise_refusal


class JVPTracer(Tracer):
    """A primal value with its tangent."""

    __slots__ = ("primal", "tangent")

    def __init__(self, trace: JVPTrace, primal: Any, tangent: Any) -> None:
        self._trace = trace
        self.primal = primal
        self.tangent = tangent

    @property
    def aval(self) -> Aval:
        return aval_of(self.primal)

    def concrete(self) -> Any:
        primal = self.primal
        return primal.concrete() if isinstance(primal, Tracer) else primal

    def __repr__(self) -> str:
        return f"JVPTracer<{self.primal!r}>"


class JVPTrace(Trace):
    """Carries out on primals and tangents; holds no tape. A value whose tangent is zero is no tracer."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        super().__init__()
        self.open = True

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        if not self.open:
            raise leaked(args)
        primals = []
        tangents = []
        for arg in args:
            if arg.__class__ is JVPTracer and arg._trace is self:
                primals.append(arg.primal)
                tangents.append(arg.tangent)
            else:
                primals.append(arg)
                tangents.append(None)
        if primitive.value_and_jvp is not None:
            out, tangent = primitive.value_and_jvp(primals, tangents, **params)
            if level_of(out if primitive.multiple_results else [out]) > level_of(primals):
                out = primitive(*primals, **params)  # and not with the tangents, which `linearize` knows only later
        else:
            out = primitive(*primals, **params)
            if primitive.jvp is None:
                return out
            tangent = primitive.jvp(primals, tangents, out, **params)
        if config.debugging and tangent is not None:
            look(f"the derivative of {primitive.name}", tangent if primitive.multiple_results else [tangent])
        if primitive.multiple_results:
            if tangent is None:
                return out
            return [
                value if part is None else JVPTracer(self, value, part)
                for value, part in zip(out, tangent, strict=True)
            ]
        return out if tangent is None else JVPTracer(self, out, tangent)


def run_jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, JVPTrace]:
    """Run `function` on dual numbers; a tangent that is None is zero.

    Returns what the function returns, and the trace of the tracers in it.
    """
    trace = JVPTrace()
    enter_trace()
    inputs = [
        primal if tangent is None else JVPTracer(trace, primal, tangent)
        for primal, tangent in zip(primals, tangents, strict=True)
    ]
    try:
        return function(*inputs), trace
    except ValueError as error:
        raise_refusal(error)
        raise
    finally:
        leave_trace()
        trace.open = False


def unpack(trace: JVPTrace, value: Any) -> tuple[Any, Any]:
    """The primal and the tangent (None: zero) of a value that `run_jvp` gave."""
    if value.__class__ is JVPTracer and value._trace is trace:
        return value.primal, value.tangent
    return value, None
