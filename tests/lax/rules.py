"""What every primitive's rules owe to each other and to NumPy, checked for any function of arrays."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from functrace.core.aval import Aval, aval_of
from functrace.core.jaxpr import ClosedJaxpr, Literal, check_jaxpr, eval_jaxpr
from functrace.core.recording import record
from functrace.transforms.jvp import run_jvp, unpack
from functrace.transforms.vjp import VJPTracer, backward, trace_vjp
from functrace.transforms.vmap import BatchTrace, BatchTracer

Function = Callable[..., Any]


def check_rules(
    function: Function,
    *args: Any,
    expected: Any = None,
    order: int = 2,
    batch: bool = True,
    variants: Callable[[np.ndarray, int], np.ndarray] | None = None,
    rtol: float | None = None,
    seed: int = 0,
) -> Any:
    """Check the rules of the primitives in `function` against each other and against independent sources.

    - the value equals `expected`, in shape and dtype too, and changes no argument in place;
    - the abstract rules give the shape and dtype of the value; the recorded jaxpr is well formed and evaluates to
      the value, by the primitives and by the text of their source rules;
    - jvp agrees with central differences, vjp is the transpose of jvp, both to `order`, in every argument whose dtype
      is a float or complex one, with the dtypes and shapes of what they belong to;
    - the batching rules agree with a Python loop, for each choice of batched arguments, the batch on each axis.

    Parameters
    ----------
    function
        Takes arrays, gives an array or a sequence of them.
    *args
        NumPy arrays or scalars. Where a derivative is to be checked, the function is smooth around them
        (`distinct_values` gives arrays without ties).
    expected
        The value from an independent source, or a tuple of them.
    order
        Up to which order derivatives are checked: 0 (not at all), 1 or 2.
    batch
        Whether the batching rules are checked.
    variants
        ``variants(arg, number)``: another array of this shape, as an example of a batch. By default its elements in
        reversed order, so that a permutation stays one, and halved for each third example of floats.
    rtol
        The relative tolerance of derivatives; by default 1e-5, for single precision 2e-2.
    seed
        Of the random tangents and cotangents.

    Returns
    -------
    The value.
    """
    kept = [np.array(arg) for arg in args]
    value = function(*args)
    if expected is not None:
        _compare(
            flat(value), flat(expected), rtol=_value_tolerance(flat(value)), what="the value", terms=_largest(args)
        )
    _check_recorded(function, args, flat(value))
    if order:
        _check_derivatives(function, args, order, rtol, np.random.default_rng(seed))
    if batch:
        _check_batching(function, args, variants or _variant)
    for before, after in zip(kept, args, strict=True):
        np.testing.assert_array_equal(after, before, err_msg="an argument was changed in place")
    return value


def distinct_values(rng: np.random.Generator, shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Numbers of either sign without ties, none near zero, at least 0.1 apart (integers: without ties up to 100)."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape))
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        return (
            rng.permutation(np.arange(size) % 100 - (size // 2 if dtype.kind == "i" else 0))
            .reshape(shape)
            .astype(dtype)
        )
    grid = (np.arange(size) - size // 2 + 0.5) * 0.2 + rng.uniform(-0.04, 0.04, size)
    out = rng.permutation(grid).reshape(shape)
    if dtype.kind == "c":
        out = out + 1j * rng.normal(size=shape)
    return np.asarray(out, dtype)


def flat(value: Any) -> list[Any]:
    """One array or a sequence of them, as a list."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


# ---------------------------------------------------------------------------------------------------------------------
# derivatives, driven without the public transforms
# ---------------------------------------------------------------------------------------------------------------------


