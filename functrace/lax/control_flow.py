"""Programs inside programs: `cond`, `switch`, `scan`, `while_loop`, `fori_loop`, `map`, `associative_scan`.

The functions given are traced once, and the loops run compiled source. Each works without `jit`, under every transform
and in every nesting. Reverse mode works through all of them, `while_loop` and a `fori_loop` with a traced number of
steps too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..config import config
from ..core.aval import Aval, aval_of, describe
from ..core.jaxpr import ClosedJaxpr
from ..core.recording import record
from ..core.trace import Tracer, concrete_or_none, require_callable
from ..errors import ArgumentError, DtypeError, OptionError, ShapeError, StructureError
from ..transforms.arguments import as_leaf, flatten_result, own
from ..transforms.programs import with_captured
from ..transforms.vmap import vmap
from .branches import cond_p
from .elementwise import clamp
from .indexing import getitem
from .loops import progress_bar, scan_p, while_p
from .shape import canonical_axis, concatenate, convert_element_type, dtype_of, ndim_of, pad, reshape, shape_of

# ---------------------------------------------------------------------------------------------------------------------
# choice
# ---------------------------------------------------------------------------------------------------------------------


def cond(pred: Any, true_fun: Callable, false_fun: Callable, *operands: Any, operand: Any = None) -> Any:
    """Apply `true_fun` where `pred` is true, else `false_fun`.

    Only the chosen function runs (under `vmap` with a batched `pred`: both, and results are chosen).

    Parameters
    ----------
    pred
        A scalar.
    true_fun, false_fun
        Functions of the operands whose results agree in structure, shapes and dtypes.
    *operands
        Arrays and pytrees.
    operand
        In place of `operands`, where there is one.

    Returns
    -------
    pytree
        What the chosen function gives.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        The functions' results disagree; the message shows both sides leaf by leaf.

    Examples
    --------
    >>> import numpy as np
    >>> float(cond(True, lambda x: x + 1, lambda x: x - 1, 2.0))
    3.0
    """
    require_callable(true_fun, "cond")
    require_callable(false_fun, "cond")
    if operand is not None:
        if operands:
            raise ArgumentError("cond takes operands by position or the one `operand`, not both")
        operands = (operand,)
    if shape_of(pred) != ():
        raise ShapeError(
            f"cond expected a scalar pred, got shape {shape_of(pred)}",
            instead="functrace.numpy.where(pred, x, y), or functrace.vmap over cond",
        )
    if config.disable_jit and concrete_or_none(pred) is not None:
        return true_fun(*operands) if pred else false_fun(*operands)
    index = convert_element_type(pred != 0 if dtype_of(pred).kind != "b" else pred, np.int64)
    return _choose("cond", index, [false_fun, true_fun], ["false_fun", "true_fun"], operands)


def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """Apply the function whose number is `index`, counted from 0; below the first the first, above the last the last.

    Parameters
    ----------
    index
        An integer scalar.
    branches
        Functions of the operands whose results agree.
    *operands
        Arrays and pytrees.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        The functions' results disagree, or the index is no integer.

    Examples
    --------
    >>> float(switch(1, [lambda x: x, lambda x: 2 * x], 3.0))
    6.0
    """
    branches = list(branches)
    if not branches:
        raise ArgumentError("switch expected at least one branch")
    for branch in branches:
        require_callable(branch, "switch")
    if shape_of(index) != ():
        raise ShapeError(f"switch expected a scalar index, got shape {shape_of(index)}")
    if dtype_of(index).kind not in "iu":
        raise DtypeError(f"switch expected an integer index, got {aval_of(index)}", instead="index.astype(int)")
    if config.disable_jit and concrete_or_none(index) is not None:
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    index = clamp(0, convert_element_type(index, np.int64), len(branches) - 1)
    return _choose("switch", index, branches, [f"branch {i}" for i in range(len(branches))], operands)


def _choose(transform: str, index: Any, branches: Sequence[Callable], names: Sequence[str], operands: tuple) -> Any:
    leaves, treedef = tree.flatten(operands)
    leaves = [as_leaf(leaf) for leaf in leaves]
    avals = [aval_of(leaf) for leaf in leaves]
    traced = [
        _trace(branch, treedef, avals, f"{transform} ({name})", conditional=True)
        for branch, name in zip(branches, names, strict=True)
    ]
    first, out_tree = traced[0]
    for (closed, structure), name in zip(traced[1:], names[1:], strict=True):
        if structure != out_tree:
            raise StructureError(
                f"{transform}: the results of {names[0]} and {name} should have the same structure, got\n"
                f"    {names[0]}: {out_tree}\n    {name}: {structure}"
            )
        _check_same(
            f"{transform}: the results of {names[0]} and {name} should have the same types",
            (names[0], first.out_avals),
            (name, closed.out_avals),
            out_tree,
        )
    programs, captured = _with_same_inputs([closed for closed, _ in traced])
    out = cond_p(index, *captured, *leaves, branches=tuple(programs))
    return out_tree.unflatten(own(out, leaves))


def _with_same_inputs(programs: Sequence[ClosedJaxpr]) -> tuple[list[ClosedJaxpr], list[Any]]:
    """Programs that captured different tracers, with all of these as their first inputs."""
    from ..core.jaxpr import Jaxpr, Var

    hoisted = [with_captured(closed) for closed in programs]
    every = list({id(x): x for _, captured in hoisted for x in captured}.values())
    if not every:
        return list(programs), []
    result = []
    for closed, captured in hoisted:
        inner = closed.jaxpr
        mine = {id(x): var for x, var in zip(captured, inner.invars, strict=False)}
        lead = [mine.get(id(x)) or Var(aval_of(x)) for x in every]
        result.append(
            ClosedJaxpr(
                Jaxpr(inner.constvars, [*lead, *inner.invars[len(captured) :]], inner.equations, inner.outvars),
                closed.consts,
            )
        )
    return result, every


def _trace(
    function: Callable, treedef: Any, avals: Sequence[Aval], name: str, *, conditional: bool = False
) -> tuple[ClosedJaxpr, Any]:
    """A function of `treedef`'s arguments as a program whose results are not weak, and the structure of its result."""
    out_tree: Any = None

    def flat(*tracers: Any) -> list[Any]:
        nonlocal out_tree
        out, out_tree = flatten_result(function(*treedef.unflatten(tracers)), name)
        return [_strong(x) for x in out]

    return record(flat, avals, conditional=conditional), out_tree


