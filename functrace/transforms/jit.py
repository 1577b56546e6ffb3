"""`jit`: a function is traced once for each kind of arguments, and its compiled source is run from then on."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from types import FunctionType
from typing import Any

import numpy as np

from .. import tree
from ..compiler.cache import Cache, CacheInfo
from ..compiler.source import Program, compiled
from ..config import config
from ..core.aval import Aval, ShapeDtypeStruct, array_aval, aval_of, describe
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..core.recording import record
from ..core.trace import Tracer, current_recording, is_tracing, level_of, require_callable
from ..errors import ArgumentError, DtypeError, OptionError
from ..lax.stacks import of_dynamic
from .arguments import as_leaf, flatten_result
from .programs import batch_program, instantiate, jvp_program, split_program, vjp_program, with_captured
from .vmap import axis_environment

CACHE_SIZE = 4096

# ---------------------------------------------------------------------------------------------------------------------
# the primitive: a call of a compiled program
# ---------------------------------------------------------------------------------------------------------------------


def call(closed: ClosedJaxpr, *args: Any, name: str) -> list[Any]:
    """Bind a program with flat arguments."""
    return jit_p(*args, jaxpr=closed, name=name)


def _jit_impl(*args: Any, jaxpr: ClosedJaxpr, name: str) -> list[Any]:
    out = list(compiled(jaxpr, name).call(*args))
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

    __slots__ = ("argument_names", "closed", "out_tree", "program")

    def __init__(self, closed: ClosedJaxpr, out_tree: Any, argument_names: list[str]) -> None:
        self.closed = closed
        self.out_tree = out_tree
        self.argument_names = argument_names
        self.program: Program | None = None


class _Recent:
    """The kind of arguments of the last call, recognised without a key, and what runs for it."""

    __slots__ = ("call", "generation", "hits", "kinds", "treedef", "unflatten")

    @classmethod
    def of(cls, arguments: Any, leaves: Sequence[Any], program: Program, entry: _Entry, cache: Cache) -> _Recent | None:
        """For arguments of a structure that can be recognised."""
        treedef = tree.structure(arguments)
        return cls(treedef, leaves, program, entry, cache.generation) if _are_comparable(treedef) else None

    def __init__(self, treedef: Any, leaves: Sequence[Any], program: Program, entry: _Entry, generation: int) -> None:
        self.treedef = treedef
        self.kinds = [
            (x.__class__, *((x.shape, x.dtype) if isinstance(x, np.ndarray) else (None, None))) for x in leaves
        ]
        self.call = program.call
        self.unflatten = entry.out_tree.unflatten
        self.generation = generation
        self.hits = 0

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
        return leaves


_caches: weakref.WeakKeyDictionary[Callable, dict[Any, Cache]] = weakref.WeakKeyDictionary()


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
        Arguments that the caller does not need any more, whose memory a result may take.

    Returns
    -------
    JitFunction
        Takes what `fun` takes and gives what it gives.

    Raises
    ------
    ArgumentError
        A static argument cannot be hashed, or an argument or result is no array.

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
        "_name",
        "_recent",
        "_signature",
        "_static_argnames",
        "_static_argnums",
        "donate_argnums",
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
        numbers, names = _static(self._signature, static_argnums, static_argnames, "static")
        self._static_argnums = numbers
        self._static_argnames = names
        self.donate_argnums, _ = _static(self._signature, donate_argnums, donate_argnames, "donate")
        self._cache = _shared_cache(fun, (numbers, names))
        self._recent: _Recent | None = None
        update_wrapper(self, fun)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        recent = self._recent
        if recent is not None and not is_tracing() and not config.debugging:
            leaves = recent.leaves_if_same((args, kwargs))
            if leaves is not None and recent.generation == self._cache.generation:
                recent.hits += 1
                return recent.unflatten(recent.call(*leaves))
        return self._call_anew(args, kwargs)

    def _call_anew(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """A call with arguments of another kind than the last."""
        if config.debugging and config.disable_jit:
            return self.__wrapped__(*args, **kwargs)
        if self._recent is not None:  # it may be replaced: its hits stay counted
            self._cache.count(self._recent.take_hits())
        leaves, entry, captured = self._prepare(args, kwargs)
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
                program = entry.program = compiled(entry.closed, self._name, entry.argument_names)
            if not captured and not self._static_argnums and not self._static_argnames:
                self._recent = _Recent.of((args, kwargs), leaves, program, entry, self._cache)
            out = program.call(*operands)
        return entry.out_tree.unflatten(out)

    def _prepare(self, args: tuple, kwargs: dict[str, Any]) -> tuple[list[Any], _Entry, list[Any]]:
        """The leaves of the arguments, the program for their kind, and the tracers that it captured."""
        statics, dynamic_args, dynamic_kwargs = self._split(args, kwargs)
        leaves, treedef = tree.flatten((dynamic_args, dynamic_kwargs))
        kinds = []
        for position, leaf in enumerate(leaves):
            if leaf.__class__ is np.ndarray and leaf.dtype.isnative:
                kinds.append(array_aval(leaf.shape, leaf.dtype))
            else:
                try:
                    leaf = leaves[position] = as_leaf(leaf)
                except DtypeError:
                    path = tree.leaves_with_path((dynamic_args, dynamic_kwargs))[position][0]
                    raise ArgumentError(
                        f"{self._name}: an argument of a jitted function should be made of arrays and numbers, but "
                        f"the leaf at {tree.keystr(path)} (of (args, kwargs)) is {describe(leaf)}",
                        instead="static_argnums or static_argnames for an argument that is a setting",
                    ) from None
                kinds.append(aval_of(leaf))
        key = (treedef, tuple(kinds), statics, axis_environment(), _static_data(treedef))
        entry = self._cache.get(key)
        if entry is not None:
            return leaves, entry, []
        entry, captured = self._trace_entry(args, kwargs, treedef, kinds)
        if not captured:  # a captured tracer is another at the next call: nothing can be kept
            entry = self._cache.put(key, entry)
        return leaves, entry, captured

    def _split(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, tuple, dict[str, Any]]:
        """The static arguments as a key, and the others."""
        if not self._static_argnums and not self._static_argnames:
            return None, args, kwargs
        numbers = {n % len(args) if -len(args) <= n < 0 else n for n in self._static_argnums}
        statics = [(i, _static_key(args[i], i)) for i in sorted(numbers) if 0 <= i < len(args)]
        named = [(name, _static_key(kwargs[name], name)) for name in sorted(self._static_argnames) if name in kwargs]
        dynamic_args = tuple([arg for i, arg in enumerate(args) if i not in numbers])
        dynamic_kwargs = {name: value for name, value in kwargs.items() if name not in self._static_argnames}
        return (tuple(statics), tuple(named)), dynamic_args, dynamic_kwargs

    def _trace_entry(
        self, args: tuple, kwargs: dict[str, Any], treedef: Any, avals: Sequence[Aval]
    ) -> tuple[_Entry, list[Any]]:
        numbers = {n % len(args) if -len(args) <= n < 0 else n for n in self._static_argnums}
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
        names = self._argument_names(args, kwargs, numbers)
        return _Entry(closed, out_tree, [f"captured_{i}" for i in range(len(captured))] + names), captured

    def _argument_names(self, args: tuple, kwargs: dict[str, Any], static: set[int]) -> list[str]:
        """A name for each leaf from the signature and the path: params_0_w."""
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
        return [_readable(name) for name in result]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        return lambda *args, **kwargs: self(instance, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<jit of {self._name}>"

    # -- what is there to look at ------------------------------------------------------------------------------------

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """Trace for arguments (arrays or `ShapeDtypeStruct`) of this kind, and run nothing."""
        statics, dynamic_args, dynamic_kwargs = self._split(args, kwargs)
        leaves, treedef = tree.flatten((dynamic_args, dynamic_kwargs))
        avals = [aval_of(leaf if isinstance(leaf, ShapeDtypeStruct) else as_leaf(leaf)) for leaf in leaves]
        key = (treedef, tuple(avals), statics, axis_environment(), _static_data(treedef))
        entry = self._cache.get(key)
        if entry is None:
            entry, captured = self._trace_entry(args, kwargs, treedef, avals)
            if not captured:
                entry = self._cache.put(key, entry)
        return Traced(entry.closed, self._name, entry.argument_names)

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Write the source for arguments of this kind; ``.as_text()`` gives it."""
        return self.trace(*args, **kwargs).lower()

    def cache_info(self) -> CacheInfo:
        """Hits, misses and size of the cache of traced programs."""
        info = self._cache.info()
        recent = self._recent
        return info if recent is None else info._replace(hits=info.hits + recent.hits)

    def clear_cache(self) -> None:
        """Forget every traced program."""
        self._cache.clear()


