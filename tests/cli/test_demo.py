"""`python -m functrace demo`, as a user runs it: in a process of its own, in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {"loss-curve.png", "loss-jaxpr.txt", "gradient-source.txt"}


def run(folder: Path, *arguments: str, python_path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{python_path}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, "-m", "functrace", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def assert_fails_in_one_line(result: subprocess.CompletedProcess[str], *mentions: str) -> None:
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n"), result.stderr
    for mention in mentions:
        assert mention in result.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, run(folder, "demo")


def test_demo_reads_held_out_digits_with_more_than_96_percent(finished: tuple) -> None:
    _, result = finished
    assert result.returncode == 0, result.stderr
    assert number_after("test accuracy", result.stdout) > 0.96
    assert number_after("train accuracy", result.stdout) > 0.96
    assert number_after("time", result.stdout) < 30


def test_demo_shows_a_progress_bar_on_stderr(finished: tuple) -> None:
    _, result = finished
    assert "30/30" in result.stderr


def test_demo_leaves_the_curve_the_jaxpr_and_the_source(finished: tuple) -> None:
    folder, _ = finished
    out = folder / "functrace-demo"
    assert {path.name for path in out.iterdir()} == FILES
    assert (out / "loss-curve.png").read_bytes().startswith(b"\x89PNG\r\n")
    jaxpr = (out / "loss-jaxpr.txt").read_text(encoding="utf-8")
    assert jaxpr.startswith("{ lambda") and "dot_general" in jaxpr and "f64[32,10]" in jaxpr
    source = (out / "gradient-source.txt").read_text(encoding="utf-8")
    compile(source, "gradient-source.txt", "exec")
    assert "np." in source


def test_quiet_demo_prints_the_results_alone(tmp_path: Path) -> None:
    result = run(tmp_path, "demo", "--quiet", "--epochs", "1", "--seed", "7", "--out", "a folder/in it")
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"train accuracy +0\.\d{3}\ntest accuracy +0\.\d{3}\ntime +\d+\.\d s\n", result.stdout)
    assert {path.name for path in (tmp_path / "a folder" / "in it").iterdir()} == FILES


def test_demo_gives_the_same_accuracy_for_the_same_seed_and_another_for_another(tmp_path: Path) -> None:
    def accuracies(seed: str) -> str:
        return run(tmp_path, "demo", "--quiet", "--epochs", "1", "--seed", seed).stdout.partition("time")[0]

    assert accuracies("1") == accuracies("1") != accuracies("2")


def test_help_explains_every_option(tmp_path: Path) -> None:
    result = run(tmp_path, "demo", "--help")
    assert result.returncode == 0
    for option in ("--epochs", "--seed", "--out", "--quiet"):
        assert option in result.stdout
    assert run(tmp_path, "--help").stdout.count("demo") >= 1


@pytest.mark.parametrize(
    ("arguments", "mention"),
    [
        (["--epochs", "-3"], "--epochs: expected a whole number of at least 1, got '-3'"),
        (["--epochs", "0"], "--epochs: expected a whole number of at least 1, got '0'"),
        (["--epochs", "2.5"], "--epochs: expected a whole number of at least 1, got '2.5'"),
        (["--epochs"], "--epochs: expected one argument"),
        (["--seed", "-1"], "--seed: expected a whole number of at least 0, got '-1'"),
        (["--seed", "many\nlines"], "--seed: expected a whole number of at least 0"),
        (["--rate", "2"], "--rate"),
        (["everything\ntwice"], "everything twice"),
    ],
)
def test_a_bad_option_is_one_line(tmp_path: Path, arguments: list[str], mention: str) -> None:
    assert_fails_in_one_line(run(tmp_path, "demo", *arguments), mention)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["trian"], ["--fast"]])
def test_a_missing_or_unknown_command_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    assert_fails_in_one_line(run(tmp_path, *arguments), "python -m functrace --help")


def test_a_file_in_the_folders_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    assert_fails_in_one_line(run(tmp_path, "demo", "--out", "taken"), "cannot write to taken")
    assert_fails_in_one_line(run(tmp_path, "demo", "--out", "taken/inside"), "cannot write to taken/inside")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


def test_a_folder_in_a_files_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "functrace-demo" / "loss-curve.png").mkdir(parents=True)
    assert_fails_in_one_line(run(tmp_path, "demo"), "cannot write to functrace-demo/loss-curve.png")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the system lets this user write everywhere")
def test_a_folder_without_the_right_to_write_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert_fails_in_one_line(run(tmp_path, "demo"), "cannot write to functrace-demo", "Permission denied")
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("module", "package"), [("sklearn", "scikit-learn"), ("matplotlib", "matplotlib"), ("tqdm", "tqdm")]
)
def test_a_missing_extra_is_one_line_that_names_it(tmp_path: Path, module: str, package: str) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / f"{module}.py").write_text(f"raise ModuleNotFoundError('No module named {module}')", encoding="utf-8")
    result = run(tmp_path, "demo", python_path=shadow)
    assert_fails_in_one_line(result, package, "pip install -e '.[demo]'")


def number_after(label: str, text: str) -> float:
    match = re.search(rf"^{label} +(\d+\.\d+)", text, flags=re.MULTILINE)
    assert match, text
    return float(match[1])
