"""Random programs under every transform and every sequence of them; see `checks` for what is compared with what.

The default run draws a few hundred programs; ``pytest -m fuzz tests/fuzz`` some thousands. A program that fails is
printed, as small as Hypothesis can make it, as a script that fails in the same way by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import functrace
from functrace.compiler import fusion, runtime, writer
from tests.fuzz import checks
from tests.fuzz.programs import Program, make_program, programs, standalone

CHUNKS = range(8)
SEQUENCES = {"-".join(names): names for names in checks.SEQUENCES}


def test_there_are_84_sequences_of_one_to_three_transforms():
    assert len(SEQUENCES) == 84


@pytest.mark.parametrize("chunk", CHUNKS)
def test_the_transforms_of_a_random_program_agree(chunk):
    draw(100 + chunk, 40, obeys_every_law)


@pytest.fixture
def as_if_large(monkeypatch):
    """Small arrays are compiled as large ones are: in blocks of a few elements, on threads, in an arena."""
    monkeypatch.setattr(fusion, "SMALLEST", 1)
    monkeypatch.setattr(fusion, "SMALLEST_BLOCK", 2)
    monkeypatch.setattr(fusion, "REDUCING_BLOCK", 4)
    monkeypatch.setattr(fusion, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(writer, "SMALLEST", 1)
    for module in (fusion, runtime):
        monkeypatch.setattr(module, "CHUNK", 64)
    monkeypatch.setattr(runtime, "_chunks", [])
    with functrace.config.override(threads=2):
        yield


@pytest.mark.parametrize("chunk", range(4))
@pytest.mark.usefixtures("as_if_large")
def test_a_random_program_of_large_arrays_agrees(chunk):
    draw(150 + chunk, 25, obeys_every_law)


@pytest.mark.fuzz
@pytest.mark.parametrize("chunk", range(8))
@pytest.mark.usefixtures("as_if_large")
def test_a_random_program_of_large_arrays_agrees_at_length(chunk):
    draw(1500 + chunk, 40, obeys_every_law)


@pytest.mark.parametrize("names", SEQUENCES.values(), ids=SEQUENCES)
def test_a_sequence_of_transforms_gives_the_derivative_that_another_route_gives(names):
    number = 200 + list(SEQUENCES.values()).index(names)
    draw(number, 3, lambda program, data: call(program, sequence_call(program, names)), largest=10)


@pytest.mark.fuzz
@pytest.mark.parametrize("chunk", range(24))
def test_the_transforms_of_a_random_program_agree_at_length(chunk):
    draw(1000 + chunk, 50, obeys_every_law)


@pytest.mark.fuzz
@pytest.mark.parametrize("names", SEQUENCES.values(), ids=SEQUENCES)
def test_a_sequence_of_transforms_agrees_with_another_route_at_length(names):
    draw(
        2000 + list(SEQUENCES.values()).index(names),
        12,
        lambda program, data: call(program, sequence_call(program, names)),
    )


# ---------------------------------------------------------------------------------------------------------------------
# what is drawn, and what becomes of it
# ---------------------------------------------------------------------------------------------------------------------


def draw(number: int, examples: int, check: Callable[[Program, st.DataObject], None], largest: int = 30) -> None:
    """Check so many programs of up to `largest` equations; the same number draws the same ones."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(program=programs(largest), data=st.data())
    def drawn(program: Program, data: st.DataObject) -> None:
        check(program, data)

    drawn()


def obeys_every_law(program: Program, data: st.DataObject) -> None:
    call(program, "check_jaxpr(f, args)")
    call(program, f"check_jit(f, args, exact={program.exact}, single={program.single})")
    if program.smooth and not program.single:
        call(program, "check_jvp(f, args)")
    call(program, f"check_vjp(f, args, single={program.single})")
    axes = [data.draw(st.none() | st.integers(-np.ndim(arg) - 1, np.ndim(arg))) for arg in program.args]
    call(program, f"check_vmap(f, args, {axes}, single={program.single})")


def sequence_call(program: Program, names: Sequence[str]) -> str:
    return f"check_sequence(f, args, {tuple(names)}, single={program.single})"


def call(program: Program, line: str) -> None:
    """Run a line on a program; where it fails, the error is a script that fails in the same way."""
    try:
        with np.errstate(all="ignore"):
            eval(line, {**vars(checks), "f": program.function, "args": program.args})
    except Exception as error:
        raise AssertionError(f"{error}\n\n{standalone(program, line, checks)}") from error


# ---------------------------------------------------------------------------------------------------------------------
# the generator itself
# ---------------------------------------------------------------------------------------------------------------------


class Random:
    """Choices from NumPy's generator."""

    def __init__(self, number: int) -> None:
        self.rng = np.random.default_rng(number)

    def below(self, count: int) -> int:
        return int(self.rng.integers(count))


def run_script(path: Path, text: str) -> subprocess.CompletedProcess:
    path.write_text(text)
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, env=environment, timeout=60)


def test_a_printed_program_runs_by_itself(tmp_path):
    program = make_program(Random(7))
    line = f"check_vjp(f, args, single={program.single})"
    done = run_script(tmp_path / "reproduce.py", standalone(program, line, checks))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "passed\n"


def test_the_script_of_a_failing_program_fails_as_the_test_did(tmp_path):
    program = make_program(Random(8))
    line = "compare(f(*args)[-1], f(*args)[-1] + 1.0, 1e-9)"
    with pytest.raises(AssertionError) as failure:
        call(program, line)
    script = str(failure.value)[str(failure.value).index("from __future__") :]
    done = run_script(tmp_path / "reproduce.py", script)
    assert done.returncode != 0
    assert "they differ by 1.0" in done.stderr
    assert "passed" not in done.stdout


WORDS = """
cond switch scan while_loop fori_loop jit( vmap( custom_jvp lax.map associative_scan grad( jvp( vjp(
psum pmean dot_general sort( cumsum cumprod logsumexp concatenate pad( rev( at( convert_element_type
complex( where( reduce_sum reduce_prod reduce_max argmax dynamic_ broadcast_in_dim transpose float32
checkpoint linearize
"""


def test_programs_draw_every_kind_of_operation():
    text = "\n".join(make_program(Random(number)).source for number in range(150))
    for word in WORDS.split():
        assert word in text, word


def test_a_program_means_the_same_at_each_run():
    program = make_program(Random(11))
    for one, other in zip(program.function(*program.args), program.function(*program.args), strict=True):
        np.testing.assert_array_equal(one, other)
