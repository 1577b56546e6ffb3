"""What a program costs: operations, transcendental functions and bytes, counted from its equations.

An elementwise primitive costs one for each element of its result, as does every primitive that has no row in a table
here. The counts are of JAX's kind (`cost_analysis` of its stages), with these assumptions:

- a `while` runs once, and so do a loop whose number of steps, and an axis whose extent, are known only as it runs;
- of a `cond` the greater branch is taken, count by count;
- each equation reads its operands and writes its results, though a compiled program may keep them in cache; what NumPy
  gives as a view costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..core.aval import DYNAMIC, Aval
from ..core.jaxpr import Atom, ClosedJaxpr, Equation, Literal
from .simplify import simplify


class Cost(NamedTuple):
    """Counts of a program or of an equation.

    Attributes
    ----------
    flops
        Additions, multiplications, comparisons and the like, of numbers of any dtype.
    transcendentals
        Values of functions such as `exp`, `sin` and `sqrt`.
    bytes_accessed
        What is read and written.
    """

    flops: float = 0.0
    transcendentals: float = 0.0
    bytes_accessed: float = 0.0

    def times(self, count: float) -> Cost:
        """The cost of doing it so often."""
        return Cost(*[count * part for part in self])


def cost_of(closed: ClosedJaxpr) -> Cost:
    """The cost of a program, once it is simplified.

    Examples
    --------
    >>> import functrace, functrace.numpy as fnp
    >>> cost_of(functrace.make_jaxpr(lambda a, b: a @ b)(fnp.zeros((2, 3)), fnp.zeros((3, 4))))
    Cost(flops=48.0, transcendentals=0.0, bytes_accessed=208.0)
    """
    return closed.derived("cost", lambda: _total([_cost(equation) for equation in simplify(closed).equations]))


def _total(costs: Iterable[Cost]) -> Cost:
    return Cost(*[float(sum(parts)) for parts in zip(Cost(), *costs, strict=True)])


def _cost(equation: Equation) -> Cost:
    name = equation.primitive.name
    with_programs = _WITH_PROGRAMS.get(name)
    if with_programs is not None:
        return with_programs(equation)
    if name in _MOVES:
        return Cost(bytes_accessed=_bytes(equation))
    transcendentals = 0.0
    flops = _FLOPS.get(name)
    if name in _TRANSCENDENTAL and not _is_repeated_product(equation):
        transcendentals = _operand_elements(equation) if flops else _result_elements(equation)
        flops = flops or _nothing
    return Cost((flops or _result_elements)(equation), transcendentals, _bytes(equation))


def _is_repeated_product(equation: Equation) -> bool:
    """Whether it is a power with a small integer."""
    exponent = equation.inputs[-1]
    return equation.primitive.name == "pow" and isinstance(exponent, Literal) and exponent.aval.dtype.kind in "iu"


def _nothing(equation: Equation) -> float:
    return 0.0


# ---------------------------------------------------------------------------------------------------------------------
# programs inside
# ---------------------------------------------------------------------------------------------------------------------


def _loop(equation: Equation) -> Cost:
    length = equation.params["length"]
    return cost_of(equation.params["jaxpr"]).times(1 if length is None else length)


def _one_trip(equation: Equation) -> Cost:
    return _total([cost_of(equation.params["cond_jaxpr"]), cost_of(equation.params["body_jaxpr"])])


def _greater_branch(equation: Equation) -> Cost:
    return Cost(*[max(parts) for parts in zip(*map(cost_of, equation.params["branches"]), strict=True)])


_WITH_PROGRAMS: dict[str, Callable[[Equation], Cost]] = {"scan": _loop, "while": _one_trip, "cond": _greater_branch}

# ---------------------------------------------------------------------------------------------------------------------
# bytes
# ---------------------------------------------------------------------------------------------------------------------


def _bytes(equation: Equation) -> float:
    results = sum([_nbytes(var) for var in equation.outputs])
    first, *others = [_nbytes(atom) for atom in equation.inputs] or [0.0]
    if equation.primitive.aliases and all(not atom.aval.shape for atom in equation.inputs[1:]):
        return 0.0
    if equation.primitive.name == "getitem":  # of the operand it reads what it takes
        first = results
    return first + sum(others) + results


def _nbytes(atom: Atom) -> float:
    return 0.0 if isinstance(atom, Literal) else _size(atom.aval) * atom.aval.dtype.itemsize


# ---------------------------------------------------------------------------------------------------------------------
# operations
# ---------------------------------------------------------------------------------------------------------------------


def _size(aval: Aval) -> float:
    return float(math.prod([1 if extent == DYNAMIC else extent for extent in aval.shape]))


def _result_elements(equation: Equation) -> float:
    return sum([_size(var.aval) for var in equation.outputs])


def _operand_elements(equation: Equation) -> float:
    return _size(equation.inputs[0].aval)


def _matrix_product(equation: Equation) -> float:
    """2·m·n·k, and that for each batch: a multiplication and an addition for each pair that meets."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    shape = equation.inputs[0].aval.shape
    return 2 * _result_elements(equation) * math.prod([shape[axis] for axis in contracted])


