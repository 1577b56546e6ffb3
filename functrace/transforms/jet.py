"""Taylor mode: an interpreter that carries each equation out on truncated Taylor series.

The k-th derivative costs a polynomial in k, where `grad` of `grad` of … costs an exponential.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..core.aval import PYTHON_SCALARS, Aval, aval_of, describe, example, float0
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..core.primitive import Primitive
from ..core.recording import leaked
from ..core.trace import Trace, Tracer, enter_trace, leave_trace, require_callable
from ..errors import ArgumentError, DtypeError, OptionError, StructureError
from ..lax.implicit import linear_solve_p
from ..lax.shape import convert_element_type, dtype_of, match, zeros_of
from .arguments import as_leaf, as_leaves, check_match, flatten_result, fresh, leaf_names, own
from .custom_derivatives import custom_jvp_p
from .jet_programs import PROGRAMS
from .linearity import linear_operands
from .taylor import RECURRENCES, Series, Step, at, product

# ---------------------------------------------------------------------------------------------------------------------
# public functions
# ---------------------------------------------------------------------------------------------------------------------


def jet(fun: Callable, primals: Sequence[Any], series: Sequence[Any], *, factorial_scaled: bool = True) -> Any:
    """The derivatives along a curve, to any order: those of ``fun(x(t))`` at t = 0 from those of the curve x(t).

    Parameters
    ----------
    fun
        A function of arrays and pytrees.
    primals
        Its arguments at t = 0, a tuple or list.
    series
        For each argument the curve's derivatives x', x'', … at t = 0, a list of as many as are wanted of the result;
        each of the structure, shapes and dtypes of the argument. For derivatives by x itself: 1, 0, 0, …
    factorial_scaled
        Whether terms are derivatives, here and in the result; else they are Taylor coefficients, the k-th derivative
        divided by k!.

    Returns
    -------
    out, series_out
        The value, and in its structure for each leaf the list of its derivatives.

    Raises
    ------
    OptionError
        The series have different lengths.
    StructureError, ShapeError, DtypeError
        A term does not match its primal.

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> value, (first, second, third) = jet(fnp.exp, (0.0,), ([1.0, 0.0, 0.0],))
    >>> [float(x) for x in (value, first, second, third)]
    [1.0, 1.0, 1.0, 1.0]

    References
    ----------
    A. Griewank and A. Walther, "Evaluating Derivatives", 2nd edition, SIAM (2008), chapter 13.
    """
    require_callable(fun, "jet")
    order, inputs, in_tree = _inputs(primals, series, factorial_scaled)

    def flat(*tracers: Any) -> tuple[list[Any], Any]:
        return flatten_result(fun(*in_tree.unflatten(tracers)), "jet")

    (out, out_tree), found = run_jet(flat, inputs, order)
    values = [convert_element_type(value, dtype_of(value)) for value in out]
    terms = [
        _zero(value) if coefficient is None else _term(coefficient, k if factorial_scaled else 0, value)
        for value, coefficients in zip(values, found, strict=True)
        for k, coefficient in enumerate(coefficients, 1)
    ]
    given = [x for u in inputs for x in u.known]
    values = own([fresh(value) for value in values], given)
    terms = own(terms, [*values, *given])
    return out_tree.unflatten(values), out_tree.unflatten([terms[i * order : (i + 1) * order] for i in range(len(out))])


def derivatives(fun: Callable, x: Any, order: int) -> list[Any]:
    """A function's value and its derivatives by a number, up to an order.

    Parameters
    ----------
    fun
        A function of one number, or of an array that it treats element by element.
    x
        Where.
    order
        The highest derivative.

    Returns
    -------
    list
        ``[fun(x), fun'(x), …]``: `order` + 1 values, each of the structure of the result.

    Examples
    --------
    >>> import functrace.numpy as fnp
    >>> [float(d) for d in derivatives(lambda x: x**3, 2.0, 4)]
    [8.0, 12.0, 12.0, 6.0, 0.0]
    """
    if not isinstance(order, (int, np.integer)) or order < 0:
        raise OptionError(f"derivatives expected the order as an int from 0 on, got {order!r}")
    x = as_leaf(x)
    aval = aval_of(x)
    if aval.dtype.kind not in "fc":
        raise DtypeError(f"derivatives expected floats to differentiate by, got {describe(x)}", instead="float(x)")
    terms = [np.full(aval.shape, k == 0, aval.dtype)[()] for k in range(order)]
    value, series = jet(fun, (x,), (terms,))
    leaves, treedef = tree.flatten(value)
    columns = treedef.flatten_up_to(series)
    return [treedef.unflatten(leaves)] + [treedef.unflatten([column[k] for column in columns]) for k in range(order)]


# ---------------------------------------------------------------------------------------------------------------------
# arguments and results
# ---------------------------------------------------------------------------------------------------------------------


def _inputs(primals: Any, series: Any, factorial_scaled: bool) -> tuple[int, list[Series], Any]:
    """The order, a series for each leaf of the arguments, and their structure."""
    for name, value in (("primals", primals), ("series", series)):
        if not isinstance(value, (tuple, list)):
            raise ArgumentError(
                f"jet expected {name} as a tuple or list with one entry an argument, got {type(value).__name__}",
                instead="jet(f, (x,), ([dx, ddx],))",
            )
    if len(primals) != len(series):
        raise ArgumentError(f"jet expected a series for each of {len(primals)} primals, got {len(series)}")
    for position, terms in enumerate(series):
        if not isinstance(terms, (tuple, list)):
            raise ArgumentError(
                f"jet expected series[{position}] as a list of derivatives, got {type(terms).__name__}",
                instead="jet(f, (x,), ([dx, ddx],))",
            )
    lengths = {len(terms) for terms in series}
    if len(lengths) > 1:
        raise OptionError(f"jet expected series of one length, got lengths {[len(terms) for terms in series]}")
    order = lengths.pop() if lengths else 0
    leaves, in_tree = tree.flatten(tuple(primals))
    leaves = as_leaves(leaves)
    avals = [aval_of(leaf) for leaf in leaves]
    names = leaf_names("primals", tuple(primals))
    known = [[leaf] for leaf in leaves]
    for k in range(order):
        terms, structure = tree.flatten(tuple([entry[k] for entry in series]))
        if structure != in_tree:
            raise StructureError(
                f"jet: each term of the series should have the structure of the primals, {in_tree}, got {structure}"
            )
        terms = [term if getattr(term, "dtype", None) == float0 else as_leaf(term) for term in terms]
        check_match(f"term {k}", terms, avals, names, "jet")
        for coefficients, term, aval in zip(known, terms, avals, strict=True):
            if aval.dtype.kind in "fc":
                coefficients.append(_coefficient(term, k + 1 if factorial_scaled else 0, coefficients[0]))
    return order, [Series(coefficients, _degree(coefficients)) for coefficients in known], in_tree


def _coefficient(term: Any, k: int, primal: Any) -> Any:
    """A coefficient from the k-th derivative; a Python number where the primal is one, since that does not promote."""
    if primal.__class__ in PYTHON_SCALARS and not isinstance(term, Tracer):
        term = primal.__class__(term)
    else:
        term = convert_element_type(term, dtype_of(primal))
    return term / math.factorial(k) if k > 1 else term


def _term(coefficient: Any, k: int, value: Any) -> Any:
    """The k-th derivative from a coefficient."""
    term = match(coefficient * math.factorial(k) if k > 1 else coefficient, value)
    return convert_element_type(term, dtype_of(value))


def _degree(coefficients: Sequence[Any]) -> int:
    """The last coefficient that may be other than zero."""
    degree = len(coefficients) - 1
    while degree and not isinstance(coefficients[degree], Tracer) and not np.any(coefficients[degree]):
        degree -= 1
    return degree


def _zero(value: Any) -> Any:
    aval = aval_of(value)
    return np.zeros(aval.shape, aval.dtype if aval.dtype.kind in "fc" else float0)[()]


# ---------------------------------------------------------------------------------------------------------------------
# the interpreter
# ---------------------------------------------------------------------------------------------------------------------


class JetTracer(Tracer):
    """A value with the Taylor series of which it is the first coefficient."""

    __slots__ = ("series",)

    def __init__(self, trace: JetTrace, series: Series) -> None:
        self._trace = trace
        self.series = series

    @property
    def aval(self) -> Aval:
        return aval_of(self.series.known[0])

    def concrete(self) -> Any:
        value = self.series.known[0]
        return value.concrete() if isinstance(value, Tracer) else value

    def __repr__(self) -> str:
        return f"JetTracer<{self.series.known[0]!r}>"


class JetTrace(Trace):
    """Carries out on series up to an order. A value whose series is constant is no tracer.

    Attributes
    ----------
    order
        The order.
    waiting
        Whether a primitive's derivative is being run on series that are not known yet: their coefficients are then
        found when they are asked for. Otherwise all are found at once, so that a long program does not make a deep
        recursion.
    """

    __slots__ = ("open", "order", "running", "waiting")

    def __init__(self, order: int) -> None:
        super().__init__()
        self.order = order
        self.open = True
        self.waiting = False
        self.running: list[_Call] = []

    def process(self, primitive: Primitive, args: tuple, params: dict[str, Any]) -> Any:
        if not self.open:
            raise leaked(args)
        inputs = [arg.series if arg.__class__ is JetTracer and arg._trace is self else Series([arg], 0) for arg in args]
        if primitive.value_and_jvp is not None:
            return self._process_program(primitive, inputs, args, params)
        out = primitive(*[u.known[0] for u in inputs], **params)
        if primitive.jvp is None:
            return out
        if primitive.multiple_results:
            return self._by_derivative(primitive, inputs, params, out)
        y = Series([out], self.order)
        rule = RECURRENCES.get(primitive)
        step = rule(y, *inputs) if rule is not None else _linear(primitive, params, y, inputs)
        if step is None:
            return self._by_derivative(primitive, inputs, params, [out])[0]
        y.step = step
        return self._finish(y)

    def stand_in(self, u: Series) -> Any:
        """What stands for a series: its value, where it is constant."""
        return JetTracer(self, u) if u.degree else u.known[0]

    def _finish(self, y: Series) -> Any:
        """A result, its coefficients found unless it is to wait."""
        if y.degree and not self.waiting:
            y[y.degree]
            y.step = None
        return self.stand_in(y)

    # -- by a primitive's own derivative ------------------------------------------------------------------------------

    def _by_derivative(
        self, primitive: Primitive, inputs: Sequence[Series], params: dict[str, Any], out: Sequence[Any]
    ) -> list[Any]:
        """The results of a primitive whose derivative is known.

        Along the series u the result y has the slope that the derivative gives for u, the tangent u', and y itself.
        The derivative is run on series once, and coefficient k of y is coefficient k - 1 of what it gives, over k:
        which needs no more of y than coefficient k - 1.
        """
        key = None
        if len(inputs) == 1:  # sin asks for cos, and that for sin
            key = _key(primitive, params)
            known = _relative(inputs[0], key)
            if known is not None:
                return [self._finish(known)]
        results = [Series([value], self.order) for value in out]
        slopes: list[Series | None] = []

        def step_of(position: int) -> Step:
            def step(k: int) -> Any:
                if not slopes:
                    slopes.extend(self._slopes(primitive, inputs, params, results))
                slope = slopes[position]
                coefficient = None if slope is None else at(slope, k - 1)
                return _zeros(results[position].known[0]) if coefficient is None else coefficient / k

            return step

        for position, y in enumerate(results):
            if aval_of(y.known[0]).dtype.kind in "fc":
                y.step = step_of(position)
            else:
                y.degree = 0
        if key is not None:
            _remember(inputs[0], key, results[0])
        return [self._finish(y) for y in results]

    def _slopes(
        self, primitive: Primitive, inputs: Sequence[Series], params: dict[str, Any], results: Sequence[Series]
    ) -> list[Series | None]:
        """The slopes of a primitive's results, as series that wait for those of the results."""
        outer, self.waiting = self.waiting, True
        try:
            primals = [self.stand_in(u) for u in inputs]
            tangents = [self.stand_in(u.slope) if u.degree else None for u in inputs]
            if primitive.value_and_jvp is not None:
                self.running.append(_Call(primitive, inputs, params, results))
                try:
                    _, found = primitive.value_and_jvp(primals, tangents, **params)
                finally:
                    self.running.pop()
            else:
                out = [self.stand_in(y) for y in results]
                found = primitive.jvp(primals, tangents, out if primitive.multiple_results else out[0], **params)  # type: ignore[misc]
                if not primitive.multiple_results:
                    found = [found]
        finally:
            self.waiting = outer
        if found is None:
            return [None] * len(results)
        return [
            None if t is None else t.series if t.__class__ is JetTracer and t._trace is self else Series([t], 0)
            for t in found
        ]

    # -- programs inside ----------------------------------------------------------------------------------------------

    def _process_program(
        self, primitive: Primitive, inputs: Sequence[Series], args: tuple, params: dict[str, Any]
    ) -> Any:
        if primitive in PROGRAMS:
            return [self._finish(y) for y in PROGRAMS[primitive](run_jet, self.order, inputs, **params)]
        if primitive not in _BY_RULE:
            if "fun" in params:
                return params["fun"](*args)
            inner = params.get("jaxpr")
            if isinstance(inner, ClosedJaxpr) and len(inner.in_avals) == len(args):
                return eval_jaxpr(inner.jaxpr, inner.consts, *args)
        for call in self.running:
            if call.is_of(primitive, inputs, params):
                return [self.stand_in(y) for y in call.results]
        out = primitive(*[u.known[0] for u in inputs], **params)
        return self._by_derivative(primitive, inputs, params, out)


#: Programs whose rule is the derivative, and not that of what they do.
_BY_RULE = frozenset({custom_jvp_p, linear_solve_p})


class _Call(NamedTuple):
    """A primitive, the series of its operands, its parameters, the series of its results."""

    primitive: Primitive
    inputs: Sequence[Series]
    params: dict[str, Any]
    results: Sequence[Series]

    def is_of(self, primitive: Primitive, inputs: Sequence[Series], params: dict[str, Any]) -> bool:
        """Whether another call is the same."""
        return (
            primitive is self.primitive
            and all(params[name] is value for name, value in self.params.items())
            and all(
                u is v or (not u.degree and not v.degree and u.known[0] is v.known[0])
                for u, v in zip(inputs, self.inputs, strict=True)
            )
        )


def run_jet(
    function: Callable[..., tuple[list[Any], Any]], inputs: Sequence[Series], order: int
) -> tuple[tuple[list[Any], Any], list[list[Any]]]:
    """Run a function on series.

    Returns what it gives, with values for tracers, and for each value its coefficients from the first to that of the
    order, None for zero.
    """
    trace = JetTrace(order)
    tracers = [trace.stand_in(u) for u in inputs]
    enter_trace()
    try:
        out, rest = function(*tracers)
    finally:
        leave_trace()
        trace.open = False
    found = [x.series if x.__class__ is JetTracer and x._trace is trace else Series([x], 0) for x in out]
    coefficients = [[at(y, k) for k in range(1, order + 1)] for y in found]
    return ([y.known[0] for y in found], rest), coefficients


def _linear(primitive: Primitive, params: dict[str, Any], y: Series, inputs: Sequence[Series]) -> Step | None:
    """The steps of a primitive that is linear, or a product of two operands; None for any other."""
    sets = linear_operands(primitive, len(inputs))
    varying = [position for position, u in enumerate(inputs) if u.degree]
    for together in sets:
        if together.issuperset(varying):
            y.degree = max([inputs[position].degree for position in varying])
            return _of_each_coefficient(primitive, params, inputs, varying, together)
    if len(inputs) == 2 and frozenset({0}) in sets and frozenset({1}) in sets:
        u, v = inputs
        y.degree = min(y.degree, u.degree + v.degree)
        return lambda k: product(u, v, k, lambda a, b: primitive(a, b, **params))
    return None


def _of_each_coefficient(
    primitive: Primitive,
    params: dict[str, Any],
    inputs: Sequence[Series],
    varying: Sequence[int],
    together: frozenset[int],
) -> Step:
    """The steps of a primitive that is linear in the operands `together`, of which those `varying` are no constants."""
    values = [u.known[0] for u in inputs]
    without = [_weak_zeros(x) if position in together else x for position, x in enumerate(values)]

    def step(k: int) -> Any:
        operands = list(without)
        for position in varying:
            if k <= inputs[position].degree:
                operands[position] = inputs[position][k]
        return primitive(*operands, **params)

    return step


def _zeros(x: Any) -> Any:
    return zeros_of(aval_of(x))


def _weak_zeros(x: Any) -> Any:
    """Zeros of the shape and dtype of `x`, weak where its dtype is."""
    aval = aval_of(x)
    return example(aval.dtype, True) if aval.weak_type else zeros_of(aval)


def _key(primitive: Primitive, params: dict[str, Any]) -> Any:
    try:
        key = (primitive, frozenset(params.items()))
        hash(key)
    except TypeError:
        return None
    return key


def _relative(u: Series, key: Any) -> Series | None:
    """What a primitive gave for a series, where it is still in use."""
    reference = None if u.relatives is None or key is None else u.relatives.get(key)
    return None if reference is None else reference()


def _remember(u: Series, key: Any, y: Series) -> None:
    if key is not None:
        if u.relatives is None:
            u.relatives = {}
        u.relatives[key] = weakref.ref(y)
