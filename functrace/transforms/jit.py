"""`jit`: a function is traced once for each kind of arguments, and its compiled source is run from then on."""

from __future__ import annotations

import inspect
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from .. import tree
from ..compiler.cache import Cache, CacheInfo
from ..compiler.source import Program
from ..config import config
from ..core.aval import Aval, ShapeDtypeStruct, array_aval, aval_of, describe
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..core.recording import record
from ..core.trace import Tracer, current_recording, is_tracing, level_of, require_callable
from ..errors import ArgumentError, DtypeError, OptionError
from ..lax.stacks import of_dynamic
from ..pytrees.generated import USES_BEFORE_COMPILING
from .arguments import as_leaf, flatten_result
from .compile_log import compiled_and_logged, log_trace
from .donation import donated_leaves, donating
from .programs import batch_program, instantiate, jvp_program, split_program, vjp_program, with_captured
from .repeated_calls import OTHER, repeated_call
from .stages import Lowered, Traced, structs
from .static_arguments import are_comparable, numbers_and_names, positions_of, static_data, static_key
from .vmap import axis_environment

CACHE_SIZE = 4096

# ---------------------------------------------------------------------------------------------------------------------
# the primitive: a call of a compiled program
# ---------------------------------------------------------------------------------------------------------------------


def call(closed: ClosedJaxpr, *args: Any, name: str) -> list[Any]:
    """Bind a program with flat arguments."""
    return jit_p(*args, jaxpr=closed, name=name)


def _jit_impl(*args: Any, jaxpr: ClosedJaxpr, name: str) -> list[Any]:
    out = list(compiled_and_logged(jaxpr, name).call(*args))
    for position in _weak_results(jaxpr):  # a Python scalar, which yields in promotion as the jaxpr says
        out[position] = out[position].item()
    return out


def _weak_results(closed: ClosedJaxpr) -> list[int]:
    """The positions of the results whose dtype is weak."""
    return closed.derived("weak results", lambda: [i for i, aval in enumerate(closed.out_avals) if aval.weak_type])


def _jit_value_and_jvp(
    primals: Sequence, tangents: Sequence, *, jaxpr: ClosedJaxpr, name: str
) -> tuple[list[Any], list[Any]]:
    nonzero = tuple([tangent is not None for tangent in tangents])
    derived = jvp_program(jaxpr, nonzero)
    given = [tangent for tangent in tangents if tangent is not None]
    if level_of(given) > level_of(primals):  # in `linearize` the tangents are not known yet
        out = _in_two_steps(derived.program, primals, given, name)
    else:
        out = call(derived.program, *primals, *given, name=f"jvp_{name}")
    count = len(derived.nonzero_out)
    parts = iter(out[count:])
    return out[:count], [next(parts) if follows else None for follows in derived.nonzero_out]


def _in_two_steps(program: ClosedJaxpr, primals: Sequence, tangents: Sequence, name: str) -> list[Any]:
    """A program of primals and tangents: what the primals alone give, and for the tangents the rest."""
    split = split_program(program, (False,) * len(primals) + (True,) * len(tangents))
    known = call(split.known, *primals, name=f"forward_{name}")
    results, residuals = iter(known), known[split.waits.count(False) :]
    waited = iter(call(split.rest, *residuals, *tangents, name=f"tangent_{name}"))
    return [next(waited) if waits else next(results) for waits in split.waits]


def _jit_vjp_fwd(
    args: Sequence, wanted: tuple[bool, ...], *, jaxpr: ClosedJaxpr, name: str
) -> tuple[list[Any], tuple[list[Any], list[Any]]]:
    derived = vjp_program(jaxpr, wanted)
    out = call(derived.forward, *args, name=f"forward_{name}")
    results = out[: derived.results]
    return results, (out[derived.results :], of_dynamic(results, jaxpr.out_avals))


def _jit_vjp_bwd(
    cts: Sequence, residuals: tuple, args: Sequence, wanted: tuple[bool, ...], *, jaxpr: ClosedJaxpr, name: str
) -> list[Any]:
    derived = vjp_program(jaxpr, wanted)
    kept, results = residuals
    given = [
        instantiate(ct, aval, result)
        for ct, aval, result, take in zip(cts, jaxpr.out_avals, results, derived.takes, strict=True)
        if take
    ]
    parts = iter(call(derived.backward, *kept, *given, name=f"backward_{name}"))
    return [next(parts) if gives else None for gives in derived.gives]


