"""Jaxprs: what the checker catches, how they evaluate, how they print."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

import functrace
from functrace.core.aval import Aval
from functrace.core.jaxpr import ClosedJaxpr, Equation, Jaxpr, Literal, Var, check_jaxpr, eval_jaxpr, jaxpr_as_fun
from functrace.core.pretty import letters
from functrace.core.primitive import Primitive
from functrace.errors import ArgumentError, JaxprTypeError
from functrace.lax.elementwise import add, mul, sin
from functrace.transforms.jit import jit_p

F64 = Aval((), np.dtype(float))
F32 = Aval((), np.dtype(np.float32))
VECTOR = Aval((3,), np.dtype(float))
WEAK = Aval((), np.dtype(float), weak_type=True)


def equation(primitive, inputs, outputs, **params):
    return Equation(primitive, tuple(inputs), params, tuple(outputs))


def sine_of(aval):
    """{ lambda ; a. let b = sin a in (b,) }, with its variables."""
    a, b = Var(aval), Var(aval)
    return Jaxpr((), (a,), [equation(sin, [a], [b])], (b,)), a, b


# ---------------------------------------------------------------------------------------------------------------------
# the checker
# ---------------------------------------------------------------------------------------------------------------------


def test_what_functrace_records_is_well_formed():
    def function(x, y):
        return functrace.jit(lambda z: np.sin(z) * y)(x) + functrace.grad(lambda z: np.tanh(z) * y)(x), y

    closed = functrace.make_jaxpr(function)(1.0, np.float64(2))
    check_jaxpr(closed)
    check_jaxpr(closed.jaxpr)


def test_a_variable_used_before_it_is_bound_is_found():
    a, b, c = Var(F64), Var(F64), Var(F64)
    jaxpr = Jaxpr((), (a,), [equation(sin, [b], [c]), equation(sin, [a], [b])], (c,))
    with pytest.raises(JaxprTypeError, match=r"equation 0 \(sin\) uses a variable of type f64\[\] before it is bound"):
        check_jaxpr(jaxpr)


def test_a_result_that_is_never_bound_is_found():
    a = Var(F64)
    with pytest.raises(JaxprTypeError, match=r"the result uses a variable .* before it is bound"):
        check_jaxpr(Jaxpr((), (a,), [], (Var(F64),)))


def test_a_variable_bound_twice_is_found():
    a, b = Var(F64), Var(F64)
    with pytest.raises(JaxprTypeError, match=r"equation 1 \(sin\) binds a variable of type f64\[\] a second time"):
        check_jaxpr(Jaxpr((), (a,), [equation(sin, [a], [b]), equation(sin, [b], [b])], (b,)))
    with pytest.raises(JaxprTypeError, match=r"the head binds a variable .* a second time"):
        check_jaxpr(Jaxpr((), (a, a), [], (a,)))
    with pytest.raises(JaxprTypeError, match=r"the head binds a variable .* a second time"):
        check_jaxpr(Jaxpr((a,), (a,), [], (a,)))


@pytest.mark.parametrize("wrong", [F32, VECTOR, WEAK])
def test_an_output_of_another_type_than_the_rule_gives_is_found(wrong):
    a, b = Var(F64), Var(wrong)
    with pytest.raises(JaxprTypeError, match=r"equation 0 \(sin\): the rule gives f64\[\], the equation says"):
        check_jaxpr(Jaxpr((), (a,), [equation(sin, [a], [b])], (b,)))


@pytest.mark.parametrize("outputs", [0, 2])
def test_another_number_of_outputs_than_the_rule_gives_is_found(outputs):
    a = Var(F64)
    with pytest.raises(JaxprTypeError, match="the rule gives"):
        check_jaxpr(Jaxpr((), (a,), [equation(sin, [a], [Var(F64) for _ in range(outputs)])], (a,)))


def test_what_is_neither_a_variable_nor_a_literal_is_found():
    a, b = Var(F64), Var(F64)
    with pytest.raises(JaxprTypeError, match=r"uses 2\.0, which is neither a variable nor a literal"):
        check_jaxpr(Jaxpr((), (a,), [equation(mul, [a, 2.0], [b])], (b,)))
    with pytest.raises(JaxprTypeError, match="is neither a variable nor a literal"):
        check_jaxpr(Jaxpr((), (a,), [], (3.0,)))


def test_an_output_that_is_a_literal_is_found():
    a = Var(F64)
    with pytest.raises(JaxprTypeError, match="which is no variable"):
        check_jaxpr(Jaxpr((), (a,), [equation(sin, [a], [Literal(np.float64(1))])], (a,)))


def test_constants_that_do_not_match_their_variables_are_found():
    a, b = Var(F64), Var(F64)
    jaxpr = Jaxpr((a,), (b,), [], (a,))
    with pytest.raises(JaxprTypeError, match="2 constants for 1 constvars"):
        check_jaxpr(ClosedJaxpr(jaxpr, [np.float64(1), np.float64(2)]))
    with pytest.raises(JaxprTypeError, match=r"a constant of type f32\[\] for a variable of type f64\[\]"):
        check_jaxpr(ClosedJaxpr(jaxpr, [np.float32(1)]))


def test_operands_that_the_rule_refuses_are_found():
    a, b, c = Var(VECTOR), Var(Aval((2,), np.dtype(float))), Var(VECTOR)
    with pytest.raises(JaxprTypeError, match=r"equation 0 \(add\).*could not be broadcast"):
        check_jaxpr(Jaxpr((), (a, b), [equation(add, [a, b], [c])], (c,)))


def test_another_number_of_operands_than_the_rule_takes_is_found():
    a, b = Var(F64), Var(F64)
    with pytest.raises(JaxprTypeError, match=r"equation 0 \(sin\)"):
        check_jaxpr(Jaxpr((), (a,), [equation(sin, [a, a], [b])], (b,)))


def test_a_parameter_that_the_rule_does_not_take_is_found():
    a, b = Var(F64), Var(F64)
    with pytest.raises(JaxprTypeError, match=r"equation 0 \(sin\)"):
        check_jaxpr(Jaxpr((), (a,), [equation(sin, [a], [b], axis=0)], (b,)))


def test_a_fault_in_a_program_inside_an_equation_is_found_with_its_path():
    inner, *_ = sine_of(F64)
    broken = Jaxpr(inner.constvars, inner.invars, inner.equations, (Var(F64),))
    a, b = Var(F64), Var(F64)
    call = equation(jit_p, [a], [b], jaxpr=ClosedJaxpr(broken, []), name="f")
    with pytest.raises(JaxprTypeError, match=r"in equation 0 \(jit\), parameter jaxpr: the result uses a variable"):
        check_jaxpr(Jaxpr((), (a,), [call], (b,)))


@pytest.mark.parametrize("inputs", [[Var(F32)], [Var(F64), Var(F64)], []])
def test_a_call_whose_operands_are_not_those_of_its_program_is_found(inputs):
    inner, *_ = sine_of(F64)
    b = Var(F64)
    call = equation(jit_p, inputs, [b], jaxpr=ClosedJaxpr(inner, []), name="f")
    with pytest.raises(JaxprTypeError, match=r"equation 0 \(jit\)"):
        check_jaxpr(Jaxpr((), inputs, [call], (b,)))


# ---------------------------------------------------------------------------------------------------------------------
# evaluation
# ---------------------------------------------------------------------------------------------------------------------


def test_eval_jaxpr_gives_what_the_function_gives():
    w = np.arange(3.0)

    def function(x, y):
        z = np.sin(x) * w + y
        return z, x, 2.5, z * z

    closed = functrace.make_jaxpr(function)(np.ones(3), 2.0)
    got = eval_jaxpr(closed.jaxpr, closed.consts, np.full(3, 0.5), 4.0)
    for value, expected in zip(got, function(np.full(3, 0.5), 4.0), strict=True):
        np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(jaxpr_as_fun(closed)(np.full(3, 0.5), 4.0)[0], got[0])


def test_eval_jaxpr_of_tracers_can_be_differentiated_and_recorded_again():
    closed = functrace.make_jaxpr(lambda x: np.sin(x) * x)(1.0)

    def function(x):
        return eval_jaxpr(closed.jaxpr, closed.consts, x)[0]

    assert functrace.grad(function)(2.0) == pytest.approx(np.cos(2.0) * 2 + np.sin(2.0))
    assert str(functrace.make_jaxpr(function)(1.0)) == str(closed)


@pytest.mark.parametrize("args", [(), (1.0, 2.0)])
def test_eval_jaxpr_with_another_number_of_arguments_is_an_error(args):
    closed = functrace.make_jaxpr(lambda x: np.sin(x))(1.0)
    with pytest.raises(ArgumentError, match=f"a jaxpr of 1 inputs was given {len(args)} arguments"):
        eval_jaxpr(closed.jaxpr, closed.consts, *args)


def test_eval_jaxpr_frees_a_value_after_its_last_use():
    alive = []

    def implementation(x):
        alive.append(sum(reference() is not None for reference in references))
        out = x + 1
        references.append(weakref.ref(out))
        return out

    references = []
    step = Primitive("step", implementation, lambda x: x)
    closed = functrace.make_jaxpr(lambda x: [step(step(step(step(step(x))))), x][0])(np.zeros(3))
    eval_jaxpr(closed.jaxpr, closed.consts, np.zeros(3))
    assert max(alive) <= 2


def test_what_is_derived_from_a_program_is_made_once():
    closed = functrace.make_jaxpr(np.sin)(1.0)
    made = []
    first = closed.derived("key", lambda: made.append(1) or object())
    assert closed.derived("key", lambda: made.append(1) or object()) is first
    assert made == [1]


def test_equations_and_jaxprs_have_jaxs_names_too():
    closed = functrace.make_jaxpr(np.sin)(1.0)
    assert closed.eqns is closed.jaxpr.eqns is closed.equations
    eqn = closed.eqns[0]
    assert (eqn.invars, eqn.outvars) == (eqn.inputs, eqn.outputs)


# ---------------------------------------------------------------------------------------------------------------------
# text
# ---------------------------------------------------------------------------------------------------------------------


def text(function, *args):
    return str(functrace.make_jaxpr(function)(*args))


def test_a_short_jaxpr_is_one_line():
    assert text(lambda x: np.sin(x) * 2.0, 1.0) == (
        "{ lambda ; a:~f64[]. let b:f64[] = sin a; c:f64[] = mul b 2.0 in (c,) }"
    )
    assert text(lambda x: x, np.ones(3)) == "{ lambda ; a:f64[3]. let in (a,) }"
    assert text(lambda: (), *()) == "{ lambda ; . let in () }"


def test_a_long_jaxpr_has_an_equation_a_line():
    w = np.ones((2, 3), np.float32)
    assert text(lambda x: (x @ w, {"a": x * 2, "b": None}), np.ones((4, 2), np.float32)) == (
        "{ lambda a:f32[2,3] ; b:f32[4,2]. let\n"
        "    c:f32[4,3] = dot_general[dimension_numbers=(((1,), (0,)), ((), ()))] b a\n"
        "    d:f32[4,2] = mul b 2\n"
        "  in (c, d) }"
    )


def test_programs_inside_equations_are_indented_and_have_names_of_their_own():
    inner = functrace.jit(lambda z: np.sin(z) + 1)
    assert text(functrace.jit(lambda y: inner(y) * y), np.float32(2)) == (
        "{ lambda ; a:f32[]. let\n"
        "    b:f32[] = jit[\n"
        "      jaxpr={ lambda ; a:f32[]. let\n"
        "          b:f32[] = jit[\n"
        "            jaxpr={ lambda ; a:f32[]. let b:f32[] = sin a; c:f32[] = add b 1 in (c,) }\n"
        "            name='<lambda>'\n"
        "          ] a\n"
        "          c:f32[] = mul b a\n"
        "        in (c,) }\n"
        "      name='<lambda>'\n"
        "    ] a\n"
        "  in (b,) }"
    )


def test_literals_show_their_dtype_where_it_is_not_plain():
    assert text(lambda x: x + np.float32(2.5) + np.int8(3) + 1, np.float32(1)) == (
        "{ lambda ; a:f32[]. let\n"
        "    b:f32[] = add a 2.5:f32[]\n"
        "    c:f32[] = add b 3:i8[]\n"
        "    d:f32[] = add c 1\n"
        "  in (d,) }"
    )


def test_variables_are_named_in_the_order_of_the_alphabet_and_then_with_two_letters():
    def function(x):
        for _ in range(30):
            x = np.sin(x)
        return x

    lines = text(function, 1.0).splitlines()
    assert lines[25] == "    z:f64[] = sin y"
    assert lines[26] == "    aa:f64[] = sin z"
    assert lines[-1] == "  in (ae,) }"


def test_letters_count_as_a_spreadsheet_does():
    assert [letters(n) for n in (0, 25, 26, 27, 51, 52, 701, 702)] == ["a", "z", "aa", "ab", "az", "ba", "zz", "aaa"]


def test_a_jaxpr_and_its_closed_form_print_alike():
    closed = functrace.make_jaxpr(np.sin)(1.0)
    assert str(closed) == repr(closed) == str(closed.jaxpr)