def jvp_of(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The values of `function` and their tangents (None: zero); a tangent that is None is zero."""
    out, trace = run_jvp(lambda *xs: flat(function(*xs)), primals, tangents)
    pairs = [unpack(trace, value) for value in out]
    return [value for value, _ in pairs], [tangent for _, tangent in pairs]


def vjp_of(function: Function, primals: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
    """The cotangents of the float and complex arguments of `function` (None: zero), for those of its results."""
    places = [index for index, primal in enumerate(primals) if is_inexact(primal)]

    def restricted(*xs: Any) -> list[Any]:
        full = list(primals)
        for place, x in zip(places, xs, strict=True):
            full[place] = x
        return flat(function(*full))

    out, trace, notes = trace_vjp(restricted, [primals[place] for place in places])
    held: list[Any] = [None] * len(notes)
    for value, cotangent in zip(out, cotangents, strict=True):
        if isinstance(value, VJPTracer) and value._trace is trace and cotangent is not None:
            before = held[value.position]
            held[value.position] = cotangent if before is None else before + cotangent
    return backward(notes, held, len(places))


def is_inexact(value: Any) -> bool:
    return aval_of(value).dtype.kind in "fc"


def _check_derivatives(
    function: Function, args: Sequence[Any], order: int, rtol: float | None, rng: np.random.Generator
) -> None:
    out = flat(function(*args))
    single = any(is_inexact(x) and np.finfo(aval_of(x).dtype).bits < 64 for x in (*args, *out))
    rtol = rtol or (2e-2 if single else 1e-5)
    wanted = [is_inexact(arg) for arg in args]
    tangents = [_normal(rng, arg) if want else None for arg, want in zip(args, wanted, strict=True)]
    cotangents = [_normal(rng, value) if is_inexact(value) else None for value in out]
    if not any(wanted):
        return

    # forward mode against central differences, for each argument alone and for all together
    choices = [tuple(i == j for i in range(len(args))) for j in range(len(args)) if wanted[j]] + [tuple(wanted)]
    for choice in dict.fromkeys(choices):
        chosen = [t if use else None for t, use in zip(tangents, choice, strict=True)]
        values, slopes = jvp_of(function, args, chosen)
        _compare(values, out, rtol=1e-12, what="the primal values of jvp")
        for value, slope, numeric in zip(out, slopes, _central_difference(function, args, chosen), strict=True):
            if not is_inexact(value):
                assert slope is None, "an integer or boolean result has a tangent"
                continue
            slope = _zero(value) if slope is None else slope
            _check_aval(slope, value, "a tangent")
            _close(slope, numeric, rtol, "jvp differs from central differences")

    # reverse mode is the transpose of forward mode
    values, slopes = jvp_of(function, args, tangents)
    pulled = vjp_of(function, args, cotangents)
    inputs = [(arg, t) for arg, t in zip(args, tangents, strict=True) if t is not None]
    for (arg, _), part in zip(inputs, pulled, strict=True):
        if part is not None:
            _check_aval(part, arg, "a cotangent")
    forward = sum([_pairing(c, s) for c, s in zip(cotangents, slopes, strict=True) if c is not None and s is not None])
    reverse = sum([_pairing(p, t) for p, (_, t) in zip(pulled, inputs, strict=True) if p is not None])
    size = sum([_pairing(abs(p), abs(t)) for p, (_, t) in zip(pulled, inputs, strict=True) if p is not None])
    assert abs(forward - reverse) <= (1e-4 if single else 1e-9) * (1 + size), (
        f"vjp is not the transpose of jvp: <cotangent, jvp> is {forward}, <vjp, tangent> is {reverse}"
    )

    if order < 2:
        return
    places = [index for index, want in enumerate(wanted) if want]

    def with_floats(xs: Sequence[Any]) -> list[Any]:
        full = list(args)
        for place, x in zip(places, xs, strict=True):
            full[place] = x
        return full

    floats = [args[place] for place in places]
    carried = [index for index, c in enumerate(cotangents) if c is not None]

    def backward_pass(*xs: Any) -> list[Any]:
        given: list[Any] = [None] * len(out)
        for index, x in zip(carried, xs[len(places) :], strict=True):
            given[index] = x
        parts = vjp_of(function, with_floats(xs[: len(places)]), given)
        return [_zero(x) if part is None else part for part, x in zip(parts, floats, strict=True)]

    def forward_pass(*xs: Any) -> list[Any]:
        given: list[Any] = [None] * len(args)
        for place, t in zip(places, xs[len(places) :], strict=True):
            given[place] = t
        _, parts = jvp_of(function, with_floats(xs[: len(places)]), given)
        return [_zero(out[index]) if parts[index] is None else parts[index] for index in carried]

    if carried:
        _check_derivatives(backward_pass, [*floats, *[cotangents[index] for index in carried]], order - 1, rtol, rng)
        _check_derivatives(forward_pass, [*floats, *[tangents[place] for place in places]], order - 1, rtol, rng)


def _central_difference(function: Function, args: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """The slope along the tangents, in double precision."""
    step = 1e-6

    def at(sign: int) -> list[Any]:
        moved = []
        for arg, tangent in zip(args, tangents, strict=True):
            if is_inexact(arg):
                arg = np.asarray(arg).astype(np.result_type(aval_of(arg).dtype, np.float64))
                if tangent is not None:
                    arg = arg + sign * step * np.asarray(tangent)
            moved.append(arg)
        return flat(function(*moved))

    slopes: list[Any] = []
    for above, below in zip(at(1), at(-1), strict=True):
        above, below = np.asarray(above), np.asarray(below)
        # where both are the same infinity, the function is constant
        slopes.append(np.where(above == below, 0, (above - below) / (2 * step)) if is_inexact(above) else None)
    return slopes


def _normal(rng: np.random.Generator, value: Any) -> Any:
    aval = aval_of(value)
    out = rng.normal(size=aval.shape)
    if aval.dtype.kind == "c":
        out = out + 1j * rng.normal(size=aval.shape)
    return np.asarray(out, aval.dtype)[()]


def _zero(value: Any) -> Any:
    aval = aval_of(value)
    return np.zeros(aval.shape, aval.dtype)[()]


def _pairing(x: Any, y: Any) -> float:
    return float(np.real(np.sum(np.asarray(x, np.complex128) * np.asarray(y, np.complex128))))


# ---------------------------------------------------------------------------------------------------------------------
# the jaxpr
# ---------------------------------------------------------------------------------------------------------------------


def _check_recorded(function: Function, args: Sequence[Any], values: Sequence[Any]) -> None:
    closed = record(lambda *xs: flat(function(*xs)), [aval_of(arg) for arg in args])
    check_jaxpr(closed)
    for aval, value in zip(closed.out_avals, values, strict=True):
        _check_aval(value, aval, "by the abstract rule, the value")
    _compare(
        eval_jaxpr(closed.jaxpr, closed.consts, *args),
        values,
        rtol=1e-12,
        what="the jaxpr's value",
        terms=_largest(args),
    )
    # the text may call another function of NumPy, which rounds otherwise
    what = "the value of the source texts"
    _compare(_run_sources(closed, args), values, rtol=_value_tolerance(values), what=what, terms=_largest(args))


def _run_sources(closed: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
    """Evaluate a jaxpr by the texts that its primitives' source rules give."""
    jaxpr = closed.jaxpr
    env: dict[Any, Any] = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*closed.consts, *args), strict=True))

    def read(atom: Any) -> Any:
        return atom.value if isinstance(atom, Literal) else env[atom]

    for equation in jaxpr.equations:
        primitive, params = equation.primitive, equation.params
        names = [f"x{index}" for index in range(len(equation.inputs))]
        inputs = [read(atom) for atom in equation.inputs]
        avals = [atom.aval for atom in equation.inputs]
        text = primitive.source(names, avals, **params) if primitive.source else None
        if text is None:
            out = primitive.impl(*inputs, **params)
        else:
            namespace: dict[str, Any] = {"np": np}
            if isinstance(text, tuple):  # with constants of its own
                template, constants = text
                text = template.format(**{key: f"constant_{key}" for key in constants})
                namespace.update({f"constant_{key}": value for key, (value, _) in constants.items()})
            out = eval(text, namespace, dict(zip(names, inputs, strict=True)))
        for var, value in zip(equation.outputs, out if primitive.multiple_results else [out], strict=True):
            env[var] = value
            if not primitive.aliases:
                shared = any(np.shares_memory(value, x) for x in inputs if isinstance(x, np.ndarray))
                assert not shared, f"the result of {primitive.name} shares memory with an operand"
    return [read(atom) for atom in jaxpr.outvars]