def _jit_batch(
    size: int, args: Sequence, dims: Sequence, *, jaxpr: ClosedJaxpr, name: str
) -> tuple[list[Any], Sequence[int | None]]:
    derived = batch_program(jaxpr, size, tuple(dims), getattr(size, "axis_name", None))
    return call(derived.program, *args, name=f"vmap_{name}"), derived.out_dims


jit_p = Primitive(
    "jit",
    _jit_impl,
    lambda *avals, jaxpr, name: jaxpr.out_avals,
    value_and_jvp=_jit_value_and_jvp,
    vjp_fwd=_jit_vjp_fwd,
    vjp_bwd=_jit_vjp_bwd,
    batch=_jit_batch,
    calls=True,
    multiple_results=True,
)

# ---------------------------------------------------------------------------------------------------------------------
# the transform
# ---------------------------------------------------------------------------------------------------------------------


class _Entry:
    """What is kept for one kind of arguments."""

    __slots__ = ("argument_names", "closed", "donated", "leaf_names", "out_tree", "program")

    def __init__(
        self,
        closed: ClosedJaxpr,
        out_tree: Any,
        argument_names: list[str],
        leaf_names: list[str],
        donated: tuple[int, ...],
    ) -> None:
        self.closed = closed
        self.out_tree = out_tree
        self.argument_names = argument_names  # as Python names, and with those of captured tracers in front
        self.leaf_names = leaf_names
        self.donated = donated
        self.program: Program | None = None


class _Recent:
    """The kind of arguments of the last call, recognised without a key, and what runs for it."""

    __slots__ = ("call", "generation", "hits", "key", "kinds", "out_tree", "repeated", "treedef", "unflatten", "uses")

    def __init__(self, key: Any, leaves: Sequence[Any], call: Callable, out_tree: Any, generation: int) -> None:
        self.key = key
        self.treedef = key[0]
        self.kinds = [
            (x.__class__, *((x.shape, x.dtype) if isinstance(x, np.ndarray) else (None, None))) for x in leaves
        ]
        self.call = call
        self.out_tree = out_tree
        self.unflatten = out_tree.unflatten
        self.generation = generation
        self.hits = 0
        self.uses = 0
        self.repeated: Callable[[Any], Any] | None = None  # what is written for this kind once it is used often

    def take_hits(self) -> int:
        """How often it was used since this was asked last."""
        hits, self.hits = self.hits, 0
        return hits

    def leaves_if_same(self, arguments: Any) -> list[Any] | None:
        """The leaves of the arguments if they are of this kind."""
        leaves = self.treedef.flatten_same(arguments)
        if leaves is not None:
            for leaf, (kind, shape, dtype) in zip(leaves, self.kinds):  # noqa: B905 (as many, and this is the hot path)
                if leaf.__class__ is not kind:
                    return None
                if shape is not None and (leaf.dtype is not dtype or leaf.shape != shape):
                    return None
            self.uses += 1
            if self.uses == USES_BEFORE_COMPILING:
                self.repeated = repeated_call(self.treedef, leaves, self.call, self.out_tree)
        return leaves