class Traced:
    """A function traced for one kind of arguments."""

    def __init__(self, jaxpr: ClosedJaxpr, name: str, argument_names: list[str]) -> None:
        self.jaxpr = jaxpr
        self.fun_name = name
        self._argument_names = argument_names

    def lower(self) -> Lowered:
        """Write the source."""
        return Lowered(compiled(self.jaxpr, self.fun_name, self._argument_names))


class Lowered:
    """The NumPy source of a traced function."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def as_text(self) -> str:
        """The source."""
        return self._program.text

    def compile(self) -> Lowered:
        """The source is compiled already."""
        return self


def _bind(entry: _Entry, operands: Sequence[Any], name: str) -> list[Any]:
    recording = current_recording()
    if recording is not None and not any(isinstance(x, Tracer) for x in operands):
        return recording.process(jit_p, tuple(operands), {"jaxpr": entry.closed, "name": name})
    return call(entry.closed, *operands, name=name)


def _shared_cache(fun: Callable, config: Any) -> Cache:
    """The cache of a function: shared by all `jit`s of it with the same settings, dropped with the function.

    Any other callable may compare equal to another that does something else: it gets a cache of its own.
    """
    if isinstance(fun, FunctionType):
        return _caches.setdefault(fun, {}).setdefault(config, Cache(CACHE_SIZE))
    return Cache(CACHE_SIZE)


def clear_caches() -> None:
    """Forget every traced program of every jitted function."""
    for caches in list(_caches.values()):
        for cache in list(caches.values()):
            cache.clear()


def _readable(name: str) -> str:
    """params[0]['w'] as params_0_w."""
    for mark in ("['", '["', "[", "."):
        name = name.replace(mark, "_")
    for mark in ("']", '"]', "]"):
        name = name.replace(mark, "")
    return name


def _static(
    signature: inspect.Signature | None, numbers: Any, names: Any, kind: str
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Argument numbers and names, each completed from the other by the signature."""
    numbers = () if numbers is None else (numbers,) if isinstance(numbers, (int, np.integer)) else tuple(numbers)
    names = () if names is None else (names,) if isinstance(names, str) else tuple(names)
    if not all(isinstance(n, (int, np.integer)) for n in numbers):
        raise OptionError(f"{kind}_argnums should be ints, got {numbers}")
    if signature is None:
        return tuple(numbers), tuple(names)
    parameters = list(signature.parameters.values())
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    open_ended = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    keywords = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for n in numbers:
        if not open_ended and not -len(positional) <= n < len(positional):
            raise OptionError(f"{kind}_argnums={n}, but the function takes {len(positional)} positional arguments")
    for name in names:
        if not keywords and name not in signature.parameters:
            raise OptionError(
                f"{kind}_argnames={name!r}, but the function has no such argument: it has {list(signature.parameters)}"
            )
    if not open_ended:  # from the back of the function's arguments, whatever a call passes by name
        numbers = tuple([n % len(positional) for n in numbers])
    all_numbers = set(numbers) | {positional.index(name) for name in names if name in positional}
    all_names = set(names) | {positional[n] for n in numbers if -len(positional) <= n < len(positional)}
    return tuple(sorted(all_numbers)), tuple(sorted(all_names))


