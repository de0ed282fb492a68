"""Which tests run which lines of the code that is mutated, and how long each takes."""

from __future__ import annotations

import gc
import hashlib
import pickle
import signal
import sys
import time
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mutation.forks import ROOT, in_child, run_pytest
from tests.mutation.marks import Marks

_LONGEST = 5.0  # seconds of the processor that a test may take


class Reach(NamedTuple):
    """What is known about the tests of one file."""

    seconds: dict[str, float]  #: test -> processor time, of those that pass
    lines: dict[str, dict[int, array]]  #: file -> line -> places in ``seconds`` of the tests that run it


class _TooLong(BaseException):
    """A test takes so long that it is not worth while to try mutants with it."""


class _Recorder:
    """A plugin of pytest that forks for each file of tests, measures them, and keeps what they reach."""

    def __init__(self, kept: Mapping[str, Path], marks: Marks):
        self.kept = kept
        self.marks = marks

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.collect()
        gc.freeze()  # or the first collection in each fork copies all memory
        for name, items in groupby(session.items, lambda item: item.nodeid.partition("::")[0]):
            tests = list(items)
            status, found = in_child(lambda tests=tests: self._reach(tests), more=_LONGEST * len(tests))
            if not isinstance(found, Reach):
                print(f"{name}: left out, it ended with {status}: {found}", file=sys.stderr, flush=True)
                found = Reach({}, {})
            self.kept[name].write_bytes(pickle.dumps(found))
        return True

    def _reach(self, items: list[pytest.Item]) -> Reach:
        """Run tests in this process, a child."""
        signal.signal(signal.SIGPROF, _stop)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        taken: dict[str, array] = {}
        for item, following in zip(items, [*items[1:], None]):
            self.marks.taken()
            started = time.process_time()
            try:
                signal.setitimer(signal.ITIMER_PROF, _LONGEST)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                signal.setitimer(signal.ITIMER_PROF, 0)
            except _TooLong:
                self.failed.add(item.nodeid)
            self.seconds[item.nodeid] = time.process_time() - started
            taken[item.nodeid] = self.marks.taken()
        passing = [test for test in self.seconds if test not in self.failed]
        lines: dict[str, dict[int, array]] = defaultdict(lambda: defaultdict(lambda: array("H")))
        for place, test in enumerate(passing):
            for path, line in self.marks.lines(taken[test]):
                lines[path][line].append(place)
        found = {path: dict(places) for path, places in lines.items()}
        return Reach({test: self.seconds[test] for test in passing}, found)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)


def _record(test_files: list[str], recorder: _Recorder) -> int:
    recorder.marks.install()
    return run_pytest(test_files, [recorder])


def _stop(number: int, frame: object) -> None:
    raise _TooLong


def collect(test_files: Iterable[Path], targets: Iterable[str], folder: Path) -> dict[str, Reach]:
    """What each file of tests reaches; kept in ``folder``, from which a second run takes it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {}
    for test_file in test_files:
        name = str(test_file.relative_to(ROOT))
        version = hashlib.sha256(test_file.read_bytes()).hexdigest()[:8]
        kept[name] = folder / f"{name.replace('/', '.')}.{version}.pickle"
    missing = [name for name, path in kept.items() if not path.exists()]
    if missing:
        ended = in_child(lambda: _record(missing, _Recorder(kept, Marks(targets))), limit=False)
        if ended != (0, pytest.ExitCode.OK):
            print(f"tests cannot be collected: {ended}", file=sys.stderr, flush=True)
    return {name: pickle.loads(path.read_bytes()) for name, path in kept.items() if path.exists()}
