"""Networks learn, with fixed seeds: what they reach on data that is held out, in what time, the same on every run."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


def run(name: str) -> Any:
    """What `learn.py` prints. One thread for products: two of them wait for each other on a machine that is busy."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("learn.py")), name]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


needs_digits = pytest.mark.skipif(find_spec("sklearn") is None, reason="needs scikit-learn, of the extra demo")


@needs_digits
def test_a_dense_network_reads_digits_after_at_most_five_seconds() -> None:
    one, other = run("dense"), run("dense")
    assert one["accuracy"] >= 0.97 and one["seconds"] <= 5
    assert (one["params"], one["losses"]) == (other["params"], other["losses"])


@needs_digits
def test_a_convolutional_network_reads_digits_better() -> None:
    assert run("convolutional")["accuracy"] >= 0.98


def test_an_lstm_learns_what_came_first_in_a_sequence() -> None:
    one, other = run("lstm"), run("lstm")
    assert one["accuracy"] >= 0.97
    assert (one["params"], one["losses"]) == (other["params"], other["losses"])