def _strong(x: Any) -> Any:
    aval = aval_of(x)
    return convert_element_type(x, aval.dtype) if aval.weak_type else x


def _check_same(what: str, one: tuple[str, Sequence[Aval]], other: tuple[str, Sequence[Aval]], treedef: Any) -> None:
    """Raise where avals differ, showing both sides leaf by leaf."""
    pairs = list(zip(one[1], other[1], strict=True))
    differ = [a.shape != b.shape or a.dtype != b.dtype for a, b in pairs]
    if not any(differ):
        return
    paths = [tree.keystr(path) for path, _ in tree.leaves_with_path(treedef.unflatten([0] * len(pairs)))]
    lines = [
        f"    result{path}: {one[0]} {a}, {other[0]} {b}"
        for path, (a, b), different in zip(paths, pairs, differ, strict=True)
        if different
    ]
    if any(a.shape != b.shape for a, b in pairs):
        raise ShapeError(
            what + ", but differ at\n" + "\n".join(lines),
            instead="functrace.numpy.broadcast_to, and x.astype(...) where dtypes differ, on one side",
        )
    narrow = next(a.dtype for (a, _), different in zip(pairs, differ, strict=True) if different)
    raise DtypeError(
        what + ", but differ at\n" + "\n".join(lines),
        instead=f"x.astype(numpy.{narrow}) of what makes it another dtype (of a step's number, an int64: "
        "i.astype(x.dtype)), or of the result",
    )


# ---------------------------------------------------------------------------------------------------------------------
# loops
# ---------------------------------------------------------------------------------------------------------------------