def jit(
    fun: Callable | None = None,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
) -> Any:
    """Compile a function to NumPy source: traced once for each kind of arguments, run as source from then on.

    Parameters
    ----------
    fun
        A function of arrays and pytrees whose result depends on nothing that changes but its arguments.
    static_argnums, static_argnames
        Arguments that are settings: hashable, and a new value compiles anew.
    donate_argnums, donate_argnames
        Arguments that the caller does not need any more: the memory of an array in them may be written over, and become
        that of a result. What such an array holds after a call is not defined, and it may be the result itself. Views,
        and arrays that are read-only, not in row-major order or among the other arguments too, are copied first. Inside
        of another transform it has no effect.

    Returns
    -------
    JitFunction
        Takes what `fun` takes and gives what it gives.

    Raises
    ------
    ArgumentError
        A static argument cannot be hashed, or an argument or result is no array.
    OptionError
        The function has no such argument, or one is both static and donated.

    Notes
    -----
    What is computed element by element on arrays is what the function gives without `jit`, to the last bit; so it is on
    any number of threads (``functrace.config.threads``). A function of a float64 scalar is the C library's, and may
    differ in the last place. Sums and products of matrices may add in another order, as BLAS does: a sum of n terms
    differs by at most about n · eps · (the sum of their moduli), where eps is the dtype's unit of rounding.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> f = functrace.jit(lambda x: fnp.sum(x * x))
    >>> float(f(fnp.array([1.0, 2.0])))
    5.0
    """
    options: dict[str, Any] = {
        "static_argnums": static_argnums,
        "static_argnames": static_argnames,
        "donate_argnums": donate_argnums,
        "donate_argnames": donate_argnames,
    }
    if fun is None:
        return lambda function: JitFunction(function, **options)
    return JitFunction(fun, **options)


