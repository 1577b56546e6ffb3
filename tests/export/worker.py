"""A process in which this library cannot be imported: it runs exported modules."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SCRIPT = """
import pickle, sys
sys.modules["functrace"] = None
import numpy as np
np.seterr(all="ignore")
while True:
    try:
        text, name, args, kwargs = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    try:
        module = {"__name__": "exported"}
        exec(compile(text, "<exported>", "exec"), module)
        answer = (True, module[name](*args, **kwargs))
        pickle.dumps(answer)
    except Exception as error:
        answer = (False, (type(error).__name__, str(error)))
    pickle.dump(answer, sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


class Worker:
    """Runs the public function of an exported module."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def __call__(self, text: str, name: str, *args: Any, **kwargs: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        pickle.dump((text, name, args, kwargs), self._process.stdin)
        self._process.stdin.flush()
        fine, answer = pickle.load(self._process.stdout)
        assert fine, f"{answer}\n{text}"
        return answer


@contextmanager
def worker() -> Iterator[Worker]:
    """Such a process, for as long as it is needed."""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", _SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Worker(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
