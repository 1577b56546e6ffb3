"""Errors say where in the user's code they come from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SESSION = """
from IPython.core.interactiveshell import InteractiveShell

cells = [
    "import functrace",
    "def absolute(x):\\n    return x if x > 0 else -x",
    "try:\\n    functrace.jit(absolute)(1.0)\\nexcept TypeError as error:\\n    print(error)",
    "print(functrace.make_jaxpr(lambda x: 2 * x)(1.0).eqns[0].location)",
]
for cell in cells:
    InteractiveShell.instance().run_cell(cell, store_history=True)
"""


def test_a_place_in_a_notebook_is_the_number_of_its_cell(tmp_path):
    pytest.importorskip("IPython")
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", SESSION], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "where: Cell In[2]:2 in absolute\n        return x if x > 0 else -x" in ran.stdout
    assert "Cell In[4]:1 in <lambda>" in ran.stdout
