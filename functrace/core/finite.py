"""The search for NaN and infinities: while `debug_nans` or `debug_infs` is on, the results of operations are checked.

Nothing is checked while they are off: `Primitive.__call__` is `bind` itself, and becomes another function only when one
of them is switched on. A compiled program is checked by its results. If there is something among them, it is evaluated
again equation by equation, and so are the programs inside, until the first equation that gives it is found.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..config import config
from ..errors import DtypeError, NonFiniteError
from .aval import aval_of
from .jaxpr import eval_jaxpr, inner_jaxprs
from .primitive import Primitive
from .trace import Tracer, bind, current_location


def _checking_bind(primitive: Primitive, /, *args: Any, **params: Any) -> Any:
    """`bind`, and a look at what it gives."""
    out = bind(primitive, *args, **params)
    if not (config.debug_nans or config.debug_infs):
        return out
    found = _found(out if primitive.multiple_results else [out])
    if found is None:
        return out
    if not in_search():
        with _searching():
            _evaluate(primitive, args, params)  # raises at the first equation inside that gives it
    elif primitive.calls:
        _evaluate(primitive, args, params)
    raise _error(primitive.name, found, args)


def look(name: str, values: Any, args: Any = ()) -> None:
    """Raise if there is a NaN or an infinity among results, as far as they are looked for."""
    if config.debug_nans or config.debug_infs:
        found = _found([value for value in values if _is_number(value)])
        if found is not None:
            raise _error(name, found, args)


def checked_call(function: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a function of NumPy's, and look at what it gives."""
    out = function(*args, **kwargs)
    look(function.__name__, out if isinstance(out, (tuple, list)) else [out], args)
    return out


def _error(name: str, found: str, args: Any) -> NonFiniteError:
    shown = ", ".join([_shown(arg) for arg in args if _is_number(arg)])
    return NonFiniteError(
        f"{name} gave {found}" + (f", from {shown}" if shown else ""),
        instead="keep its arguments where it is defined (functrace.numpy.where on the argument, not on the result, so "
        "that the derivative is finite too)",
        where=current_location(),
    )


def _is_number(value: Any) -> bool:
    try:
        aval_of(value)
    except DtypeError:
        return False
    return True


def _evaluate(primitive: Primitive, args: tuple, params: dict[str, Any]) -> None:
    if primitive.calls and params.get("jaxpr") is not None:
        eval_jaxpr(params["jaxpr"].jaxpr, params["jaxpr"].consts, *args)
    elif any(True for _ in inner_jaxprs(params)):
        primitive.impl(*args, **params)


def _found(values: Any) -> str | None:
    """What is among these values: NaN or an infinity, as far as it is looked for; else None."""
    for value in values:
        if isinstance(value, Tracer):
            continue
        if value is not None and aval_of(value).dtype.kind in "fc":
            if config.debug_nans and np.isnan(value).any():
                return "NaN"
            if config.debug_infs and np.isinf(value).any():
                return "an infinity"
    return None


def _shown(value: Any) -> str:
    aval = aval_of(value)
    return str(value) if not aval.shape else str(aval)


class _Search(threading.local):
    on: bool = False


_search = _Search()


def in_search() -> bool:
    """Whether programs are to be evaluated equation by equation."""
    return _search.on


@contextmanager
def _searching() -> Iterator[None]:
    _search.on = True
    try:
        yield
    finally:
        _search.on = False


def _switch(on: bool) -> None:
    Primitive.__call__ = _checking_bind if on else bind  # type: ignore[method-assign]


config.when_debugging(_switch)
