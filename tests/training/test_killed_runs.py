"""A run that is killed goes on from its checkpoint, and ends as one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from functrace import training

PROGRAM = """
import sys
import numpy as np
import functrace.numpy as fnp
from functrace import nn, optim, random, training

path, out = sys.argv[1:]
net = nn.serial(nn.Dense(16), nn.BatchNorm(), nn.Relu, nn.Dropout(0.2), nn.Dense(1))
x = np.random.default_rng(0).normal(size=(60, 4))
data = (x, np.sin(x.sum(1)))

def loss(params, batch, *, state, key, train):
    x, y = batch
    out, state = net.apply_with_state(params, state, x, key=key, train=train)
    return fnp.mean((out[:, 0] - y) ** 2), state

class Say(training.Callback):
    def on_step(self, run):
        print(run.step, flush=True)

fitted = training.fit(
    loss, net.init(random.key(1), (-1, 4))[1], optim.adamw(optim.cosine_decay_schedule(1e-2, 150)), data,
    state=net.init_state((-1, 4)), epochs=25, batch_size=10, key=random.key(2), validation=data, callbacks=[Say()],
    early_stopping=training.EarlyStopping(patience=25), checkpoint=training.Checkpoint(path, every=1),
)
training.save(out, {"params": fitted.params, "state": fitted.state, "optimizer": list(fitted.optimizer_state[0]),
    "steps": np.array(fitted.history.steps), "epochs": {k: np.array(v) for k, v in fitted.history.epochs.items()}})
"""


def start(folder: Path, name: str) -> "subprocess.Popen[str]":
    root = Path(training.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(folder / f"{name}-run.npz"), str(folder / f"{name}.npz")]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_run_that_is_killed_ends_with_the_same_parameters_bit_for_bit(tmp_path: Path) -> None:
    with start(tmp_path, "whole") as whole:
        assert whole.communicate()[0].split()[-1] == "150"
    resumed_at = []
    for steps, delay in ((3, 0.0), (50, 0.0015), (150, 0.0)):
        with start(tmp_path, "killed") as run:
            assert run.stdout is not None
            numbers = []
            for line in run.stdout:
                numbers.append(int(line))
                if len(numbers) == steps and steps < 150:
                    time.sleep(delay)
                    run.kill()  # wherever it is: in a step, in a write
                    break
            run.wait()
            resumed_at.append(numbers[0])
    assert run.returncode == 0 and resumed_at[0] == 1 and resumed_at[1] >= 3 and resumed_at[2] >= 50
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "killed-run.npz", "killed.npz", "whole-run.npz", "whole.npz",
    ]  # fmt: skip
    one, other = training.load(tmp_path / "whole.npz"), training.load(tmp_path / "killed.npz")
    assert (tmp_path / "whole.npz").read_bytes() == (tmp_path / "killed.npz").read_bytes()
    assert len(one["steps"]) == 150 and np.array_equal(one["steps"], other["steps"])