# ---------------------------------------------------------------------------------------------------------------------
# batching
# ---------------------------------------------------------------------------------------------------------------------


def batched(function: Function, size: int, args: Sequence[Any], dims: Sequence[int | None]) -> list[Any]:
    """The values of `function` on batches (axis `dims[i]` of argument `i`), the batch as their first axis."""
    trace = BatchTrace(size)
    tracers = [arg if dim is None else BatchTracer(trace, arg, dim) for arg, dim in zip(args, dims, strict=True)]
    results = []
    for value in flat(function(*tracers)):
        if isinstance(value, BatchTracer) and value._trace is trace:
            results.append(np.moveaxis(value.value, value.dim, 0))
        else:
            results.append(np.broadcast_to(value, (size, *np.shape(value))))
    return results


def _check_batching(function: Function, args: Sequence[Any], variants: Callable[[np.ndarray, int], np.ndarray]) -> None:
    size = 3
    stacks = [[np.asarray(arg), *[variants(np.asarray(arg), number) for number in range(1, size)]] for arg in args]
    for choice in itertools.product((False, True), repeat=len(args)):
        if not any(choice):
            continue
        examples = [
            flat(function(*[stack[number] if use else stack[0] for stack, use in zip(stacks, choice, strict=True)]))
            for number in range(size)
        ]
        expected = [np.stack([np.asarray(example[index]) for example in examples]) for index in range(len(examples[0]))]
        for place in (0, 1, -1):
            dims = [_place(place, np.ndim(arg)) if use else None for arg, use in zip(args, choice, strict=True)]
            given = [
                arg if dim is None else np.stack(stack, dim) for arg, stack, dim in zip(args, stacks, dims, strict=True)
            ]
            got = batched(function, size, given, dims)
            rtol = 1e-4 if _is_single(expected) else 1e-9
            _compare(got, expected, rtol=rtol, what=f"the batch along axes {dims}", terms=_largest(args))


