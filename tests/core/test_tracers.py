"""What a tracer refuses, and what the error says: what happened, the user's own line, what to write instead."""

from __future__ import annotations

import copy
import inspect
import json
import math
import operator
import pickle
import re
import types

import numpy as np
import pytest

import functrace
from functrace.core.trace import Tracer
from functrace.errors import (
    ConcretizationTypeError,
    FunctraceError,
    ImmutableError,
    TracerArrayConversionError,
    TracerBoolConversionError,
    TracerIntegerConversionError,
    UnexpectedTracerError,
)


def check_message(error: FunctraceError, function, what: str, instead: str) -> None:
    """The three parts of an error; the place is a line of `function` in this file."""
    lines, first = inspect.getsourcelines(function)
    assert re.search(what, error.what), error.what
    assert error.where is not None
    assert error.where.filename == __file__
    assert first <= error.where.line < first + len(lines), str(error)
    assert error.where.text in [line.strip() for line in lines]
    assert f"where: {__file__}:{error.where.line}" in str(error)
    assert error.where.text in str(error)
    assert error.instead is not None
    assert re.search(instead, error.instead), error.instead
    assert f"instead: {error.instead}" in str(error)


def run_jit(function, x):
    return functrace.jit(function)(x)


def run_make_jaxpr(function, x):
    return functrace.make_jaxpr(function)(x)


def run_grad(function, x):
    return functrace.grad(lambda x: np.sum(function(x)))(x)


def run_jvp(function, x):
    return functrace.jvp(function, (x,), (np.ones_like(x),))


def run_vmap(function, x):
    return functrace.vmap(function)(np.stack([x, x]))


def run_linearize(function, x):
    return functrace.linearize(function, x)


ALL = [run_jit, run_make_jaxpr, run_grad, run_jvp, run_vmap, run_linearize]
UNKNOWN = [run_jit, run_make_jaxpr, run_vmap]  # where the value is not known while the function is traced
KNOWN = [run_grad, run_jvp, run_linearize]

X = np.array([1.0, 2.0, 3.0])
ONE = np.float64(1.5)


# ---------------------------------------------------------------------------------------------------------------------
# Python numbers
# ---------------------------------------------------------------------------------------------------------------------


def use_if(x):
    if x > 0:
        return x
    return -x


def use_while(x):
    while x > 0:
        x = x - 1
    return x


def use_and(x):
    return (x > 0) and x


def use_not(x):
    return x * (not (x > 0))


def use_assert(x):
    assert x > 0
    return x


def use_chained_comparison(x):
    return x * (0 < x < 1)


def use_max(x):
    return max(x, 2.0)


@pytest.mark.parametrize("run", UNKNOWN)
@pytest.mark.parametrize("function", [use_if, use_while, use_and, use_not, use_assert, use_chained_comparison, use_max])
def test_the_truth_of_an_unknown_value_is_an_error(run, function):
    with pytest.raises(TracerBoolConversionError) as caught:
        run(function, ONE)
    check_message(caught.value, function, r"expected a bool that is known.*Tracer<bool\[\]>", "where.*cond.*while_loop")


@pytest.mark.parametrize("run", KNOWN)
def test_the_truth_of_a_known_value_is_python_control_flow(run):
    run(use_if, ONE)
    run(use_while, ONE)
    run(use_max, ONE)
    assert functrace.grad(use_if)(-2.0) == -1.0
    assert functrace.grad(use_while)(2.5) == 1.0


@pytest.mark.parametrize("run", ALL)
def test_the_truth_of_several_elements_is_numpys_error(run):
    with pytest.raises(ValueError, match="truth value of an array with more than one element is ambiguous"):
        run(use_if, X)


def use_range(x):
    return sum(x for _ in range(n_of(x)))


def n_of(x):
    return x.astype(int)


def use_list_index(x):
    return [1.0, 2.0, 3.0][x.astype(int)] * x


def use_index(x):
    return operator.index(x.astype(int)) * x


def use_shape(x):
    return np.zeros(3).reshape(x.astype(int), -1) * x


@pytest.mark.parametrize("run", UNKNOWN)
@pytest.mark.parametrize("function", [use_range, use_list_index, use_index, use_shape])
def test_an_unknown_integer_as_a_python_int_is_an_error(run, function):
    with pytest.raises(TracerIntegerConversionError) as caught:
        run(function, ONE)
    check_message(caught.value, function, "expected an integer that is known", r"static_argnums.*fori_loop.*take")


