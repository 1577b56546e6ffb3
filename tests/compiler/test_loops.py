"""Loops with less inside: the same values, and fewer operations a step."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.compiler.loops import with_lean_loops
from functrace.compiler.simplify import simplify
from functrace.core.jaxpr import check_jaxpr, eval_jaxpr, inner_jaxprs

# ---------------------------------------------------------------------------------------------------------------------
# the same values
# ---------------------------------------------------------------------------------------------------------------------


def squash(x):
    return x / (1.0 + fnp.abs(x))


SHAPES = [(), (3,), (2, 3)]
# Python's `math` and NumPy agree on these to the last bit
UNARY = [squash, lambda x: -x, lambda x: x * 0.5, lambda x: 1.0 - x, fnp.abs, lambda x: fnp.sqrt(1.0 + fnp.abs(x))]
BINARY = [lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x - y, fnp.maximum, lambda x, y: fnp.where(x > y, x, y)]
REDUCTIONS = [fnp.sum, fnp.max, lambda x: fnp.sum(x, axis=-1, keepdims=True) if x.ndim else x]


@st.composite
def bodies(draw, exact):
    """A scan's body as a list of instructions, and what its inputs, carries and results are."""
    count = st.integers(0, 99)
    instructions = draw(
        st.lists(st.tuples(st.integers(0, 2 if exact else 4), count, count, count), min_size=1, max_size=9)
    )
    carries = draw(st.lists(st.tuples(st.sampled_from(SHAPES), st.integers(0, 3), count), min_size=1, max_size=4))
    results = draw(st.lists(count, min_size=0, max_size=4))
    xs = draw(st.lists(st.sampled_from(SHAPES), min_size=0, max_size=3))
    return instructions, carries, results, xs


def function_of(body, exact, length, reverse):
    """The scan of such a body over constants, first carries and stacked inputs, and arguments for it."""
    instructions, carries, results, x_shapes = body
    rng = np.random.default_rng(len(instructions) + 7 * len(carries))
    consts = [rng.normal(size=shape) for shape in [(), (3,), (3, 3)]]
    inits = [rng.normal(size=shape) for shape, _, _ in carries]
    xs = [rng.normal(size=(length, *shape)) for shape in x_shapes]

    def step(consts, carry, x):
        values = [*consts[:2], *carry, *x]
        for kind, which, first, second in instructions:
            a, b = values[first % len(values)], values[second % len(values)]
            if kind == 0:
                values.append(UNARY[which % len(UNARY)](a))
            elif kind in (1, 2):
                values.append(BINARY[which % len(BINARY)](a, b))
            elif kind == 3:
                values.append(REDUCTIONS[which % len(REDUCTIONS)](a))
            else:
                a = fnp.broadcast_to(a, (2, 3))
                values.append([a @ consts[2], consts[2] @ a.T, a.T @ fnp.broadcast_to(b, (2, 3))][which % 3])
                values[-1] = values[-1].T if values[-1].shape == (3, 2) else values[-1][:2]
        following = []
        for old, (shape, kind, which) in zip(carry, carries, strict=True):
            new = values[which % len(values)]
            new = fnp.broadcast_to(new if new.ndim <= len(shape) else new.reshape(-1)[0], shape)
            if kind == 0:
                following.append(old)
            elif kind == 1 and not exact:
                following.append(old + new)
            elif kind == 2 and not exact:
                following.append(old - new * 0.5 + new)
            else:
                following.append(squash(new))
        return tuple(following), [values[-1 - which % len(values)] for which in results]

    def run(consts, inits, xs):
        return lax.scan(
            lambda carry, x: step(consts, carry, x), tuple(inits), tuple(xs), length=length, reverse=reverse
        )

    return run, (consts, inits, xs)


def both(function, *args):
    """What a function's program gives before and after the pass; the program after it."""
    before = simplify(functrace.make_jaxpr(function)(*args))
    after = simplify(with_lean_loops(before))
    check_jaxpr(after)
    flat = functrace.tree_util.tree_leaves(args)
    values = [eval_jaxpr(closed.jaxpr, closed.consts, *flat) for closed in (before, after)]
    return values[0], values[1], after