def _static_key(value: Any, place: int | str) -> Any:
    """A key that tells apart what Python's == does not: 1, 1.0 and True; 0.0 and -0.0."""
    if isinstance(value, Tracer):
        raise ArgumentError(
            f"the static argument {place!r} of a jitted function is {value!r}, which has no value here",
            instead="pass it as an ordinary argument, or a Python number",
        )
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"a static argument of a jitted function has to be hashable, but argument {place!r} is {describe(value)}",
            instead="a tuple in place of a list, or an ordinary (not static) argument for an array",
        ) from None
    return _exact(value)


def _exact(value: Any) -> Any:
    if isinstance(value, tuple):
        return type(value), tuple([_exact(item) for item in value])
    if isinstance(value, frozenset):
        return type(value), frozenset([_exact(item) for item in value])
    if isinstance(value, np.generic):
        return type(value), value.tobytes()
    if isinstance(value, float):
        return type(value), value.hex()
    if isinstance(value, complex):
        return type(value), value.real.hex(), value.imag.hex()
    return type(value), value


def _static_data(treedef: Any) -> tuple:
    """The static data and keys in a structure, as a key that tells apart what == does not."""
    return tuple([_exact(node.aux) for node in treedef._nodes if node is not None and node.aux is not None])


def _are_comparable(treedef: Any) -> bool:
    """Whether == tells the static data and keys in a structure apart, as it does not with numbers (1, 1.0 and True)."""
    return all(_is_comparable(node.aux) for node in treedef._nodes if node is not None)


def _is_comparable(data: Any) -> bool:
    if data.__class__ is tuple:
        return all(_is_comparable(item) for item in data)
    return data is None or isinstance(data, (str, bytes, type))


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
            return closed, out_tree.unflatten(_structs(closed))
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


def _structs(closed: ClosedJaxpr) -> list[ShapeDtypeStruct]:
    return [ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type) for aval in closed.out_avals]