@pytest.mark.parametrize("run", KNOWN)
def test_a_known_integer_is_a_python_int(run):
    run(use_range, ONE)
    run(use_list_index, ONE)
    run(use_index, ONE)


def use_float(x):
    return float(x) * 2


def use_int(x):
    return int(x) * 2


def use_complex(x):
    return complex(x) * 2


def use_math(x):
    return math.sin(x)


def use_item(x):
    return x.item() * 2


def use_tolist(x):
    return x.tolist() * 2


@pytest.mark.parametrize("run", ALL)
@pytest.mark.parametrize("function", [use_float, use_int, use_complex, use_math, use_item, use_tolist])
def test_a_python_number_of_a_traced_float_is_an_error(run, function):
    with pytest.raises(ConcretizationTypeError) as caught:
        run(function, ONE)
    name = function.__name__.removeprefix("use_").replace("math", "float")
    check_message(caught.value, function, rf"{name}\(\) would give a Python number", "stop_gradient")


def test_an_index_that_is_no_integer_is_an_error_also_where_it_is_known():
    with pytest.raises(TracerIntegerConversionError):
        functrace.grad(lambda x: [1.0, 2.0][x] * x)(1.0)


# ---------------------------------------------------------------------------------------------------------------------
# NumPy arrays
# ---------------------------------------------------------------------------------------------------------------------


def use_asarray(x):
    return np.asarray(x) * 2


def use_array_of_a_list(x):
    return np.array([x, x])


def use_store_in_an_array(x):
    out = np.zeros(3)
    out[0] = x
    return out


def use_store_in_a_slice(x):
    out = np.zeros(3)
    out[:] = x
    return out


def use_store_in_an_integer_array(x):
    out = np.zeros(3, int)
    out[0] = x
    return out


def use_fill(x):
    out = np.zeros(3)
    out.fill(x)
    return out


def use_fromiter(x):
    return np.fromiter([x], float)


def use_out(x):
    out = np.zeros(())
    np.sin(x, out=out)
    return out


def use_frombuffer(x):
    return np.frombuffer(x)


REFUSED_CONVERSIONS = [use_asarray, use_array_of_a_list, use_store_in_an_array, use_store_in_a_slice, use_fill]


@pytest.mark.parametrize("run", ALL)
@pytest.mark.parametrize("function", REFUSED_CONVERSIONS)
def test_a_tracer_does_not_become_an_array(run, function):
    with pytest.raises((TracerArrayConversionError, ConcretizationTypeError)) as caught:
        run(function, ONE)
    check_message(caught.value, function, "expected (an array|a value)", r"numpy|functrace")


@pytest.mark.parametrize("run", ALL)
@pytest.mark.parametrize("function", [use_store_in_an_integer_array, use_fromiter, use_out, use_frombuffer])
def test_no_way_into_an_array_passes_silently(run, function):
    with pytest.raises((TypeError, ValueError)):
        run(function, ONE)


@pytest.mark.parametrize("run", ALL)
def test_storing_an_element_of_a_traced_array_names_the_functional_way(run):
    def function(x):
        out = np.zeros(3)
        out[1] = x[1] * 2
        return out

    with pytest.raises(FunctraceError) as caught:
        run(function, X)
    check_message(caught.value, function, "expected", r"x\.at\[i\]\.set\(y\)|numpy")


def assign_item(x):
    x[0] = 1.0
    return x


def assign_in_place(x):
    y = x
    y += 1.0
    return y


def delete_item(x):
    del x[0]
    return x


@pytest.mark.parametrize("run", ALL)
def test_assignment_into_a_tracer_names_at_set(run):
    with pytest.raises(ImmutableError) as caught:
        run(assign_item, X)
    check_message(caught.value, assign_item, "cannot be assigned to", r"x\.at\[index\]\.set\(value\)")
    with pytest.raises(ImmutableError) as caught:
        run(delete_item, X)
    check_message(caught.value, delete_item, "cannot be deleted", "delete")


@pytest.mark.parametrize("run", ALL)
def test_an_in_place_operator_makes_a_new_value_and_leaves_the_argument_alone(run):
    x = X.copy()
    run(assign_in_place, x)
    np.testing.assert_array_equal(x, X)


def test_an_array_changed_in_place_by_a_tracer_is_an_error():
    def function(x):
        total = np.zeros(3)
        total += x
        return total.sum()

    for run in ALL:
        with pytest.raises(TypeError) as caught:
            run(function, X)
        assert isinstance(caught.value, FunctraceError)
        check_message(caught.value, function, "out=|array", "x")


