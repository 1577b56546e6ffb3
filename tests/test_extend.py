"""Primitives and interpreters of one's own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.special

import functrace
import functrace.numpy as fnp
from functrace import extend, lax
from functrace.errors import ArgumentError, JaxprTypeError

X = np.array([0.3, 1.2, 2.5])


def make_cubic():
    """x³ + a, a primitive with a parameter and every rule written out."""

    def cubic(x, *, offset):
        return cubic_p(x, offset=offset)

    cubic_p = extend.Primitive(
        "cubic",
        lambda x, *, offset: np.asarray(x) ** 3 + offset,
        lambda x, *, offset: extend.Aval(x.shape, x.dtype),
        jvp=lambda primals, tangents, out, *, offset: (
            None if tangents[0] is None else tangents[0] * 3 * primals[0] ** 2
        ),
        vjp=(lambda ct, out, x, *, offset: ct * 3 * x**2,),
        batch=lambda size, args, dims, *, offset: (cubic_p(args[0], offset=offset), dims[0]),
        source=lambda args, avals, *, offset: f"({args[0]} ** 3 + {offset})",
    )
    return cubic


TRANSFORMS = {
    "jit": functrace.jit,
    "grad": lambda f: lambda x: functrace.grad(lambda x: fnp.sum(f(x)))(x),
    "jvp": lambda f: lambda x: functrace.jvp(f, (x,), (np.ones_like(x),))[1],
    "vmap": functrace.vmap,
}
IS_DERIVATIVE = {"grad", "jvp"}


@pytest.mark.parametrize(
    "names",
    [
        names
        for length in (1, 2, 3)
        for names in itertools.product(TRANSFORMS, repeat=length)
        if names.count("vmap") < 2
    ],
    ids="-".join,
)
def test_a_primitive_of_ones_own_goes_through_every_nesting(names):
    cubic = make_cubic()
    f = lambda x: cubic(x, offset=2)  # noqa: E731
    for name in reversed(names):
        f = TRANSFORMS[name](f)
    order = sum(name in IS_DERIVATIVE for name in names)
    expected = [X**3 + 2, 3 * X**2, 6 * X, np.full(3, 6.0)][order]
    np.testing.assert_allclose(f(X), expected, rtol=1e-12)


def test_a_primitive_without_a_source_rule_is_called_in_compiled_code():
    double = extend.Primitive("double", lambda x: x * 2, lambda x: extend.Aval(x.shape, x.dtype))
    f = functrace.jit(lambda x: double(x) + 1)
    np.testing.assert_array_equal(f(X), 2 * X + 1)
    assert "double_(" in f.lower(X).as_text()


def test_a_primitive_with_several_results():
    parts = extend.Primitive(
        "parts",
        lambda x: [np.sin(x), np.cos(x)],
        lambda x: [extend.Aval(x.shape, x.dtype)] * 2,
        jvp=lambda primals, tangents, out: [tangents[0] * out[1], -tangents[0] * out[0]],
        vjp_all=lambda cts, out, args, wanted: [
            sum(
                ct * part for ct, part in zip(cts, (fnp.cos(args[0]), -fnp.sin(args[0])), strict=True) if ct is not None
            )
        ],
        multiple_results=True,
    )
    assert functrace.grad(lambda x: parts(x)[0] * parts(x)[1])(0.5) == pytest.approx(np.cos(1.0))
    assert functrace.jit(functrace.grad(lambda x: parts(x)[1]))(0.5) == -np.sin(0.5)


def test_a_primitive_without_a_batching_rule_is_an_error_under_vmap():
    double = extend.Primitive("double", lambda x: x * 2, lambda x: x)
    with pytest.raises(ArgumentError, match="double has no batching rule"):
        functrace.vmap(double)(X)


def test_a_row_from_a_ufunc_that_is_not_numpys():
    erf = extend.unary("erf", scipy.special.erf, derivative=lambda x, y: 2 / np.sqrt(np.pi) * fnp.exp(-x * x))
    expected = 2 / np.sqrt(np.pi) * np.exp(-X * X)
    np.testing.assert_allclose(functrace.jit(erf)(X), scipy.special.erf(X))
    np.testing.assert_allclose(functrace.jit(functrace.vmap(functrace.grad(erf)))(X), expected)
    np.testing.assert_allclose(functrace.vmap(functrace.grad(functrace.grad(erf)))(X), -2 * X * expected)


def test_a_row_of_two_operands_broadcasts():
    xlogy = extend.binary("xlogy", scipy.special.xlogy, derivatives=(lambda x, y, z: fnp.log(y), lambda x, y, z: x / y))
    f = functrace.jit(functrace.grad(lambda x, y: fnp.sum(xlogy(x, y)), argnums=(0, 1)))
    by_x, by_y = f(X, 2.0)
    np.testing.assert_allclose(by_x, np.log(2.0) * np.ones(3))
    np.testing.assert_allclose(by_y, X.sum() / 2)


def test_a_numpy_ufunc_is_written_by_its_name():
    arctan = extend.unary("my_arctan", np.arctan, derivative=lambda x, y: 1 / (1 + x * x))
    assert "np.arctan(" in functrace.jit(arctan).lower(X).as_text()
    assert functrace.grad(arctan)(1.0) == 0.5


def test_an_interpreter_walks_a_jaxpr_and_the_programs_inside():
    def operations(closed):
        for equation in closed.eqns:
            inner = list(extend.inner_jaxprs(equation.params))
            yield equation.primitive.name
            for _, program in inner:
                yield from operations(program)

    def f(x):
        return lax.scan(lambda c, _: (fnp.sin(c), None), functrace.jit(fnp.cos)(x), None, length=2)[0]

    closed = extend.make_jaxpr(f)(1.0)
    extend.check_jaxpr(closed)
    assert [name for name in operations(closed) if name in ("jit", "cos", "scan", "sin")] == [
        "jit",
        "cos",
        "scan",
        "sin",
    ]


def test_a_program_can_be_taken_apart_changed_and_run():
    """An interpreter that gives another program: every sine becomes a cosine."""
    closed = extend.make_jaxpr(lambda x: fnp.sin(x) * 2.0)(1.0)
    cos = extend.make_jaxpr(fnp.cos)(1.0).eqns[0].primitive
    equations = [
        extend.Equation(cos if e.primitive.name == "sin" else e.primitive, e.inputs, e.params, e.outputs, e.location)
        for e in closed.eqns
    ]
    jaxpr = closed.jaxpr
    changed = extend.ClosedJaxpr(extend.Jaxpr(jaxpr.constvars, jaxpr.invars, equations, jaxpr.outvars), closed.consts)
    extend.check_jaxpr(changed)
    assert extend.eval_jaxpr(changed.jaxpr, changed.consts, 0.5) == [2 * np.cos(0.5)]
    run = extend.jaxpr_as_fun(changed)
    assert functrace.grad(lambda x: run(x)[0])(0.5) == -2 * np.sin(0.5)


def test_a_program_that_is_not_well_formed_is_refused():
    a, b = extend.Var(extend.Aval((), np.dtype(float))), extend.Var(extend.Aval((2,), np.dtype(float)))
    sin = extend.make_jaxpr(fnp.sin)(1.0).eqns[0].primitive
    with pytest.raises(JaxprTypeError, match="sin"):
        extend.check_jaxpr(extend.Jaxpr([], [a], [extend.Equation(sin, (a,), {}, (b,))], [b]))


def test_a_trace_of_ones_own_nests_with_the_transforms():
    class Tracer(extend.Tracer):
        __slots__ = ("value",)

        def __init__(self, trace, value):
            self._trace = trace
            self.value = value

        @property
        def aval(self):
            return extend.aval_of(self.value)

    class Counting(extend.Trace):
        open = True

        def __init__(self):
            super().__init__()
            self.names = []

        def process(self, primitive, args, params):
            self.names.append(primitive.name)
            values = [x.value if isinstance(x, Tracer) and x._trace is self else x for x in args]
            return Tracer(self, primitive(*values, **params))

    def names_of(fun, x):
        trace = Counting()
        extend.enter_trace()
        try:
            return fun(Tracer(trace, x)).value, trace.names
        finally:
            extend.leave_trace()

    value, names = names_of(functrace.grad(fnp.sin), 0.5)
    assert value == np.cos(0.5)
    assert names == ["sin", "cos", "mul"]
    inside = functrace.jit(lambda x: names_of(lambda y: fnp.sin(y) * 2.0, x)[0])
    assert inside(0.5) == 2 * np.sin(0.5)
    assert functrace.grad(lambda x: names_of(fnp.sin, x)[0])(0.5) == np.cos(0.5)


def test_everything_exported_is_there():
    assert all(hasattr(extend, name) for name in extend.__all__)