def assert_same(expected, got, *, exact):
    assert len(expected) == len(got)
    for a, b in zip(expected, got, strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


LENGTHS = st.sampled_from([0, 1, 2, 5])


@settings(max_examples=60, deadline=None)
@given(bodies(exact=True), LENGTHS, st.booleans())
def test_a_scan_of_operations_on_elements_keeps_every_bit(body, length, reverse):
    function, args = function_of(body, True, length, reverse)
    expected, got, _ = both(function, *args)
    assert_same(expected, got, exact=True)


@settings(max_examples=80, deadline=None)
@given(bodies(exact=False), LENGTHS, st.booleans())
def test_a_scan_with_sums_and_products_keeps_its_values(body, length, reverse):
    function, args = function_of(body, False, length, reverse)
    expected, got, _ = both(function, *args)
    assert_same(expected, got, exact=False)


@settings(max_examples=40, deadline=None)
@given(bodies(exact=False), LENGTHS, st.booleans())
def test_a_scans_gradient_keeps_its_values(body, length, reverse):
    function, args = function_of(body, False, length, reverse)

    def loss(*args):
        return sum([fnp.sum(fnp.sin(leaf)) for leaf in functrace.tree_util.tree_leaves(function(*args))])

    expected, got, _ = both(functrace.value_and_grad(loss, argnums=(0, 1, 2)), *args)
    assert_same(expected, got, exact=False)


@settings(max_examples=25, deadline=None)
@given(bodies(exact=False), LENGTHS, st.booleans())
def test_a_scan_under_vmap_keeps_its_values(body, length, reverse):
    function, args = function_of(body, False, length, reverse)
    stacked = functrace.tree_util.tree_map(lambda x: np.stack([x, 2 * x]), args[1])
    expected, got, _ = both(functrace.vmap(function, in_axes=(None, 0, None)), args[0], stacked, args[2])
    assert_same(expected, got, exact=False)


# ---------------------------------------------------------------------------------------------------------------------
# fewer operations a step
# ---------------------------------------------------------------------------------------------------------------------


def loops_of(closed):
    """The primitives of each loop's body, from the first loop to the last, those of inner loops behind."""
    found = []
    for equation in closed.equations:
        for name, inner in inner_jaxprs(equation.params):
            if name != "cond_jaxpr":
                found += [Counter([e.primitive.name for e in inner.equations]), *loops_of(inner)]
    return found


def normal(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape) * 0.3


def recurrent_loss(parameters, x, y):
    def step(h, x):
        h = fnp.tanh(x @ parameters["Wx"] + h @ parameters["Wh"] + parameters["b"])
        return h, h

    _, hs = lax.scan(step, fnp.zeros(y.shape[1:]), x)
    return fnp.mean((hs - y) ** 2)


def recurrent_arguments(length=7, batch=3, inputs=5, units=4):
    parameters = {"Wx": normal(inputs, units), "Wh": normal(units, units), "b": normal(units)}
    return parameters, normal(length, batch, inputs), normal(length, batch, units)


def test_a_recurrent_network_keeps_a_product_an_addition_and_tanh():
    expected, got, program = both(recurrent_loss, *recurrent_arguments())
    assert_same(expected, got, exact=False)
    assert loops_of(program) == [Counter(dot_general=1, add=1, tanh=1)]


def test_its_way_back_keeps_a_product_an_addition_and_a_multiplication():
    expected, got, program = both(functrace.value_and_grad(recurrent_loss), *recurrent_arguments())
    assert_same(expected, got, exact=False)
    assert loops_of(program) == [Counter(dot_general=1, add=1, tanh=1), Counter(dot_general=1, add=1, mul=1)]


def test_the_gradient_of_a_weight_is_one_product_of_matrices():
    _, _, program = both(functrace.grad(recurrent_loss), *recurrent_arguments())
    products = [e for e in program.equations if e.primitive.name == "dot_general"]
    assert [e.outputs[0].aval.size for e in products] == [7 * 3 * 4, 5 * 4, 4 * 4]


def test_what_no_step_changes_is_computed_once():
    def function(w, x):
        return lax.scan(lambda c, x: (c * fnp.exp(w) + x, None), 0.0, x)[0]

    expected, got, program = both(function, normal(1)[0], normal(6))
    assert_same(expected, got, exact=True)
    assert loops_of(program) == [Counter(mul=1, add=1)]


def test_a_carry_that_stays_as_it_is_is_a_constant():
    def function(w, x):
        (w, c), _ = lax.scan(lambda c, x: ((c[0], c[1] * fnp.sin(c[0]) + x), None), (w, 0.0), x)
        return w, c

    expected, got, program = both(function, normal(1)[0], normal(6))
    assert_same(expected, got, exact=True)
    assert loops_of(program) == [Counter(mul=1, add=1)]


def test_a_scan_without_a_carry_is_no_loop():
    def function(w, x):
        return lax.map(lambda x: fnp.tanh(w @ x) * x, x)

    w, x = normal(3, 3), normal(6, 3)
    expected, got, program = both(function, w, x)
    assert_same(expected, got, exact=False)
    assert loops_of(program) == []
    np.testing.assert_allclose(got[0], np.tanh(x @ w.T) * x)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_carries_as_they_come_in_are_those_that_went_out_shifted(reverse):
    def function(x):
        return lax.scan(lambda c, x: (c * 0.5 + x, (c, fnp.exp(c))), 2.0, x, reverse=reverse)

    x = normal(5)
    expected, got, program = both(function, x)
    assert_same(expected, got, exact=True)
    assert loops_of(program) == [Counter(mul=1, add=1)]
    carried = [2.0]
    for value in x[::-1] if reverse else x:
        carried.append(carried[-1] * 0.5 + value)
    incoming = carried[-2::-1] if reverse else carried[:-1]
    np.testing.assert_array_equal(got[1], incoming)
    np.testing.assert_array_equal(got[0], carried[-1])


def test_carries_that_change_places_are_stacked_as_they_are():
    def function(x):
        return lax.scan(lambda c, x: ((c[1], c[0] * x), (fnp.exp(c[0]), fnp.exp(c[1]))), (1.0, 2.0), x)

    expected, got, _ = both(function, normal(5))
    assert_same(expected, got, exact=True)


def test_a_sum_over_the_steps_is_one_sum():
    def function(x):
        def step(carry, x):
            total, c = carry
            c = fnp.tanh(c + x)
            return (total - 2.0 * c + c.sum(), c), None

        return lax.scan(step, (fnp.ones(3), fnp.zeros(3)), x)[0]

    expected, got, program = both(function, normal(6, 3))
    assert_same(expected, got, exact=False)
    assert loops_of(program) == [Counter(add=1, tanh=1)]


def test_the_number_of_the_step_is_known_before_the_loop():
    def function(x, w):
        return lax.fori_loop(0, 10, lambda i, c: fnp.tanh(c @ w + x[i] * i), fnp.zeros(4))

    expected, got, program = both(function, normal(10, 4), normal(4, 4))
    assert_same(expected, got, exact=False)
    assert loops_of(program) == [Counter(dot_general=1, add=1, tanh=1)]


def test_results_that_nobody_uses_are_not_stacked():
    def function(x):
        return lax.scan(lambda c, x: ((c[0] * x, c[1] + fnp.sin(c[0])), (c[0], c[1])), (1.0, 0.0), x)[0][0]

    expected, got, program = both(function, normal(5))
    assert_same(expected, got, exact=True)
    assert loops_of(program) == [Counter(mul=1)]


def test_rows_that_are_all_the_same_are_a_constant():
    def loss(x, w):
        return lax.scan(lambda c, x: (fnp.tanh(c * w + x),) * 2, fnp.zeros(3), x)[1].sum()

    expected, got, program = both(functrace.grad(loss, argnums=1), normal(5, 3), normal(3))
    assert_same(expected, got, exact=False)
    way_back = next(e for e in program.equations[::-1] if e.primitive.name == "scan")
    assert way_back.params["num_consts"] == 1  # the weights; the cotangents are the number 1
    assert loops_of(program)[1] == Counter(add=1, mul=2)


def test_inner_loops_are_lean_too():
    def function(w, x):
        def row(h, x):
            return lax.scan(lambda h, x: (fnp.tanh(x @ w + h @ w),) * 2, h, x)

        return lax.scan(row, fnp.zeros(3), x)[1]

    expected, got, program = both(function, normal(3, 3), normal(4, 5, 3))
    assert_same(expected, got, exact=False)
    assert loops_of(program) == [Counter(scan=1), Counter(dot_general=1, add=1, tanh=1)]


def test_a_while_loop_computes_once_what_no_step_changes():
    def function(a):
        return lax.while_loop(
            lambda s: s[0] < fnp.exp(a) * 5, lambda s: (s[0] * fnp.cos(a * 0) * 1.5 + 0.1, s[1], s[2] + 1), (1.0, a, 0)
        )[:2]

    expected, got, program = both(function, np.float64(0.3))
    assert_same(expected, got, exact=True)
    assert loops_of(program) == [Counter(mul=2, add=1)]
    (loop,) = [e for e in program.equations if e.primitive.name == "while"]
    assert len(loop.params["cond_jaxpr"].equations) == 1
    assert len(loop.outputs) == 2  # what is carried, and the number of steps


def test_a_while_loop_keeps_its_gradient():
    def root(a):
        return lax.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: x - (x * x - a) / (2 * x), a)

    expected, got, _ = both(functrace.value_and_grad(root), np.float64(2.0))
    assert_same(expected, got, exact=False)
    np.testing.assert_allclose(got, [np.sqrt(2), 0.5 / np.sqrt(2)])


