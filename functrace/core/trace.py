"""Where an operation meets the innermost transform: tracers, traces, and `bind`."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from ..config import config
from ..errors import (
    ArgumentError,
    ConcretizationTypeError,
    ImmutableError,
    Location,
    ShapeError,
    TracerArrayConversionError,
    TracerBoolConversionError,
    TracerIntegerConversionError,
    user_location,
)
from .aval import Aval, Shape
from .foreign import in_place_of_scipy

if TYPE_CHECKING:
    from .primitive import Primitive

_levels = itertools.count(1)


class Trace:
    """One running interpreter of equations.

    A trace opened later is further in: it has the higher level, and is asked first.
    """

    __slots__ = ("level", "location", "recorded_in")
    open: bool  # whether it runs still: a tracer of one that has ended has leaked
    conditional: bool = False  # whether it records a program that may not run

    def __init__(self) -> None:
        self.level = next(_levels)
        self.location: Location | None = None  # in place of the running line, where a recorded line is run again
        self.recorded_in: Trace | None = _state.recording  # what it makes out of nothing belongs there

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        """Carry out one equation: the primitive, its inputs (some are tracers of this trace), its parameters."""
        raise NotImplementedError


def bind(primitive: Primitive, /, *args: Any, **params: Any) -> Any:
    """Carry out an operation: the one door through which every one goes.

    The innermost trace among the inputs' tracers is asked; with no tracer the NumPy function is called at once, but
    inside `jit` an operation that makes an array out of nothing is recorded, so that no large constant is baked in.
    """
    trace = None
    for arg in args:
        if isinstance(arg, Tracer) and (trace is None or arg._trace.level > trace.level):
            trace = arg._trace
    if trace is None:
        if primitive.creates and _state.recording is not None:
            return _state.recording.process(primitive, args, params)
        return primitive.impl(*args, **params)
    recorder = _state.recording
    if recorder is not None and recorder.level > trace.level:
        return _process_captured(trace, recorder, primitive, args, params)
    return trace.process(primitive, args, params)


def _process_captured(trace: Trace, recorder: Trace, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
    """An operation on values from outside of what is being recorded.

    It is carried out outside, and what it makes out of nothing belongs there too. But of a program that may not run (a
    branch) it is a part.
    """
    around: Trace | None = recorder
    while around is not None and around.level > trace.level:
        if around.conditional:
            with recording(around):
                return around.process(primitive, args, params)
        around = around.recorded_in
    with recording(trace.recorded_in):
        return trace.process(primitive, args, params)


class _ThreadState(threading.local):
    recording: Trace | None = None
    open_traces: int = 0
    debugger: Trace | None = None


_state = _ThreadState()


def enter_trace() -> bool:
    """Count a trace that starts to run on this thread; whether it is the outermost."""
    _state.open_traces += 1
    return _state.open_traces == 1


def leave_trace() -> None:
    """Count one that has ended."""
    _state.open_traces -= 1


def tracing() -> bool:
    """Whether a trace is running on this thread."""
    return _state.open_traces > 0


def is_tracing() -> bool:
    """Whether a trace runs on this thread."""
    return _state.open_traces > 0


def current_location() -> Location | None:
    """The user's line that is being traced: the running one, or the recorded one that is being run again."""
    holder = location_holder()
    return (None if holder is None else holder.location) or user_location()


def location_holder() -> Trace | None:
    """What is told which recorded line is run again: the recording; while debugging something in its place."""
    holder = _state.recording
    if holder is None and config.debugging:
        holder = _state.debugger
        if holder is None:
            holder = _state.debugger = Trace()
    return holder


def current_recording() -> Trace | None:
    """The trace of the innermost `jit` that is being traced on this thread."""
    return _state.recording


@contextmanager
def recording(trace: Trace | None) -> Iterator[None]:
    """While this runs, what is made out of nothing is recorded in `trace` (with None: made at once)."""
    outer = _state.recording
    _state.recording = trace
    try:
        yield
    finally:
        _state.recording = outer