class JitFunction:
    """A function that `jit` compiles."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "__wrapped__",
        "_cache",
        "_donate_argnames",
        "_donate_argnums",
        "_name",
        "_recent",
        "_signature",
        "_static_argnames",
        "_static_argnums",
    )

    def __init__(
        self,
        fun: Callable,
        *,
        static_argnums: int | Sequence[int] | None,
        static_argnames: str | Iterable[str] | None,
        donate_argnums: int | Sequence[int] | None,
        donate_argnames: str | Iterable[str] | None,
    ) -> None:
        require_callable(fun, "jit")
        self.__wrapped__ = fun
        self._name = getattr(fun, "__name__", type(fun).__name__)
        try:
            self._signature: inspect.Signature | None = inspect.signature(fun)
        except (TypeError, ValueError):
            self._signature = None
        static = numbers_and_names(self._signature, static_argnums, static_argnames, "static")
        donated = numbers_and_names(self._signature, donate_argnums, donate_argnames, "donate")
        both = [str(place) for place in (*static[0], *static[1]) if place in (*donated[0], *donated[1])]
        if both:
            raise OptionError(
                f"the arguments {', '.join(both)} of {self._name} are static and donated, but a setting has no memory "
                "that a result could take",
                instead="donate_argnums or donate_argnames for arrays alone",
            )
        self._static_argnums, self._static_argnames = static
        self._donate_argnums, self._donate_argnames = donated
        self._recent: _Recent | None = None
        update_wrapper(self, fun)
        self.__dict__.pop(_CACHES, None)
        self._cache = _cache_of(fun, (*static, *donated))
        with _registry_lock:
            _jitted.add(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        recent = self._recent
        if (
            recent is not None
            and recent.generation == self._cache.generation
            and not is_tracing()
            and not config.debugging
        ):
            repeated = recent.repeated
            if repeated is not None:
                out = repeated((args, kwargs))
                if out is not OTHER:
                    recent.hits += 1
                    return out
            else:
                leaves = recent.leaves_if_same((args, kwargs))
                if leaves is not None:
                    recent.hits += 1
                    return recent.unflatten(recent.call(*leaves))
        return self._call_anew(args, kwargs)

    def _call_anew(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """A call with arguments of another kind than the last."""
        if config.debugging and config.disable_jit:
            return self.__wrapped__(*args, **kwargs)
        cache, recent = self._cache, self._recent
        if recent is not None and recent.generation == cache.generation:  # it may be replaced: its hits stay counted
            cache.count(recent.key, recent.take_hits())
        generation = cache.generation
        leaves, entry, captured, key = self._prepare(args, kwargs)
        operands = [*captured, *leaves]
        if current_recording() is not None or any(isinstance(leaf, Tracer) for leaf in operands):
            out: Sequence[Any] = _bind(entry, operands, self._name)
        elif config.debugging:  # through the door at which results are checked
            out = call(entry.closed, *operands, name=self._name)
            for position in _weak_results(entry.closed):
                out[position] = entry.closed.out_avals[position].dtype.type(out[position])
        else:
            program = entry.program
            if program is None:
                program = entry.program = compiled_and_logged(
                    entry.closed, self._name, entry.argument_names, entry.donated
                )
            run = donating(program.call, entry.donated)
            if not captured and not self._static_argnums and not self._static_argnames and are_comparable(key[0]):
                self._recent = _Recent(key, leaves, run, entry.out_tree, generation)
            out = run(*operands)
        return entry.out_tree.unflatten(out)

    def _prepare(self, args: tuple, kwargs: dict[str, Any]) -> tuple[list[Any], _Entry, list[Any], Any]:
        """The leaves of the arguments, the program for their kind, the tracers that it captured, and the kind."""
        statics, dynamic_args, dynamic_kwargs = self._split(args, kwargs)
        leaves, treedef = tree.flatten((dynamic_args, dynamic_kwargs))
        avals = []
        for position, leaf in enumerate(leaves):
            try:
                if leaf.__class__ is np.ndarray and leaf.dtype.isnative:
                    avals.append(array_aval(leaf.shape, leaf.dtype))
                else:
                    leaf = leaves[position] = as_leaf(leaf)
                    avals.append(aval_of(leaf))
            except DtypeError as error:
                raise self._refused(leaf, position, (dynamic_args, dynamic_kwargs), error) from None
        return (leaves, *self._find(args, kwargs, statics, treedef, avals))

    def _refused(self, leaf: Any, position: int, arguments: Any, error: DtypeError) -> ArgumentError:
        """The error for a leaf of ``(args, kwargs)`` that is no array of numbers."""
        path, _ = tree.leaves_with_path(arguments)[position]
        setting = "static_argnums or static_argnames for an argument that is a setting"
        return ArgumentError(
            f"{self._name}: an argument of a jitted function should be made of arrays and numbers, but the leaf at "
            f"{tree.keystr(path)} (of (args, kwargs)) is {describe(leaf)}",
            instead=error.instead if isinstance(leaf, np.ndarray) else setting,
        )

    def _split(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, tuple, dict[str, Any]]:
        """The static arguments as a key, and the others."""
        if not self._static_argnums and not self._static_argnames:
            return None, args, kwargs
        numbers = positions_of(self._static_argnums, len(args))
        statics = [(i, static_key(args[i], i)) for i in sorted(numbers) if 0 <= i < len(args)]
        named = [(name, static_key(kwargs[name], name)) for name in sorted(self._static_argnames) if name in kwargs]
        dynamic_args = tuple([arg for i, arg in enumerate(args) if i not in numbers])
        dynamic_kwargs = {name: value for name, value in kwargs.items() if name not in self._static_argnames}
        return (tuple(statics), tuple(named)), dynamic_args, dynamic_kwargs

    def _find(
        self, args: tuple, kwargs: dict[str, Any], statics: Any, treedef: Any, avals: Sequence[Aval]
    ) -> tuple[_Entry, list[Any], Any]:
        """What is kept for a kind of arguments, traced if need be; the tracers that it captured; and the kind."""
        key = (treedef, tuple(avals), statics, axis_environment(), static_data(treedef))
        entry = self._cache.get(key)
        if entry is not None:
            return entry, [], key
        start = time.perf_counter()
        entry, captured = self._trace_entry(args, kwargs, treedef, avals)
        if config.log_compiles:
            log_trace(self.__wrapped__, self._name, start, key, entry.leaf_names, self._cache)
        if not captured:  # a captured tracer is another at the next call: nothing can be kept
            entry = self._cache.put(key, entry)
        return entry, captured, key

    def _trace_entry(
        self, args: tuple, kwargs: dict[str, Any], treedef: Any, avals: Sequence[Aval]
    ) -> tuple[_Entry, list[Any]]:
        numbers = positions_of(self._static_argnums, len(args))
        out_tree: Any = None

        def flat(*tracers: Any) -> list[Any]:
            nonlocal out_tree
            dynamic_args, dynamic_kwargs = treedef.unflatten(tracers)
            rest = iter(dynamic_args)
            arguments = [arg if i in numbers else next(rest) for i, arg in enumerate(args)]
            keywords = {name: kwargs[name] for name in kwargs if name in self._static_argnames}
            out, out_tree = flatten_result(self.__wrapped__(*arguments, **keywords, **dynamic_kwargs), "jit")
            return out

        closed, captured = with_captured(record(flat, avals))
        leaf_names = self._leaf_names(args, kwargs, numbers)
        argument_names = [f"captured_{i}" for i in range(len(captured))] + [_readable(name) for name in leaf_names]
        donated = () if captured else self._donated(args, kwargs, numbers, avals)
        return _Entry(closed, out_tree, argument_names, leaf_names, donated), captured

    def _donated(self, args: tuple, kwargs: dict[str, Any], static: set[int], avals: Sequence[Aval]) -> tuple[int, ...]:
        """The positions of the leaves that are donated."""
        if not self._donate_argnums and not self._donate_argnames:
            return ()
        numbers = positions_of(self._donate_argnums, len(args))
        dynamic = [i for i in range(len(args)) if i not in static]
        return donated_leaves(
            [args[i] for i in dynamic],
            {name: value for name, value in kwargs.items() if name not in self._static_argnames},
            {position for position, i in enumerate(dynamic) if i in numbers},
            self._donate_argnames,
            avals,
        )

    def _leaf_names(self, args: tuple, kwargs: dict[str, Any], static: set[int]) -> list[str]:
        """A name for each leaf from the signature and the path: params[0]['w']."""
        parameters = list(self._signature.parameters.values()) if self._signature is not None else []
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "arg")
        result = []
        for i, arg in enumerate(args):
            if i not in static:
                label = names[i] if i < len(names) else f"{rest}_{i - len(names)}"
                result += [label + tree.keystr(path) for path, _ in tree.leaves_with_path(arg)]
        for name in sorted(kwargs):
            if name not in self._static_argnames:
                result += [name + tree.keystr(path) for path, _ in tree.leaves_with_path(kwargs[name])]
        return result

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        return MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<jit of {self._name}>"

    # -- what is there to look at ------------------------------------------------------------------------------------

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """Trace for arguments (arrays or `ShapeDtypeStruct`) of this kind, and run nothing.

        Returns
        -------
        Traced
            With ``.jaxpr``, ``.in_avals``, ``.out_info`` and ``.lower()``.
        """
        statics, dynamic_args, dynamic_kwargs = self._split(args, kwargs)
        leaves, treedef = tree.flatten((dynamic_args, dynamic_kwargs))
        avals = []
        for position, leaf in enumerate(leaves):
            try:
                avals.append(aval_of(leaf if isinstance(leaf, ShapeDtypeStruct) else as_leaf(leaf)))
            except DtypeError as error:
                raise self._refused(leaf, position, (dynamic_args, dynamic_kwargs), error) from None
        entry, _, _ = self._find(args, kwargs, statics, treedef, avals)
        return Traced(
            entry.closed, self._name, treedef, entry.out_tree, entry.donated, entry.argument_names, entry.leaf_names
        )

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Write the source for arguments of this kind.

        Returns
        -------
        Lowered
            With ``.as_text()``, the source; ``.cost_analysis()``; and ``.compile()``, the function of such arguments.
        """
        return self.trace(*args, **kwargs).lower()

    def cache_info(self) -> CacheInfo:
        """Hits, misses and size of the cache of traced programs."""
        info, recent = self._cache.info(), self._recent
        if recent is None or recent.generation != self._cache.generation:
            return info
        return info._replace(hits=info.hits + recent.hits)

    def clear_cache(self) -> None:
        """Forget every traced program."""
        self._cache.clear()
        self._recent = None


