"""Memory of a compiled program: blocks, threads, arrays written over, arenas kept between calls, donated arguments."""

import gc
import itertools
import platform
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import lax
from functrace.compiler import arena, fusion, runtime
from functrace.compiler.compilation import compile_jaxpr
from functrace.compiler.pipeline import ready
from functrace.core.aval import Aval

RNG = np.random.default_rng(0)


def program_of(function, *args, **options):
    return compile_jaxpr(ready(functrace.make_jaxpr(function)(*args)), "f", **options)


# ---------------------------------------------------------------------------------------------------------------------
# blocks and threads
# ---------------------------------------------------------------------------------------------------------------------

CHAINS = {
    "arithmetic": lambda x, y: (x * 2.0 + y) / (1.0 + x * x) - y,
    "functions": lambda x, y: fnp.exp(-x * x) * fnp.tanh(y) + fnp.log(1.0 + fnp.abs(x)),
    "powers": lambda x, y: x**2 + fnp.abs(y) ** 0.5 + x**3 + (1.0 + x * x) ** -1,
    "choice": lambda x, y: fnp.where(x > y, x * y, -x) * fnp.maximum(x, y),
    "two results": lambda x, y: (x * y + 1.0, fnp.sin(x) * y),
    "a row broadcast": lambda x, y: (x * y[0] + 1.0) * y,
    "a column broadcast": lambda x, y: fnp.exp(x - y[:, :1]) * y,
    "a sum at the end": lambda x, y: (x * y).sum() + fnp.exp(-(x * x)).sum(),
    "an extremum at the end": lambda x, y: fnp.max(x * y - x) + fnp.min(x + y * y),
    "other dtypes": lambda x, y: (x * y).astype(np.float32) * np.float32(2) + x.astype(np.float32),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_in_blocks_is_the_same_on_any_number_of_threads_and_as_numpy_computes_it(name, dtype, monkeypatch):
    monkeypatch.setattr(fusion, "WORTH_A_THREAD", 0)
    x, y = RNG.standard_normal((2, 700, 301)).astype(dtype)
    results = []
    for threads in (1, 2, 3):
        with functrace.config.override(threads=threads):
            results.append(functrace.tree.leaves(functrace.jit(lambda x, y: CHAINS[name](x, y))(x, y)))
    assert "in_blocks" in functrace.jit(CHAINS[name]).lower(x, y).as_text()
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(results[0], functrace.tree.leaves(CHAINS[name](x, y)), strict=True):
        if "at the end" in name:
            np.testing.assert_allclose(a, b, rtol=1e-4 if dtype == np.float32 else 1e-11)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_take_arrays_of_any_layout(order):
    x = np.asarray(RNG.standard_normal((400, 500)), order=order)
    f = CHAINS["functions"]
    for a in (x, x[::-1], x[:, ::-1], x.T, np.broadcast_to(x[0], x.shape)):
        np.testing.assert_array_equal(functrace.jit(f)(a, a), f(a, a))


def test_a_block_does_not_write_over_what_it_still_reads_through_a_view():
    def f(a, b, c):
        b = fnp.cumsum(b, 0)
        return a - fnp.mean(c, 0), b[::-1] * b

    a, b, c = RNG.standard_normal((3, 300, 300))
    for got, expected in zip(functrace.jit(f)(a, b, c), f(a, b, c), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_a_value_that_each_of_its_users_computes_again_is_computed_nowhere_else():
    def f(x, y):
        half = x * 0.5  # cheap, on what both sums read in any case
        first = fnp.exp(half * y) * x
        total = fnp.cumsum(first, 0)
        return fnp.tanh(half * total) * x

    x, y = RNG.standard_normal((2, 300, 400))
    np.testing.assert_allclose(functrace.jit(f)(x, y), f(x, y), rtol=1e-12)
    text = functrace.jit(functrace.grad(lambda x, y: fnp.sum(f(x, y)))).lower(x, y).as_text()
    assert "in_blocks" in text
    got = functrace.jit(functrace.grad(lambda x, y: fnp.sum(f(x, y))))(x, y)
    expected = functrace.grad(lambda x, y: fnp.sum(f(x, y)))(x, y)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_scratch_memory_belongs_to_one_caller_at_a_time_and_is_bounded():
    first, second = runtime.take_chunks(3), runtime.take_chunks(3)
    assert len({id(chunk) for chunk in (*first, *second)}) == 6
    runtime.give_chunks(first)
    runtime.give_chunks(second)
    for _ in range(20):
        runtime.give_chunks([np.empty(runtime.CHUNK, np.uint8) for _ in range(8)])
    assert len(runtime._chunks) <= runtime.MOST_CHUNKS


def test_small_arrays_run_without_blocks():
    x = np.ones(1000)
    assert "blocks(" not in functrace.jit(CHAINS["functions"]).lower(x, x).as_text()


def test_a_chain_of_little_work_runs_in_blocks_on_the_callers_thread():
    x = np.ones(1 << 17)
    text = functrace.jit(CHAINS["arithmetic"]).lower(x, x).as_text()
    assert "blocks(0, 131072)" in text and "in_blocks" not in text
    np.testing.assert_array_equal(functrace.jit(CHAINS["arithmetic"])(x, x), CHAINS["arithmetic"](x, x))


# ---------------------------------------------------------------------------------------------------------------------
# the arena
# ---------------------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40), st.integers(0, 30)), max_size=60))
def test_places_in_an_arena_that_are_taken_do_not_overlap(steps):
    planned, held = arena.Arena(), {}
    numbers = itertools.count()
    spans = {}
    for take, size, which in steps:
        if take or not held:
            name = planned.take(Aval((size,), np.dtype(np.float64)), lambda _: f"w{next(numbers)}")
            start = next(view[0] for view, known in planned.views.items() if known == name)
            for other in held:
                assert start + 8 * size <= spans[other][0] or start >= spans[other][1]
            held[name] = True
            spans[name] = (start, start + 8 * size)
        else:
            name = list(held)[which % len(held)]
            del held[name]
            planned.give(name)
    assert all(end <= planned.size for _, end in spans.values())


def network(params, x):
    for w in params:
        x = fnp.tanh(x @ w)
    return fnp.sum(x * x)


PARAMS = [RNG.standard_normal((128, 128)) / 11 for _ in range(6)]
BATCH = RNG.standard_normal((128, 128))


def test_values_in_the_arena_do_not_leave_the_program():
    step = functrace.jit(functrace.value_and_grad(network))
    assert "workspaces.take()" in step.lower(PARAMS, BATCH).as_text()
    first = step(PARAMS, BATCH)
    kept = functrace.tree.map(np.copy, first)
    step(PARAMS, BATCH * 2)
    for a, b in zip(functrace.tree.leaves(first), functrace.tree.leaves(kept), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in itertools.combinations(functrace.tree.leaves(first), 2):
        assert not np.shares_memory(a, b)


def test_every_result_of_a_program_with_an_arena_is_its_own():
    def f(x):
        a = x @ x
        b = fnp.tanh(a) * 2
        c = b.T.reshape(-1)
        return b @ b, c[:3], b[0], fnp.sum(b), a.T, b + 0 * a

    compiled = functrace.jit(f)
    first = compiled(BATCH)
    kept = [np.copy(x) for x in first]
    for a, b in itertools.combinations(first, 2):
        assert not np.shares_memory(a, b)
    second = compiled(BATCH)
    for a, b, c in zip(first, second, kept, strict=True):
        assert not np.shares_memory(a, b)
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, c)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have other ways")
def test_the_memory_of_a_result_that_was_freed_serves_the_next_one():
    """Else every page of it is asked of the system again: 800 page faults for each of these four arrays."""
    program = (
        "import resource, numpy as np, functrace\n"
        "f = functrace.jit(lambda x: [x + number for number in range(4)])\n"
        "x = np.zeros(400_000)\n"
        "for _ in range(5): f(x)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(50): f(x)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)"
    )
    faults = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert int(faults) < 50 * 800


def test_threads_that_call_one_function_at_once_do_not_disturb_each_other():
    step = functrace.jit(functrace.grad(network))
    inputs = [BATCH * factor for factor in (0.5, 1.0, 1.5, 2.0)]
    expected = [step(PARAMS, x) for x in inputs]
    wrong = []

    def work(number):
        for _ in range(20):
            for a, b in zip(step(PARAMS, inputs[number]), expected[number], strict=True):
                if not np.array_equal(a, b):
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_call_inside_a_call_works_in_an_arena_of_its_own():
    depth = []

    @functrace.jit
    def f(x):
        y = fnp.tanh(x @ x)

        def again(value):
            if len(depth) < 2:
                depth.append(1)
                f(np.zeros_like(value) + 3.0)
            return value

        z = functrace.pure_callback(again, functrace.ShapeDtypeStruct(x.shape, x.dtype), y * 2.0)
        return fnp.sum(y * z) + fnp.sum(y @ z)

    x = BATCH / 20
    y = np.tanh(x @ x)
    np.testing.assert_allclose(f(x), np.sum(y * y * 2) + np.sum(y @ (y * 2)), rtol=1e-12)


def test_what_a_callback_is_given_stays_as_it_was():
    seen = []

    def f(x):
        y = fnp.tanh(x @ x)
        functrace.debug.callback(seen.append, y)
        z = y * 2.0
        return fnp.sum(z @ y)

    compiled = functrace.jit(f)
    for factor in (0.1, 0.2):
        compiled(BATCH * factor)
    for factor, value in zip((0.1, 0.2), seen, strict=True):
        np.testing.assert_allclose(value, np.tanh(BATCH * factor @ (BATCH * factor)), rtol=1e-12)


def test_an_error_inside_a_call_loses_nothing():
    def refuse(value):
        if value[0, 0] > 0:
            raise ValueError("refused")
        return value

    @functrace.jit
    def f(x):
        y = x @ x
        y = functrace.pure_callback(refuse, functrace.ShapeDtypeStruct(x.shape, x.dtype), y)
        return fnp.sum(fnp.tanh(y) @ x)

    positive, negative = np.eye(128), -np.eye(128)[::-1]
    with pytest.raises(Exception, match="refused"):
        f(positive)
    np.testing.assert_allclose(f(negative * 0), 0.0)


def test_a_program_that_is_dropped_gives_its_arena_back():
    def make():
        step = functrace.jit(lambda x: fnp.sum(fnp.tanh(x @ x) @ x))
        step(np.ones((600, 600)))

    make()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        make()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 1 << 20
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------------------------------------------------------------
# loops
# ---------------------------------------------------------------------------------------------------------------------


def test_a_loop_writes_over_its_own_carry_and_not_over_the_first():
    first = np.zeros(50)

    def f(x, first):
        return lax.fori_loop(0, 50, lambda i, out: out.at[i].set(x[i] * 2.0), first)

    x = RNG.standard_normal(50)
    text = functrace.jit(f).lower(x, first).as_text()
    assert text[text.index("for ") :].count(".copy()") == 0
    np.testing.assert_array_equal(functrace.jit(f)(x, first), x * 2.0)
    np.testing.assert_array_equal(first, np.zeros(50))


@pytest.mark.parametrize("length", [0, 1, 4])
def test_a_loops_results_share_no_memory(length):
    def f(xs, c):
        def step(carry, x):
            new = carry * 0.5 + x
            return new, (new, carry, x)

        return lax.scan(step, c, xs)

    xs, c = RNG.standard_normal((length, 3)), np.ones(3)
    for function in (f, functrace.jit(f)):
        out = functrace.tree.leaves(function(xs, c))
        for a, b in itertools.combinations([*out, xs, c], 2):
            assert not np.shares_memory(a, b)
        carry = c
        for i in range(length):
            np.testing.assert_array_equal(out[2][i], carry)
            carry = carry * 0.5 + xs[i]
            np.testing.assert_array_equal(out[1][i], carry)
        np.testing.assert_array_equal(out[0], carry)


# ---------------------------------------------------------------------------------------------------------------------
# donated arguments
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4), (300, 400), (200_000,)])
def test_a_result_takes_the_memory_of_a_donated_argument(shape):
    def update(p, g, m):
        m = 0.9 * m + g
        return p - 0.1 * m, m

    p, g, m = RNG.standard_normal((3, *shape))
    expected = update(p, g, m)
    program = program_of(update, p, g, m, donated=(0, 2))
    given_p, given_m = p.copy(), m.copy()
    new_p, new_m = program.call(given_p, g, given_m)
    assert np.shares_memory(new_p, given_p)
    assert np.shares_memory(new_m, given_m)
    np.testing.assert_array_equal(new_p, expected[0])
    np.testing.assert_array_equal(new_m, expected[1])


def test_a_choice_between_donated_arrays_reads_before_it_writes():
    def f(x, y):
        return fnp.where(x > 0, y * 2.0, x + 1.0)

    x, y = RNG.standard_normal((2, 150_000))
    expected = f(x, y)
    np.testing.assert_array_equal(program_of(f, x, y, donated=(0, 1)).call(x.copy(), y.copy())[0], expected)


def test_an_element_that_an_ellipsis_gives_as_a_view_is_kept_when_its_array_is_written_over():
    def f(x):
        y = fnp.sin(x)
        first = y[..., 0]
        return fnp.sum(fnp.exp(y * 2) + 1) * x, first * x

    x = np.array([0.5, 1.0, 2.0])
    for got, expected in zip(functrace.jit(f)(x), f(x), strict=True):
        np.testing.assert_allclose(got, expected)
