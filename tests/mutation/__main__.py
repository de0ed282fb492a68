"""Small faults in the code, one at a time: do the tests notice? ``python -m tests.mutation --sample 400``

A mutant is a file with one change, such as ``<`` for ``<=``. It is killed where a test fails with it, crashes
or takes ten times as long. Only tests that run the changed line are tried, each mutant in its own process;
the working tree stays as it is. What is found is kept, so the same command goes on where it was ended. Which
tests run which lines is found out first, for each state of the code anew; that takes as long as the tests do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.mutation.choice import tests_for
from tests.mutation.forks import ROOT, Overlay, in_child, preload, run_pytest
from tests.mutation.mutants import Mutant, sample
from tests.mutation.reach import Reach, collect
from tests.mutation.swap import Job, Server, called_by_import, changed_codes, swap

#: The op table with its gradients, what differentiates and optimizes, and what decides whether compiled code
#: may run.
TARGETS = [
    "minpy/ops/*.py",
    "minpy/compiler/passes/*.py",
    "minpy/compiler/guards.py",
    "minpy/compiler/joint.py",
]
#: These start other processes, read documents or take minutes, and tell little about a line.
LEFT_OUT = {"tests/distributed", "tests/examples", "tests/soak", "tests/mutation", "tests/profiling"}
_LONGER, _SLACK = 10.0, 2.0  # a test that takes so many times as long and seconds more has found the mutant


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=400, help="how many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0, help="of tests for a mutant, at most about")
    parser.add_argument(
        "--only", action="append", help="a file to mutate, or several; default: all that count"
    )
    parser.add_argument("--tests", action="append", help="a file of tests, or several; default: nearly all")
    parser.add_argument("--again", action="store_true", help="those that survived before, once more")
    parser.add_argument(
        "--control", action="store_true", help="change nothing: whatever dies, dies without reason"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--folder", type=Path, default=ROOT / ".mutation")
    options = parser.parse_args()

    paths = _files(options.only or TARGETS)
    chosen, total = sample(paths, options.sample, options.seed)
    print(f"{len(chosen)} of {total} mutants of {len(paths)} files, seed {options.seed}", flush=True)
    preload()
    tests = _test_files(options.tests)
    reaches = collect(tests, _files(TARGETS), _reach(options.folder))
    trial = Trial(options, reaches, time.monotonic() + 60 * options.minutes)
    in_child(lambda: trial.swapping(chosen), limit=False)  # leaves what cannot be done that way
    for mutant in trial.left(chosen):
        trial.importing(mutant)
    return _report(chosen, trial.results())


class Trial:
    """Mutants and what became of them, which is kept in a file."""

    def __init__(self, options: argparse.Namespace, reaches: Mapping[str, Reach], deadline: float):
        name = f"{'control' if options.control else 'results'}-{options.seed}.jsonl"
        self.kept = options.folder / name
        self.options, self.reaches, self.deadline = options, reaches, deadline
        self.survived_before = {
            name for name, found in self.results().items() if options.again and found["outcome"] == "survived"
        }

    def results(self) -> dict[str, dict]:
        """Mutant -> the last that was found."""
        lines = self.kept.read_text().splitlines() if self.kept.exists() else []
        return {found["mutant"]: found for found in map(json.loads, lines)}

    def left(self, mutants: Iterable[Mutant]) -> Iterator[Mutant]:
        """Those that are still to be tried."""
        done = self.results().keys() - self.survived_before
        for mutant in mutants:
            if str(mutant) not in done and time.monotonic() < self.deadline:
                yield mutant

    def keep(self, mutant: Mutant, ended: int, status: int | None, tests: int) -> bool:
        """Write down how the run ended; gives whether the mutant is dead."""
        is_dead = bool(ended) or status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        outcome = "killed" if is_dead else "survived"
        self.survived_before.discard(str(mutant))
        found = {"mutant": str(mutant), "outcome": outcome, "ended": ended, "status": status, "tests": tests}
        with self.kept.open("a") as file:
            file.write(json.dumps(found) + "\n")
        print(f"{outcome}: {mutant.path}:{mutant.line} {mutant.operator}-{mutant.occurrence}", flush=True)
        return is_dead

    def text(self, mutant: Mutant) -> str:
        return (ROOT / mutant.path).read_text() if self.options.control else mutant.text()

    def rounds(self, mutant: Mutant) -> list[dict[str, float]]:
        """The tests to run, with their limits."""
        found = tests_for(mutant, self.reaches, self.options.seconds)
        return [{test: _LONGER * took + _SLACK for test, took in tests.items()} for tests in found]

    def swapping(self, mutants: Iterable[Mutant]) -> None:
        """Try all whose functions can be swapped."""
        at_import = called_by_import()

        def jobs() -> Iterator[Job]:
            for mutant in self.left(mutants):
                before, after = (ROOT / mutant.path).read_text(), mutant.text()
                codes = changed_codes(before, after, mutant.path)
                limits = {test: limit for tests in self.rounds(mutant) for test, limit in tests.items()}
                if codes is None or at_import & codes.keys():
                    continue
                yield Job(
                    partial(swap, codes={} if self.options.control else codes, text=after, path=mutant.path),
                    limits,
                    partial(self.keep, mutant, tests=len(limits)),
                )

        run_pytest([file for file, reach in self.reaches.items() if reach.seconds], [Server(jobs())])

    def importing(self, mutant: Mutant) -> None:
        """Try one in processes that import the changed file."""
        overlay = Overlay(mutant.path, self.text(mutant))
        tried = 0
        ended, status = 0, 0
        for limits in self.rounds(mutant):
            tried += len(limits)
            ended, status = in_child(lambda limits=limits: overlay.run(limits))
            if ended or status:
                break
        self.keep(mutant, ended, status, tried)


def _files(patterns: list[str]) -> list[str]:
    return [str(path.relative_to(ROOT)) for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def _test_files(patterns: list[str] | None) -> list[Path]:
    if patterns:
        return [ROOT / path for path in _files(patterns)]
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return [path for path in found if not any(path.is_relative_to(ROOT / folder) for folder in LEFT_OUT)]


def _reach(folder: Path) -> Path:
    """Where it is kept which tests run which lines of the code as it is now."""
    code = b"".join(path.read_bytes() for path in sorted((ROOT / "minpy").rglob("*.py")))
    return folder / f"reach-{hashlib.sha256(code).hexdigest()[:16]}"


def _report(chosen: list[Mutant], results: Mapping[str, dict]) -> int:
    """Print the survivors and the score with Wilson's interval of 95 %."""
    done = [(mutant, results[str(mutant)]) for mutant in chosen if str(mutant) in results]
    alive = [(mutant, found) for mutant, found in done if found["outcome"] == "survived"]
    for mutant, found in sorted(alive):
        print(f"{mutant.path}:{mutant.line}, {found['tests']} tests, {mutant.operator}-{mutant.occurrence}")
        print(mutant.difference())
    n, z = len(done), 1.96
    if n:
        share = 1 - len(alive) / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
        low, high = 100 * (middle - half), 100 * (middle + half)
        print(f"{n - len(alive)} of {n} killed: {100 * share:.1f} % (95 %: {low:.1f} to {high:.1f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