def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    progress: bool = False,
) -> tuple[Any, Any]:
    """Carry a state along an axis: ``carry, y = f(carry, x)`` for each `x`, with the y's stacked.

    Parameters
    ----------
    f
        Takes the carry and one step's inputs, gives the next carry (of the same structure, shapes and dtypes) and the
        step's result; both are pytrees.
    init
        The first carry.
    xs
        A pytree of arrays whose first axes are the steps; None where there are none.
    length
        The number of steps, where `xs` does not say it.
    reverse
        Whether to go from the last step to the first; results stay in the order of `xs`.
    unroll
        Accepted; the number of steps written out at once is the compiler's business.
    progress
        Whether to show a progress bar (tqdm).

    Returns
    -------
    carry, ys
        The last carry, and the results stacked along a first axis.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        A step changes the structure, shape or dtype of the carry; the message shows both sides leaf by leaf.

    Examples
    --------
    >>> import numpy as np
    >>> total, partial = scan(lambda c, x: (c + x, c + x), 0.0, np.arange(4.0))
    >>> float(total), partial
    (6.0, array([0., 1., 3., 6.]))
    """
    require_callable(f, "scan")
    x_leaves, x_tree = tree.flatten(xs)
    x_leaves = [as_leaf(x) for x in x_leaves]
    steps = _scan_length(xs, x_leaves, length)
    if config.disable_jit:
        return _scan_in_python(f, init, x_leaves, x_tree, steps, reverse, progress)
    step_avals = [Aval(aval.shape[1:], aval.dtype) for aval in [aval_of(x) for x in x_leaves]]
    init_leaves, init_tree = tree.flatten(init)
    init_leaves = [as_leaf(x) for x in init_leaves]
    both = tree.treedef_tuple([init_tree, x_tree])

    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        out = f(carry, x)
        if not isinstance(out, (tuple, list)) or len(out) != 2:
            raise ArgumentError(
                f"scan expected f to return a pair (carry, y), got {describe_result(out)}", instead="return carry, y"
            )
        return out[0], out[1]

    init_leaves, closed, out_tree = _settle_carry("scan", step, both, init_leaves, init_tree, step_avals, pair=True)
    closed, captured = with_captured(closed)
    out = scan_p(
        *captured,
        *init_leaves,
        *x_leaves,
        jaxpr=closed,
        num_consts=len(captured),
        num_carry=len(init_leaves),
        length=steps,
        reverse=bool(reverse),
        progress=bool(progress),
    )
    carry, ys = out_tree.unflatten(own(out, [*init_leaves, *x_leaves]))
    return carry, ys


def _scan_length(xs: Any, leaves: Sequence[Any], length: Any) -> int:
    found = []
    for leaf, (path, _) in zip(leaves, tree.leaves_with_path(xs), strict=True):
        if not ndim_of(leaf):
            raise ShapeError(f"scan expected arrays with an axis of steps, but xs{tree.keystr(path)} is a scalar")
        found.append((tree.keystr(path), shape_of(leaf)[0]))
    sizes = {size for _, size in found}
    if length is not None:
        try:
            sizes.add(length.__index__())
        except (TypeError, AttributeError):
            raise ArgumentError(
                f"scan expected length as a static int, got {describe(length)}",
                instead="functrace.lax.fori_loop or while_loop for a traced number of steps",
            ) from None
    if not sizes:
        raise ArgumentError("scan needs the number of steps", instead="xs with at least one array, or length=")
    if len(sizes) > 1:
        lines = [f"    xs{path}: {size} steps" for path, size in found]
        if length is not None:
            lines.append(f"    length: {length} steps")
        raise ShapeError("scan: the numbers of steps differ:\n" + "\n".join(lines))
    return sizes.pop()