def _bind(entry: _Entry, operands: Sequence[Any], name: str) -> list[Any]:
    recording = current_recording()
    if recording is not None and not any(isinstance(x, Tracer) for x in operands):
        return recording.process(jit_p, tuple(operands), {"jaxpr": entry.closed, "name": name})
    return call(entry.closed, *operands, name=name)


class _Caches(dict[Any, Cache]):
    """The caches of a function, one for each way in which it is jitted. They are kept on it, as an attribute.

    So a function and what was compiled of it, which may hold the function in turn, are collected together.
    """

    def __init__(self, function: FunctionType | None = None) -> None:
        self.function = None if function is None else weakref.ref(function)

    def __reduce__(self) -> Any:  # a function is sent to another process without them
        return _Caches, ()


_CACHES = "__functrace_caches__"
_registry_lock = threading.RLock()
_all_caches: weakref.WeakSet[Cache] = weakref.WeakSet()
_jitted: weakref.WeakSet[JitFunction] = weakref.WeakSet()


def _cache_of(fun: Callable, settings: Any) -> Cache:
    """The cache of a function: shared by all `jit`s of it with the same settings, dropped with the function.

    Any other callable may compare equal to another that does something else: it gets a cache of its own.
    """
    with _registry_lock:
        if not isinstance(fun, FunctionType):
            cache = Cache(CACHE_SIZE)
        else:
            caches = fun.__dict__.get(_CACHES)
            if caches is None or caches.function is None or caches.function() is not fun:  # of a function it wraps
                caches = fun.__dict__[_CACHES] = _Caches(fun)
            cache = caches.setdefault(settings, Cache(CACHE_SIZE))
        _all_caches.add(cache)
        return cache


