"""`python -m functrace bench` on small cases of its own. What the cases measure is no matter for a test."""

import json
import math
import pickle
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from functrace.cli import bench

harness = bench.load("harness")


def computing(root_of: float) -> partial[partial[float]]:
    """A contender that takes a square root. It can be sent to a process, which could not import this file."""
    return partial(partial, math.sqrt, root_of)


def toy(**changes: object) -> object:
    contenders = {"by-hand": computing(4.0), "functrace": computing(4.0)}
    return harness.Case(**{"name": "toy-root", "text": "the root of 4", "contenders": contenders} | changes)


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    timing = bench.load("_timing")
    monkeypatch.setattr(timing, "FEWEST_ROUNDS", 3)
    monkeypatch.setattr(timing, "BATCH", 0.001)


@pytest.mark.usefixtures("few_rounds")
def test_run_prints_a_row_for_each_contender_and_a_line_for_each_target(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    targets = (
        harness.Seconds("functrace", 60.0, "at most a minute"),
        harness.Ratio("functrace", "by-hand", 1e-9, "a billion times faster"),
        harness.Added("functrace", "by-hand", 60.0, "at most a minute more"),
        harness.Ratio("functrace", "absent", 1.0, "faster than what is not there"),
        harness.Nothing("functrace", list, "found"),
        harness.Nothing("functrace", partial(list, ["a", "b"]), "found again"),
    )
    case = toy(
        contenders={
            "by-hand": computing(4.0),
            "functrace": computing(4.0),
            "absent": partial(import_module, "no_such_library"),
        },
        targets=targets,
    )
    file = tmp_path / "figures.json"
    assert harness.run([case], seconds=0.01, json_file=file) == 0
    machine, _, title, header, *rows = capsys.readouterr().out.splitlines()
    assert "numpy " in machine
    assert title == "toy-root: the root of 4 (3 rounds)"
    assert header.split() == ["contender", "a", "call", "fastest", "functrace", "/", "it"]
    assert [row.split()[0] for row in rows[:3]] == ["by-hand", "functrace", "absent"]
    assert rows[2].endswith("skipped: No module named 'no_such_library'")
    assert [row.split()[0] for row in rows[3:9]] == ["holds", "MISSED", "holds", "?", "holds", "MISSED"]
    assert "3 of 6 targets hold" in rows
    (figures,) = json.loads(file.read_text())["cases"]
    assert len(figures["contenders"]["functrace"]["rounds"]) == 3
    assert figures["ratios"]["functrace"]["functrace"] == 1.0
    assert [target["holds"] for target in figures["targets"]] == [True, False, True, None, True, False]


@pytest.mark.usefixtures("few_rounds")
def test_a_contender_with_other_numbers_or_an_error_is_not_timed_and_fails_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    contenders = {"by-hand": computing(4.0), "functrace": computing(4.1), "broken": computing(-1.0)}
    case = toy(contenders=contenders, targets=(harness.Seconds("functrace", 60.0, "at most a minute"),))
    assert harness.run([case], seconds=0.01) == 1
    out = capsys.readouterr().out
    assert "FAILED: other numbers than by-hand: array 1 of 1 is off by 0.012 of its size" in out
    assert "FAILED: ValueError: math domain error" in out
    assert "0 of 1 targets hold" in out


def test_figures_are_medians_over_the_rounds() -> None:
    samples = {"functrace": [1.0, 2.0, 9.0], "numpy": [1.0, 4.0, 3.0]}
    result = harness.Result(toy(), samples)
    assert result.medians() == {"functrace": 2.0, "numpy": 3.0}
    assert result.ratios("functrace") == {"functrace": 1.0, "numpy": 1.0}
    assert harness.Added("functrace", "numpy", 1.0, "").judge(samples).figure == 0.0
    assert harness.Ratio("functrace", "numpy", 1.0, "").judge(samples).holds
    assert not harness.Ratio("functrace", "numpy", 0.9, "").judge(samples).holds


def test_a_case_of_memory_gives_the_bytes_that_a_call_holds_at_its_peak() -> None:
    count = 100_000
    contenders = {
        "by-hand": partial(partial, np.zeros, count),
        "functrace": partial(partial, np.diff, np.zeros(count + 2), 2),  # both differences are there at once
    }
    twice = harness.Ratio("functrace", "by-hand", 1.9, "at most 1.9 times")
    result = harness.measure_case(toy(contenders=contenders, targets=(twice,), quantity=harness.MEMORY), seconds=0.01)
    assert result.medians() == pytest.approx({"by-hand": 8 * count, "functrace": 2 * 8 * count}, rel=0.02)
    assert [verdict.holds for verdict in result.verdicts] == [False]
    assert "1.60 MB" in bench.load("_report").table(result)


def test_a_joint_target_is_judged_over_all_its_cases() -> None:
    mean = harness.GeometricMean("functrace", "by-hand", 1.0, "as fast in the mean", ("toy-root", "other"))
    cases = [toy(joint_targets=(mean,)), toy(name="other", joint_targets=(mean,))]
    results = [
        harness.Result(cases[0], {"functrace": [1.0, 1.0], "by-hand": [2.0, 2.0]}),
        harness.Result(cases[1], {"functrace": [6.0, 6.0], "by-hand": [2.0, 2.0]}),
    ]
    ((target, verdict),) = harness.judge_jointly(results)
    assert target is mean
    assert verdict.figure == pytest.approx(1.5**0.5)  # the root of 0.5 * 3
    assert verdict.holds is False
    ((_, verdict),) = harness.judge_jointly(results[:1])
    assert verdict == (None, "no figure of functrace and by-hand in other", None)


@pytest.mark.usefixtures("few_rounds")
def test_a_run_ends_with_the_joint_targets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mean = harness.GeometricMean("functrace", "by-hand", 1e9, "no slower by far", ("toy-root", "other"))
    cases = [toy(joint_targets=(mean,), rounds=1), toy(name="other", joint_targets=(mean,), rounds=1)]
    file = tmp_path / "figures.json"
    assert harness.run(cases, seconds=1e-9, json_file=file) == 0
    out = capsys.readouterr().out
    assert "(1 rounds)" in out
    assert out.count("  holds   no slower by far: ") == 1
    assert "1 of 1 targets hold" in out
    assert json.loads(file.read_text())["joint_targets"][0]["holds"] is True


def test_every_contender_follows_every_other_in_some_round() -> None:
    order = bench.load("_timing")._order
    rounds = [order(["a", "b", "c"], turn) for turn in range(6)]
    assert {pair for names in rounds for pair in pairwise(names)} == {
        (first, second) for first in "abc" for second in "abc" if first != second
    }


def test_select_keeps_the_cases_and_contenders_asked_for() -> None:
    cases = [toy(), toy(name="other", contenders={"by-hand": computing(1.0)})]
    assert [case.name for case in harness.select(cases, only="t*-root")] == ["toy-root"]
    (case,) = harness.select(cases, contenders="func*, absent")
    assert list(case.contenders) == ["functrace"]
    with pytest.raises(harness.UsageError, match=r"no case matches 'absent'; there are toy-root, other"):
        harness.select(cases, only="absent")
    with pytest.raises(harness.UsageError, match=r"no contender matches 'absent'; there are by-hand, functrace"):
        harness.select(cases, contenders="absent")


def test_bench_lists_cases_that_can_be_sent_to_a_process_and_whose_targets_name_their_contenders(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bench.main(["--list"]) == 0
    out = capsys.readouterr().out
    cases = harness.find_cases()
    names = {case.name for case in cases}
    assert len(names) == len(cases)
    for case in cases:
        assert f"{case.name}: {case.text}" in out
        assert " " not in case.name
        for setup in case.contenders.values():
            pickle.dumps(setup)
        for target in case.targets:
            assert {target.contender, getattr(target, "reference", target.contender)} <= set(case.contenders)
        for target in case.joint_targets:
            assert {target.contender, target.reference} <= set(case.contenders)
            assert {case.name} <= set(target.cases) <= names
    assert {"perceptron-4-8-3-float64", "scalar-gradient", "startup-import"} <= names


def test_bench_runs_the_case_asked_for_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--only", "scalar-gradient", "--contenders", "by-hand", "--seconds", "0.01"]) == 0
    assert "scalar-gradient" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "absent"], "no case matches 'absent'"),
        (["--seconds", "soon"], "expected a number of seconds above 0, got 'soon'"),
        (["--json", "absent/figures.json"], "cannot write absent"),
    ],
)
def test_bench_tells_in_one_line_what_makes_no_sense(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        bench.main(arguments)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_bench_without_a_checkout_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "BENCHMARKS", tmp_path)
    with pytest.raises(SystemExit, match=r"^python -m functrace bench: needs a checkout of functrace: .*$"):
        bench.main([])