def _settle_carry(
    transform: str,
    step: Callable,
    treedef: Any,
    init: list[Any],
    init_tree: Any,
    more: Sequence[Aval],
    *,
    pair: bool,
) -> tuple[list[Any], ClosedJaxpr, Any]:
    """The first carry, with the dtypes that a step gives it where it is weak; the body; the result's structure."""
    count = len(init)
    avals = [aval_of(x) for x in init]
    while True:
        closed, out_tree = _trace(step, treedef, [*avals, *more], transform)
        carry_tree = out_tree.children()[0] if pair else out_tree
        if carry_tree != init_tree:
            raise StructureError(
                f"{transform}: a step should keep the structure of the carry, got\n    before: {init_tree}\n"
                f"    after: {carry_tree}"
            )
        changed = False
        for i, after in enumerate(closed.out_avals[:count]):
            if avals[i].weak_type and after.dtype != avals[i].dtype and after.shape == avals[i].shape:
                avals[i] = after
                changed = True
        if not changed and any(aval.weak_type for aval in avals):  # what nothing is stronger than keeps its dtype
            avals = [aval.strong() for aval in avals]
        elif not changed:
            break
    _check_same(
        f"{transform}: a step should keep the types of the carry",
        ("before", avals),
        ("after", closed.out_avals[:count]),
        init_tree,
    )
    init = [
        convert_element_type(x, aval.dtype) if aval_of(x) != aval or aval.weak_type else x
        for x, aval in zip(init, avals, strict=True)
    ]
    return init, closed, out_tree


def _scan_in_python(
    f: Callable, init: Any, leaves: Sequence[Any], x_tree: Any, steps: int, reverse: bool, progress: bool
) -> tuple[Any, Any]:
    carry, ys = init, []
    order: Any = range(steps - 1, -1, -1) if reverse else range(steps)
    for i in progress_bar(order, steps) if progress else order:
        carry, y = f(carry, x_tree.unflatten([getitem(x, i) for x in leaves]))
        ys.append(y)
    if not ys:
        raise OptionError("scan over no steps cannot run with disable_jit: the shapes of its results are not known")
    if reverse:
        ys.reverse()
    return carry, tree.map(lambda *parts: _stack(parts), *ys)


def _stack(parts: Sequence[Any]) -> Any:
    return concatenate([reshape(x, (1, *shape_of(x))) for x in parts], 0)


def describe_result(value: Any) -> str:
    """What a function returned, in a few words."""
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, (tuple, list)) else type(value).__name__


def while_loop(cond_fun: Callable, body_fun: Callable, init_val: Any) -> Any:
    """Repeat `body_fun` while `cond_fun` is true. Reverse mode works too: residuals go on a stack that grows.

    Parameters
    ----------
    cond_fun
        Takes the value, gives a boolean scalar.
    body_fun
        Takes the value, gives the next one, of the same structure, shapes and dtypes.
    init_val
        The first value, a pytree.

    Returns
    -------
    pytree
        The first value for which `cond_fun` is false.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        A step changes the structure, shape or dtype of the value, or the condition is no boolean scalar.

    Examples
    --------
    >>> import functrace
    >>> f = lambda x: while_loop(lambda v: v < 100.0, lambda v: v * v, x)
    >>> float(f(3.0)), float(functrace.grad(f)(3.0))  # x ** 8
    (6561.0, 17496.0)
    """
    require_callable(cond_fun, "while_loop")
    require_callable(body_fun, "while_loop")
    if config.disable_jit:
        value = init_val
        while cond_fun(value):
            value = body_fun(value)
        return value
    init, treedef = tree.flatten(init_val)
    init = [as_leaf(x) for x in init]
    one = tree.treedef_tuple([treedef])
    init, body, _ = _settle_carry("while_loop", body_fun, one, init, treedef, [], pair=False)
    test, test_tree = _trace(cond_fun, one, [aval_of(x) for x in init], "while_loop (cond_fun)")
    if not tree.treedef_is_leaf(test_tree) or test.out_avals[0].shape != () or test.out_avals[0].dtype.kind != "b":
        got = test.out_avals[0] if tree.treedef_is_leaf(test_tree) else test_tree
        raise DtypeError(
            f"while_loop expected cond_fun to return a boolean scalar, got {got}",
            instead="a comparison; .any() or .all() of several",
        )
    test, test_captured = with_captured(test)
    body, body_captured = with_captured(body)
    out = while_p(
        *test_captured,
        *body_captured,
        *init,
        cond_jaxpr=test,
        body_jaxpr=body,
        cond_nconsts=len(test_captured),
        body_nconsts=len(body_captured),
    )
    return treedef.unflatten(own(out[:-1], init))