def test_an_effect_stays_in_the_loop():
    seen = []

    def function(x):
        def step(c, x):
            functrace.debug.callback(lambda value: seen.append(float(value)), x * 2)
            return c, None

        return lax.scan(step, 0.0, x)[0]

    program = simplify(with_lean_loops(simplify(functrace.make_jaxpr(function)(np.arange(3.0)))))
    eval_jaxpr(program.jaxpr, program.consts, np.arange(3.0))
    assert seen == [0.0, 2.0, 4.0]


def test_large_values_of_a_step_are_not_stacked():
    def function(x):
        def step(c, x):
            c = fnp.tanh(c + x)
            return c, fnp.sum(c * c)

        return lax.scan(step, fnp.zeros(100_000), x)[1]

    program = simplify(with_lean_loops(simplify(functrace.make_jaxpr(function)(np.ones((20, 1))))))
    (loop,) = [e for e in program.equations if e.primitive.name == "scan"]
    assert [var.aval.size for var in loop.outputs[1:]] == [20]


def test_a_loop_of_a_number_of_steps_that_is_traced_keeps_its_gradient():
    def function(n, x, w):
        return lax.fori_loop(0, n, lambda i, c: fnp.tanh(c @ w * fnp.exp(w.sum()) + x[i]), fnp.zeros(4)).sum()

    expected, got, _ = both(functrace.grad(function, argnums=(1, 2)), 5, normal(10, 4), normal(4, 4))
    assert_same(expected, got, exact=False)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int64, np.int8])