# ---------------------------------------------------------------------------------------------------------------------
# what Python objects do
# ---------------------------------------------------------------------------------------------------------------------


def use_hash(x):
    return {x: 1}


def use_set(x):
    return {x}


def use_pickle(x):
    return pickle.dumps(x)


@pytest.mark.parametrize("run", ALL)
@pytest.mark.parametrize("function", [use_hash, use_set])
def test_a_tracer_has_no_hash(run, function):
    with pytest.raises(TypeError) as caught:
        run(function, ONE)
    assert isinstance(caught.value, FunctraceError)
    check_message(caught.value, function, "unhashable", ".")


@pytest.mark.parametrize("run", ALL)
def test_a_tracer_cannot_be_pickled(run):
    with pytest.raises(TypeError) as caught:
        run(use_pickle, ONE)
    assert isinstance(caught.value, FunctraceError)
    check_message(caught.value, use_pickle, "cannot be pickled", ".")


def test_a_tracer_is_no_json():
    with pytest.raises(TypeError, match="not JSON serializable"):
        functrace.jit(lambda x: json.dumps(x))(1.0)


def use_len(x):
    return len(x)


def use_iter(x):
    return sum(x)


@pytest.mark.parametrize("run", ALL)
@pytest.mark.parametrize(("function", "what"), [(use_len, "unsized object"), (use_iter, "iteration over a 0-d array")])
def test_a_scalar_has_no_length_and_no_elements(run, function, what):
    with pytest.raises(TypeError, match=what) as caught:
        run(function, ONE)
    assert isinstance(caught.value, FunctraceError)
    assert caught.value.where.filename == __file__


def test_a_traced_array_has_its_length_and_elements():
    assert functrace.jit(lambda x: len(x) * x)(X).tolist() == [3.0, 6.0, 9.0]
    assert functrace.jit(lambda x: sum(x))(X) == 6.0
    assert functrace.grad(lambda x: sum(v * v for v in x))(X).tolist() == [2.0, 4.0, 6.0]
    first, *rest = functrace.jit(lambda x: tuple(x))(X)
    assert (first, rest) == (1.0, [2.0, 3.0])


@pytest.mark.parametrize("run", ALL)
def test_a_copy_of_a_tracer_is_the_tracer(run):
    def function(x):
        assert copy.copy(x) is x
        assert copy.deepcopy(x) is x
        assert copy.deepcopy([x])[0] is x
        return x * 1.0

    run(function, X)


def test_a_tracer_prints_what_it_knows():
    texts = []

    def function(x):
        texts.append((repr(x), str(x), f"{x}"))
        return x * 1.0

    functrace.jit(function)(X)
    assert texts.pop() == ("JaxprTracer<f64[3]>",) * 3
    functrace.grad(function)(2.5)
    assert texts.pop()[0] == "VJPTracer<2.5>"
    functrace.jvp(function, (2.5,), (1.0,))
    assert texts.pop()[0] == "JVPTracer<2.5>"


def test_a_known_value_can_be_formatted():
    texts = []
    functrace.grad(lambda x: [x * 2, texts.append(f"{x:.3f}")][0])(2.5)
    assert texts == ["2.500"]


def test_shape_and_dtype_are_known_while_tracing():
    seen = []
    functrace.jit(lambda x: [x, seen.append((x.shape, x.dtype, x.ndim, x.size, x.itemsize, x.nbytes))][0])(
        np.float32([[1, 2]])
    )
    assert seen == [((1, 2), np.dtype("f4"), 2, 2, 4, 8)]


def test_isinstance_of_a_tracer_is_no_ndarray():
    seen = []
    functrace.jit(lambda x: [x, seen.append(isinstance(x, np.ndarray))][0])(1.0)
    assert seen == [False]


# ---------------------------------------------------------------------------------------------------------------------
# leaks
# ---------------------------------------------------------------------------------------------------------------------


def leak_by(run, x=ONE):
    """A tracer that outlives its transform."""
    kept = []

    def function(x):
        y = x * 2.0
        kept.append(y)
        return y

    run(function, x)
    assert isinstance(kept[0], Tracer)
    return kept[0]