def _place(place: int, ndim: int) -> int:
    return ndim if place < 0 else min(place, ndim)


def _variant(arg: np.ndarray, number: int) -> np.ndarray:
    other = np.flip(arg)
    return other * arg.dtype.type(0.5) if number % 3 == 2 and arg.dtype.kind in "fc" else other


# ---------------------------------------------------------------------------------------------------------------------
# comparison
# ---------------------------------------------------------------------------------------------------------------------


def _is_single(values: Sequence[Any]) -> bool:
    return any(is_inexact(value) and np.finfo(aval_of(value).dtype).bits < 64 for value in values)


def _value_tolerance(values: Sequence[Any]) -> float:
    return 1e-5 if _is_single(values) else 1e-12


def _largest(args: Sequence[Any]) -> float:
    sizes = [np.max(np.abs(arg), where=np.isfinite(arg), initial=0.0) for arg in args if is_inexact(arg)]
    return float(max(sizes, default=0.0))


def _check_aval(value: Any, like: Any, what: str) -> None:
    got, expected = aval_of(value), like if isinstance(like, Aval) else aval_of(like)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), f"{what} is {got}, expected {expected}"


def _compare(got: Sequence[Any], expected: Sequence[Any], *, rtol: float, what: str, terms: float = 0.0) -> None:
    """Compare results, whose rounding may be that of terms of this size, which cancel."""
    assert len(got) == len(expected), f"{what}: {len(got)} results, expected {len(expected)}"
    for a, b in zip(got, expected, strict=True):
        _check_aval(a, b, what)
        if is_inexact(b):
            scale = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
            rounding = 16 * float(np.finfo(aval_of(b).dtype).eps) * terms
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * float(scale) + rounding, err_msg=what)
        else:
            np.testing.assert_array_equal(a, b, err_msg=what)


def _close(got: Any, expected: Any, rtol: float, what: str) -> None:
    scale = float(np.max(np.abs(expected), initial=0.0))
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * (0.1 + scale), err_msg=what)