class Tracer:
    """Stands for a value while a function is traced.

    It has ndarray's operators, methods and properties (`functrace.numpy` gives them to it), and answers NumPy's own
    functions. What it cannot do it refuses with an error that says what to write instead.
    """

    __slots__ = ("_trace",)  # with an underscore, since an array has a method `trace`
    _trace: Any
    __array_ufunc__: ClassVar[Any]
    __array_function__: ClassVar[Any]

    if TYPE_CHECKING:  # given by functrace.numpy

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __neg__(self) -> Any: ...
        def __getitem__(self, index: Any) -> Any: ...

    @property
    def aval(self) -> Aval:
        raise NotImplementedError

    @property
    def shape(self) -> Shape:
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype:
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        return len(self.aval.shape)

    @property
    def size(self) -> int:
        return self.aval.size

    @property
    def itemsize(self) -> int:
        return self.aval.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.aval.nbytes

    @property
    def weak_type(self) -> bool:
        return self.aval.weak_type

    def concrete(self) -> Any:
        """The value, where it is known while the function runs; else None."""
        return None

    def __len__(self) -> int:
        shape = self.shape
        if not shape:
            raise ArgumentError(f"len() of unsized object: {self!r} has no axis", instead="x.size, or a vector")
        return shape[0]

    def __iter__(self) -> Iterator[Any]:
        shape = self.shape
        if not shape:
            raise ArgumentError(
                f"iteration over a 0-d array: {self!r} has no axis",
                instead="functrace.numpy.sum(x) for sum(x); functrace.numpy.atleast_1d(x) where it may be a scalar",
            )
        return (self[i] for i in range(shape[0]))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(
                f"The truth value of an array with more than one element is ambiguous, got {self!r}",
                instead="x.any() or x.all(); functrace.numpy.where(condition, x, y) to choose element by element",
            )
        value = self.concrete()
        if value is None:
            raise TracerBoolConversionError(
                f"expected a bool that is known while the function is traced, got {self!r}: `if`, `while`, `and`, "
                "`or`, `not` and `assert` ask for its value",
                instead=in_place_of_scipy()
                or "functrace.numpy.where(condition, x, y), functrace.lax.cond or functrace.lax.while_loop; "
                "`&`, `|` and `~` for logic; static_argnums if the argument of jit is a setting",
            )
        return bool(value)

    def __index__(self) -> int:
        value = self.concrete()
        if value is None or self.dtype.kind not in "iub":
            raise TracerIntegerConversionError(
                f"expected an integer that is known while the function is traced, got {self!r}",
                instead="static_argnums for an argument of jit that gives a size; functrace.lax.fori_loop in place of "
                "range(n); functrace.numpy.take or x[i] with x an array in place of indexing a list",
            )
        return value.__index__()

    def __int__(self) -> int:
        if self.dtype.kind in "iub" and self.concrete() is not None:
            return int(self.concrete())
        self._refuse_python_number("int", "x.astype(int)")

    def __float__(self) -> float:
        self._refuse_python_number("float", "x.astype(float)")

    def __complex__(self) -> complex:
        self._refuse_python_number("complex", "x.astype(complex)")

    def item(self, *args: int) -> Any:
        """Refused: a Python number would carry no derivative."""
        self._refuse_python_number("item", "the array itself")

    def tolist(self) -> Any:
        """Refused: Python numbers would carry no derivative."""
        self._refuse_python_number("tolist", "the array itself")

    def _refuse_python_number(self, name: str, instead: str) -> NoReturn:
        raise ConcretizationTypeError(
            f"expected a value that is known while the function is traced, got {self!r}: {name}() would give a Python "
            "number, which no transform can follow",
            instead=in_place_of_scipy()
            or f"{instead}, and functions of NumPy or functrace.numpy in place of those of `math`; "
            "x.at[i].set(y) in place of out[i] = y; "
            f"{name}(functrace.lax.stop_gradient(x)) under grad where the number is only looked at",
        )

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TracerArrayConversionError(
            f"expected an array, got {self!r}: it stands for a value while a function is traced and cannot become a "
            "numpy.ndarray (numpy.asarray, out[i] = x, out=, or a function written in C asked for one)",
            instead=in_place_of_scipy()
            or "the function of NumPy or functrace.numpy that takes arrays (numpy.stack in place of "
            "numpy.array([...]), numpy.take(x, i, axis=0) in place of x[i] by a traced i, "
            "functrace.numpy.at(x)[i, j].get() in place of x[i, j], x.at[i].set(y) in place of "
            "out[i] = y; functrace.random in place of numpy.random); functrace.pure_callback for a function "
            "that must see the array",
        )

    def __setitem__(self, index: Any, value: Any) -> None:
        raise ImmutableError(
            f"{self!r} cannot be assigned to: a traced value does not change",
            instead="x = x.at[index].set(value); also .add, .multiply, .min, .max",
        )

    def __delitem__(self, index: Any) -> None:
        raise ImmutableError(f"elements of {self!r} cannot be deleted", instead="functrace.numpy.delete(x, index)")

    def __hash__(self) -> int:
        raise ConcretizationTypeError(
            f"unhashable: {self!r} has no value to hash while the function is traced",
            instead="a key that is known (an int, a name); static_argnums for an argument of jit that is a key",
        )

    def __copy__(self) -> Tracer:
        return self

    def __deepcopy__(self, memo: Any) -> Tracer:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise ConcretizationTypeError(
            f"{self!r} cannot be pickled: it stands for a value while a function is traced",
            instead="return the value from the traced function, and save it there",
        )

    def __format__(self, spec: str) -> str:
        value = self.concrete()
        return repr(self) if value is None else format(value, spec)

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self.aval}>"


def set_methods(methods: dict[str, Any]) -> None:
    """Give every tracer these operators, methods and properties."""
    for name, method in methods.items():
        setattr(Tracer, name, method)


def level_of(values: Iterable[Any]) -> int:
    """The level of the innermost trace among values; 0 where all are known."""
    return max([value._trace.level for value in values if isinstance(value, Tracer)], default=0)


def raise_refusal(error: ValueError) -> None:
    """Raise a tracer's refusal to become a number (`out[i] = x`), where NumPy hides it behind an error of its own."""
    if isinstance(error.__cause__, ConcretizationTypeError):
        raise error.__cause__ from None


def concrete_or_none(value: Any) -> Any:
    """The value behind a tracer where it is known, the value itself where it is no tracer, else None."""
    while isinstance(value, Tracer):
        value = value.concrete()
    return value


def require_callable(function: Any, transform: str) -> Callable:
    """`function`, or an error that says what the transform takes."""
    if not callable(function):
        raise ArgumentError(
            f"{transform} expected a function, got {type(function).__name__}",
            instead=f"{transform}(f)(x), not {transform}(f(x))",
        )
    return function
