"""Measuring: one process a peer, the peers in turn, medians; only peers with the same result are timed."""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from benchmarks.cases import WORKS
from benchmarks.peers import missing
from benchmarks.work import Work

FIRST_CALL_LIMIT = 120  # seconds; who compiles longer is left out
WARMING = {"steps": 8, "seconds": 2.0}  # before anything is timed


class Failed(Exception):
    """A peer that cannot go on with a work, with the reason."""


@dataclass
class Result:
    """What was measured of one peer: seconds of the first call and of a step, or why not."""

    first: float = 0.0
    seconds: float = 0.0
    note: str = ""


@dataclass
class Line:
    """One work and its results by peer, the first of whom is MinPy."""

    name: str
    work: Work
    results: dict[str, Result] = field(default_factory=dict)

    def best(self, peers: Collection[str] = ()) -> str | None:
        """The fastest of some peers, or of all, that is not MinPy."""
        others = {p: r.seconds for p, r in self.results.items() if r.seconds and not p.startswith("minpy")}
        chosen = others.keys() & peers if peers else others
        return min(chosen, key=others.__getitem__, default=None)

    def ratio(self, peers: Collection[str] = ()) -> float | None:
        """MinPy's time over that of the best of these peers; below 1 is faster."""
        ours, best = self.results.get("minpy compiled"), self.best(peers)
        return ours.seconds / self.results[best].seconds if ours and ours.seconds and best else None


class Process:
    """The process of a peer, started again where it has died."""

    def __init__(self, peer: str, threads: int):
        self.peer, self.threads = peer, threads
        self.process: subprocess.Popen | None = None
        self.started: dict[str, Any] = {}

    def _start(self) -> None:
        count = str(self.threads)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self.caches = tempfile.TemporaryDirectory()  # nothing that was compiled by an earlier run
        nothing_kept = {"TORCHINDUCTOR_CACHE_DIR": self.caches.name, "MINPY_CACHE_DIR": ""}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", self.peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **dict.fromkeys(names, count), **nothing_kept},
        )
        if hasattr(os, "sched_setaffinity"):  # for libraries that have no such variable
            os.sched_setaffinity(self.process.pid, sorted(os.sched_getaffinity(0))[: self.threads])
        self.started = self.ask(do="start")

    def ask(self, timeout: float = 600, **request: Any) -> dict[str, Any]:
        """Send a request, get the answer."""
        if self.process is None:
            self._start()
        assert self.process and self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], timeout)
            answer = self.process.stdout.readline() if ready else b""
        except BrokenPipeError:
            ready, answer = [True], b""
        if not answer:
            self.close()
            raise Failed("the process died" if ready else f"no result after {timeout:g} s")
        found = json.loads(answer)
        if "error" in found:
            raise Failed(found["error"])
        return found

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.caches.cleanup()
        self.process = None


def difference(found: list[numpy.ndarray], expected: list[numpy.ndarray]) -> float:
    """The largest difference of an array: the norm of the difference over that of what is expected."""
    if [a.size for a in found] != [a.size for a in expected]:
        return float("inf")
    worst = 0.0
    for ours, theirs in zip(found, expected):
        size = numpy.linalg.norm(numpy.ravel(theirs).astype("float64"))
        error = numpy.linalg.norm(numpy.ravel(ours).astype("float64") - numpy.ravel(theirs))
        if not numpy.isfinite(error):
            return float("inf")
        worst = max(worst, float(error / size if size else error))
    return worst


class Bench:
    """The processes of all peers that are there."""

    def __init__(self, peers: list[str], threads: int):
        self.processes = {p: Process(p, threads) for p in peers if not missing(p)}
        self.missing = {p: reason for p in peers if (reason := missing(p))}

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.close()

    def measure(self, name: str, rounds: int, seconds: float = 0.1) -> Line:
        """Measure one work."""
        line = Line(name, WORKS[name]())
        timed: dict[str, list[float]] = {}
        expected: list[numpy.ndarray] | None = None
        for peer in self.processes:
            reason = line.work.leave_out.get(peer)
            if reason:
                line.results[peer] = Result(note=reason)
                continue
            try:
                answer, found = self._first(peer, name)
            except Failed as failure:
                line.results[peer] = Result(note=str(failure))
                continue
            if answer.get("lacks"):
                continue
            line.results[peer] = Result(answer["seconds"])
            expected = found if expected is None else expected
            error = difference(found, expected)
            if error > line.work.tolerance:
                line.results[peer].note = f"another result: {error:.1e} off"
            else:
                timed[peer] = []
        for number in range(rounds + 1):
            for peer in list(timed):
                try:
                    if number == 0:
                        self.processes[peer].ask(do="warm", **WARMING)
                    else:
                        timed[peer].append(self.processes[peer].ask(do="run", seconds=seconds)["seconds"])
                except Failed as failure:
                    line.results[peer].note = str(failure)
                    del timed[peer]
        for peer, times in timed.items():
            line.results[peer].seconds = statistics.median(times) if times else 0.0
        return line

    def _first(self, peer: str, name: str) -> tuple[dict, list[numpy.ndarray]]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.npz"
            answer = self.processes[peer].ask(FIRST_CALL_LIMIT, do="first", name=name, into=str(path))
            if not path.exists():
                return answer, []
            with numpy.load(path) as arrays:
                return answer, [arrays[key] for key in arrays.files]
