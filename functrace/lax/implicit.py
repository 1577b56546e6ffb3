"""Functions given by what they solve: `custom_root` and `custom_linear_solve`.

Their derivatives come from the implicit function theorem and not from the steps of the solver. If f(x(θ), θ) = 0, then
∂f/∂x · dx = -∂f/∂θ · dθ: a linear system at the solution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import tree
from ..core.aval import Aval, aval_of
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..core.primitive import Primitive
from ..core.recording import JaxprTracer, record
from ..core.trace import require_callable, tracing
from ..errors import ArgumentError, DifferentiationError, DtypeError, ShapeError, StructureError
from ..transforms.arguments import as_leaf, flatten_result
from ..transforms.custom_derivatives import closure_convert, custom_jvp, transpose_linear
from ..transforms.derivatives import jvp, linearize
from ..transforms.programs import batch_program, hoist_tracers, instantiate, jvp_program, vjp_program
from .elementwise import stop_gradient
from .shape import batch_to_front, zeros_like, zeros_of


def custom_root(
    f: Callable, initial_guess: Any, solve: Callable, tangent_solve: Callable, has_aux: bool = False
) -> Any:
    """A root of a function, differentiated by the implicit function theorem.

    Parameters
    ----------
    f
        The function whose root is sought: takes a pytree of arrays and gives one of the same structure and shapes. It
        may capture traced values; by these the root is differentiated.
    initial_guess
        Where the search starts. No derivative flows through it.
    solve
        ``solve(f, initial_guess)`` gives the root, with `has_aux` a pair of it and anything else.
    tangent_solve
        ``tangent_solve(g, y)`` gives the x with g(x) = y, for a linear function g. For scalars
        ``lambda g, y: y / g(1.0)``, for small vectors
        ``lambda g, y: numpy.linalg.solve(functrace.jacobian(g)(y), y)``.
    has_aux
        Whether `solve` gives something beside the root, which has no derivative.

    Returns
    -------
    pytree
        What `solve` gives. Its derivatives exist in both modes, to any order, and cost one linear solve each.

    Examples
    --------
    >>> import functrace
    >>> def root_of(a):  # x³ = a by Newton's method
    ...     def newton(f, x):
    ...         for _ in range(30):
    ...             value, slope = functrace.jvp(f, (x,), (1.0,))
    ...             x = x - value / slope
    ...         return x
    ...     return custom_root(lambda x: x**3 - a, 1.0, newton, lambda g, y: y / g(1.0))
    >>> round(float(root_of(8.0)), 6), round(float(functrace.grad(root_of)(8.0)), 6)  # 2 and 1/12
    (2.0, 0.083333)
    """
    for name, function in (("f", f), ("solve", solve), ("tangent_solve", tangent_solve)):
        require_callable(function, f"custom_root ({name})")
    if not tracing():
        return solve(f, initial_guess)
    guess = tree.map(as_leaf, initial_guess)
    converted, captured = closure_convert(_checked_root(f, guess), guess)

    def solved(start: Any, *values: Any) -> Any:
        return solve(lambda x: converted(x, *values), start)

    # values that only the solvers captured have no part in the derivative: they, or what comes of them, are constants
    def root(values: list[Any], start: Any) -> Any:
        if any(isinstance(leaf, JaxprTracer) for leaf in tree.leaves((values, start))):
            solver, held = closure_convert(solved, start, *values)
            out = solver(start, *values, *stop_gradient(held))
        else:
            out = stop_gradient(solved(start, *values))
        if has_aux and not (isinstance(out, tuple) and len(out) == 2):
            raise ArgumentError(
                f"custom_root with has_aux=True expected solve to return a pair (root, rest), got {type(out).__name__}",
                instead="return root, rest",
            )
        _check_like("custom_root: solve", out[0] if has_aux else out, guess, "initial_guess")
        return out

    differentiable = custom_jvp(root)

    @differentiable.defjvp
    def root_jvp(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
        values, start = primals
        out = differentiable(values, start)
        solution = out[0] if has_aux else out
        inexact = [aval_of(x).dtype.kind in "fc" for x in values]
        moving = [x for x, follows in zip(values, inexact, strict=True) if follows]

        def at_solution(*given: Any) -> Any:
            rest = iter(given)
            return converted(
                solution, *[next(rest) if follows else x for x, follows in zip(values, inexact, strict=True)]
            )

        directions = [t for t, follows in zip(tangents[0], inexact, strict=True) if follows]
        _, change = jvp(at_solution, tuple(moving), tuple(directions))

        def answer_to(x: Any, y: Any, *given: Any) -> Any:
            _, slope = linearize(lambda z: converted(z, *given), x)
            return tangent_solve(slope, y)

        solver, held = closure_convert(answer_to, solution, change, *values)
        answer = solver(solution, change, *values, *stop_gradient(held))
        _check_like("custom_root: tangent_solve", answer, guess, "initial_guess")
        direction = tree.map(lambda t: -t, answer)
        return out, ((direction, tree.map(zeros_like, out[1])) if has_aux else direction)

    return differentiable(captured, guess)


def _checked_root(f: Callable, guess: Any) -> Callable:
    def checked(x: Any) -> Any:
        out = f(x)
        _check_like("custom_root: f", out, guess, "initial_guess")
        return out

    return checked


def _check_like(what: str, value: Any, like: Any, name: str) -> None:
    """Check that a pytree has the structure and the shapes of another."""
    structure = tree.structure(value)
    expected, expected_structure = tree.flatten(like)
    if structure != expected_structure:
        raise StructureError(
            f"{what} should give a result of the structure of {name}, {expected_structure}, got {structure}"
        )
    for (path, leaf), other in zip(tree.leaves_with_path(value), expected, strict=True):
        if aval_of(leaf).shape != aval_of(other).shape:
            raise ShapeError(
                f"{what} should give a result of the shapes of {name}, but at result{tree.keystr(path)} got shape "
                f"{aval_of(leaf).shape} for {aval_of(other).shape}"
            )


def custom_linear_solve(
    matvec: Callable,
    b: Any,
    solve: Callable,
    transpose_solve: Callable | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """The solution of a linear system A x = b, differentiated without a look at how it is found.

    Parameters
    ----------
    matvec
        The function x ↦ A x of a pytree like `b`, linear in x. It may capture traced values; by these and by `b` the
        solution is differentiated.
    b
        The right side: a pytree of arrays.
    solve
        ``solve(matvec, b)`` gives x, with `has_aux` a pair of it and anything else.
    transpose_solve
        ``transpose_solve(vecmat, b)`` gives the solution of Aᵀ x = b, which reverse mode needs; for a symmetric A it is
        `solve`.
    symmetric
        Whether A is symmetric.
    has_aux
        Whether the solvers give something beside the solution, which has no derivative.

    Returns
    -------
    pytree
        What `solve` gives.

    Raises
    ------
    DifferentiationError
        Reverse mode without `transpose_solve` for a system that is not symmetric.

    Examples
    --------
    >>> import functrace, numpy as np
    >>> a = np.array([[2.0, 1.0], [0.0, 4.0]])
    >>> def solution(b):
    ...     return custom_linear_solve(
    ...         lambda x: a @ x,
    ...         b,
    ...         solve=lambda matvec, b: np.linalg.inv(a) @ b,
    ...         transpose_solve=lambda vecmat, b: np.linalg.inv(a.T) @ b,
    ...     )
    >>> functrace.grad(lambda b: solution(b)[0])(np.array([4.0, 8.0]))  # the inverse's first row
    array([ 0.5  , -0.125])
    """
    for name, function in (("matvec", matvec), ("solve", solve)):
        require_callable(function, f"custom_linear_solve ({name})")
    if transpose_solve is None and symmetric:
        transpose_solve = solve
    if not tracing():
        return solve(matvec, b)
    leaves, structure = tree.flatten(b)
    leaves = [as_leaf(leaf) for leaf in leaves]
    avals = [aval_of(leaf).strong() for leaf in leaves]
    for aval in avals:
        if aval.dtype.kind not in "fc":
            raise DtypeError(
                f"custom_linear_solve expected a right side of floats or complex numbers, got {aval}",
                instead="b.astype(float)",
            )
    forward, forward_values = _linear_program(matvec, b, avals, structure)
    if symmetric:
        backward, backward_values = forward, forward_values
    else:
        backward, backward_values = _transposed(forward, len(forward_values), avals), forward_values
    solver, solver_values, out_tree = _solver_program(
        solve, forward, forward_values, b, avals, structure, has_aux, "solve"
    )
    if transpose_solve is None:
        transposed_solver: ClosedJaxpr | None = None
        transposed_values: list[Any] = []
    else:
        transposed_solver, transposed_values, _ = _solver_program(
            transpose_solve, backward, backward_values, b, avals, structure, has_aux, "transpose_solve"
        )
    out = _bind(
        (forward, backward, solver, transposed_solver),
        (forward_values, backward_values, solver_values, transposed_values),
        leaves,
    )
    return out_tree.unflatten(out)


def _linear_program(matvec: Callable, b: Any, avals: Sequence[Aval], structure: Any) -> tuple[ClosedJaxpr, list[Any]]:
    """x ↦ A x as a program of what it captured and x."""

    def flat(*xs: Any) -> list[Any]:
        out = matvec(structure.unflatten(xs))
        _check_like("custom_linear_solve: matvec", out, b, "b")
        return flatten_result(out, "custom_linear_solve")[0]

    return hoist_tracers(record(flat, avals, creations=False))


def _transposed(program: ClosedJaxpr, count: int, avals: Sequence[Aval]) -> ClosedJaxpr:
    """y ↦ Aᵀ y as a program of what `matvec` captured and y."""

    def make() -> ClosedJaxpr:
        def flat(*args: Any) -> list[Any]:
            values, cts = args[:count], args[count:]
            linear = record(lambda *xs: eval_jaxpr(program.jaxpr, program.consts, *values, *xs), avals, creations=False)
            parts = transpose_linear(linear, cts)
            return [instantiate(part, aval) for part, aval in zip(parts, avals, strict=True)]

        return record(flat, [*program.in_avals[:count], *avals])

    return program.derived(("transposed", count), make)


def _solver_program(
    solve: Callable,
    program: ClosedJaxpr,
    values: Sequence[Any],
    b: Any,
    avals: Sequence[Aval],
    structure: Any,
    has_aux: bool,
    name: str,
) -> tuple[ClosedJaxpr, list[Any], Any]:
    """b ↦ x as a program of what it captured and b, and the structure of what it gives."""
    out_tree: Any = None

    def apply(x: Any) -> Any:
        flat_x = flatten_result(x, "custom_linear_solve")[0]
        return structure.unflatten(eval_jaxpr(program.jaxpr, program.consts, *values, *flat_x))

    def flat(*bs: Any) -> list[Any]:
        nonlocal out_tree
        out = solve(apply, structure.unflatten(bs))
        if has_aux and not (isinstance(out, tuple) and len(out) == 2):
            raise ArgumentError(
                f"custom_linear_solve with has_aux=True expected {name} to return a pair (solution, rest), got "
                f"{type(out).__name__}",
                instead="return solution, rest",
            )
        _check_like(f"custom_linear_solve: {name}", out[0] if has_aux else out, b, "b")
        found, out_tree = flatten_result(out, "custom_linear_solve")
        return found

    closed, captured = hoist_tracers(record(flat, avals, creations=False))
    return closed, captured, out_tree


# ---------------------------------------------------------------------------------------------------------------------
# the primitive
# ---------------------------------------------------------------------------------------------------------------------
#
# programs: x ↦ A x, y ↦ Aᵀ y, b ↦ x, and b ↦ the solution of the transposed system (or None)
# operands: what each of these captured, then b
# jaxpr:    the third as a program of all operands, which a compiled function has in the equation's place

Programs = tuple[ClosedJaxpr, ClosedJaxpr, ClosedJaxpr, "ClosedJaxpr | None"]


def _bind(programs: Programs, values: Sequence[Sequence[Any]], b: Sequence[Any]) -> list[Any]:
    sizes = tuple([len(group) for group in values])
    operands = [*[value for group in values for value in group], *b]
    return linear_solve_p(*operands, jaxpr=_whole(programs, sizes, operands), programs=programs, sizes=sizes)


def _whole(programs: Programs, sizes: tuple[int, ...], operands: Sequence[Any]) -> ClosedJaxpr:
    solver = programs[2]
    start = sizes[0] + sizes[1]
    avals = tuple([aval_of(x) for x in operands])

    def flat(*args: Any) -> list[Any]:
        return eval_jaxpr(
            solver.jaxpr, solver.consts, *args[start : start + sizes[2]], *args[start + sizes[2] + sizes[3] :]
        )

    return solver.derived(("whole", sizes, avals), lambda: record(flat, avals))


def _split(operands: Sequence[Any], sizes: Sequence[int]) -> tuple[list[list[Any]], list[Any]]:
    """What each program captured, and b (or what belongs to these)."""
    groups, start = [], 0
    for size in sizes:
        groups.append(list(operands[start : start + size]))
        start += size
    return groups, list(operands[start:])


def _linear_solve_value_and_jvp(
    primals: Sequence, tangents: Sequence, *, jaxpr: ClosedJaxpr, programs: Programs, sizes: tuple[int, ...]
) -> tuple[list[Any], list[Any]]:
    """A dx = db - dA x."""
    out = linear_solve_p(*primals, jaxpr=jaxpr, programs=programs, sizes=sizes)
    values, b = _split(primals, sizes)
    t_values, t_b = _split(tangents, sizes)
    x = out[: len(b)]
    right: list[Any] = list(t_b)
    if any(t is not None for t in t_values[0]):
        derived = jvp_program(programs[0], tuple([t is not None for t in t_values[0]] + [False] * len(b)))
        given = [t for t in t_values[0] if t is not None]
        found = eval_jaxpr(derived.program.jaxpr, derived.program.consts, *values[0], *x, *given)
        parts = iter(found[len(b) :])
        changes = [next(parts) if follows else None for follows in derived.nonzero_out]
        right = [
            db if change is None else -change if db is None else db - change
            for db, change in zip(right, changes, strict=True)
        ]
    rest: list[Any] = [None] * (len(out) - len(b))
    if all(part is None for part in right):
        return out, [*right, *rest]
    right = [zeros_of(aval_of(y)) if part is None else part for part, y in zip(right, b, strict=True)]
    return out, [*_bind(programs, values, right)[: len(b)], *rest]


def _linear_solve_vjp_fwd(
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    jaxpr: ClosedJaxpr,
    programs: Programs,
    sizes: tuple[int, ...],
) -> tuple[list[Any], list[Any]]:
    out = linear_solve_p(*args, jaxpr=jaxpr, programs=programs, sizes=sizes)
    return out, out[: len(args) - sum(sizes)]


def _linear_solve_vjp_bwd(
    cts: Sequence,
    x: Sequence,
    args: Sequence,
    wanted: tuple[bool, ...],
    *,
    jaxpr: ClosedJaxpr,
    programs: Programs,
    sizes: tuple[int, ...],
) -> list[Any]:
    """The cotangent of b solves Aᵀ y = ct; that of what A is made of is -yᵀ dA x."""
    forward, backward, solver, transposed_solver = programs
    if transposed_solver is None:
        raise DifferentiationError(
            "custom_linear_solve was differentiated in reverse mode without transpose_solve",
            instead="transpose_solve=..., or symmetric=True for a symmetric system",
        )
    values, b = _split(args, sizes)
    given = [instantiate(ct, aval_of(y).strong()) for ct, y in zip(cts, b, strict=False)]
    transposed_programs: Programs = (backward, forward, transposed_solver, solver)
    y = _bind(transposed_programs, [values[1], values[0], values[3], values[2]], given)[: len(b)]
    w_values, w_b = _split(wanted, sizes)
    matrix_parts: list[Any] = [None] * sizes[0]
    if any(w_values[0]):
        derived = vjp_program(forward, tuple(w_values[0] + [False] * len(b)))
        kept = eval_jaxpr(derived.forward.jaxpr, derived.forward.consts, *values[0], *x)[derived.results :]
        taken = [-part for part, take in zip(y, derived.takes, strict=True) if take]
        parts = iter(eval_jaxpr(derived.backward.jaxpr, derived.backward.consts, *kept, *taken))
        matrix_parts = [next(parts) if give else None for give in derived.gives][: sizes[0]]
    return [
        *matrix_parts,
        *[None] * sum(sizes[1:]),
        *[part if want else None for part, want in zip(y, w_b, strict=True)],
    ]


def _linear_solve_batch(
    size: int,
    args: Sequence,
    dims: Sequence,
    *,
    jaxpr: ClosedJaxpr,
    programs: Programs,
    sizes: tuple[int, ...],
) -> tuple[list[Any], list[int | None]]:
    values, b = _split(args, sizes)
    d_values, d_b = _split(dims, sizes)
    b = [batch_to_front(size, y, dim) for y, dim in zip(b, d_b, strict=True)]
    batched = [
        None
        if program is None
        else batch_program(
            program,
            size,
            (*group, *[0] * len(b)),
            out=(True,) * len(program.out_avals),
        ).program
        for program, group in zip(programs, d_values, strict=True)
    ]
    out = _bind(tuple(batched), values, b)  # type: ignore[arg-type]
    return out, [0] * len(out)


linear_solve_p = Primitive(
    "custom_linear_solve",
    lambda *args, jaxpr, programs, sizes: eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *args),
    lambda *avals, jaxpr, programs, sizes: jaxpr.out_avals,
    value_and_jvp=_linear_solve_value_and_jvp,
    vjp_fwd=_linear_solve_vjp_fwd,
    vjp_bwd=_linear_solve_vjp_bwd,
    batch=_linear_solve_batch,
    calls=True,
    aliases=True,
    multiple_results=True,
)