def clear_caches() -> None:
    """Forget every traced program of every jitted function."""
    with _registry_lock:
        caches, functions = list(_all_caches), list(_jitted)
    for cache in caches:
        cache.clear()
    for function in functions:
        function._recent = None


def _readable(name: str) -> str:
    """params[0]['w'] as params_0_w."""
    for mark in ("['", '["', "[", "."):
        name = name.replace(mark, "_")
    for mark in ("']", '"]', "]"):
        name = name.replace(mark, "")
    return name


# ---------------------------------------------------------------------------------------------------------------------
# looking at a function's jaxpr and result type
# ---------------------------------------------------------------------------------------------------------------------


def make_jaxpr(fun: Callable, static_argnums: int | Sequence[int] = (), return_shape: bool = False) -> Callable:
    """The function that gives the jaxpr of `fun` for given arguments.

    Parameters
    ----------
    fun
        A function of arrays and pytrees.
    static_argnums
        Arguments that are settings.
    return_shape
        Whether to give also the result as a pytree of `ShapeDtypeStruct`.

    Returns
    -------
    callable
        Takes what `fun` takes (or `ShapeDtypeStruct` in place of arrays) and gives a `ClosedJaxpr`.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> functrace.make_jaxpr(fnp.sin)(fnp.zeros(3))
    { lambda ; a:f64[3]. let b:f64[3] = sin a in (b,) }
    """
    require_callable(fun, "make_jaxpr")
    statics = {static_argnums} if isinstance(static_argnums, (int, np.integer)) else set(static_argnums)

    def jaxpr_maker(*args: Any, **kwargs: Any) -> Any:
        numbers = {n % len(args) if n < 0 else n for n in statics}
        dynamic = tuple([arg for i, arg in enumerate(args) if i not in numbers])
        leaves, treedef = tree.flatten((dynamic, kwargs))
        avals = [aval_of(leaf if isinstance(leaf, ShapeDtypeStruct) else as_leaf(leaf)) for leaf in leaves]
        out_tree: Any = None

        def flat(*tracers: Any) -> list[Any]:
            nonlocal out_tree
            dynamic_args, keywords = treedef.unflatten(tracers)
            rest = iter(dynamic_args)
            arguments = [arg if i in numbers else next(rest) for i, arg in enumerate(args)]
            out, out_tree = flatten_result(fun(*arguments, **keywords), "make_jaxpr")
            return out

        closed = record(flat, avals)
        if return_shape:
            return closed, out_tree.unflatten(structs(closed))
        return closed

    return jaxpr_maker


def eval_shape(fun: Callable, *args: Any, **kwargs: Any) -> Any:
    """The shapes and dtypes of what `fun` gives for these arguments, without computing it.

    Parameters
    ----------
    fun
        A function of arrays and pytrees.
    *args, **kwargs
        Its arguments: arrays or `ShapeDtypeStruct`.

    Returns
    -------
    pytree of ShapeDtypeStruct

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> functrace.eval_shape(lambda x: x @ x.T, functrace.ShapeDtypeStruct((2, 3), "float32"))
    ShapeDtypeStruct(shape=(2, 2), dtype=float32)
    """
    return make_jaxpr(fun, return_shape=True)(*args, **kwargs)[1]