def fori_loop(
    lower: Any,
    upper: Any,
    body_fun: Callable,
    init_val: Any,
    *,
    unroll: int | bool | None = None,
    progress: bool = False,
) -> Any:
    """``for i in range(lower, upper): val = body_fun(i, val)``.

    Parameters
    ----------
    lower, upper
        Integers; they may be traced, and reverse mode works all the same.
    body_fun
        Takes the number of the step (an int64) and the value, gives the next value, of the same structure, shapes and
        dtypes.
    init_val
        The first value, a pytree.
    unroll
        Accepted; see `scan`.
    progress
        Whether to show a progress bar (tqdm).

    Returns
    -------
    pytree
        The last value.

    Raises
    ------
    StructureError, ShapeError, DtypeError
        A step changes the structure, shape or dtype of the value.

    Notes
    -----
    By NumPy's promotion a float32 times the int64 `i` is a float64, where JAX keeps float32: write
    ``i.astype(x.dtype)``.

    Examples
    --------
    >>> import numpy as np
    >>> float(fori_loop(1, 5, lambda i, x: x * i, 1.0))
    24.0
    >>> fori_loop(1, 5, lambda i, x: x * i.astype(x.dtype), np.float32(1))
    np.float32(24.0)
    """
    require_callable(body_fun, "fori_loop")
    for name, bound in (("lower", lower), ("upper", upper)):
        if shape_of(bound) != () or dtype_of(bound).kind not in "iu":
            raise DtypeError(f"fori_loop expected {name} as an integer scalar, got {aval_of(bound)}")
    static = not isinstance(lower, Tracer) and not isinstance(upper, Tracer)
    if config.disable_jit and static:
        value = init_val
        order = range(int(lower), int(upper))
        for i in progress_bar(order, len(order)) if progress else order:
            value = body_fun(np.int64(i), value)  # NumPy's, as the one that is traced: it promotes otherwise
        return value
    init, treedef = tree.flatten(init_val)
    init = [as_leaf(x) for x in init]
    first = convert_element_type(lower, np.int64)
    number = tree.structure(0)

    def step(i: Any, value: Any) -> tuple[Any, Any]:
        return i + 1, body_fun(i, value)

    pair = tree.treedef_tuple([number, treedef])
    carry, body, _ = _settle_carry("fori_loop", step, pair, [first, *init], pair, [], pair=False)
    body, captured = with_captured(body)
    steps: list[Any] = []
    length: int | None = None
    if static:
        length = max(int(upper) - int(lower), 0)
    else:
        count = convert_element_type(upper, np.int64) - first
        steps = [clamp(0, count, np.iinfo(np.int64).max)]
    out = scan_p(
        *steps,
        *captured,
        *carry,
        jaxpr=body,
        num_consts=len(captured),
        num_carry=len(carry),
        length=length,
        reverse=False,
        progress=bool(progress),
    )
    return treedef.unflatten(own(out[1:], init))


