"""Measure every case for every peer: one process a peer, the peers in turn, medians and ratios."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy

from benchmarks.cases import CASES, PEERS

_MODULES = {"autograd": "autograd", "jax": "jax", "torch": "torch"}


class Worker:
    """A process that runs one case for one peer when told to."""

    def __init__(self, case: str, peer: str):
        self.peer = peer
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks", "--worker", case, peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.first, self.results = self.ask("first")
        self.seconds: list[float] = []

    def ask(self, what: str):
        """Send a word, get the answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.peer} died")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def work(case: str, peer: str) -> None:
    """The worker: answers 'first' with seconds and results, 'run' with the median of several steps."""
    answers, sys.stdout = sys.stdout, sys.stderr
    step = None
    for line in sys.stdin:
        if line.strip() == "first":
            started = time.perf_counter()
            step = CASES[case](peer)
            results = step()
            answer = [time.perf_counter() - started, [numpy.ravel(r)[:50].tolist() for r in results]]
        else:
            assert step is not None
            times = []
            until = time.perf_counter() + 0.15
            while not times or time.perf_counter() < until:
                started = time.perf_counter()
                step()
                times.append(time.perf_counter() - started)
            answer = statistics.median(times)
        print(json.dumps(answer), file=answers, flush=True)


def measure(case: str, rounds: int) -> None:
    """Print a table of one case."""
    peers = [p for p in PEERS if p not in _MODULES or importlib.util.find_spec(_MODULES[p])]
    workers = [Worker(case, peer) for peer in peers]
    for worker in workers[1:]:
        for ours, theirs in zip(workers[0].results, worker.results):
            numpy.testing.assert_allclose(theirs, ours, rtol=2e-3, atol=1e-4, err_msg=worker.peer)
    for _ in range(rounds):
        for worker in workers:
            worker.seconds.append(worker.ask("run"))
    for worker in workers:
        worker.close()
    base = statistics.median(workers[0].seconds)
    print(f"\n{case}: {(CASES[case].__doc__ or '').strip()}")
    print(f"  {'':16}{'ms':>10}{'ratio':>9}{'first call s':>15}")
    for worker in workers:
        median = statistics.median(worker.seconds)
        print(f"  {worker.peer:16}{median * 1e3:10.3f}{median / base:9.2f}{worker.first:15.2f}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="default: all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--worker", nargs=2, metavar=("CASE", "PEER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(*arguments.worker)
        return
    threads = os.environ.get("OMP_NUM_THREADS", "as each library chooses")
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, threads: {threads}, Python {platform.python_version()}")
    print("medians of interleaved rounds; ratio: to minpy compiled, above 1 is slower")
    for case in arguments.cases or CASES:
        measure(case, arguments.rounds)


if __name__ == "__main__":
    main()