USES = {
    "an operator": lambda leaked: leaked + 1.0,
    "a reflected operator": lambda leaked: 1.0 - leaked,
    "a ufunc": lambda leaked: np.sin(leaked),
    "an array": lambda leaked: X * leaked,
    "a comparison": lambda leaked: leaked > 0,
    "a method": lambda leaked: leaked.sum(),
    "inside jit": lambda leaked: functrace.jit(lambda x: x * leaked)(2.0),
    "inside grad": lambda leaked: functrace.grad(lambda x: x * leaked)(2.0),
    "inside jvp": lambda leaked: functrace.jvp(lambda x: x * leaked, (2.0,), (1.0,)),
    "inside vmap": lambda leaked: functrace.vmap(lambda x: x * leaked)(X),
    "an argument of jit": lambda leaked: functrace.jit(lambda x: x * 2.0)(leaked),
    "an argument of grad": lambda leaked: functrace.grad(lambda x: x * 2.0)(leaked),
    "an argument of jvp": lambda leaked: functrace.jvp(lambda x: x * 2.0, (leaked,), (1.0,)),
    "a result of jit": lambda leaked: functrace.jit(lambda x: leaked)(2.0),
    "a result of grad": lambda leaked: functrace.value_and_grad(lambda x: leaked)(2.0),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("run", ALL)
def test_a_tracer_that_outlives_its_transform_is_an_error_that_says_so(run, use):
    leaked = leak_by(run)
    with pytest.raises(UnexpectedTracerError) as caught:
        USES[use](leaked)
    check_message(caught.value, USES[use], "outlived the transform", "return the value from the traced function")


@pytest.mark.parametrize("run", ALL)
def test_leaks_by_attribute_default_argument_closure_and_generator_are_found(run):
    keeper = types.SimpleNamespace()

    def by_attribute(x):
        keeper.value = x * 2.0
        return x * 1.0

    def by_default_argument(x, cache={}):  # noqa: B006
        cache["x"] = x * 2.0
        keeper.value = cache["x"]
        return x * 1.0

    def by_generator(x):
        keeper.generator = (x * k for k in (2.0, 3.0))
        return x * 1.0

    def by_lazy_function(x):
        keeper.later = lambda: x + 1.0
        return x * 1.0

    for function in (by_attribute, by_default_argument):
        run(function, ONE)
        with pytest.raises(UnexpectedTracerError):
            keeper.value * 1.0
    run(by_generator, ONE)
    with pytest.raises(UnexpectedTracerError):
        list(keeper.generator)
    run(by_lazy_function, ONE)
    with pytest.raises(UnexpectedTracerError):
        keeper.later()


def test_the_argument_itself_that_leaks_is_found_too():
    for run in ALL:
        kept = []
        run(lambda x, kept=kept: [x * 1.0, kept.append(x)][0], ONE)
        with pytest.raises(UnexpectedTracerError):
            kept[0] * 2.0


def test_a_trace_that_ends_in_an_error_leaks_no_state():
    def broken(x):
        raise RuntimeError("mine")

    for run in ALL:
        with pytest.raises(RuntimeError, match="mine"):
            run(broken, ONE)
    assert functrace.grad(lambda x: x * x)(3.0) == 6.0
    assert functrace.jit(lambda x: x * x)(3.0) == 9.0
    made = functrace.numpy.zeros(3)
    assert isinstance(made, np.ndarray)


def test_an_error_of_the_users_own_passes_unchanged():
    class Mine(Exception):
        pass

    def broken(x):
        raise Mine("untouched")

    for run in ALL:
        with pytest.raises(Mine, match=r"^untouched$"):
            run(broken, ONE)


def test_the_line_in_an_error_is_the_innermost_of_the_users():
    def inner(y):
        return float(y)

    def outer(x):
        return inner(np.sin(x)) + 1.0

    with pytest.raises(ConcretizationTypeError) as caught:
        functrace.jit(outer)(1.0)
    assert caught.value.where.function == "inner"
    check_message(caught.value, inner, "float", ".")


def test_the_line_in_an_error_skips_the_standard_library():
    import functools

    def function(x):
        return functools.reduce(lambda a, b: a if a > b else b, [x, x + 1.0])

    with pytest.raises(TracerBoolConversionError) as caught:
        functrace.jit(function)(1.0)
    check_message(caught.value, function, "bool", ".")

    def of_statistics(x):
        import statistics

        return statistics.fmean([x, x])

    with pytest.raises(ConcretizationTypeError) as caught:
        functrace.jit(of_statistics)(1.0)
    check_message(caught.value, of_statistics, "float", ".")