def map(f: Callable, xs: Any, *, batch_size: int | None = None) -> Any:
    """Apply `f` along the first axis, one element after the other, or `batch_size` at once by `vmap`.

    Parameters
    ----------
    f
        A function of one element.
    xs
        A pytree of arrays with the same first extent.
    batch_size
        How many elements are computed at once.

    Returns
    -------
    pytree
        The results stacked along a first axis.

    Examples
    --------
    >>> import numpy as np
    >>> map(lambda x: x * x, np.arange(3.0))
    array([0., 1., 4.])
    """
    require_callable(f, "map")
    if batch_size is None:
        return scan(lambda _, x: (None, f(x)), None, xs)[1]
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise OptionError(f"map expected batch_size as a positive int, got {batch_size!r}")
    leaves = [as_leaf(x) for x in tree.leaves(xs)]
    total = _scan_length(xs, leaves, None)
    whole = total // batch_size * batch_size
    results = []
    if whole:
        chunks = tree.map(
            lambda x: reshape(getitem(x, slice(0, whole)), (whole // batch_size, batch_size, *shape_of(x)[1:])), xs
        )
        stacked = scan(lambda _, x: (None, vmap(f)(x)), None, chunks)[1]
        results.append(tree.map(lambda y: reshape(y, (whole, *shape_of(y)[2:])), stacked))
    if whole < total or not total:
        results.append(vmap(f)(tree.map(lambda x: getitem(x, slice(whole, total)), xs)))
    return results[0] if len(results) == 1 else tree.map(lambda *parts: concatenate(parts, 0), *results)


def associative_scan(fn: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """The running combination of elements by an associative function, in a logarithmic number of steps.

    Parameters
    ----------
    fn
        Takes two pytrees of arrays with some elements along `axis`, gives their combination element by element;
        associative.
    elems
        A pytree of arrays with the same extent along `axis`.
    reverse
        Whether to run from the last element to the first.
    axis
        The axis.

    Returns
    -------
    pytree
        Element `i` is the combination of elements 0 to `i`.

    Examples
    --------
    >>> import numpy as np
    >>> associative_scan(np.add, np.arange(5.0))
    array([ 0.,  1.,  3.,  6., 10.])

    References
    ----------
    G. E. Blelloch, "Prefix sums and their applications", Carnegie Mellon University, CMU-CS-90-190 (1990).
    """
    require_callable(fn, "associative_scan")
    leaves, treedef = tree.flatten(elems)
    leaves = [as_leaf(x) for x in leaves]
    if not leaves:
        return elems
    axis = canonical_axis(axis, ndim_of(leaves[0]))
    for leaf in leaves:
        canonical_axis(axis, ndim_of(leaf))
    extents = {shape_of(x)[axis] for x in leaves}
    if len(extents) != 1:
        raise ShapeError(f"associative_scan: the extents along axis {axis} differ: {sorted(extents)}")
    lead = (slice(None),) * axis

    def part(x: Any, start: int | None, stop: int | None, step: int | None = None) -> Any:
        return getitem(x, (*lead, slice(start, stop, step)))

    def combine(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
        return tree.leaves(fn(treedef.unflatten(left), treedef.unflatten(right)))

    def interleave(even: Any, odd: Any) -> Any:
        """a0 b0 a1 b1 … by padding both between their elements."""

        def widths(low: int, high: int) -> list[tuple[int, int, int]]:
            return [(low, high, 1) if i == axis else (0, 0, 0) for i in range(ndim_of(even))]

        more = shape_of(even)[axis] > shape_of(odd)[axis]
        zero = dtype_of(even).type(0)
        return pad(even, zero, widths(0, 0 if more else 1)) + pad(odd, zero, widths(1, 1 if more else 0))

    if reverse:
        leaves = [getitem(x, (*lead, slice(None, None, -1))) for x in leaves]
    # down: pairs combined, again and again; up: what lies between the pairs
    levels = [leaves]
    while shape_of(levels[-1][0])[axis] > 1:
        now = levels[-1]
        even_end = shape_of(now[0])[axis] // 2 * 2
        levels.append(combine([part(x, 0, even_end, 2) for x in now], [part(x, 1, even_end, 2) for x in now]))
    scanned = levels.pop()
    while levels:
        now = levels.pop()
        size = shape_of(now[0])[axis]
        rest = [part(x, 2, None, 2) for x in now]
        between = combine([part(x, 0, len_of(rest[0], axis)) for x in scanned], rest) if size > 2 else []
        evens = [
            concatenate([part(x, 0, 1), more], axis) if size > 2 else part(x, 0, 1)
            for x, more in zip(now, between or now, strict=True)
        ]
        scanned = [_joined(interleave, e, o) for e, o in zip(evens, scanned, strict=True)]
    if reverse:
        scanned = [getitem(x, (*lead, slice(None, None, -1))) for x in scanned]
    return treedef.unflatten(own(scanned, leaves))


def len_of(x: Any, axis: int) -> int:
    """The extent along an axis."""
    return shape_of(x)[axis]


def _joined(interleave: Callable, even: Any, odd: Any) -> Any:
    if dtype_of(even).kind == "b":
        return convert_element_type(
            interleave(convert_element_type(even, np.int8), convert_element_type(odd, np.int8)), np.bool_
        )
    return interleave(even, odd)