def _sliding_product(equation: Equation) -> float:
    return 2 * _result_elements(equation) * equation.inputs[1].aval.shape[-1]


def _convolution(equation: Equation) -> float:
    """For each element of the result a multiplication and an addition for each weight of its kernel."""
    _, (output, *_), _ = equation.params["dimension_numbers"]
    kernels = equation.inputs[1].aval
    return 2 * _result_elements(equation) * _size(kernels) / max(kernels.shape[output], 1)


def _windows(equation: Equation) -> float:
    return _result_elements(equation) * math.prod(equation.params["window_dimensions"])


def _fourier(equation: Equation) -> float:
    """5·n·log2(n) for each transform of n complex numbers, half for real ones: the count that FFT benchmarks agree on.

    M. Frigo and S. G. Johnson, "The Design and Implementation of FFTW3", Proceedings of the IEEE 93 (2005).
    """
    params = equation.params
    aval = equation.inputs[0].aval
    transforms = _size(aval) / max(aval.shape[params["axis"]], 1)
    return (2.5 if params["kind"] in ("rfft", "irfft") else 5) * transforms * params["n"] * math.log2(params["n"])


def _sorting(equation: Equation) -> float:
    """n·log2(n) comparisons for each run of n along the sorted axis."""
    aval = equation.inputs[0].aval
    extent = aval.shape[equation.params.get("axis", -1)] if aval.shape else 1
    return _size(aval) * _log2(extent)


def _searching(equation: Equation) -> float:
    """log2(n) comparisons for each query."""
    extent = equation.inputs[0].aval.shape[-1]
    return _result_elements(equation) * _log2(extent)


def _log2(extent: int) -> int:
    return max(extent, 1).bit_length() - (extent & (extent - 1) == 0)


def _updates(equation: Equation) -> float:
    return _size(equation.inputs[1].aval)


_FLOPS: dict[str, Callable[[Equation], float]] = {
    "dot_general": _matrix_product,
    "correlate": _sliding_product,
    "conv_general_dilated": _convolution,
    "fft": _fourier,
    **dict.fromkeys([f"reduce_window_{kind}" for kind in ("sum", "max", "min")], _windows),
    **dict.fromkeys(("sort", "argsort", "lexsort", "top_k_indices"), _sorting),
    "searchsorted": _searching,
    **dict.fromkeys(
        (
            *[f"reduce_{kind}" for kind in ("sum", "prod", "max", "min", "and", "or", "xor")],
            *("argmax", "argmin", "cumsum", "cumprod", "cummax", "cummin"),
        ),
        _operand_elements,
    ),
    "linear_recurrence": lambda equation: 2 * _result_elements(equation),
    **dict.fromkeys(("logsumexp", "cumlogsumexp"), _operand_elements),
    **dict.fromkeys([f"scatter_{kind}" for kind in ("add", "mul", "max", "min")], _updates),
}


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# what only puts elements elsewhere
_MOVES = _names(
    "broadcast_in_dim complex concatenate dynamic_slice dynamic_update_slice fit getitem imag iota name no_rows "
    "optimization_barrier pad real reshape rev scatter scatter_zeros stop_gradient transpose window_in_zeros "
    "zero_stack zeros_as"
)

_TRANSCENDENTAL = _names(
    "acos acosh asin asinh atan atan2 atanh bessel_i cbrt cos cosh digamma erf erf_inv erfc exp exp2 exp_gap expm1 "
    "float_power hypot lgamma log log10 log1p log2 logaddexp logaddexp2 logistic logsumexp cumlogsumexp pow sin sinh "
    "sqrt tan tanh"
)
