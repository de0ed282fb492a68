"""The process of one peer: it reads what to do from its standard input, a JSON object a line, and answers so.

``first``: prepare a work, do it once, keep the results in a file; the answer has the seconds.
``warm``: do it a few times, which lets a library adapt.
``run``: the median seconds of a step, over ``seconds`` of steps. ``memory``: its resident memory so far.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy

from benchmarks.cases import WORKS
from benchmarks.peers import PEERS
from benchmarks.peers.task import Task
from benchmarks.work import Work


def memory() -> dict[str, float]:
    """Resident memory now and at its peak, in MB."""
    status = Path("/proc/self/status").read_text()
    return {name: int(re.search(rf"{name}:\s*(\d+)", status)[1]) / 1024 for name in ("VmRSS", "VmHWM")}


def results(work: Work, found: list[numpy.ndarray]) -> list[numpy.ndarray]:
    """Values and gradients, also where a step has applied these."""
    if work.kind != "step":
        return found
    value, *params = found
    return [value, *((before - after) / work.rate for before, after in zip(work.flat_params(), params))]


class Worker:
    """Answers requests for one peer."""

    def __init__(self, peer: str):
        self.peer = PEERS[peer]
        self.task: Task | None = None

    def start(self) -> dict[str, Any]:
        """Import the library."""
        if self.peer.module == "mxnet":  # by MinPy's door, which knows the names that newer NumPys dropped
            importlib.import_module("minpy.runtime.engine")
        elif self.peer.module == "torch":
            importlib.import_module("torch").set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        else:
            importlib.import_module(self.peer.module)
        return memory()

    def first(self, name: str, into: str | None = None) -> dict[str, Any]:
        """The first call, which compiles; its results go into a file."""
        self.task = None
        gc.collect()
        work = WORKS[name]()
        started = time.perf_counter()
        self.task = self.peer.prepare(work)
        if self.task is None:
            return {"lacks": True}
        first = self.task.step()
        seconds = time.perf_counter() - started
        if into is not None:
            numpy.savez(into, *results(work, self.task.read(first)))
        return {"seconds": seconds}

    def warm(self, steps: int, seconds: float) -> dict[str, Any]:
        """That many steps, or as many as have room in that time."""
        assert self.task is not None
        until = time.perf_counter() + seconds
        for _ in range(steps):
            self.task.step()
            if time.perf_counter() > until:
                break
        return {}

    def run(self, seconds: float) -> dict[str, Any]:
        """Steps."""
        assert self.task is not None
        times = []
        until = time.perf_counter() + seconds
        while not times or time.perf_counter() < until:
            started = time.perf_counter()
            self.task.step()
            times.append(time.perf_counter() - started)
        return {"seconds": statistics.median(times)}

    def memory(self) -> dict[str, Any]:
        """Resident memory."""
        return memory()


def main(peer: str) -> None:
    """Answer until the input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    worker = Worker(peer)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
