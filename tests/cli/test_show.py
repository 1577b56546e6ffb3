"""`python -m functrace show`, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MODULE = """
import functrace.numpy as fnp

def loss(params, x):
    return fnp.sum((x @ params["w"]) ** 2)

class Net:
    def __call__(self, x):
        return 2 * x

net = Net()
setting = 3
"""


def show(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "network.py").write_text(MODULE, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "functrace", "show", "--no-open", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.mark.parametrize("module", ["network", "network.py"])
def test_show_writes_a_page_for_values_from_the_command_line_and_from_files(tmp_path: Path, module: str) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.0, 2.0]]))
    result = show(tmp_path, f"{module}:loss", "--args", "{'w': [0.5, 0.25]}", "@x.npy")
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "loss.html").read_text(encoding="utf-8")
    assert "params['w']" in page and '"lines":["[2 4]"]' in page  # the gradient 2 (x w) x


def test_show_writes_the_form_that_the_files_ending_names(tmp_path: Path) -> None:
    result = show(tmp_path, "network:loss", "--args", "{'w': [0.5, 0.25]}", "~4,2", "--output", "g.dot")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "g.dot").read_text(encoding="utf-8").startswith("digraph")


def test_an_object_that_is_called_is_shown_under_its_class(tmp_path: Path) -> None:
    assert show(tmp_path, "network:net", "--args", "-2.0").returncode == 0
    assert (tmp_path / "Net.html").exists()


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    result = show(tmp_path, "network:net", "--args", "2.0", "--output", "nowhere/x.dot")
    assert result.returncode == 1
    assert "nowhere" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "mention"),
    [
        (["network"], "MODULE:FUNCTION"),
        (["network:nothing"], "nothing"),
        (["missing:loss"], "missing"),
        (["network:setting"], "no function"),
        (["network:loss", "--args", "[1,"], "as Python writes it, got [1,"),
        (["network:loss", "--args", "1.0"], "'x': the function takes (params, x), --args gives 1"),
        (["network:loss", "--argnums", "x"], "as 0,1, got x"),
        (["network:loss", "--args", "@no.npy"], "no.npy"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, arguments: list[str], mention: str) -> None:
    result = show(tmp_path, *arguments)
    assert result.returncode == 2
    assert mention in result.stderr and result.stderr.count("\n") == 1
