"""A training run that is killed (SIGKILL) again and again: in a step, in a checkpoint, while it saves.

``python -m tests.nn.crashes --count 200`` in the folder of the repository does so 200 times. After each time
the files on disk have to be whole. A run that was resumed after several kills and came to its end has to have
the losses, accuracies and parameters of one that was never interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy

from minpy.nn import storage
from minpy.nn.callbacks import Callback
from minpy.nn.io import NDArrayIter
from tests.nn.training import Small, data, solver

EPOCHS = 12


class SaveModel(Callback):
    """Writes the model after each epoch, too."""

    def __init__(self, path: Path):
        self.path = path

    def on_epoch(self, solver: Any) -> None:
        solver.model.save(self.path)


class Tell(Callback):
    """Says that training has begun."""

    def __init__(self, pipe: int):
        self.pipe = pipe

    def on_step(self, solver: Any) -> None:
        if self.pipe is not None:
            os.write(self.pipe, b".")
            self.pipe = None


def train(folder: Path, pipe: int) -> None:
    """Go on with the run of a folder, and write its results to the pipe at the end."""
    run = solver(
        Small(),
        train=NDArrayIter(*data(), 8, shuffle=True),
        update_rule="adam",
        num_epochs=EPOCHS,
        checkpoint=folder / "run.safetensors",
        checkpoint_every=4,
        callbacks=[SaveModel(folder / "model.safetensors"), Tell(pipe)],
    )
    run.train(resume=True)
    params = {name: numpy.asarray(value).tolist() for name, value in run.model.params.items()}
    found = [run.loss_history, run.train_acc_history, run.val_acc_history, params]
    with os.fdopen(pipe, "wb") as file:
        file.write(b"=" + json.dumps(found).encode())


def run_for(folder: Path, seconds: float | None) -> tuple[Any, float]:
    """Run ``train`` in a process, and kill it so long after it began; its results or None, and its time.

    The parent has run no operator of MXNet, whose threads would not survive the fork.
    """
    readable, writable = os.pipe()
    process = os.fork()
    if not process:
        os.close(readable)
        try:
            train(folder, writable)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writable)
    told = os.read(readable, 1)
    begin = time.monotonic()
    if seconds is not None:
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
    while part := os.read(readable, 1 << 16):
        told += part
    took = time.monotonic() - begin
    os.close(readable)
    status = os.waitpid(process, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the run failed")
    _, _, found = told.partition(b"=")
    is_whole = os.WIFEXITED(status)
    return (json.loads(found) if is_whole else None), took


def check_files(folder: Path) -> None:
    """Load what is on disk: all of it is whole."""
    if (folder / "run.safetensors").exists():
        assert storage.load(folder / "run.safetensors")["version"] == 1
    if (folder / "model.safetensors").exists():
        assert storage.load(folder / "model.safetensors").keys() == {*Small().params, *Small().aux_params}


def rounds(folder: Path, count: int, seed: int) -> tuple[int, int]:
    """Kill ``count`` times; how many runs came to their end, and how many kills left a file half written."""
    moments = random.Random(seed)
    times = []
    for name in ("first", "second", "expected"):  # the first one fills the cache of compiled code
        (folder / name).mkdir()
        expected, took = run_for(folder / name, None)
        times.append(took)
    longest = 0.5 * min(times)
    killed = finished = interrupted = number = 0
    while True:
        number += 1
        current = folder / str(number)
        current.mkdir()
        while True:
            seconds = moments.uniform(0, longest) if killed < count else None
            found, _ = run_for(current, seconds)
            check_files(current)
            if found is not None:
                break
            killed += 1
            interrupted += any(path.suffix == ".tmp" for path in current.iterdir())
        assert found == expected, f"run {number} has other results"
        finished += 1
        assert sorted(p.name for p in current.iterdir() if not p.name.endswith(".tmp")) == [
            "model.safetensors",
            "run.safetensors",
        ]
        if killed >= count:
            return finished, interrupted


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.nn.crashes", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        begun = time.monotonic()
        done, half = rounds(Path(top), options.count, options.seed)
        print(
            f"killed {options.count} times in {time.monotonic() - begun:.0f} s, {half} of them with a file "
            f"half written; {done} runs came to their end with the results of an uninterrupted one"
        )
        sys.stdout.flush()