def test_dtypes_stay(dtype):
    def function(w, x):
        def step(carry, x):
            c, total = carry
            c = c * w + x
            return (c, total + c * x), (c, c + x * w)

        return lax.scan(step, (fnp.zeros(3, dtype), fnp.ones(3, dtype)), x)

    expected, got, _ = both(function, (normal(3) * 9).astype(dtype), (normal(5, 3) * 9).astype(dtype))
    assert len(expected) == len(got)
    for a, b in zip(expected, got, strict=True):
        assert a.dtype == b.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_a_program_without_loops_is_itself():
    program = functrace.make_jaxpr(fnp.sin)(1.0)
    assert with_lean_loops(program) is program


def test_signs_leave_the_loop():
    def function(x, k):
        def step(c, x):
            return fnp.tanh(-(-c * k * x) + -(c * x)), None

        return lax.scan(step, fnp.ones(3), x)[0]

    expected, got, program = both(function, normal(5, 3), normal(3))
    assert_same(expected, got, exact=True)
    assert loops_of(program)[0]["neg"] == 0


@pytest.mark.parametrize("turned", [False, True])
def test_a_product_with_inputs_joined_to_the_carry_leaves_the_inputs_part_before_the_loop(turned):
    def function(w, x):
        def step(h, x):
            joined = fnp.concatenate([x, h], axis=-1)
            product = (w.T @ joined.T).T if turned else joined @ w
            return fnp.tanh(product + 1.0), None

        return fnp.sum(fnp.sin(lax.scan(step, fnp.zeros((2, 4)), x)[0]))

    expected, got, program = both(functrace.value_and_grad(function, argnums=(0, 1)), normal(9, 4), normal(6, 2, 5))
    assert_same(expected, got, exact=False)
    forward = loops_of(program)[0]
    assert forward["dot_general"] == 1
    assert forward["concatenate"] == 0
