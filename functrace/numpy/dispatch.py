"""One table: a NumPy function, and what is done in its place when a tracer is among its arguments.

The function of `functrace.numpy` and NumPy's own function called on a tracer both go through it. With no tracer NumPy's
own function is called, so that values, dtypes, views and errors are NumPy's.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from importlib import import_module
from operator import index
from typing import Any, NoReturn

import numpy as np

from ..config import config
from ..core.aval import PYTHON_SCALARS, aval_of
from ..core.finite import checked_call
from ..core.trace import Tracer, concrete_or_none, current_recording
from ..errors import (
    ArgumentError,
    FunctraceError,
    ImmutableError,
    OptionError,
    TracerArrayConversionError,
    TracerIntegerConversionError,
)
from ..lax.shape import convert_element_type

#: NumPy's function (or a ufunc and the name of one of its methods) → the function that serves tracers.
TRACED: dict[Any, Callable] = {}

#: A ufunc → the operation on operands that it is without keywords, for the hot path.
OPERATIONS: dict[np.ufunc, Callable] = {}

CONTAINERS = (list, tuple)
_NO_VALUE = np._NoValue

#: Where `out` stands among the positional arguments of a function in the table.
_out_positions: dict[Callable, int] = {}

ndarray = np.ndarray

#: Common classes of arguments that are no tracers and hold none.
_NO_TRACER = frozenset({ndarray, int, float, bool, str, type(None), type})


def implements(
    original: Callable, *, creates: bool = False, extensions: Sequence[str] = ()
) -> Callable[[Callable], Callable]:
    """Decorate the function that serves tracers: it becomes the public function, and NumPy's own finds it too.

    Parameters
    ----------
    original
        NumPy's function, called where no argument is traced.
    creates
        Whether it makes arrays out of nothing: inside `jit` it is then recorded.
    extensions
        Keywords that NumPy's function does not have: where one is given, the traced function serves arrays too.
    """

    def decorate(traced: Callable) -> Callable:
        serve(original, traced)

        def function(*args: Any, **kwargs: Any) -> Any:
            for arg in args:
                if arg.__class__ in _NO_TRACER:
                    continue
                if isinstance(arg, Tracer) or (arg.__class__ in CONTAINERS and _starts_with_tracer(arg)):
                    return call_traced(original, traced, args, kwargs)
            if kwargs:
                for name, arg in kwargs.items():
                    if isinstance(arg, Tracer) or name in extensions:
                        return call_traced(original, traced, args, kwargs)
            if creates and current_recording() is not None:
                return call_traced(original, traced, args, kwargs)
            if config.debugging and not (has_tracer(args) or has_tracer(kwargs.values())):
                return checked_call(original, args, kwargs)
            try:
                return original(*args, **kwargs)
            except TracerArrayConversionError:
                if not (has_tracer(args) or has_tracer(kwargs.values())):
                    raise
            return call_traced(original, traced, args, kwargs)

        return dressed(function, original, traced, traced if extensions else original)

    return decorate


def _starts_with_tracer(container: list | tuple) -> bool:
    """Whether a tracer is among the first elements. Others NumPy finds itself, or meets and refuses."""
    for item in container[:4]:  # noqa: SIM110  (any() takes three times as long)
        if isinstance(item, Tracer):
            return True
    return False


def serve(original: Any, traced: Callable) -> None:
    """Enter into the table the function that serves tracers in NumPy's place."""
    TRACED[original] = traced
    code = getattr(traced, "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount]
    if "out" in names:
        _out_positions[traced] = names.index("out")


def dressed(function: Callable, original: Callable, traced: Callable, signed: Callable) -> Callable:
    """The public function with a name, a docstring, and the signature of `signed`."""
    update_wrapper(function, traced)
    function.__wrapped__ = signed  # type: ignore[attr-defined]  # where `inspect.signature` looks
    function.__name__ = function.__qualname__ = name_of(original).lstrip("_")
    function.__module__ = _LATE.get(_library_of(original), "functrace.numpy")
    if not traced.__doc__:
        function.__doc__ = f"`{public_name(original)}`, which can be traced.\n\n{summary(original)}"
    return function


def summary(original: Any) -> str:
    """What NumPy's own docstring says in its first sentences."""
    paragraphs = (original.__doc__ or "").strip().split("\n\n", 2)
    is_signature = len(paragraphs) > 1 and paragraphs[0].startswith(f"{name_of(original)}(")  # as a ufunc's begins
    return " ".join(paragraphs[is_signature].split())


def name_of(original: Any) -> str:
    """A NumPy function's name; of a ufunc's method both names."""
    if isinstance(original, tuple):
        return f"{original[0].__name__}.{original[1]}"
    return getattr(original, "__name__", str(original))


def public_name(original: Any) -> str:
    """Its name with that of its library: ``numpy.linalg.inv``, ``numpy.add.reduce``, ``scipy.special.erf``."""
    return f"{_library_of(original)}.{name_of(original)}"


def _library_of(original: Any) -> str:
    owner = original[0] if isinstance(original, tuple) else original
    if isinstance(owner, np.ufunc):  # it does not say which library it is from
        return "numpy" if getattr(np, owner.__name__, None) is owner else "scipy.special"
    module = (getattr(owner, "__module__", None) or "").split("._")[0]
    return module if module in _LATE else "numpy"


def has_tracer(container: Iterable[Any]) -> bool:
    """Whether a tracer is in nested lists and tuples."""
    kinds = set(map(type, container))
    if any(issubclass(kind, Tracer) for kind in kinds):
        return True
    if list in kinds or tuple in kinds:
        return any(item.__class__ in CONTAINERS and has_tracer(item) for item in container)
    return False


def call_traced(original: Any, traced: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call the function that serves tracers; an argument that it does not take is an error that names it."""
    if kwargs:
        kwargs = {name: value for name, value in kwargs.items() if value is not _NO_VALUE}
        kwargs.pop("like", None)  # what is made where a function is traced can be traced anyway
        if kwargs.pop("out", None) is not None:
            raise _refused_out(original)
    if traced in _out_positions:
        position = _out_positions[traced]
        if len(args) > position and args[position] is not None:
            raise _refused_out(original)
    try:
        return traced(*args, **kwargs)
    except TypeError as error:
        if error.__traceback__ is not None and error.__traceback__.tb_next is None:  # it was never entered
            _refuse_arguments(original, traced, args, kwargs)
        raise


def _refuse_arguments(original: Any, traced: Callable, args: tuple, kwargs: dict[str, Any]) -> None:
    """Raise if the arguments do not fit the signature."""
    signature = inspect.signature(traced)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name != "out"]
        shown = signature.replace(parameters=parameters, return_annotation=signature.empty)
        raise ArgumentError(
            f"{public_name(original)} on a traced value: {error}", instead=f"{name_of(original)}{shown}"
        ) from None


def _refused_out(original: Any) -> ArgumentError:
    assigns = ", nor can `x += y` in an array x" if isinstance(original, np.ufunc) else ""
    return ArgumentError(
        f"{public_name(original)}: out= cannot be filled from a traced value{assigns}",
        instead="use the result (x = x + y in place of x += y); x.at[...].set(...) to write into a part of an array",
    )


def array_function(self: Any, func: Callable, types: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """`Tracer.__array_function__`: NumPy's function called on a tracer."""
    traced = _served(func)
    if traced is None:
        raise ArgumentError(
            f"{func.__module__}.{func.__name__} cannot follow a traced value: it has no counterpart in functrace.numpy",
            instead="write it with functions that have one, or give it a rule with functrace.pure_callback",
        )
    return call_traced(func, traced, args, kwargs)


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """`Tracer.__array_ufunc__`: a NumPy ufunc, or a method of one, called on a tracer."""
    if method == "__call__":
        if not kwargs and ufunc in OPERATIONS:
            return OPERATIONS[ufunc](*[as_operand(x) for x in inputs])
        key: Any = ufunc
    else:
        key = (ufunc, method)
    traced = _served(key)
    if traced is None:
        raise ArgumentError(
            f"the ufunc {name_of(key)} cannot follow a traced value: functrace has no rule for it",
            instead="write it with functions of functrace.numpy",
        )
    return call_traced(key, traced, inputs, kwargs)


def _served(key: Any) -> Callable | None:
    """What serves tracers in the place of a function: also one of a module that has not been needed before."""
    traced = TRACED.get(key)
    if traced is not None:
        return traced
    if isinstance(key, np.ufunc):
        modules = [ours for library, ours in _LATE.items() if library.startswith("scipy") and library in sys.modules]
    else:
        modules = [ours for library, ours in _LATE.items() if getattr(key, "__module__", None) == library]
    for module in modules:
        import_module(module)
    return TRACED.get(key)


#: A library's module → the module of functrace that enters its functions into the table when it is imported.
_LATE = {
    "numpy.linalg": "functrace.numpy.linalg",
    "numpy.fft": "functrace.numpy.fft",
    "scipy.special": "functrace.scipy.special",
}

# ---------------------------------------------------------------------------------------------------------------------
# arguments
# ---------------------------------------------------------------------------------------------------------------------


def as_operand(x: Any) -> Any:
    """What a NumPy function takes for an array, as a primitive's operand: lists become arrays.

    Nested lists with tracers in them are stacked.
    """
    kind = x.__class__
    if kind is ndarray or kind in PYTHON_SCALARS or isinstance(x, Tracer):
        return x
    if kind in CONTAINERS:
        if has_tracer(x):
            from .manipulation import stack

            return stack([as_array(item) for item in x])
        x = np.asarray(x)
    aval_of(x)
    return np.asarray(x) if isinstance(x, ndarray) else x


def as_array(x: Any) -> Any:
    """What a NumPy function makes of an argument before anything else: an array or a tracer, its dtype not weak."""
    if x.__class__ is ndarray:
        return x
    x = as_operand(x)
    if isinstance(x, Tracer):  # only a scalar can be weak
        return convert_element_type(x, x.dtype) if not x.shape and x.weak_type else x
    return np.asarray(x)


def is_operand(x: Any) -> bool:
    """Whether NumPy would take `x` for an array of numbers (an operator with anything else is not ours)."""
    if x is None or isinstance(x, (str, bytes, dict, set)):
        return False
    try:
        aval_of(as_operand(x))
    except (FunctraceError, ValueError, TypeError):
        return False
    return True


def static(x: Any, function: str, argument: str, instead: str) -> Any:
    """The value of an argument that a shape depends on; an error that names it where it is not known.

    Parameters
    ----------
    x
        A number, an array, a list, or a tracer.
    function, argument
        Their names, for the error.
    instead
        What to write instead.
    """
    if x.__class__ in CONTAINERS:
        return type(x)([static(item, function, argument, instead) for item in x]) if has_tracer(x) else x
    if not isinstance(x, Tracer):
        return x
    value = concrete_or_none(x)
    if value is None:
        raise TracerIntegerConversionError(
            f"{function} expected {argument} to be known while the function is traced, got {x!r}: the shape of the "
            "result would depend on its value",
            instead=instead,
        )
    return value


def static_int(x: Any, function: str, argument: str, instead: str) -> int:
    """The value of such an argument that is an integer."""
    return index(static(x, function, argument, instead))


def check_layout(order: Any) -> None:
    """Raise if `order` names no layout in memory. A traced value has none, so that any that NumPy knows is met."""
    if order is not None and order not in ("C", "F", "A", "K"):
        raise OptionError(f"order must be one of 'C', 'F', 'A', or 'K' (got {order!r})")


def in_place(original: Any, instead: str) -> Callable:
    """Make a NumPy function that changes its argument refuse tracers, naming what to write instead."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableError(
            f"{public_name(original)} changes an array in place, and a traced value does not change", instead=instead
        )

    TRACED[original] = refuse
    return original
